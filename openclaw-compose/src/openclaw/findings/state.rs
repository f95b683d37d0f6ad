//! Whose files are they: the uid of each process against the owner of its state, and whether two processes mean the same
//! state at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::edit::{Edit, layout};
use crate::finding::{Code, Confidence, Finding, PlaceRole, Remedy};
use crate::openclaw::model::Model;
use crate::openclaw::model::mounts::{self, Backing};
use crate::openclaw::model::processes::{self, Process, ProcessId, Uid};
use crate::openclaw::model::services::{Mount, Relabel};
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::state::{
    Act, Doubt, Fault, Refused, Unseen, Usable, leaked_directories, mounted_state,
};
use crate::source::Span;

use super::remedies::{command, edits, recreate, replace_scalar, replace_whole, run, shell_quote, words};
use super::{Cause, Findings, persistence, shared_state};

/// Everything there is to say about the state.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let ours = verdicts.model.processes.iter().filter(|process| process.is_openclaw());
    // A fault of the gateway's state is told for the gateway, whoever shares it.
    let (gateways, others): (Vec<_>, Vec<_>) =
        ours.partition(|process| process.role == processes::Role::Gateway);
    let mut told = Told::default();
    for process in gateways.into_iter().chain(others) {
        usable_finding(process, verdicts, &mut told, out);
        if process.service.job.is_none() {
            persistence::mounts(process, verdicts, &mut told.rooted, out);
        }
    }
    shared_state::findings(verdicts, out);
    for span in &verdicts.model.listing.unread {
        let finding = verdicts.finding(
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
    /// Each with the process it was told for. Where nothing is mounted each service has a directory of its own.
    states: BTreeMap<(Code, Backing, Option<String>), ProcessId>,
    rooted: BTreeSet<Span>,
}

/// The code and the sentence for what keeps a process from its state.
pub(crate) fn describe(
    fault: &Fault,
    doubt: Option<Doubt>,
    process: &Process<'_>,
    model: &Model<'_>,
) -> (Code, String) {
    let (name, own) = (process.service.name, &process.state_dir);
    let shown = match &process.state {
        Backing::Host(path) => model.shown_path(path),
        _ => own,
    };
    let (code, because) = match fault {
        Fault::HostPath { name, path } => (
            Code::HostPathInEnvironment,
            format!("{name} is {path}, a path of the host that does not exist in the container"),
        ),
        Fault::ConfigOutside { outer } => (
            Code::NestedStateDir,
            format!("{name} keeps its state in {own}, and its openclaw.json is in {outer}"),
        ),
        Fault::InsideStateOf { service } => (
            Code::NestedStateDir,
            format!("the state of {name} nests in {own}, inside the state directory of {service}"),
        ),
        Fault::ReadOnly => (Code::StateReadOnly, format!("the state directory {own} is mounted read-only")),
        Fault::Rooted { source } => (
            Code::RootMountByEmptyVariable,
            format!("{source} is mounted from the root of the host: the variable before it is empty"),
        ),
        Fault::MountMissed { target } => {
            (Code::StateMountMissed, format!("the state is mounted at {target}, the process uses {own}"))
        }
        Fault::OtherUser { gateway, uid, theirs } => (
            Code::MixedUids,
            format!(
                "{name} runs as uid {uid} on the state directory of {gateway}, which runs as uid {theirs}"
            ),
        ),
        Fault::Refused(refused) => (Code::UidDrift, refused_because(refused, name, model)),
        Fault::IdsUnrecorded { by, path } => (Code::UidDrift, ids_unrecorded(by, path, model)),
        Fault::LabelledForItself { other } => {
            (Code::SelinuxLabel, format!("`:Z` labels {shown} for {name} alone, and {other} mounts it, too"))
        }
        Fault::LabelledForAnother { other } => {
            (Code::SelinuxLabel, format!("`:Z` labels {shown} for {other} alone: {name} is refused"))
        }
        Fault::Labelled { label } => (
            Code::SelinuxLabel,
            format!("{shown} is labelled {label}, which no container may use: {name} is refused"),
        ),
        Fault::Unlabelled => (
            Code::SelinuxLabel,
            format!(
                "SELinux confines {name}, and the mount of {shown} asks for no label (`:z`): what it has was not recorded"
            ),
        ),
    };
    let because = match doubt {
        None => because,
        Some(Doubt::Acl) => format!("{because}, unless its ACL, which was not recorded, lets it"),
        Some(Doubt::FileSharing(vm)) => {
            let sharing = vm.unwrap_or("the virtual machine that Docker runs in");
            format!("{because}, unless the file sharing of {sharing} maps owners")
        }
        Some(Doubt::Copy) => {
            format!("{because}, unless this is a copy of the stack: all of it belongs to one user")
        }
        Some(Doubt::Enforcing) => format!("{because}, if SELinux enforces, which was not recorded"),
    };
    (code, because)
}

fn refused_because(refused: &Refused, name: &str, model: &Model<'_>) -> String {
    let Refused { path, owner: (owner, group), mode, uid, outside, act } = refused;
    let whom =
        if outside == uid { format!("uid {uid}") } else { format!("uid {uid}, on the host {outside},") };
    let act = match act {
        Act::Enter => "enter",
        Act::Read => "read",
        Act::Write => "write",
    };
    let shown = model.shown_path(path);
    format!(
        "{shown} belongs to {owner}:{group} with mode {mode:o}; {name} runs as {whom} and cannot {act} it"
    )
}

fn ids_unrecorded(by: &str, path: &str, model: &Model<'_>) -> String {
    let shown = model.shown_path(path);
    format!("{by} maps user ids and nobody recorded how: who owns {shown} inside is not known")
}

/// Why it is not known whether a process can use its state.
pub(crate) fn unknown_because(unseen: &Unseen, process: &Process<'_>, model: &Model<'_>) -> String {
    let name = process.service.name;
    match unseen {
        Unseen::Place => format!("where {name} keeps its state is not in these files"),
        Unseen::User => format!("the user of {name} is not known"),
        Unseen::Ids { by, path } => ids_unrecorded(by, path, model),
        Unseen::Outside { uid } => format!("uid {uid} of {name} has no id on the host"),
        Unseen::Owner { path } => format!("the owner of {} was not recorded", model.shown_path(path)),
        Unseen::Volume { name } => format!("the owner inside volume {name} was not recorded"),
    }
}

fn usable_finding(process: &Process<'_>, verdicts: &Verdicts<'_>, told: &mut Told, out: &mut Findings) {
    let state = |code: Code| {
        let own = (!process.state.is_kept()).then(|| process.service.name.to_owned());
        (code, process.state.clone(), own)
    };
    match verdicts.usable_by(process) {
        // Told with the mounts, where its remedy is.
        Some(Usable::No {
            fault: Fault::ConfigOutside { .. } | Fault::InsideStateOf { .. } | Fault::OtherUser { .. },
            ..
        }) => {}
        Some(Usable::No { fault, span }) => {
            let (code, because) = describe(fault, None, process, verdicts.model);
            if let Some(first) = told.states.get(&state(code)) {
                return out.share(Cause::State(process.id), Cause::State(*first));
            }
            let mut finding = verdicts.finding(code, because, *span).about(process.subject());
            if matches!(code, Code::UidDrift | Code::SelinuxLabel) {
                told.states.insert(state(code), process.id);
            }
            match code {
                Code::UidDrift => drifted(process, fault, verdicts, &mut finding),
                Code::SelinuxLabel => {
                    finding.evidence.push(format!("state directory in the container: {}", process.state_dir));
                    finding.remedy = relabel(process, verdicts);
                }
                Code::HostPathInEnvironment => finding.remedy = pin_directory(process, verdicts),
                Code::StateReadOnly => {
                    finding.remedy = Some(words(
                        "mount the state directory writable: the gateway keeps its pairing store in it",
                    ));
                }
                Code::RootMountByEmptyVariable => {
                    finding.severity = crate::finding::Severity::Error;
                    finding.remedy = Some(words(
                        "set the variable, or write `${NAME:?not set}` so that Compose refuses to start",
                    ));
                }
                Code::StateMountMissed => finding.remedy = move_mount(process, verdicts),
                _ => {}
            }
            if code == Code::RootMountByEmptyVariable {
                told.rooted.extend(finding.places.iter().map(|place| place.span));
            }
            out.push_for([Cause::State(process.id)], finding);
        }
        Some(Usable::Doubtful { fault, doubt, span }) => {
            let (code, because) = describe(fault, *doubt, process, verdicts.model);
            if told.states.insert(state(code), process.id).is_some() {
                return;
            }
            let mut finding = verdicts.finding(code, because, *span).about(process.subject());
            finding.severity = crate::finding::Severity::Warning;
            finding.confidence = Confidence::Inferred;
            finding.evidence.push(format!("state directory in the container: {}", process.state_dir));
            finding.remedy = Some(look_inside(process, verdicts));
            out.push_for([Cause::State(process.id)], finding);
        }
        _ => {}
    }
}

/// The state belongs to somebody else.
fn drifted(process: &Process<'_>, fault: &Fault, verdicts: &Verdicts<'_>, finding: &mut Finding) {
    // A drift is told of a process whose user is known.
    let Some(uid) = process.uid.number() else { return };
    let group = process.uid.group().unwrap_or(uid);
    if process.uid == Uid::Image {
        finding.evidence.push("the image's own user is node, uid 1000; no `user:` says otherwise".to_owned());
    }
    finding.evidence.push(format!("state directory in the container: {}", process.state_dir));
    let inside = format!("container:{}:{}", process.service.name, process.state_dir);
    let Backing::Host(path) = &process.state else {
        finding.remedy = Some(own_inside(process, uid, group));
        return;
    };
    // Where the directory is right and something in it is not, that is what to look at.
    let refused = match fault {
        Fault::Refused(refused) if refused.path.len() > path.len() && refused.path.starts_with(path) => {
            Some(refused.path.as_str())
        }
        _ => None,
    };
    let listed = |path: &str| verdicts.model.listing.of(path);
    if let Some(owner) = refused.and_then(listed).or_else(|| listed(&inside)).or_else(|| listed(path)) {
        finding.places.extend(verdicts.model.place(PlaceRole::Related, owner.span));
    }
    // What a Mac's file sharing shows inside is not what its own chown sets: the account that runs the engine would lose
    // its files to nobody, and the container need not see a better owner.
    if verdicts.model.docker_vm {
        let mut look = look_inside(process, verdicts);
        look.text = format!(
            "{}; where that is refused as well, keep the state in a named volume: file sharing cannot give it the owner that the process needs",
            look.text
        );
        finding.remedy = Some(look);
        return;
    }
    // The host's chown wants the host's ids.
    let ids = verdicts.model.engine.ids_of(process.service.userns_mode, process.uid.number());
    let shown = verdicts.model.shown_path(path);
    let within = refused
        .map_or_else(String::new, |refused| format!(", with {} in it,", verdicts.model.shown_path(refused)));
    finding.remedy = Some(match (ids.outside(uid), ids.outside(group)) {
        (Some(user), Some(users)) => {
            let whom = if user == uid { format!("uid {uid}") } else { format!("uid {uid}, here {user}") };
            command(
                format!(
                    "give {shown}{within} to the process ({whom}); if uid {user} is another person's account on this host, set `user:` instead"
                ),
                // Root of its containers is the user that runs it, who gives files to the others by its own means.
                if verdicts.model.engine.is_rootless_podman() {
                    format!("podman unshare chown -R {uid}:{group} {}", shell_quote(shown))
                } else {
                    format!("sudo chown -R {user}:{users} {}", shell_quote(shown))
                },
            )
        }
        _ => own_inside(process, uid, group),
    });
}

/// A directory variable that came from the host's `.env`.
fn pin_directory(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let service = process.service;
    let usual = format!("{}/{}", rules::IMAGE_HOME, rules::STATE_DIR_NAME);
    let state = mounted_state(process).map_or(usual.as_str(), |(target, _)| target.trim_end_matches('/'));
    let home = state.rsplit_once('/').map_or(rules::IMAGE_HOME, |(home, _)| home);
    let right = |name: &str| -> Option<String> {
        Some(match name {
            "HOME" | "OPENCLAW_HOME" => home.to_owned(),
            "OPENCLAW_STATE_DIR" | "OPENCLAW_CONFIG_DIR" => state.to_owned(),
            "OPENCLAW_CONFIG_PATH" => format!("{state}/{}", rules::CONFIG_NAME),
            "OPENCLAW_WORKSPACE_DIR" => format!("{state}/workspace"),
            "OPENCLAW_AUTH_PROFILE_SECRET_DIR" => format!("{home}/.config/openclaw"),
            _ => return None,
        })
    };
    let leaked = leaked_directories(process);
    let mut set: Vec<(&str, String)> = Vec::new();
    let mut out = Vec::new();
    for name in leaked {
        let value = right(name)?;
        let variable = service.environment.get(name)?;
        match variable
            .key_span
            .filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key))
        {
            // What comes from a variable is the host's path, for the volumes.
            Some(_) => out.push(
                replace_scalar(verdicts, variable.span, &value)
                    .or_else(|| Some(replace_whole(verdicts, variable.span, &value)?.judgement()))?,
            ),
            None => set.push((name, value)),
        }
    }
    if !set.is_empty() {
        let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let environment = verdicts.model.environment_key(service);
        out.push(layout::set_variables(verdicts.model.sources, service.key_span, environment, &set)?);
    }
    let text = "pin the directories as the container sees them; the host's paths are for the volumes only";
    Some(edits(text, out, Some(recreate(&[service.name], verdicts))))
}

