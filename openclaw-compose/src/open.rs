//! Opening what somebody else may have laid out: regular files only, without waiting for anything, and without a link out of
//! the directories that bound a path.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::project::{ReadError, Special};

/// Opens the regular file at `path`, links followed.
pub(crate) fn file(path: &Path) -> Result<File, ReadError> {
    // Opening alone can do harm (a watchdog, a tape), so the file is looked at before, and again once it is held.
    regular(&fs::metadata(path).map_err(|error| reason(&error))?)?;
    held(system::open(path))
}

/// Opens the regular file at `path`; see [`place_within`] for the links that are followed.
pub(crate) fn file_within(bounds: &[&Path], path: &Path) -> Result<File, ReadError> {
    let place = place_within(bounds, path)?;
    regular(&fs::symlink_metadata(&place.real).map_err(|error| reason(&error))?)?;
    held(system::open_below(&place.bound, place.below()))
}

/// Where a path really lies.
#[derive(Debug)]
pub(crate) struct Place {
    /// The innermost directory that bounds it, without links.
    bound: PathBuf,
    /// The path itself, without links.
    pub(crate) real: PathBuf,
}

impl Place {
    fn below(&self) -> &Path {
        self.real.strip_prefix(&self.bound).unwrap_or(&self.real)
    }
}

/// Follows the links of `path` as long as they stay in each of the `bounds` that it lies in; where it lies in none, in its
/// own directory.
pub(crate) fn place_within(bounds: &[&Path], path: &Path) -> Result<Place, ReadError> {
    let mut above: Vec<&Path> =
        bounds.iter().copied().filter(|bound| path != *bound && path.starts_with(bound)).collect();
    if above.is_empty() {
        above.push(path.parent().unwrap_or(path));
    }
    let real = fs::canonicalize(path);
    let mut innermost = PathBuf::new();
    for bound in above {
        let real_bound = fs::canonicalize(bound).map_err(|error| reason(&error))?;
        if !real.as_ref().is_ok_and(|real| real.starts_with(&real_bound))
            && let Some((link, target)) = way_out(bound, &real_bound, path)
        {
            return Err(ReadError::LeadsOut { link: shown(&link), target: shown(&target) });
        }
        if real_bound.as_os_str().len() > innermost.as_os_str().len() {
            innermost = real_bound;
        }
    }
    let real = real.map_err(|error| reason(&error))?;
    Ok(Place { bound: innermost, real })
}

/// The first link on the way from `bound` to `path` that leads out, and where it leads. A link to nothing may lead out, too.
fn way_out(bound: &Path, real_bound: &Path, path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut at = bound.to_path_buf();
    for part in path.strip_prefix(bound).ok()?.components() {
        let parent = fs::canonicalize(&at).ok()?;
        at.push(part);
        let Ok(target) = fs::read_link(&at) else { continue };
        let target = fs::canonicalize(&at).unwrap_or_else(|_| spelled(&parent.join(target)));
        if !target.starts_with(real_bound) {
            return Some((at, target));
        }
    }
    None
}

/// A path without `.` and `..`, as it is spelled.
fn spelled(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// What the system's refusal means.
pub(crate) fn reason(error: &io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::NotFound,
        io::ErrorKind::PermissionDenied => ReadError::Denied,
        io::ErrorKind::IsADirectory => ReadError::Directory,
        // ELOOP of Linux, and of macOS and the BSDs.
        _ if matches!(error.raw_os_error(), Some(40 | 62)) => ReadError::Loop,
        _ => ReadError::Other(error.to_string()),
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn held(file: io::Result<File>) -> Result<File, ReadError> {
    let file = file.map_err(|error| reason(&error))?;
    regular(&file.metadata().map_err(|error| reason(&error))?)?;
    Ok(file)
}

/// Whether it is a regular file, or what it is instead.
pub(crate) fn regular(found: &Metadata) -> Result<(), ReadError> {
    if found.is_file() {
        return Ok(());
    }
    Err(if found.is_dir() { ReadError::Directory } else { ReadError::NotRegular(special(found)) })
}

#[cfg(unix)]
fn special(found: &Metadata) -> Special {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = found.file_type();
    if kind.is_fifo() {
        Special::Fifo
    } else if kind.is_socket() {
        Special::Socket
    } else if kind.is_char_device() || kind.is_block_device() {
        Special::Device
    } else {
        Special::Other
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> Special {
    Special::Other
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, openat};

    /// What is opened may have changed since it was looked at: neither a FIFO nor a terminal gets a hold on the process.
    const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
    const STEP: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(SEARCH);
    /// A directory that may be entered and not listed can be stepped through where the system knows how.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const SEARCH: OFlags = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const SEARCH: OFlags = OFlags::RDONLY;

    pub(super) fn open(path: &Path) -> io::Result<File> {
        Ok(openat(CWD, path, FILE, Mode::empty())?.into())
    }

    /// Opens `path` below the directory `bound` step by step. Neither holds a link, and none that is put there meanwhile is
    /// followed.
    pub(super) fn open_below(bound: &Path, path: &Path) -> io::Result<File> {
        let mut at = openat(CWD, bound, STEP, Mode::empty())?;
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let part = part.as_os_str();
            if parts.peek().is_none() {
                return Ok(openat(&at, part, FILE | OFlags::NOFOLLOW, Mode::empty())?.into());
            }
            at = openat(&at, part, STEP, Mode::empty())?;
        }
        Err(io::ErrorKind::IsADirectory.into())
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn open(path: &Path) -> io::Result<File> {
        File::open(path)
    }

    pub(super) fn open_below(bound: &Path, path: &Path) -> io::Result<File> {
        File::open(bound.join(path))
    }
}
