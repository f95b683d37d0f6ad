//! The names of environment variables, and which release reads which.

use super::token::Side;
use super::version::{Basis, Version, Versions};

const V2026_2_17: Version = Version::new(2026, 2, 17);
const V2026_3_2: Version = Version::new(2026, 3, 2);
const V2026_3_22: Version = Version::new(2026, 3, 22);

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

/// A variable name, what people mean by it, and which releases read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameRule {
    /// The name as written.
    pub(crate) name: &'static str,
    /// What it means, or is meant to.
    pub(crate) meaning: Meaning,
    /// Whether it is read in `versions`, or means nothing and nobody says so.
    pub(crate) is_read: bool,
    /// Of whom this is true; nothing where it is true of both.
    pub(crate) side: Option<Side>,
    /// For which releases.
    pub(crate) versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

impl NameRule {
    /// Whether it is a rule of this release for this side.
    #[must_use]
    pub(crate) fn holds_for(&self, version: Option<Version>, side: Side) -> bool {
        self.versions.holds_for(version) && self.side.is_none_or(|own| own == side)
    }

    const fn of(self, side: Side) -> Self {
        Self { side: Some(side), ..self }
    }
}

const fn read(name: &'static str, meaning: Meaning, versions: Versions, citation: &'static str) -> NameRule {
    NameRule { name, meaning, is_read: true, side: None, versions, basis: Basis::Code, citation }
}

const fn unread(
    name: &'static str,
    meaning: Meaning,
    versions: Versions,
    citation: &'static str,
) -> NameRule {
    NameRule { is_read: false, ..read(name, meaning, versions, citation) }
}

/// No package from 2026.1.29 to 2026.9.6 reads the name.
const fn never(name: &'static str, meaning: Meaning) -> NameRule {
    let citation = "no release from 2026.1.29 to 2026.9.6 reads it";
    NameRule { basis: Basis::Wording, ..unread(name, meaning, Versions::ALL, citation) }
}

const OBSERVED: &str = "observed on 2026.9.6; read in 2026.1.29";
const UNTIL_3_13: &str = "read in 2026.1.29 to 2026.3.13";
const SERVER_UNTIL_2_12: &str = "the gateway reads it in 2026.1.29 to 2026.2.12";
const CLI_ALONE: &str = "the CLI alone reads it in 2026.2.17 to 2026.3.13";
const GONE: &str = "observed on 2026.9.6; no variable of this prefix is read from 2026.3.22 on";
const BEFORE_3_2: &str = "not read in 2026.1.29 to 2026.3.1";

const BEFORE_2_17: Versions = Versions::before(V2026_2_17);
const BEFORE_3_22: Versions = Versions::before(V2026_3_22);
const SINCE_3_22: Versions = Versions::since(V2026_3_22);
const CLI_ONLY: Versions = Versions::between(V2026_2_17, V2026_3_22);

/// The variable of the shared token.
pub(crate) const TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN";
/// What people write for the bind; no release reads it.
pub(crate) const BIND: &str = "OPENCLAW_GATEWAY_BIND";
/// The variable of the shared password.
pub(crate) const PASSWORD: &str = "OPENCLAW_GATEWAY_PASSWORD";
/// The variable of the URL that a client dials.
pub(crate) const URL: &str = "OPENCLAW_GATEWAY_URL";
/// The variable of the port.
pub(crate) const PORT: &str = "OPENCLAW_GATEWAY_PORT";

/// The variable names people use for the gateway, strongest spelling of a meaning first.
pub(crate) const NAME_RULES: &[NameRule] = &[
    read(TOKEN, Meaning::Token, Versions::ALL, OBSERVED),
    read("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, BEFORE_2_17, SERVER_UNTIL_2_12).of(Side::Server),
    unread("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, CLI_ONLY, CLI_ALONE).of(Side::Server),
    read("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, BEFORE_3_22, UNTIL_3_13).of(Side::Client),
    unread("CLAWDBOT_GATEWAY_TOKEN", Meaning::Token, SINCE_3_22, GONE),
    never("MOLTBOT_GATEWAY_TOKEN", Meaning::Token),
    never("GATEWAY_TOKEN", Meaning::Token),
    never("OPENCLAW_TOKEN", Meaning::Token),
    never("OPENCLAW_GATEWAY_TOKEN_FILE", Meaning::Token),
    read(PASSWORD, Meaning::Password, Versions::ALL, OBSERVED),
    read("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, BEFORE_2_17, SERVER_UNTIL_2_12).of(Side::Server),
    unread("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, CLI_ONLY, CLI_ALONE).of(Side::Server),
    read("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, BEFORE_3_22, UNTIL_3_13).of(Side::Client),
    unread("CLAWDBOT_GATEWAY_PASSWORD", Meaning::Password, SINCE_3_22, GONE),
    unread(URL, Meaning::Url, Versions::before(V2026_3_2), BEFORE_3_2),
    read(URL, Meaning::Url, Versions::since(V2026_3_2), "observed on 2026.9.6; read from 2026.3.2 on"),
    unread("CLAWDBOT_GATEWAY_URL", Meaning::Url, Versions::before(V2026_3_2), BEFORE_3_2),
    read(
        "CLAWDBOT_GATEWAY_URL",
        Meaning::Url,
        Versions::between(V2026_3_2, V2026_3_22),
        "read in 2026.3.2 to 2026.3.13",
    ),
    unread("CLAWDBOT_GATEWAY_URL", Meaning::Url, SINCE_3_22, GONE),
    never("MOLTBOT_GATEWAY_URL", Meaning::Url),
    never("GATEWAY_URL", Meaning::Url),
    never("OPENCLAW_URL", Meaning::Url),
    read(PORT, Meaning::Port, Versions::ALL, OBSERVED),
    read("CLAWDBOT_GATEWAY_PORT", Meaning::Port, BEFORE_3_22, UNTIL_3_13),
    unread("CLAWDBOT_GATEWAY_PORT", Meaning::Port, SINCE_3_22, GONE),
    never("GATEWAY_PORT", Meaning::Port),
];

/// The names of one meaning that `side` reads in `version`, strongest first.
pub(crate) fn names(
    meaning: Meaning,
    version: Option<Version>,
    side: Side,
) -> impl Iterator<Item = &'static NameRule> {
    NAME_RULES
        .iter()
        .filter(move |rule| rule.meaning == meaning && rule.is_read && rule.holds_for(version, side))
}
