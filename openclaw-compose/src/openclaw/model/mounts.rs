//! What lies behind a path of a container: a directory of the host, a volume, or the container's own layer.

use super::services::{Mount, MountKind, Service, Services};

/// Where a container path really lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Backing {
    /// On the host, at this path.
    Host(String),
    /// In a named volume, at this path inside it.
    Volume { name: String, path: String },
    /// In an anonymous volume or a tmpfs: it does not outlive the container.
    Fleeting,
    /// In the container's own layer.
    Layer,
}

impl Backing {
    /// Whether what lies there outlives the container.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Host(_) | Self::Volume { .. })
    }
}

/// Where `path` of the service's file system lies: in the mount with the longest target above it.
pub(crate) fn backing(service: &Service<'_>, services: &Services<'_>, path: &str) -> Backing {
    let Some(mount) = mount_over(service, path) else { return Backing::Layer };
    let rest = path.get(mount.target.trim_end_matches('/').len()..).unwrap_or_default();
    if let Some(source) = host_source(mount, services) {
        return Backing::Host(format!("{}{rest}", source.trim_end_matches('/')));
    }
    match (mount.kind, mount.source) {
        (MountKind::Volume, Some(key)) => {
            let name = services.volumes.get(key).copied().unwrap_or(key).to_owned();
            Backing::Volume { name, path: rest.trim_start_matches('/').to_owned() }
        }
        // A config that is not a file of the host.
        (MountKind::Other, None) if mount.read_only => {
            Backing::Volume { name: mount.target.to_owned(), path: rest.trim_start_matches('/').to_owned() }
        }
        _ => Backing::Fleeting,
    }
}

/// The path on the host that is mounted over `path` of the service's file system.
pub(crate) fn host_mount<'a>(service: &Service<'a>, services: &Services<'a>, path: &str) -> Option<&'a str> {
    host_source(mount_over(service, path)?, services)
}

fn host_source<'a>(mount: &Mount<'a>, services: &Services<'a>) -> Option<&'a str> {
    match mount.kind {
        MountKind::Bind => mount.source,
        MountKind::Volume => services.bound_volumes.get(mount.source?).copied(),
        _ => None,
    }
}

pub(crate) fn mount_over<'s, 'a>(service: &'s Service<'a>, path: &str) -> Option<&'s Mount<'a>> {
    service.mounts.get(service.mounted.over(path)?)
}
