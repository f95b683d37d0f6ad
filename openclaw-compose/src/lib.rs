#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use secrecy;

mod codes;
#[cfg(feature = "docker")]
#[cfg_attr(docsrs, doc(cfg(feature = "docker")))]
pub mod docker;
pub mod edit;
pub mod finding;
#[cfg(feature = "fs")]
#[cfg_attr(docsrs, doc(cfg(feature = "fs")))]
pub mod fs;
#[cfg(any(feature = "docker", feature = "fs"))]
mod open;
pub mod openclaw;
pub mod project;
pub mod secrets;
pub mod source;
pub mod syntax;
