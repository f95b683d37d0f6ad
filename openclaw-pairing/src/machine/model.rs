//! Every interleaving of device, gateway, operator and network, explored to the end.
//!
//! One [`World`] feeds three proofs: stateright's search over the properties, a backward search (every state can still
//! end), and two runs from every state (a world that falls silent, a world that turns kind). The mutation test then
//! leaves out one transition at a time and wants a proof to fail.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use stateright::{Checker, Model, Property};

use super::table::{ROWS, TABLE, TRANSITIONS, Table};
use super::{Credentials, Pairing};
use crate::input::{BootTag, Cause, Decision, Grant, Input, Refused, RequestTag, Timer};
use crate::output::{CredentialKind, Output};
use crate::phase::Phase;
use crate::policy::Policy;
use crate::refusal::{PairingReason, RefusalClass};
use crate::scope::{Scope, ScopeSet};

const WANTED: [Scope; 2] = [Scope::Read, Scope::Pairing];

/// The socket as it really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Link {
    None,
    Dialing,
    /// The challenge was not sent yet.
    Open,
    Challenged,
    /// The connect is with the gateway.
    Asked,
    /// It was answered.
    Answered,
}

/// Breaches of a promise, remembered for the properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Breaches {
    sent_after_rejection: bool,
    sent_spoilt_credential: bool,
    sent_unsigned: bool,
    sent_nothing: bool,
    ignored_a_legal_input: bool,
    gave_up_early: bool,
    wrong_phase: bool,
    kept_a_dead_token: bool,
    dialled_for_free: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World {
    device: Pairing,
    link: Link,
    is_signing: bool,
    is_signed: bool,
    /// The gateway's pending request, by number.
    request: Option<u8>,
    next_request: u8,
    /// A notice of a decision on its way, and how often it may still arrive.
    notice: Option<(u8, Decision, u8)>,
    was_told_no: bool,
    /// Credentials that were refused, one bit each.
    spoilt: u8,
    has_token: bool,
    /// The rank at the latest dial: see [`World::rank`].
    rank_at_open: u16,
    breaches: Breaches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Start,
    Abort,
    Up,
    Down(Cause),
    UpgradeRefused(RefusalClass),
    Challenge,
    Sign(bool),
    Hello {
        full: bool,
        token: bool,
    },
    Refuse(RefusalClass),
    /// Pairing required, with the same request as before or another.
    AskPerson {
        is_new: bool,
    },
    /// Arrives again after the first time: duplicates.
    Again,
    Garbage,
    Fire(Timer),
    Decide(Decision),
    /// The notice arrives: early, late or twice.
    Notify,
    LoseNotice,
}

struct Pairings {
    table: Table,
    policy: Policy,
}

const REQUESTS: u8 = 3;

const fn policy() -> Policy {
    Policy {
        attempts: 1,
        warmups: 1,
        polls: 2,
        lockouts: 1,
        renewals: 1,
        reconnects: 1,
        handshake: Duration::from_secs(20),
        backoff_min: Duration::from_secs(1),
        backoff_max: Duration::from_secs(30),
        warmup: Duration::from_millis(500),
        poll: Duration::from_secs(5),
        lockout: Duration::from_secs(300),
        settle: Duration::from_secs(30),
    }
}

const fn bit(kind: CredentialKind) -> u8 {
    1 << kind as u8
}

const CLASSES: [RefusalClass; 10] = [
    RefusalClass::Bootstrap,
    RefusalClass::Clock,
    RefusalClass::DeviceToken,
    RefusalClass::Identity,
    RefusalClass::LockedOut,
    RefusalClass::Origin,
    RefusalClass::Other,
    RefusalClass::Protocol,
    RefusalClass::SharedSecret,
    RefusalClass::Starting,
];

const CAUSES: [Cause; 4] = [Cause::Lost, Cause::Restarting, Cause::AuthChanged, Cause::DeviceRemoved];

fn tag(request: u8) -> RequestTag {
    RequestTag::of(&request.to_string())
}

impl World {
    fn new(policy: Policy, credentials: Credentials) -> Self {
        Self {
            device: Pairing::new(policy, credentials, WANTED.into()).unwrap(),
            link: Link::None,
            is_signing: false,
            is_signed: false,
            request: None,
            next_request: 0,
            notice: None,
            was_told_no: false,
            spoilt: 0,
            has_token: credentials.device_token,
            rank_at_open: u16::MAX,
            breaches: Breaches::default(),
        }
    }

