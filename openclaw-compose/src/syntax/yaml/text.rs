//! From a scalar as it is written to the text it spells, and back from an offset in the text to the source.
//!
//! The parser decodes scalars by itself; this is for the two things it does not do: say which bytes spell a part of the
//! text, and read what only libyaml's rules allow (`\'` in double quotes, U+0085 and its like as line breaks).

use super::Style;
use crate::source::{FileId, Span, floor};
use crate::syntax::offsets::Offsets;

/// A decoded scalar.
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) offsets: Offsets,
}

/// Where the parts of `decoded` stand, which is the text of a scalar written as `raw` at `span`.
pub(super) fn offsets(span: Span, style: Style, raw: &str, decoded: &str) -> Offsets {
    let start = span.range().start;
    match style {
        Style::Plain if raw == decoded => Offsets::verbatim(span.file, start),
        Style::SingleQuoted | Style::DoubleQuoted
            if raw.len() == decoded.len() + 2 && raw.get(1..raw.len() - 1) == Some(decoded) =>
        {
            Offsets::verbatim(span.file, start + 1)
        }
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
            match decode(span.file, start, style, raw) {
                Some(read) if read.text == decoded => read.offsets,
                _ => Offsets::whole(span),
            }
        }
        Style::Literal => literal(span, raw, decoded).unwrap_or_else(|| Offsets::whole(span)),
        _ => Offsets::whole(span),
    }
}

/// A literal block: every line of the text is the end of its line in the source.
fn literal(span: Span, raw: &str, decoded: &str) -> Option<Offsets> {
    let mut offsets = Offsets::verbatim(span.file, span.range().start);
    let (mut at, mut source) = (0, 0);
    let mut written = raw.split_inclusive('\n');
    for line in decoded.split_inclusive('\n') {
        let Some(raw_line) = written.next() else { break };
        let text = line.strip_suffix('\n').unwrap_or(line);
        let content = raw_line.strip_suffix('\n').unwrap_or(raw_line);
        let content = content.strip_suffix('\r').unwrap_or(content);
        let indent = content.strip_suffix(text)?;
        offsets.step(at, span.range().start + source + indent.len());
        at += line.len();
        source += raw_line.len();
    }
    offsets.step(at, span.range().start + source);
    Some(offsets.until(span.range().end))
}

/// Decodes a plain or quoted scalar by libyaml's rules; `start` is where `raw` stands. `None` where those rules
/// do not read it.
pub(super) fn decode(file: FileId, start: usize, style: Style, raw: &str) -> Option<Decoded> {
    let (inside, start) = if style == Style::Plain {
        (raw, start)
    } else {
        (raw.get(1..raw.len().checked_sub(1)?)?, start + 1)
    };
    let mut decoder = Decoder {
        inside,
        start,
        at: 0,
        out: Decoded { text: String::with_capacity(inside.len()), offsets: Offsets::verbatim(file, start) },
    };
    while decoder.peek().is_some() {
        let escaped_break = decoder.word(style)?;
        decoder.gap(escaped_break);
    }
    Some(decoder.out)
}

/// The double-quoted scalar that `text` begins with, quotes included.
pub(super) fn double_quoted(text: &str) -> Option<&str> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return text.get(..=at),
            _ => {}
        }
    }
    None
}

