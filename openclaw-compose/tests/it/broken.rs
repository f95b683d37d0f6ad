//! Broken projects as people write them: the first error points at the line where a person has to act, and is the only one.

use openclaw_compose::finding::Severity;
use openclaw_compose::project::{self, Inputs, Resolution, Texts};

/// One project of `broken/cases.txt`.
struct Case {
    name: &'static str,
    /// `FILE:LINE`
    place: &'static str,
    files: Texts,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../broken/cases.txt");
    text.split("\n=== ").skip(1).map(read).collect()
}

fn read(text: &'static str) -> Case {
    let (head, body) = text.split_once('\n').expect("a line of its own for the head");
    let (name, place) = head.split_once(' ').expect("a name and a place");
    let mut parts = body.split("\n--- ");
    let first = parts.next().expect("a compose.yaml");
    let files = parts.fold(Texts::new().file("/p/compose.yaml", format!("{first}\n")), |files, part| {
        let (path, text) = part.split_once('\n').expect("a line of its own for the path");
        files.file(format!("/p/{path}"), format!("{text}\n"))
    });
    Case { name, place, files }
}

fn resolve(case: &Case) -> Resolution {
    project::resolve(&Inputs::new("/p").variable("HOME", "/home/u"), &case.files)
}

#[test]
fn the_first_error_is_where_a_person_has_to_act() {
    let cases = cases();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let resolution = resolve(case);
            let finding = resolution.compose_would_refuse().map(|refusal| &refusal.finding);
            let place = finding.and_then(|finding| finding.primary());
            let found = place.map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
            (found != case.place).then(|| format!("{} at {found}, not {}", case.name, case.place))
        })
        .collect();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    assert!(
        wrong.len() * 100 <= cases.len() * 5,
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn one_fault_is_one_error() {
    let several: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let resolution = resolve(case);
            let errors = resolution.findings().iter().filter(|finding| finding.severity == Severity::Error);
            let errors: Vec<String> = errors.map(ToString::to_string).collect();
            (errors.len() != 1).then(|| format!("{}:\n  {}", case.name, errors.join("\n  ")))
        })
        .collect();
    assert!(several.is_empty(), "{}", several.join("\n"));
}

#[test]
fn the_table_in_the_readme_says_what_is_said() {
    let readme = include_str!("../../README.md");
    let rows: Vec<_> = cases()
        .iter()
        .filter_map(|case| {
            let row = readme.lines().find(|line| line.starts_with(&format!("| {} |", case.name)))?;
            let resolution = resolve(case);
            let finding = &resolution.compose_would_refuse().expect("refused").finding;
            let place = finding.primary().expect("a place");
            let help = finding.remedy.as_ref().map(|remedy| format!("; help: {}", remedy.text));
            let said = format!(
                "{}:{}:{}: {}{}",
                place.file,
                place.line,
                place.column,
                finding.summary,
                help.unwrap_or_default()
            );
            assert!(row.ends_with(&format!("| `{}` |", said.replace('`', "'"))), "{row}\n{said}");
            Some(case.name)
        })
        .collect();
    assert_eq!(rows.len(), 10, "{rows:?}");
}
