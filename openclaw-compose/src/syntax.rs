//! Text to spanned values, without meaning: YAML as go-yaml reads it, dotenv and interpolation as compose-go does, JSON5,
//! property lists and units of the host's service managers.

pub mod dotenv;
pub mod interpolate;
pub mod json5;
pub mod offsets;
pub(crate) mod plist;
pub(crate) mod unit;
pub mod yaml;
