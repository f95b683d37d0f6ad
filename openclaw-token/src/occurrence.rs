//! Comparing the tokens that were seen in several places.

use crate::codes::Code;
use crate::finding::{Finding, Place, PlaceRole, Subject};
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::token::{Flaw, Judgement, judge, unquoted};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;

/// A token and the place where it was seen: a line of a file, a container's environment, a pasted value.
pub struct Occurrence {
    place: Place,
    token: SecretString,
}

impl Occurrence {
    /// `place` is the caller's name for it: `.env`, `openclaw-gateway environment`.
    pub fn new(place: impl Into<String>, token: SecretString) -> Self {
        let place = Place { role: PlaceRole::Related, file: place.into(), line: 0, column: 0, span: [0, 0] };
        Self { place, token }
    }

    /// Adds where in the place: line and column from 1, byte range of the value.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32, span: [usize; 2]) -> Self {
        (self.place.line, self.place.column, self.place.span) = (line, column, span);
        self
    }

    /// The place.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The token seen there.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        &self.token
    }
}

impl fmt::Debug for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Occurrence").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Which places hold the same token, and how the others differ. Names tokens by class (A, B, C), never by value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Places with equal tokens, largest group first.
    pub groups: Vec<Group>,
    /// Every pair of groups.
    pub differences: Vec<Difference>,
}

/// Places that hold one and the same token, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Group {
    /// `A` for the largest group, then `B`, …; after `Z` numbers: `27`.
    pub class: String,
    /// Where it was seen, in the order given.
    pub places: Vec<Place>,
    /// What is wrong with it.
    pub judgement: Judgement,
    /// Its fingerprint: keyed if a key was given, absent if the token is weak and none was.
    pub fingerprint: Option<Fingerprint>,
}

impl Group {
    /// `class A (.env, openclaw.json)`
    #[must_use]
    pub fn name(&self) -> String {
        let places: Vec<&str> = self.places.iter().map(|place| place.file.as_str()).collect();
        format!("class {} ({})", self.class, places.join(", "))
    }
}

/// Two groups and what alone sets them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// Class of the larger group.
    pub left: String,
    /// Class of the smaller one.
    pub right: String,
    /// The least set of defects that explains the difference; empty if none does: these are different tokens.
    pub only_by: Vec<OnlyBy>,
}

/// A defect that can be all that sets two tokens apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OnlyBy {
    /// A leading U+FEFF.
    ByteOrderMark,
    /// White space at the ends, a trailing newline or carriage return among it.
    Whitespace,
    /// A pair of quotes around it.
    Quotes,
    /// Upper and lower case.
    Case,
}

impl OnlyBy {
    /// In the order in which they are undone.
    const ALL: [Self; 4] = [Self::ByteOrderMark, Self::Whitespace, Self::Quotes, Self::Case];

    fn words(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "a byte order mark",
            Self::Whitespace => "white space at the ends",
            Self::Quotes => "wrapping quotes",
            Self::Case => "upper and lower case",
        }
    }

    fn code(self) -> Code {
        match self {
            Self::ByteOrderMark => Code::DiffersByByteOrderMark,
            Self::Whitespace => Code::DiffersByWhitespace,
            Self::Quotes => Code::DiffersByQuotes,
            Self::Case => Code::DiffersByCase,
        }
    }
}

/// Compares occurrences from any number of places.
///
/// Tokens are compared as SHA-256 digests of fixed size, never byte by byte, so the time taken says nothing about
/// where two of them part.
///
/// ```
/// use openclaw_token::{OnlyBy, Occurrence, compare, secrecy::SecretString};
/// let token = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";
/// let comparison = compare(&[
///     Occurrence::new(".env", SecretString::from(token)),
///     Occurrence::new("openclaw.json", SecretString::from(format!("\"{token}\""))),
/// ], None);
/// assert!(!comparison.agrees());
/// assert_eq!(comparison.differences[0].only_by, [OnlyBy::Quotes]);
/// ```
#[must_use]
pub fn compare(occurrences: &[Occurrence], key: Option<&FingerprintKey>) -> Comparison {
    let found = grouped(occurrences);
    let tokens: Vec<&SecretString> =
        found.iter().filter_map(|group| group.first()).map(|first| &first.token).collect();
    let groups = judged(&found, key);
    let mut differences = Vec::new();
    for (l, left) in tokens.iter().enumerate() {
        for (r, right) in tokens.iter().enumerate().skip(l + 1) {
            differences.push(Difference { left: class(l), right: class(r), only_by: only_by(left, right) });
        }
    }
    Comparison { groups, differences }
}

