//! What a slow target costs in memory: ten thousand of them at once, in a process of their own.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use openclaw_probe::{Budget, Prober, Rung, Target};
use tokio::io::AsyncReadExt;

use crate::cpu;
use crate::server::{MUTE, SILENT, Server};

const TARGETS: usize = 10_000;

/// Who waits for the targets.
#[derive(Clone, Copy)]
pub(crate) enum Waiting {
    /// Nobody: a connected socket, and a read that is not answered.
    Bare,
    /// [`Prober::check`], whose question is not answered.
    Check,
    /// [`Prober::climb`], which got up to the upgrade and waits for the challenge.
    Climb,
}

impl Waiting {
    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Check => "check",
            Self::Climb => "climb",
        }
    }

    /// The KiB that each target adds to the process.
    pub(crate) fn measure(self, server: &Server) -> f64 {
        let mut child = Command::new(std::env::current_exe().expect("a path"));
        let output =
            child.args(["--slow", self.name(), &server.address.to_string()]).output().expect("started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
    }
}

/// What that process runs.
pub(crate) fn wait(arguments: &[String]) {
    let [who, address] = arguments else { panic!("--slow WHO ADDRESS") };
    let address: SocketAddr = address.parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Longer than the ten thousand take to come.
    let patience = Duration::from_secs(300);
    let budget = [Rung::Liveness, Rung::Challenge]
        .into_iter()
        .fold(Budget::total(patience), |budget, rung| budget.cap(rung, patience));
    let prober = Prober::builder().budget(budget).build().expect("a prober");
    let target = |base| format!("ws://{address}{base}").parse::<Target>().expect("a target");
    let (silent, mute) = (target(SILENT), target(MUTE));
    let each = match who.as_str() {
        "bare" => runtime.block_on(hold(|| bare(address))),
        "check" => runtime.block_on(hold(|| async {
            drop(prober.check(&silent, Rung::Liveness).await);
        })),
        _ => runtime.block_on(hold(|| async {
            drop(prober.climb(&mute, Rung::Challenge).await);
        })),
    };
    println!("{}", each / 1024.0);
}

async fn bare(address: SocketAddr) {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let _ = stream.read(&mut [0; 1]).await;
}

/// The bytes that each of ten thousand adds while all wait.
async fn hold<F: Future<Output = ()>>(slow: impl Fn() -> F) -> f64 {
    let before = cpu::resident();
    let mut waiting = FuturesUnordered::new();
    // A hundred at a time, so that the server's queue of connections does not overflow and that no more than these are
    // on their way to where they wait.
    while waiting.len() < TARGETS {
        waiting.extend((0..100).map(|_| slow()));
        let _ = tokio::time::timeout(Duration::from_millis(100), waiting.next()).await;
    }
    // All are there when nothing is left to do.
    let idle = 0.02;
    loop {
        let used = cpu::of(std::process::id());
        let _ = tokio::time::timeout(Duration::from_millis(500), waiting.next()).await;
        if cpu::of(std::process::id()) - used < idle {
            break;
        }
    }
    assert_eq!(waiting.len(), TARGETS, "some ended: is `ulimit -n` above {TARGETS}?");
    (cpu::resident() - before) / TARGETS as f64
}
