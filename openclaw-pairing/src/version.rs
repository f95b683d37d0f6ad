//! What changed between OpenClaw releases, as data.

use std::fmt;

/// A release such as 2026.9.6, in the order of the lines, not of time: 2026.6.33 to 35 and 2026.7.33 to 35 are maintenance builds,
/// some of them made after 2026.9.3, which do what the rest of their line does. A range therefore ends *before* a release,
/// never with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Version {
    /// Year.
    pub year: u32,
    /// Month.
    pub month: u32,
    /// Patch.
    pub patch: u32,
}

impl Version {
    /// A release.
    pub const fn new(year: u32, month: u32, patch: u32) -> Self {
        Self { year, month, patch }
    }

    /// Reads `2026.9.6`, with or without a leading `v` and a suffix. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['v', 'V']);
        let mut parts = text.split(['-', '+', '_']).next()?.split('.');
        let mut part =
            || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
        let version = Self { year: part()?, month: part()?, patch: part()? };
        // Other products number their releases too: `24.16.0` is not OpenClaw's.
        let is_release = (2020..2100).contains(&version.year) && (1..=12).contains(&version.month);
        (parts.next().is_none() && is_release).then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.year, self.month, self.patch)
    }
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The protocol that hello names.
    Protocol,
    /// How far a signature's time may be off.
    ClockWindow,
    /// Where pairings are kept.
    Store,
    /// How a missing scope is told.
    MissingScope,
    /// What makes a client on loopback local.
    ContainerIsLocal,
    /// Whether a command of the CLI makes itself a device identity.
    CliIdentity,
    /// The form of the text that a device signs.
    Proof,
    /// Whether every command on loopback is the one device of the gateway's state directory.
    LoopbackIsOneDevice,
}

/// One row of [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleRow {
    /// What differs.
    pub rule: Rule,
    /// The first release that it holds for; `None` from the beginning.
    pub since: Option<Version>,
    /// The first release that it no longer holds for; `None` until today.
    pub before: Option<Version>,
    /// What holds.
    pub value: &'static str,
    /// Where it is known from.
    pub source: &'static str,
}

const fn row(
    rule: Rule,
    since: Option<Version>,
    before: Option<Version>,
    value: &'static str,
    source: &'static str,
) -> RuleRow {
    RuleRow { rule, since, before, value, source }
}

const fn at(year: u32, month: u32, patch: u32) -> Option<Version> {
    Some(Version::new(year, month, patch))
}

/// Every command makes itself one.
pub(crate) const MADE: &str = "made by every command";
/// It is there and not shown.
pub(crate) const LEFT_OUT: &str =
    "left out on loopback with a shared secret, and without a device no scope is granted";
/// The oldest form.
pub(crate) const V2: &str = "v2";
/// It is, and approving dials as that device, for whatever is to be granted: it has to be approved for that itself, and where it
/// is the device that waits, its wish replaces that request.
pub(crate) const REPLACES: &str = "yes, and it grants pairing alone: for more it has to be approved itself";

/// Rules by release. Of the rows of a rule, exactly one holds for a release.
pub const RULES: &[RuleRow] = &[
    row(Rule::Protocol, None, at(2026, 5, 12), "3", "2026.4.15 observed; 2026.5.7 read in its package"),
    row(
        Rule::Protocol,
        at(2026, 5, 12),
        None,
        "4",
        "2026.5.12 read in its package; 2026.7.1 and 2026.9.6 observed",
    ),
    row(Rule::ClockWindow, None, at(2026, 2, 22), "600 s", "2026.1.29 to 2026.2.21 read in their packages"),
    row(
        Rule::ClockWindow,
        at(2026, 2, 22),
        None,
        "120 s",
        "2026.2.22 read in its package; 2026.9.6 observed",
    ),
    row(
        Rule::Store,
        None,
        at(2026, 8, 1),
        "devices/pending.json and devices/paired.json",
        "2026.5.28 read in its package",
    ),
    row(Rule::Store, at(2026, 8, 1), None, "state/openclaw.sqlite", "2026.9.6 observed"),
    row(
        Rule::MissingScope,
        None,
        at(2026, 8, 1),
        "INVALID_REQUEST with the scope in the message",
        "2026.4.15 observed; 2026.7.1 read in its package",
    ),
    row(
        Rule::MissingScope,
        at(2026, 8, 1),
        None,
        "FORBIDDEN with MISSING_SCOPE in details",
        "2026.8.1 read in its package; 2026.9.6 observed",
    ),
    row(
        Rule::ContainerIsLocal,
        None,
        at(2026, 3, 31),
        "a loopback address and a Host header that names loopback",
        "2026.1.29 to 2026.3.28 read in their packages",
    ),
    row(
        Rule::ContainerIsLocal,
        at(2026, 3, 31),
        at(2026, 4, 5),
        "a loopback address without forwarding headers",
        "2026.3.31 to 2026.4.2 read in their packages",
    ),
    row(
        Rule::ContainerIsLocal,
        at(2026, 4, 5),
        None,
        "a loopback address without forwarding headers, or the shared token of a CLI",
        "2026.4.5 read in its package; 2026.9.6 observed",
    ),
    row(Rule::CliIdentity, None, at(2026, 3, 13), MADE, "2026.1.29 to 2026.3.11 read in their packages"),
    row(Rule::CliIdentity, at(2026, 3, 13), at(2026, 3, 22), LEFT_OUT, "2026.3.13 read in its package"),
    row(
        Rule::CliIdentity,
        at(2026, 3, 22),
        at(2026, 8, 1),
        MADE,
        "2026.4.15 and 2026.7.1 observed; 2026.3.22 read in its package",
    ),
    row(
        Rule::CliIdentity,
        at(2026, 8, 1),
        None,
        "not by commands that only read",
        "2026.8.1 read in its package; 2026.9.6 observed",
    ),
    row(Rule::Proof, None, at(2026, 2, 26), V2, "2026.1.29 to 2026.2.25 read in their packages"),
    row(
        Rule::Proof,
        at(2026, 2, 26),
        None,
        "v3, else v2",
        "2026.2.26 read in its package; 2026.9.6 observed",
    ),
    row(
        Rule::LoopbackIsOneDevice,
        None,
        at(2026, 4, 29),
        "yes, and every command asks for all scopes, so that it grants the request as it stands",
        "2026.4.15 observed; 2026.4.27 read in its package",
    ),
    row(
        Rule::LoopbackIsOneDevice,
        at(2026, 4, 29),
        at(2026, 7, 1),
        REPLACES,
        "2026.5.28 and 2026.6.11 observed; 2026.4.29 and 2026.5.7 read in their packages",
    ),
    row(
        Rule::LoopbackIsOneDevice,
        at(2026, 7, 1),
        at(2026, 8, 1),
        "yes, and it grants the request as it stands, for it shows no device with a shared secret",
        "2026.7.1 observed",
    ),
    row(
        Rule::LoopbackIsOneDevice,
        at(2026, 8, 1),
        None,
        "no, the shared token alone carries every scope",
        "2026.9.6 observed",
    ),
];

