//! Owners and modes read from the files themselves, in the form in which they can also be recorded.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// How many levels below a directory owners are read.
const DEEPEST: usize = 4;
/// The most entries of one listing.
const MOST: usize = 2000;

/// Lines of `uid:gid mode path` for a directory and what is in it, sorted, links not followed. Empty where nothing can
/// be read, and on systems without owners.
#[must_use]
pub fn listing(directory: &Path, shown: &str) -> String {
    let mut out = String::new();
    let mut left = MOST;
    walk(directory, shown, DEEPEST, &mut left, &mut out);
    out
}

fn walk(path: &Path, shown: &str, depth: usize, left: &mut usize, out: &mut String) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if *left == 0 || metadata.is_symlink() {
        return;
    }
    *left -= 1;
    if let Some((uid, gid, mode)) = owner(&metadata) {
        let _ = writeln!(out, "{uid}:{gid} {mode:o} {shown}");
    }
    if !metadata.is_dir() || depth == 0 {
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    for name in names {
        // A name with a line break would be a line of its own.
        if name.contains(['\n', '\r']) || matches!(name.as_str(), ".git" | "node_modules") {
            continue;
        }
        let inner = if shown == "." { name.clone() } else { format!("{shown}/{name}") };
        walk(&path.join(&name), &inner, depth - 1, left, out);
    }
}

#[cfg(unix)]
fn owner(metadata: &fs::Metadata) -> Option<(u32, u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777))
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> Option<(u32, u32, u32)> {
    None
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the test makes its own files")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_tree_is_listed_in_order_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("state/devices")).unwrap();
        fs::write(dir.path().join("state/b.json"), "").unwrap();
        fs::set_permissions(dir.path().join("state/b.json"), fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("state/link")).unwrap();
        let listing = listing(dir.path(), ".");
        let paths: Vec<&str> = listing.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
        assert_eq!(paths, [".", "state", "state/b.json", "state/devices"]);
        assert!(listing.contains(" 600 state/b.json\n"));
    }
}
