//! The evidence that was captured beside a stack: `captured/` in the stack's directory.
//!
//! | file | made by |
//! | --- | --- |
//! | `ownership.txt` | `find . -exec ls -ldn {} +`, and what else [`Stack::ownership`] reads |
//! | `compose-version.txt` | `docker compose version` or `podman compose version` |
//! | `engine.json` | `docker info --format '{{json .}}'` or `podman info --format json` |
//! | `idmap.txt` | `docker compose exec -T SERVICE cat /proc/self/uid_map`, or `/etc/subuid` |
//! | `inspect.json` | `docker inspect $(docker compose ps -aq)` |
//! | `logs/SERVICE.log` | `docker compose logs --no-log-prefix SERVICE` |
//! | `devices/SERVICE.json` | `docker compose exec -T SERVICE openclaw devices list --json` |
//! | `ladders/CLIENT.json` | `runbook probe --upto readiness --format json URL`, where the client stands |
//! | `launchd/LABEL.plist` | a copy from `~/Library/LaunchAgents` or `/Library/LaunchDaemons` |
//! | `launchd/LABEL.print.txt` | `launchctl print gui/$(id -u)/LABEL`, or `system/LABEL` |
//! | `systemd/UNIT.service` | `systemctl cat UNIT`, with `--user` for a user's unit |
//! | `systemd/UNIT.container` | a copy of Podman's quadlet, from `~/.config/containers/systemd` or `/etc/containers/systemd` |
//!
//! [`Stack::ownership`]: openclaw_compose::openclaw::Stack::ownership
//!
//! Where the engine is asked instead, it is for `inspect.json`, `engine.json` and the logs, and OpenClaw's CLI for the devices:
//! they count in the place of what was captured.
//!
//! Every file is optional. What is there and cannot be read is a finding, for it should have shown something.

mod log;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use openclaw_compose::docker::{self, Wanted};
use openclaw_compose::fs::Disk;
use openclaw_compose::openclaw::{Definition, Stack, compose_of_containers, compose_of_engine, jobs_of};
use openclaw_compose::project::{Composer, Node, Resolution, Service};
use openclaw_compose::source;
use openclaw_pairing::{Timeline, Vantage};
use serde::de::IgnoredAny;

use crate::lifecycle::{Lifecycle, lifecycle};
use crate::owners;
use crate::reading::{self, ReadError};

/// The most files of one kind that are read.
pub(crate) const MOST_FILES: usize = 64;

/// What the owners that were read from the files themselves are called inside a report: no file to open.
pub const OWNERS: &str = "the files' owners";

/// The captured evidence of one stack.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// Recorded owners and modes.
    pub ownership: Option<Text>,
    /// The record of owners is there and holds none.
    pub ownership_is_empty: bool,
    /// `docker inspect` of the stack's containers.
    pub inspect: Option<Text>,
    /// What Compose says of itself.
    pub compose: Option<Text>,
    /// What the engine says of itself.
    pub engine: Option<Text>,
    /// How user ids of the containers become those of the host.
    pub id_map: Option<Text>,
    /// Logs by service.
    pub logs: Vec<(String, Text)>,
    /// Device lists by the service in which they were taken.
    pub devices: Vec<(String, Text)>,
    /// How far up the gateway answers from where a client stands, by client.
    pub ladders: Vec<(String, Text)>,
    /// Service definitions of the host, launchd's before systemd's.
    pub definitions: Vec<Text>,
    /// What launchd shows of the jobs that it has loaded.
    pub loaded: Vec<Text>,
    /// Files that are there and could not be read.
    pub faults: Vec<Fault>,
    /// Whether podman is the engine, once it was asked: each printed command does.
    podman: OnceLock<bool>,
}

/// A text and the name it goes by in the ticket.
#[derive(Clone)]
pub struct Text {
    /// Path below the stack's directory, with `/`.
    pub name: String,
    /// The text; what is not UTF-8 is replaced.
    pub text: String,
    // A log is long, and many ask the same of it: it is read once for all of them.
    life: OnceLock<Lifecycle>,
    timeline: OnceLock<Timeline>,
}

impl Text {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), life: OnceLock::new(), timeline: OnceLock::new() }
    }

    /// What an engine answered.
    pub(crate) fn of(name: impl Into<String>, answer: &source::Text) -> Self {
        Self::new(name, answer.expose())
    }

    /// What a log says of a gateway's life.
    pub(crate) fn life(&self) -> &Lifecycle {
        self.life.get_or_init(|| lifecycle(&self.text))
    }

    /// What the lines of a gateway's log mean.
    pub(crate) fn timeline(&self) -> &Timeline {
        self.timeline.get_or_init(|| Timeline::parse(Vantage::Gateway, &self.name, &self.text))
    }

    /// The same of the log of whoever it is.
    pub(crate) fn timeline_of(&self, vantage: Vantage) -> Timeline {
        let mut timeline = self.timeline().clone();
        timeline.vantage = vantage;
        timeline
    }
}

