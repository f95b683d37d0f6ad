//! The ticket for an issue tracker.
//!
//! Foreign words stand outside code only if they are plain words; everything else goes into code, inline with a longer
//! run of backticks than it holds, or in a fence longer than any run inside. So no stack can put a link, a mention, a
//! heading or markup on somebody's ticket.

use std::fmt::Write;

use super::{headline, position, role};
use crate::finding::Confidence;
use crate::gates::{Gate, State};
use crate::ticket::{Noted, Ticket};

/// Renders the ticket as Markdown.
#[must_use]
pub fn markdown(ticket: &Ticket) -> String {
    let ticket = &*ticket.pasted();
    let mut out = String::new();
    let _ = writeln!(out, "## {}: {}\n", ticket.verdict.word(), heading(&headline(ticket)));
    let mut facts =
        vec![format!("stack {}", code(&ticket.stack)), format!("openclaw {}", code(&ticket.openclaw))];
    facts.extend(ticket.compose.as_ref().map(|compose| format!("compose {}", code(compose))));
    facts.extend(ticket.host.as_ref().map(|host| format!("host {}", code(host))));
    facts.extend(ticket.at.as_ref().map(|at| format!("at {}", code(at))));
    let _ = writeln!(out, "{}\n", facts.join(", "));
    if let Some(noted) = ticket.cause() {
        finding(&mut out, noted);
    }
    gates(&mut out, ticket);
    for ladder in &ticket.ladders {
        let _ = writeln!(out, "Climbed: {}\n", prose(&ladder.sentence()));
    }
    let others = ticket.others().into_iter().map(|(_, noted)| noted);
    section(&mut out, "Also shut, or next behind the first cause", others);
    section(&mut out, "Advisories", ticket.advisories.iter().filter_map(|&id| ticket.finding(id)));
    if !ticket.evidence.is_empty() {
        let read: Vec<String> = ticket.evidence.iter().map(|text| code(text)).collect();
        let _ = writeln!(out, "Read: {}\n", read.join(", "));
    }
    for missing in &ticket.missing {
        let _ = writeln!(out, "Not seen: {}\n", prose(missing));
    }
    let _ = writeln!(out, "Exit status {}.", ticket.exit);
    out
}

fn finding(out: &mut String, noted: &Noted) {
    let finding = &noted.finding;
    let inferred = if finding.confidence == Confidence::Inferred { " (inferred)" } else { "" };
    let _ = writeln!(out, "**{}**{inferred}\n", code(&finding.code.to_string()));
    let _ = writeln!(out, "{}\n", prose(&finding.summary));
    for (index, place) in finding.places.iter().enumerate() {
        let _ = writeln!(out, "- {} {}", role(place.role), code(&position(place)));
        if let Some(excerpt) = noted.excerpts.iter().find(|excerpt| excerpt.place == index) {
            let _ = write!(out, "\n{}\n", indent(&fence("", &excerpt.text), "  "));
        }
    }
    if !finding.places.is_empty() {
        out.push('\n');
    }
    for evidence in &finding.evidence {
        let _ = writeln!(out, "- because {}", prose(evidence));
    }
    if !finding.evidence.is_empty() {
        out.push('\n');
    }
    if let Some(remedy) = finding.remedy.as_ref().filter(|_| noted.steps.is_empty()) {
        let _ = writeln!(out, "Next ({}): {}\n", remedy.safety.words(), prose(&remedy.text));
        if !noted.changes.is_empty() {
            let _ = writeln!(out, "{}", fence("diff", &noted.changes.join("\n")));
        }
        let commands: Vec<&str> = noted.mend.iter().chain(&remedy.command).map(String::as_str).collect();
        if !commands.is_empty() {
            let _ = writeln!(out, "{}", fence("sh", &commands.join("\n")));
        }
    }
    for (index, step) in noted.steps.iter().enumerate() {
        let _ = writeln!(out, "{}. {}\n", index + 1, prose(&step.text));
        if let Some(command) = &step.command {
            let _ = writeln!(out, "{}", indent(&fence("sh", command), "   "));
        }
    }
}

