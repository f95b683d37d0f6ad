//! How often a resolution allocates, and how much: counts, so that one run says it all on any machine.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark")]

use std::alloc::System;

use granit_parser::Parser;
use openclaw_compose::project;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

mod stacks;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let inputs = stacks::inputs();
    println!("{:>14} {:>12} {:>12} {:>14}", "stack", "what", "allocations", "bytes");
    for stack in stacks::all() {
        let report = |what: &str, region: &Region<'_, System>| {
            let change = region.change();
            let allocations = change.allocations + change.reallocations;
            println!("{:>14} {what:>12} {allocations:>12} {:>14}", stack.name, change.bytes_allocated);
        };
        let region = Region::new(ALLOCATOR);
        let resolution = project::resolve(&inputs, &stack.files);
        report("resolve", &region);
        drop(resolution);
        let region = Region::new(ALLOCATOR);
        let events = Parser::new_from_str(&stack.text).filter(Result::is_ok).count();
        report("bare events", &region);
        assert!(events > 0);
    }
}
