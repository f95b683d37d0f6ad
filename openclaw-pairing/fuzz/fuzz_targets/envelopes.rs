//! Any words in the envelope of each writer: they come off as they are without it, at the time that the envelope has.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use openclaw_pairing::timeline::Lines;
use serde_json::json;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Writer {
    Compose,
    ComposeWithTimes,
    Engine,
    Podman,
    JsonFile,
    JournalText,
    JournalBytes,
    OpenClaw,
    Launchd,
}

const AT: &str = "2026-11-22T06:25:32.343Z";
const AT_MS: u64 = 1_795_328_732_343;

impl Writer {
    fn writes(self, said: &str) -> String {
        match self {
            Self::Compose => format!("openclaw-gateway-1  | {said}"),
            Self::ComposeWithTimes => format!("openclaw-gateway-1  | {AT} {said}"),
            Self::Engine => format!("{AT} {said}"),
            Self::Podman => format!("{AT} stdout F {said}"),
            Self::JsonFile => json!({ "log": format!("{said}\n"), "stream": "stderr", "time": AT }).to_string(),
            Self::JournalText => {
                json!({ "__REALTIME_TIMESTAMP": (AT_MS * 1000).to_string(), "MESSAGE": said }).to_string()
            }
            Self::JournalBytes => {
                json!({ "__REALTIME_TIMESTAMP": (AT_MS * 1000).to_string(), "MESSAGE": said.as_bytes() }).to_string()
            }
            Self::OpenClaw => json!({ "0": "{\"subsystem\":\"ws\"}", "1": said, "time": AT }).to_string(),
            Self::Launchd => said.to_owned(),
        }
    }

    fn has_time(self) -> bool {
        !matches!(self, Self::Compose | Self::Launchd)
    }
}

/// The one line of a text: its time, and what it says.
fn read(text: &str) -> (Option<u64>, String) {
    let mut lines = Lines::new(text.as_bytes());
    assert!(lines.advance().expect("memory can be read"));
    let line = lines.line();
    (line.at_ms, line.text.to_owned())
}

fuzz_target!(|input: (Writer, &str)| {
    let (writer, said) = input;
    // What may be an envelope itself is opened, too, only so deep; what is long is cut.
    let is_wrapped = said.contains(['{', '|', '\u{1b}']) || said.starts_with("stdout ") || said.starts_with("stderr ");
    if said.is_empty() || said.len() > 1024 || said.contains(['\n', '\r']) || said.starts_with(' ') || is_wrapped {
        return;
    }
    let (bare_ms, bare) = read(said);
    let (at_ms, text) = read(&writer.writes(said));
    match writer {
        Writer::OpenClaw => assert_eq!(text, format!("[ws] {said}")),
        _ => assert_eq!(text, bare),
    }
    assert_eq!(at_ms, if writer.has_time() { Some(AT_MS) } else { bare_ms });
});
