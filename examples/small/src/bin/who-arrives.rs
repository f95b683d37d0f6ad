//! Which client reaches the gateway, and what stops the others?
//!
//! `who-arrives STACK`

use std::process::ExitCode;

use openclaw_compose::fs::{Disk, inputs_here};
use openclaw_compose::openclaw::{Stack, examine};
use openclaw_compose::project::resolve;
use openclaw_runbook::{errln, outln};

fn main() -> ExitCode {
    let (Some(directory), Ok(mut inputs)) = (std::env::args().nth(1), inputs_here()) else {
        errln!("usage: who-arrives STACK");
        return ExitCode::from(2);
    };
    inputs.project_directory = Some(directory);
    let disk = Disk::confined();
    let resolution = resolve(&inputs, &disk);
    let report = examine(&Stack::new(&resolution).files(&disk));
    let mut stopped = 0;
    for client in &report.clients {
        let url = client.url.as_deref().unwrap_or("no URL");
        match client.first_red() {
            None => outln!("{} ({url}): nothing in the files stops it", client.name),
            Some(gate) => {
                stopped += 1;
                outln!("{} ({url}): stopped, {}", client.name, gate.because);
            }
        }
    }
    // A finding says whom it is about, where it stands and what to do; the first cause comes with its remedy.
    if let Some(finding) = report.first_cause().and_then(|(_, gate)| report.finding(gate.finding?)) {
        outln!("{finding}");
        for place in &finding.places {
            outln!("  {place}");
        }
        if let Some(remedy) = &finding.remedy {
            outln!("  next: {}", remedy.text);
        }
    }
    ExitCode::from(u8::from(stopped > 0))
}
