#![doc = include_str!("../README.md")]
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "a test writes its gateway out in full"
)]

mod admission;
mod clock;
mod connect;
mod encoding;
mod enrolment;
mod http;
mod journal;
mod lockout;
mod methods;
mod origin;
mod pairing;
mod proof;
mod records;
mod refusal;
mod release;
mod schema;
mod scopes;
mod session;
mod start;
mod state;

pub use clock::Clock;
pub use lockout::Limits;
pub use pairing::PairingState;
pub use release::Release;
pub use start::{Bind, Builder, RootCause, StartError};
pub use state::Phase;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use state::{Push, Shared};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};

/// The release whose behaviour this is unless another is chosen.
pub const VERSION: &str = "2026.9.6";

/// The embedded gateway. Start one with [`Gateway::builder`]; it runs until it is stopped or dropped.
///
/// It has three doors, one for each place from which a real one is reached. What differs between them is where a caller
/// seems to come from, which decides locality, lockout and silent pairing.
pub struct Gateway {
    shared: Shared,
    doors: Doors,
    accepting: Vec<JoinHandle<()>>,
}

/// Where the gateway is reached from.
#[derive(Clone, Copy, Debug)]
struct Doors {
    local: SocketAddr,
    container: SocketAddr,
    published: SocketAddr,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("doors", &self.doors)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway on free loopback ports, bound as `lan`, ready at once.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The door inside the gateway's network namespace: callers are local.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.doors.local
    }

    /// The door on the bridge: callers come from another container. Refused where the gateway is bound to loopback, and
    /// where [`RootCause::OwnLoopback`] makes the client dial itself.
    #[must_use]
    pub fn container_addr(&self) -> SocketAddr {
        self.doors.container
    }

    /// The published port: callers come from the bridge's own address. Behind a loopback bind it accepts and resets.
    #[must_use]
    pub fn published_addr(&self) -> SocketAddr {
        self.doors.published
    }

    /// WebSocket URL of [`Gateway::addr`].
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.doors.local)
    }

    /// WebSocket URL of [`Gateway::container_addr`].
    #[must_use]
    pub fn container_url(&self) -> String {
        format!("ws://{}", self.doors.container)
    }

    /// A copy of the gateway's clock: moving it moves the gateway's time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.lock().clock.clone()
    }

    /// Where in its life the gateway is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.shared.lock().phase
    }

    /// Leaves [`Phase::Starting`], or goes back to it.
    pub fn set_phase(&self, phase: Phase) {
        let mut state = self.shared.lock();
        if phase == Phase::Ready && state.phase == Phase::Starting {
            state.log("gateway", "ready");
        }
        state.phase = phase;
    }

    /// Everything logged so far, a line each, in the real shape. No line holds a token.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.shared.lock().journal.clone()
    }

    /// What `openclaw devices list --json` prints in the gateway's container.
    #[must_use]
    pub fn devices(&self) -> Value {
        let mut state = self.shared.lock();
        let now = state.now();
        state.pairing.expire(now);
        let pending: Vec<Value> =
            state.pairing.requests().into_iter().map(records::Request::to_json).collect();
        let paired: Vec<Value> = state
            .pairing
            .records()
            .into_iter()
            .map(|record| record.to_json(Some(state.is_connected(record.device_id()))))
            .collect();
        json!({ "pending": pending, "paired": paired })
    }

    /// Replaces the shared token in the running gateway, as an edit of `openclaw.json` does: every connection that was
    /// admitted by the old one is closed with 4001.
    pub fn change_token(&self, token: SecretString) {
        let mut state = self.shared.lock();
        state.log("reload", "config change detected; evaluating reload (gateway.auth.token)");
        state.token = token;
        state.generation += 1;
        state.close_where(4001, "gateway auth changed", |session| session.by_shared_secret);
        state.log("reload", "config hot reload applied (gateway.auth.token)");
    }

    /// Stops as on `SIGTERM`: new connections are turned away, open ones get 1012, then the ports close. Returns what a
    /// volume would keep.
    pub async fn stop(mut self) -> PairingState {
        self.drain();
        // The sockets say goodbye on their own tasks; the ports stay open for just so long.
        let closed = async {
            while !self.shared.lock().connections.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(3), closed).await;
        self.close_ports().await;
        let mut state = self.shared.lock();
        state.log("shutdown", "completed cleanly in 100ms");
        state.pairing.clone()
    }

    /// Begins to stop and stays so: probes answer `draining`, new connections get 503, open ones 1012.
    pub fn drain(&self) {
        let mut state = self.shared.lock();
        state.log("admission", "closed: stop (SIGTERM)");
        state.log("gateway", "received SIGTERM; shutting down");
        state.phase = Phase::Draining;
        for id in state.sessions_where(|_| true) {
            state.event(&id, "shutdown", &json!({ "reason": "gateway stopping" }));
        }
        let open: Vec<String> = state.connections.keys().cloned().collect();
        for id in open {
            state.push(&id, Push::Close(1012, "service restart".to_owned()));
        }
    }

    /// Dies as on `SIGKILL`: no close frame, no log line. Returns what a volume would keep.
    pub async fn kill(mut self) -> PairingState {
        self.close_ports().await;
        self.shared.lock().pairing.clone()
    }

    async fn close_ports(&mut self) {
        for task in self.accepting.drain(..) {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for task in &self.accepting {
            task.abort();
        }
    }
}

/// Accepts connections at one door until aborted; its connections end with it.
async fn accept(listener: tokio::net::TcpListener, door: session::Door) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, peer)) = accepted {
                connections.spawn(session::serve(door.clone(), stream, peer));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Accepts and resets at once: what a published port does in front of a gateway that listens on loopback only.
async fn reset(listener: tokio::net::TcpListener) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_zero_linger();
        }
    }
}

/// Compares without leaving at the first difference.
fn same_secret(own: &str, offered: &str) -> bool {
    let difference =
        own.bytes().zip(offered.bytes()).fold(0, |difference, (own, offered)| difference | (own ^ offered));
    own.len() == offered.len() && difference == 0
}

/// Is there anything but white space in it?
fn is_blank(token: &SecretString) -> bool {
    token.expose_secret().trim().is_empty()
}
