//! Fixed vectors, made with Python's hashlib and hmac. They may never change: tickets out there hold such fingerprints.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use openclaw_token::secrecy::SecretString;
use openclaw_token::{Fingerprint, FingerprintError, FingerprintKey};
use proptest::prelude::*;

/// Token (made up, and in pieces so that no scanner takes it for a secret), fingerprint, fingerprint under the key
/// 00 01 … 1f.
const VECTORS: [(&str, &str, &str); 3] = [
    (
        concat!("d41b0e8c5f7a9236", "4cb1e07f58a3d96b", "21f04e7783ac5d19", "6e0fb8d24c7a9135"),
        concat!("oct1:1735a7cef5203b815e876fd45769a33d", "c55af3d5890aa8d2c79eb0b8c261ba71"),
        concat!("oct1k-9cea4d73:d288235fb5d01e5e799ba1eaa425f47b", "628e138ebb78b486c4c5a3530d68c63e"),
    ),
    (
        concat!("9c5e02b7f1a84d63", "e0b92c75d8f31a46", "708be5c23f9d1a64"),
        concat!("oct1:5d61b6eccbd33be80e77d7085deebf05", "2d9468b7d02251257fa0f060c309ef6d"),
        concat!("oct1k-9cea4d73:dc53bd8b04680876154b1dd821ea1c57", "5f39f872eef0ba746ec9dd348fa6ce91"),
    ),
    (
        concat!("q8ZtV3xN0pLr7YdK", "w2BfHs5JmEuGc9Ta"),
        concat!("oct1:8c9d54b16ba6bf872b946f725392225c", "db7d057ca4aa214eadc42f75adc6e942"),
        concat!("oct1k-9cea4d73:8e2d74ee055e0a078ce0f456dec72faa", "f72ce796f417d8d016679b9322d50a37"),
    ),
];

fn key() -> FingerprintKey {
    FingerprintKey::new((0..32).collect::<Vec<u8>>()).unwrap()
}

#[test]
fn vectors() {
    for (token, plain, keyed) in VECTORS {
        let token = SecretString::from(token);
        assert_eq!(Fingerprint::of(&token).unwrap().to_string(), plain);
        assert_eq!(Fingerprint::keyed(&key(), &token).to_string(), keyed);
        let keyed: Fingerprint = keyed.parse().unwrap();
        assert_eq!(keyed.matches(&token, Some(&key())), Some(true));
        assert_eq!(keyed.matches(&token, None), None);
        let other_key = FingerprintKey::new(vec![7; 32]).unwrap();
        assert_eq!(keyed.matches(&token, Some(&other_key)), None);
        assert_eq!(keyed.matches(&SecretString::from("other"), Some(&key())), Some(false));
    }
    let first: Fingerprint = VECTORS[0].1.parse().unwrap();
    assert_eq!(first.short(), "oct1:1735-a7ce-f520");
}

#[test]
fn short_keys_are_refused() {
    assert_eq!(FingerprintKey::new(vec![0; 31]).unwrap_err().length, 31);
}

proptest! {
    #[test]
    fn text_round_trip(digest in "[0-9a-f]{64}", name in "[0-9a-f]{8}") {
        for text in [format!("oct1:{digest}"), format!("oct1k-{name}:{digest}")] {
            let fingerprint: Fingerprint = text.parse().unwrap();
            prop_assert_eq!(fingerprint.to_string(), text);
        }
        let upper = format!("oct1:{}A", &digest[..63]);
        prop_assert_eq!(upper.parse::<Fingerprint>(), Err(FingerprintError::Malformed));
        let newer = format!("oct2:{digest}");
        prop_assert_eq!(newer.parse::<Fingerprint>(), Err(FingerprintError::UnknownScheme));
    }

    #[test]
    fn other_texts_are_refused(text in "\\PC{0,80}") {
        if let Ok(fingerprint) = text.parse::<Fingerprint>() {
            prop_assert_eq!(fingerprint.to_string(), text);
        }
    }
}
