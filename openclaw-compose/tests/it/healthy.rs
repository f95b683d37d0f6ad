//! Stacks as healthy people have them, in ten common shapes: no red gate, no error, no warning, and only true notes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test says so")]

use std::collections::BTreeSet;

use openclaw_compose::finding::{Code, Severity};
use openclaw_compose::openclaw::{GateState, Report, Stack, examine};
use openclaw_compose::project::{self, Inputs, Texts};

const TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN=canary-a-1q2w3e4r5t6y7u8i9o0p\n";
const CONFIG: &str = r#"{ gateway: { mode: "local", bind: "lan", auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" } } }"#;
/// What a stack that nothing else is said about would do: limits, restart, drain.
const CARE: &str = "    mem_limit: 2g\n    restart: on-failure:5\n    stop_grace_period: 330s\n";

fn check(shape: &str, inputs: &Inputs, files: &Texts, notes: &[&str]) -> Report {
    let resolution = project::resolve(inputs, files);
    assert!(resolution.compose_would_refuse().is_none(), "{shape}: {:?}", resolution.findings());
    let report = examine(&Stack::new(&resolution).files(files));
    assert!(!report.gateways.is_empty(), "{shape}: no gateway found");
    if let Some((client, gate)) = report.first_cause() {
        panic!("{shape}: {} stops at {:?}: {}", client.name, gate.gate, gate.because);
    }
    let loud: Vec<String> =
        report.findings.iter().filter(|f| f.severity > Severity::Info).map(ToString::to_string).collect();
    assert!(loud.is_empty(), "{shape}: {loud:?}");
    let said: BTreeSet<&str> = report.findings.iter().map(|finding| finding.code.name()).collect();
    assert_eq!(said, notes.iter().copied().collect(), "{shape}");
    report
}

fn files(compose: &str) -> Texts {
    Texts::new()
        .file("/srv/compose.yaml", compose)
        .file("/srv/.env", TOKEN)
        .file("/srv/state/openclaw.json", CONFIG)
}

#[test]
fn official_layout() {
    let compose = String::from(
        r#"
services:
  openclaw-gateway:
    image: ${OPENCLAW_IMAGE:-openclaw:local}
    environment:
      HOME: /home/node
      TERM: xterm-256color
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN:-}
    volumes:
      - ${OPENCLAW_CONFIG_DIR:-./state}:/home/node/.openclaw
      - ${OPENCLAW_WORKSPACE_DIR:-./workspace}:/home/node/.openclaw/workspace
      - ${OPENCLAW_AUTH_PROFILE_SECRET_DIR:-./secrets}:/home/node/.config/openclaw
    ports:
      - "${OPENCLAW_GATEWAY_PORT:-18789}:18789"
    init: true
    restart: unless-stopped
    command: ["node", "dist/index.js", "gateway", "--bind", "${OPENCLAW_GATEWAY_BIND:-lan}", "--port", "18789"]
  openclaw-cli:
    image: ${OPENCLAW_IMAGE:-openclaw:local}
    network_mode: "service:openclaw-gateway"
    environment:
      HOME: /home/node
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN:-}
      BROWSER: echo
    volumes:
      - ${OPENCLAW_CONFIG_DIR:-./state}:/home/node/.openclaw
      - ${OPENCLAW_WORKSPACE_DIR:-./workspace}:/home/node/.openclaw/workspace
      - ${OPENCLAW_AUTH_PROFILE_SECRET_DIR:-./secrets}:/home/node/.config/openclaw
    stdin_open: true
    tty: true
    init: true
    entrypoint: ["node", "dist/index.js"]
    depends_on:
      - openclaw-gateway
"#,
    );
    let notes = [
        "exposed-beyond-loopback",
        "no-memory-limit",
        "restart-loops",
        "stop-grace-too-short",
        "stranded-by-restart",
        "version-unknown",
    ];
    let report = check("official", &Inputs::new("/srv"), &files(&compose), &notes);
    assert_eq!(report.clients.len(), 4, "CLI, gateway, host, browser");
}

#[test]
fn cli_on_the_bridge_with_the_fallback() {
    let compose = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment: [OPENCLAW_GATEWAY_TOKEN]\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}  openclaw-cli:\n    image: openclaw:2026.9.6@sha256:00\n    entrypoint: [openclaw]\n    environment:\n      OPENCLAW_GATEWAY_TOKEN:\n      OPENCLAW_GATEWAY_URL: ws://openclaw-gateway:18789\n      OPENCLAW_ALLOW_INSECURE_PRIVATE_WS: '1'\n    volumes: ['./cli:/home/node/.openclaw']\n"
    );
    check("bridge", &Inputs::new("/srv"), &files(&compose), &["plaintext-break-glass"]);
}

