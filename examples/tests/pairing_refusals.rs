//! What the pairing driver makes of each refusal that a gateway gives, row by row, against the embedded gateway: who is
//! refused why, where the machine ends, and who must act.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]

mod driver;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openclaw_examples::gateway::{Clock, Gateway, Phase as GatewayPhase};
use openclaw_pairing::client::{DecideError, Outcome};
use openclaw_pairing::identity::{DeviceKey, PayloadVersion, Role, signed_text};
use openclaw_pairing::refusal::{Actor, PairingReason, RefusalCode};
use openclaw_pairing::wire::ClientInfo;
use openclaw_pairing::{Cause, DeviceSigner, Phase, Scope, ScopeSet, SignError};
use secrecy::SecretString;
use serde_json::json;

use driver::{
    Between, Edit, TOKEN, approved, approver, client, code, everything, gateway, key, local, node, quick,
    read, remote, same, session, stopped, token, with,
};

#[tokio::test]
async fn admission_without_and_with_credentials() {
    let gateway = gateway().await;
    let wrong = || SecretString::from("test-token-wrong");
    let cases = [
        (
            "no credential, no device",
            remote(&gateway),
            RefusalCode::DeviceIdentityRequired,
            Phase::IdentityRefused,
        ),
        (
            "wrong token, no device",
            remote(&gateway).shared_token(wrong()),
            RefusalCode::AuthTokenMismatch,
            Phase::Unauthorized,
        ),
        (
            "device without credential",
            remote(&gateway).signer(key(1)),
            RefusalCode::AuthTokenMissing,
            Phase::Unauthorized,
        ),
        (
            "wrong token with device",
            remote(&gateway).signer(key(1)).shared_token(wrong()),
            RefusalCode::AuthTokenMismatch,
            Phase::Unauthorized,
        ),
        (
            "right token, new device, remote",
            remote(&gateway).signer(key(1)).shared_token(token()),
            RefusalCode::PairingRequired,
            Phase::Undecided,
        ),
        (
            "a node without device",
            local(&gateway).shared_token(token()).role(Role::Node).info(node()).scopes(ScopeSet::EMPTY),
            RefusalCode::DeviceIdentityRequired,
            Phase::IdentityRefused,
        ),
    ];
    for (what, client, expected, phase) in cases {
        let stopped = stopped(client).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, phase), "{what}");
    }
}

#[tokio::test]
async fn a_right_token_from_afar_without_a_device_is_connected_and_may_do_nothing() {
    let gateway = gateway().await;
    let mut session = session(remote(&gateway).shared_token(token())).await;
    assert!(session.hello().scopes.is_empty());
    assert_eq!(session.missing_scopes(), read());
    let error = session.devices().await.expect_err("no scope");
    assert!(error.to_string().contains("missing scope: operator.pairing"), "{error}");
}

/// A signer that gets one thing wrong.
struct Wrong {
    key: DeviceKey,
    id: Option<String>,
    signs: fn(&DeviceKey, &[u8]) -> [u8; 64],
}

impl DeviceSigner for Wrong {
    fn device_id(&self) -> &str {
        self.id.as_deref().unwrap_or(self.key.device_id())
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    fn sign(&self, payload: &[u8]) -> Result<[u8; 64], SignError> {
        Ok((self.signs)(&self.key, payload))
    }
}

fn sign(key: &DeviceKey, text: &str) -> [u8; 64] {
    key.sign(text.as_bytes()).expect("a key signs")
}

#[tokio::test]
async fn a_wrong_device_proof_is_refused_before_the_token_is_looked_at() {
    let gateway = gateway().await;
    let key = || DeviceKey::from_seed(&[2; 32]);
    let faithful: fn(&DeviceKey, &[u8]) -> [u8; 64] = |key, payload| key.sign(payload).expect("a key signs");
    let cases = [
        (Some("aa".repeat(32)), faithful, RefusalCode::DeviceAuthDeviceIdMismatch),
        (
            None,
            (|_, _| [7; 64]) as fn(&DeviceKey, &[u8]) -> [u8; 64],
            RefusalCode::DeviceAuthSignatureInvalid,
        ),
        // Signed without the token that is sent.
        (
            None,
            |key, payload| {
                let text = String::from_utf8_lossy(payload).replace(TOKEN, "");
                sign(key, &text)
            },
            RefusalCode::DeviceAuthSignatureInvalid,
        ),
    ];
    for (id, signs, expected) in cases {
        let signer = Arc::new(Wrong { key: key(), id, signs });
        let stopped = stopped(local(&gateway).shared_token(token()).signer(signer)).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, Phase::IdentityRefused));
    }
    // Payload v2 is still taken.
    let signs: fn(&DeviceKey, &[u8]) -> [u8; 64] = |key, payload| {
        let text = String::from_utf8_lossy(payload).into_owned();
        let fields: Vec<&str> = text.split('|').collect();
        let v2 = ["v2"].into_iter().chain(fields[1..9].iter().copied()).collect::<Vec<_>>().join("|");
        sign(key, &v2)
    };
    let signer = Arc::new(Wrong { key: key(), id: None, signs });
    session(local(&gateway).shared_token(token()).signer(signer)).await;
    let _ = (PayloadVersion::V2, signed_text);
}

