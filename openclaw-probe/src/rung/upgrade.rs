//! The WebSocket upgrade, over a fresh connection to the address that TCP proved.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::SinkExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::classify;
use crate::ladder::RungOutput;
use crate::rung::http::USER_AGENT;
use crate::rung::tls::TlsSetup;
use crate::stream::Socket;
use crate::target::Target;

pub(crate) type WebSocket = WebSocketStream<Socket>;

/// A hello carries a snapshot of the gateway; this is far above any seen and far below what could hurt.
const LARGEST_FRAME: usize = 4 * 1024 * 1024;

/// How long to wait for the close frame to leave.
const CLOSE_PATIENCE: Duration = Duration::from_millis(200);

pub(crate) async fn upgrade(setup: &TlsSetup, target: &Target, address: SocketAddr) -> RungOutput<WebSocket> {
    let socket = Socket::open(setup, target, address).await?;
    let mut request = target.ws_url().into_client_request().map_err(classify::upgrade)?;
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    // Buffers grow as frames come; ten thousand silent gateways cost ten thousand small ones.
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_FRAME))
        .max_frame_size(Some(LARGEST_FRAME));
    let (websocket, _) = tokio_tungstenite::client_async_with_config(request, socket, Some(config))
        .await
        .map_err(classify::upgrade)?;
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
