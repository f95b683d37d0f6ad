//! Claims from what was captured of the running containers: the gateway's log, `docker inspect`, connections in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use openclaw_compose::finding::Code as Told;
use openclaw_compose::openclaw::{ClientKind, GatewayView, Manager, Namespace, Report, Scope};
use serde::Deserialize;

use super::case::Case;
use super::codes::{Code, shut_by};
use super::failure;
use crate::captured::{Captured, Text};
use crate::clean;
use crate::finding::{self, Finding, Place, Remedy, Safety, Subject};
use crate::gates::{Client, Gate, Kind, Whom};
use crate::lifecycle::{Failure, LastWords, Lifecycle, Listening, Meaning, lifecycle};

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
    if let Some(container) = running
        && container.health.as_deref() == Some("healthy")
    {
        let because = "captured/inspect.json says that the gateway's health check passes";
        pass(case, Gate::Liveness, whom, because);
    }
    // A job may write what it says and what goes wrong to two files.
    for (_, log) in captured.logs.iter().filter(|(service, _)| service == gateway) {
        let is_down = running.is_none() && !of_service(containers, gateway).is_empty();
        let life = lifecycle(&log.text);
        let view = report.gateway(gateway);
        if let Some(line) = life.full {
            full(case, log, line, view, running.is_some(), whom);
        }
        let heard = Heard { gateway, view, published, log, life: &life, report, whom };
        heard.enter(case, is_down);
        if life.began.is_some() || life.came_up().is_some() || life.failed.is_some() {
            connections(case, log, containers, whom);
        }
    }
}

/// Enters what clients say of their own start: it stops nobody else.
pub(super) fn enter_clients(case: &mut Case, report: &Report, captured: &Captured) {
    for (service, log) in &captured.logs {
        let is_client = report.client(service).is_some_and(|client| client.kind == ClientKind::Service)
            && report.gateway(service).is_none();
        if !is_client {
            continue;
        }
        let Some(failure) = lifecycle(&log.text).failed else { continue };
        let is_its_own = matches!(
            failure.meaning,
            Meaning::Denied
                | Meaning::ReadOnly
                | Meaning::NoSuchPath
                | Meaning::VariableUnset
                | Meaning::NewerState
        );
        if !is_its_own || !failure::is_of_state(&failure, None) {
            continue;
        }
        let finding = failure::finding(&failure, &log.name, service, None);
        let told = failure::told_by(failure.meaning);
        let gate = shut_by(&finding).unwrap_or(Gate::State);
        let is_told = |finding: &Finding| is_about(finding, service, told);
        case.confirm(gate, is_told, finding, &[Whom::Client(service.clone())]);
    }
}

/// Whether a finding is one of these, about this service.
fn is_about(finding: &Finding, service: &str, codes: &[Told]) -> bool {
    let is_about = match &finding.subject {
        Subject::Service(name) | Subject::Client(name) => name == service,
        Subject::Stack => true,
        _ => false,
    };
    is_about && matches!(finding.code, finding::Code::Compose(code) if codes.contains(&code))
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
    case.report(finding, whom);
}

/// A gateway's life as its log tells it.
struct Heard<'h> {
    gateway: &'h str,
    view: Option<&'h GatewayView>,
    published: &'h [u16],
    log: &'h Text,
    life: &'h Lifecycle,
    report: &'h Report,
    whom: &'h [Whom],
}

/// Findings of the files that say that a gateway will not start: one that came up refutes them. What no release would take,
/// such as a file that cannot be parsed, is not among them: that was written since.
const PREDICTIONS: &[Told] = &[
    Told::ConfigMissing,
    Told::ModeMissing,
    Told::ConfigUnknownKey,
    Told::ConfigValueRefused,
    Told::BindWithoutAuth,
    Told::AuthAmbiguous,
    Told::ProxyAndToken,
    Told::SecretRefMissing,
    Told::OriginsRequired,
];
/// And these that it may not use its state, unless its log says so itself.
const PREDICTIONS_OF_STATE: &[Told] =
    &[Told::UidDrift, Told::SelinuxLabel, Told::StateReadOnly, Told::HostPathInEnvironment];
/// What Docker shows of a gateway that ended: its log says why.
const ENDS: &[Told] = &[Told::RestartLoop, Told::ContainerExited];

