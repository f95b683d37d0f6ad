//! Probes, lockout, token change, stop, and the five root causes, as OpenClaw 2026.9.6 was observed to show them.

use crate::client::{Client, Device, code, connect};
use openclaw_embedded_gateway::{Bind, Clock, Gateway, Limits, Phase, RootCause, StartError};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOKEN: &str = "test-token-life";

async fn gateway() -> Gateway {
    Gateway::builder().token(TOKEN.to_owned().into()).start().await.expect("the gateway starts")
}

/// Sends raw bytes and reads until the gateway closes.
async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    stream.write_all(bytes.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    answer
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String, String) {
    let answer =
        raw(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head[9..12].parse().expect("a status"), head.to_owned(), body.to_owned())
}

async fn probe(address: SocketAddr, path: &str) -> (u16, Value) {
    let (status, _, body) = get(address, path, "").await;
    (status, serde_json::from_str(&body).expect("JSON"))
}

async fn wrong(address: SocketAddr) -> Value {
    let mut client = Client::open(address).await;
    client.request("connect", connect(json!({ "auth": { "token": "test-token-wrong" } }))).await
}

async fn right(address: SocketAddr) -> Value {
    let mut client = Client::open(address).await;
    client.request("connect", connect(json!({ "auth": { "token": TOKEN } }))).await
}

#[tokio::test]
async fn probes_through_a_life() {
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).phase(Phase::Starting);
    let gateway = builder.start().await.expect("the gateway starts");
    let here = gateway.addr();
    assert_eq!(probe(here, "/healthz").await, (200, json!({ "ok": true, "status": "live" })));
    let (status, body) = probe(here, "/readyz").await;
    assert_eq!((status, &body["failing"]), (503, &json!(["startup-sidecars"])));
    let (status, body) = probe(here, "/startupz").await;
    assert_eq!(
        (status, &body["status"], &body["pendingReason"]),
        (503, &json!("starting"), &json!("startup-sidecars"))
    );

    gateway.set_phase(Phase::Ready);
    for alias in ["/ready", "/readyz?x=1"] {
        let (status, body) = probe(here, alias).await;
        assert_eq!((status, &body["ready"], &body["failing"]), (200, &json!(true), &json!([])));
    }

    gateway.drain();
    assert_eq!(probe(here, "/health").await.0, 200);
    assert_eq!(probe(here, "/readyz").await.1["failing"], json!(["gateway-draining"]));
    assert_eq!(probe(here, "/startup").await.1["status"], json!("draining"));
    let (status, head, body) =
        get(here, "/", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n").await;
    assert_eq!((status, body.as_str()), (503, "Gateway websocket admission closed"));
    assert!(head.contains("Connection: close"));
}

#[tokio::test]
async fn details_are_for_local_callers_and_for_the_token() {
    let gateway = gateway().await;
    let outside = gateway.container_addr();
    assert_eq!(probe(outside, "/readyz").await, (200, json!({ "ready": true })));
    assert_eq!(probe(outside, "/startupz").await, (200, json!({ "ok": true, "status": "started" })));
    let (_, _, body) = get(outside, "/startupz", &format!("Authorization: Bearer {TOKEN}\r\n")).await;
    assert!(body.contains("\"version\":\"2026.9.6\""));
    let (status, _, body) = get(outside, "/startupz", "Authorization: Bearer test-token-wrong\r\n").await;
    assert_eq!((status, body.contains("version")), (200, false));
    assert!(probe(gateway.addr(), "/startupz").await.1.get("version").is_some());
}

#[tokio::test]
async fn other_methods_paths_and_proxies() {
    let gateway = gateway().await;
    let here = gateway.addr();
    let answer =
        raw(here, "POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
            .await;
    assert!(
        answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n") && answer.contains("Allow: GET, HEAD\r\n")
    );
    let answer = raw(here, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("Content-Length: 27\r\n") && answer.ends_with("\r\n\r\n"));
    assert_eq!(get(here, "/healthz/", "").await.0, 404);
    assert_eq!(get(here, "/api/nope", "").await.0, 404);
    let (status, head, _) = get(here, "/livez", "").await;
    assert!(status == 200 && head.contains("Content-Type: text/html"));
    for path in ["/readyz", "/startupz"] {
        let (status, _, body) = get(here, path, "X-Forwarded-For: 10.0.0.1\r\n").await;
        assert!(status == 403 && body.contains("proxy_attribution_required"));
    }
    assert_eq!(get(here, "/healthz", "X-Forwarded-For: 10.0.0.1\r\n").await.0, 200);
}

#[tokio::test]
async fn what_is_not_http_is_told_so_at_once() {
    let gateway = gateway().await;
    for nonsense in ["\u{16}\u{3}\u{1}\u{2}\u{0}", "hello\r\n\r\n", "GET / HTTP/9\r\n\r\n"] {
        assert!(raw(gateway.addr(), nonsense).await.starts_with("HTTP/1.1 400 "), "{nonsense:?}");
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(20_000));
    assert!(raw(gateway.addr(), &long).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let gateway = gateway().await;
    let two = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(gateway.addr(), two).await.matches("HTTP/1.1 200 OK").count(), 2);
}

#[tokio::test]
async fn ten_wrong_tokens_lock_the_bridge_and_not_the_loopback() {
    let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let limits = Limits { loopback_delay: Duration::ZERO, ..Limits::default() };
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).clock(clock.clone()).limits(limits);
    let gateway = builder.start().await.expect("the gateway starts");
    for _ in 0..10 {
        assert_eq!(code(&wrong(gateway.container_addr()).await), "AUTH_TOKEN_MISMATCH");
        assert_eq!(code(&wrong(gateway.addr()).await), "AUTH_TOKEN_MISMATCH");
    }
    clock.advance(Duration::from_millis(9));
    let locked = right(gateway.container_addr()).await;
    assert_eq!(code(&locked), "AUTH_RATE_LIMITED");
    assert_eq!(locked["error"]["retryAfterMs"], 299_991);
    assert_eq!(locked["error"]["retryable"], true);
    assert_eq!(right(gateway.addr()).await["ok"], true);
    let (_, _, body) =
        get(gateway.container_addr(), "/startupz", &format!("Authorization: Bearer {TOKEN}\r\n")).await;
    assert!(!body.contains("version"));
    clock.advance(Duration::from_secs(300));
    assert_eq!(right(gateway.container_addr()).await["ok"], true);
}

