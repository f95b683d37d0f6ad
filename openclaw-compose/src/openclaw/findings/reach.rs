//! What to say, and what to do, about a client that does not reach the gateway.

use std::collections::BTreeMap;

use crate::finding::{Code, Confidence, Finding, PlaceRole, Subject};
use crate::openclaw::findings::{Cause, Findings};
use crate::openclaw::model::names;
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::model::urls;
use crate::openclaw::rules::{self, Meaning, Reads, Target, UrlCarrier};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::{Client, ClientKind};
use crate::openclaw::verdict::listener::Scope;
use crate::openclaw::verdict::origin;
use crate::openclaw::verdict::reach::Reach;
use crate::source::Span;

use super::{proxy, remedies};

/// Why it is not known whether a client arrives.
pub(crate) fn unknown_because(client: &Client<'_>) -> String {
    match &client.reach {
        Reach::OtherService(other) => {
            format!("the URL leads to {}, which may or may not pass it on to the gateway", other)
        }
        Reach::Unsure => "the bind of the gateway is not known".to_owned(),
        _ => "the URL leads out of this stack".to_owned(),
    }
}

/// The code, the sentence and the deciding place for a client that does not arrive.
pub(crate) fn describe(client: &Client<'_>, verdicts: &Verdicts<'_>) -> Option<(Code, String, Option<Span>)> {
    let choice = client.choice.as_ref()?;
    let process = client.process?;
    let gateway = client.gateway;
    let name = process.service.name;
    let gateway_name = gateway.name();
    let url = choice.url.as_ref();
    let shown = url.map_or_else(|| "its URL".to_owned(), urls::Url::shown);
    let by = &choice.by;
    let key = Some(process.service.key_span);
    let span = choice.span.or(key);
    let host = url.map_or("", |url| url.host.as_str());
    Some(match &client.reach {
        Reach::OwnLoopback => (
            Code::OwnLoopback,
            format!(
                "{name} dials {shown} ({by}): that is its own container, {gateway_name} listens in another"
            ),
            span,
        ),
        Reach::LoopbackBind => (
            Code::LoopbackBind,
            format!(
                "{name} dials {shown}, and {gateway_name} listens on its own loopback only ({})",
                gateway.bind.by
            ),
            gateway.bind.span.or(span),
        ),
        Reach::WrongPort { listens, published } => {
            let why = if *published { "; the published port counts on the host only" } else { "" };
            (
                Code::WrongPort,
                format!("{name} dials {shown}, and {gateway_name} listens on {listens}{why}"),
                choice.port.or(span),
            )
        }
        Reach::Plaintext => (
            Code::PlaintextRefused,
            format!(
                "{name} refuses to dial {shown} before it opens a socket: plaintext ws:// to a name that is not local"
            ),
            span,
        ),
        Reach::NoCredentials => (
            Code::UrlWithoutCredentials,
            format!(
                "{name} has a URL of its own from {by} and no token beside it: a token of openclaw.json is never sent there"
            ),
            span,
        ),
        Reach::Scheme { gateway_has_tls: true } => (
            Code::SchemeMismatch,
            format!("{name} dials {shown} without TLS, and {gateway_name} has gateway.tls on"),
            span,
        ),
        Reach::Scheme { gateway_has_tls: false } => (
            Code::SchemeMismatch,
            format!("{name} dials {shown} with TLS, and {gateway_name} has none"),
            span,
        ),
        Reach::NoSharedNetwork { with } => {
            let other = with;
            (
                Code::NoSharedNetwork,
                format!("{name} and {other} are on no common network: the name {host} means nothing there"),
                span,
            )
        }
        Reach::UnknownName { nearest } => {
            let hint = nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean {name}?"));
            (
                Code::NameNotResolvable,
                format!("no service, alias or container reachable from {name} is called {host}{hint}"),
                span,
            )
        }
        Reach::BorrowedName { owner } => {
            let owner = owner.as_deref().unwrap_or("another service");
            (
                Code::NameNotResolvable,
                format!("{host} lives in the namespace of {owner} and has no name of its own on a network"),
                span,
            )
        }
        Reach::DisabledProfile => (
            Code::DisabledProfile,
            format!("{name} dials {host}, a service whose profile is not active"),
            span,
        ),
        Reach::HostPortClosed => (
            Code::HostPortClosed,
            format!(
                "{name} dials {shown} on the Docker host, where this stack publishes nothing on that port"
            ),
            span,
        ),
        Reach::HostLoopbackOnly => (
            Code::HostPortClosed,
            format!(
                "{name} dials {shown} on the Docker host, where the port is open on the host's own loopback only"
            ),
            span,
        ),
        Reach::NoNetwork => {
            let mode = process.service.network_mode.as_ref();
            let borrowed = mode.and_then(|mode| mode.value.strip_prefix("container:"));
            let summary = match borrowed {
                Some(container) => {
                    let nearest = names::nearest(container, verdicts.model.services.container_names());
                    let hint = nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"));
                    format!(
                        "{name} borrows the network of a container {container} that this stack does not make{hint}"
                    )
                }
                None => format!("{name} has no network in which a gateway could be"),
            };
            (Code::NoNetwork, summary, mode.map(|mode| mode.span).or(key))
        }
        Reach::BadUrl => (Code::BadGatewayUrl, format!("{by} of {name} is no ws:// or wss:// URL"), span),
        Reach::Gateway | Reach::OtherService(_) | Reach::Elsewhere | Reach::Unsure => return None,
    })
}

