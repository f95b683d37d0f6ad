//! Log lines in the real shape, so that whatever reads the real log can be tested against this one.

use super::admission::Caller;
use super::connect::Connect;
use super::refusal::Rejection;
use super::state::State;
use serde_json::Value;

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ending {
    code: u16,
    reason: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// No verdict was reached.
    Pending,
    Refused {
        reached: &'static str,
        frame: [Option<String>; 3],
        refusal: Box<Rejection>,
    },
    /// The client had been admitted; the log says nothing.
    Admitted,
}

impl Ending {
    pub(super) fn pending(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), stage: Stage::Pending }
    }

    pub(super) fn over(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), stage: Stage::Admitted }
    }

    pub(super) fn refused(frame: &Value, reached: &'static str, refusal: Box<Rejection>) -> Self {
        let field = |name: &str| frame.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            code: refusal.close,
            reason: refusal.close_reason().to_owned(),
            stage: Stage::Refused { reached, frame: [field("type"), field("method"), field("id")], refusal },
        }
    }

    pub(super) fn close(&self) -> (u16, &str) {
        (self.code, &self.reason)
    }
}

impl Rejection {
    /// Adds who was refused, as most lines do.
    pub(super) fn by(self: Box<Self>, connect: &Connect) -> Box<Self> {
        if matches!(self.cause, "pairing-required" | "device-auth-invalid") {
            return self;
        }
        let client = &connect.client;
        self.fact("client", &client.id)
            .fact("mode", &client.mode)
            .fact("version", &client.version)
            .fact("platform", &client.platform)
    }
}

/// `closed before connect …`: every connection that never got its hello leaves this line.
pub(super) fn closed(state: &mut State, caller: &Caller, ending: &Ending) {
    let (cause, handshake, reached, frame, facts) = match &ending.stage {
        Stage::Admitted => return,
        Stage::Pending => (None, "pending", "ws_upgrade_started", &[None, None, None], &[] as &[_]),
        Stage::Refused { reached, frame, refusal } => {
            (Some(refusal.cause), "failed", *reached, frame, refusal.facts.as_slice())
        }
    };
    let endpoint = endpoint(caller);
    let mut line = format!(
        "closed before connect conn={} {} code={} reason={} phase={reached}",
        caller.id,
        whence(caller),
        ending.code,
        if ending.reason.is_empty() { "n/a" } else { &ending.reason },
    );
    let mut add = |name: &str, value: &str| {
        line.push_str(&format!(" {name}={value}"));
    };
    if let Some(cause) = cause {
        add("cause", cause);
    }
    add("durationMs", &state.now().saturating_sub(caller.opened_at).to_string());
    add("handshake", handshake);
    add("phase", reached);
    for (name, value) in ["lastFrameType", "lastFrameMethod", "lastFrameId"].iter().zip(frame) {
        if let Some(value) = value {
            add(name, value);
        }
    }
    add("host", &caller.host);
    add("remoteAddr", &caller.peer.ip().to_string());
    add("remotePort", &caller.peer.port().to_string());
    add("localAddr", &caller.local.ip().to_string());
    add("localPort", &caller.local.port().to_string());
    add("endpoint", &endpoint);
    for (name, value) in facts {
        add(name, value);
    }
    state.log("ws", &line);
}

pub(super) fn handshake_timeout(state: &mut State, caller: &Caller) {
    let line = format!(
        "handshake timeout conn={} peer={} remote={} phase=ws_upgrade_started",
        caller.id,
        endpoint(caller),
        caller.peer.ip()
    );
    state.log("ws", &line);
}

pub(super) fn parse_error(state: &mut State, caller: &Caller) {
    state.log("gateway", "parse/handle error: SyntaxError: not valid JSON");
    state.log("ws", &format!("✗ parse-error error=SyntaxError: not valid JSON conn={}", caller.id));
}

pub(super) fn too_large(state: &mut State, caller: &Caller) {
    state.log(
        "ws",
        &format!("error conn={} remote={}: Max payload size exceeded", caller.id, caller.peer.ip()),
    );
}

pub(super) fn invalid_handshake(state: &mut State, caller: &Caller) {
    state.log("ws", &format!("invalid handshake conn={} {}", caller.id, whence(caller)));
}

pub(super) fn protocol_mismatch(state: &mut State, caller: &Caller, connect: &Connect) {
    let client = &connect.client;
    let line = format!(
        "protocol mismatch conn={} peer={} remote={} remotePort={} client={} {} v{} min={} max={} expected=4 probeMin=3 \
         instance={}",
        caller.id,
        endpoint(caller),
        caller.peer.ip(),
        caller.peer.port(),
        client.label(),
        client.mode,
        client.version,
        connect.min_protocol,
        connect.max_protocol,
        client.instance_id.as_deref().unwrap_or("n/a"),
    );
    state.log("ws", &line);
}

fn endpoint(caller: &Caller) -> String {
    format!("{}->{}", caller.peer, caller.local)
}

fn whence(caller: &Caller) -> String {
    format!(
        "peer={} remote={} fwd=n/a origin={} host={} ua={}",
        endpoint(caller),
        caller.peer.ip(),
        caller.origin.as_deref().unwrap_or("n/a"),
        caller.host,
        caller.user_agent.as_deref().unwrap_or("n/a"),
    )
}
