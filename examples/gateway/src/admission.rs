//! May this client come in, and with which scopes? The steps run in the order in which the gateway runs them, because the
//! first refusal is the one the client sees. OpenClaw 2026.9.6 observed behaviour.

use super::connect::Connect;
use super::lockout::{Credential, Guesser};
use super::origin;
use super::pairing::TokenFlaw;
use super::proof::{self, Payload};
use super::records::Token;
use super::refusal::Rejection;
use super::state::{Phase, Session, State};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A node may also speak the protocol before the gateway's own, a probe any range that touches the two.
const PROBE_PROTOCOL: u64 = 3;

/// The build that a web interface must match.
pub(super) const BUILD_ID: &str = "2026.9.6-embedded";

/// The connection as the gateway sees it, before the first frame.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) id: String,
    /// As presented: a bridge door names another address than the socket does.
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    /// A peer on loopback without forwarded headers; no header can change that.
    pub(super) is_local: bool,
    pub(super) host: String,
    pub(super) origin: Option<String>,
    pub(super) user_agent: Option<String>,
    /// `x-openclaw-scopes`, which can only take away.
    pub(super) scope_cap: Option<Vec<String>>,
    pub(super) nonce: String,
    pub(super) opened_at: u64,
}

/// An admitted client.
pub(super) struct Admitted {
    pub(super) session: Session,
    pub(super) method: &'static str,
    pub(super) device_token: Option<Token>,
}

/// A verdict, and how long its delivery waits.
pub(super) struct Admission {
    pub(super) outcome: Result<Admitted, Box<Rejection>>,
    pub(super) delay: Duration,
    /// How far the attempt came, for the log line.
    pub(super) reached: &'static str,
}

/// Decides one `connect`.
pub(super) fn decide(state: &mut State, caller: &Caller, connect: &mut Connect) -> Admission {
    let mut attempt = Attempt { state, caller, delay: Duration::ZERO, reached: "ws_upgrade_started" };
    let outcome = attempt.run(connect);
    let (delay, reached) = (attempt.delay, attempt.reached);
    Admission { outcome, delay, reached }
}

pub(super) struct Attempt<'a> {
    pub(super) state: &'a mut State,
    pub(super) caller: &'a Caller,
    delay: Duration,
    reached: &'static str,
}

/// The verdict on the shared secret.
struct SharedAuth {
    /// Matches, lock or no lock.
    matches: bool,
    failure: Option<AuthFailure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuthFailure {
    TokenMissing,
    TokenMismatch,
    DeviceTokenMismatch,
    ScopeMismatch,
    /// How long to wait, in milliseconds, where it is told.
    RateLimited(Option<u64>),
}

impl Attempt<'_> {
    fn run(&mut self, connect: &mut Connect) -> Result<Admitted, Box<Rejection>> {
        self.started()?;
        speaks(connect, self.state.release.protocol())?;
        role(connect)?;
        self.origin(connect)?;
        if connect.auth.sent_anything() || connect.device.is_some() {
            self.reached = "auth_credentials_received";
        }
        let shared = self.shared_secret(connect);
        self.missing_device(connect, &shared)?;
        let payload = self.device_proof(connect, &shared)?;
        let method = self.credentials(connect, &shared)?;
        self.reached = "auth_validated";
        let device_token = match (connect.device.clone(), payload) {
            (Some(device), Some(payload)) => {
                self.pairing(connect, &device, payload, method, shared.matches)?
            }
            _ => None,
        };
        self.build(connect)?;
        if let Some(cap) = &self.caller.scope_cap {
            connect.scopes.retain(|scope| cap.contains(scope));
        }
        let session = Session {
            role: connect.role.clone(),
            scopes: connect.scopes.clone(),
            device_id: connect.device.as_ref().map(|device| device.id.clone()),
            by_shared_secret: method == "token",
            by_device_token: method == "device-token",
        };
        Ok(Admitted { session, method, device_token })
    }

    fn started(&self) -> Result<(), Box<Rejection>> {
        match self.state.phase {
            Phase::Starting => Err(Rejection::new(
                "UNAVAILABLE",
                "gateway starting; retry shortly",
                1013,
                "startup-sidecars-pending",
            )
            .retry_after(500)
            .detail("reason", "startup-sidecars")
            .closing_with("gateway starting")),
            Phase::Ready | Phase::Draining => Ok(()),
        }
    }

