//! What an upgrade changes about authentication and reach.

use super::version::{Basis, Version};

/// Something about authentication or reach that an upgrade over this release changes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AuthChange {
    /// The first release with the new behaviour.
    pub since: Version,
    /// What changes and what to do before.
    pub what: &'static str,
    /// How the release is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    pub citation: &'static str,
}

const fn change(
    since: (u16, u8, u16),
    what: &'static str,
    basis: Basis,
    citation: &'static str,
) -> AuthChange {
    AuthChange { since: Version::new(since.0, since.1, since.2), what, basis, citation }
}

const fn read(since: (u16, u8, u16), what: &'static str) -> AuthChange {
    change(since, what, Basis::Code, "read on either side")
}

/// What changes between two releases, oldest first.
pub(crate) const AUTH_CHANGES: &[AuthChange] = &[
    read(
        (2026, 2, 2),
        "browser origins are checked: listed in gateway.controlUi.allowedOrigins, or equal to the Host header",
    ),
    read((2026, 2, 3), "--url takes the credentials of the command alone"),
    read(
        (2026, 2, 17),
        "the scopes of a client without a device are cleared; ten failures in 60 s lock out for 300 s; the gateway no longer reads CLAWDBOT_GATEWAY_TOKEN, its CLI still does",
    ),
    read(
        (2026, 2, 19),
        "`ws://` to other hosts than loopback is refused; a gateway without a token makes one up and writes it into openclaw.json",
    ),
    read(
        (2026, 2, 22),
        "a remote client without gateway.remote.token takes OPENCLAW_GATEWAY_TOKEN; an empty gateway.auth.token no longer counts; device proofs older than 120 s are refused",
    ),
    read((2026, 2, 23), "a gateway on other interfaces than loopback needs gateway.controlUi.allowedOrigins"),
    read(
        (2026, 2, 26),
        "a local client without a token takes gateway.remote.token; device proofs of version 3 are known",
    ),
    read(
        (2026, 3, 1),
        "localhost origins with the internal port are admitted when none is configured, and written into openclaw.json; OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1 admits `ws://` to private hosts",
    ),
    read(
        (2026, 3, 2),
        "OPENCLAW_GATEWAY_URL is read: a value left behind takes effect, and only OPENCLAW_GATEWAY_TOKEN is sent to it",
    ),
    read((2026, 3, 7), "a ${NAME} of openclaw.json that nothing fills no longer makes the file invalid"),
    read((2026, 3, 22), "CLAWDBOT_* variables are ignored"),
    read(
        (2026, 4, 7),
        "an absent bind, and auto, mean all interfaces inside a container; a browser through a published port is taken for local",
    ),
    read((2026, 4, 12), "the example token and password of .env.example are refused"),
    read(
        (2026, 4, 29),
        "each command of the CLI asks for its own scopes alone: a device that was paired by one has to be approved for more by the next",
    ),
    read(
        (2026, 5, 12),
        "protocol 4; a token that was made up is no longer written down, so another counts at each start, and beyond loopback one is required",
    ),
    read((2026, 5, 18), "`ws://` to private addresses, *.local and tailnet names is admitted"),
    change(
        (2026, 8, 1),
        "the CLI prefers gateway.auth.token over OPENCLAW_GATEWAY_TOKEN for a local gateway",
        Basis::Run,
        "observed on 2026.7.1 and 2026.9.6, read in 2026.8.1",
    ),
    read(
        (2026, 8, 1),
        "pairing state moves from devices/*.json into state/openclaw.sqlite: going back loses later approvals",
    ),
    change(
        (2026, 8, 1),
        "requests with forwarding headers from a peer outside gateway.trustedProxies are refused (403)",
        Basis::Code,
        "read in 2026.7.1 and 2026.8.1, observed on 2026.9.6",
    ),
    read((2026, 9, 3), "a blank token, undefined and null are refused (as a password from 2026.9.4 on)"),
];

/// The changes that an upgrade from `from` to `to` brings; for a downgrade, those it takes back.
pub fn changes_between(from: Version, to: Version) -> impl Iterator<Item = &'static AuthChange> {
    let (low, high) = if from <= to { (from, to) } else { (to, from) };
    AUTH_CHANGES.iter().filter(move |change| low < change.since && change.since <= high)
}
