//! Every client of the gateway: the CLI in each service, the host, and the browsers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::Subject;
use crate::openclaw::model::Model;
use crate::openclaw::model::gateways::GatewayId;
use crate::openclaw::model::names;
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::model::urls::Url;
use crate::openclaw::rules::Side;

use super::listener::{Auth, Gateway, Scope};
use super::origin::{self, OriginVerdict, Planned, Unknown};
use super::proxy::{self, Passage, Proxy};
use super::published::{Publication, publication};
use super::reach::{self, Choice, Reach};
use super::token::{self, Decision, Outcome};
use super::trust;

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "each passes other gates, which a ticket must know")]
pub enum ClientKind {
    /// A service of the stack; the gateway's own service stands for a CLI run inside it.
    Service,
    /// A browser on the Docker host or beyond.
    Browser,
    /// A program on the Docker host.
    Host,
}

/// A client before it is shown.
pub(crate) struct Client<'a> {
    pub(crate) id: ClientId,
    pub(crate) name: String,
    pub(crate) kind: ClientKind,
    /// The process, for a service.
    pub(crate) process: Option<&'a Process<'a>>,
    pub(crate) gateway: &'a Gateway<'a>,
    pub(crate) choice: Option<&'a Choice>,
    pub(crate) reach: Reach,
    pub(crate) decision: Option<&'a Decision>,
    /// For host and browser: the published port, where there is one.
    pub(crate) published: Option<Publication>,
    pub(crate) planned: Option<Planned>,
    /// For a browser that comes through a proxy: that proxy.
    pub(crate) proxy: Option<Proxy>,
    /// What becomes of its upgrade, where a proxy stands in its way.
    pub(crate) passage: Option<Passage>,
    pub(crate) auth: AuthVerdict,
}

/// What tells a client from every other of its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(usize);

impl Client<'_> {
    /// As a finding's subject.
    pub(crate) fn subject(&self) -> Subject {
        Subject::Client(self.name.clone())
    }

    /// Whether it is known to reach the gateway's listener.
    pub(crate) fn surely_arrives(&self) -> bool {
        self.reach.arrives() == Some(true) && self.choice.is_none_or(|choice| choice.certain)
    }
}

/// Whether the client's secret is the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthVerdict {
    Same,
    /// The gateway asks for nothing.
    NotNeeded,
    Different,
    /// It is that of another gateway of the stack.
    OfAnother(GatewayId),
    /// The client has none to send.
    Missing,
    /// The gateway makes one up at each start.
    Invented,
    Unknown,
}

/// What the client in a process dials and sends.
pub(crate) struct Outgoing<'a> {
    pub(crate) choice: Choice,
    pub(crate) gateway: &'a Gateway<'a>,
    pub(crate) decision: Decision,
}

/// What each process dials and sends, in their order; nothing where it is no client.
pub(crate) fn outgoing<'a>(model: &Model<'a>, gateways: &'a [Gateway<'a>]) -> Vec<Option<Outgoing<'a>>> {
    // Several gateways in one network namespace are told apart by their ports.
    let mut by_port = BTreeMap::new();
    for gateway in gateways {
        if let (Some(namespace), Some(port)) = (model.namespace(gateway.process.service), gateway.port.number)
        {
            by_port.entry((namespace, port)).or_insert(gateway);
        }
    }
    let of = |process: &Process<'_>| {
        let choice = reach::choose(process).filter(|_| process.role != Role::Other)?;
        let url = choice.url.as_ref();
        let host = url.map(|url| url.host.as_str());
        let found = model.gateways.serving(process, host, &model.namespaces)?.of(gateways)?;
        let beside = || by_port.get(&(model.namespace(found.process.service)?, url?.port)).copied();
        let is_itself = found.process.id == process.id;
        let gateway = if is_itself { found } else { beside().unwrap_or(found) };
        let decision = token::decide(process, Side::Client, Some(choice.target), gateway.secret);
        Some(Outgoing { choice, gateway, decision })
    };
    model.processes.iter().map(of).collect()
}

