//! What `!reset` and `!override` take out of what stands before them.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{Node, Value};

/// Paths, as a tree of their keys.
#[derive(Debug, Default)]
pub(crate) struct Resets {
    /// The path that leads here is one of them.
    here: bool,
    below: HashMap<Arc<str>, Self>,
}

impl Resets {
    /// Adds a path from the root on.
    pub(crate) fn add(&mut self, keys: impl IntoIterator<Item = Arc<str>>) {
        let mut at = self;
        for key in keys {
            at = at.below.entry(key).or_default();
        }
        at.here = true;
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.here && self.below.is_empty()
    }

    /// Those below these keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |at, key| at.below.get(*key))
    }

    /// Removes what stands at the paths below `node`, which itself stays.
    pub(crate) fn drop_from(&self, node: &mut Node) {
        if self.below.is_empty() {
            return;
        }
        let Value::Map(map) = &mut node.value else { return };
        // Nearly always there is nothing to remove.
        if map.iter().all(|entry| !self.below.contains_key(&entry.key)) {
            return;
        }
        map.entries_mut().retain_mut(|entry| match self.below.get(&entry.key) {
            Some(reset) if reset.here => false,
            Some(reset) => {
                reset.drop_from(&mut entry.node);
                true
            }
            None => true,
        });
    }
}
