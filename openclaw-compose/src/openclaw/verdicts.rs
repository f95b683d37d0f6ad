//! One question about a stack at a time: each is answered by itself, as data with spans, without a word about what to do.

use serde::Serialize;

use crate::source::{Sources, Span};

use super::examine::judged;
use super::rules::{Side, TokenSource};
use super::stack::Stack;
use super::verdict::listener::{Auth, BindSource, PortSource, Scope};
use super::verdict::origin::OriginVerdict;
use super::verdict::reach::Reach;
use super::verdict::state::Usable;
use super::verdict::token::{Decision, Outcome};

/// Verdicts of one kind, each with the name of whom it is about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Judged<T> {
    /// Whom it is about, and the verdict; in the order of the services.
    pub verdicts: Vec<(String, T)>,
    /// The texts that the spans point into.
    pub sources: Sources,
}

impl<T> Judged<T> {
    /// The first verdict on whoever has this name.
    #[must_use]
    pub fn on(&self, name: &str) -> Option<&T> {
        self.verdicts.iter().find(|(whom, _)| whom == name).map(|(_, verdict)| verdict)
    }
}

/// Where a gateway listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listener {
    /// Which peers it can see.
    pub scope: Scope,
    /// What decided that.
    pub scope_from: BindSource,
    /// Where that is written.
    #[serde(skip)]
    pub scope_span: Option<Span>,
    /// The port; nothing where it cannot be told.
    pub port: Option<u16>,
    /// What decided it.
    pub port_from: PortSource,
    /// Where that is written.
    #[serde(skip)]
    pub port_span: Option<Span>,
    /// What a client has to show.
    pub auth: Auth,
    /// Where what keeps it from starting is written, the first reason first; empty where nothing does.
    #[serde(skip)]
    pub refused_at: Vec<Option<Span>>,
}

/// Who wins the token of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenVerdict {
    /// This source, whose value is known.
    Wins {
        /// Which.
        source: TokenSource,
        /// Where it is set.
        span: Span,
    },
    /// This source, with a value that only the running process can see.
    Opaque {
        /// Which.
        source: TokenSource,
        /// Where it is set.
        span: Span,
    },
    /// This source stops the process.
    Refuses {
        /// Which.
        source: TokenSource,
        /// Where it is set.
        span: Span,
    },
    /// No source has a value.
    Nothing,
    /// A source that would win was not given.
    Unknown,
}

/// Whether a page is let in, by the gateway and by the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageVerdict {
    /// It is.
    Admitted,
    /// The gateway refuses its origin.
    NotAllowed {
        /// What decided that.
        span: Span,
    },
    /// It is plain http beyond localhost, where browsers give no keys.
    Insecure {
        /// Where it is published.
        span: Span,
    },
    /// Nothing given says which.
    Unknown,
}

/// Whether a process may use its state directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateVerdict {
    /// It may.
    Usable,
    /// It may not.
    Unusable {
        /// What decided that.
        span: Option<Span>,
    },
    /// What was recorded speaks against it and does not prove it.
    Doubtful {
        /// What speaks against it.
        span: Option<Span>,
    },
    /// Nothing given says which.
    Unknown,
}

