//! How a total deadline is split over the rungs.

use std::time::Duration;

use crate::rung::Rung;

/// The most seconds each rung may take, lowest rung first: what a healthy gateway needs on a busy two-core host, with
/// room.
const CAPS: [(Rung, u64); 10] = [
    (Rung::Resolve, 3),
    (Rung::Tcp, 3),
    (Rung::Tls, 5),
    (Rung::Liveness, 5),
    (Rung::Startup, 5),
    (Rung::Readiness, 5),
    (Rung::Upgrade, 5),
    (Rung::Challenge, 10),
    (Rung::Hello, 15),
    (Rung::Scope, 15),
];

/// One total for the climb, and a cap for each rung: a rung gets the smaller of its cap and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    total: Duration,
    caps: [Duration; CAPS.len()],
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
    pub fn total(total: Duration) -> Self {
        Self { total, caps: CAPS.map(|(_, seconds)| Duration::from_secs(seconds)) }
    }

    /// Another cap for one rung.
    #[must_use]
    pub fn cap(mut self, rung: Rung, cap: Duration) -> Self {
        if let Some(slot) = self.caps.get_mut(rung as usize) {
            *slot = cap;
        }
        self
    }

    /// The same with a total of at most this.
    #[must_use]
    pub fn at_most(mut self, total: Duration) -> Self {
        self.total = self.total.min(total);
        self
    }

    /// What `rung` gets after `spent` of the total is gone.
    #[must_use]
    pub fn allowance(&self, rung: Rung, spent: Duration) -> Allowance {
        let left = self.total.saturating_sub(spent);
        let cap = self.caps.get(rung as usize).copied().unwrap_or(left);
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
        for (index, rung) in Rung::ALL.iter().enumerate() {
            assert_eq!(CAPS[index].0, *rung);
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
