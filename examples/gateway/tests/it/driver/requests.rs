//! A request from its making to its decision: renewed, replaced, run out, approved, and what the log says of it.

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use openclaw_embedded_gateway::{Clock, Gateway};
use openclaw_pairing::client::{DecideError, Outcome};
use openclaw_pairing::refusal::{PairingReason, RefusalCode};
use openclaw_pairing::wire::ClientInfo;
use openclaw_pairing::wire::Role;
use openclaw_pairing::{DeviceSigner, Phase, Scope, ScopeSet};
use serde_json::json;

use super::clients::{
    approved, approver, code, everything, gateway, key, local, logged, node, quick, read, remote, session,
    stopped, token,
};

#[tokio::test]
async fn from_refusal_to_session_by_device_id() {
    let gateway = gateway().await;
    let device = key(3);
    let wish = remote(&gateway).signer(device.clone()).shared_token(token()).scopes(everything());
    let before = stopped(wish.clone()).await;
    let refusal = before.refusal.expect("a refusal");
    assert_eq!(refusal.pairing, Some(PairingReason::NotPaired));
    assert_eq!(refusal.device_id.as_deref(), Some(device.device_id()));

    let mut approver = session(local(&gateway).shared_token(token()).scopes(everything())).await;
    let list = approver.devices().await.expect("a list");
    let pending = list.pending_for(device.device_id()).expect("a request");
    assert_eq!(Some(&pending.request_id), refusal.request_id.as_ref());
    approver.approve(device.device_id(), everything()).await.expect("approved");

    let after = session(wish).await;
    assert!(after.missing_scopes().is_empty());
    let kept = after.device_token().expect("a device token").clone();
    // The device's own token is enough from now on, and only for this device.
    let own = session(remote(&gateway).signer(device).device_token(kept.clone())).await;
    assert_eq!(own.hello().method, "device-token");
    let thief = stopped(remote(&gateway).signer(key(4)).device_token(kept)).await;
    assert_eq!((code(&thief), thief.phase), (RefusalCode::AuthDeviceTokenMismatch, Phase::Unauthorized));
}

#[tokio::test]
async fn upgrades_wait_for_a_person_and_say_which_kind() {
    let gateway = gateway().await;
    let (device, _) = approved(&gateway, 5).await;
    let base = || remote(&gateway).signer(device.clone()).shared_token(token());
    let mut darwin = ClientInfo::cli("0.1.0", "darwin");
    darwin.display_name = Some("moved".to_owned());
    let cases = [
        (base().scopes(everything()), PairingReason::ScopeUpgrade),
        (base().role(Role::Node).info(node()).scopes(ScopeSet::EMPTY), PairingReason::RoleUpgrade),
        (base().info(darwin), PairingReason::MetadataUpgrade),
    ];
    for (client, reason) in cases {
        let stopped = stopped(client).await;
        let refusal = stopped.refusal.expect("a refusal");
        assert_eq!((refusal.pairing, stopped.phase), (Some(reason), Phase::Undecided));
        assert!(refusal.request_id.is_some(), "the id comes from the details, not from the cut close reason");
    }
}

#[tokio::test]
async fn waiting_for_a_person_ends_in_a_session_without_another_request() {
    let gateway = gateway().await;
    let device = key(9);
    let mut patient = quick();
    patient.polls = 500;
    let wish = remote(&gateway).signer(device.clone()).shared_token(token()).policy(patient);
    let (outcome, ids) = tokio::join!(wish.connect(), async {
        let mut approver = approver(&gateway).await;
        let mut ids = std::collections::BTreeSet::new();
        for asked in 1..=5 {
            logged(&gateway, "cause=pairing-required", asked).await;
            let list = approver.devices().await.expect("a list");
            ids.extend(list.pending_for(device.device_id()).map(|request| request.request_id.clone()));
        }
        approver.approve(device.device_id(), read()).await.expect("approved");
        ids
    });
    assert!(matches!(outcome, Ok(Outcome::Session(_))), "{outcome:?}");
    assert_eq!(ids.len(), 1, "a covered reconnect keeps the request: {ids:?}");
}

#[tokio::test]
async fn a_request_lives_five_minutes_and_then_the_device_must_ask_again() {
    use openclaw_pairing::plan::Topology;
    use openclaw_pairing::{Code, Evidence, Vantage, diagnose};

    let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let gateway =
        Gateway::builder().token(token()).clock(clock.clone()).start().await.expect("the gateway starts");
    let device = key(12);
    let wish = remote(&gateway).signer(device.clone()).shared_token(token());
    let first = stopped(wish.clone()).await.refusal.expect("a refusal");
    let list = gateway.devices().to_string();
    clock.advance(Duration::from_secs(301));

    let evidence = Evidence::new(Topology::default()).version("2026.9.6").now_ms(clock.now_ms());
    let evidence = evidence.device_list(Vantage::Gateway, "devices list", &list).expect("a list");
    assert_eq!(diagnose(&evidence).cause, Code::RequestExpired);
    let mut approver = approver(&gateway).await;
    let error = approver.approve(device.device_id(), read()).await.expect_err("nothing is pending");
    assert!(matches!(error, DecideError::NoRequest { .. }), "{error}");

    let second = stopped(wish.clone()).await.refusal.expect("a refusal");
    assert_ne!(first.request_id, second.request_id);
    approver.approve(device.device_id(), read()).await.expect("approved");
    session(wish).await;
}

