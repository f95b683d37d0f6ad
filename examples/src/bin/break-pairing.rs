//! Breaks a pairing deadlock: says what waits for what, shows the plan, and carries it out.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
#![expect(
    clippy::disallowed_methods,
    reason = "it reads evidence, runs the plan's commands and knows the time"
)]

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use clap::{Parser, ValueEnum};
use openclaw_pairing::plan::{Action, Check, CommandLine, Ending, Engine, Safety, Step, Topology};
use openclaw_pairing::{DeviceList, Diagnosis, Evidence, ScopeSet, Vantage, diagnose};
use openclaw_token::fs::LedgerFile;
use openclaw_token::ledger::{Act, Entry};

/// Which device waits for whom, and the way out, step by step.
///
/// Without --run the plan is shown and nothing is changed. With --run each step is asked for, unless --yes. Each command
/// and its answer go into the ledger under --root.
///
/// Exit codes: 0 the plan ended in a session, or was shown; 1 a step did not show what it should; 3 the plan ends in a
/// person's decision; 2 wrong arguments; 78 evidence or ledger cannot be read or written.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How commands reach the containers.
    #[arg(long, value_enum, default_value = "compose-exec")]
    engine: EngineName,

    /// Service or container of the gateway.
    #[arg(long, default_value = "openclaw-gateway")]
    gateway: String,

    /// Service or container of the client.
    #[arg(long, default_value = "openclaw-cli")]
    client: String,

    /// Compose files, in order.
    #[arg(long = "file", short = 'f')]
    files: Vec<String>,

    /// The client shares the gateway's network namespace.
    #[arg(long)]
    shared_namespace: bool,

    /// The gateway's version, such as 2026.9.6.
    #[arg(long)]
    openclaw: Option<String>,

    /// The device that must get its session; found in the evidence if left out.
    #[arg(long)]
    device: Option<String>,

    /// The scopes that it needs, separated by commas; never more than these are approved.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,

    /// Output of `openclaw devices list --json`, taken inside the gateway. Without it the list is taken now.
    #[arg(long, value_name = "FILE")]
    gateway_list: Option<PathBuf>,

    /// The same, or any other output of the CLI, taken where the client runs.
    #[arg(long, value_name = "FILE")]
    client_output: Vec<PathBuf>,

    /// What the dashboard showed.
    #[arg(long, value_name = "FILE")]
    dashboard_output: Vec<PathBuf>,

    /// Logs of the gateway.
    #[arg(long, value_name = "FILE")]
    gateway_log: Vec<PathBuf>,

    /// Print the diagnosis as JSON and stop.
    #[arg(long)]
    json: bool,

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
    #[arg(long, default_value = "break-pairing")]
    by: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    ComposeExec,
    ComposeRun,
    Docker,
    Podman,
    Host,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("break-pairing: {error}");
            ExitCode::from(78)
        }
    }
}

fn run(arguments: &Arguments) -> Result<u8, String> {
    let mut vendor = Duration::ZERO;
    let started = Instant::now();
    let evidence = evidence(arguments, &mut vendor)?;
    let diagnosis = diagnose(&evidence);
    if arguments.json {
        let text = serde_json::to_string_pretty(&diagnosis).map_err(|error| error.to_string())?;
        println!("{text}");
        return Ok(0);
    }
    show(&diagnosis);
    if !arguments.run {
        println!("\nNothing was changed. Add --run to carry this out.");
        return Ok(0);
    }
    let hand = Hand { arguments, ledger: LedgerFile::new(&arguments.root) };
    let is_done = hand.carry_out(&diagnosis, &mut vendor)?;
    let own = started.elapsed().saturating_sub(vendor);
    println!("\n{:.2} s in OpenClaw's own commands, {:.2} s here.", vendor.as_secs_f64(), own.as_secs_f64());
    println!("Ledger: {}", hand.ledger.path().display());
    Ok(match (is_done, diagnosis.plan.ending) {
        (false, _) => 1,
        (true, Ending::Session) => 0,
        (true, _) => 3,
    })
}

