//! Waits until a gateway holds, or says which rung did not: what a deploy script or a launchd job can trust.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use openclaw_probe::supervisors::{Job, compose, launchd, systemd};
use openclaw_probe::{Backoff, DeployGate, DeployGateState, ProbeReport, Rung, Sample};
use openclaw_runbook::interrupt::heed;
use openclaw_runbook::probing::{self, ProbeArguments, StartError};
use openclaw_runbook::{errln, out, outln, output};

use super::formats::Formats;

/// What the printed job is called.
pub(super) const LABEL: &str = "ai.openclaw.gate";

/// Opens when the gateway held so many times in a row.
///
/// Exit codes: 0 open; 10 to 19 the rung that failed last (10 resolve, 11 tcp, 12 tls, 13 liveness, 14 startup,
/// 15 readiness, 16 upgrade, 17 challenge, 18 hello, 19 scope) when the deadline passed or waiting cannot help;
/// 2 wrong arguments, 78 a file that cannot be read; 130 and 143 stopped, and what was seen last is said.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The gateway: ws, wss, http or https URL, host or host:port.
    #[arg(default_value = "ws://127.0.0.1:18789")]
    target: String,

    /// The highest rung to climb to: resolve, tcp, tls, liveness, startup, readiness, upgrade, challenge, hello, scope.
    /// Without it: hello where a token is given, else challenge.
    #[arg(long, value_name = "RUNG", value_parser = probing::rung)]
    upto: Option<Rung>,

    #[command(flatten)]
    probe: ProbeArguments,

    /// Good climbs in a row.
    #[arg(long, default_value_t = 3)]
    times: u32,

    /// Seconds until the deadline.
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0)]
    within: f64,

    /// Seconds between two good climbs; while it is not good, climbs come sooner and then at this pace.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    every: f64,

    /// Print a line for each climb.
    #[arg(long, short, conflicts_with_all = ["format", "json"])]
    verbose: bool,

    #[command(flatten)]
    formats: Formats,

    /// Print a definition that runs this gate instead of running it. Nothing is installed.
    #[arg(long, value_name = "KIND")]
    print: Option<Definition>,

    /// The account that the printed definition runs as: a `LaunchDaemon` or a system unit.
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,

    /// Where the printed definition logs to: a directory that its user may write in, or launchd does not start it. Without
    /// it, Library/Logs of that user's home for launchd, and /var/log else.
    #[arg(long, value_name = "DIRECTORY")]
    logs: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Definition {
    Launchd,
    Systemd,
    Compose,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match arguments.print {
        Some(kind) => print(&arguments, kind),
        None => probing::run("runbook gate", async {
            let mut last = None;
            let waited = heed(wait(&arguments, &mut last)).await;
            output::show_waits("");
            waited.unwrap_or_else(|stopped| {
                match &last {
                    Some(report) => {
                        errln!("runbook gate: stopped; the last climb: {}", probing::line(report, 0));
                    }
                    None => errln!("runbook gate: stopped before the first climb ended"),
                }
                Ok(stopped.exit_code())
            })
        }),
    }
}

/// Prints the definition that runs this gate.
pub(super) fn print(arguments: &Arguments, kind: Definition) -> ExitCode {
    match definition(arguments, kind) {
        Ok(text) => {
            out!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            errln!("runbook gate: {error}");
            ExitCode::from(2)
        }
    }
}

