//! The one that acts: asks, runs, checks, writes down.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::time::{Duration, Instant, SystemTime};

use openclaw_pairing::Safety;
use openclaw_pairing::plan::{Action, Check, CommandLine, Plan, Step};
use openclaw_pairing::{DeviceList, PendingRequest};
use openclaw_runbook::{out, outln};
use openclaw_token::fs::LedgerFile;
use openclaw_token::ledger::{Act, Entry};

use super::Arguments;
use super::command::{Answer, Runner};
use super::look::Look;

/// More than a person types for yes or no, in bytes.
const LONGEST_ANSWER: u64 = 1024;

/// How carrying out a plan went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// Every step showed what it should.
    Out,
    /// The rest is a person's decision.
    LeftToAPerson,
    /// A step did not show what it should: look again.
    Unexpected,
}

/// How one step went.
enum Shown {
    Expected,
    /// Someone else's matter, or one that can wait: the next steps make sense without it.
    LeftToAPerson,
    /// The next steps make no sense without it.
    Declined,
    Unexpected,
}

/// Carries plans out, and writes each command with its answer into the ledger.
pub(super) struct Hand<'a> {
    arguments: &'a Arguments,
    pub(super) ledger: LedgerFile,
    /// Time that a person took to answer, and that a step said to wait.
    pub(super) waited: Duration,
    own: Option<String>,
    /// The request that the client was last told of.
    told: Option<String>,
    /// The last command and its answer.
    last: Option<(CommandLine, Answer)>,
    /// What the gateway answered to a decision that failed: evidence that no later look can take.
    pub(super) refused: Option<Answer>,
}

impl<'a> Hand<'a> {
    pub(super) fn new(arguments: &'a Arguments) -> Self {
        let ledger = LedgerFile::new(&arguments.root);
        let own = arguments.device.clone();
        Self { arguments, ledger, waited: Duration::ZERO, own, told: None, last: None, refused: None }
    }

    /// Takes note of what a look found out, and writes its commands down.
    pub(super) fn heed(&mut self, look: &Look) -> Result<(), String> {
        self.own.clone_from(&look.own);
        if let Some(ended) = &look.dialled {
            self.note(Act::Checked, "dialled the gateway as the client", vec![ended.clone()])?;
        }
        look.ran.iter().try_for_each(|(command, answer)| self.write_down(Act::Checked, command, answer))
    }

    pub(super) async fn carry_out(&mut self, plan: &Plan, runner: &mut Runner) -> Result<Carried, String> {
        let mut carried = Carried::Out;
        for (index, step) in plan.steps.iter().enumerate() {
            outln!("\nStep {} of {}: {}", index + 1, plan.steps.len(), step.text);
            match self.step(step, runner).await? {
                // Who is let in now has no decision left to wait for.
                Shown::Expected if step.check == Check::ExitsZero => carried = Carried::Out,
                Shown::Expected => {}
                Shown::LeftToAPerson => carried = Carried::LeftToAPerson,
                Shown::Declined => {
                    outln!("  The steps after it need this one, so they were left as well.");
                    return Ok(Carried::LeftToAPerson);
                }
                Shown::Unexpected => {
                    outln!("  This is not what the step should show: {}", step.expect);
                    return Ok(Carried::Unexpected);
                }
            }
        }
        Ok(carried)
    }

    async fn step(&mut self, step: &Step, runner: &mut Runner) -> Result<Shown, String> {
        match &step.action {
            Action::Run { command } => {
                outln!("  $ {command}");
                if step.safety != Safety::Safe && !self.agrees("Run it?").await? {
                    return Ok(Shown::Declined);
                }
                let answer = runner.run(command).await;
                self.told = answer.told().or(self.told.take());
                self.write_down(Act::Checked, command, &answer)?;
                let shown = judged(&step.check, &answer);
                self.last = Some((command.clone(), answer));
                Ok(shown)
            }
            Action::Decide { list, .. } => self.decide(step, list, runner).await,
            Action::Wait { seconds } => {
                self.note(Act::Checked, &format!("waited {seconds} s: {}", step.text), Vec::new())?;
                self.waited += Duration::from_secs(*seconds);
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
                Ok(Shown::Expected)
            }
            _ => {
                outln!("  A person does this. Afterwards: {}.", step.expect);
                if self.arguments.yes {
                    return Ok(Shown::LeftToAPerson);
                }
                Ok(if self.asks("Is it done?").await? { Shown::Expected } else { Shown::Declined })
            }
        }
    }

