//! What the crates say of the vendor: each string, number and range that two of them name means the same in both, though they
//! do not know each other.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openclaw_compose::openclaw::{Version, rules};
use openclaw_compose::project::looks_secret;
use openclaw_pairing::Cause;
use openclaw_pairing::refusal::{REFUSAL_TEXTS, REFUSALS, RefusalClass, RefusalCode};
use openclaw_pairing::version::{self as pairing_version, Rule, rule};
use openclaw_probe::supervisors::{EXIT_OPERATOR, Job, JobError, stop_budget};
use openclaw_probe::{Answer, CLOSE_CODES, ClockSkew, RefusalKind, read_connect_answer};
use openclaw_token::secrecy::SecretString;
use openclaw_token::{
    Circumstances, Code, FreezeRequest, MemoryStore, Observed, Occurrence, Record, Severity, freeze_once,
    judge,
};

/// Every release, in order.
const RELEASES: &[&str] = &[
    "2026.1.29",
    "2026.1.30",
    "2026.2.1",
    "2026.2.2",
    "2026.2.3",
    "2026.2.9",
    "2026.2.12",
    "2026.2.17",
    "2026.2.19",
    "2026.2.19-2",
    "2026.2.21",
    "2026.2.22",
    "2026.2.23",
    "2026.2.24",
    "2026.2.25",
    "2026.2.26",
    "2026.3.1",
    "2026.3.2",
    "2026.3.7",
    "2026.3.8",
    "2026.3.11",
    "2026.3.13",
    "2026.3.14",
    "2026.3.22",
    "2026.3.23",
    "2026.3.24",
    "2026.3.28",
    "2026.3.31",
    "2026.4.1",
    "2026.4.2",
    "2026.4.5",
    "2026.4.7",
    "2026.4.8",
    "2026.4.9",
    "2026.4.10",
    "2026.4.11",
    "2026.4.12",
    "2026.4.14",
    "2026.4.15",
    "2026.4.20",
    "2026.4.21",
    "2026.4.22",
    "2026.4.23",
    "2026.4.24",
    "2026.4.25",
    "2026.4.26",
    "2026.4.27",
    "2026.4.29",
    "2026.5.2",
    "2026.5.3",
    "2026.5.4",
    "2026.5.5",
    "2026.5.6",
    "2026.5.7",
    "2026.5.12",
    "2026.5.18",
    "2026.5.19",
    "2026.5.20",
    "2026.5.22",
    "2026.5.26",
    "2026.5.27",
    "2026.5.28",
    "2026.6.1",
    "2026.6.5",
    "2026.6.6",
    "2026.6.8",
    "2026.6.9",
    "2026.6.10",
    "2026.6.11",
    "2026.6.33",
    "2026.6.34",
    "2026.6.35",
    "2026.7.1",
    "2026.7.33",
    "2026.7.34",
    "2026.7.35",
    "2026.8.1",
    "2026.8.2",
    "2026.9.1",
    "2026.9.2",
    "2026.9.3",
    "2026.9.4",
    "2026.9.5",
    "2026.9.6",
];

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A record that was frozen at second 9000, under this release.
fn record(release: &str) -> Record {
    let seen = [Occurrence::new(".env", openclaw_token::mint().unwrap())];
    let request = FreezeRequest::new(&seen, Circumstances::new(at(9000), "ops").version("gateway", release));
    freeze_once(&MemoryStore::default(), &request, |_, _| Ok::<_, Infallible>(())).unwrap().record().clone()
}

/// Whether openclaw-token takes the running release for older than the recorded one.
fn is_rollback(recorded: &Record, running: &str) -> bool {
    let findings = recorded.verify(&Observed::new(&[], at(9000)).version("gateway", running));
    findings.iter().any(|finding| finding.code == Code::AuthModelRollback)
}

#[test]
fn releases_have_one_order() {
    for pair in RELEASES.windows(2) {
        let [older, newer] = pair else { continue };
        let compose = |text: &str| text.parse::<Version>().unwrap();
        let pairing = |text: &str| pairing_version::Version::parse(text).unwrap();
        // A later build of a release is later where builds are told apart, and the same release where they are not.
        assert!(is_rollback(&record(newer), older) && !is_rollback(&record(older), newer), "{older} {newer}");
        assert_eq!(
            compose(older).cmp(&compose(newer)),
            pairing(older).cmp(&pairing(newer)),
            "{older} {newer}"
        );
        assert!(compose(older) <= compose(newer), "{older} {newer}");
    }
}

#[test]
fn releases_have_one_grammar() {
    let last = record("2099.12.1");
    let odd = [
        "v2026.9.6",
        "V2026.9.6",
        " 2026.9.6 ",
        "2026.9.6-slim",
        "2026.9.6-beta.1",
        "2026.9.6+local",
        "2026.9.6_arm",
    ];
    let other = [
        "",
        "latest",
        "main",
        "24.16.0",
        "2026.9",
        "2026.9.6.1",
        "2026.13.1",
        "2026.0.1",
        "2026.+9.6",
        "1999.1.1",
        "v",
        "2026.x.1",
        "2026..1",
    ];
    for (texts, is_release) in [(RELEASES, true), (&odd, true), (&other, false)] {
        for text in texts {
            assert_eq!(text.parse::<Version>().is_ok(), is_release, "{text}");
            assert_eq!(pairing_version::Version::parse(text).is_some(), is_release, "{text}");
            assert_eq!(is_rollback(&last, text), is_release, "{text}");
        }
    }
}

