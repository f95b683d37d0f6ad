//! The ticket for a terminal: what one acts on is on its first screen, then come the gates, then everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::RangeInclusive;

use super::{headline, meaning, position, role};
use crate::finding::{Code, Confidence, PlaceRole, Severity};
use crate::gates::{FindingId, Gate, State};
use crate::output::{Paint, Styled};
use crate::ticket::{Excerpt, Noted, Ticket, Verdict};

/// Where long lines are broken if nobody says otherwise.
pub const WIDTH: usize = 100;
/// No terminal makes the lines shorter or longer than this.
const WIDTHS: RangeInclusive<usize> = 60..=120;
/// The most codes shown among the advisories; the rest is counted.
const ADVISORIES: usize = 5;
/// The most lines of evidence under one finding.
const EVIDENCE: usize = 5;

/// Whether to colour. The words say everything that the colours do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// SGR codes.
    On,
    /// Plain text.
    Off,
}

/// Renders the ticket for a terminal of so many columns. Commands are never broken, however long they are.
#[must_use]
pub fn text(ticket: &Ticket, colour: Colour, width: usize) -> Styled {
    let ticket = &*ticket.pasted();
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let mut page = Page { out: Styled::new(), colour, width };
    page.head(ticket);
    match ticket.lead().and_then(|lead| ticket.finding(lead)) {
        Some(noted) => page.finding(noted),
        None if ticket.missing.is_empty() => {}
        None => {
            page.missing(ticket);
            page.blank();
        }
    }
    page.gates(ticket);
    page.ladders(ticket);
    page.others(ticket);
    page.advisories(ticket);
    page.foot(ticket);
    page.out
}

struct Page {
    out: Styled,
    colour: Colour,
    width: usize,
}

impl Page {
    fn paint(&self, paint: Paint, text: &str) -> Styled {
        match self.colour {
            Colour::On => Styled::painted(paint, text),
            Colour::Off => Styled::from(text),
        }
    }

    fn line(&mut self, line: impl Into<Styled>) {
        self.out += &line.into().trim_end();
        self.out += "\n";
    }

    fn blank(&mut self) {
        self.out += "\n";
    }

    /// A paragraph under a label of at most eight characters.
    fn labelled(&mut self, label: &str, text: &str) {
        let mut label = format!("  {label:<9}");
        for line in wrap(text, self.width - 11) {
            self.line(format!("{label}{line}"));
            label = " ".repeat(11);
        }
    }

    fn head(&mut self, ticket: &Ticket) {
        let verdict = match ticket.verdict {
            Verdict::Red => Paint::Red,
            Verdict::Green => Paint::Green,
            Verdict::Open => Paint::Yellow,
        };
        let verdict = self.paint(verdict, ticket.verdict.word());
        let headline = self.paint(Paint::Bold, &headline(ticket));
        self.line(verdict + "  " + &headline);
        let mut facts = vec![ticket.stack.clone(), format!("openclaw {}", ticket.openclaw)];
        facts.extend(ticket.compose.as_ref().map(|compose| format!("compose {compose}")));
        facts.extend(ticket.host.as_ref().map(|host| format!("host {host}")));
        facts.extend(ticket.at.clone());
        for line in fill(facts.into_iter(), "  |  ", self.width) {
            let facts = self.paint(Paint::Dim, &line);
            self.line(facts);
        }
        self.blank();
    }

    fn finding(&mut self, noted: &Noted) {
        let finding = &noted.finding;
        let title = self.paint(Paint::Bold, &finding.code.to_string());
        let inferred = if finding.confidence == Confidence::Inferred { "  (inferred)" } else { "" };
        self.line(title + inferred);
        for line in wrap(&finding.summary, self.width - 2) {
            self.line(format!("  {line}"));
        }
        self.places(noted, |role| role == PlaceRole::Decided);
        self.next(noted);
        self.basis(noted);
        self.blank();
    }

    /// What its next step changes, and what else it rests on.
    fn basis(&mut self, noted: &Noted) {
        let finding = &noted.finding;
        let is_beside = |role| role != PlaceRole::Decided;
        let stands_beside = finding.places.iter().any(|place| is_beside(place.role));
        let changes = if noted.steps.is_empty() { noted.changes.as_slice() } else { &[] };
        if stands_beside || !changes.is_empty() || !finding.evidence.is_empty() {
            self.blank();
        }
        for (index, line) in changes.iter().enumerate() {
            let label = if index == 0 { "changes" } else { "" };
            self.line(format!("  {label:<9}{line}"));
        }
        self.places(noted, is_beside);
        for (index, evidence) in finding.evidence.iter().take(EVIDENCE).enumerate() {
            self.labelled(if index == 0 { "because" } else { "" }, evidence);
        }
        if finding.evidence.len() > EVIDENCE {
            self.labelled(
                "",
                &format!("and {} more lines (--format json)", finding.evidence.len() - EVIDENCE),
            );
        }
    }

