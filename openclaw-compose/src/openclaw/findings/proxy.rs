//! Proxies before the gateway that lead past it, or that it does not trust.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::edit::{Edit, layout};
use crate::finding::{Code, Confidence, Finding, PlaceRole, Remedy, Severity};
use crate::openclaw::model::proxies::Passed;
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::listener::Gateway;
use crate::openclaw::verdict::proxy::{self, Passage, Proxy};
use crate::openclaw::verdict::reach::Reach;
use crate::openclaw::verdict::trust::{Distrust, Trust, TrustedProxy, Untrusted};
use crate::source::Span;

use super::listener;
use super::remedies::{edits, words};
use super::{Cause, Findings};

/// The sentence and the deciding place for a proxy that leads to another port.
pub(crate) fn wrong_target(client: &Client<'_>) -> Option<(String, Span)> {
    let proxy = client.proxy.as_ref()?;
    let gateway = client.gateway;
    let (target, span) = proxy.target?;
    let listens =
        gateway.port.number.filter(|listens| *listens != target && !gateway.may_be_behind(target))?;
    let name = gateway.name();
    Some((format!("{} leads to port {target}, and {name} listens on {listens}", proxy.who), span))
}

/// The code, the sentence and the deciding place for a proxy that does not lead to the gateway.
pub(crate) fn describe(client: &Client<'_>, verdicts: &Verdicts<'_>) -> Option<(Code, String, Option<Span>)> {
    let proxy = client.proxy.as_ref()?;
    let gateway = client.gateway;
    let name = gateway.name();
    Some(match &client.reach {
        Reach::NoSharedNetwork { with } => match proxy.misses(gateway, verdicts.model) {
            Some((network, span)) => {
                let summary =
                    format!("{} looks for {name} on the network {network}, on which it is not", proxy.who);
                (Code::NoSharedNetwork, summary, Some(span))
            }
            None => {
                let summary = format!(
                    "{} and {with} are on no common network: the name {with} means nothing there",
                    proxy.who
                );
                (Code::NoSharedNetwork, summary, Some(proxy.span))
            }
        },
        Reach::UnknownName { .. } => {
            let summary = format!("{} looks for {name} under a name that nothing near it bears", proxy.who);
            (Code::NameNotResolvable, summary, Some(proxy.span))
        }
        Reach::HostLoopbackOnly => {
            let summary = format!(
                "{} looks for {name} on the Docker host, where its port is open on the host's own loopback only",
                proxy.who
            );
            (Code::HostPortClosed, summary, Some(proxy.span))
        }
        Reach::LoopbackBind => {
            let summary = format!(
                "{name} listens on the loopback of its container ({}): {} finds nobody there",
                gateway.bind.by, proxy.who
            );
            (Code::LoopbackBind, summary, gateway.bind.span.or(Some(proxy.span)))
        }
        Reach::OwnLoopback => {
            let who = &proxy.who;
            let summary = format!(
                "{who} looks for {name} on its own loopback: that is the container of {who}, and {name} listens in another"
            );
            (Code::OwnLoopback, summary, Some(proxy.span))
        }
        _ => return None,
    })
}

/// What there is to say about a client that comes through a proxy.
pub(crate) fn findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(proxy) = &client.proxy else { return };
    let gateway = client.gateway;
    if let Some((summary, span)) = wrong_target(client) {
        let mut finding =
            verdicts.finding(Code::PublishedTargetWrong, summary, Some(span)).about(client.subject());
        finding.remedy = proxy
            .target
            .and_then(|(target, span)| replace_port(span, target, gateway.listens_on(), verdicts));
        out.push_for([Cause::Proxied(gateway.id)], finding);
    }
    let Some((code, summary, span)) = describe(client, verdicts) else { return };
    // One finding a gateway: another client may have said so already.
    if code == Code::LoopbackBind && out.has(Cause::Bind(gateway.id)) {
        return;
    }
    let mut finding = verdicts.finding(code, summary, span).about(client.subject());
    finding
        .places
        .extend(verdicts.model.place(PlaceRole::Related, proxy.span).filter(|_| Some(proxy.span) != span));
    finding.remedy = match code {
        Code::LoopbackBind => listener::listen_on_all(gateway, verdicts),
        Code::OwnLoopback | Code::NameNotResolvable | Code::HostPortClosed => lead(client, proxy, verdicts),
        _ if proxy.misses(gateway, verdicts.model).is_some() => {
            Some(words("attach the gateway to that network, or name one that it is on"))
        }
        _ => Some(words(format!(
            "put {} and {} on one network (`networks` of both in the Compose file), and make both containers anew",
            proxy.who,
            gateway.name()
        ))),
    };
    finding.evidence.extend(proxy.said.clone());
    let cause = match code {
        Code::LoopbackBind => Cause::Bind(gateway.id),
        _ => Cause::Reach(client.id),
    };
    out.push_for([cause], finding);
}

