//! What each service is to the gateway, by what it starts and is called.

use crate::openclaw::rules::{self, version};

use super::files::Reader;
use super::image::Image;
use super::invocation::{self, Invocation};
use super::observed::Observed;
use super::proxies;
use super::services::{Service, Services};

/// What a service is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// It runs `openclaw gateway`.
    Gateway,
    /// It runs OpenClaw's own command line.
    Cli,
    /// Some other program that is given the gateway's URL.
    App,
    /// None of these.
    Other,
}

/// What a service starts and is by that.
pub(super) struct Start {
    pub(super) role: Role,
    pub(super) invocation: Invocation,
    pub(super) image: Image,
}

/// Words in an image name that mean OpenClaw, its older names included.
const IMAGE_WORDS: [&str; 4] = ["openclaw", "clawdbot", "moltbot", "clawdis"];

/// The least evidence for calling a service the gateway.
const ENOUGH: u32 = 4;

pub(super) fn roles(services: &Services<'_>, observed: &Observed, files: &mut Reader<'_>) -> Vec<Start> {
    let starts: Vec<(Invocation, Image)> = services
        .list
        .iter()
        .map(|service| {
            let image = Image::of(service, files);
            (Invocation::of(service, services, &image, files), image)
        })
        .collect();
    let is_observed = |service: &Service<'_>| observed.gateways.contains(service.name);
    let somebody_runs_it =
        starts.iter().any(|(invocation, _)| invocation.is_gateway()) || services.list.iter().any(is_observed);
    // Without a command that says so, the likeliest services are taken for it, and no others.
    let likeness = services
        .list
        .iter()
        .zip(&starts)
        .map(|(service, (invocation, _))| gateway_likeness(service, invocation));
    let best = likeness.max().unwrap_or(0).max(ENOUGH);
    services
        .list
        .iter()
        .zip(starts)
        .map(|(service, (invocation, image))| {
            let likely =
                !somebody_runs_it && !service.on_demand && gateway_likeness(service, &invocation) >= best;
            let role = if invocation.is_gateway() || is_observed(service) || likely {
                Role::Gateway
            } else if invocation.is_openclaw || is_openclaw_image(service) && may_be_cli(service, &invocation)
            {
                Role::Cli
            } else if is_app(service) {
                Role::App
            } else {
                Role::Other
            };
            Start { role, invocation, image }
        })
        .collect()
}

/// Whether `docker compose run` of a service whose profiles switch it off asks the gateway: its command is OpenClaw's CLI.
pub(crate) fn is_run_on_demand(service: &Service<'_>) -> bool {
    let invocation = Invocation::written(service);
    invocation.is_openclaw && !invocation.is_gateway() && invocation.asks_gateway()
}

/// How much speaks for a service whose command does not say `gateway`.
fn gateway_likeness(service: &Service<'_>, invocation: &Invocation) -> u32 {
    let ours = is_called_openclaw(service);
    let named = service.name.contains("gateway") || service.name.ends_with("-gw");
    let cli = service.name.contains("cli") && !service.name.contains("client");
    let published = service.ports.iter().any(|port| port.target == rules::DEFAULT_PORT);
    let told = service.environment.keys().any(|name| {
        matches!(*name, rules::TOKEN | rules::BIND | "CLAWDBOT_GATEWAY_TOKEN" | "CLAWDBOT_GATEWAY_BIND")
    });
    if cli || invocation.is_openclaw || service.interactive && !published {
        return 0;
    }
    let idle = is_idle(service);
    // Only an image's own command starts a gateway unseen.
    let silent = !invocation.given;
    let checked = service.healthcheck.as_ref().is_some_and(|check| {
        check.test.iter().any(|word| word.contains("18789") || word.contains("openclaw"))
    });
    [
        (ours, 2),
        (named, 2),
        (published, 2),
        (told && ours, 1),
        (silent && ours, 1),
        (!idle && ours, 1),
        (checked && ours, 1),
        (holds_state(service) && ours, 1),
    ]
    .iter()
    .map(|(holds, weight)| if *holds { *weight } else { 0 })
    .sum()
}

/// Whether its image or a name of its own means OpenClaw.
pub(super) fn is_called_openclaw(service: &Service<'_>) -> bool {
    let named = |name: &str| IMAGE_WORDS.iter().any(|word| name.contains(word));
    is_openclaw_image(service)
        || named(service.name)
        || service.container_name.is_some_and(|name| named(name) && holds_state(service))
}

/// Whether a state directory is mounted into it.
pub(super) fn holds_state(service: &Service<'_>) -> bool {
    let names = std::iter::once(rules::STATE_DIR_NAME).chain(rules::LEGACY_STATE_DIR_NAMES);
    let names: Vec<String> = names.map(|name| format!("/{name}")).collect();
    service.mounts.iter().any(|mount| names.iter().any(|name| mount.target.contains(name.as_str())))
}

/// A service of OpenClaw's image whose command does not name OpenClaw: a place to run the CLI in, unless it does something
/// else altogether, such as mending owners or passing requests on: what is built and published is there to be asked.
fn may_be_cli(service: &Service<'_>, invocation: &Invocation) -> bool {
    if proxies::is_proxy(service) || !invocation.given && service.built && !service.ports.is_empty() {
        return false;
    }
    !invocation.given || service.interactive || is_idle(service) && own_words(service).count() < 3
}

fn is_idle(service: &Service<'_>) -> bool {
    let words: Vec<&str> = own_words(service).collect();
    match words.as_slice() {
        // A shell that is given something to run does not wait.
        ["sh" | "bash" | "/bin/sh" | "/bin/bash", script] if !script.starts_with('-') => false,
        words => words.iter().any(|word| invocation::IDLE.contains(word)),
    }
}

/// What the container runs: its command, which an entrypoint before it only prepares, else the entrypoint itself.
fn own_words<'s>(service: &'s Service<'_>) -> impl Iterator<Item = &'s str> {
    let command = service.command.as_ref().filter(|words| !words.is_empty());
    command.or(service.entrypoint.as_ref()).into_iter().flatten().map(|word| word.value.expose())
}

/// Words that name a companion of OpenClaw's rather than OpenClaw.
const COMPANIONS: [&str; 16] = [
    "sandbox",
    "browser",
    "dashboard",
    "control",
    "studio",
    "exporter",
    "proxy",
    "ui",
    "webui",
    "monitor",
    "backend",
    "frontend",
    "bridge",
    "mcp",
    "operator",
    "relay",
];

/// Whether the image is OpenClaw itself, by the last part of its name.
pub(crate) fn is_openclaw_image(service: &Service<'_>) -> bool {
    service.image.as_ref().is_some_and(|image| {
        let repository = version::repository(image.value);
        let name = last_part(repository);
        let ours = |text: &str| IMAGE_WORDS.iter().any(|word| text.contains(word));
        let part =
            ours(repository) && name.split(['-', '_', '.']).any(|part| matches!(part, "gateway" | "cli"));
        (ours(name) || part) && !name.split(['-', '_', '.']).any(|part| COMPANIONS.contains(&part))
    })
}

pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A service that is told where a gateway is.
fn is_app(service: &Service<'_>) -> bool {
    service.environment.iter().any(|(name, variable)| {
        name.ends_with("GATEWAY_URL")
            && (name.contains("CLAW") || variable.value.is_some_and(|url| url.contains("18789")))
    })
}
