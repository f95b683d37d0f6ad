//! The prober: its settings, and the two questions it answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::attempts::{AttemptPolicy, Attempts};
use crate::authenticate::Authenticate;
use crate::budget::Budget;
use crate::ladder::Climb;
use crate::mask::Mask;
use crate::report::{ProbeReport, RungResult};
use crate::rung::{Rung, tls};
use crate::target::Target;

/// Climbs ladders. Cheap to share behind an `Arc`; no connection is kept and no state is global.
pub struct Prober {
    pub(crate) budget: Budget,
    pub(crate) authenticator: Option<Arc<dyn Authenticate>>,
    pub(crate) required_scopes: Vec<String>,
    pub(crate) token_over_http: Option<SecretString>,
    pub(crate) plaintext_token: bool,
    pub(crate) attempts: Attempts,
    pub(crate) mask: Mask,
    pub(crate) pins: HashMap<String, Vec<IpAddr>>,
    pub(crate) tls: tls::TlsSetup,
}

impl Prober {
    /// A prober with the usual budget, no authenticator and the operating system's trusted roots.
    pub fn builder() -> ProberBuilder {
        ProberBuilder::default()
    }

    /// Climbs rung by rung up to `upto` and says how far it came. A failure is data, so this does not fail.
    ///
    /// Liveness goes over the connection that the TCP and TLS rungs opened; every later question opens its own, so that
    /// no warm connection hides a fault. All use the address that the TCP rung proved. Redirects are not followed and no proxy is used.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the open connection and leaves nothing behind; use
    /// [`climb_observed`](Self::climb_observed) to keep what was seen so far.
    pub async fn climb(&self, target: &Target, upto: Rung) -> ProbeReport {
        self.climb_within(target, upto, Duration::MAX).await
    }

    /// [`climb`](Self::climb) that takes no longer than `total`, or the prober's own budget where that is shorter. What was
    /// reached by then is in the report.
    pub async fn climb_within(&self, target: &Target, upto: Rung, total: Duration) -> ProbeReport {
        let budget = self.budget.at_most(total);
        let mut climb = Climb::start(self, target, upto, budget, |_: &RungResult| ());
        climb.run().await;
        climb.finish()
    }

    /// [`climb`](Self::climb) that shows each rung as it ends.
    pub async fn climb_observed(
        &self,
        target: &Target,
        upto: Rung,
        observe: impl FnMut(&RungResult) + Send,
    ) -> ProbeReport {
        let mut climb = Climb::start(self, target, upto, self.budget, observe);
        climb.run().await;
        climb.finish()
    }

    /// Asks one HTTP question, [`Rung::Liveness`], [`Rung::Startup`] or [`Rung::Readiness`], over the one connection
    /// that resolves, connects and, where the target wants it, speaks TLS. The cheapest useful probe, for fleets and
    /// health checks; judged by the same rules as [`climb`](Self::climb). Any other rung is climbed to instead. Where the
    /// endpoint is absent, liveness is asked too: only that tells an older gateway from any web server.
    ///
    /// # Cancel safety
    ///
    /// As [`climb`](Self::climb).
    pub async fn check(&self, target: &Target, question: Rung) -> ProbeReport {
        self.check_within(target, question, Duration::MAX).await
    }

    /// [`check`](Self::check) that takes no longer than `total`, or the prober's own budget where that is shorter. What
    /// was reached by then is in the report.
    pub async fn check_within(&self, target: &Target, question: Rung, total: Duration) -> ProbeReport {
        if !matches!(question, Rung::Liveness | Rung::Startup | Rung::Readiness) {
            return self.climb_within(target, question, total).await;
        }
        let budget = self.budget.at_most(total);
        let mut climb = Climb::start(self, target, question, budget, |_: &RungResult| ());
        climb.ask_once(question).await;
        climb.finish()
    }
}

/// Settings of a [`Prober`].
#[derive(Default)]
#[must_use]
pub struct ProberBuilder {
    budget: Budget,
    authenticator: Option<Arc<dyn Authenticate>>,
    required_scopes: Vec<String>,
    token_over_http: Option<SecretString>,
    plaintext_token: bool,
    attempts: AttemptPolicy,
    pins: HashMap<String, Vec<IpAddr>>,
    tls: tls::TlsOptions,
}

impl ProberBuilder {
    /// Time for the whole climb and for each rung.
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Who makes the connect frame and reads its answer. Without one the ladder ends at the challenge.
    pub fn authenticate(mut self, authenticator: impl Authenticate + 'static) -> Self {
        self.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// The scopes that the scope rung wants to see in the session.
    pub fn require_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Also compare this token with the gateway's over plain HTTP: `/startupz` gives its details to a remote caller
    /// only with the right one. Off by default, because a wrong token counts towards the gateway's lockout; it is
    /// charged to the same [attempts](Self::attempts). Nothing is sent to a loopback address, where it proves nothing.
    pub fn compare_token_over_http(mut self, token: SecretString) -> Self {
        self.token_over_http = Some(token);
        self
    }

    /// Sends the token over `ws` and `http` beyond loopback, too. Without this a rung that would do so is not attempted
    /// (`OC-H616`): everybody on the way could read the token. For a network that is the caller's alone, such as a bridge
    /// between containers; elsewhere `wss`, or a tunnel that begins on loopback. What counts is the address that is
    /// dialled, not the name that led to it.
    pub const fn allow_plaintext_token(mut self) -> Self {
        self.plaintext_token = true;
        self
    }

    /// How many refused authentications a target may cost.
    pub const fn attempts(mut self, policy: AttemptPolicy) -> Self {
        self.attempts = policy;
        self
    }

    /// Takes these addresses for a host name instead of asking the resolver, as `curl --resolve` does; none at all means
    /// that the name does not exist.
    pub fn pin(mut self, host: impl Into<String>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.pins.insert(host.into().to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// Trust these roots too: PEM, one or more certificates.
    #[cfg(feature = "__tls")]
    pub fn add_roots_pem(mut self, pem: &[u8]) -> Self {
        self.tls.extra_pem = pem.to_vec();
        self
    }

    /// Trust only the [added](Self::add_roots_pem) roots, not the operating system's.
    #[cfg(feature = "__tls")]
    pub const fn without_system_roots(mut self) -> Self {
        self.tls.system_roots = false;
        self
    }

    /// The prober.
    ///
    /// # Errors
    ///
    /// When the added roots hold no readable certificate.
    pub fn build(self) -> Result<Prober, BuildError> {
        let secrets = self.authenticator.iter().flat_map(|authenticator| authenticator.secrets());
        let mask = Mask::new(secrets.chain(self.token_over_http.clone()));
        Ok(Prober {
            mask,
            budget: self.budget,
            authenticator: self.authenticator,
            required_scopes: self.required_scopes,
            token_over_http: self.token_over_http,
            plaintext_token: self.plaintext_token,
            attempts: Attempts::new(self.attempts),
            pins: self.pins,
            tls: tls::TlsSetup::new(self.tls)?,
        })
    }
}

/// Why a prober cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The added roots are not PEM certificates.
    #[error("the added roots hold no readable certificate: {reason}")]
    Roots {
        /// What is wrong.
        reason: String,
    },
    /// The cryptographic provider cannot speak any TLS version.
    #[error("the TLS provider is unusable: {reason}")]
    Provider {
        /// What is wrong.
        reason: String,
    },
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober")
            .field("budget", &self.budget)
            .field("authenticates", &self.authenticator.is_some())
            .field("required_scopes", &self.required_scopes)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ProberBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProberBuilder").field("budget", &self.budget).finish_non_exhaustive()
    }
}
