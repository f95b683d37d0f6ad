//! Sixteen processes race for one freeze; exactly one wins, every time, on every store.
//!
//! The processes are this test binary again, told so by `OPENCLAW_RACE_STORE`. They wait for the number of a round on their
//! input, so that all sixteen set off together. `OPENCLAW_RACE_ROUNDS` (20 if unset) says how many rounds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]
#![cfg(all(feature = "fs", unix))]
#![expect(clippy::disallowed_methods, reason = "these tests are about processes and files")]

use openclaw_token::fs::transaction::{Change, Transaction};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, LedgerEntry, entries};
use openclaw_token::secrecy::{ExposeSecret, SecretString};
use openclaw_token::{Circumstances, Fingerprint, FreezeRequest, Frozen, RecordStore, freeze_once};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::SystemTime;

const PROCESSES: usize = 16;

fn rounds() -> usize {
    std::env::var("OPENCLAW_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

/// Not a test of its own: what each racing process runs.
#[test]
fn racer() {
    let Ok(store) = std::env::var("OPENCLAW_RACE_STORE") else { return };
    let root = PathBuf::from(std::env::var_os("OPENCLAW_RACE_ROOT").unwrap());
    let me = std::env::var("OPENCLAW_RACE_NAME").unwrap();
    for round in std::io::stdin().lines() {
        let round = round.unwrap();
        let dir = root.join(&round);
        let answer = match store.as_str() {
            "directory" => freeze(&DirectoryStore::new(&dir), &dir, &me),
            "ledger" => append(&dir, &me),
            #[cfg(feature = "__s3")]
            "s3" => freeze(&s3::records(&format!("{}/{round}", root.display())), &root.join(&me), &me),
            other => panic!("no store {other}"),
        };
        // The prefix tells our answers from the test harness's own output.
        println!("\nanswer {answer}");
    }
}

/// The whole act: stage the token, claim the record, write the file.
fn freeze<S: RecordStore>(store: &S, root: &Path, me: &str) -> String {
    let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, me));
    let custody = |token: &SecretString, record: &openclaw_token::Record| {
        let change = Change::write(".env", None, token.expose_secret()).secret();
        Transaction::plan(root, [change])?.stage(Some(&record.fingerprint.to_string()))
    };
    match freeze_once(store, &request, custody).unwrap() {
        Frozen::New { record, custody, .. } => {
            custody.commit().unwrap();
            format!("minted {}", record.fingerprint)
        }
        Frozen::Existing(record) => format!("found {}", record.fingerprint),
        _ => unreachable!("two outcomes"),
    }
}

fn append(root: &Path, me: &str) -> String {
    let entry = LedgerEntry::new(SystemTime::UNIX_EPOCH, me, Act::Checked, "x".repeat(me.len() * 40));
    LedgerFile::new(root).append(&entry).unwrap().to_string()
}

struct Racer {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Racer {
    fn start(store: &str, root: &str, name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["race::racer", "--exact", "--nocapture", "--test-threads=1"])
            .env("OPENCLAW_RACE_STORE", store)
            .env("OPENCLAW_RACE_ROOT", root)
            .env("OPENCLAW_RACE_NAME", name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn go(&mut self, round: &str) {
        let mut input = self.child.stdin.as_ref().unwrap();
        input.write_all(format!("{round}\n").as_bytes()).unwrap();
    }

    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "a racer died");
            if let Some(answer) = line.strip_prefix("answer ") {
                return answer.trim().to_owned();
            }
        }
    }
}

impl Drop for Racer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn race(store: &str, root: &str) -> Vec<Racer> {
    (0..PROCESSES).map(|n| Racer::start(store, root, &format!("racer-{n}"))).collect()
}

fn run(racers: &mut [Racer], round: &str) -> Vec<String> {
    racers.iter_mut().for_each(|racer| racer.go(round));
    racers.iter_mut().map(Racer::answer).collect()
}

/// One mints, fifteen find, all name one token.
#[track_caller]
fn one_token(answers: &[String]) -> String {
    let minted = answers.iter().filter(|answer| answer.starts_with("minted ")).count();
    assert_eq!(minted, 1, "{answers:#?}");
    let fingerprints: BTreeSet<&str> =
        answers.iter().filter_map(|answer| Some(answer.split_once(' ')?.1)).collect();
    assert_eq!(fingerprints.len(), 1, "{answers:#?}");
    fingerprints.first().unwrap().to_string()
}

