//! Carrying a plan out: what to run, whom to ask and when to stop. Who runs, asks, waits and keeps the trail is the caller's
//! [`Executor`]; nothing here touches the world.

use std::future::Future;
use std::time::Duration;

use crate::devices::{DeviceList, DeviceListError, PendingRequest};
use crate::finding::Safety;
use crate::plan::{Action, Approval, Check, CommandLine, Plan, ResolveError, Step};
use crate::timeline::Timeline;
use crate::vantage::Vantage;

/// The most lines that are kept of what a command showed.
const LONGEST_SUMMARY: usize = 20;
/// As a shell says it: the command cannot be started.
const NOT_STARTED: i32 = 127;
/// As a shell says it: the command had to be ended.
const ENDED: i32 = 124;

/// What a command answered. It may hold anything, so it is not printed; [`Answer::summary`] is for that.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// Its exit status; 127 where it cannot be started and 124 where it had to be ended.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Answer {
    /// What a command answered.
    pub fn new(status: i32, stdout: impl Into<String>, stderr: impl Into<String>) -> Self {
        Self { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    /// A command that could not be started.
    pub fn not_started(why: impl Into<String>) -> Self {
        Self::new(NOT_STARTED, "", why)
    }

    /// A command that had to be ended.
    pub fn ended(why: impl Into<String>) -> Self {
        Self::new(ENDED, "", why)
    }

    /// True if the command came to its own end.
    pub fn is_its_own(&self) -> bool {
        !matches!(self.status, NOT_STARTED | ENDED)
    }

    /// Both streams, for whoever looks for words in them.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// The last request that the gateway told this client of.
    pub fn told(&self) -> Option<String> {
        let marks = Timeline::parse(Vantage::Client, "answer", &self.text()).marks;
        marks.into_iter().rev().find_map(|mark| mark.request_id)
    }

    /// True if nothing in it is known.
    pub fn is_mute(&self) -> bool {
        Timeline::parse(Vantage::Client, "answer", &self.text()).marks.is_empty()
            && DeviceList::from_json(&self.stdout).is_err()
    }

    /// What the answer showed, without its free text: a list as counts, an approval as its device, else the marks in it.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = vec![format!("exit {}", self.status)];
        if let Ok(list) = DeviceList::from_json(&self.stdout) {
            lines.push(format!("{} pending, {} paired", list.pending.len(), list.paired.len()));
        } else if let Some(device) = approved(&self.stdout) {
            lines.push(format!("device {device}"));
        } else {
            let marks = Timeline::parse(Vantage::Client, "answer", &self.text()).marks;
            lines.extend(marks.into_iter().map(|mark| match mark.request_id {
                Some(request) => format!("{}, request {request}", mark.words),
                None => mark.words,
            }));
            lines.dedup();
            let more = lines.len().saturating_sub(LONGEST_SUMMARY);
            if more > 0 {
                lines.truncate(LONGEST_SUMMARY);
                lines.push(format!("and {more} more lines like these"));
            }
        }
        lines
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

fn approved(stdout: &str) -> Option<String> {
    let approval: Approval = serde_json::from_str(stdout).ok()?;
    Some(approval.device.device_id).filter(|device| !device.is_empty())
}

/// What a person is asked before something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Whether a command that changes something may run.
    Run,
    /// Whether a device is let in.
    LetIn,
    /// Whether what only a person can do is done.
    IsDone,
}

/// What happens while a plan is carried out, for whoever shows it and keeps the trail.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A step begins; the first is 1.
    Step {
        /// Which.
        number: usize,
        /// Of how many.
        of: usize,
        /// The step.
        step: &'e Step,
    },
    /// This command is next.
    Next(&'e CommandLine),
    /// The requests were listed again, for a decision.
    Listed(&'e CommandLine, &'e Answer),
    /// A step's command has ended.
    Ran(&'e CommandLine, &'e Answer),
    /// A decision's command has ended.
    Decided(&'e CommandLine, &'e Answer),
    /// It waits.
    Waits(Duration, &'e Step),
    /// The step is a person's.
    OfAPerson(&'e Step),
    /// Nobody vouched for this device, and nobody is there to ask.
    LeftToAPerson {
        /// The device.
        device: &'e str,
    },
    /// The device was not let in.
    NotGranted,
    /// The decision cannot be made on what is listed now.
    Unresolved(&'e ResolveError),
    /// The step did not show what it should.
    Unexpected(&'e Step),
    /// The steps after this one need it, so they are left.
    RestIsLeft,
}

/// Runs commands, asks a person, waits, and keeps the trail.
pub trait Executor: Send {
    /// What can go wrong with that.
    type Error;

    /// Runs one command, without a shell. That it cannot run is an answer, too.
    fn run(&mut self, command: &CommandLine) -> impl Future<Output = Answer> + Send;

    /// Asks a person.
    ///
    /// # Errors
    /// Nobody can be asked, or the answer cannot be read.
    fn ask(&mut self, question: Question) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Waits.
    fn wait(&mut self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Takes note of what happens.
    ///
    /// # Errors
    /// It cannot be written down; then nothing more is done.
    fn note(&mut self, event: Event<'_>) -> Result<(), Self::Error>;
}

/// How carrying out a plan went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carried {
    /// Every step showed what it should.
    Out,
    /// The rest is a person's decision.
    LeftToAPerson,
    /// A step did not show what it should: look again.
    Unexpected,
}

/// A plan could not be carried out further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError<E> {
    /// What should list devices does not.
    #[error(transparent)]
    NotAList(DeviceListError),
    /// The executor failed.
    #[error("{0}")]
    Executor(E),
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

/// Carries plans out, one after the other, and remembers what the client was told meanwhile.
#[derive(Debug, Default)]
pub struct Execution {
    own: Option<String>,
    unattended: bool,
    /// The request that the client was last told of.
    told: Option<String>,
    /// The last command and its answer.
    last: Option<(CommandLine, Answer)>,
    refused: Option<Answer>,
}

impl Execution {
    /// Asks a person before each step that grants or changes something.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks nobody. Then only the client's own device is let in: whoever else asks may be anyone.
    #[must_use]
    pub fn unattended(mut self) -> Self {
        self.unattended = true;
        self
    }

    /// The client's own device, as far as it is known.
    pub fn own_device(&mut self, device: Option<&str>) {
        self.own = device.map(str::to_owned);
    }

    /// What the gateway answered to a decision that failed: evidence that no later look can take.
    pub fn take_refused(&mut self) -> Option<Answer> {
        self.refused.take()
    }

    /// Carries a plan out until it ends, a person must decide, or a step does not show what it should.
    ///
    /// # Cancel safety
    /// Between steps nothing is half done; a command that was under way is the executor's to end.
    ///
    /// # Errors
    /// [`ExecutionError`] if the executor fails, or what should be a list of devices is not one.
    pub async fn carry_out<E: Executor>(
        &mut self,
        plan: &Plan,
        executor: &mut E,
    ) -> Result<Carried, ExecutionError<E::Error>> {
        let mut carried = Carried::Out;
        for (index, step) in plan.steps.iter().enumerate() {
            note(executor, Event::Step { number: index + 1, of: plan.steps.len(), step })?;
            match self.step(step, executor).await? {
                // Who is let in now has no decision left to wait for.
                Shown::Expected if step.check == Check::ExitsZero => carried = Carried::Out,
                Shown::Expected => {}
                Shown::LeftToAPerson => carried = Carried::LeftToAPerson,
                Shown::Declined => {
                    note(executor, Event::RestIsLeft)?;
                    return Ok(Carried::LeftToAPerson);
                }
                Shown::Unexpected => {
                    note(executor, Event::Unexpected(step))?;
                    return Ok(Carried::Unexpected);
                }
            }
        }
        Ok(carried)
    }

    async fn step<E: Executor>(
        &mut self,
        step: &Step,
        executor: &mut E,
    ) -> Result<Shown, ExecutionError<E::Error>> {
        match &step.action {
            Action::Run { command } => {
                note(executor, Event::Next(command))?;
                if step.safety != Safety::Safe && !self.agrees(Question::Run, executor).await? {
                    return Ok(Shown::Declined);
                }
                let answer = executor.run(command).await;
                self.told = answer.told().or(self.told.take());
                note(executor, Event::Ran(command, &answer))?;
                let shown = judged(&step.check, &answer);
                self.last = Some((command.clone(), answer));
                Ok(shown)
            }
            Action::Decide { list, .. } => self.decide(step, list, executor).await,
            Action::Wait { seconds } => {
                let time = Duration::from_secs(*seconds);
                note(executor, Event::Waits(time, step))?;
                executor.wait(time).await;
                Ok(Shown::Expected)
            }
            Action::Ask => {
                note(executor, Event::OfAPerson(step))?;
                if self.unattended {
                    return Ok(Shown::LeftToAPerson);
                }
                let done = executor.ask(Question::IsDone).await.map_err(ExecutionError::Executor)?;
                Ok(if done { Shown::Expected } else { Shown::Declined })
            }
        }
    }

    /// Decides on what is listed now, not when the plan was made: the id may have changed since.
    async fn decide<E: Executor>(
        &mut self,
        step: &Step,
        list: &CommandLine,
        executor: &mut E,
    ) -> Result<Shown, ExecutionError<E::Error>> {
        let listed = match self.last.take() {
            // The step just before.
            Some((command, answer)) if command == *list => answer,
            _ => {
                let listed = executor.run(list).await;
                note(executor, Event::Listed(list, &listed))?;
                listed
            }
        };
        let devices = DeviceList::from_json(&listed.stdout).map_err(ExecutionError::NotAList)?;
        let step = match self.asker(&devices) {
            Some(request) => step.for_device(&request.device_id),
            None => step.clone(),
        };
        let command = match step.action.resolve(&devices) {
            Ok(command) => command,
            Err(error) => {
                note(executor, Event::Unresolved(&error))?;
                return Ok(Shown::Unexpected);
            }
        };
        let Action::Decide { device_id: Some(device), .. } = &step.action else {
            return Ok(Shown::Unexpected);
        };
        note(executor, Event::Next(&command))?;
        let is_own = self.own.as_ref() == Some(device);
        if self.unattended && !is_own {
            note(executor, Event::LeftToAPerson { device })?;
            return Ok(Shown::LeftToAPerson);
        }
        if !self.agrees(Question::LetIn, executor).await? {
            note(executor, Event::NotGranted)?;
            return Ok(if is_own { Shown::Declined } else { Shown::LeftToAPerson });
        }
        let answer = executor.run(&command).await;
        note(executor, Event::Decided(&command, &answer))?;
        let shown = judged(&step.check, &answer);
        if matches!(shown, Shown::Unexpected) {
            self.refused = Some(answer);
        }
        Ok(shown)
    }

    /// The client's own request in this list: of its device if that is known, else the one that it was told of.
    fn asker<'l>(&mut self, list: &'l DeviceList) -> Option<&'l PendingRequest> {
        let by_device = self.own.as_deref().and_then(|device| list.pending_for(device));
        let told = self.told.as_deref();
        let by_request = || list.pending.iter().find(|request| Some(request.request_id.as_str()) == told);
        let request = by_device.or_else(by_request)?;
        self.own = Some(request.device_id.clone());
        Some(request)
    }

    async fn agrees<E: Executor>(
        &self,
        question: Question,
        executor: &mut E,
    ) -> Result<bool, ExecutionError<E::Error>> {
        if self.unattended {
            return Ok(true);
        }
        executor.ask(question).await.map_err(ExecutionError::Executor)
    }
}

fn note<E: Executor>(executor: &mut E, event: Event<'_>) -> Result<(), ExecutionError<E::Error>> {
    executor.note(event).map_err(ExecutionError::Executor)
}

/// Whether an answer is what the step should show. What only a person can judge is for information.
fn judged(check: &Check, answer: &Answer) -> Shown {
    match check.judge(answer.status, &answer.stdout) {
        _ if !answer.is_its_own() => Shown::Unexpected,
        Some(false) => Shown::Unexpected,
        Some(true) | None => Shown::Expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Engine, Topology};
    use crate::{Evidence, diagnose};

    const LIST: &str = r#"{"pending":[{"requestId":"req-7","deviceId":"d-1","clientId":"cli","scopes":["operator.read"],"ts":1}],"paired":[]}"#;
    const APPROVED: &str = r#"{"requestId":"req-7","device":{"deviceId":"d-1","scopes":["operator.read"]}}"#;

    /// Answers from a list, and keeps what was run.
    struct Scripted {
        ran: Vec<String>,
        agrees: bool,
    }

    impl Executor for Scripted {
        type Error = std::convert::Infallible;

        async fn run(&mut self, command: &CommandLine) -> Answer {
            let command = command.to_string();
            let stdout = if command.contains(" approve ") { APPROVED } else { LIST };
            self.ran.push(command);
            Answer::new(0, stdout, "")
        }

        async fn ask(&mut self, _: Question) -> Result<bool, Self::Error> {
            Ok(self.agrees)
        }

        async fn wait(&mut self, _: Duration) {}

        fn note(&mut self, _: Event<'_>) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    async fn carried(own: Option<&str>, unattended: bool, agrees: bool) -> Vec<String> {
        let evidence = Evidence::new(Topology::new(Engine::ComposeExec, "gw", "cli"));
        let Ok(evidence) = evidence.device_list(Vantage::Gateway, "list", LIST) else {
            return Vec::new();
        };
        let plan = diagnose(&evidence).plan;
        let mut execution = Execution::new();
        execution.unattended = unattended;
        execution.own_device(own);
        let mut executor = Scripted { ran: Vec::new(), agrees };
        assert!(execution.carry_out(&plan, &mut executor).await.is_ok());
        executor.ran
    }

    #[tokio::test]
    async fn only_who_is_vouched_for_is_let_in() {
        let approves = |ran: &[String]| ran.iter().any(|command| command.contains("approve req-7"));
        for (own, unattended, agrees, lets_in) in [
            (Some("d-1"), true, false, true),
            (None, true, true, false),
            (Some("d-1"), false, true, true),
            (Some("d-1"), false, false, false),
        ] {
            let ran = carried(own, unattended, agrees).await;
            assert_eq!(approves(&ran), lets_in, "{own:?} {unattended} {agrees}: {ran:?}");
        }
    }

    #[test]
    fn an_answer_is_summed_up_without_its_words() {
        assert_eq!(Answer::new(0, LIST, "hunter2").summary(), ["exit 0", "1 pending, 0 paired"]);
        assert_eq!(Answer::new(0, APPROVED, "").summary(), ["exit 0", "device d-1"]);
        let mute = Answer::new(1, "hunter2", "hunter2");
        assert_eq!((mute.summary(), mute.is_mute()), (vec!["exit 1".to_owned()], true));
        assert!(!format!("{mute:?}").contains("hunter2"));
    }
}
