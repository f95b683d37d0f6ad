//! What openclaw-compose says about the files of a stack, entered into the case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use openclaw_compose::edit::{self, LineKind};
use openclaw_compose::finding::{Code, Finding as ComposeFinding, Severity, Subject};
use openclaw_compose::openclaw::{
    self, Auth, ClientKind, ClientView, GateState, Manager, Report, TokenSourceView,
};
use openclaw_compose::project::{Node, Resolution, Service};
use openclaw_compose::source::{Sources, Span};
use openclaw_pairing::plan::{Engine, Topology};
use secrecy::SecretString;

use super::case::Case;
use super::codes::Code as OwnCode;
use super::columns::Columns;
use super::life::{self, Container};
use super::topology;
use crate::captured::{Captured, OWNERS};
use crate::finding::{Finding, Place};
use crate::gates::{Client, FindingId, Gate, Kind, Whom};
use crate::ticket::{Excerpt, Noted};

/// Each of so many gateways is asked about each text, whoever it is of.
const FEW: usize = 16;

/// A stack as its files describe it.
#[derive(Debug)]
pub(super) struct ExaminedStack {
    resolution: Resolution,
    report: Report,
    /// Who asks each service: a gateway's clients, those who come through a proxy, and a client for itself.
    asking: BTreeMap<String, Vec<String>>,
}

impl ExaminedStack {
    /// The stack of a project.
    pub(super) fn new(resolution: Resolution, report: Report) -> Self {
        let services = report.gateways.iter().map(|gateway| (gateway.service.clone(), Vec::new()));
        let mut asking: BTreeMap<String, Vec<String>> = services.collect();
        for ClientView { name, gateway, proxy, .. } in &report.clients {
            asking.entry(name.clone()).or_insert_with(|| vec![name.clone()]);
            if let Some(clients) = asking.get_mut(gateway) {
                clients.push(name.clone());
            }
            if let Some(proxy) = proxy.as_ref().and_then(|proxy| proxy.service.as_ref()) {
                asking.entry(proxy.clone()).or_default().push(name.clone());
            }
        }
        Self { resolution, report, asking }
    }

    /// Enters findings, clients and their gates.
    pub(super) fn enter(&self, case: &mut Case) {
        for client in &self.report.clients {
            let kind = match client.kind {
                ClientKind::Service => Kind::Service,
                ClientKind::Browser => Kind::Browser,
                ClientKind::Host => Kind::Host,
            };
            case.clients.push(Client { kind, name: client.name.clone(), url: client.url.clone() });
        }
        // The gateway's own service stands for a CLI run inside it: the way out, not the way in.
        let gateways = self.gateway_services();
        case.clients.sort_by_key(|client| (gateways.contains(client.name.as_str()), client.kind));
        self.enter_project(case);
        self.enter_gates(case);
        if case.clients.is_empty() {
            case.clients.push(Client { kind: Kind::Service, name: "any client".into(), url: None });
            let told = self.report.of_code(Code::NoGateway).next();
            if let Some(doubt) = told.filter(|told| told.severity < Severity::Error) {
                case.maybe(Gate::State, Whom::Everyone, doubt.summary.clone());
            }
            if told.is_none() {
                let summary = "No service of this stack runs the gateway: no client can get a session here.";
                case.report(OwnCode::NoGateway.finding(summary), &[Whom::Everyone]);
            }
        }
    }

    /// What is wrong with the project itself stops whatever would be started from it.
    fn enter_project(&self, case: &mut Case) {
        // Jobs of the host need no Compose file.
        let is_needed = |finding: &&ComposeFinding| finding.code != Code::NoComposeFile || !self.is_of_jobs();
        let is_filled_in = self.lacks_only_what_umbrel_fills_in();
        for finding in self.resolution.findings().iter().filter(is_needed) {
            if finding.code == Code::NoImage && is_filled_in {
                let mut doubt = finding.clone();
                doubt.severity = Severity::Warning;
                doubt.summary.push_str("; Umbrel fills it in, which starts this file with one of its own");
                self.add(case, &doubt, &[]);
                continue;
            }
            self.add(case, finding, &[Whom::Everyone]);
        }
    }

