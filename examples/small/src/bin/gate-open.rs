//! Is the deploy gate open? It opens when the gateway held three times in a row, and says why not at its deadline.
//!
//! `gate-open URL SECONDS`

use std::process::ExitCode;
use std::time::Duration;

use openclaw_probe::{DeployGate, DeployGateState, Prober, Rung, Sample, Target};
use openclaw_runbook::{errln, outln};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(Ok(target)), Some(Ok(seconds)), Ok(prober)) = (
        arguments.first().map(|text| text.parse::<Target>()),
        arguments.get(1).map(|text| text.parse::<u32>()),
        Prober::builder().build(),
    ) else {
        errln!("usage: gate-open URL SECONDS");
        return ExitCode::from(2);
    };
    let deadline = Duration::from_secs(seconds.into());
    // The gate itself knows no clock and no socket: it is told what was seen, and when.
    let mut gate = DeployGate::new(3, deadline);
    let began = Instant::now();
    loop {
        let left = deadline.saturating_sub(began.elapsed());
        let report = prober.climb_within(&target, Rung::Readiness, left).await;
        let now = began.elapsed();
        // A climb that the deadline cut off says little: the last one before it decides.
        let state = if now < deadline { gate.observe(Sample::of(now, &report)) } else { gate.expire(now) };
        match state {
            DeployGateState::Open => outln!("open: ready {} times in a row", gate.held()),
            DeployGateState::Waiting => {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
            _ => {
                if let Some(finding) = gate.finding() {
                    outln!("shut: {} {}", finding.code, finding.summary);
                }
            }
        }
        return ExitCode::from(gate.exit_code());
    }
}
