//! Which web pages may open a socket. OpenClaw 2026.9.6 observed behaviour.

use std::net::IpAddr;

/// `Err` holds `details.reason`.
pub(super) fn check(
    origin: Option<&str>,
    host: &str,
    local: bool,
    allowed: &[String],
) -> Result<(), &'static str> {
    let Some((scheme_and_host, origin_host)) = origin.and_then(split) else {
        return Err("origin missing or invalid");
    };
    let listed = allowed.iter().any(|entry| entry == "*" || entry.eq_ignore_ascii_case(&scheme_and_host));
    let same = host.eq_ignore_ascii_case(&origin_host) && is_trusted_same_origin(host, local);
    let loopback = local && is_loopback(host_name(&origin_host));
    if listed || same || loopback { Ok(()) } else { Err("origin not allowed") }
}

/// `localhost`, `127.0.0.0/8` and `::1`.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Addresses that only a private network can hold.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// The host of an origin, without its port.
pub(super) fn origin_host_name(origin: &str) -> Option<String> {
    split(origin).map(|(_, host)| host_name(&host).to_owned())
}

/// `name:port` or `[v6]:port` without the port.
pub(super) fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

fn split(origin: &str) -> Option<(String, String)> {
    let origin = origin.trim();
    let (scheme, rest) = origin.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    matches!(scheme, "http" | "https")
        .then(|| (format!("{scheme}://{host}").to_lowercase(), host.to_lowercase()))
}

fn is_trusted_same_origin(host: &str, local: bool) -> bool {
    let name = host_name(host);
    if is_loopback(name) {
        return local;
    }
    match name.parse::<IpAddr>() {
        Ok(address) => is_private(address),
        Err(_) => name.ends_with(".local") || name.ends_with(".ts.net"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_judged_as_the_gateway_judges_them() {
        let allowed = ["http://localhost:18789".to_owned()];
        let judge = |origin, host, local| check(origin, host, local, &allowed);
        assert_eq!(judge(None, "10.0.0.5:18789", false), Err("origin missing or invalid"));
        assert_eq!(judge(Some("null"), "10.0.0.5:18789", false), Err("origin missing or invalid"));
        assert_eq!(judge(Some("http://localhost:18789"), "10.0.0.5:18789", false), Ok(()));
        assert_eq!(judge(Some("http://localhost:8080"), "10.0.0.5:18789", false), Err("origin not allowed"));
        assert_eq!(judge(Some("http://localhost:8080"), "127.0.0.1:18789", true), Ok(()));
        assert_eq!(judge(Some("http://10.0.0.5:18789"), "10.0.0.5:18789", false), Ok(()));
        assert_eq!(judge(Some("http://8.8.8.8:18789"), "8.8.8.8:18789", false), Err("origin not allowed"));
        assert_eq!(judge(Some("https://host.ts.net"), "host.ts.net", false), Ok(()));
    }
}