#[tokio::test]
async fn ten_wrong_tokens_lock_a_bridge_address_out_for_the_right_one_too() {
    let gateway = gateway().await;
    for _ in 0..10 {
        let stopped = stopped(remote(&gateway).shared_token(SecretString::from("test-token-wrong"))).await;
        assert_eq!(code(&stopped), RefusalCode::AuthTokenMismatch);
    }
    let stopped = stopped(remote(&gateway).shared_token(token())).await;
    assert_eq!((code(&stopped), stopped.phase), (RefusalCode::AuthRateLimited, Phase::Exhausted));
    assert!(stopped.refusal.as_ref().and_then(|refusal| refusal.retry_after_ms).is_some_and(|wait| wait > 0));
    assert_eq!(stopped.refusal.expect("a refusal").code.actor(), Actor::Nobody);
    // Loopback is never locked out.
    session(local(&gateway).shared_token(token())).await;
}

#[tokio::test]
async fn from_refusal_to_session_by_device_id() {
    let gateway = gateway().await;
    let device = key(3);
    let wish = remote(&gateway).signer(device.clone()).shared_token(token()).scopes(everything());
    let before = stopped(wish.clone()).await;
    let refusal = before.refusal.expect("a refusal");
    assert_eq!(refusal.pairing, Some(PairingReason::NotPaired));
    assert_eq!(refusal.device_id.as_deref(), Some(device.device_id()));

    let mut approver = session(local(&gateway).shared_token(token()).scopes(everything())).await;
    let list = approver.devices().await.expect("a list");
    let pending = list.pending_for(device.device_id()).expect("a request");
    assert_eq!(Some(&pending.request_id), refusal.request_id.as_ref());
    approver.approve(device.device_id(), everything()).await.expect("approved");

    let after = session(wish).await;
    assert!(after.missing_scopes().is_empty());
    let kept = after.device_token().expect("a device token").clone();
    // The device's own token is enough from now on, and only for this device.
    let own = session(remote(&gateway).signer(device).device_token(kept.clone())).await;
    assert_eq!(own.hello().method, "device-token");
    let thief = stopped(remote(&gateway).signer(key(4)).device_token(kept)).await;
    assert_eq!((code(&thief), thief.phase), (RefusalCode::AuthDeviceTokenMismatch, Phase::Unauthorized));
}

#[tokio::test]
async fn upgrades_wait_for_a_person_and_say_which_kind() {
    let gateway = gateway().await;
    let (device, _) = approved(&gateway, 5).await;
    let base = || remote(&gateway).signer(device.clone()).shared_token(token());
    let mut darwin = ClientInfo::cli("0.1.0", "darwin");
    darwin.display_name = Some("moved".to_owned());
    let cases = [
        (base().scopes(everything()), PairingReason::ScopeUpgrade),
        (base().role(Role::Node).info(node()).scopes(ScopeSet::EMPTY), PairingReason::RoleUpgrade),
        (base().info(darwin), PairingReason::MetadataUpgrade),
    ];
    for (client, reason) in cases {
        let stopped = stopped(client).await;
        let refusal = stopped.refusal.expect("a refusal");
        assert_eq!((refusal.pairing, stopped.phase), (Some(reason), Phase::Undecided));
        assert!(refusal.request_id.is_some(), "the id comes from the details, not from the cut close reason");
    }
}

