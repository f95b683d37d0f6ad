//! `runbook freeze`, on throw-away copies of the bundled stacks.
#![expect(clippy::disallowed_methods, reason = "the test runs the program with files of its own")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::support::{self, RUNBOOK, UNREAD, as_owner, contents, copy, status, stderr, stdout};
use openclaw_token::fs::DirectoryStore;
use openclaw_token::fs::transaction::{Change, Transaction, TransactionError};
use openclaw_token::{Circumstances, Digest, FreezeRequest, Frozen, rotate};
use secrecy::ExposeSecret as _;

const ENV_TOKEN: &str = "test-token-laptop-4h7j2k9m3n6p8q1r5s0t-not-a-secret";
const JSON_TOKEN: &str = "test-token-wizard-8v2w5x9y1z4a7b0c3d6e-not-a-secret";

/// Exit status and all that was printed.
fn freeze(project: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(RUNBOOK)
        .arg("freeze")
        .arg("--project-directory")
        .arg(project)
        .args(arguments)
        .args(["--by", "ops"])
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .output()
        .unwrap();
    (status(&output), stdout(&output) + &stderr(&output))
}

fn read(project: &Path, file: &str) -> String {
    std::fs::read_to_string(project.join(file)).unwrap()
}

fn write(project: &Path, file: &str, text: &str) {
    std::fs::write(project.join(file), text).unwrap();
}

/// The token that stands in `.env`.
fn env_token(project: &Path) -> String {
    let env = read(project, ".env");
    env.lines().find_map(|line| line.strip_prefix("OPENCLAW_GATEWAY_TOKEN=")).unwrap().to_owned()
}

#[test]
fn sources_that_disagree_are_refused() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    for mode in ["--adopt", "--mint"] {
        let (code, said) = freeze(&project, &[mode]);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains("class A (.env) and class B (state/openclaw.json) hold different tokens"),
            "{said}"
        );
        assert!(!said.contains(ENV_TOKEN) && !said.contains(JSON_TOKEN), "{said}");
    }
    assert_eq!(env_token(&project), ENV_TOKEN);
    assert!(read(&project, "state/openclaw.json").contains(JSON_TOKEN));
}

#[test]
fn a_valid_token_is_adopted_and_never_minted_over() {
    let dir = copy("healthy");
    let project = dir.path().join("healthy");
    let before = read(&project, ".env");
    let (code, said) = freeze(&project, &["--mint"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("a place already holds a valid token"), "{said}");
    let (code, said) = freeze(&project, &["--verify"]);
    assert!(code == 1 && said.contains("OC-T300 not-frozen"), "{said}");

    let (code, said) = freeze(&project, &["--adopt"]);
    assert!(code == 0 && said.contains("generation 1, in .env, state/openclaw.json\n"), "{said}");
    let (code, said) = freeze(&project, &["--verify"]);
    assert!(code == 0 && said.contains("every place holds the frozen token"), "{said}");
    assert_eq!(read(&project, ".env"), before);
}

#[test]
fn a_rotation_writes_one_literal_everywhere() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    write(
        &project,
        "state/openclaw.json",
        &read(&project, "state/openclaw.json").replace(JSON_TOKEN, ENV_TOKEN),
    );
    assert_eq!(freeze(&project, &["--adopt"]).0, 0);
    assert_eq!(freeze(&project, &["--rotate"]).0, 2, "a rotation needs a reason");
    let (code, said) = freeze(&project, &["--rotate", "--reason", "lost laptop"]);
    assert!(code == 0 && said.contains("generation 2"), "{said}");

    let token = env_token(&project);
    assert_ne!(token, ENV_TOKEN);
    assert!(!said.contains(&token), "{said}");
    assert!(read(&project, "state/openclaw.json").contains(&format!("token: \"{token}\",")));
    assert_eq!(freeze(&project, &["--verify"]).0, 0);

    write(&project, ".env", &read(&project, ".env").replace(&token, ENV_TOKEN));
    let (code, said) = freeze(&project, &["--verify"]);
    assert!(code == 1 && said.contains("OC-T301 token-drift: .env"), "{said}");
}

#[test]
fn a_token_is_minted_where_none_is() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    write(&project, ".env", &read(&project, ".env").replace(ENV_TOKEN, ""));
    write(&project, "state/openclaw.json", &read(&project, "state/openclaw.json").replace(JSON_TOKEN, ""));
    let (code, said) = freeze(&project, &["--mint"]);
    assert_eq!(code, 0, "{said}");
    let token = env_token(&project);
    assert_eq!(token.len(), 64, "{said}");
    assert!(read(&project, "state/openclaw.json").contains(&format!("token: \"{token}\",")), "{said}");
    assert_eq!(freeze(&project, &["--verify"]).0, 0);
}

