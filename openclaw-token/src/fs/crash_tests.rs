//! Power cuts and kills at every operation, over every state they may leave; and proof that each sync is needed.

use super::disk::{Disk, Sync};
use super::settle::settle_on;
use super::simulated::{Faults, Node, SimulatedDisk, Tree};
use super::transaction::{
    self, Change, Receipt, Root, Transaction, TransactionError, Vote, forget_on, recover_on, undo_on,
};
use super::{DirectoryStore, LedgerFile};
use crate::digest::Digest;
use crate::fingerprint::Fingerprint;
use crate::freeze::{FreezeRequest, Frozen, RecordStore, freeze_once};
use crate::ledger::{Act, LedgerEntry, compare_records, entries, verify};
use crate::record::Circumstances;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// What went wrong, or how many states were seen.
type Explored = Result<usize, String>;

pub(super) const ROOT: &str = "/root";
pub(super) const OLD_ENV: &str = "TOKEN=canary-old\n";
const NEW_ENV: &str = "TOKEN=canary-new\n";

pub(super) fn arc(disk: &SimulatedDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn root(disk: &SimulatedDisk) -> Root {
    Root::on(arc(disk), Path::new(ROOT))
}

/// The files of the tests: (path, before, after). One replaced, one made, one removed, in two directories.
fn targets() -> [(&'static str, Option<Node>, Option<Node>); 3] {
    [
        ("/root/.env", Some(Node::file(OLD_ENV, 0o640, 1000)), Some(Node::file(NEW_ENV, 0o640, 1000))),
        ("/root/conf/new.json", None, Some(Node::file("{new}", 0o600, 1000))),
        ("/root/gone.txt", Some(Node::file("bye", 0o644, 1001)), None),
    ]
}

pub(super) fn start() -> Tree {
    let mut tree = Tree::new();
    tree.insert(ROOT.into(), Node::Directory);
    tree.insert("/root/conf".into(), Node::Directory);
    for (path, before, _) in targets() {
        if let Some(node) = before {
            tree.insert(path.into(), node);
        }
    }
    tree
}

fn changes() -> Vec<Change> {
    let digest = |text: &str| Digest::of(text.as_bytes());
    vec![
        Change::write(".env", Some(digest(OLD_ENV)), NEW_ENV).secret(),
        Change::write("conf/new.json", None, "{new}").secret(),
        Change::remove("gone.txt", digest("bye")),
    ]
}

pub(super) fn commit(disk: &SimulatedDisk) -> Result<Receipt, TransactionError> {
    Transaction::plan_on(root(disk), changes())?.commit()
}

fn recover(disk: &SimulatedDisk) -> Result<Vec<transaction::Recovered>, TransactionError> {
    recover_on(&root(disk), None)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Old,
    New,
}

/// Every target whole, and which side each is on.
fn sides(tree: &Tree) -> Result<Vec<Side>, String> {
    let side = |(path, before, after): (&str, Option<Node>, Option<Node>)| {
        let found = tree.get(Path::new(path)).cloned();
        match found {
            found if found == before => Ok(Side::Old),
            found if found == after => Ok(Side::New),
            found => Err(format!("{path} is neither old nor new: {found:?}")),
        }
    };
    targets().into_iter().map(side).collect()
}

/// All targets on one side, and no temporary file beside them.
fn settled(tree: &Tree) -> Result<Side, String> {
    let sides = sides(tree)?;
    if let Some(path) = tree.keys().find(|path| {
        path.to_string_lossy().contains(".openclaw-") && !path.starts_with("/root/.openclaw-token")
    }) {
        return Err(format!("left behind: {}", path.display()));
    }
    match sides.iter().all(|side| *side == sides[0]) {
        true => Ok(sides[0]),
        false => Err(format!("a mixed set: {sides:?}")),
    }
}

fn told<T>(what: &str, outcome: Result<T, impl std::fmt::Display>) -> Result<T, String> {
    outcome.map_err(|error| format!("{what}: {error}"))
}

/// After a crash: targets whole; then recovery, itself cut off at every operation any number of times, ends on one side,
/// the acknowledged one if there is one. `seen` holds the states (and what must hold of them) already explored.
fn recovers(
    tree: &Tree,
    acknowledged: Option<Side>,
    skip: Option<Sync>,
    seen: &mut BTreeSet<(Tree, Option<Side>)>,
) -> Result<(), String> {
    let mut open = vec![(tree.clone(), acknowledged)];
    while let Some((tree, acknowledged)) = open.pop() {
        if seen.contains(&(tree.clone(), acknowledged)) {
            continue;
        }
        sides(&tree)?;
        for stop in 0.. {
            let disk = SimulatedDisk::new(&tree, Faults { stop_at: Some(stop), skip, ..Faults::default() });
            let outcome = recover(&disk);
            let stopped = disk.has_stopped();
            if stopped {
                open.extend(disk.after_power_cut().into_iter().map(|tree| (tree, acknowledged)));
                // Killed only: the next process sees everything.
                disk.restart();
                told("recover after a kill", recover(&disk))?;
            } else {
                told("recover", outcome)?;
            }
            // What recovery says is an acknowledgement, too.
            let side = settled(&disk.tree())?;
            if acknowledged.is_some_and(|acknowledged| acknowledged != side) {
                return Err(format!("{acknowledged:?} was acknowledged, {side:?} was found"));
            }
            if !stopped {
                open.extend(disk.after_power_cut().into_iter().map(|tree| (tree, Some(side))));
                break;
            }
        }
        seen.insert((tree, acknowledged));
    }
    Ok(())
}

/// After an acknowledgement somebody edits a file; nothing may bring the transaction back. And backups do not get into
/// version control.
fn is_over(tree: &Tree) -> Result<(), String> {
    let ignored = tree.get(Path::new("/root/.openclaw-token/.gitignore"));
    if !matches!(ignored, Some(Node::File { content, .. }) if content.starts_with(b"*")) {
        return Err(format!("version control would see it: {ignored:?}"));
    }
    let mut edited = tree.clone();
    let by_hand = Node::file("edited by hand", 0o640, 1000);
    edited.insert("/root/.env".into(), by_hand.clone());
    let disk = SimulatedDisk::new(&edited, Faults::default());
    told("recover after a later edit", recover(&disk))?;
    match disk.tree().get(Path::new("/root/.env")) == Some(&by_hand) {
        true => Ok(()),
        false => Err("a later edit was overwritten".to_owned()),
    }
}

/// What must hold of a state, given what was acknowledged.
type Check<'a> = dyn FnMut(&Tree, Option<Side>) -> Result<(), String> + 'a;

/// Runs `work` with a stop before every operation, and gives `found` every state after it.
fn every_crash(
    tree: &Tree,
    faults: Faults,
    work: &mut dyn FnMut(&SimulatedDisk) -> Option<Side>,
    found: &mut Check<'_>,
) -> Explored {
    let mut states = 0;
    for stop in 0.. {
        let disk = SimulatedDisk::new(tree, Faults { stop_at: Some(stop), ..faults });
        let acknowledged = work(&disk);
        for tree in disk.after_power_cut() {
            states += 1;
            found(&tree, acknowledged)?;
        }
        if !disk.has_stopped() {
            return Ok(states);
        }
        disk.restart();
        found(&disk.tree(), acknowledged)?;
    }
    Ok(states)
}

/// A commit, cut off anywhere.
fn committing(skip: Option<Sync>) -> Explored {
    let mut seen = BTreeSet::new();
    every_crash(
        &start(),
        Faults { skip, ..Faults::default() },
        &mut |disk| commit(disk).is_ok().then_some(Side::New),
        &mut |tree, acknowledged| {
            recovers(tree, acknowledged, skip, &mut seen)?;
            if acknowledged.is_some() { is_over(tree) } else { Ok(()) }
        },
    )
}

/// A commit in which one operation fails, at each operation in turn; where that means a rollback, cut off anywhere.
fn failing(skip: Option<Sync>) -> Explored {
    let operations = {
        let disk = SimulatedDisk::new(&start(), Faults { skip, ..Faults::default() });
        told("commit", commit(&disk))?;
        disk.operations()
    };
    let (mut states, mut seen) = (0, BTreeSet::new());
    for at in 0..operations {
        let faults = Faults { fail_at: Some((at, io::ErrorKind::StorageFull)), skip, ..Faults::default() };
        let disk = SimulatedDisk::new(&start(), faults);
        let rolled_back = match commit(&disk) {
            Ok(_) => return Err(format!("operation {at} failed and nobody said so")),
            Err(TransactionError::RollbackFailed { .. }) => {
                return Err(format!("operation {at}: one fault, two errors"));
            }
            Err(error) => {
                if settled(&disk.tree())? != Side::Old {
                    return Err(format!("operation {at}: {error}, and the files are new"));
                }
                matches!(error, TransactionError::RolledBack { .. })
            }
        };
        if rolled_back {
            states += every_crash(
                &start(),
                faults,
                &mut |disk| match commit(disk) {
                    Err(TransactionError::RolledBack { .. }) => Some(Side::Old),
                    _ => None,
                },
                &mut |tree, acknowledged| {
                    recovers(tree, acknowledged, skip, &mut seen)?;
                    if acknowledged.is_some() { is_over(tree) } else { Ok(()) }
                },
            )?;
        } else {
            for tree in disk.after_power_cut() {
                states += 1;
                recovers(&tree, Some(Side::Old), skip, &mut seen)?;
            }
        }
    }
    Ok(states)
}

/// A finished transaction is undone, later and cut off anywhere; then forgotten.
fn undoing(skip: Option<Sync>) -> Explored {
    let disk = SimulatedDisk::new(&start(), Faults { skip, ..Faults::default() });
    let receipt = told("commit", commit(&disk))?;
    let mut states = 0;
    for tree in disk.after_power_cut() {
        let mut seen = BTreeSet::new();
        let later = SimulatedDisk::new(&tree, Faults::default());
        told("undo", undo_on(root(&later), receipt.id, None))?;
        if settled(&later.tree())? != Side::Old {
            return Err("undone, and not old".to_owned());
        }
        states += every_crash(
            &tree,
            Faults { skip, ..Faults::default() },
            &mut |disk| undo_on(root(disk), receipt.id, None).is_ok().then_some(Side::Old),
            &mut |tree, acknowledged| recovers(tree, acknowledged, skip, &mut seen),
        )?;
        states += every_crash(
            &tree,
            Faults { skip, ..Faults::default() },
            &mut |disk| forget_on(&root(disk), receipt.id).is_ok().then_some(Side::New),
            &mut |tree, acknowledged| {
                recovers(tree, Some(Side::New), skip, &mut seen)?;
                let holds_old =
                    |node: &Node| matches!(node, Node::File { content, .. } if content == OLD_ENV.as_bytes());
                match acknowledged.is_some() && tree.values().any(holds_old) {
                    true => Err("forgotten, and a backup still holds the old secret".to_owned()),
                    false => Ok(()),
                }
            },
        )?;
    }
    Ok(states)
}

/// Staged under a tag and then given up, cut off anywhere.
fn giving_up(skip: Option<Sync>) -> Explored {
    let give_up = |disk: &SimulatedDisk| -> Result<(), TransactionError> {
        Transaction::plan_on(root(disk), changes())?.stage(Some("tag"))?.revert()
    };
    every_crash(
        &start(),
        Faults { skip, ..Faults::default() },
        &mut |disk| give_up(disk).is_ok().then_some(Side::Old),
        &mut |tree, _| {
            let disk = SimulatedDisk::new(tree, Faults::default());
            told("recover", recover_on(&root(&disk), Some(&mut |_| Vote::Revert)))?;
            match settled(&disk.tree())? {
                Side::Old => Ok(()),
                Side::New => Err("given up, and done".to_owned()),
            }
        },
    )
}

/// A freeze that mints into two files and says so in the ledger: a record never stands without its token and its one entry,
/// and what was acknowledged stays.
fn freezing(skip: Option<Sync>) -> Explored {
    let ledger = |disk: &SimulatedDisk| LedgerFile::on(arc(disk), ROOT.into());
    let freeze = |disk: &SimulatedDisk| -> Result<String, String> {
        let store = DirectoryStore::on(arc(disk), ROOT.into());
        let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
        let frozen = freeze_once(&store, &request, |token, record| {
            let write = |path: &str, old: &str| {
                Change::write(path, Some(Digest::of(old.as_bytes())), token.expose_secret()).secret()
            };
            let changes = [write(".env", OLD_ENV), write("gone.txt", "bye")];
            Transaction::plan_on(root(disk), changes)?.stage(Some(&record.fingerprint.to_string()))
        });
        match told("freeze", frozen)? {
            Frozen::New { record, custody, .. } => {
                told("commit", custody.commit())?;
                told("enter", ledger(disk).enter(&record, "transaction 1"))?;
                Ok(record.fingerprint.to_string())
            }
            Frozen::Existing(record) => Ok(record.fingerprint.to_string()),
        }
    };
    let holds = |tree: &Tree, path: &str, fingerprint: &str| match tree.get(Path::new(path)) {
        Some(Node::File { content, .. }) => {
            let token = SecretString::from(String::from_utf8_lossy(content).into_owned());
            Fingerprint::of(&token).is_ok_and(|found| found.to_string() == fingerprint)
        }
        _ => false,
    };
    let settle = |disk: &SimulatedDisk| {
        let store = DirectoryStore::on(arc(disk), ROOT.into());
        settle_on(&root(disk), &store, &ledger(disk), |tag, latest| match latest {
            Some(record) if record.fingerprint.to_string() == tag => Vote::Finish,
            _ => Vote::Revert,
        })
    };
    // What must hold once it is settled. The answer is the token's fingerprint, if one is frozen.
    let settled = |disk: &SimulatedDisk, acknowledged: Option<&str>| -> Result<Option<String>, String> {
        let history = told("history", DirectoryStore::on(arc(disk), ROOT.into()).history())?;
        let record = history.last().map(|record| record.fingerprint.to_string());
        let tree = disk.tree();
        match (&record, acknowledged) {
            (None, Some(_)) => return Err("an acknowledged freeze is gone".to_owned()),
            (Some(found), Some(told)) if found != told => return Err("another token was frozen".to_owned()),
            (Some(record), _) => {
                if !["/root/.env", "/root/gone.txt"].iter().all(|path| holds(&tree, path, record)) {
                    return Err("a record without its token".to_owned());
                }
            }
            (None, None) => {
                if tree.get(Path::new("/root/.env")) != start().get(Path::new("/root/.env")) {
                    return Err("a token without a record".to_owned());
                }
            }
        }
        let text = told("read", ledger(disk).read())?;
        let lines = entries(&text).filter(Result::is_ok).count();
        match compare_records(&text, &history, "ledger").is_empty() && lines == history.len() {
            true => Ok(record),
            false => Err(format!("{} records, {lines} entries", history.len())),
        }
    };
    let mut seen = BTreeSet::new();
    // Settling may itself be cut off anywhere, any number of times.
    let mut check = |tree: &Tree, acknowledged: Option<&str>| -> Result<(), String> {
        let mut open = vec![(tree.clone(), acknowledged.map(str::to_owned))];
        while let Some((tree, acknowledged)) = open.pop() {
            if !seen.insert((tree.clone(), acknowledged.clone())) {
                continue;
            }
            for stop in 0.. {
                let disk =
                    SimulatedDisk::new(&tree, Faults { stop_at: Some(stop), skip, ..Faults::default() });
                let outcome = settle(&disk);
                let stopped = disk.has_stopped();
                if stopped {
                    open.extend(disk.after_power_cut().into_iter().map(|tree| (tree, acknowledged.clone())));
                }
                disk.restart();
                match stopped {
                    true => told("settle after a kill", settle(&disk))?,
                    false => told("settle", outcome)?,
                };
                let frozen = settled(&disk, acknowledged.as_deref())?;
                if !stopped {
                    open.extend(disk.after_power_cut().into_iter().map(|tree| (tree, frozen.clone())));
                }
                // And life goes on: the next caller gets the same token.
                if frozen.is_some() && frozen != Some(freeze(&disk)?) {
                    return Err("frozen twice".to_owned());
                }
                if !stopped {
                    break;
                }
            }
        }
        Ok(())
    };

    let mut states = 0;
    for stop in 0.. {
        let disk = SimulatedDisk::new(&start(), Faults { stop_at: Some(stop), skip, ..Faults::default() });
        let acknowledged = freeze(&disk).ok();
        for tree in disk.after_power_cut() {
            states += 1;
            check(&tree, acknowledged.as_deref())?;
        }
        if !disk.has_stopped() {
            break;
        }
        // Killed only: the page cache is as it was, and the next process settles before the power goes.
        disk.restart();
        told("settle after a kill", settle(&disk))?;
        let record = settled(&disk, acknowledged.as_deref())?;
        for tree in disk.after_power_cut() {
            states += 1;
            check(&tree, record.as_deref())?;
        }
    }
    Ok(states)
}

/// Appending to a ledger that does not exist yet, three times, cut off anywhere.
fn appending(skip: Option<Sync>) -> Explored {
    let entry = |what: &str| LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, what);
    let append =
        |disk: &SimulatedDisk, what: &str| LedgerFile::on(arc(disk), ROOT.into()).append(&entry(what));
    let whole = |disk: &SimulatedDisk, acknowledged: &[String]| -> Result<(), String> {
        let ledger = LedgerFile::on(arc(disk), ROOT.into());
        told("append after a crash", ledger.append(&entry("after")))?;
        let text = told("read", ledger.read())?;
        let verification = verify(&text, None);
        if !verification.is_intact() || verification.torn_bytes > 0 {
            return Err(format!("{verification:?}"));
        }
        let found: Vec<String> = entries(&text).filter_map(Result::ok).map(|entry| entry.what).collect();
        match found.starts_with(acknowledged) {
            true => Ok(()),
            false => Err(format!("acknowledged {acknowledged:?}, found {found:?}")),
        }
    };
    let mut states = 0;
    for stop in 0.. {
        let disk = SimulatedDisk::new(&start(), Faults { stop_at: Some(stop), skip, ..Faults::default() });
        let mut acknowledged: Vec<String> = ["one", "two", "three"]
            .iter()
            .filter(|what| append(&disk, what).is_ok())
            .map(|&what| what.to_owned())
            .collect();
        for tree in disk.after_power_cut() {
            states += 1;
            whole(&SimulatedDisk::new(&tree, Faults::default()), &acknowledged)?;
        }
        if !disk.has_stopped() {
            break;
        }
        // Killed only; another process appends, is told so, and then the power goes.
        disk.restart();
        told("append after a kill", append(&disk, "next"))?;
        let text = told("read", LedgerFile::on(arc(&disk), ROOT.into()).read())?;
        acknowledged = entries(&text).filter_map(Result::ok).map(|entry| entry.what).collect();
        for tree in disk.after_power_cut() {
            states += 1;
            whole(&SimulatedDisk::new(&tree, Faults::default()), &acknowledged)?;
        }
    }
    // A full disk: refused, the ledger as before, and the next append works.
    let operations = {
        let disk = SimulatedDisk::new(&start(), Faults { skip, ..Faults::default() });
        ["one", "two"]
            .iter()
            .try_for_each(|what| append(&disk, what).map(drop))
            .map_err(|error| error.to_string())?;
        disk.operations()
    };
    for at in 0..operations {
        let faults = Faults { fail_at: Some((at, io::ErrorKind::StorageFull)), skip, ..Faults::default() };
        let disk = SimulatedDisk::new(&start(), faults);
        let acknowledged: Vec<String> = ["one", "two"]
            .iter()
            .filter(|what| append(&disk, what).is_ok())
            .map(|&what| what.to_owned())
            .collect();
        if acknowledged.len() != 1 {
            return Err(format!(
                "operation {at} failed, and {} appends were acknowledged",
                acknowledged.len()
            ));
        }
        for tree in disk.after_power_cut() {
            states += 1;
            whole(&SimulatedDisk::new(&tree, Faults::default()), &acknowledged)?;
        }
    }
    Ok(states)
}

/// Explores a story, with one sync left out if one is named.
type Scenario = fn(Option<Sync>) -> Explored;

const SCENARIOS: [(&str, Scenario); 6] = [
    ("committing", committing),
    ("failing", failing),
    ("undoing", undoing),
    ("giving up", giving_up),
    ("freezing", freezing),
    ("appending", appending),
];

#[test]
fn every_power_cut_and_kill_is_survived() {
    for (name, scenario) in SCENARIOS {
        match scenario(None) {
            Ok(states) => println!("{name}: {states} states after a crash, each recovered"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

/// Every sync that the scenarios ask for, one by one: without it some scenario must fail.
#[test]
#[ignore = "explores every state once per sync: minutes; .ci/run runs it by name"]
fn every_sync_is_needed() {
    let mut sites = BTreeSet::new();
    let disk = SimulatedDisk::new(&start(), Faults::default());
    commit(&disk).unwrap();
    LedgerFile::on(arc(&disk), ROOT.into())
        .append(&LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, ""))
        .unwrap();
    sites.extend(disk.synced());
    // Those off the main path.
    sites.extend([
        Sync::Phase("reverting"),
        Sync::Phase("reverted"),
        Sync::Phase("clearing"),
        Sync::Restored,
        Sync::RestoredEntry,
        Sync::Cleared,
        Sync::Gone,
        Sync::Record,
        Sync::RecordEntry,
        Sync::RecordSettled,
    ]);
    assert_eq!(sites.len(), 25, "{sites:?}");
    let mut needless = Vec::new();
    for site in sites {
        match SCENARIOS.iter().find_map(|(name, scenario)| Some((name, scenario(Some(site)).err()?))) {
            Some((name, error)) => println!("without {site:?}: {name}: {error}"),
            None => needless.push(site),
        }
    }
    assert!(needless.is_empty(), "nothing notices the loss of {needless:?}");
}
