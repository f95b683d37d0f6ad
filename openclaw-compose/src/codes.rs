#![allow(
    clippy::exhaustive_enums,
    reason = "a program that acts on codes must not compile without a new one"
)]
#![doc = include_str!("../CODES.md")]

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Works, and probably not as meant.
    Warning,
    /// Does not work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Declares [`Code`] and its table from one list.
macro_rules! codes {
    ($($variant:ident $code:literal $name:literal $severity:ident $doc:literal)*) => {
        /// What a finding is about. A code is never reused and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $doc] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as people cite it: `OC-C…` and three digits.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is by itself.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One line that says what it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

codes! {
    // 0xx: a source cannot be read as what it should be.
    FileNotFound "OC-C001" "file-not-found" Error "A file that was named does not exist."
    FileUnreadable "OC-C002" "file-unreadable" Error "A file exists and cannot be read: a directory, no permission, a loop of links, too large."
    NotUtf8 "OC-C003" "not-utf8" Error "A file holds bytes that are not UTF-8."
    NotAFile "OC-C004" "not-a-file" Error "A FIFO, a socket or a device has the name of a file; it was not opened."
    LinkLeadsOut "OC-C005" "link-leads-out" Error "A link leads out of the stack, or of the directory that it was found in; it was not followed."
    ReadLimit "OC-C006" "read-limit" Error "The project names more files, or more bytes in them, than one resolution reads."
    NameDiffersByCase "OC-C007" "name-differs-by-case" Warning "A file has the name that Compose asks for but for its case: a volume that ignores case finds it, and no other."
    YamlSyntax "OC-C010" "yaml-syntax" Error "A file is no YAML from this place on."
    DuplicateKey "OC-C011" "duplicate-key" Error "A mapping has one key twice."
    KeyNotString "OC-C012" "key-not-string" Error "A mapping key is a number, a boolean or null; Compose wants strings."
    UnknownAnchor "OC-C013" "unknown-anchor" Error "An alias names an anchor that does not stand before it."
    AliasCycle "OC-C014" "alias-cycle" Error "An alias stands inside the value it names."
    BadMergeKey "OC-C015" "bad-merge-key" Error "`<<` wants a mapping or a list of mappings."
    YamlDialect "OC-C016" "yaml-dialect" Error "Lawful YAML that Compose's parser refuses."
    YamlLimit "OC-C017" "yaml-limit" Error "A file nests or expands beyond the bounds of this reader."
    NotAMapping "OC-C018" "not-a-mapping" Error "A Compose file, or a part of it that must be one, is not a mapping."
    DotenvSyntax "OC-C020" "dotenv-syntax" Error "A line of an env file cannot be read."
    DotenvUnusable "OC-C021" "dotenv-unusable" Error "An env file sets a name or a value that no process environment can hold."
    BadTemplate "OC-C030" "bad-template" Error "`${` begins something that Compose cannot interpolate."
    RequiredVariable "OC-C031" "required-variable" Error "`${NAME:?text}` and NAME has no value."
    UnsetVariable "OC-C032" "unset-variable" Warning "A variable is not set and becomes the empty string."
    BadCast "OC-C033" "bad-cast" Error "A text does not fit the type of its field."
    OldBoolean "OC-C034" "old-boolean" Warning "`yes`, `on`, `no` or `off` stands where a boolean belongs."
    ExpansionLimit "OC-C035" "expansion-limit" Error "Variables, `extends`, `include`, env files or ranges of ports make more of the project than one resolution holds."
    // 1xx: the project.
    NoComposeFile "OC-C100" "no-compose-file" Error "No Compose file was found or named."
    SeveralComposeFiles "OC-C101" "several-compose-files" Warning "Several files have a default name; the first wins."
    BadProjectName "OC-C102" "bad-project-name" Error "The project name is empty or holds what a name cannot."
    BadSetting "OC-C103" "bad-setting" Error "A COMPOSE_… variable holds what Compose cannot read."
    MergeConflict "OC-C110" "merge-conflict" Error "Two files give one key values of different kinds."
    ExtendsUnknownService "OC-C120" "extends-unknown-service" Error "`extends` names a service that does not exist."
    ExtendsBadFile "OC-C121" "extends-bad-file" Error "`extends` names a file without such a service, or is not a reference at all."
    ExtendsCycle "OC-C122" "extends-cycle" Error "A service extends itself by way of others."
    ExtendsLimit "OC-C123" "extends-limit" Error "Services extend each other in a longer row than one resolution follows."
    IncludeConflict "OC-C130" "include-conflict" Error "An included file defines a resource that is defined differently already."
    IncludeCycle "OC-C131" "include-cycle" Error "A file includes itself by way of others."
    IncludeInvalid "OC-C132" "include-invalid" Error "`include` is not a list of paths."
    RemoteResource "OC-C133" "remote-resource" Warning "A remote resource (git, oci) is not fetched; what it holds is unknown."
    IncludeLimit "OC-C134" "include-limit" Error "Files include each other in a longer row than one resolution follows."
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
    BadDuration "OC-C152" "bad-duration" Error "A text that is not a duration such as `1m30s`."
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
    ComposeReleasesDiffer "OC-C185" "compose-releases-differ" Warning "Two releases of Docker Compose make different projects of these files."
    PodmanComposeDiffers "OC-C186" "podman-compose-differs" Warning "podman-compose makes something else of these files than Docker Compose."

    // 2xx: from a client to the gateway's listener.
    OwnLoopback "OC-C201" "own-loopback" Error "A client dials 127.0.0.1 in a network namespace in which no gateway listens."
    LoopbackBind "OC-C202" "loopback-bind" Error "The gateway listens on its container's loopback, and clients come over a bridge or a published port."
    NoSharedNetwork "OC-C203" "no-shared-network" Error "Client and gateway are on no common network."
    NameNotResolvable "OC-C204" "name-not-resolvable" Error "The host in a client's URL is not a service, alias or container that the client can name."
    WrongPort "OC-C205" "wrong-port" Error "A client dials a port on which the gateway does not listen."
    PlaintextRefused "OC-C206" "plaintext-refused" Error "The CLI refuses plaintext ws:// to a host of that kind before it opens a socket."
    UrlWithoutCredentials "OC-C207" "url-without-credentials" Error "A client has a URL of its own and no token beside it."
    UrlVariableNotRead "OC-C208" "url-variable-not-read" Warning "A URL variable is set under a name that this release does not read."
    DisabledProfile "OC-C209" "disabled-profile" Error "A client dials a service whose profile is not active."
    StrandedByRestart "OC-C210" "stranded-by-restart" Info "Services live in the gateway's network namespace and lose it when its container restarts."
    InternalNetwork "OC-C211" "internal-network" Error "The gateway is on internal networks only, so its published ports lead nowhere."
    BindWithoutAuth "OC-C212" "bind-without-auth" Error "The gateway refuses to listen beyond loopback without a secret."
    BindImplicit "OC-C213" "bind-implicit" Info "The bind is left to a default that differs between container and host, and between releases."
    BindConflict "OC-C214" "bind-conflict" Warning "A bind is written in a place that does not count."
    ExposedBeyondLoopback "OC-C215" "exposed-beyond-loopback" Info "The gateway's port is published on every address of the host."
    OriginNotAllowed "OC-C216" "origin-not-allowed" Error "The origin that browsers send is not admitted by the gateway."
    InsecureContext "OC-C217" "insecure-context" Error "A planned browser URL is not a secure context: the page gets no device identity."
    TrustedProxiesMissing "OC-C218" "trusted-proxies-missing" Warning "A proxy stands before a gateway that does not trust it."
    TrustedProxiesWrong "OC-C219" "trusted-proxies-wrong" Warning "gateway.trustedProxies trusts everybody, or by a wildcard nobody, or clients as if they were proxies."
    PublishedTargetWrong "OC-C220" "published-target-wrong" Error "A published port leads to a container port on which the gateway does not listen."
    PlaintextBreakGlass "OC-C221" "plaintext-break-glass" Info "The switch that lets the CLI send the token without TLS is on."
    NoNetwork "OC-C222" "no-network" Error "A client has no network, or borrows that of a service that is not there."
    HostPortClosed "OC-C223" "host-port-closed" Error "A client goes through the Docker host, where the port is not open for it."
    BypassLeftBehind "OC-C224" "bypass-left-behind" Warning "A switch that weakens security was left on by an earlier repair."
    RemoteUrlIgnored "OC-C225" "remote-url-ignored" Warning "gateway.remote.url is set and gateway.mode is not remote."
    SchemeMismatch "OC-C226" "scheme-mismatch" Error "One side speaks TLS and the other does not."
    OriginsRequired "OC-C227" "origins-required" Error "This release refuses to listen beyond loopback without a list of origins."
    ClientThroughProxy "OC-C228" "client-through-proxy" Warning "A client inside the stack goes to another service instead of the gateway."
    HostNetworkOnMac "OC-C229" "host-network-on-mac" Warning "Host networking on a Mac is that of Docker's virtual machine."
    BadGatewayUrl "OC-C230" "bad-gateway-url" Error "A gateway URL is no ws:// or wss:// URL."
    NoGateway "OC-C231" "no-gateway" Warning "Services of OpenClaw are there and none of them runs the gateway."
    PortVariableNotRead "OC-C232" "port-variable-not-read" Warning "A port variable is set under a name that this release does not read."
    Ipv6NotListened "OC-C233" "ipv6-not-listened" Error "A client dials an IPv6 address of a gateway that listens on IPv4."
    SharedPort "OC-C234" "shared-port" Warning "Two gateways listen on one port of a network namespace, or are published at one port of the host."
    ProxyWithoutUpgrade "OC-C235" "proxy-without-upgrade" Error "A proxy before the gateway does not pass on the wish for a WebSocket."
    ProxyBasePath "OC-C236" "proxy-base-path" Error "A proxy passes on a path below which the gateway has no pages."

    // 3xx: tokens.
    SilentOverride "OC-C301" "silent-override" Error "A client sends another value than the gateway enforces: two sources disagree and one wins unseen."
    SourcesDisagree "OC-C302" "sources-disagree" Warning "Two sources hold different values; for now everybody takes the same one."
    TokenEmptyAfterInterpolation "OC-C303" "token-empty-after-interpolation" Error "The token variable is there and empty: it counts as unset."
    ConfigPlaceholderUnfilled "OC-C304" "config-placeholder-unfilled" Error "openclaw.json names a variable that the gateway's container does not have."
    SecretRefMissing "OC-C305" "secret-ref-missing" Error "A secret reference names a variable that the process does not have: it refuses to start."
    TokenMangled "OC-C306" "token-mangled" Warning "A reader between file and process changed the value."
    TokenVariableNotRead "OC-C307" "token-variable-not-read" Warning "A token or password is set under a name that this release does not read."
    TokenFileNotRead "OC-C308" "token-file-not-read" Warning "A token is mounted as a file that nothing reads."
    StateDotenvShadow "OC-C309" "state-dotenv-shadow" Warning "The .env of the state directory holds a token that Compose does not know."
    NoTokenConfigured "OC-C310" "no-token-configured" Warning "No token is configured: the gateway makes one up at each start."
    ClientWithoutToken "OC-C311" "client-without-token" Error "The gateway asks for a token and a client has none to send."
    AuthAmbiguous "OC-C312" "auth-ambiguous" Error "Token and password are both configured and gateway.auth.mode does not choose."
    ProxyAndToken "OC-C313" "proxy-and-token" Error "Trusted-proxy and a shared token exclude each other."
    AuthOff "OC-C314" "auth-off" Warning "The gateway asks its clients for nothing."
    ServiceDefinitionDiffers "OC-C315" "service-definition-differs" Warning "A launchd or systemd definition holds another token than the gateway enforces."
    RefusedTokenText "OC-C316" "refused-token-text" Error "The token is a text that the gateway refuses, such as undefined."
    TokenInCommand "OC-C317" "token-in-command" Warning "A token stands in a command, where docker inspect and the process list show it."
    WrongGateway "OC-C318" "wrong-gateway" Error "A client dials one gateway and sends it the token of another."

    // 4xx: state.
    UidDrift "OC-C401" "uid-drift" Error "The state directory, or a file in it, does not belong to the user that the process runs as."
    MixedUids "OC-C402" "mixed-uids" Error "Two services use one state directory as different users."
    NestedStateDir "OC-C403" "nested-state-dir" Error "HOME points into the state directory, so the state lies in a second one inside it."
    SplitStateDir "OC-C404" "split-state-dir" Warning "Two OpenClaw processes on one loopback keep two state directories."
    StateMountMissed "OC-C405" "state-mount-missed" Error "The state is mounted at a path that the process does not use."
    HostPathInEnvironment "OC-C406" "host-path-in-environment" Error "A directory variable of a container holds a path of the host."
    ThrowAwayIdentity "OC-C407" "throw-away-identity" Warning "A client keeps its device identity in a container layer that is thrown away."
    RootMountByEmptyVariable "OC-C408" "root-mount-by-empty-variable" Warning "A path is mounted from the root of the host because the variable before it is empty."
    StateNotPersisted "OC-C409" "state-not-persisted" Warning "The gateway keeps its state in the container."
    LegacyStateDir "OC-C410" "legacy-state-dir" Warning "The state is still at a path of an earlier product name."
    StateReadOnly "OC-C411" "state-read-only" Error "The state directory is mounted read-only."
    SingleFileMount "OC-C412" "single-file-mount" Warning "openclaw.json is mounted as a single file, which keeps its old content when replaced."
    ProfileSecretsNotMounted "OC-C413" "profile-secrets-not-mounted" Info "The directory of OAuth profile secrets is not mounted."
    ListingUnreadable "OC-C414" "listing-unreadable" Warning "A line of the ownership listing cannot be read."
    SelinuxLabel "OC-C415" "selinux-label" Error "SELinux confines the container, and the label of the state directory does not let it in."
    IdMapUnreadable "OC-C416" "id-map-unreadable" Warning "The record of a user namespace's ids cannot be read."
    SharedStateDir "OC-C417" "shared-state-dir" Warning "Two gateways keep their state in one directory."
    StateOnFileSharing "OC-C418" "state-on-file-sharing" Info "SQLite keeps the state in a directory that a Mac shares with its virtual machine."

    // 5xx: operation.
    ImageNotPinned "OC-C501" "image-not-pinned" Info "An image is pinned by tag and not by digest."
    MovingTag "OC-C502" "moving-tag" Warning "An image is named by a tag that moves."
    RestartLoops "OC-C503" "restart-loops" Info "The restart policy starts the gateway again after exit 78, which no restart mends."
    NoRestartPolicy "OC-C504" "no-restart-policy" Info "The gateway has no restart policy."
    MemoryTooLow "OC-C505" "memory-too-low" Warning "The memory limit is below what the gateway needs to start."
    NoMemoryLimit "OC-C506" "no-memory-limit" Info "The gateway has no memory limit."
    NoHealthcheck "OC-C507" "no-healthcheck" Warning "The gateway has no health check."
    HealthcheckWrongPort "OC-C508" "healthcheck-wrong-port" Warning "The health check asks a port on which the gateway does not listen."
    HealthcheckProcessOnly "OC-C509" "healthcheck-process-only" Warning "The health check looks for a process and not for an answer."
    StopGraceTooShort "OC-C510" "stop-grace-too-short" Info "A busy gateway is killed before it has drained."
    GatewayWaitsForSidecar "OC-C511" "gateway-waits-for-sidecar" Warning "The gateway does not start before another service is healthy."
    AuthModelChange "OC-C512" "auth-model-change" Warning "The planned release changes who may connect or how."
    MixedVersions "OC-C513" "mixed-versions" Warning "Gateway and CLI are of different releases."
    UnattendedUpgrade "OC-C514" "unattended-upgrade" Warning "Something replaces the gateway's image unasked."
    VersionUnknown "OC-C515" "version-unknown" Info "The release is not known: the newest rules were used."
    TwoSupervisors "OC-C516" "two-supervisors" Error "Two jobs of the host's service managers run a gateway on one state directory or one port."
    HealthcheckShortStart "OC-C517" "healthcheck-short-start" Info "The health check calls the gateway unhealthy within a minute of its start."
    HealthcheckAnyAnswer "OC-C518" "healthcheck-any-answer" Warning "The health check is content with an open port or the page of the web UI."

    // 6xx: running containers.
    StaleToken "OC-C601" "stale-token" Error "A running container holds another token than the files."
    StaleEnvironment "OC-C602" "stale-environment" Warning "A running container holds another URL or port than the files."
    StaleContainer "OC-C603" "stale-container" Warning "A running container has another image, user, mount, network or openclaw.json than the files."
    RestartLoop "OC-C604" "restart-loop" Error "The gateway's container keeps being restarted."
    ContainerExited "OC-C605" "container-exited" Error "The gateway's container is not running."
    OutOfMemory "OC-C606" "out-of-memory" Error "The gateway's container was killed for want of memory."
    Unhealthy "OC-C607" "unhealthy" Warning "The gateway's container runs and its health check fails."
    DeadNamespace "OC-C608" "dead-namespace" Error "A container lives in the network namespace of a container that is gone."
    ContainerMissing "OC-C609" "container-missing" Warning "The gateway's service has no container."
    InspectUnreadable "OC-C610" "inspect-unreadable" Warning "The output of docker inspect cannot be read."
    EngineUnreachable "OC-C611" "engine-unreachable" Warning "The Docker engine could not be asked."
    EvidenceIncomplete "OC-C612" "evidence-incomplete" Warning "Something about the running containers could not be read."
    EngineInfoUnreadable "OC-C613" "engine-info-unreadable" Warning "The output of docker info cannot be read."
    HostPortTaken "OC-C614" "host-port-taken" Error "A container was not started: a host port that it publishes is taken."
    MountRefused "OC-C615" "mount-refused" Error "A container was not started: the engine refuses a mount of it."
    EntrypointRefused "OC-C616" "entrypoint-refused" Error "A container was not started: what it is to run cannot be run."
    NeverStarted "OC-C617" "never-started" Error "A container was created and never started."
    WaitsForUnhealthy "OC-C618" "waits-for-unhealthy" Error "A container was not started: what it waits for is not up or not healthy."
    RunsAsAnotherProject "OC-C619" "runs-as-another-project" Info "The containers are of a project with another name than the files give it."

    // 7xx: the checkout.
    SecondMinter "OC-C701" "second-minter" Warning "A script would mint a second token."
    TokenInCheckout "OC-C702" "token-in-checkout" Warning "A literal token stands in a file of the checkout."

    // 8xx: openclaw.json.
    ConfigSyntax "OC-C801" "config-syntax" Error "openclaw.json is not JSON5; the gateway reports it as a missing mode."
    ConfigInclude "OC-C802" "config-include" Error "An $include of openclaw.json cannot be followed."
    ModeMissing "OC-C803" "mode-missing" Error "openclaw.json has no gateway.mode local: the gateway refuses to start."
    ConfigMissing "OC-C804" "config-missing" Error "There is no openclaw.json and the gateway is not told to start without one."
    ConfigNotGiven "OC-C805" "config-not-given" Info "openclaw.json was not given, so verdicts that depend on it are unknown."
    ConfigUnknownKey "OC-C806" "config-unknown-key" Error "openclaw.json has a key that this release refuses."
    ConfigValueRefused "OC-C807" "config-value-refused" Error "A key of openclaw.json, or a flag, has a value that this release refuses."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
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
            assert!(code.meaning().ends_with('.'), "{code}");
        }
    }

    /// `UPDATE_EXPECT=1 cargo test` writes the page anew.
    #[test]
    fn the_page_lists_every_code() {
        let mut page = String::from(
            "# Codes

What a finding is about. A code is never renumbered, never reused and never changes its meaning.

\
             | code | name | severity | meaning |
| --- | --- | --- | --- |
",
        );
        for code in Code::ALL {
            let severity = format!("{:?}", code.severity()).to_lowercase();
            page += &format!(
                "| `{}` | `{}` | {severity} | {} |
",
                code.id(),
                code.name(),
                code.meaning()
            );
        }
        expect_test::expect_file!["../CODES.md"].assert_eq(&page);
    }
}
