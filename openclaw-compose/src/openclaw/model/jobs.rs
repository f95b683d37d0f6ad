//! Jobs of launchd and systemd on the host, as their definitions say: what each runs, with which environment, in whose name. A
//! container that systemd runs through Podman is one, too.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::openclaw::rules;
use crate::openclaw::rules::version::Version;
use crate::source::{FileId, Format, Span, Text};
use crate::syntax::plist::{self, PlistError};
use crate::syntax::unit;

use super::config;
use super::quadlet::{self, Quadlet};

/// A launchd plist, a systemd unit or its environment file, on the host.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "settings that a caller fills in one by one")]
pub struct Definition {
    /// What reports call it: its path.
    pub name: String,
    /// Its text.
    pub text: SecretString,
}

/// Who keeps a job running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "each is asked by another command")]
pub enum Manager {
    /// launchd, in the domain of a user who is logged in.
    LaunchAgent,
    /// launchd, from boot on.
    LaunchDaemon,
    /// The systemd of a user.
    UserUnit,
    /// The host's systemd.
    SystemUnit,
}

/// Where a job's variable comes from.
pub(crate) struct Set {
    pub(crate) value: Text,
    pub(crate) span: Span,
}

/// A file of variables that a job is started with.
pub(crate) struct EnvFile {
    /// Its path on the host.
    pub(crate) path: String,
    /// Where the definition names it.
    pub(crate) span: Span,
    /// Its name among the sources, where it was given.
    pub(crate) given: Option<String>,
}

/// A job, or with [`Job::manager`] left out the shell of the person it belongs to.
pub(crate) struct Job {
    /// Its label, or the unit's name.
    pub(crate) name: String,
    pub(crate) manager: Option<Manager>,
    /// What reports call its definition.
    pub(crate) file: String,
    /// Where its definition says who it is; nowhere for a shell.
    pub(crate) span: Span,
    /// The path of the definition on its host, as far as it says so.
    path: Option<String>,
    pub(crate) program: Vec<(Text, Span)>,
    /// The container that it runs in, where Podman makes it one.
    pub(crate) container: Option<Quadlet>,
    pub(crate) environment: BTreeMap<String, Set>,
    pub(crate) env_files: Vec<EnvFile>,
    user: Option<String>,
    pub(super) home: String,
    pub(crate) release: Option<Version>,
    /// Its definition says that it is not to be loaded.
    is_disabled: bool,
    /// The files that its output goes to, by name without folder and ending.
    logs: Vec<String>,
    /// The state directory on its host, and the directory of the evidence that holds it.
    pub(crate) state: Option<(String, String)>,
}

impl Definition {
    fn is_plist(&self) -> bool {
        self.text.expose_secret().contains("<plist")
    }

    /// What it is written in.
    pub(super) fn format(&self) -> Format {
        if self.is_plist() { Format::Xml } else { Format::Unit }
    }

    /// The job that it defines. `file` is what spans name.
    pub(super) fn job(&self, file: FileId) -> Result<Job, PlistError> {
        let text = self.text.expose_secret();
        if self.is_plist() { of_plist(&self.name, text, file) } else { Ok(of_unit(&self.name, text, file)) }
    }
}

/// The jobs of these definitions by what was captured of them: a log of the job's own name, of the name that it writes to,
/// or of any name where there is one job.
#[must_use]
pub fn jobs_of<'n>(
    definitions: &[Definition],
    names: impl IntoIterator<Item = &'n str>,
) -> BTreeMap<String, String> {
    let nowhere = FileId::new(u32::MAX);
    let jobs = definitions.iter().filter_map(|definition| definition.job(nowhere).ok());
    let jobs: Vec<Job> = jobs.filter(Job::is_of_openclaw).collect();
    let of = |name: &str| {
        let is_named = |job: &&Job| job.name == name || job.name.strip_suffix(".service") == Some(name);
        let writes = |job: &&Job| job.logs.iter().any(|log| log == name);
        let named = jobs.iter().find(is_named).or_else(|| jobs.iter().find(writes));
        named.or(if let [only] = jobs.as_slice() { Some(only) } else { None }).map(|job| job.name.clone())
    };
    names.into_iter().filter_map(|name| Some((name.to_owned(), of(name)?))).collect()
}

