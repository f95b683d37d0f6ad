//! Flow collections: `[a, b]`, `{a: b}`.

use std::ops::Range;

use super::{Lexer, NameId, ends_word};

/// A flow collection that is open.
struct Open {
    map: bool,
    outer: Option<NameId>,
    name: Option<NameId>,
    /// What the current entry has so far.
    has: Has,
}

#[derive(Clone, Copy, PartialEq)]
enum Has {
    Nothing,
    Key,
    Value,
}

impl Lexer<'_, '_, '_> {
    /// Emits the flow collection that opens at `at`; gives back the place behind it. `None` where that cannot be told.
    pub(super) fn flow(&mut self, mut at: usize, of: Option<NameId>) -> Option<usize> {
        let mut open: Vec<Open> = Vec::new();
        while at < self.end {
            let byte = self.out.byte(at)?;
            let blank_before = at == 0 || matches!(self.out.byte(at - 1), Some(b' ' | b'\t' | b'\n' | b'\r'));
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                b'#' if blank_before => {
                    let end = self.out.line_end(at).min(self.end);
                    self.comment(at, end);
                    at = end;
                }
                b'[' | b'{' => {
                    let name = open.last().map_or(of, |open| open.name);
                    if open.last().is_some_and(|open| open.has == Has::Value) {
                        return None;
                    }
                    self.out.structure(at..at + 1);
                    open.push(Open { map: byte == b'{', outer: name, name, has: Has::Nothing });
                    at += 1;
                }
                b']' | b'}' => {
                    if open.pop()?.map != (byte == b'}') {
                        return None;
                    }
                    self.out.structure(at..at + 1);
                    at += 1;
                    match open.last_mut() {
                        Some(open) => open.has = Has::Value,
                        None => return Some(at),
                    }
                }
                b',' => {
                    let open = open.last_mut()?;
                    (open.has, open.name) = (Has::Nothing, open.outer);
                    self.out.structure(at..at + 1);
                    at += 1;
                }
                b'&' | b'!' => at = self.flow_property(at),
                b'*' => {
                    let open = open.last_mut()?;
                    if open.has == Has::Value {
                        return None;
                    }
                    at = self.flow_property(at);
                    open.has = Has::Value;
                }
                b'"' | b'\'' => {
                    let close = self.closing_quote(at, byte)?;
                    let colon = self.out.skip(close + 1, b" \t");
                    at = self.flow_scalar(open.last_mut()?, at + 1..close, colon, true)?;
                }
                b'|' | b'>' | b'%' | b'@' | b'`' | b'?' | b':' => return None,
                b'-' if ends_word(self.out.byte(at + 1)) => return None,
                _ => {
                    let to = self.flow_plain(at);
                    let colon = self.out.skip(to, b" \t");
                    at = self.flow_scalar(open.last_mut()?, at..self.out.trimmed(at..to), colon, false)?;
                }
            }
        }
        None
    }

    /// A scalar of a flow collection: a key where a colon follows it, which is emitted with it.
    fn flow_scalar(
        &mut self,
        open: &mut Open,
        inside: Range<usize>,
        colon: usize,
        quoted: bool,
    ) -> Option<usize> {
        let quotes = usize::from(quoted);
        let separates = self.out.byte(colon) == Some(b':')
            && (quoted
                || ends_word(self.out.byte(colon + 1))
                || matches!(self.out.byte(colon + 1), Some(b',' | b'[' | b']' | b'{' | b'}')));
        if separates && open.has != Has::Nothing || open.has == Has::Value {
            return None;
        }
        self.out.structure(inside.start - quotes..inside.start);
        if separates {
            open.name = Some(self.out.name(inside.clone(), open.outer));
            open.has = Has::Key;
        } else if open.has == Has::Nothing && !open.map {
            self.out.item(inside.clone(), open.name);
            open.has = Has::Value;
        } else {
            self.out.value(inside.clone(), open.name);
            open.has = Has::Value;
        }
        self.out.structure(inside.end..inside.end + quotes);
        if !separates {
            return Some(inside.end + quotes);
        }
        self.out.structure(colon..colon + 1);
        Some(colon + 1)
    }

    fn flow_property(&mut self, at: usize) -> usize {
        let ends = |at: &usize| {
            matches!(
                self.out.byte(*at),
                None | Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | b'{' | b'}')
            )
        };
        let to = (at + 1..self.end).find(ends).unwrap_or(self.end);
        let signs = self.out.skip(at, b"!").max(at + 1);
        self.out.structure(at..signs.min(to));
        self.out.name(signs.min(to)..to, None);
        to
    }

    /// The end of a plain scalar in a flow collection, on its line.
    fn flow_plain(&self, at: usize) -> usize {
        let ends = |at: &usize| match self.out.byte(*at) {
            None | Some(b'\n' | b',' | b'[' | b']' | b'{' | b'}') => true,
            Some(b':') => {
                let next = self.out.byte(at + 1);
                ends_word(next) || matches!(next, Some(b',' | b'[' | b']' | b'{' | b'}'))
            }
            Some(b'#') => matches!(self.out.byte(at - 1), Some(b' ' | b'\t')),
            Some(_) => false,
        };
        (at + 1..self.end).find(ends).unwrap_or(self.end)
    }
}
