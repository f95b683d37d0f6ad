//! What the parser accepts and go-yaml does not.
//!
//! The parser follows YAML 1.2 and is as lenient as `PyYAML`; go-yaml is libyaml, which is YAML 1.1. The differences are few and
//! rare, so a text is searched for their traces first, and most texts have none.

use std::ops::Range;

use granit_parser::ScalarStyle;

/// The parser's event that the checks see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Scalar(ScalarStyle),
    Alias,
    /// The bracket or brace that opens or closes a collection.
    Bracket,
}

/// A place that go-yaml refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) kind: RefusalKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusalKind {
    /// A tab that libyaml takes for indentation.
    Tab,
    /// `\/`, or half of a surrogate pair.
    Escape,
    /// U+0085, U+2028 or U+2029 outside quotes.
    LineBreak,
    /// A directive other than `%YAML` and `%TAG`.
    Directive,
    /// `?` in a plain scalar between brackets.
    QuestionMark,
    /// An anchor or alias with other characters than letters, digits, `_` and `-`.
    AnchorName,
    /// A tag that runs into something else than a blank or a line break.
    TagEnd,
    /// `...` with no document before it, or with one behind it that does not begin with `---`.
    DocumentEnd,
}

/// Looks at the tokens of a text in order, and at what stands between them.
pub(super) struct Watch<'t> {
    text: &'t str,
    /// End of the last token.
    end: usize,
    last: Option<Token>,
    /// Column of the innermost block collection when the last token was read.
    indent: Option<usize>,
    /// Whether the last token stood between brackets.
    in_flow: bool,
}

impl<'t> Watch<'t> {
    /// `None` where nothing in the text can make a difference.
    pub(super) fn new(text: &'t str) -> Option<Self> {
        has_traces(text).then_some(Self { text, end: 0, last: None, indent: None, in_flow: false })
    }

    /// The next token, written at `place`; `indent` is the column of the innermost open block collection, `in_flow`
    /// whether a bracket is open.
    pub(super) fn token(
        &mut self,
        token: Token,
        place: Range<usize>,
        indent: Option<usize>,
        in_flow: bool,
        refused: &mut Vec<Refused>,
    ) {
        if place.start >= self.end {
            self.gap(self.end..place.start, refused);
        }
        match token {
            Token::Alias => self.name(place.start, refused),
            Token::Bracket => {}
            Token::Scalar(style) => self.scalar(style, place.clone(), indent, in_flow, refused),
        }
        self.end = place.end.max(self.end);
        self.last = Some(token);
        self.indent = indent;
        self.in_flow = in_flow;
    }

    /// The end of the text.
    pub(super) fn finish(&mut self, refused: &mut Vec<Refused>) {
        self.gap(self.end..self.text.len(), refused);
    }

    fn scalar(
        &self,
        style: ScalarStyle,
        place: Range<usize>,
        indent: Option<usize>,
        in_flow: bool,
        refused: &mut Vec<Refused>,
    ) {
        let start = place.start;
        let raw = self.text.get(place).unwrap_or("");
        let mut refuse = |at: usize, len: usize, kind| refused.push(Refused { at: start + at, len, kind });
        match style {
            ScalarStyle::DoubleQuoted => {
                let mut bytes = raw.bytes().enumerate();
                while let Some((at, byte)) = bytes.next() {
                    if byte != b'\\' {
                        continue;
                    }
                    match bytes.next() {
                        Some((_, b'/')) => refuse(at, 2, RefusalKind::Escape),
                        Some((_, b'u')) if is_surrogate(raw.get(at + 2..at + 6)) => {
                            refuse(at, 6, RefusalKind::Escape);
                        }
                        _ => {}
                    }
                }
            }
            ScalarStyle::SingleQuoted => {}
            ScalarStyle::Plain => {
                for (at, c) in line_breaks(raw) {
                    refuse(at, c.len_utf8(), RefusalKind::LineBreak);
                }
                if let Some(indent) = indent.filter(|_| !in_flow) {
                    let mut at = 0;
                    for line in raw.split_inclusive('\n') {
                        if at > 0
                            && let Some(tab) = leading_tab(line).filter(|&tab| tab <= indent)
                        {
                            refuse(at + tab, 1, RefusalKind::Tab);
                        }
                        at += line.len();
                    }
                }
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                for (at, c) in line_breaks(raw) {
                    refuse(at, c.len_utf8(), RefusalKind::LineBreak);
                }
            }
        }
    }

