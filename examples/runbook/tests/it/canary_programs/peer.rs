//! Peers that say back what they are sent: a proxy, a test double, a hostile server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

/// Where a peer says what it was sent.
#[derive(Clone, Copy)]
pub(crate) enum Echo {
    /// In the code, the message and the details of a refusal.
    Refusal,
    /// In the fields of a hello.
    Hello,
    /// In the reason of a close.
    Close,
    /// In the body and a header of every HTTP answer.
    Http,
}

pub(crate) const ECHOES: [Echo; 4] = [Echo::Refusal, Echo::Hello, Echo::Close, Echo::Http];

/// Starts a peer that answers until the process ends.
pub(crate) fn start(echo: Echo) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(echo, stream));
        }
    });
    address
}

fn answer(echo: Echo, mut stream: TcpStream) -> Option<()> {
    let head = head(&mut stream)?;
    let line = head.lines().next()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let Some(key) = header("sec-websocket-key") else {
        let said = header("authorization").unwrap_or_default();
        let body = match echo {
            Echo::Http => {
                json!({ "ok": false, "error": head, "status": said, "version": said, "failing": [said] })
            }
            _ if line.contains("/startup") => {
                json!({ "status": "started", "version": "2026.9.6", "uptimeMs": 1000 })
            }
            _ if line.contains("/ready") => json!({ "ready": true, "failing": [] }),
            _ => json!({ "ok": true, "status": "live" }),
        };
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nServer: {said}\r\nConnection: close\r\n\r\n"
        );
        return stream.write_all((head + &body).as_bytes()).ok();
    };
    let accept = derive_accept_key(key.as_bytes());
    let switch = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(switch.as_bytes()).ok()?;
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    let challenge = json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "abc", "ts": 1_795_328_712_310_u64 } });
    socket.send(Message::text(challenge.to_string())).ok()?;
    let asked: Value = serde_json::from_str(socket.read().ok()?.to_text().ok()?).ok()?;
    let token = asked.pointer("/params/auth/token").and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = &asked["id"];
    let said = match echo {
        Echo::Hello => json!({ "type": "res", "id": id, "ok": true, "payload": {
            "type": "hello-ok", "protocol": 4,
            "server": { "version": token, "bootId": token, "connId": token },
            "auth": { "role": token, "scopes": [token, "\u{1b}[31m"] },
        } }),
        Echo::Close => {
            let reason = format!("unauthorized {token}").chars().take(120).collect::<String>();
            socket.close(Some(CloseFrame { code: 1008.into(), reason: reason.into() })).ok()?;
            while socket.read().is_ok() {}
            return Some(());
        }
        _ => json!({ "type": "res", "id": id, "ok": false, "error": {
            "code": token, "message": format!("bad {token} \u{1b}]0;owned\u{7}"), "details": { "code": token, "reason": asked },
        } }),
    };
    socket.send(Message::text(said.to_string())).ok()?;
    while socket.read().is_ok() {}
    Some(())
}

/// What comes before the empty line.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 || head.len() > 1 << 16 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
