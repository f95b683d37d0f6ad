//! Places and quotes.

use expect_test::expect;
use openclaw_compose::source::{Sources, Span};

fn quoted(sources: &Sources, span: Span) -> String {
    let quote = sources.quote(span);
    let mut out = format!("{}\n", quote.location);
    for line in quote.lines {
        let (from, to) = line.underline;
        let marks = "^".repeat(to.saturating_sub(from).max(1) as usize);
        out += &format!("{:>3} | {}\n    | {}{marks}\n", line.number, line.text, " ".repeat(from as usize));
    }
    out
}

#[test]
fn columns_count_characters() {
    let mut sources = Sources::new();
    let file = sources.add("é.yaml", "żółw: ok\r\nx: 😀 y\n");
    let place = |start, end| sources.location(Span::new(file, start, end)).to_string();
    assert_eq!(place(0, 1), "é.yaml:1:1");
    assert_eq!(place(9, 11), "é.yaml:1:7");
    assert_eq!(place(13, 14), "é.yaml:2:1");
    assert_eq!(place(21, 22), "é.yaml:2:6");
    // The end of the text is a place as well, and nothing past it is.
    assert_eq!(place(23, 23), "é.yaml:3:1");
    assert_eq!(place(900, 901), "é.yaml:3:1");
}

#[test]
fn a_span_over_lines_is_underlined_on_each() {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", "a:\n  b: 1\n  c: 2\nd: 3\n");
    expect![[r#"
        a.yaml:2:3
          2 |   b: ********
            |   ^^^^^^^^^^^
          3 |   c: ********
            | ^^^^^^^^^^^^^
    "#]]
    .assert_eq(&quoted(&sources, Span::new(file, 5, 16)));
    expect![[r"
        a.yaml:5:1
          5 | 
            | ^
    "]]
    .assert_eq(&quoted(&sources, Span::new(file, 22, 22)));
}

#[test]
fn secrets_are_masked_and_their_length_with_them() {
    let mut sources = Sources::new();
    let file = sources.add(".env", "A=1 # é\nTOKEN=\"canary-1\" # c\nB=canary-22\nC=x\n");
    let token = Span::new(file, 16, 24);
    sources.mark_secret(token);
    sources.mark_secret(Span::new(file, 32, 41));
    expect![[r#"
        .env:2:8
          2 | TOKEN="********" # ********
            |        ^^^^^^^^
    "#]]
    .assert_eq(&quoted(&sources, token));
    // A span that begins inside a secret, or reaches over it, shows no more.
    expect![[r#"
        .env:2:10
          2 | TOKEN="********" # ********
            |        ^^^^^^^^
    "#]]
    .assert_eq(&quoted(&sources, Span::new(file, 18, 20)));
    expect![[r#"
        .env:2:1
          2 | TOKEN="********" # ********
            | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          3 | B=********
            | ^^^^^^^^^^
    "#]]
    .assert_eq(&quoted(&sources, Span::new(file, 9, 41)));
    assert!(sources.is_secret(Span::new(file, 0, 17)));
    assert!(!sources.is_secret(Span::new(file, 24, 30)));
}

#[test]
fn overlapping_secrets_are_one() {
    let mut sources = Sources::new();
    let file = sources.add("t", "0123456789");
    for (start, end) in [(6, 8), (1, 3), (2, 7), (9, 9)] {
        sources.mark_secret(Span::new(file, start, end));
    }
    let secret: Vec<u32> = (0..10).filter(|at| sources.is_secret(Span::new(file, *at, at + 1))).collect();
    assert_eq!(secret, Vec::from_iter(1..8));
}

#[test]
fn a_foreign_id_is_an_empty_text() {
    let mut other = Sources::new();
    other.add("one", "");
    let foreign = other.add("two", "x");
    let sources = Sources::new();
    let span = Span::new(foreign, 0, 1);
    assert_eq!((sources.expose(span), sources.name(foreign)), ("", ""));
    assert_eq!(sources.quote(span).lines.len(), 1);
}