impl Manager {
    /// Lets a changed definition, or changed variables, count: the old process is gone before the new one is started.
    #[must_use]
    pub fn reload(self, name: &str) -> String {
        match self {
            Self::UserUnit => format!("systemctl --user daemon-reload && systemctl --user restart {name}"),
            Self::SystemUnit => format!("sudo systemctl daemon-reload && sudo systemctl restart {name}"),
            Self::LaunchAgent | Self::LaunchDaemon => {
                let (sudo, domain, folder) = self.domain();
                // `bootout` comes back before a job that takes its time is gone, and `bootstrap` refuses until then.
                format!(
                    "{sudo}launchctl bootout {domain}/{name}\n\
                     while {sudo}launchctl print {domain}/{name} >/dev/null 2>&1; do sleep 1; done\n\
                     {sudo}launchctl bootstrap {domain} {folder}/{name}.plist"
                )
            }
        }
    }

    /// Ends a job, and keeps it from being started again.
    #[must_use]
    pub fn stop(self, name: &str) -> String {
        match self {
            Self::UserUnit => format!("systemctl --user disable --now {name}"),
            Self::SystemUnit => format!("sudo systemctl disable --now {name}"),
            Self::LaunchAgent | Self::LaunchDaemon => {
                let (sudo, domain, _) = self.domain();
                format!("{sudo}launchctl bootout {domain}/{name}\n{sudo}launchctl disable {domain}/{name}")
            }
        }
    }

    /// Shows the job as launchd has it; nothing for what is kept by another.
    #[must_use]
    pub fn show(self, name: &str) -> Option<String> {
        let (sudo, domain, _) = self.domain();
        self.is_launchd().then(|| format!("{sudo}launchctl print {domain}/{name}"))
    }

    /// How launchd is asked, where the job lives in it, and where its definition lies.
    fn domain(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::LaunchDaemon => ("sudo ", "system", "/Library/LaunchDaemons"),
            _ => ("", "gui/$(id -u)", "~/Library/LaunchAgents"),
        }
    }

    fn is_launchd(self) -> bool {
        matches!(self, Self::LaunchAgent | Self::LaunchDaemon)
    }
}

impl Job {
    /// The token in the definition itself, which only a new definition changes.
    pub(crate) fn token(&self) -> Option<&Set> {
        self.environment.get(rules::TOKEN)
    }

    /// Whether it gets variables from a file that was not given.
    pub(crate) fn has_unseen_variables(&self) -> bool {
        self.env_files.iter().any(|file| file.given.is_none())
    }

    /// Whether it may run, and anything about it means OpenClaw, its older names included.
    pub(super) fn is_of_openclaw(&self) -> bool {
        if self.is_disabled {
            return false;
        }
        let means = |text: &str| {
            ["openclaw", "clawdbot", "moltbot", "OPENCLAW_"].iter().any(|word| text.contains(word))
        };
        let image = self.container.iter().filter_map(|container| Some(container.image.as_ref()?.0.expose()));
        let words = self.program.iter().map(|(word, _)| word.expose()).chain(image);
        let variables = self.environment.keys().map(String::as_str);
        words.chain(variables).chain([self.name.as_str(), self.file.as_str()]).any(means)
    }

    /// What OpenClaw was called when the program that it starts was made, where that was not yet OpenClaw.
    pub(crate) fn former_name(&self) -> Option<&'static str> {
        let words = || self.program.iter().map(|(word, _)| word.expose());
        let names = |name: &str| words().any(|word| word.split('/').any(|part| part == name));
        ["moltbot", "clawdbot"].into_iter().find(|name| names(name) && !names("openclaw"))
    }

    pub(super) fn set(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name)?.value.expose().trim();
        (!value.is_empty()).then_some(value)
    }

    /// The shell of the person it belongs to, which has none of its variables and keeps its state where the job does.
    fn shell(&self, name: String) -> Self {
        let nowhere = Span::new(FileId::new(u32::MAX), 0, 0);
        let set = |value: &str| Set { value: Text::from(value), span: nowhere };
        let mut environment = BTreeMap::from([("HOME".to_owned(), set(&self.home))]);
        if let Some((state, _)) = &self.state
            && *state != format!("{}/{}", self.home, rules::STATE_DIR_NAME)
        {
            environment.insert("OPENCLAW_STATE_DIR".to_owned(), set(state));
        }
        Self {
            name,
            manager: None,
            file: self.file.clone(),
            span: nowhere,
            path: None,
            program: vec![(Text::from("openclaw"), nowhere)],
            container: None,
            environment,
            env_files: Vec::new(),
            user: self.user.clone(),
            home: self.home.clone(),
            release: self.release,
            is_disabled: false,
            logs: Vec::new(),
            state: self.state.clone(),
        }
    }
}

