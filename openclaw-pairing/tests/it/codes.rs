//! Every code of the table comes out of a diagnosis: the smallest evidence for each, and the cause that it then is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use openclaw_pairing::plan::{Engine, Topology};
use openclaw_pairing::refusal::PairingReason;
use openclaw_pairing::{Code, Evidence, Refusal, RefusalCode, Scope, ScopeSet, Timeline, Vantage, diagnose};

const NOW: u64 = 1_800_000_000_000;
const DAY: u64 = 24 * 3_600_000;

fn none() -> Evidence {
    Evidence::new(Topology::default()).version("2026.9.6").now_ms(NOW)
}

/// The client is told these words.
fn told(words: &str) -> Evidence {
    none().cli_output(Vantage::Client, "cli", words)
}

/// The gateway logs these lines, ten minutes apart.
fn logged(lines: &[&str]) -> Evidence {
    let text: String = lines
        .iter()
        .enumerate()
        .map(|(index, line)| format!("2026-11-20T08:{index}0:00.000+00:00 {line}\n"))
        .collect();
    none().log(Vantage::Gateway, "gateway.log", &text)
}

fn refused(code: RefusalCode) -> Evidence {
    none().refusal(Vantage::Client, Refusal::new(code, "as the gateway says"))
}

fn upgrade(reason: PairingReason) -> Evidence {
    let mut refusal = Refusal::new(RefusalCode::PairingRequired, "pairing required");
    refusal.pairing = Some(reason);
    none().refusal(Vantage::Client, refusal)
}

/// A gateway's list: who waits, who is approved.
fn listed(evidence: Evidence, vantage: Vantage, pending: &[&str], paired: &[&str]) -> Evidence {
    let text = format!(r#"{{"pending":[{}],"paired":[{}]}}"#, pending.join(","), paired.join(","));
    evidence.device_list(vantage, format!("{}'s list", vantage.name()), &text).unwrap()
}

fn pending(device: &str, client: &str, at: u64) -> String {
    format!(
        r#"{{"requestId":"r-{device}","deviceId":"{device}","clientId":"{client}","scopes":["operator.read"],
        "remoteIp":"172.18.0.3","ts":{at}}}"#
    )
}

fn paired(device: &str, client: &str, connected: bool, at: u64) -> String {
    format!(
        r#"{{"deviceId":"{device}","clientId":"{client}","scopes":["operator.read","operator.pairing"],
        "remoteIp":"172.18.0.3","connected":{connected},"approvedAtMs":{at},"tokens":[{{"role":"operator"}}]}}"#
    )
}

