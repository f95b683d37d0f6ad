//! Two where there should be one: gateways, state directories, identities, stores, lists.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::Facts;
use super::super::seen::{ASKS, Seen, by_time};
use super::{on, whole};
use crate::codes::{Code, Severity};
use crate::evidence::SeenList;
use crate::finding::{Finding, Subject};
use crate::timeline::Symptom;
use crate::vantage::Vantage;
use crate::{PairedDevice, PendingRequest};

/// A device that was approved is unknown again after a start.
pub(super) fn pairing_lost(facts: &Facts<'_>) -> Option<Finding> {
    let mut unknown: BTreeMap<&str, Vec<(u64, Seen<'_>)>> = BTreeMap::new();
    for (at, seen) in by_time(facts.seen().filter(|seen| seen.mark.symptom == Symptom::NotPaired)) {
        if let Some(device) = &seen.mark.peer.device_id {
            unknown.entry(device).or_default().push((at, seen));
        }
    }
    let approvals = [Symptom::Approved, Symptom::SilentlyApproved];
    let lost = facts.seen().filter(|seen| approvals.contains(&seen.mark.symptom)).find_map(|approved| {
        let (start, _) = facts.starts_between(approved.mark.at_ms?, u64::MAX).first()?;
        let unknown = unknown.get(approved.mark.peer.device_id.as_deref()?)?;
        let (_, again) = unknown.get(unknown.partition_point(|(at, _)| at <= start))?;
        Some((approved, *again))
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
    let mut finding = Finding::new(Code::SplitGateway, summary);
    for hello in &facts.evidence.hellos {
        finding.evidence.push(format!("{}: bootId {}", hello.vantage.name(), hello.boot_id));
    }
    Some(finding)
}

pub(super) fn split_state(facts: &Facts<'_>) -> Option<Finding> {
    // Both read the one directory that both mount: what one does not find was replaced meanwhile.
    if facts.is_one_store() {
        return None;
    }
    if let Some(seen) = facts.first(&[Symptom::OtherStore]) {
        let summary = "the CLI's own store does not hold the gateway's request: two state directories";
        return Some(on(Code::SplitState, seen, summary));
    }
    // Whoever may not list devices at the gateway is shown the list of the state directory it is in.
    if facts.pending().next().is_some()
        && let Some(seen) = facts.first_at(Vantage::Client, &[Symptom::EmptyList])
        && facts.first_at(Vantage::Client, ASKS).is_some()
    {
        let summary =
            "the client's own store is empty while its request waits in the gateway's: two state directories";
        let mut finding = on(Code::SplitState, seen, summary).inferred();
        finding.places.extend(facts.first_at(Vantage::Client, ASKS).map(Seen::place));
        finding.places.extend(facts.pending().filter_map(|request| facts.row(request)));
        return Some(finding);
    }
    // A request that the client was given is not in the list that the gateway's own store shows.
    let gateway = facts.evidence.lists.iter().find(|seen| seen.vantage == Vantage::Gateway)?;
    let own = ids(gateway);
    let others = facts.evidence.lists.iter().filter(|seen| seen.vantage != Vantage::Gateway);
    let other = others.into_iter().find(|seen| !is_one_store(&ids(seen), &own))?;
    let known: BTreeSet<&str> =
        gateway.list.pending.iter().map(|request| request.request_id.as_str()).collect();
    let foreign = other.list.pending.iter().find(|request| !known.contains(request.request_id.as_str()))?;
    let summary =
        format!("the {}'s list holds a request that the gateway's own list does not", other.vantage.name());
    let mut finding = Finding::new(Code::SplitState, summary).inferred();
    finding.places = vec![whole(other), whole(gateway)];
    finding
        .evidence
        .push(format!("{} lists request {} of device {}", other.name, foreign.request_id, foreign.device_id));
    Some(finding)
}

/// The devices that a list names.
fn ids(seen: &SeenList) -> BTreeSet<&str> {
    let paired = seen.list.paired.iter().map(|device| device.device_id.as_str());
    let pending = seen.list.pending.iter().map(|request| request.device_id.as_str());
    paired.chain(pending).collect()
}

/// Two lists are of one store if they share a device, or if one of them is empty and so says nothing.
fn is_one_store(one: &BTreeSet<&str>, other: &BTreeSet<&str>) -> bool {
    let (few, many) = if one.len() < other.len() { (one, other) } else { (other, one) };
    few.is_empty() || few.iter().any(|id| many.contains(id))
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
    // What a client is told by, but for its key. Two ids a client are enough to find one that is not the asker's own.
    let mut known: BTreeMap<_, Vec<&PairedDevice>> = BTreeMap::new();
    for device in facts.paired().filter(|device| !device.connected && device.remote_ip.is_some()) {
        let PairedDevice { client_id, client_mode, platform, display_name, remote_ip, .. } = device;
        let twins = known.entry((client_id, client_mode, platform, display_name, remote_ip)).or_default();
        if twins.len() < 2 && twins.iter().all(|twin| twin.device_id != device.device_id) {
            twins.push(device);
        }
    }
    let (request, twin) = facts.pending().filter(|request| !request.is_repair).find_map(|request| {
        let PendingRequest { client_id, client_mode, platform, display_name, remote_ip, .. } = request;
        let twins = known.get(&(client_id, client_mode, platform, display_name, remote_ip))?;
        twins.iter().find(|device| device.device_id != request.device_id).map(|twin| (request, *twin))
    })?;
    let summary =
        "the same client shows up under a new device id: its key was lost with its volume, or it has two";
    let mut finding =
        Finding::new(Code::SplitIdentity, summary).inferred().about(Subject::device(&request.device_id));
    finding.places.extend(facts.row(request));
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
    } else if is_one_store(&ids(first), &ids(other)) {
        "the lists were taken at different times: take them again, side by side"
    } else {
        "they read different state directories"
    };
    let summary = format!("{} and {} list different requests; likely {likely}", first.name, other.name);
    let mut finding = Finding::new(Code::ListAsymmetry, summary).inferred();
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