    /// Everything that can happen now.
    fn actions(&self, actions: &mut Vec<Action>) {
        let phase = self.device.phase;
        if phase.is_terminal() {
            return;
        }
        actions.push(Action::Abort);
        actions.extend(self.device.armed.map(Action::Fire));
        if phase == Phase::Idle {
            actions.push(Action::Start);
        }
        match self.link {
            Link::None => {}
            Link::Dialing => {
                actions.push(Action::Up);
                actions.extend([RefusalClass::Origin, RefusalClass::Other].map(Action::UpgradeRefused));
            }
            Link::Open => actions.push(Action::Challenge),
            Link::Challenged => actions.push(Action::Again),
            Link::Asked => {
                actions.extend(
                    [(true, true), (true, false), (false, false)]
                        .map(|(full, token)| Action::Hello { full, token }),
                );
                actions.extend(CLASSES.map(Action::Refuse));
                if self.device.sent == CredentialKind::DeviceToken {
                    actions.push(Action::Refuse(RefusalClass::TokenScope));
                }
                if self.request.is_some() {
                    actions.push(Action::AskPerson { is_new: false });
                }
                if self.next_request < REQUESTS {
                    actions.push(Action::AskPerson { is_new: true });
                }
            }
            Link::Answered => actions.push(Action::Again),
        }
        if self.link != Link::None {
            actions.extend(CAUSES.map(Action::Down));
            actions.push(Action::Garbage);
        }
        if self.is_signing {
            actions.extend([true, false].map(Action::Sign));
        }
        if self.request.is_some() && self.notice.is_none() {
            actions.extend([Decision::Approved, Decision::Rejected].map(Action::Decide));
        }
        if self.notice.is_some() {
            actions.extend([Action::Notify, Action::LoseNotice]);
        }
    }

    fn after(mut self, table: &Table, action: Action) -> Self {
        match action {
            Action::Start => self.feed(table, Input::Start, true),
            Action::Abort => {
                self.feed(table, Input::Abort, true);
                self.breaches.wrong_phase |= self.device.phase != Phase::Aborted;
            }
            Action::Up => {
                self.link = Link::Open;
                self.feed(table, Input::TransportUp, true);
            }
            Action::Down(cause) => self.down(table, cause),
            Action::UpgradeRefused(class) => {
                self.link = Link::None;
                self.refuse(table, Refused::new(class));
            }
            Action::Challenge => {
                self.link = Link::Challenged;
                self.feed(table, Input::Challenged, true);
            }
            Action::Sign(works) => {
                self.is_signing = false;
                self.is_signed = works;
                self.feed(table, if works { Input::Signed } else { Input::SignFailed }, true);
            }
            Action::Hello { full, token } => {
                self.link = Link::Answered;
                let scopes = if full { WANTED.into() } else { ScopeSet::EMPTY };
                self.request = None;
                self.feed(table, Input::Hello(Grant::new(scopes, BootTag::of("boot"), token)), true);
                let expected = if full { Phase::Connected } else { Phase::Limited };
                self.breaches.wrong_phase |= self.device.phase != expected;
                // Another hello is another life: what was spoilt or opened before does not count.
                self.was_told_no = false;
            }
            Action::Refuse(class) => {
                self.link = Link::Answered;
                let mut refused = Refused::new(class);
                refused.retry_after = (class == RefusalClass::Starting).then_some(Duration::from_millis(500));
                self.refuse(table, refused);
            }
            Action::AskPerson { is_new } => {
                self.link = Link::Answered;
                if is_new {
                    self.request = Some(self.next_request);
                    self.next_request += 1;
                }
                let mut refused = Refused::new(RefusalClass::Pairing);
                refused.request = self.request.map(tag);
                refused.reason = Some(PairingReason::NotPaired);
                self.refuse(table, refused);
            }
            Action::Again => {
                let input = if self.link == Link::Challenged {
                    Input::Challenged
                } else {
                    Input::Refused(Refused::new(RefusalClass::Other))
                };
                let before = self.device;
                self.feed(table, input, false);
                // An answer that comes twice must change nothing.
                self.breaches.wrong_phase |= self.device != before;
            }
            Action::Garbage => {
                self.feed(table, Input::Violated, true);
                self.breaches.wrong_phase |= self.device.phase != Phase::Violated;
            }
            Action::Fire(timer) => self.fire(table, timer),
            Action::Decide(decision) => {
                self.notice = self.request.take().map(|request| (request, decision, 2));
            }
            Action::Notify => self.notify(table),
            Action::LoseNotice => self.notice = None,
        }
        self.normal()
    }

