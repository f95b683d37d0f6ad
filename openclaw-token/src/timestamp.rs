//! `SystemTime` as RFC 3339 text in UTC, to the second: `2026-11-22T13:41:55Z`.

use serde::{Deserialize, Deserializer, Serializer, de};
use std::time::{Duration, SystemTime};

const DAY: u64 = 86_400;

/// Text of a time between 1970 and 9999; times outside are shown as the nearest of the two.
pub(crate) fn to_text(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = seconds.min(253_402_300_799);
    let (year, month, day) = civil(seconds / DAY);
    let rest = seconds % DAY;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The time of a text that [`to_text`] could have made; nothing else is read.
pub(crate) fn from_text(text: &str) -> Option<SystemTime> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let seconds = days * DAY + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // One spelling only: punctuation, ranges and days of the month are checked by writing it again.
    (to_text(time) == text).then_some(time)
}

pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(*time))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_text(&text).ok_or_else(|| de::Error::custom("a time is written like 2026-11-22T13:41:55Z"))
}

/// Year, month and day of a day since 1970, by shifting the year to start in March so that leap days come last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil`].
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(to_text(at(0)), "1970-01-01T00:00:00Z");
        assert_eq!(to_text(at(951_782_400)), "2000-02-29T00:00:00Z");
        assert_eq!(to_text(at(1_795_354_915)), "2026-11-22T13:41:55Z");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T13:41:55+00:00",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-22t13:41:55Z",
            "２026-11-22T13:41:55Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(seconds in 0_u64..253_402_300_799) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(from_text(&to_text(time)), Some(time));
        }

        #[test]
        fn never_panics(text in ".{0,24}") {
            let _ = from_text(&text);
        }
    }
}
