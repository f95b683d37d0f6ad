//! dotenv files: what they set, what is refused, and what the reader says it did.

use crate::source::{Sources, Text};
use crate::syntax::dotenv::{self, Dotenv, Form, Options, ProblemKind};
use crate::syntax::interpolate::Found;
use expect_test::{Expect, expect};

fn lookup(name: &str) -> Option<Found<&'static str>> {
    let value = match name {
        "SHELL" => "from-shell",
        "DOLLAR" => "$SHELL",
        "EMPTY" => "",
        _ => return None,
    };
    Some(Found { value: value.into(), source: "shell" })
}

fn read(text: &str) -> (Sources, Dotenv<&'static str>) {
    let mut sources = Sources::new();
    let file = sources.add(".env", text);
    let read = dotenv::parse(file, text, Options::default(), lookup);
    (sources, read)
}

/// What a text sets, last value first come: `NAME=value` in the order of the statements.
fn sets(text: &str) -> Vec<String> {
    let (_, read) = read(text);
    assert!(read.problems.is_empty(), "{text:?}: {:?}", read.problems);
    let known =
        read.entries.iter().filter_map(|entry| Some((&entry.key, entry.value.as_ref().map(Text::expose)?)));
    known.map(|(key, value)| format!("{key}={value}")).collect()
}

#[test]
fn files_set_what_compose_reads_in_them() {
    const CASES: &[(&str, &[&str])] = &[
        ("", &[]),
        ("# only\n\n  # comments", &[]),
        // Separators, blanks, names.
        ("A=1\nB: 2\nC : 3\n D = 4 \n", &["A=1", "B=2", "C=3", "D=4"]),
        ("A=b:c\nB:c=d\nC== x", &["A=b:c", "B=c=d", "C== x"]),
        ("a.b-c[0]=1\n7UP=2\nżółw=3", &["a.b-c[0]=1", "7UP=2", "żółw=3"]),
        (
            "export A=1\nexport\tB=2\nexport=3\nexports=4\nexport =5",
            &["A=1", "B=2", "export=3", "exports=4", "=5"],
        ),
        // Line ends and marks.
        ("\u{feff}A=1\r\nB='2'\r\n", &["A=1", "B=2"]),
        ("A=1\rB=2", &["A=1\rB=2"]),
        // Unquoted: to the end of the line, cut at a blank and `#`, trimmed, backslashes literal.
        ("A=a b # c\nB=a#b\nC=a\t#b\nD=#b\nE=a\\nb", &["A=a b", "B=a#b", "C=a\t#b", "D=#b", "E=a\\nb"]),
        ("A=it's\nB=a\"b\"\nC=\nD= #x", &["A=it's", "B=a\"b\"", "C=", "D=#x"]),
        // Single quotes.
        ("A='$SHELL \\n # x'\nB='it\\'s'\nC='two\nlines'", &["A=$SHELL \\n # x", "B=it's", "C=two\nlines"]),
        // Double quotes: escapes, then interpolation.
        ("A=\"a\\tb\\n\\\\n\\\"q\\\"\"", &["A=a\tb\n\\n\"q\""]),
        ("A=\"\\0101 \\0377\"\nB=\"\\012 \\08 \\0\"\nC=\"\\0777\"", &["A=A ÿ", "B=\\12 \\8 \\", "C=\\777"]),
        (
            "A=\"\\q \\c \\'\"\nB=\"\\$SHELL $$SHELL $SHELL\"",
            &["A=\\q \\c \\'", "B=$SHELL $SHELL from-shell"],
        ),
        // The rest of the line behind a quote is a new statement.
        ("A=\"a\" B=2\nC='c'#x\nD='d' e", &["A=a", "B=2", "C=c", "D=d", "=e"]),
        // Bare names.
        ("SHELL\nUNKNOWN\nEMPTY\n", &["SHELL=from-shell", "EMPTY="]),
        ("A=1\nSHELL", &["A=1", "=SHELL"]),
        // References: the shell first, then the lines above; values are not read again.
        ("A=1\nB=$A${A}\nA=2\nC=$A", &["A=1", "B=11", "A=2", "C=2"]),
        ("SHELL=file\nX=$SHELL $DOLLAR", &["SHELL=file", "X=from-shell $SHELL"]),
        ("A=$LATER\nLATER=1", &["A=", "LATER=1"]),
        ("A=${B:-d} ${EMPTY:-e}\nB=${A:+x}", &["A=d e", "B=x"]),
    ];
    for (text, expected) in CASES {
        assert_eq!(sets(text), *expected, "{text:?}");
    }
}

