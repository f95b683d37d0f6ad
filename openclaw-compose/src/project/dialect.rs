//! Which version of Compose to be: `docker compose` is a face on the library compose-go, whose rules have moved.
//!
//! Two dialects are **measured**: every case of `tests/corpus` was put to the real program, whose answers the tests play,
//! and projects made from a grammar are put to both (`tests/corpus/differ`).
//!
//! | dialect | program |
//! | --- | --- |
//! | compose-go 2.4 | Docker Compose 2.26.1 as Debian 13 builds it, with compose-go 2.4.8 |
//! | compose-go 2.9.1 | Docker Compose 2.40.3 as Debian's next release builds it |
//!
//! The others are **read**: they follow the sources and the change log. Two of them were held against a program once, by every
//! template, env file, document and project of the corpus, broken ones left out: 2.4.9 against Docker Compose 2.34.0, and 2.8
//! against 2.39.4 (compose-go 2.9.0) and 2.38.2 (2.7.1).
//!
//! | since | what changed | measured in |
//! | --- | --- | --- |
//! | 2.4.9 | a list item `KEY = v` with a blank before `=` is an error | 2.9.1 |
//! | 2.4.9 | the `.env` of the command's directory counts beside the project's | 2.9.1 |
//! | 2.4.9 | two services of one `container_name` are refused | 2.9.1 |
//! | 2.4.9 | every refusal has exit status 1, not 14 or 15 | 2.9.1 |
//! | 2.4.9 | of a project's `.env` only `COMPOSE_` names enter the process | 2.9.1 |
//! | 2.4.9 | `env_file.format: raw`; durations of days and weeks; `mode` of secrets and configs is octal text | 2.9.1 |
//! | 2.5.0 | an `env_file` sees the shell and `.env`, then the service's `environment`, then the files before it | 2.9.1 |
//! | 2.5.0 | `provider` | 2.9.1 |
//! | 2.6.0 | `x-` keys merge; `PWD` is always set | 2.9.1 |
//! | 2.8.0 | a later env file sees its own new values before those of earlier files | 2.9.1 |
//! | 2.8.0 | two mounts of one target, a host address that is none and a negative scale are errors; infinity is not | 2.9.1 |
//! | 2.8.0 | an empty list stays one where a later document is merged | 2.9.1 |
//! | 2.8.0 | `models`, `use_api_socket`, `interface_name`, `pull_policy: daily` and other keys | 2.9.1 |
//! | 2.9.1 | `!override` counts inside `extends` | 2.9.1 |
//! | 2.10.0 | an including file may override what it includes | read |
//! | 2.10.1 | the argument of `:-` and its kin is evaluated only where it is used | read |
//! | 2.10.2 | includes are read before `extends` | read |
//!
//! Where a change came with a version between two dialects, the later dialect has it.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A version of compose-go, in the steps that differ.
///
/// The default is the newest that was measured, [`ComposeGo29`](Self::ComposeGo29). [`Dialect::measured`] says which were;
/// the others were read in the sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Dialect {
    /// compose-go 2.4 up to 2.4.8.
    #[serde(rename = "compose-go 2.4")]
    ComposeGo24,
    /// compose-go 2.4.9.
    #[serde(rename = "compose-go 2.4.9")]
    ComposeGo249,
    /// compose-go 2.5.
    #[serde(rename = "compose-go 2.5")]
    ComposeGo25,
    /// compose-go 2.6 and 2.7.
    #[serde(rename = "compose-go 2.6")]
    ComposeGo26,
    /// compose-go 2.8.
    #[serde(rename = "compose-go 2.8")]
    ComposeGo28,
    /// compose-go 2.9.1.
    #[default]
    #[serde(rename = "compose-go 2.9.1")]
    ComposeGo29,
    /// compose-go 2.10.0.
    #[serde(rename = "compose-go 2.10.0")]
    ComposeGo210,
    /// compose-go 2.10.1.
    #[serde(rename = "compose-go 2.10.1")]
    ComposeGo2101,
    /// compose-go 2.10.2.
    #[serde(rename = "compose-go 2.10.2")]
    ComposeGo2102,
}

