//! Retries of one conversation as one episode.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use serde::Serialize;

use super::{Class, Mark, Symptom};
use crate::peer::Peer;
use crate::waits::{Party, WaitGraph};

/// The most episodes that are kept.
const MOST: usize = 4096;

/// One client that meets one symptom again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Episode {
    /// Whose log has it, by number from 0.
    pub source: usize,
    /// What it meets.
    pub symptom: Symptom,
    /// Which step between a client and its session it is about.
    pub class: Class,
    /// Whether a gateway ends with one of the lines.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_end: bool,
    /// The client, by what the lines name.
    pub peer: Peer,
    /// How often.
    pub count: u64,
    /// The time of the first, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    /// The time of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<u64>,
    /// The request that the first line with one names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request that the last line with one names: another where the request was made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_request_id: Option<String>,
    /// Of a client that waits for approval: when a restart of the gateway dropped it, undecided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_ms: Option<u64>,
    /// Of a lockout: the client at the same address whose credential was refused last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_by: Option<Peer>,
    /// Which of all meaningful lines were its first and its last.
    #[serde(skip)]
    pub(super) order: (u64, u64),
}

impl Episode {
    /// From the first to the last, in milliseconds.
    pub fn span_ms(&self) -> Option<u64> {
        self.last_ms?.checked_sub(self.first_ms?)
    }
}

/// What tells one conversation from another: the device, or else address and client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Conversation<Text> {
    source: usize,
    symptom: Symptom,
    device: Option<Text>,
    remote: Option<Text>,
    client: Option<Text>,
}

impl<'a> Conversation<&'a str> {
    fn of(source: usize, mark: &'a Mark) -> Self {
        let Peer { device_id, remote, client, .. } = &mark.peer;
        let device = device_id.as_deref();
        let unless_device = |name: &'a Option<String>| name.as_deref().filter(|_| device.is_none());
        let (remote, client) = (unless_device(remote), unless_device(client));
        Self { source, symptom: mark.symptom, device, remote, client }
    }

    fn into_owned(self) -> Conversation<String> {
        let Self { source, symptom, device, remote, client } = self;
        let [device, remote, client] = [device, remote, client].map(|name| name.map(str::to_owned));
        Conversation { source, symptom, device, remote, client }
    }
}

impl PartialEq<Conversation<&str>> for Conversation<String> {
    fn eq(&self, other: &Conversation<&str>) -> bool {
        self.source == other.source
            && self.symptom == other.symptom
            && self.device.as_deref() == other.device
            && self.remote.as_deref() == other.remote
            && self.client.as_deref() == other.client
    }
}

/// Folds marks into episodes, in constant memory. A start or a stop of the gateway ends every conversation: what is met
/// behind it is another episode.
#[derive(Clone, Debug, Default)]
pub struct Episodes {
    episodes: Vec<Episode>,
    /// By the hash of the conversation, which needs no copy of its names.
    open: HashMap<u64, (Conversation<String>, usize)>,
    hash: RandomState,
    /// Who waits for approval, undecided.
    waiting: Vec<usize>,
    /// The last refusal of a credential from an address.
    refused: BTreeMap<String, usize>,
    marks: u64,
    left_out: u64,
}

impl Episodes {
    /// Adds the next mark of the timeline, from this source.
    pub fn add(&mut self, source: usize, mark: &Mark) {
        self.marks += 1;
        match mark.symptom {
            Symptom::GatewayStarts | Symptom::GatewayStops => self.restart(mark.at_ms),
            Symptom::Approved | Symptom::SilentlyApproved | Symptom::RejectedByPerson => self.decide(mark),
            _ => {}
        }
        let conversation = Conversation::of(source, mark);
        let hash = self.hash.hash_one(&conversation);
        let known =
            self.open.get(&hash).filter(|(known, _)| *known == conversation).map(|(_, number)| *number);
        let number = match known {
            Some(number) => number,
            None => {
                if self.episodes.len() == MOST {
                    self.forget();
                }
                self.open.insert(hash, (conversation.into_owned(), self.episodes.len()));
                self.begin(source, mark)
            }
        };
        let Some(episode) = self.episodes.get_mut(number) else { return };
        episode.count += 1;
        episode.is_end |= mark.is_end;
        episode.first_ms = episode.first_ms.or(mark.at_ms);
        episode.last_ms = mark.at_ms.or(episode.last_ms);
        episode.order.1 = self.marks;
        episode.peer.complete(&mark.peer);
        if mark.request_id.is_some() {
            episode.last_request_id.clone_from(&mark.request_id);
        }
        if mark.class == Class::Credential
            && mark.symptom != Symptom::LockedOut
            && let Some(remote) = &mark.peer.remote
        {
            let is_full = self.refused.len() == MOST;
            match self.refused.get_mut(remote) {
                Some(last) => *last = number,
                None if is_full => {}
                None => drop(self.refused.insert(remote.clone(), number)),
            }
        }
    }

