//! The runbook over the four crates: gates, ticket, renderers and the embedded gateway.

pub mod captured;
pub mod child;
pub mod clean;
pub mod compose_flags;
pub mod containers;
pub mod diagnose;
pub mod errors;
pub mod evidence;
pub mod examined;
pub mod finding;
pub mod fixture;
pub mod gates;
pub mod gateway;
pub mod instant;
pub mod interrupt;
pub mod lifecycle;
pub mod looks_secret;
pub mod oracle;
pub mod output;
pub mod owners;
pub mod probing;
pub mod program;
pub mod rehearsal;
pub mod render;
pub mod story;
pub mod ticket;
mod words;
