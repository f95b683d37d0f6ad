//! The rungs, in the order in which they are climbed.

use serde::Serialize;

/// One step of the ladder. Rungs are ordered: a later one proves more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rung {
    /// The host name has an address here.
    Resolve,
    /// Something accepts TCP connections at that address.
    Tcp,
    /// TLS completes and the certificate is trusted (`wss`, `https`).
    Tls,
    /// `/healthz` answers as the gateway does: the process is alive.
    Liveness,
    /// `/startupz` says started: new sessions are admitted.
    Startup,
    /// `/readyz` says ready: nothing the gateway watches is failing.
    Readiness,
    /// The HTTP connection becomes a WebSocket.
    Upgrade,
    /// The gateway opens its handshake with a challenge.
    Challenge,
    /// The gateway accepts the connect frame: the token is right.
    Hello,
    /// The session carries the scopes that were asked for.
    Scope,
}

impl Rung {
    /// Every rung, lowest first.
    pub const ALL: &[Self] = &[
        Self::Resolve,
        Self::Tcp,
        Self::Tls,
        Self::Liveness,
        Self::Startup,
        Self::Readiness,
        Self::Upgrade,
        Self::Challenge,
        Self::Hello,
        Self::Scope,
    ];

    /// The rung's name in reports and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Liveness => "liveness",
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Upgrade => "upgrade",
            Self::Challenge => "challenge",
            Self::Hello => "hello",
            Self::Scope => "scope",
        }
    }

    /// The exit code a program gives when this is the first rung that failed: 10 for resolve to 19 for scope.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        10 + self as u8
    }
}

impl std::fmt::Display for Rung {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A rung's name that no rung has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no rung is called {name:?}; the rungs are resolve, tcp, tls, liveness, startup, readiness, upgrade, challenge, hello, scope"
)]
#[non_exhaustive]
pub struct UnknownRung {
    /// What was given.
    pub name: String,
}

impl std::str::FromStr for Rung {
    type Err = UnknownRung;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|rung| rung.name() == name)
            .ok_or_else(|| UnknownRung { name: name.to_owned() })
    }
}