/// Everything about reaching the gateway.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let clients = verdicts.clients;
    for client in clients {
        if client.kind == ClientKind::Service {
            if let Some((code, summary, span)) = describe(client, verdicts) {
                let bind = (code == Code::LoopbackBind).then_some(Cause::Bind(client.gateway.id));
                let causes = std::iter::once(Cause::Reach(client.id)).chain(bind);
                out.push_for(causes, unreached(client, code, summary, span, verdicts));
            }
            through_another_service(client, verdicts, out);
        } else if client.kind == ClientKind::Host {
            host_findings(client, verdicts, out);
        } else {
            proxy::findings(client, verdicts, out);
            browser_findings(client, verdicts, out);
        }
    }
    let services = clients.iter().filter(|client| client.kind == ClientKind::Service);
    let by_name: BTreeMap<&str, &Client<'_>> =
        services.map(|client| (client.name.as_str(), client)).collect();
    let mut is_url_told = false;
    for process in verdicts.model.processes {
        unread_names(process, &by_name, verdicts, out);
        break_glass(process, verdicts, out);
        ignored_remote_url(process, verdicts, &mut is_url_told, out);
    }
    stranded(verdicts, out);
    proxy::trust(verdicts, out);
    bypasses(verdicts, out);
}

fn unreached(
    client: &Client<'_>,
    code: Code,
    summary: String,
    span: Option<Span>,
    verdicts: &Verdicts<'_>,
) -> Finding {
    let mut finding = verdicts.finding(code, summary, span).about(client.subject());
    let process = client.process;
    if let Some(choice) = &client.choice {
        finding.evidence.push(match choice.carrier {
            UrlCarrier::Loopback => match choice.target {
                Target::Remote => "gateway.mode is remote and gateway.remote.url is missing: the CLI falls back to loopback".to_owned(),
                _ => "no --url, no OPENCLAW_GATEWAY_URL, gateway.mode not remote: the CLI dials 127.0.0.1 of its own namespace".to_owned(),
            },
            _ => format!("the URL comes from {}", choice.by),
        });
        if !choice.certain {
            finding.confidence = Confidence::Inferred;
            finding.evidence.push("openclaw.json was not given".to_owned());
        }
    }
    if process.is_some_and(|process| process.role == Role::App) {
        finding.confidence = Confidence::Inferred;
        finding.evidence.push("not an OpenClaw program: how it reads its variables is inferred".to_owned());
    }
    if code == Code::PlaintextRefused
        && let Some(process) = process
    {
        let rule = rules::plaintext(process.version);
        finding.versions = Some(rule.versions.to_string());
        finding.evidence.push(rule.citation.to_owned());
    }
    let gateway = client.gateway;
    if let Some(bind) = gateway.bind.span.filter(|bind| Some(*bind) != span) {
        finding.places.extend(verdicts.model.place(PlaceRole::Related, bind));
    }
    if code == Code::OwnLoopback && gateway.bind.scope == Scope::Loopback {
        finding
            .evidence
            .push("the gateway is on its loopback as well: sharing its namespace mends both".to_owned());
    }
    finding.remedy = remedies::reach(client, verdicts);
    finding
}

/// A URL that leads to another service: right for a proxy, and worth a look.
fn through_another_service(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Reach::OtherService(other) = &client.reach else { return };
    let Some(choice) = &client.choice else { return };
    let name = &client.name;
    let summary = format!("{name} goes to {other} ({}), not to the gateway itself", choice.by);
    let mut finding =
        verdicts.finding(Code::ClientThroughProxy, summary, choice.span).about(client.subject());
    finding.confidence = Confidence::Inferred;
    finding.remedy = Some(remedies::words(
        "inside the stack, dial the gateway's own port; leave the proxy to clients outside",
    ));
    out.push(finding);
}

