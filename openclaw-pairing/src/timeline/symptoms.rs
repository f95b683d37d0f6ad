//! What the words of a line mean: one table ([`rows`](self::rows())), and one pass over the line.

mod pieces;
mod rows;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde::Serialize;

use crate::version::Version;
use crate::words::head;
use pieces::Pieces;
use rows::ROWS;

const _: () = assert!(pieces::are_long_enough(ROWS), "words of the table are looked for by eight bytes");

/// Lines longer than this are read up to it: a gateway's own lines stay far below.
pub(super) const LONGEST_LINE: usize = 16 * 1024;

/// What a line means for pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Symptom {
    /// An owner approved a device.
    Approved,
    /// The device's clock is outside the window.
    ClockSkew,
    /// `device identity required`: neither device nor usable token.
    DeviceIdentityRequired,
    /// The device proof is wrong.
    DeviceProofRefused,
    /// A device token is stale or another device's.
    DeviceTokenMismatch,
    /// A device token's role was revoked.
    DeviceTokenRevoked,
    /// A list without entries.
    EmptyList,
    /// The gateway lets a client in.
    Connected,
    /// A client's credential was taken, and its connection ended before the session stood.
    CredentialTaken,
    /// The gateway process starts.
    GatewayStarts,
    /// The gateway process stops.
    GatewayStops,
    /// The dashboard has no secure context.
    InsecureContext,
    /// A state directory of an older name is involved.
    LegacyStateDir,
    /// Too many failures from one address.
    LockedOut,
    /// Platform or family changed.
    MetadataUpgrade,
    /// A scope is missing in a session.
    MissingScope,
    /// The CLI's local fallback reads another store than the gateway's.
    OtherStore,
    /// A browser origin is refused.
    OriginRefused,
    /// Pairing is required, without a reason that this release knows.
    PairingRequired,
    /// The device is not approved.
    NotPaired,
    /// No command gets in: no engine answers, or no stack is where the command was run.
    NoEngine,
    /// The container that a command was for does not run, or is not there.
    NotRunning,
    /// No common protocol.
    ProtocolMismatch,
    /// What a proxy in front says of its client is not believed; the client is let in as a stranger.
    ProxyIgnored,
    /// What a proxy in front passes on is refused: whose it is cannot be told.
    ProxyRefused,
    /// A role without approval, or revoked.
    RoleUpgrade,
    /// More scopes than approved.
    ScopeUpgrade,
    /// The shared token differs.
    SharedTokenMismatch,
    /// The shared token is missing.
    SharedTokenMissing,
    /// The gateway asks for a password, and another was sent, or a token.
    SharedPasswordMismatch,
    /// The gateway asks for a password, and none was sent.
    SharedPasswordMissing,
    /// A setup code is spent, expired or unknown.
    SetupCodeRefused,
    /// The gateway has no token or password to compare with.
    CredentialNotConfigured,
    /// Proxy or tailnet vouched for no user whom the gateway admits.
    UserRefused,
    /// A credential is refused, without a reason that this release knows.
    CredentialRefused,
    /// Approved without anyone being asked.
    SilentlyApproved,
    /// A silent pairing evicted an older one.
    SilentPairingPruned,
    /// The gateway is starting and says so.
    Starting,
    /// The device token's scopes are too narrow.
    TokenScopeMismatch,
    /// A person rejected a request.
    RejectedByPerson,
    /// The pairing store was edited or overwritten.
    StoreOverwritten,
    /// The client dialled its own loopback, by its own word.
    DialledOwnLoopback,
    /// No frame was exchanged.
    Unreachable,
    /// The client refuses to send a credential over plain `ws://` to an address that is not loopback: it never dialled.
    PlaintextRefused,
    /// The request id is gone.
    UnknownRequest,
    /// The gateway listens.
    GatewayListens,
    /// The gateway is ready.
    GatewayReady,
    /// A proxy found nobody where it passes connections on to.
    UpstreamRefused,
    /// A write of the gateway found its disk full.
    DiskFull,
    /// What keeps a gateway from coming up.
    #[serde(untagged)]
    Fault(Fault),
}

/// Why a gateway does not come up: what it says last, or what leads to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a program that acts on faults must not compile without a new one"
)]
pub enum Fault {
    /// A path may not be used.
    PathDenied,
    /// A path lies on a file system that is read-only.
    PathReadOnly,
    /// A directory cannot be made, for what it is to lie in is not there.
    PathMissing,
    /// There is no configuration.
    ConfigMissing,
    /// The configuration says no `gateway.mode`, or cannot be parsed, which the gateway words alike.
    ModeMissing,
    /// The configuration has a key or a value that this release refuses.
    ConfigInvalid,
    /// The configuration refers to a variable that nobody sets.
    VariableUnset,
    /// A bind beyond loopback needs the list of origins.
    OriginsRequired,
    /// Two ways to prove who one is are configured, and the gateway takes one.
    AuthConflict,
    /// The bind was refused for want of a credential.
    NoCredential,
    /// `--bind` was given a word that it does not take.
    BadBind,
    /// A credential is a placeholder, or none at all.
    BadCredential,
    /// A secret to which the configuration refers is not there.
    SecretUnavailable,
    /// A reference names a provider of secrets that the configuration does not have.
    ProviderMissing,
    /// The port is taken.
    PortBusy,
    /// The state directory belongs to another gateway.
    StateLeased,
    /// The migrations of an earlier start hold the state directory.
    StateMigrating,
    /// Another gateway holds the lock of the state directory.
    StateLocked,
    /// A doctor run holds the databases.
    StateMaintained,
    /// The state was written by a newer release.
    StateNewer,
    /// The process ran out of memory.
    OutOfMemory,
    /// Something that no row knows.
    #[serde(rename = "gateway-fails")]
    Unknown,
}

