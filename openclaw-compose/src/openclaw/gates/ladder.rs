//! Each gate of one client, from the verdicts: what it is, why, and the finding that a red one rests on.

use std::collections::BTreeMap;

use crate::finding::{Code, FindingId, PlaceRole};
use crate::openclaw::findings::{
    Cause, jobs, listener, namespaces, origin, proxy, reach, state, token as secret,
};
use crate::openclaw::model::processes::Process;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::{AuthVerdict, Client, ClientKind};
use crate::openclaw::verdict::listener::{Auth, Gateway, Scope};
use crate::openclaw::verdict::origin::OriginVerdict;
use crate::openclaw::verdict::proxy::Passage;
use crate::openclaw::verdict::reach::Reach;
use crate::openclaw::verdict::state::Usable;
use crate::openclaw::verdict::token::Decision;
use crate::source::Span;

use super::{GateState, GateView, StackGate};

/// A gate that lets the client through.
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
pub(super) struct Gates<'l> {
    pub(super) client: &'l Client<'l>,
    pub(super) verdicts: &'l Verdicts<'l>,
    pub(super) behind: &'l BTreeMap<Cause, FindingId>,
}

impl Gates<'_> {
    pub(super) fn gates(&self) -> Vec<GateView> {
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
