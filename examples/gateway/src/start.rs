//! Bringing a gateway up, or refusing to, as the real one would.

use super::encoding::Ids;
use super::session::Door;
use super::state::{Policy, Shared, State};
use super::{Clock, Doors, Gateway, Limits, PairingState, Phase, Release, accept, is_blank, reset};
use secrecy::{ExposeSecret, SecretString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// `gateway.bind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bind {
    /// Reachable from everywhere; refuses to start without a token.
    #[default]
    Lan,
    /// Reachable inside its own network namespace only.
    Loopback,
}

/// The five root causes, each as the gateway shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootCause {
    /// Another source holds another token, and that one is enforced without a word.
    SilentOverride,
    /// The client's URL names its own loopback: the gateway is well, and nothing listens where the client dials.
    OwnLoopback,
    /// Nobody who could approve shares the gateway's namespace: no caller is local.
    PairingDeadlock,
    /// Bound to loopback behind a bridge: refused from other containers, reset through the published port.
    LoopbackBind,
    /// The state directory belongs to another user: the gateway does not start.
    UidDrift,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It refused, as the real one does, with this exit status and these lines.
    #[error("the gateway refused to start with exit status {exit_status}: {}", log.last().map_or("", String::as_str))]
    Refused {
        /// 78 keeps a service manager from trying again, 1 does not.
        exit_status: i32,
        /// What it printed.
        log: Vec<String>,
    },
    /// A port could not be opened.
    #[error("the gateway could not open its ports")]
    Ports(#[from] io::Error),
}

/// Tokens that the gateway takes for a mistake.
const PLACEHOLDERS: [&str; 4] = ["undefined", "null", "change-me-now", "change-me-to-a-long-random-token"];

/// How a [`Gateway`] is set up.
pub struct Builder {
    token: Option<SecretString>,
    bind: Bind,
    port: u16,
    container_peer: IpAddr,
    host_peer: IpAddr,
    phase: Phase,
    auto_approve_local: bool,
    allowed_origins: Vec<String>,
    limits: Limits,
    handshake: Duration,
    clock: Clock,
    seed: Option<u64>,
    state: PairingState,
    cause: Option<RootCause>,
    release: Release,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("bind", &self.bind)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            token: None,
            bind: Bind::Lan,
            port: 0,
            container_peer: IpAddr::V4(Ipv4Addr::new(172, 18, 0, 3)),
            host_peer: IpAddr::V4(Ipv4Addr::new(172, 18, 0, 1)),
            phase: Phase::Ready,
            auto_approve_local: true,
            allowed_origins: Vec::new(),
            limits: Limits::default(),
            handshake: Duration::from_secs(15),
            clock: Clock::system(),
            seed: None,
            state: PairingState::default(),
            cause: None,
            release: Release::default(),
        }
    }
}

impl Builder {
    /// `gateway.auth.token`. Without one, a gateway on loopback makes one up and any other refuses to start.
    #[must_use]
    pub fn token(mut self, token: SecretString) -> Self {
        self.token = Some(token);
        self
    }

    /// `gateway.bind`; `lan` unless said otherwise.
    #[must_use]
    pub fn bind(mut self, bind: Bind) -> Self {
        self.bind = bind;
        self
    }

    /// The port of [`Gateway::addr`]; any free one unless said otherwise.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The address that callers at [`Gateway::container_addr`] come from; 172.18.0.3 unless said otherwise.
    #[must_use]
    pub fn container_peer(mut self, address: IpAddr) -> Self {
        self.container_peer = address;
        self
    }

    /// The phase to start in; ready unless said otherwise.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// `gateway.nodes.pairing.autoApproveLocal`; true unless said otherwise.
    #[must_use]
    pub fn auto_approve_local(mut self, yes: bool) -> Self {
        self.auto_approve_local = yes;
        self
    }

    /// `gateway.controlUi.allowedOrigins`; seeded from the port when empty.
    #[must_use]
    pub fn allowed_origins(mut self, origins: Vec<String>) -> Self {
        self.allowed_origins = origins;
        self
    }

