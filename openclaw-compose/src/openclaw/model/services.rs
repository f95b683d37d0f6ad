//! The services of a resolved stack, as far as this floor looks at them: one typed, spanned view over the canonical tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{Node, Resolution};
use crate::source::{Span, Text};

use super::config::is_below;
use super::jobs::{Job, Set};
use super::quadlet::Published;
use super::roots::Roots;
use read::{children, config_mount, flag, items, read_service};

mod read;

/// A value and the bytes that decided it.
#[derive(Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// One service.
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    /// The service's key in the file that brought it in.
    pub(crate) key_span: Span,
    /// Its profiles switch it off: it is there for `docker compose run`, which starts it all the same.
    pub(crate) on_demand: bool,
    /// The service's mapping; nothing for a job of the host.
    pub(crate) node: Option<&'a Node>,
    /// The job of the host that it is, where it is none of Compose's.
    pub(crate) job: Option<&'a Job>,
    pub(crate) image: Option<At<&'a str>>,
    pub(crate) built: bool,
    pub(crate) container_name: Option<&'a str>,
    pub(crate) command: Option<Vec<At<&'a Text>>>,
    pub(crate) entrypoint: Option<Vec<At<&'a Text>>>,
    pub(crate) environment: BTreeMap<&'a str, Variable<'a>>,
    pub(crate) user: Option<At<&'a str>>,
    pub(crate) userns_mode: Option<&'a str>,
    /// SELinux does not confine it: `privileged`, or `label:disable` among its security options.
    pub(crate) unconfined: bool,
    pub(crate) network_mode: Option<At<&'a str>>,
    pub(crate) networks: Vec<Attachment<'a>>,
    pub(crate) ports: Vec<Port<'a>>,
    pub(crate) mounts: Vec<Mount<'a>>,
    /// The last mount at each target.
    pub(crate) mounted: Roots<'a>,
    pub(crate) secrets: Vec<SecretMount<'a>>,
    pub(crate) extra_hosts: Vec<(&'a str, &'a str)>,
    pub(crate) links: Vec<(&'a str, &'a str)>,
    pub(crate) depends_on: Vec<Dependency<'a>>,
    pub(crate) restart: Option<At<&'a str>>,
    pub(crate) healthcheck: Option<Healthcheck<'a>>,
    pub(crate) memory: Option<At<u64>>,
    pub(crate) stop_grace: Option<At<f64>>,
    pub(crate) labels: BTreeMap<&'a str, At<&'a Text>>,
    pub(crate) interactive: bool,
}

/// A variable of a container; no value means a bare name that is set nowhere.
#[derive(Clone)]
pub(crate) struct Variable<'a> {
    pub(crate) value: Option<&'a Text>,
    pub(crate) span: Span,
    /// The key, where it stands in the compose file.
    pub(crate) key_span: Option<Span>,
}

/// A service's place on a network.
pub(crate) struct Attachment<'a> {
    pub(crate) network: &'a str,
    pub(crate) aliases: Vec<&'a str>,
    pub(crate) addresses: Vec<&'a str>,
}

/// A published port. `published` is empty when Docker picks one.
pub(crate) struct Port<'a> {
    pub(crate) host_ip: Option<&'a str>,
    pub(crate) published: Option<u16>,
    pub(crate) target: u16,
    pub(crate) udp: bool,
    pub(crate) span: Span,
}

/// What kind of thing is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MountKind {
    Bind,
    Volume,
    Tmpfs,
    Other,
}

/// Whether the engine is asked to label what is mounted for SELinux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relabel {
    No,
    /// `z`: for all containers.
    Shared,
    /// `Z`: for this one alone.
    Private,
}

/// A mount of a service.
#[derive(Clone)]
pub(crate) struct Mount<'a> {
    pub(crate) kind: MountKind,
    /// Host path of a bind, key of a named volume.
    pub(crate) source: Option<&'a str>,
    pub(crate) target: &'a str,
    pub(crate) read_only: bool,
    pub(crate) relabel: Relabel,
    pub(crate) span: Span,
}

/// A Docker secret in a service.
pub(crate) struct SecretMount<'a> {
    pub(crate) source: &'a str,
    pub(crate) target: String,
    pub(crate) span: Span,
}

