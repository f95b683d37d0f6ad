//! The gateway's clock against ours, with an error bound: from a `Date` header or a challenge.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// The gateway refuses device signatures that are further away than this (OpenClaw 2026.9.6 observed behaviour).
const SIGNATURE_WINDOW_MS: i64 = 120_000;

/// How far ahead of this clock the gateway's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
        let second = parse_http_date(date)?.checked_mul(1000)?;
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

    /// Whether even the kindest reading is outside what a device signature allows.
    #[must_use]
    pub const fn breaks_signatures(&self) -> bool {
        self.ahead_ms.saturating_abs() - self.error_ms > SIGNATURE_WINDOW_MS
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

fn since_epoch(time: SystemTime) -> i64 {
    let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}

/// Seconds since 1970 of an IMF-fixdate (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|m| *m == month)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let plausible = words.next() == Some("GMT")
        && (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    plausible.then(|| days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that the leap day is last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_http_dates() {
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http_date("Sun, 22 Nov 2026 06:29:03 GMT"), Some(1_795_328_943));
        assert_eq!(parse_http_date("Tue, 29 Feb 2028 00:00:00 GMT"), Some(1_835_395_200));
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
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
