//! After a crash: bringing what is half done to one side.

use super::TransactionError;
use super::journal::{Found, Journal, Phase};
use super::receipt::Receipt;
use super::root::Root;
use serde::Serialize;
use std::path::Path;

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
    recover_on(&Root::open(root.as_ref())?, None)
}

/// As [`recover`], with a vote on transactions that were staged under a tag and not committed.
///
/// `vote` is asked while the lock on the root is held, so that nobody stages or commits meanwhile: look at the deciding fact
/// then, not before. After a freeze that fact is whether the record store holds the fingerprint in the tag.
///
/// # Errors
/// As [`recover`].
pub fn recover_with(
    root: impl AsRef<Path>,
    mut vote: impl FnMut(&str) -> Vote,
) -> Result<Vec<Recovered>, TransactionError> {
    recover_on(&Root::open(root.as_ref())?, Some(&mut vote))
}

/// Numbers of the transactions that [`recover`] would bring to one side. Changes nothing and takes no lock: one that is
/// under way in another process is among them.
///
/// # Errors
/// The root or its transactions cannot be read.
pub fn pending(root: impl AsRef<Path>) -> Result<Vec<u64>, TransactionError> {
    pending_on(&Root::open(root.as_ref())?)
}

pub(in crate::fs) fn pending_on(root: &Root) -> Result<Vec<u64>, TransactionError> {
    if root.stat(&root.transactions())?.is_none() {
        return Ok(Vec::new());
    }
    let open = root.list()?.into_iter().filter(|found| !found.phase.is_final());
    let mut ids: Vec<u64> = open.map(|found| found.id).collect();
    ids.dedup();
    Ok(ids)
}

/// What each of those is to change, as its receipt would say it. As [`pending`], it changes nothing and takes no lock: one that
/// another process just brings to its end may be missing.
///
/// # Errors
/// The root or its transactions cannot be read, or somebody else wrote a journal.
pub fn pending_changes(root: impl AsRef<Path>) -> Result<Vec<Receipt>, TransactionError> {
    let root = Root::open(root.as_ref())?;
    if root.stat(&root.transactions())?.is_none() {
        return Ok(Vec::new());
    }
    let open = root.list()?.into_iter().filter(|found| !found.phase.is_final());
    let read = |found: Found| {
        let journal = root.journal_if_whole(found).transpose()?;
        Some(journal.map(|journal| Receipt::of(&root.path, found.id, &journal)))
    };
    open.filter_map(read).collect()
}

/// What is to become of a transaction that waits under a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vote {
    /// Its files are to be new.
    Finish,
    /// Its files are to stay old; what was staged for them is removed.
    Revert,
    /// It cannot be said now: leave everything as it is. The answer is [`TransactionError::InDoubt`].
    Wait,
}

pub(in crate::fs) fn recover_on(
    root: &Root,
    mut vote: Option<&mut dyn FnMut(&str) -> Vote>,
) -> Result<Vec<Recovered>, TransactionError> {
    if root.stat(&root.transactions())?.is_none() {
        return Ok(Vec::new());
    }
    let _lock = root.lock()?;
    let mut recovered = Vec::new();
    // All are read before the first is acted on: one that is not ours stops everything.
    for (found, journal) in unfinished(root)? {
        let Found { id, phase } = found;
        let finish = match (phase, &journal.tag) {
            (Phase::Committed, _) => true,
            (Phase::Staged, Some(tag)) => match vote.as_mut().map_or(Vote::Wait, |vote| vote(tag)) {
                Vote::Finish => true,
                Vote::Revert => false,
                Vote::Wait => {
                    return Err(TransactionError::InDoubt { root: root.path.clone(), id, tag: tag.clone() });
                }
            },
            _ => false,
        };
        match phase {
            Phase::Reverting => {
                root.check_restorable(found, &journal)?;
                root.roll_back(id, phase, &journal)?;
            }
            _ if finish => {
                root.check_finishable(found, &journal)?;
                if phase != Phase::Committed {
                    root.shift(id, phase, Phase::Committed)?;
                }
                root.finish(id, &journal)?;
            }
            _ => root.clear(id, phase, &journal)?,
        }
        recovered.push(Recovered { id, tag: journal.tag, finished: finish });
    }
    Ok(recovered)
}

fn unfinished(root: &Root) -> Result<Vec<(Found, Journal)>, TransactionError> {
    let open = root.list()?.into_iter().filter(|found| !found.phase.is_final());
    let read = |found: Found| {
        let journal = match found.phase {
            // The journal is durable before anything it lists is made, and goes after all of that is gone: without it
            // there is nothing to clear.
            Phase::Preparing | Phase::Clearing => root.journal_if_whole(found)?.unwrap_or_default(),
            _ => root.journal(found)?,
        };
        root.own_names(found)?;
        Ok((found, journal))
    };
    open.map(read).collect()
}