/// Climbs until the gate is decided; `last` is the climb that ended last.
async fn wait(arguments: &Arguments, last: &mut Option<ProbeReport>) -> Result<ExitCode, StartError> {
    let target = probing::target(1, &arguments.target)?;
    let (prober, upto) = arguments.probe.prober(arguments.upto)?;
    let deadline = probing::seconds("within", arguments.within)?;
    let every = probing::seconds("every", arguments.every)?;
    let backoff = Backoff::new(every.min(Duration::from_millis(500)), every, 0.2)
        .map_err(|_| StartError::Seconds { name: "every" })?;
    let mut gate = DeployGate::new(arguments.times, deadline);
    let started = tokio::time::Instant::now();
    let mut failures = 0;
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        let report = prober.climb_within(&target, upto, left).await;
        let now = started.elapsed();
        // A climb that the deadline cut off says little; the last one that ended decides, when there was one.
        let state = if last.is_some() && now >= deadline {
            gate.expire(now)
        } else {
            gate.observe(Sample::of(now, last.insert(report)))
        };
        let Some(report) = &*last else { continue };
        let line = format!("{:6.1} s  {}", now.as_secs_f64(), probing::line(report, 0));
        if arguments.verbose {
            outln!("{line}");
        } else {
            output::show_waits(&line);
        }
        if state != DeployGateState::Waiting {
            output::show_waits("");
            match state {
                _ if arguments.formats.is_json() => output::print_json(&decided(&gate, state, report)),
                DeployGateState::Open => outln!(
                    "gate: open, {upto} held {} times in a row after {:.1} s",
                    gate.held(),
                    started.elapsed().as_secs_f64()
                ),
                _ => {
                    outln!("{report}");
                    if let Some(finding) = gate.finding() {
                        outln!("gate: {}: {}", finding.code, finding.evidence.join("; "));
                    }
                }
            }
            return Ok(ExitCode::from(gate.exit_code()));
        }
        let pause = if report.is_good() {
            failures = 0;
            every
        } else {
            failures += 1;
            backoff.delay(failures - 1, f64::from(failures % 5) / 5.0)
        };
        tokio::time::sleep(pause.min(deadline.saturating_sub(started.elapsed()))).await;
    }
}

/// How the gate was decided, for a machine.
fn decided(gate: &DeployGate, state: DeployGateState, report: &ProbeReport) -> String {
    let findings: Vec<_> = gate.finding().into_iter().chain(report.findings()).collect();
    let shown = serde_json::json!({
        "state": state, "held": gate.held(), "report": report, "findings": findings,
    });
    format!("{shown}\n")
}

/// The definition that runs this same gate. A token goes by file only.
fn definition(arguments: &Arguments, kind: Definition) -> Result<String, String> {
    let target = probing::target(1, &arguments.target).map_err(|error| error.to_string())?;
    if matches!(kind, Definition::Compose) {
        // The official image has Node, and no program of ours.
        return Ok(compose::generate(compose::Tool::Node, target.port()));
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = vec![program.to_string_lossy().into_owned(), "gate".to_owned()];
    for (name, value) in [
        ("--times", arguments.times.to_string()),
        ("--within", arguments.within.to_string()),
        ("--every", arguments.every.to_string()),
    ] {
        command.extend([name.to_owned(), value]);
    }
    if let Some(file) = &arguments.probe.token_file {
        command.extend(["--token-file".to_owned(), file.to_string_lossy().into_owned()]);
    }
    if arguments.probe.allow_plaintext_token {
        command.push("--allow-plaintext-token".to_owned());
    }
    if let Some(upto) = arguments.upto {
        command.extend(["--upto".to_owned(), upto.to_string()]);
    }
    command.push(target.to_string());
    let mut job = Job::new(LABEL, command, &logs_of(arguments, kind)).map_err(|error| error.to_string())?;
    if let Some(user) = &arguments.user {
        job = job.user(user).map_err(|error| error.to_string())?;
    }
    match kind {
        Definition::Systemd => Ok(systemd::generate(&job)),
        _ => launchd::generate(&job).map_err(|error| error.to_string()),
    }
}

/// The directory that a printed definition logs to.
pub(super) fn logs_of(arguments: &Arguments, kind: Definition) -> String {
    arguments.logs.clone().unwrap_or_else(|| logs(kind, arguments.user.as_deref()))
}

/// A directory in which the job's user may write.
fn logs(kind: Definition, user: Option<&str>) -> String {
    match (kind, user) {
        (Definition::Launchd, Some(user)) => format!("/Users/{user}/Library/Logs"),
        (Definition::Launchd, None) => {
            let home = std::env::home_dir().unwrap_or_default();
            // launchd expands no `~`.
            home.join("Library/Logs").to_string_lossy().into_owned()
        }
        _ => "/var/log".to_owned(),
    }
}
