//! Requests on an open session: decisions by device id, late answers, and how a session ends.
#![cfg(all(feature = "client", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_gateway;

use std::time::Duration;

use openclaw_pairing::client::{DecideError, RequestError};
use openclaw_pairing::{Cause, Phase, Scope, ScopeSet};
use serde_json::json;

use bad_gateway::{close, request, send, silent, with_session};

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
