//! Two Compose projects side by side: what differs, and which lines decided it on each side.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use openclaw_compose::finding::{Code, Finding};
use openclaw_compose::project::{self, Change, Explanation, Inputs, Resolution};
use openclaw_runbook::errln;
use openclaw_runbook::output::{self, Stream};
use openclaw_runbook::project::{ProjectFlags, Unreadable, disk, is_unread};

use super::formats::Formats;

/// Compare two Compose projects: laptop against server, yesterday against today, file against file.
///
/// Each side is a directory, or a Compose file. What is not known to be harmless is said to differ, never shown.
///
/// Exit status: 0 the same; 1 different; 2 a side cannot be read, in whole or in part, whatever else differs.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A project's directory, or a Compose file
    left: String,
    /// The other project's directory, or the other Compose file
    right: String,
    /// Switch a profile on, on both sides; `*` enables all
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Leave the shell's variables out, so that only files decide
    #[arg(long)]
    no_shell: bool,
    /// Follow links that lead out of a project, or out of a directory that it mounts, as Docker does
    #[arg(long)]
    follow_links: bool,
    /// Show values that are the same, but come from different places
    #[arg(long)]
    moved: bool,
    #[command(flatten)]
    formats: Formats,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let sides = [&arguments.left, &arguments.right].map(|side| inputs(side, &arguments));
    let (left, right) = match sides {
        [Ok(left), Ok(right)] => (left, right),
        [Err(error), _] | [_, Err(error)] => {
            errln!("{error}");
            return ExitCode::from(2);
        }
    };
    let disk = disk(arguments.follow_links);
    let (left, right) = (project::resolve(&left, &disk), project::resolve(&right, &disk));
    output::hide([&left, &right].into_iter().flat_map(|resolution| resolution.secrets().iter()));
    for (side, resolution) in [(&arguments.left, &left), (&arguments.right, &right)] {
        warn(side, resolution);
    }
    if [&left, &right].into_iter().any(is_missing) {
        return ExitCode::from(2);
    }
    let unread = [&left, &right].into_iter().any(|side| side.findings().iter().any(is_unknown));
    let compared = left.compare(&right);
    let printed = if arguments.formats.is_json() {
        match serde_json::to_string_pretty(&compared) {
            Ok(text) => output::try_print_json(&(text + "\n")),
            Err(error) => {
                errln!("{error}");
                return ExitCode::from(2);
            }
        }
    } else {
        let mut text = format!("both read as {}\n", left.dialect());
        for difference in &compared.differences {
            show(&difference.path, &difference.change, arguments.moved, &mut text);
        }
        match (compared.is_same(), unread) {
            (true, false) => text.push_str("no value differs\n"),
            (true, true) => text.push_str("no value that was read differs\n"),
            (false, _) => {}
        }
        output::try_print(Stream::Out, &text)
    };
    if let Err(error) = printed {
        errln!("{error}");
        return ExitCode::from(2);
    }
    match (unread, compared.is_same()) {
        (true, _) => ExitCode::from(2),
        (false, is_same) => ExitCode::from(u8::from(!is_same)),
    }
}

/// True where there is no project at all to compare.
fn is_missing(resolution: &Resolution) -> bool {
    let missing = |code| matches!(code, Code::NoComposeFile | Code::FileNotFound);
    resolution
        .compose_would_refuse()
        .is_some_and(|refusal| missing(refusal.finding.code) && refusal.finding.primary().is_none())
}

/// True for a finding that says: a part of the project is not known. What an env file would set that is not there is such.
fn is_unknown(finding: &Finding) -> bool {
    is_unread(finding) || finding.code == Code::EnvFileMissing
}

fn inputs(side: &str, arguments: &Arguments) -> Result<Inputs, Unreadable> {
    let mut flags = ProjectFlags { profiles: arguments.profiles.clone(), ..ProjectFlags::default() };
    match Path::new(side) {
        directory if directory.is_dir() => flags = flags.run_in(directory),
        _ => flags.files = vec![side.to_owned()],
    }
    let mut inputs = flags.inputs()?;
    if arguments.no_shell {
        inputs.shell.retain(|name, _| name == "HOME");
    }
    Ok(inputs)
}

/// What makes the comparison one of less than the whole.
fn warn(side: &str, resolution: &Resolution) {
    let said = |finding: &Finding| {
        let place = finding.primary().map(|place| format!("{place}: ")).unwrap_or_default();
        format!("{place}{finding}")
    };
    let refusal = resolution.compose_would_refuse().map(|refusal| said(&refusal.finding));
    let unknown = resolution.findings().iter().filter(|finding| is_unknown(finding)).map(said);
    for unknown in unknown.filter(|unknown| refusal.as_ref() != Some(unknown)) {
        errln!("{side}: {unknown}");
    }
    if let Some(refusal) = refusal {
        errln!("{side}: Compose refuses this project: {refusal}");
    }
}

fn show(path: &str, change: &Change, moved: bool, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match change {
        Change::Added { right } => writeln!(out, "+ {path} = {}\n    {right}", shown(right)),
        Change::Removed { left } => writeln!(out, "- {path} = {}\n    {left}", shown(left)),
        Change::Changed { left, right } if left.secret || right.secret => {
            writeln!(out, "~ {path} (secret, not the same)\n  - {left}\n  + {right}")
        }
        Change::Changed { left, right } if left.shown().is_some() && left.shown() == right.shown() => {
            writeln!(out, "~ {path} (masked, not the same)\n  - {left}\n  + {right}")
        }
        Change::Changed { left, right } => {
            writeln!(out, "~ {path}\n  - {}\n    {left}\n  + {}\n    {right}", shown(left), shown(right))
        }
        Change::Moved { left, right } if moved => {
            writeln!(out, "= {path} = {}\n  - {left}\n  + {right}", shown(left))
        }
        _ => Ok(()),
    };
}

fn shown(told: &Explanation) -> String {
    told.shown().map_or_else(|| told.kind.to_owned(), |value| format!("{value:?}"))
}
