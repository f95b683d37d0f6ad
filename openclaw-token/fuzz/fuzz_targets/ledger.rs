//! Any bytes: verified without a panic; intact ledgers can be extended; a changed byte is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_token::ledger::{Act, Entry, entries, line, verify};
use std::time::SystemTime;

fuzz_target!(|text: &[u8]| {
    let found = verify(text, None);
    let _ = entries(text).count();
    if found.is_intact() && found.torn_bytes == 0 {
        let what = String::from_utf8_lossy(text.get(..text.len().min(64)).unwrap_or_default());
        let (next, anchor) = line(found.head, &Entry::new(SystemTime::UNIX_EPOCH, "fuzz", Act::Checked, what));
        let mut longer = text.to_vec();
        longer.extend_from_slice(next.as_bytes());
        assert!(verify(&longer, Some(anchor)).is_intact());
        let last = longer.len() - 2;
        longer[last] ^= 1;
        assert!(!verify(&longer, Some(anchor)).is_intact());
    }
});
