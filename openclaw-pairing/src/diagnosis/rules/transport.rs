//! What lies beneath pairing: transport, life, protocol, origin, clock, proof and tokens. While one of these is wrong,
//! pairing is not even looked at.

use super::super::facts::Facts;
use super::super::seen::{SHARED_SECRET, Seen};
use super::{either, on};
use crate::codes::{Code, Severity};
use crate::evidence::SeenSilence;
use crate::finding::{Confidence, Finding, Subject};
use crate::timeline::Symptom;
use crate::vantage::Vantage;

pub(super) fn unreachable(facts: &Facts<'_>) -> Option<Finding> {
    let mut finding = match shut_out(facts) {
        Some((seen, summary)) => on(Code::GatewayUnreachable, seen, summary),
        None => {
            let SeenSilence { vantage, transport } = facts.evidence.silences.first()?;
            let mut finding = Finding::new(Code::GatewayUnreachable, never_reached(*vantage));
            finding.evidence.push(transport.clone());
            finding.about(Subject::Vantage(*vantage))
        }
    };
    // Anything that a gateway said, to anyone, makes this one client's fault and not the first cause of a pairing. A gateway
    // that does not run has said nothing lately, whatever its store holds.
    let was_answered =
        facts.is_asking() || facts.has(&[Symptom::MissingScope]) || !facts.evidence.hellos.is_empty();
    if was_answered && !facts.is_gateway_down() {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

/// What keeps a command from reaching a gateway: the outermost first.
fn shut_out<'a>(facts: &Facts<'a>) -> Option<(Seen<'a>, String)> {
    if let Some(seen) = facts.first(&[Symptom::NoEngine]) {
        let summary =
            "no command gets into the containers: no engine answers, or this is not the stack's directory";
        return Some((seen, summary.to_owned()));
    }
    let stopped = |vantage: Vantage| facts.first_at(vantage, &[Symptom::NotRunning]);
    if let Some(seen) = stopped(Vantage::Gateway) {
        return Some((seen, "the gateway's container does not run, so nothing can be asked".to_owned()));
    }
    if let Some(seen) = stopped(Vantage::Client) {
        return Some((
            seen,
            "the client's container does not run, so nothing can be asked from there".to_owned(),
        ));
    }
    if let Some(seen) = facts.first(&[Symptom::PlaintextRefused]) {
        let whom = seen.timeline.vantage.name();
        let summary = format!(
            "the {whom} itself refuses to send a credential over plain ws:// to an address that is not loopback, and never dialled"
        );
        return Some((seen, summary));
    }
    let seen = facts.first(&[Symptom::Unreachable])?;
    Some((seen, never_reached(seen.timeline.vantage)))
}

fn never_reached(vantage: Vantage) -> String {
    format!("the {} never reached a gateway, so nothing could be asked", vantage.name())
}

pub(super) fn starting(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the gateway is starting or draining and says so; pairing can wait";
    either(facts, Code::GatewayStarting, &[Symptom::Starting], summary)
}

pub(super) fn protocol(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "client and gateway share no protocol version; the token was not even looked at";
    either(facts, Code::ProtocolMismatch, &[Symptom::ProtocolMismatch], summary)
}

/// Since 2026.8.1 what an unknown proxy passes on is refused; before, its clients only never counted as local.
pub(super) fn proxy(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the gateway cannot tell for whom the proxy in front speaks, and refuses what it passes on";
    either(facts, Code::ProxyUntrusted, &[Symptom::ProxyRefused], summary).or_else(|| {
        let seen = facts.first(&[Symptom::ProxyIgnored])?;
        let summary = "the gateway does not believe what the proxy in front says of its clients: none of them counts as local";
        let mut finding = on(Code::ProxyUntrusted, seen, summary);
        finding.severity = Severity::Warning;
        Some(finding)
    })
}

pub(super) fn origin(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the browser's origin is refused before pairing is looked at";
    either(facts, Code::OriginRefused, &[Symptom::OriginRefused], summary)
}

pub(super) fn insecure_context(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the dashboard cannot make a device key: the page is neither https nor localhost";
    either(facts, Code::InsecureContext, &[Symptom::InsecureContext], summary)
}

pub(super) fn clock(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the device signed with a time outside the gateway's window of two minutes";
    let mut finding = either(facts, Code::ClockSkew, &[Symptom::ClockSkew], summary)?;
    finding.versions = Some(">=2026.2.22 (600 s before)".to_owned());
    Some(finding)
}

pub(super) fn identity(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "the gateway refuses the device proof itself: key, id, nonce and token must be of one connection";
    either(facts, Code::IdentityRefused, &[Symptom::DeviceProofRefused], summary)
}

pub(super) fn device_token(facts: &Facts<'_>) -> Option<Finding> {
    let summary = "the device's own token is stale (rotated, revoked, or of another device); the shared token is not the problem";
    let symptoms = [Symptom::DeviceTokenMismatch];
    let mut finding = either(facts, Code::DeviceTokenFault, &symptoms, summary)?;
    // Older releases said "device token mismatch" for a wrong shared token too, so a shared fault beside it decides.
    if facts.has(SHARED_SECRET) {
        finding.confidence = Confidence::Inferred;
    }
    Some(finding)
}

pub(super) fn shared_token(facts: &Facts<'_>) -> Option<Finding> {
    let summary = if facts.asks_for_password() {
        "the gateway asks for a password, and the right one was not sent; pairing is only looked at after it is right"
    } else {
        "the shared token is missing or differs; pairing is only looked at after it is right"
    };
    if let Some(finding) = either(facts, Code::SharedTokenFault, SHARED_SECRET, summary) {
        return Some(finding.with_lines(SHARED_SECRET));
    }
    let nothing = "neither a device nor a usable token was sent: an empty token counts as none";
    either(facts, Code::SharedTokenFault, &[Symptom::DeviceIdentityRequired], nothing)
}

pub(super) fn locked_out(facts: &Facts<'_>) -> Option<Finding> {
    let summary =
        "too many failures came from one address: until the lockout ends even the right token is refused";
    let mut finding = either(facts, Code::LockedOut, &[Symptom::LockedOut], summary)?;
    if let Some(wait) = facts.refusal(&[Symptom::LockedOut]).and_then(|refusal| refusal.retry_after_ms) {
        finding.evidence.push(format!("the gateway asks for {} s", wait.div_ceil(1000)));
    }
    Some(finding)
}
