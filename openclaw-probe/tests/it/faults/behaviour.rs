//! What a prober does and leaves undone, beside naming the fault.

use std::net::Ipv4Addr;

use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{Code, Outcome, ProbeReport, Prober, Rung, Target, TokenAuthenticator};

use super::{builder, families};
use crate::server::{CHALLENGE, FaultServer, Reply, Script, Socket, Step, json};

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
        fn secrets(&self) -> Vec<SecretString> {
            Vec::new()
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

/// The unspecified address leads to this host, and yet is not loopback: what a name could lead to.
#[tokio::test]
async fn no_token_crosses_a_network_in_plaintext_unless_that_is_allowed() {
    let token = || SecretString::from(super::CANARY);
    for (host, allowed, is_sent) in [
        ("127.0.0.1", false, true),
        ("[::ffff:127.0.0.1]", false, true),
        ("here.test", false, true),
        ("0.0.0.0", false, false),
        ("localhost", false, false),
        ("localhost", true, true),
    ] {
        let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), Script::good());
        let target: Target = format!("ws://{host}:{}", server.address().port()).parse().expect("a target");
        let prober = |compares: bool| {
            let builder = builder()
                .pin("here.test", [Ipv4Addr::LOCALHOST.into()])
                .pin("localhost", [Ipv4Addr::UNSPECIFIED.into()]);
            let builder = if allowed { builder.allow_plaintext_token() } else { builder };
            let builder = if compares { builder.compare_token_over_http(token()) } else { builder };
            builder.build().expect("a prober")
        };
        let plain = prober(false).climb(&target, Rung::Scope).await;
        let compared = prober(true).climb(&target, Rung::Startup).await;
        let checked = prober(true).check(&target, Rung::Startup).await;
        assert_eq!(server.heard().contains(super::CANARY), is_sent, "{host}: {}", server.heard());
        for (report, rung) in [(plain, Rung::Hello), (compared, Rung::Startup), (checked, Rung::Startup)] {
            assert_eq!(report.is_good(), is_sent, "{report}");
            if is_sent {
                continue;
            }
            assert_eq!((report.first_unproven(), report.exit_code()), (Some(rung), rung.exit_code()));
            // The server's challenge is of another day, so there may be a second finding.
            let findings = report.findings();
            let finding = &findings[0];
            assert_eq!(finding.code, Code::TokenInPlaintext);
            assert!(
                finding.evidence.iter().any(|line| line.ends_with(&format!("to 0.0.0.0:{}", target.port())))
            );
            assert!(report.to_string().contains("--allow-plaintext-token"), "{report}");
            // Waiting cannot help.
            let mut gate = openclaw_probe::DeployGate::new(1, std::time::Duration::from_secs(60));
            let sample = openclaw_probe::Sample::of(std::time::Duration::ZERO, &report);
            assert_eq!(gate.observe(sample), openclaw_probe::DeployGateState::Hopeless);
        }
    }
}

#[tokio::test]
async fn a_redirect_leads_no_token_elsewhere() {
    let elsewhere = FaultServer::start(Ipv4Addr::LOCALHOST.into(), Script::good());
    let location = format!("http://{}/startupz", elsewhere.address());
    let redirect = Reply::Raw(
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
            .into(),
    );
    for at_upgrade in [false, true] {
        let mut script = Script::good();
        if at_upgrade {
            script.socket = Socket::Refuse(redirect.clone());
        } else {
            script.startupz = redirect.clone();
        }
        let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script);
        let target: Target = format!("ws://0.0.0.0:{}", server.address().port()).parse().expect("a target");
        let prober = builder()
            .allow_plaintext_token()
            .compare_token_over_http(SecretString::from(super::CANARY))
            .build()
            .expect("a prober");
        let report = prober.climb(&target, Rung::Hello).await;
        assert_eq!(report.first_fault().map(|(_, fault)| fault.code), Some(Code::Redirected), "{report}");
        assert_eq!(elsewhere.heard(), "", "a redirect is not followed");
    }
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
    let mut script = Script::good();
    script.transport =
        crate::server::Transport::Tls(super::certificates::server(&["pinned.test"], true, |_| ()));
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), script);
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
