//! What the front page says the two commands print is what they print.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a front page that says something else is what the test is for"
)]

use std::path::Path;
use std::process::Command;

use crate::support::{self, root, runbook, stdout};

/// The text of the fenced block that opens with this word.
fn block<'a>(readme: &'a str, language: &str) -> &'a str {
    let (_, rest) = readme.split_once(&format!("```{language}\n")).expect("the block is there");
    rest.split_once("```\n").expect("the block is closed").0
}

#[expect(clippy::disallowed_methods, reason = "the front page is a file")]
fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the front page is there")
}

/// Every fenced block in this language.
fn blocks<'a>(readme: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    readme.split(open.as_str()).skip(1).map(|rest| rest.split_once("```\n").unwrap().0).collect()
}

/// Whether the lines that were printed are those of the page: `...` alone stands for any lines, within one for any words.
fn is_as_said(said: &[&str], printed: &[&str]) -> bool {
    let matches = |said: &str, printed: &str| {
        let (head, tail) = said.split_once("...").unwrap_or((said, ""));
        if said.contains("...") {
            printed.starts_with(head) && printed.ends_with(tail)
        } else {
            said == printed
        }
    };
    match (said, printed) {
        ([], []) => true,
        ([any, said @ ..], printed) if *any == "..." => {
            (0..=printed.len()).any(|skipped| is_as_said(said, &printed[skipped..]))
        }
        ([first, said @ ..], [line, printed @ ..]) => matches(first, line) && is_as_said(said, printed),
        _ => false,
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a reader pastes is run by a shell")]
fn every_command_on_the_front_page_prints_what_it_says() {
    let readme = readme();
    let checkout = tempfile::tempdir().unwrap();
    let stacks = "examples/stacks";
    support::copy_folder(&root().join(stacks), &checkout.path().join(stacks));
    let programs = Path::new(support::RUNBOOK).parent().unwrap();
    let mut commands = 0;
    for block in blocks(&readme, "console") {
        for told in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, said) = told.split_once('\n').unwrap_or((told, ""));
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).current_dir(checkout.path()).env_clear();
            shell.env("PATH", format!("{}:/usr/bin:/bin", programs.display())).env("RUNBOOK_HOST_FILES", "1");
            let printed = stdout(&shell.output().unwrap());
            let (said, lines): (Vec<&str>, Vec<&str>) = (said.lines().collect(), printed.lines().collect());
            assert!(is_as_said(&said, &lines), "{command} prints\n{printed}");
            commands += 1;
        }
    }
    assert_eq!(commands, 3);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program is a file")]
fn the_program_on_the_front_page_is_one_that_is_built() {
    let program = std::fs::read_to_string(root().join("examples/small/src/bin/first-cause.rs")).unwrap();
    assert_eq!(block(&readme(), "rust"), program);
    assert!(program.lines().count() <= 40);
    assert!(readme().contains("cargo install --locked --path examples/runbook\n"));
}

/// A front page without its docs.rs, too: a line that rustdoc hides, and a link to a type, are noise there.
#[test]
#[expect(clippy::disallowed_methods, reason = "the pages are files")]
fn each_crate_shows_on_its_first_screen_what_most_people_need() {
    for folder in [
        "openclaw-token",
        "openclaw-compose",
        "openclaw-pairing",
        "openclaw-probe",
        "examples/gateway",
        "examples/runbook",
    ] {
        let page = std::fs::read_to_string(root().join(folder).join("README.md")).unwrap();
        let code: Vec<&str> = blocks(&page, "rust").into_iter().flat_map(str::lines).collect();
        assert!(code.iter().all(|line| !line.starts_with("# ")), "{folder}: rustdoc alone hides such a line");
        let first: Vec<&str> = page.lines().take(32).collect();
        assert!(
            first.iter().any(|line| *line == "```rust" || *line == "```sh"),
            "{folder}: no use on its first screen"
        );
        let use_it = page.split("```").nth(1).unwrap().lines().filter(|line| !line.is_empty()).count();
        assert!(use_it <= 22, "{folder}: {use_it} lines are not the ten that most people need");
        let mut links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        assert!(!links.any(|link| link.contains("::")), "{folder}: a link that only docs.rs follows");
    }
}

#[test]
fn every_line_of_the_rehearsal_on_the_front_page_is_printed_in_that_order() {
    let readme = readme();
    let output = stdout(&runbook(&[]));
    let mut lines = output.lines();
    for expected in block(&readme, "rehearsal").lines() {
        let (head, tail) = expected.split_once("...").unwrap_or((expected, ""));
        let found = lines.any(|line| line.starts_with(head) && line.ends_with(tail));
        assert!(found, "{expected:?} is not next in\n{output}");
    }
}

/// A Mac's shell takes a comment behind a command for arguments, and runs what stands in backquotes.
#[test]
#[expect(clippy::disallowed_methods, reason = "the pages are files")]
fn what_a_reader_pastes_into_zsh_is_commands_alone() {
    let mut pages: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "examples/README.md"].map(|page| root().join(page)).into();
    for folder in [root(), root().join("examples")] {
        let below = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("README.md"));
        pages.extend(below.filter(|page| page.is_file()));
    }
    let mut lines = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for line in blocks(&text, "sh").into_iter().flat_map(str::lines) {
            lines += 1;
            let is_comment = line.trim_start().starts_with('#') || line.contains(" # ");
            assert!(!is_comment && !line.contains('`'), "{}: {line}", page.display());
        }
    }
    assert!(lines >= 10, "{lines}");
}
