//! Bad input gives one clear answer: an exit status, the file, the line where there is one; no panic, nothing written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![expect(clippy::disallowed_methods, reason = "tests prepare their own files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{self, RUNBOOK, copy, runbook, status, stderr, stdout};

/// What is done to a copy of the healthy stack, the exit status, and what the answer must contain.
struct Case {
    name: &'static str,
    spoil: fn(&Path),
    exit: i32,
    says: &'static [&'static str],
}

const HUGE: usize = 16 * 1024 * 1024 + 1;

const CASES: &[Case] = &[
    // The project itself: 2.
    Case { name: "no compose file", spoil: |dir| remove(dir, "compose.yaml"), exit: 2, says: &["OC-C100"] },
    Case {
        name: "compose file is a directory",
        spoil: |dir| {
            remove(dir, "compose.yaml");
            make_dir(dir, "compose.yaml");
        },
        exit: 2,
        says: &["compose.yaml"],
    },
    Case {
        name: "compose file is a link to itself",
        spoil: |dir| loop_of(dir, "compose.yaml"),
        exit: 2,
        says: &["compose.yaml"],
    },
    Case {
        name: "invalid YAML",
        spoil: |dir| write(dir, "compose.yaml", b"services:\n  gw:\n    image: [a\n    b: c\n"),
        exit: 2,
        says: &["compose.yaml:", "OC-C010"],
    },
    Case {
        name: "compose file is junk",
        spoil: |dir| write(dir, "compose.yaml", b"\x7fELF\0\0\xff\xfe\0"),
        exit: 2,
        says: &["compose.yaml"],
    },
    Case {
        name: "compose file is huge",
        spoil: |dir| write(dir, "compose.yaml", &vec![b'#'; HUGE]),
        exit: 2,
        says: &["compose.yaml", "larger than"],
    },
    Case {
        name: "compose file is a list",
        spoil: |dir| write(dir, "compose.yaml", b"- a\n- b\n"),
        exit: 2,
        says: &["compose.yaml:1"],
    },
    // What belongs to the gateway: a finding, 1.
    Case {
        name: "the disk is full under a gateway that says ready",
        spoil: |dir| {
            let log = dir.join("captured/logs/openclaw-gateway.log");
            let full = "[ws] ✗ parse-error error=Error: database or disk is full: code=ERR_SQLITE_ERROR\n";
            std::fs::write(&log, std::fs::read_to_string(&log).unwrap() + full).unwrap();
        },
        exit: 1,
        says: &[
            "OC-R205 gateway-log-disk-full",
            "captured/logs/openclaw-gateway.log:13",
            "-rf /home/node/.openclaw/cache",
            "docker compose restart openclaw-gateway",
        ],
    },
    Case {
        name: "the gateway before this one was killed and made anew at once",
        spoil: |dir| {
            let log = "[gateway] loading configuration…\nGateway failed to start: Another Gateway owner lease is still \
                       active for this state directory.\n";
            write(dir, "captured/logs/openclaw-gateway.log", log.as_bytes());
        },
        exit: 1,
        says: &[
            "OC-R206 gateway-log-state-leased",
            "captured/logs/openclaw-gateway.log:2",
            "docker compose up --detach openclaw-gateway",
        ],
    },
    Case {
        name: "invalid JSON5",
        spoil: |dir| {
            write(
                dir,
                "state/openclaw.json",
                b"{\n  gateway: {\n    mode: \"local\"\n    bind: \"lan\",\n  },\n}\n",
            );
        },
        exit: 1,
        says: &["state/openclaw.json:4:5"],
    },
    Case {
        name: "openclaw.json is junk",
        spoil: |dir| write(dir, "state/openclaw.json", b"\0\xff\0"),
        exit: 1,
        says: &["state/openclaw.json"],
    },
    Case {
        name: "openclaw.json is huge",
        spoil: |dir| write(dir, "state/openclaw.json", &vec![b' '; HUGE]),
        exit: 1,
        says: &["state/openclaw.json", "16 MiB"],
    },
    Case {
        name: "openclaw.json is a directory",
        spoil: |dir| {
            remove(dir, "state/openclaw.json");
            make_dir(dir, "state/openclaw.json");
        },
        exit: 1,
        says: &["state/openclaw.json"],
    },
    Case {
        name: "openclaw.json is a link to itself",
        spoil: |dir| loop_of(dir, "state/openclaw.json"),
        exit: 1,
        says: &["state/openclaw.json"],
    },
    Case {
        name: "openclaw.json is missing, and the gateway says ready",
        spoil: |dir| remove(dir, "state/openclaw.json"),
        exit: 3,
        says: &["openclaw.json", "OC-C804"],
    },
    Case {
        name: "openclaw.json is missing, and nobody says that the gateway is up",
        spoil: |dir| {
            remove(dir, "state/openclaw.json");
            std::fs::remove_dir_all(dir.join("captured")).unwrap();
        },
        exit: 1,
        says: &["openclaw.json"],
    },
    Case {
        name: "the state directory is a link to itself",
        spoil: |dir| {
            remove(dir, "state/openclaw.json");
            std::fs::remove_dir(dir.join("state")).unwrap();
            loop_of(dir, "state");
        },
        exit: 1,
        says: &["state"],
    },
    Case {
        name: "invalid .env",
        spoil: |dir| write(dir, ".env", b"# fine\nOPENCLAW GATEWAY TOKEN\n"),
        exit: 1,
        says: &[".env:2"],
    },
    Case {
        name: ".env is a directory",
        spoil: |dir| {
            remove(dir, ".env");
            make_dir(dir, ".env");
        },
        exit: 1,
        says: &[".env"],
    },
    Case {
        name: ".env is junk",
        spoil: |dir| write(dir, ".env", b"\0\xff=\xfe\n"),
        exit: 1,
        says: &[".env"],
    },
    Case { name: "no .env", spoil: |dir| remove(dir, ".env"), exit: 1, says: &["OPENCLAW_GATEWAY_TOKEN"] },
    // Evidence that should show something and cannot be judged: 3.
    Case {
        name: "inspect is cut off, and no log shows what it should",
        spoil: |dir| {
            write(dir, "captured/inspect.json", b"[{\n\"State\":");
            std::fs::remove_dir_all(dir.join("captured/logs")).unwrap();
        },
        exit: 3,
        says: &["captured/inspect.json:2"],
    },
    Case {
        name: "a log is junk",
        spoil: |dir| write(dir, "captured/logs/openclaw-gateway.log", b"a\0b"),
        exit: 3,
        says: &["captured/logs/openclaw-gateway.log"],
    },
    Case {
        name: "a device list is no list",
        spoil: |dir| write(dir, "captured/devices/openclaw-gateway.json", b"{}"),
        exit: 3,
        says: &["captured/devices/openclaw-gateway.json"],
    },
    Case {
        name: "the listing has a bad line",
        spoil: |dir| write(dir, "captured/ownership.txt", b"# owners\nroot root state\n"),
        exit: 3,
        says: &["captured/ownership.txt:2"],
    },
    // Not bad at all.
    Case {
        name: "several compose files",
        spoil: |dir| write(dir, "docker-compose.yml", b"services: {}\n"),
        exit: 0,
        says: &["OC-C101"],
    },
    Case {
        name: "nothing captured but the owners",
        spoil: |dir| {
            std::fs::remove_dir_all(dir.join("captured/logs")).unwrap();
            std::fs::remove_dir_all(dir.join("captured/devices")).unwrap();
            remove(dir, "captured/inspect.json");
        },
        exit: 3,
        says: &["not seen logs", "docker inspect", "devices list"],
    },
];

