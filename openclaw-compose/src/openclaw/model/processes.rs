//! Each service as a process: is it the gateway, a CLI, another client or none of these; who runs it, where its home and
//! state are, which `openclaw.json` it reads, and what its environment says.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::finding::Subject;
use crate::openclaw::rules::version::{self, Version};
use crate::openclaw::rules::{self, Meaning, NameRule, Side};
use crate::source::{FileId, Span, Text};

use super::config::{self, Config, StateVariable};
use super::files::{Found, Reader};
use super::image::{Image, Source};
use super::invocation::Invocation;
use super::jobs::Job;
use super::mounts::{self, Backing};
use super::observed::Observed;
use super::proxies;
use super::roles::{Start, holds_state, is_called_openclaw, last_part, roles};
use super::services::{Service, Services, Variable};

pub use super::roles::Role;
pub(crate) use super::roles::{is_openclaw_image, is_run_on_demand};

/// The uid a process runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Uid {
    /// Written in the compose file.
    Written(u32, Option<u32>),
    /// The official image's own user.
    Image,
    /// The user that a Dockerfile or the inspected container names.
    Read(u32, Option<u32>),
    /// An image nobody knows.
    Unknown,
}

impl Uid {
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Self::Written(uid, _) | Self::Read(uid, _) => Some(uid),
            Self::Image => Some(rules::IMAGE_UID),
            Self::Unknown => None,
        }
    }

    pub(crate) fn group(self) -> Option<u32> {
        match self {
            Self::Written(uid, gid) | Self::Read(uid, gid) => gid.or((uid == 0).then_some(0)),
            Self::Image => Some(rules::IMAGE_UID),
            Self::Unknown => None,
        }
    }
}

/// A process, by its position among those of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessId(usize);

/// A service as a process.
pub(crate) struct Process<'a> {
    pub(crate) id: ProcessId,
    pub(crate) service: &'a Service<'a>,
    pub(crate) role: Role,
    pub(crate) invocation: Invocation,
    /// What its image brings along.
    pub(crate) image: Image,
    /// The release this process runs, as far as known.
    pub(crate) version: Option<Version>,
    pub(crate) uid: Uid,
    pub(crate) home: String,
    /// Where it keeps its state; where nobody says so, the likeliest place to look.
    pub(crate) state_dir: String,
    /// `--profile` or `OPENCLAW_PROFILE`: it moves the state directory and the default port.
    pub(crate) profile: Option<String>,
    /// Who says so.
    pub(crate) state_from: Source,
    pub(crate) state: Backing,
    pub(crate) config_path: String,
    pub(crate) config: ConfigState,
    /// `$STATE/.env`.
    pub(crate) state_env: Rc<StateEnv>,
    /// `$STATE/.env` is there and could not be read.
    pub(crate) state_env_is_unreadable: bool,
    /// What is known of the ways through it, where it is a proxy.
    pub(crate) proxy: proxies::Configuration,
    /// The state directory lies inside another one, and the configuration is in that one.
    pub(crate) config_is_outside: bool,
}

/// What is known of a process's `openclaw.json`.
#[derive(Clone, Debug)]
pub(crate) enum ConfigState {
    /// Its text was given.
    Read(Rc<Config>),
    /// It is known that there is none.
    Absent,
    /// Nothing is mounted there: only the image or an entrypoint could bring one.
    Bare,
    /// It is there, and cannot be read.
    Unreadable,
    /// Nobody gave its text.
    Unknown,
}

/// Where in a process's environment a value stands, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EnvLayer {
    /// Set by the command line itself, for the program it starts.
    Command,
    /// The container's own environment.
    Container,
    /// The state directory's `.env`.
    StateDotenv,
    /// `env.vars` of `openclaw.json`.
    ConfigVars,
}

/// A value of a process's environment.
#[derive(Clone)]
pub(crate) struct EnvValue<'p> {
    pub(crate) text: &'p Text,
    pub(crate) span: Span,
    pub(crate) layer: EnvLayer,
}

impl EnvValue<'_> {
    /// Whether the value is what some command prints when the container starts: nobody can see it from here.
    pub(crate) fn is_opaque(&self) -> bool {
        self.layer == EnvLayer::Command && is_substitution(self.text)
    }
}

