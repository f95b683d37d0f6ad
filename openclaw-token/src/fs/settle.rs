//! Before anything else is done: what an earlier run left half done is brought to its end.

use super::LedgerFile;
use super::ledger_file::LedgerFileError;
use super::transaction::{Recovered, Root, TransactionError, Vote, pending_on, recover_on};
use crate::freeze::{RecordStore, StoreError};
use crate::ledger::entered;
use crate::record::Record;
use serde::Serialize;
use std::path::Path;

/// What [`settle`] brought to its end. Empty if there was nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Settled {
    /// The transactions that were finished or reverted.
    pub recovered: Vec<Recovered>,
    /// The generations whose entry was added to the ledger.
    pub entered: Vec<u64>,
}

/// Finishes or reverts every unfinished transaction under `root`, as [`recover_with`](super::transaction::recover_with), and
/// adds to the ledger the entry of every record of the store that has none. Every program that writes can call it first: it
/// is idempotent, changes nothing where nothing is left half done, and may itself be killed anywhere.
///
/// `vote` is asked about each transaction that waits under a tag, with the newest record: it decides about a freeze. The record
/// is durable then, and no other freeze is under way.
///
/// ```
/// use openclaw_token::fs::transaction::Vote;
/// use openclaw_token::fs::{DirectoryStore, LedgerFile, settle};
/// # let stack = tempfile::tempdir()?;
/// # let stack = stack.path();
/// let settled = settle(stack, &DirectoryStore::new(stack), &LedgerFile::new(stack), |tag, latest| match latest {
///     Some(record) if record.fingerprint.to_string() == tag => Vote::Finish,
///     _ => Vote::Revert,
/// })?;
/// assert!(settled.recovered.is_empty() && settled.entered.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Somebody else has changed a file meanwhile, what was found there is not this crate's, or store or ledger do not answer.
/// What could not be decided is left as it is.
pub fn settle<S: RecordStore>(
    root: impl AsRef<Path>,
    store: &S,
    ledger: &LedgerFile,
    vote: impl FnMut(&str, Option<&Record>) -> Vote,
) -> Result<Settled, SettleError> {
    settle_on(&Root::open(root.as_ref())?, store, ledger, vote)
}

pub(super) fn settle_on<S: RecordStore>(
    root: &Root,
    store: &S,
    ledger: &LedgerFile,
    mut vote: impl FnMut(&str, Option<&Record>) -> Vote,
) -> Result<Settled, SettleError> {
    // First of all: whoever freezes next must be able to say so.
    ledger.check()?;
    if pending_on(root)?.is_empty() && store.latest()?.is_none() {
        return Ok(Settled::default());
    }
    // As a freeze does: the store first, then the files. A record that can be read may not be durable yet, and the store sees to
    // that before it gives the lock.
    let _guard = store.lock()?;
    let mut trouble = None;
    // Asked when the vote is: another host may have stored a record meanwhile.
    let recovered = recover_on(
        root,
        Some(&mut |tag| match store.latest() {
            Ok(latest) => vote(tag, latest.as_ref()),
            Err(error) => {
                trouble = Some(error);
                Vote::Wait
            }
        }),
    );
    if let Some(error) = trouble {
        return Err(error.into());
    }
    let mut settled = Settled { recovered: recovered?, entered: Vec::new() };
    // Whatever became of its files, a record that stands was frozen.
    let (history, known) = (store.history()?, entered(&ledger.read()?));
    for record in history.iter().filter(|record| !known.contains_key(&record.digest())) {
        ledger.enter(record, "entered by recovery")?;
        settled.entered.push(record.generation);
    }
    Ok(settled)
}

/// Why something is still half done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The ledger cannot be added to.
    #[error(transparent)]
    Ledger(#[from] LedgerFileError),
    /// The records cannot be read, so that nothing can be decided by them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A transaction could not be brought to its end.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}
