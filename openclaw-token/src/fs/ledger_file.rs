//! The ledger as a file: appending durably, one writer at a time.

use super::disk::{Disk, OpenFile, Sync};
use super::real::RealDisk;
use super::{FileError, LOCK_WAIT, LockError, STATE_DIRECTORY, lock_error, make_dirs};
use crate::ledger::{Anchor, BreakKind, Frame, LedgerEntry, Verification, entered, line, verify};
use crate::record::{CLOCK_TOLERANCE, Record};
use crate::timestamp;
use serde::Deserialize;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Longest line that is written, and looked for when appending.
const LONGEST_LINE: usize = 1 << 20;

/// Largest ledger that is read whole: at 300 bytes a line, over a million entries.
const LARGEST_LEDGER: u64 = 512 << 20;

/// `.openclaw-token/ledger.jsonl` under a root.
///
/// ```
/// use openclaw_token::fs::LedgerFile;
/// use openclaw_token::ledger::{Act, LedgerEntry};
/// # let root = tempfile::tempdir()?;
/// let ledger = LedgerFile::new(root.path());
/// let entry = LedgerEntry::new(std::time::SystemTime::UNIX_EPOCH, "ops", Act::Checked, "sources agree").ticket("CHG-17");
/// let anchor = ledger.append(&entry)?;
/// assert!(ledger.verify(Some(anchor))?.is_intact());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LedgerFile {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    path: PathBuf,
}

impl LedgerFile {
    /// The ledger under `root`, which must exist. Makes nothing until something is appended.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self::on(Arc::new(RealDisk::below(root.clone())), root)
    }

    pub(super) fn on(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        let path = root.join(STATE_DIRECTORY).join("ledger.jsonl");
        Self { disk, root, path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds one entry. When this returns it is durable, whole and after every entry that was returned before, from
    /// any process. What a writer that died left behind is removed first; nobody was told that it was written.
    ///
    /// # Errors
    /// The entry is dated before the last one, the last line is damaged, the entry is larger than a megabyte, or the
    /// file cannot be written. The ledger is then as before.
    pub fn append(&self, entry: &LedgerEntry) -> Result<Anchor, LedgerFileError> {
        self.add(|_, end| match end.entry_at {
            Some(last) if entry.at + CLOCK_TOLERANCE < last => {
                Err(LedgerFileError::ClockBackwards { at: entry.at, last })
            }
            _ => Ok(Some(entry.clone())),
        })
    }

    /// Adds the [entry of a record](LedgerEntry::of), with one more piece of `evidence`, unless the ledger has it: whoever asks, and
    /// however often, it is there once. It is dated as the record is, also where later entries stand before it.
    ///
    /// # Errors
    /// As [`append`](Self::append); or the ledger is too large to look for the entry.
    pub fn enter(&self, record: &Record, evidence: &str) -> Result<Anchor, LedgerFileError> {
        self.add(|file, end| {
            if end.offset > LARGEST_LEDGER {
                return Err(self.fault("read")(io::ErrorKind::FileTooLarge.into()).into());
            }
            let text = read_exact_at(file, 0, end.offset).map_err(self.fault("read"))?;
            let is_new = !entered(&text).contains_key(&record.digest());
            Ok(is_new.then(|| LedgerEntry::of(record).evidence(evidence)))
        })
    }

    /// Adds what `entry` answers, asked while the ledger is locked. The anchor is that of the last line then.
    fn add(
        &self,
        entry: impl FnOnce(&dyn OpenFile, &End) -> Result<Option<LedgerEntry>, LedgerFileError>,
    ) -> Result<Anchor, LedgerFileError> {
        let mut file = self.open()?;
        let _lock = file.lock(LOCK_WAIT).map_err(|refused| lock_error(refused, &self.path))?;
        let end = self.last_line(&*file)?;
        let Some(entry) = entry(&*file, &end)? else { return Ok(end.anchor) };
        if end.offset == 0 {
            // Whoever made the file may have died before its name was durable.
            let state = self.root.join(STATE_DIRECTORY);
            make_dirs(&*self.disk, &self.root, &state)?;
            self.disk.sync_dir(&state, Sync::LedgerEntry).map_err(FileError::of("sync", &state))?;
        }
        let (line, anchor) = line(end.anchor, &entry);
        if line.len() > LONGEST_LINE {
            return Err(LedgerFileError::TooLarge { length: line.len() });
        }
        if end.torn {
            file.truncate(end.offset).map_err(self.fault("repair"))?;
        }
        if let Err(error) = file.append(line.as_bytes()).and_then(|()| file.sync(Sync::Ledger)) {
            // Not acknowledged, so take it back; what remains of it is torn and the next append removes it.
            let _ = file.truncate(end.offset);
            return Err(self.fault("append to")(error).into());
        }
        Ok(anchor)
    }

    /// Checks the whole ledger; see [`verify`]. A ledger that does not exist is empty.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn verify(&self, anchor: Option<Anchor>) -> Result<Verification, LedgerFileError> {
        Ok(verify(&self.read()?, anchor))
    }

    /// The bytes of the ledger, for [`entries`](crate::ledger::entries).
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> Result<Vec<u8>, LedgerFileError> {
        match self.disk.read(&self.path, LARGEST_LEDGER) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.fault("read")(error).into()),
        }
    }

    /// Whether it can be added to. A ledger that does not exist can.
    pub(super) fn check(&self) -> Result<(), LedgerFileError> {
        match self.disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => Ok(opened.map(drop).map_err(self.fault("open"))?),
        }
    }

    fn open(&self) -> Result<Box<dyn OpenFile>, LedgerFileError> {
        match self.disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return Ok(opened.map_err(self.fault("open"))?),
        }
        make_dirs(&*self.disk, &self.root, &self.root.join(STATE_DIRECTORY))?;
        let created = match self.disk.create(&self.path) {
            // Somebody else was faster: open theirs.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(&self.path),
            created => created,
        };
        Ok(created.map_err(self.fault("create"))?)
    }

    fn last_line(&self, file: &dyn OpenFile) -> Result<End, LedgerFileError> {
        let length = file.len().map_err(self.fault("inspect"))?;
        // Enough for most last lines; the loop goes further back for others.
        let mut size = 1024;
        loop {
            let start = length.saturating_sub(size);
            let tail = read_exact_at(file, start, length).map_err(self.fault("read"))?;
            match End::of(&tail, start) {
                Some(Ok(end)) => return Ok(end),
                Some(Err(kind)) => return Err(LedgerFileError::Damaged { path: self.path.clone(), kind }),
                // Neither the start of the file nor of its last line is in sight.
                None if size > 2 * LONGEST_LINE as u64 => {
                    return Err(LedgerFileError::Damaged {
                        path: self.path.clone(),
                        kind: BreakKind::Edited,
                    });
                }
                None => size *= 8,
            }
        }
    }

    fn fault(&self, act: &'static str) -> impl FnOnce(io::Error) -> FileError {
        FileError::of(act, &self.path)
    }
}

