//! Transcripts: what a gateway says to the pairing driver through its life, masked, line by line.
//!
//! openclaw-pairing's tests replay them. The driver talks to the gateway through a relay that writes down each frame before
//! it hands it on; the driver's phases are written between them, so a transcript says both what was heard and where it led.

use super::conversation::Scene;
use super::peer::Address;
use super::real::{Real, Site};
use super::{OracleError, Subject};
use crate::gateway::{Bind, Clock, Gateway};
use futures_util::{SinkExt, StreamExt};
use openclaw_pairing::client::{Client, Connecting, Progress, Session};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::{DeviceSigner, Phase, Policy, Scope, ScopeSet};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

/// A transcript's name and its lines.
pub type Recording = (&'static str, Vec<Value>);

const TOKEN: &str = "oracle-test-token-recorded";
/// Two cores shared with a compiler.
const PATIENCE: Duration = Duration::from_secs(60);

/// Records the embedded gateway.
///
/// # Errors
/// [`OracleError::Conversation`] when it does not answer as the story goes.
pub async fn record_embedded() -> Result<Vec<Recording>, OracleError> {
    let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let builder = Gateway::builder().token(TOKEN.to_owned().into()).bind(Bind::Lan).clock(clock);
    let gateway = builder.start().await.map_err(|error| broken("start", &error.to_string()))?;
    tell(Subject::Embedded(gateway)).await
}

/// Records the real gateway.
///
/// # Errors
/// [`OracleError::Real`] when it does not come up, [`OracleError::Conversation`] when it does not answer as the story goes.
pub async fn record_real(site: &Site) -> Result<Vec<Recording>, OracleError> {
    let scene = Scene { name: "record".into(), bind: "lan".into(), token: TOKEN.into(), cases: Vec::new() };
    let real = Real::start(site, &scene).await?;
    tell(Subject::Real(Box::new(real))).await
}

/// The stories, the lockout last: after it nobody from this address is let in.
async fn tell(mut subject: Subject) -> Result<Vec<Recording>, OracleError> {
    let outside = subject.address("outside");
    let door = bridge(subject.address("inside")).await?;
    let wanted = ScopeSet::from([Scope::Read, Scope::Pairing]);

    let wrong = SecretString::from("oracle-test-token-wrong");
    let refused = Tape::new(&outside).await?;
    let client = refused.client()?.scopes(wanted).signer(key(40)).shared_token(wrong.clone());
    refused.follow(client, |phase| phase.is_terminal()).await?;

    let keyless = Tape::new(&outside).await?;
    let client = keyless.client()?.scopes(wanted).shared_token(TOKEN.to_owned().into());
    keyless.follow(client, |phase| phase.is_session()).await?;

    let life = Tape::new(&outside).await?;
    life_of_a_device(&life, &mut subject, door, wanted).await?;

    let locked = Tape::new(&outside).await?;
    // Each success starts the count anew, so it takes ten.
    for _ in 0..10 {
        let unheard = Tape::new(&outside).await?;
        let client = unheard.client()?.shared_token(wrong.clone());
        unheard.follow(client, |phase| phase.is_terminal()).await?;
    }
    let client = locked.client()?.scopes(wanted).signer(key(40)).shared_token(CHANGED.to_owned().into());
    locked.follow(client, |phase| phase == Phase::LockedOut).await?;

    let held = Tape::new(&Address::Tcp(door)).await?;
    let client = held.client()?.scopes(wanted).signer(key(42)).shared_token(CHANGED.to_owned().into());
    let mut session = held.follow(client, |phase| phase.is_session()).await?.session("held")?;
    subject.terminate().await?;
    let end = ended(&mut session, "held").await?;
    held.go_on(session.resume(end), |phase| phase == Phase::Backoff).await?;

    if let Subject::Real(real) = subject {
        real.stop().await;
    }
    Ok(vec![
        ("wrong-token", refused.lines()),
        ("keyless-from-afar", keyless.lines()),
        ("life-of-a-device", life.lines()),
        ("locked-out", locked.lines()),
        ("restart-under-a-session", held.lines()),
    ])
}

const CHANGED: &str = "oracle-test-token-changed";

/// Asked, approved, rotated, revoked, approved again, and a changed shared token.
async fn life_of_a_device(
    tape: &Tape,
    subject: &mut Subject,
    door: SocketAddr,
    wanted: ScopeSet,
) -> Result<(), OracleError> {
    let device = key(41);
    let id = device.device_id().to_owned();
    let client = tape.client()?.scopes(wanted).signer(device).shared_token(TOKEN.to_owned().into());
    let all = ScopeSet::from([Scope::Read, Scope::Write, Scope::Admin, Scope::Pairing]);
    let owner = Client::new(&format!("ws://{door}")).map_err(|error| broken("owner", &error.to_string()))?;
    let owner = owner.policy(patient()).scopes(all).signer(key(21)).shared_token(TOKEN.to_owned().into());
    let connecting = owner.start().map_err(|error| broken("owner", &error.to_string()))?;
    let mut owner = until(connecting, |phase| phase.is_session(), |_| {}).await?.session("owner")?;
    let failed = |what: &'static str| {
        move |error: openclaw_pairing::client::RequestError| broken(what, &error.to_string())
    };

    let waiting = tape.follow(client, |phase| phase == Phase::AwaitingApproval).await?.resting("asked")?;
    owner.approve(&id, wanted).await.map_err(|error| broken("approve", &error.to_string()))?;
    let mut held = tape.go_on(waiting, |phase| phase.is_session()).await?.session("approved")?;

    owner.rotate(&id, "operator").await.map_err(failed("rotate"))?;
    let end = ended(&mut held, "rotated").await?;
    let mut held = tape.go_on(held.resume(end), |phase| phase.is_session()).await?.session("rotated")?;

    owner.revoke(&id, "operator").await.map_err(failed("revoke"))?;
    let end = ended(&mut held, "revoked").await?;
    let waiting = tape.go_on(held.resume(end), |phase| phase == Phase::AwaitingApproval).await?;
    let waiting = waiting.resting("revoked")?;
    owner.approve(&id, wanted).await.map_err(|error| broken("approve again", &error.to_string()))?;
    let mut held = tape.go_on(waiting, |phase| phase.is_session()).await?.session("approved again")?;

    subject.change_token(CHANGED).await?;
    let end = ended(&mut held, "token changed").await?;
    tape.go_on(held.resume(end), |phase| phase.is_session() || phase.is_terminal()).await?;
    Ok(())
}

