//! Why a gateway refuses, who must act, and whether trying again can help.
//!
//! One table, [`REFUSALS`], is the source for the enum's wire names, for the state machine's classes and for the
//! advice that findings print. Rows come from OpenClaw 2026.9.6 observed behaviour unless they say otherwise.

use serde::{Deserialize, Serialize};

use crate::scope::ScopeSet;
use crate::timeline::Symptom;
use crate::words::NAME;

/// The most bytes of a refusal's message that are kept.
const LONGEST_MESSAGE: usize = 512;

/// Who has to do something before the same connect can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Actor {
    /// Someone who holds `operator.pairing` (and the scopes asked for) must decide.
    Approver,
    /// The owner of the client: its credential, its clock, its URL, its build.
    ClientOwner,
    /// The owner of the gateway: its configuration, its proxy, its version.
    GatewayOwner,
    /// Nobody: time or the other credential is enough.
    Nobody,
    /// This crate or its caller: a frame was malformed.
    Program,
}

/// Whether connecting again can help, all else unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Retry {
    /// Only after the one in [`Actor`] has changed something. Trying before is harmful or useless.
    AfterChange,
    /// After the wait that the gateway names, or a short constant one.
    AfterWait,
    /// At once, with another credential.
    OtherCredential,
    /// On a constant beat until a person decides.
    UntilDecided,
}

/// What a refusal means to the state machine. Small, `Copy`, and closed: a new code joins one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RefusalClass {
    /// The bootstrap (setup) token is spent, expired or unknown.
    Bootstrap,
    /// The signature was too old or too new.
    Clock,
    /// The device token is stale: rotated, revoked, or another device's.
    DeviceToken,
    /// The device proof is missing or wrong.
    Identity,
    /// Too many failures from this address; the gateway says how long.
    LockedOut,
    /// The browser origin or the proxy in front is not admitted.
    Origin,
    /// Anything else: malformed, forbidden, unknown.
    Other,
    /// A person must approve the device or its wider wish.
    Pairing,
    /// No common protocol version or build.
    Protocol,
    /// The shared token or password is missing, wrong or not configured.
    SharedSecret,
    /// The gateway is starting or draining; it names a wait.
    Starting,
    /// The device token is good but its scopes are too narrow.
    TokenScope,
}

/// Why a device must be approved (`details.reason` of `PAIRING_REQUIRED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PairingReason {
    /// The device is unknown to this gateway.
    NotPaired,
    /// More scopes than approved.
    ScopeUpgrade,
    /// A role without approval, or one whose token was revoked.
    RoleUpgrade,
    /// Platform or device family changed since approval.
    MetadataUpgrade,
    /// A reason that this release does not know.
    #[serde(other)]
    Other,
}

impl PairingReason {
    /// The reason with this wire name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "not-paired" => Self::NotPaired,
            "scope-upgrade" => Self::ScopeUpgrade,
            "role-upgrade" => Self::RoleUpgrade,
            "metadata-upgrade" => Self::MetadataUpgrade,
            _ => Self::Other,
        }
    }

    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::ScopeUpgrade => "scope-upgrade",
            Self::RoleUpgrade => "role-upgrade",
            Self::MetadataUpgrade => "metadata-upgrade",
            Self::Other => "other",
        }
    }

    /// What a log that tells of it shows, where the reason is known.
    pub fn symptom(self) -> Option<Symptom> {
        match self {
            Self::NotPaired => Some(Symptom::NotPaired),
            Self::ScopeUpgrade => Some(Symptom::ScopeUpgrade),
            Self::RoleUpgrade => Some(Symptom::RoleUpgrade),
            Self::MetadataUpgrade => Some(Symptom::MetadataUpgrade),
            Self::Other => None,
        }
    }
}

/// One row of [`REFUSALS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusalRow {
    /// `details.code` (or the top-level code) on the wire.
    pub code: &'static str,
    /// What it means to the state machine.
    pub class: RefusalClass,
    /// Who must act.
    pub actor: Actor,
    /// Whether trying again can help.
    pub retry: Retry,
    /// One line for people.
    pub meaning: &'static str,
    /// What a log that tells of it shows; `None` for what is about a request, and no step between a client and its session.
    pub symptom: Option<Symptom>,
}

