//! The steps that approve a device: who decides, on which request, and how it asks again.

use super::super::facts::Facts;
use super::super::seen::Seen;
use super::super::short;
use super::{ask, list, verify};
use crate::finding::Safety;
use crate::plan::{Action, Check, DEVICE_ID, REQUEST_ID, Ruling, Step};
use crate::refusal::Actor;
use crate::scope::{Scope, ScopeSet};
use crate::timeline::Symptom;
use crate::words::is_id;

/// List in the gateway's namespace, approve by device id, see the client succeed.
pub(super) fn approve(facts: &Facts<'_>, steps: &mut Vec<Step>) {
    // The client's own first, and pages last: an approved CLI can approve the rest.
    let (mut devices, unnamed) = nameable(facts);
    let waiting = facts.waiting_device().filter(|waiting| is_id(waiting));
    devices.sort_by_key(|(device, _)| (waiting.as_ref() != Some(device), facts.is_other_page(device)));
    if devices.is_empty() {
        devices.extend(waiting.clone().map(|waiting| (waiting, facts.requested())));
    }
    steps.push(list(facts, devices.first().map(|(device, _)| device.clone())));
    if devices.is_empty() {
        steps.push(ask(
            Actor::Approver,
            "Approve the device that the list shows as pending, by the request id of that same list.",
            "the device under `paired`",
        ));
    }
    let more = devices.len().saturating_sub(MOST_DECISIONS);
    devices.truncate(MOST_DECISIONS);
    for (device_id, asked) in devices {
        let waits = waiting.as_ref() == Some(&device_id);
        let wanted = facts.evidence.wanted.filter(|_| waits);
        let whose = Whose::of(facts, &device_id);
        // Each command asks for its own scopes. Asking for all that is needed before the decision makes it one decision.
        if let Some(wanted) = wanted {
            steps.extend(asks_for(facts, wanted.missing_from(asked)));
        }
        let all = wanted.unwrap_or(asked);
        if facts.grants_pairing_alone() && !all.missing_from([Scope::Pairing].into()).is_empty() {
            as_another_device(facts, steps, device_id, whose, all);
            continue;
        }
        if is_refused_to_approve(facts) {
            steps.push(ask(
                Actor::Approver,
                &format!(
                    "Approve device {} in the dashboard, as an admin, with no more than {asked}; or have it ask for less: the \
                     CLI inside the gateway's container was refused to grant that.",
                    short(&device_id)
                ),
                "the device under `paired`, with what it asked for",
            ));
            continue;
        }
        steps.push(decide(facts, Some(device_id), whose, all));
    }
    steps.extend(rest(more + unnamed));
    steps.extend(verify(facts));
}

/// Where the CLI inside the gateway's container may grant pairing alone, and each of its dials replaces the request where it is
/// the device that waits. Another device is let in silently there, with whatever its first command asks for (2026.5.28
/// and 2026.6.11 observed).
fn as_another_device(facts: &Facts<'_>, steps: &mut Vec<Step>, device: String, whose: Whose, all: ScopeSet) {
    let approver = facts.evidence.topology.as_another_device();
    steps.push(Step {
        text: "Make another device inside the gateway's container, to approve as, or approve in the dashboard, as an admin: the \
               CLI there would have to be approved itself for whatever it grants."
            .to_owned(),
        // Harmless, and for an admin: its device may grant whatever is asked for.
        action: Action::Run { command: approver.in_gateway(&["gateway", "call", "update.status", "--json"]) },
        expect: "an answer: a new device is let in silently there".to_owned(),
        check: Check::ExitsZero,
        undo: Some(
            "its key lies in the container's /tmp and goes with that; `devices remove` takes its row away, too"
                .to_owned(),
        ),
        safety: Safety::Judgement,
        actor: Actor::Approver,
    });
    let mut step = decide(facts, Some(device), whose, all);
    if let Action::Decide { list, decide, .. } = &mut step.action {
        *list = approver.in_gateway(LIST);
        *decide = approver.in_gateway(&["devices", "approve", REQUEST_ID, "--json"]);
    }
    steps.push(step);
}

