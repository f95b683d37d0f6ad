//! Every client of the gateway with its ladder: the CLI in each service, the host, and the browsers.

use serde::Serialize;

use crate::finding::Subject;
use crate::openclaw::model::names;
use crate::openclaw::model::namespaces::Namespace;
use crate::openclaw::model::processes::Role;
use crate::openclaw::model::proxies::{self, Front};
use crate::openclaw::model::scene::Scene;
use crate::openclaw::rules::{self, Side};
use crate::source::Span;

use super::listener::{Auth, Gateway, Scope};
use super::origin::{self, Planned};
use super::reach::{self, Choice, Reach};
use super::token::{self, Decision, Outcome};

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// A service of the stack; the gateway's own service stands for a CLI run inside it.
    Service,
    /// A browser on the Docker host or beyond.
    Browser,
    /// A program on the Docker host.
    Host,
}

/// A client before it is shown.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) name: String,
    pub(crate) kind: ClientKind,
    /// The process, for a service.
    pub(crate) at: Option<usize>,
    /// Its gateway, by position in the scene.
    pub(crate) gateway: usize,
    pub(crate) choice: Option<Choice>,
    pub(crate) reach: Reach,
    pub(crate) decision: Option<Decision>,
    /// For host and browser: the published port, where there is one.
    pub(crate) published: Option<Publication>,
    pub(crate) planned: Option<Planned>,
    /// For a browser that comes through a proxy: that proxy.
    pub(crate) front: Option<Front>,
    pub(crate) auth: AuthVerdict,
}

/// A client, by its position among all of a stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(usize);

impl Client {
    /// As a finding's subject.
    pub(crate) fn subject(&self) -> Subject {
        Subject::Client(self.name.clone())
    }

    /// Whether it is known to reach the gateway's listener.
    pub(crate) fn surely_arrives(&self) -> bool {
        self.reach.arrives() == Some(true) && self.choice.as_ref().is_none_or(|choice| choice.certain)
    }
}

/// A published port as the host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) port: u16,
    pub(crate) target: u16,
    /// On the host's own loopback only.
    pub(crate) local_only: bool,
    /// On the host's network: nothing is published, the gateway is simply there.
    pub(crate) host_network: bool,
    pub(crate) span: Span,
}

/// Whether the client's secret is the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthVerdict {
    Same,
    /// The gateway asks for nothing.
    NotNeeded,
    Different,
    /// The client has none to send.
    Missing,
    /// The gateway makes one up at each start.
    Invented,
    Unknown,
}

/// Finds every client.
pub(crate) fn find(scene: &Scene<'_, '_>) -> Vec<Client> {
    let mut out = Vec::new();
    for (at, process) in scene.processes.iter().enumerate() {
        if process.role != Role::Other {
            out.extend(service_client(at, scene));
        }
    }
    for gateway in 0..scene.gateways.len() {
        out.extend(outside_clients(gateway, scene));
    }
    for (at, client) in out.iter_mut().enumerate() {
        client.id = ClientId(at);
    }
    out
}

fn service_client(at: usize, scene: &Scene<'_, '_>) -> Option<Client> {
    let process = scene.processes.get(at)?;
    if process.role == Role::Cli && !process.invocation.asks_gateway() {
        return None;
    }
    let choice = reach::choose(process)?;
    let gateway_at = scene.gateway_for(at, &choice)?;
    let gateway = scene.gateways.get(gateway_at)?;
    let decision = token::decide(process, Side::Client, Some(choice.target), gateway.secret);
    let url_credentials = choice.url.as_ref().is_some_and(|url| url.has_credentials);
    let second = token::decide(process, Side::Client, Some(choice.target), other(gateway));
    let has_credential =
        url_credentials || decision.outcome != Outcome::Nothing || second.outcome != Outcome::Nothing;
    let reach = reach::follow(at, &choice, gateway, has_credential, &scene.map());
    let auth = match auth_verdict(gateway, &decision) {
        // The gateway compares a password with its token, and a token with its password, where the other field is absent.
        AuthVerdict::Missing if second.value().is_some() && second.value() == gateway.decision.value() => {
            AuthVerdict::Same
        }
        verdict => verdict,
    };
    Some(Client {
        id: ClientId::default(),
        name: process.service.name.to_owned(),
        kind: ClientKind::Service,
        at: Some(at),
        gateway: gateway_at,
        choice: Some(choice),
        reach,
        decision: Some(decision),
        published: None,
        planned: None,
        front: None,
        auth,
    })
}

fn other(gateway: &Gateway) -> token::Secret {
    match gateway.secret {
        token::Secret::Token => token::Secret::Password,
        token::Secret::Password => token::Secret::Token,
    }
}

