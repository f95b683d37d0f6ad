//! From a cause to the ordered steps out of it.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::seen::SHARED_SECRET;
use super::short;
use crate::codes::Code;
use crate::finding::{Remedy, Safety};
use crate::peer::Peer;
use crate::plan::{Action, Check, Ending, Plan, Step};
use crate::refusal::Actor;
use crate::scope::Scope;
use crate::timeline::Symptom;
use crate::vantage::Vantage;

use approve::{ASKS_FOR, LIST, approve, compare, make_it_ask};

mod approve;

/// The shortest way out of `cause`. It always ends in a session or in a named person's decision.
pub(super) fn plan(cause: Code, noise: &[Code], facts: &Facts<'_>) -> Plan {
    let mut steps = Vec::new();
    let ending = match cause {
        Code::ScopeUpgrade if !facts.is_asking() => {
            make_it_ask(facts, &mut steps);
            Ending::Session
        }
        Code::OwnApproverMissing
        | Code::MutualWait
        | Code::PendingApproval
        | Code::NatHidesLocal
        | Code::ScopeUpgrade
        | Code::RoleUpgrade
        | Code::MetadataUpgrade => {
            approve(facts, &mut steps);
            Ending::Session
        }
        Code::ApproverLacksScope if facts.grants_pairing_alone() => {
            approve(facts, &mut steps);
            Ending::Session
        }
        Code::ApproverLacksScope => {
            steps.push(ask(
                Actor::Approver,
                "Approve as someone who may grant it: inside the gateway's network namespace with the shared token alone (no \
                 OPENCLAW_GATEWAY_URL, no device of its own), or as an admin in the dashboard. Or have the device ask for less.",
                "the approver's own session holds operator.admin, or the request no longer asks for it",
            ));
            approve(facts, &mut steps);
            Ending::Session
        }
        Code::SplitIdentity => {
            approve(facts, &mut steps);
            steps.push(ask(
                Actor::ClientOwner,
                "Keep the client's state directory on a volume, so that its key survives the next recreate.",
                "the device id stays the same after the client is recreated",
            ));
            Ending::Session
        }
        Code::RequestIdChurn => {
            steps.extend(hold(cause));
            approve(facts, &mut steps);
            Ending::Session
        }
        Code::RequestExpired => {
            steps.push(reconnect(
                facts,
                "Have the client connect once more: that makes a fresh request, good for five minutes.",
            ));
            approve(facts, &mut steps);
            Ending::Session
        }
        Code::RestartMidPairing => {
            steps.extend(hold(cause));
            approve(facts, &mut steps);
            Ending::Session
        }
        Code::NeverAsks | Code::ConnectedWithoutScope => {
            make_it_ask(facts, &mut steps);
            Ending::Session
        }
        Code::DeviceTokenFault => {
            steps.push(list(facts, None));
            steps.push(reconnect(
                facts,
                "Have the client connect once more with the shared token: it drops the refused device token and is given a new one.",
            ));
            steps.extend(verify(facts));
            Ending::Session
        }
        Code::LockedOut => {
            steps.push(ask(
                Actor::ClientOwner,
                "Find and stop the client that still uses the old token: behind a bridge all clients share one address.",
                "no new `reason=token_mismatch` line in the gateway's log",
            ));
            steps.push(wait(
                300,
                "Wait out the lockout: trying earlier is refused even with the right token.",
                "no new refusal in the gateway's log meanwhile",
            ));
            steps.extend(verify(facts));
            Ending::Session
        }
        Code::GatewayStarting => {
            steps.push(wait(30, "Let the gateway finish starting.", "`[gateway] ready` in its log"));
            steps.extend(verify(facts));
            Ending::Session
        }
        Code::Paired | Code::StaleRows | Code::UnknownVersion | Code::EvidenceLeftOut => {
            steps.extend(verify(facts));
            Ending::Session
        }
        Code::SplitState if facts.pending().next().is_some() && !facts.is_refused_by_other_store() => {
            approve(facts, &mut steps);
            steps.push(ask(
                Actor::ClientOwner,
                "Decide only there: what the client lists is of a state directory of its own. Mount the same state directory in \
                 both, or leave `devices` to the gateway's container.",
                "the client's next command is answered by the gateway",
            ));
            Ending::Session
        }
        Code::SplitState | Code::SplitGateway | Code::ListAsymmetry | Code::LegacyStore => {
            compare(facts, &mut steps);
            steps.push(ask(
                Actor::ClientOwner,
                "Point both at one gateway and one state directory: the same URL, the same volume, the same OPENCLAW_STATE_DIR.",
                "both lists show the same requests",
            ));
            Ending::Decision(Actor::ClientOwner)
        }
        Code::PairingLost | Code::StoreEditedByHand => {
            steps.push(list(facts, None));
            steps.push(ask(
                Actor::GatewayOwner,
                "Mount a volume where the gateway keeps its state, and leave its pairing store to it; approve once more after that.",
                "an approved device is still listed as paired after the next recreate",
            ));
            Ending::Decision(Actor::GatewayOwner)
        }
        Code::RequestRejected => {
            steps.push(ask(
                Actor::Approver,
                "Ask the person who rejected the device whether it was meant; only then let it ask again.",
                "a yes or a no, with a name",
            ));
            Ending::Decision(Actor::Approver)
        }
        Code::SharedTokenFault => {
            hand_over(facts, &mut steps);
            steps.extend(verify(facts));
            Ending::Decision(Actor::ClientOwner)
        }
        Code::GatewayUnreachable => reach(facts, &mut steps),
        Code::OriginRefused => {
            let refused = named(facts, Symptom::OriginRefused, |peer| peer.origin.as_deref());
            let origin = if refused.is_empty() { "the exact origin".to_owned() } else { refused };
            gateway_owner(&mut steps, &format!("Name {origin} in gateway.controlUi.allowedOrigins."))
        }
        Code::ProxyUntrusted => {
            let refused = named(facts, Symptom::ProxyRefused, |peer| peer.remote.as_deref());
            let address = if refused.is_empty() { "the proxy's own address".to_owned() } else { refused };
            gateway_owner(
                &mut steps,
                &format!(
                    "Name {address} in gateway.trustedProxies and nothing wider; where it is there already, let the proxy \
                     overwrite X-Forwarded-For with the address of its client."
                ),
            )
        }
        Code::ProtocolMismatch => client_owner(
            &mut steps,
            "Update whichever of client and gateway is the older one, until they share a protocol: 3 up to 2026.5.7, 4 from \
             2026.5.12 on.",
        ),
        Code::InsecureContext => client_owner(
            &mut steps,
            "Open the dashboard over https or on localhost (an SSH tunnel will do): only there can a browser make a device key.",
        ),
        Code::ClockSkew => client_owner(
            &mut steps,
            "Set the device's clock, or sign with the time of the gateway's challenge.",
        ),
        Code::IdentityRefused => client_owner(
            &mut steps,
            "Use one key for id, public key and signature, and sign the nonce and credential of the same connection.",
        ),
        Code::BypassLeftBehind | Code::NotEnoughEvidence => {
            compare(facts, &mut steps);
            steps.extend(log(
                facts,
                "Take the gateway's log.",
                "lines with `closed before connect` and their cause",
            ));
            Ending::Decision(Actor::ClientOwner)
        }
    };
    // A look comes first; what is decided after it must not change meanwhile.
    let beside = noise.iter().filter(|code| **code != cause);
    let at = steps.len().min(1);
    steps.splice(at..at, beside.filter_map(|code| hold(*code)));
    Plan { steps, ending, restart_now: restart_now(facts) }
}