fn host_findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(published) = &client.published else { return };
    let gateway = client.gateway;
    let name = gateway.name();
    // One finding a gateway: a service client may have said so already.
    if client.reach == Reach::LoopbackBind && !out.has(Cause::Bind(gateway.id)) {
        let summary = format!(
            "{name} listens on the loopback of its container ({}): connections to the published port {} are reset",
            gateway.bind.by, published.port
        );
        let mut finding = verdicts
            .finding(Code::LoopbackBind, summary, gateway.bind.span.or(Some(published.span)))
            .about(gateway.process.subject());
        finding.places.extend(verdicts.model.place(PlaceRole::Related, published.span));
        finding
            .evidence
            .push("Docker accepts the connection and finds nobody at the container's address".to_owned());
        finding.remedy = remedies::listen_on_all(gateway, verdicts);
        out.push_for([Cause::Bind(gateway.id)], finding);
    }
    if let Some(listens) = gateway.port.number.filter(|listens| *listens != published.target) {
        let summary = format!(
            "host port {} leads to port {}, and {name} listens on {listens} ({})",
            published.port, published.target, gateway.port.by
        );
        let mut finding = verdicts
            .finding(Code::PublishedTargetWrong, summary, Some(published.span))
            .about(gateway.process.subject());
        if let Some(span) = gateway.port.span {
            finding.places.extend(verdicts.model.place(PlaceRole::Related, span));
        }
        finding.remedy = remedies::publish_right_port(published, listens, verdicts);
        out.push_for([Cause::Published(gateway.id)], finding);
    }
    let owner = verdicts.model.namespace_owner(gateway.process);
    let internal = owner.is_some_and(|owner| {
        !owner.networks.is_empty()
            && owner.networks.iter().all(|attachment| {
                verdicts
                    .model
                    .services
                    .networks
                    .get(attachment.network)
                    .is_some_and(|network| network.internal)
            })
    });
    if internal && !published.host_network {
        let summary = format!("{name} is on internal networks only: Docker publishes none of its ports");
        out.push(
            verdicts
                .finding(Code::InternalNetwork, summary, Some(published.span))
                .about(gateway.process.subject()),
        );
    }
    if published.host_network && verdicts.model.docker_vm {
        let summary = format!(
            "{name} is on the host network, which on a Mac is that of Docker's virtual machine, not of the Mac"
        );
        let mut finding = verdicts
            .finding(Code::HostNetworkOnMac, summary, Some(published.span))
            .about(gateway.process.subject());
        finding.confidence = Confidence::Inferred;
        finding.remedy = Some(remedies::words("use a bridge network and publish 127.0.0.1:18789"));
        out.push(finding);
    }
}

fn browser_findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(planned) = &client.planned else { return };
    let gateway = client.gateway;
    match &planned.verdict {
        origin::Verdict::NotAllowed { because, span } => {
            let mut finding =
                verdicts.finding(Code::OriginNotAllowed, because.clone(), *span).about(client.subject());
            let rule = rules::origins(gateway.process.version);
            finding.evidence.push(format!("{} ({})", rule.citation, rule.versions));
            finding.remedy = match &client.front {
                Some(front) => front.origin.as_ref().and_then(|(origin, _)| {
                    remedies::list_origins(std::slice::from_ref(origin), gateway, verdicts)
                }),
                None => remedies::allow_origin(gateway, verdicts),
            };
            out.push_for([Cause::Origin(client.id)], finding);
        }
        origin::Verdict::Insecure { because, span } => {
            let mut finding =
                verdicts.finding(Code::InsecureContext, because.clone(), *span).about(client.subject());
            finding.remedy = Some(remedies::words(
                "open the UI over https, or through `ssh -L 18789:127.0.0.1:18789 HOST` as http://localhost:18789",
            ));
            out.push_for([Cause::Origin(client.id)], finding);
        }
        // Whom the gateway trusts is said for the gateway.
        origin::Verdict::Admitted(_) | origin::Verdict::Unknown(_) | origin::Verdict::Refused { .. } => {}
    }
}

/// Variables that people set and this release does not read.
fn unread_names(
    process: &Process<'_>,
    by_name: &BTreeMap<&str, &Client<'_>>,
    verdicts: &Verdicts<'_>,
    out: &mut Findings,
) {
    if !process.is_openclaw() {
        return;
    }
    for rule in rules::NAME_RULES
        .iter()
        .filter(|rule| rule.versions.holds_for(process.version) && rule.reads != Reads::Yes)
    {
        let Some(variable) = process.service.environment.get(rule.name) else { continue };
        if variable.value.is_none_or(|value| value.is_blank()) {
            continue;
        }
        let code = match rule.meaning {
            Meaning::Url => Code::UrlVariableNotRead,
            Meaning::Token | Meaning::Password if rule.name.ends_with("_FILE") => Code::TokenFileNotRead,
            Meaning::Token | Meaning::Password => Code::TokenVariableNotRead,
            Meaning::Port => Code::PortVariableNotRead,
        };
        let name = process.service.name;
        let summary = match rule.reads {
            Reads::Unknown => format!("{} of {name}: whether this release reads it is not known", rule.name),
            _ => format!("{} of {name} is read by nothing in this release", rule.name),
        };
        let mut finding = verdicts
            .finding(code, summary, variable.key_span.or(Some(variable.span)))
            .about(process.subject());
        if rule.reads == Reads::Unknown {
            finding.confidence = Confidence::Inferred;
        }
        finding.versions = Some(rule.versions.to_string());
        finding.evidence.push(rule.citation.to_owned());
        let reached = by_name.get(name).is_some_and(|client| client.surely_arrives());
        finding.remedy = remedies::unread_variable(process, rule, reached, verdicts);
        out.push(finding);
    }
}

