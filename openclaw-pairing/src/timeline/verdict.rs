//! The causes that a story holds, ranked, with what speaks for and against each.

use serde::Serialize;

use super::{Class, Episode, Fault, Symptom};
use crate::peer::Peer;

/// What may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// Which step between a client and its session it stops.
    pub class: Class,
    /// What shows it best.
    pub symptom: Symptom,
    /// Whom it stops, as far as the lines name one.
    pub peer: Peer,
    /// How sure it is.
    pub certainty: Certainty,
    /// What speaks for it, from every source.
    #[serde(rename = "for")]
    pub grounds: Vec<Ground>,
    /// What speaks against it.
    pub against: Vec<Ground>,
}

/// How sure a cause is, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Certainty {
    /// A program says it of itself.
    Shown,
    /// What both sides say fits nothing else.
    Likely,
    /// It may be, and the logs do not say.
    Open,
    /// It was, and something later settled it.
    Settled,
}

impl Certainty {
    /// Whether it counts as a cause at all.
    pub fn holds(self) -> bool {
        self <= Self::Likely
    }
}

/// An episode that speaks for or against a cause, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ground {
    /// Whose log has it.
    pub source: usize,
    /// What is met.
    pub symptom: Symptom,
    /// How often.
    pub count: u64,
    /// The time of the first, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    /// The time of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<u64>,
    /// What it says of the cause.
    pub says: &'static str,
}

impl Ground {
    fn of(episode: &Episode, says: &'static str) -> Self {
        let Episode { source, symptom, count, first_ms, last_ms, .. } = *episode;
        Self { source, symptom, count, first_ms, last_ms, says }
    }
}

/// The most grounds of a cause, for or against.
const MOST: usize = 16;

/// The causes, the likeliest first; of equal ones that on the earlier step. A refused connection alone is none: it may mean
/// any of four things. With a gateway that was up before it, the client dialled where nobody listens.
///
/// ```
/// use openclaw_pairing::timeline::{Class, Episodes, Timeline, verdict};
/// use openclaw_pairing::Vantage;
///
/// let mut story = Episodes::default();
/// let gateway = "2026-11-22T06:00:01Z [gateway] ready";
/// let cli = "2026-11-22T06:00:09Z gateway connect failed: Error: connect ECONNREFUSED 127.0.0.1:18789";
/// let mut first = |source, text| {
///     for mark in &Timeline::parse(Vantage::Client, "log", text).marks {
///         story.add(source, mark);
///     }
///     verdict(story.all()).first().filter(|cause| cause.certainty.holds()).map(|cause| cause.class)
/// };
/// assert_eq!((first(0, gateway), first(1, cli)), (None, Some(Class::Reach)));
/// ```
pub fn verdict(episodes: &[Episode]) -> Vec<Cause> {
    let story = Story::of(episodes);
    let mut causes: Vec<Cause> = Vec::new();
    for episode in episodes {
        let Some(judged) = story.judge(episode) else { continue };
        match causes
            .iter_mut()
            .find(|cause| cause.class == judged.class && is_same(&cause.peer, &judged.peer))
        {
            Some(cause) => cause.join(judged),
            None => causes.push(judged),
        }
    }
    causes.sort_by_key(|cause| (cause.certainty, cause.class));
    causes
}

impl Cause {
    /// Takes over what another episode of the same client says of the same step: the surer one names it.
    fn join(&mut self, other: Self) {
        if (other.certainty, rank(other.symptom)) < (self.certainty, rank(self.symptom)) {
            (self.certainty, self.symptom) = (other.certainty, other.symptom);
        }
        self.peer.complete(&other.peer);
        for (mine, theirs) in [(&mut self.grounds, other.grounds), (&mut self.against, other.against)] {
            for ground in theirs {
                if mine.len() < MOST && !mine.contains(&ground) {
                    mine.push(ground);
                }
            }
        }
    }
}

