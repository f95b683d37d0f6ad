//! What was found: the shape that every crate of the house reports in.
#![allow(
    clippy::exhaustive_enums,
    reason = "the shape that all crates share: a new word in it is a new shape"
)]

use std::fmt;

use serde::Serialize;

use crate::codes::{Code, Severity};
use crate::peer::Peer;
use crate::place::{Place, PlaceRole};
use crate::timeline::Symptom;
use crate::vantage::Vantage;
use crate::words::{NAME, shown};

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The evidence fits this best.
    Inferred,
    /// The evidence says so itself.
    Observed,
}

/// What to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remedy {
    /// One sentence.
    pub text: String,
    /// The command for this topology, ready to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether it may be run without thinking.
    pub safety: Safety,
}

/// Whether a step or remedy may be carried out without thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Changes nothing, or is undone by the command beside it.
    Safe,
    /// Someone must agree first: it grants, removes or restarts something.
    Judgement,
    /// No command exists; a person does it.
    TextOnly,
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Subject {
    /// The gateway, hence everybody who asks it.
    Gateway,
    /// Whoever asks from there.
    Vantage(Vantage),
    /// The device with this id.
    Device(String),
}

impl Subject {
    /// The device of an id as somebody wrote it.
    pub(crate) fn device(id: &str) -> Self {
        Self::Device(shown(id, NAME))
    }
}

/// One fact about a pairing, as every `openclaw-*` crate reports it.
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
    /// Whom it is about.
    pub subject: Subject,
    /// The clients that its lines, rows and texts name. Empty where none of them names one: then it is evidence for nobody
    /// in particular.
    #[serde(skip)]
    pub clients: Vec<Peer>,
    /// What the lines behind it mean.
    #[serde(skip)]
    pub(crate) symptoms: Vec<Symptom>,
    /// Where it was seen.
    pub places: Vec<Place>,
    /// What was seen, quoted or in own words. No secret is ever in it.
    pub evidence: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The releases that the rule behind it holds for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// A finding with its code's own severity, observed, about the gateway, without places.
    pub fn new(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            name: code.name(),
            severity: code.severity(),
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject::Gateway,
            clients: Vec::new(),
            symptoms: Vec::new(),
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

    /// The same about somebody in particular.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// The same, resting on every line that means one of these.
    #[must_use]
    pub(crate) fn with_lines(mut self, symptoms: &[Symptom]) -> Self {
        self.symptoms.extend_from_slice(symptoms);
        self
    }

    /// The same with a place more.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// The place to open first.
    pub fn primary(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.role == PlaceRole::Decided).or_else(|| self.places.first())
    }

    /// The finding with no more evidence and places than a person reads; of what is left out it says how much.
    #[must_use]
    pub(crate) fn in_brief(mut self) -> Self {
        let more = self.evidence.len().saturating_sub(MOST_EVIDENCE);
        let lines = self.places.len().saturating_sub(MOST_PLACES);
        self.evidence.truncate(MOST_EVIDENCE);
        self.places.truncate(MOST_PLACES);
        if more > 0 {
            self.evidence.push(format!("and {more} more like these"));
        }
        if lines > 0 {
            self.evidence.push(format!("seen in {lines} more lines"));
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.summary)
    }
}

/// The most pieces of evidence of a finding.
const MOST_EVIDENCE: usize = 16;
/// The most places of a finding.
const MOST_PLACES: usize = 16;
