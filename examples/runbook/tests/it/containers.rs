//! What only the containers and the host show: who was left behind by a restart, what an approval has settled since, and
//! which service definition still holds another token.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]

use std::path::Path;

use crate::support::{runbook, stdout};

const COMPOSE: &str = r#"services:
  openclaw-gateway:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    command: [openclaw, gateway]
    environment:
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
    volumes: ["./state:/home/node/.openclaw"]
  openclaw-cli:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: "service:openclaw-gateway"
    environment:
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
    volumes: ["./state:/home/node/.openclaw"]
"#;

#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn stack(captured: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("compose.yaml", COMPOSE),
        (".env", "OPENCLAW_GATEWAY_TOKEN=test-token-of-the-containers\n"),
        ("state/openclaw.json", "{ gateway: { mode: \"local\", bind: \"lan\" } }\n"),
        ("captured/ownership.txt", "1000:1000 755 state\n1000:1000 600 state/openclaw.json\n"),
    ];
    for (name, text) in files.iter().chain(captured) {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn ticket(dir: &Path) -> serde_json::Value {
    let output = runbook(&["--format", "json", dir.to_str().unwrap()]);
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// What the files say, as Docker shows it.
const CONFIG: &str = r#""Image":"ghcr.io/openclaw/openclaw:2026.9.6","Env":["OPENCLAW_GATEWAY_TOKEN=test-token-of-the-containers"]"#;

/// Both containers, the CLI in the namespace of the container with this id.
fn inspected(namespace: &str) -> String {
    format!(
        r#"[{{"Id":"bbbb2222","Name":"/x-openclaw-gateway-1","State":{{"Running":true}},
            "Config":{{{CONFIG},"Labels":{{"com.docker.compose.service":"openclaw-gateway"}}}},"HostConfig":{{"NetworkMode":"x_default"}}}},
           {{"Id":"cccc3333","Name":"/x-openclaw-cli-1","State":{{"Running":true}},
            "Config":{{{CONFIG},"Labels":{{"com.docker.compose.service":"openclaw-cli"}}}},"HostConfig":{{"NetworkMode":"container:{namespace}"}}}}]"#
    )
}

#[test]
fn a_client_left_behind_in_a_dead_namespace_does_not_reach_the_gateway() {
    let dir = stack(&[("captured/inspect.json", &inspected("aaaa1111"))]);
    let ticket_then = ticket(dir.path());
    assert_eq!(ticket_then["first_cause"]["gate"], "reach");
    assert_eq!(ticket_then["first_cause"]["clients"], serde_json::json!(["openclaw-cli"]));
    let first = usize::try_from(ticket_then["first_cause"]["finding"].as_u64().unwrap()).unwrap();
    let finding = &ticket_then["findings"][first];
    assert_eq!(finding["code"], "OC-C608");
    assert_eq!(finding["remedy"]["command"], "docker compose up -d --force-recreate openclaw-cli");

    let dir = stack(&[("captured/inspect.json", &inspected("bbbb2222"))]);
    assert!(ticket(dir.path())["first_cause"].is_null());
}

#[test]
fn a_refusal_before_an_approval_in_the_same_log_is_over() {
    let refused = "2026-11-22T06:00:00+00:00 [ws] closed before connect remote=172.20.0.3 cause=pairing-required \
                   deviceId=77fc328f73074abb requestId=2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a reason=not-paired client=cli\n";
    let approved =
        "2026-11-22T06:01:00+00:00 [gateway] device pairing approved device=77fc328f73074abb role=operator\n";
    let log = "captured/logs/openclaw-gateway.log";
    let pairing_is_shut =
        |text: &str| ticket(stack(&[(log, text)]).path())["first_cause"]["gate"] == "pairing";
    assert!(pairing_is_shut(refused));
    assert!(!pairing_is_shut(&format!("{refused}{approved}")));
    assert!(pairing_is_shut(&format!("{approved}{}", refused.replace("06:00:00", "06:02:00"))));
}

#[test]
fn service_definitions_that_hold_another_token_are_named() {
    let plist = |token: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\n\
             <key>Label</key><string>ai.openclaw.gateway</string>\n<key>EnvironmentVariables</key><dict>\n\
             <key>OPENCLAW_GATEWAY_TOKEN</key><string>{token}</string>\n</dict></dict></plist>\n"
        )
    };
    let unit = |token: &str| {
        format!(
            "[Service]\nExecStart=/usr/bin/openclaw gateway\nEnvironment=OPENCLAW_GATEWAY_TOKEN={token}\n"
        )
    };
    let differing = |plist: &str, unit: &str| -> Vec<(String, u64)> {
        let dir = stack(&[
            ("captured/launchd/ai.openclaw.gateway.plist", plist),
            ("captured/systemd/openclaw-gateway.service", unit),
        ]);
        let ticket = ticket(dir.path());
        assert!(!ticket.to_string().contains("test-token-"), "{ticket}");
        let findings = ticket["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["name"] == "service-definition-differs")
            .map(|finding| &finding["places"][0])
            .map(|place| (place["file"].as_str().unwrap().to_owned(), place["line"].as_u64().unwrap()))
            .collect()
    };
    let same = "test-token-of-the-containers";
    let launchd = ("captured/launchd/ai.openclaw.gateway.plist".to_owned(), 5);
    let systemd = ("captured/systemd/openclaw-gateway.service".to_owned(), 3);
    assert_eq!(differing(&plist(same), &unit(same)), []);
    assert_eq!(differing(&plist("test-token-of-launchd"), &unit(same)), std::slice::from_ref(&launchd));
    assert_eq!(
        differing(&plist("test-token-of-launchd"), &unit("test-token-of-systemd")),
        [launchd, systemd]
    );
}
