//! How connections end: before the hello, and under a session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openclaw_embedded_gateway::{Gateway, Phase as GatewayPhase};
use openclaw_pairing::client::Outcome;
use openclaw_pairing::refusal::{PairingReason, RefusalCode};
use openclaw_pairing::{Cause, DeviceSigner, Phase};
use secrecy::SecretString;
use serde_json::json;

use super::clients::{
    Between, Edit, approved, approver, client, code, gateway, local, logged, quick, read, remote, session,
    stopped, token, with,
};

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
        let between = Between::editing(edit).url(&gateway).await;
        let stopped = stopped(client(&between).shared_token(token())).await;
        assert!(stopped.to_string().contains(words), "{words}: {stopped}");
        assert!(matches!(stopped.phase, Phase::Exhausted | Phase::Refused), "{words}: {stopped}");
    }
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
    let between = Between::editing(|_| String::new());
    let url = between.url(&gateway).await;
    let stopped = stopped(client(&url).shared_token(token())).await;
    assert!(stopped.to_string().contains("closed with 1000"), "{stopped}");
    assert_eq!(stopped.refusal, None);
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
        logged(&gateway, "cause=startup-sidecars-pending", 4).await;
        gateway.set_phase(GatewayPhase::Ready);
    });
    let Ok(Outcome::Session(mut held)) = outcome else { panic!("no session: {outcome:?}") };
    gateway.drain();
    assert_eq!(held.ended().await.cause, Cause::Restarting);
    let draining = stopped(local(&gateway).shared_token(token())).await;
    assert!(draining.transport.expect("a word").contains("503"));
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

    let mut held = renewed;
    admin.revoke(device.device_id(), "operator").await.expect("revoked");
    assert_eq!(held.ended().await.cause, Cause::DeviceRemoved);
    let revoked = stopped(remote(&gateway).signer(device.clone()).shared_token(token())).await;
    assert_eq!(revoked.refusal.expect("a refusal").pairing, Some(PairingReason::RoleUpgrade));

    admin.approve(device.device_id(), read()).await.expect("approved again");
    let mut held = session(remote(&gateway).signer(device.clone()).shared_token(token())).await;
    admin.remove(device.device_id()).await.expect("removed");
    assert_eq!(held.ended().await.cause, Cause::DeviceRemoved);
    let removed = stopped(remote(&gateway).signer(device.clone()).shared_token(token())).await;
    assert_eq!(removed.refusal.expect("a refusal").pairing, Some(PairingReason::NotPaired));
}

#[tokio::test]
async fn a_gateway_that_stops_takes_those_along_that_are_still_shaking_hands() {
    /// The client's connect has left and will never arrive.
    static ASKED: AtomicBool = AtomicBool::new(false);
    let gateway = gateway().await;
    let between = Between::editing(|_| {
        ASKED.store(true, Ordering::SeqCst);
        String::new()
    });
    let url = between.url(&gateway).await;
    let (stopped, ()) = tokio::join!(stopped(client(&url).shared_token(token())), async {
        while !ASKED.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        gateway.drain();
    });
    assert!(stopped.to_string().contains("closed with 1012 service restart"), "{stopped}");
}