    fn down(&mut self, table: &Table, cause: Cause) {
        let (was, left) = (self.device.phase, self.device.left);
        self.link = Link::None;
        if cause == Cause::DeviceRemoved && was.is_session() {
            self.spoil(CredentialKind::DeviceToken);
        }
        self.feed(table, Input::TransportDown(cause), true);
        let budget = match cause {
            _ if was.is_session() => left.reconnects,
            Cause::Restarting => left.warmups,
            _ => left.attempts,
        };
        self.must_wait_unless_spent(budget, Phase::Backoff);
        let is_fair = match self.device.phase {
            Phase::Backoff | Phase::Exhausted => true,
            Phase::Unauthorized => cause == Cause::DeviceRemoved && was.is_session(),
            _ => false,
        };
        self.breaches.wrong_phase |= !is_fair;
    }

    fn fire(&mut self, table: &Table, timer: Timer) {
        let left = self.device.left;
        let was = self.device.phase;
        self.feed(table, Input::TimerFired(timer), true);
        let now = self.device.phase;
        let is_fair = match timer {
            Timer::Handshake => {
                self.must_wait_unless_spent(left.attempts, Phase::Backoff);
                matches!(now, Phase::Backoff | Phase::Exhausted)
            }
            Timer::Settle => {
                self.rank_at_open = u16::MAX;
                now == was && self.device.left.reconnects == self.device.policy.reconnects
            }
            Timer::Retry | Timer::Approval | Timer::Lockout => now == Phase::Dialing,
        };
        self.breaches.wrong_phase |= !is_fair;
    }

    fn notify(&mut self, table: &Table) {
        let Some((request, decision, copies)) = self.notice else { return };
        self.notice = (copies > 1).then_some((request, decision, copies - 1));
        let before = self.device;
        let is_current = before.pending.is_some_and(|pending| pending.request == Some(tag(request)));
        let matters = is_current
            && match decision {
                Decision::Rejected => !before.phase.is_session(),
                Decision::Approved => before.phase == Phase::AwaitingApproval,
            };
        self.feed(table, Input::Decided(tag(request), decision), matters);
        if !matters {
            self.breaches.wrong_phase |= self.device != before;
        } else if decision == Decision::Rejected {
            self.was_told_no = true;
            self.breaches.wrong_phase |= self.device.phase != Phase::Rejected;
        } else {
            self.breaches.wrong_phase |= self.device.phase != Phase::Dialing;
        }
    }

    /// What each refusal may lead to.
    fn refuse(&mut self, table: &Table, refused: Refused) {
        let before = self.device;
        let left = before.left;
        match refused.class {
            RefusalClass::DeviceToken
            | RefusalClass::Bootstrap
            | RefusalClass::TokenScope
            | RefusalClass::SharedSecret => {
                self.spoil(before.sent);
            }
            _ => {}
        }
        self.feed(table, Input::Refused(refused), true);
        let now = self.device.phase;
        let is_renewal = before.pending.is_some_and(|pending| pending.request != refused.request);
        let is_fair = match refused.class {
            RefusalClass::Pairing if is_renewal && left.renewals == 0 => now == Phase::Churned,
            RefusalClass::Pairing => {
                self.must_wait_unless_spent(left.polls, Phase::AwaitingApproval);
                let remembers = self.device.pending.is_some_and(|pending| pending.request == refused.request);
                remembers && matches!(now, Phase::AwaitingApproval | Phase::Undecided)
            }
            RefusalClass::Starting => {
                self.must_wait_unless_spent(left.warmups, Phase::Backoff);
                matches!(now, Phase::Backoff | Phase::Exhausted)
            }
            RefusalClass::LockedOut => {
                self.must_wait_unless_spent(left.lockouts, Phase::LockedOut);
                matches!(now, Phase::LockedOut | Phase::Exhausted)
            }
            RefusalClass::Clock => now == Phase::ClockSkewed,
            RefusalClass::Identity => now == Phase::IdentityRefused,
            RefusalClass::Origin => now == Phase::OriginRefused,
            RefusalClass::Other => now == Phase::Refused,
            RefusalClass::Protocol => now == Phase::Incompatible,
            RefusalClass::DeviceToken
            | RefusalClass::Bootstrap
            | RefusalClass::TokenScope
            | RefusalClass::SharedSecret => {
                matches!(now, Phase::Dialing | Phase::Unauthorized)
            }
        };
        self.breaches.wrong_phase |= !is_fair;
        // What the gateway no longer takes must not be offered at the next start either.
        let is_dead =
            refused.class == RefusalClass::DeviceToken && before.sent == CredentialKind::DeviceToken;
        self.breaches.kept_a_dead_token |= is_dead && self.has_token;
    }

