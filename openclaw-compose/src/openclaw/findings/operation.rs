//! Will it stay up: restart policy against exit codes, memory, stop budget, and what it waits for.

use crate::edit::layout;
use crate::finding::{Code, Finding, Remedy};
use crate::openclaw::model::processes::Process;
use crate::openclaw::model::services::At;
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;

use super::Findings;
use super::remedies::{edits, replace_scalar, words};

/// Everything about operating the stack.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let processes = verdicts.gateways.iter().map(|gateway| gateway.process);
    // How a service manager of the host keeps its jobs is not Compose's business.
    for process in processes.filter(|process| process.service.job.is_none()) {
        restart(process, verdicts, out);
        memory(process, verdicts, out);
        out.extend(stop(process, verdicts));
        waits(process, verdicts, out);
    }
}

fn restart(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let name = process.service.name;
    let Some(restart) = &process.service.restart else {
        let summary = format!("{name} has no restart policy: a reboot or a crash leaves it down");
        let mut finding = verdicts
            .finding(Code::NoRestartPolicy, summary, Some(process.service.key_span))
            .about(process.subject());
        if verdicts.model.docker_vm {
            finding.evidence.push(
                "on a Mac the engine itself starts when its user logs in: without a login (automatic login, or Colima as a \
                 LaunchDaemon) no policy brings a container up"
                    .to_owned(),
            );
        }
        finding.remedy = Some(words("restart: on-failure:5"));
        return out.push(finding);
    };
    let bounded = restart
        .value
        .split_once(':')
        .is_some_and(|(_, times)| times.parse::<u32>().is_ok_and(|times| times > 0));
    if restart.value == "no" || bounded {
        return;
    }
    let exit = rules::refusal_exit(process.version);
    let what = if exit == rules::EXIT_CONFIG {
        format!("exit {exit}, which asks for a person")
    } else {
        format!("exit {exit}, with which it refuses to start, too")
    };
    let summary = format!("restart: {} starts {name} again after {what}: it loops", restart.value);
    let mut finding =
        verdicts.finding(Code::RestartLoops, summary, Some(restart.span)).about(process.subject());
    finding.evidence.push("Docker knows no exit code that must not be restarted".to_owned());
    finding.remedy = bounded_restart(restart, verdicts);
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
            finding.remedy = Some(words("give it 2g, at least 768m"));
            out.push(finding);
        }
        Some(_) => {}
        None => {
            let summary = format!("{name} has no memory limit: a leak takes the host with it");
            let mut finding = verdicts
                .finding(Code::NoMemoryLimit, summary, Some(process.service.key_span))
                .about(process.subject());
            finding.remedy = Some(words("mem_limit: 2g"));
            out.push(finding);
        }
    }
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
    finding.remedy = stop_grace(process, verdicts);
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
        finding.remedy = Some(words("condition: service_started, unless the gateway cannot work without it"));
        out.push(finding);
    }
}

/// Five attempts show a refusal as well as for ever does.
fn bounded_restart(restart: &At<&str>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let edit = replace_scalar(verdicts, restart.span, "on-failure:5")?.judgement();
    Some(edits(
        "bound the attempts; after a reboot of the host somebody then starts it again",
        vec![edit],
        None,
    ))
}

/// Time to drain.
fn stop_grace(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let budget = format!("{}s", rules::stop_budget_seconds(process.version));
    let edit = match &process.service.stop_grace {
        Some(grace) => replace_scalar(verdicts, grace.span, &budget)?,
        None => layout::insert_child(
            verdicts.model.sources,
            process.service.key_span,
            &format!("stop_grace_period: {budget}"),
        )?,
    };
    Some(edits(
        format!("stop_grace_period: {budget}; an idle gateway still stops within a second"),
        vec![edit],
        None,
    ))
}
