//! Whose column a piece of evidence goes to, on small stacks of their own: a line belongs to the client that it names.
#![expect(clippy::disallowed_methods, reason = "the tests run programs with files of their own")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare its case has failed"
)]

use std::fs;
use std::process::Command;

use crate::support::RUNBOOK;
use serde_json::Value;

const GATEWAY: &str = r#"
  gw:
    image: ghcr.io/openclaw/openclaw:2026.8.2
    environment: { OPENCLAW_GATEWAY_TOKEN: "0123456789abcdef0123456789abcdef" }
    volumes: ["./state:/home/node/.openclaw"]
    ports: ["127.0.0.1:18789:18789"]
    networks: { n: { ipv4_address: 172.30.0.2 } }
"#;
const NETWORK: &str = "networks: { n: { ipam: { config: [{ subnet: 172.30.0.0/24 }] } } }\n";
const CLI: &str = r#"
  cli:
    image: ghcr.io/openclaw/openclaw:2026.8.2
    entrypoint: ["openclaw"]
    environment:
      OPENCLAW_GATEWAY_TOKEN: "0123456789abcdef0123456789abcdef"
      OPENCLAW_GATEWAY_URL: ws://gw:18789
      OPENCLAW_ALLOW_INSECURE_PRIVATE_WS: "1"
    networks: { n: { ipv4_address: 172.30.0.3 } }
"#;
const BACKEND: &str = r#"
  backend:
    image: example/backend:1
    networks: { n: { ipv4_address: 172.30.0.5 } }
"#;
const NODE: &str = r#"
  worker:
    image: ghcr.io/openclaw/openclaw:2026.8.2
    profiles: ["nodes"]
    command: ["node", "openclaw.mjs", "node", "run", "--host", "gw"]
"#;
const DEVICE: &str = "7f4d7eb040008af1000883d4b840ef70ec5e36ce352d8896731dc1b19c5fc3ee";

