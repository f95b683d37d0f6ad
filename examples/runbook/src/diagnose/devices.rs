//! Claims from pairing evidence: device lists, the logs of both containers, and openclaw-pairing's verdict over them.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_compose::finding::Code as Told;
use openclaw_compose::openclaw::ClientKind;
use openclaw_pairing::plan::{Plan, Topology};
use openclaw_pairing::version::{Rule, Version, rule};
use openclaw_pairing::{
    Code, DeviceList, DeviceListError, Diagnosis, Evidence, Peer, Symptom, Vantage, diagnose,
};

use super::case::Case;
use super::columns::{self, Columns};
use super::heard::is_about;
use super::life::Container;
use super::shut_by;
use crate::captured::Captured;
use crate::finding::{Finding, Severity};
use crate::gates::{Gate, Kind, Whom};
use crate::ticket::{NextStep, Noted};

/// What pairing needs to know of one gateway and its clients.
pub(super) struct GatewayContext<'a> {
    pub(super) gateway: &'a str,
    pub(super) version: Option<String>,
    pub(super) now_ms: Option<u64>,
    pub(super) columns: Columns<'a>,
    pub(super) stack: &'a super::stack::ExaminedStack,
    pub(super) containers: &'a [Container],
}

impl GatewayContext<'_> {
    /// Where a text was taken; `None` for what another gateway of the stack says.
    fn vantage(&self, service: &str) -> Option<Vantage> {
        if service == self.gateway {
            return Some(Vantage::Gateway);
        }
        (!self.stack.gateways().contains(&service)).then_some(Vantage::Client)
    }

    /// Whether the release is known and uses the device of the state directory for every command on loopback.
    fn is_one_device(&self) -> bool {
        let version = self.version.as_deref().and_then(Version::parse);
        let row = version.and_then(|version| rule(Rule::LoopbackIsOneDevice, Some(version)));
        row.is_some_and(|row| row.before.is_some())
    }

    /// The commands for one of its services, or for a client that no command reaches.
    fn topology(&self, client: Option<&str>) -> Topology {
        let service = client.unwrap_or_else(|| self.stack.first_client(self.gateway));
        let mut topology = self.stack.topology(self.gateway, service, self.containers);
        topology.client_is_elsewhere = client.is_none();
        topology
    }
}

/// Enters what the device lists and logs say about pairing.
pub(super) fn enter(case: &mut Case, context: &GatewayContext<'_>, captured: &Captured) {
    if captured.devices.is_empty() && captured.logs.is_empty() {
        return;
    }
    let usual = context.stack.first_client(context.gateway);
    let mut evidence = Evidence::new(context.topology(Some(usual)));
    if let Some(version) = &context.version {
        evidence = evidence.version(version);
    }
    if let Some(now_ms) = context.now_ms {
        evidence = evidence.now_ms(now_ms);
    }
    for (service, log) in &captured.logs {
        if let Some(vantage) = context.vantage(service) {
            evidence = evidence.timeline(log.timeline_of(vantage));
        }
    }
    let mut lists = Vec::new();
    for (service, text) in &captured.devices {
        let Some(vantage) = context.vantage(service) else { continue };
        match DeviceList::from_json(&text.text) {
            Ok(list) => lists.push((text.name.clone(), list)),
            Err(DeviceListError::CliError { .. }) => {}
            // The parser's words may quote the text; they stay out of the ticket.
            Err(_) => {
                let because = format!("{} is neither a device list nor an error of the CLI", text.name);
                for gate in [Gate::Pairing, Gate::Scopes] {
                    case.unjudged(gate, Whom::Everyone, because.clone());
                }
                continue;
            }
        }
        // It was read a moment ago: there is no other error.
        let Ok(more) = evidence.device_list(vantage, &text.name, &text.text) else { return };
        evidence = more;
    }
    sessions(case, &context.columns, &lists);
    if let Some((_, log)) = captured.logs.iter().find(|(service, _)| service == context.gateway) {
        connected(case, context, log);
    }
    let diagnosis = diagnose(&evidence);
    let of_gateway = captured.logs.iter().find(|(service, _)| service == context.gateway).map(|(_, log)| log);
    let around = Around {
        other_tokens: context.stack.other_tokens(context.gateway),
        started: of_gateway
            .and_then(|log| Some((log.name.as_str(), u64::try_from(log.life().started()?).ok()?))),
    };
    let mut of_clients: BTreeMap<Option<String>, Diagnosis> = BTreeMap::new();
    for found in diagnosis.findings.iter().cloned() {
        // What the evidence does not name, the gates show as unknown.
        if matches!(found.code, Code::NotEnoughEvidence | Code::Paired | Code::UnknownVersion) {
            continue;
        }
        let gate = match found.code {
            Code::OriginRefused => Some(Gate::Origin),
            Code::ProxyUntrusted if found.severity == openclaw_pairing::Severity::Error => {
                Some(Gate::Upgrade)
            }
            _ => None,
        };
        if gate.is_some_and(|gate| refused(case, context, gate, &found)) {
            continue;
        }
        let whom = concerned(case, context, &found);
        // The commands are for the client that it is about.
        if whom.contains(&Whom::Client(usual.to_owned())) {
            report(case, found, &diagnosis, &whom, &around);
            continue;
        }
        let diagnosis = of_clients.entry(service_of(case, &whom)).or_insert_with_key(|client| {
            diagnose(&evidence.clone().topology(context.topology(client.as_deref())))
        });
        report(case, found, diagnosis, &whom, &around);
    }
}

