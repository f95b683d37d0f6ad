//! What an upgrade of OpenClaw changes about authentication and reach.

use std::process::ExitCode;

use clap::Args;
use openclaw_compose::openclaw::Version;
use openclaw_compose::openclaw::rules::changes_between;
use openclaw_runbook::{outln, output};

use super::formats::Formats;

/// Say what changes about authentication and reach between two releases of OpenClaw, oldest first, with its source: read it
/// before the upgrade, approve what will ask for approval while the old gateway still runs, and keep a copy of the state.
///
/// Exit status: 0 nothing changes; 1 something does, to be read first; 2 the call cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The release that runs, such as 2026.7.1
    old: Version,
    /// The release that is planned; where it is the older one, what is taken back is listed
    new: Version,
    #[command(flatten)]
    formats: Formats,
}

pub(crate) fn run(Arguments { old, new, formats }: Arguments) -> ExitCode {
    let changes: Vec<_> = changes_between(old, new).collect();
    if formats.is_json() {
        let rows = changes.iter().map(|change| {
            serde_json::json!({ "since": change.since.to_string(), "what": change.what, "source": change.citation })
        });
        output::print_json(&format!("{:#}\n", serde_json::Value::from_iter(rows)));
    } else {
        let direction = if old <= new { "brings" } else { "takes back" };
        outln!("{old} to {new} {direction} {} changes of authentication and reach", changes.len());
        for change in &changes {
            outln!("  {:<10} {}\n             ({})", change.since, change.what, change.citation);
        }
    }
    ExitCode::from(u8::from(!changes.is_empty()))
}
