//! Claims from pairing evidence: device lists, the logs of both containers, and openclaw-pairing's verdict over them.

use std::collections::BTreeSet;

use openclaw_pairing::plan::{Plan, Topology};
use openclaw_pairing::{Code, DeviceList, DeviceListError, Evidence, Vantage, diagnose};

use super::case::Case;
use super::shut_by;
use crate::captured::Captured;
use crate::finding::Finding;
use crate::gates::{Gate, Kind, Whom};
use crate::ticket::{NextStep, Noted};

/// The wire name of the dashboard.
const DASHBOARD: &str = "openclaw-control-ui";

/// What pairing needs to know of the stack.
pub(super) struct Stack<'a> {
    pub(super) gateway: &'a str,
    pub(super) version: Option<String>,
    pub(super) topology: Topology,
    pub(super) now_ms: Option<u64>,
}

/// Enters what the device lists and logs say about pairing.
pub(super) fn enter(case: &mut Case, stack: Stack<'_>, captured: &Captured) {
    if captured.devices.is_empty() && captured.logs.is_empty() {
        return;
    }
    let vantage = |service: &str| if service == stack.gateway { Vantage::Gateway } else { Vantage::Client };
    let mut evidence = Evidence::new(stack.topology);
    if let Some(version) = stack.version {
        evidence = evidence.version(version);
    }
    if let Some(now_ms) = stack.now_ms {
        evidence = evidence.now_ms(now_ms);
    }
    for (service, log) in &captured.logs {
        evidence = evidence.log(vantage(service), &log.name, &log.text);
    }
    let mut lists = Vec::new();
    for (service, text) in &captured.devices {
        match DeviceList::from_json(&text.text) {
            Ok(list) => {
                evidence = evidence.devices(vantage(service), &text.name, list.clone());
                lists.push((text.name.clone(), list));
            }
            Err(DeviceListError::CliError { .. }) => {
                evidence = evidence.cli_output(vantage(service), &text.name, &text.text);
            }
            // The parser's words may quote the text; they stay out of the ticket.
            Err(_) => {
                let because = format!("{} is neither a device list nor an error of the CLI", text.name);
                for gate in [Gate::Pairing, Gate::Scopes] {
                    case.unjudged(gate, Whom::Everyone, because.clone());
                }
            }
        }
    }
    sessions(case, stack.gateway, &lists);
    let diagnosis = diagnose(&evidence);
    for found in diagnosis.findings {
        // What the evidence does not name, the gates show as unknown.
        if matches!(found.code, Code::NotEnoughEvidence | Code::Paired | Code::UnknownVersion) {
            continue;
        }
        let code = found.code;
        let finding = Finding::from(found);
        let whom = concerned(case, stack.gateway, &finding, &lists);
        match code {
            // Who never arrives is stopped by the first gate on the way that is shut.
            Code::GatewayUnreachable => {
                case.bear_out(Gate::Reach, &[Gate::State, Gate::Listener, Gate::Reach], finding, &whom);
            }
            Code::SharedTokenFault => case.bear_out(Gate::Auth, &[Gate::Auth], finding, &whom),
            // Who is approved, for less, has passed pairing: why the rest is not granted shuts the scopes.
            _ if diagnosis.cause == Code::ScopeUpgrade && shut_by(&finding) == Some(Gate::Pairing) => {
                case.report_at(Gate::Scopes, finding, &whom);
            }
            _ => {
                let mut noted = Noted::new(finding);
                if code == diagnosis.cause {
                    noted.steps = steps(&diagnosis.plan);
                }
                case.report(noted, &whom);
            }
        }
    }
}

/// The way out as the ticket shows it.
fn steps(plan: &Plan) -> Vec<NextStep> {
    plan.steps.iter().map(|step| NextStep { text: step.text.clone(), command: step.command() }).collect()
}

/// A device that is connected with scopes passed every gate from the upgrade on. Devices of one kind that may do the same
/// say the same.
fn sessions(case: &mut Case, gateway: &str, lists: &[(String, DeviceList)]) {
    for (name, list) in lists {
        let devices = list.paired.iter().filter(|device| device.has_live_role("operator"));
        let mut said = BTreeSet::new();
        for device in devices {
            let kind = if device.client_id == DASHBOARD { Kind::Browser } else { Kind::Service };
            if !said.insert((device.client_id == DASHBOARD, device.scopes, device.connected)) {
                continue;
            }
            for whom in clients(case, gateway, kind) {
                case.pass(Gate::Pairing, whom.clone(), format!("{name}: the device is approved"));
                if device.scopes.is_empty() {
                    continue;
                }
                case.pass(Gate::Scopes, whom.clone(), format!("{name}: approved for {}", device.scopes));
                if device.connected {
                    let because = format!("{name}: the device is connected");
                    for gate in [Gate::Upgrade, Gate::Origin, Gate::Auth, Gate::Session] {
                        case.pass(gate, whom.clone(), because.clone());
                    }
                }
            }
        }
    }
}

/// The clients of a kind. The gateway's own service is none: what runs inside it is local and needs no device.
fn clients(case: &Case, gateway: &str, kind: Kind) -> Vec<Whom> {
    let of_kind = case.clients.iter().filter(|client| client.kind == kind && client.name != gateway);
    of_kind.map(|client| Whom::Client(client.name.clone())).collect()
}

/// Whose gate a pairing finding shuts: the kinds of client that wait in the lists, else the services.
fn concerned(case: &Case, gateway: &str, finding: &Finding, lists: &[(String, DeviceList)]) -> Vec<Whom> {
    let pending = || lists.iter().flat_map(|(_, list)| &list.pending);
    let dashboard = pending().any(|request| request.client_id == DASHBOARD);
    let service = pending().any(|request| request.client_id != DASHBOARD);
    let mut whom = Vec::new();
    let browser_only = super::codes::gate_of(finding.code) == Some(Gate::Origin);
    if browser_only || dashboard {
        whom.extend(clients(case, gateway, Kind::Browser));
    }
    if !browser_only && (service || !dashboard) {
        whom.extend(clients(case, gateway, Kind::Service));
    }
    whom
}
