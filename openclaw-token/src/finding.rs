//! What was found: the shape that every crate of the house reports in.
#![allow(
    clippy::exhaustive_enums,
    reason = "the shape that all crates share: a new word in it is a new shape"
)]

use crate::codes::{Code, Severity};
use serde::Serialize;
use std::fmt;

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It is an estimate or a conclusion.
    Inferred,
    /// It stands in what was given.
    Observed,
}

/// Where something was seen. The caller names it; a place without lines (a container's environment) has zeros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// What the place has to do with the finding.
    pub role: PlaceRole,
    /// The caller's name for the text.
    pub file: String,
    /// Line, from 1; 0 if the place has none.
    pub line: u32,
    /// Column in characters, from 1; 0 if the place has none.
    pub column: u32,
    /// Byte range in the text.
    pub span: [usize; 2],
}

/// What a place has to do with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceRole {
    /// It is the one that the finding is about.
    Decided,
    /// It was overruled.
    Shadowed,
    /// It goes with it.
    Related,
}

/// What to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remedy {
    /// One sentence.
    pub text: String,
    /// The command that does it, ready to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether it may be carried out without thinking.
    pub safety: Safety,
}

/// Whether a remedy may be carried out without thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Yes.
    Safe,
    /// A person decides.
    Judgement,
    /// It is advice, not an action.
    TextOnly,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// The places that hold tokens, taken together.
    Sources,
    /// One place that holds a token, by the caller's name.
    Source(String),
    /// A service whose image or release stands in the record.
    Service(String),
    /// The record of the freeze.
    Record,
    /// The ledger.
    Ledger,
}

impl Subject {
    /// One place by its name, several taken together.
    pub(crate) fn of<'p>(places: impl IntoIterator<Item = &'p Place>) -> Self {
        let mut places = places.into_iter();
        match (places.next(), places.next()) {
            (Some(place), None) => Self::Source(place.file.clone()),
            _ => Self::Sources,
        }
    }
}

/// One fact, in the shape that every `openclaw-*` crate reports. No text in it ever holds a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// The code's name.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One line, shown when only one fits.
    pub summary: String,
    /// What it is about.
    pub subject: Subject,
    /// Where it was seen.
    pub places: Vec<Place>,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The releases that the rule behind it holds for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// A finding with its code's own severity, observed, about the sources, without places.
    #[must_use]
    pub fn new(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            name: code.name(),
            severity: code.severity(),
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject::Sources,
            places: Vec::new(),
            evidence: Vec::new(),
            remedy: None,
            versions: None,
        }
    }

    /// The same, concluded and not seen.
    #[must_use]
    pub fn inferred(mut self) -> Self {
        self.confidence = Confidence::Inferred;
        self
    }

    /// The same about something narrower.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// The same with a place more.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// The place to open first.
    #[must_use]
    pub fn primary(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.role == PlaceRole::Decided).or_else(|| self.places.first())
    }

    pub(crate) fn places(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.places.extend(places);
        self
    }

    pub(crate) fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    pub(crate) fn remedy(mut self, text: impl Into<String>) -> Self {
        self.remedy = Some(Remedy { text: text.into(), command: None, safety: Safety::Judgement });
        self
    }

    pub(crate) fn versions(mut self, versions: impl Into<String>) -> Self {
        self.versions = Some(versions.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.summary)
    }
}
