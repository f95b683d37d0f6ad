//! The ladder of each client as the report shows it: its gates in causal order, each red one with the finding it rests on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::{Code, FindingId, Place, PlaceRole};
use crate::source::Span;

use super::findings::{Cause, jobs, listener, namespaces, origin, proxy, reach, state, token as secret};
use super::model::names;
use super::model::namespaces::Namespace;
use super::model::processes::Process;
use super::model::urls;
use super::rules::TokenRuleId;
use super::verdict::Verdicts;
use super::verdict::clients::{AuthVerdict, Client, ClientKind};
use super::verdict::listener::{Auth, Gateway, Scope};
use super::verdict::origin::OriginVerdict;
use super::verdict::proxy::Passage;
use super::verdict::reach::Reach;
use super::verdict::state::Usable;
use super::verdict::token::{self, Decision};

/// The gates that the files of a stack can judge, in causal order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "the ticket has an arm for each")]
pub enum StackGate {
    /// The state directory and the configuration can be used by the processes.
    State,
    /// The gateway starts, and listens where this client's way leads.
    Listener,
    /// A published port leads to the listener. For clients outside the stack.
    Published,
    /// The client's URL, from the client's namespace, names the listener.
    Reach,
    /// What passes the client's way takes its upgrade to a WebSocket along, and the gateway believes whom it speaks for. For
    /// clients behind a proxy.
    Upgrade,
    /// The browser's origin is admitted and its context is secure.
    Origin,
    /// The secret the client sends is the one the gateway enforces.
    Auth,
}

/// What is known of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "the ticket has an arm for each")]
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
#[non_exhaustive]
pub struct GateView {
    /// The gate.
    pub gate: StackGate,
    /// Open, shut, or not observed.
    pub state: GateState,
    /// Why, in a sentence without secrets.
    pub because: String,
    /// The code of the finding that a red gate rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// That finding: see [`Report::finding`](super::Report::finding).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingId>,
    /// What decided it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// A proxy between a client and its gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProxyView {
    /// Who it is, for a person.
    pub who: String,
    /// The service that it is, where it is one of the stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A client of the gateway.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
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
    /// The proxy that it comes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyView>,
    /// The rule by which it chooses its token: see `rules/token.rs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_rule: Option<TokenRuleId>,
    /// The source that wins its token.
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

/// Shows a client with its gates.
pub(super) fn view(
    client: &Client<'_>,
    verdicts: &Verdicts<'_>,
    behind: &BTreeMap<Cause, FindingId>,
    letters: &mut token::Classes,
) -> ClientView {
    let gateway_name = client.gateway.name().to_owned();
    let url = match (&client.choice, &client.published, &client.planned) {
        (Some(choice), ..) => choice.url.as_ref().map(urls::Url::shown),
        (None, _, Some(planned)) => Some(planned.origin.clone()),
        (None, Some(published), None) if published.port != 0 => {
            Some(format!("ws://127.0.0.1:{}", published.port))
        }
        _ => None,
    };
    let decision = client.decision;
    let gates = Gates { client, verdicts, behind }.gates();
    ClientView {
        name: client.name.clone(),
        kind: client.kind,
        gateway: gateway_name,
        url,
        url_from: client.choice.map(|choice| choice.by.clone()),
        proxy: client
            .proxy
            .as_ref()
            .map(|proxy| ProxyView { who: proxy.who.clone(), service: proxy.service.clone() }),
        token_rule: decision.map(|decision| decision.rule.id),
        token_from: decision.and_then(|decision| Some(decision.winner()?.label.clone())),
        token_class: decision.and_then(Decision::value).map(|value| letters.letter(value)),
        check: check(client, verdicts),
        gates,
    }
}

/// The line that asks a throw-away container on the same network for the name in the URL.
fn check(client: &Client<'_>, verdicts: &Verdicts<'_>) -> Option<String> {
    let process = client.process?;
    let url = client.choice?.url.as_ref()?;
    let scheme = if url.secure { "https" } else { "http" };
    let target = format!("{scheme}://{}:{}/healthz", url.host, url.port);
    Some(match verdicts.model.namespaces.of.get(process.service.name)? {
        Namespace::Service(owner) if names::is_loopback(&url.host) => {
            format!(
                "docker run --rm --network \"container:$(docker compose ps -q {owner})\" busybox wget -qO- {target}"
            )
        }
        Namespace::Service(owner) => {
            let owner = verdicts.model.services.named(owner)?;
            let network =
                owner.networks.first().map(|attachment| verdicts.model.network_name(attachment.network))?;
            format!("docker run --rm --network {network} busybox wget -qO- {target}")
        }
        // On the host itself; on a Mac, a container on the host's network would ask from inside the virtual machine.
        Namespace::Host if process.service.job.is_some() || verdicts.model.docker_vm => {
            format!("curl -fsS {target}")
        }
        Namespace::Host => format!("docker run --rm --network host busybox wget -qO- {target}"),
        _ => return None,
    })
}

fn green(gate: StackGate, because: impl Into<String>) -> GateView {
    GateView {
        gate,
        state: GateState::Green,
        because: because.into(),
        code: None,
        finding: None,
        places: Vec::new(),
    }
}

fn unknown(gate: StackGate, because: impl Into<String>) -> GateView {
    GateView {
        gate,
        state: GateState::Unknown,
        because: because.into(),
        code: None,
        finding: None,
        places: Vec::new(),
    }
}

fn shares_loopback(client: &Process<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> bool {
    verdicts.model.namespaces.share(client.service.name, gateway.name())
}

/// What the gates of one client are told from.
struct Gates<'l> {
    client: &'l Client<'l>,
    verdicts: &'l Verdicts<'l>,
    behind: &'l BTreeMap<Cause, FindingId>,
}

impl Gates<'_> {
    fn gates(&self) -> Vec<GateView> {
        let mut out = vec![self.state(), self.listener()];
        if self.client.kind != ClientKind::Service {
            out.push(self.published());
        }
        out.push(self.reach());
        out.extend(self.upgrade());
        if self.client.kind == ClientKind::Browser {
            out.push(self.origin());
        }
        out.push(self.auth());
        out
    }

