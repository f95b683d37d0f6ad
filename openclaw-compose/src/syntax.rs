//! Text to spanned values, without meaning: YAML as go-yaml reads it, dotenv and interpolation as compose-go does, JSON5,
//! property lists and units of the host's service managers.
//!
//! No part of the API: what is public here is so for the fuzz targets of this crate.
#![allow(unreachable_pub, reason = "the fuzz targets reach it")]

pub mod dotenv;
pub mod interpolate;
pub(crate) mod json5;
pub mod offsets;
pub(crate) mod plist;
pub(crate) mod unit;
pub mod yaml;

#[cfg(test)]
mod tests;