    fn origin(&self, connect: &Connect) -> Result<(), Box<Rejection>> {
        let origin = self.caller.origin.as_deref();
        if origin.is_none() && !connect.client.needs_origin() {
            return Ok(());
        }
        origin::check(origin, &self.caller.host, self.caller.is_local, &self.state.policy.allowed_origins)
            .map_err(|reason| {
                Rejection::invalid(
                    "origin not allowed (open the Control UI from the gateway host or allow it in \
                 gateway.controlUi.allowedOrigins)",
                    "origin-mismatch",
                )
                .detail("code", "CONTROL_UI_ORIGIN_NOT_ALLOWED")
                .detail("reason", reason)
                .fact("origin", origin.unwrap_or("n/a"))
                .fact("host", &self.caller.host)
                .fact("reason", reason)
            })
    }

    /// Evaluates the shared secret. A failure is counted at once only where no device token could still let the client in.
    fn shared_secret(&mut self, connect: &Connect) -> SharedAuth {
        let Some(offered) = connect.auth.shared_secret() else {
            return SharedAuth { matches: false, failure: Some(AuthFailure::TokenMissing) };
        };
        let matches = self.state.is_shared_secret(offered);
        let (guesser, now) = (self.guesser(), self.state.now());
        if let Some(ms) = self.state.lockout.locked(Credential::SharedSecret, &guesser, now) {
            return SharedAuth { matches, failure: Some(AuthFailure::RateLimited(Some(ms))) };
        }
        if matches {
            self.state.lockout.succeed(Credential::SharedSecret, &guesser);
            return SharedAuth { matches, failure: None };
        }
        if !could_use_device_token(connect) {
            self.delay = self.state.lockout.fail(Credential::SharedSecret, &guesser, now);
        }
        SharedAuth { matches, failure: Some(AuthFailure::TokenMismatch) }
    }

    /// Without a device only a shared secret lets an operator in, and then only a local CLI or backend keeps its scopes.
    fn missing_device(&mut self, connect: &mut Connect, shared: &SharedAuth) -> Result<(), Box<Rejection>> {
        if connect.device.is_some() {
            return Ok(());
        }
        let keeps_scopes = self.caller.is_local
            && self.caller.origin.is_none()
            && shared.matches
            && (connect.client.is_backend()
                || connect.client.is_cli() && self.state.release.trusts_local_cli());
        if !keeps_scopes {
            connect.scopes.clear();
        }
        if connect.client.is_operator_ui() {
            return Err(Rejection::invalid(
                "control ui requires device identity (use HTTPS or localhost secure context)",
                "control-ui-insecure-auth",
            )
            .detail("code", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED")
            .fact("insecureAuthConfigured", "false"));
        }
        if connect.role == "operator" && shared.matches {
            return Ok(());
        }
        match shared.failure {
            Some(failure) if connect.auth.sent_shared_secret() => Err(self.unauthorized(connect, failure)),
            _ => Err(Rejection::new("NOT_PAIRED", "device identity required", 1008, "device-required")
                .detail("code", "DEVICE_IDENTITY_REQUIRED")),
        }
    }

    fn device_proof(
        &mut self,
        connect: &Connect,
        shared: &SharedAuth,
    ) -> Result<Option<Payload>, Box<Rejection>> {
        let Some(device) = &connect.device else { return Ok(None) };
        let now = self.state.now();
        proof::verify(connect, device, &self.caller.nonce, now).map(Some).map_err(|flaw| {
            self.count_deferred(connect, shared);
            let (code, reason, message) = flaw.words();
            Rejection::invalid(message, "device-auth-invalid")
                .detail("code", code)
                .detail("reason", reason)
                .fact("reason", reason)
                .fact("client", &connect.client.id)
                .fact("deviceId", &device.id)
        })
    }

    /// The shared secret, or else a device token.
    fn credentials(
        &mut self,
        connect: &Connect,
        shared: &SharedAuth,
    ) -> Result<&'static str, Box<Rejection>> {
        let Some(failure) = shared.failure else { return Ok("token") };
        let (Some(device), Some(candidate)) = (&connect.device, connect.auth.device_token_candidate()) else {
            return Err(self.unauthorized(connect, failure));
        };
        let (guesser, now) = (self.guesser(), self.state.now());
        let failure = if let Some(ms) = self.state.lockout.locked(Credential::DeviceToken, &guesser, now) {
            AuthFailure::RateLimited(Some(ms))
        } else {
            let generation = self.state.generation;
            match self.state.pairing.check_token(
                &device.id,
                &connect.role,
                candidate,
                &connect.scopes,
                generation,
                now,
            ) {
                Ok(()) => {
                    self.state.lockout.succeed(Credential::DeviceToken, &guesser);
                    return Ok("device-token");
                }
                Err(flaw) => {
                    self.state.lockout.fail(Credential::DeviceToken, &guesser, now);
                    match flaw {
                        TokenFlaw::Scope => AuthFailure::ScopeMismatch,
                        TokenFlaw::Mismatch if connect.auth.explicit_device_token().is_some() => {
                            AuthFailure::DeviceTokenMismatch
                        }
                        // The shared token was tried as the device's own, and its failure is told without the wait.
                        TokenFlaw::Mismatch => match failure {
                            AuthFailure::RateLimited(_) => AuthFailure::RateLimited(None),
                            other => other,
                        },
                    }
                }
            }
        };
        self.count_deferred(connect, shared);
        Err(self.unauthorized(connect, failure))
    }

