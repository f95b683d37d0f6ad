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
//! ```
//! use openclaw_token::Digest;
//! use openclaw_token::fs::transaction::{Change, Transaction, recover};
//! # let root = tempfile::tempdir()?;
//! # std::fs::write(root.path().join(".env"), "TOKEN=old\n")?;
//! recover(root.path())?;
//! let receipt = Transaction::plan(root.path(), [
//!     Change::write(".env", Some(Digest::of(b"TOKEN=old\n")), "TOKEN=new\n").secret(),
//!     Change::write("token.conf", None, "new").secret(),
//! ])?
//! .commit()?;
//! receipt.undo()?;
//! # assert_eq!(std::fs::read_to_string(root.path().join(".env"))?, "TOKEN=old\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! After a crash at any instruction each file is whole, old or new, and [`recover`] brings the set to one side.
//! Not covered: a writer that ignores the lock *and* writes between our last check and our rename (milliseconds), and a
//! disk that lies about fsync. A replaced file is a new inode with the owner and mode of the old one: access control lists
//! and extended attributes are the directory's defaults, other hard links keep the old content, and a container that
//! bind-mounts the single file, not its directory, sees the old one until it is recreated.

mod error;
mod journal;
mod receipt;
mod recover;
mod root;
mod steps;

pub use error::TransactionError;
pub use receipt::{Changed, Receipt, finished, forget, undo};
pub use recover::{Recovered, Vote, pending, pending_changes, recover, recover_with};

#[cfg(test)]
pub(super) use {receipt::forget_on, receipt::undo_on};
pub(super) use {recover::pending_on, recover::recover_on, root::Root};

use super::disk::{Held, OpenFile, Sync};
use super::{FileError, make_dirs};
use crate::digest::Digest;
use journal::{
    Found, JOURNAL, JOURNAL_LIMIT, JOURNAL_SCHEMA, Journal, MOST_CHANGES, Ownership, Phase, Planned,
};
use secrecy::{ExposeSecret, SecretSlice};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// One file to write or remove, with the content it must still have when that happens.
///
/// `Debug` shows the path and the expected digest, never the new content.
pub struct Change {
    path: PathBuf,
    expected: Option<Digest>,
    content: Option<SecretSlice<u8>>,
    secret: bool,
    /// Owner and mode to give a file that does not exist now; `undo` of a removal knows them.
    ownership: Option<Ownership>,
}

impl Change {
    /// Writes `bytes` to `path` (absolute, or relative to the root) if it still has the `expected` content;
    /// `None` means that it must not exist yet.
    pub fn write(path: impl Into<PathBuf>, expected: Option<Digest>, bytes: impl Into<Vec<u8>>) -> Self {
        let content = Some(SecretSlice::from(bytes.into()));
        Self { path: path.into(), expected, content, secret: false, ownership: None }
    }

    /// Removes `path` if it still has the `expected` content.
    pub fn remove(path: impl Into<PathBuf>, expected: Digest) -> Self {
        Self { path: path.into(), expected: Some(expected), content: None, secret: false, ownership: None }
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
    root: Root,
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
        Self::plan_on(Root::open(root.as_ref())?, changes)
    }