    /// The anchor or alias whose mark stands at `at`.
    fn name(&self, at: usize, refused: &mut Vec<Refused>) {
        let name = name(self.text.get(at + 1..).unwrap_or(""));
        if !is_anchor_name(name) {
            refused.push(Refused { at, len: name.len() + 1, kind: RefusalKind::AnchorName });
        }
    }

    /// What stands between two tokens: blanks, comments, indicators, tags, anchors, directives.
    fn gap(&self, gap: Range<usize>, refused: &mut Vec<Refused>) {
        let start = gap.start;
        let text = self.text.get(gap).unwrap_or("");
        let bytes = text.as_bytes();
        // Most gaps are blanks and indicators, none of which can be refused.
        if bytes
            .iter()
            .all(|byte| matches!(byte, b' ' | b'\n' | b':' | b',' | b'-' | b'[' | b']' | b'{' | b'}'))
        {
            return;
        }
        let refuse = |refused: &mut Vec<Refused>, at: usize, len: usize, kind| {
            refused.push(Refused { at: start + at, len, kind });
        };
        // libyaml takes a tab for a blank unless a simple key could begin here.
        let mut key_allowed = match self.last {
            None => true,
            Some(Token::Scalar(style)) => matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
            Some(Token::Alias | Token::Bracket) => false,
        };
        // Behind a plain scalar blank lines still belong to it, and only the column counts.
        let mut trailing = self.last == Some(Token::Scalar(ScalarStyle::Plain));
        let mut line_start =
            self.text.get(..start).map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
        let mut broken = false;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let column = start + at - line_start;
            match byte {
                b'\n' => {
                    line_start = start + at + 1;
                    key_allowed = true;
                    broken = true;
                }
                b'\t' if !self.in_flow => {
                    let indents = if trailing && broken {
                        self.indent.is_some_and(|indent| column <= indent)
                    } else {
                        key_allowed
                    };
                    if indents {
                        refuse(refused, at, 1, RefusalKind::Tab);
                    }
                }
                b' ' | b'\t' | b'\r' => {}
                b'#' => {
                    trailing = false;
                    let end =
                        text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end);
                    for (offset, c) in line_breaks(text.get(at..end).unwrap_or("")) {
                        refuse(refused, at + offset, c.len_utf8(), RefusalKind::LineBreak);
                    }
                    at = end;
                    continue;
                }
                b'%' if column == 0 => {
                    let line = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or("");
                    let name = line.split_ascii_whitespace().next().unwrap_or("");
                    if !matches!(name, "%YAML" | "%TAG") {
                        refuse(refused, at, name.len(), RefusalKind::Directive);
                    }
                    at += line.len();
                    key_allowed = false;
                    continue;
                }
                b'-' | b'.'
                    if column == 0
                        && bytes.get(at..at + 3).is_some_and(|mark| mark.iter().all(|&b| b == byte)) =>
                {
                    trailing = false;
                    key_allowed = false;
                    at += 2;
                }
                b'-' | b'?' => {
                    trailing = false;
                    key_allowed = true;
                }
                b':' => {
                    trailing = false;
                    // On a line of its own it belongs to a `?` key.
                    key_allowed = broken;
                }
                b'&' | b'!' => {
                    trailing = false;
                    if byte == b'&' {
                        self.name(start + at, refused);
                    } else if let Some(end) = tag_end(self.text, start + at) {
                        refused.push(Refused { at: end, len: 1, kind: RefusalKind::TagEnd });
                    }
                    key_allowed = false;
                    let end = bytes.iter().skip(at).position(u8::is_ascii_whitespace);
                    at = end.map_or(bytes.len(), |end| at + end);
                    continue;
                }
                _ => {
                    trailing = false;
                    if let Some(c) =
                        text.get(at..).and_then(|rest| rest.chars().next()).filter(|&c| is_odd_break(c))
                    {
                        refuse(refused, at, c.len_utf8(), RefusalKind::LineBreak);
                    }
                }
            }
            at += 1;
        }
    }
}

/// A `...` before the first document, which libyaml takes for the end of one that it cannot find.
pub(super) fn leading_document_end(text: &str) -> Option<Refused> {
    let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
    for line in text.get(at..)?.split_inclusive('\n') {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            at += line.len();
            continue;
        }
        let behind = line.strip_prefix("...")?;
        let mark = behind.is_empty() || behind.starts_with([' ', '\t', '\r', '\n']);
        return mark.then_some(Refused { at, len: 3, kind: RefusalKind::DocumentEnd });
    }
    None
}