macro_rules! refusals {
    ($($variant:ident $code:literal $class:ident $actor:ident $retry:ident $meaning:literal $symptom:expr;)*) => {
        /// A refusal's code: `details.code` if there is one, else the top-level `code`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $(#[doc = concat!("`", $code, "`: ", $meaning)] $variant,)*
            /// A code that this release does not know, as the gateway spelled it.
            Other(String),
        }

        /// Every code that this release knows, in alphabetical order of the wire name.
        pub const REFUSALS: &[RefusalRow] = &[$(RefusalRow {
            code: $code,
            class: RefusalClass::$class,
            actor: Actor::$actor,
            retry: Retry::$retry,
            meaning: $meaning,
            symptom: $symptom,
        },)*];

        impl RefusalCode {
            /// The code with this wire name.
            pub fn from_name(name: &str) -> Self {
                match name { $($code => Self::$variant,)* other => Self::Other(other.to_owned()) }
            }

            /// The wire name.
            pub fn name(&self) -> &str {
                match self { $(Self::$variant => $code,)* Self::Other(name) => name }
            }
        }
    };
}

refusals! {
    ApprovalNotFound "APPROVAL_NOT_FOUND" Other Approver AfterChange "the approval is gone: decided, expired or replaced" Some(Symptom::UnknownRequest);
    AuthenticatedProfileUnavailable "AUTHENTICATED_PROFILE_UNAVAILABLE" SharedSecret GatewayOwner AfterChange "the signed-in user has no profile on this gateway" Some(Symptom::UserRefused);
    AuthBootstrapTokenInvalid "AUTH_BOOTSTRAP_TOKEN_INVALID" Bootstrap ClientOwner OtherCredential "the setup code is spent, expired or unknown" Some(Symptom::SetupCodeRefused);
    AuthDeviceTokenMismatch "AUTH_DEVICE_TOKEN_MISMATCH" DeviceToken Nobody OtherCredential "the device token was rotated, revoked, or belongs to another device" Some(Symptom::DeviceTokenMismatch);
    AuthIdentityHeaderRequired "AUTH_IDENTITY_HEADER_REQUIRED" SharedSecret GatewayOwner AfterChange "the proxy in front did not name the user" Some(Symptom::UserRefused);
    AuthPasswordMismatch "AUTH_PASSWORD_MISMATCH" SharedSecret ClientOwner AfterChange "the gateway password differs" Some(Symptom::SharedPasswordMismatch);
    AuthPasswordMissing "AUTH_PASSWORD_MISSING" SharedSecret ClientOwner AfterChange "no password was sent" Some(Symptom::SharedPasswordMissing);
    AuthPasswordNotConfigured "AUTH_PASSWORD_NOT_CONFIGURED" SharedSecret GatewayOwner AfterChange "the gateway has no password to compare with" Some(Symptom::CredentialNotConfigured);
    AuthRateLimited "AUTH_RATE_LIMITED" LockedOut Nobody AfterWait "too many failures from this address; even the right token waits" Some(Symptom::LockedOut);
    AuthRequired "AUTH_REQUIRED" SharedSecret ClientOwner AfterChange "no credential was sent" Some(Symptom::SharedTokenMissing);
    AuthScopeMismatch "AUTH_SCOPE_MISMATCH" TokenScope Approver OtherCredential "the device token is good, its scopes are too narrow" Some(Symptom::TokenScopeMismatch);
    AuthTailscaleIdentityMismatch "AUTH_TAILSCALE_IDENTITY_MISMATCH" SharedSecret GatewayOwner AfterChange "the tailnet identity is another one" Some(Symptom::UserRefused);
    AuthTailscaleIdentityMissing "AUTH_TAILSCALE_IDENTITY_MISSING" SharedSecret GatewayOwner AfterChange "no tailnet identity arrived" Some(Symptom::UserRefused);
    AuthTailscaleProxyMissing "AUTH_TAILSCALE_PROXY_MISSING" SharedSecret GatewayOwner AfterChange "the request did not come through tailscale serve" Some(Symptom::UserRefused);
    AuthTailscaleWhoisFailed "AUTH_TAILSCALE_WHOIS_FAILED" SharedSecret GatewayOwner AfterChange "the gateway could not ask the tailnet who called" Some(Symptom::UserRefused);
    AuthTokenMismatch "AUTH_TOKEN_MISMATCH" SharedSecret ClientOwner AfterChange "the shared token differs from the gateway's" Some(Symptom::SharedTokenMismatch);
    AuthTokenMissing "AUTH_TOKEN_MISSING" SharedSecret ClientOwner AfterChange "a device was sent without the shared token" Some(Symptom::SharedTokenMissing);
    AuthTokenNotConfigured "AUTH_TOKEN_NOT_CONFIGURED" SharedSecret GatewayOwner AfterChange "the gateway has no token to compare with" Some(Symptom::CredentialNotConfigured);
    AuthUnauthorized "AUTH_UNAUTHORIZED" SharedSecret ClientOwner AfterChange "the credential was refused" Some(Symptom::CredentialRefused);
    AuthVerifiedUserRequired "AUTH_VERIFIED_USER_REQUIRED" SharedSecret GatewayOwner AfterChange "this gateway admits signed-in users only" Some(Symptom::UserRefused);
    ClientVersionMismatch "CLIENT_VERSION_MISMATCH" Protocol ClientOwner AfterChange "the client's version is not admitted" Some(Symptom::ProtocolMismatch);
    ControlUiBuildMismatch "CONTROL_UI_BUILD_MISMATCH" Protocol ClientOwner AfterChange "the dashboard page is from another build: reload it" Some(Symptom::ProtocolMismatch);
    ControlUiDeviceIdentityRequired "CONTROL_UI_DEVICE_IDENTITY_REQUIRED" Identity ClientOwner AfterChange "the dashboard has no device key: the page is not a secure context" Some(Symptom::InsecureContext);
    ControlUiOriginNotAllowed "CONTROL_UI_ORIGIN_NOT_ALLOWED" Origin GatewayOwner AfterChange "the page's origin is not in gateway.controlUi.allowedOrigins" Some(Symptom::OriginRefused);
    DeviceAuthDeviceIdMismatch "DEVICE_AUTH_DEVICE_ID_MISMATCH" Identity ClientOwner AfterChange "the device id is not the hash of the public key" Some(Symptom::DeviceProofRefused);
    DeviceAuthInvalid "DEVICE_AUTH_INVALID" Identity ClientOwner AfterChange "the device proof was refused" Some(Symptom::DeviceProofRefused);
    DeviceAuthNonceMismatch "DEVICE_AUTH_NONCE_MISMATCH" Identity Program AfterChange "the proof signs another connection's nonce" Some(Symptom::DeviceProofRefused);
    DeviceAuthNonceRequired "DEVICE_AUTH_NONCE_REQUIRED" Identity Program AfterChange "the proof carries no nonce" Some(Symptom::DeviceProofRefused);
    DeviceAuthPublicKeyInvalid "DEVICE_AUTH_PUBLIC_KEY_INVALID" Identity ClientOwner AfterChange "the public key cannot be read" Some(Symptom::DeviceProofRefused);
    DeviceAuthSignatureExpired "DEVICE_AUTH_SIGNATURE_EXPIRED" Clock ClientOwner AfterChange "the proof's time is outside the gateway's window" Some(Symptom::ClockSkew);
    DeviceAuthSignatureInvalid "DEVICE_AUTH_SIGNATURE_INVALID" Identity ClientOwner AfterChange "the signature does not match what was sent" Some(Symptom::DeviceProofRefused);
    DeviceIdentityRequired "DEVICE_IDENTITY_REQUIRED" Identity ClientOwner AfterChange "neither a device nor a usable token was sent" Some(Symptom::DeviceIdentityRequired);
    Forbidden "FORBIDDEN" Other Approver AfterChange "the session may not do this" None;
    InvalidRequest "INVALID_REQUEST" Other Program AfterChange "the request is malformed or names something that is gone" None;
    MissingScope "MISSING_SCOPE" Other Approver AfterChange "the session lacks a scope" Some(Symptom::MissingScope);
    NotPaired "NOT_PAIRED" Identity ClientOwner AfterChange "the device is not admitted, without a reason given" Some(Symptom::PairingRequired);
    PairingRequired "PAIRING_REQUIRED" Pairing Approver UntilDecided "a person must approve this device, or what it now asks for" Some(Symptom::PairingRequired);
    ProtocolMismatch "PROTOCOL_MISMATCH" Protocol ClientOwner AfterChange "no common protocol version" Some(Symptom::ProtocolMismatch);
    ProxyAttributionRequired "PROXY_ATTRIBUTION_REQUIRED" Origin GatewayOwner AfterChange "forwarding headers from a peer that is not in gateway.trustedProxies" Some(Symptom::ProxyRefused);
    Unavailable "UNAVAILABLE" Starting Nobody AfterWait "the gateway is starting or draining" Some(Symptom::Starting);
}

