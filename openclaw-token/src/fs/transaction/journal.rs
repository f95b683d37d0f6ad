//! What a transaction writes down before it does anything.

use crate::digest::Digest;
use crate::fs::STATE_DIRECTORY;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The journal format this crate writes and reads.
pub(super) const JOURNAL_SCHEMA: u32 = 1;

/// Name of the journal in a transaction's directory.
pub(super) const JOURNAL: &str = "journal.json";

/// A journal is a page of text; whatever is larger is not one.
pub(super) const JOURNAL_LIMIT: usize = 4 << 20;

/// Files that one transaction may change.
pub(super) const MOST_CHANGES: usize = 1000;

/// Where a transaction stands: the extension of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Preparing,
    Staged,
    Committed,
    Done,
    Reverting,
    Reverted,
    Clearing,
}

impl Phase {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Preparing, "preparing"),
        (Self::Staged, "staged"),
        (Self::Committed, "committed"),
        (Self::Done, "done"),
        (Self::Reverting, "reverting"),
        (Self::Reverted, "reverted"),
        (Self::Clearing, "clearing"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(phase, _)| *phase == self).map_or("", |(_, name)| name)
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(phase, _)| *phase)
    }

    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Reverted)
    }
}

/// What `recover` needs to know, written before anything else. The default lists nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) schema: u32,
    pub(super) tag: Option<String>,
    pub(super) entries: Vec<JournalEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalEntry {
    /// Relative to the root, links resolved.
    pub(super) path: PathBuf,
    pub(super) before: Option<Digest>,
    pub(super) after: Option<Digest>,
    /// Name of the new file beside its target.
    pub(super) staged: Option<String>,
    /// Name of the original's copy beside the journal.
    pub(super) backup: Option<String>,
    pub(super) ownership: Ownership,
}

/// Owner and mode.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ownership {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

impl Journal {
    /// Whether a plan can have written this as transaction `id`; if not, what it cannot have written. The journal may come
    /// from anybody.
    pub(super) fn check(&self, id: u64) -> Result<(), String> {
        if self.schema != JOURNAL_SCHEMA {
            return Err(format!("schema {} never was", self.schema));
        }
        if self.entries.len() > MOST_CHANGES {
            return Err(format!("it lists {} files, more than {MOST_CHANGES}", self.entries.len()));
        }
        let mut seen = BTreeSet::new();
        for (n, entry) in self.entries.iter().enumerate() {
            let told = |what: &str| Err(format!("entry {}: {what}", n + 1));
            if !is_inside(&entry.path) {
                return told("its path does not lead to a file below the root");
            }
            if !seen.insert(&entry.path) {
                return told("its file is listed twice");
            }
            if entry.before.is_none() && entry.after.is_none() {
                return told("it changes nothing");
            }
            if entry.staged != entry.after.map(|_| staged_name(&entry.path, id, n))
                || entry.backup != entry.before.map(|_| backup_name(n))
            {
                return told("its new file or its backup has another name than it would be given");
            }
            let Ownership { uid, gid, mode } = entry.ownership;
            if mode > 0o777 || uid == u32::MAX || gid == u32::MAX {
                return told("no file is given such an owner or mode");
            }
        }
        Ok(())
    }
}

/// Whether a path relative to the root leads to a file below it, without detours and past every state directory.
pub(super) fn is_inside(path: &Path) -> bool {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            // Some file systems take upper and lower case for the same.
            Component::Normal(name) if name.to_string_lossy().to_lowercase() != STATE_DIRECTORY => {
                plain.push(name);
            }
            _ => return false,
        }
    }
    let text = path.as_os_str();
    !text.is_empty()
        && text.len() <= 4096
        && plain.as_os_str() == text
        && !text.as_encoded_bytes().contains(&0)
}

/// Beside its target.
fn staged_name(path: &Path, id: u64, n: usize) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.openclaw-{id}-{n}.new")
}

/// Beside its target, while an original is put back.
pub(super) fn restored_name(path: &Path, id: u64) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.openclaw-{id}.old")
}

/// Beside the journal.
fn backup_name(n: usize) -> String {
    format!("{n}.old")
}

/// Beside the journal: the new content of a file that was put back or removed again.
pub(super) fn taken_back_name(n: usize) -> String {
    format!("{n}.new")
}

/// Whether a transaction's directory may hold this name.
pub(super) fn is_own_name(name: &str) -> bool {
    let number = |name: &str| name.split_once('.')?.0.parse().ok();
    let is_of =
        |n: usize| n < MOST_CHANGES && [backup_name(n), taken_back_name(n)].contains(&name.to_owned());
    name == JOURNAL || number(name).is_some_and(is_of)
}

/// A change whose path and content have been checked.
pub(super) struct Planned {
    pub(super) path: PathBuf,
    pub(super) expected: Option<Digest>,
    pub(super) content: Option<SecretSlice<u8>>,
    pub(super) ownership: Ownership,
}

impl Planned {
    pub(super) fn entry(&self, id: u64, n: usize) -> JournalEntry {
        JournalEntry {
            path: self.path.clone(),
            before: self.expected,
            after: self.content.as_ref().map(|content| Digest::of(content.expose_secret())),
            staged: self.content.is_some().then(|| staged_name(&self.path, id, n)),
            backup: self.expected.is_some().then(|| backup_name(n)),
            ownership: self.ownership,
        }
    }
}

/// A transaction's directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) id: u64,
    pub(super) phase: Phase,
}

impl Found {
    /// From exactly the name that it is given.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (id, phase) = name.split_once('.')?;
        let found = Self { id: id.parse().ok()?, phase: Phase::named(phase)? };
        (found.name() == name).then_some(found)
    }

    pub(super) fn name(self) -> String {
        format!("{:06}.{}", self.id, self.phase.name())
    }
}