/// The groups of [`compare`] alone, for whoever does not ask how each differs from every other.
#[must_use]
pub fn group(occurrences: &[Occurrence], key: Option<&FingerprintKey>) -> Vec<Group> {
    judged(&grouped(occurrences), key)
}

fn judged(found: &[Vec<&Occurrence>], key: Option<&FingerprintKey>) -> Vec<Group> {
    let tokens = found.iter().filter_map(|group| Some((group, &group.first()?.token)));
    tokens
        .enumerate()
        .map(|(n, (group, token))| Group {
            class: class(n),
            places: group.iter().map(|occurrence| occurrence.place.clone()).collect(),
            judgement: judge(token),
            fingerprint: match key {
                Some(key) => Some(Fingerprint::keyed(key, token)),
                None => Fingerprint::of(token).ok(),
            },
        })
        .collect()
}

impl Comparison {
    /// Exactly one token was seen.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.groups.len() == 1
    }

    /// What is wrong with each token, and between them.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        if self.groups.is_empty() {
            return vec![Finding::new(Code::NoToken, "no place holds a token")];
        }
        let judged = self.groups.iter().flat_map(|group| {
            let findings = group.judgement.findings(&group.name());
            let about = Subject::of(&group.places);
            findings
                .into_iter()
                .map(move |finding| finding.about(about.clone()).places(group.places.iter().cloned()))
        });
        let compared = self.differences.iter().filter_map(|difference| self.difference(difference));
        judged.chain(compared).collect()
    }

    fn difference(&self, difference: &Difference) -> Option<Finding> {
        let group = |class: &str| self.groups.iter().find(|group| group.class == class);
        let (left, right) = (group(&difference.left)?, group(&difference.right)?);
        // A placeholder is not a second token; its own finding says what it is.
        if [left, right].iter().any(|group| group.judgement.flaws.iter().any(Flaw::is_placeholder)) {
            return None;
        }
        let worst = difference.only_by.iter().max_by_key(|by| by.code().severity());
        let (code, how) = match worst {
            None => (Code::TokensDiffer, "hold different tokens".to_owned()),
            Some(by) => {
                let words: Vec<_> = difference.only_by.iter().map(|by| by.words()).collect();
                (by.code(), format!("differ only by {}", words.join(" and ")))
            }
        };
        let finding = Finding::new(code, format!("{} and {} {how}", left.name(), right.name()))
            .places(left.places.iter().chain(&right.places).cloned());
        let finding = [left, right].iter().fold(finding, |finding, group| match &group.fingerprint {
            Some(fingerprint) => finding.evidence(format!("class {}: {}", group.class, fingerprint.short())),
            None => finding.evidence(format!("class {}: too weak for a fingerprint", group.class)),
        });
        Some(finding.remedy(match worst {
            None => "Find out which one the gateway enforces, then write that one everywhere; mint none.",
            Some(_) => "Write the bare token, byte for byte the same, in every place.",
        }))
    }
}

impl Flaw {
    /// The text is not a token at all: it stands where one should be.
    pub(crate) fn is_placeholder(&self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::UndefinedLiteral
                | Self::Placeholder
                | Self::RedactionMarker
                | Self::UnexpandedVariable
        )
    }
}

/// Occurrences of equal tokens together, the largest group first; groups of one size in the order in which they were seen.
pub(crate) fn grouped(occurrences: &[Occurrence]) -> Vec<Vec<&Occurrence>> {
    let mut found: Vec<Vec<&Occurrence>> = Vec::new();
    let mut known: HashMap<Sha256Digest, usize> = HashMap::new();
    for occurrence in occurrences {
        let at = *known.entry(digest(occurrence.token.expose_secret())).or_insert(found.len());
        match found.get_mut(at) {
            Some(group) => group.push(occurrence),
            None => found.push(vec![occurrence]),
        }
    }
    found.sort_by_key(|group| std::cmp::Reverse(group.len()));
    found
}

type Sha256Digest = [u8; 32];

fn digest(text: &str) -> Sha256Digest {
    Sha256::digest(text).into()
}

fn class(n: usize) -> String {
    match u8::try_from(n) {
        Ok(n @ 0..26) => char::from(b'A' + n).to_string(),
        _ => (n + 1).to_string(),
    }
}

