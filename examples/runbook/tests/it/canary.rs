//! A token placed in every input never leaves: not in a ticket, an error or a panic, in no usual encoding.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::fmt::Write;
use std::path::Path;

use crate::support::{RUNBOOK, STACKS, copy, runbook, status, stderr, stdout};
use openclaw_compose::secrets::Secrets;
use openclaw_runbook::fixture::Mask;

const CANARY: &str = "canary/7Qz+\"token\"=never&shown";
const SIMPLE: &str = "canary-7QzToken-never-shown-anywhere-0123456789";

/// The usual ways in which a value leaves by accident.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let mut hex = String::new();
    let mut percent = String::new();
    for &byte in bytes {
        let _ = write!(hex, "{byte:02x}");
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            percent.push(char::from(byte));
        } else {
            let _ = write!(percent, "%{byte:02X}");
        }
    }
    let json = serde_json::to_string(secret).unwrap();
    vec![
        ("raw", secret.to_owned()),
        ("hex", hex.clone()),
        ("HEX", hex.to_uppercase()),
        ("percent", percent),
        ("json", json.trim_matches('"').to_owned()),
        // Three alignments: whatever precedes the secret, its middle is encoded as one of these.
        ("base64", base64(bytes)),
        ("base64 +1", base64(&bytes[1..])),
        ("base64 +2", base64(&bytes[2..])),
    ]
}

/// Base64 of whole groups of three, standard alphabet: the part that is the same wherever the text is cut off.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let n = u32::from(chunk[0]) << 16 | u32::from(chunk[1]) << 8 | u32::from(chunk[2]);
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(n >> shift & 63) as usize]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

fn must_not_show(secret: &str, what: &str, shown: &str) {
    let shown_url_safe = shown.replace('-', "+").replace('_', "/");
    for (name, form) in encodings(secret) {
        assert!(
            !shown.contains(&form) && !shown_url_safe.contains(&form),
            "{what} shows the canary ({name}):\n{shown}"
        );
    }
}

fn check_all(dir: &Path, secret: &str, what: &str) {
    for format in ["text", "json", "markdown", "html", "sarif", "junit"] {
        let path = dir.to_str().unwrap();
        let output = runbook(&[path, "--format", format, "--at", "2026-11-22T06:30:00Z"]);
        assert!((0..=3).contains(&status(&output)), "{what} {format}: {output:?}");
        must_not_show(secret, &format!("{what} ({format})"), &(stdout(&output) + &stderr(&output)));
    }
}

/// Replaces each stack's own tokens by the canary, wherever they stand.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn as_the_token_of_every_stack() {
    fn plant(path: &Path) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                plant(&entry.unwrap().path());
            }
        } else if let Ok(text) = std::fs::read_to_string(path) {
            let mut planted = text.clone();
            while let Some(start) = planted.find("test-token-") {
                let end = planted[start..].find("not-a-secret").map_or(planted.len(), |at| start + at + 12);
                planted.replace_range(start..end, SIMPLE);
            }
            std::fs::write(path, planted).unwrap();
        }
    }
    for stack in STACKS {
        let dir = copy(stack);
        let stack_dir = dir.path().join(stack);
        std::fs::remove_file(stack_dir.join("README.md")).ok();
        plant(&stack_dir);
        check_all(&stack_dir, SIMPLE, stack);
    }
}

/// The mask of fixtures: a secret of the stack is gone from its evidence, however it is written there.
#[test]
fn in_evidence_that_becomes_a_fixture() {
    let stack = format!("OPENCLAW_GATEWAY_TOKEN={SIMPLE}\n");
    let padded = [format!("a{SIMPLE}"), format!("ab{SIMPLE}")].map(|text| base64(text.as_bytes()));
    let mut evidence = format!("\"Env\": [\"OPENCLAW_GATEWAY_TOKEN={SIMPLE}\"]\n{}\n", padded.join("\n"));
    for (name, form) in encodings(SIMPLE) {
        let _ = writeln!(evidence, "2026-11-22T06:25:32.343+00:00 [ws] {name} ?token={form}&x");
    }
    let mut secrets = Secrets::new();
    secrets.add_from(&stack);
    let masked = Mask::new(secrets.iter().collect()).text(&evidence);
    must_not_show(SIMPLE, "a fixture", &masked);
    assert_eq!(masked.matches("2026-11-22T06:25:32.343+00:00 [ws] ").count(), encodings(SIMPLE).len());
}