#[test]
fn host_network() {
    let compose = format!(
        "services:\n  gateway:\n    image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:00\n    network_mode: host\n    command: [node, openclaw.mjs, gateway]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n{CARE}  cli:\n    image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:00\n    network_mode: host\n    entrypoint: [openclaw]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./state:/home/node/.openclaw']\n"
    );
    let loopback = CONFIG.replace("lan", "loopback");
    let files = files(&compose).file("/srv/state/openclaw.json", loopback);
    check("host network", &Inputs::new("/srv"), &files, &[]);
}

#[test]
fn override_file() {
    let base = String::from(
        "services:\n  openclaw-gateway:\n    image: openclaw:latest\n    command: [openclaw, gateway, --bind, loopback]\n    volumes: ['./state:/home/node/.openclaw']\n    ports: ['127.0.0.1:18789:18789']\n",
    );
    let over = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./secrets:/home/node/.config/openclaw']\n{CARE}"
    );
    let files = files(&base).file("/srv/compose.override.yaml", over);
    check("override", &Inputs::new("/srv"), &files, &[]);
}

#[test]
fn profiles() {
    let compose = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}  openclaw-cli:\n    profiles: [cli]\n    image: openclaw:2026.9.6@sha256:00\n    entrypoint: [openclaw]\n    network_mode: 'service:openclaw-gateway'\n    volumes: ['./state:/home/node/.openclaw']\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n"
    );
    check("profile off", &Inputs::new("/srv"), &files(&compose), &[]);
    check("profile on", &Inputs::new("/srv").profile("cli"), &files(&compose), &["stranded-by-restart"]);
}

#[test]
fn podman() {
    let compose = format!(
        "services:\n  gateway:\n    container_name: claw\n    image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:00\n    userns_mode: keep-id\n    command: [openclaw, gateway, run, --bind, lan]\n    environment:\n      - OPENCLAW_GATEWAY_TOKEN=${{OPENCLAW_GATEWAY_TOKEN}}\n    volumes: ['./state:/home/node/.openclaw:Z', './secrets:/home/node/.config/openclaw:Z']\n    ports: ['127.0.0.1:18789:18789/tcp']\n{CARE}  cli:\n    image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:00\n    network_mode: 'container:claw'\n    entrypoint: [openclaw]\n    environment:\n      - OPENCLAW_GATEWAY_TOKEN=${{OPENCLAW_GATEWAY_TOKEN}}\n    volumes: ['./state:/home/node/.openclaw:Z']\n"
    );
    check("podman", &Inputs::new("/srv"), &files(&compose), &["stranded-by-restart"]);
}

#[test]
fn coolify_or_dokploy() {
    let compose = format!(
        "services:\n  openclaw:\n    image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment:\n      - OPENCLAW_GATEWAY_TOKEN=${{OPENCLAW_GATEWAY_TOKEN}}\n      - SERVICE_FQDN_OPENCLAW_18789\n    expose: ['18789']\n    labels:\n      - traefik.enable=true\n      - traefik.http.routers.openclaw.rule=Host(`claw.example.com`)\n      - traefik.http.services.openclaw.loadbalancer.server.port=18789\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    networks: [proxy]\n{CARE}networks:\n  proxy:\n    external: true\n"
    );
    let config = CONFIG.replace(
        "auth:",
        "controlUi: { allowedOrigins: ['https://claw.example.com'] }, trustedProxies: ['10.0.1.0/24'], auth:",
    );
    let files = files(&compose).file("/srv/state/openclaw.json", config);
    check("coolify", &Inputs::new("/srv"), &files, &[]);
}

#[test]
fn secrets() {
    let compose = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    secrets: [gateway_token]\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}secrets:\n  gateway_token:\n    file: ./token.txt\n"
    );
    let config = "{ gateway: { mode: 'local', bind: 'lan', auth: { token: { source: 'file', provider: 'default', id: 'value' } } }, secrets: { providers: { default: { source: 'file', path: '/run/secrets/gateway_token', mode: 'singleValue' } } } }";
    let files = files(&compose).file("/srv/state/openclaw.json", config).file("/srv/token.txt", "canary-a\n");
    check("secrets", &Inputs::new("/srv"), &files, &[]);
}

#[test]
fn env_file() {
    let compose = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    env_file: [claw.env]\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}  openclaw-cli:\n    image: openclaw:2026.9.6@sha256:00\n    env_file: [claw.env]\n    network_mode: 'service:openclaw-gateway'\n    entrypoint: [openclaw]\n    volumes: ['./state:/home/node/.openclaw']\n"
    );
    let files = files(&compose).file("/srv/claw.env", TOKEN);
    check("env_file", &Inputs::new("/srv"), &files, &["stranded-by-restart"]);
}

#[test]
fn includes() {
    let gateway = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}"
    );
    let compose = "include: [claw/compose.yaml]\nservices:\n  caddy:\n    image: caddy:2\n    networks: [web]\nnetworks:\n  web: {}\n";
    let files = files(compose)
        .file("/srv/claw/compose.yaml", gateway)
        .file("/srv/claw/.env", TOKEN)
        .file("/srv/claw/state/openclaw.json", "{ $include: './gateway.json5' }")
        .file("/srv/claw/state/gateway.json5", CONFIG);
    check("includes", &Inputs::new("/srv"), &files, &[]);
}

