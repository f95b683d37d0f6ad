//! What was found out so far: findings, and what each piece of evidence claims about the gates.

use std::collections::{BTreeMap, BTreeSet};

use super::shut_by;
use crate::finding::{Confidence, Finding, Severity};
use crate::gates::{Claim, Client, Gate, Ladder, Says, Whom, judge};
use crate::ticket::{Excerpt, Noted};

/// A diagnosis in the making.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Every finding, numbered by its place.
    pub findings: Vec<Noted>,
    /// What the evidence says about the gates.
    pub claims: Vec<Claim>,
    /// The clients, in the order to show.
    pub clients: Vec<Client>,
}

impl Case {
    /// Adds a finding. If its code shuts a gate, the gate is claimed shut for `whom`.
    pub fn report(&mut self, finding: Finding, excerpts: Vec<Excerpt>, whom: &[Whom]) {
        if let Some(gate) = shut_by(&finding) {
            self.shut(gate, finding.confidence, whom);
        }
        self.findings.push(Noted { excerpts, ..Noted::new(finding) });
    }

    /// Adds a finding that shuts this gate, whatever its code usually does: the gate was tried and did not open.
    pub fn report_at(&mut self, gate: Gate, finding: Finding, whom: &[Whom]) {
        self.shut(gate, finding.confidence, whom);
        self.findings.push(Noted::new(finding));
    }

    /// Claims the gate shut for one client by a finding that is there already.
    pub fn shut_by(&mut self, gate: Gate, finding: usize, whom: &Whom) {
        let confidence =
            self.findings.get(finding).map_or(Confidence::Inferred, |noted| noted.finding.confidence);
        let says = Says::Fail(finding);
        self.claims.push(Claim { gate, whom: whom.clone(), says, confidence, because: String::new() });
    }

    /// Says why nothing is known about a gate.
    pub fn maybe(&mut self, gate: Gate, whom: Whom, because: impl Into<String>) {
        let because = because.into();
        self.claims.push(Claim { gate, whom, says: Says::Pass, confidence: Confidence::Inferred, because });
    }

    /// Claims the gate shut by the finding that is added next.
    fn shut(&mut self, gate: Gate, confidence: Confidence, whom: &[Whom]) {
        let says = Says::Fail(self.findings.len());
        for whom in whom {
            self.claims.push(Claim { gate, whom: whom.clone(), says, confidence, because: String::new() });
        }
    }

    /// Adds what a log or a probe saw at a gate. Where the files already say why one of `gates` is shut, it only bears
    /// that out: it becomes evidence of that finding instead of a finding of its own.
    pub fn bear_out(&mut self, gate: Gate, gates: &[Gate], finding: Finding, whom: &[Whom]) {
        let everyone = whom.contains(&Whom::Everyone);
        let names: BTreeSet<&str> = whom
            .iter()
            .filter_map(|whom| match whom {
                Whom::Client(name) => Some(name.as_str()),
                Whom::Everyone => None,
            })
            .collect();
        let concerns = |claim: &Claim| match &claim.whom {
            Whom::Client(name) => everyone || names.contains(name.as_str()),
            Whom::Everyone => everyone,
        };
        let told = self.claims.iter().find_map(|claim| {
            let Says::Fail(number) = claim.says else { return None };
            (gates.contains(&claim.gate) && concerns(claim)).then_some(number)
        });
        match told.and_then(|number| self.findings.get_mut(number)) {
            Some(noted) => {
                let place = finding.primary().map(|place| format!("{}:{}", place.file, place.line));
                let seen = place.or_else(|| finding.evidence.first().cloned()).unwrap_or_default();
                noted
                    .finding
                    .evidence
                    .push(format!("borne out by {seen} ({} {})", finding.code, finding.name));
            }
            None => self.report_at(gate, finding, whom),
        }
    }

    /// Claims that a gate was seen to be passed.
    pub fn pass(&mut self, gate: Gate, whom: Whom, because: impl Into<String>) {
        let because = because.into();
        self.claims.push(Claim { gate, whom, says: Says::Pass, confidence: Confidence::Observed, because });
    }

    /// Claims that evidence was given that should show a gate, and cannot be judged.
    pub fn unjudged(&mut self, gate: Gate, whom: Whom, because: impl Into<String>) {
        let because = because.into();
        self.claims.push(Claim {
            gate,
            whom,
            says: Says::Unreadable,
            confidence: Confidence::Observed,
            because,
        });
    }

    /// Errors that were never laid to any gate, by number. One that a gate was found open against is not among them,
    /// nor is a judgement of the token's own quality: a weak token opens the gate as well as a strong one.
    #[must_use]
    pub fn unaccounted(&self) -> Vec<usize> {
        let laid: BTreeSet<usize> = self
            .claims
            .iter()
            .filter_map(|claim| match claim.says {
                Says::Fail(number) => Some(number),
                _ => None,
            })
            .collect();
        let errors = self.findings.iter().enumerate();
        let errors = errors.filter(|(_, noted)| {
            noted.finding.severity == Severity::Error && !noted.finding.code.starts_with("OC-T")
        });
        errors.map(|(number, _)| number).filter(|number| !laid.contains(number)).collect()
    }

    /// A ladder for each client.
    #[must_use]
    pub fn ladders(&self) -> Vec<Ladder> {
        let mut for_everyone = Vec::new();
        let mut for_client: BTreeMap<&str, Vec<(usize, &Claim)>> = BTreeMap::new();
        for (at, claim) in self.claims.iter().enumerate() {
            match &claim.whom {
                Whom::Everyone => for_everyone.push((at, claim)),
                Whom::Client(name) => for_client.entry(name).or_default().push((at, claim)),
            }
        }
        let ladder = |client: &Client| {
            let own = for_client.get(client.name.as_str()).into_iter().flatten();
            let mut claims: Vec<(usize, &Claim)> = for_everyone.iter().chain(own).copied().collect();
            claims.sort_unstable_by_key(|(at, _)| *at);
            judge(client.clone(), claims.into_iter().map(|(_, claim)| claim))
        };
        self.clients.iter().map(ladder).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::Kind;

    fn error(code: &str) -> Finding {
        let mut finding = super::super::codes::Code::NoGateway.finding("said");
        code.clone_into(&mut finding.code);
        finding.confidence = Confidence::Inferred;
        finding
    }

    #[test]
    fn an_error_without_a_gate_is_unaccounted_and_one_that_was_refuted_is_not() {
        let mut case = Case::default();
        case.clients.push(Client { kind: Kind::Service, name: "cli".into(), url: None });
        // No gate by its code, one by its code for nobody, one that the evidence contradicts, and a weak token.
        case.report(error("OC-X999"), Vec::new(), &[Whom::Everyone]);
        case.report(error("OC-R301"), Vec::new(), &[]);
        case.report(error("OC-R301"), Vec::new(), &[Whom::Everyone]);
        case.report(error("OC-T121"), Vec::new(), &[Whom::Everyone]);
        case.pass(Gate::Listener, Whom::Everyone, "seen");
        assert_eq!(case.unaccounted(), [0, 1]);
        assert!(case.ladders()[0].first_red().is_none());
    }
}
