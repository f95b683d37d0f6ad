//! The oracle, held to its own recordings.

mod transcripts;
