//! What launchd shows of a gateway that is a job of a Mac counts beside its log and its files.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a test that cannot prepare its stack has failed"
)]
#![expect(clippy::disallowed_methods, reason = "the tests run programs with files of their own")]

use std::path::Path;

use serde_json::Value;

use crate::support::{copy_folder, root, runbook, status, stdout};

const NAME: &str = "captured/launchd/ai.openclaw.gateway.print.txt";

/// What `launchctl print` shows, shortened, with these lines of it.
fn print(lines: &str) -> String {
    format!(
        "gui/501/ai.openclaw.gateway = {{\n\tpath = /Users/ann/Library/LaunchAgents/ai.openclaw.gateway.plist\n\
         \tenvironment = {{\n\t\tHOME => /Users/ann\n\t\tOPENCLAW_GATEWAY_TOKEN => test-token-of-a-job\n\t}}\n\
         {lines}\n\texit timeout = 330\n}}\n"
    )
}

/// The ticket of a job without a log, or with one, and with what launchd says of it.
fn ticket(stack: &Path, says: &str) -> (i32, Value) {
    std::fs::write(stack.join(NAME), says).unwrap();
    let output = runbook(&[stack.to_str().unwrap(), "--format", "json"]);
    assert!(!stdout(&output).contains("test-token-of-a-job"));
    (status(&output), serde_json::from_str(&stdout(&output)).unwrap())
}

fn finding<'t>(ticket: &'t Value, code: &str) -> Option<&'t Value> {
    ticket["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code)
}

fn case(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let stack = dir.path().join(name);
    copy_folder(&root().join("examples/runbook/tests/field").join(name), &stack);
    (dir, stack)
}

#[test]
fn a_job_that_launchd_shows_down_is_red_and_one_that_runs_is_not() {
    let (_dir, stack) = case("13-near-launchd-restarts-a-clean-exit");
    std::fs::remove_dir_all(stack.join("captured/logs")).unwrap();
    std::fs::remove_dir_all(stack.join("captured/devices")).unwrap();
    let (_, runs) = ticket(&stack, &print("\tstate = running\n\truns = 1\n\tpid = 412"));
    assert!(
        finding(&runs, "OC-R213").is_none() && runs.to_string().contains("not that it answers"),
        "{runs:#}"
    );
    assert!(finding(&runs, "OC-H803").is_some(), "its environment holds the token: {runs:#}");
    let (code, ended) =
        ticket(&stack, &print("\tstate = spawn scheduled\n\truns = 31\n\tlast exit code = 78: EX_CONFIG"));
    let down = finding(&ended, "OC-R213").unwrap();
    let summary = down["summary"].as_str().unwrap();
    assert!(code == 1 && summary.contains("status 78") && summary.contains("31 runs"), "{ended:#}");
    assert_eq!(down["places"][0]["line"], 9, "{down:#}");
    assert_eq!(ended["first_cause"]["gate"], "liveness");
    let (_, clean) = ticket(&stack, &print("\tstate = not running\n\truns = 2\n\tlast exit code = 0"));
    assert!(finding(&clean, "OC-R213").is_none(), "{clean:#}");
    let absent = "Bad request.\nCould not find service \"ai.openclaw.gateway\" in domain for user gui: 501\n";
    let (code, absent) = ticket(&stack, absent);
    let down = finding(&absent, "OC-R213").unwrap();
    assert!(
        code == 1 && down["remedy"]["command"].as_str().unwrap().contains("launchctl bootstrap gui/"),
        "{down:#}"
    );
    let (_, junk) = ticket(&stack, "ls: no such file\n");
    assert!(finding(&junk, "OC-R101").is_some(), "{junk:#}");
}

/// On a Mac launchd itself is asked, about a job that is this host's: here a program that prints the files it is given.
#[test]
#[cfg(unix)]
fn launchd_is_asked_about_the_jobs_of_this_host_alone() {
    use std::os::unix::fs::{MetadataExt as _, symlink};
    let (dir, stack) = case("13-agent-starts-an-older-program");
    let home = dir.path().join("home");
    let (agents, programs) = (home.join("Library/LaunchAgents"), dir.path().join("bin"));
    let uid = std::fs::metadata(dir.path()).unwrap().uid();
    let answers = dir.path().join(format!("gui/{uid}"));
    for folder in [&agents, &programs, &answers] {
        std::fs::create_dir_all(folder).unwrap();
    }
    symlink("/bin/cat", programs.join("launchctl")).unwrap();
    std::fs::write(dir.path().join("print"), "").unwrap();
    let says = print("\tstate = not running\n\truns = 5\n\tlast exit code = 1");
    std::fs::write(answers.join("ai.openclaw.gateway"), says).unwrap();
    let look = |more: &[&str]| {
        let mut command = std::process::Command::new(crate::support::RUNBOOK);
        command
            .args(["look", stack.to_str().unwrap(), "--format", "json"])
            .args(more)
            .current_dir(dir.path());
        stdout(&command.env_clear().env("HOME", &home).env("PATH", &programs).output().unwrap())
    };
    assert!(!look(&[]).contains("OC-R213"), "the job is another host's");
    let list = "ai.openclaw.gateway.plist";
    std::fs::copy(stack.join("captured/launchd").join(list), agents.join(list)).unwrap();
    let asked = look(&[]);
    assert!(asked.contains("OC-R213") && asked.contains("launchctl print gui/"), "{asked}");
    assert!(!asked.contains("test-token-of-a-job"));
    assert!(!look(&["--host-files"]).contains("OC-R213"));
}

/// What its log says outranks that it is down.
#[test]
fn a_log_that_says_why_stays_the_cause() {
    let (_dir, stack) = case("13-agent-starts-an-older-program");
    let (_, before) = ticket(&stack, &print("\tstate = running\n\tpid = 412"));
    let (_, ended) = ticket(&stack, &print("\tstate = not running\n\truns = 5\n\tlast exit code = 1"));
    let cause = |ticket: &Value| {
        ticket["findings"][ticket["first_cause"]["finding"].as_u64().unwrap() as usize].clone()
    };
    assert_eq!(cause(&before)["code"], cause(&ended)["code"]);
    assert!(cause(&ended)["evidence"].to_string().contains("OC-R213"), "{ended:#}");
    assert!(finding(&ended, "OC-R213").is_none());
}

/// A launchd job logs where its user may write, or launchd never starts it.
#[test]
fn a_printed_job_logs_where_its_user_may_write() {
    let print = |user: &[&str]| {
        let output = runbook(&[&["supervise", "print", "launchd"], user].concat());
        stdout(&output)
    };
    let agent = print(&[]);
    assert!(
        agent.contains("/Library/Logs/ai.openclaw.gate.out.log") && !agent.contains("/var/log"),
        "{agent}"
    );
    assert!(print(&["--user", "ops"]).contains("/Users/ops/Library/Logs/ai.openclaw.gate.err.log"));
}
