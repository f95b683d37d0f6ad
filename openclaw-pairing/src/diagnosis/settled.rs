//! What is over. A log keeps every refusal, also those that an approval, a right token or a restart has answered since;
//! whatever still holds is met again and stands further down.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{ASKS, Seen};
use super::waits::DASHBOARDS;
use crate::evidence::SeenList;
use crate::timeline::{Mark, Symptom, Timeline};

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
}

impl<'a> Since<'a> {
    fn note(&mut self, mark: &'a Mark) {
        match mark.symptom {
            Symptom::Approved | Symptom::SilentlyApproved => {
                self.approved.insert(mark.device_id.as_deref());
                self.decided |= mark.symptom == Symptom::Approved;
            }
            Symptom::GatewayStarts => self.started = true,
            symptom if ASKS.contains(&symptom) || symptom == Symptom::MissingScope => {
                self.authenticated.insert((mark.remote.as_deref(), is_dashboard(mark.client.as_deref())));
            }
            _ => {}
        }
    }

    fn settles(&self, mark: &Mark) -> bool {
        let remote = mark.remote.as_deref();
        match mark.symptom {
            // These name no device: where one was approved since, whoever met them has a way in.
            Symptom::MissingScope | Symptom::UnknownRequest => !self.approved.is_empty(),
            // Neither does any refusal up to 2026.7.1; what still waits is in the list. Who was refused is never approved
            // silently.
            symptom if ASKS.contains(&symptom) && mark.device_id.is_none() => self.decided,
            symptom if ASKS.contains(&symptom) => self.approved.contains(&mark.device_id.as_deref()),
            // A lockout is of an address, whoever is behind it.
            Symptom::LockedOut => {
                self.started || [false, true].iter().any(|kind| self.authenticated.contains(&(remote, *kind)))
            }
            symptom if SHARED_TOKEN.contains(&symptom) => {
                self.authenticated.contains(&(remote, is_dashboard(mark.client.as_deref())))
            }
            _ => false,
        }
    }
}

/// A refusal of the shared token.
const SHARED_TOKEN: &[Symptom] = &[Symptom::SharedTokenMismatch, Symptom::SharedTokenMissing];

/// When devices were let in, as the lists show it. The log of 2026.4.15 is silent about approvals, and its lists about
/// addresses.
#[derive(Default)]
pub(super) struct Admitted<'a> {
    /// The latest approval of a device.
    devices: BTreeMap<&'a str, u64>,
    /// The latest approval from an address; of devices without one under `None`.
    addresses: BTreeMap<Option<&'a str>, u64>,
    /// When a device was last seen at an address, dashboards apart from others.
    seen: BTreeMap<(&'a str, bool), u64>,
}

impl<'a> Admitted<'a> {
    pub(super) fn of(lists: &'a [SeenList]) -> Self {
        let mut admitted = Self::default();
        let keep = |known: &mut u64, at: u64| *known = at.max(*known);
        for device in lists.iter().flat_map(|seen| &seen.list.paired) {
            let address = device.remote_ip.as_deref();
            keep(admitted.devices.entry(&device.device_id).or_default(), device.approved_at_ms);
            keep(admitted.addresses.entry(address).or_default(), device.approved_at_ms);
            if let (Some(address), Some(at)) = (address, device.last_seen_at_ms) {
                keep(admitted.seen.entry((address, is_dashboard(Some(&device.client_id)))).or_default(), at);
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

    /// True if a list shows that the device was let in after this refusal; where no device is named, one from the same
    /// address, if both say it.
    fn settles(&self, mark: &'a Mark, approved: &mut impl FnMut(&'a str) -> Option<u64>) -> bool {
        let Some(at) = mark.at_ms else { return false };
        let remote = mark.remote.as_deref();
        let is_later = |then: Option<&u64>| then.is_some_and(|then| *then > at);
        if ASKS.contains(&mark.symptom) {
            return match &mark.device_id {
                Some(id) => is_later(approved(id).as_ref()),
                None => {
                    is_later(self.addresses.get(&None))
                        || remote.is_some() && is_later(self.addresses.get(&remote))
                }
            };
        }
        let Some(remote) = remote else { return false };
        let seen = |dashboard: bool| is_later(self.seen.get(&(remote, dashboard)));
        match mark.symptom {
            Symptom::LockedOut => seen(false) || seen(true),
            symptom if SHARED_TOKEN.contains(&symptom) => seen(is_dashboard(mark.client.as_deref())),
            _ => false,
        }
    }
}

fn is_dashboard(client: Option<&str>) -> bool {
    client.is_some_and(|client| DASHBOARDS.contains(&client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::DeviceList;
    use crate::evidence::Vantage;

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
        open(&timeline, &Admitted::of(lists)).into_iter().map(|seen| seen.mark.symptom).collect()
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
            [SeenList { vantage: Vantage::Gateway, name: "list".to_owned(), list }]
        };
        assert_eq!(symptoms_with(&[NAMELESS], &approved(1_795_328_732_001)), []);
        assert_eq!(symptoms_with(&[NAMELESS], &approved(1_795_328_731_999)), [Symptom::PairingRequired]);
        // Where the log names the device, it is that device which the list has to show.
        assert_eq!(symptoms_with(&[ASK], &approved(1_795_328_732_001)), []);
        assert_eq!(symptoms_with(&[ASK], &approved(1_795_328_731_999)), [Symptom::NotPaired]);
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
    fn a_device_that_was_let_in_since_ends_a_lockout_of_its_address() {
        let seen = |at: u64, from: &str| {
            let text = format!(
                r#"{{"pending":[],"paired":[{{"deviceId":"d","clientId":"cli","remoteIp":"{from}","lastSeenAtMs":{at}}}]}}"#
            );
            let list = DeviceList::from_json(&text).unwrap();
            symptoms_with(
                &[MISMATCH, LOCKED],
                &[SeenList { vantage: Vantage::Gateway, name: "list".into(), list }],
            )
        };
        let refused = [Symptom::SharedTokenMismatch, Symptom::LockedOut];
        // 2026-11-22T06:25:31Z
        assert_eq!(seen(1_795_328_731_500, "10.0.0.3"), []);
        assert_eq!(seen(1_795_328_730_500, "10.0.0.3"), [Symptom::LockedOut]);
        assert_eq!(seen(1_795_328_731_500, "10.0.0.9"), refused);
        assert_eq!(seen(0, "10.0.0.3"), refused);
    }
}
