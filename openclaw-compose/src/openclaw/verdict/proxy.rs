//! Ways to the gateway that lead through a proxy: labels of Traefik and Caddy, the variables of nginx-proxy and Coolify, and
//! proxies of the stack whose configuration names the gateway.

use std::ops::Bound;

use crate::openclaw::model::Model;
use crate::openclaw::model::names;
use crate::openclaw::model::processes::Process;
use crate::openclaw::model::services::{self, Service};
use crate::openclaw::rules;
use crate::source::{Span, Text};

use super::listener::{Gateway, Scope};
use super::origin::{self, OriginVerdict, Unknown, Untrusted};
use super::published::Publication;
use super::reach::Reach;

/// A proxy before a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Who, for a person.
    pub(crate) who: String,
    /// What makes it the gateway's proxy.
    pub(crate) span: Span,
    /// The origin that browsers open, where that is written.
    pub(crate) origin: Option<(String, Span)>,
    /// The port it passes requests on to, where that is written.
    pub(crate) target: Option<(u16, Span)>,
    /// The network on which it looks for the gateway, where that is written.
    pub(crate) network: Option<(String, Span)>,
    /// It adds forwarding headers for certain.
    forwards: bool,
    /// It stands in the gateway's own namespace.
    inside: bool,
}

/// The proxy before a gateway; labels and variables of the gateway say more than a proxy's being there.
pub(crate) fn of(gateway: &Gateway<'_>, model: &Model<'_>) -> Option<Proxy> {
    let process = gateway.process;
    let owner = model.namespace_owner(gateway.process)?;
    by_traefik(owner)
        .or_else(|| by_caddy(owner))
        .or_else(|| by_variables(process))
        .or_else(|| by_service(gateway, owner, model))
}

fn by_traefik(service: &Service<'_>) -> Option<Proxy> {
    let labels = &service.labels;
    let value = |name: &str| labels.get(name).map(|at| at.value.expose().trim());
    let (rule_name, rule) = labels
        .iter()
        .find(|(name, _)| name.starts_with("traefik.http.routers.") && name.ends_with(".rule"))?;
    if value("traefik.enable") == Some("false") {
        return None;
    }
    let host = rule.value.expose().split("Host(").nth(1).and_then(|rest| rest.split(['`', '"', '\'']).nth(1));
    // Several routers may serve one host, one of them only to send people to https.
    let secure = |(name, at): (&&str, &services::At<&Text>)| {
        let router = name.trim_end_matches(".rule");
        let points =
            value(&format!("{router}.entrypoints")).or_else(|| value(&format!("{router}.entryPoints")));
        let named =
            |points: &str| points.contains("secure") || points.contains("https") || points.contains("443");
        let prefix = format!("{router}.tls");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let tls = labels.range::<str, _>(from).next().is_some_and(|(label, _)| label.starts_with(&prefix));
        at.value == rule.value && (tls || points.is_none_or(named))
    };
    let scheme =
        if labels.iter().filter(|(name, _)| name.ends_with(".rule")).any(secure) { "https" } else { "http" };
    let port = labels.iter().find(|(name, _)| {
        name.starts_with("traefik.http.services.") && name.ends_with(".loadbalancer.server.port")
    });
    Some(Proxy {
        who: format!("traefik, by the labels of {}", service.name),
        span: labels.get(*rule_name).map_or(rule.span, |at| at.span),
        origin: host.map(|host| (format!("{scheme}://{host}"), rule.span)),
        target: port.and_then(|(_, at)| Some((at.value.trimmed().parse()?, at.span))),
        network: labels
            .get("traefik.docker.network")
            .map(|at| (at.value.expose().trim().to_owned(), at.span)),
        forwards: true,
        inside: false,
    })
}

fn by_caddy(service: &Service<'_>) -> Option<Proxy> {
    let (name, site) = service.labels.iter().find(|(name, _)| **name == "caddy" || **name == "caddy_0")?;
    let host = site.value.expose().split([',', ' ']).next().unwrap_or_default();
    let origin = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let upstream = service.labels.get(format!("{name}.reverse_proxy").as_str());
    let port = |text: &str| text.trim_end_matches(['}', ' ']).rsplit([' ', ':']).next()?.parse().ok();
    Some(Proxy {
        who: format!("caddy, by the labels of {}", service.name),
        span: site.span,
        origin: (!host.is_empty()).then_some((origin, site.span)),
        target: upstream.and_then(|at| Some((port(at.value.expose())?, at.span))),
        network: None,
        forwards: true,
        inside: false,
    })
}

