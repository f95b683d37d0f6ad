//! Whom a gateway believes about the client that a proxy speaks for: `gateway.trustedProxies`.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::openclaw::model::Model;
use crate::openclaw::model::observed::{LoggedRefusal, Refused};
use crate::openclaw::model::processes::Process;
use crate::source::Span;

use super::listener::Gateway;

/// Why a gateway refuses what a proxy passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Distrust {
    pub(crate) why: Untrusted,
    /// The proxy's address, where it is known.
    pub(crate) address: Option<IpAddr>,
    /// The gateway's log shows that it does.
    pub(crate) is_seen: bool,
}

/// What is wrong with `gateway.trustedProxies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// It is empty.
    Empty,
    /// `*`, which is not a wildcard there.
    Wildcard,
    /// It names others.
    Unlisted,
    /// It was not given.
    Unseen,
    /// It names the proxy, and the clients, too: no address is left that could be a client's.
    Ambiguous,
}

/// The addresses from which a gateway was seen to refuse what proxies pass on, and why. What its configuration admits by now
/// is over once it was started again.
pub(crate) fn refused(gateway: &Gateway<'_>, model: &Model<'_>) -> Vec<(IpAddr, Untrusted)> {
    let trust = Trust::of(gateway.process);
    let mut out = Vec::new();
    for LoggedRefusal { what, is_past } in model.refusals(gateway.process) {
        let Refused::Proxy(address) = *what else { continue };
        let why = Trust::refuses(trust.as_ref(), address);
        if !*is_past || why != Untrusted::Ambiguous {
            out.push((address, why));
        }
    }
    out
}

/// `gateway.trustedProxies` as it is configured.
pub(crate) struct Trust {
    pub(crate) entries: Vec<TrustedProxy>,
    pub(super) is_partial: bool,
}

/// One of its entries.
pub(crate) struct TrustedProxy {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// What it covers, where it is an address or a range.
    pub(crate) range: Option<IpNet>,
}

impl Trust {
    /// Nothing where the configuration was not given.
    pub(crate) fn of(process: &Process<'_>) -> Option<Self> {
        let config = process.config()?;
        let entry = |(text, span): (&str, Span)| {
            let text = process.substitute(text).text.expose().trim().to_owned();
            let range = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            TrustedProxy { text, span, range }
        };
        let entries = config.list(&["gateway", "trustedProxies"]).map(entry).collect();
        Some(Self { entries, is_partial: config.is_partial() })
    }

    /// Whether some entry covers the address.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        self.entries.iter().any(|entry| entry.range.is_some_and(|range| range.contains(&address)))
    }

    /// The same, or one of them cannot be read.
    pub(super) fn may_cover(&self, address: IpAddr) -> bool {
        let is_odd = |entry: &TrustedProxy| entry.range.is_none() && entry.text != "*";
        self.covers(address) || self.entries.iter().any(is_odd)
    }

    /// Why what the log shows to be refused from this address is refused.
    fn refuses(trust: Option<&Self>, address: IpAddr) -> Untrusted {
        match trust {
            None => Untrusted::Unseen,
            Some(trust) if trust.covers(address) => Untrusted::Ambiguous,
            Some(trust) if trust.entries.is_empty() && trust.is_partial => Untrusted::Unseen,
            Some(trust) if trust.entries.is_empty() => Untrusted::Empty,
            Some(trust) if trust.entries.iter().all(|entry| entry.text == "*") => Untrusted::Wildcard,
            Some(_) => Untrusted::Unlisted,
        }
    }
}
