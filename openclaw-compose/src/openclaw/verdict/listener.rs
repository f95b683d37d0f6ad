//! The gateway of a stack: where it listens, what it asks for, and whether it starts at all.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::openclaw::model::Model;
use crate::openclaw::model::config::{self, ConfigFault};
use crate::openclaw::model::gateways::GatewayId;
use crate::openclaw::model::names;
use crate::openclaw::model::processes::{ConfigState, EnvLayer, EnvValue, Process};
use crate::openclaw::rules::{self, AutoBind, Meaning, NoToken, Origins, Side};
use crate::source::{Span, Text};
use crate::words::words;

use super::schema::{self, Fault};
use super::token::{self, Content, Decision, Outcome, Secret};

/// A gateway as its files describe it.
pub(crate) struct Gateway<'a> {
    pub(crate) id: GatewayId,
    pub(crate) process: &'a Process<'a>,
    pub(crate) bind: Bind,
    pub(crate) port: ListenPort,
    pub(crate) auth: Auth,
    /// Who wins its token (or its password, in that mode).
    pub(crate) secret: Secret,
    pub(crate) decision: Decision,
    /// Why it will not start, first reason first.
    pub(crate) refusals: Vec<StartRefusal>,
}

/// Where the gateway listens.
#[derive(Clone, Debug)]
pub(crate) struct Bind {
    pub(crate) scope: Scope,
    pub(crate) by: BindSource,
    pub(crate) span: Option<Span>,
}

/// Which peers a listener can see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Those of its own namespace.
    Loopback,
    /// Everybody who reaches one of its addresses.
    All,
    /// Those who reach this address, and those of its own namespace.
    Address(String),
    /// Those of the tailnet, else those of its own namespace.
    Tailnet,
    /// Nothing given says which.
    Unknown,
}

/// `loopback`, `all`, the address, `tailnet` or `unknown`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Loopback => "loopback",
            Self::All => "all",
            Self::Address(address) => address,
            Self::Tailnet => "tailnet",
            Self::Unknown => "unknown",
        })
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

words! {
    /// What decided on which interfaces a gateway listens.
    BindSource {
        /// The flag of its command.
        Flag "--bind"
        /// Tailscale in front of it, for the tailnet: it listens on loopback.
        TailscaleServe "gateway.tailscale.mode serve"
        /// Tailscale in front of it, for everybody: it listens on loopback.
        TailscaleFunnel "gateway.tailscale.mode funnel"
        /// The key of its configuration.
        Config "gateway.bind"
        /// A configuration that was not given.
        NotGiven "openclaw.json, which was not given"
        /// Nobody showed what the container starts.
        Unseen "a start that nobody showed"
        /// Nobody: what its release does in a container.
        Default "the default inside a container"
    }
}

words! {
    /// What decided on which port a gateway listens.
    PortSource {
        /// The flag of its command.
        Flag "--port"
        /// The variable of its environment.
        Variable "OPENCLAW_GATEWAY_PORT"
        /// The key of its configuration.
        Config "gateway.port"
        /// Nobody.
        Default "the default"
    }
}

/// The port the gateway listens on.
#[derive(Clone, Debug)]
pub(crate) struct ListenPort {
    pub(crate) number: Option<u16>,
    pub(crate) by: PortSource,
    pub(crate) span: Option<Span>,
}

words! {
    /// What a client has to show.
    Auth {
        /// The token.
        Token "token"
        /// The password.
        Password "password"
        /// Nothing.
        None "none"
        /// That the proxy before the gateway vouches for it.
        TrustedProxy "trusted-proxy"
        /// Nothing given says which.
        Unknown "unknown"
    }
}

/// Why a gateway exits instead of listening.
#[derive(Clone, Debug)]
pub(crate) struct StartRefusal {
    pub(crate) why: RefusalKind,
    pub(crate) span: Option<Span>,
}

