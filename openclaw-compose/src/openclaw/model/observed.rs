//! What was observed of the containers and decides how their services are read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::source::Text;

/// What the running containers and their logs say.
#[derive(Default)]
pub(crate) struct Observed {
    /// By service.
    pub(crate) containers: BTreeMap<String, Seen>,
    /// Services whose log shows that they run a gateway.
    pub(crate) gateways: BTreeSet<String>,
}

/// An inspected container, with what its image brought along.
pub(crate) struct Seen {
    /// The user it was started as, where that is written.
    pub(crate) user: Option<String>,
    pub(crate) environment: BTreeMap<String, Text>,
}

/// What a gateway refused, as its log shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// A page of this origin.
    Origin(String),
    /// What a proxy at this address passed on.
    Proxy(IpAddr),
}

/// A refusal in a gateway's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever read the log")]
pub struct LoggedRefusal {
    /// What was refused.
    pub what: Refused,
    /// The gateway was started again since: what its configuration admits by now is over.
    pub is_past: bool,
}

/// Where a proxy led a request, as its own log names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever read the log")]
pub struct Upstream {
    /// The host.
    pub host: String,
    /// The port there, where it is named.
    pub port: Option<u16>,
    /// Where the log says so, for a person.
    pub said: String,
}