/// Moves a mount to where the process looks.
fn move_mount(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let mount = process.service.mounts.iter().find(|mount| mount.target.contains("/."))?;
    let text = format!("mount it at {}", process.state_dir);
    if !mount.target.trim_end_matches('/').ends_with(rules::STATE_DIR_NAME) {
        return Some(words(format!("{text}; its configuration is called {} there", rules::CONFIG_NAME)));
    }
    let span = mount.span;
    let written = verdicts.model.sources.expose(span);
    let Some(at) = written.rfind(mount.target).filter(|_| matches!(process.state, Backing::Layer)) else {
        return Some(words(text));
    };
    let edit =
        Edit::text(verdicts.model.sources, span.part(at..at + mount.target.len()), process.state_dir.clone())
            .judgement();
    Some(edits(text, vec![edit], Some(recreate(&[process.service.name], verdicts))))
}

/// A look from inside, where every mapping of owners is already done.
fn look_inside(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Remedy {
    let (name, directory) = (process.service.name, shell_quote(&process.state_dir));
    let text = if verdicts.model.listing.is_copy {
        "look where the stack runs, from inside the container"
    } else {
        "look from inside, where the mapping is already done"
    };
    // What starts the container of a job is no service of Compose's.
    if process.service.job.is_some() {
        return words(text);
    }
    command(
        text.to_owned(),
        run(
            name,
            "sh",
            &format!("-c 'id; ls -ldn {directory}; touch {directory}/.probe && rm {directory}/.probe'"),
        ),
    )
}

/// The state given to the process by root inside a container, whatever its ids are outside.
fn own_inside(process: &Process<'_>, uid: u32, group: u32) -> Remedy {
    let (name, directory) = (process.service.name, shell_quote(&process.state_dir));
    if process.service.job.is_some() {
        return words(format!(
            "give what is mounted at {directory} to {uid}:{group} as the container knows them: with `podman unshare chown` where Podman is not root's"
        ));
    }
    command(
        format!("give {directory} to the process from inside a container, whose ids are the ones that count"),
        format!(
            "docker compose run --rm --no-deps -T --user 0 --entrypoint chown {name} -R {uid}:{group} {directory}"
        ),
    )
}

/// `:z` on the mount, and on every mount of the directory that has `:Z`: the engine labels it for all containers.
fn relabel(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let mount = mounts::mount_over(process.service, &process.state_dir)?;
    let text = format!("let the engine label {} for all containers", mount.source.unwrap_or_default());
    let by_hand = || Some(words(format!("{text}: `bind: {{ selinux: z }}` under its mounts")));
    let mut out = Vec::new();
    let mut services = vec![process.service.name];
    for service in &verdicts.model.services.list {
        let same = |other: &&Mount<'_>| other.source == mount.source && other.relabel == Relabel::Private;
        for private in service.mounts.iter().filter(same) {
            let written = verdicts.model.sources.expose(private.span).trim_end_matches(['"', '\'']);
            let Some(at) = written.strip_suffix('Z').map(str::len) else { return by_hand() };
            out.push(Edit::text(verdicts.model.sources, private.span.part(at..at + 1), "z").judgement());
            services.push(service.name);
        }
    }
    if out.is_empty() {
        let written = verdicts.model.sources.expose(mount.span).trim_end_matches(['"', '\'']);
        let target = mount.target.trim_end_matches('/');
        // Only the short form ends in the target or its options.
        let joint = match written.rsplit_once(':') {
            Some((_, last)) if last.trim_end_matches('/') == target => ":z",
            Some((before, options))
                if before.trim_end_matches('/').ends_with(target) && !options.contains(['/', ' ', '}']) =>
            {
                ",z"
            }
            _ => return by_hand(),
        };
        let end = mount.span.part(written.len()..written.len());
        out.push(Edit::text(verdicts.model.sources, end, joint).judgement());
    }
    services.sort_unstable();
    services.dedup();
    Some(edits(text, out, Some(recreate(&services, verdicts))))
}
