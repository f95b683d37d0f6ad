//! `SystemTime` as RFC 3339 text in UTC, to the second: `2026-11-22T13:41:55Z`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de};
use std::time::SystemTime;

/// Text of a time between 1970 and 9999; times outside are shown as the nearest of the two.
pub(crate) fn to_text(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).strftime("%FT%TZ").to_string()
}

/// The time of a text that [`to_text`] could have made; nothing else is read.
pub(crate) fn from_text(text: &str) -> Option<SystemTime> {
    let time = text.parse::<Timestamp>().ok()?.into();
    // One spelling only, and nothing before 1970: checked by writing it again.
    (to_text(time) == text).then_some(time)
}

pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(*time))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_text(&text).ok_or_else(|| de::Error::custom("a time is written like 2026-11-22T13:41:55Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn known_times() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(to_text(at(0)), "1970-01-01T00:00:00Z");
        assert_eq!(to_text(at(951_782_400)), "2000-02-29T00:00:00Z");
        assert_eq!(to_text(at(1_795_354_915)), "2026-11-22T13:41:55Z");
        assert_eq!(to_text(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
        assert_eq!(to_text(at(1 << 60)), "9999-12-30T22:00:00Z");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T13:41:55+00:00",
            "2026-11-22T13:41:55.5Z",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T13:41:60Z",
            "1969-12-31T23:59:59Z",
            "2026-11-22t13:41:55Z",
            "２026-11-22T13:41:55Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(seconds in 0_u64..253_402_207_200) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(from_text(&to_text(time)), Some(time));
        }

        #[test]
        fn never_panics(text in ".{0,24}") {
            let _ = from_text(&text);
        }
    }
}
