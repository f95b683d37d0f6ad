//! Claims from a climb against a running gateway, for the client from whose place it was made.

use openclaw_probe::{Outcome, ProbeReport, Rung};

use super::case::Case;
use crate::finding::Finding;
use crate::gates::{Gate, Whom};

/// The gate that a rung shows. The hello shows several: it is refused at the first that is shut.
fn gate(rung: Rung) -> Option<Gate> {
    Some(match rung {
        Rung::Resolve | Rung::Tcp | Rung::Tls => Gate::Reach,
        Rung::Liveness => Gate::Liveness,
        Rung::Startup => Gate::Startup,
        Rung::Readiness => Gate::Readiness,
        Rung::Upgrade | Rung::Challenge => Gate::Upgrade,
        Rung::Hello => Gate::Auth,
        Rung::Scope => Gate::Scopes,
        _ => return None,
    })
}

/// Enters one climb made from where `client` stands.
pub fn enter(case: &mut Case, client: &str, report: &ProbeReport) {
    let whom = Whom::Client(client.to_owned());
    let mut findings = report.findings().into_iter();
    for result in &report.rungs {
        let Some(gate) = gate(result.rung) else { continue };
        match &result.outcome {
            Outcome::Passed => {
                let because = format!("probed: {} passed", result.rung);
                case.pass(gate, whom.clone(), because.clone());
                match result.rung {
                    // Who connects and is answered found a listener.
                    Rung::Tcp => case.pass(Gate::Listener, whom.clone(), because),
                    Rung::Hello => case.pass(Gate::Pairing, whom.clone(), because),
                    // A session that carries the scopes asked for is the end state.
                    Rung::Scope => case.pass(Gate::Session, whom.clone(), because),
                    _ => {}
                }
            }
            Outcome::Failed(fault) => {
                let finding = findings.find(|finding| finding.code == fault.code);
                let Some(finding) = finding.map(Finding::from) else { continue };
                let gate = super::codes::gate_of(finding.code).unwrap_or(gate);
                case.corroborate(gate, &[gate], finding, std::slice::from_ref(&whom));
            }
            Outcome::Skipped { .. } => {}
            _ => {}
        }
    }
}