/// A page that the gateway's log shows connected last, and not refused since, is in a secure context, whatever the files
/// make of it.
fn connected(case: &mut Case, context: &GatewayContext<'_>, log: &crate::captured::Text) {
    let is_told = |finding: &Finding| finding.code == crate::finding::Code::Compose(Told::InsecureContext);
    if !case.findings.iter().any(|noted| is_told(&noted.finding)) {
        return;
    }
    let Some(last) = log.timeline().marks.iter().rfind(|mark| mark.peer.is_dashboard()) else { return };
    if last.symptom != Symptom::Connected {
        return;
    }
    let whom = context.columns.known(case, &last.peer);
    let is_of_page = |finding: &Finding| {
        let of = |whom: &Whom| matches!(whom, Whom::Client(name) if is_about(finding, name, &[Told::InsecureContext]));
        whom.iter().any(of)
    };
    case.refute(is_of_page, &format!("a doubt: {}:{} shows a page that connected", log.name, last.line));
}

/// A refusal of a page or of a proxy. What the gateway's log named of it openclaw-compose was told, which then says what of
/// the configuration would admit it, or that it is admitted by now.
fn refused(
    case: &mut Case,
    context: &GatewayContext<'_>,
    gate: Gate,
    found: &openclaw_pairing::Finding,
) -> bool {
    let report = context.stack.report();
    let own = report.clients.iter().filter(|client| client.gateway == context.gateway);
    let own: Vec<Whom> = own.map(|client| Whom::Client(client.name.clone())).collect();
    let mut finding = Finding::from(found.clone());
    if case.shutting_for(&[gate], &own).is_some() {
        case.corroborate(gate, &[gate], finding, &own);
        return true;
    }
    let is_told = found.clients.iter().any(|peer| {
        peer.output.is_none() && (if gate == Gate::Origin { &peer.origin } else { &peer.remote }).is_some()
    });
    if is_told {
        finding.severity = Severity::Info;
        finding.remedy = None;
        finding.summary.push_str("; the configuration admits it by now");
        case.add(finding);
    }
    is_told
}

fn report(
    case: &mut Case,
    found: openclaw_pairing::Finding,
    diagnosis: &Diagnosis,
    whom: &[Whom],
    around: &Around<'_>,
) {
    let code = found.code;
    let same = diagnosis.findings.iter().find(|same| same.code == code);
    let mut finding = Finding::from(same.cloned().unwrap_or(found));
    if whom.is_empty() && shut_by(&finding).is_some() {
        finding.severity = Severity::Warning;
        finding
            .summary
            .push_str("; nothing names a client of this stack, so it is evidence for nobody in particular");
    }
    match code {
        // Who never arrives is stopped by the first gate on the way that is shut.
        Code::GatewayUnreachable if !whom.is_empty() => {
            case.corroborate(Gate::Reach, &[Gate::State, Gate::Listener, Gate::Reach], finding, whom);
        }
        // Files that agree, and refusals of the time before the gateway was started with them.
        Code::SharedTokenFault
            if !whom.is_empty() && around.is_before_the_start(&finding) && case.passes(Gate::Auth, whom) =>
        {
            finding.severity = Severity::Warning;
            finding
                .summary
                .push_str("; that was before the gateway was started with the files of today, which agree");
            case.add(finding);
        }
        // Files that agree, and a container that was made before they did.
        Code::SharedTokenFault
            if !whom.is_empty()
                && case.shutting_for(&[Gate::Auth], whom).is_none()
                && case.findings.iter().filter(|noted| is_stale_token(&noted.finding)).count() == 1 =>
        {
            case.confirm(Gate::Auth, is_stale_token, finding, whom);
        }
        Code::SharedTokenFault if !whom.is_empty() => {
            name_others(&mut finding, case, whom, &around.other_tokens);
            case.corroborate(Gate::Auth, &[Gate::Auth], finding, whom);
        }
        Code::OriginRefused | Code::InsecureContext if !whom.is_empty() => {
            case.corroborate(Gate::Origin, &[Gate::Origin], finding, whom);
        }
        // Who is approved, for less, has passed pairing: why the rest is not granted shuts the scopes.
        _ if diagnosis.cause == Code::ScopeUpgrade && shut_by(&finding) == Some(Gate::Pairing) => {
            case.report_at(Gate::Scopes, finding, whom);
        }
        _ => {
            let mut noted = Noted::new(finding);
            if code == diagnosis.cause {
                noted.steps = steps(&diagnosis.plan);
            }
            case.report(noted, whom);
        }
    }
}