/// Gives whoever sent the wrong secret the right one: a page by its person, a service by its files.
fn hand_over(facts: &Facts<'_>, steps: &mut Vec<Step>) {
    let secret = if facts.asks_for_password() { "password" } else { "token" };
    let topology = &facts.evidence.topology;
    let mut clients: Vec<String> = Vec::new();
    let mut helpers: Vec<String> = Vec::new();
    let mut is_page = false;
    for peer in facts.named(SHARED_SECRET) {
        let name = match peer.client {
            _ if peer.is_dashboard() => {
                is_page = true;
                continue;
            }
            Some(name) if peer.mode.as_deref() == Some("backend") && peer.is_on_loopback() => {
                helpers.push(name);
                continue;
            }
            _ if !topology.client_is_elsewhere && topology.client != topology.gateway => {
                topology.client.clone()
            }
            Some(name) => name,
            None => "the client".to_owned(),
        };
        if !clients.contains(&name) {
            clients.push(name);
        }
    }
    if is_page {
        steps.push(ask(
            Actor::ClientOwner,
            &format!(
                "Give the dashboard the gateway's {secret} of today, in the Control UI's settings: the open tab sends none, or \
                 one of before. Close every other tab that still has the old one."
            ),
            "the next refusal, if any, is about pairing",
        ));
    }
    helpers.dedup();
    if !helpers.is_empty() {
        steps.push(ask(
            Actor::GatewayOwner,
            &format!(
                "{} runs beside the gateway and sends gateway.auth.{secret} of its openclaw.json: write the {secret} there that \
                 the gateway enforces, or take the one of before out.",
                helpers.join(" and ")
            ),
            "no new refusal of it in the gateway's log",
        ));
    }
    if !clients.is_empty() || !is_page && helpers.is_empty() {
        let client = if clients.is_empty() { "the client".to_owned() } else { clients.join(" and ") };
        steps.push(ask(
            Actor::ClientOwner,
            &format!(
                "Make {client}'s winning {secret} the gateway's winning {secret}: {}, gateway.auth.{secret} and \
                 gateway.remote.{secret} are where one of before may be left. Do not try: ten wrong ones in a minute lock \
                 the whole bridge address for five minutes.",
                if secret == "token" { "OPENCLAW_GATEWAY_TOKEN" } else { "OPENCLAW_GATEWAY_PASSWORD" }
            ),
            "the next refusal, if any, is about pairing",
        ));
    }
}

