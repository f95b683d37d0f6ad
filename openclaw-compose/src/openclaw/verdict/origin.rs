//! Browsers: which URL is planned, whether its origin is admitted, and whether its page is a secure context.

use crate::openclaw::model::Model;
use crate::openclaw::model::config::Config;
use crate::openclaw::model::names;
use crate::openclaw::model::observed::Refused;
use crate::openclaw::model::processes::{ConfigState, Process};
use crate::openclaw::model::urls::{HostClass, Url, host_class};
use crate::openclaw::rules::{self, Origins};
use crate::source::Span;

use super::listener::{Gateway, Scope};
use super::published::Publication;

/// A browser URL people will open.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// `http://localhost:18789`
    pub(crate) origin: String,
    pub(crate) verdict: OriginVerdict,
    /// Origins of pages that the gateway's log shows to be refused and that are not admitted by now.
    pub(crate) refused: Vec<String>,
}

impl Planned {
    pub(crate) fn new(origin: impl Into<String>, verdict: OriginVerdict) -> Self {
        Self { origin: origin.into(), verdict, refused: Vec::new() }
    }
}

/// Whether the gateway and the browser let that page connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginVerdict {
    Admitted(Admitted),
    Unknown(Unknown),
    NotAllowed {
        why: NotAllowed,
        span: Span,
    },
    /// Plain http beyond localhost: browsers give such a page no keys.
    Insecure {
        span: Span,
    },
}

/// Why a page is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// On localhost, and listed.
    Localhost,
    /// Under https, and listed.
    Https,
    /// Every origin is listed.
    Any,
    /// Every origin that equals the Host header is.
    HostHeader,
    /// Nothing is listed, and the listener is on loopback.
    OnLoopback,
    /// The release looks at no origin.
    Unchecked,
    /// The release admits localhost with the gateway's port, which is the published one.
    Seeded,
}

/// Why that cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// `openclaw.json` was not given.
    NotGiven,
    /// A part of it was not.
    Partial,
    /// Nobody showed what the image starts: it may write one first.
    Unseen,
    /// Docker picks the host port.
    PortPicked,
    /// The release wants a list and refuses to start without one, which its listener says.
    ListWanted,
    /// It is admitted if the proxy hands on the Host header as it came.
    HostKept,
    /// The proxy's address is written nowhere.
    NoAddress,
    /// What listens where the port leads is not known.
    Elsewhere,
}

/// Why an origin is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    /// The gateway's log shows that it was.
    Seen,
    /// The list has localhost with another port.
    OtherPort,
    /// The list does not have it.
    Unlisted,
    /// Without a list localhost with this port alone is admitted.
    SeededOnly(u16),
}

pub(crate) const ALLOWED: [&str; 3] = ["gateway", "controlUi", "allowedOrigins"];

/// The browser URL of a published gateway; nothing where the web UI is off.
pub(crate) fn plan(gateway: &Gateway<'_>, published: &Publication) -> Option<Planned> {
    let process = gateway.process;
    let local = format!("http://localhost:{}", published.port);
    let config = match &process.config {
        ConfigState::Read(config) => Some(config),
        // Whoever starts it may write one first.
        ConfigState::Absent | ConfigState::Bare if process.invocation.is_unseen => {
            return Some(Planned::new(local, OriginVerdict::Unknown(Unknown::Unseen)));
        }
        ConfigState::Absent | ConfigState::Bare => None,
        ConfigState::Unknown | ConfigState::Unreadable => {
            let verdict = OriginVerdict::Unknown(Unknown::NotGiven);
            return Some(Planned::new(local, verdict));
        }
    };
    let switch = |path: &[&str]| config.as_ref().and_then(|config| config.switched_on(path));
    let enabled = config.as_ref().and_then(|config| config.at(&["gateway", "controlUi", "enabled"]));
    if enabled.and_then(crate::syntax::json5::Node::as_bool) == Some(false) {
        return None;
    }
    let listed: Vec<(String, Span)> = config.iter().flat_map(|config| listed(config, process)).collect();
    let is_listed = |listed: &str, origin: &str| same_origin(listed, origin) || is_any(listed, process);
    let open = |origin: &str| listed.iter().any(|(listed, _)| is_listed(listed, origin));
    let host_fallback =
        switch(&["gateway", "controlUi", "dangerouslyAllowHostHeaderOriginFallback"]).is_some();
    let admitted = |why| Some(Planned::new(local.clone(), OriginVerdict::Admitted(why)));
    if published.port == 0 {
        let verdict = OriginVerdict::Unknown(Unknown::PortPicked);
        return Some(Planned::new("http://localhost", verdict));
    }
    if open(&local) || open(&format!("http://127.0.0.1:{}", published.port)) {
        return admitted(Admitted::Localhost);
    }
    if host_fallback || rules::origins(process.version).origins == Origins::HostHeader {
        return admitted(Admitted::HostHeader);
    }
    if let Some((origin, span)) =
        listed.iter().find(|(origin, _)| Url::parse(origin).is_some_and(|url| !names::is_loopback(&url.host)))
    {
        return Some(elsewhere(origin, *span));
    }
    if let Some((_, span)) = listed.first() {
        let verdict = OriginVerdict::NotAllowed { why: NotAllowed::OtherPort, span: *span };
        return Some(Planned::new(local, verdict));
    }
    if gateway.bind.scope == Scope::Loopback {
        return admitted(Admitted::OnLoopback);
    }
    let rule = rules::origins(process.version);
    match rule.origins {
        Origins::Unchecked => admitted(Admitted::Unchecked),
        Origins::HostHeader => admitted(Admitted::HostHeader),
        // It refuses to start, which the listener gate says.
        Origins::Required => {
            let verdict = OriginVerdict::Unknown(Unknown::ListWanted);
            Some(Planned::new(local, verdict))
        }
        Origins::Seeded if published.port == gateway.listens_on() => admitted(Admitted::Seeded),
        Origins::Seeded => {
            let why = NotAllowed::SeededOnly(gateway.listens_on());
            Some(Planned::new(local, OriginVerdict::NotAllowed { why, span: published.span }))
        }
    }
}

