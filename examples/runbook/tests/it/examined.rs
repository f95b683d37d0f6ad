//! `runbook sources`, `namespaces` and `fix`: what a person reads, what a script reads, and what they do
//! with bad input. On copies of the bundled stacks, whose tokens nothing may print.
#![expect(clippy::disallowed_methods, reason = "the tests run programs with files of their own")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::{RUNBOOK, STACKS, copy, status, stderr, stdout};
use serde_json::Value;

/// Exit status, standard output and standard error of a subcommand that is run beside the stack.
fn run(subcommand: &str, beside: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(RUNBOOK)
        .arg(subcommand)
        .args(arguments)
        .current_dir(beside)
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .output()
        .unwrap();
    (status(&output), stdout(&output), stderr(&output))
}

/// The subcommand on a bundled stack.
fn on(subcommand: &str, stack: &str, arguments: &[&str]) -> (i32, String) {
    let dir = copy(stack);
    let mut all = vec!["--project-directory", stack];
    all.extend_from_slice(arguments);
    let (code, said, complaint) = run(subcommand, dir.path(), &all);
    assert_eq!(complaint, "", "{stack}");
    (code, said)
}

/// The exit status, and these texts in this order.
fn says(answer: &(i32, String), exit: i32, lines: &[&str]) {
    let mut rest = answer.1.as_str();
    for line in lines.iter().map(|line| line.trim_start_matches('\n')) {
        let Some((_, behind)) = rest.split_once(line) else {
            panic!("{line:?} is not next in\n{}", answer.1)
        };
        rest = behind;
    }
    assert_eq!(answer.0, exit, "{}", answer.1);
}

#[test]
fn diff_sources_shows_who_disagrees_and_where() {
    let lines = [
        "value  service           source",
        "\nB      openclaw-cli      OPENCLAW_GATEWAY_TOKEN",
        "client          silent-override/.env:5:24\n",
        "\nA      openclaw-gateway  gateway.auth.token",
        "server, client  silent-override/state/openclaw.json:9:14\n",
        "openclaw-gateway decides by server-config-first\n",
        "openclaw-cli dials ws://127.0.0.1:18789 and decides by client-env-url-takes-env-only\n",
        "error OC-C301 silent-override: ",
        "\n  silent-override/state/openclaw.json:9:14\n  silent-override/.env:5:24\n",
        "\n  next: write the value that openclaw-gateway enforces",
        "\n        docker compose up -d",
    ];
    says(&on("sources", "silent-override", &[]), 1, &lines);
}

#[test]
fn diff_sources_says_that_all_agree() {
    let lines = ["\nA      openclaw-cli", "\nAll sources that count hold the same value.\n"];
    says(&on("sources", "healthy", &[]), 0, &lines);
}

#[test]
fn check_namespaces_stops_at_the_clients_own_loopback() {
    let lines = [
        "Network namespaces\n  openclaw-cli: its own\n  openclaw-gateway: its own\n",
        "\nopenclaw-cli -> ws://127.0.0.1:18789\n",
        "\n  STOP    openclaw-cli dials ws://127.0.0.1:18789 (the default, its own loopback): that is its own container",
        "\n          own-loopback/compose.yaml:30:3\n",
        "\n  next: let openclaw-cli share the network namespace of openclaw-gateway",
        "\n        docker compose up -d openclaw-cli\n",
        "\n  check: docker run --rm --network",
    ];
    says(&on("namespaces", "own-loopback", &[]), 1, &lines);
}

#[test]
fn check_namespaces_leaves_the_token_to_diff_sources() {
    let (code, said) = on("namespaces", "silent-override", &[]);
    assert_eq!(code, 0);
    let later = "arrives, and is stopped later by OC-C301 silent-override; see `runbook sources`\n";
    assert!(said.contains(later) && !said.contains("next:"), "{said}");
}

#[test]
fn fix_shows_a_unified_diff_with_secrets_masked() {
    let lines = [
        "error OC-C301 silent-override: ",
        "\n--- silent-override/.env\n+++ silent-override/.env\n@@ ",
        "\n-OPENCLAW_GATEWAY_TOKEN=********\n+OPENCLAW_GATEWAY_TOKEN=********\n",
        "\nnothing was written\n",
    ];
    says(&on("fix", "silent-override", &["--dry-run"]), 0, &lines);
}

