//! The one writer of the house: a set of file changes as **one reversible step**.
//!
//! A transaction moves through phases, and the phase is the name of its directory under
//! `.openclaw-token/transactions/`, so one rename is one step and `ls` shows where it stands:
//!
//! ```text
//! 000007.preparing   journal written; backups and new files being made beside their targets
//! 000007.staged      everything is durable, nothing is replaced yet
//! 000007.committed   the decision: from here a crash is finished, not undone
//! 000007.done        every target is new; backups stay for `undo`
//! 000007.reverting   a replacement failed: originals are being put back
//! 000007.reverted    every target is old
//! 000007.clearing    given up or forgotten: temporary files and backups are being removed
//! ```
//!
//! After a crash at any instruction each file is whole, old or new, and [`recover`] brings the set to one side.
//! Not covered: a writer that ignores the lock *and* writes between our last check and our rename (milliseconds), and a
//! disk that lies about fsync. A replaced file is a new inode: a container that bind-mounts the single file, not its
//! directory, sees the old one until it is recreated.

use super::disk::{Disk, Held, Kind, RealDisk, Stat, Sync};
use super::{FileError, LockError, STATE_DIRECTORY, lock, make_dirs};
use crate::digest::Digest;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Files above this size are refused: a token lives in small text files, and everything here is read whole.
const FILE_LIMIT: u64 = 64 << 20;

/// The journal format this crate writes and reads.
const JOURNAL_SCHEMA: u32 = 1;

/// One file to write or remove, with the content it must still have when that happens.
///
/// `Debug` shows the path and the expected digest, never the new content.
pub struct Change {
    path: PathBuf,
    expected: Option<Digest>,
    content: Option<SecretSlice<u8>>,
    secret: bool,
    /// Owner and mode to give a file that does not exist now; `undo` of a removal knows them.
    dress: Option<Dress>,
}

impl Change {
    /// Writes `bytes` to `path` (absolute, or relative to the root) if it still has the `expected` content;
    /// `None` means that it must not exist yet.
    pub fn write(path: impl Into<PathBuf>, expected: Option<Digest>, bytes: impl Into<Vec<u8>>) -> Self {
        let content = Some(SecretSlice::from(bytes.into()));
        Self { path: path.into(), expected, content, secret: false, dress: None }
    }

    /// Removes `path` if it still has the `expected` content.
    pub fn remove(path: impl Into<PathBuf>, expected: Digest) -> Self {
        Self { path: path.into(), expected: Some(expected), content: None, secret: false, dress: None }
    }

