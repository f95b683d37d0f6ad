//! One program: its subcommands, the names that they had as programs of their own, and what it does where none is given.
#![expect(clippy::disallowed_methods, reason = "the program is what is tested")]
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{RUNBOOK, copy, status, stderr, stdout};

fn run(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(RUNBOOK)
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .output()
        .unwrap()
}

#[test]
fn the_former_name_of_a_subcommand_still_means_it() {
    for (name, former) in [
        ("freeze", "freeze-token"),
        ("sources", "diff-sources"),
        ("namespaces", "check-namespaces"),
        ("pair", "break-pairing"),
        ("probe", "probe-gateway"),
        ("export", "probe-exporter"),
        ("vantage", "vantage-points"),
        ("supervisors", "check-supervisors"),
        ("config", "compose-config"),
        ("explain", "config-explain"),
        ("diff", "diff-stacks"),
        ("mask", "mask-evidence"),
    ] {
        let help = |name| {
            let output = run(Path::new("."), &[name, "--help"]);
            assert_eq!((status(&output), stderr(&output)), (0, String::new()), "{name}");
            stdout(&output)
        };
        assert_eq!(help(former), help(name));
        assert!(help(name).contains(&format!("Usage: runbook {name}")), "{}", help(name));
        let all = stdout(&run(Path::new("."), &["-h"]));
        assert!(all.contains(&format!("\n  {name} ")) && !all.contains(former), "{all}");
    }
}

#[test]
fn without_a_stack_the_one_that_is_here_is_looked_at() {
    let dir = copy("own-loopback");
    let stack = dir.path().join("own-loopback");
    let here = run(&stack, &[]);
    let named = run(&stack, &["look", "."]);
    assert_eq!((status(&here), stdout(&here)), (1, stdout(&named)));
    assert!(
        stdout(&here).contains("$ runbook fix --project-directory . --code OC-C201 --yes"),
        "{}",
        stdout(&here)
    );
    let elsewhere = run(dir.path(), &["--docker"]);
    assert_eq!((status(&elsewhere), stdout(&elsewhere)), (2, String::new()));
    assert!(stderr(&elsewhere).contains("no Compose file is here"), "{}", stderr(&elsewhere));
}

#[test]
fn a_stack_that_is_called_as_a_subcommand_is_named_by_a_path() {
    let dir = copy("own-loopback");
    std::fs::rename(dir.path().join("own-loopback"), dir.path().join("fix")).unwrap();
    assert!(stdout(&run(dir.path(), &["./fix"])).contains("OC-C201 own-loopback"));
    assert!(stdout(&run(dir.path(), &["look", "fix"])).contains("OC-C201 own-loopback"));
    assert!(stdout(&run(dir.path(), &["--help"])).contains("runbook ./fix"));
}

#[test]
fn a_shell_completes_every_subcommand() {
    let script = run(Path::new("."), &["completions", "bash"]);
    assert_eq!((status(&script), stderr(&script)), (0, String::new()));
    let ask = r#"source "$0"; COMP_WORDS=(runbook sup); COMP_CWORD=1; _runbook runbook sup runbook; echo "${COMPREPLY[@]}""#;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("runbook.bash");
    std::fs::write(&file, stdout(&script)).unwrap();
    let answer = Command::new("bash").arg("-c").arg(ask).arg(&file).output().unwrap();
    assert_eq!(stdout(&answer), "supervise supervisors\n", "{}", stderr(&answer));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&run(Path::new("."), &["completions", shell]));
        assert!(script.contains("supervisors") && !script.contains('\u{fffd}'), "{shell}: {script}");
    }
    assert_eq!(status(&run(Path::new("."), &["completions", "tcsh"])), 2);
}

#[test]
fn the_manual_has_a_page_for_the_program_and_each_subcommand() {
    let all = stdout(&run(Path::new("."), &["man"]));
    let pages: Vec<&str> = all.lines().filter(|line| line.starts_with(".TH ")).collect();
    let help = stdout(&run(Path::new("."), &["-h"]));
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let named: Vec<&str> =
        list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let named: Vec<&&str> = named.iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(pages.len(), 1 + named.len(), "{pages:?}");
    for name in named {
        let page = stdout(&run(Path::new("."), &["man", name]));
        assert!(page.contains(&format!(".TH runbook-{name} 1")) && all.contains(&page), "{page}");
    }
    let other = run(Path::new("."), &["man", "freze"]);
    let said = "runbook: there is no subcommand freze; did you mean freeze?\n";
    assert_eq!((status(&other), stderr(&other)), (2, said.to_owned()));
}

#[test]
fn a_slip_in_the_name_of_a_service_or_profile_leads_to_the_one_that_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    let compose = "services: {openclaw-gateway: {image: a, profiles: [debug]}, proxy: {image: b}}\n";
    std::fs::write(dir.path().join("compose.yaml"), compose).unwrap();
    for (arguments, said) in [
        (
            &["explain", "openclaw-gatway", "A"][..],
            "no service openclaw-gatway; did you mean openclaw-gateway?",
        ),
        (&["explain", "services.prxy.image"], "did you mean services.proxy.image?"),
        (&["explain", "prxy.image"], "did you mean services.proxy.image?"),
        (&["explain", "services.proxy.imge"], "did you mean services.proxy.image?"),
        (&["explain", "--profile", "debgu", "name"], "profile debgu: no service has it; did you mean debug?"),
        (&["look", "--profile", "debgu", "."], "profile debgu: no service has it; did you mean debug?"),
    ] {
        let output = run(dir.path(), arguments);
        let all = stdout(&output) + &stderr(&output);
        assert!(all.contains(said), "{arguments:?}: {all}");
    }
    let known = run(dir.path(), &["explain", "--profile", "debug", "--profile", "*", "name"]);
    assert_eq!((status(&known), stderr(&known)), (0, String::new()));
}

