//! What examining costs on top of resolution: two services, and two hundred.

#![allow(missing_docs, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use openclaw_compose::openclaw::{Stack, examine};
use openclaw_compose::project::{self, Inputs, Texts};

/// One gateway, its CLI, and services around them: every tenth one is a client of the gateway, too.
fn stack(services: usize) -> Texts {
    let mut compose = String::from(
        "services:\n  openclaw-gateway:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n    environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }\n    volumes: ['./state:/home/node/.openclaw']\n    ports: ['127.0.0.1:18789:18789']\n  openclaw-cli:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }\n    volumes: ['./state:/home/node/.openclaw']\n",
    );
    for number in 2..services {
        let (image, extra) = if number.is_multiple_of(10) {
            (
                "openclaw:2026.9.6",
                "    entrypoint: [openclaw, node]\n    environment:\n      OPENCLAW_GATEWAY_URL: ws://openclaw-gateway:18789\n      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}\n",
            )
        } else {
            ("example/app:1", "    environment:\n      A: '1'\n      B: ${OPENCLAW_GATEWAY_TOKEN}\n")
        };
        let _ = write!(
            compose,
            "  service-{number}:\n    image: {image}\n{extra}    volumes: ['./data-{number}:/data']\n    depends_on: [openclaw-gateway]\n"
        );
    }
    Texts::new()
        .file("/srv/compose.yaml", compose)
        .file("/srv/.env", "OPENCLAW_GATEWAY_TOKEN=test-token-1\n")
        .file(
            "/srv/state/openclaw.json",
            "{ gateway: { mode: 'local', bind: 'lan', auth: { token: 'test-token-2' } } }",
        )
}

fn benches(criterion: &mut Criterion) {
    for services in [2, 200] {
        let files = stack(services);
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        criterion.bench_function(&format!("examine/{services} services"), |bencher| {
            bencher.iter(|| examine(black_box(&Stack::new(&resolution).files(&files))));
        });
    }
}

criterion_group!(group, benches);
criterion_main!(group);
