//! What to say, and what to do, about a client that does not reach the gateway.

use crate::edit::{Edit, layout};
use crate::finding::{Code, Confidence, Finding, PlaceRole, Remedy};
use crate::openclaw::model::names;
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::model::urls;
use crate::openclaw::rules::{self, Target, UrlSource};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::listener::{Gateway, Scope};
use crate::openclaw::verdict::reach::Reach;
use crate::openclaw::verdict::token::{Candidate, Content};
use crate::source::Span;

use super::remedies::{arrange, edits, names_of, recreate, replace_scalar, replace_whole, words};
use super::{Cause, Findings};
use super::{listener, namespaces};

/// Why it is not known whether a client arrives.
pub(crate) fn unknown_because(client: &Client<'_>) -> String {
    match &client.reach {
        Reach::OtherService(other) => {
            format!("the URL leads to {}, which may or may not pass it on to the gateway", other)
        }
        Reach::Unsure if client.gateway.may_have_server() => {
            "what the gateway's container starts is not in these files".to_owned()
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
        Reach::Ipv6 => (
            Code::Ipv6NotListened,
            format!(
                "{name} dials {shown}, an IPv6 address of {gateway_name}, which listens on 0.0.0.0, IPv4 alone ({})",
                gateway.bind.by
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
        Reach::Stranded(service) => namespaces::describe(service, verdicts)?,
        Reach::BadUrl => (Code::BadGatewayUrl, format!("{by} of {name} is no ws:// or wss:// URL"), span),
        Reach::Gateway | Reach::OtherService(_) | Reach::Elsewhere | Reach::Unsure => return None,
    })
}

/// A client in a service that does not arrive, or goes another way.
pub(crate) fn findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    // Who was left behind is said once, whoever looks for it.
    let told = describe(client, verdicts).filter(|_| !matches!(client.reach, Reach::Stranded(_)));
    if let Some((code, summary, span)) = told {
        let bind = (code == Code::LoopbackBind).then_some(Cause::Bind(client.gateway.id));
        let causes = std::iter::once(Cause::Reach(client.id)).chain(bind);
        out.push_for(causes, unreached(client, code, summary, span, verdicts));
    }
    through_another_service(client, verdicts, out);
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
        finding.evidence.push(match choice.source {
            UrlSource::Loopback => match choice.target {
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
    finding.remedy = remedy(client, verdicts);
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
    finding.remedy =
        Some(words("inside the stack, dial the gateway's own port; leave the proxy to clients outside"));
    out.push(finding);
}

/// A client that does not reach the gateway.
fn remedy(client: &Client<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let process = client.process?;
    let gateway = client.gateway;
    if process.role == Role::App {
        return reach_for_app(client, process, gateway, verdicts);
    }
    let inside = verdicts.model.namespaces.share(process.service.name, gateway.name());
    match client.reach {
        Reach::LoopbackBind => listener::listen_on_all(gateway, verdicts),
        Reach::Ipv6 => {
            Some(words(format!("dial {} by its service name or by its IPv4 address", gateway.name())))
        }
        Reach::WrongPort { listens, .. } => wrong_port(client, process, listens, verdicts),
        Reach::Scheme { .. } => {
            Some(words("write ws:// for a gateway without TLS and wss:// for one with it"))
        }
        _ if inside => drop_url(client, process, gateway, verdicts),
        Reach::DisabledProfile => Some(words("activate the profile of that service, or dial one that runs")),
        _ => share_namespace(client, process, gateway, verdicts),
    }
}

/// `network_mode: "service:GATEWAY"`, and nothing of the URL that led elsewhere.
fn share_namespace(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let service = process.service;
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let name = service.name;
    let borrowers = verdicts.model.namespaces.stranded_by(name);
    if !borrowers.is_empty() {
        return fall_back(client, process, gateway, &borrowers, verdicts);
    }
    let text =
        format!("let {name} share the network namespace of {}: 127.0.0.1 is the gateway there", owner.name);
    let line = format!("network_mode: \"service:{}\"", owner.name);
    // What the command line says cannot be edited by a line.
    let by_flag = client.choice.as_ref().is_some_and(|choice| choice.source == UrlSource::Flag);
    let by_config = client.choice.as_ref().is_some_and(|choice| choice.source == UrlSource::RemoteUrl);
    let mut out = Vec::new();
    match &service.network_mode {
        Some(mode) => out.push(replace_scalar(verdicts, mode.span, &format!("service:{}", owner.name))?),
        None => out.push(layout::insert_child(verdicts.model.sources, service.key_span, &line)?),
    }
    // Fields that Compose refuses beside a borrowed namespace.
    for field in [
        "networks",
        "ports",
        "expose",
        "links",
        "extra_hosts",
        "hostname",
        "dns",
        "dns_search",
        "mac_address",
    ] {
        let Some(entry) = service.node.and_then(|node| node.as_map()?.entry(field)) else { continue };
        // The default network is written nowhere.
        if verdicts.model.sources.expose(entry.key_span).trim_matches(['"', '\'']) != field {
            continue;
        }
        if matches!(field, "ports") && !service.ports.is_empty() {
            return Some(words(format!("{text}; move its ports to {} first", owner.name)));
        }
        if !layout::is_inside(verdicts.model.sources, service.key_span, entry.key_span) {
            return Some(words(format!("{text}; its `{field}` comes from elsewhere and has to go")));
        }
        out.push(layout::remove_entry(verdicts.model.sources, entry.key_span)?);
    }
    if by_flag || by_config || dials_by_config(process) {
        return Some(words(format!("{text}, and drop the URL that points elsewhere")));
    }
    out.extend(find_on_loopback(process, gateway, verdicts));
    Some(edits(text, out, Some(recreate(&[name], verdicts))))
}

/// Whether `openclaw.json` names a URL that counts as soon as no variable does.
fn dials_by_config(process: &Process<'_>) -> bool {
    process.config().is_some_and(|config| {
        config.mode().is_some_and(|(mode, _)| mode == "remote")
            && config.expose(&["gateway", "remote", "url"]).is_some()
    })
}

/// Takes out of a service what keeps its client from finding the gateway on loopback: every URL, and a port of another.
fn find_on_loopback(process: &Process<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Vec<Edit> {
    let listens = gateway.listens_on();
    let mut names = names_of(rules::Meaning::Url);
    let told = process.meant(rules::Meaning::Port).map(|(_, value)| value.text.trimmed().parse());
    let otherwise =
        process.config().and_then(|config| config.port()).map_or(rules::DEFAULT_PORT, |(port, _)| port);
    if told.unwrap_or(Some(otherwise)) == Some(listens) {
        return arrange(process.service, &names, &[], verdicts);
    }
    if otherwise == listens {
        names.extend(names_of(rules::Meaning::Port));
        return arrange(process.service, &names, &[], verdicts);
    }
    let port = format!("\"{listens}\"");
    arrange(process.service, &names, &[(rules::PORT, &port)], verdicts)
}

/// Another service lives in the client's namespace, so that cannot move: the service URL, with the vendor's switch.
fn fall_back(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    borrowers: &[&str],
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let service = process.service;
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let rule = rules::plaintext(process.version);
    let text = format!(
        "{} share(s) the namespace of {}, so it cannot move into that of {}; either move all of them, or dial the service name",
        borrowers.join(", "),
        service.name,
        owner.name
    );
    if verdicts.model.unrelated_neighbours(process).iter().any(|neighbour| *neighbour != service.name) {
        return Some(words(format!(
            "{text} on a network that holds nobody else: the token would travel without TLS"
        )));
    }
    let reads_url = rules::names(rules::Meaning::Url, process.version, process.side())
        .any(|rule| rule.name == rules::URL);
    let leads_there = service.network_mode.is_none()
        && names::shares_network(service, owner)
        && gateway.bind.scope == Scope::All
        && process.invocation.flag("url").is_none();
    let Some(switch) = rule.break_glass.filter(|_| reads_url && leads_there) else {
        return Some(words(text));
    };
    let url = format!("\"ws://{}:{}\"", owner.name, gateway.listens_on());
    let mut set = vec![(rules::URL, url.as_str()), (switch, "\"1\"")];
    let mut others = names_of(rules::Meaning::Url);
    others.retain(|name| *name != rules::URL);
    let template;
    let has_token = |candidate: &Candidate| {
        candidate.kind == rules::TokenSource::Env && !matches!(candidate.content, Content::Empty)
    };
    if !client.decision.iter().flat_map(|decision| &decision.candidates).any(has_token) {
        let Some(reference) = gateway.token_template(verdicts.model) else { return Some(words(text)) };
        template = reference;
        set.push((rules::TOKEN, &template));
    }
    let out = arrange(service, &others, &set, verdicts).into_iter().map(Edit::judgement).collect();
    let text = format!(
        "{text}. {switch}=1 is a downgrade: the token travels without TLS between the two containers"
    );
    Some(edits(text, out, Some(recreate(&[service.name], verdicts))))
}

/// A foreign program: its URL is mended where only host or port are wrong.
fn reach_for_app(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let listens = gateway.listens_on();
    let text = format!("dial {}:{listens}", owner.name);
    if client.reach == Reach::LoopbackBind {
        return listener::listen_on_all(gateway, verdicts);
    }
    let url = client.choice.as_ref()?.url.as_ref()?;
    let variable = verdicts.model.origin(client.choice.as_ref()?.span?);
    let written = verdicts.model.sources.expose(variable);
    let shares = names::shares_network(process.service, owner);
    let from = written.find(&url.host)?;
    if !shares || gateway.bind.scope != Scope::All {
        return Some(words(format!("{text}, on a network both are on")));
    }
    let host = variable.part(from..from + url.host.len());
    let mut out = vec![Edit::text(verdicts.model.sources, host, owner.name)];
    if url.port != listens {
        let port = url.port.to_string();
        let at = from + url.host.len() + written.get(from + url.host.len()..)?.find(&port)?;
        out.push(Edit::text(verdicts.model.sources, variable.part(at..at + port.len()), listens.to_string()));
    }
    if url.host == owner.name {
        out.remove(0);
    }
    Some(edits(text, out, Some(recreate(&[process.service.name], verdicts))))
}

/// Inside the gateway's namespace no URL is needed.
fn drop_url(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let choice = client.choice.as_ref()?;
    let by = &choice.by;
    let out = find_on_loopback(process, gateway, verdicts);
    if out.is_empty() || choice.source != UrlSource::Env || dials_by_config(process) {
        return Some(words(format!("drop {by}")));
    }
    let text = format!(
        "drop {by}: in the gateway's namespace the CLI finds it on loopback, with the token of openclaw.json"
    );
    Some(edits(text, out, Some(recreate(&[process.service.name], verdicts))))
}

fn wrong_port(
    client: &Client<'_>,
    process: &Process<'_>,
    listens: u16,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let choice = client.choice.as_ref()?;
    let text = format!("use the gateway's own port {listens}");
    let Some(span) = choice.span else {
        let service = process.service;
        let Some(port) = service.environment.get(rules::PORT) else { return Some(words(text)) };
        // The variable may serve the published port as well: only this service's own line is changed.
        let own =
            port.key_span.filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key));
        let edit = match own {
            Some(_) => replace_whole(verdicts, port.span, &listens.to_string()),
            None => layout::set_variables(
                verdicts.model.sources,
                service.key_span,
                verdicts.model.environment_key(service),
                &[(rules::PORT, &format!("\"{listens}\""))],
            ),
        };
        return Some(match edit {
            Some(edit) => edits(text, vec![edit], Some(recreate(&[service.name], verdicts))),
            None => words(text),
        });
    };
    let span = verdicts.model.origin(span);
    let wrong = format!(":{}", choice.url.as_ref()?.port);
    let written = verdicts.model.sources.expose(span);
    let Some(at) = written.rfind(&wrong) else { return Some(words(text)) };
    let edit = Edit::text(verdicts.model.sources, span.part(at + 1..at + wrong.len()), listens.to_string());
    Some(edits(text, vec![edit], Some(recreate(&[process.service.name], verdicts))))
}