    /// Counts a wrong shared secret whose verdict had waited for a device token.
    fn count_deferred(&mut self, connect: &Connect, shared: &SharedAuth) {
        if shared.failure == Some(AuthFailure::TokenMismatch) && could_use_device_token(connect) {
            let (guesser, now) = (self.guesser(), self.state.now());
            self.delay = self.state.lockout.fail(Credential::SharedSecret, &guesser, now);
        }
    }

    /// A web interface of another build is told to reload, after its pairing has been settled.
    fn build(&mut self, connect: &Connect) -> Result<(), Box<Rejection>> {
        let client = &connect.client;
        let current = client.id != "openclaw-control-ui"
            || matches!(client.build_id.as_deref(), Some("dev" | BUILD_ID))
            || !self.caller.origin.as_deref().is_some_and(|origin| origin.ends_with(&self.caller.host));
        if current {
            return Ok(());
        }
        let conn = &self.caller.id;
        let line = format!(
            "control ui build rejected conn={conn} clientBuild=legacy gatewayBuild={BUILD_ID}; reload required"
        );
        self.state.log("ws", &line);
        Err(Rejection::new(
            "UNAVAILABLE",
            "protocol mismatch: Control UI updated; reload this page to continue",
            1008,
            "control-ui-build-mismatch",
        )
        .not_retryable()
        .detail("code", "PROTOCOL_MISMATCH")
        .detail("gatewayBuildId", BUILD_ID)
        .detail("reloadRequired", true))
    }

    fn unauthorized(&mut self, connect: &Connect, failure: AuthFailure) -> Box<Rejection> {
        let hint = if connect.client.mode == "cli" {
            if self.caller.is_local {
                "use this gateway's gateway.auth.token or pair the device"
            } else {
                "set gateway.remote.token to match gateway.auth.token"
            }
        } else if connect.client.is_operator_ui() || connect.client.is_webchat() {
            if failure == AuthFailure::TokenMissing {
                "paste in Control UI settings or openclaw doctor --generate-gateway-token; restart"
            } else {
                "open the dashboard URL and paste the token in Control UI settings"
            }
        } else {
            "provide gateway auth token"
        };
        let retry = failure == AuthFailure::TokenMismatch
            && connect.device.is_some()
            && connect.auth.kind() == "token"
            && connect.auth.explicit_device_token().is_none();
        let (code, reason, message, next) = match failure {
            AuthFailure::TokenMissing => (
                "AUTH_TOKEN_MISSING",
                "token_missing",
                format!("unauthorized: gateway token missing ({hint})"),
                "update_auth_configuration",
            ),
            AuthFailure::TokenMismatch => (
                "AUTH_TOKEN_MISMATCH",
                "token_mismatch",
                format!("unauthorized: gateway token mismatch ({hint})"),
                if retry { "retry_with_device_token" } else { "update_auth_credentials" },
            ),
            AuthFailure::DeviceTokenMismatch => (
                "AUTH_DEVICE_TOKEN_MISMATCH",
                "device_token_mismatch",
                "unauthorized: device token mismatch (rotate/reissue device token)".into(),
                "update_auth_credentials",
            ),
            AuthFailure::ScopeMismatch => (
                "AUTH_SCOPE_MISMATCH",
                "scope_mismatch",
                "unauthorized: device token scope mismatch (re-pair or approve scope upgrade)".into(),
                "review_auth_configuration",
            ),
            AuthFailure::RateLimited(_) => (
                "AUTH_RATE_LIMITED",
                "rate_limited",
                "unauthorized: too many failed authentication attempts (retry later)".into(),
                "wait_then_retry",
            ),
        };
        self.log_unauthorized(connect, reason, &message);
        let refusal = Rejection::invalid(message, "unauthorized")
            .detail("code", code)
            .detail("authReason", reason)
            .detail("canRetryWithDeviceToken", retry)
            .detail("recommendedNextStep", next)
            .fact("authMode", "token")
            .fact("authProvided", connect.auth.kind())
            .fact("authReason", reason)
            .fact("allowTailscale", "false")
            .fact("peer", format!("{}->{}", self.caller.peer, self.caller.local))
            .fact("role", &connect.role)
            .fact("scopeCount", connect.scopes.len().to_string())
            .fact("hasDeviceIdentity", connect.device.is_some().to_string());
        match failure {
            AuthFailure::RateLimited(Some(ms)) if self.state.release.is_of_august() => {
                refusal.retry_after(ms)
            }
            _ => refusal,
        }
    }

