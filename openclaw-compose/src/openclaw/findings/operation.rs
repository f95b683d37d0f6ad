//! Will it stay up: image pins, restart policy against exit codes, memory, health checks, stop budget, and what an upgrade
//! changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Confidence, Finding};
use crate::openclaw::findings::Findings;
use crate::openclaw::model::processes::{self, Process, Role};
use crate::openclaw::model::services::Healthcheck;
use crate::openclaw::rules;
use crate::openclaw::rules::version::{self, Version};
use crate::openclaw::verdict::Verdicts;

use super::remedies;

/// Everything about operating the stack.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut told = BTreeSet::new();
    for process in verdicts.model.processes.iter().filter(|process| process.is_openclaw()) {
        image(process, verdicts, &mut told, out);
    }
    for gateway in verdicts.gateways {
        let process = gateway.process;
        restart(process, verdicts, out);
        memory(process, verdicts, out);
        health(process, gateway.listens_on(), verdicts, out);
        out.extend(stop(process, verdicts));
        waits(process, verdicts, out);
        upgrade(process, verdicts, out);
    }
    mixed_versions(verdicts, out);
    auto_update(verdicts, out);
}

/// Tags that name another image tomorrow.
const MOVING_TAGS: [&str; 8] = ["latest", "main", "edge", "nightly", "stable", "beta", "dev", "canary"];

fn image<'a>(
    process: &Process<'a>,
    verdicts: &Verdicts<'_>,
    told: &mut BTreeSet<&'a str>,
    out: &mut Findings,
) {
    let Some(image) = &process.service.image else { return };
    if version::digest(image.value).is_some() || process.service.built {
        return;
    }
    let name = process.service.name;
    let tag = version::tag(image.value);
    // An image that only this host has cannot move under it.
    if tag == Some("local") || !told.insert(image.value) {
        return;
    }
    let moving = tag.is_none_or(|tag| MOVING_TAGS.contains(&tag));
    let mut finding = if moving {
        let tag = tag.unwrap_or("latest");
        verdicts
            .finding(
                Code::MovingTag,
                format!("{name} runs the tag {tag}, which is another image tomorrow"),
                Some(image.span),
            )
            .about(process.subject())
    } else {
        verdicts
            .finding(
                Code::ImageNotPinned,
                format!("{name} pins its image by tag only; tags are rebuilt"),
                Some(image.span),
            )
            .about(process.subject())
    };
    finding.evidence.push(image.value.to_owned());
    finding.remedy = Some(remedies::command(
        "append the digest of the image that was tested".to_owned(),
        format!(
            "docker image inspect --format '{{{{index .RepoDigests 0}}}}' {}",
            remedies::shell_quote(image.value)
        ),
    ));
    out.push(finding);
}

fn restart(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let name = process.service.name;
    let Some(restart) = &process.service.restart else {
        let summary = format!("{name} has no restart policy: a reboot or a crash leaves it down");
        let mut finding = verdicts
            .finding(Code::NoRestartPolicy, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.remedy = Some(remedies::words("restart: on-failure:5"));
        return out.push(finding);
    };
    let bounded = restart
        .value
        .split_once(':')
        .is_some_and(|(_, times)| times.parse::<u32>().is_ok_and(|times| times > 0));
    if restart.value == "no" || bounded {
        return;
    }
    let summary = format!(
        "restart: {} starts {name} again after exit {}, which asks for a person: it loops",
        restart.value,
        rules::EXIT_CONFIG
    );
    let mut finding =
        verdicts.finding(Code::RestartLoops, summary, Some(restart.span)).about(process.subject());
    finding.evidence.push("Docker knows no exit code that must not be restarted".to_owned());
    finding.remedy = remedies::bounded_restart(restart, verdicts);
    out.push(finding);
}

fn memory(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let name = process.service.name;
    match &process.service.memory {
        Some(limit) if limit.value < rules::MEMORY_FLOOR_BYTES => {
            let mib = limit.value / (1024 * 1024);
            let summary = format!("{name} may use {mib} MiB, too little for the gateway to start reliably");
            let mut finding =
                verdicts.finding(Code::MemoryTooLow, summary, Some(limit.span)).about(process.subject());
            finding.remedy = Some(remedies::words("give it 2g, at least 768m"));
            out.push(finding);
        }
        Some(_) => {}
        None => {
            let summary = format!("{name} has no memory limit: a leak takes the host with it");
            let mut finding = verdicts
                .finding(Code::NoMemoryLimit, summary, Some(process.service.key_span))
                .about(process.subject());
            finding.remedy = Some(remedies::words("mem_limit: 2g"));
            out.push(finding);
        }
    }
}

/// What a health check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// The listener on this port.
    Port(u16),
    /// A process list, a pid, or nothing.
    ProcessOnly,
    /// OpenClaw's own command, or something unknown.
    Other,
}