/// What a service waits for.
pub(crate) struct Dependency<'a> {
    pub(crate) service: &'a str,
    pub(crate) condition: &'a str,
    pub(crate) span: Span,
}

/// A health check of the compose file.
pub(crate) struct Healthcheck<'a> {
    pub(crate) test: Vec<&'a Text>,
    pub(crate) disabled: bool,
    /// How long after a start the container is unhealthy at the earliest, in seconds.
    pub(crate) patience: f64,
    pub(crate) span: Span,
}

/// A network of the project.
pub(crate) struct Network<'a> {
    /// The name Docker knows it by.
    pub(crate) name: &'a str,
    pub(crate) internal: bool,
}

/// Everything this floor reads from the canonical tree.
pub(crate) struct Services<'a> {
    project: &'a str,
    pub(crate) list: Vec<Service<'a>>,
    bearers: Bearers<'a>,
    pub(crate) networks: BTreeMap<&'a str, Network<'a>>,
    /// Named volume to its real name.
    pub(crate) volumes: BTreeMap<&'a str, &'a str>,
    /// Named volumes that are directories of the host.
    pub(crate) bound_volumes: BTreeMap<&'a str, &'a str>,
}

impl<'a> Services<'a> {
    /// The services that are switched on, and of the others those that are `run` on demand.
    pub(crate) fn read(resolution: &'a Resolution, is_run: impl Fn(&Service<'a>) -> bool) -> Self {
        let configs: BTreeMap<&str, Option<&str>> = children(resolution.resources("configs"))
            .map(|(name, _, node)| (name, node.get("file").and_then(Node::expose)))
            .collect();
        let mut list: Vec<Service<'a>> = resolution
            .services()
            .map(|service| read_service(service.name(), service.span(), service.node(), resolution.sources()))
            .collect();
        list.extend(
            resolution
                .disabled_services()
                .map(|service| {
                    read_service(service.name(), service.span(), service.node(), resolution.sources())
                })
                .map(|service| Service { on_demand: true, ..service })
                .filter(is_run),
        );
        for service in &mut list {
            let mounted = service.node.and_then(|node| node.get("configs"));
            service.mounts.extend(items(mounted).filter_map(|node| config_mount(node, &configs)));
        }
        let networks = children(resolution.resources("networks"))
            .map(|(name, _, node)| {
                let real = node.get("name").and_then(Node::expose).unwrap_or(name);
                (name, Network { name: real, internal: flag(node, "internal") })
            })
            .collect();
        let volumes = children(resolution.resources("volumes"))
            .map(|(name, _, node)| (name, node.get("name").and_then(Node::expose).unwrap_or(name)))
            .collect();
        let bound_volumes = children(resolution.resources("volumes"))
            .filter_map(|(name, _, node)| {
                let options = node.get("driver_opts")?;
                let bound = options.get("o")?.expose()?.split(',').any(|option| option == "bind");
                Some((name, options.get("device")?.expose()?))
                    .filter(|(_, path)| bound && path.starts_with('/'))
            })
            .collect();
        let bearers = Bearers::of(&list);
        Self { project: resolution.project_name(), list, bearers, networks, volumes, bound_volumes }.mounted()
    }

    /// Jobs of the host, which all live on its network and on its disk.
    pub(crate) fn of_jobs(jobs: impl IntoIterator<Item = &'a Job>) -> Self {
        let list: Vec<Service<'a>> = jobs.into_iter().map(Service::of_job).collect();
        let (networks, volumes, bound_volumes) = Default::default();
        Self { project: "", bearers: Bearers::of(&list), list, networks, volumes, bound_volumes }.mounted()
    }

    fn mounted(mut self) -> Self {
        for service in &mut self.list {
            for (at, mount) in service.mounts.iter().enumerate() {
                service.mounted.insert(mount.target, at);
            }
        }
        self
    }

    /// The service whose container has that name: its `container_name`, or the one that Compose makes up.
    pub(crate) fn of_container(&self, name: &str) -> Option<&Service<'a>> {
        let made_up = || {
            let rest = name.strip_prefix(self.project)?.strip_prefix(['-', '_'])?;
            let at = self.position(rest.strip_suffix('1')?.strip_suffix(['-', '_'])?)?;
            self.list.get(at).is_some_and(|service| service.container_name.is_none()).then_some(at)
        };
        let own = self.bearers.containers.get(name).copied();
        self.list.get(own.into_iter().chain(made_up()).min()?)
    }

    /// The names that people take for those of the stack's containers.
    pub(crate) fn container_names(&self) -> impl Iterator<Item = &'a str> {
        self.list.iter().flat_map(|service| service.container_name.into_iter().chain([service.name]))
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.bearers.services.get(name).copied()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Service<'a>> {
        self.list.get(self.position(name)?)
    }

    /// The first service whose own name or container's name it is.
    pub(crate) fn called(&self, name: &str) -> Option<&Service<'a>> {
        let container = self.bearers.containers.get(name).copied();
        self.list.get(self.position(name).into_iter().chain(container).min()?)
    }

    /// The first service that has the name in any way, an alias included.
    pub(crate) fn bearing(&self, name: &str) -> Option<&Service<'a>> {
        self.list.get(*self.bearers.names.get(name)?)
    }

    /// The service that answers to the name on a network of `viewer`: `wanted` where it is one of them, else the first.
    pub(crate) fn answering(
        &self,
        name: &str,
        viewer: &Service<'a>,
        wanted: Option<&str>,
    ) -> Option<&Service<'a>> {
        let on = self.bearers.on_network.get(name)?;
        let answering = || viewer.networks.iter().filter_map(|ours| on.get(ours.network));
        let wanted = wanted.and_then(|wanted| self.position(wanted));
        let wanted = wanted.filter(|wanted| answering().any(|found| found.contains(wanted)));
        let first = || answering().filter_map(|found| found.first().copied()).min();
        self.list.get(wanted.or_else(first)?)
    }

    /// The first services of each of the networks that `viewer` is on, in order, itself aside.
    pub(crate) fn neighbours(
        &self,
        viewer: &Service<'a>,
        of_each: usize,
    ) -> impl Iterator<Item = &Service<'a>> {
        let on = |attachment: &Attachment<'a>| self.bearers.networks.get(attachment.network);
        let near = viewer.networks.iter().filter_map(on);
        let near: BTreeSet<usize> = near.flat_map(|near| near.iter().take(of_each + 1).copied()).collect();
        near.into_iter().filter_map(|at| self.list.get(at)).filter(move |other| other.name != viewer.name)
    }

    /// The first service but `own` that binds that path of the host in one of these ways.
    pub(crate) fn bound_by_another(
        &self,
        source: Option<&str>,
        relabels: &[Relabel],
        own: &str,
    ) -> Option<&Service<'a>> {
        let is_another = |at: &usize| self.list.get(*at).is_some_and(|service| service.name != own);
        let first =
            |relabel: &Relabel| self.bearers.bound.get(&(source, *relabel))?.iter().copied().find(is_another);
        self.list.get(relabels.iter().filter_map(first).min()?)
    }

    /// Whether some service publishes that port of the host.
    pub(crate) fn publishes(&self, port: u16) -> bool {
        self.bearers.published.contains(&port)
    }

    /// The first service that has the address on one of its networks.
    pub(crate) fn at_address(&self, address: &str) -> Option<&Service<'a>> {
        self.list.get(*self.bearers.addresses.get(address)?)
    }
}

