//! A gateway that misbehaves by script. Real sockets on ports the system chooses; a server thread that panics fails the
//! test that owns the server.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

/// What every connection meets.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub transport: Transport,
    pub healthz: Reply,
    pub startupz: Reply,
    pub readyz: Reply,
    pub socket: Socket,
}

/// Below HTTP.
#[derive(Clone, Debug)]
pub(crate) enum Transport {
    Plain,
    /// These bytes at once, then hold.
    Bytes(Vec<u8>),
    /// Nothing at all.
    Silence,
    /// Wait for the first byte, then close cleanly.
    Close,
    /// Wait for the first byte, then reset: closing with unread data does that.
    Reset,
    #[cfg(feature = "tls-ring")]
    Tls(Arc<rustls::ServerConfig>),
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status, content type, body, framed correctly.
    Page(u16, &'static str, String),
    /// These bytes, then close.
    Raw(Vec<u8>),
    /// These bytes, then nothing, with the connection open.
    Stall(Vec<u8>),
    /// These bytes over and over until the peer gives up.
    Endless(Vec<u8>, Vec<u8>),
    /// Reset with the request unread.
    Reset,
}

/// The answer to an upgrade.
#[derive(Clone, Debug)]
pub(crate) enum Socket {
    Refuse(Reply),
    Open(Vec<Step>),
}

/// One step of an open WebSocket. After the last the server waits for the peer to leave.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Text(String),
    Raw(Vec<u8>),
    /// The first once, then the second until the peer gives up.
    Endless(Vec<u8>, Vec<u8>),
    Close(Option<(u16, &'static str)>),
    /// End the connection without a close frame.
    Drop,
    /// Read the connect frame.
    Await,
}

pub(crate) const CHALLENGE: &str = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1795329632335,"later":true}}"#;

impl Script {
    /// A gateway in good health.
    pub(crate) fn good() -> Self {
        Self {
            transport: Transport::Plain,
            healthz: json(200, r#"{"ok":true,"status":"live"}"#),
            startupz: json(200, r#"{"ok":true,"status":"started","version":"2026.9.6","uptimeMs":61000}"#),
            readyz: json(200, r#"{"ready":true,"failing":[],"eventLoop":{"degraded":true}}"#),
            socket: Socket::Open(vec![
                Step::Text(CHALLENGE.into()),
                Step::Await,
                Step::Text(hello(&["operator.read"])),
            ]),
        }
    }
}

pub(crate) fn json(status: u16, body: &str) -> Reply {
    Reply::Page(status, "application/json; charset=utf-8", body.into())
}

pub(crate) fn hello(scopes: &[&str]) -> String {
    serde_json::json!({
        "type": "res", "id": "probe-1", "ok": true,
        "payload": {
            "type": "hello-ok", "protocol": 4,
            "server": { "version": "2026.9.6", "bootId": "boot-1", "connId": "c-1" },
            "auth": { "role": "operator", "scopes": scopes, "deviceToken": "canary-device-token" },
        },
    })
    .to_string()
}

pub(crate) struct FaultServer {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    panicked: Arc<Mutex<Option<String>>>,
    heard: Arc<Mutex<String>>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultServer {
    pub(crate) fn start(ip: IpAddr, script: Script) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a port");
        let address = listener.local_addr().expect("bound");
        let stopping = Arc::new(AtomicBool::new(false));
        let panicked = Arc::new(Mutex::new(None));
        let heard = Arc::new(Mutex::new(String::new()));
        let acceptor = std::thread::spawn({
            let (stopping, panicked, heard) =
                (Arc::clone(&stopping), Arc::clone(&panicked), Arc::clone(&heard));
            move || accept(&listener, &script, &stopping, &panicked, &heard)
        });
        Self { address, stopping, panicked, heard, acceptor: Some(acceptor) }
    }

    /// The heads of all requests and all connect frames so far.
    pub(crate) fn heard(&self) -> String {
        self.heard.lock().expect("not poisoned").clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        let acceptor = self.acceptor.take().expect("dropped once").join();
        let panicked = self.panicked.lock().expect("not poisoned").take();
        if !std::thread::panicking() {
            assert!(acceptor.is_ok(), "the accept thread panicked");
            assert!(panicked.is_none(), "a connection thread panicked: {panicked:?}");
        }
    }
}

fn accept(
    listener: &TcpListener,
    script: &Script,
    stopping: &AtomicBool,
    panicked: &Mutex<Option<String>>,
    heard: &Mutex<String>,
) {
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            let stream = stream.expect("accept");
            if stopping.load(Ordering::SeqCst) {
                break;
            }
            scope.spawn(move || {
                let served =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| serve(stream, script, heard)));
                if let Err(cause) = served {
                    let words = cause.downcast_ref::<String>().cloned().unwrap_or_else(|| "no words".into());
                    *panicked.lock().expect("not poisoned") = Some(words);
                }
            });
        }
    });
}

fn serve(mut stream: TcpStream, script: &Script, heard: &Mutex<String>) {
    match &script.transport {
        Transport::Plain => answer(stream, script, heard),
        Transport::Bytes(bytes) => {
            let _ = stream.write_all(bytes);
            hold(stream);
        }
        Transport::Silence => hold(stream),
        Transport::Close => {
            drain_request(&mut stream);
        }
        Transport::Reset => reset(&stream),
        #[cfg(feature = "tls-ring")]
        Transport::Tls(config) => {
            let session = rustls::ServerConnection::new(Arc::clone(config)).expect("a server configuration");
            answer(rustls::StreamOwned::new(session, stream), script, heard);
        }
    }
}