/// Leads a proxy to the gateway by the name that it has on their network.
fn lead(client: &Client<'_>, proxy: &Proxy, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let gateway = client.gateway;
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    Some(words(format!(
        "lead {} to http://{}:{}, the gateway's own name on the network that both are on; then start {0} again",
        proxy.who,
        owner.name,
        gateway.listens_on()
    )))
}

/// The sentence for a proxy that does not ask for a WebSocket.
pub(crate) fn without_upgrade(client: &Client<'_>) -> String {
    let who = client.proxy.as_ref().map_or("the proxy", |proxy| proxy.who.as_str());
    format!(
        "{who} does not pass the upgrade to a WebSocket on: the page loads, and its connection ends as 1006"
    )
}

/// The sentence for a proxy that passes on a path below which the gateway has no pages.
pub(crate) fn off_base(client: &Client<'_>, path: &str) -> String {
    let who = client.proxy.as_ref().map_or("the proxy", |proxy| proxy.who.as_str());
    let config = client.gateway.process.config();
    let base = config.and_then(|config| config.expose(&["gateway", "controlUi", "basePath"]));
    let below = match base {
        Some((base, _)) => format!("{} has its pages below {}", client.gateway.name(), base.trim()),
        None => format!("{} has its pages at the root", client.gateway.name()),
    };
    format!("{who} passes {path} on, and {below}: scripts and styles of the page are answered 404")
}

/// The code and the sentence for a proxy that the gateway does not trust.
pub(crate) fn untrusted(client: &Client<'_>, distrust: &Distrust) -> (Code, String) {
    let who = match (&client.proxy, &client.reach, distrust.address) {
        (Some(proxy), ..) => proxy.who.clone(),
        (None, Reach::OtherService(other), _) => other.clone(),
        (None, _, Some(address)) => format!("a proxy at {address}"),
        _ => "a proxy".to_owned(),
    };
    let (code, because) = match distrust.why {
        Untrusted::Empty => (Code::TrustedProxiesMissing, "gateway.trustedProxies is empty"),
        Untrusted::Unlisted => (Code::TrustedProxiesMissing, "gateway.trustedProxies names others"),
        Untrusted::Unseen => {
            (Code::TrustedProxiesMissing, "its gateway.trustedProxies is not among these files")
        }
        Untrusted::Wildcard => {
            (Code::TrustedProxiesWrong, "`*` in gateway.trustedProxies is not a wildcard: it trusts nobody")
        }
        Untrusted::Ambiguous => (
            Code::TrustedProxiesWrong,
            "gateway.trustedProxies covers its clients as well as the proxy: no address is left that could be a client's",
        ),
    };
    let address = match distrust.address {
        Some(address) if !who.contains(&address.to_string()) => format!(" ({address})"),
        _ => String::new(),
    };
    (
        code,
        format!(
            "{who}{address} forwards requests, and {because}: they are answered 403 proxy_attribution_required"
        ),
    )
}

/// What decides that a proxy is not trusted.
pub(crate) fn trust_span(client: &Client<'_>, distrust: &Distrust) -> Span {
    let process = client.gateway.process;
    let trust = Trust::of(process);
    let entries = trust.as_ref().map_or(&[][..], |trust| &trust.entries);
    let wide = entries.iter().find(|entry| is_range(entry)).or_else(|| entries.first());
    let proxy = || client.proxy.as_ref().map(|proxy| proxy.span);
    let config = || Some(process.config()?.at(&["gateway"])?.span);
    match distrust.why {
        Untrusted::Empty | Untrusted::Unseen => proxy().or_else(config),
        _ => wide.map(|entry| entry.span).or_else(proxy),
    }
    .unwrap_or(process.service.key_span)
}

fn is_range(entry: &TrustedProxy) -> bool {
    entry.range.is_some_and(|range| range.prefix_len() < range.max_prefix_len())
}

