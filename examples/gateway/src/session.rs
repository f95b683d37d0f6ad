//! One socket from its first byte to its close.

use super::admission::{self, Admitted, Caller};
use super::connect::Connect;
use super::http::{self, Request, Response};
use super::journal::{self, Ending};
use super::refusal::Rejection;
use super::schema;
use super::state::{Phase, Push, Shared};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

/// A request head may be this long.
const HEAD_BYTES: usize = 16 * 1024;
/// A frame before the hello may be this long.
const PREAUTH_BYTES: usize = 65_536;
/// A frame after the hello may be this long.
pub(super) const PAYLOAD_BYTES: usize = 26_214_400;
/// An idle keep-alive connection is closed after this.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a closed socket may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a connection needs to know besides the shared state.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) shared: Shared,
    /// Where callers at this door come from: their own address, or that of the container or host they stand for.
    pub(super) presented: Option<std::net::IpAddr>,
    pub(super) handshake: Duration,
}

/// Serves HTTP until the peer leaves or upgrades.
pub(super) async fn serve(door: Door, mut stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else { return };
    let peer = SocketAddr::new(door.presented.unwrap_or(peer.ip()), peer.port());
    let mut buffer = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut buffer).await {
        let request = match head {
            Head::Request(request) => request,
            Head::Refused(response) => {
                let bytes = response.write("GET", door.shared.lock().now());
                let _ = stream.write_all(&bytes).await;
                return;
            }
        };
        if request.is_upgrade() {
            upgrade(door, stream, buffer, &request, peer, local).await;
            return;
        }
        let (bytes, last) = {
            let mut state = door.shared.lock();
            let mut response = http::respond(&mut state, &request, peer.ip());
            response.last |= request.is_last();
            (response.write(&request.method, state.now()), response.last)
        };
        if stream.write_all(&bytes).await.is_err()
            || last
            || !skip_body(&mut stream, &mut buffer, &request).await
        {
            return;
        }
    }
}

enum Head {
    Request(Request),
    Refused(Response),
}

/// The next request head; what follows it stays in `buffer`. `None` when the peer has left or says nothing more.
async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Head> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            let head = std::str::from_utf8(head.get(..end).unwrap_or_default()).ok().and_then(Request::parse);
            return Some(head.map_or_else(|| Head::Refused(Response::bad_request()), Head::Request));
        }
        // Something that is not HTTP is recognised by its first line, so that it is not waited for.
        let first_line = buffer.iter().take_while(|byte| **byte != b'\n');
        if first_line.clone().any(|byte| byte.is_ascii_control() && *byte != b'\r') {
            return Some(Head::Refused(Response::bad_request()));
        }
        if buffer.len() > HEAD_BYTES {
            return Some(Head::Refused(Response::too_large()));
        }
        match timeout(KEEP_ALIVE, stream.read_buf(buffer)).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => return None,
        }
    }
}

/// Reads past the body of a request that was answered without it.
async fn skip_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, request: &Request) -> bool {
    let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if length > PREAUTH_BYTES || request.header("transfer-encoding").is_some() {
        return false;
    }
    while buffer.len() < length {
        match timeout(KEEP_ALIVE, stream.read_buf(buffer)).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => return false,
        }
    }
    buffer.drain(..length);
    true
}

async fn upgrade(
    door: Door,
    mut stream: TcpStream,
    rest: Vec<u8>,
    request: &Request,
    peer: SocketAddr,
    local: SocketAddr,
) {
    let key = request.header("sec-websocket-key");
    let refuses_strangers = door.shared.lock().release.is_of_august();
    let refused = if refuses_strangers && request.is_forwarded() {
        let line = format!(
            "observed unattributable proxy-shaped traffic from {}; configure gateway.trustedProxies",
            peer.ip()
        );
        door.shared.lock().log("gateway", &line);
        let mut response = Response::unattributable();
        response.last = true;
        Some(response)
    } else if door.shared.lock().phase == Phase::Draining {
        Some(Response::admission_closed())
    } else if key.is_none() || request.header("sec-websocket-version") != Some("13") {
        Some(Response::bad_request())
    } else {
        None
    };
    if let Some(response) = refused {
        let bytes = response.write(&request.method, door.shared.lock().now());
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        return;
    }
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    let switching = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    if stream.write_all(switching.as_bytes()).await.is_err() {
        return;
    }
    let config =
        WebSocketConfig::default().max_message_size(Some(PAYLOAD_BYTES)).max_frame_size(Some(PAYLOAD_BYTES));
    let socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
    let (outbox, inbox) = unbounded_channel();
    let caller = {
        let mut state = door.shared.lock();
        let header = |name: &str| request.header(name).map(str::to_owned);
        let caller = Caller {
            id: state.ids.uuid(),
            peer,
            local,
            is_local: peer.ip().is_loopback(),
            host: header("host").unwrap_or_default(),
            origin: header("origin").filter(|origin| !origin.trim().is_empty()),
            user_agent: header("user-agent"),
            scope_cap: header("x-openclaw-scopes").map(|list| {
                list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
            }),
            nonce: state.ids.uuid(),
            opened_at: state.now(),
        };
        state.open(caller.id.clone(), outbox);
        caller
    };
    let mut session = Live { door, caller, socket, inbox };
    let ending = session.run().await;
    session.finish(ending).await;
}

