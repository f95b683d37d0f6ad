//! The prober: its settings. The two questions it answers are in `ladder.rs`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;

use crate::attempts::{AttemptPolicy, Attempts};
use crate::authenticate::Authenticate;
use crate::budget::Budget;
use crate::mask::Mask;
use crate::stream::tls::{self, BuildError};

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
    hidden: Vec<SecretString>,
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

    /// Masks these, too, in whatever a peer says. What an authenticator or [`compare_token_over_http`] sends is masked
    /// anyway; this is for what the caller knows and sends nowhere. A report holds beginnings of long words, and of a secret
    /// that was cut in half no later search for the whole finds anything.
    ///
    /// [`compare_token_over_http`]: Self::compare_token_over_http
    pub fn hide(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.hidden.extend(secrets);
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
        let mask = Mask::new(secrets.chain(self.token_over_http.clone()).chain(self.hidden));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_masked_before_words_are_cut() {
        let prober =
            Prober::builder().hide([SecretString::from("canary-7c1f-token")]).build().expect("a prober");
        assert_eq!(prober.mask.line("is canary-7c1f-token or", 6), "is ***…");
    }
}
