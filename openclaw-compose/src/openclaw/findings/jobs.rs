//! Jobs of the host's service managers: one that holds another token than a stack's gateway enforces, and two that keep each
//! other out. Where the jobs are the stack, what is wrong with their variables is said with the words of their own files.

use crate::finding::{Code, Confidence, Finding, PlaceRole, Remedy};
use crate::openclaw::model::jobs::{Job, Manager};
use crate::openclaw::model::mounts::{self, Backing};
use crate::openclaw::model::processes::Process;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::rivals::{Over, Rival};
use crate::source::Span;

use super::remedies::{command, words};
use super::{Cause, Findings};

/// Everything about jobs.
pub(crate) fn findings(jobs: &[Job], verdicts: &Verdicts<'_>, out: &mut Findings) {
    rivals(verdicts, out);
    // A job that is a service of the stack is judged as one.
    let beside = jobs.iter().filter(|job| verdicts.model.services.named(&job.name).is_none());
    let Some(server) = verdicts.gateways.iter().find_map(|gateway| gateway.decision.value()) else { return };
    for (job, token) in beside.filter_map(|job| Some((job, job.token()?))) {
        if token.value.is_same(server) {
            continue;
        }
        let summary = format!("{} embeds another token than the gateway enforces", job.file);
        let mut finding = verdicts.finding(Code::ServiceDefinitionDiffers, summary, Some(token.span));
        finding.evidence.push(
            "a definition bakes the token in when it is installed; restarts do not renew it".to_owned(),
        );
        finding.remedy = Some(words(
            "take the variable out of the definition and let the program read its configuration; then load the definition again",
        ));
        out.push(finding);
    }
}

/// Jobs that another one keeps out.
fn rivals(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let process = gateway.process;
        let Some(rival) = verdicts.rival_of(process) else { continue };
        let mut finding = verdicts
            .finding(Code::TwoSupervisors, because(process, rival), place(process, rival, verdicts))
            .about(process.subject());
        let theirs = place(rival.process, rival, verdicts);
        finding.places.extend(theirs.and_then(|span| verdicts.model.place(PlaceRole::Related, span)));
        finding.confidence = if rival.is_up { Confidence::Observed } else { Confidence::Inferred };
        finding.evidence.extend(rival.is_up.then(|| match rival.came_up {
            true => format!("the log of {} shows that it came up", rival.process.service.name),
            false => format!("the log of {} shows that it was kept out", process.service.name),
        }));

        finding.remedy = keep_one(process, rival);
        out.push_for([Cause::Rival(process.id)], finding);
    }
}

/// Why a job is kept out, in a sentence.
pub(crate) fn because(process: &Process<'_>, rival: &Rival<'_>) -> String {
    let (ours, theirs) = (process.service.name, rival.process.service.name);
    let state = &process.state_dir;
    let what = match rival.over {
        Over::State => format!("the state directory {state}"),
        Over::Port(port) => format!("port {port}"),
        Over::Both(port) => format!("port {port} and the state directory {state}"),
    };
    if rival.is_up {
        format!("{theirs} runs a gateway on {what}: {ours} cannot start beside it")
    } else {
        format!("{ours} and {theirs} both run a gateway on {what}: each keeps the other from starting")
    }
}

/// Where a job says what another one wants as well.
pub(crate) fn place(process: &Process<'_>, rival: &Rival<'_>, verdicts: &Verdicts<'_>) -> Option<Span> {
    let variable = |name: &str| process.service.environment.get(name).map(|variable| variable.span);
    let state =
        variable("OPENCLAW_STATE_DIR").or_else(|| variable("OPENCLAW_HOME")).or_else(|| variable("HOME"));
    match rival.over {
        Over::State => state,
        Over::Port(_) | Over::Both(_) => {
            let port = verdicts.gateway_in(process).and_then(|gateway| gateway.port.span);
            port.filter(|_| matches!(rival.over, Over::Port(_))).or(Some(process.service.key_span))
        }
    }
}

