//! What `connect` is answered, row by row of the observed behaviour of OpenClaw 2026.9.6.

use crate::client::{Client, Device, code, connect, error_code};
use openclaw_embedded_gateway::{Gateway, Phase};
use serde_json::{Value, json};
use std::net::SocketAddr;

const TOKEN: &str = "test-token-admission";

async fn gateway() -> Gateway {
    Gateway::builder().token(TOKEN.to_owned().into()).start().await.expect("the gateway starts")
}

/// One attempt with these parameters; the response and the close that followed it.
async fn attempt(gateway: &Gateway, params: Value) -> (Value, Option<(u16, String)>) {
    attempt_at(gateway.addr(), params).await
}

async fn attempt_at(address: SocketAddr, params: Value) -> (Value, Option<(u16, String)>) {
    let mut client = Client::open(address).await;
    let response = client.request("connect", params).await;
    let close = if response["ok"] == json!(true) { None } else { Some(client.closed().await) };
    (response, close)
}

#[tokio::test]
async fn the_challenge_comes_first() {
    let gateway = gateway().await;
    let client = Client::open(gateway.addr()).await;
    assert_eq!(client.nonce.len(), 36);
    assert!(client.challenged_at > 1_700_000_000_000);
}

#[tokio::test]
async fn refusals_without_a_device() {
    let gateway = gateway().await;
    let wrong = json!({ "token": "test-token-wrong" });
    let cases: [(Value, &str, &str, u16); 7] = [
        (connect(json!({})), "NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED", 1008),
        (connect(json!({ "auth": { "token": "" } })), "NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED", 1008),
        (connect(json!({ "auth": { "deviceToken": "x" } })), "NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED", 1008),
        (connect(json!({ "auth": wrong })), "INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", 1008),
        (
            connect(json!({ "auth": { "token": TOKEN }, "role": "node", "scopes": [],
                "client": { "id": "node-host", "mode": "node", "version": "1", "platform": "linux" } })),
            "NOT_PAIRED",
            "DEVICE_IDENTITY_REQUIRED",
            1008,
        ),
        (
            connect(json!({ "auth": wrong, "minProtocol": 3, "maxProtocol": 3 })),
            "INVALID_REQUEST",
            "PROTOCOL_MISMATCH",
            1002,
        ),
        (
            connect(json!({ "auth": { "token": TOKEN },
                "client": { "id": "openclaw-control-ui", "mode": "ui", "version": "1", "platform": "web" } })),
            "INVALID_REQUEST",
            "CONTROL_UI_ORIGIN_NOT_ALLOWED",
            1008,
        ),
    ];
    for (params, expected_code, expected_detail, expected_close) in cases {
        let (response, close) = attempt(&gateway, params.clone()).await;
        assert_eq!(error_code(&response), expected_code, "{params}");
        assert_eq!(code(&response), expected_detail, "{params}");
        assert_eq!(close.expect("refused").0, expected_close, "{params}");
    }
}

#[tokio::test]
async fn the_right_token_alone_keeps_scopes_for_a_local_cli_only() {
    let gateway = gateway().await;
    let scopes = async |address, id: &str, mode: &str| {
        let mut client = Client::open(address).await;
        let params =
            connect(json!({ "auth": { "token": format!(" {TOKEN}\n") }, "scopes": ["operator.admin"],
            "client": { "id": id, "mode": mode, "version": "1", "platform": "linux" } }));
        let hello = client.request("connect", params).await;
        assert_eq!(hello["payload"]["type"], "hello-ok");
        assert_eq!(hello["payload"]["auth"].get("deviceToken"), None);
        hello["payload"]["auth"]["scopes"].clone()
    };
    assert_eq!(scopes(gateway.addr(), "cli", "cli").await, json!(["operator.admin"]));
    assert_eq!(scopes(gateway.addr(), "gateway-client", "backend").await, json!(["operator.admin"]));
    assert_eq!(scopes(gateway.addr(), "openclaw-probe", "probe").await, json!([]));
    assert_eq!(scopes(gateway.container_addr(), "cli", "cli").await, json!([]));
    assert_eq!(scopes(gateway.published_addr(), "gateway-client", "backend").await, json!([]));
}