    /// A red gate says what its finding says.
    fn red(
        &self,
        gate: StackGate,
        cause: Cause,
        code: Code,
        because: impl Into<String>,
        span: Option<Span>,
    ) -> GateView {
        let origin = span.map(|span| self.verdicts.model.origin(span));
        let places =
            origin.and_then(|span| self.verdicts.model.place(PlaceRole::Decided, span)).into_iter().collect();
        let finding = self.behind.get(&cause).copied();
        GateView { gate, state: GateState::Red, because: because.into(), code: Some(code), finding, places }
    }

    fn state(&self) -> GateView {
        let Self { client, verdicts, behind: _ } = *self;
        let gateway = client.gateway.process;
        let own = client.process.filter(|own| own.id != gateway.id && own.is_openclaw());
        let mut verdict = green(StackGate::State, "the state directory belongs to the process that uses it");
        for process in std::iter::once(gateway).chain(own) {
            match verdicts.usable_by(process) {
                Some(Usable::No { fault, span }) => {
                    let (code, because) = state::describe(fault, None, process, verdicts.model);
                    return self.red(StackGate::State, Cause::State(process.id), code, because, *span);
                }
                Some(Usable::Doubtful { fault, doubt, .. }) if verdict.state == GateState::Green => {
                    verdict =
                        unknown(StackGate::State, state::describe(fault, *doubt, process, verdicts.model).1);
                }
                Some(Usable::Unknown(unseen)) if verdict.state == GateState::Green => {
                    verdict =
                        unknown(StackGate::State, state::unknown_because(unseen, process, verdicts.model));
                }
                _ => {}
            }
        }
        if let Some(rival) = verdicts.rival_of(gateway) {
            let span = jobs::place(gateway, rival, verdicts);
            return self.red(
                StackGate::State,
                Cause::Rival(gateway.id),
                Code::TwoSupervisors,
                jobs::because(gateway, rival),
                span,
            );
        }
        if let Some(refusal) = client.gateway.refusals.first().filter(|one| one.why.is_of_configuration()) {
            let (code, because) = listener::describe(&refusal.why, client.gateway);
            return self.red(StackGate::State, Cause::Start(client.gateway.id), code, because, refusal.span);
        }
        verdict
    }

