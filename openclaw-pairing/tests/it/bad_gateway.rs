//! A gateway that misbehaves on purpose. Ports are the system's choice; a panic of the server fails the test.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use openclaw_pairing::client::{Client, Outcome, Session, Stopped};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::secrecy::SecretString;
use openclaw_pairing::{Phase, Policy, Scope, ScopeSet};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

pub(crate) const CANARY: &str = "canary-shared-token-0001";

pub(crate) type Peer = WebSocketStream<TcpStream>;

/// Serves each connection with `script`, told its number.
pub(crate) async fn serve<F, S>(script: S) -> (SocketAddr, JoinHandle<()>)
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

pub(crate) fn quick() -> Policy {
    let mut policy = Policy::once();
    policy.handshake = Duration::from_millis(400);
    policy.backoff_min = Duration::from_millis(5);
    policy.backoff_max = Duration::from_millis(20);
    policy.warmup = Duration::from_millis(5);
    policy.poll = Duration::from_millis(5);
    policy.lockout = Duration::from_millis(5);
    policy
}

pub(crate) fn client(address: SocketAddr) -> Client {
    Client::new(&format!("ws://{address}"))
        .unwrap()
        .shared_token(SecretString::from(CANARY))
        .signer(Arc::new(DeviceKey::from_seed(&[3; 32])))
        .scopes(ScopeSet::from([Scope::Read, Scope::Pairing]))
        .policy(quick())
}

/// What the driver makes of one fault. Nothing may hang: the guard is far above every budget.
pub(crate) async fn report<F, S>(script: S) -> Stopped
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

pub(crate) async fn send(peer: &mut Peer, value: Value) {
    let _ = peer.send(Message::text(value.to_string())).await;
}

pub(crate) async fn challenge(peer: &mut Peer) {
    send(peer, json!({"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1_800_000_000_000_u64,"new":1}})).await;
}

/// The next request.
pub(crate) async fn request(peer: &mut Peer) -> Value {
    loop {
        match peer.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(_)) => {}
            _ => return Value::Null,
        }
    }
}

pub(crate) async fn close(peer: &mut Peer, code: u16, reason: &str) {
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    let _ = peer.close(Some(frame)).await;
}

/// Upgraded and challenged, with the connect request read.
pub(crate) async fn asked(stream: TcpStream) -> (Peer, Value) {
    let mut peer = accept_async(stream).await.unwrap();
    challenge(&mut peer).await;
    let connect = request(&mut peer).await;
    (peer, connect)
}

pub(crate) fn hello(id: &Value, scopes: &[&str]) -> Value {
    json!({"type":"res","id":id,"ok":true,"payload":{"type":"hello-ok","protocol":4,
        "server":{"version":"2026.9.6","bootId":"b-1","connId":"c-1"},
        "auth":{"method":"token","role":"operator","scopes":scopes,"deviceToken":"canary-device-token-0002"},
        "policy":{"tickIntervalMs":30000}}})
}

pub(crate) fn refusal(id: &Value, code: &str, details: Value) -> Value {
    json!({"type":"res","id":id,"ok":false,"error":{"code":code,"message":"refused","details":details,"retryAfterMs":5}})
}

/// Keeps the connection open and says nothing more.
pub(crate) async fn silent<T>(_open: T) {
    tokio::time::sleep(Duration::from_secs(30)).await;
}

/// Closes with RST instead of FIN.
pub(crate) fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

pub(crate) fn is(stopped: &Stopped, phase: Phase, reached: Phase, words: &str) {
    let transport = stopped.transport.clone().unwrap_or_default();
    assert_eq!((stopped.phase, stopped.reached), (phase, reached), "{stopped:?}");
    assert!(transport.contains(words), "{transport:?} lacks {words:?}");
}

pub(crate) async fn answer_http(mut stream: TcpStream, head: &str, body: &str) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let text =
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

pub(crate) async fn session(policy: Policy, address: SocketAddr) -> Box<Session> {
    match client(address).policy(policy).connect().await.unwrap() {
        Outcome::Session(session) => session,
        other => panic!("no session: {other:?}"),
    }
}

/// A session whose later requests `script` answers.
pub(crate) async fn with_session<F, S>(script: S) -> (Box<Session>, JoinHandle<()>)
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
