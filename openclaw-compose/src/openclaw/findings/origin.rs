//! Browsers whose page the gateway or the browser itself refuses, and checks of pages that were switched off.

use crate::edit::{Edit, layout};
use crate::finding::{Code, PlaceRole, Remedy};
use crate::openclaw::rules::{self, Origins};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::listener::Gateway;
use crate::openclaw::verdict::origin::{ALLOWED, Admitted, NotAllowed, OriginVerdict, Planned, Unknown};
use crate::source::Span;

use super::remedies::{self, edits, words};
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
        Unknown::HostKept => "this release admits it if the proxy hands on the Host header as it came",
        Unknown::NoAddress => "the proxy's address is written nowhere",
        Unknown::Elsewhere => "which program's page the published port leads to is not in these files",
    }
}

/// The code, the sentence and the deciding place for a page that is refused.
pub(crate) fn describe(client: &Client<'_>) -> Option<(Code, String, Span)> {
    let Planned { origin, verdict, refused } = client.planned.as_ref()?;
    Some(match verdict {
        OriginVerdict::Admitted(_) | OriginVerdict::Unknown(_) => return None,
        OriginVerdict::NotAllowed { why, span } => {
            let because = match why {
                NotAllowed::Seen => {
                    let name = client.gateway.name();
                    format!(
                        "{name} refused the page at {}: gateway.controlUi.allowedOrigins does not name it",
                        refused.join(", ")
                    )
                }
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
    let Some((code, because, span)) = describe(client) else { return };
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
        let refused = client.planned.as_ref().map_or(&[][..], |planned| &planned.refused);
        finding.remedy = match &client.proxy {
            _ if !refused.is_empty() => {
                finding.evidence.push(format!("the gateway's log names {}", refused.join(", ")));
                admit_refused(refused, gateway, verdicts)
            }
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

/// Adds what was refused to the list. Where there is none yet, what is admitted without one goes along.
fn admit_refused(refused: &[String], gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let process = gateway.process;
    let mut wanted = refused.to_vec();
    let is_bare = process.config().is_none_or(|config| config.list(&ALLOWED).next().is_none());
    if is_bare && rules::origins(process.version).origins == Origins::Seeded {
        let port = gateway.listens_on();
        wanted.extend([format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")]);
    }
    if let Some(remedy) = list_origins(&wanted, gateway, verdicts) {
        return Some(remedy);
    }
    // What the gateway reads lies in no file of these: it is told there.
    let list: Vec<String> = wanted.iter().map(|origin| format!("\"{origin}\"")).collect();
    let name = gateway.name();
    let text = format!(
        "add {} to gateway.controlUi.allowedOrigins in the gateway's own openclaw.json, which is not among these files; the command replaces the list: keep what `openclaw config get gateway.controlUi.allowedOrigins` shows there",
        refused.join(", ")
    );
    let value = remedies::shell_quote(&format!("[{}]", list.join(",")));
    Some(remedies::command(
        text,
        format!("docker compose exec -T {name} openclaw config set gateway.controlUi.allowedOrigins {value}"),
    ))
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
