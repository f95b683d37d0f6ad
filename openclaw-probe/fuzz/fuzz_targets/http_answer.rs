//! Any bytes as what a peer answers, at each place of a climb: it ends, what it says is bounded, and no token is in it.
//!
//! The first byte says at which question the peer begins to talk nonsense, the second how: in pieces of how many bytes, and
//! whether it then holds the connection or closes it. The rest is the nonsense.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_probe::fuzzing::connect_to;
use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{ProbeReport, Prober, Rung, Target, TokenAuthenticator, exposition};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const TOKEN: &str = "canary-7c1f-token-of-the-fuzzer";

fuzz_target!(|data: &[u8]| {
    let [question, manner, nonsense @ ..] = data else { return };
    let (question, piece, holds) = (question % 6, usize::from(manner >> 1) + 1, manner & 1 == 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut near = Vec::new();
        for connection in 0..4 {
            let (mine, peer) = duplex(8 * 1024);
            near.push(mine);
            let talk = Talk { question, piece, holds, nonsense: nonsense.to_vec() };
            tokio::spawn(talk.on(connection, peer));
        }
        connect_to(near);
        let authenticator = TokenAuthenticator::new(SecretString::from(TOKEN)).scopes(["operator.read"]);
        let builder = Prober::builder().authenticate(authenticator).require_scopes(["operator.read"]);
        let target: Target = "127.0.0.1".parse().unwrap();
        let report = builder.build().unwrap().climb(&target, Rung::Scope).await;
        check(&report);
    });
});

fn check(report: &ProbeReport) {
    let shown = format!("{report}{report:?}{}", exposition(report));
    assert!(shown.len() < 256 * 1024, "{} bytes", shown.len());
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c)), "{shown:?}");
}

struct Talk {
    question: u8,
    piece: usize,
    holds: bool,
    nonsense: Vec<u8>,
}

impl Talk {
    /// The peer's side of one connection: sense up to the question, nonsense from there.
    async fn on(self, connection: u8, mut peer: DuplexStream) {
        let Some(request) = head(&mut peer).await else { return };
        let page = |body: &str| {
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        if self.question == connection {
            return self.nonsense(peer).await;
        }
        let answer = match connection {
            0 => page(r#"{"ok":true,"status":"live"}"#),
            1 => page(r#"{"ok":true,"status":"started"}"#),
            2 => page(r#"{"ready":true}"#),
            _ => {
                let key = request.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
                let accept = derive_accept_key(key.unwrap_or("").as_bytes());
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: {accept}\r\n\r\n"
                )
            }
        };
        if peer.write_all(answer.as_bytes()).await.is_err() || connection < 3 {
            return;
        }
        if self.question == 5 {
            let challenge = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}"#;
            let frame = [&[0x81, challenge.len() as u8][..], challenge.as_bytes()].concat();
            // The connect frame is what the nonsense answers.
            if peer.write_all(&frame).await.is_err() || peer.read(&mut [0; 4096]).await.is_err() {
                return;
            }
        }
        self.nonsense(peer).await;
    }

    async fn nonsense(self, mut peer: DuplexStream) {
        for piece in self.nonsense.chunks(self.piece) {
            if peer.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if self.holds {
            let mut rest = [0; 512];
            while peer.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
    }
}

/// The head of a request; `None` where the prober left.
async fn head(peer: &mut DuplexStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if peer.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(head).ok()
}