#[test]
fn exactly_one_of_sixteen_processes_mints() {
    let root = tempfile::tempdir().unwrap();
    let mut racers = race("directory", root.path().to_str().unwrap());
    for round in 0..rounds() {
        let dir = root.path().join(round.to_string());
        std::fs::create_dir(&dir).unwrap();
        let fingerprint = one_token(&run(&mut racers, &round.to_string()));
        let written = SecretString::from(std::fs::read_to_string(dir.join(".env")).unwrap());
        assert_eq!(
            Fingerprint::of(&written).unwrap().to_string(),
            fingerprint,
            "the file holds the frozen token"
        );
    }
    println!("{} rounds of {PROCESSES} processes: one token each", rounds());
}

#[test]
fn concurrent_appenders_neither_interleave_nor_lose() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("ledger");
    std::fs::create_dir(&dir).unwrap();
    let mut racers = race("ledger", root.path().to_str().unwrap());
    let acknowledged: BTreeSet<String> = (0..rounds()).flat_map(|_| run(&mut racers, "ledger")).collect();
    assert_eq!(acknowledged.len(), rounds() * PROCESSES, "every append got an anchor of its own");
    let ledger = LedgerFile::new(&dir);
    let verification = ledger.verify(None).unwrap();
    assert!(verification.is_intact(), "{verification:?}");
    assert_eq!(verification.lines as usize, acknowledged.len());
    assert_eq!(entries(&ledger.read().unwrap()).filter(Result::is_ok).count(), acknowledged.len());
    assert!(acknowledged.contains(&verification.head.to_string()));
}

/// Run by .ci/run, which starts the server and sets `OPENCLAW_RACE_S3` to its address.
#[cfg(feature = "__s3")]
mod s3 {
    use super::*;
    use object_store::aws::AmazonS3Builder;
    use object_store::{ObjectStore, PutMode};
    use openclaw_token::ObjectRecords;
    use std::sync::Arc;

    fn store() -> Arc<dyn ObjectStore> {
        let store = AmazonS3Builder::new()
            .with_endpoint(std::env::var("OPENCLAW_RACE_S3").unwrap())
            .with_allow_http(true)
            .with_bucket_name("records")
            .with_region("us-east-1")
            .with_access_key_id("test-key")
            .with_secret_access_key("test-secret")
            .build()
            .unwrap();
        Arc::new(store)
    }

    pub(super) fn records(prefix: &str) -> ObjectRecords {
        ObjectRecords::new(store(), prefix).unwrap()
    }

    #[test]
    #[ignore = "needs an S3-compatible server; .ci/run starts one and runs this by name"]
    fn exactly_one_of_sixteen_processes_mints_on_s3() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The server must really refuse the second of two conditional puts, or the race proves nothing.
        runtime.block_on(async {
            let (store, path) =
                (store(), object_store::path::Path::from(format!("probe-{}", std::process::id())));
            store.put_opts(&path, "one".into(), PutMode::Create.into()).await.unwrap();
            let second = store.put_opts(&path, "two".into(), PutMode::Create.into()).await;
            assert!(matches!(second, Err(object_store::Error::AlreadyExists { .. })), "{second:?}");
        });
        // Each process has files of its own: only the record is shared, as between hosts.
        let root = tempfile::tempdir().unwrap();
        let mut racers = race("s3", root.path().to_str().unwrap());
        for round in 0..rounds() {
            for n in 0..PROCESSES {
                let dir = root.path().join(format!("racer-{n}"));
                let _ = std::fs::remove_dir_all(&dir);
                std::fs::create_dir(&dir).unwrap();
            }
            let fingerprint = one_token(&run(&mut racers, &round.to_string()));
            let written: Vec<PathBuf> = (0..PROCESSES)
                .map(|n| root.path().join(format!("racer-{n}/.env")))
                .filter(|path| path.exists())
                .collect();
            assert_eq!(written.len(), 1, "only the winner has the token: {written:?}");
            let token = SecretString::from(std::fs::read_to_string(&written[0]).unwrap());
            assert_eq!(Fingerprint::of(&token).unwrap().to_string(), fingerprint);
        }
        println!("{} rounds of {PROCESSES} processes on S3: one token each", rounds());
    }
}
