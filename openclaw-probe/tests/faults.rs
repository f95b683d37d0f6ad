//! Every fault that a network, a proxy or a gateway can show, scripted: each ends as exactly one code at exactly one
//! rung, over IPv4 and IPv6. HTTP faults are met twice: by the lean exchange, which asks liveness, and on `/startupz` by
//! reqwest, which asks the rest of the ladder; both must say the same. The table in `FAULTS.md` is what this test saw.

mod fault_server;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;
use fault_server::{CHALLENGE, FaultServer, Reply, Script, Socket, Step, Transport, frame, hello, json};
use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{
    Budget, Code, Outcome, ProbeReport, Prober, ProberBuilder, Rung, Target, TokenAuthenticator,
};
use tokio::net::TcpSocket;

const CANARY: &str = "canary-7c1f-token";

/// One fault.
struct Case {
    what: &'static str,
    server: Server,
    rung: Rung,
    code: Code,
}

enum Server {
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

/// The rungs whose fault is silence: their cap is cut short in these cases, and only theirs.
const SILENCE: &[Code] = &[
    Code::ConnectTimeout,
    Code::TlsTimeout,
    Code::HttpTimeout,
    Code::UpgradeTimeout,
    Code::ChallengeTimeout,
    Code::HelloTimeout,
];

fn script(change: impl FnOnce(&mut Script)) -> Server {
    let mut script = Script::good();
    change(&mut script);
    Server::Script(Box::new(script))
}

fn cases() -> Vec<Case> {
    let mut cases = network();
    cases.extend(http());
    cases.extend(state());
    cases.extend(upgrade());
    cases.extend(socket());
    cases.extend(session());
    #[cfg(feature = "tls-ring")]
    cases.extend(tls::cases());
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
        case("status line is nonsense", raw("HTTP/1.1 abc\r\n\r\n"), Code::NotHttp),
        case(
            "header never ends",
            Reply::Endless(b"HTTP/1.1 200 OK\r\n".into(), format!("X-More: {}\r\n", "x".repeat(1000)).into()),
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
mod tls {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        date_time_ymd,
    };
    use rustls::pki_types::PrivateKeyDer;

    /// The one root of these tests, made once.
    pub(crate) fn root() -> &'static CertifiedIssuer<'static, KeyPair> {
        static ROOT: std::sync::OnceLock<CertifiedIssuer<'static, KeyPair>> = std::sync::OnceLock::new();
        ROOT.get_or_init(|| {
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params.distinguished_name.push(rcgen::DnType::CommonName, "root of the fault server");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root")
        })
    }

    /// A gateway behind a certificate for `names`, signed by the root unless `change` makes its own.
    pub(crate) fn server(
        names: &[&str],
        trusted: bool,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Server {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = if trusted { params.signed_by(&key, root()) } else { params.self_signed(&key) }
            .expect("a certificate");
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
                )
                .expect("a pair");
        script(|s| s.transport = Transport::Tls(Arc::new(config)))
    }

    pub(crate) fn cases() -> Vec<Case> {
        const HERE: &[&str] = &["127.0.0.1", "::1"];
        let case = |what, server, code| Case { what, server, rung: Rung::Tls, code };
        let transport = |transport| script(|s| s.transport = transport);
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
}

/// The prober of a case: patient but for the rung that meets silence, with the test's root as the only one.
fn prober(case: &Case) -> Prober {
    let mut budget = Budget::total(Duration::from_secs(120));
    if SILENCE.contains(&case.code) {
        budget = budget.cap(case.rung, Duration::from_millis(250));
    }
    if matches!(case.server, Server::NoTime) {
        budget = budget.cap(Rung::Resolve, Duration::ZERO);
    }
    builder().budget(budget).build().expect("a prober")
}

fn builder() -> ProberBuilder {
    let builder = Prober::builder()
        .authenticate(TokenAuthenticator::new(SecretString::from(CANARY)).scopes(["operator.read"]))
        .require_scopes(["operator.read"])
        .pin("pinned.test", []);
    #[cfg(feature = "tls-ring")]
    let builder = builder.add_roots_pem(tls::root().pem().as_bytes()).without_system_roots();
    builder
}

/// Both reports of a case: the ladder's and, for one HTTP question, the lean check's.
async fn probe(case: &Case, ip: IpAddr) -> Vec<ProbeReport> {
    let prober = prober(case);
    let scheme = if case.rung == Rung::Tls { "wss" } else { "ws" };
    let target = |address: SocketAddr| format!("{scheme}://{address}").parse::<Target>().expect("a target");
    let (target, _server, _queue) = match &case.server {
        Server::Script(script) => {
            let server = FaultServer::start(ip, (**script).clone());
            (target(server.address()), Some(server), None)
        }
        Server::Nothing => {
            let free = TcpListener::bind((ip, 0)).expect("a port").local_addr().expect("bound");
            (target(free), None, None)
        }
        Server::FullQueue => {
            let (address, queue) = full_queue(ip).await;
            (target(address), None, Some(queue))
        }
        Server::NoRoute => {
            // Connecting to a broadcast or multicast address is refused by the host itself; nothing is sent.
            let nowhere = if ip.is_ipv4() { "255.255.255.255:9" } else { "[ff02::1]:9" };
            (target(nowhere.parse().expect("an address")), None, None)
        }
        Server::NoName => ("pinned.test".parse().expect("a target"), None, None),
        Server::NoTime => ("localhost".parse().expect("a target"), None, None),
    };
    let mut reports = vec![prober.climb(&target, Rung::Scope).await];
    if case.rung <= Rung::Readiness {
        let question = case.rung.max(Rung::Liveness);
        reports.push(prober.check(&target, question).await);
    }
    reports
}

/// A listener that accepts nothing, with its queue full.
async fn full_queue(ip: IpAddr) -> (SocketAddr, (tokio::net::TcpListener, Vec<tokio::net::TcpStream>)) {
    let socket = if ip.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.expect("a socket");
    socket.bind(SocketAddr::new(ip, 0)).expect("a port");
    let listener = socket.listen(1).expect("listening");
    let address = listener.local_addr().expect("bound");
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    (address, (listener, waiting))
}

fn families() -> Vec<IpAddr> {
    let all = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    all.into_iter().filter(|ip| TcpListener::bind((*ip, 0)).is_ok()).collect()
}

/// The same HTTP faults one rung higher, where reqwest asks. Pages and unknown paths are no fault there, but an older
/// release; JSON is judged by other words.
fn http_at_startup() -> impl Iterator<Item = Case> {
    const OTHERWISE: &[Code] = &[Code::HtmlInsteadOfJson, Code::PathNotFound, Code::NotTheGateway];
    http().into_iter().filter(|case| !OTHERWISE.contains(&case.code)).map(|mut case| {
        if let Server::Script(script) = &mut case.server {
            script.startupz = std::mem::replace(&mut script.healthz, Script::good().healthz);
        }
        Case { rung: Rung::Startup, ..case }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_ends_as_exactly_one_code() {
    let cases: Vec<Arc<Case>> = cases().into_iter().map(Arc::new).collect();
    assert!(cases.len() >= 40);
    let mut wrong = Vec::new();
    for ip in families() {
        let mut running = tokio::task::JoinSet::new();
        for case in cases.iter().cloned().chain(http_at_startup().map(Arc::new)) {
            running.spawn(async move {
                let reports = probe(&case, ip).await;
                (case, reports)
            });
        }
        while let Some(done) = running.join_next().await {
            let (case, reports) = done.expect("a case that panicked");
            for report in reports {
                let seen = report.first_fault().map(|(rung, fault)| (rung, fault.code));
                if seen != Some((case.rung, case.code)) {
                    wrong.push(format!(
                        "{} ({ip}): expected {} at {}\n{report}",
                        case.what, case.code, case.rung
                    ));
                }
                let findings = report.findings();
                let of_rungs = findings.iter().filter(|finding| finding.code != Code::ClockSkew).count();
                if of_rungs != 1 {
                    wrong.push(format!("{} ({ip}): {of_rungs} findings", case.what));
                }
                let shown = format!(
                    "{report}{report:?}{}",
                    serde_json::to_string(&(&report, &findings)).expect("JSON")
                );
                assert_no_secret(&shown, case.what);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // The build without TLS has fewer rows.
    if cfg!(feature = "tls-ring") {
        expect_file!["../FAULTS.md"].assert_eq(&table(&cases));
    }
}

/// The token and the gateway's device token, in every form in which they could leak.
fn assert_no_secret(shown: &str, what: &str) {
    for secret in [CANARY, "canary-device-token", "next=secret"] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let escaped: String = secret.bytes().map(|byte| format!("\\u00{byte:02x}")).collect();
        for form in [secret.to_owned(), hex, percent, escaped, base64(secret.as_bytes())] {
            assert!(!shown.contains(&form), "{what} shows {form}: {shown}");
        }
    }
}

/// Without padding and without the last, incomplete group, so that any text around it still matches.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let all = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            [18, 12, 6, 0].map(|shift| char::from(LETTERS[(all >> shift & 63) as usize]))
        })
        .collect()
}

fn table(cases: &[Arc<Case>]) -> String {
    let mut text = String::from(
        "# Faults and their codes\n\nWritten by `tests/faults.rs`, which scripts each of these over IPv4 and IPv6.\n\n\
         | what happens | rung | code |\n| --- | --- | --- |\n",
    );
    for case in cases {
        text += &format!("| {} | {} | `{}` |\n", case.what, case.rung, case.code);
    }
    text
}

#[tokio::test]
async fn a_gateway_in_good_health_has_no_fault() {
    for ip in families() {
        let server = FaultServer::start(ip, Script::good());
        let target: Target = server.address().to_string().parse().expect("a target");
        let report = builder().build().expect("a prober").climb(&target, Rung::Scope).await;
        assert!(report.is_good(), "{report}");
        assert_eq!(report.highest(), Some(Rung::Scope));
        assert_eq!(report.facts.version.as_deref(), Some("2026.9.6"));
        assert_eq!(report.facts.boot_id.as_deref(), Some("boot-1"));
        assert_eq!(report.exit_code(), 0);
    }
}

#[tokio::test]
async fn an_old_release_is_no_fault() {
    let page = Reply::Page(200, "text/html", "<html>the web UI</html>".into());
    let mut old = Script::good();
    old.startupz = page.clone();
    old.readyz = page;
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), old);
    let target: Target = server.address().to_string().parse().expect("a target");
    let prober = builder().build().expect("a prober");
    for (question, report) in [
        (Rung::Startup, prober.climb(&target, Rung::Hello).await),
        (Rung::Startup, prober.check(&target, Rung::Startup).await),
        (Rung::Readiness, prober.check(&target, Rung::Readiness).await),
    ] {
        assert!(report.is_good(), "{report}");
        assert_eq!(report.rung(Rung::Liveness).expect("asked").outcome, Outcome::Passed);
        assert!(matches!(report.rung(question).expect("asked").outcome, Outcome::Skipped { .. }));
    }
}

/// Asked for startup alone, a web server says what an old gateway says.
#[tokio::test]
async fn a_web_server_is_no_old_release() {
    for page in [
        Reply::Page(200, "text/html", "<html>another site</html>".into()),
        Reply::Page(404, "text/plain", "Not Found".into()),
    ] {
        let mut site = Script::good();
        (site.healthz, site.startupz, site.readyz) = (page.clone(), page.clone(), page);
        let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), site);
        let target: Target = server.address().to_string().parse().expect("a target");
        let prober = builder().build().expect("a prober");
        let ladder = prober.climb(&target, Rung::Readiness).await;
        let fault = |report: &ProbeReport| report.first_fault().map(|(rung, fault)| (rung, fault.code));
        assert_eq!(fault(&ladder).map(|(rung, _)| rung), Some(Rung::Liveness));
        for question in [Rung::Startup, Rung::Readiness] {
            assert_eq!(fault(&prober.check(&target, question).await), fault(&ladder));
        }
    }
}

#[tokio::test]
async fn not_ready_does_not_hide_that_sessions_work() {
    let mut script = Script::good();
    script.readyz = json(503, r#"{"ready":false,"failing":["channel:chat"]}"#);
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script);
    let target: Target = server.address().to_string().parse().expect("a target");
    let report = builder().build().expect("a prober").climb(&target, Rung::Hello).await;
    assert_eq!(
        report.first_fault().map(|(rung, fault)| (rung, fault.code)),
        Some((Rung::Readiness, Code::NotReady))
    );
    assert_eq!(report.highest(), Some(Rung::Hello));
}

#[tokio::test]
async fn refusals_use_up_the_attempts_and_a_lockout_ends_them_at_once() {
    for (code, expected) in [("AUTH_TOKEN_MISMATCH", 2), ("AUTH_RATE_LIMITED", 1)] {
        let answer = format!(
            r#"{{"type":"res","id":"probe-1","ok":false,"error":{{"code":"X","message":"m","details":{{"code":"{code}"}}}}}}"#
        );
        let mut script = Script::good();
        script.socket = Socket::Open(vec![Step::Text(CHALLENGE.into()), Step::Await, Step::Text(answer)]);
        let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script);
        let target: Target = server.address().to_string().parse().expect("a target");
        let prober = builder().build().expect("a prober");
        let mut tried = 0;
        for _ in 0..6 {
            let report = prober.climb(&target, Rung::Hello).await;
            if report.first_fault().is_some() {
                tried += 1;
            } else {
                assert_eq!(report.findings()[0].code, Code::AttemptsSpent);
                assert_eq!(report.exit_code(), Rung::Hello.exit_code(), "not proven is not good");
            }
        }
        assert_eq!(tried, expected, "{code}");
    }
}

