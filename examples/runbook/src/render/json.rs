//! The ticket as JSON.

use crate::ticket::Ticket;

/// The ticket as one JSON document with a final newline. `schema` names its shape.
///
/// # Errors
/// Never for a ticket made by [`Ticket::new`]; the signature keeps the failure visible all the same.
pub fn json(ticket: &Ticket) -> Result<String, serde_json::Error> {
    let mut out = serde_json::to_string_pretty(ticket)?;
    out.push('\n');
    Ok(out)
}
