//! OpenClaw release numbers and ranges of them.

use std::fmt;
use std::str::FromStr;

/// An OpenClaw release, `YEAR.MONTH.PATCH`.
///
/// The order is that of the lines, not of time. 2026.6.33 to 35 and 2026.7.33 to 35 are maintenance builds of their lines, some
/// of them made after 2026.9.3: they do what the rest of their line does and nothing that 2026.8.1 brought, so their numbers put
/// them in the right place. For that reason a range never ends *with* a release: it ends *before* the first that does
/// something else, and the later builds of a line are within it.
///
/// Suffixes (`-beta.1`, `-slim`) name variants of a release and are dropped: no rule of this crate depends on one.
///
/// ```
/// use openclaw_compose::openclaw::Version;
///
/// let version: Version = "v2026.9.6-slim".parse()?;
/// assert_eq!(version.to_string(), "2026.9.6");
/// assert!(version > Version::new(2026, 8, 1));
/// # Ok::<(), openclaw_compose::openclaw::BadVersion>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    year: u16,
    month: u8,
    patch: u16,
}

impl Version {
    /// The release `year.month.patch`.
    #[must_use]
    pub const fn new(year: u16, month: u8, patch: u16) -> Self {
        Self { year, month, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.year, self.month, self.patch)
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not `YEAR.MONTH.PATCH`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an OpenClaw release such as 2026.9.6")]
#[non_exhaustive]
pub struct BadVersion(pub String);

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let bad = || BadVersion(text.to_owned());
        let number = text.trim().trim_start_matches(['v', 'V']);
        let core = number.split(['-', '+', '_']).next().unwrap_or_default();
        let mut parts = core.split('.');
        let mut part = || parts.next().filter(|p| p.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad);
        let year = part()?.parse().map_err(|_| bad())?;
        let month = part()?.parse().map_err(|_| bad())?;
        let patch = part()?.parse().map_err(|_| bad())?;
        if parts.next().is_some() || !(2020..2100).contains(&year) || !(1..=12).contains(&month) {
            return Err(bad());
        }
        Ok(Self { year, month, patch })
    }
}

/// The releases for which a rule holds, half open: `since <= release < before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    since: Option<Version>,
    before: Option<Version>,
}

impl Versions {
    /// Every release.
    pub const ALL: Self = Self { since: None, before: None };

    /// `version` and everything after it.
    #[must_use]
    pub const fn since(version: Version) -> Self {
        Self { since: Some(version), before: None }
    }

    /// Everything before `version`.
    #[must_use]
    pub const fn before(version: Version) -> Self {
        Self { since: None, before: Some(version) }
    }

    /// From `since` up to, but not including, `before`.
    #[must_use]
    pub const fn between(since: Version, before: Version) -> Self {
        Self { since: Some(since), before: Some(before) }
    }

    /// Whether the rule holds for `version`. An unknown version is judged by the newest rules.
    #[must_use]
    pub fn holds_for(self, version: Option<Version>) -> bool {
        match version {
            None => self.before.is_none(),
            Some(version) => {
                self.since.is_none_or(|since| version >= since)
                    && self.before.is_none_or(|before| version < before)
            }
        }
    }

    /// The first release after the range; none if it is still so.
    #[must_use]
    pub const fn end(self) -> Option<Version> {
        self.before
    }

    /// The first release of the range; none if it has always been so.
    #[must_use]
    pub const fn first(self) -> Option<Version> {
        self.since
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.since, self.before) {
            (None, None) => f.write_str("all releases"),
            (Some(since), None) => write!(f, "{since} and later"),
            (None, Some(before)) => write!(f, "before {before}"),
            (Some(since), Some(before)) => write!(f, "{since} to before {before}"),
        }
    }
}

/// How the range of a row is known: by what its ends were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Basis {
    /// From runs of releases on either side.
    Run,
    /// From the code of the packages on either side.
    Code,
    /// From the words in the packages: the name or the text is there, or it is not.
    Wording,
}

/// The repository of an image reference, without registry port confusion, tag or digest.
pub(crate) fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// The last release whose images were called otherwise than `openclaw`.
pub(crate) const LAST_UNDER_A_FORMER_NAME: Version = Version::new(2026, 1, 29);

/// The tag of an image reference.
pub(crate) fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

/// The digest of an image reference.
pub(crate) fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_tags_and_labels_hold() {
        for (text, wanted) in [
            ("2026.9.6", Some("2026.9.6")),
            ("v2026.4.15", Some("2026.4.15")),
            ("2026.4.30-beta.1", Some("2026.4.30")),
            ("2026.2.19-2", Some("2026.2.19")),
            ("latest", None),
            ("2026.9", None),
            ("2026.9.6.1", None),
            ("24-bookworm", None),
            ("1.2.3", None),
            ("2026.13.1", None),
        ] {
            assert_eq!(text.parse::<Version>().ok().map(|v| v.to_string()).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn ranges_are_half_open_and_unknown_means_newest() {
        let seven = Version::new(2026, 7, 1);
        let eight = Version::new(2026, 8, 1);
        assert!(Versions::before(eight).holds_for(Some(seven)));
        assert!(!Versions::before(eight).holds_for(Some(eight)));
        assert!(Versions::since(eight).holds_for(Some(eight)));
        assert!(Versions::since(eight).holds_for(None));
        assert!(!Versions::before(eight).holds_for(None));
        assert!(Versions::between(seven, eight).holds_for(Some(seven)));
        assert!(!Versions::between(seven, eight).holds_for(Some(eight)));
    }

    /// Built in July to September 2026, and still what their lines were.
    #[test]
    fn maintenance_builds_do_what_their_line_does() {
        let since = |year, month, patch| Versions::since(Version::new(year, month, patch));
        for patch in [33, 34, 35] {
            let (six, seven) = (Version::new(2026, 6, patch), Version::new(2026, 7, patch));
            assert!(since(2026, 6, 9).holds_for(Some(six)) && !since(2026, 7, 1).holds_for(Some(six)));
            assert!(since(2026, 7, 1).holds_for(Some(seven)) && !since(2026, 8, 1).holds_for(Some(seven)));
            assert!(Versions::before(Version::new(2026, 8, 1)).holds_for(Some(seven)));
        }
    }

    #[test]
    fn image_references_come_apart() {
        let image = "registry:5000/openclaw/openclaw:2026.9.6@sha256:0a";
        assert_eq!(repository(image), "registry:5000/openclaw/openclaw");
        assert_eq!(tag(image), Some("2026.9.6"));
        assert_eq!(digest(image), Some("sha256:0a"));
        assert_eq!((repository("localhost:5000/x"), tag("localhost:5000/x")), ("localhost:5000/x", None));
    }
}