    /// Says that the new content holds a secret: a file made by this change gets mode 0600 instead of 0644. A file
    /// that exists keeps its owner and mode either way.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("path", &self.path)
            .field("expected", &self.expected)
            .field("removes", &self.content.is_none())
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// Checked changes, nothing written yet.
pub struct Transaction {
    place: Place,
    planned: Vec<Planned>,
}

impl Transaction {
    /// Checks every change against the files under `root` without writing anything.
    ///
    /// # Errors
    /// A path outside the root (also by way of a symbolic link), the same file twice, a file that is not a regular
    /// one, a missing directory, or content that is not what the change was made for.
    pub fn plan(
        root: impl AsRef<Path>,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Self, TransactionError> {
        Self::plan_on(Arc::new(RealDisk), root.as_ref(), changes)
    }

    pub(super) fn plan_on(
        disk: Arc<dyn Disk>,
        root: &Path,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Self, TransactionError> {
        let place = Place::open(disk, root)?;
        let mut planned = Vec::new();
        let mut seen = BTreeSet::new();
        for change in changes {
            let change = place.check(change)?;
            if !seen.insert(change.path.clone()) {
                return Err(TransactionError::Duplicate { path: place.root.join(change.path) });
            }
            planned.push(change);
        }
        Ok(Self { place, planned })
    }

    /// The files this transaction would write or remove, relative to the root.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.planned.iter().map(|planned| planned.path.as_path())
    }

    /// Does it: all files new, or an error and all files old.
    ///
    /// # Errors
    /// As [`stage`](Self::stage) and [`Staged::commit`].
    pub fn commit(self) -> Result<Receipt, TransactionError> {
        self.stage(None)?.commit()
    }

    /// Makes backups and new files durable without replacing anything. The lock on the root is held until the
    /// result is committed, reverted or dropped (which reverts).
    ///
    /// After a crash in this phase [`recover`] reverts, unless `tag` is given and the vote of [`recover_with`] says
    /// otherwise: that is how a freeze makes the token safe *before* it claims the record.
    ///
    /// # Errors
    /// Another transaction is unfinished or holds the lock; a file has changed since the plan; no room, no
    /// permission, or an owner that this user cannot give. Nothing was replaced and what was staged is removed.
    pub fn stage(self, tag: Option<&str>) -> Result<Staged, TransactionError> {
        let Self { place, planned } = self;
        make_dirs(&*place.disk, &place.root, &place.transactions())?;
        let lock = place.lock()?;
        let existing = place.list()?;
        if let Some(open) = existing.iter().find(|found| !found.phase.is_final()) {
            return Err(TransactionError::Unfinished { root: place.root, id: open.id });
        }
        let id = existing.last().map_or(1, |last| last.id + 1);
        let journal = Journal {
            schema: JOURNAL_SCHEMA,
            tag: tag.map(str::to_owned),
            entries: planned.iter().enumerate().map(|(n, planned)| planned.entry(id, n)).collect(),
        };
        let mut staged = Staged { place, id, journal, phase: Phase::Preparing, lock: Some(lock) };
        match staged.prepare(&planned) {
            Ok(()) => Ok(staged),
            Err(error) => {
                staged.discard();
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("root", &self.place.root)
            .field("paths", &self.paths().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A transaction that is durable and waits for [`commit`](Self::commit). Dropping it reverts it.
pub struct Staged {
    place: Place,
    id: u64,
    journal: Journal,
    phase: Phase,
    lock: Option<Box<dyn Held>>,
}

impl Staged {
    /// Replaces every file.
    ///
    /// # Errors
    /// A file has changed since it was staged, or could not be replaced: every file is old again. Only
    /// [`TransactionError::RollbackFailed`] leaves the set to [`recover`].
    pub fn commit(mut self) -> Result<Receipt, TransactionError> {
        for entry in &self.journal.entries {
            if let Err(error) = self.place.expect(&entry.path, entry.before) {
                self.discard();
                return Err(error);
            }
        }
        let outcome = self
            .place
            .shift(self.id, self.phase, Phase::Committed)
            .and_then(|()| self.place.finish(self.id, &self.journal));
        if let Err(cause) = outcome {
            return Err(self.take_back(cause));
        }
        self.phase = Phase::Done;
        self.lock = None;
        Ok(Receipt::of(&self.place.root, self.id, &self.journal))
    }

    /// Removes what was staged; every target is as it was.
    ///
    /// # Errors
    /// A file could not be removed; [`recover`] tries again.
    pub fn revert(mut self) -> Result<(), TransactionError> {
        let outcome = self.place.clear(self.id, self.phase, &self.journal);
        self.phase = Phase::Reverted;
        self.lock = None;
        outcome
    }

    fn prepare(&mut self, planned: &[Planned]) -> Result<(), TransactionError> {
        let (place, id) = (&self.place, self.id);
        let dir = place.directory(id, Phase::Preparing);
        place.disk.make_dir(&dir).map_err(FileError::of("create", &dir))?;
        let text = serde_json::to_vec_pretty(&self.journal)
            .map_err(|error| TransactionError::Journal { path: dir.clone(), detail: error.to_string() })?;
        place.write_new(&dir.join(JOURNAL), &text, None, Sync::Journal)?;
        place.sync_dir(&dir, Sync::JournalEntries)?;
        place.sync_dir(&place.transactions(), Sync::Phase(Phase::Preparing.name()))?;

        for (planned, entry) in planned.iter().zip(&self.journal.entries) {
            let target = place.root.join(&entry.path);
            let original = place.expect(&entry.path, entry.before)?;
            if let (Some(backup), Some(original)) = (&entry.backup, original) {
                place.write_new(&dir.join(backup), original.expose_secret(), None, Sync::Backup)?;
            }
            if let (Some(staged), Some(content)) = (&entry.staged, &planned.content) {
                let path = target.with_file_name(staged);
                place.write_new(&path, content.expose_secret(), Some(entry), Sync::Staged)?;
            }
        }
        place.sync_dir(&dir, Sync::BackupEntries)?;
        place.sync_parents(&self.journal, Sync::StagedEntry)?;
        place.shift(id, Phase::Preparing, Phase::Staged)?;
        self.phase = Phase::Staged;
        Ok(())
    }

    /// Best effort: what it cannot remove, `recover` will.
    fn discard(&mut self) {
        let _ = self.place.clear(self.id, self.phase, &self.journal);
        self.phase = Phase::Reverted;
        self.lock = None;
    }

    /// After a failed commit: every file old again, from whatever phase the disk shows.
    fn take_back(mut self, cause: TransactionError) -> TransactionError {
        let id = self.id;
        let reached = self.place.list().map(|found| found.into_iter().find(|found| found.id == id));
        let outcome = match reached {
            Ok(Some(Found { phase: Phase::Staged, .. })) => {
                self.place.clear(id, Phase::Staged, &self.journal)
            }
            Ok(Some(Found { phase, .. })) => self.place.roll_back(id, phase, &self.journal),
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        self.phase = Phase::Reverted;
        let cause = Box::new(cause);
        match outcome {
            Ok(()) => TransactionError::RolledBack { cause },
            Err(rollback) => TransactionError::RollbackFailed {
                root: self.place.root.clone(),
                id,
                cause,
                rollback: Box::new(rollback),
            },
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.phase.is_final() {
            self.discard();
        }
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("root", &self.place.root)
            .field("id", &self.id)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

/// What a finished transaction did: enough to undo it, nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The directory the paths are relative to.
    pub root: PathBuf,
    /// Number of the transaction under this root.
    pub id: u64,
    /// What changed, in the order it was asked for.
    pub changed: Vec<Changed>,
}

/// One file of a [`Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Changed {
    /// Relative to the root.
    pub path: PathBuf,
    /// Content before; `None` if the file did not exist.
    pub before: Option<Digest>,
    /// Content after; `None` if the file was removed.
    pub after: Option<Digest>,
}

impl Receipt {
    fn of(root: &Path, id: u64, journal: &Journal) -> Self {
        let changed = journal.entries.iter().map(|entry| Changed {
            path: entry.path.clone(),
            before: entry.before,
            after: entry.after,
        });
        Self { root: root.to_owned(), id, changed: changed.collect() }
    }

    /// Puts every original back, as a transaction of its own.
    ///
    /// # Errors
    /// As [`undo`].
    pub fn undo(&self) -> Result<Self, TransactionError> {
        undo(&self.root, self.id)
    }
}

/// Reverts the finished transaction `id` while nothing else has changed its files. The undoing is itself a
/// transaction, with its own receipt.
///
/// # Errors
/// The transaction is not finished, its backups are gone or damaged, or a file has been changed since.
pub fn undo(root: impl AsRef<Path>, id: u64) -> Result<Receipt, TransactionError> {
    undo_on(Arc::new(RealDisk), root.as_ref(), id)
}

pub(super) fn undo_on(disk: Arc<dyn Disk>, root: &Path, id: u64) -> Result<Receipt, TransactionError> {
    let place = Place::open(Arc::clone(&disk), root)?;
    let dir = place.directory(id, Phase::Done);
    if place.stat(&dir)?.is_none() {
        return Err(TransactionError::Unknown { root: place.root, id });
    }
    let journal = place.journal(&dir)?;
    let mut changes = Vec::new();
    for entry in &journal.entries {
        let content = match (&entry.backup, entry.before) {
            (Some(backup), Some(before)) => Some(place.backup(&dir.join(backup), before)?),
            _ => None,
        };
        changes.push(Change {
            path: entry.path.clone(),
            expected: entry.after,
            content,
            secret: true,
            dress: Some(entry.dress),
        });
    }
    Transaction::plan_on(disk, &place.root, changes)?.commit()
}

/// What [`recover`] did with one unfinished transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recovered {
    /// Which.
    pub id: u64,
    /// The tag it was staged with.
    pub tag: Option<String>,
    /// True: every file is new. False: every file is old.
    pub finished: bool,
}

/// Brings every unfinished transaction under `root` to one side: finished if it had been committed, reverted if not.
/// Run it at start; it is idempotent and does nothing on a clean root.
///
/// # Errors
/// A transaction staged under a tag needs the vote of [`recover_with`]; or somebody else has changed a file
/// meanwhile, which is then left alone and named.
pub fn recover(root: impl AsRef<Path>) -> Result<Vec<Recovered>, TransactionError> {
    recover_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), root.as_ref(), None)
}

/// As [`recover`]; `finish(tag)` decides about transactions that were staged under a tag and not yet committed: true
/// commits them. After a freeze, the vote is "does the record store hold the fingerprint in this tag?".
///
/// # Errors
/// As [`recover`].
pub fn recover_with(
    root: impl AsRef<Path>,
    mut finish: impl FnMut(&str) -> bool,
) -> Result<Vec<Recovered>, TransactionError> {
    recover_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), root.as_ref(), Some(&mut finish))
}

pub(super) fn recover_on(
    disk: &Arc<dyn Disk>,
    root: &Path,
    mut vote: Option<&mut dyn FnMut(&str) -> bool>,
) -> Result<Vec<Recovered>, TransactionError> {
    let place = Place::open(Arc::clone(disk), root)?;
    if place.stat(&place.transactions())?.is_none() {
        return Ok(Vec::new());
    }
    let _lock = place.lock()?;
    let mut recovered = Vec::new();
    for Found { id, phase } in place.list()? {
        if phase.is_final() {
            continue;
        }
        let journal = match place.journal(&place.directory(id, phase)) {
            Ok(journal) => journal,
            // The journal is durable before anything it lists is made, and goes after all of that is gone: without it
            // there is nothing to clear.
            Err(TransactionError::Journal { .. } | TransactionError::File(_))
                if matches!(phase, Phase::Preparing | Phase::Clearing) =>
            {
                Journal { schema: JOURNAL_SCHEMA, tag: None, entries: Vec::new() }
            }
            Err(error) => return Err(error),
        };
        let commit = match (phase, &journal.tag, &mut vote) {
            (Phase::Committed, ..) => true,
            (Phase::Staged, Some(tag), Some(vote)) => vote(tag),
            (Phase::Staged, Some(tag), None) => {
                return Err(TransactionError::InDoubt { root: place.root, id, tag: tag.clone() });
            }
            _ => false,
        };
        match phase {
            Phase::Reverting => place.roll_back(id, phase, &journal)?,
            _ if commit => {
                place.check_finishable(id, &journal)?;
                if phase != Phase::Committed {
                    place.shift(id, phase, Phase::Committed)?;
                }
                place.finish(id, &journal)?;
            }
            _ => place.clear(id, phase, &journal)?,
        }
        recovered.push(Recovered { id, tag: journal.tag, finished: commit });
    }
    Ok(recovered)
}

/// Deletes journal and backups of transaction `id`: it can no longer be undone. Backups hold the previous token, so do
/// this once the change is accepted. An unfinished transaction is given up where it stands, without touching its targets.
///
/// # Errors
/// No such transaction, or a file could not be removed.
pub fn forget(root: impl AsRef<Path>, id: u64) -> Result<(), TransactionError> {
    forget_on(Arc::new(RealDisk), root.as_ref(), id)
}

pub(super) fn forget_on(disk: Arc<dyn Disk>, root: &Path, id: u64) -> Result<(), TransactionError> {
    let place = Place::open(disk, root)?;
    let unknown = TransactionError::Unknown { root: place.root.clone(), id };
    if place.stat(&place.transactions())?.is_none() {
        return Err(unknown);
    }
    let _lock = place.lock()?;
    let Some(found) = place.list()?.into_iter().find(|found| found.id == id) else { return Err(unknown) };
    let entries = place.journal(&place.directory(id, found.phase)).map(|journal| journal.entries);
    let journal = Journal { schema: JOURNAL_SCHEMA, tag: None, entries: entries.unwrap_or_default() };
    place.clear(id, found.phase, &journal)
}

/// Why a set of files was not changed. Unless a variant says otherwise, every file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The file is not what the change was made for.
    #[error("{} changed since the plan: expected {}, found {}; plan again", path.display(), or_absent(expected), or_absent(found))]
    Changed {
        /// Which file.
        path: PathBuf,
        /// Content the change was made for; `None`: no file.
        expected: Option<Digest>,
        /// Content there now.
        found: Option<Digest>,
    },
    /// Two changes name the same file.
    #[error("{} is changed twice in one transaction", path.display())]
    Duplicate {
        /// Which file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A transaction was staged under a tag; only [`recover_with`] can decide about it.
    #[error("transaction {id} under {} is staged and waits for a decision about {tag}", root.display())]
    InDoubt {
        /// Under which root.
        root: PathBuf,
        /// Which transaction.
        id: u64,
        /// The tag it was staged with.
        tag: String,
    },
    /// A journal or a backup cannot be read as one.
    #[error("{} is damaged: {detail}", path.display())]
    Journal {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Another process is changing files under this root.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The directory of a file does not exist.
    #[error("{} has no directory to be written into", path.display())]
    NoDirectory {
        /// Which file.
        path: PathBuf,
    },
    /// A directory, socket, device or dangling link stands where a regular file is expected.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// The path leaves the root, perhaps through a symbolic link, or enters our own directory.
    #[error("{} is outside {}", path.display(), root.display())]
    Outside {
        /// Where the path leads.
        path: PathBuf,
        /// What it must stay in.
        root: PathBuf,
    },
    /// The new file cannot be given the owner of the old one. Run as root or as that owner.
    #[error("{} belongs to {uid}:{gid} and this user cannot keep it so: {source}; run as that owner or as root", path.display())]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// A file could not be replaced; every file has been put back and nothing more needs doing.
    #[error("every file is as before, because: {cause}")]
    RolledBack {
        /// What failed.
        #[source]
        cause: Box<Self>,
    },
    /// A file could not be replaced and putting the others back failed too: call [`recover`].
    #[error("transaction {id} under {} is half done ({cause}) and could not be undone ({rollback}); run recover", root.display())]
    RollbackFailed {
        /// Under which root.
        root: PathBuf,
        /// Which transaction.
        id: u64,
        /// What failed first.
        cause: Box<Self>,
        /// What failed then.
        #[source]
        rollback: Box<Self>,
    },
    /// An earlier transaction has neither finished nor been reverted: call [`recover`] first.
    #[error("transaction {id} under {} is unfinished; run recover first", root.display())]
    Unfinished {
        /// Under which root.
        root: PathBuf,
        /// Which transaction.
        id: u64,
    },
    /// There is no such finished transaction, or it has been forgotten.
    #[error("no finished transaction {id} under {}", root.display())]
    Unknown {
        /// Under which root.
        root: PathBuf,
        /// Which transaction.
        id: u64,
    },
}

fn or_absent(digest: &Option<Digest>) -> String {
    digest.map_or_else(|| "no file".to_owned(), |digest| digest.to_string())
}

/// Name of the journal in a transaction's directory.
const JOURNAL: &str = "journal.json";

/// Where a transaction stands: the extension of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Preparing,
    Staged,
    Committed,
    Done,
    Reverting,
    Reverted,
    Clearing,
}

impl Phase {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Preparing, "preparing"),
        (Self::Staged, "staged"),
        (Self::Committed, "committed"),
        (Self::Done, "done"),
        (Self::Reverting, "reverting"),
        (Self::Reverted, "reverted"),
        (Self::Clearing, "clearing"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(phase, _)| *phase == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(phase, _)| *phase)
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Reverted)
    }
}

/// What `recover` needs to know, written before anything else.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    schema: u32,
    tag: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// Relative to the root, links resolved.
    path: PathBuf,
    before: Option<Digest>,
    after: Option<Digest>,
    /// Name of the new file beside its target.
    staged: Option<String>,
    /// Name of the original's copy beside the journal.
    backup: Option<String>,
    dress: Dress,
}