    /// Whether the one service without an image is the one that an app of Umbrel has for Umbrel's own proxy.
    fn lacks_only_what_umbrel_fills_in(&self) -> bool {
        let lacks = |service: &Service<'_>| service.field("image").or(service.field("build")).is_none();
        let mut lacking = self.resolution.services().filter(lacks);
        let (Some(only), None) = (lacking.next(), lacking.next()) else { return false };
        let environment = only.field("environment").and_then(Node::as_map);
        let mut variables = environment.into_iter().flat_map(|map| map.entries());
        only.name() == "app_proxy" && variables.any(|variable| &*variable.key == "APP_HOST")
    }

    /// The gates that the files can judge, client by client, and the findings that the red ones rest on.
    fn enter_gates(&self, case: &mut Case) {
        let findings = self.report.findings.iter();
        let ids: Vec<FindingId> =
            findings.map(|finding| self.add(case, finding, &self.stops(finding))).collect();
        for client in &self.report.clients {
            let whom = Whom::Client(client.name.clone());
            for view in &client.gates {
                let gate = gate(view.gate);
                let behind = view.finding.and_then(|id| ids.get(id.index()));
                match (view.state, behind) {
                    (GateState::Green, _) => case.pass(gate, whom.clone(), view.because.clone()),
                    (GateState::Red, Some(id)) => case.shut(gate, *id, std::slice::from_ref(&whom)),
                    // A test of openclaw-compose holds that there is no other red gate.
                    (GateState::Red, None) => case.unjudged(gate, whom.clone(), view.because.clone()),
                    (GateState::Unknown, _) => case.maybe(gate, whom.clone(), view.because.clone()),
                }
            }
        }
    }

    /// Whom a finding stops by itself, beside the gates that rest on it.
    fn stops(&self, finding: &ComposeFinding) -> Vec<Whom> {
        match (finding.code, &finding.subject) {
            // A gateway that does not run is dead for everyone who asks it, whatever the files say; a client for itself.
            (
                Code::RestartLoop
                | Code::ContainerExited
                | Code::OutOfMemory
                | Code::StopGraceTooShort
                | Code::HostPortTaken
                | Code::MountRefused
                | Code::EntrypointRefused
                | Code::NeverStarted
                | Code::WaitsForUnhealthy,
                Subject::Service(name) | Subject::Client(name),
            ) => self.asked_by(name),
            // Nobody can say what a file of the state holds that cannot be read.
            (unread, _) if unread < Code::YamlSyntax => vec![Whom::Everyone],
            _ => Vec::new(),
        }
    }

    /// Whoever asks a service: a gateway is asked by its clients, of one alone everyone; a client asks for itself.
    fn asked_by(&self, service: &str) -> Vec<Whom> {
        if let [only] = &self.report.gateways[..]
            && only.service == service
        {
            return vec![Whom::Everyone];
        }
        self.asking.get(service).into_iter().flatten().cloned().map(Whom::Client).collect()
    }

    fn add(&self, case: &mut Case, found: &ComposeFinding, whom: &[Whom]) -> FindingId {
        let sources = self.sources();
        let mut finding = Finding::from(found.clone());
        // Compose's own words quote the whole template, and a default in it may be a token.
        if found.code == Code::BadTemplate {
            finding.summary = found.code.meaning().to_owned();
        }
        finding.places.retain(|place| place.file != OWNERS);
        let openable = found.places.iter().filter(|place| place.file != OWNERS);
        let places = openable.enumerate().filter(|_| is_quotable(found.code));
        let excerpts = places.filter_map(|(place, at)| excerpt(sources, place, at.span)).collect();
        let changes = changes(&finding, sources);
        case.report(Noted { excerpts, changes, ..Noted::new(finding) }, whom)
    }

    /// Whose session the stack is for: its clients beside the gateway, whose own command line is there in any stack.
    pub(super) fn concerned(&self, clients: &[Client]) -> Vec<String> {
        let gateways = self.gateway_services();
        let kind = if self.is_of_jobs() { Kind::Host } else { Kind::Service };
        let is_beside = |client: &&Client| client.kind == kind && !gateways.contains(client.name.as_str());
        let of_the_stack = clients.iter().filter(is_beside);
        of_the_stack.map(|client| client.name.clone()).collect()
    }

    /// The service manager that keeps a gateway; nothing for a container.
    pub(super) fn manager(&self, gateway: &str) -> Option<Manager> {
        self.report.gateway(gateway)?.manager
    }

    /// Whether service managers of the host run the gateways.
    pub(super) fn is_of_jobs(&self) -> bool {
        self.report.gateways.iter().any(|gateway| gateway.manager.is_some())
    }

    fn gateway_services(&self) -> BTreeSet<&str> {
        self.report.gateways.iter().map(|gateway| gateway.service.as_str()).collect()
    }

