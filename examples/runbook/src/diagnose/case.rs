//! What was found out so far: findings, and what each piece of evidence claims about the gates.

use std::collections::{BTreeMap, BTreeSet};

use super::shut_by;
use crate::finding::{Code, Confidence, Finding, Place, PlaceRole, Severity};
use crate::gates::{Claim, Client, ClientGates, FindingId, Gate, Says, Whom, judge};
use crate::ticket::Noted;

/// A diagnosis in the making.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Every finding; a [`FindingId`] is its place.
    pub findings: Vec<Noted>,
    /// What the evidence says about the gates.
    pub claims: Vec<Claim>,
    /// The clients, in the order to show.
    pub clients: Vec<Client>,
}

impl Case {
    /// Adds a finding that is laid to no gate.
    pub fn add(&mut self, finding: impl Into<Noted>) -> FindingId {
        self.findings.push(finding.into());
        FindingId::at(self.findings.len() - 1)
    }

    /// Adds a finding. If its code shuts a gate, the gate is claimed shut for `whom`.
    pub fn report(&mut self, finding: impl Into<Noted>, whom: &[Whom]) -> FindingId {
        let noted = finding.into();
        let gate = shut_by(&noted.finding);
        let id = self.add(noted);
        if let Some(gate) = gate {
            self.shut(gate, id, whom);
        }
        id
    }

    /// Adds a finding that shuts this gate, whatever its code usually does: the gate was tried and did not open.
    pub fn report_at(&mut self, gate: Gate, finding: Finding, whom: &[Whom]) {
        let id = self.add(finding);
        self.shut(gate, id, whom);
    }

    /// Claims the gate shut by a finding of this case.
    pub fn shut(&mut self, gate: Gate, id: FindingId, whom: &[Whom]) {
        let Some(confidence) = self.finding(id).map(|noted| noted.finding.confidence) else { return };
        let says = Says::Fail(id);
        for whom in whom {
            self.claims.push(Claim { gate, whom: whom.clone(), says, confidence, because: String::new() });
        }
    }

    /// A finding of this case.
    #[must_use]
    pub fn finding(&self, id: FindingId) -> Option<&Noted> {
        self.findings.get(id.index())
    }

    /// The findings that shut some gate, with that gate.
    pub fn shutting(&self) -> impl Iterator<Item = (Gate, &Noted)> {
        self.claims.iter().filter_map(|claim| match claim.says {
            Says::Fail(id) => Some((claim.gate, self.finding(id)?)),
            Says::Pass | Says::Unreadable => None,
        })
    }

    /// Says why nothing is known about a gate.
    pub fn maybe(&mut self, gate: Gate, whom: Whom, because: impl Into<String>) {
        let because = because.into();
        self.claims.push(Claim { gate, whom, says: Says::Pass, confidence: Confidence::Inferred, because });
    }

    /// Adds what a log or a probe saw at a gate. Where the files already say why one of `gates` is shut, it only bears
    /// that out: it becomes evidence of that finding instead of a finding of its own.
    pub fn corroborate(&mut self, gate: Gate, gates: &[Gate], finding: Finding, whom: &[Whom]) {
        match self.shutting_for(gates, whom).and_then(|id| self.findings.get_mut(id.index())) {
            Some(noted) => {
                let place = finding.primary().cloned();
                let named = place.as_ref().map(|place| format!("{} line {}", place.file, place.line));
                let seen = named.or_else(|| finding.evidence.first().cloned()).unwrap_or_default();
                noted.finding.evidence.push(format!("borne out by {seen} ({})", finding.code));
                noted.finding.places.extend(place.map(|place| Place { role: PlaceRole::Related, ..place }));
            }
            None => self.report_at(gate, finding, whom),
        }
    }

    /// Adds to a finding of this case what was seen of it since.
    pub fn bear_out(&mut self, id: FindingId, seen: &str) {
        if let Some(noted) = self.findings.get_mut(id.index()) {
            noted.finding.evidence.push(format!("borne out by {seen}"));
        }
    }

    /// The first finding that shuts one of these gates for any of these.
    #[must_use]
    pub fn shutting_for(&self, gates: &[Gate], whom: &[Whom]) -> Option<FindingId> {
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
        self.claims.iter().find_map(|claim| {
            let Says::Fail(id) = claim.says else { return None };
            (gates.contains(&claim.gate) && concerns(claim)).then_some(id)
        })
    }

    /// Whether each of these was seen to pass a gate.
    #[must_use]
    pub fn passes(&self, gate: Gate, whom: &[Whom]) -> bool {
        let passed = |whom: &Whom| {
            self.claims.iter().any(|claim| {
                claim.gate == gate
                    && claim.whom == *whom
                    && matches!(claim.says, Says::Pass)
                    && claim.confidence == Confidence::Observed
            })
        };
        whom.iter().all(passed)
    }

