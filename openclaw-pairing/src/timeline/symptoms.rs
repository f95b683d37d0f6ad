//! What the words of a line mean: one table, and one pass over the line.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde::Serialize;

use crate::version::Version;

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
}

/// A symptom: the words that show it, how far they lead, and how to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// What a line with any of the words means.
    pub symptom: Symptom,
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

const fn said(text: &'static str) -> Words {
    Words { text, since: None, before: None }
}

const fn since(text: &'static str, year: u32, month: u32, patch: u32) -> Words {
    Words { since: Some(Version::new(year, month, patch)), ..said(text) }
}

const fn until(text: &'static str, year: u32, month: u32, patch: u32) -> Words {
    Words { before: Some(Version::new(year, month, patch)), ..said(text) }
}

/// The first row that a line contains wins, and of a row the first words.
const ROWS: &[Row] = &[
    Row {
        symptom: Symptom::UnknownRequest,
        words: &[since("no pending device request matches", 2026, 7, 1), said("unknown requestid")],
        proves: "the gateway that answered has no pending request of that id",
        leaves_open: "whether it was replaced by a newer one, approved, rejected or asked of another gateway",
        question: "Does the list of this gateway show a newer request of the same device?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::RejectedByPerson,
        words: &[said("device pairing rejected"), said("pairing request was rejected")],
        proves: "an owner refused the request",
        leaves_open: "whether the owner knew whose it was",
        question: "Who decided, and does that person know this device?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::DialledOwnLoopback,
        words: &[said("\"urlsource\": \"local loopback\""), said("source: local loopback")],
        proves: "the client dialled 127.0.0.1 of its own namespace",
        leaves_open: "whether a gateway listens in that namespace, as with `network_mode: service:`",
        question: "Do client and gateway share a network namespace?",
        action: "runbook namespaces",
    },
    Row {
        symptom: Symptom::EmptyList,
        words: &[said("no device pairing entries")],
        proves: "the store that was read holds neither requests nor devices",
        leaves_open: "whether it is the store of the gateway that refuses",
        question: "Was the list taken inside the gateway's container?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::OtherStore,
        words: &[since("local fallback pairing state does not contain", 2026, 5, 12)],
        proves: "the CLI read files of its own, for no gateway answered it",
        leaves_open: "why the gateway did not answer",
        question: "Which state directory has the command, and which the gateway?",
        action: "docker compose exec GATEWAY openclaw status",
    },
    Row {
        symptom: Symptom::LegacyStateDir,
        words: &[said("migration skipped: target already exists")],
        proves: "a state directory of an older name is there beside the new one",
        leaves_open: "which of the two is used",
        question: "Which of the two does the gateway open?",
        action: "docker compose exec GATEWAY ls -ldn ~/.openclaw ~/.clawdbot",
    },
    Row {
        symptom: Symptom::SilentlyApproved,
        words: &[said("device pairing auto-approved")],
        proves: "the gateway took the device for a local one and asked nobody",
        leaves_open: "that the device is the one that was refused elsewhere",
        question: "Does the id in the line belong to the client that waits?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::SilentPairingPruned,
        words: &[since("superseded silent pairing", 2026, 8, 1)],
        proves: "a device that was approved silently gave way to a newer one",
        leaves_open: "that the older one was still used",
        question: "Do two clients take turns with one state directory?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::Approved,
        words: &[said("device pairing approved")],
        proves: "an owner approved a device",
        leaves_open: "that the client that waits is that device",
        question: "Is the id in the line that of the client's own identity file?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::Connected,
        words: &[said("webchat connected")],
        proves: "a client was let in",
        leaves_open: "that it is the client that failed",
        question: "Do address and client name fit the one that failed?",
        action: "docker compose logs -t --no-log-prefix GATEWAY",
    },
    Row {
        symptom: Symptom::DeviceTokenRevoked,
        words: &[said("device token revoked")],
        proves: "a device's token was revoked by an owner",
        leaves_open: "that the client has noticed",
        question: "Is a refusal of the same device dated later?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::GatewayStops,
        words: &[said("received sigterm"), said("service restart")],
        proves: "the gateway was told to stop",
        leaves_open: "who told it, and whether it came back",
        question: "Does a start follow, and how long after?",
        action: "docker compose logs -t --no-log-prefix GATEWAY",
    },
    Row {
        symptom: Symptom::GatewayStarts,
        words: &[since("loading configuration", 2026, 4, 5)],
        proves: "a gateway process begins to start",
        leaves_open: "that it comes up",
        question: "Does a line that says ready follow before the next start?",
        action: "docker compose logs -t --no-log-prefix GATEWAY",
    },
    Row {
        symptom: Symptom::ClockSkew,
        words: &[said("device signature expired"), since("device_auth_signature_expired", 2026, 3, 1)],
        proves: "the device signed at a time outside the gateway's window",
        leaves_open: "which of the two clocks is wrong",
        question: "Do `date -u` on both sides agree to the minute?",
        action: "docker compose exec GATEWAY date -u",
    },
    Row {
        symptom: Symptom::ProtocolMismatch,
        words: &[said("protocol mismatch"), since("protocol_mismatch", 2026, 5, 18)],
        proves: "client and gateway speak no common protocol",
        leaves_open: "which of the two is too old",
        question: "Which releases are the two images?",
        action: "docker compose images",
    },
    Row {
        symptom: Symptom::InsecureContext,
        words: &[
            since("requires device identity", 2026, 2, 21),
            since("control_ui_device_identity_required", 2026, 2, 22),
        ],
        proves: "the page has no device identity, for it stands in no secure context",
        leaves_open: "that its token or password is right",
        question: "Is the address bar https:// or localhost?",
        action: "runbook look",
    },
    Row {
        symptom: Symptom::OriginRefused,
        words: &[
            since("origin not allowed", 2026, 2, 2),
            since("origin_not_allowed", 2026, 3, 13),
            since("cause=origin-mismatch", 2026, 2, 2),
        ],
        proves: "the origin of a page is not on the gateway's list",
        leaves_open: "that the page may not be trusted",
        question: "Is the page's origin, with its port, in gateway.controlUi.allowedOrigins?",
        action: "docker compose exec GATEWAY openclaw config get gateway.controlUi.allowedOrigins",
    },
    Row {
        symptom: Symptom::ProxyRefused,
        words: &[
            since("proxy_attribution_required", 2026, 8, 1),
            since("unattributable proxy-shaped traffic", 2026, 8, 1),
            said("proxy client attribution is required"),
            said("gateway ingress attribution required"),
        ],
        proves: "a proxy's headers came from an address that is not trusted, and the client was refused",
        leaves_open: "that the proxy is wrong",
        question: "Is the proxy's address in gateway.trustedProxies?",
        action: "docker compose exec GATEWAY openclaw config get gateway.trustedProxies",
    },
    Row {
        symptom: Symptom::ProxyIgnored,
        words: &[until("proxy headers detected from untrusted address", 2026, 8, 1)],
        proves: "a proxy's headers came from an address that is not trusted, and were not believed",
        leaves_open: "that anybody was refused for it",
        question: "Is a refusal of the same connection beside it?",
        action: "docker compose exec GATEWAY openclaw config get gateway.trustedProxies",
    },
    Row {
        symptom: Symptom::LockedOut,
        words: &[
            since("too many failed authentication attempts", 2026, 2, 17),
            said("too many failed attempts"),
            since("auth_rate_limited", 2026, 2, 22),
            since("reason=rate_limited", 2026, 2, 17),
        ],
        proves: "one address failed too often within the window and is not heard for a while",
        leaves_open: "what the failures were",
        question: "Which client still sends the old token from that address?",
        action: "docker compose logs -t --no-log-prefix GATEWAY",
    },
    Row {
        symptom: Symptom::TokenScopeMismatch,
        words: &[
            since("device token scope mismatch", 2026, 5, 12),
            since("auth_scope_mismatch", 2026, 5, 12),
        ],
        proves: "the device's token is for fewer scopes than it asks",
        leaves_open: "that it is not paired",
        question: "Which scopes does the list show for the device's token?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::DeviceTokenMismatch,
        words: &[
            since("device token mismatch", 2026, 2, 17),
            since("device_token_mismatch", 2026, 2, 17),
            since("device-ownership-mismatch", 2026, 4, 5),
        ],
        proves: "the device token is not the one that the gateway keeps for this device",
        leaves_open: "that the shared token is wrong",
        question: "Was the gateway's state made anew, or the device's taken from another place?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::SharedTokenMismatch,
        words: &[
            said("gateway token mismatch"),
            since("auth_token_mismatch", 2026, 2, 22),
            said("reason=token_mismatch"),
        ],
        proves: "the token that was sent is not the one that the gateway took at its start",
        leaves_open: "which of the two is the old one, and where it comes from",
        question: "Which source wins on each side, and was the gateway restarted since?",
        action: "runbook sources",
    },
    Row {
        symptom: Symptom::SharedPasswordMismatch,
        words: &[
            said("gateway password mismatch"),
            said("auth_password_mismatch"),
            said("reason=password_mismatch"),
        ],
        proves: "the gateway asks for a password and was sent another, or a token",
        leaves_open: "that the client knows of a password at all",
        question: "Which gateway.auth.mode do the two sides have?",
        action: "runbook sources",
    },
    Row {
        symptom: Symptom::SharedPasswordMissing,
        words: &[
            said("gateway password missing"),
            said("auth_password_missing"),
            said("reason=password_missing"),
        ],
        proves: "the gateway asks for a password and was sent none",
        leaves_open: "that one is configured for the client",
        question: "Which gateway.auth.mode do the two sides have?",
        action: "runbook sources",
    },
    Row {
        symptom: Symptom::SharedTokenMissing,
        words: &[
            said("gateway token missing"),
            since("auth_token_missing", 2026, 2, 22),
            said("reason=token_missing"),
            since("requires credentials before opening", 2026, 5, 28),
            since("url override requires explicit credentials", 2026, 2, 3),
        ],
        proves: "the client sent no shared token",
        leaves_open: "that the gateway's own token is right",
        question: "Which variable, flag or key should give the client its token?",
        action: "runbook sources",
    },
    Row {
        symptom: Symptom::ScopeUpgrade,
        words: &[
            since("asking for more scopes than currently approved", 2026, 4, 20),
            since("scope upgrade pending", 2026, 4, 20),
            said("reason=scope-upgrade"),
        ],
        proves: "a paired device asks for more scopes than were approved",
        leaves_open: "that it lost what it had",
        question: "Which scopes does the request name beside the approved ones?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::RoleUpgrade,
        words: &[
            since("asking for a higher role", 2026, 4, 20),
            since("role upgrade pending", 2026, 4, 20),
            said("reason=role-upgrade"),
        ],
        proves: "a paired device asks for a role that was not approved, or was revoked",
        leaves_open: "that it lost what it had",
        question: "Which role does the request name beside the approved one?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::MetadataUpgrade,
        words: &[
            since("identity changed and must be re-approved", 2026, 4, 20),
            since("metadata-upgrade", 2026, 2, 26),
        ],
        proves: "platform or family of a paired device changed, so it is asked for again",
        leaves_open: "that it is another device",
        question: "Was the client's image or host changed?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::NotPaired,
        words: &[
            since("device is not approved yet", 2026, 4, 20),
            said("reason=not-paired"),
            said("reason: not-paired"),
            since("device pairing required (requestid", 2026, 4, 20),
        ],
        proves: "the device is known by its key, and nobody has approved it",
        leaves_open: "that a request still waits: it may have gone or been replaced",
        question: "Is the request of the line still in the gateway's list?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::DeviceIdentityRequired,
        words: &[said("device identity required"), since("device_identity_required", 2026, 2, 22)],
        proves: "the client showed neither a device nor a token that counts without one",
        leaves_open: "which of the two it should have had",
        question: "Is the client a page without a secure context, or a CLI without a writable state directory?",
        action: "docker compose logs -t --no-log-prefix GATEWAY",
    },
    Row {
        symptom: Symptom::DeviceProofRefused,
        words: &[said("device signature invalid"), said("device identity mismatch"), said("device nonce")],
        proves: "the proof of the device does not fit its key, its nonce or its id",
        leaves_open: "that the token is wrong",
        question: "Do two clients share one identity file, or was it copied in part?",
        action: "docker compose logs -t --no-log-prefix GATEWAY",
    },
    Row {
        symptom: Symptom::PairingRequired,
        words: &[
            said("pairing required"),
            since("pairing_required", 2026, 2, 22),
            said("cause=pairing-required"),
            said("not_paired"),
        ],
        proves: "the gateway wants the device paired",
        leaves_open: "why: not paired, more scopes, another role",
        question: "Which reason has the gateway's line of the same connection?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::MissingScope,
        words: &[said("missing scope: operator.")],
        proves: "the session stands, and lacks a scope for this command",
        leaves_open: "that the device is not paired",
        question: "Which scopes does the list show for the device?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::Starting,
        words: &[
            since("gateway starting; retry", 2026, 4, 29),
            said("reason=gateway starting"),
            since("startup-sidecars", 2026, 4, 20),
        ],
        proves: "the gateway answers, and is not ready yet",
        leaves_open: "that it will be",
        question: "Does a line that says ready follow?",
        action: "runbook probe",
    },
    Row {
        symptom: Symptom::StoreOverwritten,
        words: &[said("pending.json was overwritten")],
        proves: "the pairing store was changed behind the gateway's back",
        leaves_open: "that requests are lost",
        question: "Who else writes to the state directory?",
        action: "docker compose exec GATEWAY openclaw devices list --json",
    },
    Row {
        symptom: Symptom::Unreachable,
        words: &[said("gateway not reachable"), said("econnrefused"), said("1006 abnormal closure")],
        proves: "no connection came about from where the command ran",
        leaves_open: "that the gateway is down: it may listen elsewhere, or not yet",
        question: "Had the gateway logged that it listens before this line?",
        action: "runbook vantage",
    },
    Row {
        symptom: Symptom::PlaintextRefused,
        words: &[since("plaintext ws:// to a non-loopback", 2026, 2, 19)],
        proves: "the client refused to send its credential over plain ws:// and dialled nobody",
        leaves_open: "that the gateway is not reachable",
        question: "Does the URL name a host that is not loopback, with ws://?",
        action: "runbook namespaces",
    },
    Row {
        symptom: Symptom::NotRunning,
        words: &[
            said("\" is not running"),
            said("error response from daemon: container"),
            said("no such container"),
            said("no such service"),
            said("can only create exec sessions on running containers"),
        ],
        proves: "the engine has no running container for this command",
        leaves_open: "why it ended, or was never started",
        question: "What does `docker compose ps -a` say of it?",
        action: "docker compose ps -a",
    },
    Row {
        symptom: Symptom::NoEngine,
        words: &[
            said("cannot connect to the docker daemon"),
            said("failed to connect to the docker api"),
            said("cannot connect to podman"),
            said("no configuration file provided"),
        ],
        proves: "no engine, or no stack, was where the command ran",
        leaves_open: "anything about OpenClaw",
        question: "Was the command run in the stack's directory, as a user who may ask the engine?",
        action: "docker version",
    },
];

