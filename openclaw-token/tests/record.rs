//! Records: what they say, what they refuse to read, and what verifying one finds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use expect_test::expect;
use openclaw_token::secrecy::SecretString;
use openclaw_token::{
    Circumstances, Code, Decision, FingerprintKey, FreezeError, FreezeRequest, Frozen, Intent, MemoryStore,
    Observed, Record, RecordError, RecordStore, Refusal, Sighting, decide, freeze_once, rotate,
};
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

const TOKEN: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_354_915 + seconds)
}

fn seen(places: &[(&str, &str)]) -> Vec<Sighting> {
    places.iter().map(|(place, token)| Sighting::new(*place, SecretString::from(*token))).collect()
}

fn custody(_: &SecretString, _: &Record) -> Result<(), Infallible> {
    Ok(())
}

fn frozen() -> Record {
    let sightings = seen(&[(".env", TOKEN), ("openclaw.json", TOKEN)]);
    let circumstances = Circumstances::new(at(0), "ops")
        .ticket("CHG-17")
        .image("openclaw-gateway", "registry.example/openclaw@sha256:aaaa")
        .version("openclaw-gateway", "2026.9.6");
    let request = FreezeRequest::new(&sightings, circumstances);
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
    let pinned = |observed: Observed<'static>| observed;
    let same = Observed::new(&all, at(5))
        .image("openclaw-gateway", "sha256:aaaa")
        .version("openclaw-gateway", "2026.9.6");
    assert_eq!(codes(&record, &same), [""; 0]);
    let _ = pinned;

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
    let sightings = seen(&[(".env", TOKEN)]);
    let circumstances = |image: &str, seconds| Circumstances::new(at(seconds), "ops").image("gateway", image);
    freeze_once(&store, &FreezeRequest::new(&sightings, circumstances("sha256:old", 0)), custody).unwrap();
    let request = FreezeRequest::new(&sightings, circumstances("sha256:new", 9));
    let Frozen::New { record, token, .. } = rotate(&store, &request, "upgrade", custody).unwrap() else {
        panic!()
    };
    assert_eq!((record.generation, record.reason.as_deref()), (2, Some("upgrade")));
    let history = store.history().unwrap();
    assert_eq!(record.previous, Some(history[0].digest()));
    let now = [Sighting::new(".env", token)];
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

#[test]
fn decisions() {
    let refused = |places: &[(&str, &str)]| {
        let sightings = seen(places);
        match decide(None, &sightings) {
            Decision::Refuse(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(refused(&[("a", TOKEN), ("b", &TOKEN.replace('k', "e"))]), Refusal::Disagreement(_)));
    assert!(matches!(refused(&[("a", TOKEN), ("b", &format!("{TOKEN}\n"))]), Refusal::Disagreement(_)));
    assert!(matches!(refused(&[("a", &format!("{TOKEN}\n"))]), Refusal::Unsound(_)));
    assert!(matches!(refused(&[("a", "hunter2")]), Refusal::Unsound(_)));
    // A stand-in beside a token is no second token.
    let beside = seen(&[("a", "${OPENCLAW_GATEWAY_TOKEN}"), ("b", TOKEN), ("c", "")]);
    assert!(matches!(decide(None, &beside), Decision::Adopt(_)));
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
    let sightings = seen(&[(".env", TOKEN)]);
    let request = FreezeRequest::new(&sightings, Circumstances::new(at(0), "ops")).key(&key);
    let store = MemoryStore::default();
    let record = freeze_once(&store, &request, custody).unwrap().record().clone();
    assert!(record.fingerprint.is_keyed());
    assert_eq!(record.verify(&Observed::new(&sightings, at(0)))[0].code, Code::KeyUnknown);
    assert_eq!(record.verify(&Observed::new(&sightings, at(0)).key(&key)), []);
}
