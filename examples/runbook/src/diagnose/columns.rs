//! Whose column a piece of evidence belongs to: the one place where what a line, a row or a text names becomes a client of
//! the ticket.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use openclaw_compose::openclaw::{ClientKind, Namespaces, Report};
use openclaw_compose::project::{Node, Resolution, Service};
use openclaw_pairing::Peer;

use super::case::Case;
use super::life::{Container, of_service};
use crate::gates::{Client, Kind, Whom};

/// The clients of one gateway, and what each is known by.
pub(super) struct Columns<'a> {
    gateway: &'a str,
    /// The gateway's own clients from the files, by name.
    own: BTreeSet<&'a str>,
    services: Vec<Known<'a>>,
    namespaces: &'a Namespaces,
    /// The service behind each text that was captured of one, by the text's name.
    outputs: BTreeMap<&'a str, &'a str>,
}

/// What is known of a service.
struct Known<'a> {
    name: &'a str,
    addresses: BTreeSet<IpAddr>,
    /// What it calls the gateway, as host and port.
    calls: Option<String>,
    /// It lives in the gateway's network namespace.
    is_neighbour: bool,
    /// It starts a node host.
    is_node: bool,
}

impl<'a> Columns<'a> {
    /// The columns of a gateway's clients.
    pub(super) fn of(
        gateway: &'a str,
        resolution: &'a Resolution,
        report: &'a Report,
        containers: &[Container],
        outputs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let clients = report.clients.iter().filter(|client| client.gateway == gateway);
        let own: BTreeSet<&str> = clients.map(|client| client.name.as_str()).collect();
        let urls = report.clients.iter().rev().map(|client| (client.name.as_str(), client.url.as_deref()));
        let urls: BTreeMap<&str, Option<&str>> = urls.collect();
        let services = resolution.services().chain(resolution.disabled_services());
        let services = services.filter(|service| service.name() != gateway).map(|service| Known {
            name: service.name(),
            addresses: addresses(service, containers),
            calls: urls.get(service.name()).and_then(|url| called((*url)?)),
            is_neighbour: report.namespaces.share(gateway, service.name()),
            is_node: is_node(service),
        });
        let (namespaces, outputs) = (&report.namespaces, outputs.into_iter().collect());
        Self { gateway, own, services: services.collect(), namespaces, outputs }
    }

    /// The columns that a peer's evidence belongs to; one that only the evidence shows is made. None, if what is named may
    /// be anybody's.
    pub(super) fn laid_to(&self, case: &mut Case, peer: &Peer) -> Vec<Whom> {
        let names = match self.identify(case, peer) {
            Identity::Columns(names) => names,
            Identity::Service(name) => {
                column(case, Kind::Service, name);
                vec![name.to_owned()]
            }
            Identity::App(name) => {
                column(case, Kind::App, &name);
                vec![name]
            }
            Identity::Page => {
                column(case, Kind::Browser, PAGE);
                vec![PAGE.to_owned()]
            }
            Identity::Nobody => Vec::new(),
        };
        names.into_iter().map(Whom::Client).collect()
    }

    /// The columns of a peer that are there already.
    pub(super) fn known(&self, case: &Case, peer: &Peer) -> Vec<Whom> {
        let names = match self.identify(case, peer) {
            Identity::Columns(names) => names,
            Identity::Service(name) => vec![name.to_owned()],
            Identity::App(name) => vec![name],
            Identity::Page => vec![PAGE.to_owned()],
            Identity::Nobody => Vec::new(),
        };
        let is_there = |name: &String| case.clients.iter().any(|client| client.name == *name);
        names.into_iter().filter(is_there).map(Whom::Client).collect()
    }

