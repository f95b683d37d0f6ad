//! What the small languages of the syntax floor cost. YAML is measured beside whole resolutions, in `project.rs`.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openclaw_compose::source::{FileId, Sources, Span};
use openclaw_compose::syntax::dotenv;
use openclaw_compose::syntax::interpolate::{Found, Options, interpolate};

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
    let text = "    image: registry.example/app:1 # a line as any other\n".repeat(2_500);
    let mut sources = Sources::new();
    let file = sources.add("compose.yaml", text.as_str());
    let span = Span::from_range(file, text.len() - 40..text.len() - 30);
    c.bench_function("place of a span in 130 KB", |b| b.iter(|| sources.location(black_box(span))));
}

criterion_group!(benches, interpolation, read_dotenv, places);
criterion_main!(benches);
