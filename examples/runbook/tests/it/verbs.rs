//! The steps by their names: align, undo, recover, all, and what is printed for a person to do.
#![expect(clippy::disallowed_methods, reason = "the program is run, and its files are looked at")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::path::Path;
use std::process::Command;

use crate::support::{RUNBOOK, contents, copy, status, stderr, stdout};

/// Exit status and all that was printed.
fn run(stack: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(RUNBOOK);
    let command = command.args(arguments).current_dir(stack).env_clear().env("RUNBOOK_HOST_FILES", "1");
    let output = command.output().unwrap();
    (status(&output), stdout(&output) + &stderr(&output))
}

/// A bundled stack as it is on a host: without what was captured of it.
fn stack(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = copy(name);
    let stack = dir.path().join(name);
    std::fs::remove_dir_all(stack.join("captured")).unwrap();
    (dir, stack)
}

#[test]
fn align_writes_the_enforced_token_and_freezes_it_and_undo_takes_that_back_once() {
    let (_dir, stack) = stack("silent-override");
    let before = contents(&stack);
    let (code, said) = run(&stack, &["align"]);
    assert!(code == 1 && said.contains("give --yes to write") && said.contains("+++ .env"), "{said}");
    assert_eq!(contents(&stack), before);
    let (code, said) = run(&stack, &["align", "--yes"]);
    assert!(code == 0 && said.contains("wrote .env"), "{said}");
    assert!(!said.contains("not-a-secret"), "{said}");
    assert_eq!(run(&stack, &["freeze", "--verify"]).0, 0);
    assert_eq!(run(&stack, &["align"]).0, 0, "nothing is left to do");
    let (code, said) = run(&stack, &["look", "."]);
    assert!(code == 3 && said.starts_with("OPEN"), "{said}");

    let (code, said) = run(&stack, &["undo"]);
    assert!(code == 1 && said.contains("takes back transaction 1"), "{said}");
    assert_ne!(contents(&stack), before);
    let (code, said) = run(&stack, &["undo", "--yes"]);
    assert!(code == 0 && said.contains("the record of the freeze stays"), "{said}");
    assert_eq!(contents(&stack), before);
    let (code, said) = run(&stack, &["undo", "--yes"]);
    assert!(code == 1 && said.contains("transaction 2 took back what was changed last"), "{said}");
    assert_eq!(contents(&stack), before);
    // Another value than the frozen one stands there again, and is overwritten by it.
    let (code, said) = run(&stack, &["align", "--yes"]);
    assert!(code == 0 && said.contains("frozen already") && said.contains("wrote .env"), "{said}");
    assert_eq!(run(&stack, &["freeze", "--verify"]).0, 0);
}

