//! What OpenClaw does, by release: every rule this crate evaluates is a row here, with the releases it holds for and where
//! it was seen. Nothing else in the crate compares versions.
//!
//! *Observed* means seen on a running gateway or CLI of that release; *read* means read in the published package.

pub(crate) mod keys;
pub(crate) mod version;

use crate::words::words;

use version::{Version, Versions};

const V2026_1_29: Version = Version::new(2026, 1, 29);
const V2026_2_19: Version = Version::new(2026, 2, 19);
const V2026_2_25: Version = Version::new(2026, 2, 25);
const V2026_2_26: Version = Version::new(2026, 2, 26);
const V2026_3_13: Version = Version::new(2026, 3, 13);
const V2026_3_14: Version = Version::new(2026, 3, 14);
const V2026_3_24: Version = Version::new(2026, 3, 24);
const V2026_5_12: Version = Version::new(2026, 5, 12);
const V2026_5_28: Version = Version::new(2026, 5, 28);
const V2026_7_1: Version = Version::new(2026, 7, 1);
const V2026_8_1: Version = Version::new(2026, 8, 1);

/// The port the gateway listens on unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 18789;
/// The uid of `node`, the user of the official image.
pub(crate) const IMAGE_UID: u32 = 1000;
/// Home of `node` in the official image.
pub(crate) const IMAGE_HOME: &str = "/home/node";
/// Directory under the home that holds the state.
pub(crate) const STATE_DIR_NAME: &str = ".openclaw";
/// Older names of that directory, still found in mounts.
pub(crate) const LEGACY_STATE_DIR_NAMES: [&str; 2] = [".clawdbot", ".moltbot"];
/// The configuration inside the state directory.
pub(crate) const CONFIG_NAME: &str = "openclaw.json";
/// Its older name, read where the newer one is missing.
pub(crate) const LEGACY_CONFIG_NAME: &str = "clawdbot.json";
/// Seconds the gateway may need to end after SIGTERM. Up to 2026.7.1 it drains nothing (observed: a running call is closed
/// with 1012 and the process ends within 0.2 s) and forces its exit after 25 s (read); 2026.9.6 drains for 315 s and has a
/// stop policy of 330 s (observed). More than is needed costs nothing, so releases between them get what the newest needs.
#[must_use]
pub fn stop_budget_seconds(version: Option<Version>) -> u32 {
    if version.is_some_and(|version| version <= V2026_7_1) { 25 } else { 330 }
}
/// Below this the gateway does not start (2026.9.6, observed in a memory cgroup, Node 24, no agent: at 160 to 704 MiB the
/// kernel kills it before it is ready, at 768 MiB it gets ready and holds 605 MiB, at 1 GiB 720 MiB).
pub(crate) const MEMORY_FLOOR_BYTES: u64 = 768 * 1024 * 1024;
/// The exit code with which the gateway says that an operator must act (`EX_CONFIG`).
pub const EXIT_CONFIG: i64 = 78;
/// The exit code of what was killed: nothing of it ran any more.
pub(crate) const EXIT_KILLED: i64 = 137;
/// Why a gateway that was killed is started before it is made anew (2026.9.6, observed: a lease of 300 s on the state
/// directory names the container; the same container takes it over at once, another exits 1).
pub(crate) const LEASE_OF_THE_KILLED: &str = "; start this container before it is made anew: a new one waits 5 minutes for the lease of the one that was killed";

/// Who evaluates a token rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "a token is enforced or sent")]
pub enum Side {
    /// The gateway, deciding what it enforces.
    Server,
    /// The CLI, deciding what it sends.
    Client,
}

/// What a client dials, as far as the choice of token depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// `--url` on the command line.
    FlagUrl,
    /// `OPENCLAW_GATEWAY_URL`.
    EnvUrl,
    /// `gateway.mode: local` or no mode: the loopback of its own namespace.
    Local,
    /// `gateway.mode: remote`.
    Remote,
}

/// A kind of place a token can come from, as the rules name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenSource {
    /// `--token` in the command.
    Flag,
    /// `gateway.auth.token`.
    AuthToken,
    /// `OPENCLAW_GATEWAY_TOKEN` in the process environment.
    Env,
    /// `gateway.remote.token`.
    RemoteToken,
}

