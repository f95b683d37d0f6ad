//! Any bytes give entries whose spans slice the text, or problems, or both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_compose::source::Sources;
use openclaw_compose::syntax::dotenv::{self, Form, Options};
use openclaw_compose::syntax::interpolate::Found;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut sources = Sources::new();
    let file = sources.add(".env", text.as_ref());
    let lookup = |name: &str| (name.len() == 1).then(|| Found { value: "$A".into(), source: () });
    let read = dotenv::parse(file, &text, Options::default(), lookup);
    for entry in &read.entries {
        assert_eq!(sources.expose(entry.key_span), entry.key);
        assert!(text.get(entry.value_span.range()).is_some());
        for effect in &entry.effects {
            assert!(text.get(effect.span.range()).is_some());
        }
        if let Form::Assigned(assigned) = &entry.form {
            for unset in &assigned.unset {
                let span = assigned.offsets.span(unset.written.clone());
                assert!(text.get(span.range()).is_some());
                assert!(entry.value_span.start <= span.start && span.end <= entry.value_span.end);
            }
        }
    }
    for problem in &read.problems {
        assert!(text.get(problem.span.range()).is_some());
    }
});
