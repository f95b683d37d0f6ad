//! The rules, in causal order: a fault that hides others comes before what it hides. The first that speaks is the cause.

use std::collections::BTreeSet;

use super::bypasses::bypasses;
use super::facts::{ASKS, Facts, Seen};
use super::waits::{is_dashboard, waits};
use super::{Diagnosis, steps};
use crate::evidence::{Evidence, SeenList, Vantage};
use crate::finding::{Code, Confidence, Finding, Place, PlaceRole};
use crate::policy::REQUEST_LIFETIME;
use crate::refusal::{PairingReason, Refusal, RefusalClass, RefusalCode};
use crate::scope::Scope;
use crate::timeline::Symptom;

type Rule = fn(&Facts<'_>) -> Option<Finding>;

/// Every rule. Faults below pairing come first, then what makes a pairing impossible to see, then pairing itself, then
/// what stands beside it.
const RULES: &[Rule] = &[
    unreachable,
    starting,
    protocol,
    origin,
    insecure_context,
    clock,
    restart_mid_pairing,
    pairing_lost,
    rejected,
    split_gateway,
    split_state,
    other_store,
    store_edited,
    mutual_wait,
    device_token,
    shared_token,
    identity,
    never_asks,
    approver_lacks_scope,
    expired,
    churn,
    split_identity,
    role_upgrade,
    metadata_upgrade,
    scope_upgrade,
    nat,
    pending,
    connected_without_scope,
    list_asymmetry,
    locked_out,
    paired,
    bypasses,
    stale_rows,
];

pub(super) fn judge(evidence: &Evidence) -> Diagnosis {
    let facts = Facts { evidence };
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| rule(&facts)).collect();
    // What stands beside the cause never outranks it.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let is_silent = findings.iter().all(|finding| finding.code == Code::BypassLeftBehind);
    if is_silent || findings.is_empty() {
        let summary = "no list, log or refusal names a cause yet";
        findings.insert(0, Finding::new(Code::NotEnoughEvidence, Confidence::Inferred, summary));
    }
    if facts.version().is_none() {
        let summary = "the gateway's version is unknown, so the newest rules were used";
        findings.push(Finding::new(Code::UnknownVersion, Confidence::Inferred, summary));
    }
    let cause = findings.first().map_or(Code::NotEnoughEvidence, |finding| finding.code);
    let plan = steps::plan(cause, &facts);
    for finding in &mut findings {
        if finding.remedy.is_none() {
            finding.remedy = steps::remedy(finding.code, &facts);
        }
    }
    Diagnosis { cause, waits_for: waits(&facts), findings, plan }
}

/// A finding that rests on one line.
fn on(code: Code, seen: Seen<'_>, summary: impl Into<String>) -> Finding {
    let mut finding = Finding::new(code, Confidence::Observed, summary);
    finding.places.push(seen.place());
    finding.evidence.push(seen.quote());
    finding
}

/// A finding that rests on a refusal of one's own connect.
fn refused(code: Code, refusal: &Refusal, summary: impl Into<String>) -> Finding {
    let mut finding = Finding::new(code, Confidence::Observed, summary);
    finding.evidence.push(format!("{}: {}", refusal.code.name(), refusal.message));
    finding
}

/// The first of a refusal of this class and a line with one of these symptoms.
fn either(
    facts: &Facts<'_>,
    code: Code,
    class: RefusalClass,
    symptoms: &[Symptom],
    summary: &str,
) -> Option<Finding> {
    facts
        .refusal(class)
        .map(|refusal| refused(code, refusal, summary))
        .or_else(|| facts.first(symptoms).map(|seen| on(code, seen, summary)))
}

fn unreachable(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.first(&[Symptom::Unreachable])?;
    // Anything that a gateway said, to anyone, makes this one client's fault and not the first cause of a pairing.
    let was_answered =
        facts.is_asking() || facts.has(&[Symptom::MissingScope]) || !facts.evidence.hellos.is_empty();
    let mut finding = on(
        Code::GatewayUnreachable,
        seen,
        format!("the {} never reached a gateway, so nothing could be asked", seen.timeline.vantage.name()),
    );
    if was_answered {
        finding.severity = crate::Severity::Warning;
    }
    Some(finding)
}

