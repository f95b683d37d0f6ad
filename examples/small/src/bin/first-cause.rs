//! What is wrong with this stack, for whom, and what now?
//!
//! `first-cause STACK`

use std::path::Path;
use std::process::ExitCode;

use openclaw_runbook::diagnose::{Options, diagnose};
use openclaw_runbook::{errln, outln};

fn main() -> ExitCode {
    let Some(stack) = std::env::args().nth(1) else {
        errln!("usage: first-cause STACK");
        return ExitCode::from(2);
    };
    let ticket = match diagnose(Path::new(&stack), Options::default()) {
        Ok(ticket) => ticket,
        Err(unreadable) => {
            errln!("{unreadable}");
            return ExitCode::from(2);
        }
    };
    match (&ticket.first_cause, ticket.cause()) {
        (Some(cause), Some(noted)) => {
            outln!("{} is shut for {}", cause.gate, cause.clients.join(", "));
            outln!("{}: {}", noted.finding.name, noted.finding.summary);
            if let Some(command) = &noted.mend {
                outln!("$ {command}");
            }
        }
        _ => outln!("no gate is red"),
    }
    ExitCode::from(ticket.exit)
}