#[tokio::test]
async fn a_device_token_with_too_few_scopes_falls_back_to_the_shared_one() {
    let gateway = gateway().await;
    let (device, kept) = approved(&gateway, 6).await;
    let alone = remote(&gateway).signer(device.clone()).device_token(kept.clone()).scopes(everything());
    let stopped_alone = stopped(alone.clone()).await;
    assert_eq!(
        (code(&stopped_alone), stopped_alone.phase),
        (RefusalCode::AuthScopeMismatch, Phase::Unauthorized)
    );
    let with_shared = stopped(alone.shared_token(token())).await;
    assert_eq!(with_shared.refusal.expect("a refusal").pairing, Some(PairingReason::ScopeUpgrade));
}

#[tokio::test]
async fn rotated_revoked_and_removed() {
    let gateway = gateway().await;
    let (device, kept) = approved(&gateway, 7).await;
    let with_old = || remote(&gateway).signer(device.clone()).device_token(kept.clone());
    let mut admin = approver(&gateway).await;

    let mut held = session(with_old()).await;
    assert!(
        admin.rotate(device.device_id(), "operator").await.expect("rotated").is_none(),
        "withheld from others"
    );
    assert_eq!(held.ended().await.cause, Cause::DeviceRemoved);
    assert_eq!(code(&stopped(with_old()).await), RefusalCode::AuthDeviceTokenMismatch);
    // With the shared token beside it, the stale one is dropped and a new one is given.
    let renewed = session(with_old().shared_token(token())).await;
    assert!(renewed.device_token().is_some());

    admin.revoke(device.device_id(), "operator").await.expect("revoked");
    let revoked = stopped(remote(&gateway).signer(device.clone()).shared_token(token())).await;
    assert_eq!(revoked.refusal.expect("a refusal").pairing, Some(PairingReason::RoleUpgrade));

    admin.remove(device.device_id()).await.expect("removed");
    let removed = stopped(remote(&gateway).signer(device.clone()).shared_token(token())).await;
    assert_eq!(removed.refusal.expect("a refusal").pairing, Some(PairingReason::NotPaired));
}

#[tokio::test]
async fn silent_on_loopback_unless_switched_off() {
    let gateway = gateway().await;
    let silent = session(local(&gateway).signer(key(8)).shared_token(token())).await;
    assert!(silent.device_token().is_some());
    let strict = Gateway::builder()
        .token(token())
        .auto_approve_local(false)
        .start()
        .await
        .expect("the gateway starts");
    let manual = stopped(local(&strict).signer(key(8)).shared_token(token())).await;
    assert_eq!(manual.refusal.expect("a refusal").pairing, Some(PairingReason::NotPaired));
}

#[tokio::test]
async fn a_starting_gateway_is_waited_for_and_a_draining_one_is_named() {
    let gateway = gateway().await;
    gateway.set_phase(GatewayPhase::Starting);
    let starting = stopped(local(&gateway).shared_token(token())).await;
    assert_eq!((code(&starting), starting.phase), (RefusalCode::Unavailable, Phase::Exhausted));
    let mut patient = quick();
    patient.warmups = 200;
    let waiting = local(&gateway).shared_token(token()).policy(patient);
    let (outcome, ()) = tokio::join!(waiting.connect(), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        gateway.set_phase(GatewayPhase::Ready);
    });
    let Ok(Outcome::Session(mut held)) = outcome else { panic!("no session: {outcome:?}") };
    gateway.drain();
    assert_eq!(held.ended().await.cause, Cause::Restarting);
    let draining = stopped(local(&gateway).shared_token(token())).await;
    assert!(draining.transport.expect("a word").contains("503"));
}

#[tokio::test]
async fn waiting_for_a_person_ends_in_a_session_without_another_request() {
    let gateway = gateway().await;
    let device = key(9);
    let mut patient = quick();
    patient.polls = 500;
    let wish = remote(&gateway).signer(device.clone()).shared_token(token()).policy(patient);
    let (outcome, ids) = tokio::join!(wish.connect(), async {
        let mut approver = approver(&gateway).await;
        let mut ids = std::collections::BTreeSet::new();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let list = approver.devices().await.expect("a list");
            ids.extend(list.pending_for(device.device_id()).map(|request| request.request_id.clone()));
        }
        approver.approve(device.device_id(), read()).await.expect("approved");
        ids
    });
    assert!(matches!(outcome, Ok(Outcome::Session(_))), "{outcome:?}");
    assert_eq!(ids.len(), 1, "a covered reconnect keeps the request: {ids:?}");
}

