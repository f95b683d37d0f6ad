//! Hostile texts and places: nothing that is not harmless shows, nothing is invented, nothing panics.

use openclaw_compose::edit::{self, Edit};
use openclaw_compose::source::{Format, MASK, Sources, Span};
use proptest::prelude::*;
use proptest::sample::select;

/// A word that no rule knows for a secret by itself.
const CANARY: &str = "hunter2";

const FORMATS: &[Format] = &[
    Format::Yaml,
    Format::Dotenv,
    Format::Json,
    Format::Xml,
    Format::Unit,
    Format::Listing,
    Format::Log,
    Format::Other,
];

/// What shows of a line stands in the line, in this order.
fn nothing_is_invented(shown: &str, line: &str) {
    let mut rest = line;
    // A star may stand beside the mask.
    for chunk in shown.split(MASK).flat_map(|chunk| chunk.split('*')) {
        let at = rest.find(chunk);
        assert!(at.is_some(), "{chunk:?} is not in {rest:?} of {line:?}, shown as {shown:?}");
        rest = &rest[at.unwrap_or_default() + chunk.len()..];
    }
}

/// Pieces of which every format is made, in an order that none has.
fn soup() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "mode: x",
        "a: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\n\t",
        " ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "=",
        "\"",
        "'",
        "#",
        " # ",
        "//",
        "/*",
        "*/",
        "|",
        ">-",
        "|\n",
        "&a ",
        "*a ",
        "!x ",
        "---\n",
        "...",
        "? ",
        "<<: ",
        "${A}",
        "${B:-",
        "$c",
        "\\",
        "<key>",
        "</key>",
        "<string>",
        "</string>",
        "<!--",
        "-->",
        "<a b=\"",
        "/>",
        "[Unit]\n",
        "A=",
        "export ",
        "\r\n",
        "\r",
        "\u{85}",
        "\u{feff}",
        "é",
        "😀",
        "0:0 755 ",
        "command: ",
        "--token ",
        "--port ",
        "http://u:p@h:1/x?y#z",
        "test: ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_can_be_quoted_anywhere(
        text in prop_oneof![soup(), any::<String>()],
        format in select(FORMATS),
        (from, to) in (0_usize..200, 0_usize..200),
    ) {
        let mut sources = Sources::new();
        let file = sources.add("x", text.as_str());
        sources.set_format(file, format);
        sources.mark_secret(Span::from_range(file, to..to + 3));
        let quote = sources.quote(Span::from_range(file, from..from.max(to)));
        let lines: Vec<&str> = text.split('\n').collect();
        for line in &quote.lines {
            let whole = lines.get(line.number as usize - 1).copied().unwrap_or_default();
            nothing_is_invented(&line.text, whole);
            let chars = u32::try_from(line.text.chars().count()).unwrap_or_default();
            prop_assert!(line.underline.0 <= line.underline.1 && line.underline.1 <= chars);
        }
    }

    #[test]
    fn any_edit_can_be_shown(
        text in soup(),
        new in select(vec!["", "\n", "mode: y\n", "x"]),
        (from, to) in (0_usize..100, 0_usize..100),
    ) {
        let mut sources = Sources::new();
        let file = sources.add("compose.yaml", text.as_str());
        let edit = Edit::text(&sources, Span::from_range(file, from..from.max(to)), new);
        let Ok(changes) = edit::apply(&[edit], &sources) else { return Ok(()) };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for line in changes.iter().flat_map(|change| &change.hunks).flat_map(|hunk| &hunk.lines) {
            if line.kind != edit::LineKind::Added {
                nothing_is_invented(&line.text, lines[line.old as usize - 1]);
            }
        }
    }

    /// In front of the canary stands soup that holds no harmless key and is about nothing: only as a name can it show.
    #[test]
    fn a_word_shows_only_as_a_name(text in soup(), format in select(FORMATS), behind in soup()) {
        let text = format!("{text}\n{CANARY} {CANARY}\n{behind}");
        let mut sources = Sources::new();
        let file = sources.add("x", text.as_str());
        sources.set_format(file, format);
        let at = text.find(CANARY).unwrap_or_default();
        let quote = sources.quote(Span::from_range(file, at..at));
        prop_assert!(!quote.lines[0].text.contains(CANARY), "{format:?} {text:?} {:?}", quote.lines);
    }
}
