//! The house rules that a manifest can break without any code noticing.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]
#![expect(clippy::disallowed_methods, reason = "this test reads the workspace's own manifests")]

use std::path::{Path, PathBuf};
use std::{fs, process::Command};

use serde_json::Value;

/// Every package that can be published: the crates, and what composes them.
const PUBLISHED: [&str; 6] = [
    "openclaw-token",
    "openclaw-compose",
    "openclaw-pairing",
    "openclaw-probe",
    "openclaw-embedded-gateway",
    "openclaw-runbook",
];
const LIBRARIES: [&str; 4] = ["openclaw-token", "openclaw-compose", "openclaw-pairing", "openclaw-probe"];
/// What stands below `examples/`, and may depend on all of them.
const EXAMPLES: [&str; 4] =
    ["openclaw-embedded-gateway", "openclaw-examples", "openclaw-oracle", "openclaw-runbook"];
const MSRV: (u64, u64) = (1, 88);

#[test]
fn no_library_depends_on_a_sibling_in_any_section() {
    for package in packages(&["--no-deps"]) {
        let name = text(&package, "name");
        if !LIBRARIES.contains(&name) {
            continue;
        }
        let siblings: Vec<_> = array(&package, "dependencies")
            .iter()
            .map(|dependency| text(dependency, "name"))
            .filter(|dependency| dependency.starts_with("openclaw-"))
            .collect();
        assert!(siblings.is_empty(), "{name} depends on {siblings:?}; only examples/ may compose the crates");
    }
}

#[test]
fn the_workspace_is_the_four_libraries_and_the_examples() {
    let mut names: Vec<_> = packages(&["--no-deps"]).iter().map(|p| text(p, "name").to_owned()).collect();
    names.sort();
    let mut expected: Vec<_> = LIBRARIES.iter().map(ToString::to_string).collect();
    expected.extend(EXAMPLES.map(str::to_owned));
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn every_dependency_says_in_its_manifest_why_it_is_there() {
    for name in PUBLISHED {
        let manifest = read(&folder(name).join("Cargo.toml"));
        let mut section = String::new();
        let mut above = String::new();
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line.to_owned();
            } else if section.contains("dependencies]")
                && !section.starts_with("[dev-")
                && line.contains(" = ")
                && line.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                assert!(above.starts_with('#'), "{name}: no comment above `{line}`");
            }
            // A comment speaks for the lines right below it, up to the next blank line.
            if line.is_empty() || line.starts_with('#') || line.starts_with('[') {
                above = line.to_owned();
            }
        }
    }
}

#[test]
fn every_locked_package_builds_with_the_declared_compiler() {
    for package in packages(&["--locked"]) {
        let Some(declared) = package["rust_version"].as_str() else { continue };
        let mut parts = declared.split('.').map(|part| part.parse::<u64>().expect("a version number"));
        let needs = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        assert!(
            needs <= MSRV,
            "{} needs Rust {declared}, the workspace promises 1.88",
            text(&package, "name")
        );
    }
}

#[test]
fn every_published_package_has_what_it_needs_and_its_front_page_is_its_readme() {
    for package in packages(&["--no-deps"]).iter().filter(|p| PUBLISHED.contains(&text(p, "name"))) {
        let name = text(package, "name");
        assert!(
            package["repository"].is_null(),
            "{name}: the repository is nobody's until it has an address"
        );
        assert_eq!(text(package, "license"), "MIT OR Apache-2.0", "{name}");
        assert_eq!(text(package, "rust_version"), "1.88", "{name}");
        assert_eq!(text(package, "edition"), "2024", "{name}");
        assert_eq!(package["metadata"]["docs"]["rs"]["all-features"], true, "{name}");
        assert_eq!(array(package, "keywords").len(), 5, "{name}");
        for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            assert!(folder(name).join(file).is_file(), "{name}/{file} is missing");
        }
        let entry = read(&folder(name).join("src/lib.rs"));
        assert!(entry.contains(r#"#![doc = include_str!("../README.md")]"#), "{name}");
    }
}

/// Clippy says it of a call; this says it also where a file may call what clippy disallows.
#[test]
fn programs_print_through_one_door() {
    let doors =
        ["io::stdout", "io::stderr", "println!", "print!(", "::parse()", "error.exit()", "error.print()"];
    let sources = ["gateway", "oracle", "runbook", "small"]
        .map(|package| root().join("examples").join(package).join("src"));
    let sources = sources.iter().flat_map(|folder| files(folder));
    for path in sources.filter(|path| !path.ends_with("src/output.rs")) {
        let text = read(&path);
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let door = doors.iter().find(|door| code.contains(*door) && !code.contains("parse::<"));
            assert!(door.is_none(), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

/// Where a library may touch the world: a feature's rooms, and what tests alone compile. All else is a pure core, which no
/// target without files, sockets and clocks could refuse; openclaw-probe's is its thresholds, gate and schedule.
const DOORS: &[(&str, &[&str])] = &[
    ("openclaw-token", &["fs", "fs.rs", "object.rs"]),
    (
        "openclaw-compose",
        &["docker", "docker.rs", "fs", "fs.rs", "open", "open.rs", "openclaw/findings/search/checkout.rs"],
    ),
    (
        "openclaw-pairing",
        &["client", "client.rs", "offline", "offline.rs", "machine/model", "machine/model.rs"],
    ),
    (
        "openclaw-probe",
        &[
            "attempts.rs",
            "authenticate.rs",
            "classify.rs",
            "fleet.rs",
            "fuzzing.rs",
            "http.rs",
            "ladder",
            "ladder.rs",
            "prober.rs",
            "stream",
            "stream.rs",
        ],
    ),
];

/// Clippy says it of the commonest calls; this says it of every path.
#[test]
fn cores_touch_no_file_socket_process_environment_or_clock() {
    const WORLD: &[&str] = &[
        "std::fs",
        "std::process",
        "std::env",
        "tokio::",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "ToSocketAddrs",
        "SystemTime::now",
        "Instant::now",
        "println!",
        "print!",
        "std::io::std",
    ];
    for (library, doors) in DOORS {
        let sources = root().join(library).join("src");
        for door in *doors {
            assert!(
                sources.join(door).exists() || !door.ends_with(".rs"),
                "{library}: {door} is gone; drop the row"
            );
        }
        for path in files(&sources) {
            let room = path.strip_prefix(&sources).unwrap();
            if doors.iter().any(|door| room.starts_with(door)) {
                continue;
            }
            let text = read(&path);
            let core = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for line in core.lines().map(|line| line.split("//").next().unwrap_or_default()) {
                let world = WORLD.iter().find(|word| line.contains(*word));
                assert!(world.is_none(), "{}: {line}", path.display());
            }
        }
    }
}

/// Every Rust file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn packages(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &host()])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    array(&metadata, "packages").clone()
}

/// Only this platform's packages are sure to have been downloaded by the build that runs this test.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8(output.stdout).expect("rustc prints text");
    version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

/// Where a package lies.
fn folder(name: &str) -> PathBuf {
    match name {
        "openclaw-embedded-gateway" => root().join("examples/gateway"),
        "openclaw-runbook" => root().join("examples/runbook"),
        library => root().join(library),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("examples/ stands in the workspace")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is a list"))
}