/// `$(...)` or backticks.
pub(crate) fn is_substitution(text: &Text) -> bool {
    text.contains("$(") || text.contains("`")
}

impl ProcessId {
    /// What is kept of this process in a list that has one entry for each.
    pub(crate) fn of<T>(self, list: &[T]) -> Option<&T> {
        list.get(self.0)
    }
}

impl<'a> Process<'a> {
    /// Its service, as a finding's subject.
    pub(crate) fn subject(&self) -> Subject {
        Subject::Service(self.service.name.to_owned())
    }

    pub(crate) fn config(&self) -> Option<&Config> {
        match &self.config {
            ConfigState::Read(config) => Some(config),
            _ => None,
        }
    }

    /// Whether something else than the gateway may listen in its container, as far as anybody can see.
    pub(crate) fn may_have_server(&self) -> bool {
        self.invocation.is_unseen || self.invocation.has_server
    }

    /// Whether it is known that it keeps its state where [`Process::state_dir`] says.
    pub(crate) fn knows_state_dir(&self) -> bool {
        self.state_from.is_sure()
    }

    /// Whether it may have variables that nobody sees from here: from a script that runs first, or from a file that was not
    /// given.
    pub(crate) fn may_have_more_variables(&self) -> bool {
        self.invocation.through_script || self.service.job.is_some_and(Job::has_unseen_variables)
    }

    /// Whether it runs OpenClaw's own code, so that OpenClaw's rules bind it.
    pub(crate) fn is_openclaw(&self) -> bool {
        matches!(self.role, Role::Gateway | Role::Cli)
    }

    /// The state directory in which the process's own one lies, where `HOME` points into a state directory.
    pub(crate) fn outer_state_dir(&self) -> Option<&str> {
        let inner = format!("/{}", rules::STATE_DIR_NAME);
        let outer = self.state_dir.strip_suffix(&inner)?;
        let name = last_part(outer);
        (name == rules::STATE_DIR_NAME || rules::LEGACY_STATE_DIR_NAMES.contains(&name)).then_some(outer)
    }

    /// The state directory's `.env`.
    pub(crate) fn state_dotenv(&self) -> String {
        format!("{}/.env", self.state_dir)
    }

    /// The variable as the process sees it: the first layer that has the name at all decides, even with an empty value.
    pub(crate) fn env(&self, name: &str) -> Option<EnvValue<'_>> {
        if let Some(set) = self.invocation.assigned.iter().rev().find(|set| set.name == name) {
            let copied = set.value.expose().strip_prefix('$').map(|other| other.trim_matches(['{', '}']));
            // `A=$A` is the container's own again, and `A=$B` that of another variable.
            if copied != Some(name) {
                let other = copied.and_then(|other| self.env_of_container(other));
                let (text, span) = other.map_or((&set.value, set.span), |other| (other.text, other.span));
                return Some(EnvValue { text, span, layer: EnvLayer::Command });
            }
        }
        self.env_of_container(name)
    }

    fn env_of_container(&self, name: &str) -> Option<EnvValue<'_>> {
        if let Some(Variable { value: Some(text), span, .. }) = self.service.environment.get(name) {
            return Some(EnvValue { text, span: *span, layer: EnvLayer::Container });
        }
        if let Some((text, span)) = self.image.environment.get(name) {
            return Some(EnvValue { text, span: *span, layer: EnvLayer::Container });
        }
        if !self.is_openclaw() {
            return None;
        }
        self.env_below_container(name)
    }

    /// What the process would see if its container gave it nothing.
    pub(crate) fn env_below_container(&self, name: &str) -> Option<EnvValue<'_>> {
        if let Some(variable) = self.state_env.get(name) {
            let text = &variable.value;
            return Some(EnvValue { text, span: variable.span, layer: EnvLayer::StateDotenv });
        }
        let node = self.config()?.env_var(name)?;
        Some(EnvValue { text: node.text()?, span: node.span, layer: EnvLayer::ConfigVars })
    }

    /// On which side of a connection it stands.
    pub(crate) fn side(&self) -> Side {
        if self.role == Role::Gateway { Side::Server } else { Side::Client }
    }

    /// The strongest name of `meaning` that has a value and that this release reads. Blank is unset, and what cannot be seen
    /// is left out.
    pub(crate) fn meant(&self, meaning: Meaning) -> Option<(&'static NameRule, EnvValue<'_>)> {
        rules::names(meaning, self.version, self.side()).find_map(|rule| {
            let value = self.env(rule.name)?;
            (!value.text.is_blank() && !value.is_opaque()).then_some((rule, value))
        })
    }

    /// Expands `$NAME`, `${NAME}` and `${NAME:-default}` that a shell inside the container would.
    pub(crate) fn shell_expand(&self, text: &Text) -> Text {
        let Some(name) = text.expose().strip_prefix('$') else { return text.clone() };
        let name = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
        let (name, default) = name.split_once(":-").unwrap_or((name, ""));
        match self.env(name) {
            Some(value) if !value.text.is_empty() => value.text.clone(),
            _ => Text::from(default),
        }
    }

    /// `${NAME}` of `openclaw.json` with this process's environment.
    pub(crate) fn substitute(&self, text: &str) -> config::Substituted {
        config::substitute(text, &mut |name| {
            self.env(name).filter(|value| !value.is_opaque()).map(|value| value.text.clone())
        })
    }
}

