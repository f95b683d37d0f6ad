//! A peer that says the token back wherever it can say something, however it writes it, and one that says what a terminal
//! obeys: no output shows either.

use std::net::Ipv4Addr;

use openclaw_probe::{ProbeReport, Rung, Target, exposition};

use super::{CANARY, base64, builder};
use crate::server::{CHALLENGE, FaultServer, Reply, Script, Socket, Step, json};

/// A place where a peer says something, and the gateway that says these words there.
type EchoPlace = (&'static str, fn(&str) -> Script);

const PLACES: &[EchoPlace] = &[
    ("a page", |words| with(|s| s.healthz = page("text/html", format!("<html>{words}</html>")))),
    ("behind a long page", |words| {
        with(|s| s.healthz = page("text/html", format!("<html>{}{words}</html>", "x".repeat(40))))
    }),
    ("JSON of something else", |words| {
        with(|s| s.healthz = json(200, &serde_json::json!([words]).to_string()))
    }),
    ("a content type", |words| {
        with(|s| {
            s.healthz = Reply::Raw(format!("HTTP/1.1 200 OK\r\nContent-Type: text/{words}\r\n\r\n").into());
        })
    }),
    ("a location", |words| {
        with(|s| s.healthz = Reply::Raw(format!("HTTP/1.1 302 Found\r\nLocation: /{words}\r\n\r\n").into()))
    }),
    ("a pending reason", |words| {
        let body = serde_json::json!({ "ok": false, "status": "starting", "pendingReason": words });
        with(|s| s.startupz = json(503, &body.to_string()))
    }),
    ("a status", |words| {
        with(|s| s.startupz = json(503, &serde_json::json!({ "ok": false, "status": words }).to_string()))
    }),
    ("the version over HTTP", |words| {
        let body = serde_json::json!({ "ok": true, "status": "started", "version": words });
        with(|s| {
            s.startupz = json(200, &body.to_string());
            s.readyz = page("text/plain", String::new());
        })
    }),
    ("what is failing", |words| {
        with(|s| {
            s.readyz = json(503, &serde_json::json!({ "ready": false, "failing": ["a", words] }).to_string());
        })
    }),
    ("a refused upgrade", |words| {
        with(|s| s.socket = Socket::Refuse(page("text/plain", format!("no upgrade, {words}"))))
    }),
    ("an event", |words| said(vec![Step::Text(serde_json::json!({ "event": words }).to_string())])),
    ("a first frame", |words| said(vec![Step::Text(words.to_owned())])),
    ("a close reason", |words| said(vec![closed(words)])),
    ("a close reason after the token", |words| answered(closed(words))),
    ("a refusal's code", |words| refused(serde_json::json!({ "code": words, "message": "no" }))),
    ("a refusal's inner code", |words| refused(serde_json::json!({ "details": { "code": words } }))),
    ("a refusal's reason", |words| refused(serde_json::json!({ "details": { "reason": words } }))),
    ("a refusal's message", |words| refused(serde_json::json!({ "code": "X", "message": words }))),
    ("a refusal's message, at its end", |words| {
        refused(serde_json::json!({ "code": "X", "message": format!("{} {words}", "x".repeat(170)) }))
    }),
    ("a role", |words| greeted("/auth/role", words)),
    ("a scope", |words| greeted("/auth/scopes/0", words)),
    ("the version in hello", |words| greeted("/server/version", words)),
    ("the boot id", |words| greeted("/server/bootId", words)),
];

fn with(change: impl FnOnce(&mut Script)) -> Script {
    let mut script = Script::good();
    change(&mut script);
    script
}

fn page(kind: &'static str, body: String) -> Reply {
    Reply::Page(200, kind, body)
}

fn said(steps: Vec<Step>) -> Script {
    with(|s| s.socket = Socket::Open(steps))
}

fn answered(answer: Step) -> Script {
    said(vec![Step::Text(CHALLENGE.into()), Step::Await, answer])
}

fn refused(error: serde_json::Value) -> Script {
    let answer = serde_json::json!({ "type": "res", "id": "probe-1", "ok": false, "error": error });
    answered(Step::Text(answer.to_string()))
}

fn greeted(place: &str, words: &str) -> Script {
    let mut answer: serde_json::Value =
        serde_json::from_str(&crate::server::hello(&["operator.read"])).expect("a hello");
    *answer["payload"].pointer_mut(place).expect("a place") = words.into();
    answered(Step::Text(answer.to_string()))
}

/// As much of the words as a close frame has room for.
fn closed(words: &str) -> Step {
    let end = (0..=words.len().min(123)).rev().find(|end| words.is_char_boundary(*end)).expect("0 is one");
    Step::Raw(crate::server::frame(0x88, &[&1008u16.to_be_bytes()[..], &words.as_bytes()[..end]].concat()))
}

/// What all the outputs show of a climb and, where there is one, of a check.
async fn shown(script: Script) -> String {
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script);
    let target: Target = server.address().to_string().parse().expect("a target");
    let prober = builder().build().expect("a prober");
    let show = |report: &ProbeReport| {
        let json = serde_json::to_string(&(report, report.findings())).expect("JSON");
        format!("{report}\n{report:?}\n{json}\n{}", exposition(report))
    };
    let climb = show(&prober.climb(&target, Rung::Scope).await);
    climb + &show(&prober.check(&target, Rung::Startup).await)
}