/// The offset of the first escape that libyaml does not know, in a double-quoted scalar or a text that begins with one.
pub(super) fn unknown_escape(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return None,
            '\\' => {
                let (_, next) = chars.next()?;
                if !is_break(next) && !"0abt\tnvfre \"'\\N_LPxuU".contains(next) {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

struct Decoder<'t> {
    inside: &'t str,
    start: usize,
    at: usize,
    out: Decoded,
}

impl Decoder<'_> {
    /// Characters up to the next blank or line break. True where that is a line break behind a backslash, which is
    /// skipped. `None` for what libyaml does not know: an escape, or a lone quote.
    fn word(&mut self, style: Style) -> Option<bool> {
        while let Some(c) = self.peek() {
            if is_blank(c) || is_break(c) {
                break;
            }
            if style == Style::SingleQuoted && c == '\'' {
                if !self.rest().starts_with("''") {
                    return None;
                }
                self.spell("'", 2);
            } else if style == Style::DoubleQuoted && c == '\\' {
                if self.rest().chars().nth(1).is_some_and(is_break) {
                    self.at += 1;
                    self.line_break();
                    return Some(true);
                }
                self.escape()?;
            } else {
                self.out.text.push(c);
                self.at += c.len_utf8();
            }
        }
        Some(false)
    }

    /// Blanks between words stay; line breaks fold, and take the blanks around them with them.
    fn gap(&mut self, escaped_break: bool) {
        let blanks = self.at;
        let (mut first, mut more, mut broken) = (None, String::new(), escaped_break);
        while let Some(c) = self.peek() {
            if is_blank(c) {
                self.at += c.len_utf8();
            } else if is_break(c) {
                let counts_as = self.line_break();
                if broken {
                    more.push(counts_as);
                } else {
                    first = Some(counts_as);
                }
                broken = true;
            } else {
                break;
            }
        }
        if !broken {
            self.out.text.push_str(self.inside.get(blanks..self.at).unwrap_or(""));
            return;
        }
        let from = self.out.text.len();
        match first {
            Some('\n') if more.is_empty() => self.out.text.push(' '),
            Some('\n') | None => {}
            Some(separator) => self.out.text.push(separator),
        }
        self.out.text.push_str(&more);
        // The first character stands for the whole gap, and the others for none of it.
        let width =
            self.out.text.get(from..).and_then(|folded| folded.chars().next()).map_or(0, char::len_utf8);
        self.out.offsets.step(from + width, self.start + self.at);
        self.out.offsets.step(self.out.text.len(), self.start + self.at);
    }

    /// Skips one line break and returns what it counts as.
    fn line_break(&mut self) -> char {
        let Some(c) = self.peek() else { return '\n' };
        self.at += if self.rest().starts_with("\r\n") { 2 } else { c.len_utf8() };
        if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' }
    }

    fn escape(&mut self) -> Option<()> {
        let mark = self.rest().chars().nth(1)?;
        let text = match mark {
            '0' => "\0",
            'a' => "\u{7}",
            'b' => "\u{8}",
            't' | '\t' => "\t",
            'n' => "\n",
            'v' => "\u{b}",
            'f' => "\u{c}",
            'r' => "\r",
            'e' => "\u{1b}",
            ' ' => " ",
            '"' => "\"",
            '\'' => "'",
            '\\' => "\\",
            'N' => "\u{85}",
            '_' => "\u{a0}",
            'L' => "\u{2028}",
            'P' => "\u{2029}",
            'x' | 'u' | 'U' => {
                let width = match mark {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits = self.rest().get(2..2 + width)?;
                let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                self.spell(c.encode_utf8(&mut [0; 4]), 2 + width);
                return Some(());
            }
            _ => return None,
        };
        self.spell(text, 2);
        Some(())
    }

    /// Appends what the next `width` bytes spell.
    fn spell(&mut self, text: &str, width: usize) {
        self.out.offsets.step(self.out.text.len(), self.start + self.at);
        self.at += width;
        self.out.text.push_str(text);
        self.out.offsets.step(self.out.text.len(), self.start + self.at);
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        self.inside.get(self.at..).unwrap_or("")
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// libyaml's line breaks, of which YAML 1.2 kept the first two.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The span with its ends on characters of `text`. A line break of several bytes is blanks and a line feed in the text that is
/// read: what begins or ends between the two does so before the break.
pub(super) fn on_characters(span: Span, text: &str) -> Span {
    Span::from_range(span.file, floor(text, span.start)..floor(text, span.end))
}
