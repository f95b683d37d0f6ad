//! Findings: what is wrong or worth knowing, where it was decided, and the smallest next step.
#![allow(
    clippy::exhaustive_enums,
    reason = "the shape that all crates share: a new word in it is a new shape"
)]

use std::fmt;

use serde::Serialize;

pub use crate::codes::{Code, Severity};
use crate::edit::Edit;
use crate::secrets::Secrets;
use crate::source::{Sources, Span};

/// How a finding is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It follows from rules about what was not seen.
    Inferred,
    /// It stands in the sources.
    Observed,
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

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// What the place did.
    pub role: PlaceRole,
    /// The source's name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The bytes themselves, for quoting with [`Sources::quote`].
    pub span: Span,
}

impl Place {
    /// The place of a span.
    #[must_use]
    pub fn of(sources: &Sources, role: PlaceRole, span: Span) -> Self {
        let location = sources.location(span);
        Self { role, file: location.file, line: location.line, column: location.column, span }
    }
}

/// `file:line:column`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Who may carry a remedy out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// A machine may: reversible, widens nothing.
    Safe,
    /// A person decides.
    Judgement,
    /// Words only.
    TextOnly,
}

/// The smallest next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remedy {
    /// What to do, in a sentence.
    pub text: String,
    /// The command, ready to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The edits that carry it out; see [`crate::edit::apply`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Who may carry it out.
    pub safety: Safety,
    /// What the command does, until all is found that must be done besides.
    #[serde(skip)]
    pub(crate) run: Option<Run>,
}

impl Remedy {
    /// A remedy that is words only.
    #[must_use]
    pub fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None, edits: Vec::new(), safety: Safety::TextOnly, run: None }
    }

    /// Has it end in this.
    pub(crate) fn run(&mut self, run: Run) {
        self.command = Some(run.to_string());
        self.run = Some(run);
    }
}

/// What the command of a remedy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Makes containers anew, whatever changed for them if it is `forced`, once `first` was run.
    Recreate { first: Option<String>, services: Vec<String>, forced: bool },
    /// Starts a container as it was made. It has to be up for a while before it is made anew, which the text says.
    Start(String),
    /// Anything else.
    Line(String),
}

impl Run {
    /// Makes containers anew.
    pub(crate) fn recreate(services: &[&str], forced: bool) -> Self {
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        Self::Recreate { first: None, services, forced }
    }

    /// The same with these services recreated besides.
    pub(crate) fn and_recreate(self, others: &[&str], force: bool) -> Self {
        let (first, mut services, forced) = match self {
            Self::Start(_) => return self,
            Self::Line(first) => (Some(first), Vec::new(), false),
            Self::Recreate { first, services, forced } => (first, services, forced),
        };
        for service in others {
            if !services.iter().any(|known| known == service) {
                services.push((*service).to_owned());
            }
        }
        Self::Recreate { first, services, forced: forced || force }
    }
}

impl From<String> for Run {
    fn from(line: String) -> Self {
        Self::Line(line)
    }
}

/// As it is typed.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::Start(service) => write!(f, "docker compose start {service}"),
            Self::Recreate { first, services, forced } => {
                if let Some(first) = first {
                    write!(f, "{first} && ")?;
                }
                let force = if *forced { "--force-recreate " } else { "" };
                write!(f, "docker compose up -d {force}{}", services.join(" "))
            }
        }
    }
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// The project, hence everybody.
    Stack,
    /// A service, by its name.
    Service(String),
    /// A client of the gateway, by its name.
    Client(String),
}

/// A finding by its position among those of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FindingId(usize);

impl FindingId {
    pub(crate) fn at(position: usize) -> Self {
        Self(position)
    }

    /// The position.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Something wrong or worth knowing. Its texts never hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// The code's name.
    pub name: &'static str,
    /// How bad it is here.
    pub severity: Severity,
    /// How it is known.
    pub confidence: Confidence,
    /// One sentence.
    pub summary: String,
    /// Whom it is about.
    pub subject: Subject,
    /// The places, the deciding one first.
    pub places: Vec<Place>,
    /// What supports it, one line each.
    pub evidence: Vec<String>,
    /// The smallest next step, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The versions its rule holds for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// A finding with its code's own severity, observed, about the stack, without places.
    #[must_use]
    pub fn new(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            name: code.name(),
            severity: code.severity(),
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject::Stack,
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

impl Place {
    /// Takes the secrets out of the file's name.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        secrets.mask_in(&mut self.file);
    }
}

impl Finding {
    /// Takes the secrets out of everything that it says.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        let Self {
            code: _,
            name: _,
            severity: _,
            confidence: _,
            summary,
            subject,
            places,
            evidence,
            remedy,
            versions,
        } = self;
        secrets.mask_in(summary);
        if let Subject::Service(name) | Subject::Client(name) = subject {
            secrets.mask_in(name);
        }
        places.iter_mut().for_each(|place| place.mask(secrets));
        evidence.iter_mut().chain(versions).for_each(|text| secrets.mask_in(text));
        if let Some(Remedy { text, command, edits, safety: _, run: _ }) = remedy {
            secrets.mask_in(text);
            command.iter_mut().for_each(|command| secrets.mask_in(command));
            edits.iter_mut().for_each(|edit| edit.mask(secrets));
        }
    }
}

/// `OC-C140 unknown-key: summary`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.summary)
    }
}
