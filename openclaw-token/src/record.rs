//! The record of a freeze: everything about the token but the token.

use crate::codes::Code;
use crate::digest::Digest;
use crate::finding::{Finding, Subject};
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::occurrence::Occurrence;
use crate::timestamp;
use crate::version;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// The schema this crate writes, and the newest it reads.
pub const RECORD_SCHEMA: u32 = 1;

/// A record is a page of text; whatever is larger is not one.
pub(crate) const RECORD_SIZE_LIMIT: u64 = 1 << 20;

/// Under which name a store keeps the record of a generation.
#[cfg(any(all(feature = "fs", unix), feature = "object-store"))]
pub(crate) fn file_name(generation: u64) -> String {
    format!("record-{generation:06}.json")
}

/// The generation of exactly such a name: what is spelled otherwise is not a record.
#[cfg(any(all(feature = "fs", unix), feature = "object-store"))]
pub(crate) fn generation_of(name: &str) -> Option<u64> {
    let generation = name.strip_prefix("record-")?.strip_suffix(".json")?.parse().ok()?;
    (file_name(generation) == name).then_some(generation)
}

/// How far two clocks may be apart before it is worth a word: OpenClaw itself tolerates as much in device signatures.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(120);

/// What was frozen, when, by whom, and beside which images. Holds no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Record {
    /// Version of this format.
    pub schema: u32,
    /// 1 for the first freeze, one more for each rotation.
    pub generation: u64,
    /// Where the token came from.
    pub origin: Origin,
    /// The token's fingerprint.
    pub fingerprint: Fingerprint,
    /// When, to the second.
    #[serde(with = "timestamp")]
    pub frozen_at: SystemTime,
    /// Who.
    pub by: String,
    /// The change ticket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ticket: Option<String>,
    /// Why, for a rotation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Service to image digest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub images: BTreeMap<String, String>,
    /// Service to OpenClaw release.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub versions: BTreeMap<String, String>,
    /// The places that hold the token.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub places: BTreeSet<String>,
    /// Digest of the record before this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<Digest>,
}

/// Where a frozen token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// It was in use already.
    Adopted,
    /// No place held one.
    Minted,
    /// It replaced an earlier one.
    Rotated,
}

/// Who freezes, when, why, and beside what. Everything a record says that is not the token's.
#[derive(Clone, Debug)]
pub struct Circumstances {
    at: SystemTime,
    by: String,
    ticket: Option<String>,
    images: BTreeMap<String, String>,
    versions: BTreeMap<String, String>,
}

impl Circumstances {
    /// When and who.
    pub fn new(at: SystemTime, by: impl Into<String>) -> Self {
        Self { at, by: by.into(), ticket: None, images: BTreeMap::new(), versions: BTreeMap::new() }
    }

    /// The change ticket.
    #[must_use]
    pub fn ticket(mut self, ticket: impl Into<String>) -> Self {
        self.ticket = Some(ticket.into());
        self
    }

    /// The digest of the image that a service runs: `sha256:…`, or a reference that ends in it.
    #[must_use]
    pub fn image(mut self, service: impl Into<String>, digest: impl Into<String>) -> Self {
        self.images.insert(service.into(), digest.into());
        self
    }

    /// The OpenClaw release that a service runs: `2026.9.6`.
    #[must_use]
    pub fn version(mut self, service: impl Into<String>, version: impl Into<String>) -> Self {
        self.versions.insert(service.into(), version.into());
        self
    }

    pub(crate) fn at(&self) -> SystemTime {
        self.at
    }

    pub(crate) fn record(
        &self,
        generation: u64,
        origin: Origin,
        fingerprint: Fingerprint,
        places: BTreeSet<String>,
    ) -> Record {
        Record {
            schema: RECORD_SCHEMA,
            generation,
            origin,
            fingerprint,
            // To the second, as it will be read again.
            frozen_at: timestamp::from_text(&timestamp::to_text(self.at)).unwrap_or(self.at),
            by: self.by.clone(),
            ticket: self.ticket.clone(),
            reason: None,
            images: self.images.clone(),
            versions: self.versions.clone(),
            places,
            previous: None,
        }
    }
}

