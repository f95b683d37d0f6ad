//! Any bytes give a tree whose spans slice the text, or problems, or both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_compose::source::Sources;
use openclaw_compose::syntax::yaml::{self, Pair, Node, Tag, Value};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut sources = Sources::new();
    let file = sources.add("compose.yaml", text.as_ref());
    let parsed = yaml::parse(file, &text);
    let mut budget = 200_000;
    for document in &parsed.documents {
        walk(&text, document, &mut budget);
    }
    for problem in &parsed.problems {
        assert!(text.get(problem.span.range()).is_some());
        assert!(!sources.quote(problem.span).lines.is_empty());
        for (span, _) in &problem.related {
            assert!(text.get(span.range()).is_some());
        }
    }
});

/// Aliases may expand a small text to a million values: looking at some of them is enough.
fn walk(text: &str, node: &Node, budget: &mut u32) {
    if *budget == 0 {
        return;
    }
    *budget -= 1;
    assert!(text.get(node.span.range()).is_some(), "a value slices");
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| walk(text, item, budget)),
        Value::Map(map) => {
            for (at, entry) in map.iter().enumerate() {
                assert!(text.get(entry.key_span.range()).is_some(), "a key slices");
                let found = map.get(&entry.key).map(|found| &found.key);
                assert_eq!(found, Some(&entry.key), "a key is found");
                // What is reset may stand beside another of its name: Compose drops it before it looks at keys.
                let counts = |entry: &Pair| entry.value.tag != Tag::Reset;
                let mut before = map.iter().take(at.min(200));
                let double = counts(entry) && before.any(|first| first.key == entry.key && counts(first));
                assert!(!double, "keys are unique");
                walk(text, &entry.value, budget);
            }
        }
        Value::Str(value) => {
            let offsets = node.offsets(text);
            for (at, c) in value.expose().char_indices().take(200) {
                let span = offsets.span(at..at + c.len_utf8());
                assert!(text.get(span.range()).is_some(), "a part slices");
                assert!(node.span.start <= span.start && span.end <= node.span.end, "a part lies inside");
            }
        }
        _ => {}
    }
}
