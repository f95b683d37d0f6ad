//! A stack from a stranger, or one that a container can write into: whatever stands in its state directory, nothing outside
//! the root changes, no file gets a mode beyond 0777, nothing waits, and what is refused changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]
#![cfg(all(feature = "fs", unix))]
#![expect(clippy::disallowed_methods, reason = "these tests are about files")]

use openclaw_token::fs::transaction::{
    Change, Transaction, TransactionError, Vote, forget, pending, recover, recover_with, undo,
};
use openclaw_token::fs::{DirectoryStore, LedgerFile, settle};
use openclaw_token::ledger::{Act, LedgerEntry};
use openclaw_token::{Circumstances, Digest, FreezeRequest, RecordStore, freeze_once, rotate};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const ENV: &str = "TOKEN=canary-old\n";
const EVIL: &str = "TOKEN=evil\n";
const STATE: &str = ".openclaw-token";

/// A stack, and beside it what must never change.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        // In memory where there is such a place: these tests sync a lot, and none is about durability.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let world = Self(directory.unwrap());
        let (stack, outside) = (world.stack(), world.outside());
        fs::create_dir_all(stack.join("conf")).unwrap();
        fs::create_dir_all(outside.join("dir")).unwrap();
        for (path, text) in [
            (stack.join(".env"), ENV),
            (stack.join("conf/openclaw.json"), "{}"),
            (stack.join("evil"), EVIL),
            (outside.join("keep.txt"), "precious"),
            (outside.join("a.tmp"), "precious"),
            (outside.join(".0123456789abcdef.tmp"), "precious"),
            (outside.join("dir/keep.txt"), "precious"),
            (outside.join("dir/openclaw.json"), "{}"),
        ] {
            fs::write(path, text).unwrap();
        }
        symlink("../outside", stack.join("link")).unwrap();
        world
    }

    fn stack(&self) -> PathBuf {
        self.0.path().join("stack")
    }

    fn outside(&self) -> PathBuf {
        self.0.path().join("outside")
    }

    fn state(&self) -> PathBuf {
        self.stack().join(STATE)
    }

    /// Puts a journal there, and a backup that holds `EVIL`.
    fn plant(&self, directory: &str, journal: &str) -> PathBuf {
        let dir = self.state().join("transactions").join(directory);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("journal.json"), journal).unwrap();
        fs::write(dir.join("0.old"), EVIL).unwrap();
        dir
    }
}

/// Everything below a directory: kind, mode, owner, and what it holds.
fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut tree = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let kind = found.file_type();
        let holds = if kind.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if kind.is_file() {
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
        } else if kind.is_symlink() {
            format!("{:?}", fs::read_link(&path).unwrap())
        } else {
            "special".to_owned()
        };
        tree.insert(path, format!("{:o} {}:{} {holds}", found.mode(), found.uid(), found.gid()));
    }
    tree
}

/// Without the lock, which is made before anything is looked at.
fn before_any_step(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut tree = tree(root);
    tree.retain(|path, _| !path.ends_with("transactions/lock"));
    tree
}

#[track_caller]
fn unchanged(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>, what: &str) {
    let differs: Vec<_> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| (path, before.get(path), after.get(path)))
        .collect();
    assert!(differs.is_empty(), "{what}: {differs:#?}");
}

fn special_bits(root: &Path) -> Vec<PathBuf> {
    let is_special = |path: &PathBuf| fs::symlink_metadata(path).unwrap().mode() & 0o7000 != 0;
    tree(root).into_keys().filter(is_special).collect()
}

fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

fn staged_name(path: &str) -> String {
    format!(".{}.openclaw-1-0.new", path.rsplit('/').next().unwrap())
}

fn entry(path: &str) -> Value {
    json!({
        "path": path, "before": digest(EVIL), "after": digest(ENV),
        "staged": staged_name(path), "backup": "0.old",
        "ownership": {"uid": uid(), "gid": uid(), "mode": 0o644},
    })
}

fn journal(entries: &[Value]) -> String {
    json!({"schema": 1, "tag": null, "entries": entries}).to_string()
}

fn uid() -> u32 {
    let dir = tempfile::tempdir().unwrap();
    fs::metadata(dir.path()).unwrap().uid()
}

