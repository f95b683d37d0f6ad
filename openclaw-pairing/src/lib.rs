#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub mod client;
pub mod codes;
mod devices;
pub mod diagnosis;
mod evidence;
pub mod execution;
mod finding;
pub mod identity;
mod input;
pub mod machine;
#[cfg(feature = "offline")]
#[cfg_attr(docsrs, doc(cfg(feature = "offline")))]
pub mod offline;
mod output;
mod peer;
mod phase;
mod place;
pub mod plan;
mod policy;
pub mod refusal;
mod scope;
pub mod timeline;
mod vantage;
pub mod version;
mod waits;
pub mod wire;
mod words;

pub use codes::{Code, Severity};
pub use devices::{DeviceList, DeviceListError, PairedDevice, PendingRequest, TokenSummary};
pub use diagnosis::{Diagnosis, diagnose};
pub use evidence::Evidence;
pub use finding::{Confidence, Finding, Remedy, Safety, Subject};
pub use identity::{DeviceSigner, SignError};
pub use input::{BootTag, Cause, Decision, Grant, Input, Refused, RequestTag, Timer};
pub use machine::{Credentials, Pairing, Pending};
pub use output::{CredentialKind, Output, Outputs};
pub use peer::Peer;
pub use phase::Phase;
pub use place::{Place, PlaceRole};
pub use plan::Plan;
pub use policy::{Policy, PolicyError, REQUEST_LIFETIME};
pub use refusal::{Refusal, RefusalClass, RefusalCode};
pub use scope::{Scope, ScopeSet};
pub use timeline::{LeftOut, Mark, Symptom, Timeline};
pub use vantage::Vantage;

pub use secrecy;
