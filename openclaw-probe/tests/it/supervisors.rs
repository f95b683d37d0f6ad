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

/// What launchd.plist(5) says of a job that has ended: whether it is started again.
fn starts_again(plist: &serde_json::Value, status: i32) -> bool {
    match &plist["KeepAlive"] {
        serde_json::Value::Bool(always) => *always,
        // "If true, the job will be restarted as long as the program exits and with an exit status of zero. If false, the job
        // will be restarted in the inverse condition."
        when => when["SuccessfulExit"].as_bool().is_some_and(|after_success| (status == 0) == after_success),
    }
}

/// A property list as python's plistlib reads it.
fn read_by_plistlib(text: &str) -> serde_json::Value {
    const READ: &str =
        "import plistlib,sys,json;print(json.dumps(plistlib.loads(sys.stdin.buffer.read()),sort_keys=True))";
    let (ok, json) = run("python3", &["-c", READ], text).expect("python3 is needed for this test");
    assert!(ok, "{json}\n{text}");
    serde_json::from_str(&json).expect("JSON")
}

/// The shell that a definition puts around its program, with another program in it.
fn wrapped(plist: &serde_json::Value, program: &[&str]) -> Command {
    let words: Vec<&str> = plist["ProgramArguments"]
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|word| word.as_str())
        .collect();
    let [shell, flag, wrapper] = [0, 1, 2].map(|at| *words.get(at).expect("a shell, its flag and its text"));
    let mut command = Command::new(shell);
    command.args([flag, wrapper]).args(program);
    command
}

/// As launchd runs it: started again while its rule says so. The statuses with which its program ends, one start after the
/// other; how often it is started.
fn starts(plist: &serde_json::Value, statuses: &[i32]) -> usize {
    let ended = |status: &i32| {
        let run = wrapped(plist, &["/bin/sh", "-c", &format!("exit {status}")]).status().expect("a shell");
        run.code().expect("a status")
    };
    statuses.iter().position(|status| !starts_again(plist, ended(status))).map_or(statuses.len(), |at| at + 1)
}

/// A gate that failed is asked again, one that opened is done, and 78 waits for a person: while the WebSocket is down there is no
/// status that ends it as though it were up.
#[test]
fn launchd_starts_a_gate_until_it_opens_or_a_person_is_needed() {
    let plist = read_by_plistlib(&launchd::generate(&gate()).expect("a plist"));
    assert_eq!(starts(&plist, &[0, 0]), 1);
    assert_eq!(starts(&plist, &[78, 0]), 1);
    // 16: the upgrade failed; 137: it was killed.
    assert_eq!(starts(&plist, &[16, 2, 1, 137, 75, 0, 0]), 6);
    assert_eq!(starts(&plist, &[16; 9]), 9);
}

/// launchd signals the shell alone: it hands that on, waits for the drain, and ends as its program does.
#[test]
fn the_shell_around_a_gate_hands_a_stop_on_and_waits() {
    use std::io::{BufRead as _, BufReader};
    let plist = read_by_plistlib(&launchd::generate(&gate()).expect("a plist"));
    let drains = "trap 'echo drained; exit 7' TERM; echo up; while :; do :; done";
    let mut shell =
        wrapped(&plist, &["/bin/sh", "-c", drains]).stdout(Stdio::piped()).spawn().expect("a shell");
    let mut lines = BufReader::new(shell.stdout.take().expect("piped")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "up");
    let stop = Command::new("kill").args(["-TERM", &shell.id().to_string()]).status().expect("kill");
    assert!(stop.success());
    assert_eq!(lines.next().expect("a line").expect("text"), "drained");
    assert_eq!(shell.wait().expect("ended").code(), Some(7));
}

/// Ours is silent exactly where the rules do not start a job again that ended with 78.
#[test]
fn a_restart_after_78_is_told_wherever_the_rules_make_one() {
    let generated = launchd::generate(&gate()).expect("a plist");
    let bare = "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>ProgramArguments</key><array>\
                <string>/bin/sh</string><string>-c</string><string>\"$0\" \"$@\"</string><string>/bin/gate</string></array>\
                KEEP</dict></plist>";
    let kept = |keep: &str| bare.replace("KEEP", &format!("<key>KeepAlive</key>{keep}"));
    let when = |key: &str, value: &str| kept(&format!("<dict><key>{key}</key><{value}/></dict>"));
    let lists = [
        (generated.clone(), false),
        (generated.replace("<false/>", "<true/>"), true),
        (kept("<true/>"), true),
        (kept("<false/>"), false),
        (when("SuccessfulExit", "false"), true),
        (bare.replace("KEEP", ""), false),
    ];
    for (text, loops) in lists {
        let plist = read_by_plistlib(&text);
        assert_eq!(starts(&plist, &[78; 3]) == 3, loops, "{text}");
        let found = launchd::verify(
            "a.plist",
            text.as_bytes(),
            launchd::Domain::Agent,
            false,
            &|_| true,
            STOP_BUDGET,
        );
        assert_eq!(codes(&found).contains(&Code::RestartsConfigError), loops, "{text}");
    }
}