impl Dialect {
    /// Every dialect, oldest first.
    pub const ALL: &'static [Self] = &[
        Self::ComposeGo24,
        Self::ComposeGo249,
        Self::ComposeGo25,
        Self::ComposeGo26,
        Self::ComposeGo28,
        Self::ComposeGo29,
        Self::ComposeGo210,
        Self::ComposeGo2101,
        Self::ComposeGo2102,
    ];

    /// The name that reports carry: `compose-go 2.4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ComposeGo24 => "compose-go 2.4",
            Self::ComposeGo249 => "compose-go 2.4.9",
            Self::ComposeGo25 => "compose-go 2.5",
            Self::ComposeGo26 => "compose-go 2.6",
            Self::ComposeGo28 => "compose-go 2.8",
            Self::ComposeGo29 => "compose-go 2.9.1",
            Self::ComposeGo210 => "compose-go 2.10.0",
            Self::ComposeGo2101 => "compose-go 2.10.1",
            Self::ComposeGo2102 => "compose-go 2.10.2",
        }
    }

    /// The version alone: `2.4`.
    #[must_use]
    pub fn version(self) -> &'static str {
        let name = self.name();
        name.strip_prefix("compose-go ").unwrap_or(name)
    }

    /// The program that was measured; nothing for a dialect that was only read.
    ///
    /// ```
    /// use openclaw_compose::project::Dialect;
    ///
    /// assert_eq!(Dialect::default().measured(), Some("Docker Compose 2.40.3"));
    /// assert_eq!(Dialect::ComposeGo2102.measured(), None);
    /// ```
    #[must_use]
    pub fn measured(self) -> Option<&'static str> {
        match self {
            Self::ComposeGo24 => Some("Docker Compose 2.26.1"),
            Self::ComposeGo29 => Some("Docker Compose 2.40.3"),
            _ => None,
        }
    }

    /// The dialect of a Docker Compose by what `docker compose version` prints, or its number alone; nothing where there is
    /// no number. Of a release between two steps it is the earlier one.
    ///
    /// ```
    /// use openclaw_compose::project::Dialect;
    ///
    /// assert_eq!(Dialect::of_compose("Docker Compose version v2.39.1"), Some(Dialect::ComposeGo28));
    /// assert_eq!(Dialect::of_compose("2.26.1-4"), Some(Dialect::ComposeGo24));
    /// assert_eq!(Dialect::of_compose("not found"), None);
    /// ```
    #[must_use]
    pub fn of_compose(version: &str) -> Option<Self> {
        version.parse::<ComposeRelease>().ok().map(ComposeRelease::dialect)
    }

    /// The measured dialect to hold a project against: the newest, and for that one or a later one the oldest.
    #[must_use]
    pub fn counterpart(self) -> Self {
        if self < Self::ComposeGo29 { Self::ComposeGo29 } else { Self::ComposeGo24 }
    }

    /// The exit status of a refusal that older ones told apart.
    pub(crate) fn exit(self, status: u8) -> u8 {
        if self >= Self::ComposeGo249 { 1 } else { status }
    }

    /// `KEY = v` in a list is refused.
    pub(crate) fn refuses_blank_before_equals(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// The `.env` of the command's directory counts, and then that of the project's.
    pub(crate) fn reads_env_of_both_directories(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// `env_file.format: raw` is known.
    pub(crate) fn knows_raw_env_files(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// A duration may have days and weeks.
    pub(crate) fn knows_days(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// Two services of one container name are refused.
    pub(crate) fn checks_container_names(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// Making short forms long, Compose turned an empty list into null, which the next document's check then met.
    pub(crate) fn loses_empty_lists(self) -> bool {
        self < Self::ComposeGo28
    }

    /// The mode of a secret or a config is octal where it is text, and printed as that.
    pub(crate) fn octal_modes(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// An env file sees the shell first, then the service's `environment`, then the files before it.
    pub(crate) fn env_file_sees_shell_first(self) -> bool {
        self >= Self::ComposeGo25
    }

    /// `x-` keys merge deeply instead of being replaced.
    pub(crate) fn merges_extensions(self) -> bool {
        self >= Self::ComposeGo26
    }

    /// `PWD` is the command's directory where the shell has none.
    pub(crate) fn sets_pwd(self) -> bool {
        self >= Self::ComposeGo26
    }

    /// A later env file sees its own new values before those of earlier files.
    pub(crate) fn env_file_sees_itself_first(self) -> bool {
        self >= Self::ComposeGo28
    }

    /// Two mounts of one target, a host address that is none and a negative scale are refused.
    pub(crate) fn checks_mounts_and_scale(self) -> bool {
        self >= Self::ComposeGo28
    }

    /// Infinity and not-a-number are refused: they have no word in JSON, in which the schema's check read a project.
    pub(crate) fn refuses_infinity(self) -> bool {
        self < Self::ComposeGo28
    }

    /// Where a type is asked for, a timestamp is of none: the check reads the project itself, in which it is no text yet.
    pub(crate) fn refuses_timestamps(self) -> bool {
        self >= Self::ComposeGo28
    }

    /// In a list of unique items a number is equal to a text before it that spells it: `["1", 1]`, not `[1, "1"]`.
    pub(crate) fn number_repeats_its_text(self) -> bool {
        self >= Self::ComposeGo28
    }

    /// Of a project's `.env` every variable enters Compose's own process, and not `COMPOSE_` names alone, so that the
    /// operating system has to like them.
    pub(crate) fn env_enters_process(self) -> bool {
        self < Self::ComposeGo249
    }

    /// A colon inside `${...}` does not part the sections of a volume.
    pub(crate) fn volume_keeps_braces(self) -> bool {
        self >= Self::ComposeGo29
    }

    /// `!override` counts inside `extends`.
    pub(crate) fn override_in_extends(self) -> bool {
        self >= Self::ComposeGo29
    }

    /// An including file may override what it includes.
    pub(crate) fn may_override_included(self) -> bool {
        self >= Self::ComposeGo210
    }

    /// Arguments of `:-` and its kin are evaluated even where they are not used.
    pub(crate) fn eager_arguments(self) -> bool {
        self < Self::ComposeGo2101
    }

    /// Includes are read before `extends`.
    pub(crate) fn includes_first(self) -> bool {
        self >= Self::ComposeGo2102
    }
}

/// A release of Docker Compose: `2.40.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComposeRelease([u32; 3]);

/// The first release of Compose with each dialect; 2.5 was in none.
const FIRST: [(ComposeRelease, Dialect); 7] = [
    (ComposeRelease([2, 34, 0]), Dialect::ComposeGo249),
    (ComposeRelease([2, 35, 0]), Dialect::ComposeGo26),
    (ComposeRelease([2, 38, 0]), Dialect::ComposeGo28),
    (ComposeRelease([2, 40, 3]), Dialect::ComposeGo29),
    (ComposeRelease([5, 0, 0]), Dialect::ComposeGo210),
    (ComposeRelease([5, 0, 2]), Dialect::ComposeGo2101),
    (ComposeRelease([5, 1, 2]), Dialect::ComposeGo2102),
];

impl ComposeRelease {
    /// Its dialect; of a release between two steps that of the earlier one.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        let step = FIRST.iter().rev().find(|(first, _)| *first <= self);
        step.map_or(Dialect::ComposeGo24, |(_, dialect)| *dialect)
    }
}

/// There is no release of Compose in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no number of a release, such as 2.40.3")]
#[non_exhaustive]
pub struct NoComposeRelease;

/// What `docker compose version` prints, in any of its formats, or the number alone.
impl FromStr for ComposeRelease {
    type Err = NoComposeRelease;

    fn from_str(text: &str) -> Result<Self, NoComposeRelease> {
        let mut words = text.split(|c: char| c.is_whitespace() || c == '"');
        let numbers = words.find_map(|word| {
            let mut numbers = word.trim_start_matches('v').split(['.', '-', '+']).map(str::parse::<u32>);
            let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
            Some([major, minor, numbers.next().and_then(Result::ok).unwrap_or(0)])
        });
        numbers.map(Self).ok_or(NoComposeRelease)
    }
}

impl fmt::Display for ComposeRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// The program that makes a project's containers of its files, and its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Composer {
    /// Docker Compose.
    DockerCompose(ComposeRelease),
    /// podman-compose, which reads the same files by rules of its own.
    PodmanCompose(ComposeRelease),
}

impl Composer {
    /// The dialect to read its projects in: of podman-compose the default.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::DockerCompose(release) => release.dialect(),
            Self::PodmanCompose(_) => Dialect::default(),
        }
    }

    /// Whether that dialect was measured by this program's own answers, or those of another release of it.
    #[must_use]
    pub fn is_measured(self) -> bool {
        matches!(self, Self::DockerCompose(release) if release.dialect().measured().is_some())
    }
}

impl fmt::Display for Composer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DockerCompose(release) => release.fmt(f),
            Self::PodmanCompose(release) => write!(f, "podman-compose {release}"),
        }
    }
}