/// The ticket of a stack with these services and captured texts.
fn ticket(services: &[&str], captured: &[(&str, &str)]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("compose.yaml", &format!("services:{}\n{NETWORK}", services.concat()));
    write("state/openclaw.json", r#"{ gateway: { mode: "local", bind: "lan" } }"#);
    for (name, text) in captured {
        write(&format!("captured/{name}"), text);
    }
    let output = Command::new(RUNBOOK)
        .env("RUNBOOK_HOST_FILES", "1")
        .args(["--format", "json"])
        .arg(dir.path())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Each client that is stopped, and the gate.
fn red(ticket: &Value) -> Vec<(&str, &str)> {
    let clients = ticket["clients"].as_array().unwrap().iter();
    let stopped = clients.filter_map(|ladder| {
        let rung = ladder["rungs"].as_array()?.iter().find(|rung| rung["state"] == "red")?;
        Some((ladder["client"]["name"].as_str()?, rung["gate"].as_str()?))
    });
    stopped.collect()
}

fn commands(ticket: &Value) -> String {
    ticket["findings"].as_array().unwrap().iter().map(|finding| finding["steps"].to_string()).collect()
}

fn mismatch(rest: &str) -> String {
    format!("2026-09-08T13:00:31.845+00:00 [ws] unauthorized conn=c-1 {rest} reason=token_mismatch\n")
}

#[test]
fn a_refusal_is_of_the_service_that_has_the_address() {
    let line =
        mismatch("remote=172.30.0.5 client=gateway-client backend v0.9.1 host=gw:18789 origin=n/a ua=n/a");
    let ticket = ticket(&[GATEWAY, CLI, BACKEND], &[("logs/gw.log", &line)]);
    assert_eq!(red(&ticket), [("backend", "auth")]);
}

#[test]
fn an_address_is_of_all_who_live_behind_it() {
    let side = CLI
        .replace("cli:", "side:")
        .replace("0123456789abcdef0123456789abcdef", "the-token-of-yesterday-00000000")
        .replace("networks: { n: { ipv4_address: 172.30.0.3 } }", "network_mode: service:cli");
    let line = mismatch("remote=172.30.0.3 client=cli cli v2026.8.2 host=gw:18789 origin=n/a ua=n/a");
    let ticket = ticket(&[GATEWAY, CLI, &side], &[("logs/gw.log", &line)]);
    assert_eq!(red(&ticket), [("side", "auth")], "the files say whose token differs");
}

#[test]
fn a_line_without_a_name_is_evidence_for_nobody_and_says_so() {
    let line = mismatch("remote=172.30.0.1 host=192.0.2.17:18789 origin=n/a ua=n/a");
    let ticket = ticket(&[GATEWAY, CLI], &[("logs/gw.log", &line)]);
    assert_eq!(red(&ticket), []);
    let findings = ticket["findings"].as_array().unwrap();
    let said = findings.iter().find(|finding| finding["name"] == "shared-token-fault").unwrap();
    assert_eq!(said["severity"], "warning");
    assert!(said["summary"].as_str().unwrap().contains("evidence for nobody in particular"), "{said}");
}

#[test]
fn an_app_that_only_the_log_shows_has_a_column() {
    let line =
        mismatch("remote=192.0.2.61 client=openclaw-macos ui v2026.8.2 host=192.0.2.10:18789 origin=n/a");
    let ticket = ticket(&[GATEWAY, CLI], &[("logs/gw.log", &line)]);
    assert_eq!(red(&ticket), [("openclaw-macos", "auth")]);
}

#[test]
fn a_page_is_the_browser_by_its_origin_alone() {
    let line =
        mismatch("remote=172.30.0.1 host=127.0.0.1:18789 origin=http://127.0.0.1:18789 ua=Mozilla/5.0 (X11)");
    let ticket = ticket(&[GATEWAY, CLI], &[("logs/gw.log", &line)]);
    assert_eq!(red(&ticket), [("browser", "auth")]);
}

#[test]
fn a_node_of_an_inactive_profile_waits_and_its_request_is_named() {
    let list = format!(
        r#"{{"pending":[{{"requestId":"7cc77712-f0fc","deviceId":"{DEVICE}","clientId":"node-host","clientMode":"node","role":"node","scopes":[],"remoteIp":"172.30.0.9","ts":1}}],"paired":[]}}"#
    );
    let ticket = ticket(&[GATEWAY, CLI, NODE], &[("devices/gw.json", &list)]);
    assert_eq!(red(&ticket), [("worker", "pairing")]);
    let commands = commands(&ticket);
    assert!(
        commands.contains("devices approve 7cc77712-f0fc") && commands.contains("as a node"),
        "{commands}"
    );
    assert!(!commands.contains("REQUEST_ID"), "{commands}");
}

#[test]
fn what_one_gateway_says_is_not_another_ones_client() {
    let second = GATEWAY
        .replace("gw:", "two:")
        .replace("18789:18789", "28789:18789")
        .replace("172.30.0.2", "172.30.0.4");
    let second = second.replace("./state", "./second");
    let line = "[ws] closed before connect code=1006 reason=Gateway not reachable ECONNREFUSED\n";
    let ticket = ticket(&[GATEWAY, &second], &[("logs/two.log", line)]);
    assert!(
        !red(&ticket).iter().any(|(name, gate)| *name == "two" && *gate == "reach"),
        "{:?}",
        red(&ticket)
    );
}

#[test]
fn each_gateway_lives_by_its_own_log() {
    let second = GATEWAY
        .replace("gw:", "two:")
        .replace("18789:18789", "28789:18789")
        .replace("172.30.0.2", "172.30.0.4");
    let second = second.replace("./state", "./second");
    let up = "2026-09-08T13:00:15.409+00:00 [gateway] loading configuration…\n2026-09-08T13:00:16.409+00:00 [gateway] ready\n";
    let down = "2026-09-08T13:00:15.409+00:00 [gateway] loading configuration…\nRefusing to bind gateway to lan without auth.\n";
    let ticket = ticket(&[GATEWAY, &second], &[("logs/gw.log", up), ("logs/two.log", down)]);
    let red: Vec<&str> = red(&ticket).into_iter().map(|(name, _)| name).collect();
    assert!(red.contains(&"two") && !red.contains(&"gw"), "{red:?}");
}

#[test]
fn a_cli_that_is_run_on_demand_has_a_column() {
    let own = CLI.replace("    entrypoint", "    profiles: [\"cli\"]\n    entrypoint");
    let own = own.replace("      OPENCLAW_GATEWAY_URL: ws://gw:18789\n", "");
    assert_eq!(red(&ticket(&[GATEWAY, &own], &[])), [("cli", "reach")]);
}

#[test]
fn the_cli_is_not_given_its_own_name() {
    let list = format!(
        r#"{{"pending":[{{"requestId":"r-1","deviceId":"{DEVICE}","clientId":"cli","clientMode":"cli","role":"operator","scopes":["operator.pairing"],"remoteIp":"172.30.0.3","ts":1}}],"paired":[]}}"#
    );
    let ticket = ticket(&[GATEWAY, CLI], &[("devices/gw.json", &list)]);
    assert_eq!(red(&ticket), [("cli", "pairing")]);
    let commands = commands(&ticket);
    assert!(commands.contains("run --rm --no-deps -T cli devices list"), "{commands}");
}
