//! What came out: the gateways, each client with its gates, every source of the token, and the findings.

use serde::Serialize;

use crate::finding::{Code, Finding, FindingId};
use crate::project::Unread;
use crate::secrets::Secrets;
use crate::source::Sources;
use crate::words::words;

use super::containers::ContainerView;
use super::gates::{ClientView, GateView};
use super::model::Model;
use super::model::jobs::Manager;
use super::model::mounts::Backing;
use super::model::namespaces::Namespaces;
use super::model::processes::Process;
use super::rules::TokenRuleId;
use super::rules::version::{self, Version};
use super::token_sources::TokenSourceView;
use super::verdict::Verdicts;
use super::verdict::contention::{Contention, Over};
use super::verdict::listener::{Auth, BindSource, Gateway, PortSource, Scope};
use super::verdict::state::{Fault, Usable};
use super::verdict::token::Classes;

/// The release the rules were taken for.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct VersionView {
    /// The release; nothing where it is not known and the newest rules were used.
    pub version: Option<Version>,
    /// Who names it.
    pub from: VersionSource,
}

words! {
    /// Who names the release that the rules were taken for.
    VersionSource {
        /// The tag of its image.
        ImageTag "image tag"
        /// A label of its image, or of a running container.
        Label "label"
        /// Whoever asked.
        Caller "caller"
        /// Its own log.
        Log "log"
        /// Nobody: the newest rules were used.
        Unknown "unknown"
    }
}

/// A gateway of the stack.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GatewayView {
    /// Its service.
    pub service: String,
    /// Its release.
    pub version: VersionView,
    /// Which peers its listener can see.
    pub bind: Scope,
    /// What decided the bind.
    pub bind_from: BindSource,
    /// The port it listens on, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What decided the port.
    pub port_from: PortSource,
    /// What a client has to show.
    pub auth: Auth,
    /// The source that wins its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
    /// The letter of the value it enforces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<String>,
    /// The rule that made it win.
    pub token_rule: TokenRuleId,
    /// Whether it starts, as far as the files tell.
    pub starts: bool,
    /// The state directory inside the container.
    pub state_dir: String,
    /// The configuration inside the container.
    pub config: String,
    /// The service manager that keeps it; nothing for a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<Manager>,
    /// The container in which that manager runs it by Podman.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The uid its process runs as, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Services that lose their network when it is restarted.
    pub stranded_by_restart: Vec<String>,
    /// Gateways that contend with it for something only one can have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<RivalView>,
}

/// Where a service of OpenClaw keeps its state, as its compose file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StatePlace {
    /// The service.
    pub service: String,
    /// The state directory inside its container.
    pub state_dir: String,
    /// Its `openclaw.json` inside its container.
    pub config_path: String,
    /// Whether it is a directory of the host, which a virtual machine's file sharing may show with other owners.
    pub on_host: bool,
}

impl StatePlace {
    pub(super) fn of(process: &Process<'_>) -> Self {
        Self {
            service: process.service.name.to_owned(),
            state_dir: process.state_dir.clone(),
            config_path: process.config_path.clone(),
            on_host: matches!(process.state, Backing::Host(_)),
        }
    }
}

/// The state of each service of which a look from inside its container alone tells whether it is usable, gateways first.
pub(super) fn unseen_states(verdicts: &Verdicts<'_>) -> Vec<StatePlace> {
    let is_unseen = |process: &&Process<'_>| {
        let Some(Usable::Doubtful { fault, .. }) = verdicts.usable_by(process) else { return false };
        process.service.job.is_none() && matches!(fault, Fault::Refused(_) | Fault::IdsUnrecorded { .. })
    };
    let mut unseen: Vec<&Process<'_>> = verdicts.model.processes.iter().filter(is_unseen).collect();
    unseen.sort_by_key(|process| process.role);
    unseen.into_iter().map(StatePlace::of).collect()
}

/// A gateway that contends with another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RivalView {
    /// Its service.
    pub service: String,
    /// What for.
    pub over: Contended,
}

/// What two gateways contend for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Contended {
    /// The state directory.
    State,
    /// A port of the network namespace that both live in.
    Port,
    /// A port of the host.
    HostPort,
}

