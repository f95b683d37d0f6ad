//! What the log of a service tells openclaw-compose of it.

use openclaw_compose::openclaw::{LoggedRefusal, Refused, Stack, Version};
use openclaw_pairing::timeline::Fault;
use openclaw_pairing::{Mark, Symptom};

use super::Text;
use crate::upstreams::upstreams;

/// Enters whether a gateway wrote it and came up, what it refused, where it led requests in vain, and its release.
pub(super) fn enter<'s>(mut stack: Stack<'s>, service: &str, log: &Text) -> Stack<'s> {
    if log.text.lines().any(is_of_gateway) {
        stack = stack.runs_gateway(service);
    }
    let life = log.life();
    if life.came_up().is_some() && life.stopped.is_none() {
        stack = stack.came_up(service);
    }
    if life.failed.as_ref().is_some_and(|failure| is_of_a_rival(failure.fault)) {
        stack = stack.kept_out(service);
    }
    for refusal in refusals(log) {
        stack = stack.refused(service, refusal);
    }
    for upstream in upstreams(log) {
        stack = stack.led(service, upstream);
    }
    if let Some(version) = release(&log.text) {
        stack = stack.logged_version(service, version);
    }
    stack
}

/// What a gateway's log says that it refused: origins of pages, and the addresses of proxies.
fn refusals(log: &Text) -> Vec<LoggedRefusal> {
    let marks = &log.timeline().marks;
    let started = marks.iter().rposition(is_start);
    let refusal = |(at, mark): (usize, &Mark)| {
        let what = match mark.symptom {
            Symptom::OriginRefused => Refused::Origin(mark.peer.origin.clone()?),
            Symptom::ProxyRefused => Refused::Proxy(mark.peer.remote.as_ref()?.parse().ok()?),
            _ => return None,
        };
        Some(LoggedRefusal { what, is_past: started.is_some_and(|started| at < started) })
    };
    marks.iter().enumerate().filter_map(refusal).collect()
}

/// Up to 2026.4.2 the first that a gateway says of a start is that it listens.
fn is_start(mark: &Mark) -> bool {
    matches!(mark.symptom, Symptom::GatewayStarts | Symptom::GatewayListens)
}

/// Whether another gateway has what this one wants.
fn is_of_a_rival(fault: Fault) -> bool {
    matches!(fault, Fault::PortBusy | Fault::StateLeased | Fault::StateLocked)
}

/// The release of the program that wrote a log, where its last line that names one is of its own CLI, which is the same
/// program: `client=cli cli v2026.8.2` from loopback, or the line with which the CLI introduces itself.
fn release(log: &str) -> Option<Version> {
    log.lines().rev().find_map(|line| {
        let said = match line.split_once("OpenClaw 20") {
            Some((_, rest)) => rest.split(' ').next().map(|rest| format!("20{rest}")),
            None if line.contains("remote=127.0.0.1 ") => {
                let (_, rest) = line.split_once("client=cli cli v")?;
                rest.split(' ').next().map(str::to_owned)
            }
            None => None,
        };
        said?.split('-').next()?.parse().ok()
    })
}

/// Whether only a gateway says this line of a log.
fn is_of_gateway(line: &str) -> bool {
    const STEPS: [&str; 6] = [
        "loading configuration",
        "resolving authentication",
        "starting",
        "http server listening",
        "listening on",
        "ready",
    ];
    let said = line.split_once("[gateway] ").map_or("", |(_, said)| said);
    STEPS.iter().any(|step| said.starts_with(step))
}