impl Record {
    /// The text that is stored: indented JSON and a newline, keys in a fixed order.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Strings, numbers and maps with string keys: serialising them cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a stored text.
    ///
    /// # Errors
    /// Too large, not a record, or written by a newer release.
    pub fn from_text(text: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: u32,
        }
        if text.len() as u64 > RECORD_SIZE_LIMIT {
            return Err(RecordError::TooLarge { length: text.len() });
        }
        let malformed = |error: serde_json::Error| RecordError::Malformed {
            line: error.line(),
            column: error.column(),
            detail: detail(&error),
        };
        // The version first: a newer record may have fields and values this release cannot read.
        let Versioned { schema } = serde_json::from_slice(text).map_err(malformed)?;
        if schema > RECORD_SCHEMA {
            return Err(RecordError::NewerSchema { found: schema });
        }
        serde_json::from_slice(text).map_err(malformed)
    }

    /// Reads the text that is stored for one generation: a copy of another generation's record is not it.
    #[cfg(any(all(feature = "fs", unix), feature = "object-store"))]
    pub(crate) fn of_generation(generation: u64, text: &[u8]) -> Result<Self, RecordError> {
        let record = Self::from_text(text)?;
        if record.generation != generation {
            return Err(RecordError::Misplaced { expected: generation, found: record.generation });
        }
        Ok(record)
    }

    /// Whether any text of the record contains `secret`.
    pub(crate) fn mentions(&self, secret: &SecretString) -> bool {
        let maps = [&self.images, &self.versions];
        let pairs = maps.into_iter().flatten().flat_map(|(service, value)| [service, value]);
        let texts = [Some(&self.by), self.ticket.as_ref(), self.reason.as_ref()];
        let mut texts = texts.into_iter().flatten().chain(pairs).chain(&self.places);
        texts.any(|text| text.contains(secret.expose_secret()))
    }

    /// Digest of the stored text; the next record and the ledger refer to it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// Compares what is seen now with what was frozen. An empty answer: everything is as recorded.
    #[must_use]
    pub fn verify(&self, observed: &Observed<'_>) -> Vec<Finding> {
        let mut findings = self.verify_tokens(observed);
        findings.extend(self.verify_images(observed));
        if observed.now + CLOCK_TOLERANCE < self.frozen_at {
            findings.push(
                Finding::new(
                    Code::ClockBackwards,
                    format!("the clock says {}, before the freeze", timestamp::to_text(observed.now)),
                )
                .about(Subject::Record)
                .evidence(format!("frozen at {}", timestamp::to_text(self.frozen_at)))
                .remedy("Set the clock (NTP) before anything is recorded."),
            );
        }
        findings
    }

    /// As [`verify`](Self::verify), for a store that may be empty.
    #[must_use]
    pub fn verify_latest(latest: Option<&Self>, observed: &Observed<'_>) -> Vec<Finding> {
        match latest {
            Some(record) => record.verify(observed),
            None => vec![
                Finding::new(Code::NotFrozen, "the token is not frozen: there is no record to compare with")
                    .about(Subject::Record)
                    .remedy("Freeze it: adopt the one in use, or mint one if no place holds any."),
            ],
        }
    }

    fn verify_tokens(&self, observed: &Observed<'_>) -> Vec<Finding> {
        let frozen = self.fingerprint.short();
        let mut findings = Vec::new();
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for occurrence in observed.occurrences {
            match self.fingerprint.matches(occurrence.token(), observed.key) {
                Some(true) => same.push(occurrence.place()),
                Some(false) if occurrence.token().expose_secret().trim().is_empty() => {}
                Some(false) => other.push(occurrence.place()),
                None => {
                    return vec![
                        Finding::new(
                            Code::KeyUnknown,
                            "the frozen fingerprint is keyed: tokens were not compared",
                        )
                        .about(Subject::Record)
                        .evidence(format!("frozen: {frozen}"))
                        .remedy("Give the key that the freeze was made with."),
                    ];
                }
            }
        }
        if !other.is_empty() {
            let names: Vec<_> = other.iter().map(|place| place.file.as_str()).collect();
            findings.push(
                Finding::new(
                    Code::TokenDrift,
                    format!(
                        "{} no longer {} the frozen token",
                        names.join(", "),
                        if names.len() == 1 { "holds" } else { "hold" }
                    ),
                )
                .about(Subject::of(other.iter().copied()))
                .places(other.iter().map(|&place| place.clone()))
                .evidence(format!("frozen: {frozen}, generation {}", self.generation))
                .remedy("Write the frozen token there again, or rotate on purpose; mint nothing."),
            );
        }
        if same.is_empty() {
            findings.push(
                Finding::new(Code::FrozenTokenLost, "no place holds the frozen token")
                    .about(Subject::Record)
                    .evidence(format!("frozen: {frozen}, generation {}", self.generation))
                    .remedy("Let recovery bring what is unfinished to its end; if no backup holds the token, rotate with a reason."),
            );
            return findings;
        }
        for place in &self.places {
            if !same.iter().chain(&other).any(|seen| seen.file == *place) {
                findings.push(
                    Finding::new(
                        Code::PlaceMissing,
                        format!("{place} is in the record and holds no token now"),
                    )
                    .about(Subject::Source(place.clone()))
                    .remedy(
                        "Write the frozen token there, or record without the place at the next rotation.",
                    ),
                );
            }
        }
        for place in same {
            if !self.places.contains(&place.file) {
                findings.push(
                    Finding::new(
                        Code::PlaceUnrecorded,
                        format!("{} holds the frozen token and is not in the record", place.file),
                    )
                    .about(Subject::Source(place.file.clone()))
                    .at(place.clone()),
                );
            }
        }
        findings
    }

    fn verify_images(&self, observed: &Observed<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (service, recorded) in &self.images {
            let Some(running) = observed.images.get(service) else {
                findings.push(
                    Finding::new(
                        Code::ImageUnpinned,
                        format!("the image of {service} could not be compared"),
                    )
                    .about(Subject::Service(service.clone()))
                    .evidence(format!("recorded: {recorded}"))
                    .remedy("Pin the image by digest."),
                );
                continue;
            };
            if digest_of(running) == digest_of(recorded) {
                continue;
            }
            let earlier = observed.history.iter().find(|record| {
                record.generation < self.generation
                    && record.images.get(service).is_some_and(|image| digest_of(image) == digest_of(running))
            });
            if let Some(earlier) = earlier {
                findings.push(rollback(
                    service,
                    format!("{service} runs the image of generation {}", earlier.generation),
                    format!("recorded with generation {}: {recorded}; running: {running}", self.generation),
                ));
            } else {
                findings.push(
                    Finding::new(
                        Code::ImageDrift,
                        format!("{service} runs another image than the recorded one"),
                    )
                    .about(Subject::Service(service.clone()))
                    .evidence(format!("recorded: {recorded}"))
                    .evidence(format!("running: {running}"))
                    .remedy(
                        "Pin the recorded digest, or record the new image by a rotation once it is accepted.",
                    ),
                );
            }
        }
        for (service, recorded) in &self.versions {
            let Some(running) = observed.versions.get(service) else { continue };
            if version::compare(running, recorded) == Some(Ordering::Less) {
                findings.push(rollback(
                    service,
                    format!("{service} runs {running}, the record was made under {recorded}"),
                    format!("recorded: {recorded}; running: {running}"),
                ));
            }
        }
        findings
    }
}

