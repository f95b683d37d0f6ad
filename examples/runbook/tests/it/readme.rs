//! What the front page says the two commands print is what they print.
#![allow(clippy::panic, reason = "a front page that says something else is what the test is for")]

use crate::support::{root, runbook, status, stdout};

/// The text of the fenced block that opens with this word.
fn block<'a>(readme: &'a str, language: &str) -> &'a str {
    let (_, rest) = readme.split_once(&format!("```{language}\n")).expect("the block is there");
    rest.split_once("```\n").expect("the block is closed").0
}

#[expect(clippy::disallowed_methods, reason = "the front page is a file")]
fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the front page is there")
}

#[test]
fn the_ticket_on_the_front_page_is_the_one_that_is_printed() {
    let readme = readme();
    assert!(readme.contains("cargo run --release --bin runbook -- examples/stacks/silent-override\n"));
    let output = runbook(&["examples/stacks/silent-override"]);
    assert_eq!(status(&output), 1);
    assert_eq!(stdout(&output), block(&readme, "text"));
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
