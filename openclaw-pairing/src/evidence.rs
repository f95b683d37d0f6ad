//! What was seen: texts in, nothing opened, nothing asked.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use crate::devices::{DeviceList, DeviceListError};
use crate::plan::Topology;
use crate::refusal::Refusal;
use crate::scope::ScopeSet;
use crate::timeline::Timeline;
use crate::vantage::Vantage;
use crate::words::{NAME, shown};

/// One device list with where it was taken.
#[derive(Clone, Debug)]
pub(crate) struct SeenList {
    pub(crate) vantage: Vantage,
    pub(crate) name: String,
    pub(crate) list: DeviceList,
    /// Where the text names each request, by its id.
    pub(crate) requests: BTreeMap<String, At>,
}

impl SeenList {
    pub(crate) fn new(vantage: Vantage, name: impl Into<String>, list: DeviceList) -> Self {
        Self { vantage, name: shown(&name.into(), usize::MAX), list, requests: BTreeMap::new() }
    }

    /// Looks each request up in the text of the list.
    fn within(mut self, text: &str) -> Self {
        let ids: BTreeSet<&str> =
            self.list.pending.iter().map(|request| request.request_id.as_str()).collect();
        let (mut line, mut start) = (1, 0);
        for part in text.split('"') {
            if ids.contains(part) {
                self.requests
                    .entry(part.to_owned())
                    .or_insert(At { line, span: [start, start + part.len()] });
            }
            line += u32::try_from(part.matches('\n').count()).unwrap_or(u32::MAX);
            start += part.len() + 1;
        }
        self
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) line: u32,
    pub(crate) span: [usize; 2],
}

/// A refusal of one's own connection attempt.
#[derive(Clone, Debug)]
pub(crate) struct SeenRefusal {
    pub(crate) vantage: Vantage,
    pub(crate) refusal: Refusal,
}

/// A hello of one's own connection attempt.
#[derive(Clone, Debug)]
pub(crate) struct SeenHello {
    pub(crate) vantage: Vantage,
    pub(crate) granted: ScopeSet,
    pub(crate) boot_id: String,
}

/// A connection attempt of one's own that no gateway answered.
#[derive(Clone, Debug)]
pub(crate) struct SeenSilence {
    pub(crate) vantage: Vantage,
    /// What the transport showed.
    pub(crate) transport: String,
}

/// A configuration text: it may hold tokens, so it is kept as a secret.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) text: SecretString,
}

/// Everything that was seen, from any mix of sources. Add what is there; more evidence makes the verdict surer.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub(crate) topology: Topology,
    pub(crate) version: Option<String>,
    pub(crate) now_ms: Option<u64>,
    pub(crate) own_device: Option<String>,
    pub(crate) wanted: Option<ScopeSet>,
    pub(crate) lists: Vec<SeenList>,
    pub(crate) timelines: Vec<Timeline>,
    pub(crate) refusals: Vec<SeenRefusal>,
    pub(crate) hellos: Vec<SeenHello>,
    pub(crate) silences: Vec<SeenSilence>,
    pub(crate) configs: Vec<Config>,
}

impl Evidence {
    /// No evidence yet, for this topology.
    pub fn new(topology: Topology) -> Self {
        Self { topology, ..Self::default() }
    }

    /// The same as seen by a client that runs elsewhere: what was seen stays, the commands of the plan are for it.
    #[must_use]
    pub fn topology(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    /// The gateway's version (`2026.9.6`), from hello, an image label or the caller.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The gateway's clock in milliseconds since 1970, so that expiry can be told.
    #[must_use]
    pub fn now_ms(mut self, now_ms: u64) -> Self {
        self.now_ms = Some(now_ms);
        self
    }

    /// The device that all this is about.
    #[must_use]
    pub fn own_device(mut self, device_id: impl Into<String>) -> Self {
        self.own_device = Some(device_id.into());
        self
    }

    /// The scopes that the failing command needs.
    #[must_use]
    pub fn wanted(mut self, scopes: ScopeSet) -> Self {
        self.wanted = Some(scopes);
        self
    }

    /// The standard output of `openclaw devices list --json` taken at `vantage`; `name` is how places call the text.
    ///
    /// # Errors
    /// [`DeviceListError::Shape`] if the text is neither a list nor an error of the CLI. The CLI's error object is
    /// evidence like any other and is accepted.
    pub fn device_list(
        self,
        vantage: Vantage,
        name: impl Into<String>,
        text: &str,
    ) -> Result<Self, DeviceListError> {
        match DeviceList::from_json(text) {
            Ok(list) => {
                let mut seen = self;
                seen.lists.push(SeenList::new(vantage, name, list).within(text));
                Ok(seen)
            }
            Err(DeviceListError::CliError { .. }) => Ok(self.cli_output(vantage, name, text)),
            Err(error) => Err(error),
        }
    }

    /// A device list that is already parsed, such as the driver's or the offline store's.
    #[must_use]
    pub fn devices(mut self, vantage: Vantage, name: impl Into<String>, list: DeviceList) -> Self {
        self.lists.push(SeenList::new(vantage, name, list));
        self
    }

    /// Standard output and error of any OpenClaw command taken at `vantage`.
    #[must_use]
    pub fn cli_output(self, vantage: Vantage, name: impl Into<String>, text: &str) -> Self {
        self.timeline(Timeline::parse(vantage, name, text))
    }

    /// A log of the gateway or of a client.
    #[must_use]
    pub fn log(self, vantage: Vantage, name: impl Into<String>, text: &str) -> Self {
        self.timeline(Timeline::parse(vantage, name, text))
    }

    /// A log or a command's output that is already parsed.
    #[must_use]
    pub fn timeline(mut self, timeline: Timeline) -> Self {
        self.timelines.push(timeline);
        self
    }

    /// A refusal of one's own connection attempt.
    #[must_use]
    pub fn refusal(mut self, vantage: Vantage, refusal: Refusal) -> Self {
        self.refusals.push(SeenRefusal { vantage, refusal: refusal.map_words(&shown) });
        self
    }

    /// A hello of one's own connection attempt: what it granted and which process answered.
    #[must_use]
    pub fn hello(mut self, vantage: Vantage, granted: ScopeSet, boot_id: impl Into<String>) -> Self {
        self.hellos.push(SeenHello { vantage, granted, boot_id: shown(&boot_id.into(), NAME) });
        self
    }

    /// How the driver's own attempt ended without a session: its refusal, or that no gateway was reached.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    #[must_use]
    pub fn stopped(mut self, vantage: Vantage, stopped: &crate::client::Stopped) -> Self {
        if let Some(refusal) = &stopped.refusal {
            return self.refusal(vantage, refusal.clone());
        }
        if stopped.reached <= crate::Phase::Dialing {
            self.silences.push(SeenSilence { vantage, transport: stopped.to_string() });
        }
        self
    }

    /// A session of the driver's own: what it was granted, which process answered, and of which version.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    #[must_use]
    pub fn session(mut self, vantage: Vantage, session: &crate::client::Session) -> Self {
        let hello = session.hello();
        self.version.get_or_insert_with(|| shown(&hello.version, NAME));
        self.hello(vantage, hello.scopes, &hello.boot_id)
    }

    /// A configuration text (`openclaw.json`, Compose file), searched only for bypasses left behind.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, text: &str) -> Self {
        self.configs.push(Config { name: name.into(), text: SecretString::from(text) });
        self
    }
}
