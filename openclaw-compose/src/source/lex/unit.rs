//! Units of systemd, and their like: sections, `Name=value`, comments.

use super::{NameId, Out};

pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut at = 0;
    // The name whose value goes on behind a backslash.
    let mut goes_on: Option<NameId> = None;
    while at < out.text.len() {
        let end = out.line_end(at);
        let first = out.skip(at, b" \t\r");
        let last = out.trimmed(first.min(end)..end);
        at = end + 1;
        if first >= last {
            goes_on = None;
            continue;
        }
        match out.byte(first) {
            Some(b'#' | b';') => {
                out.structure(first..first + 1);
                out.comment(first + 1..last);
            }
            Some(_) if goes_on.is_some() => goes_on = value(out, first, last, goes_on),
            Some(b'[') if out.byte(last - 1) == Some(b']') => {
                out.structure(first..first + 1);
                out.name(first + 1..last - 1, None);
                out.structure(last - 1..last);
            }
            _ => {
                let Some((name, _)) = out.slice(first..last).split_once('=') else { continue };
                let equals = first + name.len();
                let id = out.name(first..out.trimmed(first..equals), None);
                out.structure(equals..equals + 1);
                goes_on = value(out, out.skip(equals + 1, b" \t").min(last), last, Some(id));
            }
        }
    }
}

/// One line of a value; gives back its name where it goes on on the next one.
fn value(out: &mut Out<'_, '_>, first: usize, last: usize, of: Option<NameId>) -> Option<NameId> {
    let goes_on = last > first && out.byte(last - 1) == Some(b'\\');
    let end = if goes_on { out.trimmed(first..last - 1) } else { last };
    if out.lexed.name(out.text, of) == Some("Environment") {
        assignments(out, first, end, of);
    } else {
        out.value(first..end, of);
    }
    if goes_on {
        out.structure(last - 1..last);
    }
    of.filter(|_| goes_on)
}

/// `A=b "C=d e"`: words in quotes or without.
fn assignments(out: &mut Out<'_, '_>, mut at: usize, end: usize, of: Option<NameId>) {
    while at < end {
        let byte = out.byte(at);
        let quote = byte.filter(|byte| matches!(byte, b'"' | b'\''));
        let from = at + usize::from(quote.is_some());
        let ends = |at: &usize| match quote {
            Some(quote) => out.byte(*at) == Some(quote),
            None => matches!(out.byte(*at), Some(b' ' | b'\t')),
        };
        let close = (from..end).find(ends);
        // Nobody knows how a word goes on whose quote does not close, or that holds another one.
        let Some(close) = close.or(quote.is_none().then_some(end)) else { return };
        if out.slice(from..close).contains(['"', '\'', '\\']) {
            return;
        }
        out.structure(at..from);
        out.item(from..close, of);
        if quote.is_some() {
            out.structure(close..close + 1);
        }
        at = out.skip(close + usize::from(quote.is_some()), b" \t");
    }
}
