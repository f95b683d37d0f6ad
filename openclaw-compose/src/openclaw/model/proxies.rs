//! Ways to the gateway that lead through a proxy: labels of Traefik and Caddy, the variables of nginx-proxy and Coolify, and
//! proxies of the stack whose configuration names the gateway.

use crate::finding::{Code, Confidence, PlaceRole, Severity};
use crate::openclaw::findings::remedies;
use crate::openclaw::findings::{Cause, Findings};
use crate::openclaw::rules;
use crate::openclaw::rules::version;
use crate::openclaw::verdict::clients::{Client, Publication};
use crate::openclaw::verdict::listener::{Gateway, Scope};
use crate::openclaw::verdict::origin::{self, Verdict};
use crate::openclaw::verdict::reach::Reach;
use crate::source::{FileId, Span, Text};

use super::files::{Found, Reader};
use super::names;
use super::processes::Process;
use super::scene::Scene;
use super::services::{self, MountKind, Service, Services};

/// A proxy before a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// Who, for a person.
    pub(crate) who: String,
    /// What makes it the gateway's proxy.
    pub(crate) span: Span,
    /// The origin that browsers open, where that is written.
    pub(crate) origin: Option<(String, Span)>,
    /// The port it passes requests on to, where that is written.
    pub(crate) target: Option<(u16, Span)>,
    /// The network on which it looks for the gateway, where that is written.
    network: Option<(String, Span)>,
    /// It adds forwarding headers for certain.
    forwards: bool,
    /// It stands in the gateway's own namespace.
    inside: bool,
}

/// Programs that pass requests on, by image or service name.
const PROXIES: [&str; 8] = ["nginx", "traefik", "caddy", "haproxy", "envoy", "swag", "npm", "cloudflared"];

/// Where proxies look for their configuration when a directory is mounted.
const USUAL_FILES: [&str; 5] = [
    "/etc/caddy/Caddyfile",
    "/etc/nginx/nginx.conf",
    "/etc/nginx/conf.d/default.conf",
    "/etc/nginx/templates/default.conf.template",
    "/usr/local/etc/haproxy/haproxy.cfg",
];

/// The configuration that is mounted into a proxy; nothing for other services.
pub(crate) fn configuration(
    service: &Service<'_>,
    services: &Services<'_>,
    files: &mut Reader<'_>,
) -> Vec<(FileId, Text)> {
    if !is_proxy(service) {
        return Vec::new();
    }
    let binds = service.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
    let mut out: Vec<(FileId, Text)> = Vec::new();
    for path in binds.map(|mount| mount.target).chain(USUAL_FILES) {
        if let Found::Text(file, text) = files.inside(service, services, path)
            && !out.iter().any(|(known, _)| *known == file)
        {
            out.push((file, text));
        }
    }
    out
}

/// Whether it is one of the programs that pass requests on.
pub(crate) fn is_proxy(service: &Service<'_>) -> bool {
    let image = service.image.as_ref().map_or("", |image| version::repository(image.value));
    let word = image.rsplit('/').next().unwrap_or(image);
    PROXIES.iter().any(|proxy| word.starts_with(proxy) || service.name == *proxy)
}

/// The proxy before a gateway; labels and variables of the gateway say more than a proxy's being there.
pub(crate) fn of(gateway: &Gateway, scene: &Scene<'_, '_>) -> Option<Front> {
    let process = scene.processes.get(gateway.at)?;
    let owner = scene.namespace_owner(gateway.at)?;
    by_traefik(owner)
        .or_else(|| by_caddy(owner))
        .or_else(|| by_variables(process))
        .or_else(|| by_service(gateway, owner, scene))
}

