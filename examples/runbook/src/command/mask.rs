//! Copies a stack and its captured evidence without their secrets, as a fixture of the crates' tests.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use openclaw_runbook::{errln, errors, evidence};

/// Copies STACK, what is in `captured/` included, to TO, masked.
///
/// Whatever is not known to be harmless gets a placeholder, equal values the same one. What is not understood is left out and
/// named, and so are links and what is not a file. Exit codes: 0 copied; 1 copied, but for what is named; 78 nothing was
/// copied: STACK cannot be read, or TO is not an empty directory outside of it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Directory of the stack.
    stack: PathBuf,
    /// Where the copy goes: a directory that is empty or not there yet.
    to: PathBuf,
}

pub(crate) fn run(Arguments { stack, to }: Arguments) -> ExitCode {
    match evidence::copy(&stack, &to) {
        Ok(left) => {
            for left in &left {
                errln!("runbook mask: {}: {}", left.name, left.why);
            }
            ExitCode::from(u8::from(!left.is_empty()))
        }
        Err(error) => {
            errln!("runbook mask: {}", errors::with_sources(&error));
            ExitCode::from(78)
        }
    }
}
