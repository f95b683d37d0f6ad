//! How the time of a diagnosis grows with what it is given: each input is doubled six times, and the exponent is printed.
//! `cargo bench -p openclaw-pairing --bench growth`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark has no callers"
)]

use std::hint::black_box;
use std::time::Instant;

use openclaw_pairing::plan::Topology;
use openclaw_pairing::{DeviceList, Evidence, Refusal, RefusalCode, Scope, ScopeSet, Vantage, diagnose};

const SIZES: [usize; 7] = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000];
/// The exponent that no input may exceed.
const GOAL: f64 = 1.2;
/// Short times say nothing about growth.
const SHORTEST: f64 = 0.002;

fn time(number: usize) -> String {
    let seconds = number % 60;
    format!(
        "2026-11-{:02}T{:02}:{:02}:{seconds:02}Z",
        1 + number / 86_400,
        number / 3600 % 24,
        number / 60 % 60
    )
}

fn asked(number: usize, device: usize, request: usize) -> String {
    format!(
        "{} [ws] closed before connect conn=1 remote=10.0.{}.{} code=1008 cause=pairing-required deviceId={device:064x} \
         requestId=0234eb71-62a0-4ac3-8d0e-{request:012} reason=not-paired\n",
        time(number),
        device / 256 % 256,
        device % 256
    )
}

fn row(device: usize) -> String {
    format!(
        r#"{{"requestId":"r-{device}","deviceId":"{device:064x}","clientId":"cli","clientMode":"cli","platform":"linux",
        "scopes":["operator.read"],"remoteIp":"10.0.{}.{}","ts":1,"approvedAtMs":1,"lastSeenAtMs":1}}"#,
        device / 256 % 256,
        device % 256
    )
}

fn none() -> Evidence {
    Evidence::new(Topology::default()).version("2026.9.6").now_ms(1_800_000_000_000)
}

/// An input, the text of so many, and its diagnosis.
type Input = (&'static str, fn(usize) -> String, fn(&str));

const INPUTS: [Input; 12] = [
    ("lines that say nothing", |size| "2026-11-22T06:26:00Z [gateway] all is quiet\n".repeat(size), log),
    ("refusals of one device", |size| lines(size, |line| asked(line, 1, 1)), log),
    ("refusals of distinct devices", |size| lines(size, |line| asked(line, line, line)), log),
    ("requests of one device", |size| lines(size, |line| asked(line, 1, line)), log),
    ("approvals and starts", |size| lines(size, approved_and_started), log),
    ("token refusals of addresses", |size| lines(size, unauthorized), log),
    ("refusals beside a full list", |size| lines(size, |line| asked(line, line, line)), log_and_list),
    ("rows that wait", |size| list(size, 0), one_list),
    ("rows that are approved", |size| list(0, size), one_list),
    ("rows of both, in two lists", |size| list(size / 2, size / 2), two_lists),
    (
        "lines of a configuration",
        |size| "allowInsecureAuth: true\n".repeat(size),
        |text| {
            judge(&none().config("openclaw.json", text));
        },
    ),
    (
        "refusals of one's own",
        |size| "r".repeat(size),
        |text| {
            let refusal = || Refusal::new(RefusalCode::PairingRequired, "pairing required");
            let evidence =
                (0..text.len()).fold(none(), |evidence, _| evidence.refusal(Vantage::Client, refusal()));
            judge(&evidence.hello(Vantage::Client, ScopeSet::from([Scope::Read]), "boot"));
        },
    ),
];

fn lines(size: usize, line: impl Fn(usize) -> String) -> String {
    (0..size).map(line).collect()
}

fn approved_and_started(line: usize) -> String {
    let what = match line % 3 {
        0 => format!("[gateway] device pairing approved device={line:064x} role=operator"),
        1 => "[gateway] loading configuration".to_owned(),
        _ => return asked(line, line - 2, line),
    };
    format!("{} {what}\n", time(line))
}

fn unauthorized(line: usize) -> String {
    let (reason, client) = [("token_mismatch", "cli"), ("rate_limited", "webchat")][line % 2];
    let remote = format!("10.{}.{}.{}", line >> 16, line >> 8 & 255, line & 255);
    format!("{} [ws] unauthorized remote={remote} client={client} reason={reason}\n", time(line))
}

fn list(pending: usize, paired: usize) -> String {
    let rows = |from: usize, count: usize| (from..from + count).map(row).collect::<Vec<_>>().join(",");
    format!(r#"{{"pending":[{}],"paired":[{}]}}"#, rows(0, pending), rows(1_000_000, paired))
}

fn judge(evidence: &Evidence) {
    black_box(diagnose(evidence));
}

fn log(text: &str) {
    judge(&none().log(Vantage::Gateway, "gateway.log", text));
}

fn log_and_list(text: &str) {
    let list = DeviceList::from_json(&list(0, 4_000)).unwrap();
    judge(&none().devices(Vantage::Gateway, "list", list).log(Vantage::Gateway, "gateway.log", text));
}

fn one_list(text: &str) {
    judge(&none().device_list(Vantage::Gateway, "list", text).unwrap());
}

fn two_lists(text: &str) {
    let evidence = none().device_list(Vantage::Gateway, "one", text).unwrap();
    judge(&evidence.device_list(Vantage::Client, "two", text).unwrap());
}

fn main() {
    let mut worst: f64 = 0.0;
    for (name, make, judge) in INPUTS {
        let times = SIZES.map(|size| {
            let text = make(size);
            let pass = || {
                let started = Instant::now();
                judge(&text);
                started.elapsed().as_secs_f64()
            };
            (0..3).map(|_| pass()).fold(f64::INFINITY, f64::min)
        });
        // Over the last three doublings: what is constant, or comes before a budget is full, is behind.
        let [.., first, _, _, last] = times;
        let exponent = (last / first).log2() / 3.0;
        if last > SHORTEST {
            worst = worst.max(exponent);
        }
        let shown: Vec<String> = times.iter().map(|time| format!("{:8.1}", time * 1e3)).collect();
        println!("{name:28} {} ms   exponent {exponent:5.2}", shown.join(""));
    }
    let sizes: Vec<String> = SIZES.iter().map(|size| format!("{size:8}")).collect();
    println!("{:28} {} in all   highest {worst:.2}, at most {GOAL}", "", sizes.join(""));
}
