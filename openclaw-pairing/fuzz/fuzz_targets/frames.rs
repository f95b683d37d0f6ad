//! Any text as a frame, a hello, a device list and a log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_pairing::wire::{Hello, Incoming, Limits, Response};
use openclaw_pairing::{DeviceList, Timeline, Vantage};

fuzz_target!(|text: &str| {
    for limits in [Limits::CHALLENGE, Limits::SESSION] {
        if let Ok(Incoming::Response(Response { result: Ok(payload), .. })) = Incoming::parse(text, &limits) {
            let _ = Hello::from_payload(payload);
        }
    }
    let _ = DeviceList::from_json(text);
    let timeline = Timeline::parse(Vantage::Gateway, "log", text);
    for mark in &timeline.marks {
        assert!(text.get(mark.span[0]..mark.span[1]).is_some_and(|words| words == mark.words));
    }
});
