//! How long to wait between rounds: growing while a target is down, with jitter so that a fleet does not march in step.

use std::time::Duration;

/// Waits that double from `first` to `most`, each shortened by up to the jitter's share. Pure: the caller brings
/// the randomness.
///
/// ```
/// use std::time::Duration;
/// use openclaw_probe::Backoff;
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), 0.2)?;
/// assert_eq!(backoff.delay(0, 0.0), Duration::from_secs(1));
/// assert_eq!(backoff.delay(3, 0.0), Duration::from_secs(8));
/// assert_eq!(backoff.delay(99, 1.0), Duration::from_secs(24));
/// # Ok::<_, openclaw_probe::BackoffError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    jitter: f64,
}

/// Why the settings make no sense.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BackoffError {
    /// A first wait of nothing is a busy loop.
    #[error("the first wait is zero")]
    Zero,
    /// The longest wait is shorter than the first.
    #[error("the longest wait ({most:?}) is shorter than the first ({first:?})")]
    Order {
        /// The first wait.
        first: Duration,
        /// The longest.
        most: Duration,
    },
    /// The jitter is not a share from 0 to 1.
    #[error("the jitter {0} is not a share from 0 to 1")]
    Jitter(f64),
}

impl Backoff {
    /// Waits from `first` to `most`, shortened by up to `jitter` (0 to 1) of themselves.
    ///
    /// # Errors
    ///
    /// When the first wait is zero or above the longest, or the jitter is no share.
    pub fn new(first: Duration, most: Duration, jitter: f64) -> Result<Self, BackoffError> {
        if first.is_zero() {
            return Err(BackoffError::Zero);
        }
        if most < first {
            return Err(BackoffError::Order { first, most });
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(BackoffError::Jitter(jitter));
        }
        Ok(Self { first, most, jitter })
    }

    /// The wait after `failures` failures in a row. `random` is from 0 to 1; it only ever shortens the wait.
    #[must_use]
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(failures.min(31)).unwrap_or(u32::MAX));
        let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.0 };
        doubled.min(self.most).mul_f64(1.0 - self.jitter * random)
    }

    /// The wait, when the gateway gave a hint: its word, kept within the bounds.
    #[must_use]
    pub fn hinted(&self, hint: Duration) -> Duration {
        hint.clamp(self.first, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nonsense_is_refused() {
        let s = Duration::from_secs;
        assert_eq!(Backoff::new(s(0), s(1), 0.0), Err(BackoffError::Zero));
        assert!(Backoff::new(s(2), s(1), 0.0).is_err());
        assert!(Backoff::new(s(1), s(1), f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn waits_stay_within_bounds(first in 1u64..10_000, more in 0u64..100_000, jitter in 0.0..=1.0f64, failures: u32, random in proptest::num::f64::ANY) {
            let (first, most) = (Duration::from_millis(first), Duration::from_millis(first + more));
            let backoff = Backoff::new(first, most, jitter).expect("sensible");
            let delay = backoff.delay(failures, random);
            prop_assert!(delay <= most);
            prop_assert!(delay + Duration::from_nanos(2) >= first.mul_f64(1.0 - jitter));
        }
    }
}
