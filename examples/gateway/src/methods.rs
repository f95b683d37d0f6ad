//! Requests after the hello: pairing, tokens, health. OpenClaw 2026.9.6 observed behaviour.

use super::pairing::{Approver, NotApproved};
use super::schema::{self, Shape};
use super::scopes;
use super::state::{Phase, Push, Session, State};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// One method: its name, the scope it needs, the shape of its parameters, and what it does.
struct Method {
    name: &'static str,
    /// `None`: any session may call it.
    scope: Option<&'static str>,
    params: Shape,
    run: fn(&mut Call<'_>) -> Result<Value, Value>,
}

const PAIRING: Option<&str> = Some("operator.pairing");
const READ: Option<&str> = Some("operator.read");

const METHODS: &[Method] = &[
    Method { name: "health", scope: None, params: Shape::Any, run: health },
    Method { name: "status", scope: READ, params: Shape::Any, run: status },
    Method { name: "config.get", scope: READ, params: schema::NOTHING, run: config_get },
    Method { name: "device.pair.list", scope: PAIRING, params: schema::NOTHING, run: list },
    Method { name: "device.pair.approve", scope: PAIRING, params: schema::BY_REQUEST, run: approve },
    Method { name: "device.pair.reject", scope: PAIRING, params: schema::BY_REQUEST, run: reject },
    Method { name: "device.pair.remove", scope: PAIRING, params: schema::BY_DEVICE, run: remove },
    Method { name: "device.pair.rename", scope: PAIRING, params: schema::RENAME, run: rename },
    Method { name: "device.token.rotate", scope: PAIRING, params: schema::ROTATE, run: rotate },
    Method { name: "device.token.revoke", scope: PAIRING, params: schema::REVOKE, run: revoke },
];

/// Names for the hello.
pub(super) fn names() -> Vec<&'static str> {
    METHODS.iter().map(|method| method.name).collect()
}

/// Answers one frame of an authenticated connection. Events and closes that follow from it are queued with the answer.
pub(super) fn answer(state: &mut State, connection: &str, frame: &Value) {
    if let Some(complaint) = schema::complaint(frame, &schema::REQUEST) {
        let id = frame.get("id").cloned().unwrap_or_else(|| json!("invalid"));
        let error = invalid(&format!("invalid request frame: {complaint}"));
        state.push(connection, Push::Frame(json!({ "type": "res", "id": id, "ok": false, "error": error })));
        return;
    }
    let Some(session) = state.connections.get(connection).and_then(|open| open.session.clone()) else {
        return;
    };
    let text = |name: &str| frame.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (id, name) = (text("id"), text("method"));
    let params = frame.get("params").cloned().unwrap_or(Value::Null);
    let mut call = Call { state, session, params, closes: None };
    let answer = call.dispatch(&name);
    let closes = call.closes.take();
    let frame = match answer {
        Ok(payload) => json!({ "type": "res", "id": id, "ok": true, "payload": payload }),
        Err(error) => {
            let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            let line = format!(
                "⇄ res ✗ {name} 0ms errorCode={} errorMessage={} conn={} id={id}",
                field("code"),
                field("message"),
                short(connection),
            );
            state.log("ws", &line);
            json!({ "type": "res", "id": id, "ok": false, "error": error })
        }
    };
    state.push(connection, Push::Frame(frame));
    if let Some((device_id, role)) = closes {
        state.close_where(4001, "device removed", |session| {
            session.device_id.as_deref() == Some(device_id.as_str())
                && role.as_ref().is_none_or(|role| *role == session.role)
        });
    }
}

struct Call<'a> {
    state: &'a mut State,
    session: Session,
    params: Value,
    /// Sessions to close once the answer is on its way: those of a device, or only those in one of its roles.
    closes: Option<(String, Option<String>)>,
}

