//! Fingerprints: what may be written into a ticket so that two people can say "the same token".

use crate::token::{self, WeakToken};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Keeps a token's digest apart from every other SHA-256 of the same text, and from later versions of this scheme.
const DOMAIN: &[u8] = b"openclaw-token/fingerprint/v1\0";

/// The same for the name of a key.
const KEY_DOMAIN: &[u8] = b"openclaw-token/fingerprint-key/v1\0";

/// A digest of a token, fit for tickets, records and logs.
///
/// Text form: `oct1:` and 64 hexadecimal digits, or `oct1k-` with eight digits naming the key, a colon and 64
/// digits. [`short`](Self::short) shows the first twelve digits in groups.
///
/// # What it does not protect
/// Whoever reads an unkeyed fingerprint can test guesses against it, on any number of machines, without asking the
/// gateway. That is harmless for a random token (2¹¹² guesses and more) and fatal for a guessable one, so a token
/// below the strength floor gets none: [`of`](Self::of) refuses. It also tells readers of two tickets whether two
/// sites use the same token; use [`keyed`](Self::keyed), with a key that only the comparing parties hold, where
/// that matters. It does not authenticate anything: who can write the ticket can write any fingerprint.
///
/// ```
/// use openclaw_token::{Fingerprint, mint, secrecy::SecretString};
/// let fingerprint = Fingerprint::of(&mint().unwrap())?;
/// assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
/// assert!(Fingerprint::of(&SecretString::from("hunter2")).is_err());
/// # Ok::<(), openclaw_token::WeakToken>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint {
    key: Option<[u8; 4]>,
    digest: [u8; 32],
}

impl Fingerprint {
    /// The fingerprint of exactly these bytes: nothing is trimmed or unquoted first.
    ///
    /// # Errors
    /// The token is below the strength floor (see [`token::STRENGTH_FLOOR_BITS`]).
    pub fn of(token: &SecretString) -> Result<Self, WeakToken> {
        token::require_strong(token)?;
        let digest = Sha256::new().chain_update(DOMAIN).chain_update(token.expose_secret()).finalize().into();
        Ok(Self { key: None, digest })
    }

    /// The keyed fingerprint (HMAC-SHA-256): only holders of the key can make, compare or test one.
    #[must_use]
    pub fn keyed(key: &FingerprintKey, token: &SecretString) -> Self {
        let mac = key.mac.clone().chain_update(DOMAIN).chain_update(token.expose_secret());
        Self { key: Some(key.name), digest: mac.finalize().into_bytes().into() }
    }

    /// Whether `token` has this fingerprint; `None` if this one is keyed and the key is not given or another one.
    #[must_use]
    pub fn matches(&self, token: &SecretString, key: Option<&FingerprintKey>) -> Option<bool> {
        match (self.key, key) {
            (None, _) => Some(Self::of(token).is_ok_and(|other| other == *self)),
            (Some(name), Some(key)) => {
                let other = Self::keyed(key, token);
                (other.key == Some(name)).then_some(other == *self)
            }
            (Some(_), None) => None,
        }
    }

    /// Whether a key was used.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// For people: the first 48 bits in groups, `oct1:3f9a-77c2-b801`. Enough to tell tokens of one ticket apart, not
    /// to prove equality; compare whole fingerprints for that.
    #[must_use]
    pub fn short(&self) -> String {
        let text = self.to_string();
        let (scheme, digits) = text.split_once(':').unwrap_or_default();
        let group = |from: usize| digits.get(from..from + 4).unwrap_or_default();
        format!("{scheme}:{}-{}-{}", group(0), group(4), group(8))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            None => write!(f, "oct1:{}", hex::encode(self.digest)),
            Some(key) => write!(f, "oct1k-{}:{}", hex::encode(key), hex::encode(self.digest)),
        }
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let (scheme, digits) = text.split_once(':').ok_or(FingerprintError::Malformed)?;
        let key = match scheme.split_once('-') {
            None if scheme == "oct1" => None,
            Some(("oct1k", name)) => Some(bytes(name)?),
            _ if scheme.starts_with("oct") => return Err(FingerprintError::UnknownScheme),
            _ => return Err(FingerprintError::Malformed),
        };
        Ok(Self { key, digest: bytes(digits)? })
    }
}

/// Lower-case hexadecimal only, so that equal fingerprints are equal texts.
fn bytes<const N: usize>(digits: &str) -> Result<[u8; N], FingerprintError> {
    let mut bytes = [0; N];
    if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(FingerprintError::Malformed);
    }
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| FingerprintError::Malformed)?;
    Ok(bytes)
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

/// Why a text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Not the text form.
    #[error("a fingerprint is `oct1:` or `oct1k-<key>:` and 64 lower-case hexadecimal digits")]
    Malformed,
    /// The text form of a version this crate does not know.
    #[error("this fingerprint was made by a newer openclaw-token")]
    UnknownScheme,
}

/// A key for fingerprints that must not be testable by whoever reads them. At least 32 bytes; wiped when dropped.
pub struct FingerprintKey {
    mac: Hmac<Sha256>,
    name: [u8; 4],
}

impl FingerprintKey {
    /// Takes over the bytes of a key.
    ///
    /// # Errors
    /// Fewer than 32 bytes: such a key could be guessed, and with it the token tested.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ShortKey> {
        let bytes = SecretSlice::from(bytes.into());
        let bytes = bytes.expose_secret();
        let short = ShortKey { length: bytes.len() };
        if short.length < 32 {
            return Err(short);
        }
        // HMAC itself takes a key of any length.
        let mac = Hmac::new_from_slice(bytes).map_err(|_| short)?;
        let digest = Sha256::new().chain_update(KEY_DOMAIN).chain_update(bytes).finalize();
        let mut name = [0; 4];
        name.copy_from_slice(digest.get(..4).unwrap_or_default());
        Ok(Self { mac, name })
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey([REDACTED])")
    }
}

/// A fingerprint key of fewer than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint key has at least 32 bytes, this one has {length}")]
#[non_exhaustive]
pub struct ShortKey {
    /// What was given.
    pub length: usize,
}

/// The runbook's form, for teams whose ticket template asks for it: the first eight characters of the token itself.
///
/// It **reveals** them: 32 of the 256 bits of a token from `openssl rand -hex 32`. It is therefore refused unless what
/// remains is above the strength floor on its own. Prefer [`Fingerprint::short`], which reveals nothing.
///
/// # Errors
/// The token, or the part of it that stays secret, is below the strength floor.
pub fn first_eight(token: &SecretString) -> Result<String, WeakToken> {
    token::require_strong(token)?;
    let text = token.expose_secret();
    let Some((split, _)) = text.char_indices().nth(8) else { return Err(WeakToken::of(token)) };
    let (shown, kept) = text.split_at(split);
    token::require_strong(&SecretString::from(kept))?;
    Ok(shown.to_owned())
}