/// The words that decided what a line means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) row: &'static Row,
    pub(super) words: &'static str,
    /// Where they begin.
    pub(super) at: usize,
}

/// Every row's words in the order of the table, and one automaton for all of them.
struct Search {
    words: Vec<(&'static Row, &'static str)>,
    automaton: AhoCorasick,
}

static SEARCH: LazyLock<Option<Search>> = LazyLock::new(|| {
    let words: Vec<_> =
        ROWS.iter().flat_map(|row| row.words.iter().map(move |words| (row, words.text))).collect();
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        // A table of transitions: of these few words it is small, and the fastest.
        .kind(Some(AhoCorasickKind::DFA))
        .build(words.iter().map(|(_, text)| text))
        .ok()?;
    Some(Search { words, automaton })
});

/// What a line means, if it means anything: one pass finds every row's words, and the first row wins.
pub(super) fn find(line: &str) -> Option<Hit> {
    let Search { words, automaton } = SEARCH.as_ref()?;
    // Of equal words the earliest are met first, and stay.
    let first = automaton.find_overlapping_iter(line).min_by_key(|found| found.pattern())?;
    let (row, text) = *words.get(first.pattern().as_usize())?;
    Some(Hit { row, words: text, at: first.start() })
}

/// Every row, the one that wins over those behind it first.
pub fn rows() -> &'static [Row] {
    ROWS
}

/// The row that says what a line means.
///
/// ```
/// use openclaw_pairing::timeline::{Symptom, row_of};
///
/// let row = row_of("gateway connect failed: Error: connect ECONNREFUSED 127.0.0.1:18789").unwrap();
/// assert_eq!(row.symptom, Symptom::Unreachable);
/// assert!(row.leaves_open.starts_with("that the gateway is down"));
/// ```
pub fn row_of(line: &str) -> Option<&'static Row> {
    find(line).map(|hit| hit.row)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The same by the letter of the table's rule.
    fn by_the_rule(line: &str) -> Option<(Symptom, usize)> {
        let plain = line.to_ascii_lowercase();
        let mut all =
            ROWS.iter().flat_map(|row| row.words.iter().map(move |words| (row.symptom, words.text)));
        all.find_map(|(symptom, text)| plain.find(text).map(|at| (symptom, at)))
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
                assert_eq!(row_of(words.text).map(|row| row.symptom), Some(row.symptom), "{}", words.text);
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
            prop_assert_eq!(find(&line).map(|hit| (hit.row.symptom, hit.at)), by_the_rule(&line));
        }
    }
}
