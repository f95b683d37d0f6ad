//! Text to spanned values, without meaning: YAML as go-yaml reads it, dotenv and interpolation as compose-go does, JSON5,
//! property lists and units of the host's service managers.
//!
//! No part of the API: what is public here is so for the fuzz targets, benchmarks and tests of this crate.
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "nobody outside this crate is to use these types"
)]

pub mod dotenv;
pub mod interpolate;
pub(crate) mod json5;
pub mod offsets;
pub(crate) mod plist;
pub(crate) mod unit;
pub mod yaml;
