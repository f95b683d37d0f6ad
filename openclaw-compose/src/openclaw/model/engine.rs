//! What the engine does to a container's view of the host: does it map user ids, does SELinux confine it, does it run in a
//! virtual machine?

use serde::Deserialize;

/// What an engine says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    /// The virtual machine it runs in: its file sharing maps owners.
    pub(crate) vm: Option<&'static str>,
    /// SELinux labels of containers are in use.
    pub(crate) selinux: bool,
    /// How user ids of containers become those of the host.
    pub(crate) ids: Ids,
    /// It is podman.
    pub(crate) is_podman: bool,
    /// The host user that a rootless podman runs as.
    rootless_user: Option<u32>,
}

/// Ids inside a container and the ids they are on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The same.
    #[default]
    Same,
    /// Others, by ranges.
    Mapped(Vec<Range>),
    /// Others, and nobody recorded which.
    Unrecorded(&'static str),
}

/// `count` ids from `inside` on are those from `outside` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) inside: u32,
    pub(crate) outside: u32,
    pub(crate) count: u32,
}

impl Ids {
    /// The host's id of an id inside; nothing where it has none, or where nobody recorded it.
    pub(crate) fn outside(&self, id: u32) -> Option<u32> {
        match self {
            Self::Same => Some(id),
            Self::Mapped(ranges) => ranges.iter().find_map(|range| {
                let at = id.checked_sub(range.inside).filter(|at| *at < range.count)?;
                range.outside.checked_add(at)
            }),
            Self::Unrecorded(_) => None,
        }
    }