fn write(dir: &Path, file: &str, bytes: &[u8]) {
    std::fs::write(dir.join(file), bytes).unwrap();
}

fn remove(dir: &Path, file: &str) {
    std::fs::remove_file(dir.join(file)).unwrap();
}

fn make_dir(dir: &Path, name: &str) {
    std::fs::create_dir(dir.join(name)).unwrap();
}

fn loop_of(dir: &Path, name: &str) {
    let path = dir.join(name);
    let _ = std::fs::remove_file(&path);
    std::os::unix::fs::symlink(&path, &path).unwrap();
}

/// Every path below a directory with its size, links not followed.
fn listing(dir: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.path().symlink_metadata().unwrap();
        found.insert(entry.path(), metadata.len());
        if metadata.is_dir() {
            found.extend(listing(&entry.path()));
        }
    }
    found
}

#[test]
fn every_kind_of_bad_input_has_its_answer() {
    for case in CASES {
        let dir = copy("healthy");
        let stack = dir.path().join("healthy");
        (case.spoil)(&stack);
        let before = listing(&stack);
        let output = runbook(&[stack.to_str().unwrap()]);
        let answer = stdout(&output) + &stderr(&output);
        assert_eq!(status(&output), case.exit, "{}:\n{answer}", case.name);
        for says in case.says {
            assert!(answer.contains(says), "{}: {says:?} is not in\n{answer}", case.name);
        }
        assert!(!answer.contains("panicked"), "{}:\n{answer}", case.name);
        assert_eq!(stdout(&output).is_empty(), case.exit == 2, "{}:\n{answer}", case.name);
        assert_eq!(listing(&stack), before, "{}: something was written", case.name);
    }
}

