//! A finding as the ticket holds it: any crate's, or the runbook's own.
//!
//! The four crates know nothing of each other. Each has its own `Finding` of one shape, which
//! `tests/it/finding_contract.rs` holds; here they come together, and nothing of their types is lost on the way.

use std::fmt;

use openclaw_compose::edit::Edit;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::diagnose::codes;

/// A code of any of the crates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `OC-T…`
    Token(openclaw_token::Code),
    /// `OC-C…`
    Compose(openclaw_compose::finding::Code),
    /// `OC-P…`
    Pairing(openclaw_pairing::Code),
    /// `OC-H…`
    Probe(openclaw_probe::Code),
    /// `OC-R…`
    Runbook(codes::Code),
}

/// The same question to whichever crate's code it is.
macro_rules! ask {
    ($code:expr, $question:ident) => {
        match $code {
            Code::Token(code) => code.$question().into(),
            Code::Compose(code) => code.$question().into(),
            Code::Pairing(code) => code.$question().into(),
            Code::Probe(code) => code.$question().into(),
            Code::Runbook(code) => code.$question(),
        }
    };
}

impl Code {
    /// The code as people cite it. Never reused.
    #[must_use]
    pub fn id(self) -> &'static str {
        ask!(self, id)
    }

    /// Its name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        ask!(self, name)
    }

    /// One line that says what it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        ask!(self, meaning)
    }

    /// How bad it is by itself.
    #[must_use]
    pub fn severity(self) -> Severity {
        ask!(self, severity)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// A finding of any of the crates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What it is about, by its crate.
    #[schemars(with = "String", regex(pattern = "^OC-[TCPHR][0-9]{3}$"))]
    pub code: Code,
    /// The code's name.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it was seen, or concluded from rules.
    pub confidence: Confidence,
    /// One sentence.
    pub summary: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Where it was decided, what was shadowed, what else to look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// What supports it, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The smallest next step, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The OpenClaw versions that the rule behind it holds for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// The place to open first: the first that decided, else the first of any role.
    #[must_use]
    pub fn primary(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.role == PlaceRole::Decided).or_else(|| self.places.first())
    }
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// The project, hence everybody.
    Stack,
    /// A service of it.
    Service(String),
    /// A client of the gateway.
    Client(String),
    /// The gateway, hence everybody who asks it.
    Gateway,
    /// Whoever asks from there.
    Vantage(String),
    /// A device, by its id.
    Device(String),
    /// The gateway under one address.
    Target(String),
    /// A supervisor's definition.
    Definition(String),
    /// The places that hold tokens, taken together.
    Sources,
    /// One place that holds a token.
    Source(String),
    /// The record of the freeze.
    Record,
    /// The ledger.
    Ledger,
}

impl Subject {
    /// Which one, where there are several.
    pub fn name_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Service(name)
            | Self::Client(name)
            | Self::Vantage(name)
            | Self::Device(name)
            | Self::Target(name)
            | Self::Definition(name)
            | Self::Source(name) => Some(name),
            Self::Stack | Self::Gateway | Self::Sources | Self::Record | Self::Ledger => None,
        }
    }
}

/// How bad a finding is. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Concluded.
    Inferred,
    /// Seen.
    Observed,
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remedy {
    /// What to do, in a sentence.
    pub text: String,
    /// The command, ready to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Edits that a machine can make; secrets in them are not serialised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub edits: Vec<Edit>,
    /// Who may carry it out.
    pub safety: Safety,
}

/// Who may carry a remedy out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// Takes in the findings of one crate: the shape is the same, the types are that crate's own. Only openclaw-compose makes
/// edits.
macro_rules! take_in {
    ($($code:ident of $krate:path, edits $edits:expr, about { $($subject:pat => $of:expr,)+ })*) => {$(
        const _: () = {
            use $krate as theirs;

            impl From<theirs::Finding> for Finding {
                fn from(found: theirs::Finding) -> Self {
                    let edits: fn(&mut theirs::Remedy) -> Vec<Edit> = $edits;
                    Self {
                        code: Code::$code(found.code),
                        name: found.name,
                        severity: found.severity.into(),
                        confidence: match found.confidence {
                            theirs::Confidence::Inferred => Confidence::Inferred,
                            theirs::Confidence::Observed => Confidence::Observed,
                        },
                        summary: found.summary,
                        subject: {
                            use theirs::Subject as About;
                            match found.subject { $($subject => $of,)+ }
                        },
                        places: found.places.into_iter().map(Place::from).collect(),
                        evidence: found.evidence,
                        remedy: found.remedy.map(|mut remedy| Remedy {
                            edits: edits(&mut remedy),
                            text: remedy.text,
                            command: remedy.command,
                            safety: match remedy.safety {
                                theirs::Safety::Safe => Safety::Safe,
                                theirs::Safety::Judgement => Safety::Judgement,
                                theirs::Safety::TextOnly => Safety::TextOnly,
                            },
                        }),
                        versions: found.versions,
                    }
                }
            }

            impl From<theirs::Severity> for Severity {
                fn from(severity: theirs::Severity) -> Self {
                    match severity {
                        theirs::Severity::Info => Self::Info,
                        theirs::Severity::Warning => Self::Warning,
                        theirs::Severity::Error => Self::Error,
                    }
                }
            }

            impl From<theirs::Place> for Place {
                fn from(place: theirs::Place) -> Self {
                    let role = match place.role {
                        theirs::PlaceRole::Decided => PlaceRole::Decided,
                        theirs::PlaceRole::Shadowed => PlaceRole::Shadowed,
                        theirs::PlaceRole::Related => PlaceRole::Related,
                    };
                    let theirs::Place { file, line, column, span, .. } = place;
                    Self { role, file, line, column, span: span.into() }
                }
            }
        };
    )*};
}

take_in! {
    Token of openclaw_token, edits |_| Vec::new(), about {
        About::Sources => Subject::Sources,
        About::Source(name) => Subject::Source(name),
        About::Service(name) => Subject::Service(name),
        About::Record => Subject::Record,
        About::Ledger => Subject::Ledger,
    }
    Compose of openclaw_compose::finding, edits |remedy| std::mem::take(&mut remedy.edits), about {
        About::Stack => Subject::Stack,
        About::Service(name) => Subject::Service(name),
        About::Client(name) => Subject::Client(name),
    }
    Pairing of openclaw_pairing, edits |_| Vec::new(), about {
        About::Gateway => Subject::Gateway,
        About::Vantage(from) => Subject::Vantage(from.name().to_owned()),
        About::Device(id) => Subject::Device(id),
    }
    Probe of openclaw_probe, edits |_| Vec::new(), about {
        About::Gateway => Subject::Gateway,
        About::Target(target) => Subject::Target(target),
        About::Definition(name) => Subject::Definition(name),
    }
}
