//! The source floor: places, and what a quote shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;
mod masking;
mod places;