#[test]
fn a_stack_that_is_not_there_is_one_line() {
    for path in ["/nonexistent/stack", "Cargo.toml"] {
        let output = runbook(&[path]);
        assert_eq!(status(&output), 2);
        assert_eq!(stdout(&output), "");
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert!(stderr(&output).contains(path));
    }
}

#[test]
fn a_bad_call_is_exit_2() {
    for arguments in [
        &["examples/stacks/healthy", "--format", "pdf"][..],
        &["examples/stacks/healthy", "--through", "door"],
        &["examples/stacks/healthy", "--at", "yesterday"],
        &["--file", "compose.yaml"],
    ] {
        assert_eq!(status(&runbook(arguments)), 2, "{arguments:?}");
    }
}

#[test]
fn help_documents_every_exit_status_and_gate() {
    let help = stdout(&runbook(&["--help"]));
    for word in ["  0  ", "  1  ", "  2  ", "  3  ", "state, listener", "NO_COLOR", "captured/"] {
        assert!(help.contains(word), "{word:?} is not in\n{help}");
    }
}

/// Runs a subcommand on a stack and waits for its end, which a program that waits for a FIFO would never reach.
fn ends(subcommand: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(RUNBOOK);
    command
        .arg(subcommand)
        .args(arguments)
        .current_dir(support::root())
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id().to_string();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
    told.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        panic!("{subcommand} {arguments:?} hangs")
    })
}