    fn identify(&self, case: &Case, peer: &Peer) -> Identity<'_> {
        if let Some(output) = peer.output.as_deref() {
            let known = self.outputs.get(output).and_then(|name| self.service(name));
            return known.map_or(Identity::Nobody, |service| Identity::Service(service.name));
        }
        let address = peer.remote.as_deref().and_then(|remote| remote.parse::<IpAddr>().ok());
        let address = address.map(|address| address.to_canonical());
        if peer.is_dashboard() {
            let pages = self.pages(case, peer);
            return if pages.is_empty() { Identity::Page } else { Identity::Columns(pages) };
        }
        if let Some(address) = address.filter(|address| !address.is_loopback())
            && let Some(service) = self.services.iter().find(|service| service.addresses.contains(&address))
        {
            return self.at_address_of(service.name);
        }
        match peer.client.as_deref() {
            // Somebody's own program, known by its id or by the name that it gives itself.
            Some(client) if !IN_CONTAINERS.contains(&client) => Identity::App(client.to_owned()),
            // A backend that nothing outside accounts for is the gateway's own helper.
            Some(client)
                if peer.mode.as_deref() == Some("backend")
                    && address.is_none_or(|address| address.is_loopback())
                    && !self.has_callers(peer, address) =>
            {
                Identity::App(client.to_owned())
            }
            Some(client) if client == "node-host" || peer.mode.as_deref() == Some("node") => {
                let mut nodes = self.services.iter().filter(|service| service.is_node);
                match (nodes.next(), nodes.next()) {
                    (Some(node), None) => Identity::Service(node.name),
                    _ => Identity::App("node-host".to_owned()),
                }
            }
            _ if address.is_some_and(|address| address.is_loopback()) => self.neighbours(case),
            client => {
                let may_be =
                    |service: &&Known<'_>| service.may_be(peer, address) && self.own.contains(service.name);
                let names: Vec<String> =
                    self.services.iter().filter(may_be).map(|service| service.name.to_owned()).collect();
                match client {
                    // An address of the stack's network, and one service alone that can have it.
                    None if self.only_at(address).is_some() => {
                        self.only_at(address).map_or(Identity::Nobody, Identity::Service)
                    }
                    // A line that names no client is of a service only if it called the gateway as the service does.
                    None if !self.services.iter().any(|service| service.calls_it(peer)) => Identity::Nobody,
                    // A command line calls itself one: a backend from outside is another program.
                    Some(client) if names.is_empty() && peer.mode.as_deref() == Some("backend") => {
                        Identity::App(client.to_owned())
                    }
                    Some(client) if names.is_empty() => self.outside(case, client),
                    _ => Identity::Columns(names),
                }
            }
        }
    }

    /// The services behind one service's address: it alone, or all clients that live in its network namespace.
    fn at_address_of(&self, name: &'a str) -> Identity<'_> {
        let shares = |other: &&Known<'_>| other.name != name && self.namespaces.share(name, other.name);
        let others = self.services.iter().filter(shares).filter(|other| self.own.contains(other.name));
        let mut names: Vec<String> = others.map(|other| other.name.to_owned()).collect();
        if names.is_empty() {
            return Identity::Service(name);
        }
        names.extend(self.own.contains(name).then(|| name.to_owned()));
        Identity::Columns(names)
    }

    /// The service that an address of a bridge must be of: the one client whose address is not known, where no other
    /// service has an unknown one. The first address of a network is the host's.
    fn only_at(&self, address: Option<IpAddr>) -> Option<&'a str> {
        let IpAddr::V4(address) = address? else { return None };
        if !address.is_private() || address.octets()[3] == 1 {
            return None;
        }
        let mut unknown =
            self.services.iter().filter(|service| service.addresses.is_empty() && !service.is_neighbour);
        let only = unknown.next().filter(|_| unknown.next().is_none())?;
        self.own.contains(only.name).then_some(only.name)
    }

    fn service(&self, name: &str) -> Option<&Known<'a>> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether a service of the stack may be this client: one in the gateway's namespace, or without an address one that
    /// calls the gateway.
    fn has_callers(&self, peer: &Peer, address: Option<IpAddr>) -> bool {
        let may_be = |service: &Known<'_>| match address {
            Some(_) => service.is_neighbour,
            None => service.may_be(peer, None),
        };
        self.services.iter().any(|service| self.own.contains(service.name) && may_be(service))
    }

    /// The services in the gateway's namespace; failing those, whatever is run inside its container.
    fn neighbours(&self, case: &Case) -> Identity<'_> {
        let of_files =
            self.services.iter().filter(|service| service.is_neighbour && self.own.contains(service.name));
        let mut names: Vec<String> = of_files.map(|service| service.name.to_owned()).collect();
        if names.is_empty() {
            let inside = case.clients.iter().filter(|client| client.name == self.gateway);
            names.extend(inside.map(|client| client.name.clone()));
        }
        Identity::Columns(names)
    }

    /// A CLI that is none of the stack's services: the host's, where the host is a client.
    fn outside(&self, case: &Case, client: &str) -> Identity<'_> {
        let hosts = case
            .clients
            .iter()
            .filter(|column| column.kind == Kind::Host && self.own.contains(column.name.as_str()));
        let names: Vec<String> = hosts.map(|column| column.name.clone()).collect();
        if names.is_empty() { Identity::App(client.to_owned()) } else { Identity::Columns(names) }
    }

    /// The browsers that open this page: those whose URL it is, else all of the gateway's.
    fn pages(&self, case: &Case, peer: &Peer) -> Vec<String> {
        let of_gateway = || {
            case.clients
                .iter()
                .filter(|column| column.kind == Kind::Browser && self.own.contains(column.name.as_str()))
        };
        let same = |column: &&Client| {
            let url = column.url.as_deref().map(|url| url.trim_end_matches('/'));
            url.is_some() && url == peer.origin.as_deref()
        };
        let exact: Vec<String> = of_gateway().filter(same).map(|column| column.name.clone()).collect();
        if exact.is_empty() { of_gateway().map(|column| column.name.clone()).collect() } else { exact }
    }
}

