//! The picture's places and ways, from what openclaw-compose says about the files.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use openclaw_compose::openclaw::{ClientKind, ClientView, ContainerView, GatewayView, Namespace, Report};
use openclaw_compose::project::{Node, Resolution};

use crate::topology::{Listens, Member, Port, PortId, Proxy, Role, Space, SpaceOf, Topology, Way};

/// The topology of a stack, as far as it concerns gateways and their clients.
pub(super) fn topology(resolution: &Resolution, report: &Report) -> Topology {
    let of = &report.namespaces.of;
    let roles = roles(report);
    let gateways: BTreeMap<&str, &GatewayView> =
        report.gateways.iter().map(|gateway| (gateway.service.as_str(), gateway)).collect();
    let containers: BTreeMap<&str, &ContainerView> =
        report.containers.iter().map(|container| (container.service.as_str(), container)).collect();
    let mut members: BTreeMap<&Namespace, Vec<Member>> = BTreeMap::new();
    for (service, namespace) in of {
        let Some(role) = roles.get(service.as_str()) else { continue };
        members.entry(namespace).or_default().push(Member {
            service: service.clone(),
            role: *role,
            listens: gateways.get(service.as_str()).map(|gateway| listens(gateway)),
            status: containers.get(service.as_str()).map(|container| container.status.clone()),
        });
    }
    let space = |(namespace, mut members): (&Namespace, Vec<Member>)| {
        members.sort_by_key(|member| member.role);
        let (of, networks) = match namespace {
            Namespace::Service(owner) => (SpaceOf::Service(owner.clone()), networks(resolution, owner)),
            Namespace::Container(name) => (SpaceOf::Container(name.clone()), Vec::new()),
            Namespace::Host => (SpaceOf::Host, Vec::new()),
            Namespace::None(service) => (SpaceOf::None(service.clone()), Vec::new()),
            Namespace::Dangling { from, .. } => (SpaceOf::Missing(from.clone()), Vec::new()),
        };
        Space { of, networks, members }
    };
    let mut spaces: Vec<Space> = members.into_iter().map(space).collect();
    // Whoever asks stands above whom it asks.
    spaces.sort_by_key(|space| {
        let first = space.members.iter().map(|member| member.role).min();
        (space.of != SpaceOf::Host, Reverse(first))
    });
    let owners: BTreeSet<&str> = roles.keys().filter_map(|service| owner(report, service)).collect();
    let ports: Vec<Port> = owners.into_iter().flat_map(|owner| ports(resolution, owner)).collect();
    let ways = Ways::of(report, &gateways, &ports);
    let ways = report.clients.iter().map(|client| ways.of_client(client)).collect();
    Topology { spaces, ways, others: of.len().saturating_sub(roles.len()), ports }
}

/// The services that concern a gateway, and what each is there for.
fn roles(report: &Report) -> BTreeMap<&str, Role> {
    let of = &report.namespaces.of;
    let mut roles: BTreeMap<&str, Role> = BTreeMap::new();
    let clients = report.clients.iter();
    let gateways = report.gateways.iter().map(|gateway| (gateway.service.as_str(), Role::Gateway));
    let asking = clients.clone().map(|client| (client.name.as_str(), Role::Client));
    let proxies =
        clients.filter_map(|client| Some((client.proxy.as_ref()?.service.as_deref()?, Role::Proxy)));
    for (service, role) in
        gateways.chain(proxies).chain(asking).filter(|(service, _)| of.contains_key(*service))
    {
        roles.entry(service).or_insert(role);
    }
    let shared: BTreeSet<&Namespace> = roles
        .keys()
        .filter_map(|service| of.get(*service))
        .filter(|namespace| !matches!(namespace, Namespace::Host))
        .collect();
    for (service, _) in of.iter().filter(|(_, namespace)| shared.contains(namespace)) {
        roles.entry(service).or_insert(Role::Neighbour);
    }
    roles
}

fn listens(gateway: &GatewayView) -> Listens {
    Listens { scope: gateway.bind.to_string(), port: gateway.port, starts: gateway.starts }
}

fn networks(resolution: &Resolution, service: &str) -> Vec<String> {
    let networks = resolution.service(service).and_then(|service| service.field("networks")?.as_map());
    networks.into_iter().flat_map(|map| map.entries()).map(|entry| entry.key.to_string()).collect()
}

/// The ports that a service publishes.
fn ports(resolution: &Resolution, service: &str) -> Vec<Port> {
    let items = resolution.service(service).map(|service| service.items("ports")).unwrap_or_default();
    let text = |port: &Node, key: &str| -> Option<String> {
        let node = port.get(key)?;
        node.as_int().map(|number| number.to_string()).or_else(|| Some(node.text()?.expose().to_owned()))
    };
    let port = |port: &Node| {
        let target = text(port, "target")?.parse().ok()?;
        let published = text(port, "published").unwrap_or_default();
        let host = match text(port, "host_ip").filter(|address| !address.is_empty()) {
            Some(address) => format!("{address}:{published}"),
            None => published,
        };
        Some(Port { host, service: service.to_owned(), target })
    };
    items.iter().filter_map(port).collect()
}

/// The service whose namespace a service lives in.
fn owner<'r>(report: &'r Report, service: &str) -> Option<&'r str> {
    match report.namespaces.of.get(service)? {
        Namespace::Service(owner) => Some(owner),
        _ => None,
    }
}

/// What the way of a client is found by.
struct Ways<'r> {
    report: &'r Report,
    gateways: &'r BTreeMap<&'r str, &'r GatewayView>,
    /// The first port that leads into a namespace.
    first: BTreeMap<&'r str, PortId>,
    /// The port that leads to a port of it.
    exact: BTreeMap<(&'r str, u16), PortId>,
}

impl<'r> Ways<'r> {
    fn of(report: &'r Report, gateways: &'r BTreeMap<&'r str, &'r GatewayView>, ports: &'r [Port]) -> Self {
        let (mut first, mut exact) = (BTreeMap::new(), BTreeMap::new());
        for (at, port) in ports.iter().enumerate() {
            first.entry(port.service.as_str()).or_insert(PortId::at(at));
            exact.entry((port.service.as_str(), port.target)).or_insert(PortId::at(at));
        }
        Self { report, gateways, first, exact }
    }

    fn of_client(&self, client: &ClientView) -> Way {
        let proxy = client.proxy.as_ref().map(|proxy| match &proxy.service {
            Some(service) => Proxy::Service(service.clone()),
            None => Proxy::Elsewhere(proxy.who.clone()),
        });
        let is_outside = matches!(client.kind, ClientKind::Host | ClientKind::Browser);
        let port = is_outside.then(|| self.port(client, proxy.as_ref())).flatten();
        Way { client: client.name.clone(), gateway: client.gateway.clone(), port, proxy }
    }

    /// The published port by which somebody outside comes to the proxy, or to the gateway itself.
    fn port(&self, client: &ClientView, proxy: Option<&Proxy>) -> Option<PortId> {
        if let Some(Proxy::Service(service)) = proxy {
            return self.first.get(owner(self.report, service)?).copied();
        }
        let gateway = client.gateway.as_str();
        let owner = owner(self.report, gateway)?;
        let listens = self.gateways.get(gateway).and_then(|gateway| gateway.port);
        let exact = listens.and_then(|listens| self.exact.get(&(owner, listens)));
        exact.or_else(|| self.first.get(owner)).copied()
    }
}
