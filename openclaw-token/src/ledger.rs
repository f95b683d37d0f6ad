//! The ledger: an append-only trail in which every line carries the hash of the one before.
//!
//! One JSON object a line, always in this form (here broken for reading):
//!
//! ```json
//! {"v":1,"seq":2,"prev":"<64 hex>","entry":{"at":"2026-11-22T13:41:55Z","by":"ops","act":"changed",
//!  "what":"token written to .env and openclaw.json","ticket":"CHG-17","evidence":["oct1:3f9a-77c2-b801"]},"hash":"<64 hex>"}
//! ```
//!
//! `hash` is SHA-512/256 over a domain string and the line's bytes up to the comma before `"hash"`; `prev` is the `hash`
//! of the line before, zeros for the first. SHA-512/256 because it is twice as fast as SHA-256 on processors without
//! SHA instructions.
//!
//! The chain alone shows any edit, removal, insertion or reordering short of a rewrite from that line to the end.
//! Against a rewrite, and against cutting off the end, keep the [`Anchor`] of the last line somewhere the ledger's
//! writer cannot reach (the ticket) and give it to [`verify`].

use crate::finding::{Code, Finding, Place, Role};
use crate::timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha512_256};
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

/// The line format this crate writes and reads.
pub const LEDGER_SCHEMA: u32 = 1;

/// What happened, as it is written into the ledger. The caller keeps secrets out of it: fingerprints, not tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// When, to the second.
    #[serde(with = "timestamp")]
    pub at: SystemTime,
    /// By whom.
    pub by: String,
    /// Which kind of act.
    pub act: Act,
    /// To what, in a sentence.
    pub what: String,
    /// The change ticket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ticket: Option<String>,
    /// What shows it: fingerprints, digests, commands, log lines.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<String>,
}

/// The kind of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Act {
    /// Something was looked at and found so.
    Checked,
    /// Files or state were changed.
    Changed,
    /// Somebody allowed something.
    Approved,
    /// A token was frozen.
    Frozen,
    /// A token was replaced on purpose.
    Rotated,
    /// A change was taken back.
    Undone,
}

impl Entry {
    /// An entry without ticket and evidence.
    pub fn new(at: SystemTime, by: impl Into<String>, act: Act, what: impl Into<String>) -> Self {
        Self { at, by: by.into(), act, what: what.into(), ticket: None, evidence: Vec::new() }
    }

    /// The change ticket.
    #[must_use]
    pub fn ticket(mut self, ticket: impl Into<String>) -> Self {
        self.ticket = Some(ticket.into());
        self
    }

    /// Adds a piece of evidence.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }
}

/// Number and hash of a line: pins the ledger up to there. Text form `2:<64 hex>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Anchor {
    seq: u64,
    hash: [u8; 32],
}

impl Anchor {
    /// Before the first line.
    pub const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The number of the line, from 1.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a number, a colon and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an anchor is a line number, a colon and 64 lower-case hexadecimal digits")]
pub struct AnchorError;

impl FromStr for Anchor {
    type Err = AnchorError;

    fn from_str(text: &str) -> Result<Self, AnchorError> {
        let (seq, hash) = text.split_once(':').ok_or(AnchorError)?;
        Ok(Self {
            seq: number(seq.as_bytes()).ok_or(AnchorError)?,
            hash: digits(hash.as_bytes()).ok_or(AnchorError)?,
        })
    }
}

impl From<Anchor> for String {
    fn from(anchor: Anchor) -> Self {
        anchor.to_string()
    }
}

impl TryFrom<String> for Anchor {
    type Error = AnchorError;