/// Which of two symptoms says more: the earlier in the table.
fn rank(symptom: Symptom) -> usize {
    super::rows().iter().position(|row| row.symptom == symptom).unwrap_or(usize::MAX)
}

/// Whether two names may be those of one client: they contradict each other in nothing.
fn is_same(one: &Peer, other: &Peer) -> bool {
    let fits =
        |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
    fits(&one.device_id, &other.device_id)
        && fits(&one.remote, &other.remote)
        && (one.device_id.is_some() && one.device_id == other.device_id || fits(&one.client, &other.client))
}

/// Whether only a client whose credential was taken meets this.
fn is_behind_credential(episode: &Episode) -> bool {
    matches!(
        episode.symptom,
        Symptom::CredentialTaken
            | Symptom::NotPaired
            | Symptom::PairingRequired
            | Symptom::ScopeUpgrade
            | Symptom::RoleUpgrade
            | Symptom::MetadataUpgrade
    )
}

/// Whether both came from one address, and from one page or both from none: a host may hold many clients.
fn is_at_one_address(one: &Peer, other: &Peer) -> bool {
    one.remote.is_some() && one.remote == other.remote && one.origin == other.origin
}

/// Whether one is later than the other: of two logs only times tell.
fn is_after(one: &Episode, other: &Episode) -> bool {
    one.order.1 > other.order.1
        && (one.source == other.source || (one.last_ms.is_some() && other.last_ms.is_some()))
}

/// What a gateway's log shows of its life.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Starts,
    Up,
    Ends,
}

struct Story<'e> {
    episodes: &'e [Episode],
    /// In the order of the story: when, what, and the episode that shows it.
    life: Vec<(u64, Life, &'e Episode)>,
}

impl<'e> Story<'e> {
    fn of(episodes: &'e [Episode]) -> Self {
        let mut story = Self { episodes, life: Vec::new() };
        for episode in episodes {
            let life = match episode.symptom {
                Symptom::GatewayStarts => Life::Starts,
                Symptom::GatewayListens
                | Symptom::GatewayReady
                | Symptom::Connected
                | Symptom::CredentialTaken => Life::Up,
                Symptom::GatewayStops => Life::Ends,
                _ if episode.is_end => Life::Ends,
                // Whoever refuses a client by its address is up.
                _ if episode.class > Class::Reach && episode.peer.remote.is_some() => Life::Up,
                _ => continue,
            };
            story.life.push((episode.order.0, life, episode));
            if episode.order.1 > episode.order.0 {
                story.life.push((episode.order.1, life, episode));
            }
        }
        story.life.sort_by_key(|(at, ..)| *at);
        story
    }

    fn judge(&self, episode: &Episode) -> Option<Cause> {
        let row = episode.symptom.row()?;
        let mut cause = Cause {
            class: episode.class,
            symptom: episode.symptom,
            peer: episode.peer.clone(),
            certainty: Certainty::Shown,
            grounds: vec![Ground::of(episode, row.proves)],
            against: Vec::new(),
        };
        match episode.class {
            Class::Life => return None,
            Class::Start => self.start(episode, &mut cause),
            Class::Reach => self.reach(episode, &mut cause)?,
            Class::Upgrade | Class::Credential | Class::Pairing => self.refused(episode, &mut cause)?,
        }
        Some(cause)
    }

