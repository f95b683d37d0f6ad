//! Whether a ledger is what was written, and if not, from which line on.

use super::{Anchor, Frame};
use crate::codes::Code;
use crate::finding::{Finding, Place, PlaceRole, Subject};
use serde::Serialize;

/// Whether a ledger is what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// Complete lines.
    pub lines: u64,
    /// The anchor of the last of them: keep it.
    pub head: Anchor,
    /// What is wrong, first line first; at most 100.
    pub breaks: Vec<Break>,
    /// Bytes after the last complete line: a writer died. The next append removes them; nobody was told they were written.
    pub torn_bytes: usize,
}

/// A line at which the ledger is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Break {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub kind: BreakKind,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BreakKind {
    /// The line's content does not have its hash.
    Edited,
    /// The line does not follow the one before it: lines were removed, added or reordered here.
    NotNext,
    /// The line is whole and in its place, but not the one the anchor pinned: everything up to here was rewritten.
    Rewritten,
    /// The ledger ends before this line, which the anchor pinned.
    Truncated,
    /// Written by a newer release of this crate; not checked.
    NewerSchema,
}

impl Verification {
    /// Nothing is wrong. Torn bytes are no harm.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.breaks.is_empty()
    }

    /// What is wrong, as findings about the file of this name.
    #[must_use]
    pub fn findings(&self, file: &str) -> Vec<Finding> {
        let place = |line: u64| Place {
            role: PlaceRole::Decided,
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 1,
            span: [0, 0],
        };
        let mut findings: Vec<Finding> = self
            .breaks
            .iter()
            .map(|&Break { line, kind }| {
                let (code, what) = match kind {
                    BreakKind::Edited => (Code::LedgerEdited, "was changed after it was written"),
                    BreakKind::NotNext => (Code::LedgerBroken, "does not follow the line before it"),
                    BreakKind::Rewritten => (
                        Code::LedgerEdited,
                        "is not the line the anchor pinned: all up to here was rewritten",
                    ),
                    BreakKind::Truncated => {
                        (Code::LedgerTruncated, "is pinned by the anchor and missing, with all after it")
                    }
                    BreakKind::NewerSchema => {
                        (Code::LedgerNewer, "was written by a newer release and was not checked")
                    }
                };
                Finding::new(code, format!("{file}: line {line} {what}"))
                    .about(Subject::Ledger)
                    .places([place(line)])
                    .remedy("Keep the file as it is for whoever investigates; compare it with a backup.")
            })
            .collect();
        if self.torn_bytes > 0 {
            findings.push(
                Finding::new(Code::LedgerTorn, format!("{file}: the last line is incomplete"))
                    .about(Subject::Ledger)
                    .places([place(self.lines + 1)])
                    .evidence(format!("{} bytes after line {}", self.torn_bytes, self.lines)),
            );
        }
        findings
    }
}

/// Checks every line, and the anchor if there is one.
///
/// Uses every processor for large ledgers; the answer does not depend on how many there are.
#[must_use]
pub fn verify(text: &[u8], anchor: Option<Anchor>) -> Verification {
    let complete = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
    let (lines, torn) = text.split_at_checked(complete).unwrap_or_default();
    let parts = split(lines);
    let checked: Vec<Part> = match parts.as_slice() {
        [one] => vec![Part::check(one, anchor)],
        many => std::thread::scope(|scope| {
            let threads: Vec<_> = many
                .iter()
                .map(|part| {
                    (part, std::thread::Builder::new().spawn_scoped(scope, move || Part::check(part, anchor)))
                })
                .collect();
            threads
                .into_iter()
                // No thread to be had, or it panicked (it cannot): do its work here.
                .map(|(part, thread)| match thread.map(std::thread::ScopedJoinHandle::join) {
                    Ok(Ok(checked)) => checked,
                    _ => Part::check(part, anchor),
                })
                .collect()
        }),
    };
    let whole = Part::join(checked);
    let mut breaks = whole.breaks;
    breaks.truncate(MOST_BREAKS);
    let head = whole.head.unwrap_or(Anchor::START);
    if let Some(anchor) = anchor
        && head.seq < anchor.seq
        && !whole.met_anchor
    {
        breaks.push(Break { line: anchor.seq, kind: BreakKind::Truncated });
    }
    Verification { lines: whole.lines, head, breaks, torn_bytes: torn.len() }
}