/// Budgets for a slow machine; beats short enough to record in seconds.
fn patient() -> Policy {
    let mut policy = Policy::default();
    policy.poll = Duration::from_millis(200);
    policy.polls = 500;
    policy.backoff_min = Duration::from_millis(100);
    policy.attempts = 50;
    policy.settle = Duration::from_millis(1);
    policy
}

fn key(seed: u8) -> Arc<DeviceKey> {
    Arc::new(DeviceKey::from_seed(&[seed; 32]))
}

async fn ended(
    session: &mut Session,
    case: &str,
) -> Result<openclaw_pairing::client::SessionEnd, OracleError> {
    timeout(PATIENCE, session.ended()).await.map_err(|_| broken(case, "the session did not end"))
}

/// Where following a connection led.
enum Followed {
    Session(Box<Session>),
    Resting(Box<Connecting>),
}

impl Followed {
    fn session(self, case: &str) -> Result<Box<Session>, OracleError> {
        match self {
            Self::Session(session) => Ok(session),
            Self::Resting(resting) => Err(broken(case, &format!("no session but {}", resting.phase()))),
        }
    }

    fn resting(self, case: &str) -> Result<Connecting, OracleError> {
        match self {
            Self::Resting(connecting) => Ok(*connecting),
            Self::Session(_) => Err(broken(case, "an early session")),
        }
    }
}

