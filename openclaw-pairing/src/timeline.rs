//! Logs and command output as one story.
//!
//! A text that is at hand is a [`Timeline`] of dated marks. A stream of any length is read line by line ([`Lines`]), several
//! are merged by time ([`Merge`], by clocks that [`Skews`] compares), and retries are folded ([`Episodes`]). One table says which words mean what ([`rows`]).

mod envelopes;
mod episodes;
mod merge;
mod naming;
mod read;
mod skew;
mod symptoms;
mod time;
mod verdict;

use std::collections::{BTreeMap, VecDeque};

use memchr::memchr;
use serde::Serialize;

use crate::peer::Peer;
use crate::place::{Place, PlaceRole};
use crate::scope::Scope;
use crate::vantage::Vantage;
use crate::words::{head, shown};
use naming::{field, is_cut, peer};
use symptoms::LONGEST_LINE;
use time::dated;

pub use episodes::{Episode, Episodes};
pub use merge::{Merge, Merged, Order};
pub use read::{Line, Lines};
pub use skew::{Skew, Skews};
pub use symptoms::{Class, Counts, Fault, Meaning, Row, Symptom, Words, rows};
pub use verdict::{Cause, Certainty, Ground, verdict};

/// One meaningful line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mark {
    /// What it means.
    pub symptom: Symptom,
    /// Which step between a client and its session it is about.
    pub class: Class,
    /// Whether a gateway ends with this line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_end: bool,
    /// Milliseconds since 1970, if the line is dated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// Whom the line is about, as it and the other lines of the same connection name them.
    #[serde(flatten)]
    pub peer: Peer,
    /// The request that the line names in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The scope that was missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Line, from 1.
    pub line: u32,
    /// Byte range of the deciding words in the text, or of their line, where it spells them otherwise.
    pub span: [usize; 2],
    /// The deciding words as the line has them: never the rest of the line, which may hold a secret.
    pub words: String,
}

/// A text's marks, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Timeline {
    /// Where the text was taken.
    pub vantage: Vantage,
    /// How the caller calls the text.
    pub name: String,
    /// Its meaningful lines.
    pub marks: Vec<Mark>,
    /// What of the text is not in them.
    #[serde(skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
}

/// What of a text was not read or not kept: of a long one the end counts, for what still holds is met again there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// Bytes before the first line that was read.
    pub bytes: u64,
    /// Meaningful lines that were read, and followed by too many with the same meaning.
    pub marks: u64,
}

impl LeftOut {
    /// True if everything is there.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The most of a text that is read, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// The most marks of one symptom that are kept. A client that asks every two seconds fills them in two hours, and no
/// symptom can crowd out another.
const MOST_MARKS: usize = 4096;

impl Timeline {
    /// Reads a log or a command's output, in whatever [`Lines`] takes lines out of.
    pub fn parse(vantage: Vantage, name: impl Into<String>, text: &str) -> Self {
        let (before, read) = newest(text);
        let mut left_out = LeftOut { bytes: before.len() as u64, marks: 0 };
        let first = before.bytes().filter(|byte| *byte == b'\n').count() as u64;
        // Of each symptom the newest, with the connection that its line names.
        let mut kept: BTreeMap<Symptom, VecDeque<(Mark, Option<&str>)>> = BTreeMap::new();
        let mut connections: BTreeMap<&str, Peer> = BTreeMap::new();
        let mut lines = Lines::new(read.as_bytes());
        let placed = read.split('\n').scan(before.len(), |next, raw| {
            let start = *next;
            *next += raw.len() + 1;
            Some((start, raw))
        });
        let mut placed = (1..).zip(placed);
        // Reading from memory does not fail.
        while lines.advance_to_words(|_, _| {}).unwrap_or(false) {
            let line = lines.line();
            let Some(meaning) = Meaning::of(line.text) else { continue };
            let Some((_, (start, raw))) = placed.find(|(number, _)| *number == line.number) else { break };
            let mut mark = meaning.mark(first + line.number);
            mark.at_ms = line.at_ms.filter(|_| line.is_dated).or(mark.at_ms);
            // Of what an envelope spells otherwise, the line as a whole.
            mark.span = match raw.find(&mark.words) {
                Some(at) => [start + at, start + at + mark.words.len()],
                None => [start, start + raw.len()],
            };
            let connection = field(head(raw, LONGEST_LINE), &["conn="]);
            if let Some(connection) = connection {
                let peer = connections.entry(connection).or_default();
                let earlier = std::mem::replace(peer, mark.peer.clone());
                peer.complete(&earlier);
            }
            let kept = kept.entry(mark.symptom).or_default();
            if kept.len() == MOST_MARKS {
                kept.pop_front();
                left_out.marks += 1;
            }
            kept.push_back((mark, connection));
        }
        let mut marks: Vec<_> = kept.into_values().flatten().collect();
        marks.sort_by_key(|(mark, _)| mark.line);
        // One line of a connection names the client, another its address.
        let complete = |(mut mark, connection): (Mark, Option<&str>)| {
            if let Some(whole) = connection.and_then(|connection| connections.get(connection)) {
                mark.peer.complete(whole);
            }
            mark
        };
        let marks = marks.into_iter().map(complete).collect();
        Self { vantage, name: shown(&name.into(), usize::MAX), marks, left_out }
    }

