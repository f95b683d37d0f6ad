//! Failed attempts per credential kind and guesser. OpenClaw 2026.9.6 observed behaviour.
//!
//! Ten failures within a minute lock a guesser for five minutes, also for the right credential. Loopback is never locked,
//! only slowed: a quarter of a second, doubling to five seconds. A web page on loopback is, by its origin: any site can make
//! the browser of the gateway's own host guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Limits of the lockout; the defaults are those of a gateway that does not configure any.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Failures that lock an address.
    pub attempts: usize,
    /// Failures older than this no longer count.
    pub window: Duration,
    /// How long an address stays locked.
    pub lockout: Duration,
    /// Delay after the first failure from loopback; it doubles up to twenty times this.
    pub loopback_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts: 10,
            window: Duration::from_secs(60),
            lockout: Duration::from_secs(300),
            loopback_delay: Duration::from_millis(250),
        }
    }
}

/// Credential kinds are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Credential {
    SharedSecret,
    DeviceToken,
}

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Guesser {
    /// Everyone at this address.
    Address(IpAddr),
    /// Pages of this origin, on loopback.
    Page(String),
}

impl Guesser {
    fn is_loopback(&self) -> bool {
        matches!(self, Self::Address(address) if address.is_loopback())
    }
}

#[derive(Debug)]
pub(super) struct Lockout {
    limits: Limits,
    guessers: HashMap<(Credential, Guesser), Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    at: Vec<u64>,
    locked_until: Option<u64>,
}

impl Lockout {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, guessers: HashMap::new() }
    }

    /// Milliseconds until the guesser may try again; `None` when it may try now.
    pub(super) fn locked(&mut self, credential: Credential, guesser: &Guesser, now: u64) -> Option<u64> {
        if guesser.is_loopback() {
            return None;
        }
        let failures = self.guessers.get_mut(&(credential, guesser.clone()))?;
        failures.forget_old(&self.limits, now);
        failures.locked_until.map(|until| until - now)
    }

    /// Counts a failure and says how long the answer must wait.
    pub(super) fn fail(&mut self, credential: Credential, guesser: &Guesser, now: u64) -> Duration {
        let failures = self.guessers.entry((credential, guesser.clone())).or_default();
        failures.forget_old(&self.limits, now);
        if failures.locked_until.is_some() {
            return Duration::ZERO;
        }
        failures.at.push(now);
        if guesser.is_loopback() {
            // The delay is at its most after six failures; more need not be remembered.
            let surplus = failures.at.len().saturating_sub(6);
            failures.at.drain(..surplus);
            let doublings = u32::try_from(failures.at.len().saturating_sub(1)).unwrap_or(5);
            return (self.limits.loopback_delay * 2u32.pow(doublings)).min(self.limits.loopback_delay * 20);
        }
        if failures.at.len() >= self.limits.attempts {
            failures.locked_until = Some(now + millis(self.limits.lockout));
        }
        Duration::ZERO
    }

    /// A success clears the count.
    pub(super) fn succeed(&mut self, credential: Credential, guesser: &Guesser) {
        self.guessers.remove(&(credential, guesser.clone()));
    }
}

impl Failures {
    fn forget_old(&mut self, limits: &Limits, now: u64) {
        if self.locked_until.is_some_and(|until| now >= until) {
            *self = Self::default();
        }
        let window = millis(limits.window);
        self.at.retain(|at| now.saturating_sub(*at) < window);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const REMOTE: &Guesser = &Guesser::Address(IpAddr::V4(Ipv4Addr::new(172, 18, 0, 3)));
    const LOOPBACK: &Guesser = &Guesser::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn ten_failures_in_a_minute_lock_for_five() {
        let mut lockout = Lockout::new(Limits::default());
        for attempt in 0..9 {
            lockout.fail(Credential::SharedSecret, REMOTE, attempt);
        }
        assert_eq!(lockout.locked(Credential::SharedSecret, REMOTE, 9), None);
        lockout.fail(Credential::SharedSecret, REMOTE, 9);
        assert_eq!(lockout.locked(Credential::SharedSecret, REMOTE, 19), Some(299_990));
        assert_eq!(lockout.locked(Credential::DeviceToken, REMOTE, 19), None);
        assert_eq!(lockout.locked(Credential::SharedSecret, REMOTE, 300_009), None);
    }

    #[test]
    fn failures_leave_the_window() {
        let mut lockout = Lockout::new(Limits::default());
        for attempt in 0..30 {
            lockout.fail(Credential::SharedSecret, REMOTE, attempt * 7000);
        }
        assert_eq!(lockout.locked(Credential::SharedSecret, REMOTE, 30 * 7000), None);
    }

    #[test]
    fn loopback_is_slowed_and_never_locked() {
        let mut lockout = Lockout::new(Limits::default());
        let delays: Vec<u128> =
            (0..8).map(|_| lockout.fail(Credential::SharedSecret, LOOPBACK, 0).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
        assert_eq!(lockout.locked(Credential::SharedSecret, LOOPBACK, 0), None);
        lockout.succeed(Credential::SharedSecret, LOOPBACK);
        assert_eq!(lockout.fail(Credential::SharedSecret, LOOPBACK, 0).as_millis(), 250);
    }

    #[test]
    fn a_page_on_loopback_is_locked_and_no_other_page_with_it() {
        let mut lockout = Lockout::new(Limits::default());
        let page = Guesser::Page("http://127.0.0.1:18789".to_owned());
        for _ in 0..10 {
            assert_eq!(lockout.fail(Credential::SharedSecret, &page, 0), Duration::ZERO);
        }
        assert_eq!(lockout.locked(Credential::SharedSecret, &page, 0), Some(300_000));
        let other = Guesser::Page("http://localhost:18789".to_owned());
        assert_eq!(lockout.locked(Credential::SharedSecret, &other, 0), None);
        assert_eq!(lockout.locked(Credential::SharedSecret, LOOPBACK, 0), None);
    }
}