/// Everything that reads or writes a state directory, whatever it answers.
fn everything(root: &Path) -> Vec<String> {
    let store = DirectoryStore::new(root);
    let ledger = LedgerFile::new(root);
    let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
    let custody = |_: &_, _: &_| Ok::<_, Infallible>(());
    let change = || Change::write(".env", Some(Digest::of(ENV.as_bytes())), "TOKEN=new\n").secret();
    let entry = LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, "x");
    fn told<T, E: std::fmt::Display>(outcome: Result<T, E>) -> String {
        outcome.map_or_else(|error| error.to_string(), |_| String::new())
    }
    vec![
        told(pending(root)),
        told(store.latest()),
        told(store.history()),
        told(ledger.verify(None)),
        told(recover(root)),
        told(recover_with(root, |_| Vote::Finish)),
        told(settle(root, &store, &ledger, |_, _| Vote::Revert)),
        told(undo(root, 1)),
        told(freeze_once(&store, &request, custody)),
        told(rotate(&store, &request, "reason", custody)),
        told(ledger.append(&entry)),
        told(Transaction::plan(root, [change()]).and_then(Transaction::commit)),
        told(forget(root, 1)),
    ]
}

/// Each field of a journal, one at a time, in every phase that acts on it.
#[test]
fn a_planted_journal_is_refused_field_by_field() {
    let outside = |world: &World| world.outside().join("keep.txt").to_str().unwrap().to_owned();
    type Planted = fn(&mut Value, &str);
    let faults: [(&str, Planted); 24] = [
        ("absolute path", |entry, outside| entry["path"] = json!(outside)),
        ("path upwards", |entry, _| entry["path"] = json!("../outside/keep.txt")),
        ("path with a detour", |entry, _| entry["path"] = json!("conf/../.env")),
        ("path with a dot", |entry, _| entry["path"] = json!("./.env")),
        ("path with two slashes", |entry, _| entry["path"] = json!("conf//openclaw.json")),
        ("empty path", |entry, _| entry["path"] = json!("")),
        ("path through a link", |entry, _| entry["path"] = json!("link/keep.txt")),
        ("path with a zero", |entry, _| entry["path"] = json!("a\0b")),
        ("path of ours", |entry, _| entry["path"] = json!(".openclaw-token/ledger.jsonl")),
        ("path of ours, shouted", |entry, _| entry["path"] = json!(".OpenClaw-Token/ledger.jsonl")),
        ("path of another stack's", |entry, _| entry["path"] = json!("conf/.openclaw-token/ledger.jsonl")),
        ("staged upwards", |entry, _| entry["staged"] = json!("../outside/keep.txt")),
        ("staged absolute", |entry, outside| entry["staged"] = json!(outside)),
        ("staged another file", |entry, _| entry["staged"] = json!("evil")),
        ("staged of another id", |entry, _| entry["staged"] = json!("..env.openclaw-2-0.new")),
        ("nothing staged", |entry, _| entry["staged"] = json!(null)),
        ("backup upwards", |entry, _| entry["backup"] = json!("../../../evil")),
        ("backup absolute", |entry, outside| entry["backup"] = json!(outside)),
        ("no backup", |entry, _| entry["backup"] = json!(null)),
        ("setuid", |entry, _| entry["ownership"]["mode"] = json!(0o4755)),
        ("setgid", |entry, _| entry["ownership"]["mode"] = json!(0o2755)),
        ("sticky", |entry, _| entry["ownership"]["mode"] = json!(0o1777)),
        ("nobody", |entry, _| entry["ownership"]["uid"] = json!(u32::MAX)),
        ("unknown field", |entry, _| entry["extra"] = json!(1)),
    ];
    for (what, plant) in faults {
        for phase in ["preparing", "staged", "committed", "reverting", "clearing"] {
            let world = World::new();
            let mut planted = entry(".env");
            plant(&mut planted, &outside(&world));
            let dir = world.plant(&format!("000001.{phase}"), &journal(&[planted]));
            fs::write(world.stack().join("..env.openclaw-1-0.new"), EVIL).unwrap();
            let before = before_any_step(world.0.path());
            for outcome in [
                recover(world.stack()).map(drop),
                recover_with(world.stack(), |_| Vote::Finish).map(drop),
                forget(world.stack(), 1),
            ] {
                let error = outcome.expect_err(&format!("{what}, {phase}"));
                let refused =
                    matches!(error, TransactionError::NotOurs { .. } | TransactionError::Outside { .. });
                assert!(refused, "{what}, {phase}: {error}");
                if let TransactionError::NotOurs { directory, .. } = &error {
                    assert_eq!(directory.canonicalize().unwrap(), dir.canonicalize().unwrap());
                    assert!(error.to_string().ends_with("look who made it, then remove it"), "{error}");
                }
            }
            unchanged(&before, &before_any_step(world.0.path()), &format!("{what}, {phase}"));
        }
    }
}