fn starting(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the gateway is starting or draining and says so; pairing can wait";
    either(facts, Code::GatewayStarting, RefusalClass::Starting, &[Symptom::Starting], summary)
}

fn protocol(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "client and gateway share no protocol version; the token was not even looked at";
    either(facts, Code::ProtocolMismatch, RefusalClass::Protocol, &[Symptom::ProtocolMismatch], summary)
}

fn origin(facts: &Facts<'_>) -> Option<Finding> {
    let symptoms = [Symptom::OriginRefused, Symptom::ProxyRefused];
    let summary = "the browser's origin, or the proxy in front, is refused before pairing is looked at";
    either(facts, Code::OriginRefused, RefusalClass::Origin, &symptoms, summary)
}

fn insecure_context(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the dashboard cannot make a device key: the page is neither https nor localhost";
    let refusal = facts.refusal_code(&RefusalCode::ControlUiDeviceIdentityRequired);
    refusal.map(|refusal| refused(Code::InsecureContext, refusal, summary)).or_else(|| {
        facts.first(&[Symptom::InsecureContext]).map(|seen| on(Code::InsecureContext, seen, summary))
    })
}

fn clock(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the device signed with a time outside the gateway's window of two minutes";
    let mut finding = either(facts, Code::ClockSkew, RefusalClass::Clock, &[Symptom::ClockSkew], summary)?;
    finding.versions = Some(">=2026.2.26 (600 s in 2026.1.29)".to_owned());
    Some(finding)
}

fn identity(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "the gateway refuses the device proof itself: key, id, nonce and token must be of one connection";
    let symptoms = [Symptom::DeviceProofRefused];
    let proof = facts.evidence.refusals.iter().map(|seen| &seen.refusal).find(|refusal| {
        refusal.code.name().starts_with("DEVICE_AUTH_") && refusal.class() == RefusalClass::Identity
    });
    proof
        .map(|refusal| refused(Code::IdentityRefused, refusal, summary))
        .or_else(|| facts.first(&symptoms).map(|seen| on(Code::IdentityRefused, seen, summary)))
}