    /// `gateway.auth.rateLimit`.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a client may take to send its first frame; 15 seconds unless said otherwise.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake = timeout;
        self
    }

    /// The clock to live by; the system's unless said otherwise.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes every id, nonce and device token of this gateway repeatable.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Pairing state that an earlier gateway left behind.
    #[must_use]
    pub fn state(mut self, state: PairingState) -> Self {
        self.state = state;
        self
    }

    /// Misbehaves as the real gateway does under this cause.
    #[must_use]
    pub fn misbehave(mut self, cause: RootCause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Answers as this release does; as the newest unless said otherwise.
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// Opens the ports and starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// [`StartError::Refused`] where the real gateway refuses to start, [`StartError::Ports`] when a port is taken.
    pub async fn start(mut self) -> Result<Gateway, StartError> {
        let mut ids = Ids::new(self.seed);
        let mut log = vec![
            ("gateway", "loading configuration…".to_owned()),
            ("gateway", "resolving authentication…".to_owned()),
        ];
        let bind = if self.cause == Some(RootCause::LoopbackBind) { Bind::Loopback } else { self.bind };
        let token = self.resolve_token(bind, &mut ids, &mut log)?;
        log.push(("gateway", "starting...".to_owned()));
        log.push(("gateway", "starting HTTP server...".to_owned()));

        let local = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let container = Port::open()?;
        let published = Port::open()?;
        let doors =
            Doors { local: local.local_addr()?, container: container.address, published: published.address };
        if self.allowed_origins.is_empty() {
            let port = doors.local.port();
            self.allowed_origins =
                vec![format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")];
        }
        if bind == Bind::Lan {
            log.push((
                "gateway",
                "⚠️  Gateway is binding to a non-loopback address. Ensure authentication is configured before exposing to \
                 public networks."
                    .to_owned(),
            ));
        }
        log.push(("gateway", "http server listening (0 plugins; 0.1s)".to_owned()));

        let policy =
            Policy { auto_approve_local: self.auto_approve_local, allowed_origins: self.allowed_origins };
        let mut state = State::new(self.release, token, policy, self.limits, self.clock, ids, self.state);
        for (subsystem, text) in log {
            state.log(subsystem, &text);
        }
        if self.phase == Phase::Ready {
            state.log("gateway", "ready");
        }
        state.phase = self.phase;
        let shared = Shared::new(state);
        let door = |presented| Door { shared: shared.clone(), presented, handshake: self.handshake };
        // In the deadlock even the door inside leads to somebody else's namespace.
        let inside = (self.cause == Some(RootCause::PairingDeadlock)).then_some(self.container_peer);
        let mut accepting = vec![tokio::spawn(accept(local, door(inside)))];
        match bind {
            Bind::Loopback => {
                accepting.push(tokio::spawn(container.refuse()));
                accepting.push(tokio::spawn(reset(published.listen()?)));
            }
            Bind::Lan => {
                accepting.push(match self.cause {
                    Some(RootCause::OwnLoopback) => tokio::spawn(container.refuse()),
                    _ => tokio::spawn(accept(container.listen()?, door(Some(self.container_peer)))),
                });
                accepting.push(tokio::spawn(accept(published.listen()?, door(Some(self.host_peer)))));
            }
        }
        Ok(Gateway { shared, doors, accepting })
    }

    fn resolve_token(
        &mut self,
        bind: Bind,
        ids: &mut Ids,
        log: &mut Vec<(&'static str, String)>,
    ) -> Result<SecretString, StartError> {
        let refuse = |exit_status, lines: &[&str]| {
            Err(StartError::Refused { exit_status, log: lines.iter().map(ToString::to_string).collect() })
        };
        if self.cause == Some(RootCause::UidDrift) {
            return refuse(
                78,
                &[
                    "EACCES: permission denied, mkdir '/home/node/.openclaw/state'",
                    "[gateway] requires state migration.",
                    "Gateway failed to start: gateway.maintenance_required | EACCES.",
                ],
            );
        }
        if self.cause == Some(RootCause::SilentOverride) {
            return Ok(ids.runtime_token().into());
        }
        match self.token.take().filter(|token| !is_blank(token)) {
            Some(token) if PLACEHOLDERS.contains(&token.expose_secret().trim()) => refuse(
                1,
                &[
                    "Gateway failed to start: Invalid config: gateway auth token is blank, a published example placeholder, or \
                   the literal string undefined/null.",
                ],
            ),
            Some(token) => Ok(token),
            None if bind == Bind::Lan => refuse(78, &["Refusing to bind gateway to lan without auth."]),
            None => {
                log.push((
                    "gateway",
                    "auth token was missing. Generated a runtime token for this startup without changing config; restart \
                     will generate a different token."
                        .to_owned(),
                ));
                Ok(ids.runtime_token().into())
            }
        }
    }
}

/// A port that is taken but not yet listened on: whoever dials it is refused.
struct Port {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Port {
    fn open() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(128)
    }

    /// Holds the port without listening.
    async fn refuse(self) {
        let _held = self.socket;
        std::future::pending::<()>().await;
    }
}
