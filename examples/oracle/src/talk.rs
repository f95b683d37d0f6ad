//! Saying the conversation, and writing down what comes back.

use super::conversation::{Case, Scene, Step};
use super::mask::Mask;
use super::peer::{Arrival, Opened, Socket, http};
use super::{OracleError, Subject};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything one gateway said, masked, in order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// In order.
    pub records: Vec<Record>,
}

/// One thing a gateway said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `scene / case`, with the round where a case is repeated.
    pub case: String,
    /// Number of the step within the case, from 1.
    pub step: usize,
    /// What was said.
    pub said: Value,
}

/// Events that depend on what else the gateway does; the embedded one does nothing else.
const INCIDENTAL: [&str; 8] = [
    "cron",
    "health",
    "presence",
    "sessions.changed",
    "tick",
    "update.available",
    "voicewake.changed",
    "voicewake.routing.changed",
];

/// Response headers that mean something to a client of the probes.
const HEADERS: [&str; 5] =
    ["content-type", "cache-control", "allow", "content-length", "x-content-type-options"];

/// Holds one scene; the gateway is gone afterwards.
pub(super) async fn hold(
    scene: &Scene,
    mut subject: Subject,
    into: &mut Transcript,
) -> Result<(), OracleError> {
    let mut memory = Memory { mask: Mask::default(), kept: BTreeMap::new() };
    memory.kept.insert("$token".to_owned(), json!(scene.token));
    for case in &scene.cases {
        for round in 1..=case.times {
            let mut name = format!("{} / {}", scene.name, case.name);
            if case.times > 1 {
                name.push_str(&format!(" #{round}"));
            }
            let mut exchange = Exchange {
                case,
                name,
                step: 0,
                sockets: BTreeMap::new(),
                memory: &mut memory,
                records: Vec::new(),
            };
            // A gateway that breaks off has said something, too.
            match exchange.hold(&mut subject).await {
                Err(OracleError::Conversation { problem, .. }) => {
                    exchange.note(json!({ "broken off": problem }));
                }
                held => held?,
            }
            into.records.append(&mut exchange.records);
        }
    }
    match subject {
        Subject::Embedded(gateway) => drop(gateway.stop().await),
        Subject::Real(real) => real.stop().await,
    }
    Ok(())
}

/// What is carried from case to case.
struct Memory {
    mask: Mask,
    kept: BTreeMap<String, Value>,
}

struct Exchange<'a> {
    case: &'a Case,
    name: String,
    step: usize,
    sockets: BTreeMap<String, Socket>,
    memory: &'a mut Memory,
    records: Vec<Record>,
}