fn topology(arguments: &Arguments) -> Topology {
    let engine = match arguments.engine {
        EngineName::ComposeExec => Engine::ComposeExec,
        EngineName::ComposeRun => Engine::ComposeRun,
        EngineName::Docker => Engine::Docker,
        EngineName::Podman => Engine::Podman,
        EngineName::Host => Engine::Host,
    };
    let mut topology = Topology::new(engine, &arguments.gateway, &arguments.client);
    topology.compose_files.clone_from(&arguments.files);
    topology.shared_namespace = arguments.shared_namespace;
    topology
}

/// Everything that the caller gave, and the two lists taken now if none was given.
fn evidence(arguments: &Arguments, vendor: &mut Duration) -> Result<Evidence, String> {
    let topology = topology(arguments);
    let mut evidence = Evidence::new(topology.clone());
    if let Some(version) = &arguments.openclaw {
        evidence = evidence.version(version);
    }
    if let Some(device) = &arguments.device {
        evidence = evidence.own_device(device);
    }
    if !arguments.scopes.is_empty() {
        evidence = evidence.wanted(ScopeSet::from_names(arguments.scopes.iter().map(String::as_str)));
    }
    if let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        evidence = evidence.now_ms(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    }
    let given =
        [(Vantage::Client, &arguments.client_output), (Vantage::Dashboard, &arguments.dashboard_output)];
    for (vantage, files) in given {
        for file in files {
            let (name, text) = (file.display().to_string(), read(file)?);
            evidence = evidence.clone().device_list(vantage, &name, &text).unwrap_or_else(|_| {
                // No list: then whatever the CLI or the page said.
                evidence.cli_output(vantage, name, &text)
            });
        }
    }
    for file in &arguments.gateway_log {
        evidence = evidence.log(Vantage::Gateway, file.display().to_string(), &read(file)?);
    }
    let list = ["devices", "list", "--json"];
    match &arguments.gateway_list {
        Some(file) => {
            let name = file.display().to_string();
            evidence.device_list(Vantage::Gateway, name, &read(file)?).map_err(|error| error.to_string())
        }
        None if arguments.gateway_log.is_empty() && arguments.client_output.is_empty() => {
            let inside = execute(&topology.in_gateway(&list), vendor);
            evidence = match DeviceList::from_json(&inside.stdout) {
                Ok(devices) => evidence.devices(Vantage::Gateway, "devices list in the gateway", devices),
                Err(_) => evidence.cli_output(Vantage::Gateway, "devices list in the gateway", &inside.all()),
            };
            let outside = execute(&topology.in_client(&list), vendor);
            Ok(match DeviceList::from_json(&outside.stdout) {
                Ok(devices) => evidence.devices(Vantage::Client, "devices list in the client", devices),
                Err(_) => evidence.cli_output(Vantage::Client, "devices list in the client", &outside.all()),
            })
        }
        None => Ok(evidence),
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("reading {}: {error}", file.display()))
}

fn show(diagnosis: &Diagnosis) {
    for finding in &diagnosis.findings {
        println!("{} {}: {}", finding.code.code(), finding.name, finding.summary);
        for evidence in finding.evidence.iter().take(5) {
            println!("    {evidence}");
        }
    }
    if !diagnosis.waits_for.waits().is_empty() {
        print!("\n{}", diagnosis.waits_for);
    }
    print!("\nPlan:\n{}", diagnosis.plan);
}

/// The one that acts: asks, runs, checks, writes down.
struct Hand<'a> {
    arguments: &'a Arguments,
    ledger: LedgerFile,
}

