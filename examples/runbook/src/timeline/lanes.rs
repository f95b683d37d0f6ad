//! Pairing as swim lanes: the gateway's life and each client's wait, side by side over time.

use std::collections::BTreeMap;

use openclaw_pairing::timeline::{Class, Episode};
use openclaw_pairing::{Peer, Symptom};

use crate::{clean, output};

/// Lanes over one span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// The time at the left end, in milliseconds since 1970.
    pub from_ms: u64,
    /// The time at the right end.
    pub to_ms: u64,
    /// The gateway and its clients, in the order in which they are met.
    pub rows: Vec<Lane>,
}

/// What one of them does over the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Who, as it may be shown.
    pub name: String,
    /// A character a moment: one of [`SIGNS`], a dot while it tries again and again, a blank while it does nothing.
    pub bar: String,
}

/// What the signs of a lane mean, those of clients first.
pub const SIGNS: [(char, &str); 8] = [
    ('?', "asks"),
    ('x', "dropped by a restart"),
    ('A', "approved"),
    ('R', "rejected"),
    ('+', "let in"),
    ('S', "gateway starts"),
    ('r', "ready"),
    ('E', "ends"),
];

/// How many moments a lane has.
pub const WIDTH: usize = 64;
/// The most clients that have a lane.
const MOST: usize = 12;

/// The lanes of a story in which somebody waits for approval, where its lines have times.
#[must_use]
pub fn lanes(episodes: &[Episode]) -> Option<Lanes> {
    let shown =
        |episode: &&Episode| is_of_gateway(episode) || episode.class == Class::Pairing || is_let_in(episode);
    let dated = || episodes.iter().filter(shown).filter_map(|one| Some((one, one.first_ms?, one.last_ms?)));
    if !dated().any(|(one, ..)| one.class == Class::Pairing) {
        return None;
    }
    let from_ms = dated().map(|(_, first, _)| first).min()?;
    let to_ms = dated().map(|(one, _, last)| one.cut_ms.map_or(last, |cut| cut.max(last))).max()?;
    let moment = |at: u64| {
        let part = u128::from(at.saturating_sub(from_ms)) * (WIDTH as u128 - 1);
        usize::try_from(part / u128::from((to_ms - from_ms).max(1))).map_or(WIDTH - 1, |at| at.min(WIDTH - 1))
    };
    let mut order: Vec<String> = Vec::new();
    let mut bars: BTreeMap<String, Vec<char>> = BTreeMap::new();
    for (one, first, last) in dated() {
        let name = if is_of_gateway(one) { "gateway".to_owned() } else { client(&one.peer) };
        if !bars.contains_key(&name) {
            if order.len() == MOST {
                continue;
            }
            order.push(name.clone());
        }
        let bar = bars.entry(name).or_insert_with(|| vec![' '; WIDTH]);
        let mark = mark(one.symptom);
        // What was drawn first stays: of one moment the earlier event.
        for at in moment(first)..=moment(last) {
            let drawn = if at == moment(first) || at == moment(last) { mark } else { '.' };
            if let Some(place) = bar.get_mut(at).filter(|place| matches!(place, ' ' | '.')) {
                *place = drawn;
            }
        }
        if let Some(place) = one.cut_ms.and_then(|cut| bar.get_mut(moment(cut))) {
            *place = 'x';
        }
    }
    let rows = order.into_iter().filter_map(|name| {
        let bar: String = bars.remove(&name)?.into_iter().collect();
        Some(Lane { name: clean::line(&output::masked(&name)), bar: bar.trim_end().to_owned() })
    });
    Some(Lanes { from_ms, to_ms, rows: rows.collect() })
}

fn is_of_gateway(episode: &Episode) -> bool {
    matches!(
        episode.symptom,
        Symptom::GatewayStarts | Symptom::GatewayListens | Symptom::GatewayReady | Symptom::GatewayStops
    ) || episode.is_end
}

fn is_let_in(episode: &Episode) -> bool {
    episode.symptom == Symptom::Connected
}

fn mark(symptom: Symptom) -> char {
    match symptom {
        Symptom::GatewayStarts => 'S',
        Symptom::GatewayListens | Symptom::GatewayReady => 'r',
        Symptom::GatewayStops | Symptom::Fault(_) => 'E',
        Symptom::Approved | Symptom::SilentlyApproved => 'A',
        Symptom::RejectedByPerson => 'R',
        Symptom::Connected => '+',
        _ => '?',
    }
}

/// Who it is: its device, or what else names it.
fn client(peer: &Peer) -> String {
    let device = peer.device_id.as_deref().map(|id| id.chars().take(12).collect());
    let named = peer.client.clone().or_else(|| peer.remote.clone());
    device.or(named).unwrap_or_else(|| "a client".to_owned())
}

#[cfg(test)]
mod tests {
    use openclaw_pairing::timeline::Episodes;
    use openclaw_pairing::{Timeline, Vantage};

    use super::*;

    #[test]
    fn a_wait_that_a_restart_cuts_is_seen_beside_the_gateway() {
        let log = "2026-11-22T06:00:00Z [gateway] ready\n\
                   2026-11-22T06:00:10Z [ws] closed conn=1 remote=10.0.0.2 deviceId=aaaaaaaa01 reason=not-paired\n\
                   2026-11-22T06:00:20Z [ws] closed conn=2 remote=10.0.0.2 deviceId=aaaaaaaa01 reason=not-paired\n\
                   2026-11-22T06:00:30Z [gateway] loading configuration\n\
                   2026-11-22T06:01:03Z [gateway] device pairing approved device=aaaaaaaa01 role=operator\n";
        let mut story = Episodes::default();
        for mark in &Timeline::parse(Vantage::Gateway, "log", log).marks {
            story.add(0, mark);
        }
        let lanes = lanes(story.all()).unwrap();
        assert_eq!(lanes.to_ms - lanes.from_ms, 63_000);
        let bars: Vec<(&str, &str)> =
            lanes.rows.iter().map(|lane| (lane.name.as_str(), lane.bar.as_str())).collect();
        let gateway = format!("r{}S", " ".repeat(29));
        let device = format!("{}?.........?{}x{}A", " ".repeat(10), " ".repeat(9), " ".repeat(32));
        assert_eq!(bars, [("gateway", gateway.as_str()), ("aaaaaaaa01", device.as_str())]);
    }
}