    /// While a budget lasts the device waits; it gives up only when the budget is spent.
    fn must_wait_unless_spent(&mut self, budget: u16, wait: Phase) {
        let gave_up = matches!(self.device.phase, Phase::Exhausted | Phase::Undecided);
        self.breaches.gave_up_early |= gave_up && budget > 0;
        self.breaches.wrong_phase |= self.device.phase == wait && budget == 0;
    }

    fn spoil(&mut self, kind: CredentialKind) {
        self.spoilt |= bit(kind);
    }

    /// Feeds the device and does what it says, as a driver would.
    fn feed(&mut self, table: &Table, input: Input, must_be_heard: bool) {
        let outputs = self.device.step(table, input);
        self.breaches.ignored_a_legal_input |= must_be_heard && !outputs.heard();
        for output in &outputs {
            match *output {
                Output::Open => {
                    self.link = Link::Dialing;
                    self.is_signing = false;
                    self.is_signed = false;
                    self.breaches.dialled_for_free |= self.rank() >= self.rank_at_open;
                    self.rank_at_open = self.rank();
                }
                Output::Close => {
                    self.link = Link::None;
                    self.is_signing = false;
                }
                Output::Sign(_) => self.is_signing = true,
                Output::SendConnect(kind) => {
                    self.link = Link::Asked;
                    self.breaches.sent_after_rejection |= self.was_told_no;
                    self.breaches.sent_spoilt_credential |=
                        kind != CredentialKind::None && self.spoilt & bit(kind) != 0;
                    // Every device of this world starts with a credential.
                    self.breaches.sent_nothing |= kind == CredentialKind::None;
                    self.breaches.sent_unsigned |= self.device.usable.identity && !self.is_signed;
                }
                Output::StoreDeviceToken => {
                    self.has_token = true;
                    self.spoilt &= !bit(CredentialKind::DeviceToken);
                }
                Output::ForgetDeviceToken => self.has_token = false,
                Output::Arm(..) | Output::Disarm(_) | Output::Report(_) => {}
            }
        }
        if self.link == Link::None {
            self.is_signing = false;
        }
        // A credential that is left must be tried before the device says that none was accepted.
        let untried = match self.device.usable.without(self.device.sent).best() {
            CredentialKind::None => false,
            kind => self.spoilt & bit(kind) == 0,
        };
        self.breaches.gave_up_early |= self.device.phase == Phase::Unauthorized && untried;
    }

    fn is_done(&self) -> bool {
        self.device.phase.is_terminal() || self.device.phase.is_session()
    }

    /// Falls from dial to dial, so that attempts are bounded: each dial is paid from a budget or with a credential.
    /// Only a session that has lasted sets it back.
    fn rank(&self) -> u16 {
        let left = &self.device.left;
        let credentials = self.device.usable;
        let held = [credentials.device_token, credentials.bootstrap, credentials.shared];
        let held = held.into_iter().map(u16::from).sum::<u16>();
        // A hello may bring a credential; going on after it costs a reconnect, which therefore weighs more.
        left.attempts + left.warmups + left.polls + left.lockouts + 4 * left.reconnects + held
    }

    /// What only reports read is the same in every state, and of a final state only the promises matter: fewer states,
    /// the same behaviour.
    fn normal(mut self) -> Self {
        self.device.refused = None;
        self.device.grant = None;
        self.device.restarted = false;
        if self.device.phase.is_terminal() {
            let mut end = Self::new(self.device.policy, Credentials::default());
            end.device.phase = self.device.phase;
            end.device.armed = self.device.armed;
            end.link = self.link;
            end.breaches = self.breaches;
            return end;
        }
        self
    }
}

type Condition = fn(&Pairings, &World) -> bool;