fn make_fifo(path: &Path) {
    let _ = std::fs::remove_file(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// The subcommands that read a stack, and how each is told which.
fn programs(stack: &str) -> Vec<(&'static str, Vec<&str>)> {
    let project = |subcommand, more: &[&'static str]| {
        let mut arguments = vec!["--project-directory", stack];
        arguments.extend(more);
        (subcommand, arguments)
    };
    vec![
        ("look", vec![stack]),
        ("diff", vec![stack, stack]),
        project("fix", &["--dry-run"]),
        project("freeze", &["--verify"]),
        project("sources", &["--search"]),
        project("config", &["config"]),
        project("explain", &["name"]),
        project("namespaces", &[]),
    ]
}

#[test]
fn a_fifo_holds_no_program_up() {
    let everything = "\
include: [included.yaml]
services:
  a:
    image: x
    env_file: a.env
    label_file: labels
    extends: {file: base.yaml, service: b}
";
    let places = [
        "compose.yaml",
        "compose.override.yaml",
        ".env",
        "included.yaml",
        "base.yaml",
        "a.env",
        "labels",
        "state/openclaw.json",
        "state/.env",
        "captured/ownership.txt",
        "captured/inspect.json",
        "captured/engine.json",
        "captured/idmap.txt",
        "captured/logs",
        "captured/logs/openclaw-gateway.log",
        "captured/devices/openclaw-gateway.json",
        "captured/launchd/a.plist",
        "captured/systemd/a.service",
    ];
    for place in places {
        let dir = copy("healthy");
        let stack = dir.path().join("healthy");
        for (file, text) in [("a.env", "A=1"), ("labels", "a=1")] {
            write(&stack, file, text.as_bytes());
        }
        write(&stack, "base.yaml", b"services: {b: {image: x}}");
        write(&stack, "included.yaml", b"services: {c: {image: x}}");
        write(&stack, "compose.override.yaml", everything.as_bytes());
        if place == "captured/logs" {
            std::fs::remove_dir_all(stack.join(place)).unwrap();
        }
        make_fifo(&stack.join(place));
        let path = stack.to_str().unwrap();
        for (subcommand, arguments) in programs(path) {
            let output = ends(subcommand, &arguments);
            let answer = stdout(&output) + &stderr(&output);
            assert!(!answer.contains("panicked"), "{place}: {answer}");
            if subcommand == "look" {
                // What was captured may be shown by something else as well.
                assert!(status(&output) != 0 || place.starts_with("captured/"), "{place}: {answer}");
                let name = place.rsplit('/').next().unwrap();
                assert!(answer.contains(name) && answer.contains("FIFO"), "{place}: {answer}");
            }
        }
    }
}

#[test]
fn a_fifo_on_the_command_line_holds_no_program_up() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo.service");
    make_fifo(&fifo);
    let fifo = fifo.to_str().unwrap();
    for (subcommand, arguments) in [
        ("pair", vec!["--gateway-log", fifo]),
        ("pair", vec!["--gateway-list", fifo]),
        ("pair", vec!["--client-output", fifo]),
        ("supervisors", vec![fifo]),
        ("probe", vec!["--token-file", fifo, "ws://127.0.0.1:9"]),
        ("config", vec!["-f", fifo, "config"]),
        ("config", vec!["-f", "/dev/null", "--env-file", fifo, "config"]),
    ] {
        let output = ends(subcommand, &arguments);
        let answer = stderr(&output);
        assert_ne!(status(&output), 0, "{subcommand} {arguments:?}: {answer}");
        assert!(answer.contains("a FIFO, not a regular file"), "{subcommand} {arguments:?}: {answer}");
    }
}

#[test]
fn a_link_out_of_the_stack_is_named_and_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "env", b"OPENCLAW_GATEWAY_TOKEN=canary-of-another-stack-4711\n");
    write(
        outside.path(),
        "openclaw.json",
        b"{ gateway: { auth: { token: 'canary-of-another-stack-4711' } } }",
    );
    write(outside.path(), "openclaw-gateway.log", b"canary-of-another-stack-4711\n");
    let places = [
        (".env", "env"),
        ("state/openclaw.json", "openclaw.json"),
        ("state/.env", "env"),
        ("captured/logs/openclaw-gateway.log", "openclaw-gateway.log"),
    ];
    for (place, target) in places {
        let dir = copy("healthy");
        let stack = dir.path().join("healthy");
        let _ = std::fs::remove_file(stack.join(place));
        std::os::unix::fs::symlink(outside.path().join(target), stack.join(place)).unwrap();
        let path = stack.to_str().unwrap();
        let output = runbook(&[path]);
        let answer = stdout(&output);
        assert_ne!(status(&output), 0, "{place}: {answer}");
        let words: Vec<&str> = answer.split_whitespace().collect();
        let words = words.join(" ");
        let link = stack.join(place);
        assert!(words.contains(&format!("the link {} leads to", link.display())), "{place}: {answer}");
        assert!(words.contains("--follow-links"), "{place}: {answer}");
        // Every program keeps out, and none shows a byte of it.
        for (subcommand, arguments) in programs(path) {
            let output = ends(subcommand, &arguments);
            let answer = stdout(&output) + &stderr(&output);
            assert!(!answer.contains("canary"), "{subcommand} {place}: {answer}");
        }
        let followed = stdout(&runbook(&[path, "--follow-links"]));
        assert!(!followed.contains("leads to"), "{place}: {followed}");
    }
}

/// The words of a reader of JSON quote a value that is of another kind than it expects.
#[test]
fn a_file_in_the_place_of_another_is_not_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let stack = copy("healthy");
    let stack = stack.path().join("healthy");
    let stack = stack.to_str().unwrap();
    for (arguments, text) in [
        (&["look", stack, "--compare"][..], r#"{"schema": "x", "stack": "x", "clients": "sunflower"}"#),
        (
            &["look", stack, "--compare"],
            r#"{"schema": "x", "clients": [{"rungs": [{"gate": "sunflower"}]}]}"#,
        ),
        (&["export", "--targets"], r#"[{"targets": "sunflower"}]"#),
        (&["export", "--targets"], r#"{"sunflower": 4815162342}"#),
        (&["pair", "--gateway-list"], r#"{"pending": "sunflower"}"#),
    ] {
        let file = dir.path().join("file.json");
        std::fs::write(&file, text).unwrap();
        let output = runbook(&[arguments, &[file.to_str().unwrap()]].concat());
        let said = stdout(&output) + &stderr(&output);
        assert!(status(&output) > 1 && said.contains("file.json"), "{arguments:?}: {said}");
        assert!(!said.contains("sunflower") && !said.contains("4815162342"), "{arguments:?}: {said}");
    }
}
