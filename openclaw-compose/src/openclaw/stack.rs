//! What is known about a stack, before anything is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::SecretString;

use crate::finding::Finding;
use crate::project::{Composer, Files, Resolution};
use crate::source::Text;

use super::model::host::Host;
use super::model::jobs::Definition;
use super::model::observed::{LoggedRefusal, Upstream};
use super::rules::version::Version;

/// What is known about a stack.
///
/// ```
/// use openclaw_compose::openclaw::{Stack, examine};
/// use openclaw_compose::project::{self, Inputs, Texts};
///
/// let files = Texts::new()
///     .file("/srv/compose.yaml", "
/// services:
///   openclaw-gateway:
///     image: openclaw:2026.9.6
///     command: [openclaw, gateway]
///     environment: { OPENCLAW_GATEWAY_TOKEN: test-token-1 }
///     volumes: ['./state:/home/node/.openclaw']
///   openclaw-cli:
///     image: openclaw:2026.9.6
///     entrypoint: [openclaw]
///     volumes: ['./state:/home/node/.openclaw']
/// ")
///     .file("/srv/state/openclaw.json", "{ gateway: { mode: 'local', bind: 'lan' } }");
/// let resolution = project::resolve(&Inputs::new("/srv"), &files);
/// let report = examine(&Stack::new(&resolution).files(&files));
/// let cli = report.client("openclaw-cli").expect("a client");
/// assert_eq!(cli.first_red().and_then(|gate| gate.code).map(|code| code.name()), Some("own-loopback"));
/// ```
#[derive(Clone)]
pub struct Stack<'s> {
    pub(super) resolution: &'s Resolution,
    pub(super) otherwise: Option<Otherwise<'s>>,
    pub(super) files: Option<&'s dyn Files>,
    pub(super) texts: BTreeMap<String, Text>,
    pub(super) listings: Vec<(String, String)>,
    pub(super) listings_of_copies: Vec<(String, String)>,
    pub(super) inspects: Vec<(String, Text)>,
    pub(super) engine: Option<(String, Text)>,
    pub(super) id_maps: Vec<(String, String)>,
    pub(super) noted: Vec<Finding>,
    pub(super) definitions: Vec<Definition>,
    pub(super) gateways: BTreeSet<String>,
    pub(super) up: BTreeSet<String>,
    pub(super) kept_out: BTreeSet<String>,
    pub(super) refusals: BTreeMap<String, BTreeSet<LoggedRefusal>>,
    pub(super) upstreams: BTreeMap<String, Vec<Upstream>>,
    pub(super) is_copy: bool,
    pub(super) composer: Option<Composer>,
    pub(super) version: Option<Version>,
    pub(super) logged: BTreeMap<String, Version>,
    pub(super) upgrade_to: Option<Version>,
    pub(super) host: Option<Host>,
    pub(super) fingerprint: Option<&'s dyn Fn(&SecretString) -> String>,
}

/// The same project as another release of Compose resolves it.
#[derive(Clone, Copy)]
pub(super) struct Otherwise<'s> {
    pub(super) resolution: &'s Resolution,
    /// Whether the release that runs the stack is known.
    pub(super) is_known: bool,
}

impl<'s> Stack<'s> {
    /// A stack of which only the Compose files are known.
    #[must_use]
    pub fn new(resolution: &'s Resolution) -> Self {
        Self {
            resolution,
            otherwise: None,
            files: None,
            texts: BTreeMap::new(),
            listings: Vec::new(),
            listings_of_copies: Vec::new(),
            inspects: Vec::new(),
            engine: None,
            id_maps: Vec::new(),
            noted: Vec::new(),
            definitions: Vec::new(),
            gateways: BTreeSet::new(),
            up: BTreeSet::new(),
            kept_out: BTreeSet::new(),
            refusals: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            is_copy: false,
            composer: None,
            version: None,
            logged: BTreeMap::new(),
            upgrade_to: None,
            host: None,
            fingerprint: None,
        }
    }

    /// The same project as another release of Compose resolves it. Where that makes another project of the files, it is said: as
    /// a warning, unless it `is_known` that the release of the stack's own resolution is the one that runs it.
    #[must_use]
    pub fn otherwise(mut self, resolution: &'s Resolution, is_known: bool) -> Self {
        self.otherwise = Some(Otherwise { resolution, is_known });
        self
    }

    /// The program that runs the stack, where that is known.
    #[must_use]
    pub fn composer(mut self, composer: Composer) -> Self {
        self.composer = Some(composer);
        self
    }

    /// A way to read the host's files: `openclaw.json`, its includes and the state directory's `.env` are taken from there.
    #[must_use]
    pub fn files(mut self, files: &'s dyn Files) -> Self {
        self.files = Some(files);
        self
    }

    /// A text by itself, which beats [`Stack::files`]. `key` is a host path as reports show it (relative to the project's
    /// directory where it lies there), `volume:NAME:path/inside`, or `container:SERVICE:/path` for what was read in the
    /// running container.
    #[must_use]
    pub fn text(mut self, key: impl Into<String>, text: impl Into<Text>) -> Self {
        self.texts.insert(key.into(), text.into());
        self
    }

    /// Recorded owners and modes of the project directory: `find . -exec ls -ldn {} +` on any host; lines of `UID:GID MODE PATH`, as
    /// `find . -printf '%U:%G %m %P\n'` or `stat -c '%u:%g %a %n'` print them; lines of `ls -ldn`, with `-Z` or without;
    /// blocks of `getfacl -n`; and the word that `getenforce` prints. They may follow each other in one text. A path that
    /// begins with `container:SERVICE:` or `volume:NAME:` was looked at in there. `name` is what reports call the listing.
    #[must_use]
    pub fn ownership(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.listings.push((name.into(), text.into()));
        self
    }

