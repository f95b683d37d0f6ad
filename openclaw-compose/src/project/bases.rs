//! What was resolved of the files that `extends` names, each once.

use std::collections::HashMap;
use std::rc::Rc;

use super::model::{Map, Node};
use super::resets::Resets;
use super::variables::EnvironmentId;

/// The services of a document, or of a file that is extended. Those that are done extend nothing any more.
#[derive(Default)]
pub(crate) struct Services {
    pub(crate) map: Map,
    pub(crate) resets: Rc<Resets>,
    /// Why the file has none.
    pub(crate) missing: Option<&'static str>,
}

/// Number of some [`Services`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BaseId(usize);

/// Services that are being resolved, and what was resolved of the files that are extended.
#[derive(Default)]
pub(crate) struct Bases {
    pub(crate) all: Vec<Services>,
    pub(crate) by_file: HashMap<FileKey, Option<BaseId>>,
    /// The resets that the keys of `by_file` point at.
    pub(crate) kept: Vec<Rc<Resets>>,
}

/// What makes two uses of a file the same.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    pub(crate) path: String,
    /// The directory that its paths are seen from.
    pub(crate) directory: String,
    pub(crate) environment: EnvironmentId,
    /// What else is dropped from its services.
    pub(crate) resets: Vec<*const Resets>,
}

impl Bases {
    pub(crate) fn add(&mut self, services: Services) -> BaseId {
        self.all.push(services);
        BaseId(self.all.len() - 1)
    }

    pub(crate) fn services(&self, id: BaseId) -> Option<&Services> {
        self.all.get(id.0)
    }

    /// Takes the services out, which are done.
    pub(crate) fn take(&mut self, id: BaseId) -> Option<Map> {
        self.all.get_mut(id.0).map(|services| std::mem::take(&mut services.map))
    }

    pub(crate) fn service(&self, id: BaseId, name: &str) -> Option<&Node> {
        self.services(id)?.map.get(name)
    }

    pub(crate) fn service_mut(&mut self, id: BaseId, name: &str) -> Option<&mut Node> {
        self.all.get_mut(id.0)?.map.get_mut(name)
    }

    /// Drops an `extends` that leads nowhere, so that the rest of the service can be read.
    pub(crate) fn forget(&mut self, id: BaseId, name: &str) {
        if let Some(service) = self.service_mut(id, name).and_then(Node::as_map_mut) {
            service.remove("extends");
        }
    }
}
