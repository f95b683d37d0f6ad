//! What a gateway says: text into frames, within limits.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Limits, WireError};
use crate::refusal::{PairingReason, Refusal, RefusalCode};
use crate::scope::ScopeSet;
use crate::words::shown;

/// How a text of the gateway's becomes one to show, of so many bytes at most.
pub(crate) type Shown<'a> = dyn Fn(&str, usize) -> String + 'a;

/// A frame from the gateway.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// `connect.challenge`.
    Challenge(Challenge),
    /// Another event. They may arrive between hello and an answer.
    Event(Event),
    /// The answer to a request.
    Response(Response),
}

/// The gateway's challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Challenge {
    /// Valid for this connection only.
    pub nonce: String,
    /// The gateway's clock in milliseconds since 1970; sign with it and skew cannot matter.
    pub ts: u64,
}

impl Challenge {
    /// The challenge of a connection that someone else opened.
    pub fn new(nonce: impl Into<String>, ts: u64) -> Self {
        Self { nonce: nonce.into(), ts }
    }
}

/// An event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its payload.
    pub payload: Value,
}

/// The answer to a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The request's id.
    pub id: String,
    /// The payload, or why not.
    pub result: Result<Value, Refusal>,
}

/// A hello, without what pairing does not need.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hello {
    /// The protocol chosen.
    pub protocol: u32,
    /// The gateway's version.
    pub version: String,
    /// Changes with every start of the gateway's process.
    pub boot_id: String,
    /// This connection.
    pub connection_id: String,
    /// How the gateway took the credential: `token`, `device-token` and others.
    pub method: String,
    /// The session's role.
    pub role: String,
    /// The session's scopes. Always look: a hello without scopes is worth little.
    pub scopes: ScopeSet,
    /// The device's token, for next time. Only paired devices get one.
    pub device_token: Option<SecretString>,
    /// How often the gateway ticks, in milliseconds; 30,000 if it does not say.
    pub tick_interval_ms: u64,
}

#[derive(Deserialize)]
struct RawFrame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    id: Option<String>,
    ok: Option<bool>,
    event: Option<String>,
    #[serde(default)]
    payload: Value,
    error: Option<RawError>,
}

#[derive(Deserialize)]
struct RawError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default, rename = "retryAfterMs")]
    retry_after_ms: Option<u64>,
    #[serde(default)]
    details: Option<Value>,
}

impl Incoming {
    /// Reads one text frame.
    ///
    /// # Errors
    /// [`WireError`] if the text is beyond a limit, no JSON, or no frame of this protocol. No error quotes the text.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, WireError> {
        Self::read(text, limits, &shown)
    }

    /// The same, with each text of a refusal as `shown` gives it, which is told the most bytes that it may have.
    pub(crate) fn read(text: &str, limits: &Limits, shown: &Shown<'_>) -> Result<Self, WireError> {
        check_shape(text, limits)?;
        let frame: RawFrame<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => WireError::Shape { expected: "an object with a `type`" },
            _ => WireError::NotJson { line: error.line(), column: error.column() },
        })?;
        match (&*frame.kind, frame.id, frame.event) {
            ("event", _, Some(name)) if name == "connect.challenge" => {
                let challenge: Challenge = serde_json::from_value(frame.payload)
                    .map_err(|_| WireError::Shape { expected: "a challenge with `nonce` and `ts`" })?;
                if challenge.nonce.trim().is_empty() || challenge.nonce.len() > 256 {
                    return Err(WireError::Shape { expected: "a nonce of 1 to 256 bytes" });
                }
                Ok(Self::Challenge(challenge))
            }
            ("event", _, Some(name)) => Ok(Self::Event(Event { name, payload: frame.payload })),
            ("res", Some(id), _) => {
                let result = match (frame.ok, frame.error) {
                    (Some(true), None) => Ok(frame.payload),
                    (Some(false), Some(error)) => Err(refusal(error).map_words(shown)),
                    _ => {
                        return Err(WireError::Shape {
                            expected: "`ok` with `payload`, or not `ok` with `error`",
                        });
                    }
                };
                Ok(Self::Response(Response { id, result }))
            }
            _ => Err(WireError::Shape { expected: "an event or a response" }),
        }
    }
}

