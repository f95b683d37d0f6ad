//! Where everybody stands: the network namespaces of a stack, who lives and listens in each, what is published on the host,
//! and the way of each client to its gateway. How far a client comes on its way, its gates say.

use schemars::JsonSchema;
use serde::Serialize;

/// The places of a stack, and the ways between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Topology {
    /// The network namespaces in which a gateway, a client or a proxy lives.
    pub spaces: Vec<Space>,
    /// The ports that lead from the host to one of them; a [`PortId`] is a place in this list.
    pub ports: Vec<Port>,
    /// The way of each client, in the order of the report.
    pub ways: Vec<Way>,
    /// Services that have nothing to do with the gateway and are left out.
    pub others: usize,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Space {
    /// Whose it is.
    pub of: SpaceOf,
    /// The networks that it is on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// The services that live in it.
    pub members: Vec<Member>,
}

/// Whose a network namespace is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum SpaceOf {
    /// The host's.
    Host,
    /// A service's own.
    Service(String),
    /// That of a container outside of the stack.
    Container(String),
    /// Nobody's: loopback alone, for this service.
    None(String),
    /// That of a service which is not there.
    Missing(String),
}

/// A service in a network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Member {
    /// Its name.
    pub service: String,
    /// What it is there for.
    pub role: Role,
    /// Where it listens, for a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listens: Option<Listens>,
    /// How its container is, where containers were seen: `running`, `exited`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// What a service is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It runs a gateway.
    Gateway,
    /// It passes requests on to one.
    Proxy,
    /// It asks one.
    Client,
    /// It lends its network namespace, or borrows that of a gateway.
    Neighbour,
}

impl Role {
    /// The word in the picture.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Proxy => "proxy",
            Self::Client => "client",
            Self::Neighbour => "neighbour",
        }
    }
}

/// Where a gateway listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listens {
    /// Which peers it can see: `loopback`, `all`, an address, `tailnet`, `unknown`.
    pub scope: String,
    /// The port, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the gateway starts at all, as far as the files tell.
    pub starts: bool,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Port {
    /// Address and port on the host, as the Compose file has them; the port is missing where Docker picks one.
    pub host: String,
    /// The service that publishes it.
    pub service: String,
    /// The port inside.
    pub target: u16,
}

/// A published port, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PortId(usize);

impl PortId {
    /// The port at this place of the list.
    #[must_use]
    pub const fn at(index: usize) -> Self {
        Self(index)
    }

    /// Its place in the list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// How a client comes to its gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Way {
    /// The client, by its name on the ticket.
    pub client: String,
    /// The gateway's service.
    pub gateway: String,
    /// The published port that it comes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortId>,
    /// The proxy that it comes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

/// A proxy on a way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Proxy {
    /// A service of the stack.
    Service(String),
    /// One that stands elsewhere, in words.
    Elsewhere(String),
}

impl Topology {
    /// Changes every text that came from outside.
    pub(crate) fn each_text(&mut self, change: impl Fn(&mut String)) {
        for Space { of, networks, members } in &mut self.spaces {
            match of {
                SpaceOf::Host => {}
                SpaceOf::Service(name)
                | SpaceOf::Container(name)
                | SpaceOf::None(name)
                | SpaceOf::Missing(name) => change(name),
            }
            networks.iter_mut().for_each(&change);
            for Member { service, role: _, listens, status } in members {
                change(service);
                listens.iter_mut().for_each(|listens| change(&mut listens.scope));
                status.iter_mut().for_each(&change);
            }
        }
        for Port { host, service, target: _ } in &mut self.ports {
            change(host);
            change(service);
        }
        for Way { client, gateway, port: _, proxy } in &mut self.ways {
            change(client);
            change(gateway);
            if let Some(Proxy::Service(name) | Proxy::Elsewhere(name)) = proxy {
                change(name);
            }
        }
    }
}
