//! What OpenClaw makes of a resolved stack: who wins the token, which client reaches which listener, whose files they are,
//! and what to do about it.
//!
//! [`Stack`] collects what is known (the resolution, a way to read `openclaw.json`, recorded owners, `docker inspect`),
//! [`examine`] turns it into a [`Report`]. What was not given is unknown, never fine.
//!
//! | question | file |
//! | --- | --- |
//! | What differs between releases? | `rules.rs` |
//! | What is read, once: services, processes, `openclaw.json`, namespaces, owners, containers, proxies? | `model/` |
//! | What follows: who wins the token, who listens where, who reaches whom, may a process use its state? | `verdict/` |
//! | What is wrong, and what is the smallest edit: a file a family? | `findings/` |

mod carriers;
mod findings;
mod ladder;
mod model;
mod redact;
pub mod rules;
mod secrets;
mod verdict;

pub use carriers::{CarrierContent, CarrierView, Definition};
pub use findings::search;
pub use ladder::{ClientView, Gate, GateState, GateView};
pub use model::config::{
    Config, ConfigFault, RefSource, SecretForm, StateVariable, Substituted, state_dotenv, substitute,
};
pub use model::containers::ContainerView;
#[cfg(feature = "docker")]
pub(crate) use model::containers::{ONE_OFF, PROJECT, SERVICE};
pub use model::namespaces::{Namespace, Namespaces};
pub use model::processes::{EnvLayer, Role};
pub use rules::version::{BadVersion, Version, Versions};
pub use verdict::clients::ClientKind;
pub use verdict::token::Secret;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use secrecy::SecretString;
use serde::Serialize;

use crate::finding::{Code, Finding, Place, PlaceRole, Safety, Severity};
use crate::project::{self, Files, Resolution, Unread};
use crate::secrets::Secrets;
use crate::source::{Format, Sources, Span, Text};

use findings::{Findings, remedies};
use model::containers::{self, Runtime};
use model::owners::Listing;
use model::processes::{self, ConfigState, Process};
use model::scene::{Scene, Surroundings};
use model::services::Services;
use model::{engine, files};
use rules::version;
use verdict::{clients, token};

/// What is known about a stack.
///
/// ```
/// use openclaw_compose::openclaw::{Stack, examine};
/// use openclaw_compose::project::{self, Inputs, Texts};
///
/// let files = Texts::new()
///     .file("/srv/compose.yaml", "
/// services:
///   openclaw-gateway:
///     image: openclaw:2026.9.6
///     command: [openclaw, gateway]
///     environment: { OPENCLAW_GATEWAY_TOKEN: test-token-1 }
///     volumes: ['./state:/home/node/.openclaw']
///   openclaw-cli:
///     image: openclaw:2026.9.6
///     entrypoint: [openclaw]
///     volumes: ['./state:/home/node/.openclaw']
/// ")
///     .file("/srv/state/openclaw.json", "{ gateway: { mode: 'local', bind: 'lan' } }");
/// let resolution = project::resolve(&Inputs::new("/srv"), &files);
/// let report = examine(&Stack::new(&resolution).files(&files));
/// let cli = report.client("openclaw-cli").expect("a client");
/// assert_eq!(cli.first_red().and_then(|gate| gate.code).map(|code| code.name()), Some("own-loopback"));
/// ```
#[derive(Clone)]
pub struct Stack<'s> {
    resolution: &'s Resolution,
    files: Option<&'s dyn Files>,
    texts: BTreeMap<String, Text>,
    listings: Vec<(String, String)>,
    listings_of_copies: Vec<(String, String)>,
    inspects: Vec<(String, Text)>,
    engine: Option<(String, Text)>,
    id_maps: Vec<(String, String)>,
    noted: Vec<Finding>,
    definitions: Vec<Definition>,
    version: Option<Version>,
    upgrade_to: Option<Version>,
    docker_vm: bool,
    fingerprint: Option<&'s dyn Fn(&SecretString) -> String>,
}

impl<'s> Stack<'s> {
    /// A stack of which only the Compose files are known.
    #[must_use]
    pub fn new(resolution: &'s Resolution) -> Self {
        Self {
            resolution,
            files: None,
            texts: BTreeMap::new(),
            listings: Vec::new(),
            listings_of_copies: Vec::new(),
            inspects: Vec::new(),
            engine: None,
            id_maps: Vec::new(),
            noted: Vec::new(),
            definitions: Vec::new(),
            version: None,
            upgrade_to: None,
            docker_vm: false,
            fingerprint: None,
        }
    }

