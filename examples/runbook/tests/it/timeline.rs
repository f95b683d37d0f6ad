//! `runbook timeline` and `runbook triage`: the logs of every fixture as one story, and a pasted line answered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![expect(clippy::disallowed_methods, reason = "the logs are files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use openclaw_pairing::timeline::{Lines, Merge, rows};
use openclaw_pairing::{Symptom, Timeline, Vantage};
use openclaw_runbook::timeline;
use serde_json::Value;

use crate::support::{RUNBOOK, root, runbook, status, stderr, stdout};

/// Every log of the repository, with its text.
fn every_log() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in
        ["examples/runbook/tests", "examples/stacks", "openclaw-compose/tests", "openclaw-pairing/tests"]
    {
        logs(&root().join(folder), &mut found);
    }
    assert!(found.len() > 150, "{} logs", found.len());
    let text = |path: &PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    found.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

/// Every log below a folder.
fn logs(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            logs(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "log") {
            out.push(path);
        }
    }
}

#[test]
fn every_log_is_classed_by_the_reader_of_streams_as_by_that_of_texts() {
    let mut marks = 0;
    for (path, text) in every_log() {
        let whole = Timeline::parse(Vantage::Gateway, "log", &text).marks;
        let mut merge = Merge::new(Duration::from_secs(5)).source(Lines::new(text.as_bytes()), 0);
        let mut streamed: Vec<(u32, Symptom)> = Vec::new();
        while let Some(merged) = merge.next_line().unwrap() {
            streamed.extend(merged.mark().map(|mark| (mark.line, mark.symptom)));
        }
        let whole: Vec<_> = whole.iter().map(|mark| (mark.line, mark.symptom)).collect();
        assert_eq!(streamed, whole, "{}", path.display());
        marks += whole.len();
    }
    assert!(marks > 500, "{marks} marks");
}

const STACK: &str = "openclaw-pairing/tests/live/pairing-deadlock@2026.9.6/logs";

fn story(arguments: &[&str]) -> String {
    let (gateway, cli) = (format!("{STACK}/openclaw-gateway.log"), format!("{STACK}/openclaw-cli.log"));
    let output = runbook(&[&["timeline", &gateway, &cli], arguments].concat());
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
    stdout(&output)
}

