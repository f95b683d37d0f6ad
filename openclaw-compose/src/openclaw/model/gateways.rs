//! Which process is a gateway, and which gateway a process belongs to.

use std::collections::{BTreeMap, BTreeSet};

use super::mounts::Backing;
use super::namespaces::{Namespace, Namespaces};
use super::processes::{Process, ProcessId, Role};

/// A gateway, by its position among those of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GatewayId(usize);

impl GatewayId {
    /// What is kept of this gateway in a list that has one entry for each.
    pub(crate) fn of<T>(self, list: &[T]) -> Option<&T> {
        list.get(self.0)
    }

    /// The same, to be changed.
    pub(crate) fn of_mut<T>(self, list: &mut [T]) -> Option<&mut T> {
        list.get_mut(self.0)
    }

    /// What tells its clients apart from those of the others: nothing for the first.
    pub(crate) fn suffix(self) -> String {
        if self.0 == 0 { String::new() } else { format!("-{}", self.0 + 1) }
    }
}

/// The gateways by what leads to them, each the first, so that no client walks them all.
#[derive(Default)]
pub(crate) struct Gateways<'a> {
    /// In the order of their services.
    pub(crate) list: Vec<(GatewayId, &'a Process<'a>)>,
    by_process: BTreeMap<ProcessId, GatewayId>,
    by_namespace: BTreeMap<Namespace, GatewayId>,
    by_name: BTreeMap<&'a str, GatewayId>,
    by_state: BTreeMap<String, GatewayId>,
    /// On each state that is kept, the gateways' processes, one for each user.
    users: BTreeMap<Backing, Vec<&'a Process<'a>>>,
    /// In each namespace the gateways' processes that keep their state, one for each state.
    states: BTreeMap<Namespace, Vec<&'a Process<'a>>>,
}

impl<'a> Gateways<'a> {
    pub(crate) fn of(processes: &'a [Process<'a>], namespaces: &Namespaces) -> Self {
        let gateways = processes.iter().filter(|process| process.role == Role::Gateway);
        let mut out = Self {
            list: gateways.enumerate().map(|(at, process)| (GatewayId(at), process)).collect(),
            ..Self::default()
        };
        let (mut users, mut states) = (BTreeSet::new(), BTreeSet::new());
        for (gateway, process) in &out.list {
            let service = process.service;
            out.by_process.insert(process.id, *gateway);
            if let Some(namespace) = namespaces.of.get(service.name) {
                out.by_namespace.entry(namespace.clone()).or_insert(*gateway);
            }
            for name in std::iter::once(service.name).chain(service.container_name) {
                out.by_name.entry(name).or_insert(*gateway);
            }
            if let Backing::Host(path) = &process.state {
                out.by_state.entry(path.clone()).or_insert(*gateway);
            }
            if !process.state.is_kept() {
                continue;
            }
            if let Some(uid) = process.uid.number()
                && users.insert((&process.state, uid))
            {
                out.users.entry(process.state.clone()).or_default().push(process);
            }
            if let Some(namespace) = namespaces.of.get(service.name)
                && states.insert((namespace, &process.state))
            {
                out.states.entry(namespace.clone()).or_default().push(process);
            }
        }
        out
    }

    /// The gateway that a process is.
    pub(crate) fn being(&self, process: &Process<'_>) -> Option<GatewayId> {
        self.by_process.get(&process.id).copied()
    }

    /// The gateway a process belongs to: itself, the one whose namespace it shares, the one its URL names, the one whose
    /// state it mounts, or else the first.
    pub(crate) fn serving(
        &self,
        process: &Process<'_>,
        host: Option<&str>,
        namespaces: &Namespaces,
    ) -> Option<GatewayId> {
        let sharing = || self.by_namespace.get(namespaces.of.get(process.service.name)?).copied();
        let named = || self.by_name.get(host?).copied();
        let on_state = || match &process.state {
            Backing::Host(path) => self.by_state.get(path).copied(),
            _ => None,
        };
        // Many gateways may share the host's network; its shell asks the one whose configuration it reads.
        let on_host = || process.service.job.and_then(|_| on_state());
        let found = self.being(process).or_else(on_host).or_else(sharing).or_else(named).or_else(on_state);
        found.or_else(|| Some(self.list.first()?.0))
    }

    /// The first gateway's process that runs on the state of this one as another user.
    pub(crate) fn other_user_of(&self, process: &Process<'_>) -> Option<&'a Process<'a>> {
        let uid = process.uid.number()?;
        self.users.get(&process.state)?.iter().copied().find(|other| other.uid.number() != Some(uid))
    }

    /// The first gateway's process that lives in the namespace of this one and keeps another state than it keeps.
    pub(crate) fn other_state_beside(
        &self,
        process: &Process<'_>,
        namespace: &Namespace,
    ) -> Option<&'a Process<'a>> {
        let mut beside = self.states.get(namespace).filter(|_| process.state.is_kept())?.iter().copied();
        beside.find(|other| other.state != process.state)
    }

    /// Whether one of them lives in that namespace.
    pub(crate) fn is_in(&self, namespace: &Namespace) -> bool {
        self.by_namespace.contains_key(namespace)
    }
}