/// launchd makes no folder for a log, and does not start a job whose log it cannot open.
#[test]
fn a_log_that_launchd_cannot_open_is_told() {
    let list = |path: &str| {
        format!(
            "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/gate</string>\
             <key>StandardOutPath</key><string>{path}</string><key>StandardErrorPath</key><string>{path}</string></dict></plist>"
        )
    };
    let there = |path: &str| path != "/Users/ann/logs";
    let told = |path: &str, domain| {
        let found = launchd::verify("a.plist", list(path).as_bytes(), domain, false, &there, STOP_BUDGET);
        found.into_iter().filter(|finding| finding.code == Code::LogsDiscarded).count()
    };
    use launchd::Domain::{Agent, Daemon};
    assert_eq!(told("/Users/ann/Library/Logs/a.log", Agent), 0);
    assert_eq!(told("/Users/ann/logs/a.log", Agent), 2);
    assert_eq!(told("/var/log/a.log", Agent), 2);
    assert_eq!(told("/var/log/a.log", Daemon), 0);
}

#[test]
fn plistlib_reads_what_we_write() {
    for job in [gate(), gate().user("openclaw").expect("a user"), odd()] {
        let plist = read_by_plistlib(&launchd::generate(&job).expect("a plist"));
        assert_eq!(plist["KeepAlive"]["SuccessfulExit"], false);
        assert_eq!(plist["ExitTimeOut"], 330);
        assert!(plist["ProgramArguments"].as_array().expect("an array").len() >= 6);
    }
    let plist = read_by_plistlib(&launchd::generate(&odd()).expect("a plist"));
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

#[test]
fn what_launchctl_prints_says_how_a_job_stands() {
    use loaded::{Shown, Standing};
    let shown = Shown::read(LOADED).expect("a job");
    assert_eq!((shown.label.as_str(), shown.domain), ("ai.openclaw.gateway", Some(launchd::Domain::Agent)));
    assert_eq!(shown.path.as_deref(), Some("/Users/ann/Library/LaunchAgents/ai.openclaw.gateway.plist"));
    assert_eq!(shown.standing, Standing::Down { status: Some(78), signal: None, runs: 31 });
    let standing = |text: &str| Shown::read(text).map(|shown| shown.standing);
    let runs = LOADED.replace("\truns = 31", "\truns = 31\n\tpid = 412");
    assert_eq!(standing(&runs), Some(Standing::Running { pid: 412 }));
    let killed = LOADED.replace("last exit code = 78: EX_CONFIG", "last terminating signal = Killed: 9");
    assert_eq!(standing(&killed), Some(Standing::Down { status: None, signal: Some(9), runs: 31 }));
    let never = LOADED.replace("78: EX_CONFIG", "(never exited)").replace("runs = 31", "runs = 0");
    assert_eq!(standing(&never), Some(Standing::Down { status: None, signal: None, runs: 0 }));
    let absent = "Bad request.\nCould not find service \"ai.openclaw.gateway\" in domain for system\n";
    let shown = Shown::read(absent).expect("an answer");
    assert_eq!((shown.domain, shown.standing), (Some(launchd::Domain::Daemon), Standing::Absent));
    assert_eq!(standing("ls: no such file"), None);
    assert_eq!(standing("gui/501/a = {\n}\n"), None, "cut off");
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
    assert!(Code::NeedsLogin.next_step().contains("log in automatically, or run Colima as a LaunchDaemon"));
    let plist = "<plist version=\"1.0\"><dict><key>Label</key><string>a</string></dict></plist>";
    let findings =
        launchd::verify("a.plist", plist.as_bytes(), launchd::Domain::Agent, false, &|_| true, STOP_BUDGET);
    let stop =
        findings.iter().find(|finding| finding.code == Code::StopTimeTooShort).expect("no ExitTimeOut");
    assert!(stop.evidence[0].contains("5 s on current macOS"), "{stop:?}");
}