/// The `.env` of a state directory.
#[derive(Default)]
pub(crate) struct StateEnv {
    variables: Vec<StateVariable>,
    /// The last place of each name, which counts.
    last: HashMap<String, usize>,
}

impl StateEnv {
    fn read(file: FileId, text: &Text) -> Self {
        let variables = config::state_dotenv(file, text.expose());
        let last = variables.iter().enumerate().map(|(at, variable)| (variable.name.clone(), at)).collect();
        Self { variables, last }
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, StateVariable> {
        self.variables.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&StateVariable> {
        self.variables.get(*self.last.get(name)?)
    }
}

/// What was read for one service and serves every other that looks at the same file.
#[derive(Default)]
struct Known {
    configs: BTreeMap<String, ConfigState>,
    dotenvs: BTreeMap<FileId, Rc<StateEnv>>,
}

/// Reads every service as a process.
pub(crate) fn read<'a>(
    services: &'a Services<'a>,
    hint: Option<Version>,
    observed: &Observed,
    files: &mut Reader<'_>,
) -> Vec<Process<'a>> {
    let roles = roles(services, observed, files);
    let mut known = Known::default();
    services
        .list
        .iter()
        .zip(roles)
        .enumerate()
        .map(|(at, (service, start))| {
            let version = version(service, hint);
            process(ProcessId(at), service, start, version, services, observed, files, &mut known)
        })
        .collect()
}

/// Labels in which images carry their release.
const VERSION_LABELS: [&str; 2] = ["org.opencontainers.image.version", "org.opencontainers.image.ref.name"];

/// The image's tag, a label of the compose file, or what the caller knows; failing these, an image that goes by one of
/// OpenClaw's former names is of the last release that did.
fn version(service: &Service<'_>, hint: Option<Version>) -> Option<Version> {
    let tag = service.image.as_ref().and_then(|image| version::tag(image.value)?.parse().ok());
    let label = || VERSION_LABELS.iter().find_map(|name| service.labels.get(name)?.value.parse());
    let by_name = || {
        let image = version::repository(service.image.as_ref()?.value);
        let is_former = FORMER_NAMES.contains(&image.rsplit('/').next().unwrap_or(image));
        is_former.then_some(version::LAST_UNDER_A_FORMER_NAME)
    };
    tag.or_else(label).or_else(|| service.job?.release).or(hint).or_else(by_name)
}

/// What images of OpenClaw were called before.
const FORMER_NAMES: [&str; 2] = ["clawdbot", "moltbot"];

