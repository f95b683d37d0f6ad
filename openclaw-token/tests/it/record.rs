//! Records: what they say, what they refuse to read, and what verifying one finds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use expect_test::expect;
use openclaw_token::secrecy::{ExposeSecret, SecretString};
use openclaw_token::{
    Circumstances, Code, Created, Decision, FingerprintKey, FreezeError, FreezeRefusal, FreezeRequest,
    Frozen, Intent, MemoryStore, Observed, Occurrence, Record, RecordError, RecordStore, StoreError, decide,
    freeze_once, rotate,
};
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

const TOKEN: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_354_915 + seconds)
}

fn seen(places: &[(&str, &str)]) -> Vec<Occurrence> {
    places.iter().map(|(place, token)| Occurrence::new(*place, SecretString::from(*token))).collect()
}

fn custody(_: &SecretString, _: &Record) -> Result<(), Infallible> {
    Ok(())
}

fn frozen() -> Record {
    let occurrences = seen(&[(".env", TOKEN), ("openclaw.json", TOKEN)]);
    let circumstances = Circumstances::new(at(0), "ops")
        .ticket("CHG-17")
        .image("openclaw-gateway", "registry.example/openclaw@sha256:aaaa")
        .version("openclaw-gateway", "2026.9.6");
    let request = FreezeRequest::new(&occurrences, circumstances);
    freeze_once(&MemoryStore::default(), &request, custody).unwrap().record().clone()
}

fn codes(record: &Record, observed: &Observed<'_>) -> Vec<String> {
    record.verify(observed).iter().map(|finding| format!("{}: {}", finding.code, finding.summary)).collect()
}

