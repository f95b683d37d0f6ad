//! Someone waits: for whom, and why nobody comes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::Facts;
use super::super::seen::{ASKS, Seen};
use super::{on, whole};
use crate::codes::Code;
use crate::finding::{Confidence, Finding, Subject};
use crate::place::{Place, PlaceRole};
use crate::policy::REQUEST_LIFETIME;
use crate::timeline::Symptom;
use crate::vantage::Vantage;

/// The gateway starts again after a request was made and before anyone decided.
pub(super) fn restart_mid_pairing(facts: &Facts<'_>) -> Option<Finding> {
    // The first approval of each device, and of any for asks that name none.
    let (mut decided, mut first) = (BTreeMap::new(), None);
    for seen in facts.seen().filter(|seen| seen.mark.symptom == Symptom::Approved) {
        let at = seen.mark.at_ms.unwrap_or(u64::MAX);
        decided.entry(seen.mark.peer.device_id.as_deref()).or_insert(at);
        first.get_or_insert(at);
    }
    facts.asks().filter(|ask| ask.timeline.vantage == Vantage::Gateway).find_map(|ask| {
        let device = ask.mark.peer.device_id.as_deref();
        let until = if device.is_some() { decided.get(&device).copied() } else { first };
        let starts = facts.starts_between(ask.mark.at_ms?, until.unwrap_or(u64::MAX));
        let (_, start) = starts.first()?;
        let times = starts.len();
        let mut finding = on(
            Code::RestartMidPairing,
            *start,
            format!("the gateway was restarted {times}x while a request waited: whoever restarts it must hold still"),
        );
        finding.evidence.insert(0, ask.quote());
        Some(finding)
    })
}

pub(super) fn rejected(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.first(&[Symptom::RejectedByPerson])?;
    Some(on(
        Code::RequestRejected,
        seen,
        "a person rejected the request; asking again by itself would be wrong",
    ))
}

/// What keeps a CLI from approving others.
pub(super) const BLOCKED: &[Symptom] = &[
    Symptom::NotPaired,
    Symptom::PairingRequired,
    Symptom::ScopeUpgrade,
    Symptom::RoleUpgrade,
    Symptom::MetadataUpgrade,
    Symptom::MissingScope,
    Symptom::DeviceTokenMismatch,
];

pub(super) fn approver_lacks_scope(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.seen().find(|seen| {
        seen.mark.symptom == Symptom::MissingScope && seen.mark.scope.as_deref() == Some("operator.admin")
    })?;
    let summary =
        "whoever approves needs every scope that is asked for; this approver may not grant operator.admin";
    Some(on(Code::ApproverLacksScope, seen, summary))
}

pub(super) fn expired(facts: &Facts<'_>) -> Option<Finding> {
    let lifetime = u64::try_from(REQUEST_LIFETIME.as_millis()).unwrap_or(u64::MAX);
    let minutes = lifetime / 60_000;
    if let Some(now) = facts.evidence.now_ms
        && let Some(request) = facts
            .pending()
            .find(|request| now.saturating_sub(request.refreshed_at_ms.unwrap_or(request.ts)) > lifetime)
    {
        let summary = format!(
            "the request is older than the gateway's {minutes} minutes: it can no longer be approved"
        );
        let mut finding = Finding::new(Code::RequestExpired, summary);
        finding.evidence.push(format!("request {} of device {}", request.request_id, request.device_id));
        return Some(finding);
    }
    // The request was made, and when someone came to approve it, it was gone.
    let unknown = facts.seen().find(|seen| {
        seen.mark.symptom == Symptom::UnknownRequest || seen.mark.symptom == Symptom::EmptyList
    })?;
    let ask = facts.asks().find(|ask| {
        let gap =
            unknown.mark.at_ms.zip(ask.mark.at_ms).map(|(later, earlier)| later.saturating_sub(earlier));
        gap.is_some_and(|gap| gap > lifetime)
    })?;
    let summary =
        format!("by the time someone came to approve, the request was older than {minutes} minutes and gone");
    let mut finding = on(Code::RequestExpired, unknown, summary);
    finding.evidence.insert(0, ask.quote());
    Some(finding)
}

pub(super) fn churn(facts: &Facts<'_>) -> Option<Finding> {
    let device = facts.waiting_device();
    let ids: BTreeSet<&str> = facts
        .asks()
        .filter(|seen| seen.mark.peer.device_id.is_none() || seen.mark.peer.device_id == device)
        .filter_map(|seen| seen.mark.request_id.as_deref())
        .collect();
    let unknown = facts.first(&[Symptom::UnknownRequest]);
    if ids.len() < 2 && unknown.is_none() {
        return None;
    }
    let summary = "each command asks for other scopes and so replaces the request: approve by device id, never by a remembered request id";
    let mut finding = match unknown {
        Some(seen) => on(Code::RequestIdChurn, seen, summary),
        None => Finding::new(Code::RequestIdChurn, summary),
    };
    finding.symptoms.extend_from_slice(ASKS);
    finding.evidence.extend(ids.iter().map(|id| format!("request {id}")));
    finding.places.extend(facts.asks().map(Seen::place));
    Some(finding)
}

