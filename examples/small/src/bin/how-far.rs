//! How far up the stack is the gateway alive?
//!
//! `how-far URL`

use std::process::ExitCode;

use openclaw_probe::{Prober, Rung, Target};
use openclaw_runbook::{errln, outln};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let target = std::env::args().nth(1).unwrap_or_default().parse::<Target>();
    let (Ok(target), Ok(prober)) = (target, Prober::builder().build()) else {
        errln!("usage: how-far URL, such as ws://127.0.0.1:18789");
        return ExitCode::from(2);
    };
    // Without a token the ladder ends where the gateway asks for one.
    let report = prober.climb(&target, Rung::Challenge).await;
    match (report.highest(), report.first_fault()) {
        (Some(rung), None) => outln!("alive up to {rung}"),
        (highest, Some((rung, fault))) => {
            let up_to = highest.map_or("nothing", Rung::name);
            outln!("alive up to {up_to}; {rung} fails: {}", fault.code);
            outln!("next: {}", fault.code.next_step());
        }
        (None, None) => outln!("nothing was asked"),
    }
    ExitCode::from(report.exit_code())
}
