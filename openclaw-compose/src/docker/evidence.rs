//! What is asked about a project's containers, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use futures_util::stream::{self, FuturesOrdered, StreamExt as _};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::finding::{Code, Finding, Remedy};
use crate::openclaw::{self, Stack, StatePlace};
use crate::project::Resolution;
use crate::source::Text;

use super::engine::{ArchiveEntry, Engine, Fault, Ran};
use super::tar::Kind;
use super::{BadEndpoint, Endpoint, Limits, Settings};

/// The most containers of one project that are looked at.
const MOST_CONTAINERS: usize = 256;
/// The most questions of one kind that wait for their answers at once.
const AT_ONCE: usize = 16;
/// What lies in a state directory and decides whether it is usable, beside its configuration.
const INSIDE: [&str; 5] = ["state", "state/openclaw.sqlite", "devices", "identity", "credentials"];

/// What an engine showed of a project. Enter it with [`Stack::evidence`](crate::openclaw::Stack::evidence).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// What `docker inspect` prints for the project's containers and their images. Holds secrets.
    pub inspect: Option<Text>,
    /// What `docker info --format '{{json .}}'` prints.
    pub engine: Option<Text>,
    /// Owners and modes inside the containers: lines of `UID:GID MODE container:SERVICE:/path`.
    pub owners: String,
    /// Files inside the containers, by `container:SERVICE:/path`. Hold secrets.
    pub texts: BTreeMap<String, Text>,
    /// What each service wrote since its container was last started, where [`Wanted::logs`] asks for it. May hold secrets.
    pub logs: BTreeMap<String, Text>,
    /// What OpenClaw's CLI answered to [`DEVICE_LIST`], by the service in whose container it ran.
    pub devices: BTreeMap<String, Text>,
    /// What each of [`Wanted::commands`] wrote to standard output, by its service, where it ended with status 0.
    pub answers: BTreeMap<String, Text>,
    /// What could not be read, and why.
    pub findings: Vec<Finding>,
}

/// The command that lists devices, as it runs inside a gateway's container.
pub const DEVICE_LIST: [&str; 4] = ["openclaw", "devices", "list", "--json"];

/// What is asked beside what the containers are, and what their state is.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "settings that a caller fills in one by one")]
pub struct Wanted {
    /// What the containers wrote since they were last started.
    pub logs: bool,
    /// The services in whose running containers [`DEVICE_LIST`] is run.
    pub device_lists: Vec<String>,
    /// The words of a command for each service in whose running container one is run, such as a question to the gateway as it
    /// is seen from there. This and the lists are all that is done, and not only asked.
    pub commands: BTreeMap<String, Vec<String>>,
}

