//! The seam to an authenticated session: who makes the connect frame also reads the answer, so that the ladder
//! knows no more of the protocol than the challenge.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use crate::mask::{Mask, beginning};

/// What the gateway opens its handshake with (OpenClaw 2026.9.6 observed behaviour).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// Fresh for every connection; part of what a device signs.
    pub nonce: String,
    /// The gateway's clock, milliseconds since 1970.
    pub ts: Option<i64>,
}

/// Makes the connect frame and reads its answer.
///
/// The built-in [`TokenAuthenticator`] sends a token and no device, so that the gateway cannot create a device or a
/// pairing request. An implementation with a device says in [`device`](Self::device) what is known of it.
pub trait Authenticate: Send + Sync {
    /// What this authenticator's frames may create on the gateway.
    fn device(&self) -> DeviceUse;

    /// The secrets that its frames carry: the token, a device's token, a password. No report shows them, whoever said them
    /// last.
    fn secrets(&self) -> Vec<SecretString>;

    /// The text frame to send in answer to the challenge. It holds secrets.
    ///
    /// # Errors
    ///
    /// When there is no credential or it cannot sign; the climb reports it as `OC-H613` without sending anything.
    fn connect_frame(&self, challenge: &Challenge) -> Result<SecretString, AuthenticateError>;

    /// What a text frame means that came after the connect frame. Called for each frame until it is not
    /// [`Answer::NotYet`].
    fn read_answer(&self, frame: &str) -> Answer;
}

impl Answer {
    /// The answer as a report may show it.
    pub(crate) fn shown(mut self, mask: &Mask) -> Self {
        let clean = |words: &mut String, limit| *words = mask.line(words, limit);
        match &mut self {
            Self::Accepted(session) => {
                let Session { scopes, role, version, boot_id, protocol: _ } = session;
                scopes.truncate(MOST_SCOPES);
                for words in scopes.iter_mut().chain(role).chain(version).chain(boot_id) {
                    clean(words, 128);
                }
            }
            // The message is quoted, and cleaned with its quotes, where it becomes a fault.
            Self::Refused(refusal) => clean(&mut refusal.code, 64),
            Self::Unreadable(why) => clean(why, 200),
            Self::NotYet => {}
        }
        self
    }
}

/// More than any session has; the rest is not shown.
const MOST_SCOPES: usize = 32;

/// What an authenticator may leave behind on the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceUse {
    /// No device is sent: nothing can be created.
    None,
    /// A device is sent that is known to be paired with the scopes it asks for: nothing new is created.
    KnownPaired,
    /// A device is sent that may be new: connecting may create a pairing request, so a climb does not.
    Unknown,
}

/// The meaning of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Not the answer: an event that came first.
    NotYet,
    /// A session.
    Accepted(Session),
    /// No session.
    Refused(AuthRefusal),
    /// The answer, but not one that can be read; the text says why and repeats nothing secret.
    Unreadable(String),
}

/// What a session is worth, in the gateway's own words. Holds nothing secret: a device token in the answer is not for the
/// ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// Granted scopes.
    pub scopes: Vec<String>,
    /// Granted role.
    pub role: Option<String>,
    /// The gateway's release.
    pub version: Option<String>,
    /// Changes with every start of the gateway.
    pub boot_id: Option<String>,
    /// The protocol version agreed on.
    pub protocol: Option<u32>,
}

/// A refusal, sorted by cause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthRefusal {
    /// The cause.
    pub kind: RefusalKind,
    /// The gateway's own code, such as `AUTH_TOKEN_MISMATCH`.
    pub code: String,
    /// The gateway's own sentence, as it came: a report shows it cleaned and cut to a line.
    pub message: String,
    /// How long to wait.
    pub retry_after: Option<Duration>,
}

impl AuthRefusal {
    /// A refusal with the gateway's own code and words, of which a report shows the beginning.
    #[must_use]
    pub fn new(kind: RefusalKind, code: &str, message: &str, retry_after: Option<Duration>) -> Self {
        let (code, message) = (beginning(code).to_owned(), beginning(message).to_owned());
        Self { kind, code, message, retry_after }
    }
}