/// Owner and mode.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Dress {
    uid: u32,
    gid: u32,
    mode: u32,
}

/// A change whose path and content have been checked.
struct Planned {
    path: PathBuf,
    expected: Option<Digest>,
    content: Option<SecretSlice<u8>>,
    dress: Dress,
}

impl Planned {
    fn entry(&self, id: u64, n: usize) -> Entry {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Entry {
            path: self.path.clone(),
            before: self.expected,
            after: self.content.as_ref().map(|content| Digest::of(content.expose_secret())),
            staged: self.content.is_some().then(|| format!(".{name}.openclaw-{id}-{n}.new")),
            backup: self.expected.is_some().then(|| format!("{n}.old")),
            dress: self.dress,
        }
    }
}

struct Found {
    id: u64,
    phase: Phase,
}

/// A root directory on a disk.
struct Place {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl Place {
    fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, TransactionError> {
        let root = disk.resolve(root).map_err(FileError::of("open", root))?;
        Ok(Self { disk, root })
    }

    fn transactions(&self) -> PathBuf {
        self.root.join(STATE_DIRECTORY).join("transactions")
    }

    fn directory(&self, id: u64, phase: Phase) -> PathBuf {
        self.transactions().join(format!("{id:06}.{}", phase.name()))
    }

    fn lock(&self) -> Result<Box<dyn Held>, LockError> {
        lock(&*self.disk, &self.transactions().join("lock"))
    }

