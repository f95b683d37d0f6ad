//! `runbook pair`, against a stand-in for `docker` that keeps its list in a file.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "the test runs the program with files of its own")]

use crate::support::RUNBOOK;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const DEVICE: &str = "1f2e3d4c5b6a79880102030405060708090a0b0c0d0e0f101112131415161718";

/// Answers `devices list` and `devices approve` as OpenClaw does; approving moves the device from pending to paired.
const DOCKER: &str = r#"#!/bin/sh
state="$(dirname "$0")/approved"
device=DEVICE
case "$*" in
  *"devices approve req-7 --json")
    touch "$state"
    echo "{\"requestId\":\"req-7\",\"device\":{\"deviceId\":\"$device\",\"scopes\":[\"operator.read\"],\"approvedVia\":\"owner\"}}" ;;
  *"devices list --json")
    if [ -e "$state" ]; then echo '{"pending":[],"paired":[]}'; exit 0; fi
    case "$*" in
      *openclaw-cli*) echo '{"ok":false,"error":{"type":"cli_error","message":"device pairing required (requestId: req-7)"}}'; exit 1 ;;
      *) echo "{\"pending\":[{\"requestId\":\"req-7\",\"deviceId\":\"$device\",\"clientId\":\"cli\",\"scopes\":[\"operator.read\"],\"remoteIp\":\"172.18.0.3\",\"ts\":9999999999999}],\"paired\":[]}" ;;
    esac ;;
  *) exit 64 ;;
esac
"#;

/// A client without a device identity, as OpenClaw's CLI in a container of its own is: `devices list` opens its state
/// read-only, so only `system presence` makes a key. Each wish replaces the request. A stranger waits all the while.
const KEYLESS: &str = r#"#!/bin/sh
state="$(dirname "$0")"
device=DEVICE
asks() { # who scopes
  echo "{\"requestId\":\"$1\",\"deviceId\":\"$2\",\"clientId\":\"cli\",\"scopes\":[$3],\"remoteIp\":\"172.18.0.3\",\"ts\":9999999999999}"
}
wishes() { echo "$1" > "$state/request"; echo "$2" > "$state/scopes"; }
refused() { echo "{\"ok\":false,\"error\":{\"type\":\"cli_error\",\"message\":\"device pairing required (requestId: $(cat "$state/request"))\"}}"; exit 1; }
case "$*" in
  *"openclaw-cli openclaw system presence --json")
    if [ -e "$state/approved" ]; then echo '[]'; exit 0; fi
    # What the request asks for already leaves it as it is.
    if [ ! -e "$state/request" ]; then wishes req-1 '"operator.read"'; fi
    refused ;;
  *"openclaw-cli openclaw devices list --json")
    if [ -e "$state/approved" ]; then echo '{"pending":[],"paired":[]}'; exit 0; fi
    if [ -e "$state/request" ]; then wishes req-2 '"operator.read","operator.pairing"'; refused; fi
    echo '{"ok":false,"error":{"type":"cli_error","message":"missing scope: operator.pairing"}}'; exit 1 ;;
  *"openclaw-gateway openclaw devices list --json")
    own=""
    if [ -e "$state/request" ]; then own=",$(asks "$(cat "$state/request")" $device "$(cat "$state/scopes")")"; fi
    echo "{\"pending\":[$(asks req-0 stranger-device '"operator.admin"')$own],\"paired\":[]}" ;;
  *"devices approve req-0 --json") touch "$state/unforeseen" ;;
  *"devices approve "*" --json")
    touch "$state/approved"
    echo "{\"requestId\":\"$(cat "$state/request")\",\"device\":{\"deviceId\":\"$device\",\"scopes\":[$(cat "$state/scopes")],\"approvedVia\":\"owner\"}}" ;;
  *) touch "$state/unforeseen"; exit 64 ;;
esac
"#;

fn run(dir: &Path, arguments: &[&str]) -> Output {
    run_with(DOCKER, dir, arguments)
}