impl Fault {
    /// Whether the gateway words several causes so: what it said before counts more.
    pub fn is_vague(self) -> bool {
        matches!(self, Self::ConfigMissing | Self::ModeMissing | Self::Unknown)
    }
}

/// Words of a line, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Words {
    /// What the line holds, whatever its case.
    pub text: &'static str,
    /// The first release that is known to say so; `None` from the beginning, or where an engine says it.
    pub since: Option<Version>,
    /// The first release that no longer does; `None` until today.
    pub before: Option<Version>,
    /// In which lines they count.
    pub counts: Counts,
}

/// A step between a client and its session, the first on the way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a program that acts on classes must not compile without a new one"
)]
pub enum Class {
    /// Where a gateway is in its life: no trouble.
    Life,
    /// The gateway comes up: configuration, state, port.
    Start,
    /// The client reaches it: address, bind, network.
    Reach,
    /// It takes the connection: proxy, origin, protocol.
    Upgrade,
    /// It believes the client: token, password, proof of the device.
    Credential,
    /// It lets the device in: pairing, scopes.
    Pairing,
}

/// In which lines words count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counts {
    /// In any.
    Anywhere,
    /// In any, and it is one with which a gateway ends.
    AsAnEnd,
    /// In one with which a gateway ends, for elsewhere they mean less.
    InAnEnd,
}

impl Symptom {
    /// Its row in the table.
    pub fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.symptom == self)
    }
}

impl Words {
    /// The releases that are known to say so, where not all do.
    pub fn releases(&self) -> Option<String> {
        let since = self.since.map(|version| format!("since {version}"));
        let before = self.before.map(|version| format!("before {version}"));
        let both: Vec<String> = since.into_iter().chain(before).collect();
        (!both.is_empty()).then(|| both.join(", "))
    }
}

/// A symptom: the words that show it, how far they lead, and how to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// What a line with any of the words means.
    pub symptom: Symptom,
    /// Which step between a client and its session it is about.
    pub class: Class,
    /// The words.
    pub words: &'static [Words],
    /// What such a line proves.
    pub proves: &'static str,
    /// What it does not prove.
    pub leaves_open: &'static str,
    /// The question that tells it from what looks like it.
    pub question: &'static str,
    /// The first step that answers the question: it only reads. `GATEWAY` stands for the service.
    pub action: &'static str,
}

/// What a line means, and by which of its words.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Meaning<'a> {
    /// The row that says it.
    pub row: &'static Row,
    /// The words that decided.
    pub words: &'static Words,
    /// Whether a gateway ends with this line.
    pub is_end: bool,
    /// As much of the line as was read.
    pub(super) line: &'a str,
    /// Where the words begin.
    pub(super) at: usize,
}

/// Every row's words in the order of the table, and one automaton for all of them.
struct Search {
    words: Vec<(&'static Row, &'static Words)>,
    automaton: AhoCorasick,
}

static SEARCH: LazyLock<Option<Search>> = LazyLock::new(|| {
    let words: Vec<_> = ROWS.iter().flat_map(|row| row.words.iter().map(move |words| (row, words))).collect();
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        // A table of transitions: of these few words it is small, and the fastest.
        .kind(Some(AhoCorasickKind::DFA))
        .build(words.iter().map(|(_, words)| words.text))
        .ok()?;
    Some(Search { words, automaton })
});

static PIECES: LazyLock<Pieces> =
    LazyLock::new(|| Pieces::of(ROWS.iter().flat_map(|row| row.words).map(|words| words.text)));

/// Where in these lines the first that holds words of any row does, whatever they mean there.
pub(super) fn first_words(lines: &[u8]) -> Option<usize> {
    PIECES.first(lines)
}

