//! URLs as far as a gateway client needs them: scheme, host, port, credentials in them, and whether plaintext is admitted.

use std::net::IpAddr;

use super::names;

/// A `ws`, `wss`, `http` or `https` URL taken apart. Offsets count bytes of the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) secure: bool,
    pub(crate) host: String,
    /// The port, written or by scheme.
    pub(crate) port: u16,
    pub(crate) port_at: Option<(usize, usize)>,
    pub(crate) host_at: (usize, usize),
    pub(crate) has_credentials: bool,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        let lead = text.len() - text.trim_start().len();
        let (scheme, rest) = trimmed.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return None,
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..authority_end)?;
        let tail = rest.get(authority_end..)?;
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(userinfo), host_port),
            None => (None, authority),
        };
        let start = lead + scheme.len() + 3 + userinfo.map_or(0, |userinfo| userinfo.len() + 1);
        let (host, port) = match host_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match host_port.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host_port, None),
            },
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return None;
        }
        let port_number = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None if secure => 443,
            None => 80,
        };
        let bracket = usize::from(host_port.starts_with('['));
        let end = start + host_port.len();
        Some(Self {
            secure,
            host: host.to_ascii_lowercase(),
            port: port_number,
            port_at: port.map(|port| (end - port.len(), end)),
            host_at: (start + bracket, start + bracket + host.len()),
            has_credentials: userinfo.is_some() || tail.contains("token=") || tail.contains("password="),
        })
    }

    /// The URL without credentials, path or query.
    pub(crate) fn shown(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// How OpenClaw's plaintext gate sees a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostClass {
    Loopback,
    /// A private, CGNAT, link-local or ULA literal.
    PrivateLiteral,
    PublicLiteral,
    /// `*.local` or a tailnet name.
    LocalName,
    /// Any other name, `host.docker.internal` and Compose service names among them.
    OtherName,
}

pub(crate) fn host_class(host: &str) -> HostClass {
    if names::is_loopback(host) {
        return HostClass::Loopback;
    }
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            let carrier_grade = a == 100 && (64..128).contains(&b);
            if ip.is_private() || ip.is_link_local() || carrier_grade {
                HostClass::PrivateLiteral
            } else {
                HostClass::PublicLiteral
            }
        }
        Ok(IpAddr::V6(ip)) => {
            let first = ip.segments()[0];
            let private = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            if private { HostClass::PrivateLiteral } else { HostClass::PublicLiteral }
        }
        Err(_) if host.ends_with(".local") || host.ends_with(".ts.net") => HostClass::LocalName,
        Err(_) => HostClass::OtherName,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart_at_the_right_bytes() {
        let text = "ws://user:pw@openclaw-gateway:18789/x?token=1";
        let url = Url::parse(text).expect("a URL");
        assert_eq!(
            (url.host.as_str(), url.port, url.secure, url.has_credentials),
            ("openclaw-gateway", 18789, false, true)
        );
        assert_eq!(&text[url.host_at.0..url.host_at.1], "openclaw-gateway");
        let port = url.port_at.expect("a port");
        assert_eq!(&text[port.0..port.1], "18789");
        assert_eq!(Url::parse("wss://claw.example.com").map(|url| url.port), Some(443));
        let six = Url::parse("ws://[::1]:18789").expect("a URL");
        assert_eq!((six.host.as_str(), six.port), ("::1", 18789));
        for bad in ["", "openclaw-gateway:18789", "ws://", "ws://a:b", "ftp://a", "ws://:1"] {
            assert_eq!(Url::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hosts_fall_into_the_gates_classes() {
        for (host, class) in [
            ("127.0.0.1", HostClass::Loopback),
            ("::1", HostClass::Loopback),
            ("localhost", HostClass::Loopback),
            ("172.18.0.2", HostClass::PrivateLiteral),
            ("100.64.0.1", HostClass::PrivateLiteral),
            ("fd00::1", HostClass::PrivateLiteral),
            ("8.8.8.8", HostClass::PublicLiteral),
            ("mac.local", HostClass::LocalName),
            ("box.tail1.ts.net", HostClass::LocalName),
            ("openclaw-gateway", HostClass::OtherName),
            ("host.docker.internal", HostClass::OtherName),
        ] {
            assert_eq!(host_class(host), class, "{host}");
        }
    }
}
