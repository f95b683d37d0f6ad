//! What can go wrong, and the one code that each ends as.

#[cfg(feature = "tls-ring")]
use super::certificates;
use crate::server::{CHALLENGE, Reply, Script, Socket, Step, Transport, frame, hello, json};
use openclaw_probe::{Code, Rung};

/// One fault.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) server: Server,
    pub(crate) rung: Rung,
    pub(crate) code: Code,
}

/// What the prober meets.
pub(crate) enum Server {
    Script(Box<Script>),
    /// Nothing listens.
    Nothing,
    /// A listener whose queue is full, so that connecting is not answered.
    FullQueue,
    /// An address that cannot be routed to.
    NoRoute,
    /// A name pinned to no address.
    NoName,
    /// A name, and no time to look it up.
    NoTime,
}

fn script(change: impl FnOnce(&mut Script)) -> Server {
    let mut script = Script::good();
    change(&mut script);
    Server::Script(Box::new(script))
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = network();
    cases.extend(http());
    cases.extend(state());
    cases.extend(upgrade());
    cases.extend(socket());
    cases.extend(session());
    #[cfg(feature = "tls-ring")]
    cases.extend(tls());
    cases
}

fn network() -> Vec<Case> {
    let case = |what, server, rung, code| Case { what, server, rung, code };
    let transport = |transport| script(|s| s.transport = transport);
    vec![
        case("the name has no address", Server::NoName, Rung::Resolve, Code::NameNotFound),
        case("the name service does not answer", Server::NoTime, Rung::Resolve, Code::NameLookupTimeout),
        case("nothing listens", Server::Nothing, Rung::Tcp, Code::ConnectionRefused),
        case("SYN is not answered", Server::FullQueue, Rung::Tcp, Code::ConnectTimeout),
        case("no route to the address", Server::NoRoute, Rung::Tcp, Code::HostUnreachable),
        case("accepted, then reset", transport(Transport::Reset), Rung::Liveness, Code::ConnectionReset),
        case("accepted, then closed", transport(Transport::Close), Rung::Liveness, Code::ClosedWithoutAnswer),
        case("accepted, then silent", transport(Transport::Silence), Rung::Liveness, Code::HttpTimeout),
        case(
            "an SSH server",
            transport(Transport::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".into())),
            Rung::Liveness,
            Code::NotHttp,
        ),
        case(
            "binary noise",
            transport(Transport::Bytes(vec![0, 1, 2, 0xff, 0xfe, b'\r', b'\n'])),
            Rung::Liveness,
            Code::NotHttp,
        ),
        case(
            "a TLS listener on a plain URL",
            transport(Transport::Bytes(vec![21, 3, 3, 0, 2, 2, 10])),
            Rung::Liveness,
            Code::NotHttp,
        ),
    ]
}

fn http() -> Vec<Case> {
    let case =
        |what, reply, code| Case { what, server: script(|s| s.healthz = reply), rung: Rung::Liveness, code };
    let html =
        |status| Reply::Page(status, "text/html; charset=utf-8", "<!doctype html><title>x</title>".into());
    let raw = |text: &str| Reply::Raw(text.into());
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    vec![
        case("head stalls halfway", Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Ty".into()), Code::HttpTimeout),
        case(
            "body stalls halfway",
            Reply::Stall(format!("{ok}Content-Length: 27\r\n\r\n{{\"ok\"").into()),
            Code::HttpTimeout,
        ),
        case("head cut off", raw("HTTP/1.1 200 OK\r\nContent-Ty"), Code::ClosedWithoutAnswer),
        case("body cut off", raw(&format!("{ok}Content-Length: 27\r\n\r\n{{\"ok\"")), Code::AnswerTruncated),
        case(
            "chunked body cut off",
            raw(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n1b\r\n{{\"ok\"")),
            Code::AnswerTruncated,
        ),
        case(
            "chunk size is nonsense",
            raw(&format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n")),
            Code::AnswerTruncated,
        ),
        case(
            "chunk size is near 2^64",
            Reply::Stall(
                format!(
                    "{ok}Transfer-Encoding: chunked\r\n\r\n14\r\n{}\r\nffffffffffffffec\r\n",
                    " ".repeat(20)
                )
                .into(),
            ),
            Code::HttpTimeout,
        ),
        case("status line is nonsense", raw("HTTP/1.1 abc\r\n\r\n"), Code::NotHttp),
        case(
            "header never ends",
            Reply::Endless(b"HTTP/1.1 200 OK\r\n".into(), format!("X-More: {}\r\n", "x".repeat(1000)).into()),
            Code::HeaderTooLarge,
        ),
        case(
            "interim answers never end",
            Reply::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(64)),
            Code::HeaderTooLarge,
        ),
        case(
            "body is announced as 5 GB",
            Reply::Endless(format!("{ok}Content-Length: 5000000000\r\n\r\n").into(), vec![b' '; 4096]),
            Code::BodyTooLarge,
        ),
        case(
            "chunked body never ends",
            Reply::Endless(
                format!("{ok}Transfer-Encoding: chunked\r\n\r\n").into(),
                format!("1000\r\n{}\r\n", " ".repeat(4096)).into(),
            ),
            Code::BodyTooLarge,
        ),
        case(
            "zeros before a chunk size never end",
            Reply::Endless(format!("{ok}Transfer-Encoding: chunked\r\n\r\n").into(), vec![b'0'; 4096]),
            Code::BodyTooLarge,
        ),
        case(
            "trailers never end",
            Reply::Endless(
                format!("{ok}Transfer-Encoding: chunked\r\n\r\n0\r\n").into(),
                b"X-More: x\r\n".repeat(64),
            ),
            Code::AnswerTruncated,
        ),
        case(
            "body without length never ends",
            Reply::Endless(format!("{ok}\r\n").into(), vec![b' '; 4096]),
            Code::BodyTooLarge,
        ),
        case("200, web page", html(200), Code::HtmlInsteadOfJson),
        case("200, another service's JSON", json(200, r#"{"status":"UP"}"#), Code::NotTheGateway),
        case("200, live but ok is false", json(200, r#"{"ok":false,"status":"live"}"#), Code::NotTheGateway),
        case(
            "200, the right body as text/plain",
            Reply::Page(200, "text/plain", r#"{"ok":true,"status":"live"}"#.into()),
            Code::NotTheGateway,
        ),
        case("200, JSON that is none", json(200, "{"), Code::NotTheGateway),
        case("204", raw("HTTP/1.1 204 No Content\r\n\r\n"), Code::NotTheGateway),
        case(
            "302 to a login page",
            raw(
                "HTTP/1.1 302 Found\r\nLocation: https://login.example/?next=secret\r\nContent-Length: 0\r\n\r\n",
            ),
            Code::Redirected,
        ),
        case("401 from a proxy", html(401), Code::Unauthorized),
        case("403 from a proxy", html(403), Code::Forbidden),
        case("404", Reply::Page(404, "text/plain", "Not Found".into()), Code::PathNotFound),
        case("500", html(500), Code::UnexpectedStatus),
        case("502 from a proxy", html(502), Code::BadGateway),
        case("503 from a proxy", html(503), Code::ServiceUnavailable),
        case("504 from a proxy", html(504), Code::BadGateway),
    ]
}

fn state() -> Vec<Case> {
    let startup =
        |what, reply, code| Case { what, server: script(|s| s.startupz = reply), rung: Rung::Startup, code };
    let ready =
        |what, reply, code| Case { what, server: script(|s| s.readyz = reply), rung: Rung::Readiness, code };
    let attribution = r#"{"error":{"message":"Proxy client attribution is required.","type":"proxy_attribution_required"}}"#;
    vec![
        startup(
            "starting",
            json(503, r#"{"ok":false,"status":"starting","pendingReason":"startup-sidecars"}"#),
            Code::Starting,
        ),
        startup(
            "starting, told to a remote caller",
            json(503, r#"{"ok":false,"status":"starting"}"#),
            Code::Starting,
        ),
        startup("draining", json(503, r#"{"ok":false,"status":"draining"}"#), Code::Draining),
        startup("a proxy that is not trusted", json(403, attribution), Code::ProxyAttributionRequired),
        startup("startup JSON of something else", json(200, r#"{"state":"up"}"#), Code::StateUnreadable),
        startup(
            "a status of the future",
            json(503, r#"{"ok":false,"status":"hibernating"}"#),
            Code::StateUnreadable,
        ),
        startup("startup silent", Reply::Stall(Vec::new()), Code::HttpTimeout),
        startup("startup reset", Reply::Reset, Code::ConnectionReset),
        ready(
            "one channel failing",
            json(503, r#"{"ready":false,"failing":["channel:chat"]}"#),
            Code::NotReady,
        ),
        ready("not ready, told to a remote caller", json(503, r#"{"ready":false}"#), Code::NotReady),
        ready(
            "sidecars pending",
            json(503, r#"{"ready":false,"failing":["startup-sidecars"]}"#),
            Code::Starting,
        ),
        ready(
            "readiness draining",
            json(503, r#"{"ready":false,"failing":["gateway-draining"]}"#),
            Code::Draining,
        ),
        ready("readiness JSON of something else", json(200, r#"{"degraded":true}"#), Code::StateUnreadable),
    ]
}

fn upgrade() -> Vec<Case> {
    let case = |what, reply, code| Case {
        what,
        server: script(|s| s.socket = Socket::Refuse(reply)),
        rung: Rung::Upgrade,
        code,
    };
    let html = |status| Reply::Page(status, "text/html", "<html>".into());
    let raw = |text: &str| Reply::Raw(text.into());
    let attribution = r#"{"error":{"type":"proxy_attribution_required"}}"#;
    vec![
        case("upgrade: 200, web page", html(200), Code::UpgradeIgnored),
        case("upgrade: 200, JSON", json(200, "{}"), Code::UpgradeIgnored),
        case(
            "upgrade: 302",
            raw("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"),
            Code::Redirected,
        ),
        case("upgrade: 401", html(401), Code::Unauthorized),
        case("upgrade: 403", html(403), Code::Forbidden),
        case("upgrade: 403, attribution", json(403, attribution), Code::ProxyAttributionRequired),
        case("upgrade: 404", html(404), Code::PathNotFound),
        case("upgrade: 426", html(426), Code::UnexpectedStatus),
        case("upgrade: 502", html(502), Code::BadGateway),
        case(
            "upgrade: 503 while draining",
            Reply::Page(503, "text/plain", "Gateway websocket admission closed".into()),
            Code::Draining,
        ),
        case("upgrade: 503 from a proxy", html(503), Code::ServiceUnavailable),
        case(
            "upgrade: wrong accept key",
            raw(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            ),
            Code::UpgradeInvalid,
        ),
        case(
            "upgrade: 101 without Upgrade",
            raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n"),
            Code::UpgradeInvalid,
        ),
        case("upgrade: not HTTP", raw("hello there\r\n\r\n"), Code::NotHttp),
        case("upgrade: silence", Reply::Stall(Vec::new()), Code::UpgradeTimeout),
        case("upgrade: closed", raw(""), Code::ClosedWithoutAnswer),
        case("upgrade: reset", Reply::Reset, Code::ConnectionReset),
    ]
}

fn socket() -> Vec<Case> {
    let case = |what, steps, code| Case {
        what,
        server: script(|s| s.socket = Socket::Open(steps)),
        rung: Rung::Challenge,
        code,
    };
    let text = |text: &str| vec![Step::Text(text.into())];
    let raw = |bytes: Vec<u8>| vec![Step::Raw(bytes)];
    let close = |code, reason| vec![Step::Close(Some((code, reason)))];
    vec![
        case("open, then silence", vec![], Code::ChallengeTimeout),
        case("pings only", vec![Step::Raw(frame(0x89, b"").repeat(40))], Code::FrameInvalid),
        case(
            "a message in frames without end",
            vec![Step::Endless(frame(0x01, b""), frame(0x00, b"").repeat(1024))],
            Code::FrameTooLarge,
        ),
        case("a binary frame", raw(frame(0x82, &[1, 2, 3])), Code::FrameBinary),
        case(
            "a frame announced as 5 GB",
            raw([&[0x81, 127][..], &5_000_000_000u64.to_be_bytes()].concat()),
            Code::FrameTooLarge,
        ),
        case("a first frame of 70 KB", text(&" ".repeat(70_000)), Code::FrameTooLarge),
        case("not UTF-8", raw(frame(0x81, &[0xff, 0xfe])), Code::FrameInvalid),
        case("reserved bits", raw(frame(0xf1, b"{}")), Code::FrameInvalid),
        case("a masked frame", raw(vec![0x81, 0x82, 0, 0, 0, 0, b'{', b'}']), Code::FrameInvalid),
        case("not JSON", text("welcome"), Code::ChallengeUnreadable),
        case(
            "another event",
            text(r#"{"type":"event","event":"tick","payload":{}}"#),
            Code::ChallengeUnreadable,
        ),
        case(
            "a challenge without nonce",
            text(r#"{"type":"event","event":"connect.challenge","payload":{"ts":1}}"#),
            Code::ChallengeUnreadable,
        ),
        case("dropped after the upgrade", vec![Step::Drop], Code::ConnectionLost),
        case("closed 1000, the handshake timer", close(1000, ""), Code::ClosedNormally),
        case("closed 1001", close(1001, "going away"), Code::ClosedOther),
        case("closed 1002", close(1002, "protocol mismatch"), Code::ClosedProtocol),
        case("closed 1008", close(1008, "gateway ingress attribution required"), Code::ClosedPolicy),
        case("closed 1009", close(1009, ""), Code::ClosedTooLarge),
        case("closed 1011", close(1011, "gateway message handler unavailable"), Code::ClosedInternal),
        case("closed 1012", close(1012, "service restart"), Code::ClosedRestart),
        case("closed 1013", close(1013, "gateway starting"), Code::ClosedTryLater),
        case("closed 4001", close(4001, "gateway auth changed"), Code::ClosedAuthChanged),
        case("closed without a code", vec![Step::Close(None)], Code::ClosedOther),
    ]
}

fn session() -> Vec<Case> {
    let answered = |what, answer: Vec<Step>, code| {
        let steps = [vec![Step::Text(CHALLENGE.into()), Step::Await], answer].concat();
        Case { what, server: script(|s| s.socket = Socket::Open(steps)), rung: Rung::Hello, code }
    };
    let refused = |what, error: serde_json::Value, code| {
        let answer =
            serde_json::json!({ "type": "res", "id": "probe-1", "ok": false, "error": error }).to_string();
        answered(what, vec![Step::Text(answer), Step::Close(Some((1008, "see above")))], code)
    };
    let details = |code: &str| serde_json::json!({ "code": "INVALID_REQUEST", "message": "refused", "details": { "code": code } });
    let error = |code: &str, message: &str| serde_json::json!({ "code": code, "message": message });
    let mut scopeless =
        answered("hello without the scope asked for", vec![Step::Text(hello(&[]))], Code::ScopeMissing);
    scopeless.rung = Rung::Scope;
    vec![
        answered("connect: silence", vec![], Code::HelloTimeout),
        answered(
            "connect: closed 1008 without an answer",
            vec![Step::Close(Some((1008, "slow consumer")))],
            Code::ClosedPolicy,
        ),
        answered("connect: dropped", vec![Step::Drop], Code::ConnectionLost),
        answered("connect: a binary answer", vec![Step::Raw(frame(0x82, &[0]))], Code::FrameBinary),
        answered("connect: not JSON", vec![Step::Text("no".into())], Code::HelloUnreadable),
        answered(
            "connect: answer to another request",
            vec![Step::Text(hello(&[]).replace("probe-1", "other"))],
            Code::HelloUnreadable,
        ),
        answered(
            "connect: ok without hello",
            vec![Step::Text(r#"{"type":"res","id":"probe-1","ok":true,"payload":{}}"#.into())],
            Code::HelloUnreadable,
        ),
        answered(
            "connect: events for ever",
            vec![Step::Text(r#"{"type":"event","event":"tick"}"#.into()); 40],
            Code::HelloUnreadable,
        ),
        refused("connect: token mismatch", details("AUTH_TOKEN_MISMATCH"), Code::TokenMismatch),
        refused("connect: token missing", details("AUTH_TOKEN_MISSING"), Code::TokenMissing),
        refused(
            "connect: device required",
            serde_json::json!({ "code": "NOT_PAIRED", "message": "device identity required", "details": { "code": "DEVICE_IDENTITY_REQUIRED" } }),
            Code::DeviceRequired,
        ),
        refused(
            "connect: pairing required",
            serde_json::json!({ "code": "NOT_PAIRED", "message": "device pairing required", "details": { "code": "PAIRING_REQUIRED" } }),
            Code::PairingRequired,
        ),
        refused(
            "connect: locked out",
            serde_json::json!({ "code": "INVALID_REQUEST", "message": "too many", "retryable": true, "retryAfterMs": 299_000, "details": { "code": "AUTH_RATE_LIMITED" } }),
            Code::LockedOut,
        ),
        refused(
            "connect: the device's token is stale",
            details("AUTH_DEVICE_TOKEN_MISMATCH"),
            Code::DeviceTokenStale,
        ),
        refused(
            "connect: the setup code is spent",
            details("AUTH_BOOTSTRAP_TOKEN_INVALID"),
            Code::SetupCodeRefused,
        ),
        refused(
            "connect: the device's token is too narrow",
            details("AUTH_SCOPE_MISMATCH"),
            Code::DeviceTokenNarrow,
        ),
        refused(
            "connect: not paired, without a reason",
            error("NOT_PAIRED", "not paired"),
            Code::DeviceProofRefused,
        ),
        refused("connect: protocol mismatch", details("PROTOCOL_MISMATCH"), Code::ProtocolMismatch),
        refused("connect: origin refused", details("CONTROL_UI_ORIGIN_NOT_ALLOWED"), Code::OriginNotAllowed),
        refused(
            "connect: device signature refused",
            details("DEVICE_AUTH_SIGNATURE_INVALID"),
            Code::DeviceProofRefused,
        ),
        refused(
            "connect: device signature too old",
            details("DEVICE_AUTH_SIGNATURE_EXPIRED"),
            Code::DeviceClock,
        ),
        refused(
            "connect: sidecars pending",
            serde_json::json!({ "code": "UNAVAILABLE", "message": "gateway starting; retry shortly", "retryAfterMs": 500, "details": { "reason": "startup-sidecars" } }),
            Code::Starting,
        ),
        refused("connect: restarting", error("UNAVAILABLE", "gateway restart in progress"), Code::Draining),
        refused("connect: a refusal of the future", error("TEAPOT", "short and stout"), Code::ConnectRefused),
        scopeless,
    ]
}

#[cfg(feature = "tls-ring")]
fn tls() -> Vec<Case> {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
    const HERE: &[&str] = &["127.0.0.1", "::1"];
    let case = |what, server, code| Case { what, server, rung: Rung::Tls, code };
    let transport = |transport| script(|s| s.transport = transport);
    let server = |names: &[&str], trusted, change: fn(&mut CertificateParams)| {
        transport(Transport::Tls(certificates::server(names, trusted, change)))
    };
    vec![
        case(
            "TLS: a plain HTTP server",
            transport(Transport::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".into())),
            Code::TlsNotSpoken,
        ),
        case("TLS: silence", transport(Transport::Silence), Code::TlsTimeout),
        case("TLS: closed", transport(Transport::Close), Code::TlsClosed),
        case("TLS: reset", transport(Transport::Reset), Code::TlsClosed),
        case("TLS: alert", transport(Transport::Bytes(vec![21, 3, 3, 0, 2, 2, 40])), Code::TlsRefused),
        case(
            "TLS: certificate expired",
            server(HERE, true, |p| p.not_after = date_time_ymd(2020, 1, 1)),
            Code::CertificateExpired,
        ),
        case(
            "TLS: certificate of the future",
            server(HERE, true, |p| p.not_before = date_time_ymd(2090, 1, 1)),
            Code::CertificateNotYetValid,
        ),
        case(
            "TLS: certificate for another name",
            server(&["other.example"], true, |_| ()),
            Code::CertificateNameMismatch,
        ),
        case("TLS: self-signed certificate", server(HERE, false, |_| ()), Code::CertificateUnknownIssuer),
        case(
            "TLS: a client's certificate",
            server(HERE, true, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            Code::CertificateInvalid,
        ),
    ]
}

/// The same HTTP faults one rung higher, over a connection of its own. Pages and unknown paths are no fault there, but an older
/// release; JSON is judged by other words.
pub(crate) fn http_at_startup() -> impl Iterator<Item = Case> {
    const OTHERWISE: &[Code] = &[Code::HtmlInsteadOfJson, Code::PathNotFound, Code::NotTheGateway];
    http().into_iter().filter(|case| !OTHERWISE.contains(&case.code)).map(|mut case| {
        if let Server::Script(script) = &mut case.server {
            script.startupz = std::mem::replace(&mut script.healthz, Script::good().healthz);
        }
        Case { rung: Rung::Startup, ..case }
    })
}
