//! A disk that forgets: it keeps what was synced apart from what was not, and shows every state that a power cut may
//! leave behind.
//!
//! The model is deliberately harsher than a journalling file system. Of the changes to directory entries that were
//! not synced any subset may survive; a rename is one change. Of the unsynced writes to a file any subset may
//! survive, each whole, half, or as zeros; a change of owner and mode survives or not.

mod power_cut;

use super::disk::{Disk, Held, Kind, OpenFile, Refused, Stat, Sync};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What is on a disk, by path. The root directory is implied.
pub(super) type Tree = BTreeMap<PathBuf, Node>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    Directory,
    File { content: Vec<u8>, mode: u32, owner: (u32, u32) },
}

impl Node {
    pub(super) fn file(content: &str, mode: u32, uid: u32) -> Self {
        Self::File { content: content.as_bytes().to_vec(), mode, owner: (uid, uid) }
    }
}

/// What goes wrong, and when. Operations are counted from 0; reading is free.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// The machine (or process) stops before this operation: it and all later ones fail.
    pub(super) stop_at: Option<usize>,
    /// This one operation fails, later ones work.
    pub(super) fail_at: Option<(usize, io::ErrorKind)>,
    /// This sync is left out, as if its line had been deleted.
    pub(super) skip: Option<Sync>,
    /// Who runs the program; 0 may give files away.
    pub(super) uid: u32,
}

#[derive(Clone)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

struct State {
    nodes: Vec<Inode>,
    /// Unsynced changes of directory entries, oldest first.
    pending: Vec<Relink>,
    faults: Faults,
    operations: usize,
    stopped: bool,
    synced: BTreeSet<Sync>,
}

enum Inode {
    Directory { durable: BTreeMap<String, usize>, live: BTreeMap<String, usize> },
    File { durable: Data, live: Data, pending: Vec<Write> },
}

#[derive(Clone, Debug)]
struct Data {
    content: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
}

#[derive(Clone, Debug)]
enum Write {
    Bytes { at: usize, bytes: Vec<u8> },
    Length(usize),
    Ownership { owner: Option<(u32, u32)>, mode: u32 },
}

/// One atomic change of directory entries: (directory, name, what it names from then on).
type Relink = Vec<(usize, String, Option<usize>)>;

/// The root's inode.
const ROOT: usize = 0;