    /// Decides on what is listed now, not when the plan was made: the id may have changed since.
    async fn decide(
        &mut self,
        step: &Step,
        list: &CommandLine,
        runner: &mut Runner,
    ) -> Result<Shown, String> {
        let listed = match self.last.take() {
            // The step just before.
            Some((command, answer)) if command == *list => answer,
            _ => {
                let listed = runner.run(list).await;
                self.write_down(Act::Checked, list, &listed)?;
                listed
            }
        };
        let devices = DeviceList::from_json(&listed.stdout).map_err(|error| error.to_string())?;
        let step = match self.asker(&devices) {
            Some(request) => step.for_device(&request.device_id),
            None => step.clone(),
        };
        let command = match step.action.resolve(&devices) {
            Ok(command) => command,
            Err(error) => {
                outln!("  {error}");
                return Ok(Shown::Unexpected);
            }
        };
        let Action::Decide { device_id: Some(device), .. } = &step.action else {
            return Ok(Shown::Unexpected);
        };
        outln!("  $ {command}");
        // With --yes only the client's own device is let in: whoever else asks may be anyone.
        let is_own = self.own.as_ref() == Some(device);
        if self.arguments.yes && !is_own {
            outln!("  Left to a person: to let this device in, name it with --device {device}");
            return Ok(Shown::LeftToAPerson);
        }
        if !self.agrees("Let it in?").await? {
            outln!("  Nothing was granted.");
            return Ok(if is_own { Shown::Declined } else { Shown::LeftToAPerson });
        }
        let answer = runner.run(&command).await;
        self.write_down(Act::Approved, &command, &answer)?;
        let shown = judged(&step.check, &answer);
        if matches!(shown, Shown::Unexpected) {
            self.refused = Some(answer);
        }
        Ok(shown)
    }

    /// The client's own request in this list: of its device if that is known, else the one that it was told of.
    fn asker<'b>(&mut self, list: &'b DeviceList) -> Option<&'b PendingRequest> {
        let by_device = self.own.as_deref().and_then(|device| list.pending_for(device));
        let told = self.told.as_deref();
        let by_request = || list.pending.iter().find(|request| Some(request.request_id.as_str()) == told);
        let request = by_device.or_else(by_request)?;
        self.own = Some(request.device_id.clone());
        Some(request)
    }

    async fn agrees(&mut self, question: &str) -> Result<bool, String> {
        if self.arguments.yes { Ok(true) } else { self.asks(question).await }
    }

    async fn asks(&mut self, question: &str) -> Result<bool, String> {
        if !std::io::stdin().is_terminal() {
            outln!("  {question} Nobody is there to answer: start with --yes, or on a terminal.");
            return Ok(false);
        }
        let started = Instant::now();
        out!("  {question} [y/N] ");
        // On a thread of its own: whoever is asked may also stop the program.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut line).map(|_| line)
        });
        let answer = line.await.map_err(std::io::Error::other).and_then(|line| line);
        let answer = answer.map_err(|error| error.to_string())?;
        self.waited += started.elapsed();
        Ok(answer.trim().eq_ignore_ascii_case("y"))
    }

    fn write_down(&self, act: Act, command: &CommandLine, answer: &Answer) -> Result<(), String> {
        self.note(act, &command.to_string(), answer.summary())
    }

    fn note(&self, act: Act, what: &str, evidence: Vec<String>) -> Result<(), String> {
        let mut entry = Entry::new(SystemTime::now(), &self.arguments.by, act, what);
        if let Some(ticket) = &self.arguments.ticket {
            entry = entry.ticket(ticket);
        }
        for line in evidence {
            entry = entry.evidence(line);
        }
        self.ledger.append(&entry).map(drop).map_err(|error| error.to_string())
    }
}

/// Says what came, and whether it is what the step should show. What only a person can judge is for information.
fn judged(check: &Check, answer: &Answer) -> Shown {
    outln!("  {}", answer.summary().join(", "));
    if answer.is_mute() && !answer.stdout.trim().is_empty() {
        // It may hold anything, so it is for a person's own terminal.
        outln!(
            "  {} lines that say nothing known here: run it by hand to read them",
            answer.stdout.lines().count()
        );
    }
    if answer.status == 127 || answer.status == 124 {
        outln!("  {}", answer.stderr.trim());
        return Shown::Unexpected;
    }
    match check.judge(answer.status, &answer.stdout) {
        Some(false) => Shown::Unexpected,
        Some(true) | None => Shown::Expected,
    }
}
