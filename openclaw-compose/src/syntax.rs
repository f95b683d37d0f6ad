//! Text to spanned values, without meaning: YAML as go-yaml reads it, dotenv and interpolation as compose-go does, JSON5.

pub mod dotenv;
pub mod interpolate;
pub mod json5;
pub mod offsets;
pub mod yaml;
