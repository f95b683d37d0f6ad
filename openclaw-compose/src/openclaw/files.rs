//! The texts that stand outside the Compose files (`openclaw.json`, the state directory's `.env`), found by the path at which
//! a container sees them.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{self, ReadError};
use crate::source::{FileId, Sources, Text};

use super::processes::{self, Backing};
use super::services::{Service, Services};

/// What looking for a path gave.
#[derive(Clone, Debug)]
pub(super) enum Found {
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
pub(super) struct Reader<'s> {
    host: Option<&'s dyn project::Files>,
    given: &'s BTreeMap<String, Text>,
    project_dir: &'s str,
    pub(super) sources: Sources,
    entered: BTreeMap<String, Found>,
    /// Files of which the running container of a service holds another text than the host: service and path inside.
    pub(super) stale: BTreeSet<(String, String)>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(
        host: Option<&'s dyn project::Files>,
        given: &'s BTreeMap<String, Text>,
        project_dir: &'s str,
        sources: Sources,
    ) -> Self {
        Self { host, given, project_dir, sources, entered: BTreeMap::new(), stale: BTreeSet::new() }
    }

    /// The text at `path` inside the service's container.
    pub(super) fn inside(&mut self, service: &Service<'_>, services: &Services<'_>, path: &str) -> Found {
        // What was read inside the running container is the truth.
        let container = format!("container:{}:{path}", service.name);
        let backing = processes::backing(service, services, path);
        if let Some(inside) = self.given.get(&container) {
            if let Backing::Host(host) = &backing {
                let key = self.relative(host).to_owned();
                match self.open(&key, Some(host)) {
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
                self.open(&key, Some(&host))
            }
            Backing::Volume { name, path } => self.open(&format!("volume:{name}:{path}"), None),
            // Nothing is mounted there: whatever is there comes with the image.
            Backing::Fleeting | Backing::Layer => Found::Absent,
        }
    }

    fn open(&mut self, key: &str, host_path: Option<&str>) -> Found {
        if let Some(found) = self.entered.get(key) {
            return found.clone();
        }
        let found = match (self.given.get(key), host_path, self.host) {
            (Some(text), ..) => Found::Text(self.sources.add(key.to_owned(), text.expose()), text.clone()),
            (None, Some(path), Some(files)) => match files.read(path) {
                Ok(bytes) => match std::str::from_utf8(&bytes) {
                    Ok(text) => {
                        Found::Text(self.sources.add_file(key.to_owned(), text, path, None), Text::from(text))
                    }
                    Err(_) => Found::Unreadable,
                },
                Err(ReadError::NotFound) => Found::Absent,
                Err(_) => Found::Unreadable,
            },
            _ => Found::Unknown,
        };
        self.entered.insert(key.to_owned(), found.clone());
        found
    }

    /// Enters a text that belongs to no container.
    pub(super) fn enter(&mut self, name: &str, text: &str) -> FileId {
        self.sources.add(name.to_owned(), text)
    }

    /// A host path as people write it: below the project directory where it lies there.
    fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.project_dir).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
    }
}