#[expect(clippy::too_many_arguments, reason = "what was found out before, and where to find the rest")]
fn process<'a>(
    id: ProcessId,
    service: &'a Service<'a>,
    start: Start,
    version: Option<Version>,
    services: &Services<'_>,
    observed: &Observed,
    files: &mut Reader<'_>,
    known: &mut Known,
) -> Process<'a> {
    let Start { role, invocation, image } = start;
    // The inspected container has the variables of its image, too.
    let seen = observed.containers.get(service.name).filter(|_| image.source != Source::OfficialImage);
    let written = |name: &str| {
        let text = match service.environment.get(name) {
            Some(variable) => (variable.value?.expose(), Source::Compose),
            None => match image.environment.get(name) {
                Some((text, _)) => (text.expose(), Source::Dockerfile),
                None => (seen?.environment.get(name)?.expose(), Source::Inspect),
            },
        };
        let (text, source) = (text.0.trim(), text.1);
        (!matches!(text, "" | "undefined" | "null")).then_some((text, source))
    };
    let variable = |name: &str| written(name).map(|(text, _)| text);
    let uid = uid(service, role, &image, seen.and_then(|seen| seen.user.as_deref()));
    let (home, home_from) = match written("OPENCLAW_HOME").or_else(|| written("HOME")) {
        Some((home, source)) => (home.to_owned(), source),
        None => default_home(service, uid, &image),
    };
    let tilde = |path: &str| match path.strip_prefix('~') {
        Some(rest) => format!("{home}{rest}"),
        None => path.to_owned(),
    };
    let profile = invocation.flag("profile").and_then(|flag| Some(flag.value.as_ref()?.expose().to_owned()));
    let profile = profile.or_else(|| variable("OPENCLAW_PROFILE").map(str::to_owned));
    let profile = profile.filter(|name| name != "default");
    let (state_dir, state_from) = match written("OPENCLAW_STATE_DIR") {
        Some((path, source)) => (tilde(path), source),
        None => (default_state_dir(service, &home, profile.as_deref()), home_from),
    };
    let state_dir = config::normalise("/", &state_dir);
    let config_path = match variable("OPENCLAW_CONFIG_PATH") {
        Some(path) => config::normalise("/", &tilde(path)),
        None => format!("{state_dir}/{}", rules::CONFIG_NAME),
    };
    let names_config = variable("OPENCLAW_CONFIG_PATH").is_some();
    let mut process = Process {
        id,
        service,
        role,
        invocation,
        image,
        version,
        uid,
        home,
        profile,
        state: mounts::backing(service, services, &state_dir),
        state_dir,
        state_from,
        config_path,
        config: ConfigState::Unknown,
        state_env: Rc::default(),
        state_env_is_unreadable: false,
        config_is_outside: false,
        proxy: proxies::configuration(service, services, files),
    };
    if process.is_openclaw() {
        process.config = config_of(&process, services, files, &mut known.configs);
        let legacy = format!("{}/{}", process.state_dir, rules::LEGACY_CONFIG_NAME);
        if matches!(process.config, ConfigState::Absent)
            && !names_config
            && matches!(files.inside(service, services, &legacy), Found::Text(..))
        {
            process.config_path = legacy;
            process.config = config_of(&process, services, files, &mut known.configs);
        }
        if let Some(outer) = process.outer_state_dir()
            && matches!(process.config, ConfigState::Absent | ConfigState::Unknown)
        {
            let path = format!("{outer}/{}", rules::CONFIG_NAME);
            process.config_is_outside = matches!(files.inside(service, services, &path), Found::Text(..));
        }
        match files.inside(service, services, &process.state_dotenv()) {
            Found::Text(file, text) => {
                let read = known.dotenvs.entry(file);
                process.state_env = Rc::clone(read.or_insert_with(|| Rc::new(StateEnv::read(file, &text))));
            }
            Found::Unreadable => process.state_env_is_unreadable = true,
            Found::Absent | Found::Unknown => {}
        }
    }
    process
}

/// The home where no variable names it: the official image's, root's, else that in which a state directory is mounted.
fn default_home(service: &Service<'_>, uid: Uid, image: &Image) -> (String, Source) {
    let known = |home: &str, source| (home.to_owned(), source);
    match (image.source, uid) {
        (Source::OfficialImage, Uid::Written(0, _) | Uid::Read(0, _)) => known("/root", image.source),
        (Source::OfficialImage, _) => known(rules::IMAGE_HOME, image.source),
        (source, Uid::Read(0, _)) => known("/root", source),
        _ => {
            let names = std::iter::once(rules::STATE_DIR_NAME).chain(rules::LEGACY_STATE_DIR_NAMES);
            let above = |target: &str| {
                names.clone().find_map(|name| {
                    let (home, rest) = target.split_once(&format!("/{name}"))?;
                    (rest.is_empty() || rest.starts_with('/')).then(|| home.to_owned())
                })
            };
            match service.mounts.iter().find_map(|mount| above(mount.target)) {
                Some(home) => (home, Source::Mount),
                None => known(rules::IMAGE_HOME, Source::Nobody),
            }
        }
    }
}

