//! XML as property lists use it: elements, text, comments. A text belongs to the `<key>` before it, or to its element.

use super::{NameId, Out};

/// An element that is open.
struct Open {
    /// Of the element itself.
    tag: std::ops::Range<usize>,
    /// The name that its texts belong to.
    name: Option<NameId>,
    /// The last `<key>` inside.
    key: Option<NameId>,
}

/// The declaration of every property list.
const DOCTYPE: &str = "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">";

/// Ends at the first markup that it does not know, or that closes what is not open.
pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut open: Vec<Open> = Vec::new();
    let mut at = if out.text.starts_with('\u{feff}') { 3 } else { 0 };
    out.structure(0..at);
    while let Some(rest) = out.text.get(at..).filter(|rest| !rest.is_empty()) {
        if !rest.starts_with('<') {
            let end = at + rest.find('<').unwrap_or(rest.len());
            text(out, at, end, &mut open);
            at = end;
            continue;
        }
        let taken = if rest.starts_with("<!--") {
            rest.find("-->").map(|close| {
                out.structure(at..at + 4);
                out.comment(at + 4..(at + close).max(at + 4));
                out.structure((at + close).max(at + 4)..at + close + 3);
                close + 3
            })
        } else if rest.starts_with(DOCTYPE) {
            out.structure(at..at + DOCTYPE.len());
            Some(DOCTYPE.len())
        } else {
            tag(out, at, &mut open)
        };
        let Some(taken) = taken else { return };
        at += taken;
    }
}

/// Character data between two tags, without the blanks around it.
fn text(out: &mut Out<'_, '_>, start: usize, end: usize, open: &mut [Open]) {
    let inside = out.slice(start..end);
    let first = end - inside.trim_start().len();
    let last = first + inside.trim().len();
    if first >= last {
        return;
    }
    let [.., outer, element] = open else {
        if let [element] = open {
            out.value(first..last, element.name);
        }
        return;
    };
    let is_key = out.slice(element.tag.clone()) == "key";
    if is_key {
        outer.key = Some(out.name(first..last, outer.name));
    } else {
        out.item(first..last, element.name);
    }
}

/// A tag with its attributes; gives back its length.
fn tag(out: &mut Out<'_, '_>, at: usize, open: &mut Vec<Open>) -> Option<usize> {
    let rest = out.text.get(at..)?;
    let length = rest.find('>')? + 1;
    let inside = rest.get(1..length - 1)?;
    let name = inside.trim_start_matches(['/', '?']);
    let begin = at + 1 + (inside.len() - name.len());
    let name = name.split([' ', '\t', '\n', '\r', '/', '?']).next()?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte)) {
        return None;
    }
    let tag = begin..begin + name.len();
    if inside.starts_with('/') {
        let closed = open.pop()?;
        (out.slice(closed.tag) == name).then_some(())?;
    }
    out.structure(at..begin);
    let id = out.name(tag.clone(), None);
    let end = at + length;
    let tail = out.slice(tag.end..end);
    let closes = tail.trim_end_matches('>').ends_with(['/', '?']);
    let attributes = end - 1 - usize::from(closes);
    self::attributes(out, tag.end, attributes.max(tag.end), id)?;
    out.structure(attributes.max(tag.end)..end);
    if !inside.starts_with('/') && !closes {
        let outer = open.last().map(|outer| outer.key.or(outer.name));
        // What property lists are made of says nothing of a value; the key before it does.
        let is_plain = matches!(
            name,
            "plist" | "dict" | "array" | "string" | "integer" | "real" | "date" | "data" | "key"
        );
        let name = if is_plain { outer.flatten() } else { Some(id) };
        open.push(Open { tag, name, key: None });
    }
    Some(length)
}

/// `name="value"` pairs.
fn attributes(out: &mut Out<'_, '_>, mut at: usize, end: usize, of: NameId) -> Option<()> {
    loop {
        at = out.skip(at, b" \t\r\n");
        if at >= end {
            return Some(());
        }
        let rest = out.slice(at..end);
        let (name, value) = rest.split_once('=')?;
        let quote = value.as_bytes().first().copied().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let from = at + name.len() + 2;
        let close = from + value.get(1..)?.find(char::from(quote))?;
        let id = out.name(at..at + name.trim_end().len(), Some(of));
        out.structure(at + name.len()..from);
        out.value(from..close, Some(id));
        out.structure(close..close + 1);
        at = close + 1;
    }
}