/// Finds every client.
pub(crate) fn find<'a>(
    model: &Model<'a>,
    gateways: &'a [Gateway<'a>],
    outgoing: &'a [Option<Outgoing<'a>>],
) -> Vec<Client<'a>> {
    let mut given = 0;
    let mut id = || {
        given += 1;
        ClientId(given)
    };
    let mut out = Vec::new();
    let mut owners = BTreeMap::new();
    for gateway in gateways {
        if let Some(value) = gateway.decision.value() {
            owners.entry(value).or_insert(gateway.id);
        }
    }
    for (process, outgoing) in model.processes.iter().zip(outgoing) {
        let Some(outgoing) = outgoing else { continue };
        let Some(mut client) = service_client(id(), process, outgoing, model) else { continue };
        if client.auth == AuthVerdict::Different
            && let Some(owner) = outgoing.decision.value().and_then(|value| owners.get(value))
        {
            client.auth = AuthVerdict::OfAnother(*owner);
        }
        out.push(client);
    }
    for gateway in gateways {
        let mut published = published_clients([id(), id()], gateway, model);
        // The host's own command line was told above, by what it reads.
        published.retain(|client| client.kind != ClientKind::Host || !gateway.process.service.is_on_host());
        let proxy =
            proxy::of(gateway, model).filter(|proxy| proxy.origin.is_some() || proxy.target.is_some());
        // The page that people open may be the proxy's: then there is no other.
        let is_proxys = |proxy: &Proxy, client: &Client<'_>| {
            client.kind == ClientKind::Browser && (goes_by(proxy, client) || is_elsewhere(client))
        };
        let same =
            proxy.as_ref().and_then(|proxy| published.iter().position(|client| is_proxys(proxy, client)));
        let planned = same.and_then(|at| published.remove(at).planned);
        let has_browser = published.iter().any(|client| client.kind == ClientKind::Browser);
        let proxied = proxy.map(|proxy| {
            let mut client = proxied_client(id(), proxy, gateway, has_browser, model);
            let is_named = client.proxy.as_ref().is_some_and(|proxy| proxy.origin.is_some());
            if let Some(planned) = planned.filter(|_| !is_named) {
                client.planned = Some(planned);
            }
            client
        });
        // A page or a proxy that nothing in these files accounts for was seen to be refused: somebody's browser is behind it.
        let is_seen =
            || !origin::refused(gateway, model).is_empty() || !trust::refused(gateway, model).is_empty();
        let is_seen_alone = !has_browser && proxied.is_none() && is_seen();
        let unplanned = is_seen_alone.then(|| unplanned_browser(id(), gateway, model));
        out.extend(published.into_iter().chain(proxied).chain(unplanned));
    }
    out
}

fn service_client<'a>(
    id: ClientId,
    process: &'a Process<'a>,
    outgoing: &'a Outgoing<'a>,
    model: &Model<'a>,
) -> Option<Client<'a>> {
    if process.role == Role::Cli && !process.invocation.asks_gateway() {
        return None;
    }
    let Outgoing { choice, gateway, decision } = outgoing;
    let url_credentials = choice.url.as_ref().is_some_and(|url| url.has_credentials);
    let second = token::decide(process, Side::Client, Some(choice.target), other(gateway));
    let has_credential =
        url_credentials || decision.outcome != Outcome::Nothing || second.outcome != Outcome::Nothing;
    let reach = reach::follow(process, choice, gateway, has_credential, model);
    let auth = match auth_verdict(gateway, decision) {
        // The gateway compares a password with its token, and a token with its password, where the other field is absent.
        AuthVerdict::Missing if second.value().is_some() && second.value() == gateway.decision.value() => {
            AuthVerdict::Same
        }
        verdict => verdict,
    };
    // The shell of the person to whom a job of the host belongs.
    let is_shell = process.service.job.is_some_and(|job| job.manager.is_none());
    Some(Client {
        id,
        name: process.service.name.to_owned(),
        kind: if is_shell { ClientKind::Host } else { ClientKind::Service },
        process: Some(process),
        gateway,
        choice: Some(choice),
        reach,
        decision: Some(decision),
        published: is_shell.then(|| publication(gateway, model)).flatten(),
        planned: None,
        proxy: None,
        passage: None,
        auth,
    })
}

fn other(gateway: &Gateway<'_>) -> token::Secret {
    match gateway.secret {
        token::Secret::Token => token::Secret::Password,
        token::Secret::Password => token::Secret::Token,
    }
}

fn auth_verdict(gateway: &Gateway<'_>, client: &Decision) -> AuthVerdict {
    match gateway.auth {
        Auth::None => return AuthVerdict::NotNeeded,
        Auth::TrustedProxy | Auth::Unknown if gateway.decision.outcome != Outcome::Nothing => {
            if gateway.auth == Auth::TrustedProxy {
                return AuthVerdict::Unknown;
            }
        }
        Auth::TrustedProxy | Auth::Unknown => return AuthVerdict::Unknown,
        Auth::Token | Auth::Password => {}
    }
    let server = &gateway.decision;
    if let (Some(ours), Some(theirs)) = (server.value(), client.value()) {
        return if ours == theirs { AuthVerdict::Same } else { AuthVerdict::Different };
    }
    match (server.outcome, client.outcome) {
        (Outcome::Nothing, _) if gateway.refusals.is_empty() => AuthVerdict::Invented,
        (Outcome::Opaque(_), Outcome::Opaque(_))
            if server.winner().map(|winner| winner.span) == client.winner().map(|winner| winner.span) =>
        {
            AuthVerdict::Same
        }
        (Outcome::Wins(_) | Outcome::Opaque(_), Outcome::Nothing | Outcome::Refuses(_)) => {
            AuthVerdict::Missing
        }
        _ => AuthVerdict::Unknown,
    }
}

