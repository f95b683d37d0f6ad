//! Every transition, as rows. The machine runs on them, the model proves them, the diagram is drawn from them.

use std::fmt::Write as _;

use crate::phase::Phase;

/// An input's kind: what rows are chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trigger {
    Start,
    Up,
    Down,
    DownRestarting,
    DownRemoved,
    Challenged,
    Signed,
    SignFailed,
    HelloFull,
    HelloLimited,
    RefusedPairing,
    RefusedStarting,
    RefusedLockedOut,
    RefusedDeviceToken,
    RefusedTokenScope,
    RefusedBootstrap,
    RefusedSharedSecret,
    RefusedIdentity,
    RefusedOrigin,
    RefusedProtocol,
    RefusedClock,
    RefusedOther,
    Approved,
    Rejected,
    Handshake,
    Retry,
    Approval,
    Lockout,
    Settle,
    Violated,
    Abort,
}

/// How many kinds there are; [`Trigger::Abort`] is the last.
pub(crate) const TRIGGERS: usize = Trigger::Abort as usize + 1;

impl Trigger {
    /// In words, as the docs have it.
    const fn words(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Up => "transport up",
            Self::Down => "transport down",
            Self::DownRestarting => "transport down: restarting",
            Self::DownRemoved => "transport down: device removed",
            Self::Challenged => "challenge",
            Self::Signed => "signed",
            Self::SignFailed => "signing failed",
            Self::HelloFull => "hello, every scope",
            Self::HelloLimited => "hello, scopes missing",
            Self::RefusedPairing => "refused: pairing",
            Self::RefusedStarting => "refused: starting",
            Self::RefusedLockedOut => "refused: locked out",
            Self::RefusedDeviceToken => "refused: device token",
            Self::RefusedTokenScope => "refused: token scope",
            Self::RefusedBootstrap => "refused: bootstrap",
            Self::RefusedSharedSecret => "refused: shared secret",
            Self::RefusedIdentity => "refused: identity",
            Self::RefusedOrigin => "refused: origin",
            Self::RefusedProtocol => "refused: protocol",
            Self::RefusedClock => "refused: clock",
            Self::RefusedOther => "refused: other",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Handshake => "handshake timer",
            Self::Retry => "retry timer",
            Self::Approval => "approval timer",
            Self::Lockout => "lockout timer",
            Self::Settle => "settle timer",
            Self::Violated => "protocol violated",
            Self::Abort => "abort",
        }
    }
}

/// What must hold for a row to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Always,
    /// The device has a key to sign with.
    HasIdentity,
    /// Another credential is left once the one in use is dropped.
    HasFallback,
    /// None is.
    NoFallback,
    /// The decision is about the request that is waited for.
    IsCurrent,
    /// The request is another one than before, and no renewal is left.
    IsChurn,
}

/// A wait is paid from one budget, and that budget says how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    Attempts,
    Warmups,
    Polls,
    Lockouts,
    Reconnects,
}

/// What a row does besides entering its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    /// Keep the grant, and the device token if there is one.
    Keep,
    /// Remember the request that is waited for.
    Note,
    /// Drop the credential in use for good.
    Forget,
    /// Stop using the credential in use, but keep it stored.
    SetAside,
    /// Refill the budgets.
    Refill,
}

/// One transition, for each phase in `from`. Of the rows that fit, the first is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) from: &'static [Phase],
    pub(crate) on: Trigger,
    pub(crate) when: Guard,
    pub(crate) needs: Option<Budget>,
    pub(crate) act: Act,
    pub(crate) to: Phase,
}

const fn row(from: &'static [Phase], on: Trigger, to: Phase) -> Row {
    Row { from, on, when: Guard::Always, needs: None, act: Act::Nothing, to }
}

impl Row {
    const fn when(mut self, guard: Guard) -> Self {
        self.when = guard;
        self
    }

    const fn needs(mut self, budget: Budget) -> Self {
        self.needs = Some(budget);
        self
    }

    const fn act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }
}

