//! Every fault that a network, a proxy or a gateway can show, scripted: each ends as exactly one code at exactly one
//! rung, over IPv4 and IPv6. HTTP faults are met twice: on `/healthz`, over the connection that TCP proved, and on
//! `/startupz` over one of its own; both must say the same. The table in `FAULTS.md` is what this test saw.

mod behaviour;
mod cases;
#[cfg(feature = "tls-ring")]
mod certificates;
mod echo;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crate::server::FaultServer;
use cases::{Case, Server};
use expect_test::expect_file;
use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{Budget, Code, ProbeReport, Prober, ProberBuilder, Rung, Target, TokenAuthenticator};
use tokio::net::TcpSocket;

const CANARY: &str = "canary-7c1f-token";

/// The rungs whose fault is silence: their cap is cut short in these cases, and only theirs.
const SILENCE: &[Code] = &[
    Code::ConnectTimeout,
    Code::TlsTimeout,
    Code::HttpTimeout,
    Code::UpgradeTimeout,
    Code::ChallengeTimeout,
    Code::HelloTimeout,
];

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
    let builder = builder.add_roots_pem(certificates::root().pem().as_bytes()).without_system_roots();
    builder
}

/// Both reports of a case: the ladder's and, for one HTTP question, the check's.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_ends_as_exactly_one_code() {
    // XNU knows no such address at all, where others say that nothing leads there: there is no other way to it without a net.
    let is_there = |case: &Case| !cfg!(target_os = "macos") || !matches!(case.server, Server::NoRoute);
    let cases: Vec<Arc<Case>> = cases::cases().into_iter().filter(is_there).map(Arc::new).collect();
    assert!(cases.len() >= 40);
    let mut wrong = Vec::new();
    for ip in families() {
        let mut running = tokio::task::JoinSet::new();
        for case in cases.iter().cloned().chain(cases::http_at_startup().map(Arc::new)) {
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
        expect_file!["../../FAULTS.md"].assert_eq(&table(&cases));
    }
}

/// The token and the gateway's device token, in every form in which they could leak.
fn assert_no_secret(shown: &str, what: &str) {
    for secret in [CANARY, "canary-device-token", "next=secret"] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let upper: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let escaped: String = secret.bytes().map(|byte| format!("\\u00{byte:02x}")).collect();
        // In base64 it reads in three ways, by where its first byte stands in a group of three.
        let base64 = |before| base64(secret.as_bytes().get(before..).expect("long"));
        for form in [secret.to_owned(), hex, upper, percent, escaped, base64(0), base64(1), base64(2)] {
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
        "# Faults and their codes\n\nWritten by `tests/faults`, which scripts each of these over IPv4 and IPv6.\n\n\
         | what happens | rung | code |\n| --- | --- | --- |\n",
    );
    for case in cases {
        text += &format!("| {} | {} | `{}` |\n", case.what, case.rung, case.code);
    }
    text
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
        (Code::TokenInPlaintext, "no_token_crosses_a_network_in_plaintext_unless_that_is_allowed"),
        (Code::TokenUnequal, "ladder::tests::a_withheld_version_means_another_token"),
    ];

    #[test]
    fn every_code_of_a_climb_is_produced() {
        let produced: BTreeSet<Code> = cases::cases()
            .iter()
            .map(|case| case.code)
            .chain(ELSEWHERE.iter().map(|(code, _)| *code))
            .collect();
        let missing: Vec<String> = Code::ALL
            .iter()
            .filter(|code| code.id() < "OC-H700" && !produced.contains(code))
            .map(ToString::to_string)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(Code::ALL.iter().all(|code| code.severity() != Severity::Info || code.id() > "OC-H700"));
    }
}
