#![allow(
    clippy::exhaustive_enums,
    reason = "a program that acts on codes must not compile without a new one"
)]
#![doc = include_str!("../CODES.md")]

use serde::Serialize;

/// One row a code: the source for docs, README, JSON and exit messages.
macro_rules! codes {
    ($($variant:ident, $id:literal, $name:literal, $severity:ident, $side:ident, $retry:literal, $doc:literal, $next:literal;)*) => {
        /// What is wrong, as a stable code. Codes are never renumbered and never reused.
        ///
        /// Hundreds group a theme: 1 network, 2 TLS, 3 HTTP, 4 gateway state, 5 WebSocket, 6 session, 7 across
        /// probes (clock, vantage points, time), 8 supervisors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $doc] $variant,)* }

        impl Code {
            /// Every code, in the order of its number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The columns of the table.
            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        id: $id, name: $name, severity: Severity::$severity, side: Side::$side,
                        retry: $retry, doc: $doc, next: $next,
                    },)*
                }
            }
        }
    };
}

struct Row {
    id: &'static str,
    name: &'static str,
    severity: Severity,
    side: Side,
    retry: bool,
    doc: &'static str,
    next: &'static str,
}

codes! {
    // 1xx: the network below HTTP.
    NameNotFound, "OC-H100", "name-not-found", Error, Operator, false,
        "The host name does not resolve from here.",
        "Use the Compose service name from a container of the same network, or an address from elsewhere.";
    NameLookupTimeout, "OC-H101", "name-lookup-timeout", Error, Network, true,
        "The name service did not answer in time.",
        "Check the resolver of this host or container, then probe again.";
    ConnectionRefused, "OC-H110", "connection-refused", Error, Operator, true,
        "Nothing listens on that address and port in this network namespace.",
        "Ask the same from inside the gateway's namespace: alive there means a loopback bind or a wrong address here.";
    ConnectTimeout, "OC-H111", "connect-timeout", Error, Network, true,
        "The address did not answer the TCP connect in time: a firewall, a wrong address or a host that is down.",
        "Check the address and the packet filters between here and the gateway.";
    HostUnreachable, "OC-H112", "host-unreachable", Error, Network, true,
        "There is no route to that address.",
        "Join the network of the gateway, or use an address that this host can route. On macOS 15 and later, what launchd or an app starts needs leave for the own network: Privacy & Security > Local Network; a LaunchDaemon, ssh and a terminal have it.";
    ConnectionReset, "OC-H113", "reset-after-accept", Error, Operator, true,
        "TCP connects and is reset before any answer: the sign of a published port in front of a loopback bind.",
        "Set gateway.bind to lan (with a token) or share the gateway's network namespace.";
    ClosedWithoutAnswer, "OC-H114", "closed-without-answer", Error, Operator, true,
        "TCP connects and is closed before any answer: a forwarder in front of nothing, or a gateway that just stopped.",
        "Look at what listens on the port: a port forwarder or proxy whose backend is gone.";
    NetworkFailure, "OC-H119", "network-failure", Error, Network, true,
        "The operating system reported another network error.",
        "Read the evidence; it names the system error.";

    // 2xx: TLS.
    TlsNotCompiled, "OC-H200", "tls-not-compiled", Error, Prober, false,
        "The target needs TLS and this build has none.",
        "Build with feature tls-ring or tls-aws-lc.";
    TlsNotSpoken, "OC-H201", "tls-not-spoken", Error, Operator, false,
        "The listener answers something that is not TLS.",
        "Use ws:// or http:// for this port, or put the TLS front end where the URL points.";
    CertificateExpired, "OC-H202", "certificate-expired", Error, Operator, false,
        "The certificate has expired, or this host's clock is ahead.",
        "Renew the certificate; compare the clocks first.";
    CertificateNotYetValid, "OC-H203", "certificate-not-yet-valid", Error, Operator, false,
        "The certificate is not valid yet, or this host's clock is behind.",
        "Compare the clocks of both hosts.";
    CertificateNameMismatch, "OC-H204", "certificate-name-mismatch", Error, Operator, false,
        "The certificate is for another name.",
        "Use a name the certificate carries, or issue one for this name.";
    CertificateUnknownIssuer, "OC-H205", "certificate-unknown-issuer", Error, Operator, false,
        "The certificate's issuer is not among the trusted roots.",
        "Give the prober the root that issued the certificate.";
    CertificateInvalid, "OC-H206", "certificate-invalid", Error, Operator, false,
        "The certificate cannot be used for another reason.",
        "Read the evidence; it names the defect.";
    TlsRefused, "OC-H207", "tls-refused", Error, Operator, false,
        "The peer ended the handshake with an alert, or both sides have no version or cipher in common.",
        "Check what the TLS front end accepts; an alert for the name means that it does not know this host name.";
    TlsTimeout, "OC-H208", "tls-timeout", Error, Gateway, true,
        "TCP connects but the TLS handshake does not finish in time.",
        "Check whether the port speaks TLS at all; a plain listener waits for ever.";
    TlsClosed, "OC-H209", "tls-closed", Error, Operator, true,
        "The connection ended inside the TLS handshake.",
        "Check whether the port speaks TLS, and the front end's log.";

    // 3xx: HTTP, on the probe endpoints and on the upgrade request alike; the rung says which.
    HttpTimeout, "OC-H300", "http-timeout", Error, Gateway, true,
        "The connection is open but the HTTP answer did not arrive whole in time: a busy or blocked gateway.",
        "Look at the load of the gateway; a blocked event loop accepts and does not answer.";
    NotHttp, "OC-H301", "not-http", Error, Operator, false,
        "What listens there does not speak HTTP.",
        "Another service has the port; check the published ports.";
    HtmlInsteadOfJson, "OC-H302", "html-instead-of-json", Error, Operator, false,
        "A web page came back where the gateway answers JSON: the web UI of a release before 2026.3.1, a login page or another site.",
        "Check host, port and path; a proxy's login page must let the probe paths through.";
    NotTheGateway, "OC-H303", "not-the-gateway", Error, Operator, false,
        "Something answers HTTP there, but not as the gateway does.",
        "Another service has the port; check the published ports.";
    Unauthorized, "OC-H304", "http-unauthorized", Error, Operator, false,
        "401: a proxy in front asks for its own credentials; the gateway itself never does on these paths.",
        "Let the probe paths and the upgrade through the proxy.";
    Forbidden, "OC-H305", "http-forbidden", Error, Operator, false,
        "403 from something in front of the gateway.",
        "Let the probe paths and the upgrade through the proxy or firewall.";
    ProxyAttributionRequired, "OC-H306", "proxy-attribution-required", Error, Operator, false,
        "The gateway refuses forwarded requests from a proxy it does not trust; liveness alone still answers.",
        "Add the proxy's own address, and nothing wider, to gateway.trustedProxies.";
    Redirected, "OC-H307", "redirected", Error, Operator, false,
        "A redirect came back; it is not followed.",
        "Point the probe at the gateway itself, or exempt the probe paths from the redirect.";
    BadGateway, "OC-H308", "bad-gateway", Error, Operator, true,
        "502 or 504: a proxy answers, the gateway behind it does not.",
        "Probe the gateway from the proxy's own namespace.";
    PathNotFound, "OC-H309", "path-not-found", Error, Operator, false,
        "404 where every gateway release has an answer.",
        "Check the path of the URL and the base path of the proxy.";
    ServiceUnavailable, "OC-H310", "service-unavailable", Error, Gateway, true,
        "503 without the gateway's own words: a proxy without backend, or an overload.",
        "Probe the gateway from the proxy's own namespace.";
    UnexpectedStatus, "OC-H311", "unexpected-status", Error, Operator, false,
        "Another HTTP status than any the gateway gives.",
        "Read the evidence; something in front answers for the gateway.";
    BodyTooLarge, "OC-H312", "body-too-large", Error, Operator, false,
        "The answer is larger than any the gateway gives; reading stopped at the limit.",
        "Another service has the port.";
    AnswerTruncated, "OC-H313", "answer-truncated", Error, Network, true,
        "The connection ended inside the HTTP answer.",
        "Probe again; if it stays, look at the proxy in between.";
    HeaderTooLarge, "OC-H314", "header-too-large", Error, Operator, false,
        "The header of the answer is larger than the limit.",
        "Another service has the port, or a proxy adds far too much.";

    // 4xx: the gateway says so itself.
    Starting, "OC-H400", "starting", Warning, Gateway, true,
        "The gateway is alive and still starting.",
        "Wait; starting is not failing. A start takes 8 to 30 s, a first one longer.";
    Draining, "OC-H401", "draining", Warning, Gateway, true,
        "The gateway is stopping or restarting and admits no new session.",
        "Wait for the next process; give the supervisor a stop time above the drain budget of 315 s.";
    NotReady, "OC-H402", "not-ready", Warning, Gateway, true,
        "The gateway runs but reports itself not ready, for instance because one channel account failed.",
        "Read the failing list (local or with the token); sessions may work all the same.";
    StateUnreadable, "OC-H403", "state-unreadable", Error, Operator, false,
        "A probe endpoint answers JSON that is not the gateway's.",
        "Another service has the port, or a release newer than the rules here.";

    // 5xx: WebSocket.
    UpgradeIgnored, "OC-H500", "upgrade-ignored", Error, Operator, false,
        "The upgrade request got an ordinary page instead of 101: a proxy that does not forward upgrades.",
        "Pass the Upgrade and Connection headers on in the proxy.";
    UpgradeInvalid, "OC-H501", "upgrade-invalid", Error, Operator, false,
        "The answer to the upgrade is not a valid WebSocket handshake.",
        "Another service has the port, or a proxy rewrites the handshake.";
    UpgradeTimeout, "OC-H502", "upgrade-timeout", Error, Gateway, true,
        "HTTP works but the upgrade is not answered in time.",
        "Look at the load of the gateway and at proxies that hold upgrades back.";
    ChallengeTimeout, "OC-H510", "challenge-timeout", Error, Gateway, true,
        "The upgrade succeeded, then silence: no challenge in time.",
        "A blocked event loop, or a WebSocket server that is not the gateway.";
    ChallengeUnreadable, "OC-H511", "challenge-unreadable", Error, Operator, false,
        "The first frame is not the gateway's challenge.",
        "A WebSocket server that is not the gateway has the port.";
    FrameTooLarge, "OC-H512", "frame-too-large", Error, Operator, false,
        "A frame is larger than the limit.",
        "A WebSocket server that is not the gateway has the port.";
    FrameBinary, "OC-H513", "frame-binary", Error, Operator, false,
        "A binary frame came where the gateway only sends text.",
        "A WebSocket server that is not the gateway has the port.";
    FrameInvalid, "OC-H514", "frame-invalid", Error, Operator, false,
        "The bytes after the upgrade are not valid WebSocket frames or not UTF-8.",
        "A proxy that breaks the stream, or a server that is not the gateway.";
    ConnectionLost, "OC-H520", "connection-lost", Error, Network, true,
        "The WebSocket ended without a close frame (1006): a reset, a killed process or a proxy.",
        "Probe again at once: refused now means that the process died.";
    ClosedNormally, "OC-H521", "closed-1000", Error, Gateway, true,
        "Closed with 1000 before the session: the gateway's own handshake timer, or a proxy.",
        "Look at the load; the gateway closes politely when a handshake takes over 15 s (10 s before 2026.4.29).";
    ClosedProtocol, "OC-H522", "closed-1002", Error, Operator, false,
        "Closed with 1002: the gateway speaks another protocol version.",
        "Update the older of the two sides.";
    ClosedPolicy, "OC-H523", "closed-1008", Error, Operator, false,
        "Closed with 1008 without an error frame: refused by policy.",
        "Read the reason in the evidence, then the gateway's log.";
    ClosedTooLarge, "OC-H524", "closed-1009", Error, Prober, false,
        "Closed with 1009: the connect frame is over the gateway's 64 KiB limit.",
        "Send a smaller connect frame.";
    ClosedInternal, "OC-H525", "closed-1011", Error, Operator, false,
        "Closed with 1011: the gateway failed inside, for instance because its package was replaced under it.",
        "Restart the gateway.";
    ClosedRestart, "OC-H526", "closed-1012", Warning, Gateway, true,
        "Closed with 1012: the gateway is restarting.",
        "Wait for the next process.";
    ClosedTryLater, "OC-H527", "closed-1013", Warning, Gateway, true,
        "Closed with 1013: the gateway is starting, restarting or suspending.",
        "Wait and probe again.";
    ClosedAuthChanged, "OC-H528", "closed-4001", Error, Operator, false,
        "Closed with 4001: the shared secret changed or the device was removed.",
        "Give the prober the new token.";
    ClosedOther, "OC-H529", "closed-otherwise", Error, Operator, false,
        "Closed with a code that the gateway is not known to use.",
        "Read code and reason in the evidence; something in between may close for the gateway.";

    // 6xx: the session.
    HelloTimeout, "OC-H600", "hello-timeout", Error, Gateway, true,
        "The connect frame was sent, and no answer came in time.",
        "Look at the load of the gateway.";
    TokenMismatch, "OC-H601", "token-mismatch", Error, Operator, false,
        "The gateway enforces another token than the one given.",
        "Find which source decides on each side; do not retry: ten wrong attempts a minute lock the address out.";
    TokenMissing, "OC-H602", "token-missing", Error, Operator, false,
        "The gateway asks for a token and none was sent.",
        "Give the prober the token that the gateway enforces.";
    DeviceRequired, "OC-H603", "device-required", Error, Operator, false,
        "The gateway wants a device identity: no token or an empty one was sent.",
        "Give the prober the token; with the right token no device is needed.";
    PairingRequired, "OC-H604", "pairing-required", Error, Operator, false,
        "The token is right and the device is not paired, or asks for more than was approved.",
        "Approve the request from inside the gateway's namespace.";
    LockedOut, "OC-H605", "address-locked-out", Error, Operator, true,
        "Too many failed attempts from this address: even the right token is refused until the lock ends.",
        "Stop every client with the old token, then wait; the lock lasts 300 s.";
    ProtocolMismatch, "OC-H606", "protocol-refused", Error, Operator, false,
        "Client and gateway have no protocol version in common.",
        "Update the older of the two sides.";
    OriginNotAllowed, "OC-H607", "origin-not-listed", Error, Operator, false,
        "The gateway refuses the origin.",
        "Add the exact scheme, host and port to gateway.controlUi.allowedOrigins.";
    DeviceProofRefused, "OC-H608", "device-proof-refused", Error, Operator, false,
        "The device's signature or identity is refused.",
        "Check the device key and what it signs.";
    DeviceClock, "OC-H609", "device-clock", Error, Operator, false,
        "The device's signature is too old or too new: the clocks are more than 120 s apart, or 600 s before 2026.2.22.",
        "Set the clocks, or sign with the challenge's own time.";
    HelloUnreadable, "OC-H610", "hello-unreadable", Error, Operator, false,
        "The answer to connect is not one the gateway gives.",
        "Something in between answers, or a release newer than the rules here.";
    ConnectRefused, "OC-H611", "connect-refused", Error, Operator, false,
        "The gateway refused the connect frame for another reason.",
        "Read its code and message in the evidence.";
    ScopeMissing, "OC-H612", "scope-missing", Warning, Operator, false,
        "Connected, but without a scope that was asked for: a remote client without a device gets none.",
        "Pair a device for this client; the token alone grants scopes only on loopback.";
    CredentialUnavailable, "OC-H613", "credential-unavailable", Error, Prober, false,
        "The authenticator could not make a connect frame.",
        "Give the prober its credential.";
    AttemptsSpent, "OC-H614", "attempts-spent", Warning, Prober, true,
        "No authentication was tried: earlier refusals used up the allowance that keeps the probe from locking the address out.",
        "Correct the token, then wait for the allowance to come back.";
    TokenUnequal, "OC-H615", "token-unequal", Error, Operator, false,
        "Asked over HTTP with the token, the gateway withholds the details it gives to the holder of its token.",
        "Find which source decides on each side; the two tokens differ.";
    TokenInPlaintext, "OC-H616", "token-in-plaintext", Error, Operator, false,
        "No token was sent: over ws:// or http:// beyond loopback everybody on the way could read it.",
        "Use wss:// or https://, or a tunnel that begins on this host's loopback; on a network that is yours alone allow it with --allow-plaintext-token.";
    DeviceTokenStale, "OC-H617", "device-token-stale", Error, Operator, false,
        "The device's own token was rotated or revoked, or is another device's; the gateway's token is not the problem.",
        "Forget the device's token and connect with the gateway's token, which brings a new one.";
    SetupCodeRefused, "OC-H618", "setup-code-refused", Error, Operator, false,
        "The setup code is spent, expired or unknown.",
        "Make a new setup code on the gateway, or connect with the gateway's token.";
    DeviceTokenNarrow, "OC-H619", "device-token-narrow", Error, Operator, false,
        "The device's own token is right, but good for fewer scopes than were asked for.",
        "Ask for fewer scopes, or have the wider ones approved from inside the gateway's namespace.";

    // 7xx: seen only across probes.
    ClockSkew, "OC-H700", "clocks-apart", Warning, Operator, false,
        "The gateway's clock and this one differ by more than a device signature allows.",
        "Set the clocks; device signatures fail beyond 120 s, beyond 600 s before 2026.2.22.";
    LoopbackBind, "OC-H710", "loopback-only", Error, Operator, false,
        "Healthy inside, dead outside: the gateway listens on its own loopback only.",
        "Set gateway.bind to lan (with a token), or let the client share the gateway's network namespace.";
    NotPublished, "OC-H711", "not-published", Error, Operator, false,
        "Healthy for its neighbours, refused on the host: the port is not published there.",
        "Publish the port, on 127.0.0.1 unless others need it.";
    NetworkApart, "OC-H712", "network-apart", Error, Operator, false,
        "Healthy from one place, but another cannot reach it: different networks or a wrong name.",
        "Put both services on one network, or use the gateway's service name.";
    DeadEverywhere, "OC-H713", "dead-everywhere", Error, Operator, false,
        "No vantage point finds a gateway: the process is down or still not listening.",
        "Look at the exit code and the log of the gateway container.";
    DifferentGateways, "OC-H714", "different-gateways", Error, Operator, false,
        "Two vantage points reach two different gateway processes.",
        "Stop the second gateway, or correct the address that leads to it.";
    SameFaultEverywhere, "OC-H715", "same-fault-everywhere", Error, Operator, false,
        "Every vantage point meets the same fault: the network is not the cause.",
        "Follow the finding of the fault itself.";
    OutsideDegraded, "OC-H716", "outside-degraded", Error, Operator, false,
        "Healthy inside; outside the ladder ends at a higher rung than the listener: something in between interferes.",
        "Follow the finding of the outside ladder: proxy, TLS front end or token.";
    Flapping, "OC-H720", "flapping", Warning, Gateway, true,
        "The target goes up and down too often within the window.",
        "Look for a restart loop: the exit code and the supervisor's restart policy.";
    GateDeadline, "OC-H721", "gate-deadline", Error, Gateway, true,
        "The gate's deadline passed before the target held often enough.",
        "Follow the finding of the rung that failed last.";

    // 8xx: supervisor definitions.
    DefinitionUnreadable, "OC-H800", "definition-unreadable", Error, Operator, false,
        "The supervisor's definition cannot be read.",
        "Generate it again.";
    RestartsConfigError, "OC-H801", "restarts-config-error", Warning, Operator, false,
        "The supervisor restarts whatever the exit code: exit 78 (operator must act) becomes a restart loop.",
        "launchd: SuccessfulExit false, and a shell around the program that makes 78 a 0, and around the gateway itself 0 another status, for it restarts itself by ending with 0; the plist that OpenClaw's installer wrote stays as it is. systemd: RestartPreventExitStatus=78.";
    StopTimeTooShort, "OC-H802", "stop-time-too-short", Warning, Operator, false,
        "The supervisor kills the gateway before it has ended: a release that drains takes 315 s (stop policy 330 s), one before 2026.8.1 takes 25 s.",
        "Set ExitTimeOut or TimeoutStopSec to at least 330 s.";
    SecretEmbedded, "OC-H803", "secret-embedded", Error, Operator, false,
        "The definition holds a token or password in clear text.",
        "Move it to a file of mode 0600 that the job reads, then rotate it.";
    PathStale, "OC-H804", "path-stale", Error, Operator, false,
        "The definition runs a program that is not there.",
        "Generate the definition again after the update that moved the program.";
    ThrottleMissing, "OC-H805", "throttle-missing", Warning, Operator, false,
        "Nothing slows restarts down.",
        "Set ThrottleInterval (launchd) or RestartSec and StartLimitBurst (systemd).";
    LogsDiscarded, "OC-H806", "logs-discarded", Warning, Operator, false,
        "Standard output and error go nowhere: the reason of the next exit will be lost.",
        "Set StandardOutPath and StandardErrorPath, in a folder that is there and that the job's user may write in: an agent's is ~/Library/Logs, written out.";
    NeedsLogin, "OC-H807", "needs-login", Warning, Operator, false,
        "A job that only starts at login, on a host where nobody logs in.",
        "Use a LaunchDaemon with UserName (launchd) or enable lingering (systemd user units). What starts containers on a Mac starts with a login, too: log in automatically, or run Colima as a LaunchDaemon.";
    RunsAsRoot, "OC-H808", "runs-as-root", Warning, Operator, false,
        "The job runs as root.",
        "Set UserName (launchd) or User (systemd) to the account that owns the state.";
}

