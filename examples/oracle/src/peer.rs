//! The other end of the wire: HTTP and WebSocket over whatever leads to the gateway.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A gateway on a busy machine may take its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a gateway is reached.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Tcp(SocketAddr),
    /// A relay into another network namespace.
    Unix(PathBuf),
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The name by which the gateway is called, whatever leads there.
const HOST: &str = "127.0.0.1:18789";

impl Address {
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

/// In lower case, and what they say.
type Headers = Vec<(String, String)>;

/// What an HTTP request was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: String,
}

/// One request on a connection of its own.
pub(super) async fn http(
    address: &Address,
    method: &str,
    path: &str,
    headers: &Map<String, Value>,
) -> io::Result<Answer> {
    let mut stream = address.connect().await?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.contains_key("Host") {
        head.push_str(&format!("Host: {HOST}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap_or_default()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let (status, headers, body) = read_head(&bytes)?;
    Ok(Answer { status, headers, body: String::from_utf8_lossy(body).into_owned() })
}

/// Status, headers, and what follows the head of an answer.
pub(super) fn read_head(bytes: &[u8]) -> io::Result<(u16, Headers, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let (head, body) = (bytes.get(..end).unwrap_or_default(), bytes.get(end + 4..).unwrap_or_default());
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Ok((status, headers.collect(), body))
}

/// An open WebSocket, or the answer to an upgrade that was refused.
pub(super) enum Opened {
    Socket(Box<Socket>),
    Refused { status: u16, body: String },
}

pub(super) struct Socket {
    stream: WebSocketStream<Box<dyn Stream>>,
    pub(super) nonce: String,
    pub(super) challenged_at: u64,
    requests: u32,
}

/// What arrived.
#[derive(Debug)]
pub(super) enum Arrival {
    Frame(Value),
    Closed(u16, String),
}

impl Socket {
    pub(super) async fn open(address: &Address, headers: &Map<String, Value>) -> io::Result<Opened> {
        let stream = address.connect().await?;
        let mut request = format!("ws://{HOST}/").into_client_request().map_err(io::Error::other)?;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
            let value =
                HeaderValue::from_str(value.as_str().unwrap_or_default()).map_err(io::Error::other)?;
            request.headers_mut().insert(name, value);
        }
        match timeout(PATIENCE, client_async(request, stream)).await.map_err(|_| io::ErrorKind::TimedOut)? {
            Ok((stream, _)) => Ok(Opened::Socket(Box::new(Self {
                stream,
                nonce: String::new(),
                challenged_at: 0,
                requests: 0,
            }))),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                let body =
                    response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                Ok(Opened::Refused { status: response.status().as_u16(), body })
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    pub(super) async fn next(&mut self) -> io::Result<Arrival> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.map_err(|_| io::ErrorKind::TimedOut)? {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(text.as_str()).map(Arrival::Frame).map_err(io::Error::other);
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Ok(Arrival::Closed(frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Close(None))) => return Ok(Arrival::Closed(1005, String::new())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(Arrival::Closed(1006, String::new())),
            }
        }
    }

    pub(super) async fn text(&mut self, text: String) {
        // A gateway that has closed meanwhile shows it at the next read.
        let _ = self.stream.send(Message::text(text)).await;
    }

    /// Sends a request and returns its id.
    pub(super) async fn request(&mut self, method: &str, params: &Value) -> String {
        self.requests += 1;
        let id = format!("r{}", self.requests);
        let mut frame = json!({ "type": "req", "id": id, "method": method });
        if let Some(object) = frame.as_object_mut().filter(|_| !params.is_null()) {
            object.insert("params".to_owned(), params.clone());
        }
        self.text(frame.to_string()).await;
        id
    }

    pub(super) async fn goodbye(mut self) {
        let frame = CloseFrame { code: 1000.into(), reason: "bye".into() };
        let _ = timeout(Duration::from_secs(2), async {
            let _ = self.stream.close(Some(frame)).await;
            while let Some(Ok(_)) = self.stream.next().await {}
        })
        .await;
    }
}
