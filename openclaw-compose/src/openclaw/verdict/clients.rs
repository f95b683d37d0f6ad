//! Every client of the gateway with its ladder: the CLI in each service, the host, and the browsers.

use serde::Serialize;

use crate::finding::{Code, Place, Role as PlaceRole};
use crate::openclaw::findings::listener;
use crate::openclaw::model::names;
use crate::openclaw::model::namespaces::Namespace;
use crate::openclaw::model::processes::{self, Role};
use crate::openclaw::model::proxies::{self, Front};
use crate::openclaw::model::scene::Scene;
use crate::openclaw::model::urls;
use crate::openclaw::rules::{self, Side};
use crate::source::Span;

use super::listener::{Auth, Gateway, Scope};
use super::origin::{self, Planned};
use super::reach::{self, Choice, Reach};
use super::state::Usable;
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

/// The gates that the files of a stack can judge, in causal order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The state directory and the configuration can be used by the processes.
    State,
    /// The gateway starts, and listens where this client's way leads.
    Listener,
    /// A published port leads to the listener. For clients outside the stack.
    Published,
    /// The client's URL, from the client's namespace, names the listener.
    Reach,
    /// The browser's origin is admitted and its context is secure.
    Origin,
    /// The secret the client sends is the one the gateway enforces.
    Auth,
}

/// What is known of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateState {
    /// It lets the client through.
    Green,
    /// It stops the client.
    Red,
    /// Nothing given says which.
    Unknown,
}

