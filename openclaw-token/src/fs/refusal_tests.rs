//! Disks and files that cannot be written: each is named, and nothing is overwritten.

use super::crash_tests::{OLD_ENV, ROOT, arc, commit, start};
use super::simulated::{Faults, Node, SimulatedDisk};
use super::transaction::TransactionError;
use super::{DirectoryStore, LedgerFile};
use crate::freeze::{FreezeRequest, freeze_once};
use crate::ledger::{Act, LedgerEntry};
use crate::record::Circumstances;
use std::io;
use std::time::SystemTime;

/// A file that the new one cannot be given back to its owner is not replaced.
#[test]
fn a_foreign_owner_is_refused() {
    let mut tree = start();
    tree.insert("/root/.env".into(), Node::file(OLD_ENV, 0o640, 1001));
    let disk = SimulatedDisk::new(&tree, Faults { uid: 1000, ..Faults::default() });
    let error = commit(&disk).unwrap_err();
    assert!(matches!(error, TransactionError::Owner { uid: 1001, .. }), "{error}");
    assert!(error.to_string().starts_with("/root/.env belongs to 1001:1001"), "{error}");
    let after = disk.tree();
    assert!(tree.iter().all(|(path, node)| after.get(path) == Some(node)), "{after:?}");
    assert!(!after.keys().any(|path| path.to_string_lossy().contains(".openclaw-1")), "{after:?}");
}

/// A full or read-only disk: said in so many words, and nothing overwritten.
#[test]
fn a_disk_that_refuses_is_named() {
    for (kind, words) in [
        (io::ErrorKind::StorageFull, "make room and repeat"),
        (io::ErrorKind::ReadOnlyFilesystem, "mounted read-only"),
        (io::ErrorKind::PermissionDenied, "run as the owner of the directory"),
    ] {
        let faulty =
            || SimulatedDisk::new(&start(), Faults { fail_at: Some((0, kind)), ..Faults::default() });
        let disk = faulty();
        let error = commit(&disk).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(disk.tree(), start());
        let disk = faulty();
        let error = LedgerFile::on(arc(&disk), ROOT.into())
            .append(&LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, "x"))
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(disk.tree(), start());
        let disk = faulty();
        let store = DirectoryStore::on(arc(&disk), ROOT.into());
        let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
        let error = freeze_once(&store, &request, |_, _| Ok::<_, std::convert::Infallible>(())).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(disk.tree(), start());
    }
}

/// What is not ours to read is not ours to replace.
#[test]
fn damaged_and_newer_state_is_left_alone() {
    let with = |path: &str, text: &str| {
        let mut tree = start();
        for dir in ["/root/.openclaw-token", "/root/.openclaw-token/records"] {
            tree.insert(dir.into(), Node::Directory);
        }
        tree.insert(path.into(), Node::file(text, 0o600, 0));
        SimulatedDisk::new(&tree, Faults::default())
    };
    for (text, words) in [("{\"schema\":2}", "schema 2 is newer"), ("{\"sch", "it ends too early")] {
        let disk = with("/root/.openclaw-token/records/record-000001.json", text);
        let before = disk.tree();
        let store = DirectoryStore::on(arc(&disk), ROOT.into());
        let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
        let error = freeze_once(&store, &request, |_, _| Ok::<_, std::convert::Infallible>(())).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(disk.tree(), before);
    }
    let entry = |seconds| {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        LedgerEntry::new(at, "ops", Act::Checked, "x")
    };
    for (text, words) in
        [("{\"v\":2,\"seq\":1}\n", "of a newer release"), ("{\"v\":1,\"seq\":1}\n", "is damaged; verify")]
    {
        let disk = with("/root/.openclaw-token/ledger.jsonl", text);
        let before = disk.tree();
        let error = LedgerFile::on(arc(&disk), ROOT.into()).append(&entry(0)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(disk.tree(), before);
    }
    let disk = SimulatedDisk::new(&start(), Faults::default());
    let ledger = LedgerFile::on(arc(&disk), ROOT.into());
    ledger.append(&entry(10_000)).unwrap();
    ledger.append(&entry(9_900)).unwrap();
    let error = ledger.append(&entry(5_000)).unwrap_err();
    assert!(error.to_string().contains("set the clock first"), "{error}");
    assert_eq!(ledger.verify(None).unwrap().lines, 2);
}
