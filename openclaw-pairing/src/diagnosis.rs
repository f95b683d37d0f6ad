//! Evidence in, verdict out: which cause, who waits for whom, and the plan.

mod bypasses;
mod facts;
mod rules;
mod seen;
mod settled;
mod steps;

use serde::Serialize;

use crate::codes::Code;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::plan::Plan;

pub use crate::waits::{Party, Wait, WaitGraph};

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The first cause: the code of `findings[0]`.
    pub cause: Code,
    /// Who waits for whom.
    pub waits_for: WaitGraph,
    /// Findings, the first cause first.
    pub findings: Vec<Finding>,
    /// The way out.
    pub plan: Plan,
    /// The client's own device: the one that the caller named, else the one whose request the client was told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_device: Option<String>,
}

/// A device id as people tell devices apart. Commands have it whole.
fn short(device_id: &str) -> &str {
    crate::words::head(device_id, 12)
}

/// Judges the evidence. It always ends in a cause and a plan; with too little evidence the cause is
/// [`Code::NotEnoughEvidence`] and the plan collects more.
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    rules::judge(evidence)
}
