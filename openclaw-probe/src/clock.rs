//! The gateway's clock against ours, with an error bound: from a `Date` header or a challenge.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::finding::Finding;
use crate::release::signature_window;

/// How far ahead of this clock the gateway's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClockSkew {
    /// Gateway minus here, in milliseconds.
    pub ahead_ms: i64,
    /// The true value lies within this many milliseconds of `ahead_ms`.
    pub error_ms: i64,
}

impl ClockSkew {
    /// From a `Date` header, which names a whole second, in an answer to a request sent at `sent` and received
    /// at `received` on this clock. `None` when the text is not an HTTP date.
    #[must_use]
    pub fn from_date_header(date: &str, sent: SystemTime, received: SystemTime) -> Option<Self> {
        let second = since_epoch(httpdate::parse_http_date(date).ok()?);
        Some(Self::from_interval(second, second + 999, sent, received))
    }

    /// From a challenge whose `ts` is milliseconds since 1970, made between `sent` and `received` on this clock.
    #[must_use]
    pub fn from_challenge(ts: i64, sent: SystemTime, received: SystemTime) -> Self {
        Self::from_interval(ts, ts, sent, received)
    }

    /// The server read its clock once between `sent` and `received` and saw a value from `low` to `high`: the skew
    /// lies between `low - received` and `high - sent`.
    fn from_interval(low: i64, high: i64, sent: SystemTime, received: SystemTime) -> Self {
        let least = low.saturating_sub(since_epoch(received));
        let most = high.saturating_sub(since_epoch(sent));
        let (least, most) = (least.min(most), least.max(most));
        let middle = least + (most - least) / 2;
        Self { ahead_ms: middle, error_ms: most - middle }
    }

    /// Whether even the kindest reading is outside what a gateway of this release allows a device signature; of a release
    /// that is not known, the newest.
    #[must_use]
    pub fn breaks_signatures(&self, release: Option<&str>) -> bool {
        let window = millis(signature_window(release));
        self.ahead_ms.saturating_abs() - self.error_ms > window
    }

    /// What is to be said of it to a gateway's operator: nothing, unless it [breaks signatures](Self::breaks_signatures).
    #[must_use]
    pub fn finding(&self, release: Option<&str>) -> Option<Finding> {
        self.breaks_signatures(release).then(|| Finding::of(Code::ClockSkew, vec![self.to_string()]))
    }

    /// The better-known of two readings.
    pub(crate) fn sharper(self, other: Option<Self>) -> Self {
        other.filter(|other| other.error_ms < self.error_ms).unwrap_or(self)
    }
}

impl std::fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = if self.ahead_ms < 0 { "behind" } else { "ahead of" };
        write!(
            f,
            "the gateway's clock is {} ms {way} this one (± {} ms)",
            self.ahead_ms.unsigned_abs(),
            self.error_ms
        )
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn since_epoch(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_http_dates() {
        let ahead =
            |date| ClockSkew::from_date_header(date, UNIX_EPOCH, UNIX_EPOCH).map(|skew| skew.ahead_ms);
        // RFC 9110 asks recipients to read the two older forms too.
        for date in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(ahead(date), Some(784_111_777_499), "{date}");
        }
        for text in
            ["", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "1994-11-06T08:49:37Z"]
        {
            assert_eq!(ahead(text), None, "{text}");
        }
    }

    proptest! {
        /// Whatever the delays, the true skew lies within the bound.
        #[test]
        fn the_bound_holds(skew in -200_000i64..200_000, to in 0u64..5000, back in 0u64..5000, start in 1_700_000_000_000u64..1_900_000_000_000) {
            let at = |ms: u64| UNIX_EPOCH + Duration::from_millis(ms);
            let server = i64::try_from(start + to).expect("small") + skew;
            let challenge = ClockSkew::from_challenge(server, at(start), at(start + to + back));
            prop_assert!((challenge.ahead_ms - skew).abs() <= challenge.error_ms + 1);
            let whole = server.div_euclid(1000) * 1000;
            let header = ClockSkew::from_interval(whole, whole + 999, at(start), at(start + to + back));
            prop_assert!((header.ahead_ms - skew).abs() <= header.error_ms + 1);
        }
    }
}