/// Local clients that the gateway takes for remote ones.
pub(super) fn nat(facts: &Facts<'_>) -> Option<Finding> {
    let ask = facts.asks().find(|seen| {
        let remote = seen.mark.peer.remote.as_deref();
        seen.timeline.vantage == Vantage::Gateway && remote.is_some_and(is_private)
    });
    let summary = "the request comes from a bridge address: behind it a local client looks remote, so a person must approve";
    if let Some(ask) = ask {
        let mut finding = on(Code::NatHidesLocal, ask, summary).with_lines(ASKS);
        finding.places.extend(facts.pending().filter_map(|request| facts.row(request)));
        return Some(finding);
    }
    // A log up to 2026.4.15 need not say why a connection ended; the list has the address too.
    let listed = facts.pending().find_map(|request| Some((request, request.remote_ip.as_deref()?)));
    if let Some((request, address)) = listed.filter(|(_, address)| is_private(address))
        && facts.approver().is_none()
    {
        let asker = Subject::device(&request.device_id);
        let mut finding = Finding::new(Code::NatHidesLocal, summary).about(asker);
        // Nothing but the row itself says it here, so the row decides.
        let row = facts.row(request).map(|row| Place { role: PlaceRole::Decided, ..row });
        finding.places.extend(row.or_else(|| facts.seen_list().map(whole)));
        let asks = format!("request {} of device {}, from {address}", request.request_id, request.device_id);
        finding.evidence.push(asks);
        return Some(finding);
    }
    let is_local = facts.evidence.topology.shared_namespace;
    let ask = facts.asks().next().filter(|_| is_local && facts.looks_at_host())?;
    let summary = "this release takes a client for local only if it dials loopback by that name: in a shared namespace, ws://127.0.0.1";
    let mut finding = on(Code::NatHidesLocal, ask, summary);
    finding.versions = Some("<2026.3.31".to_owned());
    Some(finding)
}

/// RFC 1918 and the shared address space: what bridges hand out.
fn is_private(address: &str) -> bool {
    let address = address.trim_start_matches("::ffff:");
    address
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|address| address.is_private() || matches!(address.octets(), [100, 64..=127, ..]))
}

/// A request waits: for nobody in particular, or for an approver that exists.
pub(super) fn pending(facts: &Facts<'_>) -> Option<Finding> {
    if !facts.is_asking() {
        return None;
    }
    let mut finding = match facts.approver() {
        Some(approver) => {
            let summary = "the device waits for a person, and an approver is connected";
            let mut finding = Finding::new(Code::PendingApproval, summary);
            finding.evidence.push(format!("device {} holds operator.pairing", approver.device_id));
            finding
        }
        None => {
            let summary = "the device waits for approval and no approver is in sight: the token alone opens the first gate only";
            Finding::new(Code::OwnApproverMissing, summary).inferred()
        }
    };
    if let Some(device) = facts.waiting_device() {
        finding.subject = Subject::device(&device);
    }
    finding.symptoms.extend_from_slice(ASKS);
    for request in facts.pending() {
        let wish = format!(
            "request {} of device {} asks for {}",
            request.request_id, request.device_id, request.scopes
        );
        finding.evidence.push(wish);
    }
    if let Some(ask) = facts.asks().next() {
        finding.places.push(ask.place());
        finding.evidence.push(ask.quote());
    }
    finding.places.extend(facts.pending().filter_map(|request| facts.row(request)));
    Some(finding)
}

/// `missing scope: operator.pairing` where the client runs: connected, and without a key. With one it would be refused
/// until someone approves it, so whoever else waits in the list is not this client. A gateway's log does not say whose
/// line it is: there it counts only while nobody asks.
pub(super) fn never_asks(facts: &Facts<'_>) -> Option<Finding> {
    let lacking = facts.seen().filter(|seen| {
        seen.mark.symptom == Symptom::MissingScope && seen.mark.scope.as_deref() == Some("operator.pairing")
    });
    let asks = facts.first_at(Vantage::Client, ASKS).is_some()
        || facts.is_refused_at(|vantage| vantage == Vantage::Client);
    let seen = lacking
        .filter(|seen| if seen.timeline.vantage == Vantage::Client { !asks } else { !facts.is_asking() })
        .min_by_key(|seen| seen.timeline.vantage != Vantage::Client)?;
    // There it would ask: what it lacks is the scope alone.
    if facts.makes_identity() {
        return None;
    }
    let summary = if facts.leaves_identity_out() {
        "this release's CLI shows no device on loopback, and a client without one has no scopes: it never asks to be paired"
    } else if facts.is_asking() {
        "the token is right and the request that waits is another's: without a device identity this client never asks to be paired"
    } else {
        "the token is right and nothing is pending: without a device identity this client never asks to be paired"
    };
    let mut finding = on(Code::NeverAsks, seen, summary);
    if facts.leaves_identity_out() {
        finding.versions = Some(">=2026.3.13, <2026.3.22".to_owned());
    }
    finding.confidence = Confidence::Inferred;
    finding.evidence.extend(facts.first(&[Symptom::EmptyList]).map(Seen::quote));
    Some(finding)
}
