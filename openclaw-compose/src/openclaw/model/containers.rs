//! The process is the truth: `docker inspect` of the stack's containers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;

use jiff::Timestamp;
use serde::Deserialize;

use crate::openclaw::rules;
use crate::openclaw::rules::version::Version;
use crate::project::Resolution;
use crate::source::Text;

use super::observed::Seen;
use super::processes::Process;
use super::services::{Port, Service, Services};

/// A container as `docker inspect` shows it, as far as this crate asks. Everything is optional: engines differ.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: String,
    pub(crate) restart_count: u64,
    /// The id of the image it was made from.
    pub(crate) image: String,
    pub(crate) process_label: String,
    pub(crate) state: State,
    pub(crate) config: Config,
    pub(crate) host_config: HostConfig,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) network_settings: NetworkSettings,
    /// Which of the texts printed it, and as which of their containers and images.
    #[serde(skip)]
    pub(crate) printed: (usize, usize),
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct State {
    pub(crate) status: String,
    pub(crate) running: bool,
    pub(crate) restarting: bool,
    #[serde(rename = "OOMKilled")]
    pub(crate) oom_killed: bool,
    pub(crate) exit_code: i64,
    /// What the engine says where it could not start it.
    pub(crate) error: String,
    /// As it is printed, so that a person finds it again.
    pub(crate) started_at: String,
    pub(crate) health: Option<Health>,
}