#[tokio::test]
async fn a_device_that_may_be_new_is_never_sent() {
    struct NewDevice;
    impl openclaw_probe::Authenticate for NewDevice {
        fn device(&self) -> openclaw_probe::DeviceUse {
            openclaw_probe::DeviceUse::Unknown
        }
        fn connect_frame(
            &self,
            _: &openclaw_probe::Challenge,
        ) -> Result<SecretString, openclaw_probe::AuthenticateError> {
            panic!("asked for a frame");
        }
        fn read_answer(&self, _: &str) -> openclaw_probe::Answer {
            panic!("asked to read");
        }
    }
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), Script::good());
    let target: Target = server.address().to_string().parse().expect("a target");
    let prober = Prober::builder().authenticate(NewDevice).build().expect("a prober");
    let report = prober.climb(&target, Rung::Hello).await;
    assert_eq!(report.first_unproven(), Some(Rung::Hello), "{report}");
    assert!(report.first_fault().is_none());
}

#[tokio::test]
async fn an_empty_token_is_not_sent() {
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), Script::good());
    let target: Target = server.address().to_string().parse().expect("a target");
    let prober = Prober::builder()
        .authenticate(TokenAuthenticator::new(SecretString::from("")))
        .build()
        .expect("a prober");
    let report = prober.climb(&target, Rung::Hello).await;
    assert_eq!(report.first_fault().map(|(_, fault)| fault.code), Some(Code::CredentialUnavailable));
    // The server's challenge is of another day.
    assert!(report.findings().iter().any(|finding| finding.code == Code::ClockSkew), "{report}");
}