/// What concerns the whole journal or its directory.
#[test]
fn a_planted_transaction_is_refused_as_a_whole() {
    let many: Vec<Value> = (0..1001).map(|n| entry(&format!("file-{n}"))).collect();
    for (what, text) in [
        ("unknown field", json!({"schema": 1, "tag": null, "entries": [], "extra": 1}).to_string()),
        ("no schema", "{}".to_owned()),
        ("schema that never was", json!({"schema": 0, "tag": null, "entries": []}).to_string()),
        ("the same file twice", journal(&[entry(".env"), entry(".env")])),
        ("too many files", journal(&many)),
        ("too large", format!("{}{}", journal(&[]), " ".repeat(5 << 20))),
    ] {
        let world = World::new();
        world.plant("000001.reverting", &text);
        let before = before_any_step(world.0.path());
        let error = recover(world.stack()).expect_err(what);
        unchanged(&before, &before_any_step(world.0.path()), &format!("{what}: {error}"));
    }
    // One that is ours stands before one that is not: neither is touched.
    let world = World::new();
    world.plant("000001.reverting", &journal(&[entry(".env")]));
    world.plant("000002.reverting", "{}");
    let before = before_any_step(world.0.path());
    recover(world.stack()).unwrap_err();
    unchanged(&before, &before_any_step(world.0.path()), "refused");
    // A name that no transaction makes.
    let world = World::new();
    fs::write(world.plant("000001.clearing", &journal(&[])).join("other"), "x").unwrap();
    let before = before_any_step(world.0.path());
    let error = recover(world.stack()).unwrap_err();
    assert!(error.to_string().contains("a file called other"), "{error}");
    unchanged(&before, &before_any_step(world.0.path()), "refused");
    // Names that only look like ours are nobody's business.
    let world = World::new();
    for name in ["1.reverting", "+00001.reverting", "000001.Reverting", "000001", "000001.reverting.x"] {
        world.plant(name, "{}");
    }
    assert_eq!(recover(world.stack()).unwrap(), []);
    assert_eq!(pending(world.stack()).unwrap(), [0_u64; 0]);
    // And one after which no number comes.
    let world = World::new();
    world.plant(&format!("{}.done", u64::MAX), &journal(&[]));
    let change = Change::write(".env", Some(Digest::of(ENV.as_bytes())), "x");
    let error = Transaction::plan(world.stack(), [change]).unwrap().commit().unwrap_err();
    assert!(matches!(error, TransactionError::NotOurs { .. }), "{error}");
}

/// A backup whose bytes are not those of the journal, or a new file that is not as it was staged.
#[test]
fn planted_contents_do_not_come_into_force() {
    let world = World::new();
    let dir = world.plant("000001.reverting", &journal(&[entry(".env")]));
    fs::write(dir.join("0.old"), "TOKEN=another\n").unwrap();
    let error = recover(world.stack()).unwrap_err();
    assert!(matches!(error, TransactionError::Journal { .. }), "{error}");
    assert_eq!(fs::read_to_string(world.stack().join(".env")).unwrap(), ENV);

    type Layout = fn(&World, &Path);
    let layouts: [(&str, Layout); 4] = [
        ("another content", |_, staged| fs::write(staged, "TOKEN=another\n").unwrap()),
        ("setuid", |_, staged| {
            fs::write(staged, EVIL).unwrap();
            fs::set_permissions(staged, fs::Permissions::from_mode(0o4755)).unwrap();
        }),
        ("another name of a file outside", |world, staged| {
            fs::write(world.outside().join("evil"), EVIL).unwrap();
            fs::hard_link(world.outside().join("evil"), staged).unwrap();
        }),
        ("a link", |world, staged| {
            fs::write(world.outside().join("evil"), EVIL).unwrap();
            symlink(world.outside().join("evil"), staged).unwrap();
        }),
    ];
    // Where the target is old, and where it is new already: what waits beside it is looked at in both cases.
    for (what, lay) in layouts {
        for target in [ENV, EVIL] {
            let world = World::new();
            fs::write(world.stack().join(".env"), target).unwrap();
            let mut planted = entry(".env");
            (planted["before"], planted["after"]) = (json!(digest(ENV)), json!(digest(EVIL)));
            world.plant("000001.committed", &journal(&[planted]));
            lay(&world, &world.stack().join("..env.openclaw-1-0.new"));
            let before = before_any_step(world.0.path());
            recover(world.stack()).expect_err(what);
            unchanged(&before, &before_any_step(world.0.path()), what);
        }
    }
}

