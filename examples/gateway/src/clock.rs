//! Time as a value: the gateway asks its clock, never the system, so that a test can let five minutes pass at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// The clock of one gateway. Copies share their offset, so a test keeps one copy and moves the gateway's time with it.
#[derive(Clone, Debug)]
pub struct Clock {
    /// `None` reads the system clock.
    fixed_ms: Option<u64>,
    offset_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Follows the system clock.
    #[must_use]
    pub fn system() -> Self {
        Self { fixed_ms: None, offset_ms: Arc::default() }
    }

    /// Stands still at `at` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn fixed(at: SystemTime) -> Self {
        Self { fixed_ms: Some(unix_ms(at)), offset_ms: Arc::default() }
    }

    /// Moves this clock and all its copies forward.
    pub fn advance(&self, by: Duration) {
        self.offset_ms.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the embedded gateway reads the system clock"
    )]
    pub fn now_ms(&self) -> u64 {
        let base = self.fixed_ms.unwrap_or_else(|| unix_ms(SystemTime::now()));
        base.saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }
}

fn unix_ms(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-11-22T06:25:32.343+00:00`, as the gateway prints it.
pub(super) fn iso_8601(ms: u64) -> String {
    timestamp(ms).strftime("%FT%T%.3f+00:00").to_string()
}

/// `Sun, 22 Nov 2026 06:29:03 GMT` (RFC 9110 section 5.6.7).
pub(super) fn http_date(ms: u64) -> String {
    timestamp(ms).strftime("%a, %d %b %Y %T GMT").to_string()
}

fn timestamp(ms: u64) -> Timestamp {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_the_gateway_and_the_rfc_print_them() {
        assert_eq!(iso_8601(1_795_328_732_343), "2026-11-22T06:25:32.343+00:00");
        assert_eq!(http_date(1_795_328_943_000), "Sun, 22 Nov 2026 06:29:03 GMT");
        assert_eq!(iso_8601(951_782_400_000), "2000-02-29T00:00:00.000+00:00");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn copies_share_the_offset() {
        let clock = Clock::fixed(UNIX_EPOCH);
        clock.clone().advance(Duration::from_secs(300));
        assert_eq!(clock.now_ms(), 300_000);
    }
}
