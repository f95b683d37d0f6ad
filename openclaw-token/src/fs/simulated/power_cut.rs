//! Every state that a power cut may leave behind.

use super::{Data, Inode, ROOT, SimulatedDisk, Tree, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

impl SimulatedDisk {
    /// Every tree that may be found after the power is cut now.
    pub(in crate::fs) fn after_power_cut(&self) -> BTreeSet<Tree> {
        let state = self.state();
        assert!(state.pending.len() <= 16, "too many unsynced entries to enumerate: {}", state.pending.len());
        // Many subsets leave the same directories behind.
        let mut survivors = BTreeSet::new();
        for kept in 0_u32..1 << state.pending.len() {
            let mut directories: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
            for (inode, node) in state.nodes.iter().enumerate() {
                if let Inode::Directory { durable, .. } = node {
                    directories
                        .insert(inode, durable.iter().map(|(name, inode)| (name.as_str(), *inode)).collect());
                }
            }
            for (n, change) in state.pending.iter().enumerate() {
                if kept >> n & 1 == 1 {
                    for (dir, name, inode) in change {
                        let entries = directories.get_mut(dir).unwrap();
                        match inode {
                            Some(inode) => drop(entries.insert(name.as_str(), *inode)),
                            None => drop(entries.remove(name.as_str())),
                        }
                    }
                }
            }
            survivors.insert(directories);
        }
        let mut trees = BTreeSet::new();
        for directories in survivors {
            // Files whose unsynced writes can be seen from here, and what each may hold.
            let mut reachable = Vec::new();
            let mut stack = vec![ROOT];
            while let Some(inode) = stack.pop() {
                match &state.nodes[inode] {
                    Inode::Directory { .. } => stack.extend(directories[&inode].values()),
                    Inode::File { .. } => reachable.push(inode),
                }
            }
            let mut choices: Vec<BTreeMap<usize, Data>> = vec![BTreeMap::new()];
            for inode in reachable {
                if let Inode::File { durable, pending, .. } = &state.nodes[inode] {
                    let versions = versions(durable, pending);
                    choices = choices
                        .into_iter()
                        .flat_map(|choice| {
                            versions.iter().map(move |version| {
                                let mut choice = choice.clone();
                                choice.insert(inode, version.clone());
                                choice
                            })
                        })
                        .collect();
                }
            }
            for choice in choices {
                let mut tree = Tree::new();
                let entries = |inode: usize| {
                    let entries = directories.get(&inode).into_iter().flatten();
                    entries.map(|(name, inode)| ((*name).to_owned(), *inode)).collect()
                };
                let data = |inode: usize| choice.get(&inode).cloned();
                state.walk(ROOT, Path::new("/"), &entries, &data, &mut tree);
                trees.insert(tree);
            }
        }
        trees
    }
}

/// What a file may hold after its unsynced writes were kept, dropped, halved or zeroed.
fn versions(durable: &Data, pending: &[Write]) -> Vec<Data> {
    let mut versions = vec![durable.clone()];
    for write in pending {
        let mut next = versions.clone();
        for version in &versions {
            let mut with = |change: &dyn Fn(&mut Data)| {
                let mut version = version.clone();
                change(&mut version);
                next.push(version);
            };
            match write {
                Write::Bytes { at, bytes } => {
                    with(&|data| put(&mut data.content, *at, bytes));
                    with(&|data| put(&mut data.content, *at, &bytes[..bytes.len() / 2]));
                    with(&|data| put(&mut data.content, *at, &vec![0; bytes.len()]));
                }
                Write::Length(length) => with(&|data| data.content.resize(*length, 0)),
                Write::Ownership { owner, mode } => with(&|data| data.set_ownership(*owner, *mode)),
            }
        }
        versions = next;
    }
    versions.sort_by(|a, b| (&a.content, a.mode, a.owner).cmp(&(&b.content, b.mode, b.owner)));
    versions.dedup_by(|a, b| (&a.content, a.mode, a.owner) == (&b.content, b.mode, b.owner));
    versions
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}
