//! A canary token goes into every input; no output of any kind may hold it, in any spelling.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use openclaw_token::secrecy::{ExposeSecret, SecretString};
use openclaw_token::{
    Circumstances, FingerprintKey, FreezeRequest, Intent, MemoryStore, Observed, Occurrence, Record, compare,
    decide, first_eight, freeze_once, judge, mint, rotate,
};
use std::convert::Infallible;
use std::error::Error;
use std::time::SystemTime;

const CANARY: &str = "canary-7Qw9Zr2Lx5Tn8Vb3Mk6Pd1Hs4Jc0Fg";

/// Base64 without a crate: what a careless output might hold.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..=chunk.len()).map(move |n| ALPHABET[(word >> (18 - 6 * n) & 63) as usize] as char)
        })
        .collect()
}

fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let bytes = format!("{:?}", secret.as_bytes());
    let bytes = bytes.trim_matches(['[', ']']).to_owned();
    // Whole, and a half: a truncated leak is a leak.
    let half = secret[..secret.len() / 2].to_owned();
    vec![secret.to_owned(), half, base64(secret.as_bytes()), hex, percent, json, bytes]
}

#[track_caller]
fn is_clean(output: &str) {
    for spelling in spellings(CANARY) {
        assert!(!output.to_lowercase().contains(&spelling.to_lowercase()), "the canary is in {output}");
    }
}

#[track_caller]
fn error_is_clean(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        is_clean(&format!("{error} {error:?} {error:#?}"));
        next = error.source();
    }
}

fn canary() -> SecretString {
    SecretString::from(CANARY)
}

fn custody(_: &SecretString, _: &Record) -> Result<(), Infallible> {
    Ok(())
}

#[test]
fn no_report_holds_the_token() {
    let variants = [
        CANARY.to_owned(),
        format!("\"{CANARY}\""),
        format!("{CANARY}\r\n"),
        CANARY.to_uppercase(),
        format!("\u{feff}{CANARY}"),
        format!("{CANARY} {CANARY}"),
        format!("${{{CANARY}}}"),
        format!("<{CANARY}>"),
    ];
    let occurrences: Vec<Occurrence> = variants
        .iter()
        .enumerate()
        .map(|(n, variant)| {
            Occurrence::new(format!("place {n}"), SecretString::from(variant.as_str())).at(1, 2, [3, 4])
        })
        .collect();
    is_clean(&format!("{occurrences:?}"));
    for occurrence in &occurrences {
        let judgement = judge(occurrence.token());
        is_clean(&format!("{judgement:?} {}", serde_json::to_string(&judgement).unwrap()));
    }
    for key in [None, Some(FingerprintKey::new(CANARY.repeat(2)).unwrap())] {
        is_clean(&format!("{key:?}"));
        let comparison = compare(&occurrences, key.as_ref());
        is_clean(&format!("{comparison:?} {}", serde_json::to_string(&comparison).unwrap()));
        is_clean(&serde_json::to_string(&comparison.findings()).unwrap());
        is_clean(&format!("{:?}", comparison.findings()));
    }
    is_clean(&format!("{:?}", decide(None, &occurrences)));
    let now = SystemTime::UNIX_EPOCH;
    let request = FreezeRequest::new(&occurrences, Circumstances::new(now, "ops"));
    is_clean(&format!("{request:?}"));
    error_is_clean(&freeze_once(&MemoryStore::default(), &request, custody).unwrap_err());
}

#[test]
fn no_record_holds_the_token() {
    let now = SystemTime::UNIX_EPOCH;
    let seen = [Occurrence::new(".env", canary())];
    let store = MemoryStore::default();
    for text in [
        Circumstances::new(now, CANARY),
        Circumstances::new(now, "ops").ticket(format!("see {CANARY}")),
        Circumstances::new(now, "ops").image("gateway", CANARY),
        Circumstances::new(now, "ops").image(CANARY, "sha256:aa"),
        Circumstances::new(now, "ops").version("gateway", CANARY),
    ] {
        let error = freeze_once(&store, &FreezeRequest::new(&seen, text), custody).unwrap_err();
        assert!(error.to_string().contains("contains the token"), "{error}");
        error_is_clean(&error);
    }
    // Also where JSON spells it differently.
    let hard = format!("{CANARY}\"\\");
    let occurrence = [Occurrence::new(".env", SecretString::from(hard.as_str()))];
    let pasted = FreezeRequest::new(&occurrence, Circumstances::new(now, "ops").ticket(hard));
    let error = freeze_once(&store, &pasted, custody).unwrap_err();
    assert!(error.to_string().contains("contains the token"), "{error}");

    let request = FreezeRequest::new(&seen, Circumstances::new(now, "ops"));
    let frozen = freeze_once(&store, &request, custody).unwrap();
    is_clean(&format!("{frozen:?} {}", frozen.record().to_text()));
    is_clean(&format!("{store:?}"));

    // As drift, too.
    let rotated = rotate(&store, &request, "suspected leak", custody).unwrap();
    let findings = rotated.record().verify(&Observed::new(&seen, now));
    assert!(!findings.is_empty());
    is_clean(&format!("{findings:?} {}", serde_json::to_string(&findings).unwrap()));

    error_is_clean(
        &freeze_once(&MemoryStore::default(), &request.intent(Intent::Mint), custody).unwrap_err(),
    );
    let not_a_record = format!("{{\"schema\":1,\"{CANARY}\":\"{CANARY}\"}}");
    for text in [CANARY, &not_a_record, &format!("{{\"schema\":\"{CANARY}\"}}")] {
        error_is_clean(&Record::from_text(text.as_bytes()).unwrap_err());
    }
}

#[test]
fn a_panic_beside_a_token_does_not_print_it() {
    let seen = [Occurrence::new(".env", canary())];
    let message = std::panic::catch_unwind(|| {
        let comparison = compare(&seen, None);
        assert!(!comparison.agrees(), "{comparison:?}");
    });
    let message = *message.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("Comparison"));
    is_clean(&message);
}

#[test]
fn eight_characters_only_of_strong_tokens() {
    let minted = mint().unwrap();
    let shown = first_eight(&minted).unwrap();
    assert_eq!(shown, minted.expose_secret()[..8]);
    assert!(first_eight(&SecretString::from("hunter2-hunter2")).is_err());
    // Strong as a whole, but not once eight of its characters are public.
    assert!(first_eight(&SecretString::from(concat!("7e03b94fd5c82a61", "f0e7394bd82c5a16"))).is_err());
}

#[cfg(all(feature = "fs", unix))]
#[test]
fn no_transaction_prints_its_content() {
    use openclaw_token::Digest;
    use openclaw_token::fs::transaction::{Change, Transaction};
    let root = tempfile::tempdir().unwrap();
    let change = || Change::write(".env", None, CANARY).secret();
    is_clean(&format!("{:?}", change()));
    let planned = Transaction::plan(root.path(), [change()]).unwrap();
    is_clean(&format!("{planned:?}"));
    let staged = planned.stage(None).unwrap();
    is_clean(&format!("{staged:?}"));
    let receipt = staged.commit().unwrap();
    is_clean(&format!("{receipt:?} {}", serde_json::to_string(&receipt).unwrap()));
    let wrong = Change::write(".env", Some(Digest::of(b"")), CANARY);
    error_is_clean(&Transaction::plan(root.path(), [wrong]).unwrap_err());
}
