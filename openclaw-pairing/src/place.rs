//! Where in the caller's texts something stands.
#![allow(
    clippy::exhaustive_enums,
    reason = "the shape that all crates share: a new word in it is a new shape"
)]

use serde::Serialize;

/// Where in the caller's texts a finding comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// What the place has to do with the finding.
    pub role: PlaceRole,
    /// The name that the caller gave the text.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte range in the text.
    pub span: [usize; 2],
}

/// What a place has to do with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceRole {
    /// This line decided.
    Decided,
    /// This line was overruled.
    Shadowed,
    /// This line goes with it.
    Related,
}
