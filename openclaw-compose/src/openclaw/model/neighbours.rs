//! Who lives beside whom: in a namespace, or below a state directory.

use std::collections::BTreeMap;

use super::namespaces::{Namespace, Namespaces};
use super::processes::Process;
use super::roots::Roots;

/// The processes by what they share with others, so that none walks them all.
#[derive(Default)]
pub(crate) struct Neighbours<'a> {
    /// In each namespace the first two processes that are not OpenClaw's: one, and one beside it.
    foreign: BTreeMap<Namespace, Vec<&'a Process<'a>>>,
    /// The first process of OpenClaw's for each state directory, by its path in the container.
    state_dirs: Roots<'a>,
}

impl<'a> Neighbours<'a> {
    pub(crate) fn of(processes: &'a [Process<'a>], namespaces: &Namespaces) -> Self {
        let mut out = Self::default();
        for process in processes.iter().filter(|process| !process.is_openclaw()) {
            let Some(namespace) = namespaces.of.get(process.service.name) else { continue };
            let known = out.foreign.entry(namespace.clone()).or_default();
            if known.len() < 2 {
                known.push(process);
            }
        }
        let openclaw = processes.iter().enumerate().filter(|(_, process)| process.is_openclaw());
        // The first of several is entered last.
        for (at, process) in openclaw.rev().filter(|(_, process)| process.state_dir != "/") {
            out.state_dirs.insert(&process.state_dir, at);
        }
        out
    }

    /// A program in the namespace that is neither OpenClaw's nor `aside`.
    pub(crate) fn foreign(
        &self,
        namespace: &Namespace,
        aside: Option<&Process<'_>>,
    ) -> Option<&'a Process<'a>> {
        let is_another = |other: &&Process<'_>| aside.is_none_or(|aside| aside.id != other.id);
        self.foreign.get(namespace)?.iter().copied().find(is_another)
    }

    /// The first process of OpenClaw's whose state directory lies above that of this one.
    pub(crate) fn state_above(
        &self,
        process: &Process<'_>,
        processes: &'a [Process<'a>],
    ) -> Option<&'a Process<'a>> {
        processes.get(self.state_dirs.above(&process.state_dir).min()?)
    }
}
