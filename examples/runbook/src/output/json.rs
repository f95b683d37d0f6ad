//! JSON that may be shown: what is done to a text is done to each string in it, and the document stays one.

use std::borrow::Cow;
use std::fmt::Write as _;

use openclaw_compose::source::{MASK, is_hidden};

/// The document with each of its strings masked, names of fields included, and every character in them escaped that a
/// terminal would act upon or nobody would see. Whoever reads it gets the same characters.
pub(super) fn shown(document: &str, mask: impl Fn(&str) -> Cow<'_, str>) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find('"') {
        let (between, quoted) = rest.split_at(at);
        let (string, after) = quoted.split_at(length(quoted));
        out.push_str(&numbers(between, &mask));
        out.push_str(&string_shown(string, &mask));
        rest = after;
    }
    out.push_str(&numbers(rest, &mask));
    out
}

/// What stands between strings. A secret may be a number.
fn numbers<'t>(between: &'t str, mask: &impl Fn(&str) -> Cow<'_, str>) -> Cow<'t, str> {
    match mask(between) {
        Cow::Borrowed(_) => Cow::Borrowed(between),
        Cow::Owned(masked) => Cow::Owned(masked.replace(MASK, &format!("\"{MASK}\""))),
    }
}

fn string_shown(string: &str, mask: &impl Fn(&str) -> Cow<'_, str>) -> String {
    let inside = string.get(1..string.len() - 1).unwrap_or_default();
    let value: Cow<'_, str> = match serde_json::from_str(string) {
        Ok(value) if inside.contains('\\') => Cow::Owned(value),
        _ => Cow::Borrowed(inside),
    };
    let masked = match mask(&value) {
        Cow::Borrowed(_) => Cow::Borrowed(string),
        Cow::Owned(masked) => Cow::Owned(serde_json::Value::from(masked).to_string()),
    };
    let mut out = String::with_capacity(masked.len());
    for c in masked.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// How long the string at the start is, its quotes included.
fn length(quoted: &str) -> usize {
    let mut bytes = quoted.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return at + 1,
            _ => {}
        }
    }
    quoted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &str) -> String {
        super::shown(document, |text| {
            if text.contains("se\"cret") || text.contains("1234567") {
                Cow::Owned(text.replace("se\"cret", MASK).replace("1234567", MASK))
            } else {
                Cow::Borrowed("as it is")
            }
        })
    }

    #[test]
    fn what_would_be_acted_upon_is_escaped_and_stays_what_it_is() {
        let value = serde_json::json!({ "a\u{202e}": ["\u{1b}[2K\u{9b}\u{7f}", "\u{e0041}é\u{2028}", 1.5], "b": "\\\"\n" });
        let document = value.to_string();
        let safe = shown(&document);
        assert!(safe.chars().all(|c| c == ' ' || c == 'é' || c.is_ascii_graphic()), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        assert_eq!(shown("{\"a\": \"b<\\u003c\"}\n"), "{\"a\": \"b<\\u003c\"}\n");
    }

    #[test]
    fn a_secret_is_masked_inside_strings_and_the_document_stays_one() {
        let value = serde_json::json!({ "se\"cret": "a\tse\"cret\\", "n": 1_234_567, "o": { "p": [] } });
        let masked: serde_json::Value = serde_json::from_str(&shown(&value.to_string())).unwrap();
        assert_eq!(masked, serde_json::json!({ MASK: format!("a\t{MASK}\\"), "n": MASK, "o": { "p": [] } }));
    }

    #[test]
    fn what_is_not_json_comes_to_an_end() {
        for broken in ["\"", "\"a\\", "{\"a", "\"\\\"", ""] {
            assert!(shown(broken).len() >= broken.len());
        }
    }
}