/// The smallest evidence that produces a code.
fn smallest(code: Code) -> Evidence {
    use Vantage::{Client, Dashboard, Gateway};
    let read = ScopeSet::from([Scope::Read]);
    let asks = |reason: &str, request: &str| {
        format!(
            "[ws] closed before connect remote=203.0.113.9 deviceId=d-00000001 requestId={request} reason={reason}"
        )
    };
    match code {
        Code::OwnApproverMissing => told("gateway closed (1008): pairing required"),
        Code::MutualWait => {
            let (ui, cli) = (pending("d-ui", "openclaw-control-ui", NOW), pending("d-cli", "cli", NOW));
            listed(none(), Gateway, &[&ui, &cli], &[])
        }
        Code::NeverAsks => told("missing scope: operator.pairing"),
        Code::RequestIdChurn => logged(&[&asks("not-paired", "r-1"), &asks("not-paired", "r-2")]),
        Code::RequestExpired => listed(none(), Gateway, &[&pending("d-1", "cli", NOW - 300_001)], &[]),
        Code::RequestRejected => logged(&["[gateway] device pairing rejected device=d-00000001"]),
        Code::ApproverLacksScope => told("missing scope: operator.admin"),
        Code::PendingApproval => {
            let approver = paired("d-ui", "openclaw-control-ui", true, NOW);
            listed(none(), Gateway, &[&pending("d-1", "cli", NOW)], &[&approver])
        }
        Code::SplitState => {
            let one = listed(none(), Gateway, &[], &[&paired("d-1", "cli", false, NOW)]);
            listed(one, Client, &[&pending("d-2", "cli", NOW)], &[])
        }
        Code::SplitIdentity => {
            let before = paired("d-1", "cli", false, NOW);
            listed(none(), Gateway, &[&pending("d-2", "cli", NOW)], &[&before])
        }
        Code::SplitGateway => none().hello(Gateway, read, "boot-1").hello(Client, read, "boot-2"),
        // One store by its devices, and still two answers.
        Code::ListAsymmetry => {
            let device = paired("d-1", "cli", false, NOW);
            let one = listed(none(), Gateway, &[], &[&device]);
            listed(one, Client, &[&pending("d-2", "cli", NOW)], &[&device])
        }
        Code::LegacyStore => none().cli_output(Client, "nodes approve r-1", "unknown requestId"),
        Code::PairingLost => logged(&[
            "[gateway] device pairing approved device=d-00000001 role=operator",
            "[gateway] loading configuration…",
            &asks("not-paired", "r-1"),
        ]),
        Code::NatHidesLocal => logged(&[&asks("not-paired", "r-1").replace("203.0.113.9", "172.18.0.3")]),
        Code::ScopeUpgrade => upgrade(PairingReason::ScopeUpgrade),
        Code::ConnectedWithoutScope => none().hello(Client, ScopeSet::EMPTY, "boot-1"),
        Code::RoleUpgrade => upgrade(PairingReason::RoleUpgrade),
        Code::MetadataUpgrade => upgrade(PairingReason::MetadataUpgrade),
        Code::SharedTokenFault => refused(RefusalCode::AuthTokenMismatch),
        Code::DeviceTokenFault => refused(RefusalCode::AuthDeviceTokenMismatch),
        Code::LockedOut => refused(RefusalCode::AuthRateLimited),
        Code::RestartMidPairing => logged(&[&asks("not-paired", "r-1"), "[gateway] loading configuration…"]),
        Code::BypassLeftBehind => none().config(".env", "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1"),
        Code::OriginRefused => refused(RefusalCode::ControlUiOriginNotAllowed),
        Code::ProxyUntrusted => refused(RefusalCode::ProxyAttributionRequired),
        Code::InsecureContext => refused(RefusalCode::ControlUiDeviceIdentityRequired),
        Code::ClockSkew => refused(RefusalCode::DeviceAuthSignatureExpired),
        Code::ProtocolMismatch => refused(RefusalCode::ProtocolMismatch),
        Code::GatewayStarting => refused(RefusalCode::Unavailable),
        Code::GatewayUnreachable => told("Gateway not reachable at ws://127.0.0.1:18789 (ECONNREFUSED)."),
        Code::IdentityRefused => refused(RefusalCode::DeviceAuthSignatureInvalid),
        Code::StaleRows => listed(none(), Gateway, &[], &[&paired("d-1", "cli", false, NOW - 31 * DAY)]),
        Code::StoreEditedByHand => told("pending.json was overwritten by the gateway"),
        Code::Paired => {
            let evidence = none().own_device("d-1").wanted(read);
            listed(evidence, Gateway, &[], &[&paired("d-1", "cli", true, NOW)])
        }
        Code::EvidenceLeftOut => none().timeline(Timeline::parse(Client, "log", "all is quiet").after(1)),
        Code::UnknownVersion => Evidence::new(Topology::new(Engine::Host, "", "")),
        Code::NotEnoughEvidence => none().cli_output(Dashboard, "page", "all is quiet"),
    }
}

