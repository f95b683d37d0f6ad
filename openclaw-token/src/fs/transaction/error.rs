//! Why a set of files was not changed.

use super::journal::{JOURNAL_SCHEMA, MOST_CHANGES};
use crate::digest::Digest;
use crate::fs::{FileError, LockError};
use std::io;
use std::path::PathBuf;

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
    /// A transaction was staged under a tag; only [`recover_with`](super::recover_with) can decide about it.
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
    /// A journal was written by a newer release of this crate; use that release. Nothing of it is touched.
    #[error("{} has schema {found}, newer than {JOURNAL_SCHEMA}; use a newer release", path.display())]
    NewerJournal {
        /// Which file.
        path: PathBuf,
        /// The schema found.
        found: u32,
    },
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
    /// What stands in a transaction's directory was not written by this crate. Somebody put it there; nothing of it is done.
    #[error("{} was not written here: {detail}. Nothing of it was done; look who made it, then remove it", directory.display())]
    NotOurs {
        /// The transaction's directory.
        directory: PathBuf,
        /// What this crate would not have written.
        detail: String,
    },
    /// The file is not UTF-8, and the change was made for what it reads as where it is taken for UTF-8. To write that would
    /// lose bytes.
    #[error("{} is not UTF-8 in line {line}, and what it holds there would be lost; save it as UTF-8, or change it by hand", path.display())]
    NotUtf8 {
        /// Which file.
        path: PathBuf,
        /// The first such line, from 1.
        line: usize,
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
    /// A file could not be replaced and putting the others back failed too: call [`recover`](super::recover).
    #[error("transaction {id} under {} is half done ({cause}) and could not be undone ({rollback}); recovery tries again", root.display())]
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
    /// An earlier transaction has neither finished nor been reverted: call [`recover`](super::recover) first.
    #[error("transaction {id} under {} is unfinished; recover it before anything else is written", root.display())]
    Unfinished {
        /// Under which root.
        root: PathBuf,
        /// Which transaction.
        id: u64,
    },
    /// More files than one transaction changes.
    #[error(
        "{count} files are more than the {MOST_CHANGES} that one transaction changes; change fewer at a time"
    )]
    TooMany {
        /// How many.
        count: usize,
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
