//! The embedded gateway as a plain client, the pairing driver and the ladder meet it.

mod admission;
mod client;
mod driver;
mod ladder;
mod life;
mod pairing;
