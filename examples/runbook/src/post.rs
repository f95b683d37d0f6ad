//! A ticket sent to a webhook, for in-house tools that collect them.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};

/// Where tickets are sent. Its address is a secret: whoever knows that of a webhook can write to it.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: SecretString,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often it is tried before it is given up.
    pub attempts: u32,
    /// How long to wait before the second attempt; before each further one, twice as long.
    pub pause: Duration,
}

/// Why a ticket was not taken. None of the texts holds the address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The address is not that of a webhook.
    #[error("the address to post to {why}")]
    Address {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The webhook answered, and not that it took the ticket.
    #[error("the webhook answered {status}, {attempts} time(s)")]
    Refused {
        /// Its last answer.
        status: u16,
        /// How often it was asked.
        attempts: u32,
    },
    /// Nobody answered.
    #[error("the webhook could not be reached, {attempts} time(s)")]
    Unreachable {
        /// How often it was tried.
        attempts: u32,
        /// The last reason.
        #[source]
        source: reqwest::Error,
    },
}

impl Webhook {
    /// A webhook with 10 s for each of 3 attempts, a second apart at first.
    ///
    /// # Errors
    /// [`PostError::Address`] for what is not an `http://` or `https://` URL with a host, or where TLS was not built in.
    pub fn new(url: SecretString) -> Result<Self, PostError> {
        let parsed =
            Url::parse(url.expose_secret()).map_err(|_| PostError::Address { why: "is not a URL" })?;
        let why = match parsed.scheme() {
            "http" | "https" if parsed.host_str().is_none() => "names no host",
            "http" => "",
            "https" if cfg!(feature = "tls") => "",
            "https" => "begins with https://, and this program was built without the feature tls",
            _ => "does not begin with http:// or https://",
        };
        if !why.is_empty() {
            return Err(PostError::Address { why });
        }
        Ok(Self { url, timeout: Duration::from_secs(10), attempts: 3, pause: Duration::from_secs(1) })
    }

    /// Sends a JSON document. Tries again where nobody answers, and where the answer says to come later (429) or that the
    /// server is at fault (5xx); follows no redirect, and reads nothing of the answer but its status.
    ///
    /// # Errors
    /// [`PostError::Refused`] and [`PostError::Unreachable`], when the attempts are spent or another would not help.
    ///
    /// Dropping the future ends the attempt that is under way; the webhook may have taken the ticket all the same.
    pub async fn send(&self, document: &str) -> Result<(), PostError> {
        let unreachable = |attempts, error: reqwest::Error| PostError::Unreachable {
            attempts,
            source: error.without_url(),
        };
        let mut client = Client::builder().redirect(Policy::none()).timeout(self.timeout);
        // A proxy of the environment would read the address, where TLS does not hide it: one of loopback goes nowhere else.
        if self.url.expose_secret().starts_with("http:") {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| unreachable(0, error))?;
        let mut pause = self.pause;
        let mut attempt = 1;
        loop {
            let request = client
                .post(self.url.expose_secret())
                .header("content-type", "application/json")
                .body(document.to_owned());
            let failed = match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let status = answer.status();
                    let refused = PostError::Refused { status: status.as_u16(), attempts: attempt };
                    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
                        return Err(refused);
                    }
                    refused
                }
                Err(error) => unreachable(attempt, error),
            };
            if attempt >= self.attempts {
                return Err(failed);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
            attempt += 1;
        }
    }
}
