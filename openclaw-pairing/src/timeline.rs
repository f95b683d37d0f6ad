//! Logs and command output as one story.
//!
//! A text that is at hand is a [`Timeline`] of dated marks. A stream of any length is read line by line ([`Lines`]), several
//! are merged by time ([`Merge`]), and retries are folded ([`Episodes`]). One table says which words mean what ([`rows`]).

mod episodes;
mod merge;
mod naming;
mod read;
mod symptoms;
mod time;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::peer::Peer;
use crate::place::{Place, PlaceRole};
use crate::scope::Scope;
use crate::vantage::Vantage;
use crate::words::{head, shown};
use naming::{field, is_cut, peer};
use symptoms::{Hit, find};
use time::dated;

pub use episodes::{Episode, Episodes};
pub use merge::{Merge, Merged, Order};
pub use read::{Line, Lines};
pub use symptoms::{Row, Symptom, Words, row_of, rows};

/// One meaningful line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mark {
    /// What it means.
    pub symptom: Symptom,
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
    /// Byte range of the deciding words in the text.
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
const MOST_MARKS: u64 = 4096;
/// Lines longer than this are read up to it: a gateway's own lines stay far below.
const LONGEST_LINE: usize = 16 * 1024;

impl Timeline {
    /// Reads a log or a command's output: colour and erase codes, a Compose prefix and JSON lines are fine.
    pub fn parse(vantage: Vantage, name: impl Into<String>, text: &str) -> Self {
        let mut kept: BTreeMap<Symptom, u64> = BTreeMap::new();
        let (mut marks, mut left_out) = (Vec::new(), LeftOut::default());
        let mut number = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let mut end = text.len();
        let mut connections: BTreeMap<&str, Peer> = BTreeMap::new();
        let mut of_marks = Vec::new();
        for line in text.rsplit('\n') {
            let start = end - line.len();
            // The last line is read however long it is.
            if text.len() - start > LARGEST && end < text.len() {
                left_out.bytes = u64::try_from(end + 1).unwrap_or(u64::MAX);
                break;
            }
            let connection = field(head(line, LONGEST_LINE), &["conn="]);
            if let Some(meaning) = Meaning::of(line) {
                let kept = kept.entry(meaning.symptom).or_default();
                if *kept < MOST_MARKS {
                    *kept += 1;
                    let mark = meaning.mark(start, u32::try_from(number).unwrap_or(u32::MAX));
                    if let Some(connection) = connection {
                        connections.entry(connection).or_default().complete(&mark.peer);
                    }
                    marks.push(mark);
                    of_marks.push(connection);
                } else {
                    left_out.marks += 1;
                }
            }
            number -= 1;
            end = start.saturating_sub(1);
        }
        // One line of a connection names the client, another its address.
        for (mark, connection) in marks.iter_mut().zip(of_marks) {
            if let Some(whole) = connection.and_then(|connection| connections.get(connection)) {
                mark.peer.complete(whole);
            }
        }
        marks.reverse();
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

impl Merged<'_> {
    /// What the line means, if it means anything, at its time on the common clock.
    pub fn mark(&self) -> Option<Mark> {
        let number = u32::try_from(self.line.number).unwrap_or(u32::MAX);
        let mark = Meaning::of(self.line.text)?.mark(0, number);
        Some(Mark { at_ms: self.at_ms.or(mark.at_ms), ..mark })
    }
}

/// A line that means something: what, and by which of its words.
struct Meaning<'a> {
    line: &'a str,
    symptom: Symptom,
    words: &'static str,
    at: usize,
}

impl<'a> Meaning<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let line = head(line, LONGEST_LINE);
        let Hit { row, words, at } = find(line)?;
        Some(Self { line, symptom: row.symptom, words, at })
    }

    fn mark(&self, start: usize, number: u32) -> Mark {
        let Self { line, symptom, words, at } = *self;
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
            at_ms: dated(line),
            peer: peer(line),
            request_id: field(line, &["requestId=", "requestId: ", "requestid: "])
                .filter(|id| !is_cut(line, id))
                .map(str::to_owned),
            scope: scope.map(str::to_owned),
            line: number,
            span: [start + at, start + at + length],
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
