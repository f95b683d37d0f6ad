//! What OpenClaw makes of a resolved stack.

mod config;
pub mod rules;
mod version;

pub use config::{Substituted, substitute};
pub use version::{BadVersion, Version, Versions};
