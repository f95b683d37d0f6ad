//! Where the services of OpenClaw keep their state, for whoever looks into their containers.

use std::collections::BTreeMap;

use crate::project::Resolution;

use super::model::observed::Observed;
use super::model::processes::{self, Process};
use super::model::services::Services;
use super::model::{engine, files};
use super::report::StatePlace;

/// The state of every OpenClaw service, gateways first.
pub(crate) fn state_places(resolution: &Resolution) -> Vec<StatePlace> {
    let services = Services::read(resolution, |_| false);
    let nothing = BTreeMap::new();
    let mut reader =
        files::Reader::new(None, &nothing, resolution.working_dir(), resolution.sources().clone());
    let mut processes = processes::read(&services, None, &Observed::default(), &mut reader);
    processes.retain(Process::is_openclaw);
    processes.sort_by_key(|process| process.role);
    processes.iter().map(StatePlace::of).collect()
}

/// Whether what an engine says of itself means that the host's owners are not those its containers see.
pub(crate) fn maps_owners(info: &str) -> bool {
    engine::Engine::read(info).is_ok_and(|engine| engine.vm.is_some())
}