impl Exchange<'_> {
    async fn hold(&mut self, subject: &mut Subject) -> Result<(), OracleError> {
        for step in &self.case.steps {
            self.step += 1;
            self.take(step, subject).await?;
        }
        for (_, socket) in std::mem::take(&mut self.sockets) {
            socket.goodbye().await;
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step, subject: &mut Subject) -> Result<(), OracleError> {
        match step {
            Step::Http { method, path, headers } => self.http(method, path, headers, subject).await?,
            Step::Open { headers, on } => self.open(on, headers, subject).await?,
            Step::Connect { over, device, payload, skew_ms, edit, save, on } => {
                self.opened(on, subject).await?;
                let mut params = connect_params(&self.filled(&Value::Object(over.clone())));
                if let (Some(seed), Some(socket)) = (device, self.sockets.get(on)) {
                    sign(&mut params, *seed, payload, *skew_ms, socket);
                }
                for (pointer, value) in edit {
                    put(&mut params, pointer, value.clone());
                }
                let answer = self.ask(on, "connect", &params).await?;
                self.save(save, &answer);
                if answer.get("ok") == Some(&json!(false)) {
                    self.closed(on).await?;
                }
            }
            Step::Request { method, params, save, on } => {
                let params = self.filled(params);
                let answer = self.ask(on, method, &params).await?;
                self.save(save, &answer);
            }
            Step::Text { text } => {
                self.opened("", subject).await?;
                self.socket("")?.text(text.clone()).await;
            }
            Step::Bytes { length } => {
                self.opened("", subject).await?;
                self.socket("")?.text("x".repeat(*length)).await;
            }
            Step::Event { name, on } => self.event(on, name).await?,
            Step::Closed { on } => self.closed(on).await?,
            Step::Close { on } => {
                if let Some(socket) = self.sockets.remove(on) {
                    socket.goodbye().await;
                }
            }
            Step::Dial {} => {
                let dialled = subject.address(&self.case.at).connect().await;
                let outcome =
                    dialled.map_or_else(|error| format!("{:?}", error.kind()), |_| "connected".to_owned());
                self.note(json!({ "dial": outcome }));
            }
            Step::ChangeToken { token } => {
                subject.change_token(token).await?;
                self.memory.kept.insert("$token".to_owned(), json!(token));
            }
            Step::Terminate {} => subject.terminate()?,
            Step::Pause { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
        }
        Ok(())
    }

    async fn http(
        &mut self,
        method: &str,
        path: &str,
        headers: &Map<String, Value>,
        subject: &Subject,
    ) -> Result<(), OracleError> {
        let Value::Object(headers) = self.filled(&Value::Object(headers.clone())) else { return Ok(()) };
        let answer = http(&subject.address(&self.case.at), method, path, &headers).await;
        let answer = answer.map_err(|error| self.broken(&format!("{method} {path}: {error}")))?;
        let mut said = json!({ "status": answer.status });
        let json: Option<Value> = serde_json::from_str(&answer.body).ok();
        for (name, value) in answer.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str())) {
            // Numbers within a body differ in length from run to run, and so does a page of another interface.
            let of_body = json.is_some() || answer.body.contains("<html") || method == "HEAD";
            let depends_on_run = name == "content-length" && of_body;
            said[name] = json!(if depends_on_run { "<length>" } else { value });
        }
        said["body"] = match json {
            Some(body) => body,
            None if answer.body.contains("<html") => json!("<page>"),
            None => json!(answer.body),
        };
        self.note(said);
        Ok(())
    }

    async fn opened(&mut self, on: &str, subject: &Subject) -> Result<(), OracleError> {
        if self.sockets.contains_key(on) { Ok(()) } else { self.open(on, &Map::new(), subject).await }
    }

    async fn open(
        &mut self,
        on: &str,
        headers: &Map<String, Value>,
        subject: &Subject,
    ) -> Result<(), OracleError> {
        let opened = Socket::open(&subject.address(&self.case.at), headers).await;
        match opened.map_err(|error| self.broken(&format!("upgrade: {error}")))? {
            Opened::Refused { status, body } => {
                let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
                self.note(json!({ "upgrade": status, "body": body }));
            }
            Opened::Socket(mut socket) => {
                let arrival =
                    socket.next().await.map_err(|error| self.broken(&format!("challenge: {error}")))?;
                if let Arrival::Frame(frame) = &arrival {
                    let text = frame.pointer("/payload/nonce").and_then(Value::as_str);
                    text.unwrap_or_default().clone_into(&mut socket.nonce);
                    socket.challenged_at =
                        frame.pointer("/payload/ts").and_then(Value::as_u64).unwrap_or_default();
                }
                self.arrived(arrival);
                self.sockets.insert(on.to_owned(), *socket);
            }
        }
        Ok(())
    }

    /// Sends a request and reads to its response, or to the close that comes instead.
    async fn ask(&mut self, on: &str, method: &str, params: &Value) -> Result<Value, OracleError> {
        let id = self.socket(on)?.request(method, params).await;
        loop {
            let arrival = self.next(on).await?;
            let answer = match &arrival {
                Arrival::Frame(frame) if frame.get("id").and_then(Value::as_str) == Some(&id) => {
                    Some(frame.clone())
                }
                Arrival::Frame(_) => None,
                Arrival::Closed(..) => Some(Value::Null),
            };
            let closed = matches!(arrival, Arrival::Closed(..));
            self.arrived(arrival);
            let Some(answer) = answer else { continue };
            if closed {
                self.sockets.remove(on);
            }
            return Ok(answer);
        }
    }

    async fn event(&mut self, on: &str, name: &str) -> Result<(), OracleError> {
        loop {
            let arrival = self.next(on).await?;
            let found = match &arrival {
                Arrival::Frame(frame) => frame.get("event").and_then(Value::as_str) == Some(name),
                Arrival::Closed(..) => true,
            };
            self.arrived(arrival);
            if found {
                return Ok(());
            }
        }
    }

    async fn closed(&mut self, on: &str) -> Result<(), OracleError> {
        loop {
            let arrival = self.next(on).await?;
            let over = matches!(arrival, Arrival::Closed(..));
            self.arrived(arrival);
            if over {
                self.sockets.remove(on);
                return Ok(());
            }
        }
    }

    async fn next(&mut self, on: &str) -> Result<Arrival, OracleError> {
        let arrival = self.socket(on)?.next().await;
        arrival.map_err(|error| self.broken(&format!("nothing arrived: {error}")))
    }

    fn socket(&mut self, on: &str) -> Result<&mut Socket, OracleError> {
        let broken = self.broken("the socket is closed");
        self.sockets.get_mut(on).ok_or(broken)
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Frame(frame) => {
                let event = frame.get("event").and_then(Value::as_str);
                if !event.is_some_and(|event| INCIDENTAL.contains(&event)) {
                    let mut frame = frame;
                    if let Some(object) = frame.as_object_mut() {
                        // Incidental events are numbered too.
                        object.remove("seq");
                        object.remove("stateVersion");
                    }
                    self.note(frame);
                }
            }
            Arrival::Closed(code, reason) => self.note(json!({ "close": code, "reason": reason })),
        }
    }

    fn note(&mut self, mut said: Value) {
        let place = format!("{} {}", self.name, self.step);
        self.memory.mask.value(&mut said, &place);
        self.records.push(Record { case: self.name.clone(), step: self.step, said });
    }

    fn save(&mut self, save: &Map<String, Value>, answer: &Value) {
        for (name, pointer) in save {
            let part =
                pointer.as_str().and_then(|pointer| answer.pointer(pointer)).cloned().unwrap_or_default();
            self.memory.kept.insert(format!("${name}"), part);
        }
    }

    /// Puts kept parts in the place of their names.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match self.memory.kept.get(text) {
                Some(kept) => kept.clone(),
                None => json!(self.memory.kept.iter().fold(text.clone(), |text, (name, kept)| {
                    text.replace(&format!("{{{name}}}"), kept.as_str().unwrap_or_default())
                })),
            },
            Value::Array(entries) => entries.iter().map(|entry| self.filled(entry)).collect(),
            Value::Object(object) => {
                Value::Object(object.iter().map(|(name, entry)| (name.clone(), self.filled(entry))).collect())
            }
            other => other.clone(),
        }
    }

    fn broken(&self, problem: &str) -> OracleError {
        OracleError::Conversation {
            case: format!("{} (step {})", self.name, self.step),
            problem: problem.to_owned(),
        }
    }
}

