//! A point in time as a caller writes it: RFC 3339, UTC.

use jiff::Timestamp;

/// A point in time, kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The text as given.
    pub text: String,
    /// Milliseconds since 1970.
    pub millis: u64,
}

/// A text that is not a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time like 2026-11-22T06:30:00Z (RFC 3339, UTC)")]
pub struct NotATime;

impl std::str::FromStr for Instant {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let millis = millis(text).ok_or(NotATime)?;
        Ok(Self { text: text.to_owned(), millis })
    }
}

/// RFC 3339 in UTC, from 1970 on: other offsets would be shown again as they were written.
fn millis(text: &str) -> Option<u64> {
    let in_utc = text.ends_with('Z') || text.ends_with("+00:00");
    let at = text.parse::<Timestamp>().ok().filter(|_| in_utc)?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_nonsense_is_not() {
        let read = |text: &str| text.parse::<Instant>().map(|at| at.millis).ok();
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("2026-11-22T06:26:30.803+00:00"), Some(1_795_328_790_803));
        assert_eq!(read("2024-02-29T23:59:59Z"), Some(1_709_251_199_000));
        for bad in [
            "",
            "now",
            "2026-02-29T00:00:00Z",
            "2026-11-22",
            "2026-11-22T24:00:00Z",
            "2026-1-2T0:0:0Z",
            "2026-11-22T06:30:00+02:00",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
