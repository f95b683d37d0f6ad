//! `docker compose config` without Docker, with a place in front of every error and secrets masked.

use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};
use openclaw_compose::finding::Severity;
use openclaw_compose::fs::Disk;
use openclaw_compose::project::{self, Format, Resolution, Reveal};
use openclaw_runbook::compose_flags::ProjectFlags;
use openclaw_runbook::output::{self, Stream, Styled};
use openclaw_runbook::{errln, program};

/// Resolve a Compose project as `docker compose config` does.
///
/// Exit status: 0 printed; 1 an env file, a setting or a write failed; 14 a file is missing; 15 the project is wrong; 16 the
/// command line cannot be read.
#[derive(Parser)]
#[command(name = "compose-config", arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    project: ProjectFlags,
    /// Print values under names that look secret; they are masked otherwise
    #[arg(long)]
    show_secrets: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Parse, resolve and render the project in canonical form
    #[command(alias = "convert")]
    Config {
        /// Format of the output
        #[arg(long, value_enum, default_value = "yaml")]
        format: Output,
        /// Only validate the project, print nothing
        #[arg(short, long)]
        quiet: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Yaml,
    Json,
}

fn main() -> ExitCode {
    let cli: Cli = match program::arguments() {
        Ok(cli) => cli,
        Err(error) => {
            // Compose looks at the word behind `--format` only once it has read the flags.
            let word = error.get(ContextKind::InvalidValue).filter(|word| !word.to_string().is_empty());
            let status = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                ErrorKind::InvalidValue if word.is_some() => 1,
                _ => 16,
            };
            program::print_usage(&error);
            return ExitCode::from(status);
        }
    };
    let Command::Config { format, quiet } = cli.command;
    let inputs = match cli.project.inputs() {
        Ok(inputs) => inputs,
        Err(error) => {
            errln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let resolution = project::resolve(&inputs, &Disk::following());
    output::hide(resolution.secrets().iter());
    report(&resolution);
    // Whoever reads what is said, or sits in front of a terminal, is told whose rules these are; a script is left alone.
    if !resolution.findings().is_empty() || (Stream::Err.is_terminal() && !quiet) {
        errln!("(read as {})", resolution.dialect());
    }
    let status = print(&resolution, format, quiet, cli.show_secrets);
    // The process ends here: giving every node of a large project back one by one would be time for nothing.
    std::mem::forget(resolution);
    status
}

/// The project on standard output, unless Compose would refuse it.
fn print(resolution: &Resolution, format: Output, quiet: bool, show_secrets: bool) -> ExitCode {
    if let Some(refusal) = resolution.compose_would_refuse() {
        return ExitCode::from(refusal.exit);
    }
    if !quiet {
        let format = if matches!(format, Output::Json) { Format::Json } else { Format::Yaml };
        let reveal = if show_secrets { Reveal::Secrets } else { Reveal::Masked };
        let text = resolution.config(format, reveal);
        let printed = match (reveal, format) {
            (Reveal::Secrets, _) => output::try_print_with_secrets(&Styled::from(text)),
            (Reveal::Masked, Format::Json) => output::try_print_json(&text),
            (Reveal::Masked, _) => output::try_print(Stream::Out, &text),
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
