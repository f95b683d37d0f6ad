//! Ways to the gateway that lead through a proxy: labels of Traefik and Caddy, the variables of nginx-proxy and Coolify, and
//! proxies of the stack whose configuration names the gateway.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Bound;

use crate::openclaw::model::Model;
use crate::openclaw::model::names::{self, Resolved};
use crate::openclaw::model::namespaces::Namespace;
use crate::openclaw::model::processes::Process;
use crate::openclaw::model::proxies::{Forwards, Passed, Route, SitePort, Upgrade, traefik};
use crate::openclaw::model::services::{self, Service};
use crate::openclaw::rules;
use crate::source::{Span, Text};

use super::listener::{Gateway, Scope};
use super::origin::{self, OriginVerdict, Unknown};
use super::published::Publication;
use super::reach::Reach;
use super::trust::{Distrust, Trust, Untrusted};

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
    /// The service that it is, where it is one of the stack.
    pub(crate) service: Option<String>,
    /// The host's port by which it goes to the gateway, where it goes by one.
    pub(crate) published: Option<u16>,
    /// Where it ends up instead, where it looks for the gateway and does not find it.
    astray: Option<Reach>,
    /// What its own log says of the way, where nothing else does.
    pub(crate) said: Option<String>,
    /// The only path that it passes on, where it passes on no other: the gateway's pages must be below it.
    path: Option<Passed>,
    /// Whether it passes on that a client wants a WebSocket.
    upgrade: Upgrade,
    /// It puts the client's address behind those that the client names itself; the word that says so.
    pub(crate) appends: Option<Span>,
    /// It adds forwarding headers for certain.
    forwards: bool,
    /// It stands in the gateway's own namespace.
    inside: bool,
}

impl Proxy {
    /// One of which nothing else is known.
    fn new(who: impl Into<String>, span: Span) -> Self {
        Self {
            who: who.into(),
            span,
            origin: None,
            target: None,
            network: None,
            service: None,
            published: None,
            astray: None,
            said: None,
            path: None,
            upgrade: Upgrade::Unknown,
            appends: None,
            forwards: false,
            inside: false,
        }
    }
}

/// The proxy before a gateway; labels and variables of the gateway say more than a proxy's being there.
pub(crate) fn of(gateway: &Gateway<'_>, model: &Model<'_>) -> Option<Proxy> {
    let process = gateway.process;
    let Some(owner) = model.namespace_owner(gateway.process) else {
        return by_service(gateway, gateway.process.service, model);
    };
    let labelled = by_traefik(owner).map(|proxy| (proxy, "traefik"));
    if let Some((mut proxy, program)) = labelled.or_else(|| by_caddy(owner).map(|proxy| (proxy, "caddy"))) {
        // The one that reads the labels may be of this stack.
        let reads = |process: &&&Process<'_>| {
            let image = process.service.image.as_ref().map_or("", |image| image.value);
            image.contains(program) && names::shares_network(process.service, owner)
        };
        proxy.service = model.proxies.iter().find(reads).map(|process| process.service.name.to_owned());
        return Some(proxy);
    }
    by_variables(process).or_else(|| by_service(gateway, owner, model))
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
    let span = labels.get(*rule_name).map_or(rule.span, |at| at.span);
    Some(Proxy {
        origin: host.map(|host| (format!("{scheme}://{host}"), rule.span)),
        target: port.and_then(|(_, at)| Some((at.value.trimmed().parse()?, at.span))),
        network: labels
            .get("traefik.docker.network")
            .map(|at| (at.value.expose().trim().to_owned(), at.span)),
        forwards: true,
        path: path_of_labels(service),
        ..Proxy::new(format!("traefik, by the labels of {}", service.name), span)
    })
}

/// The path that Traefik passes on by a service's labels: every router asks for one, and none of what stands behind it takes
/// that off.
fn path_of_labels(service: &Service<'_>) -> Option<Passed> {
    let labels = &service.labels;
    let rules = labels
        .iter()
        .filter(|(name, _)| name.starts_with("traefik.http.routers.") && name.ends_with(".rule"));
    let passed = |(name, rule): (&&str, &services::At<&Text>)| {
        let path = traefik::prefix_of(rule.value.expose())?;
        let router = name.trim_end_matches(".rule");
        let named = labels.get(format!("{router}.middlewares").as_str());
        let named = named.map(|at| at.value.expose()).unwrap_or_default();
        let keeps = |middleware: &str| {
            let name = middleware.trim().split('@').next().unwrap_or_default();
            let prefix = format!("traefik.http.middlewares.{name}.");
            let mut kinds = labels.keys().filter_map(|label| label.strip_prefix(prefix.as_str()));
            let kind = kinds.next().and_then(|rest| rest.split('.').next());
            kind.is_some_and(traefik::keeps_the_path)
        };
        let is_kept = named.split(',').filter(|name| !name.trim().is_empty()).all(keeps);
        Passed::of(path, rule.span).filter(|_| is_kept)
    };
    let paths: Option<Vec<Passed>> = rules.map(passed).collect();
    paths?.into_iter().find(|passed| !is_of_programs(&passed.path))
}

