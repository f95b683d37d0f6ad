//! The pairing store: asking, approving, and the tokens that come of it. OpenClaw 2026.9.6 observed behaviour.

use super::encoding::Ids;
use super::records::{Claim, Record, Request, Token};
use super::scopes;
use std::collections::BTreeMap;

/// A request that nobody renews for this long is gone.
const REQUEST_TTL_MS: u64 = 300_000;

/// A silently approved sibling younger than this is left alone.
const PRUNE_GRACE_MS: u64 = 60_000;

/// Everything that survives a restart. A caller may keep it from one gateway and give it to the next, as a volume would.
#[derive(Clone, Default)]
pub struct PairingState {
    pending: BTreeMap<String, Request>,
    paired: BTreeMap<String, Record>,
}

impl std::fmt::Debug for PairingState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingState")
            .field("pending", &self.pending.keys())
            .field("paired", &self.paired.keys())
            .finish()
    }
}

/// What became of a request for pairing.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) created: bool,
    /// Ids that this request replaced.
    pub(super) superseded: Vec<String>,
}

/// Why an approval was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotApproved {
    Unknown,
    MissingScope(String),
}

/// Why a device token was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenFlaw {
    Mismatch,
    Scope,
}

impl PairingState {
    /// Forgets requests that have run out. Called before every other operation.
    pub(super) fn expire(&mut self, now: u64) {
        self.pending.retain(|_, request| {
            now.saturating_sub(request.refreshed_at.unwrap_or(request.ts)) <= REQUEST_TTL_MS
        });
    }

    pub(super) fn request(&self, id: &str) -> Option<&Request> {
        self.pending.get(id)
    }

    pub(super) fn record(&self, device_id: &str) -> Option<&Record> {
        self.paired.get(device_id)
    }

    /// Newest first, as listed.
    pub(super) fn requests(&self) -> Vec<&Request> {
        let mut requests: Vec<&Request> = self.pending.values().collect();
        requests.sort_by_key(|request| std::cmp::Reverse(request.ts));
        requests
    }

