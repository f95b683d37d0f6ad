//! Containers that never came up, in the engine's own words.

use crate::finding::{Code, Finding, PlaceRole, Remedy};
use crate::openclaw::model::containers::{Container, Runtime};
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::model::services::Mount;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::unstarted::{Execution, Unstarted, Why, unstarted};
use crate::source::Span;

use super::Findings;
use super::remedies::{command, recreate, shell_quote, words};

/// Everything about the containers of OpenClaw, and of the proxies before it, that were created and never started.
pub(crate) fn findings(runtime: &Runtime, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let of_openclaw = verdicts.model.processes.iter().filter(|process| process.role != Role::Other);
    let proxies = verdicts.model.proxies.iter().copied().filter(|process| process.role == Role::Other);
    for process in of_openclaw.chain(proxies) {
        let Some(found) = unstarted(process.service, runtime, verdicts.model.services) else { continue };
        // A client may be there to be run on demand; nobody meant the gateway to be down.
        if process.role != Role::Gateway && is_told_of_the_gateway(&found.why, verdicts) {
            continue;
        }
        out.push(finding(process, &found, verdicts));
    }
}

/// Whether all that is wrong with a client is that the gateway is down.
fn is_told_of_the_gateway(why: &Why<'_>, verdicts: &Verdicts<'_>) -> bool {
    match why {
        Why::Unsaid => true,
        Why::Waits { dependency, on, .. } => {
            let is_gateway = verdicts.gateways.iter().any(|gateway| gateway.name() == dependency.service);
            is_gateway && on.is_some_and(|on| !on.state.running)
        }
        _ => false,
    }
}

fn finding(process: &Process<'_>, found: &Unstarted<'_>, verdicts: &Verdicts<'_>) -> Finding {
    let service = process.service;
    let (code, why, span) = describe(process, found);
    let span = span.unwrap_or(service.key_span);
    let what = match found.container.state.started() {
        Some(_) => "was not started again",
        None => "was never started",
    };
    let mut finding = verdicts.finding(code, format!("{} {what}: {why}", service.name), Some(span));
    finding = finding.about(process.subject());
    if !found.container.state.error.is_empty() {
        finding.evidence.push(format!("the engine says: {}", found.container.state.error));
    }
    if let Why::Waits { dependency, on, .. } = &found.why {
        let check = verdicts.model.services.named(dependency.service).and_then(|on| on.healthcheck.as_ref());
        finding.places.extend(check.and_then(|check| verdicts.model.place(PlaceRole::Related, check.span)));
        let says = on.and_then(|on| on.state.health.as_ref()?.says());
        finding
            .evidence
            .extend(says.map(|says| format!("the health check of {} says: {says}", dependency.service)));
    }
    finding.remedy = Some(remedy(process, found, verdicts));
    finding
}

fn describe(process: &Process<'_>, found: &Unstarted<'_>) -> (Code, String, Option<Span>) {
    let service = process.service;
    match &found.why {
        Why::PortTaken(port) => {
            let which = port.and_then(|port| port.published);
            let which = which.map_or_else(|| "a host port".to_owned(), |port| format!("host port {port}"));
            (Code::HostPortTaken, format!("{which} is taken"), port.map(|port| port.span))
        }
        Why::MountRefused(mount) => {
            let which = mount.map_or("a mount", |mount| mount.target);
            (Code::MountRefused, format!("the engine refuses {which}"), mount.map(|mount| mount.span))
        }
        Why::NotExecutable { program, fault } => {
            let why = match fault {
                Execution::Denied => "may not be executed",
                Execution::Absent => "is not there, or what its first line names is not",
                Execution::Format => "is not a program for this machine",
            };
            let span =
                service.entrypoint.iter().chain(&service.command).flatten().next().map(|word| word.span);
            (
                Code::EntrypointRefused,
                format!("{program} {why}"),
                mounted(process, program).map(|mount| mount.span).or(span),
            )
        }
        Why::Waits { service: waiting, dependency, on } => {
            let on = on.map_or_else(|| "is not there".to_owned(), state_of);
            let whom = if waiting.name == service.name { "it" } else { waiting.name };
            let why = format!("{whom} waits for {}, which {on}", dependency.service);
            (Code::WaitsForUnhealthy, why, Some(dependency.span))
        }
        Why::LenderDown(lender) => {
            let lender = lender.unwrap_or("another container");
            let why = format!("it lives in the network of {lender}, whose container was not there or not up");
            (Code::NeverStarted, why, service.network_mode.as_ref().map(|mode| mode.span))
        }
        Why::NetworkGone => {
            (Code::NeverStarted, "a network on which its container was made is gone".to_owned(), None)
        }
        Why::PrivilegedPort(port) => {
            let which = port.and_then(|port| port.published);
            let which = which.map_or_else(|| "so low a port".to_owned(), |port| format!("port {port}"));
            let why = format!("the engine, which does not run as root, may not publish {which}");
            (Code::NeverStarted, why, port.map(|port| port.span))
        }
        Why::Refused => (Code::NeverStarted, "the engine refused to".to_owned(), None),
        Why::Unsaid => (Code::NeverStarted, "its container was created, and that was all".to_owned(), None),
    }
}

