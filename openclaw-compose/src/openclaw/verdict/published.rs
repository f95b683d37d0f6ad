//! The published port through which the host and its browsers come to a gateway.

use crate::openclaw::model::Model;
use crate::openclaw::model::names;
use crate::openclaw::model::namespaces::Namespace;
use crate::openclaw::rules;
use crate::source::Span;

use super::listener::{Gateway, Scope};

/// A published port as the host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) port: u16,
    pub(crate) target: u16,
    /// On the host's own loopback only.
    pub(crate) local_only: bool,
    /// On the host's network: nothing is published, the gateway is simply there.
    pub(crate) host_network: bool,
    pub(crate) span: Span,
}

/// The mapping that leads to the gateway; failing that, the one that was meant to.
pub(crate) fn publication(gateway: &Gateway<'_>, model: &Model<'_>) -> Option<Publication> {
    let process = gateway.process;
    match model.namespace(process.service)? {
        Namespace::Host => Some(Publication {
            port: gateway.listens_on(),
            target: gateway.listens_on(),
            local_only: gateway.bind.scope == Scope::Loopback,
            host_network: true,
            span: process.service.network_mode.as_ref().map_or(process.service.key_span, |mode| mode.span),
        }),
        Namespace::Service(owner) => {
            let owner = model.services.named(owner)?;
            let mut ports = owner.ports.iter().filter(|port| !port.udp);
            let right = ports.clone().find(|port| Some(port.target) == gateway.port.number);
            let meant = || ports.find(|port| is_meant(port.target, gateway, model));
            let port = right.or_else(meant)?;
            Some(Publication {
                port: port.published.unwrap_or(0),
                target: port.target,
                local_only: port
                    .host_ip
                    .is_some_and(|ip| names::is_loopback(ip) && ip != "0.0.0.0" && ip != "::"),
                host_network: false,
                span: port.span,
            })
        }
        Namespace::Container(_) | Namespace::None(_) | Namespace::Dangling { .. } => None,
    }
}

/// A mapping to a port on which nothing of the namespace listens is taken for the gateway's when it says 18789, or when it
/// is the gateway's own only one.
fn is_meant(target: u16, gateway: &Gateway<'_>, model: &Model<'_>) -> bool {
    let neighbour =
        || model.namespace(gateway.process.service).and_then(|here| model.neighbours.foreign(here, None));
    // A proxy in the namespace has ports of its own.
    if target != rules::DEFAULT_PORT && neighbour().is_some() {
        return false;
    }
    let own = &gateway.process.service.ports;
    target == rules::DEFAULT_PORT || own.len() == 1 && own.iter().any(|port| port.target == target)
}
