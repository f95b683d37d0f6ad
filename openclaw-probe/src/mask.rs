//! The one door from a peer's words to a report.
//!
//! A peer that was sent a token can say it back: in a refusal, a header, a page or a close reason, as it is or encoded,
//! whole or in part. And it can say what moves a terminal's cursor or turns the order of a line.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};

/// What stands in place of a secret.
const MASK: &str = "********";

/// As many bytes of one text are looked at; far more than is ever shown.
const LONGEST: usize = 16 * 1024;

/// So many bytes of a secret in a row are masked wherever they stand; a shorter secret only whole.
const TELLING: usize = 12;

/// A shorter secret is not looked for in encodings, where so few bytes stand by chance.
const LEAST_ENCODED: usize = 4;

/// How often an escaped text may be escaped again.
const ESCAPES: usize = 3;

/// What a prober was given and must not say, whoever said it last.
#[derive(Default)]
pub(crate) struct Mask {
    secrets: Vec<SecretString>,
}

impl Mask {
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self { secrets: secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect() }
    }

    /// Foreign words on one line of at most `limit` characters: secrets masked, what a terminal would obey or not show
    /// written out.
    pub(crate) fn line(&self, text: &str, limit: usize) -> String {
        let mut line = String::new();
        for c in self.told(text, limit).chars() {
            match c {
                '"' | '\'' | '\\' => line.push(c),
                c => line.extend(c.escape_debug()),
            }
        }
        line
    }

    /// The same in quotes.
    pub(crate) fn quoted(&self, text: &str, limit: usize) -> String {
        format!("{:?}", self.told(text, limit))
    }

    fn told(&self, text: &str, limit: usize) -> String {
        let text = beginning(text);
        let masked = if self.secrets.is_empty() { Cow::Borrowed(text) } else { self.masked(text) };
        let mut told = String::new();
        for (count, c) in masked.chars().enumerate() {
            if count == limit {
                told.push('…');
                break;
            }
            told.push(match c {
                '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
                // Letters to Unicode, and yet nothing to see.
                '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => char::REPLACEMENT_CHARACTER,
                c => c,
            });
        }
        told
    }

    /// The text with every part masked that holds a secret, or tells enough of one.
    fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let hidden = self.hidden(text);
        if !hidden.contains(&true) {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut before = false;
        for (at, c) in text.char_indices() {
            let is_hidden = hidden.get(at..at + c.len_utf8()).is_some_and(|bytes| bytes.contains(&true));
            match (is_hidden, before) {
                (true, false) => masked.push_str(MASK),
                (true, true) => {}
                (false, _) => masked.push(c),
            }
            before = is_hidden;
        }
        Cow::Owned(masked)
    }

    /// Which bytes of a text hold a secret: as they are, and through every escape as they are, in hexadecimal or base64.
    fn hidden(&self, text: &str) -> Vec<bool> {
        let mut hidden = vec![false; text.len()];
        let mut view = View::of(text);
        for _ in 0..=ESCAPES {
            self.find(&view, 1, &mut hidden);
            for (is_digit, decode) in ENCODINGS {
                for run in view.runs(*is_digit) {
                    // Where the secret's first digit stands in the run is not known.
                    for from in 0..4.min(run.len()) {
                        self.find(&decode(&run, from), LEAST_ENCODED, &mut hidden);
                    }
                }
            }
            match view.unescaped() {
                Some(plainer) => view = plainer,
                None => break,
            }
        }
        hidden
    }

    /// Marks where the view shows a secret of at least `least` bytes.
    fn find(&self, view: &View, least: usize, hidden: &mut [bool]) {
        for secret in &self.secrets {
            let secret = secret.expose_secret().as_bytes();
            let size = secret.len().min(TELLING);
            if secret.len() < least || view.bytes.len() < size {
                continue;
            }
            let parts: HashSet<&[u8]> = secret.windows(size).collect();
            for (part, from) in view.bytes.windows(size).zip(view.from.windows(size)) {
                if parts.contains(part)
                    && let [first, .., last] | [first @ last] = from
                    && let Some(bytes) = hidden.get_mut(first.start..last.end)
                {
                    bytes.fill(true);
                }
            }
        }
    }
}

/// The first bytes of a text, as far as is looked at.
pub(crate) fn beginning(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or("")
}

/// How bytes are written with an alphabet: whether a byte belongs to it, and what a run of such bytes says from the
/// given one on.
type Encoding = (fn(u8) -> bool, fn(&View, usize) -> View);

const ENCODINGS: &[Encoding] =
    &[(|byte| byte.is_ascii_hexdigit(), View::read_hex), (|byte| sextet(byte).is_some(), View::read_base64)];

/// A text as it reads, decoded or not, and which bytes of the text each byte stands for.
#[derive(Default)]
struct View {
    bytes: Vec<u8>,
    from: Vec<Range<usize>>,
}