    /// A way to read the host's files: `openclaw.json`, its includes and the state directory's `.env` are taken from there.
    #[must_use]
    pub fn files(mut self, files: &'s dyn Files) -> Self {
        self.files = Some(files);
        self
    }

    /// A text by itself, which beats [`Stack::files`]. `key` is a host path as reports show it (relative to the project's
    /// directory where it lies there), `volume:NAME:path/inside`, or `container:SERVICE:/path` for what was read in the
    /// running container.
    #[must_use]
    pub fn text(mut self, key: impl Into<String>, text: impl Into<Text>) -> Self {
        self.texts.insert(key.into(), text.into());
        self
    }

    /// Recorded owners and modes of the project directory: lines of `UID:GID MODE PATH`, as
    /// `find . -printf '%U:%G %m %P\n'` or `stat -c '%u:%g %a %n'` print them; lines of `ls -ldn`, with `-Z` or without;
    /// blocks of `getfacl -n`; and the word that `getenforce` prints. They may follow each other in one text. A path that
    /// begins with `container:SERVICE:` or `volume:NAME:` was looked at in there. `name` is what reports call the listing.
    #[must_use]
    pub fn ownership(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.listings.push((name.into(), text.into()));
        self
    }

    /// Owners and modes as [`Stack::ownership`] takes them, read from files that may be a copy of the stack, such as a
    /// checkout. A copy belongs to whoever made it: where all of it has one owner, a drift is only inferred.
    #[must_use]
    pub fn ownership_of_copy(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.listings_of_copies.push((name.into(), text.into()));
        self
    }

    /// Output of `docker inspect` for containers of the stack. `name` is what reports call it.
    #[must_use]
    pub fn inspect(mut self, name: impl Into<String>, text: impl Into<Text>) -> Self {
        self.inspects.push((name.into(), text.into()));
        self
    }

    /// What the engine says of itself: output of `docker info --format '{{json .}}'` or `podman info --format json`. It
    /// tells of virtual machines, SELinux and mapped user ids. `name` is what reports call it.
    #[must_use]
    pub fn engine(mut self, name: impl Into<String>, text: impl Into<Text>) -> Self {
        self.engine = Some((name.into(), text.into()));
        self
    }

    /// How user ids of the containers become those of the host: `/proc/self/uid_map` as a container shows it, or the lines
    /// of `/etc/subuid` for the user that the engine runs as. Groups are taken to be mapped alike. `name` is what reports
    /// call it.
    #[must_use]
    pub fn id_map(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.id_maps.push((name.into(), text.into()));
        self
    }