impl Call<'_> {
    fn dispatch(&mut self, name: &str) -> Result<Value, Value> {
        let method = METHODS.iter().find(|method| method.name == name);
        // What nobody declared needs the highest scope, and only then is it said not to exist.
        let scope = method.map_or(Some("operator.admin"), |method| method.scope);
        if self.session.role != "operator" && scope.is_some() {
            return Err(invalid(&format!("unauthorized role: {}", self.session.role)));
        }
        if let Some(scope) = scope
            && !scopes::covers("operator", &self.session.scopes, scope)
        {
            if !self.state.release.is_of_august() {
                return Err(invalid(&format!("missing scope: {scope}")));
            }
            return Err(json!({
                "code": "FORBIDDEN", "message": format!("missing scope: {scope}"),
                "details": { "code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": [scope] }
            }));
        }
        let Some(method) = method else { return Err(invalid(&format!("unknown method: {name}"))) };
        if self.params.is_null() && matches!(method.params, Shape::Object(_)) {
            self.params = json!({});
        }
        if let Some(complaint) = schema::complaint(&self.params, &method.params) {
            return Err(invalid(&format!("invalid {name} params: {complaint}")));
        }
        let now = self.state.now();
        self.state.pairing.expire(now);
        (method.run)(self)
    }

    fn text(&self, name: &str) -> String {
        self.params.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
    }

    fn is_admin(&self) -> bool {
        self.session.scopes.iter().any(|scope| scope == "operator.admin")
    }

    /// The device behind a session that a device token opened. The shared secret speaks for the owner, not for a device.
    fn device(&self) -> Option<&str> {
        self.session.device_id.as_deref().filter(|_| self.session.by_device_token)
    }

    /// A device that is not an administrator manages itself only.
    fn may_not_manage(&self, device_id: &str) -> bool {
        !self.is_admin() && self.device().is_some_and(|own| own != device_id)
    }
}

fn invalid(message: &str) -> Value {
    json!({ "code": "INVALID_REQUEST", "message": message })
}

fn health(call: &mut Call<'_>) -> Result<Value, Value> {
    Ok(snapshot(call.state))
}

/// The body of `health` and of the event of that name.
pub(super) fn snapshot(state: &State) -> Value {
    json!({
        "ok": true,
        "ts": state.now(),
        "durationMs": 1,
        "channels": {},
        "channelOrder": [],
        "channelLabels": {},
        "heartbeatSeconds": 1800,
        "defaultAgentId": "main",
        "configReload": { "hotReloadStatus": "active" },
        "plugins": { "loaded": [], "errors": [], "unavailable": [] },
        "agents": [],
        "sessions": { "count": 0, "recent": [] }
    })
}

fn status(call: &mut Call<'_>) -> Result<Value, Value> {
    Ok(json!({
        "runtimeVersion": call.state.release.number(),
        "ready": call.state.phase == Phase::Ready,
        "sessions": { "count": 0, "recent": [] }
    }))
}

/// Secrets are replaced by the gateway's own sentinel.
fn config_get(call: &mut Call<'_>) -> Result<Value, Value> {
    let token = if call.state.token.expose_secret().is_empty() {
        Value::Null
    } else {
        json!("__OPENCLAW_REDACTED__")
    };
    let config = json!({ "gateway": { "mode": "local", "auth": { "mode": "token", "token": token } } });
    Ok(json!({ "exists": true, "valid": true, "parsed": config, "resolved": config, "issues": [] }))
}

fn list(call: &mut Call<'_>) -> Result<Value, Value> {
    let own = call.device().filter(|_| !call.is_admin()).map(str::to_owned);
    let visible = |device_id: &str| own.as_deref().is_none_or(|own| own == device_id);
    let store = &call.state.pairing;
    let pending: Vec<Value> = store
        .requests()
        .into_iter()
        .filter(|request| visible(&request.claim.device_id))
        .map(super::records::Request::to_json)
        .collect();
    let paired: Vec<Value> = store
        .records()
        .into_iter()
        .filter(|record| visible(record.device_id()))
        .map(|record| record.to_json(Some(call.state.is_connected(record.device_id()))))
        .collect();
    Ok(json!({ "pending": pending, "paired": paired }))
}

fn approve(call: &mut Call<'_>) -> Result<Value, Value> {
    let id = call.text("requestId");
    if !call.is_admin() {
        let allowed =
            call.state.pairing.request(&id).is_some_and(|request| {
                !request.needs_admin() && !call.may_not_manage(&request.claim.device_id)
            });
        if !allowed {
            return Err(invalid("device pairing approval denied"));
        }
    }
    let now = call.state.now();
    let State { pairing, ids, .. } = &mut *call.state;
    let approver = Approver { scopes: &call.session.scopes, via: "owner", seen: false };
    let record = pairing.approve(&id, &approver, ids, now).map_err(|reason| match reason {
        NotApproved::Unknown => invalid("unknown requestId"),
        NotApproved::MissingScope(scope) => invalid(&format!("missing scope: {scope}")),
    })?;
    let (device_id, role) = (record.device_id(), record.role());
    call.state.log("gateway", &format!("device pairing approved device={device_id} role={role}"));
    resolved(call.state, &id, device_id, "approved");
    Ok(json!({ "requestId": id, "device": record.to_json(None) }))
}

