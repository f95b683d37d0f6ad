//! A gateway that misbehaves on purpose, and the one word that the driver has for each fault. Ports are the system's
//! choice; a panic of the server fails the test.
#![cfg(all(feature = "client", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use openclaw_pairing::client::{Client, DecideError, Outcome, RequestError, Session, Stopped};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::secrecy::SecretString;
use openclaw_pairing::{Cause, Phase, Policy, Scope, ScopeSet};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

const CANARY: &str = "canary-shared-token-0001";

type Peer = WebSocketStream<TcpStream>;

/// Serves each connection with `script`, told its number.
async fn serve<F, S>(script: S) -> (SocketAddr, JoinHandle<()>)
where
    S: Fn(u32, TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            script(number, stream).await;
        }
    });
    (address, server)
}

fn quick() -> Policy {
    let mut policy = Policy::once();
    policy.handshake = Duration::from_millis(400);
    policy.backoff_min = Duration::from_millis(5);
    policy.backoff_max = Duration::from_millis(20);
    policy.warmup = Duration::from_millis(5);
    policy.poll = Duration::from_millis(5);
    policy.lockout = Duration::from_millis(5);
    policy
}

fn client(address: SocketAddr) -> Client {
    Client::new(&format!("ws://{address}"))
        .unwrap()
        .shared_token(SecretString::from(CANARY))
        .signer(Arc::new(DeviceKey::from_seed(&[3; 32])))
        .scopes(ScopeSet::from([Scope::Read, Scope::Pairing]))
        .policy(quick())
}

/// What the driver makes of one fault. Nothing may hang: the guard is far above every budget.
async fn report<F, S>(script: S) -> Stopped
where
    S: Fn(u32, TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let (address, server) = serve(script).await;
    let outcome = tokio::time::timeout(Duration::from_secs(20), client(address).connect()).await;
    let stopped = match outcome.expect("the driver hangs").unwrap() {
        Outcome::Stopped(stopped) => stopped,
        other => panic!("a session out of a fault: {other:?}"),
    };
    let shown = format!("{stopped} {stopped:?} {}", serde_json::to_string(&stopped).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    if server.is_finished() {
        server.await.unwrap();
    } else {
        server.abort();
    }
    stopped
}

async fn send(peer: &mut Peer, value: Value) {
    let _ = peer.send(Message::text(value.to_string())).await;
}

async fn challenge(peer: &mut Peer) {
    send(peer, json!({"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1_800_000_000_000_u64,"new":1}})).await;
}

/// The next request.
async fn request(peer: &mut Peer) -> Value {
    loop {
        match peer.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(_)) => {}
            _ => return Value::Null,
        }
    }
}

async fn close(peer: &mut Peer, code: u16, reason: &str) {
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    let _ = peer.close(Some(frame)).await;
}

/// Upgraded and challenged, with the connect request read.
async fn asked(stream: TcpStream) -> (Peer, Value) {
    let mut peer = accept_async(stream).await.unwrap();
    challenge(&mut peer).await;
    let connect = request(&mut peer).await;
    (peer, connect)
}

fn hello(id: &Value, scopes: &[&str]) -> Value {
    json!({"type":"res","id":id,"ok":true,"payload":{"type":"hello-ok","protocol":4,
        "server":{"version":"2026.9.6","bootId":"b-1","connId":"c-1"},
        "auth":{"method":"token","role":"operator","scopes":scopes,"deviceToken":"canary-device-token-0002"},
        "policy":{"tickIntervalMs":30000}}})
}

fn refusal(id: &Value, code: &str, details: Value) -> Value {
    json!({"type":"res","id":id,"ok":false,"error":{"code":code,"message":"refused","details":details,"retryAfterMs":5}})
}

/// Keeps the connection open and says nothing more.
async fn silent<T>(_open: T) {
    tokio::time::sleep(Duration::from_secs(30)).await;
}

/// Closes with RST instead of FIN.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

fn is(stopped: &Stopped, phase: Phase, reached: Phase, words: &str) {
    let transport = stopped.transport.clone().unwrap_or_default();
    assert_eq!((stopped.phase, stopped.reached), (phase, reached), "{stopped:?}");
    assert!(transport.contains(words), "{transport:?} lacks {words:?}");
}

#[tokio::test]
async fn nothing_listens() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let Outcome::Stopped(stopped) = client(address).connect().await.unwrap() else { panic!("a session") };
    is(&stopped, Phase::Exhausted, Phase::Dialing, "refused");
}

#[tokio::test]
async fn silence_after_accept() {
    let stopped = report(|_, stream| silent(stream)).await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "handshake timer");
}

