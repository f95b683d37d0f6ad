//! Definitions are validated by parsers that are not ours, and verified as people have them.
#![cfg(feature = "supervisors")]
#![expect(clippy::disallowed_methods, reason = "the validators are programs that read files")]

use std::io::Write;
use std::process::{Command, Stdio};

use openclaw_probe::supervisors::{
    Job, JobError, STOP_BUDGET, compose, launchd, loaded, stop_budget, systemd,
};
use openclaw_probe::{Code, Finding};

fn gate() -> Job {
    let command = [
        "/usr/local/bin/gate",
        "--token-file",
        "/etc/openclaw/token",
        "--times",
        "3",
        "ws://127.0.0.1:18789",
    ];
    Job::new("ai.openclaw.gate", command, "/var/log/openclaw").expect("a job")
}

fn odd() -> Job {
    let command = ["/opt/o c/gate", "50%", "$HOME", "a\"b\\c", "<&>", ""];
    Job::new("ai.openclaw.odd", command, "/var/log/o&c").expect("a job").user("_openclaw").expect("a user")
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

/// Runs a program on a text; `None` when the program is not there.
fn run(program: &str, arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let piped = || Stdio::piped();
    let mut command = Command::new(program);
    let child = command.args(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn();
    child.ok().map(|child| feed(child, input))
}

fn feed(mut child: std::process::Child, input: &str) -> (bool, String) {
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ended");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}

/// launchd's documented rule for `SuccessfulExit` false: a job that ended with 0 stays down, any other starts again.
fn starts_again(status: i32) -> bool {
    status != 0
}

#[test]
fn the_shell_around_a_gate_ends_on_78_and_restarts_on_the_rest() {
    let text = launchd::generate(&gate()).expect("a plist");
    let plist =
        plist::Value::from_reader_xml(text.as_bytes()).expect("a plist").into_dictionary().expect("a root");
    let words: Vec<&str> = plist["ProgramArguments"]
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(plist::Value::as_string)
        .collect();
    let [shell, flag, wrapper, ..] = words[..] else { panic!("{words:?}") };
    for (status, again) in [(0, false), (78, false), (1, true), (75, true), (137, true)] {
        let ended = Command::new(shell)
            .args([flag, wrapper, shell, flag, &format!("exit {status}")])
            .status()
            .expect("a shell");
        assert_eq!(starts_again(ended.code().expect("a status")), again, "{status}");
    }
}

#[test]
fn plistlib_reads_what_we_write() {
    const READ: &str =
        "import plistlib,sys,json;print(json.dumps(plistlib.loads(sys.stdin.buffer.read()),sort_keys=True))";
    for job in [gate(), gate().user("openclaw").expect("a user"), odd()] {
        let text = launchd::generate(&job).expect("a plist");
        let (ok, json) = run("python3", &["-c", READ], &text).expect("python3 is needed for this test");
        assert!(ok, "{json}\n{text}");
        let plist: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(plist["KeepAlive"]["SuccessfulExit"], false);
        assert_eq!(plist["ExitTimeOut"], 330);
        assert!(plist["ProgramArguments"].as_array().expect("an array").len() >= 6);
    }
    let text = launchd::generate(&odd()).expect("a plist");
    let (_, json) = run("python3", &["-c", READ], &text).expect("python3");
    let plist: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        plist["ProgramArguments"].as_array().expect("an array")[3..],
        ["/opt/o c/gate", "50%", "$HOME", "a\"b\\c", "<&>", ""]
    );
    assert_eq!(plist["UserName"], "_openclaw");
}

#[test]
fn systemd_accepts_what_we_write() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("gate it");
    std::fs::write(&program, "#!/bin/sh\n").expect("written");
    #[cfg(unix)]
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("executable");
    let program = program.to_str().expect("UTF-8").to_owned();
    let job = Job::new("ai.openclaw.gate", [program, "50% $HOME".to_owned()], "/var/log").expect("a job");
    let unit = directory.path().join("openclaw-gate.service");
    std::fs::write(&unit, systemd::generate(&job.user("root").expect("a user"))).expect("written");
    let Some((ok, words)) =
        run("systemd-analyze", &["verify", "--man=no", unit.to_str().expect("UTF-8")], "")
    else {
        return; // Not a systemd machine.
    };
    assert!(ok && words.is_empty(), "{words}");
}

#[test]
fn what_we_write_passes_our_own_check() {
    let there = |_: &str| true;
    let daemon = launchd::generate(&gate().user("openclaw").expect("a user")).expect("a plist");
    assert_eq!(
        codes(&launchd::verify(
            "gate.plist",
            daemon.as_bytes(),
            launchd::Domain::Daemon,
            true,
            &there,
            STOP_BUDGET
        )),
        []
    );
    let agent = launchd::generate(&gate()).expect("a plist");
    assert_eq!(
        codes(&launchd::verify(
            "gate.plist",
            agent.as_bytes(),
            launchd::Domain::Agent,
            false,
            &there,
            STOP_BUDGET
        )),
        []
    );
    let unit = systemd::generate(&gate().user("openclaw").expect("a user"));
    assert_eq!(
        codes(&systemd::verify("gate.service", &unit, systemd::Manager::System, &there, STOP_BUDGET)),
        []
    );
}

/// The gateway's own `LaunchAgent`, with what incidents added to it.
#[test]
fn an_installed_launch_agent_is_taken_apart() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>ai.openclaw.gateway</string>
  <key>ProgramArguments</key>
  <array><string>/opt/homebrew/bin/node</string><string>/old/openclaw.mjs</string><string>gateway</string></array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>ThrottleInterval</key><integer>0</integer>
  <key>ExitTimeOut</key><integer>20</integer>
  <key>StandardOutPath</key><string>/dev/null</string>
  <key>StandardErrorPath</key><string>/tmp/e.log</string>
  <key>EnvironmentVariables</key>
  <dict><key>OPENCLAW_GATEWAY_TOKEN</key><string>canary-plist-token</string></dict>
</dict>
</plist>"#;
    let there = |path: &str| !path.starts_with("/old");
    let findings =
        launchd::verify("a.plist", text.as_bytes(), launchd::Domain::Agent, true, &there, STOP_BUDGET);
    let expected = [
        Code::RestartsConfigError,
        Code::StopTimeTooShort,
        Code::ThrottleMissing,
        Code::LogsDiscarded,
        Code::PathStale,
        Code::SecretEmbedded,
        Code::NeedsLogin,
    ];
    assert_eq!(codes(&findings), expected);
    assert_eq!(findings[0].places[0].line, 9);
    assert!(!serde_json::to_string(&findings).expect("JSON").contains("canary"));
    let old = launchd::verify(
        "a.plist",
        text.as_bytes(),
        launchd::Domain::Agent,
        true,
        &there,
        stop_budget(Some("2026.7.1")),
    );
    assert!(codes(&old).contains(&Code::StopTimeTooShort), "20 s are too few for 25 s too");
    let daemon =
        launchd::verify("a.plist", text.as_bytes(), launchd::Domain::Daemon, true, &there, STOP_BUDGET);
    assert!(codes(&daemon).contains(&Code::RunsAsRoot));
    let broken =
        launchd::verify("a.plist", b"<plist><dict>", launchd::Domain::Agent, false, &there, STOP_BUDGET);
    assert_eq!(codes(&broken), [Code::DefinitionUnreadable]);
}

