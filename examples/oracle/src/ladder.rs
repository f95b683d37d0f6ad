//! Transcripts of climbs: what a gateway answers to each question of openclaw-probe's ladder, and what the ladder makes of it.
//!
//! The prober climbs through a relay that keeps each answer before it hands it on. So the verdicts are of the very bytes that
//! are written down, however fast the gateway goes on meanwhile.

use super::OracleError;
use super::peer::{Address, read_head};
use super::real::Real;
use super::record::{PATIENCE, broken, line, listen, lock, mask};
use openclaw_probe::{Budget, Code, ProbeReport, Rung, Target, TokenAuthenticator};
use openclaw_runbook::fixture::Mask;
use openclaw_runbook::probing::prober;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

/// The scope that a climb wants to see granted.
const SCOPE: &str = "operator.read";

/// A climb that was written down.
pub(super) struct Climb {
    report: ProbeReport,
    pub(super) lines: Vec<Value>,
}

/// Climbs to the top with this token and without a device.
pub(super) async fn climb(gateway: &Address, token: &str) -> Result<Climb, OracleError> {
    let (listener, address) = listen().await?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (to, hears) = (gateway.clone(), heard.clone());
    let relay = tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(carry(near, to.clone(), hears.clone()));
        }
    });
    let authenticator = TokenAuthenticator::new(SecretString::from(token)).scopes([SCOPE]);
    let prober = prober().authenticate(authenticator).require_scopes([SCOPE]);
    let prober = prober.budget(Budget::total(PATIENCE)).build();
    let prober = prober.map_err(|error| broken("climb", &error.to_string()))?;
    let target: Target = address.to_string().parse().map_err(|_| broken("climb", "no target"))?;
    let report = prober.climb(&target, Rung::Scope).await;
    relay.abort();
    let mut mask = mask();
    let mut lines = Vec::new();
    for exchange in &*lock(&heard) {
        lines.extend(exchange.lines(&mut mask).map_err(|error| broken("climb", &error.to_string()))?);
    }
    lines.extend(verdicts(&report, &mut mask));
    Ok(Climb { report, lines })
}

/// The first climb that a starting gateway answers with that word; `None` if it was ready before it could be asked.
pub(super) async fn starting(real: &mut Real, token: &str) -> Result<Option<Climb>, OracleError> {
    let inside = Address::Unix(real.inside());
    loop {
        real.still_runs()?;
        let climb = climb(&inside, token).await?;
        match climb.report.first_fault() {
            Some((_, fault)) if fault.code == Code::Starting => return Ok(Some(climb)),
            Some((rung, _)) if rung <= Rung::Readiness => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => return Ok(None),
        }
    }
}

/// What was asked over one connection, and answered.
#[derive(Default)]
struct Exchange {
    asked: Vec<u8>,
    answered: Vec<u8>,
}

/// One connection of the ladder; it opens one after the other.
async fn carry(mut near: TcpStream, gateway: Address, heard: Arc<Mutex<Vec<Exchange>>>) -> io::Result<()> {
    let mut far = gateway.connect().await?;
    let index = {
        let mut heard = lock(&heard);
        heard.push(Exchange::default());
        heard.len() - 1
    };
    let note = |bytes: &[u8], of: fn(&mut Exchange) -> &mut Vec<u8>| {
        if let Some(exchange) = lock(&heard).get_mut(index) {
            of(exchange).extend_from_slice(bytes);
        }
    };
    let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            count = near.read(&mut asked) => {
                let bytes = asked.get(..count?).unwrap_or_default();
                if bytes.is_empty() {
                    return Ok(());
                }
                note(bytes, |exchange| &mut exchange.asked);
                far.write_all(bytes).await?;
            }
            count = far.read(&mut answered) => {
                let bytes = answered.get(..count?).unwrap_or_default();
                if bytes.is_empty() {
                    return Ok(());
                }
                note(bytes, |exchange| &mut exchange.answered);
                near.write_all(bytes).await?;
            }
        }
    }
}

impl Exchange {
    /// The HTTP answer, and the frames up to the answer to connect: what follows, the ladder does not hear. Nothing for a
    /// connection that ended before an answer.
    fn lines(&self, mask: &mut Mask) -> io::Result<Vec<Value>> {
        if self.answered.is_empty() {
            return Ok(Vec::new());
        }
        let asked = String::from_utf8_lossy(&self.asked);
        let path = asked.split(' ').nth(1).unwrap_or_default();
        let (status, headers, body) = read_head(&self.answered)?;
        let mut answer = json!({ "path": path, "status": status });
        for name in ["content-type", "location"] {
            if let Some((_, value)) = headers.iter().find(|(header, _)| header == name) {
                answer[name] = json!(value);
            }
        }
        if status != 101 {
            answer["body"] = read(body);
        }
        mask.json(&mut answer);
        let mut lines = vec![answer];
        for message in frames(if status == 101 { body } else { &[] }) {
            let said = line(mask, &message);
            let is_answer = said.as_ref().is_some_and(|said| said["frame"]["type"] == "res");
            lines.extend(said);
            if is_answer {
                break;
            }
        }
        Ok(lines)
    }
}

/// A body: of a page only that it is one, and of JSON all but what the gateway measured of itself.
fn read(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str(&text) {
        Ok(Value::Object(mut fields)) => {
            fields.remove("eventLoop");
            Value::Object(fields)
        }
        Ok(value) => value,
        Err(_) if text.contains("<html") => json!("<!doctype html>"),
        Err(_) => json!(text),
    }
}

/// The frames that a server sent.
fn frames(bytes: &[u8]) -> Vec<Message> {
    struct Heard<'a>(&'a [u8]);
    impl Read for Heard<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            Read::read(&mut self.0, into)
        }
    }
    // There is nobody to answer.
    impl Write for Heard<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut socket = WebSocket::from_raw_socket(Heard(bytes), Role::Client, None);
    std::iter::from_fn(|| socket.read().ok()).collect()
}

/// How each rung ended, and what the ladder learnt; not how long it took, nor from where.
fn verdicts(report: &ProbeReport, mask: &mut Mask) -> Vec<Value> {
    let facts = &report.facts;
    let learnt = json!({ "facts": {
        "version": facts.version, "bootId": facts.boot_id, "protocol": facts.protocol, "scopes": facts.scopes
    } });
    let rungs = report.rungs.iter().map(|rung| {
        let mut rung = serde_json::to_value(rung).unwrap_or_default();
        if let Some(fields) = rung.as_object_mut() {
            fields
                .retain(|name, _| ["rung", "outcome", "because", "code", "detail"].contains(&name.as_str()));
        }
        rung
    });
    let mut lines: Vec<Value> = rungs.chain([learnt]).collect();
    lines.iter_mut().for_each(|line| mask.json(line));
    lines
}
