//! A stack's directory in, a ticket out.
//!
//! Everything that was found is gathered in one [`case::Case`]: what openclaw-compose says about the files, what the
//! captured logs, device lists and `docker inspect` show, and what openclaw-pairing makes of them. The gates are judged
//! over all of it at once.

pub mod case;
pub mod codes;
mod devices;
mod life;
pub mod live;

pub use codes::shut_by;
