//! What finding the line of a place costs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use openclaw_compose::source::{Sources, Span};

fn places(c: &mut Criterion) {
    let text = "    image: registry.example/app:1 # a line as any other\n".repeat(2_500);
    let mut sources = Sources::new();
    let file = sources.add("compose.yaml", text.as_str());
    let span = Span::from_range(file, text.len() - 40..text.len() - 30);
    c.bench_function("place of a span in 130 KB", |b| b.iter(|| sources.location(black_box(span))));
}

criterion_group!(benches, places);
criterion_main!(benches);