impl Stack<'_> {
    /// Where each gateway listens.
    ///
    /// ```
    /// # use openclaw_compose::openclaw::{Scope, Stack};
    /// # use openclaw_compose::project::{self, Inputs, Texts};
    /// # let compose = "services: {gw: {image: openclaw, command: [openclaw, gateway, --bind, loopback]}}";
    /// # let files = Texts::new().file("/srv/compose.yaml", compose);
    /// # let resolution = project::resolve(&Inputs::new("/srv"), &files);
    /// # let stack = Stack::new(&resolution);
    /// let listeners = stack.listeners();
    /// let listener = listeners.on("gw").expect("a gateway");
    /// assert_eq!(listener.scope, Scope::Loopback);
    /// let span = listener.scope_span.expect("a flag");
    /// assert_eq!(listeners.sources.expose(span), "loopback");
    /// ```
    #[must_use]
    pub fn listeners(&self) -> Judged<Listener> {
        let (verdicts, sources) = judged(self, |verdicts, _| {
            let listener = |gateway: &super::verdict::listener::Gateway<'_>| Listener {
                scope: gateway.bind.scope.clone(),
                scope_from: gateway.bind.by,
                scope_span: gateway.bind.span,
                port: gateway.port.number,
                port_from: gateway.port.by,
                port_span: gateway.port.span,
                auth: gateway.auth,
                refused_at: gateway.refusals.iter().map(|refusal| refusal.span).collect(),
            };
            verdicts.gateways.iter().map(|gateway| (gateway.name().to_owned(), listener(gateway))).collect()
        });
        Judged { verdicts, sources }
    }

    /// Which source wins the token that each gateway enforces ([`Side::Server`]), or that each client sends.
    ///
    /// ```
    /// # use openclaw_compose::openclaw::{Stack, TokenVerdict, rules::{Side, TokenSource}};
    /// # use openclaw_compose::project::{self, Inputs, Texts};
    /// # let compose = "services: {gw: {image: 'openclaw:2026.9.6', command: [openclaw, gateway], environment: {OPENCLAW_GATEWAY_TOKEN: test-token-1}, volumes: ['./s:/home/node/.openclaw']}}";
    /// # let files = Texts::new().file("/srv/compose.yaml", compose).file("/srv/s/openclaw.json", "{}");
    /// # let resolution = project::resolve(&Inputs::new("/srv"), &files);
    /// # let stack = Stack::new(&resolution).files(&files);
    /// let tokens = stack.tokens(Side::Server);
    /// assert!(matches!(tokens.on("gw"), Some(TokenVerdict::Wins { source: TokenSource::Env, .. })));
    /// ```
    #[must_use]
    pub fn tokens(&self, side: Side) -> Judged<TokenVerdict> {
        let (verdicts, sources) = judged(self, |verdicts, _| match side {
            Side::Server => verdicts
                .gateways
                .iter()
                .map(|gateway| (gateway.name().to_owned(), TokenVerdict::from(&gateway.decision)))
                .collect(),
            Side::Client => verdicts
                .clients
                .iter()
                .filter_map(|client| Some((client.name.clone(), client.decision?.into())))
                .collect(),
        });
        Judged { verdicts, sources }
    }

    /// Where the URL of each client leads.
    ///
    /// ```
    /// # use openclaw_compose::openclaw::{Reach, Stack};
    /// # use openclaw_compose::project::{self, Inputs, Texts};
    /// # let compose = "services: {gw: {image: openclaw, command: [openclaw, gateway]}, cli: {image: openclaw, entrypoint: [openclaw]}}";
    /// # let files = Texts::new().file("/srv/compose.yaml", compose);
    /// # let resolution = project::resolve(&Inputs::new("/srv"), &files);
    /// # let stack = Stack::new(&resolution);
    /// assert_eq!(stack.reaches().on("cli"), Some(&Reach::OwnLoopback));
    /// ```
    #[must_use]
    pub fn reaches(&self) -> Judged<Reach> {
        let (verdicts, sources) = judged(self, |verdicts, _| {
            verdicts.clients.iter().map(|client| (client.name.clone(), client.reach.clone())).collect()
        });
        Judged { verdicts, sources }
    }

    /// Whether each page that people will open is let in.
    ///
    /// ```
    /// # use openclaw_compose::openclaw::{PageVerdict, Stack};
    /// # use openclaw_compose::project::{self, Inputs, Texts};
    /// # let compose = "services: {gw: {image: 'openclaw:2026.9.6', command: [openclaw, gateway], ports: ['18789:18789'], volumes: ['./s:/home/node/.openclaw']}}";
    /// # let json = "{ gateway: { mode: 'local', bind: 'lan', controlUi: { allowedOrigins: ['http://localhost:3000'] } } }";
    /// # let files = Texts::new().file("/srv/compose.yaml", compose).file("/srv/s/openclaw.json", json);
    /// # let resolution = project::resolve(&Inputs::new("/srv"), &files);
    /// # let stack = Stack::new(&resolution).files(&files);
    /// let pages = stack.pages();
    /// assert!(matches!(pages.verdicts[..], [(_, PageVerdict::NotAllowed { .. })]));
    /// ```
    #[must_use]
    pub fn pages(&self) -> Judged<PageVerdict> {
        let (verdicts, sources) = judged(self, |verdicts, _| {
            let planned = verdicts.clients.iter().filter_map(|client| client.planned.as_ref());
            planned.map(|planned| (planned.origin.clone(), PageVerdict::from(&planned.verdict))).collect()
        });
        Judged { verdicts, sources }
    }

    /// Whether each of OpenClaw's processes may use its state directory.
    ///
    /// ```
    /// # use openclaw_compose::openclaw::{Stack, StateVerdict};
    /// # use openclaw_compose::project::{self, Inputs, Texts};
    /// # let compose = "services: {gw: {image: openclaw, command: [openclaw, gateway], volumes: ['./s:/home/node/.openclaw:ro']}}";
    /// # let files = Texts::new().file("/srv/compose.yaml", compose);
    /// # let resolution = project::resolve(&Inputs::new("/srv"), &files);
    /// # let stack = Stack::new(&resolution);
    /// assert!(matches!(stack.states().on("gw"), Some(StateVerdict::Unusable { .. })));
    /// ```
    #[must_use]
    pub fn states(&self) -> Judged<StateVerdict> {
        let (verdicts, sources) = judged(self, |verdicts, _| {
            let ours = verdicts.model.processes.iter().filter(|process| process.is_openclaw());
            ours.filter_map(|process| {
                let usable = verdicts.usable_by(process)?;
                Some((process.service.name.to_owned(), StateVerdict::from(usable)))
            })
            .collect()
        });
        Judged { verdicts, sources }
    }
}

impl From<&Decision> for TokenVerdict {
    fn from(decision: &Decision) -> Self {
        let winner = decision.winner().map(|winner| (winner.kind, winner.span));
        match (decision.outcome, winner) {
            (Outcome::Wins(_), Some((source, span))) => Self::Wins { source, span },
            (Outcome::Opaque(_), Some((source, span))) => Self::Opaque { source, span },
            (Outcome::Refuses(_), Some((source, span))) => Self::Refuses { source, span },
            (Outcome::Nothing, _) => Self::Nothing,
            _ => Self::Unknown,
        }
    }
}

impl From<&OriginVerdict> for PageVerdict {
    fn from(verdict: &OriginVerdict) -> Self {
        match *verdict {
            OriginVerdict::Admitted(_) => Self::Admitted,
            OriginVerdict::NotAllowed { span, .. } => Self::NotAllowed { span },
            OriginVerdict::Insecure { span } => Self::Insecure { span },
            OriginVerdict::Unknown(_) => Self::Unknown,
        }
    }
}

impl From<&Usable> for StateVerdict {
    fn from(usable: &Usable) -> Self {
        match *usable {
            Usable::Yes => Self::Usable,
            Usable::No { span, .. } => Self::Unusable { span },
            Usable::Doubtful { span, .. } => Self::Doubtful { span },
            Usable::Unknown(_) => Self::Unknown,
        }
    }
}
