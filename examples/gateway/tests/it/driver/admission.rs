//! Who is let in with what, and which flaw of several is named: the driver at the gateway's door, in the order in which the
//! gateway looks.

use openclaw_embedded_gateway::{Gateway, Phase as GatewayPhase};
use openclaw_pairing::refusal::RefusalCode;
use openclaw_pairing::wire::Role;
use openclaw_pairing::{DeviceSigner, Phase, ScopeSet};
use serde_json::json;

use super::clients::{
    Between, Edit, called, client, code, gateway, key, local, node, read, remote, session, stopped, token,
    wrong,
};

#[tokio::test]
async fn admission_without_and_with_credentials() {
    let gateway = gateway().await;
    let cases = [
        (
            "no credential, no device",
            remote(&gateway),
            RefusalCode::DeviceIdentityRequired,
            Phase::IdentityRefused,
        ),
        (
            "wrong token, no device",
            remote(&gateway).shared_token(wrong()),
            RefusalCode::AuthTokenMismatch,
            Phase::Unauthorized,
        ),
        (
            "device without credential",
            remote(&gateway).signer(key(1)),
            RefusalCode::AuthTokenMissing,
            Phase::Unauthorized,
        ),
        (
            "wrong token with device",
            remote(&gateway).signer(key(1)).shared_token(wrong()),
            RefusalCode::AuthTokenMismatch,
            Phase::Unauthorized,
        ),
        (
            "right token, new device, remote",
            remote(&gateway).signer(key(1)).shared_token(token()),
            RefusalCode::PairingRequired,
            Phase::Undecided,
        ),
        (
            "a node without device",
            local(&gateway).shared_token(token()).role(Role::Node).info(node()).scopes(ScopeSet::EMPTY),
            RefusalCode::DeviceIdentityRequired,
            Phase::IdentityRefused,
        ),
    ];
    for (what, client, expected, phase) in cases {
        let stopped = stopped(client).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, phase), "{what}");
    }
}

#[tokio::test]
async fn a_right_token_from_afar_without_a_device_is_connected_and_may_do_nothing() {
    let gateway = gateway().await;
    let mut session = session(remote(&gateway).shared_token(token())).await;
    assert!(session.hello().scopes.is_empty());
    assert_eq!(session.missing_scopes(), read());
    let error = session.devices().await.expect_err("no scope");
    assert!(error.to_string().contains("missing scope: operator.pairing"), "{error}");
}

#[tokio::test]
async fn a_wrong_token_with_a_device_names_the_other_way_in() {
    let gateway = gateway().await;
    let wrong = wrong();
    let with_device = stopped(remote(&gateway).signer(key(14)).shared_token(wrong.clone())).await;
    assert!(with_device.refusal.expect("a refusal").can_retry_with_device_token);
    let without = stopped(remote(&gateway).shared_token(wrong)).await;
    assert!(!without.refusal.expect("a refusal").can_retry_with_device_token);
}

#[tokio::test]
async fn a_dashboard_needs_an_origin_and_a_key() {
    let gateway = gateway().await;
    let (none, foreign) = (Between::plain(), Between::plain().origin("http://elsewhere.example"));
    let allowed = Between::plain().origin("http://localhost:18789");
    let refused = RefusalCode::ControlUiOriginNotAllowed;
    let keyless = RefusalCode::ControlUiDeviceIdentityRequired;
    let cases = [
        ("openclaw-control-ui", none, refused.clone(), Phase::OriginRefused),
        ("openclaw-control-ui", foreign, refused.clone(), Phase::OriginRefused),
        ("openclaw-control-ui", allowed, keyless.clone(), Phase::IdentityRefused),
        ("openclaw-tui", none, keyless, Phase::IdentityRefused),
        // Whoever names a foreign origin is held to it.
        ("cli", foreign, refused, Phase::OriginRefused),
    ];
    for (id, between, expected, phase) in cases {
        let info = called(id, if id == "cli" { "cli" } else { "ui" });
        let stopped = stopped(client(&between.url(&gateway).await).shared_token(token()).info(info)).await;
        assert_eq!((code(&stopped), stopped.phase), (expected, phase), "{id}: {stopped}");
    }
}

