//! A project is read as the release of Compose that runs it, where anything that was recorded tells, and the ticket says so.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]

use std::path::Path;

use crate::support::{runbook, stdout};

#[expect(clippy::disallowed_methods, reason = "the test makes its own stack")]
fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The second file of variables builds the URL from its own name, or before compose-go 2.8 from that of the first.
fn stack(directory: &Path) {
    let token = "test-token-1-7q2w9e4r6t8y1u3i5o7p";
    let compose = "name: claw
services:
  openclaw-gateway:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }
    env_file: [a.env, b.env]
    volumes: ['./state:/home/node/.openclaw']
";
    for (name, text) in [
        ("compose.yaml", compose),
        (".env", &format!("OPENCLAW_GATEWAY_TOKEN={token}\n")),
        ("a.env", "HOST_NAME=first\n"),
        ("b.env", "HOST_NAME=second\nWATCHED=http://${HOST_NAME}:18789\n"),
        ("state/openclaw.json", "{ gateway: { mode: 'local', bind: 'lan' } }\n"),
    ] {
        write(directory, name, text);
    }
}

const INSPECT: &str = r#"[{"Created":"2026-11-02T09:00:00Z","Name":"/claw-openclaw-gateway-1","Config":{"Labels":{
"com.docker.compose.project":"claw","com.docker.compose.service":"openclaw-gateway","com.docker.compose.version":"2.26.1"}}}]"#;
const ENGINE: &str = r#"{"OperatingSystem":"Debian GNU/Linux 13 (trixie)","ClientInfo":{"Plugins":[{"Name":"compose","Version":"v2.40.3"}]}}"#;

fn ticket(directory: &Path, flags: &[&str]) -> serde_json::Value {
    let path = directory.display().to_string();
    serde_json::from_str(&stdout(&runbook(&[&[path.as_str(), "--format", "json"], flags].concat())))
        .expect("JSON")
}

/// What it was read as, and how bad it is that releases differ.
fn read_as(directory: &Path, flags: &[&str]) -> (Option<String>, String) {
    let ticket = ticket(directory, flags);
    let findings = ticket["findings"].as_array().expect("findings");
    let differ = findings.iter().find(|finding| finding["code"] == "OC-C185").expect("told once");
    let summary = differ["summary"].as_str().expect("a text");
    assert!(
        summary.contains("\"http://first:18789\"") && summary.contains("\"http://second:18789\""),
        "{summary}"
    );
    let place = &differ["places"][0];
    assert_eq!((place["file"].as_str(), place["line"].as_u64()), (Some("b.env"), Some(2)));
    (ticket["compose"].as_str().map(str::to_owned), differ["severity"].as_str().expect("a word").to_owned())
}

#[test]
fn the_release_that_runs_is_used_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    stack(path);
    let watched = |flags: &[&str]| {
        let directory = path.display().to_string();
        let what = ["services.openclaw-gateway.environment.WATCHED"];
        let explain = ["explain", "--show-secrets", "--project-directory", directory.as_str()];
        stdout(&runbook(&[&explain, flags, &what].concat()))
    };
    let known = |release: &str| (Some(release.to_owned()), "info".to_owned());
    assert_eq!(read_as(path, &[]), (None, "warning".to_owned()));
    assert!(watched(&[]).contains("second"));
    write(path, "captured/inspect.json", INSPECT);
    assert_eq!(read_as(path, &[]), known("2.26.1 (captured/inspect.json)"));
    assert!(watched(&[]).contains("http://first:18789"), "{}", watched(&[]));
    write(path, "captured/engine.json", ENGINE);
    assert_eq!(read_as(path, &[]), known("2.40.3 (captured/engine.json)"));
    write(path, "captured/compose-version.txt", "Docker Compose version v2.26.1-4\n");
    assert_eq!(read_as(path, &[]), known("2.26.1 (captured/compose-version.txt)"));
    assert_eq!(read_as(path, &["--dialect", "2.9.1"]), known("compose-go 2.9.1 (--dialect)"));
    assert!(watched(&["--dialect", "2.9.1"]).contains("second"));
    let text = stdout(&runbook(&[&path.display().to_string()]));
    assert!(text.contains("compose 2.26.1 (captured/compose-version.txt)"), "{text}");
}

#[test]
fn what_was_not_measured_is_said_to_be_read_as_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    stack(path);
    let told = |version: &str| {
        write(path, "captured/compose-version.txt", version);
        ticket(path, &[])["compose"].as_str().map(str::to_owned)
    };
    let by = "(captured/compose-version.txt)";
    assert_eq!(
        told("Docker Compose version v5.1.2\n"),
        Some(format!("5.1.2 {by}, read as compose-go 2.10.2 and not measured"))
    );
    assert_eq!(
        told("podman-compose version 1.6.0\npodman version 5.8.6\n"),
        Some(format!("podman-compose 1.6.0 {by}, read as Docker Compose 2.40.3 and not measured"))
    );
    write(path, "captured/compose-version.txt", "not found\n");
    let label = |name: &str, release: &str| format!("{name}\":\"{release}");
    let made = label("com.docker.compose.version", "2.26.1");
    write(
        path,
        "captured/inspect.json",
        &INSPECT.replace(&made, &label("io.podman.compose.version", "1.6.0")),
    );
    write(path, "b.env", "HOST_NAME=second\nWATCHED=http://$HOST_NAME:18789\n");
    let ticket = ticket(path, &[]);
    let findings = ticket["findings"].as_array().expect("findings");
    let differs = findings.iter().find(|finding| finding["code"] == "OC-C186").expect("told");
    assert_eq!(
        (differs["severity"].as_str(), differs["places"][0]["line"].as_u64()),
        (Some("warning"), Some(2))
    );
}
