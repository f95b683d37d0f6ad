//! YAML: the typing of scalars, the tree with its places, and every difference between the parser and go-yaml.

use std::fmt::Write as _;

use crate::source::Sources;
use crate::syntax::yaml::{self, Node, Parsed, ProblemKind, Refuser, Style, Tag, Value};
use expect_test::{Expect, expect};

fn parse(text: &str) -> (Sources, Parsed) {
    let mut sources = Sources::new();
    let file = sources.add("c.yaml", text);
    let parsed = yaml::parse(file, text);
    (sources, parsed)
}

/// The value as a test wants to compare it.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => format!("{number}u"),
        Value::Float(number) => format!("{number:e}f"),
        Value::Timestamp(stamp) => format!("{} / {}", stamp.rfc3339(), stamp.go_string()),
        Value::Str(text) => format!("{:?}", text.expose()),
        Value::Seq(items) => {
            format!("[{}]", items.iter().map(|item| show(&item.value)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries = map.iter().map(|entry| format!("{}: {}", entry.key, show(&entry.value.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The value of `v: <text>`, which must be accepted.
fn value_of(text: &str) -> String {
    let (_, parsed) = parse(&format!("v: {text}"));
    assert!(parsed.problems.is_empty(), "{text:?}: {:?}", parsed.problems);
    show(&parsed.documents[0].get("v").unwrap().value)
}

#[test]
fn plain_scalars_have_the_types_of_go_yaml() {
    const CASES: &[(&str, &str)] = &[
        // null and booleans have few spellings.
        ("", "null"),
        ("~", "null"),
        ("Null", "null"),
        ("nULL", "\"nULL\""),
        ("True", "true"),
        ("FALSE", "false"),
        ("tRUE", "\"tRUE\""),
        ("yes", "\"yes\""),
        ("on", "\"on\""),
        ("n", "\"n\""),
        // Integers of four bases, with underlines.
        ("42", "42"),
        ("-7", "-7"),
        ("+7", "7"),
        ("0777", "511"),
        ("-010", "-8"),
        ("0o17", "15"),
        ("0O17", "15"),
        ("0x1F", "31"),
        ("-0xff", "-255"),
        ("0b101", "5"),
        ("1_000", "1000"),
        ("1_", "1"),
        ("0x_1F", "31"),
        ("0b-11", "-3"),
        ("0o-7", "-7"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9223372036854775808u"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("-9223372036854775809", "-9.223372036854776e18f"),
        ("18446744073709551616", "1.8446744073709552e19f"),
        // Not quite integers.
        ("089", "8.9e1f"),
        ("0o8", "\"0o8\""),
        ("0x", "\"0x\""),
        ("0b2", "\"0b2\""),
        ("_1", "\"_1\""),
        ("--1", "\"--1\""),
        ("1-2", "\"1-2\""),
        // Floats.
        ("1.10", "1.1e0f"),
        ("1.", "1e0f"),
        (".5", "5e-1f"),
        ("-.5", "-5e-1f"),
        ("1e3", "1e3f"),
        ("5E-3", "5e-3f"),
        ("1_0.5", "1.05e1f"),
        (".inf", "inff"),
        ("-.INF", "-inff"),
        (".NaN", "NaNf"),
        ("1e999", "\"1e999\""),
        ("1e", "\"1e\""),
        (".", "\".\""),
        (".e3", "\".e3\""),
        // No base 60, no commas.
        ("22:22", "\"22:22\""),
        ("1,000", "\"1,000\""),
        ("10.0.0.1", "\"10.0.0.1\""),
        // Dates.
        ("2001-01-01", "2001-01-01T00:00:00Z / 2001-01-01 00:00:00 +0000 UTC"),
        ("2001-1-2", "2001-01-02T00:00:00Z / 2001-01-02 00:00:00 +0000 UTC"),
        ("2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00 / 2001-12-14 21:59:43.1 -0500 -0500"),
        ("2001-12-14t21:59:43Z", "2001-12-14T21:59:43Z / 2001-12-14 21:59:43 +0000 UTC"),
        ("2001-12-14 21:59:43", "2001-12-14T21:59:43Z / 2001-12-14 21:59:43 +0000 UTC"),
        ("2004-02-29", "2004-02-29T00:00:00Z / 2004-02-29 00:00:00 +0000 UTC"),
        ("2001-02-29", "\"2001-02-29\""),
        ("2001-13-01", "\"2001-13-01\""),
        ("2001-12-14 21:59:43 Z", "\"2001-12-14 21:59:43 Z\""),
        ("20010101", "20010101"),
        // Tags.
        ("!!str 1", "\"1\""),
        ("!!str", "\"\""),
        ("!!int \"7\"", "7"),
        ("!!float 3", "3e0f"),
        ("!!bool 'true'", "true"),
        ("!!null ''", "null"),
        ("!!timestamp '2001-01-01'", "2001-01-01T00:00:00Z / 2001-01-01 00:00:00 +0000 UTC"),
        ("!!binary aGk=", "\"hi\""),
        ("!<tag:yaml.org,2002:str> 5", "\"5\""),
        ("!mine 5", "\"5\""),
        ("! 5", "5"),
        ("! '5'", "\"5\""),
        // Quotes make strings.
        ("'~'", "\"~\""),
        ("\"true\"", "\"true\""),
        ("'it''s'", "\"it's\""),
        ("\"a\\tb\\x41\\u00e9\\\n   c\"", "\"a\\tbAéc\""),
        ("\"it\\'s\"", "\"it's\""),
    ];
    for (text, expected) in CASES {
        assert_eq!(value_of(text), *expected, "{text:?}");
    }
}

#[test]
fn block_scalars_keep_what_go_yaml_keeps() {
    const CASES: &[(&str, &str)] = &[
        ("|\n  a\n  b\n", "\"a\\nb\\n\""),
        // A text that ends without a line feed gives none.
        ("|\n  a\n  b", "\"a\\nb\""),
        ("|-\n  a\n\n", "\"a\""),
        ("|+\n  a\n\n", "\"a\\n\\n\""),
        (">\n  a\n  b\n\n  c\n", "\"a b\\nc\\n\""),
        ("|2\n    a\n   b\n", "\"  a\\n b\\n\""),
        ("|\r\n  a\r\n  b\r\n", "\"a\\nb\\n\""),
    ];
    for (text, expected) in CASES {
        assert_eq!(value_of(text), *expected, "{text:?}");
    }
}

/// The tree with its places, then the problems with theirs.
fn check(text: &str, expected: &Expect) {
    let (sources, parsed) = parse(text);
    let mut out = String::new();
    for document in &parsed.documents {
        out += "---\n";
        tree(&sources, document, 0, &mut out);
    }
    for problem in &parsed.problems {
        let limit = if problem.refuser == Refuser::OurLimit { " (our limit)" } else { "" };
        let at = sources.expose(problem.span);
        writeln!(
            out,
            "{} {:?} {:?}{limit}: {}",
            sources.location(problem.span),
            at,
            problem.kind,
            problem.message
        )
        .unwrap();
        for (span, what) in &problem.related {
            writeln!(out, "    {} {what}", sources.location(*span)).unwrap();
        }
    }
    expected.assert_eq(&out);
}

fn tree(sources: &Sources, node: &Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let mut line =
        format!("{indent}{} `{}`", node.value.kind_name(), sources.expose(node.span).escape_debug());
    if node.tag != Tag::None {
        write!(line, " {:?}", node.tag).unwrap();
    }
    let mut via = node.via.as_ref();
    while let Some(step) = via {
        write!(line, " <- {:?} {}", step.kind, sources.expose(step.at)).unwrap();
        via = step.next.as_ref();
    }
    writeln!(out, "{line}").unwrap();
    match &node.value {
        Value::Map(map) => {
            for entry in map {
                writeln!(out, "{indent}  {}:", sources.expose(entry.key_span)).unwrap();
                tree(sources, &entry.value, depth + 2, out);
            }
        }
        Value::Seq(items) => items.iter().for_each(|item| tree(sources, item, depth + 1, out)),
        _ => {}
    }
}

#[test]
fn every_value_has_its_place() {
    check(
        "a: 1\n'b': {c: [x, \"y\"], d}\ne:\nf:\n- g\n- h: |\n   i\n  j:\n",
        &expect![[r#"
            ---
            a mapping `a: 1\n\'b\': {c: [x, \"y\"], d}\ne:\nf:\n- g\n- h: |\n   i\n  j:`
              a:
                an integer `1`
              'b':
                a mapping `{c: [x, \"y\"], d}`
                  c:
                    a list `[x, \"y\"]`
                      a string `x`
                      a string `\"y\"`
                  d:
                    null ``
              e:
                null ``
              f:
                a list `g\n- h: |\n   i\n  j:`
                  a string `g`
                  a mapping `h: |\n   i\n  j:`
                    h:
                      a string `i`
                    j:
                      null ``
        "#]],
    );
}

#[test]
fn what_comes_through_aliases_and_merge_keys_says_so() {
    check(
        "a: &a {k: 1, l: 2}\nb: &b\n  <<: *a\n  l: 3\nc:\n  m: 4\n  <<: [*b, {k: 9, n: 5}]\nd: *b\n",
        &expect![[r#"
            ---
            a mapping `a: &a {k: 1, l: 2}\nb: &b\n  <<: *a\n  l: 3\nc:\n  m: 4\n  <<: [*b, {k: 9, n: 5}]\nd: *b`
              a:
                a mapping `{k: 1, l: 2}`
                  k:
                    an integer `1`
                  l:
                    an integer `2`
              b:
                a mapping `<<: *a\n  l: 3`
                  l:
                    an integer `3`
                  k:
                    an integer `1` <- MergeKey *a
              c:
                a mapping `m: 4\n  <<: [*b, {k: 9, n: 5}]`
                  m:
                    an integer `4`
                  l:
                    an integer `3` <- MergeKey *b
                  k:
                    an integer `1` <- MergeKey *b <- MergeKey *a
                  n:
                    an integer `5` <- MergeKey {k: 9, n: 5}
              d:
                a mapping `<<: *a\n  l: 3` <- Alias *b
                  l:
                    an integer `3`
                  k:
                    an integer `1` <- MergeKey *a
        "#]],
    );
}

#[test]
fn a_quoted_merge_key_is_a_key() {
    let (_, parsed) = parse("a: {\"<<\": {k: 1}}\nb: {<<: []}\n");
    assert!(parsed.problems.is_empty());
    assert_eq!(show(&parsed.documents[0].value), "{a: {<<: {k: 1}}, b: {}}");
}

#[test]
fn documents_and_tags_of_compose() {
    check(
        "a: !reset\nb: !override [1]\n---\nc: !reset null\n--- \n...\n",
        &expect![[r"
            ---
            a mapping `a: !reset\nb: !override [1]`
              a:
                a string `` Reset
              b:
                a list `[1]` Override
                  an integer `1`
            ---
            a mapping `c: !reset null`
              c:
                a string `null` Reset
            ---
            null ``
        "]],
    );
    for nothing in ["", "\n\n", "# comment\n", "\u{feff}"] {
        assert!(parse(nothing).1.documents.is_empty(), "{nothing:?}");
    }
}

#[test]
fn both_places_of_a_double_key_are_named() {
    check(
        "a:\n  b: 1\n  'b': 2\n  1: x\nb: &b {}\n<<: *b\n<<: *b\n\"<<\": 3\na: 4\n",
        &expect![[r#"
            ---
            a mapping `a:\n  b: 1\n  \'b\': 2\n  1: x\nb: &b {}\n<<: *b\n<<: *b\n\"<<\": 3\na: 4`
              a:
                a mapping `b: 1\n  \'b\': 2\n  1: x`
                  b:
                    an integer `1`
              b:
                a mapping `{}`
            c.yaml:3:3 "'b'" DuplicateKey: mapping key `b` stands here a second time
                c.yaml:2:3 the first one
            c.yaml:4:3 "1" KeyNotString: a mapping key must be a string, not an integer: quote it
            c.yaml:7:1 "<<" DuplicateKey: mapping key `<<` stands here a second time
                c.yaml:6:1 the first one
            c.yaml:8:1 "\"<<\"" DuplicateKey: mapping key `<<` stands here a second time
                c.yaml:6:1 the first one
            c.yaml:9:1 "a" DuplicateKey: mapping key `a` stands here a second time
                c.yaml:1:1 the first one
        "#]],
    );
}

#[test]
fn doubles_are_found_in_large_maps_too() {
    let mut text: String = (0..500).map(|number| format!("k{number}: {number}\n")).collect();
    text += "k77: x\nk3: y\n";
    let (sources, parsed) = parse(&text);
    let lines: Vec<u32> = parsed.problems.iter().map(|problem| sources.location(problem.span).line).collect();
    assert_eq!(lines, [501, 502]);
    let map = parsed.documents[0].as_map().unwrap();
    assert_eq!(map.len(), 500);
    assert_eq!(map.get("k499").map(|entry| show(&entry.value.value)), Some("499".to_owned()));
    assert!(map.get("k500").is_none());
}

#[test]
fn wrong_references_are_reported_and_read_as_null() {
    check(
        "a: *nope\nb: &b\n  c: *b\nd: {<<: 5}\ne: {<<: [{}, x]}\nf: !!int x\n? [g]\n: h\n",
        &expect![[r#"
            ---
            a mapping `a: *nope\nb: &b\n  c: *b\nd: {<<: 5}\ne: {<<: [{}, x]}\nf: !!int x\n? [g]\n: h`
              a:
                null `*nope`
              b:
                a mapping `c: *b`
                  c:
                    null `*b`
              d:
                a mapping `{<<: 5}`
              e:
                a mapping `{<<: [{}, x]}`
              f:
                a string `x`
            c.yaml:1:4 "*nope" UnknownAlias: no anchor `&nope` stands before this alias
            c.yaml:3:6 "*b" SelfAlias: this alias stands inside the value that it names
            c.yaml:4:9 "5" BadMerge: `<<` takes a mapping or a list of mappings, not an integer
            c.yaml:5:14 "x" BadMerge: `<<` takes a mapping or a list of mappings, not a string
            c.yaml:6:10 "x" BadTag: the value does not fit its tag !!int
            c.yaml:7:3 "[g]" KeyNotString: a mapping key must be a string, not a list: quote it
        "#]],
    );
}

/// Reads past the error: every one is reported and what is not at fault is there.
#[test]
fn a_syntax_error_costs_its_line() {
    check(
        "a:\n  b: 1\n   c: 2\nd: \"x\ne: [1, 2\nf: @g\nh: 3\n",
        &expect![[r#"
            ---
            a mapping `a:\n  b: 1\n   c: 2\nd: \"x\ne: [1, 2\nf: @g\nh: 3`
              a:
                a mapping `b: 1`
                  b:
                    an integer `1`
              h:
                an integer `3`
            c.yaml:3:5 ":" Syntax: `: ` cannot stand here: quote the text, or check the indentation of this line and the one before
            c.yaml:4:4 "\"" Syntax: the quote that opens here never closes
            c.yaml:5:4 "[" Syntax: the bracket that opens here is not closed
                c.yaml:6:2 it is still open here
        "#]],
    );
    check(
        "services:\n  a:\n    image: x\n   environment:\n      A: 1\n",
        &expect![[r#"
            ---
            a mapping `services:\n  a:\n    image: x`
              services:
                a mapping `a:\n    image: x`
                  a:
                    a mapping `image: x`
                      image:
                        a string `x`
            c.yaml:4:4 "e" Syntax: no key of the mapping above: check the indentation of this line
        "#]],
    );
    check(
        "services:\n  gateway\n    image: x\n    user: y\n  cli:\n    image: z\n",
        &expect![[r#"
            ---
            a mapping `services:\n  gateway\n    image: x\n    user: y\n  cli:\n    image: z`
              services:
                a mapping `cli:\n    image: z`
                  cli:
                    a mapping `image: z`
                      image:
                        a string `z`
            c.yaml:2:3 "gateway" Syntax: a text where a key is meant: is the colon missing?
                c.yaml:3:10 read on to here, where `: ` cannot stand
        "#]],
    );
}

#[test]
fn what_only_the_parser_accepts_is_refused_with_docker_compose() {
    const CASES: &[(&str, ProblemKind, &str)] = &[
        // A tab where a key could begin, or that indents less than a text goes on.
        ("a:\n  b:\n\t\n  c: 1\n", ProblemKind::Tab, "3:1"),
        ("a:\n  b: 1\n\t\n  c: 1\n", ProblemKind::Tab, "3:1"),
        ("a: 'x'\n  \t\nb: 1\n", ProblemKind::Tab, "2:3"),
        ("a: 1 # x\n \t# y\nb: 1\n", ProblemKind::Tab, "2:2"),
        ("a:\n  - x\n  -\ty\n", ProblemKind::Tab, "3:4"),
        ("- \tx\n", ProblemKind::Tab, "1:3"),
        ("? a\n:\tb\n", ProblemKind::Tab, "2:2"),
        // Escapes that YAML 1.2 took from JSON.
        ("a: \"http:\\/\\/x\"\n", ProblemKind::Escape, "1:10"),
        ("a: \"\\ud83d\\ude00\"\n", ProblemKind::Escape, "1:5"),
        // Line breaks that YAML 1.2 gave up.
        ("a: x\u{85}y\n", ProblemKind::Character, "1:5"),
        ("a: x # c\u{2028}d\n", ProblemKind::Character, "1:9"),
        ("a: |\n  x\u{2029}y\n", ProblemKind::Character, "2:4"),
        // libyaml's idea of flow texts and anchors.
        ("a: [http://h/?q]\n", ProblemKind::Character, "1:14"),
        ("a: &b.c 1\n", ProblemKind::Character, "1:4"),
        // Tags that run into something.
        ("a: !t#x 1\n", ProblemKind::Character, "1:6"),
        ("a: {b: !!str}\n", ProblemKind::Character, "1:13"),
        // Ends of documents that libyaml cannot find, or goes on behind only with dashes.
        ("# c\n...\na: 1\n", ProblemKind::Syntax, "2:1"),
        ("...\n---\na: 1\n", ProblemKind::Syntax, "1:1"),
        ("a: 1\n...\nb: 2\n", ProblemKind::Syntax, "3:1"),
        // Directives.
        ("%YAML 1.2\n---\na: 1\n", ProblemKind::Directive, "2:1"),
        ("%WHAT x\n---\na: 1\n", ProblemKind::Directive, "1:1"),
    ];
    for (text, kind, place) in CASES {
        let (sources, parsed) = parse(text);
        let problem = parsed.problems.first().unwrap_or_else(|| panic!("{text:?} was accepted"));
        assert_eq!(problem.kind, *kind, "{text:?}");
        assert_eq!(sources.location(problem.span).to_string(), format!("c.yaml:{place}"), "{text:?}");
        assert!(parsed.compose_refuses(), "{text:?}");
        assert!(!parsed.documents.is_empty(), "{text:?} is read all the same");
    }
}

#[test]
fn what_looks_like_it_is_accepted() {
    const CASES: &[&str] = &[
        "a:\t1 \t# x\nb: 2\t\n",
        "a: 1\n   \t\nb: 2\n",
        "a: [x,\ty]\nb: {\n\tc: 1\n\t}\n",
        "a: \"x\n\ty\"\n",
        "a: \"it\\'s\"\n",
        "a: 'http:\\/\\/x'\n",
        "a: \"x\u{85}y\"\n",
        "a: '?'\nb: \"[?]\"\nc: x?y\nd: {? e}\n",
        "%YAML 1.1\n%TAG !x! tag:x,2000:\n---\na: 1\n",
        "a: \"x\ny\"\n",
        "a: \u{feff}b\n",
        "a: [\n  x\n]\n",
        "a: &b_c-1 1\nb: *b_c-1\nc: 2 * 3 & 4\n",
        "a: 1\n...\n...\n---\nb: 2\n...\n",
        "a: !t 1\nb: [!t x, !!str ]\nc: wow! such\n",
    ];
    for text in CASES {
        let (_, parsed) = parse(text);
        assert!(parsed.problems.is_empty(), "{text:?}: {:?}", parsed.problems);
    }
}

#[test]
fn a_comment_may_touch_what_is_before_it() {
    const CASES: &[(&str, &str)] = &[
        ("\"x\"#c", "\"x\""),
        ("'x'#c: d", "\"x\""),
        ("[x,#c\n y]#d", "[\"x\", \"y\"]"),
        ("{x: 1,#c\n y: 2}#d\r\n", "{x: 1, y: 2}"),
        ("|#c\n x", "\"x\""),
        ("x#c", "\"x#c\""),
    ];
    for (text, expected) in CASES {
        assert_eq!(value_of(text), *expected, "{text:?}");
    }
}

#[test]
fn a_tab_under_a_text_is_named_where_it_stands() {
    let (sources, parsed) = parse("a:\n  b: x\n\tc: y\nd: 1\n");
    let places: Vec<String> =
        parsed.problems.iter().map(|problem| sources.location(problem.span).to_string()).collect();
    assert_eq!(places, ["c.yaml:3:1"]);
    assert_eq!(show(&parsed.documents[0].value), "{a: {b: \"x\"}, d: 1}");
}

#[test]
fn three_more_characters_end_a_line() {
    const CASES: &[(&str, &str)] = &[
        ("x\u{2028}", "\"x\""),
        ("x \u{85}\n", "\"x\""),
        ("\u{85}  x: 1", "{x: 1}"),
        ("\u{2029}- x\u{2029}- y", "[\"x\", \"y\"]"),
        ("x\u{85}  y", "\"x y\""),
        ("x\u{2028}  y", r#""x\u{2028}y""#),
        ("[x\u{2028}, y]", "[\"x\", \"y\"]"),
        ("1 # c\u{85}", "1"),
    ];
    for (text, expected) in CASES {
        assert_eq!(value_of(text), *expected, "{text:?}");
    }
    let (sources, parsed) = parse("a: 1\u{2028}b: 2\n");
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    assert_eq!(sources.expose(parsed.documents[0].get("b").unwrap().span), "2");
    assert!(parse("a: 1\u{2028}b\n").1.compose_refuses(), "a line without a colon");
}

#[test]
fn what_is_reset_is_gone_before_it_can_be_wrong() {
    const CASES: &[(&str, &str)] = &[
        ("{a: !reset 1, a: 2}", "{a: \"1\", a: 2}"),
        ("!reset {a: 1, a: 2}", "{a: 1}"),
        ("!reset {1: x, <<: 2}", "{}"),
        ("{<<: !reset {a: 1}, b: 2}", "{b: 2}"),
        ("{<<: [!reset {a: 1}, {c: 3}], b: 2}", "{b: 2, c: 3}"),
    ];
    for (text, expected) in CASES {
        assert_eq!(value_of(text), *expected, "{text}");
    }
    assert!(parse("a: !reset 1\na: 2\na: 3\n").1.compose_refuses(), "two are left");
    assert!(parse("a: 1\na: 2\nb: !reset {c: 1, c: 2}\n").1.compose_refuses(), "the other key is not reset");
}

#[test]
fn what_stands_before_the_end_of_an_item_belongs_to_its_text() {
    const CASES: &[(&str, &str)] = &[
        ("{a:}", "{a:: null}"),
        ("{a:,b: c}", "{a:: null, b: \"c\"}"),
        ("{a:, b: [c]}", "{a:: null, b: [\"c\"]}"),
        ("{1:}", "{1:: null}"),
        ("{\"a\":}", "{a: null}"),
        ("{a :}", "{a: null}"),
        ("[a:]", "[\"a:\"]"),
        ("[a:, b]", "[\"a:\", \"b\"]"),
        ("[a::]", "[\"a::\"]"),
        ("[a:: ]", "[{a:: null}]"),
        ("[&c a:, *c ]", "[\"a:\", \"a:\"]"),
        ("[!!str a:, {b:}]", "[\"a:\", {b:: null}]"),
        ("[-]", "[\"-\"]"),
        ("{-}", "{-: null}"),
        ("[a, -,b, [-]]", "[\"a\", \"-\", \"b\", [\"-\"]]"),
    ];
    for (text, expected) in CASES {
        assert_eq!(value_of(text), *expected, "{text}");
    }
    let (sources, parsed) = parse("v: {a:}");
    let entry = &parsed.documents[0].get("v").unwrap().as_map().unwrap().entries()[0];
    assert_eq!(sources.expose(entry.key_span), "a:");
    for text in ["v: [-[]]", "v: {a:[b]}", "v: [a:{b: c}]"] {
        assert!(parse(text).1.compose_refuses(), "{text}");
    }
}

/// Nine levels of nine aliases are 387 million values; two hundred services that merge twice are some thousands.
#[test]
fn aliases_may_be_many_but_not_a_bomb() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..=9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let (_, parsed) = parse(&bomb);
    let problem = parsed.problems.iter().find(|problem| problem.kind == ProblemKind::TooLarge).unwrap();
    assert_eq!(problem.refuser, Refuser::OurLimit);
    assert_eq!(parsed.problems.len(), 1);

    let mut stack = "x-a: &a {init: true, restart: always}\nx-b: &b {user: '1'}\nservices:\n".to_owned();
    for service in 0..200 {
        writeln!(stack, "  s{service}:\n    <<: [*a, *b]\n    labels: {{<<: *b}}\n    image: x").unwrap();
    }
    let (_, parsed) = parse(&stack);
    assert!(parsed.problems.is_empty());
}

#[test]
fn the_budget_counts_what_aliases_add() {
    let text = |aliases: usize| format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(999), "*a,".repeat(aliases));
    assert!(parse(&text(1000)).1.problems.is_empty());
    assert_eq!(parse(&text(1001)).1.problems[0].kind, ProblemKind::TooLarge);
}

#[test]
fn nesting_has_a_bottom() {
    let (_, parsed) = parse(&"[".repeat(12_000));
    assert_eq!(parsed.problems[0].kind, ProblemKind::TooDeep);
    // Aliases that nest what is already deep.
    let mut text = format!("a0: &a0 {}{}\n", "[".repeat(200), "]".repeat(200));
    for level in 1..5 {
        writeln!(text, "a{level}: &a{level} {}*a{}{}", "[".repeat(200), level - 1, "]".repeat(200)).unwrap();
    }
    let (_, parsed) = parse(&text);
    assert_eq!(parsed.problems[0].kind, ProblemKind::TooDeep);
}

/// Found by fuzzing: blanked lines put a backslash and a quote between single quotes.
#[test]
fn a_quote_that_does_not_decode_ends() {
    let text = concat!(
        "a:\n  b:\"1\n\na: [0777, 01:59/s'\n",
        "e> \"a\\tb\\u0041, 0x1F, 0b1, 1_000, 1.5e3, .inf, ~,: !!binary aGk=\nd: 'it''s'-05`:00]\n",
        "b: !!str 1\nc: !!binar yaGk=\nd: 'd\ne: \"a\\\u{0} \\\n",
        " it''s'\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{3},\t\u{fffd}\u{fffd}\u{fffd}\u{fffd} \t\n",
        "\ti: \"X/ \\' \\qa:\" \ne> \"\\tab\\u0041 \\;  c\"\nf43.1-05`:00]\nb: !!str 1\n",
        "c: !!binar yaGk=\nd: 'd: 'it''s'\ne> \"a\\&tb\\u0041 \\\n it'",
    );
    assert!(parse(text).1.compose_refuses());
    let (sources, parsed) = parse("- 'a\u{85}b'\n- 'x\u{2028}  y'\n- \"p\r\n\r\n q\"\n");
    for item in parsed.documents[0].as_seq().unwrap() {
        let offsets = item.offsets(sources.expose_file(item.span.file));
        for (at, c) in item.expose().unwrap().char_indices() {
            let span = offsets.span(at..at + c.len_utf8());
            assert!(sources.expose_file(span.file).get(span.range()).is_some());
        }
    }
}

#[test]
fn a_problem_behind_a_line_break_of_two_bytes_stands_on_characters() {
    let text = "a: \"=!\u{85}\n\ry\"b! \u{fffd}\"x\u{85}y\"\r\u{1f}\0\0\0 x\u{fffd}z\n";
    let (sources, parsed) = parse(text);
    assert!(!parsed.problems.is_empty());
    for problem in &parsed.problems {
        assert!(
            sources.expose_file(problem.span.file).get(problem.span.range()).is_some(),
            "{}",
            problem.message
        );
    }
}

#[test]
fn offsets_in_a_text_lead_back_to_its_source() {
    let text = concat!(
        "- pla$in\n- 'it''s $A'\n- \"\\t\\u0041 $B \\x41\"\n- 'two\n\n  lines $C'\n- |\n   one\n     $D x\n- plain\n  $E on\n",
        "- >\n  folded $F\n",
    );
    let (sources, parsed) = parse(text);
    let items = parsed.documents[0].as_seq().unwrap();
    let found: Vec<&str> = items
        .iter()
        .map(|item| {
            let at = item.expose().unwrap().find('$').unwrap();
            sources.expose(item.offsets(text).span(at..at + 2))
        })
        .collect();
    assert_eq!(found, ["$i", "$A", "$B", "$C", "$D", "$E", "folded $F"]);
    assert_eq!(items[5].style, Style::Plain);
}