    fn start(&self, episode: &Episode, cause: &mut Cause) {
        let of_source = |life: Life| {
            let mut all =
                self.life.iter().filter(move |(_, other, of)| *other == life && of.source == episode.source);
            move |from: u64, to: u64| all.find(|(at, ..)| (from..to).contains(at)).map(|(.., of)| *of)
        };
        if let Some(up) = of_source(Life::Up)(episode.order.1 + 1, u64::MAX) {
            // What is refused to a gateway that goes on is refused to it still.
            let goes_on = !episode.is_end && is_of_path(episode.symptom);
            cause.certainty = if goes_on { Certainty::Open } else { Certainty::Settled };
            cause.against.push(Ground::of(up, "the gateway came up after it"));
        } else if !episode.is_end {
            let up = of_source(Life::Up)(0, episode.order.0);
            cause.certainty = if up.is_some() { Certainty::Open } else { Certainty::Likely };
            cause.against.extend(up.map(|up| Ground::of(up, "the gateway was up, and goes on")));
            if let Some(end) = of_source(Life::Ends)(episode.order.0, episode.order.0 + NEAR) {
                cause.certainty = Certainty::Shown;
                cause.grounds.push(Ground::of(end, "a gateway ends right behind it"));
            }
        } else if let Some(other) = self.holder(episode) {
            cause.certainty = Certainty::Open;
            cause.against.push(Ground::of(other, "the gateway that holds it is up: this is a second start"));
        } else if matches!(episode.symptom, Symptom::Fault(fault) if fault.is_vague()) {
            let is_reason = |other: &&Episode| {
                matches!(other.symptom, Symptom::Fault(fault) if !fault.is_vague())
                    && other.source == episode.source
                    && other.order.0 < episode.order.0
                    && other.order.1 + NEAR >= episode.order.0
            };
            if let Some(reason) = self.episodes.iter().find(is_reason) {
                cause.certainty = Certainty::Likely;
                cause.against.push(Ground::of(reason, "what was said right before it says more"));
            }
        }
    }

