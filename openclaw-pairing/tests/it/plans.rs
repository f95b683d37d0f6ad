//! Whatever was seen, there is a way out: a plan whose last word is a session or a named person's decision.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use openclaw_pairing::Safety;
use openclaw_pairing::plan::{Action, Check, Ending, Engine, Plan, Topology};
use openclaw_pairing::refusal::{Actor, PairingReason, REFUSALS, Refusal, RefusalCode};
use openclaw_pairing::{Code, Evidence, Scope, ScopeSet, Vantage, diagnose};
use proptest::prelude::*;

/// Lines of gateways, CLIs and pages, one for each kind of word that a timeline knows.
const LINES: &[&str] = &[
    "2026-11-20T08:00:00.000Z [gateway] loading configuration…",
    "2026-11-20T08:09:00.000Z [gateway] received SIGTERM; shutting down",
    "2026-11-20T08:01:00.000Z [gateway] device pairing approved device=0123456789abcdef role=operator",
    "2026-11-20T08:02:00.000Z [ws] closed before connect cause=pairing-required deviceId=0123456789abcdef requestId=r-1 reason=not-paired client=cli remote=172.18.0.3",
    "2026-11-20T08:03:00.000Z [ws] closed before connect cause=pairing-required deviceId=fedcba9876543210 requestId=r-2 reason=scope-upgrade client=openclaw-control-ui remote=172.18.0.1",
    "missing scope: operator.pairing",
    "missing scope: operator.admin",
    "No device pairing entries.",
    "No pending device request matches r-1.",
    "device pairing rejected",
    "gateway token mismatch",
    "device token mismatch",
    "too many failed authentication attempts",
    "Gateway not reachable at ws://127.0.0.1:18789 (ECONNREFUSED).",
    "protocol mismatch",
    "origin not allowed",
    "control ui requires device identity",
    "device signature expired",
    "device signature invalid",
    "gateway starting; retry shortly",
    "role upgrade pending approval (requestId: r-3)",
    "device identity changed and must be re-approved",
    "local fallback pairing state does not contain the gateway request",
    "pending.json was overwritten by the gateway",
    "service \"gw\" is not running",
    "Cannot connect to the Docker daemon",
    "nothing of interest",
];

const LISTS: &[&str] = &[
    r#"{"pending":[],"paired":[]}"#,
    r#"{"pending":[{"requestId":"r-1","deviceId":"0123456789abcdef","clientId":"cli","scopes":["operator.read"],"ts":1}],"paired":[]}"#,
    r#"{"pending":[{"requestId":"r-2","deviceId":"fedcba9876543210","clientId":"openclaw-control-ui","scopes":["operator.admin","operator.future"],"ts":9999999999999}],
       "paired":[{"deviceId":"0123456789abcdef","clientId":"cli","scopes":["operator.read"],"connected":true,"tokens":[{"role":"operator","scopes":["operator.read"]}]}]}"#,
];

const VANTAGES: [Vantage; 4] = [Vantage::Gateway, Vantage::Client, Vantage::Dashboard, Vantage::Host];
const ENGINES: [Engine; 5] =
    [Engine::ComposeExec, Engine::ComposeRun, Engine::Docker, Engine::Podman, Engine::Host];

fn refusal(row: usize, reason: usize) -> Refusal {
    let reasons = ["not-paired", "scope-upgrade", "role-upgrade", "metadata-upgrade", "of-another-release"];
    // One beyond the table is a code that this release does not know.
    let name = REFUSALS.get(row).map_or("AUTH_MOON_PHASE", |row| row.code);
    let mut refusal = Refusal::new(RefusalCode::from_name(name), "refused");
    refusal.pairing = reasons.get(reason).map(|reason| PairingReason::from_name(reason));
    refusal.request_id = Some("r-1".to_owned());
    refusal.device_id = reason.is_multiple_of(2).then(|| "0123456789abcdef".to_owned());
    refusal
}

