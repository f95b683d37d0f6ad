//! Paths as texts, joined and cleaned as Go's `path/filepath` does it on Unix.

/// No `.`, no `..` that can be resolved, no doubled slashes.
pub(crate) fn clean(path: &str) -> String {
    if is_clean(path) {
        return path.to_owned();
    }
    let rooted = path.starts_with('/');
    let mut out = String::with_capacity(path.len());
    // Parts that a `..` can take back.
    let mut depth = 0;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth > 0 => {
                out.truncate(out.rfind('/').unwrap_or(0));
                depth -= 1;
            }
            ".." if rooted => {}
            part => {
                if rooted || !out.is_empty() {
                    out.push('/');
                }
                out.push_str(part);
                depth += usize::from(part != "..");
            }
        }
    }
    if out.is_empty() {
        out.push(if rooted { '/' } else { '.' });
    }
    out
}

/// True for most paths that are written out: nothing would change.
fn is_clean(path: &str) -> bool {
    path.strip_prefix('/').unwrap_or(path).split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// `path` below `base`, cleaned, even where `path` is absolute.
pub(crate) fn join(base: &str, path: &str) -> String {
    match (base.is_empty(), path.is_empty()) {
        (true, true) => String::new(),
        (true, false) => clean(path),
        (false, true) => clean(base),
        (false, false) => clean(&format!("{base}/{path}")),
    }
}

/// An absolute path as it is, cleaned; any other below `base`.
pub(crate) fn absolute(base: &str, path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { join(base, path) }
}

/// The directory of a path.
pub(crate) fn directory(path: &str) -> String {
    match path.rfind('/') {
        None => ".".to_owned(),
        Some(at) => clean(path.get(..=at).unwrap_or("/")),
    }
}

/// The last name of a path.
pub(crate) fn base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) }
}

/// `path` as seen from the directory `from`; both absolute.
pub(crate) fn relative(from: &str, path: &str) -> String {
    let (from, path) = (clean(from), clean(path));
    let split =
        |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, path) = (split(&from), split(&path));
    let shared = from.iter().zip(&path).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; from.len() - shared];
    parts.extend(path.iter().skip(shared).map(String::as_str));
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// True for a directory itself and everything below it; both cleaned.
pub(crate) fn is_below(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// True for `X:\`, `X:/` and `\\server\share\`.
pub(crate) fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let slash = |byte: u8| byte == b'\\' || byte == b'/';
    match bytes {
        [drive, b':', third, ..] if drive.is_ascii_alphabetic() => slash(*third),
        [first, second, third, ..] if slash(*first) && slash(*second) && !slash(*third) && *third != b'.' => {
            let Some(server) = bytes.iter().skip(3).position(|byte| slash(*byte)) else { return false };
            let share = bytes.get(3 + server + 1..).unwrap_or_default();
            match share {
                [first, ..] if !slash(*first) && *first != b'.' => share.iter().any(|byte| slash(*byte)),
                _ => false,
            }
        }
        _ => false,
    }
}

/// `~` at the front stands for the home directory, whatever follows it.
pub(crate) fn expand_home(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) => join(home, rest),
        _ => path.to_owned(),
    }
}

/// `/server/path` shown from the directory the user stands in, where that is shorter.
pub(crate) fn shown(path: &str, directory: &str) -> String {
    let relative = relative(directory, path);
    if relative.len() < path.len() && !relative.starts_with("../../..") { relative } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_joined_as_go_does_it() {
        for (path, expected) in [
            ("/a/../b", "/b"),
            ("/..", "/"),
            ("a/./b//c/", "a/b/c"),
            ("..", ".."),
            ("a/../..", ".."),
            ("", "."),
            ("/", "/"),
            ("./", "."),
            ("//", "/"),
            ("../a/../../b/.", "../../b"),
            ("/a/b/../../../c/..", "/"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
        assert_eq!(join("sub", "./rel"), "sub/rel");
        assert_eq!(join(".", "../x"), "../x");
        assert_eq!(directory("/a/b.yml"), "/a");
        assert_eq!(directory("b.yml"), ".");
        assert_eq!(base("/a/b/"), "b");
        assert_eq!(relative("/a/b", "/a/c/d"), "../c/d");
        assert_eq!(relative("/a", "/a"), ".");
        assert_eq!(expand_home("~/x", Some("/home/u")), "/home/u/x");
        assert_eq!(expand_home("~x", Some("/home/u")), "/home/u/x");
    }

    #[test]
    fn windows_paths_are_known() {
        assert!(is_windows_absolute("C:\\x") && is_windows_absolute("c:/x"));
        assert!(is_windows_absolute("\\\\server\\share\\x"));
        assert!(
            !is_windows_absolute("C:x") && !is_windows_absolute("\\\\server") && !is_windows_absolute("x")
        );
    }
}
