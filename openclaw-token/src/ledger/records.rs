//! The entries that freezes and rotations make, and whether each record has its own.

use super::{Act, Frame, LedgerEntry};
use crate::codes::Code;
use crate::digest::Digest;
use crate::finding::{Finding, Place, PlaceRole, Subject};
use crate::record::{Origin, Record};
use std::collections::{BTreeMap, BTreeSet};

impl LedgerEntry {
    /// The entry of a freeze or rotation. When, by whom and under which ticket is what the record says, so that it is the same
    /// entry whenever it is made.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let act = match record.origin {
            Origin::Rotated => Act::Rotated,
            Origin::Adopted | Origin::Minted => Act::Frozen,
        };
        let mut entry =
            Self::new(record.frozen_at, &record.by, act, format!("generation {}", record.generation))
                .evidence(record.fingerprint.short())
                .evidence(format!("{RECORD}{}", record.digest()));
        entry.ticket.clone_from(&record.ticket);
        entry
    }
}

/// Compares records with the ledger of this name: each freeze and rotation has an entry, and each such entry its record.
///
/// ```
/// use openclaw_token::ledger::{Anchor, LedgerEntry, compare_records, line};
/// # use openclaw_token::{Circumstances, FreezeRequest, MemoryStore, freeze_once};
/// # let request = FreezeRequest::new(&[], Circumstances::new(std::time::SystemTime::UNIX_EPOCH, "ops"));
/// # let frozen = freeze_once(&MemoryStore::default(), &request, |_, _| Ok::<_, std::convert::Infallible>(()))?;
/// # let record = frozen.record().clone();
/// let (text, _) = line(Anchor::START, &LedgerEntry::of(&record));
/// assert!(compare_records(text.as_bytes(), &[record.clone()], "ledger.jsonl").is_empty());
/// assert_eq!(compare_records(b"", &[record], "ledger.jsonl")[0].code.id(), "OC-T406");
/// # Ok::<(), openclaw_token::FreezeError>(())
/// ```
#[must_use]
pub fn compare_records(text: &[u8], records: &[Record], file: &str) -> Vec<Finding> {
    let entered = entered(text);
    let mut findings = Vec::new();
    for record in records {
        let digest = record.digest();
        if !entered.contains_key(&digest) {
            let summary = format!("{file} has no entry of generation {}", record.generation);
            findings.push(
                Finding::new(Code::RecordWithoutEntry, summary)
                    .about(Subject::Ledger)
                    .evidence(format!("{RECORD}{digest}"))
                    .remedy(
                        "If a freeze or rotation was killed, recovery adds its entry; if none was, the ledger was cut or \
                         the record replaced: compare both with a backup.",
                    ),
            );
        }
    }
    let known: BTreeSet<Digest> = records.iter().map(Record::digest).collect();
    for (digest, line) in entered {
        if !known.contains(&digest) {
            let line_number = u32::try_from(line).unwrap_or(u32::MAX);
            findings.push(
                Finding::new(
                    Code::EntryWithoutRecord,
                    format!("{file}: line {line} tells of a record that is not in the store"),
                )
                .about(Subject::Ledger)
                .at(Place {
                    role: PlaceRole::Decided,
                    file: file.to_owned(),
                    line: line_number,
                    column: 1,
                    span: [0, 0],
                })
                .evidence(format!("{RECORD}{digest}"))
                .remedy("A record was removed or replaced: compare the store with a backup."),
            );
        }
    }
    findings
}

/// The records that a ledger tells of, each with the first line that does.
pub(crate) fn entered(text: &[u8]) -> BTreeMap<Digest, usize> {
    let complete = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
    let lines = text.get(..complete).unwrap_or_default().split_inclusive(|&byte| byte == b'\n');
    let finder = memchr::memmem::Finder::new("\"record sha256:");
    let mut entered = BTreeMap::new();
    // Few lines tell of one, and only those are read as JSON.
    for (n, line) in lines.enumerate().filter(|(_, line)| finder.find(line).is_some()) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let Some(digest) = Frame::of(line).ok().and_then(|frame| record_of(frame.body)) else { continue };
        entered.entry(digest).or_insert(n + 1);
    }
    entered
}

fn record_of(body: &[u8]) -> Option<Digest> {
    let entry: LedgerEntry = serde_json::from_slice(body).ok()?;
    let is_freeze = matches!(entry.act, Act::Frozen | Act::Rotated);
    let digest = entry.evidence.iter().find_map(|evidence| evidence.strip_prefix(RECORD)?.parse().ok());
    digest.filter(|_| is_freeze)
}

/// How the evidence begins that names a record.
const RECORD: &str = "record ";