impl<'a> Meaning<'a> {
    /// What a line means, if it means anything: one pass finds every row's words, and the first row wins whose words count.
    ///
    /// ```
    /// use openclaw_pairing::timeline::{Meaning, Symptom};
    ///
    /// let refused = "gateway connect failed: Error: connect ECONNREFUSED 127.0.0.1:18789";
    /// let row = Meaning::of(refused).unwrap().row;
    /// assert_eq!(row.symptom, Symptom::Unreachable);
    /// assert!(row.leaves_open.starts_with("that the gateway is down"));
    /// ```
    pub fn of(line: &'a str) -> Option<Self> {
        let line = head(line, LONGEST_LINE);
        let Search { words, automaton } = SEARCH.as_ref()?;
        let (mut is_end, mut anywhere, mut in_an_end) = (false, None, None);
        for found in automaton.find_overlapping_iter(line) {
            let (row, said) = *words.get(found.pattern().as_usize())?;
            if !stands(row.symptom, line.get(found.end()..).unwrap_or_default()) {
                continue;
            }
            is_end |= said.counts == Counts::AsAnEnd;
            let best = if said.counts == Counts::InAnEnd { &mut in_an_end } else { &mut anywhere };
            // Of equal words the earliest are met first, and stay.
            if best.is_none_or(|(pattern, _)| found.pattern() < pattern) {
                *best = Some((found.pattern(), found.start()));
            }
        }
        let in_an_end = in_an_end.filter(|_| is_end);
        let (pattern, at) = anywhere.into_iter().chain(in_an_end).min()?;
        let (row, words) = *words.get(pattern.as_usize())?;
        Some(Self { row, words, is_end, line, at })
    }
}

/// Whether what follows lets the words mean this.
fn stands(symptom: Symptom, behind: &str) -> bool {
    match symptom {
        // Up to 2026.4.15 it counts its plugins in brackets; what is `ready to` something is another sentence.
        Symptom::GatewayReady => behind.trim_end().is_empty() || behind.starts_with(" ("),
        _ => true,
    }
}

/// Every row, the one that wins over those behind it first.
pub fn rows() -> &'static [Row] {
    ROWS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The same by the letter of the table's rule.
    fn by_the_rule(line: &str) -> Option<(Symptom, usize)> {
        let plain = line.to_ascii_lowercase();
        let at = |row: &Row, words: &Words| {
            let mut all = plain.match_indices(words.text).map(|(at, _)| at);
            all.find(|at| stands(row.symptom, &plain[at + words.text.len()..]))
        };
        let all = || ROWS.iter().flat_map(|row| row.words.iter().map(move |words| (row, words)));
        let is_end = all().any(|(row, words)| words.counts == Counts::AsAnEnd && at(row, words).is_some());
        let mut all = all().filter(|(_, words)| words.counts != Counts::InAnEnd || is_end);
        all.find_map(|(row, words)| at(row, words).map(|at| (row.symptom, at)))
    }

    #[test]
    fn each_symptom_has_one_row_each_row_says_all_and_no_words_are_dead() {
        let mut seen = BTreeSet::new();
        let mut texts = BTreeSet::new();
        for row in rows() {
            assert!(seen.insert(row.symptom), "{:?} twice", row.symptom);
            for said in [row.proves, row.leaves_open, row.question, row.action] {
                assert!(!said.is_empty(), "{:?}", row.symptom);
            }
            assert!(row.question.ends_with('?'), "{}", row.question);
            for words in row.words {
                assert!(texts.insert(words.text), "{} twice", words.text);
                assert_eq!(words.text, words.text.to_ascii_lowercase());
                let end = if words.counts == Counts::InAnEnd { "gateway failed to start: " } else { "" };
                let line = format!("{end}{}", words.text);
                assert_eq!(
                    Meaning::of(&line).map(|meaning| meaning.row.symptom),
                    Some(row.symptom),
                    "{line}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn one_pass_finds_what_the_rule_says(
            parts in prop::collection::vec((0..ROWS.len(), 0..5_usize, any::<bool>(), "[ a-z=é]{0,6}"), 0..6)
        ) {
            let mut line = String::new();
            for (row, words, upper, between) in parts {
                let words = ROWS[row].words[words % ROWS[row].words.len()].text;
                line += &if upper { words.to_ascii_uppercase() } else { words.to_owned() };
                line += &between;
            }
            prop_assert_eq!(Meaning::of(&line).map(|meaning| (meaning.row.symptom, meaning.at)), by_the_rule(&line));
        }

        #[test]
        fn the_first_line_with_words_is_found_wherever_it_stands(
            parts in prop::collection::vec((0..ROWS.len(), 0..5_usize, any::<bool>(), 0..14_usize, "[ -z\n\u{e9}]{0,9}"), 0..9)
        ) {
            let mut lines = String::new();
            for (row, words, upper, kept, between) in parts {
                let words = ROWS[row].words[words % ROWS[row].words.len()].text;
                // Most are cut somewhere, and are none.
                let words = if kept < 4 { words } else { &words[..words.len().min(kept)] };
                lines += &if upper { words.to_ascii_uppercase() } else { words.to_owned() };
                lines += &between;
            }
            let plain = lines.to_ascii_lowercase();
            let holds = |line: &str| ROWS.iter().flat_map(|row| row.words).any(|words| line.contains(words.text));
            let first = plain.split('\n').position(holds);
            let found = first_words(lines.as_bytes()).map(|at| lines.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count());
            prop_assert_eq!(found, first);
        }
    }
}