fn by_caddy(service: &Service<'_>) -> Option<Proxy> {
    let (name, site) = service.labels.iter().find(|(name, _)| **name == "caddy" || **name == "caddy_0")?;
    let host = site.value.expose().split([',', ' ']).next().unwrap_or_default();
    let origin = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let upstream = service.labels.get(format!("{name}.reverse_proxy").as_str());
    let port = |text: &str| text.trim_end_matches(['}', ' ']).rsplit([' ', ':']).next()?.parse().ok();
    Some(Proxy {
        origin: (!host.is_empty()).then_some((origin, site.span)),
        target: upstream.and_then(|at| Some((port(at.value.expose())?, at.span))),
        forwards: true,
        ..Proxy::new(format!("caddy, by the labels of {}", service.name), site.span)
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
            origin: Some((format!("{scheme}://{host}"), span)),
            target: given("VIRTUAL_PORT").and_then(|(port, span)| Some((port.parse().ok()?, span))),
            forwards: true,
            ..Proxy::new("the proxy that reads VIRTUAL_HOST", span)
        });
    }
    let (name, (address, span)) = environment
        .keys()
        .filter(|name| name.starts_with("SERVICE_FQDN_") || name.starts_with("SERVICE_URL_"))
        .find_map(|name| Some((*name, given(name)?)))?;
    let address = address.trim_end_matches('/');
    // `SERVICE_FQDN_NAME_PORT` names the port of the container, which is none of the address that people open.
    let inner = name.rsplit('_').next().filter(|port| port.parse::<u16>().is_ok());
    let address = inner.and_then(|port| address.strip_suffix(port)?.strip_suffix(':')).unwrap_or(address);
    let origin = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
    // The image may have a proxy of its own before the gateway, so that nobody knows who forwards.
    Some(Proxy { origin: Some((origin, span)), ..Proxy::new(format!("the proxy that fills {name}"), span) })
}

/// A proxy of the stack that is told of the gateway, or, where its configuration was not given, might be.
fn by_service(gateway: &Gateway<'_>, owner: &Service<'_>, model: &Model<'_>) -> Option<Proxy> {
    model.proxies.iter().find_map(|process| {
        let service = process.service;
        let inside = model.namespaces.share(service.name, owner.name);
        let is_near = inside || names::shares_network(service, owner);
        let mut proxy = Proxy {
            service: Some(service.name.to_owned()),
            inside,
            ..Proxy::new(service.name, service.key_span)
        };
        let led =
            || {
                process.proxy.routes.iter().filter_map(|route| {
                    Some((route, lead(&route.host, route.port, process, gateway, model)?))
                })
            };
        // A way that arrives says more than one that does not, and one whose origin is known more than one that has none.
        let unlikely = |(route, lead): &(&Route, Lead)| {
            (lead.astray.is_some(), origin_of(route, service, model).is_none())
        };
        let Some((route, lead)) = led().min_by_key(unlikely) else {
            // What its own log names is the way that it goes; the latest counts.
            let heard = model.upstreams(service).iter().rev().find_map(|upstream| {
                Some((upstream, lead(&upstream.host, upstream.port, process, gateway, model)?))
            });
            let Some((upstream, lead)) = heard else {
                return (!process.proxy.is_given && is_near).then_some(proxy);
            };
            proxy.target = Some((lead.target, service.key_span));
            proxy.published = lead.published;
            proxy.astray = lead.astray;
            proxy.said = Some(upstream.said.clone());
            return Some(proxy);
        };
        proxy.span = route.span;
        proxy.target = Some((lead.target, route.span));
        proxy.published = lead.published;
        proxy.astray = lead.astray;
        proxy.origin = origin_of(route, service, model);
        proxy.upgrade = route.upgrade;
        // Where any way leads to the root, or to what programs ask for, another is only more of it.
        let is_page = |route: &Route| route.path.as_ref().is_some_and(|path| !is_of_programs(&path.path));
        let are_pages = led().all(|(route, _)| is_page(route));
        proxy.path = route.path.clone().filter(|_| are_pages);
        (proxy.forwards, proxy.appends) = match route.forwards {
            Forwards::Client => (true, None),
            Forwards::Appended(span) => (true, Some(span)),
            Forwards::Nothing | Forwards::Unknown => (false, None),
        };
        Some(proxy)
    })
}

