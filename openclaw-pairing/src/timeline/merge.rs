//! Several streams as one, by time. Each keeps the order of its own lines, and none loses any.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use super::read::{Line, Lines};

/// Why a line stands where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Order {
    /// By its time.
    Dated,
    /// It has no time, and stands behind the line before it in its source.
    Inherited,
    /// A guess: its source says nothing of the time before it.
    Undated,
    /// A guess: it is as old as the line of another source before it.
    Tied,
    /// A guess: it is older than a line before it in its source, by no more than the window.
    Late,
    /// A guess: it is older by more than the window, so the clock was set back, or a second writer began.
    SetBack,
}

impl Order {
    /// Whether the place of the line among those of other sources is a guess.
    pub fn is_guess(self) -> bool {
        !matches!(self, Self::Dated | Self::Inherited)
    }
}

/// A line and where it comes from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Merged<'a> {
    /// The source, by number from 0.
    pub source: usize,
    /// The line.
    pub line: Line<'a>,
    /// Its time on the common clock: with the skew of its source taken off.
    pub at_ms: Option<u64>,
    /// Why it stands where it does.
    pub order: Order,
}

/// Streams of lines, merged by time.
///
/// A source is read only as far as its next line, so memory stays as small as the number of sources.
pub struct Merge<R> {
    sources: Vec<Source<R>>,
    /// The sources with a line at hand, by its time; of equal times the source that was given first.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    /// The source whose line was given last, which has to be read on.
    given: Option<usize>,
    last_ms: Option<(u64, usize)>,
    window: u64,
    begun: bool,
    /// Lines without words of the table are passed over.
    only_words: bool,
}

struct Source<R> {
    lines: Lines<R>,
    place: Place,
    /// The newest time of all, also before the clock was set back: nothing that follows comes before it.
    reached: u64,
}

impl<R> fmt::Debug for Merge<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("sources", &self.sources.len()).finish_non_exhaustive()
    }
}

impl<R: Read> Merge<R> {
    /// No source yet. Within `window`, a line that is older than one before it in its source counts as late; beyond, the
    /// source's clock was set back.
    pub fn new(window: Duration) -> Self {
        Self {
            sources: Vec::new(),
            next: BinaryHeap::new(),
            given: None,
            last_ms: None,
            window: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            begun: false,
            only_words: false,
        }
    }

    /// Passes over lines that mean nothing, at several times the speed; the others come in the same order, and some that
    /// [`Merged::mark`] finds nothing in.
    #[must_use]
    pub fn only_symptoms(mut self) -> Self {
        self.only_words = true;
        self
    }

    /// Adds a source whose clock is so many milliseconds ahead of the others', before the first line is taken.
    #[must_use]
    pub fn source(mut self, lines: Lines<R>, skew_ms: i64) -> Self {
        let place = Place { skew_ms, newest: None, order: Order::Undated };
        self.sources.push(Source { lines, place, reached: 0 });
        self
    }

    /// The next line of all.
    ///
    /// # Errors
    /// What a source's stream says. The next call goes on with the other sources.
    pub fn next_line(&mut self) -> io::Result<Option<Merged<'_>>> {
        if !self.begun {
            self.begun = true;
            let mut failed = None;
            for number in 0..self.sources.len() {
                failed = failed.or(self.read_on(number).err());
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        if let Some(number) = self.given.take() {
            self.read_on(number)?;
        }
        let Some(Reverse((at, number))) = self.next.pop() else { return Ok(None) };
        self.given = Some(number);
        let Some(source) = self.sources.get(number) else { return Ok(None) };
        let line = source.lines.line();
        let is_tied = self.last_ms.is_some_and(|(last, other)| last == at && other != number);
        self.last_ms = Some((at, number));
        let order =
            if is_tied && source.place.order == Order::Dated { Order::Tied } else { source.place.order };
        Ok(Some(Merged { source: number, at_ms: line.at_ms.map(|at| source.place.common(at)), line, order }))
    }

    fn read_on(&mut self, number: usize) -> io::Result<()> {
        let Some(source) = self.sources.get_mut(number) else { return Ok(()) };
        let at = if self.only_words { source.next_words(self.window)? } else { source.next(self.window)? };
        if let Some(at) = at {
            self.next.push(Reverse((at, number)));
        }
        Ok(())
    }
}

impl<R: Read> Source<R> {
    /// Goes to the next line; the time by which it is placed.
    fn next(&mut self, window: u64) -> io::Result<Option<u64>> {
        let is_there = self.lines.advance()?;
        let (at_ms, is_dated) = self.lines.time();
        let place = &mut self.place;
        Ok(is_there.then(|| place.take(at_ms, is_dated, window)))
    }