/// How a text begins that says more than its code, and the code it stands for. Up to 2026.2.21 a refusal has no `details.code`;
/// up to 2026.2.26 every refused proof is `DEVICE_AUTH_INVALID`, up to 2026.3.11 an origin has no code of its own, and up to
/// 2026.5.12 a protocol; the newest releases still call some refusals merely unauthorized (read in their packages).
pub const REFUSAL_TEXTS: &[(&str, &str)] = &[
    ("pairing required", "PAIRING_REQUIRED"),
    ("device identity required", "DEVICE_IDENTITY_REQUIRED"),
    ("control ui requires", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"),
    ("device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
    ("device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED"),
    ("device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID"),
    ("device nonce required", "DEVICE_AUTH_NONCE_REQUIRED"),
    ("device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH"),
    ("device public key invalid", "DEVICE_AUTH_PUBLIC_KEY_INVALID"),
    ("origin not allowed", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
    ("origin missing or invalid", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
    ("protocol mismatch: Control UI updated", "CONTROL_UI_BUILD_MISMATCH"),
    ("protocol mismatch", "PROTOCOL_MISMATCH"),
    ("client version mismatch", "CLIENT_VERSION_MISMATCH"),
    ("unauthorized: gateway token missing", "AUTH_TOKEN_MISSING"),
    ("unauthorized: gateway token mismatch", "AUTH_TOKEN_MISMATCH"),
    ("unauthorized: gateway token not configured", "AUTH_TOKEN_NOT_CONFIGURED"),
    ("unauthorized: gateway password missing", "AUTH_PASSWORD_MISSING"),
    ("unauthorized: gateway password mismatch", "AUTH_PASSWORD_MISMATCH"),
    ("unauthorized: gateway password not configured", "AUTH_PASSWORD_NOT_CONFIGURED"),
    ("unauthorized: device token mismatch", "AUTH_DEVICE_TOKEN_MISMATCH"),
    ("unauthorized: device token rejected", "AUTH_DEVICE_TOKEN_MISMATCH"),
    ("unauthorized: device token scope mismatch", "AUTH_SCOPE_MISMATCH"),
    ("unauthorized: bootstrap token invalid or expired", "AUTH_BOOTSTRAP_TOKEN_INVALID"),
    ("unauthorized: setup code invalid", "AUTH_BOOTSTRAP_TOKEN_INVALID"),
    ("unauthorized: tailscale identity missing", "AUTH_TAILSCALE_IDENTITY_MISSING"),
    ("unauthorized: tailscale proxy headers missing", "AUTH_TAILSCALE_PROXY_MISSING"),
    ("unauthorized: tailscale identity check failed", "AUTH_TAILSCALE_WHOIS_FAILED"),
    ("unauthorized: tailscale identity mismatch", "AUTH_TAILSCALE_IDENTITY_MISMATCH"),
    ("unauthorized: too many failed authentication attempts", "AUTH_RATE_LIMITED"),
    ("unauthorized: proxy client attribution is required", "PROXY_ATTRIBUTION_REQUIRED"),
    ("unauthorized role: ", "FORBIDDEN"),
    ("operator role policies require a verified user identity", "AUTH_VERIFIED_USER_REQUIRED"),
    // Its own token is a redaction marker: there is nothing to compare with.
    ("gateway credential is a redaction sentinel", "AUTH_TOKEN_NOT_CONFIGURED"),
    ("missing scope: ", "MISSING_SCOPE"),
    ("unauthorized", "AUTH_UNAUTHORIZED"),
];

/// Codes of `details` that leave open which refusal it is.
const VAGUE: [&str; 4] = ["AUTH_REQUIRED", "AUTH_UNAUTHORIZED", "DEVICE_AUTH_INVALID", "PROTOCOL_MISMATCH"];

impl RefusalCode {
    /// The code of a refusal: that of its `details`, unless there is none or it is vague and the text says more; else the one on
    /// top.
    pub fn of(details: Option<&str>, top: &str, message: &str) -> Self {
        let told = REFUSAL_TEXTS.iter().find(|(text, _)| message.starts_with(text)).map(|(_, code)| *code);
        let name = match details {
            Some(code) if VAGUE.contains(&code) => told.unwrap_or(code),
            Some(code) => code,
            None => told.filter(|_| ["INVALID_REQUEST", "NOT_PAIRED"].contains(&top)).unwrap_or(top),
        };
        Self::from_name(name)
    }

    /// The row of [`REFUSALS`] for this code; `None` for [`RefusalCode::Other`].
    pub fn row(&self) -> Option<&'static RefusalRow> {
        REFUSALS.iter().find(|row| row.code == self.name())
    }

    /// What the state machine makes of it.
    pub fn class(&self) -> RefusalClass {
        self.row().map_or(RefusalClass::Other, |row| row.class)
    }

    /// Who must act; the gateway's owner for a code that this release does not know.
    pub fn actor(&self) -> Actor {
        self.row().map_or(Actor::GatewayOwner, |row| row.actor)
    }

    /// Whether trying again can help; not before a change for a code that this release does not know.
    pub fn retry(&self) -> Retry {
        self.row().map_or(Retry::AfterChange, |row| row.retry)
    }
}

impl Serialize for RefusalCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A refusal as it came over the wire, with everything that a person or a plan needs. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The code that decides.
    pub code: RefusalCode,
    /// The gateway's own words, cut to 512 bytes. For people, never for decisions.
    pub message: String,
    /// Why pairing is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairing: Option<PairingReason>,
    /// The pending request's id, from `error.details`; never from a close reason, which the gateway cuts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The device that the gateway means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Role asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_role: Option<String>,
    /// Scopes asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_scopes: Option<ScopeSet>,
    /// Scopes approved so far (upgrades only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_scopes: Option<ScopeSet>,
    /// The scope that was missing (`MISSING_SCOPE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_scope: Option<String>,
    /// How long the gateway asks the client to wait, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The gateway says that a stored device token would do.
    pub can_retry_with_device_token: bool,
}

impl Refusal {
    /// A refusal with this code and message and nothing else.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            pairing: None,
            request_id: None,
            device_id: None,
            requested_role: None,
            requested_scopes: None,
            approved_scopes: None,
            missing_scope: None,
            retry_after_ms: None,
            can_retry_with_device_token: false,
        }
    }

    /// What the state machine makes of it.
    pub fn class(&self) -> RefusalClass {
        self.code.class()
    }

    /// What a log that tells of it shows: the row of the table of symptoms that it is of.
    pub fn symptom(&self) -> Option<Symptom> {
        let reason = self.pairing.and_then(PairingReason::symptom);
        reason.or(self.code.row().and_then(|row| row.symptom))
    }

    /// The refusal with each text that the gateway chose as `shown` gives it, which is told the most bytes it may have.
    #[must_use]
    pub(crate) fn map_words(self, shown: &dyn Fn(&str, usize) -> String) -> Self {
        let name = |text: Option<String>| text.map(|text| shown(&text, NAME));
        Self {
            code: match self.code {
                RefusalCode::Other(code) => RefusalCode::Other(shown(&code, 64)),
                known => known,
            },
            message: shown(&self.message, LONGEST_MESSAGE),
            request_id: name(self.request_id),
            device_id: name(self.device_id),
            requested_role: name(self.requested_role),
            missing_scope: name(self.missing_scope),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Meaning;

    #[test]
    fn the_table_is_sorted_unique_and_round_trips() {
        for pair in REFUSALS.windows(2) {
            let key = |row: &RefusalRow| row.code.replace('_', "\u{1}");
            assert!(key(&pair[0]) != key(&pair[1]), "{} twice", pair[0].code);
        }
        for row in REFUSALS {
            let code = RefusalCode::from_name(row.code);
            assert!(!matches!(code, RefusalCode::Other(_)), "{}", row.code);
            assert_eq!(code.name(), row.code);
            assert_eq!(code.row(), Some(row));
        }
    }

    #[test]
    fn a_text_says_what_its_code_leaves_open() {
        for (details, top, message, wanted) in [
            // Up to 2026.2.21.
            (None, "NOT_PAIRED", "pairing required", "PAIRING_REQUIRED"),
            (None, "NOT_PAIRED", "device identity required", "DEVICE_IDENTITY_REQUIRED"),
            (None, "INVALID_REQUEST", "unauthorized: gateway token mismatch (x)", "AUTH_TOKEN_MISMATCH"),
            (None, "INVALID_REQUEST", "unauthorized", "AUTH_UNAUTHORIZED"),
            (None, "INVALID_REQUEST", "device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED"),
            // 2026.2.22 to 2026.2.26.
            (
                Some("DEVICE_AUTH_INVALID"),
                "INVALID_REQUEST",
                "device signature expired",
                "DEVICE_AUTH_SIGNATURE_EXPIRED",
            ),
            // Up to 2026.3.11, 2026.5.12 and 2026.7.1.
            (None, "INVALID_REQUEST", "origin not allowed (open it there)", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
            (None, "INVALID_REQUEST", "protocol mismatch", "PROTOCOL_MISMATCH"),
            (None, "INVALID_REQUEST", "missing scope: operator.read", "MISSING_SCOPE"),
            // The newest.
            (
                Some("PROTOCOL_MISMATCH"),
                "UNAVAILABLE",
                "protocol mismatch: Control UI updated; reload",
                "CONTROL_UI_BUILD_MISMATCH",
            ),
            (
                Some("AUTH_REQUIRED"),
                "INVALID_REQUEST",
                "unauthorized: device token rejected (pair)",
                "AUTH_DEVICE_TOKEN_MISMATCH",
            ),
            (
                Some("AUTH_UNAUTHORIZED"),
                "INVALID_REQUEST",
                "unauthorized: proxy client attribution is required (x)",
                "PROXY_ATTRIBUTION_REQUIRED",
            ),
            // What is told apart already stays so, whatever it says.
            (Some("AUTH_TOKEN_MISMATCH"), "INVALID_REQUEST", "pairing required", "AUTH_TOKEN_MISMATCH"),
            (None, "UNAVAILABLE", "pairing required", "UNAVAILABLE"),
            (None, "INVALID_REQUEST", "something else", "INVALID_REQUEST"),
        ] {
            assert_eq!(RefusalCode::of(details, top, message).name(), wanted, "{message}");
        }
        for (text, code) in REFUSAL_TEXTS {
            assert!(!matches!(RefusalCode::from_name(code), RefusalCode::Other(_)), "{code}");
            let said = REFUSAL_TEXTS.iter().find(|(other, _)| text.starts_with(other));
            assert_eq!(said, Some(&(*text, *code)), "a shorter text before it hides {text}");
        }
    }

    /// The names of these are words of many programs: in a log they show nothing by themselves.
    const COMMON: [&str; 3] = ["AUTH_REQUIRED", "MISSING_SCOPE", "UNAVAILABLE"];

    #[test]
    fn a_code_means_on_the_wire_what_its_words_mean_in_a_log() {
        let in_a_log = |words: &str| Meaning::of(words).map(|meaning| meaning.row.symptom);
        for row in REFUSALS {
            let expected = row.symptom.filter(|_| !COMMON.contains(&row.code));
            assert_eq!(in_a_log(row.code), expected, "{}", row.code);
        }
        for (text, code) in REFUSAL_TEXTS {
            let told = RefusalCode::from_name(code).row().and_then(|row| row.symptom);
            assert!(in_a_log(text).is_none_or(|symptom| Some(symptom) == told), "{text}");
        }
        for reason in [
            PairingReason::NotPaired,
            PairingReason::ScopeUpgrade,
            PairingReason::RoleUpgrade,
            PairingReason::MetadataUpgrade,
        ] {
            assert_eq!(in_a_log(&format!("reason={}", reason.name())), reason.symptom());
        }
    }

    #[test]
    fn an_unknown_code_is_kept_and_never_retried_blindly() {
        let code = RefusalCode::from_name("AUTH_MOON_PHASE");
        assert_eq!(code.name(), "AUTH_MOON_PHASE");
        assert_eq!((code.class(), code.retry()), (RefusalClass::Other, Retry::AfterChange));
    }
}
