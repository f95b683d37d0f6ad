//! Freezing: adopt the token in use, mint one, or refuse; and whoever asks, once.

use crate::finding::Finding;
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::occurrence::{Comparison, Occurrence, compare, grouped};
use crate::record::{CLOCK_TOLERANCE, Circumstances, Origin, Record, RecordError};
use crate::timestamp;
use crate::token::{Flaw, MintError, judge, mint};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What to do about the token, from what is recorded and seen.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// It is frozen already. Whether the places still agree with it is [`Record::verify`]'s question.
    Keep(&'a Record),
    /// Every place that holds a token holds this one, and it is sound.
    Adopt(&'a SecretString),
    /// No place holds a token: at most placeholders such as `change-me-now` or `${NAME}`.
    Mint,
    /// A person has to decide first.
    Refuse(FreezeRefusal),
}

/// Why nothing was frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreezeRefusal {
    /// Places hold different tokens, and which is right cannot be seen here.
    Disagreement(Comparison),
    /// All hold one token, and it must not be frozen as it is.
    Unsound(Comparison),
}

impl FreezeRefusal {
    /// What was found.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Disagreement(comparison) | Self::Unsound(comparison) => comparison.findings(),
        }
    }
}

/// Decides. A pure function: the same occurrences give the same decision.
///
/// ```
/// use openclaw_token::{Decision, Occurrence, decide, secrecy::SecretString};
/// let seen = |value: &str| Occurrence::new(".env", SecretString::from(value));
/// assert!(matches!(decide(None, &[]), Decision::Mint));
/// assert!(matches!(decide(None, &[seen("${OPENCLAW_GATEWAY_TOKEN}")]), Decision::Mint));
/// assert!(matches!(decide(None, &[seen("test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret")]), Decision::Adopt(_)));
/// assert!(matches!(decide(None, &[seen("hunter2")]), Decision::Refuse(_)));
/// ```
#[must_use]
pub fn decide<'a>(record: Option<&'a Record>, occurrences: &'a [Occurrence]) -> Decision<'a> {
    if let Some(record) = record {
        return Decision::Keep(record);
    }
    let mut tokens = grouped(occurrences)
        .into_iter()
        .filter_map(|group| group.first().map(|first| (first.token(), judge(first.token()))))
        .filter(|(_, judgement)| !judgement.flaws.iter().any(Flaw::is_placeholder));
    match (tokens.next(), tokens.next()) {
        (None, _) => Decision::Mint,
        (Some(_), Some(_)) => Decision::Refuse(FreezeRefusal::Disagreement(compare(occurrences, None))),
        (Some((token, judgement)), None) => {
            let is_edge = |flaw: &Flaw| matches!(flaw, Flaw::EdgeWhitespace | Flaw::TrailingCarriageReturn);
            if judgement.is_sound() && !judgement.flaws.iter().any(is_edge) {
                Decision::Adopt(token)
            } else {
                Decision::Refuse(FreezeRefusal::Unsound(compare(occurrences, None)))
            }
        }
    }
}

/// Where records are kept. Generations are written once each, never changed, never removed.
pub trait RecordStore {
    /// Held while a freeze decides; a store whose `create` alone is enough uses `()`.
    type Guard;

    /// Keeps other freezes out, as far as this store can.
    ///
    /// # Errors
    /// Somebody else holds it for too long, or the store cannot be reached.
    fn lock(&self) -> Result<Self::Guard, StoreError>;

    /// The record of this generation.
    ///
    /// # Errors
    /// The store cannot be reached, or what is there is no record.
    fn generation(&self, generation: u64) -> Result<Option<Record>, StoreError>;

    /// The newest record.
    ///
    /// # Errors
    /// As [`generation`](Self::generation).
    fn latest(&self) -> Result<Option<Record>, StoreError>;

    /// Stores a record under its generation if there is none yet. Of any number of callers exactly one wins; when
    /// this returns, the winner's record survives a crash and every later caller sees it.
    ///
    /// # Errors
    /// The store cannot be reached, is full or read-only. Then nothing is stored, or the record is whole.
    fn create(&self, record: &Record) -> Result<Created, StoreError>;

    /// Every record, oldest first; if one is missing, those after it.
    ///
    /// # Errors
    /// As [`generation`](Self::generation).
    fn history(&self) -> Result<Vec<Record>, StoreError> {
        // Backwards: a number alone, which anybody can write, does not say how many there are.
        let mut history = Vec::new();
        let mut next = self.latest()?;
        while let Some(record) = next {
            next = match record.generation {
                0 | 1 => None,
                generation => self.generation(generation - 1)?,
            };
            history.push(record);
        }
        history.reverse();
        Ok(history)
    }
}

/// Who got to store a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Created {
    /// This caller.
    Won,
    /// Somebody else, with this record.
    Lost(Box<Record>),
}

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What is stored is no record. It is left as it is.
    #[error("{place}: {error}")]
    Unreadable {
        /// Which file or object.
        place: String,
        /// What is wrong with it.
        error: RecordError,
    },
    /// The medium refused.
    #[error("{place}: {source}")]
    Unavailable {
        /// Which store, file or object.
        place: String,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// What to freeze and how.
#[derive(Clone, Debug)]
pub struct FreezeRequest<'a> {
    occurrences: &'a [Occurrence],
    circumstances: Circumstances,
    key: Option<&'a FingerprintKey>,
    intent: Intent,
    places: Option<BTreeSet<String>>,
}

