//! The world that the device lives in: gateway, operator and network, each as fickle as it may be.

use std::time::Duration;

use crate::input::{BootTag, Cause, Decision, Grant, Input, Refused, RequestTag, Timer};
use crate::machine::table::Table;
use crate::machine::{Credentials, Pairing};
use crate::output::{CredentialKind, Output};
use crate::phase::Phase;
use crate::policy::Policy;
use crate::refusal::{PairingReason, RefusalClass};
use crate::scope::{Scope, ScopeSet};

pub(super) const WANTED: [Scope; 2] = [Scope::Read, Scope::Pairing];

/// The socket as it really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
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
pub(super) struct Breaches {
    pub(super) sent_after_rejection: bool,
    pub(super) sent_spoilt_credential: bool,
    pub(super) sent_unsigned: bool,
    pub(super) sent_nothing: bool,
    pub(super) ignored_a_legal_input: bool,
    pub(super) gave_up_early: bool,
    pub(super) wrong_phase: bool,
    pub(super) kept_a_dead_token: bool,
    pub(super) dialled_for_free: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) device: Pairing,
    pub(super) link: Link,
    pub(super) is_signing: bool,
    pub(super) is_signed: bool,
    /// The gateway's pending request, by number.
    pub(super) request: Option<u8>,
    pub(super) next_request: u8,
    /// A notice of a decision on its way, and how often it may still arrive.
    pub(super) notice: Option<(u8, Decision, u8)>,
    pub(super) was_told_no: bool,
    /// Credentials that were refused, one bit each.
    pub(super) spoilt: u8,
    pub(super) has_token: bool,
    /// The rank at the latest dial: see [`World::rank`].
    pub(super) rank_at_open: u16,
    pub(super) breaches: Breaches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
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

const REQUESTS: u8 = 3;

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
    pub(super) fn new(policy: Policy, credentials: Credentials) -> Self {
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
    pub(super) fn actions(&self, actions: &mut Vec<Action>) {
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

    pub(super) fn after(mut self, table: &Table, action: Action) -> Self {
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

    pub(super) fn is_done(&self) -> bool {
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

impl World {
    /// Nobody says a word: only the clock runs.
    pub(super) fn silent(&self) -> Option<Action> {
        self.device.armed.map(Action::Fire)
    }

    /// Network, gateway and operator do their best.
    pub(super) fn kind(&self) -> Option<Action> {
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
