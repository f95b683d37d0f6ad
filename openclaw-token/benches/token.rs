//! `cargo bench -p openclaw-token --features fs`
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a benchmark")]
#![allow(missing_docs, reason = "the criterion macros make an undocumented main")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, Anchor, Entry, line, verify};
use openclaw_token::secrecy::SecretString;
use openclaw_token::{Circumstances, Fingerprint, FreezeRequest, Sighting, freeze_once, judge};
use std::convert::Infallible;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::time::SystemTime;

const TOKEN: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

fn entry() -> Entry {
    Entry::new(SystemTime::UNIX_EPOCH, "ops", Act::Changed, "token written to .env and openclaw.json")
        .ticket("CHG-17")
        .evidence("oct1:1735-a7ce-f520")
}

/// The append beside what the disk itself takes for the same bytes, in one run.
fn appending(c: &mut Criterion) {
    let root =
        tempfile::tempdir_in(std::env::var_os("OPENCLAW_BENCH_DIR").unwrap_or_else(|| ".".into())).unwrap();
    let (bytes, _) = line(Anchor::START, &entry());
    let mut group = c.benchmark_group("append");
    let mut raw = OpenOptions::new().append(true).create(true).open(root.path().join("raw")).unwrap();
    group.bench_function("one write and fsync", |b| {
        b.iter(|| {
            raw.write_all(bytes.as_bytes()).unwrap();
            raw.sync_all().unwrap();
        });
    });
    let ledger = LedgerFile::new(root.path());
    group.bench_function("ledger append", |b| b.iter(|| ledger.append(&entry()).unwrap()));
    group.finish();
}

fn verifying(c: &mut Criterion) {
    let mut anchor = Anchor::START;
    let mut text = String::new();
    while text.len() < 64 << 20 {
        let (line, next) = line(anchor, &entry());
        text += &line;
        anchor = next;
    }
    let mut group = c.benchmark_group("verify");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
    group.bench_function("64 MiB ledger", |b| {
        b.iter(|| assert!(verify(black_box(text.as_bytes()), Some(anchor)).is_intact()));
    });
    group.finish();
}

fn freezing(c: &mut Criterion) {
    let root =
        tempfile::tempdir_in(std::env::var_os("OPENCLAW_BENCH_DIR").unwrap_or_else(|| ".".into())).unwrap();
    let store = DirectoryStore::new(root.path());
    let seen =
        [Sighting::new(".env", SecretString::from(TOKEN)), Sighting::new("b", SecretString::from(TOKEN))];
    let request = FreezeRequest::new(&seen, Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
    let freeze = || freeze_once(&store, &request, |_, _| Ok::<_, Infallible>(())).unwrap();
    freeze();
    c.bench_function("freeze with an existing record", |b| b.iter(freeze));
    let token = SecretString::from(TOKEN);
    c.bench_function("fingerprint", |b| b.iter(|| Fingerprint::of(black_box(&token))));
    c.bench_function("judge", |b| b.iter(|| judge(black_box(&token))));
}

criterion_group!(benches, appending, verifying, freezing);
criterion_main!(benches);