fn run_with(docker_text: &str, dir: &Path, arguments: &[&str]) -> Output {
    let bin = dir.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let docker = bin.join("docker");
    std::fs::write(&docker, docker_text.replace("DEVICE", DEVICE)).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let root = dir.to_str().unwrap();
    Command::new(RUNBOOK).args(["pair", "--root", root]).args(arguments).env("PATH", path).output().unwrap()
}

#[test]
fn the_plan_is_shown_and_nothing_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("docker compose exec -T openclaw-gateway openclaw devices approve req-7 --json"),
        "{text}"
    );
    assert!(text.contains("Do not restart the gateway now"), "{text}");
    assert!(!dir.path().join("bin/approved").exists());
    assert!(!dir.path().join(".openclaw-token").exists(), "a look must not write");
}

#[test]
fn the_plan_is_carried_out_and_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--run", "--yes", "--ticket", "CHG-7"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(dir.path().join("bin/approved").exists());
    let ledger = std::fs::read_to_string(dir.path().join(".openclaw-token/ledger.jsonl")).unwrap();
    assert!(ledger.contains("devices approve req-7 --json") && ledger.contains("CHG-7"), "{ledger}");
    assert!(ledger.contains(&format!("device {DEVICE}")), "{ledger}");
    assert!(text.contains("s in OpenClaw's own commands"), "{text}");
}

#[test]
fn without_a_yes_nothing_is_granted() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--run"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("Nobody is there to answer") && text.contains("Nothing was granted."), "{text}");
    // What follows an approval is not tried without it.
    assert!(!text.contains("Step 3 of 3"), "{text}");
    assert!(!dir.path().join("bin/approved").exists());
}

#[test]
fn a_client_without_an_identity_is_made_to_ask_and_only_it_is_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let scopes = ["--scopes", "operator.read,operator.pairing"];
    let output = run_with(KEYLESS, dir.path(), &[&["--run", "--yes"][..], &scopes].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("OC-P103 never-asks"), "{text}");
    assert!(
        text.contains("Left to a person: to let this device in, name it with --device stranger-device"),
        "{text}"
    );
    assert!(text.contains("Done: the client has its session."), "{text}");
    assert!(!dir.path().join("bin/unforeseen").exists(), "{text}");
    let ledger = std::fs::read_to_string(dir.path().join(".openclaw-token/ledger.jsonl")).unwrap();
    for written in [
        "system presence --json",
        "request req-1",
        "request req-2",
        "devices approve req-2 --json",
        "missing scope: operator.pairing",
    ] {
        assert!(ledger.contains(written), "{written}: {ledger}");
    }
    assert!(!ledger.contains("req-0"), "{ledger}");
}

#[test]
fn no_more_is_asked_for_than_the_caller_names() {
    let dir = tempfile::tempdir().unwrap();
    let output = run_with(KEYLESS, dir.path(), &["--run", "--yes", "--scopes", "operator.read"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let asked = std::fs::read_to_string(dir.path().join("bin/scopes")).unwrap();
    assert_eq!(asked.trim(), r#""operator.read""#, "{text}");
}

#[test]
fn a_request_that_grew_beyond_what_was_agreed_is_not_approved() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("bin")).unwrap();
    std::fs::write(dir.path().join("bin/request"), "req-2").unwrap();
    std::fs::write(dir.path().join("bin/scopes"), r#""operator.read","operator.pairing""#).unwrap();
    let output = run_with(KEYLESS, dir.path(), &["--run", "--yes", "--scopes", "operator.read"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("now also asks for operator.pairing"), "{text}");
    assert!(!dir.path().join("bin/approved").exists());
}

/// The approver holds `operator.pairing` and no more.
const REFUSES: &str = r#"#!/bin/sh
case "$*" in
  *"devices approve "*) echo '{"ok":false,"error":{"type":"gateway_request_error","code":"INVALID_REQUEST","message":"missing scope: operator.admin"}}'; exit 1 ;;
  *openclaw-cli*) echo '{"ok":false,"error":{"type":"cli_error","message":"device pairing required (requestId: req-7)"}}'; exit 1 ;;
  *) echo '{"pending":[{"requestId":"req-7","deviceId":"DEVICE","clientId":"cli","scopes":["operator.admin"],"remoteIp":"172.18.0.3","ts":9999999999999}],"paired":[]}' ;;
