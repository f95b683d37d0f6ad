//! Conversations with a gateway, line by line, replayed through wire and machine. Each names the phases that it leads to;
//! secrets in them are canaries, and ids are masked.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test reads its own files"
)]

use openclaw_pairing::wire::{Hello, Incoming, Limits, Response};
use openclaw_pairing::{
    BootTag, Cause, Credentials, Grant, Input, Output, Pairing, Phase, Policy, Refused, Scope, ScopeSet,
    Timer,
};
use serde_json::Value;

struct Replay {
    device: Pairing,
    heard: String,
}

impl Replay {
    fn new() -> Self {
        let wanted = ScopeSet::from([Scope::Read, Scope::Pairing]);
        let mut device = Pairing::new(Policy::default(), Credentials::shared(), wanted).unwrap();
        let _ = device.handle(Input::Start);
        Self { device, heard: String::new() }
    }

    /// Feeds one input; a signer answers at once.
    fn feed(&mut self, input: Input) {
        let outputs = self.device.handle(input);
        self.heard.push_str(&format!("{outputs:?}"));
        if outputs.as_slice().iter().any(|output| matches!(output, Output::Sign(_))) {
            self.feed(Input::Signed);
        }
    }

    fn line(&mut self, line: &Value) {
        match line["dir"].as_str() {
            Some("up") => self.feed(Input::TransportUp),
            Some("close") => {
                let cause = match (line["code"].as_u64(), line["reason"].as_str()) {
                    (Some(1012 | 1013), _) => Cause::Restarting,
                    (Some(4001), Some("gateway auth changed")) => Cause::AuthChanged,
                    (Some(4001), Some("device removed")) => Cause::DeviceRemoved,
                    _ => Cause::Lost,
                };
                self.feed(Input::TransportDown(cause));
            }
            Some("in") => self.frame(&line["frame"].to_string()),
            _ => self.expect(line),
        }
    }

    fn frame(&mut self, text: &str) {
        let input = match Incoming::parse(text, &Limits::SESSION).unwrap() {
            Incoming::Challenge(_) => Input::Challenged,
            Incoming::Response(Response { result: Ok(payload), .. }) => {
                let hello = Hello::from_payload(payload).unwrap();
                self.heard.push_str(&format!("{hello:?}"));
                Input::Hello(Grant::new(
                    hello.scopes,
                    BootTag::of(&hello.boot_id),
                    hello.device_token.is_some(),
                ))
            }
            Incoming::Response(Response { result: Err(refusal), .. }) => {
                self.heard.push_str(&format!("{refusal:?}{}", serde_json::to_string(&refusal).unwrap()));
                Input::Refused(Refused::from(&refusal))
            }
            _ => return,
        };
        self.feed(input);
    }

    fn expect(&mut self, line: &Value) {
        if let Some(name) = line["timer"].as_str() {
            let timer =
                Timer::ALL.into_iter().find(|timer| format!("{timer:?}").eq_ignore_ascii_case(name)).unwrap();
            assert_eq!(self.device.armed(), Some(timer), "the {name} timer must be armed");
            self.feed(Input::TimerFired(timer));
        } else if let Some(phase) = line["phase"].as_str() {
            assert_eq!(self.device.phase().name(), phase);
        } else {
            assert_eq!(self.device.restarted(), line["restarted"].as_bool().unwrap());
        }
    }
}

#[test]
fn every_transcript_leads_through_its_phases() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let mut count = 0;
    let releases = ["openclaw-2026.4.15-", "openclaw-2026.7.1-", "openclaw-2026.9.6-"];
    let mut recorded = releases.map(|prefix| (prefix, 0));
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (prefix, files) in &mut recorded {
            *files += usize::from(name.starts_with(*prefix));
        }
        let mut replay = Replay::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            replay.line(&serde_json::from_str(line).unwrap());
        }
        assert!(!replay.heard.contains("canary"), "{}", path.display());
        assert_ne!(replay.device.phase(), Phase::Idle);
        count += 1;
    }
    assert!(count >= 12);
    // Each release through its stories.
    assert!(recorded.iter().all(|(_, files)| *files == 5), "{recorded:?}");
}
