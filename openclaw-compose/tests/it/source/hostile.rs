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

/// A text with the canary (`@`) in every place of its format that is not under a harmless key, `key` being any other. Every
/// one has a line or a part `bind: lan`, however its format spells that.
const PLANTED: &[(Format, &str)] = &[
    (
        Format::Yaml,
        "# @\nname: x # @\nKEY: @\nKEY2: '@ @'\nservices:\n  gw: # @\n    KEY: \"@\"\n    bind: lan # @\n    KEY3: >-\n      @\n\n      bind: @\n\
         \x20   labels: {KEY: @, a: [@, '@']}\n    environment:\n      - KEY=@\n      - \"KEY=@\"\n    command: [sh, -c, \"@ --token @ KEY=@\", @]\n\
         \x20   healthcheck: {test: [CMD-SHELL, \"curl -H 'Authorization: Bearer @' http://u:@@h/?@#@ # @\"]}\n    build: {args: [KEY=@]}\n\
         \x20   image: ${KEY:?@}\nx-KEY: {KEY: @}\n",
    ),
    (Format::Yaml, "{KEY: @, bind: lan, KEY2: [@, {KEY: '@'}], x-KEY: \"@\"} # @\n"),
    (
        Format::Dotenv,
        "# @\nKEY=@ # @\nbind=lan # @\nexport KEY2='@' # @\nKEY3=\"a\n@\nbind=@\"\nKEY: @\n@ @\nurl=ws://u:@@h/?@\n",
    ),
    (
        Format::Json,
        "// @\n{KEY: '@', /* @\n@ */ KEY2: {\"KEY\": [\"@\", \"@\"]}, bind: \"lan\", // @\nenv: {KEY: \"@\"},\nurl: \"ws://u:@@h/?@#@\"}\n",
    ),
    (Format::Json, "{gateway:{KEY:\"@\",bind:\"lan\",auth:{token:\"@\"}},KEY:'@'} // @\n"),
    (
        Format::Xml,
        "<!-- @ --><dict><key>KEY</key><string>@</string><key>bind</key><string>lan</string>\n<key>ProgramArguments</key><array><string>@</string>\
         <string>--token</string><string>@</string></array></dict>\n<a KEY=\"@\">@</a>\n",
    ),
    (
        Format::Unit,
        "# @\n[Unit]\nKEY=@\nbind=lan\n; @\nEnvironment=KEY=@ \"KEY=@ @\"\nExecStart=/x --token @ \\\n  @\n@\n",
    ),
];

proptest! {
    /// Whatever a quote or a diff is about that is harmless: nothing of what stands around it shows.
    #[test]
    fn what_is_planted_around_a_harmless_value_stays_hidden(
        (format, template) in select(PLANTED),
        key in "zz_[a-z_]{0,12}(TOKEN|_note)?",
        canary in select(vec!["hunter2", "Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC", "correct-horse"]),
        new in select(vec!["loopback", "tailnet\n", ""]),
    ) {
        // An `@` that stands behind another one ends the user info.
        let text = template.replace("@@", "@\u{0}").replace("KEY", &key).replace('@', canary).replace('\u{0}', "@");
        let mut sources = Sources::new();
        let file = sources.add("x", text.as_str());
        sources.set_format(file, format);
        let at = text.find("lan").unwrap_or_default();
        let value = Span::from_range(file, at..at + 3);
        prop_assert!(sources.quote(value).lines[0].text.contains("lan"));
        let mut starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        starts.insert(0, 0);
        for start in starts {
            let quote = sources.quote(Span::from_range(file, start..start));
            prop_assert!(!quote.lines[0].text.contains(canary), "{:?} of {text}", quote.lines);
        }
        prop_assert!(!format!("{:?}", sources.quote(value)).contains(canary), "{text}");
        let changes = edit::apply(&[Edit::text(&sources, value, new)], &sources).unwrap();
        let diff = changes[0].to_string();
        prop_assert!(diff.contains("-") && !diff.contains(canary), "{diff}");
    }
}