/// The gateway starts again after a request was made and before anyone decided.
pub(super) fn restart_mid_pairing(facts: &Facts<'_>) -> Option<Finding> {
    let restarts = |from: u64, device: Option<&str>| {
        let decided = facts.seen().find(|seen| {
            seen.mark.symptom == Symptom::Approved
                && (device.is_none() || seen.mark.device_id.as_deref() == device)
        });
        let until = decided.and_then(|seen| seen.mark.at_ms).unwrap_or(u64::MAX);
        let starts = facts.seen().filter(move |seen| {
            let at = seen.mark.at_ms.unwrap_or_default();
            seen.mark.symptom == Symptom::GatewayStarts && at > from && at < until
        });
        starts.collect::<Vec<_>>()
    };
    facts.asks().filter(|ask| ask.timeline.vantage == Vantage::Gateway).find_map(|ask| {
        let starts = restarts(ask.mark.at_ms?, ask.mark.device_id.as_deref());
        let start = starts.first()?;
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

/// A device that was approved is unknown again after a start.
fn pairing_lost(facts: &Facts<'_>) -> Option<Finding> {
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

fn rejected(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.first(&[Symptom::RejectedByPerson])?;
    Some(on(
        Code::RequestRejected,
        seen,
        "a person rejected the request; asking again by itself would be wrong",
    ))
}

fn split_gateway(facts: &Facts<'_>) -> Option<Finding> {
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

fn split_state(facts: &Facts<'_>) -> Option<Finding> {
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

fn whole(seen: &SeenList) -> Place {
    Place { role: PlaceRole::Decided, file: seen.name.clone(), line: 1, column: 1, span: [0, 0] }
}

/// The request is looked for among nodes, or in files that a newer gateway no longer reads.
fn other_store(facts: &Facts<'_>) -> Option<Finding> {
    let nodes = facts.evidence.timelines.iter().any(|timeline| timeline.name.contains("nodes"));
    let unknown = facts.first(&[Symptom::UnknownRequest]).filter(|_| nodes)?;
    let summary =
        "devices and nodes have separate requests: this one is a device's, so ask `devices`, not `nodes`";
    Some(on(Code::LegacyStore, unknown, summary))
}

fn store_edited(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.first(&[Symptom::StoreOverwritten])?;
    let summary = "the pairing store was edited while the gateway owns it: edits are overwritten, and from 2026.8.1 unread";
    let mut finding = on(Code::StoreEditedByHand, seen, summary);
    finding.severity = crate::Severity::Error;
    Some(finding)
}

/// Each of dashboard and CLI waits for someone to approve it, and only the other is there.
fn mutual_wait(facts: &Facts<'_>) -> Option<Finding> {
    // A client that never asks waits in a circle too, but for another reason.
    if never_asks(facts).is_some() {
        return None;
    }
    let graph = waits(facts);
    let cycle = graph.cycle()?;
    let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
    let ring = names.iter().chain(names.first()).cloned().collect::<Vec<_>>().join(" -> ");
    let mut finding = Finding::new(
        Code::MutualWait,
        Confidence::Inferred,
        format!("each waits for the other's approval: {ring}"),
    );
    finding.evidence.extend(
        graph
            .waits()
            .iter()
            .map(|wait| format!("{} waits for {}: {}", wait.waiter, wait.holder, wait.reason)),
    );
    for vantage in [Vantage::Dashboard, Vantage::Client] {
        let seen = facts.first_at(vantage, BLOCKED);
        // A dashboard keeps no log of its own: the gateway's names its device.
        let seen = seen.or_else(|| dashboard_refused(facts).filter(|_| vantage == Vantage::Dashboard));
        finding.places.extend(seen.map(Seen::place));
    }
    Some(finding)
}

/// Where the gateway's log refuses the device of a dashboard that waits in the list.
fn dashboard_refused<'a>(facts: &Facts<'a>) -> Option<Seen<'a>> {
    let waits =
        |device: &str| facts.pending().any(|request| is_dashboard(request) && request.device_id == device);
    facts.asks().find(|seen| {
        seen.timeline.vantage == Vantage::Gateway && seen.mark.device_id.as_deref().is_some_and(waits)
    })
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

fn device_token(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the device's own token is stale (rotated, revoked, or of another device); the shared token is not the problem";
    let symptoms = [Symptom::DeviceTokenMismatch];
    let mut finding = either(facts, Code::DeviceTokenFault, RefusalClass::DeviceToken, &symptoms, summary)?;
    // Older releases said "device token mismatch" for a wrong shared token too, so a shared fault beside it decides.
    if facts.has(&[Symptom::SharedTokenMismatch, Symptom::SharedTokenMissing]) {
        finding.confidence = Confidence::Inferred;
    }
    Some(finding)
}

fn shared_token(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the shared token is missing or differs; pairing is only looked at after it is right";
    let symptoms = [Symptom::SharedTokenMismatch, Symptom::SharedTokenMissing];
    if let Some(finding) =
        either(facts, Code::SharedTokenFault, RefusalClass::SharedSecret, &symptoms, summary)
    {
        return Some(finding);
    }
    let nothing = "neither a device nor a usable token was sent: an empty token counts as none";
    facts
        .refusal_code(&RefusalCode::DeviceIdentityRequired)
        .map(|refusal| refused(Code::SharedTokenFault, refusal, nothing))
        .or_else(|| {
            facts
                .first(&[Symptom::DeviceIdentityRequired])
                .map(|seen| on(Code::SharedTokenFault, seen, nothing))
        })
}

fn approver_lacks_scope(facts: &Facts<'_>) -> Option<Finding> {
    let seen = facts.seen().find(|seen| {
        seen.mark.symptom == Symptom::MissingScope && seen.mark.scope.as_deref() == Some("operator.admin")
    })?;
    let summary =
        "whoever approves needs every scope that is asked for; this approver may not grant operator.admin";
    Some(on(Code::ApproverLacksScope, seen, summary))
}

fn expired(facts: &Facts<'_>) -> Option<Finding> {
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
        let mut finding = Finding::new(Code::RequestExpired, Confidence::Observed, summary);
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

fn churn(facts: &Facts<'_>) -> Option<Finding> {
    let device = facts.waiting_device();
    let ids: BTreeSet<&str> = facts
        .asks()
        .filter(|seen| seen.mark.device_id.is_none() || seen.mark.device_id == device)
        .filter_map(|seen| seen.mark.request_id.as_deref())
        .collect();
    let unknown = facts.first(&[Symptom::UnknownRequest]);
    if ids.len() < 2 && unknown.is_none() {
        return None;
    }
    let summary = "each command asks for other scopes and so replaces the request: approve by device id, never by a remembered request id";
    let mut finding = match unknown {
        Some(seen) => on(Code::RequestIdChurn, seen, summary),
        None => Finding::new(Code::RequestIdChurn, Confidence::Observed, summary),
    };
    finding.evidence.extend(ids.iter().map(|id| format!("request {id}")));
    finding.places.extend(facts.asks().map(Seen::place));
    Some(finding)
}

fn split_identity(facts: &Facts<'_>) -> Option<Finding> {
    let (request, twin) = facts.pending().filter(|request| !request.is_repair).find_map(|request| {
        let is_twin = |device: &&crate::PairedDevice| {
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

/// An upgrade, from a refusal or a line.
fn upgrade(
    facts: &Facts<'_>,
    code: Code,
    reason: PairingReason,
    symptom: Symptom,
    summary: &str,
) -> Option<Finding> {
    let mut finding = facts
        .pairing_refusal(reason)
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
    Some(finding)
}

/// Approved, requested and needed scopes of the waiting device, where the list has them.
fn drift(facts: &Facts<'_>) -> Option<String> {
    let device = facts.waiting_device()?;
    let approved = facts.paired().find(|paired| paired.device_id == device)?.scopes;
    let requested = facts.requested();
    let needed = facts.evidence.wanted.unwrap_or(requested);
    Some(format!("device {device} has {approved}; asks for {requested}; this command needs {needed}"))
}

fn role_upgrade(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the role has no live token: it was revoked, or never approved; this stays until someone approves it again";
    upgrade(facts, Code::RoleUpgrade, PairingReason::RoleUpgrade, Symptom::RoleUpgrade, summary)
}

fn metadata_upgrade(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "platform or device family differ from those pinned at approval, so a person must look again";
    upgrade(facts, Code::MetadataUpgrade, PairingReason::MetadataUpgrade, Symptom::MetadataUpgrade, summary)
}

fn scope_upgrade(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "the device is approved for less than this command asks: the token is proven, the scopes are not";
    let code = Code::ScopeUpgrade;
    if let Some(finding) = upgrade(facts, code, PairingReason::ScopeUpgrade, Symptom::ScopeUpgrade, summary) {
        return Some(finding);
    }
    if let Some(finding) =
        either(facts, code, RefusalClass::TokenScope, &[Symptom::TokenScopeMismatch], summary)
    {
        return Some(finding);
    }
    // A known device that is refused as unpaired wants more than it has.
    let device = facts.waiting_device()?;
    let paired = facts.paired().find(|paired| paired.device_id == device)?;
    let missing = facts.requested().missing_from(paired.scopes);
    if missing.is_empty() || !facts.is_asking() {
        return None;
    }
    let mut finding = Finding::new(code, Confidence::Observed, summary);
    finding.evidence.push(format!("missing: {missing}"));
    finding.evidence.extend(drift(facts));
    Some(finding)
}

/// Local clients that the gateway takes for remote ones.
fn nat(facts: &Facts<'_>) -> Option<Finding> {
    let ask = facts.asks().find(|seen| {
        let remote = seen.mark.remote.as_deref();
        seen.timeline.vantage == Vantage::Gateway && remote.is_some_and(is_private)
    });
    if let Some(ask) = ask {
        let summary = "the request comes from a bridge address: behind it a local client looks remote, so a person must approve";
        return Some(on(Code::NatHidesLocal, ask, summary));
    }
    let is_local = facts.evidence.topology.shared_namespace;
    let ask = facts.asks().next().filter(|_| is_local && facts.is_container_remote())?;
    let summary = "this release takes no container client for local, not even in a shared namespace";
    let mut finding = on(Code::NatHidesLocal, ask, summary);
    finding.versions = Some("<2026.3.24".to_owned());
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
fn pending(facts: &Facts<'_>) -> Option<Finding> {
    if !facts.is_asking() {
        return None;
    }
    let mut finding = match facts.approver() {
        Some(approver) => {
            let summary = "the device waits for a person, and an approver is connected";
            let mut finding = Finding::new(Code::PendingApproval, Confidence::Observed, summary);
            finding.evidence.push(format!("device {} holds operator.pairing", approver.device_id));
            finding
        }
        None => {
            let summary = "the device waits for approval and no approver is in sight: the token alone opens the first gate only";
            Finding::new(Code::OwnApproverMissing, Confidence::Inferred, summary)
        }
    };
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
    let summary = if facts.is_asking() {
        "the token is right and the request that waits is another's: without a device identity this client never asks to be paired"
    } else {
        "the token is right and nothing is pending: without a device identity this client never asks to be paired"
    };
    let mut finding = on(Code::NeverAsks, seen, summary);
    finding.confidence = Confidence::Inferred;
    finding.evidence.extend(facts.first(&[Symptom::EmptyList]).map(Seen::quote));
    Some(finding)
}

fn connected_without_scope(facts: &Facts<'_>) -> Option<Finding> {
    let hello = facts.evidence.hellos.iter().find(|hello| {
        let wanted = facts.evidence.wanted.unwrap_or([Scope::Read].into());
        !wanted.missing_from(hello.granted).is_empty()
    });
    if let Some(hello) = hello {
        let summary =
            format!("the {} is connected and may do little: granted {}", hello.vantage.name(), hello.granted);
        return Some(Finding::new(Code::ConnectedWithoutScope, Confidence::Observed, summary));
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

fn list_asymmetry(facts: &Facts<'_>) -> Option<Finding> {
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

fn locked_out(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "too many failures came from one address: until the lockout ends even the right token is refused";
    let mut finding =
        either(facts, Code::LockedOut, RefusalClass::LockedOut, &[Symptom::LockedOut], summary)?;
    if let Some(wait) = facts.refusal(RefusalClass::LockedOut).and_then(|refusal| refusal.retry_after_ms) {
        finding.evidence.push(format!("the gateway asks for {} s", wait.div_ceil(1000)));
    }
    Some(finding)
}

fn paired(facts: &Facts<'_>) -> Option<Finding> {
    let device = facts.evidence.own_device.as_deref()?;
    let record = facts.paired().find(|paired| paired.device_id == device)?;
    let wanted = facts.evidence.wanted.unwrap_or_default();
    if facts.is_asking()
        || !wanted.missing_from(record.scopes).is_empty()
        || !record.has_live_role("operator")
    {
        return None;
    }
    let summary = format!("device {device} is approved with {}", record.scopes);
    Some(Finding::new(Code::Paired, Confidence::Observed, summary))
}

/// Rows that nobody has used for this long are only clutter.
const STALE_MS: u64 = 30 * 24 * 3_600_000;

fn stale_rows(facts: &Facts<'_>) -> Option<Finding> {
    let now = facts.evidence.now_ms?;
    let stale: Vec<&crate::PairedDevice> = facts
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
    let mut finding = Finding::new(Code::StaleRows, Confidence::Observed, summary);
    finding
        .evidence
        .extend(stale.iter().map(|device| format!("device {} ({})", device.device_id, device.client_id)));
    Some(finding)
}