    /// Newest first, as listed.
    pub(super) fn records(&self) -> Vec<&Record> {
        let mut records: Vec<&Record> = self.paired.values().collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.approved_at));
        records
    }

    /// Renews the device's request when it covers this one, otherwise replaces all of them by one new request that asks for
    /// everything asked so far.
    pub(super) fn ask(&mut self, claim: Claim, silent: bool, ids: &mut Ids, now: u64) -> Asked {
        let repair = self.paired.contains_key(&claim.device_id);
        let mut earlier: Vec<Request> = self
            .pending
            .values()
            .filter(|request| request.claim.device_id == claim.device_id)
            .cloned()
            .collect();
        earlier.sort_by_key(|request| std::cmp::Reverse(request.ts));
        if let [only] = earlier.as_slice()
            && only.covers(&claim)
        {
            let request = only.renewed(claim, silent, repair, now);
            self.pending.insert(request.id.clone(), request.clone());
            return Asked { request, created: false, superseded: Vec::new() };
        }
        let mut roles = Vec::new();
        let mut wanted = Vec::new();
        for request in &earlier {
            roles = scopes::union(&roles, &request.roles);
            wanted = scopes::union(&wanted, &request.claim.scopes);
            self.pending.remove(&request.id);
        }
        let request = Request {
            id: ids.uuid(),
            roles: scopes::union(&roles, std::slice::from_ref(&claim.role)),
            claim: Claim { scopes: scopes::union(&wanted, &claim.scopes), ..claim },
            silent: silent && earlier.iter().all(|request| request.silent),
            repair,
            ts: now,
            refreshed_at: None,
        };
        self.pending.insert(request.id.clone(), request.clone());
        Asked { request, created: true, superseded: earlier.into_iter().map(|request| request.id).collect() }
    }

    /// Turns a request into a record with one token per requested role.
    pub(super) fn approve(
        &mut self,
        id: &str,
        approver: &Approver<'_>,
        ids: &mut Ids,
        now: u64,
    ) -> Result<Record, NotApproved> {
        let request = self.pending.get(id).ok_or(NotApproved::Unknown)?.clone();
        let existing = self.paired.get(&request.claim.device_id);
        let approved = existing.map_or(Vec::new(), |record| record.claim.scopes.clone());
        let mut tokens = existing.map_or_else(BTreeMap::new, |record| record.tokens.clone());
        for role in &request.roles {
            let before = tokens.get(role);
            let next = next_token_scopes(role, &request.claim.scopes, &approved, before);
            if role == "operator" && !next.is_empty() {
                let required = scopes::union(&of_role(role, &request.claim.scopes), &next);
                if let Some(scope) = scopes::missing("operator", approver.scopes, &required) {
                    return Err(NotApproved::MissingScope(scope.to_owned()));
                }
            }
            let token = Token {
                secret: ids.device_token(),
                scopes: next,
                created_at: before.map_or(now, |token| token.created_at),
                rotated_at: before.map(|_| now),
                last_used_at: before.and_then(|token| token.last_used_at),
                revoked_at: None,
                issuer: before.and_then(|token| token.issuer),
            };
            tokens.insert(role.clone(), token);
        }
        let via = match existing.map(|record| record.approved_via) {
            Some("owner") => "owner",
            _ => approver.via,
        };
        let record = Record {
            roles: scopes::union(&existing.map_or(Vec::new(), |record| record.roles.clone()), &request.roles),
            label: existing.and_then(|record| record.label.clone()),
            approved_via: via,
            created_at: existing.map_or(now, |record| record.created_at),
            approved_at: now,
            last_seen: approver
                .seen
                .then_some((now, "connect"))
                .or_else(|| existing.and_then(|record| record.last_seen)),
            tokens,
            claim: Claim { scopes: scopes::union(&approved, &request.claim.scopes), ..request.claim },
        };
        self.pending.remove(id);
        self.paired.insert(record.claim.device_id.clone(), record.clone());
        Ok(record)
    }

    pub(super) fn reject(&mut self, id: &str) -> Option<Request> {
        self.pending.remove(id)
    }

    /// Removes a device and whatever it still asks for.
    pub(super) fn remove(&mut self, device_id: &str) -> Option<Record> {
        let record = self.paired.remove(device_id)?;
        self.pending.retain(|_, request| request.claim.device_id != device_id);
        Some(record)
    }

    pub(super) fn rename(&mut self, device_id: &str, label: &str) -> bool {
        self.paired.get_mut(device_id).map(|record| record.label = Some(label.to_owned())).is_some()
    }

    /// Removes older silent pairings of the same client, which a client with a throw-away state directory leaves behind.
    pub(super) fn prune(&mut self, anchor: &Record, connected: &[String], now: u64) -> Vec<Record> {
        if anchor.approved_via != "silent" {
            return Vec::new();
        }
        let stale: Vec<String> = self
            .paired
            .values()
            .filter(|record| {
                record.claim.device_id != anchor.claim.device_id
                    && record.approved_via == "silent"
                    && record.cluster() == anchor.cluster()
                    && now.saturating_sub(record.approved_at) >= PRUNE_GRACE_MS
                    && !connected.contains(&record.claim.device_id)
            })
            .map(|record| record.claim.device_id.clone())
            .collect();
        stale.iter().filter_map(|device_id| self.remove(device_id)).collect()
    }

    /// Is this the live token of the device for this role, and does it carry these scopes?
    pub(super) fn check_token(
        &mut self,
        device_id: &str,
        role: &str,
        secret: &str,
        wanted: &[String],
        generation: u64,
        now: u64,
    ) -> Result<(), TokenFlaw> {
        let record = self.paired.get_mut(device_id).ok_or(TokenFlaw::Mismatch)?;
        let token = record.tokens.get_mut(role).ok_or(TokenFlaw::Mismatch)?;
        let withdrawn = token.revoked_at.is_some() || token.issuer.is_some_and(|issuer| issuer != generation);
        if withdrawn || !super::same_secret(&token.secret, secret) {
            return Err(TokenFlaw::Mismatch);
        }
        if scopes::missing(role, &token.scopes, &scopes::token_form(wanted)).is_some() {
            return Err(TokenFlaw::Scope);
        }
        token.last_used_at = Some(now);
        record.last_seen = Some((now, "device-token-auth"));
        Ok(())
    }

    /// The token that a hello hands out: the live one if it covers the scopes, else a new one.
    pub(super) fn issue_token(
        &mut self,
        device_id: &str,
        role: &str,
        wanted: &[String],
        issuer: Option<u64>,
        ids: &mut Ids,
        now: u64,
    ) -> Option<Token> {
        let record = self.paired.get_mut(device_id)?;
        let wanted = scopes::token_form(wanted);
        let allowed = record.roles.iter().any(|approved| approved == role)
            && scopes::missing(role, &record.claim.scopes, &wanted).is_none();
        if !allowed {
            return None;
        }
        let before = record.tokens.get(role);
        if let Some(token) = before
            && token.revoked_at.is_none()
            && token.issuer == issuer
            && scopes::missing(role, &token.scopes, &wanted).is_none()
        {
            return Some(token.clone());
        }
        let mut token = Token::replacing(before, ids.device_token(), wanted, now);
        token.issuer = issuer;
        record.tokens.insert(role.to_owned(), token.clone());
        Some(token)
    }

    /// Replaces a role token; `Err` holds the reason that the log line gives.
    pub(super) fn rotate(
        &mut self,
        device_id: &str,
        role: &str,
        wanted: Option<Vec<String>>,
        caller: &[String],
        ids: &mut Ids,
        now: u64,
    ) -> Result<Token, &'static str> {
        let record =
            self.paired.get_mut(device_id).filter(|record| record.roles.iter().any(|held| held == role));
        let record = record.ok_or("unknown-device-or-role")?;
        let before = record.tokens.get(role);
        let wanted = wanted.or_else(|| before.map(|token| token.scopes.clone()));
        let wanted = scopes::token_form(&wanted.unwrap_or_else(|| record.claim.scopes.clone()));
        if scopes::missing(role, &record.claim.scopes, &wanted).is_some() {
            return Err("scope-outside-approved-baseline");
        }
        if role == "operator" && scopes::missing(role, caller, &wanted).is_some() {
            return Err("caller-missing-scope");
        }
        let mut token = Token::replacing(before, ids.device_token(), wanted, now);
        token.rotated_at = Some(now);
        record.tokens.insert(role.to_owned(), token.clone());
        Ok(token)
    }

    /// Revokes a role token and says when.
    pub(super) fn revoke(
        &mut self,
        device_id: &str,
        role: &str,
        caller: &[String],
        now: u64,
    ) -> Result<u64, &'static str> {
        let record = self.paired.get_mut(device_id).ok_or("unknown-device-or-role")?;
        let token = record.tokens.get_mut(role).ok_or("unknown-device-or-role")?;
        if role == "operator" && scopes::missing(role, caller, &token.scopes).is_some() {
            return Err("caller-missing-scope");
        }
        token.revoked_at = Some(now);
        Ok(now)
    }

    /// Notes that a paired device connected.
    pub(super) fn seen(
        &mut self,
        device_id: &str,
        display_name: Option<&String>,
        remote_ip: Option<&String>,
        now: u64,
    ) {
        if let Some(record) = self.paired.get_mut(device_id) {
            record.last_seen = Some((now, "connect"));
            record.claim.display_name = display_name.cloned().or_else(|| record.claim.display_name.take());
            record.claim.remote_ip = remote_ip.cloned().or_else(|| record.claim.remote_ip.take());
        }
    }
}

/// On whose authority an approval is made.
#[derive(Debug)]
pub(super) struct Approver<'a> {
    pub(super) scopes: &'a [String],
    pub(super) via: &'static str,
    /// The device itself is connecting right now.
    pub(super) seen: bool,
}

fn of_role(role: &str, wanted: &[String]) -> Vec<String> {
    let own = |scope: &&String| scope.starts_with("operator.") == (role == "operator");
    scopes::token_form(&wanted.iter().filter(own).cloned().collect::<Vec<_>>())
}

/// An approval adds to a role token what the request adds to the approved scopes, and nothing else.
fn next_token_scopes(
    role: &str,
    wanted: &[String],
    approved: &[String],
    before: Option<&Token>,
) -> Vec<String> {
    let wanted = of_role(role, wanted);
    let Some(before) = before else {
        return if wanted.is_empty() { of_role(role, approved) } else { wanted };
    };
    let baseline = of_role(role, approved);
    let added: Vec<String> =
        wanted.iter().filter(|scope| baseline.is_empty() || !baseline.contains(scope)).cloned().collect();
    of_role(role, &scopes::union(&before.scopes, &added))
}
