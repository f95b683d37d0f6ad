//! Keeps what an engine shows of a stack, so that somebody else gets the same ticket from it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use openclaw_runbook::capture::Capture;
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::project::ProjectFlags;
use openclaw_runbook::{errln, outln};

/// Asks Docker about STACK, as `look --docker` does, and keeps the answers as files that `look` reads again.
///
/// With --to the stack and its evidence are copied, masked: whatever is not known to be harmless gets a placeholder, equal
/// values the same one. With --unmasked the evidence is written as it is into captured/ of the stack, which git then
/// ignores. captured/SHA256SUMS names every file with its digest. Exit codes: 0 kept; 1 kept, but for what is named; 2 the
/// project cannot be read; 78 nothing was kept.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("where").required(true))]
pub(crate) struct Arguments {
    /// Directory of the stack.
    #[arg(default_value = ".")]
    stack: PathBuf,
    #[command(flatten)]
    project: ProjectFlags,
    /// Where the masked copy goes: a directory that is empty or not there yet.
    #[arg(long, value_name = "DIR", group = "where")]
    to: Option<PathBuf>,
    /// Keep inspect.json with the tokens in it, the logs and the device lists as they are, in captured/ of the stack.
    #[arg(long, group = "where")]
    unmasked: bool,
    /// Run nothing in a container, so that no devices are listed.
    #[arg(long)]
    no_exec: bool,
}

pub(crate) fn run(Arguments { stack, project, to, unmasked: _, no_exec }: Arguments) -> ExitCode {
    let capture = match Capture::of(&stack, project, !no_exec) {
        Ok(capture) => capture,
        Err(error) => {
            errln!("runbook capture: {error}");
            return ExitCode::from(2);
        }
    };
    let mut is_whole = capture.missed.is_empty();
    for missed in &capture.missed {
        errln!("runbook capture: {missed}");
    }
    let kept = match to {
        Some(to) => capture.copy(&stack, &to).map(|left| {
            is_whole &= left.is_empty();
            for left in left {
                errln!("runbook capture: {}: {}", left.name, left.why);
            }
        }),
        None => capture.keep(&stack).map(|names| {
            outln!("kept as they are, the tokens in captured/inspect.json included; they should not leave this machine:");
            for name in names {
                outln!("  {}", name.display());
            }
        }),
    };
    match kept {
        Ok(()) => ExitCode::from(u8::from(!is_whole)),
        Err(error) => {
            errln!("runbook capture: {}", with_sources(&error));
            ExitCode::from(78)
        }
    }
}