    /// The project that the containers are of, where the files have another name for it.
    pub(super) fn runs_as(&self) -> Option<&str> {
        self.report.runs_as.as_deref()
    }

    /// The service that runs the gateway; failing that, the one that may, or what it is usually called.
    pub(super) fn gateway(&self) -> &str {
        let may_be = || {
            self.report.of_code(Code::NoGateway).find_map(|finding| match &finding.subject {
                Subject::Service(name) => Some(name.as_str()),
                _ => None,
            })
        };
        let known = self.report.gateways.first().map(|gateway| gateway.service.as_str());
        known.or_else(may_be).unwrap_or("openclaw-gateway")
    }

    /// Whether the project has a service of that name.
    pub(super) fn has_service(&self, name: &str) -> bool {
        self.resolution.service(name).is_some()
    }

    /// The services that run a gateway, or what one is usually called.
    pub(super) fn gateways(&self) -> Vec<&str> {
        let gateways: Vec<&str> =
            self.report.gateways.iter().map(|gateway| gateway.service.as_str()).collect();
        if gateways.is_empty() { vec![self.gateway()] } else { gateways }
    }

    /// The ports of a service's container that it publishes.
    pub(super) fn published(&self, service: &str) -> Vec<u16> {
        let service = self.resolution.service(service);
        let ports = service.map(|service| service.items("ports")).unwrap_or_default();
        let target = |port: &Node| {
            let target = port.get("target")?;
            let number = target.as_int().and_then(|number| u16::try_from(number).ok());
            number.or_else(|| target.text()?.expose().parse().ok())
        };
        ports.iter().filter_map(target).collect()
    }

    /// The clients of each gateway, by its service.
    pub(super) fn clients(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut of_gateway: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for client in &self.report.clients {
            of_gateway.entry(client.gateway.as_str()).or_default().push(client.name.as_str());
        }
        of_gateway
    }

    /// The gateways that evidence of pairing may be about: all, or of very many those of which a text was captured.
    pub(super) fn heard(&self, captured: &Captured) -> Vec<&str> {
        let spoke: BTreeSet<&str> = captured.services().map(|(_, service)| service).collect();
        if spoke.is_empty() {
            return Vec::new();
        }
        let gateways = self.gateways();
        let are_few = gateways.len() <= FEW;
        gateways.into_iter().filter(|gateway| are_few || spoke.contains(gateway)).collect()
    }

