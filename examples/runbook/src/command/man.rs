//! The manual, of the command line that is parsed.

use std::process::ExitCode;

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use openclaw_runbook::errors::did_you_mean;
use openclaw_runbook::{errln, out};

use crate::Cli;

/// Print the manual page of the program and of each subcommand
///
/// To read it: `runbook man | man -l -`. To install the page of one: `runbook man fix > runbook-fix.1`.
///
/// Exit status: 0 printed; 2 there is no such subcommand.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the page of this subcommand
    subcommand: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let mut program = Cli::command();
    program.build();
    let pages: Vec<&Command> = match &arguments.subcommand {
        None => std::iter::once(&program).chain(program.get_subcommands()).collect(),
        Some(name) => program.find_subcommand(name).into_iter().collect(),
    };
    if let (Some(name), true) = (&arguments.subcommand, pages.is_empty()) {
        let all = program.get_subcommands().map(Command::get_name);
        errln!("runbook: there is no subcommand {name}{}", did_you_mean(name, all));
        return ExitCode::from(2);
    }
    for page in pages {
        let mut roff = Vec::new();
        if let Err(error) = Man::new(page.clone()).render(&mut roff) {
            errln!("runbook: the manual cannot be written: {error}");
            return ExitCode::from(2);
        }
        out!("{}", String::from_utf8_lossy(&roff));
    }
    ExitCode::SUCCESS
}
