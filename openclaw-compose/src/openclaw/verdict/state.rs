//! May a process use its state directory? Paths that exist, then owners, modes and ACLs as the process sees them through
//! the engine's map of user ids, then SELinux.

use crate::source::Span;

use crate::openclaw::model::Model;
use crate::openclaw::model::config;
use crate::openclaw::model::engine::Ids;
use crate::openclaw::model::mounts::{self, Backing};
use crate::openclaw::model::owners::{Access, Owner};
use crate::openclaw::model::processes::{self, Process};
use crate::openclaw::model::services::{Mount, MountKind, Relabel, Variable};
use crate::openclaw::rules;

/// Whether a process can use its state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Usable {
    Yes,
    No {
        fault: Fault,
        span: Option<Span>,
    },
    /// What was recorded speaks against it and does not prove it: to be seen from inside.
    Doubtful {
        fault: Fault,
        doubt: Option<Doubt>,
        span: Option<Span>,
    },
    Unknown(Unseen),
}

/// What keeps a process from its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A variable of the container holds a path of the host.
    HostPath { name: &'static str, path: String },
    /// Its `openclaw.json` lies in a directory outside its state.
    ConfigOutside { outer: String },
    /// Its state lies inside that of another service.
    InsideStateOf { service: String },
    /// It is mounted read-only.
    ReadOnly,
    /// It is mounted from the root of the host, for the variable before the path is empty.
    Rooted { source: String },
    /// It is mounted where the process does not look.
    MountMissed { target: String },
    /// A gateway runs on it as another user.
    OtherUser { gateway: String, uid: u32, theirs: u32 },
    /// Its owner does not let the process.
    Refused(Refused),
    /// Somebody maps user ids, and nobody recorded how.
    IdsUnrecorded { by: &'static str, path: String },
    /// SELinux labels it for this container alone, and another service mounts it.
    LabelledForItself { other: String },
    /// SELinux labels it for another container alone.
    LabelledForAnother { other: String },
    /// It has a label that no container may use.
    Labelled { label: String },
    /// SELinux confines the container, and no label is asked for or recorded.
    Unlabelled,
}

/// A path whose owner does not let the process, by ids on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) path: String,
    pub(crate) owner: (u32, u32),
    pub(crate) mode: u32,
    /// The process's user, in its container and outside.
    pub(crate) uid: u32,
    pub(crate) outside: u32,
    pub(crate) act: Act,
}

/// What a process has to do with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Enter,
    Read,
    Write,
}

/// What may be otherwise than recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// An ACL that was not recorded.
    Acl,
    /// The file sharing of a virtual machine, which may map owners.
    FileSharing(Option<&'static str>),
    /// What was looked at may be a copy.
    Copy,
    /// Whether SELinux enforces was not recorded.
    Enforcing,
}

/// What was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// Where the process keeps its state.
    Place,
    /// Who the process runs as.
    User,
    /// How user ids are mapped.
    Ids { by: &'static str, path: String },
    /// The id that the user has on the host.
    Outside { uid: u32 },
    /// The owner of a path.
    Owner { path: String },
    /// The owner inside a volume.
    Volume { name: String },
}

/// Labels with which every container may use a file.
const CONTAINER_LABELS: [&str; 4] =
    ["container_file_t", "svirt_sandbox_file_t", "container_share_t", "container_var_lib_t"];

/// Judges one process.
pub(crate) fn usable(process: &Process<'_>, model: &Model<'_>) -> Usable {
    if !process.is_openclaw() {
        return Usable::Yes;
    }
    if let Some(no) = misplaced(process, model) {
        return no;
    }
    let mount = mounts::mount_over(process.service, &process.state_dir);
    let span = mount.map(|mount| mount.span);
    let ids = match permissions(process, span, model) {
        no @ Usable::No { .. } => return no,
        other => other,
    };
    match (label(process, mount, model), ids) {
        (Some(no @ Usable::No { .. }), _) => no,
        (_, doubtful @ Usable::Doubtful { .. }) => doubtful,
        (Some(doubtful), _) => doubtful,
        (None, ids) => ids,
    }
}

/// A state directory that is another one than was meant.
fn misplaced(process: &Process<'_>, model: &Model<'_>) -> Option<Usable> {
    if let Some((name, path, span)) = host_path(process) {
        let fault = Fault::HostPath { name, path: path.to_owned() };
        return Some(Usable::No { fault, span: Some(span) });
    }
    let nested = |fault| Usable::No { fault, span: home_variable(process).map(|home| home.span) };
    if let Some(outer) = process.outer_state_dir() {
        if process.config_is_outside {
            return Some(nested(Fault::ConfigOutside { outer: outer.to_owned() }));
        }
        if let Some(other) = model.neighbours.state_above(process, model.processes) {
            return Some(nested(Fault::InsideStateOf { service: other.service.name.to_owned() }));
        }
    }
    let mount = mounts::mount_over(process.service, &process.state_dir);
    if let Some(mount) = mount.filter(|mount| mount.read_only && process.role == processes::Role::Gateway) {
        return Some(Usable::No { fault: Fault::ReadOnly, span: Some(mount.span) });
    }
    if let Some(mount) = mount.filter(|mount| is_rooted(mount, model)) {
        let fault = Fault::Rooted { source: mount.source.unwrap_or_default().to_owned() };
        return Some(Usable::No { fault, span: Some(mount.span) });
    }
    // Where the owners were recorded and let it in, its being another user is nobody's trouble.
    let mixed = other_user(process, model)?;
    (!is_let_in(process, model)).then_some(mixed)
}

