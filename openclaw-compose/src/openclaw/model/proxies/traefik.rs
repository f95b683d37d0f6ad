//! Traefik's dynamic configuration in files; its labels are the gateway's own. It says by itself who its clients are, and
//! passes upgrades on.

mod toml;

use crate::openclaw::model::services::Service;
use crate::syntax::yaml::{self, Node, Pair};

use super::{Forwards, Passed, Route, Site, SitePort, Source, Upgrade, upstream};

const FLAG: &str = "--providers.file.filename=";

/// The file that its command line names; what is mounted by itself is looked at in any case.
pub(super) fn files<'a>(service: &Service<'a>) -> Vec<&'a str> {
    let words = service.command.iter().flatten().map(|word| word.value.expose());
    let named = words.filter_map(|word| word.strip_prefix(FLAG));
    named
        .chain([
            "/etc/traefik/dynamic.yml",
            "/etc/traefik/dynamic.yaml",
            "/etc/traefik/dynamic.toml",
            "/dynamic.yml",
        ])
        .collect()
}

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    let mut routes = Vec::new();
    for source in sources {
        if toml::is_toml(source.text) {
            toml::routes(source, &mut routes);
            continue;
        }
        let parsed = yaml::parse(source.file, source.text);
        let Some(http) = parsed.documents.first().and_then(|root| root.get("http")) else { continue };
        for service in entries(http.get("services")) {
            let servers = service.value.get("loadBalancer").and_then(|balancer| balancer.get("servers"));
            let server = servers.and_then(Node::as_seq).and_then(<[Node]>::first);
            let Some(url) = server.and_then(|server| server.get("url")) else { continue };
            let Some((host, port)) = url.expose().and_then(upstream) else { continue };
            let is_for = |router: &&Pair| {
                let named = router.value.get("service").and_then(Node::expose);
                named.is_some_and(|named| named.split('@').next() == Some(&*service.key))
            };
            let routers = || entries(http.get("routers")).iter().filter(is_for);
            let paths = routers().map(|router| passed(router, http));
            let path = paths.collect::<Option<Vec<Passed>>>().and_then(|paths| paths.into_iter().next());
            routes.push(Route {
                host,
                port,
                span: url.span,
                sites: routers().filter_map(site).take(super::MOST_SITES).collect(),
                path,
                forwards: Forwards::Client,
                upgrade: Upgrade::Passed,
            });
        }
    }
    routes
}

fn entries(node: Option<&Node>) -> &[Pair] {
    node.and_then(Node::as_map).map_or(&[], |map| map.entries())
}

/// The one path that a rule asks for in front of whatever follows; none where it may match without one.
pub(crate) fn prefix_of(rule: &str) -> Option<&str> {
    let (before, rest) = rule.split_once("PathPrefix(")?;
    let path = rest.split(['`', '"', '\'']).nth(1)?;
    let is_one = !rule.contains("||") && !rest.contains("Path") && !before.ends_with('!');
    is_one.then_some(path)
}

/// Whether a middleware of this kind hands on the path as it came. Others may change it, or nobody shows what they do.
pub(crate) fn keeps_the_path(kind: &str) -> bool {
    const KINDS: [&str; 14] = [
        "basicauth",
        "buffering",
        "circuitbreaker",
        "compress",
        "contenttype",
        "digestauth",
        "forwardauth",
        "headers",
        "inflightreq",
        "ipallowlist",
        "ipwhitelist",
        "ratelimit",
        "redirectscheme",
        "retry",
    ];
    KINDS.contains(&kind.to_ascii_lowercase().as_str())
}

/// The first host that a rule names.
fn host_of(rule: &str) -> Option<&str> {
    rule.split("Host(").nth(1)?.split(['`', '"', '\'']).nth(1)
}

/// The path that a router passes on as it came.
fn passed(router: &Pair, http: &Node) -> Option<Passed> {
    let rule = router.value.get("rule")?;
    let path = prefix_of(rule.expose()?)?;
    let middlewares = router.value.get("middlewares").and_then(Node::as_seq).unwrap_or_default();
    let keeps = |named: &Node| {
        let name = named.expose()?.split('@').next()?;
        let middleware = entries(http.get("middlewares")).iter().find(|known| &*known.key == name)?;
        entries(Some(&middleware.value)).first().map(|kind| keeps_the_path(&kind.key))
    };
    let is_kept = middlewares.iter().all(|named| keeps(named) == Some(true));
    Passed::of(path, rule.span).filter(|_| is_kept)
}

fn site(router: &Pair) -> Option<Site> {
    let rule = router.value.get("rule")?;
    let host = host_of(rule.expose()?)?.to_owned();
    let points = router.value.get("entryPoints").and_then(Node::as_seq).unwrap_or_default();
    let is_secure =
        |point: &Node| point.expose().is_some_and(|name| name.contains("secure") || name.contains("https"));
    let secure = router.value.get("tls").is_some() || points.iter().any(is_secure);
    let port = SitePort::Outside(if secure { 443 } else { 80 });
    Some(Site { host: Some(host), secure, port, span: rule.span })
}