#[tokio::test]
async fn a_success_clears_the_count_and_a_missing_token_does_not_add_to_it() {
    let gateway = gateway().await;
    for _ in 0..2 {
        for _ in 0..9 {
            wrong(gateway.container_addr()).await;
        }
        let mut client = Client::open(gateway.container_addr()).await;
        client.request("connect", connect(json!({}))).await;
        assert_eq!(right(gateway.container_addr()).await["ok"], true);
    }
}

#[tokio::test]
async fn a_changed_token_closes_those_it_let_in() {
    let gateway = gateway().await;
    let mut by_token = Client::open(gateway.addr()).await;
    by_token.request("connect", connect(json!({ "auth": { "token": TOKEN } }))).await;
    let device = Device::new(1);
    let mut pairing = Client::open(gateway.addr()).await;
    let params = device.connect(&pairing, json!({ "auth": { "token": TOKEN } }));
    let hello = pairing.request("connect", params).await;
    let mut by_device = Client::open(gateway.addr()).await;
    let auth = json!({ "auth": { "deviceToken": hello["payload"]["auth"]["deviceToken"] } });
    let params = device.connect(&by_device, auth);
    by_device.request("connect", params).await;

    gateway.change_token("test-token-changed".to_owned().into());
    assert_eq!(by_token.closed().await, (4001, "gateway auth changed".to_owned()));
    assert_eq!(code(&right(gateway.addr()).await), "AUTH_TOKEN_MISMATCH");
    assert_eq!(by_device.request("health", json!({})).await["ok"], true);
}

#[tokio::test]
async fn stopping_says_so_to_everybody() {
    let gateway = gateway().await;
    let mut greeted = Client::open(gateway.addr()).await;
    greeted.request("connect", connect(json!({ "auth": { "token": TOKEN } }))).await;
    let mut silent = Client::open(gateway.container_addr()).await;
    let (address, stopped) = (gateway.addr(), tokio::spawn(gateway.stop()));
    assert_eq!(greeted.closed().await, (1012, "service restart".to_owned()));
    assert_eq!(greeted.event("shutdown").await["payload"]["reason"], "gateway stopping");
    assert_eq!(silent.closed().await, (1012, "service restart".to_owned()));
    stopped.await.expect("the gateway stops");
    assert_eq!(TcpStream::connect(address).await.expect_err("closed").kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go_politely() {
    let builder =
        Gateway::builder().token(TOKEN.to_owned().into()).handshake_timeout(Duration::from_millis(20));
    let gateway = builder.start().await.expect("the gateway starts");
    let mut client = Client::open(gateway.addr()).await;
    assert_eq!(client.closed().await, (1000, String::new()));
    assert!(gateway.log().iter().any(|line| line.contains("[ws] handshake timeout conn=")));
}

async fn with(cause: RootCause) -> Result<Gateway, StartError> {
    Gateway::builder().token(TOKEN.to_owned().into()).misbehave(cause).start().await
}

#[tokio::test]
async fn silent_override() {
    let gateway = with(RootCause::SilentOverride).await.expect("the gateway starts");
    assert_eq!(code(&right(gateway.addr()).await), "AUTH_TOKEN_MISMATCH");
    assert_eq!(probe(gateway.addr(), "/readyz").await.0, 200);
}

#[tokio::test]
async fn own_loopback() {
    let gateway = with(RootCause::OwnLoopback).await.expect("the gateway starts");
    let refused = TcpStream::connect(gateway.container_addr()).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(right(gateway.addr()).await["ok"], true);
    assert_eq!(right(gateway.published_addr()).await["ok"], true);
}

#[tokio::test]
async fn pairing_deadlock() {
    let gateway = with(RootCause::PairingDeadlock).await.expect("the gateway starts");
    let hello = right(gateway.addr()).await;
    assert_eq!(hello["payload"]["auth"]["scopes"], json!([]));
    assert_eq!(gateway.devices()["pending"], json!([]));
}

#[tokio::test]
async fn loopback_bind() {
    let gateway = with(RootCause::LoopbackBind).await.expect("the gateway starts");
    let refused = TcpStream::connect(gateway.container_addr()).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let mut published = TcpStream::connect(gateway.published_addr()).await.expect("the proxy accepts");
    let reset = published.read(&mut [0; 1]).await.expect_err("and resets");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    assert_eq!(right(gateway.addr()).await["ok"], true);
}

#[tokio::test]
async fn refusals_to_start() {
    let status = |outcome: Result<Gateway, StartError>| match outcome {
        Err(StartError::Refused { exit_status, .. }) => exit_status,
        _ => 0,
    };
    assert_eq!(status(with(RootCause::UidDrift).await), 78);
    assert_eq!(status(Gateway::builder().start().await), 78);
    assert_eq!(status(Gateway::builder().token("  ".to_owned().into()).start().await), 78);
    assert_eq!(status(Gateway::builder().token("undefined".to_owned().into()).start().await), 1);
    assert_eq!(status(Gateway::builder().bind(Bind::Loopback).start().await), 0);
}
