//! A gate that a service manager runs: its definition, the steps that install it by hand, and the check of what is installed.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use openclaw_runbook::{out, program};

use super::gate::{self, Definition, LABEL};
use super::supervisors;

/// Print a launchd, systemd or Compose definition that keeps watch over the gateway, print the steps that install it, or check
/// what is installed. Nothing is installed: a person does that.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Print the definition
    Print(Kind),
    /// Print the commands that install it, check it, and take it away again
    Install(Kind),
    /// Check launchd property lists and systemd units that run a gateway
    Check(supervisors::Arguments),
}

#[derive(Args)]
struct Kind {
    /// Who runs it
    #[arg(value_enum, id = "kind", value_name = "KIND")]
    definition: Definition,
    #[command(flatten)]
    gate: gate::Arguments,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match arguments.step {
        Step::Print(Kind { definition, gate }) => gate::print(&gate, definition),
        Step::Install(Kind { definition, gate }) => {
            out!("{}", steps(definition, gate.user.as_deref(), &gate::logs_of(&gate, definition)));
            ExitCode::SUCCESS
        }
        Step::Check(arguments) => supervisors::run(arguments),
    }
}

/// The same call, but that it prints the definition.
fn print_command() -> String {
    let mut words = program::words();
    if let Some(step) = words.iter_mut().find(|word| *word == "install") {
        "print".clone_into(step);
    }
    let quoted = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
    format!("runbook {quoted}")
}

/// The commands that install a definition for this user, or for the one who runs them.
fn steps(definition: Definition, user: Option<&str>, logs: &str) -> String {
    let print = print_command();
    // launchd makes no folder for a log, and starts nothing without it.
    let logs = shlex::try_quote(logs).unwrap_or_default();
    match (definition, user) {
        (Definition::Launchd, None) => {
            let file = format!("~/Library/LaunchAgents/{LABEL}.plist");
            format!(
                "mkdir -p ~/Library/LaunchAgents {logs}\n{print} > {file}\nrunbook supervise check {file}\n\
                 launchctl bootstrap gui/$(id -u) {file}\nlaunchctl print gui/$(id -u)/{LABEL}\n\
                 # away again:\nlaunchctl bootout gui/$(id -u)/{LABEL} && rm {file}\n"
            )
        }
        (Definition::Launchd, Some(user)) => {
            let user = shlex::try_quote(user).unwrap_or_default();
            let file = format!("/Library/LaunchDaemons/{LABEL}.plist");
            format!(
                "sudo -u {user} mkdir -p {logs}\n{print} | sudo tee {file} >/dev/null\nsudo chown root:wheel {file} && sudo chmod 644 {file}\n\
                 runbook supervise check --headless {file}\nsudo launchctl bootstrap system {file}\n\
                 sudo launchctl print system/{LABEL}\n\
                 # away again:\nsudo launchctl bootout system/{LABEL} && sudo rm {file}\n"
            )
        }
        (Definition::Systemd, _) => {
            let file = format!("/etc/systemd/system/{LABEL}.service");
            format!(
                "{print} | sudo tee {file} >/dev/null\nrunbook supervise check {file}\nsudo systemctl daemon-reload\n\
                 sudo systemctl enable --now {LABEL}.service\nsystemctl status {LABEL}.service\n\
                 # away again:\nsudo systemctl disable --now {LABEL}.service && sudo rm {file}\n"
            )
        }
        (Definition::Compose, _) => format!(
            "{print}\n# below the gateway's service in compose.yaml, then:\ndocker compose config --quiet\n\
             docker compose up -d\ndocker compose ps\n"
        ),
    }
}
