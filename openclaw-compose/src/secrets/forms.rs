//! The ways in which a secret is written, and where in a text one of them stands.

use std::collections::BTreeSet;
use std::ops::Range;

use super::SHORTEST;
use super::escapes::{self, Read};

/// Longer values are looked for in pieces, so that a search takes no longer the longer they are. A piece of this size is
/// no accident, so that a value that was cut is found as well.
const LONGEST: usize = 128;

/// Bytes of secrets of which encoded forms are looked for, too: each has about a dozen.
const MOST_ENCODED: usize = 1 << 20;

/// JSON in a text of JSON is escaped twice.
const MOST_LAYERS: usize = 3;

/// Every form of every value, ready to be searched for.
///
/// Sorted texts instead of an automaton: a dozen forms of each of a hundred thousand values are megabytes, not gigabytes,
/// and a set of ten is made in microseconds.
#[derive(Clone)]
pub(super) struct Forms {
    /// Sorted, each once.
    forms: Vec<Form>,
    /// A bit for every two bytes with which some form begins: most positions of a text are passed by this alone.
    begins: Box<[u64; 1024]>,
}

#[derive(Clone)]
struct Form {
    text: Box<str>,
    /// The longest other form with which this one begins, by its position.
    shorter: Option<u32>,
}

impl Forms {
    pub(super) fn of<'v>(values: impl Iterator<Item = &'v str>) -> Self {
        let mut texts = BTreeSet::new();
        let mut size = 0;
        for piece in values.flat_map(pieces) {
            size += piece.len();
            if size <= MOST_ENCODED {
                encoded(piece, &mut |form| {
                    if form.chars().nth(SHORTEST - 1).is_some() {
                        texts.insert(form.into_boxed_str());
                    }
                });
            }
            texts.insert(Box::from(piece));
        }
        let mut begins = Box::new([0_u64; 1024]);
        let mut forms: Vec<Form> = Vec::with_capacity(texts.len());
        for text in texts {
            if let [first, second, ..] = text.as_bytes() {
                let bit = usize::from(*first) << 8 | usize::from(*second);
                begins[bit / 64] |= 1 << (bit % 64);
            }
            // What this one begins with stands before it, or is what the one before it begins with.
            let mut shorter = forms.len().checked_sub(1);
            while let Some(form) = shorter.and_then(|at| forms.get(at))
                && !text.starts_with(&*form.text)
            {
                shorter = form.shorter.map(|at| at as usize);
            }
            let shorter = shorter.and_then(|at| u32::try_from(at).ok());
            forms.push(Form { text, shorter });
        }
        Self { forms, begins }
    }

    /// Where forms stand in `text`, as it is or with its escapes read: in order; those that overlap or touch are one.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = self.find_in(text.as_bytes());
        let mut layers: Vec<Read> = Vec::new();
        while layers.len() < MOST_LAYERS
            && let Some(read) = escapes::read(layers.last().map_or(text.as_bytes(), |layer| &layer.bytes))
        {
            let here = self.find_in(&read.bytes);
            layers.push(read);
            let written = |range| layers.iter().rev().fold(range, |range, layer| layer.written(&range));
            found.extend(here.into_iter().map(written));
        }
        if let Some(read) = escapes::read_quoted_printable(text.as_bytes()) {
            found.extend(self.find_in(&read.bytes).into_iter().map(|range| read.written(&range)));
        }
        found.sort_unstable_by_key(|range| range.start);
        found.dedup_by(|next, last| {
            let meet = next.start <= last.end;
            last.end = if meet { last.end.max(next.end) } else { last.end };
            meet
        });
        found
    }

    fn find_in(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, pair) in bytes.windows(2).enumerate() {
            let bit = usize::from(pair[0]) << 8 | usize::from(pair[1]);
            if self.begins[bit / 64] & 1 << (bit % 64) == 0 {
                continue;
            }
            let Some(length) = bytes.get(at..).and_then(|rest| self.longest_at(rest)) else { continue };
            match found.last_mut() {
                Some(last) if at <= last.end => last.end = last.end.max(at + length),
                _ => found.push(at..at + length),
            }
        }
        found
    }

    /// The length of the longest form with which `rest` begins.
    fn longest_at(&self, rest: &[u8]) -> Option<usize> {
        // A form that `rest` begins with is also what the last form that sorts before `rest` begins with.
        let mut at = self.forms.partition_point(|form| form.text.as_bytes() <= rest).checked_sub(1)?;
        loop {
            let form = self.forms.get(at)?;
            if rest.starts_with(form.text.as_bytes()) {
                return Some(form.text.len());
            }
            at = form.shorter? as usize;
        }
    }
}

