//! Two where there should be one: gateways, state directories, identities, stores, lists.

use std::collections::BTreeSet;

use super::super::facts::Facts;
use super::{on, whole};
use crate::PairedDevice;
use crate::evidence::{SeenList, Vantage};
use crate::finding::{Code, Confidence, Finding, Severity};
use crate::timeline::Symptom;

/// A device that was approved is unknown again after a start.
pub(super) fn pairing_lost(facts: &Facts<'_>) -> Option<Finding> {
    let approvals = [Symptom::Approved, Symptom::SilentlyApproved];
    let lost = facts.seen().filter(|seen| approvals.contains(&seen.mark.symptom)).find_map(|approved| {
        let at = approved.mark.at_ms?;
        let device = approved.mark.device_id.as_deref()?;
        let start = facts.seen().find(|seen| {
            seen.mark.symptom == Symptom::GatewayStarts && seen.mark.at_ms.is_some_and(|then| then > at)
        })?;
        let again = facts.seen().find(|seen| {
            seen.mark.symptom == Symptom::NotPaired
                && seen.mark.device_id.as_deref() == Some(device)
                && seen.mark.at_ms > start.mark.at_ms
        })?;
        Some((approved, again))
    });
    let legacy = || facts.first(&[Symptom::LegacyStateDir]);
    if let Some((approved, again)) = lost {
        let summary =
            "a device that was approved is unknown again after a restart: the state is not on the volume";
        let mut finding = on(Code::PairingLost, again, summary);
        finding.evidence.insert(0, approved.quote());
        return Some(finding);
    }
    let seen = legacy()?;
    let summary = "two state directories exist, an old name and a new one, and different programs use each";
    Some(on(Code::SplitState, seen, summary))
}

pub(super) fn split_gateway(facts: &Facts<'_>) -> Option<Finding> {
    let boots: BTreeSet<&str> = facts.evidence.hellos.iter().map(|hello| hello.boot_id.as_str()).collect();
    let vantages: BTreeSet<Vantage> = facts.evidence.hellos.iter().map(|hello| hello.vantage).collect();
    if boots.len() < 2 || vantages.len() < 2 {
        return None;
    }
    let summary = "two vantage points were answered by different gateway processes";
    let mut finding = Finding::new(Code::SplitGateway, Confidence::Observed, summary);
    for hello in &facts.evidence.hellos {
        finding.evidence.push(format!("{}: bootId {}", hello.vantage.name(), hello.boot_id));
    }
    Some(finding)
}

pub(super) fn split_state(facts: &Facts<'_>) -> Option<Finding> {
    if let Some(seen) = facts.first(&[Symptom::OtherStore]) {
        let summary = "the CLI's own store does not hold the gateway's request: two state directories";
        return Some(on(Code::SplitState, seen, summary));
    }
    // A request that the client was given is not in the list that the gateway's own store shows.
    let gateway = facts.evidence.lists.iter().find(|seen| seen.vantage == Vantage::Gateway)?;
    let known = |id: &str| gateway.list.pending.iter().any(|request| request.request_id == id);
    let other = facts
        .evidence
        .lists
        .iter()
        .find(|seen| seen.vantage != Vantage::Gateway && !is_same_store(seen, gateway))?;
    let foreign = other.list.pending.iter().find(|request| !known(&request.request_id))?;
    let summary =
        format!("the {}'s list holds a request that the gateway's own list does not", other.vantage.name());
    let mut finding = Finding::new(Code::SplitState, Confidence::Inferred, summary);
    finding.places = vec![whole(other), whole(gateway)];
    finding
        .evidence
        .push(format!("{} lists request {} of device {}", other.name, foreign.request_id, foreign.device_id));
    Some(finding)
}

/// Two lists are of one store if they share a device, or if one of them is empty and so says nothing.
fn is_same_store(one: &SeenList, other: &SeenList) -> bool {
    let ids = |seen: &SeenList| {
        let paired = seen.list.paired.iter().map(|device| device.device_id.clone());
        let pending = seen.list.pending.iter().map(|request| request.device_id.clone());
        paired.chain(pending).collect::<BTreeSet<String>>()
    };
    let (one, other) = (ids(one), ids(other));
    one.is_empty() || other.is_empty() || !one.is_disjoint(&other)
}

/// The request is looked for among nodes, or in files that a newer gateway no longer reads.
pub(super) fn other_store(facts: &Facts<'_>) -> Option<Finding> {
    let nodes = facts.evidence.timelines.iter().any(|timeline| timeline.name.contains("nodes"));
    let unknown = facts.first(&[Symptom::UnknownRequest]).filter(|_| nodes)?;
    let summary =
        "devices and nodes have separate requests: this one is a device's, so ask `devices`, not `nodes`";
    Some(on(Code::LegacyStore, unknown, summary))
}

pub(super) fn store_edited(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.first(&[Symptom::StoreOverwritten])?;
    let summary = "the pairing store was edited while the gateway owns it: edits are overwritten, and from 2026.8.1 unread";
    let mut finding = on(Code::StoreEditedByHand, seen, summary);
    finding.severity = Severity::Error;
    Some(finding)
}

pub(super) fn split_identity(facts: &Facts<'_>) -> Option<Finding> {
    let (request, twin) = facts.pending().filter(|request| !request.is_repair).find_map(|request| {
        let is_twin = |device: &&PairedDevice| {
            device.device_id != request.device_id
                && !device.connected
                && device.client_id == request.client_id
                && device.client_mode == request.client_mode
                && device.platform == request.platform
                && device.display_name == request.display_name
                && device.remote_ip.is_some()
                && device.remote_ip == request.remote_ip
        };
        facts.paired().find(is_twin).map(|twin| (request, twin))
    })?;
    let summary =
        "the same client shows up under a new device id: its key was lost with its volume, or it has two";
    let mut finding = Finding::new(Code::SplitIdentity, Confidence::Inferred, summary);
    finding.evidence.push(format!("asks now: device {}", request.device_id));
    finding.evidence.push(format!("approved before: device {}", twin.device_id));
    Some(finding)
}

pub(super) fn list_asymmetry(facts: &Facts<'_>) -> Option<Finding> {
    let mut lists = facts.evidence.lists.iter();
    let first = lists.next()?;
    let other =
        lists.find(|other| other.list.pending != first.list.pending && other.vantage != first.vantage)?;
    let likely = if facts.has(&[Symptom::DialledOwnLoopback]) {
        "the client dials its own loopback: a wrong URL"
    } else if [first.vantage, other.vantage].contains(&Vantage::Dashboard) {
        "the browser's session belongs to another gateway or profile: split cookies or browser storage"
    } else if is_same_store(first, other) {
        "the lists were taken at different times: take them again, side by side"
    } else {
        "they read different state directories"
    };
    let summary = format!("{} and {} list different requests; likely {likely}", first.name, other.name);
    let mut finding = Finding::new(Code::ListAsymmetry, Confidence::Inferred, summary);
    finding.places = vec![whole(first), whole(other)];
    for seen in [first, other] {
        finding.evidence.push(format!(
            "{}: {} pending, {} paired",
            seen.name,
            seen.list.pending.len(),
            seen.list.paired.len()
        ));
    }
    Some(finding)
}
