//! Who waits for whom.

use std::fmt;

use serde::Serialize;

/// Someone who waits or is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Party {
    /// The CLI, or another client that is no browser.
    Cli,
    /// The dashboard.
    Dashboard,
    /// Another device, by the first twelve characters of its id.
    Device(String),
    /// The gateway.
    Gateway,
    /// A person who may approve.
    Operator,
    /// What restarts the gateway: Compose, launchd, systemd, Watchtower.
    Supervisor,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cli => f.write_str("cli"),
            Self::Dashboard => f.write_str("dashboard"),
            Self::Device(id) => write!(f, "device {id}"),
            Self::Gateway => f.write_str("gateway"),
            Self::Operator => f.write_str("operator"),
            Self::Supervisor => f.write_str("supervisor"),
        }
    }
}

/// One waits for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wait {
    /// Who waits.
    pub waiter: Party,
    /// For whom.
    pub holder: Party,
    /// For what.
    pub reason: String,
}

/// Who waits for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WaitGraph {
    waits: Vec<Wait>,
}

impl WaitGraph {
    /// The edges, in the order found.
    pub fn waits(&self) -> &[Wait] {
        &self.waits
    }

    pub(crate) fn add(&mut self, waiter: Party, holder: Party, reason: impl Into<String>) {
        let wait = Wait { waiter, holder, reason: reason.into() };
        if !self.waits.contains(&wait) {
            self.waits.push(wait);
        }
    }

    /// A cycle, if there is one: each party waits for the next and the last for the first.
    pub fn cycle(&self) -> Option<Vec<&Party>> {
        self.waits.iter().find_map(|start| {
            let mut path = vec![&start.waiter];
            self.walk_back(&start.waiter, &mut path).then_some(path)
        })
    }

    /// Extends `path` until it meets its own start. Graphs here have a handful of edges, so plain search will do.
    fn walk_back<'a>(&'a self, start: &Party, path: &mut Vec<&'a Party>) -> bool {
        let Some(&last) = path.last() else { return false };
        for wait in self.waits.iter().filter(|wait| wait.waiter == *last) {
            if wait.holder == *start {
                return true;
            }
            if !path.contains(&&wait.holder) {
                path.push(&wait.holder);
                if self.walk_back(start, path) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }
}

impl fmt::Display for WaitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wait in &self.waits {
            writeln!(f, "{} waits for {}: {}", wait.waiter, wait.holder, wait.reason)?;
        }
        if let Some(cycle) = self.cycle() {
            f.write_str("cycle: ")?;
            for party in &cycle {
                write!(f, "{party} -> ")?;
            }
            if let Some(first) = cycle.first() {
                writeln!(f, "{first}")?;
            }
        }
        Ok(())
    }
}
