//! A project on disk: found, read and examined in one place for every subcommand.

mod flags;

use std::io;
use std::path::{Path, PathBuf};

use openclaw_compose::docker::{self, Wanted};
use openclaw_compose::finding::{Code, Finding, Place, Severity};
use openclaw_compose::fs::Disk;
use openclaw_compose::openclaw::{Report, Stack, examine};
use openclaw_compose::project::{self, Composer, Dialect, Inputs, Resolution};
use openclaw_compose::source::FileId;

use crate::captured::Captured;
use crate::{containers, ladders, launchd, output};
pub use flags::{EngineFlags, ProjectFlags, disk};

/// The Compose project itself cannot be read; everything else would be on a ticket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// There is no such directory.
    #[error("{path} is not a directory; give the one that holds the compose file")]
    NoDirectory {
        /// As given.
        path: String,
    },
    /// The directory's name is not a text.
    #[error("the path of the stack is not UTF-8")]
    NotText,
    /// The current directory or standard input.
    #[error(transparent)]
    System(#[from] io::Error),
    /// No runtime to wait for Docker on.
    #[error("the system gives no means to wait for the engine; give --host-files")]
    NoRuntime,
    /// No Compose file, or one that cannot be read.
    #[error("{place}{code} {name}: {summary}{more}")]
    Project {
        /// `file:line:column: `, where there is one.
        place: String,
        /// The finding's code.
        code: &'static str,
        /// The code's name.
        name: &'static str,
        /// The finding in a sentence.
        summary: String,
        /// The next step, and how much else is wrong.
        more: String,
    },
}

/// What counts beside the files of a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing.
    None,
    /// What was captured beside the project; where no owners were, those of the files themselves.
    #[default]
    Captured,
    /// The same, but the engine is asked now for the containers and their logs; and OpenClaw's CLI for the devices, by a
    /// command in the container of each gateway.
    Asked {
        /// Whether that command is run.
        devices: bool,
    },
    /// The engine is asked so where one is here and nothing was captured of it; else what was captured counts.
    AskedIfHere {
        /// As above.
        devices: bool,
    },
    /// What the containers say of `openclaw.json` where it lies in no file of this host, and nothing else.
    ContainersAlone,
}

/// Codes of findings that mean: a text is there and nobody can say what it holds.
const UNREADABLE: &[Code] = &[
    Code::FileNotFound,
    Code::FileUnreadable,
    Code::NotUtf8,
    Code::NotAFile,
    Code::LinkLeadsOut,
    Code::YamlSyntax,
    Code::UnknownAnchor,
    Code::AliasCycle,
    Code::BadMergeKey,
    Code::YamlDialect,
    Code::YamlLimit,
    Code::NotAMapping,
];

/// The same of a part of a text.
const PARTLY_UNREADABLE: &[Code] = &[
    Code::ReadLimit,
    Code::ExpansionLimit,
    Code::DuplicateKey,
    Code::KeyNotString,
    Code::DotenvSyntax,
    Code::DotenvUnusable,
    Code::BadTemplate,
    Code::ExtendsUnknownService,
    Code::ExtendsBadFile,
    Code::ExtendsCycle,
    Code::ExtendsLimit,
    Code::IncludeCycle,
    Code::IncludeLimit,
    Code::IncludeInvalid,
    Code::RemoteResource,
    Code::ConfigSyntax,
    Code::ConfigInclude,
    // Containers hold tokens as well.
    Code::InspectUnreadable,
];

/// Whether a finding says that what a file holds is not known, in whole or in part.
#[must_use]
pub fn is_unread(finding: &Finding) -> bool {
    // YAML that Compose reads, if not everybody, is known.
    let is_known = finding.code == Code::YamlDialect && finding.severity < Severity::Error;
    let codes = [UNREADABLE, PARTLY_UNREADABLE];
    !is_known && codes.iter().any(|codes| codes.contains(&finding.code))
}

