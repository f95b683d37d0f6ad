//! The same in TOML, as far as Traefik's own tables go: `[http.routers.NAME]` and
//! `[[http.services.NAME.loadBalancer.servers]]`, with values on one line.

use crate::openclaw::model::proxies::{
    Forwards, MOST, MOST_SITES, Route, Site, SitePort, Source, Upgrade, upstream,
};

use super::host_of;

/// A value, and the path of its key.
struct Setting<'t> {
    path: Vec<&'t str>,
    value: &'t str,
    range: std::ops::Range<usize>,
}

/// Whether a text has a table of TOML before anything else.
pub(super) fn is_toml(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with('[') && line.ends_with(']'))
}

pub(super) fn routes(source: &Source<'_>, routes: &mut Vec<Route>) {
    let settings = settings(source.text);
    for server in &settings {
        let ["http", "services", name, "loadBalancer", "servers", "url"] = server.path.as_slice() else {
            continue;
        };
        let Some((host, port)) = upstream(server.value).filter(|_| routes.len() < MOST) else { continue };
        let leads_here = |setting: &&Setting<'_>| {
            matches!(setting.path.as_slice(), ["http", "routers", _, "service"])
                && setting.value.split('@').next() == Some(*name)
        };
        let routers = settings.iter().filter(leads_here).filter_map(|setting| setting.path.get(2).copied());
        routes.push(Route {
            host,
            port,
            span: source.span(server.range.clone()),
            sites: routers.filter_map(|router| site(router, &settings, source)).take(MOST_SITES).collect(),
            path: None,
            forwards: Forwards::Client,
            upgrade: Upgrade::Passed,
        });
    }
}

fn site(router: &str, settings: &[Setting<'_>], source: &Source<'_>) -> Option<Site> {
    let of_router =
        || settings.iter().filter(|setting| setting.path.starts_with(&["http", "routers", router]));
    let of = |key: &str| of_router().find(|setting| setting.path.get(3) == Some(&key));
    let rule = of("rule")?;
    let points = of("entryPoints").map_or("", |points| points.value);
    let secure = of("tls").is_some() || points.contains("secure") || points.contains("https");
    Some(Site {
        host: Some(host_of(rule.value)?.to_owned()),
        secure,
        port: SitePort::Outside(if secure { 443 } else { 80 }),
        span: source.span(rule.range.clone()),
    })
}

/// Every `key = value`, and every table, which is a setting without a value: `[http.routers.NAME.tls]` alone means something.
fn settings(text: &str) -> Vec<Setting<'_>> {
    let mut out = Vec::new();
    let mut table: Vec<&str> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let said = line.trim();
        if let Some(inside) = said.strip_prefix('[') {
            table = keys(inside.trim_matches(['[', ']', ' ']));
            out.push(Setting { path: table.clone(), value: "", range: at..at + line.trim_end().len() });
        } else if let Some((key, value)) = said.split_once('=').filter(|_| !said.starts_with('#')) {
            let value = value.trim();
            let bare = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value.get(1..).and_then(|rest| rest.rsplit_once(quote)),
                _ => None,
            };
            let value = bare.map_or(value, |(inside, _)| inside);
            let from = at + value.as_ptr().addr() - line.as_ptr().addr();
            let path = table.iter().copied().chain(keys(key)).collect();
            out.push(Setting { path, value, range: from..from + value.len() });
        }
    }
    out
}

fn keys(dotted: &str) -> Vec<&str> {
    dotted.split('.').map(|key| key.trim().trim_matches(['"', '\''])).collect()
}
