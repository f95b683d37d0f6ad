//! A gateway that misbehaves on purpose, and the one word that the driver has for each fault. Ports are the system's
//! choice; a panic of the server fails the test.
#![cfg(all(feature = "client", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::SinkExt;
use openclaw_pairing::client::Outcome;
use openclaw_pairing::plan::Topology;
use openclaw_pairing::{Code, Evidence, Phase, Subject, Vantage, diagnose};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::bad_gateway::{
    answer_http, asked, challenge, client, close, hello, is, quick, refusal, report, reset, send, serve,
    session, silent,
};

#[tokio::test]
async fn nothing_listens() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let Outcome::Stopped(stopped) = client(address).connect().await.unwrap() else { panic!("a session") };
    is(&stopped, Phase::Exhausted, Phase::Dialing, "refused");

    // What the driver met is evidence as it is: nothing is printed and read again.
    let diagnosis = diagnose(&Evidence::new(Topology::default()).stopped(Vantage::Client, &stopped));
    assert_eq!(diagnosis.cause, Code::GatewayUnreachable);
    let finding = &diagnosis.findings[0];
    assert_eq!(finding.subject, Subject::Vantage(Vantage::Client));
    assert!(finding.evidence[0].contains("refused"), "{finding:?}");
}

#[tokio::test]
async fn silence_after_accept() {
    let stopped = report(|_, stream| silent(stream)).await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "handshake timer");
}

#[tokio::test]
async fn silence_after_the_upgrade() {
    let stopped = report(|_, stream| async { silent(accept_async(stream).await.unwrap()).await }).await;
    is(&stopped, Phase::Exhausted, Phase::Greeting, "handshake timer");
}

#[tokio::test]
async fn silence_after_the_connect() {
    let stopped = report(|_, stream| async { silent(asked(stream).await).await }).await;
    is(&stopped, Phase::Exhausted, Phase::Authenticating, "handshake timer");
}

#[tokio::test]
async fn reset_before_the_upgrade() {
    let stopped = report(|_, stream| async move { reset(&stream) }).await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "");
}

#[tokio::test]
async fn an_end_before_the_upgrade_is_answered() {
    let stopped = report(|_, mut stream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "before it answered the upgrade");
}

#[tokio::test]
async fn reset_after_the_connect() {
    let stopped = report(|_, stream| async {
        let (peer, _) = asked(stream).await;
        reset(peer.get_ref());
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Authenticating, "");
}

#[tokio::test]
async fn each_http_answer_to_the_upgrade_has_its_own_word() {
    for (head, body, phase) in [
        ("200 OK", "<html>", Phase::Violated),
        ("302 Found", "", Phase::Violated),
        ("404 Not Found", "", Phase::Violated),
        ("401 Unauthorized", "", Phase::Refused),
        ("403 Forbidden", r#"{"error":{"type":"proxy_attribution_required"}}"#, Phase::OriginRefused),
        ("502 Bad Gateway", "", Phase::Exhausted),
        ("503 Service Unavailable", "Gateway websocket admission closed", Phase::Exhausted),
    ] {
        let stopped = report(move |_, stream| answer_http(stream, head, body)).await;
        assert_eq!(stopped.phase, phase, "{head}: {stopped:?}");
        assert!(stopped.transport.unwrap().contains(&head[..3]), "{head}");
    }
}

#[tokio::test]
async fn garbage_instead_of_http() {
    let stopped = report(|_, mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
        silent(stream).await;
    })
    .await;
    assert!(matches!(stopped.phase, Phase::Violated | Phase::Exhausted), "{stopped:?}");
}

#[tokio::test]
async fn a_slow_drip_runs_into_the_deadline() {
    let stopped = report(|_, mut stream| async move {
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Dialing, "handshake timer");
}

/// A text frame as bytes, unmasked as servers send.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&[0x81, 126, length[0], length[1]][..], text.as_bytes()].concat()
}

#[tokio::test]
async fn a_frame_that_drips_runs_into_the_same_deadline() {
    let stopped = report(|_, stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        let challenge =
            frame(r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1}}"#);
        for byte in challenge {
            if peer.get_mut().write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Greeting, "handshake timer");
}

#[tokio::test]
async fn an_end_in_the_middle_of_a_frame_is_a_lost_connection() {
    for resets in [true, false] {
        let stopped = report(move |_, stream| async move {
            let mut peer = accept_async(stream).await.unwrap();
            let half =
                frame(r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1}}"#);
            let _ = peer.get_mut().write_all(&half[..half.len() / 2]).await;
            if resets {
                reset(peer.get_ref());
            }
        })
        .await;
        is(&stopped, Phase::Exhausted, Phase::Greeting, "");
    }
}

