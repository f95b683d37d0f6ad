//! Every code this crate can report, in one table: the source of the documentation, of the README and of the JSON.

use std::fmt;

use serde::Serialize;

use crate::finding::Severity;

/// Declares [`Code`] and its table from one list.
macro_rules! codes {
    ($($variant:ident $code:literal $name:literal $severity:ident $doc:literal)*) => {
        /// What a finding is about. A code is never reused and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $doc] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as people cite it: `OC-C…` and three digits.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name in kebab case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is by itself.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One line that says what it means.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

codes! {
    // 0xx: a source cannot be read as what it should be.
    FileNotFound "OC-C001" "file-not-found" Error "A file that was named does not exist."
    FileUnreadable "OC-C002" "file-unreadable" Error "A file exists and cannot be read: a directory, no permission, a loop of links, too large."
    NotUtf8 "OC-C003" "not-utf8" Error "A file holds bytes that are no UTF-8."
    YamlSyntax "OC-C010" "yaml-syntax" Error "A file is no YAML from this place on."
    DuplicateKey "OC-C011" "duplicate-key" Error "A mapping has one key twice."
    KeyNotString "OC-C012" "key-not-string" Error "A mapping key is a number, a boolean or null; Compose wants strings."
    UnknownAnchor "OC-C013" "unknown-anchor" Error "An alias names an anchor that does not stand before it."
    AliasCycle "OC-C014" "alias-cycle" Error "An alias stands inside the value it names."
    BadMergeKey "OC-C015" "bad-merge-key" Error "`<<` wants a mapping or a list of mappings."
    YamlDialect "OC-C016" "yaml-dialect" Error "Lawful YAML that Compose's parser refuses."
    YamlLimit "OC-C017" "yaml-limit" Error "A file nests or expands beyond the bounds of this reader."
    NotAMapping "OC-C018" "not-a-mapping" Error "A Compose file, or a part of it that must be one, is no mapping."
    DotenvSyntax "OC-C020" "dotenv-syntax" Error "A line of an env file cannot be read."
    DotenvUnusable "OC-C021" "dotenv-unusable" Error "An env file sets a name or a value that no process environment can hold."
    BadTemplate "OC-C030" "bad-template" Error "`${` begins something that Compose cannot interpolate."
    RequiredVariable "OC-C031" "required-variable" Error "`${NAME:?text}` and NAME has no value."
    UnsetVariable "OC-C032" "unset-variable" Warning "A variable is not set and becomes the empty string."
    BadCast "OC-C033" "bad-cast" Error "A text does not fit the type of its field."
    OldBoolean "OC-C034" "old-boolean" Warning "`yes`, `on`, `no` or `off` stands where a boolean belongs."
    // 1xx: the project.
    NoComposeFile "OC-C100" "no-compose-file" Error "No Compose file was found or named."
    SeveralComposeFiles "OC-C101" "several-compose-files" Warning "Several files have a default name; the first wins."
    BadProjectName "OC-C102" "bad-project-name" Error "The project name is empty or holds what a name cannot."
    BadSetting "OC-C103" "bad-setting" Error "A COMPOSE_… variable holds what Compose cannot read."
    MergeConflict "OC-C110" "merge-conflict" Error "Two files give one key values of different kinds."
    ExtendsUnknownService "OC-C120" "extends-unknown-service" Error "`extends` names a service that does not exist."
    ExtendsBadFile "OC-C121" "extends-bad-file" Error "`extends` names a file without such a service, or is no reference at all."
    ExtendsCycle "OC-C122" "extends-cycle" Error "A service extends itself by way of others."
    IncludeConflict "OC-C130" "include-conflict" Error "An included file defines a resource that is defined differently already."
    IncludeCycle "OC-C131" "include-cycle" Error "A file includes itself by way of others."
    IncludeInvalid "OC-C132" "include-invalid" Error "`include` is no list of paths."
    RemoteResource "OC-C133" "remote-resource" Warning "A remote resource (git, oci) is not fetched; what it holds is unknown."
    UnknownKey "OC-C140" "unknown-key" Error "A key that the Compose schema does not know."
    BadResourceName "OC-C141" "bad-resource-name" Error "A name with characters other than `a-z A-Z 0-9 . _ -`."
    WrongType "OC-C142" "wrong-type" Error "A value of the wrong type."
    NotOneOf "OC-C143" "not-one-of" Error "A word outside a closed list."
    MissingKey "OC-C144" "missing-key" Error "A required key is absent."
    RepeatedItem "OC-C145" "repeated-item" Error "A list of unique items holds one twice."
    OutOfRange "OC-C146" "out-of-range" Error "A number outside its range."
    NotFinite "OC-C147" "not-finite" Error "Infinity or not-a-number, which Compose cannot pass on."
    BadPort "OC-C150" "bad-port" Error "A port mapping that cannot be read."
    BadVolume "OC-C151" "bad-volume" Error "A volume mount that cannot be read."
    BadDuration "OC-C152" "bad-duration" Error "A text that is no duration such as `1m30s`."
    BadValue "OC-C153" "bad-value" Error "A value that its field cannot take."
    NoImage "OC-C160" "no-image" Error "A service has neither an image nor a build."
    NetworkModeAndNetworks "OC-C161" "network-mode-and-networks" Error "A service has both `network_mode` and `networks`."
    UndefinedResource "OC-C162" "undefined-resource" Error "A service refers to a network, volume, secret or config that is not defined."
    UndefinedService "OC-C163" "undefined-service" Error "A service depends on one that does not exist or is switched off by its profiles."
    DependencyCycle "OC-C164" "dependency-cycle" Error "Services depend on each other in a circle."
    BadHealthcheck "OC-C165" "bad-healthcheck" Error "`healthcheck.test` does not begin with CMD, CMD-SHELL or NONE."
    ConflictingFields "OC-C166" "conflicting-fields" Error "Two fields say different things about one setting."
    BadSource "OC-C167" "bad-source" Error "A secret or config has no source, or more than one."
    EnvFileMissing "OC-C170" "env-file-missing" Error "A service's env file or label file does not exist."
    EnvFileFormat "OC-C171" "env-file-format" Error "An env file format that this version of Compose does not know."
    ObsoleteVersion "OC-C180" "obsolete-version" Warning "`version` is read no more."
    DeprecatedExternal "OC-C181" "deprecated-external" Warning "`external: {name: …}` has given way to `name` and `external: true`."
    DriveLetterVolume "OC-C182" "drive-letter-volume" Warning "A volume with a one-letter name is read as a Windows drive: the mount is anonymous."
    RandomHostPort "OC-C183" "random-host-port" Warning "The host port of a mapping is empty after interpolation: Docker picks one at random."
    NullHidesEnvFile "OC-C184" "null-hides-env-file" Warning "A bare name in `environment` is set nowhere and hides the value of an env file."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_unique_and_well_formed() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].id() < pair[1].id(), "{} before {}", pair[0], pair[1]);
        }
        let names: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let digits = code.id().strip_prefix("OC-C").expect("prefix");
            assert!(digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()), "{code}");
            assert!(
                code.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{code}"
            );
            assert!(code.doc().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn the_readme_lists_every_code() {
        let readme = include_str!("../README.md");
        for code in Code::ALL {
            let row =
                format!("| `{}` | `{}` | {} | {} |", code.id(), code.name(), code.severity(), code.doc());
            assert!(readme.contains(&row), "README.md lacks the row\n{row}");
        }
    }
}
