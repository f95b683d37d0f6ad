//! The five steps on a stack: each is shown with its command, asked for, done, and looked at again.
#![expect(clippy::disallowed_methods, reason = "it starts this very program again, and the ledger has times")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use openclaw_runbook::child::{self, Running};
use openclaw_runbook::containers::engine_is_here;
use openclaw_runbook::diagnose::{Examination, Options};
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::finding::{Code, Remedy, Safety, Severity};
use openclaw_runbook::gates::{Gate, Kind, State, Whom};
use openclaw_runbook::interrupt::heed;
use openclaw_runbook::project::{EngineFlags, Evidence, Project, ProjectFlags};
use openclaw_runbook::recovery::HalfDone;
use openclaw_runbook::render::{self, headline};
use openclaw_runbook::ticket::{Noted, Ticket};
use openclaw_runbook::{asking, errln, outln, output};
use openclaw_token::fs::{LedgerFile, transaction};
use openclaw_token::ledger::{Act, LedgerEntry};

use super::formats::Formats;
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
    /// Also take what a person should judge: such edits of `fix`, and the command of a remedy such as `chown`
    #[arg(long)]
    judgement: bool,
    /// The scopes that the client's commands need, separated by commas: it is made to ask for them, and gets no more
    #[arg(long, value_name = "SCOPES", default_value = "operator.pairing,operator.read")]
    scopes: String,
    #[command(flatten)]
    formats: Formats,
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
/// How many looks in a row have to find a cause before readiness for it to be more than the noise of a start.
const SURE: usize = 3;

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("runbook all: the system gives no means to wait: {error}");
            return ExitCode::from(2);
        }
    };
    if arguments.formats.is_json() {
        output::keep_for_document();
    }
    let walk = Walk { arguments, at: Cell::new("looking"), said: RefCell::default() };
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
    /// What was said of the stack last.
    said: RefCell<String>,
}

/// One step that a subcommand does.
struct Step {
    name: &'static str,
    title: &'static str,
    verb: &'static str,
    /// What makes the subcommand do it.
    carries_out: &'static [&'static str],
    /// The exit status by which the shown step says that there is something to do.
    left: i32,
}

const ALIGN: Step = Step {
    name: "freeze and align",
    title: "1 freeze, and 2 align: one token, written to every place in one step",
    verb: "align",
    carries_out: &["--yes"],
    left: 1,
};
const MEND: Step = Step {
    name: "namespace",
    title: "3 namespace: the client is put where it reaches the gateway, and what else files get wrong",
    verb: "fix",
    carries_out: &["--yes"],
    left: 1,
};
const PAIR: Step = Step {
    name: "pair",
    title: "4 pair: the client's own device is approved, with what it asked for",
    verb: "pair",
    carries_out: &["--run", "--yes"],
    left: 0,
};

/// A stack as it is now.
struct Now {
    examination: Examination,
    ticket: Ticket,
    /// Whether devices were listed for it.
    is_whole: bool,
}

impl Walk {
    async fn walk(&self) -> Result<ExitCode, String> {
        let mut now = self.look(true).await?;
        self.say(&now.ticket);
        let before = self.changes();
        if self.take(&ALIGN).await? {
            now = self.look_again().await?;
        }
        if now.ticket.findings.iter().any(is_mended_by_edits) && self.take(&MEND).await? {
            now = self.look_again().await?;
        }
        if (self.changes() > before || now.ticket.unanswered.is_some())
            && self.make_containers_again(&now).await?
        {
            now = self.until_ready().await?;
        }
        let mut known = BTreeSet::new();
        while let Some(remedy) = remedy(&now.ticket).filter(|remedy| known.insert(remedy.text.clone())) {
            if !self.carry_out(remedy, &now.examination).await? {
                break;
            }
            now = self.look(false).await?;
            if now.ticket.findings.iter().any(is_ended) {
                self.make_containers_again(&now).await?;
            }
            now = self.until_ready().await?;
        }
        let waits =
            now.examination.asked() && now.ticket.unanswered.is_none() && waits_for_pairing(&now.ticket);
        let is_paired = waits && self.take(&PAIR).await?;
        if waits && !self.arguments.dry_run || !now.is_whole {
            now = self.look(true).await?;
        }
        if is_paired {
            self.prove(&mut now);
        }
        self.at.set("probe");
        outln!("\n== 5 probe: who has a session now");
        output::print_page(&render::text(&now.ticket, colour(), width()));
        if self.arguments.formats.is_json() {
            output::print_json(&render::json(&now.ticket).map_err(|error| error.to_string())?);
        }
        Ok(ExitCode::from(now.ticket.exit))
    }

