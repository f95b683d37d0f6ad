//! The WebSocket upgrade, over a fresh connection to the address that TCP proved.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::SinkExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::generate_request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::classify;
use crate::exchange::{self, Answered};
use crate::ladder::RungOutput;
use crate::rung::http::{self, USER_AGENT};
use crate::rung::tls::TlsSetup;
use crate::stream::Socket;
use crate::target::Target;

pub(crate) type WebSocket = WebSocketStream<Socket>;

/// A hello carries a snapshot of the gateway; this is far above any seen and far below what could hurt.
const LARGEST_FRAME: usize = 4 * 1024 * 1024;

/// How long to wait for the close frame to leave.
const CLOSE_PATIENCE: Duration = Duration::from_millis(200);

pub(crate) async fn upgrade(setup: &TlsSetup, target: &Target, address: SocketAddr) -> RungOutput<WebSocket> {
    let mut socket = Socket::open(setup, target, address).await?;
    let mut request = target.ws_url().into_client_request().map_err(|error| classify::unaskable(&error))?;
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    let (request, key) = generate_request(request).map_err(|error| classify::unaskable(&error))?;
    let ahead = match exchange::upgrade(&mut socket, &request, &key).await? {
        Answered::Switched(ahead) => ahead,
        Answered::Refused(answer) => return Err(http::refused_upgrade(&answer)),
    };
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
