//! Thresholds over a stream of climbs: the gate that a deploy waits at, and the watch that says up or down. Pure: time
//! comes in as an argument.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::codes::Code;
use crate::finding::Finding;
use crate::report::ProbeReport;
use crate::rung::Rung;

/// What the thresholds need to know of one climb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// When the climb ended, on any steady clock.
    pub at: Duration,
    /// The rung that was not proven; `None` when all that was asked for holds.
    pub unproven: Option<Rung>,
    /// The code of that rung, when it has one.
    pub code: Option<Code>,
}

impl Sample {
    /// A climb that ended `at`, on any steady clock, at the rung that was not proven, with its code.
    #[must_use]
    pub const fn new(at: Duration, unproven: Option<Rung>, code: Option<Code>) -> Self {
        Self { at, unproven, code }
    }

    /// The sample of a report.
    #[must_use]
    pub fn of(at: Duration, report: &ProbeReport) -> Self {
        Self { at, unproven: report.first_unproven(), code: report.deciding_code() }
    }

    const fn is_good(&self) -> bool {
        self.unproven.is_none()
    }
}

/// When a deploy may go on.
///
/// ```
/// use std::time::Duration;
/// use openclaw_probe::{DeployGate, DeployGateState, Rung, Sample};
/// let mut gate = DeployGate::new(2, Duration::from_secs(60));
/// let sample = |s, unproven| Sample::new(Duration::from_secs(s), unproven, None);
/// assert_eq!(gate.observe(sample(1, Some(Rung::Tcp))), DeployGateState::Waiting);
/// assert_eq!(gate.observe(sample(2, None)), DeployGateState::Waiting);
/// assert_eq!(gate.observe(sample(3, None)), DeployGateState::Open);
/// ```
#[derive(Clone, Debug)]
pub struct DeployGate {
    needed: u32,
    deadline: Duration,
    held: u32,
    last_bad: Option<Sample>,
    state: DeployGateState,
}

/// What the gate says. `Open` and the two refusals are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeployGateState {
    /// Not yet.
    Waiting,
    /// The target held often enough in a row.
    Open,
    /// The deadline passed first.
    TimedOut,
    /// The fault is one that waiting cannot cure, such as a wrong token.
    Hopeless,
}

impl DeployGate {
    /// Opens after `needed` good climbs in a row, at the latest at `deadline` on the samples' clock.
    #[must_use]
    pub const fn new(needed: u32, deadline: Duration) -> Self {
        let needed = if needed == 0 { 1 } else { needed };
        Self { needed, deadline, held: 0, last_bad: None, state: DeployGateState::Waiting }
    }

    /// Takes one climb into account.
    pub fn observe(&mut self, sample: Sample) -> DeployGateState {
        if self.state != DeployGateState::Waiting {
            return self.state;
        }
        if sample.is_good() {
            self.held += 1;
        } else {
            self.held = 0;
            self.last_bad = Some(sample);
        }
        self.state = if self.held >= self.needed && sample.at <= self.deadline {
            DeployGateState::Open
        } else if sample.at >= self.deadline {
            DeployGateState::TimedOut
        } else if sample.code.is_some_and(is_hopeless) {
            DeployGateState::Hopeless
        } else {
            DeployGateState::Waiting
        };
        self.state
    }

    /// Takes into account that nothing was learnt until `at`, for instance because a climb was cut off.
    pub fn expire(&mut self, at: Duration) -> DeployGateState {
        if self.state == DeployGateState::Waiting && at >= self.deadline {
            self.state = DeployGateState::TimedOut;
        }
        self.state
    }

    /// How many good climbs in a row there are.
    #[must_use]
    pub const fn held(&self) -> u32 {
        self.held
    }

    /// 0 when the gate is open; else the [exit code](Rung::exit_code) of the rung that failed last, or 1 when none did.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.state, self.last_bad.and_then(|sample| sample.unproven)) {
            (DeployGateState::Open, _) => 0,
            (_, Some(rung)) => rung.exit_code(),
            (_, None) => 1,
        }
    }

    /// The finding, when the deadline passed.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        (self.state == DeployGateState::TimedOut).then(|| {
            let mut evidence = vec![format!(
                "held {} of {} times in a row at the deadline of {} s",
                self.held,
                self.needed,
                self.deadline.as_secs()
            )];
            if let Some(bad) = self.last_bad {
                let rung = bad.unproven.map_or("no rung", Rung::name);
                let code = bad.code.map_or_else(|| "not proven".to_owned(), |code| code.to_string());
                evidence.push(format!("last failure at {} s, rung {rung}: {code}", bad.at.as_secs()));
            }
            Finding::of(Code::GateDeadline, evidence)
        })
    }
}

