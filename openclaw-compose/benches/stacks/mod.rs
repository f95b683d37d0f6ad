//! The stacks that are measured: two services as `OpenClaw` ships them, and as many as one likes with two merge keys each.

use std::fmt::Write as _;

use openclaw_compose::project::{Inputs, Texts};

/// A stack by name: its files, and the text of its largest.
pub(crate) struct Sample {
    /// What a report calls it.
    pub(crate) name: &'static str,
    /// The largest Compose file.
    pub(crate) text: String,
    /// All files, below `/srv`.
    pub(crate) files: Texts,
}

/// Two services; 200 of them, 130 KB; 1,600 of them, 1 MB.
pub(crate) fn all() -> [Sample; 3] {
    [two(), many("200 services", 200), many("1600 services", 1600)]
}

/// A command without flags in the directory of the stacks.
pub(crate) fn inputs() -> Inputs {
    Inputs::new("/srv").variable("HOME", "/home/u")
}

/// Gateway and CLI, a file that overrides them, and an `.env`.
fn two() -> Sample {
    let text = "services:
  openclaw-gateway:
    image: ${OPENCLAW_IMAGE:-openclaw:local}
    environment:
      HOME: /home/node
      TERM: xterm-256color
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
    volumes:
      - ${OPENCLAW_CONFIG_DIR}:/home/node/.openclaw
      - ${OPENCLAW_CONFIG_DIR}/workspace:/home/node/.openclaw/workspace
    ports:
      - \"${OPENCLAW_GATEWAY_PORT:-18789}:18789\"
      - \"${OPENCLAW_BRIDGE_PORT:-18790}:18790\"
    init: true
    restart: unless-stopped
    command: [\"node\", \"dist/index.js\", \"gateway\", \"--bind\", \"${OPENCLAW_GATEWAY_BIND:-lan}\"]
  openclaw-cli:
    image: ${OPENCLAW_IMAGE:-openclaw:local}
    network_mode: \"service:openclaw-gateway\"
    environment:
      HOME: /home/node
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
      BROWSER: echo
    volumes:
      - ${OPENCLAW_CONFIG_DIR}:/home/node/.openclaw
    stdin_open: true
    tty: true
    init: true
    entrypoint: [\"node\", \"dist/index.js\"]
"
    .to_owned();
    let files = Texts::new()
        .file("/srv/docker-compose.yml", text.as_str())
        .file(
            "/srv/docker-compose.override.yml",
            "services:\n  openclaw-gateway:\n    volumes:\n      - openclaw_home:/home/node\n      - ./extra:/mnt/extra:ro\nvolumes:\n  openclaw_home:\n",
        )
        .file("/srv/.env", "OPENCLAW_GATEWAY_TOKEN=test-token-1\nOPENCLAW_CONFIG_DIR=/srv/state\n");
    Sample { name: "2 services", text, files }
}

fn many(name: &'static str, services: usize) -> Sample {
    let mut text = "x-common: &common
  restart: unless-stopped
  init: true
  user: \"1000:1000\"
  env_file: [common.env]
x-env: &env
  LOG_LEVEL: ${LOG_LEVEL:-info}
  HOME: /home/node
  TZ: UTC
services:
"
    .to_owned();
    for number in 0..services {
        let port = 10_000 + 2 * number;
        let _ = write!(
            text,
            "  service-{number:04}:
    <<: *common
    image: ${{REGISTRY:-registry.example}}/team/app-{number:04}:${{TAG:-1.{number}}}
    environment:
      <<: *env
      NODE_ID: \"{number}\"
      TOKEN: ${{TOKEN_{number}:-test-token-{number}}}
      DATABASE_URL: postgres://db-{number}:5432/app_{number}?sslmode=${{SSLMODE:-disable}}
    ports:
      - \"{port}:80\"
      - \"127.0.0.1:{}:8080/tcp\"
    volumes:
      - ./data/{number}:/data
      - vol-{}:/cache
    networks:
      front:
        aliases: [app-{number}, app-{number}.internal]
      back:
    healthcheck:
      test: [\"CMD\", \"wget\", \"-q\", \"http://localhost:${{PORT:-80}}/health\"]
      interval: 30s
      timeout: 5s
      retries: 3
",
            port + 1,
            number % 10
        );
        if number > 0 {
            text.push_str("    depends_on:\n      - service-0000\n");
        }
    }
    text.push_str("networks:\n  front: {}\n  back: {internal: true}\nvolumes:\n");
    for number in 0..10 {
        let _ = writeln!(text, "  vol-{number}:");
    }
    let mut variables = String::new();
    for number in 0..40 {
        let _ = writeln!(variables, "VAR_{number}=value {number} # a comment");
    }
    let files = Texts::new()
        .file("/srv/compose.yaml", text.as_str())
        .file("/srv/.env", variables.as_str())
        .file("/srv/common.env", variables.as_str());
    Sample { name, text, files }
}
