//! Where two transcripts differ, and whether that has been explained.

use super::OracleError;
use super::talk::{Record, Transcript};
use serde_json::Value;
use std::path::Path;

/// One place where the two gateways differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `scene / case`.
    pub case: String,
    /// JSON pointer into what was said, with the step in front.
    pub place: String,
    /// What the real gateway said there; nothing where it said nothing.
    pub real: Option<Value>,
    /// What the embedded gateway said there.
    pub embedded: Option<Value>,
}

/// One row of the table of accepted differences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Case, `*` for any run of characters.
    pub case: String,
    /// Place, `*` for any run of characters.
    pub place: String,
    /// Why the embedded gateway differs.
    pub why: String,
}

/// The outcome.
#[derive(Debug)]
pub struct Differences {
    /// Differences that no row explains.
    pub unexplained: Vec<Difference>,
    /// Rows without a difference.
    pub stale: Vec<Explanation>,
    /// How many differences the rows explain.
    pub explained: usize,
    /// How many records were compared.
    pub compared: usize,
}

impl Differences {
    /// The unexplained ones that say the same at the same place of an answer, once, with how often they do; in their order.
    #[must_use]
    pub fn kinds(&self) -> Vec<(&Difference, usize)> {
        let mut kinds: Vec<(&Difference, usize)> = Vec::new();
        for difference in &self.unexplained {
            let same = |known: &Difference| {
                known.real == difference.real
                    && known.embedded == difference.embedded
                    && within(&known.place) == within(&difference.place)
            };
            match kinds.iter_mut().find(|(known, _)| same(known)) {
                Some((_, times)) => *times += 1,
                None => kinds.push((difference, 1)),
            }
        }
        kinds
    }
}

/// A place without its step.
fn within(place: &str) -> &str {
    place.find('/').and_then(|at| place.get(at..)).unwrap_or_default()
}

/// Compares two transcripts of the same conversation.
#[must_use]
pub fn compare(real: &Transcript, embedded: &Transcript, explanations: &[Explanation]) -> Differences {
    let mut differences = Vec::new();
    let (mut left, mut right) = (group(real), group(embedded));
    let cases: Vec<(String, usize)> = left.keys().chain(right.keys()).cloned().collect();
    let mut done: Vec<(String, usize)> = Vec::new();
    let mut compared = 0;
    for key in cases {
        if done.contains(&key) {
            continue;
        }
        let (real, embedded) =
            (left.remove(&key).unwrap_or_default(), right.remove(&key).unwrap_or_default());
        compared += real.len();
        for index in 0..real.len().max(embedded.len()) {
            let place = format!("step {}.{}", key.1, index + 1);
            let said = |records: &[&Record]| records.get(index).map(|record| record.said.clone());
            differ(&key.0, &place, said(&real).as_ref(), said(&embedded).as_ref(), &mut differences);
        }
        done.push(key);
    }
    let mut used = vec![false; explanations.len()];
    let mut unexplained = Vec::new();
    let mut explained = 0;
    for difference in differences {
        let row = explanations
            .iter()
            .position(|row| matches(&row.case, &difference.case) && matches(&row.place, &difference.place));
        match row {
            Some(row) => {
                explained += 1;
                if let Some(used) = used.get_mut(row) {
                    *used = true;
                }
            }
            None => unexplained.push(difference),
        }
    }
    let stale = explanations.iter().zip(used).filter(|(_, used)| !used).map(|(row, _)| row.clone()).collect();
    Differences { unexplained, stale, explained, compared }
}

/// Reads the table: rows of a Markdown table with the columns case, place, why.
///
/// # Errors
/// [`OracleError::Input`] when the file cannot be read or a row lacks its reason.
#[expect(clippy::disallowed_methods, reason = "the oracle is a tool that reads its own table")]
pub fn explanations(file: &Path) -> Result<Vec<Explanation>, OracleError> {
    let input = |problem: String| OracleError::Input { file: file.display().to_string(), problem };
    let text = std::fs::read_to_string(file).map_err(|error| input(error.to_string()))?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [case, place, why] = cells.as_slice() else {
            return Err(input(format!("line {}: a row has the cells case, place, why", number + 1)));
        };
        if *case == "case" || case.starts_with("---") {
            continue;
        }
        if why.is_empty() {
            return Err(input(format!("line {}: a difference without a reason", number + 1)));
        }
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        rows.push(Explanation { case: plain(case), place: plain(place), why: (*why).to_owned() });
    }
    Ok(rows)
}

type Grouped<'a> = std::collections::BTreeMap<(String, usize), Vec<&'a Record>>;

fn group(transcript: &Transcript) -> Grouped<'_> {
    let mut grouped = Grouped::new();
    for record in &transcript.records {
        grouped.entry((record.case.clone(), record.step)).or_default().push(record);
    }
    grouped
}

fn differ(
    case: &str,
    place: &str,
    real: Option<&Value>,
    embedded: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (real, embedded) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                differ(case, &format!("{place}/{name}"), left.get(name), right.get(name), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differ(case, &format!("{place}/{index}"), Some(left), Some(right), found);
            }
        }
        (real, embedded) if real == embedded => {}
        (real, embedded) => found.push(Difference {
            case: case.to_owned(),
            place: place.to_owned(),
            real: real.cloned(),
            embedded: embedded.cloned(),
        }),
    }
}

/// `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            (0..=text.len()).filter_map(|at| text.get(at..)).any(|tail| matches(rest, tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn transcript(said: Value) -> Transcript {
        Transcript { records: vec![Record { case: "scene / case".into(), step: 1, said }] }
    }

    fn row(place: &str) -> Explanation {
        Explanation { case: "scene / *".into(), place: place.into(), why: "because".into() }
    }

    #[test]
    fn a_difference_needs_its_row_and_a_row_its_difference() {
        let (real, embedded) =
            (transcript(json!({ "a": 1, "b": [1, 2] })), transcript(json!({ "a": 2, "b": [1, 2] })));
        let differences = compare(&real, &embedded, &[]);
        assert_eq!(differences.unexplained.len(), 1);
        assert_eq!(differences.unexplained[0].place, "step 1.1/a");
        let differences = compare(&real, &embedded, &[row("step *.1/a"), row("step 1.1/b")]);
        assert_eq!((differences.unexplained.len(), differences.explained), (0, 1));
        assert_eq!(differences.stale, [row("step 1.1/b")]);
    }

    #[test]
    fn what_differs_alike_is_one_kind() {
        let twice =
            Transcript { records: [transcript(json!(1)).records, transcript(json!(1)).records].concat() };
        let differences = compare(&twice, &Transcript::default(), &[]);
        assert_eq!((differences.unexplained.len(), differences.kinds().len()), (2, 1));
        assert_eq!(differences.kinds()[0].1, 2);
    }

    #[test]
    fn what_only_one_says_is_a_difference() {
        let differences = compare(&transcript(json!(1)), &Transcript::default(), &[]);
        assert_eq!(differences.unexplained[0].embedded, None);
    }

    #[test]
    fn patterns() {
        assert!(matches("lan / *", "lan / no auth"));
        assert!(matches("*/features/*", "step 1.2/payload/features/methods"));
        assert!(!matches("*/features", "step 1.2/payload/features/methods"));
    }
}
