//! Pairing with the embedded gateway, row by row of the observed behaviour of OpenClaw 2026.9.6.

use crate::client::{Client, Device, code, connect};
use openclaw_embedded_gateway::{Clock, Gateway};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

const TOKEN: &str = "test-token-pairing";
const OWNER: [&str; 4] = ["operator.admin", "operator.pairing", "operator.read", "operator.write"];

async fn gateway() -> Gateway {
    Gateway::builder().token(TOKEN.to_owned().into()).start().await.expect("the gateway starts")
}

/// A process in the gateway's namespace with the shared token.
async fn owner(gateway: &Gateway) -> Client {
    let mut client = Client::open(gateway.addr()).await;
    let hello =
        client.request("connect", connect(json!({ "auth": { "token": TOKEN }, "scopes": OWNER }))).await;
    assert_eq!(hello["ok"], true);
    client
}

/// One attempt of a device; with the connection, where it was let in.
async fn attempt(address: SocketAddr, device: &Device, over: Value) -> (Value, Client) {
    let mut client = Client::open(address).await;
    let mut with_token = json!({ "auth": { "token": TOKEN } });
    for (name, value) in over.as_object().expect("an object") {
        with_token[name] = value.clone();
    }
    let params = device.connect(&client, with_token);
    let response = client.request("connect", params).await;
    (response, client)
}

async fn ask(gateway: &Gateway, device: &Device, scopes: &[&str]) -> Value {
    attempt(gateway.container_addr(), device, json!({ "scopes": scopes })).await.0
}

fn request_id(response: &Value) -> String {
    assert_eq!(code(response), "PAIRING_REQUIRED", "{response}");
    response["error"]["details"]["requestId"].as_str().expect("an id").to_owned()
}

fn reason(response: &Value) -> &str {
    response["error"]["details"]["reason"].as_str().unwrap_or_default()
}

/// Approves whatever this device asks for.
async fn approve(gateway: &Gateway, id: &str) -> Value {
    owner(gateway).await.request("device.pair.approve", json!({ "requestId": id })).await
}

#[tokio::test]
async fn a_local_device_is_let_in_silently_and_a_remote_one_waits() {
    let gateway = gateway().await;
    let (hello, _) = attempt(gateway.addr(), &Device::new(1), json!({})).await;
    assert_eq!(hello["payload"]["auth"]["deviceToken"].as_str().map(str::len), Some(43));
    let (refused, mut client) = attempt(gateway.container_addr(), &Device::new(2), json!({})).await;
    let id = request_id(&refused);
    assert_eq!(reason(&refused), "not-paired");
    assert_eq!(
        client.closed().await,
        (1008, format!("pairing required: device is not approved yet (requestId: {id})"))
    );
    assert!(gateway.log().iter().any(|line| line.contains("cause=pairing-required") && line.contains(&id)));
}

#[tokio::test]
async fn a_covered_request_keeps_its_id_and_a_wider_one_gets_a_new_id_with_the_union() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let mut watch = owner(&gateway).await;
    let first = request_id(&ask(&gateway, &device, &["operator.pairing"]).await);
    assert_eq!(request_id(&ask(&gateway, &device, &["operator.pairing"]).await), first);
    let second = request_id(&ask(&gateway, &device, &["operator.read"]).await);
    assert_ne!(second, first);
    assert_eq!(watch.event("device.pair.requested").await["payload"]["requestId"], first.as_str());
    let resolved = watch.event("device.pair.resolved").await;
    assert_eq!(resolved["payload"]["requestId"], first.as_str());
    assert_eq!(resolved["payload"]["decision"], "rejected");
    assert_eq!(watch.event("device.pair.requested").await["payload"]["requestId"], second.as_str());
    let pending = gateway.devices()["pending"].clone();
    assert_eq!(pending.as_array().map(Vec::len), Some(1));
    assert_eq!(pending[0]["scopes"], json!(["operator.pairing", "operator.read"]));
}

