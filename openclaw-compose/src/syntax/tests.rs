//! The syntax floor against hand-made cases, properties and a canary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod canary;
mod dotenv;
mod interpolate;
mod properties;
mod yaml;
