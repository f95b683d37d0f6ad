//! Ids, tokens and the one text encoding that the protocol uses (base64url without padding, RFC 4648 section 5).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};

/// Encodes without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes with or without padding; `None` for anything else.
pub(super) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    // The classic alphabet is accepted too: the gateway normalises keys before it hashes them.
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    LENIENT.decode(text).ok()
}

/// Like Node, it does not look at what is left of a last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// A device id: lower-case hex SHA-256 of the 32 raw bytes of its public key.
pub(super) fn device_id(public_key: &[u8]) -> String {
    hex::encode(Sha256::digest(public_key))
}

/// Source of request ids, nonces, connection ids and device tokens: a hashed counter, so that a seed repeats a whole run.
#[derive(Debug)]
pub(super) struct Ids {
    seed: u64,
    drawn: u64,
}

impl Ids {
    pub(super) fn new(seed: Option<u64>) -> Self {
        // RandomState is seeded by the operating system.
        Self { seed: seed.unwrap_or_else(|| RandomState::new().hash_one("gateway")), drawn: 0 }
    }

    /// A version 4 UUID in shape.
    pub(super) fn uuid(&mut self) -> String {
        let bytes = self.draw();
        let hex = hex::encode(bytes.get(..16).unwrap_or_default());
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
        format!("{}-{}-4{}-a{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
    }

    /// 32 bytes as 43 characters, the shape of a device token.
    pub(super) fn device_token(&mut self) -> String {
        base64url(&self.draw())
    }

    /// 24 bytes as 48 hex characters, the shape of a token that the gateway makes up at start.
    pub(super) fn runtime_token(&mut self) -> String {
        hex::encode(self.draw().get(..24).unwrap_or_default())
    }

    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.drawn.to_be_bytes());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_round_trips_and_rejects_other_alphabets() {
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(from_base64url(&base64url(&bytes)).as_deref(), Some(bytes.as_slice()));
        }
        assert_eq!(base64url(b"f"), "Zg");
        assert_eq!(base64url(b"foobar"), "Zm9vYmFy");
        assert_eq!(from_base64url("not base64!"), None);
    }

    #[test]
    fn ids_have_the_shapes_of_the_real_ones() {
        let mut ids = Ids::new(Some(7));
        let uuid = ids.uuid();
        assert_eq!((uuid.len(), uuid.get(14..15)), (36, Some("4")));
        assert_eq!(ids.device_token().len(), 43);
        assert_eq!(ids.runtime_token().len(), 48);
        assert_ne!(ids.uuid(), uuid);
    }
}
