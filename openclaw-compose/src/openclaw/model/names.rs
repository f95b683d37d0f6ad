//! Which names and addresses a container can reach: service names, aliases, container names, links, `extra_hosts`, static
//! addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::project;

use super::namespaces::{Namespace, Namespaces};
use super::services::{Service, Services};

/// What a host in a URL means to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved<'a> {
    /// The service's own namespace.
    Loopback,
    /// This service, by name.
    Service(&'a str),
    /// A service of that name exists, but no network joins the two.
    NoSharedNetwork(&'a str),
    /// The name belongs to a service that borrows another's namespace: it has no name of its own.
    Borrower { owner: Option<&'a str> },
    /// The Docker host.
    DockerHost,
    /// Nothing of the stack; the nearest name that would work.
    Unknown { nearest: Option<String> },
    /// Some address or outside name this stack says nothing about.
    Elsewhere,
}

/// Names by which Docker knows its host.
const HOST_NAMES: [&str; 5] = [
    "host.docker.internal",
    "gateway.docker.internal",
    "host.containers.internal",
    "docker.for.mac.localhost",
    "host.orb.internal",
];

/// Of several services that answer to the name, `wanted` is told where it is one of them, else the first.
pub(crate) fn resolve<'a>(
    client: &Service<'_>,
    host: &str,
    wanted: Option<&str>,
    services: &Services<'a>,
    namespaces: &Namespaces,
) -> Resolved<'a> {
    if is_loopback(host) {
        return Resolved::Loopback;
    }
    // In a borrowed namespace the owner's networks and name server count.
    let viewer = match namespaces.of.get(client.name) {
        Some(Namespace::Service(owner)) => services.named(owner),
        _ => None,
    };
    if let Some((_, address)) =
        viewer.iter().flat_map(|viewer| &viewer.extra_hosts).find(|(name, _)| *name == host)
    {
        return match *address {
            "host-gateway" => Resolved::DockerHost,
            address if is_loopback(address) => Resolved::Loopback,
            address => by_address(address, services),
        };
    }
    if HOST_NAMES.contains(&host) {
        return Resolved::DockerHost;
    }
    if host.parse::<IpAddr>().is_ok() {
        return by_address(host, services);
    }
    let Some(viewer) = viewer else {
        return match namespaces.of.get(client.name) {
            Some(Namespace::Container(_)) => Resolved::Elsewhere,
            _ if host.contains('.') => Resolved::Elsewhere,
            _ => Resolved::Unknown { nearest: None },
        };
    };
    if let Some((linked, _)) = viewer.links.iter().find(|(_, alias)| *alias == host)
        && let Some(linked) = services.named(linked)
    {
        return Resolved::Service(linked.name);
    }
    if let Some(found) = services.answering(host, viewer, wanted) {
        return Resolved::Service(found.name);
    }
    if let Some(other) = services.called(host) {
        if other.network_mode.is_some() {
            let owner = match namespaces.of.get(other.name) {
                Some(Namespace::Service(owner)) => services.named(owner).map(|owner| owner.name),
                _ => None,
            };
            return Resolved::Borrower { owner };
        }
        return Resolved::NoSharedNetwork(other.name);
    }
    // Whoever is left bears it as an alias.
    if let Some(other) = services.bearing(host) {
        return Resolved::NoSharedNetwork(other.name);
    }
    if host.contains('.') {
        return Resolved::Elsewhere;
    }
    let near = services.neighbours(viewer, COMPARED);
    Resolved::Unknown { nearest: nearest(host, near.flat_map(Service::names)) }
}

fn by_address<'a>(address: &str, services: &Services<'a>) -> Resolved<'a> {
    match services.at_address(address) {
        Some(service) => Resolved::Service(service.name),
        None => Resolved::Elsewhere,
    }
}

pub(crate) fn shares_network(a: &Service<'_>, b: &Service<'_>) -> bool {
    let (few, many) = if a.networks.len() < b.networks.len() { (a, b) } else { (b, a) };
    let many: BTreeSet<&str> = many.networks.iter().map(|attachment| attachment.network).collect();
    few.networks.iter().any(|attachment| many.contains(attachment.network))
}

pub(crate) fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "ip6-localhost")
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// How many names are compared with one that means nothing: a stack with more of them gets no better hint for looking on,
/// and each of its clients may ask.
const COMPARED: usize = 256;

/// The name that `wanted` is most likely a slip for: one that is [near](project::nearest), or else the first that contains it
/// or is contained, however much is missing: `gateway`, `openclaw-gateway`.
pub(crate) fn nearest<'c>(wanted: &str, names: impl Iterator<Item = &'c str>) -> Option<String> {
    let names: Vec<&str> = names.take(COMPARED).collect();
    let squash = |name: &str| name.replace(['-', '_', '.'], "").to_ascii_lowercase();
    let bare = squash(wanted);
    let contains = |name: &&str| {
        let other = squash(name);
        bare.len().min(other.len()) >= 4 && (other.contains(&bare) || bare.contains(&other))
    };
    let near = project::nearest(wanted, names.iter().copied());
    near.or_else(|| names.into_iter().filter(contains).min()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_name_and_strangers_find_none() {
        let names = ["openclaw-gateway", "redis", "postgres"];
        for (slip, wanted) in [
            ("openclaw-gatway", Some("openclaw-gateway")),
            ("openclaw_gateway", Some("openclaw-gateway")),
            ("opneclaw-gateway", Some("openclaw-gateway")),
            ("gateway", Some("openclaw-gateway")),
            ("rdeis", Some("redis")),
            ("traefik", None),
        ] {
            assert_eq!(nearest(slip, names.into_iter()).as_deref(), wanted, "{slip}");
        }
    }
}
