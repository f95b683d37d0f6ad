//! Browsers whose page the gateway or the browser itself refuses, and checks of pages that were switched off.

use crate::edit::{Edit, layout};
use crate::finding::{Code, PlaceRole, Remedy};
use crate::openclaw::rules::{self};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::listener::Gateway;
use crate::openclaw::verdict::origin::{Admitted, NotAllowed, OriginVerdict, Planned, Unknown, Untrusted};
use crate::openclaw::verdict::proxy::Proxy;
use crate::source::Span;

use super::remedies::{edits, words};
use super::{Cause, Findings};

/// Why a page is admitted.
pub(crate) fn admitted_because(why: Admitted) -> &'static str {
    match why {
        Admitted::Localhost => {
            "its origin is in gateway.controlUi.allowedOrigins, and localhost is a secure context"
        }
        Admitted::Https => "its origin is in gateway.controlUi.allowedOrigins, and https is a secure context",
        Admitted::Any => "every origin is admitted",
        Admitted::HostHeader => "any origin that equals the Host header is admitted",
        Admitted::OnLoopback => "no origin list for a loopback listener",
        Admitted::Unchecked => "this release does not check origins",
        Admitted::Seeded => "the gateway admits localhost with its own port, and that is the published one",
    }
}

/// Why it is not known whether a page is admitted.
pub(crate) fn unknown_because(why: Unknown) -> &'static str {
    match why {
        Unknown::NotGiven => "openclaw.json was not given",
        Unknown::Unseen => "what the image starts is not in these files: it may write openclaw.json",
        Unknown::Partial => "a part of openclaw.json was not given",
        Unknown::PortPicked => "Docker picks the host port; the origin is known only then",
        Unknown::ListWanted => "this release wants gateway.controlUi.allowedOrigins",
        Unknown::ReleaseSilent => "this release does not say what it does without a list of origins",
        Unknown::NoAddress => "the proxy's address is written nowhere",
    }
}

/// The code and the sentence for a proxy that the gateway does not trust.
pub(crate) fn untrusted(proxy: &Proxy, why: Untrusted) -> (Code, String) {
    let who = &proxy.who;
    match why {
        Untrusted::Empty => (
            Code::TrustedProxiesMissing,
            format!(
                "{who} forwards requests, and gateway.trustedProxies is empty: they are answered 403 proxy_attribution_required"
            ),
        ),
        Untrusted::Wildcard => (
            Code::TrustedProxiesWrong,
            format!(
                "{who} forwards requests, and `*` in gateway.trustedProxies is no wildcard: it trusts nobody, and they are answered 403 proxy_attribution_required"
            ),
        ),
    }
}

/// The code, the sentence and the deciding place for a page that is refused.
pub(crate) fn describe(client: &Client<'_>) -> Option<(Code, String, Span)> {
    let Planned { origin, verdict } = client.planned.as_ref()?;
    Some(match verdict {
        OriginVerdict::Admitted(_) | OriginVerdict::Unknown(_) => return None,
        OriginVerdict::Untrusted { why, span } => {
            let (code, because) = untrusted(client.proxy.as_ref()?, *why);
            (code, because, *span)
        }
        OriginVerdict::NotAllowed { why, span } => {
            let because = match why {
                NotAllowed::OtherPort => {
                    format!("{origin} is not in gateway.controlUi.allowedOrigins, which names another port")
                }
                NotAllowed::Unlisted => format!("{origin} is not in gateway.controlUi.allowedOrigins"),
                NotAllowed::SeededOnly(port) => format!(
                    "no origin is configured, so the gateway admits localhost:{port} only; people open {origin}"
                ),
            };
            (Code::OriginNotAllowed, because, *span)
        }
        OriginVerdict::Insecure { span } => (
            Code::InsecureContext,
            format!("{origin} is plain http beyond localhost: browsers give such a page no device identity"),
            *span,
        ),
    })
}