/// Faults of the credential: asking again cannot help, and each try counts towards the lockout of everybody behind this
/// address. Anything else may be a gateway, a proxy or a network that is still coming up.
const fn is_hopeless(code: Code) -> bool {
    matches!(
        code,
        Code::TokenMismatch
            | Code::TokenMissing
            | Code::TokenUnequal
            | Code::TokenInPlaintext
            | Code::DeviceTokenStale
            | Code::SetupCodeRefused
            | Code::DeviceRequired
            | Code::LockedOut
            | Code::CredentialUnavailable
            | Code::TlsNotCompiled
    )
}

/// When a watched target counts as up, down or flapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct WatchPolicy {
    rise: u32,
    fall: u32,
    start_budget: Duration,
    flap_changes: usize,
    flap_window: Duration,
}

impl Default for WatchPolicy {
    /// Two good climbs to rise, three bad ones to fall; 90 s to start; four changes in ten minutes are flapping.
    fn default() -> Self {
        Self {
            rise: 2,
            fall: 3,
            start_budget: Duration::from_secs(90),
            flap_changes: 4,
            flap_window: Duration::from_secs(600),
        }
    }
}

impl WatchPolicy {
    /// Good climbs in a row before a target counts as up; at least 1.
    pub const fn rise(mut self, climbs: u32) -> Self {
        self.rise = if climbs == 0 { 1 } else { climbs };
        self
    }

    /// Bad climbs in a row before it counts as down; at least 1.
    pub const fn fall(mut self, climbs: u32) -> Self {
        self.fall = if climbs == 0 { 1 } else { climbs };
        self
    }

    /// How long after the first sample, or after it says itself that it is starting, a target may take to come up.
    pub const fn start_budget(mut self, time: Duration) -> Self {
        self.start_budget = time;
        self
    }

    /// So many changes between up and down within `window` are flapping; it ends when the window holds at most half.
    pub const fn flapping(mut self, changes: usize, window: Duration) -> Self {
        self.flap_changes = if changes < 2 { 2 } else { changes };
        self.flap_window = window;
        self
    }
}

/// What a watched target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WatchState {
    /// Within its start-up budget.
    Starting,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// Up or down by consecutive climbs, with start-up apart and flapping noticed.
#[derive(Clone, Debug)]
pub struct Watch {
    policy: WatchPolicy,
    state: WatchState,
    starting_since: Option<Duration>,
    good: u32,
    bad: u32,
    changes: VecDeque<Duration>,
    flapping: bool,
}

impl Watch {
    /// A target nothing is known of.
    #[must_use]
    pub const fn new(policy: WatchPolicy) -> Self {
        Self {
            policy,
            state: WatchState::Starting,
            starting_since: None,
            good: 0,
            bad: 0,
            changes: VecDeque::new(),
            flapping: false,
        }
    }

