//! Retries of one conversation as one episode.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Mark, Symptom};
use crate::peer::Peer;

/// The most conversations that are told apart. Whoever comes later is counted without a name.
const MOST: usize = 4096;

/// One client that meets one symptom again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Episode {
    /// What it meets.
    pub symptom: Symptom,
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
}

impl Episode {
    /// From the first to the last, in milliseconds.
    pub fn span_ms(&self) -> Option<u64> {
        self.last_ms?.checked_sub(self.first_ms?)
    }
}

/// What tells one conversation from another: the device, or else address and client.
type Conversation = (Symptom, Option<String>, Option<String>, Option<String>, usize);

/// Folds marks into episodes, in constant memory. A start or a stop of the gateway ends every conversation: what is met
/// behind it is another episode.
#[derive(Clone, Debug, Default)]
pub struct Episodes {
    episodes: Vec<Episode>,
    open: BTreeMap<Conversation, usize>,
    left_out: u64,
}

impl Episodes {
    /// Adds the next mark of the timeline, from this source.
    pub fn add(&mut self, source: usize, mark: &Mark) {
        if matches!(mark.symptom, Symptom::GatewayStarts | Symptom::GatewayStops) {
            self.open.clear();
        }
        let peer = &mark.peer;
        let conversation = match &peer.device_id {
            Some(device) => (mark.symptom, Some(device.clone()), None, None, source),
            None => (mark.symptom, None, peer.remote.clone(), peer.client.clone(), source),
        };
        if let Some(episode) = self.open.get(&conversation).and_then(|at| self.episodes.get_mut(*at)) {
            episode.count += 1;
            episode.first_ms = episode.first_ms.or(mark.at_ms);
            episode.last_ms = mark.at_ms.or(episode.last_ms);
            episode.peer.complete(peer);
            if mark.request_id.is_some() {
                episode.last_request_id.clone_from(&mark.request_id);
            }
            return;
        }
        if self.episodes.len() == MOST {
            self.left_out += 1;
            return;
        }
        self.open.insert(conversation, self.episodes.len());
        self.episodes.push(Episode {
            symptom: mark.symptom,
            peer: peer.clone(),
            count: 1,
            first_ms: mark.at_ms,
            last_ms: mark.at_ms,
            request_id: mark.request_id.clone(),
            last_request_id: mark.request_id.clone(),
        });
    }

    /// The episodes in the order of their first lines.
    pub fn all(&self) -> &[Episode] {
        &self.episodes
    }

    /// Marks of conversations beyond those that are told apart.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
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
        assert_eq!((episodes.all().len(), episodes.left_out()), (MOST, 1));
    }
}