/// An open WebSocket.
struct Live {
    door: Door,
    caller: Caller,
    socket: WebSocketStream<TcpStream>,
    inbox: UnboundedReceiver<Push>,
}

/// What came next on an open socket.
enum Next {
    Frame(Vec<u8>),
    Push(Push),
    Gone,
}

impl Live {
    /// Runs until the connection is over and says how it ended.
    async fn run(&mut self) -> Ending {
        let challenge = {
            let state = self.door.shared.lock();
            let mut payload = json!({ "nonce": self.caller.nonce, "ts": state.now() });
            if let Some(payload) = payload.as_object_mut().filter(|_| state.release.is_of_august()) {
                payload.insert("capabilities".into(), json!(["model-catalog-snapshot"]));
            }
            json!({ "type": "event", "event": "connect.challenge", "payload": payload })
        };
        self.send(&challenge).await;
        let handshake = self.door.handshake;
        let first = loop {
            match timeout(handshake, self.next()).await {
                Err(_) => {
                    journal::handshake_timeout(&mut self.door.shared.lock(), &self.caller);
                    return Ending::pending(1000, "");
                }
                Ok(Next::Gone) => return Ending::pending(1005, ""),
                Ok(Next::Push(Push::Close(code, reason))) => return Ending::pending(code, &reason),
                Ok(Next::Push(Push::Frame(frame))) => self.send(&frame).await,
                Ok(Next::Frame(bytes)) => break bytes,
            }
        };
        if first.len() > PREAUTH_BYTES {
            journal::too_large(&mut self.door.shared.lock(), &self.caller);
            return Ending::pending(1009, "");
        }
        match self.greet(&first).await {
            Ok(()) => self.converse().await,
            Err(ending) => ending,
        }
    }

    /// The handshake: one frame in, hello or refusal out.
    async fn greet(&mut self, first: &[u8]) -> Result<(), Ending> {
        let Ok(frame) = serde_json::from_slice::<Value>(first) else {
            journal::parse_error(&mut self.door.shared.lock(), &self.caller);
            return Err(Ending::pending(1000, ""));
        };
        if claims_worker(&frame) {
            return Err(Ending::refused(
                &frame,
                "ws_upgrade_started",
                Rejection::invalid("invalid-handshake", "invalid-handshake"),
            ));
        }
        let is_request = schema::complaint(&frame, &schema::REQUEST).is_none();
        let params = frame.get("params").cloned().unwrap_or(Value::Null);
        let complaint = if !is_request {
            Some("invalid request frame".to_owned())
        } else if frame.get("method").and_then(Value::as_str) != Some("connect") {
            Some("invalid handshake: first request must be connect".to_owned())
        } else {
            schema::complaint(&params, &schema::CONNECT)
                .map(|complaint| format!("invalid connect params: {complaint}"))
        };
        let parsed = match complaint {
            None => serde_json::from_value::<Connect>(params)
                .map_err(|_| "invalid connect params: must be object".to_owned()),
            Some(complaint) => Err(complaint),
        };
        let mut connect = match parsed {
            Ok(connect) => connect,
            Err(complaint) => {
                let refusal = Rejection::invalid(complaint, "invalid-handshake");
                if is_request {
                    self.send_error(&frame, &refusal).await;
                } else {
                    journal::invalid_handshake(&mut self.door.shared.lock(), &self.caller);
                }
                return Err(Ending::refused(&frame, "ws_upgrade_started", refusal));
            }
        };
        let verdict = {
            let mut state = self.door.shared.lock();
            let mut verdict = admission::decide(&mut state, &self.caller, &mut connect);
            if let Ok(admitted) = &mut verdict.outcome {
                let hello = hello(&state, &self.caller, admitted);
                let response = json!({ "type": "res", "id": frame.get("id"), "ok": true, "payload": hello });
                state.push(&self.caller.id, Push::Frame(response));
                if let Some(connection) = state.connections.get_mut(&self.caller.id) {
                    connection.session = Some(admitted.session.clone());
                }
                // The real gateway refreshes its health after a hello: an event may come before the first answer.
                let health = super::methods::snapshot(&state);
                state.event(&self.caller.id, "health", &health);
            }
            verdict
        };
        if !verdict.delay.is_zero() {
            tokio::time::sleep(verdict.delay).await;
        }
        match verdict.outcome {
            Ok(_) => Ok(()),
            Err(refusal) => {
                if refusal.cause == "protocol-mismatch" {
                    journal::protocol_mismatch(&mut self.door.shared.lock(), &self.caller, &connect);
                }
                self.send_error(&frame, &refusal).await;
                Err(Ending::refused(&frame, verdict.reached, refusal.by(&connect)))
            }
        }
    }