    /// The client's own command was answered, with the scopes that it needs.
    fn prove(&self, now: &mut Now) {
        let client = now.examination.reach(None, None).client;
        let mut case = now.examination.case.clone();
        for gate in [Gate::Upgrade, Gate::Pairing, Gate::Scopes, Gate::Session] {
            case.pass(gate, Whom::Client(client.clone()), "the client's own command was answered");
        }
        now.ticket = now.examination.ticket_of(&case, &self.arguments.stack.to_string_lossy(), &[]);
    }

    /// How many changes of files are on record.
    fn changes(&self) -> usize {
        let finished = transaction::finished(&self.arguments.stack).unwrap_or_default();
        finished.iter().filter(|receipt| !receipt.changed.is_empty()).count()
    }

    /// Shows a step, and does it where somebody wants that. True if it was done.
    async fn take(&self, step: &Step) -> Result<bool, String> {
        self.at.set(step.name);
        outln!("\n== {}", step.title);
        let shown = match step.left {
            // With its plan before it, and not twice what the vendor's commands take.
            0 if self.arguments.yes => 0,
            _ => self.runbook(step, &[]).await?,
        };
        if shown != step.left {
            if shown != 0 {
                outln!("  left to a person, as said above");
            }
            return Ok(false);
        }
        let flags = self.arguments.project.chosen(None);
        outln!("  $ runbook {} {flags}{}", step.verb, self.more(step, step.carries_out).join(" "));
        if !self.is_wanted("Do it?").await? {
            return Ok(false);
        }
        let code = self.runbook(step, step.carries_out).await?;
        self.note(&format!("{}, which ended with status {code}", step.name))?;
        Ok(code == 0)
    }

    /// The words behind a subcommand's name and the project's flags.
    fn more<'w>(&'w self, step: &Step, carries_out: &[&'w str]) -> Vec<&'w str> {
        let mut words = self.arguments.engine.words();
        match step.verb {
            "fix" if self.arguments.judgement => words.push("--judgement"),
            "pair" => words.extend(["--scopes", &self.arguments.scopes]),
            _ => {}
        }
        words.extend(carries_out);
        words
    }

    /// This program, in the stack's directory; its exit status.
    async fn runbook(&self, step: &Step, carries_out: &[&str]) -> Result<i32, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = child::command(program);
        command.arg(step.verb).args(self.arguments.project.words(None)).args(self.more(step, carries_out));
        ended(command.current_dir(&self.arguments.stack)).await
    }

    /// Containers hold the values with which they were made. True if they were made again.
    async fn make_containers_again(&self, now: &Now) -> Result<bool, String> {
        self.at.set("containers");
        outln!("\n== the containers are made again, with what the files say now");
        self.run(&now.examination, &now.examination.told("docker compose up -d --force-recreate")).await
    }

    /// What no edit mends: the commands that mend the first cause, where a machine may run them or a person said so. True if
    /// they were run.
    async fn carry_out(&self, remedy: &Remedy, examination: &Examination) -> Result<bool, String> {
        let command = remedy.command.as_deref().unwrap_or_default();
        self.at.set("remedy");
        outln!("\n== the first cause: {}", remedy.text);
        match remedy.safety {
            Safety::Safe => {}
            Safety::Judgement if self.arguments.judgement || !self.arguments.yes => {}
            _ => {
                command.lines().for_each(|line| outln!("  $ {line}"));
                outln!("  left to a person: --judgement decides for it beforehand");
                return Ok(false);
            }
        }
        self.run(examination, command).await
    }

    /// Shows the commands, a line each, and runs them in the stack's directory where somebody wants that.
    async fn run(&self, examination: &Examination, commands: &str) -> Result<bool, String> {
        commands.lines().for_each(|line| outln!("  $ {line}"));
        if !examination.asked() {
            outln!("  left to a person: no engine was asked");
            return Ok(false);
        }
        let commands = match simple(commands) {
            Ok(commands) => commands,
            Err(why) => {
                outln!("  left to a person: {why}");
                return Ok(false);
            }
        };
        if !self.is_wanted("Run it?").await? {
            return Ok(false);
        }
        for words in commands {
            let [program, arguments @ ..] = &words[..] else { continue };
            let mut command = child::command(program);
            let code = ended(command.args(arguments).current_dir(&self.arguments.stack)).await?;
            let line = words.join(" ");
            self.note(&format!("`{line}`, which ended with status {code}"))?;
            if code != 0 {
                return Err(format!("`{line}` ended with status {code}"));
            }
        }
        Ok(true)
    }

