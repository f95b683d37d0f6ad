//! What plain HTTP requests are answered. OpenClaw 2026.9.6 observed behaviour.

use super::clock::http_date;
use super::lockout::{Credential, Guesser};
use super::state::{Phase, State};
use serde_json::{Value, json};
use std::net::IpAddr;

/// A request line and its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    headers: Vec<(String, String)>,
}

/// A response; `Date` and `Connection` are added when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    /// Close the connection after this response.
    pub(super) last: bool,
}

impl Request {
    /// Reads a request head without its final empty line; `None` if it is not one.
    pub(super) fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut start = lines.next()?.split(' ');
        let (method, target, version) = (start.next()?, start.next()?, start.next()?);
        if start.next().is_some()
            || !version.starts_with("HTTP/1.")
            || method.is_empty()
            || !target.starts_with('/')
        {
            return None;
        }
        let path = target.split('?').next().unwrap_or(target).to_owned();
        let mut headers = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Self { method: method.to_owned(), path, headers })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_upgrade(&self) -> bool {
        self.lists("connection", "upgrade") && self.lists("upgrade", "websocket")
    }

    /// The client wants no further response on this connection.
    pub(super) fn is_last(&self) -> bool {
        self.lists("connection", "close")
    }

    /// Is this token in a header that holds a list, in one line or in several?
    fn lists(&self, name: &str, token: &str) -> bool {
        let values = self.headers.iter().filter(|(held, _)| held == name).map(|(_, value)| value);
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    /// Any header that a proxy adds. Without trusted proxies it makes a caller nobody can name.
    pub(super) fn is_forwarded(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-"))
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

impl Response {
    fn new(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: body.into(),
            last: false,
        }
    }

    fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn closing(mut self) -> Self {
        self.last = true;
        self
    }

    /// A request that is not HTTP.
    pub(super) fn bad_request() -> Self {
        Self { status: 400, headers: Vec::new(), body: String::new(), last: true }
    }

    /// Headers of more than 16 KiB.
    pub(super) fn too_large() -> Self {
        Self { status: 431, headers: Vec::new(), body: String::new(), last: true }
    }

    /// WebSocket upgrade through a proxy that is not trusted.
    pub(super) fn unattributable() -> Self {
        Self::json(
            403,
            &json!({ "error": {
                "message": "Proxy client attribution is required. Configure gateway.trustedProxies narrowly and make the \
                            proxy overwrite or safely rebuild forwarded client headers.",
                "type": "proxy_attribution_required"
            } }),
        )
    }

    /// WebSocket upgrade while draining.
    pub(super) fn admission_closed() -> Self {
        Self::text(503, "Gateway websocket admission closed").closing()
    }

    /// The bytes on the wire. HEAD has the headers of GET and no body.
    pub(super) fn write(&self, method: &str, now_ms: u64) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason_phrase(self.status));
        let mut line = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        line("X-Content-Type-Options", "nosniff");
        line("Referrer-Policy", "no-referrer");
        for (name, value) in &self.headers {
            line(name, value);
        }
        line("Content-Length", &self.body.len().to_string());
        line("Date", &http_date(now_ms));
        if self.last {
            line("Connection", "close");
        } else {
            line("Connection", "keep-alive");
            line("Keep-Alive", "timeout=5");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if method != "HEAD" {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

/// The three probes, each with its alias.
#[derive(Clone, Copy)]
enum Probe {
    Live,
    Ready,
    Startup,
}

/// Answers one request from `peer`.
pub(super) fn respond(state: &mut State, request: &Request, peer: IpAddr) -> Response {
    let probe = match request.path.as_str() {
        "/healthz" | "/health" => Probe::Live,
        "/readyz" | "/ready" => Probe::Ready,
        "/startupz" | "/startup" if state.release.is_of_august() => Probe::Startup,
        other => return web_interface(&request.method, other),
    };
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::text(405, "Method Not Allowed").header("Allow", "GET, HEAD");
    }
    if matches!(probe, Probe::Live) {
        return Response::json(200, &json!({ "ok": true, "status": "live" }))
            .header("Cache-Control", "no-store");
    }
    if request.is_forwarded() && state.release.is_of_august() {
        return Response::unattributable();
    }
    let detailed =
        peer.is_loopback() || request.bearer().is_some_and(|token| bearer_matches(state, token, peer));
    let (status, body) = match probe {
        Probe::Live | Probe::Ready => readiness(state, detailed),
        Probe::Startup => startup(state, detailed),
    };
    Response::json(status, &body).header("Cache-Control", "no-store")
}

/// A wrong Bearer is no error, yet counts like a wrong token; while the address is locked the right one shows nothing.
fn bearer_matches(state: &mut State, token: &str, peer: IpAddr) -> bool {
    let (guesser, now) = (Guesser::Address(peer), state.now());
    if state.lockout.locked(Credential::SharedSecret, &guesser, now).is_some() {
        return false;
    }
    if state.is_shared_secret(token) {
        state.lockout.succeed(Credential::SharedSecret, &guesser);
        return true;
    }
    state.lockout.fail(Credential::SharedSecret, &guesser, now);
    false
}

fn readiness(state: &State, detailed: bool) -> (u16, Value) {
    let failing: &[&str] = match state.phase {
        Phase::Starting => &["startup-sidecars"],
        Phase::Ready => &[],
        Phase::Draining => &["gateway-draining"],
    };
    let ready = failing.is_empty();
    let body = if detailed {
        json!({
            "ready": ready, "failing": failing, "uptimeMs": state.uptime_ms(),
            "eventLoop": {
                "degraded": false, "degradedSinceMs": null, "reasons": [], "intervalMs": 1000.0, "delayP99Ms": 1.0,
                "delayMaxMs": 1.0, "utilization": 0.01, "cpuCoreRatio": 0.01,
                "cpuBreakdown": {
                    "mainThreadCoreRatio": 0.01, "hostUtilization": 0.1, "hostCpuCount": 2, "workerCoreRatio": 0.0,
                    "otherThreadsCoreRatio": 0.0
                }
            }
        })
    } else {
        json!({ "ready": ready })
    };
    (if ready { 200 } else { 503 }, body)
}

fn startup(state: &State, detailed: bool) -> (u16, Value) {
    let (status, word) = match state.phase {
        Phase::Starting => (503, "starting"),
        Phase::Ready => (200, "started"),
        Phase::Draining => (503, "draining"),
    };
    let mut body = json!({ "ok": status == 200, "status": word });
    if let Some(object) = body.as_object_mut().filter(|_| detailed) {
        object.insert("version".into(), json!(state.release.number()));
        object.insert("uptimeMs".into(), json!(state.uptime_ms()));
        if state.phase == Phase::Starting {
            object.insert("pendingReason".into(), json!("startup-sidecars"));
        }
    }
    (status, body)
}

/// Everything else is the web interface's: any unknown page is its start page.
fn web_interface(method: &str, path: &str) -> Response {
    let is_page = !path.starts_with("/api") && (path == "/" || !path.ends_with('/'));
    if is_page && matches!(method, "GET" | "HEAD") {
        return Response::new(
            200,
            "text/html; charset=utf-8",
            "<!doctype html>\n<html lang=\"en\"><head><title>OpenClaw Control</title></head><body></body></html>\n",
        )
        .header("Cache-Control", "no-cache");
    }
    Response::text(404, "Not Found")
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_head_is_read_and_nonsense_is_not() {
        let request =
            Request::parse("GET /readyz?x=1 HTTP/1.1\r\nHost: a\r\nAuthorization: bearer  t \r\n").unwrap();
        assert_eq!(
            (request.path.as_str(), request.header("host"), request.bearer()),
            ("/readyz", Some("a"), Some("t"))
        );
        for head in [
            "",
            "GET /",
            "GET / HTTP/2.0",
            "GET x HTTP/1.1",
            "\u{16}\u{3}\u{1}",
            "GET / HTTP/1.1\r\nno colon",
        ] {
            assert_eq!(Request::parse(head), None, "{head:?}");
        }
    }

    #[test]
    fn an_upgrade_is_seen_among_other_tokens() {
        let head = "GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
        assert!(Request::parse(head).unwrap().is_upgrade());
        assert!(!Request::parse("GET / HTTP/1.1\r\nUpgrade: websocket\r\n").unwrap().is_upgrade());
    }
}