#[test]
fn an_installed_unit_is_taken_apart() {
    let text = "[Unit]\nDescription=x\n[Service]\nExecStart=/old/node /opt/openclaw.mjs gateway \\\n  --token canary-unit-token\n\
                Environment=\"OPENCLAW_GATEWAY_TOKEN=canary-unit-token\" HOME=/root\nRestart=always\nRestartSec=0\n\
                TimeoutStopSec=1min 30s\nStandardOutput=null\n[Install]\nWantedBy=default.target\n";
    let findings = systemd::verify(
        "g.service",
        text,
        systemd::Manager::User { lingers: false },
        &|_| false,
        STOP_BUDGET,
    );
    let expected = [
        Code::RestartsConfigError,
        Code::ThrottleMissing,
        Code::StopTimeTooShort,
        Code::LogsDiscarded,
        Code::PathStale,
        Code::SecretEmbedded,
        Code::SecretEmbedded,
        Code::NeedsLogin,
    ];
    assert_eq!(codes(&findings), expected);
    assert_eq!(findings[0].places[0].line, 7);
    assert!(!serde_json::to_string(&findings).expect("JSON").contains("canary"));
    let system = systemd::verify("g.service", text, systemd::Manager::System, &|_| true, STOP_BUDGET);
    assert!(codes(&system).contains(&Code::RunsAsRoot));
    let empty = systemd::verify("g.service", "[Service]\n", systemd::Manager::System, &|_| true, STOP_BUDGET);
    assert_eq!(codes(&empty), [Code::DefinitionUnreadable]);
}

#[test]
fn compose_stanzas_are_yaml_that_asks_for_started() {
    for tool in [compose::Tool::Runbook, compose::Tool::Node] {
        let text = compose::generate(tool, 18789);
        assert!(text.contains("startup") && text.contains("stop_grace_period: 330s"), "{text}");
        // The test is a JSON array, which is YAML too.
        let test = text.lines().find_map(|line| line.trim().strip_prefix("test: ")).expect("a test");
        let words: Vec<String> = serde_json::from_str(test).expect("an array of strings");
        assert_eq!(words[0], "CMD", "{words:?}");
    }
}

