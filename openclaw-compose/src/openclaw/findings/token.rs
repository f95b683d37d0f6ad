//! What to say, and what to do, about sources of the token that disagree, are missing, or are not what they look like.

use std::collections::{BTreeMap, BTreeSet};

use crate::edit::{Edit, layout};
use crate::finding::{Code, Confidence, PlaceRole, Remedy, Subject};
use crate::openclaw::model::config::StateVariable;
use crate::openclaw::model::gateways::GatewayId;
use crate::openclaw::model::processes::{EnvLayer, Role};
use crate::openclaw::rules::{self, TokenSource};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::{AuthVerdict, Client, ClientKind};
use crate::openclaw::verdict::listener::{Auth, Gateway, Scope};
use crate::openclaw::verdict::reach::Reach;
use crate::openclaw::verdict::token::{Candidate, Content, Decision};
use crate::source::Span;

use super::missing_token;
use super::remedies::{edits, recreate, replace_scalar, replace_whole, words};
use super::{Cause, Findings, jobs};

/// The code and deciding place of a red auth gate.
pub(crate) fn auth_cause(client: &Client<'_>, gateway: &Gateway<'_>) -> (Code, Option<Span>) {
    let server = gateway.decision.winner().map(|winner| winner.source);
    let ours = client.decision.and_then(Decision::winner).map(|winner| winner.source);
    match client.auth {
        AuthVerdict::Invented => match gateway.decision.unfilled() {
            Some((candidate, _)) => (Code::ConfigPlaceholderUnfilled, Some(candidate.span)),
            None => (Code::NoTokenConfigured, Some(gateway.process.service.key_span)),
        },
        AuthVerdict::Missing if client.reach == Reach::NoCredentials => {
            (Code::UrlWithoutCredentials, client.choice.as_ref().and_then(|choice| choice.span))
        }
        AuthVerdict::Missing => {
            (Code::ClientWithoutToken, client.process.map(|process| process.service.key_span))
        }
        AuthVerdict::OfAnother(_) => {
            let url = client.choice.as_ref().and_then(|choice| choice.span);
            (Code::WrongGateway, url.or_else(|| client.process.map(|process| process.service.key_span)))
        }
        _ => (Code::SilentOverride, server.or(ours)),
    }
}

/// Why client and gateway differ, in a sentence.
pub(crate) fn different_because(client: &Client<'_>, gateway: &Gateway<'_>) -> String {
    let server = gateway.decision.winner().map_or("nothing", |winner| winner.label.as_str());
    let name = gateway.name();
    match client.decision.and_then(|decision| Some((decision, decision.winner()?))) {
        Some((decision, winner)) => {
            let why = match decision.rule.order.len() {
                1 | 2 => ", the only place that counts for a URL of its own",
                _ => "",
            };
            format!(
                "{name} enforces {server}, {} sends another value, that of {}{why}",
                client.name, winner.label
            )
        }
        None => format!(
            "{name} enforces {server}; the value in its environment, which people are given, is another"
        ),
    }
}

/// Everything about tokens.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut clients_of: BTreeMap<GatewayId, Vec<&Client<'_>>> = BTreeMap::new();
    for client in verdicts.clients {
        clients_of.entry(client.gateway.id).or_default().push(client);
    }
    for gateway in verdicts.gateways {
        let of_gateway = clients_of.remove(&gateway.id).unwrap_or_default();
        disagreement(gateway, &of_gateway, verdicts, out);
        wrong_gateway(gateway, &of_gateway, verdicts, out);
        missing_token::missing(gateway, &of_gateway, verdicts, out);
        state_dotenv(gateway, verdicts, out);
        auth_off(gateway, verdicts, out);
    }
    shadowed(verdicts, out);
}