/// True if the evidence shows that approving inside the gateway's container fails: the CLI there is the device that waits.
pub(super) fn is_refused_to_approve(facts: &Facts<'_>) -> bool {
    let lacks = |seen: Seen<'_>| {
        seen.mark.symptom == Symptom::MissingScope
            && seen.mark.peer.device_id.is_none()
            && seen.mark.scope.as_deref() == Some("operator.admin")
    };
    let is_one_device = facts.evidence.topology.shared_state || facts.is_loopback_one_device();
    is_one_device && facts.seen().any(lacks)
}

/// The devices that wait, with what they ask for, and how many wait under a text that is not an id: nobody is told to
/// paste that into a shell.
pub(super) fn nameable(facts: &Facts<'_>) -> (Vec<(String, ScopeSet)>, usize) {
    let named = facts.pending().filter(|request| is_id(&request.device_id));
    let devices: Vec<_> = named.map(|request| (request.device_id.clone(), request.scopes)).collect();
    let unnamed = facts.pending().count() - devices.len();
    (devices, unnamed)
}

/// The most requests that a plan decides one by one.
pub(super) const MOST_DECISIONS: usize = 16;

/// What is said of the others.
pub(super) fn rest(more: usize) -> Option<Step> {
    let wait =
        if more == 1 { "One more device waits".to_owned() } else { format!("{more} more devices wait") };
    let text = format!("{wait}: let in what somebody knows, in the dashboard, and let the rest expire.");
    (more > 0).then(|| ask(Actor::Approver, &text, "a list with none but devices that somebody knows"))
}

/// Has a client without a device identity make one and ask, then approves what it asked for.
pub(super) fn make_it_ask(facts: &Facts<'_>, steps: &mut Vec<Step>) {
    // The first command asks for reading, and the request is the union of all that was asked for.
    let wanted = facts.wanted().union([Scope::Read].into());
    steps.extend(asks_for(facts, wanted));
    steps.push(list(facts, None));
    steps.push(decide(facts, None, Whose::Own, wanted));
    // Whoever waits already is someone else.
    let (mut others, unnamed) = nameable(facts);
    let more = others.len().saturating_sub(MOST_DECISIONS);
    others.truncate(MOST_DECISIONS);
    steps.extend(others.into_iter().map(|(device, asked)| decide(facts, Some(device), Whose::Others, asked)));
    steps.extend(rest(more + unnamed));
    steps.extend(verify(facts));
}

/// The CLI's commands that ask for one scope and change nothing. `devices`, `health`, `status` and `gateway` open the
/// client's state read-only, so they never make a device identity; `system presence` does (OpenClaw 2026.9.6 observed
/// behaviour), and comes first for that.
pub(super) const ASKS_FOR: &[(Scope, &[&str], &str)] = &[
    (
        Scope::Read,
        &["system", "presence", "--json"],
        "Have the client ask for operator.read; if it has no device identity yet, it makes one now.",
    ),
    (
        Scope::Pairing,
        LIST,
        "Have the client ask for operator.pairing too, so that one decision covers all that it needs.",
    ),
];

pub(super) const LIST: &[&str] = &["devices", "list", "--json"];

