#![doc = include_str!("../README.md")]
//!
//! # Floors
//!
//! Each floor imports from those below it alone, and no two rooms of a folder need each other; a test reads this table and
//! the imports.
//!
//! | floor | rooms | what is there |
//! | --- | --- | --- |
//! | 9 | `docker`, `fs` | what is read from running containers and from files |
//! | 8 | `openclaw` | what is known of a stack, and the report that comes out |
//! | 7 | `openclaw::findings` | a file a family: check, sentence, remedy |
//! | 6 | `openclaw::verdict` | who listens where, who wins the token, who reaches whom |
//! | 5 | `openclaw::model` | what a stack says, read once |
//! | 4 | `openclaw::rules` | rows with the releases they hold for, and a citation |
//! | 3 | `project`, `open` | the stack as Compose resolves it, which knows nothing of OpenClaw; files opened within bounds |
//! | 2 | `syntax`, `edit`, `finding` | texts as spanned values, edits as data on spans, what is said of them |
//! | 1 | `source`, `secrets`, `codes`, `words` | files, spans, what must not be shown |
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use secrecy;

pub mod codes;
#[cfg(feature = "docker")]
#[cfg_attr(docsrs, doc(cfg(feature = "docker")))]
pub mod docker;
pub mod edit;
pub mod finding;
#[cfg(feature = "fs")]
#[cfg_attr(docsrs, doc(cfg(feature = "fs")))]
pub mod fs;
#[cfg(any(feature = "docker", feature = "fs"))]
mod open;
pub mod openclaw;
pub mod project;
pub mod secrets;
pub mod source;
// The fuzzers ask the parsers one by one.
#[cfg(fuzzing)]
pub mod syntax;
#[cfg(not(fuzzing))]
mod syntax;
mod words;
