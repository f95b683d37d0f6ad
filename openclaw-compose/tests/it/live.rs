//! What real gateways and clients in real containers showed before anything was mended: each directory of `live/` leads to
//! the cause that its run was made for, in the file and line that decided it. Made by `examples/live/record`; tokens, ids
//! and digests are placeholders, equal where they were equal.
//!
//! A directory `SCENARIO@RELEASE` is the stack, and in `captured/` what was seen of its containers and its files' owners.

#![allow(clippy::unwrap_used, reason = "a failing test says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use openclaw_compose::finding::{PlaceRole, Severity};
use openclaw_compose::openclaw::{Report, Stack, examine};
use openclaw_compose::project::{self, Inputs, Texts};

/// Where the stack of every recording lies.
const ROOT: &str = "/srv/stack";
const OWNERSHIP: &str = "captured/ownership.txt";
const INSPECT: &str = "captured/inspect.json";

struct Row {
    scenario: String,
    release: String,
    /// Code, name, file and line.
    cause: String,
    /// By their paths in the stack.
    files: BTreeMap<String, String>,
    /// By the same.
    captured: BTreeMap<String, String>,
}

impl Row {
    fn all() -> Vec<Self> {
        let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live"));
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let (scenario, release) = path.file_name().unwrap().to_str().unwrap().split_once('@').unwrap();
        let mut files = BTreeMap::new();
        texts(path, "", &mut files);
        let cause = files.remove("cause").unwrap().trim().to_owned();
        let (captured, files) = files.into_iter().partition(|(path, _)| path.starts_with("captured/"));
        Self { scenario: scenario.to_owned(), release: release.to_owned(), cause, files, captured }
    }

    fn examine(&self) -> Report {
        let mut files = Texts::new();
        for (path, text) in &self.files {
            files.insert(format!("{ROOT}/{path}"), text);
        }
        let inputs = Inputs::new(ROOT).project_name(format!("live-{}", self.scenario));
        let resolution = project::resolve(&inputs, &files);
        assert!(resolution.compose_would_refuse().is_none(), "{}", self.scenario);
        let mut stack = Stack::new(&resolution).files(&files);
        if let Some(listing) = self.captured.get(OWNERSHIP) {
            stack = stack.ownership(OWNERSHIP, listing);
        }
        if let Some(inspect) = self.captured.get(INSPECT) {
            stack = stack.inspect(INSPECT, inspect.as_str());
        }
        examine(&stack)
    }
}

/// All files below a directory.
fn texts(root: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            texts(root, &path, found);
        } else {
            #[expect(clippy::disallowed_methods, reason = "tests read their cases")]
            found.insert(path, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Code, name, file and line of the first cause; where the files shut no gate, of what is wrong with the containers.
fn cause(report: &Report) -> String {
    let code = report.first_cause().and_then(|(_, gate)| gate.code);
    let first = code.and_then(|code| report.of_code(code).next());
    let mut errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let Some(finding) = first.or_else(|| errors.next()) else { return "none".to_owned() };
    let decided = finding.places.iter().find(|place| place.role == PlaceRole::Decided);
    let place = decided.map_or_else(String::new, |place| format!("{}:{}", place.file, place.line));
    format!("{} {} {place}", finding.code.id(), finding.code.name())
}

#[test]
fn what_real_containers_showed_leads_to_the_cause_and_its_line() {
    let rows = Row::all();
    let wrong: Vec<String> = rows
        .iter()
        .map(|row| (row, cause(&row.examine())))
        .filter(|(row, found)| *found != row.cause)
        .map(|(row, found)| format!("{}@{}: {found}, expected {}", row.scenario, row.release, row.cause))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let newest: BTreeSet<&str> =
        rows.iter().filter(|row| row.release == "2026.9.6").map(|row| row.scenario.as_str()).collect();
    for scenario in ["silent-override", "own-loopback", "loopback-bind", "uid-drift", "stranded", "sidecar"] {
        assert!(newest.contains(scenario), "{scenario} was not recorded");
    }
}

/// The files of a run made its containers: if a placeholder stood for two values, or two for one, they would not agree.
#[test]
fn containers_are_as_their_files_say() {
    for row in Row::all() {
        let report = row.examine();
        assert!(!report.containers.is_empty(), "{}@{}: no container is known", row.scenario, row.release);
        for container in report.containers {
            assert!(container.differs.is_empty(), "{}@{}: {container:?}", row.scenario, row.release);
        }
    }
}

/// Whose files they are, which namespace is dead and who was killed stands in no file of the stack.
#[test]
fn without_what_was_captured_some_causes_are_not_seen() {
    for mut row in Row::all() {
        let is_seen_outside = matches!(row.scenario.as_str(), "uid-drift" | "stranded" | "drain");
        row.captured.clear();
        assert_eq!(cause(&row.examine()) != row.cause, is_seen_outside, "{}@{}", row.scenario, row.release);
    }
}

/// Sources and letters of the tokens that the gateway enforces and the client sends.
fn tokens(report: &Report) -> [(String, String); 2] {
    let gateway = &report.gateways[0];
    let client = report.client("openclaw-cli").unwrap();
    [(&gateway.token_from, &gateway.token_class), (&client.token_from, &client.token_class)]
        .map(|(from, class)| (from.clone().unwrap(), class.clone().unwrap()))
}

/// Each of these gateways refused its client with `gateway token mismatch`.
#[test]
fn every_release_enforces_the_token_of_its_configuration() {
    let conflicts = Row::all().into_iter().filter(|row| row.cause.starts_with("OC-C301"));
    let mut releases = BTreeSet::new();
    for row in conflicts {
        let [(enforced_from, enforced), (sent_from, sent)] = tokens(&row.examine());
        assert_eq!(enforced_from, "gateway.auth.token", "{}", row.release);
        assert!(sent_from.contains("OPENCLAW_GATEWAY_TOKEN"), "{}: {sent_from}", row.release);
        assert_ne!(enforced, sent, "{}", row.release);
        releases.insert(row.release);
    }
    assert_eq!(releases.len(), 3, "{releases:?}");
}

/// Without a URL the client of 2026.7.1 sends the token of its environment, the newest that of openclaw.json: the run saw
/// that both got along when nothing but the release was changed.
#[test]
fn an_upgrade_hides_a_token_conflict() {
    let mut rows = Row::all().into_iter();
    let mut row = rows.find(|row| row.scenario == "upgrade").expect("it was recorded");
    row.captured.clear();
    for text in row.files.values_mut() {
        *text = text.replace("openclaw-live:2026.7.1", "openclaw-live:2026.9.6");
    }
    let [(_, enforced), (_, sent)] = tokens(&row.examine());
    assert_eq!(enforced, sent);
}
