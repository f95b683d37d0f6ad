//! Who is let in silently and who must wait for a person: the pairing driver at each door of the embedded gateway, row by
//! row.

use openclaw_embedded_gateway::Gateway;
use openclaw_pairing::client::{Client, Outcome};
use openclaw_pairing::refusal::{PairingReason, RefusalCode};
use openclaw_pairing::wire::ClientInfo;
use openclaw_pairing::wire::Role;
use openclaw_pairing::{DeviceSigner, Phase, Scope, ScopeSet};

use super::clients::{
    Between, approved, approver, called, client, code, everything, gateway, key, local, node, read, remote,
    session, stopped, token,
};

/// How a connect with the shared token ended.
#[derive(Debug, PartialEq)]
enum Answer {
    /// A session with every scope asked for, and a device token or none.
    In { token: bool },
    /// A session with fewer.
    Limited,
    /// A person must decide.
    Waits(PairingReason),
}
use Answer::{In, Limited, Waits};

async fn ask(client: Client) -> Answer {
    match client.shared_token(token()).connect().await.expect("a policy") {
        Outcome::Session(session) if session.missing_scopes().is_empty() => {
            In { token: session.device_token().is_some() }
        }
        Outcome::Session(_) => Limited,
        Outcome::Stopped(stopped) => {
            Waits(stopped.refusal.expect("a refusal").pairing.expect("a reason of pairing"))
        }
        other => panic!("{other:?}"),
    }
}

/// The dashboard's page at this address, as a browser on the Docker host opens it.
async fn dashboard(gateway: &Gateway, page: &'static str, seed: u8) -> Client {
    // Frames of this dashboard name no build, so the page that they came from must not be the gateway's own.
    let between = Between::plain().origin(page);
    client(&between.before(gateway.published_addr()).await)
        .info(called("openclaw-control-ui", "webchat"))
        .signer(key(seed))
}

#[tokio::test]
async fn without_a_device_the_peer_and_the_mode_decide_the_scopes() {
    let gateway = gateway().await;
    let cases = [
        (local(&gateway), In { token: false }),
        (local(&gateway).scopes(everything()), In { token: false }),
        (local(&gateway).info(called("gateway-client", "backend")), In { token: false }),
        (local(&gateway).info(called("openclaw-probe", "probe")), Limited),
        (remote(&gateway), Limited),
        (remote(&gateway).info(called("gateway-client", "backend")), Limited),
        (remote(&gateway).info(called("openclaw-probe", "probe")), Limited),
    ];
    for (index, (client, expected)) in cases.into_iter().enumerate() {
        assert_eq!(ask(client).await, expected, "row {index}");
    }
    assert_eq!(gateway.devices()["paired"].as_array().map(Vec::len), Some(0), "nobody was paired for it");
}

#[tokio::test]
async fn on_loopback_the_shared_token_pairs_and_widens_silently() {
    let gateway = gateway().await;
    let device = || local(&gateway).signer(key(1));
    assert_eq!(ask(device()).await, In { token: true });
    assert_eq!(ask(device().scopes(everything())).await, In { token: true });
    let node = local(&gateway).signer(key(2)).role(Role::Node).info(node()).scopes(ScopeSet::EMPTY);
    assert_eq!(ask(node).await, In { token: true });
}

#[tokio::test]
async fn on_loopback_another_role_or_platform_still_waits_for_a_person() {
    let gateway = gateway().await;
    let device = || local(&gateway).signer(key(3));
    assert_eq!(ask(device()).await, In { token: true });
    let as_node = device().role(Role::Node).info(node()).scopes(ScopeSet::EMPTY);
    assert_eq!(ask(as_node).await, Waits(PairingReason::RoleUpgrade));
    let moved = device().info(ClientInfo::cli("0.1.0", "darwin"));
    assert_eq!(ask(moved).await, Waits(PairingReason::MetadataUpgrade));
}

#[tokio::test]
async fn on_loopback_a_device_token_alone_widens_nothing_and_nothing_opens_nothing() {
    let gateway = gateway().await;
    let held = session(local(&gateway).signer(key(4)).shared_token(token())).await;
    let kept = held.device_token().expect("a device token").clone();
    let wider = ScopeSet::from([Scope::Read, Scope::Write]);
    let alone = stopped(local(&gateway).signer(key(4)).device_token(kept).scopes(wider)).await;
    assert_eq!((code(&alone), alone.phase), (RefusalCode::AuthScopeMismatch, Phase::Unauthorized));
    let nothing = stopped(local(&gateway).signer(key(5))).await;
    assert_eq!((code(&nothing), nothing.phase), (RefusalCode::AuthTokenMissing, Phase::Unauthorized));
}

#[tokio::test]
async fn from_another_container_everyone_waits() {
    let gateway = gateway().await;
    let not_paired = || Waits(PairingReason::NotPaired);
    let cases = [
        remote(&gateway).signer(key(6)),
        remote(&gateway).signer(key(7)).info(called("gateway-client", "backend")),
        remote(&gateway).signer(key(8)).role(Role::Node).info(node()).scopes(ScopeSet::EMPTY),
    ];
    for (index, client) in cases.into_iter().enumerate() {
        assert_eq!(ask(client).await, not_paired(), "row {index}");
    }
}

