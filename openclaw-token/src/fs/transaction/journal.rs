//! What a transaction writes down before it does anything.

use crate::digest::Digest;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The journal format this crate writes and reads.
pub(super) const JOURNAL_SCHEMA: u32 = 1;

/// Name of the journal in a transaction's directory.
pub(super) const JOURNAL: &str = "journal.json";

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
pub(super) struct Journal {
    pub(super) schema: u32,
    pub(super) tag: Option<String>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Relative to the root, links resolved.
    pub(super) path: PathBuf,
    pub(super) before: Option<Digest>,
    pub(super) after: Option<Digest>,
    /// Name of the new file beside its target.
    pub(super) staged: Option<String>,
    /// Name of the original's copy beside the journal.
    pub(super) backup: Option<String>,
    pub(super) dress: Dress,
}

/// Owner and mode.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Dress {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

/// A change whose path and content have been checked.
pub(super) struct Planned {
    pub(super) path: PathBuf,
    pub(super) expected: Option<Digest>,
    pub(super) content: Option<SecretSlice<u8>>,
    pub(super) dress: Dress,
}

impl Planned {
    pub(super) fn entry(&self, id: u64, n: usize) -> Entry {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Entry {
            path: self.path.clone(),
            before: self.expected,
            after: self.content.as_ref().map(|content| Digest::of(content.expose_secret())),
            staged: self.content.is_some().then(|| format!(".{name}.openclaw-{id}-{n}.new")),
            backup: self.expected.is_some().then(|| format!("{n}.old")),
            dress: self.dress,
        }
    }
}

pub(super) struct Found {
    pub(super) id: u64,
    pub(super) phase: Phase,
}
