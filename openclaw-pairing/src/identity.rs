//! Device identity: who signs. The key itself stays with the caller's signer; what is signed is in `wire/proof.rs`.

/// Signs for one device. A key in a file, an agent or a hardware module all fit.
pub trait DeviceSigner: Send + Sync {
    /// The device id: lower-case hex SHA-256 of the 32 bytes of [`DeviceSigner::public_key`].
    fn device_id(&self) -> &str;

    /// The raw Ed25519 public key.
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature of `payload`. The payload contains the credential: do not log or keep it.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot be used now.
    fn sign(&self, payload: &[u8]) -> Result<[u8; 64], SignError>;
}

/// The signer could not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device key could not sign: {reason}")]
#[non_exhaustive]
pub struct SignError {
    /// The signer's own words; it must not put a secret in them.
    pub reason: String,
}

impl SignError {
    /// An error with these words.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

#[cfg(feature = "ed25519")]
mod ed25519;
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub use ed25519::{DeviceKey, IdentityFileError, StoredTokens};