/// A Compose file is shared and committed: what it leaves empty becomes a reference, and `.env` holds the token.
#[test]
fn no_token_is_minted_into_a_compose_file() {
    for (empty, referring) in
        [("\"\"", "\"${OPENCLAW_GATEWAY_TOKEN}\""), ("''", "'${OPENCLAW_GATEWAY_TOKEN}'")]
    {
        for dotenv in [None, Some("TZ=UTC\n"), Some("OPENCLAW_GATEWAY_TOKEN=\nTZ=UTC\n")] {
            let dir = tempfile::tempdir().unwrap();
            let compose = |value: &str| {
                format!(
                    "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6\n    command: [gateway]\n    \
                     environment:\n      OPENCLAW_GATEWAY_TOKEN: {value}\n"
                )
            };
            write(dir.path(), "compose.yaml", &compose(empty));
            if let Some(text) = dotenv {
                write(dir.path(), ".env", text);
            }
            let (code, said) = freeze(dir.path(), &["--mint"]);
            assert!(code == 0 && said.contains("generation 1, in .env\n"), "{empty} {dotenv:?}: {said}");
            assert_eq!(read(dir.path(), "compose.yaml"), compose(referring));
            let token = env_token(dir.path());
            assert_eq!(token.len(), 64, "{said}");
            assert_eq!(read(dir.path(), ".env").matches("OPENCLAW_GATEWAY_TOKEN").count(), 1);
            assert!(read(dir.path(), ".env").contains("TZ=UTC") || dotenv.is_none());
            #[cfg(unix)]
            if dotenv.is_none() {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(dir.path().join(".env")).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
            assert_eq!(freeze(dir.path(), &["--verify"]).0, 0);
        }
    }
}

#[test]
fn a_rotation_is_planned_before_it_is_done() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    let (code, said) = freeze(&project, &["--plan"]);
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[1].starts_with("  1 openclaw-cli: stop them"), "{said}");
    assert!(lines.iter().any(|line| line.starts_with("  2 .env, state/openclaw.json: write")), "{said}");
    assert!(said.contains("4001 `gateway auth changed`"), "{said}");
    assert!(lines.iter().filter(|line| line.starts_with("      check: ")).count() >= 6, "{said}");
    assert!(!project.join(".openclaw-token").exists());
}

#[test]
fn a_reference_stays_a_reference() {
    let dir = copy("healthy");
    let project = dir.path().join("healthy");
    let before = read(&project, "state/openclaw.json");
    assert_eq!(freeze(&project, &["--adopt"]).0, 0);
    let (code, said) = freeze(&project, &["--rotate", "--reason", "lost laptop"]);
    assert!(code == 0 && said.contains("  wrote .env\n"), "{said}");
    assert_ne!(env_token(&project), healthy_token());
    assert_eq!(read(&project, "state/openclaw.json"), before);
    assert_eq!(freeze(&project, &["--verify"]).0, 0);
}

#[test]
fn a_weak_token_is_neither_adopted_nor_minted_over() {
    let dir = copy("healthy");
    let project = dir.path().join("healthy");
    write(&project, ".env", &read(&project, ".env").replace(&healthy_token(), "hunter2"));
    for mode in ["--adopt", "--mint"] {
        let (code, said) = freeze(&project, &[mode]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("the token can be guessed") && said.contains("empty it in each"), "{said}");
    }
}

fn healthy_token() -> String {
    env_token(&support::root().join("examples/stacks/healthy"))
}

#[test]
fn verification_checks_the_ledger() {
    let dir = copy("healthy");
    let project = dir.path().join("healthy");
    let (code, said) = freeze(&project, &["--adopt", "--ticket", "CHG-17", "--first-eight"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("first eight characters: {}\n", &healthy_token()[..8])), "{said}");
    assert!(said.contains("by ops for CHG-17") && said.contains("no file was changed"), "{said}");
    let anchor = said.lines().find_map(|line| line.strip_prefix("ledger anchor for the ticket: ")).unwrap();
    let (code, said) = freeze(&project, &["--verify", "--anchor", anchor]);
    assert!(code == 0 && said.contains(&format!("ledger: 1 entries, unbroken; anchor {anchor}")), "{said}");

    let ledger = read(&project, ".openclaw-token/ledger.jsonl");
    write(&project, ".openclaw-token/ledger.jsonl", &ledger.replace("\"by\":\"ops\"", "\"by\":\"dev\""));
    let (code, said) = freeze(&project, &["--verify"]);
    assert!(
        code == 1 && said.contains("OC-T401 ledger-edited: .openclaw-token/ledger.jsonl: line 1"),
        "{said}"
    );
    write(&project, ".openclaw-token/ledger.jsonl", "");
    let (code, said) = freeze(&project, &["--verify"]);
    assert!(code == 1 && said.contains("OC-T406 record-without-entry"), "{said}");
    let (code, said) = freeze(&project, &["--verify", "--anchor", anchor]);
    assert!(code == 1 && said.contains("OC-T403 ledger-truncated"), "{said}");
}

