//! The evidence, put so that rules can ask short questions.

use crate::devices::{DeviceList, PairedDevice, PendingRequest};
use crate::evidence::{Evidence, SeenList, Vantage};
use crate::finding::{Place, PlaceRole};
use crate::refusal::{PairingReason, Refusal, RefusalClass, RefusalCode};
use crate::scope::{Scope, ScopeSet};
use crate::timeline::{Mark, Symptom, Timeline};
use crate::version::{Rule, Version, rule};

use super::settled::{Admitted, open};

pub(super) struct Facts<'a> {
    pub(super) evidence: &'a Evidence,
    /// What the texts show and nothing since has settled.
    open: Vec<Seen<'a>>,
    /// When the gateway started, in order of time.
    starts: Vec<(u64, Seen<'a>)>,
}

/// A mark with the text that it is from.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) mark: &'a Mark,
}

impl Seen<'_> {
    pub(super) fn place(self) -> Place {
        self.timeline.place(self.mark, PlaceRole::Decided)
    }

    pub(super) fn quote(self) -> String {
        let Self { timeline, mark } = self;
        let mut text = format!("{} line {}: {}", timeline.name, mark.line, mark.words);
        for (key, value) in
            [("device", &mark.device_id), ("request", &mark.request_id), ("from", &mark.remote)]
        {
            if let Some(value) = value {
                text.push_str(&format!(", {key} {value}"));
            }
        }
        text
    }
}

impl<'a> Facts<'a> {
    pub(super) fn new(evidence: &'a Evidence) -> Self {
        let admitted = Admitted::of(&evidence.lists);
        let open: Vec<Seen<'a>> =
            evidence.timelines.iter().flat_map(|timeline| open(timeline, &admitted)).collect();
        let starts = by_time(open.iter().copied().filter(|seen| seen.mark.symptom == Symptom::GatewayStarts));
        Self { evidence, open, starts }
    }

