//! A peer that says again what it was sent, and a client that would send it where others can read it.
#![cfg(all(feature = "client", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use futures_util::SinkExt as _;
use openclaw_pairing::client::{Client, ClientError, Outcome, Progress, RequestError};
use openclaw_pairing::secrecy::{ExposeSecret as _, SecretString};
use openclaw_pairing::{Evidence, Phase, Vantage, diagnose, plan::Topology};
use serde_json::{Value, json};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::bad_gateway::{
    CANARY, asked, client, close, is, quick, refusal, report, send, serve, silent, with_session,
};

const DEVICE: &str = "canary-device-token-0002";

/// A text in each form in which a secret leaks, with what moves a cursor beside it.
fn echo(secret: &str) -> String {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json: String = secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    format!("{secret} {hex} {percent} {json} {} \u{1b}[31m\u{202e}", secret.to_uppercase())
}

fn holds_nothing(shown: &str) {
    let hidden =
        ["canary", "CANARY", "63616e617279", "%63%61%6E", r"\u0063\u0061", r"\\u0063", "\u{1b}", "\u{202e}"];
    for form in hidden {
        assert!(!shown.contains(form), "{form}: {shown}");
    }
}

#[tokio::test]
async fn what_a_refusal_says_again_is_masked_wherever_it_goes() {
    let (address, server) = serve(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        let (said, signature) = (echo(CANARY), connect["params"]["device"]["signature"].as_str().unwrap());
        assert_eq!(connect["params"]["auth"]["token"], CANARY);
        let mut answer = refusal(
            &connect["id"],
            &said,
            json!({
                "code": "PAIRING_REQUIRED", "reason": "not-paired", "requestId": CANARY, "deviceId": said,
                "requestedRole": said, "missingScope": said
            }),
        );
        answer["error"]["message"] = format!("{said} {signature} end").into();
        send(&mut peer, answer).await;
        silent(peer).await;
    })
    .await;
    let mut connecting = client(address).start().unwrap();
    let refusal = loop {
        match connecting.next().await {
            Progress::Stopped(stopped) => {
                holds_nothing(&format!("{stopped} {stopped:?}"));
                break stopped.refusal.unwrap();
            }
            Progress::Session(session) => panic!("{session:?}"),
            progress => holds_nothing(&format!("{progress:?}")),
        }
    };
    holds_nothing(&format!("{refusal:?} {}", serde_json::to_string(&refusal).unwrap()));
    assert!(refusal.message.ends_with("******** end"), "the signature, too: {}", refusal.message);
    let evidence = Evidence::new(Topology::default()).refusal(Vantage::Client, refusal);
    holds_nothing(&serde_json::to_string(&diagnose(&evidence)).unwrap());
    server.abort();
}

#[tokio::test]
async fn what_a_close_a_code_or_a_status_says_again_is_masked() {
    let stopped = report(|_, stream| async {
        let (mut peer, _) = asked(stream).await;
        close(&mut peer, 1008, &format!("{CANARY} \u{1b}[2J")).await;
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Authenticating, "1008 ******** \\u{1b}[2J");
    // A close reason has room for 123 bytes: the rest of the token is cut off.
    let stopped = report(|_, stream| async {
        let (mut peer, _) = asked(stream).await;
        let reason = format!("{} {CANARY}", "x".repeat(106));
        close(&mut peer, 1008, &reason[..123]).await;
    })
    .await;
    is(&stopped, Phase::Exhausted, Phase::Authenticating, "x ********");
    let stopped = report(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        send(&mut peer, refusal(&connect["id"], "X", json!({ "code": echo(CANARY) }))).await;
        silent(peer).await;
    })
    .await;
    holds_nothing(&format!("{stopped} {stopped:?}"));
}

