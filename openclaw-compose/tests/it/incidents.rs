//! Small stacks made from incidents, one file each: what must be found first, what else must be said, and which remedies
//! are proven by applying them.
//!
//! A file begins with a note and `key: value` lines:
//!
//! | key | meaning |
//! | --- | --- |
//! | `first` | name of the code of the first red gate, or `none` |
//! | `at` | `file:line` that the finding of `first` gives as its deciding place |
//! | `codes` | names of codes that must be among the findings |
//! | `silent` | names of codes that must not be among them |
//! | `proof` | names of codes whose edits, applied, must make their findings go away |
//! | `version`, `upgrade`, `vm`, `shell` | what the caller knows besides |
//!
//! Every other section is a file of the stack; `ownership.txt`, `inspect.json`, `engine.json`, `idmap.txt`, `definition:NAME` and
//! `container:SERVICE:/path` are evidence.
//! Tokens begin with `canary-`, and no output may hold that word.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test says so")]

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{self, errors, red};
use openclaw_compose::edit::{Applicability, Edit};
use openclaw_compose::finding::{Code, Finding};
use openclaw_compose::openclaw::{Definition, GateState, Host, Report, Stack, examine};
use openclaw_compose::project::{self, Inputs, Texts};

const ROOT: &str = "/srv";

struct Case {
    name: String,
    head: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Case {
    fn read(name: &str, text: &str) -> Self {
        let mut head = BTreeMap::new();
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let mut current: Option<String> = None;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("== ") {
                files.insert(path.to_owned(), String::new());
                current = Some(path.to_owned());
            } else if let Some(path) = &current {
                let file = files.get_mut(path).unwrap();
                file.push_str(line);
                file.push('\n');
            } else if let Some((key, value)) = line.split_once(": ").filter(|_| !line.starts_with('#')) {
                head.insert(key.to_owned(), value.to_owned());
            }
        }
        Self { name: name.to_owned(), head, files }
    }

    fn all() -> Vec<Self> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/incidents");
        let mut paths: Vec<_> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
            .iter()
            .map(|path| {
                let name = path.file_stem().unwrap().to_str().unwrap();
                #[expect(clippy::disallowed_methods, reason = "tests read their cases")]
                let text = std::fs::read_to_string(path).unwrap();
                Self::read(name, &text)
            })
            .collect()
    }

    fn list(&self, key: &str) -> Vec<&str> {
        self.head.get(key).map_or(Vec::new(), |value| value.split(", ").collect())
    }

    fn examine(&self) -> Report {
        self.examine_on(self.head.contains_key("vm").then_some(Host::Mac))
    }

    fn examine_on(&self, host: Option<Host>) -> Report {
        let mut files = Texts::new();
        for (path, text) in &self.files {
            files.insert(if path.starts_with('/') { path.clone() } else { format!("{ROOT}/{path}") }, text);
        }
        let mut inputs = Inputs::new(ROOT);
        if let Some((name, value)) = self.head.get("shell").and_then(|shell| shell.split_once('=')) {
            inputs = inputs.variable(name, value);
        }
        let resolution = project::resolve(&inputs, &files);
        // Jobs of the host are a stack without a Compose file.
        let of_jobs = self.files.keys().any(|path| path.starts_with("definition:"))
            && !self.files.contains_key("compose.yaml");
        let refusal = resolution.compose_would_refuse().filter(|_| !of_jobs);
        assert!(refusal.is_none(), "{}: Compose refuses: {refusal:?}", self.name);
        let other = project::resolve(&inputs.clone().dialect(resolution.dialect().counterpart()), &files);
        let mut stack = Stack::new(&resolution).files(&files).otherwise(&other, false);
        for (path, text) in &self.files {
            if path == "ownership.txt" {
                stack = stack.ownership(path, text);
            } else if path == "inspect.json" {
                stack = stack.inspect(path, text.as_str());
            } else if path.starts_with("container:") {
                stack = stack.text(path, text.as_str());
            } else if path == "engine.json" {
                stack = stack.engine(path, text.as_str());
            } else if path == "idmap.txt" {
                stack = stack.id_map(path, text);
            } else if let Some(name) = path.strip_prefix("definition:") {
                stack = stack.definition(Definition { name: name.to_owned(), text: text.as_str().into() });
            }
        }
        if let Some(version) = self.head.get("version") {
            stack = stack.version(version.parse().unwrap());
        }
        if let Some(version) = self.head.get("upgrade") {
            stack = stack.upgrade_to(version.parse().unwrap());
        }
        if let Some(host) = host {
            stack = stack.host(host);
        }
        examine(&stack)
    }

    /// The same stack after some edits.
    fn edited(&self, edits: &[Edit], report: &Report) -> Self {
        let files = support::edited(&self.files, edits, report);
        let files = files.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        Self { name: format!("{} (edited)", self.name), head: self.head.clone(), files }
    }
}