fn is_stale_token(finding: &Finding) -> bool {
    finding.code == crate::finding::Code::Compose(openclaw_compose::finding::Code::StaleToken)
}

/// The first service among the columns.
fn service_of(case: &Case, whom: &[Whom]) -> Option<String> {
    let services = case.clients.iter().filter(|client| client.kind == Kind::Service);
    services.map(|client| &client.name).find(|name| whom.contains(&Whom::Client((*name).clone()))).cloned()
}

/// Whose gate a finding shuts: those whom its lines, rows and texts name. What is about the gateway and names nobody
/// concerns the services that ask it.
fn concerned(case: &mut Case, context: &GatewayContext<'_>, found: &openclaw_pairing::Finding) -> Vec<Whom> {
    let mut whom = Vec::new();
    for peer in &found.clients {
        // Words of transport are everybody's: a text of a service that is not a client says nothing by them.
        let columns = match found.code {
            Code::GatewayUnreachable => context.columns.known(case, peer),
            // The address is the proxy's, which is not a client.
            Code::ProxyUntrusted if peer.output.is_none() => Vec::new(),
            _ => context.columns.laid_to(case, peer),
        };
        for column in columns {
            if !whom.contains(&column) {
                whom.push(column);
            }
        }
    }
    // Where every command on loopback is one device, what its helper waits for its own CLI waits for, too.
    let own = Whom::Client(context.gateway.to_owned());
    let is_helper = |peer: &Peer| {
        peer.mode.as_deref() == Some("backend") && (peer.remote.is_none() || peer.is_on_loopback())
    };
    if WAITS.contains(&found.code)
        && context.is_one_device()
        && found.clients.iter().any(is_helper)
        && case.clients.iter().any(|client| client.name == context.gateway)
        && !whom.contains(&own)
    {
        whom.push(own);
    }
    if whom.is_empty() && ABOUT_THE_GATEWAY.contains(&found.code) {
        whom = columns::of_kind(context.stack.report(), context.gateway, ClientKind::Service);
    }
    whom
}

/// What stands around a refusal.
struct Around<'a> {
    /// The places that hold another token than the gateway enforces.
    other_tokens: Vec<String>,
    /// The gateway's log, and the line of its last start.
    started: Option<(&'a str, u64)>,
}

impl Around<'_> {
    /// Whether all that a finding rests on stands in the gateway's log before its last start.
    fn is_before_the_start(&self, finding: &Finding) -> bool {
        let Some((log, line)) = self.started else { return false };
        !finding.places.is_empty()
            && finding.places.iter().all(|place| place.file == log && u64::from(place.line) < line)
    }
}

/// Where a command line of the stack sent a wrong token: the files show which places hold another one.
fn name_others(finding: &mut Finding, case: &Case, whom: &[Whom], others: &[String]) {
    let is_service =
        |whom: &Whom| case.clients.iter().any(|client| client.kind == Kind::Service && whom.covers(client));
    if let (Some(remedy), false) = (&mut finding.remedy, others.is_empty())
        && whom.iter().all(is_service)
    {
        remedy.text = format!(
            "write the token that the gateway enforces to {} as well, or take the one there out: a client of it may send that",
            others.join(" and ")
        );
    }
}

/// What a device waits for.
const WAITS: &[Code] = &[
    Code::ScopeUpgrade,
    Code::RoleUpgrade,
    Code::MetadataUpgrade,
    Code::PendingApproval,
    Code::OwnApproverMissing,
];

/// Findings that rest on the gateway, its store or a comparison, not on what one client met.
const ABOUT_THE_GATEWAY: &[Code] = &[
    Code::MutualWait,
    Code::NeverAsks,
    Code::RequestRejected,
    Code::SplitState,
    Code::SplitIdentity,
    Code::SplitGateway,
    Code::ListAsymmetry,
    Code::LegacyStore,
    Code::PairingLost,
    Code::GatewayStarting,
    Code::StoreEditedByHand,
];

/// The way out as the ticket shows it.
fn steps(plan: &Plan) -> Vec<NextStep> {
    plan.steps.iter().map(|step| NextStep { text: step.text.clone(), command: step.command() }).collect()
}

/// A device that is connected with scopes passed every gate from the upgrade on. Devices of one client that may do the same
/// say the same.
fn sessions(case: &mut Case, columns: &Columns<'_>, lists: &[(String, DeviceList)]) {
    for (name, list) in lists {
        let devices = list.paired.iter().filter(|device| device.has_live_role("operator"));
        let mut said = BTreeSet::new();
        for device in devices {
            let peer = Peer::from(device);
            if !said.insert((peer.client.clone(), peer.remote.clone(), device.scopes, device.connected)) {
                continue;
            }
            for whom in columns.known(case, &peer) {
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