/// Everything [`examine`](super::examine()) found. Serialises without a secret.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The release the gateway's rules were taken for.
    pub version: VersionView,
    /// The gateways, in the order of their services.
    pub gateways: Vec<GatewayView>,
    /// Every client with its gates.
    pub clients: Vec<ClientView>,
    /// Every place that carries the token or should, side by side.
    pub tokens: Vec<TokenSourceView>,
    /// Who lives in whose network namespace.
    pub namespaces: Namespaces,
    /// The running containers of OpenClaw's services.
    pub containers: Vec<ContainerView>,
    /// The project that the containers are of, where the files have another name for it: commands of Compose need it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_as: Option<String>,
    /// The state of each service of which a look from inside its container alone tells whether it is usable, gateways first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen_states: Vec<StatePlace>,
    /// What is wrong or worth knowing, errors first.
    pub findings: Vec<Finding>,
    /// The files of the project and of its state that are there and could not be read: what they hold is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Every text the findings and their edits point into: those of the resolution, and `openclaw.json` and its kin.
    #[serde(skip)]
    pub sources: Sources,
    #[serde(skip)]
    pub(super) secrets: Secrets,
}

impl Report {
    /// Every value that is or looks like a secret in what was read, for the texts that a program prints about the stack:
    /// see [`Secrets::mask`].
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The client of that name.
    #[must_use]
    pub fn client(&self, name: &str) -> Option<&ClientView> {
        self.clients.iter().find(|client| client.name == name)
    }

    /// The gateway that this service runs.
    #[must_use]
    pub fn gateway(&self, service: &str) -> Option<&GatewayView> {
        self.gateways.iter().find(|gateway| gateway.service == service)
    }

    /// The first cause of the stack: the earliest red gate of any client.
    #[must_use]
    pub fn first_cause(&self) -> Option<(&ClientView, &GateView)> {
        let reds = self.clients.iter().filter_map(|client| Some((client, client.first_red()?)));
        reds.min_by_key(|(_, red)| red.gate)
    }

    /// The finding that a gate of this report rests on.
    #[must_use]
    pub fn finding(&self, id: FindingId) -> Option<&Finding> {
        self.findings.get(id.index())
    }

    /// The findings of a code.
    pub fn of_code(&self, code: Code) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.code == code)
    }
}

/// Names to each gateway those that contend with it.
pub(super) fn name_rivals(views: &mut [GatewayView], contentions: &[Contention]) {
    for Contention { first, second, over } in contentions {
        let over = match over {
            Over::State => Contended::State,
            Over::Port(_) => Contended::Port,
            Over::HostPort(..) => Contended::HostPort,
        };
        for (one, other) in [(first, second), (second, first)] {
            let Some(service) = other.of(views).map(|view| view.service.clone()) else { continue };
            if let Some(view) = one.of_mut(views) {
                view.rivals.push(RivalView { service, over });
            }
        }
    }
}

/// Shows a gateway.
pub(super) fn gateway_view(
    gateway: &Gateway<'_>,
    hint_from: VersionSource,
    model: &Model<'_>,
    letters: &mut Classes,
) -> GatewayView {
    let process = gateway.process;
    let name = gateway.name();
    let version = process.version;
    let image = process.service.image.as_ref();
    let from_tag = image.and_then(|image| version::tag(image.value)?.parse::<Version>().ok()).is_some();
    GatewayView {
        service: name.to_owned(),
        version: VersionView {
            version,
            from: if from_tag {
                VersionSource::ImageTag
            } else if version.is_some() && hint_from == VersionSource::Unknown {
                VersionSource::Label
            } else {
                hint_from
            },
        },
        bind: gateway.bind.scope.clone(),
        bind_from: gateway.bind.by,
        port: gateway.port.number,
        port_from: gateway.port.by,
        auth: gateway.auth,
        token_from: gateway.decision.winner().map(|winner| winner.label.clone()),
        token_class: gateway.decision.value().map(|value| letters.letter(value)),
        token_rule: gateway.decision.rule.id,
        starts: gateway.refusals.is_empty(),
        state_dir: process.state_dir.clone(),
        config: process.config_path.clone(),
        manager: process.service.job.and_then(|job| job.manager),
        container: process.service.job.and_then(|job| Some(job.container.as_ref()?.name.clone())),
        uid: process.uid.number(),
        stranded_by_restart: model.namespaces.stranded_by(name).into_iter().map(str::to_owned).collect(),
        rivals: Vec::new(),
    }
}
