#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod digest;
#[cfg(all(feature = "fs", unix))]
pub mod fs;

pub use digest::{Digest, DigestError};
pub use secrecy;
