//! What wins this variable of a service, and what does it shadow?
//!
//! `what-wins STACK SERVICE VARIABLE`

use std::process::ExitCode;

use openclaw_compose::fs::{Disk, inputs_here};
use openclaw_compose::project::resolve;
use openclaw_runbook::{errln, outln};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stack, service, variable] = arguments.as_slice() else {
        errln!("usage: what-wins STACK SERVICE VARIABLE");
        return ExitCode::from(2);
    };
    let mut inputs = match inputs_here() {
        Ok(inputs) => inputs,
        Err(error) => {
            errln!("{error}");
            return ExitCode::from(2);
        }
    };
    inputs.project_directory = Some(stack.clone());
    // Confined: no link leads out of the stack.
    let resolution = resolve(&inputs, &Disk::confined());
    let Some(explanation) = resolution.env(service, variable) else {
        errln!("{service} has no {variable}");
        return ExitCode::FAILURE;
    };
    // As a text it says where each candidate stands; a value that looks secret is not in it.
    outln!("{explanation}");
    if let Some(place) = explanation.decided_by() {
        outln!("decided at {place}");
    }
    ExitCode::SUCCESS
}
