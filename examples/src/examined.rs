//! A project on disk, resolved and examined with what was captured beside it: shared by the examples over one report.

use std::io;
use std::path::{Path, PathBuf};

use openclaw_compose::fs::Disk;
use openclaw_compose::openclaw::{Report, Stack, examine};
use openclaw_compose::project::{self, Resolution};

use crate::captured::Captured;
use crate::compose_flags::ProjectFlags;
use crate::owners;

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
/// captured, those of the files themselves count.
///
/// # Errors
/// When the current directory cannot be told, or no Compose file was found or readable.
pub fn examine_project(flags: &ProjectFlags) -> io::Result<Examined> {
    let inputs = flags.inputs()?;
    let resolution = project::resolve(&inputs, &Disk);
    if resolution.services().next().is_none()
        && let Some(refusal) = resolution.compose_would_refuse()
    {
        return Err(io::Error::other(refusal.finding.to_string()));
    }
    let directory = PathBuf::from(resolution.working_dir());
    let captured = Captured::read(&directory);
    let mut stack = Stack::new(&resolution).files(&Disk);
    stack = match captured.ownership {
        Some(listing) => stack.ownership(listing.name, listing.text),
        None => stack.ownership_of_copy("the files' owners", owners::listing(Path::new(&directory), ".")),
    };
    if let Some(inspect) = captured.inspect {
        stack = stack.inspect(inspect.name, inspect.text.as_str());
    }
    let report = examine(&stack);
    Ok(Examined { resolution, report, directory })
}
