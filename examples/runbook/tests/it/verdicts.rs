//! The first cause that logs alone show, against the true one, over every incident of the repository that has a log. The
//! table is `VERDICTS.md`, which this test holds true: a change of the verdict shows there as a number that moves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![expect(clippy::disallowed_methods, reason = "the logs are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::expect_file;
use openclaw_pairing::timeline::{Class, Episodes, Lines, Merge, verdict};
use serde_json::Value;

use crate::support::root;

/// What is wrong: one of these steps, or nothing.
type Truth = BTreeSet<Class>;

/// An incident and its logs.
struct Incident {
    name: String,
    truth: Truth,
    logs: Vec<PathBuf>,
}

/// The step that a gate of the ticket is on.
fn class_of_gate(gate: &str) -> Class {
    match gate {
        "state" | "startup" | "liveness" | "readiness" => Class::Start,
        "listener" | "published" | "reach" => Class::Reach,
        "upgrade" | "origin" => Class::Upgrade,
        "auth" => Class::Credential,
        "pairing" | "scopes" | "session" => Class::Pairing,
        _ => panic!("{gate} is not a gate"),
    }
}

fn class_named(name: &str) -> Truth {
    let class = match name {
        "none" => return Truth::new(),
        "start" => Class::Start,
        "reach" => Class::Reach,
        "upgrade" => Class::Upgrade,
        "credential" => Class::Credential,
        "pairing" => Class::Pairing,
        _ => panic!("{name} is not a class"),
    };
    Truth::from([class])
}

fn name(class: Option<Class>) -> String {
    class.map_or("none".to_owned(), |class| serde_json::to_value(class).unwrap().as_str().unwrap().to_owned())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "log")).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn incidents() -> Vec<Incident> {
    let mut all = Vec::new();
    for case in entries(&root().join("examples/runbook/tests/field")) {
        let logs = logs(&case.join("captured/logs"));
        if logs.is_empty() {
            continue;
        }
        let answer: Value =
            serde_json::from_str(&std::fs::read_to_string(case.join("answer.json")).unwrap()).unwrap();
        let gates = match &answer["answer"]["gate"] {
            _ if answer["answer"]["headline"] != "RED" => Vec::new(),
            Value::Array(gates) => gates.iter().map(|gate| gate.as_str().unwrap()).collect(),
            gate => gate.as_str().into_iter().collect(),
        };
        let truth = gates.into_iter().map(class_of_gate).collect();
        all.push(Incident { name: file_name(&case), truth, logs });
    }
    for (stack, class) in [
        ("healthy", "none"),
        ("loopback-bind", "reach"),
        ("own-loopback", "reach"),
        ("pairing-deadlock", "pairing"),
        ("silent-override", "credential"),
        ("uid-drift", "start"),
    ] {
        let logs = logs(&root().join("examples/stacks").join(stack).join("captured/logs"));
        all.push(Incident { name: stack.to_owned(), truth: class_named(class), logs });
    }
    for case in entries(&root().join("openclaw-pairing/tests/live")) {
        let name = file_name(&case);
        let class = if name.starts_with("lockout") { "credential" } else { "pairing" };
        all.push(Incident { name, truth: class_named(class), logs: logs(&case.join("logs")) });
    }
    all.extend(recorded().into_iter().map(|one| one.incident));
    all
}

struct Recorded {
    incident: Incident,
    /// What the logs show instead.
    but: Option<Truth>,
}