/// The shells from which people ask these jobs: one for each state.
pub(crate) fn shells(jobs: &[Job]) -> Vec<Job> {
    let mut out: Vec<Job> = Vec::new();
    // Nothing of OpenClaw's need be on a host that runs it in a container.
    for job in jobs.iter().filter(|job| job.container.is_none()) {
        if out.iter().all(|shell| shell.state != job.state) {
            let number = if out.is_empty() { String::new() } else { format!("-{}", out.len() + 1) };
            out.push(job.shell(format!("host{number}")));
        }
    }
    out
}

fn empty(name: &str, manager: Manager, file: &str, span: Span) -> Job {
    Job {
        name: name.to_owned(),
        manager: Some(manager),
        file: file.to_owned(),
        span,
        path: None,
        program: Vec::new(),
        container: None,
        environment: BTreeMap::new(),
        env_files: Vec::new(),
        user: None,
        home: String::new(),
        release: None,
        is_disabled: false,
        logs: Vec::new(),
        state: None,
    }
}

/// The file's name without folders.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The same without its ending.
fn stem(path: &str) -> &str {
    let name = last_part(path);
    name.strip_suffix(".log").unwrap_or(name)
}

fn of_plist(name: &str, text: &str, file: FileId) -> Result<Job, PlistError> {
    let root = plist::read(text)?;
    let at = |range| Span::from_range(file, range);
    let text_of = |key: &str| root.get(key).and_then(plist::Value::text);
    let (label, span) = match text_of("Label") {
        Some((label, range)) => (label.expose().trim(), at(range)),
        None => (last_part(name).trim_end_matches(".plist"), Span::new(file, 0, 0)),
    };
    // A user's agent cannot choose who it runs as.
    let is_daemon =
        text_of("UserName").is_some() || text_of("GroupName").is_some() || name.contains("/daemons/");
    let manager = if is_daemon { Manager::LaunchDaemon } else { Manager::LaunchAgent };
    let mut job = empty(label, manager, name, span);
    job.user = text_of("UserName").map(|(user, _)| user.expose().to_owned());
    job.is_disabled = matches!(root.get("Disabled"), Some(plist::Value::Bool(true)));
    let arguments = root.get("ProgramArguments").map_or(&[][..], plist::Value::items);
    job.program = arguments
        .iter()
        .filter_map(plist::Value::text)
        .map(|(word, range)| (word.clone(), at(range)))
        .collect();
    if job.program.is_empty() {
        job.program.extend(text_of("Program").map(|(word, range)| (word.clone(), at(range))));
    }
    for (name, value) in root.get("EnvironmentVariables").map_or(&[][..], plist::Value::entries) {
        if let Some((value, range)) = value.text() {
            job.environment.insert(name.clone(), Set { value: value.clone(), span: at(range) });
        }
    }
    let logs = ["StandardOutPath", "StandardErrorPath"].into_iter().filter_map(text_of);
    job.logs = logs.map(|(path, _)| stem(path.expose()).to_owned()).collect();
    let hints = ["WorkingDirectory", "StandardOutPath", "StandardErrorPath"];
    job.path = hints.into_iter().find_map(|key| Some(text_of(key)?.0.expose().to_owned()));
    unwrap(&mut job);
    Ok(job)
}

/// The vendor's installer starts its program through a script of its own, which reads a file of variables first:
/// `sh LABEL-env-wrapper.sh LABEL.env PROGRAM...` (since 2026.6).
fn unwrap(job: &mut Job) {
    let is_wrapped = match job.program.as_slice() {
        [(shell, _), (script, _), (file, _), _, ..] => {
            matches!(last_part(shell.expose()), "sh" | "bash" | "zsh")
                && script.expose().ends_with("-env-wrapper.sh")
                && file.expose().ends_with(".env")
        }
        _ => false,
    };
    if is_wrapped {
        let before: Vec<_> = job.program.drain(..3).collect();
        job.env_files.extend(before.into_iter().nth(2).map(|(path, span)| EnvFile {
            path: path.expose().to_owned(),
            span,
            given: None,
        }));
    }
}

