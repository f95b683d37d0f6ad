//! `cargo bench -p openclaw-token --features fs`: the figures that this crate promises.
//!
//! Each is shown beside what the machine itself takes, measured in turns in the same run, so that a busy machine slows both.
//! `OPENCLAW_BENCH_DIR` chooses the disk (the working directory if unset).
#![expect(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, Anchor, LedgerEntry, line, verify};
use openclaw_token::secrecy::SecretString;
use openclaw_token::{Circumstances, Fingerprint, FreezeRequest, Occurrence, freeze_once, judge};
use std::convert::Infallible;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

const TOKEN: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

const FIGURES: [(&str, fn()); 4] =
    [("append", appending), ("verify", verifying), ("freeze", freezing), ("judge", judging)];

fn main() {
    // `-- verify` runs that one alone.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, measure) in FIGURES {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure();
        }
    }
}

fn appending() {
    let root = directory();
    let ledger = LedgerFile::new(root.path());
    let mut raw = OpenOptions::new().append(true).create(true).open(root.path().join("raw")).unwrap();
    let bytes = line(Anchor::START, &entry()).0.into_bytes();
    let mut write = || {
        raw.write_all(&bytes).unwrap();
        raw.sync_all().unwrap();
    };
    let [raw, append] = in_turns(
        1000,
        [&mut write, &mut || {
            ledger.append(&entry()).unwrap();
        }],
    );
    println!("ledger append         {append}; one write and fsync {raw}: ratio {:.3}", append.ratio(&raw));
}

fn verifying() {
    let mut anchor = Anchor::START;
    let mut text = String::new();
    while text.len() < 64 << 20 {
        let (line, next) = line(anchor, &entry());
        text += &line;
        anchor = next;
    }
    let verify = || assert!(verify(black_box(text.as_bytes()), Some(anchor)).is_intact());
    const ROUNDS: usize = 10;
    let before = processor_time();
    let [times] = in_turns(ROUNDS, [&mut { verify }]);
    let speed = |time: Duration| text.len() as f64 / 1e6 / time.as_secs_f64();
    print!(
        "verify                {:.0} MB/s at best, {:.0} at the median",
        speed(times.best),
        speed(times.median)
    );
    // What a busy machine does not change.
    if let (Some(before), Some(after)) = (before, processor_time()) {
        print!("; {:.0} MB a processor-second", speed((after - before) / ROUNDS as u32));
    }
    println!();
}

fn freezing() {
    let root = directory();
    let store = DirectoryStore::new(root.path());
    let seen =
        [Occurrence::new(".env", SecretString::from(TOKEN)), Occurrence::new("b", SecretString::from(TOKEN))];
    let request = FreezeRequest::new(&seen, Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
    let mut freeze = || drop(freeze_once(&store, &request, |_, _| Ok::<_, Infallible>(())).unwrap());
    freeze();
    let [times] = in_turns(1000, [&mut freeze]);
    println!("freeze, record exists {times}");
}

fn judging() {
    let token = SecretString::from(TOKEN);
    let mut fingerprint = || {
        let _ = black_box(Fingerprint::of(black_box(&token)));
    };
    let [print, judged] = in_turns(1000, [&mut fingerprint, &mut || drop(black_box(judge(&token)))]);
    println!("fingerprint           {print}\njudge                 {judged}");
}

fn entry() -> LedgerEntry {
    LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Changed, "token written to .env and openclaw.json")
        .ticket("CHG-17")
        .evidence("oct1:1735-a7ce-f520")
}

/// User and system time of this process and its threads, where Linux tells it (to 10 ms).
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(std::env::var_os("OPENCLAW_BENCH_DIR").unwrap_or_else(|| ".".into())).unwrap()
}

/// Runs each work once a round, so that all meet the same weather.
fn in_turns<const N: usize>(rounds: usize, mut works: [&mut dyn FnMut(); N]) -> [Times; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (work, times) in works.iter_mut().zip(&mut times) {
            let start = Instant::now();
            work();
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        Times { best: times[0], median: times[times.len() / 2] }
    })
}

struct Times {
    best: Duration,
    median: Duration,
}

impl Times {
    fn ratio(&self, other: &Self) -> f64 {
        self.median.as_secs_f64() / other.median.as_secs_f64()
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "median {:.1?}, best {:.1?}", self.median, self.best)
    }
}
