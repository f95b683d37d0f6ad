//! What changed since an earlier ticket: gates that stand better or worse for a client, findings that are new or gone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clean;
use crate::gates::{Gate, State};
use crate::output::Styled;
use crate::ticket::{Noted, SCHEMA, Ticket};

/// An earlier ticket, as far as it is compared: what `--format json` printed.
#[derive(Clone, Debug, Deserialize)]
pub struct Earlier {
    schema: String,
    stack: String,
    clients: Vec<Column>,
    findings: Vec<Said>,
}

#[derive(Clone, Debug, Deserialize)]
struct Column {
    client: Named,
    #[serde(rename = "rungs")]
    gates: Vec<EarlierGate>,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct EarlierGate {
    gate: Gate,
    state: State,
}

/// A finding by what it says: its place may move without it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Said {
    /// Its code.
    pub code: String,
    /// The code's name.
    pub name: String,
    /// Its sentence.
    pub summary: String,
}

/// Why a text is not an earlier ticket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotATicket {
    /// Something else, or not whole. What the reader of JSON says of it may quote the text, so only the place is passed on.
    #[error("is not a ticket as --format json prints it: see line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Another shape.
    #[error("is a ticket of another release: its schema is not {SCHEMA}")]
    Schema,
}

impl Earlier {
    /// Reads what `--format json` printed.
    ///
    /// # Errors
    /// [`NotATicket`] when it is something else.
    pub fn read(text: &str) -> Result<Self, NotATicket> {
        let place =
            |error: serde_json::Error| NotATicket::Json { line: error.line(), column: error.column() };
        let earlier: Self = serde_json::from_str(text).map_err(place)?;
        if earlier.schema == SCHEMA { Ok(earlier) } else { Err(NotATicket::Schema) }
    }
}

/// What became of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Course {
    /// It was seen shut now.
    Worse,
    /// It was seen open now.
    Better,
    /// Something else: nobody saw it now, or it waits behind another, or one of the tickets does not have it.
    Changed,
}

impl Course {
    fn word(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Changed => "changed",
        }
    }
}

/// One gate of one client that stands otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What became of it.
    pub course: Course,
    /// Whose gate.
    pub client: String,
    /// Which.
    pub gate: Gate,
    /// How it stood, where the client had it.
    pub before: Option<State>,
    /// How it stands, where the client has it.
    pub after: Option<State>,
}

type BeforeAndAfter = (Option<State>, Option<State>);

/// Two tickets, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The stack of the earlier ticket.
    pub before: String,
    /// The stack of this one.
    pub after: String,
    /// Gates that stand otherwise: the worse, the better, the rest.
    pub gates: Vec<Change>,
    /// Findings that the earlier ticket did not have.
    pub new: Vec<Said>,
    /// Findings that it had.
    pub gone: Vec<Said>,
}

impl Comparison {
    /// Compares a ticket with an earlier one.
    #[must_use]
    pub fn new(earlier: &Earlier, ticket: &Ticket) -> Self {
        let mut states: BTreeMap<(&str, Gate), BeforeAndAfter> = BTreeMap::new();
        for column in &earlier.clients {
            for gate in &column.gates {
                states.entry((&column.client.name, gate.gate)).or_default().0 = Some(gate.state);
            }
        }
        for client in &ticket.clients {
            for status in &client.gates {
                states.entry((&client.client.name, status.gate)).or_default().1 = Some(status.state);
            }
        }
        let changed = states.into_iter().filter(|(_, (before, after))| before != after);
        let mut gates: Vec<Change> = changed
            .map(|((client, gate), (before, after))| {
                let course = match after {
                    Some(State::Red) => Course::Worse,
                    Some(State::Green) => Course::Better,
                    _ => Course::Changed,
                };
                Change { course, client: client.to_owned(), gate, before, after }
            })
            .collect();
        gates.sort_by_key(|change| change.course);
        let said = |noted: &Noted| Said {
            code: noted.finding.code.id().to_owned(),
            name: noted.finding.name.to_owned(),
            summary: noted.finding.summary.clone(),
        };
        let now: BTreeSet<Said> = ticket.findings.iter().map(said).collect();
        let then: BTreeSet<Said> = earlier.findings.iter().cloned().collect();
        Self {
            before: earlier.stack.clone(),
            after: ticket.stack.clone(),
            gates,
            new: now.difference(&then).cloned().collect(),
            gone: then.difference(&now).cloned().collect(),
        }
    }

    /// The comparison for a terminal, a line for each change.
    #[must_use]
    pub fn text(&self) -> Styled {
        let mut page = Styled::new();
        let mut line = |word: &str, said: &str| {
            page += format!("{word:<9}{}", clean::line(said)).trim_end();
            page += "\n";
        };
        let state = |state: Option<State>| state.map_or("-", State::word);
        for Change { course, client, gate, before, after } in &self.gates {
            line(course.word(), &format!("{client}: {gate}: {} -> {}", state(*before), state(*after)));
        }
        for (word, findings) in [("new", &self.new), ("gone", &self.gone)] {
            for Said { code, name, summary } in findings {
                line(word, &format!("{code} {name}: {summary}"));
            }
        }
        if self.gates.is_empty() && self.new.is_empty() && self.gone.is_empty() {
            line("nothing", "changed");
        }
        page
    }
}