    fn try_from(text: String) -> Result<Self, AnchorError> {
        text.parse()
    }
}

/// The line that follows `previous`, with its newline, and its own anchor. Appending it durably is
/// the caller's part (feature `fs`: `LedgerFile`).
///
/// ```
/// use openclaw_token::ledger::{Act, Anchor, Entry, line, verify};
/// # let now = std::time::SystemTime::UNIX_EPOCH;
/// let (mut text, first) = line(Anchor::START, &Entry::new(now, "ops", Act::Checked, "sources agree"));
/// let (second, anchor) = line(first, &Entry::new(now, "ops", Act::Frozen, "generation 1"));
/// text += &second;
/// assert!(verify(text.as_bytes(), Some(anchor)).is_intact());
///
/// let forged = text.replace("sources agree", "sources differ");
/// assert_eq!(verify(forged.as_bytes(), Some(anchor)).breaks[0].line, 1);
/// ```
#[must_use]
pub fn line(previous: Anchor, entry: &Entry) -> (String, Anchor) {
    let seq = previous.seq + 1;
    // Strings, numbers and lists: serialising them cannot fail.
    let body = serde_json::to_string(entry).unwrap_or_default();
    let mut line = format!("{HEAD}{seq}{PREV}{}{ENTRY}{body}", hex::encode(previous.hash));
    let hash = hash(line.as_bytes());
    line += HASH;
    line += &hex::encode(hash);
    line += END;
    line.push('\n');
    (line, Anchor { seq, hash })
}

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
            role: Role::Decided,
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
                    .places([place(line)])
                    .remedy("Keep the file as it is for whoever investigates; compare it with a backup.")
            })
            .collect();
        if self.torn_bytes > 0 {
            findings.push(
                Finding::new(Code::LedgerTorn, format!("{file}: the last line is incomplete"))
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

/// Reads the entries of a ledger, without checking the chain.
///
/// # Errors
/// Per line: it is not an entry of this format.
pub fn entries(text: &[u8]) -> impl Iterator<Item = Result<Entry, EntryError>> {
    let complete = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
    let lines = text.get(..complete).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    lines.enumerate().map(|(n, line)| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let body = Frame::of(line).ok().and_then(|frame| serde_json::from_slice(frame.body).ok());
        body.ok_or(EntryError { line: n + 1 })
    })
}

/// A line that is not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not an entry of a ledger this release can read")]
#[non_exhaustive]
pub struct EntryError {
    /// Which, from 1.
    pub line: usize,
}

/// Keeps these hashes apart from all others.
const DOMAIN: &[u8] = b"openclaw-token/ledger/v1\0";

const HEAD: &str = "{\"v\":1,\"seq\":";
const PREV: &str = ",\"prev\":\"";
const ENTRY: &str = "\",\"entry\":";
const HASH: &str = ",\"hash\":\"";
const END: &str = "\"}";

/// A reader needs to see where it starts, not every line of a file that is wrong throughout.
const MOST_BREAKS: usize = 100;

/// Below this many bytes a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 20;

fn hash(line: &[u8]) -> [u8; 32] {
    Sha512_256::new().chain_update(DOMAIN).chain_update(line).finalize().into()
}

/// Lower-case hexadecimal digits of a hash.
fn digits(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// A number as `Display` writes it: no sign, no leading zero.
fn number(text: &[u8]) -> Option<u64> {
    if text.first() == Some(&b'0') && text.len() > 1 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A line taken apart. The form is fixed to the byte, so nothing needs a JSON parser.
pub(crate) struct Frame<'a> {
    pub(crate) anchor: Anchor,
    prev: [u8; 32],
    pub(crate) body: &'a [u8],
    hashed: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(crate) fn of(line: &'a [u8]) -> Result<Self, BreakKind> {
        Self::parse(line).ok_or_else(|| {
            match line.strip_prefix(b"{\"v\":").map(|rest| rest.split(|&byte| byte == b',')) {
                Some(mut rest) => match rest.next().and_then(number) {
                    Some(version) if version > u64::from(LEDGER_SCHEMA) => BreakKind::NewerSchema,
                    _ => BreakKind::Edited,
                },
                None => BreakKind::Edited,
            }
        })
    }

    fn parse(line: &'a [u8]) -> Option<Self> {
        let (hashed, tail) = line.split_at_checked(line.len().checked_sub(HASH.len() + 64 + END.len())?)?;
        let hash = digits(tail.strip_prefix(HASH.as_bytes())?.strip_suffix(END.as_bytes())?)?;
        let rest = hashed.strip_prefix(HEAD.as_bytes())?;
        let (seq, rest) = rest.split_at_checked(memchr::memchr(b',', rest)?)?;
        let (prev, rest) = rest.strip_prefix(PREV.as_bytes())?.split_at_checked(64)?;
        let body = rest.strip_prefix(ENTRY.as_bytes())?;
        Some(Self { anchor: Anchor { seq: number(seq)?, hash }, prev: digits(prev)?, body, hashed })
    }

    pub(crate) fn is_whole(&self) -> bool {
        hash(self.hashed) == self.anchor.hash
    }
}

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
    use proptest::prelude::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn ledger(entries: u64) -> (Vec<String>, Anchor) {
        let mut anchor = Anchor::START;
        let lines = (0..entries)
            .map(|n| {
                let entry =
                    Entry::new(at(n), "ops", Act::Checked, format!("check {n}")).evidence("oct1:\"quoted\"");
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
    fn vector() {
        let (line, anchor) =
            line(Anchor::START, &Entry::new(at(0), "ops", Act::Frozen, "generation 1").ticket("CHG-17"));
        expect_test::expect![[r#"
            {"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","entry":{"at":"2026-11-18T11:06:40Z","by":"ops","act":"frozen","what":"generation 1","ticket":"CHG-17"},"hash":"e71a9a3e7b9bc3a5ce9430705dc9af9d1878e09e94ffeec1d7fdb56b62247088"}
        "#]].assert_eq(&line);
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
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
                let (line, next) = line(at_two, &Entry::new(at(n), "mallory", Act::Checked, "all well"));
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
        fn entries_round_trip(what in any::<String>(), by in any::<String>(), evidence in prop::collection::vec(any::<String>(), 0..4), seconds in 0_u64..10_000) {
            let mut entry = Entry::new(at(seconds), by, Act::Approved, what);
            entry.evidence = evidence;
            let (line, anchor) = line(Anchor::START, &entry);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(verify(line.as_bytes(), Some(anchor)).is_intact());
            let read: Vec<_> = entries(line.as_bytes()).collect();
            prop_assert_eq!(read, vec![Ok(entry)]);
        }

        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = verify(&text, None);
            let _ = entries(&text).count();
        }
    }
}
