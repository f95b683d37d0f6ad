//! A finding: a code with what was seen, in the shape that all openclaw-* crates share.
#![allow(
    clippy::exhaustive_enums,
    reason = "the shape that all crates share: a new word in it is a new shape"
)]

use std::fmt;

use serde::Serialize;

use crate::codes::{Code, Severity};

/// Whether a finding was seen or concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Concluded from several observations.
    Inferred,
    /// The gateway or the network said so.
    Observed,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// The gateway, from wherever it was looked at.
    Gateway,
    /// The gateway under one address, without credentials.
    Target(String),
    /// A supervisor's definition, by the name the caller gave it.
    Definition(String),
}

/// One finding, in the shape that all openclaw-* crates share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The stable code.
    pub code: Code,
    /// The code's kebab-case name.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Seen or concluded.
    pub confidence: Confidence,
    /// The one line to show when only one fits.
    pub summary: String,
    /// What it is about.
    pub subject: Subject,
    /// Where in a file; only supervisor definitions have one.
    pub places: Vec<Place>,
    /// What was seen, one fact an entry. Never a secret.
    pub evidence: Vec<String>,
    /// The smallest safe next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The OpenClaw releases the rule is known for, when it is not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// A finding with its code's own severity, observed, about the gateway, without places.
    #[must_use]
    pub fn new(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            name: code.name(),
            severity: code.severity(),
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject::Gateway,
            places: Vec::new(),
            evidence: Vec::new(),
            remedy: None,
            versions: None,
        }
    }

    /// A finding with its code's own sentence and next step.
    #[must_use]
    pub(crate) fn of(code: Code, evidence: Vec<String>) -> Self {
        let next = Remedy { text: code.next_step().to_owned(), command: None, safety: Safety::TextOnly };
        Self { evidence, remedy: Some(next), ..Self::new(code, code.meaning()) }
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
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.summary)
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// What the place did.
    pub role: PlaceRole,
    /// The name the caller gave the text.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte range in the text.
    pub span: [usize; 2],
}

/// What a place did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceRole {
    /// It decided.
    Decided,
    /// It was overruled.
    Shadowed,
    /// It matters, too.
    Related,
}

/// The smallest safe next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remedy {
    /// What to do, in one or two sentences.
    pub text: String,
    /// A command that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether the command may be run as it stands.
    pub safety: Safety,
}

/// Whether a remedy may be run without thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Reads or repairs without a side effect worth naming.
    Safe,
    /// Needs an operator's judgement.
    Judgement,
    /// Text only; nothing to run.
    TextOnly,
}
