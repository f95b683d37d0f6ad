//! Without features the crate stands on nine others, each without more than one below it, serde aside: core, wire and
//! diagnosis go wherever those go.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test asks cargo")]

use std::collections::BTreeSet;
use std::process::Command;

/// What stands directly under this crate, features and development aside.
fn dependencies(features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--package", "openclaw-pairing", "--edges", "normal", "--depth", "1"])
        .args(["--prefix", "depth", "--format", " {p}", "--no-default-features", "--locked"])
        .args(features)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines()
        .filter_map(|line| line.strip_prefix("1 "))
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_core_depends_on_nine_crates() {
    let nine = [
        "aho-corasick",
        "base64ct",
        "jiff",
        "memchr",
        "secrecy",
        "serde",
        "serde_json",
        "shlex",
        "thiserror",
    ];
    assert_eq!(dependencies(&[]), BTreeSet::from(nine.map(str::to_owned)));
}

#[test]
fn a_feature_brings_its_own_and_would_be_seen() {
    let more = dependencies(&["--features", "ed25519"]);
    assert!(more.contains("ed25519-dalek") && more.contains("sha2") && !more.contains("tokio"), "{more:?}");
}
