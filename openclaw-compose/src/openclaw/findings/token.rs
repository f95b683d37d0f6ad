//! What to say, and what to do, about sources of the token that disagree, are missing, or are not what they look like.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Confidence, PlaceRole, Severity, Subject};
use crate::openclaw::findings::{Cause, Findings};
use crate::openclaw::model::config::SecretForm;
use crate::openclaw::model::gateways::GatewayId;
use crate::openclaw::model::processes::{EnvLayer, Process};
use crate::openclaw::rules::{self, Carrier};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::{AuthVerdict, Client, ClientKind};
use crate::openclaw::verdict::listener::{Auth, Gateway, Scope};
use crate::openclaw::verdict::reach;
use crate::openclaw::verdict::token::{Candidate, Content, Decision, Outcome};
use crate::source::Span;

use super::remedies;

/// The code and deciding place of a red auth gate.
pub(crate) fn auth_cause(client: &Client<'_>, gateway: &Gateway<'_>) -> (Code, Option<Span>) {
    let server = gateway.decision.winner().map(|winner| winner.source);
    let ours = client.decision.and_then(Decision::winner).map(|winner| winner.source);
    match client.auth {
        AuthVerdict::Invented => match gateway.decision.unfilled() {
            Some((candidate, _)) => (Code::ConfigPlaceholderUnfilled, Some(candidate.span)),
            None => (Code::NoTokenConfigured, Some(gateway.process.service.key_span)),
        },
        AuthVerdict::Missing if client.reach == reach::Reach::NoCredentials => {
            (Code::UrlWithoutCredentials, client.choice.as_ref().and_then(|choice| choice.span))
        }
        AuthVerdict::Missing => {
            (Code::ClientWithoutToken, client.process.map(|process| process.service.key_span))
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
        missing(gateway, &of_gateway, verdicts, out);
        state_dotenv(gateway, verdicts, out);
        auth_off(gateway, verdicts, out);
    }
    let mut mangled_at: BTreeSet<Span> = BTreeSet::new();
    for process in verdicts.model.processes.iter().filter(|process| process.is_openclaw()) {
        lexed(process, verdicts, &mut mangled_at, out);
        command_line(process, verdicts, out);
    }
    unused_secrets(verdicts, out);
    shadowed(verdicts, out);
}

/// A place that holds another token and loses before any container sees it: a shell over `.env`, `environment` over an env
/// file, an override file over its base.
fn shadowed(verdicts: &Verdicts<'_>, out: &mut Findings) {
    const NAME: &str = "OPENCLAW_GATEWAY_TOKEN";
    let services = verdicts.model.processes.iter().filter(|process| process.is_openclaw());
    let services = services.map(|process| Some(process.service.name));
    let mut told: BTreeSet<Span> = BTreeSet::new();
    for service in std::iter::once(None).chain(services) {
        let mut lost = verdicts.model.shadowed(service, NAME);
        lost.retain(|place| !told.contains(&place.span));
        let Some(first) = lost.first() else { continue };
        told.extend(lost.iter().map(|place| place.span));
        let whose = service.map_or_else(|| "the project".to_owned(), str::to_owned);
        let summary = format!("{first} holds another value for {NAME} of {whose} and is overruled");
        let mut finding = verdicts
            .finding(Code::SourcesDisagree, summary, None)
            .about(service.map_or(Subject::Stack, |name| Subject::Service(name.to_owned())));
        finding.places = lost;
        finding.remedy = Some(remedies::words("write the value in use there, or remove the line"));
        out.push(finding);
    }
}

/// Two carriers with two values: an error where some client is refused for it, else a warning.
fn disagreement(gateway: &Gateway<'_>, clients: &[&Client<'_>], verdicts: &Verdicts<'_>, out: &mut Findings) {
    let process = gateway.process;
    let Some((value, winner)) = gateway.decision.value().zip(gateway.decision.winner()) else { return };
    let differs =
        |candidate: &&Candidate| matches!(&candidate.content, Content::Value(other) if other != value);
    let mut losers: Vec<&Candidate> = gateway.decision.candidates.iter().filter(differs).collect();
    let refused: Vec<&&Client<'_>> =
        clients.iter().filter(|client| client.auth == AuthVerdict::Different).collect();
    for client in clients.iter().filter(|client| client.kind == ClientKind::Service) {
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
    finding.remedy = remedies::align(value.expose(), &losers, gateway, verdicts);
    out.push_for(refused.iter().map(|client| Cause::Auth(client.id)), finding);
}

fn labels(candidates: &[&Candidate]) -> String {
    let mut labels: Vec<&str> = candidates.iter().map(|candidate| candidate.label.as_str()).collect();
    labels.dedup();
    labels.join(", ")
}

fn order(decision: &Decision) -> String {
    let name = |carrier: &Carrier| match carrier {
        Carrier::Flag => "--token",
        Carrier::AuthToken => "gateway.auth.token",
        Carrier::Env => "OPENCLAW_GATEWAY_TOKEN",
        Carrier::RemoteToken => "gateway.remote.token",
    };
    decision.rule.order.iter().map(name).collect::<Vec<_>>().join(" > ")
}

/// Carriers without a value.
fn missing(gateway: &Gateway<'_>, clients: &[&Client<'_>], verdicts: &Verdicts<'_>, out: &mut Findings) {
    let process = gateway.process;
    let name = process.service.name;
    let invented = clients.iter().filter(|client| client.auth == AuthVerdict::Invented);
    let invented = invented.map(|client| Cause::Auth(client.id));
    if gateway.auth == Auth::Token || gateway.auth == Auth::Password {
        if let Some((candidate, variable)) = gateway.decision.unfilled() {
            let summary = if gateway.decision.outcome == Outcome::Nothing {
                format!(
                    "{} names ${{{variable}}}, which {name} does not have: it starts with a random token, another at each start",
                    candidate.label
                )
            } else {
                format!(
                    "{} names ${{{variable}}}, which {name} does not have: another carrier wins",
                    candidate.label
                )
            };
            let mut finding = verdicts
                .finding(Code::ConfigPlaceholderUnfilled, summary, Some(candidate.span))
                .about(process.subject());
            if gateway.decision.outcome != Outcome::Nothing {
                finding.severity = Severity::Warning;
            }
            if let Some(set) = process.service.environment.get(variable) {
                finding.evidence.push(format!("{variable} is in the container's environment and empty"));
                finding.places.extend(verdicts.model.place(PlaceRole::Related, set.span));
            }
            finding
                .evidence
                .push("OpenClaw fills ${NAME} from the process; Compose never sees openclaw.json".to_owned());
            finding.remedy = remedies::hand_in(process, variable, verdicts);
            out.push_for(invented, finding);
        } else if gateway.invents_token() {
            let summary = format!("no token is configured anywhere: {name} makes one up at each start");
            let mut finding = verdicts
                .finding(Code::NoTokenConfigured, summary, Some(process.service.key_span))
                .about(process.subject());
            finding.remedy = Some(remedies::words("freeze one token and hand it to gateway and clients"));
            out.push_for(invented, finding);
        }
        empty_variable(process, gateway, verdicts, out);
    }
    for client in clients.iter().filter(|client| client.auth == AuthVerdict::Missing) {
        let Some(client_process) = client.process else { continue };
        // A URL of its own without a token is said by its own code.
        if client.reach == reach::Reach::NoCredentials {
            out.share(Cause::Auth(client.id), Cause::Reach(client.id));
            continue;
        }
        let summary = format!("{} has no token to send: the gateway asks for one", client.name);
        let mut finding = verdicts
            .finding(Code::ClientWithoutToken, summary, Some(client_process.service.key_span))
            .about(client.subject());
        finding.confidence = Confidence::Inferred;
        if let Some(variable) = client.decision.and_then(Decision::wanted) {
            finding.evidence.push(format!(
                "openclaw.json takes the token from {variable}, which {} does not have",
                client.name
            ));
        }
        finding.evidence.push("a device token from an earlier pairing would still do".to_owned());
        finding.remedy = remedies::token_beside_url(client, gateway, verdicts);
        out.push_for([Cause::Auth(client.id)], finding);
    }
}

