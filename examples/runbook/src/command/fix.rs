//! Carries out the edits that the findings of a stack carry, as one reversible step.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use openclaw_compose::finding::{Code, Severity};
use openclaw_compose::openclaw::{LeftAlone, Mend, Mending};
use openclaw_runbook::errors::did_you_mean;
use openclaw_runbook::finding::Finding;
use openclaw_runbook::outln;
use openclaw_runbook::project::{EngineFlags, Project, ProjectFlags};
use openclaw_runbook::recovery::HalfDone;
use openclaw_runbook::targets::Targets;
use openclaw_token::fs::transaction::Transaction;

use super::formats::{Done, Formats, carry_out};

/// Mend what can be mended by editing files: by default what is wrong and safe, each edit shown as a diff with secrets masked.
///
/// What no edit mends is listed with its command. What an earlier run left half done is brought to one side first. Exit
/// status: 0 nothing to do, or done, or --dry-run; 1 edits are proposed and --yes was not given, or an error is left for a
/// person; 2 the call, the project or a file of it cannot be read, or the files may not or could not be written (then none
/// was).
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectFlags,
    /// Show the diff and write nothing, whatever else is given
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    engine: EngineFlags,
    /// Write the edits
    #[arg(long)]
    yes: bool,
    /// Also write files outside the project's directory, such as `env_file: ../shared.env`; state and backups then lie in the
    /// nearest directory above both
    #[arg(long)]
    outside: bool,
    /// Only bring to one side what an earlier run left half done
    #[arg(long, conflicts_with_all = ["dry_run", "yes"])]
    recover: bool,
    /// Only the findings of these codes, by id or name; may be given more than once. Notes are mended only so
    #[arg(long = "code", value_name = "CODE")]
    codes: Vec<String>,
    /// Also make edits that a person should judge, such as downgrades and renames
    #[arg(long)]
    judgement: bool,
    #[command(flatten)]
    formats: Formats,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    carry_out("fix", &arguments.formats, || Ok(mend(&arguments)?))
}

fn mend(arguments: &Arguments) -> Result<Done, String> {
    let mut wanted = Mend::default();
    for name in &arguments.codes {
        wanted = wanted.code(code(name)?);
    }
    if arguments.judgement {
        wanted = wanted.judgement();
    }
    let before = settled(arguments)?;
    if arguments.recover {
        return Ok(Done::default());
    }
    let unread: Vec<String> = before.unread().chain(before.unread_of_host()).collect();
    if !unread.is_empty() {
        return Err(format!("nothing is mended around what could not be read\n  {}", unread.join("\n  ")));
    }
    let mending = before.report.mending(&wanted);
    show(&mending, arguments, &before);
    let left = mending.left.iter().map(|(finding, _)| *finding);
    let told = mending.mended.iter().copied().chain(left).chain(mending.by_hand.iter().copied());
    let mut done = Done { findings: told.cloned().map(Finding::from).collect(), ..Done::default() };
    let changes = mending.edits.apply();
    if changes.is_empty() {
        outln!("nothing to mend by edits");
        done.exit = u8::from(!arguments.dry_run && !mending.by_hand.is_empty());
        return Ok(done);
    }
    outln!();
    for change in &changes {
        // The file may lie elsewhere from here than its source says.
        done.show(before.openable(change.source), &change.hunks);
    }
    let targets = Targets::of_edits(&before.directory, &changes, arguments.outside)
        .map_err(|error| format!("nothing was changed: {error}"))?;
    if !targets.outside.is_empty() {
        outln!("\nwrites outside the project; state and backups lie below {}", targets.root.display());
    }
    if arguments.dry_run || !arguments.yes {
        outln!("\nnothing was written{}", if arguments.dry_run { "" } else { "; give --yes to write" });
        done.exit = u8::from(!arguments.dry_run);
        return Ok(done);
    }
    let receipt = Transaction::plan(&targets.root, changes.iter().map(|change| targets.write(change)))
        .and_then(Transaction::commit)
        .map_err(|error| format!("nothing was changed: {error}"))?;
    outln!("\nwritten as transaction {} of {}", receipt.id, receipt.root.display());
    show_after(&mending, arguments, &before);
    show_next(arguments)?;
    done.transaction = Some(receipt.id);
    Ok(done)
}

