//! A root directory: its transactions, and what its files hold now.

use super::journal::{Dress, Found, JOURNAL, JOURNAL_SCHEMA, Journal, Phase, Planned};
use super::{Change, TransactionError};
use crate::digest::Digest;
use crate::fs::disk::{Disk, Held, Kind, Stat, Sync};
use crate::fs::real::RealDisk;
use crate::fs::{FileError, LockError, STATE_DIRECTORY, lock};
use secrecy::{ExposeSecret, SecretSlice};
use serde::Deserialize;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Files above this size are refused: a token lives in small text files, and everything here is read whole.
const FILE_LIMIT: u64 = 64 << 20;

/// A root directory on a disk.
pub(in crate::fs) struct Place {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) root: PathBuf,
}

impl Place {
    /// On the disk of the machine.
    pub(in crate::fs) fn open(root: &Path) -> Result<Self, TransactionError> {
        let root = std::fs::canonicalize(root).map_err(FileError::of("open", root))?;
        Ok(Self { disk: Arc::new(RealDisk::below(root.clone())), root })
    }

    #[cfg(test)]
    pub(in crate::fs) fn on(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, root: root.to_owned() }
    }

    pub(super) fn transactions(&self) -> PathBuf {
        self.root.join(STATE_DIRECTORY).join("transactions")
    }

    pub(super) fn directory(&self, id: u64, phase: Phase) -> PathBuf {
        self.transactions().join(format!("{id:06}.{}", phase.name()))
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

    /// All transactions, oldest first.
    pub(super) fn list(&self) -> Result<Vec<Found>, FileError> {
        let dir = self.transactions();
        let names = self.disk.list(&dir).map_err(FileError::of("list", &dir))?;
        let parse = |name: &String| {
            let (id, phase) = name.split_once('.')?;
            Some(Found { id: id.parse().ok()?, phase: Phase::named(phase)? })
        };
        let mut found: Vec<Found> = names.iter().filter_map(parse).collect();
        found.sort_by_key(|found| found.id);
        Ok(found)
    }

    /// One rename is one step.
    pub(super) fn shift(&self, id: u64, from: Phase, to: Phase) -> Result<(), TransactionError> {
        let (old, new) = (self.directory(id, from), self.directory(id, to));
        self.disk.rename(&old, &new).map_err(FileError::of("rename", &old))?;
        Ok(self.sync_dir(&self.transactions(), Sync::Phase(to.name()))?)
    }

    pub(super) fn journal(&self, dir: &Path) -> Result<Journal, TransactionError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: u32,
        }
        let path = dir.join(JOURNAL);
        let text = self.disk.read(&path, FILE_LIMIT).map_err(FileError::of("read", &path))?;
        let damaged = |error: serde_json::Error| TransactionError::Journal {
            path: path.clone(),
            detail: error.to_string(),
        };
        // The version first: a newer journal may have fields this release cannot read.
        let Versioned { schema } = serde_json::from_slice(&text).map_err(damaged)?;
        if schema > JOURNAL_SCHEMA {
            return Err(TransactionError::NewerJournal { path, found: schema });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    /// As [`journal`](Self::journal); `None` if it was never finished, or is gone already.
    pub(super) fn journal_if_whole(&self, dir: &Path) -> Result<Option<Journal>, TransactionError> {
        match self.journal(dir) {
            Err(TransactionError::Journal { .. }) => Ok(None),
            Err(TransactionError::File(error)) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
            journal => journal.map(Some),
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

    /// Follows links, and insists on the root.
    pub(super) fn check(&self, change: Change) -> Result<Planned, TransactionError> {
        let wanted = self.root.join(&change.path);
        let outside =
            |path: &Path| TransactionError::Outside { path: path.to_owned(), root: self.root.clone() };
        let Some(name) = wanted.file_name() else { return Err(outside(&wanted)) };
        if change.path.components().any(|part| part == Component::ParentDir) {
            return Err(outside(&wanted));
        }
        let parent = wanted.parent().unwrap_or(&self.root);
        let parent = match self.disk.resolve(parent) {
            Ok(parent) => parent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TransactionError::NoDirectory { path: wanted });
            }
            Err(error) => return Err(FileError::of("open", parent)(error).into()),
        };
        let mut target = parent.join(name);
        if !target.starts_with(&self.root) {
            return Err(outside(&target));
        }
        let mut stat = self.stat(&target)?;
        if stat.is_some_and(|stat| stat.kind == Kind::Link) {
            target = match self.disk.resolve(&target) {
                Ok(target) => target,
                Err(_) => return Err(TransactionError::NotAFile { path: target }),
            };
            if !target.starts_with(&self.root) {
                return Err(outside(&target));
            }
            stat = self.stat(&target)?;
        }
        let Ok(path) = target.strip_prefix(&self.root) else { return Err(outside(&target)) };
        if path.starts_with(STATE_DIRECTORY) {
            return Err(outside(&target));
        }
        if stat.is_some_and(|stat| stat.kind != Kind::File) {
            return Err(TransactionError::NotAFile { path: target });
        }
        self.expect(path, change.expected)?;
        let dress = match (stat, change.dress) {
            (Some(Stat { uid, gid, mode, .. }), _) => Dress { uid, gid, mode },
            (None, Some(dress)) => dress,
            // A new file belongs to whoever owns its directory: made by root for uid 1000, it stays readable there.
            (None, None) => {
                let parent = target.parent().unwrap_or(&self.root);
                let Some(Stat { uid, gid, .. }) = self.stat(parent)? else {
                    return Err(TransactionError::NoDirectory { path: target });
                };
                Dress { uid, gid, mode: if change.secret { 0o600 } else { 0o644 } }
            }
        };
        Ok(Planned { path: path.to_owned(), expected: change.expected, content: change.content, dress })
    }

    /// The content of a file, if it is the one expected.
    pub(super) fn expect(
        &self,
        path: &Path,
        expected: Option<Digest>,
    ) -> Result<Option<SecretSlice<u8>>, TransactionError> {
        let path = self.root.join(path);
        let content = self.content(&path)?;
        let found = content.as_ref().map(|content| Digest::of(content.expose_secret()));
        if found == expected { Ok(content) } else { Err(TransactionError::Changed { path, expected, found }) }
    }

    /// What a file holds. Its directory must still be what it was: no link may have taken its place since.
    pub(super) fn content(&self, path: &Path) -> Result<Option<SecretSlice<u8>>, TransactionError> {
        let parent = path.parent().unwrap_or(&self.root);
        match self.disk.resolve(parent) {
            Ok(found) if found == parent => {}
            Ok(found) => return Err(TransactionError::Outside { path: found, root: self.root.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TransactionError::NoDirectory { path: path.to_owned() });
            }
            Err(error) => return Err(FileError::of("open", parent)(error).into()),
        }
        match self.stat(path)? {
            None => Ok(None),
            Some(Stat { kind: Kind::File, .. }) => {
                let bytes = self.disk.read(path, FILE_LIMIT).map_err(FileError::of("read", path))?;
                Ok(Some(SecretSlice::from(bytes)))
            }
            Some(_) => Err(TransactionError::NotAFile { path: path.to_owned() }),
        }
    }
}