    /// Says how much of the text the caller left out before it, as who reads only the end of a long file does.
    #[must_use]
    pub fn after(mut self, bytes: u64) -> Self {
        self.left_out.bytes += bytes;
        self
    }

    pub(crate) fn place(&self, mark: &Mark, role: PlaceRole) -> Place {
        Place { role, file: self.name.clone(), line: mark.line, column: 1, span: mark.span }
    }
}

/// The end of a text that is read, from the beginning of a line, behind what is not. The last line is read however long it
/// is.
fn newest(text: &str) -> (&str, &str) {
    let Some(from) = text.len().checked_sub(LARGEST + 1) else { return ("", text) };
    let ended = text.as_bytes().get(from..).and_then(|rest| memchr(b'\n', rest)).map(|at| from + at + 1);
    let last = || text.rfind('\n').map_or(0, |at| at + 1);
    text.split_at(ended.unwrap_or_else(last))
}

impl Merged<'_> {
    /// What the line means, if it means anything, at its time on the common clock.
    pub fn mark(&self) -> Option<Mark> {
        let mark = Meaning::of(self.line.text)?.mark(self.line.number);
        Some(Mark { at_ms: self.at_ms.or(mark.at_ms), ..mark })
    }
}

impl Meaning<'_> {
    fn mark(&self, number: u64) -> Mark {
        let Self { row, words: Words { text: words, .. }, is_end, line, at } = *self;
        let Row { symptom, class, .. } = *row;
        let scope = field(line, &["missing scope: "]);
        // The name of a scope is no secret, and says which; but only where it is what the words are about.
        let named = scope.filter(|scope| Scope::from_name(scope) != Scope::Other);
        let named = named.map(|scope| "missing scope: ".len() + scope.len()).filter(|length| {
            symptom == Symptom::MissingScope
                && line.get(at..at + length).is_some_and(|text| text.ends_with(scope.unwrap_or_default()))
        });
        // What a row needs to tell two lines apart (`… (requestId`, `" is not …`) need not be shown.
        let lead = if words.starts_with("\" ") { 2 } else { 0 };
        let at = at + lead;
        let length = named.unwrap_or_else(|| words.find(" (").unwrap_or(words.len()) - lead);
        let seen = line.get(at..at + length).unwrap_or(words);
        Mark {
            symptom,
            class,
            is_end,
            at_ms: dated(line),
            peer: peer(line),
            request_id: field(line, &["requestId=", "requestId: ", "requestid: "])
                .filter(|id| !is_cut(line, id))
                .map(str::to_owned),
            scope: scope.map(str::to_owned),
            line: u32::try_from(number).unwrap_or(u32::MAX),
            span: [at, at + length],
            words: seen.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_request_id_is_taken_from_the_tail_not_from_the_cut_reason() {
        let line = "2026-11-22T06:26:00.737+00:00 [ws] closed before connect conn=1 remote=10.0.0.2 code=1008 \
                    reason=pairing required: device is asking for a higher role than currently approved \
                    (requestId: 0234eb71-62a0-4ac3-8d0e-d29c1ae cause=pairing-required \
                    deviceId=77fc328f73074abb requestId=0234eb71-62a0-4ac3-8d0e-d29c1aea27a3 reason=role-upgrade";
        let timeline = Timeline::parse(Vantage::Gateway, "log", line);
        let mark = &timeline.marks[0];
        assert_eq!(mark.symptom, Symptom::RoleUpgrade);
        assert_eq!(mark.request_id.as_deref(), Some("0234eb71-62a0-4ac3-8d0e-d29c1aea27a3"));
        assert_eq!(mark.peer.device_id.as_deref(), Some("77fc328f73074abb"));
        assert_eq!(mark.peer.remote.as_deref(), Some("10.0.0.2"));
    }

    #[test]
    fn an_id_that_the_close_reason_cuts_is_none() {
        let id = "0234eb71-62a0-4ac3-8d0e-d29c1aea27a3";
        for (shown, expected) in [(&id[..31], None), (id, Some(id))] {
            let bracket = if expected.is_some() { ")" } else { "" };
            let line =
                format!("\"gateway closed (1008): pairing required: ... (requestId: {shown}{bracket}\",");
            let timeline = Timeline::parse(Vantage::Client, "out", &line);
            assert_eq!(timeline.marks[0].request_id.as_deref(), expected);
        }
    }

    #[test]
    fn a_missing_scope_is_quoted_with_its_name_and_with_nothing_else() {
        let cases = [
            ("[openclaw] Reason: missing scope: operator.pairing", "missing scope: operator.pairing"),
            (
                "MISSING SCOPE: operator.canary-1 and missing scope: operator.pairing",
                "MISSING SCOPE: operator.",
            ),
            ("missing scope: operator.canary-1", "missing scope: operator."),
        ];
        for (line, words) in cases {
            let timeline = Timeline::parse(Vantage::Client, "out", line);
            let mark = &timeline.marks[0];
            assert_eq!(mark.words, words);
            assert_eq!(line.get(mark.span[0]..mark.span[1]), Some(words));
        }
    }

    #[test]
    fn only_the_deciding_words_are_quoted() {
        let line = "gateway token mismatch for ws://h/?token=canary-token-1 --token canary-token-1";
        let timeline = Timeline::parse(Vantage::Client, "out", line);
        assert!(!format!("{timeline:?}").contains("canary"));
    }
}
