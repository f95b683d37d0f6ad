//! What is over. A log keeps every refusal, also those that an approval, a right token or a restart has answered since;
//! whatever still holds is met again and stands further down.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{ASKS, SHARED_SECRET, Seen};
use crate::devices::PendingRequest;
use crate::evidence::SeenList;
use crate::peer::Peer;
use crate::timeline::{Mark, Symptom, Timeline};
use crate::vantage::Vantage;

/// The marks of a text that nothing since has settled, in order. Read once from the end: logs of a client that retries
/// for days are long.
pub(super) fn open<'a>(timeline: &'a Timeline, admitted: &Admitted<'a>) -> Vec<Seen<'a>> {
    let mut since = Since::default();
    let mut approvals = BTreeMap::new();
    let mut open = Vec::new();
    for mark in timeline.marks.iter().rev() {
        let mut approved = |id: &'a str| *approvals.entry(id).or_insert_with(|| admitted.approved(id));
        if !since.settles(mark) && !admitted.settles(mark, &mut approved) {
            open.push(Seen { timeline, mark });
        }
        since.note(mark);
    }
    open.reverse();
    open
}

/// What came after a mark in its text.
#[derive(Default)]
struct Since<'a> {
    /// A person approved a device.
    decided: bool,
    /// Devices that were approved.
    approved: BTreeSet<Option<&'a str>>,
    /// Whose credential was accepted: everything behind it, such as pairing, is refused only after it.
    authenticated: BTreeSet<(Option<&'a str>, bool)>,
    /// The gateway started: it keeps lockouts in memory.
    started: bool,
    /// The gateway answered, if only with a refusal: whoever wrote this text reached it, and it was up.
    answered: bool,
}

impl<'a> Since<'a> {
    fn note(&mut self, mark: &'a Mark) {
        self.answered |= ANSWERS.contains(&mark.symptom) || ASKS.contains(&mark.symptom);
        match mark.symptom {
            Symptom::Approved | Symptom::SilentlyApproved => {
                self.approved.insert(mark.peer.device_id.as_deref());
                self.decided |= mark.symptom == Symptom::Approved;
            }
            Symptom::GatewayStarts => self.started = true,
            symptom if ASKS.contains(&symptom) || PAST_THE_TOKEN.contains(&symptom) => {
                self.authenticated.insert((mark.peer.remote.as_deref(), mark.peer.is_dashboard()));
            }
            _ => {}
        }
    }

    fn settles(&self, mark: &Mark) -> bool {
        let remote = mark.peer.remote.as_deref();
        match mark.symptom {
            // These name no device: where one was approved since, whoever met them has a way in.
            Symptom::MissingScope | Symptom::UnknownRequest => !self.approved.is_empty(),
            // Neither does any refusal up to 2026.7.1; what still waits is in the list. Who was refused is never approved
            // silently.
            symptom if ASKS.contains(&symptom) && mark.peer.device_id.is_none() => self.decided,
            symptom if ASKS.contains(&symptom) => self.approved.contains(&mark.peer.device_id.as_deref()),
            // A lockout is of an address, whoever is behind it.
            Symptom::LockedOut => {
                self.started || [false, true].iter().any(|kind| self.authenticated.contains(&(remote, *kind)))
            }
            symptom if SHARED_SECRET.contains(&symptom) => {
                self.authenticated.contains(&(remote, mark.peer.is_dashboard()))
            }
            symptom if NO_ANSWER.contains(&symptom) => self.answered,
            _ => false,
        }
    }
}

/// What only a client meets whose credential was accepted.
const PAST_THE_TOKEN: &[Symptom] = &[Symptom::MissingScope, Symptom::Connected];

/// What is over once the gateway answers whoever wrote it.
const NO_ANSWER: &[Symptom] =
    &[Symptom::Unreachable, Symptom::PlaintextRefused, Symptom::DialledOwnLoopback, Symptom::Starting];

/// Answers of a gateway that is up, beside the wish that a person decide.
const ANSWERS: &[Symptom] = &[
    Symptom::Connected,
    Symptom::MissingScope,
    Symptom::SharedTokenMismatch,
    Symptom::SharedTokenMissing,
    Symptom::SharedPasswordMismatch,
    Symptom::SharedPasswordMissing,
    Symptom::DeviceTokenMismatch,
    Symptom::UnknownRequest,
    Symptom::EmptyList,
    Symptom::OriginRefused,
    Symptom::ProxyRefused,
];

/// A `devices approve` that is refused itself approves in the state directory instead, and the line of its refusal is written a
/// moment after the approval (2026.5.28, observed: 2 ms).
const FALL_BACK_MS: u64 = 1_000;

