#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod digest;
mod finding;
mod fingerprint;
mod freeze;
#[cfg(all(feature = "fs", unix))]
pub mod fs;
pub mod ledger;
mod record;
pub mod rotation;
mod sighting;
mod timestamp;
mod token;
mod version;

pub use digest::{Digest, DigestError};
pub use finding::{Code, Confidence, Finding, Place, Remedy, Role, Safety, Severity};
pub use fingerprint::{Fingerprint, FingerprintError, FingerprintKey, ShortKey, first_eight};
pub use freeze::{
    Created, Decision, FreezeError, FreezeRequest, Frozen, Intent, MemoryStore, RecordStore, Refusal,
    StoreError, decide, freeze_once, rotate,
};
pub use record::{Circumstances, Observed, Origin, RECORD_SCHEMA, Record, RecordError};
pub use secrecy;
pub use sighting::{Comparison, Difference, Group, OnlyBy, Sighting, compare};
pub use token::{Flaw, Judgement, MintError, SHORT_TOKEN, STRENGTH_FLOOR_BITS, WeakToken, judge, mint};