/// What a peer turned out to be.
enum Identity<'a> {
    /// Columns that are there.
    Columns(Vec<String>),
    /// A service of the stack, whether it has a column or not.
    Service(&'a str),
    /// Somebody's own program that no file names.
    App(String),
    /// The dashboard, opened at an address that no file names.
    Page,
    /// It may be anybody.
    Nobody,
}

/// What the column of a page is called that only the evidence shows.
const PAGE: &str = "browser";

/// Clients by their id that may run in a container of the stack.
const IN_CONTAINERS: &[&str] =
    &["cli", "gateway-client", "node-host", "openclaw-tui", "openclaw-probe", "test"];

impl Known<'_> {
    /// Whether a peer from elsewhere than the gateway's namespace may be this service.
    fn may_be(&self, peer: &Peer, address: Option<IpAddr>) -> bool {
        let is_elsewhere = address.is_some() && !self.addresses.is_empty();
        let called = peer.host.is_none() || self.calls.is_none() || self.calls_it(peer);
        let is_neighbours = address.is_some() && self.is_neighbour;
        !is_elsewhere && !is_neighbours && called
    }

    fn calls_it(&self, peer: &Peer) -> bool {
        self.calls.is_some() && self.calls == peer.host
    }
}

/// Makes a column for a client that only the evidence shows, before those of what runs inside the gateway.
pub(super) fn column(case: &mut Case, kind: Kind, name: &str) {
    if !case.clients.iter().any(|client| client.name == name) {
        let at = case.clients.iter().position(|client| client.kind > kind).unwrap_or(case.clients.len());
        case.clients.insert(at, Client { kind, name: name.to_owned(), url: None });
    }
}

/// The addresses that the containers and the files give a service.
fn addresses(service: Service<'_>, containers: &[Container]) -> BTreeSet<IpAddr> {
    let running = of_service(containers, service.name()).iter();
    let networks = service.field("networks").and_then(Node::as_map);
    let fixed = networks.into_iter().flat_map(|networks| networks.entries()).flat_map(|network| {
        let addresses =
            ["ipv4_address", "ipv6_address"].map(|key| network.node.get(key).and_then(Node::text));
        addresses.into_iter().flatten().filter_map(|address| address.expose().parse().ok())
    });
    running.flat_map(|container| container.addresses.iter().copied()).chain(fixed).collect()
}

/// Host and port of a URL.
fn called(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?']).next().filter(|host| host.contains(':')).map(str::to_owned)
}

/// Whether a service's command is `node run`.
fn is_node(service: Service<'_>) -> bool {
    let words = ["entrypoint", "command"].map(|key| service.items(key).iter().filter_map(Node::text));
    let words: Vec<&str> = words.into_iter().flatten().map(|word| word.expose()).collect();
    words.windows(2).any(|pair| pair == ["node", "run"])
}

/// The clients of a kind that the files give a gateway. Its own service is none: what runs inside it is local.
pub(super) fn of_kind(report: &Report, gateway: &str, kind: ClientKind) -> Vec<Whom> {
    let clients = report.clients.iter().filter(|client| client.gateway == gateway && client.kind == kind);
    clients.filter(|client| client.name != gateway).map(|client| Whom::Client(client.name.clone())).collect()
}
