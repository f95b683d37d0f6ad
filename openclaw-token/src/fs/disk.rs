//! Every file operation of the crate goes through [`Disk`], so that tests can replace the disk by one that forgets.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The places where durability is bought. Tests leave out each one in turn and must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sync {
    /// The bytes of a backup, before its original may be replaced.
    Backup,
    /// The backups' names, before the point of no return.
    BackupEntries,
    /// The removal of temporary files, before the journal that knows them goes.
    Cleared,
    /// The removal of a journal and its backups, which hold the previous token.
    Gone,
    /// The file that keeps the state directory out of version control, before backups stand beside it.
    Ignored,
    /// The journal's bytes, before anything it lists is made.
    Journal,
    /// The journal's name in the transaction's directory.
    JournalEntries,
    /// The ledger's bytes: the acknowledgement of an append.
    Ledger,
    /// The ledger's name, before its first line.
    LedgerEntry,
    /// A transaction's directory has just been renamed to this phase.
    Phase(&'static str),
    /// A record's bytes, before its name exists.
    Record,
    /// A record's name, before the freeze is acknowledged.
    RecordEntry,
    /// The name of a record whose writer died, before anybody acts on it.
    RecordSettled,
    /// The renames of new files over old, before the transaction is called done.
    Replaced,
    /// The bytes, owner and mode of an original's copy, before a rollback puts it back.
    Restored,
    /// The rename that put an original back, before the transaction is called reverted.
    RestoredEntry,
    /// The bytes, owner and mode of a new file, before it may replace the old.
    Staged,
    /// The new file's temporary name, before the point of no return.
    StagedEntry,
    /// The names of directories that hold our state.
    StateDirectory,
}

/// What a directory entry is. Symbolic links are reported, not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Names of the same file.
    pub(crate) links: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Other,
}

/// An advisory lock, given back on drop (or by the kernel when the process dies).
pub(crate) trait Held: Send {}

/// A root directory as this crate needs it. Every path lies below it, and no operation but `resolve` follows a symbolic link
/// or leaves the root, whatever happened to a directory since it was looked at.
pub(crate) trait Disk: Send + std::marker::Sync {
    /// What is at `path`; `None` if nothing is.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
    /// The path with every symbolic link followed, wherever that leads. It must exist.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
    /// User and group of this process: what it makes belongs to them.
    fn caller(&self) -> (u32, u32);
    /// Whole content of a regular file, refused above `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    /// Names in a directory, unsorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// A new directory, mode 0700.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// A new empty file, mode 0600; fails if the name exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// An existing file, to read and extend.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// Replaces `to` in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A second name for a file; fails if `to` exists. The one atomic create-if-absent that network file systems share.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, dir: &Path, site: Sync) -> io::Result<()>;
    /// Exclusive lock on the file at `path` (made if absent), waiting at most `wait`. `note` is written into the
    /// file for those who wait.
    fn lock(&self, path: &Path, wait: Duration, note: &str) -> Result<Box<dyn Held>, Refused>;
}

/// Why a lock was not had.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody holds it; the text they left.
    Held(String),
    /// The file system refused.
    Io(io::Error),
}

/// A file opened through a [`Disk`].
pub(crate) trait OpenFile: Send {
    fn len(&self) -> io::Result<u64>;
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Adds at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// Sets owner first, mode second: a chown may clear mode bits. Of the mode only the permissions are set.
    fn set_ownership(&self, owner: Option<(u32, u32)>, mode: u32) -> io::Result<()>;
    fn sync(&self, site: Sync) -> io::Result<()>;
    /// Exclusive lock on this very file.
    fn lock(&self, wait: Duration) -> Result<Box<dyn Held>, Refused>;
}