#[tokio::test]
async fn a_dashboard_of_another_build_is_told_to_reload_after_it_was_paired() {
    let origins = vec!["http://127.0.0.1:18789".to_owned()];
    let gateway = Gateway::builder().token(token()).allowed_origins(origins).start().await;
    let gateway = gateway.expect("the gateway starts");
    let between = Between::browser("http://127.0.0.1:18789").url(&gateway).await;
    let page =
        client(&between).shared_token(token()).signer(key(1)).info(called("openclaw-control-ui", "webchat"));
    let stopped = stopped(page).await;
    assert_eq!(
        (code(&stopped), stopped.phase),
        (RefusalCode::ControlUiBuildMismatch, Phase::Incompatible),
        "{stopped}"
    );
    assert!(stopped.to_string().contains("reload this page"), "{stopped}");
    assert!(gateway.devices()["paired"].to_string().contains(key(1).device_id()));
}

/// What a frame has wrong, in the order in which the gateway looks.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Flaw {
    Shape,
    Starting,
    Protocol,
    Role,
    Origin,
    Proof,
    Token,
    Unknown,
}

const FLAWS: [Flaw; 8] = [
    Flaw::Shape,
    Flaw::Starting,
    Flaw::Protocol,
    Flaw::Role,
    Flaw::Origin,
    Flaw::Proof,
    Flaw::Token,
    Flaw::Unknown,
];

impl Flaw {
    /// What the client is told; a dashboard's device that nobody knows is the last thing that can be wrong.
    fn words(self) -> &'static str {
        match self {
            Self::Shape => "unexpected property 'flaw'",
            Self::Starting => "gateway starting",
            Self::Protocol => "protocol mismatch",
            Self::Role => "invalid role",
            Self::Origin => "origin not allowed",
            Self::Proof => "device nonce mismatch",
            Self::Token => "gateway token mismatch",
            Self::Unknown => "device is not approved yet",
        }
    }

    fn put(self, frame: &mut serde_json::Value) {
        let params = &mut frame["params"];
        match self {
            Self::Shape => params["flaw"] = json!(1),
            Self::Protocol => params["maxProtocol"] = json!(3),
            Self::Role => params["role"] = json!("superuser"),
            Self::Proof => params["device"]["nonce"] = json!("of another connection"),
            // These are not of the frame.
            Self::Starting | Self::Origin | Self::Token | Self::Unknown => {}
        }
    }
}

#[tokio::test]
async fn of_several_flaws_the_first_in_the_gateways_order_is_named() {
    for first in FLAWS {
        let gateway = gateway().await;
        if first <= Flaw::Starting {
            gateway.set_phase(GatewayPhase::Starting);
        }
        // Everything from this flaw on is wrong at once.
        let edit: Edit = match first {
            Flaw::Shape => |frame| flawed(frame, Flaw::Shape),
            Flaw::Starting => |frame| flawed(frame, Flaw::Starting),
            Flaw::Protocol => |frame| flawed(frame, Flaw::Protocol),
            Flaw::Role => |frame| flawed(frame, Flaw::Role),
            Flaw::Origin => |frame| flawed(frame, Flaw::Origin),
            Flaw::Proof => |frame| flawed(frame, Flaw::Proof),
            Flaw::Token | Flaw::Unknown => str::to_owned,
        };
        let mut between = Between::editing(edit);
        if first <= Flaw::Origin {
            between = between.origin("http://elsewhere.example");
        }
        let secret = if first <= Flaw::Token { wrong() } else { token() };
        let url = between.before(gateway.container_addr()).await;
        let stopped = stopped(client(&url).shared_token(secret).signer(key(2))).await;
        assert!(stopped.to_string().contains(first.words()), "{first:?}: {stopped}");
    }
}

/// The frame with this flaw and all that come after it.
fn flawed(frame: &str, first: Flaw) -> String {
    let mut frame: serde_json::Value = serde_json::from_str(frame).expect("JSON");
    FLAWS.into_iter().filter(|flaw| *flaw >= first).for_each(|flaw| flaw.put(&mut frame));
    frame.to_string()
}
