//! Which engine `docker` would talk to: flags, then `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the current context of
//! `config.json`, then the default socket; and where that is not there, the usual sockets of other engines.

use std::fmt;

use serde::Deserialize;

use crate::source::Text;

/// The socket of an engine that was installed as usual.
const DEFAULT: &str = "/var/run/docker.sock";
/// The context that stands for `DOCKER_HOST` or the default socket.
const DEFAULT_CONTEXT: &str = "default";

/// What `docker` looks at to choose its engine, as texts; [`Settings::here`] reads those of this process.
///
/// ```
/// use openclaw_compose::docker::{Endpoint, Settings};
///
/// let meta = r#"{"Name":"colima","Endpoints":{"docker":{"Host":"unix:///home/me/.colima/docker.sock"}}}"#;
/// let settings = Settings {
///     config: r#"{"currentContext":"colima"}"#.into(),
///     contexts: vec![meta.to_owned()],
///     ..Settings::default()
/// };
/// assert_eq!(settings.endpoint(), Ok(Endpoint::Unix("/home/me/.colima/docker.sock".to_owned())));
/// ```
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "settings that a caller fills in one by one")]
pub struct Settings {
    /// As `docker --host`.
    pub host_flag: Option<String>,
    /// As `docker --context`.
    pub context_flag: Option<String>,
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `config.json` of the configuration directory; it may hold registry passwords. Empty where there is none.
    pub config: Text,
    /// Every `contexts/meta/*/meta.json` of the configuration directory.
    pub contexts: Vec<String>,
    /// `DOCKER_TLS_VERIFY` or `DOCKER_TLS` is set, or some context has certificates: what listens on `tcp://` speaks TLS.
    pub tls: bool,
    /// The sockets that are there of engines as they are usually installed, the likeliest first: those of Docker, rootless
    /// Docker, Docker Desktop, OrbStack, Colima, Rancher Desktop and podman.
    pub sockets: Vec<String>,
}

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A socket in the file system.
    Unix(String),
    /// `HOST:PORT` without TLS.
    Tcp(String),
}

/// As `DOCKER_HOST` spells it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// Why no engine can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadEndpoint {
    /// A context that does not exist.
    #[error("there is no Docker context {name}; `docker context ls` lists them")]
    UnknownContext {
        /// Its name.
        name: String,
    },
    /// A context without an engine.
    #[error("the Docker context {name} names no engine")]
    EmptyContext {
        /// Its name.
        name: String,
    },
    /// Both flags at once.
    #[error("a host and a context were both asked for")]
    HostAndContext,
    /// A way to an engine that is not built in.
    #[error(
        "the engine is reached by {scheme}://, which takes docker's own command line: install that, or \
         forward the engine's socket (`ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST`) and set \
         DOCKER_HOST=unix:///tmp/docker.sock"
    )]
    Scheme {
        /// `ssh`, `npipe`, `https`, ...
        scheme: String,
    },
    /// TLS, which is not built in.
    #[error(
        "the engine is reached by TLS, which takes docker's own command line: install that, or forward \
         the engine's socket and set DOCKER_HOST=unix:///tmp/docker.sock"
    )]
    Tls,
    /// An address that is none.
    #[error("DOCKER_HOST holds no address")]
    Address,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Context {
    name: String,
    #[serde(default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(default, rename = "Host")]
    host: String,
}

impl Settings {
    /// The engine that `docker` would talk to.
    ///
    /// # Errors
    /// [`BadEndpoint`] where the settings name none, or one that is reached in a way that is not built in.
    pub fn endpoint(&self) -> Result<Endpoint, BadEndpoint> {
        match self.chosen()? {
            Endpoint::Tcp(_) if self.tls => Err(BadEndpoint::Tls),
            endpoint => Ok(endpoint),
        }
    }

    fn chosen(&self) -> Result<Endpoint, BadEndpoint> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        match (filled(&self.host_flag), filled(&self.context_flag)) {
            (Some(_), Some(_)) => return Err(BadEndpoint::HostAndContext),
            (Some(host), None) => return Endpoint::parse(&host),
            (None, Some(name)) => return self.of_context(&name),
            (None, None) => {}
        }
        if let Some(host) = filled(&self.host) {
            return Endpoint::parse(&host);
        }
        // A `config.json` that cannot be read is none: `docker` warns and goes on.
        let current = || serde_json::from_str::<Config>(self.config.expose()).ok()?.current_context;
        match filled(&self.context).or_else(|| filled(&current())) {
            Some(name) => self.of_context(&name),
            None => Ok(Endpoint::Unix(DEFAULT.to_owned())),
        }
    }

    /// The engines to ask, the likeliest first: the one that something chooses, or else whatever is there.
    ///
    /// # Errors
    /// As [`Settings::endpoint`].
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, BadEndpoint> {
        match self.endpoint()? {
            Endpoint::Unix(path) if path == DEFAULT && !self.sockets.is_empty() => {
                Ok(self.sockets.iter().cloned().map(Endpoint::Unix).collect())
            }
            endpoint => Ok(vec![endpoint]),
        }
    }

    /// Whether there is an engine to ask: one that something chooses, even if that is wrong, or one whose socket is there.
    #[must_use]
    pub fn names_an_engine(&self) -> bool {
        self.endpoint() != Ok(Endpoint::Unix(DEFAULT.to_owned())) || !self.sockets.is_empty()
    }

    fn of_context(&self, name: &str) -> Result<Endpoint, BadEndpoint> {
        if name == DEFAULT_CONTEXT {
            return match self.host.as_deref().filter(|host| !host.trim().is_empty()) {
                Some(host) => Endpoint::parse(host),
                None => Ok(Endpoint::Unix(DEFAULT.to_owned())),
            };
        }
        let known = self.contexts.iter().filter_map(|text| serde_json::from_str::<Context>(text).ok());
        let context = known
            .into_iter()
            .find(|context| context.name == name)
            .ok_or_else(|| BadEndpoint::UnknownContext { name: name.to_owned() })?;
        match context.endpoints.docker.filter(|endpoint| !endpoint.host.is_empty()) {
            Some(endpoint) => Endpoint::parse(&endpoint.host),
            None => Err(BadEndpoint::EmptyContext { name: name.to_owned() }),
        }
    }
}