/// The causes of a refusal that end in different next steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The device's signature is outside the clock window.
    DeviceClock,
    /// The device's proof is refused, or the device, without a reason given.
    DeviceProof,
    /// A device identity is required.
    DeviceRequired,
    /// The device's own token is good for fewer scopes than were asked for.
    DeviceScopes,
    /// The device's own token is stale: rotated, revoked, or another device's. It says nothing of the gateway's token.
    DeviceToken,
    /// The gateway is stopping or restarting.
    Draining,
    /// Locked out after failed attempts.
    LockedOut,
    /// The origin is refused.
    Origin,
    /// Anything else.
    Other,
    /// The device is not paired, or not for this much.
    PairingRequired,
    /// No protocol version in common.
    Protocol,
    /// The setup code is spent, expired or unknown.
    SetupCode,
    /// The gateway is still starting.
    Starting,
    /// The gateway's token is another.
    TokenMismatch,
    /// No token was sent.
    TokenMissing,
}

/// The gateway's codes and what they mean, most specific first (OpenClaw 2026.9.6 observed behaviour and bundle).
/// Looked up in `details.code`, then `details.reason`, then `code`.
pub const REFUSALS: &[(&str, RefusalKind)] = &[
    ("AUTH_RATE_LIMITED", RefusalKind::LockedOut),
    ("AUTH_TOKEN_MISMATCH", RefusalKind::TokenMismatch),
    ("AUTH_PASSWORD_MISMATCH", RefusalKind::TokenMismatch),
    ("AUTH_DEVICE_TOKEN_MISMATCH", RefusalKind::DeviceToken),
    ("AUTH_BOOTSTRAP_TOKEN_INVALID", RefusalKind::SetupCode),
    ("AUTH_UNAUTHORIZED", RefusalKind::TokenMismatch),
    ("AUTH_TOKEN_MISSING", RefusalKind::TokenMissing),
    ("AUTH_PASSWORD_MISSING", RefusalKind::TokenMissing),
    ("AUTH_REQUIRED", RefusalKind::TokenMissing),
    ("PAIRING_REQUIRED", RefusalKind::PairingRequired),
    ("AUTH_SCOPE_MISMATCH", RefusalKind::DeviceScopes),
    ("DEVICE_IDENTITY_REQUIRED", RefusalKind::DeviceRequired),
    ("CONTROL_UI_DEVICE_IDENTITY_REQUIRED", RefusalKind::DeviceRequired),
    ("DEVICE_AUTH_SIGNATURE_EXPIRED", RefusalKind::DeviceClock),
    ("DEVICE_AUTH_DEVICE_ID_MISMATCH", RefusalKind::DeviceProof),
    ("DEVICE_AUTH_NONCE_REQUIRED", RefusalKind::DeviceProof),
    ("DEVICE_AUTH_NONCE_MISMATCH", RefusalKind::DeviceProof),
    ("DEVICE_AUTH_SIGNATURE_INVALID", RefusalKind::DeviceProof),
    ("DEVICE_AUTH_PUBLIC_KEY_INVALID", RefusalKind::DeviceProof),
    ("DEVICE_AUTH_INVALID", RefusalKind::DeviceProof),
    ("PROTOCOL_MISMATCH", RefusalKind::Protocol),
    ("CLIENT_VERSION_MISMATCH", RefusalKind::Protocol),
    ("CONTROL_UI_BUILD_MISMATCH", RefusalKind::Protocol),
    ("CONTROL_UI_ORIGIN_NOT_ALLOWED", RefusalKind::Origin),
    ("startup-sidecars", RefusalKind::Starting),
    ("gateway-draining", RefusalKind::Draining),
    ("NOT_PAIRED", RefusalKind::DeviceProof),
];

/// How a message begins that says more than its code, most specific first: up to 2026.2.21 a refusal has no `details.code`, later
/// ones leave some causes to one code (read in their packages). Looked up where `details.code` is missing or vague.
pub const REFUSAL_TEXTS: &[(&str, RefusalKind)] = &[
    ("pairing required", RefusalKind::PairingRequired),
    ("device identity required", RefusalKind::DeviceRequired),
    ("control ui requires", RefusalKind::DeviceRequired),
    ("device signature expired", RefusalKind::DeviceClock),
    ("device identity mismatch", RefusalKind::DeviceProof),
    ("device signature invalid", RefusalKind::DeviceProof),
    ("device nonce ", RefusalKind::DeviceProof),
    ("device public key invalid", RefusalKind::DeviceProof),
    ("origin not allowed", RefusalKind::Origin),
    ("origin missing or invalid", RefusalKind::Origin),
    ("protocol mismatch", RefusalKind::Protocol),
    ("client version mismatch", RefusalKind::Protocol),
    ("unauthorized: gateway token missing", RefusalKind::TokenMissing),
    ("unauthorized: gateway password missing", RefusalKind::TokenMissing),
    ("unauthorized: gateway token mismatch", RefusalKind::TokenMismatch),
    ("unauthorized: gateway password mismatch", RefusalKind::TokenMismatch),
    ("unauthorized: device token scope mismatch", RefusalKind::DeviceScopes),
    ("unauthorized: device token ", RefusalKind::DeviceToken),
    ("unauthorized: bootstrap token ", RefusalKind::SetupCode),
    ("unauthorized: setup code ", RefusalKind::SetupCode),
    ("unauthorized: proxy client attribution is required", RefusalKind::Origin),
    ("unauthorized: too many failed authentication attempts", RefusalKind::LockedOut),
];