/// Whom the gateway trusts to say who a client is.
pub(crate) fn trust(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for client in verdicts.clients {
        match &client.passage {
            Some(Passage::Untrusted(distrust)) => distrusted(client, distrust, verdicts, out),
            Some(Passage::NoUpgrade { span }) => upgrade(client, *span, verdicts, out),
            Some(Passage::OffBase(passed)) => base_path(client, passed, verdicts, out),
            Some(Passage::Open) | None => {}
        }
    }
    let distrusted = |client: &&Client<'_>| matches!(client.passage, Some(Passage::Untrusted(_)));
    let told: BTreeSet<_> =
        verdicts.clients.iter().filter(distrusted).map(|client| client.gateway.id).collect();
    // Whom a proxy does not reach it does not ask for trust either.
    let is_missed = |client: &&Client<'_>| client.proxy.is_some() && client.reach.arrives() == Some(false);
    let missed: BTreeSet<_> =
        verdicts.clients.iter().filter(is_missed).map(|client| client.gateway.id).collect();
    for gateway in verdicts.gateways {
        let process = gateway.process;
        let Some(trust) = Trust::of(process) else { continue };
        let is_told = told.contains(&gateway.id);
        for entry in trust.entries.iter().filter(|_| !is_told) {
            let wide = matches!(entry.text.as_str(), "0.0.0.0/0" | "::/0");
            if entry.text == "*" || wide {
                let summary = match wide {
                    true => {
                        format!(
                            "gateway.trustedProxies trusts {}: any client can claim to be local",
                            entry.text
                        )
                    }
                    false => "gateway.trustedProxies has no wildcard: `*` trusts nobody".to_owned(),
                };
                let mut finding = verdicts
                    .finding(Code::TrustedProxiesWrong, summary, Some(entry.span))
                    .about(process.subject());
                finding.remedy = Some(words(LIST_THE_PROXY));
                out.push(finding);
            }
        }
        let Some(proxy) = proxy::of(gateway, verdicts.model)
            .filter(|_| trust.entries.is_empty() && !is_told && !missed.contains(&gateway.id))
        else {
            continue;
        };
        let summary =
            format!("a proxy stands before the gateway ({}) and gateway.trustedProxies is empty", proxy.who);
        let mut finding =
            verdicts.finding(Code::TrustedProxiesMissing, summary, Some(proxy.span)).about(process.subject());
        finding.confidence = Confidence::Inferred;
        attribution(&mut finding, gateway);
        finding.remedy = Some(trust_address(proxy.address(verdicts.model), gateway, verdicts));
        out.push(finding);
    }
}

const LIST_THE_PROXY: &str =
    "list the address of the proxy, or the subnet of the network it shares with the gateway";

fn attribution(finding: &mut Finding, gateway: &Gateway<'_>) {
    if rules::proxy_attribution_required(gateway.process.version) {
        finding.evidence.push("forwarded requests from an untrusted peer are answered 403 proxy_attribution_required; /healthz stays 200".to_owned());
    }
}

fn distrusted(client: &Client<'_>, distrust: &Distrust, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let gateway = client.gateway;
    let (code, summary) = untrusted(client, distrust);
    let span = trust_span(client, distrust);
    let mut finding = verdicts.finding(code, summary, Some(span)).about(client.subject());
    finding.severity = Severity::Error;
    if !distrust.is_seen {
        finding.confidence = Confidence::Inferred;
    }
    attribution(&mut finding, gateway);
    finding.remedy = Some(match distrust.why {
        Untrusted::Ambiguous => attribute(client, distrust, verdicts),
        _ => trust_address(distrust.address, gateway, verdicts),
    });
    let address = distrust.address.and_then(|address| Some((address, verdicts.model.service_at(address)?)));
    if let Some((address, service)) = address {
        let is_fixed = service.networks.iter().flat_map(|network| &network.addresses);
        if !is_fixed.into_iter().any(|fixed| fixed.parse() == Ok(address)) {
            finding.evidence.push(format!(
                "{address} is what Docker gave {} this time; ipv4_address keeps it",
                service.name
            ));
        }
    }
    out.push_for([Cause::Trust(client.id)], finding);
}

