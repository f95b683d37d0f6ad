//! The client's own secrets in what its peer says. A gateway, or whatever answers in its place, was sent a credential and
//! may say it again: in a refusal, a close reason, a hello, a list. None of that leaves the client.

use std::ops::Range;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::words::{head, is_hidden, shown};

/// Stands where a secret was.
const MASK: &str = "********";
/// Shorter secrets are words, and masking them would tear the text.
const SHORTEST: usize = 6;
/// So many characters of a secret are no accident: a peer's frame may have had no room for the rest.
const BEGINNING: usize = 12;

/// Secrets, and texts without them.
#[derive(Default)]
pub(super) struct Mask {
    secrets: Vec<SecretString>,
}

impl Mask {
    /// Of these.
    pub(super) fn of<'s>(secrets: impl IntoIterator<Item = &'s SecretString>) -> Self {
        let is_long = |secret: &&SecretString| secret.expose_secret().len() >= SHORTEST;
        Self { secrets: secrets.into_iter().filter(is_long).cloned().collect() }
    }

    /// The text without any of the secrets (as they are, in base64 or hexadecimal, percent-encoded or escaped as JSON), fit
    /// to be shown, and at most so long.
    pub(super) fn shown(&self, text: &str, most: usize) -> String {
        // What is cut off is not looked at, but for what may begin before the cut.
        let longest = self.secrets.iter().map(|secret| secret.expose_secret().len()).max().unwrap_or(0);
        let text = head(text, most.saturating_add(12 * longest));
        self.masked(text).map_or_else(|| shown(text, most), |text| shown(&text, most))
    }

    /// The answer without any of the secrets in its texts and keys.
    pub(super) fn answer(&self, answer: Value) -> Value {
        match answer {
            Value::String(text) => Value::String(self.masked(&text).unwrap_or(text)),
            Value::Array(items) => items.into_iter().map(|item| self.answer(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(key, value)| (self.masked(&key).unwrap_or(key), self.answer(value)))
                .collect(),
            other => other,
        }
    }

    /// The text without the secrets that are in it.
    fn masked(&self, text: &str) -> Option<String> {
        let found = self.find(text);
        if found.is_empty() {
            return None;
        }
        let (mut out, mut at) = (String::new(), 0);
        for range in found {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(MASK);
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Some(out)
    }

    /// Where they are: in order, and apart.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = self
            .secrets
            .iter()
            .map(ExposeSecret::expose_secret)
            .flat_map(|secret| {
                let begins = |c: char| {
                    secret.starts_with(|first: char| first.eq_ignore_ascii_case(&c)) || "%\\&+".contains(c)
                };
                let starts = text.char_indices().filter(move |(_, c)| begins(*c));
                let plain = starts.filter_map(move |(at, _)| Some(at..written(text, at, secret)?));
                plain.chain(encoded(text, secret))
            })
            .collect();
        found.sort_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }
}

/// Where a secret that begins at `at` ends, each of its characters in any spelling; or its beginning, where that is long.
fn written(text: &str, at: usize, secret: &str) -> Option<usize> {
    let (mut ends, mut next) = (vec![at], Vec::new());
    for (count, c) in secret.chars().enumerate() {
        for end in &ends {
            spelt(text, *end, c, &mut next);
        }
        next.sort_unstable();
        next.dedup();
        if next.is_empty() {
            return ends.last().copied().filter(|_| count >= BEGINNING);
        }
        std::mem::swap(&mut ends, &mut next);
        next.clear();
    }
    ends.last().copied()
}

/// Adds each place up to which the text at `at` spells `c`. Characters that nobody sees are passed over.
fn spelt(text: &str, at: usize, c: char, ends: &mut Vec<usize>) {
    let rest = text.get(at..).unwrap_or_default();
    let seen = rest.trim_start_matches(is_hidden);
    let at = at + rest.len() - seen.len();
    if seen.chars().next().is_some_and(|seen| seen.eq_ignore_ascii_case(&c)) {
        ends.push(at + c.len_utf8());
    }
    let starts =
        |spelling: &str| seen.get(..spelling.len()).is_some_and(|s| s.eq_ignore_ascii_case(spelling));
    let mut bytes = [0; 4];
    let percent: String = c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut units = [0; 2];
    let json: String = c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    let code = u32::from(c);
    let mut spellings = vec![percent, json, format!("&#{code};"), format!("&#x{code:x};")];
    match c {
        '"' | '\\' | '/' | '\'' => spellings.push(format!("\\{c}")),
        ' ' => spellings.push("+".to_owned()),
        _ => {}
    }
    ends.extend(spellings.iter().filter(|spelling| starts(spelling)).map(|spelling| at + spelling.len()));
}

