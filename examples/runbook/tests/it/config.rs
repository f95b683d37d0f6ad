//! `runbook config`, `explain` and `diff`, run as their users run them.
#![expect(clippy::disallowed_methods, reason = "the tests run programs with files of their own")]
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]
#![allow(dead_code, reason = "the support of all test files")]

use std::path::Path;
use std::process::Command;

use crate::support::{RUNBOOK, status, stderr, stdout};
use expect_test::expect;
use tempfile::TempDir;

const TOKEN: &str = "test-token-of-the-config-programs";

/// A directory `stack` with these files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join("stack").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// A gateway whose token comes from `.env`, with an override and an unset variable.
fn gateway() -> TempDir {
    project(&[
        (
            "compose.yaml",
            "services:\n  gateway:\n    image: openclaw:${TAG:-latest}\n    command: echo $$HOME $NOWHERE\n    \
             environment:\n      OPENCLAW_GATEWAY_TOKEN: ${TOKEN}\n      MODE: local\n",
        ),
        ("compose.override.yml", "services:\n  gateway:\n    environment:\n      MODE: remote\n"),
        (".env", &format!("TOKEN={TOKEN}\n")),
    ])
}

/// Exit status, standard output, standard error.
fn run(subcommand: &str, dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(RUNBOOK)
        .arg(subcommand)
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .output()
        .unwrap();
    (status(&output), stdout(&output), stderr(&output))
}

fn config(dir: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    run("config", &dir.path().join("stack"), arguments)
}

fn explain(dir: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    run("explain", &dir.path().join("stack"), arguments)
}

fn diff(dir: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    run("diff", dir.path(), arguments)
}