#[test]
fn a_gateway_needs_one_time_to_stop() {
    for release in RELEASES.iter().copied().map(Some).chain([None, Some("latest")]) {
        let version = release.and_then(|release| release.parse::<Version>().ok());
        let seconds = rules::stop_budget_seconds(version);
        assert_eq!(stop_budget(release).as_secs(), u64::from(seconds), "{release:?}");
    }
    assert_eq!(i64::from(EXIT_OPERATOR), rules::EXIT_CONFIG);
}

#[test]
fn a_clock_may_be_off_by_one_amount() {
    let window = |release| {
        let window = rule(Rule::ClockWindow, release).unwrap().value;
        window.strip_suffix(" s").unwrap().parse::<i64>().unwrap() * 1000
    };
    for release in RELEASES.iter().copied().map(Some).chain([None]) {
        let window = window(release.and_then(pairing_version::Version::parse));
        let breaks =
            |ahead| ClockSkew::from_challenge(ahead, UNIX_EPOCH, UNIX_EPOCH).breaks_signatures(release);
        assert!(!breaks(window) && breaks(window + 1) && breaks(-window - 1), "{release:?}: {window}");
    }
    // What the newest gateway forgives a device, a record forgives the clock of the one that verifies it.
    let newest = u64::try_from(window(None)).unwrap() / 1000;
    let record = record("2026.9.6");
    for (now, is_behind) in [(9000 - newest, false), (9000 - newest - 1, true)] {
        let findings = record.verify(&Observed::new(&[], at(now)));
        assert_eq!(findings.iter().any(|finding| finding.code == Code::ClockBackwards), is_behind, "{now}");
    }
}

#[test]
fn close_codes_mean_one_thing() {
    for (number, code) in CLOSE_CODES {
        let is_restart = Cause::of_close(*number, "") == Cause::Restarting;
        let says_so = [1012, 1013].contains(number) && code.is_retryable();
        assert_eq!(is_restart, says_so, "{number}: {code}");
    }
    let changed = CLOSE_CODES.iter().find(|(number, _)| *number == 4001).map(|(_, code)| code.name());
    assert_eq!(changed, Some("closed-4001"));
    assert_eq!(Cause::of_close(4001, "gateway auth changed"), Cause::AuthChanged);
    assert_eq!(Cause::of_close(4001, "device removed"), Cause::DeviceRemoved);
}

#[test]
fn a_text_that_the_gateway_refuses_as_a_token_is_a_bad_token() {
    for text in rules::REFUSED_TEXTS.iter().map(|row| row.text) {
        let judgement = judge(&SecretString::from(text));
        let codes: Vec<_> = judgement.findings("here").into_iter().map(|finding| finding.code).collect();
        let named = [Code::UndefinedLiteral, Code::PlaceholderToken, Code::RedactionMarker];
        assert!(
            codes.iter().any(|code| named.contains(code) && code.severity() == Severity::Error),
            "{text}: {codes:?}"
        );
    }
}

#[test]
fn a_name_looks_secret_in_both_or_in_neither() {
    for name in [
        "OPENCLAW_GATEWAY_TOKEN",
        "OPENCLAW_GATEWAY_PASSWORD",
        "OPENCLAW_GATEWAY_SECRET",
        "OPENCLAW_API_KEY",
        "OPENCLAW_APNS_PRIVATE_KEY",
        "OPENCLAW_LIVE_OPENAI_KEY",
        "OPENCLAW_MCP_SESSION_KEY",
        "OPENCLAW_HOOKS_TOKEN",
        "CLAWDBOT_GATEWAY_TOKEN",
        "DB_PASSWD",
        "AWS_SECRET_ACCESS_KEY",
        "TLS_PASSPHRASE",
        "GITHUB_CREDENTIAL",
        "OPENCLAW_GATEWAY_TOKEN_FILE",
        "OPENCLAW_APNS_PRIVATE_KEY_PATH",
        "OPENCLAW_AUTH_PROFILE_SECRET_DIR",
        "OPENCLAW_GATEWAY_PORT",
        "OPENCLAW_STATE_DIR",
        "HOME",
        "PATH",
        "NODE_ENV",
        "OPENCLAW_QA_CREDENTIAL_LEASE_TTL",
    ] {
        let job = Job::new("x", ["/bin/x".to_owned(), format!("{name}=canary")], "/tmp");
        let is_secret = matches!(job, Err(JobError::Secret { .. }));
        assert_eq!(is_secret, looks_secret(name), "{name}: {job:?}");
    }
}