pub(crate) fn browser_findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    // Whom the gateway trusts is said for the gateway.
    let Some((code, because, span)) =
        describe(client).filter(|(code, ..)| matches!(code, Code::OriginNotAllowed | Code::InsecureContext))
    else {
        return;
    };
    let gateway = client.gateway;
    let mut finding = verdicts.finding(code, because, Some(span)).about(client.subject());
    if code == Code::InsecureContext {
        finding.remedy = Some(words(
            "open the UI over https, or through `ssh -L 18789:127.0.0.1:18789 HOST` as http://localhost:18789",
        ));
    } else {
        let config = gateway.process.config();
        let list = config.and_then(|config| config.at(&["gateway", "controlUi", "allowedOrigins"]));
        finding.places.extend(list.and_then(|list| verdicts.model.place(PlaceRole::Related, list.span)));
        let rule = rules::origins(gateway.process.version);
        finding.evidence.push(format!("{} ({})", rule.citation, rule.versions));
        finding.remedy = match &client.proxy {
            Some(proxy) => proxy
                .origin
                .as_ref()
                .and_then(|(origin, _)| list_origins(std::slice::from_ref(origin), gateway, verdicts)),
            None => allow_origin(gateway, verdicts),
        };
    }
    out.push_for([Cause::Origin(client.id)], finding);
}

/// Adds the published localhost origins to the list.
pub(crate) fn allow_origin(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let port = owner
        .ports
        .iter()
        .find(|port| Some(port.target) == gateway.port.number)
        .and_then(|port| port.published)?;
    list_origins(&[format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")], gateway, verdicts)
}

/// Adds origins to the list of those admitted.
fn list_origins(wanted: &[String], gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let config = gateway.process.config()?;
    let list = wanted.iter().map(|origin| format!("\"{origin}\"")).collect::<Vec<_>>().join(", ");
    let text = format!("admit the origin people open: {}", wanted.first()?);
    let edit = if let Some(node) = config.at(&["gateway", "controlUi", "allowedOrigins"]) {
        let at = node.span.start + 1;
        let comma = if node.items().is_empty() { "" } else { ", " };
        Edit::text(verdicts.model.sources, Span::new(node.span.file, at, at), format!("{list}{comma}"))
    } else if let Some(ui) = config.at(&["gateway", "controlUi"]) {
        layout::insert_member(verdicts.model.sources, ui, &format!("allowedOrigins: [{list}]"))?
    } else {
        let gateway = config.at(&["gateway"])?;
        layout::insert_member(
            verdicts.model.sources,
            gateway,
            &format!("controlUi: {{ allowedOrigins: [{list}] }}"),
        )?
    };
    Some(edits(text, vec![edit], None))
}

/// Security that earlier repairs switched off.
const BYPASSES: [(&[&str], &str); 3] = [
    (&["gateway", "controlUi", "allowInsecureAuth"], "gateway.controlUi.allowInsecureAuth"),
    (
        &["gateway", "controlUi", "dangerouslyDisableDeviceAuth"],
        "gateway.controlUi.dangerouslyDisableDeviceAuth",
    ),
    (
        &["gateway", "controlUi", "dangerouslyAllowHostHeaderOriginFallback"],
        "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback",
    ),
];

pub(crate) fn bypasses(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let Some(config) = gateway.process.config() else { continue };
        for (path, name) in BYPASSES {
            if let Some(span) = config.switched_on(path) {
                let summary = format!(
                    "{name} is on: a shortcut that weakens the web UI and that current releases mostly ignore"
                );
                let mut finding = verdicts
                    .finding(Code::BypassLeftBehind, summary, Some(span))
                    .about(gateway.process.subject());
                finding.remedy = switch_off(span, verdicts);
                out.push(finding);
            }
        }
        for (origin, span) in config.list(&["gateway", "controlUi", "allowedOrigins"]) {
            if origin == "*" {
                let summary = "gateway.controlUi.allowedOrigins admits every site with `*`".to_owned();
                let mut finding = verdicts
                    .finding(Code::BypassLeftBehind, summary, Some(span))
                    .about(gateway.process.subject());
                finding.remedy = Some(words("list the origins that people open"));
                out.push(finding);
            }
        }
    }
}

/// A switch that weakens something.
fn switch_off(span: Span, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let edit = Edit::text(verdicts.model.sources, span, "false").judgement();
    Some(edits("switch it off and pair the browser instead", vec![edit], None))
}