/// The start refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    ConfigMissing,
    ConfigSyntax(String),
    ConfigInclude(String),
    ModeMissing,
    ModeRemote,
    NoSecret,
    AuthNone,
    Ambiguous,
    ProxyAndToken,
    RefMissing(String),
    /// A `${NAME}` that nothing fills, in a release that takes the file for invalid then.
    Unfilled(String),
    RefusedText,
    OriginsRequired,
    /// The schema of the release does not take it.
    Schema(Fault),
}

/// What says where a gateway listens.
const LISTENER_KEYS: [&str; 2] = ["--bind", "gateway.bind"];

impl RefusalKind {
    /// Whether it is the configuration that is refused, before anything listens.
    pub(crate) fn is_of_configuration(&self) -> bool {
        match self {
            Self::ConfigMissing
            | Self::ConfigSyntax(_)
            | Self::ConfigInclude(_)
            | Self::ModeMissing
            | Self::ModeRemote
            | Self::Ambiguous
            | Self::RefMissing(_)
            | Self::Unfilled(_) => true,
            // Where it is to listen is asked of the listener, whoever says so.
            Self::Schema(fault) => !LISTENER_KEYS.contains(&fault.path.as_str()),
            Self::NoSecret
            | Self::ProxyAndToken
            | Self::AuthNone
            | Self::RefusedText
            | Self::OriginsRequired => false,
        }
    }
}

impl<'a> Gateway<'a> {
    pub(crate) fn read(id: GatewayId, process: &'a Process<'a>) -> Self {
        let bind = bind(process);
        let port = port(process);
        let password = token::decide(process, Side::Server, None, Secret::Password);
        let auth = auth(process, &password);
        let secret = if auth == Auth::Password { Secret::Password } else { Secret::Token };
        let decision = match secret {
            Secret::Password => password.clone(),
            Secret::Token => token::decide(process, Side::Server, None, Secret::Token),
        };
        let mut gateway = Self { id, process, bind, port, auth, secret, decision, refusals: Vec::new() };
        gateway.refusals = refusals(&gateway, &password);
        gateway
    }

    /// Every gateway of a stack.
    pub(crate) fn all(model: &Model<'a>) -> Vec<Self> {
        model.gateways.list.iter().map(|(id, process)| Self::read(*id, process)).collect()
    }

    /// Whether something else may listen in its container, such as a proxy of the image's own.
    pub(crate) fn may_have_server(&self) -> bool {
        self.process.may_have_server()
    }

    /// Whether whoever comes to another port than its own may still be led to it.
    pub(crate) fn may_be_behind(&self, port: u16) -> bool {
        self.may_have_server() && self.port.number != Some(port)
    }

