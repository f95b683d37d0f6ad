//! Completions for a shell, of the command line that is parsed.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use openclaw_runbook::out;

use crate::Cli;

/// Print completions for a shell
///
/// bash: `source <(runbook completions bash)`. zsh: write it to a file `_runbook` in a directory of `$fpath`. fish: write it to
/// `~/.config/fish/completions/runbook.fish`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Whose language it is
    shell: Shell,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "runbook", &mut script);
    out!("{}", String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}