words! {
    /// The rules of who wins a token, each by a stable name.
    TokenRuleId {
        /// A server takes what its own container and configuration say.
        ServerLocalSourcesOnly "server-local-sources-only"
        /// A server takes its configuration before its environment.
        ServerConfigFirst "server-config-first"
        /// Beside `--url` only `--token` counts.
        ClientFlagUrlTakesFlagOnly "client-flag-url-takes-flag-only"
        /// Beside a URL of the environment only a token of the environment counts.
        ClientEnvUrlTakesEnvOnly "client-env-url-takes-env-only"
        /// A remote client takes the flag, or the remote token.
        ClientRemoteFlagOrRemoteToken "client-remote-flag-or-remote-token"
        /// A remote client takes a password of the environment first.
        ClientRemotePasswordEnvFirst "client-remote-password-env-first"
        /// A remote client takes the remote token first.
        ClientRemoteFirst "client-remote-first"
        /// A client in the gateway's own process takes the configuration first.
        ClientServiceProcessConfigFirst "client-service-process-config-first"
        /// A client beside its gateway takes the environment first.
        ClientLocalEnvFirst "client-local-env-first"
        /// A client beside its gateway takes the configuration first.
        ClientLocalConfigFirst "client-local-config-first"
    }
}

/// The order in which one side looks for the shared token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenRule {
    /// A stable name for reports.
    pub(crate) id: TokenRuleId,
    /// Who decides.
    pub(crate) side: Side,
    /// For which target; servers have none.
    pub(crate) target: Option<Target>,
    /// Sources, strongest first.
    pub(crate) order: &'static [TokenSource],
    /// Only for a process with `OPENCLAW_SERVICE_KIND=gateway`.
    pub(crate) service_kind_gateway: bool,
    /// Only for passwords.
    pub(crate) password: bool,
    /// For which releases.
    pub(crate) versions: Versions,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// Who wins the token. The first row that fits counts.
pub(crate) const TOKEN_RULES: &[TokenRule] = &[
    TokenRule {
        id: TokenRuleId::ServerLocalSourcesOnly,
        side: Side::Server,
        target: None,
        order: &[TokenSource::Flag, TokenSource::AuthToken, TokenSource::Env],
        service_kind_gateway: false,
        password: false,
        versions: Versions::before(V2026_8_1),
        citation: "observed on 2026.4.15 (a random token) and 2026.7.1 (it refuses to bind)",
    },
    TokenRule {
        id: TokenRuleId::ServerConfigFirst,
        side: Side::Server,
        target: None,
        order: &[TokenSource::Flag, TokenSource::AuthToken, TokenSource::Env, TokenSource::RemoteToken],
        service_kind_gateway: false,
        password: false,
        versions: Versions::since(V2026_8_1),
        citation: "observed on 2026.9.6; read in 2026.8.1",
    },
    TokenRule {
        id: TokenRuleId::ClientFlagUrlTakesFlagOnly,
        side: Side::Client,
        target: Some(Target::FlagUrl),
        order: &[TokenSource::Flag],
        service_kind_gateway: false,
        password: false,
        versions: Versions::ALL,
        citation: "observed on 2026.9.6",
    },
    TokenRule {
        id: TokenRuleId::ClientEnvUrlTakesEnvOnly,
        side: Side::Client,
        target: Some(Target::EnvUrl),
        order: &[TokenSource::Flag, TokenSource::Env],
        service_kind_gateway: false,
        password: false,
        versions: Versions::ALL,
        citation: "observed on 2026.9.6",
    },
    TokenRule {
        id: TokenRuleId::ClientRemoteFlagOrRemoteToken,
        side: Side::Client,
        target: Some(Target::Remote),
        order: &[TokenSource::Flag, TokenSource::RemoteToken],
        service_kind_gateway: false,
        password: false,
        versions: Versions::before(V2026_2_26),
        citation: "read in 2026.1.29",
    },
    TokenRule {
        id: TokenRuleId::ClientRemotePasswordEnvFirst,
        side: Side::Client,
        target: Some(Target::Remote),
        order: &[TokenSource::Flag, TokenSource::Env, TokenSource::RemoteToken, TokenSource::AuthToken],
        service_kind_gateway: false,
        password: true,
        versions: Versions::since(V2026_8_1),
        citation: "read in 2026.9.6",
    },
    TokenRule {
        id: TokenRuleId::ClientRemoteFirst,
        side: Side::Client,
        target: Some(Target::Remote),
        order: &[TokenSource::Flag, TokenSource::RemoteToken, TokenSource::Env, TokenSource::AuthToken],
        service_kind_gateway: false,
        password: false,
        versions: Versions::since(V2026_2_26),
        citation: "observed on 2026.9.6; read from 2026.2.26 on",
    },
    TokenRule {
        id: TokenRuleId::ClientServiceProcessConfigFirst,
        side: Side::Client,
        target: Some(Target::Local),
        order: &[TokenSource::Flag, TokenSource::AuthToken, TokenSource::Env, TokenSource::RemoteToken],
        service_kind_gateway: true,
        password: false,
        versions: Versions::between(V2026_3_13, V2026_8_1),
        citation: "read in 2026.3.13 to 2026.7.1",
    },
    TokenRule {
        id: TokenRuleId::ClientLocalEnvFirst,
        side: Side::Client,
        target: Some(Target::Local),
        order: &[TokenSource::Flag, TokenSource::Env, TokenSource::AuthToken, TokenSource::RemoteToken],
        service_kind_gateway: false,
        password: false,
        versions: Versions::before(V2026_8_1),
        citation: "observed on 2026.4.15 and 2026.7.1; read from 2026.1.29 on",
    },
    TokenRule {
        id: TokenRuleId::ClientLocalConfigFirst,
        side: Side::Client,
        target: Some(Target::Local),
        order: &[TokenSource::Flag, TokenSource::AuthToken, TokenSource::Env, TokenSource::RemoteToken],
        service_kind_gateway: false,
        password: false,
        versions: Versions::since(V2026_8_1),
        citation: "observed on 2026.9.6; read from 2026.8.1 on",
    },
];

