//! Device lists: the payload of `device.pair.list`, which `openclaw devices list --json` prints unchanged.

mod read;

use serde::{Deserialize, Serialize};

use crate::scope::ScopeSet;
#[cfg(feature = "offline")]
pub(crate) use read::{FEW, Name, Rows};
use read::{few, few_names, name, optional_name};

/// The most rows of a kind that a list holds.
pub(crate) const MOST_ROWS: usize = 10_000;

/// What a gateway (or its store) knows about devices. Unknown keys are ignored; secrets are never in it.
///
/// Whoever asks to be paired chooses most of it: names are cut and shown without what would act on a terminal, and of each
/// kind the first 10,000 rows are kept.
///
/// ```
/// use openclaw_pairing::DeviceList;
///
/// let list = DeviceList::from_json(r#"{"pending":[{"requestId":"r-1","deviceId":"d-1","scopes":["operator.read"]}],"paired":[]}"#)?;
/// assert_eq!(list.pending_for("d-1").map(|request| request.request_id.as_str()), Some("r-1"));
/// # Ok::<(), openclaw_pairing::DeviceListError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "read::Answer")]
#[non_exhaustive]
pub struct DeviceList {
    /// Requests that wait for a decision.
    pub pending: Vec<PendingRequest>,
    /// Devices that were approved.
    pub paired: Vec<PairedDevice>,
    /// Rows that were there and are not kept.
    #[serde(skip_serializing_if = "is_none")]
    pub left_out: usize,
}

fn is_none(rows: &usize) -> bool {
    *rows == 0
}

/// A request that waits for a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PendingRequest {
    /// Its id; replaced whenever the device asks for something else.
    #[serde(deserialize_with = "name")]
    pub request_id: String,
    /// The device that asks.
    #[serde(deserialize_with = "name")]
    pub device_id: String,
    /// What the client calls itself.
    #[serde(deserialize_with = "optional_name")]
    pub display_name: Option<String>,
    /// `client.id` on the wire.
    #[serde(deserialize_with = "name")]
    pub client_id: String,
    /// `client.mode` on the wire.
    #[serde(deserialize_with = "name")]
    pub client_mode: String,
    /// The platform that the client claims.
    #[serde(deserialize_with = "name")]
    pub platform: String,
    /// Role asked for.
    #[serde(deserialize_with = "name")]
    pub role: String,
    /// Scopes asked for.
    pub scopes: ScopeSet,
    /// The peer's address; absent for loopback.
    #[serde(deserialize_with = "optional_name")]
    pub remote_ip: Option<String>,
    /// True if a known device asks again with the same key.
    pub is_repair: bool,
    /// When it was created, in milliseconds of the gateway's clock.
    pub ts: u64,
    /// When it was last refreshed by a covered reconnect.
    pub refreshed_at_ms: Option<u64>,
}

/// A device that was approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PairedDevice {
    /// The device.
    #[serde(deserialize_with = "name")]
    pub device_id: String,
    /// What the client calls itself.
    #[serde(deserialize_with = "optional_name")]
    pub display_name: Option<String>,
    /// `client.id` on the wire.
    #[serde(deserialize_with = "name")]
    pub client_id: String,
    /// `client.mode` on the wire.
    #[serde(deserialize_with = "name")]
    pub client_mode: String,
    /// The platform pinned at approval.
    #[serde(deserialize_with = "name")]
    pub platform: String,
    /// Its first role.
    #[serde(deserialize_with = "name")]
    pub role: String,
    /// Every approved role.
    #[serde(deserialize_with = "few_names")]
    pub roles: Vec<String>,
    /// Approved scopes.
    pub scopes: ScopeSet,
    /// Where it came from; absent for loopback.
    #[serde(deserialize_with = "optional_name")]
    pub remote_ip: Option<String>,
    /// `owner`, `silent`, `trusted-cidr` and others.
    #[serde(deserialize_with = "name")]
    pub approved_via: String,
    /// When it was approved, in milliseconds of the gateway's clock.
    pub approved_at_ms: u64,
    /// When it was last seen.
    pub last_seen_at_ms: Option<u64>,
    /// True while it holds a session.
    pub connected: bool,
    /// Its tokens, one a role, without their bytes.
    #[serde(deserialize_with = "few")]
    pub tokens: Vec<TokenSummary>,
}

/// A device token without its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TokenSummary {
    /// The role it is for.
    #[serde(deserialize_with = "name")]
    pub role: String,
    /// The scopes it carries.
    pub scopes: ScopeSet,
    /// When it was revoked, if it was.
    pub revoked_at_ms: Option<u64>,
    /// When it was last rotated.
    pub rotated_at_ms: Option<u64>,
}

/// A text is not a device list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceListError {
    /// Not JSON, or JSON of another shape. What the reader of JSON says of it may quote the text, so it is not passed on.
    #[error(
        "not a device list: expected an object with `pending` and `paired` as `openclaw devices list --json` prints it"
    )]
    Shape,
    /// An error object of the CLI instead of a list. Its words are not repeated: they may hold anything.
    #[error("the CLI printed an error instead of a device list")]
    CliError {
        /// The CLI's own words.
        message: String,
    },
}

impl DeviceList {
    /// Reads the text of `openclaw devices list --json`, or the payload of `device.pair.list`.
    ///
    /// # Errors
    /// [`DeviceListError::CliError`] if the text is the CLI's error object, [`DeviceListError::Shape`] for anything else.
    pub fn from_json(text: &str) -> Result<Self, DeviceListError> {
        let answer: read::Answer = serde_json::from_str(text.trim()).map_err(|_| DeviceListError::Shape)?;
        if answer.error.is_some() {
            let words =
                serde_json::from_str::<read::Refused>(text.trim()).map(|refused| refused.error.message);
            return Err(DeviceListError::CliError {
                message: words.unwrap_or_else(|_| "no message".to_owned()),
            });
        }
        if answer.pending.is_none() && answer.paired.is_none() {
            return Err(DeviceListError::Shape);
        }
        Ok(answer.into())
    }

    /// The one pending request of this device: the gateway keeps at most one a device.
    pub fn pending_for(&self, device_id: &str) -> Option<&PendingRequest> {
        self.pending.iter().find(|request| request.device_id == device_id)
    }

    /// The approved record of this device.
    pub fn paired_for(&self, device_id: &str) -> Option<&PairedDevice> {
        self.paired.iter().find(|device| device.device_id == device_id)
    }
}

impl PairedDevice {
    /// True if the device has a token for `role` that was not revoked: only then is the role in effect.
    pub fn has_live_role(&self, role: &str) -> bool {
        self.tokens.iter().any(|token| token.role == role && token.revoked_at_ms.is_none())
    }
}