#[test]
fn apps_beside_the_gateway() {
    let compose = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}  dashboard:\n    image: example/dashboard:1\n    environment:\n      OPENCLAW_GATEWAY_URL: ws://openclaw-gateway:18789\n      OPENCLAW_GATEWAY_TOKEN: ${{OPENCLAW_GATEWAY_TOKEN}}\n  redis:\n    image: redis:8\n"
    );
    check("apps", &Inputs::new("/srv"), &files(&compose), &[]);
}

#[test]
fn companions_and_preparations_are_no_clients() {
    let compose = format!(
        r#"
services:
  owners:
    image: openclaw:2026.9.6@sha256:00
    user: root
    command: [chown, -R, '1000:1000', /home/node/.openclaw]
    volumes: ['./state:/home/node/.openclaw']
  prepare:
    image: openclaw:2026.9.6@sha256:00
    network_mode: none
    command: [openclaw, config, set, gateway.bind, lan]
    volumes: ['./state:/home/node/.openclaw']
  openclaw-gateway:
    image: openclaw:2026.9.6@sha256:00
    command: [openclaw, gateway]
    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}
    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']
    ports: ['127.0.0.1:18789:18789']
{CARE}  sandbox:
    image: openclaw-sandbox:bookworm-slim
    command: [sleep, infinity]
  board:
    image: ghcr.io/example/openclaw-mission-control:2
"#
    );
    check("companions", &Inputs::new("/srv"), &files(&compose), &[]);
}

#[test]
fn a_token_that_a_command_reads_at_start() {
    let read = "$$(cat /run/secrets/gateway_token)";
    for command in [
        format!("[sh, -c, 'export OPENCLAW_GATEWAY_TOKEN={read} && exec openclaw gateway']"),
        format!("[sh, -c, 'OPENCLAW_GATEWAY_TOKEN=\"{read}\" exec openclaw gateway run --bind lan']"),
        "[/config/start.sh, gateway, --bind, lan]".to_owned(),
    ] {
        let compose = format!(
            "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: {command}\n    secrets: [gateway_token]\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw', './config:/config']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}secrets:\n  gateway_token:\n    file: ./token.txt\n"
        );
        let files = files(&compose).file("/srv/token.txt", "canary-a\n");
        check(&command, &Inputs::new("/srv"), &files, &[]);
        let flag = format!("sh -c 'exec openclaw gateway --token \"{read}\"'");
        let compose = compose.replace(&command, &flag);
        let files = files.file("/srv/compose.yaml", compose);
        let files = files.file("/srv/state/openclaw.json", "{ gateway: { mode: 'local', bind: 'lan' } }");
        check(&flag, &Inputs::new("/srv"), &files, &[]);
    }
}

#[test]
fn owners_that_do_not_matter() {
    let compose = format!(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6@sha256:00\n    command: [openclaw, gateway]\n    environment: {{ OPENCLAW_GATEWAY_TOKEN: '${{OPENCLAW_GATEWAY_TOKEN}}' }}\n    volumes: ['./state:/home/node/.openclaw', './secrets:/home/node/.config/openclaw']\n    ports: ['127.0.0.1:18789:18789']\n{CARE}"
    );
    let files = files(&compose);
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    // Above a bind mount nothing counts, what is only read may be another's, and who owns a file may write it.
    let listing = "0:0 700 .\n1000:1000 700 state\n0:0 644 state/openclaw.json\n0:0 644 state/.env\n1000:1000 444 state/blob\n1000:1000 755 state/workspace\n0:0 600 state/workspace/notes.md\n";
    let report = examine(&Stack::new(&resolution).files(&files).ownership("ownership.txt", listing));
    assert!(report.clients.iter().all(|client| client.gates[0].state == GateState::Green));
    // A checkout of root is no state of root's.
    let checkout = "0:0 755 .\n0:0 644 compose.yaml\n0:0 755 state\n0:0 644 state/openclaw.json\n";
    let report = examine(&Stack::new(&resolution).files(&files).ownership_of_copy("owners", checkout));
    assert!(report.first_cause().is_none());
    let drift: Vec<_> = report.of_code(Code::UidDrift).map(|finding| finding.severity).collect();
    assert_eq!(drift, [Severity::Warning]);
    let made_by_docker = checkout.replace("0:0 644 compose", "1000:1000 644 compose");
    let report = examine(&Stack::new(&resolution).files(&files).ownership_of_copy("owners", made_by_docker));
    assert_eq!(report.first_cause().unwrap().1.code, Some(Code::UidDrift));
    for locked in ["0:0 600 state/openclaw.json", "0:0 700 state/agents", "0:0 700 state"] {
        let listing = format!("1000:1000 700 state\n{locked}\n");
        let report = examine(&Stack::new(&resolution).files(&files).ownership("ownership.txt", listing));
        assert_eq!(report.first_cause().unwrap().1.code, Some(Code::UidDrift), "{locked}");
    }
}
