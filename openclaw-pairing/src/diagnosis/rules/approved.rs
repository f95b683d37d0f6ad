//! A device that is known: what it was approved for, what it asks for, what it may do.

use super::super::facts::Facts;
use super::super::seen::ASKS;
use super::waiting::never_asks;
use super::{either, on, refused, whole};
use crate::PairedDevice;
use crate::codes::Code;
use crate::evidence::SeenHello;
use crate::finding::Finding;
use crate::place::Place;
use crate::scope::Scope;
use crate::timeline::Symptom;
use crate::vantage::Vantage;

/// An upgrade, from a refusal or a line.
fn upgrade(facts: &Facts<'_>, code: Code, symptom: Symptom, summary: &str) -> Option<Finding> {
    let mut finding = facts
        .refusal(&[symptom])
        .map(|refusal| {
            let mut finding = refused(code, refusal, summary);
            if let (Some(requested), Some(approved)) = (refusal.requested_scopes, refusal.approved_scopes) {
                finding.evidence.push(format!("approved: {approved}; requested: {requested}"));
                finding.evidence.push(format!("missing: {}", requested.missing_from(approved)));
            }
            finding
        })
        .or_else(|| facts.first(&[symptom]).map(|seen| on(code, seen, summary)))?;
    finding.evidence.extend(drift(facts));
    finding.places.extend(own_row(facts));
    Some(finding)
}

/// The request of the device that waits, in the list at hand.
fn own_row(facts: &Facts<'_>) -> Option<Place> {
    let device = facts.waiting_device()?;
    facts.row(facts.pending().find(|request| request.device_id == device)?)
}

/// Approved, requested and needed scopes of the waiting device, where the list has them.
fn drift(facts: &Facts<'_>) -> Option<String> {
    let device = facts.waiting_device()?;
    let approved = facts.paired().find(|paired| paired.device_id == device)?.scopes;
    let requested = facts.requested();
    let needed = facts.evidence.wanted.unwrap_or(requested);
    Some(format!("device {device} has {approved}; asks for {requested}; this command needs {needed}"))
}

pub(super) fn role_upgrade(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the role has no live token: it was revoked, or never approved; this stays until someone approves it again";
    upgrade(facts, Code::RoleUpgrade, Symptom::RoleUpgrade, summary)
}

pub(super) fn metadata_upgrade(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "platform or device family differ from those pinned at approval, so a person must look again";
    upgrade(facts, Code::MetadataUpgrade, Symptom::MetadataUpgrade, summary)
}

pub(super) fn scope_upgrade(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "the device is approved for less than this command asks: the token is proven, the scopes are not";
    let code = Code::ScopeUpgrade;
    if let Some(finding) = upgrade(facts, code, Symptom::ScopeUpgrade, summary) {
        return Some(finding);
    }
    if let Some(finding) = either(facts, code, &[Symptom::TokenScopeMismatch], summary) {
        return Some(finding);
    }
    if let Some(finding) = lists_without(facts, summary) {
        return Some(finding);
    }
    // A known device that is refused as unpaired wants more than it has.
    let device = facts.waiting_device()?;
    let paired = facts.paired().find(|paired| paired.device_id == device)?;
    let missing = facts.requested().missing_from(paired.scopes);
    if missing.is_empty() || !facts.is_asking() {
        return None;
    }
    let mut finding = Finding::new(code, summary);
    finding.symptoms.extend_from_slice(ASKS);
    finding.places.extend(own_row(facts));
    finding.evidence.push(format!("missing: {missing}"));
    finding.evidence.extend(drift(facts));
    Some(finding)
}

/// A client that was given the list, and so is one of its devices, needs scopes that none of them has.
fn lists_without(facts: &Facts<'_>, summary: &str) -> Option<Finding> {
    let wanted = facts.evidence.wanted?;
    let seen = facts.evidence.lists.iter().find(|seen| seen.vantage == Vantage::Client)?;
    let mut live = seen.list.paired.iter().filter(|device| device.has_live_role("operator")).peekable();
    live.peek()?;
    let missing = live
        .map(|device| wanted.missing_from(device.scopes))
        .reduce(|one, other| if other.iter().count() < one.iter().count() { other } else { one })?;
    if missing.is_empty() || facts.is_asking() {
        return None;
    }
    let mut finding = Finding::new(Code::ScopeUpgrade, summary).inferred();
    finding.places.push(whole(seen));
    finding.evidence.push(format!("missing: {missing}"));
    Some(finding)
}