#[test]
fn a_ticket_is_compared_with_an_earlier_one() {
    let dir = copy("own-loopback");
    let stack = dir.path().join("own-loopback");
    let old = run(dir.path(), &["own-loopback", "--format", "json"]);
    std::fs::write(dir.path().join("old.json"), &old.stdout).unwrap();
    let compare =
        |more: &[&str]| run(dir.path(), &[&["own-loopback", "--compare", "old.json"], more].concat());
    assert_eq!((status(&compare(&[])), stdout(&compare(&[]))), (1, "nothing  changed\n".to_owned()));
    let mended = run(&stack, &["fix", "--code", "OC-C201", "--yes"]);
    assert_eq!(status(&mended), 0, "{}", stderr(&mended));
    // It tells of the time before.
    std::fs::remove_file(stack.join("captured/logs/openclaw-cli.log")).unwrap();
    let said = stdout(&compare(&[]));
    let better = "better   openclaw-cli: namespace and URL: RED -> ok\n";
    assert!(said.contains(better) && said.contains("\ngone     OC-C201 own-loopback: "), "{said}");
    assert!(!said.contains("worse"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&compare(&["--format", "json"]))).unwrap();
    assert_eq!(json["gates"][0]["course"], "better");
    for (content, why) in [("{", "is not a ticket"), ("{\"schema\":\"x\"", "is not a ticket")] {
        std::fs::write(dir.path().join("old.json"), content).unwrap();
        assert_eq!(status(&compare(&[])), 2);
        assert!(stderr(&compare(&[])).contains(why), "{}", stderr(&compare(&[])));
    }
    assert_eq!(status(&compare(&["--format", "html"])), 2);
}

/// Where `docker compose` answers with statuses of its own, so does what stands in its place.
#[test]
fn a_command_line_that_cannot_be_read_has_the_status_of_its_subcommand() {
    for (arguments, expected) in [
        (&["config", "--no-such-flag"][..], 1),
        (&["config", "--format", "toml"], 1),
        (&["compose-config", "nonsense"], 1),
        (&["fix", "--no-such-flag"], 2),
        (&["freeze"], 2),
        (&["--no-such-flag"], 2),
        (&["--format", "pdf"], 2),
        (&["freeze", "--version"], 0),
    ] {
        assert_eq!(status(&run(Path::new("."), arguments)), expected, "{arguments:?}");
    }
}

/// The flags of `docker compose` mean the same to a ticket as to every other subcommand.
#[test]
fn a_ticket_knows_profiles_and_other_env_files() {
    let dir = copy("healthy");
    let stack = dir.path().join("healthy");
    std::fs::rename(stack.join(".env"), stack.join("other.env")).unwrap();
    let without = run(dir.path(), &["healthy"]);
    assert_ne!(status(&without), 0, "{}", stdout(&without));
    let with = run(dir.path(), &["healthy", "--env-file", "other.env", "--profile", "*", "-p", "elsewhere"]);
    assert_eq!(status(&with), 0, "{}", stdout(&with));
    assert!(stdout(&with).contains("other.env"), "{}", stdout(&with));
}

/// What is lost on a full disk is not taken for said. What nobody reads any more is: see `probing.rs` for a watch.
#[cfg(target_os = "linux")]
#[test]
fn where_standard_output_cannot_be_written_that_is_said() {
    let dir = copy("own-loopback");
    for arguments in [
        &["look", "own-loopback"][..],
        &["look", "own-loopback", "--format", "json"],
        &["look", "own-loopback", "--format", "markdown"],
        &["sources", "--project-directory", "own-loopback"],
        &["sources", "--project-directory", "own-loopback", "--json"],
        &["namespaces", "--project-directory", "own-loopback"],
        &["fix", "--project-directory", "own-loopback", "--dry-run"],
        &["pair", "--gateway-log", "own-loopback/captured/logs/openclaw-gateway.log"],
        &["probe", "ws://127.0.0.1:1", "--json"],
        &["timeline", "own-loopback/captured/logs/openclaw-gateway.log"],
        &["timeline", "own-loopback/captured/logs/openclaw-gateway.log", "--format", "json"],
        &["vantage", "--host-url", "ws://127.0.0.1:1"],
        &["--help"],
        &["config", "--project-directory", "own-loopback"],
        &["explain", "--project-directory", "own-loopback", "services.openclaw-cli"],
        &["diff", "own-loopback", "own-loopback"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(RUNBOOK);
        let output = command
            .args(arguments)
            .current_dir(dir.path())
            .env_clear()
            .env("RUNBOOK_HOST_FILES", "1")
            .stdout(full)
            .output()
            .unwrap();
        let has_own = ["config", "explain", "diff"].contains(&arguments[0]);
        assert_eq!(
            status(&output),
            if !has_own {
                74
            } else if arguments[0] == "diff" {
                2
            } else {
                1
            }
        );
        assert_eq!(stderr(&output).matches("No space left on device").count(), 1, "{}", stderr(&output));
    }
}