/// People cite the names: each is one code's, of whichever crate, and no retired code's.
#[test]
fn a_name_is_one_codes() {
    let mut owners = BTreeMap::new();
    macro_rules! own {
        ($($code:ty),*) => {$(
            for code in <$code>::ALL {
                let other = owners.insert(code.name(), code.id());
                assert_eq!(other, None, "{} is {} too", code.id(), code.name());
            }
        )*};
    }
    own!(Code, openclaw_compose::finding::Code, openclaw_pairing::Code, openclaw_probe::Code);
    own!(openclaw_runbook::diagnose::codes::Code);
    let retired = openclaw_probe::codes::RETIRED.iter().map(|(id, name, _)| (*id, *name));
    for (id, name) in retired {
        let other = owners.insert(name, id);
        assert_eq!(other, None, "{id} is {name} too");
    }
}

/// The kinds of the one that are a class of the other. A class that is new has to be placed here.
fn kinds(class: RefusalClass) -> &'static [RefusalKind] {
    match class {
        RefusalClass::Bootstrap => &[RefusalKind::SetupCode],
        RefusalClass::Clock => &[RefusalKind::DeviceClock],
        RefusalClass::DeviceToken => &[RefusalKind::DeviceToken],
        RefusalClass::Identity => &[RefusalKind::DeviceProof, RefusalKind::DeviceRequired],
        RefusalClass::LockedOut => &[RefusalKind::LockedOut],
        RefusalClass::Origin => &[RefusalKind::Origin],
        RefusalClass::Pairing => &[RefusalKind::PairingRequired],
        RefusalClass::Protocol => &[RefusalKind::Protocol],
        RefusalClass::SharedSecret => &[RefusalKind::TokenMismatch, RefusalKind::TokenMissing],
        RefusalClass::Starting => &[RefusalKind::Starting, RefusalKind::Draining],
        RefusalClass::TokenScope => &[RefusalKind::DeviceScopes],
        RefusalClass::Other => &[],
        class => panic!("{class:?} has no kind"),
    }
}

/// What openclaw-probe reads in a refusal with this code.
fn read(code: &str) -> RefusalKind {
    refusal_kind(&serde_json::json!({ "code": code, "message": "no", "details": { "code": code } }))
}

fn refusal_kind(error: &serde_json::Value) -> RefusalKind {
    let frame = serde_json::json!({ "type": "res", "id": "1", "ok": false, "error": error });
    match read_connect_answer(&frame.to_string(), "1") {
        Answer::Refused(refusal) => refusal.kind,
        other => panic!("{error}: {other:?}"),
    }
}

#[test]
fn a_refusal_that_both_crates_name_means_the_same_in_both() {
    for row in REFUSALS {
        let kind = read(row.code);
        // A code that the ladder does not name is refused for another reason: no word against the other crate's.
        assert!(
            kind == RefusalKind::Other || kinds(row.class).contains(&kind),
            "{}: {kind:?}, {:?}",
            row.code,
            row.class
        );
    }
    // These two are reasons beside a code, not codes.
    let reasons = ["startup-sidecars", "gateway-draining"];
    for (code, kind) in openclaw_probe::REFUSALS.iter().filter(|(code, _)| !reasons.contains(code)) {
        assert!(kinds(RefusalCode::from_name(code).class()).contains(kind), "{code}: {kind:?}");
    }
}

/// The same words without a code, as older releases say them.
#[test]
fn a_text_that_both_crates_name_means_the_same_in_both() {
    for (text, code) in REFUSAL_TEXTS {
        let error = serde_json::json!({ "code": "INVALID_REQUEST", "message": text });
        let kind = refusal_kind(&error);
        let class = RefusalCode::from_name(code).class();
        assert!(kind == RefusalKind::Other || kinds(class).contains(&kind), "{text}: {kind:?}, {class:?}");
    }
    for (text, kind) in openclaw_probe::REFUSAL_TEXTS {
        let class = RefusalCode::of(None, "INVALID_REQUEST", text).class();
        // The beginning of several texts of the other.
        let begins = REFUSAL_TEXTS.iter().filter(|(longer, _)| longer.starts_with(text));
        let mut classes = begins.map(|(_, code)| RefusalCode::from_name(code).class()).chain([class]);
        assert!(classes.any(|class| kinds(class).contains(kind)), "{text}: {kind:?}, {class:?}");
    }
}

/// The confusion that this project is there to end: a stale device token is not a wrong gateway token.
#[test]
fn a_stale_device_token_is_never_a_wrong_gateway_token() {
    assert_eq!(read("AUTH_TOKEN_MISMATCH"), RefusalKind::TokenMismatch);
    assert_eq!(read("AUTH_DEVICE_TOKEN_MISMATCH"), RefusalKind::DeviceToken);
    assert_eq!(read("AUTH_BOOTSTRAP_TOKEN_INVALID"), RefusalKind::SetupCode);
    assert_eq!(read("AUTH_SCOPE_MISMATCH"), RefusalKind::DeviceScopes);
    assert_eq!(read("NOT_PAIRED"), RefusalKind::DeviceProof);
}
