//! The crate as its callers meet it: one program, so that a change links once.

mod budget;
mod codes;
mod hostile;
mod object_store;
mod race;
mod record;
mod secrecy;
mod settle;
mod transaction;
mod vectors;
