//! The evidence that was captured beside a stack: `captured/` in the stack's directory.
//!
//! | file | made by |
//! | --- | --- |
//! | `ownership.txt` | `find . -printf '%U:%G %m %P\n'`, and what else [`Stack::ownership`] reads |
//! | `engine.json` | `docker info --format '{{json .}}'` or `podman info --format json` |
//! | `idmap.txt` | `docker compose exec -T SERVICE cat /proc/self/uid_map`, or `/etc/subuid` |
//! | `inspect.json` | `docker inspect $(docker compose ps -aq)` |
//! | `logs/SERVICE.log` | `docker compose logs --no-log-prefix SERVICE` |
//! | `devices/SERVICE.json` | `docker compose exec SERVICE openclaw devices list --json` |
//! | `launchd/LABEL.plist` | a copy from `~/Library/LaunchAgents` or `/Library/LaunchDaemons` |
//! | `systemd/UNIT.service` | `systemctl cat UNIT`, with `--user` for a user's unit |
//!
//! [`Stack::ownership`]: openclaw_compose::openclaw::Stack::ownership
//!
//! Every file is optional. What is there and cannot be read is a finding, for it should have shown something.
#![expect(clippy::disallowed_methods, reason = "this is where the runbook opens the captured files")]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use openclaw_compose::openclaw::{Definition, Stack};
use openclaw_compose::secrecy::SecretString;

use crate::looks_secret::{secrets_in, secrets_in_json};
use crate::owners;

/// The largest file that is read.
pub const LARGEST: u64 = 16 * 1024 * 1024;
/// The most files of one kind that are read.
const MOST: usize = 64;

/// What the owners that were read from the files themselves are called inside a report: no file to open.
pub const OWNERS: &str = "the files' owners";

/// The captured evidence of one stack.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// Recorded owners and modes.
    pub ownership: Option<Text>,
    /// `docker inspect` of the stack's containers.
    pub inspect: Option<Text>,
    /// What the engine says of itself.
    pub engine: Option<Text>,
    /// How user ids of the containers become those of the host.
    pub id_map: Option<Text>,
    /// Logs by service.
    pub logs: Vec<(String, Text)>,
    /// Device lists by the service in which they were taken.
    pub devices: Vec<(String, Text)>,
    /// Service definitions of the host, launchd's before systemd's.
    pub definitions: Vec<Text>,
    /// Files that are there and could not be read.
    pub faults: Vec<Fault>,
}

/// A text and the name it goes by in the ticket.
#[derive(Clone)]
pub struct Text {
    /// Path below the stack's directory, with `/`.
    pub name: String,
    /// The text; what is not UTF-8 is replaced.
    pub text: String,
}

/// The size only: a captured text may hold a secret.
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({}, {} bytes)", self.name, self.text.len())
    }
}

/// A captured file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path below the stack's directory.
    pub name: String,
    /// What is wrong, for a person.
    pub why: String,
}

impl Captured {
    /// Enters what was recorded of the host, the engine and the containers; where no owners were recorded, those of the
    /// files in `directory` count.
    #[must_use]
    pub fn enter<'s>(&self, mut stack: Stack<'s>, directory: &Path) -> Stack<'s> {
        let unreadable = self.faults.iter().any(|fault| fault.name.ends_with("ownership.txt"));
        stack = match &self.ownership {
            Some(listing) => stack.ownership(&listing.name, &listing.text),
            None if unreadable => stack,
            None => stack.ownership_of_copy(OWNERS, owners::listing(directory, ".")),
        };
        if let Some(inspect) = &self.inspect {
            stack = stack.inspect(&inspect.name, inspect.text.as_str());
        }
        if let Some(engine) = &self.engine {
            stack = stack.engine(&engine.name, engine.text.as_str());
        }
        if let Some(map) = &self.id_map {
            stack = stack.id_map(&map.name, &map.text);
        }
        for definition in &self.definitions {
            let text = definition.text.as_str().into();
            stack = stack.definition(Definition { name: definition.name.clone(), text });
        }
        stack
    }

    /// Reads `captured/` below `stack`. Never fails: what cannot be read is in [`Captured::faults`].
    #[must_use]
    pub fn read(stack: &Path) -> Self {
        let mut captured = Self::default();
        let mut folder = Folder { root: stack.to_path_buf(), faults: Vec::new() };
        captured.ownership = folder.text("captured/ownership.txt");
        captured.inspect = folder.text("captured/inspect.json");
        captured.engine = folder.text("captured/engine.json");
        captured.id_map = folder.text("captured/idmap.txt");
        captured.logs = folder.texts("captured/logs", "log");
        captured.devices = folder.texts("captured/devices", "json");
        let launchd = folder.texts("captured/launchd", "plist");
        let systemd = folder.texts("captured/systemd", "service");
        captured.definitions = launchd.into_iter().chain(systemd).map(|(_, text)| text).collect();
        captured.faults = folder.faults;
        captured
    }

    /// What looks secret in the words of containers and programs. The containers' own settings are openclaw-compose's to read.
    pub fn secrets(&self) -> impl Iterator<Item = SecretString> {
        let json = self.inspect.iter().chain(self.devices.iter().map(|(_, text)| text));
        let texts = self.logs.iter().map(|(_, text)| text).chain(&self.definitions);
        json.flat_map(|text| secrets_in_json(&text.text)).chain(texts.flat_map(|text| secrets_in(&text.text)))
    }

    /// The names of everything that was read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let single = [&self.ownership, &self.inspect, &self.engine, &self.id_map].into_iter().flatten();
        single
            .chain(self.logs.iter().chain(&self.devices).map(|(_, text)| text))
            .chain(&self.definitions)
            .map(|text| text.name.as_str())
    }
}

