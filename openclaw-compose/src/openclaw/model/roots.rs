//! Directories, found by the paths below them, however many there are.

use std::collections::{BTreeSet, HashMap};

/// Directories, each with a position.
#[derive(Default)]
pub(crate) struct Roots<'a> {
    positions: HashMap<&'a str, usize>,
    /// Only what is as long as a directory can be one.
    lengths: BTreeSet<usize>,
}

impl<'a> Roots<'a> {
    /// Enters a directory; one that is there already gets the new position.
    pub(crate) fn insert(&mut self, directory: &'a str, position: usize) {
        let directory = directory.trim_end_matches('/');
        self.positions.insert(directory, position);
        self.lengths.insert(directory.len());
    }

    /// The positions of the directories above `path`, the root's first.
    pub(crate) fn above(&self, path: &str) -> impl Iterator<Item = usize> {
        let root = std::iter::once(0).filter(|_| !path.starts_with('/'));
        let ends = root.chain(path.match_indices('/').map(|(at, _)| at));
        let known = ends.filter(|end| self.lengths.contains(end));
        known.filter_map(|end| self.positions.get(path.get(..end)?).copied())
    }

    /// The position of the directory that is `path`, or else the nearest above it.
    pub(crate) fn over(&self, path: &str) -> Option<usize> {
        self.positions.get(path).copied().or_else(|| self.above(path).last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_directory_is_found_and_a_name_that_only_begins_alike_is_none() {
        let mut roots = Roots::default();
        for (position, directory) in ["/", "/a", "/a/b/", "/a"].into_iter().enumerate() {
            roots.insert(directory, position);
        }
        for (path, wanted) in [("/a/b/c", 2), ("/a/b", 2), ("/a/bc", 3), ("/a", 3), ("/ab", 0), ("x", 0)] {
            assert_eq!(roots.over(path), Some(wanted), "{path}");
        }
        assert_eq!(roots.above("/a/b").collect::<Vec<_>>(), [0, 3]);
        assert_eq!(Roots::default().over("/a"), None);
    }
}
