//! What an earlier run left half done, brought to one side before anything else is done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use openclaw_compose::source::Sources;
use openclaw_token::Record;
use openclaw_token::fs::transaction::{self, TransactionError, Vote};
use openclaw_token::fs::{DirectoryStore, LedgerFile, SettleError, settle};

use crate::targets::{TargetError, roots};

/// The transactions of a project that an earlier run left half done.
#[derive(Clone, Debug)]
pub struct HalfDone {
    /// The project's directory, without links.
    project: PathBuf,
    /// Numbers and roots.
    transactions: Vec<(u64, PathBuf)>,
}

/// Why it stays half done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// It changes files outside the project, and nobody said that they may be written.
    #[error("transaction {id} below {} is unfinished; give --outside as well, and it is brought to its end", root.display())]
    Outside {
        /// Which transaction.
        id: u64,
        /// Below which root.
        root: PathBuf,
    },
    /// It removes a file, and these programs do so only to take back a change that made it.
    #[error(
        "transaction {id} below {} removes {}, which none of these programs asks for; look who made it, then remove it from \
         .openclaw-token/transactions",
        root.display(),
        path.display()
    )]
    Removes {
        /// Which transaction.
        id: u64,
        /// Below which root.
        root: PathBuf,
        /// The file, from there.
        path: PathBuf,
    },
    /// A record, the ledger or a transaction keeps something half done.
    #[error(transparent)]
    Unsettled(#[from] SettleError),
    /// The project's directory is not there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What stands there cannot be read, or is not to be trusted.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

impl HalfDone {
    /// Looks below every root that a change of the project's `sources` may have. Changes nothing.
    ///
    /// # Errors
    /// What stands there cannot be read, or is not to be trusted.
    pub fn find(project: &Path, sources: &Sources) -> Result<Self, RecoveryError> {
        let files = sources.ids().filter_map(|file| sources.path(file).map(Path::new));
        let roots = roots(project, files)?;
        let mut transactions = Vec::new();
        for root in &roots {
            for planned in transaction::pending_changes(root)? {
                let removed = planned.changed.iter().find(|changed| changed.after.is_none());
                if let Some(removed) = removed
                    && !transaction::finished(root)?.iter().any(|earlier| planned.takes_back(earlier))
                {
                    let (id, root, path) = (planned.id, planned.root.clone(), removed.path.clone());
                    return Err(RecoveryError::Removes { id, root, path });
                }
            }
            transactions.extend(transaction::pending(root)?.into_iter().map(|id| (id, root.clone())));
        }
        let project = roots.into_iter().next().unwrap_or_default();
        Ok(Self { project, transactions })
    }

    /// Whether there is nothing of the kind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// The numbers, each with how many levels its root lies above the project's directory.
    pub fn transactions(&self) -> impl Iterator<Item = (u64, usize)> {
        let levels =
            |root: &Path| self.project.strip_prefix(root).map_or(0, |below| below.components().count());
        self.transactions.iter().map(move |(id, root)| (*id, levels(root)))
    }

    /// Each in words.
    pub fn said(&self) -> impl Iterator<Item = String> {
        self.transactions
            .iter()
            .map(|(id, root)| format!("transaction {id} below {} is unfinished", root.display()))
    }

    /// Finishes each, or undoes it: a freeze is finished if its record stands, and a record without an entry in the ledger gets
    /// one. Says what was done.
    ///
    /// # Errors
    /// It is another project's, was not made by these programs, or somebody changed a file meanwhile; or it lies outside the
    /// project and `outside` does not allow that.
    pub fn settle(&self, outside: bool) -> Result<Vec<String>, RecoveryError> {
        if let Some((id, root)) = self.transactions.iter().find(|(_, root)| *root != self.project && !outside)
        {
            return Err(RecoveryError::Outside { id: *id, root: root.clone() });
        }
        let (store, ledger) = (DirectoryStore::new(&self.project), LedgerFile::new(&self.project));
        let roots: BTreeSet<&Path> = self.transactions.iter().map(|(_, root)| root.as_path()).collect();
        let mut said = Vec::new();
        // The project's own last: it may have nothing half done but the ledger.
        for root in roots.into_iter().filter(|root| *root != self.project).chain([self.project.as_path()]) {
            let whose = below(&self.project, root);
            let settled = settle(root, &store, &ledger, |tag, latest| vote(tag, latest, whose.as_deref()))?;
            said.extend(settled.recovered.iter().map(|transaction| {
                let how = if transaction.finished { "finished" } else { "undid" };
                format!("{how} transaction {}, which an earlier run left half done", transaction.id)
            }));
            said.extend(settled.entered.iter().map(|generation| {
                format!("entered generation {generation} into the ledger, which an earlier run had not")
            }));
        }
        Ok(said)
    }
}

/// The tag under which a freeze of the project in `project` is staged: the fingerprint that decides about it, and below a root
/// that several projects share, whose it is. Both paths are without links.
#[must_use]
pub fn tag(record: &Record, project: &Path, root: &Path) -> String {
    let print = record.fingerprint.to_string();
    match below(project, root) {
        Some(inside) => format!("{print} {inside}"),
        None => print,
    }
}

fn below(project: &Path, root: &Path) -> Option<String> {
    let inside = project.strip_prefix(root).ok()?.display().to_string();
    (!inside.is_empty()).then_some(inside)
}

fn vote(tag: &str, latest: Option<&Record>, project: Option<&str>) -> Vote {
    let (print, whose) = tag.split_once(' ').map_or((tag, None), |(print, whose)| (print, Some(whose)));
    if whose != project {
        return Vote::Wait;
    }
    match latest {
        Some(record) if record.fingerprint.to_string() == print => Vote::Finish,
        _ => Vote::Revert,
    }
}