/// The lines of a value, long ones cut. Of a value of several lines each is shown by itself, so each is looked for.
fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().map(str::trim).filter(|line| line.chars().nth(SHORTEST - 1).is_some());
    let short = (value.len() <= LONGEST).then_some(value);
    short.into_iter().chain(lines.flat_map(|line| {
        let count = line.len().div_ceil(LONGEST);
        (0..count).filter_map(move |number| {
            // The last piece is as long as the others, so that no short rest is left.
            let end = ((number + 1) * LONGEST).min(line.len());
            let start = if number + 1 == count { end.saturating_sub(LONGEST) } else { number * LONGEST };
            line.get(floor(line, start)..floor(line, end))
        })
    }))
}

/// The character boundary at or before `at`.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The usual ways in which a value is written, other than as it is or in escapes.
fn encoded(value: &str, add: &mut impl FnMut(String)) {
    let bytes = value.as_bytes();
    // YAML's single quotes and the shell's, and a `$` of Compose. What one character is escaped as is read by `escapes`.
    for (character, written) in [("'", "''"), ("'", "'\\''"), ("$", "$$")] {
        if value.contains(character) {
            add(value.replace(character, written));
        }
    }
    // In a query.
    if value.contains(' ') {
        add(value.replace(' ', "+"));
    }
    // As project names and hosts are written.
    add(value.to_lowercase());
    add(value.chars().rev().collect());
    add(hex(bytes));
    for before in 0..3 {
        let standard = BASE64.decided(bytes, before);
        if standard.contains(['+', '/']) {
            add(standard.replace('+', "-").replace('/', "_"));
        }
        add(standard);
    }
    for before in 0..5 {
        let standard = BASE32.decided(bytes, before);
        add(standard.to_lowercase());
        add(standard);
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A way to write bytes as characters of an alphabet, so many bits each.
struct Base {
    bits: usize,
    alphabet: &'static [u8],
}

const BASE64: Base =
    Base { bits: 6, alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" };
const BASE32: Base = Base { bits: 5, alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" };

impl Base {
    /// The characters that these bytes alone decide, where as many others stand before them, counted in groups that are
    /// written as whole characters. A character that holds bits of a neighbour, too, is not among them.
    fn decided(&self, bytes: &[u8], before: usize) -> String {
        let digit = |at: usize| {
            let value = (at * self.bits..(at + 1) * self.bits).fold(0, |value, bit| {
                let byte = bytes.get(bit / 8 - before).copied().unwrap_or_default();
                value << 1 | usize::from(byte >> (7 - bit % 8) & 1)
            });
            self.alphabet.get(value).copied().map_or('=', char::from)
        };
        let first = (before * 8).div_ceil(self.bits);
        (first..(before + bytes.len()) * 8 / self.bits).map(digit).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(values: &[&str], text: &str) -> String {
        let mut out = text.to_owned();
        for range in Forms::of(values.iter().copied()).find(text).into_iter().rev() {
            out.replace_range(range, "*");
        }
        out
    }

    #[test]
    fn a_value_is_found_as_it_is_and_in_every_encoding() {
        let secret = "s3cr/t+\"x\" é<$>";
        for form in [
            secret,
            r#"s3cr/t+\"x\" é<$>"#,
            r#"s3cr\/t+\"x\" é<$>"#,
            r#"s3cr/t+\"x\" \u00e9<$>"#,
            r#"s3cr/t+\"x\" é\u003c$\u003e"#,
            "s3cr/t+\"x\" é<$$>",
            "s3cr/t+&quot;x&quot; é&lt;$&gt;",
            "s3cr%2Ft%2B%22x%22%20%C3%A9%3C%24%3E",
            "s3cr%2ft%2b%22x%22%20%c3%a9%3c%24%3e",
            "s3cr%2Ft%2B%22x%22+%C3%A9%3C%24%3E",
            "s3cr/t+%22x%22%20%C3%A9%3C$%3E",
            "%73%33%63%72%2f%74%2b%22%78%22%20%c3%a9%3c%24%3e",
            "733363722f742b22782220c3a93c243e",
            "733363722F742B22782220C3A93C243E",
            "733363722f742B22782220c3A93c243E",
            r#"\u0073\u0033\u0063\u0072\u002f\u0074\u002b\u0022\u0078\u0022\u0020\u00e9\u003c\u0024\u003e"#,
            r#"\u0073\u0033\u0063\u0072\u002F\u0074\u002B\u0022\u0078\u0022\u0020\u00E9\u003C\u0024\u003E"#,
            r#"s3\\u0063r/t+\"x\" \u00e9<$>"#,
            r"\x73\x33\x63\x72\x2f\x74\x2b\x22\x78\x22\x20\xc3\xa9\x3c\x24\x3e",
            "s3%63r%2ft%2B%22x%22%20%c3%A9%3C%24%3e",
            "s3cr%252Ft%252B%2522x%2522%2520%25C3%25A9%253C%2524%253E",
            "&#115;3cr/t+&#x22;x&#34; &#233;&#60;$&#x3E;",
            r#"\163\063cr\057t+\042x\042\040\303\251<$>"#,
            "=733cr/t=2B=22x=22 =C3=\n=A9<=24>",
            ">$<é \"x\"+t/rc3s",
        ] {
            assert_eq!(masked(&[secret], &format!("a {form} b {form}")), "a * b *", "{form}");
        }
    }

    #[test]
    fn what_overlaps_is_one() {
        let values = ["secret-a", "secret-a-and-more", "more-than-that"];
        assert_eq!(masked(&values, "secret-a-and-more-than-that, secret-a, secret-b"), "*, *, secret-b");
    }

    #[test]
    fn each_line_of_a_value_is_found_and_so_is_what_was_cut() {
        let line: String = (1000..1100).map(|number| number.to_string()).collect();
        let key = format!("-----BEGIN KEY-----\n{line}\n-----END KEY-----\n");
        assert_eq!(masked(&[&key], &format!("12 | {line}\n")), "12 | *\n");
        assert_eq!(masked(&[&key], &line[..LONGEST + 3]), format!("*{}", &line[LONGEST..LONGEST + 3]));
    }

    proptest! {
        /// However long what stands before and behind is, of base64 no more is left than the characters at both ends that
        /// hold bits of a neighbour.
        #[test]
        fn base64_is_found_at_every_alignment(
            before in proptest::collection::vec(any::<u8>(), 0..6),
            secret in "[!-~]{9,40}",
            behind in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            let text: Vec<u8> = [before.as_slice(), secret.as_bytes(), &behind].concat();
            let whole = BASE64.decided(&text, 0);
            for form in [whole.clone(), whole.replace('+', "-").replace('/', "_")] {
                let masked = masked(&[&secret], &form);
                prop_assert!(masked.contains('*'), "{form}");
                prop_assert!(masked.len() - 1 <= (before.len() + behind.len()) * 8 / 6 + 2, "{masked}");
            }
        }

        /// The same of base32, in either case.
        #[test]
        fn base32_is_found_at_every_alignment(
            before in proptest::collection::vec(any::<u8>(), 0..6),
            secret in "[!-~]{9,40}",
            behind in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            let text: Vec<u8> = [before.as_slice(), secret.as_bytes(), &behind].concat();
            let whole = BASE32.decided(&text, 0);
            for form in [whole.clone(), whole.to_lowercase()] {
                let masked = masked(&[&secret], &form);
                prop_assert!(masked.contains('*'), "{form}");
                prop_assert!(masked.len() - 1 <= (before.len() + behind.len()) * 8 / 5 + 2, "{masked}");
            }
        }

        /// The search finds what looking at every form at every place finds.
        #[test]
        fn nothing_is_missed(values in proptest::collection::vec("[ab]{6,9}", 1..8), text in "[ab]{0,60}") {
            let forms = Forms::of(values.iter().map(String::as_str));
            let found = forms.find(&text);
            for at in 0..text.len() {
                for value in values.iter().filter(|value| text[at..].starts_with(value.as_str())) {
                    let end = at + value.len();
                    prop_assert!(found.iter().any(|range| range.start <= at && end <= range.end), "{value} in {text}");
                }
            }
        }
    }
}