    /// Its service's name.
    pub(crate) fn name(&self) -> &'a str {
        self.process.service.name
    }

    /// The port, where it is known.
    pub(crate) fn listens_on(&self) -> u16 {
        self.port.number.unwrap_or(rules::DEFAULT_PORT)
    }

    /// Whether this release would refuse to listen beyond loopback for want of a list of origins.
    pub(crate) fn needs_origins(&self) -> bool {
        let process = self.process;
        let ui = |key: &'static str| ["gateway", "controlUi", key];
        rules::origins(process.version).origins == Origins::Required
            && process.config().is_some_and(|config| {
                config.list(&ui("allowedOrigins")).next().is_none()
                    && config.at(&ui("enabled")).and_then(|node| node.as_bool()) != Some(false)
                    && config.switched_on(&ui("dangerouslyAllowHostHeaderOriginFallback")).is_none()
            })
    }

    /// Whether a `${NAME}` that nothing fills makes it invent a token at every start.
    pub(crate) fn invents_token(&self) -> bool {
        self.auth == Auth::Token && self.decision.outcome == Outcome::Nothing && self.refusals.is_empty()
    }

    /// Whether it does not start for want of this variable.
    pub(crate) fn refuses_unfilled(&self, variable: &str) -> bool {
        self.refusals
            .iter()
            .any(|refusal| matches!(&refusal.why, RefusalKind::Unfilled(name) if name == variable))
    }

    /// Whether what it invents is written into its configuration, and so the same at each start.
    pub(crate) fn keeps_its_invention(&self) -> bool {
        rules::no_token(self.process.version).does == NoToken::Saves
    }

    /// The secret that people are given: that of the gateway's environment, else that of `.env` or the shell.
    pub(crate) fn handed_out(&self, model: &Model<'_>) -> Option<Text> {
        let meaning = self.secret.meaning();
        let process = self.process;
        let in_service = process
            .meant(meaning)
            // Nobody reads a token out of a job's definition to give it to people.
            .filter(|(_, value)| value.layer <= EnvLayer::Container && process.service.job.is_none())
            .map(|(_, value)| value.text.clone());
        let in_project = || {
            let rule = rules::names(meaning, process.version, Side::Server).next()?;
            let value = model.resolution.variable_value(rule.name)?.0.expose().trim();
            (!value.is_empty()).then(|| Text::from(value))
        };
        in_service.or_else(in_project)
    }

    /// The place of [`Self::handed_out`].
    pub(crate) fn handed_out_span(&self, model: &Model<'_>) -> Option<Span> {
        let process = self.process;
        let given = |value: &EnvValue<'_>| value.layer <= EnvLayer::Container;
        let in_service = process.meant(Meaning::Token).map(|(_, value)| value).filter(given);
        in_service
            .map(|value| value.span)
            .or_else(|| Some(model.resolution.variable(rules::TOKEN)?.decided_by()?.span))
    }

    /// How the gateway's compose file writes the token, where that shows nothing: `${OPENCLAW_GATEWAY_TOKEN}`.
    pub(crate) fn token_template(&self, model: &Model<'_>) -> Option<String> {
        let process = self.process;
        let variable = process.service.environment.get(rules::TOKEN)?;
        let written = model.sources.expose(variable.span).trim_matches(['"', '\'']);
        let filled = variable.value.is_some_and(|value| !value.is_blank());
        if filled && written.starts_with("${") && written.ends_with('}') {
            return Some(written.to_owned());
        }
        model.project_has(rules::TOKEN).then(|| format!("${{{}}}", rules::TOKEN))
    }
}

fn bind(process: &Process<'_>) -> Bind {
    let config = process.config();
    if let Some(flag) = process.invocation.flag("bind") {
        let text = process.shell_expand(&flag.value.clone().unwrap_or_default());
        return Bind { scope: scope(text.expose(), process), by: BindSource::Flag, span: Some(flag.span) };
    }
    let tailscale = config.and_then(|config| config.expose(&["gateway", "tailscale", "mode"]));
    if let Some((mode, span)) = tailscale.filter(|(mode, _)| matches!(*mode, "serve" | "funnel")) {
        let by = if mode == "serve" { BindSource::TailscaleServe } else { BindSource::TailscaleFunnel };
        return Bind { scope: Scope::Loopback, by, span: Some(span) };
    }
    if let Some((text, span)) = config.and_then(config::Config::bind) {
        return Bind { scope: scope(text, process), by: BindSource::Config, span: Some(span) };
    }
    if matches!(process.config, ConfigState::Unknown | ConfigState::Unreadable) {
        return Bind { scope: Scope::Unknown, by: BindSource::NotGiven, span: None };
    }
    if process.invocation.is_unseen {
        return Bind { scope: Scope::Unknown, by: BindSource::Unseen, span: None };
    }
    // Only in a container does any release listen beyond loopback unasked.
    if process.service.is_on_host() {
        return Bind { scope: Scope::Loopback, by: BindSource::Default, span: None };
    }
    Bind { scope: auto(process), by: BindSource::Default, span: None }
}

/// Where its release listens when nobody says.
fn auto(process: &Process<'_>) -> Scope {
    match rules::auto_bind(process.version).bind {
        AutoBind::Loopback => Scope::Loopback,
        AutoBind::AllInterfaces => Scope::All,
    }
}

