//! What all connections of one gateway share.

use super::clock::{Clock, iso_8601};
use super::encoding::Ids;
use super::lockout::{Limits, Lockout};
use super::pairing::PairingState;
use super::release::Release;
use super::scopes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// Where in its life the gateway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Listening, but not all of it has started: `connect` answers `UNAVAILABLE`.
    Starting,
    /// Serving.
    Ready,
    /// Told to stop: new connections are turned away.
    Draining,
}

/// Rules that a configuration can change.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// `gateway.nodes.pairing.autoApproveLocal`.
    pub(super) auto_approve_local: bool,
    /// `gateway.controlUi.allowedOrigins`.
    pub(super) allowed_origins: Vec<String>,
}

/// The shared state behind one lock; nothing waits while it is held.
pub(super) struct State {
    pub(super) token: SecretString,
    /// Counts the changes of the token.
    pub(super) generation: u64,
    pub(super) phase: Phase,
    pub(super) release: Release,
    pub(super) policy: Policy,
    pub(super) boot_id: String,
    pub(super) started_at: u64,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
    pub(super) lockout: Lockout,
    pub(super) pairing: PairingState,
    pub(super) connections: BTreeMap<String, Connection>,
    pub(super) journal: Vec<String>,
}

/// A shared, lockable [`State`].
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

/// One open WebSocket.
pub(super) struct Connection {
    pub(super) outbox: UnboundedSender<Push>,
    pub(super) session: Option<Session>,
    events: u64,
}

/// What the hello granted.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) role: String,
    pub(super) scopes: Vec<String>,
    pub(super) device_id: Option<String>,
    /// Admitted by the shared secret: closed when that changes.
    pub(super) by_shared_secret: bool,
    /// Admitted by a device token: may receive its rotated token.
    pub(super) by_device_token: bool,
}

/// What a connection is told to send, in order.
#[derive(Debug)]
pub(super) enum Push {
    Frame(Value),
    Close(u16, String),
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn new(
        release: Release,
        token: SecretString,
        policy: Policy,
        limits: Limits,
        clock: Clock,
        mut ids: Ids,
        pairing: PairingState,
    ) -> Self {
        Self {
            token,
            generation: 0,
            phase: Phase::Starting,
            release,
            policy,
            boot_id: ids.uuid(),
            started_at: clock.now_ms(),
            clock,
            ids,
            lockout: Lockout::new(limits),
            pairing,
            connections: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(super) fn uptime_ms(&self) -> u64 {
        self.now().saturating_sub(self.started_at)
    }

    /// Appends a line as the gateway prints it: time, subsystem, text.
    pub(super) fn log(&mut self, subsystem: &str, text: &str) {
        let at = iso_8601(self.now());
        self.journal.push(format!("{at} [{subsystem}] {text}"));
    }

    /// Compares in the gateway's way: trimmed on both sides, never empty.
    pub(super) fn is_shared_secret(&self, offered: &str) -> bool {
        let own = self.token.expose_secret().trim();
        !own.is_empty() && super::same_secret(own, offered.trim())
    }

    pub(super) fn open(&mut self, id: String, outbox: UnboundedSender<Push>) {
        self.connections.insert(id, Connection { outbox, session: None, events: 0 });
    }

    pub(super) fn push(&self, id: &str, push: Push) {
        if let Some(connection) = self.connections.get(id) {
            // A receiver that is gone has closed its socket already.
            let _ = connection.outbox.send(push);
        }
    }

    /// Sends an event to one connection, numbered.
    pub(super) fn event(&mut self, id: &str, name: &str, payload: &Value) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.events += 1;
            let frame =
                json!({ "type": "event", "event": name, "payload": payload, "seq": connection.events });
            let _ = connection.outbox.send(Push::Frame(frame));
        }
    }

    /// Sends an event to every session that holds `scope`.
    pub(super) fn broadcast(&mut self, scope: &str, name: &str, payload: &Value) {
        let holders = |session: &Session| scopes::covers(&session.role, &session.scopes, scope);
        for id in self.sessions_where(holders) {
            self.event(&id, name, payload);
        }
    }

    pub(super) fn close_where(&self, code: u16, reason: &str, which: impl Fn(&Session) -> bool) {
        for id in self.sessions_where(which) {
            self.push(&id, Push::Close(code, reason.to_owned()));
        }
    }

    pub(super) fn is_connected(&self, device_id: &str) -> bool {
        !self.sessions_where(|session| session.device_id.as_deref() == Some(device_id)).is_empty()
    }

    pub(super) fn sessions_where(&self, which: impl Fn(&Session) -> bool) -> Vec<String> {
        let chosen = |connection: &Connection| connection.session.as_ref().is_some_and(&which);
        self.connections
            .iter()
            .filter(|(_, connection)| chosen(connection))
            .map(|(id, _)| id.clone())
            .collect()
    }
}
