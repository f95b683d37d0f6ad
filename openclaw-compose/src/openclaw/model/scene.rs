//! Everything the questions of this floor look at, read once.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;

use crate::finding::{Code, Finding, Place, PlaceRole, Subject};
use crate::openclaw::rules::version::Version;
use crate::openclaw::rules::{self, Meaning};
use crate::openclaw::verdict::listener::Gateway;
use crate::openclaw::verdict::reach::{self, Choice, Map};
use crate::openclaw::verdict::state::{self, Usable};
use crate::openclaw::verdict::token;
use crate::project::{Resolution, StepKind};
use crate::source::{Sources, Span, Text};

use super::engine::Engine;
use super::names;
use super::namespaces::{Namespace, Namespaces};
use super::owners::Listing;
use super::processes::{self, Backing, EnvLayer, EnvValue, Process, Role};
use super::proxies;
use super::roots::Roots;
use super::services::{Mount, MountKind, Service, Services};

pub(crate) struct Scene<'s, 'a> {
    pub(crate) services: &'s Services<'a>,
    pub(crate) processes: &'s [Process<'a>],
    pub(crate) namespaces: Namespaces,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) listing: Listing,
    /// One for each process.
    pub(crate) usable: Vec<Usable>,
    pub(crate) sources: &'s Sources,
    pub(crate) disabled: BTreeSet<String>,
    /// Docker runs in a virtual machine (macOS): file sharing maps owners, host networking is not the host's.
    pub(crate) docker_vm: bool,
    pub(crate) upgrade_to: Option<Version>,
    pub(crate) engine: Engine,
    /// Services whose running containers SELinux confines.
    pub(crate) confined: BTreeSet<String>,
    /// Files that a running container holds in another text than the host: service and path inside.
    pub(crate) stale_files: BTreeSet<(String, String)>,
    /// The processes that are proxies.
    pub(crate) proxies: Vec<usize>,
    /// The ports that some client dials beyond its own loopback.
    pub(crate) dialled: BTreeSet<u16>,
    lookup: Lookup<'s>,
    /// Value in a service to the bytes its text comes from.
    origins: BTreeMap<Span, Span>,
    resolution: &'s Resolution,
}

/// What is known of the host, the engine and the plans beside the files.
pub(crate) struct Surroundings {
    pub(crate) listing: Listing,
    pub(crate) engine: Engine,
    pub(crate) docker_vm: bool,
    pub(crate) confined: BTreeSet<String>,
    pub(crate) stale_files: BTreeSet<(String, String)>,
    pub(crate) upgrade_to: Option<Version>,
}

/// The gateways by what leads to them, each the first, so that no client walks them all.
#[derive(Default)]
struct Lookup<'p> {
    by_process: BTreeMap<usize, usize>,
    by_namespace: BTreeMap<Namespace, usize>,
    by_name: BTreeMap<&'p str, usize>,
    by_state: BTreeMap<String, usize>,
    /// In each namespace the first two processes that are not OpenClaw's: one, and one beside it.
    foreign: BTreeMap<Namespace, Vec<usize>>,
    /// On each state that is kept, the gateways' processes, one for each user.
    users: BTreeMap<Backing, Vec<usize>>,
    /// In each namespace the gateways' processes that keep their state, one for each state.
    states: BTreeMap<Namespace, Vec<usize>>,
    /// The first process of OpenClaw's for each state directory, by its path in the container.
    state_dirs: Roots<'p>,
}

