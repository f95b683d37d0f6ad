//! What a gateway's refusal means is written in two crates, which do not know each other: it means the same in both.
#![allow(clippy::panic, reason = "a failing test says so")]

use openclaw_pairing::refusal::{REFUSALS, RefusalClass, RefusalCode};
use openclaw_probe::{Answer, RefusalKind, read_connect_answer};

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
    let error = serde_json::json!({ "code": code, "message": "no", "details": { "code": code } });
    let frame = serde_json::json!({ "type": "res", "id": "1", "ok": false, "error": error });
    match read_connect_answer(&frame.to_string(), "1") {
        Answer::Refused(refusal) => refusal.kind,
        other => panic!("{code}: {other:?}"),
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

/// The confusion that this project is there to end: a stale device token is not a wrong gateway token.
#[test]
fn a_stale_device_token_is_never_a_wrong_gateway_token() {
    assert_eq!(read("AUTH_TOKEN_MISMATCH"), RefusalKind::TokenMismatch);
    assert_eq!(read("AUTH_DEVICE_TOKEN_MISMATCH"), RefusalKind::DeviceToken);
    assert_eq!(read("AUTH_BOOTSTRAP_TOKEN_INVALID"), RefusalKind::SetupCode);
    assert_eq!(read("AUTH_SCOPE_MISMATCH"), RefusalKind::DeviceScopes);
    assert_eq!(read("NOT_PAIRED"), RefusalKind::DeviceProof);
}
