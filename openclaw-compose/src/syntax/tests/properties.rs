//! What holds for every text.

use crate::source::{Sources, Span, Text};
use crate::syntax::dotenv;
use crate::syntax::interpolate::{Found, Options, interpolate};
use crate::syntax::yaml::{self, Node, Parsed, ProblemKind, Style, Value, ViaKind};
use proptest::prelude::*;

/// Texts that get far into a YAML parser.
fn yamlish() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "? ",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&x ",
        "*x",
        "<<: ",
        "\"",
        "'",
        "\\",
        "\\'",
        "|",
        ">",
        "#",
        " ",
        "\t",
        "!reset ",
        "!!int ",
        "---\n",
        "...",
        "1",
        "0x1f",
        "2001-01-01",
        "~",
        "é",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\r\n",
        "\r",
        "%YAML 1.1\n",
        "$X",
        "${X:-y}",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn dotenvish() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "A", "B", "=", ":", "\n", "\r\n", "\r", " ", "\t", "#", " #", "export ", "\"", "'", "\\", "\\n",
        "\\0101", "$A", "${B:-c}", "${", "}", "$$", "\u{feff}", "é", "\0", "@",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn templateish() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "$", "${", "}", "{", "A", "B", ":-", "-", ":+", "+", ":?", "?", " ", "\n", "é", "$$", "1", "\u{17f}",
        ":",
    ]);
    prop::collection::vec(token, 0..30).prop_map(|tokens| tokens.concat())
}

fn lookup(name: &str) -> Option<Found<()>> {
    (name == "A").then(|| Found { value: "value".into(), source: () })
}

/// What ends a line to libyaml.
const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// What is written inside of a value stands inside of its span; what an alias or a merge key brings stands elsewhere.
fn check_inside(node: &Node, child: Span, what: &str) {
    let inside = node.span.start <= child.start && child.end <= node.span.end;
    assert!(inside, "{what} at {child:?} of {:?}", node.span);
}

fn is_merged(node: &Node) -> bool {
    node.via.as_ref().is_some_and(|via| via.kind == ViaKind::MergeKey)
}

/// Every span lies in the text on character boundaries, brackets enclose what is between them, and every scalar decodes to
/// its value again. `whole`: the text was read to its end.
fn check_node(text: &str, node: &Node, whole: bool) {
    let raw = text.get(node.span.range()).expect("a span slices");
    if let Some(via) = &node.via {
        assert!(text.get(via.at.range()).is_some(), "what is merged slices");
    }
    match (&node.value, node.style) {
        (Value::Map(map), style) => {
            // `[a: b]` holds a mapping without braces.
            let braces = style == Style::Flow && raw.starts_with('{');
            assert!(!braces || !whole || raw.ends_with('}'), "{raw:?}");
            for entry in map.iter().filter(|entry| !is_merged(&entry.value)) {
                check_inside(node, entry.key_span, "a key");
                if entry.value.via.is_none() {
                    check_inside(node, entry.value.span, "a value");
                }
            }
            for entry in map {
                let key = text.get(entry.key_span.range()).expect("a key slices");
                let plain = !key.contains(['\'', '"', '*', '|', '>']) && !entry.key.contains('\n');
                if plain && !key.contains(BREAKS) && !key.is_empty() {
                    // Of a block scalar the blanks at the end are part of both.
                    assert_eq!(key.trim_end(), entry.key.trim_end());
                }
                check_node(text, &entry.value, whole);
            }
        }
        (Value::Seq(items), style) => {
            let brackets = raw.starts_with('[') && (raw.ends_with(']') || !whole);
            assert!(style != Style::Flow || brackets, "{raw:?}");
            for item in items.iter() {
                if item.via.is_none() {
                    check_inside(node, item.span, "an item");
                }
                check_node(text, item, whole);
            }
        }
        (Value::Null, _) => {}
        (Value::Str(_), Style::SingleQuoted) => assert!(raw.starts_with('\'') && raw.ends_with('\'')),
        (Value::Str(_), Style::DoubleQuoted) => assert!(raw.starts_with('"') && raw.ends_with('"')),
        (Value::Str(value), Style::Plain) if !raw.contains(BREAKS) => assert_eq!(value.expose(), raw),
        _ => {}
    }
    if let Value::Str(value) = &node.value {
        let offsets = node.offsets(text);
        for (at, c) in value.expose().char_indices() {
            let span = offsets.span(at..at + c.len_utf8());
            assert!(node.span.start <= span.start && span.end <= node.span.end);
            assert!(text.get(span.range()).is_some(), "a part slices");
        }
    }
}