/// The rule by which `side` chooses its token, or its password.
#[must_use]
pub(crate) fn token_rule(
    side: Side,
    target: Option<Target>,
    version: Option<Version>,
    service_kind_gateway: bool,
    password: bool,
) -> &'static TokenRule {
    TOKEN_RULES
        .iter()
        .find(|rule| {
            rule.side == side
                && rule.target == target
                && (!rule.service_kind_gateway || service_kind_gateway)
                && (!rule.password || password)
                && rule.versions.holds_for(version)
        })
        .unwrap_or(&TOKEN_RULES[0])
}

/// Where a client's URL came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UrlSource {
    /// `--url` in the command.
    Flag,
    /// `OPENCLAW_GATEWAY_URL`, or a name that release read as such.
    Env,
    /// `gateway.remote.url`, only in mode `remote`.
    RemoteUrl,
    /// `ws(s)://127.0.0.1:PORT` of its own namespace.
    Loopback,
}

/// What an environment variable means to OpenClaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Meaning {
    /// The shared token.
    Token,
    /// The shared password.
    Password,
    /// The URL a client dials.
    Url,
    /// The port, of the server and of a local client.
    Port,
}

/// How sure it is that a release reads a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// It does.
    Yes,
    /// It does not, and says nothing.
    No,
    /// Neither run nor read.
    Unknown,
}

/// A variable name, what people mean by it, and which releases read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameRule {
    /// The name as written.
    pub(crate) name: &'static str,
    /// What it means, or is meant to.
    pub(crate) meaning: Meaning,
    /// Whether it is read in `versions`.
    pub(crate) reads: Reads,
    /// For which releases.
    pub(crate) versions: Versions,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

const fn name(
    name: &'static str,
    meaning: Meaning,
    reads: Reads,
    versions: Versions,
    citation: &'static str,
) -> NameRule {
    NameRule { name, meaning, reads, versions, citation }
}

const UNPREFIXED: &str = "observed on 2026.9.6: never read";
const LEGACY_READ: &str = "read in 2026.1.29 to 2026.3.13";
const LEGACY_GAP: &str = "not checked between 2026.3.13 and 2026.5.28";
const LEGACY_GONE: &str = "observed on 2026.9.6; read from 2026.5.28 on";
const LEGACY: Versions = Versions::before(V2026_3_14);
const GAP: Versions = Versions::between(V2026_3_14, V2026_5_28);
const GONE: Versions = Versions::since(V2026_5_28);