fn health(process: &Process<'_>, listens: u16, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let name = process.service.name;
    let Some(check) = &process.service.healthcheck else {
        // The official image brings its own.
        if !processes::is_openclaw_image(process.service) {
            let summary = format!("{name} has no health check, and its image is not known to bring one");
            let mut finding = verdicts
                .finding(Code::NoHealthcheck, summary, Some(process.service.key_span))
                .about(process.subject());
            finding.confidence = Confidence::Inferred;
            finding.remedy = Some(remedies::words(format!("ask http://127.0.0.1:{listens}/healthz")));
            out.push(finding);
        }
        return;
    };
    if check.disabled {
        let summary = format!("the health check of {name} is switched off");
        let mut finding =
            verdicts.finding(Code::NoHealthcheck, summary, Some(check.span)).about(process.subject());
        finding.remedy = Some(remedies::words("drop the line: the image's own check asks /healthz"));
        return out.push(finding);
    }
    match asks(check) {
        Asks::Port(port) if port != listens => {
            let summary =
                format!("the health check of {name} asks port {port}, and the gateway listens on {listens}");
            let mut finding = verdicts
                .finding(Code::HealthcheckWrongPort, summary, Some(check.span))
                .about(process.subject());
            finding.remedy = remedies::healthcheck_port(check, port, listens, verdicts);
            out.push(finding);
        }
        Asks::ProcessOnly => {
            let summary = format!(
                "the health check of {name} looks for a process: a gateway that answers nobody stays healthy"
            );
            let mut finding = verdicts
                .finding(Code::HealthcheckProcessOnly, summary, Some(check.span))
                .about(process.subject());
            finding.remedy = Some(remedies::words(format!(
                "test: [\"CMD\", \"node\", \"-e\", \"fetch('http://127.0.0.1:{listens}/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\"]"
            )));
            out.push(finding);
        }
        Asks::Port(_) | Asks::Other => {}
    }
}

fn asks(check: &Healthcheck<'_>) -> Asks {
    let words: Vec<&str> = check.test.iter().map(|word| word.expose()).collect();
    let line = words.join(" ");
    if let Some(port) = port_in(&line) {
        return Asks::Port(port);
    }
    let process_words = ["pgrep", "pidof", "ps ", "ps aux", "kill -0", "/proc/1", "exit 0", "true"];
    let bare = words.last().copied().unwrap_or_default().trim();
    if process_words.iter().any(|word| line.contains(word)) && !line.contains("http")
        || matches!(bare, "true" | ":")
    {
        return Asks::ProcessOnly;
    }
    Asks::Other
}

/// The port of the first `://HOST:PORT`, or after `nc ... HOST`, or `/dev/tcp/HOST/PORT`.
fn port_in(line: &str) -> Option<u16> {
    if let Some((_, rest)) = line.split_once("://") {
        let authority = rest.split(['/', '"', '\'', ' ', ')', '`']).next()?;
        let port = authority.rsplit_once(':').map(|(_, port)| port)?;
        return port.parse().ok();
    }
    if let Some((_, rest)) = line.split_once("/dev/tcp/") {
        return rest.split(['/', ' ', '"', '\'']).nth(1)?.parse().ok();
    }
    let mut words = line.split_whitespace().skip_while(|word| !matches!(*word, "nc" | "ncat" | "netcat"));
    words.next()?;
    words.filter_map(|word| word.trim_matches(['"', '\'']).parse().ok()).last()
}