#[tokio::test]
async fn the_log_of_a_refusal_is_diagnosed() {
    use openclaw_pairing::plan::Topology;
    use openclaw_pairing::{Code, Evidence, Vantage, diagnose};

    let container: IpAddr = "172.18.0.3".parse().expect("an address");
    let gateway = Gateway::builder()
        .token(token())
        .container_peer(container)
        .start()
        .await
        .expect("the gateway starts");
    stopped(remote(&gateway).signer(key(10)).shared_token(token())).await;
    let evidence = Evidence::new(Topology::default())
        .version("2026.9.6")
        .log(Vantage::Gateway, "gateway.log", &gateway.log().join("\n"))
        .device_list(Vantage::Gateway, "devices list", &gateway.devices().to_string())
        .expect("a list");
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.cause, Code::NatHidesLocal, "{:?}", diagnosis.findings);
    assert!(diagnosis.plan.to_string().contains("openclaw devices approve REQUEST_ID --json"));
    assert!(diagnosis.plan.restart_now.is_some());
}

#[tokio::test]
async fn a_first_frame_that_was_tampered_with_is_refused_by_its_first_flaw() {
    let gateway = gateway().await;
    let cases: [(Edit, RefusalCode, Phase); 12] = [
        // Left out altogether, a nonce is a matter of shape.
        (
            |frame| {
                let mut frame: serde_json::Value = serde_json::from_str(frame).expect("JSON");
                frame["params"]["device"].as_object_mut().expect("a device").remove("nonce");
                frame.to_string()
            },
            RefusalCode::InvalidRequest,
            Phase::Refused,
        ),
        // Of two flaws the first in the gateway's order is named: the id before the time, the time before the nonce.
        (
            |frame| {
                let late = with(frame, "/params/device/signedAt", json!(1));
                with(&late, "/params/device/id", json!("aa".repeat(32)))
            },
            RefusalCode::DeviceAuthDeviceIdMismatch,
            Phase::IdentityRefused,
        ),
        (
            |frame| {
                let late = with(frame, "/params/device/signedAt", json!(1));
                with(&late, "/params/device/nonce", json!("of another connection"))
            },
            RefusalCode::DeviceAuthSignatureExpired,
            Phase::ClockSkewed,
        ),
        (
            |frame| with(frame, "/params/device/signedAt", json!(1)),
            RefusalCode::DeviceAuthSignatureExpired,
            Phase::ClockSkewed,
        ),
        (
            |frame| with(frame, "/params/device/signedAt", json!(9_000_000_000_000_u64)),
            RefusalCode::DeviceAuthSignatureExpired,
            Phase::ClockSkewed,
        ),
        (
            |frame| with(frame, "/params/device/nonce", json!("of another connection")),
            RefusalCode::DeviceAuthNonceMismatch,
            Phase::IdentityRefused,
        ),
        (
            |frame| with(frame, "/params/device/nonce", json!(" ")),
            RefusalCode::DeviceAuthNonceRequired,
            Phase::IdentityRefused,
        ),
        (
            |frame| with(frame, "/params/device/publicKey", json!("?")),
            RefusalCode::DeviceAuthDeviceIdMismatch,
            Phase::IdentityRefused,
        ),
        (
            |frame| with(frame, "/params/client/platform", json!("darwin")),
            RefusalCode::DeviceAuthSignatureInvalid,
            Phase::IdentityRefused,
        ),
        (|frame| with(frame, "/params/role", json!("admin")), RefusalCode::InvalidRequest, Phase::Refused),
        (|frame| with(frame, "/params/caps", json!("none")), RefusalCode::InvalidRequest, Phase::Refused),
        (
            |frame| with(frame, "/params/maxProtocol", json!(3)),
            RefusalCode::ProtocolMismatch,
            Phase::Incompatible,
        ),
    ];
    for (edit, expected, phase) in cases {
        let between = Between { origin: None, edit }.url(&gateway).await;
        // A wrong token beside it stays unlooked at: the proof is judged first.
        let wrong = SecretString::from("test-token-wrong");
        let stopped = stopped(client(&between).signer(key(11)).shared_token(wrong)).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, phase), "{stopped}");
    }
}

