//! Findings on their way: raised with spans while the project is resolved, given lines and columns at its end.

use crate::codes::Code;
use crate::finding::{Finding, Place, PlaceRole, Remedy, Severity};
use crate::source::{Sources, Span};

/// A finding without lines and columns yet.
#[derive(Debug, Clone)]
pub(crate) struct Raised {
    pub(crate) code: Code,
    pub(crate) summary: String,
    marks: Vec<(PlaceRole, Span)>,
    evidence: Vec<String>,
    help: Option<String>,
    /// The exit status with which Compose refuses the project for this.
    pub(crate) refusal: Option<u8>,
}

/// Compose's exit status for flags and env files that it cannot read.
pub(crate) const EXIT_FLAGS: u8 = 1;
/// ... for a file that is not there.
pub(crate) const EXIT_NOT_FOUND: u8 = 14;
/// ... for a project that is wrong.
pub(crate) const EXIT_PROJECT: u8 = 15;

impl Raised {
    /// Something for which Compose refuses the project.
    pub(crate) fn error(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            summary: summary.into(),
            marks: Vec::new(),
            evidence: Vec::new(),
            help: None,
            refusal: Some(EXIT_PROJECT),
        }
    }

    /// Something that Compose lets pass.
    pub(crate) fn warning(code: Code, summary: impl Into<String>) -> Self {
        Self { refusal: None, ..Self::error(code, summary) }
    }

    /// The place that decided it; the first is the primary one.
    pub(crate) fn at(mut self, span: Span) -> Self {
        self.marks.push((PlaceRole::Decided, span));
        self
    }

    pub(crate) fn related(mut self, span: Span) -> Self {
        self.marks.push((PlaceRole::Related, span));
        self
    }

    pub(crate) fn shadowed(mut self, span: Span) -> Self {
        self.marks.push((PlaceRole::Shadowed, span));
        self
    }

    pub(crate) fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn exit(mut self, status: u8) -> Self {
        self.refusal = Some(status);
        self
    }

    pub(crate) fn primary(&self) -> Option<Span> {
        self.marks.first().map(|(_, span)| *span)
    }

    pub(crate) fn finish(self, sources: &Sources) -> Finding {
        let mut finding = Finding::new(self.code, self.summary);
        if self.refusal.is_none() && finding.severity == Severity::Error {
            finding.severity = Severity::Warning;
        }
        for (role, span) in self.marks {
            if super::model::is_somewhere(span) {
                finding.places.push(Place::of(sources, role, span));
            }
        }
        finding.evidence = self.evidence;
        finding.remedy = self.help.map(Remedy::words);
        finding
    }
}
