//! Real files, behind the feature `fs`: the only module of the crate that reads anything.
#![expect(clippy::disallowed_methods, reason = "reading files is what this feature is for")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::project::{Files, Inputs, Kind, ReadError};
use crate::source::Text;

/// Files of this machine, each at most [`Disk::LIMIT`] bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Disk {
    /// The largest file that is read, in bytes: 16 MiB.
    pub const LIMIT: u64 = 16 << 20;
}

impl Files for Disk {
    fn kind(&self, path: &str) -> Option<Kind> {
        let found = fs::metadata(path).ok()?;
        Some(if found.is_dir() { Kind::Directory } else { Kind::File })
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        let file = fs::File::open(Path::new(path)).map_err(|error| reason(&error))?;
        let found = file.metadata().map_err(|error| reason(&error))?;
        if found.is_dir() {
            return Err(ReadError::Directory);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len().min(Self::LIMIT)).unwrap_or(0));
        // A pipe or a file in /proc says nothing of its size: stop one byte past the limit.
        file.take(Self::LIMIT + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        if bytes.len() as u64 > Self::LIMIT {
            return Err(ReadError::TooLarge { limit: Self::LIMIT });
        }
        Ok(bytes.into())
    }
}

fn reason(error: &io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::NotFound,
        io::ErrorKind::PermissionDenied => ReadError::Denied,
        io::ErrorKind::IsADirectory => ReadError::Directory,
        _ if error.raw_os_error() == Some(40) => ReadError::Loop,
        _ => ReadError::Other(error.to_string()),
    }
}

/// The inputs of a command that is run here and now: this process's directory and environment, no flags.
///
/// Variables that are no UTF-8 are read with U+FFFD in place of what is not.
///
/// # Errors
/// When the current directory is gone or is no UTF-8.
pub fn inputs_here() -> io::Result<Inputs> {
    // `PWD` keeps the path the user sees, as Compose does; it is believed only where it leads to the same place.
    let actual = std::env::current_dir()?;
    let logical = std::env::var_os("PWD").map(std::path::PathBuf::from).filter(|path| {
        path.is_absolute()
            && fs::canonicalize(path)
                .is_ok_and(|path| fs::canonicalize(&actual).is_ok_and(|actual| path == actual))
    });
    let directory = logical.unwrap_or(actual).into_os_string().into_string();
    let directory = directory
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the current directory is no UTF-8"))?;
    let mut inputs = Inputs::new(directory);
    inputs.shell = std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), Text::from(value.to_string_lossy().into_owned()))
        })
        .collect::<BTreeMap<_, _>>();
    Ok(inputs)
}