/// The mask of transcripts: the same, wherever a frame carries it; and an id that a close reason cuts is still the same one.
#[test]
fn in_a_transcript_that_becomes_a_fixture() {
    let id = "2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a";
    for secret in [SIMPLE, CANARY] {
        let padded = [format!("a{secret}"), format!("ab{secret}")].map(|text| base64(text.as_bytes()));
        let mut forms: Vec<String> = encodings(secret).into_iter().map(|(_, form)| form).collect();
        forms.extend(padded);
        let mut mask = Mask::new(vec![secret.to_owned().into()]);
        for form in &forms {
            let mut line = serde_json::json!({
                "frame": { "payload": { "auth": { "token": form, "deviceToken": form, "method": form }, form: 1 } },
                "error": { "details": { "requestId": id, "seen": [form, [{ "at": form }]] } },
                "code": 1008,
                "reason": format!("unauthorized: {form} is not the token (requestId: {}", &id[..31]),
            });
            mask.json(&mut line);
            must_not_show(secret, "a transcript", &line.to_string());
            assert_eq!(line["error"]["details"]["requestId"], "request-1");
            assert!(line["reason"].as_str().unwrap().ends_with("(requestId: request-1 cut"), "{line}");
            assert_eq!(line["code"], 1008);
        }
        // What is no form of it stays.
        let mut frame = serde_json::json!({ "method": "token", "scopes": ["operator.read"] });
        let before = frame.clone();
        mask.json(&mut frame);
        assert_eq!(frame, before);
    }
}

