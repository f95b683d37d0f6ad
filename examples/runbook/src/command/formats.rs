//! How an answer is written: for a terminal or for a machine.

use clap::{Args, ValueEnum};

#[derive(Args)]
pub(super) struct Formats {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// As --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a machine
    Json,
}

impl Formats {
    pub(super) fn is_json(&self) -> bool {
        self.json || self.format == Format::Json
    }
}
