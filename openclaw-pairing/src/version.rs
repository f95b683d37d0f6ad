//! What changed between OpenClaw releases, as data.

use std::fmt;

/// A release such as 2026.9.6. Later is greater.
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
    /// Whether a container client on loopback is local.
    ContainerIsLocal,
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
        at(2026, 5, 28),
        "INVALID_REQUEST with the scope in the message",
        "2026.4.15 observed",
    ),
    row(
        Rule::MissingScope,
        at(2026, 5, 28),
        None,
        "FORBIDDEN with MISSING_SCOPE in details",
        "2026.9.6 observed",
    ),
    row(
        Rule::ContainerIsLocal,
        None,
        at(2026, 3, 24),
        "no, not even in a shared namespace",
        "openclaw/openclaw#55067",
    ),
    row(
        Rule::ContainerIsLocal,
        at(2026, 3, 24),
        None,
        "yes, with the shared token",
        "openclaw/openclaw#55113",
    ),
    row(
        Rule::LoopbackIsOneDevice,
        None,
        at(2026, 8, 1),
        "yes, and it may grant what it has",
        "2026.5.28 and 2026.6.6 observed",
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
        let releases =
            ["2026.1.29", "2026.2.26", "2026.3.24", "2026.4.15", "2026.5.28", "2026.8.1", "v2026.9.6-beta"];
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
        assert_eq!(Version::parse("latest"), None);
    }
}
