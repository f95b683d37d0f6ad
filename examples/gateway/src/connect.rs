//! The first request of a connection, once its shape has been checked.

use serde::Deserialize;

/// Parameters of `connect`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connect {
    #[serde(deserialize_with = "whole")]
    pub(super) min_protocol: u64,
    #[serde(deserialize_with = "whole")]
    pub(super) max_protocol: u64,
    pub(super) client: Client,
    #[serde(default = "operator")]
    pub(super) role: String,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    pub(super) device: Option<Device>,
    #[serde(default)]
    pub(super) auth: Auth,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) mode: String,
    pub(super) version: String,
    pub(super) platform: String,
    pub(super) display_name: Option<String>,
    pub(super) device_family: Option<String>,
    pub(super) build_id: Option<String>,
    pub(super) instance_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) public_key: String,
    pub(super) signature: String,
    #[serde(deserialize_with = "whole")]
    pub(super) signed_at: u64,
    pub(super) nonce: String,
}

/// Credentials as sent. No `Debug`: this is where tokens live.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Auth {
    pub(super) token: Option<String>,
    pub(super) password: Option<String>,
    pub(super) device_token: Option<String>,
    pub(super) bootstrap_token: Option<String>,
}

/// Who the client says it is, as far as admission cares.
impl Client {
    pub(super) fn is_cli(&self) -> bool {
        self.id == "cli" && self.mode == "cli"
    }

    pub(super) fn is_backend(&self) -> bool {
        self.id == "gateway-client" && self.mode == "backend"
    }

    /// Interfaces for people: the web one and the terminal one.
    pub(super) fn is_operator_ui(&self) -> bool {
        matches!(self.id.as_str(), "openclaw-control-ui" | "openclaw-tui")
    }

    pub(super) fn is_webchat(&self) -> bool {
        self.mode == "webchat" || self.id == "webchat-ui"
    }

    /// Clients that run in a browser are held to an origin even when they send none.
    pub(super) fn needs_origin(&self) -> bool {
        self.id == "openclaw-control-ui" || self.is_webchat()
    }

    pub(super) fn is_node(&self) -> bool {
        self.mode == "node"
    }

    /// The name used in log lines.
    pub(super) fn label(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.id)
    }
}

impl Auth {
    /// The shared secret as compared: trimmed; the password field stands in when no token was sent.
    pub(super) fn shared_secret(&self) -> Option<&str> {
        filled(self.token.as_deref()).or_else(|| filled(self.password.as_deref()))
    }

    pub(super) fn sent_shared_secret(&self) -> bool {
        [&self.token, &self.password]
            .iter()
            .any(|field| field.as_deref().is_some_and(|text| !text.is_empty()))
    }

    pub(super) fn explicit_device_token(&self) -> Option<&str> {
        filled(self.device_token.as_deref())
    }

    /// A device token may also travel in the token field.
    pub(super) fn device_token_candidate(&self) -> Option<&str> {
        self.explicit_device_token().or_else(|| filled(self.token.as_deref()))
    }

    /// The token that is part of the signed text: as sent, never the password.
    pub(super) fn signed_token(&self) -> &str {
        [&self.token, &self.device_token, &self.bootstrap_token]
            .into_iter()
            .find_map(|field| field.as_deref())
            .unwrap_or_default()
    }

    /// How log lines name what was offered.
    pub(super) fn kind(&self) -> &'static str {
        let sent = |field: &Option<String>| field.as_deref().is_some_and(|text| !text.is_empty());
        if sent(&self.password) {
            "password"
        } else if sent(&self.token) {
            "token"
        } else if sent(&self.bootstrap_token) {
            "bootstrap-token"
        } else if sent(&self.device_token) {
            "device-token"
        } else {
            "none"
        }
    }

    pub(super) fn sent_anything(&self) -> bool {
        self.kind() != "none"
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn operator() -> String {
    "operator".to_owned()
}

/// JSON has one kind of number: `4.0` is as whole as `4`.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the schema admits whole numbers from 0 only"
    )]
    Ok(number as u64)
}
