//! The transaction on a real disk: what it keeps, what it refuses, and that a refusal changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]
#![cfg(all(feature = "fs", unix))]
#![expect(clippy::disallowed_methods, reason = "these tests are about files")]

use openclaw_token::Digest;
use openclaw_token::fs::transaction::{
    Change, Transaction, TransactionError, Vote, forget, recover, recover_with, undo,
};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(".env"), "TOKEN=canary-old\n").unwrap();
    fs::set_permissions(root.path().join(".env"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(root.path().join("conf")).unwrap();
    fs::write(root.path().join("conf/openclaw.json"), "{ old: 1 }").unwrap();
    root
}

fn digest(text: &str) -> Option<Digest> {
    Some(Digest::of(text.as_bytes()))
}

fn changes() -> Vec<Change> {
    vec![
        Change::write(".env", digest("TOKEN=canary-old\n"), "TOKEN=canary-new\n").secret(),
        Change::write("conf/openclaw.json", digest("{ old: 1 }"), "{ new: 1 }").secret(),
        Change::write("conf/made.txt", None, "made").secret(),
    ]
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Every name below `root` but our own directory's.
fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = ["", "conf"]
        .iter()
        .flat_map(|dir| fs::read_dir(root.join(dir)).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".openclaw-token")
        .collect();
    names.sort();
    names
}

#[test]
fn commit_undo_forget() {
    let root = root();
    let env = root.path().join(".env");
    let receipt = Transaction::plan(root.path(), changes()).unwrap().commit().unwrap();
    assert_eq!(text(&env), "TOKEN=canary-new\n");
    assert_eq!(fs::metadata(&env).unwrap().mode() & 0o7777, 0o640, "the mode is kept");
    assert_eq!(fs::metadata(root.path().join("conf/made.txt")).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(names(root.path()), [".env", "conf", "made.txt", "openclaw.json"]);
    assert_eq!(receipt.changed[0].after, digest("TOKEN=canary-new\n"));

    let backups = root.path().join(".openclaw-token/transactions/000001.done");
    for entry in fs::read_dir(&backups).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(text(&backups.join("0.old")), "TOKEN=canary-old\n");
    assert!(!text(&backups.join("journal.json")).contains("canary"), "the journal holds digests only");

    let undone = receipt.undo().unwrap();
    assert_eq!(undone.id, 2);
    assert_eq!(text(&env), "TOKEN=canary-old\n");
    assert!(!root.path().join("conf/made.txt").exists());
    undone.undo().unwrap();
    assert_eq!(text(&env), "TOKEN=canary-new\n");
    assert_eq!(fs::metadata(&env).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::metadata(root.path().join("conf/made.txt")).unwrap().mode() & 0o7777, 0o600);

    for id in 1..=3 {
        forget(root.path(), id).unwrap();
    }
    assert!(matches!(undo(root.path(), 1), Err(TransactionError::Unknown { id: 1, .. })));
    assert_eq!(recover(root.path()).unwrap(), []);
}

/// A forgotten transaction's number may be given again; a receipt must not undo somebody else's work.
#[test]
fn a_receipt_undoes_only_its_own_transaction() {
    let root = root();
    let receipt = Transaction::plan(root.path(), changes()).unwrap().commit().unwrap();
    forget(root.path(), receipt.id).unwrap();
    let next = Change::write(".env", digest("TOKEN=canary-new\n"), "TOKEN=canary-third\n");
    let other = Transaction::plan(root.path(), [next]).unwrap().commit().unwrap();
    assert_eq!(other.id, receipt.id);
    assert!(matches!(receipt.undo(), Err(TransactionError::Unknown { .. })));
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-third\n");
    other.undo().unwrap();
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-new\n");
}

/// What a newer release left half done is that release's to recover.
#[test]
fn a_newer_journal_is_left_alone() {
    let root = root();
    let staged = Transaction::plan(root.path(), changes()).unwrap().stage(None).unwrap();
    std::mem::forget(staged);
    for phase in ["preparing", "staged", "committed", "reverting", "clearing"] {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(root.path(), copy.path());
        let transactions = copy.path().join(".openclaw-token/transactions");
        let dir = transactions.join(format!("000001.{phase}"));
        fs::rename(transactions.join("000001.staged"), &dir).unwrap();
        let journal = text(&dir.join("journal.json"));
        fs::write(dir.join("journal.json"), journal.replace("\"schema\": 1", "\"schema\": 2")).unwrap();
        let before = names(copy.path());
        for outcome in [recover(copy.path()).map(drop), forget(copy.path(), 1)] {
            assert!(
                matches!(outcome, Err(TransactionError::NewerJournal { found: 2, .. })),
                "{phase}: {outcome:?}"
            );
        }
        assert_eq!(names(copy.path()), before, "{phase}");
        assert!(dir.join("0.old").exists(), "{phase}");
    }
}

/// Between plan and write a directory may become a link; what it leads to is not ours.
#[test]
fn a_directory_that_became_a_link_is_refused() {
    let (root, outside) = (root(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("openclaw.json"), "{ old: 1 }").unwrap();
    let planned = Transaction::plan(root.path(), changes()).unwrap();
    fs::rename(root.path().join("conf"), root.path().join("conf.old")).unwrap();
    symlink(outside.path(), root.path().join("conf")).unwrap();
    assert!(matches!(planned.commit(), Err(TransactionError::Outside { .. })));
    assert_eq!(text(&outside.path().join("openclaw.json")), "{ old: 1 }");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "nothing was staged there");
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-old\n");
}

#[test]
fn undo_refuses_once_somebody_else_wrote() {
    let root = root();
    let receipt = Transaction::plan(root.path(), changes()).unwrap().commit().unwrap();
    fs::write(root.path().join(".env"), "TOKEN=canary-third\n").unwrap();
    assert!(matches!(receipt.undo(), Err(TransactionError::Changed { .. })));
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-third\n");
    assert_eq!(text(&root.path().join("conf/openclaw.json")), "{ new: 1 }");
}

#[test]
fn a_file_changed_between_plan_and_write_stops_everything() {
    let root = root();
    let planned = Transaction::plan(root.path(), changes()).unwrap();
    fs::write(root.path().join("conf/openclaw.json"), "{ by: 'hand' }").unwrap();
    let error = planned.commit().unwrap_err();
    assert!(error.to_string().contains("conf/openclaw.json changed since the plan"), "{error}");

    let staged = Transaction::plan(
        root.path(),
        [
            Change::write("conf/openclaw.json", digest("{ by: 'hand' }"), "{}"),
            Change::write(".env", digest("TOKEN=canary-old\n"), "x"),
        ],
    )
    .unwrap()
    .stage(None)
    .unwrap();
    fs::write(root.path().join(".env"), "TOKEN=canary-other\n").unwrap();
    assert!(matches!(staged.commit(), Err(TransactionError::Changed { .. })));
    assert_eq!(text(&root.path().join("conf/openclaw.json")), "{ by: 'hand' }");
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-other\n");
    assert_eq!(names(root.path()), [".env", "conf", "openclaw.json"]);
}

#[test]
fn the_root_is_a_boundary() {
    let (root, outside) = (root(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "x").unwrap();
    symlink(outside.path(), root.path().join("link")).unwrap();
    symlink(outside.path().join("secret"), root.path().join("file-link")).unwrap();
    symlink("nowhere", root.path().join("dangling")).unwrap();
    let plan = |change: Change| Transaction::plan(root.path(), [change]).map(drop);
    let refused = |path: &str| plan(Change::write(path, digest("x"), "y")).unwrap_err();

    for path in ["link/secret", "file-link", "../secret", "conf/../../secret", ".openclaw-token/records/x"] {
        let error = refused(path);
        assert!(
            matches!(error, TransactionError::Outside { .. } | TransactionError::NoDirectory { .. }),
            "{path}: {error}"
        );
    }
    assert!(matches!(refused("conf"), TransactionError::NotAFile { .. }));
    assert!(matches!(refused("dangling"), TransactionError::NotAFile { .. }));
    assert!(matches!(refused("nowhere/file"), TransactionError::NoDirectory { .. }));
    assert!(matches!(refused(".env"), TransactionError::Changed { .. }));
    let twice = || Change::write("conf/../.env", digest("x"), "y");
    assert!(matches!(plan(twice()), Err(TransactionError::Outside { .. })));
    let env = || Change::write(".env", digest("TOKEN=canary-old\n"), "y");
    let absolute = Change::write(root.path().join(".env"), digest("TOKEN=canary-old\n"), "y");
    assert!(matches!(
        Transaction::plan(root.path(), [env(), absolute]),
        Err(TransactionError::Duplicate { .. })
    ));
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "x");
}

#[test]
fn a_link_inside_the_root_stays_a_link() {
    let root = root();
    symlink(".env", root.path().join("alias")).unwrap();
    let change = Change::write("alias", digest("TOKEN=canary-old\n"), "TOKEN=canary-new\n");
    Transaction::plan(root.path(), [change]).unwrap().commit().unwrap();
    assert!(root.path().join("alias").is_symlink());
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-new\n");
}

#[test]
fn one_transaction_at_a_time_and_a_dropped_one_reverts() {
    let root = root();
    let staged = Transaction::plan(root.path(), changes()).unwrap().stage(Some("tag")).unwrap();
    assert_eq!(text(&root.path().join(".env")), "TOKEN=canary-old\n");
    drop(staged);
    assert_eq!(names(root.path()), [".env", "conf", "openclaw.json"]);

    // A process that dies here leaves the transaction staged.
    let staged = Transaction::plan(root.path(), changes()).unwrap().stage(Some("tag")).unwrap();
    std::mem::forget(staged);
    // The kernel would take a dead process's lock back; within this one it stays, so look from the outside.
    let copy = tempfile::tempdir().unwrap();
    copy_tree(root.path(), copy.path());
    let unfinished = Transaction::plan(copy.path(), changes()).unwrap().commit();
    assert!(matches!(unfinished, Err(TransactionError::Unfinished { .. })), "{unfinished:?}");
    assert!(matches!(recover(copy.path()), Err(TransactionError::InDoubt { tag, .. }) if tag == "tag"));
    let waiting = recover_with(copy.path(), |_| Vote::Wait);
    assert!(matches!(waiting, Err(TransactionError::InDoubt { .. })), "{waiting:?}");
    assert_eq!(text(&copy.path().join(".env")), "TOKEN=canary-old\n");
    let recovered =
        recover_with(copy.path(), |tag| if tag == "tag" { Vote::Finish } else { Vote::Revert }).unwrap();
    assert!(recovered[0].finished);
    assert_eq!(text(&copy.path().join(".env")), "TOKEN=canary-new\n");
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Only root can give a file away. That anybody else is refused is tested on the simulated disk and in tests/faults.sh.
#[test]
fn new_files_belong_to_the_owner_of_their_directory() {
    let root = root();
    let conf = root.path().join("conf");
    let may_give_away = std::os::unix::fs::chown(&conf, Some(1000), Some(1000)).is_ok();
    Transaction::plan(root.path(), changes()).unwrap().commit().unwrap();
    let owner = fs::metadata(conf.join("made.txt")).unwrap().uid();
    let expected = if may_give_away { 1000 } else { fs::metadata(root.path()).unwrap().uid() };
    assert_eq!(owner, expected);
}