    fn listener(&self) -> GateView {
        let Self { client, verdicts, behind: _ } = *self;
        let gateway = client.gateway;
        if let Some(refusal) = gateway.refusals.first() {
            let (code, because) = listener::describe(&refusal.why, gateway);
            return self.red(StackGate::Listener, Cause::Start(gateway.id), code, because, refusal.span);
        }
        let by = gateway.bind.by;
        match (&client.reach, &gateway.bind.scope) {
            (Reach::LoopbackBind, _) => self.red(
                StackGate::Listener,
                match self.behind.contains_key(&Cause::Reach(client.id)) {
                    true => Cause::Reach(client.id),
                    false => Cause::Bind(gateway.id),
                },
                Code::LoopbackBind,
                format!("the gateway listens on the loopback of its own container ({by})"),
                gateway.bind.span,
            ),
            (Reach::Unsure, _) => unknown(StackGate::Listener, format!("the bind comes from {by}")),
            (_, Scope::Loopback)
                if client.process.is_some_and(|process| shares_loopback(process, gateway, verdicts)) =>
            {
                green(StackGate::Listener, format!("loopback, which this client shares ({by})"))
            }
            (_, Scope::Loopback) if client.process.is_some() => unknown(
                StackGate::Listener,
                format!("loopback ({by}); this client's way there is judged below"),
            ),
            (_, Scope::Loopback) => {
                green(StackGate::Listener, format!("loopback, where this client is ({by})"))
            }
            (_, Scope::All) => {
                green(StackGate::Listener, format!("all interfaces, port {} ({by})", gateway.listens_on()))
            }
            (_, scope) => match client.reach {
                Reach::Gateway => green(StackGate::Listener, format!("reached by this client ({by})")),
                _ => unknown(
                    StackGate::Listener,
                    match scope {
                        Scope::Tailnet => "the tailnet address, which the files do not tell".to_owned(),
                        Scope::Address(address) => format!("{address} only ({by})"),
                        _ => format!("the bind comes from {by}"),
                    },
                ),
            },
        }
    }

    fn published(&self) -> GateView {
        let client = self.client;
        let Some(published) = &client.published else {
            return unknown(StackGate::Published, "nothing is published");
        };
        if published.host_network {
            return green(StackGate::Published, "the gateway is on the host's own network");
        }
        let gateway = client.gateway;
        let listens = gateway.port.number;
        if let Some(proxy) = &client.proxy {
            return match proxy::wrong_target(client) {
                Some((because, span)) => self.red(
                    StackGate::Published,
                    Cause::Proxied(gateway.id),
                    Code::PublishedTargetWrong,
                    because,
                    Some(span),
                ),
                None => green(StackGate::Published, format!("through {}", proxy.who)),
            };
        }
        match listens {
            _ if client.reach == Reach::Unsure => unknown(
                StackGate::Published,
                format!(
                    "host port {} leads to port {}; which program listens there is not in these files",
                    published.port, published.target
                ),
            ),
            Some(listens) if listens != published.target => self.red(
                StackGate::Published,
                Cause::Published(gateway.id),
                Code::PublishedTargetWrong,
                format!(
                    "host port {} leads to port {}, the gateway listens on {listens}",
                    published.port, published.target
                ),
                Some(published.span),
            ),
            _ if published.port == 0 => {
                green(StackGate::Published, "published on a host port that Docker picks")
            }
            _ => green(
                StackGate::Published,
                format!("host port {} leads to port {}", published.port, published.target),
            ),
        }
    }