pub(super) fn connected_without_scope(facts: &Facts<'_>) -> Option<Finding> {
    let hello = facts.evidence.hellos.iter().find(|hello| {
        let wanted = facts.evidence.wanted.unwrap_or([Scope::Read].into());
        !wanted.missing_from(hello.granted).is_empty()
    });
    if let Some(hello) = hello {
        let summary =
            format!("the {} is connected and may do little: granted {}", hello.vantage.name(), hello.granted);
        return Some(Finding::new(Code::ConnectedWithoutScope, summary));
    }
    if facts.is_asking() || never_asks(facts).is_some() {
        return None;
    }
    let seen = facts.first(&[Symptom::MissingScope])?;
    Some(on(
        Code::ConnectedWithoutScope,
        seen,
        "the session lacks a scope: connected is not the same as allowed",
    ))
}

pub(super) fn paired(facts: &Facts<'_>) -> Option<Finding> {
    has_session(facts).or_else(|| listed(facts))
}

/// A session that the client was given itself, with what it needs: the end state.
fn has_session(facts: &Facts<'_>) -> Option<Finding> {
    let wanted = facts.evidence.wanted.unwrap_or([Scope::Read].into());
    let enough = |hello: &&SeenHello| {
        hello.vantage == Vantage::Client && wanted.missing_from(hello.granted).is_empty()
    };
    let hello = facts.evidence.hellos.iter().find(enough).filter(|_| !facts.is_asking())?;
    Some(Finding::new(Code::Paired, format!("the client has its session, with {}", hello.granted)))
}

fn listed(facts: &Facts<'_>) -> Option<Finding> {
    let Some(device) = facts.own_device() else { return answered(facts) };
    let record = facts.paired().find(|paired| paired.device_id == device)?;
    let wanted = facts.evidence.wanted.unwrap_or_default();
    if facts.is_asking()
        || !wanted.missing_from(record.scopes).is_empty()
        || !record.has_live_role("operator")
    {
        return None;
    }
    let summary = format!("device {device} is approved with {}", record.scopes);
    Some(Finding::new(Code::Paired, summary))
}

/// A client that was given the list holds a session with `operator.pairing`, whichever of the devices is its own.
fn answered(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.evidence.lists.iter().find(|seen| seen.vantage == Vantage::Client)?;
    let wanted = facts.evidence.wanted.unwrap_or_default();
    let allowed = |device: &PairedDevice| {
        device.has_live_role("operator") && wanted.missing_from(device.scopes).is_empty()
    };
    if facts.is_asking() || !seen.list.paired.iter().any(allowed) {
        return None;
    }
    let summary = "the client lists the devices itself, so it is let in";
    let mut finding = Finding::new(Code::Paired, summary).inferred();
    finding.places.push(whole(seen));
    Some(finding)
}

/// Rows that nobody has used for this long are only clutter.
const STALE_MS: u64 = 30 * 24 * 3_600_000;

pub(super) fn stale_rows(facts: &Facts<'_>) -> Option<Finding> {
    let now = facts.evidence.now_ms?;
    let stale: Vec<&PairedDevice> = facts
        .paired()
        .filter(|device| {
            let seen = device.last_seen_at_ms.unwrap_or(device.approved_at_ms);
            !device.connected && now.saturating_sub(seen) > STALE_MS
        })
        .collect();
    if stale.is_empty() {
        return None;
    }
    let summary = format!("{} paired devices were not seen for 30 days", stale.len());
    let mut finding = Finding::new(Code::StaleRows, summary);
    finding
        .evidence
        .extend(stale.iter().map(|device| format!("device {} ({})", device.device_id, device.client_id)));
    Some(finding)
}
