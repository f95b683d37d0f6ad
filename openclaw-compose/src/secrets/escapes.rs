//! A text with every character that is written as an escape read: `\u005a`, `\x5a`, `\132`, `\"`, `%5A`, `&#90;`, `&quot;`,
//! or `=5A` in the body of a mail.
//!
//! A secret may be written in as many mixtures of these as it has characters, so that nobody can look for each of them: a
//! search looks into the text as it reads, and finds its way back to what is written.

use std::ops::Range;

/// Fewer digits of hexadecimal than a secret has are left as they are.
const SHORTEST_RUN: usize = 2 * super::SHORTEST;

/// What a text reads.
#[derive(Default)]
pub(super) struct Read {
    /// Escapes of bytes may make of it what is not UTF-8.
    pub(super) bytes: Vec<u8>,
    /// Places as it reads and as it is written; up to the next one both go on byte by byte.
    places: Vec<(usize, usize)>,
}

impl Read {
    /// The bytes that are written where these are read.
    pub(super) fn written(&self, read: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let before = self.places.partition_point(|(read, _)| *read <= at).checked_sub(1);
            before
                .and_then(|before| self.places.get(before))
                .map_or(at, |(read, written)| written + (at - read))
        };
        place(read.start)..place(read.end)
    }

    fn place(&mut self, written: usize) {
        self.places.push((self.bytes.len(), written));
    }
}

/// What the text reads, hexadecimal in small letters; nothing where it reads as it is written.
pub(super) fn read(text: &[u8]) -> Option<Read> {
    read_by(text, escape)
}

/// The same of quoted-printable, which is read alone: elsewhere a `=` ends a name, and two digits behind it are a value.
pub(super) fn read_quoted_printable(text: &[u8]) -> Option<Read> {
    read_by(text, |first, rest| match (first, rest) {
        (b'=', [b'\n', ..]) => Some((Character::Nothing, 1)),
        (b'=', [b'\r', b'\n', ..]) => Some((Character::Nothing, 2)),
        (b'=', digits) => byte(digits, 16, 2),
        _ => None,
    })
}

