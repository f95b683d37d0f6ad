//! The passes over a text: read it; where the parser gives up, say so, blank the lines at fault and read on.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ErrorKind;

use super::build::{Builder, Stop};
use super::{Parsed, Problem, ProblemKind, Refuser, text};
use crate::source::{FileId, Span};

/// Passes after the first, and the bytes that they may read together.
const MAX_REREADS: usize = 16;
const MAX_REREAD_BYTES: usize = 4 << 20;

const MARKER: &str = "a merge of git left its marker here: keep one of the two sides";

/// Reads every document of `text`.
///
/// Blanks take the place of what is blanked, so that all spans stay those of the text. What a later pass says about the
/// structure may be a consequence of the blanking: behind the first syntax error only further ones are reported.
pub(super) fn read(file: FileId, text: &str) -> Parsed {
    if u32::try_from(text.len()).is_err() {
        let span = Span::new(file, 0, 0);
        return Parsed {
            documents: Vec::new(),
            problems: vec![limit(ProblemKind::TooLarge, span, "texts of 4 GiB and more are not read")],
        };
    }
    let parsed = passes(file, text, Cow::Borrowed(text));
    with_other_breaks(file, text, &parsed).unwrap_or(parsed)
}

/// libyaml ends a line at U+0085, U+2028 and U+2029 as well. Where they are why a text is refused, and the text reads well with
/// line feeds in their place, that is what it means.
fn with_other_breaks(file: FileId, text: &str, refused: &Parsed) -> Option<Parsed> {
    if !refused.compose_refuses() {
        return None;
    }
    let mut attempt = text.to_owned();
    let mut problems = Cow::Borrowed(&refused.problems);
    for _ in 0..MAX_REREADS.min(MAX_REREAD_BYTES / text.len().max(1)) {
        let blamed = problems.iter().filter(|problem| problem.refuser == Refuser::ComposeRefuses);
        let mut breaks: Vec<(usize, usize)> = blamed
            .flat_map(|problem| {
                let place = match problem.kind {
                    ProblemKind::Character => problem.span.range(),
                    ProblemKind::Syntax => line(&attempt, problem.span.range().start),
                    _ => 0..0,
                };
                let found = attempt.get(place.clone()).unwrap_or("").char_indices();
                found
                    .filter(|&(_, c)| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}'))
                    .map(|(at, c)| (place.start + at, c.len_utf8()))
                    .collect::<Vec<_>>()
            })
            .collect();
        breaks.sort_unstable();
        breaks.dedup();
        if breaks.is_empty() {
            return None;
        }
        for (at, width) in breaks {
            attempt.replace_range(at..at + width, &format!("{:>width$}", "\n"));
        }
        let parsed = passes(file, text, Cow::Borrowed(&attempt));
        if !parsed.compose_refuses() {
            return Some(parsed);
        }
        problems = Cow::Owned(parsed.problems);
    }
    None
}

/// Reads `attempt`, which is `text` or differs from it in what must be read otherwise, and has its length.
fn passes(file: FileId, text: &str, mut attempt: Cow<'_, str>) -> Parsed {
    let mut rereads = MAX_REREADS.min(MAX_REREAD_BYTES / text.len().max(1));
    let mut errors: Vec<Problem> = Vec::new();
    loop {
        let mut builder = Builder::new(file, text, &attempt);
        let Some(stop) = builder.run() else { return finish(builder, errors, text) };
        let patched = if rereads == 0 { None } else { patch(&attempt, &stop) };
        let next = patched.or_else(|| {
            let problem = syntax_problem(file, &attempt, &stop);
            let onward = errors.last().is_none_or(|before| before.span.start < problem.span.start);
            // Further tabs and markers are of one mistake.
            let again = errors.last().is_some_and(|before| {
                before.message == problem.message && (problem.message == MARKER || is_tab(&stop.kind))
            });
            if onward && !again {
                errors.push(problem);
            }
            if onward && rereads > 0 { blank(&attempt, &stop) } else { None }
        });
        let Some(next) = next else { return finish(builder, errors, text) };
        attempt = Cow::Owned(next);
        rereads -= 1;
    }
}