/// Of two jobs one goes: the one that does not work, or where nobody saw which, the one of them that is not the vendor's
/// own or comes later. One that only shares the state may get a state of its own.
fn keep_one(process: &Process<'_>, rival: &Rival<'_>) -> Option<Remedy> {
    let (own, other) = (process.service.job?, rival.process.service.job?);
    let goes = match (rival.is_up, is_vendors(own), is_vendors(other)) {
        // What is left of the time under another name goes, whoever holds the place.
        _ if other.former_name().is_some() && own.former_name().is_none() => other,
        (false, true, false) => other,
        (false, true, true) | (false, false, false) if own.name < other.name => other,
        _ => own,
    };
    let stop = goes.manager?.stop(&goes.name);
    let text = match rival.over {
        Over::State => format!(
            "end {}, or give it a state directory of its own (OPENCLAW_STATE_DIR in {}) and load it again",
            goes.name, goes.file
        ),
        Over::Port(_) => {
            format!(
                "end {}, or give it a port of its own (--port in {}) and load it again",
                goes.name, goes.file
            )
        }
        Over::Both(_) => format!("end {}; what it did, the other does", goes.name),
    };
    Some(command(text, stop))
}

/// Whether the vendor's installer names its jobs so.
fn is_vendors(job: &Job) -> bool {
    let name = job.name.trim_end_matches(".service");
    name == "ai.openclaw.gateway" || name == "openclaw-gateway"
}

/// Takes a variable out of a job's files, or puts one in, and lets that count. None for what is no job of the host.
pub(crate) fn without(process: &Process<'_>, name: &str, file: &str) -> Option<Remedy> {
    let (job, manager) = managed(process)?;
    let text = format!(
        "take {name} out of {file}: {} then reads it from openclaw.json alone; a restart by itself renews nothing",
        job.name
    );
    Some(command(text, manager.reload(&job.name)))
}

/// Gives a job the variable that it lacks.
pub(crate) fn with(process: &Process<'_>, name: &str, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let Some((job, manager)) = managed(process) else {
        process.service.job?;
        // A shell of the host reads the state directory's own file.
        return Some(words(format!(
            "add {name} to {}, which every program of OpenClaw on the host reads; what only the service loads, a shell does not have",
            dotenv(process, verdicts)
        )));
    };
    let text = match job.env_files.last() {
        Some(file) => {
            format!("put {name} back into {}, which {} loads; then load the job again", file.path, job.name)
        }
        None if matches!(manager, Manager::UserUnit | Manager::SystemUnit) => format!(
            "give {} a file that holds {name}: EnvironmentFile= in {}, mode 0600; then load the unit again",
            job.name, job.file
        ),
        None => format!(
            "write {name} to {}, which the service reads by itself (mode 0600, not into the plist); then load the job again",
            dotenv(process, verdicts)
        ),
    };
    Some(command(text, manager.reload(&job.name)))
}

/// The state directory's own file of variables: in the evidence, and on its host.
fn dotenv(process: &Process<'_>, verdicts: &Verdicts<'_>) -> String {
    let path = process.state_dotenv();
    match mounts::backing(process.service, verdicts.model.services, &path) {
        Backing::Host(captured) => format!("{} ({path} on its host)", verdicts.model.shown_path(&captured)),
        _ => path,
    }
}

/// A job that a service manager keeps.
fn managed<'p>(process: &'p Process<'_>) -> Option<(&'p Job, Manager)> {
    let job = process.service.job?;
    Some((job, job.manager?))
}

/// What to say where a job names files of variables that do not hold the one that is missing.
pub(crate) fn lacking(process: &Process<'_>, name: &str, verdicts: &Verdicts<'_>, finding: &mut Finding) {
    let Some((job, _)) = managed(process) else { return };
    finding.places.extend(verdicts.model.place(PlaceRole::Related, job.span));
    for file in &job.env_files {
        finding.places.extend(verdicts.model.place(PlaceRole::Related, file.span));
        finding.evidence.push(match &file.given {
            Some(given) => format!("{given} is loaded and does not hold {name}"),
            None => format!("{} is loaded and was not given", file.path),
        });
    }
    if job.env_files.is_empty() {
        finding.evidence.push(format!("{} loads no file of variables and does not set {name}", job.file));
    }
}