/// Who bears a name or an address, so that nobody walks the whole list for each of its services.
#[derive(Default)]
struct Bearers<'a> {
    services: BTreeMap<&'a str, usize>,
    containers: BTreeMap<&'a str, usize>,
    names: BTreeMap<&'a str, usize>,
    /// Who answers to a name, by network.
    on_network: BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<usize>>>,
    networks: BTreeMap<&'a str, Vec<usize>>,
    addresses: BTreeMap<&'a str, usize>,
    /// The services that bind a path of the host with a label, or without one.
    bound: BTreeMap<(Option<&'a str>, Relabel), Vec<usize>>,
    published: BTreeSet<u16>,
}

impl<'a> Bearers<'a> {
    fn of(list: &[Service<'a>]) -> Self {
        let mut out = Self::default();
        for (at, service) in list.iter().enumerate() {
            out.services.entry(service.name).or_insert(at);
            if let Some(name) = service.container_name {
                out.containers.entry(name).or_insert(at);
            }
            for name in service.names() {
                out.names.entry(name).or_insert(at);
            }
            for Attachment { network, aliases, .. } in &service.networks {
                out.networks.entry(network).or_default().push(at);
                for name in
                    std::iter::once(service.name).chain(service.container_name).chain(aliases.iter().copied())
                {
                    out.on_network.entry(name).or_default().entry(network).or_default().insert(at);
                }
            }
            for mount in service.mounts.iter().filter(|mount| mount.kind == MountKind::Bind) {
                let binding = out.bound.entry((mount.source, mount.relabel)).or_default();
                if binding.last() != Some(&at) {
                    binding.push(at);
                }
            }
            out.published.extend(service.ports.iter().filter_map(|port| port.published));
            for address in service.networks.iter().flat_map(|attachment| &attachment.addresses) {
                out.addresses.entry(address).or_insert(at);
            }
        }
        out
    }
}

impl<'a> Service<'a> {
    /// Its own name, that of its container, and its aliases.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let aliases = self.networks.iter().flat_map(|attachment| attachment.aliases.iter().copied());
        std::iter::once(self.name).chain(self.container_name).chain(aliases)
    }