#[test]
fn fix_shows_every_line_that_goes() {
    let lines = [
        "error OC-C201 own-loopback: ",
        "\n--- own-loopback/compose.yaml\n+++ own-loopback/compose.yaml\n@@ ",
        "\n+    network_mode: \"service:openclaw-gateway\"\n",
        "\n-      GATEWAY_URL: ws://openclaw-gateway:18789\n",
        "\nnothing was written; give --yes to write\n",
    ];
    says(&on("fix", "own-loopback", &[]), 1, &lines);
}

#[test]
fn fix_leaves_to_a_person_what_no_edit_mends() {
    let lines = [
        "not by an edit: OC-C401 uid-drift: state belongs to 0:0 with mode 755",
        "\n  sudo chown -R 1000:1000 state\n",
        "nothing to mend by edits\n",
    ];
    says(&on("fix", "uid-drift", &[]), 1, &lines);
    says(&on("fix", "uid-drift", &["--dry-run"]), 0, &lines);
    says(&on("fix", "healthy", &[]), 0, &["nothing to mend by edits\n"]);
}

#[test]
fn fix_writes_what_it_showed_and_the_cause_is_gone() {
    for (stack, code) in
        [("silent-override", "silent-override"), ("own-loopback", "OC-C201"), ("loopback-bind", "OC-C202")]
    {
        let dir = copy(stack);
        // The containers that were captured there ran on the files as they were.
        std::fs::remove_dir_all(dir.path().join(stack).join("captured")).unwrap();
        let arguments = ["--project-directory", stack, "--code", code];
        let (exit, shown, _) = run("fix", dir.path(), &arguments);
        assert_eq!(exit, 1, "{stack}: {shown}");
        let before = contents(dir.path());
        let (exit, _, _) = run("fix", dir.path(), &[&arguments[..], &["--yes", "--dry-run"]].concat());
        assert_eq!((exit, contents(dir.path())), (0, before), "{stack}: --dry-run wins");

        let (exit, said, _) = run("fix", dir.path(), &[&arguments[..], &["--yes"]].concat());
        assert_eq!(exit, 0, "{said}");
        let next = format!("now run: docker compose --project-directory {stack} up");
        assert!(said.contains("written as transaction") && said.contains(&next), "{said}");
        let (exit, again, _) = run("fix", dir.path(), &arguments);
        assert_eq!(exit, 0, "{again}");
        assert!(again.contains("nothing to mend by edits"), "{stack}: {again}");
        let left = run("sources", dir.path(), &["--project-directory", stack]);
        assert_eq!(left.0, 0, "{}", left.1);
        let left = run("namespaces", dir.path(), &["--project-directory", stack]);
        assert_eq!(left.0, 0, "{}", left.1);
    }
}

/// Every file below a directory, the programs' own records aside.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                out.push((path.display().to_string(), std::fs::read(path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn json_is_for_scripts_and_holds_the_same() {
    for stack in STACKS {
        let (code, text) = on("sources", stack, &["--json", "--search"]);
        let shown: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{stack}: {error}"));
        assert_eq!(code == 0, shown["findings"].as_array().unwrap().is_empty(), "{stack}");
        assert!(shown["search"]["files"].as_u64().unwrap() > 2, "{stack}");
        let letters = shown["tokens"].as_array().unwrap().iter().filter_map(|token| token["class"].as_str());
        assert!(letters.count() > 0, "{stack}");

        let (code, text) = on("namespaces", stack, &["--json"]);
        let shown: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{stack}: {error}"));
        let reds = shown["clients"].as_array().unwrap().iter().flat_map(|client| {
            client["gates"].as_array().unwrap().iter().filter(|gate| gate["state"] == "red")
        });
        let stops = reds.filter(|gate| gate["gate"] != "auth").count();
        assert_eq!(code == 0, stops == 0, "{stack}");
    }
}

#[test]
fn no_program_prints_a_token() {
    for stack in STACKS {
        for (program, arguments) in [
            ("sources", &["--search"][..]),
            ("sources", &["--json", "--search"]),
            ("namespaces", &[]),
            ("namespaces", &["--json"]),
            ("fix", &["--dry-run", "--judgement"]),
            ("fix", &["--yes", "--judgement"]),
        ] {
            let (_, said) = on(program, stack, arguments);
            assert!(!said.contains("test-token"), "{program} {arguments:?} on {stack}:\n{said}");
        }
    }
}