    /// After the hello: frames in, answers and events out.
    async fn converse(&mut self) -> Ending {
        loop {
            match self.next().await {
                Next::Gone => return Ending::over(1005, ""),
                Next::Push(Push::Close(code, reason)) => return Ending::over(code, &reason),
                Next::Push(Push::Frame(frame)) => self.send(&frame).await,
                Next::Frame(bytes) => {
                    let mut state = self.door.shared.lock();
                    match serde_json::from_slice::<Value>(&bytes) {
                        Ok(frame) => super::methods::answer(&mut state, &self.caller.id, &frame),
                        Err(_) => journal::parse_error(&mut state, &self.caller),
                    }
                }
            }
        }
    }

    /// Closes the socket in the given way and forgets the connection.
    async fn finish(&mut self, ending: Ending) {
        {
            let mut state = self.door.shared.lock();
            journal::closed(&mut state, &self.caller, &ending);
            state.connections.remove(&self.caller.id);
        }
        let (code, reason) = ending.close();
        let frame =
            (code != 1005).then(|| CloseFrame { code: code.into(), reason: reason.to_owned().into() });
        let goodbye = async {
            let _ = self.socket.close(frame).await;
            // Reading on keeps the kernel from answering late bytes with a reset that would overtake the close frame.
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }

    /// Queued pushes come before what the peer sent, so that events keep their order.
    async fn next(&mut self) -> Next {
        loop {
            tokio::select! {
                biased;
                push = self.inbox.recv() => return push.map_or(Next::Gone, Next::Push),
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => return Next::Frame(text.as_bytes().to_vec()),
                    Some(Ok(Message::Binary(bytes))) => return Next::Frame(bytes.to_vec()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Next::Gone,
                },
            }
        }
    }

    async fn send(&mut self, frame: &Value) {
        // A peer that is gone shows itself at the next read.
        let _ = self.socket.send(Message::text(frame.to_string())).await;
    }

    async fn send_error(&mut self, request: &Value, refusal: &Rejection) {
        self.send(&json!({ "type": "res", "id": request.get("id"), "ok": false, "error": refusal.error() }))
            .await;
    }
}

/// Workers connect another way; whoever claims to be one here is dropped without an answer.
fn claims_worker(frame: &Value) -> bool {
    let claim = |pointer: &str, word: &str| frame.pointer(pointer).and_then(Value::as_str) == Some(word);
    claim("/params/role", "worker")
        || claim("/params/client/id", "openclaw-worker")
        || claim("/params/client/mode", "worker")
}

fn hello(state: &super::state::State, caller: &Caller, admitted: &Admitted) -> Value {
    let release = state.release;
    let mut hello = json!({
        "type": "hello-ok",
        "protocol": release.protocol(),
        "server": { "version": release.number(), "connId": caller.id },
        "features": {
            "methods": super::methods::names(),
            "events": ["connect.challenge", "device.pair.requested", "device.pair.resolved", "health", "shutdown"],
        },
        "snapshot": {
            "presence": [], "health": super::methods::snapshot(state), "uptimeMs": state.uptime_ms(),
            "stateVersion": { "presence": 1, "health": 1 }
        },
        "policy": { "maxPayload": PAYLOAD_BYTES, "maxBufferedBytes": 52_428_800, "tickIntervalMs": 30_000 }
    });
    if release.tells_every_grant() || admitted.device_token.is_some() {
        hello["auth"] = grant(state, admitted);
    }
    if release.is_of_august() {
        let server = &mut hello["server"];
        server["buildId"] = json!(admission::BUILD_ID);
        server["bootId"] = json!(state.boot_id);
        server["controlUiBuildSource"] = json!("bundled");
        hello["features"]["capabilities"] = json!(["model-catalog-snapshot"]);
        let policy = &mut hello["policy"];
        policy["attachments"] = json!({ "maxBytes": 19_464_192, "maxImageBytes": 6_291_456 });
        policy["allowedSessionVisibilities"] = json!(["shared", "read-only", "suggest", "draft"]);
        policy["hasMultipleSessionSharingIdentities"] = json!(false);
    }
    hello
}

/// What hello says of role, scopes and the device's own token.
fn grant(state: &super::state::State, admitted: &Admitted) -> Value {
    let session = &admitted.session;
    let mut auth = json!({ "role": session.role, "scopes": session.scopes });
    if let Some(token) = &admitted.device_token {
        auth["deviceToken"] = json!(token.secret);
        auth["issuedAtMs"] = json!(token.issued_at());
    }
    if !state.release.is_of_august() {
        if let Some(token) = &admitted.device_token {
            auth["scopes"] = json!(token.scopes);
        }
        return auth;
    }
    auth["method"] = json!(admitted.method);
    if session.role == "operator" {
        // The real one derives it from the token; this one only changes and stays the same when that one does.
        let shared = || format!("{} {} {:?}", state.boot_id, state.generation, session.device_id);
        let subject = admitted.device_token.as_ref().map_or_else(shared, |token| token.secret.clone());
        let digest = <sha2::Sha256 as sha2::Digest>::digest(subject.as_bytes());
        auth["recoveryScope"] = json!(super::encoding::base64url(&digest));
        if admitted.device_token.is_some() {
            auth["recoveryMigrationAllowed"] = json!(true);
        }
    }
    auth
}