/// Whether a proxy with an address of its own comes by the port that is published for a browser.
fn goes_by(proxy: &Proxy, browser: &Client<'_>) -> bool {
    let published = browser.published.as_ref().map(|published| published.port);
    proxy.origin.is_some() && proxy.published.is_some() && proxy.published == published
}

/// Whether nothing is published for a browser, and the page that it opens is none of this host's.
fn is_elsewhere(browser: &Client<'_>) -> bool {
    let url = browser.planned.as_ref().and_then(|planned| Url::parse(&planned.origin));
    browser.published.as_ref().is_some_and(|published| published.host_network)
        && url.is_some_and(|url| !names::is_loopback(&url.host))
}

/// A browser that only the gateway's log shows.
fn unplanned_browser<'a>(id: ClientId, gateway: &'a Gateway<'a>, model: &Model<'_>) -> Client<'a> {
    Client {
        id,
        name: format!("browser{}", gateway.id.suffix()),
        kind: ClientKind::Browser,
        process: None,
        gateway,
        choice: None,
        reach: Reach::Unsure,
        decision: None,
        published: None,
        planned: None,
        proxy: None,
        passage: None,
        auth: presumed_auth(gateway, model),
    }
}

/// The browser that comes through a proxy. A proxy that may have nothing to do with the gateway makes no client.
fn proxied_client<'a>(
    id: ClientId,
    proxy: Proxy,
    gateway: &'a Gateway<'a>,
    beside_others: bool,
    model: &Model<'_>,
) -> Client<'a> {
    let name = if beside_others { "browser-proxy" } else { "browser" };
    let origin =
        proxy.origin.as_ref().map_or_else(|| "the proxy's address".to_owned(), |(origin, _)| origin.clone());
    Client {
        id,
        name: format!("{name}{}", gateway.id.suffix()),
        kind: ClientKind::Browser,
        process: None,
        gateway,
        choice: None,
        reach: proxy.reach(gateway, model),
        decision: None,
        published: Some(proxy.publication(gateway)),
        planned: Some(Planned::new(origin, proxy.verdict(gateway))),
        passage: Some(proxy.passage(gateway, model)),
        proxy: Some(proxy),
        auth: presumed_auth(gateway, model),
    }
}

/// The host and its browsers, where a port is published or the gateway is on the host's network.
fn published_clients<'a>(
    [host, browser]: [ClientId; 2],
    gateway: &'a Gateway<'a>,
    model: &Model<'_>,
) -> Vec<Client<'a>> {
    let Some(published) = publication(gateway, model) else { return Vec::new() };
    let unsure = gateway.may_be_behind(published.target)
        || gateway.may_have_server() && gateway.bind.scope == Scope::Unknown;
    let reach = if let Some(stranded) = model.stranded_between(None, gateway.process) {
        Reach::Stranded(stranded.to_owned())
    } else if unsure && !published.host_network {
        Reach::Unsure
    } else if gateway.bind.scope == Scope::Loopback && !published.host_network {
        Reach::LoopbackBind
    } else if gateway.port.number.is_some_and(|listens| listens != published.target) {
        Reach::WrongPort { listens: gateway.listens_on(), published: true }
    } else {
        Reach::Gateway
    };
    let auth = presumed_auth(gateway, model);
    let client = |id, kind, name: &str, planned| Client {
        id,
        name: format!("{name}{}", gateway.id.suffix()),
        kind,
        process: None,
        gateway,
        choice: None,
        reach: reach.clone(),
        decision: None,
        published: Some(published.clone()),
        planned,
        proxy: None,
        passage: None,
        auth,
    };
    let mut out = vec![client(host, ClientKind::Host, "host", None)];
    // What listens where the port leads may be another program's page.
    let unsure = |planned: Planned| match planned.verdict {
        OriginVerdict::NotAllowed { .. } if reach == Reach::Unsure => {
            Planned::new(planned.origin, OriginVerdict::Unknown(Unknown::Elsewhere))
        }
        _ => planned,
    };
    if let Some(planned) = origin::plan(gateway, &published).map(unsure) {
        out.push(client(browser, ClientKind::Browser, "browser", Some(planned)));
    }
    out
}

/// What people outside are given: the token of `.env` or of the gateway's environment. Inferred: nobody sees what they paste.
fn presumed_auth(gateway: &Gateway<'_>, model: &Model<'_>) -> AuthVerdict {
    match gateway.auth {
        Auth::None => return AuthVerdict::NotNeeded,
        Auth::TrustedProxy | Auth::Unknown => return AuthVerdict::Unknown,
        Auth::Token | Auth::Password => {}
    }
    let server = &gateway.decision;
    match server.outcome {
        Outcome::Nothing if gateway.refusals.is_empty() => AuthVerdict::Invented,
        Outcome::Wins(_) => match gateway.handed_out(model) {
            Some(value) if server.value().is_some_and(|ours| ours.is_same(&value)) => AuthVerdict::Same,
            Some(_) => AuthVerdict::Different,
            None => AuthVerdict::Same,
        },
        _ => AuthVerdict::Unknown,
    }
}