/// Codes that are no longer given, with their names and where the question is answered now.
pub const RETIRED: &[(&str, &str, &str)] = &[
    ("OC-H809", "start-budget-too-short", "openclaw-compose, OC-C517"),
    ("OC-H810", "healthcheck-blind", "openclaw-compose, OC-C508, OC-C509 and OC-C518"),
    ("OC-H811", "healthcheck-missing", "openclaw-compose, OC-C507"),
];

impl Code {
    /// The stable identifier, such as `OC-H110`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.row().id
    }

    /// The kebab-case name, such as `connection-refused`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.row().severity
    }

    /// Who must act.
    #[must_use]
    pub const fn side(self) -> Side {
        self.row().side
    }

    /// Whether probing again, unchanged, can end differently.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.row().retry
    }

    /// One sentence: what it means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.row().doc
    }

    /// One sentence: the smallest safe next step.
    #[must_use]
    pub const fn next_step(self) -> &'static str {
        self.row().next
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Works, or will work, but somebody should look.
    Warning,
    /// Does not work.
    Error,
}

/// Who must act for a finding to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Side {
    /// A person: configuration, credentials, certificates.
    Operator,
    /// The gateway itself, given time or a restart.
    Gateway,
    /// The network or the host below.
    Network,
    /// The caller of this crate.
    Prober,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_documented() {
        let mut last = "";
        for code in Code::ALL {
            assert!(code.id() > last, "{} follows {last}", code.id());
            last = code.id();
            assert!(code.id().strip_prefix("OC-H").is_some_and(|n| n.len() == 3 && n.parse::<u16>().is_ok()));
            assert!(code.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            assert!(code.meaning().ends_with('.') && code.next_step().ends_with('.'), "{code}");
        }
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    /// `UPDATE_EXPECT=1 cargo test` writes the page anew.
    #[test]
    fn the_page_lists_every_code() {
        let mut page = String::from(
            "# Codes\n\nWhat a finding is about. A code is never renumbered, never reused and never changes its meaning.\n\n\
             | code | name | severity | meaning |\n| --- | --- | --- | --- |\n",
        );
        for code in Code::ALL {
            let severity = format!("{:?}", code.severity()).to_lowercase();
            page += &format!("| `{}` | `{}` | {severity} | {} |\n", code.id(), code.name(), code.meaning());
        }
        page += "\nRetired, and not given to anything else:\n\n| code | name | where the question is answered |\n| --- | --- | --- |\n";
        for (id, name, now) in RETIRED {
            assert!(Code::ALL.iter().all(|code| code.id() != *id && code.name() != *name), "{id} {name}");
            page += &format!("| `{id}` | `{name}` | {now} |\n");
        }
        expect_test::expect_file!["../CODES.md"].assert_eq(&page);
    }
}