/// When devices were let in, as the lists and the dated lines of every text show it. The log of 2026.4.15 is silent about approvals, and its lists about
/// addresses.
#[derive(Default)]
pub(super) struct Admitted<'a> {
    /// The latest approval of a device.
    devices: BTreeMap<&'a str, u64>,
    /// The latest approval of a device that a text tells of.
    told: BTreeMap<&'a str, u64>,
    /// The latest approval from an address; of devices without one under `None`.
    addresses: BTreeMap<Option<&'a str>, u64>,
    /// When a device was last seen at an address, dashboards apart from others.
    seen: BTreeMap<(&'a str, bool), u64>,
    /// The latest approval of a client at an address, by what it calls itself; of those on loopback under `None`.
    clients: BTreeMap<(&'a str, Option<&'a str>), u64>,
    /// When a person last approved anyone.
    decided: Option<u64>,
    /// When the gateway last started.
    started: Option<u64>,
    /// The devices that wait in the gateway's own list, if there is one.
    waiting: Option<BTreeSet<&'a str>>,
}

impl<'a> Admitted<'a> {
    pub(super) fn of(lists: &'a [SeenList], timelines: &'a [Timeline]) -> Self {
        let mut admitted = Self::default();
        let keep = |known: &mut u64, at: u64| *known = at.max(*known);
        for (mark, at) in timelines.iter().flat_map(|timeline| &timeline.marks).filter_map(dated) {
            match mark.symptom {
                Symptom::Approved | Symptom::SilentlyApproved => {
                    if let Some(device) = &mark.peer.device_id {
                        keep(admitted.devices.entry(device).or_default(), at);
                        keep(admitted.told.entry(device).or_default(), at);
                    }
                    if mark.symptom == Symptom::Approved {
                        admitted.decided = admitted.decided.max(Some(at));
                    }
                }
                Symptom::GatewayStarts => admitted.started = admitted.started.max(Some(at)),
                symptom if ASKS.contains(&symptom) || PAST_THE_TOKEN.contains(&symptom) => {
                    if let Some(remote) = &mark.peer.remote {
                        keep(admitted.seen.entry((remote, mark.peer.is_dashboard())).or_default(), at);
                    }
                }
                _ => {}
            }
        }
        let own = lists.iter().filter(|seen| seen.vantage == Vantage::Gateway);
        for seen in own {
            let waiting = admitted.waiting.get_or_insert_default();
            waiting.extend(seen.list.pending.iter().map(|request| request.device_id.as_str()));
        }
        for device in lists.iter().flat_map(|seen| &seen.list.paired) {
            let address = device.remote_ip.as_deref();
            keep(admitted.devices.entry(&device.device_id).or_default(), device.approved_at_ms);
            keep(admitted.addresses.entry(address).or_default(), device.approved_at_ms);
            keep(admitted.clients.entry((&device.client_id, address)).or_default(), device.approved_at_ms);
            if let (Some(address), Some(at)) = (address, device.last_seen_at_ms) {
                keep(admitted.seen.entry((address, Peer::from(device).is_dashboard())).or_default(), at);
            }
        }
        admitted
    }

    /// The latest approval of a device whose id begins like this. Each listed device is looked at once for each length of
    /// an id at the most, as long as the caller asks once for each id.
    fn approved(&self, id: &str) -> Option<u64> {
        let devices = self.devices.range(id..).take_while(|(device, _)| device.starts_with(id));
        devices.map(|(_, at)| *at).max()
    }

    /// True if a text tells of the approval of whoever made this request, after it was made: the list is the older one.
    pub(super) fn has_decided(&self, request: &PendingRequest) -> bool {
        let made = request.refreshed_at_ms.unwrap_or(request.ts);
        let device = request.device_id.as_str();
        // A line may have the beginning of an id only.
        let told = self.told.range(..=device).rev().take_while(|(id, _)| id.get(..8) == device.get(..8));
        told.filter(|(id, _)| device.starts_with(**id)).any(|(_, at)| *at > made)
    }

