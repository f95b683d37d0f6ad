//! Transcripts: what a gateway says to the pairing driver and to the ladder through its life, masked, line by line.
//!
//! The tests of openclaw-pairing and openclaw-probe replay them. The driver talks to the gateway through a relay that writes
//! down each frame before it hands it on; the driver's phases are written between them, so a transcript says both what was
//! heard and where it led.

use super::conversation::Scene;
use super::ladder::{self, Climb};
use super::peer::Address;
use super::real::{Real, Site};
use super::{OracleError, Subject};
use futures_util::{SinkExt, StreamExt};
use openclaw_embedded_gateway::{Bind, Clock, Gateway, Release};
use openclaw_pairing::client::{Client, Connecting, Progress, Session};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::{DeviceSigner, Phase, Policy, Scope, ScopeSet};
use openclaw_runbook::fixture::Mask;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

/// A transcript, a JSON value a line.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recording {
    /// The crate whose tests replay it.
    pub reader: &'static str,
    /// What happens in it.
    pub name: &'static str,
    /// In order.
    pub lines: Vec<Value>,
}

impl Recording {
    /// Where that of a release is kept in a checkout.
    #[must_use]
    pub fn file(&self, release: &str) -> PathBuf {
        let Self { reader, name, .. } = self;
        format!("{reader}/tests/transcripts/openclaw-{release}-{name}.jsonl").into()
    }
}

const TOKEN: &str = "oracle-test-token-recorded";
const CHANGED: &str = "oracle-test-token-changed";
const WRONG: &str = "oracle-test-token-wrong";
/// A busy machine may take its time.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Records the embedded gateway, answering as this release.
///
/// # Errors
/// [`OracleError::Conversation`] when it does not answer as the story goes.
pub async fn record_embedded(release: Release) -> Result<Vec<Recording>, OracleError> {
    let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let builder =
        Gateway::builder().token(TOKEN.to_owned().into()).bind(Bind::Lan).clock(clock).release(release);
    let gateway = builder.start().await.map_err(|error| broken("start", &error.to_string()))?;
    tell(Subject::Embedded(gateway)).await
}

/// Records the real gateway.
///
/// # Errors
/// [`OracleError::Real`] when it does not come up, [`OracleError::Conversation`] when it does not answer as the story goes.
pub async fn record_real(site: &Site) -> Result<Vec<Recording>, OracleError> {
    let scene = Scene { name: "record".into(), bind: "lan".into(), token: TOKEN.into(), cases: Vec::new() };
    let mut real = Real::launch(site, &scene)?;
    let starting = ladder::starting(&mut real, TOKEN).await?;
    real.ready().await?;
    let mut recordings = tell(Subject::Real(Box::new(real))).await?;
    recordings.extend(starting.map(|climb| of_a_climb("starting", climb)));
    Ok(recordings)
}

fn of_a_climb(name: &'static str, climb: Climb) -> Recording {
    Recording { reader: "openclaw-probe", name, lines: climb.lines }
}

fn of_a_device(name: &'static str, tape: &Tape) -> Recording {
    Recording { reader: "openclaw-pairing", name, lines: tape.lines() }
}

/// The stories, the lockout last: after it nobody from this address is let in.
async fn tell(mut subject: Subject) -> Result<Vec<Recording>, OracleError> {
    let outside = subject.address("outside");
    let inside = subject.address("inside");
    let door = bridge(inside.clone()).await?;
    let wanted = ScopeSet::from([Scope::Read, Scope::Pairing]);

    let ready_inside = ladder::climb(&inside, TOKEN).await?;
    let ready_outside = ladder::climb(&outside, TOKEN).await?;
    let climb_refused = ladder::climb(&outside, WRONG).await?;

    let wrong = SecretString::from(WRONG);
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
    let climb_locked_out = ladder::climb(&outside, CHANGED).await?;

    let held = Tape::new(&Address::Tcp(door)).await?;
    let client = held.client()?.scopes(wanted).signer(key(42)).shared_token(CHANGED.to_owned().into());
    let mut session = held.follow(client, |phase| phase.is_session()).await?.session("held")?;
    subject.terminate()?;
    let end = ended(&mut session, "held").await?;
    held.go_on(session.resume(end), |phase| phase == Phase::Backoff).await?;

    if let Subject::Real(real) = subject {
        real.stop().await;
    }
    Ok(vec![
        of_a_device("wrong-token", &refused),
        of_a_device("keyless-from-afar", &keyless),
        of_a_device("life-of-a-device", &life),
        of_a_device("locked-out", &locked),
        of_a_device("restart-under-a-session", &held),
        of_a_climb("ready-inside", ready_inside),
        of_a_climb("ready-outside", ready_outside),
        of_a_climb("wrong-token", climb_refused),
        of_a_climb("locked-out", climb_locked_out),
    ])
}

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

struct Heard {
    lines: Vec<Value>,
    mask: Mask,
}

impl Tape {
    async fn new(gateway: &Address) -> Result<Self, OracleError> {
        let listener = listen().await?;
        let url = format!("ws://{}", listener.1);
        let heard = Arc::new(Mutex::new(Heard { lines: Vec::new(), mask: mask() }));
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

pub(super) fn lock<T>(heard: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
    let line = line(&mut heard.mask, message);
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

pub(super) async fn listen() -> Result<(TcpListener, SocketAddr), OracleError> {
    let failed = |source| OracleError::System { action: "open a port".to_owned(), source };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

pub(super) fn broken(case: &str, problem: &str) -> OracleError {
    OracleError::Conversation { case: format!("record / {case}"), problem: problem.to_owned() }
}

/// The mask of one transcript.
pub(super) fn mask() -> Mask {
    Mask::new([TOKEN, CHANGED, WRONG].map(SecretString::from).into())
}

/// Of a hello, what a device's way depends on; the rest describes the gateway's insides.
const HELLO: [&str; 5] = ["type", "protocol", "server", "auth", "policy"];

/// What a gateway said, as a line; nothing for events that depend on what else it does.
pub(super) fn line(mask: &mut Mask, message: &Message) -> Option<Value> {
    let mut line = match message {
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
            json!({ "dir": "in", "frame": frame })
        }
        Message::Close(frame) => {
            let (code, reason) =
                frame.as_ref().map_or((1005, ""), |frame| (u16::from(frame.code), frame.reason.as_str()));
            json!({ "dir": "close", "code": code, "reason": reason })
        }
        _ => return None,
    };
    mask.json(&mut line);
    Some(line)
}
