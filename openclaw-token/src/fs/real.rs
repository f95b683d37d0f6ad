//! The disk of the machine, confined to one root.
//!
//! Every operation walks from the root's handle to the directory it needs, one component at a time and never through a
//! symbolic link, and acts relative to that handle. So whatever happens to a path between a check and its use, nothing
//! outside the root is read, written or removed. On the way, what stands in the state directory is asked who could have
//! put it there.

#![expect(clippy::disallowed_methods, reason = "feature `fs`: this is the module that touches files")]

use super::disk::{Disk, Held, Kind, OpenFile, Refused, Stat, Sync};
use super::trust::{Area, Distrust, Trust};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Gid, Mode, OFlags, Uid, chownat, fchown, flock, fstat,
    linkat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A directory with more names than this is not one of ours.
const MOST_NAMES: usize = 100_000;

/// How a directory is opened that is only passed through.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PASS: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PASS: OFlags = OFlags::RDONLY;

/// The disk of the machine below one root.
#[derive(Debug)]
pub(crate) struct RealDisk {
    root: PathBuf,
    opened: OnceLock<Root>,
}

/// The root's handle: what it was opened as it stays, even if its name is given to something else.
#[derive(Debug)]
struct Root {
    dir: OwnedFd,
    found: Stat,
}

/// Waits until it is on the disk. On Apple's systems that is `F_FULLFSYNC`, which shares of SMB and NFS do not know: there it is as
/// good as the server's.
fn synced(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if cfg!(target_vendor = "apple") && has_no_full_sync(&error) => {
            Ok(rustix::fs::fsync(file)?)
        }
        done => done,
    }
}

fn has_no_full_sync(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTSUP | Errno::NOTTY | Errno::INVAL))
}

/// Where a path leads: its directory's handle, its last component, and its area.
struct Spot<'p> {
    dir: OwnedFd,
    name: &'p OsStr,
    area: Area,
}

impl RealDisk {
    /// Opens the root when it is first needed.
    pub(crate) fn below(root: PathBuf) -> Self {
        let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
        Self { root, opened: OnceLock::new() }
    }

    fn root(&self) -> io::Result<&Root> {
        if let Some(root) = self.opened.get() {
            return Ok(root);
        }
        let dir = openat(CWD, &self.root, PASS | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let found = described(&fstat(&dir)?);
        Ok(self.opened.get_or_init(|| Root { dir, found }))
    }

    fn trust(&self) -> io::Result<Trust> {
        Ok(Trust { caller: geteuid().as_raw(), owner_of_root: self.root()?.found.uid })
    }

    /// `path` relative to the root.
    fn inside<'p>(&self, path: &'p Path) -> io::Result<&'p Path> {
        let inside = path.strip_prefix(&self.root).ok();
        let plain = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        inside.filter(plain).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("it is outside {}", self.root.display()))
        })
    }

    /// A handle of the directory at `path`, opened with `how`.
    fn directory(&self, path: &Path, how: OFlags) -> io::Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let trust = self.trust()?;
        let inside = self.inside(path)?;
        let parts = inside.components().count();
        let flags_of = |n: usize| if n == parts { how | flags } else { PASS | flags };
        let mut dir = openat(&self.root()?.dir, c".", flags_of(0), Mode::empty())?;
        let mut so_far = PathBuf::new();
        for (n, part) in inside.iter().enumerate() {
            so_far.push(part);
            let here = || self.root.join(&so_far);
            let next = match openat(&dir, part, flags_of(n + 1), Mode::empty()) {
                Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
                    let is_link = at(&dir, part)?.is_some_and(|found| found.kind == Kind::Link);
                    let why = if is_link { Distrust::Link } else { Distrust::NotADirectory };
                    return Err(why.of(&here()));
                }
                next => next?,
            };
            let found = described(&fstat(&next)?);
            trust.directory(Area::of(&so_far), found).map_err(|why| why.of(&here()))?;
            dir = next;
        }
        Ok(dir)
    }

    fn spot<'p>(&self, path: &'p Path) -> io::Result<Spot<'p>> {
        let inside = self.inside(path)?;
        let (Some(parent), Some(name)) = (path.parent(), inside.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(Spot { dir: self.directory(parent, PASS)?, name, area: Area::of(inside) })
    }

    /// Opens a regular file. What is something else is not even opened: a FIFO would wait, a device might act.
    fn open_file(&self, path: &Path, how: OFlags) -> io::Result<File> {
        let Spot { dir, name, area } = self.spot(path)?;
        let trust = self.trust()?;
        let written = how.contains(OFlags::RDWR);
        let check = |found| trust.file(area, found, written).map_err(|why| why.of(path));
        match at(&dir, name)? {
            Some(found) => check(found)?,
            None if how.contains(OFlags::CREATE) => {}
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        // It may have been replaced meanwhile.
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&dir, name, flags, Mode::from_raw_mode(0o600))?;
        let found = described(&fstat(&file)?);
        check(found)?;
        if written && trust.hands_over(area, found) {
            let _ = self.hand_over(&file);
        }
        Ok(File::from(file))
    }

    /// To the owner of the root. Where that fails, as on some network volumes, it stays root's.
    fn hand_over(&self, file: &OwnedFd) -> io::Result<()> {
        let Root { found: Stat { uid, gid, .. }, .. } = *self.root()?;
        Ok(fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
    }
}