#[tokio::test]
async fn no_scopes_means_health_and_nothing_else() {
    let gateway = gateway().await;
    let mut client = Client::open(gateway.container_addr()).await;
    client.request("connect", connect(json!({ "auth": { "token": TOKEN } }))).await;
    assert_eq!(client.request("health", json!({})).await["ok"], true);
    let refused = client.request("device.pair.list", json!({})).await;
    assert_eq!(error_code(&refused), "FORBIDDEN");
    assert_eq!(refused["error"]["details"]["missingScope"], "operator.pairing");
    assert!(
        gateway
            .log()
            .iter()
            .any(|line| line.contains("res ✗ device.pair.list") && line.contains("FORBIDDEN"))
    );
}

#[tokio::test]
async fn guidance_names_the_viewpoint() {
    let gateway = gateway().await;
    let message = async |address, mode: &str, id: &str| {
        let mut client = Client::open(address).await;
        let params = connect(json!({ "auth": { "token": "test-token-wrong" },
            "client": { "id": id, "mode": mode, "version": "1", "platform": "linux" } }));
        client.request("connect", params).await["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    assert!(
        message(gateway.addr(), "cli", "cli")
            .await
            .ends_with("(use this gateway's gateway.auth.token or pair the device)")
    );
    assert!(
        message(gateway.container_addr(), "cli", "cli")
            .await
            .ends_with("(set gateway.remote.token to match gateway.auth.token)")
    );
    assert!(
        message(gateway.container_addr(), "probe", "openclaw-probe")
            .await
            .ends_with("(provide gateway auth token)")
    );
}

#[tokio::test]
async fn a_broken_proof_is_refused_before_the_token_is_judged() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let cases: [(Value, &str); 4] = [
        (json!({ "signature": "AAAA" }), "DEVICE_AUTH_SIGNATURE_INVALID"),
        (json!({ "nonce": " " }), "DEVICE_AUTH_NONCE_REQUIRED"),
        (json!({ "nonce": "x" }), "DEVICE_AUTH_NONCE_MISMATCH"),
        (json!({ "signedAt": 1 }), "DEVICE_AUTH_SIGNATURE_EXPIRED"),
    ];
    for (edit, expected) in cases {
        let mut client = Client::open(gateway.addr()).await;
        let mut params = device.connect(&client, json!({ "auth": { "token": "test-token-wrong" } }));
        for (name, value) in edit.as_object().expect("an object") {
            params["device"][name] = value.clone();
        }
        let response = client.request("connect", params).await;
        assert_eq!(code(&response), expected);
        assert_eq!(client.closed().await.0, 1008);
    }
}

#[tokio::test]
async fn a_device_without_a_token_is_told_so() {
    let gateway = gateway().await;
    let mut client = Client::open(gateway.addr()).await;
    let params = Device::new(1).connect(&client, json!({}));
    let response = client.request("connect", params).await;
    assert_eq!(code(&response), "AUTH_TOKEN_MISSING");
    assert_eq!(response["error"]["details"]["recommendedNextStep"], "update_auth_configuration");
}

