//! Logs and device lists of real gateways in real containers, recorded before anything was mended: each directory of
//! `live/` leads to the cause that its run was made for. Ids in them are placeholders.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads its own files"
)]

use std::collections::BTreeSet;
use std::path::Path;

use openclaw_pairing::plan::Topology;
use openclaw_pairing::{Code, DeviceList, Evidence, Vantage, diagnose};

/// The recorded cause is the runbook's, which knows the stack's files, too. In one of them this crate, alone, puts another one
/// first.
fn alone<'c>(row: &str, cause: &'c str) -> &'c str {
    // A lockout comes of wrong tokens; that those were another client's stands in the stack's files.
    if row.starts_with("lockout@") { Code::SharedTokenFault.id() } else { cause }
}

#[test]
fn what_real_containers_showed_leads_to_the_cause() {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live"));
    let mut newest = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
        let row = path.file_name().unwrap().to_string_lossy().into_owned();
        let version = row.split_once('@').unwrap().1.to_owned();
        let list = DeviceList::from_json(&read("devices/openclaw-gateway.json")).unwrap();
        let evidence = Evidence::new(Topology::default())
            .version(version)
            .log(Vantage::Gateway, "gateway.log", &read("logs/openclaw-gateway.log"))
            .cli_output(Vantage::Client, "cli.log", &read("logs/openclaw-cli.log"))
            .devices(Vantage::Gateway, "devices.json", list);
        let diagnosis = diagnose(&evidence);
        let cause = read("cause").trim().to_owned();
        // Ids that change and restarts are told beside the reason why a client waits.
        if [Code::RequestIdChurn, Code::RestartMidPairing].iter().any(|noise| noise.id() == cause) {
            assert_eq!(diagnosis.cause, Code::NatHidesLocal, "{row}: {:#?}", diagnosis.findings);
        } else {
            assert_eq!(diagnosis.cause.id(), alone(&row, &cause), "{row}: {:#?}", diagnosis.findings);
        }
        let found: Vec<&str> = diagnosis.findings.iter().map(|finding| finding.code.id()).collect();
        assert!(found.contains(&cause.as_str()), "{row}: {cause} is missing from {found:?}");
        newest.extend(row.strip_suffix("@2026.9.6").map(str::to_owned));
    }
    for scenario in [
        "pairing-deadlock",
        "churned-request-id",
        "no-identity",
        "revoked-token",
        "killed-mid-pairing",
        "scope-upgrade",
        "lockout",
    ] {
        assert!(newest.contains(scenario), "{scenario} was not recorded");
    }
}