use Phase::{
    Aborted, Authenticating, AwaitingApproval, Backoff, Churned, ClockSkewed, Connected, Dialing, Exhausted,
    Greeting, IdentityRefused, Idle, Incompatible, Limited, LockedOut, OriginRefused, Refused, Rejected,
    SignerFailed, Signing, Unauthorized, Undecided, Violated,
};

const HANDSHAKE: &[Phase] = &[Dialing, Greeting, Signing, Authenticating];
const SESSION: &[Phase] = &[Connected, Limited];
/// Where a request may be pending and its decision may arrive.
const ASKING: &[Phase] = &[Dialing, Greeting, Signing, Authenticating, AwaitingApproval, Backoff, LockedOut];
const LIVE: &[Phase] = &[
    Idle,
    Dialing,
    Greeting,
    Signing,
    Authenticating,
    Connected,
    Limited,
    AwaitingApproval,
    Backoff,
    LockedOut,
];

/// The transition table.
pub(crate) const ROWS: &[Row] = &[
    row(&[Idle], Trigger::Start, Dialing),
    row(&[Dialing], Trigger::Up, Greeting),
    row(&[Greeting], Trigger::Challenged, Signing).when(Guard::HasIdentity),
    row(&[Greeting], Trigger::Challenged, Authenticating),
    row(&[Signing], Trigger::Signed, Authenticating),
    row(&[Signing], Trigger::SignFailed, SignerFailed),
    row(&[Authenticating], Trigger::HelloFull, Connected).act(Act::Keep),
    row(&[Authenticating], Trigger::HelloLimited, Limited).act(Act::Keep),
    // A person must decide: constant beat, own budget, never exponential.
    row(&[Authenticating], Trigger::RefusedPairing, Churned).when(Guard::IsChurn),
    row(&[Authenticating], Trigger::RefusedPairing, AwaitingApproval).needs(Budget::Polls).act(Act::Note),
    row(&[Authenticating], Trigger::RefusedPairing, Undecided).act(Act::Note),
    row(&[AwaitingApproval], Trigger::Approval, Dialing),
    row(&[AwaitingApproval], Trigger::Approved, Dialing).when(Guard::IsCurrent),
    row(ASKING, Trigger::Rejected, Rejected).when(Guard::IsCurrent),
    // The gateway names a wait.
    row(&[Authenticating], Trigger::RefusedStarting, Backoff).needs(Budget::Warmups),
    row(&[Authenticating], Trigger::RefusedStarting, Exhausted),
    row(&[Authenticating], Trigger::RefusedLockedOut, LockedOut).needs(Budget::Lockouts),
    row(&[Authenticating], Trigger::RefusedLockedOut, Exhausted),
    row(&[LockedOut], Trigger::Lockout, Dialing),
    // Another credential may do; each fallback drops one, so this ends.
    row(&[Authenticating], Trigger::RefusedDeviceToken, Dialing).when(Guard::HasFallback).act(Act::Forget),
    row(&[Authenticating], Trigger::RefusedDeviceToken, Unauthorized).act(Act::Forget),
    row(&[Authenticating], Trigger::RefusedTokenScope, Dialing).when(Guard::HasFallback).act(Act::SetAside),
    row(&[Authenticating], Trigger::RefusedTokenScope, Unauthorized),
    row(&[Authenticating], Trigger::RefusedBootstrap, Dialing).when(Guard::HasFallback).act(Act::Forget),
    row(&[Authenticating], Trigger::RefusedBootstrap, Unauthorized).act(Act::Forget),
    row(&[Authenticating], Trigger::RefusedSharedSecret, Dialing).when(Guard::HasFallback).act(Act::SetAside),
    row(&[Authenticating], Trigger::RefusedSharedSecret, Unauthorized),
    // Only a change can help: stop at once.
    row(&[Authenticating], Trigger::RefusedIdentity, IdentityRefused),
    row(&[Dialing, Authenticating], Trigger::RefusedOrigin, OriginRefused),
    row(&[Authenticating], Trigger::RefusedProtocol, Incompatible),
    row(&[Authenticating], Trigger::RefusedClock, ClockSkewed),
    row(&[Dialing, Authenticating], Trigger::RefusedOther, Refused),
    row(&[Dialing, Greeting, Signing, Authenticating, Connected, Limited], Trigger::Violated, Violated),
    // Faults before a session.
    row(HANDSHAKE, Trigger::Down, Backoff).needs(Budget::Attempts),
    row(HANDSHAKE, Trigger::Down, Exhausted),
    row(HANDSHAKE, Trigger::DownRemoved, Backoff).needs(Budget::Attempts),
    row(HANDSHAKE, Trigger::DownRemoved, Exhausted),
    row(HANDSHAKE, Trigger::DownRestarting, Backoff).needs(Budget::Warmups),
    row(HANDSHAKE, Trigger::DownRestarting, Exhausted),
    row(HANDSHAKE, Trigger::Handshake, Backoff).needs(Budget::Attempts),
    row(HANDSHAKE, Trigger::Handshake, Exhausted),
    row(&[Backoff], Trigger::Retry, Dialing),
    // A session that ends.
    row(&[Connected], Trigger::Settle, Connected).act(Act::Refill),
    row(&[Limited], Trigger::Settle, Limited).act(Act::Refill),
    row(SESSION, Trigger::Down, Backoff).needs(Budget::Reconnects),
    row(SESSION, Trigger::Down, Exhausted),
    row(SESSION, Trigger::DownRestarting, Backoff).needs(Budget::Reconnects),
    row(SESSION, Trigger::DownRestarting, Exhausted),
    row(SESSION, Trigger::DownRemoved, Unauthorized).when(Guard::NoFallback).act(Act::Forget),
    row(SESSION, Trigger::DownRemoved, Backoff).needs(Budget::Reconnects).act(Act::Forget),
    row(SESSION, Trigger::DownRemoved, Exhausted).act(Act::Forget),
    row(LIVE, Trigger::Abort, Aborted),
];

