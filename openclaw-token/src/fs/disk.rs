//! Every file operation of the crate goes through [`Disk`], so that tests can replace the disk by one that forgets.

#![expect(clippy::disallowed_methods, reason = "feature `fs`: this is the module that touches files")]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// The file system as this crate needs it.
pub(crate) trait Disk: Send + std::marker::Sync {
    /// What is at `path`; `None` if nothing is.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
    /// The path with every symbolic link followed. It must exist.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
    /// Whole content, refused above `limit` bytes.
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
    /// file for those who wait. `Err(Ok(note))` is: still held by the one whose note that is.
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
    /// Sets owner first, mode second: a chown may clear mode bits.
    fn dress(&self, owner: Option<(u32, u32)>, mode: u32) -> io::Result<()>;
    fn sync(&self, site: Sync) -> io::Result<()>;
    /// Exclusive lock on this very file.
    fn lock(&self, wait: Duration) -> Result<Box<dyn Held>, Refused>;
}

/// The disk of the machine.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = match found.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::Other,
        };
        Ok(Some(Stat { kind, mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid() }))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o700).create(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(RealFile(Arc::new(file))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(RealFile(Arc::new(OpenOptions::new().read(true).append(true).open(path)?))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, dir: &Path, _site: Sync) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path, wait: Duration, note: &str) -> Result<Box<dyn Held>, Refused> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(Refused::Io)?;
        let file = Arc::new(file);
        let held = lock_file(Arc::clone(&file), wait)?;
        // The note is a courtesy for those who wait; the lock is the kernel's and needs no note.
        let _ = file.set_len(0).and_then(|()| file.write_all_at(note.as_bytes(), 0));
        Ok(held)
    }
}

struct RealFile(Arc<File>);

impl OpenFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.0).write_all(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn dress(&self, owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
        if let Some((uid, gid)) = owner {
            let now = self.0.metadata()?;
            if (now.uid(), now.gid()) != (uid, gid) {
                fchown(&*self.0, Some(uid), Some(gid))?;
            }
        }
        self.0.set_permissions(Permissions::from_mode(mode))
    }

    fn sync(&self, _site: Sync) -> io::Result<()> {
        self.0.sync_all()
    }

    fn lock(&self, wait: Duration) -> Result<Box<dyn Held>, Refused> {
        lock_file(Arc::clone(&self.0), wait)
    }
}

/// How long a waiter sleeps between two attempts: short against a human, long against the processor.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// `flock`: the kernel gives the lock back when its holder dies, however it dies. On NFS (Linux) it becomes a
/// byte-range lock with the same property; a file system without locks answers with an error, which we pass on.
fn lock_file(file: Arc<File>, wait: Duration) -> Result<Box<dyn Held>, Refused> {
    use rustix::fs::{FlockOperation, flock};
    let deadline = Instant::now() + wait;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Box::new(RealLock(file))),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut note = vec![0; 200];
                let length = file.read_at(&mut note, 0).unwrap_or(0);
                note.truncate(length);
                return Err(Refused::Held(String::from_utf8_lossy(&note).into_owned()));
            }
            Err(errno) => return Err(Refused::Io(errno.into())),
        }
    }
}

struct RealLock(Arc<File>);

impl Held for RealLock {}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Unlock, do not merely close: a child forked meanwhile would keep the open file, and with it the lock.
        let _ = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::Unlock);
    }
}