fn of_unit(name: &str, text: &str, file: FileId) -> Job {
    let at = |range| Span::from_range(file, range);
    let settings = unit::settings(text);
    let paths: Vec<&str> = unit::paths(text).collect();
    let of = |section: &str, name: &str| {
        settings.iter().rev().find(|setting| setting.section == section && setting.name == name)
    };
    let first = |words: Vec<unit::Word>| words.into_iter().next();
    let start = of("Service", "ExecStart").or_else(|| of(quadlet::SECTION, "Image"));
    let span = start.map_or_else(|| Span::new(file, 0, 0), |start| at(start.range()));
    let user = of("Service", "User").map(|user| user.value());
    let wanted = of("Install", "WantedBy").map(|wanted| wanted.value()).unwrap_or_default();
    let is_system = match paths.first() {
        Some(path) => !["/user/", "/users/", "/.config/"].iter().any(|users| path.contains(users)),
        None => user.is_some() || !wanted.contains("default.target") && !text.contains("%h"),
    };
    let manager = if is_system { Manager::SystemUnit } else { Manager::UserUnit };
    let bare = last_part(name).trim_end_matches(".container");
    let container = Quadlet::read(&settings, bare, file);
    // The generator makes a service of the same name.
    let service = container.as_ref().map(|_| format!("{bare}.service"));
    let mut job = empty(service.as_deref().unwrap_or(last_part(name)), manager, name, span);
    let section = if container.is_some() { quadlet::SECTION } else { "Service" };
    job.container = container;
    job.user = user;
    job.path = paths.first().map(|path| (*path).to_owned());
    job.release = of("Unit", "Description").and_then(|words| released(&words.value()));
    for setting in settings.iter().filter(|setting| setting.section == section || setting.section.is_empty())
    {
        match setting.name {
            // An empty one takes back what stands before it.
            "ExecStart" | "Exec" => {
                job.program =
                    setting.words().into_iter().map(|(word, range)| (Text::from(word), at(range))).collect();
            }
            "Environment" if setting.words().is_empty() => job.environment.clear(),
            "Environment" => {
                for (word, range) in setting.words() {
                    assign(&mut job, &word, text, range, file);
                }
            }
            "EnvironmentFile" => match first(setting.words()) {
                None => job.env_files.clear(),
                Some((path, range)) => {
                    let path = path.trim_start_matches('-').to_owned();
                    job.env_files.push(EnvFile { path, span: at(range), given: None });
                }
            },
            "UnsetEnvironment" => {
                for (word, _) in setting.words() {
                    job.environment.remove(word.split('=').next().unwrap_or_default());
                }
            }
            "StandardOutput" | "StandardError" => job.logs.push(stem(&setting.value()).to_owned()),
            // A file of variables, captured by itself.
            name if setting.section.is_empty() => {
                let range = setting.range();
                let value = setting.value();
                let bare = value.trim_matches(['"', '\'']);
                let quote = usize::from(bare.len() < value.len());
                let span = at(range.start + quote..range.start + quote + bare.len());
                let name = name.trim_start_matches("export ").to_owned();
                job.environment.insert(name, Set { value: Text::from(bare), span });
            }
            _ => {}
        }
    }
    // `-`, `@` and their like before the program say how it is run.
    if let Some((word, _)) = job.program.first_mut() {
        *word = Text::from(word.expose().trim_start_matches(['-', '@', ':', '+', '!', '|']));
    }
    unwrap(&mut job);
    job
}

/// `NAME=value` of an `Environment=`.
fn assign(job: &mut Job, word: &str, text: &str, range: std::ops::Range<usize>, file: FileId) {
    let Some((name, value)) = word.split_once('=') else { return };
    // Where the value is spelt as it is, its own bytes are known.
    let spelt = text.get(range.clone()).unwrap_or_default();
    let from = spelt.find('=').map_or(0, |at| at + 1);
    let inner = spelt.get(from..).unwrap_or_default().trim_matches(['"', '\'']);
    let begins = spelt.find(inner).filter(|at| inner == value && *at >= from).unwrap_or(from);
    let span =
        Span::from_range(file, range.start + begins..(range.start + begins + inner.len()).min(range.end));
    job.environment.insert(name.to_owned(), Set { value: Text::from(value), span });
}

/// The release in `OpenClaw Gateway (v2026.6.1)`.
fn released(description: &str) -> Option<Version> {
    description.split(['(', ')', ' ']).find_map(|word| word.strip_prefix('v')?.parse().ok())
}

