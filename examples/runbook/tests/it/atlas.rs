//! What the packages of every release say and do, held against the tables of the crates: nothing of it is left without a rule, a
//! symptom or a reason.
#![allow(clippy::unwrap_used, reason = "a failing test says so")]
#![expect(clippy::disallowed_methods, reason = "where a behaviour is held is a file of the workspace")]

use std::collections::BTreeSet;
use std::path::Path;

use openclaw_compose::openclaw::{Version, Versions, rules};
use openclaw_pairing::refusal::REFUSAL_TEXTS;
use openclaw_pairing::version as pairing_version;
use openclaw_pairing::{Symptom, Timeline, Vantage};

const BEHAVIOURS: &str = include_str!("../../../live/atlas/behaviours.tsv");
const WORDINGS: &str = include_str!("../../../live/atlas/wordings.tsv");

/// The rows of a table, without its heading.
fn rows<const N: usize>(table: &str) -> impl Iterator<Item = [&str; N]> {
    table.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>().try_into().unwrap())
}

/// The behaviour of the packages, read on both sides of every change. A range that turns elsewhere is a guess.
#[test]
fn no_rule_turns_where_no_package_does() {
    let known: BTreeSet<Version> =
        rows(BEHAVIOURS).map(|[_, since, ..]: [&str; 4]| since.parse().unwrap()).collect();
    let turns = |versions: Versions| [versions.first(), versions.end()].into_iter().flatten();
    for version in rules::ranges().flat_map(turns) {
        assert!(known.contains(&version), "{version}");
    }
    let pairing = pairing_version::RULES.iter().flat_map(|row| [row.since, row.before]).flatten();
    for version in pairing {
        // The CLI of 2026.3.13 alone left its device out.
        let version: Version = version.to_string().parse().unwrap();
        let is_told = [Version::new(2026, 3, 13), Version::new(2026, 3, 22)].contains(&version);
        assert!(known.contains(&version) || is_told, "{version}");
    }
    for endpoint in openclaw_probe::ENDPOINTS {
        assert!(known.contains(&endpoint.since.parse().unwrap()), "{}", endpoint.path);
    }
}

/// A file of the tables has the word of a behaviour, and knows the release with which it turns.
#[test]
fn every_behaviour_is_held_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut wrong = Vec::new();
    for [behaviour, since, what, held] in rows(BEHAVIOURS) {
        let (place, word) = held.split_once(' ').unwrap();
        let is_held = if place == "-" {
            word.len() > 20
        } else {
            let text = std::fs::read_to_string(root.join(place)).unwrap_or_default();
            let numbers = since.replace('.', ", ");
            let name = format!("V{}", since.replace('.', "_"));
            let knows = since == FIRST || [since, &numbers, &name].iter().any(|form| text.contains(form));
            knows && text.contains(word)
        };
        if !is_held || what.is_empty() {
            wrong.push(format!("{behaviour} since {since}: {held}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows::<4>(BEHAVIOURS).count(), 129);
}

/// The first package under this name: what holds there holds from the beginning.
const FIRST: &str = "2026.1.29";

#[test]
fn every_wording_is_read_or_says_why_not() {
    let mut wrong = Vec::new();
    for [text, _, _, meaning, why] in rows(WORDINGS) {
        let code =
            || REFUSAL_TEXTS.iter().find(|(begins, _)| text.starts_with(begins)).map(|(_, code)| *code);
        let read = symptom(text).map(|symptom| format!("{symptom:?}"));
        let read = read.or_else(|| code().map(str::to_owned)).unwrap_or_else(|| "-".to_owned());
        if read != meaning || (why == "-") == (meaning == "-") {
            wrong.push(format!("{text}\t{read}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a text means by itself, or as what a start ended with.
fn symptom(text: &str) -> Option<Symptom> {
    let read = |line: &str| {
        let marks = Timeline::parse(Vantage::Gateway, "gateway.log", line).marks;
        marks.first().map(|mark| mark.symptom)
    };
    let of_any = read(&format!("{END}x"));
    read(text).or_else(|| read(&format!("{END}{text}")).filter(|symptom| Some(*symptom) != of_any))
}

const END: &str = "Gateway failed to start: ";
