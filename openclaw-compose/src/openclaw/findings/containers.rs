//! Running containers that are not what the files say, or do not stay up.

use crate::finding::{Code, Finding, Run, Severity};
use crate::openclaw::model::containers::{Container, Health, PROJECT, Runtime};
use crate::openclaw::model::processes::{self, Process};
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::drift::{PORTS, differences};

use super::operation;
use super::remedies::{command, recreate, words};
use super::{Cause, Findings};

/// Everything about containers against files.
pub(crate) fn findings(runtime: &Runtime, verdicts: &Verdicts<'_>, out: &mut Findings) {
    if runtime.containers.is_empty() {
        return;
    }
    let own = verdicts.model.resolution.project_name();
    if let Some(project) = &runtime.runs_as {
        let summary = format!(
            "the containers are of project {project}, which the files call {own}: commands of Compose need -p {project}"
        );
        let mut finding = verdicts.finding(Code::RunsAsAnotherProject, summary, None);
        finding
            .evidence
            .push("services, images, mounts and published ports are those of the files".to_owned());
        finding
            .evidence
            .extend(runtime.made_from().map(|directory| format!("they were made in {directory}")));
        out.push(finding);
    }
    let mut killed = Vec::new();
    for process in verdicts.model.proxies.iter().copied().filter(|process| !process.is_openclaw()) {
        if let Some(container) = runtime.of(process.service.name) {
            condition(process, container, verdicts, &mut killed, out);
        }
    }
    for process in verdicts.model.processes.iter().filter(|process| process.is_openclaw()) {
        let service = process.service;
        let Some(container) = runtime.of(service.name) else {
            if verdicts.gateway_in(process).is_some() {
                let summary = format!("no container of {} was among those inspected", service.name);
                let mut finding = verdicts
                    .finding(Code::ContainerMissing, summary, Some(service.key_span))
                    .about(process.subject());
                match runtime.of_any_project(service.name).filter(|other| other.label(PROJECT) != Some(own)) {
                    Some(other) => finding.evidence.push(format!(
                        "{} is of project {} and differs from the files in image, mounts or ports",
                        other.name.trim_start_matches('/'),
                        other.label(PROJECT).unwrap_or("?")
                    )),
                    None => {
                        finding.remedy =
                            Some(command("start it".to_owned(), recreate(&[service.name], verdicts)));
                    }
                }
                out.push(finding);
            }
            continue;
        };
        drift(runtime, process, container, verdicts, out);
        condition(process, container, verdicts, &mut killed, out);
    }
    // What may hurt later did.
    out.replace(killed);
}

fn drift(
    runtime: &Runtime,
    process: &Process<'_>,
    container: &Container,
    verdicts: &Verdicts<'_>,
    out: &mut Findings,
) {
    let service = process.service;
    let differs = differences(runtime, process, container, verdicts.model);
    if differs.is_empty() {
        return;
    }
    let code = stale_code(&differs);
    let span = differs
        .iter()
        .find_map(|name| {
            service.environment.get(name.as_str()).map(|variable| verdicts.model.origin(variable.span))
        })
        .unwrap_or(service.key_span);
    let summary = format!(
        "the running container of {} is not what the files say: {} differ(s)",
        service.name,
        differs.join(", ")
    );
    let mut finding = verdicts.finding(code, summary, Some(span)).about(process.subject());
    // Then a published port leads where the files say that it does not.
    if differs.iter().any(|name| name == PORTS) && process.role == processes::Role::Gateway {
        finding.severity = Severity::Error;
    }
    finding.evidence.push(format!("container {}", container.name.trim_start_matches('/')));
    finding
        .evidence
        .push("restart keeps the old environment; only a new container reads the files".to_owned());
    finding.remedy = Some(command("recreate it".to_owned(), recreate(&[service.name], verdicts)));
    out.push_for([Cause::Stale(process.id)], finding);
}

/// The code for what differs.
pub(crate) fn stale_code(differs: &[String]) -> Code {
    let about_token = differs.iter().any(|name| name.ends_with("_TOKEN") || name.ends_with("_PASSWORD"));
    let about_env = differs.iter().any(|name| name.contains("GATEWAY"));
    match (about_token, about_env) {
        (true, _) => Code::StaleToken,
        (false, true) => Code::StaleEnvironment,
        (false, false) => Code::StaleContainer,
    }
}

