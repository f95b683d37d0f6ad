//! Copies a stack and its captured evidence without their secrets, as a fixture of the crates' tests.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use openclaw_examples::{errln, errors, evidence, program};

/// Copies STACK, what is in `captured/` included, to TO, masked.
///
/// The secrets are those of the stack's own files and of its containers. Exit codes: 0 copied; 78 a file cannot be read or
/// written, or is no text.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Directory of the stack.
    stack: PathBuf,
    /// Where the copy goes.
    to: PathBuf,
}

fn main() -> ExitCode {
    program::start(copy)
}

fn copy(Arguments { stack, to }: Arguments) -> ExitCode {
    match evidence::copy(&stack, &to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("mask-evidence: {}", errors::with_sources(&error));
            ExitCode::from(78)
        }
    }
}
