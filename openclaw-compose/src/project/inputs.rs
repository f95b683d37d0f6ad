//! What a resolution starts from: the command's directory, flags and environment, and a way to read files.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::source::Text;

use super::dialect::Dialect;

/// What the user of `docker compose` gives it: a directory, an environment, flags.
///
/// ```
/// use openclaw_compose::project::{self, Inputs, Texts};
///
/// let files = Texts::new().file("/srv/compose.yaml", "services: {gateway: {image: 'openclaw:${TAG}'}}");
/// let inputs = Inputs::new("/srv").variable("TAG", "2026.9.6");
/// let resolution = project::resolve(&inputs, &files);
/// assert!(resolution.service("gateway").unwrap().text("image").unwrap().is("openclaw:2026.9.6"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Inputs {
    /// The directory the command runs in, absolute.
    pub directory: String,
    /// The shell's environment. Compose takes `HOME`, `COMPOSE_FILE` and its kin from here.
    pub shell: BTreeMap<String, Text>,
    /// `-f`, in order; `-` is [`Inputs::stdin`].
    pub files: Vec<String>,
    /// `--env-file`, in order.
    pub env_files: Vec<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--project-directory`.
    pub project_directory: Option<String>,
    /// What `-f -` reads.
    pub stdin: Option<Text>,
    /// Which version of Compose to be.
    pub dialect: Dialect,
}

impl Inputs {
    /// A command without flags in `directory`, which must be absolute, with an empty environment.
    #[must_use]
    pub fn new(directory: impl Into<String>) -> Self {
        Self {
            directory: directory.into(),
            shell: BTreeMap::new(),
            files: Vec::new(),
            env_files: Vec::new(),
            profiles: Vec::new(),
            project_name: None,
            project_directory: None,
            stdin: None,
            dialect: Dialect::default(),
        }
    }

    /// The same with a variable of the shell.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.shell.insert(name.into(), Text::from(value.into()));
        self
    }

    /// The same with `-f path`.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>) -> Self {
        self.files.push(path.into());
        self
    }

    /// The same with `--env-file path`.
    #[must_use]
    pub fn env_file(mut self, path: impl Into<String>) -> Self {
        self.env_files.push(path.into());
        self
    }

    /// The same with `--profile name`.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profiles.push(name.into());
        self
    }

    /// The same with `-p name`.
    #[must_use]
    pub fn project_name(mut self, name: impl Into<String>) -> Self {
        self.project_name = Some(name.into());
        self
    }

    /// The same with `--project-directory path`.
    #[must_use]
    pub fn project_directory(mut self, path: impl Into<String>) -> Self {
        self.project_directory = Some(path.into());
        self
    }

    /// The same for another version of Compose.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }
}

/// Names, never values.
impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("directory", &self.directory)
            .field("shell", &self.shell.keys())
            .field("files", &self.files)
            .field("env_files", &self.env_files)
            .field("profiles", &self.profiles)
            .field("project_name", &self.project_name)
            .field("project_directory", &self.project_directory)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Something that can be read.
    File,
    /// A directory.
    Directory,
}

/// Something that has a name among files and cannot be read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Special {
    /// A named pipe: reading it waits for somebody who writes.
    Fifo,
    /// A socket.
    Socket,
    /// A terminal, a disk or another device.
    Device,
    /// Anything else.
    Other,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Other => "something special",
        })
    }
}

/// Why a file could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing at the path.
    #[error("no such file")]
    NotFound,
    /// It is a directory.
    #[error("is a directory")]
    Directory,
    /// The reader may not.
    #[error("permission denied")]
    Denied,
    /// Symbolic links lead in a circle.
    #[error("too many levels of symbolic links")]
    Loop,
    /// It is something else than a file, and was not opened.
    #[error("is {0}, not a regular file")]
    NotRegular(Special),
    /// A link on the path leads out of the directory that bounds it, and was not followed.
    #[error("the link {link} leads to {target}, out of the directory that it was found in: not followed")]
    LeadsOut {
        /// The link, by its own path.
        link: String,
        /// Where it leads.
        target: String,
    },
    /// Its bytes are not UTF-8.
    #[error("line {line} holds a byte that is not UTF-8")]
    NotUtf8 {
        /// The first line with such a byte, from 1.
        line: usize,
    },
    /// Enough was read.
    #[error("not read: the project names more than {files} files, or more than {} in them", size(*bytes))]
    TooMany {
        /// The most files that are read.
        files: usize,
        /// The most bytes.
        bytes: u64,
    },
    /// Larger than the reader is willing to hold.
    #[error("larger than {}", size(*limit))]
    TooLarge {
        /// The reader's limit in bytes.
        limit: u64,
    },
    /// Anything else the system says.
    #[error("{0}")]
    Other(String),
}

/// Mebibytes where they are whole.
fn size(bytes: u64) -> String {
    if bytes > 0 && bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{bytes} bytes")
    }
}

/// How a resolution sees files. Paths are absolute, `/` separates; what is wrong is data, not a panic.
pub trait Files {
    /// What is at `path`, links followed; `None` for nothing.
    fn kind(&self, path: &str) -> Option<Kind>;

    /// The bytes of the file at `path`, links followed.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError>;

    /// The bytes of the file at `path`, which somebody else may have laid out: no link leads out of any of the directories
    /// `bounds` that the path lies in, or out of its own where it lies in none of them. Where there are no links, or
    /// whoever reads means to follow them all, it is read as by [`Files::read`].
    ///
    /// # Errors
    /// When it is not there, cannot be read or leads out.
    fn read_within(&self, bounds: &[&str], path: &str) -> Result<Arc<[u8]>, ReadError> {
        let _ = bounds;
        self.read(path)
    }

    /// The names in the directory at `path`, which is bound as by [`Files::read_within`]. None where directories are not
    /// known.
    ///
    /// # Errors
    /// When it is not there, is not a directory, cannot be read or leads out.
    fn names_within(&self, bounds: &[&str], path: &str) -> Result<Vec<String>, ReadError> {
        let _ = (bounds, path);
        Ok(Vec::new())
    }
}

/// Files in memory: for tests, and for embedders that have the texts already.
#[derive(Clone, Default)]
pub struct Texts {
    files: BTreeMap<String, Arc<[u8]>>,
}

impl Texts {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a file at an absolute path. Its directories exist by it.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        self.insert(path, bytes);
        self
    }

    /// Adds a file at an absolute path, or replaces it.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.files.insert(path.into(), Arc::from(bytes.as_ref()));
    }
}

impl Files for Texts {
    fn kind(&self, path: &str) -> Option<Kind> {
        let path = super::paths::clean(path);
        if self.files.contains_key(&path) {
            return Some(Kind::File);
        }
        let inside = format!("{}/", path.trim_end_matches('/'));
        let next = self.files.range(inside.clone()..).next();
        next.is_some_and(|(file, _)| file.starts_with(&inside)).then_some(Kind::Directory)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        let path = super::paths::clean(path);
        match self.files.get(&path) {
            Some(bytes) => Ok(bytes.clone()),
            None if self.kind(&path) == Some(Kind::Directory) => Err(ReadError::Directory),
            None => Err(ReadError::NotFound),
        }
    }
}

/// Paths, never contents.
impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}
