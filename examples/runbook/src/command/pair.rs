//! Breaks a pairing deadlock: says what waits for what, shows the plan, and carries it out.
#![expect(
    clippy::disallowed_methods,
    reason = "it reads evidence, runs the plan's commands and knows the time"
)]

mod command;
mod look;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};
use openclaw_pairing::execution::{Carried, Execution};
use openclaw_pairing::plan::{Ending, Engine, Topology};
use openclaw_pairing::{Code, Diagnosis, diagnose};
use openclaw_runbook::diagnose::{Examination, Options};
use openclaw_runbook::project::{EngineFlags, ProjectFlags};
use openclaw_runbook::{errln, interrupt, out, outln, output};

use command::Runner;
use look::Look;
use terminal::Terminal;

use super::formats::Formats;

/// Which device waits for whom, and the way out, step by step.
///
/// Without --run the plan is shown and nothing is changed. With --run each step is carried out, and asked for before if it
/// grants something, unless --yes. Even then nobody is let in but the client's own device: the one that --device names, or
/// whose request the client was told of. Each command and its answer go into the ledger under --root.
///
/// Exit codes: 0 the client has its session, or the plan was shown; 1 a step did not show what it should; 3 the rest is a
/// person's decision; 2 wrong arguments; 78 evidence or ledger cannot be read or written.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How commands reach the containers [default: a one-off container for a client of the Compose project here that does not
    /// run, else compose-exec].
    #[arg(long, value_enum)]
    engine: Option<EngineName>,

    /// Service or container of the gateway [default: that of the Compose project here, else openclaw-gateway].
    #[arg(long)]
    gateway: Option<String>,

    /// Service or container of the client [default: the first of the Compose project here, else openclaw-cli].
    #[arg(long)]
    client: Option<String>,

    #[command(flatten)]
    project: ProjectFlags,

    #[command(flatten)]
    asked: EngineFlags,

    /// How the Compose project here is reached.
    #[arg(skip)]
    reach: Option<Topology>,

    /// The client shares the gateway's network namespace; known of a Compose project here.
    #[arg(long)]
    shared_namespace: bool,

    /// The gateway's version, such as 2026.9.6; known of a Compose project here.
    #[arg(long)]
    openclaw: Option<String>,

    /// The device that must get its session; found in the evidence if left out.
    #[arg(long)]
    device: Option<String>,

    /// The scopes that it needs, separated by commas; never more than these are approved.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,

    /// Ask as the client by dialling this gateway from here, such as `ws://127.0.0.1:18789`, in place of OpenClaw's own command
    /// where the client runs.
    #[arg(long, value_name = "URL", conflicts_with_all = ["gateway_list", "state", "client_output"])]
    dial: Option<String>,

    /// A file with the shared token, for --dial.
    #[arg(long, value_name = "FILE", requires = "dial")]
    token_file: Option<PathBuf>,

    /// The client's identity/device.json, for --dial. Without it the client has no device.
    #[arg(long, value_name = "FILE", requires = "dial")]
    identity: Option<PathBuf>,

    /// Output of `openclaw devices list --json`, taken inside the gateway. Without it the list is taken now.
    #[arg(long, value_name = "FILE")]
    gateway_list: Option<PathBuf>,

    /// State directory of a gateway that is down: its pairing store is read in the place of a list, and nothing is written there.
    #[arg(long, value_name = "DIR", conflicts_with = "gateway_list")]
    state: Option<PathBuf>,

    /// The same as --gateway-list, or any other output of the CLI, taken where the client runs.
    #[arg(long, value_name = "FILE")]
    client_output: Vec<PathBuf>,

    /// What the dashboard showed.
    #[arg(long, value_name = "FILE")]
    dashboard_output: Vec<PathBuf>,

    /// Logs of the gateway.
    #[arg(long, value_name = "FILE")]
    gateway_log: Vec<PathBuf>,

    #[command(flatten)]
    formats: Formats,

    /// Carry the plan out.
    #[arg(long)]
    run: bool,

    /// Carry it out without asking before each step.
    #[arg(long, requires = "run")]
    yes: bool,

    /// Where the ledger is kept.
    #[arg(long, default_value = ".")]
    root: PathBuf,

    /// The change ticket that the ledger names.
    #[arg(long)]
    ticket: Option<String>,

    /// Who acts, for the ledger.
    #[arg(long, default_value = "runbook pair")]
    by: String,
}

impl Arguments {
    /// The same, with what the Compose project of this directory says where the caller does not.
    fn completed(mut self) -> Self {
        let evidence = self.asked.evidence(false);
        let options = Options { project: self.project.clone(), evidence, ..Options::default() };
        let Ok(examination) = Examination::of(Path::new("."), options) else { return self };
        let mut reach = examination.reach(self.gateway.as_deref(), self.client.as_deref());
        let Some(gateway) = examination.report().gateway(&reach.gateway) else { return self };
        self.openclaw = self.openclaw.or_else(|| gateway.version.version.map(|version| version.to_string()));
        if let Some(engine) = self.engine {
            reach.engine = engine.into();
        }
        reach.shared_namespace |= self.shared_namespace;
        self.reach = Some(reach);
        self
    }