    /// Drops the older half: of a long story the end counts, and whoever still tries is met again there.
    fn forget(&mut self) {
        let dropped = self.episodes.len() / 2;
        self.left_out += self.episodes.drain(..dropped).map(|episode| episode.count).sum::<u64>();
        let keep = |number: &mut usize| match number.checked_sub(dropped) {
            Some(kept) => {
                *number = kept;
                true
            }
            None => false,
        };
        self.open.retain(|_, (_, number)| keep(number));
        self.refused.retain(|_, number| keep(number));
        self.waiting.retain_mut(keep);
    }

    fn begin(&mut self, source: usize, mark: &Mark) -> usize {
        let number = self.episodes.len();
        let locked_by = match (mark.symptom, &mark.peer.remote) {
            (Symptom::LockedOut, Some(remote)) => {
                self.refused.get(remote).and_then(|at| self.episodes.get(*at))
            }
            _ => None,
        };
        let locked_by = locked_by.map(|refused| refused.peer.clone());
        if waits(mark.symptom) {
            self.waiting.push(number);
        }
        self.episodes.push(Episode {
            source,
            symptom: mark.symptom,
            class: mark.class,
            is_end: false,
            peer: mark.peer.clone(),
            count: 0,
            first_ms: mark.at_ms,
            last_ms: None,
            request_id: mark.request_id.clone(),
            last_request_id: mark.request_id.clone(),
            cut_ms: None,
            locked_by,
            order: (self.marks, self.marks),
        });
        number
    }

    /// Whoever waits is dropped, and asks anew.
    fn restart(&mut self, at_ms: Option<u64>) {
        self.open.clear();
        for number in self.waiting.drain(..) {
            if let Some(episode) = self.episodes.get_mut(number) {
                episode.cut_ms = at_ms;
            }
        }
    }

    /// Whoever waited for this waits no longer; a decision that names nobody is for whoever waited alone.
    fn decide(&mut self, mark: &Mark) {
        let is_alone = self.waiting.len() == 1;
        let episodes = &self.episodes;
        self.waiting.retain(|number| {
            let Some(Episode { peer, .. }) = episodes.get(*number) else { return false };
            match (&peer.device_id, &mark.peer.device_id) {
                (Some(waits), Some(decided)) => waits != decided,
                _ => !is_alone,
            }
        });
    }

    /// Who waits for whom at the end of the story. A page and a command that both wait for approval wait for each other:
    /// each is where the other would be approved.
    pub fn waits(&self) -> WaitGraph {
        let waiting = || self.waiting.iter().filter_map(|number| self.episodes.get(*number));
        let is_page = |episode: &&Episode| episode.peer.is_dashboard();
        let mut graph = WaitGraph::default();
        let (page, command) = (waiting().any(|one| is_page(&one)), waiting().any(|one| !is_page(&one)));
        if page && command {
            graph.add(
                Party::Dashboard,
                Party::Cli,
                "its device is not approved, and the CLI is where one approves",
            );
            graph.add(
                Party::Cli,
                Party::Dashboard,
                "its device is not approved either, and the dashboard is the other place",
            );
        } else if page || command {
            let waiter = if page { Party::Dashboard } else { Party::Cli };
            graph.add(waiter, Party::Operator, "its device waits for approval");
        }
        if self.episodes.iter().any(|episode| episode.cut_ms.is_some()) {
            graph.add(
                Party::Operator,
                Party::Supervisor,
                "a restart dropped a client while its request waited",
            );
        }
        graph
    }

    /// The episodes in the order of their first lines.
    pub fn all(&self) -> &[Episode] {
        &self.episodes
    }

