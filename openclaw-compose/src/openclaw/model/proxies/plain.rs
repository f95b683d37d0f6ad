//! Upstreams by their look, in languages that are not read.

use super::{Forwards, Route, Source, Upgrade, upstream};

/// What adds a header about the client, in any of them.
const FORWARDING: [&str; 4] = ["x-forwarded-", "x-real-ip", "option forwardfor", "proxypass"];

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    sources.iter().flat_map(routes_in).collect()
}

fn routes_in(source: &Source<'_>) -> Vec<Route> {
    let lower = source.text.to_ascii_lowercase();
    let forwards = match FORWARDING.iter().any(|word| lower.contains(word)) {
        true => Forwards::Client,
        false => Forwards::Nothing,
    };
    let mut routes = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let first = line.split_whitespace().next().unwrap_or_default();
        // A listener of the proxy's own is not an upstream.
        if first.starts_with('#') || matches!(first.to_ascii_lowercase().as_str(), "bind" | "listen") {
            continue;
        }
        for word in line.split([' ', '\t', '\n', '\r', '"', '\'']).filter(|word| word.contains(':')) {
            let Some((host, Some(port))) = upstream(word) else { continue };
            let from = at + word.as_ptr().addr() - line.as_ptr().addr();
            routes.push(Route {
                host,
                port: Some(port),
                span: source.span(from..from + word.len()),
                sites: Vec::new(),
                path: None,
                forwards,
                upgrade: Upgrade::Unknown,
            });
        }
    }
    routes
}