fn state_of(container: &Container) -> String {
    let state = &container.state;
    match &state.health {
        Some(health) if state.running && !health.status.is_empty() => format!("is {}", health.status),
        _ if state.status == "exited" => format!("ended with exit {}", state.exit_code),
        _ => format!("is {}", state.status),
    }
}

/// The mount that brings a program into the container.
fn mounted<'p>(process: &'p Process<'_>, program: &str) -> Option<&'p Mount<'p>> {
    process.service.mounts.iter().find(|mount| mount.target == program && mount.source.is_some())
}

fn remedy(process: &Process<'_>, found: &Unstarted<'_>, verdicts: &Verdicts<'_>) -> Remedy {
    let name = process.service.name;
    let again = recreate(&[name], verdicts);
    match &found.why {
        Why::PortTaken(port) => match port.and_then(|port| port.published) {
            Some(port) => command(
                format!(
                    "see which container has port {port}: if it is left over from this project, `docker compose down --remove-orphans` takes it away; if it is another stack's, stop that one or publish another host port here; if none has it, a program of the host does. Then `{again}`"
                ),
                format!("docker ps --all --filter publish={port}"),
            ),
            None => words(format!(
                "free the host port that the engine names, or publish another one; then `{again}`"
            )),
        },
        Why::MountRefused(mount) => {
            let source = mount.and_then(|mount| mount.source).map(|source| verdicts.model.shown_path(source));
            let source = source.unwrap_or("the path that the engine names");
            let says = |words: &str| found.container.state.error.contains(words);
            if says("mounts denied") || says("is not shared from") {
                return words(format!(
                    "share {source} with the engine (Docker Desktop: Settings, Resources, File sharing), or keep it in a folder that is shared, such as one below your home; then `{again}`"
                ));
            }
            if says("bind source path does not exist") || says("creating mount source path") {
                return words(format!(
                    "make {source} on the host, or name the directory that is meant; then `{again}`"
                ));
            }
            words(format!(
                "{source} is not what the container has at that place, a file or a directory: where a file was missing, Docker made an empty directory of its name. Put the right one there, then `{again}`"
            ))
        }
        Why::NotExecutable { program, fault: Execution::Denied } => match mounted(process, program) {
            Some(mount) => {
                let source = shell_quote(verdicts.model.shown_path(mount.source.unwrap_or_default()));
                command(
                    format!(
                        "let it be executed, `chmod +x {source}`: a clone or a copy lost that bit; then start it"
                    ),
                    again,
                )
            }
            None => words(format!("let {program} be executed (`chmod +x`) in the image, and build it again")),
        },
        Why::NotExecutable { program, fault: Execution::Absent } => words(format!(
            "name a program that the image has in place of {program}; a script needs the interpreter of its first line, without a carriage return behind it"
        )),
        Why::NotExecutable { program, fault: Execution::Format } => words(format!(
            "take the image, or {program}, that is made for this machine; a script begins with `#!`"
        )),
        Why::Waits { dependency, on, .. } => {
            let other = dependency.service;
            let has_failed = on.is_some_and(|on| on.state.status == "exited" && on.state.exit_code != 0);
            if has_failed && dependency.condition == "service_completed_successfully" {
                return command(
                    format!(
                        "mend what {other} runs, its command and the variables in it: {name} starts once {other} ends with 0"
                    ),
                    again,
                );
            }
            let text = if dependency.condition == "service_healthy" && on.is_some_and(|on| on.state.running) {
                format!(
                    "mend the health check of {other} where {other} does answer, or {other} where it does not; where {name} can do without, say `condition: service_started`. Then `{again}`"
                )
            } else {
                format!("see why {other} is not up: {name} starts when it is, with `{again}`")
            };
            words(text)
        }
        Why::LenderDown(Some(lender)) => command(
            format!("start {lender} first, and {name} in its network"),
            recreate(&[lender, name], verdicts),
        ),
        Why::LenderDown(None) => {
            words(format!("start the container whose network it borrows, then `{again}`"))
        }
        Why::NetworkGone => command(
            "make its container anew, on the networks that there are now".to_owned(),
            format!("docker compose up -d --force-recreate {name}"),
        ),
        Why::PrivilegedPort(_) => command(
            format!(
                "publish a port from 1024 on under `ports` of {name}, or let the host's users open low ones with the command; then `{again}`"
            ),
            "sudo sysctl net.ipv4.ip_unprivileged_port_start=80".to_owned(),
        ),
        Why::Refused => {
            let says = found.container.state.error.trim_end_matches('.');
            words(format!("put right what the engine names, then `{again}`: {says}"))
        }
        Why::Unsaid => command("start it".to_owned(), again),
    }
}
