//! What was observed of the containers and decides how their services are read.

use std::collections::{BTreeMap, BTreeSet};

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