esac
"#;

#[test]
fn what_a_refused_approval_says_is_heeded() {
    let dir = tempfile::tempdir().unwrap();
    let output = run_with(REFUSES, dir.path(), &["--run", "--yes"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("OC-P107 approver-lacks-scope"), "{text}");
    assert!(text.contains("inside the gateway's network namespace with the shared token alone"), "{text}");
}

/// The gateway's container does not run until it is started; then nobody needs approval.
const STOPPED: &str = r#"#!/bin/sh
state="$(dirname "$0")"
case "$*" in
  *"logs --tail 500 openclaw-gateway") echo 'openclaw-gateway-1  | [shutdown] completed cleanly in 100ms' ;;
  *"up -d openclaw-gateway") touch "$state/started" ;;
  *)
    if [ -e "$state/started" ]; then echo '{"pending":[],"paired":[]}'; exit 0; fi
    echo 'service "openclaw-gateway" is not running' >&2; exit 1 ;;
esac
"#;

#[test]
fn a_gateway_that_does_not_run_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = run_with(STOPPED, dir.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("OC-P175 gateway-unreachable: the gateway's container does not run"), "{text}");
    assert!(text.contains("$ docker compose up -d openclaw-gateway"), "{text}");
    assert!(text.contains("undo: docker compose stop openclaw-gateway"), "{text}");
    let nobody = run_with(STOPPED, dir.path(), &["--run"]);
    assert_eq!(nobody.status.code(), Some(3));
    assert!(!dir.path().join("bin/started").exists(), "a start is agreed to first");
}

#[test]
fn a_command_that_cannot_start_or_is_not_understood_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let output = run_with("#!/bin/sh\necho 'test-token-of-an-engine' >&2\nexit 14\n", dir.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("exit 14, for a reason that is not known here: run it by hand"), "{text}");
    assert!(!text.contains("test-token"), "{text}");
    // One that is on the PATH and cannot start: one that is not may still be found beside it.
    let output = run_with("#!/nonexistent/sh\n", dir.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("docker: No such file"), "{text}");
}

#[test]
fn the_store_of_a_gateway_that_is_down_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let devices = dir.path().join("devices");
    std::fs::create_dir(&devices).unwrap();
    let pending = format!(
        r#"{{"req-9":{{"requestId":"req-9","deviceId":"{DEVICE}","clientId":"cli","scopes":["operator.read"],"ts":9999999999999}}}}"#
    );
    std::fs::write(devices.join("pending.json"), pending).unwrap();
    let state = dir.path().to_str().unwrap();
    let output = run_with(STOPPED, dir.path(), &["--state", state]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains(&format!("request req-9 of device {DEVICE} asks for operator.read")), "{text}");
    let output = run_with(STOPPED, dir.path(), &["--state", "/nonexistent"]);
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no pairing store under /nonexistent"), "{text}");
}

#[test]
fn a_file_that_is_no_file_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir(dir.path().join("devices")).unwrap();
    std::fs::write(dir.path().join("devices/paired.json"), "{}").unwrap();
    let pipe = pipe.to_str().unwrap();
    assert!(Command::new("mkfifo").arg(dir.path().join("devices/pending.json")).status().unwrap().success());
    for (flag, path) in [
        ("--gateway-log", pipe),
        ("--client-output", pipe),
        ("--dashboard-output", pipe),
        ("--gateway-list", pipe),
        ("--gateway-log", "/dev/zero"),
        ("--gateway-log", "/dev/tty"),
        ("--client-output", dir.path().to_str().unwrap()),
        ("--state", dir.path().to_str().unwrap()),
    ] {
        let output = run(dir.path(), &[flag, path]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{flag} {path}: {text}");
        let why = ["not a regular file", "is a directory", "No such device"];
        assert!(why.iter().any(|why| text.contains(why)) && text.contains(path), "{flag} {path}: {text}");
    }
}