    /// What the texts show and nothing since has settled, in the order of the texts.
    pub(super) fn seen(&self) -> impl Iterator<Item = Seen<'a>> {
        self.open.iter().copied()
    }

    /// The gateway's starts after one time and before another, in order of time.
    pub(super) fn starts_between(&self, from: u64, until: u64) -> &[(u64, Seen<'a>)] {
        let first = self.starts.partition_point(|(at, _)| *at <= from);
        let end = self.starts.partition_point(|(at, _)| *at < until);
        self.starts.get(first..end).unwrap_or_default()
    }

    pub(super) fn first(&self, symptoms: &[Symptom]) -> Option<Seen<'a>> {
        self.seen().find(|seen| symptoms.contains(&seen.mark.symptom))
    }

    pub(super) fn first_at(&self, vantage: Vantage, symptoms: &[Symptom]) -> Option<Seen<'a>> {
        self.seen().find(|seen| seen.timeline.vantage == vantage && symptoms.contains(&seen.mark.symptom))
    }

    pub(super) fn has(&self, symptoms: &[Symptom]) -> bool {
        self.first(symptoms).is_some()
    }

    pub(super) fn refusal(&self, class: RefusalClass) -> Option<&'a Refusal> {
        self.evidence.refusals.iter().map(|seen| &seen.refusal).find(|refusal| refusal.class() == class)
    }

    /// True if someone there was told to wait for approval.
    pub(super) fn is_refused_at(&self, there: impl Fn(Vantage) -> bool) -> bool {
        self.evidence
            .refusals
            .iter()
            .any(|seen| there(seen.vantage) && seen.refusal.class() == RefusalClass::Pairing)
    }

    pub(super) fn refusal_code(&self, code: &RefusalCode) -> Option<&'a Refusal> {
        self.evidence.refusals.iter().map(|seen| &seen.refusal).find(|refusal| refusal.code == *code)
    }

    pub(super) fn pairing_refusal(&self, reason: PairingReason) -> Option<&'a Refusal> {
        self.evidence
            .refusals
            .iter()
            .map(|seen| &seen.refusal)
            .find(|refusal| refusal.pairing == Some(reason))
    }

    /// The list that a decision would be made on: the gateway's own if there is one.
    pub(super) fn seen_list(&self) -> Option<&'a SeenList> {
        let lists = &self.evidence.lists;
        lists.iter().find(|seen| seen.vantage == Vantage::Gateway).or_else(|| lists.first())
    }

    pub(super) fn list(&self) -> Option<&'a DeviceList> {
        self.seen_list().map(|seen| &seen.list)
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &'a PendingRequest> {
        self.list().into_iter().flat_map(|list| &list.pending)
    }

    pub(super) fn paired(&self) -> impl Iterator<Item = &'a PairedDevice> {
        self.list().into_iter().flat_map(|list| &list.paired)
    }

    /// A device that may approve now: an operator with a live token and `operator.pairing`, connected.
    pub(super) fn approver(&self) -> Option<&'a PairedDevice> {
        self.paired().find(|device| {
            device.connected && device.has_live_role("operator") && device.scopes.allows(Scope::Pairing)
        })
    }

    /// The device that waits: the one named, else the one refused, else the first that a log or list names.
    pub(super) fn waiting_device(&self) -> Option<String> {
        let refused = self.evidence.refusals.iter().filter_map(|seen| seen.refusal.device_id.clone());
        let pending = self.pending().map(|request| request.device_id.clone());
        let logged = self.asks().filter_map(|seen| seen.mark.device_id.clone());
        self.evidence.own_device.clone().into_iter().chain(refused).chain(pending).chain(logged).next()
    }

    /// The scopes that the waiting device asks for, as far as known.
    pub(super) fn requested(&self) -> ScopeSet {
        let device = self.waiting_device();
        let listed = self.pending().find(|request| Some(&request.device_id) == device.as_ref());
        let refused = self.evidence.refusals.iter().find_map(|seen| seen.refusal.requested_scopes);
        listed.map(|request| request.scopes).or(refused).or(self.evidence.wanted).unwrap_or_default()
    }

    /// The scopes that the client needs: those that the caller named, else those whose lack was seen, else what it takes
    /// to list devices.
    pub(super) fn wanted(&self) -> ScopeSet {
        let lacking = self.seen().filter_map(|seen| seen.mark.scope.as_deref()).map(Scope::from_name);
        let lacking: ScopeSet = lacking.filter(|scope| *scope != Scope::Other).collect();
        let seen = if lacking.is_empty() { [Scope::Pairing].into() } else { lacking };
        self.evidence.wanted.unwrap_or(seen)
    }

    /// Marks that a request was made or refused for want of approval.
    pub(super) fn asks(&self) -> impl Iterator<Item = Seen<'a>> {
        self.seen().filter(|seen| ASKS.contains(&seen.mark.symptom))
    }

    /// True if anything shows a client that waits for approval.
    pub(super) fn is_asking(&self) -> bool {
        self.asks().next().is_some()
            || self.pending().next().is_some()
            || self.refusal(RefusalClass::Pairing).is_some()
    }

    /// True if the gateway's container was entered in vain.
    pub(super) fn is_gateway_down(&self) -> bool {
        self.first_at(Vantage::Gateway, &[Symptom::NotRunning]).is_some()
    }

    /// The gateway's release, if it is known.
    pub(super) fn version(&self) -> Option<Version> {
        self.evidence.version.as_deref().and_then(Version::parse)
    }

    /// True if the release is known and, by [`crate::version::RULES`], takes no container client for local.
    pub(super) fn is_container_remote(&self) -> bool {
        let row = self.version().and_then(|version| rule(Rule::ContainerIsLocal, Some(version)));
        row.is_some_and(|row| row.before.is_some())
    }
}

/// The dated ones, in order of time.
pub(super) fn by_time<'a>(seen: impl Iterator<Item = Seen<'a>>) -> Vec<(u64, Seen<'a>)> {
    let mut dated: Vec<_> = seen.filter_map(|seen| Some((seen.mark.at_ms?, seen))).collect();
    dated.sort_by_key(|(at, _)| *at);
    dated
}

/// What shows a client that waits for approval.
pub(super) const ASKS: &[Symptom] = &[
    Symptom::NotPaired,
    Symptom::PairingRequired,
    Symptom::ScopeUpgrade,
    Symptom::RoleUpgrade,
    Symptom::MetadataUpgrade,
];
