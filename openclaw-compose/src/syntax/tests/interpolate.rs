//! Interpolation: one table for what a template becomes, one for what is refused.

use crate::syntax::interpolate::{Found, Gave, Interpolated, Options, PieceKind, ProblemKind, interpolate};

/// `SET` has a value, `EMPTY` none, `DOLLAR` one that looks like a template; everything else is unset.
fn lookup(name: &str) -> Option<Found<&'static str>> {
    let value = match name {
        "SET" => "value",
        "EMPTY" => "",
        "DOLLAR" => "$SET",
        "BRACE" => "}",
        "\u{17f}" => "long s",
        _ => return None,
    };
    Some(Found { value: value.into(), source: "test" })
}

fn run(template: &str) -> Interpolated<'_, &'static str> {
    interpolate(template, Options::default(), lookup)
}

#[test]
fn templates_become_what_compose_makes_of_them() {
    const CASES: &[(&str, &str)] = &[
        // Plain forms.
        ("$SET", "value"),
        ("${SET}", "value"),
        ("<$SET-${SET}>", "<value-value>"),
        ("$SETTER", ""),
        ("$SET:-x", "value:-x"),
        // What is no expression stays.
        ("", ""),
        ("$", "$"),
        ("a$", "a$"),
        ("$1 $( $} $= $ {SET}", "$1 $( $} $= $ {SET}"),
        ("$$SET $${SET} $$$SET", "$SET ${SET} $value"),
        // The six operators, over set, empty and unset.
        ("${SET:-d}|${EMPTY:-d}|${UNSET:-d}", "value|d|d"),
        ("${SET-d}|${EMPTY-d}|${UNSET-d}", "value||d"),
        ("${SET:+a}|${EMPTY:+a}|${UNSET:+a}", "a||"),
        ("${SET+a}|${EMPTY+a}|${UNSET+a}", "a|a|"),
        ("${SET:?e}|${SET?e}|${EMPTY?e}", "value|value|"),
        // The first operator counts.
        ("${UNSET-a:?b}", "a:?b"),
        ("${SET:+?x}", "?x"),
        ("${UNSET:-:-}", ":-"),
        // Arguments are templates.
        ("${UNSET:-$SET/${SET}}", "value/value"),
        ("${UNSET:-$${SET}}", "${SET}"),
        ("${UNSET:-x${UNSET:-y${UNSET:-z}Y}X}", "xyzYX"),
        ("${UNSET:- a b }", " a b "),
        // Values are not read again.
        ("$DOLLAR ${UNSET:-$DOLLAR}", "$SET $SET"),
        ("a${BRACE}b", "a}b"),
        // Braces are counted, but not right behind a brace.
        ("${UNSET:-{\"k\":1}}", "{\"k\":1}"),
        ("${UNSET:-{a}}-$SET", "{a}-value"),
        ("${UNSET:-x} } ${UNSET:-y}", "x } y"),
        ("${UNSET:-{}}", "{}"),
        // Lines are their own; so are other alphabets.
        ("${UNSET:-d}\n${SET}", "d\nvalue"),
        ("$é ${UNSET:-żółw}", "$é żółw"),
        // U+017F folds to an s.
        ("$\u{17f}", "long s"),
    ];
    for (template, expected) in CASES {
        let done = run(template);
        assert_eq!((&*done.text, done.problems.is_empty()), (*expected, true), "{template}");
    }
}

