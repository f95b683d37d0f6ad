#![doc = include_str!("../README.md")]
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "what is promised is the JSON of a ticket; these types serve the programs of this package"
)]

pub mod asking;
pub mod capture;
pub mod captured;
pub mod child;
pub mod clean;
pub mod comparison;
pub mod containers;
pub mod device;
pub mod diagnose;
pub mod errors;
pub mod evidence;
pub mod explanation;
pub mod finding;
pub mod fixture;
pub mod gates;
pub mod instant;
pub mod interrupt;
pub mod ladders;
mod launchd;
pub mod lifecycle;
pub mod output;
pub mod owners;
pub mod post;
pub mod probing;
pub mod program;
pub mod project;
pub mod reading;
pub mod recovery;
pub mod rehearsal;
pub mod render;
pub mod targets;
pub mod ticket;
pub mod timeline;
pub mod topology;
mod upstreams;
pub mod words;
