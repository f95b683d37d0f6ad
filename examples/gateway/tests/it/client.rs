//! A plain client for the tests of the embedded gateway. It shares no code with the gateway or with the four crates.
#![allow(dead_code, reason = "each test file uses its part of the client")]

use ed25519_dalek::{Signer, SigningKey};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(10);

/// One open WebSocket.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    pub(crate) nonce: String,
    pub(crate) challenged_at: u64,
    /// Events in the order of their arrival, without `health`.
    pub(crate) events: Vec<Value>,
    sent: u32,
}

impl Client {
    /// Connects and reads the challenge.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the port is open");
        let (socket, _) =
            client_async(format!("ws://{address}/"), stream).await.expect("the upgrade succeeds");
        let mut client = Self { socket, nonce: String::new(), challenged_at: 0, events: Vec::new(), sent: 0 };
        let challenge = client.frame().await.expect("a challenge");
        assert_eq!(challenge["event"], "connect.challenge");
        client.nonce = challenge["payload"]["nonce"].as_str().expect("a nonce").to_owned();
        client.challenged_at = challenge["payload"]["ts"].as_u64().expect("a time");
        client
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("the frame is sent");
    }

    /// Sends a request and waits for its response; events on the way are kept.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let id = format!("r{}", self.sent);
        self.send_text(json!({ "type": "req", "id": id, "method": method, "params": params }).to_string())
            .await;
        loop {
            let frame = self.frame().await.expect("a response");
            if frame["id"] == id.as_str() {
                return frame;
            }
            self.keep(frame);
        }
    }

    /// Waits for an event of this name.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(at);
            }
            let frame = self.frame().await.expect("an event");
            self.keep(frame);
        }
    }

    /// Reads until the close frame; 1005 and 1006 stand for their absence.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the socket closes in time") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None))) => return (1005, String::new()),
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(text.as_str()).expect("JSON");
                    self.keep(frame);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (1006, String::new()),
            }
        }
    }

    /// Says goodbye and waits until the gateway has heard it.
    pub(crate) async fn closed_by_client(mut self) {
        self.socket.close(None).await.expect("the close frame is sent");
        self.closed().await;
    }

    fn keep(&mut self, frame: Value) {
        if frame["type"] == "event" && frame["event"] != "health" {
            self.events.push(frame);
        }
    }

    async fn frame(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time")?.ok()? {
                Message::Text(text) => return serde_json::from_str(text.as_str()).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}

/// Parameters of a CLI that asks for `operator.read`, with these fields put over them.
pub(crate) fn connect(over: Value) -> Value {
    let mut params = json!({
        "minProtocol": 4, "maxProtocol": 4, "caps": [], "role": "operator", "scopes": ["operator.read"],
        "client": { "id": "cli", "version": "0.0.1", "platform": "linux", "mode": "cli" }
    });
    for (name, value) in over.as_object().expect("an object") {
        params[name] = value.clone();
    }
    params
}

pub(crate) fn code(response: &Value) -> &str {
    response["error"]["details"]["code"].as_str().unwrap_or_default()
}

pub(crate) fn error_code(response: &Value) -> &str {
    response["error"]["code"].as_str().unwrap_or_default()
}

/// A device with a key of its own.
pub(crate) struct Device {
    key: SigningKey,
    pub(crate) id: String,
}

impl Device {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let id = hex::encode(Sha256::digest(key.verifying_key().to_bytes()));
        Self { key, id }
    }

    /// Parameters with a proof for this connection, signed over the v3 payload.
    pub(crate) fn connect(&self, client: &Client, over: Value) -> Value {
        let mut params = connect(over);
        let scopes: Vec<&str> =
            params["scopes"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let text = |pointer: &str| params.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let token = ["/auth/token", "/auth/deviceToken"]
            .iter()
            .find_map(|pointer| params.pointer(pointer).and_then(Value::as_str))
            .unwrap_or_default();
        let signed = format!(
            "v3|{}|{}|{}|{}|{}|{}|{token}|{}|{}|{}",
            self.id,
            text("/client/id"),
            text("/client/mode"),
            text("/role"),
            scopes.join(","),
            client.challenged_at,
            client.nonce,
            text("/client/platform").to_lowercase(),
            text("/client/deviceFamily").to_lowercase(),
        );
        params["device"] = json!({
            "id": self.id,
            "publicKey": base64url(&self.key.verifying_key().to_bytes()),
            "signature": base64url(&self.key.sign(signed.as_bytes()).to_bytes()),
            "signedAt": client.challenged_at,
            "nonce": client.nonce
        });
        params
    }
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    let (mut word, mut bits) = (0u32, 0u32);
    for byte in bytes {
        word = word << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            text.push(char::from(ALPHABET[(word >> bits & 63) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(word << (6 - bits) & 63) as usize]));
    }
    text
}
