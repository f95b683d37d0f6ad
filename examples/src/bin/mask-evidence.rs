//! Copies the captured evidence of a stack without its secrets, as a fixture of the crates' tests.
#![allow(clippy::print_stderr, reason = "a command line program")]
#![expect(clippy::disallowed_methods, reason = "it reads a stack's evidence and writes the copy")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use openclaw_examples::fixture::{Mask, secrets};

/// Copies EVIDENCE (logs, device lists, `inspect.json`) to TO, masked.
///
/// The secrets are those of STACK's `.env` and `openclaw.json` and of the containers. Exit codes: 0 copied; 78 a file cannot be
/// read or written.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Directory of the stack.
    stack: PathBuf,
    /// Its captured evidence.
    evidence: PathBuf,
    /// Where the copy goes.
    to: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mask-evidence: {error}");
            ExitCode::from(78)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let Arguments { stack, evidence, to } = arguments;
    let inspect = evidence.join("inspect.json");
    let sources = [stack.join(".env"), stack.join("state/openclaw.json"), inspect.clone()];
    let texts = sources.iter().filter_map(|file| fs::read_to_string(file).ok());
    let mut mask = Mask::new(texts.flat_map(|text| secrets(&text)).collect());
    let at_home = stack.canonicalize().map_err(|error| format!("{}: {error}", stack.display()))?;
    for kind in ["logs", "devices"] {
        let Ok(entries) = fs::read_dir(evidence.join(kind)) else { continue };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // In order, so that two copies of one run agree.
        files.sort();
        for file in files {
            copy(&mut mask, &file, &to.join(kind), &at_home)?;
        }
    }
    if inspect.exists() { copy(&mut mask, &inspect, to, &at_home) } else { Ok(()) }
}

fn copy(mask: &mut Mask, from: &Path, into: &Path, home: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    let text = String::from_utf8_lossy(&fs::read(from).map_err(failed)?).into_owned();
    let text = mask.text(&text.replace(&home.display().to_string(), "/srv/stack"));
    fs::create_dir_all(into).map_err(failed)?;
    fs::write(into.join(from.file_name().unwrap_or_default()), text).map_err(failed)
}