fn reject(call: &mut Call<'_>) -> Result<Value, Value> {
    let id = call.text("requestId");
    if !call.is_admin() && call.device().is_some() {
        let owner = call.state.pairing.request(&id).map(|request| request.claim.device_id.clone());
        if owner.is_none_or(|owner| call.may_not_manage(&owner)) {
            return Err(invalid("device pairing rejection denied"));
        }
    }
    let request = call.state.pairing.reject(&id).ok_or_else(|| invalid("unknown requestId"))?;
    resolved(call.state, &id, &request.claim.device_id, "rejected");
    Ok(json!({ "requestId": id, "deviceId": request.claim.device_id }))
}

fn resolved(state: &mut State, id: &str, device_id: &str, decision: &str) {
    let payload = json!({ "requestId": id, "deviceId": device_id, "decision": decision, "ts": state.now() });
    state.broadcast("operator.pairing", "device.pair.resolved", &payload);
}

fn remove(call: &mut Call<'_>) -> Result<Value, Value> {
    let device_id = call.text("deviceId");
    if call.may_not_manage(&device_id) {
        return Err(invalid("device pairing removal denied"));
    }
    call.state.pairing.remove(&device_id).ok_or_else(|| invalid("unknown deviceId"))?;
    call.state.log("gateway", &format!("device pairing removed device={device_id}"));
    call.closes = Some((device_id.clone(), None));
    Ok(json!({ "deviceId": device_id }))
}

fn rename(call: &mut Call<'_>) -> Result<Value, Value> {
    let (device_id, label) = (call.text("deviceId"), call.text("label"));
    if label.is_empty() {
        return Err(invalid("label required"));
    }
    if call.may_not_manage(&device_id) {
        return Err(invalid("device pairing rename denied"));
    }
    if !call.state.pairing.rename(&device_id, &label) {
        return Err(invalid("unknown deviceId"));
    }
    call.state.log("gateway", &format!("device pairing renamed device={device_id} label={label}"));
    call.state.broadcast("operator.pairing", "device.pair.changed", &json!({}));
    Ok(json!({ "deviceId": device_id, "label": label }))
}

fn rotate(call: &mut Call<'_>) -> Result<Value, Value> {
    let (device_id, role) = (call.text("deviceId"), call.text("role"));
    let wanted: Option<Vec<String>> =
        call.params.get("scopes").and_then(|scopes| serde_json::from_value(scopes.clone()).ok());
    let now = call.state.now();
    let rotated = if call.may_not_manage(&device_id) {
        Err("device-ownership-mismatch")
    } else {
        let State { pairing, ids, .. } = &mut *call.state;
        pairing.rotate(&device_id, &role, wanted, &call.session.scopes, ids, now)
    };
    let token = rotated.map_err(|reason| {
        let line = format!("device token rotation denied device={device_id} role={role} reason={reason}");
        call.state.log("gateway", &line);
        invalid("device token rotation denied")
    })?;
    let scopes = token.scopes.join(",");
    call.state
        .log("gateway", &format!("device token rotated device={device_id} role={role} scopes={scopes}"));
    let own = call.device() == Some(device_id.as_str());
    let mut payload = json!({
        "deviceId": device_id, "role": role, "scopes": token.scopes, "rotatedAtMs": token.issued_at(),
        "tokenDelivery": if own { "in-band" } else { "withheld-cross-device" }
    });
    if own && let Some(object) = payload.as_object_mut() {
        object.insert("token".into(), json!(token.secret));
    }
    call.closes = Some((device_id, Some(role)));
    Ok(payload)
}

fn revoke(call: &mut Call<'_>) -> Result<Value, Value> {
    let (device_id, role) = (call.text("deviceId"), call.text("role"));
    let now = call.state.now();
    let revoked = if call.may_not_manage(&device_id) {
        Err("device-ownership-mismatch")
    } else {
        call.state.pairing.revoke(&device_id, &role, &call.session.scopes, now)
    };
    let at = revoked.map_err(|reason| {
        let line = format!("device token revocation denied device={device_id} role={role} reason={reason}");
        call.state.log("gateway", &line);
        invalid("device token revocation denied")
    })?;
    call.state.log("gateway", &format!("device token revoked device={device_id} role={role}"));
    call.closes = Some((device_id.clone(), Some(role.clone())));
    Ok(json!({ "deviceId": device_id, "role": role, "revokedAtMs": at }))
}

/// `0243ea57…578a`, as the log shortens connection ids.
fn short(id: &str) -> String {
    let (head, tail) = (id.get(..8).unwrap_or(id), id.get(id.len().saturating_sub(4)..).unwrap_or_default());
    format!("{head}…{tail}")
}
