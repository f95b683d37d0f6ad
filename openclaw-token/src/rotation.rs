//! What a rotation touches, in which order, and who is cut off when.
//!
//! Rotation itself is [`rotate`](crate::rotate); this is the plan a person reads before it. The rules are observed behaviour
//! of OpenClaw 2026.9.6.

use serde::Serialize;

/// Where a token is kept or used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Holder {
    /// The caller's name for it: a file, a service, a browser.
    pub name: String,
    /// What kind of place it is.
    pub kind: HolderKind,
    /// For containers: the service whose network namespace it shares (`network_mode: service:…`).
    pub shares_network_of: Option<String>,
}

impl Holder {
    /// A holder by name and kind.
    pub fn new(name: impl Into<String>, kind: HolderKind) -> Self {
        Self { name: name.into(), kind, shares_network_of: None }
    }

    /// It lives in the network namespace of `service`, and loses its network when that is recreated.
    #[must_use]
    pub fn shares_network_of(mut self, service: impl Into<String>) -> Self {
        self.shares_network_of = Some(service.into());
        self
    }
}

/// The kinds of places that hold a token, by how a new one takes effect there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HolderKind {
    /// `gateway.auth.token` in the gateway's `openclaw.json`: applied while running.
    GatewayConfig,
    /// A file that Compose reads when it creates a container: `.env`, `env_file`, `environment`.
    ComposeFile,
    /// A container of the gateway, started from such files.
    GatewayContainer,
    /// A container of a client.
    ClientContainer,
    /// A systemd unit or launchd property list with the token in it.
    ServiceUnit,
    /// A secret manager or vault.
    SecretStore,
    /// A shell profile on a host.
    ShellProfile,
    /// A browser with the dashboard open.
    Browser,
    /// A client that keeps its own device token: not touched by a rotation.
    PairedDevice,
}

/// The steps of a rotation, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RotationPlan {
    /// Do them from the first to the last.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What to do.
    pub phase: Phase,
    /// To which holders.
    pub holders: Vec<String>,
    /// How.
    pub action: String,
    /// Who is cut off by it, and for how long.
    pub disconnects: Option<String>,
    /// How to see that it worked.
    pub check: String,
}

/// The order of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Stop clients that would retry the old token: ten wrong attempts in a minute lock their address out for five,
    /// also for the right token, and behind one bridge all clients share an address.
    QuietClients,
    /// Update what feeds the files, so that nothing writes the old token back.
    UpdateSources,
    /// All files in one transaction.
    WriteFiles,
    /// The gateway takes the new token.
    ReloadGateway,
    /// Containers that lived in the gateway's network namespace.
    RecreateDependants,
    /// Clients take the new token.
    RestartClients,
    /// People take the new token.
    TellPeople,
    /// Prove it.
    Verify,
}

