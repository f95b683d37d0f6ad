//! Any bytes as logs of a gateway and of a client: a verdict, no longer than a person reads, with nothing that acts on a
//! terminal, and marks that are where they say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_pairing::plan::{Action, Topology};
use openclaw_pairing::{Evidence, Timeline, Vantage, diagnose};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let timeline = Timeline::parse(Vantage::Gateway, "gateway.log", &text);
    assert!(timeline.marks.len() <= text.split('\n').count());
    for mark in &timeline.marks {
        // The words, or the line whose envelope spells them otherwise.
        let spelt = text.get(mark.span[0]..mark.span[1]).expect("a place in the text");
        assert!(spelt == mark.words || !spelt.contains(&mark.words) && !spelt.contains('\n'));
    }
    let evidence = Evidence::new(Topology::default())
        .timeline(timeline)
        .cli_output(Vantage::Client, "client.log", &text)
        .config("openclaw.json", &text);
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.findings.first().map(|finding| finding.code), Some(diagnosis.cause));
    assert!(!diagnosis.plan.steps.is_empty());
    for finding in &diagnosis.findings {
        assert!(finding.evidence.len() <= 18 && finding.places.len() <= 16);
        assert!(finding.evidence.iter().all(|line| line.len() < 2048 && !line.contains(char::is_control)));
    }
    for step in &diagnosis.plan.steps {
        assert!(step.command().is_none_or(|command| command.len() < 1024 && !command.contains(char::is_control)));
        if let Action::Decide { device_id: Some(device), .. } = &step.action {
            assert!(device.len() <= 64 && !device.starts_with('-'));
        }
    }
});
