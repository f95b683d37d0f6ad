//! Who waits for whom in pairing, and what is the way out?
//!
//! `who-waits LIST LOG`: the output of `openclaw devices list --json` inside the gateway, and the gateway's log.

use std::process::ExitCode;

use openclaw_pairing::plan::Topology;
use openclaw_pairing::{Evidence, Vantage, diagnose};
use openclaw_runbook::{errln, outln, reading};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [list, log] = arguments.as_slice() else {
        errln!("usage: who-waits LIST LOG");
        return ExitCode::from(2);
    };
    let texts = [list, log].map(|file| reading::text(file.as_ref()));
    let [Ok(listed), Ok(logged)] = texts else {
        errln!("{list} and {log} must be files");
        return ExitCode::from(2);
    };
    // The commands of the plan are those of the official layout; other topologies have other commands.
    let evidence = Evidence::new(Topology::default()).log(Vantage::Gateway, log, &logged).device_list(
        Vantage::Gateway,
        list,
        &listed,
    );
    let evidence = match evidence {
        Ok(evidence) => evidence,
        Err(error) => {
            errln!("{list}: {error}");
            return ExitCode::from(2);
        }
    };
    let diagnosis = diagnose(&evidence);
    outln!("{} {}", diagnosis.cause.id(), diagnosis.cause.name());
    outln!("{}", diagnosis.waits_for);
    outln!("{}", diagnosis.plan);
    ExitCode::SUCCESS
}
