//! The number of packages is a promise: growth is a decision, not an accident.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]
#![expect(clippy::disallowed_methods, reason = "this test asks cargo")]

use std::collections::BTreeSet;
use std::process::Command;

fn packages(features: &str) -> usize {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "-p",
            "openclaw-token",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--no-default-features", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().map(|line| line.trim_end_matches(" (*)")).collect::<BTreeSet<_>>().len()
}

#[test]
fn packages_are_counted() {
    let (plain, fs) = (packages(""), packages("fs"));
    println!("{plain} packages without features, {fs} with fs");
    assert!(plain <= 32, "{plain}");
    assert!(fs <= 38, "{fs}");
    let readme = include_str!("../../README.md");
    for (feature, count) in [("none", plain), ("`fs`", fs)] {
        let row = readme.lines().find(|line| line.starts_with(&format!("| {feature} |"))).unwrap();
        assert!(row.ends_with(&format!("| {count} |")), "{row}: {count}");
    }
}
