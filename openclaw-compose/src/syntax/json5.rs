//! JSON5 with a span on every key and value, for `openclaw.json`.
//!
//! The grammar is that of <https://spec.json5.org>. Every string is a [`Text`]: any of them may be a token, and a tree that
//! cannot print its strings cannot leak one. Comments are skipped; the edits of
//! [`crate::edit`] replace byte ranges of the text, so they survive.

use std::fmt;
use std::iter::Peekable;
use std::str::CharIndices;

use crate::source::{FileId, Span, Text};

/// Containers deeper than this are refused: the reader recurses, and no configuration nests so far.
const MAX_DEPTH: usize = 128;

/// Reads one JSON5 document.
///
/// # Errors
///
/// The first place at which the text stops being JSON5; [`Json5Error::span`] points at it.
pub(crate) fn parse(file: FileId, text: &str) -> Result<Node, Json5Error> {
    let mut parser = Parser { file, text, chars: text.char_indices().peekable(), depth: 0 };
    parser.skip_blank()?;
    let root = parser.value()?;
    parser.skip_blank()?;
    match parser.peek() {
        None => Ok(root),
        Some(_) => Err(parser.error_here(Json5Fault::Trailing)),
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) value: Value,
    /// The value's own bytes, quotes and brackets included.
    pub(crate) span: Span,
}

/// A JSON5 value. `Debug` shows no string's content.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Any number, `Infinity` and `NaN` included.
    Number(f64),
    /// A string, decoded.
    String(Text),
    /// A list.
    Array(Vec<Node>),
    /// Members in source order, duplicates kept; the last one counts, as in JavaScript.
    Object(Vec<Member>),
}

/// One `key: value` of an object.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The decoded key.
    pub(crate) key: String,
    /// The key's bytes, quotes included.
    pub(crate) key_span: Span,
    /// Its value.
    pub(crate) value: Node,
}

impl Node {
    /// The member `key` of an object; the last one when it is written twice.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().rev().find(|member| member.key == key).map(|member| &member.value)
    }

    /// Follows `path` through nested objects.
    #[must_use]
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a string, closed.
    #[must_use]
    pub(crate) fn text(&self) -> Option<&Text> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text itself, where this is a string. It may be a secret: see [`Text::expose`].
    #[must_use]
    pub(crate) fn expose(&self) -> Option<&str> {
        self.text().map(Text::expose)
    }

    /// The value of a boolean.
    #[must_use]
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// The value of a number.
    #[must_use]
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The members of an object; empty for anything else.
    #[must_use]
    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; empty for anything else.
    #[must_use]
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }
}

/// Where and why a text is not JSON5.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub(crate) struct Json5Error {
    /// What was wrong.
    pub(crate) fault: Json5Fault,
    /// The place; empty at the end of the text.
    pub(crate) span: Span,
}

/// The kinds of JSON5 error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Json5Fault {
    /// The text ends where something is needed.
    UnexpectedEnd(&'static str),
    /// Something else stands where this was expected.
    Expected(&'static str),
    /// Text follows the document.
    Trailing,
    /// A string runs into the end of its line or of the text.
    UnterminatedString,
    /// A block comment is not closed.
    UnterminatedComment,
    /// An escape sequence JSON5 does not have.
    BadEscape,
    /// A number that is none.
    BadNumber,
    /// Containers nest deeper than the reader follows.
    TooDeep,
}

impl fmt::Display for Json5Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd(what) => write!(f, "the text ends where {what} is needed"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Trailing => f.write_str("text after the end of the document"),
            Self::UnterminatedString => f.write_str("the string is not closed on its line"),
            Self::UnterminatedComment => f.write_str("the comment is not closed"),
            Self::BadEscape => f.write_str("unknown escape in a string or key"),
            Self::BadNumber => f.write_str("not a number"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels"),
        }
    }
}

