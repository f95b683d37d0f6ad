//! A line of the evidence, with the text that it is from.

use crate::place::{Place, PlaceRole};
use crate::timeline::{Mark, Symptom, Timeline};

/// A mark with the text that it is from.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) mark: &'a Mark,
}

impl Seen<'_> {
    pub(super) fn place(self) -> Place {
        self.timeline.place(self.mark, PlaceRole::Decided)
    }

    pub(super) fn quote(self) -> String {
        let Self { timeline, mark } = self;
        let mut text = format!("{} line {}: {}", timeline.name, mark.line, mark.words);
        for (key, value) in
            [("device", &mark.peer.device_id), ("request", &mark.request_id), ("from", &mark.peer.remote)]
        {
            if let Some(value) = value {
                text.push_str(&format!(", {key} {value}"));
            }
        }
        text
    }
}

/// The dated ones, in order of time.
pub(super) fn by_time<'a>(seen: impl Iterator<Item = Seen<'a>>) -> Vec<(u64, Seen<'a>)> {
    let mut dated: Vec<_> = seen.filter_map(|seen| Some((seen.mark.at_ms?, seen))).collect();
    dated.sort_by_key(|(at, _)| *at);
    dated
}

/// A refusal of the shared token, or of what stands in its place.
pub(super) const SHARED_SECRET: &[Symptom] = &[
    Symptom::CredentialNotConfigured,
    Symptom::CredentialRefused,
    Symptom::SharedTokenMismatch,
    Symptom::SharedTokenMissing,
    Symptom::SharedPasswordMismatch,
    Symptom::SharedPasswordMissing,
    Symptom::UserRefused,
];

/// What shows a client that waits for approval.
pub(super) const ASKS: &[Symptom] = &[
    Symptom::NotPaired,
    Symptom::PairingRequired,
    Symptom::ScopeUpgrade,
    Symptom::RoleUpgrade,
    Symptom::MetadataUpgrade,
];
