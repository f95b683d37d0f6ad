//! What gateways answered to the ladder, replayed: a climb ends as the recorded one did, rung by rung.
//!
//! `openclaw-VERSION-…` is that release. Secrets in them are canaries, ids are masked, pages are cut to their first tag.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test reads its own files"
)]

use std::net::Ipv4Addr;

use crate::server::{FaultServer, Reply, Script, Socket, Step, Transport, frame};
use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{Code, ProbeReport, Prober, Rung, Target, TokenAuthenticator};
use serde_json::{Value, json};

const SCOPE: &str = "operator.read";

/// The releases, the protocol that each speaks, and how many stories of each there are.
const RELEASES: [(&str, u32, usize); 3] = [("2026.4.15", 3, 4), ("2026.7.1", 4, 4), ("2026.9.6", 4, 5)];

/// Where the climb of each story ends.
fn end(release: &str, story: &str) -> Option<(Rung, Code)> {
    match (release, story) {
        // 2026.4.15 grants a client without a device nothing, later releases grant it what it asks for if it is local.
        ("2026.4.15", "ready-inside") | (_, "ready-outside") => Some((Rung::Scope, Code::ScopeMissing)),
        (_, "ready-inside") => None,
        (_, "wrong-token") => Some((Rung::Hello, Code::TokenMismatch)),
        (_, "locked-out") => Some((Rung::Hello, Code::LockedOut)),
        // The others were never caught at it: they have no such endpoint, and are ready soon after they answer.
        ("2026.9.6", "starting") => Some((Rung::Startup, Code::Starting)),
        _ => panic!("no such story: {release}-{story}"),
    }
}

#[tokio::test]
async fn every_transcript_is_climbed_as_it_was() {
    let mut climbed = [0; RELEASES.len()];
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts")).unwrap() {
        let path = file.unwrap().path();
        let lines: Vec<Value> = std::fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let report = climb(&lines).await;
        let shown = format!("{}\n{report}", path.display());
        let recorded: Vec<&Value> = lines.iter().filter(|line| is_verdict(line)).collect();
        assert_eq!(recorded, verdicts(&report).iter().collect::<Vec<_>>(), "{shown}");
        assert!(!format!("{shown}{report:?}{}", json!(report)).contains("canary"), "{shown}");

        let name = path.file_stem().unwrap().to_str().unwrap();
        let (release, story) = name.strip_prefix("openclaw-").and_then(|name| name.split_once('-')).unwrap();
        let of = RELEASES.iter().position(|(name, ..)| *name == release).unwrap();
        climbed[of] += 1;
        let fault = report.first_fault().map(|(rung, fault)| (rung, fault.code));
        assert_eq!(fault, end(release, story), "{shown}");
        if report.highest() >= Some(Rung::Hello) {
            assert_eq!(report.facts.protocol, Some(RELEASES[of].1), "{shown}");
            assert_eq!(report.facts.version.as_deref(), Some(release), "{shown}");
        }
    }
    assert_eq!(climbed, RELEASES.map(|(.., stories)| stories));
}

async fn climb(lines: &[Value]) -> ProbeReport {
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script(lines));
    let target: Target = server.address().to_string().parse().unwrap();
    let authenticator = TokenAuthenticator::new(SecretString::from("canary-token")).scopes([SCOPE]);
    let prober = Prober::builder().authenticate(authenticator).require_scopes([SCOPE]).build().unwrap();
    prober.climb(&target, Rung::Scope).await
}

/// The gateway that answers as it did. A question that it was not asked then is reset.
fn script(lines: &[Value]) -> Script {
    let answered = |path: &str| {
        let answer = lines.iter().find(|line| line["path"] == path && line["status"] != 101);
        answer.map_or(Reply::Reset, reply)
    };
    let is_open = lines.iter().any(|line| line["path"] == "/" && line["status"] == 101);
    let frames = lines.iter().filter(|line| line["dir"].is_string());
    Script {
        transport: Transport::Plain,
        healthz: answered("/healthz"),
        startupz: answered("/startupz"),
        readyz: answered("/readyz"),
        socket: if is_open {
            Socket::Open(frames.flat_map(steps).collect())
        } else {
            Socket::Refuse(answered("/"))
        },
    }
}

fn reply(answer: &Value) -> Reply {
    let body = answer["body"].as_str().map_or_else(|| answer["body"].to_string(), str::to_owned);
    let mut head = format!("HTTP/1.1 {} Words\r\n", answer["status"]);
    for name in ["content-type", "location"] {
        if let Some(value) = answer[name].as_str() {
            head += &format!("{name}: {value}\r\n");
        }
    }
    Reply::Raw(format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into())
}

/// A frame that the gateway sent; the answer to connect waits for the question.
fn steps(line: &Value) -> Vec<Step> {
    if line["dir"] == "close" {
        let code = u16::try_from(line["code"].as_u64().unwrap()).unwrap();
        let reason = line["reason"].as_str().unwrap();
        return vec![Step::Raw(frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat()))];
    }
    let said = Step::Text(line["frame"].to_string());
    if line["frame"]["type"] == "res" { vec![Step::Await, said] } else { vec![said] }
}

fn is_verdict(line: &Value) -> bool {
    line["rung"].is_string() || line["facts"].is_object()
}

/// How each rung ended, and what the ladder learnt, as the recording tells it.
fn verdicts(report: &ProbeReport) -> Vec<Value> {
    let facts = &report.facts;
    let learnt = json!({ "facts": {
        "version": facts.version, "bootId": facts.boot_id, "protocol": facts.protocol, "scopes": facts.scopes
    } });
    let rungs = report.rungs.iter().map(|rung| {
        let mut rung = json!(rung);
        let told = ["rung", "outcome", "because", "code", "detail"];
        rung.as_object_mut().unwrap().retain(|name, _| told.contains(&name.as_str()));
        rung
    });
    rungs.chain([learnt]).collect()
}
