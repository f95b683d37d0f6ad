//! Services that lose their network with another, or lost it.

use crate::finding::{Code, PlaceRole, Run, Severity, Subject};
use crate::openclaw::model::containers::Runtime;
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::model::stranded::{Since, Stranded};
use crate::openclaw::verdict::Verdicts;
use crate::source::Span;

use super::remedies::{command, words};
use super::{Cause, Findings};

/// Who was left behind in a network namespace that is gone, and who will be when the gateway's container restarts.
pub(crate) fn findings(runtime: &Runtime, verdicts: &Verdicts<'_>, out: &mut Findings) {
    for process in verdicts.model.processes {
        if let Some(stranded) = verdicts.model.stranded.get(process.service.name) {
            left_behind(process, stranded, verdicts, out);
        }
    }
    for gateway in verdicts.gateways {
        let Some(owner) = verdicts.model.namespace_owner(gateway.process) else { continue };
        let stranded = verdicts.model.namespaces.stranded_by(owner.name);
        if stranded.is_empty() {
            continue;
        }
        let list = stranded.join(", ");
        let summary = format!("restarting {} leaves {list} without a network", owner.name);
        let span = stranded
            .first()
            .and_then(|first| verdicts.model.services.named(first))
            .and_then(|service| service.network_mode.as_ref())
            .map(|mode| mode.span);
        let mut finding = verdicts
            .finding(Code::StrandedByRestart, summary, span)
            .about(Subject::Service(owner.name.to_owned()));
        // Where the containers were seen, whoever needs a step has one of its own, and nobody else needs any.
        if runtime.of(owner.name).is_none() {
            finding.remedy = Some(words(format!(
                "nothing now; whenever {} was started again, start {list} again, too",
                owner.name
            )));
        }
        out.push(finding);
    }
}

/// The code, the sentence and the deciding place for a service that was left behind.
pub(crate) fn describe(service: &str, verdicts: &Verdicts<'_>) -> Option<(Code, String, Option<Span>)> {
    let service = verdicts.model.services.named(service)?;
    let Stranded { lender, since } = verdicts.model.stranded.get(service.name)?;
    let name = service.name;
    let summary = match since {
        Since::Recreated => format!(
            "{name} still lives in the network namespace of an earlier container of {lender}: it reaches nobody"
        ),
        Since::Restarted { .. } => format!(
            "{name} still lives in the network namespace that {lender} had before it was started again: it reaches nobody"
        ),
        Since::WithLender => {
            format!(
                "{name} lives in the network namespace of {lender}, which was left behind in one that is gone"
            )
        }
    };
    Some((Code::DeadNamespace, summary, service.network_mode.as_ref().map(|mode| mode.span)))
}

fn left_behind(process: &Process<'_>, stranded: &Stranded, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some((code, summary, span)) = describe(process.service.name, verdicts) else { return };
    let name = process.service.name;
    let mut finding = verdicts.finding(code, summary, span).about(process.subject());
    if process.role == Role::Other {
        finding.severity = Severity::Warning;
    }
    let others = verdicts.model.namespaces.stranded_by(name);
    let names: Vec<&str> = std::iter::once(name).chain(others).collect();
    finding.remedy = Some(match &stranded.since {
        // Its own id is written down in the borrower: only a new one learns of another.
        Since::Recreated => command("recreate it".to_owned(), Run::recreate(&names, true)),
        Since::Restarted { owner, borrower } => {
            let printed = [owner, borrower].into_iter().filter_map(|start| start.span);
            finding.places.extend(printed.filter_map(|span| verdicts.model.place(PlaceRole::Related, span)));
            let lender = &stranded.lender;
            finding
                .evidence
                .push(format!("{lender} was started at {}, {name} before it, at {}", owner.at, borrower.at));
            finding
                .evidence
                .push("a restart keeps the container's id and gives it a new namespace".to_owned());
            command(
                "start it again: it joins the network namespace that is there now".to_owned(),
                format!("docker compose restart {}", names.join(" ")),
            )
        }
        Since::WithLender => command(
            format!("start it again once {} is where its gateway is", stranded.lender),
            format!("docker compose restart {}", names.join(" ")),
        ),
    });
    out.push_for([Cause::Stranded(process.id)], finding);
}