    /// The same with the next line that may mean something. Whatever was passed over has come before it.
    fn next_words(&mut self, window: u64) -> io::Result<Option<u64>> {
        let place = &mut self.place;
        let mut reached = self.reached;
        let is_there = self.lines.advance_to_words(|at_ms, is_dated| {
            reached = reached.max(place.take(at_ms, is_dated, window));
        })?;
        if !is_there {
            return Ok(None);
        }
        let (at_ms, is_dated) = self.lines.time();
        self.reached = reached.max(place.take(at_ms, is_dated, window));
        Ok(Some(self.reached))
    }
}

/// Where the lines of a source stand on the common clock.
struct Place {
    /// How far its clock is ahead.
    skew_ms: i64,
    /// The newest time so far.
    newest: Option<u64>,
    order: Order,
}

impl Place {
    fn common(&self, at_ms: u64) -> u64 {
        at_ms.saturating_add_signed(self.skew_ms.saturating_neg())
    }

    /// The time by which the next line is placed, never before that of the line before it within the window.
    fn take(&mut self, at_ms: Option<u64>, is_dated: bool, window: u64) -> u64 {
        let Some(at) = at_ms.map(|at| self.common(at)) else {
            self.order = Order::Undated;
            return 0;
        };
        let newest = self.newest.unwrap_or(at);
        let (placed, order) = match newest.saturating_sub(at) {
            _ if !is_dated => (newest, Order::Inherited),
            0 => (at, Order::Dated),
            back if back <= window => (newest, Order::Late),
            _ => (at, Order::SetBack),
        };
        self.newest = Some(placed);
        self.order = order;
        placed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::Meaning;
    use super::*;

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(into.len()).min(self.0.len());
            let (now, later) = self.0.split_at(most);
            into[..most].copy_from_slice(now);
            self.0 = later;
            Ok(most)
        }
    }

    fn merged(logs: &[(&[u8], i64)], chunk: usize) -> Vec<(usize, u64, String, Order)> {
        let mut merge = Merge::new(Duration::from_secs(5));
        for (log, skew) in logs {
            merge = merge.source(Lines::new(Drip(log, chunk)), *skew);
        }
        let mut out = Vec::new();
        while let Some(Merged { source, line, order, .. }) = merge.next_line().unwrap() {
            out.push((source, line.number, line.text.to_owned(), order));
        }
        out
    }

    #[test]
    fn lines_come_by_time_and_a_guess_is_said() {
        let gateway = b"2026-11-22T06:00:01Z a\n  bare\n2026-11-22T06:00:03Z c\n2026-11-22T06:00:02Z late\n\
                        2026-11-22T06:00:04Z e\n2026-11-22T05:00:00Z back\n";
        let client = b"?\n2026-11-22T06:00:02Z b\n2026-11-22T06:00:03Z d\n";
        let seen: Vec<_> = merged(&[(gateway, 0), (client, 0)], 7)
            .into_iter()
            .map(|(_, _, text, order)| (text, order))
            .collect();
        let expected = [
            ("?", Order::Undated),
            ("a", Order::Dated),
            ("bare", Order::Inherited),
            ("b", Order::Dated),
            ("c", Order::Dated),
            ("late", Order::Late),
            ("d", Order::Tied),
            ("e", Order::Dated),
            ("back", Order::SetBack),
        ];
        let expected: Vec<_> = expected.iter().map(|(text, order)| ((*text).to_owned(), *order)).collect();
        let trimmed: Vec<_> = seen.into_iter().map(|(text, order)| (text.trim().to_owned(), order)).collect();
        assert_eq!(trimmed, expected);
    }