    /// What was read from the running containers.
    #[cfg(feature = "docker")]
    #[cfg_attr(docsrs, doc(cfg(feature = "docker")))]
    #[must_use]
    pub fn evidence(mut self, evidence: &crate::docker::Evidence) -> Self {
        self.noted.extend(evidence.findings.iter().cloned());
        self.texts.extend(evidence.texts.iter().map(|(key, text)| (key.clone(), text.clone())));
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

    /// A launchd or systemd definition of an OpenClaw service on the host, whose token is compared.
    #[must_use]
    pub fn definition(mut self, definition: Definition) -> Self {
        self.definitions.push(definition);
        self
    }

    /// The release, where neither tag nor label says it; from the gateway's hello, for instance.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// The release to which an upgrade is planned.
    #[must_use]
    pub fn upgrade_to(mut self, version: Version) -> Self {
        self.upgrade_to = Some(version);
        self
    }

    /// Docker runs in a virtual machine, as on macOS. Also taken from paths below `/Users/` and from a Mac's listing.
    #[must_use]
    pub fn docker_vm(mut self) -> Self {
        self.docker_vm = true;
        self
    }

    /// Renders a fingerprint for each token in the report. The function sees the secret; what it returns is shown.
    #[must_use]
    pub fn fingerprint(mut self, fingerprint: &'s dyn Fn(&SecretString) -> String) -> Self {
        self.fingerprint = Some(fingerprint);
        self
    }
}

/// Names and counts only.
impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("resolution", self.resolution)
            .field("texts", &self.texts.keys())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The release the rules were taken for.
#[derive(Clone, Debug, Serialize)]
pub struct VersionView {
    /// The release; nothing where it is not known and the newest rules were used.
    pub version: Option<Version>,
    /// `image tag`, `label`, `caller` or `unknown`.
    pub from: &'static str,
}

/// A gateway of the stack.
#[derive(Clone, Debug, Serialize)]
pub struct GatewayView {
    /// Its service.
    pub service: String,
    /// Its release.
    pub version: VersionView,
    /// `loopback`, `all`, an address, `tailnet` or `unknown`.
    pub bind: String,
    /// What decided the bind.
    pub bind_from: &'static str,
    /// The port it listens on, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What decided the port.
    pub port_from: &'static str,
    /// `token`, `password`, `none`, `trusted-proxy` or `unknown`.
    pub auth: &'static str,
    /// The carrier that wins its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
    /// The letter of the value it enforces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<String>,
    /// The rule that made it win: an id of [`rules::TOKEN_RULES`].
    pub token_rule: &'static str,
    /// Whether it starts, as far as the files tell.
    pub starts: bool,
    /// The state directory inside the container.
    pub state_dir: String,
    /// The uid its process runs as, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Services that lose their network when it is restarted.
    pub stranded_by_restart: Vec<String>,
}

/// Everything [`examine`] found. Serialises without a secret.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The release the gateway's rules were taken for.
    pub version: VersionView,
    /// The gateways, in the order of their services.
    pub gateways: Vec<GatewayView>,
    /// Every client with its gates.
    pub clients: Vec<ClientView>,
    /// Every place that carries the token or should, side by side.
    pub tokens: Vec<CarrierView>,
    /// Who lives in whose network namespace.
    pub namespaces: Namespaces,
    /// The running containers of OpenClaw's services.
    pub containers: Vec<ContainerView>,
    /// What is wrong or worth knowing, errors first.
    pub findings: Vec<Finding>,
    /// The files of the project and of its state that are there and could not be read: what they hold is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Every text the findings and their edits point into: those of the resolution, and `openclaw.json` and its kin.
    #[serde(skip)]
    pub sources: Sources,
    #[serde(skip)]
    secrets: Secrets,
}

impl Report {
    /// Every value that is or looks like a secret in what was read, for the texts that a program prints about the stack:
    /// see [`Secrets::mask`].
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The client of that name.
    #[must_use]
    pub fn client(&self, name: &str) -> Option<&ClientView> {
        self.clients.iter().find(|client| client.name == name)
    }

    /// The first cause of the stack: the earliest red gate of any client.
    #[must_use]
    pub fn first_cause(&self) -> Option<(&ClientView, &GateView)> {
        let reds = self.clients.iter().filter_map(|client| Some((client, client.first_red()?)));
        reds.min_by_key(|(_, red)| red.gate)
    }

    /// The finding that a gate of this report rests on.
    #[must_use]
    pub fn finding(&self, id: FindingId) -> Option<&Finding> {
        self.findings.get(id.0)
    }

    /// The findings of a code.
    pub fn of_code(&self, code: Code) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.code == code)
    }
}

/// A finding of a report, by its position in [`Report::findings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FindingId(usize);

