//! Where a stack is read and its copy written: no link is followed, and nothing that is there is written over.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openclaw_compose::fs::Disk;
use openclaw_compose::project::{Files as _, ReadError};
use openclaw_compose::source::Format;

use super::{CopyError, Text};

/// The most files and directories of a stack that are looked at.
pub(super) const MOST: usize = 10_000;
/// The most bytes of a stack that are copied.
pub(super) const LARGEST: usize = 256 << 20;
/// Directories of other programs, which no fixture needs: version control, and what `runbook freeze` and `runbook fix` keep.
const FOREIGN: [&str; 2] = [".git", ".openclaw-token"];

fn at(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::Io { path, source }
}

/// The stack's directory and where its copy goes, both resolved: a directory that is empty or not there, and has nothing
/// to do with the stack.
pub(super) fn places(stack: &Path, to: &Path) -> Result<(PathBuf, PathBuf), CopyError> {
    let home = stack.canonicalize().map_err(at(stack))?;
    let vacant = match fs::symlink_metadata(to) {
        Ok(found) => found.is_dir() && fs::read_dir(to).map_err(at(to))?.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(at(to)(error)),
    };
    let copy = resolved(&std::path::absolute(to).map_err(at(to))?).map_err(at(to))?;
    if copy.starts_with(&home) || home.starts_with(&copy) {
        return Err(CopyError::Entangled { to: to.to_owned(), stack: stack.to_owned() });
    }
    if vacant { Ok((home, copy)) } else { Err(CopyError::Occupied { to: to.to_owned() }) }
}

/// A path without links, as far as it is there.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(resolved(parent)?.join(name))
        }
        (done, ..) => done,
    }
}

/// Writes all files, or none: what was made is taken away again where one cannot be.
pub(super) fn write(to: &Path, copies: &BTreeMap<PathBuf, String>) -> Result<(), CopyError> {
    let mut made = Vec::new();
    let written = directory(to, &mut made).and_then(|()| {
        copies.iter().try_for_each(|(name, text)| {
            let path = to.join(name);
            directory(path.parent().unwrap_or(to), &mut made)?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            // What was captured as it is holds tokens.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path).map_err(at(&path))?;
            made.push(path.clone());
            file.write_all(text.as_bytes()).map_err(at(&path))
        })
    });
    if written.is_err() {
        for path in made.iter().rev() {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
        }
    }
    written
}

/// Makes a directory and those above it; a link in the place of one is not gone through.
fn directory(path: &Path, made: &mut Vec<PathBuf>) -> Result<(), CopyError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(at(path)(io::ErrorKind::NotADirectory.into())),
        Err(_) => {}
    }
    if let Some(parent) = path.parent() {
        directory(parent, made)?;
    }
    fs::create_dir(path).map_err(at(path))?;
    made.push(path.to_owned());
    Ok(())
}

/// What a stack holds, by its path in there: in order, so that two copies of one run agree.
pub(super) struct Found<'s> {
    root: &'s Path,
    pub(super) texts: BTreeMap<PathBuf, Text>,
    /// What is left out, and why.
    pub(super) left: Vec<(PathBuf, String)>,
    seen: usize,
    bytes: usize,
}

impl<'s> Found<'s> {
    pub(super) fn below(root: &'s Path) -> Result<Self, CopyError> {
        let mut found = Self { root, texts: BTreeMap::new(), left: Vec::new(), seen: 0, bytes: 0 };
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            let listed = fs::read_dir(root.join(&directory)).map_err(at(&root.join(&directory)))?;
            for entry in listed {
                let entry = entry.map_err(at(&root.join(&directory)))?;
                let name = directory.join(entry.file_name());
                let kind = entry.file_type().map_err(at(&entry.path()))?;
                found.seen += 1;
                if kind.is_symlink() {
                    found.leave(name, "a link, and none is followed");
                } else if !kind.is_dir() {
                    found.file(name);
                } else if FOREIGN.iter().any(|foreign| entry.file_name() == *foreign) {
                    found.leave(name, "not of the stack itself");
                } else {
                    directories.push(name);
                }
                if found.seen > MOST || found.bytes > LARGEST {
                    return Err(CopyError::TooMuch { stack: root.to_owned() });
                }
            }
        }
        found.left.sort();
        Ok(found)
    }

    fn file(&mut self, name: PathBuf) {
        let format = name.to_str().map_or(Format::Other, Format::of_name);
        if format == Format::Other {
            return self.leave(name, "not of a kind that can be masked");
        }
        let bytes = match self.read(&name) {
            Ok(bytes) => bytes,
            Err(error) => return self.leave(name, &error.to_string()),
        };
        match str::from_utf8(&bytes) {
            Ok(text) if !text.contains('\0') => {
                self.bytes += text.len();
                self.texts.insert(name, Text { format, text: text.to_owned() });
            }
            Ok(_) => self.leave(name, "not text: it holds NUL bytes"),
            Err(_) => self.leave(name, "not text: it is not UTF-8"),
        }
    }

    /// A file that was not a link when it was looked at; a link that takes its place is not followed out of the stack.
    fn read(&self, name: &Path) -> Result<Arc<[u8]>, ReadError> {
        let utf8 = |path: &Path| {
            path.to_str()
                .map(str::to_owned)
                .ok_or_else(|| ReadError::Other("its path is not UTF-8".to_owned()))
        };
        Disk::confined().read_within(&[&utf8(self.root)?], &utf8(&self.root.join(name))?)
    }

    fn leave(&mut self, name: PathBuf, why: &str) {
        self.left.push((name, why.to_owned()));
    }
}