/// What a caller is prepared to do; [`decide`] still decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Intent {
    /// Adopt or mint.
    Either,
    /// Only adopt: an error if no place holds a token.
    Adopt,
    /// Only mint: an error if any place holds one.
    Mint,
}

impl<'a> FreezeRequest<'a> {
    /// The tokens seen, and the circumstances to record. Places default to those of the occurrences.
    #[must_use]
    pub fn new(occurrences: &'a [Occurrence], circumstances: Circumstances) -> Self {
        Self { occurrences, circumstances, key: None, intent: Intent::Either, places: None }
    }

    /// Records a keyed fingerprint.
    #[must_use]
    pub fn key(mut self, key: &'a FingerprintKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Narrows what may be done.
    #[must_use]
    pub fn intent(mut self, intent: Intent) -> Self {
        self.intent = intent;
        self
    }

    /// The places that will hold the token once it is written.
    #[must_use]
    pub fn places(mut self, places: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.places = Some(places.into_iter().map(Into::into).collect());
        self
    }

    fn record(&self, generation: u64, origin: Origin, token: &SecretString) -> Result<Record, FreezeError> {
        let fingerprint = match self.key {
            Some(key) => Fingerprint::keyed(key, token),
            // Sound and minted tokens are above the floor.
            None => Fingerprint::of(token).map_err(FreezeError::Weak)?,
        };
        let seen = || self.occurrences.iter().map(|occurrence| occurrence.place().file.clone()).collect();
        let places = self.places.clone().unwrap_or_else(seen);
        Ok(self.circumstances.record(generation, origin, fingerprint, places))
    }
}

/// The outcome of a freeze or rotation.
#[derive(Debug)]
#[non_exhaustive]
pub enum Frozen<C> {
    /// It was frozen before, perhaps a moment ago by somebody else. Read the token from a place that holds it.
    Existing(Record),
    /// This caller froze it.
    New {
        /// The record now stored.
        record: Record,
        /// The token, to be written to every place.
        token: SecretString,
        /// What the custody function returned.
        custody: C,
    },
}

impl<C> Frozen<C> {
    /// The record in force.
    #[must_use]
    pub fn record(&self) -> &Record {
        match self {
            Self::Existing(record) | Self::New { record, .. } => record,
        }
    }
}

/// Freezes the token: of any number of callers, in any number of processes or hosts on one store, exactly one
/// adopts or mints; all others get its record.
///
/// `custody` is called with the token and its record **before** the record is stored, and must make the token survive a
/// crash: stage the files (feature `fs`: `Transaction::stage` under the fingerprint as tag), or put it into a vault. If
/// it fails nothing is frozen. If another caller wins meanwhile, what it returned is dropped. Without it a process
/// killed at the wrong moment would leave the record of a token that nobody has.
///
/// ```
/// use openclaw_token::{Circumstances, FreezeRequest, Frozen, MemoryStore, freeze_once};
/// use std::convert::Infallible;
/// # let now = std::time::SystemTime::UNIX_EPOCH;
/// let store = MemoryStore::default();
/// let request = FreezeRequest::new(&[], Circumstances::new(now, "ops").ticket("CHG-17"));
/// let first = freeze_once(&store, &request, |_token, _record| Ok::<_, Infallible>(()))?;
/// let second = freeze_once(&store, &request, |_token, _record| Ok::<_, Infallible>(()))?;
/// assert!(matches!(first, Frozen::New { .. }));
/// assert!(matches!(second, Frozen::Existing(_)));
/// assert_eq!(first.record(), second.record());
/// # Ok::<(), openclaw_token::FreezeError>(())
/// ```
///
/// # Errors
/// The places disagree or hold something that must not be frozen; the intent does not fit; the store, the operating
/// system's randomness or the custody failed. Nothing is stored.
pub fn freeze_once<S, C, E>(
    store: &S,
    request: &FreezeRequest<'_>,
    custody: impl FnOnce(&SecretString, &Record) -> Result<C, E>,
) -> Result<Frozen<C>, FreezeError>
where
    S: RecordStore,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let guard = store.lock()?;
    let existing = store.latest()?;
    let (origin, token) = match decide(existing.as_ref(), request.occurrences) {
        Decision::Keep(record) => return Ok(Frozen::Existing(record.clone())),
        Decision::Refuse(refusal) => return Err(FreezeError::Refused(refusal)),
        Decision::Adopt(_) if request.intent == Intent::Mint => return Err(FreezeError::TokenInUse),
        Decision::Mint if request.intent == Intent::Adopt => return Err(FreezeError::NothingToAdopt),
        Decision::Adopt(token) => (Origin::Adopted, token.clone()),
        Decision::Mint => (Origin::Minted, mint()?),
    };
    let record = request.record(1, origin, &token)?;
    let outcome = claim(store, record, token, custody)?;
    drop(guard);
    Ok(match outcome {
        Claimed::Won(frozen) => frozen,
        Claimed::Lost(record) => Frozen::Existing(record),
    })
}

