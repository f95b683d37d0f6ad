//! Which image runs tomorrow: pins, releases that differ, upgrades planned and unasked.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Code;
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::rules::version::{self, Version};
use crate::openclaw::rules::{self};
use crate::openclaw::verdict::Verdicts;

use super::Findings;
use super::remedies::{command, shell_quote, words};

/// Everything about images and releases.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut told = BTreeSet::new();
    for process in verdicts.model.processes.iter().filter(|process| process.is_openclaw()) {
        image(process, verdicts, &mut told, out);
    }
    for gateway in verdicts.gateways {
        upgrade(gateway.process, verdicts, out);
    }
    mixed_versions(verdicts, out);
    auto_update(verdicts, out);
}

/// Tags that name another image tomorrow.
const MOVING_TAGS: [&str; 8] = ["latest", "main", "edge", "nightly", "stable", "beta", "dev", "canary"];

fn image<'a>(
    process: &Process<'a>,
    verdicts: &Verdicts<'_>,
    told: &mut BTreeSet<&'a str>,
    out: &mut Findings,
) {
    let Some(image) = &process.service.image else { return };
    if version::digest(image.value).is_some() || process.service.built {
        return;
    }
    let name = process.service.name;
    let tag = version::tag(image.value);
    // An image that only this host has cannot move under it.
    if tag == Some("local") || !told.insert(image.value) {
        return;
    }
    let moving = tag.is_none_or(|tag| MOVING_TAGS.contains(&tag));
    let mut finding = if moving {
        let tag = tag.unwrap_or("latest");
        verdicts
            .finding(
                Code::MovingTag,
                format!("{name} runs the tag {tag}, which is another image tomorrow"),
                Some(image.span),
            )
            .about(process.subject())
    } else {
        verdicts
            .finding(
                Code::ImageNotPinned,
                format!("{name} pins its image by tag only; tags are rebuilt"),
                Some(image.span),
            )
            .about(process.subject())
    };
    finding.evidence.push(image.value.to_owned());
    finding.remedy = Some(command(
        "append the digest of the image that was tested".to_owned(),
        format!("docker image inspect --format '{{{{index .RepoDigests 0}}}}' {}", shell_quote(image.value)),
    ));
    out.push(finding);
}

/// What changes between this release and the one that is planned.
fn upgrade(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let (Some(from), Some(to)) = (process.version, verdicts.model.upgrade_to) else { return };
    let changes: Vec<&rules::AuthChange> = rules::changes_between(from, to).collect();
    if changes.is_empty() {
        return;
    }
    let direction = if from < to { "brings" } else { "takes back" };
    let summary = format!(
        "going from {from} to {to} {direction} {} changes of authentication and reach",
        changes.len()
    );
    let span = process.service.image.as_ref().map(|image| image.span);
    let mut finding = verdicts.finding(Code::AuthModelChange, summary, span).about(process.subject());
    finding.evidence.extend(
        changes.iter().map(|change| format!("{}: {} ({})", change.since, change.what, change.citation)),
    );
    finding.versions = Some(format!("{from} to {to}"));
    finding.remedy = Some(words(
        "read them first; approve what will ask for approval while the old gateway still runs; keep a copy of the state directory",
    ));
    out.push(finding);
}

/// A CLI and a gateway of different releases; of several gateways the first.
fn mixed_versions(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut clients: BTreeMap<Version, Vec<&Process<'_>>> = BTreeMap::new();
    for client in verdicts.model.processes.iter().filter(|process| process.role == Role::Cli) {
        if let Some(version) = own_version(client) {
            clients.entry(version).or_default().push(client);
        }
    }
    let mut known = BTreeSet::new();
    let servers = verdicts.gateways.iter().map(|gateway| gateway.process);
    let servers = servers.filter_map(|server| Some((own_version(server)?, server)));
    let servers: Vec<_> = servers.filter(|(version, _)| known.insert(*version)).collect();
    for (theirs, clients) in clients {
        let Some((ours, server)) = servers.iter().find(|(ours, _)| *ours != theirs) else { continue };
        for client in clients {
            let (a, b) = (server.service.name, client.service.name);
            let summary = format!(
                "{a} is {ours} and {b} is {theirs}: they follow different rules for the token and the URL"
            );
            let span = client.service.image.as_ref().map(|image| image.span);
            let mut finding = verdicts.finding(Code::MixedVersions, summary, span).about(client.subject());
            finding.evidence.extend(
                rules::changes_between(*ours, theirs)
                    .map(|change| format!("{}: {}", change.since, change.what)),
            );
            finding.remedy = Some(words("run both from one image"));
            out.push(finding);
        }
    }
}

fn own_version(process: &Process<'_>) -> Option<Version> {
    version::tag(process.service.image.as_ref()?.value)?.parse().ok()
}

/// Something that replaces images by itself, beside a tag that moves.
fn auto_update(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let updater = verdicts.model.services.list.iter().find(|service| {
        service.image.as_ref().is_some_and(|image| {
            let repository = version::repository(image.value);
            repository.ends_with("watchtower")
                || repository.ends_with("ouroboros")
                || repository.ends_with("/diun")
        })
    });
    let Some(updater) = updater else { return };
    for gateway in verdicts.gateways {
        let process = gateway.process;
        let Some(image) = &process.service.image else { continue };
        let excluded = process
            .service
            .labels
            .iter()
            .any(|(name, at)| name.ends_with("watchtower.enable") && at.value.is("false"));
        if version::digest(image.value).is_none() && !excluded {
            let summary = format!(
                "{} replaces the image of {} unasked: an upgrade may change who may connect",
                updater.name, process.service.name
            );
            let mut finding = verdicts
                .finding(Code::UnattendedUpgrade, summary, Some(updater.key_span))
                .about(process.subject());
            finding.remedy = Some(words(
                "pin the digest, or exclude the service with com.centurylinklabs.watchtower.enable=false",
            ));
            out.push(finding);
        }
    }
}
