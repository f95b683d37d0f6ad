//! The crate as its callers meet it: one program, so that a change links once.

mod faults;
mod readme;
mod server;
mod supervisors;
mod transcripts;
