//! Browsers: which URL is planned, whether its origin is admitted, and whether its page is a secure context.

use crate::finding::Code;
use crate::openclaw::model::config::Config;
use crate::openclaw::model::names;
use crate::openclaw::model::processes::{ConfigState, Process};
use crate::openclaw::model::urls::Url;
use crate::openclaw::rules::{self, Origins};
use crate::source::Span;

use super::listener::{Gateway, Scope};
use super::published::Publication;

/// A browser URL people will open.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// `http://localhost:18789`
    pub(crate) origin: String,
    pub(crate) verdict: Verdict,
}

/// Whether the gateway and the browser let that page connect.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Admitted(String),
    Unknown(String),
    /// Refused before its origin is looked at.
    Refused {
        code: Code,
        because: String,
        span: Option<Span>,
    },
    NotAllowed {
        because: String,
        span: Option<Span>,
    },
    Insecure {
        because: String,
        span: Option<Span>,
    },
}

const ALLOWED: [&str; 3] = ["gateway", "controlUi", "allowedOrigins"];

/// The browser URL of a published gateway; nothing where the web UI is off.
pub(crate) fn plan(gateway: &Gateway<'_>, published: &Publication) -> Option<Planned> {
    let process = gateway.process;
    let local = format!("http://localhost:{}", published.port);
    let config = match &process.config {
        ConfigState::Read(config) => Some(config),
        ConfigState::Absent | ConfigState::Bare => None,
        ConfigState::Unknown | ConfigState::Unreadable => {
            let verdict = Verdict::Unknown("openclaw.json was not given".to_owned());
            return Some(Planned { origin: local, verdict });
        }
    };
    let switch = |path: &[&str]| config.as_ref().and_then(|config| config.switched_on(path));
    let enabled = config.as_ref().and_then(|config| config.at(&["gateway", "controlUi", "enabled"]));
    if enabled.and_then(crate::syntax::json5::Node::as_bool) == Some(false) {
        return None;
    }
    let listed: Vec<(String, Span)> = config.iter().flat_map(|config| listed(config, process)).collect();
    let open = |origin: &str| listed.iter().any(|(listed, _)| same_origin(listed, origin) || listed == "*");
    let host_fallback =
        switch(&["gateway", "controlUi", "dangerouslyAllowHostHeaderOriginFallback"]).is_some();
    let admitted =
        |why: &str| Some(Planned { origin: local.clone(), verdict: Verdict::Admitted(why.to_owned()) });
    if published.port == 0 {
        let verdict =
            Verdict::Unknown("Docker picks the host port; the origin is known only then".to_owned());
        return Some(Planned { origin: "http://localhost".to_owned(), verdict });
    }
    if open(&local) || open(&format!("http://127.0.0.1:{}", published.port)) {
        return admitted(
            "its origin is in gateway.controlUi.allowedOrigins, and localhost is a secure context",
        );
    }
    if host_fallback {
        return admitted("any origin that equals the Host header is admitted");
    }
    if let Some((origin, span)) =
        listed.iter().find(|(origin, _)| Url::parse(origin).is_some_and(|url| !names::is_loopback(&url.host)))
    {
        return Some(elsewhere(origin, *span));
    }
    if let Some((_, span)) = listed.first() {
        let because = format!("{local} is not in gateway.controlUi.allowedOrigins, which names another port");
        return Some(Planned { origin: local, verdict: Verdict::NotAllowed { because, span: Some(*span) } });
    }
    if gateway.bind.scope == Scope::Loopback {
        return admitted("no origin list for a loopback listener");
    }
    let rule = rules::origins(process.version);
    match rule.origins {
        Origins::Unchecked => admitted("this release does not check origins"),
        // It refuses to start, which the listener gate says.
        Origins::Required => {
            let verdict = Verdict::Unknown("this release wants gateway.controlUi.allowedOrigins".to_owned());
            Some(Planned { origin: local, verdict })
        }
        Origins::Seeded if published.port == gateway.listens_on() => {
            admitted("the gateway admits localhost with its own port, and that is the published one")
        }
        Origins::Seeded => {
            let because = format!(
                "no origin is configured, so the gateway admits localhost:{} only; people open {local}",
                gateway.listens_on()
            );
            Some(Planned {
                origin: local,
                verdict: Verdict::NotAllowed { because, span: Some(published.span) },
            })
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
) -> Verdict {
    let listed = listed(config, process);
    let fallback = ["gateway", "controlUi", "dangerouslyAllowHostHeaderOriginFallback"];
    if let Some((origin, span)) = listed.iter().find(|(known, _)| same_origin(known, origin) || known == "*")
    {
        return if origin == "*" {
            Verdict::Admitted("every origin is admitted".to_owned())
        } else {
            elsewhere(origin, *span).verdict
        };
    }
    if config.switched_on(&fallback).is_some() {
        return Verdict::Admitted("any origin that equals the Host header is admitted".to_owned());
    }
    if listed.is_empty() && rules::origins(process.version).origins != Origins::Seeded {
        return Verdict::Unknown(
            "this release does not say what it does without a list of origins".to_owned(),
        );
    }
    if config.is_partial() {
        return Verdict::Unknown("a part of openclaw.json was not given".to_owned());
    }
    let because = match listed.first() {
        Some(_) => format!("{origin} is not in gateway.controlUi.allowedOrigins"),
        None => format!(
            "no origin is configured, so the gateway admits localhost:{} only; people open {origin}",
            gateway.listens_on()
        ),
    };
    let span = listed.first().map_or(span, |(_, span)| *span);
    Verdict::NotAllowed { because, span: Some(span) }
}

/// A page that is not on localhost: admitted as listed, but a browser gives keys to secure contexts only.
fn elsewhere(origin: &str, span: Span) -> Planned {
    let secure = Url::parse(origin).is_some_and(|url| url.secure);
    let verdict = if secure {
        Verdict::Admitted(
            "its origin is in gateway.controlUi.allowedOrigins, and https is a secure context".to_owned(),
        )
    } else {
        let because =
            format!("{origin} is plain http beyond localhost: browsers give such a page no device identity");
        Verdict::Insecure { because, span: Some(span) }
    };
    Planned { origin: origin.to_owned(), verdict }
}

/// Scheme, host and port equal, default ports filled in.
pub(crate) fn same_origin(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Some(a), Some(b)) => (a.secure, a.host, a.port) == (b.secure, b.host, b.port),
        _ => a == b,
    }
}
