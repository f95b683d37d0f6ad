//! The same ladder from several places, compared into one verdict.

use serde::Serialize;

use crate::codes::Code;
use crate::finding::Finding;
use crate::report::ProbeReport;
use crate::rung::Rung;

/// Where a ladder was climbed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Vantage {
    /// Inside the gateway's own network namespace.
    Inside,
    /// A sibling container on the gateway's network, or a throw-away one.
    Sibling,
    /// The host, through the published port.
    Host,
}

impl Vantage {
    /// The place, as a part of a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Inside => "inside the gateway's namespace",
            Self::Sibling => "from a neighbour on its network",
            Self::Host => "on the host",
        }
    }
}

/// What several places saw, in one sentence and as findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// One sentence, such as "healthy inside, dead on the host".
    pub verdict: String,
    /// Whether every place proved all that it was asked for.
    pub is_good: bool,
    /// What follows; empty when every place is good.
    pub findings: Vec<Finding>,
}

/// Compares the ladders of one gateway climbed from several places. The order does not matter; of one place the last
/// counts.
#[must_use]
pub fn compare(ladders: &[(Vantage, ProbeReport)]) -> Comparison {
    let at = |vantage: Vantage| ladders.iter().rev().find(|(v, _)| *v == vantage).map(|(_, report)| report);
    let seen: Vec<(Vantage, &ProbeReport)> = [Vantage::Inside, Vantage::Sibling, Vantage::Host]
        .into_iter()
        .filter_map(|vantage| at(vantage).map(|report| (vantage, report)))
        .collect();
    let verdict = seen
        .iter()
        .map(|(vantage, report)| format!("{} {}", health(report), vantage.words()))
        .collect::<Vec<_>>()
        .join(", ");
    let evidence: Vec<String> = seen.iter().map(|(vantage, report)| line(*vantage, report)).collect();
    let conclude = |code| Finding::of(code, evidence.clone()).inferred();
    let mut findings: Vec<Finding> = decide(&seen).map(conclude).into_iter().collect();
    if are_different_gateways(&seen) {
        findings.insert(0, conclude(Code::DifferentGateways));
    }
    Comparison { verdict, is_good: seen.iter().all(|(_, report)| report.is_good()), findings }
}

/// What a place sees, as far as the verdict needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// A gateway answers, be it only that it is not ready.
    Alive,
    /// Nothing listens at that address.
    Refused,
    /// Something accepts and ends the connection: a forwarder in front of nothing.
    Cut,
    /// The address itself is not found or not reached.
    Apart,
    /// Something else answers, or answers wrongly.
    Other,
}

impl Sight {
    fn of(report: &ProbeReport) -> Self {
        let Some((_, fault)) = report.first_fault() else { return Self::Alive };
        match fault.code {
            // One question alone does not ask for liveness; who says this lives.
            Code::Starting | Code::Draining | Code::NotReady => Self::Alive,
            _ if report.highest() >= Some(Rung::Liveness) => Self::Alive,
            Code::ConnectionRefused => Self::Refused,
            Code::ConnectionReset | Code::ClosedWithoutAnswer => Self::Cut,
            Code::NameNotFound | Code::NameLookupTimeout | Code::HostUnreachable | Code::ConnectTimeout => {
                Self::Apart
            }
            _ => Self::Other,
        }
    }
}

/// The verdict: the first row that fits.
fn decide(seen: &[(Vantage, &ProbeReport)]) -> Option<Code> {
    use Sight::{Alive, Apart, Cut, Other, Refused};
    let sight = |vantage| seen.iter().find(|(v, _)| *v == vantage).map(|(_, report)| Sight::of(report));
    let sights = [Vantage::Inside, Vantage::Sibling, Vantage::Host].map(sight);
    if seen.iter().all(|(_, report)| report.is_good()) {
        return None;
    }
    Some(match sights {
        _ if !sights.contains(&Some(Alive)) && !sights.contains(&Some(Other)) => Code::DeadEverywhere,
        // One place alone: its own fault says all there is to say.
        _ if seen.len() == 1 => return None,
        _ if same_fault(seen) => Code::SameFaultEverywhere,
        _ if !sights.contains(&Some(Alive)) => Code::DeadEverywhere,
        // Nobody outside reaches a listener that answers inside. A forwarder that has nothing behind it is as good a
        // witness as a neighbour.
        [Some(Alive), Some(Refused | Cut), host] if host != Some(Alive) => Code::LoopbackBind,
        [Some(Alive), None | Some(Apart), Some(Cut)] => Code::LoopbackBind,
        [_, _, Some(Refused)] => Code::NotPublished,
        [_, Some(Apart | Refused), _] | [_, _, Some(Apart)] => Code::NetworkApart,
        _ => Code::OutsideDegraded,
    })
}

fn same_fault(seen: &[(Vantage, &ProbeReport)]) -> bool {
    let mut faults =
        seen.iter().map(|(_, report)| report.first_fault().map(|(rung, fault)| (rung, fault.code)));
    let first = faults.next().flatten();
    first.is_some() && faults.all(|fault| fault == first)
}

