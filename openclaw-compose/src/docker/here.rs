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
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let has_certificates = |directory: &Path| directory.join("contexts/tls").is_dir();
        Self {
            tls: is_set("DOCKER_TLS_VERIFY")
                || is_set("DOCKER_TLS")
                || directory.is_some_and(has_certificates),
            host: variable("DOCKER_HOST"),
            context: variable("DOCKER_CONTEXT"),
            config: directory
                .and_then(|directory| read(&directory.join("config.json")))
                .map_or_else(|| Text::from(""), Text::from),
            contexts: directory.map(contexts).unwrap_or_default(),
            sockets: sockets(|name| {
                std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
            }),
            ..Self::default()
        }
    }
}

/// Where engines listen as they are usually installed, the variable that leads there first.
const SOCKETS: [(Option<&str>, &str); 11] = [
    (None, "/var/run/docker.sock"),
    // Rootless Docker; Docker Desktop on a Mac and on Linux; OrbStack; Colima, new and old; Rancher Desktop.
    (Some("XDG_RUNTIME_DIR"), "docker.sock"),
    (Some("HOME"), ".docker/run/docker.sock"),
    (Some("HOME"), ".docker/desktop/docker.sock"),
    (Some("HOME"), ".orbstack/run/docker.sock"),
    (Some("HOME"), ".colima/default/docker.sock"),
    (Some("HOME"), ".colima/docker.sock"),
    (Some("HOME"), ".rd/docker.sock"),
    // podman: of the user, of root, and of its machine on a Mac.
    (Some("XDG_RUNTIME_DIR"), "podman/podman.sock"),
    (None, "/run/podman/podman.sock"),
    (Some("TMPDIR"), "podman/podman-machine-default-api.sock"),
];

/// The sockets that are there, each once: one is often a link to another.
#[cfg(unix)]
fn sockets(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<String> {
    use std::os::unix::fs::FileTypeExt as _;
    let mut seen = std::collections::BTreeSet::new();
    let path = |(base, path): (Option<&str>, &str)| {
        let path = base.map_or_else(|| Some(PathBuf::from(path)), |name| Some(variable(name)?.join(path)))?;
        path.metadata().is_ok_and(|meta| meta.file_type().is_socket()).then_some(path)
    };
    let there = SOCKETS.into_iter().filter_map(path);
    there
        .filter(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())))
        .filter_map(|path| path.into_os_string().into_string().ok())
        .collect()
}

#[cfg(not(unix))]
fn sockets(_: impl Fn(&str) -> Option<PathBuf>) -> Vec<String> {
    let _ = SOCKETS;
    Vec::new()
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_that_are_there_are_found_once() {
        let home = tempfile::tempdir().unwrap();
        let at = |path: &str| {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        let orbstack = at(".orbstack/run/docker.sock");
        let _listens = UnixListener::bind(&orbstack).unwrap();
        std::os::unix::fs::symlink(&orbstack, at(".docker/run/docker.sock")).unwrap();
        fs::write(at(".colima/docker.sock"), "a file").unwrap();
        let podman = at("run/podman/podman.sock");
        let _listens = UnixListener::bind(&podman).unwrap();
        let mut found = sockets(|name| match name {
            "HOME" => Some(home.path().to_owned()),
            "XDG_RUNTIME_DIR" => Some(home.path().join("run")),
            _ => None,
        });
        // Those of the machine that tests.
        found.retain(|path| path.starts_with(home.path().to_str().unwrap()));
        let expected = [home.path().join(".docker/run/docker.sock"), podman];
        assert_eq!(found, expected.map(|path| path.to_str().unwrap().to_owned()));
    }
}
