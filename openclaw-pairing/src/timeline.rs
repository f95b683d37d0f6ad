//! Log lines and command output as dated marks. One table says which words mean what.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, tz::Offset};
use serde::Serialize;

use crate::peer::Peer;
use crate::place::{Place, PlaceRole};
use crate::scope::Scope;
use crate::vantage::Vantage;
use crate::words::{head, shown};

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

/// Words and what they mean; the first row that a line contains wins. Compared without case.
const WORDS: &[(&str, Symptom)] = &[
    ("no pending device request matches", Symptom::UnknownRequest),
    ("unknown requestid", Symptom::UnknownRequest),
    ("device pairing rejected", Symptom::RejectedByPerson),
    ("pairing request was rejected", Symptom::RejectedByPerson),
    ("\"urlsource\": \"local loopback\"", Symptom::DialledOwnLoopback),
    ("source: local loopback", Symptom::DialledOwnLoopback),
    ("no device pairing entries", Symptom::EmptyList),
    ("local fallback pairing state does not contain", Symptom::OtherStore),
    ("migration skipped: target already exists", Symptom::LegacyStateDir),
    ("device pairing auto-approved", Symptom::SilentlyApproved),
    ("superseded silent pairing", Symptom::SilentPairingPruned),
    ("device pairing approved", Symptom::Approved),
    ("webchat connected", Symptom::Connected),
    ("device token revoked", Symptom::DeviceTokenRevoked),
    ("received sigterm", Symptom::GatewayStops),
    ("service restart", Symptom::GatewayStops),
    ("loading configuration", Symptom::GatewayStarts),
    ("device signature expired", Symptom::ClockSkew),
    ("device_auth_signature_expired", Symptom::ClockSkew),
    ("protocol mismatch", Symptom::ProtocolMismatch),
    ("protocol_mismatch", Symptom::ProtocolMismatch),
    ("requires device identity", Symptom::InsecureContext),
    ("control_ui_device_identity_required", Symptom::InsecureContext),
    ("origin not allowed", Symptom::OriginRefused),
    ("origin_not_allowed", Symptom::OriginRefused),
    ("cause=origin-mismatch", Symptom::OriginRefused),
    ("proxy_attribution_required", Symptom::ProxyRefused),
    ("unattributable proxy-shaped traffic", Symptom::ProxyRefused),
    ("proxy client attribution is required", Symptom::ProxyRefused),
    ("gateway ingress attribution required", Symptom::ProxyRefused),
    ("proxy headers detected from untrusted address", Symptom::ProxyIgnored),
    ("too many failed authentication attempts", Symptom::LockedOut),
    ("too many failed attempts", Symptom::LockedOut),
    ("auth_rate_limited", Symptom::LockedOut),
    ("reason=rate_limited", Symptom::LockedOut),
    ("device token scope mismatch", Symptom::TokenScopeMismatch),
    ("auth_scope_mismatch", Symptom::TokenScopeMismatch),
    ("device token mismatch", Symptom::DeviceTokenMismatch),
    ("device_token_mismatch", Symptom::DeviceTokenMismatch),
    ("device-ownership-mismatch", Symptom::DeviceTokenMismatch),
    ("gateway token mismatch", Symptom::SharedTokenMismatch),
    ("auth_token_mismatch", Symptom::SharedTokenMismatch),
    ("reason=token_mismatch", Symptom::SharedTokenMismatch),
    ("gateway password mismatch", Symptom::SharedPasswordMismatch),
    ("auth_password_mismatch", Symptom::SharedPasswordMismatch),
    ("reason=password_mismatch", Symptom::SharedPasswordMismatch),
    ("gateway password missing", Symptom::SharedPasswordMissing),
    ("auth_password_missing", Symptom::SharedPasswordMissing),
    ("reason=password_missing", Symptom::SharedPasswordMissing),
    ("gateway token missing", Symptom::SharedTokenMissing),
    ("auth_token_missing", Symptom::SharedTokenMissing),
    ("reason=token_missing", Symptom::SharedTokenMissing),
    ("requires credentials before opening", Symptom::SharedTokenMissing),
    ("url override requires explicit credentials", Symptom::SharedTokenMissing),
    ("asking for more scopes than currently approved", Symptom::ScopeUpgrade),
    ("scope upgrade pending", Symptom::ScopeUpgrade),
    ("reason=scope-upgrade", Symptom::ScopeUpgrade),
    ("asking for a higher role", Symptom::RoleUpgrade),
    ("role upgrade pending", Symptom::RoleUpgrade),
    ("reason=role-upgrade", Symptom::RoleUpgrade),
    ("identity changed and must be re-approved", Symptom::MetadataUpgrade),
    ("metadata-upgrade", Symptom::MetadataUpgrade),
    ("device is not approved yet", Symptom::NotPaired),
    ("reason=not-paired", Symptom::NotPaired),
    ("reason: not-paired", Symptom::NotPaired),
    ("device pairing required (requestid", Symptom::NotPaired),
    ("device identity required", Symptom::DeviceIdentityRequired),
    ("device_identity_required", Symptom::DeviceIdentityRequired),
    ("device signature invalid", Symptom::DeviceProofRefused),
    ("device identity mismatch", Symptom::DeviceProofRefused),
    ("device nonce", Symptom::DeviceProofRefused),
    ("pairing required", Symptom::PairingRequired),
    ("pairing_required", Symptom::PairingRequired),
    ("cause=pairing-required", Symptom::PairingRequired),
    ("not_paired", Symptom::PairingRequired),
    ("missing scope: operator.", Symptom::MissingScope),
    ("gateway starting; retry", Symptom::Starting),
    ("reason=gateway starting", Symptom::Starting),
    ("startup-sidecars", Symptom::Starting),
    ("pending.json was overwritten", Symptom::StoreOverwritten),
    ("gateway not reachable", Symptom::Unreachable),
    ("econnrefused", Symptom::Unreachable),
    ("1006 abnormal closure", Symptom::Unreachable),
    ("plaintext ws:// to a non-loopback", Symptom::PlaintextRefused),
    // What the engines say in the place of OpenClaw.
    ("\" is not running", Symptom::NotRunning),
    ("error response from daemon: container", Symptom::NotRunning),
    ("no such container", Symptom::NotRunning),
    ("no such service", Symptom::NotRunning),
    ("can only create exec sessions on running containers", Symptom::NotRunning),
    ("cannot connect to the docker daemon", Symptom::NoEngine),
    ("failed to connect to the docker api", Symptom::NoEngine),
    ("cannot connect to podman", Symptom::NoEngine),
    ("no configuration file provided", Symptom::NoEngine),
];

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
        let plain = line.to_ascii_lowercase();
        WORDS
            .iter()
            .find_map(|&(words, symptom)| plain.find(words).map(|at| Self { line, symptom, words, at }))
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

