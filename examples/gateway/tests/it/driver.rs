//! The pairing driver against the embedded gateway, row by row of what OpenClaw 2026.9.6 was seen to do: who is refused why,
//! where the machine ends, and who must act.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]

mod admission;
mod clients;
mod closes;
mod credentials;
mod locality;
mod proof;
mod requests;