    fn reach(&self) -> GateView {
        let Self { client, verdicts, behind: _ } = *self;
        if let Reach::Stranded(service) = &client.reach {
            return self.stranded(service);
        }
        if client.kind != ClientKind::Service {
            return match client.reach {
                Reach::NoSharedNetwork { .. }
                | Reach::OwnLoopback
                | Reach::UnknownName { .. }
                | Reach::HostLoopbackOnly => match proxy::describe(client, verdicts) {
                    Some((code, because, span)) => {
                        self.red(StackGate::Reach, Cause::Reach(client.id), code, because, span)
                    }
                    None => unknown(StackGate::Reach, "decided by the proxy"),
                },
                Reach::Gateway if client.proxy.is_some() => {
                    green(StackGate::Reach, "the proxy leads to the listener")
                }
                Reach::Gateway => green(StackGate::Reach, "the published port is on the host's loopback"),
                _ => unknown(StackGate::Reach, "decided by the gates below"),
            };
        }
        let Some(choice) = &client.choice else { return unknown(StackGate::Reach, "no URL") };
        let by = &choice.by;
        match client.reach.arrives() {
            Some(true) if choice.certain => {
                green(StackGate::Reach, format!("the URL from {by} reaches the gateway"))
            }
            Some(true) => unknown(StackGate::Reach, "openclaw.json was not given; it may name another URL"),
            None => unknown(StackGate::Reach, reach::unknown_because(client)),
            Some(false) if client.reach == Reach::LoopbackBind => {
                unknown(StackGate::Reach, "decided by the listener")
            }
            Some(false) => match reach::describe(client, verdicts) {
                Some((code, because, span)) => {
                    self.red(StackGate::Reach, Cause::Reach(client.id), code, because, span)
                }
                None => unknown(StackGate::Reach, "no rule speaks for this"),
            },
        }
    }

    fn stranded(&self, service: &str) -> GateView {
        // Processes stand in the order of their services.
        let model = self.verdicts.model;
        let process = model.services.position(service).and_then(|at| model.processes.get(at));
        match (namespaces::describe(service, self.verdicts), process) {
            (Some((code, because, span)), Some(process)) => {
                self.red(StackGate::Reach, Cause::Stranded(process.id), code, because, span)
            }
            _ => unknown(StackGate::Reach, "no rule speaks for this"),
        }
    }

    fn upgrade(&self) -> Option<GateView> {
        let client = self.client;
        Some(match client.passage.as_ref()? {
            // The files show no upgrade, only that nothing is in its way.
            Passage::Open => {
                unknown(StackGate::Upgrade, "nothing in the files of the proxy speaks against it")
            }
            Passage::NoUpgrade { span } => {
                let because = proxy::without_upgrade(client);
                self.red(
                    StackGate::Upgrade,
                    Cause::Upgrade(client.id),
                    Code::ProxyWithoutUpgrade,
                    because,
                    Some(*span),
                )
            }
            Passage::OffBase(passed) => {
                let because = proxy::off_base(client, &passed.path);
                self.red(
                    StackGate::Upgrade,
                    Cause::Upgrade(client.id),
                    Code::ProxyBasePath,
                    because,
                    Some(passed.span),
                )
            }
            Passage::Untrusted(distrust) => {
                let (code, because) = proxy::untrusted(client, distrust);
                let span = proxy::trust_span(client, distrust);
                self.red(StackGate::Upgrade, Cause::Trust(client.id), code, because, Some(span))
            }
        })
    }

    fn origin(&self) -> GateView {
        let client = self.client;
        let Some(planned) = &client.planned else {
            return unknown(StackGate::Origin, "no browser URL is planned");
        };
        match (&planned.verdict, origin::describe(client)) {
            (OriginVerdict::Admitted(why), _) => green(StackGate::Origin, origin::admitted_because(*why)),
            (OriginVerdict::Unknown(why), _) => unknown(StackGate::Origin, origin::unknown_because(*why)),
            (_, Some((code, because, span))) => {
                self.red(StackGate::Origin, Cause::Origin(client.id), code, because, Some(span))
            }
            (_, None) => unknown(StackGate::Origin, "no rule speaks for this"),
        }
    }

