//! Every file that a program of this package reads: regular files only, of at most [`LARGEST`] bytes, and in a stack without
//! the links that lead out of it.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use openclaw_compose::fs::Disk;
use openclaw_compose::project::{self, Files as _};

/// The largest file that is read, and the most of standard input.
pub const LARGEST: u64 = Disk::LIMIT;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not there, not a file, or may not be read.
    #[error("{}", reason(.0))]
    File(#[from] project::ReadError),
    /// Not text.
    #[error("not text: it holds NUL bytes")]
    Binary,
}

impl ReadError {
    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::File(project::ReadError::NotFound))
    }
}

/// The next step with the reason, where there is one.
fn reason(error: &project::ReadError) -> String {
    match error {
        project::ReadError::TooLarge { .. } => format!("{error}, so not read; give the part that matters"),
        project::ReadError::Denied => format!("{error}; the user who runs this cannot read it"),
        project::ReadError::LeadsOut { .. } => {
            format!("{error}; put the file itself there, or give --follow-links where the link is meant")
        }
        _ => error.to_string(),
    }
}

/// A file that the command line names; links are followed.
///
/// # Errors
/// When it is not a regular file, is too large or cannot be read.
pub fn bytes(path: &Path) -> Result<Arc<[u8]>, ReadError> {
    Ok(Disk::following().read(name(path)?)?)
}

/// The text of a file that the command line names. Bytes that are not UTF-8 are replaced.
///
/// # Errors
/// As [`bytes`], and when it holds NUL bytes.
pub fn text(path: &Path) -> Result<String, ReadError> {
    decoded(&bytes(path)?)
}

/// The text of a file below `root`, whose links are followed as `disk` does.
///
/// # Errors
/// As [`text`].
pub fn text_within(disk: Disk, root: &Path, path: &Path) -> Result<String, ReadError> {
    decoded(&disk.read_within(&[name(root)?], name(path)?)?)
}

/// The names in a directory below `root`, sorted; links are followed as `disk` does.
///
/// # Errors
/// When it is not a directory or cannot be read.
pub fn names_within(disk: Disk, root: &Path, path: &Path) -> Result<Vec<String>, ReadError> {
    Ok(disk.names_within(&[name(root)?], name(path)?)?)
}

/// All of standard input.
///
/// # Errors
/// When it is not UTF-8, or larger than [`LARGEST`].
pub fn stdin() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        let error = project::ReadError::TooLarge { limit: LARGEST };
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("standard input is {error}")));
    }
    Ok(text)
}

fn name(path: &Path) -> Result<&str, project::ReadError> {
    path.to_str().ok_or_else(|| project::ReadError::Other("its path is not UTF-8; rename it".to_owned()))
}

fn decoded(bytes: &[u8]) -> Result<String, ReadError> {
    if bytes.contains(&0) {
        return Err(ReadError::Binary);
    }
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