#[tokio::test]
async fn a_request_lives_five_minutes_from_its_last_renewal() {
    let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).clock(clock.clone());
    let gateway = builder.start().await.expect("the gateway starts");
    let device = Device::new(1);
    let first = request_id(&ask(&gateway, &device, &["operator.read"]).await);
    clock.advance(Duration::from_secs(299));
    assert_eq!(request_id(&ask(&gateway, &device, &["operator.read"]).await), first);
    clock.advance(Duration::from_secs(299));
    assert_eq!(gateway.devices()["pending"][0]["requestId"], first.as_str());
    clock.advance(Duration::from_secs(2));
    assert_eq!(gateway.devices()["pending"], json!([]));
    assert_eq!(approve(&gateway, &first).await["error"]["message"], "unknown requestId");
    assert_ne!(request_id(&ask(&gateway, &device, &["operator.read"]).await), first);
}

#[tokio::test]
async fn an_approved_device_comes_in_by_either_token() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let id = request_id(&ask(&gateway, &device, &OWNER).await);
    let approved = approve(&gateway, &id).await;
    assert_eq!(approved["payload"]["device"]["approvedVia"], "owner");
    assert_eq!(approve(&gateway, &id).await["error"]["message"], "unknown requestId");

    let (hello, _) = attempt(gateway.container_addr(), &device, json!({})).await;
    let device_token = hello["payload"]["auth"]["deviceToken"].clone();
    for auth in [
        json!({ "deviceToken": device_token }),
        json!({ "token": device_token }),
        json!({ "token": "test-token-wrong", "deviceToken": device_token }),
    ] {
        let (hello, _) = attempt(gateway.container_addr(), &device, json!({ "auth": auth })).await;
        assert_eq!(hello["payload"]["auth"]["method"], "device-token");
        assert_eq!(hello["payload"]["auth"]["deviceToken"], device_token);
    }
    let (other, _) = attempt(
        gateway.container_addr(),
        &Device::new(2),
        json!({ "auth": { "deviceToken": device_token } }),
    )
    .await;
    assert_eq!(code(&other), "AUTH_DEVICE_TOKEN_MISMATCH");
}

#[tokio::test]
async fn a_device_token_does_not_stretch() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let (hello, _) = attempt(gateway.addr(), &device, json!({})).await;
    let auth = json!({ "deviceToken": hello["payload"]["auth"]["deviceToken"] });
    let (refused, _) =
        attempt(gateway.addr(), &device, json!({ "auth": auth, "scopes": ["operator.admin"] })).await;
    assert_eq!(code(&refused), "AUTH_SCOPE_MISMATCH");
    assert_eq!(refused["error"]["details"]["recommendedNextStep"], "review_auth_configuration");
}

#[tokio::test]
async fn upgrades_are_silent_inside_and_manual_outside() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let (first, _) = attempt(gateway.addr(), &device, json!({})).await;
    let wider = json!({ "scopes": ["operator.read", "operator.write"] });
    let (upgraded, _) = attempt(gateway.addr(), &device, wider.clone()).await;
    assert_eq!(upgraded["payload"]["auth"]["scopes"], wider["scopes"]);
    assert_ne!(upgraded["payload"]["auth"]["deviceToken"], first["payload"]["auth"]["deviceToken"]);

    let refused = ask(&gateway, &device, &["operator.admin"]).await;
    assert_eq!(reason(&refused), "scope-upgrade");
    assert_eq!(refused["error"]["details"]["approvedScopes"], json!(["operator.read", "operator.write"]));

    let darwin = json!({ "client": { "id": "cli", "mode": "cli", "version": "1", "platform": "darwin" } });
    assert_eq!(reason(&attempt(gateway.addr(), &device, darwin).await.0), "metadata-upgrade");
    let node = json!({ "role": "node", "scopes": [],
        "client": { "id": "node-host", "mode": "node", "version": "1", "platform": "linux" } });
    let (refused, mut client) = attempt(gateway.container_addr(), &Device::new(1), node).await;
    assert_eq!(reason(&refused), "role-upgrade");
    let (_, close) = client.closed().await;
    assert!(close.len() <= 120);
}

