//! What follows from a stack: who listens where, who wins the token, who reaches whom.

pub(crate) mod clients;
pub(crate) mod listener;
pub(crate) mod origin;
pub(crate) mod reach;
pub(crate) mod state;
pub(crate) mod token;