/// What must hold still before a request can be decided.
fn hold(code: Code) -> Option<Step> {
    Some(match code {
        Code::RequestIdChurn => ask(
            Actor::ClientOwner,
            "Stop whatever retries on its own (cron, watch loops, an app's reconnect) until the request is decided.",
            "the request id stays the same in two listings ten seconds apart",
        ),
        Code::RestartMidPairing => ask(
            Actor::GatewayOwner,
            "Hold whatever restarts the gateway (restart policy, health check, auto-update, launchd) until the device is approved.",
            "the gateway's uptime grows across the next steps",
        ),
        _ => return None,
    })
}

/// What must be true before anything can be asked: an engine, a running gateway, a client that can be entered, a way between.
fn reach(facts: &Facts<'_>, steps: &mut Vec<Step>) -> Ending {
    let topology = &facts.evidence.topology;
    if facts.has(&[Symptom::NoEngine]) {
        steps.push(ask(
            Actor::ClientOwner,
            "Go where the containers are: the stack's own directory, as a user whom the engine answers.",
            "the engine lists the gateway's container",
        ));
        return Ending::Decision(Actor::ClientOwner);
    }
    if facts.is_gateway_down()
        && let Some(start) = topology.start_gateway()
    {
        steps.extend(log(facts, "Read why the gateway stopped.", "its last lines, and in them the reason"));
        steps.push(Step {
            text: "Start the gateway.".to_owned(),
            action: Action::Run { command: start },
            expect: "the container runs".to_owned(),
            check: Check::ExitsZero,
            undo: topology.stop_gateway().map(|stop| stop.to_string()),
            safety: Safety::Judgement,
            actor: Actor::GatewayOwner,
        });
        steps.push(wait(30, "Let the gateway finish starting.", "`[gateway] ready` in its log"));
        steps.extend(verify(facts));
        return Ending::Session;
    }
    steps.push(list(facts, None));
    let (text, expect) = if facts.first_at(Vantage::Client, &[Symptom::NotRunning]).is_some() {
        (
            "Let the client's commands run: start its container, or use an engine that starts one for each command \
             (`compose run`).",
            "the client's next command is answered by OpenClaw, even if with a refusal",
        )
    } else if facts.has(&[Symptom::PlaintextRefused]) {
        (
            "Let the client dial the gateway as ws://127.0.0.1 with its port (--url and --token) where it lives in the \
             gateway's network namespace, where later releases dial loopback by themselves, and wss:// from anywhere else.",
            "the client's next command is answered, even if with a refusal",
        )
    } else {
        (
            "Let the client reach the gateway: share its network namespace, or give it the gateway's address.",
            "the client's next command is answered, even if with a refusal",
        )
    };
    steps.push(ask(Actor::ClientOwner, text, expect));
    Ending::Decision(Actor::ClientOwner)
}

/// The gateway's own last lines; none on a bare host, where only its owner knows where they go.
fn log(facts: &Facts<'_>, text: &str, expect: &str) -> Option<Step> {
    let topology = &facts.evidence.topology;
    let command = topology.on_gateway(&["logs", "--tail", "500"])?;
    Some(Step {
        text: text.to_owned(),
        action: Action::Run { command },
        expect: expect.to_owned(),
        check: Check::ExitsZero,
        undo: None,
        safety: Safety::Safe,
        actor: Actor::Nobody,
    })
}

/// One line and the first command of the plan for a finding.
pub(super) fn remedy(code: Code, facts: &Facts<'_>) -> Option<Remedy> {
    if matches!(code, Code::Paired | Code::UnknownVersion | Code::EvidenceLeftOut) {
        return None;
    }
    let plan = plan(code, &[], facts);
    // The step that changes something says more than the look that comes before it.
    let changes = |step: &&Step| step.safety != Safety::Safe || step.undo.is_some();
    let step = plan.steps.iter().find(changes).or(plan.steps.first())?;
    Some(Remedy { text: step.text.clone(), command: step.command(), safety: step.safety })
}