    fn log_unauthorized(&mut self, connect: &Connect, reason: &str, guidance: &str) {
        let Caller { id, peer, local, host, origin, user_agent, .. } = self.caller;
        let client = &connect.client;
        let line = format!(
            "unauthorized conn={id} peer={peer}->{local} remote={} client={} {} v{} role={} scopes={} auth={} device={} \
             platform={} instance={} host={host} origin={} ua={} reason={reason} guidance={guidance}",
            peer.ip(),
            client.label(),
            client.mode,
            client.version,
            connect.role,
            connect.scopes.len(),
            connect.auth.kind(),
            if connect.device.is_some() { "yes" } else { "no" },
            client.platform,
            client.instance_id.as_deref().unwrap_or("n/a"),
            origin.as_deref().unwrap_or("n/a"),
            user_agent.as_deref().unwrap_or("n/a"),
        );
        self.state.log("ws", &line);
    }

    /// Whose failures are counted together.
    fn guesser(&self) -> Guesser {
        match &self.caller.origin {
            Some(origin) if self.caller.is_local => Guesser::Page(origin.to_lowercase()),
            _ => Guesser::Address(self.address()),
        }
    }

    pub(super) fn address(&self) -> IpAddr {
        self.caller.peer.ip()
    }

    /// Records name the address of remote callers only.
    pub(super) fn remote_ip(&self) -> Option<String> {
        (!self.caller.is_local).then(|| self.address().to_string())
    }
}

fn speaks(connect: &Connect, protocol: u64) -> Result<(), Box<Rejection>> {
    let (min, max) = (connect.min_protocol, connect.max_protocol);
    let current = min <= protocol && max >= protocol;
    let probe = connect.client.mode == "probe" && min <= protocol && max >= PROBE_PROTOCOL;
    let node =
        connect.role == "node" && connect.client.is_node() && min <= PROBE_PROTOCOL && max >= PROBE_PROTOCOL;
    if current || probe || node {
        return Ok(());
    }
    Err(Rejection::new("INVALID_REQUEST", "protocol mismatch", 1002, "protocol-mismatch")
        .detail("code", "PROTOCOL_MISMATCH")
        .detail("clientMinProtocol", min)
        .detail("clientMaxProtocol", max)
        .detail("expectedProtocol", protocol)
        .detail("minimumProbeProtocol", PROBE_PROTOCOL)
        .fact("minProtocol", min.to_string())
        .fact("maxProtocol", max.to_string())
        .fact("expectedProtocol", protocol.to_string())
        .fact("minimumProbeProtocol", PROBE_PROTOCOL.to_string()))
}

fn role(connect: &Connect) -> Result<(), Box<Rejection>> {
    if matches!(connect.role.as_str(), "operator" | "node") {
        return Ok(());
    }
    Err(Rejection::invalid("invalid role", "invalid-role").fact("role", &connect.role))
}

fn could_use_device_token(connect: &Connect) -> bool {
    connect.device.is_some() && connect.auth.device_token_candidate().is_some()
}
