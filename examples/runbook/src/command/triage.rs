//! One pasted line, answered.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use openclaw_pairing::timeline::{Lines, row_of};
use openclaw_runbook::lifecycle::lifecycle;
use openclaw_runbook::{errln, outln, output, reading, timeline};

/// Say what a line of a log means: what it proves, what it does not, and the first step that tells.
///
/// Exit status: 0 the line is known; 1 it is not; 2 wrong arguments, or standard input cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The line, in quotes or not; `-` is standard input
    #[arg(required = true, trailing_var_arg = true, value_name = "TEXT")]
    text: Vec<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a machine
    Json,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let given = if arguments.text == ["-"] { reading::stdin() } else { Ok(arguments.text.join(" ")) };
    let given = match given {
        Ok(given) => given,
        Err(error) => {
            errln!("runbook triage: {error}");
            return ExitCode::from(2);
        }
    };
    let row = first_known(&given);
    // How a gateway ends is the second table's.
    let end = if row.is_none() { lifecycle(&given).failed } else { None };
    match (row, end) {
        (Some(row), _) if arguments.format == Format::Json => {
            output::print_json(&format!("{:#}\n", timeline::row(row)));
        }
        (Some(row), _) => {
            outln!("{}", timeline::name(row.symptom));
            outln!("  proves          {}", row.proves);
            outln!("  does not prove  {}", row.leaves_open);
            outln!("  ask             {}", row.question);
            outln!("  first step      {}", row.action);
        }
        (None, Some(end)) if arguments.format == Format::Json => {
            let end = serde_json::json!({ "ends": format!("{:?}", end.meaning), "releases": end.releases });
            output::print_json(&format!("{end:#}\n"));
        }
        (None, Some(end)) => {
            outln!("a line with which a gateway ends: {:?}", end.meaning);
            if let Some(releases) = end.releases {
                outln!("  said by         {releases}");
            }
            outln!("  first step      runbook look STACK, with the log in STACK/captured/logs/SERVICE.log");
        }
        (None, None) => {
            errln!(
                "runbook triage: no row of the table has these words; `runbook look STACK` reads the whole log"
            );
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}

/// The row of the first line that has one.
fn first_known(text: &str) -> Option<&'static openclaw_pairing::timeline::Row> {
    let mut lines = Lines::new(text.as_bytes());
    // Reading from memory does not fail.
    while lines.advance().ok()? {
        if let Some(row) = row_of(lines.line().text) {
            return Some(row);
        }
    }
    None
}