fn finish(builder: Builder<'_>, errors: Vec<Problem>, text: &str) -> Parsed {
    let (documents, mut problems) = builder.finish();
    if let Some(first) = errors.first() {
        problems.retain(|problem| problem.span.start < first.span.start);
        problems.extend(errors);
    }
    for problem in &mut problems {
        problem.span = text::on_characters(problem.span, text);
        for (span, _) in &mut problem.related {
            *span = text::on_characters(*span, text);
        }
    }
    problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    // What is no anchor's name need not be looked at as one.
    problems.dedup_by(|later, first| {
        first.kind == ProblemKind::UnknownAlias && first.span.start == later.span.start
    });
    Parsed { documents, problems }
}

/// The text changed so that the parser reads what libyaml reads and it does not.
fn patch(attempt: &str, stop: &Stop) -> Option<String> {
    match stop.kind {
        // libyaml takes a tab between brackets for a blank.
        ErrorKind::TabInBlockIndentation if stop.flow.is_some() => {
            let start = line(attempt, stop.at).start;
            let mut end = start;
            for line in attempt.get(start..)?.split_inclusive('\n') {
                let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
                if !line.get(..indent).is_some_and(|indent| indent.contains('\t')) {
                    break;
                }
                end += line.len();
            }
            let mut bytes = attempt.as_bytes().to_vec();
            let mut leading = true;
            for byte in bytes.get_mut(start..end)? {
                match byte {
                    b'\t' if leading => *byte = b' ',
                    b' ' => {}
                    b'\n' => leading = true,
                    _ => leading = false,
                }
            }
            (end > start).then(|| String::from_utf8(bytes).ok()).flatten()
        }
        // libyaml reads a comment right behind a quote or a bracket as well.
        ErrorKind::CommentNotSeparated => {
            let rest = attempt.get(stop.at..).filter(|rest| rest.starts_with('#'))?;
            let comment = rest.split(['\n', '\r']).next()?;
            let mut patched = String::with_capacity(attempt.len());
            patched.push_str(attempt.get(..stop.at)?);
            patched.extend(comment.bytes().map(|_| ' '));
            patched.push_str(rest.get(comment.len()..)?);
            Some(patched)
        }
        // libyaml knows `\'`. The scalar is decoded from the text as it is.
        ErrorKind::UnknownQuotedScalarEscape => {
            let raw = text::double_quoted(attempt.get(stop.at..)?)?;
            if text::unknown_escape(raw).is_some() {
                return None;
            }
            let mut patched = String::with_capacity(attempt.len());
            patched.push_str(attempt.get(..stop.at)?);
            let mut escaped = false;
            patched.extend(raw.chars().map(|c| {
                let quote = escaped && c == '\'';
                escaped = c == '\\' && !escaped;
                if quote { '"' } else { c }
            }));
            patched.push_str(attempt.get(stop.at + raw.len()..)?);
            (patched != attempt).then_some(patched)
        }
        // libyaml takes `-` before the end of an item between brackets for a text, which is taken from the text as it is.
        ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
            let rest = attempt.get(stop.at..)?.strip_prefix('-')?;
            if !rest.starts_with([',', ']', '}']) {
                return None;
            }
            let mut patched = String::with_capacity(attempt.len());
            patched.push_str(attempt.get(..stop.at)?);
            patched.push('_');
            patched.push_str(rest);
            Some(patched)
        }
        _ => None,
    }
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed)
}