/// What a planted journal asks for is done only where a plan has kept what it takes away.
#[test]
fn a_planted_journal_replaces_nothing_that_has_no_backup() {
    let removal = json!({
        "path": ".env", "before": digest(ENV), "after": null, "staged": null, "backup": "0.old",
        "ownership": {"uid": uid(), "gid": uid(), "mode": 0o644},
    });
    let mut replacement = entry(".env");
    (replacement["before"], replacement["after"]) = (json!(digest(ENV)), json!(digest(EVIL)));
    for planted in [removal, replacement] {
        for backup in [None, Some(EVIL)] {
            for phase in ["committed", "staged"] {
                let world = World::new();
                let mut text: Value = serde_json::from_str(&journal(std::slice::from_ref(&planted))).unwrap();
                if phase == "staged" {
                    text["tag"] = json!("tag");
                }
                let dir = world.plant(&format!("000001.{phase}"), &text.to_string());
                fs::write(world.stack().join("..env.openclaw-1-0.new"), EVIL).unwrap();
                match backup {
                    Some(content) => fs::write(dir.join("0.old"), content).unwrap(),
                    None => fs::remove_file(dir.join("0.old")).unwrap(),
                }
                let before = before_any_step(world.0.path());
                let error = recover_with(world.stack(), |_| Vote::Finish).unwrap_err();
                assert!(error.to_string().contains("0.old"), "{error}");
                unchanged(&before, &before_any_step(world.0.path()), phase);
            }
        }
    }
}

/// Whoever knows what a file holds can ask for its removal, or for another content; what it held stays beside the journal.
#[test]
fn a_planted_journal_takes_nothing_back_that_is_not_kept() {
    let mut made = entry(".env");
    (made["before"], made["backup"]) = (Value::Null, Value::Null);
    for (planted, left) in [(made, None), (entry(".env"), Some(EVIL))] {
        let world = World::new();
        let dir = world.plant("000001.reverting", &journal(&[planted]));
        recover(world.stack()).unwrap();
        assert_eq!(fs::read_to_string(world.stack().join(".env")).ok().as_deref(), left);
        let kept = dir.with_extension("reverted").join("0.new");
        assert_eq!(fs::read_to_string(kept).unwrap(), ENV);
        forget(world.stack(), 1).unwrap();
        assert!(!dir.with_extension("reverted").exists());
    }
    // What somebody put in its place is not taken for it.
    let world = World::new();
    let dir = world.plant("000001.reverting", &journal(&[entry(".env")]));
    fs::write(dir.join("0.new"), EVIL).unwrap();
    recover(world.stack()).unwrap_err();
    assert_eq!(fs::read_to_string(world.stack().join(".env")).unwrap(), ENV);
}

/// Only root can give a file to somebody; it does so only to those who had it.
#[test]
fn a_journal_gives_no_file_away() {
    if uid() != 0 {
        return;
    }
    let world = World::new();
    let mut planted = entry(".env");
    planted["ownership"]["uid"] = json!(1000);
    world.plant("000001.reverting", &journal(&[planted]));
    let before = before_any_step(world.0.path());
    let error = recover(world.stack()).unwrap_err();
    assert!(error.to_string().contains("who never owned it"), "{error}");
    unchanged(&before, &before_any_step(world.0.path()), "refused");

    // A removed file of another owner comes back to that owner: its backup is theirs.
    let world = World::new();
    let env = world.stack().join(".env");
    std::os::unix::fs::chown(&env, Some(1000), Some(1000)).unwrap();
    let removed = Change::remove(".env", Digest::of(ENV.as_bytes()));
    let receipt = Transaction::plan(world.stack(), [removed]).unwrap().commit().unwrap();
    let done = world.state().join("transactions/000001.done");
    let backup = fs::metadata(done.join("0.old")).unwrap();
    assert_eq!((backup.uid(), backup.mode() & 0o7777), (1000, 0o600));
    fs::rename(&done, done.with_extension("reverting")).unwrap();
    recover(world.stack()).unwrap();
    assert_eq!(fs::metadata(&env).unwrap().uid(), 1000);
    drop(receipt);
}

/// A file with a mode beyond 0777 keeps its permissions only.
#[test]
fn special_modes_are_not_carried_on() {
    let world = World::new();
    let env = world.stack().join(".env");
    fs::set_permissions(&env, fs::Permissions::from_mode(0o6755)).unwrap();
    let change = Change::write(".env", Some(Digest::of(ENV.as_bytes())), "TOKEN=new\n");
    Transaction::plan(world.stack(), [change]).unwrap().commit().unwrap();
    assert_eq!(fs::metadata(&env).unwrap().mode() & 0o7777, 0o755);
}

/// What may stand under a name of the state directory instead of what belongs there.
#[derive(Clone, Copy, Debug)]
enum Stranger {
    LinkToDirectory,
    LinkToFile,
    DanglingLink,
    Fifo,
    Directory,
    File,
    SecondName,
}

impl Stranger {
    const ALL: [Self; 7] = [
        Self::LinkToDirectory,
        Self::LinkToFile,
        Self::DanglingLink,
        Self::Fifo,
        Self::Directory,
        Self::File,
        Self::SecondName,
    ];

