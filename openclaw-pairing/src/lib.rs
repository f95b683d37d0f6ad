#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod devices;
pub mod diagnosis;
mod evidence;
mod finding;
pub mod plan;
pub mod refusal;
mod scope;
mod timeline;

pub use devices::{DeviceList, DeviceListError, PairedDevice, PendingRequest, TokenSummary};
pub use diagnosis::{Diagnosis, diagnose};
pub use evidence::{Evidence, Vantage};
pub use finding::{Code, Confidence, Finding, Place, PlaceRole, Remedy, Severity};
pub use plan::Plan;
pub use refusal::{Refusal, RefusalCode};
pub use scope::{Scope, ScopeSet};
pub use timeline::{Mark, Symptom, Timeline};

pub use secrecy;
