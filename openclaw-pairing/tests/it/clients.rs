//! Whose evidence it is, what is over, and what is only noise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use openclaw_pairing::plan::{Engine, Topology};
use openclaw_pairing::{Code, Diagnosis, Evidence, Severity, Vantage, diagnose};

const APP: &str = "85112e83594f37e5a2fcc95737217f62a7786c6f9694a6dc717379aa978f8730";
const CLI: &str = "5e3e14dbe02b5bcf5cda2a66205800bbdb411580eb4fadf926134c8626fdb0d2";

fn none() -> Evidence {
    Evidence::new(Topology::default()).version("2026.6.6")
}

fn log(evidence: Evidence, lines: &[&str]) -> Evidence {
    evidence.log(Vantage::Gateway, "gateway.log", &lines.join("\n"))
}

fn waits(device: &str, request: &str, remote: &str) -> String {
    format!(
        r#"{{"pending":[
{{"deviceId":"{device}","clientId":"cli","clientMode":"cli","scopes":["operator.pairing"],
"requestId":"{request}","remoteIp":"{remote}","ts":1}}],"paired":[]}}"#
    )
}

fn clients(diagnosis: &Diagnosis) -> Vec<(Option<&str>, Option<&str>)> {
    let clients = &diagnosis.findings[0].clients;
    clients.iter().map(|peer| (peer.client.as_deref(), peer.remote.as_deref())).collect()
}

#[test]
fn two_lines_of_one_connection_name_one_client() {
    let audit = format!(
        "[gateway] security audit: device metadata upgrade requested reason=metadata-upgrade device={APP} ip=192.0.2.61 client=openclaw-macos conn=c-1"
    );
    let closed = "[ws] closed before connect conn=c-1 remote=192.0.2.61 fwd=n/a origin=n/a host=192.0.2.10:18789 ua=OpenClaw/1 CFNetwork/2 code=1008 reason=pairing required: device identity changed and must be re-approved";
    let diagnosis = diagnose(&log(none(), &[&audit, closed]));
    assert_eq!(diagnosis.cause, Code::MetadataUpgrade);
    let [peer] = &diagnosis.findings[0].clients[..] else { panic!("{:?}", diagnosis.findings[0].clients) };
    assert_eq!(peer.client.as_deref(), Some("openclaw-macos"));
    assert_eq!(
        (peer.host.as_deref(), peer.user_agent.as_deref()),
        (Some("192.0.2.10:18789"), Some("OpenClaw/1"))
    );
    assert_eq!((&peer.origin, peer.is_dashboard()), (&None, false));
}

#[test]
fn a_line_without_a_name_is_of_whom_the_list_knows_there_or_of_nobody() {
    let line = "[ws] closed before connect remote=172.21.0.3 code=1008 reason=pairing required";
    let listed = none().device_list(Vantage::Gateway, "list", &waits(CLI, "r-1", "172.21.0.3")).unwrap();
    let diagnosis = diagnose(&log(listed, &[line]));
    assert!(clients(&diagnosis).contains(&(Some("cli"), Some("172.21.0.3"))), "{:?}", clients(&diagnosis));
    let row = diagnosis.findings[0].places.iter().find(|place| place.file == "list").unwrap();
    assert_eq!(row.line, 3);
    let unnamed = diagnose(&log(none(), &["[ws] unauthorized code=1008 reason=gateway token mismatch"]));
    assert_eq!(unnamed.cause, Code::SharedTokenFault);
    assert!(unnamed.findings[0].clients.is_empty());
}

#[test]
fn a_client_that_was_answered_since_reaches_the_gateway() {
    let text = "Error: gateway closed (1006 abnormal closure (no close frame))\nSource: local loopback\n\
                Error: gateway closed (1008): pairing required\nSource: env OPENCLAW_GATEWAY_URL";
    let diagnosis = diagnose(&none().cli_output(Vantage::Client, "cli.log", text));
    assert_eq!(diagnosis.cause, Code::OwnApproverMissing);
    assert!(diagnosis.findings.iter().all(|finding| finding.code != Code::GatewayUnreachable));
    assert_eq!(diagnosis.findings[0].clients[0].output.as_deref(), Some("cli.log"));
    let now = "Error: gateway closed (1008): pairing required\nError: gateway closed (1006 abnormal closure)";
    let diagnosis = diagnose(&none().cli_output(Vantage::Client, "cli.log", now));
    assert!(diagnosis.findings.iter().any(|finding| finding.code == Code::GatewayUnreachable));
}

