//! The steps from phase to phase. Each can be cut off anywhere and taken again.

use super::TransactionError;
use super::journal::{Found, Journal, JournalEntry, Ownership, Phase, restored_name, taken_back_name};
use super::root::Root;
use crate::digest::Digest;
use crate::fs::FileError;
use crate::fs::disk::{OpenFile, Sync};
use secrecy::{ExposeSecret, SecretSlice};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

impl Root {
    /// A new durable file.
    pub(super) fn write_new(
        &self,
        path: &Path,
        bytes: &[u8],
        ownership: impl FnOnce(&dyn OpenFile) -> Result<(), TransactionError>,
        site: Sync,
    ) -> Result<(), TransactionError> {
        let mut file = self.disk.create(path).map_err(FileError::of("create", path))?;
        file.append(bytes).map_err(FileError::of("write", path))?;
        ownership(&*file)?;
        Ok(file.sync(site).map_err(FileError::of("sync", path))?)
    }

    /// Gives a file the owner and mode of its entry.
    pub(super) fn set_ownership(
        &self,
        file: &dyn OpenFile,
        entry: &JournalEntry,
    ) -> Result<(), TransactionError> {
        let Ownership { uid, gid, mode } = entry.ownership;
        let path = self.path.join(&entry.path);
        match file.set_ownership(Some((uid, gid)), mode) {
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => match entry.before {
                // An existing file must keep its owner; a new one may be ours.
                Some(_) => Err(TransactionError::Owner { path, uid, gid, source }),
                None => {
                    Ok(file.set_ownership(None, mode).map_err(FileError::of("set the mode of", &path))?)
                }
            },
            set => Ok(set.map_err(FileError::of("set the owner of", &path))?),
        }
    }

