//! The program that runs a stack, by what an engine and its containers were recorded to say.

use serde::Deserialize;

use crate::project::{ComposeRelease, Composer, Resolution};

use super::containers::{Container, Printed, read};

/// The label that Compose gives each container that it makes: its own release.
const RELEASE: &str = "com.docker.compose.version";
/// That of podman-compose, which gives them the other labels of Compose as well.
const PODMAN_RELEASE: &str = "io.podman.compose.version";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerInfo {
    client_info: ClientInfo,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ClientInfo {
    plugins: Option<Vec<Plugin>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Plugin {
    name: String,
    version: String,
}

/// The Compose that is installed, by what `docker info --format '{{json .}}'` prints of the client's plugins.
#[must_use]
pub fn compose_of_engine(info: &str) -> Option<ComposeRelease> {
    let info: DockerInfo = serde_json::from_str(info).ok()?;
    let plugins = info.client_info.plugins.unwrap_or_default();
    plugins.iter().find(|plugin| plugin.name == "compose")?.version.parse().ok()
}

/// The program that made a project's containers last, by what `docker inspect` prints of them. Where none has the project's
/// name, as of a stack that runs under another, all of them count.
#[must_use]
pub fn compose_of_containers(inspect: &str, project: &Resolution) -> Option<Composer> {
    let mut printed = Printed::default();
    read(inspect, &mut printed).ok()?;
    let composer = |container: &Container| {
        let docker = || container.label(RELEASE)?.parse().ok().map(Composer::DockerCompose);
        let podman = || container.label(PODMAN_RELEASE)?.parse().ok().map(Composer::PodmanCompose);
        docker().or_else(podman)
    };
    let of = |is_ours: &dyn Fn(&Container) -> bool| {
        let ours = printed.containers.iter().filter(|container| is_ours(container));
        let made = ours.filter_map(|container| Some((&container.created, composer(container)?)));
        made.max_by_key(|(created, _)| *created).map(|(_, composer)| composer)
    };
    of(&|container| container.service_of(project.project_name()).is_some()).or_else(|| of(&|_| true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Inputs, Texts, resolve};

    #[test]
    fn the_last_that_made_a_container_of_the_project_counts() {
        let container = |project: &str, created: &str, release: &str| {
            format!(
                "{{\"Created\":\"{created}\",\"Config\":{{\"Labels\":{{\"com.docker.compose.project\":\"{project}\",\
                 \"com.docker.compose.service\":\"gateway\",\"com.docker.compose.version\":\"{release}\"}}}}}}"
            )
        };
        let claw =
            resolve(&Inputs::new("/srv/claw"), &Texts::new().file("/srv/claw/compose.yaml", "services: {}"));
        let texts = [
            container("claw", "2026-11-02T09:00:00Z", "2.40.3"),
            container("claw", "2026-10-01T09:00:00Z", "2.26.1"),
            container("other", "2026-11-03T09:00:00Z", "5.0.0"),
        ];
        let by = |texts: &[String]| compose_of_containers(&format!("[{}]", texts.join(",")), &claw);
        assert_eq!(by(&texts).map(|by| by.to_string()), Some("2.40.3".to_owned()));
        assert_eq!(by(&texts[2..]).map(|by| by.to_string()), Some("5.0.0".to_owned()));
        assert_eq!(by(&[]), None);
        let podmans = texts[0].replace(RELEASE, PODMAN_RELEASE).replace("2.40.3", "1.6.0");
        assert_eq!(by(&[podmans]).map(|by| by.to_string()), Some("podman-compose 1.6.0".to_owned()));
        let info = "{\"ClientInfo\":{\"Plugins\":[{\"Name\":\"buildx\",\"Version\":\"v0.12.1\"},\
                    {\"Name\":\"compose\",\"Version\":\"v2.24.6-desktop.1\"}]}}";
        assert_eq!(compose_of_engine(info).map(|release| release.to_string()), Some("2.24.6".to_owned()));
        assert_eq!(compose_of_engine("{\"OperatingSystem\":\"fedora\"}"), None);
    }
}