#[tokio::test]
async fn another_wish_replaces_the_request_and_asks_for_both() {
    let gateway = gateway().await;
    let device = key(13);
    let wish = |scope: Scope| {
        remote(&gateway).signer(device.clone()).shared_token(token()).scopes(ScopeSet::from([scope]))
    };
    let first = stopped(wish(Scope::Pairing)).await.refusal.expect("a refusal");
    let second = stopped(wish(Scope::Read)).await.refusal.expect("a refusal");
    assert_ne!(first.request_id, second.request_id);
    let mut approver = approver(&gateway).await;
    let list = approver.devices().await.expect("a list");
    assert_eq!(list.pending.len(), 1);
    assert_eq!(list.pending[0].scopes, ScopeSet::from([Scope::Pairing, Scope::Read]));
    // Agreed was reading: the union is not approved unseen.
    let error = approver.approve(device.device_id(), read()).await.expect_err("more than was agreed");
    assert!(matches!(error, DecideError::AsksForMore { .. }), "{error}");
}

#[tokio::test]
async fn a_request_is_decided_once_and_an_upgrade_says_what_is_approved() {
    let gateway = gateway().await;
    let (device, _) = approved(&gateway, 17).await;
    let more = stopped(remote(&gateway).signer(device).shared_token(token()).scopes(everything())).await;
    let refusal = more.refusal.expect("a refusal");
    assert_eq!(refusal.approved_scopes, Some(read()));
    assert_eq!(refusal.requested_scopes, Some(everything()));
    let request = json!({ "requestId": refusal.request_id });
    let mut approver = approver(&gateway).await;
    approver.request("device.pair.approve", &request).await.expect("approved");
    let error = approver.request("device.pair.approve", &request).await.expect_err("decided before");
    assert!(error.to_string().contains("unknown requestId"), "{error}");
}

#[tokio::test]
async fn the_log_of_a_refusal_is_diagnosed() {
    use openclaw_pairing::plan::Topology;
    use openclaw_pairing::{Code, Evidence, Vantage, diagnose};

    let container: IpAddr = "172.18.0.3".parse().expect("an address");
    let gateway = Gateway::builder()
        .token(token())
        .container_peer(container)
        .start()
        .await
        .expect("the gateway starts");
    stopped(remote(&gateway).signer(key(10)).shared_token(token())).await;
    let evidence = Evidence::new(Topology::default())
        .version("2026.9.6")
        .log(Vantage::Gateway, "gateway.log", &gateway.log().join("\n"))
        .device_list(Vantage::Gateway, "devices list", &gateway.devices().to_string())
        .expect("a list");
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.cause, Code::NatHidesLocal, "{:?}", diagnosis.findings);
    let devices = gateway.devices();
    let id = devices["pending"][0]["requestId"].as_str().expect("an id");
    assert!(diagnosis.plan.to_string().contains(&format!("openclaw devices approve {id} --json")));
    assert!(diagnosis.plan.restart_now.is_some());
}

#[tokio::test]
async fn what_the_driver_met_is_diagnosed() {
    use openclaw_pairing::plan::Topology;
    use openclaw_pairing::{Code, Evidence, Vantage, diagnose};

    let gateway = gateway().await;
    let device = key(18);
    let evidence = || Evidence::new(Topology::default()).own_device(device.device_id());
    let wrong =
        remote(&gateway).signer(device.clone()).shared_token("another-token-than-the-gateways".into());
    let seen = evidence().stopped(Vantage::Client, &stopped(wrong).await);
    assert_eq!(diagnose(&seen).cause, Code::SharedTokenFault);

    let wish = remote(&gateway).signer(device.clone()).shared_token(token()).scopes(read());
    let refused = stopped(wish.clone()).await;
    let diagnosis = diagnose(&evidence().stopped(Vantage::Client, &refused));
    assert_eq!(diagnosis.cause, Code::OwnApproverMissing, "{:?}", diagnosis.findings);

    let mut approver = approver(&gateway).await;
    approver.approve(device.device_id(), read()).await.expect("approved");
    let session = session(wish).await;
    let diagnosis = diagnose(&evidence().wanted(read()).session(Vantage::Client, &session));
    assert_eq!(diagnosis.cause, Code::Paired, "{:?}", diagnosis.findings);
    assert!(diagnosis.findings.iter().all(|finding| finding.code != Code::UnknownVersion), "hello says it");
}
