//! Whatever was half done is brought to its end, and every record has its one entry in the ledger.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]
#![cfg(all(feature = "fs", unix))]
#![expect(clippy::disallowed_methods, reason = "these tests are about files")]

use openclaw_token::fs::transaction::{Change, Transaction, TransactionError, Vote};
use openclaw_token::fs::{DirectoryStore, LedgerFile, SettleError, Settled, settle};
use openclaw_token::ledger::{Act, LedgerEntry, compare_records, entries};
use openclaw_token::secrecy::{ExposeSecret, SecretString};
use openclaw_token::{
    Circumstances, Digest, FreezeRequest, Frozen, Record, RecordStore, freeze_once, rotate,
};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

fn by_record(tag: &str, latest: Option<&Record>) -> Vote {
    match latest {
        Some(record) if record.fingerprint.to_string() == tag => Vote::Finish,
        _ => Vote::Revert,
    }
}

fn settled(root: &Path) -> Settled {
    settle(root, &DirectoryStore::new(root), &LedgerFile::new(root), by_record).unwrap()
}

/// A freeze, or a rotation if there is a record, that stops where `stop` says: 0 staged, 1 recorded, 2 written, 3 entered.
fn frozen(root: &Path, seconds: u64, stop: usize) {
    let store = DirectoryStore::new(root);
    let request = FreezeRequest::new(&[], Circumstances::new(at(seconds), "ops").ticket("CHG-17"));
    let before = fs::read(root.join("token")).ok().map(|before| Digest::of(&before));
    let custody = |token: &SecretString, record: &Record| {
        let change = Change::write("token", before, token.expose_secret()).secret();
        let staged = Transaction::plan(root, [change])?.stage(Some(&record.fingerprint.to_string()))?;
        if stop == 0 {
            left(root, staged);
            return Err(TransactionError::Duplicate { path: root.to_owned() });
        }
        Ok(staged)
    };
    let outcome = match store.latest().unwrap() {
        None => freeze_once(&store, &request, custody),
        Some(_) => rotate(&store, &request, "reason", custody),
    };
    let Ok(Frozen::New { record, custody, .. }) = outcome else { return };
    if stop == 1 {
        return left(root, custody);
    }
    custody.commit().unwrap();
    if stop == 3 {
        LedgerFile::new(root).enter(&record, "transaction 1").unwrap();
    }
}

/// As a process that died leaves it: staged, and its lock given back.
fn left(root: &Path, staged: openclaw_token::fs::transaction::Staged) {
    let lock = root.join(".openclaw-token/transactions/lock");
    std::mem::forget(staged);
    // This process still holds the lock on the file; the next one makes another.
    fs::remove_file(lock).unwrap();
}

#[test]
fn every_record_gets_its_entry_once_and_dated_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (store, ledger) = (DirectoryStore::new(root), LedgerFile::new(root));
    assert_eq!(settled(root), Settled::default());
    assert_eq!(fs::read_dir(root).unwrap().count(), 0, "a clean root stays clean");

    for (n, stop) in [3, 0, 1, 2, 1, 3].into_iter().enumerate() {
        frozen(root, 1000 * n as u64, stop);
        let told = settled(root);
        assert_eq!(told.recovered.len(), usize::from(stop < 2), "stopped at {stop}");
        assert_eq!(told.entered.len(), usize::from(stop == 1 || stop == 2), "stopped at {stop}");
        assert_eq!(settled(root), Settled::default(), "and nothing is left");
        let latest = store.latest().unwrap().unwrap();
        let token = SecretString::from(fs::read_to_string(root.join("token")).unwrap());
        assert_eq!(latest.fingerprint.matches(&token, None), Some(true), "stopped at {stop}");
    }
    let (text, history) = (ledger.read().unwrap(), store.history().unwrap());
    assert_eq!(history.len(), 5, "what was only staged was not frozen");
    assert_eq!(compare_records(&text, &history, "ledger"), []);
    assert!(ledger.verify(None).unwrap().is_intact());
    let told: Vec<LedgerEntry> = entries(&text).map(Result::unwrap).collect();
    for (entry, record) in told.iter().zip(&history) {
        let expected = LedgerEntry::of(record).evidence(&entry.evidence[2]);
        assert_eq!(*entry, expected);
        assert_eq!((entry.at, entry.ticket.as_deref()), (record.frozen_at, Some("CHG-17")));
    }
    assert_eq!(told.len(), history.len());
}

/// Also where the ledger has gone on: a record's time is no clock that runs backwards.
#[test]
fn a_late_entry_does_not_wait_for_the_clock() {
    let root = tempfile::tempdir().unwrap();
    let (root, ledger) = (root.path(), LedgerFile::new(root.path()));
    frozen(root, 0, 2);
    ledger.append(&LedgerEntry::new(at(100_000), "ops", Act::Checked, "later")).unwrap();
    assert_eq!(settled(root).entered, [1]);
    let told: Vec<LedgerEntry> = entries(&ledger.read().unwrap()).map(Result::unwrap).collect();
    assert_eq!((told.len(), told[1].at), (2, at(0)));
}

#[test]
fn of_any_number_that_enter_one_record_one_does() {
    let root = tempfile::tempdir().unwrap();
    let (root, store) = (root.path(), DirectoryStore::new(root.path()));
    frozen(root, 0, 2);
    let record = store.latest().unwrap().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| LedgerFile::new(root).enter(&record, "at once").unwrap());
        }
    });
    assert_eq!(LedgerFile::new(root).verify(None).unwrap().lines, 1);
}

#[test]
fn a_cut_ledger_and_a_lost_record_are_found() {
    let root = tempfile::tempdir().unwrap();
    let (root, store, ledger) = (root.path(), DirectoryStore::new(root.path()), LedgerFile::new(root.path()));
    (0..3).for_each(|n| frozen(root, n, 3));
    let (text, history) = (ledger.read().unwrap(), store.history().unwrap());
    let codes = |text: &[u8], history: &[Record]| -> Vec<String> {
        let findings = compare_records(text, history, "ledger.jsonl");
        findings.iter().map(|finding| format!("{} {}", finding.code.id(), finding.summary)).collect()
    };
    assert!(codes(&text, &history).is_empty());
    let second = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
    assert_eq!(codes(&text[..=second], &history), ["OC-T406 ledger.jsonl has no entry of generation 3"]);
    assert_eq!(
        codes(&text, &history[..2]),
        ["OC-T407 ledger.jsonl: line 3 tells of a record that is not in the store"]
    );
    let mut replaced = history.clone();
    replaced[2].by = "mallory".to_owned();
    assert_eq!(codes(&text, &replaced).len(), 2);
}

/// Who may not decide leaves everything as it is, the ledger too.
#[test]
fn what_waits_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    frozen(root, 0, 1);
    let waiting = settle(root, &DirectoryStore::new(root), &LedgerFile::new(root), |_, _| Vote::Wait);
    assert!(
        matches!(waiting, Err(SettleError::Transaction(TransactionError::InDoubt { .. }))),
        "{waiting:?}"
    );
    assert!(!root.join("token").exists() && !root.join(".openclaw-token/ledger.jsonl").exists());
}