impl SimulatedDisk {
    pub(super) fn new(tree: &Tree, faults: Faults) -> Self {
        let root = Inode::Directory { durable: BTreeMap::new(), live: BTreeMap::new() };
        let mut state = State {
            nodes: vec![root],
            pending: Vec::new(),
            faults,
            operations: 0,
            stopped: false,
            synced: BTreeSet::new(),
        };
        for (path, node) in tree {
            let (dir, name) = state.place(path).expect("parents come first");
            let inode = state.nodes.len();
            state.nodes.push(match node.clone() {
                Node::Directory => Inode::Directory { durable: BTreeMap::new(), live: BTreeMap::new() },
                Node::File { content, mode, owner } => {
                    let data = Data { content, mode, owner };
                    Inode::File { durable: data.clone(), live: data, pending: Vec::new() }
                }
            });
            if let Inode::Directory { durable, live } = &mut state.nodes[dir] {
                durable.insert(name.clone(), inode);
                live.insert(name, inode);
            }
        }
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn operations(&self) -> usize {
        self.state().operations
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Which syncs were asked for.
    pub(super) fn synced(&self) -> BTreeSet<Sync> {
        self.state().synced.clone()
    }

    /// The process is dead and another one runs; the page cache is as it was.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        state.stopped = false;
        state.faults.stop_at = None;
    }

    /// What processes see now.
    pub(super) fn tree(&self) -> Tree {
        let state = self.state();
        let mut tree = Tree::new();
        state.walk(
            ROOT,
            Path::new("/"),
            &|inode| match &state.nodes[inode] {
                Inode::Directory { live, .. } => live.clone(),
                Inode::File { .. } => BTreeMap::new(),
            },
            &|inode| match &state.nodes[inode] {
                Inode::File { live, .. } => Some(live.clone()),
                Inode::Directory { .. } => None,
            },
            &mut tree,
        );
        tree
    }
}

impl Data {
    fn set_ownership(&mut self, owner: Option<(u32, u32)>, mode: u32) {
        self.owner = owner.unwrap_or(self.owner);
        self.mode = mode;
    }
}

impl State {
    /// Counts an operation and applies the faults.
    fn operate(&mut self) -> io::Result<()> {
        let number = self.operations;
        if self.stopped || self.faults.stop_at == Some(number) {
            self.stopped = true;
            return Err(io::Error::other("stopped"));
        }
        self.operations += 1;
        match self.faults.fail_at {
            Some((at, kind)) if at == number => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn walk(
        &self,
        dir: usize,
        path: &Path,
        entries: &dyn Fn(usize) -> BTreeMap<String, usize>,
        data: &dyn Fn(usize) -> Option<Data>,
        tree: &mut Tree,
    ) {
        for (name, inode) in entries(dir) {
            let path = path.join(name);
            match data(inode) {
                Some(Data { content, mode, owner }) => {
                    tree.insert(path, Node::File { content, mode, owner });
                }
                None => {
                    tree.insert(path.clone(), Node::Directory);
                    self.walk(inode, &path, entries, data, tree);
                }
            }
        }
    }

    fn find(&self, path: &Path) -> Option<usize> {
        let mut inode = ROOT;
        for part in path.strip_prefix("/").ok()? {
            match &self.nodes[inode] {
                Inode::Directory { live, .. } => inode = *live.get(part.to_str()?)?,
                Inode::File { .. } => return None,
            }
        }
        Some(inode)
    }

    fn existing(&self, path: &Path) -> io::Result<usize> {
        self.find(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn place(&self, path: &Path) -> io::Result<(usize, String)> {
        let dir = self.existing(path.parent().unwrap())?;
        Ok((dir, path.file_name().unwrap().to_str().unwrap().to_owned()))
    }

    fn add(&mut self, path: &Path, inode: Inode) -> io::Result<usize> {
        let (dir, name) = self.place(path)?;
        if self.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = self.nodes.len();
        self.nodes.push(inode);
        self.relink(vec![(dir, name, Some(number))]);
        Ok(number)
    }

    fn relink(&mut self, change: Relink) {
        for (dir, name, inode) in &change {
            if let Inode::Directory { live, .. } = &mut self.nodes[*dir] {
                match inode {
                    Some(inode) => drop(live.insert(name.clone(), *inode)),
                    None => drop(live.remove(name)),
                }
            }
        }
        self.pending.push(change);
    }

    fn skips(&mut self, site: Sync) -> bool {
        self.synced.insert(site);
        self.faults.skip == Some(site)
    }
}

impl Disk for SimulatedDisk {
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let state = self.state();
        Ok(state.find(path).map(|inode| match &state.nodes[inode] {
            Inode::Directory { .. } => {
                Stat { kind: Kind::Directory, mode: 0o700, uid: 1000, gid: 1000, links: 2 }
            }
            Inode::File { live: Data { mode, owner: (uid, gid), .. }, .. } => {
                Stat { kind: Kind::File, mode: *mode, uid: *uid, gid: *gid, links: 1 }
            }
        }))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.state().existing(path).map(|_| path.to_owned())
    }

    fn caller(&self) -> (u32, u32) {
        let uid = self.state().faults.uid;
        (uid, uid)
    }

    fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        match &state.nodes[state.existing(path)?] {
            Inode::File { live, .. } => Ok(live.content.clone()),
            Inode::Directory { .. } => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        match &state.nodes[state.existing(dir)?] {
            Inode::Directory { live, .. } => Ok(live.keys().cloned().collect()),
            Inode::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        state.add(path, Inode::Directory { durable: BTreeMap::new(), live: BTreeMap::new() }).map(drop)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut state = self.state();
        state.operate()?;
        let uid = state.faults.uid;
        let data = Data { content: Vec::new(), mode: 0o600, owner: (uid, uid) };
        let inode =
            state.add(path, Inode::File { durable: data.clone(), live: data, pending: Vec::new() })?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let inode = self.state().existing(path)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let inode = state.existing(from)?;
        let ((old_dir, old), (new_dir, new)) = (state.place(from)?, state.place(to)?);
        state.relink(vec![(old_dir, old, None), (new_dir, new, Some(inode))]);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let inode = state.existing(from)?;
        let (dir, name) = state.place(to)?;
        if state.find(to).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.relink(vec![(dir, name, Some(inode))]);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        // Asking for what is not there changes nothing and so is no operation to stop at.
        state.existing(path)?;
        state.operate()?;
        let (dir, name) = state.place(path)?;
        state.relink(vec![(dir, name, None)]);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }

    fn sync_dir(&self, dir: &Path, site: Sync) -> io::Result<()> {
        let mut state = self.state();
        if state.skips(site) {
            return Ok(());
        }
        state.operate()?;
        let inode = state.existing(dir)?;
        let pending = std::mem::take(&mut state.pending);
        let (synced, rest): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|change| change.iter().any(|(dir, ..)| *dir == inode));
        state.pending = rest;
        for (dir, name, inode) in synced.into_iter().flatten() {
            if let Inode::Directory { durable, .. } = &mut state.nodes[dir] {
                match inode {
                    Some(inode) => drop(durable.insert(name, inode)),
                    None => drop(durable.remove(&name)),
                }
            }
        }
        Ok(())
    }

    fn lock(&self, _path: &Path, _wait: Duration, _note: &str) -> Result<Box<dyn Held>, Refused> {
        Ok(Box::new(Unlocked))
    }
}

/// One process at a time: nobody to keep out.
struct Unlocked;

impl Held for Unlocked {}

struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
}

impl SimulatedFile {
    fn change(&self, change: impl FnOnce(&mut Data, &mut Vec<Write>)) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        if let Inode::File { live, pending, .. } = &mut state.nodes[self.inode] {
            change(live, pending);
        }
        Ok(())
    }

    fn live(&self) -> Data {
        match &self.disk.state().nodes[self.inode] {
            Inode::File { live, .. } => live.clone(),
            Inode::Directory { .. } => panic!("a file was opened"),
        }
    }
}

impl OpenFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.live().content.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.live().content;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    /// A write that is cut short, by a full disk or a kill, has written its first half.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let was_stopped = state.stopped;
        let outcome = state.operate();
        let written = match outcome {
            Ok(()) => bytes,
            Err(_) if was_stopped => &[],
            Err(_) => &bytes[..bytes.len() / 2],
        };
        if let Inode::File { live, pending, .. } = &mut state.nodes[self.inode] {
            pending.push(Write::Bytes { at: live.content.len(), bytes: written.to_vec() });
            live.content.extend_from_slice(written);
        }
        outcome
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let length = len as usize;
        self.change(|live, pending| {
            pending.push(Write::Length(length));
            live.content.truncate(length);
        })
    }

    fn set_ownership(&self, owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
        let uid = self.disk.state().faults.uid;
        if uid != 0 && owner.is_some_and(|(owner, _)| owner != uid) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.change(|live, pending| {
            pending.push(Write::Ownership { owner, mode });
            live.set_ownership(owner, mode);
        })
    }

    fn sync(&self, site: Sync) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.skips(site) {
            return Ok(());
        }
        state.operate()?;
        if let Inode::File { durable, live, pending } = &mut state.nodes[self.inode] {
            *durable = live.clone();
            pending.clear();
        }
        Ok(())
    }

    fn lock(&self, _wait: Duration) -> Result<Box<dyn Held>, Refused> {
        Ok(Box::new(Unlocked))
    }
}
