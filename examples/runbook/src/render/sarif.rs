//! The ticket as SARIF 2.1.0, for whatever shows the results of analyses beside the lines that they are about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::finding::{Code, Confidence, Place, PlaceRole, Severity};
use crate::ticket::{Noted, Ticket};

/// The schema that the document follows.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Renders the findings of the ticket as a SARIF log.
///
/// # Errors
/// Never for a ticket made by [`Ticket::new`]; the signature keeps the failure visible all the same.
pub fn sarif(ticket: &Ticket) -> Result<String, serde_json::Error> {
    let mut codes: BTreeMap<&str, (usize, Code)> = BTreeMap::new();
    for noted in &ticket.findings {
        let code = noted.finding.code;
        codes.entry(code.id()).or_insert((0, code));
    }
    for (at, (index, _)) in codes.values_mut().enumerate() {
        *index = at;
    }
    let rules: Vec<Value> = codes.values().map(|(_, code)| rule(*code)).collect();
    let index = |code: Code| codes.get(code.id()).map_or(0, |(index, _)| *index);
    let results: Vec<Value> =
        ticket.findings.iter().map(|noted| result(noted, index(noted.finding.code))).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "runbook",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "stack": ticket.stack,
                "host": ticket.host,
                "at": ticket.at,
                "openclaw": ticket.openclaw,
                "verdict": ticket.verdict,
            },
        }],
    });
    let mut out = serde_json::to_string_pretty(&log)?;
    out.push('\n');
    Ok(out)
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "name": code.name(),
        "shortDescription": { "text": code.meaning() },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn result(noted: &Noted, rule: usize) -> Value {
    let finding = &noted.finding;
    let mut result = json!({
        "ruleId": finding.code.id(),
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": message(noted) },
        "properties": {
            "observed": finding.confidence == Confidence::Observed,
            "gate": noted.gate,
            "subject": finding.subject,
        },
    });
    // The schema wants each place once.
    let mut seen = BTreeSet::new();
    let mut of = |is_decided: bool| -> Vec<Value> {
        let mut locations = Vec::new();
        for (at, place) in finding.places.iter().enumerate() {
            let is_of_role = (place.role == PlaceRole::Decided) == is_decided;
            if is_of_role && seen.insert((is_decided, &place.file, place.line, place.column)) {
                locations.push(location(noted, at, place));
            }
        }
        locations
    };
    if let Some(result) = result.as_object_mut() {
        result.insert("locations".to_owned(), of(true).into());
        result.insert("relatedLocations".to_owned(), of(false).into());
    }
    result
}

/// What is wrong, and the next step.
fn message(noted: &Noted) -> String {
    let finding = &noted.finding;
    let next = noted.steps.first().map(|step| step.text.as_str());
    let next = next.or_else(|| finding.remedy.as_ref().map(|remedy| remedy.text.as_str()));
    match next {
        Some(next) => format!("{}\nNext: {next}", finding.summary),
        None => finding.summary.clone(),
    }
}

fn location(noted: &Noted, at: usize, place: &Place) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(&place.file) } });
    if place.line > 0 {
        let mut region = json!({ "startLine": place.line });
        if place.column > 0 {
            region["startColumn"] = place.column.into();
        }
        if let Some(excerpt) = noted.excerpts.iter().find(|excerpt| excerpt.place == at) {
            region["snippet"] = json!({ "text": excerpt.text });
        }
        physical["region"] = region;
    }
    json!({ "physicalLocation": physical })
}

/// A path as the reference that it is in a URI: a name with a colon in it is not a scheme.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_reference_and_never_a_scheme() {
        assert_eq!(uri("state/openclaw.json"), "state/openclaw.json");
        assert_eq!(uri("javascript:a b"), "javascript%3Aa%20b");
        assert_eq!(uri("/srv/\u{e9}"), "file:///srv/%C3%A9");
    }
}
