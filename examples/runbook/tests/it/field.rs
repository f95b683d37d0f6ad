//! Stacks rebuilt from public reports, each with its right answer written first (`tests/field/*/answer.json`), and what the
//! ticket says of them. The table of causes, found against true, is `tests/field/causes.txt`: a change of the ticket shows
//! there as a line that turns.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{root, runbook, stdout};
use expect_test::expect_file;
use serde::Deserialize;
use serde_json::Value;

/// What is known of a case.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    kind: Option<u8>,
    answer: Answer,
}

/// The right answer.
#[derive(Deserialize)]
struct Answer {
    headline: String,
    #[serde(default)]
    or_headline: Option<String>,
    /// The gate, or the gates, of which the first cause may shut one.
    #[serde(default)]
    gate: Value,
    /// Who is shut out, and who is not.
    #[serde(default)]
    clients: Vec<String>,
    #[serde(default)]
    not_red: Vec<String>,
    /// Places of which the finding must name one, `file:line`.
    #[serde(default)]
    decided: Vec<String>,
    #[serde(default)]
    cause_words: Option<String>,
    /// What the next steps must say, and what none may.
    #[serde(default)]
    next_has: Vec<String>,
    #[serde(default)]
    next_lacks: Vec<String>,
}

/// What the ticket says: the name of its first cause for the clients concerned, and where it is wrong.
struct Found {
    found: String,
    faults: Vec<String>,
}

#[test]
fn the_first_cause_is_the_true_one() {
    let cases = cases();
    let mut table = format!("{:<46} {:<28} {:<28} {}\n", "case", "cause in truth", "cause found", "wrong in");
    let mut right: BTreeMap<u8, (usize, usize)> = BTreeMap::new();
    let mut green = Vec::new();
    for (name, dir) in &cases {
        let case: Case = serde_json::from_str(&read(&dir.join("answer.json"))).expect(name);
        let verdict = judge(dir, &case.answer);
        let of_kind = right.entry(case.kind.unwrap_or(0)).or_default();
        *of_kind = (of_kind.0 + usize::from(verdict.faults.is_empty()), of_kind.1 + 1);
        let truth = case.answer.cause_words.as_deref().unwrap_or("none");
        table +=
            format!("{name:<46} {truth:<28} {:<28} {}", verdict.found, verdict.faults.join(", ")).trim_end();
        table += "\n";
        if case.answer.headline == "RED" && verdict.found == "GREEN" {
            green.push(name);
        }
    }
    let total = right.values().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    table += "\nkind  right\n";
    for (kind, (right, of)) in &right {
        table += &format!(
            "{:<5} {right} of {of}\n",
            if *kind == 0 { "whole".to_owned() } else { kind.to_string() }
        );
    }
    table += &format!("all   {} of {}\n", total.0, total.1);
    assert_eq!(green, Vec::<&String>::new(), "what is broken is never GREEN");
    expect_file!["../field/causes.txt"].assert_eq(&table);
}

fn cases() -> Vec<(String, PathBuf)> {
    let field = root().join("examples/runbook/tests/field");
    let mut cases: Vec<_> = std::fs::read_dir(field)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    cases.sort();
    cases
}

#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn judge(dir: &Path, answer: &Answer) -> Found {
    let output = runbook(&[&dir.display().to_string(), "--format", "json"]);
    let Ok(ticket) = serde_json::from_str::<Value>(&stdout(&output)) else {
        return Found { found: "no ticket".to_owned(), faults: vec!["no ticket".to_owned()] };
    };
    let mut faults = Vec::new();
    let headline = ticket["verdict"].as_str().unwrap().to_uppercase();
    if headline != answer.headline && answer.or_headline.as_ref() != Some(&headline) {
        faults.push(format!("headline {headline}"));
    }
    let findings = ticket["findings"].as_array().unwrap();
    let red = red(&ticket);
    for client in &answer.not_red {
        if red.contains_key(client.as_str()) {
            faults.push(format!("{client} is red"));
        }
    }
    // Where the checkout lies, and what the case is called, is none of a step's words.
    let path = dir.display().to_string();
    let steps = |finding: &Value| steps(finding).replace(&path, ".");
    let all_steps: String = findings.iter().map(steps).collect();
    for step in &answer.next_lacks {
        if regex(step).is_match(&all_steps) {
            faults.push(format!("a step says /{step}/"));
        }
    }
    let concerned =
        |client: &str| answer.clients.is_empty() || answer.clients.iter().any(|name| name == client);
    let behind: Vec<&Value> = red
        .iter()
        .filter(|(client, _)| concerned(client))
        .filter_map(|(_, rung)| findings.get(usize::try_from(rung["findings"][0].as_u64()?).ok()?))
        .collect();
    let found =
        behind.first().map_or(headline.as_str(), |finding| finding["name"].as_str().unwrap()).to_owned();
    if answer.headline == "RED" {
        for client in &answer.clients {
            match red.get(client.as_str()) {
                None => faults.push(format!("{client} is not red")),
                Some(rung) if !one_of(&answer.gate, &rung["gate"]) => {
                    faults.push(format!("{client} is red at {}", rung["gate"].as_str().unwrap()));
                }
                Some(_) => {}
            }
        }
        let places: Vec<String> = behind.iter().flat_map(|finding| places(finding)).collect();
        if !answer.decided.is_empty() && !answer.decided.iter().any(|place| places.contains(place)) {
            faults.push("place".to_owned());
        }
        let next: String = behind.iter().map(|finding| steps(finding)).collect();
        for step in &answer.next_has {
            if !regex(step).is_match(&next) {
                faults.push(format!("no step says /{step}/"));
            }
        }
    }
    Found { found, faults }
}

/// The first red gate of each client that has one.
fn red(ticket: &Value) -> BTreeMap<&str, &Value> {
    let clients = ticket["clients"].as_array().unwrap();
    clients
        .iter()
        .filter_map(|ladder| {
            let rung = ladder["rungs"].as_array()?.iter().find(|rung| rung["state"] == "red")?;
            Some((ladder["client"]["name"].as_str()?, rung))
        })
        .collect()
}

fn one_of(accepted: &Value, gate: &Value) -> bool {
    accepted.is_null() || accepted == gate || accepted.as_array().is_some_and(|gates| gates.contains(gate))
}

/// Every place that a finding names, as `file:line`, those in its evidence included.
fn places(finding: &Value) -> Vec<String> {
    let of = |place: &Value| format!("{}:{}", place["file"].as_str().unwrap(), place["line"]);
    let mut places: Vec<_> = finding["places"].as_array().into_iter().flatten().map(of).collect();
    for line in finding["evidence"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let words: Vec<_> = line.split_whitespace().collect();
        for three in words.windows(3).filter(|three| three[1] == "line") {
            places.push(format!("{}:{}", three[0], three[2].trim_end_matches([':', ','])));
        }
    }
    places
}

/// All that a finding says to do.
fn steps(finding: &Value) -> String {
    ["remedy", "steps", "changes", "mend"].iter().map(|part| finding[*part].to_string() + "\n").collect()
}

fn regex(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).unwrap()
}
