//! Who waits for whom, as the evidence has it.

use super::waiting::{BLOCKED, never_asks, restart_mid_pairing};
use crate::diagnosis::facts::Facts;
use crate::diagnosis::seen::ASKS;
use crate::diagnosis::{Party, WaitGraph, short};
use crate::peer::Peer;
use crate::timeline::Symptom;
use crate::vantage::Vantage;

/// Who waits for whom.
pub(super) fn waits(facts: &Facts<'_>) -> WaitGraph {
    let mut graph = WaitGraph::default();
    let dashboard_waits = facts.first_at(Vantage::Dashboard, ASKS).is_some()
        || facts.pending().any(is_dashboard)
        || facts.is_refused_at(|vantage| vantage == Vantage::Dashboard)
        || facts.asks().any(|seen| seen.mark.peer.is_dashboard());
    let cli_blocked = facts.first_at(Vantage::Client, BLOCKED).is_some()
        || facts.pending().any(|request| !is_dashboard(request))
        || facts.is_refused_at(|vantage| vantage != Vantage::Dashboard);
    let cli_stranded = facts
        .first_at(
            Vantage::Client,
            &[Symptom::Unreachable, Symptom::PlaintextRefused, Symptom::DialledOwnLoopback],
        )
        .is_some();
    if never_asks(facts).is_some() {
        if dashboard_waits {
            graph.add(
                Party::Dashboard,
                Party::Cli,
                "the dashboard's device is not approved, and the CLI is where one approves",
            );
        }
        graph.add(Party::Cli, Party::Operator, "it needs operator.pairing, which only approval gives");
        graph.add(
            Party::Operator,
            Party::Cli,
            "there is no request of the CLI to approve, because it never asks",
        );
    } else if facts.approver().is_none() && dashboard_waits && cli_blocked {
        graph.add(
            Party::Dashboard,
            Party::Cli,
            "the dashboard's device is not approved, and the CLI is where one approves",
        );
        graph.add(
            Party::Cli,
            Party::Dashboard,
            "the CLI's device is not approved either, and the dashboard is the other place to approve",
        );
    } else if dashboard_waits && cli_stranded {
        graph.add(
            Party::Dashboard,
            Party::Cli,
            "the dashboard's device is not approved, and the CLI is where one approves",
        );
        graph.add(Party::Cli, Party::Gateway, "the CLI does not reach this gateway");
    } else if facts.is_asking() {
        let waiter = if dashboard_waits { Party::Dashboard } else { Party::Cli };
        let holder = facts
            .approver()
            .map_or(Party::Operator, |device| Party::Device(short(&device.device_id).to_owned()));
        graph.add(waiter, holder, "its device waits for approval");
    }
    if restart_mid_pairing(facts).is_some() {
        graph.add(Party::Operator, Party::Supervisor, "each restart drops the clients while a request waits");
    }
    graph
}

pub(super) fn is_dashboard(request: &crate::PendingRequest) -> bool {
    Peer::from(request).is_dashboard()
}
