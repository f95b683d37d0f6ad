//! From a URL to an open WebSocket, with a word for each way it can fail.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::net::{TcpStream, lookup_host};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::ClientError;
use crate::input::{Cause, Input, Refused};
use crate::refusal::{Refusal, RefusalCode};
use crate::wire::Limits;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The most that waits to be sent, in bytes: more than any request is.
const LARGEST_UNSENT: usize = 4 * 1024 * 1024;

/// Where to connect to. User info, query and fragment of the URL are refused or dropped: they may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tls: bool,
    host: String,
    port: u16,
    path: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", if self.tls { "wss" } else { "ws" }, self.host, self.port, self.path)
    }
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, ClientError> {
        let reason = |reason| ClientError::Url { reason };
        let (scheme, rest) = url.trim().split_once("://").ok_or(reason("there is no scheme"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(reason("the scheme is neither ws nor wss")),
        };
        if tls && cfg!(not(feature = "tls-ring")) {
            return Err(ClientError::TlsNotCompiled);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let path = rest.split(['?', '#']).next().filter(|path| !path.is_empty()).unwrap_or("/");
        if authority.contains('@') {
            return Err(reason("a URL must not hold a credential"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(reason("the IPv6 address is not closed"))?;
                (host, after.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !is_visible(host) || !is_visible(path) {
            return Err(reason("the host is missing or has characters that a URL cannot have"));
        }
        let port = match port {
            None => 80 + if tls { 363 } else { 0 },
            Some(port) => port.parse().map_err(|_| reason("the port is not a number below 65536"))?,
        };
        Ok(Self { tls, host: host.to_owned(), port, path: path.to_owned() })
    }

    /// True if the host is this one by its own name or address.
    pub(super) fn is_here(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse().is_ok_and(is_here)
    }

    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// True for an address that never leaves this host (or this network namespace).
pub(super) fn is_here(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Why a dial failed: what the machine is told, and what a person reads.
#[derive(Debug)]
pub(super) struct DialFault {
    pub(super) input: Input,
    pub(super) text: String,
    pub(super) refusal: Option<Refusal>,
}

pub(super) type Dial = Pin<Box<dyn Future<Output = Result<Socket, DialFault>> + Send>>;

/// Dials; with `only_here` nothing but loopback, wherever the host's name leads.
pub(super) fn dial(target: Target, address: Option<SocketAddr>, only_here: bool) -> Dial {
    Box::pin(async move {
        let failed = |error| lost(format!("connecting to {}: {error}", target.authority()));
        let mut addresses: Vec<SocketAddr> = match address {
            Some(address) => vec![address],
            None => lookup_host((target.host.as_str(), target.port)).await.map_err(failed)?.collect(),
        };
        if only_here {
            addresses.retain(|address| is_here(address.ip()));
            if addresses.is_empty() {
                let elsewhere =
                    "its addresses are not on loopback, and a token does not go there in plain text";
                return Err(failed(std::io::Error::other(elsewhere)));
            }
        }
        let tcp = TcpStream::connect(&addresses[..]).await.map_err(failed)?;
        // One small frame each way: waiting to fill a segment would only add latency.
        let _ = tcp.set_nodelay(true);
        upgrade(&target, tcp).await.map_err(|error| classify(&error))
    })
}

async fn upgrade(target: &Target, tcp: TcpStream) -> Result<Socket, WsError> {
    let scheme = if target.tls { "wss" } else { "ws" };
    let request = format!("{scheme}://{}{}", target.authority(), target.path).into_client_request()?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(Limits::SESSION.bytes))
        .max_frame_size(Some(Limits::SESSION.bytes))
        .read_buffer_size(16 * 1024)
        // A peer that sends pings and reads no pong fills this, and no more.
        .write_buffer_size(16 * 1024)
        .max_write_buffer_size(LARGEST_UNSENT);
    #[cfg(feature = "tls-ring")]
    if target.tls {
        let connector = tokio_tungstenite::Connector::Rustls(tls()?);
        let upgraded =
            tokio_tungstenite::client_async_tls_with_config(request, tcp, Some(config), Some(connector))
                .await?;
        return Ok(upgraded.0);
    }
    let stream = MaybeTlsStream::Plain(tcp);
    Ok(tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?.0)
}

/// The ring provider and the system's roots, for this connection only: nothing process-global is installed.
#[cfg(feature = "tls-ring")]
fn tls() -> Result<std::sync::Arc<rustls::ClientConfig>, WsError> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| WsError::Io(std::io::Error::other(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(std::sync::Arc::new(config))
}

fn lost(text: String) -> DialFault {
    DialFault { input: Input::TransportDown(Cause::Lost), text, refusal: None }
}

/// A failed upgrade in words. A status says who answered: a gateway that drains, a proxy, a web page.
fn classify(error: &WsError) -> DialFault {
    let WsError::Http(response) = error else {
        return match error {
            WsError::Protocol(ProtocolError::HandshakeIncomplete) => {
                lost("the peer hung up before it answered the upgrade".to_owned())
            }
            WsError::Protocol(_) | WsError::Capacity(CapacityError::TooManyHeaders) => DialFault {
                input: Input::Violated,
                text: "the peer does not answer a WebSocket upgrade as HTTP/1.1 asks".to_owned(),
                refusal: None,
            },
            other => lost(format!("upgrading to WebSocket: {other}")),
        };
    };
    let status = response.status().as_u16();
    let body = response.body().as_deref().unwrap_or_default();
    let is = |words: &str| body.windows(words.len()).any(|window| window == words.as_bytes());
    let text = format!("the upgrade was answered with HTTP {status}");
    match status {
        503 => DialFault { input: Input::TransportDown(Cause::Restarting), text, refusal: None },
        403 if is("proxy_attribution_required") => refused(RefusalCode::ProxyAttributionRequired, text),
        403 => refused(RefusalCode::Forbidden, text),
        401 => refused(RefusalCode::AuthUnauthorized, text),
        500..=599 => lost(text),
        // A page, a redirect, a 404: something that is no gateway listens here.
        _ => DialFault { input: Input::Violated, text, refusal: None },
    }
}

fn refused(code: RefusalCode, text: String) -> DialFault {
    let refusal = Refusal::new(code, text.clone());
    let mut refused = Refused::from(&refusal);
    // Before a connect was sent, a refusal is about the way here, not about a credential.
    if refused.class == crate::refusal::RefusalClass::SharedSecret {
        refused.class = crate::refusal::RefusalClass::Other;
    }
    DialFault { input: Input::Refused(refused), text, refusal: Some(refusal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_secrets_in_them_refused_or_dropped() {
        let shown = |url: &str| Target::parse(url).map(|target| format!("{target:?}"));
        assert_eq!(shown("ws://127.0.0.1:18789").as_deref(), Ok("ws://127.0.0.1:18789/"));
        assert_eq!(shown("ws://h/a?token=canary#canary").as_deref(), Ok("ws://h:80/a"));
        assert_eq!(Target::parse("ws://[::1]:9/").map(|target| target.authority()).as_deref(), Ok("[::1]:9"));
        for url in ["", "http://h", "ws://canary@h", "ws://", "ws://h:99999", "ws://[::1", "ws://h\r\nx:1"] {
            let error = Target::parse(url).expect_err(url);
            assert!(!error.to_string().contains("canary"));
        }
    }

    #[test]
    fn only_loopback_is_here() {
        for url in
            ["ws://127.0.0.1", "ws://127.8.8.8", "ws://[::1]", "ws://LOCALHOST:1", "ws://[::ffff:127.0.0.1]"]
        {
            assert!(Target::parse(url).unwrap().is_here(), "{url}");
        }
        for url in [
            "ws://10.0.0.2",
            "ws://[::]",
            "ws://0.0.0.0",
            "ws://gateway",
            "ws://localhost.example",
            "ws://127.0.0.1.nip.io",
        ] {
            assert!(!Target::parse(url).unwrap().is_here(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_is_not_dialled() {
        let target = Target::parse("ws://localhost:1").unwrap();
        let fault = dial(target, Some("192.0.2.1:1".parse().unwrap()), true).await.unwrap_err();
        assert!(fault.text.contains("a token does not go there in plain text"), "{}", fault.text);
    }
}
