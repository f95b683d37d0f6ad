//! The ticket: what is wrong, for whom, which line decided it, and the next safe step.
//!
//! A ticket is data, built once and rendered three ways. Every foreign string is made harmless on the way in, so no
//! renderer has to remember to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{Finding, Place};
use crate::gates::{ClientGates, FindingId, Gate, State};
use crate::ladders::Ladder;
use crate::topology::Topology;
use crate::{clean, output};

/// Names the shape of the JSON ticket. Raised when a reader of the old shape would be misled.
pub const SCHEMA: &str = "openclaw-runbook/ticket/2";

/// One stack, diagnosed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ticket {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The stack's name, as the call gave it.
    pub stack: String,
    /// Time of the diagnosis, as given by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Host of the diagnosis, as given by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// OpenClaw's version and how it is known.
    pub openclaw: String,
    /// The Compose that the project was read as, where it is known, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose: Option<String>,
    /// The verdict in one word.
    pub verdict: Verdict,
    /// The exit status that the verdict means.
    pub exit: u8,
    /// Why an engine that was asked showed nothing that runs: then nothing is green.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
    /// The first cause, where a gate is red.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_cause: Option<FirstCause>,
    /// The gates of each client.
    pub clients: Vec<ClientGates>,
    /// Every finding once; a [`FindingId`] is its place in this list.
    pub findings: Vec<Noted>,
    /// The findings that shut no gate, worst first.
    pub advisories: Vec<FindingId>,
    /// The advisories that are errors and so keep the verdict from being green: what they break was laid to
    /// no gate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unaccounted: Vec<FindingId>,
    /// Where everybody stands, and the way of each client.
    pub topology: Topology,
    /// How far up the gateway answers from where each client stands, where somebody climbed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ladders: Vec<Ladder>,
    /// What was read.
    pub evidence: Vec<String>,
    /// What would show more, were it given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The verdict over all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every gate up to the authenticated session was observed green for the clients concerned, or up to the gate that
    /// was asked for.
    Green,
    /// Some gate is red.
    Red,
    /// No gate is red, and not every gate up to the session was observed, or an error belongs to no gate.
    Open,
}

impl Verdict {
    /// The word at the head of a ticket.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Red => "RED",
            Self::Open => "OPEN",
        }
    }

    /// The exit status of the runbook.
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::Red => 1,
            Self::Open => 3,
        }
    }
}

/// The cause to mend first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FirstCause {
    /// The earliest red gate.
    pub gate: Gate,
    /// The clients whose first red gate it is.
    pub clients: Vec<String>,
    /// The finding.
    pub finding: FindingId,
}

/// A finding on the ticket, with the lines it points at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Noted {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The lines it points at, secrets masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excerpts: Vec<Excerpt>,
    /// What the remedy's edits would change: `-` and `+` lines of a diff, each with its place, secrets masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// The command that makes those edits, where a machine may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The ordered steps out, where one command is not enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<NextStep>,
    /// The gate it shuts, if it shuts one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

impl Noted {
    /// A finding by itself.
    #[must_use]
    pub fn new(finding: Finding) -> Self {
        Self { finding, excerpts: Vec::new(), changes: Vec::new(), mend: None, steps: Vec::new(), gate: None }
    }
}

impl Noted {
    /// Changes every command that it tells somebody to run, those that its sentences quote included.
    pub fn tell(&mut self, change: impl Fn(&mut String)) {
        if let Some(remedy) = &mut self.finding.remedy {
            remedy.command.iter_mut().for_each(&change);
            tell_quoted(&mut remedy.text, &change);
        }
        for step in &mut self.steps {
            step.command.iter_mut().for_each(&change);
            tell_quoted(&mut step.text, &change);
        }
    }
}

/// Changes the commands of the engine that stand in a sentence between backticks.
fn tell_quoted(text: &mut String, change: impl Fn(&mut String)) {
    if !text.contains("`docker ") {
        return;
    }
    let parts = text.split('`').enumerate().map(|(at, part)| {
        let mut part = part.to_owned();
        if at % 2 == 1 && part.starts_with("docker ") {
            change(&mut part);
        }
        part
    });
    *text = parts.collect::<Vec<_>>().join("`");
}

impl From<Finding> for Noted {
    fn from(finding: Finding) -> Self {
        Self::new(finding)
    }
}

/// One step of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NextStep {
    /// What to do, in a sentence.
    pub text: String,
    /// The command, ready to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A source line under a place of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Excerpt {
    /// Index of the place in the finding.
    pub place: usize,
    /// The line, secrets masked, without its indent.
    pub text: String,
    /// First underlined character.
    pub from: usize,
    /// One past the last underlined character.
    pub to: usize,
}