/// A project and what was found out about it.
#[derive(Debug)]
pub struct Project {
    /// The resolved project.
    pub resolution: Resolution,
    /// What OpenClaw makes of it.
    pub report: Report,
    /// The project's directory.
    pub directory: PathBuf,
    /// The evidence that counted.
    pub captured: Captured,
    /// The Compose that the project was read as, and what told that it is this one; where nothing told, the newest that was
    /// measured.
    pub compose: Option<String>,
    /// What an engine showed, where one was asked.
    pub asked: Option<docker::Evidence>,
}

/// What a project is to be read as.
struct ReadAs {
    dialect: Dialect,
    /// The program that runs it, where that was recorded.
    composer: Option<Composer>,
    /// The program, and what told it; where it was not measured, what stands for it.
    told: String,
}

impl ReadAs {
    /// What the caller says, or else what was recorded; nothing where neither does.
    fn told(flag: Option<Dialect>, captured: &Captured, newest: &Resolution) -> Option<Self> {
        if let Some(dialect) = flag {
            return Some(Self { dialect, composer: None, told: format!("{dialect} (--dialect)") });
        }
        let (composer, by) = captured.composer(newest)?;
        let dialect = composer.dialect();
        let mut told = format!("{composer} ({by})");
        if !composer.is_measured() {
            let stands_for_it = dialect.measured().unwrap_or(dialect.name());
            told.push_str(&format!(", read as {stands_for_it} and not measured"));
        }
        Some(Self { dialect, composer: Some(composer), told })
    }
}

/// The project as the Compose reads it that runs it, and as another release does. `first` is what was read before anything told.
fn both_readings(
    first: Resolution,
    read_as: Option<&ReadAs>,
    inputs: &Inputs,
    disk: Disk,
) -> (Resolution, Resolution) {
    let dialect = read_as.map_or(first.dialect(), |read_as| read_as.dialect);
    let read = |dialect| {
        let resolution = project::resolve(&inputs.clone().dialect(dialect), &disk);
        output::hide(resolution.secrets().iter());
        resolution
    };
    if dialect == first.dialect() {
        (first, read(dialect.counterpart()))
    } else if dialect.counterpart() == first.dialect() {
        (read(dialect), first)
    } else {
        (read(dialect), read(dialect.counterpart()))
    }
}

impl Project {
    /// Finds the project of these flags, reads it and examines it.
    ///
    /// # Errors
    /// [`Unreadable`] when there is nothing to examine: no directory, no Compose file, or none that can be read.
    pub fn open(flags: &ProjectFlags, evidence: Evidence) -> Result<Self, Unreadable> {
        let project = Self::read(flags, evidence)?;
        let refusal = project.resolution.compose_would_refuse();
        match refusal.filter(|_| project.resolution.services().next().is_none() && !project.is_of_jobs()) {
            Some(refusal) => Err(project.unreadable(&refusal.finding)),
            None => Ok(project),
        }
    }

