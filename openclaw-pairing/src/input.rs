//! What the machine is told.

use std::time::Duration;

use serde::Serialize;

use crate::refusal::{PairingReason, Refusal, RefusalClass};
use crate::scope::ScopeSet;

/// One thing that happened. It never holds a secret: the driver keeps nonces, tokens and frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Input {
    /// The caller wants a session.
    Start,
    /// The WebSocket is open.
    TransportUp,
    /// The WebSocket is gone, or never came to be.
    TransportDown(Cause),
    /// The gateway sent its challenge.
    Challenged,
    /// The signer has signed the challenge.
    Signed,
    /// The signer could not sign.
    SignFailed,
    /// The gateway said hello.
    Hello(Grant),
    /// The gateway refused the connect.
    Refused(Refused),
    /// Someone decided on a request, told out of band: by an operator's session or by a person.
    Decided(RequestTag, Decision),
    /// A timer ran out. One that is not armed is ignored.
    TimerFired(Timer),
    /// The peer broke the protocol: it is no gateway, or one from another world.
    Violated,
    /// The caller gives up.
    Abort,
}

/// Why a transport is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Refused, reset, timed out, closed without a word: 1000, 1006 and anything else.
    Lost,
    /// The gateway restarts or drains: 1012, 1013, or HTTP 503 on the upgrade.
    Restarting,
    /// 4001 `gateway auth changed`: the shared token was changed.
    AuthChanged,
    /// 4001 `device removed`: this device was removed, or its token rotated or revoked.
    DeviceRemoved,
}

impl Cause {
    /// What a close frame with this code and reason means.
    #[must_use]
    pub fn of_close(code: u16, reason: &str) -> Self {
        match (code, reason) {
            (1012 | 1013, _) => Self::Restarting,
            (4001, "gateway auth changed") => Self::AuthChanged,
            (4001, "device removed") => Self::DeviceRemoved,
            _ => Self::Lost,
        }
    }
}

/// What a hello granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Grant {
    /// The session's scopes.
    pub scopes: ScopeSet,
    /// Which process answered; another one means that the gateway restarted in between.
    pub boot: BootTag,
    /// True if the hello carries a device token to keep.
    pub device_token: bool,
}

impl Grant {
    /// A grant of `scopes` by the process `boot`.
    pub const fn new(scopes: ScopeSet, boot: BootTag, device_token: bool) -> Self {
        Self { scopes, boot, device_token }
    }
}

/// What the machine needs of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Refused {
    /// What kind of refusal.
    pub class: RefusalClass,
    /// The request that now waits for a person.
    pub request: Option<RequestTag>,
    /// Why a person is needed.
    pub reason: Option<PairingReason>,
    /// How long the gateway asks to wait.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// A refusal of this class and nothing else.
    pub const fn new(class: RefusalClass) -> Self {
        Self { class, request: None, reason: None, retry_after: None }
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        Self {
            class: refusal.class(),
            request: refusal.request_id.as_deref().map(RequestTag::of),
            reason: refusal.pairing,
            retry_after: refusal.retry_after_ms.map(Duration::from_millis),
        }
    }
}

/// A decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// A person let the device in.
    Approved,
    /// A person turned it away.
    Rejected,
}

/// A request id by its hash: eight bytes that can be compared, hashed and copied. The driver keeps the id itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RequestTag(u64);

impl RequestTag {
    /// The tag of this request id.
    pub fn of(request_id: &str) -> Self {
        Self(fnv1a(request_id))
    }
}

/// A gateway process (its `bootId`) by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct BootTag(u64);

impl BootTag {
    /// The tag of this boot id.
    pub fn of(boot_id: &str) -> Self {
        Self(fnv1a(boot_id))
    }
}

/// FNV-1a: ids are compared with their own successors only, so a fast hash without a key will do.
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The named timers. At most one is armed at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Timer {
    /// When to give up on one connection attempt: dial, challenge, signature and hello together.
    Handshake,
    /// When to dial again after a fault, a restart or a gateway that is still starting.
    Retry,
    /// When to ask again whether a person has decided.
    Approval,
    /// When the gateway's lockout of this address ends.
    Lockout,
    /// When a session has lasted long enough to count as proven.
    Settle,
}

impl Timer {
    /// Every timer.
    pub const ALL: [Self; 5] = [Self::Handshake, Self::Retry, Self::Approval, Self::Lockout, Self::Settle];
}