    /// The next step: words, and commands to paste; or several steps in order.
    fn next(&mut self, noted: &Noted) {
        if noted.finding.remedy.is_some() || !noted.steps.is_empty() {
            self.blank();
        }
        if !noted.steps.is_empty() {
            for (index, step) in noted.steps.iter().enumerate() {
                let text = format!("{}. {}", index + 1, step.text.trim_end_matches('.'));
                self.labelled(if index == 0 { "next" } else { "then" }, &text);
                self.commands(step.command.as_deref());
            }
            return;
        }
        let Some(remedy) = &noted.finding.remedy else { return };
        self.labelled("next", &format!("{} ({})", remedy.text.trim_end_matches('.'), remedy.safety.words()));
        self.commands(noted.mend.as_deref());
        self.commands(remedy.command.as_deref());
    }

    fn commands(&mut self, command: Option<&str>) {
        for line in command.into_iter().flat_map(str::lines) {
            let command = self.paint(Paint::Bold, &format!("$ {line}"));
            self.line(Styled::from("           ") + &command);
        }
    }

    /// The places of these roles, each with its line.
    fn places(&mut self, noted: &Noted, shown: impl Fn(PlaceRole) -> bool) {
        for (index, place) in noted.finding.places.iter().enumerate().filter(|(_, place)| shown(place.role)) {
            let position = position(place);
            let marked = match place.role {
                PlaceRole::Decided => self.paint(Paint::Bold, &position),
                PlaceRole::Shadowed | PlaceRole::Related => Styled::from(position),
            };
            self.line(Styled::from(format!("  {:<9}", role(place.role))) + &marked);
            let Some(excerpt) = noted.excerpts.iter().find(|excerpt| excerpt.place == index) else {
                continue;
            };
            let number = place.line.to_string();
            let room = self.width.saturating_sub(11 + number.len() + 3);
            let (text, from, to) = window(excerpt, room);
            self.line(format!("           {number} | {text}"));
            let blank = " ".repeat(number.len());
            let before = " ".repeat(from);
            let mark = self.paint(Paint::Yellow, &"^".repeat(to.saturating_sub(from).max(1)));
            self.line(Styled::from(format!("           {blank} | {before}")) + &mark);
        }
    }

    fn gates(&mut self, ticket: &Ticket) {
        if ticket.clients.is_empty() {
            self.line("No client of the gateway was found in this stack.");
            self.blank();
            return;
        }
        let left = Gate::all().map(|gate| gate.title().len()).max().unwrap_or_default() + 2;
        let widths: Vec<usize> =
            ticket.clients.iter().map(|client| client.client.name.chars().count().max(7) + 2).collect();
        let mut header = format!("  {:<left$}", "gates");
        for (client, width) in ticket.clients.iter().zip(&widths) {
            let _ = write!(header, "{:<width$}", client.client.name);
        }
        let header = self.paint(Paint::Bold, header.trim_end());
        self.line(header);
        for gate in Gate::all() {
            let Some(cells) = ticket.row(gate) else { continue };
            let mut row = Styled::from(format!("  {:<left$}", gate.title()));
            for (cell, width) in cells.iter().zip(&widths) {
                let word = cell.map_or("-", State::word);
                let padding = " ".repeat(width.saturating_sub(word.len()));
                let painted = match cell {
                    Some(State::Green) => self.paint(Paint::Green, word),
                    Some(State::Red) => self.paint(Paint::Red, word),
                    _ => self.paint(Paint::Dim, word),
                };
                row += &painted;
                row += padding.as_str();
            }
            self.line(row);
            let room = self.width.saturating_sub(left + 2);
            for line in ticket.unseen(gate).iter().flat_map(|why| wrap(why, room)) {
                let why = self.paint(Paint::Dim, &line);
                self.line(Styled::from(" ".repeat(left + 2)) + &why);
            }
        }
        self.blank();
    }

    /// How far up the gateway answers, from where.
    fn ladders(&mut self, ticket: &Ticket) {
        for (index, ladder) in ticket.ladders.iter().enumerate() {
            self.labelled(if index == 0 { "ladders" } else { "" }, &ladder.sentence());
        }
        if !ticket.ladders.is_empty() {
            self.blank();
        }
    }

    /// What would show more.
    fn missing(&mut self, ticket: &Ticket) {
        for (index, missing) in ticket.missing.iter().enumerate() {
            // Most of them are commands.
            let label = if index == 0 { "not seen" } else { "" };
            self.line(format!("  {label:<9}{missing}"));
        }
    }

    /// Red findings beside the first cause, and what waits behind it.
    fn others(&mut self, ticket: &Ticket) {
        let others = ticket.others();
        if others.is_empty() {
            return;
        }
        let title = self.paint(Paint::Bold, "  also shut, or next behind the first cause");
        self.line(title);
        for (gate, noted) in others {
            self.short(noted, gate.key());
        }
        self.blank();
    }

