//! Requests on an open session: decisions by device id, late answers, and how a session ends.
#![cfg(all(feature = "client", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use openclaw_pairing::client::{DecideError, RequestError};
use openclaw_pairing::{Cause, Phase, Scope, ScopeSet};
use serde_json::json;

use crate::bad_gateway::{asked, close, hello, quick, request, send, serve, session, silent, with_session};

#[tokio::test]
async fn approving_lists_again_and_follows_a_replaced_request() {
    let (mut session, server) = with_session(|mut peer| async move {
        let mut current = 0;
        loop {
            let asked = request(&mut peer).await;
            let id = &asked["id"];
            match asked["method"].as_str() {
                Some("device.pair.list") => {
                    current += 1;
                    let scopes = if current < 4 { json!(["operator.read"]) } else { json!(["operator.admin"]) };
                    let pending = json!([{"requestId":format!("r-{current}"),"deviceId":"d-1","scopes":scopes}]);
                    send(&mut peer, json!({"type":"event","event":"health","payload":{}})).await;
                    send(&mut peer, json!({"type":"res","id":id,"ok":true,"payload":{"pending":pending,"paired":[]}})).await;
                }
                // The first id was replaced between listing and approving.
                Some("device.pair.approve") if asked["params"]["requestId"] == "r-1" => {
                    send(&mut peer, json!({"type":"res","id":id,"ok":false,"error":{"code":"INVALID_REQUEST","message":"unknown requestId"}})).await;
                }
                Some("device.pair.approve") => {
                    let device = json!({"deviceId":"d-1","scopes":["operator.read"],"approvedVia":"owner"});
                    send(&mut peer, json!({"type":"res","id":id,"ok":true,"payload":{"requestId":"r","device":device}})).await;
                }
                _ => return,
            }
        }
    })
    .await;
    let read = ScopeSet::from([Scope::Read]);
    let device = session.approve("d-1", read).await.unwrap();
    assert_eq!((device.device_id.as_str(), device.scopes), ("d-1", read));
    let error = session.approve("d-2", read).await.unwrap_err();
    assert!(matches!(error, DecideError::NoRequest { .. }), "{error}");
    let error = session.approve("d-1", read).await.unwrap_err();
    assert!(
        matches!(error, DecideError::AsksForMore { excess, .. } if excess.contains(Scope::Admin)),
        "{error}"
    );
    server.abort();
}

#[tokio::test]
async fn a_late_answer_to_a_request_that_was_given_up_is_not_taken_for_the_next() {
    let (mut session, server) = with_session(|mut peer| async move {
        let first = request(&mut peer).await;
        let second = request(&mut peer).await;
        for (asked, value) in [(first, "first"), (second, "second")] {
            send(&mut peer, json!({"type":"res","id":asked["id"],"ok":true,"payload":value})).await;
        }
        silent(peer).await;
    })
    .await;
    session.set_deadline(Duration::from_millis(30));
    let error = session.request("health", &json!({})).await.unwrap_err();
    assert!(matches!(error, RequestError::Timeout { .. }), "{error}");
    session.set_deadline(Duration::from_secs(5));
    assert_eq!(session.request("health", &json!({})).await.unwrap(), "second");
    server.abort();
}

#[tokio::test]
async fn a_session_that_ends_says_why_and_can_be_taken_up_again() {
    let (mut session, server) =
        with_session(|mut peer| async move { close(&mut peer, 4001, "device removed").await }).await;
    let end = session.ended().await;
    assert_eq!(end.cause, Cause::DeviceRemoved);
    let mut connecting = session.resume(end);
    // The policy allows no reconnect, so the machine says so at once.
    assert_eq!(connecting.phase(), Phase::Exhausted);
    assert!(format!("{:?}", connecting.next().await).contains("Exhausted"));
    server.abort();
}

#[tokio::test]
async fn each_close_of_a_session_is_told_for_what_it_means() {
    for (code, reason, cause) in [
        (1000, "", Cause::Lost),
        (1008, "slow consumer", Cause::Lost),
        (1008, "repeated unauthorized calls", Cause::Lost),
        (1008, "client version mismatch", Cause::Lost),
        (1008, "gateway ingress attribution required", Cause::Lost),
        (1011, "gateway message handler unavailable", Cause::Lost),
        (1012, "service restart", Cause::Restarting),
        (1012, "node capabilities changed", Cause::Restarting),
        (1012, "browser identity route changed", Cause::Restarting),
        (1013, "gateway restart in progress", Cause::Restarting),
        (1013, "gateway suspension in progress", Cause::Restarting),
        (4001, "gateway auth changed", Cause::AuthChanged),
        (4001, "device removed", Cause::DeviceRemoved),
        (4001, "client invalidated: test", Cause::Lost),
        (4001, "agent runtime authority closed", Cause::Lost),
    ] {
        let (mut session, server) =
            with_session(move |mut peer| async move { close(&mut peer, code, reason).await }).await;
        assert_eq!(session.ended().await.cause, cause, "{code} {reason}");
        server.abort();
    }
}

#[tokio::test]
async fn a_session_without_a_sign_of_life_is_lost_after_two_ticks() {
    let (address, server) = serve(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        let mut hello = hello(&connect["id"], &["operator.read", "operator.pairing"]);
        hello["payload"]["policy"]["tickIntervalMs"] = json!(40);
        send(&mut peer, hello).await;
        // A tick is a sign of life; then nothing more comes, and the socket stays open.
        send(&mut peer, json!({"type":"event","event":"tick","payload":{}})).await;
        silent(peer).await;
    })
    .await;
    let mut session = session(quick(), address).await;
    let end =
        tokio::time::timeout(Duration::from_secs(20), session.ended()).await.expect("it waits for ever");
    assert_eq!(end.cause, Cause::Lost);
    server.abort();
}