    fn stat(&self, path: &Path) -> Result<Option<Stat>, FileError> {
        self.disk.stat(path).map_err(FileError::of("inspect", path))
    }

    fn sync_dir(&self, dir: &Path, site: Sync) -> Result<(), FileError> {
        self.disk.sync_dir(dir, site).map_err(FileError::of("sync", dir))
    }

    /// All transactions, oldest first.
    fn list(&self) -> Result<Vec<Found>, FileError> {
        let dir = self.transactions();
        let names = self.disk.list(&dir).map_err(FileError::of("list", &dir))?;
        let parse = |name: &String| {
            let (id, phase) = name.split_once('.')?;
            Some(Found { id: id.parse().ok()?, phase: Phase::named(phase)? })
        };
        let mut found: Vec<Found> = names.iter().filter_map(parse).collect();
        found.sort_by_key(|found| found.id);
        Ok(found)
    }

    /// One rename is one step.
    fn shift(&self, id: u64, from: Phase, to: Phase) -> Result<(), TransactionError> {
        let (old, new) = (self.directory(id, from), self.directory(id, to));
        self.disk.rename(&old, &new).map_err(FileError::of("rename", &old))?;
        Ok(self.sync_dir(&self.transactions(), Sync::Phase(to.name()))?)
    }

    fn journal(&self, dir: &Path) -> Result<Journal, TransactionError> {
        let path = dir.join(JOURNAL);
        let text = self.disk.read(&path, FILE_LIMIT).map_err(FileError::of("read", &path))?;
        let journal: Journal = serde_json::from_slice(&text)
            .map_err(|error| TransactionError::Journal { path: path.clone(), detail: error.to_string() })?;
        if journal.schema > JOURNAL_SCHEMA {
            let detail =
                format!("schema {} is newer than {JOURNAL_SCHEMA}; use a newer program", journal.schema);
            return Err(TransactionError::Journal { path, detail });
        }
        Ok(journal)
    }

