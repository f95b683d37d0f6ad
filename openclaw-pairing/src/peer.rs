//! Whom a piece of evidence is about, by what it names.

use serde::Serialize;

use crate::devices::{PairedDevice, PendingRequest};

/// A client as a line, a row of a list or a text of its own names it. What was not named is `None`: a peer without any
/// name is nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Peer {
    /// Its device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The client's id on the wire, such as `cli` or `openclaw-control-ui`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The client's mode on the wire, such as `cli`, `webchat` or `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Its address as the gateway sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// What it called the gateway, as host and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The origin of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The product that its user agent begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The text that holds its own output, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// Clients that are pages.
const DASHBOARDS: &[&str] = &["openclaw-control-ui", "webchat-ui", "webchat", "openclaw-browser-copilot"];

impl Peer {
    /// True if nothing says who it is.
    pub fn is_nobody(&self) -> bool {
        *self == Self::default()
    }

    /// True if it is a page in a browser: by its client id or, where none is named, by its origin or user agent.
    pub fn is_dashboard(&self) -> bool {
        match &self.client {
            Some(client) => DASHBOARDS.contains(&client.as_str()),
            None => {
                let is_browser = |agent: &String| agent.starts_with("Mozilla/");
                self.origin.is_some() || self.user_agent.as_ref().is_some_and(is_browser)
            }
        }
    }

    /// True if the gateway sees it on its own loopback.
    pub fn is_on_loopback(&self) -> bool {
        let address = self.remote.as_ref().and_then(|remote| remote.parse::<std::net::IpAddr>().ok());
        address.is_some_and(|address| address.to_canonical().is_loopback())
    }

    /// Takes over what another observation of the same client names and this one does not.
    pub(crate) fn complete(&mut self, other: &Self) {
        let Self { device_id, client, mode, remote, host, origin, user_agent, output } = other;
        for (mine, theirs) in [
            (&mut self.device_id, device_id),
            (&mut self.client, client),
            (&mut self.mode, mode),
            (&mut self.remote, remote),
            (&mut self.host, host),
            (&mut self.origin, origin),
            (&mut self.user_agent, user_agent),
            (&mut self.output, output),
        ] {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }
}

fn named(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl From<&PendingRequest> for Peer {
    fn from(request: &PendingRequest) -> Self {
        Self {
            device_id: named(&request.device_id),
            client: named(&request.client_id),
            mode: named(&request.client_mode),
            remote: request.remote_ip.clone(),
            ..Self::default()
        }
    }
}

impl From<&PairedDevice> for Peer {
    fn from(device: &PairedDevice) -> Self {
        Self {
            device_id: named(&device.device_id),
            client: named(&device.client_id),
            mode: named(&device.client_mode),
            remote: device.remote_ip.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_id_and_without_one_by_what_only_browsers_send() {
        let peer = |client: Option<&str>, agent: Option<&str>| Peer {
            client: client.map(str::to_owned),
            user_agent: agent.map(str::to_owned),
            ..Peer::default()
        };
        assert!(peer(Some("openclaw-control-ui"), None).is_dashboard());
        assert!(peer(None, Some("Mozilla/5.0")).is_dashboard());
        assert!(!peer(Some("openclaw-macos"), Some("OpenClaw/1")).is_dashboard());
        assert!(!peer(None, Some("Uptime-Kuma/2.0")).is_dashboard());
        assert!(peer(None, None).is_nobody());
    }
}