    /// A line for each code, worst first. An error keeps a ticket from being green, so that it is said in full.
    fn advisories(&mut self, ticket: &Ticket) {
        let codes = by_code(ticket);
        if codes.is_empty() {
            return;
        }
        let title = self.paint(Paint::Bold, "  advisories");
        self.line(title);
        for of_code in codes.iter().take(ADVISORIES) {
            match of_code.as_slice() {
                [noted] if noted.finding.severity == Severity::Error => {
                    self.short(noted, Severity::Error.word());
                }
                _ => self.advisory(of_code),
            }
        }
        if codes.len() > ADVISORIES {
            self.line(format!("  and {} more (--format json)", codes.len() - ADVISORIES));
        }
        self.blank();
    }

    /// What has one code, on one line: the sentence of a single finding with its place, where that fits; else how many there are
    /// and what each points at.
    fn advisory(&mut self, of_code: &[&Noted]) {
        let Some(first) = of_code.first().map(|noted| &noted.finding) else { return };
        let code = first.code.to_string();
        let room = self.width.saturating_sub(11 + code.len() + 2);
        let said = match of_code {
            [_] => {
                let place = first.primary().map(|place| format!("  {}", position(place))).unwrap_or_default();
                let whole = format!("{}{place}", first.summary);
                if whole.chars().count() <= room { whole } else { cut(&first.summary, room) }
            }
            _ => {
                let mut seen = BTreeSet::new();
                let named =
                    of_code.iter().map(|noted| pointed_at(noted)).filter(|text| seen.insert(text.clone()));
                let named = named.collect::<Vec<_>>().join(", ");
                cut(&format!("{} times: {named}", of_code.len()), room)
            }
        };
        let label = self.label(first.severity, first.severity.word());
        self.line(Styled::from("  ") + &label + format!("{code}  {said}").as_str());
    }

    fn short(&mut self, noted: &Noted, label: &str) {
        let finding = &noted.finding;
        let place = finding.primary().map(|place| format!("  {}", position(place))).unwrap_or_default();
        let label = self.label(finding.severity, label);
        self.line(Styled::from("  ") + &label + format!("{}{place}", finding.code).as_str());
        for line in wrap(&finding.summary, self.width - 11) {
            self.line(format!("           {line}"));
        }
    }

    fn label(&self, severity: Severity, label: &str) -> Styled {
        let paint = match severity {
            Severity::Error => Paint::Red,
            Severity::Warning => Paint::Yellow,
            Severity::Info => Paint::Dim,
        };
        self.paint(paint, &format!("{label:<9}"))
    }

    fn foot(&mut self, ticket: &Ticket) {
        if !ticket.evidence.is_empty() {
            self.labelled("read", &ticket.evidence.join(", "));
        }
        if ticket.lead().is_some() {
            self.missing(ticket);
        }
        self.labelled("exit", &format!("{} ({})", ticket.exit, meaning(ticket)));
    }
}

/// The advisories of each code together, the code of the worst first.
fn by_code(ticket: &Ticket) -> Vec<Vec<&Noted>> {
    let mut at: BTreeMap<Code, usize> = BTreeMap::new();
    let mut codes: Vec<Vec<&Noted>> = Vec::new();
    let shown_first = |id: &&FindingId| Some(**id) != ticket.lead();
    for noted in ticket.advisories.iter().filter(shown_first).filter_map(|&id| ticket.finding(id)) {
        let index = *at.entry(noted.finding.code).or_insert(codes.len());
        match codes.get_mut(index) {
            Some(of_code) => of_code.push(noted),
            None => codes.push(vec![noted]),
        }
    }
    codes
}

/// What a finding underlines, or else where it is, or else what it says.
fn pointed_at(noted: &Noted) -> String {
    let underlined = noted.excerpts.first().map(|excerpt| {
        excerpt
            .text
            .chars()
            .skip(excerpt.from)
            .take(excerpt.to.saturating_sub(excerpt.from))
            .collect::<String>()
    });
    let place = || noted.finding.primary().map(position);
    underlined.or_else(place).unwrap_or_else(|| noted.finding.summary.clone())
}

/// The text, with an ellipsis for what does not fit.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).collect::<String>().trim_end().to_owned() + "\u{2026}"
}

/// The part of a line that fits, with what is underlined in it.
fn window(excerpt: &Excerpt, room: usize) -> (String, usize, usize) {
    let length = excerpt.text.chars().count();
    if length <= room {
        return (excerpt.text.clone(), excerpt.from, excerpt.to);
    }
    // Something before what is underlined tells where it stands.
    let room = room.saturating_sub(2);
    let start = if excerpt.to <= room { 0 } else { excerpt.from.saturating_sub(room / 3).min(length - room) };
    let before = if start > 0 { "\u{2026}" } else { "" };
    let after = if start + room < length { "\u{2026}" } else { "" };
    let shown: String = excerpt.text.chars().skip(start).take(room).collect();
    let shift = |at: usize| at.clamp(start, start + room) - start + before.chars().count();
    (format!("{before}{shown}{after}"), shift(excerpt.from), shift(excerpt.to))
}

/// The parts on as few lines as they fit on, none broken.
fn fill(parts: impl Iterator<Item = String>, between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + between.len() + part.chars().count() <= width => {
                line.push_str(between);
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    lines
}

/// Breaks at spaces. A word longer than the width stays whole: it is a path or a command.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    lines.push(line);
    lines
}