/// nginx-proxy finds its hosts in `VIRTUAL_HOST`; Coolify and its kin fill `SERVICE_FQDN_...` and `SERVICE_URL_...`.
fn by_variables(process: &Process<'_>) -> Option<Proxy> {
    let environment = &process.service.environment;
    let given = |name: &str| {
        let variable = environment.get(name)?;
        Some((variable.value?.expose().trim(), variable.span)).filter(|(value, _)| !value.is_empty())
    };
    if let Some((hosts, span)) = given("VIRTUAL_HOST") {
        let host = hosts.split(',').next().unwrap_or_default();
        let scheme = if given("LETSENCRYPT_HOST").is_some() { "https" } else { "http" };
        return Some(Proxy {
            who: "the proxy that reads VIRTUAL_HOST".to_owned(),
            span,
            origin: Some((format!("{scheme}://{host}"), span)),
            target: given("VIRTUAL_PORT").and_then(|(port, span)| Some((port.parse().ok()?, span))),
            network: None,
            forwards: true,
            inside: false,
        });
    }
    let (name, (address, span)) = environment
        .keys()
        .filter(|name| name.starts_with("SERVICE_FQDN_") || name.starts_with("SERVICE_URL_"))
        .find_map(|name| Some((*name, given(name)?)))?;
    let address = address.trim_end_matches('/');
    let origin = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
    Some(Proxy {
        who: format!("the proxy that fills {name}"),
        span,
        origin: Some((origin, span)),
        target: None,
        network: None,
        // The image may have a proxy of its own before the gateway.
        forwards: false,
        inside: false,
    })
}

/// A proxy of the stack that is told of the gateway, or, where its configuration was not given, might be.
fn by_service(gateway: &Gateway<'_>, owner: &Service<'_>, model: &Model<'_>) -> Option<Proxy> {
    model.proxies.iter().find_map(|process| {
        let service = process.service;
        let inside = model.namespaces.share(service.name, owner.name);
        if !(inside || names::shares_network(service, owner)) {
            return None;
        }
        let mut proxy = Proxy {
            who: service.name.to_owned(),
            span: service.key_span,
            origin: None,
            target: None,
            network: None,
            forwards: false,
            inside,
        };
        if process.proxy_texts.is_empty() {
            return Some(proxy);
        }
        let hosts: Vec<&str> = if inside {
            vec!["127.0.0.1", "localhost"]
        } else {
            let aliases = owner.networks.iter().flat_map(|attachment| attachment.aliases.iter().copied());
            std::iter::once(owner.name).chain(owner.container_name).chain(aliases).collect()
        };
        let (file, text, at, end, port) = process.proxy_texts.iter().find_map(|(file, text)| {
            let (at, end, port) = upstream(text.expose(), &hosts)?;
            Some((*file, text, at, end, port))
        })?;
        let lower = text.expose().to_ascii_lowercase();
        proxy.span = Span::from_range(file, at..end);
        proxy.target = Some((port.unwrap_or_else(|| gateway.listens_on()), proxy.span));
        proxy.forwards = lower.contains("reverse_proxy")
            || lower.contains("x-forwarded-")
            || lower.contains("x-real-ip")
            || lower.contains("option forwardfor")
            || lower.contains("loadbalancer");
        Some(proxy)
    })
}

/// Where a configuration names one of the hosts as an upstream, and the port behind it.
fn upstream(text: &str, hosts: &[&str]) -> Option<(usize, usize, Option<u16>)> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if line.trim_start().starts_with('#') {
            continue;
        }
        for host in hosts {
            for (at, _) in line.match_indices(host) {
                let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                let before = line.get(..at).unwrap_or_default();
                let rest = line.get(at + host.len()..).unwrap_or_default();
                if before.ends_with(word) || rest.starts_with(|c| word(c) && c != ':') {
                    continue;
                }
                let digits: String = rest
                    .strip_prefix(':')
                    .unwrap_or_default()
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect();
                let passes = !digits.is_empty() || before.contains("://") || before.contains("reverse_proxy");
                // A listener of the proxy's own is no upstream.
                if passes && !before.trim_start().starts_with("listen") {
                    let length = host.len() + if digits.is_empty() { 0 } else { digits.len() + 1 };
                    return Some((start + at, start + at + length, digits.parse().ok()));
                }
            }
        }
    }
    None
}

