#![doc = include_str!("machine/MACHINE.md")]

#[cfg(test)]
mod model;
mod table;

use std::time::Duration;

use serde::Serialize;

use crate::input::{Cause, Decision, Grant, Input, Refused, RequestTag, Timer};
use crate::output::{CredentialKind, Output, Outputs};
use crate::phase::Phase;
use crate::policy::{Policy, PolicyError};
use crate::refusal::{PairingReason, RefusalClass};
use crate::scope::ScopeSet;
use table::{Act, Budget, Guard, Row, TABLE, Table, Trigger};

pub use table::{markdown, mermaid};

/// Which credentials the driver holds. The bytes stay with the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Credentials {
    /// The device has a key to sign with.
    pub identity: bool,
    /// A device token from an earlier hello.
    pub device_token: bool,
    /// A one-time setup code.
    pub bootstrap: bool,
    /// The token or password that gateway and clients share.
    pub shared: bool,
}

impl Credentials {
    /// A device key and the shared token: the usual client before its first hello.
    pub const fn shared() -> Self {
        Self { identity: true, device_token: false, bootstrap: false, shared: true }
    }

    /// The next credential to try: the most specific one that is left. The shared token is always the last.
    const fn best(self) -> CredentialKind {
        if self.device_token {
            CredentialKind::DeviceToken
        } else if self.bootstrap {
            CredentialKind::Bootstrap
        } else if self.shared {
            CredentialKind::Shared
        } else {
            CredentialKind::None
        }
    }

    const fn without(mut self, kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::DeviceToken => self.device_token = false,
            CredentialKind::Bootstrap => self.bootstrap = false,
            CredentialKind::Shared => self.shared = false,
            CredentialKind::None => {}
        }
        self
    }
}

/// The request that a person must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Pending {
    /// Which request; `None` if the gateway named none.
    pub request: Option<RequestTag>,
    /// Why a person is needed.
    pub reason: Option<PairingReason>,
}

/// What is left of each budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct Budgets {
    attempts: u16,
    warmups: u16,
    polls: u16,
    lockouts: u16,
    renewals: u16,
    reconnects: u16,
}

impl Budgets {
    const fn full(policy: &Policy) -> Self {
        Self {
            attempts: policy.attempts,
            warmups: policy.warmups,
            polls: policy.polls,
            lockouts: policy.lockouts,
            renewals: policy.renewals,
            reconnects: policy.reconnects,
        }
    }

    const fn of(&mut self, budget: Budget) -> &mut u16 {
        match budget {
            Budget::Attempts => &mut self.attempts,
            Budget::Warmups => &mut self.warmups,
            Budget::Polls => &mut self.polls,
            Budget::Lockouts => &mut self.lockouts,
            Budget::Reconnects => &mut self.reconnects,
        }
    }
}

/// One device's way to a session. See the [module](self) for its table and diagram.
///
/// It does no I/O, reads no clock and holds no secret, so it can be cloned, compared, hashed and explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Pairing {
    policy: Policy,
    wanted: ScopeSet,
    phase: Phase,
    armed: Option<Timer>,
    left: Budgets,
    /// What may still be sent; a refused credential leaves the set.
    usable: Credentials,
    /// What the connect request in flight carries.
    sent: CredentialKind,
    pending: Option<Pending>,
    refused: Option<RefusalClass>,
    grant: Option<Grant>,
    restarted: bool,
}

impl Pairing {
    /// A device that wants `wanted` and holds `credentials`. Feed it [`Input::Start`] first.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy makes no sense.
    pub fn new(policy: Policy, credentials: Credentials, wanted: ScopeSet) -> Result<Self, PolicyError> {
        let policy = policy.validate()?;
        Ok(Self {
            policy,
            wanted,
            phase: Phase::Idle,
            armed: None,
            left: Budgets::full(&policy),
            usable: credentials,
            sent: CredentialKind::None,
            pending: None,
            refused: None,
            grant: None,
            restarted: false,
        })
    }

    /// Takes one input and says what to do. An input that means nothing in this phase changes nothing.
    #[must_use = "the outputs must be carried out, in order"]
    #[inline]
    pub fn handle(&mut self, input: Input) -> Outputs {
        self.step(&TABLE, input)
    }

    /// Where the device stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The request that a person must decide, while there is one.
    pub const fn pending(&self) -> Option<Pending> {
        self.pending
    }

    /// What the latest hello granted.
    pub const fn grant(&self) -> Option<Grant> {
        self.grant
    }

    /// The scopes that were asked for and not granted by the latest hello; empty before it.
    pub fn missing_scopes(&self) -> ScopeSet {
        self.grant.map_or(ScopeSet::EMPTY, |grant| self.wanted.missing_from(grant.scopes))
    }

    /// The class of the latest refusal.
    pub const fn refused(&self) -> Option<RefusalClass> {
        self.refused
    }

