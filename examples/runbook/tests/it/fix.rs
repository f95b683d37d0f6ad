//! `runbook fix`: what it does not write, and what it does after it was stopped. What it mends is in
//! `compose_programs.rs`.
#![expect(clippy::disallowed_methods, reason = "the tests run the program with files of their own")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::path::Path;
use std::process::Command;

use crate::support::{
    RUNBOOK, UNREAD, as_owner, contents, copy, copy_folder, runbook, status, stderr, stdout,
};
use openclaw_token::Digest;
use openclaw_token::fs::transaction::{Change, Transaction};

/// Exit status and all that was printed.
fn fix(project: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(RUNBOOK);
    command
        .arg("fix")
        .arg("--project-directory")
        .arg(project)
        .args(arguments)
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1");
    let output = command.output().unwrap();
    (status(&output), stdout(&output) + &stderr(&output))
}

fn write(project: &Path, file: &str, text: &str) {
    std::fs::write(project.join(file), text).unwrap();
}

fn read(project: &Path, file: &str) -> String {
    std::fs::read_to_string(project.join(file)).unwrap()
}

/// What is printed is pasted: it leads to the project that was mended.
#[test]
fn what_is_left_to_run_is_about_the_project_that_was_chosen() {
    let dir = copy("own-loopback");
    let project = dir.path().join("own-loopback");
    let (code, said) = fix(&project, &["-p", "mine", "--yes"]);
    assert_eq!(code, 0, "{said}");
    let flags = format!("now run: docker compose -p mine --project-directory {} up", project.display());
    assert!(said.contains(&flags), "{said}");
}

#[test]
fn nothing_is_mended_around_what_cannot_be_read() {
    for stack in ["silent-override", "own-loopback"] {
        for (name, spoil, file) in UNREAD {
            let dir = copy(stack);
            let project = dir.path().join(stack);
            spoil(&project);
            let before = contents(dir.path());
            for mode in ["--yes", "--dry-run", "--judgement"] {
                let (code, said) = fix(&project, &[mode]);
                assert_eq!(code, 2, "{stack}, {name}, {mode}: {said}");
                assert!(said.contains(file), "{stack}, {name}, {mode}: {said}");
                assert!(
                    !said.contains("written as") && !said.contains("plan again"),
                    "{stack}, {name}: {said}"
                );
            }
            assert_eq!(contents(dir.path()), before, "{stack}, {name}");
            assert!(!project.join(".openclaw-token").exists(), "{stack}, {name}");
        }
    }
}

/// Which engine it is, and whom its users are on the host, decides which edit helps.
#[test]
fn nothing_is_mended_around_an_unknown_host() {
    for name in ["engine.json", "idmap.txt"] {
        let dir = copy("own-loopback");
        let project = dir.path().join("own-loopback");
        std::fs::create_dir_all(project.join("captured")).unwrap();
        write(&project.join("captured"), name, "{ \"cut");
        let before = contents(dir.path());
        let (code, said) = fix(&project, &["--yes"]);
        assert!(code == 2 && said.contains(name), "{name}: {said}");
        assert_eq!(contents(dir.path()), before, "{name}");
    }
}

/// Service managers start gateways with tokens of their own.
#[test]
fn a_definition_that_is_cut_off_is_not_taken_for_none() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    let plist = "captured/launchd/ai.openclaw.gateway.plist";
    std::fs::create_dir_all(project.join("captured/launchd")).unwrap();
    write(&project, plist, "<plist><dict><key>Label</key><string>ai.openclaw.gateway</string>");
    let before = contents(&project);
    let (code, said) = fix(&project, &["--yes"]);
    assert!(code == 2 && said.contains(plist) && said.contains("not XML, in line 1"), "{said}");
    assert_eq!(contents(&project), before);
}

/// A file of somebody else's is not an empty one, and evidence that nobody could read not evidence that all is well.
#[test]
fn what_may_not_be_read_is_not_taken_for_empty() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    for (stack, shut, named) in [
        ("pairing-deadlock", ".env", "pairing-deadlock/.env: permission denied"),
        ("pairing-deadlock", "captured/inspect.json", "captured/inspect.json: permission denied"),
        ("pairing-deadlock", "captured/logs", "captured/logs: permission denied"),
        ("uid-drift", "captured/ownership.txt", "captured/ownership.txt: permission denied"),
        ("uid-drift", "captured", "captured/ownership.txt: permission denied"),
    ] {
        let dir = copy(stack);
        let shut = dir.path().join(stack).join(shut);
        let mut command = as_owner("fix", dir.path());
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o000)).unwrap();
        // Fails where this is not run as root; then the owner's own mode is enough.
        let _ = chown(&shut, Some(0), Some(0));
        let output = command.args(["--project-directory", stack, "--yes"]).output().unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert_eq!(status(&output), 2, "{stack}, {shut:?}: {said}");
        assert!(said.contains(named), "{stack}, {shut:?}: {said}");
        assert!(!dir.path().join(stack).join(".openclaw-token").exists(), "{stack}, {shut:?}: {said}");
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

