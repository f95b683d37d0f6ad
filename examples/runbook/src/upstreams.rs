//! Where a proxy led a request that failed, as its own log names it: nginx and its kin, and whatever is written in Go
//! (Caddy, Traefik, cloudflared), whose words for a dial that fails are the language's.

use openclaw_compose::openclaw::Upstream;

use crate::captured::Text;

/// What a line about an upstream has, whoever wrote it.
const WORDS: [&str; 6] = [
    "upstream",
    "dial tcp",
    "attempt to connect to",
    "originService",
    "could not be resolved",
    "no such host",
];

/// What the log of one service names, in the order of its lines.
pub(crate) fn upstreams(log: &Text) -> impl Iterator<Item = Upstream> {
    log.text.lines().enumerate().filter_map(|(index, line)| {
        if !WORDS.iter().any(|word| line.contains(word)) {
            return None;
        }
        let (host, port) = named(line)?;
        let address = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let said = format!("{} line {}: it does not get through to {address}", log.name, index + 1);
        Some(Upstream { host, port, said })
    })
}

/// Host and port of an upstream that could not be asked.
fn named(line: &str) -> Option<(String, Option<u16>)> {
    // `connect() failed (111: Connection refused) while connecting to upstream, ..., upstream: "http://172.21.0.3:18789/"`
    if let Some((_, rest)) = line.split_once("upstream: \"") {
        return address(rest.split('"').next()?);
    }
    // `host not found in upstream "openclaw:18789"`
    if let Some((_, rest)) = line.split_once("host not found in upstream \"") {
        return address(rest.split('"').next()?);
    }
    // `[error] 188#188: *12 openclaw-gateway could not be resolved (3: Host not found)`
    if let Some((before, _)) = line.split_once(" could not be resolved (") {
        return address(before.rsplit(' ').next()?);
    }
    // `attempt to connect to 172.18.0.3:18789 (openclaw) failed`
    if let Some((_, rest)) = line.split_once("attempt to connect to ") {
        return address(rest.split([' ', ',']).next()?);
    }
    // `dial tcp: lookup openclaw on 127.0.0.11:53: no such host`; what was meant to be dialled stands elsewhere in the line.
    if let Some((_, rest)) = line.split_once("dial tcp: lookup ") {
        let name = rest.split([' ', ':', '"']).next().filter(|name| is_host(name))?;
        let port = line.match_indices(name).find_map(|(at, _)| port(line.get(at + name.len()..)?));
        return Some((name.to_owned(), port));
    }
    // `dial tcp 172.20.0.2:18789: connect: connection refused`
    let (_, rest) = line.split_once("dial tcp ")?;
    let end = rest.find(": ")?;
    address(rest.get(..end)?)
}

/// The digits behind a colon.
fn port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// Host and port of `host:port`, `scheme://host:port/path` or `[v6]:port`.
fn address(text: &str) -> Option<(String, Option<u16>)> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', ' ']).next()?;
    let (host, rest) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some(parts) => parts,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    is_host(host).then(|| (host.to_ascii_lowercase(), port(rest)))
}

/// A name or an address and nothing else: what it says is shown.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proxy_says_it_in_its_own_words() {
        let cases = [
            (
                "2026/02/13 18:20:11 [error] 214#214: *61 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.30, server: claw.example.org, request: \"GET / HTTP/2.0\", upstream: \"http://172.21.0.3:18789/\", host: \"claw.example.org\"",
                ("172.21.0.3", Some(18789)),
            ),
            (
                "2026/05/09 11:02:10 [error] 188#188: *12 gw could not be resolved (3: Host not found), client: 192.0.2.44",
                ("gw", None),
            ),
            ("nginx: [emerg] host not found in upstream \"gw\" in /etc/nginx/conf.d/a.conf:7", ("gw", None)),
            (
                "{\"level\":\"error\",\"ts\":1.5,\"logger\":\"http.log.error\",\"msg\":\"dial tcp 172.20.0.2:18789: connect: connection refused\",\"status\":502}",
                ("172.20.0.2", Some(18789)),
            ),
            (
                "{\"level\":\"error\",\"msg\":\"dial tcp: lookup gw on 127.0.0.11:53: no such host\",\"upstream\":\"gw:18789\"}",
                ("gw", Some(18789)),
            ),
            (
                "2026-03-01T10:00:00Z DBG '502 Bad Gateway' caused by: dial tcp [::1]:18789: connect: connection refused",
                ("::1", Some(18789)),
            ),
            (
                "2026-03-01T10:00:00Z ERR error=\"Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: dial tcp 127.0.0.1:18789: connect: connection refused\" connIndex=0 originService=http://localhost:18789",
                ("127.0.0.1", Some(18789)),
            ),
            (
                "[proxy:error] (111)Connection refused: AH00957: http: attempt to connect to 172.18.0.3:18789 (openclaw) failed",
                ("172.18.0.3", Some(18789)),
            ),
        ];
        for (line, (host, port)) in cases {
            assert_eq!(named(line), Some((host.to_owned(), port)), "{line}");
        }
        for line in
            ["GET /upstream HTTP/1.1 200", "upstream: \"unix:/run/x.sock\" y", "dial tcp: lookup x y z on"]
        {
            assert!(named(line).is_none_or(|(host, port)| port.is_none() && !host.contains('/')), "{line}");
        }
    }
}