/// Everything that [`Ticket::new`] is made of.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The stack's name.
    pub stack: String,
    /// Caller's time.
    pub at: Option<String>,
    /// Caller's host.
    pub host: Option<String>,
    /// OpenClaw's version and how it is known.
    pub openclaw: String,
    /// The Compose that the project was read as, where it is known, and how.
    pub compose: Option<String>,
    /// Ladders, in the order to show.
    pub clients: Vec<ClientGates>,
    /// All findings; gates name them by their place.
    pub findings: Vec<Noted>,
    /// Where everybody stands.
    pub topology: Topology,
    /// How far up the gateway answers from where each client stands.
    pub ladders: Vec<Ladder>,
    /// What was read.
    pub evidence: Vec<String>,
    /// What would show more.
    pub missing: Vec<String>,
    /// Errors that no gate accounts for.
    pub unaccounted: Vec<FindingId>,
    /// Clients whose session makes the ticket green; where none is named, all of them.
    pub concerned: Vec<String>,
    /// The last gate that must have been observed green, for every client; the session of those concerned where it is not
    /// given.
    pub through: Option<Gate>,
    /// Why an engine that was asked showed nothing that runs.
    pub unanswered: Option<String>,
}

impl Ticket {
    /// Draws the conclusions and makes every foreign string harmless.
    #[must_use]
    pub fn new(draft: Draft) -> Self {
        let Draft {
            stack,
            at,
            host,
            openclaw,
            compose,
            mut clients,
            mut findings,
            mut topology,
            mut ladders,
            evidence,
            missing,
            unaccounted,
            concerned,
            through,
            unanswered,
        } = draft;
        for noted in &mut findings {
            scrub(noted);
        }
        for client in &mut clients {
            client.client.name = line(&client.client.name);
            client.client.url = client.client.url.as_deref().map(line);
            for status in &mut client.gates {
                status.because = status.because.iter().map(|text| line(text)).collect();
                status.findings.sort_by_key(|&finding| rank(&findings, finding));
            }
        }
        topology.each_text(|text| *text = line(text));
        for Ladder { client, from: _, target, up_to: _, fault, clock: _, not_climbed } in &mut ladders {
            *client = line(client);
            for text in [target, fault, not_climbed].into_iter().flatten() {
                *text = line(text);
            }
        }
        let first_cause = first_cause(&clients, &findings);
        let verdict = match verdict(&clients, &concerned, through) {
            // An error that no gate accounts for keeps a ticket from being green.
            Verdict::Green if !unaccounted.is_empty() || unanswered.is_some() => Verdict::Open,
            verdict => verdict,
        };
        let mut shut: BTreeMap<FindingId, Gate> = BTreeMap::new();
        for status in clients.iter().flat_map(|client| &client.gates) {
            for &finding in &status.findings {
                shut.entry(finding).or_insert(status.gate);
            }
        }
        let mut advisories: Vec<FindingId> =
            (0..findings.len()).map(FindingId::at).filter(|id| !shut.contains_key(id)).collect();
        advisories.sort_by_key(|&finding| rank(&findings, finding));
        for (id, gate) in shut {
            if let Some(noted) = findings.get_mut(id.index()) {
                noted.gate = Some(gate);
            }
        }
        let lines = |texts: Vec<String>| texts.iter().map(|text| line(text)).collect();
        Self {
            schema: SCHEMA,
            stack: line(&stack),
            at: at.as_deref().map(line),
            host: host.as_deref().map(line),
            openclaw: line(&openclaw),
            compose: compose.as_deref().map(line),
            verdict,
            exit: verdict.exit(),
            unanswered: unanswered.as_deref().map(line),
            first_cause,
            clients,
            findings,
            advisories,
            unaccounted,
            topology,
            ladders,
            evidence: lines(evidence),
            missing: lines(missing),
        }
    }

    /// A gate's state for each client, in the order of the clients; `None` where no client has the gate.
    #[must_use]
    pub fn row(&self, gate: Gate) -> Option<Vec<Option<State>>> {
        let state = |client: &ClientGates| {
            client.gates.iter().find(|status| status.gate == gate).map(|status| status.state)
        };
        let row: Vec<_> = self.clients.iter().map(state).collect();
        row.iter().any(Option::is_some).then_some(row)
    }

    /// A finding of this ticket.
    #[must_use]
    pub fn finding(&self, id: FindingId) -> Option<&Noted> {
        self.findings.get(id.index())
    }

    /// The finding behind the first cause.
    #[must_use]
    pub fn cause(&self) -> Option<&Noted> {
        self.first_cause.as_ref().and_then(|cause| self.finding(cause.finding))
    }

    /// The finding to act on first: the first cause, or else the first error that no gate accounts for.
    #[must_use]
    pub fn lead(&self) -> Option<FindingId> {
        let cause = self.first_cause.as_ref().map(|cause| cause.finding);
        cause.or_else(|| self.unaccounted.first().copied())
    }

