//! The program `break-pairing`, against a stand-in for `docker` that keeps its list in a file.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "the test runs the program with files of its own")]

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

fn run(dir: &Path, arguments: &[&str]) -> Output {
    let bin = dir.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let docker = bin.join("docker");
    std::fs::write(&docker, DOCKER.replace("DEVICE", DEVICE)).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let root = dir.to_str().unwrap();
    Command::new(env!("CARGO_BIN_EXE_break-pairing"))
        .args(["--root", root])
        .args(arguments)
        .env("PATH", path)
        .output()
        .unwrap()
}

#[test]
fn the_plan_is_shown_and_nothing_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("docker compose exec -T openclaw-gateway openclaw devices approve REQUEST_ID --json"),
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
    assert_eq!(output.status.code(), Some(1));
    assert!(!dir.path().join("bin/approved").exists());
}