/// Plans a rotation over these holders.
///
/// ```
/// use openclaw_token::rotation::{Holder, HolderKind, Phase, plan};
/// let plan = plan(&[
///     Holder::new("openclaw.json", HolderKind::GatewayConfig),
///     Holder::new("dashboard", HolderKind::Browser),
/// ]);
/// assert_eq!(plan.steps[0].phase, Phase::WriteFiles);
/// assert!(plan.steps[1].disconnects.as_deref().unwrap().contains("4001"));
/// ```
#[must_use]
pub fn plan(holders: &[Holder]) -> RotationPlan {
    use HolderKind as Kind;
    let of = |kinds: &[Kind]| -> Vec<&Holder> {
        holders.iter().filter(|holder| kinds.contains(&holder.kind)).collect()
    };
    let names = |holders: &[&Holder]| holders.iter().map(|holder| holder.name.clone()).collect::<Vec<_>>();

    let sources = of(&[Kind::SecretStore]);
    let files = of(&[Kind::GatewayConfig, Kind::ComposeFile, Kind::ServiceUnit, Kind::ShellProfile]);
    let config = of(&[Kind::GatewayConfig]);
    let gateways = of(&[Kind::GatewayContainer]);
    let units = of(&[Kind::ServiceUnit]);
    let clients = of(&[Kind::ClientContainer]);
    let people = of(&[Kind::Browser, Kind::ShellProfile]);
    let devices = of(&[Kind::PairedDevice]);
    // Recreating is needed where the environment carries the token: a running process keeps its environment.
    let recreates = !gateways.is_empty() && (config.is_empty() || !of(&[Kind::ComposeFile]).is_empty());
    let (dependants, clients_apart): (Vec<&Holder>, Vec<&Holder>) =
        clients.iter().copied().partition(|client| {
            recreates
                && client
                    .shares_network_of
                    .as_ref()
                    .is_some_and(|owner| gateways.iter().any(|gateway| gateway.name == *owner))
        });

    let mut steps = Vec::new();
    let mut step = |phase, holders: Vec<String>, action: &str, disconnects: Option<&str>, check: &str| {
        if !holders.is_empty() {
            let disconnects = disconnects.map(str::to_owned);
            steps.push(Step {
                phase,
                holders,
                action: action.to_owned(),
                disconnects,
                check: check.to_owned(),
            });
        }
    };
    step(
        Phase::QuietClients,
        names(&clients),
        "stop them: ten attempts with the old token within a minute lock their address out for five minutes, also for the new one",
        Some("these clients, until they are started again"),
        "`docker compose ps` shows them exited",
    );
    step(
        Phase::UpdateSources,
        names(&sources),
        "store the new token, so that no deployment brings the old one back",
        None,
        "read it back and compare fingerprints",
    );
    step(
        Phase::WriteFiles,
        names(&files),
        "write the new token into all of them as one transaction",
        None,
        "compare the fingerprint of every place with the new record",
    );
    step(
        Phase::ReloadGateway,
        names(&config),
        "nothing to do: a running gateway applies the file within about 1.5 s",
        Some("every connection made with the shared token, with close code 4001 `gateway auth changed`"),
        "its log says `config hot reload applied (gateway.auth.token)`",
    );
    step(
        Phase::ReloadGateway,
        if recreates { names(&gateways) } else { Vec::new() },
        "`docker compose up -d` it: a running process keeps the environment it was created with, `restart` does not re-read `.env`",
        Some("every client, for the 8 to 30 s that the gateway takes to start"),
        "`/healthz` and `/readyz` answer, then an authenticated session with the new token",
    );
    step(
        Phase::RestartClients,
        names(&units),
        "systemd: `daemon-reload`, then restart; launchd: `launchctl bootout gui/$(id -u)/LABEL` (`system/LABEL` with sudo for a daemon), wait until `launchctl print` no longer finds it, then `launchctl bootstrap gui/$(id -u) PLIST`. Neither re-reads its file by itself",
        Some("what the unit runs"),
        "compare the fingerprint of the running process's environment",
    );
    step(
        Phase::RecreateDependants,
        names(&dependants),
        "recreate them with `docker compose up -d --force-recreate`: their network namespace went away with the old gateway container",
        None,
        "an authenticated session from inside each",
    );
    step(
        Phase::RestartClients,
        names(&clients_apart),
        "`docker compose up -d` them, so that they get the new environment",
        None,
        "an authenticated session from inside each",
    );
    step(
        Phase::TellPeople,
        names(&people),
        "give people the new token by the channel for secrets; they paste it or open a new shell",
        Some("their sessions, until they do"),
        "they see the dashboard connected, or `openclaw health` answer",
    );
    step(
        Phase::Verify,
        names(&devices),
        "nothing to do: device tokens survive, except those a browser got through the shared token",
        None,
        "each device reconnects without a new approval",
    );
    steps.sort_by_key(|step| step.phase);
    RotationPlan { steps }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn outline(holders: &[Holder]) -> String {
        let plan = plan(holders);
        plan.steps.iter().map(|step| format!("{:?}: {}\n", step.phase, step.holders.join(", "))).collect()
    }

    #[test]
    fn a_compose_stack() {
        use HolderKind as Kind;
        let holders = [
            Holder::new(".env", Kind::ComposeFile),
            Holder::new("openclaw.json", Kind::GatewayConfig),
            Holder::new("openclaw-gateway", Kind::GatewayContainer),
            Holder::new("openclaw-cli", Kind::ClientContainer).shares_network_of("openclaw-gateway"),
            Holder::new("worker", Kind::ClientContainer),
            Holder::new("vault", Kind::SecretStore),
            Holder::new("com.example.watch.plist", Kind::ServiceUnit),
            Holder::new("dashboard", Kind::Browser),
            Holder::new("phone", Kind::PairedDevice),
        ];
        expect![[r#"
            QuietClients: openclaw-cli, worker
            UpdateSources: vault
            WriteFiles: .env, openclaw.json, com.example.watch.plist
            ReloadGateway: openclaw.json
            ReloadGateway: openclaw-gateway
            RecreateDependants: openclaw-cli
            RestartClients: com.example.watch.plist
            RestartClients: worker
            TellPeople: dashboard
            Verify: phone
        "#]]
        .assert_eq(&outline(&holders));
    }

    /// `bootout` comes back before a job that drains is gone, and `bootstrap` refuses until then.
    #[test]
    fn a_job_of_launchd_is_waited_for_between_bootout_and_bootstrap() {
        let steps = plan(&[Holder::new("ai.openclaw.gateway.plist", HolderKind::ServiceUnit)]).steps;
        let action = &steps.iter().find(|step| step.phase == Phase::RestartClients).unwrap().action;
        let order =
            ["bootout gui/$(id -u)/LABEL", "system/LABEL", "wait until", "bootstrap gui/$(id -u) PLIST"];
        let places = order.map(|words| action.find(words));
        assert!(places.is_sorted() && places[0].is_some(), "{action}");
    }

    /// Over every set of kinds: nobody is forgotten, and nobody is told twice in one phase.
    #[test]
    fn every_carrier_has_its_step() {
        use HolderKind as Kind;
        let kinds = [
            Kind::GatewayConfig,
            Kind::ComposeFile,
            Kind::GatewayContainer,
            Kind::ClientContainer,
            Kind::ServiceUnit,
            Kind::SecretStore,
            Kind::ShellProfile,
            Kind::Browser,
            Kind::PairedDevice,
        ];
        for set in 0_u32..1 << kinds.len() {
            let chosen: Vec<Kind> =
                kinds.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, kind)| *kind).collect();
            let holders: Vec<Holder> =
                chosen.iter().map(|kind| Holder::new(format!("{kind:?}"), *kind)).collect();
            let steps = plan(&holders).steps;
            let has = |phase: Phase, holder: &Holder| {
                steps.iter().any(|step| step.phase == phase && step.holders.contains(&holder.name))
            };
            for holder in &holders {
                let expected = match holder.kind {
                    Kind::GatewayConfig => vec![Phase::WriteFiles, Phase::ReloadGateway],
                    Kind::ComposeFile => vec![Phase::WriteFiles],
                    // Applied while running, unless the environment has a part in it.
                    Kind::GatewayContainer
                        if chosen.contains(&Kind::GatewayConfig) && !chosen.contains(&Kind::ComposeFile) =>
                    {
                        vec![]
                    }
                    Kind::GatewayContainer => vec![Phase::ReloadGateway],
                    Kind::ClientContainer => vec![Phase::QuietClients, Phase::RestartClients],
                    Kind::ServiceUnit => vec![Phase::WriteFiles, Phase::RestartClients],
                    Kind::SecretStore => vec![Phase::UpdateSources],
                    Kind::ShellProfile => vec![Phase::WriteFiles, Phase::TellPeople],
                    Kind::Browser => vec![Phase::TellPeople],
                    Kind::PairedDevice => vec![Phase::Verify],
                };
                for phase in expected {
                    assert!(has(phase, holder), "{holder:?} is not in {phase:?} of {holders:?}");
                }
            }
            assert!(steps.windows(2).all(|pair| pair[0].phase <= pair[1].phase), "{steps:?}");
            assert!(steps.iter().all(|step| !step.check.is_empty() && !step.holders.is_empty()), "{steps:?}");
            let closes =
                steps.iter().any(|step| step.disconnects.as_deref().is_some_and(|who| who.contains("4001")));
            assert_eq!(closes, chosen.contains(&Kind::GatewayConfig), "{steps:?}");
        }
    }

    #[test]
    fn a_config_alone_is_applied_while_running() {
        let holders = [Holder::new("openclaw.json", HolderKind::GatewayConfig)];
        expect![[r#"
            WriteFiles: openclaw.json
            ReloadGateway: openclaw.json
        "#]]
        .assert_eq(&outline(&holders));
    }
}
