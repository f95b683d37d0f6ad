//! Claims from what was captured of the running containers: the gateway's log, `docker inspect`, connections in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use openclaw_compose::openclaw::{ClientKind, ClientView, GatewayView, Manager, Report};
use openclaw_pairing::Symptom;
use openclaw_pairing::timeline::Fault;
use serde::Deserialize;

use super::case::Case;
use super::codes::{Code, shut_by};
use super::heard::{ENDS, Heard, is_about, pass};
use super::{failure, jobs};
use crate::captured::{Captured, Text};
use crate::clean;
use crate::finding::{Finding, Place, Remedy, Safety};
use crate::gates::{Client, Gate, Kind, Whom};
use crate::lifecycle::Failure;

/// A container as `docker inspect` shows it, as far as the gates need it.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) service: String,
    pub(super) addresses: Vec<IpAddr>,
    running: bool,
    health: Option<String>,
}

impl Container {
    pub(super) fn is_running(&self) -> bool {
        self.running
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    state: Option<InspectedState>,
    config: Option<InspectedConfig>,
    network_settings: Option<InspectedNetworks>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    running: Option<bool>,
    /// To the engine, one that waits to be started again is running.
    restarting: Option<bool>,
    health: Option<InspectedHealth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHealth {
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedNetworks {
    networks: Option<BTreeMap<String, InspectedNetwork>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedNetwork {
    #[serde(rename = "IPAddress")]
    address: Option<String>,
}

/// The containers of a service, of all as [`containers`] gives them.
pub(super) fn of_service<'c>(containers: &'c [Container], service: &str) -> &'c [Container] {
    let from = containers.partition_point(|container| container.service.as_str() < service);
    let rest = containers.get(from..).unwrap_or_default();
    rest.get(..rest.partition_point(|container| container.service == service)).unwrap_or_default()
}

/// Reads `docker inspect`: the containers in the order of their services.
///
/// # Errors
/// Line and column where it is not the JSON of `docker inspect`. The parser's own words may quote the text, and the
/// text may hold a token, so they are not passed on.
pub(super) fn containers(text: &str) -> Result<Vec<Container>, (usize, usize)> {
    let inspected: Vec<Inspected> =
        serde_json::from_str(text).map_err(|error| (error.line(), error.column()))?;
    let mut containers: Vec<Container> = inspected
        .into_iter()
        .filter_map(|container| {
            let service = container.config?.labels?.remove("com.docker.compose.service")?;
            let networks =
                container.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
            let addresses =
                networks.values().filter_map(|network| network.address.as_ref()?.parse().ok()).collect();
            let (running, health) = container
                .state
                .map(|state| {
                    let runs = state.running.unwrap_or(false) && !state.restarting.unwrap_or(false);
                    (runs, state.health.and_then(|health| health.status))
                })
                .unwrap_or_default();
            Some(Container { service, addresses, running, health })
        })
        .collect();
    containers.sort_by(|a, b| a.service.cmp(&b.service));
    Ok(containers)
}

/// A gateway of the stack.
#[derive(Clone, Copy)]
pub(super) struct Of<'o> {
    pub(super) gateway: &'o str,
    pub(super) clients: &'o [&'o str],
    /// The ports of its container that are published.
    pub(super) published: &'o [u16],
}

/// Enters what a gateway's log and its container say.
pub(super) fn enter(
    case: &mut Case,
    of: Of<'_>,
    report: &Report,
    captured: &Captured,
    containers: &[Container],
) {
    let Of { gateway, clients, published } = of;
    let whom = &asks(report, clients)[..];
    let running = of_service(containers, gateway).iter().find(|container| container.running);
    let view = report.gateway(gateway);
    let job = jobs::loaded(view, captured);
    if let Some(container) = running
        && container.health.as_deref() == Some("healthy")
    {
        let because = "captured/inspect.json says that the gateway's health check passes";
        pass(case, Gate::Liveness, whom, because);
    }
    // A job may write what it says and what goes wrong to two files.
    for (_, log) in captured.logs.iter().filter(|(service, _)| service == gateway) {
        let is_gone = running.is_none() && !of_service(containers, gateway).is_empty();
        let is_down = is_gone || job.as_ref().is_some_and(jobs::Loaded::is_down);
        let life = log.life();
        if let Some(line) = life.full {
            full(case, log, line, view, running.is_some(), whom);
        }
        let heard = Heard { gateway, view, published, log, life, report, whom };
        heard.enter(case, is_down);
        if life.began.is_some() || life.came_up().is_some() || life.failed.is_some() {
            connections(case, log, containers, whom);
        }
    }
    if let Some(job) = job {
        job.enter(case, gateway, view, whom);
    }
}

