//! A finding: a code with what was seen, in the shape that all openclaw-* crates share.

use serde::Serialize;

use crate::code::{Code, Severity};

/// Whether a finding was seen or concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Confidence {
    /// The gateway or the network said so.
    Observed,
    /// Concluded from several observations.
    Inferred,
}

/// One finding, in the shape that all openclaw-* crates share.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Where in a file; only supervisor definitions have one.
    pub places: Vec<Place>,
    /// What was seen, one fact an entry. Never a secret.
    pub evidence: Vec<String>,
    /// The smallest safe next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The OpenClaw releases the rule is known for, when it is not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<&'static str>,
}

impl Finding {
    /// A finding with the code's own sentence and next step.
    #[must_use]
    pub(crate) fn new(code: Code, confidence: Confidence, evidence: Vec<String>) -> Self {
        Self {
            code,
            name: code.name(),
            severity: code.severity(),
            confidence,
            summary: code.meaning().to_owned(),
            places: Vec::new(),
            evidence,
            remedy: Some(Remedy {
                text: code.next_step().to_owned(),
                command: None,
                safety: Safety::TextOnly,
            }),
            versions: None,
        }
    }

    /// The same finding, pointing into a file.
    #[cfg(feature = "supervisors")]
    pub(crate) fn at(mut self, place: Option<Place>) -> Self {
        self.places.extend(place);
        self
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// What the place did; here always the one that decided.
    pub role: Role,
    /// The name the caller gave the text.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte range in the text.
    pub span: (usize, usize),
}

/// What a place did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The value that decided.
    Decided,
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
#[non_exhaustive]
pub enum Safety {
    /// Reads or repairs without a side effect worth naming.
    Safe,
    /// Needs an operator's judgement.
    Judgement,
    /// Text only; nothing to run.
    TextOnly,
}