#[test]
fn config_prints_what_compose_prints_and_masks_secrets() {
    let dir = gateway();
    let (code, out, said) = config(&dir, &["config", "--format", "json"]);
    assert_eq!(code, 0, "{said}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let service = &json["services"]["gateway"];
    assert_eq!(service["image"], "openclaw:latest");
    assert_eq!(service["environment"]["MODE"], "********");
    assert!(!out.contains(TOKEN) && !said.contains(TOKEN), "{out}{said}");
    assert!(said.contains("The \"NOWHERE\" variable is not set. Defaulting to a blank string."), "{said}");

    let (code, out, _) = config(&dir, &["--show-secrets", "config", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let service = &json["services"]["gateway"];
    let shown = &service["environment"]["OPENCLAW_GATEWAY_TOKEN"];
    assert_eq!((code, shown.as_str()), (0, Some(TOKEN)));
    assert_eq!(service["command"][1], "$$HOME", "a literal dollar is doubled");
    assert_eq!(service["environment"]["MODE"], "remote");

    let (code, out, _) = config(&dir, &["-p", "other", "config"]);
    assert!(code == 0 && out.starts_with("name: other\n"), "{out}");
    let (code, out, said) = config(&dir, &["config", "-q"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(said.contains("NOWHERE"), "warnings are for standard error, quiet or not");
}

/// Files, arguments, exit status and the beginning of what is said.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], i32, &'a str);

#[test]
fn config_ends_as_compose_does_with_the_place_first() {
    let ok = ("compose.yaml", "services: {a: {image: x}}\n");
    let cases: &[Case<'_>] = &[
        (&[("notes", "")], &["config"], 14, "OC-C"),
        (&[ok], &["-f", "absent.yml", "config"], 14, "OC-C"),
        (&[ok], &["--env-file", "absent.env", "config"], 1, "OC-C"),
        (&[ok, (".env", "A=1\nB C=2\n")], &["config"], 1, ".env:2:1: "),
        (&[("compose.yaml", "services:\n  a:\n    imagee: x\n")], &["config"], 15, "compose.yaml:3:5: "),
        (
            &[("compose.yaml", "services: {a: {image: '${V:?set V}'}}\n")],
            &["config"],
            15,
            "compose.yaml:1:24: ",
        ),
        (
            &[("compose.yaml", "services: {a: {image: x, env_file: e}}\n")],
            &["config"],
            14,
            "compose.yaml:1:36: ",
        ),
        (&[ok], &["--nonsense", "config"], 1, "error: unexpected argument"),
        (&[ok], &["-f"], 1, "error: a value is required"),
        (&[ok], &["config", "--format", "xml"], 1, "error: invalid value"),
        (&[ok], &["--dialect", "9", "config"], 1, "error: invalid value"),
        (&[ok], &["--help"], 0, ""),
    ];
    for (files, arguments, expected, beginning) in cases {
        let (code, out, said) = config(&project(files), arguments);
        // What is refused has status 1 since compose-go 2.4.9; the older ones tell a missing file and a bad project apart.
        let newest = if matches!(expected, 14 | 15) { 1 } else { *expected };
        assert_eq!(code, newest, "{arguments:?}: {said}");
        let old = [&["--dialect", "2.4"], *arguments].concat();
        if !said.starts_with("error:") {
            assert_eq!(config(&project(files), &old).0, *expected, "{old:?}");
        }
        assert!(said.starts_with(beginning), "{arguments:?}: {said}");
        assert!(code == 0 || out.is_empty(), "{arguments:?}: {out}");
    }
    let (_, _, said) = config(&project(&[("compose.yaml", "services:\n  a:\n    imagee: x\n")]), &["config"]);
    assert!(said.contains("did you mean `image`?"), "{said}");
}

#[test]
fn a_dialect_is_asked_for_and_named() {
    let dir = project(&[
        ("compose.yaml", "services: {a: {image: '${SET:-${UNSET:?inner}}'}}\n"),
        (".env", "SET=x\n"),
    ]);
    let (code, _, said) = config(&dir, &["config", "-q"]);
    assert!(code == 1 && said.ends_with("(read as compose-go 2.9.1)\n"), "{said}");
    let (code, out, said) = config(&dir, &["--dialect", "2.10.1", "config"]);
    assert_eq!((code, said.as_str()), (0, ""), "a script with nothing to read is told nothing: {out}");
    let (code, out, _) = explain(&dir, &["--dialect", "2.10.1", "services.a.image"]);
    assert!(code == 0 && out.ends_with("(read as compose-go 2.10.1)\n"), "{out}");
    let (_, out, _) = explain(&dir, &["--dialect", "2.10.1", "--json", "services.a.image"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["dialect"], &json["path"]), (&"compose-go 2.10.1".into(), &"services.a.image".into()));
}

#[test]
fn a_story_quotes_and_underlines_its_lines() {
    let dir = gateway();
    let (code, out, said) = explain(&dir, &["gateway", "MODE"]);
    assert_eq!(code, 0, "{said}");
    expect![[r#"
        services.gateway.environment.MODE = "********"
        (masked: not known to be harmless; --show-secrets prints it)

        what decided it, first to last:

          1. compose.override.yml:4:13: as it is written
              --> compose.override.yml:4:13
               |
             4 |       MODE: ********
               |             ^^^^^^^^

          2. overrides compose.yaml:7:13

          3. service gateway: what its container gets

        what it shadows, nearest first:

          1. compose.yaml:7:13, overridden by compose.override.yml:4:13
              --> compose.yaml:7:13
               |
             7 |       MODE: ********
               |             --------

        (read as compose-go 2.9.1)
    "#]]
    .assert_eq(&out);
    let (code, out, said) = explain(&dir, &["gateway", "OPENCLAW_GATEWAY_TOKEN"]);
    assert_eq!(code, 0, "{said}");
    assert!(!out.contains(TOKEN) && !said.contains(TOKEN), "{out}{said}");
    expect![[r#"
        services.gateway.environment.OPENCLAW_GATEWAY_TOKEN = "********"
        (masked: its name, or that of a variable in it, looks secret; --show-secrets prints it)

        what decided it, first to last:

          1. .env:1: an env file of the project
              --> .env:1:7
               |
             1 | TOKEN=********
               |       ^^^^^^^^

          2. interpolated at compose.yaml:6:31: the template is filled in
              --> compose.yaml:6:31
               |
             6 |       OPENCLAW_GATEWAY_TOKEN: ${TOKEN}
               |                               ^^^^^^^^

          3. service gateway: what its container gets

        (read as compose-go 2.9.1)
    "#]]
    .assert_eq(&out);
    let (_, out, _) = explain(&dir, &["--show-secrets", "$TOKEN"]);
    assert!(out.contains(TOKEN), "{out}");
    let (_, out, _) = explain(&dir, &["--json", "gateway", "OPENCLAW_GATEWAY_TOKEN"]);
    assert!(out.contains("\"dotenv\"") && !out.contains(TOKEN), "{out}");
}

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let dir = gateway();
    for (arguments, expected) in [
        (&["gateway.image"][..], "did you mean services.gateway.image?"),
        (&["services.gateway.imag"], "services.gateway has: command, environment, image, networks"),
        (&["services.gatewy.image"], "services: gateway"),
        (&["gateway", "MODES"], "it has: MODE, OPENCLAW_GATEWAY_TOKEN"),
    ] {
        let (code, out, said) = explain(&dir, arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn two_stacks_differ_in_values_and_never_show_a_secret() {
    let dir = gateway();
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(
        other.join("compose.yaml"),
        "name: stack\nservices:\n  gateway:\n    image: openclaw:2\n    environment: {OPENCLAW_GATEWAY_TOKEN: test-token-elsewhere}\n",
    )
    .unwrap();
    let (code, out, said) = diff(&dir, &["--no-shell", "stack", "other"]);
    assert_eq!(code, 1, "{said}");
    assert!(!out.contains("test-token") && !said.contains("test-token"), "{out}{said}");
    expect![[r#"
        both read as compose-go 2.9.1
        - services.gateway.command = a list
            NOWHERE is set nowhere -> interpolated at compose.yaml:4:14 -> service gateway
        - services.gateway.environment.MODE = "********"
            compose.override.yml:4:13 -> overrides compose.yaml:7:13 -> service gateway
        ~ services.gateway.environment.OPENCLAW_GATEWAY_TOKEN (secret, not the same)
          - .env:1 -> interpolated at compose.yaml:6:31 -> service gateway
          + compose.yaml:5:43 -> service gateway
        ~ services.gateway.image
          - "openclaw:latest"
            TAG is unset, default at compose.yaml:3:21 -> interpolated at compose.yaml:3:12 -> service gateway
          + "openclaw:2"
            compose.yaml:4:12 -> service gateway
    "#]]
    .assert_eq(&out);
    let (code, out, _) = diff(&dir, &["--json", "stack", "other"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == 1 && json["differences"].as_array().is_some_and(|all| all.len() > 3), "{out}");
    assert!(!out.contains("test-token"), "{out}");
    assert_eq!(diff(&dir, &["stack", "stack"]).0, 0);
    let (code, out, said) = diff(&dir, &["stack", "absent"]);
    assert_eq!((code, out.as_str()), (2, ""), "{said}");
}

/// Values under names that nobody thought of, which only a list of the harmless ones keeps back.
#[test]
fn no_value_is_shown_that_is_not_known_to_be_harmless() {
    let names = [
        "CREDS",
        "AUTH",
        "KEY",
        "LOGIN",
        "PASS1",
        "HMAC",
        "MASTER",
        "SEED",
        "UNLOCK",
        "LICENSE",
        "MY_PIN",
        "SSH_PRIV",
        "TAILSCALE",
        "DISCORD_BOT",
        "DATABASE_URL",
        "REDIS",
        "FOO",
    ];
    for secret in ["sunflowerhorse", "purple-monkey-dishwasher", "open sesame please", "4815162342", "k9x2q"]
    {
        let stack = |image: &str, secret: &str| {
            let variables: String =
                names.iter().map(|name| format!("      {name}: \"{secret}\" # {secret}\n")).collect();
            let rest = format!(
                "    command: [login, \"{secret}\", \"-p{secret}\"]\n    labels: [\"a.b={secret}\"]\n    x-note: \"{secret}\"\n    \
                 x-notes: [{{note: [\"{secret}\"]}}]\n    logging: {{options: {{tag: \"{secret}\"}}}}\n"
            );
            format!("name: s\nservices:\n  a:\n    image: {image}\n{rest}    environment:\n{variables}")
        };
        let dir = tempfile::tempdir().unwrap();
        for (side, text) in [
            ("left", stack("x:1", secret)),
            ("right", stack("x:2", &(secret.replace(' ', "-") + "x").to_uppercase())),
        ] {
            std::fs::create_dir(dir.path().join(side)).unwrap();
            std::fs::write(dir.path().join(side).join("compose.yaml"), text).unwrap();
        }
        std::fs::write(
            dir.path().join("right/compose.override.yml"),
            "services: {a: {environment: {ONLY: x}}}\n",
        )
        .unwrap();
        for arguments in [&["--no-shell", "left", "right"][..], &["--json", "--no-shell", "left", "right"]] {
            let (code, out, said) = diff(&dir, arguments);
            let shown = (out + &said).to_lowercase();
            assert!(code == 1 && shown.contains("x:2"), "{shown}");
            assert!(
                !shown.contains(secret) && !shown.contains(&secret.replace(' ', "-")),
                "{secret}: {shown}"
            );
            let path =
                |name: &&&str| !shown.contains(&format!("services.a.environment.{}", name.to_lowercase()));
            assert_eq!(names.iter().find(path), None, "{shown}");
        }
        let file = ["-f", "left/compose.yaml"];
        for format in ["yaml", "json"] {
            let asked = [&file[..], &["--format", format]].concat();
            let (code, out, said) = run("config", dir.path(), &asked);
            assert!(code == 0 && !(out.clone() + &said).contains(secret), "{out}{said}");
            let (_, out, _) = run("config", dir.path(), &[&asked[..], &["--show-secrets"]].concat());
            assert!(out.contains(secret), "{out}");
        }
        let asked = names.iter().map(|name| vec!["a", name]);
        let paths = ["command", "command.1", "labels", "labels.a.b", "environment", "x-note"];
        let paths: Vec<String> = paths.iter().map(|path| format!("services.a.{path}")).collect();
        for asked in asked.chain(paths.iter().map(|path| vec![path.as_str()])) {
            for json in [&[][..], &["--json"]] {
                let (code, out, said) = run("explain", dir.path(), &[&file[..], json, &asked].concat());
                assert!(code == 0 && !(out.clone() + &said).contains(secret), "{asked:?}: {out}{said}");
            }
        }
        let (_, out, _) =
            run("explain", dir.path(), &[&file[..], &["--show-secrets", "a", "CREDS"]].concat());
        assert!(out.contains(secret), "{out}");
    }
    let dir = gateway();
    let (_, out, _) = explain(&dir, &["services.gateway.image"]);
    assert!(out.starts_with("services.gateway.image = \"openclaw:latest\"\n"), "{out}");
}

/// Two texts that nobody can read are not the same, nor is what they might have set.
#[test]
fn what_cannot_be_read_on_a_side_is_not_said_to_be_the_same() {
    let deep = format!("services: {{a: {{image: x, x-a: {}{}}}}}\n", "[".repeat(300), "]".repeat(300));
    let fine = "services: {a: {image: x}}\n";
    for (left, right, code) in [
        ("services: {a: {image: x\n", "services: {b: {image: y}, {{{\n", "OC-C010"),
        (fine, "services: {a: {image: x}}\n\t- b\n", "OC-C01"),
        (deep.as_str(), deep.as_str(), "OC-C017"),
        (fine, "services: {a: {image: x, env_file: [no.env]}}\n", "OC-C"),
        (fine, "services: {a: {extends: {file: no.yaml, service: a}, image: x}}\n", "OC-C001"),
        (fine, "include: [no.yaml]\nservices: {a: {image: x}}\n", "OC-C"),
        (fine, "services: {a: {image: '${A!}'}}\n", "OC-C030"),
    ] {
        let dir = project(&[("left.yaml", left), ("right.yaml", right)]);
        for (arguments, sides) in [
            (&["left.yaml", "right.yaml"][..], "right.yaml: "),
            (&["right.yaml", "left.yaml"], "right.yaml: "),
            (&["--json", "left.yaml", "right.yaml"], "right.yaml: "),
        ] {
            let (status, out, said) = run("diff", &dir.path().join("stack"), arguments);
            assert_eq!(status, 2, "{right}: {out}{said}");
            assert!(
                !out.contains("no value differs") && said.contains(sides) && said.contains(code),
                "{out}{said}"
            );
        }
    }
    #[cfg(unix)]
    {
        let files = "services: {a: {image: x, env_file: [{path: e.env, required: false}]}}\n";
        let dir = project(&[("left.yaml", files), ("right.yaml", fine)]);
        let made = Command::new("mkfifo").arg(dir.path().join("stack/e.env")).status().unwrap();
        assert!(made.success());
        let (status, out, said) = run("diff", &dir.path().join("stack"), &["left.yaml", "right.yaml"]);
        assert!(status == 2 && said.contains("OC-C004"), "{out}{said}");
    }
}

/// Masked, it still shows what a stack is made of.
#[test]
fn a_masked_project_shows_what_is_harmless() {
    let stack = "name: s\nservices:\n  gateway:\n    image: ghcr.io/openclaw/openclaw:2026.9.6\n    user: \"1000:1000\"\n    \
                 command: [node, dist/index.js, gateway, --bind, lan, --port, \"18789\"]\n    \
                 environment: {HOME: /home/node, OPENCLAW_GATEWAY_BIND: lan, FOO: sunflower}\n    \
                 ports: [\"127.0.0.1:18789:18789\"]\n    restart: unless-stopped\n    init: true\n    mem_limit: 1g\n    \
                 volumes: [\"/srv/state:/home/node/.openclaw:ro\", \"data:/data\"]\n    networks: [edge]\n    \
                 healthcheck: {test: [CMD, curl, -fsS, \"http://127.0.0.1:18789/healthz\"], interval: 30s, retries: 3}\n\
                 networks: {edge: {driver: bridge}}\nvolumes: {data: {}}\n";
    let dir = project(&[("compose.yaml", stack)]);
    let (code, out, said) = config(&dir, &[]);
    assert_eq!(code, 0, "{said}");
    let (_, shown, _) = config(&dir, &["--show-secrets"]);
    assert_eq!(out, shown.replace("FOO: sunflower", "FOO: '********'"));
}
