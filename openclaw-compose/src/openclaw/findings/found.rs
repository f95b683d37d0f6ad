//! Findings as they are made, each with what it shuts, until they are ranked.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, FindingId, PlaceRole, Subject};
use crate::openclaw::model::gateways::GatewayId;
use crate::openclaw::model::processes::ProcessId;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::ClientId;
use crate::source::Span;

/// What a finding was made for: a red gate looks up the one that it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A process cannot use its state.
    State(ProcessId),
    /// Another job of the host keeps a gateway out.
    Rival(ProcessId),
    /// A gateway does not start.
    Start(GatewayId),
    /// A gateway listens on a loopback that is not its clients'.
    Bind(GatewayId),
    /// The published port leads past a gateway.
    Published(GatewayId),
    /// A proxy leads past a gateway's port.
    Proxied(GatewayId),
    /// A gateway does not trust the proxy in a client's way.
    Trust(ClientId),
    /// The proxy in a client's way passes no upgrade on.
    Upgrade(ClientId),
    /// A process was left behind in a network namespace that is gone.
    Stranded(ProcessId),
    /// A client's way does not lead to the gateway.
    Reach(ClientId),
    /// A browser's page is refused.
    Origin(ClientId),
    /// A client's secret is not the gateway's.
    Auth(ClientId),
    /// The running container of a process is older than the files.
    Stale(ProcessId),
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    findings: Vec<Finding>,
    /// Each cause with the position of its finding.
    behind: BTreeMap<Cause, usize>,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds a finding that these causes have in common; a cause that has one already keeps it.
    pub(crate) fn push_for(&mut self, causes: impl IntoIterator<Item = Cause>, finding: Finding) {
        for cause in causes {
            self.behind.entry(cause).or_insert(self.findings.len());
        }
        self.findings.push(finding);
    }

    /// Lets a cause rest on the finding of another.
    pub(crate) fn share(&mut self, cause: Cause, known: Cause) {
        if let Some(at) = self.behind.get(&known).copied() {
            self.behind.entry(cause).or_insert(at);
        }
    }

    /// Puts findings in place of those of the same code that the same place decides.
    pub(crate) fn replace(&mut self, with: Vec<Finding>) {
        if with.is_empty() {
            return;
        }
        let decided = |finding: &Finding| (finding.code, finding.places.first().map(|place| place.span));
        let mut known: BTreeMap<_, usize> =
            self.findings.iter().enumerate().rev().map(|(at, finding)| (decided(finding), at)).collect();
        for finding in with {
            let at = *known.entry(decided(&finding)).or_insert(self.findings.len());
            match self.findings.get_mut(at) {
                Some(known) => *known = finding,
                None => self.findings.push(finding),
            }
        }
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    pub(crate) fn has(&self, cause: Cause) -> bool {
        self.behind.contains_key(&cause)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// Errors before warnings before notes; within these in the order of the codes, then of the places. What was said
    /// twice is said once.
    pub(crate) fn ranked(self) -> (Vec<Finding>, BTreeMap<Cause, FindingId>) {
        let Self { findings, behind } = self;
        let mut made: Vec<(usize, Finding)> = findings.into_iter().enumerate().collect();
        made.sort_by(|(_, a), (_, b)| {
            let place = |finding: &Finding| {
                finding.places.first().map(|place| (place.file.clone(), place.line, place.column))
            };
            b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)).then_with(|| place(a).cmp(&place(b)))
        });
        let mut ranked: Vec<Finding> = Vec::with_capacity(made.len());
        let mut ids = BTreeMap::new();
        for (at, finding) in made {
            match ranked.last_mut() {
                Some(last) if says_the_same(last, &finding) => {
                    if last.subject != finding.subject {
                        last.subject = Subject::Stack;
                    }
                }
                _ => ranked.push(finding),
            }
            ids.insert(at, FindingId::at(ranked.len() - 1));
        }
        let behind = behind.into_iter().filter_map(|(cause, at)| Some((cause, *ids.get(&at)?))).collect();
        (ranked, behind)
    }
}

/// Whether two findings differ in nothing but whom they are about.
fn says_the_same(a: &Finding, b: &Finding) -> bool {
    a.code == b.code && a.summary == b.summary && *a == b.clone().about(a.subject.clone())
}

impl Verdicts<'_> {
    /// A finding with its deciding place: where the value comes from, and beside it the template that asks for it.
    pub(crate) fn finding(&self, code: Code, summary: impl Into<String>, span: Option<Span>) -> Finding {
        let mut finding = Finding::new(code, summary);
        if let Some(span) = span {
            let origin = self.model.origin(span);
            finding.places.extend(self.model.place(PlaceRole::Decided, origin));
            if origin != span {
                finding.places.extend(self.model.place(PlaceRole::Related, span));
            }
        }
        finding
    }
}