    /// True if the gateway's own list, which is newer than a log, holds no request of whoever asked: it was over before a
    /// restart, and nobody asked again.
    fn is_gone(&self, mark: &Mark) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| match mark.peer.device_id.as_deref() {
            Some(id) => !waiting.range(id..).next().is_some_and(|device| device.starts_with(id)),
            None => waiting.is_empty(),
        })
    }

    /// True if a list shows that the device was let in after this refusal; where no device is named, one from the same
    /// address, if both say it.
    fn settles(&self, mark: &'a Mark, approved: &mut impl FnMut(&'a str) -> Option<u64>) -> bool {
        let Some(at) = mark.at_ms else { return false };
        let remote = mark.peer.remote.as_deref();
        let is_later = |then: Option<&u64>| then.is_some_and(|then| *then > at);
        if ASKS.contains(&mark.symptom) {
            if is_later(self.started.as_ref()) && self.is_gone(mark) {
                return true;
            }
            return match &mark.peer.device_id {
                Some(id) => approved(id).is_some_and(|then| {
                    let fell_back = mark.symptom == Symptom::ScopeUpgrade && self.is_gone(mark);
                    then > at || fell_back && then.saturating_add(FALL_BACK_MS) > at
                }),
                None => {
                    is_later(self.decided.as_ref())
                        || is_later(self.addresses.get(&None))
                        || remote.is_some() && is_later(self.addresses.get(&remote))
                }
            };
        }
        // Whoever is approved is given a new token of its own.
        if mark.symptom == Symptom::DeviceTokenMismatch {
            let address = remote.filter(|_| !mark.peer.is_on_loopback());
            return match (&mark.peer.device_id, &mark.peer.client) {
                (Some(id), _) => is_later(approved(id).as_ref()),
                (None, Some(client)) => is_later(self.clients.get(&(client.as_str(), address))),
                (None, None) => false,
            };
        }
        let Some(remote) = remote else { return false };
        let seen = |dashboard: bool| is_later(self.seen.get(&(remote, dashboard)));
        match mark.symptom {
            Symptom::LockedOut => is_later(self.started.as_ref()) || seen(false) || seen(true),
            symptom if SHARED_SECRET.contains(&symptom) => seen(mark.peer.is_dashboard()),
            _ => false,
        }
    }
}

