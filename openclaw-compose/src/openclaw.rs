//! What OpenClaw makes of a resolved stack: who wins the token, which client reaches which listener, whose files they are,
//! and what to do about it.
//!
//! [`Stack`] collects what is known (the resolution, a way to read `openclaw.json`, recorded owners, `docker inspect`),
//! [`examine`] turns it into a [`Report`]. What was not given is unknown, never fine.

// | question | file |
// | --- | --- |
// | What differs between releases? | `rules/`, a file a subject |
// | What is read, once: services, processes, `openclaw.json`, namespaces, owners, containers, proxies? | `model/` |
// | What follows: who wins the token, who listens where, who reaches whom, may a process use its state? | `verdict/` |
// | What is wrong, and what is the smallest edit: a file a family? | `findings/` |

mod alignment;
mod containers;
mod examine;
mod findings;
mod gates;
mod mending;
mod model;
#[cfg(feature = "docker")]
mod places;
mod redact;
mod report;
pub mod rules;
mod secrets;
mod stack;
mod token_sources;
mod verdict;
mod verdicts;

pub use alignment::{AlignError, Alignment};
pub use containers::ContainerView;
pub use examine::examine;
pub use findings::search;
pub use gates::{ClientView, GateState, GateView, ProxyView, StackGate};
pub use mending::{LeftAlone, Mend, Mending};
pub use model::compose::{compose_of_containers, compose_of_engine};
#[cfg(feature = "docker")]
pub(crate) use model::containers::{ONE_OFF, PROJECT, SERVICE};
pub use model::host::{Host, HostError};
pub use model::jobs::{Definition, Manager, jobs_of};
pub use model::namespaces::{Namespace, Namespaces};
pub use model::observed::{LoggedRefusal, Refused, Upstream};
pub use model::processes::{EnvLayer, Role};
#[cfg(feature = "docker")]
pub(crate) use places::{maps_owners, state_places};
pub use report::{Contended, GatewayView, Report, RivalView, StatePlace, VersionSource, VersionView};
pub use rules::version::{BadVersion, Version, Versions};
pub use stack::Stack;
pub use token_sources::{TokenContent, TokenSourceView};
pub use verdict::clients::ClientKind;
pub use verdict::listener::{Auth, BindSource, PortSource, Scope};
pub use verdict::reach::Reach;
pub use verdict::token::Secret;
pub use verdicts::{Judged, Listener, PageVerdict, StateVerdict, TokenVerdict};
