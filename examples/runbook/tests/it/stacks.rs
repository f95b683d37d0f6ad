//! Each bundled stack says in its README what its ticket must say; the runbook is held to it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use crate::support::{self, STACKS, root, runbook, status, stderr, stdout};
use expect_test::expect_file;
use serde_json::Value;

/// What a stack's README says under "The ticket must say": `- key: value`, backticks dropped.
#[expect(clippy::disallowed_methods, reason = "the expectations are files")]
fn expectations(stack: &str) -> Vec<(String, String)> {
    let path = root().join("examples/stacks").join(stack).join("README.md");
    let readme = std::fs::read_to_string(path).expect("every stack has a README");
    let (_, section) =
        readme.split_once("## The ticket must say").expect("the README says what the ticket must say");
    section
        .lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_once(": "))
        .map(|(key, value)| (key.to_owned(), value.replace('`', "")))
        .collect()
}

fn ticket(stack: &str) -> (Value, i32) {
    let output = runbook(&[&format!("examples/stacks/{stack}"), "--format", "json"]);
    assert_eq!(stderr(&output), "");
    (serde_json::from_str(&stdout(&output)).expect("the ticket is JSON"), status(&output))
}

#[test]
fn every_stack_gets_the_ticket_its_readme_promises() {
    for stack in STACKS {
        let (ticket, exit) = ticket(stack);
        let expected = expectations(stack);
        assert!(expected.iter().any(|(key, _)| key == "exit status"), "{stack}");
        let cause =
            ticket["first_cause"]["finding"].as_u64().map(|number| &ticket["findings"][number as usize]);
        let at = |role: &str| {
            let places = cause.and_then(|cause| cause["places"].as_array()).cloned().unwrap_or_default();
            let of_role = places.iter().filter(|place| place["role"] == role);
            let at: Vec<_> = of_role
                .map(|place| {
                    format!("{}:{}:{}", place["file"].as_str().unwrap(), place["line"], place["column"])
                })
                .collect();
            at.join(" and ")
        };
        for (key, value) in expected {
            let got = match key.as_str() {
                "exit status" => exit.to_string(),
                "first red gate" => ticket["first_cause"]["gate"].as_str().unwrap_or("none").to_owned(),
                "shut for" => {
                    let clients = ticket["first_cause"]["clients"].as_array().cloned().unwrap_or_default();
                    clients.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
                }
                "first cause" => cause.map_or("none".to_owned(), |cause| {
                    format!("{} {}", cause["code"].as_str().unwrap(), cause["name"].as_str().unwrap())
                }),
                "decided at" => at("decided"),
                "shadowed at" => at("shadowed"),
                // Where one command is not enough, the first of the steps.
                "next step" => cause
                    .and_then(|cause| {
                        cause["steps"][0]["command"].as_str().or(cause["remedy"]["command"].as_str())
                    })
                    .unwrap_or("none")
                    .to_owned(),
                "mend with" => cause.and_then(|cause| cause["mend"].as_str()).unwrap_or("none").to_owned(),
                "advisories" => ticket["advisories"].as_array().map_or(0, Vec::len).to_string(),
                other => panic!("{stack}: README expects {other:?}, which nobody checks"),
            };
            assert_eq!(got, value, "{stack}: {key}");
        }
        assert_eq!(ticket["exit"], exit, "{stack}");
    }
}

#[test]
fn the_tickets_look_like_this() {
    for stack in STACKS {
        let path = format!("examples/stacks/{stack}");
        let text = stdout(&runbook(&[&path]));
        expect_file![format!("../tickets/{stack}.txt")].assert_eq(&text);
        let markdown = stdout(&runbook(&[&path, "--format", "markdown"]));
        expect_file![format!("../tickets/{stack}.md")].assert_eq(&markdown);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["text", "json", "markdown", "html", "sarif", "junit"] {
        for stack in STACKS {
            let path = format!("examples/stacks/{stack}");
            let arguments = [
                path.as_str(),
                "--format",
                format,
                "--at",
                "2026-11-22T06:30:00Z",
                "--hostname",
                "mac-vps-1",
            ];
            let (first, second) = (runbook(&arguments), runbook(&arguments));
            assert_eq!(first.stdout, second.stdout, "{stack} {format}");
            assert!(stdout(&first).contains("mac-vps-1") && stdout(&first).contains("2026-11-22T06:30:00Z"));
            assert!(first.stdout.len() < 150_000, "{stack} {format}");
        }
    }
}

#[test]
fn a_gate_asked_for_must_have_been_observed() {
    let through =
        |stack: &str, gate: &str| status(&runbook(&[&format!("examples/stacks/{stack}"), "--through", gate]));
    assert_eq!(through("healthy", "state"), 0);
    assert_eq!(through("healthy", "reach"), 0);
    // Nobody saw the host's own client get a session.
    assert_eq!(through("healthy", "session"), 3);
    assert_eq!(through("uid-drift", "state"), 1);
    assert_eq!(through("healthy", "sessions"), 2);
}

/// Every file of the stacks is as git keeps it: what the tickets quote is what a clone holds.
#[test]
fn no_stack_holds_a_token_that_looks_real() {
    for stack in STACKS {
        let text = stdout(&runbook(&[&format!("examples/stacks/{stack}"), "--format", "json"]));
        assert!(!text.contains("not-a-secret"), "{stack} shows its token");
    }
}

/// Whoever starts from a stack pins the image that they pulled; a digest that nobody ever pulled would pin nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "the stacks are files of the project")]
fn no_stack_pins_an_image_that_is_made_up() {
    for stack in STACKS {
        let resolved = runbook(&["config", "--project-directory", &format!("examples/stacks/{stack}")]);
        assert_eq!(status(&resolved), 0, "{stack}: {}", stderr(&resolved));
        let inspected = root().join("examples/stacks").join(stack).join("captured/inspect.json");
        let text = stdout(&resolved) + &std::fs::read_to_string(inspected).unwrap();
        assert!(!text.contains("sha256:"), "{stack} names a digest");
    }
}

/// The token's own judgement stands beside the gates: a weak token opens them as well as a strong one.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn a_weak_token_stands_beside_green_gates_and_is_not_shown() {
    let dir = support::copy("healthy");
    let stack = dir.path().join("healthy");
    let env = std::fs::read_to_string(stack.join(".env")).unwrap();
    let (before, _) = env.split_once("OPENCLAW_GATEWAY_TOKEN=").unwrap();
    std::fs::write(stack.join(".env"), format!("{before}OPENCLAW_GATEWAY_TOKEN=qwertzuiop12\n")).unwrap();
    std::fs::remove_file(stack.join("captured/inspect.json")).unwrap();
    let output = runbook(&[stack.to_str().unwrap()]);
    let text = stdout(&output);
    for landmark in ["GREEN", "OC-T121 weak-token", "OC-T120 short-token", "OC-T300 not-frozen"] {
        assert!(text.contains(landmark), "{landmark}\n{text}");
    }
    assert_eq!(status(&output), 0, "{text}");
    assert!(!text.contains("RED") && !text.contains("qwertzuiop"), "{text}");
}