/// The names of the phases in which a change can be left, and whether it is then finished.
const PHASES: [(&str, bool); 4] =
    [("preparing", false), ("staged", false), ("committed", true), ("reverting", false)];

/// A copy of a stack in which a change of `.env` was left in this phase.
fn half_done(phase: &str) -> tempfile::TempDir {
    left_behind(phase, |text| {
        Change::write(".env", Some(Digest::of(text.as_bytes())), format!("{text}# changed\n"))
    })
}

/// The same of any change.
fn left_behind(phase: &str, change: impl FnOnce(&str) -> Change) -> tempfile::TempDir {
    let (dir, left) = (copy("silent-override"), tempfile::tempdir().unwrap());
    let project = dir.path().join("silent-override");
    // The containers that were captured there ran on the files as they were.
    std::fs::remove_dir_all(project.join("captured")).unwrap();
    let text = read(&project, ".env");
    let staged = Transaction::plan(&project, [change(&text)]).unwrap().stage(None).unwrap();
    copy_folder(dir.path(), left.path());
    drop(staged);
    let transactions = left.path().join("silent-override/.openclaw-token/transactions");
    std::fs::rename(transactions.join("000001.staged"), transactions.join(format!("000001.{phase}")))
        .unwrap();
    left
}

#[test]
fn a_stopped_fix_runs_again_to_its_end() {
    for (phase, finishes) in PHASES {
        let dir = half_done(phase);
        let project = dir.path().join("silent-override");
        let before = contents(&project);
        // Whoever only looks is told.
        let (_, said) = fix(&project, &["--dry-run"]);
        assert!(said.contains("unfinished: --recover brings it to its end"), "{phase}: {said}");
        assert_eq!(contents(&project), before, "{phase}");

        let (code, said) = fix(&project, &["--yes"]);
        assert_eq!(code, 0, "{phase}: {said}");
        let how = if finishes { "finished transaction 1" } else { "undid transaction 1" };
        assert!(said.contains(how) && said.contains("written as transaction"), "{phase}: {said}");
        assert_eq!(read(&project, ".env").contains("# changed"), finishes, "{phase}");
        let (code, said) = fix(&project, &["--yes"]);
        assert!(code == 0 && said == "nothing to mend by edits\n", "{phase}: {said}");
    }
}

/// Whoever can put a directory into the stack can put a journal there, be it one that is right in every part.
#[test]
fn a_journal_that_removes_a_file_is_of_none_of_these_programs() {
    for (phase, _) in PHASES {
        let dir = left_behind(phase, |text| Change::remove(".env", Digest::of(text.as_bytes())));
        let project = dir.path().join("silent-override");
        let before = contents(&project);
        let freeze = |mode| runbook(&["freeze", "--project-directory", project.to_str().unwrap(), mode]);
        let frozen = ["--adopt", "--mint", "--verify"].map(freeze);
        let frozen = frozen.iter().map(|output| (status(output), stdout(output) + &stderr(output)));
        let fixed = ["--yes", "--dry-run", "--recover"].map(|mode| fix(&project, &[mode]));
        for (code, said) in fixed.into_iter().chain(frozen) {
            assert!(code == 2 && said.contains("removes .env"), "{phase}: {said}");
        }
        assert_eq!(contents(&project), before, "{phase}");
    }
    // But for what takes back a change that made it.
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    let made = Transaction::plan(&project, [Change::write("new.conf", None, "x")]).unwrap().commit().unwrap();
    let id = made.undo().unwrap().id;
    let transactions = project.join(".openclaw-token/transactions");
    let [done, left] = ["done", "committed"].map(|phase| transactions.join(format!("{id:06}.{phase}")));
    std::fs::rename(done, left).unwrap();
    let (code, said) = fix(&project, &["--recover"]);
    assert!(code == 0 && said.starts_with("finished transaction 2"), "{said}");
}

#[test]
fn an_unfinished_change_is_on_the_ticket_and_its_command_ends_it() {
    for (phase, finishes) in PHASES {
        let dir = half_done(phase);
        let project = dir.path().join("silent-override");
        let ticket = || {
            let output = runbook(&[project.to_str().unwrap(), "--format", "json"]);
            serde_json::from_str::<serde_json::Value>(&stdout(&output)).unwrap().to_string()
        };
        let said = ticket();
        assert!(said.contains("OC-R103") && said.contains("change-unfinished"), "{phase}: {said}");
        assert!(said.contains("--recover"), "{phase}: {said}");
        let (code, said) = fix(&project, &["--recover"]);
        let how = if finishes { "finished transaction 1" } else { "undid transaction 1" };
        assert!(code == 0 && said.starts_with(how) && said.lines().count() == 1, "{phase}: {said}");
        assert_eq!(read(&project, ".env").contains("# changed"), finishes, "{phase}");
        assert!(!ticket().contains("OC-R103"), "{phase}");
        assert_eq!(fix(&project, &["--recover"]), (0, "nothing is half done\n".to_owned()), "{phase}");
    }
}

