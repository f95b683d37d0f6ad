//! dotenv files, as [`crate::syntax::dotenv`] reads them.

use super::Out;

/// Statement by statement. A line that is not one is left out; behind a quote that never closes, everything up to the next
/// line that assigns something.
pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut at = if out.text.starts_with('\u{feff}') { 3 } else { 0 };
    out.structure(0..at);
    loop {
        let Some(rest) = out.text.get(at..) else { return };
        let Some(begin) = rest.find(|c: char| !c.is_whitespace()) else { return };
        at += begin;
        if out.byte(at) == Some(b'#') {
            let end = out.line_end(at);
            out.structure(at..at + 1);
            out.comment(at + 1..out.trimmed(at + 1..end));
            at = end;
        } else {
            at = statement(out, at);
        }
    }
}

/// Emits one statement and says where it ends.
fn statement(out: &mut Out<'_, '_>, start: usize) -> usize {
    let line_end = out.line_end(start);
    let line = out.slice(start..line_end);
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let from = exported.map_or(start, |rest| line_end - rest.trim_start_matches([' ', '\t']).len());
    let line = out.slice(from..line_end);
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
    let separator = line.find(|c: char| !(is_key(c) || matches!(c, ' ' | '\t')));
    let assigned = separator.filter(|at| matches!(line.as_bytes().get(*at), Some(b'=' | b':')));
    let name = assigned.and_then(|at| line.get(..at)).map(str::trim_end).unwrap_or_default();
    // A bare name takes its value from elsewhere, and a line of a broken secret looks like one.
    let Some(separator) = assigned.filter(|_| !name.is_empty() && !name.contains([' ', '\t'])) else {
        return line_end;
    };
    if from > start {
        out.structure(start..start + "export".len());
    }
    let id = out.name(from..from + name.len(), None);
    out.structure(from + separator..from + separator + 1);
    let value = out.skip(from + separator + 1, b" \t\r");
    match out.byte(value) {
        Some(quote @ (b'"' | b'\'')) => match closing_quote(out, value, quote) {
            Some(close) => {
                out.structure(value..value + 1);
                out.value(value + 1..close, Some(id));
                out.structure(close..close + 1);
                close + 1
            }
            None => next_assignment(out, line_end),
        },
        _ if value >= line_end => line_end,
        _ => {
            let line = out.slice(value..line_end);
            let comment = line.find(" #").map_or(line_end, |at| value + at + 1);
            out.value(value..out.trimmed(value..comment), Some(id));
            if comment < line_end {
                out.structure(comment..comment + 1);
                out.comment(comment + 1..out.trimmed(comment + 1..line_end));
            }
            line_end
        }
    }
}

/// Where the quote at `at` closes. A backslash takes the next character with it.
fn closing_quote(out: &Out<'_, '_>, at: usize, quote: u8) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match out.byte(end)? {
            b'\\' => end += 2,
            byte if byte == quote => return Some(end),
            _ => end += 1,
        }
    }
}

fn next_assignment(out: &Out<'_, '_>, mut at: usize) -> usize {
    while at < out.text.len() {
        let end = out.line_end(at + 1);
        let line = out.slice(at + 1..end).trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
        if line.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_key)) {
            return at + 1;
        }
        at = end;
    }
    at
}
