//! A known token in every input, searched for in everything that prints.

use std::fmt::Debug;

use crate::source::{Sources, Span, Text};
use crate::syntax::interpolate::{Found, Options, interpolate};
use crate::syntax::{dotenv, yaml};

const CANARY: &str = "canary-4711-token";

fn silent(what: &str, value: &impl Debug) {
    for printed in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!printed.contains("canary"), "{what} prints the canary: {printed}");
    }
}

#[test]
fn debug_shows_no_text() {
    let text = format!(
        "a: {CANARY}\nb: [{CANARY}, '{CANARY}']\nc: |\n  {CANARY}\n{CANARY}: &{CANARY} 1\nd: *{CANARY}\n\
         e: !!int {CANARY}\n<<: {CANARY}\nf: \"{CANARY}\n"
    );
    let mut sources = Sources::new();
    let file = sources.add("compose.yaml", text.as_str());
    let parsed = yaml::parse(file, &text);
    assert!(parsed.problems.len() >= 2);
    silent("Sources", &sources);
    silent("Parsed", &parsed);
    for document in &parsed.documents {
        silent("Node", document);
        for entry in document.as_map().into_iter().flatten() {
            silent("Entry", entry);
        }
    }
    silent("Text", &Text::from(CANARY));

    let lookup = |_: &str| Some(Found { value: CANARY.into(), source: () });
    let template = format!("{CANARY} $A ${{B:?{CANARY}}} ${{C:+{CANARY}}}");
    silent("Interpolated", &interpolate(&template, Options::default(), lookup));
    let required = interpolate(
        "${A:?$B}",
        Options::default(),
        |name: &str| if name == "B" { lookup(name) } else { None },
    );
    assert_eq!(required.problems.len(), 1);
    silent("Problem", &required.problems);
    assert!(!required.problems[0].kind.to_string().contains("canary"));

    let env =
        format!("A={CANARY}\nB=\"{CANARY}\nC=${{{CANARY}}}\n{CANARY} x\n={CANARY}\nD='{CANARY}'{CANARY}");
    let file = sources.add(".env", env.as_str());
    let read = dotenv::parse(file, &env, dotenv::Options::default(), lookup);
    assert!(!read.problems.is_empty());
    silent("Dotenv", &read);
    for problem in &read.problems {
        assert!(!problem.kind.to_string().contains("canary"));
    }
}

#[test]
fn quotes_show_no_secret_however_they_are_cut() {
    let text = format!("token: \"{CANARY}\" # {CANARY}\n");
    let mut sources = Sources::new();
    let file = sources.add("compose.yaml", text.as_str());
    for (at, _) in text.match_indices(CANARY) {
        sources.mark_secret(Span::from_range(file, at..at + CANARY.len()));
    }
    let end = u32::try_from(text.len()).unwrap();
    for start in 0..end {
        for stop in start..=end {
            let quote = sources.quote(Span::new(file, start, stop));
            assert!(quote.lines.iter().all(|line| !line.text.contains("4711")));
            for line in quote.lines {
                let chars = u32::try_from(line.text.chars().count()).unwrap();
                assert!(line.underline.0 <= line.underline.1 && line.underline.1 <= chars);
            }
        }
    }
}