/// The text without the lines at fault and what is indented under them. `None` where they are blank already.
fn blank(attempt: &str, stop: &Stop) -> Option<String> {
    let fault = fault(attempt, stop);
    let indent = indent(attempt.get(fault.clone())?);
    let mut end = fault.end;
    for line in attempt.get(end..)?.split_inclusive('\n').skip(1) {
        if !line.trim().is_empty() && self::indent(line) <= indent {
            break;
        }
        end += line.len();
    }
    let lines = attempt.get(fault.start..end)?;
    if lines.trim().is_empty() {
        return None;
    }
    let mut blanked = String::with_capacity(attempt.len());
    blanked.push_str(attempt.get(..fault.start)?);
    blanked.extend(lines.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
    blanked.push_str(attempt.get(end..)?);
    Some(blanked)
}

/// The lines to blame: that of a quote which closes too late; or from the outermost open bracket, or from a text that goes
/// on where a key was meant, to the error.
fn fault(attempt: &str, stop: &Stop) -> Range<usize> {
    let here = line(attempt, stop.at);
    if let Some(quote) = late_quote(attempt, stop) {
        return line(attempt, quote);
    }
    let start = match stop.flow.filter(|&flow| flow < here.start) {
        Some(flow) => line(attempt, flow).start,
        None => run_on(attempt, stop).map_or(here.start, |before| before.start),
    };
    start..here.end
}

/// The quote that opens a text on an earlier line, where the text ends at what was meant to open the next one.
fn late_quote(attempt: &str, stop: &Stop) -> Option<usize> {
    let quote = match stop.kind {
        ErrorKind::InvalidTrailingDoubleQuotedScalar => '"',
        ErrorKind::InvalidTrailingSingleQuotedScalar => '\'',
        _ => return None,
    };
    // Inside a text its quote stands escaped, so that the one before the last opens it.
    let before = attempt.get(..stop.at)?;
    let closes = before.rfind(quote)?;
    let inside = before.get(..closes)?;
    let opens = inside.rmatch_indices(quote).map(|(at, _)| at).find(|&at| {
        let escape = inside.get(..at).unwrap_or("").ends_with('\\');
        quote == '\'' || !escape
    })?;
    inside.get(opens..)?.contains('\n').then_some(opens)
}

/// The bracket that is still open where a key of a block begins: on a line that is indented no more than its own.
fn open_bracket(attempt: &str, stop: &Stop) -> Option<usize> {
    let flow = stop.flow?;
    let (opens, here) = (line(attempt, flow), line(attempt, stop.at));
    let at_end = attempt.get(stop.at..)?.trim().is_empty();
    let text = attempt.get(here.clone())?;
    let outside =
        indent(text) <= indent(attempt.get(opens.clone())?) && !text.trim_start().starts_with([']', '}']);
    (opens.start < here.start && (outside || at_end)).then_some(flow)
}

/// The line before the error where it holds a text without a colon, of which the line of the error is taken for the
/// continuation: most often a key that lacks its colon.
fn run_on(attempt: &str, stop: &Stop) -> Option<Range<usize>> {
    if !matches!(stop.kind, ErrorKind::MappingValueNotAllowed) {
        return None;
    }
    let here = line(attempt, stop.at);
    let before = line(attempt, attempt.get(..here.start)?.trim_end().len());
    let text = attempt.get(before.clone())?;
    let key = text.trim_end().ends_with(':') || text.contains(": ") || text.contains('#');
    (before.start < here.start && !key && !text.trim().is_empty()).then_some(before)
}

/// The blanks that a line begins with.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The line that holds `at`, without its line feed.
fn line(text: &str, at: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let at = at.min(bytes.len());
    let start = bytes.iter().take(at).rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    let end = bytes.iter().skip(at).position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length);
    start..end
}

fn limit(kind: ProblemKind, span: Span, message: &str) -> Problem {
    Problem { kind, message: message.to_owned(), span, related: Vec::new(), refuser: Refuser::OurLimit }
}

