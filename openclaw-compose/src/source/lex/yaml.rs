//! YAML, as far as its layout goes: block and flow collections, plain, quoted and block scalars, properties, comments.
//!
//! Where go-yaml would stop, or would read something that this lexer does not know, the rest of the node is left out; where
//! even its end cannot be told, the rest of the text.

use std::ops::Range;

use super::{NameId, Out};

mod flow;

/// Lexes every document of a stream.
pub(super) fn lex(out: &mut Out<'_, '_>) {
    let end = strange_break(out.text).map_or(out.text.len(), |at| {
        let line = out.text.get(..at).and_then(|before| before.rfind('\n'));
        line.map_or(0, |line| line + 1)
    });
    let start = if out.text.starts_with('\u{feff}') { 3 } else { 0 };
    let start = start.min(end);
    out.structure(0..start);
    let mut lexer = Lexer { out, at: start, end, levels: Vec::new(), closed: None, block: None };
    while lexer.at < lexer.end && lexer.line().is_some() {}
}

/// The first line break that YAML knows and a line of ours does not end with, or a character that YAML forbids.
fn strange_break(text: &str) -> Option<usize> {
    text.char_indices().find_map(|(at, c)| match c {
        '\r' => (text.as_bytes().get(at + 1) != Some(&b'\n')).then_some(at),
        '\n' | '\t' => None,
        '\u{85}' | '\u{2028}' | '\u{2029}' => Some(at),
        '\u{feff}' => (at > 0).then_some(at),
        c => c.is_control().then_some(at),
    })
}

struct Lexer<'o, 't, 'l> {
    out: &'o mut Out<'t, 'l>,
    at: usize,
    end: usize,
    /// The block collections that are open, the innermost last.
    levels: Vec<Level>,
    /// A node has ended in the collection of this indent: a deeper line goes on with it or has no place.
    closed: Option<isize>,
    /// The indent below which a block scalar ends.
    block: Option<isize>,
}

struct Level {
    indent: isize,
    sequence: bool,
    /// The name that the level's nodes belong to: that of the last key, or of the whole sequence.
    name: Option<NameId>,
    outer: Option<NameId>,
}

/// How a node ended.
enum Ended {
    /// With its line, or before it with nothing but blanks and a comment behind.
    Here,
    /// It stands on the lines below.
    Below,
}