    /// Lines of older episodes, beyond those that are kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Whether a client that meets this waits for approval.
fn waits(symptom: Symptom) -> bool {
    matches!(
        symptom,
        Symptom::NotPaired
            | Symptom::PairingRequired
            | Symptom::ScopeUpgrade
            | Symptom::RoleUpgrade
            | Symptom::MetadataUpgrade
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Timeline;
    use crate::vantage::Vantage;

    fn episodes(log: &str) -> Vec<(Symptom, u64, Option<u64>)> {
        let mut episodes = Episodes::default();
        for mark in &Timeline::parse(Vantage::Gateway, "log", log).marks {
            episodes.add(0, mark);
        }
        episodes.all().iter().map(|episode| (episode.symptom, episode.count, episode.span_ms())).collect()
    }

    #[test]
    fn retries_fold_by_client_and_a_restart_parts_them() {
        let asked = |second: u32, device: &str| {
            format!(
                "2026-11-22T06:00:{second:02}Z [ws] closed conn=1 remote=10.0.0.2 cause=pairing-required deviceId={device} reason=not-paired\n"
            )
        };
        let log = asked(1, "aaaaaaaa01")
            + &asked(2, "bbbbbbbb01")
            + &asked(4, "aaaaaaaa01")
            + "2026-11-22T06:00:05Z [gateway] loading configuration\n"
            + &asked(6, "aaaaaaaa01");
        assert_eq!(
            episodes(&log),
            [
                (Symptom::NotPaired, 2, Some(3000)),
                (Symptom::NotPaired, 1, Some(0)),
                (Symptom::GatewayStarts, 1, Some(0)),
                (Symptom::NotPaired, 1, Some(0)),
            ]
        );
    }

    fn told(log: &str) -> Episodes {
        let mut episodes = Episodes::default();
        for mark in &Timeline::parse(Vantage::Gateway, "log", log).marks {
            episodes.add(0, mark);
        }
        episodes
    }

    const PAGE: &str = "2026-11-22T06:00:01Z [ws] closed conn=1 remote=10.0.0.1 client=openclaw-control-ui webchat v2026.9.6 deviceId=aaaaaaaa01 reason=not-paired\n";
    const COMMAND: &str = "2026-11-22T06:00:02Z [ws] closed conn=2 remote=10.0.0.2 client=cli cli v2026.9.6 deviceId=bbbbbbbb01 reason=not-paired\n";

    #[test]
    fn a_page_and_a_command_wait_for_each_other_until_one_is_approved() {
        let both = format!("{PAGE}{COMMAND}");
        let graph = told(&both).waits();
        assert_eq!(graph.cycle(), Some(vec![&Party::Dashboard, &Party::Cli]));
        let approved =
            format!("{both}2026-11-22T06:00:03Z device pairing approved device=bbbbbbbb01 role=operator\n");
        let graph = told(&approved).waits();
        assert_eq!(graph.cycle(), None);
        assert_eq!(graph.waits()[0].holder, Party::Operator);
    }

    #[test]
    fn a_restart_cuts_the_wait_that_nobody_decided() {
        let restart = "2026-11-22T06:00:05Z [gateway] loading configuration\n";
        let decided = "2026-11-22T06:00:03Z device pairing approved device=bbbbbbbb01 role=operator\n";
        let log = format!("{PAGE}{COMMAND}{decided}{restart}{PAGE}");
        let cut: Vec<_> = told(&log).all().iter().map(|episode| episode.cut_ms).collect();
        assert_eq!(cut, [Some(1_795_327_205_000), None, None, None, None]);
    }

    #[test]
    fn a_lockout_is_told_with_the_client_that_sends_the_old_token() {
        let log = "[ws] unauthorized conn=1 remote=10.0.0.2 client=cli cli v2026.9.6 reason=token_mismatch\n\
                   [ws] unauthorized conn=2 remote=10.0.0.2 reason=rate_limited\n";
        let episodes = told(log);
        let by = episodes.all()[1].locked_by.as_ref().unwrap();
        assert_eq!(by.client.as_deref(), Some("cli"));
    }

    #[test]
    fn however_many_conversations_there_are_memory_stays() {
        let log: String =
            (0..MOST + 10).map(|device| format!("reason=not-paired deviceId={device:016x}\n")).collect();
        let mut episodes = Episodes::default();
        for mark in &Timeline::parse(Vantage::Gateway, "log", &log).marks {
            episodes.add(0, mark);
        }
        for mark in &Timeline::parse(Vantage::Gateway, "log", "pairing required").marks {
            episodes.add(1, mark);
        }
        assert_eq!((episodes.all().len(), episodes.left_out()), (MOST / 2 + 1, MOST as u64 / 2));
    }
}
