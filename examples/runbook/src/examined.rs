//! A project on disk, resolved and examined with what was captured beside it: shared by the examples over one report.

use std::io;
use std::path::{Path, PathBuf};

use openclaw_compose::finding::{Code, Finding, Place, Severity};
use openclaw_compose::fs::Disk;
use openclaw_compose::openclaw::{Report, Stack, examine};
use openclaw_compose::project::{self, Resolution};
use openclaw_compose::source::FileId;

use crate::captured::Captured;
use crate::compose_flags::ProjectFlags;
use crate::{containers, output};

/// A project and what was found out about it.
#[derive(Debug)]
pub struct Examined {
    /// The resolved project.
    pub resolution: Resolution,
    /// What OpenClaw makes of it.
    pub report: Report,
    /// The project's directory.
    pub directory: PathBuf,
}

/// Resolves the project of these flags and examines it, with `captured/` of its directory as evidence; where no owners were
/// captured, those of the files themselves count. With `docker` the containers are asked instead of
/// `inspect.json`.
///
/// # Errors
/// When the current directory cannot be told, no Compose file was found or readable, or no runtime can be had to wait for Docker on.
pub fn examine_project(flags: &ProjectFlags, docker: bool) -> io::Result<Examined> {
    let disk = flags.disk();
    let resolution = resolve(flags, disk)?;
    let directory = PathBuf::from(resolution.working_dir());
    let captured = Captured::read(&directory, disk);
    output::hide_in(captured.said());
    let mut stack = Stack::new(&resolution).files(&disk);
    if docker {
        let recorded = Captured { inspect: None, engine: None, ..captured };
        stack = recorded.enter(stack, &directory).evidence(&containers::evidence(&resolution)?);
    } else {
        stack = captured.enter(stack, &directory);
    }
    let report = examine(&stack);
    output::hide(report.secrets().iter());
    Ok(Examined { resolution, report, directory })
}

/// As [`examine_project`], of the files alone: nothing that was captured counts. With `docker` the containers are asked for
/// `openclaw.json` where it is not in a file of this host.
///
/// # Errors
/// As [`examine_project`].
pub fn examine_files(flags: &ProjectFlags, docker: bool) -> io::Result<Examined> {
    let disk = flags.disk();
    let resolution = resolve(flags, disk)?;
    let directory = PathBuf::from(resolution.working_dir());
    let mut stack = Stack::new(&resolution).files(&disk);
    if docker {
        stack = stack.evidence(&containers::evidence(&resolution)?);
    }
    let report = examine(&stack);
    output::hide(report.secrets().iter());
    Ok(Examined { resolution, report, directory })
}

fn resolve(flags: &ProjectFlags, disk: Disk) -> io::Result<Resolution> {
    let resolution = project::resolve(&flags.inputs()?, &disk);
    if resolution.services().next().is_none()
        && let Some(refusal) = resolution.compose_would_refuse()
    {
        return Err(io::Error::other(refusal.finding.to_string()));
    }
    Ok(resolution)
}

/// Codes of findings that mean: a text, or a part of it, is there and nobody can say what it holds.
const UNREAD: &[Code] = &[
    Code::FileNotFound,
    Code::FileUnreadable,
    Code::NotUtf8,
    Code::NotAFile,
    Code::LinkLeadsOut,
    Code::YamlSyntax,
    Code::DuplicateKey,
    Code::KeyNotString,
    Code::UnknownAnchor,
    Code::AliasCycle,
    Code::BadMergeKey,
    Code::YamlDialect,
    Code::YamlLimit,
    Code::NotAMapping,
    Code::DotenvSyntax,
    Code::DotenvUnusable,
    Code::BadTemplate,
    Code::ExtendsUnknownService,
    Code::ExtendsBadFile,
    Code::ExtendsCycle,
    Code::IncludeCycle,
    Code::IncludeInvalid,
    Code::RemoteResource,
    Code::ConfigSyntax,
    Code::ConfigInclude,
];

impl Examined {
    /// What the project or its state needs and nobody could read, in whole or in part: what it holds is unknown, which is not
    /// the same as nothing. Whoever writes, or says that all is well, stops at these.
    pub fn unread(&self) -> impl Iterator<Item = &Finding> {
        let all = self.resolution.findings().iter().chain(&self.report.findings);
        // YAML that Compose reads, if not everybody, is known.
        let is_known =
            |finding: &Finding| finding.code == Code::YamlDialect && finding.severity < Severity::Error;
        all.filter(move |finding| UNREAD.contains(&finding.code) && !is_known(finding))
    }

    /// A finding with its place and its next step, on a line: why a program stops.
    #[must_use]
    pub fn reason(&self, finding: &Finding) -> String {
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
