//! Places: a file and a range of its bytes, and how a person reads where it begins.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// One text of a [`Sources`](super::Sources). Only `Sources` hands these out, and they mean something only to the one that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(super) u32);

impl FileId {
    /// The file's position in the order in which the texts were added, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The id of the text added as number `index`, from 0, for a caller that keeps its own texts.
    #[must_use]
    pub fn new(index: u32) -> Self {
        Self(index)
    }
}

/// A range of bytes in one text: `start` inclusive, `end` exclusive.
///
/// Twelve bytes, so that every node can carry one. Lines and columns are worked out only when asked for:
/// see [`Sources::location`](super::Sources::location).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "[usize; 2]")]
#[non_exhaustive]
pub struct Span {
    /// The text the range lies in.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

/// The bytes, without the text they lie in.
impl From<Span> for [usize; 2] {
    fn from(span: Span) -> Self {
        [span.range().start, span.range().end]
    }
}

impl Span {
    /// The bytes `start..end` of `file`. An end before the start gives the empty span at `start`.
    #[must_use]
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end: if end < start { start } else { end } }
    }

    /// As [`Span::new`] from offsets of any size; what lies past 4 GiB is cut off.
    #[must_use]
    pub fn from_range(file: FileId, range: Range<usize>) -> Self {
        Self::new(file, narrow(range.start), narrow(range.end))
    }

    /// The span as a range for slicing the text.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// True where the span holds no bytes: it marks a place, such as the end of a file.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// True where the whole of `other` lies in this span.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// The smallest span that holds both. Where they lie in different texts, `self`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file == other.file {
            Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
        } else {
            self
        }
    }

    /// The part of the span at `range`, counted from the span's own start; never past the span's end.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        let clamp = |offset: usize| self.start.saturating_add(narrow(offset)).min(self.end);
        Self::new(self.file, clamp(range.start), clamp(range.end))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}..{}", self.file.0, self.start, self.end)
    }
}

/// Where a span begins, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Location {
    /// The text's name, as the caller gave it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters (Unicode scalar values), from 1.
    pub column: u32,
}

/// `file:line:column`, which terminals and editors make clickable.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Offsets are 32 bits wide; nobody reads a 4 GiB compose file.
pub(super) fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
