//! Browsers whose page the gateway or the browser itself refuses, and checks of pages that were switched off.

use crate::edit::{Edit, layout};
use crate::finding::{Code, Remedy};
use crate::openclaw::rules::{self};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::listener::Gateway;
use crate::openclaw::verdict::origin::Verdict;
use crate::source::Span;

use super::remedies::{edits, words};
use super::{Cause, Findings};

pub(crate) fn browser_findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(planned) = &client.planned else { return };
    let gateway = client.gateway;
    match &planned.verdict {
        Verdict::NotAllowed { because, span } => {
            let mut finding =
                verdicts.finding(Code::OriginNotAllowed, because.clone(), *span).about(client.subject());
            let rule = rules::origins(gateway.process.version);
            finding.evidence.push(format!("{} ({})", rule.citation, rule.versions));
            finding.remedy = match &client.front {
                Some(front) => front
                    .origin
                    .as_ref()
                    .and_then(|(origin, _)| list_origins(std::slice::from_ref(origin), gateway, verdicts)),
                None => allow_origin(gateway, verdicts),
            };
            out.push_for([Cause::Origin(client.id)], finding);
        }
        Verdict::Insecure { because, span } => {
            let mut finding =
                verdicts.finding(Code::InsecureContext, because.clone(), *span).about(client.subject());
            finding.remedy = Some(words(
                "open the UI over https, or through `ssh -L 18789:127.0.0.1:18789 HOST` as http://localhost:18789",
            ));
            out.push_for([Cause::Origin(client.id)], finding);
        }
        // Whom the gateway trusts is said for the gateway.
        Verdict::Admitted(_) | Verdict::Unknown(_) | Verdict::Refused { .. } => {}
    }
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