/// Where a bind mode makes it listen.
pub(crate) fn scope(text: &str, process: &Process<'_>) -> Scope {
    match text.trim() {
        "loopback" | "127.0.0.1" | "localhost" => Scope::Loopback,
        "lan" | "0.0.0.0" => Scope::All,
        "auto" => auto(process),
        "tailnet" => Scope::Tailnet,
        "custom" => match process.config().and_then(|config| config.expose(&["gateway", "customBindHost"])) {
            Some(("0.0.0.0", _)) => Scope::All,
            Some((host, _)) if names::is_loopback(host) => Scope::Loopback,
            Some((host, _)) => Scope::Address(host.to_owned()),
            None => Scope::Unknown,
        },
        _ => Scope::Unknown,
    }
}

fn port(process: &Process<'_>) -> ListenPort {
    if let Some(flag) = process.invocation.flag("port") {
        let number = process.shell_expand(&flag.value.clone().unwrap_or_default()).trimmed().parse();
        return ListenPort { number, by: PortSource::Flag, span: Some(flag.span) };
    }
    if let Some((_, value)) = process.meant(Meaning::Port) {
        return ListenPort {
            number: value.text.trimmed().parse(),
            by: PortSource::Variable,
            span: Some(value.span),
        };
    }
    if let Some((number, span)) = process.config().and_then(config::Config::port) {
        return ListenPort { number: Some(number), by: PortSource::Config, span: Some(span) };
    }
    // A profile has a default port of its own.
    let number = process.profile.is_none().then_some(rules::DEFAULT_PORT);
    ListenPort { number, by: PortSource::Default, span: None }
}

fn auth(process: &Process<'_>, password: &Decision) -> Auth {
    let flag = process.invocation.flag("auth").and_then(|flag| Some(flag.value.as_ref()?.expose()));
    let mode = flag.or_else(|| Some(process.config()?.auth_mode()?.0));
    match mode {
        Some("token") => Auth::Token,
        Some("password") => Auth::Password,
        Some("none") => Auth::None,
        Some("trusted-proxy") => Auth::TrustedProxy,
        Some(_) => Auth::Unknown,
        None if matches!(process.config, ConfigState::Unknown | ConfigState::Unreadable) => Auth::Unknown,
        None if matches!(password.outcome, Outcome::Wins(_) | Outcome::Opaque(_)) => Auth::Password,
        None => Auth::Token,
    }
}

/// Whether it refuses to start without its secret: no release starts in mode `password` without one.
fn needs_secret(gateway: &Gateway<'_>, open: bool) -> bool {
    gateway.secret == Secret::Password
        || match rules::no_token(gateway.process.version).does {
            NoToken::Refuses => true,
            NoToken::Saves => false,
            NoToken::MakesUp => open,
        }
}

/// Faults of one file that are told.
const MOST_FAULTS: usize = 16;