/// Paths of the gateway that no browser opens as a page.
fn is_of_programs(path: &str) -> bool {
    const PATHS: [&str; 9] =
        ["/v1", "/api", "/hooks", "/webhook", "/webhooks", "/ws", "/healthz", "/readyz", "/__openclaw__"];
    let first = path.split('/').nth(1).unwrap_or_default();
    PATHS.iter().any(|known| known.trim_start_matches('/') == first)
}

/// Where a way through a proxy ends at the gateway.
struct Lead {
    target: u16,
    /// The host's port that it goes by, where it goes by one.
    published: Option<u16>,
    /// It never gets there.
    astray: Option<Reach>,
}

/// Whether a way through a proxy leads to the gateway's namespace: by a name of it, by the loopback that they share, or by a
/// port that the host publishes for it. One that means the gateway and misses it leads astray.
fn lead(
    host: &str,
    port: Option<u16>,
    proxy: &Process<'_>,
    gateway: &Gateway<'_>,
    model: &Model<'_>,
) -> Option<Lead> {
    let owner = model.namespace_owner(gateway.process);
    let here = model.namespace(proxy.service);
    let there = model.namespace(gateway.process.service);
    let direct = |port: Option<u16>| Lead {
        target: port.unwrap_or_else(|| gateway.listens_on()),
        published: None,
        astray: None,
    };
    let by_host = |port: Option<u16>| {
        if there == Some(&Namespace::Host) {
            return (port == gateway.port.number).then(|| direct(port));
        }
        let mapping = owner?
            .ports
            .iter()
            .find(|mapping| !mapping.udp && mapping.published == port && port.is_some())?;
        // The host's own loopback is open to the host alone, unless the engine's machine passes it on.
        let is_shut = mapping.host_ip.is_some_and(names::is_loopback)
            && mapping.host_ip != Some("0.0.0.0")
            && here != Some(&Namespace::Host)
            && !model.docker_vm;
        let astray = is_shut.then_some(Reach::HostLoopbackOnly);
        Some(Lead { target: mapping.target, published: port, astray })
    };
    // In a borrowed namespace the owner's networks count.
    let viewer = match here {
        Some(Namespace::Service(viewer)) => model.services.named(viewer),
        _ => None,
    };
    let is_near = owner.is_some_and(|owner| names::shares_network(proxy.service, owner));
    let means_gateway = port.is_some() && port == gateway.port.number;
    if names::is_loopback(host) {
        if here.is_some() && here == there {
            // A port of the proxy's own, or of somebody else beside the gateway, is not the gateway's.
            let is_its = port == gateway.port.number || port.is_none() || gateway.port.number.is_none();
            return is_its.then(|| direct(port));
        }
        if here == Some(&Namespace::Host) {
            return by_host(port);
        }
        // The gateway's port on a loopback where nobody but the proxy itself lives.
        let lives_alone = matches!(here, Some(Namespace::Service(owner)) if owner == proxy.service.name)
            && model.namespaces.stranded_by(proxy.service.name).is_empty();
        return (lives_alone && means_gateway && is_near)
            .then(|| Lead { astray: Some(Reach::OwnLoopback), ..direct(port) });
    }
    let astray = |reach| Lead { astray: Some(reach), ..direct(port) };
    let wanted = owner.map(|owner| owner.name);
    match names::resolve(viewer.unwrap_or(proxy.service), host, wanted, model.services, &model.namespaces) {
        Resolved::Service(found) if Some(found) == wanted => Some(direct(port)),
        Resolved::DockerHost => by_host(port),
        Resolved::NoSharedNetwork(with) if Some(with) == wanted => {
            Some(astray(Reach::NoSharedNetwork { with: with.to_owned() }))
        }
        Resolved::Unknown { nearest } if means_gateway && is_near => {
            Some(astray(Reach::UnknownName { nearest }))
        }
        Resolved::Elsewhere if means_gateway => match host.parse().ok()? {
            // The first address of a network of Docker's is the host's.
            IpAddr::V4(address) if address.is_private() && address.octets()[3] == 1 => by_host(port),
            IpAddr::V4(address) if address.is_private() && is_near => Some(direct(port)),
            _ => None,
        },
        _ => None,
    }
}

