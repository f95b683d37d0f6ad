//! For one client: the URL it will really use, the rule that chose it, and which listener that URL reaches, or why none.

use crate::openclaw::model::Model;
use crate::openclaw::model::names::{self, Resolved};
use crate::openclaw::model::namespaces::Namespace;
use crate::openclaw::model::processes::{ConfigState, Process, Role};
use crate::openclaw::model::urls::{HostClass, Url, host_class};
use crate::openclaw::rules::{self, Meaning, Target, UrlSource};
use crate::source::Span;

use super::listener::{Gateway, Scope};

/// The URL a client chooses.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) source: UrlSource,
    /// Which token rule the choice brings with it.
    pub(crate) target: Target,
    /// What decided it: `OPENCLAW_GATEWAY_URL`, `gateway.remote.url`, `--url`.
    pub(crate) by: String,
    pub(crate) url: Option<Url>,
    pub(crate) span: Option<Span>,
    /// What decided the port of a URL that is written nowhere.
    pub(crate) port: Option<Span>,
    /// False while an `openclaw.json` that was not given might say `mode: remote`.
    pub(crate) certain: bool,
}

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// The gateway's listener.
    Gateway,
    /// The client's own namespace, in which no gateway listens.
    OwnLoopback,
    /// The gateway's namespace on a port where it does not listen.
    WrongPort {
        /// Where it listens.
        listens: u16,
        /// Whether the port is that of the host.
        published: bool,
    },
    /// The gateway's namespace, which listens on loopback only.
    LoopbackBind,
    /// The gateway's container, at an IPv6 address: it listens on IPv4 alone.
    Ipv6,
    /// Refused by the client itself: plaintext to this kind of host.
    Plaintext,
    /// Refused by the client itself: a URL of its own without a credential of its own.
    NoCredentials,
    /// TLS where the gateway has none, or the other way round.
    Scheme {
        /// Which side has it.
        gateway_has_tls: bool,
    },
    /// No network joins client and gateway.
    NoSharedNetwork {
        /// The service that is dialled.
        with: String,
    },
    /// The name means nothing here.
    UnknownName {
        /// A name that means something and is spelt almost so.
        nearest: Option<String>,
    },
    /// The name belongs to a service that lives in another's namespace.
    BorrowedName {
        /// Whose namespace it is.
        owner: Option<String>,
    },
    /// The name belongs to a service whose profile is off.
    DisabledProfile,
    /// Another service listens there: a proxy, or a mistake.
    OtherService(String),
    /// The Docker host, where no port of the stack is published under that number.
    HostPortClosed,
    /// The Docker host, where the port is open on the host's own loopback only.
    HostLoopbackOnly,
    /// One of the two was left behind in a network namespace that is gone.
    Stranded(String),
    /// `network_mode: none`, or a namespace that is not there.
    NoNetwork,
    /// Not a URL.
    BadUrl,
    /// Somewhere this stack says nothing about.
    Elsewhere,
    /// It leads to the gateway's namespace, whose bind is not known.
    Unsure,
}

/// Chooses the URL as the client's release does.
pub(crate) fn choose(process: &Process<'_>) -> Option<Choice> {
    // One that is not there is only known to be missing where it is known that it would be read there.
    let certain = match process.config {
        ConfigState::Read(_) => true,
        ConfigState::Absent | ConfigState::Bare => process.state_from.is_sure(),
        ConfigState::Unknown | ConfigState::Unreadable => false,
    };
    if process.role == Role::App {
        let (name, variable) = process
            .service
            .environment
            .iter()
            .find(|(name, variable)| name.ends_with("GATEWAY_URL") && variable.value.is_some())?;
        let url = Url::parse(variable.value?.expose());
        return Some(Choice {
            source: UrlSource::Env,
            target: Target::EnvUrl,
            by: (*name).to_owned(),
            url,
            span: Some(variable.span),
            port: None,
            certain: true,
        });
    }
    let config = process.config();
    let is_remote = config.and_then(|config| config.mode()).is_some_and(|(mode, _)| mode == "remote");
    let by_mode = if is_remote { Target::Remote } else { Target::Local };
    if let Some(flag) = process.invocation.flag("url") {
        let stands_alone = rules::flag_url_stands_alone(process.version);
        let target = if stands_alone { Target::FlagUrl } else { by_mode };
        let text = process.shell_expand(flag.value.as_ref()?);
        let (url, span) = (Url::parse(text.expose()), Some(flag.span));
        return Some(Choice {
            source: UrlSource::Flag,
            target,
            by: "--url".to_owned(),
            url,
            span,
            port: None,
            certain: true,
        });
    }
    if let Some((rule, value)) = process.meant(Meaning::Url) {
        let url = Url::parse(value.text.expose());
        let (by, span) = (rule.name.to_owned(), Some(value.span));
        return Some(Choice {
            source: UrlSource::Env,
            target: Target::EnvUrl,
            by,
            url,
            span,
            port: None,
            certain: true,
        });
    }
    if is_remote
        && let Some((text, span)) = config.and_then(|config| config.expose(&["gateway", "remote", "url"]))
    {
        let url = Url::parse(process.substitute(text).text.expose());
        let by = "gateway.remote.url".to_owned();
        return Some(Choice {
            source: UrlSource::RemoteUrl,
            target: Target::Remote,
            by,
            url,
            span: Some(span),
            port: None,
            certain,
        });
    }
    let tls = config.is_some_and(|config| config.switched_on(&["gateway", "tls", "enabled"]).is_some());
    let (port, port_span) = local_port(process);
    let scheme = if tls { "wss" } else { "ws" };
    Some(Choice {
        source: UrlSource::Loopback,
        target: by_mode,
        by: "the default, its own loopback".to_owned(),
        url: Url::parse(&format!("{scheme}://127.0.0.1:{port}")),
        span: None,
        port: port_span,
        certain,
    })
}