/// What a directory holds under a name.
fn at(dir: &OwnedFd, name: &OsStr) -> io::Result<Option<Stat>> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(described(&found))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    trivial_numeric_casts,
    reason = "the widths of mode and links differ between platforms"
)]
fn described(found: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    let mode = u32::from(found.st_mode) & 0o7777;
    Stat { kind, mode, uid: found.st_uid, gid: found.st_gid, links: found.st_nlink as u64 }
}

impl Disk for RealDisk {
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        if path == self.root {
            return Ok(Some(self.root()?.found));
        }
        match self.spot(path) {
            Ok(Spot { dir, name, .. }) => at(&dir, name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn caller(&self) -> (u32, u32) {
        (geteuid().as_raw(), getegid().as_raw())
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(path, OFlags::RDONLY)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.directory(dir, OFlags::RDONLY)?)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > MOST_NAMES {
                let why = format!("it holds more than {MOST_NAMES} names");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
            }
        }
        Ok(names)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let Spot { dir, name, area } = self.spot(path)?;
        let trust = self.trust()?;
        let made = mkdirat(&dir, name, Mode::from_raw_mode(0o700));
        // Also what exists already: whoever made it may have died before it was handed over.
        let found = at(&dir, name)?.filter(|found| found.kind == Kind::Directory);
        if found.is_some_and(|found| trust.hands_over(area, found)) {
            let Stat { uid, gid, .. } = self.root()?.found;
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            let _ = chownat(&dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
        }
        Ok(made?)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let Spot { dir, name, area } = self.spot(path)?;
        let flags = OFlags::RDWR
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC;
        let file = openat(&dir, name, flags, Mode::from_raw_mode(0o600))?;
        if self.trust()?.hands_over(area, described(&fstat(&file)?)) {
            let _ = self.hand_over(&file);
        }
        Ok(Box::new(RealFile(Arc::new(File::from(file)))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = self.open_file(path, OFlags::RDWR | OFlags::APPEND)?;
        Ok(Box::new(RealFile(Arc::new(file))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        Ok(renameat(&from.dir, from.name, &to.dir, to.name)?)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        Ok(linkat(&from.dir, from.name, &to.dir, to.name, AtFlags::empty())?)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let Spot { dir, name, .. } = self.spot(path)?;
        Ok(unlinkat(&dir, name, AtFlags::empty())?)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let Spot { dir, name, .. } = self.spot(path)?;
        Ok(unlinkat(&dir, name, AtFlags::REMOVEDIR)?)
    }

    fn sync_dir(&self, dir: &Path, _site: Sync) -> io::Result<()> {
        synced(&File::from(self.directory(dir, OFlags::RDONLY)?))
    }

    fn lock(&self, path: &Path, wait: Duration, note: &str) -> Result<Box<dyn Held>, Refused> {
        let file = Arc::new(self.open_file(path, OFlags::RDWR | OFlags::CREATE).map_err(Refused::Io)?);
        let held = lock_file(Arc::clone(&file), wait)?;
        // The note is a courtesy for those who wait; the lock is the kernel's and needs no note.
        let _ = file.set_len(0).and_then(|()| file.write_all_at(note.as_bytes(), 0));
        Ok(held)
    }
}

struct RealFile(Arc<File>);

impl OpenFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.0).write_all(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn set_ownership(&self, owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
        if let Some((uid, gid)) = owner {
            let now = described(&fstat(&self.0)?);
            if (now.uid, now.gid) != (uid, gid) {
                fchown(&self.0, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
            }
        }
        self.0.set_permissions(Permissions::from_mode(mode & 0o777))
    }

    fn sync(&self, _site: Sync) -> io::Result<()> {
        synced(&self.0)
    }

    fn lock(&self, wait: Duration) -> Result<Box<dyn Held>, Refused> {
        lock_file(Arc::clone(&self.0), wait)
    }
}

/// How long a waiter sleeps between two attempts: short against a human, long against the processor.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// `flock`: the kernel gives the lock back when its holder dies, however it dies. On NFS (Linux) it becomes a
/// byte-range lock with the same property; a file system without locks answers with an error, which we pass on.
fn lock_file(file: Arc<File>, wait: Duration) -> Result<Box<dyn Held>, Refused> {
    let deadline = Instant::now() + wait;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Box::new(RealLock(file))),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
            Err(Errno::WOULDBLOCK) => {
                let mut note = vec![0; 200];
                let length = file.read_at(&mut note, 0).unwrap_or(0);
                note.truncate(length);
                return Err(Refused::Held(String::from_utf8_lossy(&note).into_owned()));
            }
            Err(errno) => return Err(Refused::Io(errno.into())),
        }
    }
}

struct RealLock(Arc<File>);

impl Held for RealLock {}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Unlock, do not merely close: a child forked meanwhile would keep the open file, and with it the lock.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a Mac answers to `F_FULLFSYNC` on SMB (ENOTSUP), NFS (ENOTTY) and FUSE (EINVAL) is no failure of the disk; all else is.
    #[test]
    fn a_share_without_a_full_sync_is_told_from_a_disk_that_fails() {
        for errno in [Errno::NOTSUP, Errno::NOTTY, Errno::INVAL] {
            assert!(has_no_full_sync(&errno.into()), "{errno:?}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::ROFS] {
            assert!(!has_no_full_sync(&errno.into()), "{errno:?}");
        }
    }
}