#[tokio::test]
async fn a_close_reason_holds_the_id_where_it_fits_and_the_frame_always_does() {
    let gateway = gateway().await;
    let device = Device::new(1);
    attempt(gateway.addr(), &device, json!({})).await;
    let client = |id: &str, mode: &str, platform: &str| json!({ "id": id, "mode": mode, "version": "1", "platform": platform });
    let cases = [
        (Device::new(2), json!({}), "not-paired", true),
        (device, json!({ "scopes": ["operator.admin"] }), "scope-upgrade", false),
        (
            Device::new(1),
            json!({ "role": "node", "scopes": [], "client": client("node-host", "node", "linux") }),
            "role-upgrade",
            false,
        ),
        (Device::new(1), json!({ "client": client("cli", "cli", "darwin") }), "metadata-upgrade", true),
    ];
    for (device, over, expected, fits) in cases {
        let (refused, mut client) = attempt(gateway.container_addr(), &device, over).await;
        let id = request_id(&refused);
        assert_eq!(reason(&refused), expected);
        let (_, close) = client.closed().await;
        assert!(close.len() <= 120 && close.contains(&id[..20]), "{close}");
        assert_eq!(close.contains(&id), fits, "{expected}: {close}");
    }
}

#[tokio::test]
async fn only_who_may_be_let_in_without_a_person_is_told_to_wait() {
    let gateway = gateway().await;
    let node = json!({ "role": "node", "scopes": [],
        "client": { "id": "node-host", "mode": "node", "version": "1", "platform": "linux" } });
    let (refused, _) = attempt(gateway.container_addr(), &Device::new(1), node).await;
    let details = &refused["error"]["details"];
    assert_eq!(
        (&details["recommendedNextStep"], &details["retryable"], &details["pauseReconnect"]),
        (&json!("wait_then_retry"), &json!(true), &json!(false))
    );
    let refused = ask(&gateway, &Device::new(2), &["operator.read"]).await;
    for absent in ["recommendedNextStep", "retryable", "pauseReconnect", "approvedRoles", "approvedScopes"] {
        assert_eq!(refused["error"]["details"].get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn rotation_and_revocation_close_the_device_and_its_token() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let id = request_id(&ask(&gateway, &device, &OWNER).await);
    approve(&gateway, &id).await;
    let (hello, mut held) = attempt(gateway.container_addr(), &device, json!({ "scopes": OWNER })).await;
    let old = hello["payload"]["auth"]["deviceToken"].clone();

    let rotate = json!({ "deviceId": device.id, "role": "operator" });
    let rotated = owner(&gateway).await.request("device.token.rotate", rotate.clone()).await;
    assert_eq!(rotated["payload"]["tokenDelivery"], "withheld-cross-device");
    assert_eq!(rotated["payload"].get("token"), None);
    assert_eq!(held.closed().await, (4001, "device removed".to_owned()));
    let (refused, _) =
        attempt(gateway.container_addr(), &device, json!({ "auth": { "deviceToken": old } })).await;
    assert_eq!(code(&refused), "AUTH_DEVICE_TOKEN_MISMATCH");

    let (hello, _) = attempt(gateway.container_addr(), &device, json!({ "scopes": OWNER })).await;
    let auth = json!({ "deviceToken": hello["payload"]["auth"]["deviceToken"] });
    let (_, mut itself) =
        attempt(gateway.container_addr(), &device, json!({ "auth": auth, "scopes": OWNER })).await;
    let rotated = itself.request("device.token.rotate", rotate.clone()).await;
    assert_eq!(rotated["payload"]["tokenDelivery"], "in-band");
    assert_eq!(rotated["payload"]["token"].as_str().map(str::len), Some(43));
    assert_eq!(itself.closed().await, (4001, "device removed".to_owned()));

    owner(&gateway).await.request("device.token.revoke", rotate).await;
    let refused = ask(&gateway, &device, &["operator.read"]).await;
    assert_eq!(reason(&refused), "role-upgrade");
    assert_eq!(refused["error"]["details"]["approvedRoles"], json!(["operator"]));
}

#[tokio::test]
async fn removal_starts_over() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let id = request_id(&ask(&gateway, &device, &["operator.read"]).await);
    approve(&gateway, &id).await;
    let (_, mut held) = attempt(gateway.container_addr(), &device, json!({})).await;
    owner(&gateway).await.request("device.pair.remove", json!({ "deviceId": device.id })).await;
    assert_eq!(held.closed().await, (4001, "device removed".to_owned()));
    assert_eq!(reason(&ask(&gateway, &device, &["operator.read"]).await), "not-paired");
}

#[tokio::test]
async fn an_approver_cannot_give_what_it_does_not_hold() {
    let gateway = gateway().await;
    let id = request_id(&ask(&gateway, &Device::new(1), &OWNER).await);
    let mut client = Client::open(gateway.addr()).await;
    let scopes = json!({ "auth": { "token": TOKEN }, "scopes": ["operator.pairing"] });
    client.request("connect", connect(scopes)).await;
    let refused = client.request("device.pair.approve", json!({ "requestId": id })).await;
    assert_eq!(
        refused["error"],
        json!({ "code": "INVALID_REQUEST", "message": "missing scope: operator.admin" })
    );
    assert_eq!(gateway.devices()["pending"][0]["requestId"], id.as_str());
}

#[tokio::test]
async fn rejection_forgets_the_request() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let id = request_id(&ask(&gateway, &device, &["operator.read"]).await);
    let rejected = owner(&gateway).await.request("device.pair.reject", json!({ "requestId": id })).await;
    assert_eq!(rejected["payload"], json!({ "requestId": id, "deviceId": device.id }));
    assert_ne!(request_id(&ask(&gateway, &device, &["operator.read"]).await), id);
}