/// One thing that an engine is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked<'a> {
    /// What the engine is, and which containers the project has.
    Engine(&'a Endpoint),
    /// What the containers and their images are.
    Containers,
    /// The state directory in the container of a service.
    State(&'a str),
    /// What a service wrote.
    Log(&'a str),
    /// [`DEVICE_LIST`], run in the container of a service.
    Devices(&'a str),
    /// One of [`Wanted::commands`], run in the container of a service.
    Command(&'a str),
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(endpoint) => write!(f, "the engine at {endpoint}"),
            Self::Containers => f.write_str("the containers"),
            Self::State(service) => write!(f, "the state in {service}"),
            Self::Log(service) => write!(f, "the log of {service}"),
            Self::Devices(service) => write!(f, "the devices in {service}"),
            Self::Command(service) => write!(f, "the gateway as {service} sees it"),
        }
    }
}

/// Whoever shows what is waited for. Nobody does: `&()`.
pub trait Watch: Sync {
    /// It is about to be asked for.
    fn begins(&self, what: &Asked<'_>) {
        let _ = what;
    }
    /// It is there, or it failed.
    fn ends(&self, what: &Asked<'_>) {
        let _ = what;
    }
}

impl Watch for () {}

/// Looks at the containers of a project. Never fails: a fault is a finding, and what was read until then counts.
///
/// Must run on a tokio runtime with I/O and time. Dropping the future ends it; the engine is only ever asked, but for what
/// [`Wanted`] names to be run. Of [several engines](Settings::endpoints) the first counts that has containers of the
/// project, or else the first that answers.
pub async fn look(settings: &Settings, resolution: &Resolution, wanted: &Wanted, limits: Limits) -> Evidence {
    look_watched(settings, resolution, wanted, limits, &()).await
}

/// The same, while somebody is told what is waited for.
pub async fn look_watched(
    settings: &Settings,
    resolution: &Resolution,
    wanted: &Wanted,
    limits: Limits,
    watch: &dyn Watch,
) -> Evidence {
    let mut evidence = Evidence::default();
    let endpoints = match settings.endpoints() {
        Ok(endpoints) => endpoints,
        Err(error) => {
            evidence.no_engine(&error);
            return evidence;
        }
    };
    let places = openclaw::state_places(resolution);
    let project = resolution.project_name();
    let question = Question { project, places: &places, wanted, watch, sockets: &settings.sockets };
    let asked = ask(&endpoints, &question, limits, &mut evidence);
    if tokio::time::timeout(limits.total, asked).await.is_err() {
        let summary = format!("looking at the containers was ended after {:?}", limits.total);
        evidence.findings.push(Finding::new(Code::EvidenceIncomplete, summary));
    }
    evidence
}

/// A container as the list names it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// What is asked of one project.
struct Question<'a> {
    project: &'a str,
    places: &'a [StatePlace],
    wanted: &'a Wanted,
    watch: &'a dyn Watch,
    /// Those that are there, chosen or not.
    sockets: &'a [String],
}

impl Question<'_> {
    /// The answer, while whoever watches is told that it is waited for.
    async fn wait<T>(&self, what: Asked<'_>, answer: impl Future<Output = T>) -> T {
        self.watch.begins(&what);
        let answer = answer.await;
        self.watch.ends(&what);
        answer
    }
}

