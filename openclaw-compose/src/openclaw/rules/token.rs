//! Who wins the token: what a server enforces and what a client sends.

use crate::words::words;

use super::version::{Basis, Version, Versions};

const V2026_2_3: Version = Version::new(2026, 2, 3);
const V2026_2_22: Version = Version::new(2026, 2, 22);
const V2026_2_26: Version = Version::new(2026, 2, 26);
const V2026_3_7: Version = Version::new(2026, 3, 7);
const V2026_8_1: Version = Version::new(2026, 8, 1);

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
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

impl TokenRule {
    const fn server(
        id: TokenRuleId,
        order: &'static [TokenSource],
        versions: Versions,
        basis: Basis,
        citation: &'static str,
    ) -> Self {
        let side = Side::Server;
        Self {
            id,
            side,
            target: None,
            order,
            service_kind_gateway: false,
            password: false,
            versions,
            basis,
            citation,
        }
    }

    const fn client(
        id: TokenRuleId,
        target: Target,
        order: &'static [TokenSource],
        versions: Versions,
        basis: Basis,
        citation: &'static str,
    ) -> Self {
        let target = Some(target);
        Self { side: Side::Client, target, ..Self::server(id, order, versions, basis, citation) }
    }

    const fn of_service(self) -> Self {
        Self { service_kind_gateway: true, ..self }
    }

    const fn of_passwords(self) -> Self {
        Self { password: true, ..self }
    }
}

const ENV_FIRST: &[TokenSource] =
    &[TokenSource::Flag, TokenSource::Env, TokenSource::AuthToken, TokenSource::RemoteToken];
const CONFIG_FIRST: &[TokenSource] =
    &[TokenSource::Flag, TokenSource::AuthToken, TokenSource::Env, TokenSource::RemoteToken];

/// Who wins the token. The first row that fits counts.
pub(crate) const TOKEN_RULES: &[TokenRule] = &[
    TokenRule::server(
        TokenRuleId::ServerLocalSourcesOnly,
        &[TokenSource::Flag, TokenSource::AuthToken, TokenSource::Env],
        Versions::before(V2026_8_1),
        Basis::Run,
        "observed on 2026.4.15 (a random token) and 2026.7.1 (it refuses to bind)",
    ),
    TokenRule::server(
        TokenRuleId::ServerConfigFirst,
        CONFIG_FIRST,
        Versions::since(V2026_8_1),
        Basis::Run,
        "observed on 2026.9.6; read in 2026.8.1",
    ),
    TokenRule::client(
        TokenRuleId::ClientFlagUrlTakesFlagOnly,
        Target::FlagUrl,
        &[TokenSource::Flag],
        FLAG_URL_STANDS_ALONE,
        Basis::Code,
        "observed on 2026.9.6; read in 2026.2.3, and not in 2026.2.2",
    ),
    TokenRule::client(
        TokenRuleId::ClientEnvUrlTakesEnvOnly,
        Target::EnvUrl,
        &[TokenSource::Flag, TokenSource::Env],
        Versions::ALL,
        Basis::Code,
        "observed on 2026.9.6",
    ),
    TokenRule::client(
        TokenRuleId::ClientRemotePasswordEnvFirst,
        Target::Remote,
        &[TokenSource::Flag, TokenSource::Env, TokenSource::RemoteToken],
        Versions::before(V2026_2_22),
        Basis::Code,
        "read in 2026.1.29 to 2026.2.21",
    )
    .of_passwords(),
    TokenRule::client(
        TokenRuleId::ClientRemotePasswordEnvFirst,
        Target::Remote,
        &[TokenSource::Flag, TokenSource::Env, TokenSource::RemoteToken, TokenSource::AuthToken],
        Versions::since(V2026_2_22),
        Basis::Code,
        "read in 2026.2.22 to 2026.9.6",
    )
    .of_passwords(),
    TokenRule::client(
        TokenRuleId::ClientRemoteFlagOrRemoteToken,
        Target::Remote,
        &[TokenSource::Flag, TokenSource::RemoteToken],
        Versions::before(V2026_2_22),
        Basis::Code,
        "read in 2026.1.29 to 2026.2.21",
    ),
    TokenRule::client(
        TokenRuleId::ClientRemoteFirst,
        Target::Remote,
        &[TokenSource::Flag, TokenSource::RemoteToken, TokenSource::Env, TokenSource::AuthToken],
        Versions::since(V2026_2_22),
        Basis::Code,
        "observed on 2026.9.6; read from 2026.2.22 on",
    ),
    TokenRule::client(
        TokenRuleId::ClientServiceProcessConfigFirst,
        Target::Local,
        CONFIG_FIRST,
        Versions::between(V2026_3_7, V2026_8_1),
        Basis::Code,
        "read in 2026.3.7 to 2026.7.1",
    )
    .of_service(),
    TokenRule::client(
        TokenRuleId::ClientLocalEnvFirst,
        Target::Local,
        &[TokenSource::Flag, TokenSource::Env, TokenSource::AuthToken],
        Versions::before(V2026_2_26),
        Basis::Code,
        "read in 2026.1.29 to 2026.2.25",
    ),
    TokenRule::client(
        TokenRuleId::ClientLocalEnvFirst,
        Target::Local,
        ENV_FIRST,
        Versions::between(V2026_2_26, V2026_8_1),
        Basis::Run,
        "observed on 2026.4.15 and 2026.7.1; read from 2026.2.26 on",
    ),
    TokenRule::client(
        TokenRuleId::ClientLocalConfigFirst,
        Target::Local,
        CONFIG_FIRST,
        Versions::since(V2026_8_1),
        Basis::Run,
        "observed on 2026.9.6; read from 2026.8.1 on",
    ),
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

/// The releases in which `--url` shuts out every credential but those of the command. Before, it changes the address alone.
const FLAG_URL_STANDS_ALONE: Versions = Versions::since(V2026_2_3);

/// Whether `--url` shuts out every credential but those of the command.
#[must_use]
pub(crate) fn flag_url_stands_alone(version: Option<Version>) -> bool {
    FLAG_URL_STANDS_ALONE.holds_for(version)
}

/// Whether an empty `gateway.auth.token` counts as set (read in 2026.2.21 and 2026.2.22).
#[must_use]
pub(crate) fn empty_token_counts(version: Option<Version>) -> bool {
    Versions::before(V2026_2_22).holds_for(version)
}