/// Where the tag whose `!` stands at `at` runs into a character that neither belongs to it nor ends it. Between brackets
/// libyaml takes commas and closing brackets for a part of the tag, but a brace never is.
fn tag_end(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if rest.starts_with("!<") {
        return None;
    }
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_;/?:@&=+$,.!~*'()[]%".contains(c)))?;
    let next = rest.as_bytes().get(end)?;
    (!next.is_ascii_whitespace()).then_some(at + end)
}

/// True where something in the text may be read in another way by libyaml. Every text pays for this: the bytes are
/// looked at a block at a time, without branches, and one by one only in the blocks that hold a candidate.
fn has_traces(text: &str) -> bool {
    const BLOCK: usize = 64;
    let bytes = text.as_bytes();
    let mut start = 0;
    while let Some(block) = bytes.get(start..bytes.len().min(start + BLOCK)).filter(|block| !block.is_empty())
    {
        let next = bytes.get(start + 1..).unwrap_or_default();
        let paired = block.iter().zip(next).fold(false, |any, (&byte, &next)| any | is_candidate(byte, next));
        let last = block.last().is_some_and(|&byte| is_candidate(byte, b' '));
        if (paired || last) && (start..start + block.len()).any(|at| is_trace(text, at)) {
            return true;
        }
        start += BLOCK;
    }
    false
}

/// False where [`is_trace`] is, whatever stands around.
fn is_candidate(byte: u8, next: u8) -> bool {
    (byte == b'\t')
        | (byte == 0xc2)
        | (byte == 0xe2)
        | (byte == b'%')
        | (byte == b'!')
        | (byte == b'\\')
        | (byte == b'&')
        | (byte == b'*')
        | ((byte == b':') & ((next == b',') | (next == b']') | (next == b'}')))
}

fn is_trace(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let next = bytes.get(at + 1);
    match bytes.get(at) {
        Some(b'\t' | 0xc2 | 0xe2) => true,
        Some(b'%') => at.checked_sub(1).is_none_or(|before| bytes.get(before) == Some(&b'\n')),
        Some(b'\\') => matches!(next, Some(b'/' | b'u')),
        Some(b':') => matches!(next, Some(b',' | b']' | b'}')),
        Some(b'!') => tag_end(text, at).is_some(),
        Some(b'&' | b'*') => !is_anchor_name(name(text.get(at + 1..).unwrap_or(""))),
        _ => false,
    }
}

/// Line breaks to libyaml alone.
fn line_breaks(text: &str) -> impl Iterator<Item = (usize, char)> {
    let text = if text.is_ascii() { "" } else { text };
    text.char_indices().filter(|&(_, c)| is_odd_break(c))
}

fn is_odd_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The name that `text` begins with: up to a blank or a flow indicator.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'));
    text.get(..end.unwrap_or(text.len())).unwrap_or("")
}

fn is_anchor_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `D800` to `DFFF`.
fn is_surrogate(digits: Option<&str>) -> bool {
    digits
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .is_some_and(|code| (0xd800..0xe000).contains(&code))
}

/// The column of a tab among the blanks that a line begins with.
fn leading_tab(line: &str) -> Option<usize> {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).position(|byte| byte == b'\t')
}

#[cfg(test)]
mod tests {
    use super::has_traces;

    #[test]
    fn a_trace_is_found_wherever_it_stands_in_a_block() {
        for before in 0..200 {
            let padding = "x".repeat(before);
            for trace in [
                "\t", "\u{85}", "\u{2028}", ":,", ":]", ":}", "\n%X", "\\/", "\\ud800", "&a.b", "*a.b", "!a{",
            ] {
                for behind in ["", " x", "\n"] {
                    assert!(has_traces(&format!("{padding}{trace}{behind}")), "{trace:?} behind {before}");
                }
            }
            for harmless in [": ", ":\n", "50%", "\\n", "&a_b-1", "*a ", "!a ", "?", "\u{e9}", ":", "&"] {
                assert!(!has_traces(&format!("{padding}{harmless}")), "{harmless:?} behind {before}");
            }
        }
        assert!(has_traces("%YAML 1.2") && !has_traces(""));
    }
}