/// Codes of `details` that leave open which refusal it is.
const VAGUE: [&str; 4] = ["AUTH_REQUIRED", "AUTH_UNAUTHORIZED", "DEVICE_AUTH_INVALID", "PROTOCOL_MISMATCH"];

/// What the words say where the code does not: nothing beside a code that is clear.
fn told(details: Option<&str>, message: &str) -> Option<RefusalKind> {
    if details.is_some_and(|code| !VAGUE.contains(&code)) {
        return None;
    }
    REFUSAL_TEXTS.iter().find(|(text, _)| message.starts_with(text)).map(|(_, kind)| *kind)
}

/// Why an authenticator has no frame to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// There is no credential.
    #[error("no credential: {reason}")]
    NoCredential {
        /// Why, without the credential.
        reason: String,
    },
    /// The device could not sign.
    #[error("the device could not sign: {reason}")]
    CannotSign {
        /// Why, without the key.
        reason: String,
    },
}

/// Sends a token and no device: it can be refused, and it can create nothing.
///
/// ```
/// use openclaw_probe::{Authenticate, DeviceUse, TokenAuthenticator, secrecy::SecretString};
/// let authenticator = TokenAuthenticator::new(SecretString::from("test-token"));
/// assert_eq!(authenticator.device(), DeviceUse::None);
/// ```
#[derive(Debug)]
pub struct TokenAuthenticator {
    token: SecretString,
    scopes: Vec<String>,
}

impl TokenAuthenticator {
    /// With the gateway's shared token.
    #[must_use]
    pub const fn new(token: SecretString) -> Self {
        Self { token, scopes: Vec::new() }
    }

    /// Asks for scopes such as `operator.read`. On loopback the gateway grants them; elsewhere a client without a
    /// device gets none, which the scope rung reports.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }
}

/// The id of the one request that a climb sends.
const REQUEST_ID: &str = "probe-1";

impl Authenticate for TokenAuthenticator {
    fn device(&self) -> DeviceUse {
        DeviceUse::None
    }

    fn secrets(&self) -> Vec<SecretString> {
        vec![self.token.clone()]
    }

    fn connect_frame(&self, _: &Challenge) -> Result<SecretString, AuthenticateError> {
        if self.token.expose_secret().is_empty() {
            return Err(AuthenticateError::NoCredential { reason: "the token is empty".to_owned() });
        }
        // The client list of the gateway is closed, so a third party borrows an entry; 3..4 reaches every release
        // that was run.
        let frame = json!({
            "type": "req",
            "id": REQUEST_ID,
            "method": "connect",
            "params": {
                "minProtocol": 3,
                "maxProtocol": 4,
                "client": {
                    "id": "cli",
                    "mode": "cli",
                    "displayName": "openclaw-probe",
                    "version": env!("CARGO_PKG_VERSION"),
                    "platform": std::env::consts::OS,
                },
                "role": "operator",
                "scopes": self.scopes,
                "caps": [],
                "auth": { "token": self.token.expose_secret() },
            },
        });
        Ok(SecretString::from(frame.to_string()))
    }

    fn read_answer(&self, frame: &str) -> Answer {
        read_connect_answer(frame, REQUEST_ID)
    }
}

/// What a text frame says about the connect request with this id: for authenticators that make their own frame and
/// are content with the ladder's reading of the answer.
#[must_use]
pub fn read_connect_answer(frame: &str, request_id: &str) -> Answer {
    let Ok(frame) = serde_json::from_str::<Value>(frame) else {
        return Answer::Unreadable("the answer is not JSON".to_owned());
    };
    match frame.get("type").and_then(Value::as_str) {
        Some("event") => return Answer::NotYet,
        Some("res") => {}
        _ => return Answer::Unreadable("the frame is neither an event nor a response".to_owned()),
    }
    if frame.get("id").and_then(Value::as_str) != Some(request_id) {
        return Answer::Unreadable("the response is to a request that was not sent".to_owned());
    }
    match frame.get("ok").and_then(Value::as_bool) {
        Some(true) => read_hello(frame.get("payload")),
        Some(false) => Answer::Refused(read_refusal(frame.get("error").unwrap_or(&Value::Null))),
        None => Answer::Unreadable("the response does not say whether it is ok".to_owned()),
    }
}

