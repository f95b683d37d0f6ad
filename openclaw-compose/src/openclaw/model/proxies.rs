//! Services that pass requests on, and what their own configuration says of the ways through them: which sites they serve,
//! where each leads, and what they do to the headers of a request.

mod blocks;
mod caddy;
mod envoy;
mod nginx;
mod plain;
mod serve;
pub(crate) mod traefik;
mod tunnel;

use crate::openclaw::rules::version;
use crate::source::{FileId, Span, Text};
use crate::syntax::yaml::{Node, Value};

use super::files::Reader;
use super::services::{MountKind, Service, Services};

/// The most of a configuration that is read, in bytes.
const LARGEST: usize = 1024 * 1024;
/// The most ways of one proxy that are kept.
const MOST: usize = 256;

/// The most files of one mounted directory that are read.
const MOST_FILES: usize = 32;

/// The most sites before one way that are kept.
const MOST_SITES: usize = 8;

/// Programs that pass requests on, by the image or the service's name, and how each is configured.
const PROXIES: [(&str, Program); 12] = [
    ("nginx", Program::Nginx),
    ("swag", Program::Nginx),
    ("npm", Program::Nginx),
    ("openresty", Program::Nginx),
    ("angie", Program::Nginx),
    ("caddy", Program::Caddy),
    ("traefik", Program::Traefik),
    ("envoy", Program::Envoy),
    ("cloudflared", Program::Tunnel),
    ("haproxy", Program::Other),
    ("httpd", Program::Other),
    ("apache", Program::Other),
];

/// Where nginx and its kin look when a directory is mounted.
const NGINX_FILES: [&str; 4] = [
    "/etc/nginx/nginx.conf",
    "/etc/nginx/conf.d/default.conf",
    "/etc/nginx/templates/default.conf.template",
    "/config/nginx/site-confs/default.conf",
];

/// How a proxy is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
    /// `tailscale serve`
    Serve,
    /// `cloudflared`
    Tunnel,
    /// In a language that is not read: its upstreams are found by their look.
    Other,
}

impl Program {
    /// Whether a file of this name in a directory that is mounted into it is likely to be a part of its configuration.
    fn reads(self, name: &str) -> bool {
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match self {
            Self::Nginx => ends(&[".conf", ".conf.template"]),
            Self::Caddy => name == "Caddyfile" || ends(&[".caddy", ".caddyfile"]),
            Self::Traefik => ends(&[".yml", ".yaml", ".toml"]),
            Self::Envoy | Self::Tunnel => ends(&[".yml", ".yaml"]),
            Self::Other => ends(&[".cfg", ".conf"]),
            Self::Serve => false,
        }
    }
}

/// One way through a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Where it leads, as the proxy names it.
    pub(crate) host: String,
    /// The port there, where it is written.
    pub(crate) port: Option<u16>,
    /// The bytes that name both.
    pub(crate) span: Span,
    /// What browsers open, where that is written.
    pub(crate) sites: Vec<Site>,
    /// The path in front of which it stands and that it passes on, where that is not the root.
    pub(crate) path: Option<Passed>,
    pub(crate) forwards: Forwards,
    pub(crate) upgrade: Upgrade,
}

/// A path that a proxy passes on as it came, `/claw` without the last slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) path: String,
    pub(crate) span: Span,
}

impl Passed {
    /// None for the root, and for a pattern.
    pub(crate) fn of(path: &str, span: Span) -> Option<Self> {
        let path = path.trim_end_matches('*').trim_end_matches('/');
        let is_plain = path.starts_with('/') && !path.contains(['*', '$', '{', '(', '~']);
        is_plain.then(|| Self { path: path.to_owned(), span })
    }
}

/// What a browser opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// Its host, where one is named.
    pub(crate) host: Option<String>,
    /// Whether the proxy speaks TLS there.
    pub(crate) secure: bool,
    pub(crate) port: SitePort,
    pub(crate) span: Span,
}

/// The port of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SitePort {
    /// As browsers see it.
    Outside(u16),
    /// As the proxy listens on it; outside it is whatever is published for it.
    Listens(u16),
}

/// What a proxy says of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwards {
    /// Nothing.
    Nothing,
    /// The address from which it was asked.
    Client,
    /// That address, behind whatever the client said itself. The word that says so.
    Appended(Span),
    /// A part of the configuration was not read.
    Unknown,
}

