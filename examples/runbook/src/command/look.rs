//! A real stack in, one ticket out. Without a stack: a rehearsal of the whole runbook on a bundled broken one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use openclaw_compose::project::FILE_NAMES;
use openclaw_runbook::comparison::{Comparison, Earlier};
use openclaw_runbook::diagnose::{Examination, Options};
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::gates::Gate;
use openclaw_runbook::instant::Instant;
use openclaw_runbook::output::{self, Stream};
use openclaw_runbook::post::{PostError, Webhook};
use openclaw_runbook::project::{EngineFlags, ProjectFlags};
use openclaw_runbook::rehearsal;
use openclaw_runbook::render::{self, Colour};
use openclaw_runbook::ticket::Ticket;
use openclaw_runbook::{errln, interrupt, out, reading};

/// Says which of OpenClaw's gateway troubles a Compose stack has, which line decided it, and the next safe step.
///
/// Reads the stack's files, and asks the engine that runs its containers where one is here, or else reads what was captured
/// of it. Writes, starts and changes nothing, and asks no network but with --post.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Directory of the Compose stack. Without it, the current one where it holds a Compose file; elsewhere the whole runbook is
    /// rehearsed on a bundled broken stack
    stack: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectFlags,
    /// How the ticket is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print a picture of the stack instead: who reaches whom, and where it breaks
    #[arg(long, conflicts_with = "format")]
    picture: bool,
    /// Print instead what changed since an earlier ticket, which --format json printed: as text or JSON
    #[arg(long, value_name = "OLD.json", conflicts_with = "picture")]
    compare: Option<PathBuf>,
    /// Time of the diagnosis, for the ticket and for telling expired requests, such as 2026-11-22T06:30:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Instant>,
    /// Name of the host, for the ticket
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Ask that every gate up to this one was observed green
    #[arg(long, value_name = "GATE")]
    through: Option<Gate>,
    #[command(flatten)]
    engine: EngineFlags,
    /// Run nothing in a container, so that no devices are listed
    #[arg(long)]
    no_exec: bool,
    /// Also send the ticket, as JSON, to this webhook: three attempts of ten seconds; status 2 where it is not taken
    #[arg(long, value_name = "URL", value_parser = webhook)]
    post: Option<Webhook>,
}

/// What the exit status means; both helps say it.
macro_rules! exit_status {
    () => {
        "\
Examples:
  runbook
  runbook /srv/openclaw --format html
  runbook look -f prod.yaml --host-files --through session

Exit status:
  0  every gate up to the authenticated session was observed green for the clients
     of the stack; with --through GATE, every gate up to that one for every client
  1  some gate is red
  2  the call, or the Compose project itself, cannot be read
  3  no gate is red, but not every gate was observed, or an error stands beside them
  74 standard output could not be written, such as on a full disk; so ends every subcommand
     that has no status of its own for it"
    };
}

pub(crate) const EXIT: &str = exit_status!();

