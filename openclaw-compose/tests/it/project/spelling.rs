//! Names that differ by case alone, on a volume that ignores case, as a Mac's usually does, and on one that tells it apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use openclaw_compose::finding::{Code, Finding};
use openclaw_compose::openclaw::{Stack, examine};
use openclaw_compose::project::{self, Files, Inputs, Kind, ReadError, Resolution, Texts};

/// A disk with names as they are spelled.
struct Volume {
    files: BTreeMap<&'static str, &'static str>,
    ignores_case: bool,
}

impl Volume {
    fn new(files: &[(&'static str, &'static str)], ignores_case: bool) -> Self {
        Self { files: files.iter().copied().collect(), ignores_case }
    }

    /// The same, as this volume finds it.
    fn texts(&self, asked: &str) -> Texts {
        self.files.iter().fold(Texts::new(), |texts, (path, text)| {
            let is_it = self.ignores_case && path.to_lowercase() == asked.to_lowercase();
            texts.file(if is_it { asked } else { path }, text)
        })
    }

    fn resolve(&self) -> Resolution {
        project::resolve(&Inputs::new("/srv"), self)
    }
}

impl Files for Volume {
    fn kind(&self, path: &str) -> Option<Kind> {
        self.texts(path).kind(path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        self.texts(path).read(path)
    }

    fn names_within(&self, _: &[&str], directory: &str) -> Result<Vec<String>, ReadError> {
        let inside = format!("{directory}/");
        let below = self.files.keys().filter_map(|path| path.strip_prefix(inside.as_str()));
        let mut names: Vec<String> =
            below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect();
        names.dedup();
        Ok(names)
    }
}

const GATEWAY: &str = "
services:
  gw:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }
    volumes: ['./State:/home/node/.openclaw']
";

fn told(findings: &[Finding]) -> Vec<(&str, &str)> {
    let of_case = findings.iter().filter(|finding| finding.code == Code::NameDiffersByCase);
    of_case
        .map(|finding| {
            (finding.summary.as_str(), finding.remedy.as_ref().map_or("", |remedy| remedy.text.as_str()))
        })
        .collect()
}

#[test]
fn a_compose_file_and_an_env_file_by_another_case_are_told_of_wherever_they_are_read() {
    let files = [("/srv/Compose.YAML", "services: { a: { image: x } }"), ("/srv/.ENV", "A=1")];
    for ignores_case in [true, false] {
        let resolution = Volume::new(&files, ignores_case).resolve();
        assert_eq!(
            resolution.compose_would_refuse().is_none(),
            ignores_case,
            "it is found by a Mac's volume"
        );
        let told = told(resolution.findings());
        assert_eq!(told.len(), 2, "{told:?}");
        for (name, usual) in [(".ENV", ".env"), ("Compose.YAML", "compose.yaml")] {
            let summary = format!(
                "{name} is found as {usual} on a volume that ignores case, as a Mac's usually does, and on no other"
            );
            assert!(told.contains(&(summary.as_str(), format!("rename it to {usual}").as_str())), "{told:?}");
        }
    }
}

#[test]
fn of_two_names_that_differ_by_case_alone_a_mac_holds_one() {
    let files = [
        ("/srv/Compose.yaml", "services: { b: { image: x } }"),
        ("/srv/compose.yaml", "services: { a: { image: x, env_file: Gateway.env } }"),
        ("/srv/gateway.env", "A=1"),
    ];
    let resolution = Volume::new(&files, false).resolve();
    let told = told(resolution.findings());
    assert!(
        told.iter().any(|(summary, help)| {
            summary.starts_with("Compose.yaml and compose.yaml differ by case alone")
                && help.starts_with("keep compose.yaml")
        }),
        "{told:?}"
    );
    let missing = ("gateway.env is found as Gateway.env", "rename it to Gateway.env");
    assert!(
        told.iter().any(|(summary, help)| summary.starts_with(missing.0) && *help == missing.1),
        "{told:?}"
    );
    let usual = [("/srv/compose.yaml", "services: { a: { image: x } }"), ("/srv/.env", "A=1")];
    assert_eq!(self::told(Volume::new(&usual, true).resolve().findings()), []);
}

/// On Linux Docker makes an empty directory, of root's, where the state was meant.
#[test]
fn a_state_that_is_mounted_by_another_case_is_told_of_at_its_mount() {
    let files = [
        ("/srv/compose.yaml", GATEWAY),
        ("/srv/.env", "OPENCLAW_GATEWAY_TOKEN=canary-of-a-test-0123456789\n"),
        ("/srv/state/openclaw.json", "{ gateway: { mode: 'local', bind: 'lan' } }"),
    ];
    for ignores_case in [true, false] {
        let volume = Volume::new(&files, ignores_case);
        let resolution = volume.resolve();
        let report = examine(&Stack::new(&resolution).files(&volume));
        let told: Vec<&Finding> = report.of_code(Code::NameDiffersByCase).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].summary.starts_with("state is found as State"), "{}", told[0].summary);
        assert_eq!(told[0].primary().map(|place| place.line), Some(7));
    }
}
