//! Any bytes as the journal of a transaction in any phase, beside any backup: recovered, settled, undone and forgotten without
//! a panic, and whatever comes of it, nothing outside the root changes and no file gets a mode beyond 0777.
//!
//! The first byte says the phase, the second which files stand there; the rest is the journal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_token::fs::transaction::{Vote, forget, pending, recover_with, undo};
use openclaw_token::fs::{DirectoryStore, LedgerFile, settle};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

const PHASES: [&str; 7] = ["preparing", "staged", "committed", "done", "reverting", "reverted", "clearing"];
const TEXTS: [&str; 4] = ["old", "new", "precious", ""];

fuzz_target!(|input: &[u8]| {
    let [phase, layout, journal @ ..] = input else { return };
    let memory = Path::new("/dev/shm");
    let world = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let world = world.expect("a directory");
    let (root, outside) = (world.path().join("root"), world.path().join("outside"));
    let text = |shift: u8| TEXTS[usize::from(layout >> shift & 3)];
    let dir = root.join(format!(".openclaw-token/transactions/000001.{}", PHASES[usize::from(phase % 7)]));
    fs::create_dir_all(&dir).expect("a directory");
    fs::create_dir_all(root.join("conf")).expect("a directory");
    fs::create_dir(&outside).expect("a directory");
    symlink("../outside", root.join("link")).expect("a link");
    for (path, text) in [
        (outside.join("keep"), "precious"),
        (root.join("a"), text(0)),
        (root.join("conf/b"), text(2)),
        (root.join(".a.openclaw-1-0.new"), text(4)),
        (dir.join("0.old"), text(6)),
    ] {
        fs::write(path, text).expect("a file");
    }
    fs::write(dir.join("journal.json"), journal).expect("a file");

    let before = tree(&outside);
    let _ = pending(&root);
    let _ = recover_with(&root, |_| if layout & 1 == 0 { Vote::Finish } else { Vote::Revert });
    let _ = settle(&root, &DirectoryStore::new(&root), &LedgerFile::new(&root), |_, _| Vote::Revert);
    let _ = undo(&root, 1);
    let _ = forget(&root, 1);
    assert_eq!(tree(&outside), before);
    assert!(tree(&root).values().all(|(mode, _)| mode & 0o7000 == 0), "{:?}", tree(&root));
});

/// Mode and content of everything below a directory.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut tree = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path).expect("what was listed");
        let mut content = Vec::new();
        if found.is_dir() {
            let entries = fs::read_dir(&path).expect("a directory");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if found.is_file() {
            content = fs::read(&path).expect("a file");
        }
        let mode = if found.is_symlink() { 0 } else { found.mode() };
        tree.insert(path, (mode, content));
    }
    tree
}