/// A path with `~`, `$HOME` and systemd's `%h` filled in.
pub(super) fn expanded(path: &str, job: &Job) -> String {
    let home = job.home.as_str();
    let path = path.replace("%h", home).replace("${HOME}", home).replace("$HOME", home);
    path.strip_prefix('~').map(|rest| format!("{home}{rest}")).unwrap_or(path)
}

/// The home of the user a job runs as: what it says, or what the paths it names show.
pub(super) fn home(job: &Job) -> String {
    let is_on_host = job.container.is_none();
    if let Some(home) = job.set("HOME").filter(|home| is_on_host && home.starts_with('/')) {
        return home.trim_end_matches('/').to_owned();
    }
    let words = job.program.iter().map(|(word, _)| word.expose());
    let files = job.env_files.iter().map(|file| file.path.as_str());
    let shown = || job.path.as_deref().into_iter().chain(files).chain(words).find_map(home_in);
    let homes = if job.manager.is_some_and(Manager::is_launchd) { "/Users" } else { "/home" };
    match (&job.user, job.manager) {
        (Some(user), _) if user == "root" => "/root".to_owned(),
        (Some(user), _) => format!("{homes}/{user}"),
        (None, Some(Manager::SystemUnit)) => "/root".to_owned(),
        (None, Some(Manager::LaunchDaemon)) => "/var/root".to_owned(),
        (None, _) => shown().unwrap_or_else(|| format!("{homes}/USER")),
    }
}

/// The home that a path lies in.
fn home_in(path: &str) -> Option<String> {
    ["/home/", "/Users/"].into_iter().find_map(|homes| {
        let user = path
            .strip_prefix(homes)?
            .split('/')
            .next()
            .filter(|user| !user.is_empty() && *user != "Shared")?;
        Some(format!("{homes}{user}"))
    })
}

/// The home of the program: its user's on the host, or the one in its container.
pub(super) fn inner_home(job: &Job) -> String {
    let inner = |container: &Quadlet| job.set("HOME").map_or_else(|| container.home(), str::to_owned);
    job.container.as_ref().map_or_else(|| job.home.clone(), inner)
}

/// Where a job keeps its state on its host, or in its container.
pub(super) fn state_dir(job: &Job) -> String {
    let own = inner_home(job);
    let home = job.set("OPENCLAW_HOME").unwrap_or(&own);
    let profile = job.set("OPENCLAW_PROFILE").filter(|profile| *profile != "default");
    let former = job.former_name();
    let own = format!("{}_STATE_DIR", former.unwrap_or("openclaw").to_ascii_uppercase());
    let name = former.map_or_else(|| rules::STATE_DIR_NAME.to_owned(), |name| format!(".{name}"));
    let dir = match (job.set("OPENCLAW_STATE_DIR").or_else(|| job.set(&own)), profile) {
        (Some(path), _) => expanded(path, job),
        (None, Some(profile)) => format!("{home}/{name}-{profile}"),
        (None, None) => format!("{home}/{name}"),
    };
    config::normalise("/", &dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_log_is_of_the_job_that_writes_it() {
        let plist = "<plist><dict><key>Label</key><string>ai.openclaw.work</string>\
            <key>StandardErrorPath</key><string>/Users/a/.openclaw/logs/gateway.err.log</string></dict></plist>";
        let definition = |name: &str, text: &str| Definition { name: name.to_owned(), text: text.into() };
        let both =
            [definition("captured/launchd/x.plist", plist), definition("openclaw-b.service", "[Service]\n")];
        let names = jobs_of(&both, ["gateway.err", "openclaw-b", "other"]);
        let of = |name: &str| names.get(name).map(String::as_str);
        assert_eq!(of("gateway.err"), Some("ai.openclaw.work"));
        assert_eq!(of("openclaw-b"), Some("openclaw-b.service"));
        assert_eq!(of("other"), None);
        assert_eq!(jobs_of(&both[..1], ["other"]).len(), 1);
    }

    #[test]
    fn an_agent_is_told_from_a_daemon_and_waited_for() {
        let reload = Manager::LaunchDaemon.reload("ai.openclaw.gateway");
        assert_eq!(
            reload,
            "sudo launchctl bootout system/ai.openclaw.gateway\n\
             while sudo launchctl print system/ai.openclaw.gateway >/dev/null 2>&1; do sleep 1; done\n\
             sudo launchctl bootstrap system /Library/LaunchDaemons/ai.openclaw.gateway.plist"
        );
    }
}