fn by_traefik(service: &Service<'_>) -> Option<Front> {
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
        let tls = labels.keys().any(|label| label.starts_with(&format!("{router}.tls")));
        at.value == rule.value && (tls || points.is_none_or(named))
    };
    let scheme =
        if labels.iter().filter(|(name, _)| name.ends_with(".rule")).any(secure) { "https" } else { "http" };
    let port = labels.iter().find(|(name, _)| {
        name.starts_with("traefik.http.services.") && name.ends_with(".loadbalancer.server.port")
    });
    Some(Front {
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

fn by_caddy(service: &Service<'_>) -> Option<Front> {
    let (name, site) = service.labels.iter().find(|(name, _)| **name == "caddy" || **name == "caddy_0")?;
    let host = site.value.expose().split([',', ' ']).next().unwrap_or_default();
    let origin = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let upstream = service.labels.get(format!("{name}.reverse_proxy").as_str());
    let port = |text: &str| text.trim_end_matches(['}', ' ']).rsplit([' ', ':']).next()?.parse().ok();
    Some(Front {
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
fn by_variables(process: &Process<'_>) -> Option<Front> {
    let environment = &process.service.environment;
    let given = |name: &str| {
        let variable = environment.get(name)?;
        Some((variable.value?.expose().trim(), variable.span)).filter(|(value, _)| !value.is_empty())
    };
    if let Some((hosts, span)) = given("VIRTUAL_HOST") {
        let host = hosts.split(',').next().unwrap_or_default();
        let scheme = if given("LETSENCRYPT_HOST").is_some() { "https" } else { "http" };
        return Some(Front {
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
    Some(Front {
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
fn by_service(gateway: &Gateway, owner: &Service<'_>, scene: &Scene<'_, '_>) -> Option<Front> {
    let proxies = scene.proxies.iter().filter_map(|proxy| scene.processes.get(*proxy));
    proxies.into_iter().find_map(|process| {
        let service = process.service;
        let inside = scene.namespaces.share(service.name, owner.name);
        if !(inside || names::shares_network(service, owner)) {
            return None;
        }
        let mut front = Front {
            who: service.name.to_owned(),
            span: service.key_span,
            origin: None,
            target: None,
            network: None,
            forwards: false,
            inside,
        };
        if process.proxy_texts.is_empty() {
            return Some(front);
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
        front.span = Span::from_range(file, at..end);
        front.target = Some((port.unwrap_or_else(|| gateway.listens_on()), front.span));
        front.forwards = lower.contains("reverse_proxy")
            || lower.contains("x-forwarded-")
            || lower.contains("x-real-ip")
            || lower.contains("option forwardfor")
            || lower.contains("loadbalancer");
        Some(front)
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

impl Front {
    /// Where the way through the proxy ends.
    pub(crate) fn reach(&self, gateway: &Gateway, scene: &Scene<'_, '_>) -> Reach {
        if self.misses(gateway, scene).is_some() {
            return Reach::NoSharedNetwork { with: gateway.at };
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
    fn misses(&self, gateway: &Gateway, scene: &Scene<'_, '_>) -> Option<(&str, Span)> {
        let (network, span) = self.network.as_ref()?;
        let owner = scene.namespace_owner(gateway.at)?;
        let is_on = |attachment: &services::Attachment<'_>| {
            attachment.network == network || scene.network_name(attachment.network) == network
        };
        (!owner.networks.iter().any(is_on)).then_some((network.as_str(), *span))
    }

    /// The publication that a browser comes through.
    pub(crate) fn publication(&self, gateway: &Gateway) -> Publication {
        Publication {
            port: 0,
            target: self.target.map_or_else(|| gateway.listens_on(), |(target, _)| target),
            local_only: false,
            host_network: false,
            span: self.target.map_or(self.span, |(_, span)| span),
        }
    }

    /// Whether the gateway and the browser let a page that comes through the proxy connect.
    pub(crate) fn verdict(&self, gateway: &Gateway, scene: &Scene<'_, '_>) -> Verdict {
        let unknown = |why: &str| Verdict::Unknown(why.to_owned());
        let Some(process) = scene.processes.get(gateway.at) else { return unknown("no gateway") };
        let Some(config) = process.config() else { return unknown("openclaw.json was not given") };
        if let Some((code, because, span)) = self.untrusted(process) {
            return Verdict::Refused { code, because, span: Some(span) };
        }
        let Some((origin, span)) = &self.origin else {
            return unknown("the proxy's address is written nowhere");
        };
        origin::of_proxy(origin, *span, config, process, gateway)
    }

    /// Forwarded requests are refused: the code, why, and the line that says so.
    fn untrusted(&self, process: &Process<'_>) -> Option<(Code, String, Span)> {
        if !self.forwards || !rules::proxy_attribution_required(process.version) {
            return None;
        }
        let config = process.config()?;
        let trusted: Vec<(&str, Span)> = config.list(&["gateway", "trustedProxies"]).collect();
        match trusted.first() {
            None if config.is_partial() => None,
            None => {
                let because = format!(
                    "{} forwards requests, and gateway.trustedProxies is empty: they are answered 403 proxy_attribution_required",
                    self.who
                );
                Some((Code::TrustedProxiesMissing, because, self.span))
            }
            Some((_, span)) if trusted.iter().all(|(entry, _)| *entry == "*") => {
                let because = format!(
                    "{} forwards requests, and `*` in gateway.trustedProxies is no wildcard: it trusts nobody, and they are answered 403 proxy_attribution_required",
                    self.who
                );
                Some((Code::TrustedProxiesWrong, because, *span))
            }
            Some(_) => None,
        }
    }
}

/// The sentence and the deciding place for a proxy that leads to another port.
pub(crate) fn wrong_target(client: &Client, scene: &Scene<'_, '_>) -> Option<(String, Span)> {
    let front = client.front.as_ref()?;
    let gateway = scene.gateways.get(client.gateway)?;
    let (target, span) = front.target?;
    let listens = gateway.port.number.filter(|listens| *listens != target)?;
    let name = scene.service_name(gateway.at);
    Some((format!("{} leads to port {target}, and {name} listens on {listens}", front.who), span))
}

/// The code, the sentence and the deciding place for a proxy that does not lead to the gateway.
pub(crate) fn describe(client: &Client, scene: &Scene<'_, '_>) -> Option<(Code, String, Option<Span>)> {
    let front = client.front.as_ref()?;
    let gateway = scene.gateways.get(client.gateway)?;
    let name = scene.service_name(gateway.at);
    Some(match &client.reach {
        Reach::NoSharedNetwork { .. } => {
            let (network, span) = front.misses(gateway, scene)?;
            let summary =
                format!("{} looks for {name} on the network {network}, on which it is not", front.who);
            (Code::NoSharedNetwork, summary, Some(span))
        }
        Reach::LoopbackBind => {
            let summary = format!(
                "{name} listens on the loopback of its container ({}): {} finds nobody there",
                gateway.bind.by, front.who
            );
            (Code::LoopbackBind, summary, gateway.bind.span.or(Some(front.span)))
        }
        _ => return None,
    })
}

/// What there is to say about a client that comes through a proxy.
pub(crate) fn findings(client: &Client, scene: &Scene<'_, '_>, out: &mut Findings) {
    let (Some(front), Some(gateway)) = (&client.front, scene.gateways.get(client.gateway)) else { return };
    if let Some((summary, span)) = wrong_target(client, scene) {
        let mut finding =
            scene.finding(Code::PublishedTargetWrong, summary, Some(span)).about(client.subject());
        finding.remedy = front
            .target
            .and_then(|(target, span)| remedies::replace_port(span, target, gateway.listens_on(), scene));
        out.push_for([Cause::Proxied(gateway.at)], finding);
    }
    let Some((code, summary, span)) = describe(client, scene) else { return };
    // One finding a gateway: another client may have said so already.
    if code == Code::LoopbackBind && out.has(Cause::Bind(gateway.at)) {
        return;
    }
    let mut finding = scene.finding(code, summary, span).about(client.subject());
    finding.places.extend(scene.place(PlaceRole::Related, front.span).filter(|_| Some(front.span) != span));
    finding.remedy = match code {
        Code::LoopbackBind => remedies::listen_on_all(gateway, scene),
        _ => Some(remedies::words("attach the gateway to that network, or name one that it is on")),
    };
    let cause = match code {
        Code::LoopbackBind => Cause::Bind(gateway.at),
        _ => Cause::Reach(client.id),
    };
    out.push_for([cause], finding);
}

/// Whom the gateway trusts to say who a client is.
pub(crate) fn trust(scene: &Scene<'_, '_>, out: &mut Findings) {
    for gateway in &scene.gateways {
        let Some(process) = scene.processes.get(gateway.at) else { continue };
        let Some(config) = process.config() else { continue };
        let front = of(gateway, scene);
        let refused = front.as_ref().and_then(|front| front.untrusted(process));
        let trusted: Vec<(&str, Span)> = config.list(&["gateway", "trustedProxies"]).collect();
        for (entry, span) in &trusted {
            let wide = matches!(*entry, "0.0.0.0/0" | "::/0");
            if *entry == "*" || wide {
                let summary = match &refused {
                    Some((Code::TrustedProxiesWrong, because, _)) => because.clone(),
                    _ if wide => {
                        format!("gateway.trustedProxies trusts {entry}: any client can claim to be local")
                    }
                    _ => "gateway.trustedProxies has no wildcard: `*` trusts nobody".to_owned(),
                };
                let mut finding =
                    scene.finding(Code::TrustedProxiesWrong, summary, Some(*span)).about(process.subject());
                if refused.is_some() {
                    finding.severity = Severity::Error;
                }
                finding.remedy = Some(remedies::words(
                    "list the address of the proxy, or the subnet of the network it shares with the gateway",
                ));
                out.push_for([Cause::Trust(gateway.at)], finding);
            }
        }
        let Some(front) = front.filter(|_| trusted.is_empty()) else { continue };
        let summary = match &refused {
            Some((_, because, _)) => because.clone(),
            None => format!(
                "a proxy stands before the gateway ({}) and gateway.trustedProxies is empty",
                front.who
            ),
        };
        let mut finding =
            scene.finding(Code::TrustedProxiesMissing, summary, Some(front.span)).about(process.subject());
        if refused.is_some() {
            finding.severity = Severity::Error;
        } else {
            finding.confidence = Confidence::Inferred;
        }
        if rules::proxy_attribution_required(process.version) {
            finding.evidence.push("forwarded requests from an untrusted peer are answered 403 proxy_attribution_required; /healthz stays 200".to_owned());
        }
        finding.remedy = Some(remedies::words(
            "put the proxy's address, or the subnet of the network they share, into gateway.trustedProxies",
        ));
        out.push_for([Cause::Trust(gateway.at)], finding);
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