/// What openclaw-compose already refuses is said once.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn a_stand_in_that_shuts_a_gate_is_said_once() {
    let dir = support::copy("healthy");
    let stack = dir.path().join("healthy");
    std::fs::write(stack.join(".env"), "OPENCLAW_GATEWAY_TOKEN=undefined\n").unwrap();
    let output = runbook(&[stack.to_str().unwrap()]);
    let text = stdout(&output);
    assert_eq!(status(&output), 1, "{text}");
    assert!(text.contains("OC-C316") && !text.contains("OC-T10"), "{text}");
}

/// A record that cannot be read is said, and is not taken for none.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn a_broken_record_of_the_freeze_is_no_missing_one() {
    let dir = support::copy("healthy");
    let stack = dir.path().join("healthy");
    let records = stack.join(".openclaw-token/records");
    std::fs::create_dir_all(&records).unwrap();
    std::fs::write(records.join("record-000001.json"), "{\"schema\": 1,").unwrap();
    let text = stdout(&runbook(&[stack.to_str().unwrap()]));
    assert!(text.contains("OC-R101 evidence-unreadable  The record of the freeze"), "{text}");
    assert!(!text.contains("OC-T300"), "{text}");
}

const ONE_ANCHOR: &str = "x-env: &env
  OPENCLAW_GATEWAY_URL: ws://127.0.0.1:18790
  OPENCLAW_GATEWAY_TOKEN: test-token-1
services:
  gateway:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: { OPENCLAW_GATEWAY_TOKEN: test-token-1 }
  a-cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:gateway
    environment: *env
  cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:gateway
    environment: *env
";

/// The name of one is the end of the other's, and both findings point at the same line.
#[test]
#[expect(clippy::disallowed_methods, reason = "the stack is made here")]
fn clients_on_one_anchor_carry_a_finding_each_and_one_remedy_mends_both() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("compose.yaml"), ONE_ANCHOR).unwrap();
    let look = || -> Value {
        let output = runbook(&[dir.path().to_str().unwrap(), "--format", "json"]);
        serde_json::from_str(&stdout(&output)).expect("the ticket is JSON")
    };
    let ticket = look();
    let mut places = Vec::new();
    for client in ["a-cli", "cli"] {
        let ladder =
            ticket["clients"].as_array().unwrap().iter().find(|ladder| ladder["client"]["name"] == client);
        let rungs = ladder.expect("a ladder")["rungs"].as_array().unwrap();
        let red = rungs.iter().find(|rung| rung["state"] == "red").expect("a red gate");
        let [number] = &red["findings"].as_array().unwrap()[..] else { panic!("{red}") };
        let finding = &ticket["findings"][number.as_u64().unwrap() as usize];
        assert_eq!((&finding["name"], &finding["gate"]), (&"wrong-port".into(), &"reach".into()));
        assert_eq!(finding["subject"], serde_json::json!({ "kind": "client", "name": client }));
        assert!(finding["summary"].as_str().unwrap().starts_with(&format!("{client} dials")), "{finding}");
        assert!(finding["mend"].as_str().unwrap().ends_with("--code OC-C205 --yes"), "{finding}");
        places.push(&finding["places"]);
    }
    assert_eq!(places[0], places[1]);
    assert_eq!(ticket["unaccounted"], Value::Null, "each is laid to its own gate");

    let stack = dir.path().to_str().unwrap();
    let fixed = runbook(&["fix", "--project-directory", stack, "--code", "OC-C205", "--yes"]);
    assert_eq!((status(&fixed), stderr(&fixed).as_str()), (0, ""), "{}", stdout(&fixed));
    let changed = std::fs::read_to_string(dir.path().join("compose.yaml")).unwrap();
    let lines: Vec<_> = changed.lines().zip(ONE_ANCHOR.lines()).filter(|(new, old)| new != old).collect();
    assert_eq!(lines.len(), 1, "{changed}");
    let names = look()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["name"].clone())
        .collect::<Vec<_>>();
    assert!(!names.contains(&"wrong-port".into()), "{names:?}");
}