impl Endpoint {
    /// Reads `unix:///path`, `tcp://host:port`, or `host:port`.
    fn parse(host: &str) -> Result<Self, BadEndpoint> {
        let host = host.trim();
        let (scheme, rest) = host.split_once("://").unwrap_or(("tcp", host));
        let address = rest.trim_end_matches('/');
        match scheme {
            _ if address.is_empty() => Err(BadEndpoint::Address),
            "unix" => Ok(Self::Unix(address.to_owned())),
            // A user part could carry a password, and no engine reads one.
            "tcp" | "http" if address.contains(['@', '/', '?', '#']) => Err(BadEndpoint::Address),
            "tcp" | "http" => Ok(Self::Tcp(address.to_owned())),
            other => Err(BadEndpoint::Scheme { scheme: other.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &str) -> Result<Endpoint, BadEndpoint> {
        Ok(Endpoint::Unix(path.to_owned()))
    }

    fn settings() -> Settings {
        Settings {
            config: r#"{"auths":{},"currentContext":"desktop-linux"}"#.into(),
            contexts: vec![
                r#"{"Name":"desktop-linux","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///Users/me/.docker/run/docker.sock","SkipTLSVerify":false}}}"#.to_owned(),
                r#"{"Name":"far","Endpoints":{"docker":{"Host":"ssh://me@far"}}}"#.to_owned(),
                r#"{"Name":"empty","Endpoints":{}}"#.to_owned(),
                "garbage".to_owned(),
            ],
            ..Settings::default()
        }
    }

    #[test]
    fn the_strongest_setting_chooses() {
        let here = settings();
        assert_eq!(here.endpoint(), unix("/Users/me/.docker/run/docker.sock"));
        assert_eq!(Settings::default().endpoint(), unix("/var/run/docker.sock"));
        let here = Settings { context: Some("default".into()), ..settings() };
        assert_eq!(here.endpoint(), unix("/var/run/docker.sock"));
        let here = Settings { host: Some("unix:///run/user/1000/docker.sock".into()), ..here };
        assert_eq!(here.endpoint(), unix("/run/user/1000/docker.sock"));
        let here = Settings { context_flag: Some("desktop-linux".into()), ..here };
        assert_eq!(here.endpoint(), unix("/Users/me/.docker/run/docker.sock"));
        let here = Settings { host_flag: Some("tcp://127.0.0.1:2375".into()), ..here };
        assert_eq!(here.endpoint(), Err(BadEndpoint::HostAndContext));
        let here = Settings { context_flag: None, ..here };
        assert_eq!(here.endpoint(), Ok(Endpoint::Tcp("127.0.0.1:2375".to_owned())));
        assert_eq!(Settings { tls: true, ..here }.endpoint(), Err(BadEndpoint::Tls), "never in clear text");
    }

    #[test]
    fn what_is_there_is_asked_where_nothing_chooses() {
        let none = Settings::default();
        assert!(!none.names_an_engine());
        assert_eq!(none.endpoints(), unix("/var/run/docker.sock").map(|endpoint| vec![endpoint]));
        let sockets = ["/run/user/1000/docker.sock", "/run/user/1000/podman/podman.sock"];
        let there = Settings { sockets: sockets.map(str::to_owned).into(), ..none };
        assert!(there.names_an_engine());
        let all = sockets.map(|path| Endpoint::Unix(path.to_owned()));
        assert_eq!(there.endpoints(), Ok(all.into()));
        let chosen = Settings { host: Some("unix:///run/other.sock".into()), ..there };
        assert_eq!(chosen.endpoints(), unix("/run/other.sock").map(|endpoint| vec![endpoint]));
        let wrong = Settings { context: Some("gone".into()), ..Settings::default() };
        assert!(wrong.names_an_engine(), "who chose one is told that it is not there");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let of = |name: &str| Settings { context: Some(name.to_owned()), ..settings() }.endpoint();
        assert_eq!(of("gone"), Err(BadEndpoint::UnknownContext { name: "gone".to_owned() }));
        assert_eq!(of("empty"), Err(BadEndpoint::EmptyContext { name: "empty".to_owned() }));
        assert_eq!(of("far"), Err(BadEndpoint::Scheme { scheme: "ssh".to_owned() }));
        let at = |host: &str| Settings { host: Some(host.to_owned()), ..settings() }.endpoint();
        assert_eq!(at("npipe:////./pipe/docker"), Err(BadEndpoint::Scheme { scheme: "npipe".to_owned() }));
        assert_eq!(at("unix://"), Err(BadEndpoint::Address));
        assert_eq!(at("tcp://user:word@host:1"), Err(BadEndpoint::Address));
        assert_eq!(at(" "), unix("/Users/me/.docker/run/docker.sock"));
    }
}