/// How many transitions there are: a row counts once for each phase that it leaves.
pub(crate) const TRANSITIONS: usize = {
    let (mut count, mut row) = (0, 0);
    while row < ROWS.len() {
        count += ROWS[row].from.len();
        row += 1;
    }
    count
};

const PHASES: usize = Phase::ALL.len();

/// The rows by phase and trigger, laid out so that a step reads one short slice.
pub(crate) struct Table {
    rows: [Row; TRANSITIONS],
    ranges: [[(u16, u16); TRIGGERS]; PHASES],
}

/// The table that the machine runs on.
pub(crate) static TABLE: Table = Table::without(usize::MAX);

impl Table {
    /// The table with one transition left out. Only the mutation test leaves one out.
    #[expect(clippy::cast_possible_truncation, reason = "a table of a few hundred rows")]
    pub(crate) const fn without(missing: usize) -> Self {
        let mut rows = [ROWS[0]; TRANSITIONS];
        let mut ranges = [[(0, 0); TRIGGERS]; PHASES];
        let (mut len, mut seen, mut phase) = (0, 0, 0);
        while phase < PHASES {
            let mut trigger = 0;
            while trigger < TRIGGERS {
                let start = len;
                let mut row = 0;
                while row < ROWS.len() {
                    if ROWS[row].on as usize == trigger && leaves(&ROWS[row], phase) {
                        if seen != missing {
                            rows[len] = ROWS[row];
                            len += 1;
                        }
                        seen += 1;
                    }
                    row += 1;
                }
                ranges[phase][trigger] = (start as u16, len as u16);
                trigger += 1;
            }
            phase += 1;
        }
        Self { rows, ranges }
    }

    /// The phase and row that [`Table::without`] leaves out for this number.
    #[cfg(test)]
    pub(crate) fn left_out(missing: usize) -> (Phase, usize) {
        let mut edges = Phase::ALL.iter().enumerate().flat_map(|(index, phase)| {
            (0..TRIGGERS).flat_map(move |trigger| {
                (0..ROWS.len())
                    .filter(move |row| ROWS[*row].on as usize == trigger && leaves(&ROWS[*row], index))
                    .map(move |row| (*phase, row))
            })
        });
        edges.nth(missing).unwrap()
    }

