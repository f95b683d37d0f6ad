//! The ladder against the embedded gateway through its whole life, from every door, and what it leaves behind.

use std::time::Duration;

use openclaw_embedded_gateway::{Bind, Gateway, Phase};
use openclaw_probe::{
    AttemptPolicy, Code, DeployGate, DeployGateState, Prober, Rung, Sample, Target, TokenAuthenticator,
    Vantage, compare, secrecy::SecretString,
};

const TOKEN: &str = "test-token-of-the-lifecycle";

fn prober(token: &str, scopes: &[&str]) -> Prober {
    Prober::builder()
        .authenticate(TokenAuthenticator::new(SecretString::from(token)).scopes(scopes.iter().copied()))
        .require_scopes(scopes.iter().copied())
        .build()
        .expect("a prober")
}

fn target(address: impl ToString) -> Target {
    address.to_string().parse().expect("a target")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port()
}

async fn gateway(phase: Phase, port: u16) -> Gateway {
    Gateway::builder()
        .token(SecretString::from(TOKEN))
        .phase(phase)
        .port(port)
        .start()
        .await
        .expect("a gateway")
}

/// Where the ladder ends now: the highest rung that holds and the first that does not.
async fn seen(prober: &Prober, target: &Target) -> (Option<Rung>, Option<(Rung, Code)>) {
    let report = prober.climb(target, Rung::Hello).await;
    (report.highest(), report.first_fault().map(|(rung, fault)| (rung, fault.code)))
}

#[tokio::test]
async fn the_right_rung_at_each_moment_of_a_life() {
    let port = free_port();
    let here = target(format!("127.0.0.1:{port}"));
    let prober = prober(TOKEN, &[]);
    let refused = (Some(Rung::Resolve), Some((Rung::Tcp, Code::ConnectionRefused)));
    assert_eq!(seen(&prober, &here).await, refused, "not listening");

    let gateway = gateway(Phase::Starting, port).await;
    for _ in 0..5 {
        let starting = (Some(Rung::Liveness), Some((Rung::Startup, Code::Starting)));
        assert_eq!(seen(&prober, &here).await, starting);
    }
    gateway.set_phase(Phase::Ready);
    for _ in 0..5 {
        assert_eq!(seen(&prober, &here).await, (Some(Rung::Hello), None), "ready");
    }
    gateway.drain();
    for _ in 0..5 {
        let draining = (Some(Rung::Liveness), Some((Rung::Startup, Code::Draining)));
        assert_eq!(seen(&prober, &here).await, draining);
    }
    gateway.stop().await;
    assert_eq!(seen(&prober, &here).await, refused, "gone");
}

#[tokio::test]
async fn a_gate_follows_a_restart() {
    let port = free_port();
    let here = target(format!("127.0.0.1:{port}"));
    let prober = prober(TOKEN, &[]);
    let mut gate = DeployGate::new(3, Duration::from_secs(60));
    let mut at = Duration::ZERO;
    let mut observe = async |gate: &mut DeployGate| {
        at += Duration::from_secs(1);
        gate.observe(Sample::of(at, &prober.climb(&here, Rung::Hello).await))
    };
    assert_eq!(observe(&mut gate).await, DeployGateState::Waiting);
    let gateway = gateway(Phase::Starting, port).await;
    assert_eq!(observe(&mut gate).await, DeployGateState::Waiting);
    gateway.set_phase(Phase::Ready);
    assert_eq!(observe(&mut gate).await, DeployGateState::Waiting);
    assert_eq!(observe(&mut gate).await, DeployGateState::Waiting);
    assert_eq!(observe(&mut gate).await, DeployGateState::Open);
}

#[tokio::test]
async fn ladders_leave_nothing_behind() {
    let gateway = gateway(Phase::Ready, 0).await;
    let before = gateway.devices();
    let (inside, outside) = (target(gateway.addr()), target(gateway.container_addr()));
    let prober = prober(TOKEN, &["operator.read"]);
    for _ in 0..100 {
        let report = prober.climb(&inside, Rung::Scope).await;
        assert!(report.is_good(), "{report}");
        // A remote client without a device is connected and gets no scope.
        let report = prober.climb(&outside, Rung::Scope).await;
        assert_eq!(
            report.first_fault().map(|(rung, fault)| (rung, fault.code)),
            Some((Rung::Scope, Code::ScopeMissing))
        );
    }
    assert_eq!(gateway.devices(), before);
    assert!(gateway.log().iter().all(|line| !line.contains("pairing")), "{:?}", gateway.log());
}

#[tokio::test]
async fn a_wrong_token_never_locks_the_address_out() {
    let gateway = gateway(Phase::Ready, 0).await;
    let outside = target(gateway.container_addr());
    let wrong = prober("test-token-that-is-wrong", &[]);
    let mut codes = Vec::new();
    for _ in 0..30 {
        let report = wrong.climb(&outside, Rung::Hello).await;
        codes.extend(report.findings().first().map(|finding| finding.code));
    }
    assert_eq!(codes.iter().filter(|code| **code == Code::TokenMismatch).count(), 2);
    assert_eq!(codes.iter().filter(|code| **code == Code::AttemptsSpent).count(), 28);
    let right = prober(TOKEN, &[]).climb(&outside, Rung::Hello).await;
    assert!(right.is_good(), "another client behind the same address is not locked out: {right}");
}

#[tokio::test]
async fn a_lockout_of_others_making_is_respected() {
    let gateway = gateway(Phase::Ready, 0).await;
    let outside = target(gateway.container_addr());
    let careless = Prober::builder()
        .authenticate(TokenAuthenticator::new(SecretString::from("test-token-that-is-wrong")))
        .attempts(AttemptPolicy::new(11, Duration::from_secs(60)))
        .build()
        .expect("a prober");
    for _ in 0..11 {
        careless.climb(&outside, Rung::Hello).await;
    }
    let right = prober(TOKEN, &[]);
    let first = right.climb(&outside, Rung::Hello).await;
    let fault = first.first_fault().expect("locked out").1;
    assert_eq!(fault.code, Code::LockedOut);
    assert!(fault.retry_after.is_some());
    let second = right.climb(&outside, Rung::Hello).await;
    assert_eq!(second.findings().first().map(|finding| finding.code), Some(Code::AttemptsSpent), "{second}");
}

#[tokio::test]
async fn a_loopback_bind_is_named_from_three_places() {
    let gateway = Gateway::builder()
        .token(SecretString::from(TOKEN))
        .bind(Bind::Loopback)
        .start()
        .await
        .expect("a gateway");
    let prober = prober(TOKEN, &[]);
    let mut ladders = Vec::new();
    for (vantage, address) in [
        (Vantage::Inside, gateway.addr()),
        (Vantage::Sibling, gateway.container_addr()),
        (Vantage::Host, gateway.published_addr()),
    ] {
        ladders.push((vantage, prober.climb(&target(address), Rung::Hello).await));
    }
    let comparison = compare(&ladders);
    assert_eq!(
        comparison.findings.first().map(|finding| finding.code),
        Some(Code::LoopbackBind),
        "{comparison:?}"
    );
    assert_eq!(
        comparison.verdict,
        "healthy inside the gateway's namespace, dead from a neighbour on its network, dead on the host"
    );
    let host = ladders.pop().expect("three").1;
    assert_eq!(host.first_fault().map(|(_, fault)| fault.code), Some(Code::ConnectionReset), "{host}");
}