/// Whether a proxy passes on that a client wants a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    Passed,
    /// It does not. The place where it would be said.
    Dropped(Span),
    Unknown,
}

/// What is known of a proxy; nothing of other services.
#[derive(Clone, Default)]
pub(crate) struct Configuration {
    /// Its texts were found.
    pub(crate) is_given: bool,
    pub(crate) routes: Vec<Route>,
}

/// A text of a proxy's configuration.
#[derive(Clone, Copy)]
struct Source<'t> {
    file: FileId,
    text: &'t str,
    service: &'t Service<'t>,
}

impl Source<'_> {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::from_range(self.file, range)
    }

    /// A variable of the proxy's container.
    fn variable(&self, name: &str) -> Option<&str> {
        let value = self.service.environment.get(name)?.value?.expose().trim();
        (!value.is_empty()).then_some(value)
    }
}

/// Reads what is mounted into a proxy.
pub(crate) fn configuration(
    service: &Service<'_>,
    services: &Services<'_>,
    files: &mut Reader<'_>,
) -> Configuration {
    let Some(program) = program(service) else { return Configuration::default() };
    let binds = || service.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
    let mut paths: Vec<String> = binds().map(|mount| mount.target.to_owned()).collect();
    for target in binds().map(|mount| mount.target.trim_end_matches('/')) {
        let names = files.names_inside(service, services, target);
        let read = names.iter().filter(|name| program.reads(name)).take(MOST_FILES);
        paths.extend(read.map(|name| format!("{target}/{name}")));
    }
    let named = match program {
        Program::Nginx => NGINX_FILES.to_vec(),
        Program::Caddy => vec!["/etc/caddy/Caddyfile"],
        Program::Other => vec!["/usr/local/etc/haproxy/haproxy.cfg", "/usr/local/apache2/conf/httpd.conf"],
        Program::Envoy => vec!["/etc/envoy/envoy.yaml"],
        Program::Traefik => traefik::files(service),
        Program::Serve => serve::file(service).into_iter().collect(),
        Program::Tunnel => tunnel::files(service),
    };
    paths.extend(named.into_iter().map(str::to_owned));
    let mut texts: Vec<(FileId, Text)> = Vec::new();
    for path in paths {
        if let Some((file, text)) = files.inside_if_text(service, services, &path)
            && text.expose().len() <= LARGEST
            && !texts.iter().any(|(known, _)| *known == file)
        {
            texts.push((file, text));
        }
    }
    let sources: Vec<Source<'_>> =
        texts.iter().map(|(file, text)| Source { file: *file, text: text.expose(), service }).collect();
    let mut routes = match program {
        Program::Nginx => nginx::routes(&sources),
        Program::Caddy => caddy::routes(&sources),
        Program::Traefik => traefik::routes(&sources),
        Program::Envoy => envoy::routes(&sources),
        Program::Serve => serve::routes(&sources),
        Program::Tunnel => tunnel::routes(&sources),
        Program::Other => plain::routes(&sources),
    };
    routes.truncate(MOST);
    Configuration { is_given: !texts.is_empty(), routes }
}

/// Whether it is one of the programs that pass requests on.
pub(crate) fn is_proxy(service: &Service<'_>) -> bool {
    program(service).is_some()
}

fn program(service: &Service<'_>) -> Option<Program> {
    let image = service.image.as_ref().map_or("", |image| version::repository(image.value));
    let word = image.rsplit('/').next().unwrap_or(image);
    // A tailnet's container is a network first; only what it serves makes it a proxy.
    if serve::file(service).is_some() {
        return Some(Program::Serve);
    }
    let by =
        |of: &dyn Fn(&str) -> bool| PROXIES.iter().find(|(name, _)| of(name)).map(|(_, program)| *program);
    by(&|name| word.starts_with(name)).or_else(|| by(&|name| service.name == name))
}

/// The port that a node says.
fn number(node: &Node) -> Option<u16> {
    match node.value {
        Value::Int(port) => u16::try_from(port).ok(),
        _ => None,
    }
}

/// Host and port of `host:port`, `scheme://host:port/path` or `[v6]:port`.
fn upstream(text: &str) -> Option<(String, Option<u16>)> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None if text.starts_with("https") => Some(443),
        None if text.contains("://") => Some(80),
        None => None,
    };
    (!host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}
