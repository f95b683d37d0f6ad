//! What differs between the releases that the gateway can answer as.

/// A release whose answers are known: the real one's transcripts are held to those of this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// The last line that speaks protocol 3, and does not explain a refusal by pairing.
    V2026_4_15,
    /// The last before the pairing store became a database and the probes three.
    V2026_7_1,
    /// The newest.
    #[default]
    V2026_9_6,
}

impl Release {
    /// All, oldest first.
    pub const ALL: [Self; 3] = [Self::V2026_4_15, Self::V2026_7_1, Self::V2026_9_6];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::V2026_4_15 => "2026.4.15",
            Self::V2026_7_1 => "2026.7.1",
            Self::V2026_9_6 => "2026.9.6",
        }
    }

    /// The protocol that hello names and that a client must speak.
    pub(super) const fn protocol(self) -> u64 {
        match self {
            Self::V2026_4_15 => 3,
            Self::V2026_7_1 | Self::V2026_9_6 => 4,
        }
    }

    /// A refusal by pairing says which device asks for what, and its close names the request (from 2026.4.20 on).
    pub(super) fn explains_pairing(self) -> bool {
        self >= Self::V2026_7_1
    }

    /// A CLI on loopback keeps its scopes without a device.
    pub(super) fn trusts_local_cli(self) -> bool {
        self >= Self::V2026_7_1
    }

    /// Hello says what was granted to a client without a device, too.
    pub(super) fn tells_every_grant(self) -> bool {
        self >= Self::V2026_7_1
    }

    /// There is a probe of the start, the challenge and hello say more of the gateway, a locked out client is told how long, a
    /// missing scope has a code of its own, and forwarding headers of a stranger are refused (from 2026.8.1 on).
    pub(super) fn is_of_august(self) -> bool {
        self >= Self::V2026_9_6
    }
}
