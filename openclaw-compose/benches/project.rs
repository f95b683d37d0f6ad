//! How long a whole resolution takes in process: two services, and two hundred.

use std::fmt::Write as _;

use criterion::{Criterion, criterion_group, criterion_main};
use openclaw_compose::project::{self, Inputs, Texts};
use openclaw_compose::source::FileId;
use openclaw_compose::syntax::yaml;

fn stack(services: usize) -> String {
    let mut text = String::from(
        "x-log: &log {logging: {driver: json-file, options: {max-size: 10m}}}\n\
         x-env: &env {environment: {LOG_LEVEL: '${LOG_LEVEL:-info}', REGION: eu}}\n\
         services:\n",
    );
    for number in 0..services {
        let port = 20_000 + number;
        writeln!(
            text,
            "  service-{number}:\n    <<: [*log, *env]\n    image: registry.example/app-{number}:${{TAG:-1.2.3}}\n    \
             env_file: common.env\n    restart: unless-stopped\n    healthcheck:\n      test: [CMD, curl, -f, 'http://localhost:{port}/healthz']\n      \
             interval: 30s\n    ports: ['127.0.0.1:{port}:{port}']\n    volumes: ['./data/{number}:/data', 'shared:/shared:ro']\n    \
             labels:\n      app.name: service-{number}\n      app.url: https://${{HOST}}/{number}\n    command: [serve, --port, '{port}']"
        )
        .expect("writing to a String");
    }
    text.push_str("volumes: {shared: }\n");
    text
}

fn resolve(c: &mut Criterion) {
    for services in [2, 200] {
        let text = stack(services);
        let common: String = (0..20).map(|number| format!("COMMON_{number}=value-{number}\n")).collect();
        let files = Texts::new()
            .file("/srv/compose.yaml", &text)
            .file("/srv/.env", "HOST=example.net\n")
            .file("/srv/common.env", common);
        let inputs = Inputs::new("/srv").variable("HOME", "/home/u");
        assert!(project::resolve(&inputs, &files).compose_would_refuse().is_none());
        c.bench_function(&format!("resolve {services} services, {} bytes", text.len()), |b| {
            b.iter(|| project::resolve(&inputs, &files));
        });
        c.bench_function(&format!("the YAML of {services} services alone"), |b| {
            b.iter(|| yaml::parse(FileId::new(0), &text));
        });
    }
}

criterion_group!(benches, resolve);
criterion_main!(benches);