/// Whether the recorded owners and modes show that a user who is not root may use the state of another.
fn is_let_in(process: &Process<'_>, model: &Model<'_>) -> bool {
    process.uid.number() != Some(0)
        && look(process, model).is_ok_and(|looked| model.listing.of(&looked.path).is_some())
        && matches!(permissions(process, None, model), Usable::Yes)
}

/// A client that shares the state directory of a gateway and runs as another user.
fn other_user(process: &Process<'_>, model: &Model<'_>) -> Option<Usable> {
    let uid = process.uid.number().filter(|_| process.role == processes::Role::Cli)?;
    let gateway = model.gateways.other_user_of(process)?;
    let theirs = gateway.uid.number()?;
    let fault = Fault::OtherUser { gateway: gateway.service.name.to_owned(), uid, theirs };
    Some(Usable::No { fault, span: Some(user_span(gateway, process)) })
}

/// Where the state was looked at.
struct Looked {
    /// As the listing names it.
    path: String,
    /// Where the mount begins: what lies above that is no obstacle inside the container.
    source: String,
    /// How the ids there are the process's own.
    ids: Ids,
    /// On the host, where a virtual machine's file sharing may show others.
    on_host: bool,
}

fn permissions(process: &Process<'_>, span: Option<Span>, model: &Model<'_>) -> Usable {
    let looked = match look(process, model) {
        Ok(looked) => looked,
        Err(verdict) => return verdict,
    };
    let Some(uid) = process.uid.number() else {
        return Usable::Unknown(Unseen::User);
    };
    if uid == 0 && looked.ids == Ids::Same {
        return Usable::Yes;
    }
    if let Ids::Unrecorded(by) = looked.ids {
        // Ids that a user namespace gives out lie far above those of people.
        let ordinary = model.listing.of(&looked.path).is_some_and(|owner| owner.uid < 65_536 && uid != 0);
        let path = looked.path;
        return if ordinary {
            Usable::Doubtful { fault: Fault::IdsUnrecorded { by, path }, doubt: None, span }
        } else {
            Usable::Unknown(Unseen::Ids { by, path })
        };
    }
    let Some(outside) = looked.ids.outside(uid) else {
        return Usable::Unknown(Unseen::Outside { uid });
    };
    let group = process.uid.group().and_then(|gid| looked.ids.outside(gid));
    let access = |owner: &Owner, wanted: u32| {
        // Root inside has root's power over the files of those alone whom its namespace knows.
        if uid == 0 && looked.ids.knows(owner.uid) && looked.ids.knows(owner.gid) {
            return Access::Granted;
        }
        owner.lets(outside, group, wanted)
    };
    let refuse = |owner: &Owner, act: Act, path: &str, access: Access| {
        let (path, mode) = (path.to_owned(), owner.mode);
        let fault = Fault::Refused(Refused { path, owner: (owner.uid, owner.gid), mode, uid, outside, act });
        let doubt = if access == Access::Unknown {
            Doubt::Acl
        } else if model.docker_vm && looked.on_host {
            Doubt::FileSharing(model.engine.vm)
        } else if model.listing.is_copy && looked.on_host {
            Doubt::Copy
        } else {
            return Usable::No { fault, span };
        };
        Usable::Doubtful { fault, doubt: Some(doubt), span }
    };
    let mut doubt = None;
    let mut judge = |owner: &Owner, wanted: u32, act: Act, path: &str| match access(owner, wanted) {
        Access::Granted => None,
        denied => match refuse(owner, act, path, denied) {
            no @ Usable::No { .. } => Some(no),
            other => {
                doubt.get_or_insert(other);
                None
            }
        },
    };
    let ways = model.listing.above(&looked.path);
    for (above, owner) in ways.filter(|(above, _)| config::is_below(&looked.source, above)) {
        if let Some(no) = judge(owner, 1, Act::Enter, above) {
            return no;
        }
    }
    let Some(owner) = model.listing.of(&looked.path) else {
        return doubt.unwrap_or_else(|| Usable::Unknown(Unseen::Owner { path: looked.path.clone() }));
    };
    if let Some(no) = judge(owner, 7, Act::Write, &looked.path) {
        return no;
    }
    for (inside, owner) in model.listing.below(&looked.path) {
        let name = inside.get(looked.path.len() + 1..).unwrap_or_default();
        let Some(wanted) = wanted_inside(name) else { continue };
        // Whoever owns a file may write it anew, whatever its mode says.
        if owner.uid == outside && wanted != READ {
            continue;
        }
        let act = if wanted == READ { Act::Read } else { Act::Write };
        if let Some(no) = judge(owner, wanted, act, inside) {
            return no;
        }
    }
    doubt.unwrap_or(Usable::Yes)
}