fn syntax_problem(file: FileId, attempt: &str, stop: &Stop) -> Problem {
    let mut at = stop.at;
    if matches!(stop.kind, ErrorKind::UnknownQuotedScalarEscape) {
        let inside = attempt.get(at..).and_then(text::unknown_escape);
        at += inside.unwrap_or(0);
    }
    let width = attempt
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .filter(|c| !c.is_control())
        .map_or(0, char::len_utf8);
    let span = Span::from_range(file, at..at + width);
    if matches!(stop.kind, ErrorKind::RecursionLimitExceeded) {
        return limit(ProblemKind::TooDeep, span, "collections are nested deeper than 255 levels");
    }
    let refuser = match stop.kind {
        ErrorKind::TabInBlockIndentation if stop.flow.is_some() => Refuser::OurLimit,
        // Where they are followed by the end of an item, only so many dashes are read again.
        ErrorKind::PlainScalarStartsWithDashFlowIndicator
            if attempt
                .get(stop.at..)
                .is_some_and(|rest| ["-,", "-]", "-}"].iter().any(|dash| rest.starts_with(dash))) =>
        {
            Refuser::OurLimit
        }
        ErrorKind::DirectiveByteLimitExceeded { .. } | ErrorKind::TooManyReservedDirectiveParams { .. } => {
            Refuser::OurLimit
        }
        _ => Refuser::ComposeRefuses,
    };
    let problem = |message: String, span, related| Problem {
        kind: ProblemKind::Syntax,
        message,
        span,
        related,
        refuser,
    };
    // Where a person has to act is where the text went wrong, not where that was noticed.
    if let Some(quote) = late_quote(attempt, stop) {
        let opens = Span::from_range(file, quote..quote + 1);
        return problem(
            "the quote that opens here does not close on its line".to_owned(),
            opens,
            vec![(span, "it closes before this, which then makes no sense")],
        );
    }
    if let Some(flow) = open_bracket(attempt, stop) {
        let opens = Span::from_range(file, flow..flow + 1);
        return problem(
            "the bracket that opens here is not closed".to_owned(),
            opens,
            vec![(span, "it is still open here")],
        );
    }
    if let Some(before) = run_on(attempt, stop) {
        let start = before.start + indent(attempt.get(before.clone()).unwrap_or(""));
        let text = attempt.get(start..before.end).unwrap_or("");
        let what = if text.contains(':') {
            "a text without `: `: a blank is missing behind the colon"
        } else {
            "a text where a key is meant: is the colon missing?"
        };
        return problem(
            what.to_owned(),
            Span::from_range(file, start..before.end),
            vec![(span, "read on to here, where `: ` cannot stand")],
        );
    }
    let related = match stop.flow.filter(|&flow| flow < at) {
        Some(flow) => vec![(Span::from_range(file, flow..flow + 1), "the bracket that is still open")],
        None => Vec::new(),
    };
    problem(explain(attempt, stop), span, related)
}

/// What the parser means, for somebody who writes a Compose file.
fn explain(attempt: &str, stop: &Stop) -> String {
    let here = attempt.get(line(attempt, stop.at)).unwrap_or("");
    if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| here.starts_with(marker)) {
        return MARKER.to_owned();
    }
    let known = match stop.kind {
        ErrorKind::MappingValueNotAllowed => {
            "`: ` cannot stand here: quote the text, or check the indentation of this line and the one before"
        }
        ErrorKind::UnclosedQuotedScalar => "the quote that opens here never closes",
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            "a tab cannot indent: use blanks"
        }
        ErrorKind::TabInPlainScalar => "a tab cannot indent the next line of a text: use blanks",
        ErrorKind::ExpectedBlockMappingKey => {
            "no key of the mapping above: check the indentation of this line"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "no `- ` item of the list above: check the indentation of this line"
        }
        ErrorKind::InvalidColonPlacement | ErrorKind::ExpectedFlowSequenceSeparator => {
            "expected `,` or `]`: a list in brackets is not closed, or an item needs quotes"
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            "expected `,` or `}`: a mapping in braces is not closed, or a value such as `${NAME}` needs quotes"
        }
        ErrorKind::UnexpectedCharacter { character } if !character.is_control() => {
            return format!("a text cannot begin with {character:?}: quote it");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return format!("the control character {character:?} cannot stand here");
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "YAML does not know this escape: write `\\\\` for a backslash, or use single quotes"
        }
        ErrorKind::MisplacedFlowCollectionEnd => "this bracket closes nothing",
        ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "this bracket is of another kind than the one it closes"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "text behind a closing quote: the quote closes too early, or the whole must be quoted"
        }
        ErrorKind::SimpleKeyExpected => {
            "neither `KEY: VALUE` nor `- ITEM`: a colon, or the blank behind `-`, is missing"
        }
        ErrorKind::MissingAnchorOrAliasName => {
            "`*` and `&` begin the name of an anchor: quote a text that begins so"
        }
        ErrorKind::ExpectedDocumentStart => {
            "the document is at its end here: what follows does not belong to it"
        }
        _ => return stop.message.clone(),
    };
    known.to_owned()
}