/// The variable names people use for the gateway, strongest spelling of a meaning first.
pub(crate) const NAME_RULES: &[NameRule] = &[
    name("OPENCLAW_GATEWAY_TOKEN", Meaning::Token, Reads::Yes, Versions::ALL, "observed on 2026.9.6"),
    name("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, Reads::Yes, LEGACY, LEGACY_READ),
    name("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, Reads::Unknown, GAP, LEGACY_GAP),
    name("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, Reads::No, GONE, LEGACY_GONE),
    name("MOLTBOT_GATEWAY_TOKEN", Meaning::Token, Reads::Unknown, Versions::before(V2026_5_28), LEGACY_GAP),
    name("MOLTBOT_GATEWAY_TOKEN", Meaning::Token, Reads::No, GONE, LEGACY_GONE),
    name("GATEWAY_TOKEN", Meaning::Token, Reads::No, Versions::ALL, UNPREFIXED),
    name("OPENCLAW_TOKEN", Meaning::Token, Reads::No, Versions::ALL, "no release read knows this name"),
    name(
        "OPENCLAW_GATEWAY_TOKEN_FILE",
        Meaning::Token,
        Reads::No,
        Versions::ALL,
        "no release read knows this name",
    ),
    name("OPENCLAW_GATEWAY_PASSWORD", Meaning::Password, Reads::Yes, Versions::ALL, "observed on 2026.9.6"),
    name("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, Reads::Yes, LEGACY, LEGACY_READ),
    name("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, Reads::Unknown, GAP, LEGACY_GAP),
    name("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, Reads::No, GONE, LEGACY_GONE),
    name(
        "OPENCLAW_GATEWAY_URL",
        Meaning::Url,
        Reads::No,
        Versions::before(V2026_3_13),
        "read in 2026.1.29 and 2026.2.26",
    ),
    name(
        "OPENCLAW_GATEWAY_URL",
        Meaning::Url,
        Reads::Yes,
        Versions::since(V2026_3_13),
        "observed on 2026.9.6; read from 2026.3.13 on",
    ),
    name(
        "CLAWDBOT_GATEWAY_URL",
        Meaning::Url,
        Reads::No,
        Versions::before(V2026_3_13),
        "read in 2026.1.29 and 2026.2.26",
    ),
    name(
        "CLAWDBOT_GATEWAY_URL",
        Meaning::Url,
        Reads::Yes,
        Versions::between(V2026_3_13, V2026_3_14),
        "read in 2026.3.13",
    ),
    name("CLAWDBOT_GATEWAY_URL", Meaning::Url, Reads::Unknown, GAP, LEGACY_GAP),
    name("CLAWDBOT_GATEWAY_URL", Meaning::Url, Reads::No, GONE, LEGACY_GONE),
    name("MOLTBOT_GATEWAY_URL", Meaning::Url, Reads::No, GONE, LEGACY_GONE),
    name("GATEWAY_URL", Meaning::Url, Reads::No, Versions::ALL, UNPREFIXED),
    name("OPENCLAW_URL", Meaning::Url, Reads::No, Versions::ALL, "no release read knows this name"),
    name("OPENCLAW_GATEWAY_PORT", Meaning::Port, Reads::Yes, Versions::ALL, "observed on 2026.9.6"),
    name("CLAWDBOT_GATEWAY_PORT", Meaning::Port, Reads::Yes, LEGACY, LEGACY_READ),
    name("CLAWDBOT_GATEWAY_PORT", Meaning::Port, Reads::Unknown, GAP, LEGACY_GAP),
    name("CLAWDBOT_GATEWAY_PORT", Meaning::Port, Reads::No, GONE, LEGACY_GONE),
    name("GATEWAY_PORT", Meaning::Port, Reads::No, Versions::ALL, UNPREFIXED),
];

/// The names of one meaning, with whether `version` reads them.
pub(crate) fn names(meaning: Meaning, version: Option<Version>) -> impl Iterator<Item = &'static NameRule> {
    NAME_RULES.iter().filter(move |rule| rule.meaning == meaning && rule.versions.holds_for(version))
}

/// What an absent `gateway.bind` means inside a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultBind {
    /// 127.0.0.1, as on a host.
    Loopback,
    /// All interfaces.
    AllInterfaces,
    /// Neither run nor read for this release.
    Unknown,
}

/// One row of [`DEFAULT_BIND`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct DefaultBindRule {
    /// What an absent bind means.
    pub(crate) bind: DefaultBind,
    /// For which releases.
    pub(crate) versions: Versions,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// The default bind in a container.
pub(crate) const DEFAULT_BIND: [DefaultBindRule; 3] = [
    DefaultBindRule {
        bind: DefaultBind::Loopback,
        versions: Versions::before(V2026_3_14),
        citation: "read in 2026.1.29 to 2026.3.13",
    },
    DefaultBindRule {
        bind: DefaultBind::Unknown,
        versions: Versions::between(V2026_3_14, V2026_5_28),
        citation: "not checked between 2026.3.13 and 2026.5.28",
    },
    DefaultBindRule {
        bind: DefaultBind::AllInterfaces,
        versions: Versions::since(V2026_5_28),
        citation: "observed on 2026.9.6; read from 2026.5.28 on",
    },
];

/// The default bind in a container of `version`.
#[must_use]
pub(crate) fn default_bind(version: Option<Version>) -> &'static DefaultBindRule {
    DEFAULT_BIND.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&DEFAULT_BIND[2])
}

/// Which hosts a client may dial over plaintext `ws://`, before any socket is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaintextRule {
    /// Private, CGNAT, link-local and ULA literals.
    pub(crate) private_literals: bool,
    /// Names other than `localhost`, `*.local` and tailnet names, Compose service names among them.
    pub(crate) other_names: bool,
    /// The variable that admits both, where the release has one.
    pub(crate) break_glass: Option<&'static str>,
    /// For which releases.
    pub(crate) versions: Versions,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// The plaintext gate. Loopback is always admitted.
pub(crate) const PLAINTEXT: [PlaintextRule; 3] = [
    PlaintextRule {
        private_literals: true,
        other_names: true,
        break_glass: None,
        versions: Versions::before(V2026_2_19),
        citation: "the refusal is first reported for 2026.2.19",
    },
    PlaintextRule {
        private_literals: false,
        other_names: false,
        break_glass: None,
        versions: Versions::between(V2026_2_19, V2026_2_26),
        citation: "reported for 2026.2.19: bridge addresses were refused as well",
    },
    PlaintextRule {
        private_literals: true,
        other_names: false,
        break_glass: Some("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS"),
        versions: Versions::since(V2026_2_26),
        citation: "observed on 2026.9.6",
    },
];

/// The plaintext gate of `version`.
#[must_use]
pub(crate) fn plaintext(version: Option<Version>) -> &'static PlaintextRule {
    PLAINTEXT.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&PLAINTEXT[2])
}

