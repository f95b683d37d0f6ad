//! The rules, most specific first.

use super::{Diagnosis, WaitGraph};
use crate::evidence::Evidence;
use crate::finding::{Code, Confidence, Finding};
use crate::plan::{Ending, Plan};
use crate::refusal::Actor;

pub(super) fn judge(_evidence: &Evidence) -> Diagnosis {
    let finding =
        Finding::new(Code::NotEnoughEvidence, Confidence::Inferred, "no list, log or refusal names a cause");
    Diagnosis {
        cause: finding.code,
        waits_for: WaitGraph::default(),
        findings: vec![finding],
        plan: Plan { steps: Vec::new(), ending: Ending::Decision(Actor::Approver), restart_now: None },
    }
}
