//! Any bytes: verified without a panic, and an intact ledger can be extended. And a ledger made of these bytes: intact, and
//! any byte changed or tail cut off is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_token::ledger::{Act, Anchor, LedgerEntry, entries, line, verify};
use std::time::SystemTime;

fuzz_target!(|input: &[u8]| {
    extended(input);
    if let [high, low, mask, texts @ ..] = input {
        tampered(usize::from(*high) << 8 | usize::from(*low), *mask, texts);
    }
});

fn entry(what: &[u8]) -> LedgerEntry {
    LedgerEntry::new(SystemTime::UNIX_EPOCH, "fuzz", Act::Checked, String::from_utf8_lossy(what))
}

fn extended(text: &[u8]) {
    let found = verify(text, None);
    let _ = entries(text).count();
    if found.is_intact() && found.torn_bytes == 0 {
        let (next, anchor) = line(found.head, &entry(text.get(..text.len().min(64)).unwrap_or_default()));
        let longer = [text, next.as_bytes()].concat();
        assert!(verify(&longer, Some(anchor)).is_intact());
    }
}

fn tampered(at: usize, mask: u8, texts: &[u8]) {
    let mut anchor = Anchor::START;
    let mut ledger = Vec::new();
    let written: Vec<LedgerEntry> = texts.split(|byte| *byte == b'\n').map(entry).collect();
    for entry in &written {
        let (line, next) = line(anchor, entry);
        ledger.extend_from_slice(line.as_bytes());
        anchor = next;
    }
    assert!(verify(&ledger, Some(anchor)).is_intact());
    assert!(entries(&ledger).map(|entry| entry.expect("an entry that was written")).eq(written));
    let at = at % ledger.len();
    if mask == 0 {
        ledger.truncate(at);
    } else {
        ledger[at] ^= mask;
    }
    assert!(!verify(&ledger, Some(anchor)).is_intact(), "byte {at}, mask {mask}");
}
