//! What a client says: the connect request with its credential and proof, and every later request.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::{NEWEST_PROTOCOL, OLDEST_PROTOCOL};
use crate::output::CredentialKind;
use crate::scope::ScopeSet;

/// A connection's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// People and their tools.
    Operator,
    /// A machine that the gateway commands.
    Node,
}

impl Role {
    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

/// Who a client says it is. Pinned at approval: a change of platform or family makes the gateway ask a person again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientInfo {
    /// From the gateway's closed list, such as `cli`.
    pub id: String,
    /// The client's own version.
    pub version: String,
    /// Such as `linux`.
    pub platform: String,
    /// From the gateway's closed list, such as `cli`.
    pub mode: String,
    /// Such as `Linux`; part of the v3 signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// What lists show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

impl ClientInfo {
    /// A client of the kind `cli`, which keeps its scopes on loopback without a device.
    pub fn cli(version: impl Into<String>, platform: impl Into<String>) -> Self {
        Self {
            id: "cli".to_owned(),
            version: version.into(),
            platform: platform.into(),
            mode: "cli".to_owned(),
            device_family: None,
            display_name: None,
        }
    }
}

/// The device part of a connect request.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Proof {
    /// The device.
    pub id: String,
    /// Its public key, base64url without padding.
    pub public_key: String,
    /// The signature, base64url without padding.
    pub signature: String,
    /// When it was signed, in milliseconds of the gateway's clock.
    pub signed_at: u64,
    /// The challenge's nonce.
    pub nonce: String,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof")
            .field("id", &self.id)
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// A connect request's content, but for secrets and proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectParams {
    /// Who the client says it is.
    pub client: ClientInfo,
    /// The role asked for.
    pub role: Role,
    /// The scopes asked for, as names in the order to send and sign.
    pub scopes: Vec<String>,
    /// Lowest and highest protocol offered.
    pub protocols: (u32, u32),
}

impl ConnectParams {
    /// An operator that asks for these scopes and speaks every protocol that this crate knows.
    pub fn operator(client: ClientInfo, scopes: ScopeSet) -> Self {
        Self {
            client,
            role: Role::Operator,
            scopes: scopes.names().map(str::to_owned).collect(),
            protocols: (OLDEST_PROTOCOL, NEWEST_PROTOCOL),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawConnect<'a> {
    min_protocol: u32,
    max_protocol: u32,
    client: &'a ClientInfo,
    role: &'a str,
    scopes: &'a [String],
    caps: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<RawAuth<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a Proof>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawAuth<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bootstrap_token: Option<&'a str>,
}

#[derive(Serialize)]
struct RawRequest<'a, P> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    method: &'a str,
    params: P,
}

/// The connect request as text. It holds the credential, so the text is a secret.
pub fn connect_frame(
    id: &str,
    params: &ConnectParams,
    credential: CredentialKind,
    secret: Option<&SecretString>,
    proof: Option<&Proof>,
) -> SecretString {
    let secret = secret.map(ExposeSecret::expose_secret);
    let auth = match credential {
        CredentialKind::None => None,
        CredentialKind::Shared => Some(RawAuth { token: secret, ..RawAuth::default() }),
        CredentialKind::DeviceToken => Some(RawAuth { device_token: secret, ..RawAuth::default() }),
        CredentialKind::Bootstrap => Some(RawAuth { bootstrap_token: secret, ..RawAuth::default() }),
    };
    let connect = RawConnect {
        min_protocol: params.protocols.0,
        max_protocol: params.protocols.1,
        client: &params.client,
        role: params.role.name(),
        scopes: &params.scopes,
        caps: [],
        auth,
        device: proof,
    };
    SecretString::from(request_text(id, "connect", connect))
}

/// Any other request as text.
pub fn request_frame(id: &str, method: &str, params: &Value) -> String {
    request_text(id, method, params)
}

fn request_text(id: &str, method: &str, params: impl Serialize) -> String {
    // Strings, numbers and borrowed values always serialise; an empty frame would be refused by the gateway.
    serde_json::to_string(&RawRequest { kind: "req", id, method, params }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_sent_that_a_gateway_does_not_know() {
        let params =
            ConnectParams::operator(ClientInfo::cli("0.1.0", "linux"), ScopeSet::from([crate::Scope::Read]));
        let secret = SecretString::from("canary-1");
        let frame = connect_frame("c1", &params, CredentialKind::Shared, Some(&secret), None);
        assert_eq!(
            frame.expose_secret(),
            r#"{"type":"req","id":"c1","method":"connect","params":{"minProtocol":3,"maxProtocol":4,"client":{"id":"cli","version":"0.1.0","platform":"linux","mode":"cli"},"role":"operator","scopes":["operator.read"],"caps":[],"auth":{"token":"canary-1"}}}"#
        );
        assert!(!format!("{frame:?}").contains("canary"));
    }
}
