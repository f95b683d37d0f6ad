//! How many refused authentications a target may cost: the gateway locks an address out after ten in a minute, for
//! every client behind it.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::target::Target;

/// At most `refusals` refused authentications in any `window`, and none before the end of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptPolicy {
    refusals: usize,
    window: Duration,
}

impl AttemptPolicy {
    /// The gateway's own limit is ten in 60 s (OpenClaw 2026.9.6 observed behaviour); other clients behind the same
    /// address share it, so stay well below.
    #[must_use]
    pub const fn new(refusals: usize, window: Duration) -> Self {
        Self { refusals, window }
    }
}

impl Default for AttemptPolicy {
    /// Two in five minutes.
    fn default() -> Self {
        Self::new(2, Duration::from_secs(300))
    }
}

/// The account of one target, in time since the prober was built. Pure.
#[derive(Debug, Default)]
struct Account {
    charged: VecDeque<Duration>,
    locked_until: Duration,
}

impl Account {
    /// Charges an attempt, when one is left. It is charged before it is made, so that attempts in flight count.
    fn take(&mut self, now: Duration, policy: AttemptPolicy) -> bool {
        while self.charged.front().is_some_and(|at| now.saturating_sub(*at) >= policy.window) {
            self.charged.pop_front();
        }
        let allowed = now >= self.locked_until && self.charged.len() < policy.refusals;
        if allowed {
            self.charged.push_back(now);
        }
        allowed
    }

    fn is_clear(&self, now: Duration) -> bool {
        self.charged.is_empty() && now >= self.locked_until
    }

    fn refused(&mut self, now: Duration, lock: Option<Duration>) {
        if let Some(lock) = lock {
            self.locked_until = self.locked_until.max(now.saturating_add(lock));
        }
    }
}

/// The accounts of all targets of a prober.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: AttemptPolicy,
    epoch: Instant,
    accounts: Mutex<HashMap<Target, Account>>,
}

impl Attempts {
    #[expect(
        clippy::disallowed_methods,
        reason = "the account runs on the real clock; its rules are pure, below it"
    )]
    pub(crate) fn new(policy: AttemptPolicy) -> Self {
        Self { policy, epoch: Instant::now(), accounts: Mutex::default() }
    }

    /// Whether an attempt may be made now; charges it.
    pub(crate) fn take(&self, target: &Target) -> bool {
        self.with(target, |account, now| account.take(now, self.policy))
    }

    /// The credential was refused; `lock` is how long the gateway refuses everybody.
    pub(crate) fn refused(&self, target: &Target, lock: Option<Duration>) {
        self.with(target, |account, now| account.refused(now, lock));
    }

    /// The answer had another reason than the credential: the charge comes back.
    pub(crate) fn not_judged(&self, target: &Target) {
        self.with(target, |account, _| account.charged.pop_back());
    }

    /// The credential was accepted: the account is clear, here as on the gateway.
    pub(crate) fn accepted(&self, target: &Target) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
    }

    fn with<T>(&self, target: &Target, act: impl FnOnce(&mut Account, Duration) -> T) -> T {
        let now = self.epoch.elapsed();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut account = accounts.remove(target).unwrap_or_default();
        let result = act(&mut account, now);
        // Who has nothing against it needs no account: an exporter may be asked for any number of targets.
        if !account.is_clear(now) {
            accounts.insert(target.clone(), account);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn stops_at_a_lock_and_comes_back_after_it() {
        let policy = AttemptPolicy::new(5, 60 * S);
        let mut account = Account::default();
        assert!(account.take(S, policy));
        account.refused(S, Some(300 * S));
        assert!(!account.take(300 * S, policy));
        assert!(account.take(301 * S, policy));
    }

    proptest! {
        /// Whatever the rhythm, no window of the policy's length holds more refused attempts than allowed.
        #[test]
        fn no_window_holds_more(gaps in proptest::collection::vec(0u64..40, 1..200), refusals in 1usize..5) {
            let policy = AttemptPolicy::new(refusals, 60 * S);
            let mut account = Account::default();
            let mut now = Duration::ZERO;
            let mut made: Vec<Duration> = Vec::new();
            for gap in gaps {
                now += Duration::from_secs(gap);
                if account.take(now, policy) {
                    account.refused(now, None);
                    made.push(now);
                }
                let recent = made.iter().filter(|at| now - **at < 60 * S).count();
                prop_assert!(recent <= refusals);
            }
        }
    }
}
