//! A gateway's answers, in a process of their own, which counts what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const LIVE: &str = r#"{"ok":true,"status":"live"}"#;
pub(crate) const STARTED: &str = r#"{"ok":true,"status":"started"}"#;
pub(crate) const READY: &str = r#"{"ready":true}"#;
pub(crate) const CHALLENGE: &str =
    r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"ba4e2cdc","ts":1795329632335}}"#;

/// Below this path a request is never answered.
pub(crate) const SILENT: &str = "/silent";
/// Below this path everything is answered but the upgrade's challenge.
pub(crate) const MUTE: &str = "/mute";

/// The process, ended when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// What the process saw so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    /// Connections.
    accepted: u64,
    /// Requests.
    asked: u64,
    /// Connections that the client ended with nothing of the answer left unread: closing with unread bytes is a reset.
    read_whole: u64,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .arg("--serve")
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("an address");
        Self { child, address: line.trim().parse().expect("an address") }
    }

    /// Runs the work, of which the server must then have seen exactly so many requests, each over a connection of its
    /// own and each answer read to its end.
    pub(crate) fn confirmed<T>(&self, requests: u32, work: impl FnOnce() -> T) -> T {
        let before = self.counts();
        let result = work();
        let after = self.counts();
        let requests = u64::from(requests);
        let seen = Counts {
            // The question for the counts is a connection, too.
            accepted: after.accepted - before.accepted - 1,
            asked: after.asked - before.asked,
            read_whole: after.read_whole - before.read_whole,
        };
        assert_eq!(seen, Counts { accepted: requests, asked: requests, read_whole: requests });
        result
    }

    fn counts(&self) -> Counts {
        let mut stream = std::net::TcpStream::connect(self.address).expect("connected");
        stream.write_all(b"GET /counts HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("counts");
        let body = text.split_once("\r\n\r\n").expect("a head").1;
        let mut numbers = body.split(' ').map(|number| number.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        Counts { accepted: next(), asked: next(), read_whole: next() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static ASKED: AtomicU64 = AtomicU64::new(0);
static READ_WHOLE: AtomicU64 = AtomicU64::new(0);
/// Connections that are open.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// What the process runs.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let listener = socket.listen(4096).expect("listening");
        println!("{}", listener.local_addr().expect("bound"));
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            ACCEPTED.fetch_add(1, Ordering::Relaxed);
            OPEN.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                connection(stream).await;
                OPEN.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
}

async fn connection(mut stream: TcpStream) {
    let Some(request) = request(&mut stream).await else { return };
    let path = request.split(' ').nth(1).unwrap_or("");
    if path == "/counts" {
        return counts(&mut stream).await;
    }
    ASKED.fetch_add(1, Ordering::Relaxed);
    if path.starts_with(SILENT) {
        return drop(stream.read(&mut [0; 64]).await);
    }
    let answer = match upgrade_key(&request) {
        Some(key) => upgraded(key, path.starts_with(MUTE)),
        None => page(match path.strip_prefix(MUTE).unwrap_or(path) {
            "/healthz" => LIVE,
            "/startupz" => STARTED,
            _ => READY,
        }),
    };
    if stream.write_all(&answer).await.is_err() {
        return;
    }
    if upgrade_key(&request).is_none() && stream.shutdown().await.is_err() {
        return;
    }
    // A second request, or anything else after the answer but a WebSocket's goodbye, would be more than that.
    let mut rest = Vec::with_capacity(64);
    let ended = (&mut stream).take(64).read_to_end(&mut rest).await;
    if ended.is_ok() && rest.len() < 64 {
        READ_WHOLE.fetch_add(1, Ordering::Relaxed);
    }
}

/// The head of the request.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::with_capacity(1024);
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut bytes).await {
            Ok(count) if count > 0 => {}
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

fn upgrade_key(request: &str) -> Option<&str> {
    request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
    })
}

fn page(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nContent-Type: application/json; charset=utf-8\r\n\
         Cache-Control: no-store\r\nContent-Length: {}\r\nDate: Sun, 22 Nov 2026 06:29:03 GMT\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn upgraded(key: &str, mute: bool) -> Vec<u8> {
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let frame = [&[0x81, CHALLENGE.len() as u8][..], CHALLENGE.as_bytes()].concat();
    [head.as_bytes(), if mute { &[] } else { &frame }].concat()
}

/// The counts, once every other connection has ended, so that none is still to be counted.
async fn counts(stream: &mut TcpStream) {
    let alone = async {
        while OPEN.load(Ordering::Relaxed) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // One that never ends shows as a count that is short.
    let _ = tokio::time::timeout(Duration::from_secs(5), alone).await;
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let body = format!("{} {} {}", load(&ACCEPTED), load(&ASKED), load(&READ_WHOLE));
    let _ = stream.write_all(&page(&body)).await;
}
