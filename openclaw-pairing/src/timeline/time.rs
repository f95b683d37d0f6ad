//! Times as lines have them, in milliseconds since 1970.

use jiff::tz::Offset;
use jiff::{Timestamp, civil};

use crate::words::head;

/// The first RFC 3339 time in the line's first 160 bytes; without an offset it is UTC.
pub(super) fn dated(line: &str) -> Option<u64> {
    let head = head(line, 160);
    let at = head.match_indices('T').map(|(at, _)| at).find(|at| {
        let date = at.checked_sub(10).and_then(|from| head.get(from..*at));
        date.is_some_and(|date| date.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
            && head.as_bytes().get(at + 3) == Some(&b':')
    })?;
    let time = head.get(at - 10..)?;
    moment(time.get(..length(time))?, Offset::UTC)
}

/// Reads the times of many lines, most of them of one day.
#[derive(Debug)]
pub(super) struct Clock {
    /// A day as lines have it, `2026-11-22T`, and its beginning in milliseconds since 1970.
    day: ([u8; 11], u64),
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { day: (*b"1970-01-01T", 0) }
    }

    /// The time at the beginning of a line, as [`leading`] reads it, and how long it is. `None` is no time, or one that is
    /// not of the usual form `2026-11-22T06:25:32.343Z`.
    pub(super) fn leading(&mut self, line: &[u8]) -> Option<(u64, usize)> {
        let (day, rest) = line.split_first_chunk::<11>()?;
        let ([h1, h0, b':', m1, m0, b':', s1, s0], rest) = rest.split_first_chunk::<8>()? else {
            return None;
        };
        let seconds = two(*h1, *h0, 24)? * 3600 + two(*m1, *m0, 60)? * 60 + two(*s1, *s0, 60)?;
        let (milliseconds, rest) = match rest {
            [b'.', rest @ ..] => {
                let count = rest.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
                if !(1..10).contains(&count) {
                    return None;
                }
                let (digits, rest) = rest.split_at(count);
                let digit = |at: usize| digits.get(at).map_or(0, |digit| u64::from(digit - b'0'));
                (digit(0) * 100 + digit(1) * 10 + digit(2), rest)
            }
            rest => (0, rest),
        };
        let rest = rest.strip_prefix(b"Z").or_else(|| rest.strip_prefix(b"+00:00"))?;
        if !matches!(rest.first(), None | Some(b' ' | b'\r')) {
            return None;
        }
        if *day != self.day.0 {
            self.day = (*day, midnight(day)?);
        }
        Some((self.day.1 + seconds * 1000 + milliseconds, line.len() - rest.len()))
    }
}

/// When a day begins, `2026-11-22T`.
fn midnight(day: &[u8; 11]) -> Option<u64> {
    let day = std::str::from_utf8(day).ok().filter(|day| day.ends_with('T'))?;
    moment(&format!("{day}00:00:00Z"), Offset::UTC)
}

/// Two digits as the number that they are, if it is below `most`.
fn two(tens: u8, ones: u8, most: u64) -> Option<u64> {
    let is_digit = tens.is_ascii_digit() && ones.is_ascii_digit();
    let number = u64::from(tens.wrapping_sub(b'0')) * 10 + u64::from(ones.wrapping_sub(b'0'));
    (is_digit && number < most).then_some(number)
}

/// The time at the beginning of a text, and how long it is: `2026-11-22T06:25:32.343+00:00`, `2026-11-22 06:25:32,343`,
/// `2026/11/22 06:25:32`.
/// Without an offset it is of this zone.
pub(super) fn leading(text: &str, zone: Offset) -> Option<(u64, usize)> {
    let bytes = text.as_bytes().first_chunk::<16>()?;
    let is_time = bytes[0].is_ascii_digit()
        && matches!(bytes[4], b'-' | b'/')
        && bytes[7] == bytes[4]
        && matches!(bytes[10], b'T' | b' ')
        && bytes[13] == b':';
    if !is_time {
        return None;
    }
    let behind = text.get(11..)?;
    let end = 11 + length(behind);
    let time = text.get(..end)?;
    // As nginx has it: `2026/07/02 02:56:28`.
    let at = if bytes[4] == b'/' { moment(&time.replace('/', "-"), zone) } else { moment(time, zone) };
    Some((at?, end))
}

/// How much of a text may be a time.
fn length(text: &str) -> usize {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"-T:.,+Zz".contains(&byte);
    text.bytes().position(|byte| !is_part(byte)).unwrap_or(text.len())
}

/// The time that a text is; without an offset it is of this zone.
pub(super) fn moment(text: &str, zone: Offset) -> Option<u64> {
    let time = text.trim_end_matches(['-', ':', '.', ',', '+']);
    let local = || time.parse::<civil::DateTime>().and_then(|local| zone.to_timestamp(local));
    let at = time.parse::<Timestamp>().or_else(|_| local()).ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

/// The time that a number of seconds since 1970 is: `1778662801.5`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let milliseconds = format!("{part:0<3}").get(..3)?.parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_reads_what_the_reader_of_one_time_reads() {
        let mut clock = Clock::new();
        for line in [
            "2026-11-22T06:25:32.343Z x",
            "2026-11-22T06:25:32+00:00 x",
            "2026-11-23T23:59:59.999999999Z",
            "2026-02-28T00:00:00.5Z\r",
            "1970-01-01T00:00:01Z x",
        ] {
            assert_eq!(clock.leading(line.as_bytes()), leading(line, Offset::UTC), "{line}");
        }
        for line in [
            "2026-13-22T06:25:32Z x",
            "2026-11-22T24:25:32Z x",
            "2026-11-22T06:25:32x",
            "2026-11-22T06:25:32.Z x",
            "2026-11-22T08:25:32+02:00 x",
            "2026-11-22",
        ] {
            assert_eq!(clock.leading(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_time_is_read_with_offset_fraction_and_prefix() {
        assert_eq!(dated("2026-11-22T06:25:32.343+00:00 [gateway] x"), Some(1_795_328_732_343));
        assert_eq!(
            dated("openclaw-gateway-1  | \u{1b}[2K2026-11-22T08:25:32+02:00 x"),
            Some(1_795_328_732_000)
        );
        assert_eq!(dated("{\"time\":\"1970-01-01T00:00:00.5Z\"}"), Some(500));
        assert_eq!(dated("2026-11-22T06:25:32 without an offset"), Some(1_795_328_732_000));
        assert_eq!(dated("at 2026-11-22T06:25:32,343Z, then"), Some(1_795_328_732_343));
        for line in ["no time", "2026-02-30T06:25:32Z x", "2026-11-22T25:25:32Z x", "1969-12-31T23:59:59Z"] {
            assert_eq!(dated(line), None, "{line}");
        }
    }
}
