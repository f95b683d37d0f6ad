//! Any bytes as the streams of two containers, in pieces of any size: every line once, each source in its order, and the
//! same lines however they were cut.
#![no_main]

use std::io::{self, Read};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use openclaw_pairing::timeline::{Episodes, Lines, Meaning, Merge, verdict};

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

/// The lines that mean something, by the reader that passes over the others.
fn meaningful(one: &[u8], two: &[u8], piece: usize) -> Vec<(usize, u64)> {
    let lines = |bytes| Lines::new(Drip(bytes, piece));
    let merge = Merge::new(Duration::from_secs(5)).only_symptoms();
    let mut merge = merge.source(lines(one), 0).source(lines(two), -1500);
    let mut out = Vec::new();
    while let Some(merged) = merge.next_line().expect("memory can be read") {
        out.extend(merged.mark().map(|_| (merged.source, merged.line.number)));
    }
    out
}

fn merged(one: &[u8], two: &[u8], piece: usize) -> Vec<(usize, u64, Option<u64>, String)> {
    let lines = |bytes| Lines::new(Drip(bytes, piece));
    let mut merge = Merge::new(Duration::from_secs(5)).source(lines(one), 0).source(lines(two), -1500);
    let mut episodes = Episodes::default();
    let mut out = Vec::new();
    while let Some(merged) = merge.next_line().expect("memory can be read") {
        assert!(!merged.line.text.contains('\u{1b}'));
        if let Some(mark) = merged.mark() {
            assert_eq!(merged.line.text.get(mark.span[0]..mark.span[1]), Some(mark.words.as_str()));
            episodes.add(merged.source, &mark);
        }
        out.push((merged.source, merged.line.number, merged.at_ms, merged.line.text.to_owned()));
    }
    let folded: u64 = episodes.all().iter().map(|episode| episode.count).sum();
    assert!(folded + episodes.left_out() <= out.len() as u64);
    let causes = verdict(episodes.all());
    assert!(
        causes.iter().all(|cause| !cause.grounds.is_empty())
            && causes.is_sorted_by_key(|cause| cause.certainty)
    );
    out
}

fuzz_target!(|input: (usize, Vec<u8>, Vec<u8>)| {
    let (piece, one, two) = input;
    let whole = merged(&one, &two, usize::MAX);
    assert_eq!(whole, merged(&one, &two, piece % 64 + 1));
    let marked = whole.iter().filter(|(.., text)| Meaning::of(text).is_some());
    assert!(marked.map(|(source, number, ..)| (*source, *number)).eq(meaningful(&one, &two, piece % 64 + 1)));
    for (source, bytes) in [(0, &one), (1, &two)] {
        let numbers = whole.iter().filter(|line| line.0 == source).map(|line| line.1);
        let ends = bytes.split(|byte| *byte == b'\n').count();
        let lines = ends - usize::from(bytes.last().is_none_or(|byte| *byte == b'\n'));
        assert!(numbers.eq(1..=lines as u64));
    }
});