fn condition(
    process: &Process<'_>,
    container: &Container,
    verdicts: &Verdicts<'_>,
    killed: &mut Vec<Finding>,
    out: &mut Findings,
) {
    let service = process.service;
    let state = &container.state;
    let is_gateway = process.role == processes::Role::Gateway;
    let is_proxy = process.role == processes::Role::Other;
    if !is_gateway && !is_proxy {
        return;
    }
    let span = service.restart.as_ref().map_or(service.key_span, |restart| restart.span);
    // What a code usually stands for proves nothing: what the process said does.
    let rule = rules::exit_rule(state.exit_code, process.version).filter(|_| is_gateway);
    let usual = rule.map(|rule| format!("exit {} usually means: {}", rule.code, rule.meaning));
    if container.never_started() {
        return;
    }
    if state.restarting || container.restart_count > 2 {
        let code = state.exit_code;
        let summary = format!(
            "{} was started {} times again; the last exit was {code}",
            service.name, container.restart_count,
        );
        let mut finding = verdicts.finding(Code::RestartLoop, summary, Some(span)).about(process.subject());
        finding.evidence.extend(usual);
        if rule.is_some_and(|rule| !rule.restart_helps) {
            finding.evidence.push("no restart mends this one".to_owned());
        }
        finding.remedy = Some(command(
            "read what it says before it exits".to_owned(),
            format!("docker compose logs --tail 50 {}", service.name),
        ));
        out.push(finding);
    } else if !state.running {
        let code = state.exit_code;
        if is_gateway && code == rules::EXIT_KILLED && !state.oom_killed {
            killed.extend(killed_draining(process, verdicts));
        }
        let summary = format!("{} is not running: it ended with exit {code}", service.name);
        let mut finding =
            verdicts.finding(Code::ContainerExited, summary, Some(service.key_span)).about(process.subject());
        finding.evidence.extend(usual);
        // The kernel's word for it is told below.
        if state.oom_killed {
            finding.severity = Severity::Warning;
        }
        finding.remedy = Some(command(
            "read what it said last".to_owned(),
            format!("docker compose logs --tail 50 {}", service.name),
        ));
        out.push(finding);
    }
    if state.oom_killed {
        let summary = format!("{} was killed for want of memory", service.name);
        let span = service.memory.as_ref().map_or(service.key_span, |limit| limit.span);
        let mut finding = verdicts.finding(Code::OutOfMemory, summary, Some(span)).about(process.subject());
        finding.evidence.push(format!("its container ended with exit {}", state.exit_code));
        finding.remedy = Some(words(format!(
            "give {} more memory (`mem_limit: 2g`), or node less: NODE_OPTIONS=--max-old-space-size below the limit",
            service.name
        )));
        out.push(finding);
    }
    if is_gateway && state.running && state.health.as_ref().is_some_and(|health| health.status == "unhealthy")
    {
        let span = service.healthcheck.as_ref().map_or(service.key_span, |check| check.span);
        let mut finding = verdicts
            .finding(Code::Unhealthy, format!("{} runs and its health check fails", service.name), Some(span))
            .about(process.subject());
        finding.evidence.push("Docker restarts on exit only: it stays so".to_owned());
        finding.remedy = Some(match state.health.as_ref().and_then(Health::says) {
            Some(says) => {
                finding.evidence.push(format!("the check says: {says}"));
                words("mend the check where the gateway does answer: what it runs, and the port that it asks")
            }
            None => command(
                "see what the check said".to_owned(),
                format!(
                    "docker inspect --format '{{{{json .State.Health}}}}' {}",
                    container.name.trim_start_matches('/')
                ),
            ),
        });
        out.push(finding);
    }
}

/// It was killed, there was memory, and a stop leaves it too little time.
fn killed_draining(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Finding> {
    let mut finding = operation::stop(process, verdicts)?;
    finding.severity = Severity::Error;
    let code = rules::EXIT_KILLED;
    finding.evidence.push(format!("its container ended with {code}: killed, and not for want of memory"));
    if let Some(remedy) = &mut finding.remedy {
        remedy.text.push_str(rules::lease_of_the_killed(process.version).unwrap_or_default());
        remedy.run(Run::Start(process.service.name.to_owned()));
    }
    Some(finding)
}