#[test]
fn bad_input_is_one_line_and_status_2() {
    let dir = copy("healthy");
    let put = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).unwrap();
    put("junk.yaml", b"services: [a\n  b: c\n");
    put("binary.yaml", b"\x7fELF\0\xff");
    put("list.yaml", b"- a\n");
    for subcommand in ["sources", "namespaces", "fix"] {
        for arguments in [
            &["--project-directory", "nowhere"][..],
            &["-f", "nowhere.yaml"],
            &["-f", "junk.yaml"],
            &["-f", "binary.yaml"],
            &["-f", "list.yaml"],
            &["--project-directory", "healthy", "--no-such-flag"],
        ] {
            let (code, said, complaint) = run(subcommand, dir.path(), arguments);
            assert_eq!((code, said.as_str()), (2, ""), "{subcommand} {arguments:?}: {complaint}");
            let is_usage = complaint.contains("Usage:");
            assert!(is_usage || complaint.lines().count() == 1, "{subcommand} {arguments:?}: {complaint}");
        }
    }
    let (code, _, complaint) = run("fix", dir.path(), &["--code", "OC-C999"]);
    assert_eq!((code, complaint.contains("OC-C999 is not a code")), (2, true), "{complaint}");
}

#[test]
fn fix_writes_nothing_where_a_file_changed_under_it_or_cannot_be_written() {
    let dir = copy("own-loopback");
    let compose = dir.path().join("own-loopback/compose.yaml");
    // A directory in the place of the transaction's own records.
    std::fs::write(dir.path().join("own-loopback/.openclaw-token"), "in the way").unwrap();
    let before = std::fs::read(&compose).unwrap();
    let (code, _, complaint) = run("fix", dir.path(), &["--project-directory", "own-loopback", "--yes"]);
    assert_eq!(code, 2, "{complaint}");
    assert!(complaint.contains("nothing was changed"), "{complaint}");
    assert_eq!(std::fs::read(&compose).unwrap(), before);
}

/// `| head` may leave before all is said: what was asked for is done, and the exit status is what it would have been.
#[test]
fn a_reader_that_leaves_changes_nothing() {
    let with_mode: [(&str, &[&str]); 5] = [
        ("sources", &[]),
        ("namespaces", &[]),
        ("fix", &["--yes"]),
        ("freeze", &["--adopt", "--by", "ops"]),
        ("freeze", &["--verify"]),
    ];
    let (heard, unheard) = (copy("own-loopback"), copy("own-loopback"));
    let there = ["--project-directory", "own-loopback"];
    for (subcommand, arguments) in with_mode {
        let (code, ..) = run(subcommand, heard.path(), &[&there[..], arguments].concat());
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = Command::new(RUNBOOK)
            .arg(subcommand)
            .args(there)
            .args(arguments)
            .current_dir(unheard.path())
            .env_clear()
            .env("RUNBOOK_HOST_FILES", "1")
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{subcommand} {arguments:?}");
    }
    let left = |dir: &tempfile::TempDir| {
        let stack = dir.path().join("own-loopback");
        let records = std::fs::read_dir(stack.join(".openclaw-token")).unwrap();
        let names: BTreeSet<_> = records.map(|entry| entry.unwrap().file_name()).collect();
        (
            names,
            std::fs::read(stack.join("compose.yaml")).unwrap(),
            std::fs::read(stack.join(".env")).unwrap(),
        )
    };
    assert_eq!(left(&heard), left(&unheard));
}

/// An engine that cannot be asked: the files are judged all the same, and it is said.
#[test]
fn docker_that_is_not_there_is_said_and_no_crash() {
    let dir = copy("healthy");
    for subcommand in ["sources", "namespaces", "fix", "look"] {
        let mut arguments = vec!["--docker"];
        if subcommand == "look" {
            arguments.push("healthy");
        } else {
            arguments.extend(["--project-directory", "healthy"]);
        }
        let output = Command::new(RUNBOOK)
            .arg(subcommand)
            .args(&arguments)
            .current_dir(dir.path())
            .env_clear()
            .env("RUNBOOK_HOST_FILES", "1")
            .env("DOCKER_HOST", format!("unix://{}/none.sock", dir.path().display()))
            .output()
            .unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert!(status(&output) <= 3, "{subcommand}: {said}");
        // The runbook wraps its lines.
        let words: Vec<&str> = said.split_whitespace().collect();
        assert!(words.join(" ").contains("there is no such socket"), "{subcommand}: {said}");
    }
}
