//! What of a text is shown: structure, names, harmless values and what is asked about. The rest is masked.

use std::ops::Range;

use super::lex::{Kind, Lexed, NameId};
use super::secret::looks_secret;
use super::{harmless, prose};

/// How many parts a place may hold to be about one of them.
const FEW: usize = 16;

/// The ranges within `range` that may be shown, in order. `about` are the places that are asked about: of the values there,
/// the one of each place is shown as far as it does not look like a secret. `marked` says which bytes are one.
pub(super) fn visible(
    text: &str,
    lexed: &Lexed,
    range: &Range<usize>,
    about: &[Range<usize>],
    marked: impl Fn(&Range<usize>) -> bool,
) -> Vec<Range<usize>> {
    let asked: Vec<usize> = about.iter().filter_map(|place| the_value(text, lexed, place)).collect();
    let mut out = Vec::new();
    for at in lexed.within(range) {
        let Some(part) = lexed.parts.get(at) else { continue };
        let bytes = part.range();
        match part.kind {
            Kind::Structure => out.push(bytes),
            Kind::Name => out.extend(Some(bytes.clone()).filter(|_| harmless::is_name(slice(text, &bytes)))),
            Kind::Comment => {}
            Kind::Value(of) => {
                let mut parts = of_value(text, lexed, at, of);
                if asked.contains(&at) && !marked(&bytes) && !lexed.names(text, of).any(names_secret) {
                    parts.extend(prose::visible(slice(text, &bytes)));
                }
                out.extend(parts.into_iter().map(|part| bytes.start + part.start..bytes.start + part.end));
            }
        }
    }
    joined(out, range)
}

/// What is shown of a text that this crate wrote.
pub(super) fn of_own(text: &str) -> Vec<Range<usize>> {
    let mut parts = prose::visible(text);
    parts.extend(harmless::visible(text, None, None));
    joined(parts, &(0..text.len()))
}

/// A section of a Compose file: it names secrets, and holds none.
fn names_secret(name: &str) -> bool {
    looks_secret(name) && name != "secrets"
}

/// The value that a place is about: the one in it that is not harmless anyway, where there is but one.
fn the_value(text: &str, lexed: &Lexed, place: &Range<usize>) -> Option<usize> {
    let parts = lexed.within(place);
    if place.is_empty() || parts.len() > FEW {
        return None;
    }
    let mut hidden = parts.filter(|at| {
        let Some(part) = lexed.parts.get(*at) else { return false };
        let Kind::Value(of) = part.kind else { return false };
        let bytes = part.range();
        joined(of_value(text, lexed, *at, of), &(0..bytes.len()))
            .first()
            .is_none_or(|shown| shown.len() < bytes.len())
    });
    hidden.next().filter(|_| hidden.next().is_none())
}

/// The parts of a value that are harmless.
fn of_value(text: &str, lexed: &Lexed, at: usize, of: Option<NameId>) -> Vec<Range<usize>> {
    let Some(part) = lexed.parts.get(at) else { return Vec::new() };
    let shape = lexed.names(text, of).next().and_then(harmless::shape);
    let value = slice(text, &part.range());
    // Of a command line in words, the word before.
    let before = lexed
        .parts
        .get(..at)
        .and_then(|before| before.iter().rev().find(|part| part.kind != Kind::Structure));
    let before = before.filter(|before| before.kind == part.kind).map(|before| slice(text, &before.range()));
    let before = before.and_then(|before| before.split_whitespace().next_back());
    harmless::visible(value, shape, before)
}

/// The ranges in order, those that meet joined, cut to what is asked for.
fn joined(mut ranges: Vec<Range<usize>>, within: &Range<usize>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let range = range.start.max(within.start)..range.end.min(within.end);
        match out.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// The ranges without the bytes of others; both in order.
pub(super) fn without(ranges: &[Range<usize>], holes: &[(u32, u32)]) -> Vec<Range<usize>> {
    let mut out = Vec::with_capacity(ranges.len());
    let mut holes = holes.iter().map(|&(start, end)| start as usize..end as usize).peekable();
    for range in ranges {
        let mut at = range.start;
        while let Some(hole) = holes.next_if(|hole| hole.end <= range.end) {
            out.push(at..hole.start.max(at));
            at = hole.end.max(at);
        }
        let end = holes.peek().map_or(range.end, |hole| hole.start.clamp(at, range.end));
        out.push(at..end);
    }
    out.retain(|range| !range.is_empty());
    out
}

fn slice<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or_default()
}

/// A run of bytes of a text, shown or masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) bytes: Range<usize>,
    pub(super) masked: bool,
}

/// The bytes of `range` in runs. Blanks at the ends of a masked run and every line break are shown: they are layout.
pub(super) fn runs(text: &str, range: &Range<usize>, visible: &[Range<usize>]) -> Vec<Run> {
    let mut out = Vec::new();
    let mut at = range.start;
    for shown in visible {
        hidden(text, at..shown.start, &mut out);
        push(&mut out, shown.clone(), false);
        at = shown.end;
    }
    hidden(text, at..range.end, &mut out);
    out
}

fn hidden(text: &str, range: Range<usize>, out: &mut Vec<Run>) {
    let mut at = range.start;
    for line in slice(text, &range).split_inclusive('\n') {
        let trimmed = line.trim_ascii();
        let lead = line.len() - line.trim_ascii_start().len();
        push(out, at..at + lead, false);
        push(out, at + lead..at + lead + trimmed.len(), true);
        push(out, at + lead + trimmed.len()..at + line.len(), false);
        at += line.len();
    }
}

fn push(out: &mut Vec<Run>, bytes: Range<usize>, masked: bool) {
    match out.last_mut() {
        _ if bytes.is_empty() => {}
        Some(last) if last.masked == masked && last.bytes.end == bytes.start => last.bytes.end = bytes.end,
        _ => out.push(Run { bytes, masked }),
    }
}
