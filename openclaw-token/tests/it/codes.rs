//! Every code is produced, by the public functions alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use openclaw_token::ledger::{Act, Anchor, LedgerEntry, compare_records, line, verify};
use openclaw_token::secrecy::SecretString;
use openclaw_token::{
    Circumstances, Code, Finding, FingerprintKey, FreezeRequest, MemoryStore, Observed, Occurrence, Record,
    compare, freeze_once,
};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

const TOKEN: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seen(values: &[&str]) -> Vec<Occurrence> {
    values
        .iter()
        .enumerate()
        .map(|(n, value)| Occurrence::new(format!("place {n}"), SecretString::from(*value)))
        .collect()
}

fn frozen(key: Option<&FingerprintKey>) -> Record {
    let occurrences = seen(&[TOKEN]);
    let circumstances =
        Circumstances::new(at(9000), "ops").image("gateway", "sha256:aa").version("gateway", "2026.9.6");
    let mut request = FreezeRequest::new(&occurrences, circumstances);
    if let Some(key) = key {
        request = request.key(key);
    }
    freeze_once(&MemoryStore::default(), &request, |_, _| Ok::<_, Infallible>(())).unwrap().record().clone()
}

fn ledger() -> Vec<String> {
    let mut anchor = Anchor::START;
    let line = |n: u64| {
        let (line, next) = line(anchor, &LedgerEntry::new(at(n), "ops", Act::Checked, format!("check {n}")));
        anchor = next;
        line
    };
    (0..4).map(line).collect()
}

#[test]
fn every_code_is_produced() {
    let mut findings: Vec<Finding> = Vec::new();
    for value in [
        "",
        "null",
        "changeme",
        "***",
        "${X}",
        &format!("\u{feff}{TOKEN}"),
        &format!("'{TOKEN}'"),
        "a b",
        "a\u{1}b",
        &"ab1-".repeat(2000),
        &format!("{TOKEN}\r\n"),
        &format!("{TOKEN}\n"),
        "café",
        "pa$$word",
        "short",
    ] {
        findings.extend(compare(&seen(&[value]), None).findings());
    }
    findings.extend(compare(&[], None).findings());
    for other in [
        TOKEN.replace('k', "e"),
        format!("{TOKEN}\n"),
        format!("\"{TOKEN}\""),
        TOKEN.to_uppercase(),
        format!("\u{feff}{TOKEN}"),
    ] {
        findings.extend(compare(&seen(&[TOKEN, &other]), None).findings());
    }
    let record = frozen(None);
    let (same, other, added) = (seen(&[TOKEN]), seen(&["other"]), seen(&[TOKEN, TOKEN]));
    let elsewhere = [Occurrence::new("elsewhere", SecretString::from(TOKEN))];
    let now = at(9000);
    findings.extend(Record::verify_latest(None, &Observed::new(&same, now)));
    for observed in [
        Observed::new(&other, now),
        Observed::new(&added, now),
        Observed::new(&elsewhere, now).image("gateway", "sha256:bb"),
        Observed::new(&same, at(0)).version("gateway", "2026.7.1"),
    ] {
        findings.extend(Record::verify_latest(Some(&record), &observed));
    }
    let key = FingerprintKey::new(vec![7; 32]).unwrap();
    findings.extend(frozen(Some(&key)).verify(&Observed::new(&same, now)));

    let lines = ledger();
    let whole = lines.concat();
    let anchor = verify(whole.as_bytes(), None).head;
    for text in [
        whole.replace("check 1", "check 9"),
        [&lines[..1], &lines[2..]].concat().concat(),
        lines[..2].concat(),
        format!("{whole}{{\"v\":1"),
        whole.replacen("{\"v\":1", "{\"v\":2", 1),
    ] {
        findings.extend(verify(text.as_bytes(), Some(anchor)).findings("ledger.jsonl"));
    }

    let (entered, _) = line(Anchor::START, &LedgerEntry::of(&record));
    findings.extend(compare_records(b"", std::slice::from_ref(&record), "ledger.jsonl"));
    findings.extend(compare_records(entered.as_bytes(), &[], "ledger.jsonl"));

    let produced: BTreeSet<Code> = findings.iter().map(|finding| finding.code).collect();
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !produced.contains(code)).collect();
    assert!(missing.is_empty(), "no input produces {missing:?}");
    for finding in &findings {
        assert_eq!((finding.name, finding.severity), (finding.code.name(), finding.code.severity()));
        assert!(!finding.summary.is_empty() && !finding.summary.contains('\n'), "{finding:?}");
    }
}
