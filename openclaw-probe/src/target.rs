//! Where the gateway is: scheme pairs, default port, base path; and what a target must not hold.

use std::net::IpAddr;

use serde::Serialize;

/// The port a gateway listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 18789;

/// The address of one gateway.
///
/// ```
/// use openclaw_probe::Target;
/// let target: Target = "ws://gateway.example:18789".parse()?;
/// assert_eq!(target.http_url("/healthz"), "http://gateway.example:18789/healthz");
/// assert_eq!("127.0.0.1".parse::<Target>()?.to_string(), "ws://127.0.0.1:18789");
/// # Ok::<_, openclaw_probe::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    secure: bool,
    host: String,
    address: Option<IpAddr>,
    port: u16,
    base: String,
}

impl Target {
    /// The host name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address, when the host is a literal one.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// `host:port` as it goes into a `Host` header: IPv6 literals in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.address {
            Some(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// The base path, empty or starting with a slash and not ending in one.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base
    }

    /// The `http` or `https` URL of a path.
    #[must_use]
    pub fn http_url(&self, path: &str) -> String {
        format!("{}://{}{}{path}", if self.secure { "https" } else { "http" }, self.authority(), self.base)
    }

    /// The `ws` or `wss` URL of the gateway's socket.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("{}://{}{}/", if self.secure { "wss" } else { "ws" }, self.authority(), self.base)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.base)
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is not a target. No variant repeats the text: it may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing but blanks.
    #[error("the target is empty; expected host, host:port or a ws, wss, http or https URL")]
    Empty,
    /// A scheme other than the four.
    #[error("the scheme is not ws, wss, http or https")]
    Scheme,
    /// User name, password, query or fragment: the places where tokens hide in URLs.
    #[error("the URL carries {part}, where credentials leak into logs; give the token on its own")]
    Credentials {
        /// Which part of the URL.
        part: &'static str,
    },
    /// The host is missing or holds a character no host name has.
    #[error("the host is missing or not a host name or address")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The path holds blanks or control characters.
    #[error("the path holds a blank or control character")]
    Path,
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        let (secure, explicit, rest) = split_scheme(text)?;
        if rest.contains('?') {
            return Err(TargetError::Credentials { part: "a query" });
        }
        if rest.contains('#') {
            return Err(TargetError::Credentials { part: "a fragment" });
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(TargetError::Credentials { part: "user information" });
        }
        if path.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
            return Err(TargetError::Path);
        }
        let (host, port) = split_port(authority)?;
        let address = host.parse::<IpAddr>().ok();
        if address.is_none() && !is_host_name(host) {
            return Err(TargetError::Host);
        }
        let default = if explicit && secure { 443 } else { DEFAULT_PORT };
        let base = path.trim_end_matches('/');
        Ok(Self {
            secure,
            host: host.to_ascii_lowercase(),
            address,
            port: port.unwrap_or(default),
            base: if base.is_empty() { String::new() } else { format!("/{base}") },
        })
    }
}

/// `(secure, scheme was written, rest)`.
fn split_scheme(text: &str) -> Result<(bool, bool, &str), TargetError> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok((false, false, text)) };
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Ok((false, true, rest)),
        "wss" | "https" => Ok((true, true, rest)),
        _ => Err(TargetError::Scheme),
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), TargetError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(TargetError::Host)?;
        let port = match after {
            "" => None,
            _ => Some(parse_port(after.strip_prefix(':').ok_or(TargetError::Port)?)?),
        };
        return match host.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok((host, port)),
            Err(_) => Err(TargetError::Host),
        };
    }
    if authority.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((host, Some(parse_port(port)?))),
        None => Ok((authority, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, TargetError> {
    match text.parse::<u16>() {
        Ok(port) if port != 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(TargetError::Port),
    }
}

/// Letters, digits, `-`, `_` (Compose service names have it) and `.`; at most 253 bytes; a label is never empty.
fn is_host_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        match text.parse::<Target>() {
            Ok(target) => target.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn reads_what_operators_write() {
        for (text, expected) in [
            ("127.0.0.1", "ws://127.0.0.1:18789"),
            ("openclaw-gateway:19001", "ws://openclaw-gateway:19001"),
            ("http://localhost:18789/", "ws://localhost:18789"),
            ("wss://claw.example", "wss://claw.example:443"),
            ("https://claw.example/ui/", "wss://claw.example:443/ui"),
            ("::1", "ws://[::1]:18789"),
            ("ws://[fd00::2]:80", "ws://[fd00::2]:80"),
            ("  GATEWAY  ", "ws://gateway:18789"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_credentials_without_repeating_them() {
        for text in [
            "ws://user:canary@h",
            "http://h/?token=canary",
            "h#token=canary",
            "ftp://canary",
            "can ary",
            "h:0",
            "h:+1",
            "[::1",
        ] {
            let error = shown(text);
            assert!(error.starts_with("error: "), "{text} -> {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn display_parses_back(text in "(ws|wss)://([a-z][a-z0-9_-]{0,9}|[0-9]{1,2}\\.0\\.0\\.1|\\[::[1-9]\\])(:[1-9][0-9]{0,3})?(/[a-z]{1,5}){0,2}") {
            let target: Target = text.parse().expect("a valid target");
            prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = text.parse::<Target>();
        }
    }
}
