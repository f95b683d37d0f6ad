//! The WebSocket upgrade, over a fresh connection to the address that TCP proved.

use std::time::Duration;

use futures_util::SinkExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::http::{self, Answered};
use crate::mask::Mask;
use crate::report::RungOutput;
use crate::stream::{Bounded, Socket};
use crate::target::Target;

use super::answer;

pub(crate) type WebSocket = WebSocketStream<Bounded<Socket>>;

/// A hello carries a snapshot of the gateway; this is far above any seen and far below what could hurt.
pub(crate) const LARGEST_FRAME: usize = 4 * 1024 * 1024;

/// A challenge is some 200 bytes; this is the gateway's own limit before a session, turned around.
pub(crate) const LARGEST_CHALLENGE: usize = 64 * 1024;

/// How long to wait for the close frame to leave.
const CLOSE_PATIENCE: Duration = Duration::from_millis(200);

pub(crate) async fn upgrade(socket: Socket, target: &Target, mask: &Mask) -> RungOutput<WebSocket> {
    let (mut socket, ahead) = match http::upgrade(socket, target).await? {
        Answered::Switched(socket, ahead) => (socket, ahead),
        Answered::Refused(answer) => return Err(answer::refused_upgrade(&answer, mask)),
    };
    // The largest message is not all: it can come in any number of frames that hold nothing.
    socket.renew(2 * LARGEST_CHALLENGE);
    // Buffers grow as frames come; ten thousand silent gateways cost ten thousand small ones.
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_FRAME))
        .max_frame_size(Some(LARGEST_FRAME));
    let websocket = WebSocketStream::from_partially_read(socket, ahead, Role::Client, Some(config)).await;
    Ok((websocket, Vec::new()))
}

/// Says goodbye, so that the gateway logs a clean close, and does not wait for the answer.
pub(crate) async fn close(websocket: &mut WebSocket) {
    // A peer that is gone already needs no goodbye.
    let _ = tokio::time::timeout(CLOSE_PATIENCE, async {
        websocket.close(None).await?;
        websocket.flush().await
    })
    .await;
}
