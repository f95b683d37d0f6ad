#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempts;
mod authenticate;
mod backoff;
mod budget;
mod classify;
mod clock;
pub mod codes;
mod endpoint;
mod finding;
mod fleet;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod http;
mod ladder;
mod mask;
mod metrics;
mod prober;
mod release;
mod report;
mod rung;
mod stream;
#[cfg(feature = "supervisors")]
#[cfg_attr(docsrs, doc(cfg(feature = "supervisors")))]
pub mod supervisors;
mod target;
pub mod tools;
mod vantage;

pub use attempts::AttemptPolicy;
pub use authenticate::{
    Answer, AuthRefusal, Authenticate, AuthenticateError, Challenge, DeviceUse, REFUSAL_TEXTS, REFUSALS,
    RefusalKind, Session, TokenAuthenticator, read_connect_answer,
};
pub use backoff::{Backoff, BackoffError};
pub use budget::{Allowance, Budget};
pub use classify::CLOSE_CODES;
pub use clock::ClockSkew;
pub use codes::{Code, Severity, Side};
pub use endpoint::{ENDPOINTS, Endpoint};
pub use finding::{Confidence, Finding, Place, PlaceRole, Remedy, Safety, Subject};
pub use fleet::Fleet;
pub use gate::{DeployGate, DeployGateState, Sample, Watch, WatchPolicy, WatchState};
pub use metrics::exposition;
pub use prober::{Prober, ProberBuilder};
pub use report::{Because, Facts, Fault, Outcome, ProbeReport, RungResult};
pub use rung::{Rung, UnknownRung};
pub use secrecy;
pub use stream::tls::BuildError;
pub use target::{DEFAULT_PORT, Target, TargetError};
pub use vantage::{Comparison, Vantage, compare};
