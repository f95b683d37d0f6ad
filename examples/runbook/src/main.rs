//! The runbook as one program: `runbook STACK` prints a ticket, and each of its steps is a subcommand.

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::{Command, look};
use openclaw_runbook::{output, program};

/// Says which of OpenClaw's gateway troubles a Compose stack has, which line decided it, and the next safe step.
///
/// Reads the stack's files, and asks the engine that runs its containers where one is here, or else reads what was captured
/// of it. Writes, starts and changes nothing, and asks no network but with --post. The subcommands mend, freeze, pair, probe and compare; a stack in a directory that is called
/// as one of them is `runbook ./fix`.
#[derive(Parser)]
#[command(name = "runbook", version, propagate_version = true, args_conflicts_with_subcommands = true)]
#[command(disable_help_subcommand = true, after_help = look::EXIT, after_long_help = look::MORE)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    look: look::Arguments,
}

fn main() -> ExitCode {
    let status = match program::arguments() {
        Ok(Cli { command: Some(command), .. }) => command.run(),
        Ok(Cli { command: None, look }) => look::run(look),
        Err(error) => {
            program::print_usage(&error);
            command::usage_status(program::first_word().as_deref(), &error)
        }
    };
    output::status(status)
}