/// A place that holds another token and loses before any container sees it: a shell over `.env`, `environment` over an env
/// file, an override file over its base.
fn shadowed(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let services = verdicts.model.processes.iter().filter(|process| process.is_openclaw());
    let services = services.map(|process| Some(process.service.name));
    let mut told: BTreeSet<Span> = BTreeSet::new();
    for service in std::iter::once(None).chain(services) {
        let mut lost = verdicts.model.shadowed(service, rules::TOKEN);
        lost.retain(|place| !told.contains(&place.span));
        let Some(first) = lost.first() else { continue };
        told.extend(lost.iter().map(|place| place.span));
        let whose = service.map_or_else(|| "the project".to_owned(), str::to_owned);
        let summary = format!("{first} holds another value for {} of {whose} and is overruled", rules::TOKEN);
        let mut finding = verdicts
            .finding(Code::SourcesDisagree, summary, None)
            .about(service.map_or(Subject::Stack, |name| Subject::Service(name.to_owned())));
        finding.places = lost;
        finding.remedy = Some(words("write the value in use there, or remove the line"));
        out.push(finding);
    }
}

/// Two sources with two values: an error where some client is refused for it, else a warning.
fn disagreement(gateway: &Gateway<'_>, clients: &[&Client<'_>], verdicts: &Verdicts<'_>, out: &mut Findings) {
    let process = gateway.process;
    let Some((value, winner)) = gateway.decision.value().zip(gateway.decision.winner()) else { return };
    let differs =
        |candidate: &&Candidate| matches!(&candidate.content, Content::Value(other) if other != value);
    let mut losers: Vec<&Candidate> = gateway.decision.candidates.iter().filter(differs).collect();
    let refused: Vec<&&Client<'_>> =
        clients.iter().filter(|client| client.auth == AuthVerdict::Different).collect();
    let is_asked_here = |client: &&&Client<'_>| !matches!(client.auth, AuthVerdict::OfAnother(_));
    for client in clients.iter().filter(|client| client.kind == ClientKind::Service).filter(is_asked_here) {
        let own = client.decision.iter().flat_map(|decision| &decision.candidates).filter(differs);
        losers.extend(
            own.filter(|own| !gateway.decision.candidates.iter().any(|ours| ours.source == own.source)),
        );
    }
    if losers.is_empty() && refused.is_empty() {
        return;
    }
    let name = process.service.name;
    let observed = refused.iter().any(|client| client.kind == ClientKind::Service);
    let (code, summary) = match refused.first() {
        Some(client) => (Code::SilentOverride, different_because(client, gateway)),
        None => (
            Code::SourcesDisagree,
            format!(
                "{name} enforces {}; {} holds another value that nobody uses yet",
                winner.label,
                labels(&losers)
            ),
        ),
    };
    let mut finding = verdicts.finding(code, summary, Some(winner.source)).about(process.subject());
    if winner.source != winner.span {
        finding.places.extend(verdicts.model.place(PlaceRole::Related, winner.span));
    }
    if code == Code::SilentOverride && !observed {
        finding.confidence = Confidence::Inferred;
    }
    let mut seen = BTreeSet::from([verdicts.model.origin(winner.source)]);
    for loser in &losers {
        let span = verdicts.model.origin(loser.source);
        if seen.insert(span) {
            finding.places.extend(verdicts.model.place(PlaceRole::Shadowed, span));
        }
    }
    finding.evidence.push(format!(
        "server: {} ({})",
        order(&gateway.decision),
        gateway.decision.rule.citation
    ));
    for client in &refused {
        if let Some(decision) = client.decision {
            finding.evidence.push(format!(
                "{}: {} ({})",
                client.name,
                order(decision),
                decision.rule.citation
            ));
        }
    }
    let rule = refused
        .iter()
        .find_map(|client| client.decision)
        .map_or(gateway.decision.rule, |decision| decision.rule);
    finding.versions = Some(rule.versions.to_string());
    let apps: Vec<&Client<'_>> =
        refused.iter().filter(|client| is_app(client)).map(|client| **client).collect();
    for app in &apps {
        let sent = app.decision.and_then(Decision::winner).map(|winner| winner.span);
        finding.places.extend(sent.and_then(|span| verdicts.model.place(PlaceRole::Related, span)));
    }
    finding.remedy = if !apps.is_empty() && apps.len() == refused.len() {
        hand_to(&apps, gateway, verdicts)
    } else {
        align(value.expose(), &losers, gateway, verdicts)
    };
    out.push_for(refused.iter().map(|client| Cause::Auth(client.id)), finding);
}

