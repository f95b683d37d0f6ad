//! The five steps on a stack: each is shown with its command, asked for, done, and looked at again.
#![expect(clippy::disallowed_methods, reason = "it starts this very program again, and the ledger has times")]

use std::cell::Cell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use openclaw_runbook::child::{self, Running};
use openclaw_runbook::containers::engine_is_here;
use openclaw_runbook::diagnose::{Examination, Options};
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::finding::Severity;
use openclaw_runbook::gates::{Gate, Kind, State};
use openclaw_runbook::interrupt::heed;
use openclaw_runbook::project::{EngineFlags, Evidence, ProjectFlags};
use openclaw_runbook::recovery::HalfDone;
use openclaw_runbook::render::{self, headline};
use openclaw_runbook::ticket::{Ticket, Verdict};
use openclaw_runbook::{asking, errln, outln, output};
use openclaw_token::fs::{LedgerFile, transaction};
use openclaw_token::ledger::{Act, LedgerEntry};

use super::look::{colour, width};

/// Walk the five steps: freeze and align the token, put the client where it reaches the gateway, pair its device, and look
/// whether it has its session. Each step is shown with its diff and its command, asked for, done, and looked at again.
///
/// What a step does, its own command does: this only calls them in order, in the stack's directory. Nobody is let in but the
/// client's own device, with no more than it asked for. Where it ends without a session, the ticket says who must act.
#[derive(Args)]
#[command(after_help = EXIT)]
pub(crate) struct Arguments {
    /// Directory of the stack
    #[arg(default_value = ".")]
    stack: PathBuf,
    #[command(flatten)]
    project: ProjectFlags,
    #[command(flatten)]
    engine: EngineFlags,
    /// Show each step, and do none
    #[arg(long)]
    dry_run: bool,
    /// Ask nothing
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

const EXIT: &str = "\
Examples:
  runbook all --dry-run
  runbook all --yes /srv/openclaw

Exit status:
  0  the client has its session
  1  a gate is red still: the ticket says who must act
  2  the call, or the Compose project itself, cannot be read; or a step failed
  3  no gate is red, but nobody saw the session
  130, 143  stopped: every file is whole, and it is said where it stands";

/// How long a gateway may take to get ready once its container was made again.
const UNTIL_READY: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("runbook all: the system gives no means to wait: {error}");
            return ExitCode::from(2);
        }
    };
    let walk = Walk { arguments, at: Cell::new("looking") };
    let ended = runtime.block_on(heed(walk.walk()));
    runtime.shutdown_background();
    match ended {
        Ok(Ok(code)) => code,
        Ok(Err(why)) => {
            errln!("runbook all: {}: {why}", walk.at.get());
            ExitCode::from(2)
        }
        Err(interrupted) => {
            walk.say_where_it_stands();
            interrupted.exit_code()
        }
    }
}

struct Walk {
    arguments: Arguments,
    /// The step that is being done.
    at: Cell<&'static str>,
}

/// One step that a subcommand does.
struct Step {
    name: &'static str,
    title: &'static str,
    verb: &'static [&'static str],
    /// What makes the subcommand do it.
    carries_out: &'static [&'static str],
}

const ALIGN: Step = Step {
    name: "freeze and align",
    title: "1 freeze, and 2 align: one token, written to every place in one step",
    verb: &["align"],
    carries_out: &["--yes"],
};
const MEND: Step = Step {
    name: "namespace",
    title: "3 namespace: the client is put where it reaches the gateway, and what else files get wrong",
    verb: &["fix"],
    carries_out: &["--yes"],
};
const PAIR: Step = Step {
    name: "pair",
    title: "4 pair: the client's own device is approved, with what it asked for",
    verb: &["pair"],
    carries_out: &["--run", "--yes"],
};