#[test]
fn a_page_that_was_let_in_ends_what_it_met_while_the_gateway_started() {
    let starting = "2026-05-03T12:00:08.767+00:00 [ws] closed before connect conn=1 remote=172.18.0.1 origin=http://localhost:18789 code=1013 reason=gateway starting";
    let connected = "2026-05-03T12:00:14.947+00:00 [ws] webchat connected conn=2 remote=172.18.0.1 client=openclaw-control-ui webchat v2026.5.2";
    assert_eq!(diagnose(&log(none(), &[starting])).cause, Code::GatewayStarting);
    assert_eq!(diagnose(&log(none(), &[starting, connected])).cause, Code::NotEnoughEvidence);
}

#[test]
fn evidence_is_settled_in_order_of_time_across_texts() {
    let asked = "2026-05-03T12:00:00.000+00:00 gateway closed (1008): pairing required";
    let approved = |at: &str| {
        format!("2026-05-03T{at}.000+00:00 [gateway] device pairing approved device={CLI} role=operator")
    };
    let judge =
        |at: &str| diagnose(&log(none().cli_output(Vantage::Client, "cli", asked), &[&approved(at)])).cause;
    assert_eq!(judge("12:00:01"), Code::NotEnoughEvidence);
    assert_eq!(judge("11:59:59"), Code::OwnApproverMissing);
    // A request from before a restart is over where the gateway's own list no longer holds it.
    let old = format!(
        "2026-05-03T12:00:00.000+00:00 [ws] closed cause=pairing-required deviceId={CLI} reason=not-paired remote=10.0.0.3"
    );
    let start = "2026-05-03T12:10:00.000+00:00 [gateway] loading configuration";
    let listed =
        |text: &str| log(none(), &[&old, start]).device_list(Vantage::Gateway, "list", text).unwrap();
    assert_eq!(diagnose(&listed(r#"{"pending":[],"paired":[]}"#)).cause, Code::NotEnoughEvidence);
    assert_eq!(diagnose(&listed(&waits(CLI, "r-1", "10.0.0.3"))).cause, Code::NatHidesLocal);
}

#[test]
fn ids_that_change_are_told_of_the_upgrade_that_waits() {
    let asks = |id: &str| {
        format!(
            "[ws] closed before connect remote=203.0.113.9 deviceId={CLI} requestId={id} reason=scope-upgrade client=cli"
        )
    };
    let diagnosis = diagnose(&log(none(), &[&asks("r-1"), &asks("r-2"), "errorMessage=unknown requestId"]));
    assert_eq!(diagnosis.cause, Code::ScopeUpgrade);
    let churn = diagnosis.findings.iter().find(|finding| finding.code == Code::RequestIdChurn).unwrap();
    assert_eq!(churn.severity, Severity::Warning);
    assert!(diagnosis.findings[0].evidence.iter().any(|line| line.starts_with("beside it: ")));
    let plan = diagnosis.plan.to_string();
    assert!(
        plan.contains("2. Stop whatever retries") && plan.contains("devices approve r-2 --json"),
        "{plan}"
    );
}

#[test]
fn one_state_directory_is_never_split() {
    let mut topology = Topology::new(Engine::ComposeRun, "lair", "paw");
    let fallback = "Gateway requires device pairing, but local fallback pairing state does not contain the gateway request.";
    let evidence = |topology| {
        let list = waits(CLI, "be63f59d", "172.22.5.3");
        Evidence::new(topology)
            .version("2026.6.6")
            .cli_output(Vantage::Client, "approve", fallback)
            .device_list(Vantage::Gateway, "list", &list)
            .unwrap()
    };
    assert_eq!(diagnose(&evidence(topology.clone())).cause, Code::SplitState);
    topology.shared_state = true;
    topology.cli_is_entrypoint = true;
    let diagnosis = diagnose(&evidence(topology));
    assert_eq!(diagnosis.cause, Code::NatHidesLocal);
    let plan = diagnosis.plan.to_string();
    assert!(plan.contains("exec -T lair openclaw devices approve be63f59d --json"), "{plan}");
    assert!(plan.contains("run --rm --no-deps -T paw devices list --json"), "{plan}");
}

#[test]
fn a_device_that_may_not_grant_itself_more_is_not_told_to() {
    let mut topology = Topology::new(Engine::ComposeRun, "daemon", "shell");
    topology.shared_state = true;
    let list = format!(
        r#"{{"pending":[{{"requestId":"r-1","deviceId":"{CLI}","clientId":"cli","scopes":["operator.admin","operator.pairing"],"isRepair":true,"ts":1}}],
"paired":[{{"deviceId":"{CLI}","clientId":"cli","scopes":["operator.pairing"],"tokens":[{{"role":"operator","scopes":["operator.pairing"]}}]}}]}}"#
    );
    let judge = |version: &str| {
        let said = "GatewayClientRequestError: missing scope: operator.admin";
        let evidence = Evidence::new(topology.clone()).version(version);
        let evidence = evidence.cli_output(Vantage::Client, "shell.log", said);
        diagnose(&evidence.device_list(Vantage::Gateway, "list", &list).unwrap())
    };
    let diagnosis = judge("2026.4.15");
    assert_eq!(diagnosis.cause, Code::ScopeUpgrade);
    assert!(!diagnosis.plan.to_string().contains("devices approve"), "{}", diagnosis.plan);
    // Where any device is let in on the gateway's loopback, another one grants it.
    let plan = judge("2026.5.2").plan.to_string();
    let other = "exec -T daemon env OPENCLAW_STATE_DIR=/tmp/openclaw-approver openclaw";
    assert!(plan.contains(&format!("{other} devices approve r-1 --json")), "{plan}");
}

#[test]
fn an_approver_that_grants_pairing_alone_is_another_device() {
    let list = waits(CLI, "r-1", "172.22.5.3")
        .replace("[\"operator.pairing\"]", "[\"operator.pairing\",\"operator.read\"]");
    let state = "Gateway requires device pairing, but local fallback pairing state does not contain the gateway request.";
    let judge = |version: &str, shares: bool, refused: Option<&str>| {
        let mut topology = Topology::new(Engine::ComposeExec, "gw", "cli");
        topology.shared_state = shares;
        topology.gateway_config = Some("/srv/state/openclaw.json".to_owned());
        let mut evidence = Evidence::new(topology).version(version);
        if let Some(said) = refused {
            evidence = evidence.cli_output(Vantage::Gateway, "devices approve in the gateway", said);
        }
        diagnose(&evidence.device_list(Vantage::Gateway, "list", &list).unwrap())
    };
    let other = "exec -T gw env OPENCLAW_STATE_DIR=/tmp/openclaw-approver OPENCLAW_CONFIG_PATH=/srv/state/openclaw.json openclaw";
    for (version, shares, refused, is_another) in [
        ("2026.5.28", true, None, true),
        // Nobody said that they share it, but the one inside the gateway's container cannot have another store than the gateway.
        ("2026.6.11", false, Some(state), true),
        ("2026.6.35", true, None, true),
        ("2026.5.28", false, None, true),
        ("2026.4.15", true, None, false),
        ("2026.7.1", true, None, false),
        ("2026.9.6", true, None, false),
    ] {
        let diagnosis = judge(version, shares, refused);
        assert_eq!(diagnosis.cause, Code::NatHidesLocal, "{version} {shares}");
        let plan = diagnosis.plan.to_string();
        let commands = ["gateway call update.status --json", "devices approve r-1 --json"];
        for command in commands {
            assert_eq!(
                plan.contains(&format!("{other} {command}")),
                is_another,
                "{version} {shares}: {plan}"
            );
        }
    }
}

#[test]
fn what_was_refused_inside_the_gateway_is_not_proposed_again() {
    let list = format!(
        r#"{{"pending":[{{"requestId":"r-1","deviceId":"{APP}","clientId":"openclaw-control-ui","scopes":["operator.admin"],"remoteIp":"172.21.0.1","ts":1}}],"paired":[]}}"#
    );
    let refused = "[ws] ⇄ res ✗ device.pair.approve 1ms errorMessage=missing scope: operator.admin conn=c-1";
    let judge = |version: &str| {
        let evidence = Evidence::new(Topology::new(Engine::ComposeRun, "gw", "gw")).version(version);
        diagnose(&log(evidence.device_list(Vantage::Gateway, "list", &list).unwrap(), &[refused]))
    };
    let diagnosis = judge("2026.4.27");
    assert_eq!(diagnosis.cause, Code::ApproverLacksScope);
    assert_eq!(clients(&diagnosis), [(Some("openclaw-control-ui"), Some("172.21.0.1"))]);
    assert!(!diagnosis.plan.to_string().contains("devices approve"), "{}", diagnosis.plan);
    // From then on another device does not lack it.
    let plan = judge("2026.4.29").plan.to_string();
    assert!(plan.contains("openclaw-approver openclaw devices approve r-1 --json"), "{plan}");
    assert!(judge("2026.9.6").plan.to_string().contains("devices approve r-1"));
}
