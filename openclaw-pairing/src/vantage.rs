//! From where something was seen.

use serde::Serialize;

/// Where a text was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Vantage {
    /// Inside the gateway's network namespace.
    Gateway,
    /// Where the CLI runs.
    Client,
    /// The dashboard in a browser.
    Dashboard,
    /// The host of the containers.
    Host,
}

impl Vantage {
    /// The word that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Client => "client",
            Self::Dashboard => "dashboard",
            Self::Host => "host",
        }
    }
}