impl<'p> Lookup<'p> {
    fn of(gateways: &[Gateway], processes: &'p [Process<'_>], namespaces: &Namespaces) -> Self {
        let mut out = Self::default();
        let (mut users, mut states) = (BTreeSet::new(), BTreeSet::new());
        for (gateway, process) in
            gateways.iter().enumerate().filter_map(|(at, gateway)| Some((at, processes.get(gateway.at)?)))
        {
            let service = process.service;
            if let Some(namespace) = namespaces.of.get(service.name) {
                out.by_namespace.entry(namespace.clone()).or_insert(gateway);
            }
            for name in std::iter::once(service.name).chain(service.container_name) {
                out.by_name.entry(name).or_insert(gateway);
            }
            if let Backing::Host(path) = &process.state {
                out.by_state.entry(path.clone()).or_insert(gateway);
            }
            if !matches!(process.state, Backing::Host(_) | Backing::Volume { .. }) {
                continue;
            }
            let process_at = gateways.get(gateway).map(|gateway| gateway.at);
            if let Some(uid) = process.uid.number()
                && users.insert((&process.state, uid))
            {
                out.users.entry(process.state.clone()).or_default().extend(process_at);
            }
            if let Some(namespace) = namespaces.of.get(service.name)
                && states.insert((namespace, &process.state))
            {
                out.states.entry(namespace.clone()).or_default().extend(process_at);
            }
        }
        for (at, process) in processes.iter().enumerate().filter(|(_, process)| !process.is_openclaw()) {
            let Some(namespace) = namespaces.of.get(process.service.name) else { continue };
            let known = out.foreign.entry(namespace.clone()).or_default();
            if known.len() < 2 {
                known.push(at);
            }
        }
        let openclaw = processes.iter().enumerate().filter(|(_, process)| process.is_openclaw());
        // The first of several is entered last.
        for (at, process) in openclaw.rev().filter(|(_, process)| process.state_dir != "/") {
            out.state_dirs.insert(&process.state_dir, at);
        }
        out.by_process = gateways.iter().enumerate().map(|(at, gateway)| (gateway.at, at)).collect();
        out
    }
}