/// The vendor's break-glass variable in use: named as the downgrade it is.
fn break_glass(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let rule = rules::plaintext(process.version);
    let Some(name) = rule.break_glass.filter(|_| process.is_openclaw()) else { return };
    let Some(value) =
        process.env(name).filter(|value| matches!(value.text.expose().trim(), "1" | "true" | "yes" | "on"))
    else {
        return;
    };
    let others = verdicts.model.unrelated_neighbours(process);
    let service = process.service.name;
    let summary = if others.is_empty() {
        format!("{service} sends the token without TLS over the stack's own network ({name})")
    } else {
        format!(
            "{service} sends the token without TLS over a network it shares with {} ({name})",
            others.join(", ")
        )
    };
    let mut finding =
        verdicts.finding(Code::PlaintextBreakGlass, summary, Some(value.span)).about(process.subject());
    if !others.is_empty() {
        finding.severity = crate::finding::Severity::Warning;
    }
    finding.remedy = Some(remedies::words(
        "share the gateway's namespace where nothing forbids it; else keep this network to the gateway and this client",
    ));
    out.push(finding);
}

/// `gateway.remote.url` beside `gateway.mode: local`.
fn ignored_remote_url(process: &Process<'_>, verdicts: &Verdicts<'_>, told: &mut bool, out: &mut Findings) {
    if process.role != Role::Cli || *told {
        return;
    }
    let Some(config) = process.config() else { return };
    let Some((_, span)) = config.expose(&["gateway", "remote", "url"]) else { return };
    if config.mode().is_some_and(|(mode, _)| mode == "remote") {
        return;
    }
    *told = true;
    let summary = format!("{} ignores gateway.remote.url: gateway.mode is not remote", process.service.name);
    let mut finding = verdicts.finding(Code::RemoteUrlIgnored, summary, Some(span)).about(process.subject());
    if let Some((_, mode)) = config.mode() {
        finding.places.extend(verdicts.model.place(PlaceRole::Related, mode));
    }
    finding.remedy = Some(remedies::words(
        "a CLI beside the gateway needs no URL; one elsewhere needs its own openclaw.json with gateway.mode remote",
    ));
    out.push(finding);
}

/// Who loses the network when the gateway's container restarts.
fn stranded(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let Some(owner) = verdicts.model.namespace_owner(gateway.process) else { continue };
        let stranded = verdicts.model.namespaces.stranded_by(owner.name);
        if stranded.is_empty() {
            continue;
        }
        let list = stranded.join(", ");
        let summary = format!("restarting {} leaves {list} without a network", owner.name);
        let span = stranded
            .first()
            .and_then(|first| verdicts.model.services.named(first))
            .and_then(|service| service.network_mode.as_ref())
            .map(|mode| mode.span);
        let mut finding = verdicts
            .finding(Code::StrandedByRestart, summary, span)
            .about(Subject::Service(owner.name.to_owned()));
        let names: Vec<&str> = std::iter::once(owner.name).chain(stranded.iter().copied()).collect();
        finding.remedy = Some(remedies::command(
            format!("recreate them together: {} and {list}", owner.name),
            format!("docker compose up -d --force-recreate {}", names.join(" ")),
        ));
        out.push(finding);
    }
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

fn bypasses(verdicts: &Verdicts<'_>, out: &mut Findings) {
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
                finding.remedy = remedies::switch_off(span, verdicts);
                out.push(finding);
            }
        }
        for (origin, span) in config.list(&["gateway", "controlUi", "allowedOrigins"]) {
            if origin == "*" {
                let summary = "gateway.controlUi.allowedOrigins admits every site with `*`".to_owned();
                let mut finding = verdicts
                    .finding(Code::BypassLeftBehind, summary, Some(span))
                    .about(gateway.process.subject());
                finding.remedy = Some(remedies::words("list the origins that people open"));
                out.push(finding);
            }
        }
    }
}
