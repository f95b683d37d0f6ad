//! From an offset in a decoded string back to the bytes that spell it.

use std::ops::Range;

use crate::source::{FileId, Span};

/// Where each part of a decoded string stands in its source.
///
/// Between escapes the two run in step, so only the places where they come apart are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets {
    file: FileId,
    /// Offsets in the string and in the source from which both run in step, ascending; the first is offset 0.
    steps: Vec<(usize, usize)>,
    /// Nothing stands behind this offset of the source.
    end: usize,
    /// Where the parts cannot be told apart: the whole.
    whole: Option<Span>,
}

impl Offsets {
    /// A string that stands in `file` as it is, from `start` on.
    #[must_use]
    pub fn verbatim(file: FileId, start: usize) -> Self {
        Self { file, steps: vec![(0, start)], end: usize::MAX, whole: None }
    }

    /// A string whose parts cannot be found in its source: every part is the whole of `span`.
    #[must_use]
    pub fn whole(span: Span) -> Self {
        Self { file: span.file, steps: Vec::new(), end: usize::MAX, whole: Some(span) }
    }

    /// The source of the string's bytes `range`.
    #[must_use]
    pub fn span(&self, range: Range<usize>) -> Span {
        if let Some(span) = self.whole {
            return span;
        }
        Span::from_range(self.file, self.source(range.start)..self.source(range.end))
    }

    /// The same, but never past `end` of the source.
    pub(crate) fn until(self, end: usize) -> Self {
        Self { end, ..self }
    }

    /// Says that from offset `decoded` on the source goes on at `source`. Calls must ascend.
    pub(crate) fn step(&mut self, decoded: usize, source: usize) {
        match self.steps.last_mut() {
            Some(last) if last.0 == decoded => last.1 = source,
            _ => self.steps.push((decoded, source)),
        }
    }

    fn source(&self, offset: usize) -> usize {
        let behind = self.steps.partition_point(|&(decoded, _)| decoded <= offset);
        let (decoded, source) = self.steps.get(behind.saturating_sub(1)).copied().unwrap_or((0, 0));
        let there = source + (offset - decoded.min(offset));
        // An escape may be longer than what it spells, never shorter: stop before the next step.
        self.steps.get(behind).map_or(there, |&(_, next)| there.min(next)).min(self.end)
    }
}
