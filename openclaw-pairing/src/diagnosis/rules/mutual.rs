//! Each waits for the other.

use std::collections::BTreeSet;

use super::super::facts::Facts;
use super::super::seen::Seen;
use super::waiting::{BLOCKED, never_asks};
use super::waits::{is_dashboard, waits};
use crate::codes::Code;
use crate::finding::Finding;
use crate::vantage::Vantage;

/// Each of dashboard and CLI waits for someone to approve it, and only the other is there.
pub(super) fn mutual_wait(facts: &Facts<'_>) -> Option<Finding> {
    // A client that never asks waits in a circle too, but for another reason.
    if never_asks(facts).is_some() {
        return None;
    }
    let graph = waits(facts);
    let cycle = graph.cycle()?;
    let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
    let ring = names.iter().chain(names.first()).cloned().collect::<Vec<_>>().join(" -> ");
    let mut finding = Finding::new(Code::MutualWait, format!("each waits for the other's approval: {ring}"))
        .inferred()
        .with_lines(BLOCKED);
    finding.evidence.extend(
        graph
            .waits()
            .iter()
            .map(|wait| format!("{} waits for {}: {}", wait.waiter, wait.holder, wait.reason)),
    );
    for vantage in [Vantage::Dashboard, Vantage::Client] {
        let seen = facts.first_at(vantage, BLOCKED);
        // A dashboard keeps no log of its own: the gateway's names its device.
        let seen = seen.or_else(|| dashboard_refused(facts).filter(|_| vantage == Vantage::Dashboard));
        finding.places.extend(seen.map(Seen::place));
    }
    finding.places.extend(facts.pending().filter_map(|request| facts.row(request)));
    Some(finding)
}

/// Where the gateway's log refuses the device of a dashboard that waits in the list.
fn dashboard_refused<'a>(facts: &Facts<'a>) -> Option<Seen<'a>> {
    let dashboards = facts.pending().filter(|request| is_dashboard(request));
    let waiting: BTreeSet<&str> = dashboards.map(|request| request.device_id.as_str()).collect();
    facts.asks().find(|seen| {
        seen.timeline.vantage == Vantage::Gateway
            && seen.mark.peer.device_id.as_deref().is_some_and(|device| waiting.contains(device))
    })
}
