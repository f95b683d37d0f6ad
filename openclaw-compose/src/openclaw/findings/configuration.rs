//! Configurations that were not given or cannot be read, stacks without a gateway, and releases that nobody names.

use std::collections::BTreeSet;

use crate::finding::{Code, Confidence, Severity};
use crate::openclaw::model::mounts;
use crate::openclaw::model::processes::{self, ConfigState, Role};
use crate::openclaw::verdict::Verdicts;
use crate::source::Span;

use super::Findings;
use super::remedies::{command, run, shell_quote, words};

/// Everything about what the stack's configuration leaves open.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    configuration(verdicts, out);
    versions(verdicts, out);
}

/// Configurations that were not given, and stacks without a gateway.
fn configuration(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let process = gateway.process;
        // One that is there and cannot be read is told with the files.
        if matches!(process.config, ConfigState::Unknown) {
            let summary = format!(
                "{} of {} was not given: a token in it would win",
                process.config_path, process.service.name
            );
            let mount = mounts::mount_over(process.service, &process.config_path).map(|mount| mount.span);
            let mut finding = verdicts
                .finding(Code::ConfigNotGiven, summary, mount.or(Some(process.service.key_span)))
                .about(process.subject());
            let (name, path) = (process.service.name, shell_quote(&process.config_path));
            finding.remedy = Some(match (process.service.job, mount) {
                (Some(_), _) => words(format!(
                    "copy {} of that host to state/ beside the definitions",
                    process.config_path
                )),
                (None, Some(_)) => command("read it inside a container".to_owned(), run(name, "cat", &path)),
                // Without a mount it is in that one container.
                (None, None) => command(
                    "read it inside the container".to_owned(),
                    format!("docker compose exec -T {name} cat {path}"),
                ),
            });
            out.push(finding);
        }
    }
    // The gateway's own configuration is told where the gateway is.
    let mut told: BTreeSet<Span> =
        out.iter().flat_map(|finding| &finding.places).map(|place| place.span).collect();
    let clients = verdicts.model.processes.iter().filter(|process| process.role == Role::Cli);
    for (process, fault) in clients.filter_map(|process| Some((process, process.config()?.refused()?))) {
        if told.contains(&fault.span()) {
            continue;
        }
        let summary = format!("{} of {}: {fault}", process.config_path, process.service.name);
        let mut finding =
            verdicts.finding(Code::ConfigSyntax, summary, Some(fault.span())).about(process.subject());
        told.extend(finding.places.iter().map(|place| place.span));
        finding.severity = Severity::Warning;
        finding.remedy = Some(words("correct the file: what it says to this client is unknown"));
        out.push(finding);
    }
    let unseen = verdicts.model.processes.iter().find(|process| processes::may_be_gateway(process));
    if verdicts.gateways.is_empty()
        && let Some(process) = unseen
    {
        let name = process.service.name;
        let summary = format!(
            "it cannot be told which service runs the gateway: what {name} starts is not in these files"
        );
        let mut finding = verdicts
            .finding(Code::NoGateway, summary, Some(process.service.key_span))
            .about(process.subject());
        finding.severity = Severity::Info;
        finding.confidence = Confidence::Inferred;
        finding.remedy =
            Some(command("look at what it starts".to_owned(), format!("docker compose top {name}")));
        out.push(finding);
    } else if verdicts.gateways.is_empty()
        && let Some(cli) = verdicts.model.processes.iter().find(|process| process.role == Role::Cli)
    {
        let summary = format!("{} is there, and no service of this stack runs the gateway", cli.service.name);
        out.push(verdicts.finding(Code::NoGateway, summary, Some(cli.service.key_span)));
    }
}

/// A release that nobody names.
fn versions(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let process = gateway.process;
        if process.version.is_some() {
            continue;
        }
        let span = process.service.image.as_ref().map_or(process.service.key_span, |image| image.span);
        let summary =
            format!("the release of {} is not known: it is judged by the newest rules", process.service.name);
        let mut finding =
            verdicts.finding(Code::VersionUnknown, summary, Some(span)).about(process.subject());
        let asked = match process.service.job {
            Some(_) => "openclaw --version".to_owned(),
            None => run(process.service.name, "openclaw", "--version"),
        };
        finding.remedy = Some(command("ask it".to_owned(), asked));
        out.push(finding);
    }
}