/// Why a restart now would cut a pairing in half.
fn restart_now(facts: &Facts<'_>) -> Option<String> {
    // A gateway that does not run has nothing to lose by a start.
    if facts.is_gateway_down() {
        return None;
    }
    let waiting = match facts.pending().count() {
        0 => None,
        1 => Some("a request waits for a decision; a restart drops its client".to_owned()),
        many => Some(format!("{many} requests wait for decisions; a restart drops their clients")),
    };
    if let Some(waiting) = waiting {
        return Some(format!("{waiting}, and a request lives five minutes only"));
    }
    facts.is_asking().then(|| "a client asks to be paired right now; decide first, restart later".to_owned())
}

/// Inside the gateway's namespace the shared token alone carries every scope.
fn list(facts: &Facts<'_>, device_id: Option<String>) -> Step {
    let command = facts.evidence.topology.in_gateway(LIST);
    let (expect, check) = match device_id {
        Some(id) => (
            format!("a pending request of device {}", short(&id)),
            Check::RequestListed { device_id: Some(id) },
        ),
        None => ("a list, empty or not".to_owned(), Check::ExitsZero),
    };
    Step {
        text: "List devices inside the gateway's network namespace.".to_owned(),
        action: Action::Run { command },
        expect,
        check,
        undo: None,
        safety: Safety::Safe,
        actor: Actor::Nobody,
    }
}

fn reconnect(facts: &Facts<'_>, text: &str) -> Step {
    if facts.evidence.topology.client_is_elsewhere {
        return ask(Actor::ClientOwner, text, "a session, or a pending request of its device in the list");
    }
    let command = facts.evidence.topology.in_client(LIST);
    Step {
        text: text.to_owned(),
        action: Action::Run { command },
        expect: "a list, or `device pairing required` with a fresh request id".to_owned(),
        check: Check::Person,
        undo: None,
        safety: Safety::Safe,
        actor: Actor::ClientOwner,
    }
}

/// True if who waits is a node: it runs no commands of an operator.
fn is_node(facts: &Facts<'_>) -> bool {
    facts.waiting_device().is_some_and(|device| facts.is_node(&device))
}

/// The client's own commands, one for each scope that is wanted: each must be answered.
fn verify(facts: &Facts<'_>) -> Vec<Step> {
    if facts.evidence.topology.client_is_elsewhere || is_node(facts) {
        return vec![ask(
            Actor::ClientOwner,
            "Have the client connect once more.",
            "the list shows its device under `paired`, connected",
        )];
    }
    let wanted = facts.evidence.wanted.unwrap_or([Scope::Pairing].into());
    let commands = ASKS_FOR.iter().filter(|(scope, ..)| wanted.allows(*scope));
    let mut steps: Vec<Step> = commands
        .map(|(scope, command, _)| Step {
            text: format!("Prove the session where the client runs, with {}.", scope.name()),
            action: Action::Run { command: facts.evidence.topology.in_client(command) },
            expect: "an answer without `missing scope` or `pairing required`".to_owned(),
            check: Check::ExitsZero,
            undo: None,
            safety: Safety::Safe,
            actor: Actor::Nobody,
        })
        .collect();
    if steps.is_empty() {
        steps.push(ask(
            Actor::ClientOwner,
            "Run the command that was refused once more, where the client runs.",
            "its own answer, without `missing scope` or `pairing required`",
        ));
    }
    steps
}

fn wait(seconds: u64, text: &str, expect: &str) -> Step {
    Step {
        text: text.to_owned(),
        action: Action::Wait { seconds },
        expect: expect.to_owned(),
        check: Check::Person,
        undo: None,
        safety: Safety::Safe,
        actor: Actor::Nobody,
    }
}

fn ask(actor: Actor, text: &str, expect: &str) -> Step {
    Step {
        text: text.to_owned(),
        action: Action::Ask,
        expect: expect.to_owned(),
        check: Check::Person,
        undo: None,
        safety: Safety::TextOnly,
        actor,
    }
}

fn gateway_owner(steps: &mut Vec<Step>, text: &str) -> Ending {
    steps.push(ask(Actor::GatewayOwner, text, "the next refusal, if any, is about pairing"));
    Ending::Decision(Actor::GatewayOwner)
}

/// What the lines of a symptom name, each value once.
fn named<'a>(facts: &Facts<'a>, symptom: Symptom, value: impl Fn(&'a Peer) -> Option<&'a str>) -> String {
    let lines = facts.seen().filter(|seen| seen.mark.symptom == symptom);
    let values: BTreeSet<&str> = lines.filter_map(|seen| value(&seen.mark.peer)).collect();
    values.into_iter().take(8).collect::<Vec<_>>().join(", ")
}

fn client_owner(steps: &mut Vec<Step>, text: &str) -> Ending {
    steps.push(ask(Actor::ClientOwner, text, "the next refusal, if any, is about pairing"));
    Ending::Decision(Actor::ClientOwner)
}
