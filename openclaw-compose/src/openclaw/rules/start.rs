//! How a gateway starts and ends: what it refuses to start on, which exit code says what, how long a stop takes.

use super::names::Meaning;
use super::version::{Basis, Version, Versions};

const V2026_2_19: Version = Version::new(2026, 2, 19);
const V2026_3_7: Version = Version::new(2026, 3, 7);
const V2026_3_22: Version = Version::new(2026, 3, 22);
const V2026_3_31: Version = Version::new(2026, 3, 31);
const V2026_4_10: Version = Version::new(2026, 4, 10);
const V2026_4_12: Version = Version::new(2026, 4, 12);
const V2026_4_20: Version = Version::new(2026, 4, 20);
const V2026_5_12: Version = Version::new(2026, 5, 12);
const V2026_6_1: Version = Version::new(2026, 6, 1);
const V2026_7_1: Version = Version::new(2026, 7, 1);
const V2026_8_1: Version = Version::new(2026, 8, 1);
const V2026_9_3: Version = Version::new(2026, 9, 3);
const V2026_9_4: Version = Version::new(2026, 9, 4);
const V2026_9_5: Version = Version::new(2026, 9, 5);
const V2026_9_6: Version = Version::new(2026, 9, 6);

/// The exit code with which the gateway says that an operator must act (`EX_CONFIG`).
pub const EXIT_CONFIG: i64 = 78;
/// The exit code of what was killed: nothing of it ran any more.
pub(crate) const EXIT_KILLED: i64 = 137;

/// The exit code of a gateway that wants an operator: 78 from 2026.4.10 on, 1 before (read in 2026.4.9 and 2026.4.10).
#[must_use]
pub(crate) fn refusal_exit(version: Option<Version>) -> i64 {
    if Versions::since(V2026_4_10).holds_for(version) { EXIT_CONFIG } else { 1 }
}

/// What the gateway means by an exit code, and whether starting it again can help.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExitRule {
    /// The code.
    pub(crate) code: i64,
    /// What it says.
    pub(crate) meaning: &'static str,
    /// Whether a restart can mend it.
    pub(crate) restart_helps: bool,
    /// For which releases.
    pub(crate) versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
}

const fn exit(
    code: i64,
    versions: Versions,
    basis: Basis,
    restart_helps: bool,
    meaning: &'static str,
) -> ExitRule {
    ExitRule { code, meaning, restart_helps, versions, basis }
}

/// Exit codes of `gateway run` (2026.9.6 observed, the ranges read) and of the kernel's killers.
pub(crate) const EXIT_CODES: &[ExitRule] = &[
    exit(
        0,
        Versions::between(V2026_3_31, V2026_8_1),
        Basis::Code,
        true,
        "clean stop, or a healthy gateway is there already",
    ),
    exit(0, Versions::ALL, Basis::Run, true, "clean stop"),
    exit(
        1,
        Versions::before(V2026_4_10),
        Basis::Code,
        true,
        "every refusal to start: configuration, credential, port busy or bad flag",
    ),
    exit(
        1,
        Versions::between(V2026_4_10, V2026_7_1),
        Basis::Code,
        true,
        "port busy, secret unavailable, placeholder token, bad flag or invalid configuration",
    ),
    exit(
        1,
        Versions::since(V2026_7_1),
        Basis::Code,
        true,
        "port busy, secret unavailable, placeholder token or bad flag",
    ),
    exit(
        EXIT_CONFIG,
        Versions::between(V2026_4_10, V2026_7_1),
        Basis::Code,
        false,
        "an operator must act: configuration or gateway.mode missing, or a refusal to bind",
    ),
    exit(
        EXIT_CONFIG,
        Versions::since(V2026_7_1),
        Basis::Code,
        false,
        "an operator must act: configuration missing, invalid or unreadable, or a refusal to bind",
    ),
    exit(
        EXIT_KILLED,
        Versions::ALL,
        Basis::Run,
        true,
        "killed: out of memory, or stopped before it had drained",
    ),
    exit(139, Versions::ALL, Basis::Run, true, "crashed"),
    exit(143, Versions::ALL, Basis::Run, true, "stopped before it was ready"),
];

/// What this exit code says in `version`.
#[must_use]
pub(crate) fn exit_rule(code: i64, version: Option<Version>) -> Option<&'static ExitRule> {
    EXIT_CODES.iter().find(|rule| rule.code == code && rule.versions.holds_for(version))
}

/// A text that the gateway refuses to start with as its token or password (exit 1). Whether a value is *strong* is not asked
/// here.
#[derive(Clone, Copy, Debug)]
pub struct RefusedText {
    /// The text.
    pub text: &'static str,
    /// As which secret.
    pub(crate) meaning: Meaning,
    /// For which releases.
    pub versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub basis: Basis,
}

const fn refused(text: &'static str, meaning: Meaning, since: Version, basis: Basis) -> RefusedText {
    RefusedText { text, meaning, versions: Versions::since(since), basis }
}