    /// Of a start that another gateway stops: that one, where its log shows it up.
    fn holder(&self, episode: &Episode) -> Option<&'e Episode> {
        let is_held = matches!(
            episode.symptom,
            Symptom::Fault(Fault::PortBusy | Fault::StateLocked | Fault::StateLeased)
        );
        // A service is started again and again, or says that it starts.
        let is_by_hand = episode.count == 1
            && !self.life.iter().any(|(_, life, of)| *life == Life::Starts && of.source == episode.source);
        let last = self.life.iter().rfind(|(.., of)| of.source != episode.source)?;
        (is_held && is_by_hand && last.1 == Life::Up).then_some(last.2)
    }

    fn reach(&self, episode: &Episode, cause: &mut Cause) -> Option<()> {
        match episode.symptom {
            Symptom::Unreachable | Symptom::UpstreamRefused => self.unreachable(episode, cause),
            // Whom the client dialled matters where nobody answered it.
            Symptom::DialledOwnLoopback => {
                let is_beside = |other: &&Episode| {
                    other.symptom == Symptom::Unreachable && other.source == episode.source
                };
                let unanswered = self.episodes.iter().rfind(is_beside)?;
                self.unreachable(unanswered, cause);
                if cause.certainty != Certainty::Settled {
                    cause.certainty = Certainty::Shown;
                }
                cause.grounds.push(Ground::of(unanswered, "nobody answered there"));
            }
            _ => {}
        }
        Some(())
    }

    fn unreachable(&self, episode: &Episode, cause: &mut Cause) {
        cause.certainty = Certainty::Open;
        let last = episode.order.1;
        // A command ends, too.
        let is_of_gateway =
            |(_, life, of): &(u64, Life, &Episode)| *life != Life::Ends && of.source == episode.source;
        if self.life.iter().any(is_of_gateway) {
            cause.against.push(Ground::of(episode, "a gateway says it, of something that it dials itself"));
            return;
        }
        let answered = |other: &&Episode| {
            other.source == episode.source && other.order.1 > last && other.class > Class::Reach
        };
        if let Some(answered) = self.episodes.iter().find(answered) {
            cause.certainty = Certainty::Settled;
            cause.against.push(Ground::of(answered, "a gateway answered this client later"));
            return;
        }
        // What has no time was written when the logs were taken: at the end.
        let is_before = |at: u64| at < last || episode.last_ms.is_none();
        let mut of_gateways = self.life.iter().filter(|(.., of)| of.source != episode.source);
        match of_gateways.rfind(|(at, ..)| is_before(*at)) {
            Some((_, Life::Up, of)) => {
                cause.certainty = Certainty::Likely;
                let says = "the gateway was up before it: the client dialled where nobody listens";
                cause.grounds.push(Ground::of(of, says));
            }
            Some((_, Life::Starts, of)) => {
                cause.against.push(Ground::of(of, "the gateway was still starting"));
            }
            Some((_, Life::Ends, of)) => {
                cause.against.push(Ground::of(of, "the gateway had ended"));
            }
            None => {}
        }
    }

    fn refused(&self, episode: &Episode, cause: &mut Cause) -> Option<()> {
        cause.certainty = match episode.symptom {
            Symptom::Approved | Symptom::SilentlyApproved | Symptom::SilentPairingPruned => return None,
            // Nobody was refused for it.
            Symptom::ProxyIgnored | Symptom::EmptyList => Certainty::Open,
            Symptom::LockedOut
            | Symptom::UnknownRequest
            | Symptom::OtherStore
            | Symptom::StoreOverwritten
            | Symptom::DeviceTokenRevoked => Certainty::Likely,
            _ => Certainty::Shown,
        };
        let mut later = self.episodes.iter().filter(|other| is_after(other, episode));
        let decided = later.clone().find(|other| {
            let lets_in = match other.symptom {
                Symptom::Connected => true,
                Symptom::Approved | Symptom::SilentlyApproved => {
                    episode.class == Class::Pairing || episode.symptom == Symptom::DeviceTokenRevoked
                }
                _ => {
                    episode.class == Class::Credential
                        && is_behind_credential(other)
                        && is_at_one_address(&other.peer, &episode.peer)
                }
            };
            lets_in && is_same(&other.peer, &episode.peer)
        });
        if let Some(decided) = decided {
            cause.certainty = Certainty::Settled;
            let says = if is_behind_credential(decided) {
                "its credential was taken after it: only behind that is one asked for pairing"
            } else {
                "it was let in, or approved, after it"
            };
            cause.against.push(Ground::of(decided, says));
        } else if episode.class == Class::Credential
            && let Some(start) = later.find(|other| other.symptom == Symptom::GatewayStarts)
        {
            cause.certainty = cause.certainty.max(Certainty::Open);
            cause
                .against
                .push(Ground::of(start, "the gateway was started anew since, and nobody was refused so"));
        }
        Some(())
    }
}

fn is_of_path(symptom: Symptom) -> bool {
    matches!(symptom, Symptom::Fault(Fault::PathDenied | Fault::PathReadOnly | Fault::PathMissing))
}

/// So many meaningful lines before the end of a gateway are still about it.
const NEAR: u64 = 4;

#[cfg(test)]
mod tests {
    use super::super::{Episodes, Timeline};
    use super::*;
    use crate::vantage::Vantage;

    fn first(logs: &[&str]) -> Option<(Class, Symptom)> {
        let mut story = Episodes::default();
        for (source, log) in logs.iter().enumerate() {
            for mark in &Timeline::parse(Vantage::Gateway, "log", log).marks {
                story.add(source, mark);
            }
        }
        let causes = verdict(story.all());
        causes.first().filter(|cause| cause.certainty.holds()).map(|cause| (cause.class, cause.symptom))
    }

    const READY: &str = "[gateway] loading configuration…\n[gateway] ready\n";
    const REFUSED: &str = "gateway connect failed: Error: connect ECONNREFUSED 127.0.0.1:18789\n";

