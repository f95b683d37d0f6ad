//! The numbers: how often, how long. Nonsense is refused with a reason.

use std::time::Duration;

use serde::Serialize;

/// How often and how long. Start from [`Policy::default`] or [`Policy::once`] and change fields.
///
/// ```
/// use openclaw_pairing::{Pairing, Credentials, Policy, ScopeSet};
/// use std::time::Duration;
///
/// let mut policy = Policy::default();
/// policy.poll = Duration::from_secs(400);
/// // A poll slower than the gateway's five minutes would let every request expire unseen.
/// assert!(Pairing::new(policy, Credentials::shared(), ScopeSet::EMPTY).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Policy {
    /// Redials after faults before a session was ever reached.
    pub attempts: u16,
    /// Redials while the gateway says that it is starting or draining.
    pub warmups: u16,
    /// Times to ask whether a person has decided.
    pub polls: u16,
    /// Lockouts to sit out.
    pub lockouts: u16,
    /// Times that the pending request may be replaced by another.
    pub renewals: u16,
    /// Redials after a session was lost. Refilled, like all others, once a session has lasted [`Policy::settle`].
    pub reconnects: u16,
    /// One connection attempt, from dial to hello. The gateway itself gives up after 15 s,
    /// after 10 s before 2026.4.29 and after 3 s in 2026.3.13.
    pub handshake: Duration,
    /// Delay before the first redial after a fault; doubled each time.
    pub backoff_min: Duration,
    /// The most that the doubling reaches, and the most that a gateway's hint is followed.
    pub backoff_max: Duration,
    /// Delay while the gateway starts, if it names none.
    pub warmup: Duration,
    /// Delay between asking whether a person has decided. Constant, and below the gateway's five minutes.
    pub poll: Duration,
    /// Delay for a lockout, if the gateway names none. A named one is never cut short.
    pub lockout: Duration,
    /// How long a session must last to count as proven.
    pub settle: Duration,
}

impl Default for Policy {
    /// Half an hour for a person, a minute for a gateway that starts, five redials for a bad network.
    fn default() -> Self {
        Self {
            attempts: 5,
            warmups: 120,
            polls: 360,
            lockouts: 1,
            renewals: 8,
            reconnects: 8,
            handshake: Duration::from_secs(20),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            warmup: Duration::from_millis(500),
            poll: Duration::from_secs(5),
            lockout: Duration::from_secs(300),
            settle: Duration::from_secs(30),
        }
    }
}

/// A policy that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A delay of zero would spin.
    #[error("`{field}` must be longer than zero, or the machine would spin")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// The largest delay is below the smallest.
    #[error("`backoff_max` ({max:?}) must not be below `backoff_min` ({min:?})")]
    BackoffOrder {
        /// `backoff_min`.
        min: Duration,
        /// `backoff_max`.
        max: Duration,
    },
    /// The request would expire between two polls.
    #[error("`poll` ({poll:?}) must stay below the gateway's request lifetime of {lifetime:?}")]
    PollTooSlow {
        /// `poll`.
        poll: Duration,
        /// How long the gateway keeps a request.
        lifetime: Duration,
    },
}

/// How long a gateway keeps a pending request without a reconnect of its device (OpenClaw 2026.9.6 observed behaviour).
pub const REQUEST_LIFETIME: Duration = Duration::from_millis(300_000);

impl Policy {
    /// One attempt, no waiting: for diagnosis, and for callers with a schedule of their own.
    pub fn once() -> Self {
        Self { attempts: 0, warmups: 0, polls: 0, lockouts: 0, renewals: 0, reconnects: 0, ..Self::default() }
    }

    pub(crate) fn validate(self) -> Result<Self, PolicyError> {
        let delays = [
            ("handshake", self.handshake),
            ("backoff_min", self.backoff_min),
            ("warmup", self.warmup),
            ("poll", self.poll),
            ("lockout", self.lockout),
            ("settle", self.settle),
        ];
        if let Some((field, _)) = delays.into_iter().find(|(_, delay)| delay.is_zero()) {
            return Err(PolicyError::Zero { field });
        }
        if self.backoff_max < self.backoff_min {
            return Err(PolicyError::BackoffOrder { min: self.backoff_min, max: self.backoff_max });
        }
        if self.poll >= REQUEST_LIFETIME {
            return Err(PolicyError::PollTooSlow { poll: self.poll, lifetime: REQUEST_LIFETIME });
        }
        Ok(self)
    }

    /// The delay of the redial number `redial` (from 0) after faults: doubled each time up to the maximum.
    pub(crate) fn backoff(&self, redial: u16) -> Duration {
        self.backoff_min
            .saturating_mul(1_u32.checked_shl(redial.into()).unwrap_or(u32::MAX))
            .min(self.backoff_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_maximum_and_never_overflows() {
        let policy = Policy::default();
        let seconds: Vec<u64> =
            [0, 1, 2, 4, 5, 31, 32, u16::MAX].map(|n| policy.backoff(n).as_secs()).to_vec();
        assert_eq!(seconds, [1, 2, 4, 16, 30, 30, 30, 30]);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let zero = Policy { poll: Duration::ZERO, ..Policy::default() };
        assert_eq!(zero.validate(), Err(PolicyError::Zero { field: "poll" }));
        let order = Policy { backoff_max: Duration::from_millis(1), ..Policy::default() };
        assert!(matches!(order.validate(), Err(PolicyError::BackoffOrder { .. })));
    }
}