#[test]
fn the_lines_above_hide_the_files_before_and_not_the_shell() {
    let text = "SHELL=own\nFIRST=own\nX=$SHELL $FIRST $SECOND\nSECOND\n";
    let mut sources = Sources::new();
    let file = sources.add(".env", text);
    let before = |_: &str| Some(Found { value: Text::from("before"), source: "a file" });
    let read = dotenv::parse_after(file, text, Options::default(), lookup, before);
    assert_eq!(read.entries[2].value.as_ref().map(Text::expose), Some("from-shell own before"));
    assert!(read.entries[3].value.is_none(), "a bare name is not looked for in the files before");
}

fn check_problems(text: &str, expected: &Expect) {
    let (sources, read) = read(text);
    let mut out = String::new();
    for problem in &read.problems {
        let place = sources.location(problem.span);
        out += &format!("{place} {:?}: {}", sources.expose(problem.span), problem.kind);
        out += &problem.key.as_deref().map(|key| format!(" [{key}]\n")).unwrap_or("\n".to_owned());
    }
    let entries: Vec<&str> = read.entries.iter().map(|entry| &*entry.key).collect();
    out += &format!("read: {}\n", entries.join(" "));
    expected.assert_eq(&out);
}

#[test]
fn every_bad_line_is_reported_and_the_others_are_read() {
    check_problems(
        "A=1\nB C=2\nD/E=3\nF=${G\nH='x'\nI=${J:?say so}\nK!\nL=2",
        &expect![[r#"
            .env:2:1 "B C": a variable name cannot contain a space
            .env:3:2 "/": unexpected character '/' in a variable name
            .env:4:3 "${": invalid interpolation format: a literal `$` is written `$$` [F]
            .env:6:3 "${J:?say so}": required variable J is missing a value [I]
            .env:7:2 "!": unexpected character '!' in a variable name
            read: A F H I L
        "#]],
    );
    check_problems(
        "A=1\nexport ",
        &expect![[r#"
            .env:2:1 "export": `export` without a variable name
            read: A
        "#]],
    );
}

#[test]
fn a_quote_that_never_closes_points_at_its_opening() {
    check_problems(
        "A=1\nTOKEN=\"abc\nlost\nexport B=2\nC='x'\n",
        &expect![[r#"
            .env:2:7 "\"": the quote that opens this value never closes [TOKEN]
            read: A B C
        "#]],
    );
}

#[test]
fn a_comment_cut_comes_before_interpolation() {
    let (_, read) = read("A=${X:-a #b}");
    assert!(matches!(&read.problems[0].kind, ProblemKind::Template(_)));
    assert_eq!(read.entries[0].value, None);
}

#[test]
fn the_operating_system_refuses_empty_names_and_nul() {
    let (_, read) = read("A=1\n=x\nB=a\0b\nC");
    let settable: Vec<bool> = read.entries.iter().map(dotenv::Statement::is_settable).collect();
    assert_eq!(settable, [true, false, false, false]);
}

#[test]
fn the_reader_says_what_it_did_to_each_value() {
    let text =
        concat!("A=sk-ab$cd$SHELL$$ # rotate\n", "B=a\t#b \"q\" \r\n", "C=\" a\\tb\n\u{feff}'\r \" D='x '",);
    let (sources, read) = read(text);
    let mut out = String::new();
    for entry in &read.entries {
        out += &format!("{} = {:?}\n", entry.key, sources.expose(entry.value_span));
        for effect in &entry.effects {
            out += &format!("    {:?} {:?}\n", effect.kind, sources.expose(effect.span));
        }
    }
    expect![[r##"
        A = "sk-ab$cd$SHELL$$"
            DollarEaten "$cd"
            DollarExpanded "$SHELL"
            DollarHalved "$$"
            CommentCut " # rotate"
        B = "a\t#b \"q\""
            HashKept "#"
            QuoteKept "\""
            QuoteKept "\""
            BlanksTrimmed " "
            CarriageReturnTrimmed "\r"
        C = "\" a\\tb\n\u{feff}'\r \""
            BlanksKept " "
            Unescaped "\\t"
            LineBreak "\n"
            BomKept "\u{feff}"
            QuoteKept "'"
            CarriageReturnKept "\r"
            BlanksKept "\r "
        D = "'x '"
            BlanksKept " "
    "##]]
    .assert_eq(&out);
}

#[test]
fn an_inherited_value_keeps_its_source() {
    let (sources, read) = read("export SHELL\n");
    let entry = &read.entries[0];
    assert!(matches!(entry.form, Form::Inherited(Some("shell"))));
    assert_eq!(sources.expose(entry.key_span), "SHELL");
}