    /// True if the latest hello came from another process than the one before: the gateway restarted in between.
    pub const fn restarted(&self) -> bool {
        self.restarted
    }

    /// The timer that is armed.
    pub const fn armed(&self) -> Option<Timer> {
        self.armed
    }

    #[inline]
    fn step(&mut self, table: &Table, input: Input) -> Outputs {
        let Some(trigger) = self.trigger(input) else { return Outputs::new(false) };
        let refused = if let Input::Refused(refused) = input { Some(refused) } else { None };
        let Some(row) = table.rows(self.phase, trigger).iter().find(|row| self.fits(row, input)).copied()
        else {
            return Outputs::new(false);
        };
        if let Input::TimerFired(_) = input {
            self.armed = None;
        }
        let mut outputs = Outputs::new(true);
        // How long the wait is depends on how much of its budget is left, so ask before spending.
        let delay = self.delay(row.needs, row.to, refused);
        if let Some(budget) = row.needs {
            *self.left.of(budget) -= 1;
        }
        if let Some(refused) = refused {
            self.refused = Some(refused.class);
        }
        self.leave(row.to, input, &mut outputs);
        self.act(row.act, input, &mut outputs);
        if row.to != self.phase {
            self.enter(row.to, delay, &mut outputs);
        }
        outputs
    }

    /// The kind of an input here and now; `None` for a timer that is not armed.
    #[inline]
    fn trigger(&self, input: Input) -> Option<Trigger> {
        Some(match input {
            Input::Start => Trigger::Start,
            Input::TransportUp => Trigger::Up,
            Input::TransportDown(Cause::Lost | Cause::AuthChanged) => Trigger::Down,
            Input::TransportDown(Cause::Restarting) => Trigger::DownRestarting,
            Input::TransportDown(Cause::DeviceRemoved) => Trigger::DownRemoved,
            Input::Challenged => Trigger::Challenged,
            Input::Signed => Trigger::Signed,
            Input::SignFailed => Trigger::SignFailed,
            Input::Hello(grant) if self.wanted.missing_from(grant.scopes).is_empty() => Trigger::HelloFull,
            Input::Hello(_) => Trigger::HelloLimited,
            Input::Refused(refused) => match refused.class {
                RefusalClass::Bootstrap => Trigger::RefusedBootstrap,
                RefusalClass::Clock => Trigger::RefusedClock,
                RefusalClass::DeviceToken => Trigger::RefusedDeviceToken,
                RefusalClass::Identity => Trigger::RefusedIdentity,
                RefusalClass::LockedOut => Trigger::RefusedLockedOut,
                RefusalClass::Origin => Trigger::RefusedOrigin,
                RefusalClass::Other => Trigger::RefusedOther,
                RefusalClass::Pairing => Trigger::RefusedPairing,
                RefusalClass::Protocol => Trigger::RefusedProtocol,
                RefusalClass::SharedSecret => Trigger::RefusedSharedSecret,
                RefusalClass::Starting => Trigger::RefusedStarting,
                RefusalClass::TokenScope => Trigger::RefusedTokenScope,
            },
            Input::Decided(_, Decision::Approved) => Trigger::Approved,
            Input::Decided(_, Decision::Rejected) => Trigger::Rejected,
            Input::TimerFired(timer) if self.armed != Some(timer) => return None,
            Input::TimerFired(Timer::Handshake) => Trigger::Handshake,
            Input::TimerFired(Timer::Retry) => Trigger::Retry,
            Input::TimerFired(Timer::Approval) => Trigger::Approval,
            Input::TimerFired(Timer::Lockout) => Trigger::Lockout,
            Input::TimerFired(Timer::Settle) => Trigger::Settle,
            Input::Violated => Trigger::Violated,
            Input::Abort => Trigger::Abort,
        })
    }

    #[inline]
    fn fits(&self, row: &Row, input: Input) -> bool {
        let holds = match row.when {
            Guard::Always => true,
            Guard::HasIdentity => self.usable.identity,
            Guard::HasFallback => self.has_fallback(),
            Guard::NoFallback => !self.has_fallback(),
            Guard::IsCurrent => {
                let decided = if let Input::Decided(request, _) = input { Some(request) } else { None };
                self.pending.is_some_and(|pending| pending.request == decided)
            }
            Guard::IsChurn => self.left.renewals == 0 && self.is_renewal(input),
        };
        let mut left = self.left;
        holds && row.needs.is_none_or(|budget| *left.of(budget) > 0)
    }

    fn has_fallback(&self) -> bool {
        self.usable.without(self.spoilt()).best() != CredentialKind::None
    }

    /// The credential that a refusal or removal spoils. A session that loses its device loses the device's token,
    /// whatever it was opened with.
    const fn spoilt(&self) -> CredentialKind {
        if self.phase.is_session() { CredentialKind::DeviceToken } else { self.sent }
    }