    /// Owners and modes as [`Stack::ownership`] takes them, read from files that may be a copy of the stack, such as a
    /// checkout. A copy belongs to whoever made it: where all of it has one owner, a drift is only inferred.
    #[must_use]
    pub fn ownership_of_copy(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.listings_of_copies.push((name.into(), text.into()));
        self
    }

    /// Output of `docker inspect` for containers of the stack. `name` is what reports call it.
    #[must_use]
    pub fn inspect(mut self, name: impl Into<String>, text: impl Into<Text>) -> Self {
        self.inspects.push((name.into(), text.into()));
        self
    }

    /// What the engine says of itself: output of `docker info --format '{{json .}}'` or `podman info --format json`. It
    /// tells of virtual machines, SELinux and mapped user ids. `name` is what reports call it.
    #[must_use]
    pub fn engine(mut self, name: impl Into<String>, text: impl Into<Text>) -> Self {
        self.engine = Some((name.into(), text.into()));
        self
    }

    /// How user ids of the containers become those of the host: `/proc/self/uid_map` as a container shows it, or the lines
    /// of `/etc/subuid` for the user that the engine runs as. Groups are taken to be mapped alike. `name` is what reports
    /// call it.
    #[must_use]
    pub fn id_map(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.id_maps.push((name.into(), text.into()));
        self
    }

    /// Findings that were made on the way here.
    #[cfg(feature = "docker")]
    pub(crate) fn noted(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.noted.extend(findings);
        self
    }

    /// A launchd or systemd definition of an OpenClaw service on the host, whose token is compared. Where the project has no
    /// service at all, the definitions are the stack: each is judged as a service on the host's network. Its state is looked
    /// for in `state` below the project's directory, or in a directory of its own name; the files of variables that it
    /// names, there and below `captured`. No other path of it is ever looked at on this disk.
    #[must_use]
    pub fn definition(mut self, definition: Definition) -> Self {
        self.definitions.push(definition);
        self
    }

    /// A service whose log shows that it runs a gateway, whatever its command is.
    #[must_use]
    pub fn runs_gateway(mut self, service: impl Into<String>) -> Self {
        self.gateways.insert(service.into());
        self
    }

    /// A service whose log shows that its last start came up.
    #[must_use]
    pub fn came_up(mut self, service: impl Into<String>) -> Self {
        self.up.insert(service.into());
        self
    }

    /// A service whose log shows that another gateway holds its port or its state.
    #[must_use]
    pub fn kept_out(mut self, service: impl Into<String>) -> Self {
        self.kept_out.insert(service.into());
        self
    }

    /// What the gateway in a service refused, as its log shows it: an origin, or a proxy's address. Of very many the first
    /// few count.
    #[must_use]
    pub fn refused(mut self, service: impl Into<String>, refusal: LoggedRefusal) -> Self {
        const MOST: usize = 16;
        let known = self.refusals.entry(service.into()).or_default();
        if known.len() < MOST {
            known.insert(refusal);
        }
        self
    }

    /// Where the proxy in a service led a request, as its own log names it: what counts where its configuration was not
    /// given. A later one outranks an earlier; of very many the last few count.
    #[must_use]
    pub fn led(mut self, service: impl Into<String>, upstream: Upstream) -> Self {
        const MOST: usize = 16;
        let known = self.upstreams.entry(service.into()).or_default();
        known.retain(|other| (&other.host, other.port) != (&upstream.host, upstream.port));
        if known.len() == MOST {
            known.remove(0);
        }
        known.push(upstream);
        self
    }

    /// The files are a copy that was handed over with what was captured of the stack: a mounted directory that is not among
    /// them may well be where the stack runs, and what it holds is not known.
    #[must_use]
    pub fn copied(mut self) -> Self {
        self.is_copy = true;
        self
    }

    /// The release, where neither tag nor label says it; from the gateway's hello, for instance.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// The release that a service's own log names: what counts where neither tag nor label nor the caller says it, for the
    /// first gateway that is known to be one by its log, or else for the first service.
    #[must_use]
    pub fn logged_version(mut self, service: impl Into<String>, version: Version) -> Self {
        self.logged.insert(service.into(), version);
        self
    }

    /// The release to which an upgrade is planned.
    #[must_use]
    pub fn upgrade_to(mut self, version: Version) -> Self {
        self.upgrade_to = Some(version);
        self
    }

    /// The host that the stack runs on, where the caller knows it. Else it is taken from what was recorded: the engine's own
    /// words, the directory that it made the containers from, owners. Where this program runs says nothing.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// Renders a fingerprint for each token in the report. The function sees the secret; what it returns is shown.
    #[must_use]
    pub fn fingerprint(mut self, fingerprint: &'s dyn Fn(&SecretString) -> String) -> Self {
        self.fingerprint = Some(fingerprint);
        self
    }
}

impl Stack<'_> {
    /// The release that the logs name: a gateway's outranks another's.
    pub(super) fn logged(&self) -> Option<Version> {
        let of_gateway = self.logged.iter().find(|(service, _)| self.gateways.contains(*service));
        of_gateway.or_else(|| self.logged.first_key_value()).map(|(_, version)| *version)
    }
}

/// Names and counts only.
impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("resolution", self.resolution)
            .field("texts", &self.texts.keys())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
