//! What outlives the container: what is mounted, from where and at which place.

use std::collections::BTreeSet;

use crate::finding::Code;
use crate::openclaw::model::mounts::{self, Backing};
use crate::openclaw::model::processes::{self, Process};
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::state::{Usable, home_variable, is_rooted};
use crate::source::Span;

use super::remedies::words;
use super::{Cause, Findings};

/// What the mounts of a process mean for its state, and whether that outlives the container. `rooted` holds the mounts of an
/// empty variable that were told of.
pub(super) fn mounts(
    process: &Process<'_>,
    verdicts: &Verdicts<'_>,
    rooted: &mut BTreeSet<Span>,
    out: &mut Findings,
) {
    let name = process.service.name;
    for mount in &process.service.mounts {
        if is_rooted(mount, verdicts.model) {
            let source = mount.source.unwrap_or_default();
            let summary =
                format!("{name} mounts {source} from the root of the host: the variable before it is empty");
            if rooted.contains(&mount.span) {
                continue;
            }
            let mut finding = verdicts
                .finding(Code::RootMountByEmptyVariable, summary, Some(mount.span))
                .about(process.subject());
            rooted.extend(finding.places.iter().map(|place| place.span));
            finding.remedy =
                Some(words("set the variable, or write `${NAME:?not set}` so that Compose refuses to start"));
            out.push(finding);
        }
        let file = mount.target.rsplit('/').next() == Some(rules::CONFIG_NAME)
            && mount.target == process.config_path;
        if file {
            let summary = format!(
                "{name} mounts openclaw.json as a single file: a replaced file keeps its old content in the container"
            );
            let mut finding =
                verdicts.finding(Code::SingleFileMount, summary, Some(mount.span)).about(process.subject());
            finding.evidence.push("the gateway cannot rename over a mount point, and an editor's rename leaves the old inode mounted".to_owned());
            finding.remedy =
                Some(words("mount the directory instead; after an edit, recreate the container"));
            out.push(finding);
        }
    }
    if process.outer_state_dir().is_some() {
        let home = home_variable(process);
        let summary = format!(
            "{name} keeps its state in {}: HOME points into the state directory itself",
            process.state_dir
        );
        let mut finding = verdicts
            .finding(Code::NestedStateDir, summary, home.map(|home| home.span))
            .about(process.subject());
        finding.remedy =
            Some(words("set HOME to the directory above the state directory, or set OPENCLAW_STATE_DIR"));
        out.push_for([Cause::State(process.id)], finding);
    }
    let mount = mounts::mount_over(process.service, &process.state_dir);
    let legacy = rules::LEGACY_STATE_DIR_NAMES.iter().any(|name| process.state_dir.ends_with(name));
    if let Some(mount) = mount.filter(|_| legacy) {
        let summary = format!("{name} still keeps its state in {}", process.state_dir);
        let mut finding =
            verdicts.finding(Code::LegacyStateDir, summary, Some(mount.span)).about(process.subject());
        finding.remedy = Some(words("with the stack down, mount the same directory at ~/.openclaw"));
        out.push(finding);
    }
    if process.role == processes::Role::Gateway
        && !matches!(verdicts.usable_by(process), Some(Usable::No { .. }))
    {
        persistence(process, verdicts, out);
    }
    let on_bridge = !verdicts.model.shares_gateway_namespace(process.service);
    if process.role == processes::Role::Cli
        && on_bridge
        && process.knows_state_dir()
        && matches!(process.state, Backing::Layer | Backing::Fleeting)
    {
        let summary = format!(
            "{name} keeps its device identity in the container: each new container is a new device to approve"
        );
        let mut finding = verdicts
            .finding(Code::ThrowAwayIdentity, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.remedy = Some(words(format!("mount a directory of its own at {}", process.state_dir)));
        out.push(finding);
    }
}

fn persistence(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let name = process.service.name;
    if !process.knows_state_dir() {
        return;
    }
    if matches!(process.state, Backing::Layer | Backing::Fleeting) {
        let summary = format!(
            "{name} keeps its state in the container ({}): it is gone when the container is",
            process.state_dir
        );
        let mut finding = verdicts
            .finding(Code::StateNotPersisted, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.remedy = Some(words(format!("mount a directory or a volume at {}", process.state_dir)));
        out.push(finding);
    }
    if verdicts.model.docker_vm
        && matches!(process.state, Backing::Host(_))
        && rules::STATE_IN_SQLITE.holds_for(process.version)
    {
        let mount = mounts::mount_over(process.service, &process.state_dir).map(|mount| mount.span);
        let summary = format!(
            "{name} keeps its database in a directory that the Mac shares with the engine's virtual machine: there SQLite's log was seen to leave it malformed"
        );
        let mut finding =
            verdicts.finding(Code::StateOnFileSharing, summary, mount).about(process.subject()).inferred();
        finding.versions = Some(rules::STATE_IN_SQLITE.to_string());
        finding.remedy = Some(words(format!(
            "keep it in a named volume at {}, which lies inside the virtual machine; never open the database from the Mac while the gateway runs",
            process.state_dir
        )));
        out.push(finding);
    }
    let secrets = format!("{}/.config/openclaw", process.home.trim_end_matches('/'));
    if rules::PROFILE_SECRET_MOUNT.holds_for(process.version)
        && processes::is_openclaw_image(process.service)
        && mounts::mount_over(process.service, &process.state_dir).is_some()
        && mounts::mount_over(process.service, &secrets).is_none()
    {
        let summary = format!(
            "{name} mounts nothing at {secrets}: secrets of OAuth profiles do not outlive the container"
        );
        let mut finding = verdicts
            .finding(Code::ProfileSecretsNotMounted, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.versions = Some(rules::PROFILE_SECRET_MOUNT.to_string());
        finding.remedy =
            Some(words(format!("where OAuth profiles are used, mount a directory at {secrets}")));
        out.push(finding);
    }
}