    /// Adds what a gateway's log says of a gate. Where a finding of the files tells it, surely or as a doubt, that one is
    /// borne out instead, and shuts the gate that it is about.
    ///
    /// A doubt's own step is to look; of one that was seen it is the way out.
    pub fn confirm(&mut self, gate: Gate, tells: impl Fn(&Finding) -> bool, seen: Finding, whom: &[Whom]) {
        let Some(at) = self.findings.iter().position(|noted| tells(&noted.finding)) else {
            return self.report_at(gate, seen, whom);
        };
        let id = FindingId::at(at);
        if let Some(Noted { finding, mend, changes, .. }) = self.findings.get_mut(at) {
            if finding.confidence == Confidence::Inferred && seen.remedy.is_some() {
                finding.remedy.clone_from(&seen.remedy);
                (*mend, *changes) = (None, Vec::new());
            }
            if let Some(place) = seen.primary() {
                finding.evidence.push(format!("borne out by {}:{} ({})", place.file, place.line, seen.code));
                finding.places.push(Place { role: PlaceRole::Related, ..place.clone() });
            }
            finding.severity = Severity::Error;
            finding.confidence = Confidence::Observed;
        }
        if !self.claims.iter().any(|claim| claim.says == Says::Fail(id)) {
            self.shut(gate, id, whom);
        }
    }

    /// What was observed outranks what a rule predicts: these findings shut nothing any more, and are shown as doubts,
    /// without a step that would rest on them.
    pub fn refute(&mut self, is_refuted: impl Fn(&Finding) -> bool, because: &str) {
        let mut refuted = BTreeSet::new();
        for (at, Noted { finding, mend, changes, .. }) in self.findings.iter_mut().enumerate() {
            if is_refuted(finding) {
                finding.severity = finding.severity.min(Severity::Warning);
                finding.confidence = Confidence::Inferred;
                finding.evidence.push(because.to_owned());
                finding.remedy = None;
                (*mend, *changes) = (None, Vec::new());
                refuted.insert(FindingId::at(at));
            }
        }
        self.claims.retain(|claim| !matches!(claim.says, Says::Fail(id) if refuted.contains(&id)));
    }

    /// A cause outranks its noise: these findings stand behind the one that explains them, and need no step of their own.
    pub fn explain(&mut self, is_noise: impl Fn(&Finding) -> bool, because: &str) {
        for Noted { finding, .. } in &mut self.findings {
            if is_noise(finding) {
                finding.severity = finding.severity.min(Severity::Warning);
                finding.evidence = vec![because.to_owned()];
                finding.remedy = None;
            }
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

    /// Errors that were never laid to any gate. One that a gate was found open against is not among them, nor is a
    /// judgement of the token's own quality: a weak token opens the gate as well as a strong one.
    #[must_use]
    pub fn unaccounted(&self) -> Vec<FindingId> {
        let laid: BTreeSet<Says> = self.claims.iter().map(|claim| claim.says).collect();
        let is_open = |id: &FindingId| {
            self.finding(*id).is_some_and(|Noted { finding, .. }| {
                finding.severity == Severity::Error && !matches!(finding.code, Code::Token(_))
            }) && !laid.contains(&Says::Fail(*id))
        };
        (0..self.findings.len()).map(FindingId::at).filter(is_open).collect()
    }

    /// The gates of each client.
    #[must_use]
    pub fn gates(&self) -> Vec<ClientGates> {
        let mut for_everyone = Vec::new();
        let mut for_client: BTreeMap<&str, Vec<(usize, &Claim)>> = BTreeMap::new();
        for (at, claim) in self.claims.iter().enumerate() {
            match &claim.whom {
                Whom::Everyone => for_everyone.push((at, claim)),
                Whom::Client(name) => for_client.entry(name).or_default().push((at, claim)),
            }
        }
        let client = |client: &Client| {
            let own = for_client.get(client.name.as_str()).into_iter().flatten();
            let mut claims: Vec<(usize, &Claim)> = for_everyone.iter().chain(own).copied().collect();
            claims.sort_unstable_by_key(|(at, _)| *at);
            judge(client.clone(), claims.into_iter().map(|(_, claim)| claim))
        };
        self.clients.iter().map(client).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes::Code as OwnCode;
    use super::*;
    use crate::gates::Kind;

    fn error(code: Code) -> Finding {
        let finding = OwnCode::NoGateway.finding("said");
        Finding { code, confidence: Confidence::Inferred, severity: Severity::Error, ..finding }
    }

    #[test]
    fn an_error_without_a_gate_is_unaccounted_and_one_that_was_refuted_is_not() {
        let mut case = Case::default();
        case.clients.push(Client { kind: Kind::Service, name: "cli".into(), url: None });
        // No gate by its code, one by its code for nobody, one that the evidence contradicts, and a weak token.
        let listener = Code::Runbook(OwnCode::NoGateway);
        case.report(error(Code::Runbook(OwnCode::ChangeUnfinished)), &[Whom::Everyone]);
        case.report(error(listener), &[]);
        case.report(error(listener), &[Whom::Everyone]);
        case.report(error(Code::Token(openclaw_token::Code::WeakToken)), &[Whom::Everyone]);
        case.pass(Gate::Listener, Whom::Everyone, "seen");
        assert_eq!(case.unaccounted(), [0, 1].map(FindingId::at));
        assert!(case.gates()[0].first_red().is_none());
    }
}
