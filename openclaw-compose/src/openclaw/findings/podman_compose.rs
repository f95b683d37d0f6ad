//! One text, two programs: what podman-compose makes of the files, which everything else here reads as Docker Compose does.

use crate::finding::{Code, Finding, Severity};
use crate::openclaw::model::Model;
use crate::openclaw::verdict::podman_compose::{What, divergences};
use crate::project::{Composer, Resolution};

use super::remedies::{command, words};

/// The most differences that are told beside the first.
const MOST: usize = 4;

/// What podman-compose reads otherwise, where it runs the stack, or podman does and nothing tells by which program.
pub(crate) fn finding(model: &Model<'_>, composer: Option<Composer>) -> Option<Finding> {
    let is_known = match composer {
        Some(Composer::PodmanCompose(_)) => true,
        None if model.engine.is_podman => false,
        _ => return None,
    };
    let resolution = model.resolution;
    let mut divergences = divergences(resolution).into_iter();
    let first = divergences.next()?;
    let mut finding = Finding::new(Code::PodmanComposeDiffers, told(&first.what, resolution));
    finding.places.extend(first.place);
    finding.evidence = divergences.by_ref().take(MOST).map(|more| told(&more.what, resolution)).collect();
    let rest = divergences.count();
    if rest > 0 {
        finding.evidence.push(format!("{rest} more differ"));
    }
    finding.remedy = Some(if is_known {
        words("write it so that both read the same: all else here is read as Docker Compose reads it")
    } else {
        finding.severity = Severity::Info;
        command(
            "find out which program runs here: this was read as Docker Compose reads it".to_owned(),
            "podman compose version".to_owned(),
        )
    });
    Some(finding)
}

fn told(what: &What<'_>, resolution: &Resolution) -> String {
    let own = resolution.project_name();
    match what {
        What::FilesMerged => {
            "Docker Compose reads the first of the Compose files here, podman-compose all of them as one".to_owned()
        }
        What::OnTheOnlyNetwork { service, network } => format!(
            "{service} is on {own}_default with Docker Compose, and with podman-compose on {network}, the only network that is declared"
        ),
        What::OnPodmansNetwork { service } => format!(
            "{service} is on {own}_default with Docker Compose, and with podman-compose on podman's own network, where no name resolves"
        ),
        What::DefaultUndeclared { service } => format!(
            "podman-compose refuses what Docker Compose reads: {service} is on default, which `networks:` does not declare"
        ),
        What::Off { service } => format!(
            "{service} runs with Docker Compose, and not with podman-compose: none of its profiles is asked for by name"
        ),
        What::EnvFileHidden => {
            "a bare name in `environment` that is set nowhere hides the value of an env file with Docker Compose, and not with podman-compose"
                .to_owned()
        }
        What::OfOwnEnvironment { service, name } => format!(
            "${{{name}}} is empty with Docker Compose, and with podman-compose what the `environment` of {service} gives it"
        ),
        What::DollarKept { name } => format!(
            "a `$` in {name} stands for a variable with Docker Compose, and for itself with podman-compose, which knows `${{NAME}}` alone"
        ),
        What::ColonUnknown { name } => format!(
            "{name} is set with Docker Compose, and not with podman-compose, which knows no colon in a file of variables"
        ),
    }
}