    fn auth(&self) -> GateView {
        let client = self.client;
        let gateway = client.gateway;
        let server = gateway.decision.winner().map_or("nothing", |winner| winner.label.as_str());
        let (code, span) = secret::auth_cause(client, gateway);
        let cause = Cause::Auth(client.id);
        match client.auth {
            AuthVerdict::NotNeeded => {
                green(StackGate::Auth, "gateway.auth.mode is none: the gateway asks for nothing")
            }
            AuthVerdict::Same => green(
                StackGate::Auth,
                match client.kind {
                    ClientKind::Service => {
                        let ours = client
                            .decision
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
                let because = secret::different_because(client, gateway);
                self.red(StackGate::Auth, cause, code, because, span)
            }
            AuthVerdict::OfAnother(owner) => {
                let owner = owner.of(self.verdicts.gateways).map_or("another gateway", Gateway::name);
                let because = format!("{} is dialled with the secret of {owner}", gateway.name());
                self.red(StackGate::Auth, cause, code, because, span)
            }
            AuthVerdict::Missing => self.red(
                StackGate::Auth,
                cause,
                code,
                format!("the client has no secret to send; the gateway enforces {server}"),
                span,
            ),
            AuthVerdict::Invented
                if code == Code::NoTokenConfigured && client.kind == ClientKind::Service =>
            {
                unknown(
                    StackGate::Auth,
                    "no token is configured: the gateway makes one up at each start and pairs its own loopback",
                )
            }
            AuthVerdict::Invented => self.red(
                StackGate::Auth,
                cause,
                code,
                "the gateway makes a token up at each start: nobody has it",
                span,
            ),
            AuthVerdict::Unknown => unknown(
                StackGate::Auth,
                match gateway.auth {
                    Auth::TrustedProxy => {
                        "a trusted proxy vouches for clients; the files do not show it".to_owned()
                    }
                    _ => "a source that would win was not given".to_owned(),
                },
            ),
        }
    }
}

/// Running containers that are still what the files said before, and the gate at which that shows.
pub(super) struct Stale<'p> {
    pub(super) gate: StackGate,
    /// What they still have.
    pub(super) still: &'static str,
    /// By service, each with the code of its finding.
    pub(super) of: BTreeMap<&'p str, (&'p Process<'p>, Code)>,
}

/// Where a running container still has another secret or another port, what the files say is not yet so.
pub(super) fn apply_stale(view: &mut ClientView, stale: &Stale<'_>, behind: &BTreeMap<Cause, FindingId>) {
    let own = Some(view.name.as_str()).filter(|_| view.kind == ClientKind::Service);
    let concerned = std::iter::once(view.gateway.as_str()).chain(own);
    let about = concerned.filter_map(|service| stale.of.get(service)).min_by_key(|(process, _)| process.id);
    let Some((process, code)) = about else { return };
    for gate in view.gates.iter_mut().filter(|gate| gate.gate == stale.gate && gate.state == GateState::Green)
    {
        gate.state = GateState::Red;
        gate.code = Some(*code);
        gate.finding = behind.get(&Cause::Stale(process.id)).copied();
        gate.because = format!(
            "the files agree, and the running container of {} still {}",
            process.service.name, stale.still
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::edit;
    use crate::finding::{Code, Subject};
    use crate::openclaw::{Stack, examine};
    use crate::project::{self, Inputs, Texts};

    #[test]
    fn clients_on_one_anchor_rest_on_a_finding_each_and_their_remedies_come_as_one() {
        let compose = "
x-env: &env
  OPENCLAW_GATEWAY_URL: ws://127.0.0.1:18790
  OPENCLAW_GATEWAY_TOKEN: test-token-1
services:
  gateway:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: { OPENCLAW_GATEWAY_TOKEN: test-token-1 }
  a-cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:gateway
    environment: *env
  cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:gateway
    environment: *env
";
        let files = Texts::new().file("/srv/compose.yaml", compose);
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        let report = examine(&Stack::new(&resolution).files(&files));
        let behind = ["a-cli", "cli"].map(|name| {
            let gate = report.client(name).and_then(|client| client.first_red()).expect("a red gate");
            let finding = gate.finding.and_then(|id| report.finding(id)).expect("its finding");
            assert_eq!(finding.code, Code::WrongPort);
            assert_eq!(finding.subject, Subject::Client(name.to_owned()));
            assert!(finding.summary.starts_with(&format!("{name} dials")), "{}", finding.summary);
            finding
        });
        assert_eq!(behind[0].places, behind[1].places);
        let edits = behind.map(|finding| finding.remedy.clone().expect("a remedy").edits);
        let both = edit::apply(&edits.concat(), &report.sources).expect("they go together");
        assert_eq!(both.len(), 1, "{both:?}");
    }
}