/// `~/.openclaw`, or an older directory where only that one is mounted; a profile has one of its own.
fn default_state_dir(service: &Service<'_>, home: &str, profile: Option<&str>) -> String {
    let home = home.trim_end_matches('/');
    if let Some(profile) = profile {
        return format!("{home}/{}-{profile}", rules::STATE_DIR_NAME);
    }
    let mounted = |name: &str| service.mounts.iter().any(|mount| mount.target == format!("{home}/{name}"));
    let name = match rules::LEGACY_STATE_DIR_NAMES.iter().find(|name| mounted(name)) {
        Some(legacy) if !mounted(rules::STATE_DIR_NAME) && *legacy == ".clawdbot" => legacy,
        _ => rules::STATE_DIR_NAME,
    };
    format!("{home}/{name}")
}

fn config_of(
    process: &Process<'_>,
    services: &Services<'_>,
    files: &mut Reader<'_>,
    configs: &mut BTreeMap<String, ConfigState>,
) -> ConfigState {
    let service = process.service;
    let path = process.config_path.as_str();
    let key = match mounts::backing(service, services, path) {
        Backing::Host(path) => path,
        Backing::Volume { name, path } => format!("volume:{name}:{path}"),
        Backing::Fleeting | Backing::Layer => format!("container:{}:{path}", service.name),
    };
    let bare = key.starts_with("container:");
    let read = |files: &mut Reader<'_>| match files.inside(service, services, path) {
        Found::Text(file, text) => {
            let mut open = |wanted: &str| match files.inside(service, services, wanted) {
                Found::Text(file, text) => Some((file, text)),
                Found::Absent | Found::Unreadable | Found::Unknown => None,
            };
            ConfigState::Read(Rc::new(Config::read(file, path, text.expose(), &mut open)))
        }
        // What was not captured of a host's disk may be there all the same.
        Found::Absent if service.job.is_some() => ConfigState::Unknown,
        Found::Absent if bare => ConfigState::Bare,
        Found::Absent => ConfigState::Absent,
        Found::Unreadable => ConfigState::Unreadable,
        Found::Unknown => ConfigState::Unknown,
    };
    let state = configs.entry(key).or_insert_with(|| read(files)).clone();
    let is_missing = matches!(state, ConfigState::Absent | ConfigState::Bare);
    // A gateway ran with the folder that the copy lacks, whoever else mounts it.
    if is_missing && process.role == Role::Gateway && files.was_left_behind(service, services, path) {
        return ConfigState::Unknown;
    }
    state
}

fn uid(service: &Service<'_>, role: Role, image: &Image, inspected: Option<&str>) -> Uid {
    let read = |value: &str| {
        let (user, group) = match value.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (value, None),
        };
        let number = |text: &str| match text {
            "root" => Some(0),
            "node" => Some(rules::IMAGE_UID),
            digits => digits.parse().ok(),
        };
        Some((number(user)?, group.and_then(number)))
    };
    if let Some(user) = service.user.as_ref().filter(|user| !user.value.is_empty()) {
        return read(user.value).map_or(Uid::Unknown, |(uid, gid)| Uid::Written(uid, gid));
    }
    match image.user.as_deref().or(inspected) {
        Some(user) => read(user).map_or(Uid::Unknown, |(uid, gid)| Uid::Read(uid, gid)),
        None if role <= Role::Cli && image.source == Source::OfficialImage => Uid::Image,
        None => Uid::Unknown,
    }
}

/// A service that may run the gateway, as far as anybody can see.
pub(crate) fn may_be_gateway(process: &Process<'_>) -> bool {
    let service = process.service;
    process.invocation.is_unseen && (service.built || is_called_openclaw(service) || holds_state(service))
}
