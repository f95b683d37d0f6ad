//! What the pairing store holds: who asked, who was let in, and with which token; and how each is listed.
//! OpenClaw 2026.9.6 observed behaviour.

use super::scopes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a client says about itself when it asks to be paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) device_id: String,
    pub(super) public_key: String,
    pub(super) display_name: Option<String>,
    pub(super) platform: String,
    pub(super) device_family: Option<String>,
    pub(super) client_id: String,
    pub(super) client_mode: String,
    pub(super) role: String,
    pub(super) scopes: Vec<String>,
    pub(super) remote_ip: Option<String>,
}

/// A request that waits for approval.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) claim: Claim,
    pub(super) roles: Vec<String>,
    pub(super) silent: bool,
    pub(super) repair: bool,
    pub(super) ts: u64,
    pub(super) refreshed_at: Option<u64>,
}

/// A paired device.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) claim: Claim,
    pub(super) roles: Vec<String>,
    /// `claim.scopes` holds what was approved.
    pub(super) label: Option<String>,
    pub(super) approved_via: &'static str,
    pub(super) created_at: u64,
    pub(super) approved_at: u64,
    pub(super) last_seen: Option<(u64, &'static str)>,
    pub(super) tokens: BTreeMap<String, Token>,
}

/// The token of one role. No `Debug`: it holds a secret.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: String,
    pub(super) scopes: Vec<String>,
    pub(super) created_at: u64,
    pub(super) rotated_at: Option<u64>,
    pub(super) last_used_at: Option<u64>,
    pub(super) revoked_at: Option<u64>,
    /// A browser's token falls with the shared secret that let it in; this is the secret's generation.
    pub(super) issuer: Option<u64>,
}

impl Request {
    pub(super) fn covers(&self, claim: &Claim) -> bool {
        self.claim.role == claim.role
            && self.roles.contains(&claim.role)
            && scopes::missing(&claim.role, &self.claim.scopes, &claim.scopes).is_none()
    }

    pub(super) fn renewed(&self, claim: Claim, silent: bool, repair: bool, now: u64) -> Self {
        Self {
            id: self.id.clone(),
            roles: self.roles.clone(),
            silent: self.silent && silent,
            repair: self.repair || repair,
            ts: self.ts,
            refreshed_at: Some(now),
            claim: Claim {
                scopes: self.claim.scopes.clone(),
                display_name: claim.display_name.or_else(|| self.claim.display_name.clone()),
                device_family: claim.device_family.or_else(|| self.claim.device_family.clone()),
                remote_ip: claim.remote_ip.or_else(|| self.claim.remote_ip.clone()),
                ..claim
            },
        }
    }

    pub(super) fn needs_admin(&self) -> bool {
        self.roles.iter().any(|role| role != "operator")
    }

    /// As listed and as broadcast.
    pub(super) fn to_json(&self) -> Value {
        let mut object = self.claim.to_json(&self.roles);
        object.insert("requestId".into(), json!(self.id));
        object.insert("silent".into(), json!(self.silent));
        object.insert("isRepair".into(), json!(self.repair));
        object.insert("ts".into(), json!(self.ts));
        Value::Object(object)
    }
}

impl Record {
    pub(super) fn device_id(&self) -> &str {
        &self.claim.device_id
    }

    pub(super) fn role(&self) -> &str {
        &self.claim.role
    }

    pub(super) fn roles(&self) -> &[String] {
        &self.roles
    }

    pub(super) fn approved_scopes(&self) -> &[String] {
        &self.claim.scopes
    }

    /// Roles with a token that has not been revoked.
    pub(super) fn effective_roles(&self) -> Vec<String> {
        let live = |role: &&String| self.tokens.get(*role).is_some_and(|token| token.revoked_at.is_none());
        self.roles.iter().filter(live).cloned().collect()
    }

    pub(super) fn platform(&self) -> &str {
        &self.claim.platform
    }

    pub(super) fn device_family(&self) -> Option<&str> {
        self.claim.device_family.as_deref()
    }

    pub(super) fn cluster(&self) -> (String, String, String) {
        let form = |text: &str| text.trim().to_lowercase();
        let name = self.claim.display_name.as_deref().unwrap_or_default();
        (form(&self.claim.client_id), form(&self.claim.client_mode), form(name))
    }

    /// As listed: no secrets.
    pub(super) fn to_json(&self, connected: Option<bool>) -> Value {
        let mut object = self.claim.to_json(&self.roles);
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(name.to_owned(), value);
            }
        };
        put("operatorLabel", self.label.as_ref().map(|label| json!(label)));
        put("approvedVia", Some(json!(self.approved_via)));
        put("createdAtMs", Some(json!(self.created_at)));
        put("approvedAtMs", Some(json!(self.approved_at)));
        put("lastSeenAtMs", self.last_seen.map(|(at, _)| json!(at)));
        put("lastSeenReason", self.last_seen.map(|(_, reason)| json!(reason)));
        put("connected", connected.map(|connected| json!(connected)));
        put("tokens", Some(self.tokens.iter().map(|(role, token)| token.to_json(role)).collect()));
        Value::Object(object)
    }
}

impl Token {
    pub(super) fn replacing(before: Option<&Self>, secret: String, scopes: Vec<String>, now: u64) -> Self {
        Self {
            secret,
            scopes,
            created_at: before.map_or(now, |token| token.created_at),
            rotated_at: before.map(|_| now),
            last_used_at: before.and_then(|token| token.last_used_at),
            revoked_at: None,
            issuer: before.and_then(|token| token.issuer),
        }
    }

    pub(super) fn issued_at(&self) -> u64 {
        self.rotated_at.unwrap_or(self.created_at)
    }

    fn to_json(&self, role: &str) -> Value {
        let mut object = Map::new();
        object.insert("role".into(), json!(role));
        object.insert("scopes".into(), json!(self.scopes));
        object.insert("createdAtMs".into(), json!(self.created_at));
        for (name, at) in [
            ("rotatedAtMs", self.rotated_at),
            ("lastUsedAtMs", self.last_used_at),
            ("revokedAtMs", self.revoked_at),
        ] {
            if let Some(at) = at {
                object.insert(name.into(), json!(at));
            }
        }
        Value::Object(object)
    }
}

impl Claim {
    fn to_json(&self, roles: &[String]) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, value) in [
            ("deviceId", Some(&self.device_id)),
            ("publicKey", Some(&self.public_key)),
            ("displayName", self.display_name.as_ref()),
            ("platform", Some(&self.platform)),
            ("deviceFamily", self.device_family.as_ref()),
            ("clientId", Some(&self.client_id)),
            ("clientMode", Some(&self.client_mode)),
            ("role", Some(&self.role)),
            ("remoteIp", self.remote_ip.as_ref()),
        ] {
            if let Some(value) = value {
                object.insert(name.to_owned(), json!(value));
            }
        }
        object.insert("roles".into(), json!(roles));
        object.insert("scopes".into(), json!(self.scopes));
        object
    }
}