/// Counts depth and items before anything is built from them: memory stays in proportion to the limits.
fn check_shape(text: &str, limits: &Limits) -> Result<(), WireError> {
    let too_large = |what, most| Err(WireError::TooLarge { what, most });
    if text.len() > limits.bytes {
        return too_large("bytes", limits.bytes);
    }
    let (mut depth, mut items, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => quoted = false,
            (false, b'"') => quoted = true,
            (false, b'{' | b'[') => {
                depth += 1;
                items += 1;
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, b',') => items += 1,
            _ => {}
        }
        if depth > limits.depth {
            return too_large("levels", limits.depth);
        }
        if items > limits.items {
            return too_large("items", limits.items);
        }
    }
    Ok(())
}

fn refusal(error: RawError) -> Refusal {
    let details = error.details.unwrap_or(Value::Null);
    let text = |key: &str| details.get(key).and_then(Value::as_str);
    let scopes = |key: &str| {
        details
            .get(key)
            .and_then(Value::as_array)
            .map(|names| ScopeSet::from_names(names.iter().filter_map(Value::as_str)))
    };
    let code = RefusalCode::of(text("code"), &error.code, &error.message);
    let missing = text("missingScope").or_else(|| error.message.strip_prefix("missing scope: "));
    let missing_scope = missing.map(str::to_owned);
    Refusal {
        pairing: text("reason")
            .filter(|_| text("code") == Some("PAIRING_REQUIRED"))
            .map(PairingReason::from_name),
        request_id: text("requestId").filter(|id| is_request_id(id)).map(str::to_owned),
        device_id: text("deviceId").map(str::to_owned),
        requested_role: text("requestedRole").map(str::to_owned),
        requested_scopes: scopes("requestedScopes"),
        approved_scopes: scopes("approvedScopes"),
        missing_scope,
        retry_after_ms: error.retry_after_ms,
        can_retry_with_device_token: details
            .get("canRetryWithDeviceToken")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        ..Refusal::new(code, error.message)
    }
}

/// What the gateway takes as a request id (OpenClaw 2026.9.6 observed behaviour).
fn is_request_id(id: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    id.len() <= 128 && id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.chars().all(rest)
}

impl Hello {
    /// Reads the payload of a successful connect. The device token is moved out of the payload, not copied.
    ///
    /// # Errors
    /// [`WireError::Shape`] if it is no hello.
    pub fn from_payload(payload: Value) -> Result<Self, WireError> {
        Self::read(payload, &shown)
    }

