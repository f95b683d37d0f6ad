//! Connect to hello: the driver against a bare tokio-tungstenite client that exchanges the same frames with the same
//! server, in one run. `cargo bench -p openclaw-pairing --features client,ed25519 --bench driver`
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark has no callers")]

use std::net::SocketAddr;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::{SinkExt, StreamExt};
use openclaw_pairing::client::{Client, Outcome};
use openclaw_pairing::identity::{DeviceKey, Proof};
use openclaw_pairing::secrecy::{ExposeSecret, SecretString};
use openclaw_pairing::wire::{ClientInfo, ConnectParams, Incoming, Limits, connect_frame};
use openclaw_pairing::{CredentialKind, Scope, ScopeSet};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

const CHALLENGE: &str = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"ba4e2cdc-0000-4000-8000-9c35cd61e188","ts":1800000000000}}"#;

/// A hello as long as a real one, which lists hundreds of methods.
fn hello() -> String {
    let methods: Vec<String> = (0..460).map(|number| format!("\"group.method{number}\"")).collect();
    format!(
        r#"{{"type":"res","id":"connect","ok":true,"payload":{{"type":"hello-ok","protocol":4,"server":{{"version":"2026.9.6","bootId":"b","connId":"c"}},"features":{{"methods":[{}]}},"auth":{{"method":"token","role":"operator","scopes":["operator.read"],"deviceToken":"test-device-token"}},"policy":{{"tickIntervalMs":30000}}}}}}"#,
        methods.join(",")
    )
}

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let hello = hello();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let hello = hello.clone();
            tokio::spawn(async move {
                let mut peer = accept_async(stream).await.unwrap();
                let _ = peer.send(Message::text(CHALLENGE)).await;
                while let Some(Ok(message)) = peer.next().await {
                    if message.is_text() {
                        let _ = peer.send(Message::text(hello.clone())).await;
                    }
                }
            });
        }
    });
    address
}

fn key() -> DeviceKey {
    DeviceKey::from_seed(&[5; 32])
}

/// The same frames by hand: read the challenge, sign, send, read the hello as JSON.
async fn bare(address: SocketAddr, key: &DeviceKey, params: &ConnectParams, token: &SecretString) {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut socket, _) = client_async(format!("ws://{address}/"), stream).await.unwrap();
    let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("no challenge") };
    let Ok(Incoming::Challenge(challenge)) = Incoming::parse(&text, &Limits::CHALLENGE) else {
        panic!("no challenge")
    };
    let proof = Proof::sign(key, params, Some(token), &challenge).unwrap();
    let frame = connect_frame("connect", params, CredentialKind::Shared, Some(token), Some(&proof));
    socket.send(Message::text(frame.expose_secret())).await.unwrap();
    let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("no hello") };
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["ok"], true);
}

fn driver(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let address = runtime.block_on(serve());
    let token = SecretString::from("test-token-of-the-bench");
    let scopes = ScopeSet::from([Scope::Read]);
    let info = ClientInfo::cli("0.1.0", "linux");
    let params = ConnectParams::operator(info.clone(), scopes);
    let client = Client::new(&format!("ws://{address}"))
        .unwrap()
        .shared_token(token.clone())
        .signer(Arc::new(key()))
        .info(info)
        .scopes(scopes);
    let key = key();
    let mut group = criterion.benchmark_group("connect to hello");
    group.bench_function("bare tokio-tungstenite", |bencher| {
        bencher.iter(|| runtime.block_on(bare(address, &key, &params, &token)));
    });
    group.bench_function("driver", |bencher| {
        bencher.iter(|| {
            let outcome = runtime.block_on(client.connect()).unwrap();
            assert!(matches!(outcome, Outcome::Session(_)));
        });
    });
    group.finish();
}

criterion_group!(benches, driver);
criterion_main!(benches);