fn is_whole(parsed: &Parsed) -> bool {
    parsed.problems.iter().all(|problem| !matches!(problem.kind, ProblemKind::Syntax | ProblemKind::TooDeep))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn interpolation_without_a_dollar_is_the_identity(text in "[^$]*") {
        let done = interpolate(&text, Options::default(), lookup);
        prop_assert!(matches!(done.text, std::borrow::Cow::Borrowed(same) if same == text));
        prop_assert!(done.problems.is_empty() && done.pieces.is_empty());
    }

    #[test]
    fn pieces_tile_the_template_and_the_text(template in templateish(), eager: bool) {
        let done = interpolate(&template, Options::default().eager_arguments(eager), lookup);
        if template.contains('$') {
            let (mut written, mut output) = (0, 0);
            for piece in &done.pieces {
                prop_assert_eq!((piece.written.start, piece.output.start), (written, output));
                (written, output) = (piece.written.end, piece.output.end);
                prop_assert!(template.is_char_boundary(written) && done.text.is_char_boundary(output));
            }
            prop_assert_eq!((written, output), (template.len(), done.text.len()));
        }
        for problem in &done.problems {
            prop_assert!(template.get(problem.written.clone()).is_some());
            prop_assert!(template.get(problem.scope.clone()).is_some());
        }
    }

    #[test]
    fn a_doubled_dollar_is_always_one(text in "[^$]{0,8}", behind in "[a-zA-Z{}0-9_:?-]{0,8}") {
        let template = format!("{text}$${behind}");
        prop_assert_eq!(interpolate(&template, Options::default(), lookup).text, format!("{text}${behind}"));
    }

    #[test]
    fn any_yaml_reads_or_reports(text in yamlish()) {
        let mut sources = Sources::new();
        let file = sources.add("c.yaml", text.as_str());
        let parsed = yaml::parse(file, &text);
        for document in &parsed.documents {
            check_node(&text, document, is_whole(&parsed));
        }
        for problem in &parsed.problems {
            prop_assert!(text.get(problem.span.range()).is_some());
            prop_assert!(!sources.quote(problem.span).lines.is_empty());
        }
    }

    #[test]
    fn any_bytes_read_or_report(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let mut sources = Sources::new();
        let file = sources.add("bytes", text.as_ref());
        let parsed = yaml::parse(file, &text);
        for document in &parsed.documents {
            check_node(&text, document, is_whole(&parsed));
        }
        let _ = dotenv::parse(file, &text, dotenv::Options::default(), lookup);
        let _ = interpolate(&text, Options::default(), lookup);
    }

    #[test]
    fn any_dotenv_reads_or_reports(text in dotenvish()) {
        let mut sources = Sources::new();
        let file = sources.add(".env", text.as_str());
        let read = dotenv::parse(file, &text, dotenv::Options::default(), lookup);
        let mut last = 0;
        for entry in &read.entries {
            prop_assert_eq!(sources.expose(entry.key_span), &*entry.key);
            prop_assert!(entry.key_span.start >= last);
            last = entry.value_span.end;
            prop_assert!(text.get(entry.value_span.range()).is_some());
            for effect in &entry.effects {
                prop_assert!(text.get(effect.span.range()).is_some());
            }
            if let dotenv::Form::Assigned(assigned) = &entry.form {
                for unset in &assigned.unset {
                    let span = assigned.offsets.span(unset.written.clone());
                    prop_assert!(text.get(span.range()).is_some());
                    prop_assert!(entry.value_span.start <= span.start && span.end <= entry.value_span.end);
                }
            }
        }
        for problem in &read.problems {
            prop_assert!(text.get(problem.span.range()).is_some());
        }
    }

    #[test]
    fn a_literal_dotenv_value_comes_back(value in "[^'\\\\]*") {
        let text = format!("A='{value}'\n");
        let mut sources = Sources::new();
        let file = sources.add(".env", text.as_str());
        let read = dotenv::parse(file, &text, dotenv::Options::default(), lookup);
        prop_assert_eq!(read.entries[0].value.as_ref().map(Text::expose), Some(&*value));
    }

    #[test]
    fn places_and_slices_agree(text in "(?s).{0,60}", a in 0_u32..80, b in 0_u32..80) {
        let mut sources = Sources::new();
        let file = sources.add("t", text.as_str());
        let span = Span::new(file, a.min(b), a.max(b));
        let place = sources.location(span);
        let start = (span.start as usize).min(text.len());
        let before = text.char_indices().take_while(|&(at, c)| at + c.len_utf8() <= start).map(|(_, c)| c);
        let (line, column) = before.fold((1, 1), |(line, column), c| if c == '\n' { (line + 1, 1) } else { (line, column + 1) });
        prop_assert_eq!((place.line, place.column), (line, column));
        prop_assert!(text.contains(sources.expose(span)));
        prop_assert!(!sources.quote(span).lines.is_empty());
    }
}