/// Enters why a proxy of the stack ended: whoever comes through it gets nowhere.
pub(super) fn enter_proxies(case: &mut Case, report: &Report, captured: &Captured, containers: &[Container]) {
    for (service, log) in &captured.logs {
        let comes_through = |client: &&ClientView| {
            client.proxy.as_ref().is_some_and(|proxy| proxy.service.as_ref() == Some(service))
        };
        let behind = report.clients.iter().filter(comes_through);
        let behind: Vec<Whom> = behind.map(|client| Whom::Client(client.name.clone())).collect();
        let own = of_service(containers, service);
        if behind.is_empty() || own.is_empty() || own.iter().any(Container::is_running) {
            continue;
        }
        let Some(words) = &log.life().last_words else { continue };
        let finding = failure::finding(&Failure::unknown(words), &log.name, service, None);
        let because = format!("{}:{} says why ({})", log.name, words.line, finding.code);
        case.explain(|finding| is_about(finding, service, ENDS), &because);
        case.report(finding, &behind);
    }
}

/// Enters what clients say of their own start: it stops nobody else.
pub(super) fn enter_clients(case: &mut Case, report: &Report, captured: &Captured) {
    for (service, log) in &captured.logs {
        if let Some(finding) = helped(report, service, log).or_else(|| refused(report, service, log)) {
            super::columns::column(case, Kind::Service, service);
            case.report(finding, &[Whom::Client(service.clone())]);
            continue;
        }
        let is_client = report.client(service).is_some_and(|client| client.kind == ClientKind::Service);
        // What a shell or a one-off container printed: its name is that of no service, and its words are the CLI's.
        let is_one_off = report.client(service).is_none() && log.text.contains("Failed to start CLI");
        if report.gateway(service).is_some() || !(is_client || is_one_off) {
            continue;
        }
        let Some(failure) = &log.life().failed else { continue };
        let is_its_own = matches!(
            failure.fault,
            Fault::PathDenied
                | Fault::PathReadOnly
                | Fault::PathMissing
                | Fault::VariableUnset
                | Fault::StateNewer
        );
        if !is_its_own || !failure::is_of_state(failure, None) {
            continue;
        }
        super::columns::column(case, Kind::Service, service);
        let finding = failure::finding(failure, &log.name, service, None);
        let told = failure::told_by(failure.fault);
        let gate = shut_by(&finding).unwrap_or(Gate::State);
        let is_told = |finding: &Finding| is_about(finding, service, told);
        case.confirm(gate, is_told, finding, &[Whom::Client(service.clone())]);
    }
}

/// Where no service runs a gateway: one whose command ends with the help of OpenClaw's CLI was meant to.
fn helped(report: &Report, service: &str, log: &Text) -> Option<Finding> {
    if !report.gateways.is_empty() {
        return None;
    }
    let line = log.text.lines().position(|line| line.contains("Usage: openclaw [options] [command]"))? + 1;
    let mut finding = Code::NoGateway.finding(format!(
        "{service} prints the help of OpenClaw's command line and ends: its command names no subcommand."
    ));
    finding.places.push(Place::line(&log.name, line));
    finding.remedy = Some(Remedy {
        text: format!(
            "write `gateway`, with its --bind, behind the program in the command of {service}; then make the container anew"
        ),
        command: Some(format!("docker compose up -d {service}")),
        edits: Vec::new(),
        safety: Safety::Judgement,
    });
    Some(finding)
}

/// Where no service runs a gateway: who asks one is refused, whatever the programs of the stack say of it.
fn refused(report: &Report, service: &str, log: &Text) -> Option<Finding> {
    if !report.gateways.is_empty() {
        return None;
    }
    let last = log.timeline().marks.last().filter(|mark| mark.symptom == Symptom::Unreachable)?;
    let mut finding = Code::NoGateway
        .finding(format!("{service} asks for a gateway and is refused: no service of this stack runs one."));
    finding.places.push(Place::line(&log.name, usize::try_from(last.line).ok()?));
    finding.evidence.push(
        "a service runs one if its command is, or its entrypoint script ends with, `openclaw gateway run`"
            .to_owned(),
    );
    finding.remedy = Some(Remedy {
        text: "have a service run `openclaw gateway run --bind lan`, as its command or in its entrypoint; `openclaw gateway status` ends with 0 whether one runs or not, so a script may not ask that".to_owned(),
        command: None,
        edits: Vec::new(),
        safety: Safety::TextOnly,
    });
    Some(finding)
}

/// The command that shows what a job has said.
pub(super) fn log_of(manager: Manager, job: &str) -> String {
    let stem = job.trim_end_matches(".service");
    match manager {
        Manager::UserUnit => format!("journalctl --user -u {job} -o cat > captured/logs/{stem}.log"),
        Manager::SystemUnit => format!("sudo journalctl -u {job} -o cat > captured/logs/{stem}.log"),
        Manager::LaunchAgent | Manager::LaunchDaemon => {
            format!("cat ~/.openclaw/logs/gateway*.log > captured/logs/{stem}.log")
        }
    }
}