#[cfg(feature = "tls-ring")]
#[tokio::test]
async fn tls_carries_the_whole_ladder() {
    let Server::Script(script) = tls::server(&["pinned.test"], true, |_| ()) else { unreachable!() };
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), *script);
    let target: Target = format!("wss://pinned.test:{}", server.address().port()).parse().expect("a target");
    let prober = builder().pin("pinned.test", [server.address().ip()]).build().expect("a prober");
    for report in [prober.climb(&target, Rung::Scope).await, prober.check(&target, Rung::Startup).await] {
        assert!(report.is_good(), "{report}");
    }
}

#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
#[tokio::test]
async fn a_secure_target_without_tls_says_so() {
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), Script::good());
    let target: Target = format!("wss://{}", server.address()).parse().expect("a target");
    let report = builder().build().expect("a prober").climb(&target, Rung::Hello).await;
    assert_eq!(
        report.first_fault().map(|(rung, fault)| (rung, fault.code)),
        Some((Rung::Tls, Code::TlsNotCompiled))
    );
}

#[cfg(feature = "tls-ring")]
mod coverage {
    use super::*;
    use openclaw_probe::Severity;
    use std::collections::BTreeSet;

    /// The codes of a climb that no row of the table above produces, and the test that does.
    const ELSEWHERE: &[(Code, &str)] = &[
        (Code::TlsNotCompiled, "a_secure_target_without_tls_says_so, in the build without TLS"),
        (Code::NetworkFailure, "classify::tests::errors_of_no_known_kind"),
        (Code::CredentialUnavailable, "an_empty_token_is_not_sent"),
        (Code::AttemptsSpent, "refusals_use_up_the_attempts_and_a_lockout_ends_them_at_once"),
        (Code::TokenUnequal, "ladder::tests::a_withheld_version_means_another_token"),
    ];

    #[test]
    fn every_code_of_a_climb_is_produced() {
        let produced: BTreeSet<Code> =
            cases().iter().map(|case| case.code).chain(ELSEWHERE.iter().map(|(code, _)| *code)).collect();
        let missing: Vec<String> = Code::ALL
            .iter()
            .filter(|code| code.id() < "OC-H700" && !produced.contains(code))
            .map(ToString::to_string)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(Code::ALL.iter().all(|code| code.severity() != Severity::Info || code.id() > "OC-H700"));
    }
}