    /// The same, of whatever could be read: what could not is among the findings.
    ///
    /// # Errors
    /// [`Unreadable`] when there is no such directory, or the system gives no means to wait for Docker.
    pub fn read(flags: &ProjectFlags, evidence: Evidence) -> Result<Self, Unreadable> {
        let disk = flags.disk();
        let inputs = flags.inputs()?;
        let resolution = project::resolve(&inputs, &disk);
        output::hide(resolution.secrets().iter());
        let directory = PathBuf::from(resolution.working_dir());
        // Evidence lies where the caller looks, even if the Compose file does not.
        let beside = flags.ran_in.as_ref().map_or(directory.as_path(), |_| Path::new(&inputs.directory));
        let looked_at = flags.ran_in.as_deref().unwrap_or(beside);
        let mut captured = match evidence {
            Evidence::Captured | Evidence::Asked { .. } | Evidence::AskedIfHere { .. } => {
                Captured::read(looked_at, disk)
            }
            Evidence::None | Evidence::ContainersAlone => Captured::read_of_engine(looked_at, disk),
        };
        let asks_here = matches!(evidence, Evidence::Asked { .. } | Evidence::AskedIfHere { .. });
        let evidence = match evidence {
            Evidence::AskedIfHere { devices } => {
                let is_of_compose = resolution.services().next().is_some();
                let is_asked = is_of_compose && !captured.is_of_engine() && containers::engine_is_here();
                if is_asked { Evidence::Asked { devices } } else { Evidence::Captured }
            }
            evidence => evidence,
        };
        let wanted = match evidence {
            Evidence::None | Evidence::Captured | Evidence::AskedIfHere { .. } => None,
            Evidence::ContainersAlone => Some(Wanted::default()),
            Evidence::Asked { devices: false } => Some(Wanted { logs: true, ..Wanted::default() }),
            Evidence::Asked { devices: true } => {
                let Report { gateways, clients, .. } = examine(&Stack::new(&resolution).files(&disk));
                let device_lists = gateways.into_iter().map(|gateway| gateway.service).collect();
                Some(Wanted { logs: true, device_lists, commands: ladders::commands(&clients) })
            }
        };
        let asked = match &wanted {
            Some(wanted) => {
                let asked = containers::evidence(&resolution, wanted).map_err(|_| Unreadable::NoRuntime)?;
                captured.replace_by(&asked, wanted);
                Some(asked)
            }
            None => None,
        };
        let read_as = ReadAs::told(flags.dialect, &captured, &resolution);
        let (resolution, other) = both_readings(resolution, read_as.as_ref(), &inputs, disk);
        if evidence == Evidence::None {
            captured = captured.set_aside();
        }
        // Without a service of Compose's the jobs of the host are the stack.
        captured = match resolution.services().next() {
            None => captured.of_jobs(),
            Some(_) => captured.of_services(&resolution),
        };
        output::hide_in(captured.said());
        let mut stack = Stack::new(&resolution).files(&disk).otherwise(&other, read_as.is_some());
        if let Some(host) = flags.host {
            stack = stack.host(host);
        }
        if let Some(composer) = read_as.as_ref().and_then(|read_as| read_as.composer) {
            stack = stack.composer(composer);
        }
        // What was asked now is entered as it was asked, below.
        let inspect = captured.inspect.take_if(|_| asked.is_some());
        if !matches!(evidence, Evidence::None | Evidence::ContainersAlone) {
            stack = captured.enter(stack, beside);
        }
        if let Some(asked) = &asked {
            stack = stack.evidence(asked);
            captured.inspect = inspect;
        }
        let report = examine(&stack);
        output::hide(report.secrets().iter());
        if let Some(asked) = asked.as_ref().filter(|_| asks_here) {
            captured.ladders = ladders::from_containers(&report.clients, asked);
            if asked.inspect.is_some() && containers::engine_is_on_this_host() {
                captured.ladders.extend(ladders::from_here(&report.clients));
            }
        }
        if asks_here && captured.loaded.is_empty() {
            captured.loaded = launchd::ask(&report.gateways, &captured);
            output::hide_in(captured.loaded.iter().map(|text| text.text.as_str()));
        }
        let compose = read_as.map(|read_as| read_as.told);
        Ok(Self { resolution, report, directory, captured, compose, asked })
    }

    /// Whether service managers of the host run the gateway, and nothing of Compose's does.
    #[must_use]
    pub fn is_of_jobs(&self) -> bool {
        self.report.gateways.iter().any(|gateway| gateway.manager.is_some())
    }

    /// Why a person cannot be told anything: there is no Compose file, or one of them is not YAML, even if others are.
    pub(crate) fn refusal(&self) -> Option<Unreadable> {
        let resolution = &self.resolution;
        let sources = resolution.sources();
        let is_compose_file = |name: &str| {
            let listed = resolution.config_files().iter().any(|file| sources.name(*file) == name);
            let usual =
                project::FILE_NAMES.iter().chain(&project::OVERRIDE_NAMES).any(|usual| *usual == name);
            listed || usual
        };
        let stops = |finding: &&Finding| {
            let about_the_project = match finding.primary() {
                Some(place) => is_compose_file(&place.file),
                None => resolution.services().next().is_none(),
            };
            let is_unread = finding.code == Code::NoComposeFile || UNREADABLE.contains(&finding.code);
            finding.severity == Severity::Error && is_unread && about_the_project
        };
        let is_needed = |finding: &&Finding| finding.code != Code::NoComposeFile || !self.is_of_jobs();
        resolution.findings().iter().filter(is_needed).find(stops).map(|finding| self.unreadable(finding))
    }

