//! The device part of a connect request: what is signed, and the signature.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use secrecy::{ExposeSecret, SecretString};

use super::{Challenge, ConnectParams, Proof};
use crate::identity::{DeviceSigner, SignError};
use crate::version::{Rule, V2, Version, rule};

/// Which form of the signed text. Gateways know v3 from 2026.2.26 on, and still take v2 (OpenClaw 2026.9.6 observed behaviour).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadVersion {
    /// Without platform and family.
    V2,
    /// With platform and family.
    #[default]
    V3,
}

impl PayloadVersion {
    /// The newest form that a gateway of this release knows; the newest of all if the release is not known.
    pub fn of(release: Option<Version>) -> Self {
        match rule(Rule::Proof, release) {
            Some(row) if row.value == V2 => Self::V2,
            _ => Self::V3,
        }
    }
}

/// The text to sign. It contains the credential, so it is a secret.
///
/// ```
/// use openclaw_pairing::wire::{PayloadVersion, signed_text};
/// use openclaw_pairing::secrecy::ExposeSecret;
/// use openclaw_pairing::wire::{Challenge, ClientInfo, ConnectParams};
/// use openclaw_pairing::{Scope, ScopeSet};
///
/// let params = ConnectParams::operator(ClientInfo::cli("0.1.0", " Linux "), ScopeSet::from([Scope::Read]));
/// let text = signed_text(PayloadVersion::V3, "d0", &params, None, 5, "n-1");
/// assert_eq!(text.expose_secret(), "v3|d0|cli|cli|operator|operator.read|5||n-1|linux|");
/// ```
pub fn signed_text(
    version: PayloadVersion,
    device_id: &str,
    params: &ConnectParams,
    credential: Option<&SecretString>,
    signed_at_ms: u64,
    nonce: &str,
) -> SecretString {
    let client = &params.client;
    let scopes = params.scopes.join(",");
    let credential = credential.map_or("", ExposeSecret::expose_secret);
    // The gateway pins platform and family trimmed and in ASCII lower case.
    let pinned = |text: &str| text.trim().to_ascii_lowercase();
    let platform = pinned(&client.platform);
    let family = pinned(client.device_family.as_deref().unwrap_or_default());
    let signed_at = signed_at_ms.to_string();
    let prefix = match version {
        PayloadVersion::V2 => "v2",
        PayloadVersion::V3 => "v3",
    };
    let common = [
        prefix,
        device_id,
        &client.id,
        &client.mode,
        params.role.name(),
        &scopes,
        &signed_at,
        credential,
        nonce,
    ];
    let pinned: &[&str] = match version {
        PayloadVersion::V2 => &[],
        PayloadVersion::V3 => &[&platform, &family],
    };
    // Sized beforehand: growing would leave copies of the credential behind.
    let length: usize = common.iter().chain(pinned).map(|part| part.len() + 1).sum();
    let mut text = String::with_capacity(length);
    for part in common.iter().chain(pinned) {
        if !text.is_empty() {
            text.push('|');
        }
        text.push_str(part);
    }
    SecretString::from(text)
}

impl Proof {
    /// Signs a challenge in the newest form, at the gateway's own time: the device's clock cannot matter.
    ///
    /// # Errors
    /// [`SignError`] if the signer cannot sign.
    pub fn sign(
        signer: &dyn DeviceSigner,
        params: &ConnectParams,
        credential: Option<&SecretString>,
        challenge: &Challenge,
    ) -> Result<Self, SignError> {
        Self::sign_as(PayloadVersion::default(), signer, params, credential, challenge)
    }

    /// The same in another form: that which an older gateway knows ([`PayloadVersion::of`]).
    ///
    /// # Errors
    /// [`SignError`] if the signer cannot sign.
    pub fn sign_as(
        form: PayloadVersion,
        signer: &dyn DeviceSigner,
        params: &ConnectParams,
        credential: Option<&SecretString>,
        challenge: &Challenge,
    ) -> Result<Self, SignError> {
        let id = signer.device_id();
        let text = signed_text(form, id, params, credential, challenge.ts, &challenge.nonce);
        let signature = signer.sign(text.expose_secret().as_bytes())?;
        Ok(Self {
            id: id.to_owned(),
            public_key: Base64UrlUnpadded::encode_string(&signer.public_key()),
            signature: Base64UrlUnpadded::encode_string(&signature),
            signed_at: challenge.ts,
            nonce: challenge.nonce.clone(),
        })
    }
}