pub(crate) const MORE: &str = concat!(
    exit_status!(),
    "

Gates, in causal order:
  state, listener, published, reach, liveness, startup, readiness, upgrade,
  origin, auth, pairing, scopes, session

Evidence, each file optional, in captured/ beside the compose file:
  inspect.json          docker inspect $(docker compose ps -aq)
  logs/SERVICE.log      docker compose logs --no-log-prefix SERVICE
  devices/SERVICE.json  docker compose exec -T SERVICE openclaw devices list --json
  ownership.txt         find . -exec ls -ldn {} +
  engine.json           docker info --format '{{json .}}'
  idmap.txt             docker compose exec -T SERVICE cat /proc/self/uid_map
  launchd/LABEL.plist   a copy from ~/Library/LaunchAgents or /Library/LaunchDaemons
  launchd/LABEL.print.txt  launchctl print gui/$(id -u)/LABEL, or system/LABEL
  systemd/UNIT.service  systemctl cat UNIT
  systemd/UNIT.container  a copy of Podman's quadlet
Where none of it is there and an engine is, it is asked for the first and the fifth, for
the logs since each container's last start, for the owners and for openclaw.json inside
the containers, and the devices are listed by that command, unless --no-exec is given.
With --docker it is asked in any case, with --host-files never.
inspect.json holds the token, a plist or a unit may: they are read, never shown, and
should not leave the machine.

Colour is used on a terminal only, and not if NO_COLOR is set. Time and host are
arguments: the same input gives the same bytes."
);

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a machine; `schema` names the shape
    Json,
    /// For an issue tracker
    Markdown,
    /// For a browser: one page with a picture of the stack, which loads nothing
    Html,
    /// For code scanning: the findings beside their lines, as SARIF 2.1.0
    Sarif,
    /// For a pipeline: a test case for each gate of each client
    Junit,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let Some(stack) = arguments.stack.clone().or_else(|| here(&arguments)) else {
        if arguments.engine.docker || arguments.project.follow_links || arguments.post.is_some() {
            errln!("runbook: no Compose file is here; give the directory that holds one");
            return ExitCode::from(2);
        }
        return rehearse();
    };
    let earlier = match arguments.compare.as_deref().map(|path| earlier(path, arguments.format)).transpose() {
        Ok(earlier) => earlier,
        Err(why) => {
            errln!("runbook: {why}");
            return ExitCode::from(2);
        }
    };
    let options = Options {
        project: arguments.project,
        at: arguments.at,
        host: arguments.hostname,
        through: arguments.through,
        evidence: arguments.engine.evidence(!arguments.no_exec),
    };
    let examination = match Examination::of(&stack, options) {
        Ok(examination) => examination,
        Err(unreadable) => {
            errln!("runbook: {unreadable}");
            return ExitCode::from(2);
        }
    };
    let ticket = examination.ticket(&stack.to_string_lossy());
    let comparison = earlier.map(|earlier| Comparison::new(&earlier, &ticket));
    match arguments.format {
        _ if arguments.picture => out!("{}", render::picture(&ticket)),
        Format::Text if comparison.is_some() => {
            comparison.iter().for_each(|comparison| output::print_page(&comparison.text()));
        }
        Format::Text => output::print_page(&render::text(&ticket, colour(), width())),
        Format::Markdown => out!("{}", render::markdown(&ticket)),
        Format::Html => out!("{}", render::html(&ticket, examination.lanes().as_ref())),
        Format::Junit => out!("{}", render::junit(&ticket)),
        Format::Json | Format::Sarif => {
            let is_sarif = matches!(arguments.format, Format::Sarif);
            match match &comparison {
                Some(comparison) => serde_json::to_string_pretty(comparison).map(|page| page + "\n"),
                None if is_sarif => render::sarif(&ticket),
                None => render::json(&ticket),
            } {
                Ok(page) => output::print_json(&page),
                Err(error) => {
                    errln!("runbook: the ticket cannot be written as JSON: {error}");
                    return ExitCode::from(2);
                }
            }
        }
    }
    if let Some(webhook) = arguments.post
        && let Err(error) = send(&webhook, &ticket)
    {
        errln!("runbook: the ticket was not posted: {error}");
        return ExitCode::from(2);
    }
    ExitCode::from(ticket.exit)
}

/// All five steps, on the bundled stack.
pub(crate) fn rehearse() -> ExitCode {
    rehearsal::run(colour(), width())
}

/// The current directory, where it holds a Compose project or is said to.
fn here(arguments: &Arguments) -> Option<PathBuf> {
    let is_project =
        !arguments.project.files.is_empty() || FILE_NAMES.iter().any(|name| Path::new(name).exists());
    is_project.then(|| PathBuf::from("."))
}

/// The ticket to compare with.
fn earlier(path: &Path, format: Format) -> Result<Earlier, String> {
    if !matches!(format, Format::Text | Format::Json) {
        return Err("--compare prints text or JSON".to_owned());
    }
    let text = reading::text(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Earlier::read(&text).map_err(|error| format!("{} {error}", path.display()))
}

/// The address is hidden before anything is said: who knows that of a webhook may write to it.
fn webhook(url: &str) -> Result<Webhook, PostError> {
    output::hide([url.into()]);
    Webhook::new(url.into())
}

/// Sends what `--format json` prints.
fn send(webhook: &Webhook, ticket: &Ticket) -> Result<(), String> {
    let page = render::json(ticket).map_err(|error| error.to_string())?;
    let sent = interrupt::wait(webhook.send(&output::json(&page))).map_err(|error| error.to_string())?;
    sent.map_err(|error| with_sources(&error))
}

/// The width of the terminal, so that the same input gives the same bytes everywhere else.
pub(super) fn width() -> usize {
    Stream::Out.columns().unwrap_or(render::WIDTH)
}

/// Colour on a terminal, unless `NO_COLOR` is set to anything.
#[expect(clippy::disallowed_methods, reason = "NO_COLOR is an agreement about the environment")]
pub(crate) fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && Stream::Out.is_terminal() { Colour::On } else { Colour::Off }
}
