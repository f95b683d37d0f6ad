//! Whoever sits at the terminal: is shown each step, asked, and written down in the ledger.

use std::time::{Duration, Instant, SystemTime};

use openclaw_pairing::execution::{Answer, Event, Executor, Question};
use openclaw_pairing::plan::CommandLine;
use openclaw_runbook::{asking, outln};
use openclaw_token::fs::LedgerFile;
use openclaw_token::ledger::{Act, LedgerEntry};

use super::Arguments;
use super::command::Runner;
use super::look::Look;

/// Runs a plan's commands, shows what comes, and writes each command with its answer into the ledger.
pub(super) struct Terminal<'a> {
    arguments: &'a Arguments,
    pub(super) runner: Runner,
    pub(super) ledger: LedgerFile,
    /// Time that a person took to answer, and that a step said to wait.
    pub(super) waited: Duration,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(arguments: &'a Arguments, runner: Runner) -> Self {
        Self { arguments, runner, ledger: LedgerFile::new(&arguments.root), waited: Duration::ZERO }
    }

    /// Writes down what a look ran.
    pub(super) fn heed(&self, look: &Look) -> Result<(), String> {
        if let Some(ended) = &look.dialled {
            self.write(Act::Checked, "dialled the gateway as the client", vec![ended.clone()])?;
        }
        look.ran.iter().try_for_each(|(command, answer)| self.write_down(Act::Checked, command, answer))
    }

    fn write_down(&self, act: Act, command: &CommandLine, answer: &Answer) -> Result<(), String> {
        self.write(act, &command.to_string(), answer.summary())
    }

    fn write(&self, act: Act, what: &str, evidence: Vec<String>) -> Result<(), String> {
        let mut entry = LedgerEntry::new(SystemTime::now(), &self.arguments.by, act, what);
        if let Some(ticket) = &self.arguments.ticket {
            entry = entry.ticket(ticket);
        }
        for line in evidence {
            entry = entry.evidence(line);
        }
        self.ledger.append(&entry).map(drop).map_err(|error| error.to_string())
    }
}

impl Executor for Terminal<'_> {
    type Error = String;

    async fn run(&mut self, command: &CommandLine) -> Answer {
        self.runner.run(command).await
    }

    async fn ask(&mut self, question: Question) -> Result<bool, String> {
        let question = match question {
            Question::Run => "Run it?",
            Question::LetIn => "Let it in?",
            _ => "Is it done?",
        };
        let started = Instant::now();
        let answer = asking::says_yes(question).await.map_err(|error| error.to_string())?;
        self.waited += started.elapsed();
        Ok(answer)
    }

    async fn wait(&mut self, time: Duration) {
        self.waited += time;
        tokio::time::sleep(time).await;
    }

    fn note(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Step { number, of, step } => outln!("\nStep {number} of {of}: {}", step.text),
            Event::Next(command) => outln!("  $ {command}"),
            Event::Listed(command, answer) => self.write_down(Act::Checked, command, answer)?,
            Event::Ran(command, answer) => {
                self.write_down(Act::Checked, command, answer)?;
                show(answer);
            }
            Event::Decided(command, answer) => {
                self.write_down(Act::Approved, command, answer)?;
                show(answer);
            }
            Event::Waits(time, step) => {
                let what = format!("waited {} s: {}", time.as_secs(), step.text);
                self.write(Act::Checked, &what, Vec::new())?;
            }
            Event::OfAPerson(step) => outln!("  A person does this. Afterwards: {}.", step.expect),
            Event::LeftToAPerson { device } => {
                outln!("  Left to a person: to let this device in, name it with --device {device}");
            }
            Event::NotGranted => outln!("  Nothing was granted."),
            Event::Unresolved(error) => outln!("  {error}"),
            Event::Unexpected(step) => outln!("  This is not what the step should show: {}", step.expect),
            Event::RestIsLeft => outln!("  The steps after it need this one, so they were left as well."),
            _ => {}
        }
        Ok(())
    }
}

/// Says what came.
fn show(answer: &Answer) {
    outln!("  {}", answer.summary().join(", "));
    if answer.is_mute() && !answer.stdout.trim().is_empty() {
        // It may hold anything, so it is for a person's own terminal.
        outln!(
            "  {} lines that say nothing known here: run it by hand to read them",
            answer.stdout.lines().count()
        );
    }
    if !answer.is_its_own() {
        outln!("  {}", answer.stderr.trim());
    }
}