/// The smallest set of defects whose removal makes the two equal.
fn only_by(left: &SecretString, right: &SecretString) -> Vec<OnlyBy> {
    let mut sets: Vec<Vec<OnlyBy>> = (1..1 << OnlyBy::ALL.len())
        .map(|bits: usize| {
            let chosen = OnlyBy::ALL.iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1);
            chosen.map(|(_, by)| *by).collect()
        })
        .collect();
    sets.sort_by_key(Vec::len);
    let equal = |set: &&Vec<OnlyBy>| {
        let (left, right) = (without(left, set), without(right, set));
        digest(left.expose_secret()) == digest(right.expose_secret())
    };
    sets.iter().find(equal).cloned().unwrap_or_default()
}

fn without(token: &SecretString, set: &[OnlyBy]) -> SecretString {
    let mut text = token.expose_secret();
    let mut lower = None;
    for by in set {
        match by {
            OnlyBy::ByteOrderMark => text = text.strip_prefix('\u{feff}').unwrap_or(text),
            OnlyBy::Whitespace => text = text.trim(),
            OnlyBy::Quotes => text = unquoted(text).unwrap_or(text),
            OnlyBy::Case => lower = Some(text.to_lowercase()),
        }
    }
    SecretString::from(lower.unwrap_or_else(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    const TOKEN: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

    fn seen(values: &[(&str, &str)]) -> Comparison {
        let occurrences: Vec<_> =
            values.iter().map(|(place, token)| Occurrence::new(*place, SecretString::from(*token))).collect();
        compare(&occurrences, None)
    }

    fn differs_by(other: &str) -> Vec<OnlyBy> {
        seen(&[("a", TOKEN), ("b", other)]).differences.remove(0).only_by
    }

    #[test]
    fn names_what_alone_differs() {
        assert_eq!(differs_by(&format!("{TOKEN}\r\n")), [OnlyBy::Whitespace]);
        assert_eq!(differs_by(&format!("'{TOKEN}'")), [OnlyBy::Quotes]);
        assert_eq!(differs_by(&TOKEN.to_uppercase()), [OnlyBy::Case]);
        assert_eq!(differs_by(&format!("\u{feff}{TOKEN}")), [OnlyBy::ByteOrderMark]);
        assert_eq!(differs_by(&format!(" \"{TOKEN}\"\n")), [OnlyBy::Whitespace, OnlyBy::Quotes]);
        assert_eq!(differs_by(&TOKEN.replace('k', "e")), []);
    }

    #[test]
    fn classes_go_on_after_the_alphabet() {
        assert_eq!([0, 1, 25, 26, 27, 300].map(class), ["A", "B", "Z", "27", "28", "301"]);
    }

    #[test]
    fn no_group_is_larger_than_the_first() {
        let report = seen(&[("a", "x"), ("b", TOKEN), ("c", "y"), ("d", TOKEN), ("e", "x"), ("f", TOKEN)]);
        let sizes: Vec<usize> = report.groups.iter().map(|group| group.places.len()).collect();
        assert_eq!(sizes, [3, 2, 1]);
        assert_eq!(report.differences.len(), 3, "each pair once");
        assert!(!report.agrees());
        assert!(seen(&[("a", TOKEN), ("b", TOKEN)]).agrees());
    }

    #[test]
    fn a_report_reads_well() {
        let report = seen(&[
            (".env", TOKEN),
            ("openclaw.json", &TOKEN.replace('k', "e")),
            ("gateway environment", TOKEN),
            ("cli environment", "change-me-now"),
        ]);
        let lines: Vec<_> =
            report.findings().iter().map(|finding| format!("{} {}", finding.code, finding.summary)).collect();
        expect![[r#"
            OC-T103 placeholder-token class C (cli environment): the token is a published example or an obvious placeholder
            OC-T201 tokens-differ class A (.env, gateway environment) and class B (openclaw.json) hold different tokens"#]]
        .assert_eq(&lines.join("\n"));
    }

    proptest! {
        #[test]
        fn groups_hold_every_place_once(values in prop::collection::vec("[ab]{0,2}", 0..8)) {
            let occurrences: Vec<_> = values.iter().enumerate()
                .map(|(n, value)| Occurrence::new(n.to_string(), SecretString::from(value.as_str()))).collect();
            let comparison = compare(&occurrences, None);
            let mut places: Vec<usize> = comparison.groups.iter()
                .flat_map(|group| &group.places).map(|place| place.file.parse().unwrap()).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..values.len()).collect::<Vec<_>>());
            let distinct: std::collections::BTreeSet<_> = values.iter().collect();
            prop_assert_eq!(comparison.groups.len(), distinct.len());
        }
    }
}
