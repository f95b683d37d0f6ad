//! The search through every state, and the proofs that need the whole graph.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use stateright::Model as _;

use super::world::{Action, World};
use super::{ALWAYS, Pairings};
use crate::phase::Phase;

/// The whole state graph.
pub(super) struct Graph {
    pub(super) states: Vec<World>,
    pub(super) edges: Vec<(usize, usize)>,
}

impl Pairings {
    /// Explores everything, or stops at the first state that breaks a promise and says which.
    pub(super) fn explore(&self) -> Result<Graph, &'static str> {
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
    pub(super) fn prove(&self) -> Result<Graph, &'static str> {
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
