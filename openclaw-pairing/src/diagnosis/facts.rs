//! The evidence, put so that rules can ask short questions.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::Code;
use crate::devices::{DeviceList, PairedDevice, PendingRequest};
use crate::evidence::{At, Evidence, SeenList};
use crate::finding::{Finding, Subject};
use crate::peer::Peer;
use crate::place::{Place, PlaceRole};
use crate::refusal::Refusal;
use crate::scope::{Scope, ScopeSet};
use crate::timeline::{Mark, Symptom};
use crate::vantage::Vantage;
use crate::version::{LEFT_OUT, MADE, REPLACES, Rule, Version, rule};
use crate::words::is_id;

use super::seen::{ASKS, SHARED_SECRET, Seen, by_time};
use super::settled::{Admitted, open};

/// The most clients that a finding names.
const MOST_CLIENTS: usize = 256;

pub(super) struct Facts<'a> {
    pub(super) evidence: &'a Evidence,
    /// What the texts show and nothing since has settled.
    open: Vec<Seen<'a>>,
    /// When the gateway started, in order of time.
    starts: Vec<(u64, Seen<'a>)>,
    /// The requests of the list that a decision would be made on, without those that were decided since.
    pending: Vec<&'a PendingRequest>,
    rows: Rows<'a>,
    /// The client's own device, as far as anything but a guess says.
    own: Option<String>,
}

/// What the lists say of a client that a line names by one thing only.
struct Rows<'a> {
    devices: BTreeMap<&'a str, Peer>,
    requests: BTreeMap<&'a str, &'a str>,
    /// The kind of client behind an address, where it is one kind.
    addresses: BTreeMap<&'a str, Option<Peer>>,
}

impl<'a> Rows<'a> {
    fn of(lists: &'a [SeenList]) -> Self {
        let mut rows =
            Self { devices: BTreeMap::new(), requests: BTreeMap::new(), addresses: BTreeMap::new() };
        for DeviceList { pending, paired, .. } in lists.iter().map(|seen| &seen.list) {
            for request in pending {
                rows.requests.insert(&request.request_id, &request.device_id);
                rows.add(&request.device_id, request.remote_ip.as_deref(), Peer::from(request));
            }
            for device in paired {
                rows.add(&device.device_id, device.remote_ip.as_deref(), Peer::from(device));
            }
        }
        rows
    }

    fn add(&mut self, device: &'a str, remote: Option<&'a str>, peer: Peer) {
        if let Some(remote) = remote {
            let mut kind = Peer::default();
            (kind.client, kind.mode) = (peer.client.clone(), peer.mode.clone());
            let known = self.addresses.entry(remote).or_insert_with(|| Some(kind.clone()));
            if *known != Some(kind) {
                *known = None;
            }
        }
        self.devices.entry(device).or_insert(peer);
    }

    fn is_page(&self, device: &str) -> bool {
        self.devices.get(device).is_some_and(Peer::is_dashboard)
    }

    /// The client of a line with what the lists add to it.
    fn complete(&self, peer: &mut Peer, request: Option<&str>) {
        let of_request = request.and_then(|request| self.requests.get(request).copied());
        let device = peer.device_id.clone().or_else(|| of_request.map(str::to_owned));
        if let Some(device) = device.as_deref()
            && let Some((_, row)) =
                self.devices.range(device..).next().filter(|(id, _)| id.starts_with(device))
        {
            peer.complete(row);
        }
        if let Some(remote) = peer.remote.as_deref()
            && let Some(Some(kind)) = self.addresses.get(remote)
        {
            peer.complete(&kind.clone());
        }
    }
}

impl<'a> Facts<'a> {
    pub(super) fn new(evidence: &'a Evidence) -> Self {
        let admitted = Admitted::of(&evidence.lists, &evidence.timelines);
        let open: Vec<Seen<'a>> =
            evidence.timelines.iter().flat_map(|timeline| open(timeline, &admitted)).collect();
        let starts = by_time(open.iter().copied().filter(|seen| seen.mark.symptom == Symptom::GatewayStarts));
        let listed = deciding_list(evidence).into_iter().flat_map(|seen| &seen.list.pending);
        let pending = listed.filter(|request| !admitted.has_decided(request)).collect();
        let rows = Rows::of(&evidence.lists);
        let own = own_device(evidence, &rows).filter(|device| is_id(device));
        Self { evidence, open, starts, pending, rows, own }
    }