/// One gate of one client.
#[derive(Clone, Debug, Serialize)]
pub struct GateView {
    /// The gate.
    pub gate: Gate,
    /// Open, shut, or not observed.
    pub state: GateState,
    /// Why, in a sentence without secrets.
    pub because: String,
    /// The finding that says more, for a red gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What decided it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// A client of the gateway.
#[derive(Clone, Debug, Serialize)]
pub struct ClientView {
    /// The service's name, `host` or `browser`.
    pub name: String,
    /// Where it stands.
    pub kind: ClientKind,
    /// The gateway it belongs to, by service name.
    pub gateway: String,
    /// The URL it will use, without credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What chose the URL: a variable, a key, a flag, or its own loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_from: Option<String>,
    /// The rule by which it chooses its token: an id of [`rules::TOKEN_RULES`](crate::openclaw::rules::TOKEN_RULES).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_rule: Option<&'static str>,
    /// The carrier that wins its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
    /// The letter of the value it sends: equal letters, equal values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<String>,
    /// The one-line check, from a throw-away container, of the name in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Its gates in causal order. The first red one is its first cause.
    pub gates: Vec<GateView>,
}

impl ClientView {
    /// The first gate that stops this client.
    #[must_use]
    pub fn first_red(&self) -> Option<&GateView> {
        self.gates.iter().find(|gate| gate.state == GateState::Red)
    }
}

/// A client before it is shown.
#[derive(Debug)]
pub(crate) struct Client {
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
    let name = scene.service_name(gateway.at);
    // A proxy in the namespace has ports of its own.
    let neighbour = |process: &processes::Process<'_>| {
        !process.is_openclaw() && scene.namespaces.share(process.service.name, name)
    };
    if target != rules::DEFAULT_PORT && scene.processes.iter().any(neighbour) {
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

/// Shows a client with its gates.
pub(crate) fn view(client: &Client, scene: &Scene<'_, '_>, letters: &mut token::Classes) -> ClientView {
    let gateway_name = scene.gateway_name(client.gateway).to_owned();
    let url = match (&client.choice, &client.published, &client.planned) {
        (Some(choice), ..) => choice.url.as_ref().map(urls::Url::shown),
        (None, _, Some(planned)) => Some(planned.origin.clone()),
        (None, Some(published), None) if published.port != 0 => {
            Some(format!("ws://127.0.0.1:{}", published.port))
        }
        _ => None,
    };
    let decision = client.decision.as_ref();
    let gates = gates(client, scene);
    ClientView {
        name: client.name.clone(),
        kind: client.kind,
        gateway: gateway_name,
        url,
        url_from: client.choice.as_ref().map(|choice| choice.by.clone()),
        token_rule: decision.map(|decision| decision.rule.id),
        token_from: decision.and_then(|decision| Some(decision.winner()?.label.clone())),
        token_class: decision.and_then(Decision::value).map(|value| letters.letter(value)),
        check: check(client, scene),
        gates,
    }
}

/// The line that asks a throw-away container on the same network for the name in the URL.
fn check(client: &Client, scene: &Scene<'_, '_>) -> Option<String> {
    let process = scene.processes.get(client.at?)?;
    let url = client.choice.as_ref()?.url.as_ref()?;
    let scheme = if url.secure { "https" } else { "http" };
    let target = format!("{scheme}://{}:{}/healthz", url.host, url.port);
    Some(match scene.namespaces.of.get(process.service.name)? {
        Namespace::Service(owner) if names::is_loopback(&url.host) => {
            format!(
                "docker run --rm --network \"container:$(docker compose ps -q {owner})\" busybox wget -qO- {target}"
            )
        }
        Namespace::Service(owner) => {
            let owner = scene.services.named(owner)?;
            let network = owner.networks.first().map(|attachment| scene.network_name(attachment.network))?;
            format!("docker run --rm --network {network} busybox wget -qO- {target}")
        }
        Namespace::Host => format!("docker run --rm --network host busybox wget -qO- {target}"),
        _ => return None,
    })
}

fn gates(client: &Client, scene: &Scene<'_, '_>) -> Vec<GateView> {
    let mut out = vec![state_gate(client, scene), listener_gate(client, scene)];
    if client.kind != ClientKind::Service {
        out.push(published_gate(client, scene));
    }
    out.push(reach_gate(client, scene));
    if client.kind == ClientKind::Browser {
        out.push(origin_gate(client, scene));
    }
    out.push(auth_gate(client, scene));
    out
}

fn green(gate: Gate, because: impl Into<String>) -> GateView {
    GateView { gate, state: GateState::Green, because: because.into(), code: None, places: Vec::new() }
}

fn unknown(gate: Gate, because: impl Into<String>) -> GateView {
    GateView { gate, state: GateState::Unknown, because: because.into(), code: None, places: Vec::new() }
}

/// A red gate says what its finding says.
fn red(
    gate: Gate,
    code: Code,
    because: impl Into<String>,
    span: Option<Span>,
    scene: &Scene<'_, '_>,
) -> GateView {
    let origin = span.map(|span| scene.origin(span));
    let places = origin.and_then(|span| scene.place(PlaceRole::Decided, span)).into_iter().collect();
    GateView { gate, state: GateState::Red, because: because.into(), code: Some(code), places }
}

fn state_gate(client: &Client, scene: &Scene<'_, '_>) -> GateView {
    let gateway = scene.gateways.get(client.gateway).map(|gateway| gateway.at);
    let mut processes: Vec<usize> = gateway.into_iter().collect();
    if let Some(at) = client
        .at
        .filter(|at| Some(*at) != gateway && scene.processes.get(*at).is_some_and(|p| p.is_openclaw()))
    {
        processes.push(at);
    }
    let mut verdict = green(Gate::State, "the state directory belongs to the process that uses it");
    for at in processes {
        match scene.usable.get(at) {
            Some(Usable::No { code, because, span }) => {
                return red(Gate::State, *code, because.clone(), *span, scene);
            }
            Some(Usable::Doubtful { because: why, .. } | Usable::Unknown(why))
                if verdict.state == GateState::Green =>
            {
                verdict = unknown(Gate::State, why.clone());
            }
            _ => {}
        }
    }
    verdict
}

fn listener_gate(client: &Client, scene: &Scene<'_, '_>) -> GateView {
    let Some(gateway) = scene.gateways.get(client.gateway) else {
        return unknown(Gate::Listener, "no service of this stack runs a gateway");
    };
    if let Some(refusal) = gateway.refusals.first() {
        let (code, because) = listener::describe(&refusal.why, gateway, scene);
        return red(Gate::Listener, code, because, refusal.span, scene);
    }
    let by = gateway.bind.by;
    match (&client.reach, &gateway.bind.scope) {
        (Reach::LoopbackBind, _) => red(
            Gate::Listener,
            Code::LoopbackBind,
            format!("the gateway listens on the loopback of its own container ({by})"),
            gateway.bind.span,
            scene,
        ),
        (Reach::Unsure, _) => unknown(Gate::Listener, format!("the bind comes from {by}")),
        (_, Scope::Loopback) if client.at.is_some_and(|at| shares_loopback(at, gateway, scene)) => {
            green(Gate::Listener, format!("loopback, which this client shares ({by})"))
        }
        (_, Scope::Loopback) if client.at.is_some() => {
            unknown(Gate::Listener, format!("loopback ({by}); this client's way there is judged below"))
        }
        (_, Scope::Loopback) => green(Gate::Listener, format!("loopback, where this client is ({by})")),
        (_, Scope::All) => {
            green(Gate::Listener, format!("all interfaces, port {} ({by})", gateway.listens_on()))
        }
        (_, scope) => match client.reach {
            Reach::Gateway => green(Gate::Listener, format!("reached by this client ({by})")),
            _ => unknown(
                Gate::Listener,
                match scope {
                    Scope::Tailnet => "the tailnet address, which the files do not tell".to_owned(),
                    Scope::Address(address) => format!("{address} only ({by})"),
                    _ => format!("the bind comes from {by}"),
                },
            ),
        },
    }
}

fn shares_loopback(client: usize, gateway: &Gateway, scene: &Scene<'_, '_>) -> bool {
    scene.namespaces.share(scene.service_name(client), scene.service_name(gateway.at))
}

fn published_gate(client: &Client, scene: &Scene<'_, '_>) -> GateView {
    let Some(published) = &client.published else {
        return unknown(Gate::Published, "nothing is published");
    };
    if published.host_network {
        return green(Gate::Published, "the gateway is on the host's own network");
    }
    let listens = scene.gateways.get(client.gateway).and_then(|gateway| gateway.port.number);
    if let Some(front) = &client.front {
        return match proxies::wrong_target(client, scene) {
            Some((because, span)) => {
                red(Gate::Published, Code::PublishedTargetWrong, because, Some(span), scene)
            }
            None => green(Gate::Published, format!("through {}", front.who)),
        };
    }
    match listens {
        Some(listens) if listens != published.target => red(
            Gate::Published,
            Code::PublishedTargetWrong,
            format!(
                "host port {} leads to port {}, the gateway listens on {listens}",
                published.port, published.target
            ),
            Some(published.span),
            scene,
        ),
        _ if published.port == 0 => green(Gate::Published, "published on a host port that Docker picks"),
        _ => {
            green(Gate::Published, format!("host port {} leads to port {}", published.port, published.target))
        }
    }
}

fn reach_gate(client: &Client, scene: &Scene<'_, '_>) -> GateView {
    if client.kind != ClientKind::Service {
        return match client.reach {
            Reach::NoSharedNetwork { .. } => match proxies::describe(client, scene) {
                Some((code, because, span)) => red(Gate::Reach, code, because, span, scene),
                None => unknown(Gate::Reach, "decided by the proxy"),
            },
            Reach::Gateway if client.front.is_some() => green(Gate::Reach, "the proxy leads to the listener"),
            Reach::Gateway => green(Gate::Reach, "the published port is on the host's loopback"),
            _ => unknown(Gate::Reach, "decided by the gates below"),
        };
    }
    let Some(choice) = &client.choice else { return unknown(Gate::Reach, "no URL") };
    let by = &choice.by;
    match client.reach.arrives() {
        Some(true) if choice.certain => green(Gate::Reach, format!("the URL from {by} reaches the gateway")),
        Some(true) => unknown(Gate::Reach, "openclaw.json was not given; it may name another URL"),
        None => unknown(Gate::Reach, crate::openclaw::findings::reach::unknown_because(client, scene)),
        Some(false) if client.reach == Reach::LoopbackBind => unknown(Gate::Reach, "decided by the listener"),
        Some(false) => match crate::openclaw::findings::reach::describe(client, scene) {
            Some((code, because, span)) => red(Gate::Reach, code, because, span, scene),
            None => unknown(Gate::Reach, "no rule speaks for this"),
        },
    }
}

fn origin_gate(client: &Client, scene: &Scene<'_, '_>) -> GateView {
    match &client.planned {
        Some(planned) => match &planned.verdict {
            origin::Verdict::Admitted(why) => green(Gate::Origin, why.clone()),
            origin::Verdict::Unknown(why) => unknown(Gate::Origin, why.clone()),
            origin::Verdict::Refused { code, because, span } => {
                red(Gate::Origin, *code, because.clone(), *span, scene)
            }
            origin::Verdict::NotAllowed { because, span } => {
                red(Gate::Origin, Code::OriginNotAllowed, because.clone(), *span, scene)
            }
            origin::Verdict::Insecure { because, span } => {
                red(Gate::Origin, Code::InsecureContext, because.clone(), *span, scene)
            }
        },
        None => unknown(Gate::Origin, "no browser URL is planned"),
    }
}

fn auth_gate(client: &Client, scene: &Scene<'_, '_>) -> GateView {
    let Some(gateway) = scene.gateways.get(client.gateway) else { return unknown(Gate::Auth, "no gateway") };
    let server = gateway.decision.winner().map_or("nothing", |winner| winner.label.as_str());
    let (code, span) = crate::openclaw::findings::token::auth_cause(client, gateway, scene);
    match client.auth {
        AuthVerdict::NotNeeded => {
            green(Gate::Auth, "gateway.auth.mode is none: the gateway asks for nothing")
        }
        AuthVerdict::Same => green(
            Gate::Auth,
            match client.kind {
                ClientKind::Service => {
                    let ours = client
                        .decision
                        .as_ref()
                        .and_then(Decision::winner)
                        .map_or("", |winner| winner.label.as_str());
                    format!(
                        "the client sends the value of {ours}, the gateway enforces {server}: the same value"
                    )
                }
                _ => format!("the secret that is handed out is the one the gateway enforces ({server})"),
            },
        ),
        AuthVerdict::Different => {
            let because = crate::openclaw::findings::token::different_because(client, gateway, scene);
            red(Gate::Auth, code, because, span, scene)
        }
        AuthVerdict::Missing => red(
            Gate::Auth,
            code,
            format!("the client has no secret to send; the gateway enforces {server}"),
            span,
            scene,
        ),
        AuthVerdict::Invented if code == Code::NoTokenConfigured && client.kind == ClientKind::Service => {
            unknown(
                Gate::Auth,
                "no token is configured: the gateway makes one up at each start and pairs its own loopback",
            )
        }
        AuthVerdict::Invented => {
            red(Gate::Auth, code, "the gateway makes a token up at each start: nobody has it", span, scene)
        }
        AuthVerdict::Unknown => unknown(
            Gate::Auth,
            match gateway.auth {
                Auth::TrustedProxy => {
                    "a trusted proxy vouches for clients; the files do not show it".to_owned()
                }
                _ => "a carrier that would win was not given".to_owned(),
            },
        ),
    }
}

/// Whether the client is known to reach the gateway's listener.
pub(crate) fn reaches(client: &Client, scene: &Scene<'_, '_>) -> bool {
    reach_gate(client, scene).state == GateState::Green
}

/// What the client in a service would send; nothing where the service is no client.
pub(crate) fn decision_of(at: usize, scene: &Scene<'_, '_>) -> Option<Decision> {
    let process = scene.processes.get(at)?;
    let choice = reach::choose(process)?;
    let gateway = scene.gateways.get(scene.gateway_for(at, &choice)?)?;
    Some(token::decide(process, Side::Client, Some(choice.target), gateway.secret))
}

/// Where a running container still has another secret, what the files say is not yet so.
pub(crate) fn apply_stale(view: &mut ClientView, stale: &[String]) {
    let about = stale.iter().find(|service| {
        **service == view.gateway || view.kind == ClientKind::Service && **service == view.name
    });
    let Some(service) = about else { return };
    for gate in view.gates.iter_mut().filter(|gate| gate.gate == Gate::Auth && gate.state == GateState::Green)
    {
        gate.state = GateState::Red;
        gate.code = Some(Code::StaleToken);
        gate.because =
            format!("the files agree, and the running container of {service} still holds another value");
    }
}