/// Follows a connection until a phase in which it rests fits; `note` hears of each resting phase and each timer before it.
async fn until(
    mut connecting: Connecting,
    fits: impl Fn(Phase) -> bool,
    mut note: impl FnMut(Value),
) -> Result<Followed, OracleError> {
    let mut rested = connecting.phase();
    loop {
        let progress = timeout(PATIENCE, connecting.next()).await;
        let progress = progress.map_err(|_| broken("driver", &format!("stays {}", connecting.phase())))?;
        let phase = match &progress {
            Progress::Phase(phase) => *phase,
            Progress::Session(_) => connecting.phase(),
            Progress::Stopped(stopped) => stopped.phase,
            _ => continue,
        };
        if phase == Phase::Dialing {
            if let Some(timer) = timer_of(rested) {
                note(json!({ "timer": timer }));
            }
            rested = phase;
        }
        let rests = phase.is_terminal() || phase.is_session() || timer_of(phase).is_some();
        if rests {
            rested = phase;
            note(json!({ "phase": phase.name() }));
        }
        match progress {
            Progress::Session(session) if fits(phase) => return Ok(Followed::Session(session)),
            Progress::Session(_) => return Err(broken("driver", "an early session")),
            _ if rests && fits(phase) => return Ok(Followed::Resting(Box::new(connecting))),
            _ if phase.is_terminal() => return Err(broken("driver", &format!("ended {phase}"))),
            _ => {}
        }
    }
}

/// The timer that ends the waiting in this phase.
fn timer_of(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::AwaitingApproval => Some("approval"),
        Phase::Backoff => Some("retry"),
        Phase::LockedOut => Some("lockout"),
        _ => None,
    }
}

/// One client's lines, and the relay that hears them.
struct Tape {
    url: String,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    lines: Vec<Value>,
    names: Names,
}

