//! The driver: a socket, a timer and a signer, following the machine.
//!
//! [`Client::connect`] runs until there is a session or a final phase; [`Connecting`] does the same step by step.
//! Nothing is spawned, nothing is global: dropping a future stops it.

mod connecting;
mod dial;
mod mask;
mod session;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;

use crate::identity::DeviceSigner;
use crate::machine::{Credentials, Pairing};
use crate::output::CredentialKind;
use crate::phase::Phase;
use crate::policy::{Policy, PolicyError};
use crate::refusal::Refusal;
use crate::scope::ScopeSet;
use crate::version::Version;
use crate::wire::{ClientInfo, ConnectParams, PayloadVersion, Role};

use mask::Mask;

pub use connecting::{Connecting, Progress};
pub use session::{DecideError, RequestError, Session, SessionEnd};

/// A client of one gateway.
///
/// ```no_run
/// # async fn example(key: std::sync::Arc<dyn openclaw_pairing::DeviceSigner>) -> Result<(), openclaw_pairing::client::ClientError> {
/// use openclaw_pairing::client::{Client, Outcome};
/// use openclaw_pairing::secrecy::SecretString;
/// use openclaw_pairing::{Scope, ScopeSet};
///
/// let client = Client::new("ws://127.0.0.1:18789")?
///     .shared_token(SecretString::from("the shared token"))
///     .signer(key)
///     .scopes(ScopeSet::from([Scope::Read, Scope::Pairing]));
/// match client.connect().await? {
///     Outcome::Session(session) => println!("granted: {}", session.hello().scopes),
///     Outcome::Stopped(stopped) => println!("{stopped}"),
///     _ => unreachable!("a session or a final phase"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    target: dial::Target,
    address: Option<SocketAddr>,
    info: ClientInfo,
    role: Role,
    scopes: ScopeSet,
    policy: Policy,
    signer: Option<Arc<dyn DeviceSigner>>,
    form: PayloadVersion,
    shared: Option<SecretString>,
    device_token: Option<SecretString>,
    bootstrap: Option<SecretString>,
    /// Device tokens that were replaced: whoever knew them may still say them.
    replaced: Vec<SecretString>,
    plaintext: bool,
}

/// The most replaced device tokens that are remembered.
const MOST_REPLACED: usize = 8;

/// The caller's arguments cannot be used. Anything that the gateway or the network does is an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is not a WebSocket URL. It is not quoted: it may hold a token.
    #[error("not a gateway URL: {reason}; expected ws://host:port or wss://host:port")]
    Url {
        /// What is wrong.
        reason: &'static str,
    },
    /// `wss://` without TLS compiled in.
    #[error("wss:// needs the feature `tls-ring` of openclaw-pairing")]
    TlsNotCompiled,
    /// A token would go where others can read it, and nobody said that this is meant.
    #[error(
        "the token would go to {to} over ws://, where everyone on the way can read it: use wss://, or reach the gateway on \
         loopback (ssh -L 18789:127.0.0.1:18789 HOST), or allow it with allow_plaintext_token"
    )]
    PlaintextToken {
        /// The host and port that the token would have gone to.
        to: String,
    },
    /// The policy makes no sense.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// How a connection ended up.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// A session; look at its scopes.
    Session(Box<Session>),
    /// A final phase.
    Stopped(Stopped),
}

/// Why there is no session. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stopped {
    /// The final phase.
    pub phase: Phase,
    /// The latest refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// What was last seen of the transport: an error, a status, a close code with its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// The highest phase that was reached before.
    pub reached: Phase,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.phase.doc())?;
        if let Some(refusal) = &self.refusal {
            write!(f, " ({} {})", refusal.code.name(), refusal.message)?;
        } else if let Some(transport) = &self.transport {
            write!(f, " ({transport})")?;
        }
        Ok(())
    }
}

