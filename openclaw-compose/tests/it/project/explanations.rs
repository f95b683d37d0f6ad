//! What decided a value, and what differs between two projects.

use expect_test::expect;
use openclaw_compose::project::{self, ChangeKind, Format, Inputs, Reveal};
use openclaw_compose::source::is_hidden;

use super::{config, inputs, resolve, texts};

#[test]
fn a_value_through_every_layer() {
    let files = [
        (".env", "TOKEN=test-token-dotenv\n"),
        ("gateway.env", "T=test-token-file\n"),
        ("base.yaml", "services: {base: {image: x, env_file: gateway.env}}\n"),
        (
            "compose.yaml",
            "services:\n  a:\n    extends: {file: base.yaml, service: base}\n    environment:\n      T: change-me\n",
        ),
        ("compose.override.yml", "services:\n  a:\n    environment:\n      T: ${TOKEN}\n"),
    ];
    let resolution = resolve(&files, &[("TOKEN", "test-token-shell")]);
    let told = resolution.env("a", "T").expect("told");
    expect!["shell (TOKEN) -> interpolated at compose.override.yml:4:10 -> overrides compose.yaml:5:10 -> overrides gateway.env:1:3 -> service a"]
        .assert_eq(&told.to_string());
    let shadowed: Vec<_> = told.shadowed.iter().map(|step| step.text.as_str()).collect();
    expect![[r#"
        .env:1, shadowed by the shell
        compose.yaml:5:10, overridden by compose.override.yml:4:10
        gateway.env:1 -> env_file listed at base.yaml:1:39, overridden by compose.override.yml:4:10"#]]
    .assert_eq(&shadowed.join("\n"));
    assert_eq!(told.shown().as_deref(), Some("********"), "a variable with a secret name went in");
}

/// Nothing shorter than six characters is looked for, so that only its place tells.
#[test]
fn a_short_secret_is_masked_where_it_stands() {
    let stack = r#"
services:
  a:
    image: x
    command: [--token, k9x2q, --password=k9x2q, --bind, lan]
    environment:
      DATABASE_URL: postgres://admin:k9x2q@db:5432/x
      GATEWAY: ws://u:k9x2q@h:1?token=k9x2q
      PARTS: Server=db;Password=k9x2q;
    healthcheck: {test: [CMD, curl, -u, 'a:k9x2q', -H, 'Authorization: Bearer k9x2q', 'http://127.0.0.1']}
    labels: {a.password: k9x2q}
"#;
    let resolution = resolve(&[("compose.yaml", stack)], &[]);
    let other = resolve(&[("compose.yaml", &stack.replace("k9x2q", "k9x2"))], &[]);
    let told = |path: &str| serde_json::to_string(&resolution.explain(path).expect(path)).expect("JSON");
    let differences = serde_json::to_string(&other.compare(&resolution)).expect("JSON");
    for shown in [
        resolution.config(Format::Yaml, Reveal::Masked),
        resolution.config(Format::Json, Reveal::Masked),
        told("services.a.environment.DATABASE_URL"),
        told("services.a.command.1"),
        told("services.a.command.2"),
        told("services.a.healthcheck.test.3"),
        differences,
    ] {
        assert!(shown.contains("********") && !shown.contains("k9x2"), "{shown}");
    }
    let shown = resolution.config(Format::Yaml, Reveal::Masked);
    assert!(shown.contains("- lan"), "{shown}");
    assert!(resolution.config(Format::Yaml, Reveal::Secrets).contains("k9x2q"));
}

#[test]
fn paths_find_values() {
    let stack = "services: {a: {image: 'x:${TAG:-1}', labels: {a.b: c}, ports: ['80:81']}}";
    let resolution = resolve(&[("compose.yaml", stack)], &[]);
    let told = |path: &str| resolution.explain(path).map(|told| told.to_string()).unwrap_or_default();
    expect!["TAG is unset, default at compose.yaml:1:26 -> interpolated at compose.yaml:1:23 -> service a"]
        .assert_eq(&told("services.a.image"));
    expect!["compose.yaml:1:52 -> service a"].assert_eq(&told("services.a.labels.a.b"));
    expect!["compose.yaml:1:64 -> service a"].assert_eq(&told("services.a.ports.0.published"));
    assert_eq!(resolution.at("services.a.ports[0].target").and_then(|node| node.as_int()), Some(81));
    assert!(resolution.explain("services.a.nope").is_none() && resolution.explain("services.zz").is_none());
}

#[test]
fn two_projects_differ_where_they_differ() {
    let stack = ("compose.yaml", "services: {a: {image: 'x:$TAG', environment: {TOKEN: $TOKEN, SAME: s}}}");
    let left = resolve(&[stack, (".env", "TAG=1\nTOKEN=test-token-1\n")], &[]);
    let more = "services: {a: {image: 'x:$TAG', user: '1', environment: {TOKEN: $TOKEN, SAME: s}}}";
    let right = resolve(&[("compose.yaml", more), (".env", "TAG=2\n")], &[("TOKEN", "test-token-2")]);
    let compared = left.compare(&right);
    let lines: Vec<_> = compared
        .differences
        .iter()
        .map(|difference| (difference.change.kind(), difference.path.as_str()))
        .collect();
    assert_eq!(
        lines.iter().filter(|(kind, _)| *kind != ChangeKind::Moved).copied().collect::<Vec<_>>(),
        [
            (ChangeKind::Changed, "services.a.environment.TOKEN"),
            (ChangeKind::Changed, "services.a.image"),
            (ChangeKind::Added, "services.a.user"),
        ]
    );
    let json = serde_json::to_string(&compared).expect("JSON");
    assert!(!json.contains("test-token") && json.contains(".env:2"), "{json}");
    assert!(left.compare(&resolve(&[stack, (".env", "TAG=1\nTOKEN=test-token-1\n")], &[])).is_same());
}

#[test]
fn a_canary_appears_nowhere_it_must_not() {
    let canary = "canary-7f3a9c2e51";
    let files = texts(&[
        (".env", &format!("OPENCLAW_GATEWAY_TOKEN={canary}\nOTHER_SECRET='{canary}\n")),
        ("e.env", &format!("API_KEY={canary}\n")),
        (
            "compose.yaml",
            &format!(
                "services:\n  a:\n    image: x\n    env_file: e.env\n    command: [run, --token, \"${{OPENCLAW_GATEWAY_TOKEN}}\"]\n    environment:\n      - DB_PASSWORD={canary}\n      - T=${{MY_TOKEN:-{canary}}}\n    labels: {{auth.token: {canary}}}\n    ports: ['${{OPENCLAW_GATEWAY_TOKEN}}:80']\n"
            ),
        ),
        (
            "compose.override.yml",
            &format!(
                "services:\n  a:\n    environment: {{DB_PASSWORD: '{canary}x'}}\n    restart: ${{OPENCLAW_GATEWAY_TOKEN:?{canary}\n"
            ),
        ),
    ]);
    let resolution = project::resolve(&inputs(&[("SESSION_KEY", canary)]), &files);
    let mut outputs = vec![
        format!("{resolution:?}"),
        format!("{:?}", resolution.service("a").map(|service| service.node().clone())),
        serde_json::to_string(resolution.findings()).expect("JSON"),
        resolution.config(Format::Json, Reveal::Masked),
        resolution.config(Format::Yaml, Reveal::Masked),
    ];
    for path in [
        "services.a.command.2",
        "services.a.labels.auth.token",
        "services.a.environment.API_KEY",
        "services.a.environment.T",
    ] {
        if let Some(told) = resolution.explain(path) {
            outputs.push(format!("{told} {told:?} {}", serde_json::to_string(&told).expect("JSON")));
            for step in told.steps.iter().chain(&told.shadowed) {
                outputs.extend(
                    step.place.as_ref().map(|place| format!("{:?}", resolution.sources().quote(place.span))),
                );
            }
        }
    }
    for output in &outputs {
        assert!(!output.contains(canary), "{output}");
    }
}

#[test]
fn the_canonical_form_holds_what_cannot_be_seen_as_escapes_and_reads_back_the_same() {
    let stack = r#"
name: p
services:
  a:
    image: x
    labels:
      escape: "\e[2K\x9b1A\x7f\a\0"
      line: "first\rsecond\u2028third\nfourth"
      order: "user\u202enimda \u2066x\u2069 \u200b\u200d\ufeff\u00ad\U000E0041"
      "key\u202e": "printable: é 漢 \U0001F980 ❤️"
"#;
    let files = |text: &str| resolve(&[("compose.yaml", text)], &[]);
    let before = files(stack);
    let yaml = before.config(Format::Yaml, Reveal::Secrets);
    let json = before.config(Format::Json, Reveal::Secrets);
    for shown in [&yaml, &json] {
        assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n'), "{shown:?}");
        assert!(shown.contains("printable: é 漢 "), "{shown}");
    }
    let labels = &config(&before)["services"]["a"]["labels"];
    assert_eq!(
        labels["order"],
        "user\u{202e}nimda \u{2066}x\u{2069} \u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}"
    );
    assert_eq!(config(&files(&yaml)), config(&before), "{yaml}");
}

#[test]
fn what_compose_supplies_says_what_it_is_made_of() {
    let stack = "services:\n  a: {image: x, network_mode: 'service:b'}\n  b: {image: y}\n";
    let resolution = resolve(&[("compose.yaml", stack)], &[]);
    let told = |path: &str| resolution.explain(path).map(|told| told.to_string()).unwrap_or_default();
    assert_eq!(told("networks.default.name"), "the project's name and this key");
    assert_eq!(told("services.b.networks.default"), "the service names no networks -> service b");
    assert_eq!(
        told("services.a.depends_on.b.condition"),
        "a link or a shared namespace is a dependency -> service a"
    );
}

#[test]
fn a_projects_name_has_a_story_too() {
    let told = |inputs: Inputs, files: &[(&str, &str)]| {
        let resolution = project::resolve(&inputs, &texts(files));
        let told = resolution.explain("name").map(|told| told.to_string());
        (resolution.project_name().to_owned(), told.unwrap_or_default())
    };
    let plain = [("compose.yaml", "services: {a: {image: x}}")];
    let named = [("compose.yaml", "name: n-$V\nservices: {a: {image: x}}"), (".env", "V=1\n")];
    let by_dotenv = [("compose.yaml", "services: {a: {image: x}}"), (".env", "COMPOSE_PROJECT_NAME=d\n")];
    for (inputs, files, name, provenance) in [
        (inputs(&[]), &plain[..], "p", "the name of the project's directory"),
        (inputs(&[]), &named, "n-1", ".env:1 -> interpolated at compose.yaml:1:7"),
        (inputs(&[]), &by_dotenv, "d", ".env:1"),
        (inputs(&[("COMPOSE_PROJECT_NAME", "s")]), &by_dotenv, "s", "shell (COMPOSE_PROJECT_NAME)"),
        (inputs(&[]).project_name("f"), &named, "f", "-p on the command line"),
    ] {
        assert_eq!(told(inputs, files), (name.to_owned(), provenance.to_owned()));
    }
}
