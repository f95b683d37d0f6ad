//! A stack and what was captured of it, copied as a fixture of the crates' tests: nothing secret, nothing of the machine
//! that it ran on, and no more than a test can use. What decides a diagnosis stays as it was, line by line.
#![expect(clippy::disallowed_methods, reason = "it writes the copy")]

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use crate::fixture::{Mask, secrets};
use crate::reading::{self, ReadError};

/// Where the stack of every fixture lies.
const HOME: &str = "/srv/stack";
/// How many files of one directory are listed that have the same owner and mode.
const ALIKE: usize = 16;

/// Why a stack could not be copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A directory cannot be listed, or a file not be written.
    #[error("{path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be read, or it is no text, so that nothing in it could be masked.
    #[error("{path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
    /// `inspect.json` is not what `docker inspect` prints.
    #[error("{path}: not what `docker inspect` prints, in line {line}")]
    NotInspect {
        /// Which.
        path: PathBuf,
        /// The line, from one. The parser's own words may quote the text.
        line: usize,
    },
}

/// Copies all files of `stack` to `to`, masked by one [`Mask`]. The secrets are those of the stack's own files and of
/// `captured/inspect.json`; its directory, here and where its containers were made, becomes `/srv/stack`.
///
/// Two files are made smaller. Of `captured/inspect.json` the engine's own files are left out; of
/// `captured/ownership.txt` the seventeenth and further entries of a directory that have the same owner and mode.
///
/// # Errors
/// [`CopyError`]: a file cannot be read, is no text, or cannot be written.
pub fn copy(stack: &Path, to: &Path) -> Result<(), CopyError> {
    let mut texts = BTreeMap::new();
    read(stack, Path::new(""), &mut texts)?;
    let is_said = |name: &Path| name.starts_with("captured/logs") || name.starts_with("captured/devices");
    let carriers = texts.iter().filter(|(name, _)| !is_said(name));
    let mut mask = Mask::new(carriers.flat_map(|(_, text)| secrets(text)).collect());

    let mut homes = vec![stack.canonicalize().map_err(at(stack))?.to_string_lossy().into_owned()];
    if let Some(inspect) = texts.get_mut(Path::new("captured/inspect.json")) {
        let path = stack.join("captured/inspect.json");
        let mut containers =
            containers(inspect).map_err(|error| CopyError::NotInspect { path, line: error.line() })?;
        homes.extend(containers.iter().filter_map(home).map(str::to_owned));
        containers.iter_mut().for_each(leave_out_the_engine);
        *inspect = lines(&containers);
    }
    if let Some(listing) = texts.get_mut(Path::new("captured/ownership.txt")) {
        *listing = without_the_alike(listing);
    }
    // One may lie in the other.
    homes.sort_by_key(|home| Reverse(home.len()));
    for (name, mut text) in texts {
        for home in &homes {
            text = text.replace(home, HOME);
        }
        let copy = to.join(&name);
        let directory = copy.parent().unwrap_or(to);
        fs::create_dir_all(directory).map_err(at(directory))?;
        fs::write(&copy, mask.text(&text)).map_err(at(&copy))?;
    }
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::Io { path, source }
}

/// Everything below a directory of the stack, by its path in there: in order, so that two copies of one run agree.
fn read(stack: &Path, below: &Path, texts: &mut BTreeMap<PathBuf, String>) -> Result<(), CopyError> {
    let directory = stack.join(below);
    for entry in fs::read_dir(&directory).map_err(at(&directory))? {
        let entry = entry.map_err(at(&directory))?;
        let name = below.join(entry.file_name());
        let path = entry.path();
        if entry.file_type().map_err(at(&path))?.is_dir() {
            read(stack, &name, texts)?;
        } else {
            let text = reading::text(&path).map_err(|source| CopyError::Read { path, source })?;
            texts.insert(name, text);
        }
    }
    Ok(())
}

/// What `docker inspect` prints; nothing where there was no container.
fn containers(inspect: &str) -> Result<Vec<Value>, serde_json::Error> {
    if inspect.trim().is_empty() { Ok(Vec::new()) } else { serde_json::from_str(inspect) }
}

/// The directory that a container was made from, as Compose labels it.
fn home(container: &Value) -> Option<&str> {
    let labels = container.get("Config")?.get("Labels")?;
    labels.get("com.docker.compose.project.working_dir")?.as_str().filter(|home| home.len() > 1)
}

/// Names of files that the engine keeps for a container: they belong to the host, and a stack can neither choose nor read
/// them. Everything else stays.
fn leave_out_the_engine(container: &mut Value) {
    let Some(container) = container.as_object_mut() else { return };
    for name in ["ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "GraphDriver"] {
        container.remove(name);
    }
    if let Some(network) = container.get_mut("NetworkSettings").and_then(Value::as_object_mut) {
        network.remove("SandboxKey");
    }
}

/// A line a container.
fn lines(containers: &[Value]) -> String {
    let containers: Vec<String> = containers.iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", containers.join(",\n"))
}

/// Whoever may use some files of a directory may use all that have the same owner and mode: a few stand for a thousand.
fn without_the_alike(listing: &str) -> String {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut kept = String::new();
    for line in listing.lines() {
        // `UID:GID MODE PATH`, the path without an end for the directory of the listing itself.
        let path = line.splitn(3, ' ').nth(2).unwrap_or_default();
        let owner = line.get(..line.len() - path.len()).unwrap_or_default();
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let alike = seen.entry((directory, owner)).or_default();
        *alike += 1;
        if *alike <= ALIKE {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_files_stand_for_a_thousand_and_whoever_differs_stays() {
        let alike: String = (0..1000).map(|number| format!("1000:1000 600 state/cache/{number}\n")).collect();
        let listing =
            format!("0:0 755 \n{alike}0:0 600 state/cache/other\n1000:1000 600 state/openclaw.json\n");
        let kept = without_the_alike(&listing);
        assert_eq!(kept.lines().count(), 1 + ALIKE + 2);
        assert!(kept.starts_with("0:0 755 \n1000:1000 600 state/cache/0\n"));
        assert!(kept.ends_with("0:0 600 state/cache/other\n1000:1000 600 state/openclaw.json\n"));
    }
}