#[test]
fn every_code_of_the_table_is_produced() {
    for &code in Code::ALL {
        let diagnosis = diagnose(&smallest(code));
        let all: Vec<Code> = diagnosis.findings.iter().map(|finding| finding.code).collect();
        let finding = diagnosis.findings.iter().find(|finding| finding.code == code);
        let finding = finding.unwrap_or_else(|| panic!("{code} is not among {all:?}"));
        // These stand beside a cause and never are one.
        let expected = match code {
            Code::BypassLeftBehind | Code::EvidenceLeftOut | Code::UnknownVersion => Code::NotEnoughEvidence,
            Code::RequestIdChurn | Code::RestartMidPairing => Code::OwnApproverMissing,
            cause => cause,
        };
        assert_eq!(diagnosis.cause, expected, "{all:?}");
        let json = serde_json::to_value(finding).unwrap();
        assert_eq!((&json["code"], &json["name"]), (&code.id().into(), &code.name().into()));
        assert!(json["severity"].is_string() && json["confidence"].is_string(), "{json}");
        assert!(!finding.summary.is_empty() && !diagnosis.plan.steps.is_empty(), "{code}");
    }
}

/// What the client's own words say is what the gateway's refusal says.
#[test]
fn words_and_refusals_agree() {
    let cases = [
        ("device signature expired", Code::ClockSkew),
        ("protocol mismatch", Code::ProtocolMismatch),
        ("origin not allowed", Code::OriginRefused),
        ("PROXY_ATTRIBUTION_REQUIRED", Code::ProxyUntrusted),
        ("device nonce mismatch", Code::IdentityRefused),
        ("gateway starting; retry shortly", Code::GatewayStarting),
        ("pairing request was rejected", Code::RequestRejected),
    ];
    for (words, code) in cases {
        let diagnosis = diagnose(&told(words));
        assert_eq!(diagnosis.cause, code, "{words}");
        assert_eq!(diagnosis.findings[0].places[0].line, 1, "{words}");
    }
}

/// What an engine says in the place of OpenClaw is told apart from what a gateway says.
#[test]
fn a_command_that_never_got_in_is_the_engines_matter() {
    let [compose, docker, podman] = [
        "service \"openclaw-gateway\" is not running",
        "Error response from daemon: container 0123456789ab is not running",
        "Error: can only create exec sessions on running containers: container state improper",
    ];
    let down = "the gateway's container does not run";
    let engine = "no command gets into the containers";
    let cases = [
        (Vantage::Gateway, compose, down, "docker compose up -d openclaw-gateway"),
        (Vantage::Gateway, docker, down, "docker compose up -d openclaw-gateway"),
        (Vantage::Gateway, podman, down, "docker compose up -d openclaw-gateway"),
        (Vantage::Gateway, "no such service: openclaw-gateway", down, "docker compose logs"),
        (Vantage::Client, compose, "the client's container does not run", "compose run"),
        (Vantage::Client, "no configuration file provided: not found", engine, "the stack's own directory"),
        (
            Vantage::Gateway,
            "Cannot connect to the Docker daemon at unix:///x.",
            engine,
            "whom the engine answers",
        ),
    ];
    for (vantage, words, summary, step) in cases {
        let diagnosis = diagnose(&none().cli_output(vantage, "answer", words));
        assert_eq!(diagnosis.cause, Code::GatewayUnreachable, "{words}");
        assert!(diagnosis.findings[0].summary.contains(summary), "{words}: {:?}", diagnosis.findings[0]);
        assert!(diagnosis.plan.to_string().contains(step), "{words}: {}", diagnosis.plan);
    }
    let quoted = diagnose(&none().cli_output(Vantage::Gateway, "answer", compose));
    assert_eq!(quoted.findings[0].evidence, ["answer line 1: is not running"]);
    // A store that was read while the gateway is down does not hide that it is down.
    let waits = listed(none(), Vantage::Gateway, &[&pending("d-1", "cli", NOW)], &[]);
    let diagnosis = diagnose(&waits.cli_output(Vantage::Gateway, "answer", compose));
    assert_eq!(diagnosis.cause, Code::GatewayUnreachable);
    assert_eq!(diagnosis.plan.restart_now, None, "a gateway that is down may be started");
}
