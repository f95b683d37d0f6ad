//! A point in time as a caller writes it: RFC 3339, UTC.

/// A point in time, kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The text as given.
    pub text: String,
    /// Milliseconds since 1970.
    pub millis: u64,
}

/// A text that is no point in time.
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

/// `YYYY-MM-DDTHH:MM:SS[.fff…]Z`, or with `+00:00`.
fn millis(text: &str) -> Option<u64> {
    let local = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = local.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.splitn(3, ':');
    let (hour, minute, second) =
        (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |month: u64| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day == 0 || day > length(month) {
        return None;
    }
    let days: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum::<u64>()
        + (1..month).map(length).sum::<u64>()
        + (day - 1);
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + thousandths)
}

fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
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
