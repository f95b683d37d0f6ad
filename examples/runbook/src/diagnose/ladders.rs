//! Claims from the ladders that were climbed, and the ladders as the ticket shows them.
//!
//! A rung that holds was observed. One that does not is a doubt or bears a finding of the files out, and shuts nothing by
//! itself: this program may run in a container, whose loopback is not the host's, and a gateway may be about to start.

use openclaw_compose::openclaw::{ClientKind, ClientView, Report};
use openclaw_probe::{ClockSkew, Vantage};
use serde::Deserialize;

use super::case::Case;
use super::life::{Container, of_service};
use crate::captured::{Captured, Fault, Text};
use crate::finding::Finding;
use crate::gates::{Gate, Whom};
use crate::ladders::{Clock, Ladder};

/// What `runbook probe --format json` prints, as far as it counts here.
#[derive(Deserialize)]
struct Printed {
    report: Climbed,
}

#[derive(Deserialize)]
struct Climbed {
    target: String,
    rungs: Vec<RungSeen>,
    facts: Facts,
}

#[derive(Deserialize)]
struct RungSeen {
    rung: String,
    outcome: String,
    code: Option<String>,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Facts {
    clock: Option<ClockSkew>,
    version: Option<String>,
}

/// The gate that a rung shows, and whether it shows it to whoever asks that gateway, not to this client alone.
fn gate(rung: &str) -> Option<(Gate, bool)> {
    Some(match rung {
        "resolve" | "tcp" | "tls" => (Gate::Reach, false),
        "liveness" => (Gate::Liveness, true),
        "startup" => (Gate::Startup, true),
        "readiness" => (Gate::Readiness, true),
        _ => return None,
    })
}

/// Enters the ladders of the clients, and gives them for the ticket: none, where nobody climbed.
pub(super) fn enter(
    case: &mut Case,
    report: &Report,
    captured: &mut Captured,
    containers: &[Container],
) -> Vec<Ladder> {
    if captured.ladders.is_empty() {
        return Vec::new();
    }
    let stands = report.clients.iter().filter(|client| client.kind != ClientKind::Browser);
    let (mut ladders, mut faults) = (Vec::new(), Vec::new());
    for client in stands {
        let mut ladder = Ladder {
            client: client.name.clone(),
            from: place(report, client),
            target: None,
            up_to: None,
            fault: None,
            clock: None,
            not_climbed: None,
        };
        match captured.ladders.iter().find(|(name, _)| *name == client.name) {
            None => ladder.not_climbed = Some(why_not(client, containers).to_owned()),
            Some((_, text)) => match serde_json::from_str::<Printed>(&text.text) {
                Ok(Printed { report: climbed }) => {
                    enter_one(case, report, client, climbed, text, &mut ladder);
                }
                Err(error) => {
                    let why = format!("is not a ladder: line {}, column {}", error.line(), error.column());
                    faults.push(Fault { name: text.name.clone(), why: why.clone() });
                    ladder.not_climbed = Some(format!("{} {why}", text.name));
                }
            },
        }
        ladders.push(ladder);
    }
    captured.faults.extend(faults);
    ladders
}

fn enter_one(
    case: &mut Case,
    report: &Report,
    client: &ClientView,
    climbed: Climbed,
    text: &Text,
    ladder: &mut Ladder,
) {
    let own = [Whom::Client(client.name.clone())];
    let all = report.clients.iter().filter(|other| other.gateway == client.gateway);
    let all: Vec<Whom> = all.map(|other| Whom::Client(other.name.clone())).collect();
    for RungSeen { rung, outcome, code, detail } in climbed.rungs {
        let Some((gate, is_of_gateway)) = gate(&rung) else { continue };
        let whom = if is_of_gateway { &all[..] } else { &own[..] };
        match outcome.as_str() {
            "passed" => {
                for whom in whom {
                    case.pass(gate, whom.clone(), format!("{}: {rung} passed", text.name));
                }
                ladder.up_to = Some(rung);
            }
            "failed" => {
                let fault = format!("{} at {rung}: {detail}", code.unwrap_or_default());
                let seen = format!("{}: {fault}", text.name);
                match case.shutting_for(&[Gate::Listener, gate], &own) {
                    Some(id) => case.bear_out(id, &seen),
                    None => case.maybe(gate, Whom::Client(client.name.clone()), seen),
                }
                ladder.fault = Some(fault);
            }
            _ => {}
        }
    }
    ladder.target = Some(climbed.target);
    let Facts { clock: Some(skew), version } = climbed.facts else { return };
    ladder.clock = Some(Clock { ahead_ms: skew.ahead_ms, error_ms: skew.error_ms });
    if let Some(finding) = skew.finding(version.as_deref()) {
        case.add(Finding::from(finding));
    }
}

fn place(report: &Report, client: &ClientView) -> Vantage {
    match client.kind {
        ClientKind::Service if report.namespaces.share(&client.gateway, &client.name) => Vantage::Inside,
        ClientKind::Service => Vantage::Sibling,
        ClientKind::Host | ClientKind::Browser => Vantage::Host,
    }
}

/// Why there is no ladder of a client, where there are some of others.
fn why_not(client: &ClientView, containers: &[Container]) -> &'static str {
    let runs = of_service(containers, &client.name).iter().any(Container::is_running);
    match client.kind {
        _ if client.url.is_none() => "it has no address of the gateway",
        ClientKind::Service if runs => "its container was not asked, or has no Node",
        ClientKind::Service => "its container does not run",
        ClientKind::Host | ClientKind::Browser => "its port is not on the loopback of the host that asks",
    }
}
