//! JSON and JSON5.

use super::{NameId, Out};

/// A container that is open.
struct Open {
    object: bool,
    /// The name that it belongs to.
    outer: Option<NameId>,
    /// The name before the value that comes next.
    name: Option<NameId>,
    next: Next,
}

/// What may come next in a container.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// A key or an item.
    Entry,
    /// The colon behind a key.
    Colon,
    /// The value behind a colon.
    Value,
    /// A comma.
    Comma,
}

/// One document behind another. Ends at the first byte that has no place where it stands.
pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut open: Vec<Open> = Vec::new();
    let mut at = if out.text.starts_with('\u{feff}') { 3 } else { 0 };
    out.structure(0..at);
    while let Some(byte) = out.byte(at) {
        let next = open.last().map_or(Next::Entry, |open| open.next);
        let object = open.last().is_some_and(|open| open.object);
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'/' => match comment(out, at) {
                Some(end) => at = end,
                None => return,
            },
            b'{' | b'[' if next == Next::Value || next == Next::Entry && !object => {
                let name = open.last().and_then(|open| open.name);
                out.structure(at..at + 1);
                open.push(Open { object: byte == b'{', outer: name, name, next: Next::Entry });
                at += 1;
            }
            b'}' | b']' if matches!(next, Next::Entry | Next::Comma) && object == (byte == b'}') => {
                if open.pop().is_none() {
                    return;
                }
                filled(open.last_mut());
                out.structure(at..at + 1);
                at += 1;
            }
            b',' if next == Next::Comma => {
                let Some(open) = open.last_mut() else { return };
                (open.next, open.name) = (Next::Entry, open.outer);
                out.structure(at..at + 1);
                at += 1;
            }
            b':' if next == Next::Colon => {
                let Some(open) = open.last_mut() else { return };
                open.next = Next::Value;
                out.structure(at..at + 1);
                at += 1;
            }
            _ if matches!(next, Next::Entry | Next::Value) => {
                let quoted = matches!(byte, b'"' | b'\'');
                let Some((inside, end)) = (if quoted { string(out, at) } else { word(out, at) }) else {
                    return;
                };
                let is_key = object && next == Next::Entry;
                if is_key && out.byte(out.skip(end, b" \t\r\n")) != Some(b':') {
                    return;
                }
                out.structure(at..inside.start);
                match open.last_mut() {
                    Some(open) if is_key => {
                        open.name = Some(out.name(inside.clone(), open.outer));
                        open.next = Next::Colon;
                    }
                    open => {
                        let name = open.as_ref().and_then(|open| open.name);
                        if next == Next::Entry {
                            out.item(inside.clone(), name);
                        } else {
                            out.value(inside.clone(), name);
                        }
                        filled(open);
                    }
                }
                out.structure(inside.end..end);
                at = end;
            }
            _ => return,
        }
    }
}

fn filled(open: Option<&mut Open>) {
    if let Some(open) = open {
        open.next = Next::Comma;
    }
}

/// The end of a comment; `None` where there is none.
fn comment(out: &mut Out<'_, '_>, at: usize) -> Option<usize> {
    match out.byte(at + 1)? {
        b'/' => {
            let end = out.line_end(at);
            out.structure(at..at + 2);
            out.comment(at + 2..end);
            Some(end)
        }
        b'*' => {
            let close = at + 2 + out.text.get(at + 2..)?.find("*/")?;
            out.structure(at..at + 2);
            out.comment(at + 2..close);
            out.structure(close..close + 2);
            Some(close + 2)
        }
        _ => None,
    }
}

/// What is inside the quotes that open here, and where they end. A string ends on its line.
fn string(out: &Out<'_, '_>, at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let quote = out.byte(at)?;
    let mut end = at + 1;
    loop {
        match out.byte(end)? {
            b'\\' => end += 2,
            b'\n' | b'\r' => return None,
            byte if byte == quote => return Some((at + 1..end, end + 1)),
            _ => end += 1,
        }
    }
}

/// A key without quotes, a number, `true`, `null`.
fn word(out: &Out<'_, '_>, at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let rest = out.text.get(at..)?;
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '+' | '-' | '.');
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    (length > 0).then(|| (at..at + length, at + length))
}
