//! Whose files are they: the uid of each process against the owner of its state, and whether two processes mean the same
//! state at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Confidence, Finding, PlaceRole};
use crate::openclaw::findings::{Cause, Findings};
use crate::openclaw::model::config;
use crate::openclaw::model::processes::{self, Backing, Process, Uid};
use crate::openclaw::model::scene::Scene;
use crate::openclaw::model::services::{Mount, MountKind, Variable};
use crate::openclaw::rules;
use crate::openclaw::verdict::state::Usable;
use crate::source::Span;

use super::remedies;

/// Variables that name directories of OpenClaw's.
const DIRECTORY_VARIABLES: [&str; 7] = [
    "HOME",
    "OPENCLAW_HOME",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_CONFIG_DIR",
    "OPENCLAW_WORKSPACE_DIR",
    "OPENCLAW_AUTH_PROFILE_SECRET_DIR",
];

/// The line that says who the client runs as, else that of the gateway.
pub(crate) fn user_span(gateway: &Process<'_>, client: &Process<'_>) -> Span {
    let user = client.service.user.as_ref().or(gateway.service.user.as_ref());
    user.map_or(client.service.key_span, |user| user.span)
}

/// A directory variable of the container that holds a path of the host.
pub(crate) fn host_path<'p>(process: &'p Process<'_>) -> Option<(&'static str, &'p str, Span)> {
    DIRECTORY_VARIABLES.iter().find_map(|name| {
        let variable = process.service.environment.get(name)?;
        let path = variable.value?.expose().trim();
        let mounted = process.service.mounts.iter().any(|mount| config::is_below(mount.target, path));
        (is_host_path(path) && !mounted).then_some((*name, path, variable.span))
    })
}