fn auth_verdict(gateway: &Gateway, client: &Decision) -> AuthVerdict {
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

/// The host and its browsers, where a port is published or the gateway is on the host's network.
fn outside_clients(gateway_at: usize, scene: &Scene<'_, '_>) -> Vec<Client> {
    let Some(gateway) = scene.gateways.get(gateway_at) else { return Vec::new() };
    let mut out = published_clients(gateway_at, gateway, scene);
    out.extend(proxied_client(gateway_at, gateway, !out.is_empty(), scene));
    out
}

/// The browser that comes through a proxy, where one is known to lead to the gateway.
fn proxied_client(
    gateway_at: usize,
    gateway: &Gateway,
    beside_others: bool,
    scene: &Scene<'_, '_>,
) -> Option<Client> {
    // A proxy that may have nothing to do with the gateway makes no client.
    let front =
        proxies::of(gateway, scene).filter(|front| front.origin.is_some() || front.target.is_some())?;
    let name = if beside_others { "browser-proxy" } else { "browser" };
    let origin =
        front.origin.as_ref().map_or_else(|| "the proxy's address".to_owned(), |(origin, _)| origin.clone());
    Some(Client {
        id: ClientId::default(),
        name: format!("{name}{}", suffix(gateway_at)),
        kind: ClientKind::Browser,
        at: None,
        gateway: gateway_at,
        choice: None,
        reach: front.reach(gateway, scene),
        decision: None,
        published: Some(front.publication(gateway)),
        planned: Some(Planned { origin, verdict: front.verdict(gateway, scene) }),
        front: Some(front),
        auth: presumed_auth(gateway, scene),
    })
}

/// What tells the clients of several gateways apart.
fn suffix(gateway_at: usize) -> String {
    if gateway_at == 0 { String::new() } else { format!("-{}", gateway_at + 1) }
}

fn published_clients(gateway_at: usize, gateway: &Gateway, scene: &Scene<'_, '_>) -> Vec<Client> {
    let Some(published) = publication(gateway, scene) else { return Vec::new() };
    let reach = if gateway.bind.scope == Scope::Loopback && !published.host_network {
        Reach::LoopbackBind
    } else if gateway.port.number.is_some_and(|listens| listens != published.target) {
        Reach::WrongPort { listens: gateway.listens_on(), published: true }
    } else {
        Reach::Gateway
    };
    let auth = presumed_auth(gateway, scene);
    let client = |kind, name: &str, planned| Client {
        id: ClientId::default(),
        name: format!("{name}{}", suffix(gateway_at)),
        kind,
        at: None,
        gateway: gateway_at,
        choice: None,
        reach: reach.clone(),
        decision: None,
        published: Some(published.clone()),
        planned,
        front: None,
        auth,
    };
    let mut out = vec![client(ClientKind::Host, "host", None)];
    if let Some(planned) = origin::plan(gateway, &published, scene) {
        out.push(client(ClientKind::Browser, "browser", Some(planned)));
    }
    out
}

/// The mapping that leads to the gateway; failing that, the one that was meant to.
fn publication(gateway: &Gateway, scene: &Scene<'_, '_>) -> Option<Publication> {
    let process = scene.processes.get(gateway.at)?;
    match scene.namespaces.of.get(process.service.name)? {
        Namespace::Host => Some(Publication {
            port: gateway.listens_on(),
            target: gateway.listens_on(),
            local_only: gateway.bind.scope == Scope::Loopback,
            host_network: true,
            span: process.service.network_mode.as_ref().map_or(process.service.key_span, |mode| mode.span),
        }),
        Namespace::Service(owner) => {
            let owner = scene.services.named(owner)?;
            let mut ports = owner.ports.iter().filter(|port| !port.udp);
            let right = ports.clone().find(|port| Some(port.target) == gateway.port.number);
            let meant = || ports.find(|port| is_meant(port.target, gateway, scene));
            let port = right.or_else(meant)?;
            Some(Publication {
                port: port.published.unwrap_or(0),
                target: port.target,
                local_only: port
                    .host_ip
                    .is_some_and(|ip| names::is_loopback(ip) && ip != "0.0.0.0" && ip != "::"),
                host_network: false,
                span: port.span,
            })
        }
        Namespace::Container(_) | Namespace::None(_) | Namespace::Dangling { .. } => None,
    }
}

/// A mapping to a port on which nothing of the namespace listens is taken for the gateway's when it says 18789, or when it
/// is the gateway's own only one.
fn is_meant(target: u16, gateway: &Gateway, scene: &Scene<'_, '_>) -> bool {
    // A proxy in the namespace has ports of its own.
    if target != rules::DEFAULT_PORT && scene.has_foreign_neighbour(gateway.at) {
        return false;
    }
    let own = scene.processes.get(gateway.at).map_or(&[][..], |process| &process.service.ports);
    target == rules::DEFAULT_PORT || own.len() == 1 && own.iter().any(|port| port.target == target)
}

/// What people outside are given: the token of `.env` or of the gateway's environment. Inferred: nobody sees what they paste.
fn presumed_auth(gateway: &Gateway, scene: &Scene<'_, '_>) -> AuthVerdict {
    match gateway.auth {
        Auth::None => return AuthVerdict::NotNeeded,
        Auth::TrustedProxy | Auth::Unknown => return AuthVerdict::Unknown,
        Auth::Token | Auth::Password => {}
    }
    let server = &gateway.decision;
    match server.outcome {
        Outcome::Nothing if gateway.refusals.is_empty() => AuthVerdict::Invented,
        Outcome::Wins(_) => match scene.handed_out(gateway) {
            Some(value) if server.value().is_some_and(|ours| ours.is_same(&value)) => AuthVerdict::Same,
            Some(_) => AuthVerdict::Different,
            None => AuthVerdict::Same,
        },
        _ => AuthVerdict::Unknown,
    }
}

/// What the client in a service would send; nothing where the service is no client.
pub(crate) fn decision_of(at: usize, scene: &Scene<'_, '_>) -> Option<Decision> {
    let process = scene.processes.get(at)?;
    let choice = reach::choose(process)?;
    let gateway = scene.gateways.get(scene.gateway_for(at, &choice)?)?;
    Some(token::decide(process, Side::Client, Some(choice.target), gateway.secret))
}
