//! The pairing driver against the embedded gateway: clients, devices, and what may stand between them and the gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use openclaw_embedded_gateway::Gateway;
use openclaw_pairing::client::{Client, Outcome, Session, Stopped};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::refusal::RefusalCode;
use openclaw_pairing::wire::ClientInfo;
use openclaw_pairing::{DeviceSigner, Policy, Scope, ScopeSet};
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{accept_async, client_async};

pub(crate) const TOKEN: &str = "test-token-refusals";

pub(crate) async fn gateway() -> Gateway {
    Gateway::builder().token(TOKEN.to_owned().into()).start().await.expect("the gateway starts")
}

pub(crate) fn quick() -> Policy {
    let mut policy = Policy::once();
    policy.backoff_min = Duration::from_millis(5);
    policy.backoff_max = Duration::from_millis(20);
    policy.warmup = Duration::from_millis(5);
    policy.poll = Duration::from_millis(20);
    policy
}

pub(crate) fn key(seed: u8) -> Arc<DeviceKey> {
    Arc::new(DeviceKey::from_seed(&[seed; 32]))
}

/// A client inside the gateway's namespace, without credential or device.
pub(crate) fn local(gateway: &Gateway) -> Client {
    client(&gateway.url())
}

/// A client in another container.
pub(crate) fn remote(gateway: &Gateway) -> Client {
    client(&gateway.container_url())
}

pub(crate) fn client(url: &str) -> Client {
    Client::new(url).expect("a URL").policy(quick()).scopes(read())
}

pub(crate) fn token() -> SecretString {
    TOKEN.to_owned().into()
}

pub(crate) fn read() -> ScopeSet {
    ScopeSet::from([Scope::Read])
}

pub(crate) fn everything() -> ScopeSet {
    ScopeSet::from([Scope::Read, Scope::Write, Scope::Admin, Scope::Pairing])
}

pub(crate) async fn stopped(client: Client) -> Stopped {
    match client.connect().await.expect("a policy") {
        Outcome::Stopped(stopped) => stopped,
        other => panic!("a session: {other:?}"),
    }
}

pub(crate) async fn session(client: Client) -> Box<Session> {
    match client.connect().await.expect("a policy") {
        Outcome::Session(session) => session,
        other => panic!("no session: {other:?}"),
    }
}

pub(crate) fn code(stopped: &Stopped) -> RefusalCode {
    stopped.refusal.as_ref().expect("a refusal").code.clone()
}

pub(crate) fn node() -> ClientInfo {
    called("node-host", "node")
}

/// A device that was approved for reading, with its token.
pub(crate) async fn approved(gateway: &Gateway, seed: u8) -> (Arc<DeviceKey>, SecretString) {
    let device = key(seed);
    let wish = remote(gateway).signer(device.clone()).shared_token(token());
    stopped(wish.clone()).await;
    let mut approver = approver(gateway).await;
    approver.approve(device.device_id(), read()).await.expect("approved");
    let session = session(wish).await;
    (device, session.device_token().expect("a device token").clone())
}

pub(crate) async fn approver(gateway: &Gateway) -> Box<Session> {
    session(local(gateway).shared_token(token()).scopes(everything())).await
}

/// Waits until the gateway has logged these words so often.
pub(crate) async fn logged(gateway: &Gateway, words: &str, times: usize) {
    let enough = async {
        while gateway.log().iter().filter(|line| line.contains(words)).count() < times {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), enough).await.expect("it is logged");
}

pub(crate) fn wrong() -> SecretString {
    "test-token-wrong".to_owned().into()
}

pub(crate) fn called(id: &str, mode: &str) -> ClientInfo {
    let mut info = ClientInfo::cli("0.1.0", "linux");
    (info.id, info.mode) = (id.to_owned(), mode.to_owned());
    info
}

/// One frame made into another.
pub(crate) type Edit = fn(&str) -> String;

/// What stands between a client and one of the gateway's doors: it rewrites the client's first frame, may add an origin or
/// name another host as a browser does, and hands everything else on. A frame made into nothing is not sent.
#[derive(Clone, Copy)]
pub(crate) struct Between {
    origin: Option<&'static str>,
    host: Option<&'static str>,
    edit: Edit,
}

impl Between {
    /// Rewrites the first frame.
    pub(crate) fn editing(edit: Edit) -> Self {
        Self { origin: None, host: None, edit }
    }

    /// Leaves frames as they are.
    pub(crate) fn plain() -> Self {
        Self::editing(str::to_owned)
    }

    pub(crate) fn origin(self, origin: &'static str) -> Self {
        Self { origin: Some(origin), ..self }
    }

    pub(crate) fn host(self, host: &'static str) -> Self {
        Self { host: Some(host), ..self }
    }

    /// A browser that opened the page at this address: it names it as origin and as host.
    pub(crate) fn browser(page: &'static str) -> Self {
        let (_, host) = page.split_once("//").expect("a scheme");
        Self::plain().origin(page).host(host)
    }

    /// Where a client dials it.
    pub(crate) async fn url(self, gateway: &Gateway) -> String {
        self.before(gateway.addr()).await
    }

    /// The same before another door.
    pub(crate) async fn before(self, gateway: SocketAddr) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.carry(stream, gateway));
            }
        });
        url
    }

    async fn carry(self, stream: TcpStream, gateway: SocketAddr) -> Option<()> {
        let mut client = accept_async(stream).await.ok()?;
        let mut request = format!("ws://{gateway}/").into_client_request().ok()?;
        for (name, value) in [("origin", self.origin), ("host", self.host)] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.parse().ok()?);
            }
        }
        let (mut gateway, _) = client_async(request, TcpStream::connect(gateway).await.ok()?).await.ok()?;
        client.send(gateway.next().await?.ok()?).await.ok()?;
        let connect = client.next().await?.ok()?;
        let edited = (self.edit)(connect.to_text().ok()?);
        if !edited.is_empty() {
            gateway.send(Message::text(edited)).await.ok()?;
        }
        while let Some(Ok(answer)) = gateway.next().await {
            client.send(answer).await.ok()?;
        }
        // Hanging up with something unread would take the answer back.
        while let Some(Ok(_)) = client.next().await {}
        Some(())
    }
}

/// The frame with another value at `pointer`.
pub(crate) fn with(frame: &str, pointer: &str, value: Value) -> String {
    let mut frame: Value = serde_json::from_str(frame).expect("JSON");
    *frame.pointer_mut(pointer).expect("a field") = value;
    frame.to_string()
}
