//! Did you mean?

/// The name that is near enough to be what was meant: a slip of a letter for every three, a swap of neighbours being one.
///
/// ```
/// use openclaw_compose::project::nearest;
///
/// let services = ["openclaw-gateway", "openclaw-cli", "proxy"];
/// assert_eq!(nearest("openclaw-gatway", services), Some("openclaw-gateway"));
/// assert_eq!(nearest("database", services), None);
/// ```
#[must_use]
pub fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = written.chars().count();
    let distance = |name: &'n str| {
        let other = name.chars().count();
        let allowed = (length.max(other) / 3).clamp(1, 3);
        // Nobody types a name that is longer, and the time grows with both.
        let comparable = length.max(other) <= 64 && length.abs_diff(other) <= allowed;
        let distance = comparable.then(|| strsim::osa_distance(written, name))?;
        (distance <= allowed).then_some((distance, name))
    };
    names.into_iter().filter_map(distance).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        let near = |key| nearest(key, ["environment", "image", "ports", "profiles", "networks"]);
        assert_eq!(near("enviroment"), Some("environment"));
        assert_eq!(near("prots"), Some("ports"));
        assert_eq!(near("Image"), Some("image"));
        assert_eq!(near("kubernetes"), None);
        let long = "x".repeat(65);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }
}
