//! The ticket for a terminal, a browser, an issue tracker, a pipeline and a machine.

mod html;
mod json;
mod junit;
mod lanes;
mod markdown;
mod markup;
mod picture;
mod sarif;
mod schema;
mod text;

pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use picture::picture;
pub use sarif::sarif;
pub use schema::schema;
pub use text::{Colour, WIDTH, text};

use crate::finding::{Place, PlaceRole};
use crate::gates::{ClientGates, Gate, State};
use crate::ticket::{Ticket, Verdict};

/// `file:line:column`, or what of it is known.
fn position(place: &Place) -> String {
    match (place.line, place.column) {
        (0, _) => place.file.clone(),
        (line, 0) => format!("{}:{line}", place.file),
        (line, column) => format!("{}:{line}:{column}", place.file),
    }
}

fn role(role: PlaceRole) -> &'static str {
    match role {
        PlaceRole::Decided => "decided",
        PlaceRole::Shadowed => "shadowed",
        PlaceRole::Related => "see also",
    }
}

/// The verdict as a headline: what is shut, and for whom.
#[must_use]
pub fn headline(ticket: &Ticket) -> String {
    if let (Some(cause), Some(_)) = (&ticket.first_cause, ticket.cause()) {
        return format!("{} is shut for {}", cause.gate, list(&cause.clients));
    }
    if let Some(why) = &ticket.unanswered {
        return format!("nothing is red in the files, and {why}");
    }
    if !ticket.unaccounted.is_empty() {
        return "no gate is red, but an error stands beside them".to_owned();
    }
    let names = |is_green: bool| {
        let of = |client: &&ClientGates| {
            is_green == client.gates.iter().all(|status| status.state == State::Green)
        };
        ticket.clients.iter().filter(of).map(|client| client.client.name.clone()).collect::<Vec<_>>()
    };
    let sessions = names(true);
    match ticket.verdict {
        Verdict::Open => match first_unseen(ticket) {
            Some(gate) => format!("nothing is red; not observed from {gate} on"),
            None => "nothing is red, and no client is in sight".to_owned(),
        },
        _ if sessions.is_empty() => "every gate asked for was observed".to_owned(),
        _ => format!("authenticated session for {}", list(&sessions)),
    }
}

/// What the exit status means.
fn meaning(ticket: &Ticket) -> &'static str {
    match ticket.verdict {
        Verdict::Open if !ticket.unaccounted.is_empty() => "no gate is red, but an error stands beside them",
        Verdict::Green => "every gate asked for was observed green",
        Verdict::Red => "a gate is red",
        Verdict::Open => "no gate is red, and not every gate was observed",
    }
}

/// The lowest gate that was not observed for some client.
fn first_unseen(ticket: &Ticket) -> Option<Gate> {
    let gates = ticket.clients.iter().flat_map(|client| &client.gates);
    gates.filter(|status| status.state != State::Green).map(|status| status.gate).min()
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