fn connect_params(over: &Value) -> Value {
    let mut params = json!({
        "minProtocol": 4, "maxProtocol": 4, "caps": [], "role": "operator", "scopes": ["operator.read"],
        "client": { "id": "cli", "version": "0.0.1", "platform": "linux", "mode": "cli" }
    });
    for (name, value) in over.as_object().into_iter().flatten() {
        if value.is_null() {
            params.as_object_mut().and_then(|params| params.remove(name));
        } else {
            params[name] = value.clone();
        }
    }
    params
}

fn sign(params: &mut Value, seed: u8, payload: &str, skew_ms: i64, socket: &Socket) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = key.verifying_key().to_bytes();
    let id = hex::encode(Sha256::digest(public));
    let text = |pointer: &str| params.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let scopes: Vec<&str> =
        params["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let token = ["/auth/token", "/auth/deviceToken", "/auth/bootstrapToken"]
        .iter()
        .find_map(|pointer| params.pointer(pointer).and_then(Value::as_str))
        .unwrap_or_default();
    let signed_at = socket.challenged_at.saturating_add_signed(skew_ms);
    let mut fields = vec![
        payload.to_owned(),
        id.clone(),
        text("/client/id").to_owned(),
        text("/client/mode").to_owned(),
        text("/role").to_owned(),
        scopes.join(","),
        signed_at.to_string(),
        token.to_owned(),
        socket.nonce.clone(),
    ];
    if payload == "v3" {
        fields.push(text("/client/platform").trim().to_ascii_lowercase());
        fields.push(text("/client/deviceFamily").trim().to_ascii_lowercase());
    }
    let signature = key.sign(fields.join("|").as_bytes()).to_bytes();
    params["device"] = json!({
        "id": id, "publicKey": URL_SAFE_NO_PAD.encode(public), "signature": URL_SAFE_NO_PAD.encode(signature), "signedAt": signed_at,
        "nonce": socket.nonce
    });
}

/// Puts a value in by JSON pointer; `null` takes the field away.
fn put(params: &mut Value, pointer: &str, value: Value) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(parent) = params.pointer_mut(parent).and_then(Value::as_object_mut) {
        if value.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), value);
        }
    }
}
