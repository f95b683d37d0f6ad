//! The one shape in which every crate reports a finding.
//!
//! The four crates know nothing of each other; each serialises its own `Finding` to the same object. This is the
//! reading side. `tests/finding_contract.rs` reads every code of every crate through it, so drift is a red test.

use serde::{Deserialize, Serialize};

/// A finding of any of the four crates, as the ticket holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// `OC-T…`, `OC-C…`, `OC-P…` or `OC-H…` and three digits. Never reused.
    pub code: String,
    /// The code's name in kebab case.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it was seen, or concluded from rules.
    pub confidence: Confidence,
    /// One sentence.
    pub summary: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Where it was decided, what was shadowed, what else to look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// What supports it, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The smallest next step, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The OpenClaw versions that the rule behind it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// Reads a crate's own finding through the shared shape.
    ///
    /// # Errors
    /// When the value does not serialise to exactly that shape.
    pub fn read(finding: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(finding)?)
    }

    /// The place to open first: the first that decided, else the first of any role.
    #[must_use]
    pub fn primary(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.role == PlaceRole::Decided).or_else(|| self.places.first())
    }
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What sort of thing it is: `stack`, `service`, `client`, `device`, `source`, …
    pub kind: String,
    /// Which one, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How bad a finding is. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will hurt later.
    Warning,
    /// Hurts now.
    Error,
}

impl Severity {
    /// The word in the report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Whether a statement rests on something seen or on a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Concluded.
    Inferred,
    /// Seen.
    Observed,
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What the place did.
    pub role: PlaceRole,
    /// The source's name as the reader knows it.
    pub file: String,
    /// Line, from 1. 0 where the source has no lines (a directory, an environment).
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte range in the source.
    pub span: [usize; 2],
}

impl Place {
    /// The line of a file that decided.
    #[must_use]
    pub fn line(file: impl Into<String>, line: usize) -> Self {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Self { role: PlaceRole::Decided, file: file.into(), line, column: u32::from(line > 0), span: [0, 0] }
    }

    /// What has no lines, or cannot be read.
    #[must_use]
    pub fn whole(file: impl Into<String>) -> Self {
        Self::line(file, 0)
    }
}

/// What a place did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceRole {
    /// It decided the value.
    Decided,
    /// It was overruled.
    Shadowed,
    /// It matters, too.
    Related,
}

/// The next step of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// What to do, in a sentence.
    pub text: String,
    /// The command, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Edits that a machine can make; secrets in them are not serialised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<serde_json::Value>,
    /// Who may carry it out.
    pub safety: Safety,
}

/// Who may carry a remedy out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// A machine may: reversible, widens nothing.
    Safe,
    /// A person decides.
    Judgement,
    /// Words only.
    TextOnly,
}

impl Safety {
    /// The words beside the step.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Judgement => "your judgement",
            Self::TextOnly => "by hand",
        }
    }
}