impl Proxy {
    /// Where the way through the proxy ends.
    pub(crate) fn reach(&self, gateway: &Gateway<'_>, model: &Model<'_>) -> Reach {
        if self.misses(gateway, model).is_some() {
            return Reach::NoSharedNetwork { with: gateway.name().to_owned() };
        }
        if self.target.map_or(gateway.may_have_server(), |(target, _)| gateway.may_be_behind(target)) {
            return Reach::Unsure;
        }
        if gateway.bind.scope == Scope::Loopback && !self.inside {
            return Reach::LoopbackBind;
        }
        match (self.target, gateway.port.number) {
            (Some((target, _)), Some(listens)) if target != listens => {
                Reach::WrongPort { listens, published: true }
            }
            _ => Reach::Gateway,
        }
    }

    /// The network on which the proxy looks for the gateway, where the gateway is on others only.
    pub(crate) fn misses(&self, gateway: &Gateway<'_>, model: &Model<'_>) -> Option<(&str, Span)> {
        let (network, span) = self.network.as_ref()?;
        let owner = model.namespace_owner(gateway.process)?;
        let is_on = |attachment: &services::Attachment<'_>| {
            attachment.network == network || model.network_name(attachment.network) == network
        };
        (!owner.networks.iter().any(is_on)).then_some((network.as_str(), *span))
    }

    /// The publication that a browser comes through.
    pub(crate) fn publication(&self, gateway: &Gateway<'_>) -> Publication {
        Publication {
            port: 0,
            target: self.target.map_or_else(|| gateway.listens_on(), |(target, _)| target),
            local_only: false,
            host_network: false,
            span: self.target.map_or(self.span, |(_, span)| span),
        }
    }

    /// Whether the gateway and the browser let a page that comes through the proxy connect.
    pub(crate) fn verdict(&self, gateway: &Gateway<'_>) -> OriginVerdict {
        let process = gateway.process;
        let Some(config) = process.config() else { return OriginVerdict::Unknown(Unknown::NotGiven) };
        if let Some((why, span)) = self.untrusted(process) {
            return OriginVerdict::Untrusted { why, span };
        }
        let Some((origin, span)) = &self.origin else {
            return OriginVerdict::Unknown(Unknown::NoAddress);
        };
        origin::of_proxy(origin, *span, config, process, gateway)
    }

    /// Why forwarded requests are refused, and the line that says so.
    pub(crate) fn untrusted(&self, process: &Process<'_>) -> Option<(Untrusted, Span)> {
        if !self.forwards || !rules::proxy_attribution_required(process.version) {
            return None;
        }
        let config = process.config()?;
        let trusted: Vec<(&str, Span)> = config.list(&["gateway", "trustedProxies"]).collect();
        match trusted.first() {
            None if config.is_partial() => None,
            None => Some((Untrusted::Empty, self.span)),
            Some((_, span)) if trusted.iter().all(|(entry, _)| *entry == "*") => {
                Some((Untrusted::Wildcard, *span))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_found_with_their_port_and_listeners_are_none() {
        for (text, wanted) in [
            ("proxy_pass http://openclaw:18789;", Some(Some(18789))),
            ("claw.example.com {\n  reverse_proxy openclaw:8080\n}", Some(Some(8080))),
            ("proxy_pass http://openclaw/;", Some(None)),
            ("listen openclaw:80;", None),
            ("# proxy_pass http://openclaw:18789;", None),
            ("proxy_pass http://my-openclaw:18789;", None),
            ("server_name openclaw.example.com;", None),
        ] {
            let found = upstream(text, &["openclaw"]);
            assert_eq!(found.map(|(_, _, port)| port), wanted, "{text}");
        }
        let (from, to, _) = upstream("x http://openclaw:18789;", &["openclaw"]).expect("an upstream");
        assert_eq!(&"x http://openclaw:18789;"[from..to], "openclaw:18789");
    }
}
