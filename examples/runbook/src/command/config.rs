//! `docker compose config` without Docker, with a place in front of every error and secrets masked.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use openclaw_compose::finding::Severity;
use openclaw_compose::fs::Disk;
use openclaw_compose::project::{self, Resolution, Reveal};
use openclaw_runbook::errln;
use openclaw_runbook::output::{self, Stream, Styled};
use openclaw_runbook::project::ProjectFlags;

/// Resolve a Compose project as `docker compose config` does.
///
/// Exit status: 0 printed; 1 refused, or the command line cannot be read. As compose-go 2.4 tells them apart: 1 an env file,
/// a setting or a write failed; 14 a file is missing; 15 the project is wrong.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectFlags,
    /// Print every value; those that are not known to be harmless are masked otherwise
    #[arg(long)]
    show_secrets: bool,
    /// Format of the output
    #[arg(long, value_enum, default_value = "yaml")]
    format: Format,
    /// Only validate the project, print nothing
    #[arg(short, long)]
    quiet: bool,
    /// The word after the flags of `docker compose`, for who puts this in its place
    #[arg(hide = true, value_parser = ["config", "convert"])]
    command: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// The exit status for a command line that cannot be read: that of Compose since compose-go 2.4.9.
pub(crate) fn usage_status(error: &clap::Error) -> u8 {
    u8::from(!matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion))
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let inputs = match arguments.project.inputs() {
        Ok(inputs) => inputs,
        Err(error) => {
            errln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let resolution = project::resolve(&inputs, &Disk::following());
    // Who looks for the secrets reads every text once more, which a check that says nothing can do without.
    if !arguments.quiet || !resolution.findings().is_empty() {
        output::hide(resolution.secrets().iter());
    }
    report(&resolution);
    // Whoever reads what is said, or sits in front of a terminal, is told whose rules these are; a script is left alone.
    if !resolution.findings().is_empty() || (Stream::Err.is_terminal() && !arguments.quiet) {
        errln!("(read as {})", resolution.dialect());
    }
    let status = print(&resolution, &arguments);
    // The process ends here: giving every node of a large project back one by one would be time for nothing.
    std::mem::forget(resolution);
    status
}

/// The project on standard output, unless Compose would refuse it.
fn print(resolution: &Resolution, arguments: &Arguments) -> ExitCode {
    if let Some(refusal) = resolution.compose_would_refuse() {
        return ExitCode::from(refusal.exit);
    }
    if !arguments.quiet {
        let is_json = arguments.format == Format::Json;
        let reveal = if arguments.show_secrets { Reveal::Secrets } else { Reveal::Masked };
        let text =
            resolution.config(if is_json { project::Format::Json } else { project::Format::Yaml }, reveal);
        let printed = match reveal {
            Reveal::Secrets => output::try_print_with_secrets(&Styled::from(text)),
            Reveal::Masked if is_json => output::try_print_json(&text),
            Reveal::Masked => output::try_print(Stream::Out, &text),
        };
        if let Err(error) = printed {
            errln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Errors first, each with its place in front; then the warnings, in Compose's words where it has them.
fn report(resolution: &Resolution) {
    for finding in resolution.findings().iter().filter(|finding| finding.severity == Severity::Error) {
        match finding.primary() {
            Some(place) => errln!("{place}: {finding}"),
            None => errln!("{finding}"),
        }
        for other in finding.places.iter().filter(|place| Some(*place) != finding.primary()) {
            errln!("  see {other}");
        }
        for evidence in &finding.evidence {
            errln!("  {evidence}");
        }
        if let Some(remedy) = &finding.remedy {
            errln!("  help: {}", remedy.text);
        }
    }
    for finding in resolution.findings().iter().filter(|finding| finding.severity != Severity::Error) {
        let place = finding.primary().map(|place| format!(" ({place})")).unwrap_or_default();
        errln!("{}: {}{place}", finding.severity, finding.summary);
    }
}