#[test]
fn two_logs_are_one_story_in_text_and_in_json() {
    let text = story(&[]);
    let (told, rest) = text.split_once("\n\nEpisodes\n").unwrap();
    let (episodes, rest) = rest.split_once("\n\nLanes\n").unwrap();
    assert!(rest.contains("\n\nCauses\n  pairing: "), "{rest}");
    assert!(told.contains(" openclaw-gateway | ") && told.contains(" openclaw-cli     | "), "{told}");
    assert!(episodes.lines().all(|line| line.contains(" x ")), "{episodes}");
    let json = story(&["--format", "json"]);
    let documents: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<&Value> = documents.iter().filter(|document| document.get("line").is_some()).collect();
    assert_eq!(lines.len(), told.lines().count());
    let folded = documents.iter().filter(|document| document.get("episode").is_some());
    assert_eq!(folded.count(), episodes.lines().count());
    assert!(documents.iter().any(|document| document["cause"]["class"] == "pairing"));
    let times: Vec<&str> = lines
        .iter()
        .filter(|line| line["order"] == "dated")
        .map(|line| line["time"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let symptoms = story(&["--only", "symptoms", "--format", "json"]);
    assert!(
        symptoms.lines().all(|line| {
            let behind = ["{\"episode\"", "{\"wait\"", "{\"cause\""];
            line.contains("\"mark\":{") || behind.iter().any(|begin| line.starts_with(begin))
        }),
        "{symptoms}"
    );
    let none = story(&["--since", "2099-01-01T00:00:00Z"]);
    assert_eq!(none, "");
}

#[test]
fn the_services_of_one_log_are_sources_of_their_own() {
    let log = "examples/runbook/tests/logs/composed.log";
    let output = runbook(&["timeline", log, "--only", "symptoms"]);
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
    let told = stdout(&output);
    assert!(told.contains(" openclaw-gateway-1 | ") && told.contains(" openclaw-cli-1     | "), "{told}");
    let (_, causes) = told.split_once("\nCauses\n  reach: ").unwrap();
    assert!(causes.contains("for      1 x gateway-ready in openclaw-gateway-1, "), "{causes}");
    assert!(causes.contains("ask      Do client and gateway share a network namespace?"), "{causes}");
}

#[test]
fn a_stack_is_told_by_its_captured_logs_and_what_is_wrong_is_said() {
    let output = runbook(&["timeline", "examples/stacks/pairing-deadlock", "--only", "symptoms"]);
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
    assert!(stdout(&output).contains("\nEpisodes\n"), "{}", stdout(&output));
    for (arguments, words) in [
        (&["timeline", "openclaw-token"][..], "no captured/logs/*.log"),
        (&["timeline", "gone.log"], "gone.log"),
        (&["timeline", STACK, "--skew", "x"], "not SOURCE=SECONDS"),
        (&["timeline", "examples/stacks/pairing-deadlock", "--skew", "x=1"], "not a source"),
    ] {
        let output = runbook(arguments);
        assert_eq!((status(&output), stdout(&output)), (2, String::new()), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn more_logs_than_are_read_side_by_side_are_refused_before_one_is() {
    let stack = tempfile::tempdir().unwrap();
    let logs = stack.path().join("captured/logs");
    std::fs::create_dir_all(&logs).unwrap();
    for number in 0..65 {
        std::fs::write(logs.join(format!("s{number}.log")), "x\n").unwrap();
    }
    let output = runbook(&["timeline", &stack.path().to_string_lossy()]);
    assert_eq!((status(&output), stdout(&output)), (2, String::new()));
    let words = "65 logs, of which 64 are read side by side; name the files that matter";
    assert!(stderr(&output).contains(words), "{}", stderr(&output));
}

#[test]
fn one_ending_of_a_logs_name_is_left_out() {
    let stack = tempfile::tempdir().unwrap();
    let logs = stack.path().join("captured/logs");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("gw.log.log"), "x\n").unwrap();
    let said = stdout(&runbook(&["timeline", &stack.path().to_string_lossy(), "--format", "json"]));
    assert!(said.contains("\"source\":\"gw.log\""), "{said}");
}

#[test]
fn the_directory_that_the_shell_is_in_is_shown() {
    let mut timeline = std::process::Command::new(RUNBOOK);
    let output =
        timeline.args(["timeline", "/volume1/docker/claw/gone.log"]).env("PWD", "/volume1/docker/claw");
    let said = stderr(&output.output().unwrap());
    assert!(said.contains("/volume1/docker/claw/gone.log"), "{said}");
}

#[test]
fn a_pasted_line_is_answered_with_its_row() {
    let refused = "gateway connect failed: Error: connect ECONNREFUSED 127.0.0.1:18789";
    let output = runbook(&["triage", refused]);
    assert_eq!(status(&output), 0);
    let said = stdout(&output);
    assert!(said.starts_with("unreachable\n  proves          "), "{said}");
    assert!(
        said.contains("does not prove  that the gateway is down") && said.contains("runbook vantage"),
        "{said}"
    );
    let json = runbook(&["triage", "--format", "json", refused]);
    let row: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!((&row["symptom"], &row["words"][1]["text"]), (&"unreachable".into(), &"econnrefused".into()));
    let end = stdout(&runbook(&["triage", "Missing config. Run `openclaw setup`"]));
    assert!(end.starts_with("config-missing\n  proves "), "{end}");
    let unknown = runbook(&["triage", "all", "is", "quiet"]);
    assert_eq!((status(&unknown), stdout(&unknown)), (1, String::new()));
}

/// The library is asked of each line, the program of one of each kind.
#[test]
fn each_line_that_means_something_is_answered_alone_as_in_its_log() {
    let mut kinds: BTreeMap<Symptom, String> = BTreeMap::new();
    for (path, text) in every_log() {
        let lines: Vec<&str> = text.split('\n').collect();
        for mark in Timeline::parse(Vantage::Gateway, "log", &text).marks {
            let line = lines[mark.line as usize - 1];
            let answered = timeline::first_known(line).map(|row| row.symptom);
            assert_eq!(answered, Some(mark.symptom), "{}: {line}", path.display());
            kinds.entry(mark.symptom).or_insert_with(|| line.to_owned());
        }
    }
    assert!(kinds.len() > 45, "{} of {} rows", kinds.len(), rows().len());
    for (symptom, line) in kinds {
        let output = runbook(&["triage", "--", &line]);
        let said = stdout(&output);
        assert_eq!(said.lines().next(), Some(timeline::name(symptom).as_str()), "{line}");
    }
}

#[test]
fn clocks_that_are_apart_are_guessed_by_the_requests_that_both_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = |name: &str, lines: &[&str]| {
        let path = directory.path().join(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path.to_string_lossy().into_owned()
    };
    let gateway = log(
        "gateway.log",
        &[
            "2026-11-22T06:00:00.000Z [gateway] ready",
            "2026-11-22T06:00:10.000Z [ws] closed conn=1 remote=10.0.0.2 reason=not-paired requestId=0234eb71-62a0-4ac3-8d0e-d29c1aea27a3",
            "2026-11-22T06:00:20.000Z [gateway] received SIGTERM; shutting down",
        ],
    );
    let id = "0234eb71-62a0-4ac3-8d0e-d29c1aea27a3";
    let told =
        format!("2026-11-22T06:01:10.300Z pairing required: device is not approved yet (requestId: {id})");
    let client = log("cli.log", &[&told]);
    let runs = |skew: &[&str]| {
        let output = runbook(&[&["timeline", &gateway, &client], skew].concat());
        assert_eq!((status(&output), stderr(&output)), (0, String::new()));
        stdout(&output)
    };
    let place = |told: &str| told.lines().position(|line| line.contains(" cli     | ")).unwrap();
    let plain = runs(&[]);
    assert_eq!(place(&plain), 3);
    let said = "  cli seems 60.3 s ahead of gateway, by 1 tries that both log: a guess, ";
    assert!(plain.contains(&format!("\nClocks\n{said}`--skew guess` takes it off\n")), "{plain}");
    let guessed = runs(&["--skew", "guess"]);
    assert_eq!(place(&guessed), 2);
    assert!(guessed.contains(&format!("\nClocks\n{said}taken off\n")), "{guessed}");
    let twice = runbook(&["timeline", "-", "--skew", "guess"]);
    assert_eq!(status(&twice), 2);
    assert!(stderr(&twice).contains("cannot be read twice"));
}

/// Whoever reaches a gateway has a say in its log.
#[test]
fn what_calls_itself_by_something_like_a_secret_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("gateway.log");
    let drawn = "Zq454f63ac30c8322997ef025edff6abYx";
    let line = format!(
        "2026-11-22T06:25:01.343Z [ws] unauthorized conn=7 remote={drawn} client={drawn} host={drawn} origin=https://{drawn} \
         ua={drawn} reason=token_mismatch: gateway token mismatch\n"
    );
    std::fs::write(&log, line).unwrap();
    for format in ["text", "json"] {
        let output = runbook(&["timeline", log.to_str().unwrap(), "--format", format]);
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains("mismatch") && !said.contains(drawn), "{format}: {said}");
    }
}
