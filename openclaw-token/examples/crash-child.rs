//! The program that tests/crash.sh kills at every system call and tests/faults.sh runs on disks that refuse, and the one
//! that looks at what is left.
//!
//! `crash-child freeze|commit|append|settle <directory>` does one thing and says `acknowledged`, or fails with one line;
//! `crash-child halve <directory>` stops a freeze where its record stands and nothing else does; `crash-child check <directory>
//! [acknowledged]` settles and fails if a file is torn, the set mixed, something acknowledged lost, or a record without its
//! one entry in the ledger.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program: it fails by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "a test program about files")]

use openclaw_token::fs::transaction::{Change, Staged, Transaction, TransactionError, Vote, recover};
use openclaw_token::fs::{DirectoryStore, LedgerFile, settle};
use openclaw_token::ledger::{Act, LedgerEntry, compare_records, entries};
use openclaw_token::secrecy::{ExposeSecret, SecretString};
use openclaw_token::{
    Circumstances, Digest, Fingerprint, FreezeRequest, Frozen, Record, RecordStore, freeze_once,
};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

const OLD: &str = "old";
const FILES: [&str; 3] = ["a", "b", "c"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [act, root, rest @ ..] = arguments.as_slice() else { panic!("crash-child <act> <directory>") };
    let root = Path::new(root);
    match act.as_str() {
        "prepare" => FILES.iter().for_each(|file| fs::write(root.join(file), OLD).unwrap()),
        "commit" => drop(done(done(stage(root, "new", None)).commit())),
        "freeze" => freeze(root, |staged| drop(done(staged.commit()))),
        "append" => drop(done(LedgerFile::new(root).append(&entry("one")))),
        "halve" => {
            freeze(root, |staged| {
                std::mem::forget(staged);
                std::process::exit(0)
            });
        }
        "recover" => drop(done(recover(root))),
        "settle" => settled(root),
        "check" => return check(root, !rest.is_empty()),
        other => panic!("no act {other}"),
    }
    println!("acknowledged");
}

/// What came of it, or the one line that a user would see.
fn done<T>(outcome: Result<T, impl std::fmt::Display>) -> T {
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(1);
    })
}

fn entry(what: &str) -> LedgerEntry {
    LedgerEntry::new(SystemTime::UNIX_EPOCH, "crash-child", Act::Checked, what)
}

fn stage(root: &Path, text: &str, tag: Option<&str>) -> Result<Staged, TransactionError> {
    let old = Some(Digest::of(OLD.as_bytes()));
    Transaction::plan(root, FILES.map(|file| Change::write(file, old, text).secret()))?.stage(tag)
}

fn freeze(root: &Path, end: impl FnOnce(Staged)) {
    let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "crash-child"));
    let custody = |token: &SecretString, record: &Record| {
        stage(root, token.expose_secret(), Some(&record.fingerprint.to_string()))
    };
    if let Frozen::New { record, custody, .. } =
        done(freeze_once(&DirectoryStore::new(root), &request, custody))
    {
        end(custody);
        done(LedgerFile::new(root).enter(&record, "transaction 1"));
    }
}

fn settled(root: &Path) {
    let vote = |tag: &str, latest: Option<&Record>| match latest {
        Some(record) if record.fingerprint.to_string() == tag => Vote::Finish,
        _ => Vote::Revert,
    };
    done(settle(root, &DirectoryStore::new(root), &LedgerFile::new(root), vote));
}

fn check(root: &Path, acknowledged: bool) {
    let (store, ledger) = (DirectoryStore::new(root), LedgerFile::new(root));
    settled(root);
    let record = store.latest().unwrap();
    let texts = FILES.map(|file| fs::read_to_string(root.join(file)).unwrap());
    assert!(texts.iter().all(|text| *text == texts[0]), "a mixed set: {texts:?}");
    let left: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".openclaw-") && name != ".openclaw-token")
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let text = ledger.read().unwrap();
    let history = store.history().unwrap();
    assert_eq!(compare_records(&text, &history, "ledger"), []);
    let told = entries(&text).filter(|entry| entry.as_ref().is_ok_and(|entry| entry.act == Act::Frozen));
    assert_eq!(told.count(), history.len(), "each record has one entry");
    let changed = match &record {
        Some(record) => {
            let token = SecretString::from(texts[0].as_str());
            assert_eq!(Fingerprint::of(&token).unwrap(), record.fingerprint, "a record without its token");
            true
        }
        None => texts[0] == "new" || ledger.verify(None).unwrap().lines > 0,
    };
    assert!(changed || texts[0] == OLD, "neither old nor new: {texts:?}");
    assert!(changed || !acknowledged, "what was acknowledged is lost");
    ledger.append(&entry("after")).unwrap();
    let verification = ledger.verify(None).unwrap();
    assert!(verification.is_intact() && verification.torn_bytes == 0, "{verification:?}");
}
