#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use secrecy;

pub mod openclaw;
pub mod source;
pub mod syntax;
