//! An Ed25519 key as a [`DeviceSigner`], and OpenClaw's identity files.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DeviceSigner, SignError, base64url};

/// A device's Ed25519 key. It is wiped from memory when dropped and never printed.
pub struct DeviceKey {
    key: SigningKey,
    id: String,
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// DER of a PKCS #8 Ed25519 private key (RFC 8410), up to its 32 bytes.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// DER of an Ed25519 public key (RFC 8410), up to its 32 bytes.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// OpenClaw's identity file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityFileError {
    /// Not JSON of the known shape.
    #[error(
        "not an OpenClaw identity file: expected version 1 with `deviceId`, `publicKeyPem` and `privateKeyPem`"
    )]
    Shape,
    /// The private key is no Ed25519 key in PKCS #8.
    #[error("`privateKeyPem` is not an Ed25519 key in PKCS #8 PEM")]
    Key,
    /// The file's device id belongs to another key.
    #[error(
        "the file says device {stated}, its key says {derived}: the file was put together from two devices"
    )]
    OtherDevice {
        /// What the file says.
        stated: String,
        /// What the key says.
        derived: String,
    },
}

/// Secrets inside OpenClaw's files, wiped when dropped. The files themselves are secrets, so writing one is meant.
mod wiped {
    use super::{Deserialize as _, Zeroizing};

    pub(super) fn serialize<S: serde::Serializer>(
        text: &Zeroizing<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityFile<'a> {
    version: u32,
    device_id: &'a str,
    #[serde(with = "wiped")]
    private_key_pem: Zeroizing<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityFileOut<'a> {
    version: u32,
    device_id: &'a str,
    public_key_pem: &'a str,
    private_key_pem: &'a str,
    created_at_ms: u64,
}

impl DeviceKey {
    /// The key with this seed. Take the seed from the operating system's randomness.
    ///
    /// ```
    /// use openclaw_pairing::DeviceSigner;
    /// use openclaw_pairing::identity::DeviceKey;
    ///
    /// let key = DeviceKey::from_seed(&[7; 32]);
    /// assert_eq!(key.device_id(), "fe812c12f3ab4ce6ac5db69ac352f906cb1b11ef43fb33e252ef7ff552263889");
    /// ```
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        let id = digest.iter().fold(String::with_capacity(64), |mut id, byte| {
            for nibble in [byte >> 4, byte & 15] {
                id.extend(char::from_digit(u32::from(nibble), 16));
            }
            id
        });
        Self { key, id }
    }

    /// Reads `identity/device.json` as OpenClaw up to 2026.7 writes it.
    ///
    /// # Errors
    /// [`IdentityFileError`] if the text has another shape, or its id and key do not belong together.
    pub fn from_identity_file(text: &SecretString) -> Result<Self, IdentityFileError> {
        let file: IdentityFile<'_> =
            serde_json::from_str(text.expose_secret()).map_err(|_| IdentityFileError::Shape)?;
        if file.version != 1 {
            return Err(IdentityFileError::Shape);
        }
        let key = Self::from_pem(&file.private_key_pem).ok_or(IdentityFileError::Key)?;
        if key.id != file.device_id {
            let stated = crate::words::shown(file.device_id, 64);
            return Err(IdentityFileError::OtherDevice { stated, derived: key.id });
        }
        Ok(key)
    }

    /// The text of `identity/device.json` for this key. It holds the private key: write it with mode 0600.
    pub fn to_identity_file(&self, created_at_ms: u64) -> SecretString {
        let mut private = Zeroizing::new(PKCS8_PREFIX.to_vec());
        private.extend_from_slice(&Zeroizing::new(self.key.to_bytes())[..]);
        let public = [&SPKI_PREFIX[..], self.key.verifying_key().as_bytes()].concat();
        let private_pem = Zeroizing::new(pem("PRIVATE KEY", &private));
        let file = IdentityFileOut {
            version: 1,
            device_id: &self.id,
            public_key_pem: &pem("PUBLIC KEY", &public),
            private_key_pem: &private_pem,
            created_at_ms,
        };
        // Strings and a number always serialise.
        SecretString::from(serde_json::to_string_pretty(&file).unwrap_or_default() + "\n")
    }

    fn from_pem(pem: &str) -> Option<Self> {
        let body = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?;
        let body = body.strip_suffix("-----END PRIVATE KEY-----")?;
        let der = Zeroizing::new(decode_base64(body)?);
        let seed = Zeroizing::new(<[u8; 32]>::try_from(der.strip_prefix(&PKCS8_PREFIX)?).ok()?);
        Some(Self::from_seed(&seed))
    }
}

