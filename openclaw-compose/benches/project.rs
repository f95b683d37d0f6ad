//! How long a resolution takes in process, and how much of that are the bare events of the YAML parser.

#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use granit_parser::Parser;
use openclaw_compose::project;

mod stacks;

fn resolve(c: &mut Criterion) {
    let inputs = stacks::inputs();
    for stack in stacks::all() {
        assert!(project::resolve(&inputs, &stack.files).compose_would_refuse().is_none());
        let mut group = c.benchmark_group(stack.name);
        group.throughput(Throughput::Bytes(stack.text.len() as u64)).sample_size(20);
        group.bench_function("resolve", |b| {
            b.iter(|| project::resolve(&inputs, black_box(&stack.files)));
        });
        group.bench_function("bare events", |b| {
            b.iter(|| {
                Parser::new_from_str(black_box(&stack.text)).map(black_box).filter(Result::is_ok).count()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, resolve);
criterion_main!(benches);
