//! The texts that stand outside the Compose files (`openclaw.json`, the state directory's `.env`), found by the path at which
//! a container sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::project::spelling::Spellings;
use crate::project::{self, ReadError, Unread};
use crate::source::{FileId, Format, Sources, Text};

use super::mounts::{self, Backing};
use super::services::{Service, Services};

/// What looking for a path gave.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Its text.
    Text(FileId, Text),
    /// It is known that there is none.
    Absent,
    /// It is there, and cannot be read as text.
    Unreadable,
    /// Nobody can say.
    Unknown,
}

/// The texts a caller can give, entered into the sources when first read.
pub(crate) struct Reader<'s> {
    host: Option<&'s dyn project::Files>,
    given: &'s BTreeMap<String, Text>,
    project_dir: &'s str,
    /// The files are a copy: a directory that is not among them may be where the stack runs.
    pub(crate) is_copy: bool,
    pub(crate) sources: Sources,
    entered: BTreeMap<String, Found>,
    /// Files that are there and could not be read.
    pub(crate) unread: Vec<Unread>,
    /// Files of which the running container of a service holds another text than the host: service and path inside.
    pub(crate) stale: BTreeSet<(String, String)>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(
        host: Option<&'s dyn project::Files>,
        given: &'s BTreeMap<String, Text>,
        project_dir: &'s str,
        sources: Sources,
    ) -> Self {
        Self {
            host,
            given,
            project_dir,
            is_copy: false,
            sources,
            entered: BTreeMap::new(),
            unread: Vec::new(),
            stale: BTreeSet::new(),
        }
    }

    /// The text at `path` inside the service's container.
    pub(crate) fn inside(&mut self, service: &Service<'_>, services: &Services<'_>, path: &str) -> Found {
        // What was read inside the running container is the truth.
        let container = format!("container:{}:{path}", service.name);
        let backing = mounts::backing(service, services, path);
        let mounted = mounts::host_mount(service, services, path).unwrap_or_default();
        if let Some(inside) = self.given.get(&container) {
            if let Backing::Host(host) = &backing {
                let key = self.relative(host).to_owned();
                match self.open(&key, Some((host, mounted))) {
                    // The host's file says the same, and can be edited.
                    Found::Text(file, text) if text == *inside => return Found::Text(file, text),
                    Found::Text(..) | Found::Absent => {
                        self.stale.insert((service.name.to_owned(), path.to_owned()));
                    }
                    Found::Unreadable | Found::Unknown => {}
                }
            }
            return self.open(&container, None);
        }
        match backing {
            Backing::Host(host) => {
                let key = self.relative(&host).to_owned();
                self.open(&key, Some((&host, mounted)))
            }
            Backing::Volume { name, path } => self.open(&format!("volume:{name}:{path}"), None),
            // Nothing is mounted there: whatever is there comes with the image.
            Backing::Fleeting | Backing::Layer => Found::Absent,
        }
    }

    /// Whether what is mounted for a path is not among the files: it may be where the stack runs, of which these may be a copy,
    /// such as a checkout.
    pub(crate) fn was_left_behind(&self, service: &Service<'_>, services: &Services<'_>, path: &str) -> bool {
        let Some(mounted) = mounts::host_mount(service, services, path) else {
            return false;
        };
        let listed = self.host.map(|files| files.names_within(&[self.project_dir, mounted], mounted));
        matches!(listed, Some(Err(ReadError::NotFound)))
    }

    /// What there is to say of the names beside a path of the host that differ from it by case alone.
    pub(crate) fn told_of_case(&self, path: &str) -> Vec<(String, String)> {
        let names = |above: &str| {
            let names =
                self.host.and_then(|files| files.names_within(&[self.project_dir, above], above).ok());
            names.unwrap_or_default()
        };
        Spellings::default().told(path.trim_end_matches('/'), names, |path| self.relative(path).to_owned())
    }

    /// The same for a path at which there may as well be a directory, or what is not text: nobody misses it.
    pub(crate) fn inside_if_text(
        &mut self,
        service: &Service<'_>,
        services: &Services<'_>,
        path: &str,
    ) -> Option<(FileId, Text)> {
        let unread = self.unread.len();
        let found = self.inside(service, services, path);
        self.unread.truncate(unread);
        match found {
            Found::Text(file, text) => Some((file, text)),
            Found::Absent | Found::Unreadable | Found::Unknown => None,
        }
    }

    /// The names in the directory at `path` inside the service's container, where the host has it.
    pub(crate) fn names_inside(
        &self,
        service: &Service<'_>,
        services: &Services<'_>,
        path: &str,
    ) -> Vec<String> {
        let (Backing::Host(host), Some(files)) = (mounts::backing(service, services, path), self.host) else {
            return Vec::new();
        };
        let mounted = mounts::host_mount(service, services, path).unwrap_or_default();
        files.names_within(&[self.project_dir, mounted], &host).unwrap_or_default()
    }

    /// The host's file at `path`, which belongs to `directory`, such as the context of a build.
    pub(crate) fn on_host(&mut self, path: &str, directory: &str) -> Found {
        if self.host.is_none() && !self.given.contains_key(self.relative(path)) {
            return Found::Unknown;
        }
        // Nobody needs what an image is built from: it may be there or not, and be readable or not.
        let unread = self.unread.len();
        let key = self.relative(path).to_owned();
        let found = self.open(&key, Some((path, directory)));
        self.unread.truncate(unread);
        found
    }

    /// `host`: the path on the host, and what is mounted there.
    fn open(&mut self, key: &str, host: Option<(&str, &str)>) -> Found {
        if let Some(found) = self.entered.get(key) {
            return found.clone();
        }
        let found = match (self.given.get(key), host, self.host) {
            (Some(text), ..) => Found::Text(self.sources.add(key.to_owned(), text.expose()), text.clone()),
            (None, Some((path, mounted)), Some(files)) => {
                // The container may have laid out what is mounted into it, links as well.
                let read = files.read_within(&[self.project_dir, mounted], path);
                match read.and_then(text) {
                    Ok(text) => {
                        Found::Text(self.sources.add_file(key.to_owned(), text.expose(), path, None), text)
                    }
                    Err(ReadError::NotFound) => Found::Absent,
                    Err(error) => {
                        self.unread.push(Unread { file: key.to_owned(), error });
                        Found::Unreadable
                    }
                }
            }
            _ => Found::Unknown,
        };
        self.entered.insert(key.to_owned(), found.clone());
        found
    }

    /// Enters a text that belongs to no container.
    pub(crate) fn enter(&mut self, format: Format, name: &str, text: &str) -> FileId {
        let file = self.sources.add(name.to_owned(), text);
        self.sources.set_format(file, format);
        file
    }

    /// A host path as people write it: below the project directory where it lies there.
    fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.project_dir).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
    }
}

fn text(bytes: Arc<[u8]>) -> Result<Text, ReadError> {
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Text::from(text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(ReadError::NotUtf8 { line: before.iter().filter(|byte| **byte == b'\n').count() + 1 })
        }
    }
}
