//! Each small program answers its question, and stays small.
#![expect(clippy::disallowed_methods, reason = "programs are run, and their sources are looked at")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

use openclaw_embedded_gateway::{Gateway, Phase};

const STACKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../stacks");

fn stack(name: &str) -> String {
    format!("{STACKS}/{name}")
}

/// Exit status and all that was printed.
fn run(program: &str, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(arguments).env_clear().output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains("not-a-secret"), "{said}");
    (output.status.code().unwrap(), said)
}

/// The status, and each of these texts in what was printed.
fn says((status, said): &(i32, String), expected: i32, texts: &[&str]) {
    assert_eq!(*status, expected, "{said}");
    for text in texts {
        assert!(said.contains(text), "{text:?} is not in\n{said}");
    }
}

#[test]
fn what_wins_names_the_winner_and_what_it_shadows() {
    let program = env!("CARGO_BIN_EXE_what-wins");
    let answer = run(program, &[&stack("silent-override"), "openclaw-cli", "OPENCLAW_GATEWAY_TOKEN"]);
    says(&answer, 0, &["decided at", ".env:5:24"]);
    says(&run(program, &[&stack("healthy"), "openclaw-cli", "NO_SUCH"]), 1, &["has no NO_SUCH"]);
    says(&run(program, &[]), 2, &["usage: "]);
}

#[test]
fn who_arrives_says_what_stops_the_others() {
    let program = env!("CARGO_BIN_EXE_who-arrives");
    says(
        &run(program, &[&stack("own-loopback")]),
        1,
        &["openclaw-cli (ws://127.0.0.1:18789): stopped", "next: "],
    );
    says(&run(program, &[&stack("healthy")]), 0, &["nothing in the files stops it"]);
}

#[test]
fn same_token_compares_and_judges() {
    let program = env!("CARGO_BIN_EXE_same-token");
    says(&run(program, &[&stack("silent-override")]), 1, &["OC-T201 tokens-differ"]);
    says(&run(program, &[&stack("healthy")]), 0, &[" 0 findings"]);
}

#[test]
fn who_waits_shows_the_circle_and_the_way_out() {
    let captured = format!("{}/captured", stack("pairing-deadlock"));
    let files = ["devices/openclaw-gateway.json", "logs/openclaw-gateway.log"];
    let files = files.map(|file| format!("{captured}/{file}"));
    let answer = run(env!("CARGO_BIN_EXE_who-waits"), &[&files[0], &files[1]]);
    says(&answer, 0, &["OC-P1", "waits for", "1. "]);
}

#[test]
fn first_cause_is_that_of_the_ticket() {
    let program = env!("CARGO_BIN_EXE_first-cause");
    says(
        &run(program, &[&stack("own-loopback")]),
        1,
        &["own-loopback: ", "$ runbook fix --project-directory"],
    );
    says(&run(program, &[&stack("healthy")]), 0, &["no gate is red"]);
    says(&run(program, &["/nonexistent"]), 2, &["/nonexistent is not a directory"]);
}

#[test]
fn first_session_goes_from_waiting_to_a_session() {
    let answer = run(env!("CARGO_BIN_EXE_first-session"), &[]);
    says(
        &answer,
        0,
        &["the device waits: ", "the owner approves it for operator.read", "it has its session"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_and_gate_open_ask_a_gateway() {
    let gateway =
        Gateway::builder().token("test-token-of-the-small".to_owned().into()).start().await.unwrap();
    let url = gateway.url();
    let ask = |program: &'static str, arguments: &'static [&'static str]| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || run(program, &[&[url.as_str()], arguments].concat()))
    };
    let (how_far, gate_open) = (env!("CARGO_BIN_EXE_how-far"), env!("CARGO_BIN_EXE_gate-open"));
    says(&ask(how_far, &[]).await.unwrap(), 0, &["alive up to challenge"]);
    says(&ask(gate_open, &["30"]).await.unwrap(), 0, &["open: ready 3 times in a row"]);
    gateway.set_phase(Phase::Starting);
    says(&ask(how_far, &[]).await.unwrap(), 14, &["alive up to liveness; startup fails", "next: Wait"]);
    says(&ask(gate_open, &["1"]).await.unwrap(), 14, &["shut: "]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ops_tool_says_all_of_it_in_under_sixty_lines() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/ops-tool.rs")).unwrap();
    assert!(text.lines().count() < 60);
    let program = env!("CARGO_BIN_EXE_ops-tool");
    says(&run(program, &[]), 1, &["usage: "]);
    let stack = stack("healthy");
    let env = std::fs::read_to_string(format!("{stack}/.env")).unwrap();
    let token = env.lines().find_map(|line| line.strip_prefix("OPENCLAW_GATEWAY_TOKEN=")).unwrap();
    let gateway = Gateway::builder().token(token.to_owned().into()).auto_approve_local(false);
    let gateway = gateway.start().await.unwrap();
    let url = gateway.url();
    let answer = tokio::task::spawn_blocking(move || run(program, &[&stack, &url])).await.unwrap();
    says(&answer, 0, &["\"verdict\"", "\"stories\"", "\"frozen\": \"oct1:", "operator.pairing", "\"climb\""]);
    gateway.stop().await;
}

#[test]
fn each_is_under_eighty_lines_and_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let programs: Vec<PathBuf> =
        std::fs::read_dir(root.join("src/bin")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for program in &programs {
        let lines = std::fs::read_to_string(program).unwrap().lines().count();
        assert!(lines < 80, "{} has {lines} lines", program.display());
        let name = program.file_stem().unwrap().to_str().unwrap();
        assert!(readme.contains(&format!("| [`{name}`](src/bin/{name}.rs) |")), "{name} is not in README.md");
    }
    assert_eq!(readme.matches("](src/bin/").count(), programs.len());
}