#[test]
fn a_record_reads_well() {
    let record = frozen();
    expect![[r#"
        {
          "schema": 1,
          "generation": 1,
          "origin": "adopted",
          "fingerprint": "<fingerprint>",
          "frozen_at": "2026-11-22T13:41:55Z",
          "by": "ops",
          "ticket": "CHG-17",
          "images": {
            "openclaw-gateway": "registry.example/openclaw@sha256:aaaa"
          },
          "versions": {
            "openclaw-gateway": "2026.9.6"
          },
          "places": [
            ".env",
            "openclaw.json"
          ]
        }
    "#]]
    .assert_eq(&record.to_text().replace(&record.fingerprint.to_string(), "<fingerprint>"));
    assert_eq!(Record::from_text(record.to_text().as_bytes()), Ok(record));
}

#[test]
fn damaged_and_newer_records_are_refused() {
    let text = frozen().to_text();
    let newer = text.replace("\"schema\": 1", "\"schema\": 2").replace("\"by\"", "\"whom\"");
    assert_eq!(Record::from_text(newer.as_bytes()), Err(RecordError::NewerSchema { found: 2 }));
    for broken in ["", "{", "[]", "null", &text[..text.len() / 2], &text.replace("oct1:", "oct9:")] {
        assert!(
            matches!(Record::from_text(broken.as_bytes()), Err(RecordError::Malformed { .. })),
            "{broken}"
        );
    }
    let large = vec![b' '; (1 << 20) + 1];
    assert!(matches!(Record::from_text(&large), Err(RecordError::TooLarge { .. })));
}

#[test]
fn verifying_names_each_drift() {
    let record = frozen();
    let all = seen(&[(".env", TOKEN), ("openclaw.json", TOKEN)]);
    let same = Observed::new(&all, at(5))
        .image("openclaw-gateway", "sha256:aaaa")
        .version("openclaw-gateway", "2026.9.6");
    assert_eq!(codes(&record, &same), [""; 0]);

    let drifted = seen(&[(".env", TOKEN), ("openclaw.json", "change-me-now"), ("new place", TOKEN)]);
    expect![[r#"
        OC-T301 token-drift: openclaw.json no longer holds the frozen token
        OC-T304 place-unrecorded: new place holds the frozen token and is not in the record
        OC-T312 image-unpinned: the image of openclaw-gateway could not be compared"#]]
    .assert_eq(&codes(&record, &Observed::new(&drifted, at(5))).join("\n"));

    let lost = seen(&[(".env", "")]);
    expect![[r#"
        OC-T302 frozen-token-lost: no place holds the frozen token
        OC-T310 image-drift: openclaw-gateway runs another image than the recorded one
        OC-T311 auth-model-rollback: openclaw-gateway runs 2026.7.1, the record was made under 2026.9.6
        OC-T320 clock-backwards: the clock says 2026-11-22T13:31:55Z, before the freeze"#]]
    .assert_eq(
        &codes(
            &record,
            &Observed::new(&lost, at(0) - Duration::from_secs(600))
                .image("openclaw-gateway", "sha256:bbbb")
                .version("openclaw-gateway", "2026.7.1"),
        )
        .join("\n"),
    );

    let partly = seen(&[(".env", TOKEN)]);
    let found = codes(&record, &Observed::new(&partly, at(5)).image("openclaw-gateway", "sha256:aaaa"));
    assert_eq!(found, ["OC-T303 place-missing: openclaw.json is in the record and holds no token now"]);
}

#[test]
fn the_image_of_an_earlier_generation_is_a_rollback() {
    let store = MemoryStore::default();
    let occurrences = seen(&[(".env", TOKEN)]);
    let circumstances = |image: &str, seconds| Circumstances::new(at(seconds), "ops").image("gateway", image);
    freeze_once(&store, &FreezeRequest::new(&occurrences, circumstances("sha256:old", 0)), custody).unwrap();
    let request = FreezeRequest::new(&occurrences, circumstances("sha256:new", 9));
    let Frozen::New { record, token, .. } = rotate(&store, &request, "upgrade", custody).unwrap() else {
        panic!()
    };
    assert_eq!((record.generation, record.reason.as_deref()), (2, Some("upgrade")));
    let history = store.history().unwrap();
    assert_eq!(record.previous, Some(history[0].digest()));
    let now = [Occurrence::new(".env", token)];
    let observed = Observed::new(&now, at(10)).image("gateway", "sha256:old").history(&history);
    assert_eq!(record.verify(&observed)[0].code, Code::AuthModelRollback);
}

#[test]
fn rotation_is_explicit() {
    let store = MemoryStore::default();
    let request = |seconds| FreezeRequest::new(&[], Circumstances::new(at(seconds), "ops"));
    assert!(matches!(rotate(&store, &request(0), "leak", custody), Err(FreezeError::NotFrozen)));
    freeze_once(&store, &request(0), custody).unwrap();
    assert!(matches!(rotate(&store, &request(0), "  ", custody), Err(FreezeError::NoReason)));
    let early = FreezeRequest::new(&[], Circumstances::new(at(0) - Duration::from_secs(600), "ops"));
    assert!(matches!(rotate(&store, &early, "leak", custody), Err(FreezeError::ClockBackwards { .. })));
    assert_eq!(store.latest().unwrap().unwrap().generation, 1, "nothing was stored");
}

/// A store on which somebody else is always a moment faster.
#[derive(Default)]
struct Slower(MemoryStore);

impl RecordStore for Slower {
    type Guard = ();

    fn lock(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn generation(&self, generation: u64) -> Result<Option<Record>, StoreError> {
        self.0.generation(generation)
    }

    fn latest(&self) -> Result<Option<Record>, StoreError> {
        self.0.latest()
    }

    fn create(&self, record: &Record) -> Result<Created, StoreError> {
        let mut theirs = record.clone();
        theirs.by = "somebody else".to_owned();
        self.0.create(&theirs)?;
        self.0.create(record)
    }
}

#[test]
fn who_loses_the_race_gets_the_winners_record() {
    let store = Slower::default();
    let request = FreezeRequest::new(&[], Circumstances::new(at(0), "ops"));
    let frozen = freeze_once(&store, &request, custody).unwrap();
    assert!(matches!(&frozen, Frozen::Existing(record) if record.by == "somebody else"), "{frozen:?}");
    let raced = rotate(&store, &request, "leak", custody);
    assert!(
        matches!(&raced, Err(FreezeError::Raced { generation: 2, by }) if by == "somebody else"),
        "{raced:?}"
    );
}

/// Two clocks may be two minutes apart, as OpenClaw itself tolerates; no more.
#[test]
fn clocks_may_differ_by_two_minutes() {
    let record = frozen();
    let occurrences = seen(&[(".env", TOKEN), ("openclaw.json", TOKEN)]);
    let findings = |early| {
        let observed = Observed::new(&occurrences, at(0) - Duration::from_secs(early));
        codes(&record, &observed.image("openclaw-gateway", "sha256:aaaa"))
    };
    assert_eq!(findings(120), [""; 0]);
    assert_eq!(
        findings(121),
        ["OC-T320 clock-backwards: the clock says 2026-11-22T13:39:54Z, before the freeze"]
    );

    let store = MemoryStore::default();
    let request =
        |early| FreezeRequest::new(&[], Circumstances::new(at(0) - Duration::from_secs(early), "ops"));
    freeze_once(&store, &request(0), custody).unwrap();
    assert!(matches!(
        rotate(&store, &request(121), "leak", custody),
        Err(FreezeError::ClockBackwards { .. })
    ));
    rotate(&store, &request(120), "leak", custody).unwrap();
}

#[test]
fn a_later_release_is_no_rollback() {
    let record = frozen();
    let occurrences = seen(&[(".env", TOKEN), ("openclaw.json", TOKEN)]);
    let running = |version: &str| {
        let observed = Observed::new(&occurrences, at(5)).image("openclaw-gateway", "sha256:aaaa");
        codes(&record, &observed.version("openclaw-gateway", version).version("other", "2020.1.1"))
    };
    assert_eq!(running("2026.9.6"), [""; 0]);
    assert_eq!(running("2026.10.1"), [""; 0]);
    assert_eq!(running("latest"), [""; 0]);
    assert_eq!(
        running("2026.9.5"),
        ["OC-T311 auth-model-rollback: openclaw-gateway runs 2026.9.5, the record was made under 2026.9.6"]
    );
}

/// A copy of one generation in the place of another is not that generation's record.
#[cfg(all(feature = "fs", unix))]
#[test]
fn a_misplaced_record_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = openclaw_token::fs::DirectoryStore::new(root.path());
    let request = FreezeRequest::new(&[], Circumstances::new(at(0), "ops"));
    freeze_once(&store, &request, custody).unwrap();
    let records = root.path().join(".openclaw-token/records");
    std::fs::copy(records.join("record-000001.json"), records.join("record-000002.json")).unwrap();
    let error = store.latest().unwrap_err().to_string();
    assert!(error.ends_with("it is the record of generation 1, in the place of generation 2"), "{error}");
}

#[test]
fn decisions() {
    let refused = |places: &[(&str, &str)]| {
        let occurrences = seen(places);
        match decide(None, &occurrences) {
            Decision::Refuse(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(
        refused(&[("a", TOKEN), ("b", &TOKEN.replace('k', "e"))]),
        FreezeRefusal::Disagreement(_)
    ));
    assert!(matches!(refused(&[("a", TOKEN), ("b", &format!("{TOKEN}\n"))]), FreezeRefusal::Disagreement(_)));
    assert!(matches!(refused(&[("a", &format!("{TOKEN}\n"))]), FreezeRefusal::Unsound(_)));
    assert!(matches!(refused(&[("a", &format!("{TOKEN}\r\n"))]), FreezeRefusal::Unsound(_)));
    assert!(matches!(refused(&[("a", "hunter2")]), FreezeRefusal::Unsound(_)));
    // A placeholder beside a token is no second token.
    let beside = seen(&[("a", "${OPENCLAW_GATEWAY_TOKEN}"), ("b", TOKEN), ("c", "")]);
    assert!(matches!(decide(None, &beside), Decision::Adopt(_)));
    // Nor when nothing tells the two places apart.
    let one_name = seen(&[("environment", "${OPENCLAW_GATEWAY_TOKEN}"), ("environment", TOKEN)]);
    match decide(None, &one_name) {
        Decision::Adopt(token) => assert_eq!(token.expose_secret(), TOKEN),
        other => panic!("{other:?}"),
    }
    let record = frozen();
    assert!(matches!(decide(Some(&record), &beside), Decision::Keep(_)));

    let request = FreezeRequest::new(&beside, Circumstances::new(at(0), "ops"));
    let store = MemoryStore::default();
    let minting = freeze_once(&store, &request.clone().intent(Intent::Mint), custody);
    assert!(matches!(minting, Err(FreezeError::TokenInUse)));
    let nothing = FreezeRequest::new(&[], Circumstances::new(at(0), "ops")).intent(Intent::Adopt);
    assert!(matches!(freeze_once(&store, &nothing, custody), Err(FreezeError::NothingToAdopt)));
    let failing = freeze_once(&store, &request, |_, _| Err::<(), _>("the vault is sealed"));
    assert!(matches!(failing, Err(FreezeError::Custody(_))));
    assert_eq!(store.latest().unwrap(), None, "nothing was stored");
}

#[test]
fn a_keyed_record_needs_its_key() {
    let key = FingerprintKey::new(vec![7; 32]).unwrap();
    let occurrences = seen(&[(".env", TOKEN)]);
    let request = FreezeRequest::new(&occurrences, Circumstances::new(at(0), "ops")).key(&key);
    let store = MemoryStore::default();
    let record = freeze_once(&store, &request, custody).unwrap().record().clone();
    assert!(record.fingerprint.is_keyed());
    assert_eq!(record.verify(&Observed::new(&occurrences, at(0)))[0].code, Code::KeyUnknown);
    assert_eq!(record.verify(&Observed::new(&occurrences, at(0)).key(&key)), []);
}
