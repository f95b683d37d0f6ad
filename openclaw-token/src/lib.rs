#![doc = include_str!("../README.md")]
//!
//! # A token does not serialise
//!
//! Neither by mistake nor on purpose:
//!
//! ```compile_fail,E0277
//! let token = openclaw_token::mint().unwrap();
//! serde_json::to_string(&token);
//! ```
//!
//! The same line compiles for what may be shown:
//!
//! ```
//! let token = openclaw_token::mint().unwrap();
//! serde_json::to_string(&openclaw_token::judge(&token)).unwrap();
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod codes;
mod digest;
mod finding;
mod fingerprint;
mod freeze;
#[cfg(all(feature = "fs", unix))]
pub mod fs;
pub mod ledger;
#[cfg(feature = "object-store")]
mod object;
mod occurrence;
mod record;
pub mod rotation;
mod timestamp;
mod token;
mod version;

pub use codes::{Code, Severity};
pub use digest::{Digest, DigestError};
pub use finding::{Confidence, Finding, Place, PlaceRole, Remedy, Safety, Subject};
pub use fingerprint::{Fingerprint, FingerprintError, FingerprintKey, ShortKey, first_eight};
pub use freeze::{
    Created, Decision, FreezeError, FreezeRefusal, FreezeRequest, Frozen, Intent, MemoryStore, RecordStore,
    StoreError, decide, freeze_once, rotate,
};
#[cfg(feature = "object-store")]
pub use object::ObjectRecords;
pub use occurrence::{Comparison, Difference, Group, Occurrence, OnlyBy, compare, group};
pub use record::{Circumstances, Observed, Origin, RECORD_SCHEMA, Record, RecordError};
pub use secrecy;
pub use token::{Flaw, Judgement, MintError, SHORT_TOKEN, STRENGTH_FLOOR_BITS, WeakToken, judge, mint};