/// The row that holds for a release; the newest if the release is unknown.
pub fn rule(rule: Rule, version: Option<Version>) -> Option<&'static RuleRow> {
    RULES.iter().filter(|row| row.rule == rule).find(|row| match version {
        Some(version) => {
            row.since.is_none_or(|since| since <= version) && row.before.is_none_or(|before| version < before)
        }
        None => row.before.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_row_holds_for_each_release_and_rule() {
        let releases = [
            "2026.1.29",
            "2026.2.26",
            "2026.3.13",
            "2026.3.31",
            "2026.4.15",
            "2026.5.28",
            "2026.6.35",
            "2026.7.35",
            "2026.8.1",
            "v2026.9.6-beta",
        ];
        for version in releases.map(Version::parse) {
            let version = version.unwrap();
            for each in RULES {
                let holding = RULES.iter().filter(|row| {
                    row.rule == each.rule
                        && row.since.is_none_or(|since| since <= version)
                        && row.before.is_none_or(|before| version < before)
                });
                assert_eq!(holding.count(), 1, "{:?} in {version}", each.rule);
            }
        }
        assert_eq!(rule(Rule::Protocol, None).unwrap().value, "4");
        // Built in September 2026, and still of July.
        assert_eq!(
            rule(Rule::Store, Version::parse("2026.7.35")),
            rule(Rule::Store, Version::parse("2026.7.1"))
        );
        assert_eq!(Version::parse("latest"), None);
    }

    /// The last release with the old answer, and the first with the new one, as the packages have them.
    #[test]
    fn every_rule_turns_where_the_packages_do() {
        for (about, last, old, first, new) in [
            (Rule::Protocol, "2026.5.7", "3", "2026.5.12", "4"),
            (Rule::ClockWindow, "2026.2.21", "600 s", "2026.2.22", "120 s"),
            (Rule::Proof, "2026.2.25", V2, "2026.2.26", "v3, else v2"),
            (Rule::Store, "2026.7.35", "devices/", "2026.8.1", "state/openclaw.sqlite"),
            (Rule::MissingScope, "2026.7.35", "INVALID_REQUEST", "2026.8.1", "FORBIDDEN"),
            (
                Rule::ContainerIsLocal,
                "2026.3.28",
                "a loopback address and a Host",
                "2026.3.31",
                "a loopback address without",
            ),
            (
                Rule::ContainerIsLocal,
                "2026.4.2",
                "a loopback address without",
                "2026.4.5",
                "a loopback address without forwarding headers, or",
            ),
            (Rule::CliIdentity, "2026.3.11", MADE, "2026.3.13", LEFT_OUT),
            (Rule::CliIdentity, "2026.3.13", LEFT_OUT, "2026.3.22", MADE),
            (Rule::CliIdentity, "2026.7.35", MADE, "2026.8.1", "not by"),
            (Rule::LoopbackIsOneDevice, "2026.4.27", "yes, and every", "2026.4.29", REPLACES),
            (Rule::LoopbackIsOneDevice, "2026.6.35", REPLACES, "2026.7.1", "yes, and it grants"),
            (Rule::LoopbackIsOneDevice, "2026.7.35", "yes", "2026.8.1", "no"),
        ] {
            for (release, begins) in [(last, old), (first, new)] {
                let value = rule(about, Version::parse(release)).unwrap().value;
                assert!(value.starts_with(begins), "{about:?} of {release}: {value}");
            }
        }
    }
}
