//! What holds for any stack: no panic, the same answer twice, edits that mend their finding and break nothing, and no token
//! in anything that is printed.

#![allow(clippy::unwrap_used, reason = "a failing test says so")]

use std::collections::BTreeMap;

use crate::support::{broken, edited, needles, outputs};
use openclaw_compose::edit::Edit;
use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::{GateState, Report, Stack, examine};
use openclaw_compose::project::{self, Inputs, Texts};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const ROOT: &str = "/srv";
type Files = BTreeMap<String, String>;

/// A choice among texts.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(texts).prop_map(str::to_owned)
}

/// `environment` in list or map form, of some of these variables.
fn environment(variables: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = String> {
    (prop::sample::subsequence(variables, 0..variables.len()), any::<bool>()).prop_map(
        |(variables, listed)| {
            // A mapping may say a thing once.
            let mut once: Vec<(&str, &str)> = variables;
            once.dedup_by_key(|(name, _)| *name);
            let lines: Vec<String> = once
                .into_iter()
                .map(|(name, value)| match listed {
                    true => format!("      - {name}={value}\n"),
                    false => format!("      {name}: {}\n", serde_json::to_string(value).unwrap()),
                })
                .collect();
            if lines.is_empty() { String::new() } else { format!("    environment:\n{}", lines.concat()) }
        },
    )
}

const GATEWAY_VARIABLES: &[(&str, &str)] = &[
    ("HOME", "/home/node"),
    ("HOME", "/home/node/.openclaw"),
    ("OPENCLAW_GATEWAY_TOKEN", "${OPENCLAW_GATEWAY_TOKEN:-}"),
    ("OPENCLAW_GATEWAY_TOKEN", "canary-b-3z5x7c9v1b2n4m6a8s0d"),
    ("CLAWDBOT_GATEWAY_TOKEN", "canary-c-0p9o8i7u6y5t4r3e2w1q"),
    ("OPENCLAW_GATEWAY_BIND", "loopback"),
    ("OPENCLAW_GATEWAY_PORT", "18790"),
    ("OPENCLAW_STATE_DIR", "/Users/me/.openclaw"),
    ("OPENCLAW_GATEWAY_PASSWORD", "canary-p-1q2w3e4r5t6y7u8i9o0p"),
];
const CLIENT_VARIABLES: &[(&str, &str)] = &[
    ("HOME", "/home/node"),
    ("OPENCLAW_GATEWAY_TOKEN", "${OPENCLAW_GATEWAY_TOKEN:-}"),
    ("OPENCLAW_GATEWAY_TOKEN", "canary-b-3z5x7c9v1b2n4m6a8s0d"),
    ("GATEWAY_TOKEN", "canary-a-7q2w9e4r6t8y1u3i5o7p"),
    ("OPENCLAW_GATEWAY_URL", "ws://openclaw-gateway:18789"),
    ("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"),
    ("OPENCLAW_GATEWAY_URL", "ws://user:canary-u@openclaw-gatway:18789"),
    ("GATEWAY_URL", "ws://openclaw-gateway:18789"),
    ("CLAWDBOT_GATEWAY_URL", "ws://openclaw-gateway:18789"),
    ("OPENCLAW_GATEWAY_PORT", "19001"),
    ("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1"),
];

fn gateway() -> impl Strategy<Value = String> {
    (
        one_of(&[
            "    command: [openclaw, gateway]\n",
            "    command: openclaw gateway --bind lan\n",
            "    command: [openclaw, gateway, --bind, loopback, --port, '18789']\n",
            "    command: sh -c \"exec openclaw gateway --bind=$${BIND:-loopback}\"\n",
            "    command: [openclaw, gateway, --token, canary-d-5t6y7u8i9o0p1q2w3e4r]\n",
            "",
        ]),
        environment(GATEWAY_VARIABLES),
        one_of(&[
            "",
            "    ports: ['127.0.0.1:18789:18789']\n",
            "    ports:\n      - \"18789:18789\"\n",
            "    ports: ['28789:18789']\n",
            "    ports:\n      - 127.0.0.1:18789:8080\n",
            "    network_mode: host\n",
        ]),
        one_of(&["", "    networks: [back]\n", "    networks: [back, front]\n"]),
        one_of(&["", "    user: root\n", "    restart: always\n", "    env_file: .env\n", "    stop_grace_period: 20s\n"]),
        one_of(&[
            "    volumes: ['./state:/home/node/.openclaw']\n",
            "    volumes:\n      - ./state:/home/node/.clawdbot\n",
            "    volumes:\n      - ./state:/root/.openclaw\n",
            "    volumes: ['./state/openclaw.json:/home/node/.openclaw/openclaw.json']\n",
            "    healthcheck: { test: 'curl -f http://127.0.0.1:9/healthz' }\n",
        ]),
        one_of(&["", "    labels:\n      - traefik.http.routers.c.rule=Host(`claw.example.com`)\n      - traefik.http.services.c.loadbalancer.server.port=8080\n"]),
    )
        .prop_map(|(command, environment, ports, networks, more, volumes, labels)| {
            let networks = if ports.contains("network_mode") { String::new() } else { networks };
            format!("{command}{environment}{ports}{networks}{more}{volumes}{labels}")
        })
}

fn client() -> impl Strategy<Value = String> {
    (
        one_of(&[
            "    entrypoint: [openclaw]\n",
            "    command: openclaw devices list --url ws://openclaw-gateway:18789\n",
            "    command: [sleep, infinity]\n",
        ]),
        environment(CLIENT_VARIABLES),
        one_of(&[
            "",
            "    network_mode: 'service:openclaw-gateway'\n",
            "    network_mode: host\n",
            "    network_mode: none\n",
            "    networks: [front]\n",
            "    networks:\n      back:\n        aliases: [tool]\n",
        ]),
        one_of(&["", "    user: '1001'\n", "    env_file: .env\n", "    tty: true\n"]),
        one_of(&[
            "",
            "    volumes: ['./state:/home/node/.openclaw']\n",
            "    volumes: ['./cli:/home/node/.openclaw']\n",
        ]),
    )
        .prop_map(|(command, environment, network, more, volumes)| {
            format!("{command}{environment}{network}{more}{volumes}")
        })
}

fn stack() -> impl Strategy<Value = Files> {
    (
        one_of(&["2026.1.29", "2026.2.26", "2026.3.13", "2026.4.15", "2026.7.1", "2026.8.1", "2026.9.6", "latest"]),
        gateway(),
        client(),
        one_of(&["", "  redis:\n    image: redis:8\n", "  tool:\n    image: alpine\n    network_mode: 'service:openclaw-cli'\n"]),
        one_of(&[
            "{ gateway: { mode: 'local' } }",
            "{\n  gateway: {\n    mode: \"local\",\n    bind: \"loopback\",\n    auth: { token: \"canary-a-7q2w9e4r6t8y1u3i5o7p\" },\n  },\n}\n",
            "{\n  gateway: {\n    mode: \"local\",\n    bind: \"lan\",\n    auth: { token: \"${OPENCLAW_GATEWAY_TOKEN}\" },\n  },\n}\n",
            "{ gateway: { bind: 'lan', auth: { token: { source: 'env', id: 'OPENCLAW_GATEWAY_TOKEN' } } } }",
            "{ gateway: { mode: 'local', bind: 'lan', controlUi: { allowedOrigins: ['http://localhost:1'] }, auth: { token: 'canary-a-7q2w9e4r6t8y1u3i5o7p', password: 'canary-p' } } }",
            "{ gateway: { mode: 'local', trustedProxies: ['*'], remote: { url: 'ws://openclaw-gateway:18789', token: 'canary-r-1q2w3e4r' } } }",
            "{ gateway: { mode: 'remote', remote: { url: 'ws://openclaw-gateway:18789' } } }",
            "{ gateway: ",
        ]),
        one_of(&[
            "OPENCLAW_GATEWAY_TOKEN=canary-a-7q2w9e4r6t8y1u3i5o7p\n",
            "OPENCLAW_GATEWAY_TOKEN=\"canary-a$b7q2w9e4r\"\r\n",
            "OPENCLAW_GATEWAY_TOKEN=\n",
            "OPENCLAW_GATEWAY_URL=ws://openclaw-gateway:18789\nOPENCLAW_GATEWAY_TOKEN='canary-b-3z5x7c9v1b2n4m6a8s0d'\n",
            "",
        ]),
        prop::option::of(one_of(&["OPENCLAW_GATEWAY_TOKEN=canary-e-6y7u8i9o\n"])),
    )
        .prop_map(|(tag, gateway, client, third, config, dotenv, state_dotenv)| {
            let compose = format!(
                "services:\n  openclaw-gateway:\n    image: openclaw:{tag}\n{gateway}  openclaw-cli:\n    image: openclaw:{tag}\n{client}{third}networks:\n  back: {{}}\n  front: {{}}\n"
            );
            let mut files = Files::from([
                ("compose.yaml".to_owned(), compose),
                (".env".to_owned(), dotenv),
                ("state/openclaw.json".to_owned(), config),
            ]);
            files.extend(state_dotenv.map(|text| ("state/.env".to_owned(), text)));
            files
        })
}

/// The report; nothing where Compose would start nothing.
fn report(files: &Files) -> Option<Report> {
    let mut texts = Texts::new();
    for (path, text) in files {
        texts.insert(format!("{ROOT}/{path}"), text.as_str());
    }
    let resolution = project::resolve(&Inputs::new(ROOT), &texts);
    resolution.compose_would_refuse().is_none().then(|| examine(&Stack::new(&resolution).files(&texts)))
}

/// Runs a test over stacks that are the same in every run, and says everything that is wrong at once.
fn over_stacks(test: impl Fn(&Files, &Report) -> Vec<String>) {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let stacks = stack();
    let mut wrong: BTreeMap<String, Files> = BTreeMap::new();
    let mut judged = 0;
    for _ in 0..240 {
        let files = stacks.new_tree(&mut runner).unwrap().current();
        let Some(report) = report(&files) else { continue };
        judged += 1;
        for fault in test(&files, &report) {
            wrong.entry(fault).or_insert_with(|| files.clone());
        }
    }
    assert!(judged > 120, "Compose would refuse most of these stacks");
    let shown = wrong.iter().map(|(fault, files)| {
        let files: Vec<String> = files.iter().map(|(path, text)| format!("== {path}\n{text}\n")).collect();
        format!("{fault}\n{}", files.concat())
    });
    assert!(wrong.is_empty(), "{}", shown.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_red_gate_rests_on_a_finding_of_its_code() {
    over_stacks(|_, report| {
        let gates = report.clients.iter().flat_map(|client| &client.gates);
        let red = gates.filter(|gate| gate.state == GateState::Red);
        let alone = red.filter(|gate| {
            gate.code.is_none() || gate.finding.and_then(|id| report.finding(id)).map(|f| f.code) != gate.code
        });
        alone
            .map(|gate| format!("{:?} is red for {:?}, without that finding", gate.gate, gate.code))
            .collect()
    });
}

#[test]
fn the_same_stack_gets_the_same_report() {
    over_stacks(|files, first| {
        let second = report(files).map(|second| outputs(&second));
        if second == Some(outputs(first)) { Vec::new() } else { vec!["two answers".to_owned()] }
    });
}

/// What is wrong with the edits of one finding.
fn fault(code: Code, edits: &[Edit], files: &Files, before: &Report) -> Option<String> {
    let name = code.name();
    let files = match edited(files, edits, before) {
        Ok(files) => files,
        Err(error) => return Some(format!("the edits of {name}: {error}")),
    };
    let Some(after) = report(&files) else { return Some(format!("Compose refuses the edits of {name}")) };
    if after.of_code(code).count() >= before.of_code(code).count() {
        return Some(format!("{name} is still there after its edits"));
    }
    let broken = broken(before, &after);
    (!broken.is_empty()).then(|| format!("the edits of {name} break: {}", broken.join(", ")))
}

#[test]
fn edits_mend_their_finding_and_break_nothing() {
    over_stacks(|files, before| {
        let remedies =
            before.findings.iter().filter_map(|finding| Some((finding.code, finding.remedy.as_ref()?)));
        let remedies = remedies.filter(|(_, remedy)| !remedy.edits.is_empty());
        remedies.filter_map(|(code, remedy)| fault(code, &remedy.edits, files, before)).collect()
    });
}

#[test]
fn no_output_holds_a_token() {
    let needles = needles();
    over_stacks(|_, report| {
        let outputs = outputs(report);
        let shown =
            needles.iter().filter(|needle| outputs.iter().any(|output| output.contains(needle.as_str())));
        shown.map(|needle| format!("{needle} is printed")).collect()
    });
}
