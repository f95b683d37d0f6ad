//! What a stack says, read once and looked at by everything above.

pub(crate) mod compose;
pub(crate) mod config;
pub(crate) mod containers;
pub(crate) mod engine;
pub(crate) mod evidence;
pub(crate) mod files;
pub(crate) mod gateways;
pub(crate) mod host;
pub(crate) mod image;
pub(crate) mod invocation;
pub(crate) mod jobs;
pub(crate) mod mounts;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod neighbours;
pub(crate) mod observed;
pub(crate) mod owners;
pub(crate) mod processes;
pub(crate) mod proxies;
pub(crate) mod quadlet;
pub(crate) mod roles;
pub(crate) mod roots;
pub(crate) mod services;
pub(crate) mod shell;
pub(crate) mod stranded;
pub(crate) mod urls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use secrecy::ExposeSecret as _;

use crate::finding::{Place, PlaceRole};
use crate::project::nearest;
use crate::project::{Resolution, StepKind};
use crate::source::{Sources, Span};

use super::rules;
use super::rules::version::Version;
use engine::Engine;
use gateways::Gateways;
use mounts::Backing;
use namespaces::{Namespace, Namespaces};
use neighbours::Neighbours;
use observed::{LoggedRefusal, Upstream};
use owners::Listing;
use processes::{Process, Role};
use services::{Mount, MountKind, Service, Services};
use stranded::Stranded;

/// A stack as its files and the engine describe it.
pub(crate) struct Model<'a> {
    pub(crate) services: &'a Services<'a>,
    pub(crate) processes: &'a [Process<'a>],
    pub(crate) namespaces: Namespaces,
    /// Services whose running containers were left behind in a namespace that is gone.
    pub(crate) stranded: BTreeMap<String, Stranded>,
    pub(crate) neighbours: Neighbours<'a>,
    /// Which processes are gateways, and whose.
    pub(crate) gateways: Gateways<'a>,
    pub(crate) listing: Listing,
    pub(crate) sources: &'a Sources,
    pub(crate) disabled: BTreeSet<String>,
    /// The engine runs in a virtual machine: file sharing maps owners, host networking is not the host's.
    pub(crate) docker_vm: bool,
    pub(crate) upgrade_to: Option<Version>,
    pub(crate) engine: Engine,
    /// Services whose running containers SELinux confines.
    pub(crate) confined: BTreeSet<String>,
    /// Files that a running container holds in another text than the host: service and path inside.
    pub(crate) stale_files: BTreeSet<(String, String)>,
    /// The services behind addresses that their containers have, or that the files give them.
    addresses: BTreeMap<IpAddr, String>,
    addresses_of: BTreeMap<String, Vec<IpAddr>>,
    /// What the gateways in services refused.
    refusals: BTreeMap<String, BTreeSet<LoggedRefusal>>,
    upstreams: BTreeMap<String, Vec<Upstream>>,
    /// The processes that are proxies.
    pub(crate) proxies: Vec<&'a Process<'a>>,
    /// Value in a service to the bytes its text comes from.
    origins: BTreeMap<Span, Span>,
    pub(crate) resolution: &'a Resolution,
}

