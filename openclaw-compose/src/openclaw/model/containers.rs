//! The process is the truth: `docker inspect` of the stack's containers against its files.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::finding::{Code, Finding, Severity};
use crate::openclaw::findings::operation;
use crate::openclaw::findings::remedies;
use crate::openclaw::findings::{Cause, Findings};
use crate::openclaw::rules;
use crate::openclaw::rules::version::Version;
use crate::openclaw::verdict::token::Classes;
use crate::source::Text;

use super::namespaces;
use super::processes::{self, Process};
use super::scene::Scene;
use super::services::MountKind;

/// A container as `docker inspect` shows it, as far as this crate asks. Everything is optional: engines differ.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Container {
    id: String,
    name: String,
    restart_count: u64,
    /// The id of the image it was made from.
    image: String,
    process_label: String,
    state: State,
    config: Config,
    host_config: HostConfig,
    mounts: Vec<Mount>,
    network_settings: NetworkSettings,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct State {
    status: String,
    running: bool,
    restarting: bool,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    exit_code: i64,
    health: Option<Health>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Health {
    status: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    user: String,
    image: String,
    env: Option<Vec<Variable>>,
    labels: Option<BTreeMap<String, String>>,
}

/// `NAME=value`, the value never printed.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
struct Variable {
    name: String,
    value: Text,
}

impl From<String> for Variable {
    fn from(text: String) -> Self {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        Self { name: name.to_owned(), value: Text::from(value) }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    network_mode: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Mount {
    r#type: String,
    source: String,
    destination: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkSettings {
    networks: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

pub(crate) const PROJECT: &str = "com.docker.compose.project";
pub(crate) const SERVICE: &str = "com.docker.compose.service";
const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub(crate) const ONE_OFF: &str = "com.docker.compose.oneoff";
const VERSION: &str = "org.opencontainers.image.version";

/// An image as `docker inspect` shows it.
struct Image {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

/// `docker inspect` prints both in one list. Compose labels the images that it builds as it labels containers, so what has
/// tags or digests is an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(flatten)]
    container: Container,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

/// Containers and images, in the order in which they were printed.
#[derive(Default)]
pub(crate) struct Printed {
    containers: Vec<Container>,
    images: Vec<Image>,
}

/// Reads `docker inspect` output, a list of containers and images or one of them, behind what was read before.
pub(crate) fn read(text: &str, printed: &mut Printed) -> Result<(), String> {
    if text.trim().is_empty() {
        return Ok(());
    }
    // The position is enough: serde's message may quote the text.
    let place = |error: &serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    let inspected = match serde_json::from_str::<Vec<Inspected>>(text) {
        Ok(inspected) => inspected,
        Err(error) => vec![serde_json::from_str(text).map_err(|_| place(&error))?],
    };
    for one in inspected {
        if one.repo_tags.is_some() || one.repo_digests.is_some() {
            let (repo_tags, repo_digests) = (one.repo_tags, one.repo_digests);
            printed.images.push(Image { id: one.container.id, repo_tags, repo_digests });
        } else {
            printed.containers.push(one.container);
        }
    }
    Ok(())
}

impl Container {
    fn label(&self, name: &str) -> Option<&str> {
        self.config.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The release in the image's label.
    pub(crate) fn version(&self) -> Option<Version> {
        self.label(VERSION)?.parse().ok()
    }

    /// The service of the project whose container it is. `run` leftovers do not count.
    fn service_of(&self, project: &str) -> Option<&str> {
        let one_off = self.label(ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let is_ours = self.label(PROJECT).is_none_or(|own| project.is_empty() || own == project);
        self.label(SERVICE).filter(|_| is_ours && !one_off)
    }

    fn env(&self, name: &str) -> Option<&Text> {
        self.config
            .env
            .iter()
            .flatten()
            .rev()
            .find(|variable| variable.name == name)
            .map(|variable| &variable.value)
    }
}

/// A container beside its service.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerView {
    /// The service.
    pub service: String,
    /// The container's name.
    pub name: String,
    /// `running`, `exited`, `restarting`, ...
    pub status: String,
    /// The last exit code, where it is not running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How often Docker started it again.
    pub restart_count: u64,
    /// `healthy`, `unhealthy`, `starting`, where there is a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The image reference it was made from.
    pub image: String,
    /// `NAME@sha256:…` of that image, where the images were inspected, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The letter of the token in its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<String>,
    /// What differs from the files: `OPENCLAW_GATEWAY_TOKEN`, `user`, `image`, `openclaw.json`, `mounts`,
    /// `networks`.
    pub differs: Vec<String>,
}

/// What running containers say about the stack. Each is found by what it is asked for: there may be as many as services.
#[derive(Default)]
pub(crate) struct Runtime {
    containers: Vec<Container>,
    images: Vec<Image>,
    /// The first container of each service of the project.
    of_service: BTreeMap<String, usize>,
    /// Every service that a container says it is of, in whatever project.
    services: BTreeSet<String>,
    /// The ids and the names of the containers.
    ids: BTreeSet<String>,
    names: BTreeSet<String>,
    /// The first image with each id, and with each tag or digest.
    image_of_id: BTreeMap<String, usize>,
    image_of_tag: BTreeMap<String, usize>,
}

impl Runtime {
    pub(crate) fn new(printed: Printed, project: &str) -> Self {
        let Printed { containers, images } = printed;
        let mut out = Self::default();
        for (at, container) in containers.iter().enumerate() {
            if let Some(service) = container.service_of(project) {
                out.of_service.entry(service.to_owned()).or_insert(at);
            }
            out.services.extend(container.label(SERVICE).map(str::to_owned));
            out.ids.insert(container.id.clone());
            out.names.insert(container.name.trim_start_matches('/').to_owned());
        }
        for (at, image) in images.iter().enumerate() {
            out.image_of_id.entry(image.id.clone()).or_insert(at);
            for tag in image.repo_tags.iter().chain(&image.repo_digests).flatten() {
                out.image_of_tag.entry(tag.clone()).or_insert(at);
            }
        }
        Self { containers, images, ..out }
    }

    /// The image that a reference names by now.
    fn image_now(&self, reference: &str) -> Option<&Image> {
        self.images.get(*self.image_of_tag.get(reference)?)
    }

    /// A digest by which the image of a container can be pinned.
    fn digest(&self, container: &Container) -> Option<String> {
        let image = self.images.get(*self.image_of_id.get(&container.image)?)?;
        image.repo_digests.as_ref()?.first().cloned()
    }

    /// Whether a container has this name, or an id that begins so.
    fn has(&self, name: &str) -> bool {
        let id = self.ids.range::<str, _>((Bound::Included(name), Bound::Unbounded)).next();
        self.names.contains(name) || id.is_some_and(|id| id.starts_with(name))
    }

    /// The release of the first container that says one.
    pub(crate) fn version(&self) -> Option<Version> {
        self.containers.iter().find_map(Container::version)
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
            .filter(|rule| rule.versions.holds_for(process.version) && rule.reads == rules::Reads::Yes)
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

/// Shows the containers of OpenClaw's services.
pub(crate) fn views(runtime: &Runtime, scene: &Scene<'_, '_>, letters: &mut Classes) -> Vec<ContainerView> {
    scene
        .processes
        .iter()
        .filter(|process| process.is_openclaw())
        .filter_map(|process| {
            let container = runtime.of(process.service.name)?;
            let token = container.env("OPENCLAW_GATEWAY_TOKEN").filter(|value| !value.is_blank());
            Some(ContainerView {
                service: process.service.name.to_owned(),
                name: container.name.trim_start_matches('/').to_owned(),
                status: container.state.status.clone(),
                exit_code: (!container.state.running).then_some(container.state.exit_code),
                restart_count: container.restart_count,
                health: container.state.health.as_ref().map(|health| health.status.clone()),
                image: container.config.image.clone(),
                digest: runtime.digest(container),
                token_class: token.map(|value| letters.letter(value)),
                differs: differences(runtime, process, container, scene),
            })
        })
        .collect()
}

fn differences(
    runtime: &Runtime,
    process: &Process<'_>,
    container: &Container,
    scene: &Scene<'_, '_>,
) -> Vec<String> {
    let service = process.service;
    let mut out: Vec<String> = runtime.stale_variables(process).into_iter().map(str::to_owned).collect();
    if service.user.as_ref().is_some_and(|user| user.value != container.config.user) {
        out.push("user".to_owned());
    }
    let renamed = service
        .image
        .as_ref()
        .is_some_and(|image| !container.config.image.is_empty() && image.value != container.config.image);
    let moved = runtime.image_now(&container.config.image).is_some_and(|image| image.id != container.image);
    if renamed || moved {
        out.push("image".to_owned());
    }
    let config = (service.name.to_owned(), process.config_path.clone());
    if scene.stale_files.contains(&config) {
        out.push(rules::CONFIG_NAME.to_owned());
    }
    if mounts_differ(process, container, scene) {
        out.push("mounts".to_owned());
    }
    if networks_differ(process, container, scene) {
        out.push("networks".to_owned());
    }
    out
}

/// Binds are compared below the directory of the stack, which may lie elsewhere here than where it runs.
fn mounts_differ(process: &Process<'_>, container: &Container, scene: &Scene<'_, '_>) -> bool {
    let there = container.label(WORKING_DIR).unwrap_or_default().trim_end_matches('/');
    let mut mounted: BTreeMap<&str, &Mount> = BTreeMap::new();
    for mount in &container.mounts {
        mounted.entry(&mount.destination).or_insert(mount);
    }
    process.service.mounts.iter().any(|mount| {
        let Some(found) = mounted.get(mount.target.trim_end_matches('/')) else {
            // Neither tmpfs nor a config that is copied in is a mount to `docker inspect`.
            return matches!(mount.kind, MountKind::Bind | MountKind::Volume);
        };
        let Some(source) = mount.source.filter(|_| mount.kind == MountKind::Bind) else {
            return false;
        };
        let relative = found
            .source
            .strip_prefix(there)
            .and_then(|rest| rest.strip_prefix('/'))
            .filter(|_| !there.is_empty());
        // Docker Desktop shows the path inside its virtual machine.
        let virtual_machine =
            found.source.starts_with("/host_mnt/") || found.source.starts_with("/run/desktop/");
        found.r#type == "bind"
            && !virtual_machine
            && found.source != source
            && relative.is_none_or(|relative| relative != scene.shown_path(source))
    })
}

fn networks_differ(process: &Process<'_>, container: &Container, scene: &Scene<'_, '_>) -> bool {
    let Some(running) = &container.network_settings.networks else { return false };
    if let Some(mode) = &process.service.network_mode {
        let shares = mode.value.starts_with("service:") || mode.value.starts_with("container:");
        return shares && !container.host_config.network_mode.starts_with("container:");
    }
    if container.host_config.network_mode.starts_with("container:") {
        return true;
    }
    // A created container that never ran has no networks yet.
    !running.is_empty()
        && process
            .service
            .networks
            .iter()
            .any(|attachment| !running.contains_key(scene.network_name(attachment.network)))
}

/// Everything about containers against files.
pub(crate) fn findings(runtime: &Runtime, scene: &Scene<'_, '_>, out: &mut Findings) {
    if runtime.containers.is_empty() {
        return;
    }
    let mut killed = Vec::new();
    for (at, process) in scene.processes.iter().enumerate().filter(|(_, process)| process.is_openclaw()) {
        let service = process.service;
        let Some(container) = runtime.of(service.name) else {
            if scene.gateway_in(at).is_some() {
                let summary = format!("no container of {} was among those inspected", service.name);
                let mut finding = scene
                    .finding(Code::ContainerMissing, summary, Some(service.key_span))
                    .about(process.subject());
                finding.remedy = Some(remedies::command(
                    "start it".to_owned(),
                    remedies::recreate(&[service.name], scene),
                ));
                out.push(finding);
            }
            continue;
        };
        drift(runtime, at, container, scene, out);
        condition(process, container, scene, &mut killed, out);
        dead_namespace(runtime, process, container, scene, out);
    }
    // What may hurt later did.
    out.replace(killed);
}

fn drift(runtime: &Runtime, at: usize, container: &Container, scene: &Scene<'_, '_>, out: &mut Findings) {
    let Some(process) = scene.processes.get(at) else { return };
    let service = process.service;
    let differs = differences(runtime, process, container, scene);
    if differs.is_empty() {
        return;
    }
    let about_token = differs.iter().any(|name| name.ends_with("_TOKEN") || name.ends_with("_PASSWORD"));
    let about_env = differs.iter().any(|name| name.contains("GATEWAY"));
    let code = match (about_token, about_env) {
        (true, _) => Code::StaleToken,
        (false, true) => Code::StaleEnvironment,
        (false, false) => Code::StaleContainer,
    };
    let span = differs
        .iter()
        .find_map(|name| service.environment.get(name.as_str()).map(|variable| scene.origin(variable.span)))
        .unwrap_or(service.key_span);
    let summary = format!(
        "the running container of {} is not what the files say: {} differ(s)",
        service.name,
        differs.join(", ")
    );
    let mut finding = scene.finding(code, summary, Some(span)).about(process.subject());
    finding.evidence.push(format!("container {}", container.name.trim_start_matches('/')));
    finding
        .evidence
        .push("restart keeps the old environment; only a new container reads the files".to_owned());
    finding.remedy =
        Some(remedies::command("recreate it".to_owned(), remedies::recreate(&[service.name], scene)));
    out.push_for([Cause::Stale(at)], finding);
}

fn condition(
    process: &Process<'_>,
    container: &Container,
    scene: &Scene<'_, '_>,
    killed: &mut Vec<Finding>,
    out: &mut Findings,
) {
    let service = process.service;
    let state = &container.state;
    let is_gateway = process.role == processes::Role::Gateway;
    if !is_gateway {
        return;
    }
    let span = service.restart.as_ref().map_or(service.key_span, |restart| restart.span);
    let meaning = |code: i64| {
        rules::EXIT_CODES
            .iter()
            .find(|rule| rule.code == code)
            .map_or("an unknown fault", |rule| rule.meaning)
    };
    if state.restarting || container.restart_count > 2 {
        let code = state.exit_code;
        let summary = format!(
            "{} was started {} times again; the last exit was {code}: {}",
            service.name,
            container.restart_count,
            meaning(code)
        );
        let mut finding = scene.finding(Code::RestartLoop, summary, Some(span)).about(process.subject());
        if rules::EXIT_CODES.iter().any(|rule| rule.code == code && !rule.restart_helps) {
            finding.evidence.push("no restart mends this one".to_owned());
        }
        finding.remedy = Some(remedies::command(
            "read what it says before it exits".to_owned(),
            format!("docker compose logs --tail 50 {}", service.name),
        ));
        out.push(finding);
    } else if !state.running && state.status != "created" {
        let code = state.exit_code;
        if code == rules::EXIT_KILLED && !state.oom_killed {
            killed.extend(killed_draining(process, scene));
        }
        let summary = format!("{} is not running: exit {code}, {}", service.name, meaning(code));
        let mut finding =
            scene.finding(Code::ContainerExited, summary, Some(service.key_span)).about(process.subject());
        finding.remedy = Some(remedies::command(
            "read what it said last".to_owned(),
            format!("docker compose logs --tail 50 {}", service.name),
        ));
        out.push(finding);
    }
    if state.oom_killed {
        let summary = format!("{} was killed for want of memory", service.name);
        out.push(
            scene
                .finding(
                    Code::OutOfMemory,
                    summary,
                    service.memory.as_ref().map(|limit| limit.span).or(Some(service.key_span)),
                )
                .about(process.subject()),
        );
    }
    if state.running && state.health.as_ref().is_some_and(|health| health.status == "unhealthy") {
        let span = service.healthcheck.as_ref().map_or(service.key_span, |check| check.span);
        let mut finding = scene
            .finding(Code::Unhealthy, format!("{} runs and its health check fails", service.name), Some(span))
            .about(process.subject());
        finding.evidence.push("Docker restarts on exit only: it stays so".to_owned());
        finding.remedy = Some(remedies::command(
            "see what the check said".to_owned(),
            format!(
                "docker inspect --format '{{{{json .State.Health}}}}' {}",
                container.name.trim_start_matches('/')
            ),
        ));
        out.push(finding);
    }
}

/// It was killed, there was memory, and a stop leaves it too little time.
fn killed_draining(process: &Process<'_>, scene: &Scene<'_, '_>) -> Option<Finding> {
    let mut finding = operation::stop(process, scene)?;
    finding.severity = Severity::Error;
    let code = rules::EXIT_KILLED;
    finding.evidence.push(format!("its container ended with {code}: killed, and not for want of memory"));
    if let Some(remedy) = &mut finding.remedy {
        remedy.text.push_str(rules::LEASE_OF_THE_KILLED);
        remedy.command = Some(format!("docker compose start {}", process.service.name));
    }
    Some(finding)
}

/// It lives in the namespace of a container that is gone.
fn dead_namespace(
    runtime: &Runtime,
    process: &Process<'_>,
    container: &Container,
    scene: &Scene<'_, '_>,
    out: &mut Findings,
) {
    let Some(owner) = container.host_config.network_mode.strip_prefix("container:") else { return };
    let Some(lender) = namespaces::lender(process.service, scene.services) else { return };
    let lender = scene.service_name_at(lender);
    if runtime.services.contains(lender) && !runtime.has(owner) && container.state.running {
        let service = process.service;
        let summary = format!(
            "{} still lives in the network namespace of an earlier container of {lender}: it reaches nobody",
            service.name
        );
        let span = service.network_mode.as_ref().map(|mode| mode.span);
        let mut finding = scene.finding(Code::DeadNamespace, summary, span).about(process.subject());
        finding.remedy = Some(remedies::command(
            "recreate it".to_owned(),
            format!("docker compose up -d --force-recreate {}", service.name),
        ));
        out.push(finding);
    }
}
