//! The steps from phase to phase. Each can be cut off anywhere and taken again.

use super::TransactionError;
use super::journal::{Dress, Entry, Journal, Phase};
use super::place::Place;
use crate::digest::Digest;
use crate::fs::FileError;
use crate::fs::disk::Sync;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

impl Place {
    /// A new durable file; with an entry, in its owner and mode.
    pub(super) fn write_new(
        &self,
        path: &Path,
        bytes: &[u8],
        like: Option<&Entry>,
        site: Sync,
    ) -> Result<(), TransactionError> {
        let mut file = self.disk.create(path).map_err(FileError::of("create", path))?;
        file.append(bytes).map_err(FileError::of("write", path))?;
        if let Some(entry) = like {
            let Dress { uid, gid, mode } = entry.dress;
            match file.dress(Some((uid, gid)), mode) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    // An existing file must keep its owner; a new one may be ours.
                    if entry.before.is_some() {
                        let path = self.root.join(&entry.path);
                        return Err(TransactionError::Owner { path, uid, gid, source: error });
                    }
                    file.dress(None, mode).map_err(FileError::of("set the mode of", path))?;
                }
                dressed => dressed.map_err(FileError::of("set the owner of", path))?,
            }
        }
        Ok(file.sync(site).map_err(FileError::of("sync", path))?)
    }

    pub(super) fn sync_parents(&self, journal: &Journal, site: Sync) -> Result<(), TransactionError> {
        let targets = journal.entries.iter().map(|entry| self.root.join(&entry.path));
        let parents: BTreeSet<PathBuf> =
            targets.filter_map(|path| path.parent().map(Path::to_owned)).collect();
        for parent in parents {
            self.sync_dir(&parent, site)?;
        }
        Ok(())
    }

    /// Every target must be old (with its new file waiting) or already new; then `finish` cannot be surprised.
    pub(super) fn check_finishable(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            let found = self.content(&target)?.map(|content| Digest::of(content.expose_secret()));
            if found != entry.after && found != entry.before {
                return Err(TransactionError::Changed { path: target, expected: entry.before, found });
            }
            if let (Some(staged), true) = (&entry.staged, found != entry.after) {
                let path = target.with_file_name(staged);
                if self.content(&path)?.map(|content| Digest::of(content.expose_secret())) != entry.after {
                    let detail = format!("the new content staged by transaction {id} is gone");
                    return Err(TransactionError::Journal { path, detail });
                }
            }
        }
        Ok(())
    }

    /// From committed to done.
    pub(super) fn finish(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
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
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            let found = self.content(&target)?.map(|content| Digest::of(content.expose_secret()));
            if found == entry.before {
                continue;
            }
            if found != entry.after {
                return Err(TransactionError::Changed { path: target, expected: entry.after, found });
            }
            match (&entry.backup, entry.before) {
                (Some(backup), Some(before)) => {
                    let original = self.backup(&dir.join(backup), before)?;
                    let copy = target.with_file_name(restored_name(entry, id));
                    self.remove_if_there(&copy)?;
                    self.write_new(&copy, original.expose_secret(), Some(entry), Sync::Restored)?;
                    self.disk.rename(&copy, &target).map_err(FileError::of("restore", &target))?;
                }
                _ => self.disk.remove_file(&target).map_err(FileError::of("remove", &target))?,
            }
        }
        self.remove_temporaries(id, journal)?;
        self.sync_parents(journal, Sync::RestoredEntry)?;
        self.shift(id, Phase::Reverting, Phase::Reverted)
    }

    /// Forgets a transaction: temporaries first, then its directory. Targets are not touched.
    pub(super) fn clear(&self, id: u64, phase: Phase, journal: &Journal) -> Result<(), TransactionError> {
        let dir = self.directory(id, Phase::Clearing);
        if phase != Phase::Clearing && self.stat(&self.directory(id, phase))?.is_some() {
            self.shift(id, phase, Phase::Clearing)?;
        }
        self.remove_temporaries(id, journal)?;
        self.sync_parents(journal, Sync::Cleared)?;
        if self.stat(&dir)?.is_none() {
            return Ok(());
        }
        for name in self.disk.list(&dir).map_err(FileError::of("list", &dir))? {
            self.remove_if_there(&dir.join(name))?;
        }
        self.disk.remove_dir(&dir).map_err(FileError::of("remove", &dir))?;
        Ok(self.sync_dir(&self.transactions(), Sync::Gone)?)
    }

    pub(super) fn remove_temporaries(&self, id: u64, journal: &Journal) -> Result<(), TransactionError> {
        for entry in &journal.entries {
            let target = self.root.join(&entry.path);
            if let Some(staged) = &entry.staged {
                self.remove_if_there(&target.with_file_name(staged))?;
            }
            self.remove_if_there(&target.with_file_name(restored_name(entry, id)))?;
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

/// Where an original's copy is made before it is put back.
fn restored_name(entry: &Entry, id: u64) -> String {
    let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.openclaw-{id}.old")
}
