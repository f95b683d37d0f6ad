//! Which files of a project may be written, and the root of a transaction over them.
//!
//! | where a file lies | root, and with it state and backups |
//! | --- | --- |
//! | in the project's directory | that directory |
//! | there by its name, elsewhere by a link | it is not written: whoever writes in a mounted directory could have made the link |
//! | elsewhere by its name, such as `env_file: ../shared.env` | it is written only where the caller allows that, and is not a link itself; then the nearest directory above it and the project, if that is not one that the whole machine uses |

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use openclaw_compose::edit;
use openclaw_token::Digest;
use openclaw_token::fs::transaction::Change;
use secrecy::ExposeSecret as _;

/// Files that may be written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// The root of a transaction over them, without links.
    pub root: PathBuf,
    /// Those outside the project, as they are named.
    pub outside: Vec<PathBuf>,
    /// Each as it is named, and where it lies.
    files: BTreeMap<PathBuf, PathBuf>,
}

/// Why files are not written. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A directory on the way cannot be looked at.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is in the project by its name, and a link takes it elsewhere; or it is elsewhere and a link itself.
    #[error(
        "{} leads through a link to {}, which is not written; put the file itself there, or let the compose file name where it lies",
        path.display(),
        to.display()
    )]
    Link {
        /// The file as it is named.
        path: PathBuf,
        /// Where it lies.
        to: PathBuf,
    },
    /// Files lie outside the project, and nobody said that they may be written.
    #[error("{} outside the project {}; give --outside to write there as well", lie(paths), project.display())]
    Outside {
        /// The files.
        paths: Vec<PathBuf>,
        /// The project's directory.
        project: PathBuf,
    },
    /// A text that no file of this host stands behind, such as standard input or a file in a container.
    #[error("{name} was not read from a file of this host, so no file can be written for it")]
    NotAFile {
        /// The text.
        name: String,
    },
    /// The nearest directory above the project and the files is no place for state and backups.
    #[error(
        "{} would have to keep state and backups, which a directory of the whole machine does not; move {} nearer to the project",
        root.display(),
        path.display()
    )]
    NoRoot {
        /// The directory.
        root: PathBuf,
        /// A file for which it would be needed.
        path: PathBuf,
    },
}

fn lie(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    format!("{} {}", names.join(" and "), if names.len() == 1 { "lies" } else { "lie" })
}

impl Targets {
    /// Finds the root for `files`, given by their absolute names, of the project in `project`. `outside`: whether those that
    /// lie elsewhere may be written.
    ///
    /// # Errors
    /// A file that may not be written, by the table of this module.
    pub fn find<'f>(
        project: &Path,
        files: impl IntoIterator<Item = &'f Path>,
        outside: bool,
    ) -> Result<Self, TargetError> {
        let home = real(project)?;
        let mut targets = Self { root: home.clone(), outside: Vec::new(), files: BTreeMap::new() };
        for file in files {
            let lies = real(file)?;
            let own = match file.strip_prefix(project) {
                Ok(_) => lies.starts_with(&home),
                Err(_) => !fs::symlink_metadata(file).is_ok_and(|found| found.is_symlink()),
            };
            if !own {
                return Err(TargetError::Link { path: file.to_owned(), to: lies });
            }
            if !lies.starts_with(&home) {
                targets.outside.push(file.to_owned());
                targets.root = common(&targets.root, &lies);
            }
            targets.files.insert(file.to_owned(), lies);
        }
        if let Some(path) = targets.outside.first() {
            if !outside {
                return Err(TargetError::Outside { paths: targets.outside, project: project.to_owned() });
            }
            if !may_hold_state(&targets.root) {
                return Err(TargetError::NoRoot { root: targets.root, path: path.clone() });
            }
        }
        Ok(targets)
    }

    /// As [`Targets::find`], for the files of edits.
    ///
    /// # Errors
    /// As [`Targets::find`]; and an edit of something that is not a file of this host.
    pub fn of_edits(project: &Path, edits: &[edit::Change], outside: bool) -> Result<Self, TargetError> {
        if let Some(given) = edits.iter().find(|change| change.on_disk.is_none()) {
            return Err(TargetError::NotAFile { name: given.path.clone() });
        }
        Self::find(
            project,
            edits.iter().filter_map(|change| change.on_disk.as_deref().map(Path::new)),
            outside,
        )
    }

    /// An edited file as a transaction writes it.
    #[must_use]
    pub fn write(&self, edited: &edit::Change) -> Change {
        let named = Path::new(edited.on_disk.as_deref().unwrap_or(&edited.path));
        let content = edited.bytes.expose_secret().to_vec();
        let change = Change::write(self.place(named), Some(Digest::from(edited.expected)), content);
        if edited.secret { change.secret() } else { change }
    }

    /// Where a file lies, links followed.
    #[must_use]
    pub fn place<'p>(&'p self, named: &'p Path) -> &'p Path {
        self.files.get(named).map_or(named, PathBuf::as_path)
    }
}

