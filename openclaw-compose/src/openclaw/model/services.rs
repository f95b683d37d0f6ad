//! The services of a resolved stack, as far as this floor looks at them: one typed, spanned view over the canonical tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{Map, Node, Resolution, Value};
use crate::source::{Sources, Span, Text};

use super::jobs::{Job, Set};
use super::roots::Roots;

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

    /// A job of the host. The evidence holds the directory of its state, as if that were mounted from there.
    fn of_job(job: &'a Job) -> Self {
        let word = |(value, span): &'a (Text, Span)| At { value, span: *span };
        let variable = |(name, set): (&'a String, &'a Set)| {
            (name.as_str(), Variable { value: Some(&set.value), span: set.span, key_span: None })
        };
        let state = job.state.as_ref().map(|(path, captured)| Mount {
            kind: MountKind::Bind,
            source: Some(captured),
            target: path,
            read_only: false,
            relabel: Relabel::No,
            span: job.span,
        });
        Self {
            name: &job.name,
            key_span: job.span,
            on_demand: false,
            node: None,
            job: Some(job),
            image: None,
            built: false,
            container_name: None,
            command: Some(job.program.iter().map(word).collect()),
            entrypoint: None,
            environment: job.environment.iter().map(variable).collect(),
            user: None,
            userns_mode: None,
            unconfined: true,
            network_mode: Some(At { value: "host", span: job.span }),
            networks: Vec::new(),
            ports: Vec::new(),
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

fn read_service<'a>(name: &'a str, key_span: Span, node: &'a Node, sources: &Sources) -> Service<'a> {
    let text = |key: &str| node.get(key).and_then(exposed_at);
    Service {
        name,
        key_span,
        on_demand: false,
        node: Some(node),
        job: None,
        image: text("image"),
        built: node.get("build").is_some_and(|build| !build.is_null()),
        container_name: node.get("container_name").and_then(Node::expose),
        command: words(node.get("command")),
        entrypoint: words(node.get("entrypoint")),
        environment: environment(node.get("environment"), sources),
        user: text("user"),
        userns_mode: node.get("userns_mode").and_then(Node::expose),
        unconfined: flag(node, "privileged")
            || items(node.get("security_opt")).filter_map(Node::expose).any(|option| {
                matches!(option, "label=disable" | "label:disable") || option.ends_with("type:spc_t")
            }),
        network_mode: text("network_mode"),
        networks: attachments(node.get("networks")),
        ports: items(node.get("ports")).filter_map(port).collect(),
        mounts: items(node.get("volumes")).filter_map(mount).collect(),
        mounted: Roots::default(),
        secrets: items(node.get("secrets")).filter_map(secret_mount).collect(),
        extra_hosts: pairs(node.get("extra_hosts"), &['=', ':']),
        links: pairs(node.get("links"), &[':']),
        depends_on: children(node.get("depends_on"))
            .map(|(service, span, node)| Dependency {
                service,
                condition: node.get("condition").and_then(Node::expose).unwrap_or("service_started"),
                span,
            })
            .collect(),
        restart: text("restart"),
        healthcheck: node.get("healthcheck").map(healthcheck),
        memory: memory(node),
        stop_grace: node
            .get("stop_grace_period")
            .and_then(exposed_at)
            .and_then(|at| Some(At { value: seconds(at.value)?, span: at.span })),
        labels: children(node.get("labels"))
            .filter_map(|(key, _, node)| Some((key, text_at(node)?)))
            .collect(),
        interactive: flag(node, "tty") || flag(node, "stdin_open"),
    }
}

fn children(node: Option<&Node>) -> impl Iterator<Item = (&str, Span, &Node)> {
    node.and_then(Node::as_map)
        .map_or(&[][..], Map::entries)
        .iter()
        .map(|entry| (&*entry.key, entry.key_span, &entry.node))
}

fn items(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    node.and_then(Node::as_list).unwrap_or_default().iter()
}

fn text_at(node: &Node) -> Option<At<&Text>> {
    Some(At { value: node.text()?, span: node.span })
}

/// A text that has to be read: a name, an image, a user.
fn exposed_at(node: &Node) -> Option<At<&str>> {
    Some(At { value: node.expose()?, span: node.span })
}

fn flag(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool) == Some(true)
}

/// A command in list form, or a string that the canonical form left whole.
fn words(node: Option<&Node>) -> Option<Vec<At<&Text>>> {
    let node = node.filter(|node| !node.is_null())?;
    match &node.value {
        Value::List(list) => Some(list.iter().filter_map(text_at).collect()),
        _ => text_at(node).map(|at| vec![at]),
    }
}

fn environment<'a>(node: Option<&'a Node>, sources: &Sources) -> BTreeMap<&'a str, Variable<'a>> {
    children(node)
        .map(|(name, key_span, node)| {
            let value = match &node.value {
                Value::Text(text) => Some(text),
                _ => None,
            };
            match item(name, node.span, sources) {
                Some((key, span)) => (name, Variable { value, span, key_span: Some(key) }),
                None => {
                    let key_span = (key_span.file == node.span.file).then_some(key_span);
                    (name, Variable { value, span: node.span, key_span })
                }
            }
        })
        .collect()
}

/// Name and value of an item `NAME=value`, where it is written as it is.
fn item(name: &str, span: Span, sources: &Sources) -> Option<(Span, Span)> {
    let written = sources.expose(span);
    let quote = usize::from(written.starts_with(['"', '\'']));
    let value = written.get(quote..)?.strip_prefix(name)?.strip_prefix('=')?;
    let from = quote + name.len() + 1;
    Some((span.part(quote..quote + name.len()), span.part(from..from + value.len() - quote.min(value.len()))))
}

