//! A project on disk, resolved and examined with what was captured beside it: shared by the examples over one report.

use std::io;
use std::path::{Path, PathBuf};

use openclaw_compose::finding::{Code, Finding, Place};
use openclaw_compose::openclaw::{Report, Stack, examine};
use openclaw_compose::project::{self, Resolution};

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
    let inputs = flags.inputs()?;
    let disk = flags.disk();
    let resolution = project::resolve(&inputs, &disk);
    if resolution.services().next().is_none()
        && let Some(refusal) = resolution.compose_would_refuse()
    {
        return Err(io::Error::other(refusal.finding.to_string()));
    }
    let directory = PathBuf::from(resolution.working_dir());
    let captured = Captured::read(&directory, disk);
    output::hide(captured.secrets());
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

impl Examined {
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
    pub fn openable(&self, name: &str) -> String {
        let (here, inside) = (Path::new(name), self.directory.join(name));
        if here.exists() || !inside.exists() {
            return name.to_owned();
        }
        let current = std::path::absolute(".").unwrap_or_default();
        let shown = inside.strip_prefix(&current).unwrap_or(&inside);
        shown.to_string_lossy().into_owned()
    }

    /// `file:line:column` of a place, the file as it can be opened from here.
    #[must_use]
    pub fn shown(&self, place: &Place) -> String {
        format!("{}:{}:{}", self.openable(&place.file), place.line, place.column)
    }
}
