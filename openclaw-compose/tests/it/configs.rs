//! `openclaw.json` against what releases themselves say: their schemas, and what they answer to good and bad files. Both were
//! written by `examples/live/configs` into `tests/configs`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads what was recorded")]

use std::collections::{BTreeMap, BTreeSet};

use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::{Stack, Version, examine};
use openclaw_compose::project::{self, Inputs, Texts};
use serde::Deserialize;
use serde_json::{Value, json};

/// What one release said.
#[derive(Deserialize)]
struct Recorded {
    /// The keys at the top of its schema; none where no command prints it.
    top: Option<Vec<String>>,
    /// The keys below `gateway`.
    gateway: Option<Vec<String>>,
    /// The paths that it refuses of each case.
    refused: BTreeMap<String, Vec<String>>,
}

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/configs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn releases() -> BTreeMap<Version, Recorded> {
    let directory = format!("{}/tests/configs", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("20"));
    names
        .map(|name| {
            let version = name.trim_end_matches(".json").parse().unwrap();
            (version, serde_json::from_str(&read(&name)).unwrap())
        })
        .collect()
}

/// What is said of this file that a gateway of `version` would refuse.
fn refusals(version: Version, config: &Value) -> Vec<(Code, String)> {
    let compose = format!(
        "services:\n  gateway:\n    image: openclaw:{version}\n    command: [openclaw, gateway]\n    environment: {{OPENCLAW_GATEWAY_TOKEN: t-1}}\n    volumes: ['./state:/home/node/.openclaw']\n"
    );
    let files =
        Texts::new().file("/srv/compose.yaml", compose).file("/srv/state/openclaw.json", config.to_string());
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    let report = examine(&Stack::new(&resolution).files(&files));
    let of_schema = |code| matches!(code, Code::ConfigUnknownKey | Code::ConfigValueRefused);
    let refused = report.findings.into_iter().filter(|finding| of_schema(finding.code));
    refused.map(|finding| (finding.code, finding.summary)).collect()
}

/// The keys that are told as unknown to `version`.
fn unknown(version: Version, config: &Value) -> impl Iterator<Item = String> {
    let refusals = refusals(version, config).into_iter();
    refusals.filter(|(code, _)| *code == Code::ConfigUnknownKey).map(|(_, summary)| summary)
}

/// What `config validate` refuses and a gateway takes, because it takes the key out when it starts (2026.9.6, observed; 2026.2.26
/// says so of the token).
fn is_carried_over(version: Version, case: &str) -> bool {
    match case {
        "pairing bypass" | "handshake timeout" => version >= Version::new(2026, 8, 1),
        "token beside auth" => version < Version::new(2026, 4, 1),
        _ => false,
    }
}

#[test]
fn a_file_is_refused_where_the_release_refuses_it_and_for_the_same_key() {
    let cases: BTreeMap<String, Value> = serde_json::from_str(&read("cases.json")).unwrap();
    let releases = releases();
    assert!(releases.len() >= 8, "a release of each month from 2026.2 to 2026.9");
    let mut wrong = Vec::new();
    for (version, recorded) in &releases {
        assert!(recorded.refused.keys().eq(cases.keys()), "{version}: not every case was asked");
        for (case, config) in &cases {
            let found = refusals(*version, config);
            let expected = &recorded.refused[case];
            let names = |path: &String| {
                let path = if path == "<root>" { "does not know" } else { path.as_str() };
                found.iter().any(|(_, summary)| summary.contains(path))
            };
            let same = if is_carried_over(*version, case) {
                found.is_empty()
            } else {
                found.is_empty() == expected.is_empty() && expected.iter().all(names)
            };
            if !same {
                wrong.push(format!("{version} {case}: it says {expected:?}, we say {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_keys_of_each_release_are_those_of_its_schema() {
    let releases = releases();
    let keys: BTreeSet<&String> =
        releases.values().flat_map(|recorded| recorded.gateway.iter().flatten()).collect();
    let mut wrong = Vec::new();
    let mut before: BTreeSet<&String> = BTreeSet::new();
    for (version, recorded) in &releases {
        let (Some(top), Some(gateway)) = (&recorded.top, &recorded.gateway) else { continue };
        // What an earlier release had is taken out at the start.
        before.extend(gateway);
        let mut config: Value = top.iter().map(|key| (key.clone(), json!({}))).collect();
        for key in &before {
            key.split('.').fold(&mut config["gateway"], |value, name| {
                if value.is_null() {
                    *value = json!({});
                }
                &mut value[name]
            });
        }
        wrong.extend(unknown(*version, &config).map(|summary| format!("{version}: {summary}")));
        // Below a name of anybody's choice, nothing is looked at.
        for key in keys.iter().filter(|key| !before.contains(*key) && !key.contains("*.")) {
            let config = key.split('.').rev().fold(json!({}), |value, name| json!({ name: value }));
            if unknown(*version, &json!({ "gateway": config })).next().is_none() {
                wrong.push(format!("{version}: gateway.{key} is taken for known"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