#[tokio::test]
async fn a_first_frame_that_is_no_request_gets_a_close_and_the_report_quotes_it() {
    let gateway = gateway().await;
    let cases: [(Edit, &str); 4] = [
        (|_| "hello".to_owned(), "closed with 1000"),
        (|_| r#"{"type":"hi"}"#.to_owned(), "closed with 1008 invalid request frame"),
        (|_| "x".repeat(65_537), "closed with 1009"),
        (|frame| with(frame, "/method", json!("health")), "invalid handshake: first request must be connect"),
    ];
    for (edit, words) in cases {
        let between = Between { origin: None, edit }.url(&gateway).await;
        let stopped = stopped(client(&between).shared_token(token())).await;
        assert!(stopped.to_string().contains(words), "{words}: {stopped}");
        assert!(matches!(stopped.phase, Phase::Exhausted | Phase::Refused), "{words}: {stopped}");
    }
}

#[tokio::test]
async fn a_dashboard_needs_an_origin_and_a_key() {
    let gateway = gateway().await;
    let (none, foreign) = (None, Some("http://elsewhere.example"));
    let allowed = Some("http://localhost:18789");
    let refused = RefusalCode::ControlUiOriginNotAllowed;
    let keyless = RefusalCode::ControlUiDeviceIdentityRequired;
    let cases = [
        ("openclaw-control-ui", none, refused.clone(), Phase::OriginRefused),
        ("openclaw-control-ui", foreign, refused.clone(), Phase::OriginRefused),
        ("openclaw-control-ui", allowed, keyless.clone(), Phase::IdentityRefused),
        ("openclaw-tui", none, keyless, Phase::IdentityRefused),
        // Whoever names a foreign origin is held to it.
        ("cli", foreign, refused, Phase::OriginRefused),
    ];
    for (id, origin, expected, phase) in cases {
        let mut info = ClientInfo::cli("0.1.0", "linux");
        (info.id, info.mode) = (id.to_owned(), if id == "cli" { "cli" } else { "ui" }.to_owned());
        let between = Between { origin, edit: same }.url(&gateway).await;
        let stopped = stopped(client(&between).shared_token(token()).info(info)).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, phase), "{id} from {origin:?}: {stopped}");
    }
}

#[tokio::test]
async fn a_request_lives_five_minutes_and_then_the_device_must_ask_again() {
    use openclaw_pairing::plan::Topology;
    use openclaw_pairing::{Code, Evidence, Vantage, diagnose};

    let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let gateway =
        Gateway::builder().token(token()).clock(clock.clone()).start().await.expect("the gateway starts");
    let device = key(12);
    let wish = remote(&gateway).signer(device.clone()).shared_token(token());
    let first = stopped(wish.clone()).await.refusal.expect("a refusal");
    let list = gateway.devices().to_string();
    clock.advance(Duration::from_secs(301));

    let evidence = Evidence::new(Topology::default()).version("2026.9.6").now_ms(clock.now_ms());
    let evidence = evidence.device_list(Vantage::Gateway, "devices list", &list).expect("a list");
    assert_eq!(diagnose(&evidence).cause, Code::RequestExpired);
    let mut approver = approver(&gateway).await;
    let error = approver.approve(device.device_id(), read()).await.expect_err("nothing is pending");
    assert!(matches!(error, DecideError::NoRequest { .. }), "{error}");

    let second = stopped(wish.clone()).await.refusal.expect("a refusal");
    assert_ne!(first.request_id, second.request_id);
    approver.approve(device.device_id(), read()).await.expect("approved");
    session(wish).await;
}

#[tokio::test]
async fn another_wish_replaces_the_request_and_asks_for_both() {
    let gateway = gateway().await;
    let device = key(13);
    let wish = |scope: Scope| {
        remote(&gateway).signer(device.clone()).shared_token(token()).scopes(ScopeSet::from([scope]))
    };
    let first = stopped(wish(Scope::Pairing)).await.refusal.expect("a refusal");
    let second = stopped(wish(Scope::Read)).await.refusal.expect("a refusal");
    assert_ne!(first.request_id, second.request_id);
    let mut approver = approver(&gateway).await;
    let list = approver.devices().await.expect("a list");
    assert_eq!(list.pending.len(), 1);
    assert_eq!(list.pending[0].scopes, ScopeSet::from([Scope::Pairing, Scope::Read]));
    // Agreed was reading: the union is not approved unseen.
    let error = approver.approve(device.device_id(), read()).await.expect_err("more than was agreed");
    assert!(matches!(error, DecideError::AsksForMore { .. }), "{error}");
}