fn attachments(node: Option<&Node>) -> Vec<Attachment<'_>> {
    children(node)
        .map(|(network, _, node)| Attachment {
            network,
            aliases: items(node.get("aliases")).filter_map(Node::expose).collect(),
            addresses: ["ipv4_address", "ipv6_address"]
                .into_iter()
                .filter_map(|key| node.get(key).and_then(Node::expose))
                .collect(),
        })
        .collect()
}

fn port(node: &Node) -> Option<Port<'_>> {
    Some(Port {
        host_ip: node.get("host_ip").and_then(Node::expose),
        published: node
            .get("published")
            .and_then(|published| match &published.value {
                Value::Text(text) => text.expose().split('-').next().unwrap_or_default().parse().ok(),
                _ => published.as_int().and_then(|port| u16::try_from(port).ok()),
            })
            .filter(|&port| port != 0),
        target: node.get("target").and_then(Node::as_int).and_then(|port| u16::try_from(port).ok())?,
        udp: node.get("protocol").is_some_and(|protocol| protocol.is("udp")),
        span: node.span,
    })
}

fn mount(node: &Node) -> Option<Mount<'_>> {
    let kind = match node.get("type").and_then(Node::expose)? {
        "bind" => MountKind::Bind,
        "volume" => MountKind::Volume,
        "tmpfs" => MountKind::Tmpfs,
        _ => MountKind::Other,
    };
    Some(Mount {
        kind,
        source: node.get("source").and_then(Node::expose).filter(|source| !source.is_empty()),
        target: node.get("target").and_then(Node::expose)?,
        read_only: flag(node, "read_only"),
        relabel: match node.get("bind").and_then(|bind| bind.get("selinux")?.expose()) {
            Some("Z") => Relabel::Private,
            Some(_) => Relabel::Shared,
            None => Relabel::No,
        },
        span: node.span,
    })
}

/// A config of the project, which is a file of its own in the container. What a config of another kind holds is not read.
fn config_mount<'a>(node: &'a Node, configs: &BTreeMap<&str, Option<&'a str>>) -> Option<Mount<'a>> {
    let name = node.get("source").and_then(Node::expose)?;
    let source = configs.get(name).copied().flatten();
    let kind = if source.is_some() { MountKind::Bind } else { MountKind::Other };
    let target = node.get("target").and_then(Node::expose)?;
    Some(Mount { kind, source, target, read_only: true, relabel: Relabel::No, span: node.span })
}

fn secret_mount(node: &Node) -> Option<SecretMount<'_>> {
    let source = node.get("source").and_then(Node::expose)?;
    let target = node.get("target").and_then(Node::expose).unwrap_or(source);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/run/secrets/{target}") };
    Some(SecretMount { source, target, span: node.span })
}

/// `extra_hosts` and `links` in list form, or a mapping.
fn pairs<'a>(node: Option<&'a Node>, separators: &[char]) -> Vec<(&'a str, &'a str)> {
    let listed =
        items(node).filter_map(Node::expose).map(|item| item.split_once(separators).unwrap_or((item, item)));
    let mapped = children(node).flat_map(|(name, _, node)| {
        let one = node.expose().map(|value| (name, value));
        one.into_iter().chain(items(Some(node)).filter_map(move |item| Some((name, item.expose()?))))
    });
    listed.chain(mapped).collect()
}

fn healthcheck(node: &Node) -> Healthcheck<'_> {
    let test: Vec<&Text> = match node.get("test") {
        Some(test) => match test.text() {
            Some(line) => vec![line],
            None => items(Some(test)).filter_map(Node::text).collect(),
        },
        None => Vec::new(),
    };
    let disabled = flag(node, "disable") || test.first().is_some_and(|first| first.is("NONE"));
    // What is not given is as Docker has it: 30 s apart, three in a row.
    let given = |key: &str| node.get(key).and_then(Node::expose).and_then(seconds);
    let retries = node.get("retries").and_then(Node::as_int).and_then(|retries| u32::try_from(retries).ok());
    let patience = given("start_period").unwrap_or(0.0)
        + given("interval").unwrap_or(30.0) * f64::from(retries.filter(|retries| *retries > 0).unwrap_or(3));
    let span = node.get("test").map_or(node.span, |test| test.span);
    Healthcheck { test, disabled, patience, span }
}

/// `mem_limit`, or `deploy.resources.limits.memory`.
fn memory(node: &Node) -> Option<At<u64>> {
    let limit = node.get("mem_limit").or_else(|| {
        ["deploy", "resources", "limits", "memory"].iter().try_fold(node, |node, key| node.get(key))
    })?;
    let bytes = match limit.as_int() {
        Some(bytes) => u64::try_from(bytes).ok()?,
        None => byte_count(limit.expose()?)?,
    };
    (bytes > 0).then_some(At { value: bytes, span: limit.span })
}

/// Docker's size syntax: `512m`, `1.5g`, `1073741824`, units of 1024.
fn byte_count(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let factor: f64 = match unit.trim().trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    Some(bytes as u64)
}

/// A Go duration such as `1m30s`, in seconds.
fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_as_docker_reads_them() {
        for (text, bytes) in
            [("512m", 512 << 20), ("1g", 1 << 30), ("1.5GB", 3 << 29), ("64MiB", 64 << 20), ("77", 77)]
        {
            assert_eq!(byte_count(text), Some(bytes), "{text}");
        }
        for (text, wanted) in [("10s", 10.0), ("5m30s", 330.0), ("1h", 3600.0), ("1500ms", 1.5)] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        assert_eq!(seconds("10"), None);
        assert_eq!(byte_count("10x"), None);
    }
}