impl Lexer<'_, '_, '_> {
    /// One line, and those that its last node goes on over. `None` where the rest cannot be told.
    fn line(&mut self) -> Option<()> {
        let start = self.at;
        let end = self.out.line_end(start).min(self.end);
        let first = self.out.skip(start, b" ");
        let indent = signed(first - start);
        self.at = end + 1;
        let blank = self.out.skip(first, b" \t\r") >= end;
        if blank {
            return Some(());
        }
        if self.block.is_some_and(|below| indent > below) {
            let of = self.name();
            self.out.value(first..self.out.trimmed(first..end), of);
            return Some(());
        }
        self.block = None;
        match self.out.byte(first)? {
            b'\t' => return None,
            b'#' => {
                self.comment(first, end);
                return Some(());
            }
            b'%' if indent == 0 => return Some(()),
            _ => {}
        }
        let marker = self.out.slice(first..end);
        if indent == 0
            && (marker.starts_with("---") || marker.starts_with("..."))
            && ends_word(self.out.byte(3 + first))
        {
            self.levels.clear();
            self.closed = None;
            self.out.structure(first..first + 3);
            let at = self.out.skip(first + 3, b" \t");
            // A mapping does not begin on the line of its marker.
            return self.value(at, end, -1, None).map(|ended| self.ended(ended, -1));
        }
        if self.closed.is_some_and(|closed| indent > closed) {
            self.leftover(first, end);
            return Some(());
        }
        self.closed = None;
        let depth = self.levels.len();
        while self.levels.last().is_some_and(|level| level.indent > indent) {
            self.levels.pop();
        }
        let dedented = self.levels.len() < depth;
        if dedented && self.levels.last().is_some_and(|level| level.indent < indent) {
            self.closed = self.levels.last().map(|level| level.indent);
            self.leftover(first, end);
            return Some(());
        }
        self.entry(first, indent, end)
    }

    /// Dashes, a key or a node at the start of a line.
    fn entry(&mut self, mut at: usize, mut column: isize, end: usize) -> Option<()> {
        while self.out.byte(at) == Some(b'-') && ends_word(self.out.byte(at + 1)) {
            self.dash(at, column);
            let next = self.out.skip(at + 1, b" ");
            match self.out.byte(next).filter(|_| next < end) {
                None | Some(b'\r' | b'\n') => return Some(()),
                Some(b'#') => {
                    self.comment(next, end);
                    return Some(());
                }
                // The column of what follows depends on how wide a tab is.
                Some(b'\t') => {
                    self.closed = Some(column);
                    return Some(());
                }
                Some(_) => {}
            }
            column += signed(next - at);
            at = next;
        }
        let Some((key, colon)) = self.key(at, end)? else {
            let parent = self.levels.last().map_or(-1, |level| level.indent);
            // Where the next entry of a collection would begin, a node without key or dash has no place.
            let of = self.name().filter(|_| parent < column);
            let in_sequence = self.levels.last().is_some_and(|level| level.sequence);
            return self.node(at, end, parent, of, in_sequence).map(|ended| self.ended(ended, parent));
        };
        if self.levels.last().is_some_and(|level| level.sequence && level.indent == column) {
            self.levels.pop();
        }
        if self.levels.last().is_none_or(|level| level.indent < column) {
            let outer = self.name();
            self.levels.push(Level { indent: column, sequence: false, name: outer, outer });
        }
        let outer = self.levels.last().and_then(|level| level.outer);
        let name = self.emit_key(key, outer);
        if let Some(level) = self.levels.last_mut() {
            level.name = name;
        }
        self.out.structure(colon..colon + 1);
        let value = self.out.skip(colon + 1, b" \t");
        self.value(value, end, column, name).map(|ended| self.ended(ended, column))
    }

    fn dash(&mut self, at: usize, column: isize) {
        self.out.structure(at..at + 1);
        let known = self.levels.last().is_some_and(|level| level.sequence && level.indent == column);
        if !known {
            let name = self.name();
            self.levels.push(Level { indent: column, sequence: true, name, outer: name });
        }
    }

    /// The key that begins at `at`, with its quotes and properties, and the colon behind it. An inner `None` is no key, an
    /// outer one the end of what can be told.
    fn key(&self, at: usize, end: usize) -> Option<Option<(Range<usize>, usize)>> {
        let mut from = at;
        while matches!(self.out.byte(from), Some(b'&' | b'!')) {
            let behind = self.word_end(from, end);
            from = self.out.skip(behind, b" \t");
        }
        let (to, colon) = match self.out.byte(from).filter(|_| from < end) {
            Some(quote @ (b'"' | b'\'')) => {
                let close = self.closing_quote(from, quote)? + 1;
                if close > end {
                    return Some(None);
                }
                (close, self.out.skip(close, b" \t"))
            }
            // A collection, a block scalar, an indicator: none of them is a key that this lexer knows.
            None
            | Some(b'[' | b'{' | b'|' | b'>' | b'?' | b'%' | b'@' | b'`' | b',' | b']' | b'}' | b'#') => {
                return Some(None);
            }
            Some(_) => {
                let Some(colon) = self.plain_colon(from, end) else { return Some(None) };
                (self.out.trimmed(from..colon), colon)
            }
        };
        let separates =
            self.out.byte(colon) == Some(b':') && colon < end && ends_word(self.out.byte(colon + 1));
        Some((separates && to > from).then_some((at..to, colon)))
    }

    /// The colon that ends the plain key at `at`.
    fn plain_colon(&self, at: usize, end: usize) -> Option<usize> {
        (at..end).find_map(|at| match self.out.byte(at)? {
            b':' if ends_word(self.out.byte(at + 1)) => Some(Some(at)),
            b'#' if matches!(self.out.byte(at - 1), Some(b' ' | b'\t')) => Some(None),
            _ => None,
        })?
    }

    fn emit_key(&mut self, key: Range<usize>, outer: Option<NameId>) -> Option<NameId> {
        let at = self.properties(key.start, key.end);
        let quotes = usize::from(matches!(self.out.byte(at), Some(b'"' | b'\'')));
        let alias = usize::from(self.out.byte(at) == Some(b'*'));
        self.out.structure(at..at + quotes.max(alias));
        let name = self.out.name(at + quotes.max(alias)..key.end - quotes, outer);
        self.out.structure(key.end - quotes..key.end);
        Some(name)
    }

    /// Anchors and tags at `at`; gives back what follows them.
    fn properties(&mut self, mut at: usize, end: usize) -> usize {
        while let Some(sign @ (b'&' | b'!')) = self.out.byte(at).filter(|_| at < end) {
            let to = self.word_end(at, end);
            let signs = if sign == b'!' { self.out.skip(at, b"!") - at } else { 1 };
            self.out.structure(at..at + signs);
            self.out.name(at + signs..to, None);
            at = self.out.skip(to, b" \t");
        }
        at.min(end)
    }

    /// A node behind its key.
    fn value(&mut self, at: usize, end: usize, parent: isize, of: Option<NameId>) -> Option<Ended> {
        self.node(at, end, parent, of, false)
    }

    /// A node that is not a block collection, or begins on the next line.
    fn node(
        &mut self,
        at: usize,
        end: usize,
        parent: isize,
        of: Option<NameId>,
        item: bool,
    ) -> Option<Ended> {
        let at = self.properties(at, end);
        match self.out.byte(at).filter(|_| at < end) {
            None | Some(b'\r' | b'\n') => Some(Ended::Below),
            Some(b'#') => {
                self.comment(at, end);
                Some(Ended::Below)
            }
            Some(b'*') => {
                let to = self.word_end(at, end);
                self.out.structure(at..at + 1);
                self.out.name(at + 1..to, None);
                Some(self.rest_of_line(to, end))
            }
            Some(quote @ (b'"' | b'\'')) => {
                let to = self.quoted(at, quote, of, item)?;
                Some(self.behind(to))
            }
            Some(b'[' | b'{') => {
                let to = self.flow(at, of)?;
                Some(self.behind(to))
            }
            Some(b'|' | b'>') => {
                let header = self.out.skip(at + 1, b"+-0123456789");
                let behind = self.out.skip(header, b" \t\r");
                if behind < end && self.out.byte(behind) != Some(b'#') {
                    return Some(Ended::Here);
                }
                self.out.structure(at..header);
                if behind < end {
                    self.comment(behind, end);
                }
                self.block = Some(parent);
                Some(Ended::Below)
            }
            Some(b'%' | b'@' | b'`' | b',' | b']' | b'}' | b'?') => Some(Ended::Here),
            Some(_) => {
                let comment = (at + 1..end).find(|at| {
                    self.out.byte(*at) == Some(b'#') && matches!(self.out.byte(at - 1), Some(b' ' | b'\t'))
                });
                let to = self.out.trimmed(at..comment.unwrap_or(end));
                // A colon in a plain scalar is a fault that go-yaml stops at: nobody knows what was meant.
                if self.plain_colon(at, to.min(end)).is_none() {
                    if item { self.out.item(at..to, of) } else { self.out.value(at..to, of) }
                }
                if let Some(comment) = comment {
                    self.comment(comment, end);
                }
                Some(Ended::Here)
            }
        }
    }

    fn ended(&mut self, ended: Ended, parent: isize) {
        match ended {
            Ended::Here => self.closed = Some(parent),
            Ended::Below => {}
        }
    }

    /// Behind a node that may have gone on over lines: the rest of the line on which it ends.
    fn behind(&mut self, to: usize) -> Ended {
        let end = self.out.line_end(to).min(self.end);
        self.at = end + 1;
        self.rest_of_line(to, end)
    }

    /// Only a comment has a place there.
    fn rest_of_line(&mut self, to: usize, end: usize) -> Ended {
        let next = self.out.skip(to, b" \t\r");
        if next < end && next > to && self.out.byte(next) == Some(b'#') {
            self.comment(next, end);
        }
        Ended::Here
    }

    /// A line that goes on with a scalar, or has no place: it belongs to the last name.
    fn leftover(&mut self, first: usize, end: usize) {
        let of = self.name();
        self.out.value(first..self.out.trimmed(first..end), of);
    }

    fn comment(&mut self, at: usize, end: usize) {
        self.out.structure(at..at + 1);
        self.out.comment(at + 1..self.out.trimmed(at + 1..end));
    }

    fn name(&self) -> Option<NameId> {
        self.levels.last().and_then(|level| level.name)
    }

    fn word_end(&self, at: usize, end: usize) -> usize {
        (at..end).find(|at| matches!(self.out.byte(*at), Some(b' ' | b'\t' | b'\r' | b'\n'))).unwrap_or(end)
    }

    /// Emits a quoted scalar; gives back the place behind it. `None` where it does not close.
    fn quoted(&mut self, at: usize, quote: u8, of: Option<NameId>, item: bool) -> Option<usize> {
        let close = self.closing_quote(at, quote)?;
        self.out.structure(at..at + 1);
        if item {
            self.out.item(at + 1..close, of);
        } else {
            self.out.value(at + 1..close, of);
        }
        self.out.structure(close..close + 1);
        Some(close + 1)
    }

    fn closing_quote(&self, at: usize, quote: u8) -> Option<usize> {
        let mut to = at + 1;
        while to < self.end {
            match self.out.byte(to)? {
                b'\\' if quote == b'"' => to += 2,
                b'\'' if quote == b'\'' && self.out.byte(to + 1) == Some(b'\'') => to += 2,
                byte if byte == quote => return Some(to),
                _ => to += 1,
            }
        }
        None
    }
}

/// What may stand behind an indicator.
fn ends_word(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b' ' | b'\t' | b'\r' | b'\n'))
}

fn signed(offset: usize) -> isize {
    isize::try_from(offset).unwrap_or(isize::MAX)
}
