//! `cloudflared`: the ingress rules of a tunnel that is configured here. One that has a token alone is configured elsewhere.

use crate::openclaw::model::services::Service;
use crate::syntax::yaml;

use super::{Forwards, Route, Site, SitePort, Source, Upgrade, upstream};

/// Where it looks, unless `--config` says another place.
const USUAL: [&str; 3] =
    ["/etc/cloudflared/config.yml", "/etc/cloudflared/config.yaml", "/home/nonroot/.cloudflared/config.yml"];

pub(super) fn files<'a>(service: &Service<'a>) -> Vec<&'a str> {
    let words = service.command.iter().flatten().map(|word| word.value.expose());
    let words: Vec<&str> = words.collect();
    let named = words.windows(2).find(|pair| pair.first() == Some(&"--config")).and_then(|pair| pair.get(1));
    named.copied().into_iter().chain(USUAL).collect()
}

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    let mut routes = Vec::new();
    for source in sources {
        let parsed = yaml::parse(source.file, source.text);
        let Some(rules) = parsed.documents.first().and_then(|root| root.get("ingress")?.as_seq()) else {
            continue;
        };
        for rule in rules {
            let Some(service) = rule.get("service") else { continue };
            let Some((host, port)) = service.expose().and_then(upstream) else { continue };
            let site = rule.get("hostname").and_then(|name| {
                let (host, span) = (name.expose()?, name.span);
                let host = (!host.contains('*')).then(|| host.to_owned());
                Some(Site { host, secure: true, port: SitePort::Outside(443), span })
            });
            routes.push(Route {
                host,
                port,
                span: service.span,
                sites: site.into_iter().collect(),
                path: None,
                forwards: Forwards::Client,
                upgrade: Upgrade::Passed,
            });
        }
    }
    routes
}