#[tokio::test]
async fn each_failure_of_a_credential_says_what_to_do_next() {
    let gateway = gateway().await;
    let device = Device::new(1);
    let mut client = Client::open(gateway.addr()).await;
    let params = device.connect(&client, json!({ "auth": { "token": TOKEN } }));
    let token = client.request("connect", params).await["payload"]["auth"]["deviceToken"].clone();
    let wrong = json!({ "token": "test-token-wrong" });
    let wrong_both = json!({ "token": "test-token-wrong", "deviceToken": "test-token-wrong" });
    let cases = [
        (true, json!({}), "AUTH_TOKEN_MISSING", "token_missing", false, "update_auth_configuration"),
        (true, wrong.clone(), "AUTH_TOKEN_MISMATCH", "token_mismatch", true, "retry_with_device_token"),
        (false, wrong.clone(), "AUTH_TOKEN_MISMATCH", "token_mismatch", false, "update_auth_credentials"),
        (
            true,
            wrong_both,
            "AUTH_DEVICE_TOKEN_MISMATCH",
            "device_token_mismatch",
            false,
            "update_auth_credentials",
        ),
        (
            true,
            json!({ "deviceToken": token }),
            "AUTH_SCOPE_MISMATCH",
            "scope_mismatch",
            false,
            "review_auth_configuration",
        ),
    ];
    for (has_device, auth, expected, reason, retry, next) in cases {
        let mut client = Client::open(gateway.container_addr()).await;
        let over = json!({ "auth": auth, "scopes": ["operator.admin"] });
        let params = if has_device { device.connect(&client, over) } else { connect(over) };
        let response = client.request("connect", params).await;
        let details = json!({ "code": expected, "authReason": reason, "canRetryWithDeviceToken": retry,
            "recommendedNextStep": next });
        assert_eq!(response["error"]["details"], details);
    }
    for _ in 0..10 {
        attempt_at(gateway.container_addr(), connect(json!({ "auth": wrong }))).await;
    }
    let (locked, _) =
        attempt_at(gateway.container_addr(), connect(json!({ "auth": { "token": TOKEN } }))).await;
    assert_eq!(locked["error"]["details"]["authReason"], "rate_limited");
    assert_eq!(locked["error"]["details"]["recommendedNextStep"], "wait_then_retry");
}

#[tokio::test]
async fn frames_before_the_hello() {
    let gateway = gateway().await;
    let cases: [(&str, u16, &str); 3] = [
        ("hello", 1000, ""),
        (r#"{"type":"hi"}"#, 1008, "invalid request frame"),
        (
            r#"{"type":"req","id":"x","method":"health"}"#,
            1008,
            "invalid handshake: first request must be connect",
        ),
    ];
    for (frame, expected_code, expected_reason) in cases {
        let mut client = Client::open(gateway.addr()).await;
        client.send_text(frame.to_owned()).await;
        assert_eq!(client.closed().await, (expected_code, expected_reason.to_owned()), "{frame}");
    }
    let mut client = Client::open(gateway.addr()).await;
    client.send_text("x".repeat(65_537)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn a_schema_error_says_where() {
    let gateway = gateway().await;
    let (response, close) = attempt(&gateway, connect(json!({ "foo": 1 }))).await;
    assert_eq!(response["error"]["message"], "invalid connect params: at root: unexpected property 'foo'");
    assert_eq!(response["error"].get("details"), None);
    assert_eq!(close, Some((1008, "invalid connect params: at root: unexpected property 'foo'".to_owned())));
}

#[tokio::test]
async fn starting_up_is_retryable() {
    let gateway = Gateway::builder()
        .token(TOKEN.to_owned().into())
        .phase(Phase::Starting)
        .start()
        .await
        .expect("the gateway starts");
    let (response, close) = attempt(&gateway, connect(json!({ "auth": { "token": TOKEN } }))).await;
    assert_eq!(error_code(&response), "UNAVAILABLE");
    assert_eq!(response["error"]["retryAfterMs"], 500);
    assert_eq!(response["error"]["details"], json!({ "reason": "startup-sidecars" }));
    assert_eq!(close, Some((1013, "gateway starting".to_owned())));
    gateway.set_phase(Phase::Ready);
    let (response, _) = attempt(&gateway, connect(json!({ "auth": { "token": TOKEN } }))).await;
    assert_eq!(response["ok"], true);
}

#[tokio::test]
async fn no_log_line_holds_a_token() {
    let gateway = gateway().await;
    for auth in
        [json!({ "token": TOKEN }), json!({ "token": "test-token-wrong" }), json!({ "password": TOKEN })]
    {
        let mut client = Client::open(gateway.container_addr()).await;
        let params = Device::new(1).connect(&client, json!({ "auth": auth }));
        client.request("connect", params).await;
    }
    let log = gateway.log().join("\n");
    assert!(!log.contains("test-token"), "{log}");
    assert!(!format!("{gateway:?}").contains("test-token"));
}
