//! Why a container was created and never started: by what the engine says of it, else by what it waits for.

use std::collections::BTreeSet;

use crate::openclaw::model::containers::{Container, Runtime};
use crate::openclaw::model::namespaces::lender;
use crate::openclaw::model::services::{Dependency, Mount, Port, Service, Services};

/// A container that never came up.
pub(crate) struct Unstarted<'v> {
    pub(crate) container: &'v Container,
    pub(crate) why: Why<'v>,
}

/// What kept it from starting.
pub(crate) enum Why<'v> {
    /// Somebody else has a host port, this one where the engine names it.
    PortTaken(Option<&'v Port<'v>>),
    /// The engine refuses a mount, this one where it names it.
    MountRefused(Option<&'v Mount<'v>>),
    /// What it is to run cannot be run.
    NotExecutable { program: &'v str, fault: Execution },
    /// The container whose network it borrows was not up; of this service, where it is one of the stack's.
    LenderDown(Option<&'v str>),
    /// A network on which it was made is gone.
    NetworkGone,
    /// The engine runs as a user who may not open so low a port.
    PrivilegedPort(Option<&'v Port<'v>>),
    /// Another service is to be up, healthy or done before.
    Waits { service: &'v Service<'v>, dependency: &'v Dependency<'v>, on: Option<&'v Container> },
    /// The engine refuses it for another reason.
    Refused,
    /// Nothing says why.
    Unsaid,
}

/// Why a program cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    /// It may not be executed.
    Denied,
    /// It is not there, or what its first line names is not.
    Absent,
    /// It is none for this machine.
    Format,
}

/// Words of Docker, containerd, runc, crun and podman.
const PORT_TAKEN: &[&str] = &[
    "port is already allocated",
    "address already in use",
    "ports are not available",
    "failed to bind host port",
];
const MOUNT_REFUSED: &[&str] = &[
    "error mounting",
    "mount a directory onto a file",
    "invalid mount config",
    "bind source path does not exist",
    "error while creating mount source path",
    "mounts denied",
    "is not shared from",
    "failed to mount",
];
const LENDER_DOWN: &[&str] = &[
    "cannot join network of a non running container",
    "cannot join network namespace of a non running container",
    "joining network namespace of container",
    "No such container",
    "no such container",
    "cannot get namespace path unless container",
    "container state improper",
];
const PRIVILEGED_PORT: &[&str] = &["cannot expose privileged port", "ip_unprivileged_port_start"];
const EXECUTION: &[(&str, Execution)] = &[
    ("permission denied", Execution::Denied),
    ("Permission denied", Execution::Denied),
    ("no such file or directory", Execution::Absent),
    ("executable file not found", Execution::Absent),
    ("not found", Execution::Absent),
    ("exec format error", Execution::Format),
];

/// Why the container of a service never started; nothing where it did, or where there is none.
pub(crate) fn unstarted<'v>(
    service: &'v Service<'v>,
    runtime: &'v Runtime,
    services: &'v Services<'v>,
) -> Option<Unstarted<'v>> {
    let container = runtime.of(service.name).filter(|container| container.never_started())?;
    let error = container.state.error.as_str();
    let says = |words: &&str| error.contains(*words);
    let why = if error.is_empty() {
        waits(service, runtime, services, &mut BTreeSet::new()).unwrap_or(Why::Unsaid)
    } else if PRIVILEGED_PORT.iter().any(says) {
        Why::PrivilegedPort(service.ports.iter().find(|port| port.published.is_some_and(|port| port < 1024)))
    } else if PORT_TAKEN.iter().any(says) {
        Why::PortTaken(
            service.ports.iter().find(|port| port.published.is_some_and(|port| names_port(error, port))),
        )
    } else if LENDER_DOWN.iter().any(says) {
        Why::LenderDown(lender(service, services).map(|lender| lender.name))
    } else if error.contains("network") && error.contains("not found") {
        Why::NetworkGone
    } else if MOUNT_REFUSED.iter().any(says) {
        let named = |mount: &&Mount<'_>| {
            error.contains(mount.target) || mount.source.is_some_and(|source| error.contains(source))
        };
        Why::MountRefused(service.mounts.iter().filter(named).max_by_key(|mount| mount.target.len()))
    } else if let Some((program, fault)) = execution(error) {
        Why::NotExecutable { program, fault }
    } else {
        Why::Refused
    };
    Some(Unstarted { container, why })
}

/// `:18790` as a whole number.
fn names_port(error: &str, port: u16) -> bool {
    let port = format!(":{port}");
    error.match_indices(&port).any(|(at, _)| {
        error.get(at + port.len()..).is_none_or(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// `exec: "/entrypoint.sh": permission denied`.
fn execution(error: &str) -> Option<(&str, Execution)> {
    let (_, behind) = error.rsplit_once("exec: \"").or_else(|| error.rsplit_once("exec \""))?;
    let (program, fault) = behind.split_once('"')?;
    let fault = EXECUTION.iter().find(|(words, _)| fault.contains(words))?.1;
    Some((program, fault))
}

/// The service at the end of the chain of those that wait for each other, as far as it is not what is waited for.
fn waits<'v>(
    service: &'v Service<'v>,
    runtime: &'v Runtime,
    services: &'v Services<'v>,
    seen: &mut BTreeSet<&'v str>,
) -> Option<Why<'v>> {
    for dependency in &service.depends_on {
        if !seen.insert(dependency.service) {
            continue;
        }
        let on = runtime.of(dependency.service);
        let Some(container) = on else { continue };
        let state = &container.state;
        let is_met = match dependency.condition {
            "service_healthy" => state.health.as_ref().is_some_and(|health| health.status == "healthy"),
            "service_completed_successfully" => state.status == "exited" && state.exit_code == 0,
            _ => !container.never_started(),
        };
        if is_met {
            continue;
        }
        let next = services.named(dependency.service).filter(|_| container.never_started());
        let deeper = next.and_then(|next| waits(next, runtime, services, seen));
        return deeper.or(Some(Why::Waits { service, dependency, on }));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_says_names_port_and_program() {
        let taken = "Bind for 127.0.0.1:18790 failed: port is already allocated";
        assert!(names_port(taken, 18790) && !names_port(taken, 1879));
        let of = |error| execution(error);
        let denied = "runc create failed: exec: \"/entrypoint.sh\": permission denied: unknown";
        assert_eq!(of(denied), Some(("/entrypoint.sh", Execution::Denied)));
        let absent = "exec: \"openclaw\": executable file not found in $PATH";
        assert_eq!(of(absent), Some(("openclaw", Execution::Absent)));
        let format = "exec \"/x\": exec format error";
        assert_eq!(of(format), Some(("/x", Execution::Format)));
        assert_eq!(of("cannot join network namespace of a non running container"), None);
    }
}
