//! The host that a stack runs on, by what was recorded of it: never by where this program runs, nor by where the files lie
//! that it reads, which may be a copy on somebody else's computer.

use std::fmt;
use std::str::FromStr;

use super::engine::Engine;
use super::owners::Listing;

/// What kind of host a stack runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "containers run on the host or in a machine of its own")]
pub enum Host {
    /// Containers run on it directly.
    Linux,
    /// Every engine runs in a virtual machine, whose file sharing maps owners.
    Mac,
}

/// Neither `linux` nor `mac`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither linux nor mac")]
#[non_exhaustive]
pub struct HostError;

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        match text {
            "linux" => Ok(Self::Linux),
            "mac" => Ok(Self::Mac),
            _ => Err(HostError),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "linux",
            Self::Mac => "mac",
        })
    }
}

/// What tells of the host, the surest first.
pub(crate) struct Signs<'s> {
    /// What the caller says.
    pub(crate) told: Option<Host>,
    /// What the engine says of itself, where that was given.
    pub(crate) engine: Option<&'s Engine>,
    /// The directory of the project as the engine wrote it down when it made a container.
    pub(crate) made_from: Option<&'s str>,
    pub(crate) listing: &'s Listing,
}

impl Signs<'_> {
    /// The host, where anything tells.
    pub(crate) fn host(&self) -> Option<Host> {
        let mac = self.listing.looks_like_macos().then_some(Host::Mac);
        // Owners that somebody recorded are those of the stack's host; those of the files at hand are those of a copy.
        let recorded = mac.filter(|_| !self.listing.is_at_hand);
        let by_label = self.made_from.and_then(of_path);
        // The engine of a machine, such as podman's, need not say that it is in one: that it says nothing proves the least.
        let in_machine = self.engine.is_some_and(|engine| engine.vm.is_some()) || by_label == Some(Host::Mac);
        let by_engine = self.engine.map(|_| Host::Linux);
        self.told.or(recorded).or(in_machine.then_some(Host::Mac)).or(by_engine).or(by_label).or(mac)
    }
}

/// Directories that only a Mac has.
const OF_A_MAC: [&str; 4] = ["/Users/", "/Volumes/", "/private/", "/opt/homebrew/"];

fn of_path(path: &str) -> Option<Host> {
    let is_mac = OF_A_MAC.iter().any(|root| path.starts_with(root));
    path.starts_with('/').then_some(if is_mac { Host::Mac } else { Host::Linux })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn listing(text: &str, is_at_hand: bool) -> Listing {
        let mut listing = Listing::default();
        listing.is_at_hand = is_at_hand;
        listing.read(FileId::new(0), "/srv", text);
        listing
    }

    #[test]
    fn what_was_recorded_outranks_what_is_at_hand() {
        let at_hand = listing("601:20 755 state\n", true);
        let recorded = listing("601:20 755 state\n", false);
        let server = listing("1000:1000 755 state\n", false);
        let debian = Engine::default();
        let orbstack = Engine::read("{\"OperatingSystem\":\"OrbStack\"}").expect("JSON");
        let host = |told, engine, made_from, listing| Signs { told, engine, made_from, listing }.host();
        assert_eq!(host(None, None, None, &server), None);
        assert_eq!(host(None, None, None, &at_hand), Some(Host::Mac));
        assert_eq!(
            host(None, Some(&debian), None, &at_hand),
            Some(Host::Linux),
            "a server's evidence on a Mac"
        );
        assert_eq!(host(None, None, Some("/srv/claw"), &at_hand), Some(Host::Linux));
        assert_eq!(host(None, None, Some("/Users/ann/claw"), &server), Some(Host::Mac));
        assert_eq!(
            host(None, Some(&debian), None, &recorded),
            Some(Host::Mac),
            "a machine that does not say so"
        );
        assert_eq!(host(None, Some(&orbstack), Some("/srv/claw"), &server), Some(Host::Mac));
        let podman_machine = Engine::read("{\"OperatingSystem\":\"fedora\"}").expect("JSON");
        assert_eq!(host(None, Some(&podman_machine), Some("/Users/ann/claw"), &server), Some(Host::Mac));
        assert_eq!(host(Some(Host::Linux), Some(&orbstack), None, &recorded), Some(Host::Linux));
        assert_eq!("mac".parse(), Ok(Host::Mac));
        assert_eq!("windows".parse::<Host>(), Err(HostError));
    }
}
