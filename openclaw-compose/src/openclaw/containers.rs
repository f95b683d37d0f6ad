//! The running containers of the stack as the report shows them.

use serde::Serialize;

use super::model::containers::Runtime;
use super::rules::TOKEN;
use super::verdict::Verdicts;
use super::verdict::drift::differences;
use super::verdict::token::Classes;

/// A container beside its service.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ContainerView {
    /// The service.
    pub service: String,
    /// The container's name.
    pub name: String,
    /// `running`, `exited`, `restarting`, ...
    pub status: String,
    /// The last exit code, where it is not running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How often Docker started it again.
    pub restart_count: u64,
    /// `healthy`, `unhealthy`, `starting`, where there is a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The image reference it was made from.
    pub image: String,
    /// `NAME@sha256:…` of that image, where the images were inspected, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The letter of the token in its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<String>,
    /// What differs from the files: `OPENCLAW_GATEWAY_TOKEN`, `user`, `image`, `openclaw.json`, `mounts`,
    /// `networks`.
    pub differs: Vec<String>,
}

/// Shows the containers of OpenClaw's services.
pub(super) fn views(runtime: &Runtime, verdicts: &Verdicts<'_>, letters: &mut Classes) -> Vec<ContainerView> {
    verdicts
        .model
        .processes
        .iter()
        .filter(|process| process.is_openclaw())
        .filter_map(|process| {
            let container = runtime.of(process.service.name)?;
            let token = container.env(TOKEN).filter(|value| !value.is_blank());
            Some(ContainerView {
                service: process.service.name.to_owned(),
                name: container.name.trim_start_matches('/').to_owned(),
                status: container.state.status.clone(),
                exit_code: (!container.state.running).then_some(container.state.exit_code),
                restart_count: container.restart_count,
                health: container.state.health.as_ref().map(|health| health.status.clone()),
                image: container.config.image.clone(),
                digest: runtime.digest(container),
                token_class: token.map(|value| letters.letter(value)),
                differs: differences(runtime, process, container, verdicts.model),
            })
        })
        .collect()
}
