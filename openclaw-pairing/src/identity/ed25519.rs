//! An Ed25519 key as a [`DeviceSigner`], and OpenClaw's identity files.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signer as _, SigningKey};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DeviceSigner, SignError};

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
        Self::of(SigningKey::from_bytes(seed))
    }

    fn of(key: SigningKey) -> Self {
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
        let key = SigningKey::from_pkcs8_pem(&file.private_key_pem).map_err(|_| IdentityFileError::Key)?;
        let key = Self::of(key);
        if key.id != file.device_id {
            let stated = crate::words::shown(file.device_id, 64);
            return Err(IdentityFileError::OtherDevice { stated, derived: key.id });
        }
        Ok(key)
    }

    /// The text of `identity/device.json` for this key. It holds the private key: write it with mode 0600.
    pub fn to_identity_file(&self, created_at_ms: u64) -> SecretString {
        // Without its public half, as OpenClaw writes it: OpenSSL 3.0 does not read the other form.
        let private = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        // 32 bytes always encode.
        let private = private.to_pkcs8_pem(LineEnding::LF).unwrap_or_default();
        let public = self.key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap_or_default();
        let file = IdentityFileOut {
            version: 1,
            device_id: &self.id,
            public_key_pem: &public,
            private_key_pem: &private,
            created_at_ms,
        };
        // Strings and a number always serialise.
        SecretString::from(serde_json::to_string_pretty(&file).unwrap_or_default() + "\n")
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
    use base64ct::{Base64UrlUnpadded, Encoding as _};

    use super::*;
    use crate::ScopeSet;
    use crate::wire::{Challenge, ClientInfo, ConnectParams, PayloadVersion, Proof, signed_text};

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
            assert_eq!(Base64UrlUnpadded::encode_string(&signature), expected, "{version:?}");
        }
        let challenge = Challenge { nonce: nonce.to_owned(), ts: 1_737_264_000_000 };
        let proof = Proof::sign(&key, &params(), Some(&token), &challenge).unwrap();
        assert_eq!(proof.signature, V3);
        // A gateway before 2026.2.26 knows the older form alone.
        let release = |text| PayloadVersion::of(crate::version::Version::parse(text));
        assert_eq!((release("2026.2.25"), release("2026.2.26")), (PayloadVersion::V2, PayloadVersion::V3));
        assert_eq!(PayloadVersion::of(None), PayloadVersion::V3);
        let old = Proof::sign_as(release("2026.2.25"), &key, &params(), Some(&token), &challenge).unwrap();
        assert_eq!(old.signature, V2);
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
        assert!(!format!("{read:?}").contains(&Base64UrlUnpadded::encode_string(&[9; 32])));
    }

    /// What OpenClaw's own runtime writes for this key, and what it refuses.
    #[test]
    fn the_pem_is_the_one_that_openclaw_writes() {
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n-----END PUBLIC KEY-----\n";
        let file = DeviceKey::from_seed(&[7; 32]).to_identity_file(5);
        let file: serde_json::Value = serde_json::from_str(file.expose_secret()).unwrap();
        assert_eq!((&file["privateKeyPem"], &file["publicKeyPem"]), (&private.into(), &public.into()));
        let read = |pem: &str| {
            let mut file = file.clone();
            file["privateKeyPem"] = pem.into();
            DeviceKey::from_identity_file(&SecretString::from(file.to_string())).map(|key| key.id)
        };
        assert!(read(&private.replace('\n', "\r\n")).is_ok());
        assert!(read(private.trim_end()).is_ok());
        let other = private.replace("VwBCIE", "VuBCIE");
        for pem in [public, "", "-----BEGIN PRIVATE KEY-----", &other, &private.replace("BwcH", "BwcHBwcH")] {
            assert_eq!(read(pem), Err(IdentityFileError::Key), "{pem}");
        }
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