/// A stop that leaves less time than a busy gateway needs.
pub(crate) fn stop(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Finding> {
    let budget = f64::from(rules::stop_budget_seconds(process.version));
    let grace = process.service.stop_grace.as_ref();
    if grace.is_some_and(|grace| grace.value >= budget) {
        return None;
    }
    let name = process.service.name;
    let seconds = grace.map_or(10.0, |grace| grace.value);
    let summary = format!("{name} is killed {seconds} s after a stop; a busy gateway may take {budget} s");
    let mut finding = verdicts
        .finding(
            Code::StopGraceTooShort,
            summary,
            Some(grace.map_or(process.service.key_span, |grace| grace.span)),
        )
        .about(process.subject());
    finding.remedy = remedies::stop_grace(process, verdicts);
    Some(finding)
}

/// The gateway does not start before some sidecar is healthy.
fn waits(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    for dependency in
        process.service.depends_on.iter().filter(|dependency| dependency.condition == "service_healthy")
    {
        let name = process.service.name;
        let summary = format!(
            "{name} does not start before {} is healthy: its check takes the gateway down with it",
            dependency.service
        );
        let mut finding = verdicts
            .finding(Code::GatewayWaitsForSidecar, summary, Some(dependency.span))
            .about(process.subject());
        finding.remedy =
            Some(remedies::words("condition: service_started, unless the gateway cannot work without it"));
        out.push(finding);
    }
}

/// What changes between this release and the one that is planned.
fn upgrade(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let (Some(from), Some(to)) = (process.version, verdicts.model.upgrade_to) else { return };
    let changes: Vec<&rules::AuthChange> = rules::auth_changes(from, to).collect();
    if changes.is_empty() {
        return;
    }
    let direction = if from < to { "brings" } else { "takes back" };
    let summary = format!(
        "going from {from} to {to} {direction} {} changes of authentication and reach",
        changes.len()
    );
    let span = process.service.image.as_ref().map(|image| image.span);
    let mut finding = verdicts.finding(Code::AuthModelChange, summary, span).about(process.subject());
    finding.evidence.extend(
        changes.iter().map(|change| format!("{}: {} ({})", change.since, change.what, change.citation)),
    );
    finding.versions = Some(format!("{from} to {to}"));
    finding.remedy = Some(remedies::words(
        "read them first; approve what will ask for approval while the old gateway still runs; keep a copy of the state directory",
    ));
    out.push(finding);
}

/// A CLI and a gateway of different releases; of several gateways the first.
fn mixed_versions(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut clients: BTreeMap<Version, Vec<&Process<'_>>> = BTreeMap::new();
    for client in verdicts.model.processes.iter().filter(|process| process.role == Role::Cli) {
        if let Some(version) = own_version(client) {
            clients.entry(version).or_default().push(client);
        }
    }
    let mut known = BTreeSet::new();
    let servers = verdicts.gateways.iter().map(|gateway| gateway.process);
    let servers = servers.filter_map(|server| Some((own_version(server)?, server)));
    let servers: Vec<_> = servers.filter(|(version, _)| known.insert(*version)).collect();
    for (theirs, clients) in clients {
        let Some((ours, server)) = servers.iter().find(|(ours, _)| *ours != theirs) else { continue };
        for client in clients {
            let (a, b) = (server.service.name, client.service.name);
            let summary = format!(
                "{a} is {ours} and {b} is {theirs}: they follow different rules for the token and the URL"
            );
            let span = client.service.image.as_ref().map(|image| image.span);
            let mut finding = verdicts.finding(Code::MixedVersions, summary, span).about(client.subject());
            finding.evidence.extend(
                rules::auth_changes(*ours, theirs).map(|change| format!("{}: {}", change.since, change.what)),
            );
            finding.remedy = Some(remedies::words("run both from one image"));
            out.push(finding);
        }
    }
}

fn own_version(process: &Process<'_>) -> Option<Version> {
    version::tag(process.service.image.as_ref()?.value)?.parse().ok()
}

/// Something that replaces images by itself, beside a tag that moves.
fn auto_update(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let updater = verdicts.model.services.list.iter().find(|service| {
        service.image.as_ref().is_some_and(|image| {
            let repository = version::repository(image.value);
            repository.ends_with("watchtower")
                || repository.ends_with("ouroboros")
                || repository.ends_with("/diun")
        })
    });
    let Some(updater) = updater else { return };
    for gateway in verdicts.gateways {
        let process = gateway.process;
        let Some(image) = &process.service.image else { continue };
        let excluded = process
            .service
            .labels
            .iter()
            .any(|(name, at)| name.ends_with("watchtower.enable") && at.value.is("false"));
        if version::digest(image.value).is_none() && !excluded {
            let summary = format!(
                "{} replaces the image of {} unasked: an upgrade may change who may connect",
                updater.name, process.service.name
            );
            let mut finding = verdicts
                .finding(Code::UnattendedUpgrade, summary, Some(updater.key_span))
                .about(process.subject());
            finding.remedy = Some(remedies::words(
                "pin the digest, or exclude the service with com.centurylinklabs.watchtower.enable=false",
            ));
            out.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_shows_what_it_asks() {
        for (line, wanted) in [
            ("curl -fsS http://127.0.0.1:18789/healthz", Some(18789)),
            ("fetch('http://localhost:3000/readyz').then(r => 0)", Some(3000)),
            ("wget -qO- http://[::1]:18789/healthz", Some(18789)),
            ("nc -z -w 2 localhost 18790", Some(18790)),
            ("bash -c '</dev/tcp/127.0.0.1/18789'", Some(18789)),
            ("pgrep -f openclaw", None),
        ] {
            assert_eq!(port_in(line), wanted, "{line}");
        }
    }
}
