//! What one resolution may read and make. Compose has no such limits, so that a text of a few hundred bytes can keep it busy
//! for ever; a project of a thousand services comes near none of them.

use std::cell::Cell;

use super::model::Map;
use super::nearest::nearest;

/// Files that are read.
pub(crate) const FILES: usize = 1_000;
/// Bytes that are read, of all files together.
pub(crate) const BYTES: u64 = 64 << 20;
/// Bytes that interpolation makes, of all texts together.
pub(crate) const MADE: usize = 16 << 20;
/// Values that `extends`, `include`, env files and ranges of ports bring. A long text counts as several.
pub(crate) const COPIES: usize = 300_000;
/// Services that extend each other in a row, and files that include each other.
pub(crate) const DEPTH: usize = 100;

/// Pairs of address pools of one network that meet when a later file lists pools as well: Compose compares each with each.
pub(crate) const POOLS: usize = 1_024;

/// Names that are compared with one that is not there, to say which may be meant.
const LOOKED: usize = 50_000;

/// What was read and made so far.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    files: usize,
    bytes: u64,
    made: usize,
    copies: usize,
    looked: Cell<usize>,
}

impl Spent {
    /// Whether one file more may be read.
    pub(crate) fn may_read(&self) -> bool {
        self.files < FILES && self.bytes < BYTES
    }

    pub(crate) fn read(&mut self, bytes: usize) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Bytes that interpolation may still make.
    pub(crate) fn left_to_make(&self) -> usize {
        MADE.saturating_sub(self.made)
    }

    pub(crate) fn made(&mut self, bytes: usize) {
        self.made = self.made.saturating_add(bytes);
    }

    /// The name that may be meant by one that is not there.
    pub(crate) fn nearest<'n>(
        &self,
        name: &str,
        known: impl ExactSizeIterator<Item = &'n str>,
    ) -> Option<&'n str> {
        self.looked.set(self.looked.get().saturating_add(known.len()));
        if self.is_tired() { None } else { nearest(name, known) }
    }

    fn is_tired(&self) -> bool {
        self.looked.get() > LOOKED
    }

    /// The same in words, or a few of the names that there are.
    pub(crate) fn nearest_or_all(&self, name: &str, known: &Map) -> Option<String> {
        let names = known.iter().map(|entry| &*entry.key);
        if let Some(near) = self.nearest(name, names.clone()) {
            return Some(format!("did you mean {near:?}?"));
        }
        if self.is_tired() {
            return None;
        }
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.truncate(8);
        Some(format!("the file has: {}", names.join(", ")))
    }

    /// Counts copies; false where they are too many, and must not be made.
    pub(crate) fn copy(&mut self, values: usize) -> bool {
        self.copies = self.copies.saturating_add(values);
        self.copies <= COPIES
    }
}
