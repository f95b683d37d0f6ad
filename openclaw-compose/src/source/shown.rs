//! What of a text is shown: structure, names, harmless values and what is asked about. The rest is masked.

use std::ops::Range;

use super::format::Format;
use super::lex::{self, Kind, Lexed};
use super::{harmless, message, prose};

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
            Kind::Said | Kind::Value(_) => {
                let named = matches!(part.kind, Kind::Value(of) if lexed.is_secret(of));
                let mut parts = of_value(text, lexed, at);
                if asked.contains(&at) && !marked(&bytes) && !named {
                    let value = slice(text, &bytes);
                    let said = joined(prose::visible(value, prose::Words::Any), &(0..value.len()));
                    parts.extend(without(&said, message::hidden_in(value).into_iter()));
                }
                out.extend(parts.into_iter().map(|part| bytes.start + part.start..bytes.start + part.end));
            }
        }
    }
    joined(out, range)
}

/// What is shown of a text that this crate wrote.
pub(super) fn of_own(text: &str) -> Vec<Range<usize>> {
    let mut parts = prose::visible(text, prose::Words::Any);
    parts.extend(harmless::visible(text, None, None));
    joined(parts, &(0..text.len()))
}

/// What is shown of a value under a name, wherever it stands.
pub(super) fn of_named(name: &str, value: &str, before: Option<&str>) -> Vec<Range<usize>> {
    joined(harmless::visible(value, harmless::shape(name), before), &(0..value.len()))
}

/// The value that a place is about: the one in it that is not harmless anyway, where there is but one.
fn the_value(text: &str, lexed: &Lexed, place: &Range<usize>) -> Option<usize> {
    let parts = lexed.within(place);
    if place.is_empty() || parts.len() > FEW {
        return None;
    }
    let mut hidden = parts.filter(|at| {
        let Some(part) = lexed.parts.get(*at) else { return false };
        if !matches!(part.kind, Kind::Said | Kind::Value(_)) {
            return false;
        }
        let bytes = part.range();
        joined(of_value(text, lexed, *at), &(0..bytes.len()))
            .first()
            .is_none_or(|shown| shown.len() < bytes.len())
    });
    hidden.next().filter(|_| hidden.next().is_none())
}

/// The parts of a value that are harmless.
fn of_value(text: &str, lexed: &Lexed, at: usize) -> Vec<Range<usize>> {
    let Some(part) = lexed.parts.get(at) else { return Vec::new() };
    let value = slice(text, &part.range());
    let Kind::Value(of) = part.kind else { return prose::visible(value, prose::Words::Plain) };
    let shape = lexed.name(text, of).and_then(harmless::shape);
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
pub(super) fn without(
    ranges: &[Range<usize>],
    holes: impl Iterator<Item = Range<usize>>,
) -> Vec<Range<usize>> {
    let mut out = Vec::with_capacity(ranges.len());
    let mut holes = holes.peekable();
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

/// A run of bytes of a text and whether they may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// The bytes. Unless they are shown, they hold no line break and begin and end with no blank.
    pub bytes: Range<usize>,
    /// What they are.
    pub kind: RunKind,
}

/// What the bytes of a [`Run`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunKind {
    /// Layout, punctuation, a name, or a value that is known to be harmless.
    Shown,
    /// A name that may be a secret in its place.
    Name,
    /// A value, or the part of one that is not harmless.
    Value {
        /// Whether its name, or one around it, says that it is a secret.
        secret: bool,
    },
    /// What the format gives no meaning.
    Comment,
    /// What could not be lexed.
    Unknown,
}

/// A whole text in runs, for a copy of it without secrets. [`Sources::quote`] shows what is [`RunKind::Shown`] here.
///
/// ```
/// use openclaw_compose::source::{Format, RunKind, runs};
///
/// let text = "OPENCLAW_IMAGE=openclaw:2026.9.6\nTOKEN=abc # mine\n";
/// let hidden = runs(text, Format::Dotenv).into_iter().filter(|run| run.kind != RunKind::Shown);
/// let hidden: Vec<_> = hidden.map(|run| (&text[run.bytes], run.kind)).collect();
/// assert_eq!(hidden, [("abc", RunKind::Value { secret: true }), ("mine", RunKind::Comment)]);
/// ```
///
/// [`Sources::quote`]: super::Sources::quote
#[must_use]
pub fn runs(text: &str, format: Format) -> Vec<Run> {
    let lexed = lex::lex(text, format);
    let mut out = Vec::new();
    let mut at = 0;
    for (number, part) in lexed.parts.iter().enumerate() {
        let bytes = part.range();
        hidden(text, at..bytes.start, RunKind::Unknown, &mut out);
        at = bytes.end;
        let (visible, kind) = match part.kind {
            Kind::Structure => (vec![bytes.clone()], RunKind::Shown),
            Kind::Name if harmless::is_name(slice(text, &bytes)) => (vec![bytes.clone()], RunKind::Shown),
            Kind::Name => (Vec::new(), RunKind::Name),
            Kind::Comment => (Vec::new(), RunKind::Comment),
            Kind::Said | Kind::Value(_) => {
                let secret = matches!(part.kind, Kind::Value(of) if lexed.is_secret(of));
                let visible = of_value(text, &lexed, number).into_iter();
                let visible = visible.map(|part| bytes.start + part.start..bytes.start + part.end);
                (joined(visible.collect(), &bytes), RunKind::Value { secret })
            }
        };
        masked(text, &bytes, &visible, kind, &mut out);
    }
    hidden(text, at..text.len(), RunKind::Unknown, &mut out);
    out
}

/// The bytes of `range` in runs: what is visible and what is of another kind. Blanks at the ends of a hidden run and every
/// line break are shown: they are layout.
pub(super) fn masked(
    text: &str,
    range: &Range<usize>,
    visible: &[Range<usize>],
    kind: RunKind,
    out: &mut Vec<Run>,
) {
    let mut at = range.start;
    for shown in visible {
        hidden(text, at..shown.start, kind, out);
        push(out, shown.clone(), RunKind::Shown);
        at = shown.end;
    }
    hidden(text, at..range.end, kind, out);
}

fn hidden(text: &str, range: Range<usize>, kind: RunKind, out: &mut Vec<Run>) {
    let mut at = range.start;
    for line in slice(text, &range).split_inclusive('\n') {
        let trimmed = line.trim_ascii();
        let lead = line.len() - line.trim_ascii_start().len();
        push(out, at..at + lead, RunKind::Shown);
        push(out, at + lead..at + lead + trimmed.len(), kind);
        push(out, at + lead + trimmed.len()..at + line.len(), RunKind::Shown);
        at += line.len();
    }
}

fn push(out: &mut Vec<Run>, bytes: Range<usize>, kind: RunKind) {
    match out.last_mut() {
        _ if bytes.is_empty() => {}
        Some(last) if last.kind == kind && last.bytes.end == bytes.start => last.bytes.end = bytes.end,
        _ => out.push(Run { bytes, kind }),
    }
}