fn rollback(service: &str, summary: String, evidence: String) -> Finding {
    Finding::new(Code::AuthModelRollback, summary)
        .about(Subject::Service(service.to_owned()))
        .evidence(evidence)
        // Which side of the flip a pair of releases is on is compose's business; that there is one is enough here.
        .versions("CLI token precedence: env-first up to 2026.7.1, config-first from 2026.8.1")
        .remedy(
            "Return to the recorded image, or check which source wins in the older release before using it.",
        )
}

/// `repo/name@sha256:…` and `sha256:…` name the same image.
fn digest_of(image: &str) -> &str {
    image.rsplit_once('@').map_or(image, |(_, digest)| digest)
}

/// `serde_json`'s words without the position, which is kept apart. They quote the text, but a record holds no secret
/// and a file that is not a record may: so only the kind of error is kept for anything but our own messages.
pub(crate) fn detail(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Syntax => "it is not JSON".to_owned(),
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        serde_json::error::Category::Data => "a field is missing, unknown or of the wrong kind".to_owned(),
        serde_json::error::Category::Io => "it cannot be read".to_owned(),
    }
}

/// What is seen now, for [`Record::verify`].
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    occurrences: &'a [Occurrence],
    now: SystemTime,
    key: Option<&'a FingerprintKey>,
    images: BTreeMap<String, String>,
    versions: BTreeMap<String, String>,
    history: &'a [Record],
}

impl<'a> Observed<'a> {
    /// The tokens seen and the time.
    #[must_use]
    pub fn new(occurrences: &'a [Occurrence], now: SystemTime) -> Self {
        Self { occurrences, now, key: None, images: BTreeMap::new(), versions: BTreeMap::new(), history: &[] }
    }

    /// The key of a keyed fingerprint.
    #[must_use]
    pub fn key(mut self, key: &'a FingerprintKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The image digest that a service runs.
    #[must_use]
    pub fn image(mut self, service: impl Into<String>, digest: impl Into<String>) -> Self {
        self.images.insert(service.into(), digest.into());
        self
    }

    /// The release that a service runs.
    #[must_use]
    pub fn version(mut self, service: impl Into<String>, version: impl Into<String>) -> Self {
        self.versions.insert(service.into(), version.into());
        self
    }

    /// Earlier records: an image that one of them names is a rollback, not just another image.
    #[must_use]
    pub fn history(mut self, history: &'a [Record]) -> Self {
        self.history = history;
        self
    }
}

/// Why a text is not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not the JSON of a record.
    #[error("line {line}, column {column}: {detail}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        detail: String,
    },
    /// The record of another generation stands in this one's place.
    #[error("it is the record of generation {found}, in the place of generation {expected}")]
    Misplaced {
        /// The generation whose place it is.
        expected: u64,
        /// The generation it is of.
        found: u64,
    },
    /// Written by a newer release of this crate. Use that release; this one would lose what it does not know.
    #[error(
        "schema {found} is newer than {RECORD_SCHEMA}, the newest this release reads; use a newer release"
    )]
    NewerSchema {
        /// The schema found.
        found: u32,
    },
    /// More than a megabyte.
    #[error("{length} bytes are no record")]
    TooLarge {
        /// Length in bytes.
        length: usize,
    },
}