/// The list of `tests/logs`: `NAME CLASS`, or `NAME CLASS but CLASS: WHY`.
fn recorded() -> Vec<Recorded> {
    let folder = root().join("examples/runbook/tests/logs");
    let list = std::fs::read_to_string(folder.join("truth.txt")).unwrap();
    let mut all = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (case, rest) = line.split_once(' ').unwrap();
        let (class, but) = match rest.split_once(" but ") {
            Some((class, but)) => (class, Some(class_named(but.split_once(": ").unwrap().0))),
            None => (rest, None),
        };
        let path = folder.join(case);
        let logs = if path.is_dir() { logs(&path) } else { vec![path] };
        let (name, truth) = (case.to_owned(), class_named(class.trim()));
        all.push(Recorded { incident: Incident { name, truth, logs }, but });
    }
    for path in entries(&folder).iter().filter(|path| path.is_dir()).flat_map(|path| entries(path)) {
        let told = |one: &Recorded| {
            one.incident.logs.contains(&path) || one.incident.logs.iter().any(|log| log.starts_with(&path))
        };
        assert!(all.iter().any(told), "{} is not in truth.txt", path.display());
    }
    all
}

/// The first cause of these logs, told as one story.
fn first_cause(logs: &[PathBuf]) -> Option<Class> {
    let mut merge = Merge::new(Duration::from_secs(5));
    for log in logs {
        merge = merge.source(Lines::new(std::fs::File::open(log).unwrap()), 0);
    }
    let mut story = Episodes::default();
    while let Some(merged) = merge.next_line().unwrap() {
        if let Some(mark) = merged.mark() {
            story.add(merged.source, &mark);
        }
    }
    verdict(story.all()).first().filter(|cause| cause.certainty.holds()).map(|cause| cause.class)
}

#[test]
fn the_first_cause_of_the_logs_against_the_true_one() {
    let columns = [
        None,
        Some(Class::Start),
        Some(Class::Reach),
        Some(Class::Upgrade),
        Some(Class::Credential),
        Some(Class::Pairing),
    ];
    let mut counts: BTreeMap<(Option<Class>, Option<Class>), usize> = BTreeMap::new();
    let (mut right, mut others) = (0, String::new());
    let incidents = incidents();
    for Incident { name: case, truth, logs } in &incidents {
        let found = first_cause(logs);
        // Where a trouble may be told at several steps, the one that was found is as true.
        let row = found.filter(|found| truth.contains(found)).or(truth.first().copied());
        *counts.entry((row, found)).or_default() += 1;
        if row == found {
            right += 1;
        } else {
            others += &format!("| {case} | {} | {} |\n", name(row), name(found));
        }
    }
    let mut page = String::from(
        "# Verdicts of logs alone\n\nEvery incident of this repository that has a log, by the step that is wrong in truth \
         (row) and the step of the first cause that `runbook timeline` names (column). It sees the logs and nothing else: no \
         Compose file, no configuration, no `docker inspect`. `none` is no cause. A test writes this page.\n\n| in truth",
    );
    for column in columns {
        page += &format!(" | {}", name(column));
    }
    page += &format!(" |\n|{}\n", " --- |".repeat(columns.len() + 1));
    for row in columns {
        page += &format!("| {}", name(row));
        for column in columns {
            page += &format!(" | {}", counts.get(&(row, column)).copied().unwrap_or_default());
        }
        page += " |\n";
    }
    let alarms: usize = columns[1..].iter().filter_map(|column| counts.get(&(None, *column))).sum();
    page += &format!(
        "\n{right} of {} are right. {alarms} name a cause where nothing is wrong. Those that are not right:\n\n\
         | incident | in truth | found |\n| --- | --- | --- |\n{others}",
        incidents.len()
    );
    println!("{page}");
    expect_file!["../../VERDICTS.md"].assert_eq(&page);
}

/// What was recorded of a gateway and its client, a log or a folder of them, by what was wrong. Where the logs do not show
/// it, the list says what they show, and why.
#[test]
fn every_recorded_log_has_its_class_and_a_healthy_one_no_alarm() {
    let mut wrong = Vec::new();
    for Recorded { incident, but } in recorded() {
        let found = first_cause(&incident.logs);
        let expected = but.unwrap_or(incident.truth).first().copied();
        if found != expected {
            wrong.push(format!("{}: {} and not {}", incident.name, name(found), name(expected)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