    /// True if the gateway names another request than the one that was waited for.
    fn is_renewal(&self, input: Input) -> bool {
        let Input::Refused(refused) = input else { return false };
        self.pending.is_some_and(|pending| pending.request != refused.request)
    }

    fn delay(&self, budget: Option<Budget>, to: Phase, refused: Option<Refused>) -> Duration {
        let policy = &self.policy;
        let hint = refused.and_then(|refused| refused.retry_after);
        match budget {
            Some(Budget::Attempts) => policy.backoff(policy.attempts - self.left.attempts),
            // A hint is followed within reason: never a spin, never an hour.
            Some(Budget::Warmups) => hint.map_or(policy.warmup, |hint| {
                hint.clamp(policy.warmup, policy.backoff_max.max(policy.warmup))
            }),
            Some(Budget::Polls) => policy.poll,
            // A lockout is never cut short: trying early prolongs nothing but the outage. A hint of no time at all is
            // still a wait.
            Some(Budget::Lockouts) => hint.map_or(policy.lockout, |hint| hint.max(policy.backoff_min)),
            Some(Budget::Reconnects) => policy.backoff(policy.reconnects - self.left.reconnects),
            None if to.is_session() => policy.settle,
            None => policy.handshake,
        }
    }

    /// Stops what the phase that is left has running.
    #[inline]
    fn leave(&mut self, to: Phase, input: Input, outputs: &mut Outputs) {
        if to == self.phase {
            return;
        }
        // The handshake's phases share one timer, armed by the dial.
        let keeps_timer = to.timer() == self.phase.timer() && to != Phase::Dialing;
        if !keeps_timer && let Some(timer) = self.armed.take() {
            outputs.push(Output::Disarm(timer));
        }
        let is_down = matches!(input, Input::TransportDown(_));
        if self.phase.has_socket() && !is_down && (!to.has_socket() || to == Phase::Dialing) {
            outputs.push(Output::Close);
        }
    }

    #[inline]
    fn act(&mut self, act: Act, input: Input, outputs: &mut Outputs) {
        match (act, input) {
            (Act::Keep, Input::Hello(grant)) => {
                self.restarted = self.grant.is_some_and(|before| before.boot != grant.boot);
                self.grant = Some(grant);
                self.pending = None;
                // A setup code works once; but while nothing better came of it, it is all there is.
                self.usable.bootstrap &= self.sent != CredentialKind::Bootstrap || !grant.device_token;
                if grant.device_token {
                    self.usable.device_token = true;
                    outputs.push(Output::StoreDeviceToken);
                }
            }
            (Act::Note, Input::Refused(refused)) => {
                if self.is_renewal(input) {
                    self.left.renewals = self.left.renewals.saturating_sub(1);
                }
                self.pending = Some(Pending { request: refused.request, reason: refused.reason });
            }
            (Act::Forget, _) => {
                let dropped = self.spoilt();
                if dropped == CredentialKind::DeviceToken && self.usable.device_token {
                    outputs.push(Output::ForgetDeviceToken);
                }
                self.usable = self.usable.without(dropped);
            }
            (Act::SetAside, _) => self.usable = self.usable.without(self.sent),
            (Act::Refill, _) => self.left = Budgets::full(&self.policy),
            (Act::Nothing | Act::Keep | Act::Note, _) => {}
        }
    }

    /// Enters a phase: its one timer is armed and its one deed is done.
    #[inline]
    fn enter(&mut self, to: Phase, delay: Duration, outputs: &mut Outputs) {
        self.phase = to;
        match to {
            Phase::Dialing => outputs.push(Output::Open),
            Phase::Signing => {
                self.sent = self.usable.best();
                outputs.push(Output::Sign(self.sent));
            }
            Phase::Authenticating => {
                self.sent = self.usable.best();
                outputs.push(Output::SendConnect(self.sent));
            }
            _ => {}
        }
        if let Some(timer) = to.timer().filter(|_| self.armed.is_none()) {
            self.armed = Some(timer);
            outputs.push(Output::Arm(timer, delay));
        }
        outputs.push(Output::Report(to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lockout_waits_what_the_gateway_says_and_never_no_time() {
        let policy = Policy::default();
        let cases = [
            (None, policy.lockout),
            (Some(Duration::from_secs(301)), Duration::from_secs(301)),
            (Some(Duration::ZERO), policy.backoff_min),
        ];
        for (hint, expected) in cases {
            let mut device = Pairing::new(policy, Credentials::shared(), ScopeSet::EMPTY).unwrap();
            for input in [Input::Start, Input::TransportUp, Input::Challenged, Input::Signed] {
                assert!(device.handle(input).heard());
            }
            let mut refused = Refused::new(RefusalClass::LockedOut);
            refused.retry_after = hint;
            let outputs = device.handle(Input::Refused(refused));
            let waits = outputs.as_slice().contains(&Output::Arm(Timer::Lockout, expected));
            assert!(waits, "{hint:?}: {outputs:?}");
        }
    }
}