/// Every root that [`Targets::find`] could have chosen for some of `files`, the project itself first: where an earlier run may
/// have left something half done.
///
/// # Errors
/// The project's directory is not there.
pub fn roots<'f>(
    project: &Path,
    files: impl IntoIterator<Item = &'f Path>,
) -> Result<Vec<PathBuf>, TargetError> {
    let home = real(project)?;
    let mut roots = vec![home.clone()];
    for file in files {
        let Ok(lies) = real(file) else { continue };
        let root = common(&home, &lies);
        if !roots.contains(&root) && may_hold_state(&root) {
            roots.push(root);
        }
    }
    Ok(roots)
}

/// A path without links. What is not there yet lies in its directory.
fn real(path: &Path) -> Result<PathBuf, TargetError> {
    let unreadable = |source| TargetError::Unreadable { path: path.to_owned(), source };
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            if let Ok(to) = fs::read_link(path) {
                return Err(TargetError::Link { path: path.to_owned(), to });
            }
            Ok(fs::canonicalize(parent).map_err(unreadable)?.join(name))
        }
        (found, ..) => found.map_err(unreadable),
    }
}

/// The nearest directory above both.
fn common(directory: &Path, file: &Path) -> PathBuf {
    directory.ancestors().find(|root| file.starts_with(root)).map_or_else(PathBuf::new, Path::to_owned)
}

/// Not `/`, and not `/srv` or `/home`, which many share; `/root` is somebody's own.
fn may_hold_state(root: &Path) -> bool {
    match root.components().filter(|part| matches!(part, Component::Normal(_))).count() {
        0 => false,
        1 => is_private(root),
        _ => true,
    }
}

#[cfg(unix)]
fn is_private(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(directory).is_ok_and(|found| found.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "the tests make their own files")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// `s/.env`, `s/state/openclaw.json`, `other/openclaw.json`, `shared.env`.
    fn stacks() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(dir.path()).unwrap();
        for file in ["s/.env", "s/state/openclaw.json", "other/openclaw.json", "shared.env"] {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), "").unwrap();
        }
        (dir, top)
    }

    fn find(top: &Path, files: &[&str], outside: bool) -> Result<Targets, TargetError> {
        let files: Vec<PathBuf> = files.iter().map(|file| top.join(file)).collect();
        Targets::find(&top.join("s"), files.iter().map(PathBuf::as_path), outside)
    }

    #[test]
    fn a_project_is_its_own_root() {
        let (_dir, top) = stacks();
        let found = find(&top, &["s/.env", "s/state/openclaw.json", "s/new.env"], false).unwrap();
        assert_eq!(found.root, top.join("s"));
        assert_eq!(found.place(&top.join("s/new.env")), top.join("s/new.env"));
    }

    #[test]
    fn what_lies_outside_wants_a_word_and_a_root_of_its_own() {
        let (_dir, top) = stacks();
        let refused = find(&top, &["s/.env", "shared.env"], false).unwrap_err();
        assert!(matches!(&refused, TargetError::Outside { paths, .. } if *paths == [top.join("shared.env")]));
        assert!(refused.to_string().contains("--outside"), "{refused}");
        let found = find(&top, &["s/.env", "shared.env"], true).unwrap();
        assert_eq!((found.root, found.outside), (top.clone(), vec![top.join("shared.env")]));
        let machine = Targets::find(&top, [Path::new("/etc/hostname")], true).unwrap_err();
        assert!(matches!(&machine, TargetError::NoRoot { root, .. } if root == Path::new("/")), "{machine}");
        assert_eq!(
            roots(&top.join("s"), [top.join("shared.env").as_path(), Path::new("/etc/hostname")]).unwrap(),
            [top.join("s"), top]
        );
    }

    #[test]
    fn no_link_leads_into_another_stack() {
        let (_dir, top) = stacks();
        let json = top.join("s/state/openclaw.json");
        fs::rename(&json, top.join("s/state/mine.json")).unwrap();
        symlink("mine.json", &json).unwrap();
        let found = find(&top, &["s/state/openclaw.json"], false).unwrap();
        assert_eq!(found.place(&json), top.join("s/state/mine.json"));
        for outside in [false, true] {
            for (link, to) in [
                ("s/state/openclaw.json", "other/openclaw.json"),
                ("shared.env", "other/openclaw.json"),
                ("s/state/openclaw.json", "gone"),
            ] {
                fs::remove_file(top.join(link)).unwrap();
                symlink(top.join(to), top.join(link)).unwrap();
                let refused = find(&top, &[link], outside).unwrap_err();
                let named = refused.to_string().contains(&top.join(link).display().to_string());
                assert!(named, "{refused}");
            }
        }
    }
}
