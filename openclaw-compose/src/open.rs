//! Opening what somebody else may have laid out: regular files only, and without waiting for anything.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use crate::project::{ReadError, Special};

#[cfg(feature = "fs")]
pub(crate) mod within;

/// Opens the regular file at `path`, links followed.
pub(crate) fn file(path: &Path) -> Result<File, ReadError> {
    // Opening alone can do harm (a watchdog, a tape), so the file is looked at before, and again once it is held.
    regular(&fs::metadata(path).map_err(|error| reason(&error))?)?;
    held(system::open(path))
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
    pub(super) const FILE: OFlags =
        OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

    pub(super) fn open(path: &Path) -> io::Result<File> {
        Ok(openat(CWD, path, FILE, Mode::empty())?.into())
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errno numbers are each system's own: 40 is Linux's ELOOP, 62 that of macOS and the BSDs.
    #[test]
    fn a_circle_of_links_is_one_on_linux_and_on_a_mac() {
        for errno in [40, 62] {
            assert_eq!(reason(&io::Error::from_raw_os_error(errno)), ReadError::Loop, "{errno}");
        }
    }
}