/// Whom a line is about. `n/a` and `unknown-ip` name nobody.
fn peer(line: &str) -> Peer {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let address = field(line, &["remoteAddr=", "remote=", "ip=", "traffic from "])
        .filter(|address| *address != "unknown-ip");
    let (client, mode) = client(line);
    Peer {
        device_id: owned(field(line, &["deviceId=", "device="]).filter(|id| id.len() >= 8)),
        client: owned(client),
        mode: owned(mode),
        remote: owned(address),
        host: owned(field(line, &["host="])),
        origin: owned(product(line, "origin=").filter(|origin| origin.contains("://"))),
        user_agent: owned(product(line, "ua=")),
        output: None,
    }
}

/// A client's id, or the name it gives itself, and its mode: `client=cli cli v2026.9.6`,
/// `client=Telegram Exec Approvals (desk) backend v2026.4.1`.
fn client(line: &str) -> (Option<&str>, Option<&str>) {
    let id = field(line, &["client="]).filter(|client| *client != "n");
    let named = line.split_once(" client=").and_then(|(_, rest)| {
        let is_version =
            |word: &str| word.starts_with("vdev") || word.strip_prefix('v').is_some_and(is_digits);
        let is_mode = |word: &str| {
            !word.is_empty() && word.len() <= 32 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        };
        let mut from = 0;
        let words: Vec<(usize, &str)> = rest
            .split(' ')
            .take(LONGEST_NAME)
            .map(|word| {
                let at = from;
                from += word.len() + 1;
                (at, word)
            })
            .collect();
        let (end, mode) = words.windows(2).find_map(|pair| match pair {
            [(at, mode), (_, version)] if is_mode(mode) && is_version(version) => Some((*at, *mode)),
            _ => None,
        })?;
        let name = rest.get(..end)?.trim_end();
        let plain = |c: char| c.is_alphanumeric() || " -_.:()".contains(c);
        (!name.is_empty() && name.len() <= 64 && name.chars().all(plain)).then_some((name, mode))
    });
    match named {
        Some((name, mode)) => (Some(name), Some(mode)),
        None => (id, None),
    }
}