/// A reader needs to see where it starts, not every line of a file that is wrong throughout.
const MOST_BREAKS: usize = 100;

/// Below this many bytes a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 20;

/// A run of lines, checked by itself.
#[derive(Default)]
struct Part {
    lines: u64,
    /// What the first line says it is and follows.
    first: Option<(Anchor, [u8; 32])>,
    /// What the last line says it is; `None` after a line that says nothing.
    last: Option<Anchor>,
    /// The last line that says what it is.
    head: Option<Anchor>,
    breaks: Vec<Break>,
    met_anchor: bool,
}

impl Part {
    fn check(text: &[u8], anchor: Option<Anchor>) -> Self {
        let mut part = Self::default();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            let line = text.get(start..end).unwrap_or_default();
            start = end + 1;
            part.lines += 1;
            let number = part.lines;
            match Frame::of(line) {
                Err(kind) => {
                    part.note(number, kind);
                    // What follows is judged by its own claims.
                    part.last = None;
                    if number == 1 {
                        part.first = None;
                    }
                }
                Ok(frame) => {
                    if !frame.is_whole() {
                        part.note(number, BreakKind::Edited);
                    } else if anchor.is_some_and(|anchor| anchor.seq == frame.anchor.seq) {
                        part.met_anchor = true;
                        if anchor != Some(frame.anchor) {
                            part.note(number, BreakKind::Rewritten);
                        }
                    }
                    if number == 1 {
                        part.first = Some((frame.anchor, frame.prev));
                    } else if part.last.is_some_and(|last| !follows(last, frame.anchor, frame.prev)) {
                        part.note(number, BreakKind::NotNext);
                    }
                    part.last = Some(frame.anchor);
                    part.head = part.last;
                }
            }
        }
        part
    }

    fn note(&mut self, line: u64, kind: BreakKind) {
        if self.breaks.len() < MOST_BREAKS {
            self.breaks.push(Break { line, kind });
        }
    }

    /// Puts the runs together in order, checking each seam. The first run must begin at the start.
    fn join(parts: Vec<Self>) -> Self {
        let mut whole = Self { last: Some(Anchor::START), ..Self::default() };
        for part in parts.into_iter().filter(|part| part.lines > 0) {
            if let (Some(last), Some((anchor, prev))) = (whole.last, part.first)
                && !follows(last, anchor, prev)
            {
                whole.note(whole.lines + 1, BreakKind::NotNext);
            }
            for broken in part.breaks {
                whole.note(whole.lines + broken.line, broken.kind);
            }
            whole.lines += part.lines;
            whole.last = part.last;
            whole.head = part.head.or(whole.head);
            whole.met_anchor |= part.met_anchor;
        }
        whole
    }
}

fn follows(last: Anchor, next: Anchor, prev: [u8; 32]) -> bool {
    last.seq.checked_add(1) == Some(next.seq) && last.hash == prev
}

