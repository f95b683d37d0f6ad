//! Opening without a link out of the directories that bound a path.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use super::{held, reason, regular};
use crate::project::ReadError;

/// Opens the regular file at `path`; see [`place_within`] for the links that are followed.
pub(crate) fn file_within(bounds: &[&Path], path: &Path) -> Result<File, ReadError> {
    let place = place_within(bounds, path)?;
    regular(&fs::symlink_metadata(&place.real).map_err(|error| reason(&error))?)?;
    held(system::open_below(&place.bound, place.below()))
}

/// Where a path really lies.
#[derive(Debug)]
pub(crate) struct RealPath {
    /// The innermost directory that bounds it, without links.
    bound: PathBuf,
    /// The path itself, without links.
    pub(crate) real: PathBuf,
}

impl RealPath {
    fn below(&self) -> &Path {
        self.real.strip_prefix(&self.bound).unwrap_or(&self.real)
    }
}

/// Follows the links of `path` as long as they stay in each of the `bounds` that it lies in; where it lies in none, in its
/// own directory.
pub(crate) fn place_within(bounds: &[&Path], path: &Path) -> Result<RealPath, ReadError> {
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
    Ok(RealPath { bound: innermost, real })
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

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, openat};

    use crate::open::system::FILE;

    const STEP: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(SEARCH);
    /// A directory that may be entered and not listed can be stepped through where the system knows how.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const SEARCH: OFlags = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const SEARCH: OFlags = OFlags::RDONLY;

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

    pub(super) fn open_below(bound: &Path, path: &Path) -> io::Result<File> {
        File::open(bound.join(path))
    }
}