#[tokio::test]
async fn a_changed_shared_token_ends_the_session_and_the_old_one() {
    let gateway = gateway().await;
    let old = local(&gateway).shared_token(token());
    let mut held = session(old.clone()).await;
    gateway.change_token(SecretString::from("test-token-changed"));
    assert_eq!(held.ended().await.cause, Cause::AuthChanged);
    let stopped = stopped(old).await;
    assert_eq!((code(&stopped), stopped.phase), (RefusalCode::AuthTokenMismatch, Phase::Unauthorized));
}

#[tokio::test]
async fn a_wrong_token_with_a_device_names_the_other_way_in() {
    let gateway = gateway().await;
    let wrong = SecretString::from("test-token-wrong");
    let with_device = stopped(remote(&gateway).signer(key(14)).shared_token(wrong.clone())).await;
    assert!(with_device.refusal.expect("a refusal").can_retry_with_device_token);
    let without = stopped(remote(&gateway).shared_token(wrong)).await;
    assert!(!without.refusal.expect("a refusal").can_retry_with_device_token);
}

#[tokio::test]
async fn a_device_token_in_the_place_of_the_shared_one_is_taken_and_refused_as_such() {
    let gateway = gateway().await;
    let (device, kept) = approved(&gateway, 15).await;
    let own = session(remote(&gateway).signer(device.clone()).shared_token(kept.clone())).await;
    assert_eq!(own.hello().method, "device-token");
    let mut admin = approver(&gateway).await;
    admin.rotate(device.device_id(), "operator").await.expect("rotated");
    let stale = stopped(remote(&gateway).signer(device.clone()).shared_token(kept.clone())).await;
    assert_eq!((code(&stale), stale.phase), (RefusalCode::AuthTokenMismatch, Phase::Unauthorized));
    let named = stopped(remote(&gateway).signer(device).device_token(kept)).await;
    assert_eq!((code(&named), named.phase), (RefusalCode::AuthDeviceTokenMismatch, Phase::Unauthorized));
}

#[tokio::test]
async fn what_is_missing_is_no_failure_and_a_success_starts_the_count_anew() {
    let gateway = gateway().await;
    let wrong = || remote(&gateway).shared_token(SecretString::from("test-token-wrong"));
    for _ in 0..12 {
        assert_eq!(code(&stopped(remote(&gateway).signer(key(16))).await), RefusalCode::AuthTokenMissing);
    }
    for _ in 0..9 {
        assert_eq!(code(&stopped(wrong()).await), RefusalCode::AuthTokenMismatch);
    }
    session(remote(&gateway).shared_token(token())).await;
    for _ in 0..9 {
        assert_eq!(code(&stopped(wrong()).await), RefusalCode::AuthTokenMismatch);
    }
    session(remote(&gateway).shared_token(token())).await;
}

#[tokio::test]
async fn a_request_is_decided_once_and_an_upgrade_says_what_is_approved() {
    let gateway = gateway().await;
    let (device, _) = approved(&gateway, 17).await;
    let more = stopped(remote(&gateway).signer(device).shared_token(token()).scopes(everything())).await;
    let refusal = more.refusal.expect("a refusal");
    assert_eq!(refusal.approved_scopes, Some(read()));
    assert_eq!(refusal.requested_scopes, Some(everything()));
    let request = json!({ "requestId": refusal.request_id });
    let mut approver = approver(&gateway).await;
    approver.request("device.pair.approve", &request).await.expect("approved");
    let error = approver.request("device.pair.approve", &request).await.expect_err("decided before");
    assert!(error.to_string().contains("unknown requestId"), "{error}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed_without_a_word() {
    let gateway = Gateway::builder()
        .token(token())
        .handshake_timeout(Duration::from_millis(20))
        .start()
        .await
        .expect("the gateway starts");
    // The first frame is lost on the way: an event is no request, and this one never arrives.
    let between = Between { origin: None, edit: |_| String::new() };
    let url = between.url(&gateway).await;
    let stopped = stopped(client(&url).shared_token(token())).await;
    assert!(stopped.to_string().contains("closed with 1000"), "{stopped}");
    assert_eq!(stopped.refusal, None);
}