impl State {
    /// When it was last started; of a container that never was, engines print the year 1.
    pub(crate) fn started(&self) -> Option<Timestamp> {
        self.started_at.parse().ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Health {
    pub(crate) status: String,
    log: Option<Vec<Probe>>,
}

/// One run of a health check.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Probe {
    exit_code: i64,
    output: String,
}

impl Health {
    /// What the check said when it last failed: its line about an error, else its last.
    pub(crate) fn says(&self) -> Option<&str> {
        let failed = self.log.iter().flatten().rev().find(|probe| probe.exit_code != 0)?;
        let lines = || failed.output.lines().map(str::trim).filter(|line| !line.is_empty());
        lines()
            .find(|line| line.contains("Error") || line.contains("not found"))
            .or_else(|| lines().next_back())
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Config {
    pub(crate) user: String,
    pub(crate) image: String,
    pub(crate) env: Option<Vec<Variable>>,
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

/// `NAME=value`, the value never printed.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: Text,
}

impl From<String> for Variable {
    fn from(text: String) -> Self {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        Self { name: name.to_owned(), value: Text::from(value) }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct HostConfig {
    pub(crate) network_mode: String,
    /// Host ports by `PORT/PROTOCOL` of the container.
    pub(crate) port_bindings: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Binding {
    pub(crate) host_port: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Mount {
    pub(crate) r#type: String,
    pub(crate) source: String,
    pub(crate) destination: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct NetworkSettings {
    pub(crate) networks: Option<BTreeMap<String, Endpoint>>,
}

/// A container's place on a network.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    #[serde(rename = "IPAddress")]
    ipv4: String,
    #[serde(rename = "GlobalIPv6Address")]
    ipv6: String,
}

pub(crate) const PROJECT: &str = "com.docker.compose.project";
pub(crate) const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub(crate) const SERVICE: &str = "com.docker.compose.service";
pub(crate) const ONE_OFF: &str = "com.docker.compose.oneoff";
pub(crate) const VERSION: &str = "org.opencontainers.image.version";

/// An image as `docker inspect` shows it.
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) repo_digests: Option<Vec<String>>,
}

/// `docker inspect` prints both in one list. Compose labels the images that it builds as it labels containers, so what has
/// tags or digests is an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inspected {
    #[serde(flatten)]
    container: Container,
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) repo_digests: Option<Vec<String>>,
}

/// Containers and images, in the order in which they were printed.
#[derive(Default)]
pub(crate) struct Printed {
    pub(crate) containers: Vec<Container>,
    pub(crate) images: Vec<Image>,
    /// The texts that were read.
    texts: usize,
}

/// Reads `docker inspect` output, a list of containers and images or one of them, behind what was read before.
pub(crate) fn read(text: &str, printed: &mut Printed) -> Result<(), String> {
    let at = printed.texts;
    printed.texts += 1;
    if text.trim().is_empty() {
        return Ok(());
    }
    // The position is enough: serde's message may quote the text.
    let place = |error: &serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    let inspected = match serde_json::from_str::<Vec<Inspected>>(text) {
        Ok(inspected) => inspected,
        Err(error) => vec![serde_json::from_str(text).map_err(|_| place(&error))?],
    };
    for (nth, one) in inspected.into_iter().enumerate() {
        if one.repo_tags.is_some() || one.repo_digests.is_some() {
            let (repo_tags, repo_digests) = (one.repo_tags, one.repo_digests);
            printed.images.push(Image { id: one.container.id, repo_tags, repo_digests });
        } else {
            printed.containers.push(Container { printed: (at, nth), ..one.container });
        }
    }
    Ok(())
}

impl Container {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.config.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether it was made and no process ever ran in it.
    pub(crate) fn never_started(&self) -> bool {
        !self.state.running && (self.state.status == "created" || !self.state.error.is_empty())
    }

    /// The release in the image's label.
    pub(crate) fn version(&self) -> Option<Version> {
        self.label(VERSION)?.parse().ok()
    }

    /// The service of the project whose container it is. `run` leftovers do not count.
    pub(crate) fn service_of(&self, project: &str) -> Option<&str> {
        let one_off = self.label(ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let is_ours = self.label(PROJECT).is_none_or(|own| project.is_empty() || own == project);
        self.label(SERVICE).filter(|_| is_ours && !one_off)
    }

    /// What it tells of its start.
    fn seen(&self) -> Seen {
        let variables = self.config.env.iter().flatten();
        Seen {
            user: Some(self.config.user.clone()).filter(|user| !user.is_empty()),
            environment: variables.map(|variable| (variable.name.clone(), variable.value.clone())).collect(),
        }
    }

    /// Whether the host publishes a port of it as the files say; unknown where either says nothing.
    pub(crate) fn publishes(&self, port: &Port<'_>) -> Option<bool> {
        let (published, bindings) = (port.published?.to_string(), self.host_config.port_bindings.as_ref()?);
        let protocol = if port.udp { "udp" } else { "tcp" };
        let bound = bindings.get(&format!("{}/{protocol}", port.target)).and_then(Option::as_ref);
        Some(bound.is_some_and(|bound| bound.iter().any(|binding| binding.host_port == published)))
    }

    /// Whether it can be the service's: of its image, with what it mounts, and published nowhere else.
    fn is_made_from(&self, service: &Service<'_>) -> bool {
        let mounts = |target: &str| self.mounts.iter().any(|mount| mount.destination == target);
        service.image.as_ref().is_some_and(|image| image.value == self.config.image)
            && service.mounts.iter().all(|mount| mounts(mount.target))
            && service.ports.iter().all(|port| self.publishes(port) != Some(false))
    }

    /// How well it fits the files of a service: made in their directory, published where they say, running.
    fn fits(&self, directory: &str, service: Option<&Service<'_>>) -> (bool, bool, bool) {
        let ports = service.map_or(&[][..], |service| &service.ports[..]);
        let is_published = ports.iter().any(|port| self.publishes(port) == Some(true));
        (self.label(WORKING_DIR) == Some(directory), is_published, self.state.running)
    }

    pub(crate) fn env(&self, name: &str) -> Option<&Text> {
        self.config
            .env
            .iter()
            .flatten()
            .rev()
            .find(|variable| variable.name == name)
            .map(|variable| &variable.value)
    }
}

/// The one project whose containers can be those of the files, if none has the project's own name: panels and other folders give a
/// stack another.
fn runs_as<'a>(containers: &'a [Container], own: &str, services: &Services<'_>) -> Option<&'a str> {
    let mut fits: BTreeMap<&str, bool> = BTreeMap::new();
    for container in containers {
        if container.service_of(own).is_some() {
            return None;
        }
        let Some(project) = container.label(PROJECT) else { continue };
        let service = container.service_of(project).and_then(|name| services.named(name));
        if let Some(service) = service {
            *fits.entry(project).or_insert(true) &= container.is_made_from(service);
        }
    }
    let mut fitting = fits.into_iter().filter(|(_, fits)| *fits).map(|(project, _)| project);
    fitting.next().filter(|_| fitting.next().is_none())
}

/// What running containers say about the stack. Each is found by what it is asked for: there may be as many as services.
#[derive(Default)]
pub(crate) struct Runtime {
    pub(crate) containers: Vec<Container>,
    pub(crate) images: Vec<Image>,
    /// The first container of each service of the project; of two projects of one name, that which fits the files.
    pub(crate) of_service: BTreeMap<String, usize>,
    /// The project that the containers are of, where the files have another name for it.
    pub(crate) runs_as: Option<String>,
    /// Every service that a container says it is of, in whatever project, with the first such container.
    pub(crate) services: BTreeMap<String, usize>,
    /// The containers by their ids and by their names.
    ids: BTreeMap<String, usize>,
    names: BTreeMap<String, usize>,
    /// The first image with each id, and with each tag or digest.
    image_of_id: BTreeMap<String, usize>,
    image_of_tag: BTreeMap<String, usize>,
}

impl Runtime {
    pub(crate) fn new(printed: Printed, resolution: &Resolution, services: &Services<'_>) -> Self {
        let (project, directory) = (resolution.project_name(), resolution.working_dir());
        let Printed { containers, images, texts: _ } = printed;
        let runs_as = runs_as(&containers, project, services).map(str::to_owned);
        let project = runs_as.as_deref().unwrap_or(project);
        let mut out = Self::default();
        for (at, container) in containers.iter().enumerate() {
            if let Some(service) = container.service_of(project) {
                let first = out.of_service.entry(service.to_owned()).or_insert(at);
                let fits = |container: &Container| container.fits(directory, services.named(service));
                if let Some(known) = containers.get(*first)
                    && known.label(WORKING_DIR) != container.label(WORKING_DIR)
                    && fits(container) > fits(known)
                {
                    *first = at;
                }
            }
            if let Some(service) = container.label(SERVICE) {
                out.services.entry(service.to_owned()).or_insert(at);
            }
            out.ids.insert(container.id.clone(), at);
            out.names.insert(container.name.trim_start_matches('/').to_owned(), at);
        }
        for (at, image) in images.iter().enumerate() {
            out.image_of_id.entry(image.id.clone()).or_insert(at);
            for tag in image.repo_tags.iter().chain(&image.repo_digests).flatten() {
                out.image_of_tag.entry(tag.clone()).or_insert(at);
            }
        }
        Self { runs_as, containers, images, ..out }
    }

    /// The first container of a service of this name, in whatever project.
    pub(crate) fn of_any_project(&self, service: &str) -> Option<&Container> {
        self.containers.get(*self.services.get(service)?)
    }

    /// The image that a reference names by now.
    pub(crate) fn image_now(&self, reference: &str) -> Option<&Image> {
        self.images.get(*self.image_of_tag.get(reference)?)
    }

    /// A digest by which the image of a container can be pinned.
    pub(crate) fn digest(&self, container: &Container) -> Option<String> {
        let image = self.images.get(*self.image_of_id.get(&container.image)?)?;
        image.repo_digests.as_ref()?.first().cloned()
    }

    /// The container that has this name, or an id that begins so.
    pub(crate) fn named(&self, name: &str) -> Option<&Container> {
        let id = self.ids.range::<str, _>((Bound::Included(name), Bound::Unbounded)).next();
        let by_id = id.filter(|(id, _)| !name.is_empty() && id.starts_with(name)).map(|(_, at)| at);
        self.containers.get(*self.names.get(name).or(by_id)?)
    }

    /// The release of the first container that says one.
    pub(crate) fn version(&self) -> Option<Version> {
        self.containers.iter().find_map(Container::version)
    }

    /// The directory of the project, as the engine wrote it down when it made the containers.
    pub(crate) fn made_from(&self) -> Option<&str> {
        self.containers.iter().find_map(|container| container.label(WORKING_DIR))
    }

    /// What the containers of services tell of their starts.
    pub(crate) fn seen(&self) -> BTreeMap<String, Seen> {
        let each = self.of_service.iter();
        each.filter_map(|(service, at)| Some((service.clone(), self.containers.get(*at)?.seen()))).collect()
    }

    /// The services behind the addresses that the containers have.
    pub(crate) fn addresses(&self) -> BTreeMap<IpAddr, String> {
        let of = |(service, at): (&String, &usize)| {
            let networks = self.containers.get(*at)?.network_settings.networks.as_ref()?;
            let written = networks.values().flat_map(|endpoint| [&endpoint.ipv4, &endpoint.ipv6]);
            let addresses: Vec<IpAddr> = written.filter_map(|address| address.parse().ok()).collect();
            Some(addresses.into_iter().map(|address| (address, service.clone())).collect::<Vec<_>>())
        };
        self.of_service.iter().filter_map(of).flatten().collect()
    }

    /// Services whose containers run under an SELinux label.
    pub(crate) fn confined(&self) -> BTreeSet<String> {
        let labelled = self.containers.iter().filter(|container| !container.process_label.is_empty());
        labelled
            .filter_map(|container| container.label(SERVICE))
            .filter(|service| self.of(service).is_some())
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn of(&self, service: &str) -> Option<&Container> {
        self.containers.get(*self.of_service.get(service)?)
    }

    /// Variables of a service whose value in the running container is not that of the files.
    pub(crate) fn stale_variables(&self, process: &Process<'_>) -> Vec<&'static str> {
        let Some(container) = self.of(process.service.name) else { return Vec::new() };
        let mut out: Vec<&'static str> = rules::NAME_RULES
            .iter()
            .filter(|rule| rule.is_read && rule.holds_for(process.version, process.side()))
            .filter(|rule| {
                let running = container
                    .env(rule.name)
                    .map(|value| value.expose().trim())
                    .filter(|value| !value.is_empty());
                let written = process.service.environment.get(rule.name).and_then(|variable| variable.value);
                let written = written.map(|value| value.expose().trim()).filter(|value| !value.is_empty());
                running != written
            })
            .map(|rule| rule.name)
            .collect();
        out.dedup();
        out
    }
}