impl DeviceSigner for DeviceKey {
    fn device_id(&self) -> &str {
        &self.id
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    fn sign(&self, payload: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.key.sign(payload).to_bytes())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // PEM wants the standard alphabet with padding.
    let mut body = base64url(der).replace('-', "+").replace('_', "/");
    body.extend(std::iter::repeat_n('=', (4 - body.len() % 4) % 4));
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + &format!("\n-----END {label}-----\n")
}

/// Base64, standard or url alphabet, padding and white space ignored.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// Device tokens by role, as OpenClaw up to 2026.7 keeps them in `identity/device-auth.json`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredTokens {
    /// The device they are for.
    pub device_id: String,
    /// Role and its token.
    pub tokens: BTreeMap<String, SecretString>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenFile {
    version: u32,
    device_id: String,
    tokens: BTreeMap<String, TokenEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenEntry {
    #[serde(with = "wiped")]
    token: Zeroizing<String>,
    role: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    updated_at_ms: u64,
}

impl StoredTokens {
    /// Reads `identity/device-auth.json`.
    ///
    /// # Errors
    /// [`IdentityFileError::Shape`] if the text has another shape.
    pub fn from_file(text: &SecretString) -> Result<Self, IdentityFileError> {
        let file: TokenFile =
            serde_json::from_str(text.expose_secret()).map_err(|_| IdentityFileError::Shape)?;
        if file.version != 1 {
            return Err(IdentityFileError::Shape);
        }
        let tokens = file
            .tokens
            .into_iter()
            .map(|(role, entry)| (role, SecretString::from(entry.token.as_str())))
            .collect();
        Ok(Self { device_id: file.device_id, tokens })
    }

    /// The text of `identity/device-auth.json` with this role's token set, other roles unchanged. It holds tokens:
    /// write it with mode 0600.
    ///
    /// # Errors
    /// [`IdentityFileError::Shape`] if `before` is not empty and has another shape;
    /// [`IdentityFileError::OtherDevice`] if it is another device's.
    pub fn with_token(
        before: Option<&SecretString>,
        device_id: &str,
        role: &str,
        scopes: crate::ScopeSet,
        token: &SecretString,
        now_ms: u64,
    ) -> Result<SecretString, IdentityFileError> {
        let mut file = match before {
            Some(text) => serde_json::from_str::<TokenFile>(text.expose_secret())
                .map_err(|_| IdentityFileError::Shape)?,
            None => TokenFile { version: 1, device_id: device_id.to_owned(), tokens: BTreeMap::new() },
        };
        if file.device_id != device_id {
            return Err(IdentityFileError::OtherDevice {
                stated: file.device_id,
                derived: device_id.to_owned(),
            });
        }
        let entry = TokenEntry {
            token: Zeroizing::new(token.expose_secret().to_owned()),
            role: role.to_owned(),
            scopes: scopes.names().map(str::to_owned).collect(),
            updated_at_ms: now_ms,
        };
        file.tokens.insert(role.to_owned(), entry);
        serde_json::to_string_pretty(&file)
            .map(|text| SecretString::from(text + "\n"))
            .map_err(|_| IdentityFileError::Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ScopeSet;
    use crate::identity::{PayloadVersion, Proof, signed_text};
    use crate::wire::{Challenge, ClientInfo, ConnectParams};

    /// Seed of 32 × 7; the values were checked against a running gateway.
    const V3: &str = "67bqTz1jVDBBxs-o3NdJja19Qw3IvO99fSjkCycwgOdgseDo0ushEvS-tlDY_zqrU50w2FX73-IYaMrtOOQiAw";
    const V2: &str = "BzP7qhEfL0t0zrqgKVCM-yVH4qcTSv5OuhJMEGOQQ8jBYrktXtP0JX8g9A00SGT7SFipBQiIoDR2bcSScpGSBA";

    fn params() -> ConnectParams {
        let scopes = ScopeSet::from([crate::Scope::Read, crate::Scope::Pairing]);
        ConnectParams::operator(ClientInfo::cli("0.0.1", "linux"), scopes)
    }

    #[test]
    fn both_payloads_match_the_vectors_that_a_gateway_accepted() {
        let key = DeviceKey::from_seed(&[7; 32]);
        let token = SecretString::from("tok-EXAMPLE");
        let nonce = "11111111-2222-4333-8444-555555555555";
        for (version, expected) in [(PayloadVersion::V3, V3), (PayloadVersion::V2, V2)] {
            let text =
                signed_text(version, key.device_id(), &params(), Some(&token), 1_737_264_000_000, nonce);
            let signature = key.sign(text.expose_secret().as_bytes()).unwrap();
            assert_eq!(base64url(&signature), expected, "{version:?}");
        }
        let challenge = Challenge { nonce: nonce.to_owned(), ts: 1_737_264_000_000 };
        let proof = Proof::sign(&key, &params(), Some(&token), &challenge).unwrap();
        assert_eq!(proof.signature, V3);
        assert_eq!(proof.public_key, "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw");
    }

    #[test]
    fn an_identity_file_round_trips_and_a_mixed_one_is_refused() {
        let key = DeviceKey::from_seed(&[9; 32]);
        let file = key.to_identity_file(5);
        let read = DeviceKey::from_identity_file(&file).unwrap();
        assert_eq!((read.id.as_str(), read.public_key()), (key.id.as_str(), key.public_key()));
        let mixed = file.expose_secret().replace(&key.id, DeviceKey::from_seed(&[8; 32]).device_id());
        let error = DeviceKey::from_identity_file(&SecretString::from(mixed)).unwrap_err();
        assert!(matches!(error, IdentityFileError::OtherDevice { .. }), "{error}");
        assert!(!format!("{read:?}").contains(&base64url(&[9; 32])));
    }

    #[test]
    fn a_token_file_keeps_other_roles_and_other_devices_out() {
        let token = SecretString::from("canary-1");
        let first = StoredTokens::with_token(None, "d-1", "operator", ScopeSet::EMPTY, &token, 1).unwrap();
        let both = StoredTokens::with_token(Some(&first), "d-1", "node", ScopeSet::EMPTY, &token, 2).unwrap();
        let read = StoredTokens::from_file(&both).unwrap();
        assert_eq!(read.tokens.keys().collect::<Vec<_>>(), ["node", "operator"]);
        assert!(!format!("{read:?}").contains("canary"));
        assert!(StoredTokens::with_token(Some(&both), "d-2", "node", ScopeSet::EMPTY, &token, 3).is_err());
    }
}
