//! Owners and modes as somebody recorded them, for Git and Compose files keep neither.
//!
//! One line a path, relative to the stack's directory or absolute, as either of these prints it:
//!
//! ```text
//! find . -printf '%U:%G %m %P\n'
//! stat -c '%u:%g %a %n' . state state/openclaw.json
//! ```

use std::collections::BTreeMap;

use crate::source::{FileId, Span};

/// Recorded owners by normalised absolute path.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    entries: BTreeMap<String, Owner>,
    /// Lines that are no entry.
    pub(super) unread: Vec<Span>,
    /// The files may be a copy, whose owner says who made it and no more.
    pub(super) is_copy: bool,
}

/// Who owns a path, and what they let others do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    pub(super) span: Span,
}

impl Listing {
    /// Reads a listing whose relative paths start at `directory`.
    pub(super) fn read(&mut self, file: FileId, directory: &str, text: &str) {
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let span = Span::from_range(file, offset..offset + line.trim_end().len());
            offset += line.len();
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(line, span) {
                Some((path, owner)) => {
                    self.entries.insert(super::config::normalise(directory, path), owner);
                }
                None => self.unread.push(span),
            }
        }
    }

    pub(super) fn of(&self, path: &str) -> Option<Owner> {
        self.entries.get(path.trim_end_matches('/')).copied()
    }

    /// Everything recorded below `path`, itself not included.
    pub(super) fn below<'l>(&'l self, path: &str) -> impl Iterator<Item = (&'l str, Owner)> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.entries
            .range(prefix.clone()..)
            .take_while(move |(entry, _)| entry.starts_with(&prefix))
            .map(|(entry, owner)| (entry.as_str(), *owner))
    }

    /// Every recorded directory on the way to `path`.
    pub(super) fn above<'l>(&'l self, path: &'l str) -> impl Iterator<Item = (&'l str, Owner)> {
        path.match_indices('/')
            .filter(|(at, _)| *at > 0)
            .filter_map(|(at, _)| path.get(..at))
            .filter_map(|above| Some((above, self.of(above)?)))
    }

    /// Whether everything belongs to one user.
    pub(super) fn has_one_owner(&self) -> bool {
        let mut owners = self.entries.values().map(|owner| owner.uid);
        owners.next().is_some_and(|first| owners.all(|owner| owner == first))
    }

    /// The first regular user of a Mac, in the group `staff`: the listing was made there.
    pub(super) fn looks_like_macos(&self) -> bool {
        self.entries.values().any(|owner| (501..510).contains(&owner.uid) && owner.gid == 20)
    }
}

impl Owner {
    /// Whether a process may do all of `wanted` (4 read, 2 write, 1 enter).
    pub(super) fn lets(self, uid: u32, gid: Option<u32>, wanted: u32) -> bool {
        let granted = if uid == 0 {
            7
        } else if self.uid == uid {
            self.mode >> 6
        } else if gid == Some(self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        granted & wanted == wanted
    }
}

fn entry(line: &str, span: Span) -> Option<(&str, Owner)> {
    let (owner, rest) = line.split_once(char::is_whitespace)?;
    let (mode, path) = match rest.trim_start().split_once(char::is_whitespace) {
        Some((mode, path)) => (mode, path.trim_start()),
        // `find -printf '%P'` prints nothing for the directory itself.
        None => (rest.trim(), "."),
    };
    let (uid, gid) = owner.split_once(':')?;
    let number = |text: &str| match text {
        "root" | "wheel" => Some(0),
        "node" => Some(super::rules::IMAGE_UID),
        digits => digits.parse().ok(),
    };
    let mode = u32::from_str_radix(mode, 8).ok()? & 0o7777;
    Some((path, Owner { uid: number(uid)?, gid: number(gid)?, mode, span }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_answer_for_paths() {
        let mut listing = Listing::default();
        let text =
            "0:0 755 .\n# a note\n1000:1000 700 ./state\n0:0 600 state/openclaw.json\nnonsense\n0:0 755\n";
        listing.read(FileId::new(0), "/srv", text);
        assert_eq!(listing.of("/srv/state").map(|owner| (owner.uid, owner.mode)), Some((1000, 0o700)));
        assert_eq!(listing.below("/srv/state").count(), 1);
        assert_eq!(listing.above("/srv/state/openclaw.json").count(), 2);
        assert_eq!(listing.unread.len(), 1);
        let owner = listing.of("/srv/state/openclaw.json").expect("recorded");
        assert!(!owner.lets(1000, Some(1000), 4) && owner.lets(0, None, 6));
    }

    #[test]
    fn group_and_other_bits_count_for_those_they_are_for() {
        let owner = Owner { uid: 0, gid: 5, mode: 0o750, span: Span::new(FileId::new(0), 0, 0) };
        assert!(
            owner.lets(1000, Some(5), 5) && !owner.lets(1000, Some(5), 2) && !owner.lets(1000, Some(6), 4)
        );
    }
}
