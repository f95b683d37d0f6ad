//! Holds the embedded gateway to the real one. `examples/oracle/run` prepares the real one and calls this.

use clap::{Args, Parser, Subcommand};
use openclaw_oracle::{
    Conversation, Difference, Differences, OracleError, Recording, Site, Transcript, ask_embedded, ask_real,
    compare, explanations, record_real, relay,
};
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::interrupt::heed;
use openclaw_runbook::{outln, program};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Holds the embedded gateway to the real one.
///
/// Exit status: 0 the gateways agree, every difference is explained, or the recording is written, 1 an unexplained difference
/// or a stale explanation, 2 the oracle could not be asked.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Talks to both gateways and compares.
    Compare {
        /// Directory with conversation.json and differences.md.
        directory: PathBuf,
        #[command(flatten)]
        real: Real,
    },
    /// Talks to the embedded gateway only and prints what it says.
    Embedded {
        /// Directory with conversation.json.
        directory: PathBuf,
    },
    /// Talks to the real gateway only and keeps what it says.
    Hear {
        /// Directory with conversation.json.
        directory: PathBuf,
        /// Where to keep it.
        transcript: PathBuf,
        #[command(flatten)]
        real: Real,
    },
    /// Compares what two releases said.
    Between {
        /// Directory with differences.md: what it says of no crate's concern is left out.
        directory: PathBuf,
        /// What `hear` kept of the older one.
        old: PathBuf,
        /// What `hear` kept of the newer one.
        new: PathBuf,
    },
    /// Records what the real gateway says to the pairing driver and to the ladder, masked, for the tests of openclaw-pairing
    /// and openclaw-probe.
    Record {
        /// The checkout whose transcripts are written.
        checkout: PathBuf,
        /// Which release it is.
        #[arg(long)]
        release: String,
        #[command(flatten)]
        real: Real,
    },
    /// Copies bytes between a socket file and an address.
    #[command(hide = true)]
    Relay {
        /// The socket file.
        socket: PathBuf,
        /// Where it leads.
        to: SocketAddr,
    },
}

/// Where the real gateway is and runs.
#[derive(Args)]
struct Real {
    /// Node 24.
    #[arg(long)]
    node: PathBuf,
    /// openclaw.mjs of the installed package.
    #[arg(long)]
    openclaw: PathBuf,
    /// Network namespace for the gateway.
    #[arg(long)]
    namespace: String,
    /// Its address from outside.
    #[arg(long)]
    address: IpAddr,
    /// Empty directory for homes, logs and transcripts.
    #[arg(long)]
    scratch: PathBuf,
}

impl From<Real> for Site {
    fn from(Real { node, openclaw, namespace, address, scratch }: Real) -> Self {
        Self { node, openclaw, namespace, address, scratch }
    }
}

fn main() -> ExitCode {
    program::start(hold)
}

#[tokio::main]
async fn hold(arguments: Arguments) -> ExitCode {
    match heed(run(arguments.action)).await {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::from(1),
        Ok(Err(error)) => {
            say(&format!("oracle: {}", with_sources(&error)));
            ExitCode::from(2)
        }
        Err(stopped) => stopped.exit_code(),
    }
}

async fn run(action: Action) -> Result<bool, OracleError> {
    match action {
        Action::Relay { socket, to } => relay(&socket, to).await.map(|()| true),
        Action::Embedded { directory } => {
            let conversation = Conversation::read(&directory.join("conversation.json"))?;
            let transcript = ask_embedded(&conversation).await?;
            for record in &transcript.records {
                say(&format!("{} {}: {}", record.case, record.step, record.said));
            }
            Ok(true)
        }
        Action::Hear { directory, transcript, real } => {
            let conversation = Conversation::read(&directory.join("conversation.json"))?;
            keep(&transcript, &ask_real(&conversation, &real.into()).await?)?;
            Ok(true)
        }
        Action::Between { directory, old, new } => {
            let rows = explanations(&directory.join("differences.md"))?;
            let differences = compare(&Transcript::read(&new)?, &Transcript::read(&old)?, &rows);
            for (difference, times) in differences.kinds() {
                tell(difference, ["new", "old"], &format!("  {times} times, first in"));
            }
            say(&format!("oracle: {} answers compared", differences.compared));
            Ok(differences.unexplained.is_empty())
        }
        Action::Record { checkout, release, real } => {
            keep_recordings(&checkout, &release, &record_real(&real.into()).await?)
        }
        Action::Compare { directory, real } => {
            let conversation = Conversation::read(&directory.join("conversation.json"))?;
            let rows = explanations(&directory.join("differences.md"))?;
            let site = Site::from(real);
            let embedded = ask_embedded(&conversation).await?;
            keep(&site.scratch.join("embedded.json"), &embedded)?;
            let real = ask_real(&conversation, &site).await?;
            keep(&site.scratch.join("real.json"), &real)?;
            let differences = compare(&real, &embedded, &rows);
            report(&differences);
            Ok(differences.unexplained.is_empty() && differences.stale.is_empty())
        }
    }
}

/// Says one difference between two gateways of these names.
fn tell(difference: &Difference, [first, second]: [&str; 2], times: &str) {
    let side =
        |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    say(&format!("DIFFERS{times}  {} {}", difference.case, difference.place));
    say(&format!("  {first:8}  {}", side(&difference.real)));
    say(&format!("  {second:8}  {}", side(&difference.embedded)));
}

/// Says what differs between the real gateway and the embedded one.
fn report(differences: &Differences) {
    for difference in &differences.unexplained {
        tell(difference, ["real", "embedded"], "");
    }
    for row in &differences.stale {
        say(&format!("STALE    {} {}: no such difference any more", row.case, row.place));
    }
    say(&format!(
        "oracle: {} answers compared, {} differences explained, {} unexplained, {} explanations stale",
        differences.compared,
        differences.explained,
        differences.unexplained.len(),
        differences.stale.len()
    ));
}

/// One JSON value a line.
fn keep_recordings(checkout: &Path, release: &str, recordings: &[Recording]) -> Result<bool, OracleError> {
    for recording in recordings {
        let file = checkout.join(recording.file(release));
        let text: String = recording.lines.iter().map(|line| format!("{line}\n")).collect();
        write(&file, &text)?;
        say(&file.display().to_string());
    }
    Ok(true)
}

fn keep(file: &Path, transcript: &Transcript) -> Result<(), OracleError> {
    write(file, &serde_json::to_string_pretty(transcript).unwrap_or_default())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a tool that keeps what it heard for whoever looks into a difference"
)]
fn write(file: &Path, text: &str) -> Result<(), OracleError> {
    std::fs::write(file, text)
        .map_err(|source| OracleError::System { action: format!("write {}", file.display()), source })
}

fn say(line: &str) {
    outln!("{line}");
}