impl View {
    fn of(text: &str) -> Self {
        Self { bytes: text.into(), from: (0..text.len()).map(|at| at..at + 1).collect() }
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn push(&mut self, byte: u8, from: Range<usize>) {
        self.bytes.push(byte);
        self.from.push(from);
    }

    /// The unbroken runs of such bytes.
    fn runs(&self, is_digit: fn(u8) -> bool) -> Vec<Self> {
        let mut runs = vec![Self::default()];
        for (byte, from) in self.bytes.iter().zip(&self.from) {
            match runs.last_mut() {
                Some(run) if is_digit(*byte) => run.push(*byte, from.clone()),
                Some(run) if !run.bytes.is_empty() => runs.push(Self::default()),
                _ => {}
            }
        }
        runs
    }

    fn read_hex(&self, first: usize) -> Self {
        let mut view = Self::default();
        let digits = self.bytes.get(first..).unwrap_or_default().chunks_exact(2);
        for (digits, from) in digits.zip(self.from.get(first..).unwrap_or_default().chunks_exact(2)) {
            if let ([high, low], [start, end]) = (digits, from)
                && let (Some(high), Some(low)) = (hex(*high), hex(*low))
            {
                view.push(high << 4 | low, start.start..end.end);
            }
        }
        view
    }

    fn read_base64(&self, first: usize) -> Self {
        let mut view = Self::default();
        let digits = self.bytes.get(first..).unwrap_or_default().windows(2);
        let from = self.from.get(first..).unwrap_or_default().windows(2);
        for (at, (digits, from)) in digits.zip(from).enumerate() {
            if let ([one, next], [start, end]) = (digits, from)
                && let (Some(one), Some(next)) = (sextet(*one), sextet(*next))
            {
                let byte = match at % 4 {
                    0 => one << 2 | next >> 4,
                    1 => one << 4 | next >> 2,
                    2 => one << 6 | next,
                    _ => continue,
                };
                view.push(byte, start.start..end.end);
            }
        }
        view
    }

    /// What the text says when each `%41`, `\u0041`, `\x41` and `\"` in it is read; `None` where there is none.
    fn unescaped(&self) -> Option<Self> {
        let mut view = Self::default();
        let mut at = 0;
        while at < self.len() {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let (bytes, length) =
                escaped(rest).unwrap_or_else(|| (rest.get(..1).unwrap_or_default().to_vec(), 1));
            if let Some([first, .., last] | [first @ last]) = self.from.get(at..at + length) {
                for byte in bytes {
                    view.push(byte, first.start..last.end);
                }
            }
            at += length;
        }
        (view.len() < self.len()).then_some(view)
    }
}

/// What the escape at the beginning of a text stands for, and its length.
fn escaped(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let number = |digits: Range<usize>| {
        text.get(digits)?.iter().try_fold(0, |number, digit| Some(number << 4 | u32::from(hex(*digit)?)))
    };
    let byte = |number| u8::try_from(number).ok().map(|byte| vec![byte]);
    let character = |number| char::from_u32(number).map(|c| c.to_string().into_bytes());
    match text {
        [b'%', _, _, ..] => Some((byte(number(1..3)?)?, 3)),
        [b'\\', b'x', ..] => Some((byte(number(2..4)?)?, 4)),
        [b'\\', b'u', b'{', rest @ ..] => {
            let digits = rest.iter().take(7).position(|byte| *byte == b'}')?;
            Some((character(number(3..3 + digits)?)?, digits + 4))
        }
        [b'\\', b'u', ..] => Some((character(number(2..6)?)?, 6)),
        [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => Some((vec![*escaped], 2)),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The six bits of a digit of either base64 alphabet.
const fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(secret: &str) -> Mask {
        Mask::new([SecretString::from(secret)])
    }

    #[test]
    fn words_without_a_secret_stay_what_they_are() {
        let words = "token mismatch: \"a\\b\" (provide gateway auth token) 50%";
        for mask in [Mask::default(), mask(""), mask("canary-7c1f-token")] {
            assert_eq!(mask.line(words, 200), words);
            assert_eq!(mask.quoted(words, 200), format!("{words:?}"));
        }
        assert_eq!(Mask::default().line("é\u{1b}[2K\u{202e}\tx\r\n", 200), "é\\u{1b}[2K\\u{202e} x  ");
        assert_eq!(Mask::default().line("abc", 2), "ab…");
    }

    #[test]
    fn a_secret_is_masked_before_the_words_are_cut() {
        assert_eq!(mask("canary-7c1f-token").line("is canary-7c1f-token or", 6), "is ***…");
        assert_eq!(mask("canary-7c1f-token").line("is canary-7c1f-tok", 60), "is ********");
        assert_eq!(
            mask("canary-7c1f-token").line("is canary-7c1f", 60),
            "is canary-7c1f",
            "told by no more than eleven"
        );
        assert_eq!(
            mask("pass").line("pass, 70617373, cGFzcw, %70ass, compass", 60),
            "********, ********, ********, ********, com********"
        );
    }

    proptest! {
        /// Between any words, whatever it is made of.
        #[test]
        fn no_secret_is_told(secret in "[ -~é]{1,80}", before in "[ -~]{0,30}", after in ".{0,30}", limit in 1usize..200) {
            let words = format!("{before}{secret}{after}");
            let mask = mask(&secret);
            // What an escape adds may read as a secret of a letter or two.
            if secret.len() > 8 {
                for told in [mask.line(&words, limit), mask.quoted(&words, limit)] {
                    prop_assert!(!told.contains(&secret), "{told}");
                    prop_assert!(told.chars().count() <= 12 * limit + 3);
                }
            }
        }

        #[test]
        fn nothing_panics(secret in ".{0,40}", words in "(.|%[0-9a-f]{2}|\\\\u[0-9a-f]{4}|\\\\u\\{[0-9a-f]{0,9}\\}|[a-zA-Z0-9+/]{9}){0,60}") {
            let _ = mask(&secret).quoted(&words, 80);
        }
    }
}