fn read_hello(payload: Option<&Value>) -> Answer {
    let Some(payload) = payload.filter(|p| p.get("type").and_then(Value::as_str) == Some("hello-ok")) else {
        return Answer::Unreadable("the response is ok but is not a hello".to_owned());
    };
    let text =
        |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).map(|s| beginning(s).to_owned());
    Answer::Accepted(Session {
        scopes: payload
            .pointer("/auth/scopes")
            .and_then(Value::as_array)
            .map(|scopes| scopes.iter().filter_map(Value::as_str).map(|s| beginning(s).to_owned()).collect())
            .unwrap_or_default(),
        role: text("/auth/role"),
        version: text("/server/version"),
        boot_id: text("/server/bootId"),
        protocol: payload.get("protocol").and_then(Value::as_u64).and_then(|p| u32::try_from(p).ok()),
    })
}

fn read_refusal(error: &Value) -> AuthRefusal {
    let text = |pointer: &str| error.pointer(pointer).and_then(Value::as_str);
    let named = [text("/details/code"), text("/details/reason"), text("/code")];
    let by_name = || {
        let row = |name: &&str| REFUSALS.iter().find(|(code, _)| code == name);
        named.iter().flatten().find_map(row).map(|(_, kind)| *kind)
    };
    let kind = told(text("/details/code"), text("/message").unwrap_or_default())
        .or_else(by_name)
        .or_else(|| match (text("/code"), text("/message")) {
            (Some("UNAVAILABLE"), Some(m)) if m.contains("starting") || m.contains("startup") => {
                Some(RefusalKind::Starting)
            }
            (Some("UNAVAILABLE"), _) => Some(RefusalKind::Draining),
            _ => None,
        })
        .unwrap_or(RefusalKind::Other);
    let retry_after = error
        .get("retryAfterMs")
        .or_else(|| error.pointer("/details/retryAfterMs"))
        .and_then(Value::as_u64)
        .map(Duration::from_millis);
    let code = named.iter().flatten().next().copied().unwrap_or("no code");
    AuthRefusal::new(kind, code, text("/message").unwrap_or(""), retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(details: Option<&str>, code: &str, message: &str) -> RefusalKind {
        let details = details.map_or(Value::Null, |code| json!({ "code": code }));
        read_refusal(&json!({ "code": code, "message": message, "details": details })).kind
    }

    #[test]
    fn a_refusal_is_read_in_the_words_of_each_release() {
        use RefusalKind::{DeviceClock, DeviceProof, DeviceRequired, Origin, PairingRequired, Protocol};
        for (details, code, message, wanted) in [
            // Up to 2026.2.21.
            (None, "NOT_PAIRED", "pairing required", PairingRequired),
            (None, "NOT_PAIRED", "device identity required", DeviceRequired),
            (None, "NOT_PAIRED", "no", DeviceProof),
            (None, "INVALID_REQUEST", "unauthorized: gateway token missing (x)", RefusalKind::TokenMissing),
            (None, "INVALID_REQUEST", "unauthorized: gateway token mismatch (x)", RefusalKind::TokenMismatch),
            // 2026.2.22 to 2026.2.26.
            (Some("DEVICE_AUTH_INVALID"), "INVALID_REQUEST", "device signature expired", DeviceClock),
            (Some("DEVICE_AUTH_INVALID"), "INVALID_REQUEST", "device nonce mismatch", DeviceProof),
            // Up to 2026.3.11 and 2026.5.12.
            (None, "INVALID_REQUEST", "origin not allowed (x)", Origin),
            (None, "INVALID_REQUEST", "protocol mismatch", Protocol),
            // 2026.9.6.
            (Some("PAIRING_REQUIRED"), "NOT_PAIRED", "pairing required: x", PairingRequired),
            (Some("AUTH_TOKEN_MISMATCH"), "INVALID_REQUEST", "pairing required", RefusalKind::TokenMismatch),
        ] {
            assert_eq!(kind(details, code, message), wanted, "{details:?} {code} {message}");
        }
    }
}