    /// The rows for this phase and trigger, in order.
    #[inline]
    pub(crate) fn rows(&self, phase: Phase, trigger: Trigger) -> &[Row] {
        let range = self.ranges.get(phase as usize).and_then(|ranges| ranges.get(trigger as usize));
        let (start, end) = range.copied().unwrap_or_default();
        self.rows.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

const fn leaves(row: &Row, phase: usize) -> bool {
    let mut index = 0;
    while index < row.from.len() {
        if row.from[index] as usize == phase {
            return true;
        }
        index += 1;
    }
    false
}

impl Row {
    /// The condition in words; empty if there is none.
    fn condition(&self) -> String {
        let guard = match self.when {
            Guard::Always => "",
            Guard::HasIdentity => "the device has a key",
            Guard::HasFallback => "another credential is left",
            Guard::NoFallback => "no other credential is left",
            Guard::IsCurrent => "it is about the pending request",
            Guard::IsChurn => "the request changed and no renewal is left",
        };
        let budget = self.needs.map_or("", |budget| match budget {
            Budget::Attempts => "an attempt is left",
            Budget::Warmups => "a warm-up is left",
            Budget::Polls => "a poll is left",
            Budget::Lockouts => "a lockout is left",
            Budget::Reconnects => "a reconnect is left",
        });
        [guard, budget].iter().filter(|words| !words.is_empty()).copied().collect::<Vec<_>>().join(", ")
    }
}

/// The transition table as Markdown, one line a row.
pub fn markdown() -> String {
    let mut text = String::from("| from | on | if | to |\n| --- | --- | --- | --- |\n");
    for row in ROWS {
        let from: Vec<&str> = row.from.iter().map(|phase| phase.name()).collect();
        let (from, on, condition, to) = (from.join(", "), row.on.words(), row.condition(), row.to);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {from} | {on} | {condition} | {to} |");
    }
    text
}

/// The machine as a Mermaid state diagram. `abort` is left out: it leads from everywhere to `aborted`.
pub fn mermaid() -> String {
    let id = |phase: Phase| phase.name().replace('-', "_");
    let mut text = String::from("stateDiagram-v2\n    [*] --> idle\n");
    for row in ROWS.iter().filter(|row| row.on != Trigger::Abort) {
        for from in row.from {
            let _ = writeln!(text, "    {} --> {}: {}", id(*from), id(row.to), row.on.words());
        }
    }
    for phase in Phase::ALL.iter().filter(|phase| phase.is_terminal()) {
        let _ = writeln!(text, "    {} --> [*]", id(*phase));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_are_drawn_from_the_table() {
        let phases: String = Phase::ALL.iter().fold(String::new(), |mut text, phase| {
            let timer =
                phase.timer().map_or_else(|| "-".to_owned(), |timer| format!("{timer:?}").to_lowercase());
            let socket = if phase.has_socket() { "open" } else { "-" };
            let _ = writeln!(text, "| {phase} | {socket} | {timer} | {} |", phase.doc());
            text
        });
        let text = format!(
            "The state machine: {} phases, {} rows, {TRANSITIONS} transitions.\n\n\
             A row applies in each phase that it names; of the rows that fit, the first is taken. Entering a phase arms \
             its one timer, leaving it disarms it, so at most one timer is ever armed and none in a final phase.\n\n\
             ## Phases\n\n| phase | socket | timer | meaning |\n| --- | --- | --- | --- |\n{phases}\n\
             ## Transitions\n\n{}\n## Diagram\n\n```mermaid\n{}```\n",
            Phase::ALL.len(),
            ROWS.len(),
            markdown(),
            mermaid(),
        );
        expect_test::expect_file!["MACHINE.md"].assert_eq(&text);
    }

    #[test]
    fn a_row_that_could_never_be_taken_is_a_mistake() {
        for (index, row) in ROWS.iter().enumerate() {
            for phase in row.from {
                let hidden = ROWS.iter().take(index).any(|before| {
                    before.on == row.on
                        && before.from.contains(phase)
                        && before.when == Guard::Always
                        && before.needs.is_none()
                });
                assert!(!hidden, "row {index} from {phase} is hidden by an earlier one");
            }
        }
    }
}