/// Every command for the host of a Mac is one that it has, in its own shell: what GNU's tools or Linux alone have runs in a
/// container or not at all, and zsh expands nothing but a home.
#[test]
fn commands_for_a_mac_are_those_of_a_mac() {
    const NOT_THERE: [&str; 9] = [
        "chown",
        "stat -c",
        "-printf",
        "getfacl",
        "setfacl",
        "getenforce",
        "-ldnZ",
        "systemctl",
        "/etc/subuid",
    ];
    // No Mac has systemd.
    let is_of_a_mac = |case: &Case| !case.files.keys().any(|file| file.ends_with(".service"));
    for case in Case::all().into_iter().filter(is_of_a_mac) {
        for finding in case.examine_on(Some(Host::Mac)).findings {
            let command = finding.remedy.and_then(|remedy| remedy.command).unwrap_or_default();
            for line in command.lines() {
                let is_inside =
                    line.starts_with("docker compose exec -T ") || line.starts_with("docker compose run ");
                let not_there = NOT_THERE.iter().find(|words| !is_inside && line.contains(**words));
                assert_eq!(not_there, None, "{}: {line}", case.name);
                assert!(
                    !line.contains("compose exec ") || line.contains("exec -T "),
                    "{}: {line}",
                    case.name
                );
                let mut bare = String::new();
                for (at, part) in line.split('\'').enumerate() {
                    bare.push_str(if at % 2 == 0 { part } else { "quoted" });
                }
                let expands = bare
                    .split(' ')
                    .any(|word| word.starts_with(['=', '#']) || word.contains(['*', '?', '[', '!', '^']));
                assert!(!expands, "{}: zsh would expand {line}", case.name);
            }
        }
    }
}