#[tokio::test]
async fn a_reset_or_close_between_challenge_and_connect() {
    let stopped = report(|_, stream| async move {
        let peer = accept_async(stream).await.unwrap();
        reset(peer.get_ref());
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Greeting, "");
    for resets in [true, false] {
        let stopped = report(move |_, stream| async move {
            let mut peer = accept_async(stream).await.unwrap();
            challenge(&mut peer).await;
            if resets {
                reset(peer.get_ref());
            } else {
                close(&mut peer, 1008, "too many pending handshake frames").await;
            }
        })
        .await;
        // The reset may overtake the challenge.
        assert_eq!(stopped.phase, Phase::Exhausted, "{stopped:?}");
        assert!(stopped.reached >= Phase::Greeting, "{stopped:?}");
    }
}

#[tokio::test]
async fn before_hello_64_kib_are_read_and_one_byte_more_is_not() {
    for (length, phase) in [(65_536, Phase::Exhausted), (65_537, Phase::Violated)] {
        let empty = r#"{"type":"event","event":"x","payload":""}"#;
        let text =
            format!(r#"{{"type":"event","event":"x","payload":"{}"}}"#, "a".repeat(length - empty.len()));
        assert_eq!(text.len(), length);
        let stopped = report(move |_, stream| {
            let text = text.clone();
            async move {
                let mut peer = accept_async(stream).await.unwrap();
                let _ = peer.send(Message::text(text)).await;
                close(&mut peer, 1000, "").await;
            }
        })
        .await;
        assert_eq!(stopped.phase, phase, "{length}: {stopped:?}");
    }
}

#[tokio::test]
async fn a_report_leaves_no_socket_behind() {
    let (opened, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (in_server, out_server) = (opened.clone(), closed.clone());
    let (address, server) = serve(move |_, stream| {
        let (opened, closed) = (in_server.clone(), out_server.clone());
        async move {
            opened.fetch_add(1, Ordering::SeqCst);
            let (mut peer, connect) = asked(stream).await;
            send(
                &mut peer,
                refusal(&connect["id"], "NOT_PAIRED", json!({"code":"PAIRING_REQUIRED","requestId":"r-1"})),
            )
            .await;
            // The client's end of the socket: nothing more can come once it is gone.
            let mut rest = Vec::new();
            let _ = peer.get_mut().read_to_end(&mut rest).await;
            closed.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let mut policy = quick();
    policy.polls = 5;
    let outcome = client(address).policy(policy).connect().await.unwrap();
    assert!(matches!(outcome, Outcome::Stopped(stopped) if stopped.phase == Phase::Undecided));
    let everything_closed = async {
        while closed.load(Ordering::SeqCst) < 6 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), everything_closed).await.expect("a socket stays open");
    assert_eq!(opened.load(Ordering::SeqCst), 6);
    server.abort();
}

#[tokio::test]
async fn frames_that_break_the_protocol_before_hello() {
    let long = format!(r#"{{"type":"event","event":"x","payload":"{}"}}"#, "a".repeat(65_537));
    let frames = [
        Message::text("no json canary"),
        Message::text("{}"),
        Message::text(r#"{"type":"event","event":"connect.challenge","payload":{"ts":1}}"#),
        Message::text(r#"{"type":"event","event":"connect.challenge","payload":{"nonce":" ","ts":1}}"#),
        Message::text("[".repeat(60_000)),
        Message::text(long),
        Message::binary(vec![0, 159, 146, 150]),
    ];
    for frame in frames {
        let stopped = report(move |_, stream| {
            let frame = frame.clone();
            async move {
                let mut peer = accept_async(stream).await.unwrap();
                let _ = peer.send(frame).await;
                silent(peer).await;
            }
        })
        .await;
        assert_eq!(stopped.phase, Phase::Violated, "{stopped:?}");
    }
}

#[tokio::test]
async fn bad_utf8_and_an_oversized_header_are_violations() {
    // Text frames by hand: invalid UTF-8; then a length beyond every limit.
    for bytes in [&[0x81_u8, 2, 0xff, 0xfe][..], &[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0][..]] {
        let stopped = report(move |_, stream| async move {
            let mut peer = accept_async(stream).await.unwrap();
            let _ = peer.get_mut().write_all(bytes).await;
            silent(peer).await;
        })
        .await;
        assert_eq!(stopped.phase, Phase::Violated, "{stopped:?}");
    }
}

#[tokio::test]
async fn a_close_at_each_stage_keeps_code_and_reason() {
    let stopped = report(|_, stream| async {
        let mut peer = accept_async(stream).await.unwrap();
        close(&mut peer, 1008, "slow consumer").await;
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Greeting, "1008 slow consumer");
    for (code, reason) in [
        (1000, ""),
        (1002, "protocol mismatch"),
        (1009, ""),
        (1011, "stale install"),
        (1012, "service restart"),
        (1013, "gateway starting"),
        (4001, "device removed"),
    ] {
        let stopped = report(move |_, stream| async move {
            let (mut peer, _) = asked(stream).await;
            close(&mut peer, code, reason).await;
        })
        .await;
        is(&stopped, Phase::Exhausted, Phase::Authenticating, format!("{code} {reason}").trim_end());
    }
}

#[tokio::test]
async fn answers_for_another_id_and_events_are_passed_over() {
    let stopped = report(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        send(&mut peer, hello(&json!("somebody-else"), &["operator.read"])).await;
        send(&mut peer, json!({"type":"event","event":"health","payload":{"ok":true}})).await;
        challenge(&mut peer).await;
        let answer = refusal(&connect["id"], "INVALID_REQUEST", json!({"code":"AUTH_TOKEN_MISMATCH"}));
        send(&mut peer, answer.clone()).await;
        send(&mut peer, answer).await;
        silent(peer).await;
    })
    .await;
    assert_eq!(stopped.phase, Phase::Unauthorized);
    assert_eq!(stopped.refusal.unwrap().code.name(), "AUTH_TOKEN_MISMATCH");
}

#[tokio::test]
async fn an_answer_that_is_no_hello_is_a_violation() {
    let stopped = report(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        send(&mut peer, json!({"type":"res","id":connect["id"],"ok":true,"payload":{"type":"hello"}})).await;
        silent(peer).await;
    })
    .await;
    assert_eq!(stopped.phase, Phase::Violated);
}

#[tokio::test]
async fn each_refusal_ends_where_the_table_says() {
    for (code, phase) in [
        ("DEVICE_AUTH_NONCE_MISMATCH", Phase::IdentityRefused),
        ("DEVICE_AUTH_SIGNATURE_EXPIRED", Phase::ClockSkewed),
        ("PROTOCOL_MISMATCH", Phase::Incompatible),
        ("CONTROL_UI_ORIGIN_NOT_ALLOWED", Phase::OriginRefused),
        ("AUTH_RATE_LIMITED", Phase::Exhausted),
        ("PAIRING_REQUIRED", Phase::Undecided),
        ("SOMETHING_NEW", Phase::Refused),
    ] {
        let stopped = report(move |_, stream| async move {
            let (mut peer, connect) = asked(stream).await;
            send(
                &mut peer,
                refusal(&connect["id"], "INVALID_REQUEST", json!({"code":code,"requestId":"r-1"})),
            )
            .await;
            silent(peer).await;
        })
        .await;
        assert_eq!(stopped.phase, phase, "{code}: {stopped:?}");
    }
}

#[tokio::test]
async fn restarts_starts_lockouts_and_a_person_are_waited_for_within_budgets() {
    let (address, server) = serve(|number, stream| async move {
        if number == 0 {
            return answer_http(stream, "503 Service Unavailable", "").await;
        }
        let (mut peer, connect) = asked(stream).await;
        let id = &connect["id"];
        match number {
            1 => send(&mut peer, refusal(id, "UNAVAILABLE", json!({"reason":"startup-sidecars"}))).await,
            2 => send(&mut peer, refusal(id, "INVALID_REQUEST", json!({"code":"AUTH_RATE_LIMITED"}))).await,
            3..=5 => {
                let details = json!({"code":"PAIRING_REQUIRED","reason":"not-paired","requestId":format!("r-{}", number / 5)});
                send(&mut peer, refusal(id, "NOT_PAIRED", details)).await;
            }
            _ => {
                send(&mut peer, hello(id, &["operator.read", "operator.pairing"])).await;
                silent(peer).await;
            }
        }
    })
    .await;
    let mut policy = quick();
    (policy.warmups, policy.lockouts, policy.polls, policy.renewals) = (2, 1, 3, 1);
    let session = session(policy, address).await;
    assert!(session.missing_scopes().is_empty());
    assert!(!format!("{session:?}").contains("canary"));
    server.abort();
}

#[tokio::test]
async fn dropping_a_connection_in_the_making_at_any_step_is_harmless() {
    let (address, server) = serve(|_, stream| async { silent(asked(stream).await).await }).await;
    let mut connecting = client(address).start().unwrap();
    // Polled and dropped many times over: each call goes on where the one before was cut.
    let mut phases = Vec::new();
    while connecting.phase() != Phase::Authenticating {
        if let Ok(progress) = tokio::time::timeout(Duration::from_millis(1), connecting.next()).await {
            phases.push(format!("{progress:?}"));
        }
    }
    drop(connecting);
    assert!(phases.len() <= 4, "{phases:?}");
    server.abort();
}
