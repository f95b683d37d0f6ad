//! Probes for Prometheus, the way `blackbox_exporter` does: `/probe?target=...&module=...`.

mod server;
mod targets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use openclaw_runbook::probing::{ProbeArguments, StartError};
use openclaw_runbook::{errln, outln};
use server::Exporter;
use targets::{Allowed, ListError};

/// Answers /probe, /metrics and /-/healthy.
///
/// Modules: liveness, startup, readiness (one HTTP question each), challenge (the ladder without a token), hello and scope
/// (with the token). Exit codes: 0 stopped by SIGTERM or Ctrl-C; 2 wrong arguments; 78 a file that cannot be read or an
/// address that cannot be bound.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where to listen. Loopback unless told otherwise: whoever reaches this can make it connect.
    #[arg(long, default_value = "127.0.0.1:9189")]
    listen: SocketAddr,

    /// A `file_sd` target list (JSON): only these targets are probed. Read again on SIGHUP. Without it any target is, but
    /// none with the token.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,

    /// The most probes at a time; further requests wait.
    #[arg(long, default_value_t = 1000)]
    concurrency: usize,

    #[command(flatten)]
    probe: ProbeArguments,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("runbook export: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(arguments: &Arguments) -> Result<(), Stopped> {
    let (prober, highest) = arguments.probe.prober(None)?;
    let allowed = arguments.targets.as_deref().map(Allowed::read).transpose()?;
    if arguments.probe.compare_token && allowed.is_none() {
        return Err(Stopped::Unlisted);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let exporter = Arc::new(Exporter::new(prober, highest, allowed, arguments.concurrency));
        let address = arguments.listen;
        let bind = |source| Stopped::Bind { address, source };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(bind)?;
        outln!("runbook export: listening on http://{}", listener.local_addr().map_err(bind)?);
        exporter.serve(listener).await?;
        Ok(())
    });
    // As in `interrupt::wait`: a name lookup that was given up may still hold a thread.
    runtime.shutdown_background();
    ended
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error(
        "--compare-token sends the token, so it needs --targets: whoever asks must not choose where it goes"
    )]
    Unlisted,
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the system: {0}")]
    System(#[from] std::io::Error),
}

impl Stopped {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Start(error) => error.exit_code(),
            Self::Unlisted => 2,
            Self::List(_) | Self::Bind { .. } | Self::System(_) => 78,
        }
    }
}