/// What always holds.
const ALWAYS: &[(&str, Condition)] = &[
    ("a phase that is not final has a timer, a session or a caller to wait for", |_, world| {
        let phase = world.device.phase;
        phase.is_terminal() || phase.is_session() || phase == Phase::Idle || world.device.armed.is_some()
    }),
    ("no timer is armed in a final phase", |_, world| {
        !world.device.phase.is_terminal() || world.device.armed.is_none()
    }),
    ("an armed timer is the phase's own", |_, world| {
        world.device.armed.is_none() || world.device.armed == world.device.phase.timer()
    }),
    ("nothing is sent after a rejection", |_, world| !world.breaches.sent_after_rejection),
    ("a refused credential is never sent again", |_, world| !world.breaches.sent_spoilt_credential),
    ("a device that had a credential never connects with none", |_, world| !world.breaches.sent_nothing),
    ("a device with a key signs each connect", |_, world| !world.breaches.sent_unsigned),
    ("what the gateway, the timer or a person says in time is heard", |_, world| {
        !world.breaches.ignored_a_legal_input
    }),
    ("a device gives up only when its budget is spent", |_, world| !world.breaches.gave_up_early),
    ("each answer leads where it must", |_, world| !world.breaches.wrong_phase),
    ("a refused device token is forgotten", |_, world| !world.breaches.kept_a_dead_token),
    ("the device knows whether its socket is open", |_, world| {
        world.device.phase.has_socket() == (world.link != Link::None)
    }),
    ("attempts are bounded: no dial is free", |_, world| !world.breaches.dialled_for_free),
];

impl Model for Pairings {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let held = |identity, device_token, bootstrap, shared| Credentials {
            identity,
            device_token,
            bootstrap,
            shared,
        };
        [
            held(true, false, false, true),
            held(true, true, false, true),
            held(true, true, false, false),
            held(true, false, true, true),
            held(true, false, true, false),
            held(false, false, false, true),
        ]
        .map(|credentials| World::new(self.policy, credentials))
        .to_vec()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(world.after(&self.table, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let always = ALWAYS.iter().map(|(name, condition)| Property::always(name, *condition));
        // Guards against a world in which nothing happens.
        let sometimes = Phase::ALL.iter().enumerate().map(|(index, phase)| Property {
            expectation: stateright::Expectation::Sometimes,
            name: phase.name(),
            condition: REACHES[index],
        });
        always.chain(sometimes).collect()
    }
}

macro_rules! reaches {
    ($($index:literal)*) => {
        [$(|_, world| world.device.phase as usize == $index),*]
    };
}

/// One function a phase: a property is a plain function.
const REACHES: [Condition; Phase::ALL.len()] =
    reaches!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22);

/// A hasher for small fields: an unoptimised test build spends most of its time in the standard one.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
}

/// The whole state graph.
struct Graph {
    states: Vec<World>,
    edges: Vec<(usize, usize)>,
}

impl Pairings {
    fn with(table: Table) -> Self {
        Self { table, policy: policy() }
    }

    /// Explores everything, or stops at the first state that breaks a promise and says which.
    fn explore(&self) -> Result<Graph, &'static str> {
        let mut graph = Graph { states: Vec::new(), edges: Vec::new() };
        let mut index = HashMap::<World, usize, BuildHasherDefault<Mix>>::default();
        let mut queue = VecDeque::new();
        let mut actions = Vec::new();
        let mut known = |world: World, graph: &mut Graph, queue: &mut VecDeque<usize>| {
            *index.entry(world).or_insert_with(|| {
                graph.states.push(world);
                queue.push_back(graph.states.len() - 1);
                graph.states.len() - 1
            })
        };
        for world in self.init_states() {
            known(world, &mut graph, &mut queue);
        }
        while let Some(from) = queue.pop_front() {
            let world = graph.states[from];
            if let Some((name, _)) = ALWAYS.iter().find(|(_, holds)| !holds(self, &world)) {
                return Err(name);
            }
            actions.clear();
            world.actions(&mut actions);
            for action in &actions {
                let to = known(world.after(&self.table, *action), &mut graph, &mut queue);
                graph.edges.push((from, to));
            }
        }
        Ok(graph)
    }

    /// Every proof in turn; the name of the first that fails.
    fn prove(&self) -> Result<Graph, &'static str> {
        let graph = self.explore()?;
        if !graph.can_always_end() {
            return Err("every state can still reach a session or an end");
        }
        for phase in Phase::ALL {
            if !graph.states.iter().any(|world| world.device.phase == *phase) {
                return Err("every phase is reachable");
            }
        }
        for world in &graph.states {
            if !self.ends(*world, World::silent) {
                return Err("in a world that falls silent the device ends by itself");
            }
            if !self.ends(*world, World::kind) {
                return Err(
                    "in a world that turns kind the device ends, in a session unless it has given up",
                );
            }
        }
        Ok(graph)
    }

    /// True if the device ends within bounds when `choose` plays the world.
    fn ends(&self, mut world: World, choose: fn(&World) -> Option<Action>) -> bool {
        for _ in 0..200 {
            if world.is_done() || world.device.phase == Phase::Idle {
                return true;
            }
            let Some(action) = choose(&world) else { return false };
            world = world.after(&self.table, action);
        }
        false
    }
}