impl Heard<'_> {
    /// `is_down` says that Docker shows its container, and it does not run.
    fn enter(&self, case: &mut Case, is_down: bool) {
        let Self { life, log, whom, .. } = *self;
        if let Some(failure) = &life.failed {
            return self.failed(case, failure, is_down);
        }
        if let Some(words) = life.last_words.as_ref().filter(|words| is_down || self.ended_with(words)) {
            let failure = Failure {
                line: words.line,
                meaning: Meaning::Unknown,
                text: words.text.clone(),
                named: None,
                details: Vec::new(),
                times: 1,
                releases: None,
            };
            return self.failed(case, &failure, is_down);
        }
        if let Some(line) = life.stopped {
            let because = format!("{}:{line} says that the gateway was stopped", log.name);
            for gate in [Gate::Liveness, Gate::Startup, Gate::Readiness] {
                for whom in whom {
                    case.unjudged(gate, whom.clone(), because.clone());
                }
            }
            return;
        }
        if let Some(line) = life.came_up() {
            self.came_up(case, line, is_down);
        }
    }

    /// Whether the log of a gateway that nobody saw come up ends with these words.
    fn ended_with(&self, words: &LastWords) -> bool {
        words.is_last && self.life.came_up().is_none() && self.life.stopped.is_none()
    }

    fn came_up(&self, case: &mut Case, line: usize, is_down: bool) {
        let Self { life, log, whom, .. } = *self;
        // What happened since is for its container to say.
        if !is_down {
            pass(case, Gate::Liveness, whom, &format!("{}:{line} listening", log.name));
            if let Some(line) = life.ready {
                pass(case, Gate::Startup, whom, &format!("{}:{line} ready", log.name));
                pass(case, Gate::Readiness, whom, &format!("{}:{line} ready", log.name));
            }
        }
        let because =
            format!("a doubt: {}:{line} shows that it came up all the same, or before that was so", log.name);
        case.refute(|finding| self.is_ours(finding, PREDICTIONS), &because);
        // It was started again until it came up.
        if !is_down {
            case.refute(|finding| self.is_ours(finding, &[Told::RestartLoop]), &because);
        }
        let mut told: Vec<&str> = Vec::new();
        let mut keeps_state = true;
        for refused in &life.refused {
            let path = refused.named.as_deref().unwrap_or_default();
            if !told.contains(&path) {
                told.push(path);
                keeps_state &= !self.path_refused(case, refused);
            }
        }
        if keeps_state {
            case.refute(|finding| self.is_ours(finding, PREDICTIONS_OF_STATE), &because);
        }
        if let Some(listening) = life.listening {
            self.listens(case, listening);
        }
    }

    /// Whether somebody from outside its container is in its log.
    fn was_reached(&self) -> bool {
        let lines = self.log.text.lines().filter(|line| line.contains("[ws] "));
        let mut addresses = lines.flat_map(|line| line.split(' ')).filter_map(|word| {
            let address = word.strip_prefix("remote=").or_else(|| word.strip_prefix("fwd="))?;
            address.parse::<IpAddr>().ok()
        });
        addresses.any(|address| !address.is_loopback())
    }

    /// Enters a path that a gateway which runs may not use; true if its state is concerned.
    fn path_refused(&self, case: &mut Case, refused: &Failure) -> bool {
        let Self { log, view, whom, .. } = *self;
        let finding = failure::path_refused(refused, &log.name, view);
        let Some(gate) = shut_by(&finding) else {
            case.add(finding);
            return false;
        };
        let told = failure::told_by(refused.meaning);
        case.confirm(gate, |finding| self.is_ours(finding, told), finding, whom);
        true
    }

    fn failed(&self, case: &mut Case, failure: &Failure, is_down: bool) {
        let Self { gateway, log, life, view, whom, .. } = *self;
        let mut finding = failure::finding(failure, &log.name, gateway, view);
        if life.starts > 1 && failure.times == 1 {
            finding.evidence.push(format!("the log holds {} starts; this is the last", life.starts));
        }
        // A job is loaded again, and no container started.
        if let (Some(manager), Some(remedy)) = (view.and_then(|view| view.manager), &mut finding.remedy)
            && remedy.command.is_some()
        {
            remedy.command = Some(manager.reload(gateway));
        }
        let because = format!("{}:{} says why ({})", log.name, failure.line, finding.code);
        case.explain(|finding| self.is_ours(finding, ENDS), &because);
        let gate = match shut_by(&finding).unwrap_or(Gate::Liveness) {
            // That it ended is known; that it is down, nobody showed.
            Gate::Liveness if !is_down => Gate::Startup,
            gate => gate,
        };
        let told = failure::told_by(failure.meaning);
        case.confirm(gate, |finding| self.is_ours(finding, told), finding, whom);
    }

    /// Where the log says that it listens, whatever the files do.
    fn listens(&self, case: &mut Case, listening: Listening) {
        let Self { gateway, log, view, published, report, whom, .. } = *self;
        let Listening { line, on_loopback: Some(on_loopback), port } = listening else { return };
        if !on_loopback {
            let because = format!("a doubt: {}:{line} shows that it listens beyond loopback", log.name);
            case.refute(|finding| self.is_ours(finding, &[Told::LoopbackBind]), &because);
            return;
        }
        let lives_alone = report
            .namespaces
            .of
            .get(gateway)
            .is_some_and(|namespace| matches!(namespace, Namespace::Service(owner) if owner == gateway));
        // What the files themselves say of loopback, they say client by client; and a server in the same container may
        // stand before it.
        if !lives_alone || view.is_none_or(|view| view.bind == Scope::Loopback) || self.was_reached() {
            return;
        }
        let is_published = port.is_some_and(|port| published.contains(&port));
        let apart: Vec<Whom> = case
            .clients
            .iter()
            .filter(|client| whom.iter().any(|whom| whom.covers(client)))
            .filter(|client| match client.kind {
                Kind::Service => client.name != gateway && !report.namespaces.share(gateway, &client.name),
                _ => is_published,
            })
            .map(|client| Whom::Client(client.name.clone()))
            .collect();
        if apart.is_empty() {
            return;
        }
        let mut finding = Code::LoopbackSeen.finding(format!(
            "{gateway} listens on the loopback of its own container alone, whatever its files say: a published port leads nowhere."
        ));
        finding.places.push(Place::line(&log.name, line));
        finding.remedy = Some(Remedy {
            text: "see with which --bind, and with which openclaw.json, the container starts it: that bind counts, not the one in this file"
                .to_owned(),
            command: Some(format!("docker compose top {gateway}")),
            edits: Vec::new(),
            safety: Safety::Judgement,
        });
        case.report(finding, &apart);
    }

    /// Whether a finding is one of these, about this gateway.
    fn is_ours(&self, finding: &Finding, codes: &[Told]) -> bool {
        is_about(finding, self.gateway, codes)
    }
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
