//! The CLI's device in the rehearsal: paired by openclaw-pairing, then used by openclaw-probe.

use std::net::SocketAddr;
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

/// What the CLI needs for its daily work, asked for at once: asking for more later replaces the request.
const WANTED: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Pairing];

/// A device key and the shared token it connects with.
#[derive(Clone)]
pub(super) struct Device {
    key: Arc<DeviceKey>,
    token: SecretString,
}

/// What was seen on the way from a refusal to a session.
pub(super) struct Paired {
    /// The refusal that asked for approval.
    pub(super) refusal: Refusal,
    /// The scopes that the owner approved.
    pub(super) approved: ScopeSet,
    /// The scopes of the session after it.
    pub(super) granted: ScopeSet,
}

/// Why there is no paired device.
#[derive(Debug, thiserror::Error)]
pub(super) enum PairingError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the owner could not approve")]
    Decide(#[from] DecideError),
    #[error("{who} got no session: {stopped}")]
    Stopped { who: &'static str, stopped: Stopped },
    #[error("the gateway let the new device in unseen, though it was told not to")]
    NotAsked,
}

impl Device {
    /// A device of this key.
    pub(super) fn new(seed: &[u8; 32], token: SecretString) -> Self {
        Self { key: Arc::new(DeviceKey::from_seed(seed)), token }
    }

    pub(super) fn id(&self) -> &str {
        self.key.device_id()
    }

    /// Connects, is told to wait, is approved by an owner inside the gateway's namespace, and connects again.
    pub(super) async fn pair(&self, door: SocketAddr) -> Result<Paired, PairingError> {
        let mut policy = Policy::default();
        // Nobody has to walk to a keyboard here.
        policy.poll = Duration::from_millis(200);
        let url = format!("ws://{door}");
        let client = Client::new(&url)?.shared_token(self.token.clone()).scopes(ScopeSet::from(WANTED));
        let mut connecting = client.signer(self.key.clone()).policy(policy).start()?;
        let mut seen = None;
        loop {
            match connecting.next().await {
                Progress::Pending(refusal) if seen.is_none() => {
                    let approved = self.approve(&url).await?;
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
                Progress::Stopped(stopped) => return Err(PairingError::Stopped { who: "the CLI", stopped }),
                _ => {}
            }
        }
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
            Outcome::Stopped(stopped) => Err(PairingError::Stopped { who: "the owner", stopped }),
            _ => Err(PairingError::NotAsked),
        }
    }

    /// The names of the scopes asked for.
    pub(super) fn wanted() -> impl Iterator<Item = &'static str> {
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
        let paired = device.pair(gateway.addr()).await.unwrap();
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