    /// What stops everything, on a line: its place, its next step, and how much else is wrong.
    fn unreadable(&self, finding: &Finding) -> Unreadable {
        let errors = self.resolution.findings().iter().filter(|finding| finding.severity == Severity::Error);
        let others = errors.count().saturating_sub(1);
        let mut more = String::new();
        if let Some(remedy) = &finding.remedy {
            more = format!("; {}", remedy.text);
        }
        if others > 0 {
            more.push_str(&format!(" ({others} more)"));
        }
        Unreadable::Project {
            place: finding.primary().map(|place| format!("{place}: ")).unwrap_or_default(),
            code: finding.code.id(),
            name: finding.code.name(),
            summary: crate::clean::line(&finding.summary),
            more: crate::clean::line(&more),
        }
    }

    /// What the project, its state or its evidence holds and nobody could read, in whole or in part, a line each
    /// with its place: what it says is unknown, which is not the same as nothing. Whoever writes, or says that all is well,
    /// stops at these.
    pub fn unread(&self) -> impl Iterator<Item = String> {
        let all = self.resolution.findings().iter().chain(&self.report.findings);
        let files = all.filter(|finding| is_unread(finding));
        let evidence = self.captured.faults.iter().map(|fault| format!("{}: {}", fault.name, fault.why));
        files.map(|finding| self.reason(finding)).chain(evidence)
    }

    /// What was recorded of the host and cannot be read, the same way: no token stands there, but an edit may rest on it.
    pub fn unread_of_host(&self) -> impl Iterator<Item = String> {
        let codes = [Code::EngineInfoUnreadable, Code::IdMapUnreadable];
        let findings = self.report.findings.iter().filter(move |finding| codes.contains(&finding.code));
        findings.map(|finding| self.reason(finding))
    }

    /// A finding with its place and its next step, on a line: why a program stops.
    fn reason(&self, finding: &Finding) -> String {
        let place = finding.primary().map(|place| format!("{}: ", self.shown(place))).unwrap_or_default();
        let next = finding.remedy.as_ref().map(|remedy| format!("; {}", remedy.text)).unwrap_or_default();
        format!("{place}{}{next}", finding.summary)
    }

    /// What should have been seen and was not: files and evidence that cannot be read, an engine that does not answer.
    pub fn unseen(&self) -> impl Iterator<Item = &Finding> {
        let unseen = [
            Code::FileUnreadable,
            Code::NotUtf8,
            Code::NotAFile,
            Code::LinkLeadsOut,
            Code::ListingUnreadable,
            Code::IdMapUnreadable,
            Code::InspectUnreadable,
            Code::EngineUnreachable,
            Code::EvidenceIncomplete,
            Code::EngineInfoUnreadable,
        ];
        let all = self.resolution.findings().iter().chain(&self.report.findings);
        all.filter(move |finding| unseen.contains(&finding.code))
    }

    /// A source's name as it can be opened from here. Compose's own files are named so already; those that lie in the
    /// state directory are named by their path in the project.
    #[must_use]
    pub fn openable(&self, file: FileId) -> String {
        let name = self.report.sources.name(file);
        match self.report.sources.path(file) {
            Some(path) if !is_path_here(name, path) => from_here(Path::new(path)),
            Some(_) => name.to_owned(),
            // What was captured is named by its path in the project as well.
            None => {
                let inside = self.directory.join(name);
                if inside.exists() { from_here(&inside) } else { name.to_owned() }
            }
        }
    }

    /// `file:line:column` of a place, the file as it can be opened from here.
    #[must_use]
    pub fn shown(&self, place: &Place) -> String {
        format!("{}:{}:{}", self.openable(place.span.file), place.line, place.column)
    }
}

/// Whether a name leads to the path from where this runs. One that leads up was made for that.
fn is_path_here(name: &str, path: &str) -> bool {
    name.starts_with("../") || std::path::absolute(name).is_ok_and(|here| here == Path::new(path))
}

/// An absolute path, shorter where it lies below the directory in which this runs.
fn from_here(path: &Path) -> String {
    let current = std::path::absolute(".").unwrap_or_default();
    path.strip_prefix(&current).unwrap_or(path).to_string_lossy().into_owned()
}