/// Any mix of evidence.
fn mixes() -> impl Strategy<Value = Evidence> {
    let texts = proptest::collection::vec((0..VANTAGES.len(), 0..LINES.len()), 0..4);
    let lists = proptest::collection::vec((0..VANTAGES.len(), 0..LISTS.len()), 0..3);
    let refusals = proptest::collection::vec((0..VANTAGES.len(), 0..=REFUSALS.len(), 0..6_usize), 0..2);
    let rest = (
        0..ENGINES.len(),
        any::<bool>(),
        0..4_usize,
        any::<bool>(),
        any::<bool>(),
        proptest::option::of(0_u16..512),
    );
    (texts, lists, refusals, rest).prop_map(|(texts, lists, refusals, rest)| {
        let (engine, shares, version, own, bypass, wanted) = rest;
        let mut topology = Topology::new(ENGINES[engine], "gw", "cli");
        topology.shared_namespace = shares;
        let mut evidence = Evidence::new(topology).now_ms(1_763_625_600_000);
        for (vantage, line) in texts {
            evidence = evidence.log(VANTAGES[vantage], "text", LINES[line]);
        }
        for (vantage, list) in lists {
            evidence = evidence.device_list(VANTAGES[vantage], "list", LISTS[list]).unwrap();
        }
        for (vantage, row, reason) in refusals {
            evidence = evidence.refusal(VANTAGES[vantage], refusal(row, reason));
        }
        if let Some(version) = ["2026.1.29", "2026.4.15", "2026.9.6"].get(version) {
            evidence = evidence.version(*version);
        }
        if own {
            evidence = evidence.own_device("0123456789abcdef");
        }
        if bypass {
            evidence = evidence.config("openclaw.json", "{ allowInsecureAuth: true }");
        }
        if let Some(bits) = wanted {
            let all = [
                Scope::Read,
                Scope::Write,
                Scope::Admin,
                Scope::Approvals,
                Scope::Questions,
                Scope::Pairing,
                Scope::Talk,
                Scope::TalkSecrets,
                Scope::Other,
            ];
            let chosen = all.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
            evidence = evidence.wanted(chosen.map(|(_, scope)| scope).collect::<ScopeSet>());
        }
        evidence
    })
}

/// Holds a plan to its promises.
fn judge(cause: Code, plan: &Plan) -> Result<(), TestCaseError> {
    let last = plan.steps.last();
    prop_assert!(last.is_some(), "{cause}: no step");
    match plan.ending {
        // The last word is a proof by the client's own command, or by the person who runs it.
        Ending::Session => prop_assert!(
            last.is_some_and(|step| step.check == Check::ExitsZero || matches!(step.action, Action::Ask)),
            "{cause}: {plan}"
        ),
        Ending::Decision(actor) => {
            prop_assert_ne!(actor, Actor::Nobody);
            let collects = matches!(cause, Code::BypassLeftBehind | Code::NotEnoughEvidence);
            let asks = plan.steps.iter().any(|step| step.actor == actor);
            prop_assert!(asks || collects, "{cause}: nobody is asked: {plan}");
        }
        _ => prop_assert!(false, "another ending"),
    }
    for step in &plan.steps {
        prop_assert!(!step.text.is_empty() && !step.expect.is_empty());
        if let Action::Decide { at_most, .. } = &step.action {
            prop_assert!(step.safety == Safety::Judgement && step.undo.is_some(), "{cause}: {plan}");
            prop_assert!(step.text.contains(&at_most.to_string()), "{cause}: the scopes are named");
        }
        // Nothing in a plan restarts or deletes anything by itself.
        let command = step.command().unwrap_or_default();
        for word in ["restart", " down", " rm ", "remove", "kill", "prune"] {
            prop_assert!(!command.contains(word), "{cause}: {command}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_evidence_has_a_cause_and_a_way_out(evidence in mixes()) {
        let diagnosis = diagnose(&evidence);
        prop_assert_eq!(diagnosis.cause, diagnosis.findings[0].code);
        judge(diagnosis.cause, &diagnosis.plan)?;
        let waits = diagnosis.waits_for.waits();
        for (index, party) in diagnosis.waits_for.cycle().unwrap_or_default().iter().enumerate() {
            let cycle = diagnosis.waits_for.cycle().unwrap_or_default();
            let next = cycle[(index + 1) % cycle.len()];
            prop_assert!(waits.iter().any(|wait| wait.waiter == **party && wait.holder == *next), "a cycle of edges");
        }
    }
}

#[test]
fn every_refusal_has_a_plan_of_its_own() {
    for row in 0..=REFUSALS.len() {
        for reason in 0..6 {
            let evidence = Evidence::new(Topology::default()).refusal(Vantage::Client, refusal(row, reason));
            let diagnosis = diagnose(&evidence);
            judge(diagnosis.cause, &diagnosis.plan).unwrap();
        }
    }
}

/// What a client calls itself and its requests is its own choice: none of it becomes part of a command.
#[test]
fn no_command_holds_what_is_not_an_id() {
    for text in [
        "$(reboot)",
        "-rf",
        "--help",
        "a b",
        "a;b",
        "a'b",
        "a\nb",
        "\u{1b}[31m",
        "\u{202e}a",
        "",
        &"a".repeat(65),
    ] {
        let request = serde_json::json!({
            "requestId": text, "deviceId": text, "displayName": text, "clientId": "cli", "scopes": [text],
            "remoteIp": text, "platform": text, "ts": 1,
        });
        let named =
            serde_json::json!({"requestId": text, "deviceId": "d-1", "clientId": "cli", "scopes": []});
        let list = serde_json::json!({"pending": [request, named], "paired": []}).to_string();
        let list = openclaw_pairing::DeviceList::from_json(&list).unwrap();
        let mut refusal = Refusal::new(RefusalCode::Other(text.to_owned()), text);
        refusal.request_id = Some(text.to_owned());
        refusal.device_id = Some(text.to_owned());
        for own in [Some(text), Some("d-1"), None] {
            let mut evidence = Evidence::new(Topology::default())
                .devices(Vantage::Gateway, "list", list.clone())
                .log(Vantage::Gateway, text, &format!("pairing required deviceId={text} requestId={text}"))
                .refusal(Vantage::Client, refusal.clone())
                .hello(Vantage::Client, ScopeSet::EMPTY, text);
            if let Some(own) = own {
                evidence = evidence.own_device(own);
            }
            let diagnosis = diagnose(&evidence);
            for step in &diagnosis.plan.steps {
                for line in step.command().iter().chain(&step.undo) {
                    assert!(text.is_empty() || !line.contains(text), "{line}");
                }
                match &step.action {
                    Action::Decide { device_id, .. } => {
                        assert_eq!(device_id.as_deref(), Some("d-1"), "{text:?}");
                        let error = step.action.resolve(&list).unwrap_err();
                        assert!(error.to_string().contains("not called as OpenClaw calls one"), "{error}");
                    }
                    Action::Run { command } => {
                        assert!(!command.argv().contains(&text.to_owned()), "{text:?}");
                    }
                    _ => {}
                }
                assert_eq!(step.for_device(text), *step);
            }
            let all =
                format!("{diagnosis:?} {} {}", diagnosis.plan, serde_json::to_string(&diagnosis).unwrap());
            assert!(!all.contains(['\u{1b}', '\u{202e}']), "{all}");
        }
    }
}

const PAGE: &str = "fedcba9876543210";
const CLI: &str = "0123456789abcdef";

/// A page that asks for everything, before a CLI that asks for less.
fn both_wait() -> Evidence {
    let list = format!(
        r#"{{"pending":[
            {{"requestId":"r-page","deviceId":"{PAGE}","clientId":"openclaw-control-ui","scopes":["operator.admin"],"ts":1}},
            {{"requestId":"r-cli","deviceId":"{CLI}","clientId":"cli","scopes":["operator.read"],"ts":2}}],"paired":[]}}"#
    );
    let topology = Topology::new(Engine::ComposeExec, "openclaw-gateway", "openclaw-cli");
    Evidence::new(topology).device_list(Vantage::Gateway, "list", &list).unwrap()
}