/// The state directory often lies beside the project: both are written as one step.
#[test]
fn state_outside_the_project_is_written_too() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    std::fs::rename(project.join("state"), dir.path().join("state")).unwrap();
    let env = read(&project, ".env").replace(ENV_TOKEN, "").replace("./state", "../state");
    write(&project, ".env", &env);
    let json = read(dir.path(), "state/openclaw.json").replace(JSON_TOKEN, "");
    write(dir.path(), "state/openclaw.json", &json);
    let (code, said) = freeze(&project, &["--mint"]);
    assert!(code == 2 && said.contains("state/openclaw.json lies outside the project"), "{said}");
    assert!(said.contains("--outside") && read(dir.path(), "state/openclaw.json") == json, "{said}");
    assert!(!dir.path().join(".openclaw-token").exists());
    let (code, said) = freeze(&project, &["--mint", "--outside"]);
    assert_eq!(code, 0, "{said}");
    let token = env_token(&project);
    assert!(read(dir.path(), "state/openclaw.json").contains(&format!("token: \"{token}\",")), "{said}");
    assert!(project.join(".openclaw-token/records/record-000001.json").exists());
    assert!(dir.path().join(".openclaw-token/transactions/000001.done").exists());
    assert_eq!(freeze(&project, &["--verify"]).0, 0);
}

/// What cannot be read may hold a token: nothing is frozen, and nothing is said to be as it was.
#[test]
fn what_cannot_be_read_is_not_taken_for_no_token() {
    for (name, spoil, file) in UNREAD {
        let dir = copy("healthy");
        let project = dir.path().join("healthy");
        assert_eq!(freeze(&project, &["--adopt"]).0, 0);
        spoil(&project);
        // Whoever locks leaves a name there, and nothing else.
        let state = || {
            let mut state = contents(&project.join(".openclaw-token"));
            state.retain(|path, _| !path.ends_with("lock"));
            (contents(dir.path()), state)
        };
        let before = state();
        let rotate = ["--rotate", "--reason", "lost laptop"];
        for arguments in [&["--verify"][..], &["--adopt"], &["--mint"], &["--plan"], &rotate] {
            let (code, said) = freeze(&project, arguments);
            assert_eq!(code, 2, "{name}, {arguments:?}: {said}");
            assert!(said.contains(file), "{name}, {arguments:?}: {said}");
            assert!(!said.contains("every place holds"), "{name}, {arguments:?}: {said}");
        }
        assert_eq!(state(), before, "{name}");
    }
}

#[test]
fn what_may_not_be_read_is_not_taken_for_no_token() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    for shut in ["state/openclaw.json", "state"] {
        let dir = copy("healthy");
        let mut command = as_owner("freeze", dir.path());
        let shut = dir.path().join("healthy").join(shut);
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o000)).unwrap();
        // Fails where this is not run as root; then the owner's own mode is enough.
        let _ = chown(&shut, Some(0), Some(0));
        let output = command.args(["--project-directory", "healthy", "--adopt"]).output().unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert_eq!(status(&output), 2, "{said}");
        assert!(
            said.contains("state/openclaw.json is there and cannot be read: permission denied"),
            "{said}"
        );
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

/// A volume and a secret store can hold a token as well, and nothing here has looked.
#[test]
fn what_nobody_looked_at_is_not_taken_for_no_token() {
    let compose = |rest: &str| {
        format!(
            "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n    \
             volumes: [\"{rest}:/home/node/.openclaw\"]\n{}",
            if rest == "data" { "volumes: {data: {}}\n" } else { "" }
        )
    };
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), ".env", &format!("OPENCLAW_GATEWAY_TOKEN={ENV_TOKEN}\n"));
    write(dir.path(), "compose.yaml", &compose("data"));
    let (code, said) = freeze(dir.path(), &["--adopt"]);
    assert!(code == 2 && said.contains("--docker"), "{said}");

    std::fs::create_dir(dir.path().join("state")).unwrap();
    let json = "{ gateway: { mode: 'local', auth: { token: { source: 'exec', id: 'vault' } } } }";
    write(dir.path(), "state/openclaw.json", json);
    write(dir.path(), "compose.yaml", &compose("./state"));
    for mode in ["--adopt", "--mint", "--verify"] {
        let (code, said) = freeze(dir.path(), &[mode]);
        assert!(code == 2 && said.contains("known to the running process alone"), "{mode}: {said}");
        assert!(said.contains("state/openclaw.json:1:"), "{mode}: {said}");
    }
}