/// What is known of the host, the engine and the plans beside the files.
pub(crate) struct Surroundings {
    pub(crate) addresses: BTreeMap<IpAddr, String>,
    pub(crate) refusals: BTreeMap<String, BTreeSet<LoggedRefusal>>,
    pub(crate) upstreams: BTreeMap<String, Vec<Upstream>>,
    pub(crate) namespaces: Namespaces,
    pub(crate) stranded: BTreeMap<String, Stranded>,
    pub(crate) listing: Listing,
    pub(crate) engine: Engine,
    pub(crate) docker_vm: bool,
    pub(crate) confined: BTreeSet<String>,
    pub(crate) stale_files: BTreeSet<(String, String)>,
    pub(crate) upgrade_to: Option<Version>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(
        resolution: &'a Resolution,
        services: &'a Services<'a>,
        processes: &'a [Process<'a>],
        sources: &'a Sources,
        surroundings: Surroundings,
    ) -> Self {
        let Surroundings {
            mut addresses,
            refusals,
            upstreams,
            namespaces,
            stranded,
            listing,
            engine,
            docker_vm,
            confined,
            stale_files,
            upgrade_to,
        } = surroundings;
        for service in &services.list {
            let written = service.networks.iter().flat_map(|attachment| &attachment.addresses);
            for address in written.filter_map(|address| address.parse().ok()) {
                addresses.entry(address).or_insert_with(|| service.name.to_owned());
            }
        }
        let mut addresses_of: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for (address, service) in &addresses {
            addresses_of.entry(service.clone()).or_default().push(*address);
        }
        Self {
            addresses,
            addresses_of,
            refusals,
            upstreams,
            services,
            processes,
            gateways: Gateways::of(processes, &namespaces),
            neighbours: Neighbours::of(processes, &namespaces),
            namespaces,
            stranded,
            proxies: processes.iter().filter(|process| proxies::is_proxy(process.service)).collect(),
            listing,
            sources,
            disabled: resolution.disabled_services().map(|service| service.name().to_owned()).collect(),
            docker_vm,
            upgrade_to,
            engine,
            confined,
            stale_files,
            origins: origins(resolution, processes),
            resolution,
        }
    }

    /// The service that has an address.
    pub(crate) fn service_at(&self, address: IpAddr) -> Option<&'a Service<'a>> {
        self.services.named(self.addresses.get(&address)?)
    }

    /// The addresses that a service is known to have.
    pub(crate) fn addresses_of(&self, service: &str) -> &[IpAddr] {
        self.addresses_of.get(service).map_or(&[], Vec::as_slice)
    }

    /// What the gateway in a process refused.
    pub(crate) fn refusals(&self, gateway: &Process<'_>) -> impl Iterator<Item = &LoggedRefusal> {
        self.refusals.get(gateway.service.name).into_iter().flatten()
    }

    /// Where a proxy led requests, by its own log.
    pub(crate) fn upstreams(&self, proxy: &Service<'_>) -> &[Upstream] {
        self.upstreams.get(proxy.name).map_or(&[], Vec::as_slice)
    }

    /// The namespace a service's sockets live in.
    pub(crate) fn namespace(&self, service: &Service<'_>) -> Option<&Namespace> {
        self.namespaces.of.get(service.name)
    }

    /// The service whose namespace the process lives in.
    pub(crate) fn namespace_owner(&self, process: &Process<'_>) -> Option<&'a Service<'a>> {
        let Namespace::Service(owner) = self.namespace(process.service)? else { return None };
        self.services.named(owner)
    }

    /// Which of a client and a gateway was left behind in a namespace that is gone, so that they are apart. Where both
    /// were, they may be in the same one.
    pub(crate) fn stranded_between(
        &self,
        client: Option<&Process<'_>>,
        gateway: &Process<'_>,
    ) -> Option<&str> {
        let is_stranded = |process: &Process<'_>| self.stranded.contains_key(process.service.name);
        match client {
            Some(client) if client.id == gateway.id => None,
            Some(client) if is_stranded(client) && is_stranded(gateway) => None,
            Some(client) if is_stranded(client) => self.stranded_name(client),
            _ => self.stranded_name(gateway),
        }
    }

    fn stranded_name(&self, process: &Process<'_>) -> Option<&str> {
        self.stranded.get_key_value(process.service.name).map(|(name, _)| name.as_str())
    }

    pub(crate) fn shares_gateway_namespace(&self, service: &Service<'_>) -> bool {
        self.namespace(service).is_some_and(|here| self.gateways.is_in(here))
    }

    /// The place of a span; nothing for what no source spells.
    pub(crate) fn place(&self, role: PlaceRole, span: Span) -> Option<Place> {
        self.is_written(span).then(|| Place::of(self.sources, role, span))
    }

    /// The place of a file of a process, by its path in the container.
    pub(crate) fn place_of_file(&self, process: &Process<'_>, path: &str) -> Option<Place> {
        let Backing::Host(host) = mounts::backing(process.service, self.services, path) else {
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
        let explanation = self.resolution.env(service, name);
        explanation.is_some_and(|explanation| {
            let has_value = |text: &secrecy::SecretString| !text.expose_secret().trim().is_empty();
            explanation.shadowed.iter().any(|step| step.value.as_ref().is_some_and(has_value))
        })
    }

    /// Whether the project itself (shell or `.env`) knows a variable with a value.
    pub(crate) fn project_has(&self, name: &str) -> bool {
        self.resolution.variable_value(name).is_some_and(|(value, _)| !value.expose().trim().is_empty())
    }

    /// A variable of `.env` that is spelled nearly like this one.
    pub(crate) fn nearest_variable(&self, name: &str) -> Option<&str> {
        nearest(name, self.resolution.file_variables())
    }

    /// A variable of the project itself (shell or `.env`), and its place.
    pub(crate) fn project_variable(&self, name: &str) -> Option<(secrecy::SecretString, Option<Place>)> {
        let (value, place) = self.resolution.variable_value(name)?;
        Some((value.to_secret(), place))
    }

    /// Places that hold another value for a variable of a service, or of the project itself, and lose.
    pub(crate) fn shadowed(&self, service: Option<&str>, name: &str) -> Vec<Place> {
        let explanation = match service {
            Some(service) => self.resolution.env(service, name),
            None => self.resolution.variable(name),
        };
        let Some(explanation) = explanation else { return Vec::new() };
        let Some(value) = &explanation.value else { return Vec::new() };
        let differs = |other: &secrecy::SecretString| {
            let other = other.expose_secret().trim();
            !other.is_empty() && other != value.expose_secret().trim()
        };
        let lost = explanation.shadowed.iter().filter(|step| step.value.as_ref().is_some_and(differs));
        lost.filter_map(|step| Some(Place::of(self.sources, PlaceRole::Shadowed, step.place.as_ref()?.span)))
            .collect()
    }

    /// Services on the process's networks that are neither OpenClaw nor in an OpenClaw namespace.
    pub(crate) fn unrelated_neighbours(&self, process: &Process<'_>) -> Vec<&'a str> {
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
        let entry = service.node?.as_map()?.entry("environment")?;
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
