//! From what is known about a stack to what there is to say about it, floor by floor.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, Place, PlaceRole, Safety};
use crate::project::{self, Unread};
use crate::secrets::Secrets;
use crate::source::{Format, Sources, Span};

use super::findings::containers::stale_code;
use super::findings::{self, Findings, remedies};
use super::gates::{self, ClientView, Stale};
use super::model::containers::{Printed, Runtime, read as read_containers};
use super::model::host::{Host, Signs};
use super::model::namespaces::Namespaces;
use super::model::observed::Observed;
use super::model::owners::Listing;
use super::model::processes::{self, Process, Role};
use super::model::services::Services;
use super::model::{Model, Surroundings, engine, evidence, files, jobs, mounts, stranded};
use super::report::{self, GatewayView, Report, VersionSource, VersionView, gateway_view};
use super::rules::version::Version;
use super::stack::{Otherwise, Stack};
use super::verdict::drift::{PORTS, differences};
use super::verdict::listener::Gateway;
use super::verdict::{Verdicts, clients, refusals, token};
use super::{containers, secrets, token_sources};

/// What was read beside the model.
pub(super) struct Read<'r> {
    runtime: Runtime,
    jobs: &'r [jobs::Job],
    early: Vec<Finding>,
    unread: Vec<Unread>,
    secrets: Secrets,
    hint: Option<Version>,
    hint_from: VersionSource,
}

/// Examines a stack. Never fails: what cannot be told is unknown.
#[must_use]
pub fn examine(stack: &Stack<'_>) -> Report {
    let (mut report, sources) = judged(stack, |verdicts, read| report(stack, verdicts, read));
    report.sources = sources;
    report.mask();
    report
}

/// Reads a stack, judges it and hands the verdicts on, with the texts that they point into.
pub(super) fn judged<R>(stack: &Stack<'_>, then: impl FnOnce(&Verdicts<'_>, Read<'_>) -> R) -> (R, Sources) {
    let resolution = stack.resolution;
    let directory = resolution.working_dir();
    let mut reader = files::Reader::new(stack.files, &stack.texts, directory, resolution.sources().clone());
    reader.is_copy = stack.is_copy;

    let jobs = evidence::read(&stack.definitions, directory, &mut reader);
    let shells = jobs::shells(&jobs);
    let services = match resolution.services().next() {
        None if !jobs.is_empty() => Services::of_jobs(jobs.iter().chain(&shells)),
        _ => Services::read(resolution, processes::is_run_on_demand),
    };

    let mut early: Vec<Finding> = stack.noted.clone();
    let runtime = read_inspects(stack, &services, &mut reader, &mut early);
    let (hint, hint_from) = match (stack.version, runtime.version()) {
        (Some(version), _) => (Some(version), VersionSource::Caller),
        (None, Some(version)) => (Some(version), VersionSource::Label),
        (None, None) => match stack.logged() {
            Some(version) => (Some(version), VersionSource::Log),
            None => (None, VersionSource::Unknown),
        },
    };
    let observed = Observed { containers: runtime.seen(), gateways: stack.gateways.clone() };
    let processes = processes::read(&services, hint, &observed, &mut reader);
    let mut listing = Listing::default();
    for (name, text) in &stack.listings {
        let file = reader.enter(Format::Listing, name, text);
        listing.read(file, directory, text);
    }
    for (name, text) in &stack.listings_of_copies {
        let file = reader.enter(Format::Listing, name, text);
        listing.read(file, directory, text);
        listing.is_copy = listing.has_one_owner();
        listing.is_at_hand = true;
    }
    let engine = read_engine(stack, &listing, &mut reader, &mut early);
    let namespaces = Namespaces::read(&services);
    let stranded = stranded::find(&runtime, &services, &namespaces, &stack.inspects, &mut reader);
    early.extend(unread_findings(&mut reader));
    early.extend(spelled_otherwise(&processes, &reader));
    let unread = resolution.unread().iter().chain(&reader.unread).cloned().collect();
    let mut sources = std::mem::take(&mut reader.sources);
    let secrets = secrets::collect(stack, &processes, &jobs, &sources);
    secrets::mark_secrets(&processes, &jobs, &mut sources);
    secrets::mark_urls(resolution, &processes, &mut sources);
    secrets.mark_in(&mut sources);

    // One whose words cannot be read has not said that it is no Mac's.
    let is_garbled = early.iter().any(|finding| finding.code == Code::EngineInfoUnreadable);
    let signs = Signs {
        told: stack.host,
        engine: stack.engine.as_ref().filter(|_| !is_garbled).map(|_| &engine),
        made_from: runtime.made_from(),
        listing: &listing,
    };
    // A job of the host runs in no engine.
    let host = signs.host().filter(|_| services.list.iter().any(|service| service.job.is_none()));
    if host == Some(Host::Mac) {
        listing.ignore_case();
    }
    let surroundings = Surroundings {
        addresses: runtime.addresses(),
        refusals: stack.refusals.clone(),
        upstreams: stack.upstreams.clone(),
        namespaces,
        stranded,
        confined: runtime.confined(),
        docker_vm: host == Some(Host::Mac),
        engine,
        listing,
        stale_files: std::mem::take(&mut reader.stale),
        upgrade_to: stack.upgrade_to,
    };
    let model = Model::new(resolution, &services, &processes, &sources, surroundings);
    let gateways = Gateway::all(&model);
    let outgoing = clients::outgoing(&model, &gateways);
    let mut clients = clients::find(&model, &gateways, &outgoing);
    refusals::lay(&mut clients, &gateways, &model);
    let verdicts = Verdicts::new(&model, &gateways, &outgoing, &clients, &stack.up, &stack.kept_out);
    let read = Read { runtime, jobs: &jobs, early, unread, secrets, hint, hint_from };
    let made = then(&verdicts, read);
    (made, sources)
}