#[test]
fn what_does_not_complete_is_refused_with_the_template_that_compose_quotes() {
    const CASES: &[(&str, &str)] = &[
        ("${", "${"),
        ("${}", "${}"),
        ("${SET", "${SET"),
        ("${SET B}", "${SET B}"),
        ("${SET:}", "${SET:}"),
        ("${SET:=x}", "${SET:=x}"),
        ("${SET.B}", "${SET.B}"),
        ("${1A}", "${1A}"),
        ("${UNSET:-a\nb}", "${UNSET:-a\nb}"),
        // Inside an argument and behind an operation Compose reads a template of its own.
        ("${SET:-${UNSET}", "${UNSET"),
        ("${UNSET:-{} ${SET}", "{} ${SET"),
        ("a ${UNSET:-x} ${1} b", " ${1}"),
    ];
    for (template, quoted) in CASES {
        let done = run(template);
        let problem = done.problems.first().unwrap_or_else(|| panic!("{template} was accepted"));
        assert_eq!(problem.kind, ProblemKind::Invalid, "{template}");
        assert_eq!(&template[problem.scope.clone()], *quoted, "{template}");
    }
}

#[test]
fn a_required_variable_says_its_own_text() {
    const CASES: &[(&str, &str, &str)] = &[
        ("${UNSET:?}", "UNSET", ""),
        ("${UNSET?set it}", "UNSET", "set it"),
        ("${EMPTY:? as $SET}", "EMPTY", " as value"),
        // The argument is read before the variable is looked up, also where it is not used.
        ("${UNSET:?${EMPTY:?inner}}", "EMPTY", "inner"),
        ("${SET:-${UNSET:?inner}}", "UNSET", "inner"),
    ];
    for (template, name, message) in CASES {
        let done = run(template);
        let expected = ProblemKind::Required { name: (*name).to_owned(), message: (*message).into() };
        assert_eq!(
            done.problems.iter().map(|problem| &problem.kind).collect::<Vec<_>>(),
            [&expected],
            "{template}"
        );
    }
}

#[test]
fn every_error_of_a_template_is_reported() {
    let done = run("${UNSET:?one} ${ ${EMPTY:?two}");
    assert_eq!(done.problems.len(), 3);
    assert_eq!(done.text, "  ");
}

#[test]
fn newer_dialects_read_an_argument_only_where_it_is_used() {
    let lazy = Options::default().eager_arguments(false);
    assert!(interpolate("${SET:-${UNSET:?inner}}", lazy, lookup).problems.is_empty());
    assert!(!interpolate("${UNSET:-${UNSET:?inner}}", lazy, lookup).problems.is_empty());
}

#[test]
fn only_the_plain_forms_warn() {
    let done = run("$A ${B} ${C:-} ${D-${E}} ${F:+x} $A");
    let names: Vec<&str> = done.unset.iter().map(|unset| &*unset.name).collect();
    assert_eq!(names, ["A", "B", "E", "A"]);
}

#[test]
fn pieces_say_where_each_part_came_from() {
    let template = "ws://${HOST:-$SET}:$UNSET$$";
    let done = run(template);
    assert_eq!(done.text, "ws://value:$");
    let parts: Vec<(&str, &str)> = done
        .pieces
        .iter()
        .map(|piece| (&template[piece.written.clone()], &done.text[piece.output.clone()]))
        .collect();
    assert_eq!(
        parts,
        [("ws://", "ws://"), ("${HOST:-$SET}", "value"), (":", ":"), ("$UNSET", ""), ("$$", "$")]
    );
    let PieceKind::Variable(host) = &done.pieces[1].kind else { panic!("no variable") };
    assert_eq!((host.source, host.gave), (None, Gave::Argument));
    let PieceKind::Variable(set) = &host.argument[0].kind else { panic!("no variable") };
    assert_eq!((set.source, set.gave), (Some("test"), Gave::Value));
    assert_eq!(&done.text[host.argument[0].output.clone()], "value");
}

#[test]
fn nesting_has_a_bottom() {
    let deep = "${A:-".repeat(50_000) + &"}".repeat(50_000);
    let done = run(&deep);
    assert!(done.problems.iter().any(|problem| problem.kind == ProblemKind::TooDeep));
    let fine = "${A:-".repeat(100) + "x" + &"}".repeat(100);
    assert_eq!(run(&fine).text, "x");
}