impl FindingId {
    /// Its position in [`Report::findings`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Examines a stack. Never fails: what cannot be told is unknown.
#[must_use]
pub fn examine(stack: &Stack<'_>) -> Report {
    let resolution = stack.resolution;
    let services = Services::read(resolution);
    let directory = resolution.working_dir();
    let mut reader = files::Reader::new(stack.files, &stack.texts, directory, resolution.sources().clone());

    let mut early: Vec<Finding> = stack.noted.clone();
    let runtime = read_inspects(stack, &mut reader, &mut early);
    let (hint, hint_from) = match (stack.version, runtime.version()) {
        (Some(version), _) => (Some(version), "caller"),
        (None, Some(version)) => (Some(version), "label"),
        (None, None) => (None, "unknown"),
    };
    let processes = processes::read(&services, hint, &mut reader);
    let mut listing = Listing::default();
    for (name, text) in &stack.listings {
        let file = reader.enter(Format::Listing, name, text);
        listing.read(file, directory, text);
    }
    for (name, text) in &stack.listings_of_copies {
        let file = reader.enter(Format::Listing, name, text);
        listing.read(file, directory, text);
        listing.is_copy = listing.has_one_owner();
    }
    let engine = read_engine(stack, &listing, &mut reader, &mut early);
    let definitions: Vec<_> = stack
        .definitions
        .iter()
        .map(|definition| carriers::read_definition(definition, &mut reader))
        .collect();
    early.extend(unread_findings(&mut reader));
    let unread = resolution.unread().iter().chain(&reader.unread).cloned().collect();
    let mut sources = std::mem::take(&mut reader.sources);
    let secrets = secrets::collect(stack, &processes, &definitions, &sources);
    mark_secrets(&processes, &definitions, &mut sources);
    mark_urls(resolution, &processes, &mut sources);
    secrets.mark_in(&mut sources);

    let surroundings = Surroundings {
        confined: runtime.confined(),
        docker_vm: stack.docker_vm || engine.vm.is_some(),
        engine,
        listing,
        stale_files: std::mem::take(&mut reader.stale),
        upgrade_to: stack.upgrade_to,
    };
    let scene = Scene::new(resolution, &services, &processes, &sources, surroundings);
    let clients = clients::find(&scene);
    let stale = stale_tokens(&runtime, &scene);

    let mut found = Findings::default();
    found.extend(early);
    findings::listener::findings(&scene, &mut found);
    findings::reach::findings(&clients, &scene, &mut found);
    findings::token::findings(&clients, &scene, &mut found);
    findings::state::findings(&scene, &mut found);
    findings::operation::findings(&scene, &mut found);
    containers::findings(&runtime, &scene, &mut found);
    carriers::findings(&definitions, &scene, &mut found);
    configuration(&scene, &mut found);
    versions(&scene, &mut found);
    let (mut findings, behind) = found.ranked();
    findings.iter_mut().for_each(leave_containers_alone);
    remedies::finish(&mut findings, &scene);

    // The server's winner is A.
    let mut letters = token::Classes::default();
    for gateway in &scene.gateways {
        if let Some(value) = gateway.decision.value() {
            letters.letter(value);
        }
    }
    let gateways: Vec<GatewayView> =
        scene.gateways.iter().map(|gateway| gateway_view(gateway, hint_from, &scene, &mut letters)).collect();
    let mut views: Vec<ClientView> =
        clients.iter().map(|client| ladder::view(client, &scene, &behind, &mut letters)).collect();
    for view in &mut views {
        ladder::apply_stale(view, &stale, &behind);
    }
    let containers = containers::views(&runtime, &scene, &mut letters);
    let tokens = carriers::views(&definitions, &scene, &mut letters, stack.fingerprint);
    let version = gateways
        .first()
        .map_or(VersionView { version: hint, from: hint_from }, |gateway| gateway.version.clone());
    let namespaces = scene.namespaces;
    let mut report = Report {
        version,
        gateways,
        clients: views,
        tokens,
        namespaces,
        containers,
        findings,
        unread,
        sources,
        secrets,
    };
    report.mask();
    report
}

fn read_inspects(stack: &Stack<'_>, reader: &mut files::Reader<'_>, out: &mut Vec<Finding>) -> Runtime {
    let mut printed = containers::Printed::default();
    for (name, text) in &stack.inspects {
        if let Err(place) = containers::read(text.expose(), &mut printed) {
            let file = reader.enter(Format::Other, name, "");
            let summary = format!("{name} is not output of docker inspect: JSON stops at {place}");
            let place = Place::of(&reader.sources, PlaceRole::Decided, Span::new(file, 0, 0));
            out.push(Finding::new(Code::InspectUnreadable, summary).at(place));
        }
    }
    Runtime::new(printed, stack.resolution.project_name())
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
                let summary = format!("{name} is no output of docker info: JSON stops at {place}");
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

/// Where an OpenClaw service keeps its state, as its compose file says.
#[cfg(feature = "docker")]
pub(crate) struct StatePlace {
    pub(crate) service: String,
    pub(crate) state_dir: String,
    pub(crate) config_path: String,
}

/// The state of every OpenClaw service, gateways first.
#[cfg(feature = "docker")]
pub(crate) fn state_places(resolution: &Resolution) -> Vec<StatePlace> {
    let services = Services::read(resolution);
    let nothing = BTreeMap::new();
    let mut reader =
        files::Reader::new(None, &nothing, resolution.working_dir(), resolution.sources().clone());
    let mut processes = processes::read(&services, None, &mut reader);
    processes.retain(Process::is_openclaw);
    processes.sort_by_key(|process| process.role);
    processes
        .iter()
        .map(|process| StatePlace {
            service: process.service.name.to_owned(),
            state_dir: process.state_dir.clone(),
            config_path: process.config_path.clone(),
        })
        .collect()
}

/// Whether what an engine says of itself means that the host's owners are not those its containers see.
#[cfg(feature = "docker")]
pub(crate) fn maps_owners(info: &str) -> bool {
    engine::Engine::read(info).is_ok_and(|engine| engine.vm.is_some())
}

/// Services whose running container has another secret than the files, with the positions of their processes.
fn stale_tokens<'s>(runtime: &Runtime, scene: &Scene<'s, '_>) -> BTreeMap<&'s str, usize> {
    scene
        .processes
        .iter()
        .enumerate()
        .filter(|(_, process)| process.is_openclaw())
        .filter(|(_, process)| {
            runtime
                .stale_variables(process)
                .iter()
                .any(|name| name.ends_with("_TOKEN") || name.ends_with("_PASSWORD"))
        })
        .map(|(at, process)| (process.service.name, at))
        .collect()
}

/// Masks every secret that this floor brought in.
fn mark_secrets(processes: &[Process<'_>], definitions: &[carriers::Defined], sources: &mut Sources) {
    let mut dotenvs = BTreeSet::new();
    for process in processes {
        if let Some(config) = process.config() {
            let values = ["auth", "remote"].iter().flat_map(|section| {
                ["token", "password"].iter().filter_map(|key| config.secret(&["gateway", *section, *key]))
            });
            for form in values {
                if let SecretForm::Text { span, .. } = form {
                    sources.mark_secret(span);
                }
            }
        }
        let secret = |variable: &&StateVariable| project::looks_secret(&variable.name);
        // Services that share a file share what was read of it.
        if dotenvs.insert(Rc::as_ptr(&process.state_env)) {
            for variable in process.state_env.iter().filter(secret) {
                sources.mark_secret(variable.span);
            }
        }
        for flag in
            process.invocation.flags.iter().filter(|flag| matches!(flag.name.as_str(), "token" | "password"))
        {
            sources.mark_secret(flag.span);
        }
    }
    for defined in definitions {
        sources.mark_secret(defined.span);
    }
}

/// Masks URLs that carry credentials, wherever a service gets them from.
fn mark_urls(resolution: &Resolution, processes: &[Process<'_>], sources: &mut Sources) {
    let telling = |text: &str| {
        text.contains("://") && (text.contains('@') || text.contains("token=") || text.contains("password="))
    };
    for process in processes {
        for (name, variable) in &process.service.environment {
            if !variable.value.is_some_and(|value| telling(value.expose())) {
                continue;
            }
            sources.mark_secret(variable.span);
            for step in resolution.env_steps(process.service.name, name).into_iter().flatten() {
                if let Some(place) = step.place {
                    sources.mark_secret(place.span);
                }
            }
        }
        let in_config = process.config().and_then(|config| config.expose(&["gateway", "remote", "url"]));
        if let Some((_, span)) = in_config.filter(|(text, _)| telling(text)) {
            sources.mark_secret(span);
        }
        for flag in process
            .invocation
            .flags
            .iter()
            .filter(|flag| flag.value.as_ref().is_some_and(|value| telling(value.expose())))
        {
            sources.mark_secret(flag.span);
        }
    }
}

fn gateway_view(
    gateway: &verdict::listener::Gateway,
    hint_from: &'static str,
    scene: &Scene<'_, '_>,
    letters: &mut token::Classes,
) -> GatewayView {
    let process = scene.processes.get(gateway.at);
    let name = scene.service_name(gateway.at);
    let version = process.and_then(|process| process.version);
    let image = process.and_then(|process| process.service.image.as_ref());
    let from_tag = image.and_then(|image| version::tag(image.value)?.parse::<Version>().ok()).is_some();
    GatewayView {
        service: name.to_owned(),
        version: VersionView {
            version,
            from: if from_tag {
                "image tag"
            } else if version.is_some() && hint_from == "unknown" {
                "label"
            } else {
                hint_from
            },
        },
        bind: match &gateway.bind.scope {
            verdict::listener::Scope::Loopback => "loopback".to_owned(),
            verdict::listener::Scope::All => "all".to_owned(),
            verdict::listener::Scope::Address(address) => address.clone(),
            verdict::listener::Scope::Tailnet => "tailnet".to_owned(),
            verdict::listener::Scope::Unknown => "unknown".to_owned(),
        },
        bind_from: gateway.bind.by,
        port: gateway.port.number,
        port_from: gateway.port.by,
        auth: match gateway.auth {
            verdict::listener::Auth::Token => "token",
            verdict::listener::Auth::Password => "password",
            verdict::listener::Auth::None => "none",
            verdict::listener::Auth::TrustedProxy => "trusted-proxy",
            verdict::listener::Auth::Unknown => "unknown",
        },
        token_from: gateway.decision.winner().map(|winner| winner.label.clone()),
        token_class: gateway.decision.value().map(|value| letters.letter(value)),
        token_rule: gateway.decision.rule.id,
        starts: gateway.refusals.is_empty(),
        state_dir: process.map(|process| process.state_dir.clone()).unwrap_or_default(),
        uid: process.and_then(|process| process.uid.number()),
        stranded_by_restart: scene.namespaces.stranded_by(name).into_iter().map(str::to_owned).collect(),
    }
}

/// Configurations that were not given, and stacks without a gateway.
fn configuration(scene: &Scene<'_, '_>, out: &mut Findings) {
    for gateway in &scene.gateways {
        let Some(process) = scene.processes.get(gateway.at) else { continue };
        // One that is there and cannot be read is told with the files.
        if matches!(process.config, ConfigState::Unknown) {
            let summary = format!(
                "{} of {} was not given: a token in it would win",
                process.config_path, process.service.name
            );
            let mount = processes::mount_over(process.service, &process.config_path).map(|mount| mount.span);
            let mut finding = scene
                .finding(Code::ConfigNotGiven, summary, mount.or(Some(process.service.key_span)))
                .about(process.subject());
            finding.remedy = Some(remedies::command(
                "read it inside the container".to_owned(),
                format!("docker compose exec {} cat {}", process.service.name, process.config_path),
            ));
            out.push(finding);
        }
    }
    // The gateway's own configuration is told where the gateway is.
    let mut told: BTreeSet<Span> =
        out.iter().flat_map(|finding| &finding.places).map(|place| place.span).collect();
    let clients = scene.processes.iter().filter(|process| process.role == Role::Cli);
    for (process, fault) in clients.filter_map(|process| Some((process, process.config()?.refused()?))) {
        if told.contains(&fault.span()) {
            continue;
        }
        let summary = format!("{} of {}: {fault}", process.config_path, process.service.name);
        let mut finding =
            scene.finding(Code::ConfigSyntax, summary, Some(fault.span())).about(process.subject());
        told.extend(finding.places.iter().map(|place| place.span));
        finding.severity = Severity::Warning;
        finding.remedy = Some(remedies::words("correct the file: what it says to this client is unknown"));
        out.push(finding);
    }
    if scene.gateways.is_empty()
        && let Some(cli) = scene.processes.iter().find(|process| process.role == Role::Cli)
    {
        let summary = format!("{} is there, and no service of this stack runs the gateway", cli.service.name);
        out.push(scene.finding(Code::NoGateway, summary, Some(cli.service.key_span)));
    }
}

/// What was read inside a container is no file that can be edited from here: there the remedy is left to a person.
fn leave_containers_alone(finding: &mut Finding) {
    let Some(remedy) = &mut finding.remedy else { return };
    if remedy.edits.iter().any(|edit| edit.file.starts_with("container:")) {
        remedy.edits.clear();
        remedy.safety = if remedy.command.is_some() { Safety::Judgement } else { Safety::TextOnly };
    }
}

/// A release that nobody names.
fn versions(scene: &Scene<'_, '_>, out: &mut Findings) {
    for gateway in &scene.gateways {
        let Some(process) = scene.processes.get(gateway.at).filter(|process| process.version.is_none())
        else {
            continue;
        };
        let span = process.service.image.as_ref().map_or(process.service.key_span, |image| image.span);
        let summary =
            format!("the release of {} is not known: it is judged by the newest rules", process.service.name);
        let mut finding = scene.finding(Code::VersionUnknown, summary, Some(span)).about(process.subject());
        finding.remedy = Some(remedies::command(
            "ask it".to_owned(),
            format!("docker compose exec {} openclaw --version", process.service.name),
        ));
        out.push(finding);
    }
}