fn approvals(plan: &Plan) -> Vec<&str> {
    let decides = plan.steps.iter().filter(|step| matches!(step.action, Action::Decide { .. }));
    decides.map(|step| step.text.as_str()).collect()
}

#[test]
fn the_device_whose_request_the_client_was_told_of_is_approved_first_and_no_other_unasked() {
    let told = |words: &str| diagnose(&both_wait().cli_output(Vantage::Client, "cli", words));
    let diagnosis = told("gateway closed: device pairing required (requestId: r-cli)");
    assert_eq!(diagnosis.own_device.as_deref(), Some(CLI));
    let [own, other] = approvals(&diagnosis.plan)[..] else { panic!("{}", diagnosis.plan) };
    assert!(own.starts_with("Approve device 0123456789ab with no more than operator.read"), "{own}");
    assert!(
        other.starts_with("Only if you know it: approve device fedcba987654, which also waits"),
        "{other}"
    );

    // A request that was replaced since is known from the gateway's log.
    let log = format!(
        "[ws] closed before connect cause=pairing-required deviceId={CLI} requestId=r-old reason=not-paired"
    );
    let evidence = both_wait().log(Vantage::Gateway, "log", &log);
    let evidence = evidence.cli_output(Vantage::Client, "cli", "device pairing required (requestId: r-old)");
    assert_eq!(diagnose(&evidence).own_device.as_deref(), Some(CLI));

    // Without a word of the client's, and where its words name a page, nobody knows whose the devices are.
    for diagnosis in [diagnose(&both_wait()), told("device pairing required (requestId: r-page)")] {
        assert_eq!(diagnosis.own_device, None);
        let texts = approvals(&diagnosis.plan);
        assert_eq!(texts.len(), 2, "{}", diagnosis.plan);
        assert!(texts.iter().all(|text| text.starts_with("Only if you know it:")), "{texts:?}");
        assert!(texts[0].contains("0123456789ab"), "the page comes last: {texts:?}");
    }
}
