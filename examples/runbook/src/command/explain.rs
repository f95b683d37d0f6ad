//! Explains one value: what decided it, what it shadows, with the source lines underlined.

use std::process::ExitCode;

use clap::Args;
use openclaw_compose::project::{Dialect, Explanation};
use openclaw_runbook::output::{self, Stream};
use openclaw_runbook::project::{Evidence, Project, ProjectFlags};
use openclaw_runbook::{err, errln, explanation};
use serde::Serialize;

use super::formats::Formats;

/// Say what decided a value of a Compose project.
///
/// A value is named by its path (`services.gateway.image`, `name`), by a service and a variable of its container
/// (`gateway OPENCLAW_GATEWAY_TOKEN`), or as a variable of the project (`'$TOKEN'`). Shown are values of a few names, as far as
/// they look like one; the rest is masked.
///
/// Exit status: 0 told; 1 there is no such value, or the flags are wrong.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectFlags,
    /// Print values that are not known to be harmless; they are masked otherwise
    #[arg(long)]
    show_secrets: bool,
    #[command(flatten)]
    formats: Formats,
    /// Colours: they are used where the terminal is one, unless this says never
    #[arg(long)]
    no_color: bool,
    /// A path, a service, or `$NAME`
    what: String,
    /// A variable of the service's container
    variable: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let project = match Project::read(&arguments.project, Evidence::None) {
        Ok(project) => project,
        Err(error) => {
            errln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let resolution = &project.resolution;
    for unknown in arguments.project.unknown_profiles(resolution) {
        errln!("{unknown}");
    }
    let told = match (&arguments.variable, arguments.what.strip_prefix('$')) {
        (Some(name), _) => resolution.env(&arguments.what, name),
        (None, Some(name)) => resolution.variable(name.trim_matches(['{', '}'])),
        (None, None) => resolution.explain(&arguments.what),
    };
    let Some(told) = told else {
        err!("{}", explanation::unknown(resolution, &arguments.what, arguments.variable.as_deref()));
        return ExitCode::FAILURE;
    };
    let printed = if arguments.formats.is_json() {
        let report = Report { dialect: resolution.dialect(), told: &told };
        match serde_json::to_string_pretty(&report) {
            Ok(text) => output::try_print_json(&(text + "\n")),
            Err(error) => {
                errln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    } else {
        let plain = arguments.no_color || !Stream::Out.is_terminal();
        let style = if plain { explanation::Style::Plain } else { explanation::Style::Coloured };
        let page = explanation::render(resolution, &told, arguments.show_secrets, style);
        match arguments.show_secrets {
            true => output::try_print_with_secrets(&page),
            false => output::try_print_page(&page),
        }
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The explanation as JSON.
#[derive(Serialize)]
struct Report<'t> {
    dialect: Dialect,
    #[serde(flatten)]
    told: &'t Explanation,
}
