//! Envoy: the addresses of its clusters, wherever they stand. It says by itself who its clients are.

use crate::syntax::yaml::{self, Node};

use super::{Forwards, Route, Source, Upgrade};

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    let mut routes = Vec::new();
    for source in sources {
        let mut left = MOST_NODES;
        if let Some(root) = yaml::parse(source.file, source.text).documents.first() {
            let upgrade = if source.text.contains("websocket") { Upgrade::Passed } else { Upgrade::Unknown };
            collect(root, upgrade, &mut left, &mut routes);
        }
    }
    routes
}

/// What is shared by anchors is walked wherever it stands.
const MOST_NODES: usize = 100_000;

/// The parser bounds how deep a text nests.
fn collect(node: &Node, upgrade: Upgrade, left: &mut usize, routes: &mut Vec<Route>) {
    if routes.len() >= super::MOST || *left == 0 {
        return;
    }
    *left -= 1;
    if let Some(address) = node.get("socket_address") {
        let host = address.get("address").and_then(|host| Some((host.expose()?, host.span)));
        if let Some((host, span)) = host {
            let port = address.get("port_value").and_then(super::number);
            let (host, forwards) = (host.to_ascii_lowercase(), Forwards::Client);
            routes.push(Route { host, port, span, sites: Vec::new(), path: None, forwards, upgrade });
        }
    }
    for entry in node.as_map().into_iter().flat_map(|map| map.entries()) {
        collect(&entry.value, upgrade, left, routes);
    }
    node.as_seq().into_iter().flatten().for_each(|item| collect(item, upgrade, left, routes));
}
