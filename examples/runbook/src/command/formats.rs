//! How an answer is written: for a terminal or for a machine.

use std::error::Error;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use openclaw_compose::edit::Hunk;
use openclaw_runbook::finding::Finding;
use openclaw_runbook::{errln, out, output};
use openclaw_token::Record;
use openclaw_token::rotation::RotationPlan;
use serde::Serialize;

#[derive(Args)]
pub(super) struct Formats {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// As --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a machine
    Json,
}

impl Formats {
    pub(super) fn is_json(&self) -> bool {
        self.json || self.format == Format::Json
    }
}

/// What a subcommand that changes files did, for a machine. For people it says so while it does it.
#[derive(Default, Serialize)]
pub(super) struct Done {
    /// The exit status.
    pub(super) exit: u8,
    /// What it was about, mended or left.
    pub(super) findings: Vec<Finding>,
    /// What was written, or would be with `--yes`.
    pub(super) changes: Vec<Diff>,
    /// The transaction that wrote it, which `undo` takes back.
    pub(super) transaction: Option<u64>,
    /// The record of the freeze.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) record: Option<Record>,
    /// What is to be done now, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<RotationPlan>,
}

/// The change of one file, secrets masked.
#[derive(Serialize)]
pub(super) struct Diff {
    file: String,
    diff: String,
}

impl Done {
    /// Nothing but how it ends.
    pub(super) fn with(exit: u8) -> Self {
        Self { exit, ..Self::default() }
    }

    /// Shows the change of a file to people as well.
    pub(super) fn show(&mut self, file: String, hunks: &[Hunk]) {
        let diff: String = hunks.iter().map(ToString::to_string).collect();
        out!("--- {file}\n+++ {file}\n{diff}");
        self.changes.push(Diff { file, diff });
    }
}

/// Lets a subcommand do its work, and says how it ended. An error is for people alone.
pub(super) fn carry_out(
    name: &str,
    formats: &Formats,
    work: impl FnOnce() -> Result<Done, Box<dyn Error>>,
) -> ExitCode {
    if formats.is_json() {
        output::keep_for_document();
    }
    let done = work().and_then(|done| Ok((done.exit, serde_json::to_string(&done)?)));
    match done {
        Ok((exit, document)) => {
            if formats.is_json() {
                output::print_json(&(document + "\n"));
            }
            ExitCode::from(exit)
        }
        Err(error) => {
            errln!("runbook {name}: {error}");
            ExitCode::from(2)
        }
    }
}