/// A whole stack as `runbook mask` copies it: two tokens in all its files, and neither in the copy, where they still are
/// two.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files and run the binary")]
fn in_a_stack_that_becomes_a_fixture() {
    let dir = tempfile::tempdir().unwrap();
    let (stack, to) = (dir.path().join("stack"), dir.path().join("copy"));
    let home = "/home/somebody/stack";
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let container = serde_json::json!({
        "Id": "ab".repeat(32),
        "LogPath": "/var/lib/docker/containers/x-json.log",
        "GraphDriver": { "Data": { "UpperDir": "/var/lib/docker/overlay2/x" } },
        "Mounts": [{ "Type": "bind", "Source": format!("{home}/state"), "Destination": "/home/node/.openclaw" }],
        "Config": {
            "Env": [format!("OPENCLAW_GATEWAY_TOKEN={SIMPLE}"), format!("OPENCLAW_GATEWAY_PASSWORD={CANARY}")],
            "Labels": { "com.docker.compose.project.working_dir": home },
        },
    });
    let mut log = String::new();
    for secret in [SIMPLE, CANARY] {
        for (name, form) in encodings(secret) {
            let _ = writeln!(log, "[ws] {name} ?token={form}&x");
        }
    }
    let files = [
        (".env", format!("OPENCLAW_GATEWAY_TOKEN={SIMPLE}\nOTHER_TOKEN='{CANARY}'\n")),
        (
            "compose.yaml",
            format!(
                "services:\n  gw:\n    image: x\n    environment: [\"OPENCLAW_GATEWAY_TOKEN={SIMPLE}\"]\n"
            ),
        ),
        (
            "state/openclaw.json",
            format!("{{ gateway: {{ auth: {{ mode: \"token\", token: {} }} }} }}", json(CANARY)),
        ),
        ("captured/inspect.json", serde_json::to_string_pretty(&[container]).unwrap()),
        ("captured/ownership.txt", format!("0:0 755 \n0:0 600 {SIMPLE}\n")),
        ("captured/logs/openclaw-gateway.log", log),
        ("captured/devices/openclaw-gateway.json", format!("{{\"pending\":[{}]}}", json(CANARY))),
    ];
    for (name, text) in &files {
        let path = stack.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = std::process::Command::new(RUNBOOK)
        .arg("mask")
        .args([&stack, &to])
        .output()
        .expect("the binary starts");
    assert_eq!((status(&output), stdout(&output) + &stderr(&output)), (0, String::new()));
    let copied = |name: &str| std::fs::read_to_string(to.join(name)).unwrap();
    for (name, _) in &files {
        let text = copied(name);
        for secret in [SIMPLE, CANARY] {
            must_not_show(secret, name, &text);
        }
        for machine in [home, "/var/lib/docker", dir.path().to_str().unwrap()] {
            assert!(!text.contains(machine), "{name} shows {machine}:\n{text}");
        }
    }
    assert_eq!(
        copied(".env"),
        "OPENCLAW_GATEWAY_TOKEN=test-token-masked-1\nOTHER_TOKEN='test-token-masked-2'\n"
    );
    assert!(copied("state/openclaw.json").contains("token: \"test-token-masked-2\""));
    let inspect = copied("captured/inspect.json");
    assert!(inspect.contains("\"OPENCLAW_GATEWAY_TOKEN=test-token-masked-1\""), "{inspect}");
    assert!(inspect.contains("\"OPENCLAW_GATEWAY_PASSWORD=test-token-masked-2\""), "{inspect}");
    assert!(inspect.contains("\"/srv/stack/state\""), "{inspect}");
}

/// Puts the canary where a token has no business: broken files, log lines, names of things, odd carriers.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn in_every_odd_place_of_a_stack() {
    let json = serde_json::to_string(CANARY).unwrap();
    let places: Vec<(&str, &str, String)> = vec![
        (".env", "whole", format!("OPENCLAW_GATEWAY_TOKEN='{CANARY}'\n")),
        (".env", "broken line", format!("OPENCLAW_GATEWAY_TOKEN=\"{SIMPLE}\nnext\n")),
        (
            ".env",
            "other names",
            format!(
                "CLAWDBOT_GATEWAY_TOKEN={SIMPLE}\nGATEWAY_TOKEN={SIMPLE}\nOPENCLAW_GATEWAY_PASSWORD={SIMPLE}\n"
            ),
        ),
        (
            "state/openclaw.json",
            "token",
            format!("{{gateway:{{mode:\"local\",bind:\"lan\",auth:{{token:{json}}}}}}}"),
        ),
        ("state/openclaw.json", "broken after the token", format!("{{gateway:{{auth:{{token:{json}, }}}}")),
        (
            "state/openclaw.json",
            "broken inside the token",
            format!("{{gateway:{{auth:{{token:\"{SIMPLE}\n\"}}}}}}"),
        ),
        (
            "state/openclaw.json",
            "remote and url",
            format!(
                "{{gateway:{{mode:\"remote\",remote:{{url:\"ws://u:{SIMPLE}@gw:18789/?token={SIMPLE}\",token:{json}}}}}}}"
            ),
        ),
        ("state/.env", "state dotenv", format!("OPENCLAW_GATEWAY_TOKEN={SIMPLE}\n")),
        (
            "captured/inspect.json",
            "env",
            format!(
                "[{{\"Config\":{{\"Labels\":{{\"com.docker.compose.service\":\"openclaw-gateway\"}},\"Env\":[{}]}}}}]",
                serde_json::to_string(&format!("OPENCLAW_GATEWAY_TOKEN={CANARY}")).unwrap()
            ),
        ),
        (
            "captured/inspect.json",
            "broken",
            format!("[{{\"Config\":{{\"Env\":[\"OPENCLAW_GATEWAY_TOKEN={SIMPLE}\""),
        ),
        (
            "captured/logs/openclaw-gateway.log",
            "log",
            format!(
                "[gateway] loading configuration…\n[ws] unauthorized reason=token_mismatch token={SIMPLE}\nopen http://127.0.0.1:18789/?token={SIMPLE}\n[ws] closed before connect cause={SIMPLE} reason={SIMPLE} requestId={SIMPLE}\n"
            ),
        ),
        (
            "captured/logs/openclaw-cli.log",
            "cli log",
            format!(
                "gateway connect failed: unauthorized: gateway token mismatch ({SIMPLE})\nGateway not reachable at ws://gw:18789/?token={SIMPLE} (ECONNREFUSED).\n"
            ),
        ),
        ("captured/devices/openclaw-gateway.json", "broken list", format!("{{\"pending\":[{json}")),
        (
            "captured/devices/openclaw-gateway.json",
            "wrong types",
            format!("{{\"pending\":{json},\"paired\":3}}"),
        ),
        ("captured/ownership.txt", "listing", format!("0:0 {SIMPLE} state\n")),
    ];
    for (file, what, content) in places {
        let dir = copy("silent-override");
        let stack = dir.path().join("silent-override");
        std::fs::create_dir_all(stack.join(file).parent().unwrap()).unwrap();
        std::fs::write(stack.join(file), content).unwrap();
        for secret in [SIMPLE, CANARY] {
            check_all(&stack, secret, &format!("{file}: {what}"));
        }
    }
    // Inside the compose file itself.
    for compose in [
        format!(
            "services:\n  openclaw-gateway:\n    image: x\n    command: [\"openclaw\", \"gateway\", \"--token\", \"{SIMPLE}\"]\n"
        ),
        format!(
            "services:\n  openclaw-gateway:\n    image: x\n    environment:\n      - OPENCLAW_GATEWAY_TOKEN=\"{SIMPLE}\"\n"
        ),
        format!(
            "services:\n  openclaw-gateway:\n    image: x\n    environment:\n      OPENCLAW_GATEWAY_TOKEN: {SIMPLE}: broken\n"
        ),
        format!(
            "services:\n  openclaw-gateway:\n    image: x\n    environment:\n      OPENCLAW_GATEWAY_TOKEN: ${{A:-{SIMPLE}\n"
        ),
        format!(
            "services:\n  openclaw-gateway:\n    image: x\n    environment:\n      OPENCLAW_GATEWAY_URL: ws://x:{SIMPLE}@gw:18789/?token={SIMPLE}\n      OPENCLAW_GATEWAY_TOKEN: [{SIMPLE}]\n"
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("compose.yaml"), &compose).unwrap();
        check_all(dir.path(), SIMPLE, &compose);
    }
}

#[test]
fn the_search_finds_what_it_should() {
    for (name, form) in encodings(SIMPLE) {
        let found = std::panic::catch_unwind(|| must_not_show(SIMPLE, "x", &format!("before {form} after")));
        assert!(found.is_err(), "{name} is not searched for");
    }
}