    /// What the texts show and nothing since has settled, in the order of the texts.
    pub(super) fn seen(&self) -> impl Iterator<Item = Seen<'a>> {
        self.open.iter().copied()
    }

    /// The clients that the lines and rows behind a finding name.
    pub(super) fn clients(&self, finding: &Finding) -> Vec<Peer> {
        let of_lines = self.named(&finding.symptoms);
        let is_known = |device: &str| self.paired().any(|paired| paired.device_id == device);
        let rows = self.pending().filter(|request| match finding.code {
            Code::MutualWait | Code::OwnApproverMissing | Code::PendingApproval | Code::NatHidesLocal => true,
            Code::ScopeUpgrade => is_known(&request.device_id),
            Code::ApproverLacksScope => request.scopes.contains(Scope::Admin),
            _ => finding.subject == Subject::device(&request.device_id),
        });
        let all: BTreeSet<Peer> =
            of_lines.chain(rows.map(Peer::from)).filter(|peer| !peer.is_nobody()).collect();
        all.into_iter().take(MOST_CLIENTS).collect()
    }

    /// The clients that lines of these meanings name.
    pub(super) fn named(&self, symptoms: &[Symptom]) -> impl Iterator<Item = Peer> {
        self.seen().filter(|seen| symptoms.contains(&seen.mark.symptom)).map(|seen| self.client(seen))
    }

    /// Whom a line is about, as far as anything says.
    fn client(&self, seen: Seen<'_>) -> Peer {
        let mut peer = seen.mark.peer.clone();
        if seen.timeline.vantage != Vantage::Gateway {
            peer.output = Some(seen.timeline.name.clone());
        }
        self.rows.complete(&mut peer, seen.mark.request_id.as_deref());
        peer
    }

    /// The request that a device has now: as the list at hand has it, else the last that a line names in full or that a
    /// refusal of one's own told of.
    pub(super) fn request_of(&self, device: &str) -> Option<&'a str> {
        let listed =
            self.pending().find(|request| request.device_id == device).map(|request| &request.request_id);
        let of_device = self.asks().filter(|seen| seen.mark.peer.device_id.as_deref() == Some(device));
        let logged = || of_device.filter_map(|seen| seen.mark.request_id.as_ref()).last();
        let told = || {
            let refusals = self.evidence.refusals.iter().map(|seen| &seen.refusal);
            let of_device = refusals.filter(|refusal| refusal.device_id.as_deref() == Some(device));
            of_device.filter_map(|refusal| refusal.request_id.as_ref()).next_back()
        };
        listed.or_else(logged).or_else(told).map(String::as_str).filter(|id| is_id(id))
    }

    /// Where the list at hand names a request.
    pub(super) fn row(&self, request: &PendingRequest) -> Option<Place> {
        let seen = self.seen_list()?;
        let At { line, span } = *seen.requests.get(&request.request_id)?;
        Some(Place { role: PlaceRole::Related, file: seen.name.clone(), line, column: 1, span })
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

    /// The first refusal of one's own connects that shows one of these symptoms.
    pub(super) fn refusal(&self, symptoms: &[Symptom]) -> Option<&'a Refusal> {
        let mut refusals = self.evidence.refusals.iter().map(|seen| &seen.refusal);
        refusals.find(|refusal| refusal.symptom().is_some_and(|symptom| symptoms.contains(&symptom)))
    }

    /// True if someone there was told to wait for approval.
    pub(super) fn is_refused_at(&self, there: impl Fn(Vantage) -> bool) -> bool {
        self.evidence.refusals.iter().any(|seen| {
            there(seen.vantage) && seen.refusal.symptom().is_some_and(|symptom| ASKS.contains(&symptom))
        })
    }

    /// The list that a decision would be made on: the gateway's own if there is one.
    pub(super) fn seen_list(&self) -> Option<&'a SeenList> {
        deciding_list(self.evidence)
    }

    pub(super) fn list(&self) -> Option<&'a DeviceList> {
        self.seen_list().map(|seen| &seen.list)
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &'a PendingRequest> {
        self.pending.iter().copied()
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

    /// The client's own device: the one that the caller named, else the one whose request the client itself was told of.
    pub(super) fn own_device(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// The device that waits: the client's own, else the one refused, else the first that a list or log names. A page is not
    /// what a command's client waits for while anything else waits.
    pub(super) fn waiting_device(&self) -> Option<String> {
        let refused = self.evidence.refusals.iter().filter_map(|seen| seen.refusal.device_id.as_deref());
        let pending = || self.pending().map(|request| request.device_id.as_str());
        let others = pending().filter(|device| !self.is_other_page(device));
        let logged = self.asks().filter_map(|seen| seen.mark.peer.device_id.as_deref());
        self.own_device()
            .into_iter()
            .chain(refused)
            .chain(others)
            .chain(pending())
            .chain(logged)
            .next()
            .map(str::to_owned)
    }

    /// True if the device is that of a page in a browser, and the client is none.
    pub(super) fn is_other_page(&self, device: &str) -> bool {
        !self.evidence.topology.client_is_elsewhere && self.rows.is_page(device)
    }

    /// True if the list shows that the device asks to be a node.
    pub(super) fn is_node(&self, device: &str) -> bool {
        self.pending().any(|request| request.role == "node" && request.device_id == device)
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
        self.asks().next().is_some() || self.pending().next().is_some() || self.refusal(ASKS).is_some()
    }

    /// True if the gateway's container was entered in vain.
    pub(super) fn is_gateway_down(&self) -> bool {
        self.first_at(Vantage::Gateway, &[Symptom::NotRunning]).is_some()
    }

    /// The gateway's release, if it is known.
    pub(super) fn version(&self) -> Option<Version> {
        self.evidence.version.as_deref().and_then(Version::parse)
    }

    /// True if the release is known and uses the device of the state directory for every command on loopback: then whoever
    /// approves inside the gateway's container approves as that device.
    pub(super) fn is_loopback_one_device(&self) -> bool {
        let row = self.version().and_then(|version| rule(Rule::LoopbackIsOneDevice, Some(version)));
        row.is_some_and(|row| row.before.is_some())
    }

    /// True if what is refused is the password of a gateway in password mode.
    pub(super) fn asks_for_password(&self) -> bool {
        let refusal = self.refusal(SHARED_SECRET).and_then(Refusal::symptom);
        let first = refusal.or_else(|| self.first(SHARED_SECRET).map(|seen| seen.mark.symptom));
        matches!(first, Some(Symptom::SharedPasswordMismatch | Symptom::SharedPasswordMissing))
    }

    /// True if the release is known and the CLI inside the gateway's container may grant pairing alone: its own device would
    /// have to be approved for whatever it grants beyond.
    pub(super) fn grants_pairing_alone(&self) -> bool {
        let row = self.version().and_then(|version| rule(Rule::LoopbackIsOneDevice, Some(version)));
        row.is_some_and(|row| row.value == REPLACES)
    }

    /// True if the client and who approves inside the gateway's container read one store: what one of them does not find there
    /// was replaced meanwhile.
    pub(super) fn is_one_store(&self) -> bool {
        self.evidence.topology.shared_state
            || self.grants_pairing_alone()
                && self.first_at(Vantage::Gateway, &[Symptom::OtherStore]).is_some()
    }

    /// True if a decision was tried and the store that was asked does not hold the request.
    pub(super) fn is_refused_by_other_store(&self) -> bool {
        self.has(&[Symptom::OtherStore]) && !self.is_one_store()
    }

    /// True if the release is known and looks at the Host header to tell who is local.
    pub(super) fn looks_at_host(&self) -> bool {
        let row = self.version().and_then(|version| rule(Rule::ContainerIsLocal, Some(version)));
        row.is_some_and(|row| row.since.is_none())
    }

    /// True if the release is known and every command of its CLI makes itself a device identity.
    pub(super) fn makes_identity(&self) -> bool {
        self.cli_identity() == Some(MADE)
    }

    /// True if the release is known and its CLI shows no device on loopback, where it has one.
    pub(super) fn leaves_identity_out(&self) -> bool {
        self.cli_identity() == Some(LEFT_OUT)
    }

    fn cli_identity(&self) -> Option<&'static str> {
        Some(rule(Rule::CliIdentity, Some(self.version()?))?.value)
    }
}