/// A mark with its time.
fn dated(mark: &Mark) -> Option<(&Mark, u64)> {
    Some((mark, mark.at_ms?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::DeviceList;

    const ASK: &str = "2026-11-22T06:25:32.000Z [ws] closed before connect remote=10.0.0.3 cause=pairing-required \
                       deviceId=77fc328f73074abb requestId=a1 reason=not-paired client=cli";
    const NAMELESS: &str = "2026-11-22T06:25:32.000Z [ws] closed before connect remote=10.0.0.3 code=1008 reason=pairing required";
    const LACK: &str = "[ws] res device.pair.list errorMessage=missing scope: operator.pairing";
    const GONE: &str = "[ws] res device.pair.approve errorMessage=unknown requestId";
    const APPROVED: &str = "[gateway] device pairing approved device=77fc328f73074abb role=operator";
    const ANOTHER: &str = "[gateway] device pairing approved device=8f9de4867ccdbaa7 role=operator";
    const MISMATCH: &str =
        "2026-11-22T06:25:30.000Z [ws] unauthorized remote=10.0.0.3 client=cli reason=token_mismatch";
    const LOCKED: &str =
        "2026-11-22T06:25:31.000Z [ws] unauthorized remote=10.0.0.3 client=cli reason=rate_limited";
    const STARTS: &str = "2026-11-22T06:25:33.000Z [gateway] loading configuration";

    fn symptoms_with(lines: &[&str], lists: &[SeenList]) -> Vec<Symptom> {
        let timeline = Timeline::parse(Vantage::Gateway, "log", &lines.join("\n"));
        open(&timeline, &Admitted::of(lists, &[])).into_iter().map(|seen| seen.mark.symptom).collect()
    }

    fn symptoms(lines: &[&str]) -> Vec<Symptom> {
        symptoms_with(lines, &[])
    }

    #[test]
    fn a_refusal_without_a_device_is_settled_by_an_approval_in_the_log_or_in_the_list() {
        assert_eq!(symptoms_with(&[NAMELESS, APPROVED], &[]), [Symptom::Approved]);
        let silently = APPROVED.replace("approved", "auto-approved");
        let both = [Symptom::PairingRequired, Symptom::SilentlyApproved];
        assert_eq!(symptoms_with(&[NAMELESS, &silently], &[]), both);
        assert_eq!(symptoms_with(&[APPROVED, NAMELESS], &[]), [Symptom::Approved, Symptom::PairingRequired]);
        let approved = |at: u64| {
            let text = format!(r#"{{"paired":[{{"deviceId":"77fc328f73074abb","approvedAtMs":{at}}}]}}"#);
            let list = DeviceList::from_json(&text).unwrap();
            [SeenList::new(Vantage::Gateway, "list", list)]
        };
        assert_eq!(symptoms_with(&[NAMELESS], &approved(1_795_328_732_001)), []);
        assert_eq!(symptoms_with(&[NAMELESS], &approved(1_795_328_731_999)), [Symptom::PairingRequired]);
        // Where the log names the device, it is that device which the list has to show.
        assert_eq!(symptoms_with(&[ASK], &approved(1_795_328_732_001)), []);
        assert_eq!(symptoms_with(&[ASK], &approved(1_795_328_731_999)), [Symptom::NotPaired]);
        // It approved itself, and its refusal was written a moment later.
        let upgrade = ASK.replace("not-paired", "scope-upgrade");
        assert_eq!(symptoms_with(&[&upgrade], &approved(1_795_328_731_998)), []);
        assert_eq!(symptoms_with(&[&upgrade], &approved(1_795_328_730_000)), [Symptom::ScopeUpgrade]);
        let another = ASK.replace("77fc328f73074abb", "8f9de4867ccdbaa7");
        assert_eq!(symptoms_with(&[&another], &approved(1_795_328_732_001)), [Symptom::NotPaired]);
    }

    #[test]
    fn an_approval_settles_what_stands_before_it_and_nothing_else() {
        assert_eq!(symptoms(&[ASK, LACK, GONE, APPROVED]), [Symptom::Approved]);
        assert_eq!(symptoms(&[APPROVED, ASK]), [Symptom::Approved, Symptom::NotPaired]);
        assert_eq!(symptoms(&[ASK, ANOTHER]), [Symptom::NotPaired, Symptom::Approved]);
        assert_eq!(symptoms(&[APPROVED, LACK]), [Symptom::Approved, Symptom::MissingScope]);
    }

    #[test]
    fn who_is_told_to_pair_was_let_past_the_token_and_the_lockout() {
        assert_eq!(symptoms(&[MISMATCH, LOCKED, ASK]), [Symptom::NotPaired]);
        assert_eq!(
            symptoms(&[ASK, MISMATCH, LOCKED]),
            [Symptom::NotPaired, Symptom::SharedTokenMismatch, Symptom::LockedOut]
        );
        // Another address says nothing about this one; another kind of client only about the lockout.
        let elsewhere = ASK.replace("10.0.0.3", "10.0.0.4");
        assert_eq!(
            symptoms(&[MISMATCH, LOCKED, &elsewhere]),
            [Symptom::SharedTokenMismatch, Symptom::LockedOut, Symptom::NotPaired]
        );
        let dashboard = ASK.replace("client=cli", "client=openclaw-control-ui");
        assert_eq!(
            symptoms(&[MISMATCH, LOCKED, &dashboard]),
            [Symptom::SharedTokenMismatch, Symptom::NotPaired]
        );
    }

    #[test]
    fn a_restart_ends_a_lockout_and_mends_no_token() {
        assert_eq!(
            symptoms(&[MISMATCH, LOCKED, STARTS]),
            [Symptom::SharedTokenMismatch, Symptom::GatewayStarts]
        );
    }

    #[test]
    fn a_stale_device_token_is_over_once_its_client_was_approved_anew() {
        const STALE: &str = "2026-11-22T06:25:30.000Z [ws] unauthorized remote=127.0.0.1 client=cli reason=device_token_mismatch";
        let seen = |client: &str, at: u64| {
            let text = format!(
                r#"{{"pending":[],"paired":[{{"deviceId":"d","clientId":"{client}","approvedAtMs":{at}}}]}}"#
            );
            let list = DeviceList::from_json(&text).unwrap();
            symptoms_with(&[STALE], &[SeenList::new(Vantage::Gateway, "list", list)])
        };
        assert_eq!(seen("cli", 1_795_328_731_000), []);
        assert_eq!(seen("cli", 1_795_328_729_000), [Symptom::DeviceTokenMismatch]);
        assert_eq!(seen("node-host", 1_795_328_731_000), [Symptom::DeviceTokenMismatch]);
    }

    #[test]
    fn a_device_that_was_let_in_since_ends_a_lockout_of_its_address() {
        let seen = |at: u64, from: &str| {
            let text = format!(
                r#"{{"pending":[],"paired":[{{"deviceId":"d","clientId":"cli","remoteIp":"{from}","lastSeenAtMs":{at}}}]}}"#
            );
            let list = DeviceList::from_json(&text).unwrap();
            symptoms_with(&[MISMATCH, LOCKED], &[SeenList::new(Vantage::Gateway, "list", list)])
        };
        let refused = [Symptom::SharedTokenMismatch, Symptom::LockedOut];
        // 2026-11-22T06:25:31Z
        assert_eq!(seen(1_795_328_731_500, "10.0.0.3"), []);
        assert_eq!(seen(1_795_328_730_500, "10.0.0.3"), [Symptom::LockedOut]);
        assert_eq!(seen(1_795_328_731_500, "10.0.0.9"), refused);
        assert_eq!(seen(0, "10.0.0.3"), refused);
    }
}
