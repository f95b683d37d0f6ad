//! Real files, behind the feature `fs`: the only module of the crate that reads anything.
#![expect(clippy::disallowed_methods, reason = "reading files is what this feature is for")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::open::{self, reason, within};
use crate::project::{Files, Inputs, Kind, ReadError};
use crate::source::Text;

/// Files of this machine: regular ones only, each at most [`Disk::LIMIT`] bytes.
///
/// A FIFO, a socket or a device is never opened, so nothing that lies in a stack can hold a reader up.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    confined: bool,
}

impl Disk {
    /// The largest file that is read, in bytes: 16 MiB.
    pub const LIMIT: u64 = 16 << 20;

    /// Follows links wherever they lead, as Docker does.
    #[must_use]
    pub fn following() -> Self {
        Self { confined: false }
    }

    /// Follows links within the directories that bound a path ([`Files::read_within`]), and not out of them: for stacks
    /// that somebody else may have laid out, a container in its state directory among them.
    #[must_use]
    pub fn confined() -> Self {
        Self { confined: true }
    }

    /// The names in a directory that lies within `bounds`, as [`Files::read_within`] has it, sorted. Those that are not
    /// UTF-8 are left out.
    ///
    /// # Errors
    /// When it is not there, is not a directory or cannot be read.
    pub fn names_within(self, bounds: &[&str], directory: &str) -> Result<Vec<String>, ReadError> {
        let directory = if self.confined {
            within::place_within(&paths(bounds), Path::new(directory))?.real
        } else {
            directory.into()
        };
        match open::regular(&fs::metadata(&directory).map_err(|error| reason(&error))?) {
            Err(ReadError::Directory) => {}
            Err(other) => return Err(other),
            Ok(()) => return Err(ReadError::Other("is a file, not a directory".to_owned())),
        }
        let entries = fs::read_dir(directory).map_err(|error| reason(&error))?;
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(|error| reason(&error))?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }
}

impl Files for Disk {
    fn kind(&self, path: &str) -> Option<Kind> {
        match fs::metadata(path) {
            Ok(found) => Some(if found.is_dir() { Kind::Directory } else { Kind::File }),
            // There is something, and reading it says what is wrong with it.
            Err(error) => matches!(reason(&error), ReadError::Denied | ReadError::Loop).then_some(Kind::File),
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        bytes(open::file(Path::new(path))?)
    }

    fn read_within(&self, bounds: &[&str], path: &str) -> Result<Arc<[u8]>, ReadError> {
        if !self.confined {
            return self.read(path);
        }
        bytes(within::file_within(&paths(bounds), Path::new(path))?)
    }

    fn names_within(&self, bounds: &[&str], path: &str) -> Result<Vec<String>, ReadError> {
        Self::names_within(*self, bounds, path)
    }
}

fn paths<'p>(bounds: &'p [&'p str]) -> Vec<&'p Path> {
    bounds.iter().map(Path::new).collect()
}

fn bytes(file: fs::File) -> Result<Arc<[u8]>, ReadError> {
    let found = file.metadata().map_err(|error| reason(&error))?;
    let too_large = ReadError::TooLarge { limit: Disk::LIMIT };
    if found.len() > Disk::LIMIT {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
    // A file in /proc says nothing of its size, and any other may grow: stop one byte past the limit.
    file.take(Disk::LIMIT + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > Disk::LIMIT { Err(too_large) } else { Ok(bytes.into()) }
}

/// The inputs of a command that is run here and now: this process's directory and environment, no flags.
///
/// Variables that are not UTF-8 are read with U+FFFD in place of what is not.
///
/// # Errors
/// When the current directory is gone or is not UTF-8.
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
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the current directory is not UTF-8"))?;
    let mut inputs = Inputs::new(directory);
    inputs.shell = std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), Text::from(value.to_string_lossy().into_owned()))
        })
        .collect::<BTreeMap<_, _>>();
    Ok(inputs)
}

#[cfg(all(test, unix))]
mod tests;
