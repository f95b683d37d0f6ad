//! Admission's step of pairing: is the device known, does it ask for more, and may it be let in without an owner?
//! OpenClaw 2026.9.6 observed behaviour.

use super::admission::Attempt;
use super::connect::{Connect, Device};
use super::origin;
use super::pairing::Approver;
use super::proof::{Payload, pinned_form};
use super::records::{Claim, Record, Token};
use super::refusal::{PairingReason, Rejection};
use super::scopes;
use super::state::State;
use serde_json::json;

/// What the steps of pairing need to know about the attempt.
struct Pairing<'a> {
    device: &'a Device,
    payload: Payload,
    method: &'static str,
    shared_matches: bool,
}

impl Attempt<'_> {
    /// Holds the claim against the record, asks for pairing where it goes beyond it, and issues the device token.
    pub(super) fn pairing(
        &mut self,
        connect: &mut Connect,
        device: &Device,
        payload: Payload,
        method: &'static str,
        shared_matches: bool,
    ) -> Result<Option<Token>, Box<Rejection>> {
        let now = self.state.now();
        self.state.pairing.expire(now);
        if connect.client.id == "node-host" && connect.client.is_node() {
            complete_desktop_metadata(connect);
        }
        let backend = connect.client.is_backend() && self.caller.is_local && self.caller.origin.is_none();
        let paired = self.state.pairing.record(&device.id).cloned();
        if !backend {
            let pairing = Pairing { device, payload, method, shared_matches };
            match &paired {
                None => self.require(PairingReason::NotPaired, None, connect, &pairing)?,
                Some(record) => {
                    for reason in self.beyond_record(connect, record) {
                        self.require(reason, Some(record), connect, &pairing)?;
                    }
                }
            }
        }
        let remote_ip = self.remote_ip();
        self.state.pairing.seen(&device.id, connect.client.display_name.as_ref(), remote_ip.as_ref(), now);
        let State { pairing, ids, generation, .. } = &mut *self.state;
        let issuer = (method == "token" && connect.client.needs_origin()).then_some(*generation);
        Ok(pairing.issue_token(&device.id, &connect.role, &connect.scopes, issuer, ids, now))
    }

    fn beyond_record(&self, connect: &Connect, record: &Record) -> Vec<PairingReason> {
        let differs =
            |pinned: &str, claimed: &str| !pinned.is_empty() && pinned_form(pinned) != pinned_form(claimed);
        let claimed_family = connect.client.device_family.as_deref().unwrap_or_default();
        let metadata = differs(record.platform(), &connect.client.platform)
            || differs(record.device_family().unwrap_or_default(), claimed_family);
        let role = !record.effective_roles().contains(&connect.role);
        let scopes = scopes::missing(&connect.role, record.approved_scopes(), &connect.scopes).is_some();
        [
            (metadata, PairingReason::MetadataUpgrade),
            (role, PairingReason::RoleUpgrade),
            (scopes, PairingReason::ScopeUpgrade),
        ]
        .into_iter()
        .filter_map(|(beyond, reason)| beyond.then_some(reason))
        .collect()
    }

    fn require(
        &mut self,
        reason: PairingReason,
        record: Option<&Record>,
        connect: &Connect,
        pairing: &Pairing<'_>,
    ) -> Result<(), Box<Rejection>> {
        let now = self.state.now();
        let silent = self.is_silent(reason, record, connect, pairing);
        self.audit(reason, record, connect, pairing, silent);
        let claim = Claim {
            device_id: pairing.device.id.clone(),
            public_key: pairing.device.public_key.clone(),
            display_name: connect.client.display_name.clone(),
            platform: connect.client.platform.clone(),
            device_family: connect.client.device_family.clone(),
            client_id: connect.client.id.clone(),
            client_mode: connect.client.mode.clone(),
            role: connect.role.clone(),
            scopes: connect.scopes.clone(),
            remote_ip: self.remote_ip(),
        };
        let State { pairing: store, ids, .. } = &mut *self.state;
        let asked = store.ask(claim, silent, ids, now);
        for id in &asked.superseded {
            let payload =
                json!({ "requestId": id, "deviceId": pairing.device.id, "decision": "rejected", "ts": now });
            self.state.broadcast("operator.pairing", "device.pair.resolved", &payload);
        }
        if asked.request.silent {
            self.approve_silently(&asked.request.id, record, connect, now);
            return Ok(());
        }
        if asked.created {
            self.state.broadcast("operator.pairing", "device.pair.requested", &asked.request.to_json());
        }
        let ssh = reason == PairingReason::NotPaired && self.is_verified_by_ssh(connect);
        let control_ui = connect.client.is_operator_ui() && connect.role == "operator";
        if !self.state.release.explains_pairing() {
            return Err(pairing_required_in_a_word(reason, &asked.request.id));
        }
        Err(pairing_required(
            reason,
            record,
            connect,
            &asked.request.id,
            &pairing.device.id,
            ssh || control_ui,
        ))
    }

    fn approve_silently(&mut self, request_id: &str, record: Option<&Record>, connect: &Connect, now: u64) {
        let held = record.map_or(&[] as &[String], Record::approved_scopes);
        let authority = scopes::union(&connect.scopes, held);
        let approver = Approver { scopes: &authority, via: "silent", seen: true };
        let State { pairing: store, ids, .. } = &mut *self.state;
        // A silent request carries no more than its own scopes and those of the record.
        let Ok(record) = store.approve(request_id, &approver, ids, now) else { return };
        let (device_id, role) = (record.device_id(), record.role());
        self.state.log("gateway", &format!("device pairing auto-approved device={device_id} role={role}"));
        let payload =
            json!({ "requestId": request_id, "deviceId": device_id, "decision": "approved", "ts": now });
        self.state.broadcast("operator.pairing", "device.pair.resolved", &payload);
        let connected: Vec<String> = self
            .state
            .connections
            .values()
            .filter_map(|open| open.session.as_ref()?.device_id.clone())
            .collect();
        for pruned in self.state.pairing.prune(&record, &connected, now) {
            let (device_id, roles) = (pruned.device_id(), pruned.roles().join(","));
            self.state.log(
                "gateway",
                &format!("device pairing pruned superseded silent pairing device={device_id} roles={roles}"),
            );
        }
    }

    /// May a request be approved without an owner?
    fn is_silent(
        &self,
        reason: PairingReason,
        record: Option<&Record>,
        connect: &Connect,
        pairing: &Pairing<'_>,
    ) -> bool {
        let browser = self.caller.origin.is_some();
        let web_ui = connect.client.is_operator_ui() || connect.client.is_webchat();
        if record.is_some() && connect.role != "operator" {
            return false;
        }
        if !(self.caller.is_local || self.is_browser_through_published_port(connect, pairing))
            || (browser && !web_ui)
        {
            return false;
        }
        match reason {
            PairingReason::MetadataUpgrade => false,
            PairingReason::ScopeUpgrade => self.state.policy.auto_approve_local && pairing.method == "token",
            PairingReason::NotPaired | PairingReason::RoleUpgrade => self.state.policy.auto_approve_local,
        }
    }

    /// A browser on the Docker host reaches the gateway from the bridge's own address, under a loopback name.
    fn is_browser_through_published_port(&self, connect: &Connect, pairing: &Pairing<'_>) -> bool {
        connect.client.id == "openclaw-control-ui"
            && connect.client.mode == "webchat"
            && pairing.shared_matches
            && pairing.method == "token"
            && origin::is_private(self.address())
            && origin::is_loopback(origin::host_name(&self.caller.host))
            && self
                .caller
                .origin
                .as_deref()
                .and_then(origin::origin_host_name)
                .is_some_and(|host| origin::is_loopback(&host))
    }

    /// For a new node without scopes the gateway tries SSH back to the node before an owner is asked.
    fn is_verified_by_ssh(&self, connect: &Connect) -> bool {
        connect.role == "node"
            && connect.scopes.is_empty()
            && !self.caller.is_local
            && self.caller.origin.is_none()
            && origin::is_private(self.address())
    }

    fn audit(
        &mut self,
        reason: PairingReason,
        record: Option<&Record>,
        connect: &Connect,
        pairing: &Pairing<'_>,
        silent: bool,
    ) {
        let Some(record) = record else { return };
        let (device_id, ip) = (&pairing.device.id, self.remote_ip().unwrap_or_else(|| "unknown-ip".into()));
        let (client, conn, auth) = (&connect.client.id, &self.caller.id, pairing.method);
        let line = match reason {
            PairingReason::NotPaired => return,
            PairingReason::MetadataUpgrade if silent => return,
            PairingReason::MetadataUpgrade => format!(
                "security audit: device metadata upgrade requested reason=metadata-upgrade device={device_id} ip={ip} \
                 auth={auth} payload={} claimedPlatform={} pinnedPlatform={} claimedDeviceFamily={} pinnedDeviceFamily={} \
                 client={client} conn={conn}",
                pairing.payload.name(),
                connect.client.platform,
                record.platform(),
                connect.client.device_family.as_deref().unwrap_or("<none>"),
                record.device_family().unwrap_or("<none>"),
            ),
            PairingReason::RoleUpgrade | PairingReason::ScopeUpgrade => format!(
                "security audit: device access upgrade requested reason={} device={device_id} ip={ip} auth={auth} \
                 roleFrom={} roleTo={} scopesFrom={} scopesTo={} client={client} conn={conn}",
                reason.words().0,
                sorted(&record.effective_roles()),
                connect.role,
                sorted(record.approved_scopes()),
                sorted(&connect.scopes),
            ),
        };
        self.state.log("gateway", &line);
    }
}