/// The texts that a gateway refuses. A blank one is no value in any release, and so is not in the list.
pub const REFUSED_TEXTS: &[RefusedText] = &[
    refused("change-me-to-a-long-random-token", Meaning::Token, V2026_4_12, Basis::Code),
    refused("change-me-now", Meaning::Token, V2026_4_20, Basis::Code),
    refused("undefined", Meaning::Token, V2026_9_3, Basis::Code),
    refused("null", Meaning::Token, V2026_9_3, Basis::Code),
    refused("__OPENCLAW_REDACTED__", Meaning::Token, V2026_9_6, Basis::Code),
    refused("change-me-to-a-strong-password", Meaning::Password, V2026_4_12, Basis::Code),
    refused("undefined", Meaning::Password, V2026_9_4, Basis::Code),
    refused("null", Meaning::Password, V2026_9_4, Basis::Code),
    refused("__OPENCLAW_REDACTED__", Meaning::Password, V2026_9_6, Basis::Code),
];

/// The texts that `version` refuses as this secret.
pub(crate) fn refused_texts(
    meaning: Meaning,
    version: Option<Version>,
) -> impl Iterator<Item = &'static str> {
    REFUSED_TEXTS
        .iter()
        .filter(move |row| row.meaning == meaning && row.versions.holds_for(version))
        .map(|row| row.text)
}

/// What a gateway in mode `token` does without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// It refuses to start, on loopback, too.
    Refuses,
    /// It makes one up and writes it into `openclaw.json`.
    Saves,
    /// It makes one up for this start on loopback, and refuses to listen beyond.
    MakesUp,
}

/// One row of [`NO_TOKEN`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoTokenRule {
    /// What happens.
    pub(crate) does: NoToken,
    /// For which releases.
    pub(crate) versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) citation: &'static str,
}

/// A gateway without a token.
pub(crate) const NO_TOKEN: [NoTokenRule; 3] = [
    NoTokenRule {
        does: NoToken::Refuses,
        versions: Versions::before(V2026_2_19),
        basis: Basis::Code,
        citation: "read in 2026.1.29 to 2026.2.17",
    },
    NoTokenRule {
        does: NoToken::Saves,
        versions: Versions::between(V2026_2_19, V2026_5_12),
        basis: Basis::Code,
        citation: "observed on 2026.4.15; read in 2026.2.19 to 2026.5.7",
    },
    NoTokenRule {
        does: NoToken::MakesUp,
        versions: Versions::since(V2026_5_12),
        basis: Basis::Code,
        citation: "observed on 2026.7.1 and 2026.9.6; read from 2026.5.12 on",
    },
];

/// What `version` does without a token.
#[must_use]
pub(crate) fn no_token(version: Option<Version>) -> &'static NoTokenRule {
    NO_TOKEN.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&NO_TOKEN[2])
}

/// Whether a `${NAME}` of `openclaw.json` that nothing fills makes the file invalid: an error up to 2026.3.2; from 2026.3.7 on a
/// warning, and the placeholder stays (read in both, observed on 2026.9.6).
#[must_use]
pub(crate) fn unfilled_variable_is_refused(version: Option<Version>) -> bool {
    Versions::before(V2026_3_7).holds_for(version)
}

/// Seconds the gateway may need to end after SIGTERM. It forces its exit after 5 s up to 2026.3.13 and after 25 s up to 2026.7.1
/// (read), and drains nothing there (2026.7.1, observed: a running call is closed with 1012 and the process ends within
/// 0.2 s). From 2026.8.1 on it drains for 315 s and has a stop policy of 330 s (read; 2026.9.6, observed).
#[must_use]
pub fn stop_budget_seconds(version: Option<Version>) -> u32 {
    if Versions::before(V2026_3_22).holds_for(version) {
        5
    } else if Versions::before(V2026_8_1).holds_for(version) {
        25
    } else {
        330
    }
}

/// Why a gateway that was killed is started before it is made anew: from 2026.9.5 on (read; 2026.9.6, observed) a lease of 300 s
/// on the state directory names the container; the same container takes it over at once, another exits 1. Older releases have
/// a lock file alone, which the next start takes over.
#[must_use]
pub(crate) fn lease_of_the_killed(version: Option<Version>) -> Option<&'static str> {
    const ADVICE: &str = "; start this container before it is made anew: a new one waits 5 minutes for the lease of the one that was killed";
    Versions::since(V2026_9_5).holds_for(version).then_some(ADVICE)
}

/// The releases that keep their state in SQLite with a write-ahead log: read in 2026.8.1. The log's index is shared memory, which the
/// file sharing of a virtual machine does not keep the same on both sides; a bind-mounted state was seen to become malformed
/// under OrbStack with 2026.7.2-beta.7 (openclaw#120549).
pub(crate) const STATE_IN_SQLITE: Versions = Versions::since(V2026_8_1);

/// The releases whose state needs a second mount for profile secrets: read in 2026.5.12 and 2026.5.28. From 2026.6.1 on only the doctor
/// reads that directory, to move what is there into the state (read in 2026.6.1), although docs name the mount up to 2026.9.3.
pub(crate) const PROFILE_SECRET_MOUNT: Versions = Versions::between(V2026_5_12, V2026_6_1);