    /// Whether an owner on the host is somebody inside; root inside has no power over the files of anybody else.
    pub(crate) fn knows(&self, outside: u32) -> bool {
        match self {
            Self::Same => true,
            Self::Mapped(ranges) => ranges
                .iter()
                .any(|range| outside.checked_sub(range.outside).is_some_and(|at| at < range.count)),
            Self::Unrecorded(_) => false,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerInfo {
    operating_system: String,
    kernel_version: String,
    name: String,
    docker_root_dir: String,
    security_options: Option<Vec<String>>,
    #[serde(rename = "host")]
    podman: Option<PodmanHost>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodmanHost {
    security: PodmanSecurity,
    id_mappings: Option<PodmanMappings>,
    service_is_remote: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodmanSecurity {
    rootless: bool,
    selinux_enabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodmanMappings {
    uidmap: Option<Vec<PodmanRange>>,
}

#[derive(Deserialize)]
struct PodmanRange {
    container_id: u32,
    host_id: u32,
    size: u32,
}

/// Virtual machines by a word of what an engine says of its system, kernel or host.
const VIRTUAL_MACHINES: [(&str, &str); 6] = [
    ("docker desktop", "Docker Desktop"),
    ("linuxkit", "Docker Desktop"),
    ("orbstack", "OrbStack"),
    ("colima", "Colima"),
    ("lima-", "Lima"),
    ("rancher desktop", "Rancher Desktop"),
];

impl Engine {
    /// Reads `docker info --format '{{json .}}'` or `podman info --format json`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        // The position is enough: serde's message may quote the text.
        let info: DockerInfo = serde_json::from_str(text)
            .map_err(|error| format!("line {}, column {}", error.line(), error.column()))?;
        let said = format!("{} {} {}", info.operating_system, info.kernel_version, info.name).to_lowercase();
        let vm = VIRTUAL_MACHINES.iter().find(|(word, _)| said.contains(word)).map(|(_, name)| *name);
        if let Some(host) = info.podman {
            let ranges = host.id_mappings.and_then(|mappings| mappings.uidmap).unwrap_or_default();
            let ranges: Vec<Range> = ranges
                .iter()
                .map(|range| Range { inside: range.container_id, outside: range.host_id, count: range.size })
                .collect();
            let rootless_user = ranges.iter().find(|range| range.inside == 0).map(|range| range.outside);
            let ids = match (host.security.rootless, ranges.is_empty()) {
                (false, true) => Ids::Same,
                (true, true) => Ids::Unrecorded("rootless podman"),
                (_, false) => Ids::Mapped(ranges),
            };
            let vm = vm.or(host.service_is_remote.then_some("a podman machine"));
            return Ok(Self {
                vm,
                selinux: host.security.selinux_enabled,
                ids,
                rootless_user,
                is_podman: true,
            });
        }
        let option = |name: &str| {
            let options = info.security_options.iter().flatten();
            options.flat_map(|option| option.split(',')).any(|part| part == format!("name={name}"))
        };
        let ids = if option("rootless") {
            Ids::Unrecorded("a rootless engine")
        } else if option("userns") {
            // The root directory of an engine with userns-remap is named for the ids of its root.
            let name = info.docker_root_dir.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let base = name.split_once('.').and_then(|(uid, _)| uid.parse().ok());
            base.map_or(Ids::Unrecorded("userns-remap"), |outside| {
                Ids::Mapped(vec![Range { inside: 0, outside, count: 65_536 }])
            })
        } else {
            Ids::Same
        };
        Ok(Self { vm, selinux: option("selinux"), ids, rootless_user: None, is_podman: false })
    }

    /// Whether it is a podman that a user runs who is not root.
    pub(crate) fn is_rootless_podman(&self) -> bool {
        self.rootless_user.is_some_and(|user| user != 0)
    }

    /// Takes up what was recorded of the map itself: lines of `/proc/self/uid_map` inside a container (`INSIDE OUTSIDE
    /// COUNT`), or of `/etc/subuid` (`NAME:START:COUNT`) for an engine that maps. `user` owns the stack: a rootless engine
    /// runs as that user, whom the containers know as root. `false` where a line is neither.
    pub(crate) fn record_ids(&mut self, text: &str, user: Option<u32>) -> bool {
        let mut map = Vec::new();
        let mut subordinate = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let numbers: Option<Vec<u32>> =
                line.split_whitespace().map(|number| number.parse().ok()).collect();
            match numbers.as_deref() {
                Some(&[inside, outside, count]) => map.push(Range { inside, outside, count }),
                _ => match line.split(':').collect::<Vec<_>>()[..] {
                    [_, start, count] => match (start.parse::<u32>(), count.parse::<u32>()) {
                        (Ok(start), Ok(count)) => subordinate = subordinate.or(Some((start, count))),
                        _ => return false,
                    },
                    _ => return false,
                },
            }
        }
        if !map.is_empty() {
            let whole =
                map.iter().any(|range| (range.inside, range.outside) == (0, 0) && range.count > 65_536);
            self.ids = if whole { Ids::Same } else { Ids::Mapped(map) };
        } else if let (Some((outside, count)), Ids::Unrecorded(who)) = (subordinate, &self.ids) {
            let ranges = match (*who, user) {
                ("userns-remap", _) => vec![Range { inside: 0, outside, count }],
                (_, Some(user)) => {
                    vec![Range { inside: 0, outside: user, count: 1 }, Range { inside: 1, outside, count }]
                }
                (_, None) => return true,
            };
            self.ids = Ids::Mapped(ranges);
        }
        true
    }

    /// The map of one service: `userns_mode: host` maps nothing in Docker, podman's `keep-id` makes the user that runs it
    /// the same one inside, or the one that `keep-id:uid=` names.
    pub(crate) fn ids_of(&self, userns_mode: Option<&str>, uid: Option<u32>) -> Ids {
        match userns_mode {
            Some("host") => Ids::Same,
            Some(mode) if mode == "keep-id" || mode.starts_with("keep-id:") => {
                let Some(user) = self.rootless_user.or(uid.filter(|_| mode == "keep-id")) else {
                    return Ids::Unrecorded("podman's keep-id");
                };
                let named = mode.split([':', ',']).find_map(|part| part.strip_prefix("uid=")?.parse().ok());
                Ids::Mapped(vec![Range { inside: named.unwrap_or(user), outside: user, count: 1 }])
            }
            _ => self.ids.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_say_what_they_map() {
        let plain = Engine::read(r#"{"OperatingSystem":"Debian GNU/Linux 12","SecurityOptions":["name=seccomp,profile=builtin","name=cgroupns"],"DockerRootDir":"/var/lib/docker"}"#).unwrap();
        assert_eq!((plain.vm, plain.selinux, plain.ids), (None, false, Ids::Same));
        let remap = Engine::read(
            r#"{"SecurityOptions":["name=selinux","name=userns"],"DockerRootDir":"/var/lib/docker/100000.100000"}"#,
        )
        .unwrap();
        assert!(remap.selinux);
        assert_eq!((remap.ids.outside(1000), remap.ids.knows(0)), (Some(101_000), false));
        let rootless = Engine::read(r#"{"SecurityOptions":["name=rootless"]}"#).unwrap();
        assert_eq!(rootless.ids, Ids::Unrecorded("a rootless engine"));
        for (text, vm) in [
            (r#"{"OperatingSystem":"Docker Desktop"}"#, "Docker Desktop"),
            (r#"{"OperatingSystem":"OrbStack"}"#, "OrbStack"),
            (r#"{"OperatingSystem":"Ubuntu 24.04","Name":"colima"}"#, "Colima"),
            (r#"{"host":{"serviceIsRemote":true}}"#, "a podman machine"),
        ] {
            assert_eq!(Engine::read(text).unwrap().vm, Some(vm), "{text}");
        }
        assert_eq!(Engine::read("{\n nonsense").unwrap_err(), "line 2, column 2");
    }

    #[test]
    fn podman_names_its_map_and_keep_id_keeps_the_user() {
        let podman = Engine::read(
            r#"{"host":{"security":{"rootless":true,"selinuxEnabled":true},"idMappings":{"uidmap":[{"container_id":0,"host_id":1001,"size":1},{"container_id":1,"host_id":524288,"size":65536}]}}}"#,
        )
        .unwrap();
        assert!(podman.selinux);
        assert_eq!(podman.ids_of(None, None).outside(1000), Some(525_287));
        assert_eq!(podman.ids_of(None, None).outside(0), Some(1001));
        assert_eq!(podman.ids_of(Some("keep-id"), None).outside(1001), Some(1001));
        assert_eq!(podman.ids_of(Some("keep-id:uid=1000,gid=1000"), None).outside(1000), Some(1001));
        assert_eq!(podman.ids_of(Some("host"), None), Ids::Same);
    }

    #[test]
    fn a_recorded_map_beats_what_the_engine_says() {
        let mut engine = Engine::read(r#"{"SecurityOptions":["name=rootless"]}"#).unwrap();
        assert!(engine.record_ids("me:100000:65536\n", Some(1000)));
        assert_eq!((engine.ids.outside(0), engine.ids.outside(1000)), (Some(1000), Some(100_999)));
        assert!(engine.record_ids("         0       5000          1\n 1 200000 65536\n", None));
        assert_eq!((engine.ids.outside(0), engine.ids.outside(1)), (Some(5000), Some(200_000)));
        assert!(engine.record_ids("0 0 4294967295\n", None));
        assert_eq!(engine.ids, Ids::Same);
        assert!(!engine.record_ids("who knows", None));
        let mut same = Engine::default();
        assert!(same.record_ids("me:100000:65536\n", Some(1000)));
        assert_eq!(same.ids, Ids::Same, "subordinate ids alone do not make an engine map");
    }
}
