//! What the README says is what the tables and the lock file say.

#![expect(clippy::disallowed_methods, reason = "asks cargo for the dependency tree")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;

use expect_test::expect_file;
use openclaw_probe::{ENDPOINTS, Rung};

#[test]
fn tables_are_those_of_the_code() {
    let readme = include_str!("../../README.md");
    let mut endpoints = String::from("| rung | path | since | where from |\n| --- | --- | --- | --- |\n");
    for row in ENDPOINTS {
        let _ = writeln!(
            endpoints,
            "| {} | `{}`, `{}` | {} | {} |",
            row.rung, row.path, row.alias, row.since, row.source
        );
    }
    let updated = section(readme, "endpoints", &endpoints);
    expect_file!["../../README.md"].assert_eq(&updated);
    for rung in Rung::ALL {
        assert!(
            readme.lines().any(|line| line.starts_with(&format!("| {rung} |"))
                && line.ends_with(&format!("| {} |", rung.exit_code()))),
            "{rung}"
        );
    }
}

/// The text with the part between the markers replaced.
fn section(text: &str, name: &str, content: &str) -> String {
    let start = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&start).expect("a start");
    let (_, after) = rest.split_once("<!-- end -->").expect("an end");
    format!("{before}{start}{content}<!-- end -->{after}")
}

#[test]
fn the_tree_without_features_stays_small() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "openclaw-probe",
            "--no-default-features",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "--locked",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    let packages: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(" (").next()).filter(|line| !line.is_empty()).collect();
    assert!(packages.len() <= 60, "{} packages: {packages:?}", packages.len());
    assert!(
        !packages.iter().any(|package| package.starts_with("rustls") || package.starts_with("ring")),
        "{packages:?}"
    );
}
