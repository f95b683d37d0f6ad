//! What is wrong, and what to do about it: one file a family.

pub(crate) mod configuration;
pub(crate) mod containers;
pub(crate) mod definitions;
mod found;
pub(crate) mod listener;
pub(crate) mod operation;
pub(crate) mod proxy;
pub(crate) mod reach;
pub(crate) mod remedies;
pub mod search;
pub(crate) mod state;
pub(crate) mod token;

pub(crate) use found::{Cause, Findings};