/// The device that the caller named, that showed its own attempt, or whose request the client's own texts name. A page is
/// not the client of a command, and texts of clients that name different devices name none.
fn own_device(evidence: &Evidence, rows: &Rows<'_>) -> Option<String> {
    if let Some(named) = &evidence.own_device {
        return Some(named.clone());
    }
    if evidence.topology.client_is_elsewhere {
        return None;
    }
    let is_client = |vantage: Vantage| vantage == Vantage::Client;
    let (told, seen): (Vec<_>, Vec<_>) =
        evidence.timelines.iter().partition(|timeline| is_client(timeline.vantage));
    // A request that was replaced since stands in the gateway's log only.
    let marks = seen.into_iter().flat_map(|timeline| &timeline.marks);
    let logged =
        marks.filter_map(|mark| Some((mark.request_id.as_deref()?, mark.peer.device_id.as_deref()?)));
    let made: BTreeMap<&str, &str> =
        logged.chain(rows.requests.iter().map(|(request, device)| (*request, *device))).collect();
    let made = |request: &str| made.get(request).copied();
    let attempts = evidence.refusals.iter().filter(|seen| is_client(seen.vantage)).map(|seen| &seen.refusal);
    let of_attempt = |refusal: &'_ Refusal| -> Option<String> {
        let device = refusal.device_id.as_deref();
        device.or_else(|| made(refusal.request_id.as_deref()?)).map(str::to_owned)
    };
    if let Some(device) = attempts.filter_map(of_attempt).next_back() {
        return Some(device);
    }
    let of_text = |marks: &[Mark]| {
        let requests = marks.iter().rev().filter_map(|mark| mark.request_id.as_deref());
        requests.filter_map(made).next()
    };
    let devices: BTreeSet<&str> = told
        .into_iter()
        .filter_map(|text| of_text(&text.marks))
        .filter(|device| !rows.is_page(device))
        .collect();
    let mut devices = devices.into_iter();
    devices.next().filter(|_| devices.next().is_none()).map(str::to_owned)
}

/// The list that a decision would be made on: the gateway's own if there is one.
fn deciding_list(evidence: &Evidence) -> Option<&SeenList> {
    let lists = &evidence.lists;
    lists.iter().find(|seen| seen.vantage == Vantage::Gateway).or_else(|| lists.first())
}
