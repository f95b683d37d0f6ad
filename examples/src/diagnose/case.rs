//! What was found out so far: findings, and what each piece of evidence claims about the gates.

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
        self.findings.push(Noted { finding, excerpts, gate: None });
    }

    /// Adds a finding that shuts this gate, whatever its code usually does: the gate was tried and did not open.
    pub fn report_at(&mut self, gate: Gate, finding: Finding, whom: &[Whom]) {
        self.shut(gate, finding.confidence, whom);
        self.findings.push(Noted { finding, excerpts: Vec::new(), gate: None });
    }

    /// Claims the gate shut by the finding that is added next.
    fn shut(&mut self, gate: Gate, confidence: Confidence, whom: &[Whom]) {
        let says = Says::Fail(self.findings.len());
        for whom in whom {
            self.claims.push(Claim { gate, whom: whom.clone(), says, confidence, because: String::new() });
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

    /// A ladder for each client.
    #[must_use]
    pub fn ladders(&self) -> Vec<Ladder> {
        self.clients.iter().map(|client| judge(client.clone(), &self.claims)).collect()
    }

    /// True if some finding is an error at this gate.
    #[must_use]
    pub fn is_shut(&self, gate: Gate) -> bool {
        self.findings
            .iter()
            .any(|noted| noted.finding.severity == Severity::Error && shut_by(&noted.finding) == Some(gate))
    }
}