/// What `docker compose version` or `podman compose version` prints.
impl FromStr for Composer {
    type Err = NoComposeRelease;

    fn from_str(text: &str) -> Result<Self, NoComposeRelease> {
        let release = text.parse()?;
        let is_podmans = text.contains("podman-compose");
        Ok(if is_podmans { Self::PodmanCompose(release) } else { Self::DockerCompose(release) })
    }
}

/// No dialect has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no such dialect; there are {}", names())]
#[non_exhaustive]
pub struct UnknownDialect;

fn names() -> String {
    Dialect::ALL.iter().map(|dialect| dialect.version()).collect::<Vec<_>>().join(", ")
}

/// By its name or its version alone: `compose-go 2.5`, `2.5`; or by what `docker compose version` prints.
impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        if text.starts_with("Docker Compose") {
            return Self::of_compose(text).ok_or(UnknownDialect);
        }
        let named = |dialect: &&Self| dialect.name() == text || dialect.version() == text;
        Self::ALL.iter().find(named).copied().ok_or(UnknownDialect)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_in_every_format_that_compose_prints() {
        for text in
            ["Docker Compose version v2.26.1-4\n", "v2.26.1", "2.26.1+ds1", "{\"version\":\"v2.26.1\"}"]
        {
            let release: ComposeRelease = text.parse().expect(text);
            assert_eq!((release.to_string().as_str(), release.dialect()), ("2.26.1", Dialect::ComposeGo24));
        }
        assert_eq!(
            "docker: 'compose' is not a docker command.".parse::<ComposeRelease>(),
            Err(NoComposeRelease)
        );
    }
}