impl Tape {
    async fn new(gateway: &Address) -> Result<Self, OracleError> {
        let listener = listen().await?;
        let url = format!("ws://{}", listener.1);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (gateway, hears) = (gateway.clone(), heard.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.0.accept().await {
                tokio::spawn(carry(stream, gateway.clone(), hears.clone()));
            }
        });
        Ok(Self { url, heard })
    }

    fn client(&self) -> Result<Client, OracleError> {
        let client = Client::new(&self.url).map_err(|error| broken("client", &error.to_string()))?;
        Ok(client.policy(patient()))
    }

    async fn follow(&self, client: Client, fits: impl Fn(Phase) -> bool) -> Result<Followed, OracleError> {
        let connecting = client.start().map_err(|error| broken("client", &error.to_string()))?;
        self.go_on(connecting, fits).await
    }

    async fn go_on(
        &self,
        connecting: Connecting,
        fits: impl Fn(Phase) -> bool,
    ) -> Result<Followed, OracleError> {
        let followed = until(connecting, fits, |line| lock(&self.heard).lines.push(line)).await;
        followed.map_err(|error| match error {
            OracleError::Conversation { case, problem } => {
                let lines = self.lines();
                let last: Vec<String> = lines.iter().rev().take(6).rev().map(Value::to_string).collect();
                OracleError::Conversation { case, problem: format!("{problem}, after\n{}", last.join("\n")) }
            }
            other => other,
        })
    }

    fn lines(&self) -> Vec<Value> {
        lock(&self.heard).lines.clone()
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection: what the gateway says is written down, then handed on. A client that has gone hears nothing more.
async fn carry(stream: TcpStream, gateway: Address, heard: Arc<Mutex<Heard>>) -> Option<()> {
    let mut client = accept_async(stream).await.ok()?;
    let far = gateway.connect().await.ok()?;
    let (mut far, _) = client_async("ws://127.0.0.1:18789/", far).await.ok()?;
    lock(&heard).lines.push(json!({ "dir": "up" }));
    loop {
        tokio::select! {
            biased;
            said = client.next() => match said {
                Some(Ok(message)) => far.send(message).await.ok()?,
                _ => return None,
            },
            said = far.next() => {
                let message = said?.ok()?;
                let is_refusal = message.to_text().is_ok_and(|text| text.contains("\"ok\":false"));
                write(&heard, &message);
                if is_refusal {
                    // A refused client hangs up at once; the gateway's close belongs to the refusal all the same.
                    let close = timeout(PATIENCE, far.next()).await.ok()??.ok()?;
                    write(&heard, &close);
                    client.send(message).await.ok()?;
                    return client.send(close).await.ok();
                }
                client.send(message).await.ok()?;
            }
        }
    }
}

fn write(heard: &Mutex<Heard>, message: &Message) {
    let mut heard = lock(heard);
    let line = heard.names.line(message);
    heard.lines.extend(line);
}

/// Copies bytes between a free port and wherever `to` leads.
async fn bridge(to: Address) -> Result<SocketAddr, OracleError> {
    let (listener, address) = listen().await?;
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                if let Ok(mut far) = to.connect().await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    Ok(address)
}

async fn listen() -> Result<(TcpListener, SocketAddr), OracleError> {
    let failed = |source| OracleError::System { action: "open a port".to_owned(), source };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn broken(case: &str, problem: &str) -> OracleError {
    OracleError::Conversation { case: format!("record / {case}"), problem: problem.to_owned() }
}

/// Stand-ins for what is secret or differs from run to run. Equal values get equal names.
#[derive(Default)]
struct Names {
    known: Vec<(String, String)>,
}

/// A field of such a name holds such a value.
const NAMED: [(&str, &str); 10] = [
    ("nonce", "nonce"),
    ("requestId", "request"),
    ("deviceId", "device"),
    ("deviceToken", "canary-device-token"),
    ("token", "canary-token"),
    ("bootId", "boot"),
    ("connId", "connection"),
    ("buildId", "build"),
    ("recoveryScope", "recovery"),
    ("remoteIp", "address"),
];

/// Numbers under these names are times.
const TIMES: [&str; 6] = ["ts", "issuedAtMs", "createdAtMs", "approvedAtMs", "lastSeenAtMs", "rotatedAtMs"];
/// Of a hello, what a device's way depends on; the rest describes the gateway's insides.
const HELLO: [&str; 5] = ["type", "protocol", "server", "auth", "policy"];

impl Names {
    fn line(&mut self, message: &Message) -> Option<Value> {
        match message {
            Message::Text(text) => {
                let mut frame: Value = serde_json::from_str(text).ok()?;
                let event = frame.get("event").and_then(Value::as_str);
                if event.is_some_and(|event| event != "connect.challenge") {
                    return None;
                }
                if let Some(Value::Object(payload)) = frame.get_mut("payload")
                    && payload.get("type").and_then(Value::as_str) == Some("hello-ok")
                {
                    payload.retain(|name, _| HELLO.contains(&name.as_str()));
                }
                self.value(&mut frame);
                Some(json!({ "dir": "in", "frame": frame }))
            }
            Message::Close(frame) => {
                let (code, reason) =
                    frame.as_ref().map_or((1005, ""), |frame| (u16::from(frame.code), frame.reason.as_str()));
                Some(json!({ "dir": "close", "code": code, "reason": self.text(reason) }))
            }
            _ => None,
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let kind = NAMED.iter().find(|(field, _)| field == name).map(|(_, kind)| *kind);
                    match (kind, &*field) {
                        (Some(kind), Value::String(text)) => *field = json!(self.name(kind, text)),
                        _ if TIMES.contains(&name.as_str()) => *field = json!(1_800_000_000_000_u64),
                        // To the second, so that two recordings agree.
                        _ if name == "retryAfterMs" => {
                            *field = json!(field.as_u64().unwrap_or_default().div_ceil(1000) * 1000);
                        }
                        _ => self.value(field),
                    }
                }
            }
            Value::Array(entries) => entries.iter_mut().for_each(|entry| self.value(entry)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn name(&mut self, kind: &str, value: &str) -> String {
        if let Some((_, name)) = self.known.iter().find(|(known, _)| known == value) {
            return name.clone();
        }
        let number = self.known.iter().filter(|(_, name)| name.starts_with(kind)).count() + 1;
        let name = format!("{kind}-{number}");
        self.known.push((value.to_owned(), name.clone()));
        name
    }

    /// A text with the known values in it named. A close reason may cut an id short: its head is known too.
    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, name) in &self.known {
            text = text.replace(value, name);
            let cut = (8..value.len()).rev().filter_map(|end| value.get(..end));
            if let Some(head) = cut.into_iter().find(|head| text.ends_with(head)) {
                text.truncate(text.len() - head.len());
                text.push_str(&format!("{name} cut"));
            }
        }
        text
    }
}
