//! Two jobs of one host that run a gateway each and want the same state or the same port: one of them keeps the other out.

use std::collections::{BTreeMap, BTreeSet};

use crate::openclaw::model::processes::{Process, ProcessId};

use super::listener::Gateway;

/// The job that takes another one's place.
pub(crate) struct Rival<'a> {
    pub(crate) process: &'a Process<'a>,
    pub(crate) over: Over,
    /// It holds what both want, by its own log or by that of the one that it keeps out: it is known who loses.
    pub(crate) is_up: bool,
    /// Its own log shows it.
    pub(crate) came_up: bool,
}

/// What two jobs both want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    State,
    Port(u16),
    Both(u16),
}

/// Finds the jobs that are kept out. Where one of two was seen to come up, the other is; else either may be.
pub(crate) fn find<'a>(
    gateways: &[Gateway<'a>],
    up: &BTreeSet<String>,
    kept_out: &BTreeSet<String>,
) -> BTreeMap<ProcessId, Rival<'a>> {
    let jobs: Vec<&Gateway<'a>> =
        gateways.iter().filter(|gateway| gateway.process.service.job.is_some()).collect();
    // Who keeps out the one that says so holds the place.
    let came_up = |gateway: &Gateway<'_>| {
        up.contains(gateway.name()) || !kept_out.is_empty() && !kept_out.contains(gateway.name())
    };
    let mut firsts = (BTreeMap::new(), BTreeMap::new());
    let mut out = BTreeMap::new();
    for gateway in
        jobs.iter().filter(|gateway| came_up(gateway)).chain(jobs.iter().filter(|gateway| !came_up(gateway)))
    {
        let own = gateway.process;
        let state = own.state.is_kept().then_some(&own.state);
        let port = gateway.port.number;
        let on_state: Option<&Gateway<'a>> = state.and_then(|state| firsts.0.get(state).copied());
        let on_port: Option<&Gateway<'a>> = port.and_then(|port| firsts.1.get(&port).copied());
        if let Some(first) = on_state.or(on_port) {
            let over = match (on_state.is_some(), on_port.is_some(), port) {
                (true, true, Some(port)) => Over::Both(port),
                (false, _, Some(port)) => Over::Port(port),
                _ => Over::State,
            };
            let is_up = came_up(first) && !came_up(gateway);
            out.insert(
                own.id,
                Rival { process: first.process, over, is_up, came_up: up.contains(first.name()) },
            );
            if !came_up(first) {
                out.entry(first.process.id).or_insert(Rival {
                    process: own,
                    over,
                    is_up: false,
                    came_up: false,
                });
            }
        }
        if let Some(state) = state {
            firsts.0.entry(state).or_insert(*gateway);
        }
        if let Some(port) = port {
            firsts.1.entry(port).or_insert(*gateway);
        }
    }
    // Two that came up both share what they want, whatever that does to them: neither is kept out.
    out.retain(|_, rival| rival.is_up || !up.contains(rival.process.service.name));
    out
}
