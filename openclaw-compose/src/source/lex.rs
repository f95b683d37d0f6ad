//! Which bytes of a text are structure, which are names, values and comments.
//!
//! One pass a text, in time linear in it, whatever it holds. A lexer vouches for what it emits and for nothing else: bytes
//! in no [`Part`] were not understood, and are not shown. Where a text breaks the rules of its format, its lexer leaves out
//! what the breach may reach rather than guess.

use std::ops::Range;

use super::format::Format;
use super::secret::looks_secret;

mod dotenv;
mod json;
mod listing;
mod log;
mod unit;
mod words;
mod xml;
mod yaml;

/// A text in parts, in order and without overlap.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    pub(super) parts: Vec<Part>,
    names: Vec<Name>,
}

/// Some bytes that a lexer understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
}

/// What bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Punctuation, quotes, markers of the format.
    Structure,
    /// A key, a variable, an anchor.
    Name,
    /// A scalar, quotes not included, and the name that it belongs to.
    Value(Option<NameId>),
    /// Words of a program, which have no names.
    Said,
    /// What the format gives no meaning.
    Comment,
}

/// A [`Name`] of a [`Lexed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameId(u32);

#[derive(Clone, Copy, Debug)]
struct Name {
    start: u32,
    end: u32,
    /// Whether it looks secret, or one around it does.
    secret: bool,
}

/// Lexes a text.
pub(super) fn lex(text: &str, format: Format) -> Lexed {
    let mut lexed = Lexed::default();
    // Offsets are 32 bits wide; what lies beyond is not understood.
    if u32::try_from(text.len()).is_err() {
        return lexed;
    }
    let mut out = Out { text, lexed: &mut lexed };
    match format {
        Format::Yaml => yaml::lex(&mut out),
        Format::Dotenv => dotenv::lex(&mut out),
        Format::Json => json::lex(&mut out),
        Format::Listing => listing::lex(&mut out),
        Format::Xml => xml::lex(&mut out),
        Format::Unit => unit::lex(&mut out),
        Format::Log => log::lex(&mut out),
        Format::Other => words::lex(&mut out),
    }
    lexed
}

impl Lexed {
    /// The parts that touch a range of bytes.
    pub(super) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let from = self.parts.partition_point(|part| part.end as usize <= range.start);
        let to = self.parts.partition_point(|part| (part.start as usize) < range.end);
        from..to.max(from)
    }

    /// The nearest name that a value belongs to.
    pub(super) fn name<'t>(&self, text: &'t str, of: Option<NameId>) -> Option<&'t str> {
        let name = self.names.get(of?.0 as usize)?;
        text.get(name.start as usize..name.end as usize)
    }

    /// Whether one of the names that a value belongs to looks secret.
    pub(super) fn is_secret(&self, of: Option<NameId>) -> bool {
        of.and_then(|id| self.names.get(id.0 as usize)).is_some_and(|name| name.secret)
    }
}

impl Part {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A text and what a lexer has said of it so far.
struct Out<'t, 'l> {
    text: &'t str,
    lexed: &'l mut Lexed,
}

impl<'t> Out<'t, '_> {
    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes().get(at).copied()
    }

    fn slice(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    fn structure(&mut self, range: Range<usize>) {
        self.push(range, Kind::Structure);
    }

    fn comment(&mut self, range: Range<usize>) {
        self.push(range, Kind::Comment);
    }

    fn value(&mut self, range: Range<usize>, of: Option<NameId>) {
        self.push(range, Kind::Value(of));
    }

    /// A name below another one.
    fn name(&mut self, range: Range<usize>, outer: Option<NameId>) -> NameId {
        let id = NameId(narrow(self.lexed.names.len()));
        // A section of a Compose file: it names secrets, and holds none.
        let name = self.slice(range.clone());
        let secret = self.lexed.is_secret(outer) || looks_secret(name) && name != "secrets";
        self.lexed.names.push(Name { start: narrow(range.start), end: narrow(range.end), secret });
        self.push(range, Kind::Name);
        id
    }

    /// An item of a list: `NAME=value` where the list holds such.
    fn item(&mut self, range: Range<usize>, list: Option<NameId>) {
        let assigns = self.lexed.name(self.text, list).is_some_and(|name| ASSIGNING.contains(&name));
        match self.slice(range.clone()).split_once('=') {
            Some((name, _)) if assigns && is_variable(name) => {
                let equals = range.start + name.len();
                let id = self.name(range.start..equals, list);
                self.structure(equals..equals + 1);
                self.value(equals + 1..range.end, Some(id));
            }
            _ => self.value(range, list),
        }
    }

    fn push(&mut self, range: Range<usize>, kind: Kind) {
        if range.is_empty() {
            return;
        }
        debug_assert!(self.lexed.parts.last().is_none_or(|last| last.end as usize <= range.start));
        self.lexed.parts.push(Part { start: narrow(range.start), end: narrow(range.end), kind });
    }

    /// The first byte at or after `at` that is not one of `skipped`.
    fn skip(&self, at: usize, skipped: &[u8]) -> usize {
        let rest = self.bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| skipped.contains(byte)).count()
    }

    /// The end of the line that holds `at`: its line break, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes().get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }

    /// The end of `range` without the blanks there.
    fn trimmed(&self, range: Range<usize>) -> usize {
        let bytes = self.bytes().get(range.clone()).unwrap_or_default();
        range.start
            + bytes.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).map_or(0, |at| at + 1)
    }
}

/// Lists whose items are `NAME=value`.
const ASSIGNING: &[&str] =
    &["environment", "Environment", "env", "Env", "args", "labels", "sysctls", "annotations"];

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'))
}

/// No text that is lexed is longer.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