/// The size only: a captured text may hold a secret.
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({}, {} bytes)", self.name, self.text.len())
    }
}

/// A captured file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path below the stack's directory.
    pub name: String,
    /// What is wrong, for a person.
    pub why: String,
}

impl Captured {
    /// Enters what was recorded of the host, the engine and the containers; where no owners were recorded of the host, those of
    /// the files in `directory` count.
    #[must_use]
    pub fn enter<'s>(&self, mut stack: Stack<'s>, directory: &Path) -> Stack<'s> {
        let unreadable = self.faults.iter().any(|fault| fault.name.ends_with("ownership.txt"));
        if let Some(listing) = &self.ownership {
            stack = stack.ownership(&listing.name, &listing.text);
        }
        if !unreadable && !self.ownership.as_ref().is_some_and(|listing| is_of_host(&listing.text)) {
            stack = stack.ownership_of_copy(OWNERS, owners::listing(directory, "."));
        }
        if self.names().any(|name| name.starts_with("captured/")) {
            stack = stack.copied();
        }
        if let Some(inspect) = &self.inspect {
            stack = stack.inspect(&inspect.name, inspect.text.as_str());
        }
        if let Some(engine) = &self.engine {
            stack = stack.engine(&engine.name, engine.text.as_str());
        }
        if let Some(map) = &self.id_map {
            stack = stack.id_map(&map.name, &map.text);
        }
        for (service, log) in &self.logs {
            stack = log::enter(stack, service, log);
        }
        for definition in self.definitions() {
            stack = stack.definition(definition);
        }
        stack
    }

    fn definitions(&self) -> impl Iterator<Item = Definition> {
        self.definitions
            .iter()
            .map(|text| Definition { name: text.name.clone(), text: text.text.as_str().into() })
    }

    /// The same where jobs of the host are the stack: what was captured is named by the job that it is of.
    #[must_use]
    pub fn of_jobs(mut self) -> Self {
        let definitions: Vec<Definition> = self.definitions().collect();
        for texts in [&mut self.logs, &mut self.devices] {
            let names = jobs_of(&definitions, texts.iter().map(|(name, _)| name.as_str()));
            for (name, _) in texts {
                if let Some(job) = names.get(name) {
                    job.clone_into(name);
                }
            }
        }
        self
    }

    /// The same where services of Compose are the stack: what was captured under the name of a service's container is of that
    /// service.
    #[must_use]
    pub fn of_services(mut self, resolution: &Resolution) -> Self {
        let services: Vec<_> = resolution.services().chain(resolution.disabled_services()).collect();
        for (name, _) in self.logs.iter_mut().chain(&mut self.devices) {
            let is_of = |service: &&Service<'_>| {
                let own = service.field("container_name").and_then(Node::expose);
                own == Some(name.as_str()) || is_container_of(name, service.name())
            };
            if services.iter().any(|service| service.name() == name) {
                continue;
            }
            // Of `gateway` and `openclaw-gateway` the longer is meant by `openclaw-gateway-1`.
            if let Some(service) = services.iter().filter(is_of).max_by_key(|service| service.name().len()) {
                service.name().clone_into(name);
            }
        }
        self
    }

    /// Reads `captured/` below `stack`, its links followed as `disk` does. Never fails: what cannot be read is in
    /// [`Captured::faults`].
    #[must_use]
    pub fn read(stack: &Path, disk: Disk) -> Self {
        let mut folder = Folder { root: stack, disk, faults: Vec::new() };
        let ownership = folder.text("captured/ownership.txt");
        let mut captured = Self { ownership, ..Self::read_engine(&mut folder) };
        // A command that failed leaves an empty file behind.
        captured.ownership_is_empty =
            captured.ownership.take_if(|listing| listing.text.trim().is_empty()).is_some();
        captured.id_map = folder.text("captured/idmap.txt");
        captured.logs = folder.texts("captured/logs", "log");
        captured.devices = folder.texts("captured/devices", "json");
        captured.ladders = folder.texts("captured/ladders", "json");
        let launchd = folder.texts("captured/launchd", "plist");
        let systemd = folder.texts("captured/systemd", "service");
        let quadlets = folder.texts("captured/systemd", "container");
        let definitions = launchd.into_iter().chain(systemd).chain(quadlets);
        captured.definitions = definitions.map(|(_, text)| text).collect();
        captured.loaded =
            folder.texts("captured/launchd", "print.txt").into_iter().map(|(_, text)| text).collect();
        captured.faults = folder.faults;
        captured
    }

    /// What tells which Compose and which engine run the stack, read as [`Captured::read`] does, and nothing else.
    #[must_use]
    pub fn read_of_engine(stack: &Path, disk: Disk) -> Self {
        let mut folder = Folder { root: stack, disk, faults: Vec::new() };
        let captured = Self::read_engine(&mut folder);
        Self { faults: folder.faults, ..captured }
    }

    /// The same where nothing of it counts. That the containers hold tokens which nobody can read is still known.
    #[must_use]
    pub(crate) fn set_aside(mut self) -> Self {
        self.faults.extend(self.inspect.iter().filter_map(|inspect| {
            let mut printed = serde_json::Deserializer::from_str(&inspect.text).into_iter::<IgnoredAny>();
            let error = printed.find_map(Result::err)?;
            let (line, column) = (error.line(), error.column());
            let why = format!("is not output of docker inspect: JSON stops at line {line}, column {column}");
            Some(Fault { name: inspect.name.clone(), why })
        }));
        Self { faults: self.faults, ..Self::default() }
    }

    fn read_engine(folder: &mut Folder<'_>) -> Self {
        Self {
            compose: folder.text("captured/compose-version.txt"),
            inspect: folder.text("captured/inspect.json"),
            engine: folder.text("captured/engine.json"),
            ..Self::default()
        }
    }

    /// Whether anything was captured of an engine or its containers, be it readable or not.
    #[must_use]
    pub fn is_of_engine(&self) -> bool {
        let texts = self.inspect.is_some() || self.engine.is_some();
        texts || !self.logs.is_empty() || !self.devices.is_empty() || !self.faults.is_empty()
    }

    /// The program that runs the stack, and what told it: its own words, those of the client that it is a plugin of, or the
    /// label that it gave the stack's containers.
    #[must_use]
    pub fn composer(&self, resolution: &Resolution) -> Option<(Composer, &str)> {
        type Reader<'r> = &'r dyn Fn(&str) -> Option<Composer>;
        let texts: [(&Option<Text>, Reader<'_>); 3] = [
            (&self.compose, &|text| text.parse().ok()),
            (&self.engine, &|text| compose_of_engine(text).map(Composer::DockerCompose)),
            (&self.inspect, &|text| compose_of_containers(text, resolution)),
        ];
        texts.into_iter().find_map(|(text, read)| {
            let text = text.as_ref()?;
            Some((read(&text.text)?, text.name.as_str()))
        })
    }

    /// What an engine was asked for counts as it answers now, and nothing that was captured of it before.
    pub(crate) fn replace_by(&mut self, asked: &docker::Evidence, wanted: &Wanted) {
        self.inspect = asked.inspect.as_ref().map(|text| Text::of("docker inspect", text));
        self.engine = None;
        self.ladders.clear();
        let mut asked_for = vec!["captured/inspect.json", "captured/engine.json", "captured/ladders"];
        let texts = |answers: &BTreeMap<String, source::Text>, what: &str| {
            let name = |service: &String| format!("{what} {service}");
            answers.iter().map(|(service, text)| (service.clone(), Text::of(name(service), text))).collect()
        };
        if wanted.logs {
            self.logs = texts(&asked.logs, "docker logs");
            asked_for.push("captured/logs");
        }
        if !wanted.device_lists.is_empty() {
            self.devices = texts(&asked.devices, "devices list in");
            asked_for.push("captured/devices");
        }
        self.faults.retain(|fault| !asked_for.iter().any(|name| fault.name.starts_with(name)));
    }

    /// The service behind each log and list, by the text's name.
    pub fn services(&self) -> impl Iterator<Item = (&str, &str)> {
        self.logs.iter().chain(&self.devices).map(|(service, text)| (text.name.as_str(), service.as_str()))
    }

    /// What programs said. It may hold secrets that openclaw-compose, which reads everything else, does not know.
    pub fn said(&self) -> impl Iterator<Item = &str> {
        let said = self.logs.iter().chain(&self.devices).chain(&self.ladders).map(|(_, text)| text);
        said.chain(&self.loaded).map(|text| text.text.as_str())
    }

    /// A command of Docker as the engine of this stack has it: podman takes the same ones.
    #[must_use]
    pub fn of_engine(&self, command: String) -> String {
        if self.is_of_podman() { command.replace("docker ", "podman ") } else { command }
    }

    /// Whether podman is the engine: it alone tells of a `host`, and marks the environment of its containers.
    fn is_of_podman(&self) -> bool {
        *self.podman.get_or_init(|| match (&self.engine, &self.inspect) {
            (Some(engine), _) => serde_json::from_str::<serde_json::Value>(&engine.text)
                .is_ok_and(|engine| engine.get("host").is_some_and(serde_json::Value::is_object)),
            (None, inspect) => {
                inspect.as_ref().is_some_and(|text| text.text.contains("\"container=podman\""))
            }
        })
    }

    /// The names of everything that was read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let single =
            [&self.ownership, &self.compose, &self.inspect, &self.engine, &self.id_map].into_iter().flatten();
        single
            .chain(self.logs.iter().chain(&self.devices).chain(&self.ladders).map(|(_, text)| text))
            .chain(&self.definitions)
            .chain(&self.loaded)
            .map(|text| text.name.as_str())
    }
}