impl Client {
    /// A client for this URL: no credential, no device, no scopes yet.
    ///
    /// # Errors
    /// [`ClientError::Url`] for anything but `ws://` and `wss://`; [`ClientError::TlsNotCompiled`] for `wss://`
    /// without the feature `tls-ring`.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Ok(Self {
            target: dial::Target::parse(url)?,
            address: None,
            info: ClientInfo::cli(env!("CARGO_PKG_VERSION"), std::env::consts::OS),
            role: Role::Operator,
            scopes: ScopeSet::EMPTY,
            policy: Policy::default(),
            signer: None,
            form: PayloadVersion::default(),
            shared: None,
            device_token: None,
            bootstrap: None,
            replaced: Vec::new(),
            plaintext: false,
        })
    }

    /// Dials this address instead of resolving the URL's host; the URL still names the host to the gateway.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The token that gateway and clients share.
    #[must_use]
    pub fn shared_token(mut self, token: SecretString) -> Self {
        self.shared = Some(token);
        self
    }

    /// The device's own token from an earlier hello; preferred over the shared one.
    #[must_use]
    pub fn device_token(mut self, token: SecretString) -> Self {
        self.device_token = Some(token);
        self
    }

    /// A one-time setup code.
    #[must_use]
    pub fn bootstrap_token(mut self, token: SecretString) -> Self {
        self.bootstrap = Some(token);
        self
    }

    /// Sends tokens over `ws://` beyond loopback, too. Everyone on the way can read them there; without this, such a dial is
    /// refused before anything is sent.
    #[must_use]
    pub fn allow_plaintext_token(mut self) -> Self {
        self.plaintext = true;
        self
    }

    /// The device's key.
    #[must_use]
    pub fn signer(mut self, signer: Arc<dyn DeviceSigner>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The gateway's release, where it is known: the device then signs in a form that this release knows. Needed before 2026.2.26.
    #[must_use]
    pub fn gateway_release(mut self, release: Option<Version>) -> Self {
        self.form = PayloadVersion::of(release);
        self
    }

    /// The scopes to ask for. Ask for all that will be needed at once: asking for others later replaces the request.
    #[must_use]
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Who the client says it is. Keep platform and family for ever: they are pinned at approval.
    #[must_use]
    pub fn info(mut self, info: ClientInfo) -> Self {
        self.info = info;
        self
    }

    /// The role to ask for; a node asks for no scopes.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// How often and how long.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Starts connecting, step by step.
    ///
    /// # Errors
    /// [`ClientError::Policy`] if the policy makes no sense; [`ClientError::PlaintextToken`] if a token would leave this host
    /// over `ws://`.
    pub fn start(&self) -> Result<Connecting, ClientError> {
        let stays = self.address.map_or_else(|| self.target.is_here(), |address| dial::is_here(address.ip()));
        if self.keeps_tokens_here() && !stays {
            let to = self.address.map_or_else(|| self.target.authority(), |address| address.to_string());
            return Err(ClientError::PlaintextToken { to });
        }
        let credentials = Credentials {
            identity: self.signer.is_some(),
            device_token: self.device_token.is_some(),
            bootstrap: self.bootstrap.is_some(),
            shared: self.shared.is_some(),
        };
        let pairing = Pairing::new(self.policy, credentials, self.scopes)?;
        Ok(Connecting::start(self.clone(), pairing))
    }

    /// Connects until there is a session or a final phase, which the [`Policy`] says how long to wait for: by default about a
    /// minute for a gateway that refuses to be dialled, and half an hour for a person who must approve. [`Policy::once`] asks a
    /// single time; [`Client::start`] tells each step, the request that waits for its approval included.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket. A pairing request that the gateway already made stays pending there.
    ///
    /// # Errors
    /// As [`Client::start`].
    pub async fn connect(&self) -> Result<Outcome, ClientError> {
        let mut connecting = self.start()?;
        loop {
            match connecting.next().await {
                Progress::Session(session) => return Ok(Outcome::Session(session)),
                Progress::Stopped(stopped) => return Ok(Outcome::Stopped(stopped)),
                Progress::Phase(_) | Progress::Pending(_) => {}
            }
        }
    }

    fn params(&self) -> ConnectParams {
        let mut params = ConnectParams::operator(self.info.clone(), self.scopes);
        params.role = self.role;
        params
    }

    /// True if nothing may be dialled but loopback: there is a token, no TLS, and nobody said that this is meant.
    fn keeps_tokens_here(&self) -> bool {
        let tokens = [&self.shared, &self.device_token, &self.bootstrap];
        !self.target.tls && !self.plaintext && tokens.iter().any(|token| token.is_some())
    }

    /// Keeps another device token from now on, or none.
    fn replace_device_token(&mut self, token: Option<SecretString>) {
        if let Some(before) = std::mem::replace(&mut self.device_token, token) {
            self.replaced.push(before);
            let many = self.replaced.len().saturating_sub(MOST_REPLACED);
            self.replaced.drain(..many);
        }
    }

    /// What this client knows and its peer may not say again to anyone, and what else was just sent or given.
    fn mask<'s>(&'s self, more: impl IntoIterator<Item = &'s SecretString>) -> Mask {
        let tokens = [&self.shared, &self.device_token, &self.bootstrap].into_iter().flatten();
        Mask::of(tokens.chain(&self.replaced).chain(more))
    }

    fn secret(&self, kind: CredentialKind) -> Option<&SecretString> {
        match kind {
            CredentialKind::None => None,
            CredentialKind::DeviceToken => self.device_token.as_ref(),
            CredentialKind::Bootstrap => self.bootstrap.as_ref(),
            CredentialKind::Shared => self.shared.as_ref(),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("target", &self.target)
            .field("scopes", &self.scopes)
            .field("device", &self.signer.as_ref().map(|signer| signer.device_id().to_owned()))
            .finish_non_exhaustive()
    }
}
