//! A root directory: its transactions, and what its files hold now.

use super::journal::{
    Found, JOURNAL, JOURNAL_LIMIT, JOURNAL_SCHEMA, Journal, JournalEntry, Ownership, Phase, Planned,
    is_inside, is_own_name,
};
use super::{Change, TransactionError};
use crate::digest::Digest;
use crate::fs::disk::{Disk, Held, Kind, Stat, Sync};
use crate::fs::real::RealDisk;
use crate::fs::{FileError, LockError, STATE_DIRECTORY, lock};
use crate::record;
use secrecy::{ExposeSecret, SecretSlice};
use serde::Deserialize;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Files above this size are refused: a token lives in small text files, and everything here is read whole.
const FILE_LIMIT: u64 = 64 << 20;

/// A root directory on a disk.
pub(in crate::fs) struct Root {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
}

impl Root {
    /// On the disk of the machine.
    pub(in crate::fs) fn open(root: &Path) -> Result<Self, TransactionError> {
        let root = std::fs::canonicalize(root).map_err(FileError::of("open", root))?;
        Ok(Self { disk: Arc::new(RealDisk::below(root.clone())), path: root })
    }

    #[cfg(test)]
    pub(in crate::fs) fn on(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, path: root.to_owned() }
    }

    pub(super) fn transactions(&self) -> PathBuf {
        self.path.join(STATE_DIRECTORY).join("transactions")
    }

    pub(super) fn directory(&self, id: u64, phase: Phase) -> PathBuf {
        self.transactions().join(Found { id, phase }.name())
    }

    pub(super) fn lock(&self) -> Result<Box<dyn Held>, LockError> {
        lock(&*self.disk, &self.transactions().join("lock"))
    }

    pub(super) fn stat(&self, path: &Path) -> Result<Option<Stat>, FileError> {
        self.disk.stat(path).map_err(FileError::of("inspect", path))
    }

    pub(super) fn sync_dir(&self, dir: &Path, site: Sync) -> Result<(), FileError> {
        self.disk.sync_dir(dir, site).map_err(FileError::of("sync", dir))
    }

    /// All transactions, oldest first. A power cut can leave one under the names of two phases.
    pub(super) fn list(&self) -> Result<Vec<Found>, FileError> {
        let dir = self.transactions();
        let names = self.disk.list(&dir).map_err(FileError::of("list", &dir))?;
        let mut found: Vec<Found> = names.iter().filter_map(|name| Found::named(name)).collect();
        found.sort_by_key(|found| found.id);
        Ok(found)
    }

    /// One rename is one step.
    pub(super) fn shift(&self, id: u64, from: Phase, to: Phase) -> Result<(), TransactionError> {
        let (old, new) = (self.directory(id, from), self.directory(id, to));
        self.disk.rename(&old, &new).map_err(FileError::of("rename", &old))?;
        Ok(self.sync_dir(&self.transactions(), Sync::Phase(to.name()))?)
    }

    /// The journal of a transaction, checked as its plan was. Whoever can write into the stack can have written it.
    pub(super) fn journal(&self, found: Found) -> Result<Journal, TransactionError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: u32,
        }
        let path = self.directory(found.id, found.phase).join(JOURNAL);
        let text = self.disk.read(&path, JOURNAL_LIMIT as u64).map_err(FileError::of("read", &path))?;
        let unreadable = |error: serde_json::Error| {
            let detail =
                format!("line {}, column {}: {}", error.line(), error.column(), record::detail(&error));
            match error.is_data() {
                true => self.not_ours(found, detail),
                // Cut short, or zeros, as a power cut leaves it.
                false => TransactionError::Journal { path: path.clone(), detail },
            }
        };
        // The version first: a newer journal may have fields this release cannot read.
        let Versioned { schema } = serde_json::from_slice(&text).map_err(unreadable)?;
        if schema > JOURNAL_SCHEMA {
            return Err(TransactionError::NewerJournal { path, found: schema });
        }
        let journal: Journal = serde_json::from_slice(&text).map_err(unreadable)?;
        journal.check(found.id).map_err(|detail| self.not_ours(found, detail))?;
        for entry in &journal.entries {
            match self.is_in_place(&self.path.join(&entry.path)) {
                // Its directory is gone: whoever needs it says so.
                Ok(()) | Err(TransactionError::NoDirectory { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(journal)
    }

    /// As [`journal`](Self::journal); `None` if it was never finished, or is gone already.
    pub(super) fn journal_if_whole(&self, found: Found) -> Result<Option<Journal>, TransactionError> {
        match self.journal(found) {
            Err(TransactionError::Journal { .. }) => Ok(None),
            Err(TransactionError::File(error)) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
            journal => journal.map(Some),
        }
    }

    /// The names in a transaction's directory, if all of them are ours to remove.
    pub(super) fn own_names(&self, found: Found) -> Result<Vec<String>, TransactionError> {
        let dir = self.directory(found.id, found.phase);
        let names = self.disk.list(&dir).map_err(FileError::of("list", &dir))?;
        match names.iter().find(|name| !is_own_name(name)) {
            Some(name) => Err(self.not_ours(found, format!("no transaction makes a file called {name}"))),
            None => Ok(names),
        }
    }

    pub(super) fn backup(&self, path: &Path, expected: Digest) -> Result<SecretSlice<u8>, TransactionError> {
        let bytes = SecretSlice::from(self.disk.read(path, FILE_LIMIT).map_err(FileError::of("read", path))?);
        if Digest::of(bytes.expose_secret()) != expected {
            let detail = "its content is not the original's".to_owned();
            return Err(TransactionError::Journal { path: path.to_owned(), detail });
        }
        Ok(bytes)
    }

    /// Whether the owner that a journal names is the original's: that of the file now in its place, of its backup, or the
    /// caller. Otherwise root would give a file to somebody who never had it; nobody else can.
    pub(super) fn check_owner(&self, found: Found, entry: &JournalEntry) -> Result<(), TransactionError> {
        let Ownership { uid, gid, .. } = entry.ownership;
        let (caller, group) = self.disk.caller();
        if caller != 0 || (uid, gid) == (caller, group) {
            return Ok(());
        }
        let backup = entry.backup.as_ref().map(|backup| self.directory(found.id, found.phase).join(backup));
        for path in backup.into_iter().chain([self.path.join(&entry.path)]) {
            if self.stat(&path)?.is_some_and(|original| (original.uid, original.gid) == (uid, gid)) {
                return Ok(());
            }
        }
        let detail = format!("it gives {} to {uid}:{gid}, who never owned it", entry.path.display());
        Err(self.not_ours(found, detail))
    }

    /// Whether the new file that waits beside its target is the one that was staged.
    pub(super) fn check_staged(
        &self,
        found: Found,
        entry: &JournalEntry,
        path: &Path,
    ) -> Result<(), TransactionError> {
        let content = self.content(path)?;
        if content.map(|content| Digest::of(content.expose_secret())) != entry.after {
            let detail = format!("the new content staged by transaction {} is gone", found.id);
            return Err(TransactionError::Journal { path: path.to_owned(), detail });
        }
        match self.stat(path)? {
            Some(Stat { links: 1, mode, .. }) if mode & 0o7000 == 0 => Ok(()),
            _ => Err(self.not_ours(found, format!("{} is not as it was staged", path.display()))),
        }
    }

    pub(super) fn not_ours(&self, found: Found, detail: String) -> TransactionError {
        TransactionError::NotOurs { directory: self.directory(found.id, found.phase), detail }
    }

    /// Follows links, and insists on the root.
    pub(super) fn check(&self, change: Change) -> Result<Planned, TransactionError> {
        let wanted = self.path.join(&change.path);
        let outside =
            |path: &Path| TransactionError::Outside { path: path.to_owned(), root: self.path.clone() };
        let Some(name) = wanted.file_name() else { return Err(outside(&wanted)) };
        if change.path.components().any(|part| part == Component::ParentDir) {
            return Err(outside(&wanted));
        }
        let parent = wanted.parent().unwrap_or(&self.path);
        let parent = match self.disk.resolve(parent) {
            Ok(parent) => parent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TransactionError::NoDirectory { path: wanted });
            }
            Err(error) => return Err(FileError::of("open", parent)(error).into()),
        };
        let inside = |target: &Path| match target.strip_prefix(&self.path) {
            Ok(path) if is_inside(path) => Ok(path.to_owned()),
            _ => Err(outside(target)),
        };
        let mut target = parent.join(name);
        let mut path = inside(&target)?;
        let mut stat = self.stat(&target)?;
        if stat.is_some_and(|stat| stat.kind == Kind::Link) {
            target = match self.disk.resolve(&target) {
                Ok(target) => target,
                Err(_) => return Err(TransactionError::NotAFile { path: target }),
            };
            path = inside(&target)?;
            stat = self.stat(&target)?;
        }
        if stat.is_some_and(|stat| stat.kind != Kind::File) {
            return Err(TransactionError::NotAFile { path: target });
        }
        self.expect(&path, change.expected)?;
        let ownership = match (stat, change.ownership) {
            (Some(Stat { uid, gid, mode, .. }), _) => Ownership { uid, gid, mode: mode & 0o777 },
            (None, Some(ownership)) => ownership,
            // A new file belongs to whoever owns its directory: made by root for uid 1000, it stays readable there.
            (None, None) => {
                let parent = target.parent().unwrap_or(&self.path);
                let Some(Stat { uid, gid, .. }) = self.stat(parent)? else {
                    return Err(TransactionError::NoDirectory { path: target });
                };
                Ownership { uid, gid, mode: if change.secret { 0o600 } else { 0o644 } }
            }
        };
        Ok(Planned { path, expected: change.expected, content: change.content, ownership })
    }

    /// The content of a file, if it is the one expected.
    pub(super) fn expect(
        &self,
        path: &Path,
        expected: Option<Digest>,
    ) -> Result<Option<SecretSlice<u8>>, TransactionError> {
        let path = self.path.join(path);
        let content = self.content(&path)?;
        let found = content.as_ref().map(|content| Digest::of(content.expose_secret()));
        if found == expected {
            return Ok(content);
        }
        let bytes = content.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        match (line_of_other_encoding(bytes), expected) {
            // The caller read it as text, and what is not UTF-8 became replacement characters.
            (Some(line), Some(expected))
                if Digest::of(String::from_utf8_lossy(bytes).as_bytes()) == expected =>
            {
                Err(TransactionError::NotUtf8 { path, line })
            }
            _ => Err(TransactionError::Changed { path, expected, found }),
        }
    }

    /// What a file holds. Its directory must still be what it was: no link may have taken its place since.
    pub(super) fn content(&self, path: &Path) -> Result<Option<SecretSlice<u8>>, TransactionError> {
        self.is_in_place(path)?;
        match self.stat(path)? {
            None => Ok(None),
            Some(Stat { kind: Kind::File, .. }) => {
                let bytes = self.disk.read(path, FILE_LIMIT).map_err(FileError::of("read", path))?;
                Ok(Some(SecretSlice::from(bytes)))
            }
            Some(_) => Err(TransactionError::NotAFile { path: path.to_owned() }),
        }
    }

    /// Whether no link leads to the directory of this file.
    fn is_in_place(&self, path: &Path) -> Result<(), TransactionError> {
        let parent = path.parent().unwrap_or(&self.path);
        match self.disk.resolve(parent) {
            Ok(found) if found == parent => Ok(()),
            Ok(found) => Err(TransactionError::Outside { path: found, root: self.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(TransactionError::NoDirectory { path: path.to_owned() })
            }
            Err(error) => Err(FileError::of("open", parent)(error).into()),
        }
    }
}

/// The first line, from 1, that is not UTF-8.
fn line_of_other_encoding(bytes: &[u8]) -> Option<usize> {
    let valid = std::str::from_utf8(bytes).err()?.valid_up_to();
    Some(1 + bytes.iter().take(valid).filter(|&&byte| byte == b'\n').count())
}