impl World {
    /// Nobody says a word: only the clock runs.
    fn silent(&self) -> Option<Action> {
        self.device.armed.map(Action::Fire)
    }

    /// Network, gateway and operator do their best.
    fn kind(&self) -> Option<Action> {
        match self.link {
            Link::None => self.device.armed.map(Action::Fire),
            Link::Dialing => Some(Action::Up),
            Link::Open => Some(Action::Challenge),
            Link::Challenged => self.is_signing.then_some(Action::Sign(true)),
            Link::Asked => Some(Action::Hello { full: true, token: true }),
            Link::Answered => None,
        }
    }
}

impl Graph {
    /// Backward search: every state can reach a session or a final phase. Unlike `eventually`, it sees cycles.
    fn can_always_end(&self) -> bool {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.states.len()];
        for (from, to) in &self.edges {
            before[*to].push(*from);
        }
        let mut ends: Vec<bool> = self.states.iter().map(World::is_done).collect();
        let mut queue: Vec<usize> = (0..ends.len()).filter(|state| ends[*state]).collect();
        while let Some(state) = queue.pop() {
            for from in &before[state] {
                if !std::mem::replace(&mut ends[*from], true) {
                    queue.push(*from);
                }
            }
        }
        ends.into_iter().all(|ends| ends)
    }
}

#[test]
fn the_machine_neither_deadlocks_nor_livelocks() {
    let model = Pairings::with(Table::without(usize::MAX));
    let graph = model.prove().unwrap_or_else(|property| panic!("broken: {property}"));
    let (states, transitions) = (graph.states.len(), graph.edges.len());
    println!("explored {states} states, {transitions} transitions: no deadlock, no livelock");
    // The README quotes these numbers; a machine or world that changed must change them there.
    let readme = include_str!("../../README.md");
    let quoted = format!("{states} states, {transitions} transitions");
    assert!(readme.contains(&quoted), "README.md must quote `{quoted}`");
}

#[test]
fn stateright_agrees() {
    let checker = Pairings::with(Table::without(usize::MAX)).checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    let own = Pairings::with(Table::without(usize::MAX))
        .explore()
        .unwrap_or_else(|property| panic!("broken: {property}"));
    assert_eq!(checker.unique_state_count(), own.states.len());
}

#[test]
fn removing_any_transition_breaks_a_proof() {
    let mut survivors = Vec::new();
    let mut killers: HashMap<&str, usize> = HashMap::new();
    for missing in 0..TRANSITIONS {
        let (phase, row) = Table::left_out(missing);
        match Pairings::with(Table::without(missing)).prove() {
            Err(killer) => *killers.entry(killer).or_default() += 1,
            Ok(_) => survivors.push((phase, ROWS[row].on)),
        }
    }
    let mut killers: Vec<_> = killers.into_iter().collect();
    killers.sort_unstable();
    for (killer, count) in killers {
        println!("{count:3} killed by: {killer}");
    }
    assert!(survivors.is_empty(), "of {TRANSITIONS} transitions, no proof misses {survivors:?}");
}

#[test]
fn the_full_table_is_the_one_that_runs() {
    let full = Table::without(usize::MAX);
    for (phase, trigger) in (0..TRANSITIONS).map(Table::left_out).map(|(phase, row)| (phase, ROWS[row].on)) {
        assert_eq!(full.rows(phase, trigger).len(), TABLE.rows(phase, trigger).len());
    }
}
