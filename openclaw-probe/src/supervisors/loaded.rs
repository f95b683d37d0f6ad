//! A job as launchd runs it: what `launchctl print gui/UID/LABEL`, or `system/LABEL`, shows. A property list says what would be
//! loaded; this says what is. Its keys are those of current macOS, which Apple promises to nobody: what is not there is not judged.

use std::time::Duration;

use super::launchd::Domain;
use super::{EXIT_OPERATOR, is_literal, names_a_secret, observed, place};
use crate::codes::Code;
use crate::finding::Finding;

/// How a job stands with launchd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It runs.
    Running {
        /// Its process.
        pid: u64,
    },
    /// It is loaded, and does not run.
    Down {
        /// Its last exit status, where it ended by itself.
        status: Option<u64>,
        /// The signal that ended it last.
        signal: Option<u64>,
        /// How often it was started.
        runs: u64,
    },
    /// launchd does not know it where it was asked.
    Absent,
}

/// A job by what launchd says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// Its label.
    pub label: String,
    /// Where it lives; nothing for a domain that has no folder of property lists.
    pub domain: Option<Domain>,
    /// How it stands.
    pub standing: Standing,
    /// The property list that it was loaded from.
    pub path: Option<String>,
}

impl Shown {
    /// Reads what `launchctl print` says, be it that there is no such job; nothing for anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if let Some((_, rest)) = text.split_once("Could not find service \"") {
            let (label, place) = rest.split_once('"')?;
            let domain = if place.contains("system") { Domain::Daemon } else { Domain::Agent };
            let label = label.to_owned();
            return Some(Self { label, domain: Some(domain), standing: Standing::Absent, path: None });
        }
        let job = Loaded::read(text)?;
        let standing = match (job.number("pid"), job.key("state")?) {
            (Some(pid), _) => Standing::Running { pid },
            (None, _) => {
                let status = job.number("last exit code");
                // `Killed: 9`, which stands beside the status of the exit before.
                let signal = job
                    .key("last terminating signal")
                    .and_then(|signal| signal.rsplit(' ').next()?.parse().ok());
                Standing::Down { status, signal, runs: job.number("runs").unwrap_or(0) }
            }
        };
        let path = job.key("path").map(str::to_owned);
        Some(Self { label: job.label.to_owned(), domain: job.runs_in(), standing, path })
    }
}

/// What is shown of a job, as far as it is asked for here.
struct Loaded<'t> {
    label: &'t str,
    domain: &'t str,
    /// The keys of the job itself, each with its value.
    keys: Vec<(&'t str, &'t str)>,
    /// Its own variables.
    environment: Vec<(&'t str, &'t str)>,
}

impl<'t> Loaded<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut lines = text.lines().skip_while(|line| line.trim().is_empty());
        let (domain, label) = lines.next()?.strip_suffix(" = {")?.split_once('/')?;
        // Only a user's domains have a number.
        let label = label.split_once('/').map_or(label, |(_, label)| label);
        let (mut keys, mut environment, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines.map(str::trim) {
            match (line.strip_suffix(" = {"), line) {
                (Some(block), _) => blocks.push(block),
                (None, "}") => drop(blocks.pop()),
                _ => match blocks.as_slice() {
                    [] => keys.extend(line.split_once(" = ")),
                    ["environment"] => environment.extend(line.split_once(" => ")),
                    _ => {}
                },
            }
        }
        Some(Self { label, domain, keys, environment })
    }

    fn key(&self, name: &str) -> Option<&'t str> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The number that a value begins with: `78` of `78: EX_CONFIG`.
    fn number(&self, name: &str) -> Option<u64> {
        self.key(name)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    /// Where the job runs; nothing for a domain that has no folder of property lists.
    fn runs_in(&self) -> Option<Domain> {
        match self.domain {
            "gui" => Some(Domain::Agent),
            "system" => Some(Domain::Daemon),
            _ => None,
        }
    }
}

/// What is wrong with a job that is loaded. `headless` and `stop_budget` are those of [`super::launchd::verify`].
#[must_use]
pub fn verify(file: &str, text: &str, headless: bool, stop_budget: Duration) -> Vec<Finding> {
    let Some(job) = Loaded::read(text) else {
        let seen = format!("{file}: is not what launchctl print shows of a job");
        return vec![observed(file, Code::DefinitionUnreadable, seen)];
    };
    let mut findings = Vec::new();
    let mut find = |code: Code, line: &str, seen: String| {
        let finding = observed(file, code, format!("{file}: {seen}"));
        findings.push(match place(file, text, line) {
            Some(place) => finding.at(place),
            None => finding,
        });
    };
    if let Some(seconds) = job.number("exit timeout").filter(|seconds| *seconds < stop_budget.as_secs()) {
        find(Code::StopTimeTooShort, "exit timeout", format!("launchd kills {seconds} s after a stop"));
    }
    let (ended, runs) = (job.number("last exit code"), job.number("runs").unwrap_or(0));
    if ended == Some(u64::from(EXIT_OPERATOR)) && runs > 1 {
        let seen = format!("it ended with {EXIT_OPERATOR} and was started again: {runs} runs");
        find(Code::RestartsConfigError, "last exit code", seen);
    }
    for (name, value) in &job.environment {
        if names_a_secret(name) && is_literal(value) {
            find(Code::SecretEmbedded, name, format!("its environment holds the value of {name}"));
        }
    }
    match job.runs_in() {
        Some(Domain::Agent) if headless => {
            let seen = "it is loaded for a login, and nobody logs in".to_owned();
            find(Code::NeedsLogin, job.domain, seen);
        }
        Some(Domain::Daemon) if job.key("username").is_none_or(|user| user == "root") => {
            find(Code::RunsAsRoot, job.domain, "it is loaded for the system and runs as root".to_owned());
        }
        _ => {}
    }
    findings
}