/// The project, once what an earlier run left half done is brought to one side. Where nothing may be written, that is said.
fn settled(arguments: &Arguments) -> Result<Project, String> {
    let examine = || {
        Project::open(&arguments.project, arguments.engine.evidence(false)).map_err(|error| error.to_string())
    };
    let project = examine()?;
    let half_done = HalfDone::find(&project.directory, &project.report.sources)
        .map_err(|error| format!("nothing was changed: {error}"))?;
    if !arguments.recover && (arguments.dry_run || !arguments.yes) {
        for left in half_done.said() {
            outln!(
                "{left}: --recover brings it to its end or says why not, and so does --yes before it writes"
            );
        }
        return Ok(project);
    }
    // Also where nothing is: what stands beside the files must be in order before they change.
    let done =
        half_done.settle(arguments.outside).map_err(|error| format!("nothing was changed: {error}"))?;
    if done.is_empty() {
        if arguments.recover {
            outln!("nothing is half done");
        }
        return Ok(project);
    }
    done.iter().for_each(|done| outln!("{done}"));
    examine()
}

/// What stops the first client now.
fn show_next(arguments: &Arguments) -> Result<(), String> {
    let after = Project::open(&arguments.project, arguments.engine.evidence(false))
        .map_err(|error| error.to_string())?;
    let left = after.report.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match after.report.first_cause() {
        Some((client, gate)) => outln!(
            "next cause: {} stops {}: {}",
            gate.code.map_or("a gate", |code| code.name()),
            client.name,
            gate.because
        ),
        None => outln!("the files stop no client any more ({left} other errors)"),
    }
    Ok(())
}

/// The code of openclaw-compose that has this id or name.
fn code(name: &str) -> Result<Code, String> {
    let code = Code::ALL.iter().find(|code| name == code.id() || name == code.name());
    code.copied().ok_or_else(|| {
        let near = did_you_mean(name, Code::ALL.iter().flat_map(|code| [code.id(), code.name()]));
        format!("{name} is not a code of openclaw-compose, such as OC-C301 or silent-override{near}")
    })
}

/// What is mended, and what is left.
fn show(mending: &Mending<'_>, arguments: &Arguments, project: &Project) {
    for finding in &mending.mended {
        outln!("{} {finding}", finding.severity);
        if let Some(remedy) = &finding.remedy {
            outln!("  {}", remedy.text);
        }
    }
    for (finding, why) in &mending.left {
        let why = match (why, &finding.remedy) {
            (LeftAlone::Judgement, Some(remedy)) => format!("{} (give --judgement to make it)", remedy.text),
            (why, _) => why.to_string(),
        };
        outln!("left alone: {finding}\n  {why}");
    }
    for finding in project.unseen() {
        outln!("not seen: {finding}");
    }
    for finding in &mending.by_hand {
        outln!("not by an edit: {finding}");
        if let Some(remedy) = &finding.remedy {
            outln!("  {}", remedy.text);
            if let Some(command) = &remedy.command {
                let runs_as = project.report.runs_as.as_deref();
                outln!("  {}", project.captured.of_engine(arguments.project.told(command, runs_as)));
            }
        }
    }
}

/// What is left to do once it is written.
fn show_after(mending: &Mending<'_>, arguments: &Arguments, before: &Project) {
    let commands: BTreeSet<&str> =
        mending.mended.iter().filter_map(|finding| finding.remedy.as_ref()?.command.as_deref()).collect();
    for command in commands {
        outln!("now run: {}", before.captured.of_engine(arguments.project.told(command, None)));
    }
    // A container that mounts the file alone still holds the file that was replaced.
    for finding in before.report.of_code(Code::SingleFileMount) {
        outln!("note: {}: recreate its container", finding.summary);
    }
}
