//! Which version of Compose to be: `docker compose` is a face on the library compose-go, whose rules have moved.
//!
//! | since | what changed |
//! | --- | --- |
//! | 2.4.9 | a list item `KEY = v` with a blank before `=` is an error |
//! | 2.5.0 | an `env_file` sees the shell and `.env`, then the service's `environment`, then the files before it |
//! | 2.6.0 | `x-` keys merge |
//! | 2.8.0 | with several `--env-file`s a later file sees its own new values before those of earlier files |
//! | 2.9.1 | `!override` counts inside `extends` |
//! | 2.10.0 | an including file may override what it includes |
//! | 2.10.1 | the argument of `:-` and its kin is evaluated only where it is used |
//! | 2.10.2 | includes are read before `extends` |

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A version of compose-go, in the steps that differ.
///
/// The default is what the corpus of this crate was measured on: Debian 13's `docker compose` 2.26.1, which links
/// compose-go 2.4.8. The later ones follow compose-go's change log and were not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Dialect {
    /// compose-go 2.4 up to 2.4.8.
    #[default]
    #[serde(rename = "compose-go 2.4")]
    ComposeGo24,
    /// compose-go 2.4.9.
    #[serde(rename = "compose-go 2.4.9")]
    ComposeGo249,
    /// compose-go 2.5.
    #[serde(rename = "compose-go 2.5")]
    ComposeGo25,
    /// compose-go 2.6 and 2.7.
    #[serde(rename = "compose-go 2.6")]
    ComposeGo26,
    /// compose-go 2.8.
    #[serde(rename = "compose-go 2.8")]
    ComposeGo28,
    /// compose-go 2.9.1.
    #[serde(rename = "compose-go 2.9.1")]
    ComposeGo29,
    /// compose-go 2.10.0.
    #[serde(rename = "compose-go 2.10.0")]
    ComposeGo210,
    /// compose-go 2.10.1.
    #[serde(rename = "compose-go 2.10.1")]
    ComposeGo2101,
    /// compose-go 2.10.2.
    #[serde(rename = "compose-go 2.10.2")]
    ComposeGo2102,
}

impl Dialect {
    /// Every dialect, oldest first.
    pub const ALL: &'static [Self] = &[
        Self::ComposeGo24,
        Self::ComposeGo249,
        Self::ComposeGo25,
        Self::ComposeGo26,
        Self::ComposeGo28,
        Self::ComposeGo29,
        Self::ComposeGo210,
        Self::ComposeGo2101,
        Self::ComposeGo2102,
    ];

    /// The name that reports carry: `compose-go 2.4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ComposeGo24 => "compose-go 2.4",
            Self::ComposeGo249 => "compose-go 2.4.9",
            Self::ComposeGo25 => "compose-go 2.5",
            Self::ComposeGo26 => "compose-go 2.6",
            Self::ComposeGo28 => "compose-go 2.8",
            Self::ComposeGo29 => "compose-go 2.9.1",
            Self::ComposeGo210 => "compose-go 2.10.0",
            Self::ComposeGo2101 => "compose-go 2.10.1",
            Self::ComposeGo2102 => "compose-go 2.10.2",
        }
    }

    /// The version alone: `2.4`.
    #[must_use]
    pub fn version(self) -> &'static str {
        let name = self.name();
        name.strip_prefix("compose-go ").unwrap_or(name)
    }

    /// `KEY = v` in a list is refused.
    pub(crate) fn refuses_blank_before_equals(self) -> bool {
        self >= Self::ComposeGo249
    }

    /// An env file sees the shell first, then the service's `environment`, then the files before it.
    pub(crate) fn env_file_sees_shell_first(self) -> bool {
        self >= Self::ComposeGo25
    }

    /// `x-` keys merge deeply instead of being replaced.
    pub(crate) fn merges_extensions(self) -> bool {
        self >= Self::ComposeGo26
    }

    /// A later `--env-file` sees its own new values before those of earlier files.
    pub(crate) fn env_file_flag_sees_itself_first(self) -> bool {
        self >= Self::ComposeGo28
    }

    /// `!override` counts inside `extends`.
    pub(crate) fn override_in_extends(self) -> bool {
        self >= Self::ComposeGo29
    }

    /// An including file may override what it includes.
    pub(crate) fn may_override_included(self) -> bool {
        self >= Self::ComposeGo210
    }

    /// Arguments of `:-` and its kin are evaluated even where they are not used.
    pub(crate) fn eager_arguments(self) -> bool {
        self < Self::ComposeGo2101
    }

    /// Includes are read before `extends`.
    pub(crate) fn includes_first(self) -> bool {
        self >= Self::ComposeGo2102
    }

    /// `env_file.format: raw` is known (Compose 2.30 on, read in its sources).
    pub(crate) fn knows_raw_env_files(self) -> bool {
        self >= Self::ComposeGo25
    }
}

/// No dialect has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no such dialect; there are {}", names())]
#[non_exhaustive]
pub struct UnknownDialect;

fn names() -> String {
    Dialect::ALL.iter().map(|dialect| dialect.version()).collect::<Vec<_>>().join(", ")
}

/// By its name or its version alone: `compose-go 2.5`, `2.5`.
impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        let named = |dialect: &&Self| dialect.name() == text || dialect.version() == text;
        Self::ALL.iter().find(named).copied().ok_or(UnknownDialect)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
