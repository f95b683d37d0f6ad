//! Connect to hello against the embedded gateway: the pairing driver beside a bare tokio-tungstenite client that exchanges the
//! same frames. The two take turns, so that whatever else the machine does falls on both. `cargo bench -p openclaw-embedded-gateway`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark has no callers"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use openclaw_embedded_gateway::Gateway;
use openclaw_pairing::client::{Client, Outcome};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::secrecy::{ExposeSecret, SecretString};
use openclaw_pairing::wire::Proof;
use openclaw_pairing::wire::{ClientInfo, ConnectParams, Incoming, Limits, connect_frame};
use openclaw_pairing::{CredentialKind, Scope, ScopeSet};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

const TURNS: usize = 3000;

/// By hand: read the challenge, sign, send, read the hello as JSON.
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
    let hello: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(hello["ok"], true);
}

async fn driver(client: &Client) {
    let outcome = client.connect().await.unwrap();
    assert!(matches!(outcome, Outcome::Session(_)));
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let token = SecretString::from("test-token-of-the-bench");
    let gateway = Gateway::builder().token(token.clone()).start().await.unwrap();
    let scopes = ScopeSet::from([Scope::Read]);
    let info = ClientInfo::cli("0.1.0", "linux");
    let params = ConnectParams::operator(info.clone(), scopes);
    let key = || DeviceKey::from_seed(&[5; 32]);
    let client = Client::new(&gateway.url()).unwrap().shared_token(token.clone()).signer(Arc::new(key()));
    let client = client.info(info).scopes(scopes);
    let key = key();

    let (mut bares, mut drivers) = (Vec::with_capacity(TURNS), Vec::with_capacity(TURNS));
    for turn in 0..TURNS + TURNS / 10 {
        let started = Instant::now();
        bare(gateway.addr(), &key, &params, &token).await;
        let between = Instant::now();
        driver(&client).await;
        let ended = Instant::now();
        // The first tenth warms caches and pairs the device.
        if turn >= TURNS / 10 {
            bares.push(between - started);
            drivers.push(ended - between);
        }
    }
    println!("connect to hello, {TURNS} turns each, one thread for client and gateway");
    for (name, times) in [("bare tokio-tungstenite", &mut bares), ("driver", &mut drivers)] {
        let (median, high) = (percentile(times, 50), percentile(times, 95));
        println!("{name:24} median {median:>10.1?}   p95 {high:>10.1?}");
    }
    let ratio = percentile(&mut drivers, 50).as_secs_f64() / percentile(&mut bares, 50).as_secs_f64();
    println!("driver / bare, medians   {ratio:.3} (goal: at most 1.3)");
}
