//! The short form of a port mapping: `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, with ranges.

use std::net::IpAddr;

use thiserror::Error;

/// What a short form asks for: a mapping, or one for each port of a range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    host_ip: String,
    /// The first and the last.
    targets: (u16, u16),
    published: Option<(u16, u16)>,
    protocol: String,
}

impl Ports {
    /// How many mappings there are: eleven bytes may ask for 65,535.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.targets.1 - self.targets.0) + 1
    }

    /// The mappings, ordered as texts, which is Compose's order.
    pub(crate) fn expand(&self) -> Vec<Port> {
        let (first, last) = self.targets;
        let mut ports: Vec<Port> = (first..=last)
            .map(|target| Port {
                host_ip: self.host_ip.clone(),
                published: match self.published {
                    None => String::new(),
                    Some((from, to)) if first == last && from != to => format!("{from}-{to}"),
                    Some((from, _)) => u32::from(from).saturating_add(u32::from(target - first)).to_string(),
                },
                target,
                protocol: self.protocol.clone(),
            })
            .collect();
        ports.sort_by_cached_key(|port| port.target.to_string());
        ports
    }
}

/// One mapping of a short form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) host_ip: String,
    /// A port, a range of ports to pick from, or nothing.
    pub(crate) published: String,
    pub(crate) target: u16,
    pub(crate) protocol: String,
}

/// Why a short form cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum PortProblem {
    #[error("invalid IP address {0:?}")]
    Address(String),
    #[error("no container port")]
    NoPort,
    #[error("invalid container port {0:?}")]
    Container(String),
    #[error("invalid host port {0:?}")]
    Host(String),
    #[error("the ranges {container:?} (container) and {host:?} (host) differ in length")]
    Ranges { container: String, host: String },
    #[error("invalid protocol {0:?}")]
    Protocol(String),
}

/// Reads a short form.
pub(crate) fn parse(spec: &str) -> Result<Ports, PortProblem> {
    let (rest, container) = spec.rsplit_once(':').unwrap_or(("", spec));
    let (ip, host) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (container, protocol) = split_protocol(container);

    // An IPv6 address wants brackets.
    let host_ip = match ip.strip_prefix('[') {
        Some(open) => open.strip_suffix(']').ok_or_else(|| PortProblem::Address(ip.to_owned()))?,
        None if ip.contains(':') => return Err(PortProblem::Address(ip.to_owned())),
        None => ip,
    };
    if !host_ip.is_empty() && host_ip.parse::<IpAddr>().is_err() {
        return Err(PortProblem::Address(host_ip.to_owned()));
    }
    if container.is_empty() {
        return Err(PortProblem::NoPort);
    }
    let (first, last) = range(container).ok_or_else(|| PortProblem::Container(container.to_owned()))?;
    let published = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| PortProblem::Host(host.to_owned()))?),
    };
    if let Some((host_first, host_last)) = published
        && last - first != host_last - host_first
        && first != last
    {
        return Err(PortProblem::Ranges { container: container.to_owned(), host: host.to_owned() });
    }
    let protocol = protocol.to_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(PortProblem::Protocol(protocol));
    }
    Ok(Ports { host_ip: host_ip.to_owned(), targets: (first, last), published, protocol })
}

fn split_protocol(container: &str) -> (&str, &str) {
    let mut parts = container.split('/');
    let port = parts.next().unwrap_or_default();
    match parts.next() {
        None | Some("") => (port, "tcp"),
        Some(protocol) => (port, protocol),
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| {
        if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u16>().ok() } else { None }
    };
    if !text.contains('-') {
        return number(text).map(|port| (port, port));
    }
    let mut parts = text.split('-');
    let first = number(parts.next()?)?;
    let last = number(parts.next()?)?;
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(spec: &str) -> String {
        match parse(spec) {
            Ok(ports) => ports
                .expand()
                .iter()
                .map(|port| format!("{}|{}|{}/{}", port.host_ip, port.published, port.target, port.protocol))
                .collect::<Vec<_>>()
                .join(" "),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn short_forms() {
        for (spec, expected) in [
            ("80", "||80/tcp"),
            ("8080:80", "|8080|80/tcp"),
            (":80", "||80/tcp"),
            ("127.0.0.1::80", "127.0.0.1||80/tcp"),
            ("127.0.0.1:8080:80/udp", "127.0.0.1|8080|80/udp"),
            ("[::1]:83:83", "::1|83|83/tcp"),
            ("::1:83:83", "invalid IP address \"::1\""),
            ("8000-8001:9000-9001", "|8000|9000/tcp |8001|9001/tcp"),
            ("6000-6001:60", "|6000-6001|60/tcp"),
            ("9-10", "||10/tcp ||9/tcp"),
            ("53:53/UDP", "|53|53/udp"),
            ("99999:80", "invalid host port \"99999\""),
            ("80:", "no container port"),
            ("80:99999", "invalid container port \"99999\""),
            ("x:80:80", "invalid IP address \"x\""),
            (
                "8000-8005:9000-9001",
                "the ranges \"9000-9001\" (container) and \"8000-8005\" (host) differ in length",
            ),
            ("90-80", "invalid container port \"90-80\""),
            ("80/icmp", "invalid protocol \"icmp\""),
        ] {
            assert_eq!(short(spec), expected, "{spec}");
        }
    }
}