#[test]
fn of_a_log_larger_than_what_is_read_the_end_counts_and_this_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let filler = format!("{}\n", "all is quiet ".repeat(100_000)).repeat(14);
    std::fs::write(&log, format!("pairing required\n{filler}gateway token mismatch\n")).unwrap();
    let output = run(dir.path(), &["--gateway-log", log.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("OC-P140 shared-token-fault"), "{text}");
    assert!(
        text.contains("OC-P197 evidence-left-out") && text.contains("bytes before what is judged"),
        "{text}"
    );
    // What is no log is a fault: its beginning says what it is.
    let output = run(dir.path(), &["--client-output", log.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("larger than 16 MiB"), "{text}");
}

#[test]
fn what_a_command_repeats_is_written_down_in_brief() {
    let dir = tempfile::tempdir().unwrap();
    let docker = "#!/bin/sh\ni=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo \"device pairing required (requestId: r-$i)\"; done; exit 1\n";
    run_with(docker, dir.path(), &["--run", "--yes"]);
    let ledger = std::fs::read_to_string(dir.path().join(".openclaw-token/ledger.jsonl")).unwrap();
    assert!(ledger.contains("and 981 more lines like these") && ledger.len() < 64 << 10, "{}", ledger.len());
}

/// The CLI's words may hold anything: they are said as far as they are known.
#[test]
fn an_error_in_the_place_of_a_list_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.json");
    for (message, said) in [
        ("bad Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC", ""),
        ("device pairing required (Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC)", ": pairing required"),
    ] {
        std::fs::write(&list, serde_json::json!({ "error": { "message": message } }).to_string()).unwrap();
        let output = run(dir.path(), &["--gateway-list", list.to_str().unwrap()]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = "the CLI printed an error instead of a device list";
        assert_eq!(words, format!("runbook pair: {}: {error}{said}\n", list.display()));
    }
}

/// The refusal of a dial of one's own is the evidence: no command is run where the client is.
#[tokio::test]
async fn what_its_own_dial_met_is_diagnosed_as_it_came() {
    use openclaw_embedded_gateway::Gateway;
    use openclaw_pairing::DeviceSigner as _;
    use openclaw_pairing::identity::DeviceKey;
    use secrecy::{ExposeSecret as _, SecretString};

    let token = "test-token-that-both-sides-share";
    let gateway =
        Gateway::builder().token(SecretString::from(token)).auto_approve_local(false).start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = DeviceKey::from_seed(&[9; 32]);
    let identity = file("device.json", key.to_identity_file(0).expose_secret());
    let look = async |token: String| {
        let arguments = ["--json", "--dial", &gateway.url(), "--token-file", &token, "--identity", &identity]
            .map(str::to_owned);
        let root = dir.path().to_owned();
        let output = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run_with("#!/bin/sh\necho '{\"pending\":[],\"paired\":[]}'\n", &root, &arguments)
        });
        let output = output.await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str::<serde_json::Value>(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
    };

    let refused = look(file("wrong", "another-token-than-the-gateways")).await;
    assert_eq!(refused["cause"], "OC-P140", "{refused}");
    let waiting = look(file("right", token)).await;
    assert_eq!(waiting["cause"], "OC-P101", "{waiting}");
    assert_eq!(waiting["findings"][0]["subject"]["kind"], "device", "{waiting}");
    assert!(waiting.to_string().contains(key.device_id()), "{waiting}");
    gateway.stop().await;
}