    /// The same, with each text as `shown` gives it, which is told the most bytes that it may have.
    pub(crate) fn read(mut payload: Value, shown: &Shown<'_>) -> Result<Self, WireError> {
        let shape = || WireError::Shape { expected: "a hello-ok with `protocol`, `server` and `auth`" };
        let device_token = match payload.pointer_mut("/auth/deviceToken").map(Value::take) {
            Some(Value::String(token)) => Some(SecretString::from(token)),
            _ => None,
        };
        let text = |pointer: &str, most: usize| {
            payload.pointer(pointer).and_then(Value::as_str).map(|text| shown(text, most))
        };
        if text("/type", 16).as_deref() != Some("hello-ok") {
            return Err(shape());
        }
        let scopes = payload.pointer("/auth/scopes").and_then(Value::as_array);
        Ok(Self {
            protocol: payload
                .get("protocol")
                .and_then(Value::as_u64)
                .and_then(|protocol| u32::try_from(protocol).ok())
                .ok_or_else(shape)?,
            version: text("/server/version", 64).unwrap_or_default(),
            boot_id: text("/server/bootId", 128).unwrap_or_default(),
            connection_id: text("/server/connId", 128).unwrap_or_default(),
            method: text("/auth/method", 64).unwrap_or_default(),
            role: text("/auth/role", 64).unwrap_or_default(),
            scopes: scopes.map_or(ScopeSet::EMPTY, |names| {
                ScopeSet::from_names(names.iter().filter_map(Value::as_str))
            }),
            device_token,
            tick_interval_ms: payload
                .pointer("/policy/tickIntervalMs")
                .and_then(Value::as_u64)
                .filter(|tick| *tick > 0)
                .unwrap_or(30_000),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::LARGEST_BEFORE_HELLO;
    use super::*;

    const PAIRING: &str = r#"{"type":"res","id":"c1","ok":false,"error":{"code":"NOT_PAIRED",
        "message":"pairing required: device is asking for a higher role than currently approved",
        "details":{"code":"PAIRING_REQUIRED","reason":"role-upgrade","requestId":"req-77","deviceId":"dev-1",
        "requestedRole":"node","requestedScopes":[],"approvedScopes":["operator.read"],"somethingNew":1}}}"#;

    fn parse(text: &str) -> Result<Incoming, WireError> {
        Incoming::parse(text, &Limits::CHALLENGE)
    }

    #[test]
    fn the_request_id_comes_from_details() {
        let Ok(Incoming::Response(Response { result: Err(refusal), .. })) = parse(PAIRING) else {
            panic!("not a refusal")
        };
        assert_eq!(refusal.code, RefusalCode::PairingRequired);
        assert_eq!(refusal.pairing, Some(PairingReason::RoleUpgrade));
        assert_eq!(refusal.request_id.as_deref(), Some("req-77"));
        assert_eq!(refusal.approved_scopes, Some(ScopeSet::from([crate::Scope::Read])));
    }

    #[test]
    fn what_cannot_be_a_request_id_is_none() {
        let longest = "r".repeat(128);
        for (id, expected) in [
            ("2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a", true),
            ("A.b_c:d-1", true),
            (longest.as_str(), true),
            (&format!("{longest}r"), false),
            ("", false),
            ("-first", false),
            ("--latest", false),
            ("two words", false),
            ("semi;colon", false),
            ("ünder", false),
        ] {
            let text = PAIRING.replace("req-77", id);
            let Ok(Incoming::Response(Response { result: Err(refusal), .. })) = parse(&text) else {
                panic!("not a refusal")
            };
            assert_eq!(refusal.request_id.as_deref(), expected.then_some(id), "{id}");
        }
    }

    #[test]
    fn a_missing_scope_is_known_with_and_without_details() {
        let new = r#"{"type":"res","id":"r","ok":false,"error":{"code":"FORBIDDEN","message":"missing scope: operator.pairing",
            "details":{"code":"MISSING_SCOPE","missingScope":"operator.pairing","requiredScopes":["operator.pairing"]}}}"#;
        let old = r#"{"type":"res","id":"r","ok":false,"error":{"code":"INVALID_REQUEST","message":"missing scope: operator.pairing"}}"#;
        for text in [new, old] {
            let Ok(Incoming::Response(Response { result: Err(refusal), .. })) = parse(text) else {
                panic!("not a refusal")
            };
            assert_eq!(refusal.code, RefusalCode::MissingScope);
            assert_eq!(refusal.missing_scope.as_deref(), Some("operator.pairing"));
        }
    }

    #[test]
    fn limits_hold_before_anything_is_built() {
        let deep = format!("{}1{}", "[".repeat(9), "]".repeat(9));
        assert!(matches!(parse(&deep), Err(WireError::TooLarge { what: "levels", .. })));
        let wide = format!("[{}1]", "1,".repeat(300));
        assert!(matches!(parse(&wide), Err(WireError::TooLarge { what: "items", .. })));
        let long = format!("\"{}\"", "a".repeat(LARGEST_BEFORE_HELLO));
        assert!(matches!(parse(&long), Err(WireError::TooLarge { what: "bytes", .. })));
        // Brackets inside strings are text.
        let text = r#"{"type":"event","event":"x","payload":"[[[[[[[[[[[[[[[[\"[[["}"#;
        assert!(parse(text).is_ok());
    }

    #[test]
    fn what_is_no_frame_is_refused_without_quoting_it() {
        for text in [
            "",
            "canary-1",
            "[]",
            "{}",
            r#"{"type":"hi canary-1"}"#,
            r#"{"type":"res","id":"c","ok":true,"error":{}}"#,
            r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"  ","ts":1}}"#,
            r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"canary-1"}}"#,
        ] {
            let error = parse(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_hello_gives_its_token_away_and_shows_it_to_nobody() {
        let payload = serde_json::json!({"type":"hello-ok","protocol":4,"server":{"version":"2026.9.6","bootId":"b"},
            "auth":{"method":"token","role":"operator","scopes":["operator.read"],"deviceToken":"canary-1"}});
        let hello = Hello::from_payload(payload).unwrap();
        assert!(!format!("{hello:?}").contains("canary"));
        assert_eq!(hello.device_token.unwrap().expose_secret(), "canary-1");
        assert!(Hello::from_payload(serde_json::json!({"type":"hello"})).is_err());
    }
}