#[tokio::test]
async fn silence_after_the_upgrade() {
    let stopped = report(|_, stream| async { silent(accept_async(stream).await.unwrap()).await }).await;
    is(&stopped, Phase::Exhausted, Phase::Greeting, "handshake timer");
}

#[tokio::test]
async fn silence_after_the_connect() {
    let stopped = report(|_, stream| async { silent(asked(stream).await).await }).await;
    is(&stopped, Phase::Exhausted, Phase::Authenticating, "handshake timer");
}

#[tokio::test]
async fn reset_before_the_upgrade() {
    let stopped = report(|_, stream| async move { reset(&stream) }).await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "");
}

#[tokio::test]
async fn reset_after_the_connect() {
    let stopped = report(|_, stream| async {
        let (peer, _) = asked(stream).await;
        reset(peer.get_ref());
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Authenticating, "");
}

async fn answer_http(mut stream: TcpStream, head: &str, body: &str) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let text =
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn each_http_answer_to_the_upgrade_has_its_own_word() {
    for (head, body, phase) in [
        ("200 OK", "<html>", Phase::Violated),
        ("302 Found", "", Phase::Violated),
        ("404 Not Found", "", Phase::Violated),
        ("401 Unauthorized", "", Phase::Refused),
        ("403 Forbidden", r#"{"error":{"type":"proxy_attribution_required"}}"#, Phase::OriginRefused),
        ("502 Bad Gateway", "", Phase::Exhausted),
        ("503 Service Unavailable", "Gateway websocket admission closed", Phase::Exhausted),
    ] {
        let stopped = report(move |_, stream| answer_http(stream, head, body)).await;
        assert_eq!(stopped.phase, phase, "{head}: {stopped:?}");
        assert!(stopped.transport.unwrap().contains(&head[..3]), "{head}");
    }
}

#[tokio::test]
async fn garbage_instead_of_http() {
    let stopped = report(|_, mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
        silent(stream).await;
    })
    .await;
    assert!(matches!(stopped.phase, Phase::Violated | Phase::Exhausted), "{stopped:?}");
}

#[tokio::test]
async fn a_slow_drip_runs_into_the_deadline() {
    let stopped = report(|_, mut stream| async move {
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "handshake timer");
}

#[tokio::test]
async fn frames_that_break_the_protocol_before_hello() {
    let long = format!(r#"{{"type":"event","event":"x","payload":"{}"}}"#, "a".repeat(65_537));
    let frames = [
        Message::text("no json canary"),
        Message::text("{}"),
        Message::text(r#"{"type":"event","event":"connect.challenge","payload":{"ts":1}}"#),
        Message::text(r#"{"type":"event","event":"connect.challenge","payload":{"nonce":" ","ts":1}}"#),
        Message::text("[".repeat(60_000)),
        Message::text(long),
        Message::binary(vec![0, 159, 146, 150]),
    ];
    for frame in frames {
        let stopped = report(move |_, stream| {
            let frame = frame.clone();
            async move {
                let mut peer = accept_async(stream).await.unwrap();
                let _ = peer.send(frame).await;
                silent(peer).await;
            }
        })
        .await;
        assert_eq!(stopped.phase, Phase::Violated, "{stopped:?}");
    }
}

#[tokio::test]
async fn bad_utf8_and_an_oversized_header_are_violations() {
    // Text frames by hand: invalid UTF-8; then a length beyond every limit.
    for bytes in [&[0x81_u8, 2, 0xff, 0xfe][..], &[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0][..]] {
        let stopped = report(move |_, stream| async move {
            let mut peer = accept_async(stream).await.unwrap();
            let _ = peer.get_mut().write_all(bytes).await;
            silent(peer).await;
        })
        .await;
        assert_eq!(stopped.phase, Phase::Violated, "{stopped:?}");
    }
}

#[tokio::test]
async fn a_close_at_each_stage_keeps_code_and_reason() {
    let stopped = report(|_, stream| async {
        let mut peer = accept_async(stream).await.unwrap();
        close(&mut peer, 1008, "slow consumer").await;
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Greeting, "1008 slow consumer");
    for (code, reason) in [
        (1000, ""),
        (1002, "protocol mismatch"),
        (1009, ""),
        (1011, "stale install"),
        (1012, "service restart"),
        (1013, "gateway starting"),
        (4001, "device removed"),
    ] {
        let stopped = report(move |_, stream| async move {
            let (mut peer, _) = asked(stream).await;
            close(&mut peer, code, reason).await;
        })
        .await;
        is(&stopped, Phase::Exhausted, Phase::Authenticating, format!("{code} {reason}").trim_end());
    }
}

#[tokio::test]
async fn answers_for_another_id_and_events_are_passed_over() {
    let stopped = report(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        send(&mut peer, hello(&json!("somebody-else"), &["operator.read"])).await;
        send(&mut peer, json!({"type":"event","event":"health","payload":{"ok":true}})).await;
        challenge(&mut peer).await;
        let answer = refusal(&connect["id"], "INVALID_REQUEST", json!({"code":"AUTH_TOKEN_MISMATCH"}));
        send(&mut peer, answer.clone()).await;
        send(&mut peer, answer).await;
        silent(peer).await;
    })
    .await;
    assert_eq!(stopped.phase, Phase::Unauthorized);
    assert_eq!(stopped.refusal.unwrap().code.name(), "AUTH_TOKEN_MISMATCH");
}

#[tokio::test]
async fn an_answer_that_is_no_hello_is_a_violation() {
    let stopped = report(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        send(&mut peer, json!({"type":"res","id":connect["id"],"ok":true,"payload":{"type":"hello"}})).await;
        silent(peer).await;
    })
    .await;
    assert_eq!(stopped.phase, Phase::Violated);
}

#[tokio::test]
async fn each_refusal_ends_where_the_table_says() {
    for (code, phase) in [
        ("DEVICE_AUTH_NONCE_MISMATCH", Phase::IdentityRefused),
        ("DEVICE_AUTH_SIGNATURE_EXPIRED", Phase::ClockSkewed),
        ("PROTOCOL_MISMATCH", Phase::Incompatible),
        ("CONTROL_UI_ORIGIN_NOT_ALLOWED", Phase::OriginRefused),
        ("AUTH_RATE_LIMITED", Phase::Exhausted),
        ("PAIRING_REQUIRED", Phase::Undecided),
        ("SOMETHING_NEW", Phase::Refused),
    ] {
        let stopped = report(move |_, stream| async move {
            let (mut peer, connect) = asked(stream).await;
            send(
                &mut peer,
                refusal(&connect["id"], "INVALID_REQUEST", json!({"code":code,"requestId":"r-1"})),
            )
            .await;
            silent(peer).await;
        })
        .await;
        assert_eq!(stopped.phase, phase, "{code}: {stopped:?}");
    }
}

async fn session(policy: Policy, address: SocketAddr) -> Box<Session> {
    match client(address).policy(policy).connect().await.unwrap() {
        Outcome::Session(session) => session,
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test]
async fn restarts_starts_lockouts_and_a_person_are_waited_for_within_budgets() {
    let (address, server) = serve(|number, stream| async move {
        if number == 0 {
            return answer_http(stream, "503 Service Unavailable", "").await;
        }
        let (mut peer, connect) = asked(stream).await;
        let id = &connect["id"];
        match number {
            1 => send(&mut peer, refusal(id, "UNAVAILABLE", json!({"reason":"startup-sidecars"}))).await,
            2 => send(&mut peer, refusal(id, "INVALID_REQUEST", json!({"code":"AUTH_RATE_LIMITED"}))).await,
            3..=5 => {
                let details = json!({"code":"PAIRING_REQUIRED","reason":"not-paired","requestId":format!("r-{}", number / 5)});
                send(&mut peer, refusal(id, "NOT_PAIRED", details)).await;
            }
            _ => {
                send(&mut peer, hello(id, &["operator.read", "operator.pairing"])).await;
                silent(peer).await;
            }
        }
    })
    .await;
    let mut policy = quick();
    (policy.warmups, policy.lockouts, policy.polls, policy.renewals) = (2, 1, 3, 1);
    let session = session(policy, address).await;
    assert!(session.missing_scopes().is_empty());
    assert!(!format!("{session:?}").contains("canary"));
    server.abort();
}

/// A session whose later requests `script` answers.
async fn with_session<F, S>(script: S) -> (Box<Session>, JoinHandle<()>)
where
    S: Fn(Peer) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = ()> + Send,
{
    let (address, server) = serve(move |_, stream| {
        let script = script.clone();
        async move {
            let (mut peer, connect) = asked(stream).await;
            send(&mut peer, hello(&connect["id"], &["operator.read", "operator.pairing"])).await;
            script(peer).await;
        }
    })
    .await;
    (session(quick(), address).await, server)
}

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
async fn dropping_a_connection_in_the_making_at_any_step_is_harmless() {
    let (address, server) = serve(|_, stream| async { silent(asked(stream).await).await }).await;
    let mut connecting = client(address).start().unwrap();
    // Polled and dropped many times over: each call goes on where the one before was cut.
    let mut phases = Vec::new();
    while connecting.phase() != Phase::Authenticating {
        if let Ok(progress) = tokio::time::timeout(Duration::from_millis(1), connecting.next()).await {
            phases.push(format!("{progress:?}"));
        }
    }
    drop(connecting);
    assert!(phases.len() <= 4, "{phases:?}");
    server.abort();
}