/// What there is to say. Its places are resolved already; the texts come to it when nobody reads them any more.
fn report(stack: &Stack<'_>, verdicts: &Verdicts<'_>, read: Read<'_>) -> Report {
    let Read { runtime, jobs, early, unread, secrets, hint, hint_from } = read;
    let Verdicts { model, gateways, clients, .. } = *verdicts;
    let stale = stale(&runtime, model);

    let mut found = Findings::default();
    found.extend(early);
    if let Some(Otherwise { resolution, is_known }) = stack.otherwise {
        found.extend(findings::dialects::finding(model, resolution, is_known));
    }
    found.extend(findings::podman_compose::finding(model, stack.composer));
    findings::find(verdicts, &runtime, jobs, &mut found);
    let (mut findings, behind) = found.ranked();
    findings.iter_mut().for_each(leave_containers_alone);
    remedies::finish(&mut findings, model);

    // The server's winner is A.
    let mut letters = token::Classes::default();
    for gateway in gateways {
        if let Some(value) = gateway.decision.value() {
            letters.letter(value);
        }
    }
    let mut views: Vec<GatewayView> =
        gateways.iter().map(|gateway| gateway_view(gateway, hint_from, model, &mut letters)).collect();
    report::name_rivals(&mut views, &verdicts.contentions);
    let gateways = views;
    let mut views: Vec<ClientView> =
        clients.iter().map(|client| gates::view(client, verdicts, &behind, &mut letters)).collect();
    for view in &mut views {
        stale.iter().for_each(|stale| gates::apply_stale(view, stale, &behind));
    }
    let containers = containers::views(&runtime, verdicts, &mut letters);
    let tokens = token_sources::views(jobs, verdicts, &mut letters, stack.fingerprint);
    let version = gateways
        .first()
        .map_or(VersionView { version: hint, from: hint_from }, |gateway| gateway.version.clone());
    Report {
        version,
        gateways,
        clients: views,
        tokens,
        namespaces: model.namespaces.clone(),
        containers,
        runs_as: runtime.runs_as.clone(),
        unseen_states: report::unseen_states(verdicts),
        findings,
        unread,
        sources: Sources::new(),
        secrets,
    }
}

fn read_inspects(
    stack: &Stack<'_>,
    services: &Services<'_>,
    reader: &mut files::Reader<'_>,
    out: &mut Vec<Finding>,
) -> Runtime {
    let mut printed = Printed::default();
    for (name, text) in &stack.inspects {
        if let Err(place) = read_containers(text.expose(), &mut printed) {
            let file = reader.enter(Format::Other, name, "");
            let summary = format!("{name} is not output of docker inspect: JSON stops at {place}");
            let place = Place::of(&reader.sources, PlaceRole::Decided, Span::new(file, 0, 0));
            out.push(Finding::new(Code::InspectUnreadable, summary).at(place));
        }
    }
    Runtime::new(printed, stack.resolution, services)
}