impl fmt::Debug for LedgerFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerFileError {
    /// The entry is dated before the last one; set the clock (NTP) first.
    #[error(
        "the entry is dated {}, before the last one of {}; set the clock first",
        timestamp::to_text(*at),
        timestamp::to_text(*last)
    )]
    ClockBackwards {
        /// The entry's time.
        at: SystemTime,
        /// The last entry's.
        last: SystemTime,
    },
    /// The last complete line is not what was written there. Verify the ledger before anything is added.
    #[error("the last line of {} is {}; verify the ledger before adding to it", path.display(), damage(*kind))]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What is wrong with the line.
        kind: BreakKind,
    },
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process is appending and does not come to an end.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The entry is larger than a megabyte.
    #[error("an entry of {length} bytes is too large for the ledger; refer to a file by its digest")]
    TooLarge {
        /// Length of its line.
        length: usize,
    },
}

fn damage(kind: BreakKind) -> &'static str {
    match kind {
        BreakKind::NewerSchema => "of a newer release",
        _ => "damaged",
    }
}

/// The part of an entry that the next one is compared with.
#[derive(Deserialize)]
struct Dated {
    #[serde(with = "timestamp")]
    at: SystemTime,
}

/// The end of a ledger.
struct End {
    /// After the last complete line.
    offset: u64,
    /// Of the last complete line.
    anchor: Anchor,
    /// Its entry's time.
    entry_at: Option<SystemTime>,
    /// Whether anything follows it.
    torn: bool,
}

impl End {
    /// From the last bytes of the file, which begin at `start`; `None` if they do not reach back far enough.
    fn of(tail: &[u8], start: u64) -> Option<Result<Self, BreakKind>> {
        let mut complete = match memchr::memrchr(b'\n', tail) {
            Some(end) => end + 1,
            None if start == 0 => 0,
            None => return None,
        };
        let mut torn = complete < tail.len();
        loop {
            let lines = tail.get(..complete).unwrap_or_default();
            let Some(lines) = lines.strip_suffix(b"\n") else {
                return Some(Ok(Self { offset: start, anchor: Anchor::START, entry_at: None, torn }));
            };
            let begin = match memchr::memrchr(b'\n', lines) {
                Some(end) => end + 1,
                None if start == 0 => 0,
                None => return None,
            };
            let line = lines.get(begin..).unwrap_or_default();
            // A file system may lengthen a file before it writes the bytes: after a power cut there are zeros, which no
            // writer writes. Such a line was never acknowledged.
            if line.contains(&0) {
                (complete, torn) = (begin, true);
                continue;
            }
            return Some(match Frame::of(line) {
                Ok(frame) if frame.is_whole() => Ok(Self {
                    offset: start + complete as u64,
                    anchor: frame.anchor,
                    entry_at: serde_json::from_slice(frame.body).ok().map(|dated: Dated| dated.at),
                    torn,
                }),
                Ok(_) => Err(BreakKind::Edited),
                Err(kind) => Err(kind),
            });
        }
    }
}

fn read_exact_at(file: &dyn OpenFile, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(end - start).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let rest = bytes.get_mut(filled..).unwrap_or_default();
        match file.read_at(rest, start + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(bytes)
}