    /// Why a gate is unknown for those clients for whom it is, each reason once.
    #[must_use]
    pub fn unseen(&self, gate: Gate) -> Vec<&str> {
        let statuses = self.clients.iter().flat_map(|client| &client.gates);
        let unknown = statuses.filter(|status| status.gate == gate && status.state == State::Unknown);
        let mut reasons: Vec<&str> = Vec::new();
        for reason in unknown.flat_map(|status| &status.because) {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// The ticket for somebody who stands where the stack is called so, and not in its directory, by which Compose finds a
    /// project: each command goes there and comes back.
    #[must_use]
    pub fn pasted(&self) -> Cow<'_, Self> {
        if self.stack == "." {
            return Cow::Borrowed(self);
        }
        // Only a NUL could not be quoted, and a path that was opened holds none.
        let directory = shlex::try_quote(&self.stack).unwrap_or_default();
        let there = |line: &str| match line.contains(" compose ") && !line.contains(" --project-directory ") {
            true => format!("(cd {directory} && {line})"),
            false => line.to_owned(),
        };
        let mut ticket = self.clone();
        for noted in &mut ticket.findings {
            noted.tell(|command| *command = command.lines().map(there).collect::<Vec<_>>().join("\n"));
        }
        for text in &mut ticket.missing {
            if let Some((kind, command)) = text.split_once(": ") {
                *text = format!("{kind}: {}", there(command));
            }
        }
        Cow::Owned(ticket)
    }

    /// Red findings beside the first cause, and what waits behind it, in the order of their gates.
    #[must_use]
    pub fn others(&self) -> Vec<(Gate, &Noted)> {
        let first = self.first_cause.as_ref().map(|cause| cause.finding.index());
        let beside = self.findings.iter().enumerate().filter(|(at, _)| Some(*at) != first);
        let mut others: Vec<(Gate, &Noted)> =
            beside.filter_map(|(_, noted)| Some((noted.gate?, noted))).collect();
        others.sort_by_key(|(gate, _)| *gate);
        others
    }
}

/// Worst first, then as they came: each crate gives its causes in order.
fn rank(findings: &[Noted], id: FindingId) -> impl Ord + use<> {
    let noted = findings.get(id.index());
    (noted.map(|noted| std::cmp::Reverse(noted.finding.severity)), id)
}

fn first_cause(clients: &[ClientGates], findings: &[Noted]) -> Option<FirstCause> {
    let red: Vec<_> = clients.iter().filter_map(|client| Some((client, client.first_red()?))).collect();
    let (_, first) = red.iter().min_by_key(|(_, status)| status.gate)?;
    let finding = first.findings.iter().copied().min_by_key(|&finding| rank(findings, finding))?;
    let clients = red
        .iter()
        .filter(|(_, status)| status.gate == first.gate && status.findings.contains(&finding))
        .map(|(client, _)| client.client.name.clone())
        .collect();
    Some(FirstCause { gate: first.gate, clients, finding })
}

fn verdict(clients: &[ClientGates], concerned: &[String], through: Option<Gate>) -> Verdict {
    if clients.iter().any(|client| client.first_red().is_some()) {
        return Verdict::Red;
    }
    let last = through.unwrap_or(Gate::Session);
    let is_concerned = |client: &&ClientGates| {
        through.is_some() || concerned.is_empty() || concerned.contains(&client.client.name)
    };
    let mut gates = clients.iter().filter(is_concerned).flat_map(|client| &client.gates).peekable();
    let nobody = gates.peek().is_none();
    let short = gates.any(|status| status.gate <= last && status.state != State::Green);
    if nobody || short { Verdict::Open } else { Verdict::Green }
}

fn scrub(noted: &mut Noted) {
    let Noted { finding, excerpts, changes, mend, steps, gate: _ } = noted;
    let Finding {
        code: _,
        name: _,
        severity: _,
        confidence: _,
        summary,
        subject,
        places,
        evidence,
        remedy,
        versions,
    } = finding;
    *summary = line(summary);
    if let Some(name) = subject.name_mut() {
        *name = line(name);
    }
    for Place { file, .. } in places {
        *file = line(file);
    }
    for text in evidence {
        *text = line(text);
    }
    if let Some(remedy) = remedy {
        remedy.text = line(&remedy.text);
        remedy.command = remedy.command.as_deref().map(command);
    }
    if let Some(versions) = versions {
        *versions = line(versions);
    }
    for text in changes {
        *text = line(text);
    }
    *mend = mend.as_deref().map(line);
    for step in steps {
        step.text = line(&step.text);
        step.command = step.command.as_deref().map(command);
    }
    for excerpt in excerpts {
        // What is masked before the underlined part moves it.
        let moved = |end: usize| line(&excerpt.text.chars().take(end).collect::<String>()).chars().count();
        (excerpt.from, excerpt.to) = (moved(excerpt.from), moved(excerpt.to));
        excerpt.text = line(&excerpt.text);
        let length = excerpt.text.chars().count();
        excerpt.to = excerpt.to.min(length);
        excerpt.from = excerpt.from.min(excerpt.to);
    }
}

/// Foreign text as one harmless line, known secrets masked before it may be cut.
fn line(text: &str) -> String {
    clean::line(&output::masked(text))
}

/// A command may have lines; each is cleaned by itself.
fn command(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
