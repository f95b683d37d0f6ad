//! The targets that may be probed: a `file_sd` list, as Prometheus reads it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use openclaw_probe::Target;
use openclaw_runbook::reading;
use serde::Deserialize;

/// A list of targets, and the file that it came from.
pub(super) struct Allowed {
    path: PathBuf,
    targets: RwLock<HashSet<Target>>,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: reading::ReadError },
    /// What the reader of JSON says may quote the text.
    #[error("{path} is not a file_sd list: see line {line}, column {column}")]
    Json { path: PathBuf, line: usize, column: usize },
    #[error("{path}: target {index} of group {group} is not usable: {source}")]
    Target { path: PathBuf, group: usize, index: usize, source: openclaw_probe::TargetError },
}

#[derive(Deserialize)]
struct Group {
    targets: Vec<String>,
}

impl Allowed {
    pub(super) fn read(path: &Path) -> Result<Self, ListError> {
        Ok(Self { path: path.to_owned(), targets: RwLock::new(load(path)?) })
    }

    /// Reads the file again; on an error the old list stays.
    pub(super) fn reload(&self) -> Result<usize, ListError> {
        let fresh = load(&self.path)?;
        let count = fresh.len();
        *self.targets.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(count)
    }

    pub(super) fn contains(&self, target: &Target) -> bool {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).contains(target)
    }
}

fn load(path: &Path) -> Result<HashSet<Target>, ListError> {
    let text = reading::bytes(path).map_err(|source| ListError::Read { path: path.to_owned(), source })?;
    let not_a_list = |error: serde_json::Error| ListError::Json {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    let groups: Vec<Group> = serde_json::from_slice(&text).map_err(not_a_list)?;
    let mut targets = HashSet::new();
    for (group, entry) in groups.into_iter().enumerate() {
        for (index, text) in entry.targets.into_iter().enumerate() {
            let unusable = |source| ListError::Target { path: path.to_owned(), group, index, source };
            targets.insert(text.parse().map_err(unusable)?);
        }
    }
    Ok(targets)
}
