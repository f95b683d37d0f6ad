//! Prints the JSON Schema of the ticket.

use std::process::ExitCode;

use openclaw_runbook::{errln, output, render};

pub(crate) fn run() -> ExitCode {
    match render::schema() {
        Ok(page) => {
            output::print_json(&page);
            ExitCode::SUCCESS
        }
        Err(error) => {
            errln!("runbook schema: {error}");
            ExitCode::from(2)
        }
    }
}