fn gates(out: &mut String, ticket: &Ticket) {
    if ticket.clients.is_empty() {
        out.push_str("No client of the gateway was found in this stack.\n\n");
        return;
    }
    out.push_str("| gate |");
    for client in &ticket.clients {
        let _ = write!(out, " {} |", cell(&client.client.name));
    }
    out.push_str("\n| --- |");
    out.push_str(&" --- |".repeat(ticket.clients.len()));
    out.push('\n');
    for gate in Gate::all() {
        let Some(cells) = ticket.row(gate) else { continue };
        let _ = write!(out, "| {gate} |");
        for state in cells {
            let word = match state {
                Some(State::Red) => "**RED**",
                Some(other) => other.word(),
                None => "-",
            };
            let _ = write!(out, " {word} |");
        }
        out.push('\n');
    }
    out.push('\n');
}

fn section<'a>(out: &mut String, title: &str, findings: impl Iterator<Item = &'a Noted>) {
    let mut findings = findings.peekable();
    if findings.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "### {title}\n");
    for noted in findings {
        let finding = &noted.finding;
        let place =
            finding.primary().map(|place| format!(" at {}", code(&position(place)))).unwrap_or_default();
        let label = noted.gate.map_or(finding.severity.word(), Gate::key);
        let title = code(&finding.code.to_string());
        let _ = writeln!(out, "- {label} {title}{place}: {}", prose(&finding.summary));
    }
    out.push('\n');
}

/// Inline code that nothing inside can close.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Plain words as they are, runs of anything else as inline code.
fn prose(text: &str) -> String {
    let mut words: Vec<(bool, String)> = Vec::new();
    for word in text.split_whitespace() {
        let plain = is_plain(word);
        match words.last_mut() {
            Some((false, run)) if !plain => {
                run.push(' ');
                run.push_str(word);
            }
            _ => words.push((plain, word.to_owned())),
        }
    }
    let words: Vec<String> =
        words.into_iter().map(|(plain, word)| if plain { word } else { code_before_stop(&word) }).collect();
    words.join(" ")
}

/// A word that no Markdown reader makes anything of: letters, digits and inner or closing punctuation of prose.
fn is_plain(word: &str) -> bool {
    let www = word.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www."));
    let body = word.trim_start_matches('(').trim_end_matches(['.', ',', ';', ':', ')', '?', '\'']);
    !www && body
        .chars()
        .enumerate()
        .all(|(at, c)| c.is_alphanumeric() || (at > 0 && matches!(c, '-' | '\'' | '/')))
        && !word.is_empty()
        && !word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ')')
        || word.chars().all(|c| c.is_ascii_digit())
}

/// Inline code with the sentence's own comma or full stop outside.
fn code_before_stop(word: &str) -> String {
    let body = word.trim_end_matches(['.', ',', ';', ':']);
    if body.is_empty() { code(word) } else { format!("{}{}", code(body), &word[body.len()..]) }
}

/// Inline code inside a table, where a pipe ends the cell even in code.
fn cell(text: &str) -> String {
    code(&text.replace('|', "\u{2502}"))
}

/// The headline holds service names; only harmless characters of them may stand outside code.
fn heading(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ',' | '(' | ')' | ':' | '/') {
                c
            } else {
                '?'
            }
        })
        .collect()
}

/// A fenced block that nothing inside can close.
fn fence(language: &str, text: &str) -> String {
    let ticks = "`".repeat(longest_run(text, '`').max(2) + 1);
    format!("{ticks}{language}\n{text}\n{ticks}\n")
}

fn indent(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

fn longest_run(text: &str, of: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_be_closed_from_inside() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a `b` c"), "``a `b` c``");
        assert_eq!(code("`` `"), "``` `` ` ```");
        assert_eq!(cell("a|b"), "`a\u{2502}b`");
        assert!(fence("sh", "x\n````\ny").starts_with("`````sh\n"));
    }

    #[test]
    fn prose_keeps_plain_words_and_fences_the_rest() {
        assert_eq!(
            prose("The gateway enforces B, openclaw-cli sends A."),
            "The gateway enforces B, openclaw-cli sends A."
        );
        assert_eq!(prose("see @all #1 now"), "see `@all #1` now");
        assert_eq!(prose("go to http://x.test."), "go to `http://x.test`.");
        assert_eq!(prose("www.x.test <b> *x* 1. a_b"), "`www.x.test <b> *x* 1. a_b`");
        assert_eq!(prose("- x"), "`-` x");
    }

    #[test]
    fn a_heading_holds_no_markup() {
        assert_eq!(heading("@all <b> [x](y) #1"), "?all ?b? ?x?(y) ?1");
    }
}