    pub(super) fn plan_on(
        root: Root,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Self, TransactionError> {
        let mut planned = Vec::new();
        let mut seen = BTreeSet::new();
        for change in changes {
            let change = root.check(change)?;
            if !seen.insert(change.path.clone()) {
                return Err(TransactionError::Duplicate { path: root.path.join(change.path) });
            }
            planned.push(change);
        }
        if planned.len() > MOST_CHANGES {
            return Err(TransactionError::TooMany { count: planned.len() });
        }
        Ok(Self { root, planned })
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
        let Self { root, planned } = self;
        make_dirs(&*root.disk, &root.path, &root.transactions())?;
        let lock = root.lock()?;
        let existing = root.list()?;
        if let Some(open) = existing.iter().find(|found| !found.phase.is_final()) {
            return Err(TransactionError::Unfinished { root: root.path, id: open.id });
        }
        let id = match existing.last() {
            None => 1,
            Some(last) if last.id < u64::MAX => last.id + 1,
            Some(last) => return Err(root.not_ours(*last, "no number comes after its own".to_owned())),
        };
        let journal = Journal {
            schema: JOURNAL_SCHEMA,
            tag: tag.map(str::to_owned),
            entries: planned.iter().enumerate().map(|(n, planned)| planned.entry(id, n)).collect(),
        };
        let mut staged = Staged { root, id, journal, phase: Phase::Preparing, lock: Some(lock) };
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
            .field("root", &self.root.path)
            .field("paths", &self.paths().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A transaction that is durable and waits for [`commit`](Self::commit). Dropping it reverts it.
pub struct Staged {
    root: Root,
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
            if let Err(error) = self.root.expect(&entry.path, entry.before) {
                self.discard();
                return Err(error);
            }
        }
        let outcome = self
            .root
            .shift(self.id, self.phase, Phase::Committed)
            .and_then(|()| self.root.finish(self.id, &self.journal));
        if let Err(cause) = outcome {
            return Err(self.take_back(cause));
        }
        self.phase = Phase::Done;
        self.lock = None;
        Ok(Receipt::of(&self.root.path, self.id, &self.journal))
    }

    /// Removes what was staged; every target is as it was.
    ///
    /// # Errors
    /// A file could not be removed; [`recover`] tries again.
    pub fn revert(mut self) -> Result<(), TransactionError> {
        let outcome = self.root.clear(self.id, self.phase, &self.journal);
        self.phase = Phase::Reverted;
        self.lock = None;
        outcome
    }

    fn prepare(&mut self, planned: &[Planned]) -> Result<(), TransactionError> {
        let (root, id) = (&self.root, self.id);
        let dir = root.directory(id, Phase::Preparing);
        let text = serde_json::to_vec_pretty(&self.journal)
            .map_err(|error| TransactionError::Journal { path: dir.clone(), detail: error.to_string() })?;
        if text.len() > JOURNAL_LIMIT {
            return Err(TransactionError::TooMany { count: planned.len() });
        }
        root.disk.make_dir(&dir).map_err(FileError::of("create", &dir))?;
        root.write_new(&dir.join(JOURNAL), &text, |_| Ok(()), Sync::Journal)?;
        root.sync_dir(&dir, Sync::JournalEntries)?;
        root.sync_dir(&root.transactions(), Sync::Phase(Phase::Preparing.name()))?;

        for (planned, entry) in planned.iter().zip(&self.journal.entries) {
            let target = root.path.join(&entry.path);
            let original = root.expect(&entry.path, entry.before)?;
            if let (Some(backup), Some(original)) = (&entry.backup, original) {
                let ownership = |file: &dyn OpenFile| root.set_ownership_of_backup(file, entry);
                root.write_new(&dir.join(backup), original.expose_secret(), ownership, Sync::Backup)?;
            }
            if let (Some(staged), Some(content)) = (&entry.staged, &planned.content) {
                let path = target.with_file_name(staged);
                let ownership = |file: &dyn OpenFile| root.set_ownership(file, entry);
                root.write_new(&path, content.expose_secret(), ownership, Sync::Staged)?;
            }
        }
        root.sync_dir(&dir, Sync::BackupEntries)?;
        root.sync_parents(&self.journal, Sync::StagedEntry)?;
        root.shift(id, Phase::Preparing, Phase::Staged)?;
        self.phase = Phase::Staged;
        Ok(())
    }

    /// Best effort: what it cannot remove, `recover` will.
    fn discard(&mut self) {
        let _ = self.root.clear(self.id, self.phase, &self.journal);
        self.phase = Phase::Reverted;
        self.lock = None;
    }

    /// After a failed commit: every file old again, from whatever phase the disk shows.
    fn take_back(mut self, cause: TransactionError) -> TransactionError {
        let id = self.id;
        let reached = self.root.list().map(|found| found.into_iter().find(|found| found.id == id));
        let outcome = match reached {
            Ok(Some(Found { phase: Phase::Staged, .. })) => self.root.clear(id, Phase::Staged, &self.journal),
            Ok(Some(Found { phase, .. })) => self.root.roll_back(id, phase, &self.journal),
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        self.phase = Phase::Reverted;
        let cause = Box::new(cause);
        match outcome {
            Ok(()) => TransactionError::RolledBack { cause },
            Err(rollback) => TransactionError::RollbackFailed {
                root: self.root.path.clone(),
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
            .field("root", &self.root.path)
            .field("id", &self.id)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
