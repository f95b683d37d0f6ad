//! `tailscale serve`: the JSON that `TS_SERVE_CONFIG` names. It says by itself who its clients are, and passes upgrades on.

use crate::openclaw::model::services::Service;
use crate::syntax::json5::{self, Member};

use super::{Forwards, Route, Site, SitePort, Source, Upgrade, upstream};

/// The path of the configuration in the container; only tailscale has such a variable.
pub(super) fn file<'a>(service: &Service<'a>) -> Option<&'a str> {
    let path = service.environment.get("TS_SERVE_CONFIG")?.value?.expose().trim();
    (!path.is_empty()).then_some(path)
}

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    let mut routes = Vec::new();
    for source in sources {
        let Ok(root) = json5::parse(source.file, source.text) else { continue };
        for served in root.at(&["Web"]).map_or(&[][..], json5::Node::members) {
            let handlers = served.value.at(&["Handlers"]).map_or(&[][..], json5::Node::members);
            routes.extend(handlers.iter().filter_map(|handler| route(served, handler)));
        }
    }
    routes
}

fn route(served: &Member, handler: &Member) -> Option<Route> {
    let proxy = handler.value.at(&["Proxy"])?;
    let (host, port) = upstream(proxy.expose()?)?;
    let (name, outside) = served.key.rsplit_once(':')?;
    let site = Site {
        // `${TS_CERT_DOMAIN}` is the tailnet's to fill.
        host: (!name.contains('$')).then(|| name.to_owned()),
        secure: true,
        port: SitePort::Outside(outside.parse().ok()?),
        span: served.key_span,
    };
    Some(Route {
        host,
        port,
        span: proxy.span,
        sites: vec![site],
        path: None,
        forwards: Forwards::Client,
        upgrade: Upgrade::Passed,
    })
}