    fn put(self, world: &World, path: &Path) {
        match self {
            Self::LinkToDirectory => symlink(world.outside().join("dir"), path).unwrap(),
            Self::LinkToFile => symlink(world.outside().join("keep.txt"), path).unwrap(),
            Self::DanglingLink => symlink(world.outside().join("nowhere"), path).unwrap(),
            Self::Fifo => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::File => fs::write(path, "precious").unwrap(),
            Self::SecondName => fs::hard_link(world.outside().join("keep.txt"), path).unwrap(),
        }
    }
}

/// Every name of a state directory, as each of these: nothing outside changes, and nothing waits for anybody.
#[test]
fn nothing_is_followed_and_nothing_waits() {
    let names = [
        "",
        ".gitignore",
        "ledger.jsonl",
        "records",
        "records/lock",
        "records/record-000001.json",
        "records/record-000002.json",
        "records/.0123456789abcdef.tmp",
        "transactions",
        "transactions/lock",
        "transactions/000001.done",
        "transactions/000001.done/journal.json",
        "transactions/000001.done/0.old",
        "transactions/000002.preparing",
        "transactions/000002.preparing/journal.json",
        "transactions/000002.reverting/journal.json",
        "transactions/000002.reverting/0.old",
    ];
    for name in names {
        for stranger in Stranger::ALL {
            let world = World::new();
            // What a used state directory holds, so that each name is really needed.
            assert!(everything(&world.stack())[8..12].iter().all(String::is_empty));
            fs::write(world.stack().join(".env"), ENV).unwrap();
            let path = world.state().join(name);
            let path = if name.is_empty() { world.state() } else { path };
            if name.contains("000002.reverting") {
                world.plant(
                    "000002.reverting",
                    &journal(&[json!({
                        "path": ".env", "before": digest(EVIL), "after": digest(ENV),
                        "staged": "..env.openclaw-2-0.new", "backup": "0.old",
                        "ownership": {"uid": uid(), "gid": uid(), "mode": 0o600},
                    })]),
                );
            }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_dir_all(&path);
            let _ = fs::remove_file(&path);
            stranger.put(&world, &path);
            let outside = tree(&world.outside());
            let said = everything(&world.stack());
            unchanged(&outside, &tree(&world.outside()), &format!("{name} as {stranger:?}: {said:#?}"));
            let is_harmless = match stranger {
                Stranger::Directory => path.is_dir(),
                Stranger::File | Stranger::SecondName => true,
                _ => false,
            };
            // Nobody reads these once they are done with.
            let is_unread = name.ends_with(".tmp");
            assert!(
                is_harmless || is_unread || said.iter().any(|said| !said.is_empty()),
                "{name} as {stranger:?} was not noticed"
            );
        }
    }
}

#[test]
fn links_are_named_with_what_to_do() {
    for name in ["", "records", "transactions", "records/lock", "ledger.jsonl", "transactions/lock"] {
        let world = World::new();
        let path = if name.is_empty() { world.state() } else { world.state().join(name) };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(world.outside(), &path).unwrap();
        let stack = before_any_step(&world.stack());
        let words = "is a symbolic link, and none is followed here; look who made it, then remove it";
        let said = everything(&world.stack());
        assert!(said.iter().any(|said| said.contains(words)), "{name}: {said:#?}");
        if name.is_empty() {
            unchanged(&stack, &before_any_step(&world.stack()), "refused");
        }
    }
}

/// A freeze cannot say that it was made where the ledger is not ours: that is found before it is made.
#[test]
fn a_planted_ledger_is_found_before_anything_is_done() {
    for stranger in Stranger::ALL {
        let world = World::new();
        fs::create_dir(world.state()).unwrap();
        let path = world.state().join("ledger.jsonl");
        stranger.put(&world, &path);
        let before = tree(world.0.path());
        let (store, ledger) = (DirectoryStore::new(world.stack()), LedgerFile::new(world.stack()));
        let settled = settle(world.stack(), &store, &ledger, |_, _| Vote::Revert);
        // A file of ours with a strange content is for verification to name.
        assert_eq!(settled.is_ok(), matches!(stranger, Stranger::File), "{stranger:?}: {settled:?}");
        unchanged(&before, &tree(world.0.path()), &format!("{stranger:?}"));
    }
}

