//! The ticket for a terminal, for a machine and for an issue tracker.

mod json;
mod markdown;
mod text;

pub use json::json;
pub use markdown::markdown;
pub use text::{Colour, text};

use crate::finding::{Place, PlaceRole};
use crate::ticket::Ticket;

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
fn headline(ticket: &Ticket) -> String {
    match (&ticket.first_cause, ticket.cause()) {
        (Some(cause), Some(_)) => {
            format!("{} is shut for {}", cause.gate, list(&cause.clients))
        }
        _ if !ticket.unaccounted.is_empty() => "no gate is red, but an error stands beside them".to_owned(),
        _ if ticket.verdict == crate::ticket::Verdict::Unknown => {
            "no gate is red, but not every gate could be judged".to_owned()
        }
        _ => {
            let sessions = ticket
                .clients
                .iter()
                .filter(|ladder| ladder.rungs.iter().all(|rung| rung.state == crate::gates::State::Green))
                .map(|ladder| ladder.client.name.clone())
                .collect::<Vec<_>>();
            if sessions.is_empty() {
                "nothing is red in what was given".to_owned()
            } else {
                format!("authenticated session for {}", list(&sessions))
            }
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
