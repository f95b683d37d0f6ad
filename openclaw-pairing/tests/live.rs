//! Logs and device lists of real gateways in real containers, recorded before anything was mended: each directory of
//! `live/` leads to the cause that its run was made for. Ids in them are stand-ins.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads its own files"
)]

use std::path::Path;

use openclaw_pairing::plan::Topology;
use openclaw_pairing::{DeviceList, Evidence, Vantage, diagnose};

#[test]
fn what_real_containers_showed_leads_to_the_cause() {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live"));
    let mut seen = 0;
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
        assert_eq!(diagnosis.cause.code(), read("cause").trim(), "{row}: {:#?}", diagnosis.findings);
        seen += 1;
    }
    assert!(seen > 0, "no row was recorded");
}
