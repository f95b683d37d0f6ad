//! Feature `fs`: the part of the crate that touches files (Unix: Linux and macOS).
//!
//! Everything lives under one directory, [`STATE_DIRECTORY`], inside the root that the caller names:
//!
//! ```text
//! .openclaw-token/
//!   .gitignore                        keeps all of it out of version control
//!   records/record-000001.json        what was frozen (never the token)
//!   ledger.jsonl                      the trail
//!   transactions/000001.done/         journal and backups (mode 0600) of one change
//! ```
//!
//! Keep it out of image builds, too: the backups are the files as they were, tokens included.
//! [`transaction::forget`] removes those of a change that will not be undone.
//!
//! # What is trusted
//!
//! A stack may come from a stranger, and a container may write into it. So what stands in the state directory is acted on
//! only if it is made of real directories and regular files, reached without a symbolic link, that nobody but the caller,
//! root or the owner of the root directory owns, and that neither group nor others may write. A journal and its backups
//! say what is written where: those must stand in a directory of the caller's or root's own, and are checked as a plan is
//! checked. Otherwise nothing is done, and [`FileError::is_untrusted`] or
//! [`NotOurs`](transaction::TransactionError::NotOurs) says what was found.
//!
//! Whoever can write there *as the caller or as root* can still choose what the files below the root hold, as they could by
//! writing these files themselves. They cannot reach anything outside the root, nor have a file given another owner than
//! it had, nor a mode beyond 0777: every operation goes from directory to directory below the handle of the root, and
//! follows no link.
//!
//! What root makes in a root directory of somebody else's belongs to that owner, so that both can go on with it; only a
//! transaction is finished by the user who began it.
//!
//! # Locks and network volumes
//!
//! Locks are `flock`: advisory, and given back by the kernel when their holder dies however it dies, so that none is ever
//! stale. A caller waits up to 30 s and is then told who holds it. On NFS, Linux turns them into byte-range locks with the
//! same property; a file system without locks, such as many a share on a Mac, answers with an error, and nothing is done
//! unlocked. No lock crosses into the virtual machine of an engine: a process in a container there is not waited for from the
//! Mac, nor does it wait. Records need no lock to
//! be unique (see [`DirectoryStore`]); the ledger and transactions do, so on a volume shared by several hosts they are as
//! good as that volume's locks. Durability is as good as the volume's fsync.

#[cfg(test)]
mod crash_tests;
mod directory;
mod disk;
mod ledger_file;
mod real;
#[cfg(test)]
mod refusal_tests;
mod settle;
#[cfg(test)]
mod simulated;
pub mod transaction;
mod trust;

pub use directory::{DirectoryGuard, DirectoryStore};
pub use ledger_file::{LedgerFile, LedgerFileError};
pub use settle::{SettleError, Settled, settle};

use disk::{Disk, Held, Refused, Sync};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trust::Untrusted;

/// Name of the directory, inside a root, that holds everything this crate keeps there.
pub const STATE_DIRECTORY: &str = ".openclaw-token";

/// How long a caller waits for another process before it gives up. A change takes milliseconds; somebody who holds
/// the lock longer is stuck or stopped in a debugger, and a person should look.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// A file operation that the operating system refused. Nothing was overwritten by it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} {}: {source}{}", path.display(), self.advice(cfg!(target_vendor = "apple")))]
#[non_exhaustive]
pub struct FileError {
    /// What was tried, as a verb: `read`, `create`, `sync`.
    pub act: &'static str,
    /// On what.
    pub path: PathBuf,
    /// The answer of the operating system.
    pub source: io::Error,
}

impl FileError {
    fn of(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { act, path: path.to_owned(), source }
    }