/// The configured origins.
fn listed(config: &Config, process: &Process<'_>) -> Vec<(String, Span)> {
    let origin = |text: &str| process.substitute(text).text.expose().trim_end_matches('/').to_owned();
    config.list(&ALLOWED).map(|(text, span)| (origin(text), span)).collect()
}

/// The verdict on a page that a proxy serves under `origin`.
pub(crate) fn of_proxy(
    origin: &str,
    span: Span,
    config: &Config,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
) -> OriginVerdict {
    let listed = listed(config, process);
    let fallback = ["gateway", "controlUi", "dangerouslyAllowHostHeaderOriginFallback"];
    if let Some((origin, span)) =
        listed.iter().find(|(known, _)| same_origin(known, origin) || is_any(known, process))
    {
        return if origin == "*" {
            OriginVerdict::Admitted(Admitted::Any)
        } else {
            elsewhere(origin, *span).verdict
        };
    }
    if config.switched_on(&fallback).is_some() {
        return OriginVerdict::Admitted(Admitted::HostHeader);
    }
    match rules::origins(process.version).origins {
        Origins::Unchecked => return OriginVerdict::Admitted(Admitted::Unchecked),
        Origins::HostHeader => return OriginVerdict::Unknown(Unknown::HostKept),
        // It refuses to start, which the listener gate says.
        Origins::Required if listed.is_empty() => return OriginVerdict::Unknown(Unknown::ListWanted),
        Origins::Required | Origins::Seeded => {}
    }
    let host = Url::parse(origin).map(|url| host_class(&url.host));
    let by_host = match host {
        Some(HostClass::Loopback) => rules::local_by_host(process.version),
        Some(HostClass::PrivateLiteral | HostClass::LocalName) => rules::private_same_origin(process.version),
        _ => false,
    };
    if by_host {
        return OriginVerdict::Unknown(Unknown::HostKept);
    }
    if config.is_partial() {
        return OriginVerdict::Unknown(Unknown::Partial);
    }
    let why = match listed.first() {
        Some(_) => NotAllowed::Unlisted,
        None => NotAllowed::SeededOnly(gateway.listens_on()),
    };
    let span = listed.first().map_or(span, |(_, span)| *span);
    OriginVerdict::NotAllowed { why, span }
}

/// Whether the entry admits every origin.
fn is_any(listed: &str, process: &Process<'_>) -> bool {
    listed == "*" && rules::any_origin(process.version)
}

/// A page that is admitted as listed, but a browser gives keys to secure contexts only.
fn elsewhere(origin: &str, span: Span) -> Planned {
    let verdict = match Url::parse(origin) {
        Some(url) if url.secure => OriginVerdict::Admitted(Admitted::Https),
        Some(url) if names::is_loopback(&url.host) => OriginVerdict::Admitted(Admitted::Localhost),
        _ => OriginVerdict::Insecure { span },
    };
    Planned::new(origin, verdict)
}

/// Whether the list names the origin, or every one.
pub(crate) fn is_listed(origin: &str, config: &Config, process: &Process<'_>) -> bool {
    listed(config, process).iter().any(|(known, _)| known == "*" || same_origin(known, origin))
}

/// The origins that a gateway was seen to refuse and would refuse again.
pub(crate) fn refused<'m>(gateway: &Gateway<'_>, model: &'m Model<'_>) -> Vec<&'m str> {
    let process = gateway.process;
    let is_admitted =
        |origin: &str| process.config().is_some_and(|config| is_listed(origin, config, process));
    let standing = model.refusals(process).filter_map(|refusal| match &refusal.what {
        Refused::Origin(origin) => Some(origin.as_str()),
        Refused::Proxy(_) => None,
    });
    standing.filter(|origin| !is_admitted(origin)).collect()
}

/// Where the list is configured, or else where it would be.
pub(crate) fn list_span(process: &Process<'_>) -> Span {
    let span = process.config().and_then(|config| {
        let listed = config.list(&ALLOWED).next().map(|(_, span)| span);
        listed.or_else(|| Some(config.at(&ALLOWED).or_else(|| config.at(&["gateway"]))?.span))
    });
    span.unwrap_or(process.service.key_span)
}

/// Scheme, host and port equal, default ports filled in.
pub(crate) fn same_origin(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Some(a), Some(b)) => (a.secure, a.host, a.port) == (b.secure, b.host, b.port),
        _ => a == b,
    }
}