/// What counts of `docker inspect` for further questions.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Made {
    config: MadeConfig,
    #[serde(default)]
    state: MadeState,
    #[serde(default)]
    restart_count: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MadeState {
    #[serde(default)]
    running: bool,
    #[serde(default)]
    restarting: bool,
    #[serde(default)]
    started_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MadeConfig {
    #[serde(default)]
    image: String,
    #[serde(default)]
    tty: bool,
}

impl Made {
    /// The second from which its log counts: that of its last start. One that the engine started again by itself says only
    /// before that why it ended.
    fn since(&self) -> u64 {
        let started = self.state.started_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
        if self.restart_count > 0 { 0 } else { u64::try_from(started).unwrap_or(0) }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.config.tty
    }

    fn runs(&self) -> bool {
        self.state.running && !self.state.restarting
    }
}

impl Listed {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    pub(super) fn is_of(&self, service: &str) -> bool {
        let one_off = self.label(openclaw::ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        !one_off && self.label(openclaw::SERVICE) == Some(service)
    }
}

/// An engine that answered, and the project's containers as it lists them.
pub(super) struct Found {
    pub(super) engine: Engine,
    info: Text,
    listed: Result<Vec<Listed>, Fault>,
}

impl Found {
    pub(super) async fn at(endpoint: &Endpoint, project: &str, limits: Limits) -> Result<Self, Fault> {
        let engine = Engine::at(endpoint, limits)?;
        let (info, listed) = join(engine.json("/info".to_owned()), containers(&engine, project)).await;
        Ok(Self { info: info?, listed, engine })
    }

    pub(super) fn has_containers(&self) -> bool {
        self.listed.as_ref().is_ok_and(|listed| !listed.is_empty())
    }
}

/// The containers of a project as the engine lists them. An id becomes a part of the next question.
pub(super) async fn containers(engine: &Engine, project: &str) -> Result<Vec<Listed>, Fault> {
    let filter = format!("{{\"label\":[\"{}={project}\"]}}", openclaw::PROJECT);
    let list = engine.json(format!("/containers/json?all=1&filters={}", percent(&filter))).await?;
    let mut listed: Vec<Listed> =
        serde_json::from_str(list.expose()).map_err(|_| Fault::Broken("no list"))?;
    listed.retain(|container| container.id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    Ok(listed)
}

async fn ask(endpoints: &[Endpoint], question: &Question<'_>, limits: Limits, evidence: &mut Evidence) {
    let mut answered = None;
    let mut silent = None;
    for endpoint in endpoints {
        let found = Found::at(endpoint, question.project, limits);
        match question.wait(Asked::Engine(endpoint), found).await {
            Ok(found) => {
                let is_it = found.has_containers();
                if is_it || answered.is_none() {
                    answered = Some(found);
                }
                if is_it {
                    break;
                }
            }
            Err(fault) => silent = silent.or(Some((endpoint, fault))),
        }
    }
    let Some(Found { engine, info, listed }) = answered else {
        if let Some((endpoint, fault)) = silent {
            evidence.unreachable(endpoint, &fault, question.sockets);
        }
        return;
    };
    evidence.engine = Some(info);
    let mut listed = match listed {
        Ok(listed) => listed,
        Err(fault) => return evidence.missing("the list of containers", &fault),
    };
    if listed.len() > MOST_CONTAINERS {
        let summary =
            format!("{} containers, of which the first {MOST_CONTAINERS} are looked at", listed.len());
        evidence.findings.push(Finding::new(Code::EvidenceIncomplete, summary));
        listed.truncate(MOST_CONTAINERS);
    }
    let made = question.wait(Asked::Containers, inspect(&engine, &listed, evidence)).await;
    look_inside(&engine, &listed, &made, question, evidence).await;
}

/// What lies in the containers, and what they and OpenClaw in them say: all are asked at once.
async fn look_inside(
    engine: &Engine,
    listed: &[Listed],
    made: &BTreeMap<&str, Made>,
    question: &Question<'_>,
    evidence: &mut Evidence,
) {
    let (mut states, mut logs, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for place in question.places {
        let service = place.service.as_str();
        if let Some(container) = listed.iter().find(|container| container.is_of(service)) {
            let state = question.wait(Asked::State(service), state(engine, container, place));
            let on_host = place.on_host;
            states.push(async move { (service, Heard::State { entries: state.await, on_host }) }.boxed());
        }
    }
    let mut services = BTreeSet::new();
    for container in listed {
        let Some(service) = container.label(openclaw::SERVICE).filter(|service| container.is_of(service))
        else {
            continue;
        };
        // Of several replicas the first one.
        let Some(made) = made.get(container.id.as_str()).filter(|_| services.insert(service)) else {
            continue;
        };
        if question.wanted.logs {
            let log = engine.log(&container.id, made.since(), made.config.tty);
            let log = question.wait(Asked::Log(service), log);
            logs.push(async move { (service, Heard::Log(log.await)) }.boxed());
        }
        if made.runs() && question.wanted.device_lists.iter().any(|gateway| gateway == service) {
            let list = question.wait(Asked::Devices(service), engine.run(&container.id, &DEVICE_LIST));
            lists.push(async move { (service, Heard::Devices(list.await)) }.boxed());
        }
        if let Some(command) = question.wanted.commands.get(service).filter(|_| made.runs()) {
            let answer = question.wait(Asked::Command(service), engine.run(&container.id, command));
            lists.push(async move { (service, Heard::Answer(answer.await)) }.boxed());
        }
    }
    // A command takes longest: what else came counts, even if time is up before it ends.
    let mut answers: FuturesOrdered<_> = states.into_iter().chain(logs).chain(lists).collect();
    while let Some((service, heard)) = answers.next().await {
        evidence.enter(service, heard);
    }
}

enum Heard {
    State { entries: Vec<(String, Result<ArchiveEntry, Fault>)>, on_host: bool },
    Log(Result<Text, Fault>),
    Devices(Result<Ran, Fault>),
    Answer(Result<Ran, Fault>),
}

/// The answers, in the order of their questions.
async fn all<T>(questions: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    stream::iter(questions).buffered(AT_ONCE).collect().await
}

/// Every container, and the images they are called by now. Returns what of the containers is asked further.
async fn inspect<'l>(
    engine: &Engine,
    listed: &'l [Listed],
    evidence: &mut Evidence,
) -> BTreeMap<&'l str, Made> {
    let mut answers: Vec<Text> = Vec::new();
    let mut made = BTreeMap::new();
    let mut questions = Vec::new();
    for container in listed {
        let inspected = engine.json(format!("/containers/{}/json", container.id));
        questions.push(async move { (container, inspected.await) }.boxed());
    }
    for (container, answer) in all(questions).await {
        match answer {
            Ok(text) => {
                if let Ok(container_made) = serde_json::from_str::<Made>(text.expose()) {
                    made.insert(container.id.as_str(), container_made);
                }
                answers.push(text);
            }
            // It went away since the list was made.
            Err(fault) if fault.is_absence() => {}
            Err(fault) => {
                let what = container.label(openclaw::SERVICE).unwrap_or("another service");
                evidence.missing(&format!("the container of {what}"), &fault);
            }
        }
    }
    let images: BTreeSet<&str> = made.values().map(|made: &Made| made.config.image.as_str()).collect();
    let mut questions = Vec::new();
    for image in images.into_iter().filter(|image| is_reference(image)) {
        let inspected = engine.json(format!("/images/{image}/json"));
        questions.push(async move { (image, inspected.await) }.boxed());
    }
    for (image, answer) in all(questions).await {
        match answer {
            Ok(text) => answers.push(text),
            Err(fault) if fault.is_absence() => {}
            Err(fault) => evidence.missing(&format!("the image {image}"), &fault),
        }
    }
    let all: Vec<&str> = answers.iter().map(Text::expose).collect();
    evidence.inspect = Some(Text::from(format!("[{}]", all.join(",\n"))));
    made
}

/// What lies in the state directory of one service: owners and modes, and the two files that carry tokens.
async fn state(
    engine: &Engine,
    container: &Listed,
    place: &StatePlace,
) -> Vec<(String, Result<ArchiveEntry, Fault>)> {
    let dotenv = format!("{}/.env", place.state_dir);
    let mut paths = vec![(place.state_dir.clone(), false)];
    paths.extend(INSIDE.map(|name| (format!("{}/{name}", place.state_dir), false)));
    paths.extend([(place.config_path.clone(), true), (dotenv, true)]);
    paths.retain(|(path, _)| !path.contains(['\n', '\r']));
    let mut questions = Vec::new();
    for (path, content) in paths {
        let key = format!("container:{}:{path}", place.service);
        questions.push(async move { (key, engine.entry(&container.id, &path, content).await) }.boxed());
    }
    all(questions).await
}

impl Evidence {
    fn enter(&mut self, service: &str, heard: Heard) {
        match heard {
            Heard::State { entries, on_host } => {
                // The file sharing of a virtual machine shows each process its own owners, and an archive those of nobody. A
                // volume lies inside the machine.
                let maps = |info: &Text| openclaw::maps_owners(info.expose());
                let owners_count = !(on_host && self.engine.as_ref().is_some_and(maps));
                for (key, entry) in entries {
                    self.enter_entry(key, entry, owners_count);
                }
            }
            Heard::Log(Ok(log)) => {
                self.logs.insert(service.to_owned(), log);
            }
            Heard::Log(Err(fault)) => self.missing(&format!("the log of {service}"), &fault),
            Heard::Devices(Ok(Ran { stdout, exit_code })) => {
                let is_json = serde_json::from_str::<IgnoredAny>(stdout.expose()).is_ok();
                if is_json {
                    self.devices.insert(service.to_owned(), stdout);
                } else {
                    let ended = exit_code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
                    let summary = format!(
                        "`{}` in the container of {service} gave no list: exit status {ended}",
                        DEVICE_LIST.join(" ")
                    );
                    self.findings.push(Finding::new(Code::EvidenceIncomplete, summary));
                }
            }
            Heard::Devices(Err(fault)) => {
                let what = format!("`{}` in the container of {service}", DEVICE_LIST.join(" "));
                self.missing(&what, &fault);
            }
            Heard::Answer(Ok(Ran { stdout, exit_code: Some(0) })) => {
                self.answers.insert(service.to_owned(), stdout);
            }
            // An image need not have the program.
            Heard::Answer(Ok(_)) => {}
            Heard::Answer(Err(fault)) => {
                self.missing(&format!("a command in the container of {service}"), &fault);
            }
        }
    }

    fn enter_entry(&mut self, key: String, entry: Result<ArchiveEntry, Fault>, owners_count: bool) {
        match entry {
            Ok(ArchiveEntry { header, .. }) if header.kind == Kind::Link => {
                let fault = Fault::Broken("a symbolic link, which is not followed");
                self.missing(&key, &fault);
            }
            Ok(ArchiveEntry { header, bytes }) => {
                if owners_count {
                    let _ = writeln!(self.owners, "{}:{} {:o} {key}", header.uid, header.gid, header.mode);
                }
                match bytes.map(String::from_utf8) {
                    Some(Ok(text)) => {
                        self.texts.insert(key, Text::from(text));
                    }
                    Some(Err(_)) => self.missing(&key, &Fault::Broken("no text")),
                    None => {}
                }
            }
            Err(fault) if fault.is_absence() => {}
            Err(fault) => self.missing(&key, &fault),
        }
    }

    fn no_engine(&mut self, error: &BadEndpoint) {
        let mut finding = Finding::new(Code::EngineUnreachable, format!("Docker was not asked: {error}"));
        finding.remedy = Some(Remedy::words("name the engine by DOCKER_HOST or DOCKER_CONTEXT"));
        self.findings.push(finding);
    }

    fn unreachable(&mut self, endpoint: &Endpoint, fault: &Fault, sockets: &[String]) {
        let summary = format!("Docker at {endpoint} was not asked: {fault}");
        let mut finding = Finding::new(Code::EngineUnreachable, summary);
        let others = sockets.iter().cloned().map(Endpoint::Unix).filter(|other| other != endpoint);
        finding.evidence.extend(others.map(|other| format!("there is a socket at {other}")));
        finding.remedy = Some(Remedy::words(
            "see that `docker ps` works as this user; another engine is chosen by DOCKER_HOST or DOCKER_CONTEXT",
        ));
        self.findings.push(finding);
    }

    fn missing(&mut self, what: &str, fault: &Fault) {
        let summary = format!("{what} could not be read from Docker: {fault}");
        self.findings.push(Finding::new(Code::EvidenceIncomplete, summary));
    }
}

impl Stack<'_> {
    /// What was read from the running containers.
    #[cfg_attr(docsrs, doc(cfg(feature = "docker")))]
    #[must_use]
    pub fn evidence(mut self, evidence: &Evidence) -> Self {
        self = self.noted(evidence.findings.iter().cloned());
        for (key, text) in &evidence.texts {
            self = self.text(key.clone(), text.clone());
        }
        if let Some(inspect) = &evidence.inspect {
            self = self.inspect("docker inspect", inspect.clone());
        }
        if let Some(engine) = &evidence.engine {
            self = self.engine("docker info", engine.clone());
        }
        if !evidence.owners.is_empty() {
            self = self.ownership("the owners in the containers", evidence.owners.clone());
        }
        self
    }
}

/// Whether a reference may stand in a path as it is.
fn is_reference(image: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte);
    !image.is_empty() && image.bytes().all(plain) && !image.contains("..")
}

/// Percent-encodes all but letters, digits and the four marks that need it nowhere.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