    /// How commands reach the gateway and the client.
    fn topology(&self) -> Topology {
        let mut topology = self.reach.clone().unwrap_or_else(|| {
            let name =
                |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
            let [gateway, client] =
                [name(&self.gateway, "openclaw-gateway"), name(&self.client, "openclaw-cli")];
            let mut topology =
                Topology::new(self.engine.map_or(Engine::ComposeExec, Engine::from), gateway, client);
            topology.shared_namespace = self.shared_namespace;
            topology
        });
        topology.compose_flags = self.project.words(None).into_iter().map(str::to_owned).collect();
        topology
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    ComposeExec,
    ComposeRun,
    Docker,
    Podman,
    Host,
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::ComposeExec => Self::ComposeExec,
            EngineName::ComposeRun => Self::ComposeRun,
            EngineName::Docker => Self::Docker,
            EngineName::Podman => Self::Podman,
            EngineName::Host => Self::Host,
        }
    }
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let arguments = arguments.completed();
    let work = async {
        match break_deadlock(&arguments).await {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                errln!("runbook pair: {error}");
                ExitCode::from(78)
            }
        }
    };
    interrupt::run(work).unwrap_or_else(|error| {
        errln!("runbook pair: the system: {error}");
        ExitCode::from(78)
    })
}

/// How often a plan that did not show what it should is followed by a new look. Each cause found hides at most a few.
const ROUNDS: usize = 4;

async fn break_deadlock(arguments: &Arguments) -> Result<u8, String> {
    let started = Instant::now();
    let mut runner = Runner::default();
    let mut look = look::first(arguments, &mut runner).await?;
    let mut diagnosis = diagnose(&look.evidence);
    if arguments.formats.is_json() {
        let text = serde_json::to_string_pretty(&diagnosis).map_err(|error| error.to_string())?;
        output::print_json(&(text + "\n"));
        return Ok(0);
    }
    if look.is_answered && diagnosis.findings.iter().all(|finding| finding.code == Code::NotEnoughEvidence) {
        if arguments.run {
            Terminal::new(arguments, runner).heed(&look)?;
        }
        outln!("Nothing waits: the client has its session, for its own command was answered.");
        return Ok(0);
    }
    show(&look, &diagnosis);
    if !arguments.run {
        outln!("\nNothing was changed. Add --run to carry this out.");
        return Ok(0);
    }
    let mut terminal = Terminal::new(arguments, runner);
    let mut execution = if arguments.yes { Execution::new().unattended() } else { Execution::new() };
    let mut carried = carry_out(&look, &diagnosis, &mut execution, &mut terminal).await?;
    for _ in 1..ROUNDS {
        if carried != Carried::Unexpected {
            break;
        }
        outln!("\nLooking again.");
        look = look::again(arguments, &mut terminal.runner, execution.take_refused()).await?;
        let now = diagnose(&look.evidence);
        if now == diagnosis {
            terminal.heed(&look)?;
            outln!("Nothing has changed: a person must look.");
            break;
        }
        diagnosis = now;
        show(&look, &diagnosis);
        carried = carry_out(&look, &diagnosis, &mut execution, &mut terminal).await?;
    }
    let Terminal { runner, waited, ledger, .. } = terminal;
    let own = started.elapsed().saturating_sub(runner.vendor).saturating_sub(waited);
    outln!("\n{}", verdict(carried, diagnosis.plan.ending));
    outln!(
        "{:.2} s in OpenClaw's own commands ({} runs), {:.2} s here. Ledger: {}",
        runner.vendor.as_secs_f64(),
        runner.commands,
        own.as_secs_f64(),
        ledger.path().display()
    );
    Ok(match (carried, diagnosis.plan.ending) {
        (Carried::Out, Ending::Session) => 0,
        (Carried::Unexpected, _) => 1,
        _ => 3,
    })
}

/// Writes down what a look ran, then carries its plan out.
async fn carry_out(
    look: &Look,
    diagnosis: &Diagnosis,
    execution: &mut Execution,
    terminal: &mut Terminal<'_>,
) -> Result<Carried, String> {
    terminal.heed(look)?;
    execution.own_device(diagnosis.own_device.as_deref());
    execution.carry_out(&diagnosis.plan, terminal).await.map_err(|error| error.to_string())
}

fn verdict(carried: Carried, ending: Ending) -> &'static str {
    match (carried, ending) {
        (Carried::Out, Ending::Session) => "Done: the client has its session.",
        (Carried::Unexpected, _) => "Not done: a step did not show what it should.",
        _ => "Not done: the rest is a person's decision, as said above.",
    }
}

fn show(look: &Look, diagnosis: &Diagnosis) {
    for trouble in look.troubles() {
        outln!("{trouble}");
    }
    for finding in &diagnosis.findings {
        outln!("{} {}: {}", finding.code.id(), finding.name, finding.summary);
        for evidence in finding.evidence.iter().take(5) {
            outln!("    {evidence}");
        }
    }
    if !diagnosis.waits_for.waits().is_empty() {
        out!("\n{}", diagnosis.waits_for);
    }
    out!("\nPlan:\n{}", diagnosis.plan);
}
