//! What of a running container is not what the files say.

use std::collections::{BTreeMap, BTreeSet};

use crate::openclaw::model::Model;
use crate::openclaw::model::containers::{Container, Mount, PROJECT, Runtime, WORKING_DIR};
use crate::openclaw::model::processes::Process;
use crate::openclaw::model::services::MountKind;
use crate::openclaw::rules;

pub(crate) fn differences(
    runtime: &Runtime,
    process: &Process<'_>,
    container: &Container,
    model: &Model<'_>,
) -> Vec<String> {
    let service = process.service;
    let mut out: Vec<String> = runtime.stale_variables(process).into_iter().map(str::to_owned).collect();
    if service.user.as_ref().is_some_and(|user| user.value != container.config.user) {
        out.push("user".to_owned());
    }
    let renamed = service
        .image
        .as_ref()
        .is_some_and(|image| !container.config.image.is_empty() && image.value != container.config.image);
    let moved = runtime.image_now(&container.config.image).is_some_and(|image| image.id != container.image);
    if renamed || moved {
        out.push("image".to_owned());
    }
    let config = (service.name.to_owned(), process.config_path.clone());
    if model.stale_files.contains(&config) {
        out.push(rules::CONFIG_NAME.to_owned());
    }
    if mounts_differ(process, container, model) {
        out.push("mounts".to_owned());
    }
    if networks_differ(process, container, model) {
        out.push("networks".to_owned());
    }
    if ports_differ(process, container) {
        out.push(PORTS.to_owned());
    }
    out
}

/// The name under which published ports differ.
pub(crate) const PORTS: &str = "ports";

/// Whether a port that both publish leads elsewhere than the files say. One that either lacks is no contradiction: a panel
/// may have added it.
fn ports_differ(process: &Process<'_>, container: &Container) -> bool {
    let Some(bindings) = &container.host_config.port_bindings else { return false };
    let running = bindings.iter().flat_map(|(inside, bindings)| {
        let target = inside.strip_suffix("/tcp").and_then(|port| port.parse::<u16>().ok());
        let host = bindings.iter().flatten().filter_map(|binding| binding.host_port.parse::<u16>().ok());
        target.into_iter().flat_map(move |target| host.clone().map(move |host| (target, host)))
    });
    let running: BTreeSet<(u16, u16)> = running.collect();
    let ports = process.service.ports.iter().filter(|port| !port.udp);
    let written: BTreeSet<(u16, u16)> =
        ports.filter_map(|port| Some((port.target, port.published?))).collect();
    let leads_elsewhere = |(target, host): &(u16, u16)| {
        !running.contains(&(*target, *host))
            && running.iter().any(|(inside, outside)| inside == target || outside == host)
    };
    written.iter().any(leads_elsewhere)
}

/// Binds are compared below the directory of the stack, which may lie elsewhere here than where it runs.
fn mounts_differ(process: &Process<'_>, container: &Container, model: &Model<'_>) -> bool {
    let there = container.label(WORKING_DIR).unwrap_or_default().trim_end_matches('/');
    let mut mounted: BTreeMap<&str, &Mount> = BTreeMap::new();
    for mount in &container.mounts {
        mounted.entry(&mount.destination).or_insert(mount);
    }
    process.service.mounts.iter().any(|mount| {
        let Some(found) = mounted.get(mount.target.trim_end_matches('/')) else {
            // Neither tmpfs nor a config that is copied in is a mount to `docker inspect`.
            return matches!(mount.kind, MountKind::Bind | MountKind::Volume);
        };
        let Some(source) = mount.source.filter(|_| mount.kind == MountKind::Bind) else {
            return false;
        };
        let relative = found
            .source
            .strip_prefix(there)
            .and_then(|rest| rest.strip_prefix('/'))
            .filter(|_| !there.is_empty());
        // Docker Desktop shows the path inside its virtual machine.
        let virtual_machine =
            found.source.starts_with("/host_mnt/") || found.source.starts_with("/run/desktop/");
        // A Mac's volume usually takes names for one that differ by case alone.
        let differ = |one: &str, other: &str| {
            one != other && !(model.docker_vm && one.to_lowercase() == other.to_lowercase())
        };
        found.r#type == "bind"
            && !virtual_machine
            && differ(&found.source, source)
            && relative.is_none_or(|relative| differ(relative, model.shown_path(source)))
    })
}

fn networks_differ(process: &Process<'_>, container: &Container, model: &Model<'_>) -> bool {
    let Some(running) = &container.network_settings.networks else { return false };
    if let Some(mode) = &process.service.network_mode {
        let shares = mode.value.starts_with("service:") || mode.value.starts_with("container:");
        return shares && !container.host_config.network_mode.starts_with("container:");
    }
    if container.host_config.network_mode.starts_with("container:") {
        return true;
    }
    let own = model.resolution.project_name();
    let is_on = |network: &str| {
        // Of a project with another name, its own networks have that name, too.
        let renamed = || {
            let rest = network.strip_prefix(own)?.strip_prefix('_')?;
            Some(format!("{}_{rest}", container.label(PROJECT)?))
        };
        running.contains_key(network) || renamed().is_some_and(|network| running.contains_key(&network))
    };
    // A created container that never ran has no networks yet.
    !running.is_empty()
        && process.service.networks.iter().any(|attachment| !is_on(model.network_name(attachment.network)))
}