fn are_different_gateways(seen: &[(Vantage, &ProbeReport)]) -> bool {
    let mut boots = seen.iter().filter_map(|(_, report)| report.facts.boot_id.as_deref());
    let first = boots.next();
    boots.any(|boot| Some(boot) != first)
}

fn health(report: &ProbeReport) -> &'static str {
    if report.is_good() {
        "healthy"
    } else if Sight::of(report) == Sight::Alive {
        "alive but not well"
    } else {
        "dead"
    }
}

fn line(vantage: Vantage, report: &ProbeReport) -> String {
    let highest = report.highest().map_or("nothing", Rung::name);
    let fault = report
        .first_fault()
        .map_or_else(String::new, |(rung, fault)| format!(", then {} at {rung}", fault.code));
    format!("{}, {}: up to {highest}{fault}", vantage.words(), report.target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;
    use crate::tools::read_node;

    fn target() -> Target {
        "openclaw-gateway".parse().expect("a target")
    }

    fn said(status: u16, body: &str) -> ProbeReport {
        let line = serde_json::json!({ "status": status, "contentType": "application/json", "body": body });
        read_node(&target(), Rung::Startup, &line.to_string())
    }

    fn alive() -> ProbeReport {
        said(200, r#"{"ok":true,"status":"started"}"#)
    }

    fn failed(error: &str) -> ProbeReport {
        read_node(&target(), Rung::Startup, &serde_json::json!({ "error": error }).to_string())
    }

    fn with_boot(mut report: ProbeReport, boot: &str) -> ProbeReport {
        report.facts.boot_id = Some(boot.to_owned());
        report
    }

    #[test]
    fn places_are_compared_into_one_verdict() {
        let (inside, sibling, host) = (Vantage::Inside, Vantage::Sibling, Vantage::Host);
        let refused = || failed("ECONNREFUSED");
        for (ladders, expected) in [
            (vec![], None),
            (vec![(inside, alive()), (host, alive())], None),
            (
                vec![(inside, alive()), (sibling, refused()), (host, failed("ECONNRESET"))],
                Some(Code::LoopbackBind),
            ),
            (vec![(inside, alive()), (sibling, refused())], Some(Code::LoopbackBind)),
            (vec![(inside, alive()), (host, failed("ECONNRESET"))], Some(Code::LoopbackBind)),
            (vec![(inside, alive()), (host, refused())], Some(Code::NotPublished)),
            (vec![(inside, alive()), (sibling, alive()), (host, refused())], Some(Code::NotPublished)),
            (
                vec![(inside, alive()), (sibling, failed("ENOTFOUND")), (host, alive())],
                Some(Code::NetworkApart),
            ),
            (
                vec![(inside, alive()), (sibling, failed("ENOTFOUND")), (host, refused())],
                Some(Code::NotPublished),
            ),
            (
                vec![(inside, alive()), (sibling, failed("ENOTFOUND")), (host, failed("ECONNRESET"))],
                Some(Code::LoopbackBind),
            ),
            (vec![(inside, alive()), (sibling, failed("EAI_AGAIN"))], Some(Code::NetworkApart)),
            (vec![(sibling, refused()), (host, alive())], Some(Code::NetworkApart)),
            (vec![(inside, alive()), (host, failed("EHOSTUNREACH"))], Some(Code::NetworkApart)),
            (
                vec![(inside, alive()), (sibling, alive()), (host, failed("ECONNRESET"))],
                Some(Code::OutsideDegraded),
            ),
            (vec![(inside, alive()), (host, said(404, "{}"))], Some(Code::OutsideDegraded)),
            (vec![(inside, refused()), (host, failed("ECONNRESET"))], Some(Code::DeadEverywhere)),
            (vec![(inside, refused()), (host, refused())], Some(Code::DeadEverywhere)),
            (vec![(host, refused())], Some(Code::DeadEverywhere)),
            (
                vec![(inside, with_boot(alive(), "a")), (host, with_boot(alive(), "b"))],
                Some(Code::DifferentGateways),
            ),
        ] {
            let comparison = compare(&ladders);
            assert_eq!(comparison.findings.first().map(|f| f.code), expected, "{}", comparison.verdict);
        }
    }

    #[test]
    fn the_same_fault_everywhere_is_not_the_network() {
        let starting = || said(503, r#"{"ok":false,"status":"starting"}"#);
        let comparison = compare(&[(Vantage::Inside, starting()), (Vantage::Host, starting())]);
        assert_eq!(comparison.findings[0].code, Code::SameFaultEverywhere);
        let comparison = compare(&[(Vantage::Inside, alive()), (Vantage::Host, starting())]);
        assert_eq!(comparison.findings[0].code, Code::OutsideDegraded);
        assert_eq!(
            comparison.verdict,
            "healthy inside the gateway's namespace, alive but not well on the host"
        );
    }
}
