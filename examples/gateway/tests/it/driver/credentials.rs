//! Shared token and device token: which of them is wrong, and what too many failures cost.

use openclaw_embedded_gateway::Gateway;
use openclaw_pairing::client::Outcome;
use openclaw_pairing::refusal::{Actor, PairingReason, RefusalCode};
use openclaw_pairing::{DeviceSigner, Phase};

use super::clients::{
    Between, approved, approver, called, client, code, everything, gateway, key, local, remote, session,
    stopped, token, wrong,
};

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
async fn ten_wrong_tokens_lock_a_bridge_address_out_for_the_right_one_too() {
    let gateway = gateway().await;
    for _ in 0..10 {
        let stopped = stopped(remote(&gateway).shared_token(wrong())).await;
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
async fn what_is_missing_is_no_failure_and_a_success_starts_the_count_anew() {
    let gateway = gateway().await;
    let guess = || remote(&gateway).shared_token(wrong());
    for _ in 0..12 {
        assert_eq!(code(&stopped(remote(&gateway).signer(key(16))).await), RefusalCode::AuthTokenMissing);
    }
    for _ in 0..9 {
        assert_eq!(code(&stopped(guess()).await), RefusalCode::AuthTokenMismatch);
    }
    session(remote(&gateway).shared_token(token())).await;
    for _ in 0..9 {
        assert_eq!(code(&stopped(guess()).await), RefusalCode::AuthTokenMismatch);
    }
    session(remote(&gateway).shared_token(token())).await;
}

#[tokio::test]
async fn guesses_at_a_device_token_are_counted_apart_from_those_at_the_shared_one() {
    let gateway = gateway().await;
    let (device, kept) = approved(&gateway, 18).await;
    let guess = || remote(&gateway).signer(device.clone()).device_token(wrong());
    for _ in 0..10 {
        assert_eq!(code(&stopped(guess()).await), RefusalCode::AuthDeviceTokenMismatch);
    }
    let right = stopped(remote(&gateway).signer(device.clone()).device_token(kept)).await;
    assert_eq!((code(&right), right.phase), (RefusalCode::AuthRateLimited, Phase::Exhausted));
    session(remote(&gateway).signer(device).shared_token(token())).await;
}

#[tokio::test]
async fn a_restart_ends_a_lockout_and_keeps_the_pairing() {
    let gateway = gateway().await;
    let (device, _) = approved(&gateway, 19).await;
    for _ in 0..10 {
        stopped(remote(&gateway).shared_token(wrong())).await;
    }
    let wish = |gateway: &Gateway| remote(gateway).signer(device.clone()).shared_token(token());
    assert_eq!(code(&stopped(wish(&gateway)).await), RefusalCode::AuthRateLimited);
    let volume = gateway.kill().await;
    let again = Gateway::builder().token(token()).state(volume).start().await.expect("the gateway starts");
    session(wish(&again)).await;
}

#[tokio::test]
async fn pages_on_loopback_are_locked_out_by_their_origin() {
    let gateway = gateway().await;
    let page = async |origin, secret| {
        let url = Between::plain().origin(origin).url(&gateway).await;
        let page = client(&url).shared_token(secret).info(called("openclaw-control-ui", "webchat"));
        page.signer(key(20)).connect().await.expect("a policy")
    };
    let (origin, other) = ("http://127.0.0.1:18789", "http://localhost:18789");
    for _ in 0..10 {
        page(origin, wrong()).await;
    }
    let Outcome::Stopped(locked) = page(origin, token()).await else { panic!("a session") };
    assert_eq!((code(&locked), locked.phase), (RefusalCode::AuthRateLimited, Phase::Exhausted));
    assert!(matches!(page(other, token()).await, Outcome::Session(_)));
    session(local(&gateway).shared_token(token())).await;
}
