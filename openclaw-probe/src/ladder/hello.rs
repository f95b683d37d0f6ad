//! The authenticated session: one connect frame, one answer, both in the authenticator's words.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::SinkExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::{
    self,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::authenticate::{Answer, AuthRefusal, Authenticate, Challenge, RefusalKind, Session};
use crate::classify;
use crate::codes::Code;
use crate::mask::Mask;
use crate::report::Fault;

use super::challenge::next_text;
use super::upgrade::{LARGEST_FRAME, WebSocket};

/// Events that may come before the answer; the gateway queues up to 15.
const MOST_EVENTS: usize = 32;

/// How long the gateway locks an address out when it does not say (OpenClaw 2026.9.6 observed behaviour).
const LOCKOUT: Duration = Duration::from_secs(300);

/// Sends the connect frame and waits for its answer. Nothing is sent when there is no frame.
pub(crate) async fn connect(
    websocket: &mut WebSocket,
    authenticator: &dyn Authenticate,
    challenge: &Challenge,
    mask: &Mask,
) -> Result<Answer, Fault> {
    let frame = authenticator
        .connect_frame(challenge)
        .map_err(|error| Fault::new(Code::CredentialUnavailable, mask.line(&error.to_string(), 200)))?;
    // Room for the answer and for the events before it.
    websocket.get_mut().renew(2 * LARGEST_FRAME);
    send(websocket, &frame).await.map_err(|error| classify::frame(&error))?;
    for _ in 0..MOST_EVENTS {
        match authenticator.read_answer(&next_text(websocket, mask).await?) {
            Answer::NotYet => {}
            answer => return Ok(answer.shown(mask)),
        }
    }
    Ok(Answer::Unreadable(format!("{MOST_EVENTS} frames and no answer among them")))
}

/// Sends a text frame past the WebSocket library, which writes every frame that it sends to its log.
async fn send(websocket: &mut WebSocket, text: &SecretString) -> Result<(), tungstenite::Error> {
    let mut frame = Frame::message(text.expose_secret().to_owned(), OpCode::Data(Data::Text), true);
    let [a, b, c, d, ..] = RandomState::new().hash_one(()).to_ne_bytes();
    frame.header_mut().mask = Some([a, b, c, d]);
    let mut bytes = Vec::new();
    frame.format(&mut bytes)?;
    // What the library itself has to say, such as the answer to a ping, comes first.
    websocket.flush().await?;
    websocket.get_mut().write_all(&bytes).await?;
    Ok(websocket.get_mut().flush().await?)
}

/// The session, or the fault that the answer is.
pub(crate) fn accept(answer: Answer, mask: &Mask) -> Result<Session, Fault> {
    match answer {
        Answer::Accepted(session) => Ok(session),
        Answer::Refused(refusal) => Err(refused(refusal, mask)),
        Answer::Unreadable(why) => Err(Fault::new(Code::HelloUnreadable, why)),
        Answer::NotYet => Err(Fault::new(Code::HelloUnreadable, "no answer")),
    }
}

fn refused(refusal: AuthRefusal, mask: &Mask) -> Fault {
    let code = match refusal.kind {
        RefusalKind::DeviceClock => Code::DeviceClock,
        RefusalKind::DeviceProof => Code::DeviceProofRefused,
        RefusalKind::DeviceRequired => Code::DeviceRequired,
        RefusalKind::DeviceScopes => Code::DeviceTokenNarrow,
        RefusalKind::DeviceToken => Code::DeviceTokenStale,
        RefusalKind::Draining => Code::Draining,
        RefusalKind::LockedOut => Code::LockedOut,
        RefusalKind::Origin => Code::OriginNotAllowed,
        RefusalKind::Other => Code::ConnectRefused,
        RefusalKind::PairingRequired => Code::PairingRequired,
        RefusalKind::Protocol => Code::ProtocolMismatch,
        RefusalKind::SetupCode => Code::SetupCodeRefused,
        RefusalKind::Starting => Code::Starting,
        RefusalKind::TokenMismatch => Code::TokenMismatch,
        RefusalKind::TokenMissing => Code::TokenMissing,
    };
    let detail = format!("{} {}", refusal.code, mask.quoted(&refusal.message, 200));
    Fault { code, detail, retry_after: refusal.retry_after }
}

/// Whether the gateway may have counted this refusal as a failed attempt.
pub(crate) const fn counts_against_us(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::TokenMismatch
            | RefusalKind::DeviceToken
            | RefusalKind::SetupCode
            | RefusalKind::LockedOut
            | RefusalKind::Other
    )
}

/// How long no further attempt may be made.
pub(crate) fn lock_of(refusal: &AuthRefusal) -> Option<Duration> {
    (refusal.kind == RefusalKind::LockedOut).then(|| refusal.retry_after.unwrap_or(LOCKOUT))
}

pub(crate) fn evidence(session: &Session) -> Vec<String> {
    let role = session.role.as_deref().unwrap_or("no role");
    let scopes = if session.scopes.is_empty() { "no scopes".to_owned() } else { session.scopes.join(" ") };
    vec![format!("{role}, {scopes}")]
}