/// Who else may write the state directory decides what is done.
#[test]
fn a_state_directory_that_others_may_write_is_refused() {
    for (name, mode) in [("", 0o777), ("", 0o770), ("", 0o1777), ("records", 0o777), ("transactions", 0o775)]
    {
        let world = World::new();
        everything(&world.stack());
        fs::write(world.stack().join(".env"), ENV).unwrap();
        let path = world.state().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let before = tree(&world.stack());
        let root = world.stack();
        let refused = |error: String| {
            assert!(
                error.contains(&format!("may be written by others (mode {mode:04o})")),
                "{name}: {error}"
            );
        };
        if name != "records" {
            refused(recover(&root).unwrap_err().to_string());
            let change = Change::write(".env", Some(Digest::of(ENV.as_bytes())), "x");
            refused(Transaction::plan(&root, [change]).unwrap().commit().unwrap_err().to_string());
            refused(pending(&root).unwrap_err().to_string());
        }
        if name != "transactions" {
            refused(DirectoryStore::new(&root).latest().unwrap_err().to_string());
            refused(DirectoryStore::new(&root).lock().map(drop).unwrap_err().to_string());
        }
        if name.is_empty() {
            let entry = LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, "x");
            refused(LedgerFile::new(&root).append(&entry).unwrap_err().to_string());
            refused(LedgerFile::new(&root).read().unwrap_err().to_string());
        }
        unchanged(&before, &tree(&root), name);
    }
    for (name, mode) in
        [("ledger.jsonl", 0o666), ("records/record-000001.json", 0o620), ("records/lock", 0o602)]
    {
        let world = World::new();
        everything(&world.stack());
        fs::set_permissions(world.state().join(name), fs::Permissions::from_mode(mode)).unwrap();
        let said = everything(&world.stack());
        assert!(said.iter().any(|said| said.contains("may be written by others")), "{name}: {said:#?}");
    }
}

/// Of somebody else's, where neither caller, root nor the owner of the root can have made it.
#[test]
fn a_state_directory_of_somebody_else_is_refused() {
    if uid() != 0 {
        return;
    }
    for name in ["", "records", "transactions", "ledger.jsonl", "records/record-000001.json", "records/lock"]
    {
        let world = World::new();
        everything(&world.stack());
        std::os::unix::fs::chown(world.state().join(name), Some(1001), Some(1001)).unwrap();
        let said = everything(&world.stack());
        let words = "belongs to uid 1001, who is neither root nor the caller";
        assert!(said.iter().any(|said| said.contains(words)), "{name}: {said:#?}");
    }
    // The owner of the root may share records, but gives root no orders.
    let world = World::new();
    world.plant("000001.reverting", &journal(&[entry(".env")]));
    for path in tree(&world.stack()).into_keys() {
        std::os::unix::fs::lchown(path, Some(1000), Some(1000)).unwrap();
    }
    let before = before_any_step(&world.stack());
    let error = recover(world.stack()).unwrap_err();
    assert!(error.to_string().contains("belongs to uid 1000"), "{error}");
    unchanged(&before, &before_any_step(&world.stack()), "refused");
}

/// Root and the owner of the stack use one state directory in turn; only a transaction stays with whoever ran it.
#[test]
fn root_and_the_owner_take_turns() {
    use std::os::unix::process::CommandExt;
    if let Some(root) = std::env::var_os("OPENCLAW_HOSTILE_OWNER") {
        return take_a_turn(Path::new(&root), "owner");
    }
    if uid() != 0 {
        return;
    }
    let world = World::new();
    for path in tree(world.0.path()).into_keys() {
        std::os::unix::fs::lchown(path, Some(1000), Some(1000)).unwrap();
    }
    // The owner need not be able to read the directory that this program was built in.
    let program = world.0.path().join("program");
    // Copied by another process: a child that some other test starts meanwhile would inherit the open copy, and what is open
    // for writing is not executed.
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    for turn in ["root", "root again"] {
        take_a_turn(&world.stack(), turn);
        let status = Command::new(&program)
            .args(["hostile::root_and_the_owner_take_turns", "--exact"])
            .env("OPENCLAW_HOSTILE_OWNER", world.stack())
            .current_dir(world.0.path())
            .uid(1000)
            .gid(1000)
            .status();
        assert!(status.unwrap().success(), "the owner, after {turn}");
    }
    let owner = |path: &str| fs::metadata(world.state().join(path)).unwrap().uid();
    for shared in ["", ".gitignore", "ledger.jsonl", "records", "records/lock", "records/record-000001.json"]
    {
        assert_eq!(owner(shared), 1000, "{shared}");
    }
    for (id, uid) in [(1, 0), (2, 1000), (3, 0), (4, 1000)] {
        assert_eq!(owner(&format!("transactions/00000{id}.done")), uid);
    }
    let error = undo(world.stack(), 2).unwrap_err();
    assert!(error.to_string().contains("belongs to uid 1000"), "{error}");
}