impl Walk {
    async fn walk(&self) -> Result<ExitCode, String> {
        let (examination, ticket) = self.look()?;
        self.say(&ticket);
        let before = self.changes();
        self.take(&ALIGN, 1).await?;
        if self
            .look()?
            .1
            .findings
            .iter()
            .any(|noted| noted.mend.is_some() && noted.finding.severity > Severity::Info)
        {
            self.take(&MEND, 1).await?;
        }
        if self.changes() > before || ticket.unanswered.is_some() {
            self.make_containers_again(&examination).await?;
        }
        let (examination, ticket) = self.look()?;
        let mut has_session = false;
        if examination.asked() && waits_for_pairing(&ticket) {
            has_session = self.take(&PAIR, 0).await?;
        }
        self.at.set("probe");
        outln!("\n== 5 probe: who has a session now");
        let (_, ticket) = self.look()?;
        output::print_page(&render::text(&ticket, colour(), width()));
        if has_session && ticket.verdict != Verdict::Red {
            outln!("\nThe client has its session: its own command was answered.");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(ExitCode::from(ticket.exit))
    }

    /// How many changes of files are on record.
    fn changes(&self) -> usize {
        let finished = transaction::finished(&self.arguments.stack).unwrap_or_default();
        finished.iter().filter(|receipt| !receipt.changed.is_empty()).count()
    }

    /// Shows a step, and does it where somebody wants that. True if it was done. `left`: the exit status by which the shown
    /// step says that there is something to do.
    async fn take(&self, step: &Step, left: i32) -> Result<bool, String> {
        self.at.set(step.name);
        outln!("\n== {}", step.title);
        let shown = self.runbook(step.verb, &[]).await?;
        if shown != left {
            if shown != 0 {
                outln!("  left to a person, as said above");
            }
            return Ok(false);
        }
        let words: Vec<&str> = step.verb.iter().chain(step.carries_out).copied().collect();
        outln!("  $ runbook {}{}", self.arguments.project.chosen(None), words.join(" "));
        if !self.is_wanted("Do it?").await? {
            return Ok(false);
        }
        let code = self.runbook(step.verb, step.carries_out).await?;
        self.note(step, code)?;
        self.say(&self.look()?.1);
        Ok(code == 0)
    }

    /// Containers hold the values with which they were made.
    async fn make_containers_again(&self, examination: &Examination) -> Result<(), String> {
        self.at.set("containers");
        outln!("\n== the containers are made again, with what the files say now");
        let command = examination.told("docker compose up -d --force-recreate");
        outln!("  $ {command}");
        if !examination.asked() {
            outln!("  left to a person: no engine was asked");
            return Ok(());
        }
        if !self.is_wanted("Run it?").await? {
            return Ok(());
        }
        let words = shlex::split(&command).unwrap_or_default();
        let Some((program, words)) = words.split_first() else { return Ok(()) };
        let mut docker = child::command(program);
        docker.args(words).current_dir(&self.arguments.stack);
        match ended(&mut docker).await? {
            0 => {}
            code => return Err(format!("`{command}` ended with status {code}")),
        }
        let until = tokio::time::Instant::now() + UNTIL_READY;
        loop {
            let (_, ticket) = self.look()?;
            let readiness = ticket.row(Gate::Readiness).unwrap_or_default();
            if readiness.contains(&Some(State::Green)) || tokio::time::Instant::now() >= until {
                self.say(&ticket);
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn is_wanted(&self, question: &str) -> Result<bool, String> {
        if self.arguments.dry_run {
            outln!("  not done: --dry-run");
            return Ok(false);
        }
        if self.arguments.yes {
            return Ok(true);
        }
        asking::says_yes(question).await.map_err(|error| error.to_string())
    }

    /// This program, in the stack's directory; its exit status.
    async fn runbook(&self, verb: &[&str], more: &[&str]) -> Result<i32, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = child::command(program);
        command
            .args(verb)
            .args(self.arguments.project.words(None))
            .args(more)
            .current_dir(&self.arguments.stack);
        ended(&mut command).await
    }

    fn look(&self) -> Result<(Examination, Ticket), String> {
        let Arguments { stack, project, engine, .. } = &self.arguments;
        // What was captured is of the time before the steps.
        let evidence = match engine.evidence(true) {
            Evidence::AskedIfHere { devices } if engine_is_here() => Evidence::Asked { devices },
            evidence => evidence,
        };
        let options = Options { project: project.clone(), evidence, ..Options::default() };
        let examination = Examination::of(stack, options).map_err(|error| with_sources(&error))?;
        let ticket = examination.ticket(&stack.to_string_lossy());
        Ok((examination, ticket))
    }

    fn say(&self, ticket: &Ticket) {
        outln!("\nnow  {}  {}", ticket.verdict.word(), headline(ticket));
    }

    fn note(&self, step: &Step, code: i32) -> Result<(), String> {
        let what = format!("runbook all: {}, which ended with status {code}", step.name);
        let entry = LedgerEntry::new(SystemTime::now(), "runbook all", Act::Checked, what);
        let ledger = LedgerFile::new(&self.arguments.stack);
        ledger.append(&entry).map(drop).map_err(|error| with_sources(&error))
    }

    /// Brings what was half done to one side, and says what comes next.
    fn say_where_it_stands(&self) {
        errln!("\nrunbook all: stopped in the step: {}", self.at.get());
        match self.look() {
            Ok((examination, ticket)) => {
                let half_done = HalfDone::find(&self.arguments.stack, examination.sources());
                match half_done.and_then(|half_done| half_done.settle(false)) {
                    Ok(done) => done.iter().for_each(|done| errln!("  {done}")),
                    Err(error) => errln!("  {}; `runbook recover` tries again", with_sources(&error)),
                }
                errln!("  every file is whole; {}  {}", ticket.verdict.word(), headline(&ticket));
            }
            Err(error) => errln!("  {error}"),
        }
        errln!("  `runbook all` goes on from there; `runbook undo` takes back the last change");
    }
}

/// How a child ended, which shows what it says itself.
async fn ended(command: &mut tokio::process::Command) -> Result<i32, String> {
    let mut running = Running::start(command).map_err(|error| error.to_string())?;
    let status = running.wait().await.map_err(|error| error.to_string())?;
    status.code().ok_or_else(|| "it was ended by a signal".to_owned())
}

/// Whether a service of the stack is not seen to be paired, with its scopes.
fn waits_for_pairing(ticket: &Ticket) -> bool {
    let services = ticket.clients.iter().filter(|client| client.client.kind == Kind::Service);
    let mut gates = services.flat_map(|client| &client.gates);
    gates.any(|status| {
        matches!(status.gate, Gate::Pairing | Gate::Scopes)
            && matches!(status.state, State::Red | State::Unknown)
    })
}