#[tokio::test]
async fn what_a_session_says_again_is_masked_and_a_new_token_is_kept() {
    let (mut session, server) = with_session(|mut peer| async move {
        loop {
            let request = crate::bad_gateway::request(&mut peer).await;
            let (id, said) = (&request["id"], format!("{} {}", echo(CANARY), echo(DEVICE)));
            match request["method"].as_str() {
                Some("device.pair.list") => {
                    let row =
                        json!({"requestId": said, "deviceId": said, "displayName": said, "clientId": said});
                    let payload = json!({"pending": [row], "paired": [row], "more": said});
                    send(&mut peer, json!({"type":"res","id":id,"ok":true,"payload":payload})).await;
                }
                Some("device.token.rotate") => {
                    let payload = json!({"token": "canary-device-token-0003"});
                    send(&mut peer, json!({"type":"res","id":id,"ok":true,"payload":payload})).await;
                }
                Some("refuse") => {
                    let mut answer = refusal(id, &said, json!({}));
                    answer["error"]["message"] = format!("canary-device-token-0003 {said}").into();
                    send(&mut peer, answer).await;
                }
                Some(_) => return close(&mut peer, 4001, CANARY).await,
                None => return,
            }
        }
    })
    .await;
    let list = session.devices().await.unwrap();
    holds_nothing(&format!("{list:?} {}", serde_json::to_string(&list).unwrap()));
    assert!(list.pending[0].request_id.starts_with("******** ********"), "{list:?}");
    let raw = session.request("device.pair.list", &Value::Null).await.unwrap();
    assert!(raw["more"].as_str().unwrap().starts_with("******** "), "{raw}");
    let token = session.rotate("d", "operator").await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "canary-device-token-0003");
    for method in ["refuse", "close"] {
        let error = session.request(method, &Value::Null).await.unwrap_err();
        assert!(matches!(error, RequestError::Refused { .. } | RequestError::Closed { .. }), "{error:?}");
        holds_nothing(&format!("{error} {error:?}"));
    }
    holds_nothing(&format!("{session:?}"));
    server.abort();
}

#[tokio::test]
async fn what_a_hello_says_again_is_masked() {
    let (address, server) = serve(|_, stream| async {
        let (mut peer, connect) = asked(stream).await;
        let said = format!("{} {DEVICE}", echo(CANARY));
        let payload = json!({"type":"hello-ok","protocol":4,
            "server":{"version":said,"bootId":said,"connId":DEVICE},
            "auth":{"method":said,"role":DEVICE,"scopes":[said],"deviceToken":DEVICE}});
        send(&mut peer, json!({"type":"res","id":connect["id"],"ok":true,"payload":payload})).await;
        silent(peer).await;
    })
    .await;
    let Outcome::Session(session) = client(address).connect().await.unwrap() else { panic!("no session") };
    holds_nothing(&format!("{:?}", session.hello()));
    assert_eq!(
        (session.hello().role.as_str(), session.hello().connection_id.as_str()),
        ("********", "********")
    );
    server.abort();
}

#[tokio::test]
async fn a_token_stays_on_this_host_unless_it_is_said_that_it_may_leave() {
    let token = || SecretString::from(CANARY);
    let beyond: SocketAddr = "192.0.2.1:9".parse().unwrap();
    let refused = |client: Client| match client.policy(quick()).start() {
        Err(ClientError::PlaintextToken { to }) => Some(to),
        _ => None,
    };
    let far = |url: &str| Client::new(url).unwrap();
    for url in ["ws://192.0.2.1:9", "ws://gateway:9", "ws://[2001:db8::1]:9/x"] {
        let authority = url[5..].trim_end_matches("/x");
        for client in [
            far(url).shared_token(token()),
            far(url).device_token(token()),
            far(url).bootstrap_token(token()),
        ] {
            assert_eq!(refused(client.clone()).as_deref(), Some(authority));
            assert_eq!(refused(client.allow_plaintext_token()), None);
        }
        assert_eq!(refused(far(url)), None, "who has no token has nothing to lose");
        let here = far(url).shared_token(token()).address("127.0.0.1:9".parse().unwrap());
        assert_eq!(refused(here), None, "what counts is where it goes");
    }
    for url in ["ws://127.0.0.1:9", "ws://[::1]:9", "ws://localhost:9"] {
        assert_eq!(refused(far(url).shared_token(token())), None);
        let led_away = far(url).shared_token(token()).address(beyond);
        assert_eq!(refused(led_away).as_deref(), Some("192.0.2.1:9"));
    }
    let error = far("ws://gateway:9").shared_token(token()).start().unwrap_err().to_string();
    assert!(
        error.contains("gateway:9") && error.contains("wss://") && error.contains("allow_plaintext_token")
    );
    assert!(!error.contains("canary"));
}

#[tokio::test]
async fn a_flood_before_hello_ends_the_connection() {
    let floods = [
        Message::Ping(vec![0; 125].into()),
        Message::Pong(vec![].into()),
        Message::text(r#"{"type":"event","event":"x","payload":{}}"#),
    ];
    for (frame, greeted) in floods.iter().flat_map(|frame| [(frame, false), (frame, true)]) {
        let frame = frame.clone();
        let stopped = report(move |_, stream| {
            let frame = frame.clone();
            async move {
                let mut peer =
                    if greeted { asked(stream).await.0 } else { accept_async(stream).await.unwrap() };
                // It never reads what is answered.
                while peer.send(frame.clone()).await.is_ok() {}
            }
        })
        .await;
        let words = stopped.transport.clone().unwrap_or_default();
        assert_eq!((stopped.phase, words.as_str()), (Phase::Violated, "more than 256 frames before hello"));
    }
}