    /// What pairing needs to know of one gateway and its clients.
    pub(super) fn pairing<'s>(
        &'s self,
        gateway: &'s str,
        now_ms: Option<u64>,
        containers: &'s [Container],
        captured: &'s Captured,
    ) -> super::devices::GatewayContext<'s> {
        let view = self.report.gateway(gateway);
        let version = view.map_or(&self.report.version, |view| &view.version);
        super::devices::GatewayContext {
            gateway,
            version: version.version.map(|version| version.to_string()),
            now_ms,
            columns: Columns::of(gateway, &self.resolution, &self.report, containers, captured.services()),
            stack: self,
            containers,
        }
    }

    /// The first service that is a client of a gateway, or the gateway itself.
    pub(super) fn first_client<'s>(&'s self, gateway: &'s str) -> &'s str {
        let of_gateway =
            |client: &&ClientView| client.kind == ClientKind::Service && client.gateway == gateway;
        let mut clients = self.report.clients.iter().filter(of_gateway).map(|client| client.name.as_str());
        clients.find(|name| *name != gateway).unwrap_or(gateway)
    }

    /// How commands reach a gateway and one of its clients.
    pub(super) fn topology(&self, gateway: &str, client: &str, containers: &[Container]) -> Topology {
        let view = self.report.gateway(gateway);
        let config = view.map(|view| view.config.clone());
        if let Some(container) = view.and_then(|view| view.container.as_deref()) {
            let mut topology =
                Topology::new(Engine::Podman, container, if client == gateway { container } else { client });
            topology.gateway_config = config;
            return topology;
        }
        if self.is_of_jobs() {
            let mut topology = Topology::new(Engine::Host, gateway, client);
            topology.shared_namespace = true;
            topology.shared_state = client != gateway;
            topology.gateway_config = config;
            return topology;
        }
        let running = life::of_service(containers, client).iter().any(Container::is_running);
        let service = self.resolution.service(client);
        let words = service.map(|service| service.items("entrypoint")).unwrap_or_default();
        let last = words
            .last()
            .and_then(Node::text)
            .map(|word| word.expose().rsplit('/').next().unwrap_or_default());
        let cli_is_entrypoint = last.is_some_and(|last| CLI.contains(&last));
        // A container that is made to wait would run its own command, not the one that it is given.
        let waits = !words.is_empty() && !cli_is_entrypoint;
        let engine = if running || waits { Engine::ComposeExec } else { Engine::ComposeRun };
        let mut topology = Topology::new(engine, gateway, client);
        topology.shared_namespace = self.report.namespaces.share(gateway, client);
        topology.cli_is_entrypoint = cli_is_entrypoint;
        topology.shared_state = client != gateway && self.share_state(gateway, client);
        topology.gateway_config = config;
        // A URL makes it ask as any client from outside; without one, it reads the gateway's own state.
        if client == gateway && self.sets_url(gateway) {
            topology.cli = ["env", "-u", URL, "openclaw"].map(str::to_owned).to_vec();
        }
        topology
    }

    /// Whether a service's environment names the gateway's URL.
    fn sets_url(&self, service: &str) -> bool {
        let environment =
            self.resolution.service(service).and_then(|service| service.field("environment")?.as_map());
        environment.into_iter().flat_map(|map| map.entries()).any(|variable| &*variable.key == URL)
    }

    /// Whether a client mounts what a gateway keeps its state in.
    fn share_state(&self, gateway: &str, client: &str) -> bool {
        let Some(view) = self.report.gateway(gateway) else { return false };
        let text = |mount: &Node, key: &str| {
            mount.get(key).and_then(Node::text).map(|text| text.expose().to_owned())
        };
        let mounts = |service: &str| {
            self.resolution.service(service).map(|service| service.items("volumes")).unwrap_or_default()
        };
        let holds = |mount: &&Node| {
            text(mount, "target").is_some_and(|target| Path::new(&view.state_dir).starts_with(target))
        };
        let states: Vec<String> =
            mounts(gateway).iter().filter(holds).filter_map(|mount| text(mount, "source")).collect();
        mounts(client).iter().filter_map(|mount| text(mount, "source")).any(|source| states.contains(&source))
    }

    /// The release and how it is known.
    pub(super) fn version(&self) -> String {
        match self.report.version.version {
            Some(version) => format!("{version} ({})", self.report.version.from),
            None => "of unknown release, judged by the newest rules".to_owned(),
        }
    }

    /// Where everybody stands.
    pub(super) fn places(&self) -> crate::topology::Topology {
        topology::topology(&self.resolution, &self.report)
    }

    /// The places of a gateway's own configuration and of its clients that hold another token than it enforces.
    pub(super) fn other_tokens(&self, gateway: &str) -> Vec<String> {
        if self.report.gateway(gateway).is_none_or(|gateway| gateway.auth != Auth::Token) {
            return Vec::new();
        }
        let sources = || self.report.tokens.iter();
        let is_its = |source: &&TokenSourceView| source.service.as_deref() == Some(gateway);
        let enforced = sources().filter(is_its).find(|source| source.wins_server);
        let Some(enforced) = enforced.and_then(|source| source.class.as_deref()) else { return Vec::new() };
        let mut others: Vec<String> = Vec::new();
        for source in
            sources().filter(|source| source.class.as_deref().is_some_and(|class| class != enforced))
        {
            let Some(place) = &source.place else { continue };
            let other = format!("{} ({}:{})", source.source, place.file, place.line);
            if !others.contains(&other) {
                others.push(other);
            }
        }
        others
    }

    /// What openclaw-compose found.
    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    pub(super) fn resolution(&self) -> &Resolution {
        &self.resolution
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.report.sources
    }

    /// Names of the texts that were read, evidence that was captured aside.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for id in self.sources().ids() {
            let name = self.sources().name(id);
            let is_file = !name.is_empty() && !name.starts_with("captured/") && name != OWNERS;
            if is_file && known.insert(name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// The value that wins for the server.
    pub(super) fn enforced_token(&self) -> Option<SecretString> {
        self.report.tokens.iter().find(|source| source.wins_server)?.value.clone()
    }
}

/// What OpenClaw's CLI is called as the last word of an entrypoint.
/// The variable that sends OpenClaw's command line to a gateway as a client from outside.
const URL: &str = "OPENCLAW_GATEWAY_URL";

const CLI: &[&str] = &["openclaw", "openclaw.mjs", "index.js"];