    /// Looks until the gateway is ready, or something is sure to keep it from that.
    async fn until_ready(&self) -> Result<Now, String> {
        let until = tokio::time::Instant::now() + UNTIL_READY;
        let mut shut = 0;
        loop {
            let now = self.look(false).await?;
            let readiness = now.ticket.row(Gate::Readiness).unwrap_or_default();
            let is_shut = now.ticket.first_cause.as_ref().is_some_and(|cause| cause.gate < Gate::Readiness);
            shut = if is_shut { shut + 1 } else { 0 };
            let is_ready = readiness.contains(&Some(State::Green));
            if is_ready || shut == SURE || tokio::time::Instant::now() >= until {
                self.say(&now.ticket);
                return Ok(now);
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

    /// Looks on a thread of its own: a signal is heard meanwhile. `is_whole` says whether devices are listed.
    async fn look(&self, is_whole: bool) -> Result<Now, String> {
        let Arguments { stack, project, engine, .. } = &self.arguments;
        // What was captured is of the time before the steps.
        let evidence = match engine.evidence(is_whole) {
            Evidence::AskedIfHere { devices } if engine_is_here() => Evidence::Asked { devices },
            evidence => evidence,
        };
        let options = Options { project: project.clone(), evidence, ..Options::default() };
        let stack = stack.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let examination = Examination::of(&stack, options).map_err(|error| with_sources(&error))?;
            let ticket = examination.ticket(&stack.to_string_lossy());
            Ok(Now { examination, ticket, is_whole })
        });
        looked.await.map_err(|error| error.to_string())?
    }

    /// After a step that changed files alone: the devices are as they were.
    async fn look_again(&self) -> Result<Now, String> {
        let now = self.look(false).await?;
        self.say(&now.ticket);
        Ok(now)
    }

    fn say(&self, ticket: &Ticket) {
        let line = format!("{}  {}", ticket.verdict.word(), headline(ticket));
        outln!("\nnow  {line}");
        self.said.replace(line);
    }

    fn note(&self, what: &str) -> Result<(), String> {
        let entry =
            LedgerEntry::new(SystemTime::now(), "runbook all", Act::Checked, format!("runbook all: {what}"));
        let ledger = LedgerFile::new(&self.arguments.stack);
        ledger.append(&entry).map(drop).map_err(|error| with_sources(&error))
    }

    /// Brings what was half done to one side, and says what comes next. No engine is asked: who stops it wants to go.
    fn say_where_it_stands(&self) {
        errln!("\nrunbook all: stopped in the step: {}", self.at.get());
        let Arguments { stack, project, .. } = &self.arguments;
        match Project::read(&project.clone().run_in(stack), Evidence::None) {
            Ok(found) => {
                let half_done = HalfDone::find(stack, &found.report.sources);
                match half_done.and_then(|half_done| half_done.settle(false)) {
                    Ok(done) => {
                        done.iter().for_each(|done| errln!("  {done}"));
                        errln!("  every file is whole");
                    }
                    Err(error) => errln!("  {}; `runbook recover` tries again", with_sources(&error)),
                }
            }
            Err(error) => errln!("  {}", with_sources(&error)),
        }
        let said = self.said.borrow();
        if !said.is_empty() {
            errln!("  when it was looked at last: {said}");
        }
        errln!("  `runbook all` goes on from there; `runbook undo` takes back the last change");
    }
}

/// Whether `fix` mends it without being told its code.
fn is_mended_by_edits(noted: &Noted) -> bool {
    noted.mend.is_some() && noted.finding.severity > Severity::Info
}

/// What mends the first cause, where that is a command and neither an edit nor a plan.
fn remedy(ticket: &Ticket) -> Option<&Remedy> {
    let cause = ticket.cause().filter(|cause| cause.mend.is_none() && cause.steps.is_empty())?;
    cause.finding.remedy.as_ref().filter(|remedy| remedy.command.is_some())
}

/// Whether it says that a container ended: it does not start by itself where what it ended over is mended.
fn is_ended(noted: &Noted) -> bool {
    noted.finding.code == Code::Compose(openclaw_compose::finding::Code::ContainerExited)
}

/// The words of commands that need no shell and nobody else's rights, in order.
fn simple(commands: &str) -> Result<Vec<Vec<String>>, &'static str> {
    if commands.contains(['|', '>', '<', ';', '$', '`', '~', '*']) {
        return Err("it needs a shell");
    }
    let mut all = Vec::new();
    for line in commands.lines() {
        let words = shlex::split(line).ok_or("it needs a shell")?;
        for command in words.split(|word| word == "&&") {
            let command = match command {
                [sudo, rest @ ..] if sudo == "sudo" && is_root() => rest,
                [sudo, ..] if sudo == "sudo" => return Err("only root may; then start this again"),
                command => command,
            };
            all.push(command.to_vec());
        }
    }
    Ok(all)
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// How a child ended, which shows what it says itself.
async fn ended(command: &mut tokio::process::Command) -> Result<i32, String> {
    let mut running =
        Running::start(command.stdout(output::of_child())).map_err(|error| error.to_string())?;
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