/// Whether a record of owners holds any of the host's own files, beside those that were looked at from inside.
fn is_of_host(listing: &str) -> bool {
    let is_inside = |line: &str| line.contains(" container:") || line.contains(" volume:");
    listing.lines().any(|line| !line.trim().is_empty() && !is_inside(line))
}

/// Whether Compose calls a container of the service so: `PROJECT-SERVICE-1`, or `PROJECT_SERVICE_1` in its first generation.
fn is_container_of(name: &str, service: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    ['-', '_'].into_iter().any(|sign| {
        let Some((rest, number)) = name.rsplit_once(sign) else { return false };
        let project = rest.strip_suffix(service).and_then(|rest| rest.strip_suffix(sign));
        is_number(number) && project.is_some_and(|project| !project.is_empty())
    })
}

struct Folder<'s> {
    root: &'s Path,
    disk: Disk,
    faults: Vec<Fault>,
}

impl Folder<'_> {
    /// The text of a file, nothing if there is none, a fault if it cannot be read.
    fn text(&mut self, name: &str) -> Option<Text> {
        let text = reading::text_within(self.disk, self.root, &self.root.join(name));
        Some(Text::new(name, self.found(name, text)?))
    }

    fn found<T>(&mut self, name: &str, read: Result<T, ReadError>) -> Option<T> {
        match read {
            Ok(found) => Some(found),
            Err(error) => {
                if !error.is_absent() {
                    self.faults.push(Fault { name: name.to_owned(), why: error.to_string() });
                }
                None
            }
        }
    }

    /// The files of a folder with this extension, by stem, in name order.
    fn texts(&mut self, folder: &str, extension: &str) -> Vec<(String, Text)> {
        let names = reading::names_within(self.disk, self.root, &self.root.join(folder));
        let Some(names) = self.found(folder, names) else { return Vec::new() };
        let stem = |name: &String| Some(name.strip_suffix(extension)?.strip_suffix('.')?.to_owned());
        // An archive made on a Mac carries a `._NAME` beside many a file.
        let mut stems: Vec<String> =
            names.iter().filter(|name| !name.starts_with('.')).filter_map(stem).collect();
        if stems.len() > MOST_FILES {
            let why = format!("{} files, of which only the first {MOST_FILES} are read", stems.len());
            self.faults.push(Fault { name: folder.to_owned(), why });
            stems.truncate(MOST_FILES);
        }
        stems
            .into_iter()
            .filter_map(|stem| {
                let text = self.text(&format!("{folder}/{stem}.{extension}"))?;
                Some((stem, text))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_container_is_of_the_service_that_its_name_ends_with() {
        assert!(is_container_of("ix-openclaw-openclaw-1", "openclaw"));
        assert!(is_container_of("openclaw_gateway_1", "gateway"));
        for (name, service) in
            [("gateway-1", "gateway"), ("a-gateway-run-1f", "gateway"), ("a-xgateway-1", "gateway")]
        {
            assert!(!is_container_of(name, service), "{name}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test makes its own files")]
    fn a_folder_a_loop_and_junk_are_faults_and_nothing_is_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Captured::read(dir.path(), Disk::confined()).faults.is_empty());
        let captured = dir.path().join("captured");
        fs::create_dir_all(captured.join("inspect.json")).unwrap();
        fs::create_dir_all(captured.join("logs")).unwrap();
        fs::write(captured.join("logs/a.log"), b"x\0y").unwrap();
        fs::write(captured.join("logs/b.log"), b"\xff ok").unwrap();
        fs::write(captured.join("logs/._b.log"), b"Mac OS X\0").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("ownership.txt", captured.join("ownership.txt")).unwrap();
        let read = Captured::read(dir.path(), Disk::confined());
        let names: Vec<_> = read.faults.iter().map(|fault| fault.name.as_str()).collect();
        #[cfg(unix)]
        assert_eq!(names, ["captured/ownership.txt", "captured/inspect.json", "captured/logs/a.log"]);
        assert_eq!(read.logs.len(), 1);
        assert!(read.logs[0].1.text.ends_with("ok"));
    }
}