#[test]
fn jobs_never_hold_a_secret() {
    let job = |command: &[&str]| Job::new("a", command.iter().copied(), "/var/log");
    for command in [
        &["/bin/gate", "--token", "canary"][..],
        &["/bin/gate", "--token=canary"],
        &["/bin/gate", "http://h/?token=canary"],
        &["/usr/bin/env", "OPENCLAW_GATEWAY_TOKEN=canary"],
    ] {
        let error = job(command).expect_err("refused");
        assert!(matches!(error, JobError::Secret { .. }));
        assert!(!error.to_string().contains("canary"));
    }
    assert_eq!(job(&["gate"]), Err(JobError::Program));
    assert_eq!(Job::new("a/b", ["/bin/gate"], "/var/log"), Err(JobError::Label));
    assert!(job(&["/bin/gate", "--token-file=/etc/token"]).is_ok());
}

/// What `launchctl print` shows of a gateway's job, shortened.
const LOADED: &str = "gui/501/ai.openclaw.gateway = {
\tactive count = 0
\tpath = /Users/ann/Library/LaunchAgents/ai.openclaw.gateway.plist
\ttype = LaunchAgent
\tstate = spawn scheduled

\tprogram = /bin/sh
\targuments = {
\t\t/bin/sh
\t\t/Users/ann/.openclaw/service-env/ai.openclaw.gateway-env-wrapper.sh
\t}

\tdefault environment = {
\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin
\t}

\tenvironment = {
\t\tOPENCLAW_GATEWAY_TOKEN => test-token-1
\t\tXPC_SERVICE_NAME => ai.openclaw.gateway
\t}

\tdomain = gui/501 [100005]
\tminimum runtime = 10
\texit timeout = 5
\truns = 31
\tlast exit code = 78: EX_CONFIG

\tspawn type = daemon (3)
}
";

#[test]
fn what_launchctl_prints_is_judged_as_the_job_that_runs() {
    let findings = loaded::verify("a.print.txt", LOADED, true, STOP_BUDGET);
    let wanted =
        [Code::StopTimeTooShort, Code::RestartsConfigError, Code::SecretEmbedded, Code::NeedsLogin].to_vec();
    assert_eq!(codes(&findings), wanted, "{findings:?}");
    assert!(findings.iter().all(|finding| finding.places.len() == 1), "{findings:?}");
    assert!(!format!("{findings:?}").contains("test-token-1"));
    let sound = LOADED.replace("exit timeout = 5", "exit timeout = 330").replace("78: EX_CONFIG", "0");
    let sound = sound.replace("OPENCLAW_GATEWAY_TOKEN => test-token-1\n", "HOME => /Users/ann\n");
    assert_eq!(codes(&loaded::verify("a.print.txt", &sound, false, STOP_BUDGET)), []);
    let daemon = sound.replace("gui/501/", "system/");
    assert_eq!(codes(&loaded::verify("a.print.txt", &daemon, true, STOP_BUDGET)), [Code::RunsAsRoot]);
    let owned = daemon.replace("\truns = 31", "\tusername = openclaw\n\truns = 31");
    assert_eq!(codes(&loaded::verify("a.print.txt", &owned, true, STOP_BUDGET)), []);
    let odd = "Could not find service \"ai.openclaw.gateway\" in domain for port";
    assert_eq!(codes(&loaded::verify("a.print.txt", odd, false, STOP_BUDGET)), [Code::DefinitionUnreadable]);
}

/// A property list that was copied out of its folder still says whether it is a daemon's.
#[test]
fn a_copied_plist_says_by_its_user_that_it_is_a_daemons() {
    let plist = |keys: &str| {
        format!("<plist version=\"1.0\"><dict><key>Label</key><string>a</string>{keys}</dict></plist>")
    };
    let user = plist("<key>UserName</key><string>openclaw</string>");
    assert_eq!(launchd::Domain::told_by(user.as_bytes()), launchd::Domain::Daemon);
    assert_eq!(launchd::Domain::told_by(plist("").as_bytes()), launchd::Domain::Agent);
}

/// The vendor's own list keeps `KeepAlive` true, on which its restart after a change of configuration relies: the step names the
/// gate's and leaves the installer's. And launchd's own time to end is that of current systems.
#[test]
fn the_steps_for_launchd_leave_the_installers_list_and_name_the_real_times() {
    let step = Code::RestartsConfigError.next_step();
    assert!(step.contains("the plist that OpenClaw's installer wrote stays as it is"), "{step}");
    assert!(Code::HostUnreachable.next_step().contains("Privacy & Security > Local Network"));
    let plist = "<plist version=\"1.0\"><dict><key>Label</key><string>a</string></dict></plist>";
    let findings =
        launchd::verify("a.plist", plist.as_bytes(), launchd::Domain::Agent, false, &|_| true, STOP_BUDGET);
    let stop =
        findings.iter().find(|finding| finding.code == Code::StopTimeTooShort).expect("no ExitTimeOut");
    assert!(stop.evidence[0].contains("5 s on current macOS"), "{stop:?}");
}