/// The most words of a client's name, its mode and release included.
const LONGEST_NAME: usize = 10;

fn is_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The first word behind a key, if it looks like an origin or a product of a user agent.
fn product<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {key}"))?;
    let word = rest.split_whitespace().next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c);
    (word != "n/a" && word.len() <= 128 && word.chars().all(plain)).then_some(word)
}

/// Whether a close reason, which has room for 123 bytes, ends within this id: the bracket before it is never closed.
fn is_cut(line: &str, id: &str) -> bool {
    let after = line.split_once(&format!("(requestId: {id}")).map(|(_, after)| after);
    after.is_some_and(|after| !after.starts_with(')'))
}

/// The value after the first of `keys` that the line has: up to a delimiter, and only if it looks like an id or address.
fn field<'a>(line: &'a str, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| {
        // A longer key ends with a shorter one (`authReason=`, `reason=`), so a key must start a word.
        let at = line.match_indices(key).map(|(at, _)| at).find(|at| {
            line.get(..*at).and_then(|before| before.chars().next_back()).is_none_or(|c| !c.is_alphanumeric())
        })?;
        let rest = line.get(at + key.len()..)?;
        let value = rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c))).next()?;
        (!value.is_empty() && value.len() <= 128).then_some(value)
    })
}

/// The first RFC 3339 time in the line's first 160 bytes, in milliseconds since 1970; without an offset it is UTC.
fn dated(line: &str) -> Option<u64> {
    let head = head(line, 160);
    let at = head.match_indices('T').map(|(at, _)| at).find(|at| {
        let date = at.checked_sub(10).and_then(|from| head.get(from..*at));
        date.is_some_and(|date| date.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
            && head.as_bytes().get(at + 3) == Some(&b':')
    })?;
    let time = head.get(at - 10..)?;
    let end = time.find(|c: char| !(c.is_ascii_digit() || "-T:.,+Zz".contains(c))).unwrap_or(time.len());
    let time = time.get(..end)?.trim_end_matches(['-', ':', '.', ',', '+']);
    let local = || time.parse::<civil::DateTime>().and_then(|local| Offset::UTC.to_timestamp(local));
    let at = time.parse::<Timestamp>().or_else(|_| local()).ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_offset_fraction_and_prefix() {
        assert_eq!(dated("2026-11-22T06:25:32.343+00:00 [gateway] x"), Some(1_795_328_732_343));
        assert_eq!(
            dated("openclaw-gateway-1  | \u{1b}[2K2026-11-22T08:25:32+02:00 x"),
            Some(1_795_328_732_000)
        );
        assert_eq!(dated("{\"time\":\"1970-01-01T00:00:00.5Z\"}"), Some(500));
        assert_eq!(dated("2026-11-22T06:25:32 without an offset"), Some(1_795_328_732_000));
        assert_eq!(dated("at 2026-11-22T06:25:32,343Z, then"), Some(1_795_328_732_343));
        for line in ["no time", "2026-02-30T06:25:32Z x", "2026-11-22T25:25:32Z x", "1969-12-31T23:59:59Z"] {
            assert_eq!(dated(line), None, "{line}");
        }
    }

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
