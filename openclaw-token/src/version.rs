//! The order of OpenClaw releases.

use std::cmp::Ordering;

/// Orders two release names such as `2026.2.19-2`, `v2026.9.6`, `2026.9.6-beta.1`; `None` if either is not one (`latest`).
///
/// Numbers before the dash compare as numbers; a number after it is a later build of the same release, a word an
/// earlier one.
pub(crate) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(parse(left)?.cmp(&parse(right)?))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Version<'a> {
    numbers: [u64; 3],
    build: Build<'a>,
}

/// In order: before the release, the release, after it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Build<'a> {
    Before(Vec<Part<'a>>),
    Release,
    After(u64),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Word(&'a str),
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    let (release, build) =
        text.split_once(['-', '+', '_']).map_or((text, None), |(release, build)| (release, Some(build)));
    let mut numbers = [0; 3];
    let mut parts = release.split('.');
    for number in &mut numbers {
        *number = parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    }
    // Other products number their releases too: `24.16.0` is not OpenClaw's.
    let [year, month, _] = numbers;
    if parts.next().is_some() || !(2020..2100).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let build = match build {
        None => Build::Release,
        Some(build) => match build.parse() {
            Ok(number) => Build::After(number),
            Err(_) => Build::Before(
                build.split('.').map(|part| part.parse().map_or(Part::Word(part), Part::Number)).collect(),
            ),
        },
    };
    Some(Version { numbers, build })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_in_order() {
        let order = [
            "2026.1.29",
            "2026.2.6-3",
            "2026.2.19-beta.1",
            "2026.2.19-beta.2",
            "2026.2.19",
            "2026.2.19-2",
            "2026.8.1",
            "2026.9.6",
            "2026.10.1",
        ];
        for (n, left) in order.iter().enumerate() {
            for (m, right) in order.iter().enumerate() {
                assert_eq!(compare(left, right), Some(n.cmp(&m)), "{left} {right}");
            }
        }
        assert_eq!(compare("v2026.9.6", "2026.9.6"), Some(Ordering::Equal));
        for other in ["latest", "24.16.0", "2026.9", "2026.9.6.1", "2026.13.1", "2026.+9.6"] {
            assert_eq!(compare(other, "2026.9.6"), None, "{other}");
        }
        assert_eq!(compare("", ""), None);
    }
}