#[tokio::test]
async fn a_dashboard_on_the_published_port_is_local_by_its_loopback_name_only() {
    // A real gateway allows the origins of its own port, which here is the system's choice.
    let builder =
        Gateway::builder().token(token()).allowed_origins(vec!["http://127.0.0.1:18789".to_owned()]);
    let gateway = builder.start().await.expect("the gateway starts");
    assert_eq!(ask(dashboard(&gateway, "http://127.0.0.1:18789", 9).await).await, In { token: true });
    let id = key(9).device_id().to_owned();
    let paired = gateway.devices()["paired"].to_string();
    assert!(paired.contains(&id) && paired.contains("silent"), "{paired}");
    let wider = dashboard(&gateway, "http://127.0.0.1:18789", 9).await.scopes(everything());
    assert_eq!(ask(wider).await, In { token: true });
    let mut moved = called("openclaw-control-ui", "webchat");
    moved.platform = "darwin".to_owned();
    let moved = dashboard(&gateway, "http://127.0.0.1:18789", 9).await.info(moved);
    assert_eq!(ask(moved).await, Waits(PairingReason::MetadataUpgrade));
}

#[tokio::test]
async fn a_dashboard_by_the_hosts_address_waits() {
    let page = "http://192.168.1.20:18789";
    let builder = Gateway::builder().token(token()).allowed_origins(vec![page.to_owned()]);
    let gateway = builder.start().await.expect("the gateway starts");
    let between = Between::browser(page).before(gateway.published_addr()).await;
    let page = client(&between).info(called("openclaw-control-ui", "webchat")).signer(key(20));
    assert_eq!(ask(page).await, Waits(PairingReason::NotPaired));
}

#[tokio::test]
async fn no_host_header_makes_a_remote_client_local() {
    let gateway = gateway().await;
    for (seed, host) in [(21, "127.0.0.1:18789"), (22, "localhost:18789")] {
        let url = Between::plain().host(host).before(gateway.container_addr()).await;
        assert_eq!(ask(client(&url).signer(key(seed))).await, Waits(PairingReason::NotPaired), "{host}");
    }
    // Nor does a foreign one make a local client remote.
    let url = Between::plain().host("gateway.example:18789").url(&gateway).await;
    assert_eq!(ask(client(&url).signer(key(23))).await, In { token: true });
}

#[tokio::test]
async fn on_loopback_a_page_that_is_no_dashboard_waits() {
    let gateway = gateway().await;
    let url = Between::plain().origin("http://localhost:3000").url(&gateway).await;
    assert_eq!(ask(client(&url).signer(key(24))).await, Waits(PairingReason::NotPaired));
}

#[tokio::test]
async fn a_revoked_operator_is_let_in_again_on_loopback_unless_it_waits_from_afar() {
    let gateway = gateway().await;
    let mut admin = approver(&gateway).await;
    for (seed, asks_from_afar) in [(25, false), (26, true)] {
        let (device, _) = approved(&gateway, seed).await;
        admin.revoke(device.device_id(), "operator").await.expect("revoked");
        let waits = Waits(PairingReason::RoleUpgrade);
        if asks_from_afar {
            assert_eq!(ask(remote(&gateway).signer(device.clone())).await, waits);
        }
        let expected = if asks_from_afar { waits } else { In { token: true } };
        assert_eq!(ask(local(&gateway).signer(device)).await, expected);
    }
}

#[tokio::test]
async fn without_silent_approval_loopback_waits_as_well() {
    let builder = Gateway::builder().token(token()).auto_approve_local(false);
    let gateway = builder.start().await.expect("the gateway starts");
    assert_eq!(ask(local(&gateway).signer(key(10))).await, Waits(PairingReason::NotPaired));
    let (device, _) = approved(&gateway, 11).await;
    let wider = local(&gateway).signer(device.clone()).scopes(everything());
    assert_eq!(ask(wider).await, Waits(PairingReason::ScopeUpgrade));
    let moved = local(&gateway).signer(device.clone()).info(ClientInfo::cli("0.1.0", "darwin"));
    assert_eq!(ask(moved).await, Waits(PairingReason::MetadataUpgrade));
    approver(&gateway).await.revoke(device.device_id(), "operator").await.expect("revoked");
    assert_eq!(ask(local(&gateway).signer(device)).await, Waits(PairingReason::RoleUpgrade));
}

#[tokio::test]
async fn one_request_a_device_whatever_it_asks_for_next() {
    let gateway = gateway().await;
    let (device, _) = approved(&gateway, 12).await;
    let moved = remote(&gateway).signer(device.clone()).info(ClientInfo::cli("0.1.0", "darwin"));
    assert_eq!(ask(moved).await, Waits(PairingReason::MetadataUpgrade));
    let as_node =
        remote(&gateway).signer(device.clone()).role(Role::Node).info(node()).scopes(ScopeSet::EMPTY);
    assert_eq!(ask(as_node).await, Waits(PairingReason::RoleUpgrade));
    let list = approver(&gateway).await.devices().await.expect("a list");
    let requests: Vec<_> =
        list.pending.iter().filter(|request| request.device_id == device.device_id()).collect();
    assert_eq!(requests.len(), 1, "{requests:?}");
    // What the replaced request asked for is carried over.
    assert_eq!(requests[0].scopes, read());
}
