//! The proof of a device: each flaw has its own code, and the first one is named.

use std::sync::Arc;

use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::refusal::RefusalCode;
use openclaw_pairing::{DeviceSigner, Phase, SignError};
use serde_json::json;

use super::clients::{
    Between, Edit, TOKEN, client, code, gateway, key, local, session, stopped, token, with, wrong,
};

/// A signer that gets one thing wrong.
struct Wrong {
    key: DeviceKey,
    id: Option<String>,
    signs: fn(&DeviceKey, &[u8]) -> [u8; 64],
}

impl DeviceSigner for Wrong {
    fn device_id(&self) -> &str {
        self.id.as_deref().unwrap_or(self.key.device_id())
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    fn sign(&self, payload: &[u8]) -> Result<[u8; 64], SignError> {
        Ok((self.signs)(&self.key, payload))
    }
}

fn sign(key: &DeviceKey, text: &str) -> [u8; 64] {
    key.sign(text.as_bytes()).expect("a key signs")
}

#[tokio::test]
async fn a_wrong_device_proof_is_refused_before_the_token_is_looked_at() {
    let gateway = gateway().await;
    let key = || DeviceKey::from_seed(&[2; 32]);
    let faithful: fn(&DeviceKey, &[u8]) -> [u8; 64] = |key, payload| key.sign(payload).expect("a key signs");
    let cases = [
        (Some("aa".repeat(32)), faithful, RefusalCode::DeviceAuthDeviceIdMismatch),
        (
            None,
            (|_, _| [7; 64]) as fn(&DeviceKey, &[u8]) -> [u8; 64],
            RefusalCode::DeviceAuthSignatureInvalid,
        ),
        // Signed without the token that is sent.
        (
            None,
            |key, payload| {
                let text = String::from_utf8_lossy(payload).replace(TOKEN, "");
                sign(key, &text)
            },
            RefusalCode::DeviceAuthSignatureInvalid,
        ),
    ];
    for (id, signs, expected) in cases {
        let signer = Arc::new(Wrong { key: key(), id, signs });
        let stopped = stopped(local(&gateway).shared_token(token()).signer(signer)).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, Phase::IdentityRefused));
    }
    // Payload v2 is still taken.
    let signs: fn(&DeviceKey, &[u8]) -> [u8; 64] = |key, payload| {
        let text = String::from_utf8_lossy(payload).into_owned();
        let fields: Vec<&str> = text.split('|').collect();
        let v2 = ["v2"].into_iter().chain(fields[1..9].iter().copied()).collect::<Vec<_>>().join("|");
        sign(key, &v2)
    };
    let signer = Arc::new(Wrong { key: key(), id: None, signs });
    session(local(&gateway).shared_token(token()).signer(signer)).await;
}

#[tokio::test]
async fn a_first_frame_that_was_tampered_with_is_refused_by_its_first_flaw() {
    let gateway = gateway().await;
    let cases: [(Edit, RefusalCode, Phase); 12] = [
        // Left out altogether, a nonce is a matter of shape.
        (
            |frame| {
                let mut frame: serde_json::Value = serde_json::from_str(frame).expect("JSON");
                frame["params"]["device"].as_object_mut().expect("a device").remove("nonce");
                frame.to_string()
            },
            RefusalCode::InvalidRequest,
            Phase::Refused,
        ),
        // Of two flaws the first in the gateway's order is named: the id before the time, the time before the nonce.
        (
            |frame| {
                let late = with(frame, "/params/device/signedAt", json!(1));
                with(&late, "/params/device/id", json!("aa".repeat(32)))
            },
            RefusalCode::DeviceAuthDeviceIdMismatch,
            Phase::IdentityRefused,
        ),
        (
            |frame| {
                let late = with(frame, "/params/device/signedAt", json!(1));
                with(&late, "/params/device/nonce", json!("of another connection"))
            },
            RefusalCode::DeviceAuthSignatureExpired,
            Phase::ClockSkewed,
        ),
        (
            |frame| with(frame, "/params/device/signedAt", json!(1)),
            RefusalCode::DeviceAuthSignatureExpired,
            Phase::ClockSkewed,
        ),
        (
            |frame| with(frame, "/params/device/signedAt", json!(9_000_000_000_000_u64)),
            RefusalCode::DeviceAuthSignatureExpired,
            Phase::ClockSkewed,
        ),
        (
            |frame| with(frame, "/params/device/nonce", json!("of another connection")),
            RefusalCode::DeviceAuthNonceMismatch,
            Phase::IdentityRefused,
        ),
        (
            |frame| with(frame, "/params/device/nonce", json!(" ")),
            RefusalCode::DeviceAuthNonceRequired,
            Phase::IdentityRefused,
        ),
        (
            |frame| with(frame, "/params/device/publicKey", json!("?")),
            RefusalCode::DeviceAuthDeviceIdMismatch,
            Phase::IdentityRefused,
        ),
        (
            |frame| with(frame, "/params/client/platform", json!("darwin")),
            RefusalCode::DeviceAuthSignatureInvalid,
            Phase::IdentityRefused,
        ),
        (|frame| with(frame, "/params/role", json!("admin")), RefusalCode::InvalidRequest, Phase::Refused),
        (|frame| with(frame, "/params/caps", json!("none")), RefusalCode::InvalidRequest, Phase::Refused),
        (
            |frame| with(frame, "/params/maxProtocol", json!(3)),
            RefusalCode::ProtocolMismatch,
            Phase::Incompatible,
        ),
    ];
    for (edit, expected, phase) in cases {
        let between = Between::editing(edit).url(&gateway).await;
        // A wrong token beside it stays unlooked at: the proof is judged first.
        let stopped = stopped(client(&between).signer(key(11)).shared_token(wrong())).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, phase), "{stopped}");
    }
}