/// A stack whose token comes from `shared.env` beside it.
fn beside() -> tempfile::TempDir {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    let env = read(&project, ".env");
    let token = env.lines().find(|line| line.starts_with("OPENCLAW_GATEWAY_TOKEN=")).unwrap();
    write(dir.path(), "shared.env", &format!("{token}\n"));
    let compose = read(&project, "docker-compose.yml");
    let compose = compose.replace("      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}\n", "");
    let compose = compose.replace("    environment:\n", "    env_file: ../shared.env\n    environment:\n");
    write(&project, "docker-compose.yml", &compose);
    dir
}

#[test]
fn a_file_outside_the_project_wants_a_flag() {
    let dir = beside();
    let project = dir.path().join("silent-override");
    let before = contents(dir.path());
    for mode in ["--yes", "--dry-run"] {
        let (code, said) = fix(&project, &[mode]);
        assert!(code == 2 && said.contains("shared.env lies outside the project"), "{mode}: {said}");
        assert!(said.contains("--outside"), "{mode}: {said}");
    }
    assert_eq!(contents(dir.path()), before);
    assert!(!dir.path().join(".openclaw-token").exists() && !project.join(".openclaw-token").exists());

    let (code, said) = fix(&project, &["--yes", "--outside"]);
    assert!(code == 0 && said.contains("written as transaction 1"), "{said}");
    assert_ne!(read(dir.path(), "shared.env").into_bytes(), before[&dir.path().join("shared.env")]);
    assert!(dir.path().join(".openclaw-token/transactions/000001.done").exists());
    assert!(!Path::new("/.openclaw-token").exists());
}

#[test]
fn the_owner_of_the_files_needs_no_more_than_that() {
    let dir = beside();
    let mut command = as_owner("fix", dir.path());
    command.args(["--project-directory", "silent-override", "--yes", "--outside"]);
    let output = command.output().unwrap();
    let said = stdout(&output) + &stderr(&output);
    assert!(status(&output) == 0 && said.contains("written as transaction 1"), "{said}");
}

/// On a Mac `/tmp`, `/var` and many a home are reached by links: the root of a change is where the project lies, never `/`.
#[test]
fn a_project_that_was_reached_by_a_link_is_mended_where_it_lies() {
    for names_it in [true, false] {
        let dir = copy("silent-override");
        let (project, link) = (dir.path().join("silent-override"), dir.path().join("claw"));
        std::os::unix::fs::symlink(&project, &link).unwrap();
        let mut command = Command::new(RUNBOOK);
        command.args(["fix", "--yes"]).env_clear().env("RUNBOOK_HOST_FILES", "1");
        if names_it {
            command.arg("--project-directory").arg(&link);
        } else {
            command.current_dir(&link).env("PWD", &link);
        }
        let output = command.output().unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert!(status(&output) == 0 && said.contains("written as transaction 1"), "{said}");
        assert!(project.join(".openclaw-token/transactions/000001.done").exists(), "{said}");
    }
}

/// A container that mounts the state can put a link there. It is not followed, whatever the caller allows.
#[test]
fn no_link_leads_into_another_stack() {
    let dir = copy("silent-override");
    let project = dir.path().join("silent-override");
    copy_folder(&project, &dir.path().join("other"));
    std::fs::remove_file(project.join(".env")).unwrap();
    std::os::unix::fs::symlink("../other/.env", project.join(".env")).unwrap();
    let before = contents(dir.path());
    for arguments in [&["--yes"][..], &["--yes", "--outside"], &["--yes", "--outside", "--follow-links"]] {
        let (code, said) = fix(&project, arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains("other/.env"), "{arguments:?}: {said}");
    }
    assert_eq!(contents(dir.path()), before);
}

/// What is kept of a freeze is of one stack; no file changes beside a link into another one's.
#[test]
fn what_another_stack_keeps_is_not_taken_for_its_own() {
    for kept in ["records", "ledger.jsonl"] {
        let dir = copy("silent-override");
        let (stack, other) = (dir.path().join("silent-override"), dir.path().join("other"));
        std::fs::remove_dir_all(stack.join("captured")).unwrap();
        copy_folder(&stack, &other);
        let aligned = runbook(&["align", "--yes", "--project-directory", other.to_str().unwrap()]);
        assert_eq!(status(&aligned), 0, "{}", stderr(&aligned));
        // Before there is a change to take back, and after it.
        for fixed in [false, true] {
            let link = stack.join(".openclaw-token").join(kept);
            if fixed {
                std::fs::remove_file(&link).unwrap();
                assert_eq!(fix(&stack, &["--yes"]).0, 0);
            } else {
                std::fs::create_dir(link.parent().unwrap()).unwrap();
            }
            std::os::unix::fs::symlink(other.join(".openclaw-token").join(kept), &link).unwrap();
            let before = contents(dir.path());
            let command = if fixed { "undo" } else { "fix" };
            let refused = runbook(&[command, "--yes", "--project-directory", stack.to_str().unwrap()]);
            let said = stdout(&refused) + &stderr(&refused);
            assert!(
                status(&refused) == 2 && said.contains("nothing was changed"),
                "{command}, {kept}: {said}"
            );
            assert!(said.contains("is a symbolic link"), "{command}, {kept}: {said}");
            assert_eq!(contents(dir.path()), before, "{command}, {kept}");
        }
    }
}