#[tokio::test]
async fn silent_siblings_are_pruned_after_a_minute_and_approved_ones_are_not() {
    let clock = Clock::system();
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).clock(clock.clone());
    let gateway = builder.start().await.expect("the gateway starts");
    let approved = Device::new(9);
    let id = request_id(&ask(&gateway, &approved, &["operator.read"]).await);
    approve(&gateway, &id).await;
    for seed in 1..=2 {
        attempt(gateway.addr(), &Device::new(seed), json!({})).await.1.closed_by_client().await;
    }
    assert_eq!(gateway.devices()["paired"].as_array().map(Vec::len), Some(3));
    clock.advance(Duration::from_secs(61));
    attempt(gateway.addr(), &Device::new(3), json!({})).await;
    let paired = gateway.devices()["paired"].clone();
    let ids: Vec<&str> =
        paired.as_array().expect("a list").iter().filter_map(|record| record["deviceId"].as_str()).collect();
    assert_eq!(ids, [Device::new(3).id.as_str(), approved.id.as_str()]);
}

#[tokio::test]
async fn no_silent_pairing_where_it_is_switched_off() {
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).auto_approve_local(false);
    let gateway = builder.start().await.expect("the gateway starts");
    assert_eq!(reason(&attempt(gateway.addr(), &Device::new(1), json!({})).await.0), "not-paired");
}

#[tokio::test]
async fn pairing_outlives_the_gateway() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let pending = request_id(&ask(&gateway, &Device::new(2), &["operator.read"]).await);
    let id = request_id(&ask(&gateway, &device, &["operator.read"]).await);
    approve(&gateway, &id).await;
    let volume = gateway.kill().await;
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).state(volume);
    let gateway = builder.start().await.expect("the gateway starts");
    let (hello, _) = attempt(gateway.container_addr(), &device, json!({})).await;
    assert_eq!(hello["ok"], true);
    assert_eq!(gateway.devices()["pending"][0]["requestId"], pending.as_str());
}