impl<'s, 'a> Scene<'s, 'a> {
    pub(crate) fn new(
        resolution: &'s Resolution,
        services: &'s Services<'a>,
        processes: &'s [Process<'a>],
        sources: &'s Sources,
        surroundings: Surroundings,
    ) -> Self {
        let Surroundings { listing, engine, docker_vm, confined, stale_files, upgrade_to } = surroundings;
        let gateways: Vec<Gateway> = processes
            .iter()
            .enumerate()
            .filter(|(_, process)| process.role == Role::Gateway)
            .map(|(at, process)| Gateway::read(at, process))
            .collect();
        let docker_vm =
            docker_vm || resolution.working_dir().starts_with("/Users/") || listing.looks_like_macos();
        let namespaces = Namespaces::read(services);
        let mut scene = Self {
            services,
            processes,
            proxies: processes
                .iter()
                .enumerate()
                .filter(|(_, process)| proxies::is_proxy(process.service))
                .map(|(at, _)| at)
                .collect(),
            dialled: processes
                .iter()
                .filter_map(|process| reach::choose(process)?.url)
                .filter(|url| !names::is_loopback(&url.host))
                .map(|url| url.port)
                .collect(),
            lookup: Lookup::of(&gateways, processes, &namespaces),
            namespaces,
            gateways,
            listing,
            usable: Vec::new(),
            sources,
            disabled: resolution.disabled_services().map(|service| service.name().to_owned()).collect(),
            docker_vm,
            upgrade_to,
            engine,
            confined,
            stale_files,
            origins: origins(resolution, processes),
            resolution,
        };
        scene.usable = processes.iter().map(|process| state::usable(process, &scene)).collect();
        scene
    }

    pub(crate) fn map(&self) -> Map<'_, 'a> {
        Map {
            services: self.services,
            processes: self.processes,
            namespaces: &self.namespaces,
            disabled: &self.disabled,
            foreign: &self.lookup.foreign,
            docker_vm: self.docker_vm,
        }
    }

    /// A finding with its deciding place: where the value comes from, and beside it the template that asks for it.
    pub(crate) fn finding(&self, code: Code, summary: impl Into<String>, span: Option<Span>) -> Finding {
        let mut finding = Finding::new(code, summary);
        if let Some(span) = span {
            let origin = self.origin(span);
            finding.places.extend(self.place(PlaceRole::Decided, origin));
            if origin != span {
                finding.places.extend(self.place(PlaceRole::Related, span));
            }
        }
        finding
    }

    /// The place of a span; nothing for what no source spells.
    pub(crate) fn place(&self, role: PlaceRole, span: Span) -> Option<Place> {
        self.is_written(span).then(|| Place::of(self.sources, role, span))
    }

    /// The place of a file of a process, by its path in the container.
    pub(crate) fn place_of_file(&self, process: &Process<'_>, path: &str) -> Option<Place> {
        let Backing::Host(host) = processes::backing(process.service, self.services, path) else {
            return None;
        };
        let name = self.shown_path(&host);
        let file = self.sources.ids().find(|file| self.sources.name(*file) == name)?;
        self.place(PlaceRole::Decided, Span::new(file, 0, 0))
    }

    /// Whether the bytes stand in a source.
    pub(crate) fn is_written(&self, span: Span) -> bool {
        !self.sources.name(span.file).is_empty()
    }

    /// Where the text of a service's value comes from: the line of `.env` rather than the template that names it.
    pub(crate) fn origin(&self, span: Span) -> Span {
        self.origins.get(&span).copied().unwrap_or(span)
    }

    /// Whether a variable of a service is a template.
    pub(crate) fn is_interpolated(&self, service: &str, name: &str) -> bool {
        self.resolution
            .env_steps(service, name)
            .is_some_and(|steps| steps.iter().any(|step| step.kind == StepKind::Interpolated))
    }

    /// Whether a weaker source gives the variable a value as well, such as an env file.
    pub(crate) fn hides_another(&self, service: &str, name: &str) -> bool {
        let story = self.resolution.env(service, name);
        story.is_some_and(|story| {
            let has_value = |text: &secrecy::SecretString| !text.expose_secret().trim().is_empty();
            story.shadowed.iter().any(|step| step.value.as_ref().is_some_and(has_value))
        })
    }

    /// Whether the project itself (shell or `.env`) knows a variable with a value.
    pub(crate) fn project_has(&self, name: &str) -> bool {
        self.resolution.variable_value(name).is_some_and(|(value, _)| !value.expose().trim().is_empty())
    }

    /// The secret that people are given: that of the gateway's environment, else that of `.env` or the shell.
    pub(crate) fn handed_out(&self, gateway: &Gateway) -> Option<Text> {
        let meaning = match gateway.secret {
            token::Secret::Token => Meaning::Token,
            token::Secret::Password => Meaning::Password,
        };
        let process = self.processes.get(gateway.at)?;
        let in_service = process
            .meant(meaning)
            .filter(|(_, value)| value.layer <= EnvLayer::Container)
            .map(|(_, value)| value.text.clone());
        let in_project = || {
            let rule = rules::names(meaning, process.version).find(|rule| rule.reads == rules::Reads::Yes)?;
            let value = self.resolution.variable_value(rule.name)?.0.expose().trim();
            (!value.is_empty()).then(|| Text::from(value))
        };
        in_service.or_else(in_project)
    }

    /// A variable of the project itself (shell or `.env`), and its place.
    pub(crate) fn project_variable(&self, name: &str) -> Option<(secrecy::SecretString, Option<Place>)> {
        let (value, place) = self.resolution.variable_value(name)?;
        Some((value.to_secret(), place))
    }

    /// Places that hold another value for a variable of a service, or of the project itself, and lose.
    pub(crate) fn shadowed(&self, service: Option<&str>, name: &str) -> Vec<Place> {
        let story = match service {
            Some(service) => self.resolution.env(service, name),
            None => self.resolution.variable(name),
        };
        let Some(story) = story else { return Vec::new() };
        let Some(value) = &story.value else { return Vec::new() };
        let differs = |other: &secrecy::SecretString| {
            let other = other.expose_secret().trim();
            !other.is_empty() && other != value.expose_secret().trim()
        };
        let lost = story.shadowed.iter().filter(|step| step.value.as_ref().is_some_and(differs));
        lost.filter_map(|step| Some(Place::of(self.sources, PlaceRole::Shadowed, step.place.as_ref()?.span)))
            .collect()
    }

    /// The place of [`Scene::handed_out`].
    pub(crate) fn handed_out_span(&self, gateway: &Gateway) -> Option<Span> {
        let process = self.processes.get(gateway.at)?;
        let given = |value: &EnvValue<'_>| value.layer <= EnvLayer::Container;
        let in_service = process.meant(Meaning::Token).map(|(_, value)| value).filter(given);
        in_service
            .map(|value| value.span)
            .or_else(|| Some(self.resolution.variable("OPENCLAW_GATEWAY_TOKEN")?.decided_by()?.span))
    }

    /// How the gateway's compose file writes the token, where that shows nothing: `${OPENCLAW_GATEWAY_TOKEN}`.
    pub(crate) fn token_template(&self, gateway: &Gateway) -> Option<String> {
        let process = self.processes.get(gateway.at)?;
        let variable = process.service.environment.get("OPENCLAW_GATEWAY_TOKEN")?;
        let written = self.sources.expose(variable.span).trim_matches(['"', '\'']);
        let filled = variable.value.is_some_and(|value| !value.is_blank());
        if filled && written.starts_with("${") && written.ends_with('}') {
            return Some(written.to_owned());
        }
        self.project_has("OPENCLAW_GATEWAY_TOKEN").then(|| "${OPENCLAW_GATEWAY_TOKEN}".to_owned())
    }

    /// The gateway a process belongs to: itself, the one whose namespace it shares, the one its URL names, the one whose
    /// state it mounts, or else the first.
    pub(crate) fn gateway_for(&self, at: usize, choice: &Choice) -> Option<usize> {
        let process = self.processes.get(at)?;
        let Lookup { by_process, by_namespace, by_name, by_state, .. } = &self.lookup;
        let sharing = || by_namespace.get(self.namespaces.of.get(process.service.name)?);
        let named = || by_name.get(choice.url.as_ref()?.host.as_str());
        let on_state = || match &process.state {
            Backing::Host(path) => by_state.get(path),
            _ => None,
        };
        let found = by_process.get(&at).or_else(sharing).or_else(named).or_else(on_state);
        found.copied().or_else(|| (!self.gateways.is_empty()).then_some(0))
    }

    /// The first gateway's process that runs on the state of this one as another user.
    pub(crate) fn other_user_of(&self, process: &Process<'_>) -> Option<usize> {
        let uid = process.uid.number()?;
        let differs =
            |at: &usize| self.processes.get(*at).is_some_and(|other| other.uid.number() != Some(uid));
        self.lookup.users.get(&process.state)?.iter().copied().find(differs)
    }

    /// The first gateway's process that lives in the namespace of this one and keeps another state than it keeps.
    pub(crate) fn other_state_beside(&self, process: &Process<'_>) -> Option<usize> {
        if !matches!(process.state, Backing::Host(_) | Backing::Volume { .. }) {
            return None;
        }
        let differs = |at: &usize| self.processes.get(*at).is_some_and(|other| other.state != process.state);
        let namespace = self.namespaces.of.get(process.service.name)?;
        self.lookup.states.get(namespace)?.iter().copied().find(differs)
    }

    /// The first process of OpenClaw's whose state directory lies above that of this one.
    pub(crate) fn state_above(&self, process: &Process<'_>) -> Option<usize> {
        self.lookup.state_dirs.above(&process.state_dir).min()
    }

    /// The gateway that a process is.
    pub(crate) fn gateway_in(&self, process: usize) -> Option<&Gateway> {
        self.gateways.get(*self.lookup.by_process.get(&process)?)
    }

    /// The service of a process, as a finding's subject.
    pub(crate) fn subject(&self, process: usize) -> Subject {
        self.processes.get(process).map_or(Subject::Stack, Process::subject)
    }

    pub(crate) fn service_name(&self, process: usize) -> &str {
        self.processes.get(process).map_or("the gateway", |process| process.service.name)
    }

    pub(crate) fn service_name_at(&self, service: usize) -> &str {
        self.services.list.get(service).map_or("another service", |service| service.name)
    }

    pub(crate) fn gateway_name(&self, gateway: usize) -> &str {
        self.gateways.get(gateway).map_or("", |gateway| self.service_name(gateway.at))
    }

    pub(crate) fn service_span(&self, process: usize) -> Option<Span> {
        self.processes.get(process).map(|process| process.service.key_span)
    }

    pub(crate) fn version_of(&self, process: usize) -> Option<Version> {
        self.processes.get(process)?.version
    }

    /// The service whose namespace the process lives in.
    pub(crate) fn namespace_owner(&self, process: usize) -> Option<&'s Service<'a>> {
        let name = self.processes.get(process)?.service.name;
        let Namespace::Service(owner) = self.namespaces.of.get(name)? else { return None };
        self.services.named(owner)
    }

    /// Whether a program that is not OpenClaw's lives in the process's namespace.
    pub(crate) fn has_foreign_neighbour(&self, process: usize) -> bool {
        let namespace = self.namespaces.of.get(self.service_name(process));
        namespace.is_some_and(|namespace| self.lookup.foreign.contains_key(namespace))
    }

    pub(crate) fn shares_gateway_namespace(&self, service: &str) -> bool {
        self.namespaces.of.get(service).is_some_and(|here| self.lookup.by_namespace.contains_key(here))
    }

    pub(crate) fn usable_of(&self, process: &Process<'_>) -> Option<&Usable> {
        self.usable.get(self.services.position(process.service.name)?)
    }

    /// Services on the process's networks that are neither OpenClaw nor in an OpenClaw namespace.
    pub(crate) fn unrelated_neighbours(&self, process: &Process<'_>) -> Vec<&'s str> {
        self.processes
            .iter()
            .filter(|other| !other.is_openclaw() && names::shares_network(other.service, process.service))
            .map(|other| other.service.name)
            .collect()
    }

    pub(crate) fn network_name<'n>(&'n self, key: &'n str) -> &'n str {
        self.services.networks.get(key).map_or(key, |network| network.name)
    }

    /// The key of the service's `environment`.
    pub(crate) fn environment_key(&self, service: &Service<'_>) -> Option<Span> {
        let entry = service.node.as_map()?.entry("environment")?;
        // An environment that only env files bring is written nowhere.
        let written = self.sources.expose(entry.key_span).trim_matches(['"', '\'']) == "environment";
        written.then_some(entry.key_span)
    }

    /// A host path as people write it.
    pub(crate) fn shown_path<'p>(&self, path: &'p str) -> &'p str {
        let directory = self.resolution.working_dir();
        match path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) if !rest.is_empty() => rest,
            _ => path,
        }
    }

    /// The services that mount a source's file by itself, and those that lose their network when they are recreated.
    pub(crate) fn mounting(&self, file: &str) -> Vec<&str> {
        // The project's files are named from where the command runs, what only OpenClaw reads from the project's directory.
        let is_named = |path: &str| {
            path == file || self.shown_path(path) == file || self.resolution.source_name(path) == file
        };
        let mut out: Vec<&str> = Vec::new();
        for service in &self.services.list {
            let is_single =
                |mount: &Mount<'_>| mount.kind == MountKind::Bind && mount.source.is_some_and(is_named);
            if service.mounts.iter().any(is_single) {
                out.push(service.name);
                out.extend(self.namespaces.stranded_by(service.name));
            }
        }
        out
    }
}