/// Freezes or rotates, writes a file, and says so in the ledger.
fn take_a_turn(root: &Path, who: &str) {
    let store = DirectoryStore::new(root);
    let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, who));
    let custody = |_: &_, _: &_| Ok::<_, Infallible>(());
    freeze_once(&store, &request, custody).unwrap();
    rotate(&store, &request, who, custody).unwrap();
    let before = fs::read(root.join(".env")).unwrap();
    let change = Change::write(".env", Some(Digest::of(&before)), format!("TOKEN={who}\n")).secret();
    recover(root).unwrap();
    Transaction::plan(root, [change]).unwrap().commit().unwrap();
    LedgerFile::new(root).append(&LedgerEntry::new(SystemTime::UNIX_EPOCH, who, Act::Changed, "x")).unwrap();
}

/// The directory of a target becomes a link, again and again, while it is written: nothing ever lands behind the link.
#[test]
fn a_directory_swapped_meanwhile_leads_nowhere() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let world = World::new();
    let (conf, aside, link) =
        (world.stack().join("conf"), world.stack().join("conf.aside"), world.stack().join("conf.link"));
    symlink(world.outside().join("dir"), &link).unwrap();
    let outside = tree(&world.outside());
    let done = AtomicBool::new(false);
    let mut written = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::rename(&conf, &aside).unwrap();
                fs::rename(&link, &conf).unwrap();
                fs::rename(&conf, &link).unwrap();
                fs::rename(&aside, &conf).unwrap();
            }
        });
        for n in 0..300 {
            let _ = recover(world.stack());
            let Ok(before) = fs::read(world.stack().join("conf/openclaw.json")) else { continue };
            let change =
                Change::write("conf/openclaw.json", Some(Digest::of(&before)), format!("{{\"n\":{n}}}"));
            if Transaction::plan(world.stack(), [change]).and_then(Transaction::commit).is_ok() {
                written += 1;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{written} of 300 written");
    unchanged(&outside, &tree(&world.outside()), "swapped");
}

#[test]
fn the_state_directory_ignores_itself() {
    let world = World::new();
    let ignored = || fs::read_to_string(world.state().join(".gitignore"));
    let entry = LedgerEntry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, "x");
    LedgerFile::new(world.stack()).append(&entry).unwrap();
    assert_eq!(ignored().unwrap(), "*\n");
    for spoiled in ["", "\0\0"] {
        fs::write(world.state().join(".gitignore"), spoiled).unwrap();
        DirectoryStore::new(world.stack()).lock().unwrap();
        assert_eq!(ignored().unwrap(), "*\n");
    }
    fs::remove_file(world.state().join(".gitignore")).unwrap();
    let change = || Change::write(".env", Some(Digest::of(ENV.as_bytes())), ENV);
    Transaction::plan(world.stack(), [change()]).unwrap().commit().unwrap();
    assert_eq!(ignored().unwrap(), "*\n");
    fs::write(world.state().join(".gitignore"), "!records\n").unwrap();
    Transaction::plan(world.stack(), [change()]).unwrap().commit().unwrap();
    assert_eq!(ignored().unwrap(), "!records\n", "what a person wrote stays");
}

/// A file in Latin-1 is not "changed since the plan": to plan again would never help.
#[test]
fn a_file_that_is_not_utf_8_is_named() {
    let world = World::new();
    let env = world.stack().join(".env");
    fs::write(&env, b"# one\n# caf\xe9\nTOKEN=x\n").unwrap();
    let read = String::from_utf8_lossy(&fs::read(&env).unwrap()).into_owned();
    let change = |expected: &[u8]| {
        let change = Change::write(".env", Some(Digest::of(expected)), "x");
        Transaction::plan(world.stack(), [change]).map(drop).unwrap_err()
    };
    let error = change(read.as_bytes());
    assert!(matches!(error, TransactionError::NotUtf8 { line: 2, .. }), "{error}");
    assert!(error.to_string().contains(".env is not UTF-8 in line 2"), "{error}");
    assert!(matches!(change(b"something else"), TransactionError::Changed { .. }));
    let bytes = fs::read(&env).unwrap();
    let whole = Change::write(".env", Some(Digest::of(&bytes)), bytes.clone());
    Transaction::plan(world.stack(), [whole]).unwrap().commit().unwrap();
    assert_eq!(fs::read(&env).unwrap(), bytes, "by its bytes any file can be replaced");
}