/// A machine reads one document; what people are told stands beside it.
#[test]
fn each_step_tells_a_machine_what_it_did() {
    let (_dir, stack) = stack("silent-override");
    let step = |arguments: &[&str]| {
        let mut command = Command::new(RUNBOOK);
        let command = command.args(arguments).args(["--format", "json"]).current_dir(&stack);
        let output = command.env_clear().env("RUNBOOK_HOST_FILES", "1").output().unwrap();
        let told: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert!(!stdout(&output).contains("not-a-secret"), "{told}");
        (status(&output), told, stderr(&output))
    };
    let (code, told, said) = step(&["align"]);
    assert_eq!((code, &told["exit"], &told["transaction"]), (1, &1.into(), &serde_json::Value::Null));
    assert!(told["changes"][0]["file"] == ".env" && said.contains("give --yes to write"), "{told} {said}");
    let (code, told, _) = step(&["align", "--yes"]);
    assert!(code == 0 && told["transaction"] == 1 && told["record"]["generation"] == 1, "{told}");
    assert!(told["plan"]["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{told}");
    let (code, told, _) = step(&["freeze", "--verify"]);
    assert!(code == 0 && told["record"]["generation"] == 1, "{told}");
    let (code, told, _) = step(&["undo", "--yes"]);
    assert!(code == 0 && told["transaction"] == 2, "{told}");
    let (code, told, _) = step(&["freeze", "--verify"]);
    assert!(code == 1 && told["findings"][0]["code"] == "OC-T301", "{told}");
    let (code, told, _) = step(&["fix"]);
    assert!(
        code == 1 && told["findings"][0]["code"] == "OC-C301" && told["changes"][0]["diff"] != "",
        "{told}"
    );
    let (code, told, _) = step(&["recover"]);
    assert!(code == 0 && told["exit"] == 0, "{told}");
    let (code, told, said) = step(&["all", "--dry-run"]);
    assert!(code == 1 && told["verdict"] == "red" && said.contains("== 5 probe"), "{told} {said}");
}

#[test]
fn undo_takes_back_the_last_fix_and_not_what_somebody_changed_since() {
    let (_dir, stack) = stack("own-loopback");
    let before = contents(&stack);
    assert_eq!(run(&stack, &["fix", "--yes"]).0, 0);
    std::fs::write(stack.join("compose.yaml"), "services: {}\n").unwrap();
    let (code, said) = run(&stack, &["undo", "--yes"]);
    assert!(code == 2 && said.contains("nothing was changed"), "{said}");
    assert_eq!(std::fs::read_to_string(stack.join("compose.yaml")).unwrap(), "services: {}\n");
    let fresh = copy("own-loopback");
    let fresh = fresh.path().join("own-loopback");
    assert!(run(&fresh, &["undo"]).1.contains("no change of"), "nothing was done there");
    assert_eq!(run(&fresh, &["recover"]), (0, "nothing is half done\n".to_owned()));
    assert_ne!(contents(&stack), before);
}

#[test]
fn all_shows_each_step_and_does_it_where_that_is_wanted() {
    let (_dir, stack) = stack("own-loopback");
    let before = contents(&stack);
    for arguments in [&["all", "--dry-run"][..], &["all"]] {
        let (code, said) = run(&stack, arguments);
        assert_eq!(code, 1, "{said}");
        for step in [
            "== 1 freeze, and 2 align",
            "$ runbook align --yes",
            "== 3 namespace",
            "$ runbook fix --yes",
            "== 5 probe",
        ] {
            assert!(said.contains(step), "{step} is not in\n{said}");
        }
        assert_eq!(contents(&stack), before);
    }
    let (code, said) = run(&stack, &["all", "--yes"]);
    assert_eq!(code, 3, "no engine shows the session: {said}");
    assert!(said.contains("$ docker compose up -d --force-recreate\n  left to a person"), "{said}");
    assert!(said.contains("\nnow  OPEN  nothing is red"), "{said}");
    assert!(!said.contains("OC-T303"), "openclaw.json refers to the token, and holds none: {said}");
    let ledger = std::fs::read_to_string(stack.join(".openclaw-token/ledger.jsonl")).unwrap();
    assert_eq!(ledger.matches("runbook all: ").count(), 2, "{ledger}");
    // The last change alone is taken back.
    assert_eq!(run(&stack, &["undo", "--yes"]).0, 0);
    assert_eq!(contents(&stack), before);
}

#[test]
fn what_a_person_installs_and_reads_is_printed() {
    let here = Path::new(".");
    let (code, said) =
        run(here, &["supervise", "install", "launchd", "--user", "ops", "ws://127.0.0.1:18789"]);
    assert_eq!(code, 0, "{said}");
    let print = "runbook supervise print launchd --user ops ws://127.0.0.1:18789 | sudo tee";
    assert!(said.contains(print) && said.contains("launchctl bootstrap system"), "{said}");
    assert!(said.starts_with("sudo -u ops mkdir -p /Users/ops/Library/Logs\n"), "{said}");
    let (code, said) = run(here, &["supervise", "install", "systemd"]);
    assert!(code == 0 && said.contains("systemctl enable --now"), "{said}");
    let (code, said) = run(here, &["supervise", "print", "systemd"]);
    assert!(code == 0 && said.contains("[Service]"), "{said}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("gate.service"), said).unwrap();
    assert_ne!(run(dir.path(), &["supervise", "check", "gate.service"]).0, 78);

    let (code, said) = run(here, &["upgrade-check", "2026.7.1", "2026.9.6"]);
    assert!(code == 1 && said.contains("2026.8.1 the CLI prefers gateway.auth.token"), "{said}");
    assert_eq!(run(here, &["upgrade-check", "2026.9.6", "2026.9.6"]).0, 0);
    let (_, json) = run(here, &["upgrade-check", "2026.9.6", "2026.7.1", "--format", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap().as_array().unwrap().len() > 2);
}

/// Every subcommand, as the help lists it.
fn subcommands() -> Vec<String> {
    let help = run(Path::new("."), &["-h"]).1;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_subcommand_takes_the_same_flags_for_the_same_thing() {
    const PROJECT: [&str; 5] = ["--file", "--project-name", "--env-file", "--profile", "--project-directory"];
    const ENGINE: [&str; 2] = ["--docker", "--host-files"];
    // Whose answer is no matter of a project, or of its containers, or of a machine.
    let of_no_project = [
        "rehearse",
        "probe",
        "timeline",
        "triage",
        "gate",
        "export",
        "vantage",
        "supervise",
        "supervisors",
        "upgrade-check",
        "diff",
        "mask",
        "completions",
        "schema",
        "man",
    ];
    let of_files = ["undo", "recover", "config", "explain", "capture"];
    let answers = [
        "look",
        "all",
        "align",
        "fix",
        "freeze",
        "plan-rotation",
        "rotate",
        "undo",
        "recover",
        "gate",
        "sources",
        "namespaces",
        "pair",
        "probe",
        "timeline",
        "triage",
        "vantage",
        "supervisors",
        "upgrade-check",
        "config",
        "explain",
        "diff",
    ];
    for name in subcommands() {
        let help = run(Path::new("."), &[&name, "--help"]).1;
        let takes = |flag: &str| help.contains(&format!(" {flag}"));
        let is_of_project = !of_no_project.contains(&name.as_str());
        for flag in PROJECT {
            assert!(!is_of_project || takes(flag), "{name} does not take {flag}");
        }
        for flag in ENGINE {
            let asks = is_of_project && !of_files.contains(&name.as_str());
            assert!(!asks || takes(flag), "{name} does not take {flag}");
        }
        assert!(!answers.contains(&name.as_str()) || takes("--format"), "{name} does not take --format");
        let (code, said) = run(Path::new("."), &[&name, "--no-such-flag"]);
        // Whoever answers as Docker Compose ends as it does.
        assert_eq!(code, if name == "config" { 1 } else { 2 }, "{name}: {said}");
    }
}

#[test]
fn every_help_has_an_example() {
    let names = subcommands();
    for name in
        ["look", "all", "align", "fix", "namespaces", "pair", "probe", "gate", "undo", "recover", "supervise"]
    {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
    for name in names {
        let help = run(Path::new("."), &[&name, "--help"]).1;
        assert!(help.contains("Example"), "{name}: {help}");
    }
}
