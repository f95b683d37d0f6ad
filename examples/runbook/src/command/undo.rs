//! Takes back the last change that these programs made to a project's files, or brings a half-done one to its end.
#![expect(clippy::disallowed_methods, reason = "the ledger has times")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::outln;
use openclaw_runbook::project::{Evidence, Project, ProjectFlags};
use openclaw_runbook::recovery::HalfDone;
use openclaw_runbook::targets::roots;
use openclaw_token::RecordStore as _;
use openclaw_token::fs::transaction::{self, Receipt};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, LedgerEntry};

use super::formats::{Done, Formats, carry_out};

/// Take back the last change of files that `fix`, `align`, `freeze`, `rotate` or `all` made, and never more than that one: what
/// was taken back stays so, and what came before it, too.
///
/// Every file gets the content that it had, if nobody changed it since. A record of a freeze stays, and so do the approvals of
/// devices. Exit status: 0 taken back; 1 there is nothing to take back, or --yes was not given; 2 the project cannot be read, or
/// a file was changed since, and then none was written.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectFlags,
    /// The directory under which the change was made, where it also changed files outside the project [default: the project's]
    #[arg(long, value_name = "DIR")]
    below: Option<PathBuf>,
    /// Write
    #[arg(long)]
    yes: bool,
    /// Who does this, for the ledger
    #[arg(long, default_value = "runbook undo")]
    by: String,
    #[command(flatten)]
    formats: Formats,
}

/// Bring to one side what an earlier run of these programs left half done: finish it, or undo it.
///
/// Exit status: 0 nothing is half done any more; 2 the project cannot be read, or it stays half done, and why is said.
#[derive(Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    project: ProjectFlags,
    /// Also write files outside the project's directory
    #[arg(long)]
    outside: bool,
    #[command(flatten)]
    formats: Formats,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    carry_out("undo", &arguments.formats, || Ok(take_back(&arguments)?))
}

pub(crate) fn recover(arguments: &Recover) -> ExitCode {
    carry_out("recover", &arguments.formats, || {
        let done = settle(arguments)?;
        if done.is_empty() {
            outln!("nothing is half done");
        }
        done.iter().for_each(|done| outln!("{done}"));
        Ok(Done::default())
    })
}

fn settle(arguments: &Recover) -> Result<Vec<String>, String> {
    let project = Project::read(&arguments.project, Evidence::None).map_err(|error| error.to_string())?;
    let half_done = HalfDone::find(&project.directory, &project.report.sources);
    half_done.and_then(|half_done| half_done.settle(arguments.outside)).map_err(|error| with_sources(&error))
}

fn take_back(arguments: &Arguments) -> Result<Done, String> {
    let project = Project::read(&arguments.project, Evidence::None).map_err(|error| error.to_string())?;
    let half_done =
        HalfDone::find(&project.directory, &project.report.sources).map_err(|error| with_sources(&error))?;
    if let Some(left) = half_done.said().next() {
        return Err(format!("{left}: `runbook recover` brings it to its end"));
    }
    let root = match &arguments.below {
        Some(root) => root,
        None => only_root(&project)?,
    };
    let mut finished = transaction::finished(root).map_err(|error| with_sources(&error))?;
    // A freeze of what every place held already changed no file.
    finished.retain(|receipt| !receipt.changed.is_empty());
    let Some(last) = last_to_undo(&finished) else {
        match finished.last() {
            Some(undo) => {
                outln!("nothing to take back: transaction {} took back what was changed last", undo.id);
            }
            None => outln!("nothing to take back: no change of {} is on record", root.display()),
        }
        return Ok(Done::with(1));
    };
    outln!("takes back transaction {} of {}:", last.id, last.root.display());
    for changed in &last.changed {
        let how = match (changed.before, changed.after) {
            (None, _) => "is removed again",
            (_, None) => "is there again",
            _ => "has its content of before",
        };
        outln!("  {} {how}", changed.path.display());
    }
    if !arguments.yes {
        outln!("nothing was written; give --yes to write");
        return Ok(Done::with(1));
    }
    // What stands beside the files must be in order before they change.
    let settled =
        half_done.settle(false).map_err(|error| format!("nothing was changed: {}", with_sources(&error)))?;
    settled.iter().for_each(|done| outln!("{done}"));
    let receipt = last.undo().map_err(|error| format!("nothing was changed: {}", with_sources(&error)))?;
    outln!("written as transaction {}", receipt.id);
    let what = format!("took back transaction {} as {}", last.id, receipt.id);
    let store = DirectoryStore::new(&project.directory);
    if store.latest().is_ok_and(|record| record.is_some()) {
        outln!("the record of the freeze stays: `runbook freeze --verify` compares the files with it");
    }
    let entry = LedgerEntry::new(std::time::SystemTime::now(), &arguments.by, Act::Undone, &what);
    LedgerFile::new(&project.directory)
        .append(&entry)
        .map_err(|error| format!("the files are as before, but the ledger has no entry of it: {error}"))?;
    Ok(Done { transaction: Some(receipt.id), ..Done::default() })
}

/// The project's directory, where no change on record went beyond it: only whoever made them knows which was the last.
fn only_root(project: &Project) -> Result<&PathBuf, String> {
    let sources = &project.report.sources;
    let files = sources.ids().filter_map(|file| sources.path(file).map(Path::new));
    let roots = roots(&project.directory, files).map_err(|error| with_sources(&error))?;
    for root in roots.iter().skip(1) {
        if !transaction::finished(root).map_err(|error| with_sources(&error))?.is_empty() {
            return Err(format!(
                "changes were made below {0}, too: say by --below {0} or --below {1} of which the last is meant",
                root.display(),
                project.directory.display()
            ));
        }
    }
    Ok(&project.directory)
}

/// The last change, unless it took back the one before it.
fn last_to_undo(finished: &[Receipt]) -> Option<&Receipt> {
    match finished {
        [.., earlier, last] if last.takes_back(earlier) => None,
        [.., last] => Some(last),
        [] => None,
    }
}
