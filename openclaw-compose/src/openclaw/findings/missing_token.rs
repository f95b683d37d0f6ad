//! Sources of the token without a value.

use crate::edit::{Edit, layout};
use crate::finding::{Code, Confidence, PlaceRole, Remedy, Severity};
use crate::openclaw::model::config::Config;
use crate::openclaw::model::processes::Process;
use crate::openclaw::model::services::Service;
use crate::openclaw::rules::{self, Meaning, PASSWORD, TOKEN};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::{AuthVerdict, Client};
use crate::openclaw::verdict::listener::{Auth, Gateway};
use crate::openclaw::verdict::reach::Reach;
use crate::openclaw::verdict::token::{Decision, Outcome, Secret};

use super::remedies::{command, edits, recreate, words};
use super::{Cause, Findings, jobs};

/// Sources without a value.
pub(crate) fn missing(
    gateway: &Gateway<'_>,
    clients: &[&Client<'_>],
    verdicts: &Verdicts<'_>,
    out: &mut Findings,
) {
    let process = gateway.process;
    let name = process.service.name;
    let invented = clients.iter().filter(|client| client.auth == AuthVerdict::Invented);
    let invented = invented.map(|client| Cause::Auth(client.id));
    if gateway.auth == Auth::Token || gateway.auth == Auth::Password {
        let unfilled =
            gateway.decision.unfilled().filter(|(_, variable)| !gateway.refuses_unfilled(variable));
        if let Some((candidate, variable)) = unfilled {
            let summary = if gateway.decision.outcome == Outcome::Nothing {
                let kept = if gateway.keeps_its_invention() { "" } else { ", another at each start" };
                format!(
                    "{} names ${{{variable}}}, which {name} does not have: it starts with a random token{kept}",
                    candidate.label
                )
            } else {
                format!(
                    "{} names ${{{variable}}}, which {name} does not have: another source wins",
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
            jobs::lacking(process, variable, verdicts, &mut finding);
            finding.remedy = hand_in(process, variable, verdicts);
            out.push_for(invented, finding);
        } else if gateway.invents_token() {
            let what = if gateway.keeps_its_invention() {
                "makes one up and writes it into openclaw.json"
            } else {
                "makes one up at each start"
            };
            let summary = format!("no token is configured anywhere: {name} {what}");
            let mut finding = verdicts
                .finding(Code::NoTokenConfigured, summary, Some(process.service.key_span))
                .about(process.subject());
            finding.remedy = Some(words("freeze one token and hand it to gateway and clients"));
            out.push_for(invented, finding);
        }
        empty_variable(process, gateway, verdicts, out);
    }
    for client in clients.iter().filter(|client| client.auth == AuthVerdict::Missing) {
        let Some(client_process) = client.process else { continue };
        // A URL of its own without a token is said by its own code.
        if client.reach == Reach::NoCredentials {
            out.share(Cause::Auth(client.id), Cause::Reach(client.id));
            continue;
        }
        let secret = gateway.secret.key();
        let summary = format!("{} has no {secret} to send: the gateway asks for one", client.name);
        // A shell of the host is written nowhere; what it cannot fill is.
        let asked = client.decision.and_then(Decision::unfilled).map(|(candidate, _)| candidate.span);
        let asked = asked.filter(|_| client_process.service.job.is_some());
        let mut finding = verdicts
            .finding(Code::ClientWithoutToken, summary, asked.or(Some(client_process.service.key_span)))
            .about(client.subject());
        finding.confidence = Confidence::Inferred;
        if let Some(variable) = client.decision.and_then(Decision::wanted) {
            finding.evidence.push(format!(
                "openclaw.json takes the token from {variable}, which {} does not have",
                client.name
            ));
        }
        if gateway.secret == Secret::Password {
            let mode = gateway.process.config().and_then(Config::auth_mode).map(|(_, span)| span);
            finding.places.extend(mode.and_then(|span| verdicts.model.place(PlaceRole::Related, span)));
            if client_process.meant(Meaning::Token).is_some() {
                finding
                    .evidence
                    .push("it has a token, which a gateway in password mode does not ask for".to_owned());
            }
        }
        finding.evidence.push("a device token from an earlier pairing would still do".to_owned());
        finding.remedy = token_beside_url(client, gateway, verdicts);
        out.push_for([Cause::Auth(client.id)], finding);
    }
}

/// The token variable is there, and blank.
fn empty_variable(process: &Process<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(variable) = process.service.environment.get(TOKEN) else { return };
    let Some(value) = variable.value else { return };
    if !value.is_blank() || !verdicts.model.is_interpolated(process.service.name, TOKEN) {
        return;
    }
    let decided = matches!(gateway.decision.outcome, Outcome::Wins(_) | Outcome::Opaque(_));
    let summary =
        format!("{TOKEN} of {} is empty after interpolation: it counts as unset", process.service.name);
    let mut finding = verdicts
        .finding(Code::TokenEmptyAfterInterpolation, summary, Some(variable.span))
        .about(process.subject());
    if decided {
        finding.severity = Severity::Warning;
    }
    finding.remedy = fill_in(process, verdicts);
    out.push(finding);
}

/// Gives the project's variable a value that a service takes its token from, where that one is empty.
pub(crate) fn fill_in(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let name = process.service.name;
    let variable = process.service.environment.get(TOKEN)?;
    if !variable.value?.is_blank() || !verdicts.model.is_interpolated(name, TOKEN) {
        return None;
    }
    let written = verdicts.model.sources.expose(variable.span);
    let named = written.split_once("${").and_then(|(_, rest)| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
    })?;
    let near = verdicts.model.nearest_variable(named);
    let near = near.map_or_else(String::new, |near| format!(" (it has {near})"));
    let text = format!(
        "set {named} in .env{near}: {name} takes {TOKEN} from it; ${{{named}:?not set}} has Compose refuse an empty one"
    );
    Some(command(text, recreate(&[name], verdicts)))
}

/// Hands a variable of the project into the container.
pub(crate) fn hand_in(process: &Process<'_>, variable: &str, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    if process.service.job.is_some() {
        return jobs::with(process, variable, verdicts);
    }
    let service = process.service;
    let text = format!("hand {variable} into {}", service.name);
    if !verdicts.model.project_has(variable) || service.environment.contains_key(variable) {
        return Some(words(format!(
            "{text}: set it in .env, and write {variable}: ${{{variable}:?not set}} under environment"
        )));
    }
    let value = format!("${{{variable}:?not set}}");
    // Whoever reads the same openclaw.json is asked for the same variable.
    let readers: Vec<&Service<'_>> = verdicts
        .model
        .processes
        .iter()
        .filter(|other| other.is_openclaw() && other.state == process.state && other.env(variable).is_none())
        .map(|other| other.service)
        .filter(|other| other.name == service.name || !other.environment.contains_key(variable))
        .collect();
    let set = |reader: &&Service<'_>| {
        let environment = verdicts.model.environment_key(reader);
        layout::set_variables(verdicts.model.sources, reader.key_span, environment, &[(variable, &value)])
    };
    let out = readers.iter().map(set).collect::<Option<Vec<Edit>>>()?;
    let names: Vec<&str> = readers.iter().map(|reader| reader.name).collect();
    let text = format!("hand {variable} into {}", names.join(" and "));
    Some(edits(text, out, Some(recreate(&names, verdicts))))
}

/// A client without a token gets the reference that the gateway has.
fn token_beside_url(client: &Client<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let process = client.process?;
    let service = process.service;
    if service.job.is_some() {
        let wanted = client.decision.and_then(Decision::wanted);
        let own = if gateway.secret == Secret::Password { PASSWORD } else { TOKEN };
        return jobs::with(process, wanted.unwrap_or(own), verdicts);
    }
    if gateway.secret == Secret::Password {
        return hand_in(process, PASSWORD, verdicts);
    }
    let text = format!("hand the token into {} as it is handed into {}", service.name, gateway.name());
    let Some(template) = gateway.token_template(verdicts.model).filter(|_| {
        // Beside --url only --token counts.
        client.choice.as_ref().is_none_or(|choice| choice.source != rules::UrlSource::Flag)
            && gateway.secret == Secret::Token
            && !service.environment.contains_key(TOKEN)
    }) else {
        return Some(words(text));
    };
    let edit = layout::set_variables(
        verdicts.model.sources,
        service.key_span,
        verdicts.model.environment_key(service),
        &[(TOKEN, &template)],
    )?;
    Some(edits(text, vec![edit], Some(recreate(&[service.name], verdicts))))
}
