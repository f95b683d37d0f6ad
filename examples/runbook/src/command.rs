//! The subcommands. Each parses its arguments, calls the library and prints. A name that a program had of its own before is
//! still understood.

mod all;
mod capture;
mod completions;
mod config;
mod diff;
mod explain;
mod export;
mod fix;
mod formats;
mod freeze;
mod gate;
pub(crate) mod look;
mod man;
mod mask;
mod namespaces;
mod pair;
mod probe;
mod schema;
mod sources;
mod supervise;
mod supervisors;
mod timeline;
mod triage;
mod undo;
mod upgrade_check;
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
    #[command(after_help = "Example:\n  runbook rehearse")]
    Rehearse,
    All(all::Arguments),
    #[command(after_help = "Examples:\n  runbook align\n  runbook align --yes")]
    Align(freeze::Align),
    #[command(
        after_help = "Examples:\n  runbook capture --to /tmp/for-a-colleague\n  runbook capture --unmasked /srv/openclaw"
    )]
    Capture(capture::Arguments),
    #[command(after_help = "Examples:\n  runbook fix\n  runbook fix --code OC-C201 --yes")]
    Fix(fix::Arguments),
    #[command(alias = "freeze-token")]
    #[command(after_help = "Examples:\n  runbook freeze --yes\n  runbook freeze --verify")]
    Freeze(freeze::Arguments),
    #[command(alias = "diff-sources")]
    #[command(after_help = "Examples:\n  runbook sources\n  runbook sources --search --format json")]
    Sources(sources::Arguments),
    #[command(after_help = "Example:\n  runbook plan-rotation")]
    PlanRotation(freeze::PlanRotation),
    #[command(after_help = "Example:\n  runbook rotate --reason \"lost laptop\" --ticket CHG-17")]
    Rotate(freeze::Rotate),
    #[command(after_help = "Examples:\n  runbook undo\n  runbook undo --yes")]
    Undo(undo::Arguments),
    #[command(after_help = "Example:\n  runbook recover")]
    Recover(undo::Recover),
    #[command(visible_alias = "namespace", alias = "check-namespaces")]
    #[command(
        after_help = "Examples:\n  runbook namespaces\n  runbook namespaces -f prod.yaml --format json"
    )]
    Namespaces(namespaces::Arguments),
    #[command(alias = "break-pairing")]
    #[command(
        after_help = "Examples:\n  runbook pair\n  runbook pair --run --scopes operator.read,operator.pairing"
    )]
    Pair(Box<pair::Arguments>),
    #[command(alias = "probe-gateway")]
    #[command(
        after_help = "Examples:\n  runbook probe --upto challenge ws://127.0.0.1:18789\n  runbook probe --watch=2 --token-file token ws://127.0.0.1:18789"
    )]
    Probe(probe::Arguments),
    #[command(after_help = "Examples:\n  runbook timeline\n  runbook timeline /srv/openclaw --only symptoms")]
    Timeline(timeline::Arguments),
    #[command(
        after_help = "Example:\n  runbook triage \"closed before connect code=1008 reason=pairing required\""
    )]
    Triage(triage::Arguments),
    #[command(
        after_help = "Examples:\n  runbook gate --times 3 --within 120\n  runbook gate --print systemd"
    )]
    Gate(gate::Arguments),
    #[command(alias = "probe-exporter")]
    #[command(
        after_help = "Example:\n  runbook export --targets targets.json --token-file /etc/openclaw/token"
    )]
    Export(export::Arguments),
    #[command(alias = "vantage-points")]
    #[command(after_help = "Example:\n  runbook vantage --inside openclaw-gateway --beside openclaw-cli")]
    Vantage(vantage::Arguments),
    #[command(
        after_help = "Examples:\n  runbook supervise print launchd --user ops\n  runbook supervise install systemd\n  runbook supervise check ~/Library/LaunchAgents/ai.openclaw.gate.plist"
    )]
    Supervise(supervise::Arguments),
    /// As `supervise check`
    #[command(alias = "check-supervisors")]
    #[command(
        after_help = "Example:\n  runbook supervisors ~/Library/LaunchAgents/ai.openclaw.gateway.plist"
    )]
    Supervisors(supervisors::Arguments),
    #[command(after_help = "Example:\n  runbook upgrade-check 2026.7.1 2026.9.6")]
    UpgradeCheck(upgrade_check::Arguments),
    #[command(alias = "compose-config")]
    #[command(after_help = "Examples:\n  runbook config\n  runbook config --format json")]
    Config(config::Arguments),
    #[command(alias = "config-explain")]
    #[command(
        after_help = "Examples:\n  runbook explain openclaw-cli OPENCLAW_GATEWAY_TOKEN\n  runbook explain services.openclaw-gateway.image"
    )]
    Explain(explain::Arguments),
    #[command(alias = "diff-stacks")]
    #[command(after_help = "Example:\n  runbook diff ~/laptop/openclaw /srv/openclaw")]
    Diff(diff::Arguments),
    #[command(alias = "mask-evidence")]
    #[command(after_help = "Example:\n  runbook mask /srv/openclaw /tmp/for-a-colleague")]
    Mask(mask::Arguments),
    #[command(
        after_help = "Example:\n  runbook completions bash > ~/.local/share/bash-completion/completions/runbook"
    )]
    Completions(completions::Arguments),
    /// Print the JSON Schema of what `look --format json` prints
    #[command(after_help = "Example:\n  runbook schema > ticket.schema.json")]
    Schema,
    #[command(after_help = "Example:\n  runbook man fix | man -l -")]
    Man(man::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Look(arguments) => look::run(arguments),
            Self::Rehearse => look::rehearse(),
            Self::All(arguments) => all::run(arguments),
            Self::Align(arguments) => freeze::align(arguments),
            Self::PlanRotation(arguments) => freeze::plan_rotation(arguments),
            Self::Rotate(arguments) => freeze::rotate_token(arguments),
            Self::Undo(arguments) => undo::run(arguments),
            Self::Recover(arguments) => undo::recover(&arguments),
            Self::Supervise(arguments) => supervise::run(arguments),
            Self::UpgradeCheck(arguments) => upgrade_check::run(arguments),
            Self::Capture(arguments) => capture::run(arguments),
            Self::Fix(arguments) => fix::run(arguments),
            Self::Freeze(arguments) => freeze::run(arguments),
            Self::Sources(arguments) => sources::run(arguments),
            Self::Namespaces(arguments) => namespaces::run(arguments),
            Self::Pair(arguments) => pair::run(*arguments),
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
            Self::Schema => schema::run(),
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
