//! After a transaction: taking it back, or letting go of its backups.

use super::journal::{Found, Journal, Phase};
use super::root::Root;
use super::{Change, Transaction, TransactionError};
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

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
    pub(super) fn of(root: &Path, id: u64, journal: &Journal) -> Self {
        let changed = journal.entries.iter().map(|entry| Changed {
            path: entry.path.clone(),
            before: entry.before,
            after: entry.after,
        });
        Self { root: root.to_owned(), id, changed: changed.collect() }
    }

    /// Whether this transaction put back all that `earlier` changed, and did nothing else.
    #[must_use]
    pub fn takes_back(&self, earlier: &Self) -> bool {
        let reversed = |changed: &Changed| (changed.path.clone(), changed.after, changed.before);
        let done = |changed: &Changed| (changed.path.clone(), changed.before, changed.after);
        self.root == earlier.root && self.changed.iter().map(done).eq(earlier.changed.iter().map(reversed))
    }

    /// Puts every original back, as a transaction of its own.
    ///
    /// # Errors
    /// As [`undo`]. A number can be used again once its transaction was forgotten: that other transaction is
    /// [`TransactionError::Unknown`] to this receipt.
    pub fn undo(&self) -> Result<Self, TransactionError> {
        undo_on(Root::open(&self.root)?, self.id, Some(self))
    }
}

/// The finished transactions under `root` that were not forgotten, oldest first. Changes nothing.
///
/// # Errors
/// The root or a journal cannot be read, or was not written by a transaction.
pub fn finished(root: impl AsRef<Path>) -> Result<Vec<Receipt>, TransactionError> {
    let root = Root::open(root.as_ref())?;
    if root.stat(&root.transactions())?.is_none() {
        return Ok(Vec::new());
    }
    let done = root.list()?.into_iter().filter(|found| found.phase == Phase::Done);
    done.map(|found| Ok(Receipt::of(&root.path, found.id, &root.journal(found)?))).collect()
}

/// Reverts the finished transaction `id` while nothing else has changed its files. The undoing is itself a
/// transaction, with its own receipt.
///
/// # Errors
/// The transaction is not finished, its backups are gone or damaged, or a file has been changed since.
pub fn undo(root: impl AsRef<Path>, id: u64) -> Result<Receipt, TransactionError> {
    undo_on(Root::open(root.as_ref())?, id, None)
}

pub(in crate::fs) fn undo_on(
    root: Root,
    id: u64,
    receipt: Option<&Receipt>,
) -> Result<Receipt, TransactionError> {
    let found = Found { id, phase: Phase::Done };
    let dir = root.directory(id, Phase::Done);
    if root.stat(&dir)?.is_none() {
        return Err(TransactionError::Unknown { root: root.path, id });
    }
    let journal = root.journal(found)?;
    if receipt.is_some_and(|receipt| receipt.changed != Receipt::of(&root.path, id, &journal).changed) {
        return Err(TransactionError::Unknown { root: root.path, id });
    }
    let mut changes = Vec::new();
    for entry in &journal.entries {
        let content = match (&entry.backup, entry.before) {
            (Some(backup), Some(before)) => {
                root.check_owner(found, entry)?;
                Some(root.backup(&dir.join(backup), before)?)
            }
            _ => None,
        };
        changes.push(Change {
            path: entry.path.clone(),
            expected: entry.after,
            content,
            secret: true,
            ownership: Some(entry.ownership),
        });
    }
    Transaction::plan_on(root, changes)?.commit()
}

/// Deletes journal and backups of transaction `id`: it can no longer be undone. Backups hold the previous token, so do
/// this once the change is accepted. An unfinished transaction is given up where it stands, without touching its targets.
///
/// # Errors
/// No such transaction, or a file could not be removed.
pub fn forget(root: impl AsRef<Path>, id: u64) -> Result<(), TransactionError> {
    forget_on(&Root::open(root.as_ref())?, id)
}

pub(in crate::fs) fn forget_on(root: &Root, id: u64) -> Result<(), TransactionError> {
    let unknown = TransactionError::Unknown { root: root.path.clone(), id };
    if root.stat(&root.transactions())?.is_none() {
        return Err(unknown);
    }
    let _lock = root.lock()?;
    let Some(found) = root.list()?.into_iter().find(|found| found.id == id) else { return Err(unknown) };
    let journal = root.journal_if_whole(found)?;
    root.clear(id, found.phase, &journal.unwrap_or_default())
}