struct Folder {
    root: PathBuf,
    faults: Vec<Fault>,
}

impl Folder {
    /// The text of a file, nothing if there is none, a fault if it cannot be read.
    fn text(&mut self, name: &str) -> Option<Text> {
        match read(&self.root.join(name)) {
            Ok(text) => Some(Text { name: name.to_owned(), text }),
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.faults.push(Fault { name: name.to_owned(), why: error.to_string() });
                None
            }
        }
    }

    /// The files of a folder with this extension, by stem, in name order.
    fn texts(&mut self, folder: &str, extension: &str) -> Vec<(String, Text)> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    let why = ReadError::Io(error).to_string();
                    self.faults.push(Fault { name: folder.to_owned(), why });
                }
                return Vec::new();
            }
        };
        let mut stems: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(extension)?.strip_suffix('.')?.to_owned()))
            .collect();
        stems.sort_unstable();
        if stems.len() > MOST {
            let why = format!("{} files, of which only the first {MOST} are read", stems.len());
            self.faults.push(Fault { name: folder.to_owned(), why });
            stems.truncate(MOST);
        }
        stems
            .into_iter()
            .filter_map(|stem| {
                let text = self.text(&format!("{folder}/{stem}.{extension}"))?;
                Some((stem, text))
            })
            .collect()
    }
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("{}", reason(.0))]
    Io(#[source] io::Error),
    /// Too large to be what it should be.
    #[error("larger than 16 MiB, so not read; give the part that matters")]
    TooLarge,
    /// A folder, a pipe or a device.
    #[error("not a regular file")]
    NotAFile,
    /// Not text.
    #[error("not text: it holds NUL bytes")]
    Binary,
}

/// The system's words without its numbers, which differ between platforms.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied; the user who runs this cannot read it".to_owned()
        }
        io::ErrorKind::NotFound => "not found".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads a regular text file of at most 16 MiB. Bytes that are not UTF-8 are replaced.
///
/// # Errors
/// [`ReadError`] says why not; a symlink loop is one of the system's reasons.
pub fn read(path: &Path) -> Result<String, ReadError> {
    let metadata = fs::metadata(path).map_err(ReadError::Io)?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile);
    }
    if metadata.len() > LARGEST {
        return Err(ReadError::TooLarge);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(ReadError::Io)?;
    // The size may have grown since it was asked for.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ReadError::TooLarge);
    }
    if bytes.contains(&0) {
        return Err(ReadError::Binary);
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_a_loop_and_junk_are_faults_and_nothing_is_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Captured::read(dir.path()).faults.is_empty());
        let captured = dir.path().join("captured");
        fs::create_dir_all(captured.join("inspect.json")).unwrap();
        fs::create_dir_all(captured.join("logs")).unwrap();
        fs::write(captured.join("logs/a.log"), b"x\0y").unwrap();
        fs::write(captured.join("logs/b.log"), b"\xff ok").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("ownership.txt", captured.join("ownership.txt")).unwrap();
        let read = Captured::read(dir.path());
        let names: Vec<_> = read.faults.iter().map(|fault| fault.name.as_str()).collect();
        #[cfg(unix)]
        assert_eq!(names, ["captured/ownership.txt", "captured/inspect.json", "captured/logs/a.log"]);
        assert_eq!(read.logs.len(), 1);
        assert!(read.logs[0].1.text.ends_with("ok"));
    }
}