/// One request, one answer.
fn answer(mut stream: impl Read + Write + Peekable, script: &Script, heard: &Mutex<String>) {
    let Some(request) = read_request(&mut stream, script) else { return };
    heard.lock().expect("not poisoned").push_str(&request);
    let path = request.split(' ').nth(1).unwrap_or("");
    assert!(matches!(path, "/healthz" | "/startupz" | "/readyz" | "/"), "nobody asks for {path}");
    let upgrade = header(&request, "sec-websocket-key");
    let reply = match (path, upgrade) {
        (_, Some(key)) => match &script.socket {
            Socket::Refuse(reply) => reply,
            Socket::Open(steps) => return open(stream, &key, steps, heard),
        },
        ("/healthz", None) => &script.healthz,
        ("/startupz", None) => &script.startupz,
        _ => &script.readyz,
    };
    match reply {
        Reply::Page(status, kind, body) => {
            let head = format!(
                "HTTP/1.1 {status} Words\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            let _ = stream.flush();
        }
        Reply::Raw(bytes) => {
            let _ = stream.write_all(bytes);
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(bytes);
            hold(stream);
        }
        Reply::Endless(first, again) => {
            let _ = stream.write_all(first);
            while stream.write_all(again).is_ok() {}
        }
        Reply::Reset => unreachable!("decided before the request is read"),
    }
}

/// The head of the request; `None` when the peer only connected, or the script resets it.
fn read_request(stream: &mut (impl Read + Peekable), script: &Script) -> Option<String> {
    if let Some(path) = stream.peek_path() {
        let planned = match path.as_str() {
            "/healthz" => &script.healthz,
            "/startupz" => &script.startupz,
            "/readyz" => &script.readyz,
            _ => match &script.socket {
                Socket::Refuse(reply) => reply,
                Socket::Open(_) => &script.healthz,
            },
        };
        if matches!(planned, Reply::Reset) {
            return None;
        }
    }
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return None,
        }
    }
    let request = String::from_utf8(request).expect("a text request");
    assert!(
        request.starts_with("GET ") && request.contains("\r\nHost: ") || request.contains("\r\nhost: "),
        "{request}"
    );
    Some(request)
}

/// A stream whose first request can be looked at while it stays unread.
trait Peekable {
    fn peek_path(&self) -> Option<String>;
}

impl Peekable for TcpStream {
    fn peek_path(&self) -> Option<String> {
        let mut bytes = [0; 64];
        let count = self.peek(&mut bytes).ok()?;
        String::from_utf8_lossy(&bytes[..count]).split(' ').nth(1).map(str::to_owned)
    }
}

#[cfg(feature = "tls-ring")]
impl Peekable for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn peek_path(&self) -> Option<String> {
        None
    }
}

fn header(request: &str, name: &str) -> Option<String> {
    request
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.into())
}

fn open(mut stream: impl Read + Write, key: &str, steps: &[Step], heard: &Mutex<String>) {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    let _ = stream.write_all(head.as_bytes());
    for step in steps {
        match step {
            Step::Text(text) => {
                let _ = stream.write_all(&frame(0x81, text.as_bytes()));
            }
            Step::Raw(bytes) => {
                let _ = stream.write_all(bytes);
            }
            Step::Endless(first, again) => {
                let _ = stream.write_all(first);
                while stream.write_all(again).is_ok() {}
            }
            Step::Close(why) => {
                let payload = why.map_or_else(Vec::new, |(code, reason)| {
                    [code.to_be_bytes().as_slice(), reason.as_bytes()].concat()
                });
                let _ = stream.write_all(&frame(0x88, &payload));
            }
            Step::Drop => return,
            Step::Await => {
                let mut websocket = WebSocket::from_raw_socket(&mut stream, Role::Server, None);
                // A peer that says goodbye instead has its reasons.
                let Ok(message) = websocket.read() else { return };
                if message.is_close() {
                    return;
                }
                let frame = message.to_text().expect("text");
                heard.lock().expect("not poisoned").push_str(frame);
                let connect: serde_json::Value = serde_json::from_str(frame).expect("a connect frame");
                assert_eq!(connect["method"], "connect");
                assert!(
                    connect["params"].get("device").is_none(),
                    "the built-in authenticator sends no device"
                );
            }
        }
        let _ = stream.flush();
    }
    hold(stream);
}

/// A server frame: not masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        n @ 0..126 => bytes.push(n as u8),
        n @ 126..65536 => bytes.extend([&[126][..], &(n as u16).to_be_bytes()].concat()),
        n => bytes.extend([&[127][..], &(n as u64).to_be_bytes()].concat()),
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Until the peer leaves.
fn hold(mut stream: impl Read) {
    let mut bytes = [0; 512];
    while matches!(stream.read(&mut bytes), Ok(count) if count > 0) {}
}

fn drain_request(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    let _ = stream.read(&mut bytes);
}

fn reset(stream: &TcpStream) {
    let mut byte = [0];
    let _ = stream.peek(&mut byte);
}
