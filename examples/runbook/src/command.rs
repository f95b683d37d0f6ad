//! The subcommands. Each parses its arguments, calls the library and prints. A name that a program had of its own before is
//! still understood.

mod capture;
mod completions;
mod config;
mod diff;
mod explain;
mod export;
mod fix;
mod freeze;
mod gate;
pub(crate) mod look;
mod man;
mod mask;
mod namespaces;
mod pair;
mod probe;
mod sources;
mod supervisors;
mod timeline;
mod triage;
mod vantage;

use std::process::ExitCode;

use clap::Subcommand;

/// What the program is asked to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the ticket of a stack: as without a subcommand
    #[command(after_help = look::EXIT, after_long_help = look::MORE)]
    Look(look::Arguments),
    /// Rehearse all five steps on a bundled broken stack, against an embedded gateway
    Rehearse,
    Capture(capture::Arguments),
    Fix(fix::Arguments),
    #[command(alias = "freeze-token")]
    Freeze(freeze::Arguments),
    #[command(alias = "diff-sources")]
    Sources(sources::Arguments),
    #[command(alias = "check-namespaces")]
    Namespaces(namespaces::Arguments),
    #[command(alias = "break-pairing")]
    Pair(pair::Arguments),
    #[command(alias = "probe-gateway")]
    Probe(probe::Arguments),
    Timeline(timeline::Arguments),
    Triage(triage::Arguments),
    Gate(gate::Arguments),
    #[command(alias = "probe-exporter")]
    Export(export::Arguments),
    #[command(alias = "vantage-points")]
    Vantage(vantage::Arguments),
    #[command(alias = "check-supervisors")]
    Supervisors(supervisors::Arguments),
    #[command(alias = "compose-config")]
    Config(config::Arguments),
    #[command(alias = "config-explain")]
    Explain(explain::Arguments),
    #[command(alias = "diff-stacks")]
    Diff(diff::Arguments),
    #[command(alias = "mask-evidence")]
    Mask(mask::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Look(arguments) => look::run(arguments),
            Self::Rehearse => look::rehearse(),
            Self::Capture(arguments) => capture::run(arguments),
            Self::Fix(arguments) => fix::run(arguments),
            Self::Freeze(arguments) => freeze::run(arguments),
            Self::Sources(arguments) => sources::run(arguments),
            Self::Namespaces(arguments) => namespaces::run(arguments),
            Self::Pair(arguments) => pair::run(arguments),
            Self::Probe(arguments) => probe::run(arguments),
            Self::Timeline(arguments) => timeline::run(arguments),
            Self::Triage(arguments) => triage::run(arguments),
            Self::Gate(arguments) => gate::run(arguments),
            Self::Export(arguments) => export::run(arguments),
            Self::Vantage(arguments) => vantage::run(arguments),
            Self::Supervisors(arguments) => supervisors::run(arguments),
            Self::Config(arguments) => config::run(arguments),
            Self::Explain(arguments) => explain::run(arguments),
            Self::Diff(arguments) => diff::run(arguments),
            Self::Mask(arguments) => mask::run(arguments),
            Self::Completions(arguments) => completions::run(arguments),
            Self::Man(arguments) => man::run(arguments),
        }
    }
}

/// The exit status where the command line cannot be read, as clap says it but for the one who answers as Docker Compose.
pub(crate) fn usage_status(command: Option<&str>, error: &clap::Error) -> ExitCode {
    match command {
        Some("config" | "compose-config") => ExitCode::from(config::usage_status(error)),
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}