/// The token variable is there, and blank.
fn empty_variable(process: &Process<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(variable) = process.service.environment.get("OPENCLAW_GATEWAY_TOKEN") else { return };
    let Some(value) = variable.value else { return };
    if !value.is_blank() || !verdicts.model.is_interpolated(process.service.name, "OPENCLAW_GATEWAY_TOKEN") {
        return;
    }
    let decided = matches!(gateway.decision.outcome, Outcome::Wins(_) | Outcome::Opaque(_));
    let summary = format!(
        "OPENCLAW_GATEWAY_TOKEN of {} is empty after interpolation: it counts as unset",
        process.service.name
    );
    let mut finding = verdicts
        .finding(Code::TokenEmptyAfterInterpolation, summary, Some(variable.span))
        .about(process.subject());
    if decided {
        finding.severity = Severity::Warning;
    }
    finding.remedy = Some(remedies::words(
        "set it in .env, and write ${OPENCLAW_GATEWAY_TOKEN:?not set} so that Compose refuses an empty one",
    ));
    out.push(finding);
}

/// `$STATE/.env`: a second source that nobody sees from outside.
fn state_dotenv(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let process = gateway.process;
    let Some(hidden) = process.state_env.get("OPENCLAW_GATEWAY_TOKEN") else {
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
    finding.remedy = remedies::align_state_dotenv(gateway, hidden, verdicts);
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

/// What the readers between file and process did to the value.
fn lexed(process: &Process<'_>, verdicts: &Verdicts<'_>, told: &mut BTreeSet<Span>, out: &mut Findings) {
    for rule in rules::names(rules::Meaning::Token, process.version)
        .chain(rules::names(rules::Meaning::Password, process.version))
    {
        if rule.reads != rules::Reads::Yes {
            continue;
        }
        let Some(variable) = process.service.environment.get(rule.name) else { continue };
        let Some(value) = variable.value else { continue };
        let origin = verdicts.model.origin(variable.span);
        let Some((what, certain)) = mangled(value.expose(), verdicts.model.sources.expose(origin)) else {
            continue;
        };
        if !told.insert(origin) {
            continue;
        }
        let summary = format!("{} of {}: {what}", rule.name, process.service.name);
        let mut finding =
            verdicts.finding(Code::TokenMangled, summary, Some(origin)).about(process.subject());
        if !certain {
            finding.severity = Severity::Info;
        }
        finding.remedy = remedies::unmangle(value.expose(), origin, verdicts);
        out.push(finding);
    }
}

/// What happened to a value, and whether it changes what is compared (both sides trim).
fn mangled(value: &str, written: &str) -> Option<(&'static str, bool)> {
    let trimmed = value.trim();
    let quoted = |quote: char| trimmed.len() > 1 && trimmed.starts_with(quote) && trimmed.ends_with(quote);
    if quoted('"') || quoted('\'') {
        return Some(("the quotes are part of the value, as an item of a list keeps them", true));
    }
    if value.contains('\u{feff}') {
        return Some(("a byte order mark is part of the value", true));
    }
    if trimmed.contains(['\r', '\n']) {
        return Some(("a line break is inside the value", true));
    }
    if written.contains('$')
        && !written.trim_start().starts_with('\'')
        && !value.contains('$')
        && !written.contains("${")
        && !written.contains("$$")
    {
        return Some(("a `$` in the file was taken for a variable: part of the value is gone", true));
    }
    if value.ends_with('\r') || value.ends_with('\n') {
        return Some(("it ends in a line break, which both sides cut off", false));
    }
    if value != trimmed {
        return Some(("blanks around the value are cut off by both sides", false));
    }
    None
}

/// A token on the command line shows in `docker inspect` and in the process list.
fn command_line(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(flag) = process.invocation.flag("token") else { return };
    let name = process.service.name;
    let literal = flag.value.as_ref().is_some_and(|value| !value.starts_with("$"));
    if !literal {
        return;
    }
    let summary =
        format!("the token of {name} stands in its command: docker inspect and the process list show it");
    let mut finding =
        verdicts.finding(Code::TokenInCommand, summary, Some(flag.span)).about(process.subject());
    finding.remedy = Some(remedies::words("hand it in as OPENCLAW_GATEWAY_TOKEN and drop --token"));
    out.push(finding);
}

/// Docker secrets with a token's name that no key of `openclaw.json` refers to.
fn unused_secrets(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let process = gateway.process;
        for secret in &process.service.secrets {
            let named = secret.source.to_ascii_lowercase();
            let about_token =
                named.contains("gateway") && (named.contains("token") || named.contains("password"));
            let referred = ["auth", "remote"].iter().any(|section| {
                ["token", "password"].iter().any(|key| {
                    process
                        .config()
                        .and_then(|config| config.secret(&["gateway", section, key]))
                        .is_some_and(|form| matches!(form, SecretForm::Ref { .. }))
                })
            });
            let read_by_command = process
                .service
                .entrypoint
                .iter()
                .chain(&process.service.command)
                .flatten()
                .any(|word| word.value.contains(&secret.target));
            let unseen = read_by_command || process.invocation.through_script;
            if about_token && !referred && !unseen && process.config().is_some() {
                let summary = format!(
                    "{} mounts the secret {} and nothing reads {}",
                    process.service.name, secret.source, secret.target
                );
                let mut finding = verdicts
                    .finding(Code::TokenFileNotRead, summary, Some(secret.span))
                    .about(process.subject());
                finding.evidence.push(
                    "a Docker secret becomes a token only through a file SecretRef in openclaw.json"
                        .to_owned(),
                );
                finding.remedy =
                    Some(remedies::words("refer to it from gateway.auth.token with {source: \"file\", ...}"));
                out.push(finding);
            }
        }
    }
}