/// A number in a name does not say how many records there are.
#[test]
fn planted_record_names_neither_hang_nor_hide() {
    let world = World::new();
    let store = DirectoryStore::new(world.stack());
    let request = FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "ops"));
    let custody = |_: &_, _: &_| Ok::<_, Infallible>(());
    let record = freeze_once(&store, &request, custody).unwrap().record().clone();
    let records = world.state().join("records");
    for name in ["record-1.json", "record-+00002.json", "record-0000003.json", "x.tmp", "..tmp"] {
        fs::write(records.join(name), "{}").unwrap();
    }
    assert_eq!(store.history().unwrap(), std::slice::from_ref(&record));
    fs::write(records.join(".0123456789abcdef.tmp"), "{}").unwrap();
    drop(store.lock().unwrap());
    assert!(!records.join(".0123456789abcdef.tmp").exists(), "what a writer that died left is cleared");
    assert!(records.join("x.tmp").exists() && records.join("..tmp").exists(), "what is not ours stays");
    let last = record.to_text().replace("\"generation\": 1", &format!("\"generation\": {}", u64::MAX));
    fs::write(records.join(format!("record-{}.json", u64::MAX)), last).unwrap();
    assert_eq!(store.history().unwrap().len(), 1, "one file is one record");
}

fn pick<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = T> {
    prop::sample::select(values)
}

prop_compose! {
    /// An entry of a journal, each field as it should be or not.
    fn any_entry(n: usize)(
        path in pick(vec![
            ".env", ".env", ".env", "conf/openclaw.json", "evil", "new", "conf", "conf/new", "../outside/keep.txt",
            "/etc/passwd", "link/keep.txt", "link", "conf/../.env", "./.env", "", ".", "..", "a\0b", "gone/file",
            ".openclaw-token/ledger.jsonl", ".openclaw-token/transactions/lock", "swapped/openclaw.json",
        ]),
        before in pick(vec![None, Some(ENV), Some(EVIL), Some("{}"), Some("precious"), Some("other")]),
        after in pick(vec![None, Some(ENV), Some(EVIL), Some("{}"), Some("precious"), Some("other")]),
        id in 1..3_u64,
        odd in prop::option::weighted(0.3, (pick(vec!["path", "before", "staged", "backup", "ownership", "x"]), pick(vec![
            json!(null), json!(1), json!(""), json!("../outside/keep.txt"), json!("evil"), json!("../../../evil"),
            json!("journal.json"), json!({"uid": 0, "gid": 0, "mode": 0o4755}), json!({"uid": 1000, "gid": 1000, "mode": 0o644}),
            json!({"uid": u32::MAX, "gid": 0, "mode": 0}), json!({"uid": 0, "gid": 0, "mode": -1}),
        ]))),
        mode in pick(vec![0o600, 0o644, 0o777, 0o1777, 0o2755, 0o4755, 0o7777, u32::MAX]),
    ) -> Value {
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        let mut entry = json!({
            "path": path,
            "before": before.map(digest),
            "after": after.map(digest),
            "staged": after.map(|_| format!(".{name}.openclaw-{id}-{n}.new")),
            "backup": before.map(|_| format!("{n}.old")),
            "ownership": {"uid": 0, "gid": 0, "mode": mode},
        });
        if let Some((field, value)) = odd {
            entry[field] = value;
        }
        entry
    }
}

prop_compose! {
    fn any_journal()(
        first in any_entry(0),
        second in prop::option::weighted(0.4, any_entry(1)),
        schema in pick(vec![1, 1, 1, 1, 0, 2]),
        tag in pick(vec![Value::Null, Value::Null, json!("tag"), json!(7)]),
        cut in prop::option::weighted(0.1, 0..200_usize),
    ) -> String {
        let entries: Vec<Value> = [Some(first), second].into_iter().flatten().collect();
        let mut text = json!({"schema": schema, "tag": tag, "entries": entries}).to_string();
        if let Some(cut) = cut {
            let at = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
            text.truncate(at);
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Any journal in any layout.
    #[test]
    fn no_journal_reaches_outside(
        phase in pick(vec!["preparing", "staged", "committed", "done", "reverting", "reverted", "clearing"]),
        id in 1..3_u64,
        text in any_journal(),
        backup in pick(vec![ENV, EVIL, "{}", "precious", "other"]),
        staged in prop::option::of(pick(vec![ENV, EVIL, "{}", "precious", "other"])),
        backup_is_link in any::<bool>(),
    ) {
        let world = World::new();
        symlink("../outside/dir", world.stack().join("swapped")).unwrap();
        let dir = world.plant(&format!("{id:06}.{phase}"), &text);
        fs::write(dir.join("0.old"), backup).unwrap();
        if backup_is_link {
            symlink(world.outside().join("keep.txt"), dir.join("1.old")).unwrap();
        }
        if let Some(staged) = staged {
            fs::write(world.stack().join(format!("..env.openclaw-{id}-0.new")), staged).unwrap();
        }
        let outside = tree(&world.outside());
        let said = everything(&world.stack());
        unchanged(&outside, &tree(&world.outside()), &format!("{said:#?}"));
        prop_assert_eq!(special_bits(&world.stack()), Vec::<PathBuf>::new(), "{:#?}", said);
    }
}