/// What lies in the state directory and its kin and could not be read. The Compose files' own are told by the resolution.
fn unread_findings(reader: &mut files::Reader<'_>) -> Vec<Finding> {
    let mut findings = Vec::with_capacity(reader.unread.len());
    for unread in std::mem::take(&mut reader.unread) {
        let file = reader.enter(Format::Other, &unread.file, "");
        let place = Place::of(&reader.sources, PlaceRole::Decided, Span::new(file, 0, 0));
        let summary = format!("{} is there and cannot be read: {}", unread.file, unread.error);
        let mut finding = Finding::new(project::unread::code(&unread.error), summary).at(place);
        finding.remedy = project::unread::next_step(&unread.error).map(remedies::words);
        findings.push(finding);
        reader.unread.push(unread);
    }
    findings
}

/// States that are mounted by another spelling than their directories have.
fn spelled_otherwise(processes: &[Process<'_>], reader: &files::Reader<'_>) -> Vec<Finding> {
    let ours = processes.iter().filter(|process| process.is_openclaw());
    let mounts = ours.filter_map(|process| mounts::mount_over(process.service, &process.state_dir));
    let sources: BTreeMap<&str, Span> =
        mounts.filter_map(|mount| Some((mount.source?, mount.span))).collect();
    let sources = sources.into_iter().filter(|(source, _)| source.starts_with('/'));
    let told = sources
        .flat_map(|(source, span)| reader.told_of_case(source).into_iter().map(move |told| (told, span)));
    told.map(|((summary, help), span)| {
        let place = Place::of(&reader.sources, PlaceRole::Decided, span);
        let mut finding = Finding::new(Code::NameDiffersByCase, summary).at(place);
        finding.remedy = Some(remedies::words(help));
        finding
    })
    .collect()
}

/// What the engine says of itself, and what was recorded of the ids it maps.
fn read_engine(
    stack: &Stack<'_>,
    listing: &Listing,
    reader: &mut files::Reader<'_>,
    out: &mut Vec<Finding>,
) -> engine::Engine {
    let mut engine = engine::Engine::default();
    let mut unread = |code: Code, name: &str, summary: String| {
        let file = reader.enter(Format::Other, name, "");
        let span = Span::new(file, 0, 0);
        out.push(Finding::new(code, summary).at(Place::of(&reader.sources, PlaceRole::Decided, span)));
    };
    if let Some((name, text)) = &stack.engine {
        match engine::Engine::read(text.expose()) {
            Ok(read) => engine = read,
            Err(place) => {
                let summary = format!("{name} is not the output of docker info: JSON stops at {place}");
                unread(Code::EngineInfoUnreadable, name, summary);
            }
        }
    }
    let user = listing.of(stack.resolution.working_dir()).map(|owner| owner.uid);
    for (name, text) in &stack.id_maps {
        if !engine.record_ids(text, user) {
            let summary = format!("{name} holds neither lines of uid_map nor of subuid");
            unread(Code::IdMapUnreadable, name, summary);
        }
    }
    engine
}

/// Services whose running container has another secret, or publishes another port, than the files say.
fn stale<'p>(runtime: &Runtime, model: &'p Model<'_>) -> [Stale<'p>; 2] {
    let mut secrets = BTreeMap::new();
    let mut ports = BTreeMap::new();
    for process in model.processes.iter().filter(|process| process.is_openclaw()) {
        let name = process.service.name;
        let Some(container) = runtime.of(name) else { continue };
        let differs = differences(runtime, process, container, model);
        if stale_code(&differs) == Code::StaleToken {
            secrets.insert(name, (process, Code::StaleToken));
        }
        if process.role == Role::Gateway && differs.iter().any(|name| name == PORTS) {
            ports.insert(name, (process, stale_code(&differs)));
        }
    }
    [
        Stale { gate: gates::StackGate::Auth, still: "holds another value", of: secrets },
        Stale { gate: gates::StackGate::Published, still: "publishes another port", of: ports },
    ]
}

/// What was read inside a container is not a file that can be edited from here: there the remedy is left to a person.
fn leave_containers_alone(finding: &mut Finding) {
    let Some(remedy) = &mut finding.remedy else { return };
    if remedy.edits.iter().any(|edit| edit.file.starts_with("container:")) {
        remedy.edits.clear();
        remedy.safety = if remedy.command.is_some() { Safety::Judgement } else { Safety::TextOnly };
    }
}