/// The port a local client assumes.
fn local_port(process: &Process<'_>) -> (u16, Option<Span>) {
    let from_env = process
        .meant(Meaning::Port)
        .and_then(|(_, value)| Some((value.text.trimmed().parse()?, Some(value.span))));
    let from_flag = || {
        let flag = process.invocation.flag("port")?;
        Some((flag.value.as_ref()?.parse()?, Some(flag.span)))
    };
    let from_config = || process.config()?.port().map(|(port, span)| (port, Some(span)));
    from_env.or_else(from_flag).or_else(from_config).unwrap_or((rules::DEFAULT_PORT, None))
}

/// Follows a client's URL. `has_credential` says whether a URL of its own comes with one.
pub(crate) fn follow(
    process: &Process<'_>,
    choice: &Choice,
    gateway: &Gateway<'_>,
    has_credential: bool,
    model: &Model<'_>,
) -> Reach {
    let Some(url) = &choice.url else { return Reach::BadUrl };
    let service = process.service;
    if let Some(stranded) = model.stranded_between(Some(process), gateway.process) {
        return Reach::Stranded(stranded.to_owned());
    }
    match model.namespaces.of.get(service.name) {
        Some(Namespace::None(_) | Namespace::Dangling { .. })
            if model.namespaces.of.get(service.name) != owner_of(gateway, model) =>
        {
            return Reach::NoNetwork;
        }
        // A name that is nearly one of this stack's is a slip: there is no such container.
        Some(Namespace::Container(name))
            if names::nearest(name, model.services.container_names()).is_some() =>
        {
            return Reach::NoNetwork;
        }
        _ => {}
    }
    if process.is_openclaw() {
        if matches!(choice.target, Target::EnvUrl | Target::FlagUrl) && !has_credential {
            return Reach::NoCredentials;
        }
        if !url.secure && !plaintext_admitted(process, &url.host) {
            return Reach::Plaintext;
        }
    }
    let owner = match owner_of(gateway, model) {
        Some(Namespace::Service(owner)) => Some(owner.as_str()),
        _ => None,
    };
    match names::resolve(service, &url.host, owner, model.services, &model.namespaces) {
        Resolved::Loopback => match loopback(process, url, gateway, model) {
            // Which port it takes for the gateway's stands in a file that was not given.
            Reach::WrongPort { .. } if !choice.certain && choice.port.is_none() => Reach::Unsure,
            reach => reach,
        },
        Resolved::Service(found) if Some(found) == owner => from_outside(url, gateway, model),
        // Its own name is its own container.
        Resolved::Service(found) if service.name == found => Reach::OwnLoopback,
        Resolved::Service(found) => Reach::OtherService(found.to_owned()),
        Resolved::NoSharedNetwork(with) => Reach::NoSharedNetwork { with: with.to_owned() },
        Resolved::Borrower { owner } => Reach::BorrowedName { owner: owner.map(str::to_owned) },
        Resolved::DockerHost => docker_host(url, gateway, model),
        Resolved::Unknown { .. } if model.disabled.contains(&url.host) => Reach::DisabledProfile,
        Resolved::Unknown { nearest } => Reach::UnknownName { nearest },
        Resolved::Elsewhere => Reach::Elsewhere,
    }
}

fn owner_of<'m>(gateway: &Gateway<'_>, model: &'m Model<'_>) -> Option<&'m Namespace> {
    model.namespace(gateway.process.service)
}

/// Whether the client's release dials this host without TLS.
pub(crate) fn plaintext_admitted(process: &Process<'_>, host: &str) -> bool {
    let rule = rules::plaintext(process.version);
    let broken = rule
        .break_glass
        .and_then(|name| process.env(name))
        .is_some_and(|value| matches!(value.text.expose().trim(), "1" | "true" | "yes" | "on"));
    match host_class(host) {
        HostClass::Loopback => true,
        HostClass::PrivateLiteral | HostClass::LocalName => rule.private || broken,
        HostClass::OtherName => rule.other_names || broken,
        HostClass::PublicLiteral => rule.other_names,
    }
}

