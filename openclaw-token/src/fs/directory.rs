//! Records as files of a directory: the embedded [`RecordStore`].

use super::disk::{Disk, Held, Sync};
use super::real::RealDisk;
use super::{FileError, LockError, STATE_DIRECTORY, lock, make_dirs};
use crate::freeze::{Created, RecordStore, StoreError};
use crate::record::{self, RECORD_SIZE_LIMIT, Record};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Records under `.openclaw-token/records/`, one file a generation, each written once.
///
/// Exactly one of any number of callers gets to write a generation: the record is made durable under a temporary name,
/// and a hard link gives it its own, which fails if the name exists. That holds on local disks and over NFS, with or
/// without working locks; the lock (`flock`, given back by the kernel when its holder dies) only keeps racing
/// callers from minting in vain. On a volume without hard links `create` fails; it never falls back to something
/// weaker. On a volume shared by several hosts it relies on that volume's fsync; use the object store for a fleet.
pub struct DirectoryStore {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    records: PathBuf,
}

/// Keeps other freezes out of a [`DirectoryStore`] until dropped.
pub struct DirectoryGuard(#[expect(dead_code, reason = "held for its drop")] Box<dyn Held>);

impl fmt::Debug for DirectoryGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirectoryGuard")
    }
}

impl DirectoryStore {
    /// The store under `root`, which must exist. Makes nothing until something is frozen.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self::on(Arc::new(RealDisk::below(root.clone())), root)
    }

    pub(super) fn on(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        let records = root.join(STATE_DIRECTORY).join("records");
        Self { disk, root, records }
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.records.join(record::file_name(generation))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        match self.disk.list(&self.records) {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(unavailable(FileError::of("list", &self.records)(error))),
        }
    }

    fn newest(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.names()?.iter().filter_map(|name| record::generation_of(name)).max())
    }

    fn read(&self, generation: u64) -> Result<Option<Record>, StoreError> {
        let path = &self.path(generation);
        let text = match self.disk.read(path, RECORD_SIZE_LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(FileError::of("read", path)(error))),
        };
        let record = Record::of_generation(generation, &text)
            .map_err(|error| StoreError::Unreadable { place: path.display().to_string(), error })?;
        Ok(Some(record))
    }

    /// A caller died between naming its record and telling anyone. Make what it did durable, then tidy up.
    fn settle(&self) -> Result<(), StoreError> {
        let left: Vec<String> = self.names()?.into_iter().filter(|name| is_temporary(name)).collect();
        if left.is_empty() {
            return Ok(());
        }
        self.sync_names(Sync::RecordSettled)?;
        for name in left {
            let path = self.records.join(name);
            match self.disk.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(unavailable(FileError::of("remove", &path)(error)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn sync_names(&self, site: Sync) -> Result<(), StoreError> {
        self.disk
            .sync_dir(&self.records, site)
            .map_err(|error| unavailable(FileError::of("sync", &self.records)(error)))
    }
}

impl RecordStore for DirectoryStore {
    type Guard = DirectoryGuard;

    fn lock(&self) -> Result<DirectoryGuard, StoreError> {
        // Whoever stored a record had made its directory durable before. The common case, a token frozen long ago, need not
        // wait for the disk again.
        if self.newest()?.is_none() {
            make_dirs(&*self.disk, &self.root, &self.records).map_err(unavailable)?;
        }
        let held = lock(&*self.disk, &self.records.join("lock")).map_err(|error| match error {
            LockError::File(error) => unavailable(error),
            error @ LockError::Held { .. } => {
                StoreError::Unavailable { place: self.records.display().to_string(), source: error.into() }
            }
        })?;
        self.settle()?;
        Ok(DirectoryGuard(held))
    }

    fn generation(&self, generation: u64) -> Result<Option<Record>, StoreError> {
        self.read(generation)
    }

    fn latest(&self) -> Result<Option<Record>, StoreError> {
        match self.newest()? {
            Some(newest) => self.generation(newest),
            None => Ok(None),
        }
    }

    fn create(&self, record: &Record) -> Result<Created, StoreError> {
        make_dirs(&*self.disk, &self.root, &self.records).map_err(unavailable)?;
        let path = self.path(record.generation);
        let temporary = self.records.join(temporary_name()?);
        let fault = |act, path: &Path, error| unavailable(FileError::of(act, path)(error));

        let mut file = self.disk.create(&temporary).map_err(|error| fault("create", &temporary, error))?;
        let written = file.append(record.to_text().as_bytes()).and_then(|()| file.sync(Sync::Record));
        if let Err(error) = written {
            let _ = self.disk.remove_file(&temporary);
            return Err(fault("write", &temporary, error));
        }
        let linked = self.disk.link(&temporary, &path);
        let outcome = match linked {
            Ok(()) => Created::Won,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match self.read(record.generation)? {
                    Some(existing) => Created::Lost(Box::new(existing)),
                    None => return Err(fault("read", &path, io::ErrorKind::NotFound.into())),
                }
            }
            Err(error) => {
                let _ = self.disk.remove_file(&temporary);
                return Err(fault("create", &path, error));
            }
        };
        // Also for the loser: it is about to act on a record whose writer may have died before this line.
        self.sync_names(Sync::RecordEntry)?;
        let _ = self.disk.remove_file(&temporary);
        Ok(outcome)
    }
}

impl fmt::Debug for DirectoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryStore").field("records", &self.records).finish_non_exhaustive()
    }
}

/// The name of a record that has no number yet: `.<16 hexadecimal digits>.tmp`. Two containers on one volume can have the
/// same process id, so it is random.
fn temporary_name() -> Result<String, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable {
        place: "randomness".to_owned(),
        source: error.to_string().into(),
    })?;
    Ok(format!(".{}.tmp", hex::encode(bytes)))
}

/// Exactly such a name: what else ends in `.tmp` is somebody else's.
fn is_temporary(name: &str) -> bool {
    let digits = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    digits.is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn unavailable(error: FileError) -> StoreError {
    // The error names the file itself.
    StoreError::Unavailable { place: "record store".to_owned(), source: error.into() }
}
