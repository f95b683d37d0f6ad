//! Probes for Prometheus, the way `blackbox_exporter` does: `/probe?target=...&module=...`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod server;
mod targets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use openclaw_examples::probing::ProbeArguments;
use server::Exporter;
use targets::Allowed;

/// Answers /probe, /metrics and /-/healthy.
///
/// Modules: liveness, startup, readiness (one HTTP question each), challenge (the ladder without a token), hello and scope
/// (with the token). Exit codes: 0 stopped by SIGTERM or Ctrl-C; 2 wrong arguments; 78 a file that cannot be read or an
/// address that cannot be bound.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen. Loopback unless told otherwise: whoever reaches this can make it connect.
    #[arg(long, default_value = "127.0.0.1:9189")]
    listen: SocketAddr,

    /// A `file_sd` target list (JSON): only these targets are probed. Read again on SIGHUP. Without it any target is.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,

    /// The most probes at a time; further requests wait.
    #[arg(long, default_value_t = 1000)]
    concurrency: usize,

    #[command(flatten)]
    probe: ProbeArguments,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probe-exporter: {error}");
            ExitCode::from(78)
        }
    }
}

fn start(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let (prober, _) = arguments.probe.prober()?;
    let allowed = arguments.targets.as_deref().map(Allowed::read).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let exporter = Arc::new(Exporter::new(prober, allowed, arguments.concurrency));
        let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
        println!("probe-exporter: listening on http://{}", listener.local_addr()?);
        exporter.serve(listener).await?;
        Ok(())
    })
}
