//! Pieces tile the template and the text; both dialects agree where no argument goes unused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_compose::syntax::interpolate::{Found, Options, interpolate};

fuzz_target!(|template: &str| {
    let lookup = |name: &str| match name.len() {
        1 => Some(Found { value: "value".into(), source: () }),
        2 => Some(Found { value: "".into(), source: () }),
        _ => None,
    };
    let eager = interpolate(template, Options::default(), lookup);
    let lazy = interpolate(template, Options::default().eager_arguments(false), lookup);
    for done in [&eager, &lazy] {
        if !template.contains('$') {
            assert!(done.text == template);
            continue;
        }
        let (mut written, mut output) = (0, 0);
        for piece in &done.pieces {
            assert_eq!((piece.written.start, piece.output.start), (written, output));
            (written, output) = (piece.written.end, piece.output.end);
            assert!(done.text.get(piece.output.clone()).is_some());
        }
        assert_eq!((written, output), (template.len(), done.text.len()));
        for problem in &done.problems {
            assert!(template.get(problem.written.clone()).is_some() && template.get(problem.scope.clone()).is_some());
        }
    }
    assert!(eager.problems.len() >= lazy.problems.len());
    if eager.problems.is_empty() {
        assert_eq!(eager.text, lazy.text);
    }
});