    #[test]
    fn a_refused_connection_is_a_cause_only_behind_a_gateway_that_was_up() {
        assert_eq!(first(&[REFUSED]), None);
        assert_eq!(first(&["[gateway] loading configuration…\n", REFUSED]), None);
        assert_eq!(first(&[READY, REFUSED]), Some((Class::Reach, Symptom::Unreachable)));
        let stopped = format!("{READY}[gateway] received SIGTERM; shutting down\n");
        assert_eq!(first(&[&stopped, REFUSED]), None);
        let loopback = format!("{REFUSED}Source: local loopback\n");
        assert_eq!(first(&[&loopback]), Some((Class::Reach, Symptom::DialledOwnLoopback)));
        assert_eq!(
            first(&[&format!("{loopback}gateway closed (1008): pairing required\n")]).unwrap().0,
            Class::Pairing
        );
        let ended = format!("[openclaw] Failed to start CLI: Error: {REFUSED}");
        assert_eq!(first(&[READY, &ended]), Some((Class::Reach, Symptom::Unreachable)));
        // A gateway that is refused by what it dials itself.
        assert_eq!(first(&[&format!("{READY}{REFUSED}")]), None);
    }

    #[test]
    fn what_a_gateway_ends_with_explains_a_refused_connection_and_a_start_settles_it() {
        let failed = "[gateway] loading configuration…\nGateway failed to start: EROFS: read-only file system, open '/s/a'\n";
        let cause = Some((Class::Start, Symptom::Fault(Fault::PathReadOnly)));
        assert_eq!(first(&[failed, REFUSED]), cause);
        assert_eq!(first(&[&format!("{failed}{READY}")]), None);
        let vague = "EACCES: permission denied, open '/x'\nGateway start blocked: set gateway.mode=local\n";
        assert_eq!(first(&[vague]), Some((Class::Start, Symptom::Fault(Fault::PathDenied))));
    }

    #[test]
    fn a_path_that_is_refused_to_a_gateway_that_comes_up_all_the_same_stays_open() {
        let log = format!("read failed: Error: EACCES: permission denied, mkdir '/s/canvas'\n{READY}");
        let mut story = Episodes::default();
        for mark in &Timeline::parse(Vantage::Gateway, "log", &log).marks {
            story.add(0, mark);
        }
        let certainties: Vec<_> = verdict(story.all()).iter().map(|cause| cause.certainty).collect();
        assert_eq!(certainties, [Certainty::Open]);
    }

    #[test]
    fn a_refusal_holds_until_its_client_is_let_in_and_both_sides_speak_for_it() {
        let asks = "[ws] closed conn=1 remote=10.0.0.2 client=cli cli v2026.9.6 deviceId=aaaaaaaa01 reason=not-paired\n";
        let told = "gateway closed (1008): pairing required\n";
        assert_eq!(first(&[asks, told]), Some((Class::Pairing, Symptom::NotPaired)));
        let approved = format!("{asks}device pairing approved device=aaaaaaaa01 role=operator\n");
        assert_eq!(first(&[&approved]), None);
        let another = format!("{asks}device pairing approved device=bbbbbbbb01 role=operator\n");
        assert_eq!(first(&[&another]), Some((Class::Pairing, Symptom::NotPaired)));
        let mismatch = "[ws] unauthorized conn=1 remote=10.0.0.2 reason=token_mismatch\n";
        assert_eq!(first(&[&format!("{asks}{mismatch}")]).unwrap().0, Class::Credential);
        // Pairing is asked for behind the credential.
        assert_eq!(first(&[&format!("{mismatch}{asks}")]).unwrap().0, Class::Pairing);
        let elsewhere = mismatch.replace("10.0.0.2", "10.0.0.3");
        assert_eq!(first(&[&format!("{elsewhere}{asks}")]).unwrap().0, Class::Credential);
        let taken = "[ws] closed before connect conn=2 remote=10.0.0.2 code=1008 reason=connect failed phase=auth_validated\n";
        assert_eq!(first(&[&format!("{mismatch}{taken}")]), None);
        assert_eq!(first(&[&format!("{mismatch}{READY}")]), None);
    }
}
