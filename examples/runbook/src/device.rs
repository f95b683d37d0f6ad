//! A device of its own: paired by openclaw-pairing, then used by openclaw-probe to climb up to a session with scopes.

use std::sync::Arc;
use std::time::Duration;

use openclaw_pairing::client::{Client, ClientError, DecideError, Outcome, Progress, Stopped};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::refusal::Refusal;
use openclaw_pairing::wire::Proof;
use openclaw_pairing::wire::{self, ClientInfo, ConnectParams, connect_frame};
use openclaw_pairing::{CredentialKind, Decision, DeviceSigner, Policy, Scope, ScopeSet};
use openclaw_probe::{Answer, Authenticate, AuthenticateError, Challenge, DeviceUse, read_connect_answer};
use secrecy::SecretString;

use crate::interrupt;

/// What the CLI needs for its daily work, asked for at once: asking for more later replaces the request.
const WANTED: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Pairing];

/// A device key and the shared token it connects with.
#[derive(Clone, Debug)]
pub struct Device {
    key: Arc<DeviceKey>,
    token: SecretString,
}

/// What was seen on the way from a refusal to a session.
#[derive(Debug)]
pub struct Paired {
    /// The refusal that asked for approval.
    pub refusal: Refusal,
    /// The scopes that the owner approved.
    pub approved: ScopeSet,
    /// The scopes of the session after it.
    pub granted: ScopeSet,
}

/// Why there is no paired device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// The call was wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The owner was told so by the gateway.
    #[error("the owner could not approve")]
    Decide(#[from] DecideError),
    /// A connection came to its end.
    #[error("{who} got no session: {stopped}")]
    Stopped {
        /// The CLI or the owner.
        who: &'static str,
        /// Why.
        stopped: Box<Stopped>,
    },
    /// It was known before, or the gateway asks for no approval.
    #[error("the gateway let the device in without asking its owner")]
    NotAsked,
    /// The system gives no means to wait.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl Device {
    /// A device of this key.
    #[must_use]
    pub fn new(seed: &[u8; 32], token: SecretString) -> Self {
        Self { key: Arc::new(DeviceKey::from_seed(seed)), token }
    }

    /// Its id, which is that of its key.
    #[must_use]
    pub fn id(&self) -> &str {
        self.key.device_id()
    }

    /// Connects, is told to wait, is approved by an owner inside the gateway's namespace, and connects again.
    ///
    /// # Errors
    /// [`PairingError`], where it ends without a session.
    pub async fn pair(&self, url: &str) -> Result<Paired, PairingError> {
        let mut policy = Policy::default();
        // Nobody has to walk to a keyboard here.
        policy.poll = Duration::from_millis(200);
        let client = Client::new(url)?.shared_token(self.token.clone()).scopes(ScopeSet::from(WANTED));
        let mut connecting = client.signer(self.key.clone()).policy(policy).start()?;
        let mut seen = None;
        loop {
            match connecting.next().await {
                Progress::Pending(refusal) if seen.is_none() => {
                    let approved = self.approve(url).await?;
                    if let Some(id) = &refusal.request_id {
                        connecting.decided(id, Decision::Approved);
                    }
                    seen = Some((*refusal, approved));
                }
                Progress::Session(session) => {
                    let (refusal, approved) = seen.ok_or(PairingError::NotAsked)?;
                    let granted = session.hello().scopes;
                    session.close().await;
                    return Ok(Paired { refusal, approved, granted });
                }
                Progress::Stopped(stopped) => {
                    return Err(PairingError::Stopped { who: "the CLI", stopped: Box::new(stopped) });
                }
                _ => {}
            }
        }
    }

    /// The same for a caller without a runtime: it waits here.
    ///
    /// # Errors
    /// As [`Device::pair`].
    ///
    /// # Panics
    /// On a runtime, where one waits with `.await`.
    pub fn pair_blocking(&self, url: &str) -> Result<Paired, PairingError> {
        interrupt::wait(self.pair(url))?
    }

    /// The owner: the shared token, no device, inside the gateway's namespace.
    async fn approve(&self, url: &str) -> Result<ScopeSet, PairingError> {
        let owner = Client::new(url)?
            .shared_token(self.token.clone())
            .scopes(ScopeSet::from([Scope::Admin, Scope::Pairing]));
        match owner.connect().await? {
            Outcome::Session(mut session) => {
                let device = session.approve(self.id(), ScopeSet::from(WANTED)).await?;
                session.close().await;
                Ok(device.scopes)
            }
            Outcome::Stopped(stopped) => {
                Err(PairingError::Stopped { who: "the owner", stopped: Box::new(stopped) })
            }
            _ => Err(PairingError::NotAsked),
        }
    }

    /// The names of the scopes asked for.
    pub fn wanted() -> impl Iterator<Item = &'static str> {
        WANTED.into_iter().map(Scope::name)
    }
}

/// The id of the one request of a climb.
const REQUEST: &str = "probe-1";

/// The paired device climbs to the session: pairing makes the frame, probe reads the answer.
impl Authenticate for Device {
    fn device(&self) -> DeviceUse {
        DeviceUse::KnownPaired
    }

    fn secrets(&self) -> Vec<SecretString> {
        vec![self.token.clone()]
    }

    fn connect_frame(&self, challenge: &Challenge) -> Result<SecretString, AuthenticateError> {
        let cannot_sign = |reason: String| AuthenticateError::CannotSign { reason };
        let ts = challenge.ts.and_then(|ts| u64::try_from(ts).ok());
        let ts = ts.ok_or_else(|| cannot_sign("the challenge has no time".to_owned()))?;
        let challenge = wire::Challenge::new(&challenge.nonce, ts);
        let info = ClientInfo::cli(env!("CARGO_PKG_VERSION"), std::env::consts::OS);
        let params = ConnectParams::operator(info, ScopeSet::from(WANTED));
        let proof = Proof::sign(&*self.key, &params, Some(&self.token), &challenge)
            .map_err(|error| cannot_sign(error.reason))?;
        Ok(connect_frame(REQUEST, &params, CredentialKind::Shared, Some(&self.token), Some(&proof)))
    }

    fn read_answer(&self, frame: &str) -> Answer {
        read_connect_answer(frame, REQUEST)
    }
}

#[cfg(test)]
mod tests {
    use openclaw_probe::{Prober, Rung, Target};

    use super::*;
    use openclaw_embedded_gateway::Gateway;

    #[tokio::test]
    async fn a_new_device_is_refused_approved_and_climbs_to_a_session() {
        let token = SecretString::from("test-token-of-the-device-test");
        let gateway =
            Gateway::builder().token(token.clone()).auto_approve_local(false).start().await.unwrap();
        let device = Device::new(&[7; 32], token);
        let paired = device.pair(&gateway.url()).await.unwrap();
        assert!(paired.refusal.request_id.is_some());
        assert_eq!(paired.approved, ScopeSet::from(WANTED));
        assert_eq!(paired.granted, ScopeSet::from(WANTED));

        let prober = Prober::builder().authenticate(device).require_scopes(Device::wanted()).build().unwrap();
        let target: Target = gateway.url().parse().unwrap();
        let report = prober.climb(&target, Rung::Scope).await;
        assert!(report.is_good(), "{report}");
        gateway.stop().await;
    }
}