    fn backup(&self, path: &Path, expected: Digest) -> Result<SecretSlice<u8>, TransactionError> {
        let bytes = SecretSlice::from(self.disk.read(path, FILE_LIMIT).map_err(FileError::of("read", path))?);
        if Digest::of(bytes.expose_secret()) != expected {
            let detail = "its content is not the original's".to_owned();
            return Err(TransactionError::Journal { path: path.to_owned(), detail });
        }
        Ok(bytes)
    }

    /// Follows links, and insists on the root.
    fn check(&self, change: Change) -> Result<Planned, TransactionError> {
        let wanted = self.root.join(&change.path);
        let outside =
            |path: &Path| TransactionError::Outside { path: path.to_owned(), root: self.root.clone() };
        let Some(name) = wanted.file_name() else { return Err(outside(&wanted)) };
        if change.path.components().any(|part| part == Component::ParentDir) {
            return Err(outside(&wanted));
        }
        let parent = wanted.parent().unwrap_or(&self.root);
        let parent = match self.disk.resolve(parent) {
            Ok(parent) => parent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TransactionError::NoDirectory { path: wanted });
            }
            Err(error) => return Err(FileError::of("open", parent)(error).into()),
        };
        let mut target = parent.join(name);
        let mut stat = self.stat(&target)?;
        if stat.is_some_and(|stat| stat.kind == Kind::Link) {
            target = match self.disk.resolve(&target) {
                Ok(target) => target,
                Err(_) => return Err(TransactionError::NotAFile { path: target }),
            };
            stat = self.stat(&target)?;
        }
        let Ok(path) = target.strip_prefix(&self.root) else { return Err(outside(&target)) };
        if path.starts_with(STATE_DIRECTORY) {
            return Err(outside(&target));
        }
        if stat.is_some_and(|stat| stat.kind != Kind::File) {
            return Err(TransactionError::NotAFile { path: target });
        }
        self.expect(path, change.expected)?;
        let dress = match (stat, change.dress) {
            (Some(Stat { uid, gid, mode, .. }), _) => Dress { uid, gid, mode },
            (None, Some(dress)) => dress,
            // A new file belongs to whoever owns its directory: made by root for uid 1000, it stays readable there.
            (None, None) => {
                let parent = target.parent().unwrap_or(&self.root);
                let Some(Stat { uid, gid, .. }) = self.stat(parent)? else {
                    return Err(TransactionError::NoDirectory { path: target });
                };
                Dress { uid, gid, mode: if change.secret { 0o600 } else { 0o644 } }
            }
        };
        Ok(Planned { path: path.to_owned(), expected: change.expected, content: change.content, dress })
    }

    /// The content of a file, if it is the one expected.
    fn expect(
        &self,
        path: &Path,
        expected: Option<Digest>,
    ) -> Result<Option<SecretSlice<u8>>, TransactionError> {
        let path = self.root.join(path);
        let content = self.content(&path)?;
        let found = content.as_ref().map(|content| Digest::of(content.expose_secret()));
        if found == expected { Ok(content) } else { Err(TransactionError::Changed { path, expected, found }) }
    }

    fn content(&self, path: &Path) -> Result<Option<SecretSlice<u8>>, TransactionError> {
        match self.stat(path)? {
            None => Ok(None),
            Some(Stat { kind: Kind::File, .. }) => {
                let bytes = self.disk.read(path, FILE_LIMIT).map_err(FileError::of("read", path))?;
                Ok(Some(SecretSlice::from(bytes)))
            }
            Some(_) => Err(TransactionError::NotAFile { path: path.to_owned() }),
        }
    }

    /// A new durable file; with an entry, in its owner and mode.
    fn write_new(
        &self,
        path: &Path,
        bytes: &[u8],
        like: Option<&Entry>,
        site: Sync,
    ) -> Result<(), TransactionError> {
        let mut file = self.disk.create(path).map_err(FileError::of("create", path))?;
        file.append(bytes).map_err(FileError::of("write", path))?;
        if let Some(entry) = like {
            let Dress { uid, gid, mode } = entry.dress;
            match file.dress(Some((uid, gid)), mode) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    // An existing file must keep its owner; a new one may be ours.
                    if entry.before.is_some() {
                        let path = self.root.join(&entry.path);
                        return Err(TransactionError::Owner { path, uid, gid, source: error });
                    }
                    file.dress(None, mode).map_err(FileError::of("set the mode of", path))?;
                }
                dressed => dressed.map_err(FileError::of("set the owner of", path))?,
            }
        }
        Ok(file.sync(site).map_err(FileError::of("sync", path))?)
    }

    fn sync_parents(&self, journal: &Journal, site: Sync) -> Result<(), TransactionError> {
        let targets = journal.entries.iter().map(|entry| self.root.join(&entry.path));
        let parents: BTreeSet<PathBuf> =
            targets.filter_map(|path| path.parent().map(Path::to_owned)).collect();
        for parent in parents {
            self.sync_dir(&parent, site)?;
        }
        Ok(())
    }

    /// Every target must be old (with its new file waiting) or already new; then `finish` cannot be surprised.
    fn check_finishable(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            let found = self.content(&target)?.map(|content| Digest::of(content.expose_secret()));
            if found != entry.after && found != entry.before {
                return Err(TransactionError::Changed { path: target, expected: entry.before, found });
            }
            if let (Some(staged), true) = (&entry.staged, found != entry.after) {
                let path = target.with_file_name(staged);
                if self.content(&path)?.map(|content| Digest::of(content.expose_secret())) != entry.after {
                    let detail = format!("the new content staged by transaction {id} is gone");
                    return Err(TransactionError::Journal { path, detail });
                }
            }
        }
        Ok(())
    }

    /// From committed to done.
    fn finish(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            if let Some(staged) = &entry.staged {
                let staged = target.with_file_name(staged);
                // After a crash some have been replaced already.
                if self.stat(&staged)?.is_some() {
                    self.disk.rename(&staged, &target).map_err(FileError::of("replace", &target))?;
                }
            } else if self.stat(&target)?.is_some() {
                self.disk.remove_file(&target).map_err(FileError::of("remove", &target))?;
            }
        }
        self.sync_parents(journal, Sync::Replaced)?;
        self.shift(id, Phase::Committed, Phase::Done)
    }

    /// From committed or reverting to reverted.
    fn roll_back(&self, id: u64, phase: Phase, journal: &Journal) -> Result<(), TransactionError> {
        if phase != Phase::Reverting {
            self.shift(id, phase, Phase::Reverting)?;
        }
        let dir = self.directory(id, Phase::Reverting);
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            let found = self.content(&target)?.map(|content| Digest::of(content.expose_secret()));
            if found == entry.before {
                continue;
            }
            if found != entry.after {
                return Err(TransactionError::Changed { path: target, expected: entry.after, found });
            }
            match (&entry.backup, entry.before) {
                (Some(backup), Some(before)) => {
                    let original = self.backup(&dir.join(backup), before)?;
                    let copy = target.with_file_name(restored_name(entry, id));
                    self.remove_if_there(&copy)?;
                    self.write_new(&copy, original.expose_secret(), Some(entry), Sync::Restored)?;
                    self.disk.rename(&copy, &target).map_err(FileError::of("restore", &target))?;
                }
                _ => self.disk.remove_file(&target).map_err(FileError::of("remove", &target))?,
            }
        }
        self.remove_temporaries(id, journal)?;
        self.sync_parents(journal, Sync::RestoredEntry)?;
        self.shift(id, Phase::Reverting, Phase::Reverted)
    }

    /// Forgets a transaction: temporaries first, then its directory. Targets are not touched.
    fn clear(&self, id: u64, phase: Phase, journal: &Journal) -> Result<(), TransactionError> {
        let dir = self.directory(id, Phase::Clearing);
        if phase != Phase::Clearing && self.stat(&self.directory(id, phase))?.is_some() {
            self.shift(id, phase, Phase::Clearing)?;
        }
        self.remove_temporaries(id, journal)?;
        self.sync_parents(journal, Sync::Cleared)?;
        if self.stat(&dir)?.is_none() {
            return Ok(());
        }
        for name in self.disk.list(&dir).map_err(FileError::of("list", &dir))? {
            self.remove_if_there(&dir.join(name))?;
        }
        self.disk.remove_dir(&dir).map_err(FileError::of("remove", &dir))?;
        Ok(self.sync_dir(&self.transactions(), Sync::Gone)?)
    }

    fn remove_temporaries(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            if let Some(staged) = &entry.staged {
                self.remove_if_there(&target.with_file_name(staged))?;
            }
            self.remove_if_there(&target.with_file_name(restored_name(entry, id)))?;
        }
        Ok(())
    }

    fn remove_if_there(&self, path: &Path) -> Result<(), FileError> {
        match self.disk.remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(FileError::of("remove", path)),
        }
    }
}

/// Where an original's copy is made before it is put back.
fn restored_name(entry: &Entry, id: u64) -> String {
    let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.openclaw-{id}.old")
}