struct Parser<'a> {
    file: FileId,
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    depth: usize,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<Node, Json5Error> {
        let start = self.offset();
        let value = match self.peek() {
            None => return Err(self.error_here(Json5Fault::UnexpectedEnd("a value"))),
            Some('{') => self.nested(Self::object)?,
            Some('[') => self.nested(Self::array)?,
            Some(quote @ ('"' | '\'')) => Value::String(Text::from(self.string(quote)?)),
            Some('+' | '-' | '.' | '0'..='9' | 'I' | 'N') => Value::Number(self.number()?),
            Some('a'..='z') => self.keyword()?,
            Some(_) => return Err(self.error_here(Json5Fault::Expected("a value"))),
        };
        Ok(Node { value, span: self.span_from(start) })
    }

    fn nested(&mut self, container: fn(&mut Self) -> Result<Value, Json5Error>) -> Result<Value, Json5Error> {
        if self.depth == MAX_DEPTH {
            return Err(self.error_here(Json5Fault::TooDeep));
        }
        self.depth += 1;
        self.bump();
        let value = container(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value, Json5Error> {
        let mut members = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat('}') {
                return Ok(Value::Object(members));
            }
            let start = self.offset();
            let key = match self.peek() {
                None => return Err(self.error_here(Json5Fault::UnexpectedEnd("a key or `}`"))),
                Some(quote @ ('"' | '\'')) => self.string(quote)?,
                Some(_) => self.identifier()?,
            };
            let key_span = self.span_from(start);
            self.skip_blank()?;
            if !self.eat(':') {
                return Err(self.error_here(Json5Fault::Expected("`:` after the key")));
            }
            self.skip_blank()?;
            let value = self.value()?;
            members.push(Member { key, key_span, value });
            self.skip_blank()?;
            if !self.eat(',') && self.peek() != Some('}') {
                return Err(self.error_here(Json5Fault::Expected("`,` or `}`")));
            }
        }
    }

    fn array(&mut self) -> Result<Value, Json5Error> {
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat(']') {
                return Ok(Value::Array(items));
            }
            items.push(self.value()?);
            self.skip_blank()?;
            if !self.eat(',') && self.peek() != Some(']') {
                return Err(self.error_here(Json5Fault::Expected("`,` or `]`")));
            }
        }
    }

    fn keyword(&mut self) -> Result<Value, Json5Error> {
        let start = self.offset();
        while self.peek().is_some_and(is_identifier_part) {
            self.bump();
        }
        match self.text.get(start..self.offset()) {
            Some("null") => Ok(Value::Null),
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            _ => Err(Json5Error { fault: Json5Fault::Expected("a value"), span: self.span_from(start) }),
        }
    }

    fn number(&mut self) -> Result<f64, Json5Error> {
        let start = self.offset();
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) {
            self.bump();
        }
        let written = self.text.get(start..self.offset()).unwrap_or_default();
        decode_number(written)
            .ok_or_else(|| Json5Error { fault: Json5Fault::BadNumber, span: self.span_from(start) })
    }

    fn identifier(&mut self) -> Result<String, Json5Error> {
        let mut name = String::new();
        loop {
            let here = self.offset();
            let c = match self.peek() {
                Some('\\') => {
                    self.bump();
                    if !self.eat('u') {
                        return Err(self.error_from(here, Json5Fault::BadEscape));
                    }
                    self.unicode_escape(here)?
                }
                Some(c) if is_identifier_part(c) => {
                    self.bump();
                    c
                }
                _ if name.is_empty() => return Err(self.error_here(Json5Fault::Expected("a key"))),
                _ => return Ok(name),
            };
            let fits = if name.is_empty() { is_identifier_start(c) } else { is_identifier_part(c) };
            if !fits {
                return Err(self.error_from(here, Json5Fault::Expected("a key")));
            }
            name.push(c);
        }
    }

    fn string(&mut self, quote: char) -> Result<String, Json5Error> {
        let start = self.offset();
        self.bump();
        let mut out = String::new();
        loop {
            let here = self.offset();
            match self.bump() {
                None | Some('\n' | '\r') => {
                    return Err(self.error_from(start, Json5Fault::UnterminatedString));
                }
                Some('\\') => self.escape(here, &mut out)?,
                Some(c) if c == quote => return Ok(out),
                Some(c) => out.push(c),
            }
        }
    }

    fn escape(&mut self, here: usize, out: &mut String) -> Result<(), Json5Error> {
        match self.bump() {
            None => return Err(self.error_from(here, Json5Fault::UnterminatedString)),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some('0') if !self.peek().is_some_and(|c| c.is_ascii_digit()) => out.push('\0'),
            Some('0'..='9') => return Err(self.error_from(here, Json5Fault::BadEscape)),
            Some('x') => {
                let code = self.hex(2, here)?;
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some('u') => out.push(self.unicode_escape(here)?),
            // A line continuation: the backslash and the line end both vanish.
            Some('\r') => {
                self.eat('\n');
            }
            Some('\n' | '\u{2028}' | '\u{2029}') => {}
            Some(c) => out.push(c),
        }
        Ok(())
    }

    /// After `\u`: four digits, or two such escapes that form a surrogate pair. A lone surrogate has no place in UTF-8.
    fn unicode_escape(&mut self, here: usize) -> Result<char, Json5Error> {
        let first = self.hex(4, here)?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        if (0xD800..0xDC00).contains(&first) && self.eat('\\') && self.eat('u') {
            let second = self.hex(4, here)?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                if let Some(c) = char::from_u32(code) {
                    return Ok(c);
                }
            }
        }
        Err(self.error_from(here, Json5Fault::BadEscape))
    }

    fn hex(&mut self, digits: usize, here: usize) -> Result<u32, Json5Error> {
        let mut code = 0;
        for _ in 0..digits {
            match self.peek().and_then(|c| c.to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return Err(self.error_from(here, Json5Fault::BadEscape)),
            }
            self.bump();
        }
        Ok(code)
    }

    fn skip_blank(&mut self) -> Result<(), Json5Error> {
        loop {
            match self.peek() {
                Some(c) if is_blank(c) => {
                    self.bump();
                }
                Some('/') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Json5Error> {
        let start = self.offset();
        self.bump();
        if self.eat('/') {
            while self.peek().is_some_and(|c| !matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')) {
                self.bump();
            }
            return Ok(());
        }
        if !self.eat('*') {
            return Err(self.error_from(start, Json5Fault::Expected("a comment")));
        }
        loop {
            match self.bump() {
                None => return Err(self.error_from(start, Json5Fault::UnterminatedComment)),
                Some('*') if self.peek() == Some('/') => {
                    self.bump();
                    return Ok(());
                }
                Some(_) => {}
            }
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|&(_, c)| c)
    }

    fn bump(&mut self) -> Option<char> {
        self.chars.next().map(|(_, c)| c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.chars.next_if(|&(_, c)| c == wanted).is_some()
    }

    fn offset(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |&(at, _)| at)
    }

    fn span_from(&mut self, start: usize) -> Span {
        let end = self.offset();
        Span::from_range(self.file, start..end)
    }

    /// An error that covers the character at hand.
    fn error_here(&mut self, fault: Json5Fault) -> Json5Error {
        let start = self.offset();
        let end = start + self.peek().map_or(0, char::len_utf8);
        Json5Error { fault, span: Span::from_range(self.file, start..end) }
    }

    fn error_from(&mut self, start: usize, fault: Json5Fault) -> Json5Error {
        Json5Error { fault, span: self.span_from(start) }
    }
}

fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | ' ' | '\u{a0}' | '\u{feff}' | '\n' | '\r' | '\u{2028}' | '\u{2029}'
    ) || matches!(c, '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

fn is_identifier_start(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '$' | '_')
}

fn is_identifier_part(c: char) -> bool {
    is_identifier_start(c) || c.is_numeric() || matches!(c, '\u{200c}' | '\u{200d}')
}

fn decode_number(written: &str) -> Option<f64> {
    let (sign, magnitude) = match written.as_bytes().first()? {
        b'-' => (-1.0, written.get(1..)?),
        b'+' => (1.0, written.get(1..)?),
        _ => (1.0, written),
    };
    let value = match magnitude {
        "Infinity" => f64::INFINITY,
        "NaN" => f64::NAN,
        _ => match magnitude.strip_prefix("0x").or_else(|| magnitude.strip_prefix("0X")) {
            Some(digits) => hexadecimal(digits)?,
            None => decimal(magnitude)?,
        },
    };
    Some(sign * value)
}

fn hexadecimal(digits: &str) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |value, c| Some(value * 16.0 + f64::from(c.to_digit(16)?)))
}

