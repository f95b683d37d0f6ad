//! How a total deadline is split over the rungs.

use std::time::Duration;

use crate::rung::Rung;

/// The most time each rung may take, by measure of what a healthy gateway needs on a busy two-core host.
const CAPS: &[(Rung, Duration)] = &[
    (Rung::Resolve, Duration::from_secs(3)),
    (Rung::Tcp, Duration::from_secs(3)),
    (Rung::Tls, Duration::from_secs(5)),
    (Rung::Liveness, Duration::from_secs(5)),
    (Rung::Startup, Duration::from_secs(5)),
    (Rung::Readiness, Duration::from_secs(5)),
    (Rung::Upgrade, Duration::from_secs(5)),
    (Rung::Challenge, Duration::from_secs(10)),
    (Rung::Hello, Duration::from_secs(15)),
    (Rung::Scope, Duration::from_secs(15)),
];

/// One total for the climb, and a cap for each rung: a rung gets the smaller of its cap and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    total: Duration,
    cap: Option<Duration>,
}

/// What one rung gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowance {
    /// The time.
    pub time: Duration,
    /// Whether the climb's total, not the rung's cap, is what limits it.
    pub limited_by_total: bool,
}

impl Budget {
    /// A total, with the usual caps per rung.
    #[must_use]
    pub const fn total(total: Duration) -> Self {
        Self { total, cap: None }
    }

    /// One cap for every rung in place of the usual ones.
    #[must_use]
    pub const fn cap_each(mut self, cap: Duration) -> Self {
        self.cap = Some(cap);
        self
    }

    /// What `rung` gets after `spent` of the total is gone.
    #[must_use]
    pub fn allowance(&self, rung: Rung, spent: Duration) -> Allowance {
        let left = self.total.saturating_sub(spent);
        let cap = self
            .cap
            .or_else(|| CAPS.iter().find(|(r, _)| *r == rung).map(|(_, cap)| *cap))
            .unwrap_or(self.total);
        Allowance { time: cap.min(left), limited_by_total: left < cap }
    }
}

impl Default for Budget {
    /// 30 s in total.
    fn default() -> Self {
        Self::total(Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_rung_has_a_cap() {
        for rung in Rung::ALL {
            assert!(CAPS.iter().any(|(r, _)| r == rung), "{rung}");
        }
    }

    proptest! {
        #[test]
        fn rungs_never_exceed_the_total(total in 0u64..60_000, spent in proptest::collection::vec(0u64..10_000, 10)) {
            let budget = Budget::total(Duration::from_millis(total));
            let mut used = Duration::ZERO;
            for (rung, wish) in Rung::ALL.iter().zip(spent) {
                used += budget.allowance(*rung, used).time.min(Duration::from_millis(wish));
            }
            prop_assert!(used <= Duration::from_millis(total));
        }
    }
}