/// Whether a client is a program that is not OpenClaw: its variables may serve others of its own.
fn is_app(client: &Client<'_>) -> bool {
    client.process.is_some_and(|process| process.role == Role::App)
}

/// Gives programs that are not OpenClaw the gateway's secret under the name that they know.
fn hand_to(apps: &[&Client<'_>], gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let template = gateway.token_template(verdicts.model);
    let (mut out, mut told) = (Vec::new(), Vec::new());
    for app in apps {
        let sent = app.decision.and_then(Decision::winner)?;
        told.push(format!("{} in {}", sent.label, app.name));
        out.extend(template.as_deref().and_then(|template| replace_whole(verdicts, sent.span, template)));
    }
    let text =
        format!("give {} the {} that {} enforces", told.join(" and "), gateway.secret.key(), gateway.name());
    let names: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    let is_whole = out.len() == apps.len();
    Some(if is_whole { edits(text, out, Some(recreate(&names, verdicts))) } else { words(text) })
}

/// A client that dials this gateway and has the secret of another.
fn wrong_gateway(
    gateway: &Gateway<'_>,
    clients: &[&Client<'_>],
    verdicts: &Verdicts<'_>,
    out: &mut Findings,
) {
    for client in clients {
        let AuthVerdict::OfAnother(owner) = client.auth else { continue };
        let Some(owner) = owner.of(verdicts.gateways) else { continue };
        let (_, span) = auth_cause(client, gateway);
        let (dialled, meant, name) = (gateway.name(), owner.name(), client.name.as_str());
        let secret = gateway.secret.key();
        let summary =
            format!("{name} dials {dialled} and sends the {secret} of {meant}: {dialled} refuses it");
        let mut finding = verdicts.finding(Code::WrongGateway, summary, None).about(client.subject());
        finding.places.extend(span.and_then(|span| verdicts.model.place(PlaceRole::Decided, span)));
        let sent = client.decision.and_then(Decision::winner).map(|winner| winner.span);
        finding.places.extend(sent.and_then(|span| verdicts.model.place(PlaceRole::Related, span)));
        finding.remedy = Some(dial(client, owner, verdicts));
        out.push_for([Cause::Auth(client.id)], finding);
    }
}

/// Leads a client to the gateway whose secret it has.
fn dial(client: &Client<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Remedy {
    let (name, meant) = (client.name.as_str(), gateway.name());
    let choice = client.choice.as_ref().and_then(|choice| Some((choice.url.as_ref()?, choice.span?)));
    let Some((_, span)) = choice else {
        return words(format!(
            "let {name} live in the network namespace of {meant}, or name {meant} in its URL"
        ));
    };
    let scheme = if verdicts.model.sources.expose(span).contains("wss://") { "wss" } else { "ws" };
    let url = format!("{scheme}://{meant}:{}", gateway.listens_on());
    let text = format!("have {name} dial {meant}, whose {} it has: {url}", gateway.secret.key());
    match replace_scalar(verdicts, span, &url) {
        Some(edit) => edits(text, vec![edit.judgement()], Some(recreate(&[name], verdicts))),
        None => words(text),
    }
}

fn labels(candidates: &[&Candidate]) -> String {
    let mut labels: Vec<&str> = candidates.iter().map(|candidate| candidate.label.as_str()).collect();
    labels.dedup();
    labels.join(", ")
}

fn order(decision: &Decision) -> String {
    let name = |source: &TokenSource| match source {
        TokenSource::Flag => "--token",
        TokenSource::AuthToken => "gateway.auth.token",
        TokenSource::Env => rules::TOKEN,
        TokenSource::RemoteToken => "gateway.remote.token",
    };
    decision.rule.order.iter().map(name).collect::<Vec<_>>().join(" > ")
}

/// `$STATE/.env`: a second source that nobody sees from outside.
fn state_dotenv(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let process = gateway.process;
    let Some(hidden) = process.state_env.get(rules::TOKEN) else {
        return;
    };
    let value = hidden.value.expose().trim();
    let differs = gateway.decision.value().is_some_and(|winner| winner.expose() != value);
    let in_use = gateway.decision.winner().is_some_and(|winner| winner.layer == Some(EnvLayer::StateDotenv));
    if !differs && !in_use {
        return;
    }
    let summary = if in_use {
        format!(
            "the token of {} comes from the .env of its state directory, which Compose does not know",
            process.service.name
        )
    } else {
        "the .env of the state directory holds another token: it wins as soon as the container's environment has none".to_owned()
    };
    let mut finding =
        verdicts.finding(Code::StateDotenvShadow, summary, Some(hidden.span)).about(process.subject());
    if let Some(winner) = gateway.decision.winner().filter(|_| differs) {
        finding.places.extend(verdicts.model.place(PlaceRole::Related, verdicts.model.origin(winner.span)));
    }
    finding.remedy = align_state_dotenv(gateway, hidden, verdicts);
    out.push(finding);
}

fn auth_off(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    if gateway.auth != Auth::None || gateway.bind.scope != Scope::Loopback {
        return;
    }
    let span = gateway.process.config().and_then(|config| config.auth_mode()).map(|(_, span)| span);
    let finding = verdicts
        .finding(Code::AuthOff, "gateway.auth.mode is none: every process of its namespace is admin", span)
        .about(gateway.process.subject());
    out.push(finding);
}

/// Every loser gets the value the server enforces: no connected client notices.
fn align(
    value: &str,
    losers: &[&Candidate],
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let name = gateway.name();
    let server = gateway.decision.winner()?;
    // What stands in the definition of a job is taken out there: it was baked in on the day of its installation.
    let baked = losers.iter().find(|loser| loser.layer == Some(EnvLayer::Container));
    if let Some(baked) = baked.filter(|_| gateway.process.service.job.is_some()) {
        return jobs::without(gateway.process, &baked.label, verdicts.model.sources.name(baked.span.file));
    }
    let mut out: Vec<Edit> = Vec::new();
    let mut written = BTreeSet::new();
    let mut elsewhere = Vec::new();
    let handed_out = gateway.handed_out(verdicts.model).filter(|other| other.expose().trim() != value);
    let extra = handed_out.and_then(|_| gateway.handed_out_span(verdicts.model));
    for span in losers.iter().map(|loser| loser.source).chain(extra) {
        let origin = verdicts.model.origin(span);
        match layout::write_secret(verdicts.model.sources, origin, value) {
            // One value at one place is one edit.
            Some(edit) if written.insert(edit.span) => out.push(edit),
            Some(_) => {}
            None => elsewhere.push(verdicts.model.sources.location(origin).to_string()),
        }
    }
    let text = format!(
        "write the value that {name} enforces ({}) to the other places{}; the gateway's own value stays",
        server.label,
        if value.contains('$') {
            ", its `$` quoted or doubled, as Compose reads a variable there"
        } else {
            ""
        }
    );
    if !elsewhere.is_empty() {
        elsewhere.dedup();
        return Some(words(format!("{text}. Not a file: {}", elsewhere.join(", "))));
    }
    if out.is_empty() {
        return None;
    }
    // A service whose value changes is made anew with its definition; a job of the host is loaded again.
    let again = gateway.process.service.job.map(|_| recreate(&[name], verdicts));
    Some(edits(text, out, again))
}

/// The hidden `.env` gets the winner's value, too.
fn align_state_dotenv(
    gateway: &Gateway<'_>,
    hidden: &StateVariable,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let value = gateway.decision.value()?;
    if value.is_same(&hidden.value) {
        return Some(words("move it to the project's .env, and hand it in through `environment`"));
    }
    let edit = layout::write_secret(verdicts.model.sources, hidden.span, value.expose())?;
    Some(edits("write the value in use there, too, or remove the line", vec![edit], None))
}
