//! Where a device stands.

use std::fmt;

use serde::Serialize;

use crate::input::Timer;

macro_rules! phases {
    ($($variant:ident $name:literal $socket:ident $timer:expr, $end:ident $doc:literal;)*) => {
        /// Where a device stands in pairing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Phase { $(#[doc = $doc] $variant,)* }

        impl Phase {
            /// Every phase.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The phase's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One line on what it means.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }

            /// True while a WebSocket is open or being opened.
            pub const fn has_socket(self) -> bool {
                match self { $(Self::$variant => matches!(Socket::$socket, Socket::Open),)* }
            }

            /// The timer that is armed on entering; each phase owns at most one.
            pub const fn timer(self) -> Option<Timer> {
                match self { $(Self::$variant => $timer,)* }
            }

            /// True for phases that nothing leaves.
            pub const fn is_terminal(self) -> bool {
                match self { $(Self::$variant => matches!(End::$end, End::Final),)* }
            }
        }
    };
}

enum Socket {
    Open,
    None,
}

enum End {
    Final,
    Not,
}

phases! {
    Idle "idle" None None, Not "nothing was asked yet";
    Dialing "dialing" Open Some(Timer::Handshake), Not "the WebSocket is being opened";
    Greeting "greeting" Open Some(Timer::Handshake), Not "the WebSocket is open; the gateway's challenge is awaited";
    Signing "signing" Open Some(Timer::Handshake), Not "the signer has the challenge";
    Authenticating "authenticating" Open Some(Timer::Handshake), Not "the connect request is out";
    Connected "connected" Open Some(Timer::Settle), Not "a session with every scope asked for";
    Limited "limited" Open Some(Timer::Settle), Not "a session that lacks scopes: the token is right, the device is not known";
    AwaitingApproval "awaiting-approval" None Some(Timer::Approval), Not "a person must decide; the device asks again on a constant beat";
    Backoff "backoff" None Some(Timer::Retry), Not "waiting before the next dial";
    LockedOut "locked-out" None Some(Timer::Lockout), Not "this address may not try until the gateway's lockout ends";
    Aborted "aborted" None None, Final "the caller gave up";
    Churned "churned" None None, Final "the request was replaced too often to be approved";
    ClockSkewed "clock-skewed" None None, Final "the proof's time is outside the gateway's window";
    Exhausted "exhausted" None None, Final "a budget is spent";
    IdentityRefused "identity-refused" None None, Final "the device proof is missing or wrong";
    Incompatible "incompatible" None None, Final "no common protocol version";
    OriginRefused "origin-refused" None None, Final "the origin, or the proxy in front, is not admitted";
    Refused "refused" None None, Final "the gateway refuses for a reason that only a change can lift";
    Rejected "rejected" None None, Final "a person turned the device away";
    SignerFailed "signer-failed" None None, Final "the signer could not sign";
    Unauthorized "unauthorized" None None, Final "no credential that is left was accepted";
    Undecided "undecided" None None, Final "nobody decided within the budget";
    Violated "violated" None None, Final "the peer does not speak the protocol";
}

impl Phase {
    /// True for a phase with a session, whatever its scopes.
    pub const fn is_session(self) -> bool {
        matches!(self, Self::Connected | Self::Limited)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Phase {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