/// Enters `docker inspect`: the containers, or that they cannot be read.
pub(super) fn containers(case: &mut Case, captured: &Captured) -> Vec<Container> {
    let Some(inspect) = &captured.inspect else { return Vec::new() };
    match life::containers(&inspect.text) {
        Ok(containers) => containers,
        Err((line, column)) => {
            let because = format!("{}:{line}:{column} is not the JSON of docker inspect", inspect.name);
            case.unjudged(Gate::Liveness, Whom::Everyone, because);
            Vec::new()
        }
    }
}

/// Enters captured files that could not be read: each should have shown some gates.
pub(super) fn faults(case: &mut Case, gateway: &str, captured: &Captured, report: &Report) {
    for finding in report.of_code(Code::ListingUnreadable) {
        if let Some(place) = finding.primary() {
            let because = format!("{}:{}: {}", place.file, place.line, finding.summary);
            case.unjudged(Gate::State, Whom::Everyone, because);
        }
    }
    for fault in &captured.faults {
        let because = format!("{}: {}", fault.name, fault.why);
        let mut finding =
            OwnCode::EvidenceUnreadable.finding(format!("{} cannot be read: {}.", fault.name, fault.why));
        finding.places.push(Place::whole(&fault.name));
        case.report(finding, &[]);
        for gate in should_show(&fault.name, gateway) {
            case.unjudged(*gate, Whom::Everyone, because.clone());
        }
    }
}

/// The gates that a captured file is there to show.
fn should_show(name: &str, gateway: &str) -> &'static [Gate] {
    if name.ends_with("ownership.txt") {
        &[Gate::State]
    } else if name.ends_with("inspect.json") {
        &[Gate::Liveness]
    } else if name.contains("/devices") {
        &[Gate::Pairing, Gate::Scopes]
    } else if name.ends_with("/logs") || name.ends_with(&format!("/{gateway}.log")) {
        &[Gate::Liveness, Gate::Startup, Gate::Readiness]
    } else {
        &[]
    }
}

/// What the remedy's edits would change: `FILE:LINE`, then the `-` and `+` lines there.
fn changes(finding: &Finding, sources: &Sources) -> Vec<String> {
    let edits = finding.remedy.as_ref().map_or(&[][..], |remedy| &remedy.edits);
    let mut lines = Vec::new();
    for change in edit::preview(edits, sources).unwrap_or_default() {
        let mut stays = true;
        for line in change.hunks.iter().flat_map(|hunk| &hunk.lines) {
            let sign = match line.kind {
                LineKind::Removed => '-',
                LineKind::Added => '+',
                _ => {
                    stays = true;
                    continue;
                }
            };
            if std::mem::take(&mut stays) {
                lines.push(format!("{}:{}", change.path, line.old));
            }
            lines.push(format!("{sign} {}", line.text));
        }
    }
    lines
}

/// The gate of openclaw-compose under the ticket's name.
fn gate(gate: openclaw::StackGate) -> Gate {
    match gate {
        openclaw::StackGate::State => Gate::State,
        openclaw::StackGate::Listener => Gate::Listener,
        openclaw::StackGate::Published => Gate::Published,
        openclaw::StackGate::Reach => Gate::Reach,
        openclaw::StackGate::Upgrade => Gate::Upgrade,
        openclaw::StackGate::Origin => Gate::Origin,
        openclaw::StackGate::Auth => Gate::Auth,
    }
}

/// Whether a finding is shown with its line: not one about a text that is broken (the codes before the first of the
/// listener) or holds what it should not.
fn is_quotable(code: Code) -> bool {
    let broken = matches!(code, Code::ListingUnreadable | Code::ConfigSyntax | Code::ConfigInclude);
    code >= Code::OwnLoopback && !broken
}

/// The first line under a place, secrets masked, without its indent.
fn excerpt(sources: &Sources, place: usize, span: Span) -> Option<Excerpt> {
    if sources.name(span.file).is_empty() || sources.expose_file(span.file).is_empty() {
        return None;
    }
    let quote = sources.quote(span);
    let line = quote.lines.first()?;
    let indent = line.text.chars().take_while(|c| c.is_whitespace()).count();
    let text: String = line.text.chars().skip(indent).collect();
    if text.is_empty() {
        return None;
    }
    let shift = |at: u32| usize::try_from(at).unwrap_or(0).saturating_sub(indent);
    Some(Excerpt { place, text, from: shift(line.underline.0), to: shift(line.underline.1) })
}
