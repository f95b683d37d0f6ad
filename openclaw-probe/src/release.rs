//! What changed between OpenClaw releases and matters to a probe.

use std::time::Duration;

/// Year, month and patch of a release such as `2026.9.6`, with or without a `v` before and a suffix behind.
fn numbers(release: &str) -> Option<[u32; 3]> {
    let release = release.trim().trim_start_matches(['v', 'V']).split(['-', '+', '_']).next()?;
    let numbers = release.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()?;
    numbers.try_into().ok()
}

/// How far a device's signature may be from the gateway's clock: 600 s up to 2026.2.21 and 120 s from 2026.2.22 on (read in
/// the packages; 2026.9.6 observed). A release that is not known is judged as the newest.
pub(crate) fn signature_window(release: Option<&str>) -> Duration {
    let is_wide = release.and_then(numbers).is_some_and(|release| release < [2026, 2, 22]);
    Duration::from_secs(if is_wide { 600 } else { 120 })
}

/// How long a gateway may need to end: 25 s up to 2026.7.1, which drains nothing, and its stop policy of 330 s from then on.
/// A release that is not known may need as long as the newest.
#[cfg(feature = "supervisors")]
pub(crate) fn stop_budget(release: Option<&str>) -> Duration {
    let drains = release.and_then(numbers).is_none_or(|release| release > [2026, 7, 1]);
    Duration::from_secs(if drains { 330 } else { 25 })
}