/// Steps that make the client ask for these scopes, one command a scope; what no harmless command asks for, a person does.
pub(super) fn asks_for(facts: &Facts<'_>, scopes: ScopeSet) -> Vec<Step> {
    let commands = ASKS_FOR.iter().filter(|(scope, ..)| scopes.contains(*scope));
    let mut steps: Vec<Step> = commands
        .map(|(_, command, text)| Step {
            text: (*text).to_owned(),
            action: Action::Run { command: facts.evidence.topology.in_client(command) },
            expect: "`device pairing required` with a request id: the wish stands at the gateway".to_owned(),
            check: Check::Person,
            undo: Some("nothing to do: a request that nobody decides is gone after five minutes".to_owned()),
            safety: Safety::Safe,
            actor: Actor::Nobody,
        })
        .collect();
    let rest: ScopeSet =
        scopes.iter().filter(|scope| !ASKS_FOR.iter().any(|(asked, ..)| asked == scope)).collect();
    if !rest.is_empty() {
        steps.push(ask(
            Actor::ClientOwner,
            &format!("Run the command that needs {rest} once where the client runs: it is refused, and its wish joins the request."),
            "`device pairing required` with a request id",
        ));
    }
    steps
}

/// Whose device a decision is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The client's that all this is for.
    Own,
    /// Nothing says whether it is the client's.
    Unknown,
    /// Someone's who waits beside it.
    Others,
}

impl Whose {
    fn of(facts: &Facts<'_>, device: &str) -> Self {
        match facts.own_device() {
            Some(own) if own == device => Self::Own,
            None if !facts.is_other_page(device) => Self::Unknown,
            _ => Self::Others,
        }
    }
}

/// Approve one device by its id, listed anew; which one, a client without a key tells only when it asks.
pub(super) fn decide(facts: &Facts<'_>, device_id: Option<String>, whose: Whose, at_most: ScopeSet) -> Step {
    let topology = &facts.evidence.topology;
    let who = device_id.as_ref().map_or_else(
        || "the device whose request the client was just told of".to_owned(),
        |device| format!("device {}", short(device)),
    );
    let grant = if at_most.is_empty() && device_id.as_deref().is_some_and(|device| facts.is_node(device)) {
        "as a node".to_owned()
    } else if at_most.is_empty() {
        "with no more than it needs: none of what it asks for is known here".to_owned()
    } else {
        format!("with no more than {at_most}")
    };
    let text = match whose {
        Whose::Own => format!("Approve {who} {grant}."),
        Whose::Unknown => format!("Only if you know it: approve {who}, which waits, {grant}."),
        Whose::Others => format!("Only if you know it: approve {who}, which also waits, {grant}."),
    };
    let undo =
        topology.in_gateway(&["devices", "remove", device_id.as_deref().unwrap_or(DEVICE_ID)]).to_string();
    let is_known = device_id.as_ref().is_some_and(|id| facts.paired().any(|paired| paired.device_id == *id));
    let undo = if is_known {
        "nothing takes back this approval alone: removing the device would also take what it had before"
            .to_owned()
    } else {
        undo
    };
    let request_id = device_id.as_deref().and_then(|id| facts.request_of(id)).map(str::to_owned);
    let text = if request_id.is_none() { text + ITS_ID } else { text };
    Step {
        text,
        action: Action::Decide {
            device_id: device_id.clone(),
            request_id,
            verdict: Ruling::Approve,
            at_most,
            list: topology.in_gateway(LIST),
            decide: topology.in_gateway(&["devices", "approve", REQUEST_ID, "--json"]),
        },
        expect: "the answer names the device, approvedVia owner".to_owned(),
        check: Check::Approved { device_id, scopes: at_most },
        undo: Some(undo),
        safety: Safety::Judgement,
        actor: Actor::Approver,
    }
}

/// How a request is decided whose id only the list will show.
pub(super) const ITS_ID: &str =
    " Take the request id that this list shows, and give it to `devices approve`.";

/// Both lists side by side.
pub(super) fn compare(facts: &Facts<'_>, steps: &mut Vec<Step>) {
    steps.push(list(facts, None));
    let command = facts.evidence.topology.in_client(LIST);
    steps.push(Step {
        text: "List devices where the client runs.".to_owned(),
        action: Action::Run { command },
        expect: "the same requests and devices; anything else says where they part".to_owned(),
        check: Check::Person,
        undo: None,
        safety: Safety::Safe,
        actor: Actor::Nobody,
    });
}
