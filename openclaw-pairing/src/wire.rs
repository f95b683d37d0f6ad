//! JSON text frames to and from types. The only place where secrets and frames meet.
//!
//! Unknown keys are ignored on receipt (a newer gateway may add some) and none are sent (the gateway refuses a connect
//! with a key that it does not know; OpenClaw 2026.9.6 observed behaviour).

mod incoming;
mod outgoing;
mod proof;

pub use incoming::{Challenge, Event, Hello, Incoming, Response};
pub use outgoing::{ClientInfo, ConnectParams, Proof, Role, connect_frame, request_frame};
pub use proof::{PayloadVersion, signed_text};

/// The oldest protocol that this crate speaks: gateways up to 2026.4.15.
pub const OLDEST_PROTOCOL: u32 = 3;

/// The newest protocol that this crate speaks: gateways from 2026.5.12 on.
pub const NEWEST_PROTOCOL: u32 = 4;

/// The most that a gateway takes before hello. A larger frame is closed with 1009.
pub const LARGEST_BEFORE_HELLO: usize = 65_536;

/// How much of a peer's frame is taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in one frame.
    pub bytes: usize,
    /// Nested objects and arrays.
    pub depth: usize,
    /// Members and elements in all.
    pub items: usize,
}

impl Limits {
    /// What a challenge may be: as much as a client may send before hello.
    pub const CHALLENGE: Self = Self { bytes: LARGEST_BEFORE_HELLO, depth: 8, items: 256 };
    /// What a hello or an answer may be. A real hello lists hundreds of methods and a snapshot.
    pub const SESSION: Self = Self { bytes: 4 * 1024 * 1024, depth: 48, items: 200_000 };
}

/// A frame cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Beyond a limit.
    #[error("the frame has more than {most} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Not JSON. The text is not quoted: it may hold a secret.
    #[error("the frame is not JSON (line {line}, column {column})")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, but no frame of this protocol.
    #[error("the frame is not what the protocol allows here: expected {expected}")]
    Shape {
        /// What was expected.
        expected: &'static str,
    },
}
