//! Two processes on one state directory or on one loopback: whose state it is, and as which user.

use crate::edit::layout;
use crate::finding::{Code, Remedy};
use crate::openclaw::model::Model;
use crate::openclaw::model::mounts;
use crate::openclaw::model::processes::{self, Process};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::state::{Usable, user_span};

use super::remedies::{edits, recreate, replace_scalar, words};
use super::{Cause, Findings};

/// A gateway against each other process that uses its state or its namespace: the first with which that one is at odds. Of
/// two gateways the later is told.
pub(super) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Model { gateways, processes, .. } = verdicts.model;
    for other in processes.iter().filter(|process| process.is_openclaw()) {
        let is_told = |gateway: &&Process<'_>| gateway.id < other.id || verdicts.gateway_in(other).is_none();
        let theirs = other.service.name;
        let is_shut_out =
            other.role != processes::Role::Cli || !matches!(verdicts.usable_by(other), Some(Usable::Yes));
        if let Some(gateway) = gateways.other_user_of(other).filter(is_told).filter(|_| is_shut_out)
            && let (Some(a), Some(b)) = (gateway.uid.number(), other.uid.number())
        {
            let ours = gateway.service.name;
            let summary = format!(
                "{ours} runs as uid {a} and {theirs} as uid {b} on one state directory: each locks the other out"
            );
            let mut finding = verdicts
                .finding(Code::MixedUids, summary, Some(user_span(gateway, other)))
                .about(other.subject());
            finding.remedy = same_user(gateway, other, verdicts);
            out.push_for([Cause::State(other.id)], finding);
        }
        let beside = verdicts.model.namespace(other.service);
        let beside = beside.and_then(|namespace| gateways.other_state_beside(other, namespace));
        if let Some(gateway) = beside.filter(is_told).filter(|_| other.service.job.is_none()) {
            let ours = gateway.service.name;
            let summary = format!("{ours} and {theirs} share one loopback and keep two state directories");
            let mount = mounts::mount_over(other.service, &other.state_dir).map(|mount| mount.span);
            let mut finding = verdicts.finding(Code::SplitStateDir, summary, mount).about(other.subject());
            finding.evidence.push(
                "two identities that pair silently on one loopback evict each other's pairing".to_owned(),
            );
            finding.remedy = Some(words(format!("mount the state directory of {ours} into {theirs}, too")));
            out.push(finding);
        }
    }
}

/// One user for both.
fn same_user(gateway: &Process<'_>, other: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let (uid, gid) = (gateway.uid.number()?, gateway.uid.group()?);
    let text = format!("run {} as uid {uid}, as {} runs", other.service.name, gateway.service.name);
    let user = format!("{uid}:{gid}");
    let edit = match &other.service.user {
        Some(written) => replace_scalar(verdicts, written.span, &user)?,
        None => layout::insert_child(
            verdicts.model.sources,
            other.service.key_span,
            &format!("user: \"{user}\""),
        )?,
    };
    Some(edits(text, vec![edit], Some(recreate(&[other.service.name], verdicts))))
}
