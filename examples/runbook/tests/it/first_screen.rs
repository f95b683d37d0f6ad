//! What one acts on stands on the first screen of a small terminal: of every ticket of the bundled stacks and of the field.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]

use std::path::PathBuf;

use openclaw_runbook::diagnose::{Options, diagnose};
use openclaw_runbook::finding::PlaceRole;
use openclaw_runbook::gates::{Gate, State};
use openclaw_runbook::render::{self, Colour};
use openclaw_runbook::ticket::{Noted, Ticket};

use crate::support::{STACKS, root};

const COLUMNS: usize = 80;
const LINES: usize = 24;

fn tickets() -> Vec<(PathBuf, Ticket)> {
    let field = root().join("examples/runbook/tests/field");
    let of_field = std::fs::read_dir(field).unwrap().map(|entry| entry.unwrap().path());
    let bundled = STACKS.map(|stack| root().join("examples/stacks").join(stack));
    let all = of_field.filter(|path| path.is_dir()).chain(bundled);
    // The name on the ticket is as short as whoever stands beside the stack has it.
    let ticket = |path: PathBuf| {
        let mut ticket = diagnose(&path, Options::default()).ok()?;
        ticket.stack = format!("./{}", path.file_name()?.to_str()?);
        Some((path, ticket))
    };
    all.filter_map(ticket).collect()
}

/// What a terminal shows before anybody scrolls, its blanks made one.
fn first_screen(ticket: &Ticket) -> String {
    let page = render::text(ticket, Colour::Off, COLUMNS);
    let mut rows = Vec::new();
    for line in page.as_str().lines() {
        let characters: Vec<char> = line.chars().collect();
        let parts = characters.chunks(COLUMNS).map(|part| part.iter().collect::<String>());
        rows.extend(parts);
        if line.is_empty() {
            rows.push(String::new());
        }
    }
    rows.truncate(LINES);
    // What the terminal broke is one word.
    let joined =
        rows.iter().map(|row| if row.chars().count() == COLUMNS { row.clone() } else { format!("{row}\n") });
    plain(&joined.collect::<String>())
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What must stand there of the finding that leads.
fn acted_on(noted: &Noted) -> Vec<String> {
    let finding = &noted.finding;
    let decided = finding.places.iter().find(|place| place.role == PlaceRole::Decided);
    let decided = decided.map(|place| format!("decided {}", place.file));
    let of_step = noted.steps.iter().find_map(|step| step.command.as_ref());
    let of_remedy = finding.remedy.as_ref().and_then(|remedy| remedy.command.as_ref());
    let command = if noted.steps.is_empty() { noted.mend.as_ref().or(of_remedy) } else { of_step };
    let command = command.and_then(|command| command.lines().next()).map(|line| format!("$ {line}"));
    [Some(finding.code.to_string()), Some(finding.summary.clone()), decided, command]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn what_one_acts_on_is_on_the_first_screen() {
    let mut wrong = Vec::new();
    let tickets = tickets();
    assert!(tickets.len() > 90, "{}", tickets.len());
    for (path, ticket) in &tickets {
        let screen = first_screen(ticket);
        let ticket = ticket.pasted();
        let mut expected = vec![ticket.verdict.word().to_owned()];
        match (ticket.lead().and_then(|lead| ticket.finding(lead)), ticket.missing.first()) {
            (Some(noted), _) => expected.extend(acted_on(noted)),
            (None, Some(missing)) => expected.push(missing.clone()),
            (None, None) => {}
        }
        expected.extend(ticket.first_cause.iter().flat_map(|cause| &cause.clients).cloned());
        for text in expected.iter().filter(|text| !screen.contains(&plain(text))) {
            wrong.push(format!("{}: {text}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_question_mark_has_its_reason_beside_it() {
    for (path, ticket) in tickets() {
        let page = render::text(&ticket, Colour::Off, COLUMNS);
        for gate in Gate::all() {
            let Some(row) = ticket.row(gate) else { continue };
            let reasons = ticket.unseen(gate);
            assert_eq!(
                row.contains(&Some(State::Unknown)),
                !reasons.is_empty(),
                "{}: {gate}",
                path.display()
            );
            let (_, after) = page.as_str().split_once(&format!("\n  {} ", gate.title())).unwrap();
            let (_, beside) = after.split_once('\n').unwrap();
            let beside = plain(beside);
            let expected = plain(&reasons.join(" "));
            assert!(beside.starts_with(&expected), "{}: {gate}: {expected:?}\n{beside}", path.display());
        }
    }
}