impl Hand<'_> {
    /// True if every step showed what it should.
    fn carry_out(&self, diagnosis: &Diagnosis, vendor: &mut Duration) -> Result<bool, String> {
        let steps = &diagnosis.plan.steps;
        for (index, step) in steps.iter().enumerate() {
            println!("\nStep {} of {}: {}", index + 1, steps.len(), step.text);
            let is_last = index + 1 == steps.len();
            if !self.step(step, is_last, vendor)? {
                println!("  This is not what the step should show: {}", step.expect);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn step(&self, step: &Step, is_last: bool, vendor: &mut Duration) -> Result<bool, String> {
        let command = match &step.action {
            Action::Run { command } => command.clone(),
            Action::Wait { seconds } => {
                self.note(Act::Checked, &format!("waited {seconds} s: {}", step.text), Vec::new())?;
                std::thread::sleep(Duration::from_secs(*seconds));
                return Ok(true);
            }
            Action::Decide { list, .. } => {
                // The id may have changed since the plan was made: list now, decide on what is listed now.
                let listed = execute(list, vendor);
                self.write_down(Act::Checked, list, &listed)?;
                let devices = DeviceList::from_json(&listed.stdout).map_err(|error| error.to_string())?;
                match step.action.resolve(&devices) {
                    Ok(command) => command,
                    Err(error) => {
                        println!("  {error}");
                        return Ok(false);
                    }
                }
            }
            _ => {
                println!("  A person does this. {}", step.expect);
                return self.ask("Is it done?");
            }
        };
        println!("  $ {command}");
        if step.safety != Safety::Safe && !self.ask("Run it?")? {
            return Ok(false);
        }
        let answer = execute(&command, vendor);
        let act = if matches!(step.action, Action::Decide { .. }) { Act::Approved } else { Act::Checked };
        self.write_down(act, &command, &answer)?;
        println!("  exit {}", answer.status);
        // Before the end, a step that only a person can judge is for information; the last one must hold.
        Ok(match (&step.check, step.check.judge(answer.status, &answer.stdout)) {
            (_, Some(verdict)) => verdict,
            (Check::Person, None) => !is_last || answer.status == 0,
            (_, None) => false,
        })
    }

    fn ask(&self, question: &str) -> Result<bool, String> {
        if self.arguments.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            println!("  {question} Nobody is there to answer: start with --yes, or on a terminal.");
            return Ok(false);
        }
        print!("  {question} [y/N] ");
        std::io::stdout().flush().map_err(|error| error.to_string())?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
        Ok(answer.trim().eq_ignore_ascii_case("y"))
    }

    fn write_down(&self, act: Act, command: &CommandLine, answer: &Answer) -> Result<(), String> {
        let evidence =
            vec![format!("exit {}", answer.status), summary(&answer.stdout), summary(&answer.stderr)];
        self.note(act, &command.to_string(), evidence.into_iter().filter(|line| !line.is_empty()).collect())
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

/// What an answer showed, without its free text: a list as counts, an approval as its device, else the marks in it.
fn summary(text: &str) -> String {
    if let Ok(list) = DeviceList::from_json(text) {
        return format!("{} pending, {} paired", list.pending.len(), list.paired.len());
    }
    if let Some(device) = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|answer| answer.pointer("/device/deviceId")?.as_str().map(str::to_owned))
    {
        return format!("device {device}");
    }
    let timeline = openclaw_pairing::Timeline::parse(Vantage::Client, "answer", text);
    let words: Vec<String> = timeline.marks.into_iter().map(|mark| mark.words).collect();
    words.join("; ")
}

/// What a command answered.
struct Answer {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// Runs one command without a shell and without a terminal. One that cannot start has status 127, like a shell says it.
fn execute(command: &CommandLine, vendor: &mut Duration) -> Answer {
    let started = Instant::now();
    let [program, arguments @ ..] = command.argv() else {
        return Answer { status: 127, stdout: String::new(), stderr: "no command".to_owned() };
    };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    *vendor += started.elapsed();
    match output {
        Ok(output) => Answer {
            status: output.status.code().unwrap_or(128),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        },
        Err(error) => Answer { status: 127, stdout: String::new(), stderr: format!("{program}: {error}") },
    }
}