    /// Takes one climb into account.
    pub fn observe(&mut self, sample: Sample) -> WatchState {
        let since = *self.starting_since.get_or_insert(sample.at);
        if sample.is_good() {
            self.good = self.good.saturating_add(1);
            self.bad = 0;
        } else {
            self.bad = self.bad.saturating_add(1);
            self.good = 0;
        }
        let within_budget = sample.at.saturating_sub(since) < self.policy.start_budget;
        let next = match self.state {
            WatchState::Starting | WatchState::Down if self.good >= self.policy.rise => WatchState::Up,
            WatchState::Starting if !within_budget && self.bad >= self.policy.fall => WatchState::Down,
            WatchState::Up if self.bad >= self.policy.fall => self.fallen(sample),
            state => state,
        };
        if next != self.state {
            let counts = next == WatchState::Up || self.state == WatchState::Up;
            if counts {
                self.changes.push_back(sample.at);
            }
            self.state = next;
        }
        self.notice_flapping(sample.at);
        self.state
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> WatchState {
        self.state
    }

    /// Whether it goes up and down too often.
    #[must_use]
    pub const fn is_flapping(&self) -> bool {
        self.flapping
    }

    /// The finding, while it flaps.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        self.flapping.then(|| {
            let seen =
                format!("{} changes within {} s", self.changes.len(), self.policy.flap_window.as_secs());
            Finding::of(Code::Flapping, vec![seen])
        })
    }

    /// A gateway that says that it starts gets its start-up budget once for each time it was up; anything else is down.
    fn fallen(&mut self, sample: Sample) -> WatchState {
        if sample.code == Some(Code::Starting) {
            self.starting_since = Some(sample.at);
            return WatchState::Starting;
        }
        WatchState::Down
    }

    fn notice_flapping(&mut self, now: Duration) {
        while self.changes.front().is_some_and(|at| now.saturating_sub(*at) >= self.policy.flap_window) {
            self.changes.pop_front();
        }
        // Hysteresis: it takes fewer changes to stay flapping than to become it.
        let least = if self.flapping { self.policy.flap_changes / 2 + 1 } else { self.policy.flap_changes };
        self.flapping = self.changes.len() >= least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    fn good(at: u32) -> Sample {
        Sample { at: S * at, unproven: None, code: None }
    }

    fn bad(at: u32, code: Code) -> Sample {
        Sample { at: S * at, unproven: Some(Rung::Tcp), code: Some(code) }
    }

    #[test]
    fn a_gate_times_out_with_the_rung_that_failed_last() {
        let mut gate = DeployGate::new(3, S * 10);
        gate.observe(bad(1, Code::ConnectionRefused));
        gate.observe(good(8));
        gate.observe(good(9));
        assert_eq!(gate.observe(good(10)), DeployGateState::Open, "the deadline itself still counts");
        let mut gate = DeployGate::new(3, S * 10);
        gate.observe(bad(9, Code::ConnectionRefused));
        assert_eq!(gate.observe(good(11)), DeployGateState::TimedOut);
        assert_eq!(gate.observe(good(12)), DeployGateState::TimedOut, "final");
        assert_eq!(gate.exit_code(), Rung::Tcp.exit_code());
        assert_eq!(gate.finding().map(|finding| finding.code), Some(Code::GateDeadline));
    }

    #[test]
    fn a_gate_does_not_wait_for_a_wrong_token() {
        let mut gate = DeployGate::new(1, S * 1000);
        assert_eq!(gate.observe(bad(1, Code::TokenMismatch)), DeployGateState::Hopeless);
        assert_ne!(gate.exit_code(), 0);
        assert_eq!(gate.finding(), None);
    }

    #[test]
    fn starting_is_not_failing_until_the_budget_is_spent() {
        let mut watch = Watch::new(WatchPolicy::default().start_budget(S * 60));
        for at in 0..60 {
            assert_eq!(watch.observe(bad(at, Code::ConnectionRefused)), WatchState::Starting);
        }
        assert_eq!(watch.observe(bad(60, Code::ConnectionRefused)), WatchState::Down);
        watch.observe(good(61));
        assert_eq!(watch.observe(good(62)), WatchState::Up);
        for at in 63..66 {
            watch.observe(bad(at, Code::Starting));
        }
        assert_eq!(watch.state(), WatchState::Starting, "a restart that says so has its own budget");
        for at in 66..127 {
            watch.observe(bad(at, Code::Starting));
        }
        assert_eq!(watch.state(), WatchState::Down);
    }

    #[test]
    fn flapping_comes_and_goes_with_hysteresis() {
        let policy = WatchPolicy::default().rise(1).fall(1).start_budget(Duration::ZERO).flapping(4, S * 100);
        let mut watch = Watch::new(policy);
        for at in 0..5 {
            watch.observe(if at % 2 == 0 { good(at) } else { bad(at, Code::ConnectionLost) });
        }
        assert!(watch.is_flapping());
        assert_eq!(watch.finding().map(|finding| finding.code), Some(Code::Flapping));
        watch.observe(good(101));
        assert!(watch.is_flapping(), "three changes are left");
        watch.observe(good(103));
        assert!(!watch.is_flapping());
    }

    proptest! {
        /// A gate opens only after the asked number of good climbs in a row, all before the deadline.
        #[test]
        fn gates_open_only_when_held(needed in 1u32..6, samples in proptest::collection::vec((any::<bool>(), 0u32..5), 1..60)) {
            let mut gate = DeployGate::new(needed, S * 60);
            let (mut at, mut run) = (0, 0u32);
            for (ok, gap) in samples {
                at += gap;
                let before = gate.state;
                let state = gate.observe(if ok { good(at) } else { bad(at, Code::ConnectionRefused) });
                run = if ok { run + 1 } else { 0 };
                if before == DeployGateState::Waiting && state == DeployGateState::Open {
                    prop_assert!(run == needed && at <= 60);
                }
                prop_assert!(before == DeployGateState::Waiting || state == before);
            }
        }

        /// Up is left only after `fall` bad climbs in a row, and reached only after `rise` good ones.
        #[test]
        fn watches_change_only_on_runs(rise in 1u32..4, fall in 1u32..4, samples in proptest::collection::vec(any::<bool>(), 1..200)) {
            let mut watch = Watch::new(WatchPolicy::default().rise(rise).fall(fall).start_budget(Duration::ZERO));
            let (mut ups, mut downs) = (0u32, 0u32);
            for (at, ok) in samples.into_iter().enumerate() {
                let before = watch.state();
                let at = u32::try_from(at).expect("small");
                let after = watch.observe(if ok { good(at) } else { bad(at, Code::ConnectionLost) });
                (ups, downs) = if ok { (ups + 1, 0) } else { (0, downs + 1) };
                if before != after {
                    match after {
                        WatchState::Up => prop_assert!(ups >= rise),
                        _ => prop_assert!(downs >= fall),
                    }
                }
            }
        }
    }
}