    /// Gives a backup the owner of its original: what nobody else can give it shows later whose it was.
    pub(super) fn set_ownership_of_backup(
        &self,
        file: &dyn OpenFile,
        entry: &JournalEntry,
    ) -> Result<(), TransactionError> {
        match file.set_ownership(Some((entry.ownership.uid, entry.ownership.gid)), 0o600) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            set => Ok(set.map_err(FileError::of("set the owner of the backup of", &entry.path))?),
        }
    }

    pub(super) fn sync_parents(&self, journal: &Journal, site: Sync) -> Result<(), TransactionError> {
        let targets = journal.entries.iter().map(|entry| self.path.join(&entry.path));
        let parents: BTreeSet<PathBuf> =
            targets.filter_map(|path| path.parent().map(Path::to_owned)).collect();
        for parent in parents {
            self.sync_dir(&parent, site)?;
        }
        Ok(())
    }

    /// Every target must be old (with its new file waiting) or already new; then `finish` cannot be surprised. Every original
    /// must have its backup: whoever wrote the journal need not be who wrote the files, and nothing is lost by what it asks.
    pub(super) fn check_finishable(&self, found: Found, journal: &Journal) -> Result<(), TransactionError> {
        let dir = self.directory(found.id, found.phase);
        for entry in &journal.entries {
            if let (Some(backup), Some(before)) = (&entry.backup, entry.before) {
                self.backup(&dir.join(backup), before)?;
            }
            let path = self.path.join(&entry.path);
            let content = self.content(&path)?.map(|content| Digest::of(content.expose_secret()));
            if content != entry.after && content != entry.before {
                return Err(TransactionError::Changed { path, expected: entry.before, found: content });
            }
            let Some(staged) = &entry.staged else { continue };
            let staged = path.with_file_name(staged);
            if self.stat(&staged)?.is_some() || content != entry.after {
                self.check_staged(found, entry, &staged)?;
            }
        }
        Ok(())
    }

    /// From committed to done.
    pub(super) fn finish(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.path.join(&entry.path);
            if let Some(staged) = &entry.staged {
                let staged = target.with_file_name(staged);
                // After a crash some have been replaced already.
                if self.stat(&staged)?.is_some() {
                    self.disk.rename(&staged, &target).map_err(FileError::of("replace", &target))?;
                }
            } else if self.stat(&target)?.is_some() {
                self.disk.remove_file(&target).map_err(FileError::of("remove", &target))?;
            }
        }
        self.sync_parents(journal, Sync::Replaced)?;
        self.shift(id, Phase::Committed, Phase::Done)
    }

    /// From committed or reverting to reverted.
    pub(super) fn roll_back(&self, id: u64, phase: Phase, journal: &Journal) -> Result<(), TransactionError> {
        if phase != Phase::Reverting {
            self.shift(id, phase, Phase::Reverting)?;
        }
        let dir = self.directory(id, Phase::Reverting);
        for (n, entry) in journal.entries.iter().enumerate() {
            let target = self.path.join(&entry.path);
            let content = self.content(&target)?;
            let found = content.as_ref().map(|content| Digest::of(content.expose_secret()));
            if found == entry.before {
                continue;
            }
            if found != entry.after {
                return Err(TransactionError::Changed { path: target, expected: entry.after, found });
            }
            if let (Some(content), Some(after)) = (&content, entry.after) {
                self.keep(&target, content, after, &dir.join(taken_back_name(n)))?;
            }
            match (&entry.backup, entry.before) {
                (Some(backup), Some(before)) => {
                    let original = self.backup(&dir.join(backup), before)?;
                    let copy = target.with_file_name(restored_name(&entry.path, id));
                    self.remove_if_there(&copy)?;
                    let ownership = |file: &dyn OpenFile| self.set_ownership(file, entry);
                    self.write_new(&copy, original.expose_secret(), ownership, Sync::Restored)?;
                    self.disk.rename(&copy, &target).map_err(FileError::of("restore", &target))?;
                }
                _ => self.disk.remove_file(&target).map_err(FileError::of("remove", &target))?,
            }
        }
        self.remove_temporaries(id, journal)?;
        self.sync_parents(journal, Sync::RestoredEntry)?;
        self.shift(id, Phase::Reverting, Phase::Reverted)
    }

    /// Gives what is about to be taken back a second name beside the journal: whoever wrote the journal need not be who wrote
    /// the file, and nothing is lost by what it asks. Where the file system knows no second name, it is a copy.
    fn keep(
        &self,
        target: &Path,
        content: &SecretSlice<u8>,
        expected: Digest,
        kept: &Path,
    ) -> Result<(), TransactionError> {
        match self.disk.link(target, kept) {
            Ok(()) => Ok(()),
            // Kept before it was cut off, or put there by somebody.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.backup(kept, expected).map(drop)
            }
            Err(_) => self.write_new(kept, content.expose_secret(), |_| Ok(()), Sync::Restored),
        }
    }

    /// Every target must be new (with its backup whole) or already old; then putting back cannot be surprised half-way.
    pub(super) fn check_restorable(&self, found: Found, journal: &Journal) -> Result<(), TransactionError> {
        let dir = self.directory(found.id, found.phase);
        for entry in &journal.entries {
            let path = self.path.join(&entry.path);
            let content = self.content(&path)?.map(|content| Digest::of(content.expose_secret()));
            if content == entry.before {
                continue;
            }
            if content != entry.after {
                return Err(TransactionError::Changed { path, expected: entry.after, found: content });
            }
            if let (Some(backup), Some(before)) = (&entry.backup, entry.before) {
                self.backup(&dir.join(backup), before)?;
                self.check_owner(found, entry)?;
            }
        }
        Ok(())
    }

    /// Forgets a transaction: temporaries first, then its directory. Targets are not touched.
    pub(super) fn clear(&self, id: u64, phase: Phase, journal: &Journal) -> Result<(), TransactionError> {
        let there = self.stat(&self.directory(id, phase))?.is_some();
        let names = if there { self.own_names(Found { id, phase })? } else { Vec::new() };
        if there && phase != Phase::Clearing {
            self.shift(id, phase, Phase::Clearing)?;
        }
        self.remove_temporaries(id, journal)?;
        self.sync_parents(journal, Sync::Cleared)?;
        if !there {
            return Ok(());
        }
        let dir = self.directory(id, Phase::Clearing);
        for name in names {
            self.remove_if_there(&dir.join(name))?;
        }
        self.disk.remove_dir(&dir).map_err(FileError::of("remove", &dir))?;
        Ok(self.sync_dir(&self.transactions(), Sync::Gone)?)
    }

    pub(super) fn remove_temporaries(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.path.join(&entry.path);
            if let Some(staged) = &entry.staged {
                self.remove_if_there(&target.with_file_name(staged))?;
            }
            self.remove_if_there(&target.with_file_name(restored_name(&entry.path, id)))?;
        }
        Ok(())
    }

    fn remove_if_there(&self, path: &Path) -> Result<(), FileError> {
        match self.disk.remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(FileError::of("remove", path)),
        }
    }
}