/// What a non-loopback gateway does when no browser origin is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// No origin check yet.
    Unchecked,
    /// It refuses to start.
    Required,
    /// It admits `http://localhost:PORT` and `http://127.0.0.1:PORT` with its own, internal port.
    Seeded,
}

/// One row of [`ORIGINS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct OriginRule {
    /// What happens.
    pub(crate) origins: Origins,
    /// For which releases.
    pub(crate) versions: Versions,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// Browser origins when none is configured.
pub(crate) const ORIGINS: [OriginRule; 3] = [
    OriginRule {
        origins: Origins::Unchecked,
        versions: Versions::before(V2026_2_25),
        citation: "first reported for 2026.2.25; the start-up line of 2026.9.6 names v2026.2.26",
    },
    OriginRule {
        origins: Origins::Required,
        versions: Versions::between(V2026_2_25, V2026_3_24),
        citation: "reported for 2026.2.25 to 2026.3.23",
    },
    OriginRule {
        origins: Origins::Seeded,
        versions: Versions::since(V2026_3_24),
        citation: "observed on 2026.9.6; introduced after 2026.3.23",
    },
];

/// The origin rule of `version`.
#[must_use]
pub(crate) fn origins(version: Option<Version>) -> &'static OriginRule {
    ORIGINS.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&ORIGINS[2])
}

/// What the gateway means by an exit code, and whether starting it again can help.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExitRule {
    /// The code.
    pub(crate) code: i64,
    /// What it says.
    pub(crate) meaning: &'static str,
    /// Whether a restart can mend it.
    pub(crate) restart_helps: bool,
}

