//! The settings of this process: its environment, and the directory in which `docker` keeps its configuration.
#![expect(
    clippy::disallowed_methods,
    reason = "reading this process's own settings is what this file is for"
)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::open;
use crate::source::Text;

use super::Settings;

/// The largest setting that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// The most contexts that are read.
const MOST: usize = 256;

impl Settings {
    /// `DOCKER_HOST` and `DOCKER_CONTEXT` of this process, and what lies in `DOCKER_CONFIG` or `~/.docker`. What is not
    /// there, or cannot be read, is left out, as `docker` does.
    #[must_use]
    pub fn here() -> Self {
        let variable = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker"));
        let directory = std::env::var_os("DOCKER_CONFIG")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(home);
        let directory = directory.as_deref();
        Self {
            host: variable("DOCKER_HOST"),
            context: variable("DOCKER_CONTEXT"),
            config: directory
                .and_then(|directory| read(&directory.join("config.json")))
                .map_or_else(|| Text::from(""), Text::from),
            contexts: directory.map(contexts).unwrap_or_default(),
            ..Self::default()
        }
    }
}

fn contexts(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join("contexts/meta")).into_iter().flatten().flatten();
    entries.take(MOST).filter_map(|entry| read(&entry.path().join("meta.json"))).collect()
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    open::file(path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}
