//! What the syntax floor costs, beside the parser's bare event loop over the same bytes.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use granit_parser::Parser;
use openclaw_compose::source::{FileId, Sources, Span};
use openclaw_compose::syntax::interpolate::{Found, Options, interpolate};
use openclaw_compose::syntax::{dotenv, yaml};

/// A stack of `services` services with two merges each, as people write them: 650 bytes a service.
fn stack(services: usize) -> String {
    let mut text =
        "x-common: &common\n  init: true\n  restart: unless-stopped\nx-logging: &logging\n  logging:\n    \
                    driver: json-file\n    options: {max-size: 10m, max-file: \"3\"}\nservices:\n"
            .to_owned();
    for number in 0..services {
        let _ = write!(
            text,
            "  service-{number}:\n    <<: [*common, *logging]\n    image: ${{REGISTRY:-registry.example}}/openclaw/part-{number}:${{TAG:-1.0}}\n    \
             environment:\n      PART: \"{number}\"\n      TOKEN: ${{TOKEN:?set it in .env}}\n      URL: ws://gateway:${{PORT:-18789}}/part\n      \
             LEVEL: info\n    env_file:\n      - common.env\n    ports:\n      - \"127.0.0.1:${{BASE:-2}}{number:04}:8080\"\n    \
             volumes:\n      - ./data/{number}:/data\n      - type: volume\n        source: state\n        target: /state\n    \
             healthcheck:\n      test: [\"CMD\", \"curl\", \"-f\", \"http://127.0.0.1:8080/healthz\"]\n      interval: 30s\n      \
             retries: 3\n    labels:\n      - part={number}\n"
        );
    }
    text
}

fn read_yaml(c: &mut Criterion) {
    let mut group = c.benchmark_group("yaml");
    for services in [2, 200] {
        let text = stack(services);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("bare events", services), &text, |b, text| {
            b.iter(|| {
                Parser::new_from_str(text).map(|event| event.map(black_box)).filter(Result::is_ok).count()
            });
        });
        group.bench_with_input(BenchmarkId::new("tree", services), &text, |b, text| {
            b.iter(|| yaml::parse(FileId::new(0), black_box(text)));
        });
    }
    group.finish();
}

fn interpolation(c: &mut Criterion) {
    let lookup = |name: &str| (name == "PORT").then(|| Found { value: "18789".into(), source: () });
    let mut group = c.benchmark_group("interpolate");
    for (name, template) in [
        ("nothing", "registry.example/openclaw/gateway:1.0"),
        ("one", "ws://gateway:${PORT:-18789}/part"),
        ("nested", "${A:-${B:-${C:-$PORT}}} $$ ${D:+x} ${PORT:?set it}"),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| interpolate(black_box(template), Options::default(), lookup));
        });
    }
    group.finish();
}

fn read_dotenv(c: &mut Criterion) {
    let mut text = String::new();
    for number in 0..40 {
        let _ = writeln!(
            text,
            "PLAIN_{number}=value {number} # comment\nQUOTED_{number}=\"a\\tb $PLAIN_{number}\""
        );
    }
    let mut group = c.benchmark_group("dotenv");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("80 lines", |b| {
        b.iter(|| {
            dotenv::parse(FileId::new(0), black_box(&text), dotenv::Options::default(), |_| None::<Found<()>>)
        });
    });
    group.finish();
}

fn places(c: &mut Criterion) {
    let text = stack(200);
    let mut sources = Sources::new();
    let file = sources.add("compose.yaml", text.as_str());
    let span = Span::from_range(file, text.len() - 40..text.len() - 30);
    c.bench_function("place of a span", |b| b.iter(|| sources.location(black_box(span))));
}

criterion_group!(benches, read_yaml, interpolation, read_dotenv, places);
criterion_main!(benches);
