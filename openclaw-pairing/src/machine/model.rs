//! Every interleaving of device, gateway, operator and network, explored to the end.
//!
//! One [`World`] feeds three proofs: stateright's search over the properties, a backward search (every state can still
//! end), and two runs from every state (a world that falls silent, a world that turns kind). The mutation test then
//! leaves out one transition at a time and wants a proof to fail.

mod search;
mod world;

use std::collections::HashMap;
use std::time::Duration;

use stateright::{Checker, Model, Property};

use super::Credentials;
use super::table::{ROWS, TABLE, TRANSITIONS, Table};
use crate::phase::Phase;
use crate::policy::Policy;
use world::{Action, Link, World};

struct Pairings {
    table: Table,
    policy: Policy,
}

impl Pairings {
    fn with(table: Table) -> Self {
        Self { table, policy: policy() }
    }
}

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
