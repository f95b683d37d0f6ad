//! The gateway's first frame: all that the ladder itself knows of the protocol.

use futures_util::StreamExt;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::authenticate::Challenge;
use crate::classify;
use crate::codes::Code;
use crate::mask::Mask;
use crate::report::{Fault, RungOutput};

use super::upgrade::{LARGEST_CHALLENGE, WebSocket};

/// Pings and pongs that are passed over while waiting for a text frame.
const MOST_CONTROL_FRAMES: usize = 16;

pub(crate) async fn read(websocket: &mut WebSocket, mask: &Mask) -> RungOutput<Challenge> {
    let text = next_text(websocket, mask).await?;
    parse(&text, mask).map(|challenge| (challenge, Vec::new()))
}

/// The next text frame, or what came instead.
pub(crate) async fn next_text(websocket: &mut WebSocket, mask: &Mask) -> Result<Utf8Bytes, Fault> {
    for _ in 0..MOST_CONTROL_FRAMES {
        match websocket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Binary(bytes))) => {
                return Err(Fault::new(
                    Code::FrameBinary,
                    format!("a binary frame of {} bytes", bytes.len()),
                ));
            }
            Some(Ok(Message::Close(frame))) => return Err(classify::close(frame.as_ref(), mask)),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(classify::frame(&error)),
            None => {
                return Err(Fault::new(
                    Code::ConnectionLost,
                    "the connection ended without a close frame (1006)",
                ));
            }
        }
    }
    Err(Fault::new(Code::FrameInvalid, format!("{MOST_CONTROL_FRAMES} control frames and no text")))
}

#[derive(Deserialize)]
struct Event {
    event: String,
    #[serde(default)]
    payload: Payload,
}

#[derive(Default, Deserialize)]
struct Payload {
    nonce: Option<String>,
    ts: Option<i64>,
}

fn parse(text: &str, mask: &Mask) -> Result<Challenge, Fault> {
    if text.len() > LARGEST_CHALLENGE {
        return Err(Fault::new(Code::FrameTooLarge, format!("a first frame of {} bytes", text.len())));
    }
    let unreadable = |why: String| Fault::new(Code::ChallengeUnreadable, why);
    let event: Event = serde_json::from_str(text)
        .map_err(|_| unreadable(format!("not an event: {}", mask.quoted(text, 60))))?;
    if event.event != "connect.challenge" {
        return Err(unreadable(format!(
            "the event is {}, not connect.challenge",
            mask.quoted(&event.event, 60)
        )));
    }
    match event.payload.nonce {
        Some(nonce) if !nonce.trim().is_empty() => Ok(Challenge { nonce, ts: event.payload.ts }),
        _ => Err(unreadable("the challenge has no nonce".to_owned())),
    }
}
