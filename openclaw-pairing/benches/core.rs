//! Inputs a second over legal random walks that reach hello. `cargo bench -p openclaw-pairing --bench core`
//! Each pass is short, so that on a busy machine most passes run undisturbed and the median is theirs.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark has no callers"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use openclaw_pairing::{
    BootTag, Cause, Credentials, Grant, Input, Pairing, Phase, Policy, RefusalClass, Refused, RequestTag,
    Scope, ScopeSet,
};

/// A walk by a small generator: at each phase one of the inputs that are legal there, until hello.
fn walk(start: Pairing, seed: u64, inputs: &mut Vec<Input>) {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut device = start;
    loop {
        let input = match device.phase() {
            Phase::Idle => Input::Start,
            Phase::Dialing if random(10) == 0 => Input::TransportDown(Cause::Lost),
            Phase::Dialing => Input::TransportUp,
            Phase::Greeting => Input::Challenged,
            Phase::Signing => Input::Signed,
            Phase::Authenticating => match random(6) {
                0 => {
                    let mut refused = Refused::new(RefusalClass::Pairing);
                    refused.request = Some(RequestTag::of("r-1"));
                    Input::Refused(refused)
                }
                1 => Input::Refused(Refused::new(RefusalClass::Starting)),
                _ => Input::Hello(Grant::new(ScopeSet::from([Scope::Read]), BootTag::of("b"), true)),
            },
            Phase::Connected => return,
            phase if phase.is_terminal() => {
                // A walk that used up a budget does not count.
                inputs.clear();
                return walk(start, seed + 1_000_003, inputs);
            }
            _ => Input::TimerFired(device.armed().unwrap()),
        };
        inputs.push(input);
        let _ = device.handle(input);
    }
}

const PASSES: usize = 4000;
/// Millions of inputs a second on one core that the machine must take.
const GOAL: f64 = 20.0;

fn main() {
    let start =
        Pairing::new(Policy::default(), Credentials::shared(), ScopeSet::from([Scope::Read])).unwrap();
    let walks: Vec<Vec<Input>> = (0..1000)
        .map(|seed| {
            let mut inputs = Vec::new();
            walk(start, seed, &mut inputs);
            inputs
        })
        .collect();
    let total: usize = walks.iter().map(Vec::len).sum();
    let pass = || {
        let started = Instant::now();
        for walk in &walks {
            let mut device = black_box(start);
            for input in walk {
                black_box(device.handle(black_box(*input)));
            }
            assert!(device.phase() == Phase::Connected);
        }
        started.elapsed()
    };
    let mut times: Vec<Duration> = (0..PASSES).map(|_| pass()).collect();
    times.sort_unstable();
    println!("{} walks to hello, {total} inputs a pass, {PASSES} passes", walks.len());
    for (name, at) in [("fastest", 0), ("median", PASSES / 2), ("p95", PASSES * 95 / 100)] {
        let rate = f64::from(u32::try_from(total).unwrap()) / times[at].as_secs_f64() / 1e6;
        let ratio = rate / GOAL;
        println!(
            "{name:8} {:>10.1?} a pass, {rate:.1} million inputs a second, {ratio:.2} times the goal of {GOAL}",
            times[at]
        );
    }
}