fn refusals(gateway: &Gateway<'_>, password: &Decision) -> Vec<StartRefusal> {
    let process = gateway.process;
    let mut out = Vec::new();
    let mut refuse = |why, span| out.push(StartRefusal { why, span });
    match &process.config {
        ConfigState::Unknown | ConfigState::Unreadable | ConfigState::Bare => {}
        ConfigState::Absent
            if process.invocation.has("allow-unconfigured")
                || process.invocation.through_script
                || !process.invocation.given => {}
        ConfigState::Absent => refuse(RefusalKind::ConfigMissing, None),
        ConfigState::Read(config) => {
            for fault in &config.faults {
                match fault {
                    ConfigFault::Syntax(error) => {
                        refuse(RefusalKind::ConfigSyntax(error.fault.to_string()), Some(error.span));
                    }
                    ConfigFault::NotAnObject { span } => {
                        refuse(
                            RefusalKind::ConfigSyntax("the document is not an object".to_owned()),
                            Some(*span),
                        );
                    }
                    ConfigFault::Include { why, refused: true, span, .. } => {
                        refuse(RefusalKind::ConfigInclude((*why).to_owned()), Some(*span));
                    }
                    ConfigFault::Include { .. } => {}
                }
            }
            if rules::unfilled_variable_is_refused(process.version) {
                let mut unfilled = config.placeholders();
                unfilled.retain(|(name, _)| {
                    process.env(name).is_none_or(|value| value.text.is_empty())
                        && !token::hidden(process, name)
                });
                for (name, span) in unfilled.into_iter().take(MOST_FAULTS) {
                    refuse(RefusalKind::Unfilled(name), Some(span));
                }
            }
            for fault in schema::faults(config, process.version).into_iter().take(MOST_FAULTS) {
                let span = fault.span;
                refuse(RefusalKind::Schema(fault), Some(span));
            }
            match config.mode() {
                _ if process.invocation.has("allow-unconfigured") => {}
                Some(("local", _)) => {}
                Some(("remote", span)) => refuse(RefusalKind::ModeRemote, Some(span)),
                // Told with what the schema refuses.
                Some(_) => {}
                None if config.is_partial() || process.invocation.is_unseen => {}
                None => refuse(RefusalKind::ModeMissing, config.at(&["gateway"]).map(|node| node.span)),
            }
        }
    }
    if let Some(flag) = process.invocation.flag("bind")
        && let Some(fault) =
            schema::bind_flag(flag, &process.shell_expand(&flag.value.clone().unwrap_or_default()))
    {
        refuse(RefusalKind::Schema(fault), Some(flag.span));
    }
    let open = matches!(gateway.bind.scope, Scope::All | Scope::Address(_));
    let bind_span = gateway.bind.span;
    let decision = &gateway.decision;
    match (&gateway.auth, decision.outcome) {
        (Auth::Token | Auth::Password, Outcome::Nothing)
            if needs_secret(gateway, open) && decision.unfilled().is_none() =>
        {
            // An empty source is the place to look at: somebody meant to set it.
            let empty =
                decision.candidates.iter().find(|candidate| matches!(candidate.content, Content::Empty));
            refuse(RefusalKind::NoSecret, empty.map(|candidate| candidate.span).or(bind_span));
        }
        (Auth::Token | Auth::Password, Outcome::Refuses(_)) => {
            if let Some(Content::RefMissing { id }) = decision.winner().map(|winner| &winner.content) {
                refuse(RefusalKind::RefMissing(id.clone()), decision.winner().map(|winner| winner.span));
            }
        }
        (Auth::Token | Auth::Password, Outcome::Wins(_))
            if decision.value().is_some_and(|value| {
                rules::refused_texts(gateway.secret.meaning(), process.version).any(|text| value.is(text))
            }) =>
        {
            refuse(RefusalKind::RefusedText, decision.winner().map(|winner| winner.span));
        }
        (Auth::None, _) if open => {
            refuse(
                RefusalKind::AuthNone,
                process.config().and_then(|config| config.auth_mode()).map(|(_, span)| span),
            );
        }
        (Auth::TrustedProxy, Outcome::Wins(_) | Outcome::Opaque(_)) => {
            refuse(RefusalKind::ProxyAndToken, decision.winner().map(|winner| winner.span));
        }
        _ => {}
    }
    let configured = |key: &str| process.config().and_then(|config| config.at(&["gateway", "auth", key]));
    if let (Some(_), Some(password_node)) = (configured("token"), configured("password"))
        && process.config().is_some_and(|config| config.auth_mode().is_none())
        && matches!(password.outcome, Outcome::Wins(_) | Outcome::Opaque(_))
    {
        refuse(RefusalKind::Ambiguous, Some(password_node.span));
    }
    if open && gateway.needs_origins() {
        refuse(RefusalKind::OriginsRequired, bind_span);
    }
    out
}
