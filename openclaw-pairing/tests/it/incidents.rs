//! Thirty-odd incidents as people met them, each with the cause that must come first. The texts are written for these
//! tests after the shapes that gateways and CLIs print.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use openclaw_pairing::plan::{Action, Ending, Engine, Topology};
use openclaw_pairing::refusal::{PairingReason, Refusal, RefusalCode};
use openclaw_pairing::{Code, Diagnosis, Evidence, Scope, ScopeSet, Vantage, diagnose};

const CLI_DEVICE: &str = "1f2e3d4c5b6a79880102030405060708090a0b0c0d0e0f101112131415161718";
const UI_DEVICE: &str = "aa2e3d4c5b6a79880102030405060708090a0b0c0d0e0f101112131415161718";

fn evidence() -> Evidence {
    Evidence::new(Topology::default()).version("2026.9.6")
}

/// A gateway's line about a connect that ended in a pairing request.
fn asked(minute: u32, device: &str, request: &str, reason: &str, client: &str, remote: &str) -> String {
    format!(
        "2026-11-20T08:{minute:02}:00.100+00:00 [ws] closed before connect conn=c{minute} remote={remote} code=1008 \
         reason=pairing required: (requestId: {request}) cause=pairing-required durationMs=20 handshake=failed \
         deviceId={device} requestId={request} reason={reason} client={client}\n"
    )
}

fn at(minute: u32, text: &str) -> String {
    format!("2026-11-20T08:{minute:02}:30.000+00:00 {text}\n")
}

fn started(minute: u32) -> String {
    at(minute, "[gateway] loading configuration…")
}

fn list(pending: &str, paired: &str) -> String {
    format!(r#"{{"pending":[{pending}],"paired":[{paired}]}}"#)
}

fn pending(device: &str, request: &str, client: &str, scopes: &str, ts: u64) -> String {
    format!(
        r#"{{"requestId":"{request}","deviceId":"{device}","publicKey":"k","platform":"linux","clientId":"{client}",
        "clientMode":"cli","role":"operator","roles":["operator"],"scopes":[{scopes}],"remoteIp":"172.18.0.3",
        "silent":false,"isRepair":false,"ts":{ts}}}"#
    )
}

fn paired(device: &str, client: &str, scopes: &str, connected: bool) -> String {
    format!(
        r#"{{"deviceId":"{device}","publicKey":"k","platform":"linux","clientId":"{client}","clientMode":"cli",
        "role":"operator","roles":["operator"],"scopes":[{scopes}],"remoteIp":"172.18.0.3","approvedVia":"owner",
        "createdAtMs":1,"approvedAtMs":1,"connected":{connected},
        "tokens":[{{"role":"operator","scopes":[{scopes}],"createdAtMs":1}}]}}"#
    )
}

const READ: &str = r#""operator.read""#;
const ALL: &str = r#""operator.read","operator.write","operator.pairing","operator.admin""#;

fn seen(evidence: Evidence, vantage: Vantage, text: &str) -> Evidence {
    match vantage {
        Vantage::Gateway => evidence.log(vantage, "gateway.log", text),
        _ => evidence.cli_output(vantage, vantage.name(), text),
    }
}

