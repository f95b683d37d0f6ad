//! The program that tests/crash.sh kills at every system call, and the one that looks at what is left.
//!
//! `crash-child freeze|commit|append <directory>` does one thing and says `acknowledged`; `crash-child check
//! <directory> [acknowledged]` recovers and fails if a file is torn, the set mixed, or something acknowledged lost.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program: it fails by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "a test program about files")]

use openclaw_token::fs::transaction::{Change, Staged, Transaction, TransactionError, recover_with};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, Entry};
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
        "commit" => drop(stage(root, "new", None).unwrap().commit().unwrap()),
        "freeze" => freeze(root),
        "append" => drop(LedgerFile::new(root).append(&entry("one")).unwrap()),
        "check" => return check(root, !rest.is_empty()),
        other => panic!("no act {other}"),
    }
    println!("acknowledged");
}

fn entry(what: &str) -> Entry {
    Entry::new(SystemTime::UNIX_EPOCH, "crash-child", Act::Checked, what)
}

fn stage(root: &Path, text: &str, tag: Option<&str>) -> Result<Staged, TransactionError> {
    let old = Some(Digest::of(OLD.as_bytes()));
    Transaction::plan(root, FILES.map(|file| Change::write(file, old, text).secret()))?.stage(tag)
}

fn freeze(root: &Path) {
    let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "crash-child"));
    let custody = |token: &SecretString, record: &Record| {
        stage(root, token.expose_secret(), Some(&record.fingerprint.to_string()))
    };
    if let Frozen::New { custody, .. } = freeze_once(&DirectoryStore::new(root), &request, custody).unwrap() {
        custody.commit().unwrap();
    }
}

fn check(root: &Path, acknowledged: bool) {
    let store = DirectoryStore::new(root);
    let record = store.latest().unwrap();
    let tag = record.as_ref().map(|record| record.fingerprint.to_string());
    recover_with(root, |staged| tag.as_deref() == Some(staged)).unwrap();
    let texts = FILES.map(|file| fs::read_to_string(root.join(file)).unwrap());
    assert!(texts.iter().all(|text| *text == texts[0]), "a mixed set: {texts:?}");
    let left: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".openclaw-") && name != ".openclaw-token")
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let ledger = LedgerFile::new(root);
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
