//! Services that lose their network with another.

use crate::finding::{Code, Subject};
use crate::openclaw::verdict::Verdicts;

use super::Findings;
use super::remedies::command;

/// Who loses the network when the gateway's container restarts.
pub(crate) fn stranded(verdicts: &Verdicts<'_>, out: &mut Findings) {
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
        let names: Vec<&str> = std::iter::once(owner.name).chain(stranded.iter().copied()).collect();
        finding.remedy = Some(command(
            format!("recreate them together: {} and {list}", owner.name),
            format!("docker compose up -d --force-recreate {}", names.join(" ")),
        ));
        out.push(finding);
    }
}
