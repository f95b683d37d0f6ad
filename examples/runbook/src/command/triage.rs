//! One pasted line, answered.

use std::process::ExitCode;

use clap::Args;
use openclaw_runbook::{errln, outln, output, reading, timeline};

use super::formats::Formats;

/// Say what a line of a log means: what it proves, what it does not, and the first step that tells.
///
/// Exit status: 0 the line is known; 1 it is not; 2 wrong arguments, or standard input cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The line, in quotes or not; `-` is standard input
    #[arg(required = true, trailing_var_arg = true, value_name = "TEXT")]
    text: Vec<String>,
    #[command(flatten)]
    formats: Formats,
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
    let Some(row) = timeline::first_known(&given) else {
        errln!(
            "runbook triage: no row of the table has these words; `runbook look STACK` reads the whole log"
        );
        return ExitCode::from(1);
    };
    if arguments.formats.is_json() {
        output::print_json(&format!("{:#}\n", timeline::row(row)));
        return ExitCode::SUCCESS;
    }
    outln!("{}", timeline::name(row.symptom));
    outln!("  proves          {}", row.proves);
    outln!("  does not prove  {}", row.leaves_open);
    outln!("  ask             {}", row.question);
    outln!("  first step      {}", row.action);
    ExitCode::SUCCESS
}