fn read_by(text: &[u8], escape: impl Fn(u8, &[u8]) -> Option<(Character, usize)>) -> Option<Read> {
    let mut read = Read::default();
    // What is before this was read; what is between this and `at` is copied.
    let (mut done, mut at) = (0, 0);
    while let Some((byte, rest)) = text.get(at..).and_then(<[u8]>::split_first) {
        if byte.is_ascii_hexdigit() {
            let length = 1 + rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let run = text.get(at..at + length).unwrap_or_default();
            if length >= SHORTEST_RUN && run.iter().any(u8::is_ascii_uppercase) {
                read.bytes.extend(text.get(done..at).unwrap_or_default());
                read.bytes.extend(run.iter().map(u8::to_ascii_lowercase));
                done = at + length;
            }
            at += length;
        } else if let Some((character, length)) = escape(*byte, rest) {
            read.bytes.extend(text.get(done..at).unwrap_or_default());
            read.place(at);
            match character {
                Character::Nothing => {}
                Character::Byte(byte) => read.bytes.push(byte),
                Character::Whole(c) => read.bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
            at += 1 + length;
            read.place(at);
            done = at;
        } else {
            at += 1;
        }
    }
    read.bytes.extend(text.get(done..).filter(|_| done > 0)?);
    Some(read)
}

enum Character {
    /// Where a line goes on.
    Nothing,
    /// Of which a character may need several.
    Byte(u8),
    Whole(char),
}

/// The escape that begins with a byte, and how many bytes of the rest belong to it.
fn escape(first: u8, rest: &[u8]) -> Option<(Character, usize)> {
    let whole = |code: u32| char::from_u32(code).map(Character::Whole);
    match (first, rest) {
        (b'%', digits) => byte(digits, 16, 2),
        (b'\\', [b'x', digits @ ..]) => byte(digits, 16, 2).map(|(byte, length)| (byte, 1 + length)),
        (b'\\', [b'0'..=b'3', ..]) => byte(rest, 8, 3),
        (b'\\', [b'u', b'{', digits @ ..]) => {
            let (code, length) = number(digits, 16, 6)?;
            (digits.get(length) == Some(&b'}')).then_some((whole(code)?, 3 + length))
        }
        (b'\\', [b'u', digits @ ..]) => {
            let unit = |digits: &[u8]| number(digits, 16, 4).filter(|(_, length)| *length == 4);
            let (high, _) = unit(digits)?;
            // In two halves where it has to be.
            let low = match digits.get(4..) {
                Some([b'\\', b'u', digits @ ..]) if (0xd800..0xdc00).contains(&high) => unit(digits),
                _ => None,
            };
            match low.filter(|(low, _)| (0xdc00..0xe000).contains(low)) {
                Some((low, _)) => Some((whole(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 11)),
                None => Some((whole(high)?, 5)),
            }
        }
        (b'\\', [b'n', ..]) => Some((Character::Byte(b'\n'), 1)),
        (b'\\', [b't', ..]) => Some((Character::Byte(b'\t'), 1)),
        (b'\\', [c @ (b'\\' | b'/' | b'"' | b'\''), ..]) => Some((Character::Byte(*c), 1)),
        (b'&', [b'#', rest @ ..]) => {
            let (digits, radix) = match rest {
                [b'x' | b'X', digits @ ..] => (digits, 16),
                digits => (digits, 10),
            };
            let (code, length) = number(digits, radix, 7)?;
            let before = rest.len() - digits.len();
            (digits.get(length) == Some(&b';')).then_some((whole(code)?, 2 + before + length))
        }
        (b'&', name) => {
            let (name, character) = NAMES.iter().find(|(known, _)| name.starts_with(known.as_bytes()))?;
            Some((Character::Byte(*character), name.len()))
        }
        _ => None,
    }
}

/// The characters that XML and pages call by a name.
const NAMES: &[(&str, u8)] =
    &[("amp;", b'&'), ("lt;", b'<'), ("gt;", b'>'), ("quot;", b'"'), ("apos;", b'\'')];

/// A byte in exactly so many digits, and how many they are.
fn byte(text: &[u8], radix: u32, digits: usize) -> Option<(Character, usize)> {
    let (value, length) = number(text, radix, digits).filter(|(_, length)| *length == digits)?;
    Some((Character::Byte(u8::try_from(value).ok()?), length))
}

/// A number of at most so many digits, and how many it has.
fn number(text: &[u8], radix: u32, most: usize) -> Option<(u32, usize)> {
    let digits = text.iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, length) = digits.fold((0, 0), |(value, length), digit| (value * radix + digit, length + 1));
    (length > 0).then_some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_is_read_and_found_again() {
        for (written, expected) in [
            (r"\u005a\u00E9", "Zé"),
            (r"\ud83d\ude00", "😀"),
            (r"\u{1f600}", "😀"),
            (r"\x5a\xc3\xa9", "Zé"),
            (r"\132\303\251", "Zé"),
            ("%5A%c3%A9", "Zé"),
            ("&#90;&#x5a;&#X5A;", "ZZZ"),
            ("&lt;&gt;&amp;&quot;&apos;", "<>&\"'"),
            (r#"\\\/\"\'\t"#, "\\/\"'\t"),
            ("DEADbeef0123", "deadbeef0123"),
        ] {
            let text = format!("é {written} é");
            let read = read(text.as_bytes()).expect(written);
            assert_eq!(String::from_utf8_lossy(&read.bytes), format!("é {expected} é"));
            let range = read.written(&(3..3 + expected.len()));
            assert_eq!(&text[range], written);
        }
        let read_mail = read_quoted_printable(b"=5A=c3=\n=A9 = 1=").expect("escapes");
        assert_eq!(String::from_utf8_lossy(&read_mail.bytes), "Zé = 1=");
        for plain in [
            "",
            "100% of it",
            r"C:\dir\u12",
            "a & b &#x; &#99999999;",
            "DEADBEEF",
            r"\ud83d",
            "%4",
            r"\09",
            "=5A",
        ] {
            assert!(read(plain.as_bytes()).is_none(), "{plain}");
        }
    }
}