/// Replaces the frozen token by a new one, on purpose. The old record stays in the store.
///
/// Mints whatever the places hold; otherwise as [`freeze_once`], `custody` included.
///
/// # Errors
/// Nothing is frozen yet, the reason is empty, the clock is behind the last record, somebody else rotated at the same
/// moment, or as [`freeze_once`].
pub fn rotate<S, C, E>(
    store: &S,
    request: &FreezeRequest<'_>,
    reason: &str,
    custody: impl FnOnce(&SecretString, &Record) -> Result<C, E>,
) -> Result<Frozen<C>, FreezeError>
where
    S: RecordStore,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    if reason.trim().is_empty() {
        return Err(FreezeError::NoReason);
    }
    let guard = store.lock()?;
    let Some(current) = store.latest()? else { return Err(FreezeError::NotFrozen) };
    let now = request.circumstances.at();
    if now + CLOCK_TOLERANCE < current.frozen_at {
        return Err(FreezeError::ClockBackwards { now, last: current.frozen_at });
    }
    let token = mint()?;
    let mut record = request.record(current.generation.saturating_add(1), Origin::Rotated, &token)?;
    record.reason = Some(reason.to_owned());
    record.previous = Some(current.digest());
    let outcome = claim(store, record, token, custody)?;
    drop(guard);
    match outcome {
        Claimed::Won(frozen) => Ok(frozen),
        Claimed::Lost(record) => Err(FreezeError::Raced { generation: record.generation, by: record.by }),
    }
}

enum Claimed<C> {
    Won(Frozen<C>),
    Lost(Record),
}

fn claim<S, C, E>(
    store: &S,
    record: Record,
    token: SecretString,
    custody: impl FnOnce(&SecretString, &Record) -> Result<C, E>,
) -> Result<Claimed<C>, FreezeError>
where
    S: RecordStore,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    // Somebody may have pasted the token where a name belongs; the record would carry it everywhere.
    if record.mentions(&token) {
        return Err(FreezeError::HoldsToken);
    }
    let custody = custody(&token, &record).map_err(|error| FreezeError::Custody(error.into()))?;
    match store.create(&record)? {
        Created::Won => Ok(Claimed::Won(Frozen::New { record, token, custody })),
        Created::Lost(record) => Ok(Claimed::Lost(*record)),
    }
}

/// Why nothing was frozen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// The clock is behind the last record; set it (NTP) first.
    #[error(
        "the clock says {}, before the last record of {}; set the clock first",
        timestamp::to_text(*now),
        timestamp::to_text(*last)
    )]
    ClockBackwards {
        /// The time given.
        now: SystemTime,
        /// The time of the last record.
        last: SystemTime,
    },
    /// The token could not be kept safe, so it was not frozen.
    #[error("the token could not be kept: {0}")]
    Custody(#[source] Box<dyn Error + Send + Sync>),
    /// A text of the record (who, ticket, reason, place) contains the token.
    #[error("a text given for the record contains the token itself; nothing was recorded")]
    HoldsToken,
    /// No randomness.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// A rotation needs a reason.
    #[error("a rotation needs a reason")]
    NoReason,
    /// A rotation needs something to rotate.
    #[error("nothing is frozen yet; freeze first")]
    NotFrozen,
    /// Told to adopt, and no place holds a token.
    #[error("no place holds a token to adopt")]
    NothingToAdopt,
    /// Somebody else rotated at the same moment.
    #[error("{by} stored generation {generation} at the same moment; look at it before rotating again")]
    Raced {
        /// Their generation.
        generation: u64,
        /// Who.
        by: String,
    },
    /// The places disagree, or what they hold must not be frozen.
    #[error("refused: {}", summary(.0))]
    Refused(FreezeRefusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Told to mint, and a place already holds a valid token.
    #[error("a place already holds a valid token; adopt it, or rotate on purpose")]
    TokenInUse,
    /// The token is below the strength floor and no key was given.
    #[error(transparent)]
    Weak(crate::token::WeakToken),
}

fn summary(refusal: &FreezeRefusal) -> String {
    let findings = refusal.findings();
    let errors = findings.iter().filter(|finding| finding.severity > crate::codes::Severity::Info);
    errors.map(|finding| finding.summary.as_str()).collect::<Vec<_>>().join("; ")
}

/// Records in memory: for tests and examples.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<u64, Record>>);

impl RecordStore for MemoryStore {
    type Guard = ();

    fn lock(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn generation(&self, generation: u64) -> Result<Option<Record>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&generation).cloned())
    }

    fn latest(&self) -> Result<Option<Record>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).values().next_back().cloned())
    }

    fn create(&self, record: &Record) -> Result<Created, StoreError> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(existing) = records.get(&record.generation) {
            return Ok(Created::Lost(Box::new(existing.clone())));
        }
        records.insert(record.generation, record.clone());
        Ok(Created::Won)
    }
}
