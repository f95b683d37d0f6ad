//! What changed between OpenClaw releases and matters to a probe.

use std::time::Duration;

/// A release by its numbers: year, month and patch, in the order of the lines, not of time. 2026.6.33 to 35 and 2026.7.33 to 35 are
/// maintenance builds, some of them made after 2026.9.3, which do what the rest of their line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Release([u16; 3]);

impl Release {
    /// Reads `2026.9.6`, with or without a `v` before and a suffix behind. `None` for anything else.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['v', 'V']).split(['-', '+', '_']).next()?;
        let number =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?;
        let numbers: [u16; 3] = text.split('.').map(number).collect::<Option<Vec<_>>>()?.try_into().ok()?;
        // Other products number their releases too: `24.16.0` is not OpenClaw's.
        let is_release = (2020..2100).contains(&numbers[0]) && (1..=12).contains(&numbers[1]);
        is_release.then_some(Self(numbers))
    }

    /// Whether `release` is known and before this one. What is not known is judged as the newest.
    fn is_after(self, release: Option<&str>) -> bool {
        release.and_then(Self::parse).is_some_and(|release| release < self)
    }
}

/// The first with a clock window of two minutes, by the packages.
const NARROW_WINDOW: Release = Release([2026, 2, 22]);

/// How far a device's signature may be from the gateway's clock: 600 s up to 2026.2.21 and 120 s from 2026.2.22 on (read in
/// the packages; 2026.9.6 observed).
pub(crate) fn signature_window(release: Option<&str>) -> Duration {
    Duration::from_secs(if NARROW_WINDOW.is_after(release) { 600 } else { 120 })
}

/// The first that gives itself 25 s to end, by the packages.
#[cfg(feature = "supervisors")]
const PATIENT_STOP: Release = Release([2026, 3, 22]);
/// The first that drains, by the packages and by runs of 2026.7.1 and 2026.9.6.
#[cfg(feature = "supervisors")]
const DRAINING_STOP: Release = Release([2026, 8, 1]);

/// How long a gateway may need to end: it forces its exit after 5 s up to 2026.3.13 and after 25 s before 2026.8.1; from then on it
/// drains, and its stop policy is 330 s.
#[cfg(feature = "supervisors")]
pub(crate) fn stop_budget(release: Option<&str>) -> Duration {
    Duration::from_secs(match release {
        old if PATIENT_STOP.is_after(old) => 5,
        old if DRAINING_STOP.is_after(old) => 25,
        _ => 330,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintenance_build_stands_with_its_line() {
        let seconds = |release| signature_window(Some(release)).as_secs();
        assert_eq!((seconds("2026.2.21"), seconds("2026.2.22"), seconds("24.16.0")), (600, 120, 120));
        assert!(Release::parse("2026.7.35") < Release::parse("v2026.8.1-beta.1"));
        for other in ["latest", "2026.9", "2026.9.6.1", "2026.13.1", "2026.+9.6", "2026..1", ""] {
            assert_eq!(Release::parse(other), None, "{other}");
        }
    }

    #[test]
    #[cfg(feature = "supervisors")]
    fn a_stop_takes_as_long_as_the_packages_say() {
        for (release, seconds) in [
            (Some("2026.3.13"), 5),
            (Some("2026.3.22"), 25),
            (Some("2026.7.1"), 25),
            (Some("2026.7.35"), 25),
            (Some("2026.8.1"), 330),
            (Some("latest"), 330),
            (None, 330),
        ] {
            assert_eq!(stop_budget(release).as_secs(), seconds, "{release:?}");
        }
    }
}