/// Cuts a ledger at line ends into about as many parts as there are processors.
fn split(lines: &[u8]) -> Vec<&[u8]> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let size = (lines.len() / processors).max(WORTH_A_THREAD);
    let mut parts = Vec::new();
    let mut rest = lines;
    while rest.len() > size {
        let Some(end) = rest.get(size..).and_then(|tail| memchr::memchr(b'\n', tail)) else { break };
        let Some((part, after)) = rest.split_at_checked(size + end + 1) else { break };
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Act, LedgerEntry, entries, line};
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn ledger(entries: u64) -> (Vec<String>, Anchor) {
        let mut anchor = Anchor::START;
        let lines = (0..entries)
            .map(|n| {
                let entry = LedgerEntry::new(at(n), "ops", Act::Checked, format!("check {n}"))
                    .evidence("oct1:\"quoted\"");
                let (line, next) = line(anchor, &entry);
                anchor = next;
                line
            })
            .collect();
        (lines, anchor)
    }

    fn kinds(text: &str, anchor: Option<Anchor>) -> Vec<(u64, BreakKind)> {
        verify(text.as_bytes(), anchor).breaks.iter().map(|found| (found.line, found.kind)).collect()
    }

    #[test]
    fn tampering_is_named_with_its_line() {
        let (lines, anchor) = ledger(6);
        let whole = lines.concat();
        assert_eq!(kinds(&whole, Some(anchor)), []);
        assert_eq!(entries(whole.as_bytes()).filter(Result::is_ok).count(), 6);

        let edited = whole.replace("check 2", "check X");
        assert_eq!(kinds(&edited, None), [(3, BreakKind::Edited)]);
        let mut removed = lines.clone();
        removed.remove(2);
        assert_eq!(kinds(&removed.concat(), None), [(3, BreakKind::NotNext)]);
        let mut swapped = lines.clone();
        swapped.swap(2, 3);
        assert_eq!(
            kinds(&swapped.concat(), None),
            [(3, BreakKind::NotNext), (4, BreakKind::NotNext), (5, BreakKind::NotNext)]
        );
        let mut doubled = lines.clone();
        doubled.insert(2, lines[1].clone());
        assert_eq!(kinds(&doubled.concat(), None)[0], (3, BreakKind::NotNext));
        let garbage = whole.replace(&lines[3], "not a line\n");
        assert_eq!(kinds(&garbage, None), [(4, BreakKind::Edited)]);
        let headless = lines[1..].concat();
        assert_eq!(kinds(&headless, None), [(1, BreakKind::NotNext)]);

        // What the chain alone cannot see, the anchor does.
        let cut = lines[..4].concat();
        assert_eq!(kinds(&cut, None), []);
        assert_eq!(kinds(&cut, Some(anchor)), [(6, BreakKind::Truncated)]);
        assert_eq!(kinds("", Some(anchor)), [(6, BreakKind::Truncated)]);
        let mut at_two = Anchor::START;
        let rewritten: String = (0..6)
            .map(|n| {
                let (line, next) =
                    line(at_two, &LedgerEntry::new(at(n), "mallory", Act::Checked, "all well"));
                at_two = next;
                line
            })
            .collect();
        assert_eq!(kinds(&rewritten, None), []);
        assert_eq!(kinds(&rewritten, Some(anchor)), [(6, BreakKind::Rewritten)]);

        let torn = format!("{whole}{}", &lines[0][..30]);
        assert_eq!((kinds(&torn, Some(anchor)), verify(torn.as_bytes(), None).torn_bytes), (vec![], 30));
        let newer = whole.replace(&lines[5], &lines[5].replace("{\"v\":1", "{\"v\":2"));
        assert_eq!(kinds(&newer, None), [(6, BreakKind::NewerSchema)]);
    }

    /// The split into parts must not show.
    #[test]
    fn parts_join_without_a_seam() {
        let (lines, anchor) = ledger(40);
        for broken in [None, Some(0), Some(7), Some(20), Some(39)] {
            let mut lines = lines.clone();
            if let Some(at) = broken {
                lines.remove(at);
            }
            let sequential = Part::join(vec![Part::check(lines.concat().as_bytes(), Some(anchor))]);
            for size in [1, 3, 13] {
                let parts = lines
                    .chunks(size)
                    .map(|part| Part::check(part.concat().as_bytes(), Some(anchor)))
                    .collect();
                let joined = Part::join(parts);
                assert_eq!(
                    (joined.lines, joined.head, &joined.breaks),
                    (sequential.lines, sequential.head, &sequential.breaks)
                );
            }
        }
        let large = lines.concat();
        assert_eq!(split(large.as_bytes()).concat(), large.as_bytes());
    }

    proptest! {
        /// Any single byte changed, any line removed, any two swapped: found.
        #[test]
        fn no_edit_goes_unseen(byte in 0_usize..2_000, bit in 0_u8..8, drop in 0_usize..6, swap in 0_usize..5) {
            let (lines, anchor) = ledger(6);
            let mut edited = lines.concat().into_bytes();
            let at = byte % edited.len();
            edited[at] ^= 1 << bit;
            let found = verify(&edited, Some(anchor));
            prop_assert!(!found.is_intact(), "byte {} bit {}", at, bit);

            let mut removed = lines.clone();
            removed.remove(drop);
            prop_assert!(!verify(removed.concat().as_bytes(), Some(anchor)).is_intact());

            let mut swapped = lines;
            swapped.swap(swap, swap + 1);
            prop_assert!(!verify(swapped.concat().as_bytes(), Some(anchor)).is_intact());
        }

        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = verify(&text, None);
            let _ = entries(&text).count();
        }
    }
}
