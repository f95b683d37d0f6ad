//! Two gateways where there is room for one: on one state directory, or on one port.

use std::collections::BTreeMap;

use crate::openclaw::model::Model;
use crate::openclaw::model::gateways::GatewayId;
use crate::openclaw::model::namespaces::Namespace;
use crate::source::Span;

use super::listener::Gateway;

/// Two gateways that get in each other's way: the first, and one that comes after it in the files. Whichever starts later
/// loses.
pub(crate) struct Contention {
    pub(crate) first: GatewayId,
    pub(crate) second: GatewayId,
    pub(crate) over: Over,
}

/// What two gateways contend for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The directory that each keeps its state in.
    State,
    /// A port of the network namespace that both live in.
    Port(u16),
    /// A port of the host that both publish, the second one here.
    HostPort(u16, Span),
}

/// The gateways of a stack that contend for something.
pub(crate) fn find(gateways: &[Gateway<'_>], model: &Model<'_>) -> Vec<Contention> {
    let mut out = Vec::new();
    let mut meet = |known: Option<GatewayId>, gateway: &Gateway<'_>, over: Over| {
        if let Some(first) = known.filter(|first| *first != gateway.id) {
            out.push(Contention { first, second: gateway.id, over });
        }
    };
    let (mut states, mut listeners) = (BTreeMap::new(), BTreeMap::new());
    let mut host = HostPorts::default();
    // What jobs of the host contend for is told with them.
    for gateway in gateways.iter().filter(|gateway| gateway.process.service.job.is_none()) {
        let process = gateway.process;
        if process.state.is_kept() && process.knows_state_dir() {
            let first = *states.entry(&process.state).or_insert(gateway.id);
            meet(Some(first), gateway, Over::State);
        }
        let here = model.namespace(process.service).filter(|here| !matches!(here, Namespace::None(_)));
        if let (Some(port), Some(here)) = (gateway.port.number, here) {
            let first = *listeners.entry((here, port)).or_insert(gateway.id);
            meet(Some(first), gateway, Over::Port(port));
        }
        // Whoever borrows a namespace publishes nothing itself.
        for port in process.service.ports.iter().filter(|port| !port.udp) {
            let Some(number) = port.published.filter(|number| *number != 0) else { continue };
            meet(host.taken(number, port.host_ip, gateway.id), gateway, Over::HostPort(number, port.span));
        }
    }
    out
}

/// Who publishes which port of the host.
#[derive(Default)]
struct HostPorts<'a> {
    /// On every address.
    everywhere: BTreeMap<u16, GatewayId>,
    /// On one.
    at: BTreeMap<(u16, &'a str), GatewayId>,
    /// On any.
    somewhere: BTreeMap<u16, GatewayId>,
}

impl<'a> HostPorts<'a> {
    /// Takes a port, and says who had it before.
    fn taken(&mut self, port: u16, address: Option<&'a str>, by: GatewayId) -> Option<GatewayId> {
        let address = address.filter(|address| !matches!(*address, "0.0.0.0" | "::" | "[::]"));
        let before = match address {
            None => self.somewhere.get(&port),
            Some(address) => self.at.get(&(port, address)).or_else(|| self.everywhere.get(&port)),
        };
        let before = before.copied();
        self.somewhere.entry(port).or_insert(by);
        match address {
            None => self.everywhere.entry(port).or_insert(by),
            Some(address) => self.at.entry((port, address)).or_insert(by),
        };
        before
    }
}
