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
    Change, Transaction, Vote, forget, pending, recover, recover_with, undo,
};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, Entry};
use openclaw_token::{Circumstances, Digest, FreezeRequest, RecordStore, freeze_once, rotate};
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
        "dress": {"uid": uid(), "gid": uid(), "mode": 0o644},
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
    let entry = Entry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, "x");
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
        told(undo(root, 1)),
        told(freeze_once(&store, &request, custody)),
        told(rotate(&store, &request, "reason", custody)),
        told(ledger.append(&entry)),
        told(Transaction::plan(root, [change()]).and_then(Transaction::commit)),
        told(forget(root, 1)),
    ]
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
            assert!(everything(&world.stack())[7..11].iter().all(String::is_empty));
            fs::write(world.stack().join(".env"), ENV).unwrap();
            let path = world.state().join(name);
            let path = if name.is_empty() { world.state() } else { path };
            if name.contains("000002.reverting") {
                world.plant(
                    "000002.reverting",
                    &journal(&[json!({
                        "path": ".env", "before": digest(EVIL), "after": digest(ENV),
                        "staged": "..env.openclaw-2-0.new", "backup": "0.old",
                        "dress": {"uid": uid(), "gid": uid(), "mode": 0o600},
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
            let entry = Entry::new(SystemTime::UNIX_EPOCH, "ops", Act::Checked, "x");
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
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for turn in ["root", "root again"] {
        take_a_turn(&world.stack(), turn);
        let status = Command::new(&program)
            .args(["root_and_the_owner_take_turns", "--exact"])
            .env("OPENCLAW_HOSTILE_OWNER", world.stack())
            .current_dir(world.0.path())
            .uid(1000)
            .gid(1000)
            .status();
        assert!(status.unwrap().success(), "the owner, after {turn}");
    }
    let owner = |path: &str| fs::metadata(world.state().join(path)).unwrap().uid();
    for shared in ["", "ledger.jsonl", "records", "records/lock", "records/record-000001.json"] {
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
    LedgerFile::new(root).append(&Entry::new(SystemTime::UNIX_EPOCH, who, Act::Changed, "x")).unwrap();
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
