//! Claims from what was captured of the running containers: the gateway's log, `docker inspect`, connections in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use openclaw_compose::openclaw::{GatewayView, Manager, Report};
use serde::Deserialize;

use super::case::Case;
use super::codes::{Code, shut_by};
use crate::captured::{Captured, Text};
use crate::clean;
use crate::finding::{Place, Remedy, Safety};
use crate::gates::{Client, Gate, Kind, Whom};
use crate::lifecycle::{Lifecycle, Meaning, lifecycle};

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
                .map(|state| (state.running.unwrap_or(false), state.health.and_then(|health| health.status)))
                .unwrap_or_default();
            Some(Container { service, addresses, running, health })
        })
        .collect();
    containers.sort_by(|a, b| a.service.cmp(&b.service));
    Ok(containers)
}

/// Enters what the gateway's log and its container say.
pub(super) fn enter(
    case: &mut Case,
    gateway: &str,
    clients: &[&str],
    report: &Report,
    captured: &Captured,
    containers: &[Container],
) {
    let whom = &asks(report, clients)[..];
    let running = of_service(containers, gateway).iter().find(|container| container.running);
    if let Some(container) = running
        && container.health.as_deref() == Some("healthy")
    {
        let because = "captured/inspect.json says that the gateway's health check passes";
        pass(case, Gate::Liveness, whom, because);
    }
    // A job may write what it says and what goes wrong to two files.
    for (_, log) in captured.logs.iter().filter(|(service, _)| service == gateway) {
        said(case, gateway, log, report, running.is_some(), containers, whom);
    }
}

/// Enters what one log of a gateway says.
fn said(
    case: &mut Case,
    gateway: &str,
    log: &Text,
    report: &Report,
    is_running: bool,
    containers: &[Container],
    whom: &[Whom],
) {
    let life = lifecycle(&log.text);
    if let Some(line) = life.full {
        let view = report.gateway(gateway);
        full(case, log, line, view, is_running, whom);
    }
    if life.began.is_none() && life.listening.is_none() && life.failed.is_none() {
        return;
    }
    let start = match report.gateway(gateway).and_then(|view| view.manager) {
        Some(manager) => manager.reload(gateway),
        None => format!("docker compose up --detach {gateway}"),
    };
    came_up(case, start, log, &life, whom);
    connections(case, log, containers, whom);
}

/// The command that shows what a job has said.
pub(super) fn log_of(manager: Manager, job: &str) -> String {
    let stem = job.trim_end_matches(".service");
    match manager {
        Manager::UserUnit => format!("journalctl --user -u {job} -o cat > captured/logs/{stem}.log"),
        Manager::SystemUnit => format!("sudo journalctl -u {job} -o cat > captured/logs/{stem}.log"),
        Manager::LaunchAgent | Manager::LaunchDaemon => {
            format!("cp the files of StandardOutPath and StandardErrorPath to captured/logs/{stem}.log")
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

fn pass(case: &mut Case, gate: Gate, whom: &[Whom], because: &str) {
    for whom in whom {
        case.pass(gate, whom.clone(), because);
    }
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
    case.corroborate(Gate::State, &[Gate::State], finding, whom);
}

fn came_up(case: &mut Case, start: String, log: &Text, life: &Lifecycle, whom: &[Whom]) {
    if let Some(line) = life.stopped {
        let because = format!("{}:{line} says that the gateway was stopped", log.name);
        for gate in [Gate::Liveness, Gate::Startup, Gate::Readiness] {
            for whom in whom {
                case.unjudged(gate, whom.clone(), because.clone());
            }
        }
        return;
    }
    // Whoever is ready listens; old releases say only the one.
    if let Some(line) = life.listening.or(life.ready) {
        pass(case, Gate::Liveness, whom, &format!("{}:{line} listening", log.name));
    }
    if let Some(line) = life.ready {
        pass(case, Gate::Startup, whom, &format!("{}:{line} ready", log.name));
        pass(case, Gate::Readiness, whom, &format!("{}:{line} ready", log.name));
        return;
    }
    let Some(failed) = &life.failed else { return };
    let code = match failed.meaning {
        Meaning::Permission => Code::StateRefused,
        Meaning::Configuration => Code::ConfigurationRefused,
        Meaning::BindRefused | Meaning::PortBusy => Code::ListenerRefused,
        Meaning::Credential => Code::CredentialRefused,
        Meaning::Leased => Code::StateLeased,
    };
    let mut finding = code.finding(format!("The gateway did not come up: {}.", failed.meaning.words()));
    finding.places.push(Place::line(&log.name, failed.line));
    if matches!(failed.meaning, Meaning::Leased) {
        finding.remedy = Some(Remedy {
            text: "stop the other gateway that uses this state directory; where there is none, the last one was killed, and what it holds ends within 5 minutes: then start this one again"
                .to_owned(),
            command: Some(start),
            edits: Vec::new(),
            safety: Safety::Judgement,
        });
    }
    if life.starts > 1 {
        finding.evidence.push(format!("the log holds {} starts; this is the last", life.starts));
    }
    let gate = shut_by(&finding).unwrap_or(Gate::Liveness);
    case.corroborate(gate, &[Gate::State, Gate::Listener, Gate::Auth], finding, whom);
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
