//! What podman-compose makes of a stack that Docker Compose does not, each as the program was seen to do it
//! (`tests/corpus/podman`).

use openclaw_compose::finding::{Code, Finding, Severity};
use openclaw_compose::openclaw::{Stack, examine};
use openclaw_compose::project::{self, Composer, Inputs, Texts};

const RUNS: &str = "podman-compose version 1.6.0\npodman version 5.8.6\n";

fn differs(
    files: &[(&str, &str)],
    profiles: &str,
    by: Option<&str>,
    engine: Option<&str>,
) -> Option<Finding> {
    let texts =
        files.iter().fold(Texts::new(), |texts, (name, text)| texts.file(format!("/srv/{name}"), *text));
    let inputs = Inputs::new("/srv").variable("COMPOSE_PROFILES", profiles);
    let resolution = project::resolve(&inputs, &texts);
    let mut stack = Stack::new(&resolution).files(&texts);
    if let Some(by) = by {
        stack = stack.composer(by.parse::<Composer>().expect("a release"));
    }
    if let Some(engine) = engine {
        stack = stack.engine("engine.json", engine);
    }
    examine(&stack).of_code(Code::PodmanComposeDiffers).next().cloned()
}

/// The place and the sentence.
fn told(files: &[(&str, &str)], profiles: &str) -> Option<String> {
    let finding = differs(files, profiles, Some(RUNS), None)?;
    let place = finding.primary().map(ToString::to_string).unwrap_or_default();
    Some(format!("{place}: {}", finding.summary))
}

fn told_of(compose: &str) -> Option<String> {
    told(&[("compose.yaml", compose)], "")
}

fn lines(told: &[Option<String>]) -> String {
    told.iter().map(|told| format!("{}\n", told.as_deref().unwrap_or("nothing"))).collect()
}

#[test]
fn networks() {
    let stack = |service: &str, networks: &str| {
        told_of(&format!(
            "services:\n  gw: {{image: x, networks: [front]}}\n  cli:\n    image: x\n    {service}\nnetworks: {{{networks}}}\n"
        ))
    };
    expect_test::expect![[r#"
        compose.yaml:3:3: cli is on srv_default with Docker Compose, and with podman-compose on front, the only network that is declared
        compose.yaml:3:3: cli is on srv_default with Docker Compose, and with podman-compose on podman's own network, where no name resolves
        compose.yaml:5:5: podman-compose refuses what Docker Compose reads: cli is on default, which `networks:` does not declare
        nothing
        nothing
        nothing
        nothing
    "#]].assert_eq(&lines(&[
        stack("tty: true", "front: "),
        stack("tty: true", "front: , back: "),
        stack("networks: [front, default]", "front: "),
        stack("networks: [front]", "front: "),
        stack("network_mode: host", "front: "),
        stack("tty: true", "front: , default: "),
        told_of("services: {gw: {image: x}, cli: {image: x}}"),
    ]));
}

#[test]
fn profiles() {
    let stack = [("compose.yaml", "services: {gw: {image: x, profiles: ['', db]}}")];
    expect_test::expect![[r#"
        compose.yaml:1:27: gw runs with Docker Compose, and not with podman-compose: none of its profiles is asked for by name
        compose.yaml:1:27: gw runs with Docker Compose, and not with podman-compose: none of its profiles is asked for by name
        nothing
    "#]].assert_eq(&lines(&[
        told(&stack, ""),
        told(&stack, "*"),
        told(&stack, "db"),
    ]));
}

#[test]
fn files_and_variables() {
    let gateway = "services: {gw: {image: x, env_file: a.env}}";
    let of_env_file = |text: &str| told(&[("compose.yaml", gateway), ("a.env", text)], "");
    let one = "services: {gw: {image: x}}";
    let bare = "services: {gw: {image: x, env_file: a.env, environment: [TOKEN]}}";
    expect_test::expect![[r#"
        : Docker Compose reads the first of the Compose files here, podman-compose all of them as one
        compose.yaml:1:58: a bare name in `environment` that is set nowhere hides the value of an env file with Docker Compose, and not with podman-compose
        compose.yaml:1:41: ${P} is empty with Docker Compose, and with podman-compose what the `environment` of gw gives it
        a.env:1:9: a `$` in TOKEN stands for a variable with Docker Compose, and for itself with podman-compose, which knows `${NAME}` alone
        a.env:2:1: PORT is set with Docker Compose, and not with podman-compose, which knows no colon in a file of variables
        nothing
    "#]].assert_eq(&lines(&[
        told(&[("compose.yaml", one), ("docker-compose.yml", "services: {}")], ""),
        told(&[("compose.yaml", bare), ("a.env", "TOKEN=1\n")], ""),
        told_of("services: {gw: {image: x, command: 'run ${P}', environment: {P: '1'}}}"),
        of_env_file("TOKEN=ab$cd\n"),
        of_env_file("A=1\nPORT: 2\n"),
        of_env_file("A='a$b'\nB=${A}\n"),
    ]));
}

#[test]
fn who_runs_it_decides_how_bad_it_is() {
    let stack = [("compose.yaml", "services: {gw: {image: x, profiles: ['']}}")];
    let severity = |by, engine| differs(&stack, "", by, engine).map(|finding| finding.severity);
    let podman = r#"{"host": {"security": {"rootless": true}}}"#;
    assert_eq!(severity(Some(RUNS), None), Some(Severity::Warning));
    assert_eq!(severity(None, Some(podman)), Some(Severity::Info));
    assert_eq!(severity(Some("Docker Compose version v2.40.3"), Some(podman)), None);
    assert_eq!(severity(None, None), None);
}
