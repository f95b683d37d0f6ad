//! How far clocks are apart, guessed from what two logs say of the same requests.

use std::collections::BTreeMap;

use super::Mark;

/// Mentions of one request that are no further apart are of one try: a client says it in several lines.
const TRY_MS: u64 = 1000;
/// The most requests that are kept, and the most tries of each.
const MOST: usize = 1024;

/// When each source names which request.
///
/// ```
/// use openclaw_pairing::timeline::{Skews, Timeline};
/// use openclaw_pairing::Vantage;
///
/// let id = "0234eb71-62a0-4ac3-8d0e-d29c1aea27a3";
/// let gateway = format!("2026-11-22T06:00:00.000Z [ws] closed reason=not-paired requestId={id}");
/// let client = format!("2026-11-22T06:00:07.100Z pairing required: device is not approved yet (requestId: {id})");
/// let mut skews = Skews::default();
/// for (source, log) in [gateway, client].iter().enumerate() {
///     for mark in &Timeline::parse(Vantage::Gateway, "log", log).marks {
///         skews.add(source, mark);
///     }
/// }
/// assert_eq!(skews.between(0, 1).unwrap().ahead_ms, 7100);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Skews {
    requests: BTreeMap<String, BTreeMap<usize, Tries>>,
}

/// When a source names a request, once a try, in the order of its lines.
#[derive(Clone, Debug, Default)]
struct Tries {
    at_ms: Vec<u64>,
    last_ms: u64,
}

/// How far one clock seems to be ahead of another: a guess, for a line is written when its program comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skew {
    /// In milliseconds; less than nothing where it is behind.
    pub ahead_ms: i64,
    /// How many tries both logs have.
    pub tries: usize,
}

impl Skews {
    /// Adds the next mark of a source, at the time of its own clock.
    pub fn add(&mut self, source: usize, mark: &Mark) {
        let (Some(id), Some(at)) = (&mark.request_id, mark.at_ms) else { return };
        if self.requests.len() >= MOST && !self.requests.contains_key(id) {
            return;
        }
        let tries = self.requests.entry(id.clone()).or_default().entry(source).or_default();
        if tries.at_ms.is_empty() || at.abs_diff(tries.last_ms) > TRY_MS && tries.at_ms.len() < MOST {
            tries.at_ms.push(at);
        }
        tries.last_ms = at;
    }

    /// How far the clock of `other` is ahead of that of `source`: the middle of what their common tries say. `None` where both
    /// name no request as often.
    pub fn between(&self, source: usize, other: usize) -> Option<Skew> {
        let mut ahead: Vec<i64> = Vec::new();
        for tries in self.requests.values() {
            if let (Some(here), Some(there)) = (tries.get(&source), tries.get(&other))
                && here.at_ms.len() == there.at_ms.len()
            {
                let apart = |(here, there): (&u64, &u64)| {
                    i64::try_from(*there).ok()?.checked_sub(i64::try_from(*here).ok()?)
                };
                ahead.extend(here.at_ms.iter().zip(&there.at_ms).filter_map(apart));
            }
        }
        ahead.sort_unstable();
        let ahead_ms = *ahead.get(ahead.len() / 2)?;
        Some(Skew { ahead_ms, tries: ahead.len() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timeline::Timeline;
    use crate::vantage::Vantage;

    fn at(ms: i64) -> String {
        jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
    }

    fn skews(logs: &[String]) -> Skews {
        let mut skews = Skews::default();
        for (source, log) in logs.iter().enumerate() {
            for mark in &Timeline::parse(Vantage::Gateway, "log", log).marks {
                skews.add(source, mark);
            }
        }
        skews
    }

    proptest! {
        #[test]
        fn the_guess_is_as_good_as_the_client_is_quick(
            skew in -4_000_000..4_000_000_i64,
            tries in prop::collection::vec((1500..90_000_i64, 0..400_i64, 0..3_usize), 1..12),
        ) {
            let (mut now, mut gateway, mut client) = (1_795_327_200_000_i64, String::new(), String::new());
            for (later, slow, request) in &tries {
                now += later;
                let id = format!("0234eb71-62a0-4ac3-8d0e-d29c1aea27a{request}");
                gateway += &format!("{} [ws] closed reason=not-paired requestId={id}\n", at(now));
                // A client says it twice.
                let said = at(now + slow + skew);
                client += &format!("{said} pairing required: device is not approved yet (requestId: {id})\n");
                client += &format!("{said} device pairing required (requestId: {id})\n");
            }
            let both = skews(&[gateway.clone(), client.clone()]);
            let Skew { ahead_ms, tries: counted } = both.between(0, 1).unwrap();
            prop_assert_eq!(counted, tries.len());
            let slowest = tries.iter().map(|(_, slow, _)| *slow).max().unwrap();
            prop_assert!((0..=slowest).contains(&(ahead_ms - skew)), "{ahead_ms} and not {skew}");
            let back = both.between(1, 0).unwrap().ahead_ms;
            prop_assert!((ahead_ms + back).abs() <= slowest, "{back}");
        }
    }

    #[test]
    fn without_a_common_request_nothing_is_guessed() {
        let one = "2026-11-22T06:00:00Z [ws] closed reason=not-paired requestId=0234eb71-62a0-4ac3-8d0e-d29c1aea27a3\n";
        let other = one.replace("27a3", "27a4");
        let undated = one.replace("2026-11-22T06:00:00Z ", "");
        for logs in [[one.to_owned(), other], [one.to_owned(), undated], [one.to_owned(), String::new()]] {
            assert_eq!(skews(&logs).between(0, 1), None);
        }
    }
}