/// Stopped while it rotated: before its record stood, and after.
#[test]
fn a_rotation_that_was_stopped_runs_again_to_its_end() {
    let (dir, before, after) = (copy("healthy"), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let project = dir.path().join("healthy");
    assert_eq!(freeze(&project, &["--adopt"]).0, 0);
    let env = read(&project, ".env");
    let store = DirectoryStore::new(&project);
    let circumstances = Circumstances::new(SystemTime::now(), "ops");
    let request = FreezeRequest::new(&[], circumstances).places([".env", "state/openclaw.json"]);
    let frozen = rotate(&store, &request, "lost laptop", |token, record| {
        let new = env.replace(&healthy_token(), token.expose_secret());
        let change = Change::write(".env", Some(Digest::of(env.as_bytes())), new);
        let staged = Transaction::plan(&project, [change])?.stage(Some(&record.fingerprint.to_string()))?;
        support::copy_folder(&project, before.path());
        Ok::<_, TransactionError>(staged)
    });
    let Ok(Frozen::New { token, .. }) = &frozen else { panic!("{frozen:?}") };
    support::copy_folder(&project, after.path());

    for (left, how, stands) in [
        (before.path(), "undid transaction 2", healthy_token()),
        (after.path(), "finished transaction 2", token.expose_secret().to_owned()),
    ] {
        let (_, said) = freeze(left, &["--verify"]);
        assert!(said.contains("transaction 2 below") && said.contains("is unfinished"), "{said}");
        let (code, said) = freeze(left, &["--adopt"]);
        assert!(code == 0 && said.contains(how) && said.contains("frozen already"), "{said}");
        assert_eq!(env_token(left), stands);
        // Each generation that stands has its one entry.
        let ledger = read(left, ".openclaw-token/ledger.jsonl");
        let records = std::fs::read_dir(left.join(".openclaw-token/records")).unwrap();
        let names = records.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let generations = names.filter(|name| name.ends_with(".json")).count();
        assert_eq!(ledger.lines().count(), generations, "{ledger}");
        let (code, said) = freeze(left, &["--verify"]);
        assert!(code == 0 && !said.contains("unfinished"), "{said}");
        assert_eq!(freeze(left, &["--rotate", "--reason", "again"]).0, 0);
    }
}

/// Two stacks whose state lies beside them change files below one root. What one left half done is not the other's to undo.
#[test]
fn another_projects_change_is_left_alone() {
    let dir = copy("healthy");
    let (one, two) = (dir.path().join("healthy"), dir.path().join("two"));
    support::copy_folder(&one, &two);
    for (project, state) in [(&one, "state-one"), (&two, "state-two")] {
        std::fs::rename(project.join("state"), dir.path().join(state)).unwrap();
        let compose = read(project, "compose.yaml").replace("./state:", &format!("../{state}:"));
        write(project, "compose.yaml", &compose);
    }
    let env = read(&one, ".env");
    let change = Change::write("healthy/.env", Some(Digest::of(env.as_bytes())), "new");
    let staged =
        Transaction::plan(dir.path(), [change]).unwrap().stage(Some("oct1:0000-0000-0000 healthy")).unwrap();
    let left = tempfile::tempdir().unwrap();
    support::copy_folder(dir.path(), left.path());
    drop(staged);

    let (code, said) = freeze(&left.path().join("two"), &["--adopt", "--outside"]);
    assert!(code == 2 && said.contains("waits for a decision about oct1:0000-0000-0000 healthy"), "{said}");
    let (code, said) = freeze(&left.path().join("healthy"), &["--adopt"]);
    assert!(code == 2 && said.contains("give --outside as well"), "{said}");
    let (code, said) = freeze(&left.path().join("healthy"), &["--adopt", "--outside"]);
    assert!(code == 0 && said.contains("undid transaction 1"), "{said}");
    assert_eq!(read(&left.path().join("healthy"), ".env"), env);
    assert_eq!(freeze(&left.path().join("two"), &["--adopt"]).0, 0);
}

#[test]
fn a_ledger_that_is_not_a_file_stops_a_freeze_before_it_begins() {
    let dir = copy("healthy");
    let project = dir.path().join("healthy");
    let env = read(&project, ".env");
    std::fs::create_dir_all(project.join(".openclaw-token/ledger.jsonl")).unwrap();
    let (code, said) = freeze(&project, &["--adopt"]);
    assert!(code == 2 && said.contains("ledger.jsonl is not a regular file"), "{said}");
    assert_eq!(read(&project, ".env"), env);
    assert!(!project.join(".openclaw-token/records/record-000001.json").exists());
}