/// Where the secret, or a long beginning of it, stands in base64, whatever came before it, or in hexadecimal. The whole run
/// is meant: what is beside the characters looked for holds the rest.
fn encoded(text: &str, secret: &str) -> Vec<Range<usize>> {
    let secret = head(secret, BEGINNING).as_bytes();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let lower = text.to_ascii_lowercase();
    let mut found = runs(&lower, &hex, |c| c.is_ascii_hexdigit());
    let url = text.replace('+', "-").replace('/', "_");
    for before in 0..3 {
        let whole = Base64UrlUnpadded::encode_string(&[&vec![0; before], secret].concat());
        // Six bits a character: the first and the last may also hold bits of what is beside the secret.
        let inner = (before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6;
        if let Some(inner) = whole.get(inner) {
            found.extend(runs(&url, inner, |c| c.is_ascii_alphanumeric() || "-_=".contains(c)));
        }
    }
    found
}

/// The runs of such characters that hold `part`.
fn runs(text: &str, part: &str, is_of_run: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let parts = text.match_indices(part).map(|(at, part)| {
        let (front, tail) =
            (text.get(..at).unwrap_or_default(), text.get(at + part.len()..).unwrap_or_default());
        let end = text.len() - tail.trim_start_matches(&is_of_run).len();
        front.trim_end_matches(&is_of_run).len()..end
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "canary+tok/Zq8\"Xw";

    fn mask() -> Mask {
        Mask::of(&[SecretString::from(SECRET), SecretString::from("abc")])
    }

    fn spell(with: impl Fn(u8) -> String) -> String {
        SECRET.bytes().map(with).collect()
    }

    #[test]
    fn a_secret_is_masked_in_every_encoding() {
        let json = serde_json::to_string(SECRET).unwrap();
        let mut forms = vec![
            SECRET.to_owned(),
            SECRET.to_uppercase(),
            json.trim_matches('"').to_owned(),
            json.replace('/', r"\/").trim_matches('"').to_owned(),
            spell(|byte| format!("%{byte:02X}")),
            spell(|byte| {
                if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02x}") }
            }),
            spell(|byte| format!("\\u{byte:04X}")),
            spell(|byte| format!("&#{byte};")),
            spell(|byte| format!("{byte:02x}")),
            spell(|byte| format!("{byte:02X}")),
            SECRET.chars().map(String::from).collect::<Vec<_>>().join("\u{200b}\u{1b}"),
        ];
        for before in ["", "a", "ab", "abc"] {
            let base64 = Base64UrlUnpadded::encode_string(format!("{before}{SECRET}:x").as_bytes());
            forms.extend([base64.replace('-', "+").replace('_', "/"), base64]);
        }
        for form in forms {
            assert_eq!(mask().shown(&format!("<{form}> said"), 512), "<********> said", "{form}");
        }
    }

    #[test]
    fn a_beginning_is_masked_and_other_words_stay() {
        assert_eq!(mask().shown(&SECRET[..13], 512), MASK);
        assert_eq!(mask().shown(&spell(|byte| format!("{byte:02x}"))[..25], 512), MASK);
        assert_eq!(mask().shown(&Base64UrlUnpadded::encode_string(SECRET.as_bytes())[..17], 512), MASK);
        assert_eq!(mask().shown("canary, abc: pairing required", 512), "canary, abc: pairing required");
        assert_eq!(mask().shown(&format!("{SECRET}{SECRET} {SECRET}"), 512), "******** ********");
        assert_eq!(Mask::default().shown("a\u{1b}b", 512), r"a\u{1b}b");
    }

    #[test]
    fn a_cut_leaves_nothing_of_a_secret() {
        for most in 0..60 {
            let text = mask().shown(&format!("{}{SECRET} said", "x".repeat(20)), most);
            assert!(text.len() <= most && !text.contains("can"), "{text}");
        }
        let long = "x".repeat(100_000) + SECRET;
        assert_eq!(mask().shown(&long, 99_990), "x".repeat(99_990));
    }
}