    #[test]
    fn a_skew_is_taken_off() {
        let (ahead, right) = (b"2026-11-22T06:01:01Z a\n", b"2026-11-22T06:00:02Z b\n");
        let first = |skew| merged(&[(&right[..], 0), (&ahead[..], skew)], 99).remove(0).2;
        assert_eq!((first(0).as_str(), first(60_000).as_str()), ("b", "a"));
    }

    fn only_words(sources: &[(&[u8], i64)], chunk: usize) -> Vec<(usize, u64)> {
        let mut merge = Merge::new(Duration::from_secs(5)).only_symptoms();
        for (log, skew) in sources {
            merge = merge.source(Lines::new(Drip(log, chunk)), *skew);
        }
        let mut out = Vec::new();
        while let Some(merged) = merge.next_line().unwrap() {
            out.extend(merged.mark().map(|_| (merged.source, merged.line.number)));
        }
        out
    }

    fn log() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            (0..90_u32, "[ -~]{0,12}").prop_map(|(at, text)| {
                format!("2026-11-22T06:{:02}:{:02}Z {text}\n", at / 60, at % 60).into_bytes()
            }),
            (0..90_u32, "[ -~]{0,3}(econnRefused|pairing required|\\x1b\\[1mecon\\x1b\\[0mnrefused)?")
                .prop_map(|(at, text)| {
                    format!("2026-11-22T06:{:02}:{:02}.5Z {text}\n", at / 60, at % 60).into_bytes()
                }),
            Just(b"gw-1 | 2026-11-22T06:01:00Z {\"msg\":\"econnref\\u0075sed\"}\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
            Just(b"gw-1 | \x1b[2K{\"log\":\"x\\n\"}\r\n".to_vec()),
            Just(b"\n".to_vec()),
        ];
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn merged_lines_are_all_lines_each_source_in_its_order_however_they_are_cut(
            logs in prop::collection::vec(log(), 0..4), chunk in 1..40_usize
        ) {
            let sources: Vec<_> = logs.iter().map(|log| (log.as_slice(), 0)).collect();
            let whole = merged(&sources, usize::MAX);
            prop_assert_eq!(&whole, &merged(&sources, chunk));
            let meaningful: Vec<_> = whole.iter().filter(|(_, _, text, _)| Meaning::of(text).is_some()).collect();
            let meaningful: Vec<_> = meaningful.iter().map(|(source, number, ..)| (*source, *number)).collect();
            prop_assert_eq!(&meaningful, &only_words(&sources, usize::MAX));
            prop_assert_eq!(&meaningful, &only_words(&sources, chunk));
            let mut of_source: BTreeMap<usize, Vec<(u64, &str)>> = BTreeMap::new();
            for (source, number, text, _) in &whole {
                of_source.entry(*source).or_default().push((*number, text));
            }
            for (source, log) in logs.iter().enumerate() {
                let alone = merged(&[(log, 0)], usize::MAX);
                let alone: Vec<_> = alone.iter().map(|(_, number, text, _)| (*number, text.as_str())).collect();
                prop_assert_eq!(of_source.remove(&source).unwrap_or_default(), alone);
                let lines = log.split(|byte| *byte == b'\n').count() - usize::from(log.is_empty() || log.ends_with(b"\n"));
                prop_assert_eq!(merged(&[(log, 0)], chunk).len(), lines);
            }
        }
    }
}