/// Whom a gateway's life concerns: everyone, or where there are several gateways, its own clients.
fn asks(report: &Report, clients: &[&str]) -> Vec<Whom> {
    if report.gateways.len() < 2 {
        return vec![Whom::Everyone];
    }
    clients.iter().map(|client| Whom::Client((*client).to_owned())).collect()
}

/// The disk is full: what can be made again goes, then the gateway is started again, for it does not open its database
/// a second time by itself.
fn full(
    case: &mut Case,
    log: &Text,
    line: usize,
    gateway: Option<&GatewayView>,
    running: bool,
    whom: &[Whom],
) {
    let mut finding = Code::DiskFull.finding(
        "The disk with the gateway's state is full: it can keep nothing, and a client may wait in vain for an answer, whatever its probes say.",
    );
    finding.places.push(Place::line(&log.name, line));
    if let Some(GatewayView { service, state_dir, manager: Some(manager), .. }) = gateway {
        finding.remedy = Some(Remedy {
            text: "make room on that disk: the gateway's cache may go, it is made again; then start it again"
                .to_owned(),
            command: Some(format!("rm -r {state_dir}/cache\n{}", manager.reload(service))),
            edits: Vec::new(),
            safety: Safety::Judgement,
        });
    } else if let Some(GatewayView { service, state_dir, stranded_by_restart, .. }) = gateway {
        let remove = if running { "exec -T" } else { "run --rm --no-deps -T --entrypoint rm" };
        let program = if running { " rm" } else { "" };
        // Whoever lives in its network namespace follows it: both at once, and Docker finds no namespace to join.
        let others = match stranded_by_restart.join(" ") {
            none if none.is_empty() => none,
            others => format!("\ndocker compose restart {others}"),
        };
        finding.remedy = Some(Remedy {
            text: "make room on that disk: the gateway's cache may go, it is made again; then start it again"
                .to_owned(),
            command: Some(format!(
                "docker compose {remove} {service}{program} -rf {state_dir}/cache\ndocker compose restart {service}{others}"
            )),
            edits: Vec::new(),
            safety: Safety::Judgement,
        });
    }
    case.report(finding, whom);
}

/// A connect frame in the log proves that the upgrade was granted and the challenge answered, for whoever sent it.
fn connections(case: &mut Case, log: &Text, containers: &[Container], whom: &[Whom]) {
    let services: BTreeMap<IpAddr, &str> = containers
        .iter()
        .rev()
        .flat_map(|container| {
            container.addresses.iter().map(|address| (*address, container.service.as_str()))
        })
        .collect();
    let mut arrived = BTreeSet::new();
    for (index, raw) in log.text.lines().enumerate() {
        if !raw.contains("lastFrameMethod=connect") {
            continue;
        }
        let text = clean::line(raw);
        let field = |name: &str| text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let Some(remote) = field("remote").and_then(|remote| remote.parse::<IpAddr>().ok()) else { continue };
        let who = match (field("origin"), services.get(&remote)) {
            (Some(origin), _) if origin != "n/a" => Arrived::Browser,
            (_, Some(service)) => Arrived::Service(service),
            (_, None) if remote.is_loopback() => Arrived::Neighbour,
            (_, None) => continue,
        };
        // Whoever sends one sends many: the first shows it.
        if !arrived.insert(who) {
            continue;
        }
        let is_it = |client: &&Client| match who {
            Arrived::Browser => client.kind == Kind::Browser,
            Arrived::Service(name) => client.name == name,
            Arrived::Neighbour => client.kind == Kind::Service,
        };
        let names: Vec<String> = case
            .clients
            .iter()
            .filter(|client| whom.iter().any(|whom| whom.covers(client)))
            .filter(is_it)
            .map(|client| client.name.clone())
            .collect();
        for name in names {
            let because = format!("{}:{} a connect frame arrived", log.name, index + 1);
            case.pass(Gate::Upgrade, Whom::Client(name), because);
        }
    }
}

/// From where a connect frame came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrived<'a> {
    /// A page.
    Browser,
    /// Loopback of the gateway's namespace: the services that share it.
    Neighbour,
    /// This service's container.
    Service(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inspect_is_read_and_broken_inspect_is_placed_without_its_words() {
        let text = r#"[{"State":{"Running":true,"Health":{"Status":"healthy"}},
          "Config":{"Labels":{"com.docker.compose.service":"gw"},"Env":["A=b"]},
          "NetworkSettings":{"Networks":{"n":{"IPAddress":"172.20.0.2"},"m":{"IPAddress":""}}}},{"Id":"x"}]"#;
        let containers = containers(text).unwrap();
        assert_eq!(containers.len(), 1);
        assert_eq!(containers[0].addresses, ["172.20.0.2".parse::<IpAddr>().unwrap()]);
        assert!(containers[0].running);
        assert_eq!(super::containers("[{\"State\":\n canary").unwrap_err().0, 2);
    }
}