fn pairing_required(
    reason: PairingReason,
    record: Option<&Record>,
    connect: &Connect,
    request_id: &str,
    device_id: &str,
    wait: bool,
) -> Box<Rejection> {
    let (name, tail, hint) = reason.words();
    let mut refusal =
        Rejection::new("NOT_PAIRED", format!("pairing required: {tail}"), 1008, "pairing-required")
            .closing_with(format!("pairing required: {tail} (requestId: {request_id})"))
            .detail("code", "PAIRING_REQUIRED")
            .detail("reason", name)
            .detail("requestId", request_id)
            .detail("remediationHint", hint)
            .detail("deviceId", device_id)
            .detail("requestedRole", connect.role.as_str())
            .fact("deviceId", device_id)
            .fact("requestId", request_id)
            .fact("reason", name);
    if wait {
        refusal = refusal
            .detail("recommendedNextStep", "wait_then_retry")
            .detail("retryable", true)
            .detail("pauseReconnect", false);
    }
    if !connect.scopes.is_empty() {
        refusal = refusal.detail("requestedScopes", connect.scopes.clone());
    }
    if let Some(record) = record {
        refusal = refusal.detail("approvedRoles", record.roles().to_vec());
        if !record.approved_scopes().is_empty() {
            let mut approved = record.approved_scopes().to_vec();
            approved.sort();
            refusal = refusal.detail("approvedScopes", approved);
        }
    }
    refusal
}

/// What a release says that does not explain it.
fn pairing_required_in_a_word(reason: PairingReason, request_id: &str) -> Box<Rejection> {
    let (name, ..) = reason.words();
    Rejection::new("NOT_PAIRED", "pairing required", 1008, "pairing-required")
        .detail("code", "PAIRING_REQUIRED")
        .detail("reason", name)
        .detail("requestId", request_id)
}

/// A node host that leaves its family out gets the one of its platform.
fn complete_desktop_metadata(connect: &mut Connect) {
    let (platform, family) = match connect.client.platform.as_str() {
        "linux" => ("linux", "Linux"),
        "darwin" | "macos" => ("macos", "Mac"),
        "win32" | "windows" => ("windows", "Windows"),
        _ => return,
    };
    if connect.client.device_family.is_none() {
        platform.clone_into(&mut connect.client.platform);
        connect.client.device_family = Some(family.to_owned());
    }
}

fn sorted(list: &[String]) -> String {
    let mut list = list.to_vec();
    list.sort();
    if list.is_empty() { "<none>".to_owned() } else { list.join(",") }
}