/// `f64::from_str` also takes `inf`, `nan` and signs, and JSON5 forbids a leading zero: check the shape first.
fn decimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|e| {
        let unsigned = e.strip_prefix(['+', '-']).unwrap_or(e);
        !unsigned.is_empty() && digits(unsigned)
    });
    let fits = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !(whole.len() > 1 && whole.starts_with('0'))
        && exponent_fits;
    if fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Node, Json5Error> {
        parse(FileId::new(0), text)
    }

    #[test]
    fn a_value_knows_where_it_stands() {
        let text = "{ gateway: { port: 18789, /* lan */ bind: 'lan', } }";
        let root = read(text).unwrap();
        let bind = root.at(&["gateway", "bind"]).unwrap();
        assert_eq!((bind.expose(), &text[bind.span.range()]), (Some("lan"), "'lan'"));
    }

    /// The tree as `serde_json` has it, to compare with the `json5` crate.
    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => (*number).into(),
            Value::String(text) => text.expose().into(),
            Value::Array(items) => items.iter().map(plain).collect(),
            Value::Object(members) => {
                serde_json::Value::Object(members.iter().map(|m| (m.key.clone(), plain(&m.value))).collect())
            }
        }
    }

    fn as_floats(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Number(number) => number.as_f64().into(),
            serde_json::Value::Array(items) => items.into_iter().map(as_floats).collect(),
            serde_json::Value::Object(map) => {
                map.into_iter().map(|(key, value)| (key, as_floats(value))).collect()
            }
            other => other,
        }
    }

    fn agrees_with_the_json5_crate(text: &str) {
        let theirs = json5::from_str::<serde_json::Value>(text).map(as_floats);
        match (read(text), theirs) {
            (Ok(ours), Ok(theirs)) => assert_eq!(plain(&ours), theirs, "{text}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{text:?}: ours {ours:?}, theirs {theirs:?}"),
        }
    }

    #[test]
    fn agrees_with_the_json5_crate_on_every_corner_of_the_grammar() {
        for text in [
            "{}",
            "[]",
            "[1,]",
            "[,]",
            "[1,,2]",
            "{a:1,}",
            "{,}",
            "{a:1 b:2}",
            "{'a':1,\"b\":2,c_$:3}",
            "{1a:1}",
            "{a-b:1}",
            "null",
            "true",
            "nul",
            "undefined",
            "'a\\\nb'",
            "'a\\\r\nb'",
            "'a\nb'",
            "\"\\u00e9\"",
            "\"\\ud83d\\ude00\"",
            "'\\x41\\0\\v\\'\\a'",
            "'\\1'",
            "'\\01'",
            "'\\xg1'",
            "'\\u12'",
            "'\u{2028}'",
            "0x1F",
            "-0x1f",
            "+1",
            ".5",
            "5.",
            ".",
            "1e5",
            "1e",
            "1e+5",
            "01",
            "-01",
            "0",
            "-0.5e-3",
            "Infinity",
            "-Infinity",
            "+NaN",
            "1_000",
            "0x",
            "- 1",
            "--1",
            "// c\n1",
            "/* c */ 1 /* d */",
            "/* c",
            "1 // c",
            "/",
            "1 2",
            "",
            " ",
            "\u{feff}1",
            "\u{a0}1\u{3000}",
            "{\\u0061b: 1}",
            "{\\u0031: 1}",
            "{é: 1}",
            "{null: 1, true: 2, if: 3}",
            "{a: {b: [1, {c: 'x'}]}}",
            "{a:1,a:2}",
            "'unclosed",
            "{",
            "[",
            "{a",
            "{a:",
            "{a:1",
            "]",
            "}",
            "{a:1}}",
            "'\\\u{2029}'",
            "\"tab\there\"",
            "'it''s'",
        ] {
            // NaN and infinities do not exist in serde_json.
            if !text.contains("NaN") && !text.contains("Infinity") {
                agrees_with_the_json5_crate(text);
            } else {
                assert!(read(text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, start, message) in [
            ("{\n  a: 1\n  b: 2\n}", 11, "expected `,` or `}`"),
            ("{a: 'x\n'}", 4, "the string is not closed on its line"),
            ("{a: }", 4, "expected a value"),
            ("{a: 1", 5, "expected `,` or `}`"),
            ("/* ", 0, "the comment is not closed"),
            ("{} x", 3, "text after the end of the document"),
            ("{a: 01}", 4, "not a number"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!((error.span.start, error.to_string().as_str()), (start, message), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep).expect_err("too deep").fault, Json5Fault::TooDeep);
        let fine = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(read(&fine).is_ok());
    }

    #[test]
    fn no_string_shows_in_debug() {
        let node = read("{ token: 'canary-7781' }").expect("json5");
        assert!(!format!("{node:?}").contains("canary-7781"));
    }

    fn written(value: &serde_json::Value, pick: &mut impl FnMut() -> u8, out: &mut String) {
        match value {
            serde_json::Value::String(text) => {
                let quote = if pick().is_multiple_of(2) { '"' } else { '\'' };
                out.push(quote);
                for c in text.chars() {
                    match c {
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\x0d"),
                        '\\' => out.push_str("\\\\"),
                        c if c == quote => out.extend(['\\', c]),
                        c => out.push(c),
                    }
                }
                out.push(quote);
            }
            serde_json::Value::Array(items) => {
                out.push('[');
                for item in items {
                    written(item, pick, out);
                    out.push_str(if pick().is_multiple_of(2) { "," } else { " /* , */ ,\n" });
                }
                out.push(']');
            }
            serde_json::Value::Object(map) => {
                out.push('{');
                for (key, item) in map {
                    written(&key.as_str().into(), pick, out);
                    out.push_str(if pick().is_multiple_of(2) { ":" } else { " // :\n : " });
                    written(item, pick, out);
                    out.push_str(", ");
                }
                out.push('}');
            }
            other => out.push_str(&other.to_string()),
        }
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(|number| f64::from(number).into()),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn spans_nest(node: &Node, text: &str) {
        let slice = &text[node.span.range()];
        assert!(!slice.is_empty() && slice.trim() == slice);
        for child in node.items().iter().chain(node.members().iter().map(|member| &member.value)) {
            assert!(node.span.start < child.span.start && child.span.end < node.span.end);
            spans_nest(child, text);
        }
        for member in node.members() {
            assert!(member.key_span.end <= member.value.span.start);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(value in any_value(), picks in prop::collection::vec(any::<u8>(), 1..32)) {
            let mut at = 0;
            let mut pick = || { at += 1; picks[at % picks.len()] };
            let mut text = String::new();
            written(&value, &mut pick, &mut text);
            let node = read(&text).expect("what was written is JSON5");
            prop_assert_eq!(plain(&node), value);
            spans_nest(&node, &text);
            agrees_with_the_json5_crate(&text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[\\PC\\n\\r{}\\[\\]:,'\"/*\\\\]{0,64}") {
            match read(&text) {
                Ok(node) => prop_assert!(text.get(node.span.range()).is_some()),
                Err(error) => prop_assert!(text.get(error.span.range()).is_some()),
            }
        }
    }
}