/// `127.0.0.1` in the client's own namespace.
fn loopback(process: &Process<'_>, url: &Url, gateway: &Gateway<'_>, model: &Model<'_>) -> Reach {
    let here = model.namespace(process.service);
    let there = owner_of(gateway, model);
    if here.is_some() && here == there {
        return at_port(url, gateway, model, process);
    }
    // What listens beside a container of another stack is not in these files.
    if matches!(here, Some(Namespace::Container(_))) {
        return Reach::Elsewhere;
    }
    // On the host's network a published port is on loopback, too.
    if here == Some(&Namespace::Host) {
        return match published_as(url.port, gateway, model) {
            Some(_) => published(gateway),
            None => Reach::OwnLoopback,
        };
    }
    Reach::OwnLoopback
}

/// Inside the gateway's namespace: only the port can be wrong.
fn at_port(url: &Url, gateway: &Gateway<'_>, model: &Model<'_>, process: &Process<'_>) -> Reach {
    let Some(listens) = gateway.port.number else { return Reach::Unsure };
    if gateway.may_be_behind(url.port) {
        return Reach::Unsure;
    }
    if url.port == listens {
        return scheme(url, gateway).unwrap_or(Reach::Gateway);
    }
    let here = model.namespace(process.service);
    let there = owner_of(gateway, model).filter(|there| here == Some(*there));
    let neighbour = there.and_then(|there| model.neighbours.foreign(there, Some(process)));
    match neighbour {
        Some(other) => Reach::OtherService(other.service.name.to_owned()),
        None => wrong_port(url, listens, gateway, model),
    }
}

/// Over a network: bind and port both count.
fn from_outside(url: &Url, gateway: &Gateway<'_>, model: &Model<'_>) -> Reach {
    let Some(listens) = gateway.port.number else { return Reach::Unsure };
    if gateway.may_be_behind(url.port) {
        return Reach::Unsure;
    }
    // Whoever listens on loopback is there on no port at all.
    if url.port != listens && gateway.bind.scope != Scope::Loopback {
        return wrong_port(url, listens, gateway, model);
    }
    // `lan` and its kin are 0.0.0.0: nobody is there on IPv6.
    if url.host.contains(':') && gateway.bind.scope == Scope::All {
        return Reach::Ipv6;
    }
    match gateway.bind.scope {
        Scope::Loopback => Reach::LoopbackBind,
        Scope::Unknown | Scope::Tailnet | Scope::Address(_) => Reach::Unsure,
        Scope::All => scheme(url, gateway).unwrap_or(Reach::Gateway),
    }
}

fn wrong_port(url: &Url, listens: u16, gateway: &Gateway<'_>, model: &Model<'_>) -> Reach {
    Reach::WrongPort { listens, published: published_as(url.port, gateway, model).is_some() }
}

fn scheme(url: &Url, gateway: &Gateway<'_>) -> Option<Reach> {
    let config = gateway.process.config()?;
    let tls = config.switched_on(&["gateway", "tls", "enabled"]).is_some();
    (tls != url.secure).then_some(Reach::Scheme { gateway_has_tls: tls })
}

fn docker_host(url: &Url, gateway: &Gateway<'_>, model: &Model<'_>) -> Reach {
    if owner_of(gateway, model) == Some(&Namespace::Host) && Some(url.port) == gateway.port.number {
        return match gateway.bind.scope {
            Scope::Loopback => Reach::LoopbackBind,
            Scope::All => Reach::Gateway,
            _ => Reach::Unsure,
        };
    }
    match published_as(url.port, gateway, model) {
        Some(true) if !model.docker_vm => Reach::HostLoopbackOnly,
        Some(_) => published(gateway),
        None if model.services.publishes(url.port) => Reach::Elsewhere,
        None => Reach::HostPortClosed,
    }
}

fn published(gateway: &Gateway<'_>) -> Reach {
    match gateway.bind.scope {
        Scope::Loopback => Reach::LoopbackBind,
        Scope::All => Reach::Gateway,
        _ => Reach::Unsure,
    }
}

/// Whether the host's `port` leads to the gateway's, and whether only on the host's loopback.
fn published_as(port: u16, gateway: &Gateway<'_>, model: &Model<'_>) -> Option<bool> {
    let Some(Namespace::Service(owner)) = owner_of(gateway, model) else { return None };
    let owner = model.services.named(owner)?;
    owner
        .ports
        .iter()
        .find(|mapping| {
            !mapping.udp && mapping.published == Some(port) && Some(mapping.target) == gateway.port.number
        })
        .map(|mapping| mapping.host_ip.is_some_and(names::is_loopback) && mapping.host_ip != Some("0.0.0.0"))
}

impl Reach {
    /// Whether the client gets as far as the gateway's listener; nothing where that cannot be told.
    pub(crate) fn arrives(&self) -> Option<bool> {
        match self {
            Self::Gateway => Some(true),
            Self::Elsewhere | Self::Unsure | Self::OtherService(_) => None,
            _ => Some(false),
        }
    }
}