/// The ways to write the token, and what of each must not be seen.
fn spellings() -> Vec<(&'static str, String)> {
    let each = |write: fn(u8) -> String| CANARY.bytes().map(write).collect::<String>();
    let behind = |before: &str| base64(&[before.as_bytes(), CANARY.as_bytes(), b"  "].concat());
    let some = |write: fn(char) -> String| {
        CANARY
            .chars()
            .enumerate()
            .map(|(at, c)| if at % 3 == 0 { write(c) } else { c.into() })
            .collect::<String>()
    };
    let percent: String = each(|byte| format!("%{byte:02X}"));
    vec![
        ("raw", CANARY.into()),
        ("its first half and more", CANARY[..12].into()),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("upper hex", each(|byte| format!("{byte:02X}"))),
        ("hex at an odd place", format!("0{}", each(|byte| format!("{byte:02x}")))),
        ("base64", behind("")),
        ("base64 behind a byte", behind("x")),
        ("base64 behind two bytes", behind("xy")),
        ("base64 of a header", behind("Bearer ")),
        ("base64 behind a digit", format!("a{}", behind(""))),
        ("percent", percent.clone()),
        ("percent here and there", some(|c| format!("%{:02x}", c as u32))),
        ("percent twice", percent.replace('%', "%25")),
        ("base64 in percent", behind("").bytes().map(|byte| format!("%{byte:02x}")).collect()),
        ("JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("JSON here and there", some(|c| format!("\\u{:04X}", c as u32))),
        ("JSON in JSON", each(|byte| format!("\\\\u{byte:04x}"))),
    ]
}

#[tokio::test]
async fn no_output_shows_a_token_that_a_peer_says_back() {
    for (place, script) in PLACES {
        for (how, words) in spellings() {
            let shown = shown(script(&words)).await;
            let what = format!("{place}, {how}");
            assert!(shown.contains("********"), "nothing is masked, {what}: {shown}");
            super::assert_no_secret(&shown, &what);
            // A part that is too short to be told from other words is left at most.
            for at in 0..=words.len().saturating_sub(40) {
                assert!(!shown.contains(&words[at..(at + 40).min(words.len())]), "{what}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn no_output_shows_what_a_terminal_obeys_or_nobody_sees() {
    let words = "\u{1b}[31m\u{1b}]0;owned\u{7}\u{9b}2K\r\u{8}\u{7f}a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{ad}f\u{e0041}g\u{3164}h\u{2028}i";
    for (place, script) in PLACES {
        if ["a content type", "a location"].contains(place) {
            continue;
        }
        let shown = shown(script(words)).await;
        let bad: Vec<char> = shown.chars().filter(|c| is_unseen(*c)).collect();
        assert!(bad.is_empty(), "{place}: {bad:?} in {shown:?}");
        assert!(shown.contains("[31m"), "{place}: what is harmless stays: {shown}");
    }
}

fn is_unseen(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{3164}' | '\u{e0000}'..='\u{e007f}')
}

#[tokio::test]
async fn long_words_are_cut() {
    let words = "word ".repeat(2000);
    for (place, script) in PLACES {
        let shown = shown(script(&words)).await;
        assert!(shown.lines().all(|line| line.matches("word").count() < 600), "{place}: {shown}");
    }
    let many = serde_json::json!(vec!["operator.read"; 1000]);
    let mut answer: serde_json::Value = serde_json::from_str(&crate::server::hello(&[])).expect("a hello");
    answer["payload"]["auth"]["scopes"] = many;
    let shown = shown(answered(Step::Text(answer.to_string()))).await;
    assert!(shown.lines().all(|line| line.matches("operator.read").count() < 200), "{shown}");
}

/// Whoever holds the token can have it written into a certificate.
#[cfg(feature = "tls-ring")]
#[tokio::test]
async fn no_output_shows_a_token_that_is_a_name_in_a_certificate() {
    let mut script = Script::good();
    let name = format!("{CANARY}.example");
    script.transport = crate::server::Transport::Tls(super::certificates::server(&[&name], true, |_| ()));
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script);
    let target: Target = format!("wss://{}", server.address()).parse().expect("a target");
    let report = builder().build().expect("a prober").climb(&target, Rung::Scope).await;
    super::assert_no_secret(&format!("{report}{report:?}"), "a certificate's name");
}
