//! The ledger: an append-only trail in which every line carries the hash of the one before.
//!
//! One JSON object a line, always in this form (here broken for reading):
//!
//! ```json
//! {"v":1,"seq":2,"prev":"<64 hex>","entry":{"at":"2026-11-22T13:41:55Z","by":"ops","act":"changed",
//!  "what":"token written to .env and openclaw.json","ticket":"CHG-17","evidence":["oct1:3f9a-77c2-b801"]},"hash":"<64 hex>"}
//! ```
//!
//! `hash` is SHA-256 over a domain string and the line's bytes up to the comma before `"hash"`; `prev` is the `hash` of the
//! line before, zeros for the first.
//!
//! The chain alone shows any edit, removal, insertion or reordering short of a rewrite from that line to the end.
//! Against a rewrite, and against cutting off the end, keep the [`Anchor`] of the last line somewhere the ledger's
//! writer cannot reach (the ticket) and give it to [`verify`].

mod records;
mod verification;

pub use records::compare_records;
#[cfg(all(feature = "fs", unix))]
pub(crate) use records::entered;
pub use verification::{Break, BreakKind, Verification, verify};

use crate::timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

/// The line format this crate writes and reads.
pub const LEDGER_SCHEMA: u32 = 1;

/// What happened, as it is written into the ledger. The caller keeps secrets out of it: fingerprints, not tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerEntry {
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

/// The kind of an [`LedgerEntry`].
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

impl LedgerEntry {
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
#[non_exhaustive]
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
/// use openclaw_token::ledger::{Act, Anchor, LedgerEntry, line, verify};
/// # let now = std::time::SystemTime::UNIX_EPOCH;
/// let (mut text, first) = line(Anchor::START, &LedgerEntry::new(now, "ops", Act::Checked, "sources agree"));
/// let (second, anchor) = line(first, &LedgerEntry::new(now, "ops", Act::Frozen, "generation 1"));
/// text += &second;
/// assert!(verify(text.as_bytes(), Some(anchor)).is_intact());
///
/// let forged = text.replace("sources agree", "sources differ");
/// assert_eq!(verify(forged.as_bytes(), Some(anchor)).breaks[0].line, 1);
/// ```
#[must_use]
pub fn line(previous: Anchor, entry: &LedgerEntry) -> (String, Anchor) {
    // Only a forged ledger comes near the end; it must not stop the program.
    let seq = previous.seq.saturating_add(1);
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

/// Reads the entries of a ledger, without checking the chain.
///
/// # Errors
/// Per line: it is not an entry of this format.
pub fn entries(text: &[u8]) -> impl Iterator<Item = Result<LedgerEntry, EntryError>> {
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

fn hash(line: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(DOMAIN).chain_update(line).finalize().into()
}

/// Lower-case hexadecimal digits of a hash. By table: a line has two of them, and they are a third of it.
fn digits(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    let mut seen = 0;
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (VALUES[usize::from(high)], VALUES[usize::from(low)]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16).then_some(bytes)
}

/// What each byte is worth as a hexadecimal digit; 255 if it is none.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    #[test]
    fn vector() {
        let (line, anchor) = line(
            Anchor::START,
            &LedgerEntry::new(at(0), "ops", Act::Frozen, "generation 1").ticket("CHG-17"),
        );
        let hash = concat!("5afdd7f78e18e43fa4a4479b09433eaf", "702f39b558253792dca1b965dfab03e1");
        let line = line.replace(&"0".repeat(64), "<64 zeros>").replace(hash, "<hash>");
        expect_test::expect![[r#"
            {"v":1,"seq":1,"prev":"<64 zeros>","entry":{"at":"2026-11-18T11:06:40Z","by":"ops","act":"frozen","what":"generation 1","ticket":"CHG-17"},"hash":"<hash>"}
        "#]].assert_eq(&line);
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
    }

    proptest! {
        #[test]
        fn entries_round_trip(what in any::<String>(), by in any::<String>(), evidence in prop::collection::vec(any::<String>(), 0..4), seconds in 0_u64..10_000) {
            let mut entry = LedgerEntry::new(at(seconds), by, Act::Approved, what);
            entry.evidence = evidence;
            let (line, anchor) = line(Anchor::START, &entry);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(verify(line.as_bytes(), Some(anchor)).is_intact());
            let read: Vec<_> = entries(line.as_bytes()).collect();
            prop_assert_eq!(read, vec![Ok(entry)]);
        }
    }
}
