//! The crate as its callers meet it: one program, so that a change links once.

#[cfg(all(feature = "client", feature = "ed25519"))]
mod bad_gateway;
mod bounds;
mod canary;
mod clients;
mod codes;
mod dependencies;
mod driver_faults;
mod driver_secrets;
mod driver_sessions;
mod incidents;
mod live;
mod offline;
mod plans;
mod transcripts;
