//! Is the token the same everywhere, and is it any good?
//!
//! `same-token STACK`

use std::collections::HashSet;
use std::process::ExitCode;

use openclaw_compose::fs::{Disk, inputs_here};
use openclaw_compose::openclaw::{Stack, examine};
use openclaw_compose::project::resolve;
use openclaw_runbook::{errln, outln};
use openclaw_token::{Finding, Occurrence, Severity, compare, judge};

fn main() -> ExitCode {
    let (Some(directory), Ok(mut inputs)) = (std::env::args().nth(1), inputs_here()) else {
        errln!("usage: same-token STACK");
        return ExitCode::from(2);
    };
    inputs.project_directory = Some(directory);
    let disk = Disk::confined();
    let resolution = resolve(&inputs, &disk);
    let report = examine(&Stack::new(&resolution).files(&disk));
    // Several services may read one place.
    let mut seen = HashSet::new();
    // One crate finds the values, the other judges them; what passes between them is a secret and where it stands.
    let occurrences: Vec<Occurrence> = report
        .tokens
        .iter()
        .filter_map(|source| {
            let place = source.place.as_ref().filter(|place| seen.insert(place.span))?;
            let span = [place.span.start as usize, place.span.end as usize];
            let occurrence = Occurrence::new(place.file.as_str(), source.value.clone()?);
            Some(occurrence.at(place.line, place.column, span))
        })
        .collect();
    let mut findings: Vec<Finding> = compare(&occurrences, None).findings();
    if let Some(first) = occurrences.first() {
        findings.extend(judge(first.token()).findings("the token"));
    }
    for finding in &findings {
        outln!("{} {}: {}", finding.code.id(), finding.code.name(), finding.summary);
    }
    outln!("{} places looked at, {} findings", occurrences.len(), findings.len());
    ExitCode::from(u8::from(findings.iter().any(|finding| finding.severity == Severity::Error)))
}
