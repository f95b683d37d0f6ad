//! Proxies before the gateway that lead past it, or that it does not trust.

use crate::edit::Edit;
use crate::finding::{Code, Confidence, PlaceRole, Remedy, Severity};
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::proxy;
use crate::openclaw::verdict::reach::Reach;
use crate::source::Span;

use super::remedies::{edits, words};
use super::{Cause, Findings};
use super::{listener, origin};

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
        Reach::NoSharedNetwork { .. } => {
            let (network, span) = proxy.misses(gateway, verdicts.model)?;
            let summary =
                format!("{} looks for {name} on the network {network}, on which it is not", proxy.who);
            (Code::NoSharedNetwork, summary, Some(span))
        }
        Reach::LoopbackBind => {
            let summary = format!(
                "{name} listens on the loopback of its container ({}): {} finds nobody there",
                gateway.bind.by, proxy.who
            );
            (Code::LoopbackBind, summary, gateway.bind.span.or(Some(proxy.span)))
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
        _ => Some(words("attach the gateway to that network, or name one that it is on")),
    };
    let cause = match code {
        Code::LoopbackBind => Cause::Bind(gateway.id),
        _ => Cause::Reach(client.id),
    };
    out.push_for([cause], finding);
}

/// Whom the gateway trusts to say who a client is.
pub(crate) fn trust(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let process = gateway.process;
        let Some(config) = process.config() else { continue };
        let proxy = proxy::of(gateway, verdicts.model);
        let refused = proxy.as_ref().and_then(|proxy| {
            let (why, _) = proxy.untrusted(process)?;
            Some(origin::untrusted(proxy, why))
        });
        let trusted: Vec<(&str, Span)> = config.list(&["gateway", "trustedProxies"]).collect();
        for (entry, span) in &trusted {
            let wide = matches!(*entry, "0.0.0.0/0" | "::/0");
            if *entry == "*" || wide {
                let summary = match &refused {
                    Some((Code::TrustedProxiesWrong, because)) => because.clone(),
                    _ if wide => {
                        format!("gateway.trustedProxies trusts {entry}: any client can claim to be local")
                    }
                    _ => "gateway.trustedProxies has no wildcard: `*` trusts nobody".to_owned(),
                };
                let mut finding = verdicts
                    .finding(Code::TrustedProxiesWrong, summary, Some(*span))
                    .about(process.subject());
                if refused.is_some() {
                    finding.severity = Severity::Error;
                }
                finding.remedy = Some(words(
                    "list the address of the proxy, or the subnet of the network it shares with the gateway",
                ));
                out.push_for([Cause::Trust(gateway.id)], finding);
            }
        }
        let Some(proxy) = proxy.filter(|_| trusted.is_empty()) else { continue };
        let summary = match &refused {
            Some((_, because)) => because.clone(),
            None => format!(
                "a proxy stands before the gateway ({}) and gateway.trustedProxies is empty",
                proxy.who
            ),
        };
        let mut finding =
            verdicts.finding(Code::TrustedProxiesMissing, summary, Some(proxy.span)).about(process.subject());
        if refused.is_some() {
            finding.severity = Severity::Error;
        } else {
            finding.confidence = Confidence::Inferred;
        }
        if rules::proxy_attribution_required(process.version) {
            finding.evidence.push("forwarded requests from an untrusted peer are answered 403 proxy_attribution_required; /healthz stays 200".to_owned());
        }
        finding.remedy = Some(words(
            "put the proxy's address, or the subnet of the network they share, into gateway.trustedProxies",
        ));
        out.push_for([Cause::Trust(gateway.id)], finding);
    }
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
