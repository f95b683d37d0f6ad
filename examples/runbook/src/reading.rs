//! Every file that a program of this package reads: regular files only, of at most [`LARGEST`] bytes, and in a stack without
//! the links that lead out of it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
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

/// The end of the text of a file that the command line names, whole lines of at most [`LARGEST`] bytes together, and how many
/// bytes are before it: of a log the newest part counts.
///
/// # Errors
/// As [`text`], but that no file is too large.
pub fn end(path: &Path) -> Result<(String, u64), ReadError> {
    match text(path) {
        Err(ReadError::File(project::ReadError::TooLarge { .. })) => {}
        read => return Ok((read?, 0)),
    }
    let mut file = stream(path)?;
    let mut before = file.metadata().map_err(refused)?.len().saturating_sub(LARGEST);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(before)).map_err(refused)?;
    // What is written while it is read is left for the next look.
    file.take(LARGEST).read_to_end(&mut bytes).map_err(refused)?;
    if before > 0 {
        // The first line has lost its beginning.
        let cut = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..cut);
        before += cut as u64;
    }
    Ok((decoded(&bytes)?, before))
}

/// A file that the command line names, of whatever size, to be read bit by bit; links are followed. What is not a regular file
/// is not waited for.
///
/// # Errors
/// When it is not a regular file or cannot be opened.
pub fn stream(path: &Path) -> Result<File, ReadError> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options
            .custom_flags((rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed());
    }
    let file = options.open(path).map_err(refused)?;
    match file.metadata().map_err(refused)?.is_file() {
        true => Ok(file),
        false => Err(refused(io::Error::other("not a regular file"))),
    }
}

fn refused(error: io::Error) -> ReadError {
    ReadError::File(match error.kind() {
        io::ErrorKind::NotFound => project::ReadError::NotFound,
        io::ErrorKind::PermissionDenied => project::ReadError::Denied,
        _ => project::ReadError::Other(error.to_string()),
    })
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes its own files")]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_file_the_end_is_read_in_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "first\nlast\n").unwrap();
        assert_eq!(end(&path).unwrap(), ("first\nlast\n".to_owned(), 0));
        // One byte too many, and with it the rest of its line.
        let line = "a".repeat(LARGEST as usize - 5);
        std::fs::write(&path, format!("{line}\nlast\n")).unwrap();
        assert!(text(&path).is_err());
        assert_eq!(end(&path).unwrap(), ("last\n".to_owned(), LARGEST - 4));
        std::fs::write(&path, format!("{line}{line}")).unwrap();
        assert_eq!(end(&path).unwrap(), (String::new(), 2 * (LARGEST - 5)));
    }
}