/// Exit codes of `gateway run` (2026.9.6, observed) and of the kernel's killers.
pub(crate) const EXIT_CODES: [ExitRule; 6] = [
    ExitRule { code: 0, meaning: "clean stop", restart_helps: true },
    ExitRule {
        code: 1,
        meaning: "port busy, secret unavailable, placeholder token or bad flag",
        restart_helps: true,
    },
    ExitRule {
        code: EXIT_CONFIG,
        meaning: "an operator must act: configuration missing, invalid or unreadable, or a refusal to bind",
        restart_helps: false,
    },
    ExitRule {
        code: EXIT_KILLED,
        meaning: "killed: out of memory, or stopped before it had drained",
        restart_helps: true,
    },
    ExitRule { code: 139, meaning: "crashed", restart_helps: true },
    ExitRule { code: 143, meaning: "stopped before it was ready", restart_helps: true },
];

/// Texts that the gateway refuses as a token (exit 1, 2026.9.6, observed). Whether a value is *strong* is not asked here.
pub const REFUSED_TOKENS: [&str; 5] =
    ["undefined", "null", "change-me-now", "change-me-to-a-long-random-token", "__OPENCLAW_REDACTED__"];

/// Something about authentication or reach that an upgrade over this release changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthChange {
    /// The first release with the new behaviour, as far as known.
    pub(crate) since: Version,
    /// What changes and what to do before.
    pub(crate) what: &'static str,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// What changes between two releases, oldest first.
pub(crate) const AUTH_CHANGES: [AuthChange; 10] = [
    AuthChange {
        since: V2026_2_19,
        what: "operator scopes: a client that asks for more than was approved waits for approval; `ws://` to other hosts is refused",
        citation: "reported for 2026.2.19",
    },
    AuthChange {
        since: V2026_2_26,
        what: "a gateway on other interfaces than loopback needs gateway.controlUi.allowedOrigins; device proofs older than 120 s are refused",
        citation: "read in 2026.2.26",
    },
    AuthChange {
        since: V2026_3_13,
        what: "OPENCLAW_GATEWAY_URL is read: a value left behind takes effect, and only OPENCLAW_GATEWAY_TOKEN is sent to it",
        citation: "read in 2026.3.13",
    },
    AuthChange {
        since: V2026_3_24,
        what: "localhost origins with the internal port are admitted when none is configured",
        citation: "reported after 2026.3.23",
    },
    AuthChange {
        since: Version::new(2026, 5, 2),
        what: "the shared token no longer carries admin for a paired device: scope upgrades need approval",
        citation: "reported for 2026.5.2",
    },
    AuthChange {
        since: V2026_5_12,
        what: "a mount for /home/node/.config/openclaw is needed to keep profile secrets",
        citation: "reported for 2026.5.12",
    },
    AuthChange {
        since: V2026_5_28,
        what: "CLAWDBOT_* and MOLTBOT_* variables are ignored; protocol 4; an absent bind means all interfaces inside a container, so a token is required",
        citation: "read in 2026.5.28",
    },
    AuthChange {
        since: V2026_8_1,
        what: "the CLI prefers gateway.auth.token over OPENCLAW_GATEWAY_TOKEN for a local gateway",
        citation: "observed on 2026.7.1 and 2026.9.6, read in 2026.8.1",
    },
    AuthChange {
        since: V2026_8_1,
        what: "pairing state moves from devices/*.json into state/openclaw.sqlite: going back loses later approvals",
        citation: "read in 2026.8.1",
    },
    AuthChange {
        since: V2026_8_1,
        what: "requests with forwarding headers from a peer outside gateway.trustedProxies are refused (403)",
        citation: "reported for 2026.8.1, observed on 2026.9.6",
    },
];

/// The changes that an upgrade from `from` to `to` brings; for a downgrade, those it takes back.
pub(crate) fn auth_changes(from: Version, to: Version) -> impl Iterator<Item = &'static AuthChange> {
    let (low, high) = if from <= to { (from, to) } else { (to, from) };
    AUTH_CHANGES.iter().filter(move |change| low < change.since && change.since <= high)
}

/// Whether an empty `gateway.auth.token` counts as set.
#[must_use]
pub(crate) fn empty_token_counts(version: Option<Version>) -> bool {
    Versions::before(V2026_2_26).holds_for(version) && version >= Some(V2026_1_29)
}

/// Whether the state needs a second mount for profile secrets.
#[must_use]
pub(crate) fn needs_profile_secret_mount(version: Option<Version>) -> bool {
    Versions::since(V2026_5_12).holds_for(version)
}

/// Whether forwarding headers from an untrusted peer are refused.
#[must_use]
pub(crate) fn proxy_attribution_required(version: Option<Version>) -> bool {
    Versions::since(V2026_8_1).holds_for(version)
}
