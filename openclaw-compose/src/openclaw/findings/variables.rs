//! Variables and keys that somebody set and nobody reads, or that weaken what they are for.

use std::collections::BTreeMap;

use crate::edit::{Edit, layout};
use crate::finding::{Code, PlaceRole, Remedy};
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::rules::{self, Meaning, NameRule};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::{Client, ClientKind};

use super::Findings;
use super::remedies::{edits, recreate, unset, words};

/// Everything about variables and keys, the first client of each name for whether its URL is needed.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let services = verdicts.clients.iter().filter(|client| client.kind == ClientKind::Service);
    let by_name: BTreeMap<&str, &Client<'_>> =
        services.map(|client| (client.name.as_str(), client)).collect();
    let mut is_url_told = false;
    for process in verdicts.model.processes {
        unread_names(process, &by_name, verdicts, out);
        break_glass(process, verdicts, out);
        ignored_remote_url(process, verdicts, &mut is_url_told, out);
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
        .filter(|rule| !rule.is_read && rule.holds_for(process.version, process.side()))
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
        let summary = match rule.side {
            None => format!("{} of {name} is read by nothing in this release", rule.name),
            Some(_) => {
                format!("{} of {name} is read by the CLI of this release and not by its gateway", rule.name)
            }
        };
        let mut finding = verdicts
            .finding(code, summary, variable.key_span.or(Some(variable.span)))
            .about(process.subject());
        finding.versions = Some(rule.versions.to_string());
        finding.evidence.push(rule.citation.to_owned());
        let reached = by_name.get(name).is_some_and(|client| client.surely_arrives());
        finding.remedy = unread_variable(process, rule, reached, verdicts);
        out.push(finding);
    }
}

/// A variable that nothing reads: a URL goes with the namespace; the rest is renamed where that changes nothing else.
fn unread_variable(
    process: &Process<'_>,
    rule: &NameRule,
    reached: bool,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let service = process.service;
    let key = service.environment.get(rule.name)?.key_span;
    let inside = key.filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key));
    match rule.meaning {
        Meaning::Url if reached => {
            inside?;
            let out = unset(service, &[rule.name], verdicts);
            Some(edits(
                format!("drop {}: nothing reads it, and the gateway is reached without it", rule.name),
                out,
                None,
            ))
        }
        // The remedy of the unreached client takes it out.
        Meaning::Url => Some(words(format!(
            "drop {}, and let the client reach the gateway as its own finding says",
            rule.name
        ))),
        _ if rule.name.ends_with("_FILE") => Some(words(format!(
            "refer to the file with a SecretRef in openclaw.json, or hand the value in as {}",
            rules::TOKEN
        ))),
        meaning => {
            if meaning != Meaning::Port && has_secret(process, verdicts) {
                inside?;
                return Some(edits(
                    format!("drop {}: nothing reads it, and another place counts", rule.name),
                    unset(service, &[rule.name], verdicts),
                    None,
                ));
            }
            let wanted = rules::names(meaning, process.version, process.side()).next()?.name;
            if service.environment.contains_key(wanted) {
                inside?;
                return Some(edits(
                    format!("drop {}: {wanted} is there and counts", rule.name),
                    unset(service, &[rule.name], verdicts),
                    None,
                ));
            }
            let edit = Edit::text(verdicts.model.sources, inside?, wanted).judgement();
            Some(edits(
                format!("rename it to {wanted}"),
                vec![edit],
                Some(recreate(&[service.name], verdicts)),
            ))
        }
    }
}

/// Whether some place gives the process a secret already.
fn has_secret(process: &Process<'_>, verdicts: &Verdicts<'_>) -> bool {
    match verdicts.gateway_in(process) {
        Some(gateway) => gateway.decision.winner().is_some(),
        None => verdicts.sent_by(process).is_some_and(|decision| decision.winner().is_some()),
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
    finding.remedy = Some(words(
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
    finding.remedy = Some(words(
        "a CLI beside the gateway needs no URL; one elsewhere needs its own openclaw.json with gateway.mode remote",
    ));
    out.push(finding);
}
