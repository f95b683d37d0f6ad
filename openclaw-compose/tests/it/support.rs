//! What tests over whole stacks look at in a report.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::{BTreeMap, BTreeSet};

use openclaw_compose::edit::{self, Edit, EditError};
use openclaw_compose::finding::{Code, Severity};
use openclaw_compose::openclaw::{GateState, Report, StackGate};
use openclaw_compose::secrecy::ExposeSecret as _;

/// Names of the codes that are errors.
pub(crate) fn errors(report: &Report) -> BTreeSet<&'static str> {
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.name()).collect()
}

/// Client and gate of everything that is red.
pub(crate) fn red(report: &Report) -> BTreeSet<(String, String)> {
    let gates = report.clients.iter().flat_map(|client| client.gates.iter().map(move |gate| (client, gate)));
    gates
        .filter(|(_, gate)| gate.state == GateState::Red)
        .map(|(client, gate)| (client.name.clone(), format!("{:?}", gate.gate)))
        .collect()
}

/// Every gate that was passed and is red after an edit, and every error that is new although no client came further. What
/// lies behind a red gate may turn out to be shut: faults come in series.
pub(crate) fn broken(before: &Report, after: &Report) -> Vec<String> {
    let gates = |report: &Report| -> Vec<(String, StackGate, Option<Code>)> {
        let gates =
            report.clients.iter().flat_map(|client| client.gates.iter().map(move |gate| (client, gate)));
        let red = gates.filter(|(_, gate)| gate.state == GateState::Red);
        red.map(|(client, gate)| (client.name.clone(), gate.gate, gate.code)).collect()
    };
    let (was, is) = (gates(before), gates(after));
    let passed = |(client, gate, _): &&(String, StackGate, Option<Code>)| {
        state_in(before, client, *gate) == Some(GateState::Green)
    };
    let mut out: Vec<String> =
        is.iter().filter(passed).map(|(client, gate, _)| format!("{client} was past {gate:?}")).collect();
    let further = was.iter().any(|gate| !is.contains(gate));
    let first = |code: Code| {
        let mut firsts = after.clients.iter().filter_map(|client| client.first_red()?.code);
        firsts.any(|first| first == code) || !is.iter().any(|(.., red)| *red == Some(code))
    };
    if !further {
        let old = errors(before);
        let new = after.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let new = new.filter(|finding| !old.contains(finding.code.name()) && first(finding.code));
        out.extend(new.map(|finding| format!("{} is new", finding.code.name())));
    }
    out
}

/// The state of a gate; behind a red one nothing is known.
fn state_in(report: &Report, client: &str, wanted: StackGate) -> Option<GateState> {
    let gates = &report.client(client)?.gates;
    let red = gates.iter().position(|gate| gate.state == GateState::Red).unwrap_or(gates.len());
    let at = gates.iter().position(|gate| gate.gate == wanted)?;
    Some(if at > red { GateState::Unknown } else { gates[at].state })
}

/// The files of a stack after some edits, by the paths that reports show.
pub(crate) fn edited(
    files: &BTreeMap<String, String>,
    edits: &[Edit],
    report: &Report,
) -> Result<BTreeMap<String, String>, EditError> {
    let mut files = files.clone();
    for change in edit::apply(edits, &report.sources)? {
        let text = String::from_utf8_lossy(change.bytes.expose_secret()).into_owned();
        assert!(files.insert(change.path.clone(), text).is_some(), "{} is not a file", change.path);
    }
    Ok(files)
}

/// Everything that a report can print.
pub(crate) fn outputs(report: &Report) -> Vec<String> {
    let mut outputs = vec![
        serde_json::to_string(report).expect("a report is JSON"),
        format!("{report:?}"),
        format!("{report:#?}"),
    ];
    for finding in &report.findings {
        outputs.push(finding.to_string());
        for place in &finding.places {
            outputs.push(format!("{:?}", report.sources.quote(place.span)));
        }
        let Some(remedy) = &finding.remedy else { continue };
        if let Ok(changes) = edit::apply(&remedy.edits, &report.sources) {
            outputs.extend(changes.iter().map(|change| format!("{change:?}{change}")));
        }
    }
    outputs
}

/// The canaries as they are, and as base64, hexadecimal and percent-encoding would carry them.
pub(crate) fn needles() -> Vec<String> {
    let hex: String = "canary-".bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = "canary-".bytes().map(|byte| format!("%{byte:02X}")).collect();
    ["canary-".to_owned(), "Y2FuYXJ5".to_owned(), "NhbmFyeS".to_owned(), "jYW5hcnkt".to_owned(), hex, percent]
        .into()
}