/// Adds the proxy's address to those that are trusted.
fn trust_address(address: Option<IpAddr>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Remedy {
    let Some(address) = address else {
        return words(
            "put the proxy's address, or the subnet of the network they share, into gateway.trustedProxies",
        );
    };
    let text = format!("trust the proxy's own address: put {address} into gateway.trustedProxies");
    let sources = verdicts.model.sources;
    let edit = gateway.process.config().and_then(|config| match config.at(&["gateway", "trustedProxies"]) {
        // A wildcard that trusts nobody gives way.
        Some(node) if node.items().iter().all(|item| item.expose() == Some("*")) => {
            Some(Edit::text(sources, node.span, format!("[\"{address}\"]")))
        }
        Some(node) => {
            let at = node.span.start + 1;
            Some(Edit::text(sources, Span::new(node.span.file, at, at), format!("\"{address}\", ")))
        }
        None => layout::insert_member(
            sources,
            config.at(&["gateway"])?,
            &format!("trustedProxies: [\"{address}\"]"),
        ),
    });
    match edit {
        Some(edit) => edits(text, vec![edit.judgement()], None),
        None => words(text),
    }
}

/// Leaves a client in the chain: ranges beside the proxy's own address go, or the proxy says its client alone.
fn attribute(client: &Client<'_>, distrust: &Distrust, verdicts: &Verdicts<'_>) -> Remedy {
    let sources = verdicts.model.sources;
    let process = client.gateway.process;
    let trust = Trust::of(process);
    let entries = trust.as_ref().map_or(&[][..], |trust| &trust.entries);
    let (wide, narrow): (Vec<&TrustedProxy>, Vec<&TrustedProxy>) =
        entries.iter().partition(|entry| is_range(entry));
    let address = distrust.address.map(|address| address.to_string()).unwrap_or_default();
    if !wide.is_empty() {
        let names: Vec<&str> = wide.iter().map(|entry| entry.text.as_str()).collect();
        let text = format!(
            "keep only the proxy's own address in gateway.trustedProxies: remove {}, in which its clients are, too",
            names.join(", ")
        );
        let mut kept: Vec<String> =
            narrow.iter().map(|entry| sources.expose(entry.span).to_owned()).collect();
        if !narrow.iter().any(|entry| entry.text == address) {
            kept.push(format!("\"{address}\""));
        }
        let list = process.config().and_then(|config| config.at(&["gateway", "trustedProxies"]));
        return match list {
            Some(list) => {
                let edit = Edit::text(sources, list.span, format!("[{}]", kept.join(", ")));
                edits(text, vec![edit.judgement()], None)
            }
            None => words(text),
        };
    }
    let who = client.proxy.as_ref().map_or("the proxy", |proxy| proxy.who.as_str());
    let text = format!(
        "let {who} overwrite X-Forwarded-For with the address of its client, and leave it out for clients of its own host: {address} is trusted already"
    );
    match client.proxy.as_ref().and_then(|proxy| proxy.appends) {
        Some(span) => edits(text, vec![Edit::text(sources, span, "$remote_addr").judgement()], None),
        None => words(text),
    }
}

/// A proxy that does not ask for a WebSocket.
fn upgrade(client: &Client<'_>, span: Span, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut finding = verdicts
        .finding(Code::ProxyWithoutUpgrade, without_upgrade(client), Some(span))
        .about(client.subject());
    let text = "pass the upgrade on: proxy_http_version 1.1 and the headers Upgrade and Connection";
    let sources = verdicts.model.sources;
    let before = sources.expose_file(span.file).get(..span.range().start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    let lines = [
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection \"upgrade\";",
    ];
    let lines: String = lines.iter().map(|line| format!("\n{indent}{line}")).collect();
    let end = Span::new(span.file, span.end, span.end);
    finding.remedy = Some(edits(text, vec![Edit::text(sources, end, lines).judgement()], None));
    out.push_for([Cause::Upgrade(client.id)], finding);
}

/// A proxy that passes on a path of which the gateway is not told.
fn base_path(client: &Client<'_>, passed: &Passed, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let path = &passed.path;
    let mut finding = verdicts
        .finding(Code::ProxyBasePath, off_base(client, path), Some(passed.span))
        .about(client.subject());
    finding.confidence = Confidence::Inferred;
    let text = format!("tell the gateway: gateway.controlUi.basePath \"{path}\" in its openclaw.json");
    let sources = verdicts.model.sources;
    let edit = client.gateway.process.config().and_then(|config| {
        if let Some(base) = config.at(&["gateway", "controlUi", "basePath"]) {
            return Some(Edit::text(sources, base.span, format!("\"{path}\"")));
        }
        let line = format!("basePath: \"{path}\"");
        match config.at(&["gateway", "controlUi"]) {
            Some(node) => layout::insert_member(sources, node, &line),
            None => {
                layout::insert_member(sources, config.at(&["gateway"])?, &format!("controlUi: {{ {line} }}"))
            }
        }
    });
    finding.remedy = Some(match edit {
        Some(edit) => edits(text, vec![edit.judgement()], None),
        None => words(text),
    });
    out.push_for([Cause::Upgrade(client.id)], finding);
}

/// Leads a proxy to the port that is listened on.
fn replace_port(span: Span, wrong: u16, listens: u16, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let text = format!("lead the proxy to {listens}");
    let span = verdicts.model.origin(span);
    let wrong = wrong.to_string();
    let Some(at) = verdicts.model.sources.expose(span).rfind(&wrong) else { return Some(words(text)) };
    let edit = Edit::text(verdicts.model.sources, span.part(at..at + wrong.len()), listens.to_string());
    Some(edits(text, vec![edit], None))
}