/// The names of every directory variable that holds a path of the host.
pub(crate) fn leaked_directories(process: &Process<'_>) -> Vec<&'static str> {
    let leaks = |name: &&&str| {
        process
            .service
            .environment
            .get(**name)
            .and_then(|variable| variable.value)
            .is_some_and(|path| is_host_path(path.expose().trim()))
    };
    DIRECTORY_VARIABLES.iter().filter(leaks).copied().collect()
}

/// `/Users/...`, `/Volumes/...`, `/mnt/c/...`, `C:\...`: never paths of a Linux image.
fn is_host_path(path: &str) -> bool {
    let windows = path.as_bytes();
    let drive = matches!(windows, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let wsl = path
        .strip_prefix("/mnt/")
        .is_some_and(|rest| matches!(rest.as_bytes(), [l] | [l, b'/', ..] if l.is_ascii_lowercase()));
    drive
        || wsl
        || path.starts_with("/Users/")
        || path.starts_with("/Volumes/")
        || path.starts_with("/private/")
}

/// The mount that is meant for the state, by the name it ends in.
pub(crate) fn mounted_state<'p>(process: &'p Process<'_>) -> Option<(&'p str, Span)> {
    process.service.mounts.iter().find_map(|mount| {
        let name = mount.target.trim_end_matches('/').rsplit('/').next()?;
        let meant = name == rules::STATE_DIR_NAME || rules::LEGACY_STATE_DIR_NAMES.contains(&name);
        (meant && mount.kind != MountKind::Tmpfs).then_some((mount.target, mount.span))
    })
}

/// Everything there is to say about the state.
pub(crate) fn findings(scene: &Scene<'_, '_>, out: &mut Findings) {
    let ours = || scene.processes.iter().enumerate().filter(|(_, process)| process.is_openclaw());
    // A fault of the gateway's state is told for the gateway, whoever shares it.
    let (gateways, others): (Vec<_>, Vec<_>) =
        ours().partition(|(_, process)| process.role == processes::Role::Gateway);
    let mut told = Told::default();
    for (at, process) in gateways.into_iter().chain(others) {
        usable_finding(at, process, scene, &mut told, out);
        mounts(at, process, scene, &mut told, out);
    }
    shared_state(scene, out);
    for span in &scene.listing.unread {
        let finding = scene.finding(
            Code::ListingUnreadable,
            "a line of the ownership listing is nothing that find, stat, ls -ldn, getfacl -n or getenforce prints",
            Some(*span),
        );
        out.push(finding);
    }
}

/// What was said already: two services on one directory, or with one mount, share one finding.
#[derive(Default)]
struct Told {
    /// Each with the process it was told for.
    states: BTreeMap<(Code, String), usize>,
    rooted: BTreeSet<Span>,
}

fn usable_finding(
    at: usize,
    process: &Process<'_>,
    scene: &Scene<'_, '_>,
    told: &mut Told,
    out: &mut Findings,
) {
    let state = |code: Code| (code, process.state_dir.clone());
    match scene.usable.get(at) {
        // Told with the mounts, where its remedy is.
        Some(Usable::No { code: Code::NestedStateDir | Code::MixedUids, .. }) => {}
        Some(Usable::No { code, because, span }) => {
            if let Some(first) = told.states.get(&state(*code)) {
                return out.share(Cause::State(at), Cause::State(*first));
            }
            let mut finding = scene.finding(*code, because.clone(), *span).about(process.subject());
            if matches!(code, Code::UidDrift | Code::SelinuxLabel) {
                told.states.insert(state(*code), at);
            }
            match code {
                Code::UidDrift => drifted(process, scene, &mut finding),
                Code::SelinuxLabel => {
                    finding.evidence.push(format!("state directory in the container: {}", process.state_dir));
                    finding.remedy = remedies::relabel(process, scene);
                }
                Code::HostPathInEnvironment => finding.remedy = remedies::pin_directory(process, scene),
                Code::StateReadOnly => {
                    finding.remedy = Some(remedies::words(
                        "mount the state directory writable: the gateway keeps its pairing store in it",
                    ));
                }
                Code::RootMountByEmptyVariable => {
                    finding.severity = crate::finding::Severity::Error;
                    finding.remedy = Some(remedies::words(
                        "set the variable, or write `${NAME:?not set}` so that Compose refuses to start",
                    ));
                }
                Code::StateMountMissed => finding.remedy = remedies::move_mount(process, scene),
                _ => {}
            }
            if *code == Code::RootMountByEmptyVariable {
                told.rooted.extend(finding.places.iter().map(|place| place.span));
            }
            out.push_for([Cause::State(at)], finding);
        }
        Some(Usable::Doubtful { code, because, span }) => {
            if told.states.insert(state(*code), at).is_some() {
                return;
            }
            let mut finding = scene.finding(*code, because.clone(), *span).about(process.subject());
            finding.severity = crate::finding::Severity::Warning;
            finding.confidence = Confidence::Inferred;
            finding.evidence.push(format!("state directory in the container: {}", process.state_dir));
            finding.remedy = Some(remedies::look_inside(process, scene));
            out.push(finding);
        }
        _ => {}
    }
}

/// The state belongs to somebody else.
fn drifted(process: &Process<'_>, scene: &Scene<'_, '_>, finding: &mut Finding) {
    let uid = process.uid.number().unwrap_or(rules::IMAGE_UID);
    let group = process.uid.group().unwrap_or(uid);
    if process.uid == Uid::Image {
        finding.evidence.push("the image's own user is node, uid 1000; no `user:` says otherwise".to_owned());
    }
    finding.evidence.push(format!("state directory in the container: {}", process.state_dir));
    let inside = format!("container:{}:{}", process.service.name, process.state_dir);
    let Backing::Host(path) = &process.state else {
        finding.remedy = Some(remedies::own_inside(process, uid, group));
        return;
    };
    if let Some(owner) = scene.listing.of(&inside).or_else(|| scene.listing.of(path)) {
        finding.places.extend(scene.place(PlaceRole::Related, owner.span));
    }
    // The host's chown wants the host's ids.
    let ids = scene.engine.ids_of(process.service.userns_mode, process.uid.number());
    let shown = scene.shown_path(path);
    finding.remedy = Some(match (ids.outside(uid), ids.outside(group)) {
        (Some(user), Some(group)) => {
            let whom = if user == uid { format!("uid {uid}") } else { format!("uid {uid}, here {user}") };
            remedies::command(
                format!(
                    "give {shown} to the process ({whom}); if uid {user} is another person's account on this host, set `user:` instead"
                ),
                format!("sudo chown -R {user}:{group} {}", remedies::shell_quote(shown)),
            )
        }
        _ => remedies::own_inside(process, uid, group),
    });
}

fn mounts(at: usize, process: &Process<'_>, scene: &Scene<'_, '_>, told: &mut Told, out: &mut Findings) {
    let name = process.service.name;
    for mount in &process.service.mounts {
        if is_rooted(mount, scene) {
            let source = mount.source.unwrap_or_default();
            let summary =
                format!("{name} mounts {source} from the root of the host: the variable before it is empty");
            if told.rooted.contains(&mount.span) {
                continue;
            }
            let mut finding = scene
                .finding(Code::RootMountByEmptyVariable, summary, Some(mount.span))
                .about(process.subject());
            told.rooted.extend(finding.places.iter().map(|place| place.span));
            finding.remedy = Some(remedies::words(
                "set the variable, or write `${NAME:?not set}` so that Compose refuses to start",
            ));
            out.push(finding);
        }
        let file = mount.target.rsplit('/').next() == Some(rules::CONFIG_NAME)
            && mount.target == process.config_path;
        if file {
            let summary = format!(
                "{name} mounts openclaw.json as a single file: a replaced file keeps its old content in the container"
            );
            let mut finding =
                scene.finding(Code::SingleFileMount, summary, Some(mount.span)).about(process.subject());
            finding.evidence.push("the gateway cannot rename over a mount point, and an editor's rename leaves the old inode mounted".to_owned());
            finding.remedy =
                Some(remedies::words("mount the directory instead; after an edit, recreate the container"));
            out.push(finding);
        }
    }
    if process.outer_state_dir().is_some() {
        let home = home_variable(process);
        let summary = format!(
            "{name} keeps its state in {}: HOME points into the state directory itself",
            process.state_dir
        );
        let mut finding =
            scene.finding(Code::NestedStateDir, summary, home.map(|home| home.span)).about(process.subject());
        finding.remedy = Some(remedies::words(
            "set HOME to the directory above the state directory, or set OPENCLAW_STATE_DIR",
        ));
        out.push_for([Cause::State(at)], finding);
    }
    let mount = processes::mount_over(process.service, &process.state_dir);
    let legacy = rules::LEGACY_STATE_DIR_NAMES.iter().any(|name| process.state_dir.ends_with(name));
    if let Some(mount) = mount.filter(|_| legacy) {
        let summary = format!("{name} still keeps its state in {}", process.state_dir);
        let mut finding =
            scene.finding(Code::LegacyStateDir, summary, Some(mount.span)).about(process.subject());
        finding.remedy =
            Some(remedies::words("with the stack down, mount the same directory at ~/.openclaw"));
        out.push(finding);
    }
    if process.role == processes::Role::Gateway
        && !matches!(scene.usable_of(process), Some(Usable::No { .. }))
    {
        persistence(process, scene, out);
    }
    let on_bridge = !scene.shares_gateway_namespace(name);
    if process.role == processes::Role::Cli
        && on_bridge
        && matches!(process.state, Backing::Layer | Backing::Fleeting)
    {
        let summary = format!(
            "{name} keeps its device identity in the container: each new container is a new device to approve"
        );
        let mut finding = scene
            .finding(Code::ThrowAwayIdentity, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.remedy =
            Some(remedies::words(format!("mount a directory of its own at {}", process.state_dir)));
        out.push(finding);
    }
}

/// The variable that says where the home is.
pub(crate) fn home_variable<'p>(process: &'p Process<'_>) -> Option<&'p Variable<'p>> {
    ["OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "HOME"]
        .into_iter()
        .find_map(|name| process.service.environment.get(name))
}

/// `/a` where `${DIR}/a` is written.
pub(crate) fn is_rooted(mount: &Mount<'_>, scene: &Scene<'_, '_>) -> bool {
    mount.kind == MountKind::Bind
        && mount.source.is_some_and(|source| source.matches('/').count() == 1)
        && scene.sources.expose(mount.span).trim_start_matches(['"', '\'']).starts_with('$')
}

fn persistence(process: &Process<'_>, scene: &Scene<'_, '_>, out: &mut Findings) {
    let name = process.service.name;
    if matches!(process.state, Backing::Layer | Backing::Fleeting) {
        let summary = format!(
            "{name} keeps its state in the container ({}): it is gone when the container is",
            process.state_dir
        );
        let mut finding = scene
            .finding(Code::StateNotPersisted, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.remedy =
            Some(remedies::words(format!("mount a directory or a volume at {}", process.state_dir)));
        out.push(finding);
    }
    let secrets = format!("{}/.config/openclaw", process.home.trim_end_matches('/'));
    if rules::needs_profile_secret_mount(process.version)
        && processes::is_openclaw_image(process.service)
        && processes::mount_over(process.service, &process.state_dir).is_some()
        && processes::mount_over(process.service, &secrets).is_none()
    {
        let summary = format!(
            "{name} mounts nothing at {secrets}: secrets of OAuth profiles do not outlive the container"
        );
        let mut finding = scene
            .finding(Code::ProfileSecretsNotMounted, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.versions = Some("2026.5.12 and later".to_owned());
        finding.remedy =
            Some(remedies::words(format!("where OAuth profiles are used, mount a directory at {secrets}")));
        out.push(finding);
    }
}

/// A gateway against each other process that uses its state or its namespace: the first with which that one is at odds. Of
/// two gateways the later is told.
fn shared_state(scene: &Scene<'_, '_>, out: &mut Findings) {
    for (at, other) in scene.processes.iter().enumerate().filter(|(_, process)| process.is_openclaw()) {
        let is_gateway = scene.gateway_in(at).is_some();
        let gateway = |gateway: usize| scene.processes.get(gateway).filter(|_| !is_gateway || gateway < at);
        let theirs = other.service.name;
        if let Some(gateway) = scene.other_user_of(other).and_then(gateway)
            && let (Some(a), Some(b)) = (gateway.uid.number(), other.uid.number())
        {
            let ours = gateway.service.name;
            let summary = format!(
                "{ours} runs as uid {a} and {theirs} as uid {b} on one state directory: each locks the other out"
            );
            let mut finding = scene
                .finding(Code::MixedUids, summary, Some(user_span(gateway, other)))
                .about(other.subject());
            finding.remedy = remedies::same_user(gateway, other, scene);
            out.push_for([Cause::State(at)], finding);
        }
        if let Some(gateway) = scene.other_state_beside(other).and_then(gateway) {
            let ours = gateway.service.name;
            let summary = format!("{ours} and {theirs} share one loopback and keep two state directories");
            let mount = processes::mount_over(other.service, &other.state_dir).map(|mount| mount.span);
            let mut finding = scene.finding(Code::SplitStateDir, summary, mount).about(other.subject());
            finding.evidence.push(
                "two identities that pair silently on one loopback evict each other's pairing".to_owned(),
            );
            finding.remedy =
                Some(remedies::words(format!("mount the state directory of {ours} into {theirs}, too")));
            out.push(finding);
        }
    }
}
