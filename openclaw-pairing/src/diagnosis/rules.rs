//! The rules, in causal order: a fault that hides others comes before what it hides. The first that speaks is the cause.

mod apart;
mod approved;
mod mutual;
mod transport;
mod waiting;
mod waits;

use super::bypasses::bypasses;
use super::facts::Facts;
use super::seen::Seen;
use super::{Diagnosis, steps};
use crate::codes::{Code, Severity};
use crate::evidence::{Evidence, SeenList};
use crate::finding::{Finding, Subject};
use crate::place::{Place, PlaceRole};
use crate::refusal::Refusal;
use crate::timeline::{Symptom, Timeline};
use crate::vantage::Vantage;

use waits::waits;

type Rule = fn(&Facts<'_>) -> Option<Finding>;

/// Every rule. Faults below pairing come first, then what makes a pairing impossible to see, then pairing itself, then
/// what stands beside it.
const RULES: &[Rule] = &[
    transport::unreachable,
    transport::starting,
    transport::protocol,
    transport::proxy,
    transport::origin,
    transport::insecure_context,
    transport::clock,
    waiting::restart_mid_pairing,
    apart::pairing_lost,
    waiting::rejected,
    apart::split_gateway,
    apart::split_state,
    apart::other_store,
    apart::store_edited,
    mutual::mutual_wait,
    transport::device_token,
    transport::shared_token,
    transport::identity,
    waiting::never_asks,
    waiting::expired,
    approved::role_upgrade,
    approved::metadata_upgrade,
    approved::scope_upgrade,
    waiting::approver_lacks_scope,
    waiting::churn,
    apart::split_identity,
    waiting::nat,
    waiting::pending,
    approved::connected_without_scope,
    apart::list_asymmetry,
    transport::locked_out,
    approved::paired,
    bypasses,
    approved::stale_rows,
];

pub(super) fn judge(evidence: &Evidence) -> Diagnosis {
    let facts = Facts::new(evidence);
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| rule(&facts)).collect();
    tell_of_the_cause(&mut findings);
    for finding in &mut findings {
        finding.clients = facts.clients(finding);
    }
    // What stands beside the cause never outranks it.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let is_silent = findings.iter().all(|finding| finding.code == Code::BypassLeftBehind);
    if is_silent || findings.is_empty() {
        let summary = "no list, log or refusal names a cause yet";
        findings.insert(0, Finding::new(Code::NotEnoughEvidence, summary).inferred());
    }
    findings.extend(left_out(evidence));
    if facts.version().is_none() {
        let summary = "the gateway's version is unknown, so the newest rules were used";
        findings.push(Finding::new(Code::UnknownVersion, summary).inferred());
    }
    let cause = findings.first().map_or(Code::NotEnoughEvidence, |finding| finding.code);
    let noise: Vec<Code> =
        findings.iter().map(|finding| finding.code).filter(|code| NOISE.contains(code)).collect();
    let plan = steps::plan(cause, &noise, &facts);
    for finding in &mut findings {
        if finding.remedy.is_none() {
            finding.remedy = steps::remedy(finding.code, &facts);
        }
    }
    let findings = findings.into_iter().map(Finding::in_brief).collect();
    let own_device = facts.own_device().map(str::to_owned);
    Diagnosis { cause, waits_for: waits(&facts), findings, plan, own_device }
}

/// What a client that waits does to a log while it waits.
const NOISE: &[Code] = &[Code::RequestIdChurn, Code::RestartMidPairing];

/// Why a client waits.
const WAITING: &[Code] = &[
    Code::MutualWait,
    Code::NeverAsks,
    Code::RequestExpired,
    Code::RoleUpgrade,
    Code::MetadataUpgrade,
    Code::ScopeUpgrade,
    Code::ApproverLacksScope,
    Code::SplitIdentity,
    Code::NatHidesLocal,
    Code::PendingApproval,
    Code::OwnApproverMissing,
];

/// Ids that change and restarts are told of why a client waits, not instead of it.
fn tell_of_the_cause(findings: &mut [Finding]) {
    let noise = |finding: &&mut Finding| NOISE.contains(&finding.code);
    if !findings.iter().any(|finding| WAITING.contains(&finding.code)) {
        return;
    }
    let mut told = Vec::new();
    for finding in findings.iter_mut().filter(noise) {
        finding.severity = Severity::Warning;
        told.push(format!("beside it: {}", finding.summary));
    }
    if let Some(cause) = findings.iter_mut().find(|finding| WAITING.contains(&finding.code)) {
        cause.evidence.extend(told);
    }
}

/// What was given and is beyond what is judged.
fn left_out(evidence: &Evidence) -> Option<Finding> {
    let summary = "more was given than is judged: of a log its newest part, of a list its first rows";
    let mut finding = Finding::new(Code::EvidenceLeftOut, summary);
    for Timeline { name, left_out, .. } in &evidence.timelines {
        if left_out.bytes > 0 {
            let bytes = left_out.bytes;
            finding.evidence.push(format!("{name}: {bytes} bytes before what is judged were left out"));
        }
        if left_out.marks > 0 {
            let marks = left_out.marks;
            finding.evidence.push(format!("{name}: {marks} lines that later lines repeat were left out"));
        }
    }
    for SeenList { name, list, .. } in evidence.lists.iter().filter(|seen| seen.list.left_out > 0) {
        finding.evidence.push(format!("{name}: {} rows were left out", list.left_out));
    }
    (!finding.evidence.is_empty()).then_some(finding)
}

/// A finding that rests on one line.
fn on(code: Code, seen: Seen<'_>, summary: impl Into<String>) -> Finding {
    let subject = match (&seen.mark.peer.device_id, seen.timeline.vantage) {
        (Some(device), _) => Subject::device(device),
        (None, Vantage::Gateway) => Subject::Gateway,
        (None, vantage) => Subject::Vantage(vantage),
    };
    let mut finding =
        Finding::new(code, summary).about(subject).at(seen.place()).with_lines(&[seen.mark.symptom]);
    finding.evidence.push(seen.quote());
    finding
}

/// The place of a list as a whole.
fn whole(seen: &SeenList) -> Place {
    Place { role: PlaceRole::Decided, file: seen.name.clone(), line: 1, column: 1, span: [0, 0] }
}

/// A finding that rests on a refusal of one's own connect.
fn refused(code: Code, refusal: &Refusal, summary: impl Into<String>) -> Finding {
    let mut finding = Finding::new(code, summary);
    finding.evidence.push(format!("{}: {}", refusal.code.name(), refusal.message));
    finding
}

/// A refusal, or else a line, that shows one of these symptoms.
fn either(facts: &Facts<'_>, code: Code, symptoms: &[Symptom], summary: &str) -> Option<Finding> {
    facts
        .refusal(symptoms)
        .map(|refusal| refused(code, refusal, summary))
        .or_else(|| facts.first(symptoms).map(|seen| on(code, seen, summary)))
}