#[test]
fn what_two_releases_of_compose_read_differently_is_told_with_both_values() {
    let told: Vec<(String, String, Vec<String>)> = Case::all()
        .iter()
        .flat_map(|case| {
            let report = case.examine();
            let of_code = report.of_code(Code::ComposeReleasesDiffer);
            let told = of_code.map(|finding| {
                let place = finding.primary().map(ToString::to_string).unwrap_or_default();
                (format!("{} at {place}", case.name), finding.summary.clone(), finding.evidence.clone())
            });
            told.collect::<Vec<_>>()
        })
        .collect();
    expect_test::expect![[r#"
        [
            (
                "f90-compose-releases-differ at b.env:2:9",
                "services.watcher.environment.WATCHED is \"http://second:18789\" with Docker Compose 2.40.3 and \"http://first:18789\" with Docker Compose 2.26.1",
                [],
            ),
        ]
    "#]].assert_debug_eq(&told);
}

fn first_cause(report: &Report) -> Option<Code> {
    report.first_cause().and_then(|(_, gate)| gate.code)
}

/// `file:line` of the first finding of a code, as a person opens it.
fn place(report: &Report, code: Code) -> String {
    let finding = report.of_code(code).next().unwrap_or_else(|| panic!("{code} has a finding"));
    finding.places.first().map_or_else(String::new, |place| format!("{}:{}", place.file, place.line))
}

fn names(findings: &[Finding]) -> BTreeSet<&'static str> {
    findings.iter().map(|finding| finding.code.name()).collect()
}

#[test]
fn every_incident_has_its_first_cause() {
    let mut wrong = Vec::new();
    for case in Case::all() {
        let report = case.examine();
        let first = first_cause(&report).map_or("none", Code::name);
        if first != case.head["first"] {
            wrong.push(format!("{}: first cause {first}, expected {}", case.name, case.head["first"]));
        }
        if let (Some(wanted), Some(code)) = (case.head.get("at"), first_cause(&report)) {
            let place = place(&report, code);
            if place != *wanted {
                wrong.push(format!("{}: {first} is at {place}, expected {wanted}", case.name));
            }
        }
        let found = names(&report.findings);
        for code in case.list("silent").into_iter().filter(|code| found.contains(code)) {
            wrong.push(format!("{}: {code} is false", case.name));
        }
        for code in case.list("codes") {
            if !found.contains(code) {
                wrong.push(format!("{}: {code} is missing from {found:?}", case.name));
            }
        }
        for (client, gate) in
            report.clients.iter().flat_map(|client| client.gates.iter().map(move |gate| (client, gate)))
        {
            let rests_on = gate.finding.and_then(|id| report.finding(id)).map(|finding| finding.code);
            if gate.state == GateState::Red && (gate.code.is_none() || rests_on != gate.code) {
                wrong.push(format!(
                    "{}: {} has a red gate {:?} for {:?} that rests on {rests_on:?}",
                    case.name, client.name, gate.gate, gate.code
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_remedy_with_edits_mends_and_breaks_nothing() {
    let mut wrong = Vec::new();
    for case in Case::all() {
        let report = case.examine();
        let mut proven = BTreeSet::new();
        for finding in &report.findings {
            let Some(remedy) = finding.remedy.as_ref().filter(|remedy| !remedy.edits.is_empty()) else {
                continue;
            };
            let after = case.edited(&remedy.edits, &report).examine();
            let (before_count, after_count) =
                (report.of_code(finding.code).count(), after.of_code(finding.code).count());
            let code = finding.code.name();
            if after_count >= before_count {
                wrong.push(format!("{}: {code} is still there after its edits", case.name));
            }
            let new: Vec<_> = errors(&after).difference(&errors(&report)).copied().collect();
            if !new.is_empty() {
                wrong.push(format!("{}: the edits of {code} bring {new:?}", case.name));
            }
            let new: Vec<_> = red(&after).difference(&red(&report)).cloned().collect();
            if !new.is_empty() {
                wrong.push(format!("{}: the edits of {code} turn gates red: {new:?}", case.name));
            }
            let twice = after
                .findings
                .iter()
                .find(|after| after.code == finding.code && after.places == finding.places);
            if twice.is_some() && after_count >= before_count {
                wrong.push(format!("{}: {code} has no effect", case.name));
            }
            proven.insert(code);
        }
        for code in case.list("proof") {
            if !proven.contains(code) {
                wrong.push(format!("{}: {code} carries no edits", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The house rules of remedies, over everything that any case suggests.
#[test]
fn no_remedy_makes_things_worse() {
    for case in Case::all() {
        let report = case.examine();
        for finding in &report.findings {
            let Some(remedy) = &finding.remedy else { continue };
            for edit in &remedy.edits {
                let shown = format!("{edit:?}");
                for bad in ["allowInsecureAuth", "dangerously", "\"loopback\"", "privileged", "777"] {
                    assert!(!shown.contains(bad), "{}: {shown}", case.name);
                }
                let downgrade = shown.contains("INSECURE_PRIVATE_WS");
                assert!(
                    !downgrade || edit.applicability == Applicability::Judgement,
                    "{}: {shown}",
                    case.name
                );
            }
            let command = remedy.command.as_deref().unwrap_or_default();
            assert!(!command.contains("chmod"), "{}: {command}", case.name);
            assert!(
                !command.contains("compose restart"),
                "{}: restart does not read the files again",
                case.name
            );
            if command.contains(" up ") {
                for gateway in report
                    .gateways
                    .iter()
                    .filter(|gateway| command.split(' ').any(|word| word == gateway.service))
                {
                    for dependant in &gateway.stranded_by_restart {
                        assert!(
                            command.split(' ').any(|word| word == dependant),
                            "{}: {command} strands {dependant}",
                            case.name
                        );
                    }
                }
            }
        }
    }
}

/// The gateway and an app that OpenClaw does not know mount openclaw.json by itself; the CLI has the directory.
const MOUNTED_ALONE: &str = r#"
== app/compose.yaml
services:
  openclaw-gateway:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    command: [openclaw, gateway]
    environment:
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
    volumes: ["./state:/home/node/.openclaw", "./state/openclaw.json:/home/node/.openclaw/openclaw.json"]
    ports: ["127.0.0.1:18789:18789"]
  openclaw-cli:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: "service:openclaw-gateway"
    volumes: ["./state:/home/node/.openclaw"]
  indexer:
    image: example/indexer:1
    volumes: ["./state/openclaw.json:/etc/openclaw.json:ro"]
    configs: [{ source: settings, target: /etc/settings }]
  outsider:
    image: example/indexer:1
    volumes: ["./other/openclaw.json:/etc/openclaw.json:ro"]
configs:
  settings: { file: ./.env }
== app/.env
OPENCLAW_GATEWAY_TOKEN=canary-b-3z5x7c9v1b2n4m6a8s0d
== app/state/openclaw.json
{
  gateway: {
    mode: "local",
    bind: "loopback",
    auth: { token: "canary-a-7q2w9e4r6t8y1u3i5o7p" },
  },
}
"#;

/// A container keeps the old file where it mounts the file rather than its directory.
#[test]
fn edits_of_a_file_that_is_mounted_by_itself_end_in_new_containers() {
    let remedies = |text: &str, directory: &str| -> BTreeMap<&str, (Vec<String>, Option<String>)> {
        let case = Case::read("mounted alone", text);
        let mut files = Texts::new();
        for (path, text) in &case.files {
            files.insert(format!("{ROOT}/{path}"), text);
        }
        let mut inputs = Inputs::new(directory);
        inputs.files = vec![format!("{ROOT}/app/compose.yaml")];
        let resolution = project::resolve(&inputs, &files);
        let report = examine(&Stack::new(&resolution).files(&files));
        let found = report.findings.iter().filter_map(|finding| Some((finding, finding.remedy.as_ref()?)));
        found
            .filter(|(_, remedy)| !remedy.edits.is_empty())
            .map(|(finding, remedy)| {
                let files = remedy.edits.iter().map(|edit| edit.file.clone()).collect();
                (finding.code.name(), (files, remedy.command.clone()))
            })
            .collect()
    };
    let command = |services: &str| Some(format!("docker compose up -d --force-recreate {services}"));
    let by_directory = |text: &str| {
        text.replace(", \"./state/openclaw.json:/home/node/.openclaw/openclaw.json\"", "")
            .replace("./state/openclaw.json:/etc/openclaw.json", "./state:/etc/openclaw")
            .replace("    configs: [{ source: settings, target: /etc/settings }]\n", "")
    };
    // Files are named by where the command runs; the remedies are the same.
    for (directory, dotenv, compose) in [
        ("/srv/app", ".env", "compose.yaml"),
        ("/srv", "app/.env", "app/compose.yaml"),
        ("/srv/x", "../app/.env", "../app/compose.yaml"),
        ("/home/node", "/srv/app/.env", "/srv/app/compose.yaml"),
    ] {
        let alone = remedies(MOUNTED_ALONE, directory);
        let config = vec!["state/openclaw.json".to_owned()];
        let gateway = command("openclaw-gateway openclaw-cli indexer");
        assert_eq!(alone["loopback-bind"], (config.clone(), gateway.clone()), "{directory}");
        // Without an edit of such a file nothing is recreated that was not.
        assert_eq!(alone["stop-grace-too-short"], (vec![compose.to_owned()], None), "{directory}");
        assert_eq!(alone["silent-override"], (vec![dotenv.to_owned()], gateway), "{directory}");
        let directories = remedies(&by_directory(MOUNTED_ALONE), directory);
        let gateway = command("openclaw-gateway openclaw-cli");
        assert_eq!(directories["loopback-bind"], (config, gateway.clone()), "{directory}");
        assert_eq!(directories["silent-override"], (vec![dotenv.to_owned()], gateway), "{directory}");
    }
    // A remedy that is a matter of the file alone gets the step, too.
    let lan = MOUNTED_ALONE.replace("\"loopback\"", "\"lan\", controlUi: { allowInsecureAuth: true }");
    let all = command("indexer openclaw-gateway openclaw-cli");
    assert_eq!(remedies(&lan, "/srv")["bypass-left-behind"].1, all);
    assert_eq!(remedies(&by_directory(&lan), "/srv")["bypass-left-behind"].1, None);
}

/// Codes that no stack can show: they come from a search, or from asking an engine.
const ELSEWHERE: [&str; 4] =
    ["second-minter", "token-in-checkout", "engine-unreachable", "evidence-incomplete"];

#[test]
fn every_code_of_this_floor_is_produced() {
    let mut produced: BTreeSet<&str> = ELSEWHERE.into();
    for case in Case::all() {
        produced.extend(names(&case.examine().findings));
    }
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|code| code.id() >= "OC-C200")
        .map(|code| code.name())
        .filter(|name| !produced.contains(name))
        .collect();
    assert!(missing.is_empty(), "no incident produces {missing:?}");
}

#[test]
fn no_output_holds_a_token() {
    for case in Case::all() {
        let outputs = support::outputs(&case.examine());
        for needle in support::needles() {
            for output in &outputs {
                assert!(!output.contains(&needle), "{}: {needle} in {output}", case.name);
            }
        }
    }
}
