//! Any bytes: read as a record or refused, and a record that was read is written as it will be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_token::Record;

fuzz_target!(|text: &[u8]| {
    if let Ok(record) = Record::from_text(text) {
        let again = Record::from_text(record.to_text().as_bytes());
        assert_eq!(again.as_ref(), Ok(&record));
        assert_eq!(again.map(|record| record.digest()), Ok(record.digest()));
    }
});
