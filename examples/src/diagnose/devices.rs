//! Claims from pairing evidence: device lists, the logs of both containers, and openclaw-pairing's verdict over them.

use openclaw_pairing::plan::Topology;
use openclaw_pairing::{Code, DeviceList, Evidence, Vantage, diagnose};

use super::case::Case;
use crate::captured::Captured;
use crate::finding::Finding;
use crate::gates::{Gate, Kind, Whom};

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
        match evidence.clone().device_list(vantage(service), &text.name, &text.text) {
            Ok(more) => {
                evidence = more;
                lists.extend(DeviceList::from_json(&text.text).ok().map(|list| (text.name.clone(), list)));
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
    sessions(case, &lists);
    for finding in &diagnose(&evidence).findings {
        // What the evidence does not name, the gates show as unknown.
        if matches!(finding.code, Code::NotEnoughEvidence | Code::Paired | Code::UnknownVersion) {
            continue;
        }
        if let Ok(finding) = Finding::read(finding) {
            let whom = concerned(case, &finding, &lists);
            case.report(finding, Vec::new(), &whom);
        }
    }
}

/// A device that is connected with scopes passed every gate from the upgrade on.
fn sessions(case: &mut Case, lists: &[(String, DeviceList)]) {
    for (name, list) in lists {
        for device in list.paired.iter().filter(|device| device.has_live_role("operator")) {
            let kind = if device.client_id == DASHBOARD { Kind::Browser } else { Kind::Service };
            for whom in clients(case, kind) {
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

fn clients(case: &Case, kind: Kind) -> Vec<Whom> {
    let of_kind = case.clients.iter().filter(|client| client.kind == kind);
    of_kind.map(|client| Whom::Client(client.name.clone())).collect()
}

/// Whose gate a pairing finding shuts: the kinds of client that wait in the lists, else the services.
fn concerned(case: &Case, finding: &Finding, lists: &[(String, DeviceList)]) -> Vec<Whom> {
    let pending = || lists.iter().flat_map(|(_, list)| &list.pending);
    let dashboard = pending().any(|request| request.client_id == DASHBOARD);
    let service = pending().any(|request| request.client_id != DASHBOARD);
    let mut whom = Vec::new();
    let browser_only = super::codes::gate_of(&finding.code) == Some(Gate::Origin);
    if browser_only || dashboard {
        whom.extend(clients(case, Kind::Browser));
    }
    if !browser_only && (service || !dashboard) {
        whom.extend(clients(case, Kind::Service));
    }
    whom
}