    /// Whether it runs on the host itself, in no container.
    pub(crate) fn is_on_host(&self) -> bool {
        self.job.is_some_and(|job| job.container.is_none())
    }

    /// A job of the host, or of a container there. The evidence holds the directory of its state, as if that were mounted
    /// from there; what else a container mounts is another host's.
    fn of_job(job: &'a Job) -> Self {
        let word = |(value, span): &'a (Text, Span)| At { value, span: *span };
        let spelt = |(value, span): &'a (Text, Span)| At { value: value.expose(), span: *span };
        let variable = |(name, set): (&'a String, &'a Set)| {
            (name.as_str(), Variable { value: Some(&set.value), span: set.span, key_span: None })
        };
        let container = job.container.as_ref();
        let volume = |state: &str| {
            let volumes = container?.volumes.iter();
            volumes.into_iter().find(|volume| is_below(&volume.target, state))
        };
        let state = job.state.as_ref().map(|(path, captured)| Mount {
            kind: MountKind::Bind,
            source: Some(captured),
            target: path,
            read_only: volume(path).is_some_and(|volume| volume.read_only),
            relabel: match volume(path).and_then(|volume| volume.label) {
                Some('Z') => Relabel::Private,
                Some(_) => Relabel::Shared,
                None => Relabel::No,
            },
            span: volume(path).map_or(job.span, |volume| volume.span),
        });
        let port = |port: &'a Published| Port {
            host_ip: port.host_ip.as_ref().map(Text::expose),
            published: port.published,
            target: port.target,
            udp: port.udp,
            span: port.span,
        };
        let network = |network: &'a Text| Attachment {
            network: network.expose(),
            aliases: Vec::new(),
            addresses: Vec::new(),
        };
        let command: Vec<_> = job.program.iter().map(word).collect();
        let entrypoint: Vec<_> =
            container.iter().flat_map(|container| &container.entrypoint).map(word).collect();
        let on_host = || Some(At { value: "host", span: job.span });
        Self {
            name: &job.name,
            key_span: job.span,
            on_demand: false,
            node: None,
            job: Some(job),
            image: container.and_then(|container| container.image.as_ref()).map(spelt),
            built: false,
            container_name: container.map(|container| container.name.as_str()),
            // A container without one runs its image's.
            command: Some(command).filter(|words| container.is_none() || !words.is_empty()),
            entrypoint: Some(entrypoint).filter(|words| !words.is_empty()),
            environment: job.environment.iter().map(variable).collect(),
            user: container.and_then(|container| container.user.as_ref()).map(spelt),
            userns_mode: container.and_then(|container| container.userns.as_ref()).map(Text::expose),
            unconfined: container.is_none(),
            network_mode: container
                .map_or_else(on_host, |container| container.network_mode.as_ref().map(spelt)),
            networks: container.iter().flat_map(|container| &container.networks).map(network).collect(),
            ports: container.iter().flat_map(|container| &container.ports).map(port).collect(),
            mounts: state.into_iter().collect(),
            mounted: Roots::default(),
            secrets: Vec::new(),
            extra_hosts: Vec::new(),
            links: Vec::new(),
            depends_on: Vec::new(),
            restart: None,
            healthcheck: None,
            memory: None,
            stop_grace: None,
            labels: BTreeMap::new(),
            interactive: false,
        }
    }
}