const READ: u32 = 4;

/// What the process must be able to do with an entry of its state directory, by its path in there. People keep files of
/// their own in the workspace; none of them keeps a gateway from starting.
fn wanted_inside(path: &str) -> Option<u32> {
    match path {
        rules::CONFIG_NAME | ".env" => Some(READ),
        _ if path.starts_with("workspace/") => None,
        _ => Some(READ | 2),
    }
}

/// Inside its container where somebody looked there, else inside its volume, else on the host.
fn look(process: &Process<'_>, model: &Model<'_>) -> Result<Looked, Usable> {
    let inside = format!("container:{}:{}", process.service.name, process.state_dir);
    if model.listing.of(&inside).is_some() {
        return Ok(Looked { source: inside.clone(), path: inside, ids: Ids::Same, on_host: false });
    }
    match &process.state {
        Backing::Host(path) => {
            let ids = model.engine.ids_of(process.service.userns_mode, process.uid.number());
            let mount = mounts::mount_over(process.service, &process.state_dir);
            let source = mount.and_then(|mount| mount.source).unwrap_or(path).to_owned();
            Ok(Looked { path: path.clone(), source, ids, on_host: true })
        }
        Backing::Volume { name, path } => {
            let key = format!("volume:{name}:{path}");
            let key = key.trim_end_matches('/').to_owned();
            if model.listing.of(&key).is_none() {
                return Err(Usable::Unknown(Unseen::Volume { name: name.clone() }));
            }
            Ok(Looked { source: format!("volume:{name}:"), path: key, ids: Ids::Same, on_host: false })
        }
        Backing::Fleeting | Backing::Layer if !process.knows_state_dir() => {
            Err(Usable::Unknown(Unseen::Place))
        }
        Backing::Fleeting | Backing::Layer => Err(match mounted_state(process) {
            Some((target, span)) => {
                Usable::No { fault: Fault::MountMissed { target: target.to_owned() }, span: Some(span) }
            }
            None => Usable::Yes,
        }),
    }
}

/// What SELinux lets a container do with the bind mount that holds its state: `:z` or a label for containers is enough,
/// `:Z` labels it for one container and takes it from the others.
fn label(process: &Process<'_>, mount: Option<&Mount<'_>>, model: &Model<'_>) -> Option<Usable> {
    let mount = mount.filter(|mount| mount.kind == MountKind::Bind)?;
    let service = process.service;
    // Podman confines its containers wherever SELinux enforces, unless it is told not to.
    let is_podmans = service.job.is_some_and(|job| job.container.is_some());
    let confined = model.engine.selinux
        || model.confined.contains(service.name)
        || is_podmans && model.listing.enforcing == Some(true);
    if !confined || service.unconfined || model.listing.enforcing == Some(false) {
        return None;
    }
    let Backing::Host(path) = &process.state else { return None };
    let span = Some(mount.span);
    let bound = |relabels: &[Relabel]| model.services.bound_by_another(mount.source, relabels, service.name);
    let enforced = |fault| match model.listing.enforcing {
        Some(_) => Usable::No { fault, span },
        None => Usable::Doubtful { fault, doubt: Some(Doubt::Enforcing), span },
    };
    match mount.relabel {
        Relabel::Private => {
            let other = bound(&[Relabel::No, Relabel::Shared, Relabel::Private])?.name.to_owned();
            return Some(enforced(Fault::LabelledForItself { other }));
        }
        Relabel::Shared => return None,
        Relabel::No if bound(&[Relabel::Shared]).is_some() => return None,
        Relabel::No => {}
    }
    if let Some(other) = bound(&[Relabel::Private]) {
        return Some(enforced(Fault::LabelledForAnother { other: other.name.to_owned() }));
    }
    match model.listing.of(path).and_then(|owner| owner.label.as_deref()) {
        Some(label) if CONTAINER_LABELS.contains(&label) => None,
        Some(label) => Some(enforced(Fault::Labelled { label: label.to_owned() })),
        None => Some(Usable::Doubtful { fault: Fault::Unlabelled, doubt: None, span }),
    }
}

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
    // On the host they are right.
    if process.service.is_on_host() {
        return None;
    }
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

/// The variable that says where the home is.
pub(crate) fn home_variable<'p>(process: &'p Process<'_>) -> Option<&'p Variable<'p>> {
    ["OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "HOME"]
        .into_iter()
        .find_map(|name| process.service.environment.get(name))
}

/// `/a` where `${DIR}/a` is written.
pub(crate) fn is_rooted(mount: &Mount<'_>, model: &Model<'_>) -> bool {
    mount.kind == MountKind::Bind
        && mount.source.is_some_and(|source| source.matches('/').count() == 1)
        && model.sources.expose(mount.span).trim_start_matches(['"', '\'']).starts_with('$')
}
