//! The authenticated session: one connect frame, one answer, both in the authenticator's words.

use std::time::Duration;

use futures_util::SinkExt;
use secrecy::ExposeSecret;
use tokio_tungstenite::tungstenite::Message;

use crate::authenticate::{Answer, Authenticate, Challenge, Refusal, RefusalKind, Session, one_line};
use crate::classify;
use crate::code::Code;
use crate::report::Fault;
use crate::rung::challenge::next_text;
use crate::rung::upgrade::{LARGEST_FRAME, WebSocket};

/// Events that may come before the answer; the gateway queues up to 15.
const MOST_EVENTS: usize = 32;

/// How long the gateway locks an address out when it does not say (OpenClaw 2026.9.6 observed behaviour).
const LOCKOUT: Duration = Duration::from_secs(300);

/// Sends the connect frame and waits for its answer. Nothing is sent when there is no frame.
pub(crate) async fn connect(
    websocket: &mut WebSocket,
    authenticator: &dyn Authenticate,
    challenge: &Challenge,
) -> Result<Answer, Fault> {
    let frame = authenticator
        .connect_frame(challenge)
        .map_err(|error| Fault::new(Code::CredentialUnavailable, one_line(&error.to_string(), 200)))?;
    // Room for the answer and for the events before it.
    websocket.get_mut().renew(2 * LARGEST_FRAME);
    websocket.send(Message::text(frame.expose_secret())).await.map_err(|error| classify::frame(&error))?;
    for _ in 0..MOST_EVENTS {
        match authenticator.read_answer(&next_text(websocket).await?) {
            Answer::NotYet => {}
            answer => return Ok(answer),
        }
    }
    Ok(Answer::Unreadable(format!("{MOST_EVENTS} frames and no answer among them")))
}

/// The session, or the fault that the answer is.
pub(crate) fn accept(answer: Answer) -> Result<Session, Fault> {
    match answer {
        Answer::Accepted(session) => Ok(session),
        Answer::Refused(refusal) => Err(refused(refusal)),
        Answer::Unreadable(why) => Err(Fault::new(Code::HelloUnreadable, one_line(&why, 200))),
        Answer::NotYet => Err(Fault::new(Code::HelloUnreadable, "no answer")),
    }
}

fn refused(refusal: Refusal) -> Fault {
    let code = match refusal.kind {
        RefusalKind::DeviceClock => Code::DeviceClock,
        RefusalKind::DeviceProof => Code::DeviceProofRefused,
        RefusalKind::DeviceRequired => Code::DeviceRequired,
        RefusalKind::Draining => Code::Draining,
        RefusalKind::LockedOut => Code::LockedOut,
        RefusalKind::Origin => Code::OriginNotAllowed,
        RefusalKind::Other => Code::ConnectRefused,
        RefusalKind::PairingRequired => Code::PairingRequired,
        RefusalKind::Protocol => Code::ProtocolMismatch,
        RefusalKind::Starting => Code::Starting,
        RefusalKind::TokenMismatch => Code::TokenMismatch,
        RefusalKind::TokenMissing => Code::TokenMissing,
    };
    let detail = format!("{} {:?}", refusal.code, refusal.message);
    Fault { code, detail, retry_after: refusal.retry_after }
}

/// Whether the gateway may have counted this refusal as a failed attempt.
pub(crate) const fn counts_against_us(kind: RefusalKind) -> bool {
    matches!(kind, RefusalKind::TokenMismatch | RefusalKind::LockedOut | RefusalKind::Other)
}

/// How long no further attempt may be made.
pub(crate) fn lock_of(refusal: &Refusal) -> Option<Duration> {
    (refusal.kind == RefusalKind::LockedOut).then(|| refusal.retry_after.unwrap_or(LOCKOUT))
}

pub(crate) fn evidence(session: &Session) -> Vec<String> {
    let role = session.role.as_deref().unwrap_or("no role");
    let scopes = if session.scopes.is_empty() { "no scopes".to_owned() } else { session.scopes.join(" ") };
    vec![format!("{role}, {scopes}")]
}
