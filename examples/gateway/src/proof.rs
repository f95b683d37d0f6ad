//! Does the device hold the key it names, and did it sign this very attempt? OpenClaw 2026.9.6 observed behaviour.

use super::connect::{Connect, Device};
use super::encoding::{device_id, from_base64url};
use ed25519_dalek::{Signature, VerifyingKey};

/// A signature older or newer than this is stale.
const SKEW_MS: u64 = 120_000;

/// Which text was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    V3,
    V2,
}

impl Payload {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V2 => "v2",
        }
    }
}

/// Why a proof was refused, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    IdMismatch,
    Stale,
    NonceMissing,
    NonceMismatch,
    Signature,
}

impl Flaw {
    /// `details.code`, `details.reason`, message.
    pub(super) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::IdMismatch => {
                ("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch", "device identity mismatch")
            }
            Self::Stale => {
                ("DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale", "device signature expired")
            }
            Self::NonceMissing => {
                ("DEVICE_AUTH_NONCE_REQUIRED", "device-nonce-missing", "device nonce required")
            }
            Self::NonceMismatch => {
                ("DEVICE_AUTH_NONCE_MISMATCH", "device-nonce-mismatch", "device nonce mismatch")
            }
            Self::Signature => {
                ("DEVICE_AUTH_SIGNATURE_INVALID", "device-signature", "device signature invalid")
            }
        }
    }
}

/// Checks the proof against the nonce of this connection and the gateway's clock.
pub(super) fn verify(connect: &Connect, device: &Device, nonce: &str, now: u64) -> Result<Payload, Flaw> {
    let key = from_base64url(&device.public_key)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .filter(|bytes| device_id(bytes) == device.id)
        .ok_or(Flaw::IdMismatch)?;
    if now.abs_diff(device.signed_at) > SKEW_MS {
        return Err(Flaw::Stale);
    }
    let sent = device.nonce.trim();
    if sent.is_empty() {
        return Err(Flaw::NonceMissing);
    }
    if sent != nonce {
        return Err(Flaw::NonceMismatch);
    }
    let key = VerifyingKey::from_bytes(&key).map_err(|_| Flaw::Signature)?;
    let signature = from_base64url(&device.signature)
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(Flaw::Signature)?;
    [Payload::V3, Payload::V2]
        .into_iter()
        .find(|payload| {
            key.verify_strict(signed_text(*payload, connect, device, sent).as_bytes(), &signature).is_ok()
        })
        .ok_or(Flaw::Signature)
}

fn signed_text(payload: Payload, connect: &Connect, device: &Device, nonce: &str) -> String {
    let mut text = [
        payload.name(),
        &device.id,
        &connect.client.id,
        &connect.client.mode,
        &connect.role,
        &connect.scopes.join(","),
        &device.signed_at.to_string(),
        connect.auth.signed_token(),
        nonce,
    ]
    .join("|");
    if payload == Payload::V3 {
        let family = connect.client.device_family.as_deref().unwrap_or_default();
        for field in [&connect.client.platform, family] {
            text.push('|');
            text.push_str(&pinned_form(field));
        }
    }
    text
}

/// Platform and family are compared and signed trimmed and in lower case.
pub(super) fn pinned_form(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base64url;
    use ed25519_dalek::{Signer, SigningKey};
    use serde_json::json;

    const NONCE: &str = "11111111-2222-4333-8444-555555555555";
    const SIGNED_AT: u64 = 1_737_264_000_000;

    fn signed(version: Payload, edit: impl FnOnce(&mut serde_json::Value)) -> Connect {
        let key = SigningKey::from_bytes(&[9; 32]);
        let public = key.verifying_key().to_bytes();
        let mut params = json!({
            "minProtocol": 4, "maxProtocol": 4,
            "client": { "id": "cli", "version": "1", "platform": " Linux ", "mode": "cli" },
            "scopes": ["operator.read", "operator.pairing"],
            "auth": { "token": "test-token-proof" },
            "device": {
                "id": device_id(&public), "publicKey": base64url(&public), "signature": "x",
                "signedAt": SIGNED_AT, "nonce": NONCE
            }
        });
        let connect: Connect = serde_json::from_value(params.clone()).unwrap();
        let text = signed_text(version, &connect, connect.device.as_ref().unwrap(), NONCE);
        params["device"]["signature"] = json!(base64url(&key.sign(text.as_bytes()).to_bytes()));
        edit(&mut params);
        serde_json::from_value(params).unwrap()
    }

    fn attempt(version: Payload, edit: impl FnOnce(&mut serde_json::Value)) -> Result<Payload, Flaw> {
        let connect = signed(version, edit);
        let device = connect.device.clone().expect("every attempt names a device");
        verify(&connect, &device, NONCE, SIGNED_AT + SKEW_MS)
    }

    #[test]
    fn the_clocks_may_differ_by_two_minutes_either_way() {
        let connect = signed(Payload::V3, |_| ());
        let device = connect.device.clone().expect("every attempt names a device");
        for (now, expected) in [
            (SIGNED_AT - 120_000, Ok(Payload::V3)),
            (SIGNED_AT + 120_000, Ok(Payload::V3)),
            (SIGNED_AT - 120_001, Err(Flaw::Stale)),
            (SIGNED_AT + 120_001, Err(Flaw::Stale)),
        ] {
            assert_eq!(verify(&connect, &device, NONCE, now), expected, "{now}");
        }
    }

    #[test]
    fn both_payload_versions_are_accepted() {
        assert_eq!(attempt(Payload::V3, |_| ()), Ok(Payload::V3));
        assert_eq!(attempt(Payload::V2, |_| ()), Ok(Payload::V2));
    }

    #[test]
    fn a_v2_signature_does_not_cover_the_platform_and_a_v3_one_does() {
        assert_eq!(attempt(Payload::V2, |p| p["client"]["platform"] = json!("darwin")), Ok(Payload::V2));
        assert_eq!(attempt(Payload::V3, |p| p["client"]["platform"] = json!("darwin")), Err(Flaw::Signature));
    }

    #[test]
    fn every_flaw_has_its_own_name_and_the_first_one_wins() {
        assert_eq!(
            attempt(Payload::V3, |p| p["device"]["id"] = json!("a".repeat(64))),
            Err(Flaw::IdMismatch)
        );
        assert_eq!(attempt(Payload::V3, |p| p["device"]["publicKey"] = json!("?")), Err(Flaw::IdMismatch));
        assert_eq!(
            attempt(Payload::V3, |p| p["device"]["signedAt"] = json!(SIGNED_AT - 1)),
            Err(Flaw::Stale)
        );
        assert_eq!(attempt(Payload::V3, |p| p["device"]["nonce"] = json!(" ")), Err(Flaw::NonceMissing));
        assert_eq!(attempt(Payload::V3, |p| p["device"]["nonce"] = json!("other")), Err(Flaw::NonceMismatch));
        assert_eq!(
            attempt(Payload::V3, |p| p["auth"]["token"] = json!("test-token-other")),
            Err(Flaw::Signature)
        );
    }
}