/// What happened, the evidence, the cause that must come first.
fn cases() -> Vec<(&'static str, Evidence, Code)> {
    let (gateway, client, dashboard) = (Vantage::Gateway, Vantage::Client, Vantage::Dashboard);
    let scoped = |scopes: &[Scope]| scopes.iter().copied().collect::<ScopeSet>();
    vec![
        (
            "C01: the dashboard comes through the bridge, the CLI that should approve dials itself",
            seen(
                seen(evidence(), dashboard, "disconnected (1008): pairing required"),
                client,
                "Gateway not reachable at ws://127.0.0.1:18789 (ECONNREFUSED).",
            ),
            Code::OwnApproverMissing,
        ),
        (
            "C03: right token in URL and environment, and still 1008",
            seen(evidence(), dashboard, "disconnected (1008): pairing required"),
            Code::OwnApproverMissing,
        ),
        (
            "C04: the same, after someone allowed insecure auth",
            seen(evidence(), dashboard, "disconnected (1008): pairing required")
                .config("openclaw.json", "{ gateway: { controlUi: { allowInsecureAuth: true } } }"),
            Code::OwnApproverMissing,
        ),
        (
            "C06: state half wiped: the dashboard is unpaired, the CLI's device token stale",
            seen(
                seen(evidence(), dashboard, "disconnected (1008): pairing required"),
                client,
                "unauthorized: device token mismatch (rotate/reissue device token)",
            ),
            Code::MutualWait,
        ),
        (
            "C07: three commands, three answers after an update",
            seen(evidence(), client, "gateway closed (1008): pairing required"),
            Code::OwnApproverMissing,
        ),
        (
            "C09: approved for everything but write, and a sub-agent writes",
            evidence()
                .own_device(CLI_DEVICE)
                .wanted(scoped(&[Scope::Write]))
                .device_list(
                    gateway,
                    "list",
                    &list("", &paired(CLI_DEVICE, "cli", r#""operator.admin2","operator.pairing""#, false)),
                )
                .unwrap()
                .cli_output(client, "spawn", "gateway closed (1008): pairing required"),
            Code::ScopeUpgrade,
        ),
        (
            "C10: devices list works, status asks for more",
            evidence()
                .own_device(CLI_DEVICE)
                .device_list(
                    gateway,
                    "list",
                    &list(
                        &pending(CLI_DEVICE, "r-10", "cli", ALL, 1),
                        &paired(CLI_DEVICE, "cli", READ, false),
                    ),
                )
                .unwrap()
                .cli_output(client, "status", "gateway closed (1008): pairing required"),
            Code::ScopeUpgrade,
        ),
        (
            "C12: the token is in config, environment and arguments, and it loops",
            seen(
                evidence(),
                gateway,
                &[1, 2, 3]
                    .map(|minute| asked(minute, CLI_DEVICE, "r-12", "not-paired", "cli", "203.0.113.9"))
                    .concat(),
            ),
            Code::OwnApproverMissing,
        ),
        (
            "C13: reason not-paired, --token ignored",
            seen(evidence(), client, "closed: reason: not-paired"),
            Code::OwnApproverMissing,
        ),
        (
            "C15: scopes were reset to read by an upgrade",
            seen(
                evidence(),
                client,
                "pairing required: device is asking for more scopes than currently approved",
            ),
            Code::ScopeUpgrade,
        ),
        (
            "C16: scope upgrade on a lan bind",
            evidence().refusal(client, scope_upgrade("r-16")),
            Code::ScopeUpgrade,
        ),
        (
            "C18: another device's token was copied over",
            seen(evidence(), client, "gateway connect failed: device-ownership-mismatch"),
            Code::DeviceTokenFault,
        ),
        (
            "C19: approving needs admin, admin needs approving",
            seen(evidence(), client, "GatewayClientRequestError: missing scope: operator.admin"),
            Code::ApproverLacksScope,
        ),
        (
            "C21: the refused call is the one that would have shown the prompt",
            seen(
                evidence(),
                client,
                "exec.approval.request: scope upgrade pending approval (requestId: r-21)",
            ),
            Code::ScopeUpgrade,
        ),
        (
            "C22: shared namespace, same identity, an old release that takes no container for local",
            Evidence::new(shared()).version("2026.3.23").cli_output(
                client,
                "cli",
                "gateway closed (1008): pairing required",
            ),
            Code::NatHidesLocal,
        ),
        (
            "C24: each tool call asks, on loopback with the token, in an old release",
            Evidence::new(shared()).version("2026.3.2").cli_output(
                client,
                "tool",
                "GatewayClientRequestError: pairing required",
            ),
            Code::NatHidesLocal,
        ),
        (
            "C25: the request is a device's, and people look among nodes",
            evidence().cli_output(client, "nodes approve r-25", "INVALID_REQUEST unknown requestId"),
            Code::LegacyStore,
        ),
        (
            "C27: an old and a new state directory, and different code uses each",
            seen(
                evidence(),
                gateway,
                &(at(1, "[state] State dir migration skipped: target already exists")
                    + &asked(2, CLI_DEVICE, "r-27", "not-paired", "cli", "127.0.0.1")),
            ),
            Code::SplitState,
        ),
        (
            "C28: approved, recreated, unknown again",
            seen(
                evidence(),
                gateway,
                &(at(1, &format!("[gateway] device pairing approved device={CLI_DEVICE} role=operator"))
                    + &started(5)
                    + &asked(6, CLI_DEVICE, "r-28", "not-paired", "cli", "172.18.0.3")),
            ),
            Code::PairingLost,
        ),
        (
            "C30: the approve script ran before anyone asked",
            seen(evidence(), client, "NOT_PAIRED"),
            Code::OwnApproverMissing,
        ),
        (
            "C31: edits to pending.json are overwritten",
            seen(
                evidence(),
                client,
                "note: pending.json was overwritten by the gateway\ndisconnected (1008): pairing required",
            ),
            Code::StoreEditedByHand,
        ),
        (
            "C33: the TUI is fine, cron asks for more, its retries trip the limiter",
            seen(
                seen(evidence(), client, "cron: device is asking for more scopes than currently approved"),
                dashboard,
                "Too many failed attempts",
            ),
            Code::ScopeUpgrade,
        ),
        (
            "C34: each retry of an app makes a new request, so approving always misses: it waits, the ids are its noise",
            seen(
                evidence(),
                gateway,
                &[(1, "r-a"), (2, "r-b"), (3, "r-c")]
                    .map(|(minute, id)| {
                        asked(minute, CLI_DEVICE, id, "not-paired", "gateway-client", "100.64.0.7")
                    })
                    .concat(),
            ),
            Code::NatHidesLocal,
        ),
        (
            "C36: exec with the shared token carries no device and may not pair",
            evidence()
                .cli_output(client, "devices list", "[openclaw] Reason: missing scope: operator.pairing")
                .cli_output(gateway, "devices list", "No device pairing entries."),
            Code::NeverAsks,
        ),
        (
            "C37: the request expires before anyone sees it",
            seen(
                evidence(),
                gateway,
                &(asked(1, CLI_DEVICE, "r-37", "scope-upgrade", "cli", "203.0.113.9")
                    + &at(20, "No pending device request matches r-37.")),
            ),
            Code::RequestExpired,
        ),
        (
            "two dashboards' worth of waiting: both lists pending, nobody connected",
            evidence()
                .device_list(
                    gateway,
                    "list",
                    &list(
                        &[
                            pending(UI_DEVICE, "r-ui", "openclaw-control-ui", READ, 1),
                            pending(CLI_DEVICE, "r-cli", "cli", ALL, 2),
                        ]
                        .join(","),
                        "",
                    ),
                )
                .unwrap(),
            Code::MutualWait,
        ),
        (
            "a supervisor restarts the gateway while a request waits",
            seen(
                evidence(),
                gateway,
                &(asked(1, CLI_DEVICE, "r-1", "not-paired", "cli", "172.18.0.3") + &started(3) + &started(5)),
            ),
            Code::NatHidesLocal,
        ),
        (
            "a revoked role looks like an upgrade",
            evidence().refusal(client, pairing(PairingReason::RoleUpgrade)),
            Code::RoleUpgrade,
        ),
        (
            "the same key from another platform",
            evidence().refusal(client, pairing(PairingReason::MetadataUpgrade)),
            Code::MetadataUpgrade,
        ),
        (
            "a recreated client without its volume is a new device",
            evidence()
                .device_list(
                    gateway,
                    "list",
                    &list(
                        &pending(CLI_DEVICE, "r-n", "cli", READ, 1),
                        &paired(UI_DEVICE, "cli", READ, false),
                    ),
                )
                .unwrap(),
            Code::SplitIdentity,
        ),
        (
            "the CLI's fallback reads another store",
            seen(
                evidence(),
                client,
                "Gateway requires device pairing, but local fallback pairing state does not contain the gateway request.",
            ),
            Code::SplitState,
        ),
        (
            "two vantage points, two gateways",
            evidence().hello(gateway, ScopeSet::from([Scope::Admin]), "boot-1").hello(
                client,
                ScopeSet::from([Scope::Read]),
                "boot-2",
            ),
            Code::SplitGateway,
        ),
        (
            "the token is wrong, so pairing was never looked at",
            seen(evidence(), client, "unauthorized: gateway token mismatch (set gateway.remote.token)"),
            Code::SharedTokenFault,
        ),
        (
            "a wrong token locked the bridge address",
            seen(evidence(), client, "unauthorized: too many failed authentication attempts (retry later)"),
            Code::LockedOut,
        ),
        (
            "the dashboard is on plain http",
            seen(
                evidence(),
                dashboard,
                "control ui requires device identity (use HTTPS or localhost secure context)",
            ),
            Code::InsecureContext,
        ),
        (
            "the CLI is up to something, and an approver is there",
            evidence()
                .device_list(
                    gateway,
                    "list",
                    &list(
                        &pending(CLI_DEVICE, "r-p", "cli", READ, 1),
                        &paired(UI_DEVICE, "openclaw-control-ui", ALL, true),
                    ),
                )
                .unwrap(),
            Code::PendingApproval,
        ),
    ]
}

fn shared() -> Topology {
    let mut topology = Topology::default();
    topology.shared_namespace = true;
    topology
}

fn pairing(reason: PairingReason) -> Refusal {
    let mut refusal = Refusal::new(RefusalCode::PairingRequired, "pairing required");
    refusal.pairing = Some(reason);
    refusal.request_id = Some("r-0".to_owned());
    refusal.device_id = Some(CLI_DEVICE.to_owned());
    refusal
}

fn scope_upgrade(request: &str) -> Refusal {
    let mut refusal = pairing(PairingReason::ScopeUpgrade);
    refusal.request_id = Some(request.to_owned());
    refusal.approved_scopes = Some(ScopeSet::from([Scope::Read]));
    refusal.requested_scopes = Some(ScopeSet::from([Scope::Read, Scope::Pairing]));
    refusal
}

#[test]
fn the_right_cause_comes_first() {
    let wrong: Vec<String> = cases()
        .into_iter()
        .filter_map(|(what, evidence, expected)| {
            let diagnosis = diagnose(&evidence);
            let all: Vec<Code> = diagnosis.findings.iter().map(|finding| finding.code).collect();
            (diagnosis.cause != expected).then(|| format!("{what}\n  expected {expected}, got {all:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases().len() >= 30);
}

#[test]
fn every_plan_ends_in_a_session_or_a_persons_decision() {
    for (what, evidence, _) in cases() {
        let Diagnosis { plan, .. } = diagnose(&evidence);
        assert!(!plan.steps.is_empty(), "{what}");
        if plan.ending == Ending::Session {
            let last = plan.steps.last().unwrap();
            assert!(last.command().is_some() || matches!(last.action, Action::Ask), "{what}: {last:?}");
        }
        // Nothing that grants something is called safe, and all of it can be taken back.
        for step in &plan.steps {
            if let Action::Decide { .. } = step.action {
                assert_eq!(step.safety, openclaw_pairing::Safety::Judgement, "{what}");
                assert!(step.undo.is_some(), "{what}");
            }
        }
    }
}

#[test]
fn commands_fit_the_topology() {
    let at = |topology: Topology| {
        let evidence = Evidence::new(topology).refusal(Vantage::Client, scope_upgrade("r-1"));
        let steps = diagnose(&evidence).plan.steps;
        steps.iter().filter_map(openclaw_pairing::plan::Step::command).collect::<Vec<_>>()
    };
    let run = at(Topology::new(Engine::ComposeRun, "gw", "cli"));
    assert_eq!(
        run,
        [
            "docker compose exec -T gw openclaw devices list --json",
            "docker compose exec -T gw openclaw devices approve r-1 --json",
            "docker compose run --rm --no-deps -T cli openclaw devices list --json",
        ]
    );
    assert_eq!(
        at(Topology::new(Engine::Podman, "gw", "cli"))[1],
        "podman exec gw openclaw devices approve r-1 --json"
    );
    assert_eq!(at(Topology::new(Engine::Host, "", ""))[0], "openclaw devices list --json");
}

#[test]
fn a_mutual_wait_prints_its_cycle() {
    let (_, evidence, _) = cases().into_iter().find(|case| case.0.starts_with("two dashboards")).unwrap();
    expect_test::expect![[r#"
        dashboard waits for cli: the dashboard's device is not approved, and the CLI is where one approves
        cli waits for dashboard: the CLI's device is not approved either, and the dashboard is the other place to approve
        cycle: dashboard -> cli -> dashboard
    "#]]
    .assert_eq(&diagnose(&evidence).waits_for.to_string());
}

#[test]
fn a_bypass_is_named_with_the_way_back_and_never_hides_the_cause() {
    let (_, evidence, _) = cases().into_iter().find(|case| case.0.starts_with("C04")).unwrap();
    let diagnosis = diagnose(&evidence);
    let bypass = diagnosis.findings.iter().find(|finding| finding.code == Code::BypassLeftBehind).unwrap();
    assert_eq!(bypass.places[0].line, 1);
    assert!(bypass.evidence[0].contains("remove the key"));
}

#[test]
fn a_growing_request_is_not_approved_unseen() {
    let (_, evidence, _) = cases().into_iter().find(|case| case.0.starts_with("C16")).unwrap();
    let plan = diagnose(&evidence).plan;
    let decide = plan.steps.iter().find(|step| matches!(step.action, Action::Decide { .. })).unwrap();
    let now = |scopes: &str| {
        let text = list(&pending(CLI_DEVICE, "r-99", "cli", scopes, 1), "");
        openclaw_pairing::DeviceList::from_json(&text).unwrap()
    };
    let command = decide.action.resolve(&now(r#""operator.read","operator.pairing""#)).unwrap();
    assert_eq!(
        command.to_string(),
        "docker compose exec -T openclaw-gateway openclaw devices approve r-99 --json"
    );
    let error = decide.action.resolve(&now(ALL)).unwrap_err();
    assert!(error.to_string().contains("operator.admin"), "{error}");
    assert!(decide.action.resolve(&openclaw_pairing::DeviceList::default()).is_err());
}