    /// The disk or the quota is full: make room, then repeat.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// It is not acted on: a symbolic link, something that is not a regular file, or somebody else's where only the caller or
    /// root may have written. A person should look who made it.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        Untrusted::is_in(&self.source)
    }

    /// The directory or file system may not be written by this user.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
    }

    /// EPERM, not EACCES: neither owner nor mode is what stands in the way.
    fn is_forbidden(&self) -> bool {
        self.source.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error())
    }

    fn advice(&self, on_mac: bool) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::StorageFull => "; make room and repeat, nothing was overwritten",
            io::ErrorKind::QuotaExceeded => "; raise the quota and repeat, nothing was overwritten",
            io::ErrorKind::ReadOnlyFilesystem => "; the file system is mounted read-only",
            io::ErrorKind::PermissionDenied if on_mac && self.is_forbidden() => {
                "; it is locked (`chflags nouchg`), or macOS keeps this program out of the folder: Privacy & Security > Full Disk Access"
            }
            io::ErrorKind::PermissionDenied => {
                "; run as the owner of the directory, or correct its owner and mode"
            }
            io::ErrorKind::CrossesDevices => "; a single-file bind mount cannot be replaced by rename",
            _ => "",
        }
    }
}

/// Why an exclusive lock was not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another live process holds it. A dead one cannot: the kernel takes its locks back.
    #[error("{} is locked by {holder}; waited {} s", path.display(), waited.as_secs())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who left their name in it.
        holder: String,
        /// For how long this caller waited.
        waited: Duration,
    },
    /// The lock file cannot be opened, or this file system has no locks.
    #[error(transparent)]
    File(#[from] FileError),
}

fn lock(disk: &dyn Disk, path: &Path) -> Result<Box<dyn Held>, LockError> {
    disk.lock(path, LOCK_WAIT, &lock_note()).map_err(|refused| lock_error(refused, path))
}

fn lock_error(refused: Refused, path: &Path) -> LockError {
    match refused {
        Refused::Held(note) => {
            let holder = if note.is_empty() { "another process".to_owned() } else { note };
            LockError::Held { path: path.to_owned(), holder, waited: LOCK_WAIT }
        }
        Refused::Io(source) => FileError { act: "lock", path: path.to_owned(), source }.into(),
    }
}

/// Who we are, for those who wait.
fn lock_note() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    format!("pid {} ({})", std::process::id(), name.as_deref().unwrap_or("unknown program"))
}

/// Makes `dir` and what is missing above it, below `root`, durable. Also what exists already: whoever made it may have
/// died before it was.
fn make_dirs(disk: &dyn Disk, root: &Path, dir: &Path) -> Result<(), FileError> {
    let Some(parent) = dir.parent() else { return Ok(()) };
    if parent != root {
        make_dirs(disk, root, parent)?;
    }
    match disk.make_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(FileError::of("create", dir))?,
    }
    if parent == root {
        ignore(disk, &dir.join(".gitignore"))?;
    }
    disk.sync_dir(parent, Sync::StateDirectory).map_err(FileError::of("sync", parent))
}

/// Keeps the state directory out of version control. What a person wrote there stays.
fn ignore(disk: &dyn Disk, path: &Path) -> Result<(), FileError> {
    let opened = match disk.read(path, IGNORE_LIMIT) {
        // A writer that died, or a power cut, left it empty or zeros.
        Ok(text) if text.iter().all(|&byte| byte == 0) => disk.open(path),
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(path),
        Err(error) => Err(error),
    };
    let written = opened.and_then(|mut file| {
        file.truncate(0)?;
        file.append(b"*\n")?;
        file.sync(Sync::Ignored)
    });
    match written {
        // Somebody else is just making it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written.map_err(FileError::of("write", path)),
    }
}

/// A `.gitignore` above this size is nothing that git would want either.
const IGNORE_LIMIT: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock (`uchg`) and macOS's privacy are EPERM, which no owner and no mode answers; elsewhere both refusals are theirs.
    #[test]
    fn on_a_mac_what_is_locked_or_private_is_told_from_what_belongs_to_somebody_else() {
        let refused = |errno: rustix::io::Errno| FileError::of("create", Path::new("state"))(errno.into());
        let (forbidden, denied) = (refused(rustix::io::Errno::PERM), refused(rustix::io::Errno::ACCESS));
        let said = forbidden.advice(true);
        assert!(said.contains("chflags nouchg") && said.contains("Full Disk Access"), "{said}");
        for other in [forbidden.advice(false), denied.advice(true), denied.advice(false)] {
            assert!(other.contains("run as the owner"), "{other}");
        }
    }
}
