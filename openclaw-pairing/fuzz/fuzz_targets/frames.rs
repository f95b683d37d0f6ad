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
        // The words, or the line whose envelope spells them otherwise.
        let spelt = text.get(mark.span[0]..mark.span[1]).expect("a place in the text");
        assert!(spelt == mark.words || !spelt.contains(&mark.words) && !spelt.contains('\n'));
    }
});
