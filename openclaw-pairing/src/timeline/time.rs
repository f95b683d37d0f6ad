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

#[cfg(test)]
mod tests {
    use super::*;

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