/// Origins of the variables and flags that decide tokens, URLs, ports and directories.
fn origins(resolution: &Resolution, processes: &[Process<'_>]) -> BTreeMap<Span, Span> {
    let mut out = BTreeMap::new();
    for process in processes.iter().filter(|process| process.role != Role::Other) {
        let service = process.service.name;
        for (name, variable) in &process.service.environment {
            let telling = name.contains("GATEWAY") || rules::NAME_RULES.iter().any(|rule| rule.name == *name);
            let Some(value) = variable.value.filter(|_| telling) else { continue };
            let Some(steps) = resolution.env_steps(service, name) else { continue };
            // Only where the whole value stands at one place can that place be edited for it.
            let whole = steps.iter().find_map(|step| {
                let place = step.place.as_ref()?;
                let text = step.value.as_ref()?;
                let source = matches!(
                    step.kind,
                    StepKind::Dotenv
                        | StepKind::EnvFile
                        | StepKind::Default
                        | StepKind::Literal
                        | StepKind::Shell
                );
                (source && text.expose_secret() == value.expose()).then_some(place.span)
            });
            // Of an item `KEY=value` only the value is meant.
            let is_item = |origin: Span| {
                origin.file == variable.span.file
                    && origin.start <= variable.span.start
                    && variable.span.end <= origin.end
            };
            if let Some(origin) = whole.filter(|origin| !is_item(*origin)) {
                out.insert(variable.span, origin);
            }
        }
        if !process.invocation.flags.is_empty() {
            for field in ["entrypoint", "command"] {
                let words =
                    if field == "command" { &process.service.command } else { &process.service.entrypoint };
                for (at, word) in words.iter().flatten().enumerate() {
                    if let Some(origin) = resolution.item_decided_by(service, field, at) {
                        out.insert(word.span, origin.span);
                    }
                }
            }
        }
    }
    out
}