/// What browsers open to come this way, where it can be told: TLS may end before a proxy that speaks plain http, and a port
/// that is not published is somebody else's to lead to.
fn origin_of(route: &Route, proxy: &Service<'_>, model: &Model<'_>) -> Option<(String, Span)> {
    route.sites.iter().find_map(|site| {
        let port = match site.port {
            SitePort::Outside(port) => port,
            SitePort::Listens(port) => match model.namespace(proxy)? {
                Namespace::Host => port,
                Namespace::Service(owner) => {
                    let ports = &model.services.named(owner)?.ports;
                    ports.iter().find(|mapping| !mapping.udp && mapping.target == port)?.published?
                }
                _ => return None,
            },
        };
        let host = match &site.host {
            Some(host) if site.secure || names::is_loopback(host) => host.as_str(),
            // Without TLS and a name it is opened where it runs.
            None if !site.secure => "localhost",
            _ => return None,
        };
        let scheme = if site.secure { "https" } else { "http" };
        let usual = if site.secure { 443 } else { 80 };
        let origin =
            if port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") };
        Some((origin, site.span))
    })
}

impl Proxy {
    /// Where the way through the proxy ends.
    pub(crate) fn reach(&self, gateway: &Gateway<'_>, model: &Model<'_>) -> Reach {
        // What stands in the gateway's own namespace was left behind with it, or is there anew.
        if let Some(stranded) = model.stranded_between(None, gateway.process).filter(|_| !self.inside) {
            return Reach::Stranded(stranded.to_owned());
        }
        if let Some(astray) = &self.astray {
            return astray.clone();
        }
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
        let Some((origin, span)) = &self.origin else {
            return OriginVerdict::Unknown(Unknown::NoAddress);
        };
        origin::of_proxy(origin, *span, config, process, gateway)
    }

    /// What becomes of an upgrade that comes this way.
    pub(crate) fn passage(&self, gateway: &Gateway<'_>, model: &Model<'_>) -> Passage {
        if let Some(distrust) = self.untrusted(gateway.process, model) {
            return Passage::Untrusted(distrust);
        }
        if let Some(passed) = self.path.as_ref().filter(|passed| is_off_base(passed, gateway)) {
            return Passage::OffBase(passed.clone());
        }
        match self.upgrade {
            Upgrade::Dropped(span) => Passage::NoUpgrade { span },
            Upgrade::Passed | Upgrade::Unknown => Passage::Open,
        }
    }

    /// The address from which the gateway hears this proxy, where it is known.
    pub(crate) fn address(&self, model: &Model<'_>) -> Option<IpAddr> {
        if self.inside {
            return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        match model.addresses_of(self.service.as_ref()?) {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Why forwarded requests are refused.
    fn untrusted(&self, process: &Process<'_>, model: &Model<'_>) -> Option<Distrust> {
        if !self.forwards || !rules::proxy_attribution_required(process.version) {
            return None;
        }
        let trust = Trust::of(process)?;
        let address = self.address(model);
        let why = match trust.entries.first() {
            None if trust.is_partial => return None,
            None => Untrusted::Empty,
            Some(_) if trust.entries.iter().all(|entry| entry.text == "*") => Untrusted::Wildcard,
            Some(_) if address.is_some_and(|address| !trust.may_cover(address)) => Untrusted::Unlisted,
            Some(_) => return None,
        };
        Some(Distrust { why, address, is_seen: false })
    }
}

/// What becomes of an upgrade that comes through a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Nothing speaks against it.
    Open,
    /// The proxy does not pass on that the client wants a WebSocket.
    NoUpgrade { span: Span },
    /// The proxy passes a path on below which the gateway has no pages.
    OffBase(Passed),
    /// The gateway refuses what the proxy passes on.
    Untrusted(Distrust),
}

/// Whether the gateway's pages are not below a path; unknown counts as no.
fn is_off_base(passed: &Passed, gateway: &Gateway<'_>) -> bool {
    let Some(config) = gateway.process.config().filter(|config| !config.is_partial()) else { return false };
    let base = config.expose(&["gateway", "controlUi", "basePath"]).map_or("", |(base, _)| base.trim());
    let base = base.trim_matches('/');
    !base.contains("${") && base != passed.path.trim_matches('/')
}
